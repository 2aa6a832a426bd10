/* Rooms: who may enter, who is told, and what is relayed. */
#include "signaling/room.h"

#include <stdlib.h>
#include <string.h>

#include "signaling/json_internal.h"
#include "signaling/room_internal.h"

#define REASON_MAX_BYTES 64u

/* ---- birth and death ---------------------------------------------------------------------------------------------- */

static void fill_default(uint32_t *value, uint32_t fallback) {
    if (*value == 0)
        *value = fallback;
}

static bool fill_defaults(struct signaling_rooms_config *config) {
    fill_default(&config->max_room_size, SIGNALING_ROOM_SIZE_DEFAULT);
    fill_default(&config->max_rooms, SIGNALING_ROOMS_DEFAULT);
    fill_default(&config->max_members, SIGNALING_MEMBERS_DEFAULT);
    fill_default(&config->members_per_source, SIGNALING_MEMBERS_PER_SOURCE_DEFAULT);
    fill_default(&config->max_message_bytes, SIGNALING_MESSAGE_MAX_BYTES);
    fill_default(&config->message_rate, SIGNALING_MESSAGE_RATE_DEFAULT);
    fill_default(&config->message_burst, SIGNALING_MESSAGE_BURST_DEFAULT);
    fill_default(&config->byte_rate, SIGNALING_BYTE_RATE_DEFAULT);
    fill_default(&config->byte_burst, SIGNALING_BYTE_BURST_DEFAULT);
    fill_default(&config->join_rate, SIGNALING_JOIN_RATE_DEFAULT);
    fill_default(&config->join_burst, SIGNALING_JOIN_BURST_DEFAULT);
    return config->random != NULL && config->max_room_size >= 2 && config->max_room_size <= SIGNALING_PEERS_MAX &&
           config->max_rooms <= SIGNALING_POOL_MAX && config->max_members <= SIGNALING_POOL_MAX &&
           config->max_message_bytes <= SIGNALING_MESSAGE_MAX_BYTES && config->byte_burst >= config->max_message_bytes;
}

static bool is_ice_server(const struct signaling_ice_server *server) {
    return server->url.bytes != NULL && signaling_text_is_utf8(server->url) && signaling_text_is_utf8(server->username) &&
           signaling_text_is_utf8(server->credential);
}

enum signaling_error signaling_rooms_set_ice_servers(struct signaling_rooms *rooms, const struct signaling_ice_server *ice_servers, size_t count) {
    size_t total = 0;
    if (count > SIGNALING_ICE_SERVERS_MAX)
        return SIGNALING_ERROR_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        if (!is_ice_server(&ice_servers[i]))
            return SIGNALING_ERROR_ARGUMENT;
        total += ice_servers[i].url.length + ice_servers[i].username.length + ice_servers[i].credential.length;
    }
    /* All texts in one block. */
    char *block = malloc(total + 1), *at = block;
    if (block == NULL)
        return SIGNALING_ERROR_MEMORY;
    for (size_t i = 0; i < count; i++) {
        rooms->ice_servers[i] = ice_servers[i];
        struct signaling_text *texts[] = {&rooms->ice_servers[i].url, &rooms->ice_servers[i].username, &rooms->ice_servers[i].credential};
        for (size_t t = 0; t < 3; t++) {
            if (texts[t]->bytes == NULL)
                continue;
            memcpy(at, texts[t]->bytes, texts[t]->length);
            texts[t]->bytes = at;
            at += texts[t]->length;
        }
    }
    free(rooms->ice_text);
    rooms->ice_text = block;
    rooms->ice_server_count = count;
    return SIGNALING_OK;
}

