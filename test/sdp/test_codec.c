/* sdp/codec_table.c, codec_h264.c, codec_section.c, codec_intersect.c, codec_explain.c: the rules of the table, and each reason. */
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

/* RFC 6184 section 8.1, table 5, and the two spellings of level 1b. */
static void h264_formats(void **state) {
    (void)state;
    static const struct {
        const char *parameters;
        enum sdp_h264_profile profile;
        uint8_t level;
    } rows[] = {
        {"profile-level-id=42e01f", SDP_H264_PROFILE_CONSTRAINED_BASELINE, 31}, {"profile-level-id=42c00b", SDP_H264_PROFILE_CONSTRAINED_BASELINE, 11},
        {"profile-level-id=4d801f", SDP_H264_PROFILE_CONSTRAINED_BASELINE, 31}, {"profile-level-id=58c01f", SDP_H264_PROFILE_CONSTRAINED_BASELINE, 31},
        {"profile-level-id=42001f", SDP_H264_PROFILE_BASELINE, 31},             {"profile-level-id=58801f", SDP_H264_PROFILE_BASELINE, 31},
        {"profile-level-id=4d001f", SDP_H264_PROFILE_MAIN, 31},                 {"profile-level-id=58001f", SDP_H264_PROFILE_EXTENDED, 31},
        {"profile-level-id=640c1f", SDP_H264_PROFILE_CONSTRAINED_HIGH, 31},     {"profile-level-id=64001F", SDP_H264_PROFILE_HIGH, 31},
        {"profile-level-id=6e001f", SDP_H264_PROFILE_HIGH_10, 31},              {"profile-level-id=7a001f", SDP_H264_PROFILE_HIGH_4_2_2, 31},
        {"profile-level-id=f4001f", SDP_H264_PROFILE_HIGH_4_4_4, 31},           {"profile-level-id=6e101f", SDP_H264_PROFILE_HIGH_10_INTRA, 31},
        {"profile-level-id=7a101f", SDP_H264_PROFILE_HIGH_4_2_2_INTRA, 31},     {"profile-level-id=f4101f", SDP_H264_PROFILE_HIGH_4_4_4_INTRA, 31},
        {"profile-level-id=2c101f", SDP_H264_PROFILE_CAVLC_4_4_4_INTRA, 31},    {"profile-level-id=64551f", SDP_H264_PROFILE_OTHER, 31},
        {"", SDP_H264_PROFILE_BASELINE, 10},                                    {"profile-level-id=42f00b", SDP_H264_PROFILE_CONSTRAINED_BASELINE, SDP_H264_LEVEL_1B},
        {"profile-level-id=640009", SDP_H264_PROFILE_HIGH, SDP_H264_LEVEL_1B},
    };
    struct sdp_h264_format format;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char digits[7];
        char back[64] = "profile-level-id=";
        struct sdp_h264_format again;
        if (!sdp_read_h264((struct sdp_view){rows[i].parameters, strlen(rows[i].parameters)}, &format) || format.profile != rows[i].profile ||
            format.level != rows[i].level)
            fail_msg("%s: %s, level %u", rows[i].parameters, sdp_h264_profile_name(format.profile), format.level);
        sdp_h264_write(&format, digits);
        append_to(back, digits);
        assert_true(sdp_read_h264((struct sdp_view){back, strlen(back)}, &again));
        assert_true(again.profile == format.profile && again.level == format.level);
    }
    for (int profile = 0; profile <= SDP_H264_PROFILE_OTHER; profile++)
        assert_true(strlen(sdp_h264_profile_name((enum sdp_h264_profile)profile)) > 0);
    static const char *const bad[] = {"profile-level-id=42e01", "profile-level-id=42e01fa", "profile-level-id=42g01f", "packetization-mode=3", "profile-level-id="};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(sdp_read_h264((struct sdp_view){bad[i], strlen(bad[i])}, &format));
    assert_int_equal(sdp_h264_level_minimum(SDP_H264_LEVEL_1B, 10), 10);
    assert_int_equal(sdp_h264_level_minimum(11, SDP_H264_LEVEL_1B), SDP_H264_LEVEL_1B);
}

/* RFC 6184 section 8.2.2: the lower level, unless both allow asymmetry; the profile as offered. */
static void h264_level_of_an_answer(void **state) {
    (void)state;
    static const struct {
        const char *ours;
        const char *offered;
        const char *answer;
    } rows[] = {
        {"profile-level-id=42e01f", "profile-level-id=42e034", "42e01f"},
        {"profile-level-id=42e034", "profile-level-id=42e01f", "42e01f"},
        {"profile-level-id=42e034;level-asymmetry-allowed=1", "profile-level-id=42e01f", "42e01f"},
        {"profile-level-id=42e034", "profile-level-id=42e01f;level-asymmetry-allowed=1", "42e01f"},
        {"profile-level-id=42e034;level-asymmetry-allowed=1", "profile-level-id=42e01f;level-asymmetry-allowed=1", "42e034"},
        {"profile-level-id=42e00d;level-asymmetry-allowed=1", "profile-level-id=42e01f;level-asymmetry-allowed=1", "42e00d"},
        {"profile-level-id=42e01f", "profile-level-id=4d801f", "4d801f"},
        {"profile-level-id=42e01f", "profile-level-id=42f00b", "42f00b"}, /* 1b is lower */
        {"profile-level-id=42f00b", "profile-level-id=42e01f", "42f00b"},
        {"profile-level-id=42e00b", "profile-level-id=42f00c", "42e00b"}, /* 1.1, not 1b */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sdp_h264_format ours;
        struct sdp_h264_format offered;
        char digits[7];
        assert_true(sdp_read_h264((struct sdp_view){rows[i].ours, strlen(rows[i].ours)}, &ours));
        assert_true(sdp_read_h264((struct sdp_view){rows[i].offered, strlen(rows[i].offered)}, &offered));
        struct sdp_h264_format answer = sdp_h264_answer(&ours, &offered);
        sdp_h264_write(&answer, digits);
        if (strcmp(digits, rows[i].answer) != 0)
            fail_msg("row %zu: %s", i, digits);
    }
}

