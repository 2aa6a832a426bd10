/*
 * Requests that are authentic and yet not sent by whom they come from: a signed Binding request can be played back from any address,
 * and would be learned there as a peer-reflexive candidate (RFC 8445 section 7.3.1.3). Nothing is ever selected that way, since no
 * check of ours is answered there; but the places for learned candidates are few.
 *
 * Hence: of requests whose identifier has been seen before on another path, only a few candidates are learned. Not none: whoever can
 * also overtake the original would make the original the copy.
 */
#include <string.h>

#include "ice/agent_internal.h"

static uint32_t hash(uint32_t value, const struct stun_address *address) {
    value = (value ^ address->port) * 16777619u; /* FNV-1a */
    for (size_t i = 0; i < sizeof address->ip; i++)
        value = (value ^ address->ip[i]) * 16777619u;
    return value;
}

bool ice_replay_is_copy(struct ice_agent *agent, const struct ice_path *path, const uint8_t id[STUN_TRANSACTION_ID_BYTES]) {
    struct ice_seen_requests *seen = &agent->seen;
    uint32_t value = hash(hash(2166136261u, &path->local), &path->remote);
    for (size_t i = 0; i < ICE_SEEN_MAX; i++)
        if (memcmp(seen->items[i].id, id, STUN_TRANSACTION_ID_BYTES) == 0 && seen->items[i].path != 0)
            return seen->items[i].path != value;
    memcpy(seen->items[seen->next].id, id, STUN_TRANSACTION_ID_BYTES);
    seen->items[seen->next].path = value != 0 ? value : 1;
    seen->next = (seen->next + 1) % ICE_SEEN_MAX;
    return false;
}

/* Learned from a request; it has been asked, and asked again, and never answered. */
static bool is_hopeless(const struct ice_agent *agent, uint16_t index) {
    const struct ice_remote *remote = &agent->remotes[index];
    if (remote->type != ICE_CANDIDATE_PEER_REFLEXIVE || remote->foundation_text[0] != '\0')
        return false;
    for (size_t i = 0; i < agent->pair_count; i++) {
        const struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation != ICE_NONE && pair->remote == index && (pair->checks < 2 || pair->first_valid_us != 0))
            return false;
    }
    return true;
}

void ice_replay_make_room(struct ice_agent *agent, uint16_t generation) {
    for (uint16_t i = 0; i < agent->remote_count; i++) {
        if (agent->remotes[i].generation != generation || !is_hopeless(agent, i))
            continue;
        for (uint16_t j = 0; j < agent->pair_count; j++)
            if (agent->pairs[j].generation != ICE_NONE && agent->pairs[j].remote == i)
                ice_generation_forget_pair(agent, j);
        ice_remote_free(agent, i);
        return;
    }
}
