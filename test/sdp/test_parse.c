/* sdp/parse.c: RFC 8866 sections 5 and 9, the limits, and what is refused with line and rule. */
#include "test_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char whole[] =
    "v=0\r\no=alice 2890844526 2890844527 IN IP6 2001:db8::1\r\ns=A call\r\ni=about it\r\nu=http://example.com\r\n"
    "e=a@example.com\r\np=+1 617 555-6011\r\nc=IN IP4 198.51.100.1\r\nb=AS:128\r\nt=2873397496 2873404696\r\nr=7d 1h 0 25h\r\n"
    "z=2882844526 -1h 2898848070 0\r\nk=prompt\r\na=group:BUNDLE a1 v1\r\na=unknown:value \r\n"
    "m=audio 49170/2 RTP/AVP 0 96\r\ni=sound\r\nc=IN IP4 0.0.0.0\r\nb=TIAS:64000\r\nk=clear:x\r\na=mid:a1\r\na=rtpmap:96 opus/48000/2\r\na=flag\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 97\r\na=mid:v1\r\nb=AS:500\r\n";

/* RFC 8866 section 5: every line there is. */
static void the_whole_grammar(void **state) {
    (void)state;
    struct parsed parsed = parse_string(whole);
    assert_int_equal(parsed.error, SDP_OK);
    const struct sdp_session *session = parsed.session;
    assert_view(session->origin.username, "alice");
    assert_view(session->origin.session_id, "2890844526");
    assert_view(session->origin.session_version, "2890844527");
    assert_view(session->origin.address, "2001:db8::1");
    assert_int_equal(session->header_attribute_count, 2);
    assert_int_equal(session->section_count, 2);
    assert_view(session->sections[0].media, "audio");
    assert_int_equal(session->sections[0].port, 49170);
    assert_int_equal(session->sections[0].port_count, 2);
    assert_view(session->sections[0].protocol, "RTP/AVP");
    assert_view(session->sections[0].formats, "0 96");
    assert_int_equal(session->sections[0].format_count, 2);
    assert_int_equal(session->sections[0].line, 16);
    assert_int_equal(session->sections[0].attribute_count, 3);
    assert_view(session->sections[0].mid, "a1");
    assert_int_equal(session->sections[1].line, 24);
    assert_view(session->sections[1].mid, "v1");
    parsed_free(&parsed);
}

static void line_ends(void **state) {
    (void)state;
#define READ(string) read_everything(string, sizeof(string) - 1)
    assert_int_equal(READ("v=0\no=- 1 1 IN IP4 x\ns=-\nt=0 0\nm=audio 9 RTP/AVP 0\na=sendrecv"), SDP_OK);
    assert_int_equal(READ(HEAD "\r\n\r\n"), SDP_OK);
    assert_int_equal(READ(HEAD "\n"), SDP_OK);
    assert_int_equal(READ(HEAD "\r\na=x\r\n"), SDP_ERROR_SYNTAX);
    assert_int_equal(READ(HEAD "a=x\ry\r\n"), SDP_ERROR_SYNTAX);
    assert_int_equal(READ(HEAD "a=x\0y\r\n"), SDP_ERROR_SYNTAX);
#undef READ
}

