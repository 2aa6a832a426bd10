/* Transceivers: addTransceiver, addTrack, stop and the like (W3C webrtc sections 5.1 and 5.4), and what a round of offer and answer makes of them. */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static const char closed_rule[] = "the connection is closed (W3C webrtc section 4.4.1): make another one";

/* ---- what the caller may ask for -------------------------------------------------------------------------------------- */

static enum peer_media_kind kind_of(enum peer_codec codec) {
    return codec <= PEER_CODEC_PCMA ? PEER_AUDIO : PEER_VIDEO;
}

static bool are_codecs_valid(enum peer_media_kind kind, const struct peer_codec_capability *codecs, size_t count) {
    if (count > PEER_CODEC_PREFERENCE_MAX || (count > 0 && !codecs))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (codecs[i].codec <= PEER_CODEC_NONE || codecs[i].codec >= PEER_CODEC_COUNT || kind_of(codecs[i].codec) != kind)
            return false;
        if (!codecs[i].parameters)
            continue;
        size_t length = strlen(codecs[i].parameters);
        if (length > PEER_CODEC_PARAMETERS_MAX_BYTES)
            return false;
        for (size_t k = 0; k < length; k++)
            if (codecs[i].parameters[k] < ' ' || codecs[i].parameters[k] > '~')
                return false;
    }
    return true;
}

/* RFC 8830 section 2: an id is 1 to 64 token characters (RFC 8866 section 9); "-" alone means none. */
static bool is_stream_id(const char *id) {
    static const char marks[] = "!#$%&'*+-.^_`{|}~";
    size_t length = id ? strlen(id) : 0;
    if (length == 0 || length > PEER_STREAM_ID_MAX_BYTES || strcmp(id, "-") == 0)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = id[i];
        bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_alphanumeric && !strchr(marks, c))
            return false;
    }
    return true;
}

static bool is_config_valid(const struct peer_transceiver_config *config) {
    if ((config->kind != PEER_AUDIO && config->kind != PEER_VIDEO) || (unsigned)config->direction > PEER_SENDRECV)
        return false;
    if (config->stream_count > PEER_STREAM_MAX || (config->stream_count > 0 && !config->streams))
        return false;
    for (size_t i = 0; i < config->stream_count; i++)
        if (!is_stream_id(config->streams[i]))
            return false;
    return are_codecs_valid(config->kind, config->codecs, config->codec_count);
}

static void set_codecs(struct peer_transceiver_entry *entry, const struct peer_codec_capability *codecs, size_t count) {
    static const enum peer_codec defaults[2][3] = {{PEER_CODEC_OPUS, PEER_CODEC_PCMU, PEER_CODEC_PCMA}, {PEER_CODEC_VP8, PEER_CODEC_VP9, PEER_CODEC_NONE}};
    entry->has_preferences = count > 0;
    entry->codec_count = 0;
    for (size_t i = 0; count == 0 && i < 3 && defaults[entry->facts.kind][i] != PEER_CODEC_NONE; i++)
        entry->codecs[entry->codec_count++] = (struct peer_codec_choice){.codec = defaults[entry->facts.kind][i]};
    for (size_t i = 0; i < count; i++) {
        struct peer_codec_choice *choice = &entry->codecs[entry->codec_count++];
        *choice = (struct peer_codec_choice){.codec = codecs[i].codec, .has_parameters = codecs[i].parameters != NULL};
        if (codecs[i].parameters)
            memcpy(choice->parameters, codecs[i].parameters, strlen(codecs[i].parameters) + 1);
    }
}

/* An id that is named twice counts once. */
static void set_streams(struct peer_connection *connection, struct peer_transceiver_entry *entry, const struct peer_transceiver_config *config) {
    const char *shared = connection->stream_id;
    size_t count = config->stream_count > 0 ? config->stream_count : 1;
    entry->stream_count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = config->stream_count > 0 ? config->streams[i] : shared;
        bool is_known = false;
        for (size_t k = 0; k < entry->stream_count; k++)
            is_known |= strcmp(entry->streams[k], id) == 0;
        if (!is_known)
            memcpy(entry->streams[entry->stream_count++], id, strlen(id) + 1);
    }
}

/* ---- the set ---------------------------------------------------------------------------------------------------------- */

