/* Which attributes we know, what each must look like, and finding them (RFC 8866 section 5.13 and the RFCs in the table). */
#include "sdp/scan_internal.h"

enum takes { NO_VALUE, A_VALUE };

/* The readers of attributes.h, each as a judge of a value. */
static bool check_extmap(struct sdp_view value) {
    struct sdp_extmap out;
    return sdp_read_extmap(value, &out);
}
static bool check_fingerprint(struct sdp_view value) {
    struct sdp_fingerprint out;
    return sdp_read_fingerprint(value, &out);
}
static bool check_fmtp(struct sdp_view value) {
    struct sdp_fmtp out;
    return sdp_read_fmtp(value, &out);
}
static bool check_group(struct sdp_view value) {
    struct sdp_group out;
    return sdp_read_group(value, &out);
}
static bool check_ice_pacing(struct sdp_view value) {
    uint32_t out;
    return sdp_read_ice_pacing(value, &out);
}
static bool check_remote_candidates(struct sdp_view value) {
    struct sdp_remote_candidate out;
    size_t count = 0;
    while (sdp_remote_candidate_next(&value, &out))
        count++;
    return count > 0 && sdp_view_without_trailing_spaces(value).length == 0;
}
static bool check_max_message_size(struct sdp_view value) {
    uint64_t out;
    return sdp_read_max_message_size(value, &out);
}
static bool check_msid(struct sdp_view value) {
    struct sdp_msid out;
    return sdp_read_msid(value, &out);
}
static bool check_packet_time(struct sdp_view value) {
    uint32_t out;
    return sdp_read_packet_time(value, &out);
}
static bool check_rid(struct sdp_view value) {
    struct sdp_rid out;
    return sdp_read_rid(value, &out);
}
static bool check_rtcp(struct sdp_view value) {
    struct sdp_rtcp out;
    return sdp_read_rtcp(value, &out);
}
static bool check_rtpmap(struct sdp_view value) {
    struct sdp_rtpmap out;
    return sdp_read_rtpmap(value, &out);
}
static bool check_sctp_port(struct sdp_view value) {
    uint16_t out;
    return sdp_read_sctp_port(value, &out);
}
static bool check_setup(struct sdp_view value) {
    enum sdp_setup out;
    return sdp_read_setup(value, &out);
}
static bool check_ssrc(struct sdp_view value) {
    struct sdp_ssrc out;
    return sdp_read_ssrc(value, &out);
}
static bool check_ssrc_group(struct sdp_view value) {
    struct sdp_ssrc_group out;
    return sdp_read_ssrc_group(value, &out);
}
static bool check_token(struct sdp_view value) {
    return sdp_view_is_all(sdp_view_without_trailing_spaces(value), SDP_CHARACTER_TOKEN);
}