/* security.md row 41. */
static void empty_inputs(void **state) {
    (void)state;
    static const char *const texts[] = {"", "\r\n", "\n", "v", "v=", "v=0", "v=0\r\n", "\r", "=", "m="};
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(read_everything(texts[i], strlen(texts[i])), SDP_ERROR_SYNTAX);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t line;
        size_t column;
        const char *rule;
    } rows[] = {
        {"v=1\r\n", 1, 3, "section 5.1"},
        {"o=- 1 1 IN IP4 x\r\n", 1, 1, "section 5)"},
        {"v=0\r\ns=-\r\n", 2, 1, "section 5)"},
        {"v=0\r\no=- 1 IN IP4 x\r\n", 2, 3, "section 5.2"},
        {"v=0\r\no=- 1 x IN IP4 x\r\n", 2, 5, "section 5.2"},
        {"v=0\r\no=- 1 1 IN IP4 x\r\ns=-\r\nm=audio 9 RTP/AVP 0\r\n", 4, 1, "section 5.9"},
        {HEAD "t=0\r\n", 5, 3, "section 5.9"},
        {HEAD "c=IN IP4\r\n", 5, 3, "section 5.7"},
        {HEAD "b=AS\r\n", 5, 3, "section 5.8"},
        {HEAD "b=AS:-1\r\n", 5, 3, "section 5.8"},
        {HEAD "r=7d 1h\r\n", 5, 3, "section 5.10"},
        {HEAD "z=1\r\n", 5, 3, "section 5.11"},
        {HEAD "i=\r\n", 5, 1, "section 5.4"},
        {HEAD "x=1\r\n", 5, 1, "section 5)"}, /* section 5, MUST: an unknown type letter */
        {HEAD "a\r\n", 5, 1, "section 5)"},
        {HEAD "a=\r\n", 5, 3, "section 5.13"},
        {HEAD "a= x\r\n", 5, 3, "section 5.13"},
        {HEAD "v=0\r\n", 5, 1, "section 5)"},
        {HEAD "m=audio 9 RTP/AVP\r\n", 5, 3, "section 5.14"},
        {HEAD "m=audio 65536 RTP/AVP 0\r\n", 5, 9, "section 5.14"},
        {HEAD "m=audio 9/0 RTP/AVP 0\r\n", 5, 9, "section 5.14"},
        {HEAD "m=audio -1 RTP/AVP 0\r\n", 5, 9, "section 5.14"},
        {HEAD "m=audio 9 RTP/ 0\r\n", 5, 3, "section 5.14"},
        {HEAD "m=audio 9 RTP/AVP 128\r\n", 5, 19, "section 5.14"},
        {HEAD "m=audio 9 RTP/AVP 0\r\nt=0 0\r\n", 6, 1, "section 5)"},
        {HEAD "m=audio 9 RTP/AVP 0\r\na=mid:x\r\na=mid:y\r\n", 7, 7, "RFC 5888 section 4"},
        {HEAD "m=audio 9 RTP/AVP 0\r\na=mid:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:x\r\n", 8, 7, "RFC 5888 section 4"},
        {HEAD "a=group:BUNDLE x y\r\nm=audio 9 RTP/AVP 0\r\na=mid:x\r\n", 5, 18, "RFC 5888 section 5"},
        {HEAD "a=group:BUNDLE x x\r\nm=audio 9 RTP/AVP 0\r\na=mid:x\r\n", 5, 18, "RFC 9143 section 5"},
        {HEAD "m=audio 9 RTP/AVP 0\r\na=ice-ufrag:abcd\r\na=ice-ufrag:efgh\r\n", 7, 13, "RFC 8839 section 5.4"},
        {HEAD "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=ice-pwd:Abcdefghijklmnopqrstuv\r\n", 6, 11, "RFC 8839 section 5.4"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed parsed = parse_string(rows[i].text);
        assert_int_equal(parsed.error, SDP_ERROR_SYNTAX);
        if (parsed.problem.line != rows[i].line || parsed.problem.column != rows[i].column || strstr(parsed.problem.rule, rows[i].rule) == NULL)
            fail_msg("row %zu: line %zu column %zu: %s", i, parsed.problem.line, parsed.problem.column, parsed.problem.rule);
        parsed_free(&parsed);
    }
}

static void every_truncation(void **state) {
    (void)state;
    for (size_t length = 0; length < strlen(whole); length++)
        read_everything(whole, length);
    assert_int_equal(read_everything(whole, strlen(whole)), SDP_OK);
}

/* ---- limits -------------------------------------------------------------------------------------------------------- */

static char large[SDP_TEXT_MAX_BYTES + 4096];

static size_t append(size_t at, const char *line) {
    memcpy(large + at, line, strlen(line));
    return at + strlen(line);
}

static int with_sections(size_t count) {
    size_t at = append(0, HEAD);
    for (size_t i = 0; i < count; i++)
        at = append(at, "m=audio 9 RTP/AVP 0\r\n");
    return read_everything(large, at);
}

static int with_attributes(size_t count, bool in_section) {
    size_t at = append(0, HEAD);
    if (in_section)
        at = append(at, "m=audio 9 RTP/AVP 0\r\n");
    for (size_t i = 0; i < count; i++)
        at = append(at, "a=x:y\r\n");
    return read_everything(large, at);
}

/* Of the session level, t= is one of them. */
static int with_other_lines(size_t count, bool in_section) {
    size_t at = append(0, HEAD);
    if (in_section)
        at = append(at, "m=audio 9 RTP/AVP 0\r\n");
    for (size_t i = in_section ? 0 : 1; i < count; i++)
        at = append(at, "i=x\r\n");
    return read_everything(large, at);
}

