#include <string.h>

#include "app/media/annexb.h"
#include "app/media/bits_internal.h"
#include "app/media/video_header_internal.h"

/* ITU-T H.264 section 7.3.2.1.1: the sequence parameter set, as far as its size.
 *
 *   nal 8 | profile 8 | constraints 8 | level 8 | id ue | high profiles: chroma format, depths, scaling lists |
 *   frame numbers ue | order count | references ue | gaps 1 | width, height in macroblocks - 1, ue | frames only 1 | ... | cropping
 *
 * ue and se are Exp-Golomb codes (section 9.1). */
enum { SPS_MAX_BYTES = 256, MACROBLOCK = 16, SIDE_MAX = 65536, CYCLE_MAX = 255, CODE_MAX_BITS = 31 };

static uint32_t read_ue(struct media_bits *bits) {
    unsigned zeros = 0;

    while (!bits->overrun && !media_bits_flag(bits)) {
        zeros++;
    }
    if (zeros > CODE_MAX_BITS) {
        bits->overrun = true;          /* no such number */
        return 0;
    }
    return (1U << zeros) - 1 + media_bits_read(bits, zeros);
}

/* Even codes stand for 0, -1, -2 ..., odd ones for 1, 2 ... (section 9.1.1). Modulo 256 is all that a scaling list needs. */
static unsigned read_se_modulo_256(struct media_bits *bits) {
    uint32_t code = read_ue(bits);
    return (unsigned)((code & 1) != 0 ? (code >> 1) + 1 : 0U - (code >> 1)) & 0xFF;
}

/* Section 7.4.1: the byte 3 of 0 0 3 is not of the payload. Longer ones are cut: then the size was not there. */
static size_t unescape(const struct media_nal *nal, uint8_t payload[SPS_MAX_BYTES]) {
    size_t length = 0, zeros = 0;

    for (size_t i = 0; i < nal->length_bytes && length < SPS_MAX_BYTES; i++) {
        if (zeros >= 2 && nal->bytes[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = nal->bytes[i] == 0 ? zeros + 1 : 0;
        payload[length++] = nal->bytes[i];
    }
    return length;
}

static bool is_high(unsigned profile) {
    static const uint8_t high[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135 };
    return memchr(high, (int)profile, sizeof high) != NULL;
}

/* Section 7.3.2.1.1.1. */
static void skip_scaling_list(struct media_bits *bits, unsigned size) {
    unsigned last = 8, next = 8;
    for (unsigned i = 0; i < size && next != 0 && !bits->overrun; i++) {
        next = (last + read_se_modulo_256(bits)) & 0xFF;
        last = next == 0 ? last : next;
    }
}

/* Returns ChromaArrayType (section 7.4.2.1.1). */
static uint32_t read_high(struct media_bits *bits) {
    uint32_t chroma = read_ue(bits);
    bool separate = chroma == 3 && media_bits_flag(bits);

    (void)read_ue(bits);
    (void)read_ue(bits);
    (void)media_bits_flag(bits);
    unsigned lists = !media_bits_flag(bits) ? 0 : chroma == 3 ? 12 : 8;
    for (unsigned i = 0; i < lists && !bits->overrun; i++) {
        if (media_bits_flag(bits)) {
            skip_scaling_list(bits, i < 6 ? 16 : 64);
        }
    }
    return separate ? 0 : chroma;
}

static void skip_order_count(struct media_bits *bits) {
    uint32_t type = read_ue(bits);

    if (type == 0) {
        (void)read_ue(bits);
    } else if (type == 1) {
        (void)media_bits_flag(bits);
        (void)read_ue(bits);
        (void)read_ue(bits);
        uint32_t cycle = read_ue(bits);
        bits->overrun = bits->overrun || cycle > CYCLE_MAX;
        for (uint32_t i = 0; i < cycle && !bits->overrun; i++) {
            (void)read_ue(bits);
        }
    }
}

/* Section 7.4.2.1.1, equations 7-13 to 7-22: what is coded, less what is cut off at its edges. */
static bool read_size(struct media_bits *bits, uint32_t chroma, struct media_video_header *header) {
    uint64_t width = ((uint64_t)read_ue(bits) + 1) * MACROBLOCK, height = ((uint64_t)read_ue(bits) + 1) * MACROBLOCK;
    uint64_t across = 0, down = 0;
    unsigned fields = media_bits_flag(bits) ? 1 : 2;

    if (fields == 2) {
        (void)media_bits_flag(bits);
    }
    (void)media_bits_flag(bits);
    height *= fields;
    if (media_bits_flag(bits)) {
        across = (uint64_t)read_ue(bits) + read_ue(bits);
        down = (uint64_t)read_ue(bits) + read_ue(bits);
        across *= chroma == 1 || chroma == 2 ? 2 : 1;
        down *= (chroma == 1 ? 2 : 1) * fields;
    }
    if (bits->overrun || width > SIDE_MAX || height > SIDE_MAX || across >= width || down >= height) {
        return false;
    }
    header->width = (uint32_t)(width - across);
    header->height = (uint32_t)(height - down);
    return true;
}

static bool read_sequence_parameters(const struct media_nal *nal, struct media_video_header *header) {
    uint8_t payload[SPS_MAX_BYTES];
    struct media_bits bits = { payload, unescape(nal, payload), 0, false };

    (void)media_bits_read(&bits, 8);
    unsigned profile = media_bits_read(&bits, 8);
    (void)media_bits_read(&bits, 16);
    (void)read_ue(&bits);
    uint32_t chroma = is_high(profile) ? read_high(&bits) : 1;
    (void)read_ue(&bits);
    skip_order_count(&bits);
    (void)read_ue(&bits);
    (void)media_bits_flag(&bits);
    return read_size(&bits, chroma, header);
}

bool media_video_header_h264(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header) {
    struct media_nal nal;
    size_t at = 0;
    bool any = false, has_idr = false, has_parameters = false;

    while (media_annexb_next_nal(bytes, length_bytes, &at, &nal)) {
        if ((nal.bytes[0] & 0x80) != 0) {
            return false;
        }
        any = any || (nal.type >= MEDIA_NAL_SLICE && nal.type <= MEDIA_NAL_IDR);
        has_idr = has_idr || nal.type == MEDIA_NAL_IDR;
        has_parameters = has_parameters || nal.type == MEDIA_NAL_SPS;
        if (nal.type == MEDIA_NAL_SPS && read_sequence_parameters(&nal, header)) {
            header->has_size = true; /* one behind it that cannot be read takes nothing back */
        }
    }
    header->key_frame = has_idr && has_parameters;
    return any;
}
