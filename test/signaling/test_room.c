/* Rooms: a long random walk beside a small model, relaying, every limit, and rates in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/room.h"
#include "signaling/table_internal.h"

#define SECOND 1000000u
#define BYE "{\"type\":\"bye\"}"
#define OFFER "{\"type\":\"offer\",\"sdp\":\"v=0\"}"

/* xorshift64*: the same walk for the same seed. */
static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 2685821657736338717u;
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)(next_random(context) >> 56);
}

static struct signaling_rooms *make(uint64_t *seed, struct signaling_rooms_config config) {
    config.random = random_bytes;
    config.random_context = seed;
    struct signaling_rooms *rooms = signaling_rooms_new(&config, 0);
    assert_non_null(rooms);
    return rooms;
}

static size_t drain(struct signaling_rooms *rooms) {
    struct signaling_output output;
    size_t count = 0;
    while (signaling_rooms_poll_output(rooms, &output))
        count++;
    return count;
}

static signaling_member join(struct signaling_rooms *rooms, const char *name) {
    signaling_member member;
    assert_int_equal(signaling_rooms_join(rooms, 0, name, strlen(name), NULL, 0, &member), SIGNALING_OK);
    drain(rooms);
    return member;
}

static enum signaling_error say(struct signaling_rooms *rooms, uint64_t now_us, signaling_member member, const char *text) {
    return signaling_rooms_handle_message(rooms, now_us, member, text, strlen(text));
}

/* The one output that waits. */
static struct signaling_output only(struct signaling_rooms *rooms) {
    struct signaling_output first, more;
    assert_true(signaling_rooms_poll_output(rooms, &first));
    assert_false(signaling_rooms_poll_output(rooms, &more));
    return first;
}

static void test_join_and_leave(void **state) {
    uint64_t seed = 1;
    struct signaling_ice_server server = {signaling_text_of("turn:t"), signaling_text_of("u"), signaling_text_of("p")};
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.ice_servers = &server, .ice_server_count = 1});
    struct signaling_output output;
    struct signaling_message first, second;
    signaling_member members[2];
    (void)state;
    assert_int_equal(signaling_rooms_join(rooms, 0, "demo", 4, NULL, 0, &members[0]), SIGNALING_OK);
    assert_int_equal(signaling_rooms_join(rooms, 0, "demo", 4, NULL, 0, &members[1]), SIGNALING_ERROR_STATE);
    output = only(rooms);
    assert_int_equal(output.member, members[0]);
    assert_int_equal(signaling_message_parse(output.text.bytes, output.text.length, &first, NULL), SIGNALING_OK);
    assert_int_equal(first.type, SIGNALING_JOINED);
    assert_int_equal(first.id.length, SIGNALING_ID_BYTES);
    assert_true(signaling_text_is(first.room, "demo"));
    assert_int_equal(first.peer_count, 0);
    assert_true(signaling_text_is(first.ice_servers[0].credential, "p"));
    assert_int_equal(signaling_rooms_join(rooms, 0, "demo", 4, NULL, 0, &members[1]), SIGNALING_OK);
    assert_true(signaling_rooms_poll_output(rooms, &output));
    assert_int_equal(signaling_message_parse(output.text.bytes, output.text.length, &second, NULL), SIGNALING_OK);
    assert_true(second.peer_count == 1 && signaling_text_is(second.peers[0], first.id.bytes));
    assert_string_not_equal(second.id.bytes, first.id.bytes);
    output = only(rooms);
    assert_int_equal(output.member, members[0]);
    assert_non_null(strstr(output.text.bytes, "\"peer-joined\""));
    assert_non_null(strstr(output.text.bytes, second.id.bytes));
    assert_int_equal(signaling_rooms_leave(rooms, 0, members[1], "timeout"), SIGNALING_OK);
    output = only(rooms);
    assert_non_null(strstr(output.text.bytes, "\"peer-left\""));
    assert_non_null(strstr(output.text.bytes, "\"reason\":\"timeout\""));
    assert_int_equal(signaling_rooms_leave(rooms, 0, members[1], "again"), SIGNALING_ERROR_ARGUMENT);
    assert_int_equal(say(rooms, 0, members[1], BYE), SIGNALING_ERROR_ARGUMENT);
    signaling_message_release(&first);
    signaling_message_release(&second);
    signaling_rooms_free(rooms);
}

