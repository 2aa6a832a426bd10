#include "test/sim/w3c_model.h"

#include <assert.h>
#include <string.h>

void w3c_init(struct w3c_model *model) {
    *model = (struct w3c_model){.state = W3C_STABLE};
}

struct w3c_fired w3c_take_fired(struct w3c_model *model) {
    struct w3c_fired fired = model->fired;
    model->fired = (struct w3c_fired){0};
    return fired;
}

const char *w3c_state_name(enum w3c_state state) {
    static const char *const names[] = {"stable", "have-local-offer", "have-remote-offer", "have-local-pranswer", "have-remote-pranswer", "closed"};
    return names[state];
}

const char *w3c_codec_name(bool is_video, unsigned bit) {
    static const char *const audio[] = {"opus", "PCMU", "PCMA"}, *const video[] = {"VP8", "VP9", "H264", "AV1"};
    if (is_video)
        return bit < 4 ? video[bit] : NULL;
    return bit < 3 ? audio[bit] : NULL;
}

unsigned w3c_codec_defaults(bool is_video) {
    return is_video ? 3 : 7; /* VP8, VP9; all of audio */
}

const struct w3c_description *w3c_local(const struct w3c_model *model) {
    return model->pending_local.lines ? &model->pending_local : &model->current_local;
}

const struct w3c_description *w3c_remote(const struct w3c_model *model) {
    return model->pending_remote.lines ? &model->pending_remote : &model->current_remote;
}

int w3c_of_section(const struct w3c_model *model, int section) {
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (model->transceivers[i].exists && !model->transceivers[i].is_removed && model->transceivers[i].section == section)
            return i;
    return -1;
}

/* ---- the set of transceivers ------------------------------------------------------------------------------------------------- */

/* The first number that nobody has; else that of one that is gone from the set. */
int w3c_next_number(const struct w3c_model *model) {
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (!model->transceivers[i].exists)
            return i;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (model->transceivers[i].is_stopped && model->transceivers[i].is_removed)
            return i;
    return -1;
}

unsigned w3c_may_add(const struct w3c_model *model) {
    if (model->state == W3C_CLOSED)
        return W3C_INVALID_STATE;
    return w3c_next_number(model) >= 0 ? W3C_OK : W3C_FULL;
}

static struct w3c_transceiver *make(struct w3c_model *model, bool is_video, unsigned direction) {
    int number = w3c_next_number(model);
    assert(number >= 0);
    struct w3c_transceiver *transceiver = &model->transceivers[number];
    *transceiver = (struct w3c_transceiver){
        .exists = true, .is_video = is_video, .direction = direction, .section = -1, .stable_section = -1, .order = model->transceivers_made++};
    return transceiver;
}

static bool is_named(const struct w3c_model *model, uint64_t hash) {
    for (size_t i = 0; i < model->named_stream_count; i++)
        if (model->named_streams[i] == hash)
            return true;
    return false;
}

static void set_streams(struct w3c_model *model, struct w3c_transceiver *transceiver, unsigned count, uint64_t hash) {
    transceiver->stream_count = count;
    transceiver->stream_hash = hash;
    if (count == 1 && !is_named(model, hash)) {
        assert(model->named_stream_count < W3C_NAMED_STREAM_MAX);
        model->named_streams[model->named_stream_count++] = hash;
    }
}

void w3c_did_add_transceiver(struct w3c_model *model, bool is_video, unsigned direction, unsigned codecs, unsigned stream_count, uint64_t stream_hash) {
    struct w3c_transceiver *transceiver = make(model, is_video, direction);
    transceiver->codecs = codecs;
    set_streams(model, transceiver, stream_count, stream_hash);
    w3c_update_negotiation_needed(model);
}

/* W3C webrtc section 5.1, addTrack: a sender without a track, of that kind, that has never been used to send, and is not stopping. Where
 * there are no tracks, a direction that does not send is a sender without one. */
