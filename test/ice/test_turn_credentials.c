/* Long-term credentials of the TURN client: RFC 8489 section 9.2, its challenges, and the attacks that section 9.2.1 is about. */
#include "test_ice.h"

#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "turn_fixture.h"

static struct turn_fixture f;

static int setup(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    return 0;
}

static int setup_tcp(void **state) {
    (void)state;
    turn_fixture_init(&f, ICE_TRANSPORT_TCP);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    turn_fixture_free(&f);
    return 0;
}

#define NONCE_ALGORITHMS "obMatJos2gAAAserver"  /* bit 0 */
#define NONCE_BOTH "obMatJos2wAAAserver"        /* bits 0 and 1 */
#define NONCE_ANONYMITY "obMatJos2QAAAserver"   /* bit 1 */

/* How many requests the client sends in all the time that any transaction lasts. */
static void run(void) {
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, f.now_us + 100 * TURN_SECOND);
}

/* RFC 8489 section 9.2.5, MUST: the list comes back, the first supported algorithm is named, MESSAGE-INTEGRITY-SHA256 alone protects. */
static void sha256(void **state) {
    (void)state;
    f.server.offers_sha256 = true;
    f.server.nonce = NONCE_ALGORITHMS;
    turn_fixture_allocate(&f);
    assert_true(f.server.saw_sha256 && f.server.saw_username);
    assert_true(turn_fixture_status(&f).uses_sha256);
    struct stun_message message;
    struct stun_attribute attribute;
    const uint8_t *value;
    size_t length;
    assert_int_equal(stun_message_parse(f.last, f.last_length, &message), STUN_OK);
    assert_false(stun_message_find(&message, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, &attribute));
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, &value, &length), STUN_OK);
    assert_int_equal(length, 8);
    assert_memory_equal(value, "\0\2\0\0\0\1\0\0", 8);
    assert_int_equal(stun_message_read_bytes(&message, STUN_ATTRIBUTE_PASSWORD_ALGORITHM, &value, &length), STUN_OK);
    assert_memory_equal(value, "\0\2\0\0", 4);
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    ice_turn_client_permit(f.client, f.now_us, &peer);
    turn_fixture_drain(&f);
    assert_true(ice_turn_client_is_permitted(f.client, &peer)); /* all later requests too */
}

/* RFC 8489 section 9.2.5, MUST: USERHASH when the nonce says "username anonymity", else USERNAME. */
static void userhash(void **state) {
    (void)state;
    f.server.offers_sha256 = true;
    f.server.nonce = NONCE_BOTH;
    turn_fixture_allocate(&f);
    assert_true(f.server.saw_userhash);
    assert_false(f.server.saw_username);
}

static void userhash_without_algorithms(void **state) {
    (void)state;
    f.server.nonce = NONCE_ANONYMITY;
    turn_fixture_allocate(&f);
    assert_true(f.server.saw_userhash && f.server.saw_sha1);
    assert_false(turn_fixture_status(&f).uses_sha256);
}

/* RFC 8489 section 9.2.5, MUST NOT retry: the nonce promises PASSWORD-ALGORITHMS, an attacker has removed them. */
static void stripped_algorithms(void **state) {
    (void)state;
    f.server.offers_sha256 = f.server.strips_algorithms = true;
    f.server.nonce = NONCE_ALGORITHMS;
    run();
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BID_DOWN);
    assert_int_equal(f.sent, 1);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_FAILED), 1);
}

/* RFC 8489 section 9.2.1: the attacker removes the list and the cookie. The server does not know that nonce: 438, with the true one and the list. */
static void altered_cookie(void **state) {
    (void)state;
    f.server.offers_sha256 = f.server.strips_algorithms = true;
    f.server.nonce = NONCE_ALGORITHMS;
    f.server.altered_nonce = "plain";
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    size_t length = turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer);
    turn_fixture_deliver(&f, answer, length);
    f.server.altered_nonce = NULL; /* the attacker cannot go on: what follows is the server's own answer */
    f.server.strips_algorithms = false;
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND); /* an unsigned 438 to a signed request is held for one RTO */
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    assert_true(f.server.saw_sha256);
    assert_true(turn_fixture_status(&f).uses_sha256);
}

