/* sdp/codec_table.c, codec_section.c, codec_intersect.c: the rules of the table, and each reason. */
#include "test_sdp.h"

#include <string.h>

static size_t codecs_of(const char *formats_and_lines, struct sdp_codec *out, struct parsed *parsed) {
    char text[4096] = HEAD "m=video 9 UDP/TLS/RTP/SAVPF ";
    append_to(text, formats_and_lines);
    *parsed = parse_string(text);
    assert_int_equal(parsed->error, SDP_OK);
    return sdp_section_codecs(&parsed->session->sections[0], out);
}

static void codecs_of_a_section(void **state) {
    (void)state;
    struct sdp_codec codecs[SDP_CODEC_MAX];
    struct parsed parsed;
    size_t count = codecs_of("96 0 97 50 96 9\r\na=fmtp:97 apt=96\r\na=rtpmap:97 RTX/90000\r\na=rtpmap:96 vp8/90000\r\na=rtpmap:96 VP9/90000\r\n"
                             "a=rtcp-fb:96 nack\r\na=rtcp-fb:* nack pli\r\na=rtpmap:98 H264/90000\r\n",
                             codecs, &parsed);
    /* 50 has no name (RFC 3551 section 6 gives none), 98 is not in the m= line, 96 stands there twice. */
    assert_int_equal(count, 4);
    assert_int_equal(codecs[0].id, SDP_CODEC_VP8);
    assert_view(codecs[0].name, "vp8");
    assert_int_equal(codecs[0].feedback, SDP_FEEDBACK_NACK | SDP_FEEDBACK_NACK_PLI);
    assert_int_equal(codecs[1].id, SDP_CODEC_PCMU);
    assert_int_equal(codecs[1].clock_hz, 8000);
    assert_int_equal(codecs[2].id, SDP_CODEC_RTX);
    assert_view(codecs[2].parameters, "apt=96");
    assert_int_equal(codecs[3].id, SDP_CODEC_G722);
    parsed_free(&parsed);
    /* All 128, and 256 formats of which 128 repeat. */
    char formats[2048] = "";
    for (int round = 0; round < 2; round++)
        for (int type = 0; type < 128; type++) {
            char number[5] = {(char)('0' + type / 100), (char)('0' + type / 10 % 10), (char)('0' + type % 10), ' ', '\0'};
            append_to(formats, number);
        }
    append_to(formats, "\r\n");
    assert_int_equal(codecs_of(formats, codecs, &parsed), 4); /* PCMU, PCMA, G722, CN */
    parsed_free(&parsed);
}

static enum sdp_codec_reason reason_between(struct sdp_codec a, struct sdp_codec b) {
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched;
    size_t count = sdp_codec_intersect(&a, 1, &b, 1, verdicts, &matched);
    assert_int_equal(count, matched == 1 ? 1 : 2);
    assert_true(strlen(sdp_codec_reason_text(verdicts[0].reason)) > 0);
    return verdicts[0].reason;
}

static enum sdp_codec_reason reason_of(enum sdp_codec_id id, const char *a, const char *b) {
    return reason_between(sdp_codec_make(id, 96, a, 0), sdp_codec_make(id, 100, b, 0));
}

static void rules_of_the_table(void **state) {
    (void)state;
    assert_int_equal(reason_of(SDP_CODEC_OPUS, "stereo=1", "minptime=10"), SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_VP8, NULL, "max-fs=12288;max-fr=60"), SDP_CODEC_MATCHED);
    /* RFC 9628 section 6: profile-id is 0 when absent. */
    assert_int_equal(reason_of(SDP_CODEC_VP9, NULL, "profile-id=0"), SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_VP9, "profile-id=2", "profile-id=0"), SDP_CODEC_REASON_PARAMETERS);
    assert_int_equal(reason_of(SDP_CODEC_AV1, "level-idx=5", "profile=0;tier=0"), SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_AV1, "profile=1", NULL), SDP_CODEC_REASON_PARAMETERS);
    /* RFC 6184 sections 8.1 and 8.2.2: profile and packetization mode, not level. */
    assert_int_equal(reason_of(SDP_CODEC_H264, "packetization-mode=1;profile-level-id=42e01f", "profile-level-id=42E034;packetization-mode=1"),
                     SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_H264, "packetization-mode=1;profile-level-id=42e01f", "profile-level-id=42e01f"),
                     SDP_CODEC_REASON_PARAMETERS);
    assert_int_equal(reason_of(SDP_CODEC_H264, "profile-level-id=42e01f", "profile-level-id=42001f"), SDP_CODEC_REASON_PARAMETERS);
    assert_int_equal(reason_of(SDP_CODEC_H264, "profile-level-id=42e01f", "profile-level-id=4d801f"), SDP_CODEC_MATCHED); /* table 5 */
    assert_int_equal(reason_of(SDP_CODEC_H264, "profile-level-id=42c01f", "profile-level-id=42e01f"), SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_H264, NULL, "profile-level-id=42000a"), SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_H264, "profile-level-id=xyz", "profile-level-id=xyz"), SDP_CODEC_REASON_PARAMETERS);
    struct sdp_codec opus = sdp_codec_make(SDP_CODEC_OPUS, 96, NULL, 0);
    struct sdp_codec other = opus;
    other.channels = 1;
    assert_int_equal(reason_between(opus, other), SDP_CODEC_REASON_CHANNELS);
    other.clock_hz = 16000;
    assert_int_equal(reason_between(opus, other), SDP_CODEC_REASON_CLOCK);
    assert_int_equal(reason_between(opus, sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 0)), SDP_CODEC_REASON_ABSENT);
    struct sdp_codec unknown = {.name = {"ISAC", 4}, .clock_hz = 16000, .channels = 1};
    assert_int_equal(reason_between(unknown, unknown), SDP_CODEC_REASON_UNKNOWN);
    assert_int_equal(sdp_codec_make((enum sdp_codec_id)99, 1, NULL, 0).id, SDP_CODEC_UNKNOWN);
}

