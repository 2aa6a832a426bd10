/*
 * One SCTP association (RFC 9260) inside one DTLS association (RFC 8261): streams of messages, ordered or not, reliable or not.
 *
 * Bytes and time in, bytes and events out: the verbs are those of docs/contract.md. After every call that changes the object the
 * caller drains sctp_association_poll_transmit and sctp_association_poll_event until both return false, then reads
 * sctp_association_next_timeout. One packet is one DTLS record; addresses are none of its business.
 *
 *                 connect                INIT ACK              COOKIE ACK
 *     CLOSED ----------------> INIT SENT ---------> COOKIE SENT ----------> ESTABLISHED      the states of RFC 9260 section 4;
 *        '------ COOKIE ECHO of the peer, with a cookie of ours ----------------^            then SHUTDOWN, both ways
 *
 * Until that COOKIE ECHO nothing is remembered of a peer that calls: what an INIT said travels in the cookie.
 *
 * Memory: the object is small (SCTP_ASSOCIATION_IDLE_BYTES); what is sent and not acknowledged lies in at most send_bytes, what has
 * come and was not polled in at most receive_bytes. A peer can make neither grow beyond.
 */
#ifndef SCTP_ASSOCIATION_H
#define SCTP_ASSOCIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sctp/error.h"

#define SCTP_PORT 5000 /* what a=sctp-port (RFC 8841 section 5.1) says of nearly everybody */
#define SCTP_STREAMS_MAX 65535 /* RFC 8831 section 6.2 wants as many; the ids are 0..65534 */

/* A datagram of 1200 bytes less what a record of DTLS 1.2 with AES-GCM puts around it (13 + 8 + 16), at a multiple of four. */
#define SCTP_PACKET_DEFAULT_BYTES 1160
#define SCTP_PACKET_SMALLEST_BYTES 508 /* 576, which every IPv4 host takes (RFC 791), less the headers of IP and UDP and the record */
#define SCTP_PACKET_LARGEST_BYTES 16384 /* the longest DTLS record */

#define SCTP_RECEIVE_DEFAULT_BYTES 1048576 /* 1 MiB: 80 Mbit/s at 100 ms */
#define SCTP_RECEIVE_SMALLEST_BYTES 65536
#define SCTP_SEND_DEFAULT_BYTES 1048576
#define SCTP_SEND_SMALLEST_BYTES 65536
#define SCTP_BUFFER_LARGEST_BYTES (UINT32_C(1) << 30)
#define SCTP_MESSAGE_DEFAULT_BYTES 262144 /* the longest message that is received, a=max-message-size */

#define SCTP_ASSOCIATION_RETRANSMISSIONS_DEFAULT 10 /* RFC 9260 section 16: Association.Max.Retrans */
#define SCTP_INIT_RETRANSMISSIONS_DEFAULT 8         /* Max.Init.Retransmits */
#define SCTP_HEARTBEAT_DEFAULT_US UINT64_C(30000000) /* HB.interval */

#define SCTP_ASSOCIATION_IDLE_BYTES 40960 /* the most that an idle association takes, its first messages sent and read */

#define SCTP_RESET_STREAMS_MAX 128 /* streams in one request of ours (RFC 6525 section 4.1); those behind go into the next */

/* ---- configuration ----------------------------------------------------------------------------------------------------------------- */

struct sctp_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
    void *context;
};

/* configured, or malloc and free when it is NULL: what every object of this library does with the allocator of its configuration. */
struct sctp_allocator sctp_allocator_or_default(const struct sctp_allocator *configured);

/*
 * Everything is read during sctp_association_new only; 0 means the default, where there is one.
 * allocator               NULL: malloc, free; copied
 * random, random_context  fills `length` bytes: cryptographic in production, seeded in tests; required, outlives the object
 * local_port, remote_port 0: SCTP_PORT
 * outbound_streams, inbound_streams   what we offer, 0: SCTP_STREAMS_MAX. Nothing is allocated for a stream before it is used
 * packet_bytes            longest packet that the path is sure to carry, 0: SCTP_PACKET_DEFAULT_BYTES, else a multiple of four within
 *                         SCTP_PACKET_SMALLEST_BYTES..SCTP_PACKET_LARGEST_BYTES
 * packet_max_bytes        longest packet worth trying: above packet_bytes, the path is probed up to it (RFC 8899). 0: no probing
 * receive_bytes           what has come and was not polled, 0: the default; SCTP_RECEIVE_SMALLEST_BYTES..SCTP_BUFFER_LARGEST_BYTES. The
 *                         window (a_rwnd) that the peer is told
 * send_bytes              what was sent and is not acknowledged, 0: the default; SCTP_SEND_SMALLEST_BYTES..SCTP_BUFFER_LARGEST_BYTES
 * message_max_bytes       longest message that is received, 0: SCTP_MESSAGE_DEFAULT_BYTES. A longer one ends the association
 * accepts_zero_checksum   RFC 9653: DTLS protects this association, packets without a checksum are taken, and sent if the peer said so too
 * wants_interleaving      RFC 8260: I-DATA, if the peer can
 * association_retransmissions, init_retransmissions   so many in a row without an answer end it; 0: the defaults, RFC 9260 section 16
 * heartbeat_us            between two, while nothing else is sent; 0: the default; UINT64_MAX: none
 */
