/* Can a section be ours, and what does its transport say: RFC 9429 section 5.8, RFC 8839, RFC 8842, RFC 9143. */
#include "sdp/transport_internal.h"

bool sdp_section_is_offered(const struct sdp_session *session, const struct sdp_section *section) {
    struct sdp_attribute attribute;
    /* RFC 9143 section 6: with a=bundle-only, port 0 does not refuse; outside of a BUNDLE the attribute is ignored. */
    return section->port != 0 || (sdp_section_find(section, SDP_ATTRIBUTE_BUNDLE_ONLY, &attribute) && sdp_session_bundles(session, section->mid, NULL));
}

/*
 * RFC 9429 section 5.1.2, MUST: each of these is read as UDP/TLS/RTP/SAVPF, whatever it claims; the fingerprint decides
 * (sdp_transport_read), since RFC 8827 section 6.5 leaves no media in the clear.
 */
static bool protocol_is_ours(struct sdp_view protocol) {
    static const char *const known[] = {"UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP",
                                        "RTP/AVPF",          "RTP/AVP",          "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (sdp_view_is(protocol, known[i]))
            return true;
    return false;
}

/* ---- data channels ------------------------------------------------------------------------------------------------- */

uint16_t sdp_section_sctp_port(const struct sdp_section *section) {
    struct sdp_attribute attribute;
    uint16_t port = 0;
    if (sdp_section_find(section, SDP_ATTRIBUTE_SCTP_PORT, &attribute))
        sdp_read_sctp_port(attribute.value, &port);
    return port;
}

uint64_t sdp_section_max_message_size(const struct sdp_section *section) {
    struct sdp_attribute attribute;
    /* RFC 8841 section 6.1: 64 KiB when nothing is said. */
    uint64_t bytes = SDP_MAX_MESSAGE_SIZE_DEFAULT_BYTES;
    if (sdp_section_find(section, SDP_ATTRIBUTE_MAX_MESSAGE_SIZE, &attribute))
        sdp_read_max_message_size(attribute.value, &bytes);
    return bytes;
}

/* RFC 8841 section 4: the protocol says what lies below SCTP, the format what lies on it. */
static enum sdp_refusal judge_data(const struct sdp_section *section) {
    if (!sdp_view_is(section->protocol, "UDP/DTLS/SCTP") && !sdp_view_is(section->protocol, "TCP/DTLS/SCTP"))
        return SDP_REFUSAL_SCTP;
    if (!sdp_view_is(section->formats, "webrtc-datachannel") || sdp_section_sctp_port(section) == 0)
        return SDP_REFUSAL_SCTP;
    return SDP_REFUSAL_NONE;
}

/* ---- whose transport ----------------------------------------------------------------------------------------------- */

/* The section that its BUNDLE, as it is offered, leaves the transport to; itself when there is no other. */
static const struct sdp_section *tagged_of(const struct sdp_session *session, const struct sdp_section *section) {
    struct sdp_view mid;
    const struct sdp_section *tagged = sdp_session_bundles(session, section->mid, &mid) ? sdp_session_find_mid(session, mid) : NULL;
    return tagged == NULL ? section : tagged;
}

bool sdp_transport_is_own(const struct sdp_session *session, const struct sdp_section *section) {
    const struct sdp_section *tagged = tagged_of(session, section);
    struct sdp_attribute ours, theirs;
    if (!sdp_find(session, section, SDP_ATTRIBUTE_ICE_UFRAG, &ours))
        return false;
    /* RFC 9143 section 7.1.3 leaves the transport to the tagged section; browsers, and we, repeat it in the others. */
    return tagged == section || !sdp_find(session, tagged, SDP_ATTRIBUTE_ICE_UFRAG, &theirs) || !sdp_view_equal(ours.value, theirs.value);
}

/* The section that carries the transport attributes for this one. */
static const struct sdp_section *carrier_of(const struct sdp_session *session, const struct sdp_section *section) {
    return sdp_transport_is_own(session, section) ? section : tagged_of(session, section);
}

/* ---- one section alone --------------------------------------------------------------------------------------------- */

/* RFC 9143 section 7.1.3: in a BUNDLE, a=rtcp-mux, too, may be left to the tagged section, as in the example of section 7.3.4. */
static bool multiplexes(const struct sdp_session *session, const struct sdp_section *section) {
    struct sdp_attribute attribute;
    return sdp_section_find(section, SDP_ATTRIBUTE_RTCP_MUX, &attribute) || sdp_section_find(carrier_of(session, section), SDP_ATTRIBUTE_RTCP_MUX, &attribute);
}

enum sdp_refusal sdp_section_judge(const struct sdp_session *session, const struct sdp_section *section) {
    switch (sdp_section_media(section)) {
    case SDP_MEDIA_APPLICATION: return judge_data(section);
    case SDP_MEDIA_OTHER: return SDP_REFUSAL_MEDIA;
    case SDP_MEDIA_AUDIO:
    case SDP_MEDIA_VIDEO: break;
    }
    if (!protocol_is_ours(section->protocol))
        return SDP_REFUSAL_PROTOCOL;
    return multiplexes(session, section) ? SDP_REFUSAL_NONE : SDP_REFUSAL_MUX;
}

/* ---- the transport ------------------------------------------------------------------------------------------------- */

/* RFC 8122 section 5 and RFC 8827 section 6.5: SHA-256 at least; MD5 and SHA-1 prove nothing any more. */
static bool hash_is_believed(struct sdp_view hash) {
    return sdp_view_is_ignoring_case(hash, "sha-256") || sdp_view_is_ignoring_case(hash, "sha-384") || sdp_view_is_ignoring_case(hash, "sha-512");
}

/* Returns whether there was any fingerprint, believed or not. */
static bool read_fingerprints(struct sdp_walk walk, struct sdp_transport *out) {
    struct sdp_attribute attribute;
    struct sdp_fingerprint fingerprint;
    bool any = false;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_FINGERPRINT, &attribute)) {
        any = true;
        if (!sdp_read_fingerprint(attribute.value, &fingerprint) || !hash_is_believed(fingerprint.hash))
            continue;
        if (out->fingerprint_count == SDP_NEGOTIATED_FINGERPRINT_MAX)
            out->fingerprints_overflow = true;
        else
            out->fingerprints[out->fingerprint_count++] = fingerprint;
    }
    return any;
}

