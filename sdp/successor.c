/* May a later description follow the one before it: RFC 3264 section 8, RFC 9429 section 5.2.2. */
#include "sdp/codec_internal.h"
#include "sdp/negotiate.h"

static int refuse(struct sdp_problem *problem, size_t line, struct sdp_view text, const char *rule) {
    if (problem != NULL)
        *problem = (struct sdp_problem){.line = line, .column = 1, .text = text, .rule = rule};
    return SDP_ERROR_DISAGREEMENT;
}

/* Nobody uses it any more. */
static bool is_free(const struct sdp_session *session, size_t index) {
    return session != NULL && index < session->section_count && !sdp_section_is_offered(session, &session->sections[index]);
}

/* The line of the rtpmap of a payload type, or of its m= line. */
static size_t line_of(const struct sdp_section *section, uint8_t payload_type) {
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    struct sdp_rtpmap rtpmap;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_RTPMAP, &attribute))
        if (sdp_read_rtpmap(attribute.value, &rtpmap) && rtpmap.payload_type == payload_type)
            return attribute.line;
    return section->line;
}

/* RFC 3264 section 8.3.2, MUST: what a dynamic payload type means in a section stays so for the whole session. */
static int check_payload_types(const struct sdp_section *before, const struct sdp_section *after, struct sdp_problem *problem) {
    struct sdp_codec old[SDP_CODEC_MAX];
    struct sdp_codec new[SDP_CODEC_MAX];
    const struct sdp_codec *meant[SDP_PAYLOAD_TYPE_MAX + 1] = {NULL};
    size_t old_count = sdp_section_codecs(before, old);
    size_t new_count = sdp_section_codecs(after, new);
    for (size_t i = 0; i < old_count; i++)
        meant[old[i].payload_type] = &old[i];
    for (size_t i = 0; i < new_count; i++) {
        const struct sdp_codec *then = meant[new[i].payload_type];
        if (then != NULL && !sdp_codec_means_the_same(then, &new[i]))
            return refuse(problem, line_of(after, new[i].payload_type), new[i].name,
                          "a payload type keeps its meaning for the whole session (RFC 3264 section 8.3.2)");
    }
    return SDP_OK;
}

static int check_section(const struct sdp_section *before, const struct sdp_section *after, struct sdp_problem *problem) {
    if (!sdp_view_equal(before->media, after->media))
        return refuse(problem, after->line, after->media, "a section in use keeps its kind of media (RFC 9429 section 5.2.2)");
    if (before->mid.length > 0 && after->mid.length > 0 && !sdp_view_equal(before->mid, after->mid))
        return refuse(problem, after->line, after->mid, "a section in use keeps its mid (RFC 9429 section 5.2.2)");
    enum sdp_media media = sdp_section_media(after);
    return media == SDP_MEDIA_AUDIO || media == SDP_MEDIA_VIDEO ? check_payload_types(before, after, problem) : SDP_OK;
}

int sdp_check_successor(const struct sdp_session *before, const struct sdp_session *other, const struct sdp_session *after,
                        struct sdp_problem *problem) {
    /* RFC 3264 section 8, MUST: m= lines are added behind, never taken away. */
    if (after->section_count < before->section_count)
        return refuse(problem, 0, (struct sdp_view){NULL, 0}, "m= sections never become fewer (RFC 3264 section 8)");
    for (size_t i = 0; i < before->section_count; i++) {
        /* RFC 3264 section 8.1, RFC 9429 section 5.2.2: what either side refused may be recycled. */
        if (is_free(before, i) || is_free(other, i))
            continue;
        int error = check_section(&before->sections[i], &after->sections[i], problem);
        if (error != SDP_OK)
            return error;
    }
    return SDP_OK;
}
