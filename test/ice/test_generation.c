#include "test_ice.h"

static struct scripted_peer peer;

/* RFC 8839 section 5.4: 48 and 144 bits of ours, in ice-char, never twice */
static void local_credentials(void **state) {
    (void)state;
    char seen[64][ICE_LOCAL_UFRAG_BYTES + 1];
    uint64_t random = 1;
    for (size_t i = 0; i < 64; i++) {
        struct ice_agent_config config = {.random = seeded_random, .random_context = &random};
        struct ice_agent *agent = ice_agent_new(&config, 0);
        const char *ufrag = ice_agent_local_ufrag(agent), *password = ice_agent_local_password(agent);
        assert_int_equal(strlen(ufrag), 8);
        assert_int_equal(strlen(password), 24);
        static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        assert_int_equal(strspn(ufrag, alphabet), 8);
        assert_int_equal(strspn(password, alphabet), 24);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[j], ufrag);
        memcpy(seen[i], ufrag, sizeof seen[i]);
        ice_agent_free(agent);
    }
}

/* RFC 8839 section 5.4 and security.md row 4: lengths at each limit -1, 0, +1, and characters */
static void remote_credentials(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 3, 4, 5, 21, 22, 23, 255, 256, 257, 1000};
    char text[1001];
    memset(text, 'u', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t j = 0; j < sizeof lengths / sizeof lengths[0]; j++) {
            scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
            bool fits = lengths[i] >= 4 && lengths[i] <= 256 && lengths[j] >= 22 && lengths[j] <= 256;
            assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, text, lengths[i], text, lengths[j]), fits ? ICE_OK : ICE_ERROR_ARGUMENT);
            scripted_close(&peer);
        }
    }
    scripted_open(&peer, ICE_ROLE_CONTROLLING, NULL);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "ab:d", 4, text, 22), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "abcd", 4, "0123456789abcdefghijk\n", 22), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, NULL, 4, text, 22), ICE_ERROR_ARGUMENT);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "abcd", 4, text, 22), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "abcd", 4, text, 22), ICE_OK);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "abcx", 4, text, 22), ICE_ERROR_STATE);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, "abcd", 4, text, 23), ICE_ERROR_STATE);
    scripted_close(&peer);
}

/* security.md row 4: the longest ufrag of all makes a USERNAME that fits, and a check that connects */
static void longest_username(void **state) {
    (void)state;
    struct sent sent;
    char ufrag[257];
    memset(ufrag, 'u', 256);
    ufrag[256] = '\0';
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    assert_int_equal(ice_agent_set_remote_credentials(peer.agent, peer.now_us, ufrag, 256, PEER_PASSWORD, strlen(PEER_PASSWORD)), ICE_OK);
    scripted_candidate(&peer, &peer.address, 1, "1");
    assert_true(scripted_poll_request(&peer, &sent));
    const uint8_t *username;
    size_t length;
    assert_int_equal(stun_message_read_bytes(&sent.message, STUN_ATTRIBUTE_USERNAME, &username, &length), STUN_OK);
    assert_int_equal(length, 256 + 1 + 8);
    assert_int_equal(stun_message_check_integrity(&sent.message, peer.peer_key), STUN_OK);
    char name[300];
    snprintf(name, sizeof name, "%s:%s", ice_agent_local_ufrag(peer.agent), ufrag);
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.username = name}), ICE_OK);
    snprintf(name, sizeof name, "%s:%su", ice_agent_local_ufrag(peer.agent), ufrag); /* 257 */
    assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.username = name}), ICE_ERROR_UNAUTHENTIC);
    scripted_close(&peer);
}

/* RFC 8445 section 7.3 and security.md C13: the USERNAME of a request is ours, a colon, theirs */
static void usernames(void **state) {
    (void)state;
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    static const char *const suffixes[] = {":peer", ":other", ":", "", ":peer2", ":pee", "x:peer", ":peer:peer", ":pe r", ":p%nx"};
    for (int known = 0; known < 2; known++) {
        if (known)
            scripted_credentials(&peer);
        for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", ice_agent_local_ufrag(peer.agent), suffixes[i]);
            /* before the answer, any well-formed second half is accepted */
            bool fits = strcmp(suffixes[i], ":peer") == 0 || (!known && (strcmp(suffixes[i], ":other") == 0 || strcmp(suffixes[i], ":peer2") == 0));
            assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.username = name}),
                             fits ? ICE_OK : ICE_ERROR_UNAUTHENTIC);
            scripted_drop_all(&peer);
        }
        assert_int_equal(scripted_request(&peer, &(struct request){.role = ICE_ROLE_CONTROLLING}, &(struct wrong){.username = "AAAAAAAA:peer"}), ICE_ERROR_UNAUTHENTIC);
    }
    scripted_close(&peer);
}

/* RFC 8838 section 9: candidates carry their generation; others are not checked */
static void candidates_of_another_generation(void **state) {
    (void)state;
    struct ice_candidate candidate = {.foundation = "1", .component = 1, .priority = 1, .address = ip("198.51.100.1", 6000)};
    scripted_open(&peer, ICE_ROLE_CONTROLLED, NULL);
    scripted_gather(&peer);
    memcpy(candidate.ufrag, "wrong", 6);
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_OK); /* who knows yet */
    memcpy(candidate.ufrag, PEER_UFRAG, 5);
    candidate.address.port = 6001;
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_OK);
    scripted_credentials(&peer);
    struct sent sent;
    assert_true(scripted_poll_request(&peer, &sent));
    assert_int_equal(sent.path.remote.port, 6001);
    peer.now_us += SECOND;
    while (scripted_poll_request(&peer, &sent))
        assert_int_equal(sent.path.remote.port, 6001);
    memcpy(candidate.ufrag, "wrong", 6);
    candidate.address.port = 6002;
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_ERROR_STATE);
    /* the address that was told of another generation may be one of this, too: the sockets are the same */
    memcpy(candidate.ufrag, PEER_UFRAG, 5);
    candidate.address.port = 6000;
    assert_int_equal(ice_agent_add_remote_candidate(peer.agent, peer.now_us, &candidate), ICE_OK);
    peer.now_us += SECOND;
    bool is_asked = false;
    while (scripted_poll_request(&peer, &sent))
        is_asked = is_asked || sent.path.remote.port == 6000;
    assert_true(is_asked);
    scripted_close(&peer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_credentials), cmocka_unit_test(remote_credentials), cmocka_unit_test(longest_username),
        cmocka_unit_test(usernames), cmocka_unit_test(candidates_of_another_generation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
