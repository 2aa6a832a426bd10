#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* ---- transceivers ------------------------------------------------------------------------------------------------------------------- */

size_t walk_some_number(const struct walk_end *end, unsigned choice) {
    size_t count = 1; /* one too many */
    for (size_t i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        if (end->model.transceivers[i].exists)
            count = i + 2;
    return choice % count;
}

struct codec_choice {
    struct peer_codec_capability codecs[PEER_CODEC_PREFERENCE_MAX + 1];
    size_t count;
    unsigned mask;
    bool is_wrong;
};

static struct codec_choice choose_codecs(bool is_video, unsigned choice) {
    static const enum peer_codec audio[] = {PEER_CODEC_OPUS, PEER_CODEC_PCMU, PEER_CODEC_PCMA},
                                           video[] = {PEER_CODEC_VP8, PEER_CODEC_VP9, PEER_CODEC_H264, PEER_CODEC_AV1};
    static const uint8_t audio_masks[] = {0, 0, 0, 0, 0, 0, 1, 2, 4, 3, 6, 5, 7, 7, 3, 1}, video_masks[] = {0, 0, 0, 0, 0, 0, 1, 2, 4, 8, 3, 5, 6, 15, 7, 12};
    struct codec_choice chosen = {.is_wrong = choice == 255};
    if (chosen.is_wrong) {
        chosen.codecs[chosen.count++].codec = is_video ? PEER_CODEC_OPUS : PEER_CODEC_VP8;
        return chosen;
    }
    chosen.mask = is_video ? video_masks[choice % 16] : audio_masks[choice % 16];
    for (unsigned i = 0, bit; w3c_codec_name(is_video, i); i++) {
        for (bit = 0; w3c_codec_name(is_video, bit); bit++) {
        }
        bit = choice & 16 ? bit - 1 - i : i; /* from the last, or from the first */
        if (chosen.mask >> bit & 1)
            chosen.codecs[chosen.count++].codec = is_video ? video[bit] : audio[bit];
    }
    return chosen;
}

struct stream_choice {
    const char *ids[2];
    size_t count;
    uint64_t hash;
};

static struct stream_choice choose_streams(unsigned choice) {
    static const char *const ids[] = {"camera", "screen", "second-room"};
    struct stream_choice chosen = {.count = choice % 4 == 3 ? 2 : choice % 4 == 2};
    for (size_t i = 0; i < chosen.count; i++) {
        chosen.ids[i] = ids[(choice / 4 + i) % 3];
        chosen.hash += sdp_lines_hash(chosen.ids[i], strlen(chosen.ids[i]));
    }
    return chosen;
}

void walk_add(struct walk_end *end, const struct walk_step *step, bool is_track) {
    bool is_video = step->a & 1;
    unsigned direction = step->a >> 1 & 3;
    struct codec_choice codecs = choose_codecs(is_video, step->b);
    struct stream_choice streams = choose_streams(step->a >> 3);
    struct peer_transceiver_config config = {.kind = is_video ? PEER_VIDEO : PEER_AUDIO,
                                             .direction = (enum peer_direction)direction,
                                             .codecs = codecs.count ? codecs.codecs : NULL,
                                             .codec_count = codecs.count,
                                             .streams = streams.count ? streams.ids : NULL,
                                             .stream_count = streams.count};
    struct w3c_model *model = &end->model;
    int expected = is_track ? w3c_track_number(model, is_video) : w3c_next_number(model);
    unsigned may = is_track && expected >= 0 && model->state != W3C_CLOSED ? W3C_OK : w3c_may_add(model);
    if (codecs.is_wrong)
        may = may == W3C_OK ? W3C_INVALID_MODIFICATION : may | W3C_INVALID_MODIFICATION;
    size_t number = SIZE_MAX;
    int error = is_track ? peer_connection_add_track(end->connection, &config, &number) : peer_connection_add_transceiver(end->connection, &config, &number);
    char what[96];
    snprintf(what, sizeof what, "%s(%s, direction %u, codecs %#x, %zu streams)", is_track ? "addTrack" : "addTransceiver", is_video ? "video"
             : "audio", direction, codecs.mask,
             streams.count);
    if (!walk_judge_call(end, error, may, what))
        return;
    if (number != (size_t)expected)
        walk_fail(end->walk, "%c: %s: number %zu, not %d", 'A' + end->index, what, number, expected);
    else if (is_track)
        w3c_did_add_track(model, is_video, codecs.mask, (unsigned)streams.count, streams.hash);
    else
        w3c_did_add_transceiver(model, is_video, direction, codecs.mask, (unsigned)streams.count, streams.hash);
}

void walk_change(struct walk_end *end, const struct walk_step *step) {
    size_t number = walk_some_number(end, step->a);
    struct w3c_model *model = &end->model;
    char what[64];
    if (step->action == WALK_REMOVE_TRACK) {
        snprintf(what, sizeof what, "removeTrack(%zu)", number);
        int error = peer_connection_remove_track(end->connection, number);
        if (walk_judge_call(end, error, w3c_may_change(model, (int)number, false), what))
            w3c_did_remove_track(model, (int)number);
    } else if (step->action == WALK_SET_DIRECTION) {
        snprintf(what, sizeof what, "%zu.direction = %u", number, step->b & 3u);
        int error = peer_connection_set_direction(end->connection, number, (enum peer_direction)(step->b & 3));
        if (walk_judge_call(end, error, w3c_may_change(model, (int)number, true), what))
            w3c_did_set_direction(model, (int)number, step->b & 3);
    } else if (step->action == WALK_STOP) {
        snprintf(what, sizeof what, "%zu.stop", number);
        int error = peer_connection_stop_transceiver(end->connection, number);
        if (walk_judge_call(end, error, w3c_may_change(model, (int)number, false), what))
            w3c_did_stop(model, (int)number);
    } else {
        bool is_video = model->transceivers[number % W3C_TRANSCEIVER_MAX].is_video;
        struct codec_choice codecs = choose_codecs(is_video, step->b);
        unsigned may = w3c_may_change(model, (int)number, false);
        if (may == W3C_OK && model->transceivers[number].is_stopping)
            may |= W3C_INVALID_STATE; /* the documents do not say */
        if (codecs.is_wrong)
            may = may == W3C_OK ? W3C_INVALID_MODIFICATION : (may & ~(unsigned)W3C_OK) | W3C_INVALID_MODIFICATION;
        snprintf(what, sizeof what, "%zu.setCodecPreferences(%#x)", number, codecs.mask);
        int error = peer_connection_set_codec_preferences(end->connection, number, codecs.count ? codecs.codecs : NULL, codecs.count);
        if (walk_judge_call(end, error, may, what))
            model->transceivers[number].codecs = codecs.mask;
    }
}


