#include <assert.h>
#include <string.h>

#include "test/sim/w3c_model.h"

/* ---- which call is allowed in which state: W3C webrtc sections 4.3.1 and 4.4.1.5, RFC 9429 section 3.2 ------------------------------- */

unsigned w3c_may_create_offer(const struct w3c_model *model) {
    return model->state == W3C_STABLE || model->state == W3C_HAVE_LOCAL_OFFER ? W3C_OK : W3C_INVALID_STATE;
}

unsigned w3c_may_create_answer(const struct w3c_model *model) {
    return model->state == W3C_HAVE_REMOTE_OFFER || model->state == W3C_HAVE_LOCAL_PRANSWER ? W3C_OK : W3C_INVALID_STATE;
}

enum w3c_type w3c_implicit_type(const struct w3c_model *model) {
    bool offers = model->state == W3C_STABLE || model->state == W3C_HAVE_LOCAL_OFFER || model->state == W3C_HAVE_REMOTE_PRANSWER;
    return offers ? W3C_OFFER : W3C_ANSWER;
}

static bool may_roll_back(const struct w3c_model *model) {
    return model->state == W3C_HAVE_LOCAL_OFFER || model->state == W3C_HAVE_REMOTE_OFFER;
}

unsigned w3c_may_set_local(const struct w3c_model *model, enum w3c_type type, bool is_last_created) {
    bool is_allowed = false;
    switch (type) {
    case W3C_OFFER: is_allowed = w3c_may_create_offer(model) == W3C_OK; break;
    case W3C_PRANSWER:
    case W3C_ANSWER: is_allowed = w3c_may_create_answer(model) == W3C_OK; break;
    case W3C_ROLLBACK: return may_roll_back(model) ? W3C_OK : W3C_INVALID_STATE;
    }
    if (is_last_created)
        return is_allowed ? W3C_OK : W3C_INVALID_STATE;
    return is_allowed ? W3C_INVALID_MODIFICATION : W3C_INVALID_STATE | W3C_INVALID_MODIFICATION;
}

unsigned w3c_may_set_remote(const struct w3c_model *model, enum w3c_type type) {
    switch (type) {
    case W3C_OFFER: /* in have-local-offer ours is rolled back first: section 4.4.2 */
        return model->state == W3C_STABLE || model->state == W3C_HAVE_REMOTE_OFFER || model->state == W3C_HAVE_LOCAL_OFFER ? W3C_OK : W3C_INVALID_STATE;
    case W3C_PRANSWER:
    case W3C_ANSWER: return model->state == W3C_HAVE_LOCAL_OFFER || model->state == W3C_HAVE_REMOTE_PRANSWER ? W3C_OK : W3C_INVALID_STATE;
    case W3C_ROLLBACK: break;
    }
    return may_roll_back(model) ? W3C_OK : W3C_INVALID_STATE;
}

/* ---- what it does: W3C webrtc section 4.4.1.5 ------------------------------------------------------------------------------------------ */

static void become(struct w3c_model *model, enum w3c_state state) {
    model->fired.signaling_state |= model->state != state;
    model->state = state;
}

static void remember_stable(struct w3c_model *model) {
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        struct w3c_transceiver *transceiver = &model->transceivers[i];
        memcpy(transceiver->stable_mid, transceiver->mid, sizeof transceiver->mid);
        transceiver->stable_section = transceiver->section;
        transceiver->is_of_pending_remote = false;
    }
}

/* RFC 9429 sections 5.9 and 5.10: a section that is used anew leaves the transceiver it had. */
static void associate(struct w3c_model *model, int number, int section, const char *mid) {
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        struct w3c_transceiver *other = &model->transceivers[i];
        if (i != number && other->exists && other->section == section) {
            other->section = -1;
            other->mid[0] = '\0';
        }
    }
    struct w3c_transceiver *transceiver = &model->transceivers[number];
    transceiver->section = section;
    memcpy(transceiver->mid, mid, sizeof transceiver->mid);
}

static void agree(struct w3c_transceiver *transceiver, unsigned direction) {
    transceiver->has_current = true;
    transceiver->current = direction;
    transceiver->has_ever_sent |= (direction & SDP_LINES_SENDONLY) != 0;
}

/* "Process remote tracks", and its like for our own answers: the event says when the peer begins to send, and when it ends. */
static void process_tracks(struct w3c_model *model, int number, unsigned direction) {
    struct w3c_transceiver *transceiver = &model->transceivers[number];
    bool receives = (direction & SDP_LINES_RECVONLY) != 0;
    if (receives && !transceiver->fires_track)
        model->fired.track |= UINT32_C(1) << number;
    if (!receives && transceiver->fires_track)
        model->fired.muted |= UINT32_C(1) << number;
    transceiver->fires_track = receives;
}