/* The same attacker goes on: it never gets more than failures. */
static void altered_cookie_for_ever(void **state) {
    (void)state;
    f.server.offers_sha256 = f.server.strips_algorithms = true;
    f.server.nonce = NONCE_ALGORITHMS;
    f.server.altered_nonce = "plain";
    run();
    turn_fixture_run_until(&f, f.now_us + 5 * TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_REFUSED);
    assert_int_equal(turn_fixture_status(&f).code, STUN_CODE_STALE_NONCE);
    assert_int_equal(f.sent, 5); /* without credentials, and four nonces that are none */
    assert_false(f.server.is_allocated);
}

/* RFC 8489 section 9.2.5, MUST: after PASSWORD-ALGORITHMS only SHA-256; a later challenge without them is not followed. */
static void no_way_back_to_sha1(void **state) {
    (void)state;
    f.server.offers_sha256 = true;
    f.server.nonce = NONCE_ALGORITHMS;
    turn_fixture_allocate(&f);
    f.server.strips_algorithms = true;
    f.server.altered_nonce = "plain";
    f.server.stale = 1;
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    ice_turn_client_permit(f.client, f.now_us, &peer);
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND); /* the retransmission reaches the true server */
    assert_int_equal(turn_fixture_status(&f).unauthentic_dropped, 1);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
    assert_true(f.server.saw_sha256);
    assert_true(turn_fixture_status(&f).uses_sha256);
}

/* A forged 401 or 438, unsigned as a true one may be, to a request that was seen: the true answer comes within one RTO, and counts. */
static void forged_challenge(void **state) {
    (void)state;
    static const uint16_t codes[] = {STUN_CODE_UNAUTHENTICATED, STUN_CODE_STALE_NONCE};
    for (size_t i = 0; i < 2; i++) {
        struct ice_transmit out;
        uint8_t request[2048], answer[2048], forged[512];
        struct stun_message message;
        struct stun_writer writer;
        turn_fixture_allocate(&f);
        ice_turn_client_refresh(f.client, f.now_us);
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, request, sizeof request, &out));
        assert_int_equal(stun_message_parse(request, out.length, &message), STUN_OK);
        stun_writer_begin(&writer, forged, sizeof forged, STUN_CLASS_ERROR_RESPONSE, message.method, message.transaction_id);
        stun_writer_add_error_code(&writer, codes[i], "");
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_REALM, (const uint8_t *)turn_fixture_status(&f).realm, strlen(turn_fixture_status(&f).realm));
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_NONCE, (const uint8_t *)"forged", 6);
        turn_fixture_deliver(&f, forged, (size_t)stun_writer_finish(&writer));
        size_t length = turn_server_answer(&f.server, f.now_us, request, out.length, answer, sizeof answer);
        f.now_us += 400000;
        turn_fixture_deliver(&f, answer, length);
        turn_fixture_run_until(&f, f.now_us + 5 * TURN_SECOND);
        assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
        assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_FAILED), 0);
        turn_fixture_free(&f);
        turn_fixture_init(&f, ICE_TRANSPORT_UDP);
    }
}

/* RFC 8489 section 9.2.4, MUST: who was asked with SHA-256 answers with SHA-256. An answer signed with SHA-1 is not taken. */
static void answer_with_sha1(void **state) {
    (void)state;
    f.server.offers_sha256 = true;
    f.server.nonce = NONCE_ALGORITHMS;
    turn_fixture_start(&f);
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, turn_server_answer(&f.server, f.now_us, buffer, out.length, answer, sizeof answer));
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    struct stun_key *key = stun_key_new_long_term(STUN_PASSWORD_SHA256, (const uint8_t *)"user", 4, (const uint8_t *)"example.org", 11,
                                                  (const uint8_t *)"pass", 4);
    for (int cut = 0; cut < 3; cut++) { /* SHA-1; SHA-256 cut to 16 bytes (section 14.6: no usage of TURN says so); whole */
        struct stun_writer writer;
        stun_writer_begin(&writer, answer, sizeof answer, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_ALLOCATE, buffer + 8);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS, &f.server.relayed[0]);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &f.server.mapped);
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_LIFETIME, 600);
        if (cut == 0) {
            stun_writer_add_integrity(&writer, key);
        } else if (cut == 2) {
            stun_writer_add_integrity_sha256(&writer, key);
        } else {
            /* Right in every other respect: the MAC's beginning, over a header that ends with it. */
            size_t end = writer.length;
            uint8_t secret[32], mac[32];
            stun_writer_add_integrity_sha256(&writer, key);
            writer.length = end + 4 + 16;
            answer[end + 3] = 16;
            answer[3] = (uint8_t)(writer.length - 20);
            SHA256((const uint8_t *)"user:example.org:pass", 21, secret);
            assert_non_null(HMAC(EVP_sha256(), secret, sizeof secret, answer, end, mac, NULL));
            memcpy(answer + end + 4, mac, 16);
            struct stun_message message;
            assert_int_equal(stun_message_parse(answer, writer.length, &message), STUN_OK);
            assert_int_equal(stun_message_check_integrity_sha256(&message, key), STUN_OK);
        }
        int error = turn_fixture_deliver(&f, answer, writer.length);
        assert_int_equal(error, cut == 2 ? ICE_OK : ICE_ERROR_UNAUTHENTIC);
    }
    stun_key_free(key);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    assert_int_equal(turn_fixture_status(&f).unauthentic_dropped, 2);
}

