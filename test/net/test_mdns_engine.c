/* The engine of Multicast DNS in virtual time: what it asks and when, what it believes, what it says and to whom. */
#include "app/net/mdns_engine.h"
#include "test/net/test_net.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define NAME "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"

/* ---- a stage ------------------------------------------------------------------------------------------------------------------ */

static struct mdns_engine *engine;
static uint64_t now_us;
static uint8_t random_byte;

static void seeded(void *context, uint8_t *out, size_t length) {
    (void)context;
    for (size_t i = 0; i < length; i++)
        out[i] = random_byte = (uint8_t)(random_byte * 5 + 17);
}

static struct stun_address address(const char *text, uint16_t port) {
    struct stun_address out;
    assert_true(stun_address_parse_ip(text, strlen(text), &out));
    out.port = port;
    return out;
}

static struct net_interface_address interface(uint32_t index, const char *ip, uint8_t prefix_bits) {
    return (struct net_interface_address){.address = address(ip, 0), .index = index, .prefix_bits = prefix_bits};
}

/* eth0 (2) with both families, eth1 (3) with IPv4. */
static int set_up(void **state) {
    (void)state;
    now_us = 1000 * SECOND;
    random_byte = 0;
    engine = mdns_engine_new(seeded, NULL, now_us);
    struct net_interface_address list[] = {interface(2, "192.0.2.1", 24), interface(2, "2001:db8::1", 64), interface(3, "198.51.100.1", 25)};
    mdns_engine_set_interfaces(engine, now_us, list, COUNT(list));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    mdns_engine_free(engine);
    return 0;
}

struct sent {
    struct mdns_transmit how;
    uint8_t bytes[MDNS_WRITE_MAX_BYTES];
    struct mdns_message message;
};

static bool next_sent(struct sent *out) {
    if (!mdns_engine_poll_transmit(engine, now_us, out->bytes, sizeof out->bytes, &out->how))
        return false;
    assert_int_equal(mdns_message_parse(out->bytes, out->how.length, &out->message, NULL), MDNS_OK);
    return true;
}

/* How many datagrams go now; the last one is written, if there was one. */
static size_t drain(struct sent *last) {
    struct sent one;
    size_t count = 0;
    while (next_sent(&one)) {
        count++;
        if (last != NULL) {
            *last = one;
            last->message.bytes = last->bytes;
        }
        assert_true(count < 1000);
    }
    return count;
}

static void sleep_until(uint64_t at_us) {
    now_us = at_us;
    mdns_engine_handle_timeout(engine, now_us);
}

static struct mdns_origin shared_from(uint32_t index, const char *ip, uint16_t port) {
    return (struct mdns_origin){.socket = MDNS_SOCKET_SHARED, .interface = index, .source = address(ip, port)};
}

static struct mdns_origin asker_from(uint32_t index, const char *ip, uint16_t port) {
    return (struct mdns_origin){.socket = MDNS_SOCKET_ASKER, .interface = index, .source = address(ip, port)};
}

static void hear_answer(const struct mdns_origin *origin, const char *name, const char *ip, uint32_t ttl_s, const struct mdns_legacy *legacy) {
    uint8_t bytes[MDNS_WRITE_MAX_BYTES];
    struct stun_address of = address(ip, 0);
    int length = mdns_write_response(name, &of, MDNS_SAY_ADDRESS, ttl_s, legacy, bytes, sizeof bytes);
    assert_true(length > 0);
    mdns_engine_handle_datagram(engine, now_us, origin, bytes, (size_t)length);
}

static void hear_query(const struct mdns_origin *origin, uint16_t id, const char *name, bool unicast) {
    uint8_t bytes[MDNS_WRITE_MAX_BYTES];
    int length = mdns_write_query(id, name, unicast, bytes, sizeof bytes);
    mdns_engine_handle_datagram(engine, now_us, origin, bytes, (size_t)length);
}

