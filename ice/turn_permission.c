/*
 * Permissions, RFC 8656 sections 9 and 10: which IPs may send to the relayed address, and be sent to from it. Several are asked for in one
 * request; the server refuses all of a request together, so that after a refusal each is asked for alone.
 */
#include "ice/turn_client_internal.h"

enum { BATCH, ALONE }; /* the index of a request: may others join it? */

static bool is_in_use(const struct ice_turn_permission *permission) {
    return permission->state != ICE_TURN_PERMISSION_FREE && permission->state != ICE_TURN_PERMISSION_REFUSED;
}

/* RFC 8656 section 9: only addresses are compared, ports are not considered. */
static bool is_for(const struct ice_turn_permission *permission, const struct stun_address *peer) {
    return is_in_use(permission) && stun_address_equal_ip(&permission->peer, peer);
}

struct ice_turn_permission *ice_turn_permission_find(struct ice_turn_client *client, const struct stun_address *peer) {
    /* Most packets go to, or come from, the peer of the one before. */
    if (is_for(&client->permissions[client->last_permission], peer))
        return &client->permissions[client->last_permission];
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++) {
        if (is_for(&client->permissions[i], peer)) {
            client->last_permission = i;
            return &client->permissions[i];
        }
    }
    return NULL;
}

/* Is there, or may there yet be, a relayed address of this family? */
static bool is_family_served(const struct ice_turn_client *client, uint8_t family) {
    if (family != STUN_ADDRESS_IPV4 && family != STUN_ADDRESS_IPV6)
        return false;
    if (client->state == ICE_TURN_ALLOCATED)
        return ice_turn_allocation_relayed(client, family) != NULL;
    return client->families == ICE_TURN_BOTH || (family == STUN_ADDRESS_IPV4) == (client->families == ICE_TURN_IPV4);
}

int ice_turn_client_permit(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer) {
    if (client->state == ICE_TURN_CLOSING || client->state == ICE_TURN_CLOSED || client->state == ICE_TURN_FAILED)
        return ICE_ERROR_STATE;
    /* RFC 8656 section 10.1, MUST: only peers of the family of a relayed address; 443 would be the answer. */
    if (!is_family_served(client, peer->family))
        return ICE_ERROR_ARGUMENT;
    if (ice_turn_permission_find(client, peer) != NULL)
        return ICE_OK;
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++) {
        struct ice_turn_permission *permission = &client->permissions[i];
        bool is_again = permission->state == ICE_TURN_PERMISSION_REFUSED && stun_address_equal_ip(&permission->peer, peer);
        if (permission->state != ICE_TURN_PERMISSION_FREE && !is_again)
            continue;
        *permission = (struct ice_turn_permission){.state = ICE_TURN_PERMISSION_WANTED, .peer = *peer, .request = ICE_TURN_NO_REQUEST};
        ice_turn_client_pump(client, now_us);
        return ICE_OK;
    }
    return ICE_ERROR_CAPACITY;
}

bool ice_turn_client_is_permitted(const struct ice_turn_client *client, const struct stun_address *peer) {
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        if (client->permissions[i].is_granted && stun_address_equal_ip(&client->permissions[i].peer, peer))
            return true;
    return false;
}

/* ---- requests ---------------------------------------------------------------------------------------------------------------------- */

static size_t count_members(const struct ice_turn_client *client, uint8_t slot) {
    size_t count = 0;
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        count += client->permissions[i].state == ICE_TURN_PERMISSION_ASKED && client->permissions[i].request == slot;
    return count;
}

/* A request that has not left yet and has room for one more; ICE_TURN_NO_REQUEST when there is none. */
static uint8_t find_unsent_batch(const struct ice_turn_client *client) {
    for (uint8_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++) {
        const struct ice_turn_request *request = &client->requests[slot];
        if (request->kind == ICE_TURN_REQUEST_CREATE_PERMISSION && request->index == BATCH && request->timer.sent == 0 &&
            count_members(client, slot) < ICE_TURN_PERMISSION_BATCH_MAX)
            return slot;
    }
    return ICE_TURN_NO_REQUEST;
}