/* RFC 8489 section 9.2.5, MUST NOT retry what would not change: 401 again is the end. */
static void wrong_password(void **state) {
    (void)state;
    f.config.credential = "wrong";
    run();
    struct ice_turn_status status = turn_fixture_status(&f);
    assert_int_equal(status.failure, ICE_TURN_FAILURE_CREDENTIALS);
    assert_int_equal(status.code, 401);
    assert_string_equal(status.realm, "example.org");
    assert_string_equal(status.reason, "reason");
    assert_int_equal(f.sent, 2);
    assert_int_equal(turn_fixture_count(&f, ICE_TURN_EVENT_FAILED), 1);
}

static void no_credentials(void **state) {
    (void)state;
    f.config.username = f.config.credential = NULL;
    run();
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_CREDENTIALS);
    assert_string_equal(turn_fixture_status(&f).realm, "example.org");
    assert_int_equal(f.sent, 1);
}

/* RFC 8656 section 7.2: a server may do without; nothing can be verified then. */
static void none_wanted(void **state) {
    (void)state;
    f.server.realm = NULL;
    turn_fixture_allocate(&f);
    assert_int_equal(f.sent, 1);
    struct stun_address peer = turn_server_address("198.51.100.20", 7000);
    ice_turn_client_permit(f.client, f.now_us, &peer);
    turn_fixture_drain(&f);
    assert_true(ice_turn_client_is_permitted(f.client, &peer));
}

/* RFC 8489 section 9.2.5, MUST: 438 is answered with one new try; a server that repeats it within a transaction is let be. */
static void stale_once(void **state) {
    (void)state;
    f.server.stale = 1;
    f.server.next_nonce = "nonce-2";
    turn_fixture_start(&f);
    turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
    assert_int_equal(f.sent, 3);
}

static void stale_for_ever(void **state) {
    (void)state;
    f.server.stale = 1000;
    run();
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_REFUSED);
    assert_int_equal(turn_fixture_status(&f).code, STUN_CODE_STALE_NONCE);
    assert_int_equal(f.sent, 5); /* without credentials, and four times with */
}

/* Each transaction has its own patience: a nonce that is replaced every time never ends the allocation. */
static void stale_in_each_transaction(void **state) {
    (void)state;
    static const char *const nonces[] = {"n0", "n1", "n2", "n3", "n4", "n5"};
    turn_fixture_allocate(&f);
    for (size_t i = 0; i < sizeof nonces / sizeof nonces[0]; i++) {
        unsigned refreshes = f.server.refreshes;
        f.server.nonce = nonces[i]; /* the old one is stale now */
        ice_turn_client_refresh(f.client, f.now_us);
        turn_fixture_run_until(&f, f.now_us + TURN_SECOND);
        assert_int_equal(f.server.refreshes, refreshes + 1);
    }
    assert_int_equal(turn_fixture_status(&f).state, ICE_TURN_ALLOCATED);
}

