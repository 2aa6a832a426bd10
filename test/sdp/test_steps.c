/*
 * Time grows with the length, not faster: security.md row 21, twice the length for less than 2.5 times the work. Work is counted, not timed, so
 * that a busy machine changes nothing: the parser is compiled into this test with a call in front of every basic block, and each search and
 * comparison of the C library adds one step for every 16 bytes that it looks at.
 */
#include "test_sdp.h"

#include <stdio.h>
#include <string.h>

static size_t steps;

#if defined(__clang__)
#define UNCOUNTED __attribute__((no_sanitize("coverage")))
#else
#define UNCOUNTED __attribute__((no_sanitize_coverage))
#endif

void __sanitizer_cov_trace_pc(void);
UNCOUNTED void __sanitizer_cov_trace_pc(void) {
    steps++;
}

UNCOUNTED static const void *counted_search(const void *bytes, int byte, size_t length) {
    const char *found = memchr(bytes, byte, length);
    steps += (found == NULL ? length : (size_t)(found - (const char *)bytes)) / 16;
    return found;
}

UNCOUNTED static int counted_comparison(const void *one, const void *two, size_t length) {
    steps += length / 16;
    return memcmp(one, two, length);
}

UNCOUNTED static size_t counted_length(const char *string) {
    size_t length = strlen(string);
    steps += length / 16;
    return length;
}

#define memchr counted_search
#define memcmp counted_comparison
#define strlen counted_length
#include "sdp/attribute_rules.c"
#include "sdp/attributes_rtp.c"
#include "sdp/attributes_simulcast.c"
#include "sdp/attributes_transport.c"
#include "sdp/parse.c"
#include "sdp/view.c"
#include "sdp/write.c"
#undef memchr
#undef memcmp
#undef strlen

static char text[SDP_TEXT_MAX_BYTES];

/* Steps for `head` and then `repeated` so many times; the description must be good unless `bad`. */
static size_t steps_of(const char *head, const char *repeated, size_t times, const char *tail, bool bad) {
    static struct sdp_session session;
    size_t length = strlen(head);
    memcpy(text, head, length);
    for (size_t i = 0; i < times; i++, length += strlen(repeated)) {
        assert_true(length + strlen(repeated) + strlen(tail) <= sizeof text);
        memcpy(text + length, repeated, strlen(repeated));
    }
    memcpy(text + length, tail, strlen(tail));
    steps = 0;
    int error = sdp_parse(text, length + strlen(tail), &session, NULL);
    assert_int_equal(error, bad ? SDP_ERROR_SYNTAX : SDP_OK);
    return steps;
}

static void time_is_linear(void **state) {
    (void)state;
    static const struct {
        const char *head;
        const char *repeated;
        size_t most;
        const char *tail;
        bool bad;
    } rows[] = {
        {HEAD, "a=rtcp-fb:96 nack pli and more of it until the line is as long as lines are\r\n", SDP_ATTRIBUTE_MAX, "", false},
        {HEAD "m=audio 9 RTP/AVP 0\r\n", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", SDP_ATTRIBUTE_MAX, "", false},
        {HEAD "m=audio 9 RTP/AVP 0\r\n", "a=sendrecv\r\n", SDP_ATTRIBUTE_MAX, "", false},
        {HEAD "m=audio 9 RTP/AVP 0\r\n", "i=x\n", SDP_OTHER_LINE_MAX, "", false},
        {HEAD "m=audio 9 RTP/AVP 0\r\na=x:", "a long line without an end ", 9600, "", false},
        {HEAD "a=fmtp:96 ", "a=1;", 64000, "\r\n", false},
        {HEAD "a=fmtp:96 x", " ", 256000, "x\r\n", false},
        {HEAD "m=audio 9 RTP/AVP", " 0", SDP_FORMAT_MAX, "\r\n", false},
        {HEAD "m=audio 9 RTP/AVP 0\r\na=simulcast:send ", "a;", 120000, "\r\n", false},
        {HEAD "m=audio 9 RTP/AVP 0\r\na=rid:a send ", "a=1;", 60000, "\r\n", false},
        {HEAD, "a=group:LS 1 2 3 4 5\r\n", SDP_ATTRIBUTE_MAX, "", false},
        {HEAD, "m=audio 9 RTP/AVP 0 8 9 13 96 97 98 99 100 101 102 103 104 105 106 107 108\r\na=sendrecv\r\n", SDP_SECTION_MAX, "", false},
        /* Line ends alone: good at the very end, looked at again and again before something else, were that not refused at once. */
        {HEAD, "\r\n", 100000, "", false},
        {HEAD, "\n", 200000, "a=x\r\n", true},
        {HEAD "a=group:BUNDLE", " 1", 120000, "\r\n", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t half = steps_of(rows[i].head, rows[i].repeated, rows[i].most / 2, rows[i].tail, rows[i].bad);
        size_t whole = steps_of(rows[i].head, rows[i].repeated, rows[i].most, rows[i].tail, rows[i].bad);
        if (half == 0 || whole * 2 >= half * 5)
            fail_msg("row %zu: %zu steps for half, %zu for the whole", i, half, whole);
    }
}

/* Sections with mids, all in one BUNDLE: each is found among the others without a look at every one of them. */
static size_t steps_of_bundle(size_t count) {
    static struct sdp_session session;
    static char group[SDP_SECTION_MAX * 8];
    static char sections[SDP_SECTION_MAX * 64];
    size_t in_group = 0;
    size_t in_sections = 0;
    for (size_t i = 0; i < count; i++) {
        in_group += (size_t)snprintf(group + in_group, sizeof group - in_group, " %zu", 1000 + i);
        in_sections += (size_t)snprintf(sections + in_sections, sizeof sections - in_sections, "m=audio 9 RTP/AVP 0\r\na=mid:%zu\r\n", 1000 + i);
    }
    int length = snprintf(text, sizeof text, HEAD "a=group:BUNDLE%s\r\n%s", group, sections);
    steps = 0;
    assert_int_equal(sdp_parse(text, (size_t)length, &session, NULL), SDP_OK);
    return steps;
}

static void mids_are_linear(void **state) {
    (void)state;
    size_t half = steps_of_bundle(SDP_SECTION_MAX / 2);
    size_t whole = steps_of_bundle(SDP_SECTION_MAX);
    if (half == 0 || whole * 2 >= half * 5)
        fail_msg("%zu steps for half, %zu for the whole", half, whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_is_linear),
        cmocka_unit_test(mids_are_linear),
    };
    return cmocka_run_group_tests_name("sdp/steps", tests, NULL, NULL);
}
