/* The codecs of a section: its formats, and the rtpmap, fmtp and rtcp-fb lines that explain them, gathered in one pass. */
#include "sdp/codec_internal.h"

#define NOWHERE 255

/* One entry a payload type, in the order of the m= line; `place` leads from a payload type to its entry. */
static size_t list_formats(const struct sdp_section *section, struct sdp_codec *out, unsigned char *place) {
    struct sdp_view formats = section->formats;
    struct sdp_view word;
    uint32_t payload_type;
    size_t count = 0;
    memset(place, NOWHERE, SDP_PAYLOAD_TYPE_MAX + 1);
    while (sdp_word_cut(&formats, &word)) {
        if (!sdp_read_number(word, SDP_PAYLOAD_TYPE_MAX, &payload_type) || place[payload_type] != NOWHERE)
            continue;
        place[payload_type] = (unsigned char)count;
        out[count++] = (struct sdp_codec){.payload_type = (uint8_t)payload_type};
    }
    return count;
}

static void apply_rtpmap(const struct sdp_attribute *attribute, struct sdp_codec *out, const unsigned char *place) {
    struct sdp_rtpmap rtpmap;
    if (!sdp_read_rtpmap(attribute->value, &rtpmap) || place[rtpmap.payload_type] == NOWHERE)
        return;
    struct sdp_codec *codec = &out[place[rtpmap.payload_type]];
    if (codec->name.length > 0)
        return; /* said twice: the first counts */
    const struct sdp_codec_row *row = sdp_codec_row_named(rtpmap.name);
    codec->id = row == NULL ? SDP_CODEC_UNKNOWN : row->id;
    codec->name = rtpmap.name;
    codec->clock_hz = rtpmap.clock_hz;
    codec->channels = rtpmap.channels;
}

static void apply_fmtp(const struct sdp_attribute *attribute, struct sdp_codec *out, const unsigned char *place) {
    struct sdp_fmtp fmtp;
    if (sdp_read_fmtp(attribute->value, &fmtp) && place[fmtp.payload_type] != NOWHERE && out[place[fmtp.payload_type]].parameters.length == 0)
        out[place[fmtp.payload_type]].parameters = fmtp.parameters;
}

/* What is said of "*" goes into *of_all. */
static void apply_feedback(const struct sdp_attribute *attribute, struct sdp_codec *out, const unsigned char *place, unsigned *of_all) {
    struct sdp_rtcp_fb feedback;
    if (!sdp_read_rtcp_fb(attribute->value, &feedback))
        return;
    if (feedback.payload_type == SDP_PAYLOAD_TYPE_ANY)
        *of_all |= feedback.flag;
    else if (place[feedback.payload_type] != NOWHERE)
        out[place[feedback.payload_type]].feedback |= feedback.flag;
}

/* Gives the static payload types their names, drops those that stay nameless. */
static size_t settle(struct sdp_codec *codecs, size_t count, unsigned feedback_of_all) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct sdp_codec codec = codecs[i];
        codec.feedback |= feedback_of_all;
        /* RFC 3551 section 6: payload types below 35 may go without an rtpmap. */
        const struct sdp_codec_row *row = codec.name.length > 0 ? NULL : sdp_codec_row_static(codec.payload_type);
        if (row != NULL) {
            struct sdp_codec named = sdp_codec_make(row->id, codec.payload_type, NULL, codec.feedback);
            named.parameters = codec.parameters;
            codec = named;
        }
        if (codec.name.length > 0)
            codecs[kept++] = codec;
    }
    return kept;
}

size_t sdp_section_codecs(const struct sdp_section *section, struct sdp_codec *out) {
    unsigned char place[SDP_PAYLOAD_TYPE_MAX + 1];
    unsigned feedback_of_all = 0;
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    size_t count = list_formats(section, out, place);
    while (sdp_walk_attribute(&walk, &attribute)) {
        switch (attribute.kind) {
        case SDP_ATTRIBUTE_RTPMAP: apply_rtpmap(&attribute, out, place); break;
        case SDP_ATTRIBUTE_FMTP: apply_fmtp(&attribute, out, place); break;
        case SDP_ATTRIBUTE_RTCP_FB: apply_feedback(&attribute, out, place, &feedback_of_all); break;
        default: break;
        }
    }
    return settle(out, count, feedback_of_all);
}
