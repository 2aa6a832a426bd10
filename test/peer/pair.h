/*
 * Two peer transports on one wire, in virtual time, from one seed. The wire delays, loses and doubles as it is told, and
 * counts what it did. For NATs and whole networks there is test/sim; this is for what one transport does.
 */
#ifndef TEST_PEER_PAIR_H
#define TEST_PEER_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/peer/peer_transport.h"

#define PAIR_DATAGRAM_MAX 4096 /* under way at one time */
#define PAIR_DATAGRAM_BYTES 2048

struct pair_datagram {
    uint64_t due_us;
    struct ice_path path; /* as the receiver sees it */
    int to;
    size_t length;
    uint8_t bytes[PAIR_DATAGRAM_BYTES];
};

struct pair_end {
    struct peer_transport *transport;
    struct dtls_certificate *certificate;
    struct stun_address address;
    enum peer_transport_state state;
    enum dtls_failure dtls_failure;
    bool is_gathered;
    uint64_t connected_us;
    unsigned rtp_received, rtcp_received, data_received;
    uint8_t last_packet[PAIR_DATAGRAM_BYTES]; /* the last plaintext that came out */
    size_t last_length;
    char key_log[512];
    struct ice_candidate candidates[8];
    size_t candidate_count;
};

/* Asked for every datagram that is sent; false loses it. May change the bytes. */
typedef bool (*pair_filter)(void *context, int from, uint8_t *bytes, size_t length, uint64_t index);

struct pair {
    uint64_t now_us, random_state;
    struct pair_end ends[2]; /* 0 offers, controls and is the DTLS server; 1 answers */
    uint64_t delay_us;
    double loss;
    double duplication;
    pair_filter filter;
    void *filter_context;
    uint64_t sent, lost, doubled;
    size_t datagram_count;
    struct pair_datagram *datagrams;
};

/* allocator: NULL, or one for both ends. False: an allocation failed, and everything is freed again. */
bool pair_start(struct pair *pair, uint64_t seed, const struct ice_allocator *allocator);
void pair_stop(struct pair *pair);

/* Gives each end what the other gathered. Separately, because the answer comes later than the offer. */
void pair_describe(struct pair *pair, int to);

/* Drains one end: what it sends is put on the wire, what it received is counted. */
void pair_drain(struct pair *pair, int end);

/* Runs until `until_us`, or until nothing is left to do. */
void pair_run(struct pair *pair, uint64_t until_us);

/* pair_start, both descriptions, and running until both are connected or `patience_us` has passed. True when connected. */
bool pair_connect(struct pair *pair, uint64_t seed, uint64_t patience_us);
bool pair_is_connected(const struct pair *pair);

/* Sends one RTP packet (or RTCP) with `payload_length` known bytes. Returns the error of protect. */
int pair_send_rtp(struct pair *pair, int from, uint16_t sequence, size_t payload_length);
int pair_send_rtcp(struct pair *pair, int from);

/* Gives bytes to an end as if they had come from `from`. */
int pair_inject(struct pair *pair, int to, const struct stun_address *from, const uint8_t *bytes, size_t length);

uint64_t pair_random(struct pair *pair);

#endif
