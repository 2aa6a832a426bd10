/*
 * Relays: how they are lost, and what is done about it. RFC 8656 sections 7.4, 8.3 and 10.3; docs/ice.md, "A TURN server that dies in
 * mid-call", has the whole story.
 */
#include <string.h>

#include "ice/agent_internal.h"

/* ---- loss --------------------------------------------------------------------------------------------------------------------------- */

/* Its candidates are gone, and the pairs with them; the selected one waits, as with an interface: consent decides how long to hope. */
static void set_gone(struct ice_agent *agent, uint16_t index, uint64_t now_us, enum ice_restart_reason reason) {
    for (size_t i = 0; i < agent->local_count; i++)
        if (agent->locals[i].relay == index)
            agent->locals[i].gone = true;
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation == ICE_NONE || agent->locals[pair->local].relay != index)
            continue;
        pair->permitted = false;
        if (pair->state == ICE_PAIR_FAILED)
            continue;
        if (i == agent->selected) {
            ice_agent_need_restart(agent, reason);
            continue;
        }
        if (i == agent->nominating)
            agent->nominating = ICE_NONE;
        ice_pair_fail(agent, pair, now_us, false);
    }
    if (agent->relay_bound != ICE_NONE && agent->locals[agent->pairs[agent->relay_bound].local].relay == index)
        agent->relay_bound = ICE_NONE;
}

/* One that was lost is asked for at every address of its server in turns, beginning with the one where it was. */
static void turn_to_next_address(const struct ice_agent *agent, struct ice_relay *relay) {
    const struct ice_gather_server *server = &agent->gatherer.servers[relay->server];
    uint8_t family = server->addresses[relay->address].family;
    uint16_t next = ice_server_address(server, family, (uint16_t)(relay->address + 1));
    relay->address = next != ICE_NONE ? next : ice_server_address(server, family, 0);
}

static void wait_for_retry(struct ice_relay *relay, uint64_t now_us, bool at_once) {
    relay->retry_us = at_once ? now_us : ice_after(now_us, ice_later(relay->retry_delay_us, ICE_RELAY_RETRY_MIN_US));
    relay->retry_delay_us = ice_earlier(2 * ice_later(relay->retry_delay_us, ICE_RELAY_RETRY_MIN_US), ICE_RELAY_RETRY_MAX_US);
    relay->state = ICE_RELAY_WAITING;
}

static void lose(struct ice_agent *agent, uint16_t index, uint64_t now_us, bool at_once) {
    struct ice_relay *relay = &agent->relays[index];
    relay->times_lost++;
    relay->lost = agent->gatherer.state != ICE_GATHERING_GATHERING;
    set_gone(agent, index, now_us, ICE_RESTART_RELAY_LOST);
    memset(relay->relayed, 0, sizeof relay->relayed);
    if (agent->state == ICE_STATE_FAILED) { /* a restart asks again */
        relay->state = ICE_RELAY_GIVEN_UP;
        return;
    }
    wait_for_retry(relay, now_us, at_once);
    /* Who has forgotten one of us has forgotten all: ask for the others of this server too. */
    for (uint16_t i = 0; at_once && i < agent->relay_count; i++)
        if (agent->relays[i].state == ICE_RELAY_READY && agent->relays[i].server == relay->server)
            ice_turn_client_refresh(agent->relays[i].client, now_us);
}

/* Is there another address of this server worth a try? */
static bool try_next_address(struct ice_agent *agent, struct ice_relay *relay, const struct ice_turn_status *status) {
    const struct ice_gather_server *server = &agent->gatherer.servers[relay->server];
    bool is_of_the_host = status->failure == ICE_TURN_FAILURE_UNREACHABLE || status->failure == ICE_TURN_FAILURE_NO_ANSWER ||
                          status->failure == ICE_TURN_FAILURE_BROKEN_ANSWER || status->code == STUN_CODE_ALLOCATION_QUOTA_REACHED ||
                          status->code == STUN_CODE_SERVER_ERROR || status->code == STUN_CODE_INSUFFICIENT_CAPACITY;
    uint16_t next = ice_server_address(server, relay->path.local.family, (uint16_t)(relay->address + 1));
    if (!is_of_the_host || next == ICE_NONE)
        return false;
    relay->address = next;
    relay->state = ICE_RELAY_WAITING;
    relay->retry_us = 0;
    return true;
}

void ice_relay_failed(struct ice_agent *agent, uint16_t index, uint64_t now_us) {
    struct ice_relay *relay = &agent->relays[index];
    struct ice_turn_status status;
    ice_turn_client_status(relay->client, &status);
    if (relay->state == ICE_RELAY_READY) {
        lose(agent, index, now_us, status.code == STUN_CODE_ALLOCATION_MISMATCH);
    } else if (relay->state == ICE_RELAY_ASKING && relay->times_lost > 0) {
        turn_to_next_address(agent, relay);
        wait_for_retry(relay, now_us, false);
    } else if (relay->state == ICE_RELAY_ASKING && !try_next_address(agent, relay, &status)) {
        relay->state = ICE_RELAY_GIVEN_UP;
        if (status.code != 0 && relay->path.transport == ICE_TRANSPORT_UDP) /* somebody is there; our mapping it may still tell */
            ice_gather_ask_turn_server(agent, relay->server, &relay->path, relay->preference);
    }
}

