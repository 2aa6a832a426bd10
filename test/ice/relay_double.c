#include "relay_double.h"

#include <stdlib.h>
#include <string.h>

#include "stun/message.h"

#define LIFETIME_S 600u

static void must(bool condition) {
    if (!condition)
        abort();
}

void relay_double_open(struct relay_double *server, const struct stun_address *address) {
    static const char username[] = RELAY_DOUBLE_USERNAME, realm[] = RELAY_DOUBLE_REALM, password[] = RELAY_DOUBLE_PASSWORD;
    *server = (struct relay_double){.address = *address, .next_port = 50000, .epoch = 1};
    server->relay_ip[0] = (struct stun_address){.family = STUN_ADDRESS_IPV4, .ip = {198, 18, 0, address->ip[3]}};
    server->key = stun_key_new_long_term(STUN_PASSWORD_MD5, (const uint8_t *)username, strlen(username), (const uint8_t *)realm, strlen(realm),
                                         (const uint8_t *)password, strlen(password));
    must(server->key != NULL);
}

void relay_double_close(struct relay_double *server) {
    stun_key_free(server->key);
    server->key = NULL;
}

void relay_double_restart(struct relay_double *server) {
    memset(server->allocations, 0, sizeof server->allocations);
    server->epoch++;
    server->is_down = false;
}

size_t relay_double_allocation_count(const struct relay_double *server) {
    size_t count = 0;
    for (size_t i = 0; i < RELAY_DOUBLE_ALLOCATION_MAX; i++)
        count += server->allocations[i].in_use;
    return count;
}

/* ---- tables ------------------------------------------------------------------------------------------------------------------------ */

static struct relay_double_allocation *of_flow(struct relay_double *server, const struct relay_double_flow *flow) {
    for (size_t i = 0; i < RELAY_DOUBLE_ALLOCATION_MAX; i++) {
        struct relay_double_allocation *allocation = &server->allocations[i];
        if (allocation->in_use && allocation->flow.stream_id == flow->stream_id && stun_address_equal(&allocation->flow.client, &flow->client))
            return allocation;
    }
    return NULL;
}

static bool is_permitted(const struct relay_double_allocation *allocation, const struct stun_address *peer) {
    for (size_t i = 0; i < allocation->permitted_count; i++)
        if (stun_address_equal_ip(&allocation->permitted[i], peer))
            return true;
    return false;
}

static void permit(struct relay_double_allocation *allocation, const struct stun_address *peer) {
    if (!is_permitted(allocation, peer) && allocation->permitted_count < RELAY_DOUBLE_PEER_MAX)
        allocation->permitted[allocation->permitted_count++] = *peer;
}

static uint16_t channel_of(const struct relay_double_allocation *allocation, const struct stun_address *peer) {
    for (size_t i = 0; i < allocation->channel_count; i++)
        if (stun_address_equal(&allocation->channels[i].peer, peer))
            return allocation->channels[i].number;
    return 0;
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------------ */

static void nonce_of(const struct relay_double *server, char nonce[16]) {
    memcpy(nonce, "nonce-of-epoch-", 15);
    nonce[15] = (char)('a' + server->epoch % 26);
}

static bool finish(struct relay_double *server, struct stun_writer *writer, bool is_signed, struct relay_double_output *out) {
    if (is_signed)
        stun_writer_add_integrity(writer, server->key);
    int length = stun_writer_finish(writer);
    must(length > 0);
    out->length = (size_t)length;
    return true;
}

static bool refuse(struct relay_double *server, const struct stun_message *request, uint16_t code, struct relay_double_output *out) {
    char nonce[16];
    struct stun_writer writer;
    stun_writer_begin(&writer, out->bytes, sizeof out->bytes, STUN_CLASS_ERROR_RESPONSE, request->method, request->transaction_id);
    stun_writer_add_error_code(&writer, code, code == STUN_CODE_FORBIDDEN ? "Forbidden IP" : "");
    bool is_challenge = code == STUN_CODE_UNAUTHENTICATED || code == STUN_CODE_STALE_NONCE;
    if (is_challenge) {
        nonce_of(server, nonce);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_REALM, (const uint8_t *)RELAY_DOUBLE_REALM, strlen(RELAY_DOUBLE_REALM));
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_NONCE, (const uint8_t *)nonce, sizeof nonce);
    }
    if (code == STUN_CODE_TRY_ALTERNATE)
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_ALTERNATE_SERVER, &server->alternate);
    return finish(server, &writer, !is_challenge, out);
}

