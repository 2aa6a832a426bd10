#include <stdlib.h>
#include <string.h>

#include "app/net/clock.h"
#include "test/interop/negotiation/driver_internal.h"

/* What a command said: *result stays NULL for JSON's null; `why` is said besides the error. */
struct outcome {
    json_t *result;
    const char *why;
    struct peer_problem problem;
};

static const char *text_of(const json_t *command, const char *name) {
    return json_string_value(json_object_get(command, name));
}

/* Position of a word in a list that ends with NULL; -1: it is not in it. */
static int position(const char *const *words, const char *word) {
    for (int i = 0; word && words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

static size_t transceiver_of(const json_t *command) {
    const json_t *index = json_object_get(command, "transceiver");
    return json_is_integer(index) && json_integer_value(index) >= 0 ? (size_t)json_integer_value(index) : SIZE_MAX;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------------- */

static int on_new(struct driver *driver, const json_t *command, struct outcome *out) {
    static const char *const policies[] = {"balanced", "max-compat", "max-bundle", NULL};
    const char *policy = text_of(command, "bundlePolicy");
    int chosen = policy ? position(policies, policy) : PEER_BUNDLE_BALANCED;
    if (driver->connection || chosen < 0)
        return PEER_ERROR_ARGUMENT;
    driver->is_silent = json_is_true(json_object_get(command, "silent"));
    int error = driver_begin(driver, (enum peer_bundle_policy)chosen);
    if (error != 0)
        out->why = strerror(-error);
    return error == 0 ? PEER_OK : PEER_ERROR_MEMORY;
}

static int on_close(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)command;
    (void)out;
    peer_connection_close(driver->connection, net_clock_now_us());
    return PEER_OK;
}

/* ---- transceivers ------------------------------------------------------------------------------------------------------ */

static const char *const directions[] = {"inactive", "sendonly", "recvonly", "sendrecv", NULL}; /* as in enum peer_direction */

/* "codecs": ["VP9", {"codec":"H264","parameters":"..."}]. */
static bool read_codecs(const json_t *list, struct peer_codec_capability *out, size_t *count) {
    *count = json_array_size(list);
    if (*count > PEER_CODEC_PREFERENCE_MAX + 1u) /* one too many is the library's to refuse */
        return false;
    for (size_t i = 0; i < *count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *name = json_is_object(item) ? text_of(item, "codec") : json_string_value(item);
        out[i] = (struct peer_codec_capability){.codec = PEER_CODEC_NONE, .parameters = json_is_object(item) ? text_of(item, "parameters") : NULL};
        for (int codec = PEER_CODEC_OPUS; name && codec < PEER_CODEC_COUNT; codec++)
            if (strcmp(peer_codec_name((enum peer_codec)codec), name) == 0)
                out[i].codec = (enum peer_codec)codec;
        if (out[i].codec == PEER_CODEC_NONE)
            return false;
    }
    return true;
}

typedef int (*adder)(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index);

static int add(struct driver *driver, const json_t *command, struct outcome *out, adder add_it) {
    static const char *const kinds[] = {"audio", "video", NULL};
    struct peer_codec_capability codecs[PEER_CODEC_PREFERENCE_MAX + 1];
    const char *streams[PEER_STREAM_MAX + 1];
    struct peer_transceiver_config config = {.codecs = codecs, .streams = streams};
    const json_t *list = json_object_get(command, "streams");
    int kind = position(kinds, text_of(command, "kind"));
    int direction = text_of(command, "direction") ? position(directions, text_of(command, "direction")) : PEER_SENDRECV;
    config.stream_count = json_array_size(list);
    if (kind < 0 || direction < 0 || config.stream_count > PEER_STREAM_MAX + 1u || !read_codecs(json_object_get(command, "codecs"), codecs, &config.codec_count))
        return PEER_ERROR_ARGUMENT;
    for (size_t i = 0; i < config.stream_count; i++)
        streams[i] = json_string_value(json_array_get(list, i));
    config.kind = (enum peer_media_kind)kind;
    config.direction = (enum peer_direction)direction;
    size_t index = 0;
    int error = add_it(driver->connection, &config, &index);
    if (error == PEER_OK) {
        if (index < PEER_TRANSCEIVER_MAX && add_it == peer_connection_add_transceiver)
            driver->streams[index] = (struct driver_stream){0};
        out->result = json_integer((json_int_t)index);
    }
    return error;
}

static int on_add_transceiver(struct driver *driver, const json_t *command, struct outcome *out) {
    return add(driver, command, out, peer_connection_add_transceiver);
}

static int on_add_track(struct driver *driver, const json_t *command, struct outcome *out) {
    return add(driver, command, out, peer_connection_add_track);
}

static int on_remove_track(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)out;
    return peer_connection_remove_track(driver->connection, transceiver_of(command));
}

static int on_set_direction(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)out;
    int direction = position(directions, text_of(command, "direction"));
    return direction < 0 ? PEER_ERROR_ARGUMENT : peer_connection_set_direction(driver->connection, transceiver_of(command), (enum peer_direction)direction);
}