struct sctp_association_config {
    const struct sctp_allocator *allocator;
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    uint16_t local_port, remote_port;
    uint16_t outbound_streams, inbound_streams;
    size_t packet_bytes, packet_max_bytes;
    size_t receive_bytes, send_bytes;
    size_t message_max_bytes;
    bool accepts_zero_checksum;
    bool wants_interleaving;
    unsigned association_retransmissions, init_retransmissions;
    uint64_t heartbeat_us;
};

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

enum sctp_reliability {
    SCTP_RELIABLE,
    SCTP_MAX_RETRANSMITS, /* RFC 7496 section 3.1: given up after so many retransmissions */
    SCTP_MAX_LIFETIME     /* RFC 3758 section 3.5: given up after so much time */
};

#define SCTP_PRIORITY_DEFAULT 256 /* RFC 8831 section 6.4: "normal"; 0 in a message means this */

/* One message to send. The bytes are read during the call only. */
struct sctp_message {
    uint16_t stream;
    uint32_t payload_protocol;
    bool is_unordered;
    enum sctp_reliability reliability;
    uint32_t max_retransmits; /* SCTP_MAX_RETRANSMITS; 0: sent once */
    uint64_t lifetime_us;     /* SCTP_MAX_LIFETIME, from now on */
    uint16_t priority;        /* weight against other streams, of the stream from now on */
    const uint8_t *bytes;
    size_t length;            /* 1 at least: SCTP has no empty messages */
};

/* One message that came. The bytes are a view, valid until the next call on the association. */
struct sctp_received {
    uint16_t stream;
    uint32_t payload_protocol;
    bool is_unordered;
    const uint8_t *bytes;
    size_t length;
};

/* ---- events ------------------------------------------------------------------------------------------------------------------------ */

enum sctp_event_type {
    SCTP_EVENT_CONNECTED,         /* the streams and extensions agreed on; messages may be sent */
    SCTP_EVENT_MESSAGE,
    SCTP_EVENT_STREAMS_RESET,     /* streams begin anew: the peer's (is_incoming), or ours as was asked, with the peer's result */
    SCTP_EVENT_BUFFERED_LOW,      /* stream: what is buffered for it has sunk to its low-water mark */
    SCTP_EVENT_SENDABLE,          /* after a SCTP_ERROR_CAPACITY of sctp_association_send: some of send_bytes is free again */
    SCTP_EVENT_RESTARTED,         /* the peer began anew (RFC 9260 section 5.2.4.1): all that was on its way is lost, in both directions */
    SCTP_EVENT_CLOSED             /* nothing comes after it; only sctp_association_free remains */
};

enum sctp_closed_reason {
    SCTP_CLOSED_NONE = 0,
    SCTP_CLOSED_SHUTDOWN,           /* orderly, by either side: everything sent has arrived */
    SCTP_CLOSED_ABORTED,            /* by sctp_association_abort */
    SCTP_CLOSED_PEER_ABORTED,       /* cause: what the peer said, 0 if nothing */
    SCTP_CLOSED_CONNECT_TIMEOUT,    /* nobody answered init_retransmissions times */
    SCTP_CLOSED_UNREACHABLE,        /* nobody answered association_retransmissions times */
    SCTP_CLOSED_PROTOCOL_VIOLATION, /* cause: what the peer was told that it did */
    SCTP_CLOSED_MEMORY              /* the allocator said no where the association could not go on without; the peer was told */
};
/* "peer aborted"; static. */
const char *sctp_closed_reason_name(enum sctp_closed_reason reason);

