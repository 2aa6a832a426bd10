/* Writing an answer: RFC 9429 section 5.3, RFC 3264 section 6, RFC 9143 section 7.3. */
#include "sdp/transport_internal.h"

/* What becomes of each section of the offer. */
struct verdicts {
    enum sdp_refusal refusal[SDP_SECTION_MAX];
    const struct sdp_local_section *ours[SDP_SECTION_MAX];
    const struct sdp_section *tagged; /* the section whose transport we share; NULL when all are refused */
    bool grouped;                     /* the tagged section is in a BUNDLE */
    const char *setup;
};

/* ---- which section of ours answers --------------------------------------------------------------------------------- */

static const struct sdp_local_section *take_ours(const struct sdp_local *local, const struct sdp_section *offered, bool *taken) {
    enum sdp_media media = sdp_section_media(offered);
    for (size_t i = 0; i < local->section_count; i++) {
        const struct sdp_local_section *section = &local->sections[i];
        if (taken[i] || section->media != media || (section->mid != NULL && !sdp_view_is(offered->mid, section->mid)))
            continue;
        taken[i] = true;
        return section;
    }
    return NULL;
}

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

/* RFC 8842 section 5.3: to actpass we say active, unless told otherwise; else what is left over. */
static const char *answer_setup(enum sdp_setup offered, enum sdp_setup ours) {
    if (offered == SDP_SETUP_ACTIVE || (offered == SDP_SETUP_ACTPASS && ours == SDP_SETUP_PASSIVE))
        return "passive";
    return "active";
}

static enum sdp_refusal judge(const struct sdp_local *local, const struct sdp_session *offer, const struct sdp_section *offered, bool *taken,
                              struct verdicts *verdicts) {
    struct sdp_transport transport;
    const struct sdp_local_section **ours = &verdicts->ours[offered->index];
    if (!sdp_section_is_offered(offer, offered))
        return SDP_REFUSAL_OFFERED;
    enum sdp_refusal refusal = sdp_section_judge(offered);
    if (refusal == SDP_REFUSAL_NONE)
        refusal = sdp_transport_read(offer, offered, &transport);
    if (refusal != SDP_REFUSAL_NONE)
        return refusal;
    *ours = take_ours(local, offered, taken);
    if (*ours == NULL)
        return SDP_REFUSAL_MEDIA;
    if ((*ours)->refused)
        return SDP_REFUSAL_STOPPED;
    return have_common_media(*ours, offered) ? SDP_REFUSAL_NONE : SDP_REFUSAL_CODEC;
}

/* ---- one BUNDLE ---------------------------------------------------------------------------------------------------- */

/* The mids of the BUNDLE that a section is in. */
static bool group_of(const struct sdp_session *offer, struct sdp_view mid, struct sdp_view *mids) {
    struct sdp_walk walk = sdp_walk_header(offer);
    struct sdp_attribute attribute;
    struct sdp_group group;
    struct sdp_view word;
    while (mid.length > 0 && sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_GROUP, &attribute)) {
        if (!sdp_read_group(attribute.value, &group) || !sdp_view_is(group.semantics, "BUNDLE"))
            continue;
        *mids = group.mids;
        for (struct sdp_view rest = group.mids; sdp_word_next(&rest, &word);)
            if (sdp_view_equal(word, mid))
                return true;
    }
    return false;
}

/* Keeps what is in the BUNDLE of the first accepted section, refuses the rest, and chooses the tagged section. */
static void choose_bundle(const struct sdp_session *offer, struct verdicts *verdicts, struct sdp_view *mids) {
    const struct sdp_section *first = NULL;
    struct sdp_view word;
    bool member[SDP_SECTION_MAX] = {false};
    for (size_t i = 0; first == NULL && i < offer->section_count; i++)
        if (verdicts->refusal[i] == SDP_REFUSAL_NONE)
            first = &offer->sections[i];
    verdicts->tagged = first;
    if (first == NULL)
        return;
    verdicts->grouped = group_of(offer, first->mid, mids);
    member[first->index] = true;
    bool tagged = false;
    for (struct sdp_view rest = *mids; verdicts->grouped && sdp_word_next(&rest, &word);) {
        const struct sdp_section *section = sdp_session_find_mid(offer, word);
        if (section == NULL || verdicts->refusal[section->index] != SDP_REFUSAL_NONE)
            continue;
        member[section->index] = true;
        /* RFC 9143 section 7.3.1, MUST: the first of the offer's list that we accept is the tagged section. */
        if (!tagged)
            verdicts->tagged = section;
        tagged = true;
    }
    for (size_t i = 0; i < offer->section_count; i++)
        if (verdicts->refusal[i] == SDP_REFUSAL_NONE && !member[i])
            verdicts->refusal[i] = SDP_REFUSAL_BUNDLE;
}

