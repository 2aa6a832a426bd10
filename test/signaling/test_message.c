/* Messages: every shape there is, what is refused and where, and round trips. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "signaling/json_internal.h"
#include "signaling/message.h"

static enum signaling_error parse(const char *text, struct signaling_message *out) {
    struct signaling_problem problem = {0, 0, ""};
    enum signaling_error error = signaling_message_parse(text, strlen(text), out, &problem);
    assert_true((error == SIGNALING_OK) == (problem.sentence[0] == '\0'));
    return error;
}

/* The shapes of docs/signaling.md, and the canonical one that each means. */
static const struct {
    const char *shape, *canonical;
} shapes[] = {
    {"{\"type\":\"joined\",\"id\":\"a\",\"room\":\"demo\",\"peers\":[\"b\",\"c\"],\"iceServers\":[{\"urls\":\"stun:s\"},{\"urls\":[\"turn:t\",\"turns:t\"],"
     "\"username\":\"u\",\"credential\":\"p\"}]}",
     "{\"type\":\"joined\",\"id\":\"a\",\"room\":\"demo\",\"peers\":[\"b\",\"c\"],\"iceServers\":[{\"urls\":\"stun:s\"},{\"urls\":\"turn:t\",\"username\":\"u\","
     "\"credential\":\"p\"},{\"urls\":\"turns:t\",\"username\":\"u\",\"credential\":\"p\"}]}"},
    {"{\"type\":\"peer-joined\",\"id\":\"b\"}", "{\"type\":\"peer-joined\",\"id\":\"b\"}"},
    {"{\"id\":\"b\",\"reason\":\"closed\",\"type\":\"peer-left\"}", "{\"type\":\"peer-left\",\"id\":\"b\",\"reason\":\"closed\"}"},
    {" {\"type\" : \"ready\", \"more\":[1,{}]} ", "{\"type\":\"ready\"}"},
    {"{\"type\":\"ready\",\"role\":\"caller\"}", "{\"type\":\"ready\",\"role\":\"caller\"}"},
    {"{\"type\":\"bye\",\"from\":\"x\"}", "{\"type\":\"bye\",\"from\":\"x\"}"},
    {"{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}", "{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}"},
    {"{\"type\":\"answer\",\"sdp\":\"\\u00e9\\\"\\\\\\u0001\"}", "{\"type\":\"answer\",\"sdp\":\"\xC3\xA9\\\"\\\\\\u0001\"}"},
    {"{\"offer\":{\"type\":\"offer\",\"sdp\":\"o\"}}", "{\"type\":\"offer\",\"sdp\":\"o\"}"},
    {"{\"answer\":{\"sdp\":\"o\"}}", "{\"type\":\"answer\",\"sdp\":\"o\"}"},
    {"{\"type\":\"offer\",\"offer\":{\"type\":\"offer\",\"sdp\":\"o\"}}", "{\"type\":\"offer\",\"sdp\":\"o\"}"},
    {"{\"type\":\"answer\",\"answer\":{\"type\":\"answer\",\"sdp\":\"o\"}}", "{\"type\":\"answer\",\"sdp\":\"o\"}"},
    {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"uf\"}}",
     "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"uf\"}}"},
    {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":null,\"sdpMLineIndex\":65535,\"usernameFragment\":null}}",
     "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMLineIndex\":65535}}"},
    {"{\"type\":\"candidate\",\"candidate\":\"candidate:1\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}",
     "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}"},
    {"{\"new-ice-candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\"}}",
     "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\"}}"},
    {"{\"iceCandidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\"}}", "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1\",\"sdpMid\":\"0\"}}"},
    {"{\"type\":\"candidate\",\"candidate\":null}", "{\"type\":\"candidate\",\"candidate\":null}"},
    {"{\"iceCandidate\":null}", "{\"type\":\"candidate\",\"candidate\":null}"},
    {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"\",\"sdpMid\":\"0\"}}", "{\"type\":\"candidate\",\"candidate\":null}"},
    {"{\"type\":\"error\",\"code\":\"room-full\",\"message\":\"m\",\"hint\":\"h\"}", "{\"type\":\"error\",\"code\":\"room-full\",\"message\":\"m\",\"hint\":\"h\"}"},
};
#define SHAPES (sizeof shapes / sizeof shapes[0])