static int on_stop(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)out;
    return peer_connection_stop_transceiver(driver->connection, transceiver_of(command));
}

static int on_set_codec_preferences(struct driver *driver, const json_t *command, struct outcome *out) {
    struct peer_codec_capability codecs[PEER_CODEC_PREFERENCE_MAX + 1];
    size_t count;
    (void)out;
    if (!read_codecs(json_object_get(command, "codecs"), codecs, &count))
        return PEER_ERROR_ARGUMENT;
    return peer_connection_set_codec_preferences(driver->connection, transceiver_of(command), codecs, count);
}

static int on_insert_dtmf(struct driver *driver, const json_t *command, struct outcome *out) {
    const char *tones = text_of(command, "tones");
    (void)out;
    return tones ? peer_connection_insert_dtmf(driver->connection, net_clock_now_us(), transceiver_of(command), tones, 100, 70) : PEER_ERROR_ARGUMENT;
}

static int on_transceivers(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)command;
    out->result = driver_transceivers(driver);
    return PEER_OK;
}

/* ---- data channels ----------------------------------------------------------------------------------------------------- */

static size_t number_of(const json_t *command, const char *name) {
    const json_t *number = json_object_get(command, name);
    return json_is_integer(number) && json_integer_value(number) >= 0 ? (size_t)json_integer_value(number) : SIZE_MAX;
}

static int on_create_data_channel(struct driver *driver, const json_t *command, struct outcome *out) {
    size_t channel = 0;
    int error = driver_create_channel(driver, command, &channel);
    if (error == PEER_OK)
        out->result = json_integer((json_int_t)channel);
    return error;
}

static int on_send_data(struct driver *driver, const json_t *command, struct outcome *out) {
    size_t length = number_of(command, "length");
    const json_t *number = json_object_get(command, "number");
    (void)out;
    if (length > SCTP_SEND_DEFAULT_BYTES)
        return PEER_ERROR_ARGUMENT;
    return driver_send_message(driver, number_of(command, "channel"), length, (uint32_t)json_integer_value(number), json_is_true(json_object_get(command, "text")));
}

static int on_data_channel(struct driver *driver, const json_t *command, struct outcome *out) {
    out->result = driver_channel_facts(driver, number_of(command, "channel"));
    return out->result ? PEER_OK : PEER_ERROR_NOT_FOUND;
}

static int on_close_data_channel(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)out;
    return peer_connection_close_data_channel(driver->connection, net_clock_now_us(), number_of(command, "channel"));
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------ */

static const char *const types[] = {"offer", "pranswer", "answer", "rollback", NULL}; /* as in enum peer_sdp_type */

static json_t *description_json(const struct driver *driver, enum peer_description_which which) {
    enum peer_sdp_type type;
    size_t length = 0;
    char *text = malloc(PEER_DESCRIPTION_MAX_BYTES);
    json_t *out = NULL;
    if (text && peer_connection_description(driver->connection, which, &type, text, PEER_DESCRIPTION_MAX_BYTES, &length) == PEER_OK)
        out = json_pack("{s:s,s:s%}", "type", types[type], "sdp", text, length);
    free(text);
    return out;
}

