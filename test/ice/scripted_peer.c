#include "scripted_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

void scripted_open(struct scripted_peer *peer, enum ice_role role, const struct ice_agent_config *config) {
    struct ice_agent_config own = config != NULL ? *config : (struct ice_agent_config){0};
    memset(peer, 0, sizeof *peer);
    peer->random = 7;
    peer->now_us = 500 * SECOND;
    own.role = role;
    own.random = seeded_random;
    own.random_context = &peer->random;
    peer->agent = ice_agent_new(&own, peer->now_us);
    assert_non_null(peer->agent);
    peer->base = ip("192.0.2.1", 5000);
    peer->address = ip("198.51.100.1", 6000);
    peer->peer_key = stun_key_new_short_term((const uint8_t *)PEER_PASSWORD, strlen(PEER_PASSWORD));
    const char *password = ice_agent_local_password(peer->agent);
    peer->agent_key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
}

void scripted_close(struct scripted_peer *peer) {
    ice_agent_free(peer->agent);
    stun_key_free(peer->peer_key);
    stun_key_free(peer->agent_key);
}

void scripted_gather(struct scripted_peer *peer) {
    const struct ice_interface interface = {.base = peer->base, .preference = 65535};
    assert_int_equal(ice_agent_handle_interfaces(peer->agent, peer->now_us, &interface, 1), ICE_OK);
    assert_int_equal(ice_agent_gather(peer->agent, peer->now_us), ICE_OK);
}

void scripted_credentials(struct scripted_peer *peer) {
    assert_int_equal(ice_agent_set_remote_credentials(peer->agent, peer->now_us, PEER_UFRAG, strlen(PEER_UFRAG), PEER_PASSWORD, strlen(PEER_PASSWORD)), ICE_OK);
}

int scripted_candidate(struct scripted_peer *peer, const struct stun_address *address, uint32_t priority, const char *foundation) {
    struct ice_candidate candidate = {.component = 1, .protocol = ICE_PROTOCOL_UDP, .priority = priority, .address = *address, .type = ICE_CANDIDATE_HOST};
    memcpy(candidate.foundation, foundation, strlen(foundation) + 1);
    return ice_agent_add_remote_candidate(peer->agent, peer->now_us, &candidate);
}

void scripted_start(struct scripted_peer *peer) {
    scripted_gather(peer);
    scripted_credentials(peer);
    assert_int_equal(scripted_candidate(peer, &peer->address, 2130706175, "1"), ICE_OK);
}

bool scripted_poll(struct scripted_peer *peer, struct sent *out) {
    struct ice_transmit transmit;
    if (!ice_agent_poll_transmit(peer->agent, peer->now_us, out->bytes, sizeof out->bytes, &transmit))
        return false;
    out->path = transmit.path;
    out->length = transmit.length;
    assert_int_equal(transmit.offset, 0);
    assert_int_equal(stun_message_parse(out->bytes, out->length, &out->message), STUN_OK);
    return true;
}

bool scripted_poll_request(struct scripted_peer *peer, struct sent *out) {
    while (scripted_poll(peer, out))
        if (out->message.class_ == STUN_CLASS_REQUEST)
            return true;
    return false;
}

size_t scripted_drop_all(struct scripted_peer *peer) {
    struct sent sent;
    size_t requests = 0;
    while (scripted_poll_request(peer, &sent))
        requests++;
    return requests;
}

static size_t wait(struct scripted_peer *peer, uint64_t until_us, bool answer) {
    struct sent sent;
    size_t requests = 0;
    for (;;) {
        while (scripted_poll_request(peer, &sent)) {
            requests++;
            if (answer)
                scripted_respond(peer, &sent, 0, NULL);
        }
        uint64_t next_us = ice_agent_next_timeout(peer->agent);
        if (next_us > until_us)
            break;
        if (next_us > peer->now_us)
            peer->now_us = next_us;
        ice_agent_handle_timeout(peer->agent, peer->now_us);
    }
    peer->now_us = until_us;
    ice_agent_handle_timeout(peer->agent, peer->now_us);
    return requests;
}

size_t scripted_wait(struct scripted_peer *peer, uint64_t until_us) {
    return wait(peer, until_us, false);
}

size_t scripted_wait_answering(struct scripted_peer *peer, uint64_t until_us) {
    return wait(peer, until_us, true);
}