int w3c_track_number(const struct w3c_model *model, bool is_video) {
    int found = -1;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        const struct w3c_transceiver *transceiver = &model->transceivers[i];
        bool fits = transceiver->exists && transceiver->is_video == is_video && !transceiver->is_stopping && !transceiver->is_stopped &&
                    !transceiver->has_ever_sent && !(transceiver->direction & SDP_LINES_SENDONLY);
        if (fits && (found < 0 || transceiver->order < model->transceivers[found].order))
            found = i;
    }
    return found >= 0 ? found : w3c_next_number(model);
}

void w3c_did_add_track(struct w3c_model *model, bool is_video, unsigned codecs, unsigned stream_count, uint64_t stream_hash) {
    int number = w3c_track_number(model, is_video);
    struct w3c_transceiver *transceiver = &model->transceivers[number];
    if (!transceiver->exists || transceiver->is_removed) {
        transceiver = make(model, is_video, SDP_LINES_SENDRECV);
        transceiver->is_of_track = true;
    }
    transceiver->has_had_track = true;
    transceiver->is_of_track |= transceiver->is_of_pending_remote; /* RFC 9429 section 5.7: a rollback leaves it, and it is one that addTrack wanted */
    transceiver->is_of_pending_remote = false;
    transceiver->direction |= SDP_LINES_SENDONLY;
    transceiver->codecs = codecs ? codecs : transceiver->codecs;
    set_streams(model, transceiver, stream_count, stream_hash);
    w3c_update_negotiation_needed(model);
}

unsigned w3c_may_change(const struct w3c_model *model, int number, bool fails_when_stopped) {
    if (model->state == W3C_CLOSED)
        return number >= 0 && number < W3C_TRANSCEIVER_MAX && model->transceivers[number].exists ? W3C_INVALID_STATE : W3C_INVALID_STATE | W3C_NOT_FOUND;
    if (number < 0 || number >= W3C_TRANSCEIVER_MAX || !model->transceivers[number].exists)
        return W3C_NOT_FOUND;
    return fails_when_stopped && model->transceivers[number].is_stopping ? W3C_INVALID_STATE : W3C_OK;
}

void w3c_did_remove_track(struct w3c_model *model, int number) {
    struct w3c_transceiver *transceiver = &model->transceivers[number];
    if (transceiver->is_stopping || !(transceiver->direction & SDP_LINES_SENDONLY))
        return;
    transceiver->direction &= ~(unsigned)SDP_LINES_SENDONLY;
    w3c_update_negotiation_needed(model);
}

void w3c_did_set_direction(struct w3c_model *model, int number, unsigned direction) {
    model->transceivers[number].direction = direction;
    w3c_update_negotiation_needed(model);
}

/* W3C webrtc section 5.4, "stop sending and receiving". */
static void begin_to_stop(struct w3c_transceiver *transceiver) {
    transceiver->direction = SDP_LINES_INACTIVE;
    transceiver->is_stopping = true;
}

void w3c_did_stop(struct w3c_model *model, int number) {
    if (model->transceivers[number].is_stopping)
        return;
    begin_to_stop(&model->transceivers[number]);
    w3c_update_negotiation_needed(model);
}

void w3c_stop(struct w3c_transceiver *transceiver) {
    begin_to_stop(transceiver);
    transceiver->is_stopped = true;
    transceiver->has_current = false;
    transceiver->current = SDP_LINES_INACTIVE;
    transceiver->fires_track = false;
}

/* ---- negotiation needed: W3C webrtc section 4.7.3 ------------------------------------------------------------------------------ */

static unsigned direction_in(const struct sdp_lines *lines, int section) {
    const struct sdp_lines_section *found = &lines->sections[section];
    return sdp_lines_is_refused(found) ? SDP_LINES_INACTIVE : found->direction;
}

static bool streams_differ(const struct w3c_model *model, const struct w3c_transceiver *transceiver, const struct sdp_lines_section *section) {
    if (transceiver->stream_count == 0)
        return section->msid_count != 1 || (model->own_stream != 0 ? section->msid_hash != model->own_stream : is_named(model, section->msid_hash));
    return section->msid_count != transceiver->stream_count || section->msid_hash != transceiver->stream_hash;
}

