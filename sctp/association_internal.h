/*
 * What an association is made of. Each part has a file of its own and one section here; association.c is the verbs, and who is called in
 * which order stands in association_receive.c (a packet that came) and association_transmit.c (one that leaves).
 *
 *     handshake.c  INIT to COOKIE ACK       cookie.c        what an INIT said, in a MAC'd envelope
 *     stray.c      no association, other tag shutdown.c      SHUTDOWN, ABORT, the end
 *     heartbeat.c  is the peer there         stream_reset.c  RE-CONFIG, both ways
 *     path_mtu.c   how long a packet may be  inbound_internal.h, outbound_internal.h: DATA and SACK
 */
#ifndef SCTP_ASSOCIATION_INTERNAL_H
#define SCTP_ASSOCIATION_INTERNAL_H

#include "sctp/association.h"
#include "sctp/chunk.h"
#include "sctp/cookie_internal.h"
#include "sctp/inbound_internal.h"
#include "sctp/outbound_internal.h"

#define SCTP_NEVER UINT64_MAX

/*
 * RFC 9260 section 16: RTO.Initial 1 s, RTO.Max 60 s. Here a handshake of DTLS has just crossed the path in four flights: whoever answers
 * after half a second is late, not far away; and a wait of a minute is longer than any consent to send (RFC 7675) lasts.
 */
#define SCTP_T1_FIRST_US UINT64_C(500000)
#define SCTP_T1_LONGEST_US UINT64_C(8000000)
#define SCTP_TIMER_LONGEST_US UINT64_C(10000000) /* for what else is repeated; the same as of data (retransmission_timeout_internal.h) */
#define SCTP_T5_US UINT64_C(300000000)           /* RFC 9260 section 9.2, RECOMMENDED: five times RTO.Max, the RFC's own */

/* One packet that belongs to no association, or ends one: it waits here for the drain. The smallest packet of any path holds it. */
#define SCTP_REPLY_BYTES SCTP_PACKET_SMALLEST_BYTES
/* Chunks that answer others (HEARTBEAT ACK, ERROR, RE-CONFIG response) and wait for the drain; more are dropped and counted. */
#define SCTP_ANSWERS_BYTES 2048
/* A cookie of a peer is its own affair, but it has to go back whole. */
#define SCTP_PEER_COOKIE_MAX_BYTES (SCTP_PACKET_SMALLEST_BYTES * 2)

enum sctp_timer {
    SCTP_TIMER_T1,        /* INIT or COOKIE ECHO again */
    SCTP_TIMER_T2,        /* SHUTDOWN or SHUTDOWN ACK again */
    SCTP_TIMER_T5,        /* the end of a shutdown that does not end */
    SCTP_TIMER_HEARTBEAT, /* the next one is due, or the last one was not answered */
    SCTP_TIMER_PROBE,     /* likewise, of a longer packet */
    SCTP_TIMER_RESET,     /* RE-CONFIG again */
    SCTP_TIMER_COUNT
};

/* What the two ends have agreed on, beside the tags. */
struct sctp_agreement {
    uint16_t outbound_streams, inbound_streams;
    uint32_t peer_window;
    uint32_t own_initial_tsn, peer_initial_tsn;
    bool is_interleaved, can_forward, can_reset, is_without_checksum;
};

/* RFC 6525: one request of ours at a time, and one of the peer. */
struct sctp_reset {
    uint16_t *waiting; /* streams that are not yet asked for, in the order of the calls */
    size_t waiting_count, waiting_capacity;
    uint8_t *is_closing; /* a bit for each possible stream, from the first reset on: waiting, or asked for. Nothing can be sent on it */
    uint16_t asked[SCTP_RESET_STREAMS_MAX];
    size_t asked_count; /* 0: no request is out */
    uint32_t own_sequence, asked_last_tsn;
    bool is_due;      /* the request waits for the drain */
    bool is_answered; /* STREAMS_RESET waits for the caller, who then sees `asked` */
    bool is_refused;
    bool is_in_progress; /* the peer has said so: the next try is a new request */
    unsigned tries;
    uint64_t asked_us; /* SCTP_NEVER: more than once */

    uint32_t peer_sequence; /* of the peer's next request */
    uint32_t last_result;   /* what its last one got */
    uint16_t *incoming;     /* what it asked for, until STREAMS_RESET has told of it */
    size_t incoming_count;
    uint32_t incoming_last_tsn;
    bool is_held;           /* until the data before it has come */
    uint64_t held_digest;   /* of the last one that was; it may come again under another number; 0: none */
    bool is_incoming_done;  /* to be told of when the messages before it have been polled */
    uint64_t messages_before;
};

