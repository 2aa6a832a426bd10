/* Two ends with data channels, on a link in virtual time that can lose packets; and what each end was told, as text. */
#ifndef TEST_SCTP_CHANNEL_BENCH_H
#define TEST_SCTP_CHANNEL_BENCH_H

#include "inbound_bench.h"
#include "sctp/data_channel.h"

#define LINK_PACKETS 4096

struct channel_end {
    struct sctp_association *association;
    struct data_channel_layer *layer;
    struct counting memory;
    char log[8192]; /* one line an event; see channel_bench.c */
    size_t log_length;
    data_channel_handle last_opened, opened[16]; /* by the peer */
    unsigned opened_count;
    unsigned messages, last_length;
    uint8_t last[300000];            /* the last message */
    struct data_channel_event last_event;
    bool is_deaf;                    /* its events are not polled */
};

struct channel_packet {
    uint64_t arrives_us;
    int to;
    size_t length;
    uint8_t bytes[1200];
};

struct channel_pair {
    struct channel_end ends[2]; /* 0: the DTLS client */
    uint64_t now_us, random_state;
    unsigned loss_percent;
    bool is_cut[2]; /* what this end sends is lost */
    uint64_t delay_us;
    struct channel_packet *packets; /* a ring */
    size_t first, count;
    uint64_t lost;
};

/* Both ends have called, layers are attached; nothing has moved yet. */
void pair_begin(struct channel_pair *pair);
/* The same with these, instead of defaults. NULL: defaults. */
void pair_begin_with(struct channel_pair *pair, const struct sctp_association_config *association, const struct data_channel_layer_config *layer);
/* One end anew, in place of one that was freed. */
void pair_make_end(struct channel_pair *pair, int end, const struct sctp_association_config *association, const struct data_channel_layer_config *layer);
void pair_end(struct channel_pair *pair);
/* Drains, carries, times, until nothing is on its way, or until so much time has passed. */
void pair_run(struct channel_pair *pair, uint64_t for_us);
/* Polls events and packets of both ends, and moves no time. */
void pair_drain(struct channel_pair *pair);
/* An in-band channel of end `end` with this label. */
data_channel_handle pair_open(struct channel_pair *pair, int end, const char *label);
int pair_send(struct channel_pair *pair, int end, data_channel_handle handle, const char *text);
/* A raw message of its association. */
int pair_send_raw(struct channel_pair *pair, int end, uint16_t stream, uint32_t payload_protocol, const void *bytes, size_t length);
/* What was told to an end since the last call. */
const char *pair_log(struct channel_pair *pair, int end);
uint16_t pair_id(const struct channel_pair *pair, int end, data_channel_handle handle);

#endif
