/* Reading what an offer and an answer agree on: RFC 3264 section 6, RFC 9429 sections 5.10 and 5.11. */
#include "sdp/transport_internal.h"

/* The two descriptions, seen both ways. */
struct pair {
    const struct sdp_session *offer;
    const struct sdp_session *answer;
    const struct sdp_session *local;
    const struct sdp_session *remote;
    bool local_is_offer;
    struct sdp_negotiated *out;
    struct sdp_problem *problem;
};

static int disagree(const struct pair *pair, size_t line, struct sdp_view text, const char *rule) {
    if (pair->problem != NULL)
        *pair->problem = (struct sdp_problem){.line = line, .column = 1, .text = text, .rule = rule};
    return SDP_ERROR_DISAGREEMENT;
}

static int exceed(const struct pair *pair, size_t line, struct sdp_view text, const char *rule) {
    disagree(pair, line, text, rule);
    return SDP_ERROR_LIMIT;
}

static const struct sdp_view nothing = {NULL, 0};

/* ---- do they belong together? -------------------------------------------------------------------------------------- */

static int check_section(const struct pair *pair, size_t index) {
    const struct sdp_section *offered = &pair->offer->sections[index];
    const struct sdp_section *answered = &pair->answer->sections[index];
    const struct sdp_section *remote = &pair->remote->sections[index];
    if (!sdp_view_equal(offered->media, answered->media))
        return disagree(pair, remote->line, remote->media, "an answer has the media of the offer, section by section (RFC 3264 section 6)");
    /* RFC 5888 section 9.1: an answer repeats the mid. Old ones leave it out of refused sections, or everywhere. */
    if (answered->mid.length > 0 && !sdp_view_equal(offered->mid, answered->mid))
        return disagree(pair, remote->line, remote->mid, "an answer has the mids of the offer, section by section (RFC 5888 section 9.1)");
    return SDP_OK;
}

/* RFC 9143 section 7.4, MUST: who is grouped in the answer was grouped, and together, in the offer. */
static int check_group(const struct pair *pair, struct sdp_view mids) {
    struct sdp_view word;
    struct sdp_view first_tag = {NULL, 0};
    struct sdp_view tag = {NULL, 0};
    for (bool first = true; sdp_word_next(&mids, &word); first = false) {
        bool offered = sdp_session_bundles(pair->offer, word, &tag);
        if (first)
            first_tag = tag;
        if (offered && sdp_view_equal(tag, first_tag))
            continue;
        const struct sdp_section *remote = sdp_session_find_mid(pair->remote, word);
        return disagree(pair, remote == NULL ? 0 : remote->line, word, "an answer groups what the offer groups (RFC 9143 section 7.3)");
    }
    return SDP_OK;
}

static int check_shape(const struct pair *pair) {
    struct sdp_walk walk = sdp_walk_header_from(pair->answer, SDP_ATTRIBUTE_GROUP);
    struct sdp_view mids;
    /* RFC 3264 section 6, MUST: as many sections as the offer has, in its order. */
    if (pair->offer->section_count != pair->answer->section_count)
        return disagree(pair, 0, nothing, "offer and answer have the same number of m= sections (RFC 3264 section 6)");
    for (size_t i = 0; i < pair->offer->section_count; i++)
        if (check_section(pair, i) != SDP_OK)
            return SDP_ERROR_DISAGREEMENT;
    while (sdp_walk_bundle(&walk, &mids))
        if (check_group(pair, mids) != SDP_OK)
            return SDP_ERROR_DISAGREEMENT;
    return SDP_OK;
}

/* ---- codecs -------------------------------------------------------------------------------------------------------- */