static void begin_success(struct stun_writer *writer, const struct stun_message *request, struct relay_double_output *out) {
    stun_writer_begin(writer, out->bytes, sizeof out->bytes, STUN_CLASS_SUCCESS_RESPONSE, request->method, request->transaction_id);
}

/* 0: it is who it says it is. */
static uint16_t authenticate(struct relay_double *server, const struct stun_message *request) {
    char expected[16];
    const uint8_t *nonce;
    size_t length;
    if (request->integrity_offset == 0)
        return STUN_CODE_UNAUTHENTICATED;
    if (stun_message_read_bytes(request, STUN_ATTRIBUTE_NONCE, &nonce, &length) != STUN_OK)
        return STUN_CODE_BAD_REQUEST;
    nonce_of(server, expected);
    if (length != sizeof expected || memcmp(nonce, expected, length) != 0)
        return STUN_CODE_STALE_NONCE;
    return stun_message_check_integrity(request, server->key) == STUN_OK ? 0 : STUN_CODE_UNAUTHENTICATED;
}

/* ---- requests -------------------------------------------------------------------------------------------------------------------------- */

static bool wants_family(const struct stun_message *request, uint8_t family) {
    uint32_t value, wanted = STUN_ADDRESS_IPV4;
    if (stun_message_read_u32(request, STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY, &value) == STUN_OK)
        wanted = value >> 24;
    if (wanted == family)
        return true;
    return stun_message_read_u32(request, STUN_ATTRIBUTE_ADDITIONAL_ADDRESS_FAMILY, &value) == STUN_OK && value >> 24 == family;
}

static bool allocate(struct relay_double *server, const struct relay_double_flow *flow, const struct stun_message *request, struct relay_double_output *out) {
    if (of_flow(server, flow) != NULL)
        return refuse(server, request, STUN_CODE_ALLOCATION_MISMATCH, out);
    if (server->refuse != 0)
        return refuse(server, request, server->refuse, out);
    struct relay_double_allocation *allocation = NULL;
    for (size_t i = 0; i < RELAY_DOUBLE_ALLOCATION_MAX && allocation == NULL; i++)
        if (!server->allocations[i].in_use)
            allocation = &server->allocations[i];
    if (allocation == NULL)
        return refuse(server, request, STUN_CODE_ALLOCATION_QUOTA_REACHED, out);
    *allocation = (struct relay_double_allocation){.flow = *flow};
    for (uint8_t i = 0; i < 2; i++) {
        if (server->relay_ip[i].family == STUN_ADDRESS_NONE || !wants_family(request, server->relay_ip[i].family))
            continue;
        allocation->relayed[i] = server->relay_ip[i];
        allocation->relayed[i].port = server->next_port++;
        allocation->in_use = true;
    }
    if (!allocation->in_use)
        return refuse(server, request, STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED, out);
    server->allocated++;
    struct stun_writer writer;
    begin_success(&writer, request, out);
    static const struct stun_address nowhere = {.family = STUN_ADDRESS_IPV4};
    for (uint8_t i = 0; i < 2; i++)
        if (allocation->relayed[i].family != STUN_ADDRESS_NONE)
            stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &allocation->relayed[i]);
        else if (wants_family(request, i + 1)) /* as coturn 4.6 does for a family that it has not */
            stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &nowhere);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_LIFETIME, LIFETIME_S);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &flow->client);
    return finish(server, &writer, true, out);
}

