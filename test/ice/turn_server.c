#include "turn_server.h"

#include <assert.h>
#include <string.h>

#include "stun/password_algorithm.h"

#define SECOND UINT64_C(1000000)

struct stun_address turn_server_address(const char *ip, uint16_t port) {
    struct stun_address address = {0};
    bool is_ip = stun_address_parse_ip(ip, strlen(ip), &address);
    assert(is_ip);
    (void)is_ip;
    address.port = port;
    return address;
}

void turn_server_init(struct turn_server *server) {
    *server = (struct turn_server){.username = "user", .password = "pass", .realm = "example.org", .nonce = "nonce-1", .has_ipv4 = true, .has_ipv6 = true,
                                   .lifetime_seconds = 600, .reason = "reason"};
    server->relayed[0] = turn_server_address("203.0.113.5", 50000);
    server->relayed[1] = turn_server_address("2001:db8::5", 50002);
    server->mapped = turn_server_address("198.51.100.7", 40000);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------ */

static struct stun_key *make_key(const struct turn_server *server, enum stun_password_algorithm algorithm) {
    return stun_key_new_long_term(algorithm, (const uint8_t *)server->username, strlen(server->username), (const uint8_t *)server->realm,
                                  strlen(server->realm), (const uint8_t *)server->password, strlen(server->password));
}

static void add_text(struct stun_writer *writer, uint16_t type, const char *text) {
    stun_writer_add_bytes(writer, type, (const uint8_t *)text, strlen(text));
}

static size_t challenge(struct turn_server *server, const struct stun_message *request, uint16_t code, uint8_t *answer, size_t capacity) {
    static const enum stun_password_algorithm algorithms[] = {STUN_PASSWORD_SHA256, STUN_PASSWORD_MD5};
    struct stun_writer writer;
    stun_writer_begin(&writer, answer, capacity, STUN_CLASS_ERROR_RESPONSE, request->method, request->transaction_id);
    stun_writer_add_error_code(&writer, code, server->reason);
    add_text(&writer, STUN_ATTRIBUTE_REALM, server->realm);
    add_text(&writer, STUN_ATTRIBUTE_NONCE, server->altered_nonce != NULL ? server->altered_nonce : server->nonce);
    if (server->offers_sha256 && !server->strips_algorithms)
        stun_writer_add_password_algorithms(&writer, algorithms, 2);
    add_text(&writer, STUN_ATTRIBUTE_SOFTWARE, "double");
    server->unauthenticated += code == STUN_CODE_UNAUTHENTICATED;
    int length = stun_writer_finish(&writer);
    assert(length > 0);
    return (size_t)length;
}

static size_t finish(struct turn_server *server, struct stun_writer *writer, bool sha256, enum stun_password_algorithm algorithm) {
    if (server->adds_unknown)
        stun_writer_add_u32(writer, 0x7ABC, 0);
    if (server->realm != NULL && !server->signs_not) {
        struct stun_key *key = make_key(server, algorithm);
        if (sha256)
            stun_writer_add_integrity_sha256(writer, key);
        else
            stun_writer_add_integrity(writer, key);
        stun_key_free(key);
        if (server->signs_wrongly)
            writer->bytes[writer->length - 1] ^= 1;
    }
    int length = stun_writer_finish(writer);
    assert(length > 0);
    return (size_t)length;
}

/* ---- the books ------------------------------------------------------------------------------------------------------------------ */

static struct turn_server_peer *find_peer(struct turn_server_peer *table, const struct stun_address *address, bool with_port) {
    struct turn_server_peer *empty = NULL;
    for (size_t i = 0; i < TURN_SERVER_PEER_MAX; i++) {
        if (table[i].address.family == STUN_ADDRESS_NONE)
            empty = empty != NULL ? empty : &table[i];
        else if (with_port ? stun_address_equal(&table[i].address, address) : stun_address_equal_ip(&table[i].address, address))
            return &table[i];
    }
    return empty;
}

bool turn_server_permits(const struct turn_server *server, uint64_t now_us, const struct stun_address *peer) {
    for (size_t i = 0; i < TURN_SERVER_PEER_MAX; i++)
        if (stun_address_equal_ip(&server->permissions[i].address, peer) && now_us < server->permissions[i].expires_us)
            return server->is_allocated && now_us < server->expires_us;
    return false;
}

uint16_t turn_server_channel(const struct turn_server *server, uint64_t now_us, const struct stun_address *peer) {
    for (size_t i = 0; i < TURN_SERVER_PEER_MAX; i++)
        if (server->channels[i].channel != 0 && stun_address_equal(&server->channels[i].address, peer) && now_us < server->channels[i].expires_us)
            return server->channels[i].channel;
    return 0;
}

/* The code with which RFC 8656 answers this request, or 0. */
static uint16_t process(struct turn_server *server, const struct stun_message *request, struct stun_writer *writer) {
    uint32_t word = 0;
    struct stun_attribute attribute = {0};
    size_t peers = 0;
    if (server->refuse[request->method & 15] != 0)
        return server->refuse[request->method & 15];
    while (stun_message_next(request, &attribute)) {
        struct stun_address peer;
        if (attribute.type != STUN_ATTRIBUTE_XOR_PEER_ADDRESS || stun_attribute_read_xor_address(request, &attribute, &peer) != STUN_OK)
            continue;
        peers++;
        if (server->refuse_peer != 0 && stun_address_equal_ip(&peer, &server->forbidden_peer))
            return server->refuse_peer;
    }
    server->most_peers = peers > server->most_peers ? peers : server->most_peers;
    switch (request->method) {
    case STUN_METHOD_ALLOCATE:
        server->allocates++;
        if (server->is_allocated)
            return STUN_CODE_ALLOCATION_MISMATCH;
        if (stun_message_read_u32(request, STUN_ATTRIBUTE_REQUESTED_TRANSPORT, &word) != STUN_OK || word != 17u << 24)
            return STUN_CODE_UNSUPPORTED_TRANSPORT;
        bool v6 = stun_message_read_u32(request, STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY, &word) == STUN_OK && word == 2u << 24;
        bool both = stun_message_read_u32(request, STUN_ATTRIBUTE_ADDITIONAL_ADDRESS_FAMILY, &word) == STUN_OK && word == 2u << 24;
        server->saw_additional_family = both;
        if (v6 ? !server->has_ipv6 : !server->has_ipv4)
            return STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED;
        server->is_allocated = true;
        server->expires_us = server->now_us + server->lifetime_seconds * SECOND;
        if (!server->omits_relayed && !v6)
            stun_writer_add_xor_address(writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &server->relayed[0]);
        if (!server->omits_relayed && (v6 || (both && server->has_ipv6)))
            stun_writer_add_xor_address(writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &server->relayed[1]);
        if (!server->omits_mapped)
            stun_writer_add_xor_address(writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &server->mapped);
        if (!server->omits_lifetime)
            stun_writer_add_u32(writer, STUN_ATTRIBUTE_LIFETIME, server->lifetime_seconds);
        if (server->writes_no_address) {
            const struct stun_address none = {.family = STUN_ADDRESS_IPV4};
            stun_writer_add_xor_address(writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &none);
        }
        if (server->address_error != 0) {
            uint8_t value[4] = {2, 0, (uint8_t)(server->address_error / 100), (uint8_t)(server->address_error % 100)};
            stun_writer_add_bytes(writer, STUN_ATTRIBUTE_ADDRESS_ERROR_CODE, value, sizeof value);
        }
        return 0;
    case STUN_METHOD_REFRESH:
        if (!server->is_allocated || server->now_us >= server->expires_us)
            return STUN_CODE_ALLOCATION_MISMATCH;
        if (stun_message_read_u32(request, STUN_ATTRIBUTE_LIFETIME, &word) == STUN_OK && word == 0) {
            server->deletes++;
            server->is_allocated = false;
            stun_writer_add_u32(writer, STUN_ATTRIBUTE_LIFETIME, 0);
            return 0;
        }
        server->refreshes++;
        server->expires_us = server->now_us + server->lifetime_seconds * SECOND;
        if (!server->omits_lifetime)
            stun_writer_add_u32(writer, STUN_ATTRIBUTE_LIFETIME, server->lifetime_seconds);
        return 0;
    case STUN_METHOD_CREATE_PERMISSION:
    case STUN_METHOD_CHANNEL_BIND:
        break;
    default:
        return STUN_CODE_BAD_REQUEST;
    }
    if (!server->is_allocated || server->now_us >= server->expires_us)
        return STUN_CODE_ALLOCATION_MISMATCH;
    if (peers == 0)
        return STUN_CODE_BAD_REQUEST;
    attribute = (struct stun_attribute){0};
    while (stun_message_next(request, &attribute)) {
        struct stun_address peer;
        if (attribute.type != STUN_ATTRIBUTE_XOR_PEER_ADDRESS || stun_attribute_read_xor_address(request, &attribute, &peer) != STUN_OK)
            continue;
        *find_peer(server->permissions, &peer, false) = (struct turn_server_peer){.address = peer, .expires_us = server->now_us + 300 * SECOND};
        if (request->method != STUN_METHOD_CHANNEL_BIND)
            continue;
        if (stun_message_read_u32(request, STUN_ATTRIBUTE_CHANNEL_NUMBER, &word) != STUN_OK || word >> 16 < 0x4000 || word >> 16 > 0x4FFF)
            return STUN_CODE_BAD_REQUEST;
        struct turn_server_peer *entry = find_peer(server->channels, &peer, true);
        if (entry->channel != 0 && entry->channel != word >> 16)
            return STUN_CODE_BAD_REQUEST;
        for (size_t i = 0; i < TURN_SERVER_PEER_MAX; i++)
            if (server->channels[i].channel == word >> 16 && &server->channels[i] != entry)
                return STUN_CODE_BAD_REQUEST;
        *entry = (struct turn_server_peer){.address = peer, .channel = (uint16_t)(word >> 16), .expires_us = server->now_us + 600 * SECOND};
    }
    server->create_permissions += request->method == STUN_METHOD_CREATE_PERMISSION;
    server->channel_binds += request->method == STUN_METHOD_CHANNEL_BIND;
    return 0;
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------ */

static bool has_text(const struct stun_message *message, uint16_t type, const char *text) {
    const uint8_t *value;
    size_t length;
    return stun_message_read_bytes(message, type, &value, &length) == STUN_OK && length == strlen(text) && memcmp(value, text, length) == 0;
}

/* The checks of RFC 8489 section 9.2.4, in its order. Returns the code, or 0. */
static uint16_t authenticate(struct turn_server *server, const struct stun_message *request, bool *sha256, enum stun_password_algorithm *algorithm) {
    uint8_t userhash[STUN_USERHASH_BYTES];
    const uint8_t *value, *list;
    size_t length, list_length;
    *sha256 = request->integrity_sha256_offset != 0;
    *algorithm = STUN_PASSWORD_MD5;
    if (request->integrity_offset == 0 && !*sha256)
        return STUN_CODE_UNAUTHENTICATED;
    bool has_algorithm = stun_message_read_bytes(request, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, &value, &length) == STUN_OK;
    bool has_list = stun_message_read_bytes(request, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, &list, &list_length) == STUN_OK;
    static const uint8_t offered[8] = {0, 2, 0, 0, 0, 1, 0, 0};
    if (server->offers_sha256 && (has_algorithm || has_list)) {
        if (!has_algorithm || !has_list || list_length != sizeof offered || memcmp(list, offered, sizeof offered) != 0 || length != 4)
            return STUN_CODE_BAD_REQUEST;
        *algorithm = (enum stun_password_algorithm)value[1];
    }
    stun_userhash((const uint8_t *)server->username, strlen(server->username), (const uint8_t *)server->realm, strlen(server->realm), userhash);
    server->saw_username = has_text(request, STUN_ATTRIBUTE_USERNAME, server->username);
    server->saw_userhash = stun_message_read_bytes(request, STUN_ATTRIBUTE_USERHASH, &value, &length) == STUN_OK && length == sizeof userhash &&
                           memcmp(value, userhash, length) == 0;
    if (!server->saw_username && !server->saw_userhash)
        return STUN_CODE_UNAUTHENTICATED;
    struct stun_key *key = make_key(server, *algorithm);
    int error = *sha256 ? stun_message_check_integrity_sha256(request, key) : stun_message_check_integrity(request, key);
    stun_key_free(key);
    if (error != STUN_OK)
        return STUN_CODE_UNAUTHENTICATED;
    server->saw_sha1 = !*sha256;
    server->saw_sha256 = *sha256;
    if (server->stale > 0) {
        server->stale--;
        if (server->next_nonce != NULL)
            server->nonce = server->next_nonce;
        return STUN_CODE_STALE_NONCE;
    }
    return has_text(request, STUN_ATTRIBUTE_NONCE, server->nonce) ? 0 : STUN_CODE_STALE_NONCE;
}

size_t turn_server_answer(struct turn_server *server, uint64_t now_us, const uint8_t *bytes, size_t length, uint8_t *answer, size_t capacity) {
    struct stun_message request;
    server->now_us = now_us;
    if (stun_message_parse(bytes, length, &request) != STUN_OK || request.class_ != STUN_CLASS_REQUEST) {
        server->broken++;
        return 0;
    }
    server->requests++;
    bool sha256 = false;
    enum stun_password_algorithm algorithm = STUN_PASSWORD_MD5;
    struct stun_writer writer;
    if (server->alternate.family != STUN_ADDRESS_NONE && request.method == STUN_METHOD_ALLOCATE) {
        stun_writer_begin(&writer, answer, capacity, STUN_CLASS_ERROR_RESPONSE, request.method, request.transaction_id);
        stun_writer_add_error_code(&writer, STUN_CODE_TRY_ALTERNATE, server->reason);
        stun_writer_add_address(&writer, STUN_ATTRIBUTE_ALTERNATE_SERVER, &server->alternate);
        if (server->alternate_domain != NULL)
            add_text(&writer, STUN_ATTRIBUTE_ALTERNATE_DOMAIN, server->alternate_domain);
        return (size_t)stun_writer_finish(&writer);
    }
    uint16_t code = server->realm == NULL ? 0 : authenticate(server, &request, &sha256, &algorithm);
    if (code == STUN_CODE_UNAUTHENTICATED || code == STUN_CODE_STALE_NONCE)
        return challenge(server, &request, code, answer, capacity);
    if (code == STUN_CODE_BAD_REQUEST) { /* nothing to sign it with */
        stun_writer_begin(&writer, answer, capacity, STUN_CLASS_ERROR_RESPONSE, request.method, request.transaction_id);
        stun_writer_add_error_code(&writer, code, "");
        return (size_t)stun_writer_finish(&writer);
    }
    stun_writer_begin(&writer, answer, capacity, STUN_CLASS_SUCCESS_RESPONSE, request.method, request.transaction_id);
    code = process(server, &request, &writer);
    if (code != 0) {
        stun_writer_begin(&writer, answer, capacity, STUN_CLASS_ERROR_RESPONSE, request.method, request.transaction_id);
        stun_writer_add_error_code(&writer, code, server->reason);
    }
    return finish(server, &writer, sha256, algorithm);
}

/* Built by hand: RFC 8656 sections 11.3 and 12.4. */
size_t turn_server_data(const struct turn_server *server, const struct stun_address *peer, const uint8_t *data, size_t length, bool padded,
                        uint8_t *out, size_t capacity) {
    uint16_t channel = turn_server_channel(server, server->now_us, peer);
    size_t padding = (4 - length % 4) % 4;
    if (channel != 0) {
        size_t whole = 4 + length + (padded ? padding : 0);
        assert(whole <= capacity);
        memset(out, 0, whole);
        out[0] = (uint8_t)(channel >> 8);
        out[1] = (uint8_t)channel;
        out[2] = (uint8_t)(length >> 8);
        out[3] = (uint8_t)length;
        memcpy(out + 4, data, length);
        return whole;
    }
    size_t ip = stun_address_ip_bytes(peer), whole = 20 + 8 + ip + 4 + length + padding;
    static const uint8_t header[20] = {0x00, 0x17, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    assert(whole <= capacity);
    memset(out, 0, whole);
    memcpy(out, header, sizeof header);
    out[2] = (uint8_t)((whole - 20) >> 8);
    out[3] = (uint8_t)(whole - 20);
    uint8_t *at = out + 20;
    at[1] = 0x12;
    at[3] = (uint8_t)(4 + ip);
    at[5] = peer->family;
    at[6] = (uint8_t)(peer->port >> 8) ^ 0x21;
    at[7] = (uint8_t)peer->port ^ 0x12;
    for (size_t i = 0; i < ip; i++)
        at[8 + i] = peer->ip[i] ^ header[4 + i];
    at += 8 + ip;
    at[1] = 0x13;
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
    memcpy(at + 4, data, length);
    return whole;
}
