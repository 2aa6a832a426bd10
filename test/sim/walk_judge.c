#include <string.h>
#include <strings.h>

#include "test/sim/walk_internal.h"

/* ---- one end: its slots ------------------------------------------------------------------------------------------------------ */

static void judge_transceiver(struct walk_end *end, size_t number) {
    struct walk *walk = end->walk;
    const struct w3c_transceiver *expected = &end->model.transceivers[number];
    struct peer_transceiver facts;
    bool exists = peer_connection_transceiver(end->connection, number, &facts);
    char name = (char)('A' + end->index);
    if (exists != expected->exists) {
        walk_fail(walk, "%c: there is %s transceiver %zu", name, exists ? "a" : "no", number);
        return;
    }
    if (!exists)
        return;
    if ((facts.kind == PEER_VIDEO) != expected->is_video || facts.stopped != expected->is_stopped || (facts.stopping || facts.stopped) != expected->is_stopping)
        walk_fail(walk, "%c: transceiver %zu: %s%s%s, expected %s%s%s", name, number, peer_media_kind_name(facts.kind), facts.stopping ? " stopping" : "",
                  facts.stopped ? " stopped" : "", expected->is_video ? "video" : "audio", expected->is_stopping ? " stopping" : "", expected->is_stopped ? " stopped" : "");
    if (expected->is_stopped)
        return;
    if (!expected->is_stopping && (unsigned)facts.direction != expected->direction)
        walk_fail(walk, "%c: transceiver %zu: direction %d, not %u", name, number, facts.direction, expected->direction);
    if (facts.has_current_direction != expected->has_current || (unsigned)facts.current_direction != expected->current)
        walk_fail(walk, "%c: transceiver %zu: current direction %d (%s), not %u (%s)", name, number, facts.current_direction,
                  facts.has_current_direction ? "set" : "null",
                  expected->current, expected->has_current ? "set" : "null");
    if (strcmp(facts.mid, expected->mid) != 0 || facts.section != expected->section)
        walk_fail(walk, "%c: transceiver %zu: mid \"%s\" in section %d, not \"%s\" in %d", name, number, facts.mid, facts.section, expected->mid, expected->section);
}

static void judge_existence(struct walk_end *end, enum peer_description_which which, const struct w3c_description *expected, const char *name) {
    enum peer_sdp_type type = PEER_SDP_IMPLICIT;
    size_t length = 0;
    int error = peer_connection_description(end->connection, which, &type, NULL, 0, &length);
    bool exists = error != PEER_ERROR_NOT_FOUND;
    if (exists != (expected->lines != NULL) || (exists && type != walk_peer_type(expected->type)))
        walk_fail(end->walk, "%c: %s is %s", 'A' + end->index, name, exists ? expected->lines ? "of another type" : "not null" : "null");
}

static void judge_events(struct walk_end *end) {
    struct walk *walk = end->walk;
    struct w3c_fired expected = w3c_take_fired(&end->model), heard = end->heard;
    end->heard = (struct w3c_fired){0};
    char name = (char)('A' + end->index);
    if (end->model.state == W3C_CLOSED)
        return;
    if (heard.negotiation_needed != expected.negotiation_needed)
        walk_fail(walk, "%c: negotiation needed: %s", name, heard.negotiation_needed ? "it is not" : "nothing said");
    if (heard.signaling_state != expected.signaling_state)
        walk_fail(walk, "%c: signaling state changed: %s", name, heard.signaling_state ? "it has not" : "nothing said");
    uint32_t living = 0; /* of one that is stopping, nothing comes any more, whatever is said of it */
    for (size_t i = 0; i < W3C_TRANSCEIVER_MAX; i++)
        living |= (uint32_t)(end->model.transceivers[i].exists && !end->model.transceivers[i].is_stopping) << i;
    if (!expected.is_rollback && (heard.track & expected.track & living) != (expected.track & living))
        walk_fail(walk, "%c: tracks %#x, not %#x", name, heard.track, expected.track);
    if (!expected.is_rollback && (heard.muted & living) != (expected.muted & living))
        walk_fail(walk, "%c: muted %#x, not %#x", name, heard.muted, expected.muted);
}

