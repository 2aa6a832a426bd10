/*
 * The offer of the peer, and our answer to it (RFC 9429 section 5.3). Both are judged when the offer comes, since only the answer
 * says whether anything can be agreed; create_answer then hands out what was written here.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

#define ANSWER_BYTES_PER_SECTION 4096u /* what one of our sections can take, with room to spare */

/*
 * RFC 9429 section 5.10: a transceiver takes the first section of its kind that has none. More sections than transceivers: the
 * rest is refused, and an empty mid in storage makes a transceiver that nothing was offered for.
 */
static void assign_sections(struct peer_connection *connection, const struct sdp_session *offer, struct peer_local_storage *storage, int sections[PEER_TRANSCEIVER_MAX]) {
    for (size_t i = 0; i < connection->transceiver_count; i++)
        sections[i] = -1;
    for (size_t s = 0; s < offer->section_count; s++) {
        const struct sdp_section *section = &offer->sections[s];
        enum sdp_media media = sdp_section_media(section);
        struct sdp_attribute bundle_only;
        bool is_stopped = section->port == 0 && !sdp_section_find(section, SDP_ATTRIBUTE_BUNDLE_ONLY, &bundle_only);
        if (is_stopped || section->mid.length > PEER_MID_MAX_BYTES || (media != SDP_MEDIA_AUDIO && media != SDP_MEDIA_VIDEO))
            continue;
        enum peer_media_kind kind = media == SDP_MEDIA_AUDIO ? PEER_AUDIO : PEER_VIDEO;
        for (size_t i = 0; i < connection->transceiver_count; i++) {
            if (connection->transceivers[i].facts.kind != kind || sections[i] >= 0)
                continue;
            sections[i] = (int)s;
            if (section->mid.length > 0)
                memcpy(storage->mids[i], section->mid.text, section->mid.length);
            break;
        }
    }
}

/* The reason that says most: of the first section that one of our transceivers could have taken. */
static int refuse_all(const struct sdp_session *offer, const enum sdp_refusal *refusals, struct peer_problem *problem) {
    size_t shown = 0;
    for (size_t i = offer->section_count; i-- > 0;)
        if (refusals[i] != SDP_REFUSAL_MEDIA && refusals[i] != SDP_REFUSAL_OFFERED)
            shown = i;
    if (offer->section_count == 0)
        return peer_problem_set(problem, PEER_ERROR_NOT_AGREED, "the offer has no media section (RFC 3264 section 5)");
    const struct sdp_section *section = &offer->sections[shown];
    if (problem)
        *problem = (struct peer_problem){.rule = sdp_refusal_text(refusals[shown]), .line = section->line, .section = (int)shown};
    return PEER_ERROR_NOT_AGREED;
}

/* Everything that one offer needs until it is answered; made aside, then put into the connection at once. */
struct offered {
    struct peer_local_storage storage;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    int sections[PEER_TRANSCEIVER_MAX];
    struct sdp_description *remote, *answer;
    struct sdp_negotiated *negotiated;
    char *text;
    size_t length;
};

static void offered_free(struct peer_connection *connection, struct offered *offered) {
    sdp_description_free(offered->remote);
    sdp_description_free(offered->answer);
    peer_connection_release(connection, offered->negotiated);
    peer_connection_release(connection, offered->text);
    peer_connection_release(connection, offered);
}

/* RFC 9429 section 5.3: the answer is written as soon as the offer is there, since it says whether anything can be agreed. */
static int write_answer(struct peer_connection *connection, struct offered *offered, struct peer_problem *problem) {
    const struct sdp_session *offer = &offered->remote->session;
    struct sdp_local local;
    assign_sections(connection, offer, &offered->storage, offered->sections);
    peer_local_describe(connection, &offered->storage, &local);
    local.session_version = connection->session_version + 1;
    /* A transceiver without a section must answer none: leave it out. */
    struct sdp_local_section used[PEER_TRANSCEIVER_MAX];
    size_t count = 0;
    for (size_t i = 0; i < connection->transceiver_count; i++)
        if (offered->sections[i] >= 0)
            used[count++] = offered->storage.sections[i];
    if (count == 0)
        return peer_problem_set(problem, PEER_ERROR_NOT_AGREED, "nothing offered is of a kind that we have a transceiver for (RFC 3264 section 6)");
    local.sections = used;
    local.section_count = count;
    size_t capacity = 2048 + offer->text.length + ANSWER_BYTES_PER_SECTION * count;
    offered->text = peer_connection_allocate(connection, capacity);
    if (!offered->text)
        return peer_problem_set(problem, PEER_ERROR_MEMORY, "out of memory");
    int written = sdp_write_answer(&local, offer, offered->text, capacity, offered->refusals);
    if (written < 0)
        return peer_problem_set(problem, peer_error_from_sdp(written), "the answer could not be written");
    offered->length = (size_t)written;
    for (size_t i = 0; i < offer->section_count; i++)
        if (offered->refusals[i] == SDP_REFUSAL_NONE)
            return PEER_OK;
    return refuse_all(offer, offered->refusals, problem);
}