struct signaling_rooms *signaling_rooms_new(const struct signaling_rooms_config *config, uint64_t now_us) {
    struct signaling_rooms *rooms = calloc(1, sizeof *rooms);
    if (rooms == NULL)
        return NULL;
    rooms->config = *config;
    if (!fill_defaults(&rooms->config) || signaling_rooms_set_ice_servers(rooms, config->ice_servers, config->ice_server_count) != SIGNALING_OK) {
        signaling_rooms_free(rooms);
        return NULL;
    }
    rooms->config.ice_servers = NULL; /* copied */
    rooms->rooms = (struct signaling_pool){.entry_bytes = sizeof(struct signaling_room_entry),
                                           .next_offset = offsetof(struct signaling_room_entry, next),
                                           .limit = rooms->config.max_rooms,
                                           .free_first = SIGNALING_NONE};
    rooms->members = (struct signaling_pool){.entry_bytes = sizeof(struct signaling_member_entry),
                                             .next_offset = offsetof(struct signaling_member_entry, next),
                                             .limit = rooms->config.max_members,
                                             .free_first = SIGNALING_NONE};
    /* As many again for those who have just left. */
    rooms->sources = (struct signaling_pool){.entry_bytes = sizeof(struct signaling_source_entry),
                                             .next_offset = offsetof(struct signaling_source_entry, next),
                                             .limit = 2 * rooms->config.max_members,
                                             .free_first = SIGNALING_NONE};
    rooms->config.random(rooms->config.random_context, (uint8_t *)rooms->rooms_by_name.secret, sizeof rooms->rooms_by_name.secret);
    rooms->config.random(rooms->config.random_context, (uint8_t *)rooms->sources_by_key.secret, sizeof rooms->sources_by_key.secret);
    rooms->swept_us = now_us;
    return rooms;
}

void signaling_rooms_free(struct signaling_rooms *rooms) {
    if (rooms == NULL)
        return;
    signaling_table_clear(&rooms->rooms_by_name);
    signaling_table_clear(&rooms->sources_by_key);
    free(rooms->rooms.entries);
    free(rooms->members.entries);
    free(rooms->sources.entries);
    for (size_t i = 0; i < SIGNALING_OUTPUTS_MAX; i++)
        free(rooms->pending[i].text);
    free(rooms->ice_text);
    free(rooms);
}

/* ---- refusing ----------------------------------------------------------------------------------------------------- */

static const char *hint_of(enum signaling_error error) {
    switch (error) {
    case SIGNALING_ERROR_ROOM_FULL:
        return "choose another room, or wait until somebody leaves";
    case SIGNALING_ERROR_BAD_JSON:
        return "send one JSON object in UTF-8 without duplicate keys, as docs/signaling.md lists them";
    case SIGNALING_ERROR_UNKNOWN_TYPE:
        return "a member may say ready, offer, answer, candidate and bye";
    case SIGNALING_ERROR_TOO_LARGE:
        return "send shorter messages";
    case SIGNALING_ERROR_NO_PEER:
        return "wait for peer-joined";
    default:
        return "wait a few seconds, then go on more slowly";
    }
}

/* An `error` for one member (or for the one who knocked). Returns `error`, or MEMORY. */
static enum signaling_error refuse(struct signaling_rooms *rooms, enum signaling_error error, const char *code, const char *sentence,
                                   signaling_member member, uint16_t close_code) {
    struct signaling_message message = {.type = SIGNALING_ERROR_MESSAGE};
    message.code = signaling_text_of(code);
    message.text = signaling_text_of(sentence);
    message.hint = signaling_text_of(hint_of(error));
    enum signaling_error written = signaling_output_for(rooms, &message, member, close_code);
    return written == SIGNALING_OK ? error : written;
}

/* ---- joining ------------------------------------------------------------------------------------------------------ */

static void write_id(struct signaling_rooms *rooms, char out[SIGNALING_ID_BYTES + 1]) {
    static const char hexadecimal[] = "0123456789abcdef";
    uint8_t bytes[SIGNALING_ID_BYTES / 2];
    rooms->config.random(rooms->config.random_context, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[2 * i] = hexadecimal[bytes[i] >> 4];
        out[2 * i + 1] = hexadecimal[bytes[i] & 15];
    }
    out[SIGNALING_ID_BYTES] = '\0';
}

