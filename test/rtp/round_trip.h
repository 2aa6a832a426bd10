/* A frame cut into packets and joined again, each packet in a block of exactly its size. */
#ifndef TEST_RTP_ROUND_TRIP_H
#define TEST_RTP_ROUND_TRIP_H

#include "rtp/payload.h"
#include "rtp/session.h"

struct round_trip {
    size_t packets, shortest, longest;
    size_t length; /* of what came out, in `bytes`: the caller's, of `capacity` */
    uint8_t *bytes;
    size_t capacity;
    bool key_frame; /* a packet said so */
    /* Called for every packet, if not NULL. */
    void (*look)(void *context, const uint8_t *payload, size_t length, bool first, bool last);
    void *context;
};

/* Asserts that count, last, sizes, frame starts and the parser agree. False: rtp_packetizer_start refused, and nothing was done. */
bool round_trip(enum rtp_codec codec, const struct rtp_payload_state *state, const uint8_t *frame, size_t length, size_t payload_max_bytes,
                struct round_trip *out);

/* Every prefix of a payload is parsed, and joined if that succeeds, in blocks of exactly its size. Returns how many were accepted. */
size_t truncation_sweep(enum rtp_codec codec, const uint8_t *payload, size_t length);

/* Parses; on success joins to *assembly. On failure asserts that the result is untouched. */
int parse_and_append(enum rtp_codec codec, const uint8_t *payload, size_t length, struct rtp_payload *parsed, struct rtp_assembly *assembly);

#endif