static int negotiate_offer(struct peer_connection *connection, struct offered *offered, struct peer_problem *problem) {
    struct sdp_problem found = {0};
    int error = sdp_description_new(offered->text, offered->length, &connection->sdp_allocator, &offered->answer, &found);
    if (error != SDP_OK)
        return peer_problem_from_sdp(problem, peer_error_from_sdp(error), &found, NULL);
    offered->negotiated = peer_connection_allocate(connection, sizeof *offered->negotiated);
    if (!offered->negotiated)
        return peer_problem_set(problem, PEER_ERROR_MEMORY, "out of memory");
    error = sdp_negotiate(&offered->answer->session, &offered->remote->session, false, offered->negotiated, &found);
    if (error != SDP_OK)
        return peer_problem_from_sdp(problem, peer_error_from_sdp(error), &found, &offered->remote->session);
    struct peer_transport_parameters parameters;
    return peer_negotiated_check(offered->negotiated, &parameters, problem);
}

static struct sdp_view credential(const struct sdp_session *session, size_t section, enum sdp_attribute_kind kind) {
    struct sdp_attribute found;
    bool is_found = section < session->section_count && sdp_find(session, &session->sections[section], kind, &found);
    return is_found ? found.value : (struct sdp_view){NULL, 0};
}

static bool is_same(struct sdp_view a, struct sdp_view b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0);
}

/* RFC 8839 section 4.4.1.1.1: other credentials than in their last description are a restart. */
static bool is_restart(const struct peer_connection *connection, const struct sdp_session *offer) {
    static const enum sdp_attribute_kind credentials[] = {SDP_ATTRIBUTE_ICE_UFRAG, SDP_ATTRIBUTE_ICE_PWD};
    for (size_t i = 0; i < 2; i++)
        if (!is_same(credential(offer, connection->transport_section, credentials[i]),
                     credential(&connection->remote.sdp->session, connection->transport_section, credentials[i])))
            return true;
    return false;
}

static int prepare_transport(struct peer_connection *connection, uint64_t now_us, const struct sdp_session *offer) {
    if (connection->remote.sdp && !is_restart(connection, offer))
        return PEER_OK;
    if (connection->remote.sdp) { /* RFC 8445 section 9: the roles stay */
        connection->restart_wanted = false;
        return peer_transport_restart(connection->transports[0], now_us);
    }
    /* RFC 8445 section 6.1.1: the offerer controls, unless it is lite; the answerer then takes that over. */
    struct sdp_attribute lite;
    bool is_lite = sdp_header_find(offer, SDP_ATTRIBUTE_ICE_LITE, &lite);
    return peer_description_make_transport(connection, now_us, is_lite ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED);
}

static int take_offer(struct peer_connection *connection, uint64_t now_us, struct offered *offered, const char *text, size_t length, struct peer_problem *problem) {
    struct sdp_problem found = {0};
    int error = sdp_description_new(text, length, &connection->sdp_allocator, &offered->remote, &found);
    if (error != SDP_OK)
        return peer_problem_from_sdp(problem, peer_error_from_sdp(error), &found, NULL);
    error = prepare_transport(connection, now_us, &offered->remote->session);
    if (error != PEER_OK)
        return peer_problem_set(problem, error, "the transport could not be made or restarted");
    error = write_answer(connection, offered, problem);
    return error == PEER_OK ? negotiate_offer(connection, offered, problem) : error;
}

/* Nothing can fail from here on. */
static void adopt_offer(struct peer_connection *connection, struct offered *offered) {
    peer_description_replace(&connection->remote, PEER_SDP_OFFER, offered->remote);
    sdp_description_free(connection->answer);
    peer_connection_release(connection, connection->negotiated);
    connection->answer = offered->answer;
    connection->negotiated = offered->negotiated;
    peer_created_keep(connection, PEER_SDP_ANSWER, offered->text, offered->length);
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        connection->transceivers[i].section = offered->sections[i];
        memcpy(connection->transceivers[i].facts.mid, offered->storage.mids[i], sizeof offered->storage.mids[i]);
    }
    connection->session_version++;
    offered->remote = NULL;
    offered->answer = NULL;
    offered->negotiated = NULL;
    offered->text = NULL;
}

int peer_answer_take_offer(struct peer_connection *connection, uint64_t now_us, const char *text, size_t length, struct peer_problem *problem) {
    struct offered *offered = peer_connection_allocate(connection, sizeof *offered);
    if (!offered)
        return peer_problem_set(problem, PEER_ERROR_MEMORY, "out of memory");
    *offered = (struct offered){0};
    int error = take_offer(connection, now_us, offered, text, length, problem);
    if (error == PEER_OK) {
        adopt_offer(connection, offered);
        connection->transport_section = connection->negotiated->transport_section;
    }
    offered_free(connection, offered);
    return error == PEER_OK ? peer_candidates_take(connection, now_us) : error;
}
