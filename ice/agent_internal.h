/*
 * The inside of the ICE agent: one structure, made of the concepts of RFC 8445, each of which has its own source file.
 *
 *   candidate_list.c  local and remote candidates            gather.c      where local candidates come from
 *   pair.c            one pair: priority, state              check.c       Binding requests and responses
 *   checklist.c       pairs, freezing, what is next          controlling.c nomination    controlled.c obeying it
 *   generation.c      credentials                            consent.c     the selected pair, after ICE
 *   restart.c         from one generation to the next        reselect.c    when the selected pair moves
 *   stream.c          TCP and TLS connections, whoever uses them
 *   tcp*.c            candidates over TCP                    framing.c     datagrams in a stream
 *   names.c           mDNS names in place of addresses       server.c      STUN and TURN servers
 *   relay*.c          allocations: see relay_internal.h
 *   verdict.c         what became of each pair              replay.c      copies of authentic requests
 *   event.c           what the caller is told                agent_new.c   making and freeing
 *   agent.c           dispatch, and the states of the agent
 *
 * All memory is in one block that ice_agent_new allocates: after it nothing can run out, and no packet allocates. (Keys
 * are the exception: stun/integrity.h makes one per password. So are, within the budget, TURN clients, one per relay; and what TCP
 * candidates and mDNS names need, each a block made when the first one is given.) Lists are arrays with their limit in the name;
 * items are never moved, so that an index stays good for the life of the item.
 *
 * Generations (RFC 8445 section 9) share the arrays of pairs and of remote candidates: each item says which of them it
 * belongs to, ICE_NONE marks a free slot, and a generation is what has credentials of its own. A restart begins with an offered one: our
 * candidates go out under its ufrag, and whoever checks it already is answered; everything else goes on in the current one, so that a
 * rollback has nothing to undo. With the peer's credentials it becomes the current one. That leaves of the old check list only what may still
 * carry data, ICE_PREVIOUS_PAIR_MAX pairs; the new one has all of ICE_PAIR_MAX to itself.
 */
#ifndef ICE_AGENT_INTERNAL_H
#define ICE_AGENT_INTERNAL_H

#include "ice/agent.h"
#include "ice/relay_internal.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/transaction.h"

#define ICE_SECOND_US 1000000u
#define ICE_NEVER_US UINT64_MAX
#define ICE_NONE UINT16_MAX /* an index that points nowhere */

#define ICE_TA_DEFAULT_US 50000u
#define ICE_TA_MIN_US 5000u /* RFC 8445 section 14.2, MUST: all transactions together, never closer than this */
#define ICE_TA_MAX_US ICE_SECOND_US
#define ICE_RTO_MAX_US (8u * ICE_SECOND_US)
#define ICE_GATHERING_DEADLINE_DEFAULT_US (5u * ICE_SECOND_US)
#define ICE_FAILURE_DEADLINE_DEFAULT_US 39500000u /* RFC 8863 section 4: how long a Binding transaction can last */
#define ICE_CONSENT_INTERVAL_DEFAULT_US (5u * ICE_SECOND_US)
#define ICE_CONSENT_EXPIRY_DEFAULT_US (30u * ICE_SECOND_US)

#define ICE_REMOTE_PEER_REFLEXIVE_MAX 16 /* learned from checks, beside ICE_REMOTE_CANDIDATE_MAX signaled ones */
/* Three generations at most: the one that is checked, the one before it, and the one that a restart offers. */
#define ICE_GENERATION_MAX 3
#define ICE_REMOTE_SLOT_MAX (ICE_REMOTE_CANDIDATE_MAX + ICE_REMOTE_PEER_REFLEXIVE_MAX + 2 * ICE_PREVIOUS_PAIR_MAX)
#define ICE_PAIR_SLOT_MAX (ICE_PAIR_MAX + 2 * ICE_PREVIOUS_PAIR_MAX)
#define ICE_REMOTE_COPY_MAX 8      /* of those, learned from copies of requests */
#define ICE_RESPONSE_MAX 32         /* requests that wait for poll_transmit to be answered */
#define ICE_RESPONSE_UNKNOWN_MAX 4  /* types listed in a 420 */
#define ICE_GATHER_TRANSACTION_MAX 64
#define ICE_SERVER_ADDRESS_MAX 4    /* of one server; one per family is used at a time, the next when it refuses */
#define ICE_PAIR_CHECK_MAX 64       /* transactions that one pair may start before it has succeeded (RFC 8445 section 19.5.1) */
#define ICE_CONSENT_OUTSTANDING_MAX 16
#define ICE_SEEN_MAX 32             /* identifiers of the last requests that were authentic */
#define ICE_STREAM_MAX 32 /* TCP and TLS connections at a time */
#define ICE_LOCAL_UFRAG_BYTES 8     /* 48 bits at 6 bits a character */
#define ICE_LOCAL_PASSWORD_BYTES 24 /* 144 bits */

/* ---- candidates ------------------------------------------------------------------------------------------------------ */

