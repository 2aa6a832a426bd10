/* Writing an answer: RFC 9429 section 5.3, RFC 3264 section 6, RFC 9143 section 7.3. */
#include "sdp/transport_internal.h"

/* What becomes of each section of the offer. */
struct verdicts {
    enum sdp_refusal refusal[SDP_SECTION_MAX];
    bool grouped[SDP_SECTION_MAX];  /* it stays in its BUNDLE */
    size_t tagged[SDP_SECTION_MAX]; /* whose transport it has; its own index when it carries it */
};

/* ---- one section alone --------------------------------------------------------------------------------------------- */

static bool have_common_media(const struct sdp_local_section *ours, const struct sdp_section *offered) {
    struct sdp_codec theirs[SDP_CODEC_MAX];
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched;
    sdp_codec_intersect(ours->codecs, ours->codec_count, theirs, sdp_section_codecs(offered, theirs), verdicts, &matched);
    for (size_t i = 0; i < matched; i++)
        if (sdp_codec_is_media(ours->codecs[verdicts[i].preferred].id))
            return true;
    return false;
}

static enum sdp_refusal judge(const struct sdp_local_section *ours, const struct sdp_session *offer, const struct sdp_section *offered) {
    struct sdp_transport transport;
    if (!sdp_section_is_offered(offer, offered))
        return SDP_REFUSAL_OFFERED;
    enum sdp_refusal refusal = sdp_section_judge(offer, offered);
    if (refusal != SDP_REFUSAL_NONE)
        return refusal;
    if (ours->media != sdp_section_media(offered))
        return SDP_REFUSAL_MEDIA;
    if (ours->refused)
        return SDP_REFUSAL_STOPPED;
    refusal = sdp_transport_read(offer, offered, &transport);
    if (refusal != SDP_REFUSAL_NONE)
        return refusal;
    return ours->media == SDP_MEDIA_APPLICATION || have_common_media(ours, offered) ? SDP_REFUSAL_NONE : SDP_REFUSAL_CODEC;
}

/* ---- groups -------------------------------------------------------------------------------------------------------- */

/* RFC 9143 section 7.3.2: who leaves a BUNDLE needs an address of its own, and none of its offered ones may be another's. */
static bool may_leave(const struct sdp_session *offer, const struct sdp_section *offered) {
    return offered->port != 0 && sdp_transport_is_own(offer, offered);
}

static void choose_groups(const struct sdp_local *local, const struct sdp_session *offer, struct verdicts *verdicts) {
    bool may_carry[SDP_SECTION_MAX];
    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *offered = &offer->sections[i];
        bool accepted = verdicts->refusal[i] == SDP_REFUSAL_NONE;
        bool bundled = accepted && sdp_session_bundles(offer, offered->mid, NULL);
        if (bundled && local->sections[i].unbundled && !may_leave(offer, offered)) {
            verdicts->refusal[i] = SDP_REFUSAL_BUNDLE;
            bundled = false;
        }
        verdicts->grouped[i] = bundled && !local->sections[i].unbundled;
        /* RFC 9143 section 7.3.1, MUST: the tagged section is the first of the list that we accept and that has an address. */
        may_carry[i] = verdicts->grouped[i] && offered->port != 0;
    }
    sdp_bundle_choose(offer, verdicts->grouped, may_carry, verdicts->tagged);
    /* RFC 9143 section 7.3.3, MUST: a bundle-only section that nobody carries is refused. */
    for (size_t i = 0; i < offer->section_count; i++)
        if (verdicts->grouped[i] && !may_carry[verdicts->tagged[i]]) {
            verdicts->refusal[i] = SDP_REFUSAL_BUNDLE;
            verdicts->grouped[i] = false;
        }
}

static void write_mid_of_group(struct sdp_text *text, struct sdp_view mid, bool *begun) {
    sdp_text_add(text, *begun ? " " : "a=group:BUNDLE ");
    sdp_text_add_view(text, mid);
    *begun = true;
}

