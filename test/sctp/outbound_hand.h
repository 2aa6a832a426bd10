/* An outbound side by hand: one packet out, one SACK in, and a look at what is in them. */
#ifndef TEST_SCTP_OUTBOUND_HAND_H
#define TEST_SCTP_OUTBOUND_HAND_H

#include "test_sctp.h"

#include "sctp/outbound_internal.h"

#define HAND_PACKET_BYTES 1160
#define HAND_FRAGMENT_BYTES 1120
#define HAND_PACKETS_MAX 512
#define HAND_CHUNKS_MAX 1024

struct hand {
    struct sctp_outbound *out;
    uint64_t now_us;
    size_t allocations; /* so far */
    size_t outstanding;
    size_t refuse_from; /* allocations from this number on fail; 0: none */
    bool has_progressed;
    /* of the last drain */
    size_t packet_count, chunk_count, forward_count;
    struct sctp_data chunks[HAND_CHUNKS_MAX];
    struct sctp_forward_tsn forward;
    uint8_t bytes[HAND_PACKETS_MAX][HAND_PACKET_BYTES];
};

struct hand *hand_new(bool is_interleaved); /* initial TSN 1000, a window of 1 MB, a budget of 1 MB */
struct hand *hand_new_with(const struct sctp_outbound_config *config); /* its allocator is replaced */
void hand_free(struct hand *h);             /* and everything was given back */

/* One byte repeated, `length` times. */
int hand_send(struct hand *h, uint16_t stream, size_t length);
/* All packets that leave now. Returns how many chunks of data. */
size_t hand_drain(struct hand *h);
/* gaps: pairs of offsets, ended by 0. */
int hand_sack(struct hand *h, uint32_t cumulative_tsn, const uint16_t *gaps);
int hand_sack_with(struct hand *h, uint32_t cumulative_tsn, uint32_t window, const uint16_t *gaps, const uint32_t *duplicates, size_t duplicate_count);
/* To the next deadline, and what is due there. True: T3-rtx. */
bool hand_wait(struct hand *h);
struct sctp_outbound_statistics hand_statistics(const struct hand *h);

#endif