/* RFC 8899 section 5.2, of one search at a time. */
struct sctp_path_search {
    size_t known_bytes;   /* packets of this length arrive */
    size_t too_long_bytes; /* of this length they do not; above packet_max_bytes when nothing is known of any */
    size_t probe_bytes;   /* on its way, or due; 0: none */
    uint64_t nonce;
    unsigned tries;
    bool is_due;
    unsigned timeouts;    /* T3 in a row: a black hole? */
    size_t longest_bytes; /* what chunks that are still in flight may have been cut for */
};

struct sctp_association {
    struct sctp_association_config config; /* resolved; its allocator points nowhere */
    struct sctp_allocator allocator;
    struct sctp_cookie_key key;

    enum sctp_association_state state;
    bool is_over;
    uint32_t own_tag, peer_tag; /* peer's 0: not yet known */
    struct sctp_agreement agreed;
    struct sctp_inbound *in;    /* both from ESTABLISHED on; `in` lives to the end, for what was not polled */
    struct sctp_outbound *out;

    uint64_t deadline_us[SCTP_TIMER_COUNT]; /* SCTP_NEVER: not running */
    uint64_t t1_us;
    unsigned t1_tries, stale_tries, t2_tries;
    unsigned errors; /* RFC 9260 section 8.1: in a row without an answer */

    uint8_t *peer_cookie; /* in COOKIE ECHOED, behind it the ERROR about parameters that were not known */
    size_t peer_cookie_length;
    uint8_t unrecognized[64]; /* parameters of the INIT ACK, to be reported with COOKIE ECHO: whole ones, as many as fit */
    size_t unrecognized_length;

    bool init_is_due, cookie_echo_is_due, cookie_ack_is_due, shutdown_is_due, shutdown_ack_is_due, heartbeat_is_due;
    bool shutdown_was_asked; /* by our caller */

    uint64_t heartbeat_nonce, heartbeat_sent_us; /* SCTP_NEVER: none is out */
    uint64_t last_data_us; /* sent */

    uint8_t reply[SCTP_REPLY_BYTES];
    size_t reply_length;
    uint8_t answers[SCTP_ANSWERS_BYTES]; /* whole chunks, padded */
    size_t answers_length;

    struct sctp_reset reset;
    struct sctp_path_search path;

    bool connected_is_due, restarted_is_due, closed_is_due, closed_was_told;
    bool is_send_refused, sendable_is_due;
    enum sctp_closed_reason reason;
    uint16_t cause;

    uint64_t messages_polled; /* of `in` */
    struct sctp_association_statistics count;
};

/* ---- association.c ----------------------------------------------------------------------------------------------------------------- */

void *sctp_allocate(struct sctp_association *a, size_t bytes);
void sctp_release(struct sctp_association *a, void *memory);
uint32_t sctp_random_u32(struct sctp_association *a);
uint64_t sctp_random_u64(struct sctp_association *a);
void sctp_start_timer(struct sctp_association *a, enum sctp_timer timer, uint64_t at_us);
void sctp_stop_timer(struct sctp_association *a, enum sctp_timer timer);
/* Once more without an answer: counts towards the end. False: that was the end. */
bool sctp_count_error(struct sctp_association *a);
/* Doubles the RTO for each try there was, up to the longest. */
uint64_t sctp_backed_off_us(const struct sctp_association *a, unsigned tries);
static inline bool sctp_has_peer(const struct sctp_association *a) {
    return a->out != NULL && !a->is_over;
}

/* ---- association_receive.c --------------------------------------------------------------------------------------------------------- */

/* Adds one chunk to what the next packet carries. */
void sctp_answer(struct sctp_association *a, uint8_t type, uint8_t flags, const uint8_t *value, size_t length);
void sctp_answer_error(struct sctp_association *a, uint16_t cause, const uint8_t *information, size_t length);

/* ---- association_transmit.c -------------------------------------------------------------------------------------------------------- */

/* A packet of its own: begin, write one chunk, end. What does not fit, or finds another waiting, is dropped and counted. */
void sctp_begin_reply(struct sctp_association *a, struct sctp_writer *writer, uint32_t tag);
void sctp_end_reply(struct sctp_association *a, struct sctp_writer *writer);

/* ---- handshake.c ------------------------------------------------------------------------------------------------------------------- */

