/*
 * The ICE agent (RFC 8445, 8838, 8839, 7675, 8863, 6544; TURN: RFC 8656): finds a path between two peers and keeps asking for consent to use it.
 *
 * One agent serves one data stream with one component (RTP and RTCP are multiplexed, RFC 5761; BUNDLE makes one
 * transport of many media). It follows docs/contract.md: bytes and time in, bytes and events out.
 *
 *     ice_agent_new -> handle_interfaces -> gather        -> poll_event: CANDIDATE ... GATHERING_STATE complete
 *                   -> set_remote_credentials, add_remote_candidate ..., end_of_remote_candidates
 *                   -> handle_datagram / handle_timeout / poll_transmit / poll_event / next_timeout
 *                   -> poll_event: STATE checking, connected; SELECTED_PAIR
 *                   -> wrap_payload for what the layers above send; is_path_valid for what they receive
 *
 * After every call that takes a non-const agent: drain ice_agent_poll_transmit, ice_agent_poll_received and
 * ice_agent_poll_event until they return false, then read ice_agent_next_timeout.
 */
#ifndef ICE_AGENT_H
#define ICE_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ice/candidate.h"
#include "stun/address.h"

/*
 * What can go wrong, in three tiers.
 *   peer    (what arrived is broken or forged; it was dropped and counted)  MALFORMED, UNAUTHENTIC
 *   caller  (nothing changed)                                               ARGUMENT, STATE, BUFFER, CAPACITY, NOT_SUPPORTED
 *   fatal   (only ice_agent_free remains)                                   MEMORY, CRYPTO
 */
enum ice_error {
    ICE_OK = 0,
    ICE_ERROR_MALFORMED = -1,
    ICE_ERROR_UNAUTHENTIC = -2,
    ICE_ERROR_ARGUMENT = -3,
    ICE_ERROR_STATE = -4,
    ICE_ERROR_BUFFER = -5,
    ICE_ERROR_CAPACITY = -6,
    ICE_ERROR_NOT_SUPPORTED = -7,
    ICE_ERROR_MEMORY = -8,
    ICE_ERROR_CRYPTO = -9
};

/* ---- paths ------------------------------------------------------------------------------------------------------ */

/*
 * What a datagram came by or goes out by.
 * local      the address of our socket: for UDP, a base given to ice_agent_handle_interfaces
 * remote     the far end of the socket: the peer, or the TURN server for relayed data
 * What comes out of ice_agent_poll_received has been unwrapped: there `local` is our relayed address and `remote` the peer.
 * stream_id  for TCP and TLS, the number of the OPEN_STREAM event (1..), or, for a connection that the caller has accepted on a
 *            listening socket, a number of the caller's own with ICE_STREAM_ACCEPTED set; 0 for UDP
 */
struct ice_path {
    enum ice_transport transport;
    struct stun_address local;
    struct stun_address remote;
    uint64_t stream_id;
};

#define ICE_STREAM_ACCEPTED (UINT64_C(1) << 63)

/* Why a stream ended, beside an errno (> 0) and 0 for an orderly end: what only TLS can say. Given to handle_stream_closed. */
enum ice_stream_error {
    ICE_STREAM_ERROR_TLS = -1,             /* the handshake failed, or a record was broken */
    ICE_STREAM_ERROR_TLS_UNTRUSTED = -2,   /* no authority that we know has signed the certificate */
    ICE_STREAM_ERROR_TLS_NAME = -3,        /* the certificate is for another name */
    ICE_STREAM_ERROR_TLS_EXPIRED = -4,
    ICE_STREAM_ERROR_RESOLVE = -5          /* the name does not exist */
};

/* ---- configuration ------------------------------------------------------------------------------------------------ */

struct ice_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
    void *context;
};

/* configured, or malloc and free when it is NULL: what every object of this library does with the allocator of its configuration. */
struct ice_allocator ice_allocator_or_default(const struct ice_allocator *configured);