static void served_codecs(void **state) {
    (void)state;
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched;
    /* RFC 4588 section 8.6: rtx goes with the codec its apt names, on both sides. */
    const struct sdp_codec ours[] = {sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0), sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 0),
                                     sdp_codec_make(SDP_CODEC_RTX, 99, "apt=98", 0), sdp_codec_make(SDP_CODEC_VP9, 98, NULL, 0)};
    const struct sdp_codec theirs[] = {sdp_codec_make(SDP_CODEC_VP9, 96, "profile-id=2", 0), sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0),
                                       sdp_codec_make(SDP_CODEC_VP8, 120, NULL, 0), sdp_codec_make(SDP_CODEC_RTX, 124, "apt=120", 0),
                                       sdp_codec_make(SDP_CODEC_VP8, 121, NULL, 0)};
    size_t count = sdp_codec_intersect(ours, COUNT(ours), theirs, COUNT(theirs), verdicts, &matched);
    assert_int_equal(matched, 2);
    assert_int_equal(count, 2 + 2 + 3);
    assert_true(verdicts[0].preferred == 0 && verdicts[0].other == 3);
    assert_true(verdicts[1].preferred == 1 && verdicts[1].other == 2);
    assert_true(verdicts[2].preferred == 2 && verdicts[2].reason == SDP_CODEC_REASON_ASSOCIATED);
    assert_true(verdicts[3].preferred == 3 && verdicts[3].reason == SDP_CODEC_REASON_PARAMETERS);
    assert_true(verdicts[6].other == 4 && verdicts[6].preferred == SDP_CODEC_NONE && verdicts[6].reason == SDP_CODEC_REASON_TAKEN);
    /* Without apt, with an apt that names nobody, with one that names itself: matches nothing. */
    assert_int_equal(reason_of(SDP_CODEC_RTX, NULL, NULL), SDP_CODEC_REASON_ASSOCIATED);
    assert_int_equal(reason_of(SDP_CODEC_RTX, "apt=4294967296", "apt=-1"), SDP_CODEC_REASON_ASSOCIATED);
    assert_int_equal(reason_of(SDP_CODEC_RTX, "apt=96", "apt=100"), SDP_CODEC_REASON_ASSOCIATED);
    /* RED names what it repeats, or nothing. */
    assert_int_equal(reason_of(SDP_CODEC_RED, NULL, NULL), SDP_CODEC_MATCHED);
    assert_int_equal(reason_of(SDP_CODEC_RED, "111/111", "111/111"), SDP_CODEC_REASON_ASSOCIATED);
}

/* Issue 4: one side has VP8 and H264, the other VP9 and H264; they agree on H264. */
static void the_example(void **state) {
    (void)state;
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched;
    const struct sdp_codec ours[] = {sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 0), sdp_codec_make(SDP_CODEC_H264, 98, "packetization-mode=1", 0)};
    const struct sdp_codec theirs[] = {sdp_codec_make(SDP_CODEC_VP9, 96, NULL, 0), sdp_codec_make(SDP_CODEC_H264, 102, "packetization-mode=1", 0)};
    assert_int_equal(sdp_codec_intersect(ours, 2, theirs, 2, verdicts, &matched), 3);
    assert_int_equal(matched, 1);
    assert_true(verdicts[0].preferred == 1 && verdicts[0].other == 1);
    assert_int_equal(verdicts[1].reason, SDP_CODEC_REASON_ABSENT);
    assert_int_equal(verdicts[2].reason, SDP_CODEC_REASON_ABSENT);
    assert_int_equal(sdp_codec_intersect(ours, 0, theirs, 0, verdicts, &matched), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codecs_of_a_section),
        cmocka_unit_test(rules_of_the_table),
        cmocka_unit_test(served_codecs),
        cmocka_unit_test(the_example),
    };
    return cmocka_run_group_tests_name("sdp/codec", tests, NULL, NULL);
}