/* An answer completes an offer: what is stopped and refused leaves the set, and what is still to be negotiated is asked anew. */
static void settle(struct w3c_model *model) {
    model->pending_local = model->pending_remote = (struct w3c_description){0};
    model->created_offer = (struct w3c_sections){0};
    bool is_replaced = true;
    for (size_t i = 0; i < model->current_local.lines->count; i++) {
        const char *ufrag = model->current_local.lines->sections[i].ufrag;
        for (size_t k = 0; k < model->to_replace_count; k++)
            is_replaced &= ufrag[0] == '\0' || model->to_replace[k] != sdp_lines_hash(ufrag, strlen(ufrag));
    }
    if (is_replaced)
        model->to_replace_count = 0;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        struct w3c_transceiver *transceiver = &model->transceivers[i];
        if (!transceiver->exists || transceiver->is_removed)
            continue;
        /* The documents leave it in the set and ask for negotiation for ever (w3c/webrtc-pc issue 2923): another deviation of docs/peer.md. */
        if (transceiver->is_stopping && transceiver->section < 0) {
            w3c_stop(transceiver);
            transceiver->is_removed = true;
        }
        if (!transceiver->is_stopped || transceiver->section < 0)
            continue;
        if (sdp_lines_is_refused(&model->current_local.lines->sections[transceiver->section]) ||
            sdp_lines_is_refused(&model->current_remote.lines->sections[transceiver->section]))
            transceiver->is_removed = true;
    }
}

/* Data channels end with their section: the answer refuses ours, or there was one and there is none. That asks for nothing (docs/peer.md). */
static void settle_data(struct w3c_model *model) {
    bool is_refused = false, is_agreed = false;
    for (size_t i = 0; i < model->current_local.lines->count; i++) {
        const struct sdp_lines_section *local = &model->current_local.lines->sections[i], *remote = &model->current_remote.lines->sections[i];
        if (!w3c_is_data(local))
            continue;
        is_agreed |= !sdp_lines_is_refused(local) && !sdp_lines_is_refused(remote);
        is_refused |= model->current_local.type == W3C_OFFER && !sdp_lines_is_refused(local) && sdp_lines_is_refused(remote);
    }
    if (!is_agreed && (is_refused || model->has_agreed_on_data))
        model->has_channel = false;
    model->has_agreed_on_data = is_agreed;
}

static void become_stable(struct w3c_model *model) {
    become(model, W3C_STABLE);
    model->negotiation_needed = false;
    w3c_update_negotiation_needed(model);
}

/*
 * Here the judge bends to a deviation of docs/peer.md. The documents stop what a remote description refuses, a provisional answer too, and never
 * what our own answer refuses, which would then ask for ever to be negotiated. The connection stops what a final answer of either side refuses.
 */
static void take_local_answer(struct w3c_model *model, const struct sdp_lines *lines, bool is_final) {
    for (size_t i = 0; i < lines->count; i++) {
        int number = w3c_of_section(model, (int)i);
        if (number < 0 || model->transceivers[number].is_stopped)
            continue;
        unsigned direction = sdp_lines_is_refused(&lines->sections[i]) ? SDP_LINES_INACTIVE : lines->sections[i].direction;
        if (!(direction & SDP_LINES_RECVONLY))
            process_tracks(model, number, direction);
        agree(&model->transceivers[number], direction);
        model->transceivers[number].fires_track = (direction & SDP_LINES_RECVONLY) != 0;
        if (is_final && sdp_lines_is_refused(&lines->sections[i]))
            w3c_stop(&model->transceivers[number]);
    }
}

void w3c_did_set_local(struct w3c_model *model, const struct w3c_description *description) {
    switch (description->type) {
    case W3C_OFFER:
        if (model->state == W3C_STABLE)
            remember_stable(model);
        model->pending_local = *description;
        for (size_t i = 0; i < model->created_offer.count; i++)
            if (model->created_offer.transceivers[i] >= 0)
                associate(model, model->created_offer.transceivers[i], (int)i, description->lines->sections[i].mid);
        become(model, W3C_HAVE_LOCAL_OFFER);
        break;
    case W3C_PRANSWER:
        model->pending_local = *description;
        take_local_answer(model, description->lines, false);
        become(model, W3C_HAVE_LOCAL_PRANSWER);
        break;
    case W3C_ANSWER:
        take_local_answer(model, description->lines, true);
        model->current_local = *description;
        model->current_remote = model->pending_remote;
        settle(model);
        settle_data(model);
        become_stable(model);
        break;
    case W3C_ROLLBACK: w3c_did_roll_back(model); break;
    }
}

/* RFC 9429 section 5.10: the transceiver of that mid; else the first that addTrack made and that has no section, when the peer would receive; else a new
 * one. A section that is refused from the start has none. */
