/*
 * One transaction with a TURN server: written, sent again over UDP, matched with its answer, verified. RFC 8489 sections 6.2 and 6.3, and
 * section 9.2.5 for what may be believed. What the answer means is the business of the three files that own the requests.
 *
 * Slot 0 is for Allocate and Refresh, so that neither ever waits for permissions and channels.
 */
#include <string.h>

#include "ice/turn_client_internal.h"

#define STALE_MAX 3u
#define DELETE_RC 3u
#define DELETE_RM 1u

static bool is_of_allocation(enum ice_turn_request_kind kind) {
    return kind == ICE_TURN_REQUEST_ALLOCATE || kind == ICE_TURN_REQUEST_REFRESH || kind == ICE_TURN_REQUEST_DELETE;
}

static uint16_t method_of(enum ice_turn_request_kind kind) {
    switch (kind) {
    case ICE_TURN_REQUEST_ALLOCATE:
        return STUN_METHOD_ALLOCATE;
    case ICE_TURN_REQUEST_CREATE_PERMISSION:
        return STUN_METHOD_CREATE_PERMISSION;
    case ICE_TURN_REQUEST_CHANNEL_BIND:
        return STUN_METHOD_CHANNEL_BIND;
    default:
        return STUN_METHOD_REFRESH;
    }
}

/* ---- starting and ending ------------------------------------------------------------------------------------------------------ */

/* A new transaction id, with what is known of realm and nonce by now. */
static void begin(struct ice_turn_client *client, struct ice_turn_request *request, uint64_t now_us) {
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    client->random(client->random_context, id, sizeof id);
    request->is_authenticated = client->has_challenge;
    request->challenge = client->challenges;
    request->has_seen_unverified = false;
    request->unverified_code = 0;
    if (ice_turn_is_stream(client))
        /* RFC 8489 section 6.2.2: no retransmission over a reliable transport, and Ti = 39.5 s of patience. */
        stun_transaction_start(&request->timer, id, now_us, ICE_TURN_STREAM_TIMEOUT_US, 1, 1);
    else if (request->kind == ICE_TURN_REQUEST_DELETE)
        stun_transaction_start(&request->timer, id, now_us, client->rto_us, DELETE_RC, DELETE_RM);
    else
        stun_transaction_start(&request->timer, id, now_us, client->rto_us, STUN_RC_DEFAULT, STUN_RM_DEFAULT);
}

uint8_t ice_turn_request_start(struct ice_turn_client *client, uint64_t now_us, enum ice_turn_request_kind kind, uint8_t index) {
    uint8_t first = is_of_allocation(kind) ? 0 : 1, end = is_of_allocation(kind) ? 1 : ICE_TURN_REQUEST_MAX;
    for (uint8_t slot = first; slot < end; slot++) {
        struct ice_turn_request *request = &client->requests[slot];
        if (request->kind != ICE_TURN_REQUEST_FREE)
            continue;
        *request = (struct ice_turn_request){.kind = kind, .index = index};
        begin(client, request, now_us);
        return slot;
    }
    return ICE_TURN_NO_REQUEST;
}

void ice_turn_request_hurry(struct ice_turn_client *client, uint64_t now_us, enum ice_turn_request_kind kind) {
    for (uint8_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++) {
        struct ice_turn_request *request = &client->requests[slot];
        const struct stun_transaction *timer = &request->timer;
        if (request->kind == kind && !ice_turn_is_stream(client) && timer->sent > 0 && now_us - timer->last_sent_us >= timer->rto_us)
            begin(client, request, now_us);
    }
}

void ice_turn_request_forget_all(struct ice_turn_client *client) {
    client->held.length = 0;
    for (size_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++)
        client->requests[slot] = (struct ice_turn_request){.kind = ICE_TURN_REQUEST_FREE};
}

