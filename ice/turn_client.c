/*
 * A TURN client: the contract's verbs, the states, and the ways to end. RFC 8656. What each request says and what its answer means stands
 * in the files that ice/turn_client_internal.h lists.
 */
#include <string.h>

#include "ice/turn_client_internal.h"

#define RTO_MAX_US (60 * ICE_TURN_SECOND_US)

/* ---- life ------------------------------------------------------------------------------------------------------------------- */

static bool fits(const char *text, size_t max_bytes) {
    size_t length = strlen(text);
    return length >= 1 && length <= max_bytes;
}

static bool is_config_valid(const struct ice_turn_client_config *config) {
    const struct ice_path *path = &config->path;
    if (path->transport != ICE_TRANSPORT_UDP && path->transport != ICE_TRANSPORT_TCP && path->transport != ICE_TRANSPORT_TLS)
        return false;
    if (stun_address_ip_bytes(&path->remote) == 0 || path->remote.port == 0 || config->random == NULL || config->rto_us > RTO_MAX_US)
        return false;
    if (config->families != ICE_TURN_IPV4 && config->families != ICE_TURN_IPV6 && config->families != ICE_TURN_BOTH)
        return false;
    if (config->server_name != NULL && !fits(config->server_name, ICE_TURN_SERVER_NAME_MAX_BYTES))
        return false;
    if (config->username == NULL && config->credential == NULL)
        return true;
    return config->username != NULL && config->credential != NULL && fits(config->username, ICE_TURN_USERNAME_MAX_BYTES) &&
           fits(config->credential, ICE_TURN_CREDENTIAL_MAX_BYTES);
}

void ice_turn_client_start(struct ice_turn_client *client, uint64_t now_us) {
    client->unreachable_error = 0; /* it was another server's */
    if (ice_turn_is_stream(client)) {
        client->state = ICE_TURN_CONNECTING;
        client->report_open = true;
        client->deadline_us = ice_turn_later(now_us, ICE_TURN_STREAM_TIMEOUT_US);
    } else {
        client->state = ICE_TURN_ALLOCATING;
        ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_ALLOCATE, 0);
    }
}

struct ice_turn_client *ice_turn_client_new(const struct ice_turn_client_config *config, uint64_t now_us) {
    if (!is_config_valid(config))
        return NULL;
    struct ice_allocator allocator = ice_allocator_or_default(config->allocator);
    struct ice_turn_client *client = allocator.allocate(allocator.context, sizeof *client);
    if (client == NULL)
        return NULL;
    *client = (struct ice_turn_client){.allocator = allocator,
                                       .random = config->random,
                                       .random_context = config->random_context,
                                       .rto_us = config->rto_us != 0 ? (uint32_t)config->rto_us : STUN_RTO_DEFAULT_US,
                                       .families = config->families,
                                       .path = config->path,
                                       .deadline_us = UINT64_MAX,
                                       .refresh_us = UINT64_MAX};
    if (config->server_name != NULL) {
        memcpy(client->server_name, config->server_name, strlen(config->server_name));
        client->has_server_name = true;
    }
    if (config->username != NULL) {
        memcpy(client->username, config->username, strlen(config->username));
        memcpy(client->credential, config->credential, strlen(config->credential));
        client->has_credentials = true;
    }
    client->visited[client->visited_count++] = config->path.remote;
    if (ice_turn_is_stream(client) && !ice_turn_stream_start(client)) {
        ice_turn_client_free(client);
        return NULL;
    }
    ice_turn_client_start(client, now_us);
    return client;
}

void ice_turn_client_free(struct ice_turn_client *client) {
    if (client == NULL)
        return;
    stun_key_free(client->key);
    ice_turn_stream_free(client);
    struct ice_allocator allocator = client->allocator;
    /* The secret does not outlive its use. volatile: or else the compiler may see that nobody reads it any more. */
    volatile char *secret = client->credential;
    for (size_t i = 0; i < sizeof client->credential; i++)
        secret[i] = 0;
    allocator.release(allocator.context, client);
}

/* ---- small things that the other files need --------------------------------------------------------------------------------------- */

uint64_t ice_turn_later(uint64_t now_us, uint64_t delay_us) {
    return delay_us < UINT64_MAX - now_us ? now_us + delay_us : UINT64_MAX - 1;
}

