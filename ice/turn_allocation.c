/*
 * The allocation itself: Allocate (RFC 8656 section 7), Refresh and deletion (section 8).
 */
#include <string.h>

#include "ice/turn_client_internal.h"

#define PROTOCOL_UDP (17u << 24)         /* REQUESTED-TRANSPORT, RFC 8656 section 18.8: an IP protocol number and three reserved octets */
/* The numbers of draft-martinsen-tram-ssoda, which coturn (up to 4.6 at least) knows instead of those of RFC 8656: see docs/turn.md. */
#define DRAFT_ADDITIONAL_ADDRESS_FAMILY 0x8032
#define DRAFT_ADDRESS_ERROR_CODE 0x8033
#define FAMILY_IPV6 (UINT32_C(2) << 24) /* RFC 8656 sections 18.6 and 18.11: the family and three reserved octets */

void ice_turn_allocation_write(const struct ice_turn_client *client, enum ice_turn_request_kind kind, struct stun_writer *writer) {
    if (kind == ICE_TURN_REQUEST_DELETE)
        stun_writer_add_u32(writer, STUN_ATTRIBUTE_LIFETIME, 0); /* RFC 8656 section 8.1 */
    if (kind != ICE_TURN_REQUEST_ALLOCATE)
        return; /* RFC 8656 section 8.1: a Refresh that names no family is for both */
    /* RFC 8656 section 7.1, MUST: a transport, and UDP is the only one. */
    stun_writer_add_u32(writer, STUN_ATTRIBUTE_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    /* RFC 8656 section 7.1: IPv4 is what no attribute means, so that servers of RFC 5766 are not asked what they cannot understand. */
    if (client->families == ICE_TURN_IPV6)
        stun_writer_add_u32(writer, STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY, FAMILY_IPV6);
    if (client->families == ICE_TURN_BOTH) {
        stun_writer_add_u32(writer, STUN_ATTRIBUTE_ADDITIONAL_ADDRESS_FAMILY, FAMILY_IPV6);
        stun_writer_add_u32(writer, DRAFT_ADDITIONAL_ADDRESS_FAMILY, FAMILY_IPV6);
    }
}

const struct stun_address *ice_turn_allocation_relayed(const struct ice_turn_client *client, uint8_t family) {
    for (size_t i = 0; i < 2; i++)
        if (client->relayed[i].family == family && family != STUN_ADDRESS_NONE)
            return &client->relayed[i];
    return NULL;
}

/* ---- Allocate -------------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct ice_turn_client *client, uint8_t family) {
    return family == STUN_ADDRESS_IPV4 ? client->families != ICE_TURN_IPV6 : client->families != ICE_TURN_IPV4;
}

/* One or two XOR-RELAYED-ADDRESS, of which the wanted ones are kept. False: one of them cannot be read. */
static bool read_relayed(struct ice_turn_client *client, const struct stun_message *message, bool *has_other_family) {
    struct stun_attribute attribute = {0};
    while (stun_message_next(message, &attribute)) {
        struct stun_address address;
        if (attribute.type != STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS)
            continue;
        if (stun_attribute_read_xor_address(message, &attribute, &address) != STUN_OK)
            return false;
        /* For the family that it has not, coturn 4.6 sends 0.0.0.0:0 beside its ADDRESS-ERROR-CODE. */
        if (address.port == 0)
            continue;
        struct stun_address *place = &client->relayed[address.family == STUN_ADDRESS_IPV4 ? 0 : 1];
        if (!is_wanted(client, address.family))
            *has_other_family = true;
        else if (place->family == STUN_ADDRESS_NONE)
            *place = address;
    }
    return true;
}

/* RFC 8656 section 18.12: ADDRESS-ERROR-CODE says why there is only one of two families. Its code is noted; one family is enough. */
static void note_missing_family(struct ice_turn_client *client, const struct stun_message *message) {
    const uint8_t *value;
    size_t length;
    bool has_code = stun_message_read_bytes(message, STUN_ATTRIBUTE_ADDRESS_ERROR_CODE, &value, &length) == STUN_OK ||
                    stun_message_read_bytes(message, DRAFT_ADDRESS_ERROR_CODE, &value, &length) == STUN_OK;
    if (has_code && length >= 4)
        client->code = (uint16_t)((value[2] & 7u) * 100u + value[3]);
}

static uint64_t refresh_time(uint64_t now_us, uint32_t lifetime_seconds) {
    uint64_t lifetime_us = lifetime_seconds * ICE_TURN_SECOND_US;
    /* RFC 8656 section 8, MUST before it expires, a minute before; of a lifetime of less than two minutes, at half of it. */
    uint64_t margin_us = lifetime_us / 2 < ICE_TURN_REFRESH_MARGIN_US ? lifetime_us / 2 : ICE_TURN_REFRESH_MARGIN_US;
    return ice_turn_later(now_us, lifetime_us - margin_us);
}

static void allocated(struct ice_turn_client *client, uint64_t now_us, const struct ice_turn_request *request, const struct stun_message *message) {
    bool has_other_family = false;
    uint32_t lifetime_seconds = 0;
    bool is_whole = read_relayed(client, message, &has_other_family) &&
                    stun_message_read_u32(message, STUN_ATTRIBUTE_LIFETIME, &lifetime_seconds) == STUN_OK && lifetime_seconds > 0 &&
                    stun_message_read_xor_address(message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &client->mapped) == STUN_OK;
    bool has_any = client->relayed[0].family != STUN_ADDRESS_NONE || client->relayed[1].family != STUN_ADDRESS_NONE;
    if (!is_whole || !has_any) {
        memset(client->relayed, 0, sizeof client->relayed);
        ice_turn_client_fail(client, ICE_TURN_FAILURE_BROKEN_ANSWER, 0, 0);
        /* RFC 8656 section 7.3, MUST: an allocation of a family that we cannot use is deleted. (A stream takes it along when it closes.) */
        if (is_whole && has_other_family && !ice_turn_is_stream(client))
            ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_DELETE, 0);
        return;
    }
    note_missing_family(client, message);
    /* RFC 8656 section 7.3: the lifetime that counts is the server's. */
    client->lifetime_seconds = lifetime_seconds;
    client->refresh_us = refresh_time(now_us, lifetime_seconds);
    client->allocate_round_trip_us = now_us - request->timer.last_sent_us;
    client->state = ICE_TURN_ALLOCATED;
    client->report_allocated = true;
    for (uint8_t family = STUN_ADDRESS_IPV4; family <= STUN_ADDRESS_IPV6; family++)
        if (ice_turn_allocation_relayed(client, family) == NULL)
            ice_turn_permission_drop_family(client, family);
}