/* Frees the slot, then tells the owner; what the owner wants next finds room. */
static void end(struct ice_turn_client *client, uint64_t now_us, uint8_t slot, enum ice_turn_outcome outcome, uint16_t code,
                const struct stun_message *message) {
    struct ice_turn_request request = client->requests[slot];
    client->requests[slot] = (struct ice_turn_request){.kind = ICE_TURN_REQUEST_FREE};
    /* RFC 8656 section 5: 437 to whatever is asked of an allocation says that there is none; it need not wait for the next Refresh. */
    if (!is_of_allocation(request.kind) && outcome == ICE_TURN_OUTCOME_REFUSED && code == STUN_CODE_ALLOCATION_MISMATCH &&
        client->state == ICE_TURN_ALLOCATED) {
        ice_turn_client_fail(client, ICE_TURN_FAILURE_LOST, code, 0);
        return;
    }
    /* coturn 4.6 says 400 where there is no allocation: a Refresh gets a clear answer. */
    client->wants_refresh |= !is_of_allocation(request.kind) && outcome == ICE_TURN_OUTCOME_REFUSED && code == STUN_CODE_BAD_REQUEST &&
                             client->state == ICE_TURN_ALLOCATED;
    switch (request.kind) {
    case ICE_TURN_REQUEST_CREATE_PERMISSION:
        ice_turn_permission_ended(client, now_us, slot, outcome, code);
        break;
    case ICE_TURN_REQUEST_CHANNEL_BIND:
        ice_turn_channel_ended(client, now_us, request.index, outcome);
        break;
    default:
        ice_turn_allocation_ended(client, now_us, &request, outcome, code, message);
        break;
    }
}

/* ---- sending ------------------------------------------------------------------------------------------------------------------ */

/* Returns the length, or 0 when the request does not fit: realm, nonce and user name together are too long. */
static size_t write_request(const struct ice_turn_client *client, uint8_t slot, uint8_t *buffer, size_t capacity) {
    const struct ice_turn_request *request = &client->requests[slot];
    struct stun_writer writer;
    stun_writer_begin(&writer, buffer, capacity, STUN_CLASS_REQUEST, method_of(request->kind), request->timer.id);
    if (request->kind == ICE_TURN_REQUEST_CREATE_PERMISSION)
        ice_turn_permission_write(client, slot, &writer);
    else if (request->kind == ICE_TURN_REQUEST_CHANNEL_BIND)
        ice_turn_channel_write(client, request->index, &writer);
    else
        ice_turn_allocation_write(client, request->kind, &writer);
    /* RFC 8489 section 9.2.3.1, MUST: the first request is sent as if there were no credentials. */
    if (request->is_authenticated)
        ice_turn_credentials_write(client, &writer);
    int length = stun_writer_finish(&writer);
    return length > 0 ? (size_t)length : 0;
}

static void note_sent(struct ice_turn_client *client, uint64_t now_us, uint8_t slot) {
    struct ice_turn_request *request = &client->requests[slot];
    if (request->timer.sent > 0)
        client->retransmissions_sent++;
    else
        client->requests_sent++;
    stun_transaction_sent(&request->timer, now_us);
    if (request->kind == ICE_TURN_REQUEST_CREATE_PERMISSION)
        ice_turn_permission_sent(client, slot);
    else if (request->kind == ICE_TURN_REQUEST_CHANNEL_BIND)
        client->channels[request->index].is_sent = true;
}

bool ice_turn_request_poll(struct ice_turn_client *client, uint64_t now_us, uint8_t *buffer, size_t capacity, size_t *length) {
    for (uint8_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++) {
        struct ice_turn_request *request = &client->requests[slot];
        bool is_due = request->kind != ICE_TURN_REQUEST_FREE && request->timer.sent < request->timer.rc && now_us >= request->timer.deadline_us;
        if (!is_due)
            continue;
        /* RFC 8489 section 5, MUST: only the very same bytes are sent again under a transaction id. Another request has learned a new nonce. */
        if (request->timer.sent > 0 && request->challenge != client->challenges)
            begin(client, request, now_us);
        *length = write_request(client, slot, buffer, capacity);
        if (*length > 0) {
            note_sent(client, now_us, slot);
            return true;
        }
        end(client, now_us, slot, ICE_TURN_OUTCOME_BROKEN, 0, NULL);
        ice_turn_client_pump(client, now_us);
    }
    return false;
}

/* The patience with what is held is over: nothing better has come. */
static void act_on_held(struct ice_turn_client *client, uint64_t now_us);

void ice_turn_request_handle_timeout(struct ice_turn_client *client, uint64_t now_us) {
    if (client->held.length > 0 && now_us >= client->held.until_us)
        act_on_held(client, now_us);
    for (uint8_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++) {
        struct ice_turn_request *request = &client->requests[slot];
        if (request->kind == ICE_TURN_REQUEST_FREE || stun_transaction_due(&request->timer, now_us) != STUN_TRANSACTION_FAILED)
            continue;
        /* RFC 8489 section 9.2.5, MUST: when all answers were discarded, it is not silence that is reported. */
        end(client, now_us, slot, request->has_seen_unverified ? ICE_TURN_OUTCOME_UNVERIFIED : ICE_TURN_OUTCOME_SILENCE, request->unverified_code, NULL);
    }
}

