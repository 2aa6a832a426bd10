/* Writing the one canonical shape of each signaling message, and the small functions around texts and codes. */
#include <string.h>

#include "signaling/json_internal.h"
#include "signaling/message.h"

/* ---- texts and codes ---------------------------------------------------------------------------------------------- */

struct signaling_text signaling_text_of(const char *string) {
    struct signaling_text text = {string, string != NULL ? strlen(string) : 0};
    return text;
}

bool signaling_text_is(struct signaling_text text, const char *string) {
    return text.bytes != NULL && strlen(string) == text.length && memcmp(text.bytes, string, text.length) == 0;
}

bool signaling_room_name_is_valid(const char *name, size_t length) {
    if (length < 1 || length > SIGNALING_ROOM_NAME_MAX_BYTES)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

static const struct {
    enum signaling_error error;
    const char *code;
} codes[] = {
    {SIGNALING_ERROR_BAD_JSON, "bad-json"},         {SIGNALING_ERROR_UNKNOWN_TYPE, "unknown-type"}, {SIGNALING_ERROR_TOO_LARGE, "too-large"},
    {SIGNALING_ERROR_RATE_LIMITED, "rate-limited"}, {SIGNALING_ERROR_ROOM_FULL, "room-full"},       {SIGNALING_ERROR_NO_PEER, "no-peer"},
};

const char *signaling_error_code(enum signaling_error error) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i].error == error)
            return codes[i].code;
    }
    return NULL;
}

enum signaling_error signaling_error_of_code(struct signaling_text code) {
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (signaling_text_is(code, codes[i].code))
            return codes[i].error;
    }
    return SIGNALING_ERROR_UNKNOWN_TYPE;
}

/* ---- members ------------------------------------------------------------------------------------------------------ */

/* ,"name":"text" */
static void required(struct signaling_json_writer *writer, const char *name, struct signaling_text text) {
    if (text.bytes == NULL)
        writer->failed = true;
    signaling_json_raw(writer, ",\"");
    signaling_json_raw(writer, name);
    signaling_json_raw(writer, "\":");
    signaling_json_string(writer, text);
}

static void optional(struct signaling_json_writer *writer, const char *name, struct signaling_text text) {
    if (text.bytes != NULL)
        required(writer, name, text);
}

static void write_candidate(struct signaling_json_writer *writer, const struct signaling_candidate *candidate) {
    if (candidate->candidate.length == 0 || candidate->sdp_m_line_index < -1 || candidate->sdp_m_line_index > 65535)
        writer->failed = true;
    signaling_json_raw(writer, ",\"candidate\":{\"candidate\":");
    signaling_json_string(writer, candidate->candidate);
    optional(writer, "sdpMid", candidate->sdp_mid);
    if (candidate->sdp_m_line_index >= 0) {
        signaling_json_raw(writer, ",\"sdpMLineIndex\":");
        signaling_json_number(writer, (uint32_t)candidate->sdp_m_line_index);
    }
    optional(writer, "usernameFragment", candidate->username_fragment);
    signaling_json_raw(writer, "}");
}

static void write_joined(struct signaling_json_writer *writer, const struct signaling_message *message) {
    required(writer, "id", message->id);
    optional(writer, "room", message->room);
    if (message->peer_count > SIGNALING_PEERS_MAX || message->ice_server_count > SIGNALING_ICE_SERVERS_MAX) {
        writer->failed = true;
        return;
    }
    signaling_json_raw(writer, ",\"peers\":[");
    for (size_t i = 0; i < message->peer_count; i++) {
        signaling_json_raw(writer, i > 0 ? "," : "");
        signaling_json_string(writer, message->peers[i]);
    }
    signaling_json_raw(writer, "],\"iceServers\":[");
    for (size_t i = 0; i < message->ice_server_count; i++) {
        const struct signaling_ice_server *server = &message->ice_servers[i];
        if (server->url.bytes == NULL)
            writer->failed = true;
        signaling_json_raw(writer, i > 0 ? ",{\"urls\":" : "{\"urls\":");
        signaling_json_string(writer, server->url);
        optional(writer, "username", server->username);
        optional(writer, "credential", server->credential);
        signaling_json_raw(writer, "}");
    }
    signaling_json_raw(writer, "]");
}

/* ---- the message -------------------------------------------------------------------------------------------------- */

static void write_members(struct signaling_json_writer *writer, const struct signaling_message *message) {
    switch (message->type) {
    case SIGNALING_JOINED:
        signaling_json_raw(writer, "{\"type\":\"joined\"");
        write_joined(writer, message);
        break;
    case SIGNALING_PEER_JOINED:
        signaling_json_raw(writer, "{\"type\":\"peer-joined\"");
        required(writer, "id", message->id);
        break;
    case SIGNALING_PEER_LEFT:
        signaling_json_raw(writer, "{\"type\":\"peer-left\"");
        required(writer, "id", message->id);
        optional(writer, "reason", message->reason);
        break;
    case SIGNALING_READY:
        signaling_json_raw(writer, "{\"type\":\"ready\"");
        optional(writer, "role", message->role);
        break;
    case SIGNALING_BYE:
        signaling_json_raw(writer, "{\"type\":\"bye\"");
        break;
    case SIGNALING_OFFER:
        signaling_json_raw(writer, "{\"type\":\"offer\"");
        required(writer, "sdp", message->sdp);
        break;
    case SIGNALING_ANSWER:
        signaling_json_raw(writer, "{\"type\":\"answer\"");
        required(writer, "sdp", message->sdp);
        break;
    case SIGNALING_CANDIDATE:
        signaling_json_raw(writer, "{\"type\":\"candidate\"");
        write_candidate(writer, &message->candidate);
        break;
    case SIGNALING_END_OF_CANDIDATES:
        signaling_json_raw(writer, "{\"type\":\"candidate\",\"candidate\":null");
        break;
    case SIGNALING_ERROR_MESSAGE:
        signaling_json_raw(writer, "{\"type\":\"error\"");
        required(writer, "code", message->code);
        optional(writer, "message", message->text);
        optional(writer, "hint", message->hint);
        break;
    default:
        writer->failed = true;
        break;
    }
    optional(writer, "from", message->from);
    signaling_json_raw(writer, "}");
}

enum signaling_error signaling_message_write(const struct signaling_message *message, char *buffer, size_t capacity, size_t *length) {
    struct signaling_json_writer writer = {buffer, capacity, 0, false};
    write_members(&writer, message);
    if (capacity > 0)
        buffer[writer.length < capacity ? writer.length : 0] = '\0';
    *length = writer.length;
    if (writer.failed) {
        *length = 0;
        if (capacity > 0)
            buffer[0] = '\0';
        return SIGNALING_ERROR_ARGUMENT;
    }
    return writer.length < capacity ? SIGNALING_OK : SIGNALING_ERROR_BUFFER;
}