static void write_group(struct sdp_text *text, const struct sdp_session *offer, const struct verdicts *verdicts, struct sdp_view mids) {
    struct sdp_view word;
    if (!verdicts->grouped)
        return;
    sdp_text_add(text, "a=group:BUNDLE");
    while (sdp_word_next(&mids, &word)) {
        const struct sdp_section *section = sdp_session_find_mid(offer, word);
        /* RFC 9143 section 7.3.3, MUST: a refused section is not in the group. */
        if (section == NULL || verdicts->refusal[section->index] != SDP_REFUSAL_NONE)
            continue;
        sdp_text_add(text, " ");
        sdp_text_add_view(text, word);
    }
    sdp_text_add(text, "\r\n");
}

/* ---- one section --------------------------------------------------------------------------------------------------- */

/* RFC 3264 section 6: same media, same profile, port 0; the formats are of no importance, but some must be there. */
static void write_refused(struct sdp_text *text, const struct sdp_section *offered) {
    sdp_text_add(text, "m=");
    sdp_text_add_view(text, offered->media);
    sdp_text_add(text, " 0 ");
    sdp_text_add_view(text, offered->protocol);
    sdp_text_add(text, " ");
    sdp_text_add_view(text, offered->formats);
    sdp_text_add_line(text, "\r\nc=IN IP4 0.0.0.0");
    if (offered->mid.length > 0) {
        sdp_text_add(text, "a=mid:");
        sdp_text_add_view(text, offered->mid);
        sdp_text_add(text, "\r\n");
    }
    sdp_text_add_line(text, "a=inactive");
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

static void write_accepted(struct sdp_text *text, const struct sdp_local *local, const struct sdp_session *offer,
                           const struct sdp_section *offered, const struct verdicts *verdicts) {
    struct sdp_section_plan plan = {.local = local, .section = verdicts->ours[offered->index]};
    struct sdp_attribute attribute;
    plan.media = offered->media;
    /* RFC 9429 section 5.3.1, MUST: the profile is the offer's. */
    plan.protocol = offered->protocol;
    plan.mid = offered->mid;
    /* RFC 9143 section 7.1.3: in a BUNDLE the tagged section alone describes the transport. */
    plan.transport = plan.candidates = offered == verdicts->tagged;
    plan.setup = verdicts->setup;
    /* RFC 3264 section 6.1: we send at most what they receive, and receive what they send. */
    plan.direction = (enum sdp_direction)((unsigned)plan.section->direction &
                                          (unsigned)sdp_direction_reverse(sdp_section_direction(offer, offered)));
    plan.rtcp_rsize = sdp_section_find(offered, SDP_ATTRIBUTE_RTCP_RSIZE, &attribute);
    plan_codecs(&plan, offered);
    plan_extensions(&plan, offered);
    sdp_section_write(text, &plan);
}

int sdp_write_answer(const struct sdp_local *local, const struct sdp_session *offer, char *buffer, size_t capacity,
                     enum sdp_refusal *refusals) {
    struct sdp_text text = {.buffer = buffer, .capacity = capacity};
    struct verdicts verdicts = {0};
    struct sdp_transport transport;
    struct sdp_view mids = {NULL, 0};
    bool taken[SDP_SECTION_MAX] = {false};
    if (!sdp_local_is_good(local, false))
        return SDP_ERROR_ARGUMENT;
    for (size_t i = 0; i < offer->section_count; i++)
        verdicts.refusal[i] = judge(local, offer, &offer->sections[i], taken, &verdicts);
    choose_bundle(offer, &verdicts, &mids);
    if (verdicts.tagged != NULL && sdp_transport_read(offer, verdicts.tagged, &transport) == SDP_REFUSAL_NONE)
        verdicts.setup = answer_setup(transport.setup, local->setup);
    sdp_session_write_header(&text, local);
    write_group(&text, offer, &verdicts, mids);
    for (size_t i = 0; i < offer->section_count; i++) {
        if (refusals != NULL)
            refusals[i] = verdicts.refusal[i];
        if (verdicts.refusal[i] == SDP_REFUSAL_NONE)
            write_accepted(&text, local, offer, &offer->sections[i], &verdicts);
        else
            write_refused(&text, &offer->sections[i]);
    }
    return sdp_text_finish(&text);
}
