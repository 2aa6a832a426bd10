/*
 * Relays: the TURN allocations of an agent (RFC 8445 section 5.1.1.2, RFC 8656).
 *
 * One relay is one ice_turn_client: for a server over UDP one per interface of its family, which shares the socket of that interface;
 * for a server over TCP or TLS one per family. A relay is three things to the rest of the agent:
 *
 *   where local candidates come from     relay.c         makes, feeds and gives back; relay_loss.c loses and makes again
 *   a path like any other                relay_path.c    {UDP, our relayed address, the peer}: wrapped on the way out, unwrapped on the way in
 *   something a person wants to know     server.c        what became of each server
 */
#ifndef ICE_RELAY_INTERNAL_H
#define ICE_RELAY_INTERNAL_H

#include "ice/turn_client.h"
#include "stun/message.h"

/*
 * A relay that was there and is lost is asked for again, on the same server: at once when the server itself says that it has forgotten
 * us, else after RETRY_MIN, doubling to RETRY_MAX. An attempt that is silent for ATTEMPT is begun anew, since the retransmissions of one
 * transaction would soon be 8 s apart.
 */
#define ICE_RELAY_RETRY_MIN_US 1000000u
#define ICE_RELAY_RETRY_MAX_US 2000000u
#define ICE_RELAY_ATTEMPT_US 4000000u

/* The selected pair goes through a relay, and a consent request has been unanswered for this long: is the relay still there? And again. */
#define ICE_RELAY_DOUBT_US 1000000u
#define ICE_RELAY_DOUBT_AGAIN_US 2000000u

enum ice_relay_state {
    ICE_RELAY_FREE,
    ICE_RELAY_WAITING,  /* for its turn (Ta), or for retry_us */
    ICE_RELAY_ASKING,   /* its client allocates */
    ICE_RELAY_READY,    /* allocated: its candidates are among ours */
    ICE_RELAY_GIVEN_UP  /* the client, if any, says why */
};

/*
 * server, address   which of the servers, and which of its addresses
 * path              as our caller knows it: {UDP, base, server}, or {TCP or TLS, what to bind, server, number of the stream}
 * client            NULL before its turn; kept when it has failed, for what it has to say
 * relayed, mapped   of the allocation; family NONE: there is none
 * preference        of the interface; 0..65535
 * lost              it was READY once and is asked for again: not part of gathering
 * parked            the interface of its base is gone: nothing can be sent from there, but the server may remember us when it returns
 */
struct ice_relay {
    enum ice_relay_state state;
    bool lost, parked;
    uint16_t server, address;
    uint16_t preference;
    struct ice_path path;
    struct ice_turn_client *client;
    struct stun_address relayed[2], mapped;
    uint64_t retry_us, retry_delay_us;
    uint64_t attempt_until_us;
    uint64_t doubt_us;    /* when the server may be asked again whether the relay is there */
    uint64_t heard_us;    /* TCP and TLS: when bytes came */
    uint64_t answered_us; /* the first allocation; 0 never */
    uint32_t times_lost;
};

struct ice_agent;
struct ice_stream;
struct ice_gather_server;

/* The number under which a client knows its stream; the agent's own numbers are never used twice. */
static inline uint64_t ice_relay_stream_id(uint16_t index) {
    return (uint64_t)index + 1;
}

/* ---- relay.c: from server and interface to candidates ------------------------------------------------------------------------------ */