static uint32_t find_or_make_room(struct signaling_rooms *rooms, const char *name, size_t length) {
    uint32_t index = signaling_table_find(&rooms->rooms_by_name, (const uint8_t *)name, length);
    if (index != SIGNALING_TABLE_NONE)
        return index;
    index = signaling_pool_take(&rooms->rooms);
    if (index == SIGNALING_NONE)
        return SIGNALING_NONE;
    if (!signaling_table_insert(&rooms->rooms_by_name, (const uint8_t *)name, length, index)) {
        signaling_pool_give(&rooms->rooms, index);
        return SIGNALING_NONE;
    }
    struct signaling_room_entry *room = signaling_room_at(rooms, index);
    memset(room, 0, sizeof *room);
    memcpy(room->name, name, length);
    room->name_length = (uint8_t)length;
    room->first = room->last = SIGNALING_NONE;
    return index;
}

static void drop_room_if_empty(struct signaling_rooms *rooms, uint32_t index) {
    struct signaling_room_entry *room = signaling_room_at(rooms, index);
    if (room->count > 0)
        return;
    signaling_table_remove(&rooms->rooms_by_name, (const uint8_t *)room->name, room->name_length);
    signaling_pool_give(&rooms->rooms, index);
}

static uint32_t add_member(struct signaling_rooms *rooms, uint64_t now_us, uint32_t room_index, uint32_t source) {
    uint32_t index = signaling_pool_take(&rooms->members);
    if (index == SIGNALING_NONE)
        return SIGNALING_NONE;
    struct signaling_room_entry *room = signaling_room_at(rooms, room_index);
    struct signaling_member_entry *member = signaling_member_at(rooms, index);
    uint32_t generation = member->generation + 1;
    memset(member, 0, sizeof *member);
    member->generation = generation;
    member->used = true;
    member->room = room_index;
    member->source = source;
    member->next = SIGNALING_NONE;
    member->previous = room->last;
    if (room->last != SIGNALING_NONE)
        signaling_member_at(rooms, room->last)->next = index;
    else
        room->first = index;
    room->last = index;
    room->count++;
    write_id(rooms, member->id);
    const struct signaling_rooms_config *config = &rooms->config;
    signaling_bucket_fill(&member->messages, config->message_rate, config->message_burst, now_us);
    signaling_bucket_fill(&member->bytes, config->byte_rate, config->byte_burst, now_us);
    signaling_bucket_fill(&member->patience, SIGNALING_PATIENCE_RATE, SIGNALING_PATIENCE_BURST, now_us);
    signaling_bucket_fill(&member->complaints, 1, 1, now_us);
    return index;
}

static void remove_member(struct signaling_rooms *rooms, uint32_t index) {
    struct signaling_member_entry *member = signaling_member_at(rooms, index);
    struct signaling_room_entry *room = signaling_room_at(rooms, member->room);
    if (member->previous != SIGNALING_NONE)
        signaling_member_at(rooms, member->previous)->next = member->next;
    else
        room->first = member->next;
    if (member->next != SIGNALING_NONE)
        signaling_member_at(rooms, member->next)->previous = member->previous;
    else
        room->last = member->previous;
    room->count--;
    signaling_source_at(rooms, member->source)->members--;
    member->used = false;
    signaling_pool_give(&rooms->members, index);
}

static enum signaling_error announce(struct signaling_rooms *rooms, uint32_t index, signaling_member handle) {
    const struct signaling_member_entry *member = signaling_member_at(rooms, index);
    const struct signaling_room_entry *room = signaling_room_at(rooms, member->room);
    struct signaling_message joined = {.type = SIGNALING_JOINED};
    joined.id = signaling_text_of(member->id);
    joined.room = (struct signaling_text){room->name, room->name_length};
    for (uint32_t other = room->first; other != SIGNALING_NONE; other = signaling_member_at(rooms, other)->next) {
        if (other != index)
            joined.peers[joined.peer_count++] = signaling_text_of(signaling_member_at(rooms, other)->id);
    }
    memcpy(joined.ice_servers, rooms->ice_servers, sizeof joined.ice_servers);
    joined.ice_server_count = rooms->ice_server_count;
    struct signaling_message peer_joined = {.type = SIGNALING_PEER_JOINED, .id = joined.id};
    enum signaling_error error = signaling_output_for(rooms, &joined, handle, 0);
    return error != SIGNALING_OK ? error : signaling_output_room(rooms, &peer_joined, member->room, index);
}