/* One group: its tagged section, then the others in the offer's order (RFC 9143 section 7.3.1, MUST). */
static void write_group(struct sdp_text *text, const struct sdp_session *offer, const struct verdicts *verdicts, struct sdp_view mids) {
    struct sdp_view word;
    bool begun = false;
    for (int others = 0; others < 2; others++)
        for (struct sdp_view rest = mids; sdp_word_next(&rest, &word);) {
            const struct sdp_section *section = sdp_session_find_mid(offer, word);
            /* RFC 9143 section 7.3.3, MUST: a refused section is not in the group. */
            if (section != NULL && verdicts->grouped[section->index] && (verdicts->tagged[section->index] != section->index) == (others == 1))
                write_mid_of_group(text, word, &begun);
        }
    if (begun)
        sdp_text_add(text, "\r\n");
}

static void write_groups(struct sdp_text *text, const struct sdp_session *offer, const struct verdicts *verdicts) {
    struct sdp_walk walk = sdp_walk_header_from(offer, SDP_ATTRIBUTE_GROUP);
    struct sdp_view mids;
    while (sdp_walk_bundle(&walk, &mids))
        write_group(text, offer, verdicts, mids);
}

/* ---- one section --------------------------------------------------------------------------------------------------- */

/* RFC 6184 section 8.2.2, MUST: the profile as offered, the level computed from both. */
static void plan_profile(const struct sdp_codec *ours, const struct sdp_codec *offered, char *profile_level_id) {
    struct sdp_h264_format of_ours;
    struct sdp_h264_format of_offer;
    profile_level_id[0] = '\0';
    if (ours->id != SDP_CODEC_H264 || !sdp_read_h264(ours->parameters, &of_ours) || !sdp_read_h264(offered->parameters, &of_offer))
        return;
    struct sdp_h264_format answer = sdp_h264_answer(&of_ours, &of_offer);
    sdp_h264_write(&answer, profile_level_id);
}

/* RFC 3264 section 6.1: payload types as offered, our order of preference, what both sides can do. */
static void plan_codecs(struct sdp_section_plan *plan, const struct sdp_section *offered) {
    struct sdp_codec theirs[SDP_CODEC_MAX];
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    sdp_codec_intersect(plan->section->codecs, plan->section->codec_count, theirs, sdp_section_codecs(offered, theirs), verdicts,
                        &plan->codec_count);
    for (size_t i = 0; i < plan->codec_count; i++) {
        const struct sdp_codec *ours = &plan->section->codecs[verdicts[i].preferred];
        const struct sdp_codec *other = &theirs[verdicts[i].other];
        plan->codecs[i] = *ours;
        plan->codecs[i].name = other->name;
        plan->codecs[i].payload_type = other->payload_type;
        plan->codecs[i].feedback = ours->feedback & other->feedback;
        /* Parameters that name payload types name those of the offer. */
        if (sdp_codec_names_payload_types(ours->id))
            plan->codecs[i].parameters = other->parameters;
        plan_profile(ours, other, plan->profile_level_ids[i]);
    }
}

static void plan_extensions(struct sdp_section_plan *plan, const struct sdp_section *offered) {
    bool taken[SDP_LOCAL_EXTENSION_MAX] = {false};
    bool used[256] = {false};
    struct sdp_walk walk = sdp_walk_section(offered);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute)) {
        /* RFC 8285 section 4.2: ids above 14 need the two-byte form, which we do not send. */
        if (!sdp_read_extmap(attribute.value, &extmap) || extmap.id > 14 || used[extmap.id])
            continue;
        for (size_t i = 0; i < plan->section->extension_count; i++) {
            if (taken[i] || !sdp_view_is(extmap.uri, plan->section->extensions[i].uri))
                continue;
            taken[i] = used[extmap.id] = true;
            /* RFC 8285 section 7, MUST: the answer takes the offer's id; a direction is seen from the other side. */
            plan->extensions[plan->extension_count++] =
                (struct sdp_section_extension){(uint8_t)extmap.id, sdp_direction_reverse(extmap.direction), extmap.uri};
            break;
        }
    }
}

/* RFC 8842 section 5.3: to actpass we say active, unless told otherwise; else what is left over. */
static const char *answer_setup(const struct sdp_session *offer, const struct sdp_section *offered, enum sdp_setup ours) {
    struct sdp_transport transport;
    sdp_transport_read(offer, offered, &transport);
    if (transport.setup == SDP_SETUP_ACTIVE || (transport.setup == SDP_SETUP_ACTPASS && ours == SDP_SETUP_PASSIVE))
        return "passive";
    return "active";
}