static void test_relay_adds_from(void **state) {
    static const struct {
        const char *said, *heard_after_id;
    } cases[] = {{OFFER, "\",\"type\":\"offer\",\"sdp\":\"v=0\"}"},
                 {" \n{ \"iceCandidate\" :null,\"x\":1.50}", "\", \"iceCandidate\" :null,\"x\":1.50}"},
                 {"{\"type\":\"bye\",\"from\":\"somebody else\"}", NULL}};
    uint64_t seed = 2;
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.max_room_size = 3});
    signaling_member members[3] = {join(rooms, "demo"), join(rooms, "demo"), join(rooms, "demo")};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct signaling_output output;
        struct signaling_message message;
        assert_int_equal(say(rooms, 0, members[1], cases[i].said), SIGNALING_OK);
        assert_true(signaling_rooms_poll_output(rooms, &output));
        assert_int_equal(output.member, members[0]);
        assert_int_equal(signaling_message_parse(output.text.bytes, output.text.length, &message, NULL), SIGNALING_OK);
        assert_int_equal(message.from.length, SIGNALING_ID_BYTES);
        if (cases[i].heard_after_id != NULL)
            assert_string_equal(output.text.bytes + 9 + SIGNALING_ID_BYTES, cases[i].heard_after_id);
        signaling_message_release(&message);
        assert_int_equal(only(rooms).member, members[2]);
    }
    signaling_rooms_free(rooms);
}

static void test_refusals(void **state) {
    static const struct {
        const char *said;
        enum signaling_error error;
        const char *code;
    } cases[] = {{"{", SIGNALING_ERROR_BAD_JSON, "bad-json"},
                 {"{\"type\":\"joined\",\"id\":\"x\"}", SIGNALING_ERROR_UNKNOWN_TYPE, "unknown-type"},
                 {"{\"type\":\"\xC3\xA9\"}", SIGNALING_ERROR_UNKNOWN_TYPE, "unknown-type"},
                 {OFFER, SIGNALING_ERROR_NO_PEER, "no-peer"}};
    uint64_t seed = 3;
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.max_message_bytes = 100});
    signaling_member member = join(rooms, "demo");
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct signaling_message message;
        assert_int_equal(say(rooms, 0, member, cases[i].said), cases[i].error);
        struct signaling_output output = only(rooms);
        assert_int_equal(output.member, member);
        assert_int_equal(signaling_message_parse(output.text.bytes, output.text.length, &message, NULL), SIGNALING_OK);
        assert_true(signaling_text_is(message.code, cases[i].code));
        assert_true(message.text.length > 0 && message.hint.length > 0);
        assert_int_equal(output.close_code, 0);
        signaling_message_release(&message);
    }
    assert_int_equal(say(rooms, 0, member, "{\"type\":\"ready\"}"), SIGNALING_OK); /* nobody hears it: no harm */
    assert_int_equal(drain(rooms), 0);
    char text[102];
    memset(text, ' ', sizeof text);
    memcpy(text, BYE, sizeof BYE - 1);
    for (size_t length = 99; length <= 101; length++) {
        assert_int_equal(signaling_rooms_handle_message(rooms, 0, member, text, length), length <= 100 ? SIGNALING_OK : SIGNALING_ERROR_TOO_LARGE);
        if (length > 100)
            assert_int_equal(only(rooms).close_code, SIGNALING_CLOSE_TOO_LARGE);
    }
    assert_int_equal(signaling_rooms_handle_message(rooms, 0, member, NULL, SIZE_MAX), SIGNALING_ERROR_TOO_LARGE);
    signaling_rooms_free(rooms);
}

