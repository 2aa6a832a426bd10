/* sdp/bundle.c, and transports in offers, answers and agreements: RFC 9143 sections 6 and 7, RFC 9429 sections 5.2 and 5.3, RFC 8841. */
#include "test_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_rules.h"

static char offer_text[SDP_TEXT_MAX_BYTES];
static char answer_text[SDP_TEXT_MAX_BYTES];
static struct sdp_negotiated negotiated;
static struct ours ours;

#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=mid:"
#define ONLY "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=bundle-only\r\na=rtcp-mux\r\na=mid:"
#define REFUSED "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=mid:"

/* ---- who carries ---------------------------------------------------------------------------------------------------- */

static void tagged_sections(void **state) {
    (void)state;
    static const struct {
        const char *offer;
        size_t tagged[4];
        size_t count;
    } rows[] = {
        {HEAD AUDIO "a\r\n" AUDIO "b\r\n", {0, 1}, 2},
        {HEAD "a=group:BUNDLE a b c\r\n" AUDIO "a\r\n" AUDIO "b\r\n" AUDIO "c\r\n", {0, 0, 0}, 3},
        {HEAD "a=group:BUNDLE c a\r\n" AUDIO "a\r\n" AUDIO "b\r\n" AUDIO "c\r\n", {2, 1, 2}, 3},
        {HEAD "a=group:BUNDLE a c\r\na=group:BUNDLE d b\r\na=group:LS a b\r\n" AUDIO "a\r\n" AUDIO "b\r\n" AUDIO "c\r\n" AUDIO "d\r\n", {0, 3, 0, 3}, 4},
        /* RFC 9143 section 7.3.1: neither a refused one nor a bundle-only one has an address. */
        {HEAD "a=group:BUNDLE a b c\r\n" REFUSED "a\r\n" ONLY "b\r\n" AUDIO "c\r\n", {0, 2, 2}, 3},
        {HEAD "a=group:BUNDLE a b\r\n" ONLY "a\r\n" ONLY "b\r\n", {0, 1}, 2},
        {HEAD, {0}, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t tagged[SDP_SECTION_MAX];
        struct parsed parsed = parse_string(rows[i].offer);
        assert_int_equal(parsed.error, SDP_OK);
        assert_int_equal(parsed.session->section_count, rows[i].count);
        sdp_bundle_tags(parsed.session, tagged);
        for (size_t j = 0; j < rows[i].count; j++)
            if (tagged[j] != rows[i].tagged[j])
                fail_msg("row %zu: section %zu has the transport of %zu", i, j, tagged[j]);
        parsed_free(&parsed);
    }
}

/* ---- offers --------------------------------------------------------------------------------------------------------- */

static struct sdp_local_section three[3];

/* Audio, video and data; every one with a transport of its own, but those that the caller changes. */
static void begin_three(void) {
    ours_begin(&ours);
    three[0] = ours.sections[0];
    three[1] = ours.sections[1];
    three[2] = ours.data;
    for (size_t i = 0; i < 3; i++) {
        static const char *const ufrags[] = {"one1", "two2", "thr3"};
        ours.transports[i] = ours.transport;
        ours.transports[i].ice_ufrag = ufrags[i];
        three[i].transport = &ours.transports[i];
    }
    ours.local.sections = three;
    ours.local.section_count = 3;
}

static struct parsed offer(void) {
    int length = sdp_write_offer(&ours.local, offer_text, sizeof offer_text);
    assert_true(length > 0);
    struct parsed parsed = parse_string(offer_text);
    if (parsed.error != SDP_OK)
        fail_msg("our own offer is refused: line %zu, %s", parsed.problem.line, parsed.problem.rule);
    return parsed;
}

static size_t times(const char *text, const char *what) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static void transports_of_an_offer(void **state) {
    (void)state;
    static const char *const candidates[] = {"candidate:1 1 udp 1 192.0.2.1 5000 typ host"};
    /* RFC 9429 section 4.1.1, balanced or max-compat: each its own. */
    begin_three();
    struct parsed parsed = offer();
    assert_non_null(strstr(offer_text, "a=group:BUNDLE 0 1 2\r\n"));
    assert_non_null(strstr(offer_text, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert_non_null(strstr(offer_text, "a=sctp-port:5000\r\na=max-message-size:262144\r\n"));
    assert_int_equal(times(offer_text, "a=ice-ufrag:"), 3);
    /* RFC 9429 section 5.2.1: above the sections, once. */
    assert_int_equal(times(offer_text, "a=ice-options"), 1);
    assert_true(strstr(offer_text, "a=ice-options:trickle ice2\r\n") < strstr(offer_text, "m="));
    for (size_t i = 0; i < 3; i++)
        assert_true(sdp_find(parsed.session, &parsed.session->sections[i], SDP_ATTRIBUTE_ICE_OPTIONS, &(struct sdp_attribute){0}));
    parsed_free(&parsed);
    /* All the same one, as in later offers: said in each (deviation from RFC 9143 section 7.1.3), its candidates once. */
    begin_three();
    ours.transports[0].candidates = candidates;
    ours.transports[0].candidate_count = 1;
    ours.transports[0].end_of_candidates = true;
    three[1].transport = three[2].transport = three[0].transport;
    parsed = offer();
    assert_int_equal(times(offer_text, "a=ice-ufrag:one1"), 3);
    assert_int_equal(times(offer_text, "a=ice-pwd:"), 3);
    assert_int_equal(times(offer_text, "a=fingerprint:"), 3);
    assert_int_equal(times(offer_text, "a=setup:"), 3);
    assert_int_equal(times(offer_text, "a=candidate:"), 1);
    assert_int_equal(times(offer_text, "a=end-of-candidates"), 1);
    assert_int_equal(times(offer_text, "m=video 9 "), 1);
    parsed_free(&parsed);
    /* RFC 9429 section 4.1.1, max-bundle. */
    begin_three();
    three[1].bundle_only = three[2].bundle_only = true;
    three[1].transport = NULL;
    parsed = offer();
    assert_int_equal(times(offer_text, "a=bundle-only\r\n"), 2);
    assert_int_equal(times(offer_text, "a=ice-ufrag:one1"), 3);
    assert_non_null(strstr(offer_text, "m=application 0 "));
    parsed_free(&parsed);
    /* The carrier stands first in the list, though a bundle-only section stands before it among the sections (RFC 9143 section 7.2.1). */
    begin_three();
    three[0].bundle_only = true;
    parsed = offer();
    assert_non_null(strstr(offer_text, "a=group:BUNDLE 1 2 0\r\n"));
    assert_int_equal(parsed.session->sections[0].port, 0);
    parsed_free(&parsed);
    /* One of them outside of the group. */
    begin_three();
    three[1].unbundled = true;
    parsed = offer();
    assert_non_null(strstr(offer_text, "a=group:BUNDLE 0 2\r\n"));
    parsed_free(&parsed);
    /* RFC 8842 section 5.5: whatever role the transport has, an offer says actpass. */
    begin_three();
    ours.transports[0].setup = SDP_SETUP_ACTIVE;
    ours.transports[1].setup = SDP_SETUP_PASSIVE;
    ours.transports[2].setup = SDP_SETUP_ACTPASS;
    parsed = offer();
    assert_int_equal(times(offer_text, "a=setup:actpass\r\n"), 3);
    parsed_free(&parsed);
}

/* RFC 9429 section 5.2.2: what was refused keeps its place. */
static void refused_sections_of_an_offer(void **state) {
    (void)state;
    begin_three();
    three[0] = (struct sdp_local_section){.media = SDP_MEDIA_OTHER, .mid = "t", .refused = true};
    three[1] = (struct sdp_local_section){.media = SDP_MEDIA_VIDEO, .mid = "v", .refused = true, .codecs = ours.video, .codec_count = 1};
    three[2] = (struct sdp_local_section){.media = SDP_MEDIA_APPLICATION, .mid = "d", .refused = true};
    struct parsed parsed = offer();
    assert_null(strstr(offer_text, "a=group"));
    assert_non_null(strstr(offer_text, "m=text 0 UDP/TLS/RTP/SAVPF 0\r\n"));
    assert_non_null(strstr(offer_text, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"));
    assert_non_null(strstr(offer_text, "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    parsed_free(&parsed);
    three[0].media_name = "message";
    parsed = offer();
    assert_non_null(strstr(offer_text, "m=message 0 "));
    parsed_free(&parsed);
    three[0].media_name = "a b";
    assert_int_equal(sdp_write_offer(&ours.local, offer_text, sizeof offer_text), SDP_ERROR_ARGUMENT);
}

static void bad_sections_of_an_offer(void **state) {
    (void)state;
#define REFUSES(change)                                                                                    \
    do {                                                                                                   \
        begin_three();                                                                                     \
        change;                                                                                            \
        assert_int_equal(sdp_write_offer(&ours.local, offer_text, sizeof offer_text), SDP_ERROR_ARGUMENT); \
    } while (0)
    REFUSES((three[0].bundle_only = three[1].bundle_only = three[2].bundle_only = true)); /* RFC 9143 section 7.2.1: one of them carries the transport */
    REFUSES((three[1].bundle_only = true, three[1].unbundled = true));
    REFUSES(three[0].transport = NULL);
    REFUSES(three[2].sctp_port = 0); /* RFC 8841 section 5 */
    REFUSES(three[2].media = SDP_MEDIA_OTHER);
    REFUSES((three[1].refused = true, three[1].mid = NULL));
    static const char *const bad_streams[] = {"a b"};
    REFUSES((three[0].stream_ids = bad_streams, three[0].stream_count = 1));
#undef REFUSES
    /* Outside of the BUNDLE a payload type may mean something else. */
    begin_three();
    ours.audio[1].payload_type = 96;
    assert_int_equal(sdp_write_offer(&ours.local, offer_text, sizeof offer_text), SDP_ERROR_ARGUMENT);
    three[1].unbundled = true;
    assert_true(sdp_write_offer(&ours.local, offer_text, sizeof offer_text) > 0);
}

/* ---- answers -------------------------------------------------------------------------------------------------------- */

/* Our answer to a description; checked, and negotiated from both ends. */
static void answer(const struct parsed *offered, const char *text, enum sdp_refusal *refusals) {
    int length = sdp_write_answer(&ours.answer, offered->session, answer_text, sizeof answer_text, refusals);
    assert_true(length > 0);
    const char *broken = answer_breaks(text, answer_text);
    if (broken != NULL)
        fail_msg("%s\n%s", broken, answer_text);
    struct parsed answered = parse_string(answer_text);
    assert_int_equal(answered.error, SDP_OK);
    assert_int_equal(sdp_negotiate(answered.session, offered->session, false, &negotiated, NULL), SDP_OK);
    parsed_free(&answered);
}

/* RFC 9143 section 7.3.2: a section may leave, when it has an address of its own. */
static void leaving_the_bundle(void **state) {
    (void)state;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    begin_three();
    struct parsed parsed = offer();
    ours_answer(&ours, parsed.session);
    ours.answers[1].unbundled = true;
    answer(&parsed, offer_text, refusals);
    assert_non_null(strstr(answer_text, "a=group:BUNDLE 0 2\r\n"));
    assert_int_equal(negotiated.transport_count, 2);
    assert_int_equal(negotiated.transports[1].section, 1);
    assert_int_equal(negotiated.sections[2].transport, 0);
    assert_view(negotiated.transports[1].remote_ufrag, "two2");
    /* The first leaves: the next carries. */
    ours.answers[1].unbundled = false;
    ours.answers[0].unbundled = true;
    answer(&parsed, offer_text, refusals);
    assert_non_null(strstr(answer_text, "a=group:BUNDLE 1 2\r\n"));
    assert_int_equal(negotiated.sections[2].transport, 1);
    parsed_free(&parsed);
    begin_three();
    three[1].bundle_only = true;
    parsed = offer();
    ours_answer(&ours, parsed.session);
    ours.answers[1].unbundled = true;
    answer(&parsed, offer_text, refusals);
    assert_int_equal(refusals[1], SDP_REFUSAL_BUNDLE);
    assert_int_equal(negotiated.agreed_count, 2);
    parsed_free(&parsed);
}

#define OWN(ufrag) "a=ice-ufrag:" ufrag "\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:" FINGERPRINT "\r\na=setup:actpass\r\n"

/* RFC 9143 section 7.3.2: who repeats the transport of its tagged section has none of its own to leave with. */
static void leaving_a_repeated_transport(void **state) {
    (void)state;
    static const char text[] = HEAD "a=group:BUNDLE a b\r\na=group:BUNDLE c d e\r\n" AUDIO "a\r\n" OWN("one1") AUDIO "b\r\n" OWN("one1")
        AUDIO "c\r\n" OWN("two2") AUDIO "d\r\n" OWN("two2") AUDIO "e\r\n" OWN("thr3");
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    struct parsed parsed = parse_string(text);
    ours_answer(&ours, parsed.session);
    for (size_t i = 2; i < 5; i++)
        ours.answers[i].unbundled = true;
    answer(&parsed, text, refusals);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(refusals[i], i == 3 ? SDP_REFUSAL_BUNDLE : SDP_REFUSAL_NONE);
    assert_int_equal(negotiated.transport_count, 3);
    parsed_free(&parsed);
}

/* RFC 9143 section 7.1.3: a=rtcp-mux of the tagged section holds for who shares its transport, also when it says which; for no other. */
static void rtcp_mux_of_the_tagged_section(void **state) {
    (void)state;
    static const char text[] = HEAD "a=group:BUNDLE a b c d\r\n" AUDIO "a\r\n" OWN("one1") "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:b\r\n" OWN("one1")
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:c\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:d\r\n" OWN("two2");
    struct parsed parsed = parse_string(text);
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    ours_answer(&ours, parsed.session);
    answer(&parsed, text, refusals);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(refusals[i], i == 3 ? SDP_REFUSAL_MUX : SDP_REFUSAL_NONE);
    parsed_free(&parsed);
}

/* deviation from RFC 9143 section 7.1.3: whoever shares a transport says which, but for its candidates. */
static void transports_of_an_answer(void **state) {
    (void)state;
    static const char *const candidates[] = {"candidate:1 1 udp 1 192.0.2.1 5000 typ host"};
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    begin_three();
    three[1].bundle_only = three[2].bundle_only = true;
    struct parsed parsed = offer();
    ours_answer(&ours, parsed.session);
    ours.transports[0].candidates = candidates;
    ours.transports[0].candidate_count = 1;
    answer(&parsed, offer_text, refusals);
    assert_int_equal(times(answer_text, "a=fingerprint:"), 3);
    assert_int_equal(times(answer_text, "a=ice-ufrag:"), 3);
    assert_int_equal(times(answer_text, "a=ice-pwd:"), 3);
    assert_int_equal(times(answer_text, "a=setup:active"), 3);
    assert_int_equal(times(answer_text, "a=candidate:"), 1);
    /* A refused section has none. */
    ours.answers[1].refused = ours.answers[2].refused = true;
    answer(&parsed, offer_text, refusals);
    assert_int_equal(times(answer_text, "a=fingerprint:"), 1);
    parsed_free(&parsed);
    /* Two BUNDLEs: each its own. */
    static const char two[] = HEAD "a=group:BUNDLE a b\r\na=group:BUNDLE c d\r\n" TRANSPORT AUDIO "a\r\n" AUDIO "b\r\n" AUDIO "c\r\n" AUDIO "d\r\n";
    parsed = parse_string(two);
    ours_answer(&ours, parsed.session);
    ours.transports[2].fingerprint_value = "AB:CD";
    answer(&parsed, two, refusals);
    assert_int_equal(times(answer_text, "a=fingerprint:" FINGERPRINT), 2);
    assert_int_equal(times(answer_text, "a=fingerprint:sha-256 AB:CD"), 2);
    parsed_free(&parsed);
}

/* RFC 9143 section 7.3.3: when nobody with an address is left, those without one are refused. */
static void nobody_carries(void **state) {
    (void)state;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    begin_three();
    three[1].bundle_only = three[2].bundle_only = true;
    struct parsed parsed = offer();
    ours_answer(&ours, parsed.session);
    ours.answers[0].refused = true;
    answer(&parsed, offer_text, refusals);
    assert_int_equal(refusals[0], SDP_REFUSAL_STOPPED);
    assert_int_equal(refusals[1], SDP_REFUSAL_BUNDLE);
    assert_int_equal(refusals[2], SDP_REFUSAL_BUNDLE);
    assert_null(strstr(answer_text, "a=group"));
    assert_int_equal(negotiated.agreed_count, 0);
    assert_int_equal(negotiated.transport_count, 0);
    assert_int_equal(negotiated.section_count, 3);
    parsed_free(&parsed);
}

static void bad_answers_of_ours(void **state) {
    (void)state;
    begin_three();
    struct parsed parsed = offer();
#define ANSWERS(change, expected)                                                                                          \
    do {                                                                                                                   \
        ours_answer(&ours, parsed.session);                                                                                \
        change;                                                                                                            \
        int length = sdp_write_answer(&ours.answer, parsed.session, answer_text, sizeof answer_text, NULL);                 \
        assert_int_equal(length > 0 ? SDP_OK : length, expected);                                                          \
    } while (0)
    ANSWERS((void)0, SDP_OK);
    ANSWERS(ours.answer.section_count = 2, SDP_ERROR_ARGUMENT);
    ANSWERS(ours.answers[0].transport = NULL, SDP_ERROR_ARGUMENT);
    ANSWERS(ours.answers[1].transport = NULL, SDP_OK); /* folded away: not looked at */
    ANSWERS((ours.answers[1].transport = NULL, ours.answers[1].unbundled = true), SDP_ERROR_ARGUMENT);
    ANSWERS((ours.answers[1].transport = NULL, ours.answers[0].refused = true), SDP_ERROR_ARGUMENT);
    ANSWERS((ours.answers[0].media = SDP_MEDIA_OTHER), SDP_ERROR_ARGUMENT);
    ANSWERS((ours.answers[0].media = SDP_MEDIA_OTHER, ours.answers[0].refused = true), SDP_OK);
#undef ANSWERS
    /* Another kind of media than was offered. */
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    ours_answer(&ours, parsed.session);
    ours.answers[0] = ours.answers[1];
    answer(&parsed, offer_text, refusals);
    assert_int_equal(refusals[0], SDP_REFUSAL_MEDIA);
    parsed_free(&parsed);
}

/* RFC 8841 sections 5 and 6. */
static void data_channels(void **state) {
    (void)state;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    begin_three();
    three[2].sctp_port = 65535;
    three[2].max_message_size_bytes = 0;
    struct parsed parsed = offer();
    ours_answer(&ours, parsed.session);
    answer(&parsed, offer_text, refusals);
    assert_int_equal(negotiated.sections[2].remote_sctp_port, 65535);
    assert_true(negotiated.sections[2].remote_max_message_size_bytes == 0);
    assert_int_equal(negotiated.sections[2].direction, SDP_DIRECTION_SEND_RECEIVE);
    parsed_free(&parsed);
    /* Nothing said is 64 KiB (RFC 8841 section 6.1). */
    static const char bare[] = HEAD TRANSPORT "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5001\r\n";
    parsed = parse_string(bare);
    ours_answer(&ours, parsed.session);
    answer(&parsed, bare, refusals);
    assert_int_equal(negotiated.sections[0].remote_sctp_port, 5001);
    assert_true(negotiated.sections[0].remote_max_message_size_bytes == 65536);
    parsed_free(&parsed);
}

/* RFC 6184 section 8.2.2, in a whole answer. */
static void h264_in_an_answer(void **state) {
    (void)state;
    static const struct {
        const char *ours; /* parameters */
        const char *offered;
        const char *fmtp; /* of the answer */
    } rows[] = {
        {"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e034", "packetization-mode=1;profile-level-id=42e01f",
         "a=fmtp:99 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"},
        {"profile-level-id=42e034;packetization-mode=1;level-asymmetry-allowed=1", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
         "a=fmtp:99 profile-level-id=42e034;packetization-mode=1;level-asymmetry-allowed=1\r\n"},
        {"packetization-mode=1", "packetization-mode=1;profile-level-id=42001f", "a=fmtp:99 packetization-mode=1;profile-level-id=42000a\r\n"},
        {NULL, "profile-level-id=42001f", "a=fmtp:99 profile-level-id=42000a\r\n"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        enum sdp_refusal refusals[SDP_SECTION_MAX];
        char text[1024] = HEAD TRANSPORT "m=video 9 UDP/TLS/RTP/SAVPF 99\r\na=rtpmap:99 H264/90000\r\na=rtcp-mux\r\na=fmtp:99 ";
        append_to(text, rows[i].offered);
        append_to(text, "\r\n");
        struct parsed parsed = parse_string(text);
        ours_begin(&ours);
        ours.video[0] = sdp_codec_make(SDP_CODEC_H264, 102, rows[i].ours, 0);
        ours.sections[1].codec_count = 1;
        ours_answer(&ours, parsed.session);
        answer(&parsed, text, refusals);
        if (strstr(answer_text, rows[i].fmtp) == NULL)
            fail_msg("row %zu\n%s", i, answer_text);
        parsed_free(&parsed);
    }
}

/* RFC 8830 section 2, RFC 9429 section 5.2.2. */
static void streams(void **state) {
    (void)state;
    static const char *const two[] = {"first", "second"};
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    begin_three();
    three[0].stream_ids = two;
    three[0].stream_count = 2;
    three[1].stream_count = 0;
    struct parsed parsed = offer();
    assert_non_null(strstr(offer_text, "a=msid:first audio-track\r\na=msid:second audio-track\r\n"));
    assert_non_null(strstr(offer_text, "a=msid:- video-track\r\n"));
    ours_answer(&ours, parsed.session);
    ours.answers[0].direction = SDP_DIRECTION_RECEIVE;
    answer(&parsed, offer_text, refusals);
    assert_int_equal(negotiated.sections[0].remote_stream_count, 2);
    assert_view(negotiated.sections[0].remote_streams[1], "second");
    assert_view(negotiated.sections[0].remote_stream, "first");
    assert_view(negotiated.sections[0].remote_track, "audio-track");
    assert_int_equal(negotiated.sections[1].remote_stream_count, 0);
    assert_view(negotiated.sections[1].remote_track, "video-track");
    assert_int_equal(times(answer_text, "audio-track"), 0);
    ours.answers[0].msid_stays = true;
    assert_true(sdp_write_answer(&ours.answer, parsed.session, answer_text, sizeof answer_text, NULL) > 0);
    assert_int_equal(times(answer_text, "audio-track"), 1);
    parsed_free(&parsed);
    for (size_t count = SDP_NEGOTIATED_STREAM_MAX - 1; count <= SDP_NEGOTIATED_STREAM_MAX + 1; count++) {
        char text[2048] = HEAD TRANSPORT "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n";
        for (size_t i = 0; i < count; i++) {
            snprintf(text + strlen(text), 96, "a=msid:s%u t\r\na=ssrc:%u cname:c\r\n", (unsigned)i, (unsigned)i + 7);
        }
        append_to(text, "a=msid:s0 t\r\na=ssrc:7 cname:c\r\n"); /* said twice */
        parsed = parse_string(text);
        ours_answer(&ours, parsed.session);
        answer(&parsed, text, refusals);
        assert_int_equal(negotiated.sections[0].remote_stream_count, count < SDP_NEGOTIATED_STREAM_MAX ? count : SDP_NEGOTIATED_STREAM_MAX);
        assert_int_equal(negotiated.sections[0].remote_ssrc_count, count < SDP_NEGOTIATED_SSRC_MAX ? count : SDP_NEGOTIATED_SSRC_MAX);
        assert_int_equal(negotiated.sections[0].remote_hints_left_out, count > SDP_NEGOTIATED_SSRC_MAX ? 2 : 0);
        parsed_free(&parsed);
    }
}

/* ---- agreements ------------------------------------------------------------------------------------------------------ */

static void too_many_transports(void **state) {
    (void)state;
    for (int count = SDP_NEGOTIATED_TRANSPORT_MAX - 1; count <= SDP_NEGOTIATED_TRANSPORT_MAX + 1; count++) {
        static char text[16 * 1024];
        struct sdp_problem problem;
        text[0] = '\0';
        append_to(text, HEAD TRANSPORT);
        for (int i = 0; i < count; i++)
            append_to(text, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n");
        struct parsed parsed = parse_string(text);
        ours_begin(&ours);
        ours_answer(&ours, parsed.session);
        assert_true(sdp_write_answer(&ours.answer, parsed.session, answer_text, sizeof answer_text, NULL) > 0);
        struct parsed answered = parse_string(answer_text);
        int expected = count > SDP_NEGOTIATED_TRANSPORT_MAX ? SDP_ERROR_LIMIT : SDP_OK;
        assert_int_equal(sdp_negotiate(answered.session, parsed.session, false, &negotiated, &problem), expected);
        if (expected == SDP_OK)
            assert_int_equal(negotiated.transport_count, count);
        else
            assert_non_null(strstr(problem.rule, "SDP_NEGOTIATED_TRANSPORT_MAX"));
        parsed_free(&answered);
        parsed_free(&parsed);
    }
}

/* An answer that accepts a bundle-only section outside of its BUNDLE accepts nothing. */
static void bundle_only_accepted_alone(void **state) {
    (void)state;
    struct parsed one = parse_string(HEAD "a=group:BUNDLE a b\r\n" TRANSPORT AUDIO "a\r\n" ONLY "b\r\n");
    struct parsed two = parse_string(HEAD "a=group:BUNDLE a\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:active\r\na=fingerprint:" FINGERPRINT "\r\n" AUDIO
                                          "a\r\n" AUDIO "b\r\n");
    assert_int_equal(sdp_negotiate(one.session, two.session, true, &negotiated, NULL), SDP_OK);
    assert_int_equal(negotiated.agreed_count, 1);
    assert_int_equal(negotiated.sections[1].refusal, SDP_REFUSAL_BUNDLE);
    parsed_free(&one);
    parsed_free(&two);
}

/* RFC 9143 section 7.4.1: answers of RFC 8843 have port 0 and a=bundle-only in all sections of the BUNDLE but the tagged one. */
static void answers_of_rfc_8843(void **state) {
    (void)state;
    struct parsed one = parse_string(HEAD "a=group:BUNDLE a b c\r\n" TRANSPORT AUDIO "a\r\n" AUDIO "b\r\n" AUDIO "c\r\n");
    struct parsed two = parse_string(HEAD "a=group:BUNDLE a b\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:active\r\na=fingerprint:" FINGERPRINT "\r\n" AUDIO
                                          "a\r\n" ONLY "b\r\n" ONLY "c\r\n");
    assert_int_equal(sdp_negotiate(one.session, two.session, true, &negotiated, NULL), SDP_OK);
    assert_int_equal(negotiated.agreed_count, 2);
    assert_int_equal(negotiated.transport_count, 1);
    assert_int_equal(negotiated.sections[2].refusal, SDP_REFUSAL_ANSWERED); /* in no BUNDLE: port 0 is port 0 */
    parsed_free(&one);
    parsed_free(&two);
}

/* RFC 9143 section 7.3: two groups of the offer do not become one. */
static void groups_do_not_merge(void **state) {
    (void)state;
    struct sdp_problem problem = {0};
    struct parsed one = parse_string(HEAD "a=group:BUNDLE a\r\na=group:BUNDLE b\r\n" TRANSPORT AUDIO "a\r\n" AUDIO "b\r\n");
    struct parsed two = parse_string(HEAD "a=group:BUNDLE a b\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:active\r\na=fingerprint:" FINGERPRINT "\r\n" AUDIO
                                          "a\r\n" AUDIO "b\r\n");
    assert_int_equal(sdp_negotiate(one.session, two.session, true, &negotiated, &problem), SDP_ERROR_DISAGREEMENT);
    assert_int_equal(problem.line, two.session->sections[1].line);
    assert_non_null(strstr(problem.rule, "RFC 9143 section 7.3"));
    parsed_free(&one);
    parsed_free(&two);
}

/* RFC 8842 section 5.3: who is left without a transport is left without codecs; the others keep theirs. */
static void one_of_two_transports_fails(void **state) {
    (void)state;
    struct parsed one = parse_string(HEAD TRANSPORT AUDIO "a\r\n" AUDIO "b\r\n");
    struct parsed two = parse_string(HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:" FINGERPRINT "\r\n" AUDIO "a\r\na=setup:actpass\r\n" AUDIO
                                          "b\r\na=setup:passive\r\n");
    assert_int_equal(sdp_negotiate(one.session, two.session, true, &negotiated, NULL), SDP_OK);
    assert_int_equal(negotiated.sections[0].refusal, SDP_REFUSAL_SETUP);
    assert_int_equal(negotiated.sections[0].codec_count, 0);
    assert_int_equal(negotiated.agreed_count, 1);
    assert_int_equal(negotiated.codec_count, 1);
    assert_int_equal(negotiated.sections[1].first_codec, 0);
    assert_int_equal(negotiated.transport_count, 1);
    assert_int_equal(negotiated.transports[0].section, 1);
    parsed_free(&one);
    parsed_free(&two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tagged_sections),
        cmocka_unit_test(transports_of_an_offer),
        cmocka_unit_test(refused_sections_of_an_offer),
        cmocka_unit_test(bad_sections_of_an_offer),
        cmocka_unit_test(leaving_the_bundle),
        cmocka_unit_test(leaving_a_repeated_transport),
        cmocka_unit_test(rtcp_mux_of_the_tagged_section),
        cmocka_unit_test(transports_of_an_answer),
        cmocka_unit_test(nobody_carries),
        cmocka_unit_test(bad_answers_of_ours),
        cmocka_unit_test(data_channels),
        cmocka_unit_test(h264_in_an_answer),
        cmocka_unit_test(streams),
        cmocka_unit_test(too_many_transports),
        cmocka_unit_test(bundle_only_accepted_alone),
        cmocka_unit_test(answers_of_rfc_8843),
        cmocka_unit_test(groups_do_not_merge),
        cmocka_unit_test(one_of_two_transports_fails),
    };
    return cmocka_run_group_tests_name("sdp/bundle", tests, NULL, NULL);
}