void walk_judge_end(struct walk_end *end) {
    struct walk *walk = end->walk;
    char name = (char)('A' + end->index);
    const char *state = peer_signaling_state_name(peer_connection_signaling_state(end->connection));
    if (strcmp(state, w3c_state_name(end->model.state)) != 0)
        walk_fail(walk, "%c: the signaling state is %s, not %s", name, state, w3c_state_name(end->model.state));
    if ((peer_connection_state(end->connection) == PEER_CONNECTION_CLOSED) != (end->model.state == W3C_CLOSED))
        walk_fail(walk, "%c: connection state %s", name, peer_connection_state_name(peer_connection_state(end->connection)));
    judge_events(end);
    for (size_t i = 0; i < W3C_TRANSCEIVER_MAX && !walk->result->failed; i++)
        judge_transceiver(end, i);
    walk_judge_channels(end);
    if (end->model.state == W3C_CLOSED)
        return; /* W3C webrtc section 4.4.2, close: the descriptions stay what they were, whatever that is */
    judge_existence(end, PEER_CURRENT_LOCAL, &end->model.current_local, "currentLocalDescription");
    judge_existence(end, PEER_PENDING_LOCAL, &end->model.pending_local, "pendingLocalDescription");
    judge_existence(end, PEER_CURRENT_REMOTE, &end->model.current_remote, "currentRemoteDescription");
    judge_existence(end, PEER_PENDING_REMOTE, &end->model.pending_remote, "pendingRemoteDescription");
}

/* ---- the descriptions themselves, when they have changed ---------------------------------------------------------------------------- */

static void judge_text(struct walk_end *end, enum peer_description_which which, const struct w3c_description *expected, const char *name) {
    static const char *const parts[] = {"kind", "mid", "port", "direction", "ufrag", "fingerprint"};
    struct walk *walk = end->walk;
    size_t length = 0;
    if (!expected->lines || walk->result->failed)
        return;
    struct sdp_lines lines;
    if (peer_connection_description(end->connection, which, NULL, walk->text, sizeof walk->text, &length) != PEER_OK) {
        walk_fail(walk, "%c: %s cannot be read", 'A' + end->index, name);
        return;
    }
    sdp_lines_read(walk->text, length, &lines);
    if (lines.count != expected->lines->count)
        walk_fail(walk, "%c: %s has %zu sections, not %zu", 'A' + end->index, name, lines.count, expected->lines->count);
    for (size_t i = 0; i < lines.count && !walk->result->failed; i++) {
        const struct sdp_lines_section *is = &lines.sections[i], *was = &expected->lines->sections[i];
        const bool same[] = {strcmp(is->kind, was->kind) == 0,   strcmp(is->mid, was->mid) == 0,     sdp_lines_is_refused(is) == sdp_lines_is_refused(was),
                             is->direction == was->direction, strcmp(is->ufrag, was->ufrag) == 0, strcmp(is->fingerprint, was->fingerprint) == 0};
        for (size_t k = 0; k < sizeof same / sizeof same[0]; k++)
            if (!same[k])
                walk_fail(walk, "%c: %s is not what was set: section %zu, %s", 'A' + end->index, name, i, parts[k]);
    }
}

void walk_judge_descriptions(struct walk_end *end) {
    judge_text(end, PEER_CURRENT_LOCAL, &end->model.current_local, "currentLocalDescription");
    judge_text(end, PEER_PENDING_LOCAL, &end->model.pending_local, "pendingLocalDescription");
    judge_text(end, PEER_CURRENT_REMOTE, &end->model.current_remote, "currentRemoteDescription");
    judge_text(end, PEER_PENDING_REMOTE, &end->model.pending_remote, "pendingRemoteDescription");
}

/* ---- both ends ------------------------------------------------------------------------------------------------------------------------- */

bool walk_is_common(const struct walk *walk) {
    const struct w3c_model *a = &walk->ends[0].model, *b = &walk->ends[1].model;
    return a->state == W3C_STABLE && b->state == W3C_STABLE && a->current_local.id == b->current_remote.id && a->current_remote.id == b->current_local.id;
}

