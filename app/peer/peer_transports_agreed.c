/*
 * What offer and answer agreed on, told to the transports: credentials, fingerprints, roles; sections that BUNDLE has folded change over (RFC 9429
 * section 5.11, RFC 9143 section 7.3).
 */
#include <assert.h>
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static const char other_certificate[] =
    "another certificate on a transport that is connected would be another DTLS association (RFC 8842 section 3.1): it must be that of before";

/* ---- can an offer be answered? -------------------------------------------------------------------------------------------------- */

size_t peer_transports_heir(const struct peer_connection *connection, const struct sdp_session *offer, const size_t *carriers, int8_t place) {
    const struct sdp_session *old = peer_description_session(&connection->current_remote);
    size_t first = SDP_SECTION_MAX;
    for (size_t i = 0; old && i < offer->section_count && i < old->section_count; i++) {
        if (carriers[i] != i || !sdp_section_is_offered(offer, &offer->sections[i]) || connection->section_transports[i] != place)
            continue;
        if (!peer_description_restarts(offer, i, old, peer_description_carrier(connection, i)))
            return i;
        first = first == SDP_SECTION_MAX ? i : first;
    }
    return first;
}

/* Those of a hash that we believe. */
static void read_offered_fingerprints(struct sdp_walk walk, struct peer_transport_parameters *out) {
    struct sdp_attribute attribute;
    while (out->fingerprint_count < PEER_FINGERPRINT_MAX && sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_FINGERPRINT, &attribute))
        if (dtls_fingerprint_parse(attribute.value.text, attribute.value.length, &out->fingerprints[out->fingerprint_count]) == DTLS_OK)
            out->fingerprint_count++;
}

int peer_transports_check_offer(struct peer_connection *connection, const struct sdp_session *offer, struct peer_problem *problem) {
    const struct peer_transport_entry *entry;
    size_t tags[SDP_SECTION_MAX];
    sdp_bundle_tags(offer, tags);
    for (size_t place = 0; (entry = peer_transports_next(connection, &place)); place++) {
        size_t index = peer_transports_heir(connection, offer, tags, (int8_t)place);
        struct peer_transport_parameters theirs = {0};
        if (index == SDP_SECTION_MAX)
            continue;
        read_offered_fingerprints(sdp_walk_section(&offer->sections[index]), &theirs);
        if (theirs.fingerprint_count == 0)
            read_offered_fingerprints(sdp_walk_header(offer), &theirs);
        if (theirs.fingerprint_count == 0 || peer_transport_is_of_association(entry->transport, &theirs))
            continue;
        (void)peer_problem_set(connection, problem, PEER_ERROR_NOT_SUPPORTED, other_certificate);
        if (problem) {
            problem->line = offer->sections[index].line;
            problem->section = (int)index;
        }
        return PEER_ERROR_NOT_SUPPORTED;
    }
    return PEER_OK;
}

/* ---- can it be had? ------------------------------------------------------------------------------------------------------------- */

static int read_fingerprint(const struct sdp_fingerprint *fingerprint, struct dtls_fingerprint *out) {
    char text[DTLS_FINGERPRINT_TEXT_BYTES];
    size_t hash = fingerprint->hash.length, value = fingerprint->value.length;
    if (hash >= sizeof text || value > sizeof text - hash - 1)
        return DTLS_ERROR_MALFORMED;
    memcpy(text, fingerprint->hash.text, hash);
    text[hash] = ' ';
    memcpy(text + hash + 1, fingerprint->value.text, value);
    return dtls_fingerprint_parse(text, hash + 1 + value, out);
}

static bool carries_data_only(const struct sdp_negotiated *negotiated, size_t transport) {
    for (size_t i = 0; i < negotiated->section_count; i++) {
        const struct sdp_negotiated_section *section = &negotiated->sections[i];
        if (section->refusal == SDP_REFUSAL_NONE && section->transport == transport && section->media != SDP_MEDIA_APPLICATION)
            return false;
    }
    return true;
}

static int read_parameters(struct peer_connection *connection, const struct sdp_negotiated *negotiated, const struct sdp_negotiated_transport *agreed,
                           struct peer_transport_parameters *out, struct peer_problem *problem) {
    *out = (struct peer_transport_parameters){
        .ufrag = agreed->remote_ufrag.text,
        .ufrag_length = agreed->remote_ufrag.length,
        .password = agreed->remote_pwd.text,
        .password_length = agreed->remote_pwd.length,
        .lite = negotiated->remote_ice_lite,
        .carries_data_only = carries_data_only(negotiated, (size_t)(agreed - negotiated->transports)),
    };
    _Static_assert(SDP_NEGOTIATED_FINGERPRINT_MAX <= PEER_FINGERPRINT_MAX, "every fingerprint that is agreed has a place");
    /* RFC 8827 section 6.5, MUST: keys come from DTLS-SRTP, and the fingerprint is what binds them to this description. sdp/ agrees on no transport
     * without one of a hash that we believe, and on those only. */
    assert(agreed->remote_fingerprint_count > 0);
    for (size_t i = 0; i < agreed->remote_fingerprint_count; i++)
        if (read_fingerprint(&agreed->remote_fingerprints[i], &out->fingerprints[out->fingerprint_count++]) != DTLS_OK)
            return peer_problem_set(connection, problem, PEER_ERROR_MALFORMED,
                                    "the fingerprint is not a hash name and as many hexadecimal pairs as that hash has (RFC 8122 section 5)");
    return PEER_OK;
}

