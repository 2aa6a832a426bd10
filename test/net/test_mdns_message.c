/* Messages of Multicast DNS: what is read, what is refused and by which rule, what is written. */
#include "app/net/mdns_message.h"
#include "test/net/test_net.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"

/* Parses a copy that is exactly as long as it says: what is read beyond is found. */
static int parse_exact(const uint8_t *bytes, size_t length, struct mdns_problem *problem) {
    uint8_t *exact = malloc(length > 0 ? length : 1);
    assert_non_null(exact);
    if (length > 0)
        memcpy(exact, bytes, length);
    struct mdns_message message;
    int error = mdns_message_parse(exact, length, &message, problem);
    if (error == MDNS_OK) {
        struct mdns_cursor cursor = {0};
        struct mdns_question question;
        struct mdns_record record;
        unsigned questions = 0, records = 0;
        while (mdns_message_next_question(&message, &cursor, &question))
            questions++;
        while (mdns_message_next_record(&message, &cursor, &record))
            records++;
        assert_int_equal(questions, message.questions);
        assert_int_equal(records, message.answers + message.authorities + message.additionals);
    }
    free(exact);
    return error;
}

/* Every shorter piece of a valid message is refused, and says where. */
static void truncation_sweep(const uint8_t *bytes, size_t length) {
    assert_int_equal(parse_exact(bytes, length, NULL), MDNS_OK);
    for (size_t cut = 0; cut < length; cut++) {
        struct mdns_problem problem = {0};
        assert_int_equal(parse_exact(bytes, cut, &problem), MDNS_ERROR_MALFORMED);
        assert_true(problem.offset <= cut && strncmp(problem.rule, "RFC ", 4) == 0);
    }
}

static struct stun_address address(const char *text) {
    struct stun_address out;
    assert_true(stun_address_parse_ip(text, strlen(text), &out));
    return out;
}

/* ---- what is written is read ------------------------------------------------------------------------------------------------- */

static void queries_ask_for_both_families(void **state) {
    (void)state;
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    for (int unicast = 0; unicast < 2; unicast++) {
        int length = mdns_write_query(0x1234, NAME, unicast, buffer, sizeof buffer);
        assert_true(length > 0);
        truncation_sweep(buffer, (size_t)length);
        struct mdns_message message;
        struct mdns_cursor cursor = {0};
        struct mdns_question question;
        assert_int_equal(mdns_message_parse(buffer, (size_t)length, &message, NULL), MDNS_OK);
        assert_false(message.response);
        assert_int_equal(message.id, 0x1234);
        static const uint16_t types[] = {MDNS_TYPE_A, MDNS_TYPE_AAAA};
        for (size_t i = 0; i < 2; i++) {
            assert_true(mdns_message_next_question(&message, &cursor, &question));
            assert_string_equal(question.name, NAME);
            assert_int_equal(question.type, types[i]);
            assert_true(question.internet);
            assert_int_equal(question.unicast_response, unicast);
        }
        assert_false(mdns_message_next_question(&message, &cursor, &question));
    }
}