static int with_formats(size_t count) {
    size_t at = append(append(0, HEAD), "m=audio 9 RTP/AVP");
    for (size_t i = 0; i < count; i++)
        at = append(at, " 0");
    return read_everything(large, append(at, "\r\n"));
}

static int with_bytes(size_t count) {
    size_t at = append(append(0, HEAD), "a=x:");
    memset(large + at, 'y', sizeof large - at);
    memcpy(large + count - 2, "\r\n", 2);
    return read_everything(large, count);
}

static void limits(void **state) {
    (void)state;
    for (int over = -1; over <= 1; over++) {
        int expected = over > 0 ? SDP_ERROR_LIMIT : SDP_OK;
        assert_int_equal(with_sections((size_t)(SDP_SECTION_MAX + over)), expected);
        assert_int_equal(with_attributes((size_t)(SDP_ATTRIBUTE_MAX + over), true), expected);
        assert_int_equal(with_attributes((size_t)(SDP_ATTRIBUTE_MAX + over), false), expected);
        assert_int_equal(with_other_lines((size_t)(SDP_OTHER_LINE_MAX + over), true), expected);
        assert_int_equal(with_other_lines((size_t)(SDP_OTHER_LINE_MAX + over), false), expected);
        assert_int_equal(with_formats((size_t)(SDP_FORMAT_MAX + over)), expected);
        assert_int_equal(with_bytes((size_t)((int)SDP_TEXT_MAX_BYTES + over)), expected);
    }
    /* Which limit, and at which line. */
    static const struct {
        const char *head;
        const char *repeated;
        size_t times;
        size_t line;
        const char *rule;
    } rows[] = {
        {HEAD, "m=audio 9 RTP/AVP 0\r\n", SDP_SECTION_MAX + 1, 4 + SDP_SECTION_MAX + 1, "SDP_SECTION_MAX (128)"},
        {HEAD, "a=x:y\r\n", SDP_ATTRIBUTE_MAX + 1, 4 + SDP_ATTRIBUTE_MAX + 1, "SDP_ATTRIBUTE_MAX (2048)"},
        {HEAD "m=audio 9 RTP/AVP 0\r\n", "i=x\r\n", SDP_OTHER_LINE_MAX + 1, 5 + SDP_OTHER_LINE_MAX + 1, "SDP_OTHER_LINE_MAX (1024)"},
        {HEAD "m=audio 9 RTP/AVP", " 0", SDP_FORMAT_MAX + 1, 5, "SDP_FORMAT_MAX (256)"},
        {"", "v=0\r\n", SDP_TEXT_MAX_BYTES / 5 + 1, 1, "SDP_TEXT_MAX_BYTES (256 KiB)"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t length = append(0, rows[i].head);
        for (size_t n = 0; n < rows[i].times; n++)
            length = append(length, rows[i].repeated);
        struct parsed refused_text = parse_text(large, length);
        assert_int_equal(refused_text.error, SDP_ERROR_LIMIT);
        if (refused_text.problem.line != rows[i].line || strstr(refused_text.problem.rule, rows[i].rule) == NULL)
            fail_msg("row %zu: line %zu: %s", i, refused_text.problem.line, refused_text.problem.rule);
        parsed_free(&refused_text);
    }
    /* security.md row 22: what comes after many attributes is still what was said. */
    size_t at = append(append(0, HEAD), "m=audio 9 RTP/AVP 0\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n");
    for (size_t i = 0; i < 2000; i++)
        at = append(at, "a=x:y\r\n");
    struct parsed parsed = parse_text(large, at);
    struct sdp_attribute attribute;
    assert_int_equal(parsed.error, SDP_OK);
    assert_int_equal(parsed.session->sections[0].attribute_count, 2001);
    assert_true(sdp_section_find(&parsed.session->sections[0], SDP_ATTRIBUTE_ICE_PWD, &attribute));
    assert_view(attribute.value, "abcdefghijklmnopqrstuv");
    parsed_free(&parsed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_grammar), cmocka_unit_test(line_ends),        cmocka_unit_test(empty_inputs),
        cmocka_unit_test(refused),           cmocka_unit_test(every_truncation), cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests_name("sdp/parse", tests, NULL, NULL);
}
