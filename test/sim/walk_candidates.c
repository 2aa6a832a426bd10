#include <stdio.h>
#include <string.h>

#include "test/sim/walk_internal.h"

/* ---- candidates --------------------------------------------------------------------------------------------------------------------------------- */

/* RFC 9429 section 4.1.19: its mid and ufrag are those of a remote description, or nobody wants it. */
static unsigned may_give(const struct walk_end *end, const struct walk_candidate *candidate) {
    const struct w3c_model *model = &end->model;
    if (model->state == W3C_CLOSED)
        return W3C_INVALID_STATE;
    const struct sdp_lines *all[] = {model->pending_remote.lines, model->current_remote.lines};
    bool has_any = false, has_mid = false, has_both = false;
    for (int i = 0; i < 2; i++) {
        int section = all[i] ? sdp_lines_find(all[i], candidate->mid) : -1;
        has_any |= all[i] != NULL;
        has_mid |= section >= 0;
        has_both |= section >= 0 && (candidate->ufrag[0] == '\0' || strcmp(all[i]->sections[section].ufrag, candidate->ufrag) == 0);
    }
    /* Before the remote description, and before the answer, it waits: a deviation, signaling channels reorder. */
    if (!has_any || model->pending_local.lines)
        return W3C_OK | W3C_FULL | (has_any ? W3C_INVALID_MODIFICATION | W3C_NOT_FOUND : 0u);
    if (has_both)
        return W3C_OK | W3C_FULL | W3C_NOT_FOUND; /* of what was before a restart, perhaps */
    return has_mid ? W3C_OK | W3C_NOT_FOUND | W3C_FULL : W3C_INVALID_MODIFICATION | W3C_NOT_FOUND;
}

static void give(struct walk_end *from, const struct walk_candidate *candidate) {
    struct walk_end *to = walk_other(from);
    struct peer_candidate_init init = {.candidate = candidate->text,
                                       .candidate_length = strlen(candidate->text),
                                       .mid = candidate->mid,
                                       .mid_length = strlen(candidate->mid),
                                       .line_index = candidate->line_index,
                                       .ufrag = candidate->ufrag[0] ? candidate->ufrag : NULL,
                                       .ufrag_length = strlen(candidate->ufrag)};
    int error = peer_connection_add_ice_candidate(to->connection, walk_now(to), &init);
    char what[96];
    snprintf(what, sizeof what, "addIceCandidate(%s, mid %s, ufrag %.16s)", candidate->is_end ? "end" : "candidate", candidate->mid, candidate->ufrag);
    (void)walk_judge_call(to, error, may_give(to, candidate), what);
    walk_touch(to);
}

void walk_give_candidates(struct walk_end *end, size_t from) {
    for (size_t i = from; i < end->candidate_count && !end->walk->result->failed; i++)
        give(end, &end->candidates[i]);
    end->given_count = end->candidate_count;
}

void walk_give_some_candidates(struct walk_end *end, const struct walk_step *step) {
    if (step->a % 8 == 7) {
        walk_give_candidates(end, 0); /* all, again */
        return;
    }
    for (unsigned i = 0; i <= step->b % 4u && end->given_count < end->candidate_count; i++)
        give(end, &end->candidates[end->given_count++]);
}

void walk_give_bad_candidate(struct walk_end *end, const struct walk_step *step) {
    static const char good[] = "candidate:1 1 udp 2113937151 198.51.100.9 50000 typ host";
    struct peer_candidate_init init = {.candidate = good, .candidate_length = sizeof good - 1, .line_index = -1};
    bool is_closed = end->model.state == W3C_CLOSED, has_remote = end->model.current_remote.lines && !end->model.pending_local.lines;
    unsigned may = 0;
    switch (step->a % 4) {
    case 0: /* no candidate at all */
        init.candidate = "candidate:1 1 udp x";
        init.candidate_length = 19;
        init.line_index = 0;
        may = W3C_INVALID_CONTENT;
        break;
    case 1: /* of a section that nobody has */
        init.mid = "nobody's";
        init.mid_length = 8;
        may = has_remote ? W3C_INVALID_MODIFICATION : W3C_OK | W3C_FULL | W3C_INVALID_MODIFICATION;
        break;
    case 2: /* neither mid nor index: W3C webrtc section 4.4.2, TypeError */
        may = W3C_INVALID_MODIFICATION;
        break;
    default: /* a section far away */
        init.line_index = 100;
        may = has_remote ? W3C_INVALID_MODIFICATION : W3C_OK | W3C_FULL | W3C_INVALID_MODIFICATION;
        break;
    }
    int error = peer_connection_add_ice_candidate(end->connection, walk_now(end), &init);
    (void)walk_judge_call(end, error, is_closed ? may | W3C_INVALID_STATE : may, "addIceCandidate(bad)");
}