static int agree_codecs(const struct pair *pair, struct sdp_negotiated_section *section) {
    struct sdp_codec of_answer[SDP_CODEC_MAX];
    struct sdp_codec of_offer[SDP_CODEC_MAX];
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    struct sdp_negotiated *out = pair->out;
    size_t matched;
    bool media = false;
    size_t answer_count = sdp_section_codecs(&pair->answer->sections[section->index], of_answer);
    size_t offer_count = sdp_section_codecs(&pair->offer->sections[section->index], of_offer);
    sdp_codec_intersect(of_answer, answer_count, of_offer, offer_count, verdicts, &matched);
    if (matched > SDP_NEGOTIATED_CODEC_MAX - out->codec_count) {
        const struct sdp_section *remote = &pair->remote->sections[section->index];
        return exceed(pair, remote->line, remote->formats, "more than SDP_NEGOTIATED_CODEC_MAX (512) codecs");
    }
    section->first_codec = out->codec_count;
    for (size_t i = 0; i < matched; i++) {
        const struct sdp_codec *answered = &of_answer[verdicts[i].preferred];
        const struct sdp_codec *offered = &of_offer[verdicts[i].other];
        const struct sdp_codec *local = pair->local_is_offer ? offered : answered;
        const struct sdp_codec *remote = pair->local_is_offer ? answered : offered;
        media = media || sdp_codec_is_media(answered->id);
        /* RFC 3264 section 6.1: each side is sent the payload types of its own description. */
        out->codecs[out->codec_count++] = (struct sdp_negotiated_codec){
            .id = answered->id,
            .name = remote->name,
            .clock_hz = remote->clock_hz,
            .channels = remote->channels,
            .send_payload_type = remote->payload_type,
            .receive_payload_type = local->payload_type,
            .send_parameters = remote->parameters,
            .receive_parameters = local->parameters,
            .feedback = local->feedback & remote->feedback,
        };
    }
    section->codec_count = out->codec_count - section->first_codec;
    if (!media) {
        out->codec_count = section->first_codec;
        section->codec_count = 0;
        section->refusal = SDP_REFUSAL_CODEC;
    }
    return SDP_OK;
}

/* ---- header extensions --------------------------------------------------------------------------------------------- */

static bool offers_extension(const struct sdp_section *offered, const struct sdp_extmap *answered) {
    struct sdp_walk walk = sdp_walk_section(offered);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute))
        if (sdp_read_extmap(attribute.value, &extmap) && extmap.id == answered->id && sdp_view_equal(extmap.uri, answered->uri))
            return true;
    return false;
}

static void agree_extensions(const struct pair *pair, struct sdp_negotiated_section *section) {
    struct sdp_walk walk = sdp_walk_section(&pair->answer->sections[section->index]);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute)) {
        if (!sdp_read_extmap(attribute.value, &extmap) || extmap.id > 14)
            continue;
        for (unsigned known = 0; known < SDP_EXTENSION_COUNT; known++)
            /* RFC 8285 section 7, MUST: an answer takes ids of the offer; others are worth nothing. */
            if (section->extensions[known] == 0 && sdp_view_is(extmap.uri, sdp_extension_uri((enum sdp_extension)known)) &&
                offers_extension(&pair->offer->sections[section->index], &extmap))
                section->extensions[known] = (uint8_t)extmap.id;
    }
}

/* ---- streams and sources of the remote side ------------------------------------------------------------------------ */

static void add_ssrc(struct sdp_negotiated_section *section, uint32_t ssrc) {
    for (size_t i = 0; i < section->remote_ssrc_count; i++)
        if (section->remote_ssrcs[i] == ssrc)
            return;
    if (section->remote_ssrc_count < SDP_NEGOTIATED_SSRC_MAX)
        section->remote_ssrcs[section->remote_ssrc_count++] = ssrc;
    else
        section->remote_hints_left_out++;
}

static void read_ssrc(struct sdp_negotiated_section *section, struct sdp_view value) {
    struct sdp_ssrc ssrc;
    struct sdp_msid msid;
    if (!sdp_read_ssrc(value, &ssrc))
        return;
    add_ssrc(section, ssrc.ssrc);
    if (sdp_view_is(ssrc.attribute, "cname") && section->remote_cname.length == 0)
        section->remote_cname = ssrc.value;
    /* Before RFC 8830, the stream was said of the source. */
    if (sdp_view_is(ssrc.attribute, "msid") && section->remote_track.length == 0 && sdp_read_msid(ssrc.value, &msid)) {
        section->remote_stream = msid.stream;
        section->remote_track = msid.track;
    }
}

