/* BUNDLE groups: which sections share a transport, and which of them carries it (RFC 9143 sections 7.2 and 7.3, RFC 5888). */
#include "sdp/transport_internal.h"

bool sdp_walk_bundle(struct sdp_walk *walk, struct sdp_view *mids) {
    struct sdp_attribute attribute;
    struct sdp_group group;
    while (sdp_walk_attribute_of(walk, SDP_ATTRIBUTE_GROUP, &attribute))
        if (sdp_read_group(attribute.value, &group) && sdp_view_is(group.semantics, "BUNDLE")) {
            *mids = group.mids;
            return true;
        }
    return false;
}

bool sdp_session_bundles(const struct sdp_session *session, struct sdp_view mid, struct sdp_view *first) {
    const struct sdp_section *section = sdp_session_find_mid(session, mid);
    if (section == NULL || section->bundle_first == SDP_NO_SECTION)
        return false;
    if (first != NULL)
        *first = session->sections[section->bundle_first].mid;
    return true;
}

/* One group: the first of its list that is accepted, and may carry, does it for all that are accepted. */
static void choose_in_group(const struct sdp_session *session, struct sdp_view mids, const bool *accepted, const bool *may_carry, size_t *tagged) {
    size_t carrier = SIZE_MAX;
    struct sdp_view word;
    for (struct sdp_view rest = mids; carrier == SIZE_MAX && sdp_word_next(&rest, &word);) {
        const struct sdp_section *section = sdp_session_find_mid(session, word);
        if (section != NULL && accepted[section->index] && (may_carry == NULL || may_carry[section->index]))
            carrier = section->index;
    }
    while (carrier != SIZE_MAX && sdp_word_next(&mids, &word)) {
        const struct sdp_section *section = sdp_session_find_mid(session, word);
        if (section != NULL && accepted[section->index])
            tagged[section->index] = carrier;
    }
}

void sdp_bundle_choose(const struct sdp_session *session, const bool *accepted, const bool *may_carry, size_t *tagged) {
    struct sdp_walk walk = sdp_walk_header_from(session, SDP_ATTRIBUTE_GROUP);
    struct sdp_view mids;
    for (size_t i = 0; i < session->section_count; i++)
        tagged[i] = i;
    while (sdp_walk_bundle(&walk, &mids))
        choose_in_group(session, mids, accepted, may_carry, tagged);
}

void sdp_bundle_tags(const struct sdp_session *offer, size_t *tagged) {
    bool accepted[SDP_SECTION_MAX];
    bool may_carry[SDP_SECTION_MAX];
    for (size_t i = 0; i < offer->section_count; i++) {
        accepted[i] = sdp_section_is_offered(offer, &offer->sections[i]);
        /* RFC 9143 section 7.3.1, MUST: a section with port 0 has no address that the others could share. */
        may_carry[i] = offer->sections[i].port != 0;
    }
    sdp_bundle_choose(offer, accepted, may_carry, tagged);
}