static struct mdns_statistics numbers(void) {
    struct mdns_statistics statistics;
    mdns_engine_statistics(engine, &statistics);
    return statistics;
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------- */

/*
 * draft-ietf-mmusic-mdns-ice-candidates section 3.2.1, RFC 6762 section 5.1, 5.2: first one-shot, wanting a unicast answer; then from the shared port with
 * id 0, a second and more apart; then nobody has it.
 */
static void questions_have_their_times(void **state) {
    (void)state;
    uint64_t begin_us = now_us;
    struct sent sent;
    struct mdns_answer answer;
    struct mdns_question question;
    assert_int_equal(mdns_engine_ask(engine, now_us, 9, NAME), 0);
    static const uint64_t at_us[] = {0, 300000, 1300000, 3300000};
    for (size_t i = 0; i < COUNT(at_us); i++) {
        if (i > 0)
            assert_int_equal(mdns_engine_next_timeout(engine), begin_us + at_us[i]);
        sleep_until(begin_us + at_us[i] - (i > 0)); /* too early: nothing */
        assert_int_equal(drain(NULL), i > 0 ? 0 : 3);
        if (i > 0) {
            sleep_until(begin_us + at_us[i]);
            assert_int_equal(drain(&sent), 3); /* each interface and family */
            assert_int_equal(sent.how.socket, MDNS_SOCKET_SHARED);
            assert_int_equal(sent.message.id, 0); /* RFC 6762 section 18.1 */
            struct mdns_cursor cursor = {0};
            assert_true(mdns_message_next_question(&sent.message, &cursor, &question));
            assert_false(question.unicast_response);
            assert_string_equal(question.name, NAME);
        }
        assert_int_equal(drain(NULL), 0);
        assert_false(mdns_engine_poll_answer(engine, &answer));
    }
    assert_int_equal(mdns_engine_next_timeout(engine), begin_us + MDNS_PATIENCE_US);
    sleep_until(begin_us + MDNS_PATIENCE_US);
    assert_true(mdns_engine_poll_answer(engine, &answer));
    assert_true(answer.query == 9 && answer.count == 0);
    assert_false(mdns_engine_poll_answer(engine, &answer));
    assert_int_equal(mdns_engine_next_timeout(engine), UINT64_MAX);
    assert_int_equal(drain(NULL), 0);
    assert_int_equal(numbers().queries_sent, 12);
}

static void the_first_question_goes_to_every_link(void **state) {
    (void)state;
    struct sent sent[3];
    struct mdns_question question;
    assert_int_equal(mdns_engine_ask(engine, now_us, 9, "Host.LOCAL."), 0);
    for (size_t i = 0; i < 3; i++) {
        struct mdns_cursor cursor = {0};
        assert_true(next_sent(&sent[i]));
        assert_int_equal(sent[i].how.socket, MDNS_SOCKET_ASKER);
        assert_int_equal(sent[i].how.interface, i < 2 ? 2 : 3);
        struct stun_address group = address(i == 1 ? "ff02::fb" : "224.0.0.251", 5353);
        assert_true(stun_address_equal(&sent[i].how.to, &group));
        assert_int_equal(sent[i].message.id, sent[0].message.id);
        for (int family = 0; family < 2; family++) {
            assert_true(mdns_message_next_question(&sent[i].message, &cursor, &question));
            assert_true(question.unicast_response);
            assert_string_equal(question.name, "host.local");
        }
    }
    assert_false(next_sent(&sent[0]));
    assert_int_not_equal(sent[0].message.id, 0);
}

static void other_names_are_refused(void **state) {
    (void)state;
    static const char *const names[] = {"example.org", "a.b.local", "local", "192.0.2.1", ""};
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(mdns_engine_ask(engine, now_us, i, names[i]), -EINVAL);
    assert_int_equal(drain(NULL), 0);
}

/* MDNS_QUESTION_MAX at limit - 1, limit, limit + 1. */
static void questions_have_a_limit(void **state) {
    (void)state;
    char name[] = "a.local";
    struct mdns_answer answer;
    for (size_t i = 0; i <= MDNS_QUESTION_MAX; i++) {
        name[0] = (char)('a' + i);
        assert_int_equal(mdns_engine_ask(engine, now_us, i, name), i < MDNS_QUESTION_MAX ? 0 : -EBUSY);
    }
    assert_int_equal(drain(NULL), 3 * MDNS_QUESTION_MAX);
    sleep_until(now_us + MDNS_PATIENCE_US);
    for (size_t i = 0; i < MDNS_QUESTION_MAX; i++)
        assert_true(mdns_engine_poll_answer(engine, &answer));
    assert_false(mdns_engine_poll_answer(engine, &answer));
    assert_int_equal(mdns_engine_ask(engine, now_us, 99, name), 0);
}

/* Interfaces that come while a question is under way hear it; nothing is sent on those that have gone. */
static void questions_follow_the_interfaces(void **state) {
    (void)state;
    struct sent sent;
    assert_int_equal(mdns_engine_ask(engine, now_us, 1, NAME), 0);
    assert_int_equal(drain(NULL), 3);
    struct net_interface_address list[] = {interface(7, "203.0.113.1", 24)};
    mdns_engine_set_interfaces(engine, now_us, list, 1);
    assert_int_equal(drain(&sent), 1);
    assert_int_equal(sent.how.interface, 7);
    mdns_engine_set_interfaces(engine, now_us, list, 0);
    sleep_until(now_us + SECOND);
    assert_int_equal(drain(NULL), 0);
}

/* NET_INTERFACE_MAX links: the bits of one question hold them all. */
static void all_links_are_asked(void **state) {
    (void)state;
    struct net_interface_address list[NET_INTERFACE_MAX];
    for (size_t count = NET_INTERFACE_MAX - 1; count <= NET_INTERFACE_MAX; count++) {
        for (uint32_t i = 0; i < count; i++)
            list[i] = interface(i + 1, "192.0.2.1", 24);
        mdns_engine_set_interfaces(engine, now_us, list, count);
        assert_int_equal(mdns_engine_ask(engine, now_us, count, NAME), 0);
        assert_int_equal(drain(NULL), count == NET_INTERFACE_MAX ? 2 * count : count); /* the first question is asked again, too */
    }
    mdns_engine_set_interfaces(engine, now_us, list, NET_INTERFACE_MAX + 5); /* read no further */
}

/* ---- believing ------------------------------------------------------------------------------------------------------------------------ */

static uint16_t ask(uint64_t query, const char *name) {
    struct sent sent;
    assert_int_equal(mdns_engine_ask(engine, now_us, query, name), 0);
    assert_int_equal(drain(&sent), 3);
    return sent.message.id;
}

static bool answered_with(uint64_t query, const char *ip) {
    struct mdns_answer answer;
    struct stun_address expected = address(ip, 0);
    return mdns_engine_poll_answer(engine, &answer) && answer.query == query && answer.count == 1 && stun_address_equal(&answer.addresses[0], &expected);
}

static void answers_are_believed(void **state) {
    (void)state;
    struct mdns_origin multicast = shared_from(2, "192.0.2.9", 5353), unicast = asker_from(2, "192.0.2.9", 5353),
                       v6 = asker_from(2, "fe80::9", 5353);
    ask(1, NAME);
    hear_answer(&multicast, NAME, "192.0.2.9", 120, NULL);
    assert_true(answered_with(1, "192.0.2.9"));
    struct mdns_legacy legacy = {.id = ask(2, NAME), .type = MDNS_TYPE_A};
    hear_answer(&unicast, NAME, "192.0.2.10", 10, &legacy);
    assert_true(answered_with(2, "192.0.2.10"));
    legacy.id = ask(3, NAME);
    hear_answer(&v6, NAME, "2001:db8::9", 10, &legacy);
    assert_true(answered_with(3, "2001:db8::9"));
    assert_int_equal(numbers().unasked_dropped + numbers().off_link_dropped + numbers().unbelievable_dropped, 0);
}

/* Two who asked the same are both answered; all addresses of a message are taken. */
static void all_who_asked_hear_all_addresses(void **state) {
    (void)state;
    static const uint8_t both[] = {0, 0, 0x84, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 'h', 'o', 's', 't', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 1, 0x80, 1,
                                   0, 0, 0, 120, 0, 4, 192, 0, 2, 9, 0xc0, 12, 0, 28, 0x80, 1, 0, 0, 0, 120, 0, 16, 0xfe, 0x80, 0, 0, 0, 0,
                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xc0, 12, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 192, 0, 2, 9};
    struct mdns_origin origin = shared_from(2, "192.0.2.9", 5353);
    struct mdns_answer answer;
    ask(1, "host.local");
    ask(2, "HOST.local");
    ask(3, "other.local");
    mdns_engine_handle_datagram(engine, now_us, &origin, both, sizeof both);
    for (uint64_t query = 1; query <= 2; query++) {
        assert_true(mdns_engine_poll_answer(engine, &answer));
        assert_int_equal(answer.query, query);
        assert_int_equal(answer.count, 2); /* one of them twice */
    }
    assert_false(mdns_engine_poll_answer(engine, &answer));
}

/* Nothing is believed that was not asked for, or that somebody beyond the link may have sent: RFC 6762 section 6, 6.7, 10.1, 11. */
static void what_was_not_asked_is_not_believed(void **state) {
    (void)state;
    struct mdns_answer answer;
    struct mdns_origin multicast = shared_from(2, "192.0.2.9", 5353), other_port = shared_from(2, "192.0.2.9", 5354),
                       beyond = asker_from(2, "203.0.113.9", 5353), wrong_interface = asker_from(3, "192.0.2.9", 5353),
                       half_beyond = asker_from(3, "198.51.100.129", 5353), unicast = asker_from(2, "192.0.2.9", 5353),
                       v6_beyond = asker_from(2, "2001:db8:0:1::9", 5353);
    hear_answer(&multicast, NAME, "192.0.2.9", 120, NULL); /* before the question: nothing is kept */
    assert_int_equal(numbers().unasked_dropped, 1);
    uint16_t id = ask(1, NAME);
    struct mdns_legacy right = {.id = id, .type = 1}, wrong = {.id = (uint16_t)(id + 1), .type = 1};
    hear_answer(&multicast, "other.local", "192.0.2.9", 120, NULL);
    hear_answer(&multicast, NAME, "192.0.2.9", 0, NULL); /* a goodbye */
    hear_answer(&other_port, NAME, "192.0.2.9", 120, NULL);
    hear_answer(&beyond, NAME, "192.0.2.9", 10, &right);
    hear_answer(&wrong_interface, NAME, "192.0.2.9", 10, &right);
    hear_answer(&half_beyond, NAME, "192.0.2.9", 10, &right); /* a /25 */
    hear_answer(&v6_beyond, NAME, "192.0.2.9", 10, &right);
    hear_answer(&unicast, NAME, "192.0.2.9", 10, &wrong);
    hear_answer(&unicast, NAME, "192.0.2.9", 120, NULL);
    assert_int_equal(numbers().off_link_dropped, 5);
    assert_false(mdns_engine_poll_answer(engine, &answer));
    hear_answer(&unicast, NAME, "192.0.2.9", 10, &right);
    assert_true(answered_with(1, "192.0.2.9"));
}

static void addresses_that_no_host_can_have_are_not_believed(void **state) {
    (void)state;
    static const char *const ips[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.251", "255.255.255.255", "::", "::1", "ff02::fb", "::ffff:192.0.2.1", "::192.0.2.1"};
    struct mdns_origin origin = shared_from(2, "192.0.2.9", 5353);
    struct mdns_answer answer;
    ask(1, NAME);
    for (size_t i = 0; i < COUNT(ips); i++)
        hear_answer(&origin, NAME, ips[i], 120, NULL);
    assert_false(mdns_engine_poll_answer(engine, &answer));
    assert_int_equal(numbers().unbelievable_dropped, COUNT(ips));
    struct net_interface_address list[] = {interface(1, "127.0.0.1", 8)}; /* on loopback itself it is the address to have */
    mdns_engine_set_interfaces(engine, now_us, list, 1);
    origin = shared_from(1, "127.0.0.1", 5353);
    hear_answer(&origin, NAME, "127.0.0.1", 120, NULL);
    assert_true(answered_with(1, "127.0.0.1"));
}

static void broken_messages_are_counted(void **state) {
    (void)state;
    struct mdns_origin origin = shared_from(2, "192.0.2.9", 5353);
    uint8_t bytes[MDNS_WRITE_MAX_BYTES];
    int length = mdns_write_query(0, NAME, false, bytes, sizeof bytes);
    for (int cut = 0; cut < length; cut++)
        mdns_engine_handle_datagram(engine, now_us, &origin, bytes, (size_t)cut);
    assert_int_equal(numbers().malformed_dropped, length);
    assert_int_equal(drain(NULL), 0);
}

/* ---- owning ------------------------------------------------------------------------------------------------------------------------------- */

static void own(const char *ip, uint32_t index, char name[MDNS_UUID_NAME_BYTES]) {
    struct stun_address of = address(ip, 4711);
    assert_int_equal(mdns_engine_own(engine, now_us, &of, index, name), 0);
}

/* Announced, and the second announcement is gone, too: nothing is scheduled. */
static void own_quietly(const char *ip, uint32_t index, char name[MDNS_UUID_NAME_BYTES]) {
    own(ip, index, name);
    drain(NULL);
    sleep_until(now_us + SECOND);
    drain(NULL);
    sleep_until(now_us + SECOND);
    assert_int_equal(mdns_engine_next_timeout(engine), UINT64_MAX);
}

static void expect_address(const struct sent *sent, const char *name, const char *ip, uint32_t ttl_s) {
    struct mdns_cursor cursor = {0};
    struct mdns_record record;
    struct stun_address expected = address(ip, 0);
    assert_true(sent->message.response);
    assert_true(mdns_message_next_record(&sent->message, &cursor, &record));
    assert_string_equal(record.name, name);
    assert_true(stun_address_equal(&record.address, &expected));
    assert_int_equal(record.ttl_s, ttl_s);
}

/* RFC 6762 section 8.3: two announcements a second apart, on the interface of the address, in each family it has. No probes (draft section 3.1.1). */
static void names_are_announced_and_taken_back(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct sent sent;
    uint64_t begin_us = now_us;
    own("192.0.2.1", 2, name);
    for (int i = 0; i < MDNS_ANNOUNCEMENTS; i++) {
        for (int family = 0; family < 2; family++) {
            assert_true(next_sent(&sent));
            assert_true(sent.how.socket == MDNS_SOCKET_SHARED && sent.how.interface == 2);
            struct stun_address group = address(family ? "ff02::fb" : "224.0.0.251", 5353);
            assert_true(stun_address_equal(&sent.how.to, &group));
            sent.message.bytes = sent.bytes;
            expect_address(&sent, name, "192.0.2.1", 120);
        }
        assert_false(next_sent(&sent));
        if (i == 0) {
            assert_int_equal(mdns_engine_next_timeout(engine), begin_us + SECOND);
            sleep_until(begin_us + SECOND - 1);
            assert_false(next_sent(&sent));
            sleep_until(begin_us + SECOND);
        }
    }
    assert_int_equal(mdns_engine_next_timeout(engine), UINT64_MAX);
    assert_int_equal(numbers().owned, 1);
    mdns_engine_disown(engine, now_us, name); /* RFC 6762 section 10.1 */
    assert_int_equal(drain(&sent), 2);
    expect_address(&sent, name, "192.0.2.1", 0);
    assert_int_equal(numbers().owned, 0);
    assert_int_equal(mdns_engine_next_timeout(engine), UINT64_MAX);
    mdns_engine_disown(engine, now_us, name);
    assert_int_equal(drain(NULL), 0);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 40000);
    hear_query(&asker, 1, name, true);
    assert_int_equal(drain(NULL), 0);
}

static void disowning_all_says_goodbye_for_all(void **state) {
    (void)state;
    char names[2][MDNS_UUID_NAME_BYTES];
    own("192.0.2.1", 2, names[0]);
    own("198.51.100.1", 3, names[1]);
    assert_string_not_equal(names[0], names[1]);
    drain(NULL);
    mdns_engine_disown_all(engine, now_us);
    assert_int_equal(drain(NULL), 3);
    assert_int_equal(numbers().owned, 0);
}

/* MDNS_OWNED_MAX at limit - 1, limit, limit + 1. */
static void names_have_a_limit(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct stun_address of = address("192.0.2.1", 0), none = {0};
    for (size_t i = 0; i <= MDNS_OWNED_MAX; i++)
        assert_int_equal(mdns_engine_own(engine, now_us, &of, 2, name), i < MDNS_OWNED_MAX ? 0 : -ENOSPC);
    assert_int_equal(mdns_engine_own(engine, now_us, &none, 2, name), -EINVAL);
    mdns_engine_disown_all(engine, now_us);
    drain(NULL);
    assert_int_equal(mdns_engine_own(engine, now_us, &of, 2, name), 0);
}

/* A call within one process: nobody needs to be asked. */
static void our_own_names_are_known(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    own_quietly("192.0.2.1", 2, name);
    assert_int_equal(mdns_engine_ask(engine, now_us, 5, name), 0);
    assert_true(answered_with(5, "192.0.2.1"));
    assert_int_equal(drain(NULL), 0);
}

/* ---- answering ------------------------------------------------------------------------------------------------------------------------------ */

/* RFC 6762 section 6.7: to the one who asked, with its id and question, and with nothing that it would not understand. */
static void one_shot_queries_are_answered_to_one(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct sent sent;
    struct mdns_question question;
    struct mdns_cursor cursor = {0};
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 40000);
    hear_query(&asker, 0xbeef, name, true);
    assert_int_equal(drain(&sent), 1);
    assert_true(stun_address_equal(&sent.how.to, &asker.source));
    assert_true(sent.how.socket == MDNS_SOCKET_SHARED && sent.how.interface == 2);
    assert_int_equal(sent.message.id, 0xbeef);
    expect_address(&sent, name, "192.0.2.1", 10);
    assert_true(mdns_message_next_question(&sent.message, &cursor, &question));
    assert_string_equal(question.name, name);
    assert_int_equal(numbers().replies_sent, 1);
}

