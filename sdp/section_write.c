/* Writing the lines of a section, in the order browsers write them (RFC 9429 sections 5.2.1 and 5.3.1). */
#include "sdp/transport_internal.h"

void sdp_session_write_header(struct sdp_text *text, const struct sdp_local *local) {
    sdp_text_add(text, "v=0\r\no=- ");
    sdp_text_add_number(text, local->session_id);
    sdp_text_add(text, " ");
    sdp_text_add_number(text, local->session_version);
    /* RFC 9429 section 5.2.1: an address that means nothing, so as not to give ours away. */
    sdp_text_add(text, " IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    if (local->ice_lite)
        sdp_text_add_line(text, "a=ice-lite");
}

static void write_media(struct sdp_text *text, const struct sdp_section_plan *plan) {
    sdp_text_add(text, "m=");
    sdp_text_add_view(text, plan->media);
    /* RFC 8840 and RFC 9429 section 5.2.1: port 9 and 0.0.0.0 say that the addresses are elsewhere. */
    sdp_text_add(text, plan->bundle_only ? " 0 " : " 9 ");
    sdp_text_add_view(text, plan->protocol);
    for (size_t i = 0; i < plan->codec_count; i++) {
        sdp_text_add(text, " ");
        sdp_text_add_number(text, plan->codecs[i].payload_type);
    }
    sdp_text_add_line(text, "\r\nc=IN IP4 0.0.0.0");
}

static void write_transport(struct sdp_text *text, const struct sdp_section_plan *plan) {
    const struct sdp_local *local = plan->local;
    for (size_t i = 0; plan->candidates && i < local->candidate_count; i++)
        sdp_text_add_line(text, "a=", local->candidates[i]);
    sdp_text_add_line(text, "a=ice-ufrag:", local->ice_ufrag);
    sdp_text_add_line(text, "a=ice-pwd:", local->ice_pwd);
    sdp_text_add_line(text, "a=ice-options:trickle");
    if (plan->candidates && local->end_of_candidates)
        sdp_text_add_line(text, "a=end-of-candidates");
    sdp_text_add_line(text, "a=fingerprint:", local->fingerprint_hash, " ", local->fingerprint_value);
    sdp_text_add_line(text, "a=setup:", plan->setup);
}

static void write_extensions(struct sdp_text *text, const struct sdp_section_plan *plan) {
    for (size_t i = 0; i < plan->extension_count; i++) {
        const struct sdp_section_extension *extension = &plan->extensions[i];
        sdp_text_add(text, "a=extmap:");
        sdp_text_add_number(text, extension->id);
        if (extension->direction != SDP_DIRECTION_SEND_RECEIVE) {
            sdp_text_add(text, "/");
            sdp_text_add(text, sdp_direction_name(extension->direction));
        }
        sdp_text_add(text, " ");
        sdp_text_add_view(text, extension->uri);
        sdp_text_add(text, "\r\n");
    }
}

static void write_codec_line(struct sdp_text *text, const char *attribute, const struct sdp_codec *codec, struct sdp_view value) {
    sdp_text_add(text, attribute);
    sdp_text_add_number(text, codec->payload_type);
    sdp_text_add(text, " ");
    sdp_text_add_view(text, value);
}

static void write_codec(struct sdp_text *text, const struct sdp_codec *codec) {
    write_codec_line(text, "a=rtpmap:", codec, codec->name);
    sdp_text_add(text, "/");
    sdp_text_add_number(text, codec->clock_hz);
    if (codec->channels != 1) {
        sdp_text_add(text, "/");
        sdp_text_add_number(text, codec->channels);
    }
    sdp_text_add(text, "\r\n");
    for (unsigned bit = 0; bit < SDP_FEEDBACK_COUNT; bit++)
        if (codec->feedback & 1u << bit) {
            write_codec_line(text, "a=rtcp-fb:", codec, sdp_view_from(sdp_feedback_name((enum sdp_feedback)(1u << bit))));
            sdp_text_add(text, "\r\n");
        }
    if (codec->parameters.length > 0) {
        write_codec_line(text, "a=fmtp:", codec, codec->parameters);
        sdp_text_add(text, "\r\n");
    }
}

static void write_source(struct sdp_text *text, uint32_t ssrc, const char *cname) {
    sdp_text_add(text, "a=ssrc:");
    sdp_text_add_number(text, ssrc);
    sdp_text_add_line(text, " cname:", cname);
}

static bool repeats(const struct sdp_section_plan *plan) {
    for (size_t i = 0; i < plan->codec_count; i++)
        if (sdp_codec_is_repair(plan->codecs[i].id))
            return true;
    return false;
}

static void write_sources(struct sdp_text *text, const struct sdp_section_plan *plan) {
    const struct sdp_local_section *section = plan->section;
    if (section->ssrc == 0 || section->cname == NULL)
        return;
    bool repair = section->rtx_ssrc != 0 && repeats(plan);
    if (repair) {
        /* RFC 5576 section 4.2, RFC 4588 section 8.8: the second repeats what was lost of the first. */
        sdp_text_add(text, "a=ssrc-group:FID ");
        sdp_text_add_number(text, section->ssrc);
        sdp_text_add(text, " ");
        sdp_text_add_number(text, section->rtx_ssrc);
        sdp_text_add(text, "\r\n");
    }
    write_source(text, section->ssrc, section->cname);
    if (repair)
        write_source(text, section->rtx_ssrc, section->cname);
}

void sdp_section_write(struct sdp_text *text, const struct sdp_section_plan *plan) {
    /* RFC 9429 section 5.2.1: streams are named where we may send. */
    bool sends = (plan->direction & SDP_DIRECTION_SEND) != 0;
    write_media(text, plan);
    if (plan->transport)
        write_transport(text, plan);
    if (plan->mid.length > 0) {
        sdp_text_add(text, "a=mid:");
        sdp_text_add_view(text, plan->mid);
        sdp_text_add(text, "\r\n");
    }
    if (plan->bundle_only)
        sdp_text_add_line(text, "a=bundle-only");
    write_extensions(text, plan);
    sdp_text_add_line(text, "a=", sdp_direction_name(plan->direction));
    if (sends && plan->section->track_id != NULL)
        sdp_text_add_line(text, "a=msid:", plan->section->stream_id == NULL ? "-" : plan->section->stream_id, " ", plan->section->track_id);
    sdp_text_add_line(text, "a=rtcp-mux");
    if (plan->rtcp_mux_only)
        sdp_text_add_line(text, "a=rtcp-mux-only");
    if (plan->rtcp_rsize)
        sdp_text_add_line(text, "a=rtcp-rsize");
    for (size_t i = 0; i < plan->codec_count; i++)
        write_codec(text, &plan->codecs[i]);
    if (sends)
        write_sources(text, plan);
}
