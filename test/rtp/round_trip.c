#include "round_trip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t *copy_of(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    return copy;
}

int parse_and_append(enum rtp_codec codec, const uint8_t *payload, size_t length, struct rtp_payload *parsed, struct rtp_assembly *assembly) {
    const struct rtp_payload_format *format = rtp_payload_format(codec);
    struct rtp_payload untouched;
    memset(parsed, 0xEE, sizeof *parsed);
    memset(&untouched, 0xEE, sizeof untouched);
    uint8_t *copy = copy_of(payload, length);
    int error = format->parse(copy, length, parsed);
    if (error != RTP_OK) {
        assert_int_equal(error, RTP_ERROR_MALFORMED);
        assert_memory_equal(parsed, &untouched, sizeof untouched);
    } else if (parsed->length > 0) {
        assert_true(parsed->bytes >= copy && parsed->bytes + parsed->length == copy + length);
        uint8_t *stored = copy_of(parsed->bytes, parsed->length); /* as the jitter buffer does */
        error = format->append(assembly, stored, parsed->length);
        assert_true(assembly->length <= assembly->capacity);
        free(stored);
    }
    parsed->bytes = NULL;
    free(copy);
    return error;
}

bool round_trip(enum rtp_codec codec, const struct rtp_payload_state *state, const uint8_t *frame, size_t length, size_t payload_max_bytes,
                struct round_trip *out) {
    struct rtp_packetizer packetizer;
    uint8_t *copy = copy_of(frame, length);
    out->packets = out->longest = out->length = 0;
    out->shortest = SIZE_MAX;
    out->key_frame = false;
    if (rtp_packetizer_start(&packetizer, rtp_payload_format(codec), state, copy, length, payload_max_bytes) != RTP_OK) {
        free(copy);
        return false;
    }
    size_t count = rtp_packetizer_count(&packetizer);
    struct rtp_assembly assembly = {.bytes = out->bytes, .capacity = out->capacity};
    for (bool last = false; !last; out->packets++) {
        struct rtp_payload parsed;
        uint8_t *payload = malloc(payload_max_bytes);
        size_t payload_bytes = rtp_packetizer_next(&packetizer, payload, &last);
        assert_true(payload_bytes > 0 && payload_bytes <= payload_max_bytes);
        assert_int_equal(parse_and_append(codec, payload, payload_bytes, &parsed, &assembly), RTP_OK);
        assert_true(out->packets > 0 || parsed.frame_start != RTP_FRAME_START_NO);
        out->key_frame = out->key_frame || parsed.key_frame;
        out->shortest = payload_bytes < out->shortest ? payload_bytes : out->shortest;
        out->longest = payload_bytes > out->longest ? payload_bytes : out->longest;
        if (out->look != NULL) {
            out->look(out->context, payload, payload_bytes, out->packets == 0, last);
        }
        free(payload);
    }
    free(copy);
    assert_int_equal(out->packets, count);
    assert_false(assembly.unit_open);
    out->length = assembly.length;
    return true;
}

size_t truncation_sweep(enum rtp_codec codec, const uint8_t *payload, size_t length) {
    size_t accepted = 0;
    for (size_t cut = 0; cut < length; cut++) {
        struct rtp_payload parsed;
        struct rtp_assembly assembly = {.bytes = malloc(2 * length + 16), .capacity = 2 * length + 16};
        accepted += parse_and_append(codec, payload, cut, &parsed, &assembly) == RTP_OK;
        free(assembly.bytes);
    }
    return accepted;
}