static void responses_say_what_there_is_and_what_not(void **state) {
    (void)state;
    static const char *const ips[] = {"192.0.2.7", "2001:db8::7"};
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    for (size_t i = 0; i < 2; i++)
        for (unsigned say = 1; say <= 3; say++)
            for (int legacy = 0; legacy < 2; legacy++) {
                struct stun_address ip = address(ips[i]);
                struct mdns_legacy one_shot = {.id = 77, .type = MDNS_TYPE_ANY};
                int length = mdns_write_response(NAME, &ip, say, 120, legacy ? &one_shot : NULL, buffer, sizeof buffer);
                assert_true(length > 0);
                truncation_sweep(buffer, (size_t)length);
                struct mdns_message message;
                struct mdns_cursor cursor = {0};
                struct mdns_question question;
                struct mdns_record record;
                assert_int_equal(mdns_message_parse(buffer, (size_t)length, &message, NULL), MDNS_OK);
                assert_true(message.response);
                assert_int_equal(buffer[2], 0x84); /* RFC 6762 section 18.4: authoritative */
                assert_int_equal(message.id, legacy ? 77 : 0);
                assert_int_equal(mdns_message_next_question(&message, &cursor, &question), legacy); /* RFC 6762 section 6.7 */
                if (legacy)
                    assert_string_equal(question.name, NAME);
                if (say & MDNS_SAY_ADDRESS) {
                    assert_true(mdns_message_next_record(&message, &cursor, &record));
                    assert_int_equal(record.type, i == 0 ? MDNS_TYPE_A : MDNS_TYPE_AAAA);
                    assert_true(stun_address_equal(&record.address, &ip));
                    assert_int_equal(record.cache_flush, !legacy); /* RFC 6762 section 10.2, 6.7 */
                    assert_int_equal(record.ttl_s, legacy ? 10 : 120);
                    assert_string_equal(record.name, NAME);
                    assert_int_equal(record.section, MDNS_SECTION_ANSWER);
                }
                if (say & MDNS_SAY_NO_OTHER) { /* RFC 6762 section 6.1 */
                    assert_true(mdns_message_next_record(&message, &cursor, &record));
                    assert_int_equal(record.type, MDNS_TYPE_NSEC);
                    assert_int_equal(record.address.family, STUN_ADDRESS_NONE);
                    static const uint8_t only_a[] = {0xc0, 12, 0, 1, 0x40}, only_aaaa[] = {0xc0, 12, 0, 4, 0, 0, 0, 8};
                    size_t bytes = i == 0 ? sizeof only_a : sizeof only_aaaa;
                    assert_memory_equal(buffer + length - bytes, i == 0 ? only_a : only_aaaa, bytes);
                }
                assert_false(mdns_message_next_record(&message, &cursor, &record));
            }
}

/* The cursor finds records although nobody looked at the questions. */
static void records_are_found_behind_questions(void **state) {
    (void)state;
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    struct stun_address ip = address("192.0.2.7");
    int length = mdns_write_response(NAME, &ip, MDNS_SAY_ADDRESS, 120, &(struct mdns_legacy){.id = 1, .type = MDNS_TYPE_A}, buffer, sizeof buffer);
    struct mdns_message message;
    struct mdns_cursor cursor = {0};
    struct mdns_record record;
    assert_int_equal(mdns_message_parse(buffer, (size_t)length, &message, NULL), MDNS_OK);
    assert_true(mdns_message_next_record(&message, &cursor, &record));
    assert_true(stun_address_equal(&record.address, &ip));
}

static void writers_refuse(void **state) {
    (void)state;
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    struct stun_address ip = address("2001:db8::7"), none = {0};
    char name[300];
    static const char *const bad[] = {"", ".", "a..local", ".local", "a.local."};
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(mdns_write_query(0, bad[i], false, buffer, sizeof buffer), MDNS_ERROR_ARGUMENT);
        assert_int_equal(mdns_write_response(bad[i], &ip, 1, 0, NULL, buffer, sizeof buffer), MDNS_ERROR_ARGUMENT);
    }
    for (size_t label = 62; label <= 64; label++) { /* RFC 1035 section 2.3.4: 63 */
        memset(name, 'a', label);
        memcpy(name + label, ".local", 7);
        assert_int_equal(mdns_write_query(0, name, false, buffer, sizeof buffer) > 0, label <= 63);
    }
    for (size_t length = MDNS_NAME_MAX_BYTES - 1; length <= MDNS_NAME_MAX_BYTES + 1; length++) { /* MDNS_NAME_MAX_BYTES */
        for (size_t i = 0; i < length; i++)
            name[i] = i % 50 == 49 ? '.' : 'a';
        name[length] = '\0';
        int written = mdns_write_query(0, name, false, buffer, sizeof buffer);
        assert_int_equal(written > 0, length <= MDNS_NAME_MAX_BYTES);
        if (written > 0)
            assert_int_equal(parse_exact(buffer, (size_t)written, NULL), MDNS_OK);
    }
    assert_int_equal(mdns_write_response(NAME, &none, 1, 0, NULL, buffer, sizeof buffer), MDNS_ERROR_ARGUMENT);
    assert_int_equal(mdns_write_response(NAME, &ip, 0, 0, NULL, buffer, sizeof buffer), MDNS_ERROR_ARGUMENT);
    struct mdns_legacy legacy = {.id = 1, .type = 1};
    int query = mdns_write_query(0, NAME, true, buffer, sizeof buffer), response = mdns_write_response(NAME, &ip, 3, 120, &legacy, buffer, sizeof buffer);
    for (int capacity = 0; capacity < response; capacity++) {
        uint8_t *exact = malloc((size_t)capacity + 1);
        assert_int_equal(mdns_write_query(0, NAME, true, exact, (size_t)capacity), capacity < query ? MDNS_ERROR_BUFFER : query);
        assert_int_equal(mdns_write_response(NAME, &ip, 3, 120, &legacy, exact, (size_t)capacity), MDNS_ERROR_BUFFER);
        free(exact);
    }
}