/*
 * foundation  a number; equal numbers are equal foundations (RFC 8445 section 5.1.1.3)
 * server      whose answer made it; family NONE for host and peer-reflexive ones
 * transport   of its base; for a relayed candidate that of the relayed address, UDP
 * tcp_type    RFC 6544, NONE for UDP
 * related     what is shown as raddr and rport
 * relay       relayed: index into the agent's relays; else ICE_NONE
 * relay_transport, server_index   relayed and srflx: how the server was asked, and which it was; ICE_NONE: none
 * gone        the interface of its base, or its relay, has vanished
 * stale       reflexive, from before a restart: not signaled again until the server has confirmed it
 * told        the caller knows it, under our youngest ufrag
 * told_before under the ufrag before a restart that may yet be cancelled
 */
struct ice_local {
    struct stun_address address, base, server, related;
    uint32_t priority;
    uint16_t relay, server_index;
    uint16_t name; /* 1 + index of the mDNS name that is shown in its place, see names.c; 0 none */
    uint16_t preference;
    uint16_t foundation;
    enum ice_transport transport : 8, relay_transport : 8;
    enum ice_tcp_type tcp_type : 8;
    enum ice_candidate_type type : 8;
    bool gone : 1, stale : 1, told : 1, told_before : 1;
};

/*
 * generation the one it belongs to; ICE_NONE: the slot is free
 * ufrag_tag  which generation the signaling (or the USERNAME of a check) says it is of: see ice_ufrag_tag; 0 none
 * foreign    it turned out to be of another generation: no checks
 */
struct ice_remote {
    uint64_t ufrag_tag;
    struct stun_address address, related;
    uint32_t priority;
    uint16_t generation;
    uint16_t foundation;
    uint16_t name; /* 1 + index of the name it was resolved from, see names.c; 0 none */
    enum ice_transport transport : 8; /* UDP or TCP */
    enum ice_tcp_type tcp_type : 8;
    enum ice_candidate_type type : 8;
    bool foreign;
    char foundation_text[ICE_FOUNDATION_MAX_BYTES + 1];
};

/* ---- pairs ------------------------------------------------------------------------------------------------------------ */

/* One Binding request as it was first sent: a retransmission repeats it. */
struct ice_check {
    struct stun_transaction transaction;
    uint64_t tie_breaker;
    enum ice_role role;
    bool use_candidate;
};

/*
 * A pair of the check list. Its local candidate is always a base: reflexive ones were replaced (RFC 8445 section 6.1.2.4).
 * generation    whose credentials its checks carry; ICE_NONE: the slot is free
 * valid_local   once valid: the local candidate that has the mapped address (section 7.2.5.3.2), else ICE_NONE
 * check         what runs now; check.transaction.done when nothing does
 * last_id       the transaction before that: cancelled or timed out, its answer still counts until last_id_until_us
 * send_failed   the socket has refused what now runs: nobody waits for it
 * timed_out     FAILED because nothing was heard, which another try may repair
 * nominate_on_success   controlled: USE-CANDIDATE came before our own check succeeded
 * overrides     controlled: that nomination replaces the selected pair though it is better
 */
struct ice_pair {
    uint16_t generation;
    uint16_t local, remote, valid_local;
    uint16_t checks;
    uint16_t last_error_code, relay_error_code;
    uint8_t timeouts;
    bool queued : 1, timed_out : 1, send_failed : 1, nominated : 1, nominate_on_success : 1, overrides : 1;
    bool permitted : 1; /* of a relay: the peer has been announced to the server (RFC 8656 section 9) */
    bool last_use_candidate : 1;
    enum ice_role last_role : 8;
    enum ice_pair_state state : 8;
    uint8_t last_id[STUN_TRANSACTION_ID_BYTES];
    int last_send_error;
    uint32_t requests_sent, responses_received, requests_received, responses_sent, consent_requests_sent;
    uint32_t unauthentic, answers_elsewhere;
    uint64_t priority;
    uint64_t first_check_us, first_valid_us; /* 0: never */
    uint64_t last_response_us, last_heard_us;
    uint64_t last_id_until_us;
    uint64_t current_round_trip_us, total_round_trip_us;
    uint64_t packets_sent, packets_received, bytes_sent, bytes_received; /* payload */
    uint64_t last_sent_us, last_received_us;
    struct ice_check check;
};

/* RFC 8445 section 6.1.4.1: a FIFO of pairs; each is in it once at most (ice_pair.queued), hence it cannot overflow. */
struct ice_triggered_queue {
    uint16_t pairs[ICE_PAIR_SLOT_MAX];
    size_t head, count;
};

/* ---- the rest ---------------------------------------------------------------------------------------------------------- */

/*
 * RFC 8445 section 9: what a restart begins anew, its credentials and what is counted under them. More than one, so that the
 * selected pair of the old one carries data until the new one has a selected pair.
 * given_up  the patience with it ended while the old pair still worked: no ordinary checks, but whoever asks is answered
 * ends_us   when a generation that has been replaced is forgotten; ICE_NEVER_US until then
 */
struct ice_generation {
    bool in_use, given_up;
    bool is_selection_told; /* of a pair of it */
    uint64_t ends_us;
    size_t pair_count, remote_signaled_count, remote_peer_reflexive_count;
    char local_ufrag[ICE_UFRAG_MAX_BYTES + 1];
    char local_password[ICE_PASSWORD_MAX_BYTES + 1];
    struct stun_key *local_key;
    char remote_ufrag[ICE_UFRAG_MAX_BYTES + 1];
    char remote_password[ICE_PASSWORD_MAX_BYTES + 1];
    struct stun_key *remote_key; /* NULL until the peer's credentials are known */
    bool remote_end;             /* end of candidates */
    bool remote_lite;
};