static bool refresh(struct relay_double *server, struct relay_double_allocation *allocation, const struct stun_message *request, struct relay_double_output *out) {
    uint32_t lifetime = LIFETIME_S;
    (void)stun_message_read_u32(request, STUN_ATTRIBUTE_LIFETIME, &lifetime);
    if (lifetime == 0) {
        allocation->in_use = false;
        server->deleted++;
    } else {
        server->refreshed++;
    }
    struct stun_writer writer;
    begin_success(&writer, request, out);
    stun_writer_add_u32(&writer, STUN_ATTRIBUTE_LIFETIME, lifetime == 0 ? 0 : LIFETIME_S);
    return finish(server, &writer, true, out);
}

static bool create_permission(struct relay_double *server, struct relay_double_allocation *allocation, const struct stun_message *request,
                              struct relay_double_output *out) {
    for (int pass = 0; pass < 2; pass++) {
        struct stun_attribute attribute = {0};
        while (stun_message_next(request, &attribute)) {
            if (attribute.type != STUN_ATTRIBUTE_XOR_PEER_ADDRESS)
                continue;
            struct stun_address peer;
            if (stun_attribute_read_xor_address(request, &attribute, &peer) != STUN_OK)
                return refuse(server, request, STUN_CODE_BAD_REQUEST, out);
            if (stun_address_equal_ip(&peer, &server->forbidden))
                return refuse(server, request, STUN_CODE_FORBIDDEN, out);
            if (pass == 1)
                permit(allocation, &peer);
        }
    }
    struct stun_writer writer;
    begin_success(&writer, request, out);
    return finish(server, &writer, true, out);
}

static bool bind_channel(struct relay_double *server, struct relay_double_allocation *allocation, const struct stun_message *request, struct relay_double_output *out) {
    uint32_t number;
    struct stun_address peer;
    if (stun_message_read_u32(request, STUN_ATTRIBUTE_CHANNEL_NUMBER, &number) != STUN_OK ||
        stun_message_read_xor_address(request, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &peer) != STUN_OK || allocation->channel_count == RELAY_DOUBLE_PEER_MAX)
        return refuse(server, request, STUN_CODE_BAD_REQUEST, out);
    permit(allocation, &peer);
    if (channel_of(allocation, &peer) == 0) {
        allocation->channels[allocation->channel_count].number = (uint16_t)(number >> 16);
        allocation->channels[allocation->channel_count++].peer = peer;
    }
    struct stun_writer writer;
    begin_success(&writer, request, out);
    return finish(server, &writer, true, out);
}

static bool handle_request(struct relay_double *server, const struct relay_double_flow *flow, const struct stun_message *request, struct relay_double_output *out) {
    server->requests++;
    if (request->method == STUN_METHOD_BINDING) {
        struct stun_writer writer;
        begin_success(&writer, request, out);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &flow->client);
        return finish(server, &writer, false, out);
    }
    uint16_t code = authenticate(server, request);
    if (code != 0)
        return refuse(server, request, code, out);
    struct relay_double_allocation *allocation = of_flow(server, flow);
    if (request->method == STUN_METHOD_ALLOCATE)
        return allocate(server, flow, request, out);
    if (allocation == NULL)
        return refuse(server, request, STUN_CODE_ALLOCATION_MISMATCH, out);
    switch (request->method) {
    case STUN_METHOD_REFRESH: return refresh(server, allocation, request, out);
    case STUN_METHOD_CREATE_PERMISSION: return create_permission(server, allocation, request, out);
    case STUN_METHOD_CHANNEL_BIND: return bind_channel(server, allocation, request, out);
    default: return refuse(server, request, STUN_CODE_BAD_REQUEST, out);
    }
}

/* ---- data ---------------------------------------------------------------------------------------------------------------------------------- */