void sctp_begin_connect(struct sctp_association *a, uint64_t now_us);
void sctp_handle_init(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk);
void sctp_handle_init_ack(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk);
/* True: the association exists now, and the rest of the packet belongs to it. */
bool sctp_handle_cookie_echo(struct sctp_association *a, uint64_t now_us, const struct sctp_packet *packet, const struct sctp_chunk *chunk);
void sctp_handle_cookie_ack(struct sctp_association *a, uint64_t now_us);
void sctp_handle_stale_cookie(struct sctp_association *a, uint64_t now_us);
void sctp_handle_t1(struct sctp_association *a, uint64_t now_us);
void sctp_write_own_init(struct sctp_association *a, struct sctp_writer *writer);
void sctp_forget_cookie(struct sctp_association *a);

/* ---- stray.c: RFC 9260 sections 8.4 and 8.5 ---------------------------------------------------------------------------------------- */

/* Is this packet one of this association? *readable: of which chunks, if so: all, or the one that explains a reflected tag. */
bool sctp_tag_is_right(const struct sctp_association *a, const struct sctp_packet *packet, struct sctp_walk *readable);
/* There is no association that it could be of. */
void sctp_handle_stray(struct sctp_association *a, const struct sctp_packet *packet);

/* ---- shutdown.c -------------------------------------------------------------------------------------------------------------------- */

void sctp_handle_shutdown(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk);
void sctp_handle_shutdown_ack(struct sctp_association *a);
void sctp_handle_shutdown_complete(struct sctp_association *a);
void sctp_handle_abort(struct sctp_association *a, const struct sctp_chunk *chunk);
void sctp_handle_t2(struct sctp_association *a, uint64_t now_us);
void sctp_handle_t5(struct sctp_association *a);
/* Everything has been acknowledged, perhaps: the shutdown goes on. */
void sctp_go_on_with_shutdown(struct sctp_association *a, uint64_t now_us);
void sctp_repeat_shutdown(struct sctp_association *a, uint64_t now_us);
/* One ABORT in the drain, then the end. */
void sctp_abort_with(struct sctp_association *a, enum sctp_closed_reason reason, uint16_t cause, const uint8_t *information, size_t length);
void sctp_abort_because(struct sctp_association *a, uint16_t cause, const char *why);
void sctp_end(struct sctp_association *a, enum sctp_closed_reason reason, uint16_t cause);

/* ---- heartbeat.c ------------------------------------------------------------------------------------------------------------------- */

#define SCTP_HEARTBEAT_INFO_BYTES 8
void sctp_begin_heartbeats(struct sctp_association *a, uint64_t now_us);
void sctp_handle_heartbeat_timer(struct sctp_association *a, uint64_t now_us);
void sctp_handle_heartbeat(struct sctp_association *a, const struct sctp_chunk *chunk);
void sctp_handle_heartbeat_ack(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk);
void sctp_write_own_heartbeat(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer);

/* ---- path_mtu.c -------------------------------------------------------------------------------------------------------------------- */

void sctp_begin_path_search(struct sctp_association *a, uint64_t now_us);
void sctp_handle_probe_timer(struct sctp_association *a, uint64_t now_us);
/* True: it was the nonce of a probe. */
bool sctp_handle_probe_ack(struct sctp_association *a, uint64_t now_us, uint64_t nonce);
/* The whole packet. */
void sctp_write_probe(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer);
/* T3 has expired; something has been acknowledged. */
void sctp_suspect_black_hole(struct sctp_association *a, uint64_t now_us);
size_t sctp_fragment_bytes(const struct sctp_association *a);

/* ---- stream_reset.c ---------------------------------------------------------------------------------------------------------------- */

void sctp_begin_resets(struct sctp_association *a);
void sctp_forget_resets(struct sctp_association *a);
/* Is this one of ours that waits for its reset? */
bool sctp_is_resetting(const struct sctp_association *a, uint16_t stream);
int sctp_reset_own_streams(struct sctp_association *a, uint64_t now_us, const uint16_t *streams, size_t count);
void sctp_handle_re_config(struct sctp_association *a, uint64_t now_us, const struct sctp_chunk *chunk);
/* What was waited for may have happened: asks for streams that are drained, does what the peer asked for. */
void sctp_go_on_with_resets(struct sctp_association *a, uint64_t now_us);
void sctp_handle_reset_timer(struct sctp_association *a, uint64_t now_us);
void sctp_write_reset_request(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer);
bool sctp_poll_reset(struct sctp_association *a, struct sctp_event *out);

#endif
