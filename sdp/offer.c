/* Writing an offer: RFC 9429 section 5.2. */
#include "sdp/transport_internal.h"

/* A refused section keeps its place in the order, and nothing else (RFC 9429 section 5.2.2). */
static void write_refused(struct sdp_text *text, const struct sdp_local_section *section, const char *media) {
    sdp_text_add(text, "m=");
    sdp_text_add(text, media);
    sdp_text_add(text, " 0 UDP/TLS/RTP/SAVPF ");
    sdp_text_add_number(text, section->codecs[0].payload_type);
    sdp_text_add_line(text, "\r\nc=IN IP4 0.0.0.0");
    sdp_text_add_line(text, "a=mid:", section->mid);
    sdp_text_add_line(text, "a=inactive");
}

static void plan_section(struct sdp_section_plan *plan, const struct sdp_local *local, const struct sdp_local_section *section) {
    *plan = (struct sdp_section_plan){.local = local, .section = section};
    plan->mid = sdp_view_from(section->mid);
    /* RFC 9429 section 5.1.2, MUST: offers name this profile. */
    plan->protocol = sdp_view_from("UDP/TLS/RTP/SAVPF");
    plan->transport = true;
    /* RFC 8842 section 5.2, MUST: an offer that begins a DTLS association says actpass. */
    plan->setup = !local->setup_fixed                    ? "actpass"
                  : local->setup == SDP_SETUP_PASSIVE ? "passive"
                  : local->setup == SDP_SETUP_ACTIVE  ? "active"
                                                      : "actpass";
    plan->direction = section->direction;
    /* RFC 8858 section 4.2, MUST: who can do no other says both a=rtcp-mux and a=rtcp-mux-only. */
    plan->rtcp_mux_only = true;
    plan->rtcp_rsize = true;
    plan->extension_count = section->extension_count;
    for (size_t i = 0; i < section->extension_count; i++)
        plan->extensions[i] = (struct sdp_section_extension){section->extensions[i].id, SDP_DIRECTION_SEND_RECEIVE,
                                                             sdp_view_from(section->extensions[i].uri)};
    plan->codec_count = section->codec_count;
    memcpy(plan->codecs, section->codecs, section->codec_count * sizeof section->codecs[0]);
}

static void write_group(struct sdp_text *text, const struct sdp_local *local) {
    bool any = false;
    for (size_t i = 0; i < local->section_count; i++) {
        if (local->sections[i].refused)
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
    bool first = true;
    if (!sdp_local_is_good(local, true))
        return SDP_ERROR_ARGUMENT;
    sdp_session_write_header(&text, local);
    write_group(&text, local);
    for (size_t i = 0; i < local->section_count; i++) {
        const struct sdp_local_section *section = &local->sections[i];
        const char *media = section->media == SDP_MEDIA_AUDIO ? "audio" : "video";
        if (section->refused) {
            write_refused(&text, section, media);
            continue;
        }
        plan_section(&plan, local, section);
        plan.media = sdp_view_from(media);
        /* RFC 9143 section 7.2.1: a bundle-only section has port 0 and leaves the transport to the tagged one. */
        plan.bundle_only = local->bundle_only && !first;
        plan.transport = !plan.bundle_only;
        plan.candidates = first;
        first = false;
        sdp_section_write(&text, &plan);
    }
    return sdp_text_finish(&text);
}