/* RFC 6762 section 5.4: who wants a unicast answer gets one while the link has heard the record lately, and the whole link hears it when not. */
static void unicast_answers_do_not_keep_the_link_in_the_dark(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct sent sent;
    struct stun_address group = address("224.0.0.251", 5353);
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 5353);
    hear_query(&asker, 0, name, true);
    assert_int_equal(drain(&sent), 1);
    assert_true(stun_address_equal(&sent.how.to, &asker.source));
    assert_int_equal(sent.message.id, 0);
    expect_address(&sent, name, "192.0.2.1", 120);
    sleep_until(now_us + 30 * SECOND);
    hear_query(&asker, 0, name, true);
    assert_int_equal(drain(&sent), 1);
    assert_true(stun_address_equal(&sent.how.to, &group));
    hear_query(&asker, 0, name, true);
    assert_int_equal(drain(&sent), 1);
    assert_true(stun_address_equal(&sent.how.to, &asker.source));
}

/* RFC 6762 section 6: a record is multicast once a second, however often it is asked for; and what was asked meanwhile is answered then. */
static void multicast_answers_are_a_second_apart(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct sent sent;
    own_quietly("192.0.2.1", 2, name);
    sleep_until(now_us + SECOND);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 5353);
    uint64_t begin_us = now_us, last_us = 0;
    size_t count = 0;
    for (; now_us < begin_us + 10 * SECOND; sleep_until(now_us + 10000)) {
        hear_query(&asker, 0, name, false);
        if (drain(&sent) == 0)
            continue;
        assert_true(count++ == 0 || now_us - last_us >= SECOND);
        last_us = now_us;
        expect_address(&sent, name, "192.0.2.1", 120);
    }
    assert_int_equal(count, 10);
    assert_int_equal(mdns_engine_next_timeout(engine), last_us + SECOND); /* one is still owed */
    sleep_until(last_us + SECOND);
    assert_int_equal(drain(NULL), 1);
}