/* Views are valid until the next call on the association. Fields that the type does not name are zero. */
struct sctp_event {
    enum sctp_event_type type;
    /* CONNECTED, RESTARTED */
    uint16_t outbound_streams, inbound_streams; /* agreed: ids below these may be used */
    bool is_interleaved, is_partially_reliable, can_reset_streams, is_without_checksum; /* agreed: RFC 8260, 3758, 6525, 9653 */
    /* MESSAGE */
    struct sctp_received message;
    /* STREAMS_RESET */
    bool is_incoming;
    bool is_refused;          /* outgoing only: the peer said no; the streams go on where they were */
    const uint16_t *streams;
    size_t stream_count;      /* 0, incoming only: all */
    /* BUFFERED_LOW */
    uint16_t stream;
    /* CLOSED */
    enum sctp_closed_reason reason;
    uint16_t cause;           /* enum sctp_cause_code of sctp/packet.h, or another; 0: none */
};

/* One packet that sctp_association_poll_transmit wrote. */
struct sctp_transmit {
    size_t length;
    bool is_probe; /* longer than what the path is known to carry: must not be fragmented, may be lost without regret */
};

enum sctp_association_state { /* RFC 9260 section 4 */
    SCTP_STATE_CLOSED,        /* not yet connected, or CLOSED was reported */
    SCTP_STATE_COOKIE_WAIT,
    SCTP_STATE_COOKIE_ECHOED,
    SCTP_STATE_ESTABLISHED,
    SCTP_STATE_SHUTDOWN_PENDING,
    SCTP_STATE_SHUTDOWN_SENT,
    SCTP_STATE_SHUTDOWN_RECEIVED,
    SCTP_STATE_SHUTDOWN_ACK_SENT
};
/* "established"; static. */
const char *sctp_association_state_name(enum sctp_association_state state);

/* Counters since sctp_association_new, and what is now. */
struct sctp_association_statistics {
    enum sctp_association_state state;
    uint64_t packets_sent, bytes_sent, packets_received, bytes_received; /* whole packets */
    uint64_t messages_sent, messages_received;  /* given to _send; handed out by _poll_event */
    uint64_t chunks_retransmitted, messages_abandoned;
    uint64_t recoveries, timeouts;              /* losses found by acknowledgements, in round trips; T3 and the other timers */
    uint64_t checksums_wrong;                   /* dropped */
    uint64_t packets_malformed;                 /* dropped, or the rest of one: lengths that do not fit */
    uint64_t packets_of_strangers;              /* dropped: port or verification tag are not this association's */
    uint64_t packets_without_association;       /* out of the blue: RFC 9260 section 8.4 */
    uint64_t cookies_refused;                   /* not ours, or stale */
    uint64_t chunks_unknown, chunks_duplicate;
    uint64_t chunks_dropped;                    /* DATA for which there was no window or no memory: the peer sends it again */
    uint64_t replies_dropped;                   /* what the peer asked for (heartbeats, errors) beyond what one drain may carry */
    uint32_t smoothed_round_trip_us, retransmission_timeout_us;
    uint64_t congestion_window_bytes, peer_window_bytes, in_flight_bytes;
    uint64_t buffered_bytes;                    /* taken, not yet sent for the first time */
    uint64_t received_bytes;                    /* held: come and not polled, or not whole */
    uint32_t window_bytes;                      /* what the peer is told */
    uint32_t packet_bytes;                      /* longest packet that the path is known to carry */
    uint32_t restarts;
};

/* ---- the association --------------------------------------------------------------------------------------------------------------- */

struct sctp_association;

/*
 * Makes an association in the state CLOSED, which answers a peer that calls.
 * now_us   monotonic microseconds, as in every call below: never decreasing
 * Returns an object that the caller owns; NULL: a value out of range, or out of memory.
 */
struct sctp_association *sctp_association_new(const struct sctp_association_config *config, uint64_t now_us);

/* Frees. NULL is fine. Says nothing to the peer: sctp_association_abort first, and drain, to be polite. */
void sctp_association_free(struct sctp_association *association);

/*
 * Calls the peer. Both ends may (over DTLS both MUST, RFC 8841 section 9.3): one association comes of it.
 * Returns SCTP_OK, also when the peer was first; SCTP_ERROR_STATE after the end.
 */
int sctp_association_connect(struct sctp_association *association, uint64_t now_us);

/*
 * Takes one packet, as DTLS handed it out.
 * bytes   any bytes, `length` of them, read during the call only
 * Returns SCTP_OK, also for what is old, doubled or none of ours (counted);
 *   SCTP_ERROR_MALFORMED  dropped, or the rest of the packet was; counted
 *   SCTP_ERROR_CHECKSUM   dropped, counted
 * Nothing of it needs an action of the caller beyond the drain.
 */
