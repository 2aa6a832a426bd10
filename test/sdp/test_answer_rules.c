/*
 * Can the validator refuse? A good answer is broken in one place after another, and each time the rule that was broken must be the
 * one that is named.
 */
#include "test_sdp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_rules.h"

#define AUDIO_CODECS "a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=rtpmap:0 PCMU/8000\r\n"
#define VIDEO_CODECS                                                                                                        \
    "a=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 VP9/90000\r\n" \
    "a=fmtp:98 profile-id=2\r\na=rtpmap:102 H264/90000\r\na=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\n"

static const char offer[] =
    HEAD "a=group:BUNDLE a v d\r\na=group:BUNDLE w\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=ice-options:trickle\r\n" TRANSPORT "a=mid:a\r\na=extmap:1 urn:mid\r\na=extmap:2/recvonly urn:level\r\na=sendrecv\r\n" AUDIO_CODECS
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 102\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT "a=mid:v\r\na=extmap:1 urn:mid\r\na=sendonly\r\n" VIDEO_CODECS "a=rid:f send\r\na=rid:h send\r\na=simulcast:send f;h\r\n"
    "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=bundle-only\r\na=sctp-port:5000\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT "a=mid:w\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\n" TRANSPORT "a=mid:x\r\na=sendrecv\r\na=rtcp-mux\r\n";

#define OUR_TRANSPORT "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:" FINGERPRINT "\r\na=setup:active\r\n"

static const char good[] =
    HEAD "a=ice-options:trickle\r\na=group:BUNDLE a v d\r\na=group:BUNDLE w\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\n" OUR_TRANSPORT "a=mid:a\r\na=extmap:1 urn:mid\r\na=extmap:2/sendonly urn:level\r\na=sendrecv\r\na=msid:s t\r\n" AUDIO_CODECS
    "a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:c\r\na=ssrc:2 cname:c\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 98 102 96 97\r\nc=IN IP4 0.0.0.0\r\n" OUR_TRANSPORT "a=mid:v\r\na=extmap:1 urn:mid\r\na=recvonly\r\n" VIDEO_CODECS "a=rid:f recv\r\na=rid:h recv\r\na=simulcast:recv f;h\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:d\r\na=sctp-port:5000\r\na=max-message-size:65536\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\n" OUR_TRANSPORT "a=mid:w\r\na=inactive\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
    "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:x\r\na=inactive\r\n";