struct peer_transceiver_entry *peer_transceivers_next(const struct peer_connection *connection, size_t *index) {
    for (; *index < connection->transceiver_count; ++*index)
        if (connection->transceivers[*index] && !connection->transceivers[*index]->is_removed)
            return connection->transceivers[*index];
    return NULL;
}

struct peer_transceiver_entry *peer_transceivers_of_section(const struct peer_connection *connection, size_t section) {
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (entry->facts.section >= 0 && (size_t)entry->facts.section == section)
            return entry;
    return NULL;
}

/* RFC 3550 section 8.1: random, and never the same twice; 0 means "none" in our structures. */
static uint32_t make_ssrc(struct peer_connection *connection) {
    for (;;) {
        uint32_t ssrc;
        peer_connection_random(connection, &ssrc, sizeof ssrc);
        bool is_taken = ssrc == 0;
        for (size_t i = 0; i < connection->transceiver_count; i++)
            is_taken |= connection->transceivers[i] && connection->transceivers[i]->ssrc == ssrc;
        if (!is_taken)
            return ssrc;
    }
}

/* A number that nobody has; else that of one that is gone. False: PEER_TRANSCEIVER_MAX. */
static bool find_number(const struct peer_connection *connection, size_t *index) {
    for (*index = 0; *index < PEER_TRANSCEIVER_MAX; ++*index)
        if (!connection->transceivers[*index])
            return true;
    for (*index = 0; *index < PEER_TRANSCEIVER_MAX; ++*index)
        if (connection->transceivers[*index]->is_removed && !connection->transceivers[*index]->muted_pending)
            return true;
    for (*index = 0; *index < PEER_TRANSCEIVER_MAX; ++*index)
        if (connection->transceivers[*index]->is_removed)
            return true;
    return false;
}

static void free_entry(struct peer_connection *connection, struct peer_transceiver_entry *entry) {
    if (entry)
        peer_connection_release(connection, entry->parameters);
    peer_connection_release(connection, entry);
}

struct peer_transceiver_entry *peer_transceivers_make(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index) {
    if (!find_number(connection, index))
        return NULL;
    struct peer_transceiver_entry *entry = peer_connection_allocate(connection, sizeof *entry);
    if (!entry)
        return NULL;
    *entry = (struct peer_transceiver_entry){
        .facts = {.kind = config->kind, .direction = config->direction, .section = -1, .send_parameters = "", .receive_parameters = ""},
        .bitrate_bps = config->bitrate_bps,
        .order = connection->next_order++,
        .stable = {.section = -1},
    };
    set_codecs(entry, config->codecs, config->codec_count);
    set_streams(connection, entry, config);
    peer_connection_make_id(connection, entry->track_id);
    entry->ssrc = make_ssrc(connection);
    free_entry(connection, connection->transceivers[*index]);
    connection->transceivers[*index] = entry;
    if (*index >= connection->transceiver_count)
        connection->transceiver_count = *index + 1;
    return entry;
}

void peer_transceivers_free(struct peer_connection *connection) {
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        free_entry(connection, connection->transceivers[i]);
        connection->transceivers[i] = NULL;
    }
    connection->transceiver_count = 0;
}

/* ---- calls ------------------------------------------------------------------------------------------------------------ */

static int make(struct peer_connection *connection, const struct peer_transceiver_config *config, bool is_of_track, size_t *index) {
    size_t unused;
    struct peer_transceiver_entry *entry = peer_transceivers_make(connection, config, index);
    if (!entry && !find_number(connection, &unused))
        return peer_problem_set(connection, NULL, PEER_ERROR_CAPACITY, "there are PEER_TRANSCEIVER_MAX transceivers that are not stopped: stop one, and offer");
    if (!entry)
        return peer_problem_set(connection, NULL, PEER_ERROR_MEMORY, "out of memory");
    entry->is_of_track = is_of_track;
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

static int check_config(struct peer_connection *connection, const struct peer_transceiver_config *config, const size_t *index) {
    if (connection->is_closed)
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE, closed_rule);
    if (!config || !index || !is_config_valid(config))
        return peer_problem_set(connection, NULL, PEER_ERROR_ARGUMENT,
                                "a kind, direction, codec of the kind, codec parameter or stream id is none (W3C webrtc section 5.1)");
    return PEER_OK;
}

int peer_connection_add_transceiver(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index) {
    int error = check_config(connection, config, index);
    return error == PEER_OK ? make(connection, config, false, index) : error;
}