/* RFC 6762 section 6.1: the other family is denied, not passed over. */
static void the_other_family_is_denied(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct sent sent;
    struct mdns_record record;
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 40000);
    uint8_t bytes[MDNS_WRITE_MAX_BYTES];
    int length = mdns_write_query(7, name, false, bytes, sizeof bytes);
    bytes[5] = 1; /* only the first question, */
    bytes[length - 6 - 3] = MDNS_TYPE_AAAA; /* for AAAA */
    mdns_engine_handle_datagram(engine, now_us, &asker, bytes, (size_t)length - 6);
    assert_int_equal(drain(&sent), 1);
    struct mdns_cursor cursor = {0};
    assert_true(mdns_message_next_record(&sent.message, &cursor, &record));
    assert_int_equal(record.type, MDNS_TYPE_NSEC);
    assert_false(mdns_message_next_record(&sent.message, &cursor, &record));
}

/* RFC 6762 section 7.1: who lists the answer with half of its lifetime left is not told again. */
static void known_answers_are_not_repeated(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 5353);
    static const struct {
        uint32_t ttl_s;
        const char *ip;
        bool known;
    } cases[] = {{60, "192.0.2.1", true}, {59, "192.0.2.1", false}, {120, "192.0.2.2", false}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t bytes[2 * MDNS_WRITE_MAX_BYTES], answer[MDNS_WRITE_MAX_BYTES];
        struct stun_address ip = address(cases[i].ip, 0);
        int length = mdns_write_query(0, name, false, bytes, sizeof bytes);
        int answer_length = mdns_write_response(name, &ip, MDNS_SAY_ADDRESS, cases[i].ttl_s, NULL, answer, sizeof answer);
        length -= 6; /* the question for AAAA, which would be denied */
        bytes[5] = 1;
        memcpy(bytes + length, answer + 12, (size_t)answer_length - 12);
        bytes[7] = 1;
        mdns_engine_handle_datagram(engine, now_us, &asker, bytes, (size_t)(length + answer_length - 12));
        assert_int_equal(numbers().malformed_dropped, 0);
        assert_int_equal(drain(NULL), cases[i].known ? 0 : 1);
        sleep_until(now_us + 2 * SECOND);
    }
}

