/* Writing an offer: RFC 9429 section 5.2. */
#include "sdp/transport_internal.h"

static const char *media_name(const struct sdp_local_section *section) {
    switch (section->media) {
    case SDP_MEDIA_AUDIO: return "audio";
    case SDP_MEDIA_VIDEO: return "video";
    case SDP_MEDIA_APPLICATION: return "application";
    case SDP_MEDIA_OTHER: break;
    }
    return section->media_name == NULL ? "text" : section->media_name;
}

static const char *protocol_name(enum sdp_media media) {
    /* RFC 9429 section 5.1.2, MUST: offers of RTP name this profile; section 5.2.1: data channels this protocol. */
    return media == SDP_MEDIA_APPLICATION ? "UDP/DTLS/SCTP" : "UDP/TLS/RTP/SAVPF";
}

/* A refused section keeps its place in the order, and nothing else (RFC 9429 section 5.2.2). */
static void write_refused(struct sdp_text *text, const struct sdp_local_section *section) {
    char digits[4];
    struct sdp_text format = {.buffer = digits, .capacity = sizeof digits};
    if (section->media == SDP_MEDIA_APPLICATION) {
        sdp_section_write_refused(text, sdp_view_from("application"), sdp_view_from("UDP/DTLS/SCTP"), sdp_view_from("webrtc-datachannel"),
                                  sdp_view_from(section->mid));
        return;
    }
    sdp_text_add_number(&format, section->codec_count == 0 ? 0 : section->codecs[0].payload_type);
    sdp_section_write_refused(text, sdp_view_from(media_name(section)), sdp_view_from(protocol_name(section->media)),
                              (struct sdp_view){digits, format.length}, sdp_view_from(section->mid));
}

/* Is it the first that has this transport? */
static bool is_first(const struct sdp_local *local, size_t index) {
    for (size_t i = 0; i < index; i++) {
        const struct sdp_local_section *earlier = &local->sections[i];
        if (!earlier->refused && !earlier->bundle_only && earlier->transport == local->sections[index].transport)
            return false;
    }
    return true;
}

/* The transport of the BUNDLE, for its bundle-only sections; NULL: there is none. */
static const struct sdp_local_transport *carried_transport(const struct sdp_local *local) {
    for (size_t i = 0; i < local->section_count; i++)
        if (sdp_local_is_bundled(&local->sections[i]) && !local->sections[i].bundle_only)
            return local->sections[i].transport;
    return NULL;
}

static void plan_section(struct sdp_section_plan *plan, const struct sdp_local *local, size_t index, const struct sdp_local_transport *carried) {
    const struct sdp_local_section *section = &local->sections[index];
    *plan = (struct sdp_section_plan){.section = section};
    plan->media = sdp_view_from(media_name(section));
    plan->protocol = sdp_view_from(protocol_name(section->media));
    plan->mid = sdp_view_from(section->mid);
    plan->bundle_only = section->bundle_only;
    /* deviation: RFC 9429 section 5.2.1 leaves the transport to the sections with an address of their own, and RFC 9143 section 7.1.3 to the tagged
     * one. As browsers do, we repeat all but the candidates in every section of the BUNDLE: there are stacks that look nowhere else. */
    plan->transport = section->bundle_only ? carried : section->transport;
    plan->candidates = !section->bundle_only && is_first(local, index);
    plan->setup = "actpass"; /* RFC 8842 sections 5.2 and 5.5, MUST: an offer says so, a later one too. */
    plan->direction = section->direction;
    /* RFC 9429 sections 5.2.1 and 5.2.2: who calls knows whether it is said because we send, or because it was said before. */
    plan->msid = true;
    /* RFC 8858 section 4.2, MUST: who can do no other says both a=rtcp-mux and a=rtcp-mux-only. */
    plan->rtcp_mux_only = true;
    plan->rtcp_rsize = true;
    if (section->media == SDP_MEDIA_APPLICATION)
        return;
    plan->extension_count = section->extension_count;
    for (size_t i = 0; i < section->extension_count; i++)
        plan->extensions[i] = (struct sdp_section_extension){section->extensions[i].id, SDP_DIRECTION_SEND_RECEIVE,
                                                             sdp_view_from(section->extensions[i].uri)};
    plan->codec_count = section->codec_count;
    memcpy(plan->codecs, section->codecs, section->codec_count * sizeof section->codecs[0]);
}

/* RFC 9143 section 7.2.1, MUST: the first that is listed carries the transport; a bundle-only one may stand before it among the sections. */
static void write_group(struct sdp_text *text, const struct sdp_local *local) {
    bool any = false;
    for (int bundle_only = 0; bundle_only < 2; bundle_only++)
        for (size_t i = 0; i < local->section_count; i++) {
            if (!sdp_local_is_bundled(&local->sections[i]) || local->sections[i].bundle_only != (bundle_only == 1))
                continue;
            sdp_text_add(text, any ? " " : "a=group:BUNDLE ");
            sdp_text_add(text, local->sections[i].mid);
            any = true;
        }
    if (any)
        sdp_text_add(text, "\r\n");
}

int sdp_write_offer(const struct sdp_local *local, char *buffer, size_t capacity) {
    struct sdp_text text = {.buffer = buffer, .capacity = capacity};
    struct sdp_section_plan plan;
    if (!sdp_local_is_good(local, true))
        return SDP_ERROR_ARGUMENT;
    /* RFC 9429 section 5.2.1, MUST: both options, above all sections. RFC 8445 section 10: "ice2" says that this is RFC 8445's ICE. */
    sdp_session_write_header(&text, local, "trickle ice2");
    write_group(&text, local);
    for (size_t i = 0; i < local->section_count; i++) {
        if (local->sections[i].refused) {
            write_refused(&text, &local->sections[i]);
            continue;
        }
        plan_section(&plan, local, i, carried_transport(local));
        sdp_section_write(&text, &plan);
    }
    return sdp_text_finish(&text);
}