/* Whether this source may have one more; takes a token if so. */
static bool admit(struct signaling_rooms *rooms, uint64_t now_us, uint32_t source_index) {
    struct signaling_source_entry *source = signaling_source_at(rooms, source_index);
    if (!signaling_bucket_has(&source->joins, now_us, 1))
        return false;
    signaling_bucket_take(&source->joins, 1);
    return source->members < rooms->config.members_per_source;
}

static enum signaling_error refuse_join(struct signaling_rooms *rooms, enum signaling_error error) {
    rooms->statistics.joins_refused++;
    if (error == SIGNALING_ERROR_ROOM_FULL)
        return refuse(rooms, error, "room-full", "the room has as many members as it may have", SIGNALING_MEMBER_NONE, SIGNALING_CLOSE_ROOM_FULL);
    if (error == SIGNALING_ERROR_RATE_LIMITED)
        return refuse(rooms, error, "rate-limited", "too many joins, or too many members, from this address", SIGNALING_MEMBER_NONE,
                      SIGNALING_CLOSE_RATE_LIMITED);
    return refuse(rooms, error, "rate-limited", "the server has as many rooms or members as it may have", SIGNALING_MEMBER_NONE,
                  SIGNALING_CLOSE_TRY_LATER);
}

enum signaling_error signaling_rooms_join(struct signaling_rooms *rooms, uint64_t now_us, const char *name, size_t name_length,
                                          const uint8_t *source, size_t source_length, signaling_member *member) {
    *member = SIGNALING_MEMBER_NONE;
    if (!signaling_room_name_is_valid(name, name_length) || source_length > SIGNALING_SOURCE_MAX_BYTES)
        return SIGNALING_ERROR_ARGUMENT;
    if (signaling_rooms_outputs_wait(rooms))
        return SIGNALING_ERROR_STATE;
    uint32_t source_index = signaling_source_find(rooms, now_us, source, source_length);
    if (source_index == SIGNALING_NONE)
        return refuse_join(rooms, SIGNALING_ERROR_CAPACITY);
    if (!admit(rooms, now_us, source_index))
        return refuse_join(rooms, SIGNALING_ERROR_RATE_LIMITED);
    uint32_t room = find_or_make_room(rooms, name, name_length);
    if (room == SIGNALING_NONE)
        return refuse_join(rooms, SIGNALING_ERROR_CAPACITY);
    if (signaling_room_at(rooms, room)->count == rooms->config.max_room_size)
        return refuse_join(rooms, SIGNALING_ERROR_ROOM_FULL);
    uint32_t index = add_member(rooms, now_us, room, source_index);
    if (index == SIGNALING_NONE) {
        drop_room_if_empty(rooms, room);
        return refuse_join(rooms, SIGNALING_ERROR_CAPACITY);
    }
    signaling_source_at(rooms, source_index)->members++;
    signaling_member handle = (signaling_member)signaling_member_at(rooms, index)->generation << 32 | index;
    enum signaling_error error = announce(rooms, index, handle);
    if (error != SIGNALING_OK) {
        rooms->pending_count = 0;
        remove_member(rooms, index);
        drop_room_if_empty(rooms, room);
        return error;
    }
    rooms->statistics.joins++;
    *member = handle;
    return SIGNALING_OK;
}

/* ---- leaving ------------------------------------------------------------------------------------------------------ */

/* The index of a live handle, or SIGNALING_NONE. */
static uint32_t member_of(const struct signaling_rooms *rooms, signaling_member handle) {
    uint32_t index = (uint32_t)handle;
    if (index >= rooms->members.used_ever)
        return SIGNALING_NONE;
    const struct signaling_member_entry *member = signaling_member_at(rooms, index);
    return member->used && member->generation == (uint32_t)(handle >> 32) ? index : SIGNALING_NONE;
}