/* RFC 8656 section 9: a permission lasts 300 s, and is refreshed by asking again. */
static void want_again_what_ends(struct ice_turn_client *client, uint64_t now_us) {
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        if (client->permissions[i].state == ICE_TURN_PERMISSION_GRANTED && now_us >= client->permissions[i].refresh_us)
            client->permissions[i].state = ICE_TURN_PERMISSION_WANTED;
}

void ice_turn_permission_pump(struct ice_turn_client *client, uint64_t now_us) {
    want_again_what_ends(client, now_us);
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++) {
        struct ice_turn_permission *permission = &client->permissions[i];
        if (permission->state != ICE_TURN_PERMISSION_WANTED)
            continue;
        /* RFC 8656 section 10.1: one request may ask for several. */
        uint8_t slot = permission->is_alone ? ICE_TURN_NO_REQUEST : find_unsent_batch(client);
        if (slot == ICE_TURN_NO_REQUEST)
            slot = ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_CREATE_PERMISSION, permission->is_alone ? ALONE : BATCH);
        if (slot == ICE_TURN_NO_REQUEST)
            return; /* the end of any request comes here again */
        permission->state = ICE_TURN_PERMISSION_ASKED;
        permission->request = slot;
    }
}

void ice_turn_permission_write(const struct ice_turn_client *client, uint8_t slot, struct stun_writer *writer) {
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        if (client->permissions[i].state == ICE_TURN_PERMISSION_ASKED && client->permissions[i].request == slot)
            stun_writer_add_xor_address(writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &client->permissions[i].peer);
}

void ice_turn_permission_sent(struct ice_turn_client *client, uint8_t slot) {
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        if (client->permissions[i].state == ICE_TURN_PERMISSION_ASKED && client->permissions[i].request == slot)
            client->permissions[i].is_sent = true;
}

/* ---- answers ----------------------------------------------------------------------------------------------------------------------- */

static void refuse(struct ice_turn_client *client, uint64_t now_us, struct ice_turn_permission *permission, uint16_t code) {
    permission->state = ICE_TURN_PERMISSION_REFUSED;
    permission->is_granted = permission->is_sent = false;
    permission->request = ICE_TURN_NO_REQUEST;
    permission->code = code;
    ice_turn_channel_peer_refused(client, now_us, &permission->peer);
}

static void grant(struct ice_turn_permission *permission, uint64_t now_us) {
    permission->state = ICE_TURN_PERMISSION_GRANTED;
    permission->is_granted = true;
    permission->is_alone = false;
    permission->request = ICE_TURN_NO_REQUEST;
    permission->refresh_us = ice_turn_later(now_us, ICE_TURN_PERMISSION_REFRESH_US);
}

void ice_turn_permission_ended(struct ice_turn_client *client, uint64_t now_us, uint8_t slot, enum ice_turn_outcome outcome, uint16_t code) {
    /* RFC 8656 section 10.2: one address that is refused (403, 443) refuses all. Who is it? (A request too long to be sent is cut the same way.) */
    bool is_shared = count_members(client, slot) > 1 && (outcome == ICE_TURN_OUTCOME_REFUSED || outcome == ICE_TURN_OUTCOME_BROKEN);
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++) {
        struct ice_turn_permission *permission = &client->permissions[i];
        if (permission->state != ICE_TURN_PERMISSION_ASKED || permission->request != slot)
            continue;
        if (outcome == ICE_TURN_OUTCOME_SUCCESS) {
            grant(permission, now_us);
        } else if (is_shared) {
            permission->state = ICE_TURN_PERMISSION_WANTED;
            permission->is_alone = true;
        } else {
            refuse(client, now_us, permission, code);
        }
    }
}

void ice_turn_permission_drop_family(struct ice_turn_client *client, uint8_t family) {
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        if (is_in_use(&client->permissions[i]) && client->permissions[i].peer.family == family)
            refuse(client, 0, &client->permissions[i], STUN_CODE_PEER_ADDRESS_FAMILY_MISMATCH);
}

uint64_t ice_turn_permission_next_timeout(const struct ice_turn_client *client) {
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++)
        if (client->permissions[i].state == ICE_TURN_PERMISSION_GRANTED && client->permissions[i].refresh_us < next)
            next = client->permissions[i].refresh_us;
    return next;
}
