/* A description of the peer: is it fit to be believed, and which transceiver takes which section of an offer (RFC 9429 sections 5.8.3 and 5.10)? */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- is it fit? ------------------------------------------------------------------------------------------------------------ */

static int refuse(struct peer_connection *connection, const struct sdp_section *section, struct peer_problem *problem, const char *rule) {
    (void)peer_problem_set(connection, problem, PEER_ERROR_MALFORMED, rule);
    if (problem) {
        problem->line = section->line;
        problem->section = (int)section->index;
    }
    return PEER_ERROR_MALFORMED;
}

static bool has_word(struct sdp_view text, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= text.length; i++)
        if (memcmp(text.text + i, word, length) == 0)
            return true;
    return false;
}

/* Fingerprints of a section, or above it; *count of them. False: one is no fingerprint. Which hashes we believe, the answer says. */
static bool read_fingerprints(struct sdp_walk walk, size_t *count) {
    struct sdp_attribute attribute;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_FINGERPRINT, &attribute)) {
        struct dtls_fingerprint unused;
        int error = dtls_fingerprint_parse(attribute.value.text, attribute.value.length, &unused);
        if (error != DTLS_OK && error != DTLS_ERROR_WEAK_HASH)
            return false;
        ++*count;
    }
    return true;
}

/* What is encrypted by DTLS is bound to this description by the fingerprint, and reached by ICE. What is not, the answer refuses. */
static int check_section(struct peer_connection *connection, const struct sdp_session *session, const struct sdp_section *section, struct peer_problem *problem) {
    struct sdp_view ufrag = peer_description_credential(session, section->index, SDP_ATTRIBUTE_ICE_UFRAG);
    struct sdp_view password = peer_description_credential(session, section->index, SDP_ATTRIBUTE_ICE_PWD);
    if (section->port == 0 || !has_word(section->protocol, "TLS"))
        return PEER_OK;
    /* RFC 9429 section 5.8.3, MUST: ICE credentials and a fingerprint, in the section, or above, or in the tagged section of its BUNDLE. */
    if (ufrag.length == 0 || password.length == 0)
        return refuse(connection, section, problem, "a section has no ICE credentials (RFC 9429 section 5.8.3, RFC 8839 section 5.4)");
    size_t count = 0;
    if (!read_fingerprints(sdp_walk_section(section), &count) || (count == 0 && !read_fingerprints(sdp_walk_header(session), &count)))
        return refuse(connection, section, problem, "the fingerprint is not a hash name and as many hexadecimal pairs as that hash has (RFC 8122 section 5)");
    if (count == 0 && peer_description_credential(session, section->index, SDP_ATTRIBUTE_FINGERPRINT).length == 0)
        return refuse(connection, section, problem, "a section has no certificate fingerprint (RFC 9429 section 5.8.3, RFC 8122 section 5)");
    return PEER_OK;
}

static int check_successor(struct peer_connection *connection, const struct peer_description *before, const struct peer_description *other,
                           const struct sdp_session *remote, struct peer_problem *problem) {
    struct sdp_problem found = {0};
    if (!before->sdp)
        return PEER_OK;
    int error = sdp_check_successor(&before->sdp->session, other ? peer_description_session(other) : NULL, remote, &found);
    return error == SDP_OK ? PEER_OK : peer_problem_from_sdp(connection, problem, peer_error_from_sdp(error), &found, remote);
}

int peer_associate_check(struct peer_connection *connection, const struct sdp_session *remote, bool is_offer, struct peer_problem *problem) {
    int error = check_successor(connection, &connection->current_remote, &connection->current_local, remote, problem);
    /* W3C webrtc section 4.4.1.5: offers back to back are judged as if answers stood between them. */
    if (error == PEER_OK && is_offer)
        error = check_successor(connection, &connection->pending_remote, NULL, remote, problem);
    for (size_t i = 0; error == PEER_OK && i < remote->section_count; i++)
        error = check_section(connection, remote, &remote->sections[i], problem);
    return error;
}

/* ---- whose section is it? --------------------------------------------------------------------------------------------------- */

static bool is_kind(const struct sdp_section *section, enum peer_media_kind *kind) {
    enum sdp_media media = sdp_section_media(section);
    *kind = media == SDP_MEDIA_VIDEO ? PEER_VIDEO : PEER_AUDIO;
    return media == SDP_MEDIA_AUDIO || media == SDP_MEDIA_VIDEO;
}