/* An address is told on its own interface, to hosts of that link, and never in answer to other names. */
static void nothing_else_is_answered(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin other_interface = shared_from(3, "198.51.100.9", 40000), beyond = shared_from(2, "203.0.113.9", 40000),
                       beyond_shared = shared_from(2, "203.0.113.9", 5353), here = shared_from(2, "192.0.2.9", 40000),
                       at_asker = asker_from(2, "192.0.2.9", 40000);
    hear_query(&other_interface, 1, name, true);
    hear_query(&here, 1, NAME, true);
    hear_query(&here, 1, "host.local", true);
    hear_query(&at_asker, 1, name, true);
    assert_int_equal(numbers().off_link_dropped, 0);
    hear_query(&beyond, 1, name, true); /* a forged source would make us send to it */
    hear_query(&beyond_shared, 1, name, true);
    assert_int_equal(numbers().off_link_dropped, 2);
    assert_int_equal(drain(NULL), 0);
    hear_query(&here, 1, name, true);
    assert_int_equal(drain(NULL), 1);
}

/* MDNS_REPLY_MAX at limit - 1, limit, limit + 1 at once; MDNS_REPLIES_PER_S over time. */
static void replies_have_limits(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin asker = shared_from(2, "192.0.2.9", 40000);
    for (size_t count = MDNS_REPLY_MAX - 1; count <= MDNS_REPLY_MAX + 1; count++) {
        uint64_t dropped = numbers().replies_dropped;
        sleep_until(now_us + 2 * SECOND);
        for (size_t i = 0; i < count; i++)
            hear_query(&asker, (uint16_t)i, name, true);
        assert_int_equal(drain(NULL), count < MDNS_REPLY_MAX ? count : MDNS_REPLY_MAX);
        assert_int_equal(numbers().replies_dropped - dropped, count > MDNS_REPLY_MAX);
    }
    sleep_until(now_us + 2 * SECOND);
    size_t sent = 0;
    for (int ms = 0; ms < 10000; ms++) {
        hear_query(&asker, 1, name, true);
        sent += drain(NULL);
        sleep_until(now_us + 1000);
    }
    assert_in_range(sent, 10 * MDNS_REPLIES_PER_S, 11 * MDNS_REPLIES_PER_S);
}

