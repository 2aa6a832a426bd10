/* Readers of what describes RTP in a section: payload types, feedback, header extensions, sources, streams. */
#include "sdp/scan_internal.h"

static bool read_payload_type(struct sdp_view word, uint8_t *out) {
    /* RFC 3550 section 5.1: a payload type has seven bits. */
    uint32_t number;
    if (!sdp_number_cut(word, SDP_PAYLOAD_TYPE_MAX, &number))
        return false;
    *out = (uint8_t)number;
    return true;
}

/* What stands behind the first space, spaces in front of it removed. */
static struct sdp_view behind_spaces(struct sdp_view rest) {
    while (rest.length > 0 && rest.text[0] == ' ')
        rest = sdp_view_behind(rest, 1);
    return rest;
}

/* ---- payload types ------------------------------------------------------------------------------------------------- */

bool sdp_read_rtpmap(struct sdp_view value, struct sdp_rtpmap *out) {
    struct sdp_view word;
    struct sdp_view more;
    if (!sdp_word_cut(&value, &word) || !read_payload_type(word, &out->payload_type) || !sdp_word_cut(&value, &word) ||
        sdp_word_cut(&value, &more))
        return false;
    size_t slash = sdp_view_index_of(word, '/');
    out->name = sdp_view_front(word, slash);
    if (slash == word.length || !sdp_view_is_all(out->name, SDP_CHARACTER_TOKEN))
        return false;
    word = sdp_view_behind(word, slash + 1);
    slash = sdp_view_index_of(word, '/');
    out->channels = 1;
    if (!sdp_number_cut(sdp_view_front(word, slash), UINT32_MAX, &out->clock_hz) || out->clock_hz == 0)
        return false;
    if (slash < word.length) {
        uint32_t channels;
        if (!sdp_read_number(sdp_view_behind(word, slash + 1), UINT8_MAX, &channels) || channels == 0)
            return false;
        out->channels = (uint8_t)channels;
    }
    return true;
}

bool sdp_read_fmtp(struct sdp_view value, struct sdp_fmtp *out) {
    struct sdp_view word;
    if (!sdp_word_cut(&value, &word) || !read_payload_type(word, &out->payload_type))
        return false;
    out->parameters = sdp_view_without_trailing_spaces(behind_spaces(value));
    return out->parameters.length > 0;
}

bool sdp_parameter_find(struct sdp_view parameters, const char *name, struct sdp_view *out) {
    while (parameters.length > 0) {
        size_t end = sdp_view_index_of(parameters, ';');
        struct sdp_view one = sdp_view_without_trailing_spaces(behind_spaces(sdp_view_front(parameters, end)));
        parameters = sdp_view_behind(parameters, end < parameters.length ? end + 1 : end);
        size_t equals = sdp_view_index_of(one, '=');
        if (!sdp_view_is_ignoring_case(sdp_view_without_trailing_spaces(sdp_view_front(one, equals)), name))
            continue;
        *out = behind_spaces(sdp_view_behind(one, equals < one.length ? equals + 1 : equals));
        return true;
    }
    return false;
}

uint32_t sdp_parameter_number(struct sdp_view parameters, const char *name, uint32_t fallback) {
    struct sdp_view value;
    uint32_t number;
    return sdp_parameter_find(parameters, name, &value) && sdp_read_number(value, UINT32_MAX, &number) ? number : fallback;
}

/* ---- feedback ------------------------------------------------------------------------------------------------------ */

/* By bit. */
static const struct {
    const char *name;
    size_t length;
    bool more; /* RFC 5104 section 7.1: parameters may stand behind the words */
} feedbacks[SDP_FEEDBACK_COUNT] = {
#define WORDS(text, more) {(text), sizeof(text) - 1, (more)}
    WORDS("nack", false),      WORDS("nack pli", false), WORDS("ccm fir", false),  WORDS("transport-cc", false), WORDS("goog-remb", false),
    WORDS("nack sli", false),  WORDS("nack rpsi", false), WORDS("ack rpsi", false), WORDS("ccm tmmbr", true),     WORDS("ccm tstr", false),
    WORDS("ccm vbcm", true),   WORDS("ack ccfb", false), WORDS("rrtr", false),
#undef WORDS
};

const char *sdp_feedback_name(enum sdp_feedback flag) {
    for (unsigned bit = 0; bit < SDP_FEEDBACK_COUNT; bit++)
        if ((unsigned)flag == 1u << bit)
            return feedbacks[bit].name;
    return "";
}

static void read_feedback_words(struct sdp_rtcp_fb *out) {
    for (unsigned bit = 0; bit < SDP_FEEDBACK_COUNT; bit++) {
        size_t length = feedbacks[bit].length;
        bool more = feedbacks[bit].more && out->feedback.length > length && out->feedback.text[length] == ' ';
        if ((out->feedback.length != length && !more) || !sdp_view_is_ignoring_case(sdp_view_front(out->feedback, length), feedbacks[bit].name))
            continue;
        out->flag = 1u << bit;
        out->more = behind_spaces(sdp_view_behind(out->feedback, length));
        return;
    }
}

/* RFC 4585 section 4.2: "trr-int" and milliseconds. */
static void read_interval(struct sdp_rtcp_fb *out) {
    struct sdp_view rest = out->feedback;
    struct sdp_view word;
    if (sdp_word_cut(&rest, &word) && sdp_view_is_ignoring_case(word, "trr-int") && sdp_word_cut(&rest, &word))
        sdp_read_number(word, UINT32_MAX, &out->trr_int_ms);
}