uint64_t ice_turn_request_next_timeout(const struct ice_turn_client *client) {
    uint64_t next = client->held.length > 0 ? client->held.until_us : UINT64_MAX;
    for (size_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++)
        if (client->requests[slot].kind != ICE_TURN_REQUEST_FREE && client->requests[slot].timer.deadline_us < next)
            next = client->requests[slot].timer.deadline_us;
    return next;
}

/* ---- answers -------------------------------------------------------------------------------------------------------------------- */

/* The answer proves nothing: drop it. Over UDP the true one may still come; over a stream nothing else will (RFC 8489 section 9.2.5, MUST). */
static int unverified(struct ice_turn_client *client, uint64_t now_us, uint8_t slot, uint16_t code) {
    struct ice_turn_request *request = &client->requests[slot];
    client->unauthentic_dropped++;
    request->has_seen_unverified = true;
    request->unverified_code = code;
    /* A 400 without integrity is as if it had never come, on streams too. */
    if (ice_turn_is_stream(client) && code != STUN_CODE_BAD_REQUEST)
        end(client, now_us, slot, ICE_TURN_OUTCOME_UNVERIFIED, code, NULL);
    return ICE_ERROR_UNAUTHENTIC;
}

/* 401 or 438: once more, with what the server asks for, or an end. */
static int challenged(struct ice_turn_client *client, uint64_t now_us, uint8_t slot, uint16_t code, const struct stun_message *message) {
    struct ice_turn_request *request = &client->requests[slot];
    bool is_stale = code == STUN_CODE_STALE_NONCE;
    /* RFC 8489 section 9.2.5: a stale nonce is replaced and the request repeated; a server that goes on so is let be. */
    if (is_stale ? request->times_stale >= STALE_MAX : request->has_changed_realm) {
        end(client, now_us, slot, is_stale ? ICE_TURN_OUTCOME_REFUSED : ICE_TURN_OUTCOME_CREDENTIALS, code, message);
        return ICE_OK;
    }
    switch (ice_turn_credentials_challenged(client, request->is_authenticated, code, message)) {
    case ICE_TURN_VERDICT_RETRY:
        request->times_stale = (uint8_t)(request->times_stale + is_stale);
        request->has_changed_realm = request->has_changed_realm || (!is_stale && request->is_authenticated);
        begin(client, request, now_us);
        return ICE_OK;
    case ICE_TURN_VERDICT_CREDENTIALS:
        end(client, now_us, slot, ICE_TURN_OUTCOME_CREDENTIALS, code, message);
        return ICE_OK;
    case ICE_TURN_VERDICT_BROKEN:
        end(client, now_us, slot, ICE_TURN_OUTCOME_BROKEN, code, message);
        return ICE_OK;
    default: /* ICE_TURN_VERDICT_BID_DOWN */
        /* RFC 8489 section 9.2.5, MUST NOT: no new transaction. Who has an allocation does not let an attacker end it so: the message is dropped. */
        if (request->kind != ICE_TURN_REQUEST_ALLOCATE)
            return unverified(client, now_us, slot, code);
        end(client, now_us, slot, ICE_TURN_OUTCOME_BID_DOWN, code, message);
        return ICE_ERROR_UNAUTHENTIC;
    }
}

static uint8_t find(const struct ice_turn_client *client, const struct stun_message *message) {
    for (uint8_t slot = 0; slot < ICE_TURN_REQUEST_MAX; slot++) {
        const struct ice_turn_request *request = &client->requests[slot];
        /* What has not been sent cannot be answered. */
        if (request->kind != ICE_TURN_REQUEST_FREE && request->timer.sent > 0 && method_of(request->kind) == message->method &&
            stun_transaction_matches(&request->timer, message))
            return slot;
    }
    return ICE_TURN_NO_REQUEST;
}

static bool has_unknown_required(const struct stun_message *message) {
    static const uint16_t known[] = {
        STUN_ATTRIBUTE_CHANNEL_NUMBER,       STUN_ATTRIBUTE_LIFETIME,       STUN_ATTRIBUTE_XOR_PEER_ADDRESS,   STUN_ATTRIBUTE_DATA,
        STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS,  STUN_ATTRIBUTE_EVEN_PORT,      STUN_ATTRIBUTE_REQUESTED_TRANSPORT, STUN_ATTRIBUTE_DONT_FRAGMENT,
        STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY, STUN_ATTRIBUTE_RESERVATION_TOKEN};
    uint16_t unknown;
    return stun_message_unknown_required(message, known, sizeof known / sizeof known[0], &unknown, 1) > 0;
}