enum ice_role { ICE_ROLE_CONTROLLED, ICE_ROLE_CONTROLLING };
enum ice_transport_policy { ICE_TRANSPORT_POLICY_ALL, ICE_TRANSPORT_POLICY_RELAY }; /* RTCIceTransportPolicy */
enum ice_server_kind { ICE_SERVER_STUN, ICE_SERVER_TURN };

/*
 * One server. `host` is an IP literal or a name (a name makes a RESOLVE event). Strings are NUL-terminated and copied.
 * A STUN server over TCP or TLS is never asked: what it sees is the port of that connection, which no candidate of ours has.
 */
struct ice_server {
    enum ice_server_kind kind;
    enum ice_transport transport;
    const char *host;
    uint16_t port;
    const char *username;   /* TURN, else NULL */
    const char *credential; /* TURN, else NULL */
};

#define ICE_SERVER_MAX 16
#define ICE_RELAY_MAX 16 /* allocations at a time: one per interface and address of a TURN server over UDP, one per address over TCP or TLS */
#define ICE_SERVER_USERNAME_MAX_BYTES 508 /* RFC 8489 section 14.3 */
#define ICE_SERVER_CREDENTIAL_MAX_BYTES 512
#define ICE_INTERFACE_MAX 32
#define ICE_LOCAL_CANDIDATE_MAX 64
#define ICE_REMOTE_CANDIDATE_MAX 64 /* per generation, security.md: 64 per section */
#define ICE_PAIR_MAX 100            /* RFC 8445 section 6.1.2.5 */
#define ICE_PREVIOUS_PAIR_MAX 8     /* of the generation before a restart, beside those; and as many remote candidates */
#define ICE_REMOTE_NAME_MAX 32      /* remote candidates with a name, of these */
#define ICE_TCP_CONNECTION_MAX 24   /* of TCP candidates, at a time */
#define ICE_TCP_UNPROVEN_MAX 8      /* accepted ones among them by which no authentic check has come yet; each has 5 s and 4096 bytes for it */

/*
 * Every duration in microseconds; 0 takes the default named beside it.
 */
struct ice_agent_config {
    enum ice_role role;                     /* RFC 8445 section 6.1.1: the offerer controls */
    enum ice_transport_policy transport_policy;
    const struct ice_server *servers;       /* copied; may be NULL with 0 */
    size_t server_count;                    /* 0..ICE_SERVER_MAX */
    uint64_t ta_us;                         /* pacing, RFC 8445 section 14.2; 5 ms at least, default 50 ms (the first check at once) */
    uint64_t gathering_deadline_us;         /* a server that is silent this long is given up; default 5 s */
    uint64_t failure_deadline_us;           /* RFC 8863 patience before FAILED; default 39.5 s */
    uint64_t consent_interval_us;           /* RFC 7675 section 5.1; default 5 s, randomised 0.8..1.2 */
    uint64_t consent_expiry_us;             /* RFC 7675 section 5.1; default 30 s */
    void (*random)(void *context, uint8_t *out, size_t length); /* cryptographic in production, seeded in tests; required */
    void *random_context;
    const struct ice_allocator *allocator;  /* NULL: malloc, free; copied */
    size_t memory_budget_bytes;             /* 0: ICE_MEMORY_BUDGET_DEFAULT_BYTES */
    const char *local_ufrag, *local_password; /* ours, NUL-terminated, copied, RFC 8839 section 5.4; both NULL: the agent makes them */
    uint64_t first_stream_id;               /* the number of the first OPEN_STREAM event, the others follow; 0: 1. For several agents behind one caller */
};
#define ICE_MEMORY_BUDGET_DEFAULT_BYTES (512u * 1024u)

struct ice_agent;

/*
 * Makes an agent with fresh credentials (RFC 8839 section 5.4: 48 bits of ufrag, 144 of pwd), unless the configuration has them.
 * Returns NULL when an argument is out of range or memory is short.
 */
struct ice_agent *ice_agent_new(const struct ice_agent_config *config, uint64_t now_us);
void ice_agent_free(struct ice_agent *agent);

/* The credentials of the youngest local generation: NUL-terminated, valid until ice_agent_restart, ice_agent_cancel_restart or free. */
const char *ice_agent_local_ufrag(const struct ice_agent *agent);
const char *ice_agent_local_password(const struct ice_agent *agent);
enum ice_role ice_agent_role(const struct ice_agent *agent);

