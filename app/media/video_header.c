#include "app/media/video_header.h"

#include <string.h>

#include "app/media/bits_internal.h"
#include "app/media/video_header_internal.h"

bool media_video_header_read(enum media_codec codec, const uint8_t *bytes, size_t length_bytes, struct media_video_header *header) {
    bool good = false;

    memset(header, 0, sizeof *header);
    switch (codec) {
    case MEDIA_CODEC_VP8:
        good = media_video_header_vp8(bytes, length_bytes, header);
        break;
    case MEDIA_CODEC_VP9:
        good = media_video_header_vp9(bytes, length_bytes, header);
        break;
    case MEDIA_CODEC_H264:
        good = media_video_header_h264(bytes, length_bytes, header);
        break;
    case MEDIA_CODEC_AV1:
        good = media_video_header_av1(bytes, length_bytes, header);
        break;
    default:
        break;
    }
    if (!good) {
        memset(header, 0, sizeof *header);
    }
    return good;
}

/*   frame tag, 3 bytes little-endian:  bit 0: 0 in a key frame | version 3 bits | show_frame 1 bit | first partition size 19 bits
 *   key frames go on:  9D 01 2A   width 14 bits, scale 2 bits   height 14 bits, scale 2 bits          little-endian */
bool media_video_header_vp8(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header) {
    if (length_bytes < 3) {
        return false;
    }
    header->key_frame = (bytes[0] & 1) == 0;
    if (!header->key_frame) {
        return true;
    }
    /* RFC 6386 section 9.1: a key frame repeats three known bytes before its size. */
    if (length_bytes < 10 || bytes[3] != 0x9D || bytes[4] != 0x01 || bytes[5] != 0x2A) {
        return false;
    }
    header->has_size = true;
    header->width = (uint32_t)(bytes[6] | (bytes[7] & 0x3F) << 8);
    header->height = (uint32_t)(bytes[8] | (bytes[9] & 0x3F) << 8);
    return true;
}

/* ---- VP9 ---------------------------------------------------------------------------------------------------------------- */

enum { VP9_SYNC_CODE = 0x498342, VP9_COLOR_SPACE_RGB = 7, VP9_SUPERFRAME_MAX = 8 };

/* color_config: depth, colour space, range, subsampling. */
static void skip_vp9_color(struct media_bits *bits, unsigned profile) {
    if (profile >= 2) {
        (void)media_bits_read(bits, 1);
    }
    bool rgb = media_bits_read(bits, 3) == VP9_COLOR_SPACE_RGB;
    if (!rgb) {
        (void)media_bits_read(bits, 1);
    }
    if (profile == 1 || profile == 3) {
        (void)media_bits_read(bits, rgb ? 1 : 3);
    }
}

static void read_vp9_size(struct media_bits *bits, struct media_video_header *header) {
    uint32_t width = media_bits_read(bits, 16) + 1;
    uint32_t height = media_bits_read(bits, 16) + 1;
    header->has_size = true;
    header->width = width > header->width ? width : header->width;
    header->height = height > header->height ? height : header->height;
}

/* What stands after the first bits of a frame that is not a key frame: it may still bring a size of its own. */
static bool read_vp9_inter(struct media_bits *bits, unsigned profile, bool shown, bool error_resilient, struct media_video_header *header) {
    bool intra_only = shown ? false : media_bits_flag(bits);
    (void)media_bits_read(bits, error_resilient ? 0 : 2);          /* reset_frame_context */
    if (intra_only) {
        if (media_bits_read(bits, 24) != VP9_SYNC_CODE) {
            return false;
        }
        if (profile > 0) {
            skip_vp9_color(bits, profile);
        }
        (void)media_bits_read(bits, 8);                            /* refresh_frame_flags */
        read_vp9_size(bits, header);
        return !bits->overrun;
    }
    (void)media_bits_read(bits, 8 + 3 * 4);                        /* refresh_frame_flags, three references with their sign */
    bool of_reference = false;
    for (int i = 0; i < 3 && !of_reference; i++) {
        of_reference = media_bits_flag(bits);
    }
    if (!of_reference) {
        read_vp9_size(bits, header);
    }
    return !bits->overrun;
}

/*   frame_marker 2 bits = 2 | profile low, high | reserved when the profile is 3 | show_existing_frame [frame 3 bits]
 *   frame_type: 0 in a key frame | show_frame | error_resilient_mode | key frame: 49 83 42, color_config, width-1, height-1 */
static bool read_vp9_frame(const uint8_t *bytes, size_t length_bytes, bool *key_frame, struct media_video_header *header) {
    struct media_bits bits = { bytes, length_bytes, 0, false };

    *key_frame = false;
    if (media_bits_read(&bits, 2) != 2) {
        return false;
    }
    unsigned profile = media_bits_read(&bits, 1);
    profile |= media_bits_read(&bits, 1) << 1;
    if (profile == 3 && media_bits_flag(&bits)) {
        return false;
    }
    if (media_bits_flag(&bits)) {                                  /* an earlier picture is shown again */
        return true;
    }
    *key_frame = !media_bits_flag(&bits);
    bool shown = media_bits_flag(&bits);
    bool error_resilient = media_bits_flag(&bits);
    if (!*key_frame) {
        return read_vp9_inter(&bits, profile, shown, error_resilient, header);
    }
    if (media_bits_read(&bits, 24) != VP9_SYNC_CODE) {
        return false;
    }
    skip_vp9_color(&bits, profile);
    read_vp9_size(&bits, header);
    return !bits.overrun;
}

/* Annex B: the last byte of a superframe, and the first of its index, is 110 | bytes of a size - 1, 2 bits | frames - 1, 3 bits. The
 * sizes stand between them, little-endian. Returns how many frames there are, 0 when it is no superframe. */
static size_t read_vp9_index(const uint8_t *bytes, size_t length_bytes, size_t sizes[VP9_SUPERFRAME_MAX]) {
    uint8_t marker = bytes[length_bytes - 1];
    size_t frames = (size_t)(marker & 7) + 1;
    size_t width = (size_t)(marker >> 3 & 3) + 1;
    size_t index_bytes = 2 + frames * width;

    if ((marker & 0xE0) != 0xC0 || length_bytes < index_bytes || bytes[length_bytes - index_bytes] != marker) {
        return 0;
    }
    const uint8_t *at = bytes + length_bytes - index_bytes + 1;
    for (size_t frame = 0; frame < frames; frame++) {
        sizes[frame] = 0;
        for (size_t i = 0; i < width; i++) {
            sizes[frame] |= (size_t)*at++ << (8 * i);
        }
    }
    return frames;
}

/* Every frame of a superframe is read, so that the size which is told is the largest of them. */
bool media_video_header_vp9(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header) {
    size_t sizes[VP9_SUPERFRAME_MAX] = { 0 };
    bool key_frame = false;

    if (length_bytes == 0) {
        return false;
    }
    size_t frames = read_vp9_index(bytes, length_bytes, sizes);
    if (frames == 0) {
        return read_vp9_frame(bytes, length_bytes, &header->key_frame, header);
    }
    size_t at = 0;
    for (size_t frame = 0; frame < frames; frame++) {
        if (sizes[frame] > length_bytes - at) {
            return false;
        }
        if (sizes[frame] > 0 && !read_vp9_frame(bytes + at, sizes[frame], &key_frame, header)) {
            return false;
        }
        header->key_frame = at == 0 ? key_frame : header->key_frame;
        at += sizes[frame];
    }
    return at > 0;
}
