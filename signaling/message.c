/*
 * Reading a signaling message in each of the shapes that programs and pages in the wild use:
 *
 *   {"type":"offer","sdp":S}                                      ours, and RTCSessionDescription.toJSON
 *   {"type":"offer","offer":{"type":"offer","sdp":S}}             likewise answer
 *   {"offer":{"type":"offer","sdp":S}}                            likewise answer
 *   {"type":"candidate","candidate":{"candidate":C,"sdpMid":..}}  ours; null: end of candidates
 *   {"type":"candidate","candidate":C,"sdpMid":..}                flat
 *   {"new-ice-candidate":{..}}  {"iceCandidate":{..}}             without a type
 *
 * Unknown members are ignored, so that a newer peer can say more. A known member of the wrong kind is refused: a message is understood wholly or not.
 */
#include "signaling/message.h"

#include <string.h>

#include "signaling/json_internal.h"

/* ---- members ------------------------------------------------------------------------------------------------------ */

static struct signaling_text view_of(const json_t *string) {
    struct signaling_text text = {json_string_value(string), json_string_length(string)};
    return text;
}

static enum signaling_error wrong_kind(struct signaling_problem *problem, const char *name, const char *wanted) {
    signaling_problem_name(problem, "\"", name, wanted);
    return SIGNALING_ERROR_BAD_JSON;
}

/* A string; absent and null leave the view absent. */
static enum signaling_error read_optional(const json_t *object, const char *name, struct signaling_text *out, struct signaling_problem *problem) {
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value))
        return SIGNALING_OK;
    if (!json_is_string(value))
        return wrong_kind(problem, name, "\" must be a string");
    *out = view_of(value);
    return SIGNALING_OK;
}

static enum signaling_error read_required(const json_t *object, const char *name, struct signaling_text *out, struct signaling_problem *problem) {
    enum signaling_error error = read_optional(object, name, out, problem);
    if (error == SIGNALING_OK && out->bytes == NULL)
        return wrong_kind(problem, name, "\" is missing");
    return error;
}

/* ---- dictionaries ------------------------------------------------------------------------------------------------- */

static enum signaling_error read_description(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    const char *name = out->type == SIGNALING_OFFER ? "offer" : "answer";
    const json_t *inner = json_object_get(object, name);
    if (inner == NULL)
        return read_required(object, "sdp", &out->sdp, problem);
    if (!json_is_object(inner))
        return wrong_kind(problem, name, "\" must be an object with \"sdp\"");
    struct signaling_text type = {NULL, 0};
    enum signaling_error error = read_optional(inner, "type", &type, problem);
    if (error != SIGNALING_OK)
        return error;
    if (type.bytes != NULL && !signaling_text_is(type, name))
        return wrong_kind(problem, name, "\" holds a description of another type");
    return read_required(inner, "sdp", &out->sdp, problem);
}

/* The dictionary RTCIceCandidateInit; in the flat shape it is the message itself. */
static enum signaling_error read_candidate_dictionary(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    struct signaling_candidate *candidate = &out->candidate;
    enum signaling_error error = read_required(object, "candidate", &candidate->candidate, problem);
    if (error == SIGNALING_OK)
        error = read_optional(object, "sdpMid", &candidate->sdp_mid, problem);
    if (error == SIGNALING_OK)
        error = read_optional(object, "usernameFragment", &candidate->username_fragment, problem);
    if (error != SIGNALING_OK)
        return error;
    const json_t *index = json_object_get(object, "sdpMLineIndex");
    candidate->sdp_m_line_index = -1;
    if (index != NULL && !json_is_null(index)) {
        if (!json_is_integer(index) || json_integer_value(index) < 0 || json_integer_value(index) > 65535)
            return wrong_kind(problem, "sdpMLineIndex", "\" must be an integer from 0 to 65535");
        candidate->sdp_m_line_index = (int32_t)json_integer_value(index);
    }
    /* W3C WebRTC section 4.8.1: the empty string is the end-of-candidates indication of a generation. */
    if (candidate->candidate.length == 0)
        out->type = SIGNALING_END_OF_CANDIDATES;
    return SIGNALING_OK;
}