/* An answer that poll_transmit will write. code 0 is a success response. */
struct ice_response {
    struct ice_path path;
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    uint16_t code;
    uint16_t generation;
    uint16_t unknown[ICE_RESPONSE_UNKNOWN_MAX];
    uint8_t unknown_count;
};

struct ice_response_queue {
    struct ice_response items[ICE_RESPONSE_MAX];
    size_t head, count;
};

enum ice_server_progress { ICE_SERVER_IDLE, ICE_SERVER_LOOKED_UP, ICE_SERVER_READY, ICE_SERVER_NAMELESS, ICE_SERVER_USELESS };

/*
 * One server of the configuration. The strings are in the agent's block.
 * progress   IDLE before gathering; LOOKED_UP while a RESOLVE is open; NAMELESS: no address came of it; USELESS: see ICE_SERVER_NOT_ASKED
 * code, error, round_trip_us, answered_us, mapped   of the last answer to a Binding request
 */
struct ice_gather_server {
    enum ice_server_kind kind;
    enum ice_transport transport;
    char *host, *username, *credential; /* the latter two NULL when there are none */
    uint16_t port;
    enum ice_server_progress progress;
    bool resolve_reported;
    struct stun_address addresses[ICE_SERVER_ADDRESS_MAX];
    size_t address_count;
    uint16_t code;
    int error;
    uint64_t round_trip_us, answered_us;
    struct stun_address mapped;
};

enum ice_gather_state { ICE_GATHER_WAITING, ICE_GATHER_RUNNING, ICE_GATHER_SUCCEEDED, ICE_GATHER_FAILED };

/* One Binding transaction from a base to a server address; after success it is repeated to keep the NAT's binding alive. */
struct ice_gather_transaction {
    struct stun_transaction transaction;
    struct stun_address base, server;
    uint16_t server_index;
    uint16_t preference;
    enum ice_gather_state state : 8;
    bool redirected; /* a 300 has been followed; not a second one */
    uint64_t refresh_us;
};

struct ice_gatherer {
    bool started;
    enum ice_gathering_state state;
    uint64_t deadline_us;
    uint64_t next_us; /* Ta */
    struct ice_interface interfaces[ICE_INTERFACE_MAX];
    size_t interface_count;
    struct ice_gather_server servers[ICE_SERVER_MAX];
    size_t server_count;
    struct ice_gather_transaction transactions[ICE_GATHER_TRANSACTION_MAX];
    size_t transaction_count;
    bool relay_turn; /* Binding requests and allocations take turns */
};

/*
 * One TCP or TLS connection, whoever has opened it. The number in the path is what the caller knows it by.
 * owner, index   RELAY: the agent's relays; PAIR: the agent's pairs; ACCEPTED: nobody's yet, until a check says which pair it is
 */
enum ice_stream_owner { ICE_STREAM_FREE, ICE_STREAM_OF_RELAY, ICE_STREAM_OF_PAIR, ICE_STREAM_ACCEPTED_NEW };
enum ice_stream_state { ICE_STREAM_WANTED, ICE_STREAM_OPENING, ICE_STREAM_OPEN, ICE_STREAM_UNWANTED };

struct ice_stream {
    enum ice_stream_owner owner : 8;
    enum ice_stream_state state : 8;
    uint16_t index;
    struct ice_path path;
    const char *server_name; /* in the agent's block of strings; NULL but for TLS */
};

/* RFC 7675 for the selected pair. Every request has an identifier of its own; any answer counts until consent expires. */
struct ice_consent {
    uint64_t next_us;
    struct stun_transaction last; /* the youngest request */
    uint64_t expiry_us;         /* consent_expiry_us after the last valid response; ICE_NEVER_US when there is no selected pair */
    uint64_t unanswered_since_us; /* when the oldest request without an answer was sent; ICE_NEVER_US: none */
    struct {
        uint8_t id[STUN_TRANSACTION_ID_BYTES];
        bool waiting;
    } outstanding[ICE_CONSENT_OUTSTANDING_MAX];
    size_t outstanding_next;
    bool late;
};

/* Identifiers of authentic requests, and by which path they came first (a hash of it, 0: unused): see replay.c. */
struct ice_seen_requests {
    struct {
        uint8_t id[STUN_TRANSACTION_ID_BYTES];
        uint32_t path;
    } items[ICE_SEEN_MAX];
    size_t next;
};

/* What the caller has been told, so that events can be derived from the difference. */
struct ice_reported {
    enum ice_gathering_state gathering_state;
    enum ice_state state;
    enum ice_role role;
    uint16_t selected;
    uint16_t selected_local;
    enum ice_restart_reason restart_reason;
};

/* Candidates in their public shape, for views handed out. Behind a pointer: const functions fill them too. */
struct ice_views {
    struct ice_candidate event[2], statistics[2], local;
};

struct ice_tcp;   /* tcp_internal.h: what TCP candidates need; made when the first TCP interface is given */
struct ice_names; /* names_internal.h: mDNS names, ours and theirs; made when the first one is given */

struct ice_agent {
    struct ice_agent_config config; /* durations resolved; servers and allocator point nowhere, see below */
    struct ice_allocator allocator;
    struct ice_views *views;
    size_t memory_bytes;

