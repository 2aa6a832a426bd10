/* sdp/attribute_rules.c, attributes_transport.c, attributes_rtp.c, attributes_simulcast.c: each reader, and each attribute with and without value. */
#include "test_sdp.h"

#include <string.h>

static struct sdp_view view(const char *string) {
    return (struct sdp_view){string, strlen(string)};
}

/* Is "a=..." accepted by sdp_parse? */
static bool accepted(const char *name, const char *value) {
    char text[1024] = HEAD "m=audio 9 RTP/AVP 0\r\na=";
    append_to(text, name);
    if (value != NULL) {
        append_to(text, ":");
        append_to(text, value);
    }
    append_to(text, "\r\n");
    int error = read_everything(text, strlen(text));
    assert_true(error == SDP_OK || error == SDP_ERROR_SYNTAX);
    return error == SDP_OK;
}

/* security.md row 20: every attribute with and without a value. A name of one letter more is another attribute. */
static void with_and_without_value(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *value; /* a good one; NULL: it has none */
        const char *bad;   /* NULL: any value is fine */
    } rows[] = {
        {"bundle-only", NULL, "x"},
        {"candidate", "anything", NULL},
        {"end-of-candidates", NULL, "x"},
        {"extmap", "1 urn:x", "x urn:x"},
        {"extmap-allow-mixed", NULL, "x"},
        {"fingerprint", "sha-256 AB:CD", "sha-256 ABCD"},
        {"fmtp", "96 x=1", "128 x=1"},
        {"group", "LS a", " "},
        {"ice-lite", NULL, "x"},
        {"ice-mismatch", NULL, "x"},
        {"ice-options", "trickle", NULL},
        {"ice-pacing", "50", "12345678901"},
        {"ice-pwd", "abcdefghijklmnopqrstuv", "abcdefghijklmnopqrstu"},
        {"ice-ufrag", "abcd", "abc"},
        {"inactive", NULL, "x"},
        {"max-message-size", "262144", "-1"},
        {"maxptime", "60", "x"},
        {"mid", "0", "a b"},
        {"msid", "- track", "a b c"},
        {"ptime", "0.125", "1."},
        {"recvonly", NULL, "x"},
        {"remote-candidates", "1 192.0.2.3 45664 2 192.0.2.3 45665", "1 192.0.2.3"},
        {"rid", "hi send pt=97", "hi"},
        {"rtcp", "9 IN IP4 0.0.0.0", "65536"},
        {"rtcp-fb", "* nack", "128 nack"},
        {"rtcp-mux", NULL, "x"},
        {"rtcp-mux-only", NULL, "x"},
        {"rtcp-rsize", NULL, "x"},
        {"rtpmap", "111 opus/48000/2", "111 opus"},
        {"sctp-port", "5000", "65536"},
        {"sendonly", NULL, "x"},
        {"sendrecv", NULL, "x"},
        {"setup", "actpass", "both"},
        {"simulcast", "send a;b", NULL},
        {"ssrc", "4294967295 cname:x", "4294967296 cname:x"},
        {"ssrc-group", "FID 1 2", "FID x"},
        {"tls-id", "91bbf309c0990a6bec11e38ba2933cee", "nineteen-characters"},
    };
    assert_int_equal(COUNT(rows), SDP_ATTRIBUTE_KIND_COUNT - 1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        char longer[64] = "";
        append_to(longer, rows[i].name);
        append_to(longer, "x");
        if (!accepted(rows[i].name, rows[i].value))
            fail_msg("%s is refused", rows[i].name);
        if (accepted(rows[i].name, rows[i].value == NULL ? "x" : NULL) || accepted(rows[i].name, ""))
            fail_msg("%s with%s value is accepted", rows[i].name, rows[i].value == NULL ? "" : "out");
        if (rows[i].bad != NULL && accepted(rows[i].name, rows[i].bad))
            fail_msg("%s:%s is accepted", rows[i].name, rows[i].bad);
        assert_true(accepted(longer, NULL));
        assert_true(accepted(longer, "x"));
    }
    assert_true(accepted("never-heard-of", ""));
    /* RFC 4585 section 4.2: something is asked for. RFC 8122 section 5: ':' between the bytes. */
    static const char *const feedback[] = {"96", "96 ", "*", "*  ", "** nack", "x nack"};
    for (size_t i = 0; i < COUNT(feedback); i++)
        assert_false(accepted("rtcp-fb", feedback[i]));
    static const char *const fingerprints[] = {"sha-256 AB;CD", "sha-256 AB:CD;EF", "sha-256 A::CD", "sha-256 ABxCD", "sha-256 :AB:C", "sha-256 AB:CD:E"};
    for (size_t i = 0; i < COUNT(fingerprints); i++)
        assert_false(accepted("fingerprint", fingerprints[i]));
}

