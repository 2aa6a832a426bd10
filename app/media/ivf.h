/* An IVF file: a header that names the codec, then frames with their times. Pure: bytes in, views out, nothing allocated.
 * record_ivf.h writes them. */
#ifndef MEDIA_IVF_H
#define MEDIA_IVF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/parse_problem.h"

enum {
    MEDIA_IVF_HEADER_BYTES = 32,
    MEDIA_IVF_FRAME_HEADER_BYTES = 12
};

struct media_ivf_header {
    enum media_codec codec;                    /* VP8, VP9 or AV1 */
    uint32_t width, height;                    /* as the header says; decoders do not look at it */
    uint32_t rate, scale;                      /* a frame's time is ticks * scale / rate seconds; at least 1, scale at most 2^31 */
};

/* "VP80", "VP90" or "AV01"; NULL for a codec that IVF does not carry here. */
const char *media_ivf_fourcc(enum media_codec codec);

/* Reads the header; *at becomes the place of the first frame. False with *problem. */
bool media_ivf_read_header(const uint8_t *bytes, size_t length_bytes, struct media_ivf_header *header, size_t *at,
                           struct media_parse_problem *problem);

struct media_ivf_frame {
    const uint8_t *bytes;
    size_t length_bytes;                       /* 0: an encoder has dropped the picture */
    uint64_t ticks;
};

enum media_ivf_result { MEDIA_IVF_FRAME, MEDIA_IVF_END, MEDIA_IVF_BROKEN };

/* The frame at *at, and *at moves behind it. */
enum media_ivf_result media_ivf_next_frame(const uint8_t *bytes, size_t length_bytes, size_t *at, struct media_ivf_frame *frame,
                                           struct media_parse_problem *problem);

#endif