/* RFC 8842 section 5.3: active sends the ClientHello. */
static enum dtls_role role_of(const struct sdp_negotiated_transport *agreed) {
    return agreed->local_setup == SDP_SETUP_ACTIVE ? DTLS_ROLE_CLIENT : DTLS_ROLE_SERVER;
}

static const char *rule_of(int error) {
    switch (error) {
    case PEER_ERROR_ARGUMENT: return "the ICE credentials are outside their grammar (RFC 8839 section 5.4)";
    case PEER_ERROR_NOT_SUPPORTED: return other_certificate;
    default: return
        "the transport cannot take these ICE credentials, or this DTLS role, now: a restart changes credentials on both sides (RFC 8445 section 9), "
        "and the role stays (RFC 8842 section 5.3)";
    }
}

/* The transport that carries the tagged section; a final answer may unfold what a provisional one had folded. */
static struct peer_transport_entry *entry_of_agreed(const struct peer_connection *connection, const struct sdp_negotiated_transport *agreed) {
    return agreed->section < SDP_SECTION_MAX ? peer_transports_at(connection, connection->offered_section_transports[agreed->section]) : NULL;
}

static bool has_ufrag(const struct peer_transport_entry *entry, struct sdp_view ufrag) {
    struct peer_transport_parameters ours;
    peer_transport_local_parameters(entry->transport, &ours);
    return ours.ufrag_length == ufrag.length && memcmp(ours.ufrag, ufrag.text, ufrag.length) == 0;
}

int peer_transports_check(struct peer_connection *connection, const struct sdp_negotiated *negotiated, struct peer_problem *problem) {
    for (size_t i = 0; i < negotiated->transport_count; i++) {
        const struct sdp_negotiated_transport *agreed = &negotiated->transports[i];
        struct peer_transport_parameters parameters;
        int error = read_parameters(connection, negotiated, agreed, &parameters, problem);
        if (error != PEER_OK)
            return error;
        /* An answer of ours is not set yet: its transports may be new, or about to restart. */
        const struct peer_transport_entry *entry = entry_of_agreed(connection, agreed);
        if (entry)
            error = peer_transport_check_remote_parameters(entry->transport, &parameters, role_of(agreed), !has_ufrag(entry, agreed->local_ufrag));
        if (error != PEER_OK) {
            (void)peer_problem_set(connection, problem, error, rule_of(error));
            if (problem)
                problem->section = (int)agreed->section;
            return error == PEER_ERROR_NOT_SUPPORTED ? error : PEER_ERROR_MALFORMED;
        }
    }
    return PEER_OK;
}

/* ---- it is ------------------------------------------------------------------------------------------------------------------------ */

static void fold(struct peer_connection *connection, const struct sdp_negotiated *negotiated) {
    for (size_t i = 0; i < negotiated->section_count; i++) {
        const struct sdp_negotiated_section *section = &negotiated->sections[i];
        /* RFC 9143 section 7.3: the answer folds sections into the transport of the tagged one; a refused section has none. */
        bool is_agreed = section->refusal == SDP_REFUSAL_NONE;
        connection->section_transports[i] = is_agreed ? connection->offered_section_transports[negotiated->transports[section->transport].section] : -1;
    }
    for (size_t i = 0; i < negotiated->transport_count; i++) {
        size_t tagged = negotiated->transports[i].section;
        /* What we refuse in the answer, a codec that we did not offer, the peer has accepted: its candidates come with this section all the same. */
        connection->section_transports[tagged] = connection->offered_section_transports[tagged];
        entry_of_agreed(connection, &negotiated->transports[i])->section = tagged;
    }
}

static bool is_used(const struct peer_connection *connection, size_t index) {
    for (size_t i = 0; i < SDP_SECTION_MAX; i++)
        if (connection->section_transports[i] == (int8_t)index)
            return true;
    return false;
}

static void settle(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    memcpy(connection->stable_section_transports, connection->section_transports, sizeof connection->section_transports);
    memcpy(connection->offered_section_transports, connection->section_transports, sizeof connection->section_transports);
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++) {
        entry->is_of_open_offer = entry->is_restarting = false;
        /* RFC 9429 section 5.11, RFC 9143 section 7.3: what no section uses is released. */
        if (!is_used(connection, i))
            peer_transports_leave(connection, now_us, i);
    }
}

int peer_transports_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, bool is_final, struct peer_problem *problem) {
    int error = peer_transports_check(connection, negotiated, problem);
    for (size_t i = 0; i < negotiated->transport_count && error == PEER_OK; i++) {
        const struct sdp_negotiated_transport *agreed = &negotiated->transports[i];
        struct peer_transport_entry *entry = entry_of_agreed(connection, agreed);
        struct peer_transport_parameters parameters;
        if (!entry)
            return peer_problem_set(connection, problem, PEER_ERROR_MALFORMED, "a section is agreed that our description gives no transport to (RFC 9143 section 7.3)");
        error = read_parameters(connection, negotiated, agreed, &parameters, problem);
        if (error == PEER_OK)
            error = peer_transport_set_remote_parameters(entry->transport, now_us, &parameters, role_of(agreed));
        if (error != PEER_OK)
            return peer_problem_set(connection, problem, error, "the transport could not take the description");
    }
    if (error != PEER_OK)
        return error;
    fold(connection, negotiated);
    if (is_final)
        settle(connection, now_us);
    return PEER_OK;
}