/*
 * RFC 8656 section 10.3: the server will not relay to this peer. Then no check ever gets there. pair.permitted stays: who has been refused
 * does not ask this server again, not for the selected pair either, which lives on until consent says otherwise.
 */
void ice_relay_permission_failed(struct ice_agent *agent, uint16_t index, uint64_t now_us, const struct stun_address *peer, uint16_t code) {
    for (size_t i = 0; i < agent->pair_count; i++) {
        struct ice_pair *pair = &agent->pairs[i];
        if (pair->generation == ICE_NONE || agent->locals[pair->local].relay != index || !stun_address_equal_ip(&agent->remotes[pair->remote].address, peer))
            continue;
        pair->last_error_code = pair->relay_error_code = code;
        if (i == agent->selected) {
            ice_agent_need_restart(agent, ICE_RESTART_RELAY_LOST);
            continue;
        }
        if (i == agent->nominating)
            agent->nominating = ICE_NONE;
        if (pair->state != ICE_PAIR_FAILED)
            ice_pair_fail(agent, pair, now_us, false);
    }
}

/* A relay that is asked for again after its loss, and whose server is silent: its transaction would pause ever longer. */
void ice_relay_handle_attempt(const struct ice_agent *agent, struct ice_relay *relay, uint64_t now_us) {
    if (relay->state != ICE_RELAY_ASKING || relay->times_lost == 0 || relay->attempt_until_us > now_us)
        return;
    turn_to_next_address(agent, relay);
    wait_for_retry(relay, now_us, true);
}

/* ---- interfaces ---------------------------------------------------------------------------------------------------------------------- */

void ice_relay_park(struct ice_agent *agent, uint64_t now_us, const struct stun_address *base) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_FREE || relay->path.transport != ICE_TRANSPORT_UDP || !stun_address_equal(&relay->path.local, base))
            continue;
        relay->parked = true;
        set_gone(agent, i, now_us, ICE_RESTART_INTERFACE_GONE);
    }
}

void ice_relay_unpark(struct ice_agent *agent, uint64_t now_us, const struct stun_address *base) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (!relay->parked || !stun_address_equal(&relay->path.local, base))
            continue;
        relay->parked = false;
        if (relay->state != ICE_RELAY_READY)
            continue;
        ice_relay_add_candidates(agent, i);
        ice_turn_client_refresh(relay->client, now_us); /* if the server has forgotten us, let us know */
    }
}

/* ---- restart ---------------------------------------------------------------------------------------------------------------------- */

/* RFC 8445 section 9: a restart gathers anew. Allocations that are there are used again, if they are there. */
void ice_relay_revive(struct ice_agent *agent, uint64_t now_us) {
    for (uint16_t i = 0; i < agent->relay_count; i++) {
        struct ice_relay *relay = &agent->relays[i];
        if (relay->state == ICE_RELAY_READY && !relay->parked) {
            ice_turn_client_refresh(relay->client, now_us);
        } else if (relay->state == ICE_RELAY_GIVEN_UP) {
            relay->state = ICE_RELAY_WAITING;
            relay->retry_us = 0;
        }
        relay->lost = false;
    }
}

/* ---- doubt ------------------------------------------------------------------------------------------------------------------------ */

/* Consent is not answered: does the server know us still? Returns when to ask, ICE_NEVER_US: there is no doubt. */
uint64_t ice_relay_doubt_us(const struct ice_agent *agent) {
    if (agent->selected == ICE_NONE || agent->consent.unanswered_since_us == ICE_NEVER_US || agent->state == ICE_STATE_FAILED)
        return ICE_NEVER_US;
    uint16_t index = agent->locals[agent->pairs[agent->selected].local].relay;
    if (index == ICE_NONE || agent->relays[index].state != ICE_RELAY_READY || agent->relays[index].parked)
        return ICE_NEVER_US;
    return ice_later(ice_after(agent->consent.unanswered_since_us, ICE_RELAY_DOUBT_US), agent->relays[index].doubt_us);
}

void ice_relay_act_on_doubt(struct ice_agent *agent, uint64_t now_us) {
    uint16_t index = agent->locals[agent->pairs[agent->selected].local].relay;
    struct ice_relay *relay = &agent->relays[index];
    relay->doubt_us = ice_after(now_us, ICE_RELAY_DOUBT_AGAIN_US);
    bool is_stream = relay->path.transport != ICE_TRANSPORT_UDP;
    /* A stream may be broken without saying so; a new one is another allocation, and costs the old one nothing that it has. */
    if (is_stream && relay->heard_us < agent->consent.unanswered_since_us &&
        now_us >= ice_after(agent->consent.unanswered_since_us, ICE_RELAY_ATTEMPT_US)) {
        lose(agent, index, now_us, false);
        ice_relay_drop_client(agent, relay);
        return;
    }
    ice_turn_client_refresh(relay->client, now_us);
}