/* ---- what others write ----------------------------------------------------------------------------------------------------------- */

/* A message of one question with this name in wire form. */
static size_t question_of(uint8_t *out, const void *name, size_t length) {
    static const uint8_t header[12] = {[5] = 1};
    memcpy(out, header, 12);
    memcpy(out + 12, name, length);
    memcpy(out + 12 + length, "\0\1\0\1", 4);
    return 12 + length + 4;
}

static const char *read_one(const uint8_t *bytes, size_t length) {
    static struct mdns_question question;
    struct mdns_message message;
    struct mdns_cursor cursor = {0};
    if (parse_exact(bytes, length, NULL) != MDNS_OK || mdns_message_parse(bytes, length, &message, NULL) != MDNS_OK)
        return "malformed";
    assert_true(mdns_message_next_question(&message, &cursor, &question));
    return question.name;
}

static void names_are_read_in_lower_case(void **state) {
    (void)state;
    uint8_t bytes[600];
    assert_string_equal(read_one(bytes, question_of(bytes, "\3AbC\5LOCAL", 11)), "abc.local");
    assert_string_equal(read_one(bytes, question_of(bytes, "\3_-9\5local", 11)), "_-9.local");
    assert_string_equal(read_one(bytes, question_of(bytes, "\0", 1)), ""); /* the root */
    assert_string_equal(read_one(bytes, question_of(bytes, "\3a.c\5local", 11)), ""); /* a dot within a label is no separator */
    assert_string_equal(read_one(bytes, question_of(bytes, "\3a\0c\5local", 11)), "");
    assert_string_equal(read_one(bytes, question_of(bytes, "\4\xc3\xa4 b\5local", 12)), "");
}

/* RFC 1035 section 4.1.4. A loop would need a pointer that does not go back. */
static void pointers_only_go_back(void **state) {
    (void)state;
    uint8_t bytes[600];
    assert_string_equal(read_one(bytes, question_of(bytes, "\1a\xc0\x0c", 4)), "malformed"); /* to its own name: a.a.a.a... */
    assert_string_equal(read_one(bytes, question_of(bytes, "\xc0\x0c", 2)), "malformed");   /* to itself */
    assert_string_equal(read_one(bytes, question_of(bytes, "\xc0\x0d", 2)), "malformed");   /* forward */
    assert_string_equal(read_one(bytes, question_of(bytes, "\xc0\x00", 2)), "malformed");   /* into the header */
    assert_string_equal(read_one(bytes, question_of(bytes, "\xc0\x0b", 2)), "malformed");
    assert_string_equal(read_one(bytes, question_of(bytes, "\xff\xff", 2)), "malformed");   /* beyond */
    static const uint8_t forward[] = {0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0xc0, 18, 0, 1, 0, 1, 1, 'a', 0, 0, 1, 0, 1};
    assert_int_equal(parse_exact(forward, sizeof forward, NULL), MDNS_ERROR_MALFORMED); /* to a good name, but not a prior one */
    assert_string_equal(read_one(bytes, question_of(bytes, "\x40", 1)), "malformed");
    assert_string_equal(read_one(bytes, question_of(bytes, "\x80", 1)), "malformed");
}

