/*
 * The corpora: what WebRTC endpoints send is read, written back and answered; what others refused is refused with line and
 * rule; nothing crashes.
 */
#include "test_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_rules.h"
#include "answer_text.h"

static bool skipped(size_t files, const char *name) {
    if (files > 0)
        return false;
    printf("SKIP: %s: corpora not present (set STRATA_CORPORA)\n", name);
    skip();
    return true;
}

/* ---- accepted, and written back ------------------------------------------------------------------------------------ */

/* CRLF for every LF, by another way than sdp_write goes. */
static size_t with_crlf(const char *text, size_t length, char *out) {
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            out[written++] = '\r';
        out[written++] = text[i];
    }
    return written;
}

static void accept_and_write_back(const char *name, const char *text, size_t length) {
    static char expected[1024 * 1024];
    static char written[1024 * 1024];
    struct parsed parsed = parse_text(text, length);
    if (parsed.error != SDP_OK)
        fail_msg("%s: line %zu: %s", name, parsed.problem.line, parsed.problem.rule);
    size_t expected_length = with_crlf(text, length, expected);
    assert_int_equal(sdp_write(parsed.session, written, sizeof written), expected_length);
    assert_memory_equal(written, expected, expected_length);
    parsed_free(&parsed);
    assert_int_equal(read_everything(text, length), SDP_OK);
}

static void webrtc_is_accepted(void **state) {
    (void)state;
    skipped(for_each_file("sdp-webrtc", accept_and_write_back), __func__);
}

/* security.md row 22: a count that overflows overwrites what was read before. Every attribute is counted, and the first ones are what they were. */
static void accept_untouched(const char *name, const char *text, size_t length) {
    static const struct {
        enum sdp_attribute_kind kind;
        const char *name;
    } kinds[] = {{SDP_ATTRIBUTE_ICE_UFRAG, "ice-ufrag"}, {SDP_ATTRIBUTE_ICE_PWD, "ice-pwd"}, {SDP_ATTRIBUTE_FINGERPRINT, "fingerprint"},
                 {SDP_ATTRIBUTE_SETUP, "setup"}, {SDP_ATTRIBUTE_MID, "mid"}, {SDP_ATTRIBUTE_RTPMAP, "rtpmap"}};
    static char string[64 * 1024];
    static struct text expected;
    assert_true(length < sizeof string);
    memcpy(string, text, length);
    string[length] = '\0';
    text_split(&expected, string);
    accept_and_write_back(name, text, length);
    struct parsed parsed = parse_text(text, length);
    assert_int_equal(parsed.session->section_count, 1);
    assert_int_equal(parsed.session->sections[0].attribute_count, expected.parts[1].count - 2); /* m= and c= */
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct sdp_attribute attribute;
        assert_true(sdp_section_find(&parsed.session->sections[0], kinds[i].kind, &attribute));
        assert_view(attribute.value, has(&expected.parts[1], kinds[i].name));
    }
    assert_view(parsed.session->sections[0].mid, has(&expected.parts[1], "mid"));
    text_free(&expected);
    parsed_free(&parsed);
}

static void synthetic_is_accepted(void **state) {
    (void)state;
    skipped(for_each_file("sdp-synthetic", accept_untouched), __func__);
}

static void with_lf_alone(const char *name, const char *text, size_t length) {
    static char stripped[512 * 1024];
    size_t kept = 0;
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\r')
            stripped[kept++] = text[i];
    accept_and_write_back(name, stripped, kept);
}

static void line_feeds_alone_are_accepted(void **state) {
    (void)state;
    skipped(for_each_file("sdp-webrtc", with_lf_alone), __func__);
}

/* ---- refused ------------------------------------------------------------------------------------------------------- */