static void test_shapes(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        struct signaling_message message;
        char text[1024];
        size_t length = 0;
        assert_int_equal(parse(shapes[i].shape, &message), SIGNALING_OK);
        assert_int_equal(signaling_message_write(&message, text, sizeof text, &length), SIGNALING_OK);
        assert_string_equal(text, shapes[i].canonical);
        assert_int_equal(length, strlen(text));
        /* Every smaller buffer is refused, and the needed length told. */
        for (size_t capacity = 0; capacity <= length; capacity++) {
            size_t needed = 0;
            char *small = malloc(capacity > 0 ? capacity : 1);
            assert_int_equal(signaling_message_write(&message, small, capacity, &needed), SIGNALING_ERROR_BUFFER);
            assert_int_equal(needed, length);
            free(small);
        }
        signaling_message_release(&message);
        assert_int_equal(parse(text, &message), SIGNALING_OK);
        signaling_message_release(&message);
    }
}

/* Cut anywhere, a message is refused (white space behind it apart), and not one byte behind the cut is read. */
static void test_truncation(void **state) {
    (void)state;
    for (size_t i = 0; i < SHAPES; i++) {
        size_t whole = strlen(shapes[i].shape);
        while (shapes[i].shape[whole - 1] == ' ')
            whole--;
        for (size_t length = 0; length < whole; length++) {
            struct signaling_message message;
            struct signaling_problem problem;
            char *cut = malloc(length > 0 ? length : 1);
            memcpy(cut, shapes[i].shape, length);
            assert_int_equal(signaling_message_parse(cut, length, &message, &problem), SIGNALING_ERROR_BAD_JSON);
            assert_null(message.tree);
            free(cut);
        }
    }
}

static void test_refused(void **state) {
    static const struct {
        const char *text;
        enum signaling_error error;
    } cases[] = {
        {"", SIGNALING_ERROR_BAD_JSON},
        {"null", SIGNALING_ERROR_BAD_JSON},
        {"[]", SIGNALING_ERROR_BAD_JSON},
        {"{}", SIGNALING_ERROR_UNKNOWN_TYPE},
        {"{\"type\":\"OFFER\",\"sdp\":\"\"}", SIGNALING_ERROR_UNKNOWN_TYPE},
        {"{\"type\":\"\xE2\x82\xAC\\u0007\"}", SIGNALING_ERROR_UNKNOWN_TYPE},
        {"{\"type\":7}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"bye\",\"type\":\"bye\"}", SIGNALING_ERROR_BAD_JSON}, /* RFC 8259 section 4 */
        {"{\"type\":\"bye\",\"from\":1}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"bye\",\"a\\u0000b\":1}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"bye\",\"a\":\"\\u0000\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"bye\",\"a\":\"\xFF\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"bye\"} {}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"offer\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"offer\",\"sdp\":1}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"offer\",\"offer\":\"v=0\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"offer\",\"offer\":{\"type\":\"answer\",\"sdp\":\"\"}}", SIGNALING_ERROR_BAD_JSON},
        {"{\"offer\":{}}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"candidate\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"candidate\",\"candidate\":1}", SIGNALING_ERROR_BAD_JSON},
        {"{\"iceCandidate\":\"candidate:1\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"c\",\"sdpMLineIndex\":65536}}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"c\",\"sdpMLineIndex\":-1}}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"c\",\"sdpMLineIndex\":0.0}}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"c\",\"sdpMid\":0}}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"joined\"}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"joined\",\"id\":\"a\",\"peers\":[1]}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"joined\",\"id\":\"a\",\"iceServers\":[{}]}", SIGNALING_ERROR_BAD_JSON},
        {"{\"type\":\"error\"}", SIGNALING_ERROR_BAD_JSON},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct signaling_message message;
        assert_int_equal(parse(cases[i].text, &message), cases[i].error);
    }
}