enum signaling_error signaling_rooms_leave(struct signaling_rooms *rooms, uint64_t now_us, signaling_member handle, const char *reason) {
    (void)now_us;
    uint32_t index = member_of(rooms, handle);
    struct signaling_text why = signaling_text_of(reason);
    if (index == SIGNALING_NONE || why.bytes == NULL || why.length > REASON_MAX_BYTES || !signaling_text_is_utf8(why))
        return SIGNALING_ERROR_ARGUMENT;
    if (signaling_rooms_outputs_wait(rooms))
        return SIGNALING_ERROR_STATE;
    const struct signaling_member_entry *member = signaling_member_at(rooms, index);
    uint32_t room = member->room;
    struct signaling_message message = {.type = SIGNALING_PEER_LEFT, .reason = why};
    message.id = signaling_text_of(member->id);
    remove_member(rooms, index);
    /* Short of memory the others are not told; the member is gone all the same. */
    signaling_output_room(rooms, &message, room, SIGNALING_NONE);
    drop_room_if_empty(rooms, room);
    return SIGNALING_OK;
}

/* ---- relaying ----------------------------------------------------------------------------------------------------- */

static size_t copy_to(char *out, size_t at, const char *bytes, size_t length) {
    memcpy(out + at, bytes, length);
    return at + length;
}

/*
 * The message as it came, with "from" put in front of its first member. Who claims to be somebody (a "from" of its own) has that replaced, for which the
 * tree is written anew.
 */
static enum signaling_error relay(struct signaling_rooms *rooms, uint32_t index, const struct signaling_message *message, const char *bytes,
                                  size_t length, struct signaling_problem *problem) {
    static const char before[] = "{\"from\":\"", after[] = "\",";
    const struct signaling_member_entry *member = signaling_member_at(rooms, index);
    char *text = signaling_output_reserve(rooms, SIGNALING_RELAYED_MAX_BYTES);
    if (text == NULL)
        return SIGNALING_ERROR_MEMORY;
    size_t at = 0;
    if (json_object_get(message->tree, "from") == NULL) {
        /* It is an object with at least one member, so the first brace opens it and a comma fits. */
        const char *open = memchr(bytes, '{', length);
        at = copy_to(text, at, before, sizeof before - 1);
        at = copy_to(text, at, member->id, SIGNALING_ID_BYTES);
        at = copy_to(text, at, after, sizeof after - 1);
        at = copy_to(text, at, open + 1, length - (size_t)(open - bytes) - 1);
    } else {
        if (json_object_set_new(message->tree, "from", json_string(member->id)) != 0)
            return SIGNALING_ERROR_MEMORY;
        at = json_dumpb(message->tree, text, SIGNALING_RELAYED_MAX_BYTES, JSON_COMPACT);
        if (at == 0)
            return SIGNALING_ERROR_MEMORY;
        if (at > SIGNALING_RELAYED_MAX_BYTES) {
            signaling_problem_set(problem, 0, 0, "with its own \"from\" replaced, the message is longer than this server takes");
            return SIGNALING_ERROR_TOO_LARGE;
        }
    }
    text[at] = '\0';
    signaling_output_commit_room(rooms, at, member->room, index);
    rooms->statistics.messages_relayed++;
    return SIGNALING_OK;
}

/* What a member may say, and whether it makes sense when nobody else is there to hear it. */
static enum signaling_error judge(const struct signaling_message *message, bool alone, struct signaling_problem *problem) {
    switch (message->type) {
    case SIGNALING_READY:
    case SIGNALING_BYE:
        return SIGNALING_OK;
    case SIGNALING_OFFER:
    case SIGNALING_ANSWER:
    case SIGNALING_CANDIDATE:
    case SIGNALING_END_OF_CANDIDATES:
        if (!alone)
            return SIGNALING_OK;
        signaling_problem_set(problem, 0, 0, "nobody else is in the room");
        return SIGNALING_ERROR_NO_PEER;
    default:
        signaling_problem_set(problem, 0, 0, "only the server says this");
        return SIGNALING_ERROR_UNKNOWN_TYPE;
    }
}

