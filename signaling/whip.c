/* WHIP and WHEP: targets, the judgement of a request, and the two formats of its bodies. */
#include "signaling/whip.h"

#include <string.h>

/* ---- targets ------------------------------------------------------------------------------------------------------ */

static bool is_id(const char *bytes, size_t length) {
    if (length != SIGNALING_ID_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!((bytes[i] >= '0' && bytes[i] <= '9') || (bytes[i] >= 'a' && bytes[i] <= 'f')))
            return false;
    }
    return true;
}

bool signaling_whip_target_parse(const char *path, size_t length, struct signaling_whip_target *out) {
    memset(out, 0, sizeof *out);
    if (length < 7 || (memcmp(path, "/whip/", 6) != 0 && memcmp(path, "/whep/", 6) != 0))
        return false;
    const char *room = path + 6, *slash = memchr(room, '/', length - 6);
    size_t room_length = slash != NULL ? (size_t)(slash - room) : length - 6;
    size_t id_length = slash != NULL ? length - 6 - room_length - 1 : 0;
    if (!signaling_room_name_is_valid(room, room_length) || (slash != NULL && !is_id(slash + 1, id_length)))
        return false;
    out->is_egress = path[3] == 'e';
    memcpy(out->room, room, room_length);
    if (slash != NULL)
        memcpy(out->id, slash + 1, id_length);
    return true;
}

/* ---- requests ----------------------------------------------------------------------------------------------------- */

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

static bool equals_ignoring_case(const char *bytes, const char *string, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (lower(bytes[i]) != lower(string[i]))
            return false;
    }
    return true;
}

/* RFC 9110 section 8.3.1: a media type is compared without case, and parameters may follow. */
static bool is_media_type(struct signaling_text value, const char *type) {
    size_t length = strlen(type);
    if (value.bytes == NULL || value.length < length || !equals_ignoring_case(value.bytes, type, length))
        return false;
    return value.length == length || value.bytes[length] == ';' || value.bytes[length] == ' ' || value.bytes[length] == '\t';
}

/* RFC 6750 section 2.1: the scheme's name has no case. Which byte of the token is wrong does not show in the time it takes. */
static bool is_authorized(struct signaling_text value, const char *token) {
    static const char scheme[] = "Bearer ";
    size_t length = strlen(token), before = sizeof scheme - 1;
    if (value.bytes == NULL || value.length != before + length || !equals_ignoring_case(value.bytes, scheme, before))
        return false;
    unsigned difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= (unsigned char)value.bytes[before + i] ^ (unsigned char)token[i];
    return difference == 0;
}

/* The entity tag of a session's ICE is its id, for we restart none. */
static bool is_our_tag(struct signaling_text value, const char *id) {
    return value.length == SIGNALING_ID_BYTES + 2 && value.bytes[0] == '"' && value.bytes[value.length - 1] == '"' &&
           memcmp(value.bytes + 1, id, SIGNALING_ID_BYTES) == 0;
}

static unsigned judge_patch(const struct signaling_whip_request *request) {
    if (!is_media_type(request->content_type, "application/trickle-ice-sdpfrag"))
        return 415;
    /* RFC 9725 section 4.3.1: a PATCH names the ICE session that it is about; without that it may be refused with 428, for another with 412. */
    if (request->if_match.bytes == NULL)
        return 428;
    /* RFC 9725 section 4.3.3: "*" asks for an ICE restart; a server without them answers 422. */
    if (signaling_text_is(request->if_match, "*"))
        return 422;
    return is_our_tag(request->if_match, request->target.id) ? 0 : 412;
}

unsigned signaling_whip_judge(const struct signaling_whip_request *request, const char *token, bool has_session) {
    bool is_endpoint = request->target.id[0] == '\0';
    /* RFC 9725 section 4.2: OPTIONS is answered without credentials, so that pages of other origins may ask (the Fetch standard's CORS preflight). */
    if (request->method == SIGNALING_WHIP_OPTIONS)
        return 204;
    if (is_endpoint ? request->method != SIGNALING_WHIP_POST : request->method != SIGNALING_WHIP_PATCH && request->method != SIGNALING_WHIP_DELETE)
        return 405;
    /* RFC 9725 section 4.7.1, MUST: the bearer token goes with every request to the endpoint and to the session. */
    if (token != NULL && !is_authorized(request->authorization, token))
        return 401;
    if (request->method == SIGNALING_WHIP_POST)
        return is_media_type(request->content_type, "application/sdp") ? 0 : 415;
    if (!has_session)
        return 404;
    return request->method == SIGNALING_WHIP_PATCH ? judge_patch(request) : 0;
}

/* ---- lines -------------------------------------------------------------------------------------------------------- */