/* Reviewed by hand: line, column, the offending text and the rule. Line 0: accepted, for the reason given in place of the rule. */
static const struct {
    const char *name;
    size_t line;
    size_t column;
    const char *text;
    const char *rule;
} invalid[] = {
    {"libwebrtc_02", 2, 1, "!@#$%^&- 18446744069414584320 18446462598732840960 IN IP4 127.0.0.1", "RFC 8866 section 5)"},
    {"libwebrtc_04", 4, 1, "!@#$%^&0 0", "RFC 8866 section 5)"},
    {"libwebrtc_06", 28, 1, "!@#$%^& 3457 RTP/SAVPF 120", "RFC 8866 section 5)"},
    {"libwebrtc_08", 10, 1, " =candidate:a0+B/1 1 udp 2130706432 192.168.1.5 1234 typ host generation 2", "RFC 8866 section 5)"},
    {"libwebrtc_10", 10, 3, " candidate:a0+B/1 1 udp 2130706432 192.168.1.5 1234 typ host generation 2", "RFC 8866 section 5.13"},
    {"libwebrtc_12", 20, 15, "sha-1 4AAD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB", "RFC 8122 section 5"},
    {"libwebrtc_14", 20, 15, "sha-14A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB", "RFC 8122 section 5"},
    {"libwebrtc_16", 9, 1, "", "RFC 8866 section 5)"},
    {"libwebrtc_18", 27, 8, "badvalue cname:stream_1_cname", "RFC 5576 section 4.1"},
    {"libwebrtc_20", 24, 10, "badvalue opus/48000/2", "RFC 8866 section 6.6"},
    {"libwebrtc_22", 24, 10, "111 opus/48000/badvalue", "RFC 8866 section 6.6"},
    {"libwebrtc_28", 7, 28, "badvalue", "RFC 8866 section 5.14"},
    {"libwebrtc_30", 41, 3, "AS", "RFC 8866 section 5.8"},
    {"libwebrtc_32", 41, 3, "AS:12:34", "RFC 8866 section 5.8"},
    {"libwebrtc_34", 41, 10, "badvalue http://example.com", "RFC 8285 section 8"},
    {"libwebrtc_36", 6, 3, "AS:-1000", "RFC 8866 section 5.8"},
    {"mozilla_02", 1, 1, "fooooobarrrr", "RFC 8866 section 5)"},
    {"mozilla_04", 4, 5, "foobar", "RFC 8866 section 5.9"},
    {"libwebrtc_24", 0, 0, "", "a broken candidate: text to sdp/, judged by ice/"},
    {"libwebrtc_26", 0, 0, "", "a broken candidate: text to sdp/, judged by ice/"},
    {"mozilla_06", 0, 0, "", "a=bundle-only at session level: grammatical, means nothing there, ignored"},
    {"mozilla_10", 0, 0, "", "0.a.b.0 is a good FQDN by the grammar of RFC 8866 section 9; a=ice-lite in a section means nothing, ignored"},
};

static void look_up(const char *name, const char *text, size_t length) {
    for (size_t i = 0; i < COUNT(invalid); i++) {
        if (strstr(name, invalid[i].name) == NULL)
            continue;
        struct parsed parsed = parse_text(text, length);
        if (invalid[i].line == 0)
            assert_int_equal(parsed.error, SDP_OK);
        else if (parsed.error != SDP_ERROR_SYNTAX || parsed.problem.line != invalid[i].line || parsed.problem.column != invalid[i].column ||
                 !sdp_view_is(parsed.problem.text, invalid[i].text) || strstr(parsed.problem.rule, invalid[i].rule) == NULL)
            fail_msg("%s: %d, line %zu, column %zu, %s", name, parsed.error, parsed.problem.line, parsed.problem.column,
                     parsed.error == SDP_OK ? "accepted" : parsed.problem.rule);
        parsed_free(&parsed);
        return;
    }
    fail_msg("%s stands in no row", name);
}

static void invalid_is_refused(void **state) {
    (void)state;
    skipped(for_each_file("sdp-invalid", look_up), __func__);
}

/* ---- hostile ------------------------------------------------------------------------------------------------------- */

static void truncate_everywhere(const char *name, const char *text, size_t length) {
    (void)name;
    for (size_t kept = 0; kept < length; kept += length > 3000 ? 13 : 1)
        read_everything(text, kept);
    read_everything(text, length);
}

static void nothing_crashes(void **state) {
    (void)state;
    skipped(for_each_file("sdp-fuzz", truncate_everywhere), __func__);
}

/* ---- answered ------------------------------------------------------------------------------------------------------ */

/*
 * What each file is, and what becomes of its sections: one letter each, '.' agreed, else why not. Reviewed by hand.
 *   c  no codec in common, with Opus, PCMU and VP8 on our side; agreed when every codec of the table is
 *   d  DTLS/SCTP of the drafts before RFC 8841: another m= line, a=sctpmap, no a=sctp-port
 *   f  no fingerprint of SHA-256 or better in that section or its session
 *   n  no codec in common with anybody: formats without a=rtpmap, or Opus at 90000 Hz
 *   x  no a=rtcp-mux: a second transport for RTCP, which RFC 8834 section 4.5 lets us refuse
 * An answer is answered too: whoever writes a=setup:active or passive might as well have offered that.
 */