static void conflicts_are_counted(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    own_quietly("192.0.2.1", 2, name);
    struct mdns_origin origin = shared_from(2, "192.0.2.9", 5353);
    hear_answer(&origin, name, "192.0.2.1", 120, NULL); /* our own words, which multicast brings back */
    assert_int_equal(numbers().conflicts, 0);
    hear_answer(&origin, name, "192.0.2.9", 120, NULL);
    assert_int_equal(numbers().conflicts, 1);
    assert_int_equal(drain(NULL), 0);
}

/* Two engines on one link: one offers, the other finds out, with the very first datagram. */
static void two_engines_understand_each_other(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES];
    struct sent sent;
    struct mdns_engine *offering = engine, *asking = mdns_engine_new(seeded, NULL, now_us);
    struct net_interface_address list[] = {interface(4, "192.0.2.77", 24)};
    mdns_engine_set_interfaces(asking, now_us, list, 1);
    own_quietly("192.0.2.1", 2, name);
    engine = asking;
    assert_int_equal(mdns_engine_ask(asking, now_us, 1, name), 0);
    assert_true(next_sent(&sent));
    engine = offering;
    struct mdns_origin asker = shared_from(2, "192.0.2.77", 50000);
    mdns_engine_handle_datagram(offering, now_us, &asker, sent.bytes, sent.how.length);
    assert_true(next_sent(&sent));
    assert_true(stun_address_equal(&sent.how.to, &asker.source));
    engine = asking;
    struct mdns_origin answerer = asker_from(4, "192.0.2.1", 5353);
    mdns_engine_handle_datagram(asking, now_us, &answerer, sent.bytes, sent.how.length);
    assert_true(answered_with(1, "192.0.2.1"));
    mdns_engine_free(asking);
    engine = offering;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(questions_have_their_times),
        TEST(the_first_question_goes_to_every_link),
        TEST(other_names_are_refused),
        TEST(questions_have_a_limit),
        TEST(questions_follow_the_interfaces),
        TEST(all_links_are_asked),
        TEST(answers_are_believed),
        TEST(all_who_asked_hear_all_addresses),
        TEST(what_was_not_asked_is_not_believed),
        TEST(addresses_that_no_host_can_have_are_not_believed),
        TEST(broken_messages_are_counted),
        TEST(names_are_announced_and_taken_back),
        TEST(disowning_all_says_goodbye_for_all),
        TEST(names_have_a_limit),
        TEST(our_own_names_are_known),
        TEST(one_shot_queries_are_answered_to_one),
        TEST(unicast_answers_do_not_keep_the_link_in_the_dark),
        TEST(multicast_answers_are_a_second_apart),
        TEST(the_other_family_is_denied),
        TEST(known_answers_are_not_repeated),
        TEST(nothing_else_is_answered),
        TEST(replies_have_limits),
        TEST(conflicts_are_counted),
        TEST(two_engines_understand_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