static const char *why(struct sdp_codec here, struct sdp_codec there) {
    static char text[SDP_CODEC_EXPLANATION_BYTES];
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched;
    size_t count = sdp_codec_intersect(&here, 1, &there, 1, verdicts, &matched);
    /* From either side it is the same sentence, except where it names one side's entry. */
    sdp_codec_explain(&here, &there, &verdicts[count - 1], text, sizeof text);
    sdp_codec_explain(&here, &there, &verdicts[0], text, sizeof text);
    for (size_t capacity = 0; capacity < sizeof text; capacity++) {
        char small[SDP_CODEC_EXPLANATION_BYTES];
        sdp_codec_explain(&here, &there, &verdicts[0], small, capacity);
        assert_true(capacity == 0 || strlen(small) < capacity);
    }
    return text;
}

/* What differs is said with both values. */
static void reasons_in_words(void **state) {
    (void)state;
    struct sdp_codec opus = sdp_codec_make(SDP_CODEC_OPUS, 96, NULL, 0);
    struct sdp_codec other = opus;
    assert_string_equal(why(opus, opus), "both sides have it");
    other.channels = 1;
    assert_string_equal(why(opus, other), "channels 2 here, 1 there");
    other.clock_hz = 16000;
    assert_string_equal(why(opus, other), "clock 48000 here, 16000 there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=2", 0), sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=0", 0)),
                        "profile-id 2 here, 0 there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=2", 0), sdp_codec_make(SDP_CODEC_VP9, 98, NULL, 0)),
                        "profile-id 2 here, 0 (when absent) there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_VP9, 98, "profile-id=x", 0), sdp_codec_make(SDP_CODEC_VP9, 98, NULL, 0)),
                        "profile-id x (malformed) here, 0 (when absent) there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_AV1, 98, "profile=1", 0), sdp_codec_make(SDP_CODEC_AV1, 98, NULL, 0)),
                        "profile 1 (High) here, none (Main) there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_H264, 98, "profile-level-id=640c1f", 0), sdp_codec_make(SDP_CODEC_H264, 98, "profile-level-id=42e01f", 0)),
                        "profile-level-id 640c1f (Constrained High) here, 42e01f (Constrained Baseline) there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_H264, 98, "packetization-mode=1", 0), sdp_codec_make(SDP_CODEC_H264, 98, NULL, 0)),
                        "packetization-mode 1 here, 0 (when absent) there");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0), sdp_codec_make(SDP_CODEC_RTX, 97, "apt=96", 0)),
                        "it serves payload type 96, which is not agreed on, or not with the counterpart's");
    assert_string_equal(why(sdp_codec_make(SDP_CODEC_RTX, 97, NULL, 0), sdp_codec_make(SDP_CODEC_RTX, 97, NULL, 0)), "it names no payload type that it serves");
    assert_string_equal(why(opus, sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 0)), sdp_codec_reason_text(SDP_CODEC_REASON_ABSENT));
    /* A draft's name and the RFC's are two formats. */
    struct sdp_codec flexfec = sdp_codec_make(SDP_CODEC_FLEXFEC, 49, NULL, 0);
    struct sdp_codec of_rfc = flexfec;
    of_rfc.name = (struct sdp_view){"flexfec", 7};
    assert_string_equal(why(flexfec, of_rfc), sdp_codec_reason_text(SDP_CODEC_REASON_ABSENT));
    assert_string_equal(why(flexfec, flexfec), "both sides have it");
    /* The second of two alike. */
    struct sdp_codec twice[] = {opus, opus};
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    char text[SDP_CODEC_EXPLANATION_BYTES];
    size_t matched;
    assert_int_equal(sdp_codec_intersect(&opus, 1, twice, 2, verdicts, &matched), 2);
    sdp_codec_explain(&opus, twice, &verdicts[1], text, sizeof text);
    assert_string_equal(text, "payload type 96 of the other side already goes with an earlier entry");
}

/* Issue 4: the user's order of preference, then the offerer's. */
static void preference_then_order_of_the_offer(void **state) {
    (void)state;
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched;
    const struct sdp_codec ours[] = {sdp_codec_make(SDP_CODEC_VP9, 98, NULL, 0), sdp_codec_make(SDP_CODEC_VP8, 96, NULL, 0)};
    const struct sdp_codec theirs[] = {sdp_codec_make(SDP_CODEC_VP8, 100, NULL, 0), sdp_codec_make(SDP_CODEC_VP9, 102, "profile-id=0", 0),
                                       sdp_codec_make(SDP_CODEC_VP9, 101, NULL, 0)};
    sdp_codec_intersect(ours, 2, theirs, 3, verdicts, &matched);
    assert_int_equal(matched, 2);
    assert_int_equal(theirs[verdicts[0].other].payload_type, 102); /* VP9 first; of the two, the offer's first */
    assert_int_equal(theirs[verdicts[1].other].payload_type, 100);
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
        cmocka_unit_test(h264_formats),
        cmocka_unit_test(h264_level_of_an_answer),
        cmocka_unit_test(reasons_in_words),
        cmocka_unit_test(preference_then_order_of_the_offer),
    };
    return cmocka_run_group_tests_name("sdp/codec", tests, NULL, NULL);
}
