/* sdp/write.c, sdp/edit.c, sdp/description.c: byte for byte, one line at a time, and after the input is gone. */
#include "test_sdp.h"

#include <stdlib.h>
#include <string.h>

static const char text[] = HEAD "a=tool:x \r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\na=ptime:20\r\nm=video 9 RTP/AVP 96\r\na=mid:v\r\n";

static void writes_back(void **state) {
    (void)state;
    char buffer[512];
    struct parsed parsed = parse_string(text);
    assert_int_equal(sdp_write(parsed.session, buffer, sizeof buffer), strlen(text));
    assert_memory_equal(buffer, text, strlen(text));
    parsed_free(&parsed);
    /* RFC 8866 section 5, SHOULD: LF alone is read; CRLF is written. */
    parsed = parse_string("v=0\no=- 1 1 IN IP4 x\ns=-\nt=0 0\na=x");
    int length = sdp_write(parsed.session, buffer, sizeof buffer);
    static const char expected[] = "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nt=0 0\r\na=x";
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(buffer, expected, strlen(expected));
    parsed_free(&parsed);
}

/* security.md row 27: every capacity from 0 up, in a heap block of exactly that size. */
static void every_capacity(void **state) {
    (void)state;
    struct parsed parsed = parse_string(text);
    static const char longer[] = "a=mid:another\r\n";
    size_t edited = strlen(text) - strlen("a=mid:a\r\n") + strlen(longer);
    for (size_t capacity = 0; capacity <= strlen(text) + 16; capacity++) {
        char *buffer = malloc(capacity == 0 ? 1 : capacity);
        assert_int_equal(sdp_write(parsed.session, buffer, capacity), capacity < strlen(text) ? SDP_ERROR_BUFFER : (int)strlen(text));
        assert_int_equal(sdp_edit_replace(parsed.session, 0, "mid", "another", buffer, capacity),
                         capacity < edited ? SDP_ERROR_BUFFER : (int)edited);
        free(buffer);
    }
    parsed_free(&parsed);
}

static void expect(const char *buffer, int length, const char *expected) {
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(buffer, expected, strlen(expected));
}

static void one_line_changes(void **state) {
    (void)state;
    char buffer[512];
    struct parsed parsed = parse_string(text);
    const struct sdp_session *session = parsed.session;
    expect(buffer, sdp_edit_replace(session, 1, "mid", "w", buffer, sizeof buffer),
           HEAD "a=tool:x \r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\na=ptime:20\r\nm=video 9 RTP/AVP 96\r\na=mid:w\r\n");
    expect(buffer, sdp_edit_add(session, 0, "sendonly", NULL, buffer, sizeof buffer),
           HEAD "a=tool:x \r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\na=ptime:20\r\na=sendonly\r\nm=video 9 RTP/AVP 96\r\na=mid:v\r\n");
    expect(buffer, sdp_edit_add(session, SDP_SESSION_LEVEL, "group", "LS a v", buffer, sizeof buffer),
           HEAD "a=tool:x \r\na=group:LS a v\r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\na=ptime:20\r\nm=video 9 RTP/AVP 96\r\na=mid:v\r\n");
    expect(buffer, sdp_edit_remove(session, 0, "ptime", buffer, sizeof buffer),
           HEAD "a=tool:x \r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\nm=video 9 RTP/AVP 96\r\na=mid:v\r\n");
    assert_int_equal(sdp_edit_replace(session, 1, "ptime", "1", buffer, sizeof buffer), SDP_ERROR_NOT_FOUND);
    assert_int_equal(sdp_edit_remove(session, 2, "mid", buffer, sizeof buffer), SDP_ERROR_NOT_FOUND);
    assert_int_equal(sdp_edit_add(session, 2, "mid", "x", buffer, sizeof buffer), SDP_ERROR_NOT_FOUND);
    /* A value with a line end would be two lines. */
    assert_int_equal(sdp_edit_add(session, 0, "x", "a\r\na=y", buffer, sizeof buffer), SDP_ERROR_ARGUMENT);
    assert_int_equal(sdp_edit_add(session, 0, "x y", NULL, buffer, sizeof buffer), SDP_ERROR_ARGUMENT);
    assert_int_equal(sdp_edit_add(session, 0, "x", "", buffer, sizeof buffer), SDP_ERROR_ARGUMENT);
    parsed_free(&parsed);
    /* A last line without an end gets one before a new line follows it. */
    parsed = parse_string("v=0\no=- 1 1 IN IP4 x\ns=-\nt=0 0\na=x");
    expect(buffer, sdp_edit_add(parsed.session, SDP_SESSION_LEVEL, "y", NULL, buffer, sizeof buffer),
           "v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nt=0 0\r\na=x\r\na=y\r\n");
    parsed_free(&parsed);
}

/* ---- owning -------------------------------------------------------------------------------------------------------- */

struct counter {
    size_t alive;
    bool refuse;
};

static void *counting_allocate(void *context, size_t bytes) {
    struct counter *counter = context;
    if (counter->refuse)
        return NULL;
    counter->alive++;
    return malloc(bytes);
}

static void counting_release(void *context, void *memory) {
    ((struct counter *)context)->alive--;
    free(memory);
}

static void outlives_its_input(void **state) {
    (void)state;
    struct counter counter = {0};
    const struct sdp_allocator allocator = {&counter, counting_allocate, counting_release};
    struct sdp_description *description = NULL;
    struct sdp_problem problem;
    char buffer[512];
    size_t length = strlen(text);
    char *input = malloc(length);
    memcpy(input, text, length);
    assert_int_equal(sdp_description_new(input, length, &allocator, &description, &problem), SDP_OK);
    assert_int_equal(counter.alive, 1);
    memset(input, 'X', length); /* poison */
    free(input);
    assert_view(description->session.sections[1].mid, "v");
    assert_string_equal(description->text, text);
    expect(buffer, sdp_write(&description->session, buffer, sizeof buffer), text);
    sdp_description_free(description);
    sdp_description_free(NULL);
    assert_int_equal(counter.alive, 0);
    static const char bad[] = HEAD "b=AS\r\n";
    assert_int_equal(sdp_description_new(bad, strlen(bad), &allocator, &description, &problem), SDP_ERROR_SYNTAX);
    assert_ptr_equal(problem.text.text, bad + strlen(HEAD) + 2);
    assert_int_equal(sdp_description_new(bad, SDP_TEXT_MAX_BYTES + 1, &allocator, &description, &problem), SDP_ERROR_LIMIT);
    assert_int_equal(sdp_description_new(NULL, 0, &allocator, &description, &problem), SDP_ERROR_SYNTAX);
    assert_int_equal(counter.alive, 0);
    counter.refuse = true;
    assert_int_equal(sdp_description_new(text, length, &allocator, &description, &problem), SDP_ERROR_MEMORY);
    assert_int_equal(sdp_description_new(text, length, NULL, &description, NULL), SDP_OK);
    sdp_description_free(description);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_back),
        cmocka_unit_test(every_capacity),
        cmocka_unit_test(one_line_changes),
        cmocka_unit_test(outlives_its_input),
    };
    return cmocka_run_group_tests_name("sdp/edit", tests, NULL, NULL);
}