/* security.md row 24: payload types of 0 to 127 only; linux-sized numbers do not wrap. */
static void payload_types(void **state) {
    (void)state;
    static const char *const bad[] = {"-1", "128", "255", "256", "65535", "4294967296", "18446744073709551616", "+1", "0x1", "1e1", ""};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char value[128];
        static const char *const rest[][2] = {{"rtpmap", " opus/48000/2"}, {"fmtp", " x=1"}, {"rtcp-fb", " nack"}};
        for (size_t j = 0; j < COUNT(rest); j++) {
            value[0] = '\0';
            append_to(value, bad[i]);
            append_to(value, rest[j][1]);
            assert_false(accepted(rest[j][0], value));
        }
    }
    assert_true(accepted("rtpmap", "127 opus/48000/2"));
    assert_true(accepted("rtpmap", "0 opus/48000/2"));
    assert_false(accepted("rtpmap", "96 opus/0"));
    assert_false(accepted("rtpmap", "96 opus/4294967296"));
    assert_false(accepted("rtpmap", "96 opus/48000/0"));
    assert_false(accepted("rtpmap", "96 opus/48000/256"));
    assert_true(accepted("rtpmap", "96 opus/4294967295/255"));
}

static void readers_of_rtp(void **state) {
    (void)state;
    struct sdp_rtpmap rtpmap;
    assert_true(sdp_read_rtpmap(view("111 opus/48000/2"), &rtpmap));
    assert_view(rtpmap.name, "opus");
    assert_int_equal(rtpmap.clock_hz, 48000);
    assert_int_equal(rtpmap.channels, 2);
    struct sdp_fmtp fmtp;
    assert_true(sdp_read_fmtp(view("96 minptime=10; UseInbandFec=1 ;x;apt = 7 "), &fmtp));
    assert_int_equal(sdp_parameter_number(fmtp.parameters, "useinbandfec", 0), 1);
    assert_int_equal(sdp_parameter_number(fmtp.parameters, "minptime", 0), 10);
    assert_int_equal(sdp_parameter_number(fmtp.parameters, "apt", 0), 7);
    assert_int_equal(sdp_parameter_number(fmtp.parameters, "x", 5), 5);
    assert_int_equal(sdp_parameter_number(fmtp.parameters, "ptime", 5), 5);
    struct sdp_rtcp_fb feedback;
    assert_true(sdp_read_rtcp_fb(view("96 nack pli"), &feedback));
    assert_int_equal(feedback.flag, SDP_FEEDBACK_NACK_PLI);
    assert_true(sdp_read_rtcp_fb(view("* ccm fir"), &feedback));
    assert_int_equal(feedback.payload_type, SDP_PAYLOAD_TYPE_ANY);
    assert_int_equal(feedback.flag, SDP_FEEDBACK_CCM_FIR);
    assert_true(sdp_read_rtcp_fb(view("96 trr-int 100"), &feedback));
    assert_int_equal(feedback.flag, 0);
    struct sdp_extmap extmap;
    assert_true(sdp_read_extmap(view("3/sendonly urn:x a b"), &extmap));
    assert_int_equal(extmap.id, 3);
    assert_int_equal(extmap.direction, SDP_DIRECTION_SEND);
    assert_view(extmap.uri, "urn:x");
    assert_view(extmap.attributes, "a b");
    static const char *const ids[] = {"0 urn:x", "256 urn:x", "4095 urn:x", "4352 urn:x", "1/both urn:x", "1"};
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_false(sdp_read_extmap(view(ids[i]), &extmap));
    assert_true(sdp_read_extmap(view("255 urn:x"), &extmap) && sdp_read_extmap(view("4096 urn:x"), &extmap) && sdp_read_extmap(view("4351 urn:x"), &extmap));
    struct sdp_ssrc ssrc;
    assert_true(sdp_read_ssrc(view("7 msid:a b"), &ssrc));
    assert_view(ssrc.attribute, "msid");
    assert_view(ssrc.value, "a b");
    struct sdp_msid msid;
    assert_true(sdp_read_msid(view("{stream} "), &msid));
    assert_view(msid.track, "");
    struct sdp_rid rid;
    assert_true(sdp_read_rid(view("hi-1 recv max-width=1280"), &rid));
    assert_int_equal(rid.direction, SDP_DIRECTION_RECEIVE);
    assert_view(rid.restrictions, "max-width=1280");
    struct sdp_simulcast simulcast;
    assert_true(sdp_read_simulcast(view("send 1,~4;2 recv c"), &simulcast));
    assert_view(simulcast.send, "1,~4;2");
    assert_view(simulcast.receive, "c");
    static const char *const lists[] = {"", "send", "send 1;", "send ;1", "send 1 send 2", "send rid=a;b", "send ~~1", "both 1"};
    for (size_t i = 0; i < COUNT(lists); i++)
        assert_false(sdp_read_simulcast(view(lists[i]), &simulcast));
    uint32_t milliseconds;
    assert_true(sdp_read_packet_time(view("60"), &milliseconds));
    assert_int_equal(milliseconds, 60);
}