/* In the order of the enum. A NULL check accepts any value. */
static const struct {
    const char *name;
    unsigned char length;
    enum takes takes;
    bool (*check)(struct sdp_view value);
    const char *rule;
} rules[SDP_ATTRIBUTE_KIND_COUNT] = {
#define NAME(text) .name = (text), .length = sizeof(text) - 1
    [SDP_ATTRIBUTE_OTHER] = {NAME(""), A_VALUE, NULL, "the name of an attribute is a token (RFC 8866 section 5.13)"},
    [SDP_ATTRIBUTE_BUNDLE_ONLY] = {NAME("bundle-only"), NO_VALUE, NULL, "a=bundle-only has no value (RFC 9143 section 6)"},
    /* A candidate is text here; ice/ judges its grammar. */
    [SDP_ATTRIBUTE_CANDIDATE] = {NAME("candidate"), A_VALUE, NULL, "a=candidate has a value (RFC 8839 section 5.1)"},
    [SDP_ATTRIBUTE_END_OF_CANDIDATES] = {NAME("end-of-candidates"), NO_VALUE, NULL,
                                         "a=end-of-candidates has no value (RFC 8840)"},
    [SDP_ATTRIBUTE_EXTMAP] = {NAME("extmap"), A_VALUE, check_extmap,
                              "a=extmap is an id of 1 to 255 or 4096 to 4351, perhaps /direction, and a URI (RFC 8285 section 8)"},
    [SDP_ATTRIBUTE_EXTMAP_ALLOW_MIXED] = {NAME("extmap-allow-mixed"), NO_VALUE, NULL,
                                          "a=extmap-allow-mixed has no value (RFC 8285 section 6)"},
    [SDP_ATTRIBUTE_FINGERPRINT] = {NAME("fingerprint"), A_VALUE, check_fingerprint,
                                   "a=fingerprint is a hash name and pairs of hexadecimal digits with ':' between (RFC 8122 section 5)"},
    [SDP_ATTRIBUTE_FMTP] = {NAME("fmtp"), A_VALUE, check_fmtp, "a=fmtp is a format and its parameters (RFC 8866 section 6.15)"},
    [SDP_ATTRIBUTE_GROUP] = {NAME("group"), A_VALUE, check_group, "a=group is a token and mids (RFC 5888 section 5)"},
    [SDP_ATTRIBUTE_ICE_LITE] = {NAME("ice-lite"), NO_VALUE, NULL, "a=ice-lite has no value (RFC 8839 section 5.3)"},
    [SDP_ATTRIBUTE_ICE_MISMATCH] = {NAME("ice-mismatch"), NO_VALUE, NULL, "a=ice-mismatch has no value (RFC 8839 section 5.3)"},
    [SDP_ATTRIBUTE_ICE_OPTIONS] = {NAME("ice-options"), A_VALUE, NULL, "a=ice-options has a value (RFC 8839 section 5.6)"},
    [SDP_ATTRIBUTE_ICE_PACING] = {NAME("ice-pacing"), A_VALUE, check_ice_pacing,
                                  "a=ice-pacing is a number of milliseconds of at most ten digits (RFC 8839 section 5.5)"},
    [SDP_ATTRIBUTE_ICE_PWD] = {NAME("ice-pwd"), A_VALUE, sdp_read_ice_pwd, "a=ice-pwd is 22 to 256 visible characters (RFC 8839 section 5.4)"},
    [SDP_ATTRIBUTE_ICE_UFRAG] = {NAME("ice-ufrag"), A_VALUE, sdp_read_ice_ufrag,
                                 "a=ice-ufrag is 4 to 256 visible characters (RFC 8839 section 5.4)"},
    [SDP_ATTRIBUTE_INACTIVE] = {NAME("inactive"), NO_VALUE, NULL, "a=inactive has no value (RFC 8866 section 6.7)"},
    [SDP_ATTRIBUTE_MAX_MESSAGE_SIZE] = {NAME("max-message-size"), A_VALUE, check_max_message_size,
                                        "a=max-message-size is a number (RFC 8841 section 6)"},
    [SDP_ATTRIBUTE_MAXPTIME] = {NAME("maxptime"), A_VALUE, check_packet_time, "a=maxptime is a number of milliseconds (RFC 8866 section 6.5)"},
    [SDP_ATTRIBUTE_MID] = {NAME("mid"), A_VALUE, check_token, "a=mid is a token (RFC 5888 section 4)"},
    [SDP_ATTRIBUTE_MSID] = {NAME("msid"), A_VALUE, check_msid, "a=msid is a stream and perhaps a track (RFC 8830 section 2)"},
    [SDP_ATTRIBUTE_PTIME] = {NAME("ptime"), A_VALUE, check_packet_time, "a=ptime is a number of milliseconds (RFC 8866 section 6.4)"},
    [SDP_ATTRIBUTE_RECVONLY] = {NAME("recvonly"), NO_VALUE, NULL, "a=recvonly has no value (RFC 8866 section 6.7)"},
    [SDP_ATTRIBUTE_REMOTE_CANDIDATES] = {NAME("remote-candidates"), A_VALUE, check_remote_candidates,
                                         "a=remote-candidates is triples of component, address and port (RFC 8839 section 5.2)"},
    [SDP_ATTRIBUTE_RID] = {NAME("rid"), A_VALUE, check_rid, "a=rid is an id, send or recv, and perhaps restrictions (RFC 8851 section 10)"},
    [SDP_ATTRIBUTE_RTCP] = {NAME("rtcp"), A_VALUE, check_rtcp, "a=rtcp is a port of 0 to 65535, perhaps with an address (RFC 3605 section 2.1)"},
    [SDP_ATTRIBUTE_RTCP_FB] = {NAME("rtcp-fb"), A_VALUE, sdp_check_rtcp_fb,
                               "a=rtcp-fb is a payload type of 0 to 127 or '*', and a feedback (RFC 4585 section 4.2)"},
    [SDP_ATTRIBUTE_RTCP_MUX] = {NAME("rtcp-mux"), NO_VALUE, NULL, "a=rtcp-mux has no value (RFC 5761 section 8)"},
    [SDP_ATTRIBUTE_RTCP_MUX_ONLY] = {NAME("rtcp-mux-only"), NO_VALUE, NULL, "a=rtcp-mux-only has no value (RFC 8858 section 3)"},
    [SDP_ATTRIBUTE_RTCP_RSIZE] = {NAME("rtcp-rsize"), NO_VALUE, NULL, "a=rtcp-rsize has no value (RFC 5506 section 5)"},
    [SDP_ATTRIBUTE_RTPMAP] = {NAME("rtpmap"), A_VALUE, check_rtpmap,
                              "a=rtpmap is a payload type of 0 to 127 and name/clock, perhaps /channels (RFC 8866 section 6.6)"},
    [SDP_ATTRIBUTE_SCTP_PORT] = {NAME("sctp-port"), A_VALUE, check_sctp_port, "a=sctp-port is 0 to 65535 (RFC 8841 section 5)"},
    [SDP_ATTRIBUTE_SENDONLY] = {NAME("sendonly"), NO_VALUE, NULL, "a=sendonly has no value (RFC 8866 section 6.7)"},
    [SDP_ATTRIBUTE_SENDRECV] = {NAME("sendrecv"), NO_VALUE, NULL, "a=sendrecv has no value (RFC 8866 section 6.7)"},
    [SDP_ATTRIBUTE_SETUP] = {NAME("setup"), A_VALUE, check_setup, "a=setup is active, passive, actpass or holdconn (RFC 4145 section 4)"},
    [SDP_ATTRIBUTE_SIMULCAST] = {NAME("simulcast"), A_VALUE, NULL, "a=simulcast has a value (RFC 8853 section 5.1)"},
    [SDP_ATTRIBUTE_SSRC] = {NAME("ssrc"), A_VALUE, check_ssrc, "a=ssrc is a 32-bit number and an attribute (RFC 5576 section 4.1)"},
    [SDP_ATTRIBUTE_SSRC_GROUP] = {NAME("ssrc-group"), A_VALUE, check_ssrc_group,
                                  "a=ssrc-group is a token and 32-bit numbers (RFC 5576 section 4.2)"},
    [SDP_ATTRIBUTE_TLS_ID] = {NAME("tls-id"), A_VALUE, sdp_read_tls_id,
                              "a=tls-id is 20 to 255 letters, digits, '+', '/', '-' and '_' (RFC 8842 section 4)"},
#undef NAME
};