/* RFC 4585 section 4.2: a payload type or '*' for all, and what it asks for. */
static bool cut_feedback(struct sdp_view value, uint8_t *payload_type, struct sdp_view *feedback) {
    struct sdp_view word;
    *payload_type = SDP_PAYLOAD_TYPE_ANY;
    if (!sdp_word_cut(&value, &word))
        return false;
    if (!(word.length == 1 && word.text[0] == '*') && !read_payload_type(word, payload_type))
        return false;
    *feedback = sdp_view_without_trailing_spaces(behind_spaces(value));
    return feedback->length > 0;
}

bool sdp_check_rtcp_fb(struct sdp_view value) {
    uint8_t payload_type;
    struct sdp_view feedback;
    return cut_feedback(value, &payload_type, &feedback);
}

bool sdp_read_rtcp_fb(struct sdp_view value, struct sdp_rtcp_fb *out) {
    *out = (struct sdp_rtcp_fb){.payload_type = SDP_PAYLOAD_TYPE_ANY};
    if (!cut_feedback(value, &out->payload_type, &out->feedback))
        return false;
    read_feedback_words(out);
    if (out->flag == 0)
        read_interval(out);
    return true;
}

/* ---- header extensions --------------------------------------------------------------------------------------------- */

static bool read_direction(struct sdp_view word, enum sdp_direction *out) {
    for (unsigned direction = SDP_DIRECTION_INACTIVE; direction <= SDP_DIRECTION_SEND_RECEIVE; direction++)
        if (sdp_view_is(word, sdp_direction_name((enum sdp_direction)direction))) {
            *out = (enum sdp_direction)direction;
            return true;
        }
    return false;
}

bool sdp_read_extmap(struct sdp_view value, struct sdp_extmap *out) {
    struct sdp_view word;
    uint32_t id;
    if (!sdp_word_cut(&value, &word))
        return false;
    size_t slash = sdp_view_index_of(word, '/');
    /* RFC 8285 section 5: 1 to 14 or 1 to 255 by the form used; 4096 to 4351 in an offer that leaves the choice open. */
    if (!sdp_read_number(sdp_view_front(word, slash), 4351, &id) || id == 0 || (id > 255 && id < 4096))
        return false;
    out->id = (uint16_t)id;
    out->direction = SDP_DIRECTION_SEND_RECEIVE;
    if (slash < word.length && !read_direction(sdp_view_behind(word, slash + 1), &out->direction))
        return false;
    if (!sdp_word_cut(&value, &out->uri))
        return false;
    out->attributes = sdp_view_without_trailing_spaces(behind_spaces(value));
    return true;
}

bool sdp_section_allows_mixed(const struct sdp_session *session, const struct sdp_section *section) {
    struct sdp_attribute attribute;
    return sdp_find(session, section, SDP_ATTRIBUTE_EXTMAP_ALLOW_MIXED, &attribute);
}

/* ---- streams and sources ------------------------------------------------------------------------------------------- */

bool sdp_read_msid(struct sdp_view value, struct sdp_msid *out) {
    struct sdp_view more;
    *out = (struct sdp_msid){0};
    if (!sdp_word_cut(&value, &out->stream))
        return false;
    sdp_word_cut(&value, &out->track);
    return !sdp_word_cut(&value, &more);
}

bool sdp_read_ssrc(struct sdp_view value, struct sdp_ssrc *out) {
    struct sdp_view word;
    if (!sdp_word_cut(&value, &word) || !sdp_read_number(word, UINT32_MAX, &out->ssrc))
        return false;
    struct sdp_view rest = sdp_view_without_trailing_spaces(behind_spaces(value));
    size_t colon = sdp_view_index_of(rest, ':');
    out->attribute = sdp_view_front(rest, colon);
    out->value = sdp_view_behind(rest, colon < rest.length ? colon + 1 : colon);
    return sdp_view_is_all(out->attribute, SDP_CHARACTER_TOKEN);
}

bool sdp_read_ssrc_group(struct sdp_view value, struct sdp_ssrc_group *out) {
    *out = (struct sdp_ssrc_group){.ssrcs = value};
    if (!sdp_word_cut(&out->ssrcs, &out->semantics) || !sdp_view_is_all(out->semantics, SDP_CHARACTER_TOKEN))
        return false;
    struct sdp_view rest = out->ssrcs;
    struct sdp_view word;
    uint32_t ssrc;
    while (sdp_word_cut(&rest, &word))
        if (!sdp_read_number(word, UINT32_MAX, &ssrc))
            return false;
    return true;
}

bool sdp_read_packet_time(struct sdp_view value, uint32_t *out_ms) {
    value = sdp_view_without_trailing_spaces(value);
    size_t dot = sdp_view_index_of(value, '.');
    struct sdp_view fraction = sdp_view_behind(value, dot < value.length ? dot + 1 : dot);
    return sdp_read_number(sdp_view_front(value, dot), UINT32_MAX, out_ms) &&
           (dot == value.length || sdp_view_is_all(fraction, SDP_CHARACTER_DIGIT));
}

bool sdp_read_bandwidth(struct sdp_view value, struct sdp_bandwidth *out) {
    value = sdp_view_without_trailing_spaces(value);
    size_t colon = sdp_view_index_of(value, ':');
    out->type = sdp_view_front(value, colon);
    if (colon == value.length || !sdp_view_is_all(out->type, SDP_CHARACTER_TOKEN))
        return false;
    struct sdp_view number = sdp_view_behind(value, colon + 1);
    if (!sdp_view_is_all(number, SDP_CHARACTER_DIGIT))
        return false;
    if (!sdp_read_number(number, UINT32_MAX, &out->value))
        out->value = UINT32_MAX;
    return true;
}