/* RFC 8489 section 9.2.5, MUST: a nonce that promises PASSWORD-ALGORITHMS, in a message without them, makes it one to ignore. */
static bool promises_more_than_it_has(const struct stun_message *message) {
    const uint8_t *nonce;
    size_t length;
    uint32_t features;
    struct stun_attribute list;
    return stun_message_read_bytes(message, STUN_ATTRIBUTE_NONCE, &nonce, &length) == STUN_OK && stun_nonce_security_features(nonce, length, &features) &&
           (features & STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS) != 0 && !stun_message_find(message, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, &list);
}

/*
 * RFC 8489 section 9.2.5 acts on a 401 or 438 that is not signed, since the server may have no key. Whoever has seen our request can forge one, but
 * cannot keep the true answer from coming, which has one RTO to do so. Not so on streams, nor when there is nothing to lose.
 */
static bool is_held(struct ice_turn_client *client, uint64_t now_us, uint8_t slot, const struct stun_message *message) {
    if (ice_turn_is_stream(client) || !client->requests[slot].is_authenticated || message->length > sizeof client->held.bytes ||
        ice_turn_credentials_verify(client, message))
        return false;
    if (client->held.length > 0)
        return true; /* one is enough: what it brings serves all */
    memcpy(client->held.bytes, message->bytes, message->length);
    client->held.length = message->length;
    client->held.until_us = ice_turn_later(now_us, client->rto_us);
    return true;
}

static void act_on_held(struct ice_turn_client *client, uint64_t now_us) {
    struct stun_message message;
    uint16_t code;
    const uint8_t *text;
    size_t length = client->held.length, text_length;
    client->held.length = 0;
    uint8_t slot = stun_message_parse(client->held.bytes, length, &message) == STUN_OK ? find(client, &message) : ICE_TURN_NO_REQUEST;
    if (slot != ICE_TURN_NO_REQUEST && stun_message_read_error_code(&message, &code, &text, &text_length) == STUN_OK)
        (void)challenged(client, now_us, slot, code, &message);
}

int ice_turn_request_handle_response(struct ice_turn_client *client, uint64_t now_us, const struct stun_message *message) {
    uint8_t slot = find(client, message);
    if (slot == ICE_TURN_NO_REQUEST) {
        client->unauthentic_dropped++;
        return ICE_ERROR_UNAUTHENTIC;
    }
    const struct ice_turn_request *request = &client->requests[slot];
    bool is_error = message->class_ == STUN_CLASS_ERROR_RESPONSE;
    uint16_t code = 0;
    const uint8_t *text;
    size_t length;
    if (is_error && stun_message_read_error_code(message, &code, &text, &length) != STUN_OK) {
        client->malformed_dropped++;
        return ICE_ERROR_MALFORMED;
    }
    if (is_error)
        ice_turn_copy_text(client->reason, sizeof client->reason, text, length);
    if (stun_message_read_bytes(message, STUN_ATTRIBUTE_SOFTWARE, &text, &length) == STUN_OK)
        ice_turn_copy_text(client->software, sizeof client->software, text, length);
    /* These two cannot prove anything: the server has no key in common with who asks, or no longer knows the nonce. */
    if (code == STUN_CODE_UNAUTHENTICATED || code == STUN_CODE_STALE_NONCE)
        return is_held(client, now_us, slot, message) ? ICE_OK : challenged(client, now_us, slot, code, message);
    /* RFC 8489 section 9.2.5, MUST: everything else verifies, or is dropped. To a request without credentials nothing can; even then a 400 is dropped. */
    bool is_believed = request->is_authenticated ? ice_turn_credentials_verify(client, message) : code != STUN_CODE_BAD_REQUEST;
    if (!is_believed || promises_more_than_it_has(message))
        return unverified(client, now_us, slot, code);
    /* RFC 8489 sections 6.3.3 and 6.3.4: an attribute that must be understood, and is not, makes the transaction fail. */
    if (has_unknown_required(message)) {
        client->malformed_dropped++;
        end(client, now_us, slot, ICE_TURN_OUTCOME_BROKEN, code, message);
        return ICE_ERROR_MALFORMED;
    }
    end(client, now_us, slot, is_error ? ICE_TURN_OUTCOME_REFUSED : ICE_TURN_OUTCOME_SUCCESS, code, message);
    return ICE_OK;
}