/*
 * The polite end: allocations are given back (RFC 8656 section 8), nothing else is sent or answered any more; the state is CLOSED. Drain
 * poll_transmit once, then free; or go on until ice_agent_next_timeout says never: then every server has answered, or had its second to.
 */
void ice_agent_close(struct ice_agent *agent, uint64_t now_us);

/* Nothing of it is wanted any more: a CLOSE_STREAM event follows for every stream. For a caller that goes on without this agent. */
void ice_agent_abandon_streams(struct ice_agent *agent);

/* ---- what signaling brings ---------------------------------------------------------------------------------------- */

/*
 * The peer's credentials, from its description. Checks start once they and a remote candidate are known; a check that
 * arrived before is answered, remembered and triggered then (RFC 8445 section 7.3).
 * ICE_ERROR_ARGUMENT: lengths or characters outside RFC 8839 section 5.4; ICE_ERROR_STATE: already set for this generation to others.
 */
int ice_agent_set_remote_credentials(struct ice_agent *agent, uint64_t now_us, const char *ufrag, size_t ufrag_length,
                                     const char *password, size_t password_length);

/* Would the function above take them? It returns what that would; nothing changes. */
int ice_agent_check_remote_credentials(const struct ice_agent *agent, const char *ufrag, size_t ufrag_length, const char *password, size_t password_length);

/*
 * One remote candidate. It may come before the credentials; it then waits. Duplicates are ignored (ICE_OK). ICE_ERROR_CAPACITY beyond
 * ICE_REMOTE_CANDIDATE_MAX or ICE_REMOTE_NAME_MAX; ICE_ERROR_NOT_SUPPORTED (kept out of the check list, counted) for TCP while no TCP
 * interface has been given, and for names that are not a UUID and ".local" (draft-ietf-mmusic-mdns-ice-candidates section 3.2.1), whose
 * RESOLVE event is to be answered by RFC 6762, never by a DNS server;
 * ICE_ERROR_ARGUMENT for an address nobody may be sent checks to (port 0, 0.0.0.0, multicast, broadcast, IPv4 inside IPv6, ports
 * below 1024 but for 80 and 443); ICE_ERROR_STATE when its ufrag is not the peer's current one.
 */
int ice_agent_add_remote_candidate(struct ice_agent *agent, uint64_t now_us, const struct ice_candidate *candidate);
/*
 * RFC 8445 section 6.1.1: the peer's description says a=ice-lite (RFC 8839 section 5.3): it never sends checks, and we control, whatever the role
 * was before. Of the current generation: call it before set_remote_credentials, after ice_agent_restart again. Default: full.
 */
void ice_agent_set_remote_lite(struct ice_agent *agent, uint64_t now_us, bool lite);
int ice_agent_end_of_remote_candidates(struct ice_agent *agent, uint64_t now_us); /* RFC 8838 section 14 */

/*
 * ICE restart (RFC 8445 section 9, RFC 8839 section 4.4.1.1.1): a new generation, with new credentials, an empty check list and
 * no remote candidates. The role stays. The selected pair goes on carrying data, with consent under its own credentials, until
 * a pair of the new generation is selected; the old generation is listened to for consent_expiry_us more and then forgotten.
 * An agent that is FAILED checks again. It may be called in any state but CLOSED, as often as you like.
 *
 * Until set_remote_credentials the new generation is only offered: checks of the old one go on, candidates of the peer are the old one's, and
 * ice_agent_cancel_restart takes the offer back. Then the new one replaces the old, finished or not.
 *
 * Gathering begins anew, if it had begun: host and relayed candidates that still exist are signaled again, the servers are
 * asked again; GATHERING_STATE gathering, CANDIDATE ..., GATHERING_STATE complete, all under the new ufrag.
 *
 *   we offer     ice_agent_restart; offer with ice_agent_local_ufrag; with the answer: set_remote_credentials, candidates
 *   they offer   their description has another ufrag and password than the last one: ice_agent_restart first, then
 *                set_remote_credentials and their candidates, then our answer with ice_agent_local_ufrag
 *
 * Candidates with the ufrag of the peer's previous generation answer ICE_ERROR_STATE from set_remote_credentials on, and those of its next one
 * before. The credentials of the previous one answer ICE_ERROR_STATE from now on.
 * ICE_ERROR_CRYPTO: nothing has changed.
 */