static int transceiver_for(struct w3c_model *model, const struct sdp_lines_section *section, int index) {
    bool is_video = strcmp(section->kind, "video") == 0;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        const struct w3c_transceiver *transceiver = &model->transceivers[i];
        if (transceiver->exists && !transceiver->is_removed && transceiver->section == index && strcmp(transceiver->mid, section->mid) == 0)
            return i;
    }
    int found = -1;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        const struct w3c_transceiver *transceiver = &model->transceivers[i];
        bool fits = transceiver->exists && transceiver->is_of_track && transceiver->is_video == is_video && !transceiver->is_stopping && transceiver->section < 0;
        if (fits && (section->direction & SDP_LINES_RECVONLY) && (found < 0 || transceiver->order < model->transceivers[found].order))
            found = i;
    }
    if (sdp_lines_is_refused(section))
        return -1;
    if (found >= 0)
        return found;
    found = w3c_next_number(model);
    if (found < 0)
        return -1;
    model->transceivers[found] = (struct w3c_transceiver){.exists = true,
                                                          .is_video = is_video,
                                                          .direction = SDP_LINES_RECVONLY,
                                                          .section = -1,
                                                          .stable_section = -1,
                                                          .is_of_pending_remote = true,
                                                          .order = model->transceivers_made++};
    return found;
}

static void take_remote_section(struct w3c_model *model, const struct w3c_description *description, int index) {
    const struct sdp_lines_section *section = &description->lines->sections[index];
    bool is_refused = sdp_lines_is_refused(section);
    if (w3c_is_data(section))
        return;
    int number = description->type == W3C_OFFER ? transceiver_for(model, section, index) : w3c_of_section(model, index);
    if (number < 0)
        return;
    struct w3c_transceiver *transceiver = &model->transceivers[number];
    if (description->type == W3C_OFFER)
        associate(model, number, index, section->mid);
    unsigned direction = is_refused ? SDP_LINES_INACTIVE : sdp_lines_reverse(section->direction);
    if (description->type != W3C_OFFER) /* RFC 3264 section 6.1: no answer takes more than was offered. Only one to another offer would */
        direction &= model->pending_local.lines->sections[index].direction;
    if (!transceiver->is_stopping)
        process_tracks(model, number, direction);
    if (description->type != W3C_OFFER && !transceiver->is_stopped)
        agree(transceiver, direction);
    if (is_refused && !transceiver->is_stopped && description->type != W3C_PRANSWER)
        w3c_stop(transceiver);
}

void w3c_did_set_remote(struct w3c_model *model, const struct w3c_description *description) {
    if (description->type == W3C_ROLLBACK) {
        w3c_did_roll_back(model);
        return;
    }
    if (description->type == W3C_OFFER && model->state == W3C_HAVE_LOCAL_OFFER) {
        /* Both are one operation of the chain, and the flag is looked at when that is empty. */
        bool has_fired = model->fired.negotiation_needed;
        w3c_did_roll_back(model);
        model->negotiation_needed = false;
        model->fired.negotiation_needed = has_fired;
    }
    if (description->type == W3C_OFFER && model->state == W3C_STABLE)
        remember_stable(model);
    for (size_t i = 0; i < description->lines->count; i++)
        take_remote_section(model, description, (int)i);
    if (description->type == W3C_ANSWER) {
        model->current_remote = *description;
        model->current_local = model->pending_local;
        settle(model);
        settle_data(model);
        become_stable(model);
        return;
    }
    model->pending_remote = *description;
    become(model, description->type == W3C_OFFER ? W3C_HAVE_REMOTE_OFFER : W3C_HAVE_REMOTE_PRANSWER);
}

void w3c_did_roll_back(struct w3c_model *model) {
    bool was_remote = model->state == W3C_HAVE_REMOTE_OFFER;
    assert(was_remote || model->state == W3C_HAVE_LOCAL_OFFER);
    model->fired.is_rollback = true;
    for (int i = 0; i < W3C_TRANSCEIVER_MAX; i++) {
        struct w3c_transceiver *transceiver = &model->transceivers[i];
        if (!transceiver->exists)
            continue;
        transceiver->section = transceiver->stable_section;
        memcpy(transceiver->mid, transceiver->stable_mid, sizeof transceiver->mid);
        if (was_remote && !transceiver->is_stopped)
            transceiver->fires_track = transceiver->has_current && (transceiver->current & SDP_LINES_RECVONLY);
        if (transceiver->is_of_pending_remote && !transceiver->has_had_track) {
            w3c_stop(transceiver);
            transceiver->is_removed = true;
        }
        transceiver->is_of_pending_remote = false;
    }
    model->pending_local = model->pending_remote = (struct w3c_description){0};
    become_stable(model);
}
