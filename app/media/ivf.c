#include "app/media/ivf.h"

#include <string.h>

/*   "DKIF" version[2]=0 header_bytes[2]=32 fourcc[4] width[2] height[2] rate[4] scale[4] frames[4] unused[4]
 *   then for each frame:  length[4] time[8] bytes                                          everything little-endian
 * The number of frames is not looked at: who streams the file does not know it, and libvpx and ffmpeg disagree on what it counts. */
static const struct { char fourcc[5]; enum media_codec codec; } codecs[] = {
    { "VP80", MEDIA_CODEC_VP8 }, { "VP90", MEDIA_CODEC_VP9 }, { "AV01", MEDIA_CODEC_AV1 }
};
enum { CODECS = 3 };

static uint32_t get_u16(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t get_u32(const uint8_t *bytes) {
    return get_u16(bytes) | get_u16(bytes + 2) << 16;
}

const char *media_ivf_fourcc(enum media_codec codec) {
    for (size_t i = 0; i < CODECS; i++) {
        if (codecs[i].codec == codec) {
            return codecs[i].fourcc;
        }
    }
    return NULL;
}

static bool broken(struct media_parse_problem *problem, size_t offset, const char *rule) {
    problem->offset = offset;
    problem->rule = rule;
    return false;
}

bool media_ivf_read_header(const uint8_t *bytes, size_t length_bytes, struct media_ivf_header *header, size_t *at,
                           struct media_parse_problem *problem) {
    memset(header, 0, sizeof *header);
    if (length_bytes < MEDIA_IVF_HEADER_BYTES) {
        return broken(problem, length_bytes, "It ends within the 32 bytes of its header");
    }
    if (memcmp(bytes, "DKIF", 4) != 0) {
        return broken(problem, 0, "It does not begin with DKIF");
    }
    if (get_u16(bytes + 4) != 0) {
        return broken(problem, 4, "Its version is not 0");
    }
    if (get_u16(bytes + 6) < MEDIA_IVF_HEADER_BYTES || get_u16(bytes + 6) > length_bytes) {
        return broken(problem, 6, "Its header says that it has fewer than 32 bytes, or more than the file");
    }
    for (size_t i = 0; i < CODECS; i++) {
        if (memcmp(bytes + 8, codecs[i].fourcc, 4) == 0) {
            header->codec = codecs[i].codec;
        }
    }
    if (header->codec == MEDIA_CODEC_NONE) {
        return broken(problem, 8, "Its codec is not VP80, VP90 or AV01");
    }
    header->width = get_u16(bytes + 12);
    header->height = get_u16(bytes + 14);
    header->rate = get_u32(bytes + 16);
    header->scale = get_u32(bytes + 20);
    if (header->rate == 0 || header->scale == 0 || header->scale > UINT32_C(1) << 31) {
        return broken(problem, 16, "Its time base is not a fraction of a second");
    }
    *at = get_u16(bytes + 6);
    return true;
}

enum media_ivf_result media_ivf_next_frame(const uint8_t *bytes, size_t length_bytes, size_t *at, struct media_ivf_frame *frame,
                                           struct media_parse_problem *problem) {
    size_t left = length_bytes - *at;

    if (left == 0) {
        return MEDIA_IVF_END;
    }
    if (left < MEDIA_IVF_FRAME_HEADER_BYTES) {
        (void)broken(problem, *at, "It ends within the header of a frame");
        return MEDIA_IVF_BROKEN;
    }
    const uint8_t *head = bytes + *at;
    uint32_t frame_bytes = get_u32(head);
    if (frame_bytes > left - MEDIA_IVF_FRAME_HEADER_BYTES) {
        (void)broken(problem, *at, "It ends within a frame");
        return MEDIA_IVF_BROKEN;
    }
    frame->bytes = head + MEDIA_IVF_FRAME_HEADER_BYTES;
    frame->length_bytes = frame_bytes;
    frame->ticks = (uint64_t)get_u32(head + 8) << 32 | get_u32(head + 4);
    *at += MEDIA_IVF_FRAME_HEADER_BYTES + frame_bytes;
    return MEDIA_IVF_FRAME;
}