int ice_agent_restart(struct ice_agent *agent, uint64_t now_us);
/* The same with credentials of the caller's, NUL-terminated. ICE_ERROR_ARGUMENT: they are none, or the ufrag is one that is in use; nothing has changed. */
int ice_agent_restart_with(struct ice_agent *agent, uint64_t now_us, const char *ufrag, const char *password);
/*
 * The offer that restarted is rolled back (RFC 9429 section 4.1.10.2): the generation before is the youngest again, with its pairs, consent and
 * credentials, as if nothing had happened; if it came to its end meanwhile, the agent is FAILED. Candidates found since are signaled under its
 * ufrag. ICE_ERROR_STATE: no restart is offered, or set_remote_credentials was called since.
 */
int ice_agent_cancel_restart(struct ice_agent *agent, uint64_t now_us);

/* ---- gathering ---------------------------------------------------------------------------------------------------- */

/*
 * One socket that the caller has bound.
 * base        its address; what comes and goes by it has it as `local` in its path
 * preference  0..65535 as in RFC 8445 section 5.1.2.1, distinct per interface
 * transport   UDP; or TCP: a listening socket, which makes a passive and a simultaneous-open candidate, and an active one of the same IP
 *             (RFC 6544 section 4.1). TCP with port 9 has no socket: the active candidate only.
 * mdns_name   NULL, or the name under which the caller answers for this address (RFC 6762): the host candidate shows it instead of
 *             the address, and reflexive ones say 0.0.0.0:9 as their related address. ICE_MDNS_NAME_MAX_BYTES at most, letters, digits,
 *             hyphens and dots, ".local" at the end; copied.
 */
struct ice_interface {
    struct stun_address base;
    uint16_t preference;
    enum ice_transport transport;
    const char *mdns_name;
};
#define ICE_MDNS_NAME_MAX_BYTES 63

/*
 * Gives every interface its preference, by the order they stand in: earlier is better, and the families alternate in
 * proportion to their numbers, IPv6 first (RFC 8421 section 4). A pure function, for callers without an opinion of their own.
 */
void ice_interfaces_set_preferences(struct ice_interface *interfaces, size_t count);

/*
 * The interfaces there are now (the full list, every time it changes; an array that is copied). New ones are gathered
 * from, vanished ones fail their pairs. ICE_ERROR_ARGUMENT: a base that cannot be one (port 0, unspecified, multicast,
 * IPv4-mapped), or a name that is none; ICE_ERROR_CAPACITY beyond ICE_INTERFACE_MAX, or when memory_budget_bytes has no room for TCP or
 * for names; nothing changed then.
 */
int ice_agent_handle_interfaces(struct ice_agent *agent, uint64_t now_us, const struct ice_interface *interfaces, size_t count);

/* Starts gathering (RFC 8445 section 5.1.1). Call once, after the interfaces are known. ICE_ERROR_STATE on a second call. */
int ice_agent_gather(struct ice_agent *agent, uint64_t now_us);

/* ---- the contract's verbs ------------------------------------------------------------------------------------------ */

/*
 * One received datagram that is STUN or TURN ChannelData (first byte 0..3 or 64..79, RFC 7983).
 * Returns ICE_OK, or MALFORMED / UNAUTHENTIC (dropped and counted; the agent is fine).
 */
int ice_agent_handle_datagram(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);

void ice_agent_handle_timeout(struct ice_agent *agent, uint64_t now_us);

/* error: the errno of the send. ICMP unreachable, EPERM, no route: fails pairs on that path, never the agent. */
void ice_agent_handle_send_error(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error);