/* MDNS_POINTER_MAX at limit - 1, limit, limit + 1: questions whose names are one label and a pointer to the one before. */
static void pointers_have_a_limit(void **state) {
    (void)state;
    for (size_t pointers = MDNS_POINTER_MAX - 1; pointers <= MDNS_POINTER_MAX + 1; pointers++) {
        uint8_t bytes[600] = {[5] = (uint8_t)(pointers + 1)};
        size_t at = 12, before = 0;
        for (size_t i = 0; i <= pointers; i++) {
            size_t begin = at;
            bytes[at++] = 1;
            bytes[at++] = 'a';
            bytes[at++] = i == 0 ? 0 : 0xc0;
            if (i > 0)
                bytes[at++] = (uint8_t)before;
            memcpy(bytes + at, "\0\1\0\1", 4);
            at += 4;
            before = begin;
        }
        assert_int_equal(parse_exact(bytes, at, NULL), pointers <= MDNS_POINTER_MAX ? MDNS_OK : MDNS_ERROR_MALFORMED);
    }
}

/* RFC 1035 section 2.3.4: 255 bytes on the wire, at limit - 1, limit, limit + 1. */
static void names_have_a_limit(void **state) {
    (void)state;
    for (size_t wire = 254; wire <= 256; wire++) {
        uint8_t name[300], bytes[400];
        size_t at = 0, left = wire - 1;
        while (left > 0) {
            size_t label = left - 1 < 60 ? left - 1 : 60;
            if (left - 1 - label == 1)
                label--; /* a rest of one byte could not be a label */
            name[at] = (uint8_t)label;
            memset(name + at + 1, 'x', label);
            at += label + 1;
            left -= label + 1;
        }
        name[at++] = 0;
        assert_int_equal(at, wire);
        const char *text = read_one(bytes, question_of(bytes, name, at));
        if (wire <= 255)
            assert_int_equal(strlen(text), wire - 2);
        else
            assert_string_equal(text, "malformed");
    }
}

static void headers_are_judged(void **state) {
    (void)state;
    static uint8_t bytes[MDNS_MESSAGE_MAX_BYTES + 1];
    assert_int_equal(parse_exact(bytes, 11, NULL), MDNS_ERROR_MALFORMED);
    assert_int_equal(parse_exact(bytes, 12, NULL), MDNS_OK);
    for (size_t length = MDNS_MESSAGE_MAX_BYTES - 1; length <= MDNS_MESSAGE_MAX_BYTES + 1; length++) /* RFC 6762 section 17 */
        assert_int_equal(parse_exact(bytes, length, NULL), length <= MDNS_MESSAGE_MAX_BYTES ? MDNS_OK : MDNS_ERROR_MALFORMED);
    for (unsigned flags = 0; flags <= 0xffff; flags++) { /* RFC 6762 section 18.3, 18.11; the rest is let pass */
        bytes[2] = (uint8_t)(flags >> 8);
        bytes[3] = (uint8_t)flags;
        struct mdns_message message;
        int error = mdns_message_parse(bytes, 12, &message, NULL);
        assert_int_equal(error, (flags & 0x780f) == 0 ? MDNS_OK : MDNS_ERROR_MALFORMED);
        if (error == MDNS_OK)
            assert_true(message.response == (flags >> 15 == 1) && message.truncated == ((flags & 0x200) != 0));
    }
}

static void addresses_have_their_size(void **state) {
    (void)state;
    for (int type = 0; type < 2; type++)
        for (uint8_t length = 0; length <= 20; length++) {
            uint8_t bytes[64] = {[2] = 0x84, [7] = 1, [14] = type ? MDNS_TYPE_AAAA : MDNS_TYPE_A, [16] = 1, [22] = length};
            assert_int_equal(parse_exact(bytes, 23u + length, NULL), length == (type ? 16 : 4) ? MDNS_OK : MDNS_ERROR_MALFORMED);
            bytes[16] = 3; /* of another class they are not addresses */
            assert_int_equal(parse_exact(bytes, 23u + length, NULL), MDNS_OK);
        }
}

