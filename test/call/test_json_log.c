#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "app/call/json_log.h"

static const char template[] = "/tmp/strata-json-log-XXXXXX";
static char path[sizeof template];

static int make_path(void **state) {
    (void)state;
    memcpy(path, template, sizeof template);
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_path(void **state) {
    (void)state;
    return unlink(path);
}

static void test_lines(void **state) {
    (void)state;
    struct call_problem problem = {0};
    struct call_json_log *log = call_json_log_new(path, 1000000, &problem);
    assert_non_null(log);
    call_json_log_event(log, 1000000, "begin", NULL);
    call_json_log_event(log, 3500001, "track", json_pack("{s:s,s:s}", "kind", "video", "codec", "VP8"));
    call_json_log_event(log, 5, "early", NULL); /* before the start: 0, never a huge number */
    assert_true(call_json_log_free(log));

    static const struct {
        double seconds;
        const char *event, *kind;
    } wanted[] = {{0, "begin", NULL}, {2.500001, "track", "video"}, {0, "early", NULL}};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[256];
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_non_null(fgets(line, sizeof line, file));
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(object);
        assert_true(json_number_value(json_object_get(object, "t")) == wanted[i].seconds);
        assert_string_equal(json_string_value(json_object_get(object, "event")), wanted[i].event);
        if (wanted[i].kind)
            assert_string_equal(json_string_value(json_object_get(object, "kind")), wanted[i].kind);
        json_decref(object);
    }
    assert_null(fgets(line, sizeof line, file));
    (void)fclose(file);
}

/* W3C hr-time, DOMHighResTimeStamp: milliseconds since 1970 (and since 1900) are finer than a millisecond, and without an exponent. */
static void test_timestamps_are_fine(void **state) {
    (void)state;
    struct call_problem problem = {0};
    struct call_json_log *log = call_json_log_new(path, 0, &problem);
    assert_non_null(log);
    call_json_log_event(log, 0, "stats", json_pack("{s:f,s:f,s:f}", "timestamp", 1795295864537.62, "estimatedPlayoutTimestamp", 4004284664537.62, "jitter", 0.07));
    assert_true(call_json_log_free(log));

    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[256];
    assert_non_null(fgets(line, sizeof line, file));
    assert_string_equal(line, "{\"t\":0.0,\"event\":\"stats\",\"timestamp\":1795295864537.62,\"estimatedPlayoutTimestamp\":4004284664537.62,\"jitter\":0.07}\n");
    (void)fclose(file);
}

static void test_no_log_takes_the_reference(void **state) {
    (void)state;
    json_t *members = json_object();
    json_incref(members);
    call_json_log_event(NULL, 0, "nothing", members);
    assert_int_equal(members->refcount, 1);
    json_decref(members);
}

static void test_a_file_that_cannot_be_made(void **state) {
    (void)state;
    struct call_problem problem = {0};
    assert_null(call_json_log_new("/nonexistent/folder/log", 0, &problem));
    assert_int_equal(problem.exit_code, CALL_EXIT_FILE);
    assert_non_null(strstr(problem.what, "/nonexistent/folder/log"));
    assert_true(problem.why[0] && problem.try_this[0]);
}

static void test_a_full_disk_is_told(void **state) {
    (void)state;
    struct call_problem problem = {0};
    struct call_json_log *log = call_json_log_new("/dev/full", 0, &problem);
    assert_non_null(log);
    call_json_log_event(log, 0, "lost", NULL);
    assert_false(call_json_log_free(log));
}

static void test_sentences_are_cut_not_overrun(void **state) {
    (void)state;
    for (size_t length = CALL_SENTENCE_BYTES - 2; length <= CALL_SENTENCE_BYTES; length++) {
        char text[CALL_SENTENCE_BYTES + 1];
        memset(text, 'x', length);
        text[length] = '\0';
        struct call_problem problem;
        call_problem_set(&problem, CALL_EXIT_ICE, "ice", text, NULL, text);
        size_t kept = length < CALL_SENTENCE_BYTES ? length : CALL_SENTENCE_BYTES - 1;
        assert_int_equal(strlen(problem.what), kept);
        assert_int_equal(strlen(problem.try_this), kept);
        assert_string_equal(problem.why, "");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, make_path, remove_path),
        cmocka_unit_test_setup_teardown(test_timestamps_are_fine, make_path, remove_path),
        cmocka_unit_test(test_no_log_takes_the_reference),
        cmocka_unit_test(test_a_file_that_cannot_be_made),
        cmocka_unit_test(test_a_full_disk_is_told),
        cmocka_unit_test(test_sentences_are_cut_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