static bool needs_negotiation(const struct w3c_model *model, const struct w3c_transceiver *transceiver) {
    const struct sdp_lines *local = model->current_local.lines, *remote = model->current_remote.lines;
    if (transceiver->is_stopping && !transceiver->is_stopped)
        return true;
    int section = local ? sdp_lines_find(local, transceiver->mid) : -1;
    if (transceiver->is_stopped)
        return section >= 0 && !sdp_lines_is_refused(&local->sections[section]) && !sdp_lines_is_refused(&remote->sections[section]);
    if (section < 0)
        return true;
    if ((transceiver->direction & SDP_LINES_SENDONLY) && streams_differ(model, transceiver, &local->sections[section]))
        return true;
    unsigned ours = direction_in(local, section), theirs = sdp_lines_reverse(direction_in(remote, section));
    if (model->current_local.type == W3C_OFFER)
        return ours != transceiver->direction && theirs != transceiver->direction;
    return ours != (transceiver->direction & theirs);
}

bool w3c_is_data(const struct sdp_lines_section *section) {
    return strcmp(section->kind, "application") == 0;
}

static int data_section(const struct sdp_lines *local, const struct sdp_lines *remote) {
    for (size_t i = 0; local && i < local->count; i++)
        if (w3c_is_data(&local->sections[i]) && !sdp_lines_is_refused(&local->sections[i]) && !(remote && sdp_lines_is_refused(&remote->sections[i])))
            return (int)i;
    return -1;
}

int w3c_data_section(const struct w3c_model *model) {
    if (model->pending_local.lines)
        return data_section(model->pending_local.lines, NULL);
    return data_section(model->current_local.lines, model->current_remote.lines);
}

void w3c_did_create_channel(struct w3c_model *model) {
    model->has_channel = true;
    w3c_update_negotiation_needed(model);
}

bool w3c_is_negotiation_needed(const struct w3c_model *model) {
    if (model->to_replace_count > 0)
        return true;
    if (model->has_channel && data_section(model->current_local.lines, model->current_remote.lines) < 0)
        return true;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (model->transceivers[i].exists && !model->transceivers[i].is_removed && needs_negotiation(model, &model->transceivers[i]))
            return true;
    return false;
}

void w3c_update_negotiation_needed(struct w3c_model *model) {
    if (model->state != W3C_STABLE)
        return;
    bool is_needed = w3c_is_negotiation_needed(model);
    model->fired.negotiation_needed |= is_needed && !model->negotiation_needed;
    model->negotiation_needed = is_needed;
}

void w3c_learn_own_stream(struct w3c_model *model, const struct sdp_lines *offer) {
    for (size_t i = 0; i < offer->count && model->own_stream == 0; i++) {
        int number = model->created_offer.transceivers[i];
        const struct w3c_transceiver *transceiver = number >= 0 ? &model->transceivers[number] : NULL;
        if (transceiver && transceiver->stream_count == 0 && (transceiver->direction & SDP_LINES_SENDONLY) && offer->sections[i].msid_count == 1)
            model->own_stream = offer->sections[i].msid_hash;
    }
}

/* ---- restartIce, close ------------------------------------------------------------------------------------------------------------ */

static void replace_credentials(struct w3c_model *model, const struct sdp_lines *lines) {
    for (size_t i = 0; lines && i < lines->count; i++) {
        const char *ufrag = lines->sections[i].ufrag;
        if (ufrag[0] != '\0' && model->to_replace_count < W3C_CREDENTIALS_MAX)
            model->to_replace[model->to_replace_count++] = sdp_lines_hash(ufrag, strlen(ufrag));
    }
}

void w3c_did_restart(struct w3c_model *model) {
    model->to_replace_count = 0;
    replace_credentials(model, model->current_local.lines);
    replace_credentials(model, model->pending_local.lines);
    w3c_update_negotiation_needed(model);
}

void w3c_did_close(struct w3c_model *model) {
    model->state = W3C_CLOSED;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (model->transceivers[i].exists)
            w3c_stop(&model->transceivers[i]);
}