static void read_ssrc_group(struct sdp_negotiated_section *section, struct sdp_view value) {
    struct sdp_ssrc_group group;
    struct sdp_view word;
    uint32_t pair[2];
    if (!sdp_read_ssrc_group(value, &group) || !sdp_view_is(group.semantics, "FID"))
        return;
    for (size_t i = 0; i < 2; i++)
        if (!sdp_word_next(&group.ssrcs, &word) || !sdp_read_number(word, UINT32_MAX, &pair[i]))
            return;
    if (section->remote_ssrc_count > 0 && section->remote_ssrcs[0] == pair[0])
        section->remote_rtx_ssrc = pair[1];
}

static void add_stream(struct sdp_negotiated_section *section, struct sdp_view stream) {
    /* RFC 8830 section 2: "-" means that the track is in no stream. */
    if (stream.length == 0 || sdp_view_is(stream, "-"))
        return;
    for (size_t i = 0; i < section->remote_stream_count; i++)
        if (sdp_view_equal(section->remote_streams[i], stream))
            return;
    if (section->remote_stream_count < SDP_NEGOTIATED_STREAM_MAX)
        section->remote_streams[section->remote_stream_count++] = stream;
    else
        section->remote_hints_left_out++;
}

/* Of a=msid; without one, what the sources said is left. */
static void read_streams(struct sdp_negotiated_section *section, const struct sdp_section *remote) {
    struct sdp_walk walk = sdp_walk_section(remote);
    struct sdp_attribute attribute;
    struct sdp_msid msid;
    struct sdp_view of_source = section->remote_stream;
    bool any = false;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_MSID, &attribute))
        if (sdp_read_msid(attribute.value, &msid)) {
            add_stream(section, msid.stream);
            if (!any)
                section->remote_track = msid.track;
            any = true;
        }
    if (!any)
        add_stream(section, of_source);
    section->remote_stream = section->remote_stream_count > 0 ? section->remote_streams[0] : nothing;
}

static void read_sources(const struct pair *pair, struct sdp_negotiated_section *section) {
    const struct sdp_section *remote = &pair->remote->sections[section->index];
    struct sdp_walk walk = sdp_walk_section(remote);
    struct sdp_attribute attribute;
    while (sdp_walk_attribute(&walk, &attribute)) {
        if (attribute.kind == SDP_ATTRIBUTE_SSRC)
            read_ssrc(section, attribute.value);
        else if (attribute.kind == SDP_ATTRIBUTE_MAXPTIME)
            sdp_read_packet_time(attribute.value, &section->remote_maxptime_ms);
    }
    /* Groups stand before the sources they group: a second walk. */
    walk = sdp_walk_section(remote);
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_SSRC_GROUP, &attribute))
        read_ssrc_group(section, attribute.value);
    read_streams(section, remote);
}

/* ---- transports ---------------------------------------------------------------------------------------------------- */

/* What has become of the transport that a tagged section carries. */
struct carried {
    bool asked;
    enum sdp_refusal refusal;
    size_t index; /* in sdp_negotiated.transports, when it is not refused */
};

/* RFC 8842 section 5.3 and RFC 4145 section 4.1: who answered decides, if the two fit. */
static bool agree_setup(const struct pair *pair, enum sdp_setup local, enum sdp_setup remote, enum sdp_setup *out) {
    enum sdp_setup offered = pair->local_is_offer ? local : remote;
    enum sdp_setup answered = pair->local_is_offer ? remote : local;
    if ((answered != SDP_SETUP_ACTIVE && answered != SDP_SETUP_PASSIVE) || offered == answered)
        return false;
    bool answerer_active = answered == SDP_SETUP_ACTIVE;
    *out = answerer_active == pair->local_is_offer ? SDP_SETUP_PASSIVE : SDP_SETUP_ACTIVE;
    return true;
}

