/* sdp/successor.c: RFC 3264 section 8, RFC 9429 section 5.2.2. */
#include "test_sdp.h"

#include <string.h>

#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\na=rtpmap:111 opus/48000/2\r\na=mid:a\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=mid:v\r\n"
#define REFUSED "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:v\r\n"
#define BUNDLE "a=group:BUNDLE a v\r\n"
#define BUNDLE_ONLY "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\na=bundle-only\r\na=mid:v\r\n"
#define DATA "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:d\r\na=sctp-port:5000\r\n"

static void later_descriptions(void **state) {
    (void)state;
    static const struct {
        const char *before;
        const char *other; /* nullable */
        const char *after;
        size_t line;      /* 0 with a NULL rule: it may follow */
        const char *rule; /* part of the sentence */
    } rows[] = {
        {HEAD AUDIO VIDEO, NULL, HEAD AUDIO VIDEO, 0, NULL},
        {HEAD, NULL, HEAD AUDIO, 0, NULL},
        /* RFC 3264 section 8: never fewer; more is fine. */
        {HEAD AUDIO VIDEO, NULL, HEAD AUDIO, 0, "RFC 3264 section 8"},
        {HEAD AUDIO, NULL, HEAD AUDIO VIDEO DATA, 0, NULL},
        {HEAD AUDIO VIDEO, NULL, HEAD AUDIO REFUSED, 0, NULL},
        /* RFC 9429 section 5.2.2: kind and mid stay. */
        {HEAD AUDIO VIDEO, NULL, HEAD AUDIO DATA, 8, "keeps its kind"},
        {HEAD AUDIO, NULL, HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:b\r\n", 5, "keeps its mid"},
        {HEAD AUDIO, NULL, HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 0, NULL}, /* no mids: an old one */
        /* RFC 3264 section 8.1: recycled after either side refused, but not when it is bundle-only. */
        {HEAD AUDIO REFUSED, NULL, HEAD AUDIO DATA, 0, NULL},
        {HEAD AUDIO VIDEO, HEAD AUDIO REFUSED, HEAD AUDIO DATA, 0, NULL},
        {HEAD AUDIO VIDEO, HEAD AUDIO VIDEO, HEAD AUDIO DATA, 8, "keeps its kind"},
        {HEAD BUNDLE AUDIO BUNDLE_ONLY, NULL, HEAD AUDIO DATA, 8, "keeps its kind"},
        {HEAD BUNDLE AUDIO BUNDLE_ONLY, HEAD BUNDLE AUDIO BUNDLE_ONLY, HEAD AUDIO VIDEO, 0, NULL},
        /* RFC 9143 section 6: outside of a BUNDLE, that is said in vain. */
        {HEAD AUDIO BUNDLE_ONLY, NULL, HEAD AUDIO DATA, 0, NULL},
        /* RFC 3264 section 8.3.2: payload types keep their meaning; further ones may come, old ones may go. */
        {HEAD AUDIO, NULL, HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 ISAC/16000\r\na=mid:a\r\n", 6, "RFC 3264 section 8.3.2"},
        {HEAD AUDIO, NULL, HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000\r\na=mid:a\r\n", 6, "RFC 3264 section 8.3.2"},
        {HEAD AUDIO, NULL, HEAD "m=audio 9 UDP/TLS/RTP/SAVPF 9 111\r\na=rtpmap:111 OPUS/48000/2\r\na=fmtp:111 stereo=1\r\na=mid:a\r\n", 0, NULL},
        {HEAD "m=audio 9 RTP/AVP 100\r\na=rtpmap:100 ISAC/16000\r\n", NULL, HEAD "m=audio 9 RTP/AVP 100\r\na=rtpmap:100 isac/16000\r\n", 0, NULL},
        {HEAD "m=audio 9 RTP/AVP 100\r\na=rtpmap:100 ISAC/16000\r\n", NULL, HEAD "m=audio 9 RTP/AVP 100\r\na=rtpmap:100 ILBC/16000\r\n", 6,
         "RFC 3264 section 8.3.2"},
        {HEAD "m=video 9 RTP/AVP 100\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=42e01f\r\n", NULL,
         HEAD "m=video 9 RTP/AVP 100\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=640c1f\r\n", 6, "RFC 3264 section 8.3.2"},
        {HEAD "m=video 9 RTP/AVP 100\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=42e01f\r\n", NULL,
         HEAD "m=video 9 RTP/AVP 100\r\na=rtpmap:100 H264/90000\r\na=fmtp:100 profile-level-id=42e034\r\n", 0, NULL},
        {HEAD "m=audio 9 RTP/AVP 0\r\n", NULL, HEAD "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 opus/48000/2\r\n", 6, "RFC 3264 section 8.3.2"},
        {HEAD DATA, HEAD DATA, HEAD DATA, 0, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct parsed before = parse_string(rows[i].before);
        struct parsed after = parse_string(rows[i].after);
        struct parsed other = parse_string(rows[i].other == NULL ? HEAD : rows[i].other);
        struct sdp_problem problem = {0};
        assert_true(before.error == SDP_OK && after.error == SDP_OK && other.error == SDP_OK);
        int error = sdp_check_successor(before.session, rows[i].other == NULL ? NULL : other.session, after.session, &problem);
        if (error != (rows[i].rule == NULL ? SDP_OK : SDP_ERROR_DISAGREEMENT) || problem.line != rows[i].line ||
            (rows[i].rule != NULL && strstr(problem.rule, rows[i].rule) == NULL))
            fail_msg("row %zu: %d, line %zu, %s", i, error, problem.line, problem.rule == NULL ? "" : problem.rule);
        assert_int_equal(sdp_check_successor(before.session, rows[i].other == NULL ? NULL : other.session, after.session, NULL), error);
        parsed_free(&before);
        parsed_free(&after);
        parsed_free(&other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(later_descriptions),
    };
    return cmocka_run_group_tests_name("sdp/successor", tests, NULL, NULL);
}