typedef int (*creator)(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem);

static int create(struct driver *driver, struct outcome *out, enum peer_sdp_type type, creator create_it) {
    size_t length = 0;
    char *text = malloc(PEER_DESCRIPTION_MAX_BYTES);
    int error = text ? create_it(driver->connection, net_clock_now_us(), text, PEER_DESCRIPTION_MAX_BYTES, &length, &out->problem) : PEER_ERROR_MEMORY;
    if (error == PEER_OK)
        out->result = json_pack("{s:s,s:s%}", "type", types[type], "sdp", text, length);
    free(text);
    return error;
}

static int on_create_offer(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)command;
    return create(driver, out, PEER_SDP_OFFER, peer_connection_create_offer);
}

static int on_create_answer(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)command;
    return create(driver, out, PEER_SDP_ANSWER, peer_connection_create_answer);
}

static int on_set_local_description(struct driver *driver, const json_t *command, struct outcome *out) {
    const char *type = text_of(command, "type"), *sdp = text_of(command, "sdp");
    int which = type ? position(types, type) : PEER_SDP_IMPLICIT;
    if (which < 0)
        return PEER_ERROR_ARGUMENT;
    int error = peer_connection_set_local_description(driver->connection, net_clock_now_us(), (enum peer_sdp_type)which, sdp, sdp ? strlen(sdp) : 0, &out->problem);
    if (error == PEER_OK && which != PEER_SDP_ROLLBACK)
        out->result = description_json(driver, PEER_LOCAL);
    return error;
}

static int on_set_remote_description(struct driver *driver, const json_t *command, struct outcome *out) {
    const char *sdp = text_of(command, "sdp");
    int which = position(types, text_of(command, "type"));
    if (which < 0)
        return PEER_ERROR_ARGUMENT;
    return peer_connection_set_remote_description(driver->connection, net_clock_now_us(), (enum peer_sdp_type)which, sdp, sdp ? strlen(sdp) : 0, &out->problem);
}

static int on_description(struct driver *driver, const json_t *command, struct outcome *out) {
    static const char *const names[] = {"localDescription", "remoteDescription", "currentLocalDescription", "pendingLocalDescription",
                                        "currentRemoteDescription", "pendingRemoteDescription", NULL}; /* as in enum peer_description_which */
    int which = position(names, text_of(command, "which"));
    if (which < 0)
        return PEER_ERROR_ARGUMENT;
    out->result = description_json(driver, (enum peer_description_which)which);
    return PEER_OK;
}

static int on_restart_ice(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)command;
    (void)out;
    return peer_connection_restart_ice(driver->connection, net_clock_now_us());
}

static int on_add_ice_candidate(struct driver *driver, const json_t *command, struct outcome *out) {
    const json_t *given = json_object_get(command, "candidate");
    const char *candidate = text_of(given, "candidate"), *mid = text_of(given, "sdpMid"), *ufrag = text_of(given, "usernameFragment");
    const json_t *index = json_object_get(given, "sdpMLineIndex");
    struct peer_candidate_init init = {
        .candidate = candidate, .candidate_length = candidate ? strlen(candidate) : 0,
        .mid = mid, .mid_length = mid ? strlen(mid) : 0,
        .line_index = json_is_integer(index) ? (int)json_integer_value(index) : -1,
        .ufrag = ufrag, .ufrag_length = ufrag ? strlen(ufrag) : 0,
    };
    (void)out;
    return peer_connection_add_ice_candidate(driver->connection, net_clock_now_us(), json_is_object(given) ? &init : NULL);
}

/* ---- what is so --------------------------------------------------------------------------------------------------------- */