int sctp_association_handle_datagram(struct sctp_association *association, uint64_t now_us, const uint8_t *bytes, size_t length);

/* Does what is due. Early: nothing happens. Late: it is done once. */
void sctp_association_handle_timeout(struct sctp_association *association, uint64_t now_us);

/*
 * Writes the next packet.
 * buffer, capacity   where to; with less than the longest packet (config: packet_max_bytes, or packet_bytes) packets are shorter, and none comes
 *                    when not even a chunk that must be repeated fits
 * out                written when true is returned
 */
bool sctp_association_poll_transmit(struct sctp_association *association, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sctp_transmit *out);

/* Hands out the next event. out: written when true is returned. A message that is not polled holds the window. */
bool sctp_association_poll_event(struct sctp_association *association, struct sctp_event *out);

/* When sctp_association_handle_timeout wants to be called; UINT64_MAX: never, as things stand. */
uint64_t sctp_association_next_timeout(const struct sctp_association *association);

/*
 * Queues one message: its bytes are copied. It leaves in the drain that follows, as far as the windows allow.
 * Returns SCTP_OK;
 *   SCTP_ERROR_ARGUMENT  no bytes, more than send_bytes, or a stream that was not agreed on
 *   SCTP_ERROR_CAPACITY  send_bytes is spent: again after a SENDABLE
 *   SCTP_ERROR_STATE     not connected, or shutting down; or this stream is being reset: again after its STREAMS_RESET
 *   SCTP_ERROR_MEMORY    the allocator said no
 * On every error nothing was taken. With a peer that has no partial reliability every message is reliable.
 */
int sctp_association_send(struct sctp_association *association, uint64_t now_us, const struct sctp_message *message);

/* Bytes of messages that were taken and have not left for the first time (W3C: bufferedAmount): of one stream, and of all. */
uint64_t sctp_association_buffered(const struct sctp_association *association, uint16_t stream);
uint64_t sctp_association_buffered_total(const struct sctp_association *association);

/*
 * The low-water mark of a stream, 0 at first: when what is buffered for it sinks from above to this or below, there is one BUFFERED_LOW.
 * Returns SCTP_OK, SCTP_ERROR_ARGUMENT (no such stream), SCTP_ERROR_STATE (not connected), SCTP_ERROR_MEMORY.
 */
int sctp_association_set_buffered_low(struct sctp_association *association, uint16_t stream, uint64_t bytes);

/*
 * Resets streams of ours (RFC 6525 section 5.1.2): nothing more is taken for them, and when all that was has been acknowledged or given
 * up, the peer is asked. Its answer comes as STREAMS_RESET, and the streams begin anew. One that is already under way is not asked for twice.
 * streams   ids, `count` of them, 1 at least; copied
 * Returns SCTP_OK, SCTP_ERROR_ARGUMENT (no such stream, none), SCTP_ERROR_STATE (not established, or the peer cannot), SCTP_ERROR_MEMORY
 */
int sctp_association_reset_streams(struct sctp_association *association, uint64_t now_us, const uint16_t *streams, size_t count);

/*
 * Ends it when everything queued has arrived (RFC 9260 section 9.2). Nothing more can be sent. CLOSED comes at the end.
 * Returns SCTP_OK, also when that is under way; SCTP_ERROR_STATE after the end. Not connected yet: CLOSED at once.
 */
int sctp_association_shutdown(struct sctp_association *association, uint64_t now_us);

/*
 * Ends it now (RFC 9260 section 9.1): one ABORT to the peer with the cause "user-initiated abort" and this text; CLOSED.
 * reason   any bytes, `length` of them, cut at SCTP_ABORT_REASON_MAX_BYTES; NULL and 0: none
 * Returns SCTP_OK, SCTP_ERROR_STATE after the end.
 */
#define SCTP_ABORT_REASON_MAX_BYTES 128
int sctp_association_abort(struct sctp_association *association, uint64_t now_us, const uint8_t *reason, size_t length);

/*
 * The datagrams below take another path now: what was learnt of the old one (round trip, window, packet size) is forgotten.
 * After an ICE restart or another selected pair.
 */
void sctp_association_path_changed(struct sctp_association *association, uint64_t now_us);

void sctp_association_statistics(const struct sctp_association *association, struct sctp_association_statistics *out);

#endif
