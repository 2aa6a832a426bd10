/*
 * The rules by which two descriptions of a codec are the same, one row a codec. Two entries match when name, clock and
 * channels are equal (RFC 3264 section 6.1, RFC 8866 section 6.6) and the row's own rule agrees on their parameters. No
 * other file of sdp names a codec.
 */
#include "sdp/codec_internal.h"

/* Absent means `fallback`, as the payload format says. */
static bool same_number(struct sdp_view a, struct sdp_view b, const char *name, uint32_t fallback) {
    return sdp_parameter_number(a, name, fallback) == sdp_parameter_number(b, name, fallback);
}

static bool same_vp9(struct sdp_view a, struct sdp_view b) {
    /* RFC 9628 section 6, MUST: profile-id is 0 when absent; a decoder of one profile need not decode another. */
    return same_number(a, b, "profile-id", 0);
}

static bool same_av1(struct sdp_view a, struct sdp_view b) {
    /* RTP Payload Format For AV1, section 7.2: profile is 0 when absent, and is not for negotiation. */
    return same_number(a, b, "profile", 0);
}

/* ---- profile-level-id: RFC 6184 section 8.1 ------------------------------------------------------------------------ */

static unsigned hexadecimal(char digit) {
    return digit <= '9' ? (unsigned)(digit - '0') : ((unsigned)digit | 0x20u) - 'a' + 10u;
}

/* profile_idc << 8 | profile-iop. RFC 6184 section 8.1: when absent, Baseline without constraints is meant. */
static bool read_profile(struct sdp_view parameters, unsigned *out) {
    struct sdp_view value;
    *out = 0x4200;
    if (!sdp_parameter_find(parameters, "profile-level-id", &value))
        return true;
    if (value.length != 6 || !sdp_view_is_all(value, SDP_CHARACTER_HEX))
        return false;
    *out = hexadecimal(value.text[0]) << 12 | hexadecimal(value.text[1]) << 8 | hexadecimal(value.text[2]) << 4 | hexadecimal(value.text[3]);
    return true;
}

/* RFC 6184 section 8.1, table 5: several pairs of profile_idc and profile-iop name one sub-profile. */
static unsigned sub_profile(unsigned profile) {
    static const struct {
        unsigned mask;
        unsigned value;
    } constrained_baseline[] = {{0xFF4F, 0x4240}, {0xFF8F, 0x4D80}, {0xFFCF, 0x58C0}}, baseline[] = {{0xFF4F, 0x4200}, {0xFFCF, 0x5880}};
    for (size_t i = 0; i < sizeof constrained_baseline / sizeof constrained_baseline[0]; i++)
        if ((profile & constrained_baseline[i].mask) == constrained_baseline[i].value)
            return 0x4240;
    for (size_t i = 0; i < sizeof baseline / sizeof baseline[0]; i++)
        if ((profile & baseline[i].mask) == baseline[i].value)
            return 0x4200;
    return profile;
}

static bool same_h264(struct sdp_view a, struct sdp_view b) {
    unsigned profile_a;
    unsigned profile_b;
    /* RFC 6184 section 8.2.2, MUST: profile and packetization-mode are symmetric; the level is each side's own limit. */
    return same_number(a, b, "packetization-mode", 0) && read_profile(a, &profile_a) && read_profile(b, &profile_b) &&
           sub_profile(profile_a) == sub_profile(profile_b);
}

/* ---- codecs that serve others -------------------------------------------------------------------------------------- */

/* RFC 4588 section 8.6: apt names the payload type whose packets are sent again. */
static bool rtx_serves(struct sdp_view parameters, uint32_t *payload_type) {
    *payload_type = sdp_parameter_number(parameters, "apt", UINT32_MAX);
    return true;
}

/* RFC 2198 section 5: "111/111", payload types with '/' between. Without any, what is inside is said in the packets. */
static bool red_serves(struct sdp_view parameters, uint32_t *payload_type) {
    *payload_type = UINT32_MAX;
    sdp_read_number(sdp_view_front(parameters, sdp_view_index_of(parameters, '/')), SDP_PAYLOAD_TYPE_MAX, payload_type);
    return parameters.length > 0;
}