/*
 * Where a name stands: its first, second and middle character tell all of them apart. Two in one slot would be a warning, and so an error; one in
 * the wrong slot is found by the test that asks for each by its name.
 */
#define SLOT_COUNT 128
#define SLOT(first, second, middle) (((first) + 8 * (second) + (middle)) % SLOT_COUNT)
static const unsigned char slots[SLOT_COUNT] = {
    [SLOT('b', 'u', 'e')] = SDP_ATTRIBUTE_BUNDLE_ONLY, [SLOT('c', 'a', 'i')] = SDP_ATTRIBUTE_CANDIDATE,
    [SLOT('e', 'n', 'a')] = SDP_ATTRIBUTE_END_OF_CANDIDATES, [SLOT('e', 'x', 'm')] = SDP_ATTRIBUTE_EXTMAP,
    [SLOT('e', 'x', 'l')] = SDP_ATTRIBUTE_EXTMAP_ALLOW_MIXED, [SLOT('f', 'i', 'r')] = SDP_ATTRIBUTE_FINGERPRINT,
    [SLOT('f', 'm', 't')] = SDP_ATTRIBUTE_FMTP, [SLOT('g', 'r', 'o')] = SDP_ATTRIBUTE_GROUP, [SLOT('i', 'c', 'l')] = SDP_ATTRIBUTE_ICE_LITE,
    [SLOT('i', 'c', 's')] = SDP_ATTRIBUTE_ICE_MISMATCH, [SLOT('i', 'c', 'p')] = SDP_ATTRIBUTE_ICE_OPTIONS,
    [SLOT('i', 'c', 'a')] = SDP_ATTRIBUTE_ICE_PACING, [SLOT('i', 'c', '-')] = SDP_ATTRIBUTE_ICE_PWD, [SLOT('i', 'c', 'u')] = SDP_ATTRIBUTE_ICE_UFRAG,
    [SLOT('i', 'n', 't')] = SDP_ATTRIBUTE_INACTIVE, [SLOT('m', 'a', 'a')] = SDP_ATTRIBUTE_MAX_MESSAGE_SIZE,
    [SLOT('m', 'a', 't')] = SDP_ATTRIBUTE_MAXPTIME, [SLOT('m', 'i', 'i')] = SDP_ATTRIBUTE_MID, [SLOT('m', 's', 'i')] = SDP_ATTRIBUTE_MSID,
    [SLOT('p', 't', 'i')] = SDP_ATTRIBUTE_PTIME, [SLOT('r', 'e', 'o')] = SDP_ATTRIBUTE_RECVONLY,
    [SLOT('r', 'e', 'a')] = SDP_ATTRIBUTE_REMOTE_CANDIDATES, [SLOT('r', 'i', 'i')] = SDP_ATTRIBUTE_RID, [SLOT('r', 't', 'c')] = SDP_ATTRIBUTE_RTCP,
    [SLOT('r', 't', 'p')] = SDP_ATTRIBUTE_RTCP_FB, [SLOT('r', 't', '-')] = SDP_ATTRIBUTE_RTCP_MUX,
    [SLOT('r', 't', 'u')] = SDP_ATTRIBUTE_RTCP_MUX_ONLY, [SLOT('r', 't', 'r')] = SDP_ATTRIBUTE_RTCP_RSIZE,
    [SLOT('r', 't', 'm')] = SDP_ATTRIBUTE_RTPMAP, [SLOT('s', 'c', '-')] = SDP_ATTRIBUTE_SCTP_PORT, [SLOT('s', 'e', 'o')] = SDP_ATTRIBUTE_SENDONLY,
    [SLOT('s', 'e', 'r')] = SDP_ATTRIBUTE_SENDRECV, [SLOT('s', 'e', 't')] = SDP_ATTRIBUTE_SETUP, [SLOT('s', 'i', 'l')] = SDP_ATTRIBUTE_SIMULCAST,
    [SLOT('s', 's', 'r')] = SDP_ATTRIBUTE_SSRC, [SLOT('s', 's', 'g')] = SDP_ATTRIBUTE_SSRC_GROUP, [SLOT('t', 'l', '-')] = SDP_ATTRIBUTE_TLS_ID,
};

