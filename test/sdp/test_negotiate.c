/* sdp/offer.c, sdp/answer.c, sdp/negotiated.c, sdp/transport.c, sdp/local.c: RFC 3264, RFC 9143, RFC 9429 section 5. */
#include "test_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_rules.h"

static char offer_text[SDP_TEXT_MAX_BYTES];
static char answer_text[SDP_TEXT_MAX_BYTES];
static struct sdp_negotiated negotiated;
/* What `negotiated` looks into: kept until the next answer. */
static struct parsed offered;
static struct parsed answered;

/* Our answer to an offer given as text: written, checked by answer_rules.c, parsed, and negotiated from both ends. Returns how many agreed. */
static size_t answer(struct ours *ours, const char *offer, enum sdp_refusal *refusals) {
    struct sdp_problem problem;
    parsed_free(&offered);
    parsed_free(&answered);
    offered = parse_string(offer);
    assert_int_equal(offered.error, SDP_OK);
    ours_answer(ours, offered.session);
    int length = sdp_write_answer(&ours->answer, offered.session, answer_text, sizeof answer_text, refusals);
    assert_true(length > 0);
    assert_int_equal(length, strlen(answer_text));
    const char *broken = answer_breaks(offer, answer_text);
    if (broken != NULL)
        fail_msg("%s\n--- answer\n%s--- offer\n%s", broken, answer_text, offer);
    answered = parse_string(answer_text);
    if (answered.error != SDP_OK)
        fail_msg("our own answer is refused: line %zu, %s", answered.problem.line, answered.problem.rule);
    assert_int_equal(sdp_negotiate(offered.session, answered.session, true, &negotiated, NULL), SDP_OK);
    enum sdp_setup theirs[SDP_NEGOTIATED_TRANSPORT_MAX];
    size_t transports = negotiated.transport_count;
    for (size_t i = 0; i < transports; i++)
        theirs[i] = negotiated.transports[i].local_setup;
    assert_int_equal(sdp_negotiate(answered.session, offered.session, false, &negotiated, &problem), SDP_OK);
    assert_int_equal(negotiated.transport_count, transports);
    for (size_t i = 0; i < transports; i++)
        assert_true(theirs[i] != negotiated.transports[i].local_setup);
    for (size_t i = 0; i < negotiated.section_count; i++)
        assert_int_equal(refusals[i] == SDP_REFUSAL_NONE, negotiated.sections[i].refusal == SDP_REFUSAL_NONE);
    return negotiated.agreed_count;
}