static enum signaling_error understand_and_relay(struct signaling_rooms *rooms, uint32_t index, const char *bytes, size_t length,
                                                 struct signaling_problem *problem) {
    struct signaling_message message;
    enum signaling_error error = signaling_message_parse(bytes, length, &message, problem);
    if (error != SIGNALING_OK)
        return error;
    bool alone = signaling_room_at(rooms, signaling_member_at(rooms, index)->room)->count < 2;
    error = judge(&message, alone, problem);
    if (error == SIGNALING_OK && !alone)
        error = relay(rooms, index, &message, bytes, length, problem);
    signaling_message_release(&message);
    return error;
}

/* True when the member has the budget for a message of this length, which is then taken. */
static bool within_rate(struct signaling_member_entry *member, uint64_t now_us, size_t length) {
    if (!signaling_bucket_has(&member->messages, now_us, 1) || !signaling_bucket_has(&member->bytes, now_us, length))
        return false;
    signaling_bucket_take(&member->messages, 1);
    signaling_bucket_take(&member->bytes, length);
    return true;
}

static enum signaling_error refuse_rate(struct signaling_rooms *rooms, uint64_t now_us, signaling_member handle,
                                        struct signaling_member_entry *member) {
    enum signaling_error error = SIGNALING_ERROR_RATE_LIMITED;
    if (!signaling_bucket_has(&member->patience, now_us, 1))
        return refuse(rooms, error, "rate-limited", "too much, too fast, too long", handle, SIGNALING_CLOSE_RATE_LIMITED);
    signaling_bucket_take(&member->patience, 1);
    if (!signaling_bucket_has(&member->complaints, now_us, 1))
        return error;
    signaling_bucket_take(&member->complaints, 1);
    return refuse(rooms, error, "rate-limited", "the message was dropped: too much, too fast", handle, 0);
}

enum signaling_error signaling_rooms_handle_message(struct signaling_rooms *rooms, uint64_t now_us, signaling_member handle, const char *bytes,
                                                    size_t length) {
    uint32_t index = member_of(rooms, handle);
    if (index == SIGNALING_NONE)
        return SIGNALING_ERROR_ARGUMENT;
    if (signaling_rooms_outputs_wait(rooms))
        return SIGNALING_ERROR_STATE;
    struct signaling_problem problem = {0, 0, ""};
    enum signaling_error error;
    if (length > rooms->config.max_message_bytes) {
        rooms->statistics.messages_refused++;
        return refuse(rooms, SIGNALING_ERROR_TOO_LARGE, "too-large", "the message is longer than this server takes", handle, SIGNALING_CLOSE_TOO_LARGE);
    }
    if (!within_rate(signaling_member_at(rooms, index), now_us, length)) {
        rooms->statistics.messages_refused++;
        return refuse_rate(rooms, now_us, handle, signaling_member_at(rooms, index));
    }
    error = understand_and_relay(rooms, index, bytes, length, &problem);
    if (error == SIGNALING_OK || error == SIGNALING_ERROR_MEMORY)
        return error;
    rooms->statistics.messages_refused++;
    if (error == SIGNALING_ERROR_CAPACITY) /* only in what the server alone says */
        error = SIGNALING_ERROR_UNKNOWN_TYPE;
    return refuse(rooms, error, signaling_error_code(error), problem.sentence, handle, 0);
}

void signaling_rooms_statistics(const struct signaling_rooms *rooms, struct signaling_rooms_statistics *out) {
    *out = rooms->statistics;
    out->rooms = rooms->rooms.count;
    out->members = rooms->members.count;
    out->sources = rooms->sources.count;
    out->longest_probe = rooms->rooms_by_name.longest_probe > rooms->sources_by_key.longest_probe ? rooms->rooms_by_name.longest_probe
                                                                                                   : rooms->sources_by_key.longest_probe;
}