enum sdp_refusal sdp_transport_read(const struct sdp_session *session, const struct sdp_section *section, struct sdp_transport *out) {
    struct sdp_attribute attribute;
    *out = (struct sdp_transport){.setup = SDP_SETUP_ACTIVE};
    section = carrier_of(session, section);
    /* RFC 4145 section 4: without a=setup, the one who speaks is active. */
    if (sdp_find(session, section, SDP_ATTRIBUTE_SETUP, &attribute) && !sdp_read_setup(attribute.value, &out->setup))
        return SDP_REFUSAL_SETUP;
    out->ice_lite = sdp_header_find(session, SDP_ATTRIBUTE_ICE_LITE, &attribute);
    out->trickle = sdp_find(session, section, SDP_ATTRIBUTE_ICE_OPTIONS, &attribute) && sdp_ice_options_have(attribute.value, "trickle");
    out->end_of_candidates = sdp_find(session, section, SDP_ATTRIBUTE_END_OF_CANDIDATES, &attribute);
    if (sdp_find(session, section, SDP_ATTRIBUTE_ICE_UFRAG, &attribute))
        out->ufrag = attribute.value;
    if (sdp_find(session, section, SDP_ATTRIBUTE_ICE_PWD, &attribute))
        out->pwd = attribute.value;
    if (!sdp_read_ice_ufrag(out->ufrag) || !sdp_read_ice_pwd(out->pwd))
        return SDP_REFUSAL_ICE;
    /* RFC 8122 section 5: those of the section, else those of the session; any one of them may match. */
    if (!read_fingerprints(sdp_walk_section(section), out))
        read_fingerprints(sdp_walk_header_from(session, SDP_ATTRIBUTE_FINGERPRINT), out);
    if (out->fingerprint_count == 0)
        return SDP_REFUSAL_FINGERPRINT;
    return out->setup == SDP_SETUP_HOLDCONN ? SDP_REFUSAL_SETUP : SDP_REFUSAL_NONE;
}

bool sdp_walk_candidate(struct sdp_walk *walk, struct sdp_view *out) {
    struct sdp_attribute attribute;
    if (!sdp_walk_attribute_of(walk, SDP_ATTRIBUTE_CANDIDATE, &attribute))
        return false;
    *out = sdp_view_between(attribute.name.text, attribute.value.text + attribute.value.length);
    return true;
}

/* ---- words --------------------------------------------------------------------------------------------------------- */

const char *sdp_refusal_text(enum sdp_refusal refusal) {
    switch (refusal) {
    case SDP_REFUSAL_NONE: return "agreed";
    case SDP_REFUSAL_OFFERED: return "the offer gives it port 0 (RFC 3264 section 5.1)";
    case SDP_REFUSAL_ANSWERED: return "the answer gives it port 0 (RFC 3264 section 6)";
    case SDP_REFUSAL_MEDIA: return "nothing of ours answers this kind of media (RFC 3264 section 6)";
    case SDP_REFUSAL_STOPPED: return "ours is stopped (RFC 9429 section 5.3.1)";
    case SDP_REFUSAL_PROTOCOL: return "the profile is not one of RTP (RFC 9429 section 5.1.2)";
    case SDP_REFUSAL_MUX: return "RTP and RTCP are not multiplexed on one port (RFC 8858 section 4)";
    case SDP_REFUSAL_FINGERPRINT: return "no certificate fingerprint of SHA-256 or better (RFC 8122 section 5)";
    case SDP_REFUSAL_ICE: return "no ICE user fragment and password (RFC 8839 section 5.4)";
    case SDP_REFUSAL_SETUP: return "a=setup leaves nobody to begin DTLS (RFC 8842 section 5)";
    case SDP_REFUSAL_CODEC: return "no codec in common (RFC 3264 section 6.1)";
    case SDP_REFUSAL_BUNDLE: return "it has no transport of its own, and no accepted section of its BUNDLE carries it (RFC 9143 sections 7.3.2 and 7.3.3)";
    case SDP_REFUSAL_SCTP: return "not a data channel: UDP/DTLS/SCTP webrtc-datachannel with a=sctp-port (RFC 8841 section 4)";
    }
    return "";
}

const char *sdp_extension_uri(enum sdp_extension extension) {
    static const char *const uris[SDP_EXTENSION_COUNT] = {
        [SDP_EXTENSION_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
        [SDP_EXTENSION_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
        [SDP_EXTENSION_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
        [SDP_EXTENSION_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        [SDP_EXTENSION_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
        [SDP_EXTENSION_TRANSPORT_CC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
        [SDP_EXTENSION_TOFFSET] = "urn:ietf:params:rtp-hdrext:toffset",
        [SDP_EXTENSION_VIDEO_ORIENTATION] = "urn:3gpp:video-orientation",
    };
    return (unsigned)extension < SDP_EXTENSION_COUNT ? uris[extension] : "";
}
