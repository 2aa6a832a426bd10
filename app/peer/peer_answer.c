/* createAnswer: which sections of the peer's offer we take, and over which transports (RFC 9429 sections 5.3.1 and 5.3.2). */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

#define HEADER_BYTES 2048u
#define LIVE_SECTION_BYTES 8192u
#define DATA_SECTION_BYTES 1024u
#define REFUSED_SECTION_BYTES 256u

struct plan {
    const struct sdp_session *offer;
    struct peer_local *local;
    int data;                            /* the section that we take for data channels, -1: none */
    size_t tags[SDP_SECTION_MAX];        /* who would carry each section if all were accepted: what the bundle policy goes by */
    size_t carriers[SDP_SECTION_MAX];    /* who does */
    struct sdp_view first_bundle;        /* the mid that heads the BUNDLE we take; the sections of others have transports of their own */
    const struct sdp_local_transport *transports[SDP_SECTION_MAX]; /* by carrier */
    const char *reasons[SDP_SECTION_MAX]; /* why we refuse a section that sdp/ could answer; NULL: we do not */
};

/* ---- what the bundle policy refuses ---------------------------------------------------------------------------------------- */

static bool is_offered(const struct plan *plan, size_t index) {
    return sdp_section_is_offered(plan->offer, &plan->offer->sections[index]);
}

/* The first section that is offered; or of the kind of `index`, when is_of_kind. It is there, as `index` is offered. */
static size_t first_offered(const struct plan *plan, size_t index, bool is_of_kind) {
    size_t first = 0;
    while (!is_offered(plan, first) || (is_of_kind && !sdp_view_equal(plan->offer->sections[first].media, plan->offer->sections[index].media)))
        first++;
    return first;
}

/* RFC 9429 section 5.3.1, MUST: under max-bundle what does not share the transport of the first section, under balanced that of the first of its kind, is refused. */
static bool is_outside_policy(const struct peer_connection *connection, const struct plan *plan, size_t index) {
    switch (connection->config.bundle_policy) {
    case PEER_BUNDLE_MAX_COMPAT: return false;
    case PEER_BUNDLE_BALANCED: return plan->tags[index] != plan->tags[first_offered(plan, index, true)];
    case PEER_BUNDLE_MAX_BUNDLE: break;
    }
    return plan->tags[index] != plan->tags[first_offered(plan, index, false)];
}

/* ---- transports -------------------------------------------------------------------------------------------------------------- */

/* All that had this transport is refused, and what is new has the credentials that it had: to the peer it is the same. */
static size_t same_at_the_peer(const struct peer_connection *connection, const struct plan *plan, size_t tag) {
    const struct sdp_session *old = peer_description_session(&connection->current_remote);
    struct peer_credentials unused;
    for (size_t i = 0; old && i < old->section_count; i++)
        if (peer_description_credential(old, i, SDP_ATTRIBUTE_ICE_UFRAG).length > 0 && !peer_description_restarts(plan->offer, tag, old, i) &&
            peer_transports_credentials(connection, i, &unused))
            return i;
    return SDP_SECTION_MAX;
}

/* Can the transport that a section has now carry on with this carrier? What a provisional answer has told it of the peer, must be so still. */
static bool can_continue(const struct peer_connection *connection, const struct plan *plan, size_t section, size_t carrier) {
    const struct peer_transport_entry *entry = peer_transports_of_section(connection, section);
    size_t heir = entry ? peer_transports_heir(connection, plan->offer, plan->carriers, connection->section_transports[section]) : carrier;
    if (heir != carrier && heir != SDP_SECTION_MAX)
        return false;
    return entry && (!connection->pending_local.sdp || !peer_description_restarts(plan->offer, carrier, plan->offer, entry->section));
}

/* The section of the descriptions that are set whose transport this one goes on with; SDP_SECTION_MAX: it is new to us. */
static size_t continued_section(const struct peer_connection *connection, const struct plan *plan, size_t carrier, bool is_alone) {
    if (is_alone)
        return can_continue(connection, plan, carrier, carrier) ? carrier : SDP_SECTION_MAX;
    for (size_t i = 0; i < plan->offer->section_count; i++) {
        size_t section = i == 0 ? carrier : i - 1 < carrier ? i - 1 : i; /* the carrier first */
        if (plan->carriers[section] == carrier && can_continue(connection, plan, section, carrier))
            return section;
    }
    return same_at_the_peer(connection, plan, carrier);
}