/* SDP_ATTRIBUTE_OTHER when there is none. Attribute names are case-sensitive (RFC 8866 section 5.13). */
static inline enum sdp_attribute_kind kind_of(struct sdp_view name) {
    if (name.length < 2)
        return SDP_ATTRIBUTE_OTHER;
    const unsigned char *text = (const unsigned char *)name.text;
    unsigned kind = slots[SLOT(text[0], text[1], text[name.length / 2])];
    if (rules[kind].length != name.length || memcmp(rules[kind].name, name.text, name.length) != 0)
        return SDP_ATTRIBUTE_OTHER;
    return (enum sdp_attribute_kind)kind;
}

static inline void split(struct sdp_view value, size_t line, struct sdp_attribute *out) {
    size_t colon = sdp_view_index_of(value, ':');
    out->name = sdp_view_front(value, colon);
    out->has_value = colon < value.length;
    out->value = out->has_value ? sdp_view_behind(value, colon + 1) : (struct sdp_view){NULL, 0};
    out->line = line;
    out->kind = kind_of(out->name);
}

struct sdp_attribute sdp_attribute_split(struct sdp_view value, size_t line) {
    struct sdp_attribute attribute;
    split(value, line, &attribute);
    return attribute;
}

bool sdp_attribute_judge(struct sdp_view value, size_t line, struct sdp_attribute *out, const char **rule) {
    split(value, line, out);
    *rule = rules[out->kind].rule;
    if (out->kind == SDP_ATTRIBUTE_OTHER)
        return sdp_view_is_all(out->name, SDP_CHARACTER_TOKEN);
    if (rules[out->kind].takes == NO_VALUE)
        return !out->has_value;
    return out->value.length > 0 && (rules[out->kind].check == NULL || rules[out->kind].check(out->value));
}