/*
 * TCP and TLS: the caller owns socket and TLS session; ICE owns RFC 4571 framing and TURN framing.
 * opened   path: that of the OPEN_STREAM event with the local address that was bound. Or of a connection accepted on a listening socket
 *          (stream_id: see struct ice_path); whatever this returns but ICE_OK then means: close it.
 *          ICE_ERROR_CAPACITY: too many strangers; ICE_ERROR_STATE: nothing listens there; ICE_ERROR_ARGUMENT: an unknown stream
 * bytes    whatever has come, cut anywhere. They stay where they are until poll_received has returned false: it hands out views of them.
 *          ICE_ERROR_MALFORMED: no frame; a CLOSE_STREAM event follows
 * closed   error: an errno, 0 for an orderly end, or one of enum ice_stream_error. Also when it could not be opened. Not after CLOSE_STREAM.
 * A message from poll_transmit goes into the stream as it is, whole; one that would have to wait for long is better dropped, whole.
 */
int ice_agent_handle_stream_opened(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path);
int ice_agent_handle_stream_bytes(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
int ice_agent_handle_stream_closed(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error);

/*
 * The answer to RESOLVE event `query`; count 0 says that the name does not exist. Of a remote candidate's name one address per family is
 * taken; it shows in no view or event: such a candidate has `hostname` and no address.
 * ICE_ERROR_ARGUMENT: never asked; ICE_ERROR_STATE: answered already, or not wanted any more
 */
int ice_agent_handle_resolved(struct ice_agent *agent, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count);

struct ice_transmit {
    struct ice_path path;
    size_t offset;       /* where in the buffer the datagram begins (0 except after ice_agent_wrap_payload) */
    size_t length;       /* all bytes */
    size_t segment_bytes; /* > 0: the buffer holds datagrams of this size back to back, the last may be shorter (GSO) */
};

#define ICE_DATAGRAM_MAX_BYTES 1280 /* no STUN message of ours is longer */

/* Writes one outgoing datagram. Returns false when there is none, or when capacity < ICE_DATAGRAM_MAX_BYTES. */
bool ice_agent_poll_transmit(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);

/*
 * Data of the layers above that came wrapped (TURN, RFC 4571): a view, valid until the next call, perhaps into the bytes of the call that
 * brought it: those must stay until this has returned false. Never returns true for plain UDP.
 */
struct ice_received {
    struct ice_path path;
    const uint8_t *bytes;
    size_t length;
};
bool ice_agent_poll_received(struct ice_agent *agent, struct ice_received *out);

uint64_t ice_agent_next_timeout(const struct ice_agent *agent); /* UINT64_MAX: none */

/* ---- events --------------------------------------------------------------------------------------------------------- */

enum ice_gathering_state { ICE_GATHERING_NEW, ICE_GATHERING_GATHERING, ICE_GATHERING_COMPLETE }; /* RTCIceGathererState */

/* RTCIceTransportState. COMPLETED: nominated, end of candidates known, nothing left to check. DISCONNECTED: consent late, not expired. */
enum ice_state {
    ICE_STATE_NEW,
    ICE_STATE_CHECKING,
    ICE_STATE_CONNECTED,
    ICE_STATE_COMPLETED,
    ICE_STATE_DISCONNECTED,
    ICE_STATE_FAILED,
    ICE_STATE_CLOSED
};

enum ice_failure {
    ICE_FAILURE_NONE,
    ICE_FAILURE_NO_PAIR_ANSWERED,  /* every pair failed, or patience ended (RFC 8863) */
    ICE_FAILURE_NO_CANDIDATES,     /* nothing to pair */
    ICE_FAILURE_CONSENT_EXPIRED    /* RFC 7675: the peer is silent for consent_expiry_us */
};

enum ice_event_type {
    ICE_EVENT_GATHERING_STATE,
    ICE_EVENT_CANDIDATE,     /* a local candidate for the peer */
    ICE_EVENT_STATE,
    ICE_EVENT_SELECTED_PAIR, /* media goes here from now on */
    ICE_EVENT_ROLE,          /* a role conflict was repaired */
    ICE_EVENT_RESOLVE,       /* look this name up, answer with ice_agent_handle_resolved */
    ICE_EVENT_OPEN_STREAM,
    ICE_EVENT_CLOSE_STREAM,
    ICE_EVENT_RESTART_NEEDED /* the session lives, or lived, on a path that may be lost: offer an ICE restart (RFC 8445 section 9) */
};

/* The first of these since the last selection of a pair, or restart. */
enum ice_restart_reason {
    ICE_RESTART_NONE,
    ICE_RESTART_INTERFACE_GONE, /* that of the selected pair */
    ICE_RESTART_INTERFACE_NEW,  /* a pair with it would be better than the selected one */
    ICE_RESTART_CONSENT_LATE,   /* the peer is silent; DISCONNECTED */
    ICE_RESTART_CONSENT_LOST,   /* RFC 7675: and has been for consent_expiry_us; FAILED */
    ICE_RESTART_RELAY_LOST,     /* the TURN allocation of the selected pair is gone */
    ICE_RESTART_STREAM_LOST,    /* the TCP connection of the selected pair has ended; DISCONNECTED */
    ICE_RESTART_NO_PAIR         /* a restart has found no path; the old pair still carries data */
};

struct ice_event {
    enum ice_event_type type;
    union {
        enum ice_gathering_state gathering_state;
        const struct ice_candidate *candidate; /* valid until the next call */
        struct {
            enum ice_state state;
            enum ice_failure failure;
        } state;
        struct {
            const struct ice_candidate *local, *remote;
            bool restarted; /* the first one since a restart: the peer may have left the path before it a while ago */
        } selected_pair;
        enum ice_role role;
        enum ice_restart_reason restart_reason;
        struct {
            uint64_t query;
            const char *name;
        } resolve;
        struct {
            struct ice_path path;    /* OPEN_STREAM: remote and stream_id; local is what to bind, port 0: any */
            const char *server_name; /* TLS: what the certificate must be for; NULL for the streams of TCP candidates; valid until the next call */
        } stream;
    } as;
};

/* Events come in the order they became true; states are coalesced to the last. */
bool ice_agent_poll_event(struct ice_agent *agent, struct ice_event *out);

/* ---- for the layers above ------------------------------------------------------------------------------------------- */

/*
 * Before and behind a payload, for the longest wrapping there is: a Send indication (RFC 8656 section 11.1) to an IPv6 peer is the STUN
 * header, XOR-PEER-ADDRESS, and the header of DATA, whose value is padded to four bytes.
 */
#define ICE_HEADROOM_BYTES (20 + (4 + 20) + 4)
#define ICE_TAILROOM_BYTES 4

/*
 * Puts around a payload what the selected pair needs, and says where to send it.
 * buffer     the payload starts at buffer + ICE_HEADROOM_BYTES and is `length` bytes
 * capacity   of the whole buffer: ICE_HEADROOM_BYTES + length + ICE_TAILROOM_BYTES at least, else ICE_ERROR_BUFFER
 * Returns ICE_OK; ICE_ERROR_STATE when there is no selected pair or consent has expired (drop it).
 */
int ice_agent_wrap_payload(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t length, size_t capacity, struct ice_transmit *out);

/* True when ice_agent_wrap_payload would succeed: there is a selected pair and consent to use it. */
bool ice_agent_can_send(const struct ice_agent *agent, uint64_t now_us);

/* May data from this path be believed to come from the peer's host? True once a check on the pair was authenticated in either direction. */
bool ice_agent_is_path_valid(const struct ice_agent *agent, const struct ice_path *path);

/* `length` bytes that came by a valid path were taken: the pair counts them (W3C webrtc-stats, RTCIceCandidatePairStats). Of another path: nothing. */
void ice_agent_count_received(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, size_t length);

/* ---- statistics: read at any time ------------------------------------------------------------------------------------ */

/* RFC 8445 section 6.1.2.6 */
enum ice_pair_state { ICE_PAIR_FROZEN, ICE_PAIR_WAITING, ICE_PAIR_IN_PROGRESS, ICE_PAIR_SUCCEEDED, ICE_PAIR_FAILED };

/*
 * What became of a pair, for people. The numbers that belong to it are members of struct ice_pair_statistics; of the pairs with a
 * higher priority than the selected one, these say why they were passed over.
 */
enum ice_pair_verdict {
    ICE_VERDICT_SELECTED,            /* carries the data */
    ICE_VERDICT_REPLACED,            /* did, until a better one was there, or a restart */
    ICE_VERDICT_WORKS,               /* was answered; another was chosen */
    ICE_VERDICT_TOO_LATE,            /* is better, but was answered after the other had been chosen */
    ICE_VERDICT_DIED,                /* was answered once, and then no more */
    ICE_VERDICT_IN_PROGRESS,         /* requests_sent requests, the answer may still come */
    ICE_VERDICT_NO_ANSWER,           /* to requests_sent requests */
    ICE_VERDICT_WRONG_CREDENTIALS,   /* `unauthentic` messages came by it: signed with another password, or forged */
    ICE_VERDICT_WRONG_ADDRESS,       /* `answers_elsewhere` answers came from, or to, another address than the request's (RFC 8445 section 7.2.5.2.1) */
    ICE_VERDICT_ERROR_RESPONSE,      /* last_error_code */
    ICE_VERDICT_SEND_ERROR,          /* last_send_error: ICMP unreachable, no route, forbidden */
    ICE_VERDICT_RELAY_REFUSED,       /* our TURN server gives no permission for this peer: relay_error_code (RFC 8656 section 9) */
    ICE_VERDICT_RELAY_LOST,          /* the TURN allocation is gone */
    ICE_VERDICT_INTERFACE_GONE,
    ICE_VERDICT_OTHER_GENERATION,    /* the remote candidate is from before a restart */
    ICE_VERDICT_NOT_TRIED_WAITING,   /* its turn has not come yet */
    ICE_VERDICT_NOT_TRIED_FROZEN,    /* a pair of the same foundation goes first, and has not succeeded (RFC 8445 section 6.1.2.6) */
    ICE_VERDICT_NOT_TRIED_CHOSEN,    /* a better one was chosen before its turn came */
    ICE_VERDICT_NOT_TRIED_ENDED      /* ICE failed before its turn came */
};

/* Why there is no pair with a remote candidate. */
enum ice_unpaired {
    ICE_UNPAIRED_NONE,       /* there is */
    ICE_UNPAIRED_NO_LOCAL,   /* we have no candidate ourselves */
    ICE_UNPAIRED_FAMILY,     /* we have none of its family */
    ICE_UNPAIRED_SCOPE,      /* loopback or link-local, and we are not there (RFC 8445 section 6.1.2.2) */
    ICE_UNPAIRED_GENERATION, /* it is from before a restart */
    ICE_UNPAIRED_LIMIT       /* ICE_PAIR_MAX better ones are there (RFC 8445 section 6.1.2.5) */
};

struct ice_remote_statistics {
    const struct ice_candidate *candidate; /* valid until the next statistics or non-const call */
    size_t pairs;
    enum ice_unpaired unpaired;
    bool previous; /* as below */
};

struct ice_pair_statistics {
    const struct ice_candidate *local, *remote; /* valid until the next statistics or non-const call */
    enum ice_pair_state state;
    bool nominated;
    bool selected;
    bool previous; /* of the generation before the last restart */
    enum ice_pair_verdict verdict;
    uint64_t priority;
    uint64_t first_request_us, first_response_us; /* 0: not yet */
    uint64_t requests_sent, responses_received, requests_received, responses_sent;
    uint64_t consent_requests_sent;
    uint64_t current_round_trip_us, total_round_trip_us;
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* what the layers above sent and took: no STUN, no header of a relay or stream */
    uint64_t last_sent_us, last_received_us; /* of them; 0: never */
    uint16_t last_error_code; /* of an error response, 0 when none */
    int last_send_error;      /* errno of a failed send, 0 when none */
    uint16_t relay_error_code; /* with which the TURN server refused a permission, 0 when none */
    uint64_t unauthentic;      /* requests and responses by this path whose MESSAGE-INTEGRITY was wrong */
    uint64_t answers_elsewhere; /* signed answers to its requests that came from, or to, another address; ignored */
};

struct ice_statistics {
    enum ice_state state;
    enum ice_gathering_state gathering_state;
    enum ice_role role;
    uint64_t gathering_started_us, gathering_completed_us, checking_started_us, connected_us; /* 0: has not happened */
    uint64_t datagrams_sent, datagrams_received;
    uint64_t malformed_dropped, unauthentic_dropped, unmatched_dropped;
    uint64_t restarts;
    uint64_t replayed_dropped;         /* signed requests that had come before, by another path */
    uint64_t pairs_pruned;             /* not made, or given up for better ones: ICE_PAIR_MAX */
    uint64_t capacity_refused;         /* something did not fit a limit of this header */
    uint64_t candidates_not_supported; /* remote candidates over TCP without a TCP interface, or with a name that is not looked up */
    uint64_t names_unresolved;         /* remote candidates whose name nobody has answered for, in time */
    uint64_t streams_unproven;         /* accepted connections that were closed, for no authentic check had come by them */
    size_t memory_bytes;
};

void ice_agent_statistics(const struct ice_agent *agent, struct ice_statistics *out);
size_t ice_agent_pair_count(const struct ice_agent *agent);
bool ice_agent_pair_statistics(const struct ice_agent *agent, size_t index, struct ice_pair_statistics *out);
size_t ice_agent_remote_candidate_count(const struct ice_agent *agent);
bool ice_agent_remote_candidate(const struct ice_agent *agent, size_t index, struct ice_remote_statistics *out);
size_t ice_agent_local_candidate_count(const struct ice_agent *agent);
const struct ice_candidate *ice_agent_local_candidate(const struct ice_agent *agent, size_t index);

/*
 * One server of the configuration, by its index there: what became of it. For RTCPeerConnectionIceErrorEvent, and for people.
 * Strings are views, NUL-terminated, "" when unknown, valid until the next non-const call.
 */
enum ice_server_state {
    ICE_SERVER_NEW,        /* gathering has not begun, or its turn has not come */
    ICE_SERVER_RESOLVING,
    ICE_SERVER_ASKING,
    ICE_SERVER_ANSWERED,   /* a candidate came of it */
    ICE_SERVER_SILENT,     /* given up: no answer */
    ICE_SERVER_REFUSED,    /* it answered `code`, or the host or the network did: `error` */
    ICE_SERVER_UNRESOLVED, /* no such name, or nobody has answered for it */
    ICE_SERVER_NOT_ASKED   /* STUN over TCP or TLS; a STUN server under policy RELAY; no interface of its family */
};

struct ice_server_statistics {
    enum ice_server_kind kind;
    enum ice_transport transport;
    const char *host;
    uint16_t port;
    enum ice_server_state state;
    struct stun_address address; /* the one in use; after a redirection (300) the new one; family NONE: not known yet */
    uint16_t code;               /* its last error code that was not part of the usual course; 0 none */
    int error;                   /* errno, or ICE_STREAM_ERROR_*; 0 none */
    const char *realm, *reason, *software;
    struct stun_address mapped;     /* how it sees us */
    struct stun_address relayed[2]; /* IPv4, IPv6 */
    uint64_t round_trip_us;         /* 0: not measured */
    uint64_t answered_us;           /* when a candidate came of it; 0 none did */
    uint32_t relays_lost;           /* allocations that the server has forgotten, or that broke with their stream */
};
size_t ice_agent_server_count(const struct ice_agent *agent);
bool ice_agent_server_statistics(const struct ice_agent *agent, size_t index, struct ice_server_statistics *out);
const char *ice_server_state_name(enum ice_server_state state);

/* The W3C words, for logs and JSON. */
const char *ice_state_name(enum ice_state state);
const char *ice_gathering_state_name(enum ice_gathering_state state);
const char *ice_pair_state_name(enum ice_pair_state state);
/* Words for people: "no answer" ..., "no address of our own in its family" ... */
const char *ice_pair_verdict_name(enum ice_pair_verdict verdict);
const char *ice_unpaired_name(enum ice_unpaired unpaired);
/* Words for people: "the interface of the selected pair has gone" ... */
const char *ice_restart_reason_name(enum ice_restart_reason reason);

#endif