static int deliver(struct scripted_peer *peer, const uint8_t *bytes, int length, const struct stun_address *from, const struct stun_address *to) {
    assert_true(length > 0);
    struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = *to, .remote = *from};
    return ice_agent_handle_datagram(peer->agent, peer->now_us, &path, bytes, (size_t)length);
}

int scripted_respond(struct scripted_peer *peer, const struct sent *request, uint16_t code, const struct wrong *wrong) {
    static const struct wrong right;
    if (wrong == NULL)
        wrong = &right;
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, code == 0 ? STUN_CLASS_SUCCESS_RESPONSE : STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_BINDING,
                      request->message.transaction_id);
    if (code != 0)
        stun_writer_add_error_code(&writer, code, "");
    else if (!wrong->no_mapped)
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, wrong->mapped != NULL ? wrong->mapped : &request->path.local);
    if (wrong->unknown_attribute)
        stun_writer_add_u32(&writer, 0x7777, 1);
    if (!wrong->no_integrity)
        stun_writer_add_integrity(&writer, wrong->key != NULL ? wrong->key : peer->peer_key);
    if (!wrong->no_fingerprint)
        stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    return deliver(peer, bytes, length, wrong->from != NULL ? wrong->from : &request->path.remote, wrong->to != NULL ? wrong->to : &request->path.local);
}

size_t scripted_build_request(struct scripted_peer *peer, const struct request *request, const struct wrong *wrong, uint8_t *bytes, size_t capacity) {
    static const struct wrong right;
    if (wrong == NULL)
        wrong = &right;
    char username[600];
    size_t ufrag_length = strlen(ice_agent_local_ufrag(peer->agent));
    memcpy(username, ice_agent_local_ufrag(peer->agent), ufrag_length);
    memcpy(username + ufrag_length, ":" PEER_UFRAG, sizeof(":" PEER_UFRAG));
    const char *name = wrong->username != NULL ? wrong->username : username;
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, capacity, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, request->id);
    if (!wrong->no_username)
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)name, strlen(name));
    if (!wrong->no_priority)
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, request->priority != 0 ? request->priority : 1853824767);
    if (!request->no_role)
        stun_writer_add_u64(&writer, request->role == ICE_ROLE_CONTROLLING ? STUN_ATTRIBUTE_ICE_CONTROLLING : STUN_ATTRIBUTE_ICE_CONTROLLED, request->tie_breaker);
    if (request->use_candidate)
        stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
    if (wrong->unknown_attribute)
        stun_writer_add_u32(&writer, 0x7777, 1);
    if (!wrong->no_integrity)
        stun_writer_add_integrity(&writer, wrong->key != NULL ? wrong->key : peer->agent_key);
    if (!wrong->no_fingerprint)
        stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    assert_true(length > 0);
    if (wrong->bad_fingerprint)
        bytes[length - 1] ^= 1;
    return (size_t)length;
}

int scripted_request(struct scripted_peer *peer, const struct request *request, const struct wrong *wrong) {
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
    size_t length = scripted_build_request(peer, request, wrong, bytes, sizeof bytes);
    const struct stun_address *from = wrong != NULL && wrong->from != NULL ? wrong->from : &peer->address;
    const struct stun_address *to = wrong != NULL && wrong->to != NULL ? wrong->to : &peer->base;
    return deliver(peer, bytes, (int)length, from, to);
}

enum ice_state scripted_state(struct scripted_peer *peer) {
    struct ice_statistics statistics;
    ice_agent_statistics(peer->agent, &statistics);
    return statistics.state;
}

void scripted_connect(struct scripted_peer *peer) {
    struct sent sent;
    scripted_start(peer);
    assert_true(scripted_poll_request(peer, &sent));
    assert_int_equal(scripted_respond(peer, &sent, 0, NULL), ICE_OK);
    peer->now_us += 5 * MS;
    assert_true(scripted_poll_request(peer, &sent));
    assert_true(sent_has(&sent, STUN_ATTRIBUTE_USE_CANDIDATE));
    assert_int_equal(scripted_respond(peer, &sent, 0, NULL), ICE_OK);
    assert_int_equal(scripted_state(peer), ICE_STATE_CONNECTED);
}

struct ice_pair_statistics scripted_pair(const struct scripted_peer *peer, size_t index) {
    struct ice_pair_statistics statistics;
    assert_true(ice_agent_pair_statistics(peer->agent, index, &statistics));
    return statistics;
}

bool sent_has(const struct sent *sent, uint16_t type) {
    struct stun_attribute attribute;
    return stun_message_find(&sent->message, type, &attribute);
}