static enum signaling_error read_candidate(const json_t *value, const json_t *flat, struct signaling_message *out, struct signaling_problem *problem) {
    out->type = SIGNALING_CANDIDATE;
    out->candidate.sdp_m_line_index = -1;
    if (value == NULL)
        return wrong_kind(problem, "candidate", "\" is missing");
    if (json_is_null(value)) {
        out->type = SIGNALING_END_OF_CANDIDATES;
        return SIGNALING_OK;
    }
    if (json_is_object(value))
        return read_candidate_dictionary(value, out, problem);
    if (json_is_string(value) && flat != NULL)
        return read_candidate_dictionary(flat, out, problem);
    return wrong_kind(problem, "candidate", "\" must be an RTCIceCandidateInit, or null");
}

static enum signaling_error add_ice_server(struct signaling_message *out, const json_t *url, const struct signaling_ice_server *template,
                                           struct signaling_problem *problem) {
    if (!json_is_string(url))
        return wrong_kind(problem, "urls", "\" must be a string, or an array of strings");
    if (out->ice_server_count == SIGNALING_ICE_SERVERS_MAX) {
        signaling_problem_set(problem, 0, 0, "\"iceServers\" has more URLs than we keep");
        return SIGNALING_ERROR_CAPACITY;
    }
    struct signaling_ice_server *server = &out->ice_servers[out->ice_server_count++];
    *server = *template;
    server->url = view_of(url);
    return SIGNALING_OK;
}

/* RTCIceServer: urls is a string or an array of them (W3C WebRTC section 4.2.3); one entry for each URL. */
static enum signaling_error read_ice_server(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    if (!json_is_object(object))
        return wrong_kind(problem, "iceServers", "\" must be an array of RTCIceServer");
    struct signaling_ice_server template = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    enum signaling_error error = read_optional(object, "username", &template.username, problem);
    if (error == SIGNALING_OK)
        error = read_optional(object, "credential", &template.credential, problem);
    const json_t *urls = json_object_get(object, "urls");
    if (error != SIGNALING_OK || !json_is_array(urls))
        return error != SIGNALING_OK ? error : add_ice_server(out, urls, &template, problem);
    for (size_t i = 0; error == SIGNALING_OK && i < json_array_size(urls); i++)
        error = add_ice_server(out, json_array_get(urls, i), &template, problem);
    return error;
}

static enum signaling_error read_joined(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    enum signaling_error error = read_required(object, "id", &out->id, problem);
    if (error == SIGNALING_OK)
        error = read_optional(object, "room", &out->room, problem);
    if (error != SIGNALING_OK)
        return error;
    const json_t *peers = json_object_get(object, "peers");
    if (peers != NULL && !json_is_array(peers))
        return wrong_kind(problem, "peers", "\" must be an array of strings");
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        if (!json_is_string(peer))
            return wrong_kind(problem, "peers", "\" must be an array of strings");
        if (out->peer_count == SIGNALING_PEERS_MAX) {
            signaling_problem_set(problem, 0, 0, "\"peers\" has more ids than we keep");
            return SIGNALING_ERROR_CAPACITY;
        }
        out->peers[out->peer_count++] = view_of(peer);
    }
    const json_t *servers = json_object_get(object, "iceServers");
    if (servers != NULL && !json_is_array(servers))
        return wrong_kind(problem, "iceServers", "\" must be an array of RTCIceServer");
    for (size_t i = 0; error == SIGNALING_OK && i < json_array_size(servers); i++)
        error = read_ice_server(json_array_get(servers, i), out, problem);
    return error;
}