static int on_state(struct driver *driver, const json_t *command, struct outcome *out) {
    size_t sections = 0, agreed = peer_connection_agreed_count(driver->connection, &sections);
    (void)command;
    out->result = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "signalingState", peer_signaling_state_name(peer_connection_signaling_state(driver->connection)),
                            "connectionState", peer_connection_state_name(peer_connection_state(driver->connection)), "iceConnectionState",
                            ice_state_name(peer_connection_ice_connection_state(driver->connection)), "iceGatheringState",
                            ice_gathering_state_name(peer_connection_ice_gathering_state(driver->connection)), "agreed", (json_int_t)agreed, "sections",
                            (json_int_t)sections);
    return PEER_OK;
}

/* The longest time between two pictures of a stream, in milliseconds, and from now on anew. */
static int on_longest_gap(struct driver *driver, const json_t *command, struct outcome *out) {
    struct peer_transceiver transceiver;
    uint64_t longest_us = 0;
    (void)command;
    for (size_t i = 0; i < PEER_TRANSCEIVER_MAX && peer_connection_transceiver(driver->connection, i, &transceiver); i++) {
        if (transceiver.kind == PEER_VIDEO && driver->streams[i].longest_gap_us > longest_us)
            longest_us = driver->streams[i].longest_gap_us;
        driver->streams[i].longest_gap_us = 0;
    }
    out->result = json_integer((json_int_t)(longest_us / 1000));
    return PEER_OK;
}

static int on_get_stats(struct driver *driver, const json_t *command, struct outcome *out) {
    (void)command;
    out->result = driver_statistics(driver);
    return PEER_OK;
}

static const struct {
    const char *name;
    int (*run)(struct driver *driver, const json_t *command, struct outcome *out);
} commands[] = {
    {"new", on_new},
    {"close", on_close},
    {"addTransceiver", on_add_transceiver},
    {"addTrack", on_add_track},
    {"removeTrack", on_remove_track},
    {"setDirection", on_set_direction},
    {"stop", on_stop},
    {"setCodecPreferences", on_set_codec_preferences},
    {"insertDTMF", on_insert_dtmf},
    {"getTransceivers", on_transceivers},
    {"createDataChannel", on_create_data_channel},
    {"sendData", on_send_data},
    {"closeDataChannel", on_close_data_channel},
    {"dataChannel", on_data_channel},
    {"createOffer", on_create_offer},
    {"createAnswer", on_create_answer},
    {"setLocalDescription", on_set_local_description},
    {"setRemoteDescription", on_set_remote_description},
    {"description", on_description},
    {"restartIce", on_restart_ice},
    {"addIceCandidate", on_add_ice_candidate},
    {"state", on_state},
    {"getStats", on_get_stats},
    {"longestGap", on_longest_gap},
};

static int run_command(struct driver *driver, const json_t *command, struct outcome *out) {
    const char *name = text_of(command, "do");
    for (size_t i = 0; name && i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0 && (driver->connection || commands[i].run == on_new))
            return commands[i].run(driver, command, out);
    out->why = "there is no such command, or no connection yet";
    return PEER_ERROR_ARGUMENT;
}

void driver_handle_line(struct driver *driver, const char *line, size_t length) {
    json_error_t where;
    json_t *command = json_loadb(line, length, 0, &where);
    if (!command) {
        driver_write(json_pack("{s:n,s:s,s:s}", "id", "error", "not JSON", "problem", where.text));
        return;
    }
    struct outcome out = {.problem = {.section = -1}};
    int error = run_command(driver, command, &out);
    json_t *answer = json_pack("{s:O?}", "id", json_object_get(command, "id"));
    if (error == PEER_OK) {
        json_object_set_new(answer, "result", out.result ? out.result : json_null());
    } else {
        const char *why = out.problem.rule ? out.problem.rule : out.why ? out.why : driver->connection ? peer_connection_problem(driver->connection) : "";
        json_object_update_new(answer, json_pack("{s:s,s:s,s:i,s:i}", "error", peer_error_name(error), "problem", why, "line", (int)out.problem.line, "section",
                                                 out.problem.section));
        json_decref(out.result);
    }
    if (driver->connection)
        json_object_set_new(answer, "signalingState", json_string(peer_signaling_state_name(peer_connection_signaling_state(driver->connection))));
    driver_write(answer);
    json_decref(command);
    if (driver->network)
        net_driver_run(driver->network);
}
