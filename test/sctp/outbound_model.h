/*
 * The outbound side against a small peer, over a link in virtual time:
 *
 *     sctp_outbound --> [ loss ] --> [ queue | rate ] --> delay, reordering, doubling --> receiver: TSNs, SACK (RFC 9260 section 6.2)
 *                  <-- [ loss ] <-- delay <--------------------------------------------- '
 *
 * The receiver knows of SCTP what an outbound side can see of it. It keeps what arrived, to be judged in the end.
 */
#ifndef TEST_SCTP_OUTBOUND_MODEL_H
#define TEST_SCTP_OUTBOUND_MODEL_H

#include "test_sctp.h"

#include "sctp/outbound_internal.h"

#define MODEL_PACKET_BYTES 1160
#define MODEL_FRAGMENT_BYTES (MODEL_PACKET_BYTES - SCTP_HEADER_BYTES - SCTP_I_DATA_HEADER_BYTES)
#define MODEL_OVERHEAD_BYTES 65 /* IPv4, UDP and a DTLS 1.2 record around a packet */

struct model_config {
    uint64_t seed;
    uint64_t rate_bps;    /* 0: infinite */
    uint64_t queue_bytes; /* 0: infinite */
    uint64_t delay_us;    /* one way */
    uint64_t jitter_us;
    double loss, duplicate, reorder, sack_loss;
    uint64_t reorder_us;
    uint32_t window;      /* the receiver's a_rwnd, constant */
    size_t budget_bytes;
    bool is_interleaved, keeps; /* keeps: every chunk that arrived, for model_judge */
    bool ignores_immediate;
    uint64_t sack_delay_us;     /* 0: 20 ms */
    uint32_t initial_tsn;
    const struct sctp_congestion_algorithm *congestion;
    const struct sctp_allocator *allocator;
};

struct model_chunk { /* as it arrived, the first time */
    bool is_received;
    struct sctp_data data;
    uint8_t *bytes;
};

struct model_packet {
    uint64_t at_us;
    size_t length;
    uint8_t *bytes;
};

struct model_wire {
    struct model_packet *packets; /* by time */
    size_t first, count, capacity;
    uint64_t free_us;
};

#define MODEL_TSNS 262144 /* how far the receiver sees beyond its cumulative TSN: more than a SACK can say */
#define MODEL_DUPLICATES_MAX 20
#define MODEL_GAPS_MAX 200

struct model {
    struct model_config config;
    struct sctp_outbound *out;
    uint64_t now_us, random;
    struct model_wire forth, back;
    /* the receiver */
    uint32_t cumulative_tsn, highest_tsn;
    uint8_t *seen;                /* a bit for each TSN, modulo MODEL_TSNS */
    uint32_t duplicates[MODEL_DUPLICATES_MAX];
    size_t duplicate_count;
    unsigned unacknowledged;      /* packets since the last SACK */
    bool is_sack_due;
    uint64_t sack_us;
    uint64_t received_bytes, received_chunks, duplicate_chunks, forwards;
    uint32_t window;
    /* what it kept */
    struct model_chunk *chunks;
    size_t chunk_count, chunk_capacity;
    uint32_t first_tsn;
    /* the link */
    uint64_t packets, lost, dropped;
    size_t largest_packet_bytes;
    uint64_t queue_most_us;
    bool (*filter)(struct model *m, uint64_t number, const uint8_t *bytes, size_t length); /* false: lost. NULL: none */
    uint64_t timeouts_counted;
    void *context;
};

struct model *model_new(const struct model_config *config);
void model_free(struct model *m);

/* Everything that happens until then, draining after each step. */
void model_run(struct model *m, uint64_t until_us);
/* Until nothing waits, is in flight or on its way, or `within_us` have passed: false. */
bool model_finish(struct model *m, uint64_t within_us);
void model_drain(struct model *m);

/* A message whose bytes follow from `index`, which is its payload protocol. */
int model_send(struct model *m, const struct sctp_message *like, uint32_t index, size_t length);
uint8_t model_byte(uint32_t index, size_t offset);

/* How often the message arrived whole; fails the test when bytes are wrong or, of a stream's ordered ones, the order is. */
struct model_verdict {
    unsigned times;
    bool is_begun;
};
void model_judge(struct model *m, struct model_verdict *verdicts, size_t count);

/* Keeps the send buffer full of messages of this length until then. Returns what arrived meanwhile, bytes a second. */
double model_stream(struct model *m, uint64_t until_us, size_t message_bytes);
struct sctp_outbound_statistics model_statistics(const struct model *m);
double model_random(struct model *m);

#endif