/* What each one sends is what the other one has said it takes: payload types are those of whoever receives (RFC 3264 section 5.1). */
static void judge_codec(struct walk *walk, const struct walk_end *end, const struct peer_transceiver *facts, const struct walk_end *other, int section) {
    const struct sdp_lines_section *theirs = &end->model.current_remote.lines->sections[section], *ours = &end->model.current_local.lines->sections[section];
    const char *codec = peer_codec_name(facts->codec);
    (void)other;
    if (facts->codec == PEER_CODEC_NONE)
        walk_fail(walk, "%c: section %d: agreed, without a codec", 'A' + end->index, section);
    else if (sdp_lines_payload_type(theirs, codec) != facts->send_payload_type || sdp_lines_payload_type(ours, codec) != facts->receive_payload_type)
        walk_fail(walk, "%c: section %d: %s as %u and %u, the descriptions say %d and %d", 'A' + end->index, section, codec, facts->send_payload_type,
                  facts->receive_payload_type, sdp_lines_payload_type(theirs, codec), sdp_lines_payload_type(ours, codec));
}

static void judge_section(struct walk *walk, int section) {
    const struct walk_end *ends = walk->ends;
    int numbers[2];
    struct peer_transceiver facts[2];
    for (int i = 0; i < 2; i++) {
        numbers[i] = w3c_of_section(&ends[i].model, section);
        const struct sdp_lines_section *local = &ends[i].model.current_local.lines->sections[section];
        if (numbers[i] < 0 || ends[i].model.transceivers[numbers[i]].is_stopping || sdp_lines_is_refused(local))
            return;
        (void)peer_connection_transceiver(ends[i].connection, (size_t)numbers[i], &facts[i]);
        if (sdp_lines_is_refused(&ends[i].model.current_remote.lines->sections[section]))
            return;
    }
    if (strcmp(facts[0].mid, facts[1].mid) != 0 || facts[0].kind != facts[1].kind)
        walk_fail(walk, "section %d: A has %s \"%s\", B has %s \"%s\"", section, peer_media_kind_name(facts[0].kind), facts[0].mid,
                  peer_media_kind_name(facts[1].kind), facts[1].mid);
    if ((unsigned)facts[0].current_direction != (unsigned)sdp_lines_reverse((enum sdp_lines_direction)facts[1].current_direction))
        walk_fail(walk, "section %d: current directions %d and %d", section, facts[0].current_direction, facts[1].current_direction);
    if (facts[0].codec != facts[1].codec)
        walk_fail(walk, "section %d: A has %s, B has %s", section, peer_codec_name(facts[0].codec), peer_codec_name(facts[1].codec));
    if (facts[0].send_payload_type != facts[1].receive_payload_type || facts[1].send_payload_type != facts[0].receive_payload_type)
        walk_fail(walk, "section %d: payload types %u, %u and %u, %u", section, facts[0].send_payload_type, facts[0].receive_payload_type, facts[1].send_payload_type,
                  facts[1].receive_payload_type);
    for (int i = 0; i < 2; i++)
        judge_codec(walk, &ends[i], &facts[i], &ends[1 - i], section);
}

static size_t agreed_sections(const struct w3c_model *model) {
    size_t count = 0;
    for (size_t i = 0; i < model->current_local.lines->count; i++)
        count += !sdp_lines_is_refused(&model->current_local.lines->sections[i]) && !sdp_lines_is_refused(&model->current_remote.lines->sections[i]);
    return count;
}

void walk_judge_agreement(struct walk *walk) {
    if (walk->result->failed || !walk_is_common(walk) || walk->ends[0].model.current_local.id == 0)
        return;
    walk->result->coverage.agreements++;
    for (int i = 0; i < 2; i++) {
        const struct w3c_model *model = &walk->ends[i].model;
        size_t sections = 0, agreed = peer_connection_agreed_count(walk->ends[i].connection, &sections);
        if (sections != model->current_local.lines->count || agreed != agreed_sections(model))
            walk_fail(walk, "%c: agreed on %zu of %zu sections, not %zu of %zu", 'A' + i, agreed, sections, agreed_sections(model), model->current_local.lines->count);
        for (size_t k = 0; k < model->current_local.lines->count; k++) {
            const struct sdp_lines_section *local = &model->current_local.lines->sections[k];
            if (!sdp_lines_is_refused(local) && local->fingerprint[0] != '\0' && strcasecmp(local->fingerprint, walk_fingerprints[i]) != 0)
                walk_fail(walk, "%c: section %zu has fingerprint %s", 'A' + i, k, local->fingerprint);
        }
    }
    for (size_t k = 0; k < walk->ends[0].model.current_local.lines->count; k++)
        judge_section(walk, (int)k);
}