static enum sdp_refusal read_both(const struct pair *pair, size_t tagged, struct sdp_transport *local, struct sdp_transport *remote) {
    enum sdp_refusal refusal = sdp_transport_read(pair->remote, &pair->remote->sections[tagged], remote);
    return refusal == SDP_REFUSAL_NONE ? sdp_transport_read(pair->local, &pair->local->sections[tagged], local) : refusal;
}

/* The transport of one tagged section; once, however many sections it carries. */
static int agree_transport(const struct pair *pair, size_t tagged, struct carried *carried) {
    struct sdp_transport local;
    struct sdp_transport remote;
    enum sdp_setup setup;
    struct sdp_negotiated *out = pair->out;
    if (carried->asked)
        return SDP_OK;
    carried->asked = true;
    carried->refusal = read_both(pair, tagged, &local, &remote);
    if (carried->refusal != SDP_REFUSAL_NONE)
        return SDP_OK;
    if (!agree_setup(pair, local.setup, remote.setup, &setup)) {
        carried->refusal = SDP_REFUSAL_SETUP;
        return SDP_OK;
    }
    const struct sdp_section *section = &pair->remote->sections[tagged];
    if (remote.fingerprints_overflow)
        return exceed(pair, section->line, nothing, "more than SDP_NEGOTIATED_FINGERPRINT_MAX (8) fingerprints");
    if (out->transport_count == SDP_NEGOTIATED_TRANSPORT_MAX)
        return exceed(pair, section->line, section->mid, "more than SDP_NEGOTIATED_TRANSPORT_MAX (16) transports");
    carried->index = out->transport_count++;
    struct sdp_negotiated_transport *transport = &out->transports[carried->index];
    *transport = (struct sdp_negotiated_transport){.section = tagged,
                                                   .remote_ufrag = remote.ufrag,
                                                   .remote_pwd = remote.pwd,
                                                   .local_ufrag = local.ufrag,
                                                   .local_pwd = local.pwd,
                                                   .remote_fingerprint_count = remote.fingerprint_count,
                                                   .local_setup = setup,
                                                   .remote_trickle = remote.trickle,
                                                   .remote_end_of_candidates = remote.end_of_candidates};
    memcpy(transport->remote_fingerprints, remote.fingerprints, sizeof transport->remote_fingerprints);
    return SDP_OK;
}

/* ---- sections ------------------------------------------------------------------------------------------------------ */

static enum sdp_refusal judge(const struct pair *pair, size_t index) {
    const struct sdp_section *offered = &pair->offer->sections[index];
    const struct sdp_section *answered = &pair->answer->sections[index];
    if (!sdp_section_is_offered(pair->offer, offered))
        return SDP_REFUSAL_OFFERED;
    /* RFC 9143 section 7.4.1: who follows RFC 8843 accepts a bundled section with port 0 and a=bundle-only; other ports of 0 refuse. */
    if (!sdp_section_is_offered(pair->answer, answered))
        return SDP_REFUSAL_ANSWERED;
    /* RFC 9143 section 7.3.3: a bundle-only section is accepted in its BUNDLE or not at all. */
    if (offered->port == 0 && !sdp_session_bundles(pair->answer, offered->mid, NULL))
        return SDP_REFUSAL_BUNDLE;
    enum sdp_refusal refusal = sdp_section_judge(pair->offer, offered);
    return refusal == SDP_REFUSAL_NONE ? sdp_section_judge(pair->answer, answered) : refusal;
}