/* Every relay that this server should have and has not; counted when ICE_RELAY_MAX are there. */
void ice_relay_add(struct ice_agent *agent, uint16_t server);
/* The first that waits for its turn gets its client. False: nobody waits. */
bool ice_relay_start_next(struct ice_agent *agent, uint64_t now_us);
uint64_t ice_relay_start_us(const struct ice_agent *agent); /* when the first of them may; ICE_NEVER_US: nobody waits */
/* Gathering waits for one of them. */
bool ice_relay_is_open(const struct ice_agent *agent);
/* Those that have not answered are given up; those that are there stay. */
void ice_relay_give_up(struct ice_agent *agent, uint64_t now_us);
bool ice_relay_is_alive(const struct ice_relay *relay); /* its client has, or may have, something to say */
/* What follows from everything else: permissions for new pairs, a channel for the selected one, doubts. Part of every update. */
void ice_relay_update(struct ice_agent *agent, uint64_t now_us);
void ice_relay_handle_timeout(struct ice_agent *agent, uint64_t now_us);
uint64_t ice_relay_next_timeout(const struct ice_agent *agent);
void ice_relay_take_events(struct ice_agent *agent, uint16_t index, uint64_t now_us);
void ice_relay_add_candidates(struct ice_agent *agent, uint16_t index);
void ice_relay_drop_client(struct ice_agent *agent, struct ice_relay *relay);
void ice_relay_close(struct ice_agent *agent, uint64_t now_us);
void ice_relay_free(struct ice_agent *agent);

/* ---- relay_loss.c: and back again ------------------------------------------------------------------------------------------------------- */

/* The client has said FAILED: another address, another attempt, or none. */
void ice_relay_failed(struct ice_agent *agent, uint16_t index, uint64_t now_us);
void ice_relay_permission_failed(struct ice_agent *agent, uint16_t index, uint64_t now_us, const struct stun_address *peer, uint16_t code);
/* An attempt to have a lost one again has been silent for long enough. */
void ice_relay_handle_attempt(const struct ice_agent *agent, struct ice_relay *relay, uint64_t now_us);
/* The interface with this base has gone; is back. */
void ice_relay_park(struct ice_agent *agent, uint64_t now_us, const struct stun_address *base);
void ice_relay_unpark(struct ice_agent *agent, uint64_t now_us, const struct stun_address *base);
/* After a restart: those that are there are used again, the others asked for again. */
void ice_relay_revive(struct ice_agent *agent, uint64_t now_us);
uint64_t ice_relay_doubt_us(const struct ice_agent *agent);
void ice_relay_act_on_doubt(struct ice_agent *agent, uint64_t now_us);

/* ---- relay_path.c: what goes through --------------------------------------------------------------------------------------------------- */

/* The relay whose relayed address is the local end of this path, or ICE_NONE. */
uint16_t ice_relay_of_path(const struct ice_agent *agent, const struct ice_path *path);
/*
 * Was it sent by a TURN server of ours, and is it for the client (not an answer to a Binding request of gathering)? Then it has been
 * handled, and *result is what ice_agent_handle_datagram returns.
 */
bool ice_relay_handle_datagram(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length, int *result);
void ice_relay_handle_send_error(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error);
int ice_relay_handle_stream_opened(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream);
int ice_relay_handle_stream_bytes(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, const uint8_t *bytes, size_t length);
int ice_relay_handle_stream_closed(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, int error);
/* What the clients themselves have to say to their servers. */
size_t ice_relay_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path);
/* A message at the start of the buffer, for a path through a relay: wrapped in place. True also for a path that needs no wrapping. */
bool ice_relay_wrap_message(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
/* A payload at buffer + ICE_HEADROOM_BYTES; out->path and out->offset are those of the plain datagram, and stay so unless a relay is in between. */
int ice_relay_wrap_payload(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out);
/* What the peer sent through a relay and is not STUN. */
bool ice_relay_poll_received(struct ice_agent *agent, struct ice_received *out);

/* ---- server.c: names, addresses, and what became of them -------------------------------------------------------------------------------- */

/* An IP literal is an address at once; a name is looked up (event.c asks for it). */
void ice_server_start(struct ice_agent *agent, uint16_t index);
int ice_server_handle_resolved(struct ice_agent *agent, uint64_t query, const struct stun_address *addresses, size_t count);
/* The index of the first address of this family from `from` on, or ICE_NONE. */
uint16_t ice_server_address(const struct ice_gather_server *server, uint8_t family, uint16_t from);

#endif