static void test_limits(void **state) {
    uint64_t seed = 4;
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.max_room_size = 3, .max_rooms = 4, .max_members = 8, .members_per_source = 7});
    signaling_member member, members[8];
    (void)state;
    for (size_t i = 0; i < 3; i++)
        members[i] = join(rooms, "full");
    assert_int_equal(signaling_rooms_join(rooms, 0, "full", 4, NULL, 0, &member), SIGNALING_ERROR_ROOM_FULL);
    assert_true(member == SIGNALING_MEMBER_NONE);
    struct signaling_output output = only(rooms);
    assert_true(output.member == SIGNALING_MEMBER_NONE && output.close_code == SIGNALING_CLOSE_ROOM_FULL);
    assert_non_null(strstr(output.text.bytes, "room-full"));
    members[3] = join(rooms, "b");
    members[4] = join(rooms, "c");
    members[5] = join(rooms, "d");
    assert_int_equal(signaling_rooms_join(rooms, 0, "e", 1, NULL, 0, &member), SIGNALING_ERROR_CAPACITY); /* max_rooms */
    assert_int_equal(only(rooms).close_code, SIGNALING_CLOSE_TRY_LATER);
    members[6] = join(rooms, "d");
    assert_int_equal(signaling_rooms_join(rooms, 0, "c", 1, NULL, 0, &member), SIGNALING_ERROR_RATE_LIMITED); /* members_per_source */
    assert_int_equal(only(rooms).close_code, SIGNALING_CLOSE_RATE_LIMITED);
    assert_int_equal(signaling_rooms_join(rooms, 0, "c", 1, (const uint8_t *)"x", 1, &members[7]), SIGNALING_OK);
    drain(rooms);
    assert_int_equal(signaling_rooms_join(rooms, 0, "c", 1, (const uint8_t *)"x", 1, &member), SIGNALING_ERROR_CAPACITY); /* max_members */
    drain(rooms);
    assert_int_equal(signaling_rooms_leave(rooms, 0, members[0], "closed"), SIGNALING_OK);
    drain(rooms);
    join(rooms, "full");
    assert_int_equal(signaling_rooms_join(rooms, 0, "a/b", 3, NULL, 0, &member), SIGNALING_ERROR_ARGUMENT);
    assert_int_equal(signaling_rooms_join(rooms, 0, "a", 1, (const uint8_t *)"01234567890123456", SIGNALING_SOURCE_MAX_BYTES + 1, &member), SIGNALING_ERROR_ARGUMENT);
    signaling_rooms_free(rooms);
    for (uint32_t size = 1; size <= 65; size += 63) {
        struct signaling_rooms_config config = {.random = random_bytes, .random_context = &seed, .max_room_size = size};
        rooms = signaling_rooms_new(&config, 0);
        assert_int_equal(rooms != NULL, size == 64);
        signaling_rooms_free(rooms);
    }
}

/* Buckets in virtual time: the burst at once, then the rate; who does not stop is sent away. */
static void test_message_rate(void **state) {
    uint64_t seed = 5, now_us = 0;
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.message_rate = 10, .message_burst = 20});
    signaling_member member = join(rooms, "demo");
    (void)state;
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_OK);
    assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_ERROR_RATE_LIMITED);
    assert_non_null(strstr(only(rooms).text.bytes, "rate-limited"));
    assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_ERROR_RATE_LIMITED);
    assert_int_equal(drain(rooms), 0); /* said once a second, not each time */
    now_us += SECOND / 10 - 1;
    assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_ERROR_RATE_LIMITED);
    now_us += 1;
    assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_OK);
    assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_ERROR_RATE_LIMITED);
    now_us += 3600ull * SECOND; /* an hour refills the burst and no more */
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_OK);
    for (size_t i = 0; i < SIGNALING_PATIENCE_BURST; i++) {
        assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_ERROR_RATE_LIMITED);
        drain(rooms);
    }
    assert_int_equal(say(rooms, now_us, member, BYE), SIGNALING_ERROR_RATE_LIMITED);
    assert_int_equal(only(rooms).close_code, SIGNALING_CLOSE_RATE_LIMITED);
    signaling_rooms_free(rooms);
}

static void test_byte_and_join_rate(void **state) {
    uint64_t seed = 6;
    struct signaling_rooms *rooms =
        make(&seed, (struct signaling_rooms_config){.max_message_bytes = 100, .byte_rate = 10, .byte_burst = 100, .join_rate = 1, .join_burst = 3});
    signaling_member member = join(rooms, "a");
    char text[100];
    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, BYE, sizeof BYE - 1);
    assert_int_equal(signaling_rooms_handle_message(rooms, 0, member, text, 100), SIGNALING_OK);
    assert_int_equal(signaling_rooms_handle_message(rooms, 0, member, text, 14), SIGNALING_ERROR_RATE_LIMITED);
    drain(rooms);
    assert_int_equal(signaling_rooms_handle_message(rooms, 1400000, member, text, 14), SIGNALING_OK);
    join(rooms, "b");
    join(rooms, "c");
    assert_int_equal(signaling_rooms_join(rooms, 0, "d", 1, NULL, 0, &member), SIGNALING_ERROR_RATE_LIMITED);
    drain(rooms);
    assert_int_equal(signaling_rooms_join(rooms, 0, "d", 1, (const uint8_t *)"x", 1, &member), SIGNALING_OK); /* another source */
    drain(rooms);
    assert_int_equal(signaling_rooms_join(rooms, SECOND, "e", 1, NULL, 0, &member), SIGNALING_OK);
    drain(rooms);
    signaling_rooms_free(rooms);
    struct signaling_rooms_config config = {.random = random_bytes, .random_context = &seed, .max_message_bytes = 101, .byte_burst = 100};
    assert_null(signaling_rooms_new(&config, 0));
}