/*
 * 437: there is an allocation of this 5-tuple already. Another local port is not ours to choose (ICE gathers from the one it has), but it
 * is most likely our own, from before an outage that was longer than our patience: then the server lets us delete it, and we ask again.
 */
static bool delete_leftover(struct ice_turn_client *client, uint64_t now_us) {
    if (client->has_deleted_leftover || ice_turn_is_stream(client))
        return false;
    client->has_deleted_leftover = true;
    return ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_DELETE, 0) != ICE_TURN_NO_REQUEST;
}

static void allocate_ended(struct ice_turn_client *client, uint64_t now_us, const struct ice_turn_request *request, enum ice_turn_outcome outcome,
                           uint16_t code, const struct stun_message *message) {
    switch (outcome) {
    case ICE_TURN_OUTCOME_SUCCESS:
        allocated(client, now_us, request, message);
        break;
    case ICE_TURN_OUTCOME_REFUSED:
        /* RFC 8656 section 7.4. 437 wants another local port: that is a new client's, which the caller may make. 441 is about who we are. */
        if (code == STUN_CODE_TRY_ALTERNATE)
            ice_turn_redirect(client, now_us, message);
        else if (code == STUN_CODE_ALLOCATION_MISMATCH && delete_leftover(client, now_us))
            break;
        else
            ice_turn_client_fail(client, code == STUN_CODE_WRONG_CREDENTIALS ? ICE_TURN_FAILURE_CREDENTIALS : ICE_TURN_FAILURE_REFUSED, code, 0);
        break;
    case ICE_TURN_OUTCOME_CREDENTIALS:
        ice_turn_client_fail(client, ICE_TURN_FAILURE_CREDENTIALS, code, 0);
        break;
    case ICE_TURN_OUTCOME_BID_DOWN:
        ice_turn_client_fail(client, ICE_TURN_FAILURE_BID_DOWN, code, 0);
        break;
    case ICE_TURN_OUTCOME_UNVERIFIED:
        ice_turn_client_fail(client, ICE_TURN_FAILURE_INTEGRITY, code, 0);
        break;
    case ICE_TURN_OUTCOME_SILENCE:
        ice_turn_client_fail(client, client->unreachable_error != 0 ? ICE_TURN_FAILURE_UNREACHABLE : ICE_TURN_FAILURE_NO_ANSWER, 0, client->unreachable_error);
        break;
    default:
        ice_turn_client_fail(client, ICE_TURN_FAILURE_BROKEN_ANSWER, code, 0);
        break;
    }
}

/* ---- Refresh --------------------------------------------------------------------------------------------------------------------- */

static void refresh_ended(struct ice_turn_client *client, uint64_t now_us, enum ice_turn_outcome outcome, uint16_t code, const struct stun_message *message) {
    uint32_t lifetime_seconds = 0;
    if (outcome == ICE_TURN_OUTCOME_SUCCESS && stun_message_read_u32(message, STUN_ATTRIBUTE_LIFETIME, &lifetime_seconds) == STUN_OK &&
        lifetime_seconds > 0) {
        client->lifetime_seconds = lifetime_seconds;
        client->refresh_us = refresh_time(now_us, lifetime_seconds);
        return;
    }
    /* RFC 8656 section 8.3: 437 says that there is no such allocation. Any other refusal (credentials that have expired: 401) says that there
     * will be none. */
    ice_turn_client_fail(client, ICE_TURN_FAILURE_LOST, code, 0);
}

void ice_turn_allocation_pump(struct ice_turn_client *client, uint64_t now_us) {
    bool is_due = client->wants_refresh || now_us >= client->refresh_us;
    if (is_due && ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_REFRESH, 0) != ICE_TURN_NO_REQUEST)
        client->refresh_us = UINT64_MAX; /* until its answer */
    client->wants_refresh = false;
}

void ice_turn_allocation_ended(struct ice_turn_client *client, uint64_t now_us, const struct ice_turn_request *request, enum ice_turn_outcome outcome,
                               uint16_t code, const struct stun_message *message) {
    if (request->kind == ICE_TURN_REQUEST_ALLOCATE)
        allocate_ended(client, now_us, request, outcome, code, message);
    else if (request->kind == ICE_TURN_REQUEST_REFRESH)
        refresh_ended(client, now_us, outcome, code, message);
    else if (client->state == ICE_TURN_ALLOCATING) /* what was left over is gone, or not ours: the answer to this one is final */
        ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_ALLOCATE, 0);
    else
        ice_turn_client_closed(client); /* RFC 8656 section 8.3: also after 437. What else should one do? */
}