static void write_accepted(struct sdp_text *text, const struct sdp_local *local, const struct sdp_session *offer, size_t index, size_t carrier) {
    const struct sdp_local_section *ours = &local->sections[index];
    const struct sdp_section *offered = &offer->sections[index];
    struct sdp_section_plan plan = {.section = ours};
    struct sdp_attribute attribute;
    plan.media = offered->media;
    /* RFC 9429 section 5.3.1, MUST: the profile is the offer's. */
    plan.protocol = offered->protocol;
    plan.mid = offered->mid;
    /* deviation: RFC 9143 section 7.1.3 leaves the transport to the tagged section; we repeat it, as offers do (sdp/offer.c). */
    plan.transport = local->sections[carrier].transport;
    plan.candidates = carrier == index;
    plan.setup = answer_setup(offer, &offer->sections[carrier], plan.transport->setup);
    if (ours->media != SDP_MEDIA_APPLICATION) {
        /* RFC 3264 section 6.1: we send at most what they receive, and receive what they send. */
        plan.direction =
            (enum sdp_direction)((unsigned)ours->direction & (unsigned)sdp_direction_reverse(sdp_section_direction(offer, offered)));
        plan.msid = (plan.direction & SDP_DIRECTION_SEND) != 0 || ours->msid_stays;
        plan.rtcp_rsize = sdp_section_find(offered, SDP_ATTRIBUTE_RTCP_RSIZE, &attribute);
        plan_codecs(&plan, offered);
        plan_extensions(&plan, offered);
    }
    sdp_section_write(text, &plan);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static bool transports_are_good(const struct sdp_local *local, const struct verdicts *verdicts) {
    for (size_t i = 0; i < local->section_count; i++)
        if (verdicts->refusal[i] == SDP_REFUSAL_NONE && verdicts->tagged[i] == i && !sdp_local_transport_is_good(local->sections[i].transport))
            return false;
    return true;
}

static bool offers_option(const struct sdp_session *offer, const char *option) {
    struct sdp_attribute attribute;
    if (sdp_header_find(offer, SDP_ATTRIBUTE_ICE_OPTIONS, &attribute) && sdp_ice_options_have(attribute.value, option))
        return true;
    for (size_t i = 0; i < offer->section_count; i++)
        if (sdp_section_find(&offer->sections[i], SDP_ATTRIBUTE_ICE_OPTIONS, &attribute) && sdp_ice_options_have(attribute.value, option))
            return true;
    return false;
}

/* RFC 9429 section 5.3.1: in an answer, only those that the offer has; browsers say them in their sections. */
static const char *ice_options(const struct sdp_session *offer) {
    bool trickle = offers_option(offer, "trickle"), ice2 = offers_option(offer, "ice2");
    return trickle && ice2 ? "trickle ice2" : trickle ? "trickle" : ice2 ? "ice2" : NULL;
}

int sdp_write_answer(const struct sdp_local *local, const struct sdp_session *offer, char *buffer, size_t capacity,
                     enum sdp_refusal *refusals) {
    struct sdp_text text = {.buffer = buffer, .capacity = capacity};
    struct verdicts verdicts;
    if (local->section_count != offer->section_count || !sdp_local_is_good(local, false))
        return SDP_ERROR_ARGUMENT;
    for (size_t i = 0; i < offer->section_count; i++)
        verdicts.refusal[i] = judge(&local->sections[i], offer, &offer->sections[i]);
    choose_groups(local, offer, &verdicts);
    if (!transports_are_good(local, &verdicts))
        return SDP_ERROR_ARGUMENT;
    sdp_session_write_header(&text, local, ice_options(offer));
    write_groups(&text, offer, &verdicts);
    for (size_t i = 0; i < offer->section_count; i++) {
        const struct sdp_section *offered = &offer->sections[i];
        if (refusals != NULL)
            refusals[i] = verdicts.refusal[i];
        if (verdicts.refusal[i] == SDP_REFUSAL_NONE)
            write_accepted(&text, local, offer, i, verdicts.tagged[i]);
        else
            /* RFC 3264 section 6: same media, same profile, port 0; the formats are of no importance, but some must be there. */
            sdp_section_write_refused(&text, offered->media, offered->protocol, offered->formats, offered->mid);
    }
    return sdp_text_finish(&text);
}