/* Two records, the second name a pointer: what a host with both families says of itself. */
static void an_answer_of_another_responder_is_read(void **state) {
    (void)state;
    static const uint8_t bytes[] = {0, 0, 0x84, 0, 0, 0, 0, 2, 0, 0, 0, 0, 4, 'h', 'o', 's', 't', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 1, 0x80, 1,
                                    0, 0, 0, 120, 0, 4, 10, 0, 0, 1, 0xc0, 12, 0, 28, 0x80, 1, 0, 0, 0, 120, 0, 16, 0xfe, 0x80, 0, 0, 0, 0,
                                    0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    truncation_sweep(bytes, sizeof bytes);
    struct mdns_message message;
    struct mdns_cursor cursor = {0};
    struct mdns_record record;
    assert_int_equal(mdns_message_parse(bytes, sizeof bytes, &message, NULL), MDNS_OK);
    assert_true(mdns_message_next_record(&message, &cursor, &record));
    assert_true(record.cache_flush && record.ttl_s == 120 && record.address.ip[0] == 10);
    assert_true(mdns_message_next_record(&message, &cursor, &record));
    assert_string_equal(record.name, "host.local");
    assert_int_equal(record.address.family, STUN_ADDRESS_IPV6);
}

/* ---- names ---------------------------------------------------------------------------------------------------------------------------- */

static void only_hosts_of_the_link_are_asked_for(void **state) {
    (void)state;
    char out[MDNS_NAME_MAX_BYTES + 1], name[400];
    assert_true(mdns_name_is_local_host("ABC-1.Local", out));
    assert_string_equal(out, "abc-1.local");
    assert_true(mdns_name_is_local_host("abc.local.", out));
    assert_string_equal(out, "abc.local");
    static const char *const others[] = {"", ".", "local", ".local", "local.", "a.b.local", "a.local..", "a.locally", "a.loca", "a.local.org",
                                         "a b.local", "a", "192.0.2.1", "a_local", "a.local.x", "a..local"};
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(mdns_name_is_local_host(others[i], out));
    for (size_t label = 62; label <= 64; label++) {
        memset(name, 'a', label);
        memcpy(name + label, ".local", 7);
        assert_int_equal(mdns_name_is_local_host(name, out), label <= 63);
    }
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(mdns_name_is_local_host(name, out));
}

/* RFC 9562 section 5.4: version 4, variant 10; lower case. */
static void names_of_ours_are_random_uuids(void **state) {
    (void)state;
    char name[MDNS_UUID_NAME_BYTES], local[MDNS_NAME_MAX_BYTES + 1];
    uint8_t random[16];
    memset(random, 0xff, 16);
    mdns_uuid_name(random, name);
    assert_string_equal(name, "ffffffff-ffff-4fff-bfff-ffffffffffff.local");
    memset(random, 0, 16);
    mdns_uuid_name(random, name);
    assert_string_equal(name, "00000000-0000-4000-8000-000000000000.local");
    assert_true(mdns_name_is_local_host(name, local));
    assert_string_equal(local, name);
}

/* ---- corpora ------------------------------------------------------------------------------------------------------------------------------ */

static void the_corpus_is_read_or_refused(void **state) {
    (void)state;
    const char *corpora = getenv("STRATA_CORPORA");
    char path[4096];
    snprintf(path, sizeof path, "%s/mdns", corpora != NULL ? corpora : "");
    DIR *folder = corpora != NULL ? opendir(path) : NULL;
    if (folder == NULL) {
        print_message("SKIP: the_corpus_is_read_or_refused: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    size_t files = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        static uint8_t bytes[1 << 16];
        if (entry->d_name[0] == '.')
            continue;
        assert_true((size_t)snprintf(path, sizeof path, "%s/mdns/%s", corpora, entry->d_name) < sizeof path);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        for (size_t cut = 0; cut <= length; cut++) {
            struct mdns_problem problem = {.offset = 0, .rule = ""};
            if (parse_exact(bytes, cut, &problem) != MDNS_OK)
                assert_true(problem.offset <= cut && strncmp(problem.rule, "RFC ", 4) == 0);
        }
        files++;
    }
    closedir(folder);
    assert_true(files > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_ask_for_both_families),
        cmocka_unit_test(responses_say_what_there_is_and_what_not),
        cmocka_unit_test(records_are_found_behind_questions),
        cmocka_unit_test(writers_refuse),
        cmocka_unit_test(names_are_read_in_lower_case),
        cmocka_unit_test(pointers_only_go_back),
        cmocka_unit_test(pointers_have_a_limit),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(headers_are_judged),
        cmocka_unit_test(addresses_have_their_size),
        cmocka_unit_test(an_answer_of_another_responder_is_read),
        cmocka_unit_test(only_hosts_of_the_link_are_asked_for),
        cmocka_unit_test(names_of_ours_are_random_uuids),
        cmocka_unit_test(the_corpus_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