bool ice_turn_is_stream(const struct ice_turn_client *client) {
    return client->path.transport != ICE_TRANSPORT_UDP;
}

void ice_turn_copy_text(char *out, size_t capacity, const uint8_t *text, size_t length) {
    size_t count = length < capacity - 1 ? length : capacity - 1;
    for (size_t i = 0; i < count; i++)
        out[i] = (char)(text[i] < 0x20 || text[i] == 0x7F ? '?' : text[i]); /* it will be shown to people, on terminals */
    out[count] = '\0';
}

static bool is_our_path(const struct ice_turn_client *client, const struct ice_path *path) {
    return path->transport == client->path.transport && stun_address_equal(&path->remote, &client->path.remote) &&
           (!ice_turn_is_stream(client) || path->stream_id == client->path.stream_id);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* ---- endings -------------------------------------------------------------------------------------------------------------------- */

static void forget_everything(struct ice_turn_client *client) {
    ice_turn_request_forget_all(client);
    ice_turn_data_forget_inbox(client);
    memset(client->permissions, 0, sizeof client->permissions);
    memset(client->channels, 0, sizeof client->channels);
    client->refresh_us = client->deadline_us = UINT64_MAX;
    client->wants_refresh = false;
    client->report_allocated = false;
}

void ice_turn_client_drop_stream(struct ice_turn_client *client) {
    if (!ice_turn_is_stream(client))
        return;
    bool is_known = client->is_stream_open || (client->state == ICE_TURN_CONNECTING && !client->report_open);
    client->report_open = false;
    client->is_stream_open = false;
    if (is_known) {
        client->report_close = true;
        client->closing_path = client->path;
    }
}

void ice_turn_client_fail(struct ice_turn_client *client, enum ice_turn_failure failure, uint16_t code, int error) {
    forget_everything(client);
    ice_turn_client_drop_stream(client);
    client->state = ICE_TURN_FAILED;
    client->failure = failure;
    client->code = code;
    client->error = error;
    client->report_failed = true;
}

void ice_turn_client_closed(struct ice_turn_client *client) {
    if (client->state != ICE_TURN_CLOSING)
        return; /* the allocation of a client that has failed was given back */
    forget_everything(client);
    ice_turn_client_drop_stream(client);
    client->state = ICE_TURN_CLOSED;
    client->report_closed = true;
}

void ice_turn_client_close(struct ice_turn_client *client, uint64_t now_us) {
    if (client->state == ICE_TURN_CLOSING || client->state == ICE_TURN_CLOSED)
        return;
    /* An Allocate request with credentials may have been granted already, its answer being on the way. */
    bool may_be_allocated = client->state == ICE_TURN_ALLOCATED ||
                            (client->state == ICE_TURN_ALLOCATING && client->requests[0].timer.sent > 0 && client->requests[0].is_authenticated);
    forget_everything(client);
    if (!may_be_allocated) {
        ice_turn_client_drop_stream(client);
        client->state = ICE_TURN_CLOSING;
        ice_turn_client_closed(client);
        return;
    }
    /* RFC 8656 section 8, SHOULD: what is no longer used is deleted. */
    client->state = ICE_TURN_CLOSING;
    client->deadline_us = ice_turn_later(now_us, ICE_TURN_CLOSE_PATIENCE_US);
    ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_DELETE, 0);
}

/* ---- the contract's verbs --------------------------------------------------------------------------------------------------------- */

void ice_turn_client_pump(struct ice_turn_client *client, uint64_t now_us) {
    if (client->state != ICE_TURN_ALLOCATED)
        return;
    ice_turn_allocation_pump(client, now_us);
    ice_turn_permission_pump(client, now_us);
    ice_turn_channel_pump(client, now_us);
}

int ice_turn_client_handle_datagram(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    ice_turn_data_forget_inbox(client);
    if (ice_turn_is_stream(client) || path->transport != ICE_TRANSPORT_UDP)
        return ICE_ERROR_ARGUMENT;
    /* Whoever guesses a transaction id must also forge the server's address. */
    if (!is_our_path(client, path)) {
        client->unauthentic_dropped++;
        return ICE_ERROR_UNAUTHENTIC;
    }
    bool is_data = false;
    int error = ice_turn_data_handle_message(client, now_us, bytes, length, &is_data);
    if (is_data)
        client->inbox = (struct ice_turn_inbox){.bytes = bytes, .length = length, .own_is_delivered = true};
    else
        ice_turn_client_pump(client, now_us); /* data changes nothing that is wanted */
    return error;
}