enum is { OFFER, ANSWER };
static const struct {
    const char *name;
    enum is is;
    const char *expected;
} files[] = {
    {"algesten+str0m__docs_chrome-sdp.json__001.sdp", OFFER, "..."},
    {"algesten+str0m__src_sdp_parser.rs__006.sdp", OFFER, "."},
    {"algesten+str0m__src_sdp_parser.rs__007.sdp", OFFER, "."},
    {"algesten+str0m__src_sdp_parser.rs__009.sdp", OFFER, "."},
    {"algesten+str0m__src_sdp_parser.rs__013.sdp", OFFER, "."},
    {"chrome_tutorial_answer.sdp", ANSWER, ".."},
    {"chrome_tutorial_offer.sdp", OFFER, ".."},
    {"chromium156__av_dc.sdp", OFFER, "..."},
    {"chromium156__av_dc_answer.sdp", ANSWER, "..."},
    {"chromium156__dc.sdp", OFFER, "."},
    {"chromium156__dc_answer.sdp", ANSWER, "."},
    {"clux+sdp-transform__test_hacky.sdp__000.sdp", ANSWER, "ffd"},
    {"clux+sdp-transform__test_icelite.sdp__000.sdp", OFFER, "."},
    {"clux+sdp-transform__test_jsep.sdp__000.sdp", OFFER, ".."},
    {"clux+sdp-transform__test_jssip.sdp__000.sdp", OFFER, "."},
    {"clux+sdp-transform__test_sctp-dtls-26.sdp__000.sdp", OFFER, "."},
    {"clux+sdp-transform__test_ssrc.sdp__000.sdp", OFFER, ".."},
    {"firefox153__av_dc.sdp", OFFER, "..."},
    {"firefox153__av_dc_answer.sdp", ANSWER, "..."},
    {"firefox153__dc.sdp", OFFER, "."},
    {"firefox153__dc_answer.sdp", ANSWER, "."},
    {"mozilla+webrtc-sdp__examples_sdps_11.sdp__001.sdp", OFFER, "..x"},
    {"mozilla+webrtc-sdp__examples_sdps_12.sdp__000.sdp", OFFER, "..d"},
    {"mozilla+webrtc-sdp__examples_sdps_13.sdp__000.sdp", OFFER, "."},
    {"mozilla+webrtc-sdp__examples_sdps_41.sdp__000.sdp", ANSWER, ".."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__006.sdp", OFFER, "."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__007.sdp", OFFER, "."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__008.sdp", ANSWER, "d"},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__009.sdp", OFFER, ".."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__010.sdp", OFFER, "."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__011.sdp", ANSWER, "."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__013.sdp", OFFER, ".."},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__014.sdp", OFFER, "n"},
    {"pion+webrtc__mediaengine_test.go__016.sdp", OFFER, "x"},
    {"pion+webrtc__mediaengine_test.go__017.sdp", OFFER, "x"},
    {"pion+webrtc__peerconnection_go_test.go__001.sdp", OFFER, "d"},
    {"pion+webrtc__peerconnection_go_test.go__002.sdp", OFFER, "xx"},
    {"pion+webrtc__peerconnection_go_test.go__003.sdp", OFFER, "xx"},
    {"pion+webrtc__peerconnection_go_test.go__004.sdp", OFFER, "d"},
    {"pion+webrtc__peerconnection_go_test.go__005.sdp", OFFER, "x"},
    {"pion+webrtc__peerconnection_go_test.go__008.sdp", OFFER, ".."},
    {"pion+webrtc__peerconnection_test.go__001.sdp", OFFER, "d"},
    {"pion+webrtc__sdp_test.go__001.sdp", OFFER, "n."},
    {"pion+webrtc__sdp_test.go__002.sdp", OFFER, "n."},
    {"pion+webrtc__sdpsemantics_test.go__001.sdp", ANSWER, "c."},
    {"pion+webrtc__sdpsemantics_test.go__002.sdp", ANSWER, "c."},
    {"webrtc-rs+rtc__rtc-sdp_src_description_testdata_safari_offer.sdp__000.sdp", OFFER, "..."},
    {"webrtc-rs+rtc__tests_media_rejection_interop.rs__001.sdp", OFFER, ".."},
    {"webrtc-rs+rtc__tests_simulcast_recv_offer_answer.rs__001.sdp", OFFER, "."},
    {"webrtc-rs+rtc__tests_testdata_firefox_152_simulcast_offer.sdp__000.sdp", OFFER, ".."},
    {"webrtc-sdk+webrtc__test_fuzzers_corpora_sdp-corpus_simulcast.1.sdp__000.sdp", OFFER, "."},
    {"webrtc-sdk+webrtc__test_fuzzers_corpora_sdp-corpus_simulcast.2.sdp__000.sdp", OFFER, "."},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__001.sdp", OFFER, "d"},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__002.sdp", OFFER, "d"},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__003.sdp", OFFER, "d"},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__004.sdp", OFFER, "d"},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__005.sdp", OFFER, "d"},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__006.sdp", OFFER, "d"},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__007.sdp", OFFER, "d"},
};