/* ---- finding ------------------------------------------------------------------------------------------------------- */

bool sdp_walk_attribute(struct sdp_walk *walk, struct sdp_attribute *out) {
    struct sdp_line line;
    while (sdp_walk_line(walk, &line))
        if (line.type == 'a') {
            *out = sdp_attribute_split(line.value, line.number);
            return true;
        }
    return false;
}

bool sdp_walk_attribute_of(struct sdp_walk *walk, enum sdp_attribute_kind kind, struct sdp_attribute *out) {
    while (sdp_walk_attribute(walk, out))
        if (out->kind == kind)
            return true;
    return false;
}

bool sdp_section_find(const struct sdp_section *section, enum sdp_attribute_kind kind, struct sdp_attribute *out) {
    struct sdp_walk walk = sdp_walk_section(section);
    return sdp_walk_attribute_of(&walk, kind, out);
}

_Static_assert(SDP_ATTRIBUTE_KIND_COUNT <= SDP_PLACE_MAX, "every kind has its place");

struct sdp_walk sdp_walk_header_from(const struct sdp_session *session, enum sdp_attribute_kind kind) {
    struct sdp_walk walk = sdp_walk_header(session);
    const struct sdp_place *place = &session->header_places[kind];
    walk.at = place->at == NULL ? walk.end : place->at;
    walk.line = place->line;
    return walk;
}

bool sdp_header_find(const struct sdp_session *session, enum sdp_attribute_kind kind, struct sdp_attribute *out) {
    struct sdp_walk walk = sdp_walk_header_from(session, kind);
    return sdp_walk_attribute_of(&walk, kind, out);
}

bool sdp_find(const struct sdp_session *session, const struct sdp_section *section, enum sdp_attribute_kind kind,
              struct sdp_attribute *out) {
    return sdp_section_find(section, kind, out) || sdp_header_find(session, kind, out);
}

_Static_assert(SDP_SECTION_MAX < SDP_MID_SLOT_COUNT && SDP_SECTION_MAX <= 255, "some slot is always free, and a slot holds any index");

size_t sdp_mid_slot(const struct sdp_session *session, struct sdp_view mid) {
    size_t slot = 0;
    for (size_t i = 0; i < mid.length; i++)
        slot = slot * 31 + (unsigned char)mid.text[i];
    for (slot %= SDP_MID_SLOT_COUNT; session->mid_slots[slot] != 0; slot = (slot + 1) % SDP_MID_SLOT_COUNT)
        if (sdp_view_equal(session->sections[session->mid_slots[slot] - 1].mid, mid))
            break;
    return slot;
}

const struct sdp_section *sdp_session_find_mid(const struct sdp_session *session, struct sdp_view mid) {
    if (mid.length == 0)
        return NULL;
    size_t found = session->mid_slots[sdp_mid_slot(session, mid)];
    return found == 0 ? NULL : &session->sections[found - 1];
}
