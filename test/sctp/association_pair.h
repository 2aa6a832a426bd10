/* Two associations, a link between them, virtual time. What the link does to a packet a filter decides; by default it arrives. */
#ifndef TEST_SCTP_ASSOCIATION_PAIR_H
#define TEST_SCTP_ASSOCIATION_PAIR_H

#include "test_sctp.h"

#include "sctp/association.h"

#define PAIR_EVENTS_MAX 4096
#define PAIR_PACKETS_MAX 4096
#define PAIR_TEXT_BYTES 64

struct pair_event {
    enum sctp_event_type type;
    struct sctp_event event; /* its views point nowhere */
    char text[PAIR_TEXT_BYTES]; /* of a message, cut, with NUL */
    size_t length;
    uint16_t streams[8]; /* the first of STREAMS_RESET */
};

struct pair_end {
    struct sctp_association *association;
    struct pair_event events[PAIR_EVENTS_MAX];
    size_t event_count;
    size_t packets_sent;
    size_t longest_packet;
    bool is_deaf; /* does not poll events */
    uint64_t message_bytes, messages;
};

struct pair_packet {
    uint64_t at_us;
    unsigned to;
    size_t length;
    uint8_t *bytes;
};

struct pair {
    uint64_t now_us, delay_us;
    uint64_t random_state;
    size_t random_zeros; /* so many bytes of chance are 0 from here on */
    struct pair_end end[2];
    struct pair_packet packets[PAIR_PACKETS_MAX];
    size_t packet_count;
    /* False: lost. `from` 0 or 1; n: how many this end sent before. May change the bytes. */
    bool (*filter)(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length);
    void *context;
    /* allocation */
    size_t allocated_bytes, most_allocated_bytes, allocations, fail_at; /* fail_at: of the allocation that fails; 0: none */
    size_t path_bytes; /* longer ones are lost; 0: none is */
};

/* An allocator and random source of the pair, otherwise defaults. */
struct sctp_association_config two_config(struct pair *pair);
/* Either configuration NULL: the default. 10 ms one way. NULL: an allocation failed. */
struct pair *two_new(uint64_t seed, const struct sctp_association_config *left, const struct sctp_association_config *right);
void two_free(struct pair *pair);
/* A pair whose left end has called. */
struct pair *two_connected(uint64_t seed);

void two_drain(struct pair *pair, unsigned end);
/* Lets `us` pass, and everything happen. */
void two_run(struct pair *pair, uint64_t us);
/* The next packet of this end, taken off the link; length 0: none. Out: PAIR_PACKET_BYTES. */
#define PAIR_PACKET_BYTES SCTP_PACKET_LARGEST_BYTES
size_t two_take_packet(struct pair *pair, unsigned from, uint8_t *out);
/* Gives this packet to the end, and drains it. */
int two_give(struct pair *pair, unsigned end, const uint8_t *bytes, size_t length);

int two_send(struct pair *pair, unsigned from, uint16_t stream, const char *text);
int two_send_bytes(struct pair *pair, unsigned from, uint16_t stream, size_t length);
/* Events of this type; and the n-th of them, or NULL. */
size_t two_count(const struct pair *pair, unsigned end, enum sctp_event_type type);
const struct pair_event *two_find(const struct pair *pair, unsigned end, enum sctp_event_type type, size_t n);
struct sctp_association_statistics two_statistics(const struct pair *pair, unsigned end);

/* For packets of our own making. */
void two_write(struct sctp_writer *writer, uint8_t *bytes, uint32_t tag);
/* The first chunk of this type in a packet, false: none. */
bool two_find_chunk(const uint8_t *bytes, size_t length, uint8_t type, struct sctp_chunk *out);
uint32_t two_tag_of(const uint8_t *bytes);

#endif
