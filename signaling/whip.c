/* WHIP and WHEP: targets, and the judgement of a request. */
#include "signaling/whip.h"

#include <string.h>

#include "signaling/http.h"

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

/* RFC 6750 section 2.1: the scheme's name has no case. Which byte of the token is wrong does not show in the time it takes. */
static bool is_authorized(struct signaling_text value, const char *token) {
    static const char scheme[] = "Bearer ";
    size_t length = strlen(token), before = sizeof scheme - 1;
    if (value.bytes == NULL || value.length != before + length || !signaling_http_begins(value, scheme))
        return false;
    unsigned difference = 0;
    for (size_t i = 0; i < length; i++)
        difference |= (unsigned char)value.bytes[before + i] ^ (unsigned char)token[i];
    return difference == 0;
}

static bool is_tag(struct signaling_text value, const char *tag) {
    size_t length = strlen(tag);
    return value.length == length + 2 && value.bytes[0] == '"' && value.bytes[length + 1] == '"' && memcmp(value.bytes + 1, tag, length) == 0;
}

static unsigned judge_patch(const struct signaling_whip_request *request, const char *tag) {
    /* RFC 9725 section 4.3.1, MUST: another type is rejected, 4xx. */
    if (!signaling_http_is_media_type(request->content_type, "application/trickle-ice-sdpfrag"))
        return 415;
    /* RFC 9725 section 4.3.1: a PATCH names the ICE session that it is about; without that it is refused with 428, for another with 412. */
    if (request->if_match.bytes == NULL)
        return 428;
    /* RFC 9725 section 4.3.3: "*" is any, and what a restart says; its example has quotes around it, which RFC 9110 section 13.1.1 has not. */
    if (signaling_text_is(request->if_match, "*") || signaling_text_is(request->if_match, "\"*\""))
        return 0;
    return is_tag(request->if_match, tag) ? 0 : 412;
}

static bool is_allowed(enum signaling_whip_method method, bool is_endpoint) {
    if (method == SIGNALING_WHIP_OTHER)
        return false;
    return method == SIGNALING_WHIP_GET || (is_endpoint ? method == SIGNALING_WHIP_POST : method == SIGNALING_WHIP_PATCH || method == SIGNALING_WHIP_DELETE);
}

unsigned signaling_whip_judge(const struct signaling_whip_request *request, const char *token, const char *tag) {
    bool is_endpoint = request->target.id[0] == '\0';
    /* RFC 9725 section 4.2, MUST: OPTIONS for CORS, answered 200; section 4.7.1: without credentials. */
    if (request->method == SIGNALING_WHIP_OPTIONS)
        return 200;
    if (!is_allowed(request->method, is_endpoint))
        return 405;
    /* RFC 9725 section 4.7.1, MUST: the bearer token goes with every request to the endpoint and to the session. */
    if (token != NULL && !is_authorized(request->authorization, token))
        return 401;
    if (!is_endpoint && tag == NULL)
        return 404;
    /* RFC 9725 section 4.1, MUST: GET is answered 2xx, without content. */
    if (request->method == SIGNALING_WHIP_GET)
        return 204;
    if (request->method == SIGNALING_WHIP_POST)
        return signaling_http_is_media_type(request->content_type, "application/sdp") ? 0 : 415;
    /* RFC 9725 section 4.3.1, MUST: DELETE ignores an entity tag. */
    return request->method == SIGNALING_WHIP_PATCH ? judge_patch(request, tag) : 0;
}