/* Sources that are gone and rested are forgotten; those that are not, keep the table bounded. */
static void test_sources_are_bounded(void **state) {
    uint64_t seed = 7, now_us = 0;
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.max_members = 8});
    struct signaling_rooms_statistics statistics;
    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        signaling_member member;
        uint8_t source[4];
        memcpy(source, &i, 4);
        if (signaling_rooms_join(rooms, now_us, "a", 1, source, 4, &member) == SIGNALING_OK) {
            drain(rooms);
            signaling_rooms_leave(rooms, now_us, member, "closed");
        }
        drain(rooms);
        signaling_rooms_statistics(rooms, &statistics);
        assert_true(statistics.sources <= 16);
        now_us += SECOND / 4;
    }
    assert_true(statistics.joins > 900);
    assert_int_equal(statistics.rooms, 0);
    signaling_rooms_free(rooms);
}

/* What a member of the model knows. */
#define WALKERS 40
static void test_random_walk(void **state) {
    (void)state;
    for (uint64_t start = 1; start <= 200; start++) {
        uint64_t seed = start * 7919, steps = start * 104729;
        struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.max_room_size = 3, .join_burst = 100000, .message_burst = 100000});
        signaling_member members[WALKERS];
        int room_of[WALKERS], population[6] = {0};
        for (size_t i = 0; i < WALKERS; i++)
            room_of[i] = -1;
        for (int step = 0; step < 300; step++) {
            size_t who = next_random(&steps) % WALKERS;
            int room = (int)(next_random(&steps) % 6);
            char name[2] = {(char)('a' + room), 0};
            if (room_of[who] < 0) {
                enum signaling_error error = signaling_rooms_join(rooms, 0, name, 1, NULL, 0, &members[who]);
                assert_int_equal(error, population[room] < 3 ? SIGNALING_OK : SIGNALING_ERROR_ROOM_FULL);
                assert_int_equal(drain(rooms), error == SIGNALING_OK ? 1 + population[room] : 1);
                if (error == SIGNALING_OK) {
                    room_of[who] = room;
                    population[room]++;
                }
            } else if (next_random(&steps) % 3 == 0) {
                assert_int_equal(signaling_rooms_leave(rooms, 0, members[who], "closed"), SIGNALING_OK);
                assert_int_equal(drain(rooms), --population[room_of[who]]);
                room_of[who] = -1;
            } else {
                int others = population[room_of[who]] - 1;
                assert_int_equal(say(rooms, 0, members[who], OFFER), others > 0 ? SIGNALING_OK : SIGNALING_ERROR_NO_PEER);
                struct signaling_output output;
                for (int heard = others > 0 ? others : 1; heard > 0; heard--) {
                    assert_true(signaling_rooms_poll_output(rooms, &output));
                    bool right = false;
                    for (size_t i = 0; i < WALKERS; i++)
                        right = right || (room_of[i] == room_of[who] && members[i] == output.member && (i == who) == (others == 0));
                    assert_true(right);
                }
                assert_false(signaling_rooms_poll_output(rooms, &output));
            }
            struct signaling_rooms_statistics statistics;
            signaling_rooms_statistics(rooms, &statistics);
            uint32_t living = 0, people = 0;
            for (size_t i = 0; i < 6; i++) {
                living += population[i] > 0;
                people += (uint32_t)population[i];
            }
            assert_int_equal(statistics.rooms, living);
            assert_int_equal(statistics.members, people);
        }
        signaling_rooms_free(rooms);
    }
}