    enum ice_role role;
    uint64_t tie_breaker;
    enum ice_state state;
    enum ice_failure failure;

    struct ice_generation generations[ICE_GENERATION_MAX];
    uint16_t generation; /* the current one: whose pairs are checked, and nominated */
    uint16_t offered;    /* the one of a restart that the peer has not answered, or ICE_NONE */
    uint16_t fallen;     /* the one before such a restart when nothing is left of it: the offered one is current then. Or ICE_NONE */
    enum ice_failure fallen_failure; /* what a cancelled restart falls back into */

    struct ice_gatherer gatherer;
    struct ice_local locals[ICE_LOCAL_CANDIDATE_MAX];
    size_t local_count;
    size_t remote_count; /* slots, free ones included */
    uint16_t next_foundation;

    size_t pair_count; /* slots, free ones included */
    struct ice_triggered_queue triggered; /* of all generations */
    bool last_check_unproven;      /* it was a triggered one to an address that only a request speaks for */
    uint64_t next_check_us;        /* Ta */
    uint64_t last_transaction_us;  /* any new transaction; ICE_NEVER_US: none yet */
    uint64_t patience_us;          /* RFC 8863; ICE_NEVER_US until checking can start */

    uint16_t nominating;           /* controlling: the pair that carries USE-CANDIDATE, or ICE_NONE */
    uint64_t first_valid_us;       /* controlling: ICE_NEVER_US until a pair may be nominated */
    uint64_t selected_us;
    uint64_t reopened_us;          /* since when the selected pair has been dying; ICE_NEVER_US: it has not */
    uint16_t selected;             /* the pair that carries data, of either generation, or ICE_NONE */
    enum ice_restart_reason restart_reason;
    struct ice_consent consent;

    struct ice_relay *relays; /* in the agent's block; ICE_RELAY_MAX of them, or 0 when there is no TURN server */
    uint16_t relay_count;
    uint16_t relay_next;           /* who may speak first */
    uint16_t relay_reading;        /* whose client has data for poll_received, or ICE_NONE */
    uint16_t relay_bound;          /* the pair that has a channel, or ICE_NONE */

    struct ice_stream streams[ICE_STREAM_MAX];
    size_t stream_count; /* slots that have ever been used */
    uint64_t next_stream_id;
    struct ice_tcp *tcp;
    struct ice_names *names;

    struct ice_seen_requests seen;
    struct ice_response_queue responses;
    struct ice_reported reported;
    struct ice_statistics statistics; /* counters and times; the rest is filled in when read */

    /* Half of the agent, and last: a new one is not cleared from here on, nothing beyond the counts is ever read. */
    struct ice_remote remotes[ICE_REMOTE_SLOT_MAX];
    struct ice_pair pairs[ICE_PAIR_SLOT_MAX];
};

/* ---- candidate_list.c ----------------------------------------------------------------------------------------------------- */

/* RFC 8445 section 5.1.2.2 and what no check may be sent to. */
bool ice_address_is_usable(const struct stun_address *address);
bool ice_port_is_usable(uint16_t port);
bool ice_addresses_can_pair(const struct stun_address *base, const struct stun_address *remote);

/* 64 bits that stand for a ufrag of 4..256 bytes; never 0. Not secret, not security: it only sorts candidates into generations. */
uint64_t ice_ufrag_tag(const char *ufrag, size_t length);

/* Index of the local candidate over UDP with this address and base, or ICE_NONE. */
uint16_t ice_local_find(const struct ice_agent *agent, const struct stun_address *address, const struct stun_address *base);
uint16_t ice_local_find_base(const struct ice_agent *agent, const struct stun_address *base);
/* Adds one unless it is redundant (RFC 8445 section 5.1.3). ICE_NONE: ICE_LOCAL_CANDIDATE_MAX reached, and counted. */
uint16_t ice_local_add(struct ice_agent *agent, enum ice_candidate_type type, const struct stun_address *address, const struct stun_address *base,
                       const struct stun_address *server, uint16_t preference);
/* The same two for any transport: address, base, transport and tcp_type count. _add_like fills in priority and foundation. */
uint16_t ice_local_find_like(const struct ice_agent *agent, const struct ice_local *wanted);
uint16_t ice_local_add_like(struct ice_agent *agent, const struct ice_local *wanted);
/* RFC 8445 section 7.1.1: what a candidate would be worth that a check from here discovers. */
uint32_t ice_local_peer_reflexive_priority(const struct ice_local *local);
uint16_t ice_remote_find(const struct ice_agent *agent, uint16_t generation, const struct stun_address *address); /* over UDP */
uint16_t ice_remote_find_tcp(const struct ice_agent *agent, uint16_t generation, const struct stun_address *address, enum ice_tcp_type tcp_type);
/* Into the current generation. */
int ice_remote_add_signaled(struct ice_agent *agent, const struct ice_candidate *candidate, uint16_t *index);
uint16_t ice_remote_add_peer_reflexive(struct ice_agent *agent, uint16_t generation, const struct stun_address *address, uint32_t priority, uint64_t ufrag_tag);
size_t ice_remote_pair_count(const struct ice_agent *agent, uint16_t index); /* of either generation */
/* No pair has it any more. */
/* A check under credentials that are ours came from it: it is not foreign. */
void ice_remote_prove(struct ice_agent *agent, uint16_t index, uint64_t ufrag_tag);
void ice_remote_free(struct ice_agent *agent, uint16_t index);
void ice_local_view(const struct ice_agent *agent, uint16_t index, struct ice_candidate *out);
void ice_remote_view(const struct ice_agent *agent, uint16_t index, struct ice_candidate *out);

