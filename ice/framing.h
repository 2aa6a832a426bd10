/*
 * RFC 4571: frames in a byte stream. A pure object without time and without memory of its own but one frame.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |             LENGTH            |  LENGTH bytes: STUN, DTLS, RTP, RTCP ...
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 *     struct ice_framing framing = {0};
 *     whenever bytes have come:
 *         while ((result = ice_framing_read(&framing, &bytes, &length, &frame)) == ICE_FRAMING_FRAME)
 *             use(frame.bytes, frame.length);
 *         if (result == ICE_FRAMING_TOO_LONG) close the connection
 */
#ifndef ICE_FRAMING_H
#define ICE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ICE_FRAMING_HEADER_BYTES 2
#define ICE_FRAMING_FRAME_MAX_BYTES 2048 /* RFC 4571 allows 65535; no datagram of a real-time peer is longer than an Ethernet frame */

/* What has arrived of a frame that was cut by the end of a chunk. All zero is a stream at its beginning. */
struct ice_framing {
    size_t held;
    uint8_t bytes[ICE_FRAMING_HEADER_BYTES + ICE_FRAMING_FRAME_MAX_BYTES];
};

struct ice_frame {
    const uint8_t *bytes; /* into the chunk, or into the framing when the frame came in pieces; until the next call */
    size_t length;        /* 0..ICE_FRAMING_FRAME_MAX_BYTES: RFC 4571 section 2 has empty frames, too */
    bool in_chunk;
};

enum ice_framing_result {
    ICE_FRAMING_FRAME,   /* *frame is written; call again */
    ICE_FRAMING_MORE,    /* the chunk is used up */
    ICE_FRAMING_TOO_LONG /* longer than ICE_FRAMING_FRAME_MAX_BYTES: nothing more can be read from this stream, ever */
};

/*
 * The next frame of a chunk of the stream; *bytes and *length are moved behind what was read. Chunks may be of any size, and be cut anywhere.
 */
enum ice_framing_result ice_framing_read(struct ice_framing *framing, const uint8_t **bytes, size_t *length, struct ice_frame *frame);

/* The same for whole frames only: what is cut stays in *bytes, and nothing is held. */
enum ice_framing_result ice_framing_read_whole(const uint8_t **bytes, size_t *length, struct ice_frame *frame);

/* Is there a part of a frame that waits for the rest? A stream that ends then has lost something. */
bool ice_framing_is_cut(const struct ice_framing *framing);

/* Writes the header of a frame of `length` bytes, 65535 at most. */
void ice_framing_write_header(uint8_t header[ICE_FRAMING_HEADER_BYTES], size_t length);

#endif