/* RFC 8839 section 4.4.1.1.1: other credentials than in their last description are a restart. A provisional answer of ours has restarted already. */
static bool is_restarted(const struct peer_connection *connection, const struct plan *plan, size_t carrier, size_t continued) {
    const struct sdp_session *old = peer_description_session(&connection->current_remote);
    if (connection->pending_local.sdp || !old || continued >= old->section_count)
        return false;
    return peer_description_restarts(plan->offer, carrier, old, peer_description_carrier(connection, continued));
}

static bool is_in_other_bundle(const struct plan *plan, size_t index) {
    struct sdp_view head;
    return sdp_session_bundles(plan->offer, plan->offer->sections[index].mid, &head) && plan->first_bundle.length > 0 && !sdp_view_equal(head, plan->first_bundle);
}

/* A section that we could take: it has its transport, or there is none left for it. */
static void give_transport(struct peer_connection *connection, struct plan *plan, size_t index) {
    struct sdp_local_section *section = &plan->local->sections[index];
    /* deviation: of several BUNDLE groups we keep the first; sections of the others get transports of their own (RFC 9143 section 7.3.2). */
    section->unbundled = is_in_other_bundle(plan, index);
    size_t carrier = section->unbundled ? index : plan->carriers[index];
    if (!plan->transports[carrier]) {
        size_t continued = continued_section(connection, plan, carrier, section->unbundled);
        plan->transports[carrier] = peer_local_transport(connection, plan->local, continued, is_restarted(connection, plan, carrier, continued));
    }
    section->transport = plan->transports[carrier];
    section->refused = !section->transport;
    plan->reasons[index] = section->transport ? NULL : "it needs a transport of its own, and PEER_TRANSPORT_MAX are in use (RFC 9429 section 5.3.1)";
}

/* ---- the answer --------------------------------------------------------------------------------------------------------------- */

static void describe(struct peer_connection *connection, struct plan *plan, size_t index) {
    const struct peer_transceiver_entry *entry = peer_transceivers_of_section(connection, index);
    struct sdp_local_section *section = &plan->local->sections[index];
    bool is_outside = is_offered(plan, index) && is_outside_policy(connection, plan, index);
    if (is_outside)
        plan->reasons[index] = "it is not in the BUNDLE that the bundle policy asks for (RFC 9429 section 5.3.1)";
    /* RFC 9429 section 5.3.1: data is taken whether or not we have a channel: the peer will have one. */
    bool is_data = (int)index == plan->data;
    /* W3C webrtc section 5.4, stop: one that is only stopping is answered as inactive, and refused by our next offer. */
    if ((!is_data && (!entry || entry->facts.stopped)) || !is_offered(plan, index) || is_outside) {
        *section = (struct sdp_local_section){.media = sdp_section_media(&plan->offer->sections[index]), .refused = true};
        return;
    }
    if (is_data)
        peer_local_describe_data(plan->local, index);
    else
        peer_local_describe(connection, plan->local, index, entry, false);
    give_transport(connection, plan, index);
}

/* What the answer took tells who carries what. True: that is not what we thought, and transports have been chosen anew. */
static bool choose_again(struct peer_connection *connection, struct plan *plan, const struct sdp_session *answer) {
    bool is_other = false;
    size_t carriers[SDP_SECTION_MAX];
    sdp_bundle_tags(answer, carriers);
    for (size_t i = 0; i < answer->section_count; i++)
        is_other |= answer->sections[i].port != 0 && carriers[i] != plan->carriers[i] && !plan->local->sections[i].unbundled;
    if (!is_other)
        return false;
    memcpy(plan->carriers, carriers, sizeof plan->carriers);
    memset(plan->transports, 0, sizeof plan->transports);
    plan->local->transport_count = 0;
    for (size_t i = 0; i < answer->section_count; i++)
        if (!plan->local->sections[i].refused)
            give_transport(connection, plan, i);
    return true;
}