/* ---- stream.c -------------------------------------------------------------------------------------------------------------- */

/* Wants a connection: an OPEN_STREAM event follows. NULL: ICE_STREAM_MAX are there (counted). path.stream_id is written by this. */
struct ice_stream *ice_stream_open(struct ice_agent *agent, enum ice_stream_owner owner, uint16_t index, const struct ice_path *path, const char *server_name);
/* One that the caller has accepted. NULL as above, or the number is in use. */
struct ice_stream *ice_stream_accept(struct ice_agent *agent, const struct ice_path *path);
struct ice_stream *ice_stream_find(struct ice_agent *agent, uint64_t stream_id);
/* We are done with it: a CLOSE_STREAM event follows. */
void ice_stream_close(struct ice_stream *stream);
/* The caller says that it is gone: the entry is free. */
void ice_stream_forget(struct ice_stream *stream);
bool ice_stream_poll_event(struct ice_agent *agent, struct ice_event *out);

/* ---- tcp.c, tcp_connection.c, tcp_stream.c: RFC 6544 -------------------------------------------------------------------------- */

/* Makes room for it; ICE_ERROR_CAPACITY: the budget or the allocator says no. */
int ice_tcp_enable(struct ice_agent *agent);
void ice_tcp_free(struct ice_agent *agent);
void ice_tcp_gather_host(struct ice_agent *agent, const struct ice_interface *interface);
/* The interfaces have changed: candidates of vanished ones are gone. */
void ice_tcp_leave(struct ice_agent *agent, uint64_t now_us);
/* RFC 6544 section 6.2: shall we try this pair of our own accord? True for two of UDP. */
bool ice_tcp_can_pair(const struct ice_local *local, const struct ice_remote *remote);
bool ice_tcp_is_pair(const struct ice_agent *agent, const struct ice_pair *pair);
/* It has succeeded, and its connection has gone; or there is a new one, by which nothing has been answered yet. */
bool ice_tcp_is_cut(const struct ice_agent *agent, const struct ice_pair *pair);
/* The latter: consent may be asked for by it, nothing else be sent. */
bool ice_tcp_is_reopened(const struct ice_agent *agent, const struct ice_pair *pair);
/* A check of this pair is due: true when it can be sent now; else its connection is being opened, or the pair has failed. */
bool ice_tcp_prepare(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);
/* A pair whose connection has opened and whose check has not been sent yet, or NULL. */
struct ice_pair *ice_tcp_check_due(struct ice_agent *agent);
/* The path of the pair, stream_id 0 when there is no connection. */
void ice_tcp_path(const struct ice_agent *agent, const struct ice_pair *pair, struct ice_path *path);
bool ice_tcp_is_path_open(const struct ice_agent *agent, const struct ice_path *path);
/* A pair of which a check was authenticated in either direction, and which uses the connection of this path. ICE_NONE: there is none. */
uint16_t ice_tcp_pair_of_path(const struct ice_agent *agent, const struct ice_path *path);
bool ice_tcp_is_path_valid(const struct ice_agent *agent, const struct ice_path *path);
/* The pair is about to be forgotten: its connection is closed, unless another pair uses it. */
void ice_tcp_forget_pair(struct ice_agent *agent, const struct ice_pair *pair);
/* The candidate at our end of a connection, or ICE_NONE; generation: of the check that came by it. */
uint16_t ice_tcp_local_of_path(struct ice_agent *agent, uint16_t generation, const struct ice_path *path);
/* An authentic check came by this connection: its pair, which it belongs to from now on; NULL: not possible. */
struct ice_pair *ice_tcp_pair_of_request(struct ice_agent *agent, uint16_t generation, uint16_t local, const struct ice_path *path,
                                         const struct stun_message *request, uint64_t ufrag_tag);
int ice_tcp_handle_accepted(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path);
int ice_tcp_handle_opened(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, const struct ice_path *path);
int ice_tcp_handle_bytes(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, const uint8_t *bytes, size_t length);
int ice_tcp_handle_closed(struct ice_agent *agent, uint64_t now_us, struct ice_stream *stream, int error);
bool ice_tcp_poll_received(struct ice_agent *agent, struct ice_received *out);
/* Frames a message that goes out by this path; its new length, 0 when it does not fit. Leaves what goes by UDP as it is. */
size_t ice_tcp_frame(const struct ice_path *path, uint8_t *buffer, size_t capacity, size_t length);
/* The same for a payload that has headroom. ICE_ERROR_ARGUMENT: longer than a frame can be. */
int ice_tcp_wrap_payload(uint8_t *buffer, struct ice_transmit *out);
void ice_tcp_handle_timeout(struct ice_agent *agent, uint64_t now_us);
/* Connections that nothing needs any more are closed. */
void ice_tcp_update(struct ice_agent *agent, uint64_t now_us);
uint64_t ice_tcp_next_timeout(const struct ice_agent *agent);

