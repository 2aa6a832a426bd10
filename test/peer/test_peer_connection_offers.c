/*
 * Every offer of the corpus, answered by a PeerConnection that has an audio and a video track with all codecs it knows: an independent
 * validator (test/sdp/answer_rules.h: RFC 9429 section 5.3 and what it builds on) accepts the answer, and the sections that are refused are those that
 * must be, for the reason that stands here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/peer/connection_pair.h"
#include "test/sdp/answer_rules.h"

enum what { OFFER, ANSWER };

/*
 * What each file is, and what becomes of its sections: '.' agreed, else why not.
 *   b  outside of the BUNDLE that the bundle policy asks for
 *   c  no codec in common: formats without a=rtpmap, or Opus at 90000 Hz, or none of ours
 *   f  no fingerprint of SHA-256 or better
 *   m  a data channel of before RFC 8841 (DTLS/SCTP, a=sctpmap), or in a BUNDLE without a fingerprint that we believe
 *   x  no a=rtcp-mux
 *   !  refused whole, here because of a username fragment with a colon in it
 * An answer is answered too: whoever writes it might as well have offered that.
 * max_bundle  under that policy, where it makes a difference
 */
static const struct {
    const char *name;
    enum what is;
    const char *expected, *max_bundle;
} files[] = {
    {"algesten+str0m__docs_chrome-sdp.json__001.sdp", OFFER, "...", NULL},
    {"algesten+str0m__src_sdp_parser.rs__006.sdp", OFFER, ".", NULL},
    {"algesten+str0m__src_sdp_parser.rs__007.sdp", OFFER, ".", NULL},
    {"algesten+str0m__src_sdp_parser.rs__009.sdp", OFFER, ".", NULL},
    {"algesten+str0m__src_sdp_parser.rs__013.sdp", OFFER, "!", NULL},
    {"chrome_tutorial_answer.sdp", ANSWER, "..", NULL},
    {"chrome_tutorial_offer.sdp", OFFER, "..", NULL},
    {"chromium156__av_dc.sdp", OFFER, "...", NULL},
    {"chromium156__av_dc_answer.sdp", ANSWER, "...", NULL},
    {"chromium156__dc.sdp", OFFER, ".", NULL},
    {"chromium156__dc_answer.sdp", ANSWER, ".", NULL},
    {"clux+sdp-transform__test_hacky.sdp__000.sdp", ANSWER, "ffm", NULL},
    {"clux+sdp-transform__test_icelite.sdp__000.sdp", OFFER, ".", NULL},
    {"clux+sdp-transform__test_jsep.sdp__000.sdp", OFFER, "..", NULL},
    {"clux+sdp-transform__test_jssip.sdp__000.sdp", OFFER, ".", NULL},
    {"clux+sdp-transform__test_sctp-dtls-26.sdp__000.sdp", OFFER, ".", NULL},
    {"clux+sdp-transform__test_ssrc.sdp__000.sdp", OFFER, "..", NULL},
    {"firefox153__av_dc.sdp", OFFER, "...", NULL},
    {"firefox153__av_dc_answer.sdp", ANSWER, "...", NULL},
    {"firefox153__dc.sdp", OFFER, ".", NULL},
    {"firefox153__dc_answer.sdp", ANSWER, ".", NULL},
    {"mozilla+webrtc-sdp__examples_sdps_11.sdp__001.sdp", OFFER, "..x", NULL},
    {"mozilla+webrtc-sdp__examples_sdps_12.sdp__000.sdp", OFFER, "..m", ".bm"},
    {"mozilla+webrtc-sdp__examples_sdps_13.sdp__000.sdp", OFFER, ".", NULL},
    {"mozilla+webrtc-sdp__examples_sdps_41.sdp__000.sdp", ANSWER, "..", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__006.sdp", OFFER, ".", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__007.sdp", OFFER, ".", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__008.sdp", ANSWER, "m", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__009.sdp", OFFER, "..", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__010.sdp", OFFER, ".", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__011.sdp", ANSWER, ".", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__013.sdp", OFFER, "..", NULL},
    {"mozilla+webrtc-sdp__tests_parse_sdp_tests.rs__014.sdp", OFFER, "c", NULL},
    {"pion+webrtc__mediaengine_test.go__016.sdp", OFFER, "x", NULL},
    {"pion+webrtc__mediaengine_test.go__017.sdp", OFFER, "x", NULL},
    {"pion+webrtc__peerconnection_go_test.go__001.sdp", OFFER, "m", NULL},
    {"pion+webrtc__peerconnection_go_test.go__002.sdp", OFFER, "xx", NULL},
    {"pion+webrtc__peerconnection_go_test.go__003.sdp", OFFER, "xx", NULL},
    {"pion+webrtc__peerconnection_go_test.go__004.sdp", OFFER, "m", NULL},
    {"pion+webrtc__peerconnection_go_test.go__005.sdp", OFFER, "x", NULL},
    {"pion+webrtc__peerconnection_go_test.go__008.sdp", OFFER, "..", NULL},
    {"pion+webrtc__peerconnection_test.go__001.sdp", OFFER, "m", NULL},
    {"pion+webrtc__sdp_test.go__001.sdp", OFFER, "c.", NULL},
    {"pion+webrtc__sdp_test.go__002.sdp", OFFER, "c.", NULL},
    {"pion+webrtc__sdpsemantics_test.go__001.sdp", ANSWER, "c.", NULL},
    {"pion+webrtc__sdpsemantics_test.go__002.sdp", ANSWER, "c.", NULL},
    {"webrtc-rs+rtc__rtc-sdp_src_description_testdata_safari_offer.sdp__000.sdp", OFFER, "...", NULL},
    {"webrtc-rs+rtc__tests_media_rejection_interop.rs__001.sdp", OFFER, "..", NULL},
    {"webrtc-rs+rtc__tests_simulcast_recv_offer_answer.rs__001.sdp", OFFER, ".", NULL},
    {"webrtc-rs+rtc__tests_testdata_firefox_152_simulcast_offer.sdp__000.sdp", OFFER, "..", NULL},
    {"webrtc-sdk+webrtc__test_fuzzers_corpora_sdp-corpus_simulcast.1.sdp__000.sdp", OFFER, ".", NULL},
    {"webrtc-sdk+webrtc__test_fuzzers_corpora_sdp-corpus_simulcast.2.sdp__000.sdp", OFFER, ".", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__001.sdp", OFFER, "m", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__002.sdp", OFFER, "m", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__003.sdp", OFFER, "m", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__004.sdp", OFFER, "m", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__005.sdp", OFFER, "m", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__006.sdp", OFFER, "m", NULL},
    {"webrtcHacks+adapter__test_e2e_maxMessageSize.js__007.sdp", OFFER, "m", NULL},
};

/* ---- an answer ------------------------------------------------------------------------------------------------------------------------ */

static void random_bytes(void *context, uint8_t *out, size_t length) {
    uint64_t *state = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)((*state = *state * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static struct peer_connection *make(const struct dtls_certificate *certificate, enum peer_bundle_policy policy, uint64_t *random) {
    static const struct peer_codec_capability audio[] = {{PEER_CODEC_OPUS, NULL}, {PEER_CODEC_PCMU, NULL}, {PEER_CODEC_PCMA, NULL}},
                                              video[] = {{PEER_CODEC_VP8, NULL}, {PEER_CODEC_VP9, NULL}, {PEER_CODEC_H264, NULL}, {PEER_CODEC_AV1, NULL}};
    const struct peer_connection_config config = {.ice = {.random = random_bytes, .random_context = random}, .bundle_policy = policy, .certificate = certificate};
    const struct peer_transceiver_config tracks[] = {{.kind = PEER_AUDIO, .codecs = audio, .codec_count = 3}, {.kind = PEER_VIDEO, .codecs = video, .codec_count = 4}};
    struct peer_connection *connection = peer_connection_new(&config, 1000000);
    assert_non_null(connection);
    for (size_t i = 0, index; i < 2; i++)
        assert_int_equal(peer_connection_add_track(connection, &tracks[i], &index), PEER_OK);
    return connection;
}

/* Why the transceiver of a section is refused; NULL: it has none. */
static const char *reason_of(const struct peer_connection *connection, size_t section, bool *has_transceiver) {
    struct peer_transceiver facts;
    *has_transceiver = false;
    for (size_t i = 0; i < peer_connection_transceiver_count(connection); i++)
        if (peer_connection_transceiver(connection, i, &facts) && facts.section == (int)section) {
            *has_transceiver = true;
            return facts.refused;
        }
    return NULL;
}

static char letter_of(const char *reason) {
    static const struct {
        char letter;
        const char *words;
    } reasons[] = {{'c', "no codec in common"}, {'x', "not multiplexed"}, {'f', "fingerprint"}, {'o', "the offer gives it port 0"}, {'b', "bundle policy"}};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reason && strstr(reason, reasons[i].words))
            return reasons[i].letter;
    return '?';
}

/* What became of each section, a letter each. */
static void describe_outcome(const struct peer_connection *connection, const char *answer, char *letters) {
    static struct text lines;
    text_split(&lines, answer);
    for (int i = 1; i < lines.part_count; i++) {
        bool has_transceiver;
        const char *reason = reason_of(connection, (size_t)i - 1, &has_transceiver);
        *letters++ = !is_refused(&lines.parts[i]) ? '.' : !has_transceiver ? 'm' : letter_of(reason);
    }
    *letters = '\0';
    text_free(&lines);
}

static const char *read_local(const struct peer_connection *connection, char *text, size_t capacity) {
    size_t length = 0;
    assert_int_equal(peer_connection_description(connection, PEER_LOCAL, NULL, text, capacity, &length), PEER_OK);
    return text;
}

static unsigned surprises; /* all are printed before the test fails */

static void answer_offer(const char *name, const char *offer, const struct dtls_certificate *certificate, enum peer_bundle_policy policy, char *letters) {
    static char answer[CONNECTION_PAIR_TEXT_BYTES];
    uint64_t random = 1;
    struct peer_problem problem = {0};
    struct peer_connection *connection = make(certificate, policy, &random);
    int error = peer_connection_set_remote_description(connection, 1000000, PEER_SDP_OFFER, offer, strlen(offer), &problem);
    memcpy(letters, "!", 2);
    /* What a final answer refuses is gone from its section; after a provisional one it still stands there, and says why. */
    if (error == PEER_OK)
        error = peer_connection_set_local_description(connection, 1000000, PEER_SDP_PRANSWER, NULL, 0, &problem);
    if (error != PEER_OK) {
        assert_int_equal(error, PEER_ERROR_MALFORMED);
        assert_non_null(problem.rule);
        printf("%s: refused whole: %s\n", name, problem.rule);
        peer_connection_free(connection);
        return;
    }
    describe_outcome(connection, read_local(connection, answer, sizeof answer), letters);
    assert_int_equal(peer_connection_set_local_description(connection, 1000000, PEER_SDP_IMPLICIT, NULL, 0, &problem), PEER_OK);
    assert_int_equal(peer_connection_signaling_state(connection), PEER_SIGNALING_STABLE);
    (void)read_local(connection, answer, sizeof answer);
    const char *broken = answer_breaks(offer, answer);
    if (broken)
        surprises++, printf("%s: %s\n%s", name, broken, answer);
    peer_connection_free(connection);
}

/* ---- the corpus ------------------------------------------------------------------------------------------------------------------------- */

static unsigned offers;

static const char *expected_of(const char *name, enum peer_bundle_policy policy) {
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (strcmp(files[i].name, name) != 0)
            continue;
        offers += files[i].is == OFFER && policy == PEER_BUNDLE_BALANCED;
        return policy == PEER_BUNDLE_MAX_BUNDLE && files[i].max_bundle ? files[i].max_bundle : files[i].expected;
    }
    fail_msg("%s stands in no row", name);
    return "";
}

static void answer_file(const char *folder, const char *name, const struct dtls_certificate *certificate) {
    static char offer[CONNECTION_PAIR_TEXT_BYTES];
    char path[1024], letters[256];
    assert_true((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) < sizeof path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(offer, 1, sizeof offer - 1, file);
    fclose(file);
    offer[length] = '\0';
    for (int policy = PEER_BUNDLE_BALANCED; policy <= PEER_BUNDLE_MAX_BUNDLE; policy++) {
        answer_offer(name, offer, certificate, (enum peer_bundle_policy)policy, letters);
        if (strcmp(letters, expected_of(name, (enum peer_bundle_policy)policy)) != 0)
            surprises++, printf("%s: %s under bundle policy %d\n", name, letters, policy);
    }
}

static void test_every_offer(void **state) {
    (void)state;
    const char *corpora = getenv("STRATA_CORPORA");
    char folder[512];
    int written = corpora ? snprintf(folder, sizeof folder, "%s/sdp-webrtc", corpora) : 0;
    DIR *entries = written > 0 && (size_t)written < sizeof folder ? opendir(folder) : NULL;
    if (!entries) {
        printf("SKIP: test_every_offer: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    struct dtls_certificate *certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = 1700000000});
    assert_non_null(certificate);
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;)
        if (entry->d_name[0] != '.')
            answer_file(folder, entry->d_name, certificate);
    closedir(entries);
    dtls_certificate_free(certificate);
    assert_int_equal(surprises, 0);
    assert_int_equal(offers, 48);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_offer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
