/*
 * profile-level-id of H264 (RFC 6184 section 8.1), and what an answer says of it (section 8.2.2).
 *
 *      4 2 e 0 1 f
 *      --- --- ---
 *      |   |   level_idc: 31 is level 3.1
 *      |   profile-iop: constraint_set0_flag is the highest bit
 *      profile_idc: 66 is Baseline
 */
#include "sdp/codec_internal.h"

#define CONSTRAINT_SET3 0x10 /* with level 11 in profiles 66, 77 and 88: level 1b */

/* Table 5: (idc << 8 | iop) under a mask. Several pairs name one sub-profile. */
static const struct {
    enum sdp_h264_profile profile;
    unsigned mask;
    unsigned value;
} sub_profiles[] = {
    {SDP_H264_PROFILE_CONSTRAINED_BASELINE, 0xFF4F, 0x4240},
    {SDP_H264_PROFILE_CONSTRAINED_BASELINE, 0xFF8F, 0x4D80},
    {SDP_H264_PROFILE_CONSTRAINED_BASELINE, 0xFFCF, 0x58C0},
    {SDP_H264_PROFILE_BASELINE, 0xFF4F, 0x4200},
    {SDP_H264_PROFILE_BASELINE, 0xFFCF, 0x5880},
    {SDP_H264_PROFILE_MAIN, 0xFFAF, 0x4D00},
    {SDP_H264_PROFILE_EXTENDED, 0xFFCF, 0x5800},
    {SDP_H264_PROFILE_HIGH, 0xFFFF, 0x6400},
    {SDP_H264_PROFILE_CONSTRAINED_HIGH, 0xFFFF, 0x640C}, /* of H.264 itself, since 2012; RFC 6184 is older */
    {SDP_H264_PROFILE_HIGH_10, 0xFFFF, 0x6E00},
    {SDP_H264_PROFILE_HIGH_4_2_2, 0xFFFF, 0x7A00},
    {SDP_H264_PROFILE_HIGH_4_4_4, 0xFFFF, 0xF400},
    {SDP_H264_PROFILE_HIGH_10_INTRA, 0xFFFF, 0x6E10},
    {SDP_H264_PROFILE_HIGH_4_2_2_INTRA, 0xFFFF, 0x7A10},
    {SDP_H264_PROFILE_HIGH_4_4_4_INTRA, 0xFFFF, 0xF410},
    {SDP_H264_PROFILE_CAVLC_4_4_4_INTRA, 0xFFFF, 0x2C10},
};

const char *sdp_h264_profile_name(enum sdp_h264_profile profile) {
    switch (profile) {
    case SDP_H264_PROFILE_CONSTRAINED_BASELINE: return "Constrained Baseline";
    case SDP_H264_PROFILE_BASELINE: return "Baseline";
    case SDP_H264_PROFILE_MAIN: return "Main";
    case SDP_H264_PROFILE_EXTENDED: return "Extended";
    case SDP_H264_PROFILE_CONSTRAINED_HIGH: return "Constrained High";
    case SDP_H264_PROFILE_HIGH: return "High";
    case SDP_H264_PROFILE_HIGH_10: return "High 10";
    case SDP_H264_PROFILE_HIGH_4_2_2: return "High 4:2:2";
    case SDP_H264_PROFILE_HIGH_4_4_4: return "High 4:4:4 Predictive";
    case SDP_H264_PROFILE_HIGH_10_INTRA: return "High 10 Intra";
    case SDP_H264_PROFILE_HIGH_4_2_2_INTRA: return "High 4:2:2 Intra";
    case SDP_H264_PROFILE_HIGH_4_4_4_INTRA: return "High 4:4:4 Intra";
    case SDP_H264_PROFILE_CAVLC_4_4_4_INTRA: return "CAVLC 4:4:4 Intra";
    case SDP_H264_PROFILE_OTHER: break;
    }
    return "of its own";
}

static bool has_flagged_1b(uint8_t profile_idc) {
    return profile_idc == 66 || profile_idc == 77 || profile_idc == 88;
}

static uint8_t hexadecimal_byte(const char *digits) {
    unsigned byte = 0;
    for (size_t i = 0; i < 2; i++)
        byte = byte << 4 | (digits[i] <= '9' ? (unsigned)(digits[i] - '0') : ((unsigned)digits[i] | 0x20u) - 'a' + 10u);
    return (uint8_t)byte;
}