/* The n-th `from` (counted from 0) becomes `to`. */
static const struct {
    const char *from;
    int n;
    const char *to;
    const char *rule;
} breaks[] = {
    {"t=0 0\r\n", 0, "t=0 0\r\na=extmap-allow-mixed\r\n", "RFC 8285 section 6"},
    {"o=- 1 ", 0, "o=- 99999999999999999999 ", "RFC 9429 section 5.2.1"},
    {"t=0 0\r\n", 0, "t=0 0\r\na=setup:active\r\n", "RFC 9429 section 5.2.1"},
    {"a=ice-options:trickle\r\n", 0, "", "RFC 9429 section 5.3.1: a=ice-options"},
    {"a=ice-options:trickle\r\n", 0, "a=ice-options:ice2\r\n", "RFC 9429 section 5.3.1: a=ice-options"},
    {"a=ice-options:trickle\r\n", 0, "a=ice-options:trickle ice2\r\n", "RFC 9429 section 5.3.1: a=ice-options"},
    {"a=ice-options:trickle\r\n", 0, "a=ice-options:trickle\r\na=ice-options:trickle\r\n", "RFC 9429 section 5.3.1: a=ice-options"},
    {"a=mid:a\r\n", 0, "a=mid:a\r\na=ice-options:trickle\r\n", "RFC 9429 section 5.3.1: a=ice-options"},
    /* Groups. */
    {"BUNDLE a v d", 0, "BUNDLE v a d", "RFC 9143 section 7.3.1"},
    {"BUNDLE a v d", 0, "BUNDLE a v d w", "RFC 9143 section 7.3:"},
    {"a=group:BUNDLE w\r\n", 0, "a=group:LS a v\r\n", "RFC 9143 section 7.3:"},
    {"a=group:BUNDLE w\r\n", 0, "a=group:BUNDLE w\r\na=group:BUNDLE w\r\n", "RFC 9143 section 5"},
    {"BUNDLE a v d", 0, "BUNDLE d", "RFC 9143 section 7.3.1"},
    {"BUNDLE a v d", 0, "BUNDLE a v", "RFC 3264 section 6: accepted"}, /* bundle-only outside */
    {"m=audio 9", 0, "m=audio 0", "RFC 9143 section 7.3.3"},
    /* Shape. */
    {"m=audio 0 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:x\r\na=inactive\r\n", 0, "", "RFC 3264 section 6: another number"},
    {"m=audio 0", 0, "m=video 0", "RFC 3264 section 6: another kind"},
    {"m=audio 0 UDP/TLS/RTP/SAVPF", 0, "m=audio 0 RTP/AVP", "RFC 9429 section 5.3.1: another profile"},
    {"SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:x", 0, "SAVPF\r\nc=IN IP4 0.0.0.0\r\na=mid:x", "RFC 3264 section 6: a section without"},
    {"a=mid:x", 0, "a=mid:y", "RFC 5888 section 9.1"},
    {"a=mid:x\r\n", 0, "", "RFC 5888 section 9.1"},
    {"c=IN IP4 0.0.0.0\r\n", 1, "", "RFC 9429 section 5.3.1: no c="},
    {"a=mid:d\r\n", 0, "a=mid:d\r\na=bundle-only\r\n", "RFC 9143 section 6"},
    {"m=video 9", 0, "m=video 5000", "RFC 9429 section 5.3.1: without a default"},
    {"a=mid:x\r\n", 0, "a=mid:x\r\na=ice-ufrag:abcd\r\n", "RFC 9429 section 5.3.1: a transport"},
    /* Transports. */
    {"a=ice-ufrag:abcd", 0, "a=ice-ufrag:abc", "RFC 8839 section 5.4"},
    {"a=ice-pwd:abcdefghijklmnopqrstuvwx\r\n", 2, "", "RFC 8839 section 5.4"},
    {"a=fingerprint:" FINGERPRINT "\r\n", 0, "", "RFC 8122 section 5: no fingerprint"},
    {"a=fingerprint:" FINGERPRINT "\r\n", 2, "", "RFC 8122 section 5: no fingerprint"},
    {"a=fingerprint:" FINGERPRINT "\r\n", 1, "", "RFC 9143 section 7.1.3: another"},
    {"a=fingerprint:sha-256 16:", 1, "a=fingerprint:sha-256 17:", "RFC 9143 section 7.1.3: another"},
    {"a=ice-ufrag:abcd", 1, "a=ice-ufrag:abce", "RFC 9143 section 7.1.3: another"},
    {"a=setup:active", 1, "a=setup:passive", "RFC 9143 section 7.1.3: another"},
    {"a=setup:active", 0, "a=setup:actpass", "RFC 8842 section 5.3"},
    {"a=mid:d\r\n", 0, "a=mid:d\r\na=fingerprint:" FINGERPRINT "\r\n", "RFC 9143 section 7.1.3"},
    {"a=mid:d\r\n", 0, "a=mid:d\r\na=candidate:1 1 udp 1 192.0.2.1 5000 typ host\r\n", "RFC 9143 section 7.1.3"},
    {"a=mid:v\r\n", 0, "a=mid:v\r\na=end-of-candidates\r\n", "RFC 9143 section 7.1.3"},
    /* Data. */
    {"webrtc-datachannel", 0, "5000", "RFC 8841 section 4.3"},
    {"a=sctp-port:5000\r\n", 0, "", "RFC 8841 section 5: no SCTP"},
    {"a=sctp-port:5000\r\n", 0, "a=sctp-port:5000\r\na=sendrecv\r\n", "RFC 9429 section 5.3.1: an attribute of RTP"},
    {"a=max-message-size:65536\r\n", 0, "a=max-message-size:65536\r\na=max-message-size:0\r\n", "RFC 8841 section 6"},
    /* Control. */
    {"a=rtcp-mux\r\n", 0, "", "RFC 5761 section 5.1.1"},
    {"a=rtcp-mux\r\n", 1, "a=rtcp-mux\r\na=rtcp-mux-only\r\n", "RFC 8858 section 4.3"},
    {"a=rtcp-mux\r\n", 1, "a=rtcp-mux\r\na=rtcp-rsize\r\n", "RFC 5506 section 5"},
    {"a=rtcp-mux\r\n", 0, "a=rtcp-mux\r\na=sctp-port:5000\r\n", "RFC 8841 section 5: an attribute"},
    /* Directions. */
    {"a=recvonly", 0, "a=sendrecv", "RFC 3264 section 6.1: a direction"},
    {"a=recvonly\r\n", 0, "a=recvonly\r\na=inactive\r\n", "RFC 9429 section 5.3.1: a section has one"},
    {"a=recvonly\r\n", 0, "", "RFC 9429 section 5.3.1: a section has one"},
    /* Formats. */
    {"SAVPF 111 0", 0, "SAVPF 111 0 8", "RFC 3264 section 6.1: a payload type that was not"},
    {"SAVPF 111 0", 0, "SAVPF 111 0 0", "RFC 8866 section 5.14"},
    {"a=rtpmap:0 PCMU/8000\r\n", 0, "", "RFC 9429 section 5.3.1: a payload type without"},
    {"opus/48000/2", 0, "opus/48000", "RFC 3264 section 6.1: a payload type that means"},
    {"a=rtpmap:0 PCMU/8000\r\n", 0, "a=rtpmap:0 PCMU/8000\r\na=fmtp:8 x=1\r\n", "RFC 8866 section 6.15"},
    {"profile-id=2", 0, "profile-id=0", "RFC 9628 section 6"},
    {"packetization-mode=1", 0, "packetization-mode=0", "RFC 6184 section 8.2.2: another packetization"},
    {"profile-level-id=42e01f", 0, "profile-level-id=640c1f", "RFC 6184 section 8.2.2: another profile"},
    {"profile-level-id=42e01f", 0, "profile-level-id=42e020", "RFC 6184 section 8.2.2: a higher level"},
    {"profile-level-id=42e01f", 0, "profile-level-id=42e020;level-asymmetry-allowed=1", "RFC 6184 section 8.2.2: a higher level"},
    {"apt=96", 0, "apt=98", "RFC 4588 section 8.6: another apt"},
    {"SAVPF 98 102 96 97", 0, "SAVPF 98 102 97", "RFC 4588 section 8.6: an apt"},
    {"SAVPF 98 102 96 97", 0, "SAVPF 97", "RFC 4588 section 8.6: an apt"},
    {"transport-cc", 0, "goog-remb", "RFC 4585 section 4.2"},
    /* Header extensions. */
    {"a=extmap:1 urn:mid", 0, "a=extmap:3 urn:mid", "RFC 8285 section 7"},
    {"a=extmap:1 urn:mid", 0, "a=extmap:1 urn:other", "RFC 8285 section 7"},
    {"a=extmap:1 urn:mid\r\n", 0, "a=extmap:1 urn:mid\r\na=extmap:1 urn:mid\r\n", "RFC 8285 section 5: an id"},
    {"a=extmap:2/sendonly", 0, "a=extmap:2", "RFC 8285 section 5: a direction"},
    {"a=recvonly\r\n", 0, "a=recvonly\r\na=extmap-allow-mixed\r\n", "RFC 8285 section 6"},
    /* Streams, sources, rids. */
    {"a=recvonly\r\n", 0, "a=recvonly\r\na=msid:s t\r\n", "RFC 9429 section 5.3.1: a stream"},
    {"a=msid:s t", 0, "a=msid:s", "RFC 9429 section 5.2.1: a=msid"},
    {"a=ssrc:2 cname:c\r\n", 0, "", "RFC 5576 section 4.2"},
    {"a=ssrc:2 cname:c", 0, "a=ssrc:2 msid:c d", "RFC 5576 section 6.1"},
    {"a=rid:f recv", 0, "a=rid:g recv", "RFC 8851 section 6.3: a rid that"},
    {"a=rid:f recv", 0, "a=rid:f send", "RFC 8851 section 6.3: a rid with"},
    {"a=rid:f recv\r\n", 0, "", "RFC 8853 section 5.2"},
    {"a=simulcast:recv", 0, "a=simulcast:send", "RFC 8853 section 5.3.2: simulcast in"},
    {"a=msid:s t\r\n", 0, "a=msid:s t\r\na=simulcast:recv f\r\n", "RFC 8853 section 5.3.2: simulcast was"},
};