/* W3C webrtc section 5.1, addTrack: the first sender of the kind that has never sent and has nothing to send. */
static struct peer_transceiver_entry *find_idle_sender(const struct peer_connection *connection, enum peer_media_kind kind, size_t *index) {
    struct peer_transceiver_entry *entry, *first = NULL;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (entry->facts.kind == kind && !entry->facts.stopping && !entry->has_sent && !(entry->facts.direction & PEER_SENDONLY) &&
            (!first || entry->order < first->order)) {
            first = entry;
            *index = i;
        }
    return first;
}

int peer_connection_add_track(struct peer_connection *connection, const struct peer_transceiver_config *config, size_t *index) {
    int error = check_config(connection, config, index);
    if (error != PEER_OK)
        return error;
    struct peer_transceiver_entry *entry = find_idle_sender(connection, config->kind, index);
    if (!entry) {
        struct peer_transceiver_config both = *config;
        both.direction = PEER_SENDRECV;
        return make(connection, &both, true, index);
    }
    entry->facts.direction = (enum peer_direction)(entry->facts.direction | PEER_SENDONLY);
    if (config->codec_count > 0)
        set_codecs(entry, config->codecs, config->codec_count);
    set_streams(connection, entry, config);
    entry->bitrate_bps = config->bitrate_bps;
    /* RFC 9429 section 5.7: the rollback of the offer that made it leaves it then, and it may take another section. */
    entry->is_of_track |= entry->is_of_remote_offer;
    entry->is_of_remote_offer = false;
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

/* The one a call is about. */
static int find(struct peer_connection *connection, size_t index, struct peer_transceiver_entry **entry) {
    if (connection->is_closed)
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE, closed_rule);
    *entry = index < connection->transceiver_count ? connection->transceivers[index] : NULL;
    if (!*entry)
        return peer_problem_set(connection, NULL, PEER_ERROR_NOT_FOUND, "there is no transceiver of that number");
    return PEER_OK;
}

int peer_connection_remove_track(struct peer_connection *connection, size_t index) {
    struct peer_transceiver_entry *entry;
    int error = find(connection, index, &entry);
    if (error != PEER_OK || entry->facts.stopping)
        return error;
    entry->facts.direction = (enum peer_direction)(entry->facts.direction & PEER_RECVONLY);
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

int peer_connection_set_direction(struct peer_connection *connection, size_t index, enum peer_direction direction) {
    struct peer_transceiver_entry *entry;
    int error = find(connection, index, &entry);
    if (error != PEER_OK)
        return error;
    if ((unsigned)direction > PEER_SENDRECV)
        return peer_problem_set(connection, NULL, PEER_ERROR_ARGUMENT, "there is no such direction (W3C webrtc section 5.4)");
    if (entry->facts.stopping)
        return peer_problem_set(connection, NULL, PEER_ERROR_STATE, "the transceiver is stopped (W3C webrtc section 5.4, direction): it needs to be one that is not");
    entry->facts.direction = direction;
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

int peer_connection_stop_transceiver(struct peer_connection *connection, size_t index) {
    struct peer_transceiver_entry *entry;
    int error = find(connection, index, &entry);
    if (error != PEER_OK || entry->facts.stopping)
        return error;
    /* W3C webrtc section 5.4, "stop sending and receiving". */
    peer_media_stop_transceiver(connection, connection->now_us, entry);
    entry->facts.stopping = true;
    entry->facts.direction = PEER_INACTIVE;
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

int peer_connection_set_codec_preferences(struct peer_connection *connection, size_t index, const struct peer_codec_capability *codecs, size_t count) {
    struct peer_transceiver_entry *entry;
    int error = find(connection, index, &entry);
    if (error != PEER_OK)
        return error;
    if (!are_codecs_valid(entry->facts.kind, codecs, count))
        return peer_problem_set(connection, NULL, PEER_ERROR_ARGUMENT,
                                "a codec is of another kind, or there are more than PEER_CODEC_PREFERENCE_MAX (W3C webrtc section 5.4, setCodecPreferences)");
    set_codecs(entry, codecs, count);
    return PEER_OK;
}

size_t peer_connection_transceiver_count(const struct peer_connection *connection) {
    return connection->transceiver_count;
}

bool peer_connection_transceiver(const struct peer_connection *connection, size_t index, struct peer_transceiver *out) {
    if (index >= connection->transceiver_count || !connection->transceivers[index])
        return false;
    *out = connection->transceivers[index]->facts;
    return true;
}