static char letter(enum sdp_refusal refusal) {
    static const char letters[] = {[SDP_REFUSAL_NONE] = '.',     [SDP_REFUSAL_OFFERED] = 'o', [SDP_REFUSAL_ANSWERED] = 'a',    [SDP_REFUSAL_MEDIA] = 'm',
                                   [SDP_REFUSAL_STOPPED] = 's',  [SDP_REFUSAL_PROTOCOL] = 'p', [SDP_REFUSAL_MUX] = 'x',        [SDP_REFUSAL_FINGERPRINT] = 'f',
                                   [SDP_REFUSAL_ICE] = 'i',      [SDP_REFUSAL_SETUP] = 't',   [SDP_REFUSAL_CODEC] = 'c',       [SDP_REFUSAL_BUNDLE] = 'b',
                                   [SDP_REFUSAL_SCTP] = 'd'};
    return letters[refusal];
}

static int surprises; /* all of them are printed before the test fails */
static int visited;

static const char *expected_of(const char *name, bool every_codec) {
    static char expected[SDP_SECTION_MAX + 1];
    for (size_t i = 0; i < COUNT(files); i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        assert_true((size_t)snprintf(expected, sizeof expected, "%s", files[i].expected) < sizeof expected);
        for (char *c = expected; *c != '\0'; c++)
            *c = *c == 'n' ? 'c' : *c == 'c' && every_codec ? '.' : *c;
        return expected;
    }
    fail_msg("%s stands in no row", name);
    return "";
}

/* What was agreed with the offer, against what was written. */
static void check_negotiated(const struct sdp_session *offer, const char *text, size_t length, const enum sdp_refusal *refusals) {
    static struct sdp_negotiated negotiated;
    struct parsed answered = parse_text(text, length);
    assert_int_equal(answered.error, SDP_OK);
    for (int we_offer = 0; we_offer < 2; we_offer++) {
        const struct sdp_session *local = we_offer ? offer : answered.session;
        const struct sdp_session *remote = we_offer ? answered.session : offer;
        size_t agreed = 0;
        assert_int_equal(sdp_negotiate(local, remote, we_offer == 1, &negotiated, NULL), SDP_OK);
        for (size_t i = 0; i < negotiated.section_count; i++) {
            assert_int_equal(negotiated.sections[i].refusal == SDP_REFUSAL_NONE, refusals[i] == SDP_REFUSAL_NONE);
            agreed += refusals[i] == SDP_REFUSAL_NONE;
        }
        assert_int_equal(negotiated.agreed_count, agreed);
        assert_int_equal(negotiated.transport_count > 0, agreed > 0);
    }
    parsed_free(&answered);
}

static void answer_with(const char *name, const char *text, size_t length, bool every_codec) {
    static char answer[SDP_TEXT_MAX_BYTES];
    static char offer[SDP_TEXT_MAX_BYTES];
    static struct ours ours;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    char letters[SDP_SECTION_MAX + 1] = "";
    memcpy(offer, text, length);
    offer[length] = '\0';
    struct parsed offered = parse_text(text, length);
    ours_begin(&ours);
    if (every_codec)
        ours_with_every_codec(&ours);
    ours_answer(&ours, offered.session);
    int written = sdp_write_answer(&ours.answer, offered.session, answer, sizeof answer, refusals);
    assert_true(written > 0);
    const char *broken = answer_breaks(offer, answer);
    if (broken != NULL)
        surprises++, printf("%s: %s\n%s", name, broken, answer);
    for (size_t i = 0; i < offered.session->section_count; i++)
        letters[i] = letter(refusals[i]);
    if (strcmp(expected_of(name, every_codec), letters) != 0)
        surprises++, printf("%s: %s\n", name, letters);
    check_negotiated(offered.session, answer, (size_t)written, refusals);
    parsed_free(&offered);
}

static void answer_it(const char *name, const char *text, size_t length) {
    visited++;
    answer_with(name, text, length, false);
    answer_with(name, text, length, true);
}

static void webrtc_is_answered(void **state) {
    (void)state;
    skipped(for_each_file("sdp-webrtc", answer_it), __func__);
    assert_int_equal(surprises, 0);
    assert_int_equal(visited, COUNT(files));
    int offers = 0;
    for (size_t i = 0; i < COUNT(files); i++)
        offers += files[i].is == OFFER;
    assert_int_equal(offers, 48);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webrtc_is_accepted),     cmocka_unit_test(synthetic_is_accepted), cmocka_unit_test(line_feeds_alone_are_accepted),
        cmocka_unit_test(invalid_is_refused),     cmocka_unit_test(nothing_crashes),       cmocka_unit_test(webrtc_is_answered),
    };
    return cmocka_run_group_tests_name("sdp/corpora", tests, NULL, NULL);
}