int ice_turn_client_handle_stream_opened(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path) {
    if (!ice_turn_is_stream(client) || !is_our_path(client, path))
        return ICE_ERROR_ARGUMENT;
    if (client->state != ICE_TURN_CONNECTING || client->report_open)
        return ICE_ERROR_STATE;
    client->path.local = path->local;
    client->is_stream_open = true;
    client->state = ICE_TURN_ALLOCATING;
    client->deadline_us = UINT64_MAX;
    ice_turn_request_start(client, now_us, ICE_TURN_REQUEST_ALLOCATE, 0);
    return ICE_OK;
}

int ice_turn_client_handle_stream_bytes(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    ice_turn_data_forget_inbox(client);
    if (!ice_turn_is_stream(client) || !is_our_path(client, path))
        return ICE_ERROR_ARGUMENT;
    if (!client->is_stream_open)
        return ICE_ERROR_STATE;
    if (length == 0)
        return ICE_OK;
    if (!ice_turn_stream_handle_bytes(client, now_us, bytes, length)) {
        client->malformed_dropped++;
        bool was_allocated = client->state == ICE_TURN_ALLOCATED;
        if (client->state == ICE_TURN_CLOSING)
            ice_turn_client_closed(client);
        else
            ice_turn_client_fail(client, was_allocated ? ICE_TURN_FAILURE_LOST : ICE_TURN_FAILURE_BROKEN_ANSWER, 0, 0);
        return ICE_ERROR_MALFORMED;
    }
    return ICE_OK;
}

int ice_turn_client_handle_stream_closed(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, int error) {
    (void)now_us;
    ice_turn_data_forget_inbox(client);
    if (!ice_turn_is_stream(client) || !is_our_path(client, path))
        return ICE_ERROR_ARGUMENT;
    if (!client->is_stream_open && client->state != ICE_TURN_CONNECTING)
        return ICE_ERROR_STATE;
    bool was_allocated = client->state == ICE_TURN_ALLOCATED, was_closing = client->state == ICE_TURN_CLOSING;
    client->is_stream_open = false;
    if (was_closing) {
        ice_turn_client_closed(client);
    } else {
        ice_turn_client_fail(client, was_allocated ? ICE_TURN_FAILURE_LOST : ICE_TURN_FAILURE_UNREACHABLE, 0, error);
        client->report_close = false; /* the caller knows */
    }
    return ICE_OK;
}

void ice_turn_client_handle_send_error(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, int error) {
    if (ice_turn_is_stream(client) || !is_our_path(client, path))
        return;
    if (client->state == ICE_TURN_ALLOCATING) {
        client->unreachable_error = error;
        stun_transaction_doubt(&client->requests[0].timer, now_us); /* ICMP can be forged: an answer that comes soon still counts */
    } else if (client->state == ICE_TURN_CLOSING)
        ice_turn_client_closed(client);
    else if (client->state == ICE_TURN_ALLOCATED)
        ice_turn_client_refresh(client, now_us); /* ICMP can be forged, and a route may come back: the server itself shall say */
}

void ice_turn_client_refresh(struct ice_turn_client *client, uint64_t now_us) {
    if (client->state != ICE_TURN_ALLOCATED)
        return;
    ice_turn_request_hurry(client, now_us, ICE_TURN_REQUEST_REFRESH);
    client->wants_refresh = true;
    ice_turn_client_pump(client, now_us);
}

void ice_turn_client_handle_timeout(struct ice_turn_client *client, uint64_t now_us) {
    ice_turn_request_handle_timeout(client, now_us);
    if (now_us >= client->deadline_us) {
        if (client->state == ICE_TURN_CONNECTING)
            ice_turn_client_fail(client, ICE_TURN_FAILURE_NO_ANSWER, 0, 0);
        else
            ice_turn_client_closed(client);
    }
    ice_turn_client_pump(client, now_us);
}