static void test_problem_says_where(void **state) {
    struct signaling_message message;
    struct signaling_problem problem;
    const char *text = "{\"type\":\"bye\",\n  oops}";
    (void)state;
    assert_int_equal(signaling_message_parse(text, strlen(text), &message, &problem), SIGNALING_ERROR_BAD_JSON);
    assert_int_equal(problem.line, 2);
    assert_true(problem.column >= 3 && problem.column <= 6);
}

/* Appends `string` to the one in an array; a test whose array is too small fails. */
#define append_to(array, string) append_text((array), sizeof(array), (string))

static void append_text(char *text, size_t capacity, const char *more) {
    size_t length = strlen(text), added = strlen(more);
    assert_true(added < capacity - length);
    memcpy(text + length, more, added + 1);
}

/* Of depth and of size: one less, as many, one more. */
static void test_depth_limit(void **state) {
    (void)state;
    for (size_t depth = SIGNALING_JSON_DEPTH_MAX - 1; depth <= SIGNALING_JSON_DEPTH_MAX + 1; depth++) {
        char text[256] = "{\"type\":\"bye\",\"s\":\"[[[{{{\\\"[[\",\"x\":";
        for (size_t i = 1; i < depth; i++)
            append_to(text, "[");
        for (size_t i = 1; i < depth; i++)
            append_to(text, "]");
        append_to(text, "}");
        struct signaling_message message;
        assert_int_equal(parse(text, &message), depth <= SIGNALING_JSON_DEPTH_MAX ? SIGNALING_OK : SIGNALING_ERROR_BAD_JSON);
        signaling_message_release(&message);
    }
}

static void test_size_limit(void **state) {
    (void)state;
    for (size_t length = SIGNALING_RELAYED_MAX_BYTES - 1; length <= SIGNALING_RELAYED_MAX_BYTES + 1; length++) {
        char *text = malloc(length);
        struct signaling_message message;
        memset(text, ' ', length);
        memcpy(text, "{\"type\":\"bye\"}", 14);
        assert_int_equal(signaling_message_parse(text, length, &message, NULL),
                         length <= SIGNALING_RELAYED_MAX_BYTES ? SIGNALING_OK : SIGNALING_ERROR_TOO_LARGE);
        signaling_message_release(&message);
        free(text);
    }
}

static void test_peer_and_server_limits(void **state) {
    (void)state;
    for (size_t count = SIGNALING_PEERS_MAX - 1; count <= SIGNALING_PEERS_MAX + 1; count++) {
        char text[2048] = "{\"type\":\"joined\",\"id\":\"a\",\"peers\":[\"p\"";
        struct signaling_message message;
        for (size_t i = 1; i < count; i++)
            append_to(text, ",\"p\"");
        append_to(text, "]}");
        assert_int_equal(parse(text, &message), count <= SIGNALING_PEERS_MAX ? SIGNALING_OK : SIGNALING_ERROR_CAPACITY);
        signaling_message_release(&message);
    }
    for (size_t count = SIGNALING_ICE_SERVERS_MAX - 1; count <= SIGNALING_ICE_SERVERS_MAX + 1; count++) {
        char text[2048] = "{\"type\":\"joined\",\"id\":\"a\",\"iceServers\":[{\"urls\":[\"s\"";
        struct signaling_message message;
        for (size_t i = 1; i < count; i++)
            append_to(text, ",\"s\"");
        append_to(text, "]}]}");
        assert_int_equal(parse(text, &message), count <= SIGNALING_ICE_SERVERS_MAX ? SIGNALING_OK : SIGNALING_ERROR_CAPACITY);
        signaling_message_release(&message);
    }
}