/* RFC 9429 section 5.10: the first of addTrack's that waits for a section. */
static struct peer_transceiver_entry *find_waiting(const struct peer_connection *connection, enum peer_media_kind kind) {
    struct peer_transceiver_entry *entry, *first = NULL;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (entry->is_of_track && entry->facts.kind == kind && entry->facts.section < 0 && !entry->facts.stopping && (!first || entry->order < first->order))
            first = entry;
    return first;
}

/* *entry NULL: there is no place for another, so the answer refuses the section. */
static int find_or_make(struct peer_connection *connection, const struct sdp_session *offer, const struct sdp_section *section,
                        enum peer_media_kind kind, struct peer_transceiver_entry **entry) {
    bool wants_ours = (sdp_section_direction(offer, section) & SDP_DIRECTION_RECEIVE) != 0;
    size_t index, live = 0;
    /* RFC 9429 section 5.10: only where the peer would receive, one of ours that wants to send can help. */
    *entry = wants_ours ? find_waiting(connection, kind) : NULL;
    if (*entry)
        return PEER_OK;
    for (size_t i = 0; peer_transceivers_next(connection, &i); i++)
        live++;
    if (live >= PEER_TRANSCEIVER_MAX)
        return PEER_OK;
    struct peer_transceiver_config config = {.kind = kind, .direction = PEER_RECVONLY};
    *entry = peer_transceivers_make(connection, &config, &index);
    if (!*entry)
        return PEER_ERROR_MEMORY;
    (*entry)->is_of_remote_offer = true;
    return PEER_OK;
}

static void name(struct peer_connection *connection, struct peer_transceiver_entry *entry, const struct sdp_session *offer, const struct sdp_section *section) {
    entry->facts.section = (int)section->index;
    if (section->mid.length > 0) {
        memcpy(entry->facts.mid, section->mid.text, section->mid.length);
        entry->facts.mid[section->mid.length] = '\0';
        return;
    }
    /* RFC 9429 section 5.10: a peer that knows no mids gets one from us. */
    do
        peer_numbers_make_mid(connection, &connection->next_mid, entry->facts.mid);
    while (sdp_session_find_mid(offer, (struct sdp_view){entry->facts.mid, strlen(entry->facts.mid)}));
}

static struct sdp_view stream_of(const struct sdp_section *section) {
    struct sdp_attribute attribute;
    struct sdp_msid msid;
    if (!sdp_section_find(section, SDP_ATTRIBUTE_MSID, &attribute) || !sdp_read_msid(attribute.value, &msid) || sdp_view_is(msid.stream, "-"))
        return (struct sdp_view){NULL, 0};
    return msid.stream;
}

/* Is the section still this transceiver's? */
static bool is_section_of(const struct peer_transceiver_entry *entry, const struct sdp_section *section) {
    enum peer_media_kind kind;
    if (!is_kind(section, &kind) || entry->facts.kind != kind)
        return false;
    /* A section in use has another mid than ours only when it had none of the peer's until now (sdp_check_successor). */
    return section->mid.length == 0 || sdp_view_is(section->mid, entry->facts.mid) || (!entry->facts.stopped && section->mid.length <= PEER_MID_MAX_BYTES);
}

static int associate(struct peer_connection *connection, const struct sdp_session *offer, const struct sdp_section *section) {
    enum peer_media_kind kind;
    struct peer_transceiver_entry *entry = peer_transceivers_of_section(connection, section->index);
    bool is_media = is_kind(section, &kind);
    if (entry && is_section_of(entry, section)) {
        if (section->mid.length > 0)
            name(connection, entry, offer, section);
    } else if (entry) {
        /* An offer before has refused the section, which stopped its transceiver; now the section is another's (sdp_check_successor saw to that). */
        peer_transceivers_remove(connection, entry);
        entry = NULL;
    }
    if (!entry && is_media && sdp_section_is_offered(offer, section) && section->mid.length <= PEER_MID_MAX_BYTES) {
        int error = find_or_make(connection, offer, section, kind, &entry);
        if (error != PEER_OK)
            return error;
        if (entry)
            name(connection, entry, offer, section);
    }
    if (!entry)
        return PEER_OK;
    /* W3C webrtc section 4.4.1.5: what the peer refuses, also by an offer, is stopped. */
    if (!sdp_section_is_offered(offer, section))
        peer_transceivers_stop(connection, entry);
    else
        peer_transceivers_tell_track(entry, (enum peer_direction)sdp_direction_reverse(sdp_section_direction(offer, section)), stream_of(section));
    return PEER_OK;
}

int peer_associate_offer(struct peer_connection *connection, const struct sdp_session *offer) {
    int error = PEER_OK;
    for (size_t i = 0; i < offer->section_count && error == PEER_OK; i++)
        error = associate(connection, offer, &offer->sections[i]);
    return error;
}