/* ---- names.c -------------------------------------------------------------------------------------------------------------------- */

void ice_names_free(struct ice_agent *agent);
/* May an interface be called so? */
bool ice_names_is_own_name(const char *name);
/* The names of interfaces, copied: mdns_name points to our copy from then on. ICE_ERROR_CAPACITY: the memory budget says no. */
int ice_names_copy(struct ice_agent *agent, struct ice_interface *interfaces, size_t count);
uint16_t ice_names_of_interface(const struct ice_agent *agent, const struct ice_interface *interface); /* for ice_local.name */
/* Names in place of what they stand for. */
void ice_names_hide_local(const struct ice_agent *agent, const struct ice_local *local, struct ice_candidate *view);
void ice_names_hide_remote(const struct ice_agent *agent, const struct ice_remote *remote, struct ice_candidate *view);
/* A remote candidate with a name: it waits for ice_names_handle_resolved. */
int ice_names_add_remote(struct ice_agent *agent, uint64_t now_us, const struct ice_candidate *candidate);
bool ice_names_is_query(uint64_t query);
int ice_names_handle_resolved(struct ice_agent *agent, uint64_t query, const struct stun_address *addresses, size_t count);
bool ice_names_is_pending(const struct ice_agent *agent);
bool ice_names_poll_event(struct ice_agent *agent, struct ice_event *out);
void ice_names_handle_timeout(struct ice_agent *agent, uint64_t now_us);
/* A restart has made the questions void. */
void ice_names_forget_pending(struct ice_agent *agent);
void ice_names_update(struct ice_agent *agent);
uint64_t ice_names_next_timeout(const struct ice_agent *agent);

/* ---- pair.c ---------------------------------------------------------------------------------------------------------------- */

uint64_t ice_pair_priority(uint32_t controlling, uint32_t controlled);
void ice_pair_compute_priority(const struct ice_agent *agent, struct ice_pair *pair);
bool ice_pair_is_valid(const struct ice_pair *pair);  /* is it on the valid list? */
bool ice_pair_is_usable(const struct ice_agent *agent, const struct ice_pair *pair); /* neither end has gone */
bool ice_pair_is_relayed(const struct ice_agent *agent, const struct ice_pair *pair); /* by either side's relay */
bool ice_pair_same_foundation(const struct ice_agent *agent, const struct ice_pair *a, const struct ice_pair *b);
/* Stops retransmitting; an answer still counts (RFC 8445 section 7.3.1.4). */
void ice_pair_cancel_check(struct ice_pair *pair, uint64_t now_us);
void ice_pair_fail(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, bool timed_out);
void ice_pair_succeed(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, const struct stun_address *mapped);
/* RFC 8445 section 8.1.2: this pair carries the data from now on. */
void ice_pair_select(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);
uint16_t ice_pair_index(const struct ice_agent *agent, const struct ice_pair *pair);
/* Its candidates in their public shape: the local one is that of the mapped address once it is known. */
void ice_pair_view(const struct ice_agent *agent, const struct ice_pair *pair, struct ice_candidate *local, struct ice_candidate *remote);
/* Is a pair of this generation selected? */
bool ice_pair_is_concluded(const struct ice_agent *agent, uint16_t generation);

/* ---- checklist.c ------------------------------------------------------------------------------------------------------------ */

struct ice_pair *ice_checklist_find(struct ice_agent *agent, uint16_t local, uint16_t remote);
/* The pair of this slot that checks this path, or NULL: two generations may each have one. */
struct ice_pair *ice_checklist_at_path(struct ice_agent *agent, size_t index, const struct ice_path *path);
/* Into the generation of the remote candidate. NULL: they cannot pair, or ICE_PAIR_MAX is reached by better ones (counted). */
struct ice_pair *ice_checklist_add(struct ice_agent *agent, uint16_t local, uint16_t remote);
void ice_checklist_add_local(struct ice_agent *agent, uint16_t local);
void ice_checklist_add_remote(struct ice_agent *agent, uint16_t remote);
void ice_checklist_trigger(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);
/* Frees the slot. */
void ice_checklist_remove(struct ice_agent *agent, struct ice_pair *pair);
/* One that has succeeded proves itself once more, and is valid meanwhile. */
void ice_checklist_check_again(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);
void ice_checklist_unqueue(struct ice_agent *agent, struct ice_pair *pair);
void ice_checklist_clear_triggered(struct ice_agent *agent);
void ice_checklist_thaw_foundation(struct ice_agent *agent, const struct ice_pair *succeeded);
void ice_checklist_recompute_priorities(struct ice_agent *agent);
/* May the agent send checks at all; and may it check pairs of the current generation? */
bool ice_checklist_is_running(const struct ice_agent *agent);
bool ice_checklist_can_check(const struct ice_agent *agent);
/* Nothing but a request, which anybody may have replayed, says that the peer is at this peer-reflexive address. */
bool ice_checklist_is_unproven(const struct ice_agent *agent, const struct ice_pair *pair);
bool ice_checklist_has_work(const struct ice_agent *agent);
/* RFC 8445 section 6.1.4.2: the pair to check next, or NULL. */
struct ice_pair *ice_checklist_next(struct ice_agent *agent);
uint32_t ice_checklist_rto_us(const struct ice_agent *agent, const struct ice_pair *pair);