static int write_into(struct peer_connection *connection, struct plan *plan, char *text, size_t capacity, enum sdp_refusal *refusals) {
    struct sdp_session *answer = peer_connection_allocate(connection, sizeof *answer);
    if (!answer)
        return SDP_ERROR_MEMORY;
    int written = sdp_write_answer(&plan->local->sdp, plan->offer, text, capacity, refusals);
    if (written >= 0 && sdp_parse(text, (size_t)written, answer, NULL) == SDP_OK && choose_again(connection, plan, answer))
        written = sdp_write_answer(&plan->local->sdp, plan->offer, text, capacity, refusals);
    peer_connection_release(connection, answer);
    return written;
}

static int write_answer(struct peer_connection *connection, struct plan *plan, struct peer_problem *problem) {
    size_t count = plan->offer->section_count;
    enum sdp_refusal refusals[SDP_SECTION_MAX];
    size_t capacity = HEADER_BYTES + DATA_SECTION_BYTES + plan->offer->text.length + LIVE_SECTION_BYTES * plan->local->media_count + REFUSED_SECTION_BYTES * count;
    char *text = peer_connection_allocate(connection, capacity);
    if (!text)
        return peer_problem_set(connection, problem, PEER_ERROR_MEMORY, "out of memory");
    plan->local->sdp.section_count = count;
    int written = write_into(connection, plan, text, capacity, refusals);
    if (written < 0) {
        peer_connection_release(connection, text);
        return peer_problem_set(connection, problem, peer_error_from_sdp(written), "the answer could not be written");
    }
    peer_connection_release(connection, connection->created_answer.text);
    connection->created_answer = (struct peer_created){.text = text, .length = (size_t)written};
    for (size_t i = 0; i < count; i++) {
        bool is_ours = refusals[i] == SDP_REFUSAL_STOPPED && plan->reasons[i];
        connection->created_answer.refusals[i] = refusals[i] == SDP_REFUSAL_NONE ? NULL : is_ours ? plan->reasons[i] : sdp_refusal_text(refusals[i]);
    }
    connection->session_version++;
    return PEER_OK;
}

int peer_answer_make(struct peer_connection *connection, struct peer_problem *problem) {
    struct plan plan = {.offer = &connection->pending_remote.sdp->session, .local = peer_local_new(connection)};
    if (!plan.local)
        return peer_problem_set(connection, problem, PEER_ERROR_MEMORY, "out of memory");
    plan.data = peer_channels_offered_section(connection, plan.offer);
    sdp_bundle_tags(plan.offer, plan.tags);
    memcpy(plan.carriers, plan.tags, sizeof plan.carriers);
    for (size_t i = 0; i < plan.offer->section_count && plan.first_bundle.length == 0; i++)
        if (is_offered(&plan, i))
            (void)sdp_session_bundles(plan.offer, plan.offer->sections[i].mid, &plan.first_bundle);
    for (size_t i = 0; i < plan.offer->section_count; i++)
        describe(connection, &plan, i);
    int error = write_answer(connection, &plan, problem);
    peer_connection_release(connection, plan.local);
    return error;
}

int peer_connection_create_answer(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem) {
    static const char *const rules[] = {
        [PEER_SIGNALING_STABLE] =
            "the signaling state is stable: createAnswer expects have-remote-offer or have-local-pranswer (W3C webrtc section 4.4.2); an offer of "
            "the peer comes first",
        [PEER_SIGNALING_HAVE_LOCAL_OFFER] =
            "the signaling state is have-local-offer: createAnswer expects have-remote-offer or have-local-pranswer (W3C webrtc section 4.4.2); the "
            "peer answers",
        [PEER_SIGNALING_HAVE_REMOTE_OFFER] = NULL,
        [PEER_SIGNALING_HAVE_LOCAL_PRANSWER] = NULL,
        [PEER_SIGNALING_HAVE_REMOTE_PRANSWER] =
            "the signaling state is have-remote-pranswer: createAnswer expects have-remote-offer or have-local-pranswer (W3C webrtc section 4.4.2); "
            "the peer answers",
        [PEER_SIGNALING_CLOSED] =
            "the signaling state is closed: createAnswer expects have-remote-offer or have-local-pranswer (W3C webrtc section 4.4.2); make another "
            "connection",
    };
    connection->now_us = now_us;
    if (rules[connection->signaling_state])
        return peer_problem_set(connection, problem, PEER_ERROR_STATE, rules[connection->signaling_state]);
    int error = peer_answer_make(connection, problem);
    return error == PEER_OK ? peer_created_hand_out(connection, &connection->created_answer, text, capacity, length, problem) : error;
}