/* The reference vector of the SipHash paper, appendix A: key 00..0f, message 00..0e. */
static void test_siphash_vector(void **state) {
    static const uint64_t secret[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
    uint8_t message[15];
    (void)state;
    for (uint8_t i = 0; i < sizeof message; i++)
        message[i] = i;
    assert_true(signaling_table_hash(secret, message, sizeof message) == 0xa129ca6149be45e5u);
}

/* 100,000 names that all have the same value of the 31-fold string hash: under ours they spread. */
static void test_colliding_names(void **state) {
    enum { NAMES = 100000 };
    uint64_t seed = 8;
    struct signaling_rooms *rooms =
        make(&seed, (struct signaling_rooms_config){.max_rooms = NAMES, .max_members = NAMES, .members_per_source = NAMES, .join_burst = NAMES});
    struct signaling_rooms_statistics statistics;
    size_t found = 0;
    (void)state;
    for (uint32_t i = 0; found < NAMES; i++) {
        char name[40];
        for (int bit = 0; bit < 20; bit++)
            memcpy(name + 2 * bit, (i >> bit & 1) != 0 ? "Aa" : "BB", 2); /* equal under the 31-fold hash of many languages */
        signaling_member member;
        assert_int_equal(signaling_rooms_join(rooms, 0, name, sizeof name, NULL, 0, &member), SIGNALING_OK);
        struct signaling_output output;
        while (signaling_rooms_poll_output(rooms, &output))
            continue;
        found++;
    }
    signaling_rooms_statistics(rooms, &statistics);
    assert_int_equal(statistics.rooms, NAMES);
    assert_true(statistics.longest_probe < 100);
    signaling_rooms_free(rooms);
}

/* Joins a room of its own and leaves; what it was handed is checked against one server's credential, NULL: none was handed. */
static void expect_handed(struct signaling_rooms *rooms, size_t count, const char *credential) {
    struct signaling_message joined;
    signaling_member member;
    assert_int_equal(signaling_rooms_join(rooms, 0, "own", 3, NULL, 0, &member), SIGNALING_OK);
    struct signaling_output output = only(rooms);
    assert_int_equal(signaling_message_parse(output.text.bytes, output.text.length, &joined, NULL), SIGNALING_OK);
    assert_int_equal(joined.ice_server_count, count);
    if (count > 0)
        assert_true(signaling_text_is(joined.ice_servers[count - 1].credential, credential));
    signaling_message_release(&joined);
    assert_int_equal(signaling_rooms_leave(rooms, 0, member, "closed"), SIGNALING_OK);
    assert_false(signaling_rooms_poll_output(rooms, &output));
}

/* Another list for those who join from now on; a list that cannot be leaves the old one. */
static void test_ice_servers_change(void **state) {
    uint64_t seed = 1;
    char credential[] = "first";
    struct signaling_ice_server servers[SIGNALING_ICE_SERVERS_MAX + 1];
    for (size_t i = 0; i < SIGNALING_ICE_SERVERS_MAX + 1; i++)
        servers[i] = (struct signaling_ice_server){signaling_text_of("turn:t"), signaling_text_of("u"), signaling_text_of(credential)};
    struct signaling_rooms *rooms = make(&seed, (struct signaling_rooms_config){.ice_servers = servers, .ice_server_count = 1});
    (void)state;
    credential[0] = 'F'; /* it was copied */
    expect_handed(rooms, 1, "first");
    assert_int_equal(signaling_rooms_set_ice_servers(rooms, servers, SIGNALING_ICE_SERVERS_MAX - 1), SIGNALING_OK);
    expect_handed(rooms, SIGNALING_ICE_SERVERS_MAX - 1, "First");
    assert_int_equal(signaling_rooms_set_ice_servers(rooms, servers, SIGNALING_ICE_SERVERS_MAX), SIGNALING_OK);
    credential[0] = 'f';
    assert_int_equal(signaling_rooms_set_ice_servers(rooms, servers, SIGNALING_ICE_SERVERS_MAX + 1), SIGNALING_ERROR_ARGUMENT);
    servers[1].url.bytes = NULL;
    assert_int_equal(signaling_rooms_set_ice_servers(rooms, servers, 2), SIGNALING_ERROR_ARGUMENT);
    servers[0].credential = (struct signaling_text){"\xC3(", 2};
    assert_int_equal(signaling_rooms_set_ice_servers(rooms, servers, 1), SIGNALING_ERROR_ARGUMENT);
    expect_handed(rooms, SIGNALING_ICE_SERVERS_MAX, "First");
    assert_int_equal(signaling_rooms_set_ice_servers(rooms, NULL, 0), SIGNALING_OK);
    expect_handed(rooms, 0, NULL);
    signaling_rooms_free(rooms);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_and_leave),      cmocka_unit_test(test_relay_adds_from), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),              cmocka_unit_test(test_message_rate),    cmocka_unit_test(test_byte_and_join_rate),
        cmocka_unit_test(test_sources_are_bounded), cmocka_unit_test(test_random_walk),     cmocka_unit_test(test_siphash_vector),
        cmocka_unit_test(test_colliding_names),     cmocka_unit_test(test_ice_servers_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