static bool relay(struct relay_double *server, const struct relay_double_allocation *allocation, const struct stun_address *peer, const uint8_t *data,
                  size_t length, struct relay_double_output *out) {
    const struct stun_address *relayed = &allocation->relayed[peer->family == STUN_ADDRESS_IPV6 ? 1 : 0];
    if (!is_permitted(allocation, peer) || relayed->family == STUN_ADDRESS_NONE || length > sizeof out->bytes) {
        server->unpermitted++;
        return false;
    }
    server->relayed_out++;
    out->to_peer = true;
    out->relayed = *relayed;
    out->peer = *peer;
    out->length = length;
    memcpy(out->bytes, data, length);
    return true;
}

static bool handle_channel_data(struct relay_double *server, const struct relay_double_flow *flow, const uint8_t *bytes, size_t length, struct relay_double_output *out) {
    const struct relay_double_allocation *allocation = of_flow(server, flow);
    if (allocation == NULL || length < 4)
        return false;
    uint16_t number = (uint16_t)(bytes[0] << 8 | bytes[1]);
    size_t data_length = (size_t)(bytes[2] << 8 | bytes[3]);
    if (data_length > length - 4)
        return false;
    server->channel_data_in++;
    for (size_t i = 0; i < allocation->channel_count; i++)
        if (allocation->channels[i].number == number)
            return relay(server, allocation, &allocation->channels[i].peer, bytes + 4, data_length, out);
    return false;
}

bool relay_double_handle(struct relay_double *server, const struct relay_double_flow *flow, const uint8_t *bytes, size_t length, struct relay_double_output *out) {
    struct stun_message message;
    if (server->is_down || length == 0)
        return false;
    out->to_peer = false;
    out->flow = *flow;
    if ((bytes[0] & 0xC0) == 0x40)
        return handle_channel_data(server, flow, bytes, length, out);
    if (stun_message_parse(bytes, length, &message) != STUN_OK)
        return false;
    if (message.class_ == STUN_CLASS_REQUEST)
        return handle_request(server, flow, &message, out);
    const struct relay_double_allocation *allocation = of_flow(server, flow);
    struct stun_address peer;
    const uint8_t *data;
    size_t data_length;
    if (allocation == NULL || message.class_ != STUN_CLASS_INDICATION || message.method != STUN_METHOD_SEND ||
        stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, &peer) != STUN_OK ||
        stun_message_read_bytes(&message, STUN_ATTRIBUTE_DATA, &data, &data_length) != STUN_OK)
        return false;
    return relay(server, allocation, &peer, data, data_length, out);
}

bool relay_double_handle_peer(struct relay_double *server, const struct stun_address *relayed, const struct stun_address *peer, const uint8_t *bytes,
                              size_t length, struct relay_double_output *out) {
    for (size_t i = 0; i < RELAY_DOUBLE_ALLOCATION_MAX && !server->is_down; i++) {
        const struct relay_double_allocation *allocation = &server->allocations[i];
        if (!allocation->in_use || (!stun_address_equal(&allocation->relayed[0], relayed) && !stun_address_equal(&allocation->relayed[1], relayed)))
            continue;
        if (!is_permitted(allocation, peer) || length + 60 > sizeof out->bytes) {
            server->unpermitted++;
            return false;
        }
        server->relayed_in++;
        out->to_peer = false;
        out->flow = allocation->flow;
        uint16_t number = channel_of(allocation, peer);
        if (number != 0) {
            size_t padded = allocation->flow.stream_id != 0 ? (length + 3) & ~(size_t)3 : length;
            memset(out->bytes, 0, 4 + padded);
            out->bytes[0] = (uint8_t)(number >> 8);
            out->bytes[1] = (uint8_t)number;
            out->bytes[2] = (uint8_t)(length >> 8);
            out->bytes[3] = (uint8_t)length;
            memcpy(out->bytes + 4, bytes, length);
            out->length = 4 + padded;
            return true;
        }
        static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1};
        struct stun_writer writer;
        stun_writer_begin(&writer, out->bytes, sizeof out->bytes, STUN_CLASS_INDICATION, STUN_METHOD_DATA, id);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_PEER_ADDRESS, peer);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_DATA, bytes, length);
        return finish(server, &writer, false, out);
    }
    return false;
}
