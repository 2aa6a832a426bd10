/* links: ice stun */
/*
 * RFC 4571 framing: a stream read in one piece, read in chunks that the first bytes of the input cut, and read by the plain loop
 * of `expected` gives the same frames.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ice/framing.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

static uint64_t digest(uint64_t sum, const uint8_t *bytes, size_t length) {
    sum = (sum ^ length) * 1099511628211u;
    for (size_t i = 0; i < length; i++)
        sum = (sum ^ bytes[i]) * 1099511628211u;
    return sum;
}

/* What the frames of the stream are, said in the plainest way. */
static uint64_t expected(const uint8_t *bytes, size_t length, bool *too_long) {
    uint64_t sum = 1;
    *too_long = false;
    for (size_t at = 0; length - at >= 2;) {
        size_t frame = (size_t)bytes[at] * 256 + bytes[at + 1];
        *too_long = frame > ICE_FRAMING_FRAME_MAX_BYTES;
        if (*too_long || length - at - 2 < frame)
            break;
        sum = digest(sum, bytes + at + 2, frame);
        at += 2 + frame;
    }
    return sum;
}

/* One chunk in memory of its own size. Returns false once a frame is too long. */
static bool feed(struct ice_framing *framing, const uint8_t *bytes, size_t length, uint64_t *sum) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    REQUIRE(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    const uint8_t *at = copy;
    struct ice_frame frame;
    enum ice_framing_result result;
    while ((result = ice_framing_read(framing, &at, &length, &frame)) == ICE_FRAMING_FRAME) {
        REQUIRE(frame.length <= ICE_FRAMING_FRAME_MAX_BYTES);
        *sum = digest(*sum, frame.bytes, frame.length);
    }
    REQUIRE(result == ICE_FRAMING_TOO_LONG || length == 0);
    free(copy);
    return result == ICE_FRAMING_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct ice_framing framing;
    size_t cuts = size < 8 ? size : 8;
    const uint8_t *stream = data + cuts;
    size_t length = size - cuts;
    bool too_long;
    uint64_t wanted = expected(stream, length, &too_long);

    uint64_t sum = 1;
    framing.held = 0;
    bool goes_on = feed(&framing, stream, length, &sum);
    REQUIRE(sum == wanted && goes_on == !too_long);

    sum = 1;
    framing.held = 0;
    goes_on = true;
    for (size_t at = 0, n = 0; at < length && goes_on; n++) {
        size_t chunk = cuts > 0 ? data[n % cuts] : 1;
        if (chunk > length - at)
            chunk = length - at;
        goes_on = feed(&framing, stream + at, chunk, &sum);
        at += chunk > 0 ? chunk : n % 9 == 8; /* an empty chunk is a chunk; but not for ever */
        if (chunk == 0 && n % 9 == 8 && at <= length && goes_on)
            goes_on = feed(&framing, stream + at - 1, 1, &sum);
    }
    REQUIRE(sum == wanted && goes_on == !too_long);

    const uint8_t *at = stream;
    struct ice_frame frame;
    enum ice_framing_result result;
    sum = 1;
    while ((result = ice_framing_read_whole(&at, &length, &frame)) == ICE_FRAMING_FRAME)
        sum = digest(sum, frame.bytes, frame.length);
    REQUIRE(sum == wanted && (result == ICE_FRAMING_TOO_LONG) == too_long);
    return 0;
}