/* ---- check.c, and response.c ------------------------------------------------------------------------------------------------- */

int ice_check_handle_request(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message);
int ice_check_handle_response(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message);
void ice_check_handle_timeout(struct ice_agent *agent, uint64_t now_us);
/* Each writes at most one datagram: its length, or 0 when nothing is due. */
size_t ice_check_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path);
uint64_t ice_check_next_timeout(const struct ice_agent *agent);
/* A Binding request with all that RFC 8445 section 7.2 asks for; its length, 0 on failure. */
size_t ice_check_write_request(const struct ice_agent *agent, const struct ice_pair *pair, const uint8_t id[STUN_TRANSACTION_ID_BYTES], enum ice_role role,
                               uint64_t tie_breaker, bool use_candidate, uint8_t *buffer, size_t capacity);
void ice_check_path(const struct ice_agent *agent, const struct ice_pair *pair, struct ice_path *path);
void ice_check_switch_role(struct ice_agent *agent, enum ice_role role);

bool ice_response_queue_add(struct ice_agent *agent, const struct ice_path *path, const struct stun_message *request, uint16_t code,
                            uint16_t generation, const uint16_t *unknown, size_t unknown_count);
/* The password that would sign them is about to be forgotten. */
void ice_response_forget(struct ice_agent *agent, uint16_t generation);
size_t ice_response_poll(struct ice_agent *agent, uint8_t *buffer, size_t capacity, struct ice_path *path);

/* ---- controlling.c, controlled.c ------------------------------------------------------------------------------------------------ */

/* Nominates when it is time to. */
void ice_controlling_update(struct ice_agent *agent, uint64_t now_us);
uint64_t ice_controlling_next_timeout(const struct ice_agent *agent, uint64_t now_us);
/* The nomination of `pair` has not been answered in time. */
void ice_controlling_nomination_failed(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);
bool ice_controlling_nomination_due(const struct ice_agent *agent, uint64_t now_us);

/* A request with USE-CANDIDATE was accepted on this pair. */
void ice_controlled_handle_nomination(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);
void ice_controlled_handle_success(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us);

/* ---- reselect.c -------------------------------------------------------------------------------------------------------------------- */

/* Consent to the selected pair is late, or one of its ends has gone. */
bool ice_reselect_is_dying(const struct ice_agent *agent);
/* Could this pair still become the selected one? */
bool ice_reselect_is_of_interest(const struct ice_agent *agent, const struct ice_pair *pair);
/* Is any such pair still in question? */
bool ice_reselect_is_searching(const struct ice_agent *agent);
/* May this valid pair be nominated, or selected, now? */
bool ice_reselect_may_select(const struct ice_agent *agent, const struct ice_pair *pair);
void ice_reselect_update(struct ice_agent *agent, uint64_t now_us);

/* ---- replay.c -------------------------------------------------------------------------------------------------------------------- */

/* Has this authentic request come before, by another path? Else it is remembered. */
bool ice_replay_is_copy(struct ice_agent *agent, const struct ice_path *path, const uint8_t id[STUN_TRANSACTION_ID_BYTES]);
/* Forgets a learned candidate that nothing came of, if there is one. */
void ice_replay_make_room(struct ice_agent *agent, uint16_t generation);

/* ---- verdict.c ------------------------------------------------------------------------------------------------------------------- */

enum ice_pair_verdict ice_pair_verdict(const struct ice_agent *agent, const struct ice_pair *pair);
enum ice_unpaired ice_remote_unpaired(const struct ice_agent *agent, const struct ice_remote *remote);

/* ---- consent.c --------------------------------------------------------------------------------------------------------------------- */

void ice_consent_start(struct ice_agent *agent, uint64_t now_us);
bool ice_consent_handle_response(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message, int *result);
void ice_consent_handle_timeout(struct ice_agent *agent, uint64_t now_us);
size_t ice_consent_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path);
uint64_t ice_consent_next_timeout(const struct ice_agent *agent);
bool ice_consent_is_fresh(const struct ice_agent *agent, uint64_t now_us);

/* ---- generation.c -------------------------------------------------------------------------------------------------------------------- */

/* Is this a ufrag and a password? */
bool ice_generation_are_credentials(const char *ufrag, size_t ufrag_length, const char *password, size_t password_length);
/* With these credentials, or with random ones when they are NULL. ICE_ERROR_ARGUMENT: they are none, or the ufrag is that of another generation. */
int ice_generation_start(struct ice_agent *agent, struct ice_generation *generation, const char *ufrag, const char *password);
/* Whose credentials our descriptions have: the offered one, else the current one. */
const struct ice_generation *ice_generation_youngest(const struct ice_agent *agent);
/* Was it before the current one? */
bool ice_generation_is_previous(const struct ice_agent *agent, uint16_t generation);
/* Is this the peer's ufrag in a generation that has been, or is to be, replaced by the youngest? */
bool ice_generation_is_replaced_ufrag(const struct ice_agent *agent, const char *ufrag, size_t length);
/* Its credentials, pairs and remote candidates are forgotten. */
void ice_generation_end(struct ice_agent *agent, uint16_t generation);
void ice_generation_forget_pair(struct ice_agent *agent, uint16_t index);
/* Those of this generation that no pair has. */
void ice_generation_forget_remotes(struct ice_agent *agent, uint16_t generation);
/* ICE_ERROR_ARGUMENT: they are none; ICE_ERROR_STATE: others are known already. */
int ice_generation_check_remote(const struct ice_generation *generation, const char *ufrag, size_t ufrag_length, const char *password, size_t password_length);
int ice_generation_set_remote(struct ice_generation *generation, const char *ufrag, size_t ufrag_length, const char *password, size_t password_length);
struct ice_generation *ice_generation_current(struct ice_agent *agent);
const struct ice_generation *ice_generation_current_const(const struct ice_agent *agent);
bool ice_generation_is_remote_ufrag(const struct ice_generation *generation, const char *ufrag, size_t length);
/* Which generation a received USERNAME belongs to, or ICE_NONE. */
uint16_t ice_generation_of_username(const struct ice_agent *agent, const uint8_t *username, size_t length, const char **remote_ufrag, size_t *remote_length);

