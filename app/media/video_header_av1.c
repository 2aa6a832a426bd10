#include "app/media/bits_internal.h"
#include "app/media/video_header_internal.h"

/* AV1 specification section 5.3.2, obu_header: forbidden | type 4 bits | extension_flag | has_size_field | reserved; [extension, 1 byte];
 * [obu_size as leb128] */
enum { OBU_SEQUENCE_HEADER = 1, OBU_FRAME_HEADER = 3, OBU_FRAME = 6 };
enum { LEB128_MAX_BYTES = 8, KEY_FRAME = 0, MAX_OPERATING_POINTS = 32 };

struct obu { unsigned type; const uint8_t *bytes; size_t length; };

/* Section 4.10.5: seven bits a byte, the lowest first; at most eight bytes, and the value fits in 32 bits. */
static bool read_leb128(const uint8_t *bytes, size_t length, size_t *at, size_t *value) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < LEB128_MAX_BYTES && *at < length; i++) {
        uint8_t byte = bytes[(*at)++];
        sum |= (uint64_t)(byte & 0x7F) << (7 * i);
        if ((byte & 0x80) == 0) {
            *value = (size_t)sum;
            return sum <= UINT32_MAX;
        }
    }
    return false;
}

static bool next_obu(const uint8_t *bytes, size_t length, size_t *at, struct obu *obu) {
    uint8_t head = bytes[(*at)++];
    obu->type = head >> 3 & 0x0F;
    if ((head & 0x80) != 0) {
        return false;
    }
    if ((head & 0x04) != 0 && (*at)++ >= length) {
        return false;
    }
    obu->length = length - *at;
    if ((head & 0x02) != 0 && (!read_leb128(bytes, length, at, &obu->length) || obu->length > length - *at)) {
        return false;
    }
    obu->bytes = bytes + *at;
    *at += obu->length;
    return true;
}

/* Section 4.10.3. */
static void skip_uvlc(struct media_bits *bits) {
    unsigned zeros = 0;
    while (!bits->overrun && !media_bits_flag(bits)) {
        zeros++;
    }
    if (zeros < 32) {
        (void)media_bits_read(bits, zeros);
    }
}

/* timing_info and decoder_model_info of section 5.5.3 and 5.5.4. Returns the bits of a delay, 0 when there is no decoder model. */
static unsigned skip_timing(struct media_bits *bits) {
    if (!media_bits_flag(bits)) {
        return 0;
    }
    (void)media_bits_read(bits, 32);
    (void)media_bits_read(bits, 32);
    if (media_bits_flag(bits)) {
        skip_uvlc(bits);
    }
    if (!media_bits_flag(bits)) {
        return 0;
    }
    unsigned delay_bits = media_bits_read(bits, 5) + 1;
    (void)media_bits_read(bits, 32);
    (void)media_bits_read(bits, 10);
    return delay_bits;
}

static void skip_operating_points(struct media_bits *bits) {
    unsigned delay_bits = skip_timing(bits);
    bool has_display_delay = media_bits_flag(bits);
    unsigned points = media_bits_read(bits, 5) + 1;

    for (unsigned i = 0; i < points && i < MAX_OPERATING_POINTS; i++) {
        (void)media_bits_read(bits, 12);
        if (media_bits_read(bits, 5) > 7) {
            (void)media_bits_read(bits, 1);
        }
        if (delay_bits > 0 && media_bits_flag(bits)) {
            (void)media_bits_read(bits, delay_bits);
            (void)media_bits_read(bits, delay_bits);
            (void)media_bits_read(bits, 1);
        }
        if (has_display_delay && media_bits_flag(bits)) {
            (void)media_bits_read(bits, 4);
        }
    }
}

/* Section 5.5.1: up to the largest size that a frame of the sequence has. */
static bool read_sequence(const struct obu *obu, bool *reduced, struct media_video_header *header) {
    struct media_bits bits = { obu->bytes, obu->length, 0, false };

    (void)media_bits_read(&bits, 4);                   /* seq_profile, still_picture */
    *reduced = media_bits_flag(&bits);
    if (*reduced) {
        (void)media_bits_read(&bits, 5);
    } else {
        skip_operating_points(&bits);
    }
    unsigned width_bits = media_bits_read(&bits, 4) + 1;
    unsigned height_bits = media_bits_read(&bits, 4) + 1;
    header->width = media_bits_read(&bits, width_bits) + 1;
    header->height = media_bits_read(&bits, height_bits) + 1;
    header->has_size = true;
    return !bits.overrun;
}

/* Section 5.9.2: show_existing_frame | frame_type 2 bits | show_frame. */
static bool is_shown_key_frame(const struct obu *obu, bool reduced) {
    struct media_bits bits = { obu->bytes, obu->length, 0, false };

    if (reduced) {
        return true;
    }
    bool shown_again = media_bits_flag(&bits);
    uint32_t type = media_bits_read(&bits, 2);
    bool shown = media_bits_flag(&bits);
    return !bits.overrun && !shown_again && type == KEY_FRAME && shown;
}

bool media_video_header_av1(const uint8_t *bytes, size_t length_bytes, struct media_video_header *header) {
    struct obu obu;
    bool has_sequence = false, reduced = false, any_frame = false;

    for (size_t at = 0; at < length_bytes;) {
        if (!next_obu(bytes, length_bytes, &at, &obu)) {
            return false;
        }
        if (obu.type == OBU_SEQUENCE_HEADER) {
            if (!read_sequence(&obu, &reduced, header)) {
                return false;
            }
            has_sequence = true;
        } else if (obu.type == OBU_FRAME || obu.type == OBU_FRAME_HEADER) {
            header->key_frame = header->key_frame || (!any_frame && has_sequence && is_shown_key_frame(&obu, reduced));
            any_frame = true;
        }
    }
    return any_frame;
}