static const struct sdp_codec_row rows[] = {
    /* RFC 7587 section 7: always 48000/2, whatever is inside. */
    {SDP_CODEC_OPUS, "opus", 48000, 2, SDP_CODEC_NO_STATIC, true, NULL, NULL},
    /* RFC 3551 section 6. The clock of G722 is 8000 by an old mistake that everyone keeps (section 4.5.2). */
    {SDP_CODEC_PCMU, "PCMU", 8000, 1, 0, true, NULL, NULL},
    {SDP_CODEC_PCMA, "PCMA", 8000, 1, 8, true, NULL, NULL},
    {SDP_CODEC_G722, "G722", 8000, 1, 9, true, NULL, NULL},
    {SDP_CODEC_TELEPHONE_EVENT, "telephone-event", 8000, 1, SDP_CODEC_NO_STATIC, false, NULL, NULL}, /* RFC 4733 */
    {SDP_CODEC_COMFORT_NOISE, "CN", 8000, 1, 13, false, NULL, NULL},                                 /* RFC 3389 */
    {SDP_CODEC_RED, "red", 48000, 2, SDP_CODEC_NO_STATIC, false, NULL, red_serves},                  /* RFC 2198 */
    {SDP_CODEC_VP8, "VP8", 90000, 1, SDP_CODEC_NO_STATIC, true, NULL, NULL},                         /* RFC 7741 section 6 */
    {SDP_CODEC_VP9, "VP9", 90000, 1, SDP_CODEC_NO_STATIC, true, same_vp9, NULL},
    {SDP_CODEC_H264, "H264", 90000, 1, SDP_CODEC_NO_STATIC, true, same_h264, NULL},
    {SDP_CODEC_AV1, "AV1", 90000, 1, SDP_CODEC_NO_STATIC, true, same_av1, NULL},
    {SDP_CODEC_RTX, "rtx", 90000, 1, SDP_CODEC_NO_STATIC, false, NULL, rtx_serves},
    {SDP_CODEC_ULPFEC, "ulpfec", 90000, 1, SDP_CODEC_NO_STATIC, false, NULL, NULL},    /* RFC 5109 */
    {SDP_CODEC_FLEXFEC, "flexfec-03", 90000, 1, SDP_CODEC_NO_STATIC, false, NULL, NULL}, /* as browsers name it; RFC 8627 */
};
#define ROW_COUNT (sizeof rows / sizeof rows[0])

const struct sdp_codec_row *sdp_codec_row_named(struct sdp_view name) {
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (sdp_view_is_ignoring_case(name, rows[i].name))
            return &rows[i];
    return NULL;
}

const struct sdp_codec_row *sdp_codec_row_of(enum sdp_codec_id id) {
    for (size_t i = 0; i < ROW_COUNT; i++)
        if (rows[i].id == id)
            return &rows[i];
    return NULL;
}

const struct sdp_codec_row *sdp_codec_row_static(uint8_t payload_type) {
    for (size_t i = 0; payload_type != SDP_CODEC_NO_STATIC && i < ROW_COUNT; i++)
        if (rows[i].static_payload_type == payload_type)
            return &rows[i];
    return NULL;
}

bool sdp_codec_is_media(enum sdp_codec_id id) {
    const struct sdp_codec_row *row = sdp_codec_row_of(id);
    return row != NULL && row->media;
}

bool sdp_codec_is_repair(enum sdp_codec_id id) {
    return id == SDP_CODEC_RTX;
}

bool sdp_codec_names_payload_types(enum sdp_codec_id id) {
    const struct sdp_codec_row *row = sdp_codec_row_of(id);
    return row != NULL && row->serves != NULL;
}

struct sdp_codec sdp_codec_make(enum sdp_codec_id id, uint8_t payload_type, const char *parameters, unsigned feedback) {
    const struct sdp_codec_row *row = sdp_codec_row_of(id);
    struct sdp_codec codec = {.payload_type = payload_type, .parameters = sdp_view_from(parameters), .feedback = feedback, .channels = 1};
    if (row != NULL) {
        codec.id = id;
        codec.name = sdp_view_from(row->name);
        codec.clock_hz = row->clock_hz;
        codec.channels = row->channels;
    }
    return codec;
}
