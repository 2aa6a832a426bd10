/*
 * The rules by which two descriptions of a codec are the same, one row a codec. Two entries match when name, clock and
 * channels are equal (RFC 3264 section 6.1, RFC 8866 section 6.6) and the row's own rule agrees on their parameters. No
 * other file of sdp names a codec.
 */
#include "sdp/codec_internal.h"

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

/* AV1 profiles, as its specification names them (section 6.4.1). */
static const char *say_av1_profile(uint32_t value) {
    return value == 0 ? "Main" : value == 1 ? "High" : value == 2 ? "Professional" : "unknown";
}

#define NO_RULES {{NULL, 0, NULL, NULL}}

static const struct sdp_codec_row rows[] = {
    /* RFC 7587 section 7: always 48000/2, whatever is inside. */
    {SDP_CODEC_OPUS, "opus", 48000, 2, SDP_CODEC_NO_STATIC, true, NO_RULES, NULL},
    /* RFC 3551 section 6. The clock of G722 is 8000 by an old mistake that everyone keeps (section 4.5.2). */
    {SDP_CODEC_PCMU, "PCMU", 8000, 1, 0, true, NO_RULES, NULL},
    {SDP_CODEC_PCMA, "PCMA", 8000, 1, 8, true, NO_RULES, NULL},
    {SDP_CODEC_G722, "G722", 8000, 1, 9, true, NO_RULES, NULL},
    /* RFC 4733 section 2.4.1: `events` is what a side can receive, a wish. */
    {SDP_CODEC_TELEPHONE_EVENT, "telephone-event", 8000, 1, SDP_CODEC_NO_STATIC, false, NO_RULES, NULL},
    {SDP_CODEC_COMFORT_NOISE, "CN", 8000, 1, 13, false, NO_RULES, NULL},                                 /* RFC 3389 */
    {SDP_CODEC_RED, "red", 48000, 2, SDP_CODEC_NO_STATIC, false, NO_RULES, red_serves},                  /* RFC 2198 */
    {SDP_CODEC_VP8, "VP8", 90000, 1, SDP_CODEC_NO_STATIC, true, NO_RULES, NULL},                         /* RFC 7741 section 6 */
    /* RFC 9628 section 6, MUST: profile-id is 0 when absent; a decoder of one profile need not decode another. */
    {SDP_CODEC_VP9, "VP9", 90000, 1, SDP_CODEC_NO_STATIC, true, {{"profile-id", 0, NULL, NULL}}, NULL},
    /* RFC 6184 section 8.2.2, MUST: profile and packetization-mode are symmetric; the level is computed (codec_h264.c). */
    {SDP_CODEC_H264, "H264", 90000, 1, SDP_CODEC_NO_STATIC, true,
     {{"profile-level-id", 0, sdp_h264_rule_read, sdp_h264_rule_say}, {"packetization-mode", 0, NULL, NULL}}, NULL},
    /* RTP Payload Format For AV1, section 7.2: profile is 0 when absent, and not for negotiation; level-idx and tier are the
     * most that a side receives. */
    {SDP_CODEC_AV1, "AV1", 90000, 1, SDP_CODEC_NO_STATIC, true, {{"profile", 0, NULL, say_av1_profile}}, NULL},
    {SDP_CODEC_RTX, "rtx", 90000, 1, SDP_CODEC_NO_STATIC, false, NO_RULES, rtx_serves},
    {SDP_CODEC_ULPFEC, "ulpfec", 90000, 1, SDP_CODEC_NO_STATIC, false, NO_RULES, NULL}, /* RFC 5109 */
    /* As browsers name it, by a draft; RFC 8627 is another wire format. One of the first name matches one of the first only. */
    {SDP_CODEC_FLEXFEC, "flexfec-03", 90000, 1, SDP_CODEC_NO_STATIC, false, NO_RULES, NULL},
    {SDP_CODEC_FLEXFEC, "flexfec", 90000, 1, SDP_CODEC_NO_STATIC, false, NO_RULES, NULL},
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