static void agree_rtp(const struct pair *pair, struct sdp_negotiated_section *section) {
    const struct sdp_section *local = &pair->local->sections[section->index];
    const struct sdp_section *remote = &pair->remote->sections[section->index];
    struct sdp_attribute attribute;
    /* RFC 3264 section 6.1: we send what they receive, and the other way round. */
    section->direction = (enum sdp_direction)((unsigned)sdp_section_direction(pair->local, local) &
                                              (unsigned)sdp_direction_reverse(sdp_section_direction(pair->remote, remote)));
    section->rtcp_rsize = sdp_section_find(local, SDP_ATTRIBUTE_RTCP_RSIZE, &attribute) && sdp_section_find(remote, SDP_ATTRIBUTE_RTCP_RSIZE, &attribute);
    agree_extensions(pair, section);
    read_sources(pair, section);
}

static void agree_data(const struct pair *pair, struct sdp_negotiated_section *section) {
    const struct sdp_section *remote = &pair->remote->sections[section->index];
    section->direction = SDP_DIRECTION_SEND_RECEIVE;
    section->remote_sctp_port = sdp_section_sctp_port(remote);
    section->remote_max_message_size_bytes = sdp_section_max_message_size(remote);
}

static int agree_section(const struct pair *pair, struct sdp_negotiated_section *section, size_t tagged, struct carried *carried) {
    struct sdp_negotiated *out = pair->out;
    size_t codecs_before = out->codec_count;
    int error = section->media == SDP_MEDIA_APPLICATION ? SDP_OK : agree_codecs(pair, section);
    if (error != SDP_OK || section->refusal != SDP_REFUSAL_NONE)
        return error;
    error = agree_transport(pair, tagged, carried);
    if (error != SDP_OK)
        return error;
    section->refusal = carried->refusal;
    if (section->refusal != SDP_REFUSAL_NONE) {
        out->codec_count = codecs_before;
        section->codec_count = 0;
        return SDP_OK;
    }
    section->transport = carried->index;
    if (section->media == SDP_MEDIA_APPLICATION)
        agree_data(pair, section);
    else
        agree_rtp(pair, section);
    out->agreed_count++;
    return SDP_OK;
}

static int agree_sections(const struct pair *pair) {
    struct sdp_negotiated *out = pair->out;
    struct carried carried[SDP_SECTION_MAX];
    bool accepted[SDP_SECTION_MAX];
    size_t tagged[SDP_SECTION_MAX];
    for (size_t i = 0; i < out->section_count; i++) {
        out->sections[i] = (struct sdp_negotiated_section){
            .media = sdp_section_media(&pair->offer->sections[i]), .index = i, .mid = pair->remote->sections[i].mid, .refusal = judge(pair, i)};
        accepted[i] = sdp_section_is_offered(pair->answer, &pair->answer->sections[i]);
        carried[i] = (struct carried){.asked = false};
    }
    /* RFC 9143 section 7.3: the groups of the answer count, and the first accepted of each carries. */
    sdp_bundle_choose(pair->answer, accepted, NULL, tagged);
    for (size_t i = 0; i < out->section_count; i++) {
        if (out->sections[i].refusal != SDP_REFUSAL_NONE)
            continue;
        int error = agree_section(pair, &out->sections[i], tagged[i], &carried[tagged[i]]);
        if (error != SDP_OK)
            return error;
    }
    return SDP_OK;
}

int sdp_negotiate(const struct sdp_session *local, const struct sdp_session *remote, bool local_is_offer,
                  struct sdp_negotiated *out, struct sdp_problem *problem) {
    struct pair pair = {.offer = local_is_offer ? local : remote,
                        .answer = local_is_offer ? remote : local,
                        .local = local,
                        .remote = remote,
                        .local_is_offer = local_is_offer,
                        .out = out,
                        .problem = problem};
    struct sdp_attribute attribute;
    out->transport_count = out->section_count = out->agreed_count = out->codec_count = 0;
    out->remote_ice_lite = sdp_header_find(remote, SDP_ATTRIBUTE_ICE_LITE, &attribute);
    int error = check_shape(&pair);
    if (error != SDP_OK)
        return error;
    out->section_count = pair.offer->section_count;
    return agree_sections(&pair);
}