/* ---- restart.c --------------------------------------------------------------------------------------------------------------------------- */

/* Offers a generation with these credentials, NULL: random ones. After an error nothing has changed. */
int ice_restart_offer(struct ice_agent *agent, uint64_t now_us, const char *ufrag, const char *password);
/* One is offered, and the peer has not answered. */
bool ice_restart_is_offered(const struct ice_agent *agent);
/* The peer has: what is offered becomes the current generation, and of the one before that remains which may still carry data. */
void ice_restart_commit(struct ice_agent *agent, uint64_t now_us);
/* ICE_ERROR_STATE: none is offered. */
int ice_restart_cancel(struct ice_agent *agent, uint64_t now_us);
/* The current generation has come to its end: one that is offered takes its place. False: none is. */
bool ice_restart_succeed(struct ice_agent *agent, enum ice_failure failure);
/* A pair of the current generation is selected: the one before is listened to for a while, and has nothing to say any more. */
void ice_restart_conclude(struct ice_agent *agent, uint64_t now_us);
/* A new interface has come: is one of its pairs better than the selected one? */
void ice_restart_consider_local(struct ice_agent *agent, uint16_t local);
void ice_restart_handle_timeout(struct ice_agent *agent, uint64_t now_us);
uint64_t ice_restart_next_timeout(const struct ice_agent *agent);

/* ---- gather.c -------------------------------------------------------------------------------------------------------------------------- */

int ice_gather_start(struct ice_agent *agent, uint64_t now_us);
/* Signals all again that is still good, and asks the servers again. */
void ice_gather_restart(struct ice_agent *agent, uint64_t now_us);
/* The restart is cancelled: what was found since is signaled under the ufrag of before. */
void ice_gather_cancel_restart(struct ice_agent *agent);
int ice_gather_set_interfaces(struct ice_agent *agent, uint64_t now_us, const struct ice_interface *interfaces, size_t count);
/* Asks the first address of each family of this server that is not being asked yet, from every interface of that family. */
void ice_gather_add_server(struct ice_agent *agent, uint16_t server);
/* A TURN server that has told us our mapped address: only the NAT's binding is kept alive from now on. Or has not: it is asked. */
void ice_gather_keep_binding(struct ice_agent *agent, uint64_t now_us, uint16_t server, const struct ice_path *path, uint16_t preference);
void ice_gather_ask_turn_server(struct ice_agent *agent, uint16_t server, const struct ice_path *path, uint16_t preference);
bool ice_gather_handle_response(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const struct stun_message *message);
void ice_gather_handle_send_error(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, int error);
void ice_gather_give_up(struct ice_agent *agent, uint64_t now_us);
uint32_t ice_gather_rto_us(const struct ice_agent *agent);
void ice_gather_handle_timeout(struct ice_agent *agent, uint64_t now_us);
size_t ice_gather_poll(struct ice_agent *agent, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_path *path);
uint64_t ice_gather_next_timeout(const struct ice_agent *agent);

/* ---- agent.c ------------------------------------------------------------------------------------------------------------------------------ */

uint64_t ice_agent_random_u64(struct ice_agent *agent);
void ice_agent_random_id(struct ice_agent *agent, uint8_t id[STUN_TRANSACTION_ID_BYTES]);
/* May a new transaction be sent now, and note that one is? (the 5 ms that hold for all of them together) */
uint64_t ice_agent_earliest_transaction(const struct ice_agent *agent);
void ice_agent_fail(struct ice_agent *agent, uint64_t now_us, enum ice_failure failure);
/* The selected pair may not be used any more (RFC 7675): the agent fails, unless a restart is still looking for another. */
void ice_agent_lose_selected(struct ice_agent *agent, uint64_t now_us);
/* An ICE_EVENT_RESTART_NEEDED follows; only the first reason since the last selection or restart is told. */
void ice_agent_need_restart(struct ice_agent *agent, enum ice_restart_reason reason);
/* A STUN message by this path, which may go through a relay. */
int ice_agent_handle_message(struct ice_agent *agent, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);

static inline uint64_t ice_earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t ice_later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Time does not wrap: what would pass the end is never. */
static inline uint64_t ice_after(uint64_t now_us, uint64_t delay_us) {
    return delay_us < ICE_NEVER_US - now_us ? now_us + delay_us : ICE_NEVER_US;
}

#endif
