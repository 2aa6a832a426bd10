/* Writing the lines of a section, in the order browsers write them (RFC 9429 sections 5.2.1 and 5.3.1). */
#include "sdp/transport_internal.h"

void sdp_session_write_header(struct sdp_text *text, const struct sdp_local *local, const char *ice_options) {
    sdp_text_add(text, "v=0\r\no=- ");
    sdp_text_add_number(text, local->session_id);
    sdp_text_add(text, " ");
    sdp_text_add_number(text, local->session_version);
    /* RFC 9429 section 5.2.1: an address that means nothing, so as not to give ours away. */
    sdp_text_add(text, " IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
    if (local->ice_lite)
        sdp_text_add_line(text, "a=ice-lite");
    if (ice_options != NULL)
        sdp_text_add_line(text, "a=ice-options:", ice_options);
}

static void write_mid(struct sdp_text *text, struct sdp_view mid) {
    if (mid.length == 0)
        return;
    sdp_text_add(text, "a=mid:");
    sdp_text_add_view(text, mid);
    sdp_text_add(text, "\r\n");
}

void sdp_section_write_refused(struct sdp_text *text, struct sdp_view media, struct sdp_view protocol, struct sdp_view formats, struct sdp_view mid) {
    sdp_text_add(text, "m=");
    sdp_text_add_view(text, media);
    sdp_text_add(text, " 0 ");
    sdp_text_add_view(text, protocol);
    sdp_text_add(text, " ");
    sdp_text_add_view(text, formats);
    sdp_text_add_line(text, "\r\nc=IN IP4 0.0.0.0");
    write_mid(text, mid);
    if (!sdp_view_is(media, "application"))
        sdp_text_add_line(text, "a=inactive");
}

static void write_media(struct sdp_text *text, const struct sdp_section_plan *plan) {
    sdp_text_add(text, "m=");
    sdp_text_add_view(text, plan->media);
    /* RFC 8840 and RFC 9429 section 5.2.1: port 9 and 0.0.0.0 say that the addresses are elsewhere. */
    sdp_text_add(text, plan->bundle_only ? " 0 " : " 9 ");
    sdp_text_add_view(text, plan->protocol);
    if (plan->section->media == SDP_MEDIA_APPLICATION)
        sdp_text_add(text, " webrtc-datachannel");
    for (size_t i = 0; i < plan->codec_count; i++) {
        sdp_text_add(text, " ");
        sdp_text_add_number(text, plan->codecs[i].payload_type);
    }
    sdp_text_add_line(text, "\r\nc=IN IP4 0.0.0.0");
}

static void write_transport(struct sdp_text *text, const struct sdp_section_plan *plan) {
    const struct sdp_local_transport *transport = plan->transport;
    for (size_t i = 0; plan->candidates && i < transport->candidate_count; i++)
        sdp_text_add_line(text, "a=", transport->candidates[i]);
    sdp_text_add_line(text, "a=ice-ufrag:", transport->ice_ufrag);
    sdp_text_add_line(text, "a=ice-pwd:", transport->ice_pwd);
    if (plan->candidates && transport->end_of_candidates)
        sdp_text_add_line(text, "a=end-of-candidates");
    sdp_text_add_line(text, "a=fingerprint:", transport->fingerprint_hash, " ", transport->fingerprint_value);
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

/* The parameters, in which profile-level-id gets another value, or its first. */
static void write_with_profile(struct sdp_text *text, struct sdp_view parameters, const char *profile_level_id) {
    struct sdp_view found;
    if (!sdp_parameter_find(parameters, "profile-level-id", &found)) {
        sdp_text_add_view(text, parameters);
        sdp_text_add_strings(text, (const char *const[]){parameters.length > 0 ? ";" : "", "profile-level-id=", profile_level_id, NULL});
        return;
    }
    sdp_text_add_view(text, sdp_view_between(parameters.text, found.text));
    sdp_text_add(text, profile_level_id);
    sdp_text_add_view(text, sdp_view_between(found.text + found.length, parameters.text + parameters.length));
}

static void write_codec(struct sdp_text *text, const struct sdp_codec *codec, const char *profile_level_id) {
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
    if (codec->parameters.length == 0 && profile_level_id[0] == '\0')
        return;
    write_codec_line(text, "a=fmtp:", codec, profile_level_id[0] == '\0' ? codec->parameters : (struct sdp_view){NULL, 0});
    if (profile_level_id[0] != '\0')
        write_with_profile(text, codec->parameters, profile_level_id);
    sdp_text_add(text, "\r\n");
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

/* RFC 8841 sections 5 and 6. */
static void write_data(struct sdp_text *text, const struct sdp_local_section *section) {
    sdp_text_add(text, "a=sctp-port:");
    sdp_text_add_number(text, section->sctp_port);
    sdp_text_add(text, "\r\na=max-message-size:");
    sdp_text_add_number(text, section->max_message_size_bytes);
    sdp_text_add(text, "\r\n");
}

/* RFC 8830 section 2: one line a stream; "-" is no stream. */
static void write_streams(struct sdp_text *text, const struct sdp_local_section *section) {
    if (section->track_id == NULL)
        return;
    if (section->stream_count == 0)
        sdp_text_add_line(text, "a=msid:- ", section->track_id);
    for (size_t i = 0; i < section->stream_count; i++)
        sdp_text_add_line(text, "a=msid:", section->stream_ids[i], " ", section->track_id);
}

static void write_rtp(struct sdp_text *text, const struct sdp_section_plan *plan) {
    write_extensions(text, plan);
    sdp_text_add_line(text, "a=", sdp_direction_name(plan->direction));
    if (plan->msid)
        write_streams(text, plan->section);
    sdp_text_add_line(text, "a=rtcp-mux");
    if (plan->rtcp_mux_only)
        sdp_text_add_line(text, "a=rtcp-mux-only");
    if (plan->rtcp_rsize)
        sdp_text_add_line(text, "a=rtcp-rsize");
    for (size_t i = 0; i < plan->codec_count; i++)
        write_codec(text, &plan->codecs[i], plan->profile_level_ids[i]);
    if (plan->direction & SDP_DIRECTION_SEND)
        write_sources(text, plan);
}

void sdp_section_write(struct sdp_text *text, const struct sdp_section_plan *plan) {
    write_media(text, plan);
    if (plan->transport != NULL)
        write_transport(text, plan);
    write_mid(text, plan->mid);
    if (plan->bundle_only)
        sdp_text_add_line(text, "a=bundle-only");
    if (plan->section->media == SDP_MEDIA_APPLICATION)
        write_data(text, plan->section);
    else
        write_rtp(text, plan);
}