/* The line at *at without its end, which may be LF alone; false at the end of the text. */
static bool next_line(const char *bytes, size_t length, size_t *at, struct signaling_text *line) {
    if (*at >= length)
        return false;
    const char *start = bytes + *at, *end = memchr(start, '\n', length - *at);
    line->bytes = start;
    line->length = end != NULL ? (size_t)(end - start) : length - *at;
    *at += line->length + (end != NULL ? 1 : 0);
    if (line->length > 0 && start[line->length - 1] == '\r')
        line->length--;
    return true;
}

/* The value of "a=NAME:", or an absent text. */
static struct signaling_text value_of(struct signaling_text line, const char *prefix) {
    size_t length = strlen(prefix);
    if (line.length < length || memcmp(line.bytes, prefix, length) != 0)
        return (struct signaling_text){NULL, 0};
    return (struct signaling_text){line.bytes + length, line.length - length};
}

static bool begins_section(struct signaling_text line) {
    return line.length >= 2 && line.bytes[0] == 'm' && line.bytes[1] == '=';
}

void signaling_sdpfrag_begin(struct signaling_sdpfrag *fragment, const char *bytes, size_t length) {
    *fragment = (struct signaling_sdpfrag){.bytes = bytes, .length = length};
}

bool signaling_sdpfrag_next(struct signaling_sdpfrag *fragment, struct signaling_message *out) {
    struct signaling_text line, value;
    memset(out, 0, sizeof *out);
    while (next_line(fragment->bytes, fragment->length, &fragment->at, &line)) {
        if (begins_section(line))
            fragment->mid = (struct signaling_text){NULL, 0};
        else if ((value = value_of(line, "a=mid:")).bytes != NULL)
            fragment->mid = value;
        else if ((value = value_of(line, "a=ice-ufrag:")).bytes != NULL)
            fragment->ufrag = value;
        else if (value_of(line, "a=end-of-candidates").bytes != NULL) {
            out->type = SIGNALING_END_OF_CANDIDATES;
            return true;
        } else if (value_of(line, "a=candidate:").bytes != NULL) {
            out->type = SIGNALING_CANDIDATE;
            /* RFC 8840 section 9.2: the mid names the section. Without one, BUNDLE's first section is meant. */
            out->candidate = (struct signaling_candidate){{line.bytes + 2, line.length - 2}, fragment->mid, fragment->ufrag, fragment->mid.bytes != NULL ? -1 : 0};
            return true;
        }
    }
    return false;
}

/* ---- the answer --------------------------------------------------------------------------------------------------- */

struct writer {
    char *bytes;
    size_t capacity, length; /* length counts on beyond the capacity */
};

static void put(struct writer *writer, const char *bytes, size_t length) {
    if (writer->length < writer->capacity) {
        size_t room = writer->capacity - writer->length;
        memcpy(writer->bytes + writer->length, bytes, length < room ? length : room);
    }
    writer->length += length;
}

static bool names(const struct signaling_candidate *candidate, int32_t section, struct signaling_text mid) {
    if (candidate->sdp_mid.bytes != NULL && mid.bytes != NULL)
        return candidate->sdp_mid.length == mid.length && memcmp(candidate->sdp_mid.bytes, mid.bytes, mid.length) == 0;
    return (candidate->sdp_m_line_index < 0 ? 0 : candidate->sdp_m_line_index) == section;
}

static void end_section(struct writer *writer, int32_t section, struct signaling_text mid, const struct signaling_candidate *candidates, size_t count) {
    for (size_t i = 0; section >= 0 && i < count; i++) {
        if (!names(&candidates[i], section, mid))
            continue;
        put(writer, "a=", 2);
        put(writer, candidates[i].candidate.bytes, candidates[i].candidate.length);
        put(writer, "\r\n", 2);
    }
    if (section >= 0)
        put(writer, "a=end-of-candidates\r\n", 21);
}

enum signaling_error signaling_whip_answer(struct signaling_text sdp, const struct signaling_candidate *candidates, size_t count, char *buffer, size_t capacity,
                                           size_t *length) {
    struct writer writer = {buffer, capacity, 0};
    struct signaling_text line, mid = {NULL, 0}, value;
    int32_t section = -1;
    for (size_t at = 0; next_line(sdp.bytes, sdp.length, &at, &line);) {
        if (begins_section(line)) {
            end_section(&writer, section++, mid, candidates, count);
            mid = (struct signaling_text){NULL, 0};
        } else if ((value = value_of(line, "a=mid:")).bytes != NULL) {
            mid = value;
        }
        put(&writer, line.bytes, line.length);
        put(&writer, "\r\n", 2);
    }
    end_section(&writer, section, mid, candidates, count);
    *length = writer.length;
    put(&writer, "", 1);
    return writer.length <= capacity ? SIGNALING_OK : SIGNALING_ERROR_BUFFER;
}
