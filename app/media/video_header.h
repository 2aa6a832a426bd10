/* What the first bytes of a received or stored video frame say, without decoding it. Pure: bytes in, facts out.
 *
 * VP8: RFC 6386 section 9.1. VP9: "VP9 Bitstream & Decoding Process Specification" section 6.2 and annex B. H264: ITU-T H.264 sections
 * 7.3.1 and 7.3.2.1.1 in Annex B. AV1: "AV1 Bitstream & Decoding Process Specification" sections 5.3 to 5.9. */
#ifndef MEDIA_VIDEO_HEADER_H
#define MEDIA_VIDEO_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"

struct media_video_header {
    bool key_frame;                   /* decoding may begin here: for H264 an IDR picture with its sequence parameter set, for AV1 a shown
                                         key frame with its sequence header */
    bool has_size;                    /* the frame says how large it is: key frames do */
    uint32_t width, height;           /* of the largest picture in it; 0 when it does not say */
};

/* Reads a frame as media_codec.h describes it. False, and *header is zeroed, when the bytes cannot be one: too short, or a fixed
 * bit pattern is wrong. Audio codecs have no such header: false. */
bool media_video_header_read(enum media_codec codec, const uint8_t *bytes, size_t length_bytes, struct media_video_header *header);

#endif