bool ice_turn_client_poll_transmit(struct ice_turn_client *client, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (capacity < ICE_DATAGRAM_MAX_BYTES || (ice_turn_is_stream(client) && !client->is_stream_open))
        return false;
    size_t length;
    if (!ice_turn_request_poll(client, now_us, buffer, ICE_DATAGRAM_MAX_BYTES, &length))
        return false;
    *out = (struct ice_transmit){.path = client->path, .length = length};
    return true;
}

uint64_t ice_turn_client_next_timeout(const struct ice_turn_client *client) {
    uint64_t next = earlier(client->deadline_us, ice_turn_request_next_timeout(client));
    if (client->state != ICE_TURN_ALLOCATED)
        return next;
    if (client->requests[0].kind == ICE_TURN_REQUEST_FREE)
        next = earlier(next, client->refresh_us);
    return earlier(next, earlier(ice_turn_permission_next_timeout(client), ice_turn_channel_next_timeout(client)));
}

static bool take(bool *flag) {
    bool was = *flag;
    *flag = false;
    return was;
}

/* A permission that has failed makes room for another one when it is reported. */
static bool take_refused(struct ice_turn_client *client, struct ice_turn_event *out) {
    for (size_t i = 0; i < ICE_TURN_PEER_MAX; i++) {
        struct ice_turn_permission *permission = &client->permissions[i];
        if (permission->state != ICE_TURN_PERMISSION_REFUSED)
            continue;
        *out = (struct ice_turn_event){.type = ICE_TURN_EVENT_PERMISSION_FAILED, .as.permission = {.peer = permission->peer, .code = permission->code}};
        *permission = (struct ice_turn_permission){.state = ICE_TURN_PERMISSION_FREE};
        return true;
    }
    return false;
}

bool ice_turn_client_poll_event(struct ice_turn_client *client, struct ice_turn_event *out) {
    if (take(&client->report_close)) {
        *out = (struct ice_turn_event){.type = ICE_TURN_EVENT_CLOSE_STREAM, .as.stream.path = client->closing_path};
    } else if (take(&client->report_open)) {
        *out = (struct ice_turn_event){.type = ICE_TURN_EVENT_OPEN_STREAM, .as.stream.path = client->path};
        out->as.stream.server_name = client->has_server_name ? client->server_name : NULL;
    } else if (take(&client->report_allocated)) {
        *out = (struct ice_turn_event){.type = ICE_TURN_EVENT_ALLOCATED};
    } else if (take_refused(client, out)) {
        return true;
    } else if (take(&client->report_failed)) {
        *out = (struct ice_turn_event){.type = ICE_TURN_EVENT_FAILED};
    } else if (take(&client->report_closed)) {
        *out = (struct ice_turn_event){.type = ICE_TURN_EVENT_CLOSED};
    } else {
        return false;
    }
    return true;
}

void ice_turn_client_status(const struct ice_turn_client *client, struct ice_turn_status *out) {
    *out = (struct ice_turn_status){.state = client->state,
                                    .failure = client->failure,
                                    .error = client->error,
                                    .code = client->code,
                                    .realm = client->realm,
                                    .reason = client->reason,
                                    .software = client->software,
                                    .path = client->path,
                                    .relayed = {client->relayed[0], client->relayed[1]},
                                    .mapped = client->mapped,
                                    .lifetime_seconds = client->lifetime_seconds,
                                    .uses_sha256 = client->has_algorithms,
                                    .allocate_round_trip_us = client->allocate_round_trip_us,
                                    .requests_sent = client->requests_sent,
                                    .retransmissions_sent = client->retransmissions_sent,
                                    .datagrams_relayed_out = client->datagrams_relayed_out,
                                    .datagrams_relayed_in = client->datagrams_relayed_in,
                                    .malformed_dropped = client->malformed_dropped,
                                    .unauthentic_dropped = client->unauthentic_dropped,
                                    .unpermitted_dropped = client->unpermitted_dropped,
                                    .icmp_ignored = client->icmp_ignored,
                                    .oversized_dropped = client->oversized_dropped};
}

const char *ice_turn_failure_name(enum ice_turn_failure failure) {
    static const char *const names[] = {"none", "no answer", "unreachable", "refused", "wrong credentials", "bid-down", "broken answer", "lost", "integrity"};
    return (size_t)failure < sizeof names / sizeof names[0] ? names[failure] : "unknown";
}