/* RFC 4585 section 4.2, RFC 5104 section 7.1, RFC 8888 section 6. */
static void feedback_of_every_kind(void **state) {
    (void)state;
    static const struct {
        const char *value;
        unsigned flag;
        const char *more;
        uint32_t trr_int_ms;
    } rows[] = {
        {"96 nack", SDP_FEEDBACK_NACK, "", 0},           {"96 NACK PLI", SDP_FEEDBACK_NACK_PLI, "", 0},
        {"96 nack sli", SDP_FEEDBACK_NACK_SLI, "", 0},   {"96 nack rpsi", SDP_FEEDBACK_NACK_RPSI, "", 0},
        {"96 ack rpsi", SDP_FEEDBACK_ACK_RPSI, "", 0},   {"96 ack ccfb", SDP_FEEDBACK_ACK_CCFB, "", 0},
        {"96 rrtr", SDP_FEEDBACK_RRTR, "", 0},           {"96 ccm fir", SDP_FEEDBACK_CCM_FIR, "", 0},
        {"96 ccm tmmbr", SDP_FEEDBACK_CCM_TMMBR, "", 0}, {"96 ccm tmmbr smaxpr=120", SDP_FEEDBACK_CCM_TMMBR, "smaxpr=120", 0},
        {"96 ccm tstr", SDP_FEEDBACK_CCM_TSTR, "", 0},   {"96 ccm vbcm 1 2", SDP_FEEDBACK_CCM_VBCM, "1 2", 0},
        {"96 nack foo", 0, "", 0},                       {"96 ccm fir x", 0, "", 0},
        {"96 nackpli", 0, "", 0},                        {"96 trr-int 100", 0, "", 100},
        {"96 trr-int x", 0, "", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sdp_rtcp_fb feedback;
        assert_true(sdp_read_rtcp_fb(view(rows[i].value), &feedback));
        assert_int_equal(feedback.flag, rows[i].flag);
        assert_view(feedback.more, rows[i].more);
        assert_int_equal(feedback.trr_int_ms, rows[i].trr_int_ms);
    }
    for (unsigned bit = 0; bit < SDP_FEEDBACK_COUNT; bit++) {
        char value[32] = "* ";
        struct sdp_rtcp_fb feedback;
        append_to(value, sdp_feedback_name((enum sdp_feedback)(1u << bit)));
        assert_true(sdp_read_rtcp_fb(view(value), &feedback));
        assert_int_equal(feedback.flag, 1u << bit);
    }
    assert_string_equal(sdp_feedback_name((enum sdp_feedback)3), "");
}

/* RFC 8851 section 10. */
static void rid_restrictions(void **state) {
    (void)state;
    struct sdp_rid_restrictions out;
    uint8_t payload_type;
    assert_true(sdp_read_rid_restrictions(view("pt=97,98;max-width=1280;max-height=720;max-fps=30;max-fs=3600;max-br=1500000;max-pps=1;max-bpp=0.1;depend=a,b"), &out));
    assert_true(sdp_rid_payload_type_next(&out.payload_types, &payload_type) && payload_type == 97);
    assert_true(sdp_rid_payload_type_next(&out.payload_types, &payload_type) && payload_type == 98);
    assert_false(sdp_rid_payload_type_next(&out.payload_types, &payload_type));
    assert_true(out.max_width == 1280 && out.max_height == 720 && out.max_fps == 30 && out.max_fs == 3600 && out.max_br_bps == 1500000 && out.max_pps == 1);
    assert_view(out.max_bpp, "0.1");
    assert_view(out.depend, "a,b");
    assert_false(out.unknown);
    assert_true(sdp_read_rid_restrictions(view(""), &out));
    assert_true(sdp_read_rid_restrictions(view("max-depth=3"), &out) && out.unknown);
    static const char *const bad[] = {"pt=", "pt=97,", "pt=,97", "pt=128", "max-width=", "max-width=x", "max-width=0", ";max-fps=3", "=3"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(sdp_read_rid_restrictions(view(bad[i]), &out));
}

/* RFC 8853 section 5.1: streams, their alternatives, and which of them begin paused. */
static void simulcast_lists(void **state) {
    (void)state;
    struct sdp_simulcast simulcast;
    struct sdp_simulcast_alternative alternative;
    struct sdp_view stream;
    assert_true(sdp_read_simulcast(view("send 1;2,~3 recv 4"), &simulcast));
    assert_true(sdp_simulcast_stream_next(&simulcast.send, &stream));
    assert_true(sdp_simulcast_alternative_next(&stream, &alternative) && !alternative.paused);
    assert_view(alternative.rid, "1");
    assert_false(sdp_simulcast_alternative_next(&stream, &alternative));
    assert_true(sdp_simulcast_stream_next(&simulcast.send, &stream));
    assert_true(sdp_simulcast_alternative_next(&stream, &alternative) && !alternative.paused);
    assert_true(sdp_simulcast_alternative_next(&stream, &alternative) && alternative.paused);
    assert_view(alternative.rid, "3");
    assert_false(sdp_simulcast_stream_next(&simulcast.send, &stream));
    struct parsed parsed = parse_string(HEAD "m=video 9 RTP/AVP 96\r\na=rid:1 send\r\na=rid:2 send pt=96\r\na=rid:4 recv\r\na=simulcast:send 1;2 recv 4\r\n");
    struct sdp_rid rid;
    assert_true(sdp_section_find_rid(&parsed.session->sections[0], view("2"), SDP_DIRECTION_SEND, &rid));
    assert_view(rid.restrictions, "pt=96");
    assert_false(sdp_section_find_rid(&parsed.session->sections[0], view("2"), SDP_DIRECTION_RECEIVE, &rid));
    assert_false(sdp_section_find_rid(&parsed.session->sections[0], view("3"), SDP_DIRECTION_SEND, &rid));
    parsed_free(&parsed);
}

/* RFC 8839 sections 5.2 and 5.5, RFC 8866 section 5.7, RFC 8842 section 4, RFC 8285 section 6. */
static void readers_of_the_rest(void **state) {
    (void)state;
    struct sdp_view value = view("1 192.0.2.3 45664 2 2001:db8::1 45665");
    struct sdp_remote_candidate candidate;
    assert_true(sdp_remote_candidate_next(&value, &candidate) && candidate.component == 1 && candidate.port == 45664);
    assert_true(sdp_remote_candidate_next(&value, &candidate) && candidate.component == 2);
    assert_view(candidate.address, "2001:db8::1");
    assert_false(sdp_remote_candidate_next(&value, &candidate));
    uint32_t milliseconds;
    assert_true(sdp_read_ice_pacing(view("50"), &milliseconds) && milliseconds == 50);
    assert_true(sdp_read_ice_pacing(view("9999999999"), &milliseconds) && milliseconds == UINT32_MAX);
    assert_false(sdp_read_ice_pacing(view("5 0"), &milliseconds));
    struct sdp_connection connection;
    assert_true(sdp_read_connection(view("IN IP4 233.252.0.1/127"), &connection));
    assert_view(connection.address, "233.252.0.1/127");
    assert_false(sdp_read_connection(view("IN IP4"), &connection));
    assert_false(sdp_read_connection(view("IN IP4 a b"), &connection));
    char id[257];
    memset(id, 'a', sizeof id);
    for (size_t length = 0; length < sizeof id; length++)
        assert_int_equal(sdp_read_tls_id((struct sdp_view){id, length}), length >= 20 && length <= 255);
    assert_false(sdp_read_tls_id(view("twenty characters and.")));
    for (int level = 0; level < 3; level++) {
        char text[512] = HEAD;
        append_to(text, level == 1 ? "a=extmap-allow-mixed\r\n" : "");
        append_to(text, "m=video 9 RTP/AVP 96\r\n");
        append_to(text, level == 2 ? "a=extmap-allow-mixed\r\n" : "");
        struct parsed parsed = parse_string(text);
        assert_int_equal(sdp_section_allows_mixed(parsed.session, &parsed.session->sections[0]), level > 0);
        parsed_free(&parsed);
    }
}

static void readers_of_transport(void **state) {
    (void)state;
    struct sdp_fingerprint fingerprint;
    assert_true(sdp_read_fingerprint(view(FINGERPRINT), &fingerprint));
    assert_view(fingerprint.hash, "sha-256");
    assert_int_equal(fingerprint.value.length, 95);
    assert_false(sdp_read_fingerprint(view("sha-256 AB:C"), &fingerprint));
    assert_false(sdp_read_fingerprint(view("sha-256 AB:CD:"), &fingerprint));
    assert_false(sdp_read_fingerprint(view("sha-256 AB:CG"), &fingerprint));
    assert_false(sdp_read_fingerprint(view("sha-256 AB CD"), &fingerprint));
    struct sdp_rtcp rtcp;
    assert_true(sdp_read_rtcp(view("65535 IN IP4 198.51.100.1"), &rtcp));
    assert_int_equal(rtcp.port, 65535);
    assert_view(rtcp.address, "198.51.100.1");
    assert_false(sdp_read_rtcp(view("9 IN"), &rtcp));
    uint64_t bytes;
    assert_true(sdp_read_max_message_size(view("99999999999999999999"), &bytes));
    assert_true(bytes == UINT64_MAX);
    assert_true(sdp_read_max_message_size(view("0"), &bytes) && bytes == 0);
    struct sdp_bandwidth bandwidth;
    assert_true(sdp_read_bandwidth(view("TIAS:64000"), &bandwidth));
    assert_int_equal(bandwidth.value, 64000);
    assert_true(sdp_ice_options_have(view("ice2 trickle"), "trickle"));
    assert_false(sdp_ice_options_have(view("trickles"), "trickle"));
    /* RFC 8839 section 5.4: 4 to 256 and 22 to 256. */
    char characters[258];
    memset(characters, 'a', sizeof characters);
    for (size_t length = 0; length < sizeof characters; length++) {
        struct sdp_view value = {characters, length};
        assert_int_equal(sdp_read_ice_ufrag(value), length >= 4 && length <= 256);
        assert_int_equal(sdp_read_ice_pwd(value), length >= 22 && length <= 256);
    }
    assert_false(sdp_read_ice_ufrag(view("ab cd")));
}

static void sections_and_session(void **state) {
    (void)state;
    struct parsed parsed = parse_string(HEAD "a=group:BUNDLE a b\r\na=recvonly\r\na=ice-ufrag:ABCD\r\nm=audio 9 RTP/AVP 0\r\na=mid:a\r\na=sendonly\r\n"
                                             "a=ice-ufrag:abcd\r\nm=text 9 RTP/AVP 0\r\na=mid:c\r\nm=video 9 RTP/AVP 96\r\na=mid:b\r\n");
    assert_int_equal(parsed.error, SDP_OK);
    const struct sdp_session *session = parsed.session;
    struct sdp_attribute attribute;
    struct sdp_view first;
    /* RFC 8866 section 6.7: the section's word, else the session's. */
    assert_int_equal(sdp_section_direction(session, &session->sections[0]), SDP_DIRECTION_SEND);
    assert_int_equal(sdp_section_direction(session, &session->sections[1]), SDP_DIRECTION_RECEIVE);
    assert_int_equal(sdp_section_media(&session->sections[1]), SDP_MEDIA_OTHER);
    assert_true(sdp_find(session, &session->sections[0], SDP_ATTRIBUTE_ICE_UFRAG, &attribute));
    assert_view(attribute.value, "abcd");
    assert_int_equal(attribute.line, 11);
    assert_true(sdp_find(session, &session->sections[1], SDP_ATTRIBUTE_ICE_UFRAG, &attribute));
    assert_view(attribute.value, "ABCD");
    assert_true(sdp_session_bundles(session, session->sections[2].mid, &first));
    assert_view(first, "a");
    assert_false(sdp_session_bundles(session, session->sections[1].mid, NULL));
    assert_ptr_equal(sdp_session_find_mid(session, view("b")), &session->sections[2]);
    assert_null(sdp_session_find_mid(session, view("")));
    for (unsigned direction = 0; direction < 4; direction++)
        assert_int_equal(sdp_direction_reverse(sdp_direction_reverse((enum sdp_direction)direction)), direction);
    assert_int_equal(sdp_direction_reverse(SDP_DIRECTION_SEND), SDP_DIRECTION_RECEIVE);
    parsed_free(&parsed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_and_without_value), cmocka_unit_test(payload_types),        cmocka_unit_test(readers_of_rtp),
        cmocka_unit_test(readers_of_transport),   cmocka_unit_test(sections_and_session),
        cmocka_unit_test(feedback_of_every_kind), cmocka_unit_test(rid_restrictions),     cmocka_unit_test(simulcast_lists),
        cmocka_unit_test(readers_of_the_rest),
    };
    return cmocka_run_group_tests_name("sdp/attributes", tests, NULL, NULL);
}
