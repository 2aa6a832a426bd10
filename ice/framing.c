/* Frames in a byte stream, RFC 4571 section 2. */
#include "ice/framing.h"

#include <assert.h>
#include <string.h>

static size_t length_of(const uint8_t *header) {
    /* RFC 4571 section 2: an unsigned 16-bit integer in network byte order, which does not count itself. */
    return (size_t)header[0] << 8 | header[1];
}

enum ice_framing_result ice_framing_read_whole(const uint8_t **bytes, size_t *length, struct ice_frame *frame) {
    if (*length < ICE_FRAMING_HEADER_BYTES)
        return ICE_FRAMING_MORE;
    size_t frame_length = length_of(*bytes);
    if (frame_length > ICE_FRAMING_FRAME_MAX_BYTES)
        return ICE_FRAMING_TOO_LONG;
    if (*length - ICE_FRAMING_HEADER_BYTES < frame_length)
        return ICE_FRAMING_MORE;
    *frame = (struct ice_frame){.bytes = *bytes + ICE_FRAMING_HEADER_BYTES, .length = frame_length, .in_chunk = true};
    *bytes += ICE_FRAMING_HEADER_BYTES + frame_length;
    *length -= ICE_FRAMING_HEADER_BYTES + frame_length;
    return ICE_FRAMING_FRAME;
}

/* Takes from the chunk until `wanted` bytes are held; false: the chunk had not so many. */
static bool hold(struct ice_framing *framing, size_t wanted, const uint8_t **bytes, size_t *length) {
    assert(wanted <= sizeof framing->bytes);
    if (framing->held >= wanted)
        return true;
    size_t missing = wanted - framing->held;
    size_t taken = *length < missing ? *length : missing;
    if (taken > 0)
        memcpy(framing->bytes + framing->held, *bytes, taken);
    framing->held += taken;
    *bytes += taken;
    *length -= taken;
    return taken == missing;
}

enum ice_framing_result ice_framing_read(struct ice_framing *framing, const uint8_t **bytes, size_t *length, struct ice_frame *frame) {
    if (framing->held == 0) {
        enum ice_framing_result result = ice_framing_read_whole(bytes, length, frame);
        if (result != ICE_FRAMING_MORE || *length == 0)
            return result;
    }
    if (!hold(framing, ICE_FRAMING_HEADER_BYTES, bytes, length))
        return ICE_FRAMING_MORE;
    size_t frame_length = length_of(framing->bytes);
    if (frame_length > ICE_FRAMING_FRAME_MAX_BYTES)
        return ICE_FRAMING_TOO_LONG; /* held as it is: every further call says the same */
    if (!hold(framing, ICE_FRAMING_HEADER_BYTES + frame_length, bytes, length))
        return ICE_FRAMING_MORE;
    *frame = (struct ice_frame){.bytes = framing->bytes + ICE_FRAMING_HEADER_BYTES, .length = frame_length};
    framing->held = 0;
    return ICE_FRAMING_FRAME;
}

bool ice_framing_is_cut(const struct ice_framing *framing) {
    return framing->held > 0;
}

void ice_framing_write_header(uint8_t header[ICE_FRAMING_HEADER_BYTES], size_t length) {
    assert(length <= UINT16_MAX);
    header[0] = (uint8_t)(length >> 8);
    header[1] = (uint8_t)length;
}
