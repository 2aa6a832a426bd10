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

/* ---- do they belong together? -------------------------------------------------------------------------------------- */

static int check_shape(const struct pair *pair) {
    const struct sdp_view nothing = {NULL, 0};
    /* RFC 3264 section 6, MUST: as many sections as the offer has, in its order. */
    if (pair->offer->section_count != pair->answer->section_count)
        return disagree(pair, 0, nothing, "offer and answer have the same number of m= sections (RFC 3264 section 6)");
    for (size_t i = 0; i < pair->offer->section_count; i++) {
        const struct sdp_section *offered = &pair->offer->sections[i];
        const struct sdp_section *answered = &pair->answer->sections[i];
        const struct sdp_section *remote = &pair->remote->sections[i];
        if (!sdp_view_equal(offered->media, answered->media))
            return disagree(pair, remote->line, remote->media, "an answer has the media of the offer, section by section (RFC 3264 section 6)");
        /* RFC 5888 section 9.1: an answer repeats the mid. Old ones leave it out of refused sections, or everywhere. */
        if (answered->mid.length > 0 && !sdp_view_equal(offered->mid, answered->mid))
            return disagree(pair, remote->line, remote->mid, "an answer has the mids of the offer, section by section (RFC 5888 section 9.1)");
    }
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
    if (matched > SDP_NEGOTIATED_CODEC_MAX - out->codec_count)
        return SDP_ERROR_LIMIT;
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

static void read_sources(const struct pair *pair, struct sdp_negotiated_section *section) {
    const struct sdp_section *remote = &pair->remote->sections[section->index];
    struct sdp_walk walk = sdp_walk_section(remote);
    struct sdp_attribute attribute;
    struct sdp_msid msid;
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
    if (sdp_section_find(remote, SDP_ATTRIBUTE_MSID, &attribute) && sdp_read_msid(attribute.value, &msid)) {
        section->remote_stream = msid.stream;
        section->remote_track = msid.track;
    }
    /* RFC 8830 section 2: "-" means that the track is in no stream. */
    if (sdp_view_is(section->remote_stream, "-"))
        section->remote_stream.length = 0;
}

/* ---- the transport ------------------------------------------------------------------------------------------------- */

/* RFC 8842 section 5.3 and RFC 4145 section 4.1: who answered decides, if the two fit. */
static bool agree_setup(const struct pair *pair, enum sdp_setup offered, enum sdp_setup answered) {
    if (answered != SDP_SETUP_ACTIVE && answered != SDP_SETUP_PASSIVE)
        return false;
    if (offered == answered)
        return false;
    bool answerer_active = answered == SDP_SETUP_ACTIVE;
    pair->out->local_setup = answerer_active == pair->local_is_offer ? SDP_SETUP_PASSIVE : SDP_SETUP_ACTIVE;
    return true;
}

/* The section whose transport all share: the tagged one of the answer's BUNDLE, else the first that is accepted. */
static enum sdp_refusal agree_transport(const struct pair *pair, size_t first, bool *too_many) {
    struct sdp_transport local;
    struct sdp_transport remote;
    struct sdp_view tagged;
    struct sdp_negotiated *out = pair->out;
    out->transport_section = first;
    if (sdp_session_bundles(pair->answer, pair->answer->sections[first].mid, &tagged)) {
        const struct sdp_section *section = sdp_session_find_mid(pair->answer, tagged);
        if (section != NULL && section->port != 0)
            out->transport_section = section->index;
    }
    enum sdp_refusal refusal = sdp_transport_read(pair->remote, &pair->remote->sections[out->transport_section], &remote);
    if (refusal == SDP_REFUSAL_NONE)
        refusal = sdp_transport_read(pair->local, &pair->local->sections[out->transport_section], &local);
    if (refusal != SDP_REFUSAL_NONE)
        return refusal;
    *too_many = remote.fingerprints_overflow;
    out->remote_ufrag = remote.ufrag;
    out->remote_pwd = remote.pwd;
    out->local_ufrag = local.ufrag;
    out->local_pwd = local.pwd;
    out->remote_fingerprint_count = remote.fingerprint_count;
    memcpy(out->remote_fingerprints, remote.fingerprints, sizeof out->remote_fingerprints);
    out->remote_ice_lite = remote.ice_lite;
    out->remote_trickle = remote.trickle;
    out->remote_end_of_candidates = remote.end_of_candidates;
    return agree_setup(pair, pair->local_is_offer ? local.setup : remote.setup, pair->local_is_offer ? remote.setup : local.setup)
               ? SDP_REFUSAL_NONE
               : SDP_REFUSAL_SETUP;
}

/* Is the section in the BUNDLE of the one that carries the transport, in both descriptions? */
static bool shares_transport(const struct pair *pair, size_t index) {
    const struct sdp_section *carrier = &pair->answer->sections[pair->out->transport_section];
    struct sdp_view of_carrier;
    struct sdp_view of_section;
    if (index == carrier->index)
        return true;
    return sdp_session_bundles(pair->answer, carrier->mid, &of_carrier) &&
           sdp_session_bundles(pair->answer, pair->answer->sections[index].mid, &of_section) && sdp_view_equal(of_carrier, of_section) &&
           sdp_session_bundles(pair->offer, carrier->mid, &of_carrier) &&
           sdp_session_bundles(pair->offer, pair->offer->sections[index].mid, &of_section) && sdp_view_equal(of_carrier, of_section);
}

/* ---- sections ------------------------------------------------------------------------------------------------------ */

static enum sdp_refusal judge(const struct pair *pair, size_t index) {
    const struct sdp_section *offered = &pair->offer->sections[index];
    const struct sdp_section *answered = &pair->answer->sections[index];
    if (!sdp_section_is_offered(pair->offer, offered))
        return SDP_REFUSAL_OFFERED;
    /* RFC 9143 section 6: a=bundle-only means nothing in an answer; port 0 refuses. */
    if (answered->port == 0)
        return SDP_REFUSAL_ANSWERED;
    enum sdp_refusal refusal = sdp_section_judge(offered);
    return refusal == SDP_REFUSAL_NONE ? sdp_section_judge(answered) : refusal;
}

static void agree_rest(const struct pair *pair, struct sdp_negotiated_section *section) {
    const struct sdp_section *local = &pair->local->sections[section->index];
    const struct sdp_section *remote = &pair->remote->sections[section->index];
    struct sdp_attribute attribute;
    /* RFC 3264 section 6.1: we send what they receive, and the other way round. */
    section->direction = (enum sdp_direction)((unsigned)sdp_section_direction(pair->local, local) &
                                              (unsigned)sdp_direction_reverse(sdp_section_direction(pair->remote, remote)));
    section->rtcp_rsize = sdp_section_find(local, SDP_ATTRIBUTE_RTCP_RSIZE, &attribute) && sdp_section_find(remote, SDP_ATTRIBUTE_RTCP_RSIZE, &attribute);
    section->bundled = sdp_session_bundles(pair->answer, pair->answer->sections[section->index].mid, NULL);
    agree_extensions(pair, section);
    read_sources(pair, section);
}

static int agree_sections(const struct pair *pair) {
    struct sdp_negotiated *out = pair->out;
    size_t first = SIZE_MAX;
    bool too_many = false;
    for (size_t i = 0; i < out->section_count; i++) {
        out->sections[i] = (struct sdp_negotiated_section){
            .media = sdp_section_media(&pair->offer->sections[i]), .index = i, .mid = pair->remote->sections[i].mid, .refusal = judge(pair, i)};
        if (out->sections[i].refusal == SDP_REFUSAL_NONE && first == SIZE_MAX)
            first = i;
    }
    enum sdp_refusal refusal = first == SIZE_MAX ? SDP_REFUSAL_NONE : agree_transport(pair, first, &too_many);
    if (too_many) {
        disagree(pair, 0, (struct sdp_view){NULL, 0}, "more than SDP_NEGOTIATED_FINGERPRINT_MAX (8) fingerprints");
        return SDP_ERROR_LIMIT;
    }
    for (size_t i = 0; i < out->section_count; i++) {
        struct sdp_negotiated_section *section = &out->sections[i];
        if (section->refusal != SDP_REFUSAL_NONE)
            continue;
        section->refusal = refusal != SDP_REFUSAL_NONE ? refusal : shares_transport(pair, i) ? SDP_REFUSAL_NONE : SDP_REFUSAL_BUNDLE;
        if (section->refusal == SDP_REFUSAL_NONE && agree_codecs(pair, section) != SDP_OK) {
            disagree(pair, pair->remote->sections[i].line, pair->remote->sections[i].formats, "more than SDP_NEGOTIATED_CODEC_MAX (512) codecs");
            return SDP_ERROR_LIMIT;
        }
        if (section->refusal != SDP_REFUSAL_NONE)
            continue;
        agree_rest(pair, section);
        out->agreed_count++;
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
    memset(out, 0, offsetof(struct sdp_negotiated, sections));
    out->codec_count = 0;
    int error = check_shape(&pair);
    if (error != SDP_OK)
        return error;
    out->section_count = pair.offer->section_count;
    error = agree_sections(&pair);
    if (error != SDP_OK || out->agreed_count > 0)
        return error;
    /* Nobody can be heard or seen: say why the first section failed. */
    if (out->section_count == 0)
        return disagree(&pair, 0, (struct sdp_view){NULL, 0}, "an offer has at least one m= section to be agreed on (RFC 3264 section 5)");
    return disagree(&pair, remote->sections[0].line, remote->sections[0].media, sdp_refusal_text(out->sections[0].refusal));
}