/* ---- the message -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum signaling_message_type type;
} types[] = {
    {"joined", SIGNALING_JOINED}, {"peer-joined", SIGNALING_PEER_JOINED}, {"peer-left", SIGNALING_PEER_LEFT},
    {"ready", SIGNALING_READY},   {"bye", SIGNALING_BYE},                 {"offer", SIGNALING_OFFER},
    {"answer", SIGNALING_ANSWER}, {"candidate", SIGNALING_CANDIDATE},     {"error", SIGNALING_ERROR_MESSAGE},
};

static enum signaling_error read_typed(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    enum signaling_error error;
    switch (out->type) {
    case SIGNALING_JOINED:
        return read_joined(object, out, problem);
    case SIGNALING_PEER_JOINED:
        return read_required(object, "id", &out->id, problem);
    case SIGNALING_PEER_LEFT:
        error = read_required(object, "id", &out->id, problem);
        return error != SIGNALING_OK ? error : read_optional(object, "reason", &out->reason, problem);
    case SIGNALING_READY:
        return read_optional(object, "role", &out->role, problem);
    case SIGNALING_OFFER:
    case SIGNALING_ANSWER:
        return read_description(object, out, problem);
    case SIGNALING_CANDIDATE:
        return read_candidate(json_object_get(object, "candidate"), object, out, problem);
    case SIGNALING_ERROR_MESSAGE:
        error = read_required(object, "code", &out->code, problem);
        if (error == SIGNALING_OK)
            error = read_optional(object, "message", &out->text, problem);
        return error != SIGNALING_OK ? error : read_optional(object, "hint", &out->hint, problem);
    default:
        return SIGNALING_OK;
    }
}

/* The shapes that have no "type": their one telling member says what they are. */
static enum signaling_error read_untyped(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    const json_t *candidate = json_object_get(object, "new-ice-candidate");
    if (candidate == NULL)
        candidate = json_object_get(object, "iceCandidate");
    if (candidate != NULL)
        return read_candidate(candidate, NULL, out, problem);
    if (json_object_get(object, "offer") != NULL)
        out->type = SIGNALING_OFFER;
    else if (json_object_get(object, "answer") != NULL)
        out->type = SIGNALING_ANSWER;
    else {
        signaling_problem_set(problem, 0, 0, "the object has no \"type\", and nothing else that says what it is");
        return SIGNALING_ERROR_UNKNOWN_TYPE;
    }
    return read_description(object, out, problem);
}

static enum signaling_error read_message(const json_t *object, struct signaling_message *out, struct signaling_problem *problem) {
    if (!json_is_object(object)) {
        signaling_problem_set(problem, 1, 1, "a message is a JSON object");
        return SIGNALING_ERROR_BAD_JSON;
    }
    struct signaling_text type = {NULL, 0};
    enum signaling_error error = read_optional(object, "type", &type, problem);
    if (error == SIGNALING_OK)
        error = read_optional(object, "from", &out->from, problem);
    if (error != SIGNALING_OK)
        return error;
    if (type.bytes == NULL)
        return read_untyped(object, out, problem);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (signaling_text_is(type, types[i].name)) {
            out->type = types[i].type;
            return read_typed(object, out, problem);
        }
    }
    signaling_problem_name(problem, "unknown type \"", type.bytes, "\"");
    return SIGNALING_ERROR_UNKNOWN_TYPE;
}

enum signaling_error signaling_message_parse(const char *bytes, size_t length, struct signaling_message *out, struct signaling_problem *problem) {
    memset(out, 0, sizeof *out);
    json_t *tree = NULL;
    enum signaling_error error = signaling_json_load(bytes, length, &tree, problem);
    if (error != SIGNALING_OK)
        return error;
    error = read_message(tree, out, problem);
    out->tree = tree;
    if (error != SIGNALING_OK)
        signaling_message_release(out);
    return error;
}

void signaling_message_release(struct signaling_message *message) {
    json_decref(message->tree);
    memset(message, 0, sizeof *message);
}
