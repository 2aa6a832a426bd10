#include "app/media/annexb.h"

/*   [leading zero bytes] 00 00 01  NAL unit  [trailing zero bytes] 00 00 01 ...
 *   NAL unit header: forbidden_zero_bit | nal_ref_idc 2 bits | nal_unit_type 5 bits
 * Inside of a NAL unit 00 00 01 does not occur: an 03 is put in its way. */
enum { START_CODE_BYTES = 3 };

/* Where the next 00 00 01 begins, or the end. */
static size_t find_start_code(const uint8_t *bytes, size_t length, size_t at) {
    while (length - at >= START_CODE_BYTES) {
        if (bytes[at + 2] > 1) {
            at += START_CODE_BYTES;
        } else if (bytes[at] == 0 && bytes[at + 1] == 0 && bytes[at + 2] == 1) {
            return at;
        } else {
            at++;
        }
    }
    return length;
}

bool media_annexb_next_nal(const uint8_t *bytes, size_t length_bytes, size_t *at, struct media_nal *nal) {
    for (;;) {
        size_t code = find_start_code(bytes, length_bytes, *at);
        if (code == length_bytes) {
            *at = length_bytes;
            return false;
        }
        size_t from = code + START_CODE_BYTES;
        size_t to = find_start_code(bytes, length_bytes, from);
        *at = to;
        while (to > from && bytes[to - 1] == 0) {
            to--;
        }
        if (to > from) {
            *nal = (struct media_nal) { bytes + from, to - from, bytes[from] & 0x1F };
            return true;
        }
    }
}

/* ITU-T H.264 section 7.4.1.2.3: what of the coded picture itself. */
static bool is_slice(unsigned type) {
    return type >= MEDIA_NAL_SLICE && type <= MEDIA_NAL_IDR;
}

/* A slice whose first_mb_in_slice is 0, which ue(v) writes as a single 1: with slices in order, the first of a picture. */
static bool begins_picture(const struct media_nal *nal) {
    return (nal->type == MEDIA_NAL_SLICE || nal->type == MEDIA_NAL_PARTITION_A || nal->type == MEDIA_NAL_IDR) && nal->length_bytes > 1 &&
           (nal->bytes[1] & 0x80) != 0;
}

/* ITU-T H.264 section 7.4.1.2.3: after the last slice of a picture these begin the next access unit. */
static bool begins_unit(const struct media_nal *nal) {
    return begins_picture(nal) || nal->type == MEDIA_NAL_DELIMITER || nal->type == MEDIA_NAL_SPS || nal->type == MEDIA_NAL_PPS ||
           nal->type == MEDIA_NAL_SEI || (nal->type >= MEDIA_NAL_PREFIX && nal->type <= MEDIA_NAL_RESERVED_18);
}

static bool broken(struct media_parse_problem *problem, size_t offset, const char *rule) {
    problem->offset = offset;
    problem->rule = rule;
    return false;
}

static bool judge(const uint8_t *bytes, const struct media_nal *nal, struct media_parse_problem *problem) {
    size_t offset = (size_t)(nal->bytes - bytes);

    if ((nal->bytes[0] & 0x80) != 0) {
        return broken(problem, offset, "The forbidden bit of a NAL unit is set (ITU-T H.264 section 7.4.1)");
    }
    /* RFC 6184 section 5.2: 24 to 29 are packets of the payload format, 0, 30 and 31 mean nothing. */
    if (nal->type == 0 || nal->type > MEDIA_NAL_LAST) {
        return broken(problem, offset, "The type of a NAL unit is not one of a stream (ITU-T H.264 table 7-1)");
    }
    return true;
}

/* Nothing but zeros may stand before a start code. */
static bool starts_clean(const uint8_t *bytes, size_t length, size_t from, struct media_parse_problem *problem) {
    size_t code = find_start_code(bytes, length, from);
    for (size_t at = from; at < code; at++) {
        if (bytes[at] != 0) {
            return broken(problem, at, "There is no start code here (ITU-T H.264 annex B)");
        }
    }
    return true;
}

enum media_annexb_result media_annexb_next_unit(const uint8_t *bytes, size_t length_bytes, size_t *at, struct media_access_unit *unit,
                                                struct media_parse_problem *problem) {
    struct media_nal nal;
    size_t from = *at, to = *at, end = *at;
    bool has_picture = false, has_idr = false, has_parameters = false, any = false;

    for (size_t next = from; media_annexb_next_nal(bytes, length_bytes, &next, &nal); to = next) {
        if (!judge(bytes, &nal, problem) || (!any && !starts_clean(bytes, length_bytes, from, problem))) {
            return MEDIA_ANNEXB_BROKEN;
        }
        if (has_picture && begins_unit(&nal)) {
            break;
        }
        any = true;
        end = (size_t)(nal.bytes - bytes) + nal.length_bytes;
        has_parameters = has_parameters || (nal.type == MEDIA_NAL_SPS && !has_picture);
        has_idr = has_idr || nal.type == MEDIA_NAL_IDR;
        has_picture = has_picture || is_slice(nal.type);
    }
    if (!has_picture && (any || length_bytes == 0 || from == 0)) {
        (void)broken(problem, from, any ? "The stream ends without the picture that these NAL units announce (ITU-T H.264 section 7.4.1.2.3)"
                                        : "There is no start code in it (ITU-T H.264 annex B)");
        return MEDIA_ANNEXB_BROKEN;
    }
    *at = any ? to : length_bytes;
    *unit = (struct media_access_unit) { bytes + from, end - from, has_idr && has_parameters };
    return any ? MEDIA_ANNEXB_UNIT : MEDIA_ANNEXB_END;
}