static char *with(const char *text, const char *from, int n, const char *to) {
    const char *at = strstr(text, from);
    while (at != NULL && n-- > 0)
        at = strstr(at + 1, from);
    if (at == NULL)
        fail_msg("no %s in the answer", from);
    size_t capacity = strlen(text) + strlen(to) + 1;
    char *out = malloc(capacity);
    assert_non_null(out);
    assert_true((size_t)snprintf(out, capacity, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) < capacity);
    return out;
}

static void every_rule_can_be_broken(void **state) {
    (void)state;
    const char *broken = answer_breaks(offer, good);
    if (broken != NULL)
        fail_msg("the good answer: %s", broken);
    for (size_t i = 0; i < COUNT(breaks); i++) {
        char *bad = with(good, breaks[i].from, breaks[i].n, breaks[i].to);
        broken = answer_breaks(offer, bad);
        if (broken == NULL || strncmp(broken, breaks[i].rule, strlen(breaks[i].rule)) != 0)
            fail_msg("row %zu, %s: %s", i, breaks[i].rule, broken == NULL ? "accepted" : broken);
        free(bad);
    }
}

/* What needs another offer. */
static void rules_of_the_offer(void **state) {
    (void)state;
    char *other = with(offer, "a=setup:actpass", 0, "a=setup:active");
    assert_string_equal(answer_breaks(other, good), "RFC 4145 section 4.1: both sides claim one role");
    free(other);
    other = with(offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111", 0, "m=audio 0 UDP/TLS/RTP/SAVPF 111");
    assert_non_null(answer_breaks(other, good));
    free(other);
    /* RFC 9143 section 9.1: across sections. */
    other = with(offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111 0", 0, "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 98");
    char *offer_of_98 = with(other, "a=rtpmap:0 PCMU", 0, "a=rtpmap:98 L16/8000\r\na=rtpmap:0 PCMU");
    char *answer = with(good, "SAVPF 111 0", 0, "SAVPF 111 0 98");
    char *answer_of_98 = with(answer, "a=rtpmap:0 PCMU", 0, "a=rtpmap:98 L16/8000\r\na=rtpmap:0 PCMU");
    assert_null(answer_breaks(offer_of_98, answer_of_98)); /* the offer's own fault */
    free(other);
    free(offer_of_98);
    free(answer);
    free(answer_of_98);
    /* Asymmetry on both sides lets the level rise. */
    other = with(offer, "profile-level-id=42e01f", 0, "profile-level-id=42e01f;level-asymmetry-allowed=1");
    answer = with(good, "profile-level-id=42e01f", 0, "profile-level-id=42e034;level-asymmetry-allowed=1");
    assert_null(answer_breaks(other, answer));
    free(other);
    free(answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_can_be_broken),
        cmocka_unit_test(rules_of_the_offer),
    };
    return cmocka_run_group_tests_name("sdp/answer_rules", tests, NULL, NULL);
}