/* Answers to a request by hand: what is in the challenge, and what comes of it. */
static size_t write_challenge(uint8_t *answer, size_t capacity, const uint8_t *request, uint16_t code, const char *realm, const uint8_t *nonce,
                              size_t nonce_length, const uint8_t *list, size_t list_length) {
    struct stun_writer writer;
    stun_writer_begin(&writer, answer, capacity, STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_ALLOCATE, request + 8);
    stun_writer_add_error_code(&writer, code, "");
    if (realm != NULL)
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_REALM, (const uint8_t *)realm, strlen(realm));
    if (nonce != NULL)
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_NONCE, nonce, nonce_length);
    if (list != NULL)
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, list, list_length);
    assert_true(stun_writer_finish(&writer) > 0);
    return writer.length;
}

static enum ice_turn_failure challenge_with(const char *realm, const uint8_t *nonce, size_t nonce_length, const uint8_t *list, size_t list_length) {
    struct ice_transmit out;
    uint8_t buffer[2048], answer[4096];
    turn_fixture_start(&f);
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    turn_fixture_deliver(&f, answer, write_challenge(answer, sizeof answer, buffer, 401, realm, nonce, nonce_length, list, list_length));
    (void)ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out); /* too long a request shows here */
    enum ice_turn_failure failure = turn_fixture_status(&f).failure;
    turn_fixture_free(&f);
    return failure;
}

/* RFC 8489 section 9.2.4, MUST: a 401 has a realm and a nonce. Section 9.2.5: an algorithm that we have. */
static void broken_challenges(void **state) {
    (void)state;
    static const uint8_t nonce[] = "n", none_of_ours[] = {0, 9, 0, 0}, broken[] = {0, 2, 0};
    assert_int_equal(challenge_with("r", nonce, 1, NULL, 0), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with(NULL, nonce, 1, NULL, 0), ICE_TURN_FAILURE_BROKEN_ANSWER);
    assert_int_equal(challenge_with("r", NULL, 0, NULL, 0), ICE_TURN_FAILURE_BROKEN_ANSWER);
    assert_int_equal(challenge_with("r", nonce, 1, none_of_ours, 4), ICE_TURN_FAILURE_BROKEN_ANSWER);
    assert_int_equal(challenge_with("r", nonce, 1, broken, 3), ICE_TURN_FAILURE_BROKEN_ANSWER);
    turn_fixture_start(&f);
}

/* ICE_TURN_ALGORITHMS_MAX_BYTES, at -1 (an entry less), 0 and +1 (an entry more). */
static void algorithm_list_limit(void **state) {
    (void)state;
    uint8_t list[ICE_TURN_ALGORITHMS_MAX_BYTES + 4] = {0, 2, 0, 0};
    for (size_t i = 4; i < sizeof list; i += 4)
        list[i + 1] = 9;
    assert_int_equal(challenge_with("r", (const uint8_t *)"n", 1, list, ICE_TURN_ALGORITHMS_MAX_BYTES - 4), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with("r", (const uint8_t *)"n", 1, list, ICE_TURN_ALGORITHMS_MAX_BYTES), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with("r", (const uint8_t *)"n", 1, list, ICE_TURN_ALGORITHMS_MAX_BYTES + 4), ICE_TURN_FAILURE_BROKEN_ANSWER);
    turn_fixture_start(&f);
}

/* RFC 8489 sections 14.9, 14.10: 763 bytes each. Together they do not fit a request of ICE_DATAGRAM_MAX_BYTES: an error, not an overflow. */
static void long_realm_and_nonce(void **state) {
    (void)state;
    static char realm[ICE_TURN_REALM_MAX_BYTES + 1];
    static uint8_t nonce[ICE_TURN_NONCE_MAX_BYTES];
    memset(realm, 'r', sizeof realm - 1);
    memset(nonce, 'n', sizeof nonce);
    assert_int_equal(challenge_with(realm, nonce, 10, NULL, 0), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with("r", nonce, sizeof nonce, NULL, 0), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with(realm, nonce, sizeof nonce, NULL, 0), ICE_TURN_FAILURE_BROKEN_ANSWER);
    /* The longest that fits: header 20, transport 8, user name 8, realm 4 + 3 + 1, MAC 24, nonce 4 + ... = 1280 */
    size_t fits = ICE_DATAGRAM_MAX_BYTES - 20 - 8 - 8 - 24 - 4 - ICE_TURN_REALM_MAX_BYTES - 1 - 4;
    assert_int_equal(challenge_with(realm, nonce, fits - 1, NULL, 0), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with(realm, nonce, fits, NULL, 0), ICE_TURN_FAILURE_NONE);
    assert_int_equal(challenge_with(realm, nonce, fits + 1, NULL, 0), ICE_TURN_FAILURE_BROKEN_ANSWER);
    turn_fixture_start(&f);
}