static enum sdp_h264_profile classify(uint8_t profile_idc, uint8_t profile_iop) {
    unsigned both = (unsigned)profile_idc << 8 | profile_iop;
    for (size_t i = 0; i < sizeof sub_profiles / sizeof sub_profiles[0]; i++)
        if ((both & sub_profiles[i].mask) == sub_profiles[i].value)
            return sub_profiles[i].profile;
    return SDP_H264_PROFILE_OTHER;
}

bool sdp_read_h264(struct sdp_view parameters, struct sdp_h264_format *out) {
    struct sdp_view value;
    /* RFC 6184 section 8.1: without profile-level-id, Baseline without constraints at level 1 is meant. */
    *out = (struct sdp_h264_format){.profile_idc = 0x42, .level = 10};
    if (sdp_parameter_find(parameters, "profile-level-id", &value)) {
        if (value.length != 6 || !sdp_view_is_all(value, SDP_CHARACTER_HEX))
            return false;
        out->profile_idc = hexadecimal_byte(value.text);
        out->profile_iop = hexadecimal_byte(value.text + 2);
        out->level = hexadecimal_byte(value.text + 4);
        if (out->level == 11 && has_flagged_1b(out->profile_idc) && (out->profile_iop & CONSTRAINT_SET3))
            out->level = SDP_H264_LEVEL_1B;
    }
    out->profile = classify(out->profile_idc, out->profile_iop);
    uint32_t mode = sdp_parameter_number(parameters, "packetization-mode", 0);
    out->packetization_mode = (uint8_t)mode;
    out->level_asymmetry_allowed = sdp_parameter_number(parameters, "level-asymmetry-allowed", 0) == 1;
    return mode <= 2;
}

/* Level 1b between 1 and 1.1, on a scale of twice the level_idc. */
static unsigned rank(uint8_t level) {
    return level == SDP_H264_LEVEL_1B ? 21 : 2u * level;
}

uint8_t sdp_h264_level_minimum(uint8_t a, uint8_t b) {
    return rank(a) <= rank(b) ? a : b;
}

void sdp_h264_write(const struct sdp_h264_format *format, char out[7]) {
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[3] = {format->profile_idc, format->profile_iop, format->level};
    if (has_flagged_1b(format->profile_idc)) {
        bool is_1b = format->level == SDP_H264_LEVEL_1B;
        /* H.264 section A.3.4.1: in these profiles 1b is level 11 with constraint_set3_flag, which else means nothing. */
        bytes[1] = (uint8_t)(is_1b ? bytes[1] | CONSTRAINT_SET3 : bytes[2] == 11 ? bytes[1] & ~CONSTRAINT_SET3 : bytes[1]);
        bytes[2] = is_1b ? 11 : bytes[2];
    }
    for (size_t i = 0; i < 3; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[6] = '\0';
}

struct sdp_h264_format sdp_h264_answer(const struct sdp_h264_format *ours, const struct sdp_h264_format *offered) {
    struct sdp_h264_format answer = *offered;
    /* RFC 6184 section 8.2.2, MUST: without level asymmetry on both sides, the answer's level is at most the offered one. */
    bool asymmetric = ours->level_asymmetry_allowed && offered->level_asymmetry_allowed;
    answer.level = asymmetric ? ours->level : sdp_h264_level_minimum(ours->level, offered->level);
    answer.level_asymmetry_allowed = ours->level_asymmetry_allowed;
    return answer;
}

/* ---- the rule of the codec table ----------------------------------------------------------------------------------- */

/* Known sub-profiles by their number, others by their bytes. */
bool sdp_h264_rule_read(struct sdp_view parameters, uint32_t *out) {
    struct sdp_h264_format format;
    if (!sdp_read_h264(parameters, &format))
        return false;
    *out = format.profile != SDP_H264_PROFILE_OTHER ? (uint32_t)format.profile
                                                    : 0x10000u | (uint32_t)format.profile_idc << 8 | format.profile_iop;
    return true;
}

const char *sdp_h264_rule_say(uint32_t value) {
    return sdp_h264_profile_name(value < SDP_H264_PROFILE_OTHER ? (enum sdp_h264_profile)value : SDP_H264_PROFILE_OTHER);
}
