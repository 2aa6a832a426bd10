/*
 * 300 (Try Alternate): on to another server, RFC 8489 section 10. A server could lead us in a circle, or to an address that is nobody's;
 * both end it.
 */
#include <string.h>

#include "ice/turn_client_internal.h"

/* Is this an address that a server may stand at, and that we can reach the way we reach this one? */
static bool is_usable_alternate(const struct ice_turn_client *client, const struct stun_address *server) {
    static const uint8_t nobody[16];
    size_t ip_bytes = stun_address_ip_bytes(server);
    if (server->port == 0 || memcmp(server->ip, nobody, ip_bytes) == 0)
        return false;
    bool is_multicast = server->family == STUN_ADDRESS_IPV4 ? server->ip[0] >= 224 : server->ip[0] == 0xFF;
    /* Over UDP it is asked from the same socket, which has one family. */
    return !is_multicast && (ice_turn_is_stream(client) || server->family == client->path.remote.family);
}

/* RFC 8489 section 10, MUST: over TLS, ALTERNATE-DOMAIN names whom the certificate must be for; without it, the name stays as it was. */
static bool take_alternate_domain(struct ice_turn_client *client, const struct stun_message *message) {
    const uint8_t *domain;
    size_t length;
    if (client->path.transport != ICE_TRANSPORT_TLS || stun_message_read_bytes(message, STUN_ATTRIBUTE_ALTERNATE_DOMAIN, &domain, &length) != STUN_OK)
        return true;
    if (length < 1 || length > ICE_TURN_SERVER_NAME_MAX_BYTES || memchr(domain, '\0', length) != NULL)
        return false;
    memcpy(client->server_name, domain, length);
    client->server_name[length] = '\0';
    client->has_server_name = true;
    return true;
}

void ice_turn_redirect(struct ice_turn_client *client, uint64_t now_us, const struct stun_message *message) {
    struct stun_address server;
    bool is_usable = stun_message_read_address(message, STUN_ATTRIBUTE_ALTERNATE_SERVER, &server) == STUN_OK && is_usable_alternate(client, &server);
    /* RFC 8489 section 10, MUST: nobody is asked twice within five minutes; no client is gathering that long. */
    for (size_t i = 0; is_usable && i < client->visited_count; i++)
        is_usable = !stun_address_equal(&client->visited[i], &server);
    if (!is_usable || client->visited_count > ICE_TURN_REDIRECTION_MAX || !take_alternate_domain(client, message)) {
        ice_turn_client_fail(client, ICE_TURN_FAILURE_BROKEN_ANSWER, STUN_CODE_TRY_ALTERNATE, 0);
        return;
    }
    client->visited[client->visited_count++] = server;
    ice_turn_client_drop_stream(client);
    ice_turn_stream_reset(client);
    /* RFC 8489 section 10, MUST: the same transport and the same credentials; its realm and nonce are its own. */
    ice_turn_credentials_forget_challenge(client);
    client->path.remote = server;
    ice_turn_client_start(client, now_us);
}