/* RFC 9429 section 5.3.1: what the offer has, wherever it stands, and nothing else. */
static void ice_options_of_an_answer(void **state) {
    (void)state;
    static const struct {
        const char *header, *section, *expected;
    } cases[] = {
        {"", "", NULL},
        {"", "a=ice-options:trickle\r\n", "a=ice-options:trickle\r\n"},
        {"", "a=ice-options:trickle renomination\r\n", "a=ice-options:trickle\r\n"},
        {"a=ice-options:trickle ice2\r\n", "", "a=ice-options:trickle ice2\r\n"},
        {"a=ice-options:ice2\r\n", "", "a=ice-options:ice2\r\n"},
        {"a=ice-options:ice2\r\n", "a=ice-options:trickle\r\n", "a=ice-options:trickle ice2\r\n"},
        {"a=ice-options:rtp+ecn\r\n", "a=ice-options:trickles\r\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ours ours;
        enum sdp_refusal refusals[SDP_SECTION_MAX];
        char offer[1024];
        ours_begin(&ours);
        (void)snprintf(offer, sizeof offer, HEAD "%sm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT "%sa=mid:a\r\na=rtcp-mux\r\n",
                       cases[i].header, cases[i].section);
        (void)answer(&ours, offer, refusals);
        const char *said = strstr(answer_text, "a=ice-options");
        if (cases[i].expected == NULL) {
            assert_null(said);
            continue;
        }
        assert_non_null(said);
        assert_memory_equal(said, cases[i].expected, strlen(cases[i].expected));
        assert_true(said < strstr(answer_text, "m="));
    }
}

static const struct sdp_negotiated_codec *first_codec(size_t section) {
    return &negotiated.codecs[negotiated.sections[section].first_codec];
}

/* ---- between two of us --------------------------------------------------------------------------------------------- */

static void between_two_of_us(void **state) {
    (void)state;
    for (int bundle_only = 0; bundle_only < 2; bundle_only++) {
        struct ours offerer;
        struct ours answerer;
        enum sdp_refusal refusals[SDP_SECTION_MAX];
        ours_begin(&offerer);
        ours_begin(&answerer);
        offerer.sections[1].bundle_only = bundle_only == 1;
        assert_true(sdp_write_offer(&offerer.local, offer_text, sizeof offer_text) > 0);
        assert_int_equal(strstr(offer_text, "a=bundle-only") != NULL, bundle_only);
        assert_int_equal(answer(&answerer, offer_text, refusals), 2);
        assert_int_equal(negotiated.transport_count, 1);
        assert_int_equal(negotiated.transports[0].local_setup, SDP_SETUP_ACTIVE);
        assert_int_equal(negotiated.sections[0].codec_count, 2);
        assert_int_equal(first_codec(0)->id, SDP_CODEC_OPUS);
        assert_int_equal(sdp_parameter_number(first_codec(0)->send_parameters, "useinbandfec", 0), 1);
        assert_int_equal(first_codec(0)->feedback, SDP_FEEDBACK_TRANSPORT_CC);
        assert_int_equal(first_codec(1)->id, SDP_CODEC_VP8);
        assert_int_equal(first_codec(1)[1].id, SDP_CODEC_RTX);
        assert_int_equal(negotiated.sections[1].direction, SDP_DIRECTION_SEND_RECEIVE);
        assert_int_equal(negotiated.sections[1].extensions[SDP_EXTENSION_MID], 1);
        assert_int_equal(negotiated.sections[1].extensions[SDP_EXTENSION_ABS_SEND_TIME], 2);
        assert_int_equal(negotiated.sections[1].extensions[SDP_EXTENSION_AUDIO_LEVEL], 0);
        assert_int_equal(negotiated.sections[1].remote_ssrcs[0], 2001);
        assert_int_equal(negotiated.sections[1].remote_rtx_ssrc, 2002);
        assert_true(negotiated.sections[1].transport == 0 && negotiated.sections[1].rtcp_rsize && negotiated.transports[0].remote_trickle);
        assert_int_equal(negotiated.transports[0].remote_fingerprint_count, 1);
    }
}

static void candidates_are_embedded(void **state) {
    (void)state;
    static const char *const candidates[] = {"candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host", "candidate:2 1 udp 1 192.0.2.2 5001 typ host"};
    struct ours ours;
    struct sdp_view candidate;
    ours_begin(&ours);
    ours.transport.candidates = candidates;
    ours.transport.candidate_count = 2;
    ours.transport.end_of_candidates = true;
    int length = sdp_write_offer(&ours.local, offer_text, sizeof offer_text);
    struct parsed parsed = parse_text(offer_text, (size_t)length);
    struct sdp_walk walk = sdp_walk_section(&parsed.session->sections[0]);
    for (size_t i = 0; i < 2; i++) {
        assert_true(sdp_walk_candidate(&walk, &candidate));
        assert_view(candidate, candidates[i]);
    }
    assert_false(sdp_walk_candidate(&walk, &candidate));
    walk = sdp_walk_section(&parsed.session->sections[1]);
    assert_false(sdp_walk_candidate(&walk, &candidate));
    parsed_free(&parsed);
}

/* ---- offers of others ---------------------------------------------------------------------------------------------- */

#define AUDIO(lines) "m=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=rtpmap:109 opus/48000/2\r\na=rtcp-mux\r\n" lines
#define DATA(lines) "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n" lines
#define VIDEO(lines) "m=video 9 UDP/TLS/RTP/SAVPF 120\r\na=rtpmap:120 VP8/90000\r\na=rtcp-mux\r\n" lines

static void refusals_and_reasons(void **state) {
    (void)state;
    static const struct {
        const char *offer;
        enum sdp_refusal expected[3];
        size_t transports;
    } rows[] = {
        {HEAD TRANSPORT AUDIO(""), {SDP_REFUSAL_NONE}, 1},
        {HEAD "a=group:BUNDLE a v\r\n" TRANSPORT AUDIO("a=mid:a\r\n") VIDEO("a=mid:v\r\n"), {SDP_REFUSAL_NONE, SDP_REFUSAL_NONE}, 1},
        /* RFC 9143 section 7.3: no group, hence a transport each. */
        {HEAD TRANSPORT AUDIO("a=mid:a\r\n") VIDEO("a=mid:v\r\n"), {SDP_REFUSAL_NONE, SDP_REFUSAL_NONE}, 2},
        {HEAD TRANSPORT AUDIO("") AUDIO("") VIDEO(""), {SDP_REFUSAL_NONE, SDP_REFUSAL_NONE, SDP_REFUSAL_NONE}, 3},
        /* Two groups, two transports (RFC 9143 section 5). */
        {HEAD "a=group:BUNDLE a c\r\na=group:BUNDLE v\r\n" TRANSPORT AUDIO("a=mid:a\r\n") VIDEO("a=mid:v\r\n") AUDIO("a=mid:c\r\n"), {SDP_REFUSAL_NONE}, 2},
        /* RFC 9143 section 7.3.1: the first accepted one of the list carries the transport, though it is not the first section. */
        {HEAD "a=group:BUNDLE v a\r\n" TRANSPORT AUDIO("a=mid:a\r\n") VIDEO("a=mid:v\r\n"), {SDP_REFUSAL_NONE, SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", {SDP_REFUSAL_MUX}, 0},
        {HEAD TRANSPORT "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n", {SDP_REFUSAL_OFFERED}, 0},
        /* RFC 9143 section 6: bundle-only means nothing outside of a group. */
        {HEAD TRANSPORT "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=bundle-only\r\na=mid:a\r\n", {SDP_REFUSAL_OFFERED}, 0},
        /* RFC 9143 section 7.3.3: bundle-only needs someone with an address; VP9 is not ours. */
        {HEAD "a=group:BUNDLE v a\r\n" TRANSPORT "m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=rtpmap:98 VP9/90000\r\na=rtcp-mux\r\na=mid:v\r\n"
         "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\na=bundle-only\r\na=mid:a\r\n", {SDP_REFUSAL_CODEC, SDP_REFUSAL_BUNDLE}, 0},
        /* RFC 9429 section 5.2.1: rtcp-mux stands in the tagged section alone. */
        {HEAD "a=group:BUNDLE a v\r\n" TRANSPORT AUDIO("a=mid:a\r\n") "m=video 0 UDP/TLS/RTP/SAVPF 120\r\na=rtpmap:120 VP8/90000\r\na=bundle-only\r\na=mid:v\r\n",
         {SDP_REFUSAL_NONE, SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT "m=audio 9 udp 0\r\na=rtcp-mux\r\n", {SDP_REFUSAL_PROTOCOL}, 0},
        /* RFC 9429 section 5.1.2: RTP/AVP with a fingerprint is meant as DTLS-SRTP; without one it is plain, and refused. */
        {HEAD TRANSPORT "m=audio 9 RTP/AVP 0\r\na=rtcp-mux\r\n", {SDP_REFUSAL_NONE}, 1},
        {HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\nm=audio 9 RTP/AVP 0\r\na=rtcp-mux\r\n", {SDP_REFUSAL_FINGERPRINT}, 0},
        {HEAD "a=fingerprint:" FINGERPRINT "\r\nm=audio 9 RTP/SAVPF 0\r\na=rtcp-mux\r\n", {SDP_REFUSAL_ICE}, 0},
        {HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-1 AB:CD\r\n" AUDIO(""), {SDP_REFUSAL_FINGERPRINT}, 0},
        {HEAD TRANSPORT AUDIO("a=fingerprint:md5 AB:CD\r\n"), {SDP_REFUSAL_FINGERPRINT}, 0},
        {HEAD TRANSPORT AUDIO("a=setup:holdconn\r\n"), {SDP_REFUSAL_SETUP}, 0},
        {HEAD TRANSPORT AUDIO("a=setup:active\r\n"), {SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT AUDIO("a=setup:passive\r\n"), {SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT "m=audio 9 UDP/TLS/RTP/SAVPF 8 101\r\na=rtcp-mux\r\na=rtpmap:101 telephone-event/8000\r\n", {SDP_REFUSAL_CODEC}, 0},
        {HEAD TRANSPORT "m=text 9 UDP/TLS/RTP/SAVPF 8\r\na=rtcp-mux\r\n", {SDP_REFUSAL_MEDIA}, 0},
        /* RFC 8841 sections 4 and 5. */
        {HEAD TRANSPORT DATA("a=sctp-port:5000\r\n"), {SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT "m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\na=sctp-port:5000\r\n", {SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT DATA(""), {SDP_REFUSAL_SCTP}, 0},
        {HEAD TRANSPORT DATA("a=sctp-port:0\r\n"), {SDP_REFUSAL_SCTP}, 0},
        {HEAD TRANSPORT "m=application 9 DTLS/SCTP 5000\r\na=sctpmap:5000 webrtc-datachannel 1024\r\n", {SDP_REFUSAL_SCTP}, 0},
        {HEAD TRANSPORT "m=application 9 UDP/DTLS/SCTP t38\r\na=sctp-port:5000\r\n", {SDP_REFUSAL_SCTP}, 0},
        {HEAD "a=group:BUNDLE d a\r\n" TRANSPORT DATA("a=mid:d\r\na=sctp-port:5000\r\n") AUDIO("a=mid:a\r\n"), {SDP_REFUSAL_NONE, SDP_REFUSAL_NONE}, 1},
        {HEAD TRANSPORT, {SDP_REFUSAL_NONE}, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ours ours;
        enum sdp_refusal refusals[SDP_SECTION_MAX] = {SDP_REFUSAL_NONE};
        ours_begin(&ours);
        answer(&ours, rows[i].offer, refusals);
        for (size_t j = 0; j < 3; j++)
            if (refusals[j] != rows[i].expected[j])
                fail_msg("row %zu section %zu: %s", i, j, sdp_refusal_text(refusals[j]));
        if (negotiated.transport_count != rows[i].transports)
            fail_msg("row %zu: %zu transports", i, negotiated.transport_count);
    }
}

/* RFC 3264 section 6.1: every direction of theirs against every one of ours. */
static void directions(void **state) {
    (void)state;
    for (unsigned theirs = 0; theirs < 4; theirs++)
        for (unsigned wanted = 0; wanted < 4; wanted++) {
            struct ours ours;
            enum sdp_refusal refusals[SDP_SECTION_MAX];
            char offer[1024] = HEAD TRANSPORT AUDIO("a=");
            append_to(offer, sdp_direction_name((enum sdp_direction)theirs));
            append_to(offer, "\r\n");
            ours_begin(&ours);
            ours.sections[0].direction = (enum sdp_direction)wanted;
            assert_int_equal(answer(&ours, offer, refusals), 1);
            unsigned expected = wanted & (unsigned)sdp_direction_reverse((enum sdp_direction)theirs);
            assert_int_equal(negotiated.sections[0].direction, expected);
            /* Streams are named only where we may send (RFC 9429 section 5.2.1). */
            assert_int_equal(strstr(answer_text, "a=msid:") != NULL, (expected & SDP_DIRECTION_SEND) != 0);
        }
}

static void payload_types_and_extensions_of_the_offer(void **state) {
    (void)state;
    struct ours ours;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    ours_begin(&ours);
    assert_int_equal(answer(&ours,
                            HEAD TRANSPORT "m=video 9 UDP/TLS/RTP/SAVPF 98 120 124\r\na=rtcp-mux\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:120 VP8/90000\r\n"
                                           "a=rtpmap:124 rtx/90000\r\na=fmtp:124 apt=120\r\na=rtcp-fb:120 nack\r\na=rtcp-fb:120 goog-remb\r\n"
                                           "a=extmap:7/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:15 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
                                           "a=ssrc:5 cname:x\r\na=ssrc:5 msid:s t\r\n",
                            refusals),
                     1);
    assert_non_null(strstr(answer_text, "m=video 9 UDP/TLS/RTP/SAVPF 120 124\r\n"));
    assert_non_null(strstr(answer_text, "a=fmtp:124 apt=120\r\n"));
    assert_non_null(strstr(answer_text, "a=extmap:7/recvonly urn:ietf:params:rtp-hdrext:sdes:mid\r\n"));
    assert_null(strstr(answer_text, "a=extmap:15"));
    assert_null(strstr(answer_text, "goog-remb"));
    assert_int_equal(first_codec(0)->feedback, SDP_FEEDBACK_NACK);
    assert_int_equal(negotiated.sections[0].extensions[SDP_EXTENSION_MID], 7);
    assert_view(negotiated.sections[0].remote_track, "t");
    assert_view(negotiated.sections[0].remote_cname, "x");
}

/* RFC 3264 section 6.1: an answerer may use other payload types; each side is sent its own. */
static void asymmetric_payload_types(void **state) {
    (void)state;
    struct parsed offer = parse_string(HEAD TRANSPORT AUDIO(""));
    struct parsed other = parse_string(HEAD "a=ice-ufrag:efgh\r\na=ice-pwd:ABCDEFGHIJKLMNOPQRSTUV\r\na=fingerprint:" FINGERPRINT
                                            "\r\na=fingerprint:sha-1 AB:CD\r\na=setup:passive\r\na=ice-lite\r\n"
                                            "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtcp-mux\r\na=rtpmap:96 OPUS/48000/2\r\na=fmtp:96 stereo=1\r\na=end-of-candidates\r\n");
    assert_int_equal(sdp_negotiate(offer.session, other.session, true, &negotiated, NULL), SDP_OK);
    assert_int_equal(first_codec(0)->send_payload_type, 96);
    assert_int_equal(first_codec(0)->receive_payload_type, 109);
    assert_view(first_codec(0)->send_parameters, "stereo=1");
    assert_view(negotiated.transports[0].remote_ufrag, "efgh");
    assert_view(negotiated.transports[0].local_ufrag, "abcd");
    assert_int_equal(negotiated.transports[0].remote_fingerprint_count, 1); /* sha-1 is not believed */
    assert_int_equal(negotiated.transports[0].local_setup, SDP_SETUP_ACTIVE);
    assert_true(negotiated.remote_ice_lite && negotiated.transports[0].remote_end_of_candidates && !negotiated.transports[0].remote_trickle);
    parsed_free(&other);
    parsed_free(&offer);
}

static void answers_that_do_not_fit(void **state) {
    (void)state;
    static const char offer[] = HEAD "a=group:BUNDLE a v\r\n" TRANSPORT AUDIO("a=mid:a\r\n") VIDEO("a=mid:v\r\n");
    static const char *const answers[] = {
        HEAD TRANSPORT AUDIO("a=mid:a\r\n"),                                                    /* one section missing */
        HEAD TRANSPORT VIDEO("a=mid:v\r\n") AUDIO("a=mid:a\r\n"),                               /* another order */
        HEAD TRANSPORT AUDIO("a=mid:b\r\n") VIDEO("a=mid:v\r\n"),                               /* another mid */
        HEAD "a=group:BUNDLE v w\r\n" TRANSPORT AUDIO("a=mid:v\r\n") VIDEO("a=mid:w\r\n"),      /* a group that was not offered */
        HEAD "a=group:BUNDLE a v\r\n" TRANSPORT AUDIO("a=mid:a\r\n") VIDEO("a=mid:v\r\n"),      /* actpass (RFC 8842 section 5.3) */
    };
    struct parsed plain = parse_string(HEAD TRANSPORT AUDIO("a=mid:v\r\n") VIDEO("a=mid:w\r\n"));
    struct parsed offer_parsed = parse_string(offer);
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct sdp_problem problem = {0};
        const struct sdp_session *to = i == 3 ? plain.session : offer_parsed.session;
        struct parsed answer_parsed = parse_string(answers[i]);
        assert_int_equal(answer_parsed.error, SDP_OK);
        assert_int_equal(sdp_negotiate(to, answer_parsed.session, true, &negotiated, &problem), i < 4 ? SDP_ERROR_DISAGREEMENT : SDP_OK);
        assert_int_equal(problem.rule != NULL, i < 4);
        assert_int_equal(negotiated.section_count, i < 4 ? 0 : 2);
        assert_int_equal(negotiated.agreed_count, 0);
        assert_int_equal(negotiated.transport_count, 0);
        if (i == 4)
            assert_int_equal(negotiated.sections[0].refusal, SDP_REFUSAL_SETUP);
        parsed_free(&answer_parsed);
    }
    parsed_free(&offer_parsed);
    parsed_free(&plain);
}

static void too_many_fingerprints(void **state) {
    (void)state;
    for (int count = SDP_NEGOTIATED_FINGERPRINT_MAX - 1; count <= SDP_NEGOTIATED_FINGERPRINT_MAX + 1; count++) {
        char text[4096] = HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:actpass\r\n";
        for (int i = 0; i < count; i++)
            append_to(text, "a=fingerprint:" FINGERPRINT "\r\n");
        append_to(text, AUDIO(""));
        struct parsed offer_parsed = parse_string(text);
        struct parsed answer_parsed = parse_string(HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=setup:active\r\na=fingerprint:" FINGERPRINT "\r\n" AUDIO(""));
        int expected = count > SDP_NEGOTIATED_FINGERPRINT_MAX ? SDP_ERROR_LIMIT : SDP_OK;
        assert_int_equal(sdp_negotiate(answer_parsed.session, offer_parsed.session, false, &negotiated, NULL), expected);
        if (expected == SDP_OK)
            assert_int_equal(negotiated.transports[0].remote_fingerprint_count, count);
        parsed_free(&answer_parsed);
        parsed_free(&offer_parsed);
    }
}

/* 64 sections of eight codecs are SDP_NEGOTIATED_CODEC_MAX; the first one has one less, or one more. */
static void too_many_codecs(void **state) {
    (void)state;
    static char text[64 * 1024];
    for (int over = -1; over <= 1; over++) {
        static const char *const first[] = {"0 8 9 13 101 102 103", "0 8 9 13 101 102 103 104", "0 8 9 13 101 102 103 104 111"};
        const int count = SDP_NEGOTIATED_CODEC_MAX / 8;
        text[0] = '\0';
        append_to(text, HEAD "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:" FINGERPRINT "\r\na=group:BUNDLE");
        for (int i = 0; i < count; i++)
            snprintf(text + strlen(text), 16, " %d", i);
        append_to(text, "\r\n");
        for (int i = 0; i < count; i++)
            snprintf(text + strlen(text), 512,
                     "m=audio 9 UDP/TLS/RTP/SAVPF %s\r\na=rtpmap:101 telephone-event/8000\r\na=rtpmap:102 telephone-event/16000\r\n"
                     "a=rtpmap:103 telephone-event/32000\r\na=rtpmap:104 telephone-event/48000\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-mux\r\na=mid:%d\r\n",
                     first[i == 0 ? over + 1 : 1], i);
        struct parsed answer_parsed = parse_string(text);
        assert_int_equal(answer_parsed.error, SDP_OK);
        static char offer[64 * 1024];
        snprintf(offer, sizeof offer, "%s", text);
        char *head = strstr(offer, "a=ice-ufrag");
        memmove(head + 17, head, strlen(head) + 1);
        memcpy(head, "a=setup:actpass\r\n", 17);
        struct parsed offer_parsed = parse_string(offer);
        assert_int_equal(offer_parsed.error, SDP_OK);
        assert_int_equal(sdp_negotiate(answer_parsed.session, offer_parsed.session, false, &negotiated, NULL), over > 0 ? SDP_ERROR_LIMIT : SDP_OK);
        if (over <= 0)
            assert_int_equal(negotiated.codec_count, SDP_NEGOTIATED_CODEC_MAX + over);
        parsed_free(&answer_parsed);
        parsed_free(&offer_parsed);
    }
}

/* ---- what we say of ourselves -------------------------------------------------------------------------------------- */

static void bad_arguments(void **state) {
    (void)state;
    struct ours ours;
    struct sdp_codec many[SDP_LOCAL_CODEC_MAX + 1];
    struct sdp_local_extension extensions[SDP_LOCAL_EXTENSION_MAX + 1];
    static const struct sdp_local_extension clash[] = {{"urn:other", 1}};
    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = sdp_codec_make(SDP_CODEC_VP9, (uint8_t)(i < 63 ? i + 1 : i + 30), NULL, 0);
    static const char uris[][3] = {"a:", "b:", "c:", "d:", "e:", "f:", "g:", "h:", "i:", "j:", "k:", "l:", "m:", "n:", "o:"};
    for (size_t i = 0; i < COUNT(extensions); i++)
        extensions[i] = (struct sdp_local_extension){uris[i], (uint8_t)(i + 1)};
#define OFFER_WITH(change, expected)                                                              \
    do {                                                                                          \
        ours_begin(&ours);                                                                        \
        change;                                                                                   \
        int length = sdp_write_offer(&ours.local, offer_text, sizeof offer_text);                 \
        assert_int_equal(length > 0 ? SDP_OK : length, expected);                                 \
    } while (0)
    OFFER_WITH((void)0, SDP_OK);
    OFFER_WITH(ours.transport.ice_ufrag = "abc", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.transport.ice_ufrag = "abcd\r\na=x", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.transport.ice_pwd = "short", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.transport.fingerprint_value = "A\nB", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.local.session_id = UINT64_MAX, SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.local.section_count = 0, SDP_OK);
    OFFER_WITH(ours.local.section_count = SDP_SECTION_MAX + 1, SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.sections[0].mid = NULL, SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.sections[0].mid = "1", SDP_ERROR_ARGUMENT); /* twice */
    OFFER_WITH(ours.sections[0].mid = "12345678901234567", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.sections[0].cname = "a b", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.sections[0].track_id = "", SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.sections[0].codec_count = 0, SDP_ERROR_ARGUMENT);
    OFFER_WITH(ours.audio[1].payload_type = 111, SDP_ERROR_ARGUMENT); /* twice */
    OFFER_WITH(ours.audio[1].payload_type = 96, SDP_ERROR_ARGUMENT);  /* RFC 9143 section 9.1: means VP8 already */
    OFFER_WITH(ours.audio[1].payload_type = 128, SDP_ERROR_ARGUMENT);
    OFFER_WITH((ours.sections[0].extensions = clash, ours.sections[0].extension_count = 1), SDP_ERROR_ARGUMENT);
    OFFER_WITH((ours.local.section_count = 1, ours.sections[0].codecs = many, ours.sections[0].codec_count = SDP_LOCAL_CODEC_MAX - 1), SDP_OK);
    OFFER_WITH((ours.local.section_count = 1, ours.sections[0].codecs = many, ours.sections[0].codec_count = SDP_LOCAL_CODEC_MAX), SDP_OK);
    OFFER_WITH((ours.local.section_count = 1, ours.sections[0].codecs = many, ours.sections[0].codec_count = SDP_LOCAL_CODEC_MAX + 1), SDP_ERROR_ARGUMENT);
    OFFER_WITH((ours.local.section_count = 1, ours.sections[0].extensions = extensions, ours.sections[0].extension_count = SDP_LOCAL_EXTENSION_MAX), SDP_OK);
    OFFER_WITH((ours.local.section_count = 1, ours.sections[0].extensions = extensions, ours.sections[0].extension_count = SDP_LOCAL_EXTENSION_MAX + 1),
               SDP_ERROR_ARGUMENT);
#undef OFFER_WITH
}

/* security.md row 27: into every capacity from 0 up. */
static void every_capacity(void **state) {
    (void)state;
    struct ours ours;
    ours_begin(&ours);
    int whole = sdp_write_offer(&ours.local, offer_text, sizeof offer_text);
    struct parsed offer_parsed = parse_text(offer_text, (size_t)whole);
    ours_answer(&ours, offer_parsed.session);
    ours.answers[0].refused = true;
    int whole_answer = sdp_write_answer(&ours.answer, offer_parsed.session, answer_text, sizeof answer_text, NULL);
    for (size_t capacity = 0; capacity <= (size_t)whole + 8; capacity++) {
        char *buffer = malloc(capacity == 0 ? 1 : capacity);
        assert_int_equal(sdp_write_offer(&ours.local, buffer, capacity), capacity <= (size_t)whole ? SDP_ERROR_BUFFER : whole);
        assert_int_equal(sdp_write_answer(&ours.answer, offer_parsed.session, buffer, capacity, NULL),
                         capacity <= (size_t)whole_answer ? SDP_ERROR_BUFFER : whole_answer);
        free(buffer);
    }
    parsed_free(&offer_parsed);
}

static void a_stopped_section(void **state) {
    (void)state;
    struct ours offerer;
    struct ours answerer;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    ours_begin(&offerer);
    ours_begin(&answerer);
    answerer.sections[0].refused = true;
    sdp_write_offer(&offerer.local, offer_text, sizeof offer_text);
    assert_int_equal(answer(&answerer, offer_text, refusals), 1);
    assert_int_equal(refusals[0], SDP_REFUSAL_STOPPED);
    /* RFC 9143 section 7.3.1: the next of the list becomes the tagged section, and carries the transport. */
    assert_int_equal(negotiated.transports[0].section, 1);
    offerer.sections[1].refused = true;
    sdp_write_offer(&offerer.local, offer_text, sizeof offer_text);
    answerer.sections[0].refused = false;
    assert_int_equal(answer(&answerer, offer_text, refusals), 1);
    assert_int_equal(refusals[1], SDP_REFUSAL_OFFERED);
    assert_int_equal(negotiated.agreed_count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_two_of_us),
        cmocka_unit_test(ice_options_of_an_answer),
        cmocka_unit_test(candidates_are_embedded),
        cmocka_unit_test(refusals_and_reasons),
        cmocka_unit_test(directions),
        cmocka_unit_test(payload_types_and_extensions_of_the_offer),
        cmocka_unit_test(asymmetric_payload_types),
        cmocka_unit_test(answers_that_do_not_fit),
        cmocka_unit_test(too_many_fingerprints),
        cmocka_unit_test(too_many_codecs),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(every_capacity),
        cmocka_unit_test(a_stopped_section),
    };
    return cmocka_run_group_tests_name("sdp/negotiate", tests, NULL, NULL);
}