static void test_write_refuses(void **state) {
    static const char *const not_utf8[] = {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                                           "\xC3", "\xE2\x82", "\xC3("};
    char text[64];
    size_t length = 1;
    (void)state;
    struct signaling_message message = {.type = SIGNALING_OFFER};
    assert_int_equal(signaling_message_write(&message, text, sizeof text, &length), SIGNALING_ERROR_ARGUMENT);
    assert_int_equal(length, 0);
    for (size_t i = 0; i < sizeof not_utf8 / sizeof not_utf8[0]; i++) {
        message.sdp = signaling_text_of(not_utf8[i]);
        assert_int_equal(signaling_message_write(&message, text, sizeof text, &length), SIGNALING_ERROR_ARGUMENT);
    }
    message.sdp = (struct signaling_text){"a\0b", 3};
    assert_int_equal(signaling_message_write(&message, text, sizeof text, &length), SIGNALING_ERROR_ARGUMENT);
    message.sdp = signaling_text_of("\xF4\x8F\xBF\xBF\xEE\x80\x80\xED\x9F\xBF");
    assert_int_equal(signaling_message_write(&message, text, sizeof text, &length), SIGNALING_OK);
    message.type = 0;
    assert_int_equal(signaling_message_write(&message, text, sizeof text, &length), SIGNALING_ERROR_ARGUMENT);
}

static void test_room_names(void **state) {
    char name[SIGNALING_ROOM_NAME_MAX_BYTES + 1];
    (void)state;
    memset(name, 'a', sizeof name);
    assert_false(signaling_room_name_is_valid(name, 0));
    assert_true(signaling_room_name_is_valid(name, 1));
    assert_true(signaling_room_name_is_valid(name, SIGNALING_ROOM_NAME_MAX_BYTES - 1));
    assert_true(signaling_room_name_is_valid(name, SIGNALING_ROOM_NAME_MAX_BYTES));
    assert_false(signaling_room_name_is_valid(name, SIGNALING_ROOM_NAME_MAX_BYTES + 1));
    for (int c = 0; c < 256; c++) {
        bool wanted = c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.", c) != NULL;
        name[0] = (char)c;
        assert_int_equal(signaling_room_name_is_valid(name, 1), wanted);
    }
}

/* Duplicate keys and NUL are refused by choice; all else is as the names of the files say. */
static bool refused_by_choice(const char *name) {
    return strstr(name, "y_object_duplicated_key") != NULL || strstr(name, "y_object_escaped_null_in_key") != NULL ||
           strstr(name, "y_string_null_escape") != NULL;
}

static void test_corpus(void **state) {
    const char *root = getenv("STRATA_CORPORA");
    char path[1024];
    (void)state;
    snprintf(path, sizeof path, "%s/json", root != NULL ? root : "");
    DIR *folder = root != NULL ? opendir(path) : NULL;
    if (folder == NULL) {
        puts("SKIP: test_corpus: corpora not present (set STRATA_CORPORA)");
        skip();
    }
    size_t accepted = 0, rejected = 0;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        static char bytes[1 << 21];
        snprintf(path, sizeof path, "%s/json/%s", root, entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "rb") : NULL;
        if (file == NULL)
            continue;
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        char *exact = malloc(length > 0 ? length : 1);
        memcpy(exact, bytes, length);
        json_t *tree = NULL;
        bool good = signaling_json_load(exact, length, &tree, NULL) == SIGNALING_OK;
        json_decref(tree);
        struct signaling_message message;
        signaling_message_parse(exact, length, &message, NULL);
        signaling_message_release(&message);
        free(exact);
        if (strstr(entry->d_name, "_y_") != NULL || strncmp(entry->d_name, "y_", 2) == 0) {
            if (good == refused_by_choice(entry->d_name))
                fail_msg("%s", entry->d_name);
            accepted++;
        } else if (strstr(entry->d_name, "_n_") != NULL || strncmp(entry->d_name, "n_", 2) == 0) {
            if (good)
                fail_msg("%s", entry->d_name);
            rejected++;
        }
    }
    closedir(folder);
    assert_true(accepted > 50 && rejected > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),        cmocka_unit_test(test_truncation),  cmocka_unit_test(test_refused),
        cmocka_unit_test(test_problem_says_where), cmocka_unit_test(test_depth_limit), cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_peer_and_server_limits), cmocka_unit_test(test_write_refuses), cmocka_unit_test(test_room_names),
        cmocka_unit_test(test_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