/* One byte more than the RFC allows, which our writer would not write: by hand. */
static void too_long_realm(void **state) {
    (void)state;
    struct ice_transmit out;
    uint8_t buffer[2048];
    static uint8_t answer[2048];
    turn_fixture_start(&f);
    assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
    size_t length = write_challenge(answer, sizeof answer, buffer, 401, NULL, (const uint8_t *)"n", 1, NULL, 0);
    answer[length + 1] = 0x14;
    answer[length + 2] = (ICE_TURN_REALM_MAX_BYTES + 1) >> 8;
    answer[length + 3] = (ICE_TURN_REALM_MAX_BYTES + 1) & 0xFF;
    length += 4 + ICE_TURN_REALM_MAX_BYTES + 1;
    answer[2] = (uint8_t)((length - 20) >> 8);
    answer[3] = (uint8_t)(length - 20);
    turn_fixture_deliver(&f, answer, length);
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_BROKEN_ANSWER);
}

/* RFC 8489 section 9.2.5: 401 after credentials, for another realm, is worth one new try, and no circle. */
static void realm_changes(void **state) {
    (void)state;
    struct ice_transmit out;
    uint8_t buffer[2048], answer[2048];
    static const char *const realms[] = {"a", "b", "c", "d"};
    turn_fixture_start(&f);
    for (size_t i = 0; i < 3; i++) {
        assert_true(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
        turn_fixture_deliver(&f, answer, write_challenge(answer, sizeof answer, buffer, 401, realms[i], (const uint8_t *)"n", 1, NULL, 0));
        f.now_us += TURN_SECOND / 2; /* what comes unsigned to a signed request is held so long */
        ice_turn_client_handle_timeout(f.client, f.now_us);
    }
    assert_int_equal(turn_fixture_status(&f).failure, ICE_TURN_FAILURE_CREDENTIALS);
    assert_false(ice_turn_client_poll_transmit(f.client, f.now_us, buffer, sizeof buffer, &out));
}

/* A realm is the server's; what it writes into reason and software is shown to people and must not steer their terminal. */
static void texts_are_made_harmless(void **state) {
    (void)state;
    f.server.reason = "\x1B[2Jhello\n";
    f.config.credential = "wrong";
    run();
    assert_string_equal(turn_fixture_status(&f).reason, "?[2Jhello?");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sha256, setup, teardown),
        {"SHA-256 over TCP", sha256, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(userhash, setup, teardown),
        cmocka_unit_test_setup_teardown(userhash_without_algorithms, setup, teardown),
        cmocka_unit_test_setup_teardown(stripped_algorithms, setup, teardown),
        cmocka_unit_test_setup_teardown(altered_cookie, setup, teardown),
        cmocka_unit_test_setup_teardown(altered_cookie_for_ever, setup, teardown),
        cmocka_unit_test_setup_teardown(forged_challenge, setup, teardown),
        cmocka_unit_test_setup_teardown(no_way_back_to_sha1, setup, teardown),
        cmocka_unit_test_setup_teardown(answer_with_sha1, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_password, setup, teardown),
        {"wrong password over TCP", wrong_password, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(no_credentials, setup, teardown),
        cmocka_unit_test_setup_teardown(none_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(stale_once, setup, teardown),
        cmocka_unit_test_setup_teardown(stale_for_ever, setup, teardown),
        {"stale for ever over TCP", stale_for_ever, setup_tcp, teardown, NULL},
        cmocka_unit_test_setup_teardown(stale_in_each_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(broken_challenges, setup, teardown),
        cmocka_unit_test_setup_teardown(algorithm_list_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(long_realm_and_nonce, setup, teardown),
        cmocka_unit_test_setup_teardown(too_long_realm, setup, teardown),
        cmocka_unit_test_setup_teardown(realm_changes, setup, teardown),
        cmocka_unit_test_setup_teardown(texts_are_made_harmless, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
