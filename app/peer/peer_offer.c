/* createOffer: which sections an offer has, whose they are, and which of them carry a transport (RFC 9429 sections 5.2.1 and 5.2.2). */
#include <assert.h>
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- which section is whose --------------------------------------------------------------------------------------------- */

enum { NOBODY = -1, DATA = -2 };

struct plan {
    const struct sdp_session *base; /* the sections that are there already; NULL: none */
    int owners[SDP_SECTION_MAX];    /* numbers of transceivers; NOBODY: refused; DATA: data channels */
    int data_before;                /* the section of data channels that is there already; -1: none */
    size_t count;
    struct peer_local *local;
};

/* RFC 9429 section 5.2.2: a section that either current description refuses, and that is nobody's, is there to be recycled. */
static bool is_recyclable(const struct peer_connection *connection, const struct plan *plan, size_t section) {
    const struct sdp_session *current = peer_description_session(&connection->current_local);
    return plan->owners[section] == NOBODY && !peer_transceivers_of_section(connection, section) && current && section < current->section_count &&
           (!peer_description_is_live(&connection->current_local, section) || !peer_description_is_live(&connection->current_remote, section));
}

/* The one without a section that was made first, of those after `order`. */
static struct peer_transceiver_entry *next_unassociated(const struct peer_connection *connection, uint64_t order, size_t *number) {
    struct peer_transceiver_entry *entry, *next = NULL;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (entry->facts.section < 0 && !entry->facts.stopping && entry->order >= order && (!next || entry->order < next->order)) {
            next = entry;
            *number = i;
        }
    return next;
}

/* The first section that can be recycled, else one behind all. False: there are SDP_SECTION_MAX. */
static bool place(const struct peer_connection *connection, struct plan *plan, int owner) {
    size_t section = 0;
    while (section < plan->count && !is_recyclable(connection, plan, section))
        section++;
    if (section == SDP_SECTION_MAX)
        return false;
    plan->owners[section] = owner;
    plan->count += section == plan->count;
    return true;
}

static bool assign(const struct peer_connection *connection, struct plan *plan) {
    struct peer_transceiver_entry *entry;
    size_t number = 0;
    plan->base = peer_description_local(connection);
    plan->count = plan->base ? plan->base->section_count : 0;
    for (size_t i = 0; i < SDP_SECTION_MAX; i++)
        plan->owners[i] = NOBODY;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (entry->facts.section >= 0 && !entry->facts.stopping) /* RFC 9429 section 5.2.2, MUST: port 0 for one that is stopped */
            plan->owners[entry->facts.section] = (int)i;
    plan->data_before = peer_channels_section(connection);
    if (plan->data_before >= 0)
        plan->owners[plan->data_before] = DATA;
    for (uint64_t order = 0; (entry = next_unassociated(connection, order, &number)); order = entry->order + 1)
        if (!place(connection, plan, (int)number))
            return false;
    /* RFC 9429 section 5.2.1, MUST: one section for data, behind those of media, once a data channel has been created. */
    return plan->data_before >= 0 || !connection->channels.is_wanted || place(connection, plan, DATA);
}

/* ---- one section ------------------------------------------------------------------------------------------------------------ */

/* A place that nobody has, or that is given up: port 0, and what it was (RFC 9429 section 5.2.2). */
static void refuse_section(const struct plan *plan, size_t index) {
    struct peer_local *local = plan->local;
    const struct sdp_section *base = &plan->base->sections[index];
    char *name = local->names[index];
    local->sections[index] = (struct sdp_local_section){.media = sdp_section_media(base), .refused = true, .mid = local->mids[index]};
    if (base->media.length < sizeof local->names[index]) {
        memcpy(name, base->media.text, base->media.length);
        name[base->media.length] = '\0';
        local->sections[index].media_name = name;
    }
}

static void describe(const struct peer_connection *connection, const struct plan *plan, size_t index, uint32_t *next_mid) {
    const struct peer_transceiver_entry *entry = plan->owners[index] >= 0 ? connection->transceivers[plan->owners[index]] : NULL;
    char *mid = plan->local->mids[index];
    struct sdp_view of_base = plan->base && index < plan->base->section_count ? plan->base->sections[index].mid : (struct sdp_view){NULL, 0};
    if (entry && entry->facts.section >= 0)
        memcpy(mid, entry->facts.mid, sizeof entry->facts.mid);
    else if (!entry && (plan->owners[index] == NOBODY || (int)index == plan->data_before) && of_base.length > 0 && of_base.length <= PEER_MID_MAX_BYTES)
        memcpy(mid, of_base.text, of_base.length);
    else
        peer_numbers_make_mid(connection, next_mid, mid);
    if (entry)
        peer_local_describe(connection, plan->local, index, entry, true);
    else if (plan->owners[index] == DATA)
        peer_local_describe_data(plan->local, index);
    else
        refuse_section(plan, index);
    plan->local->sections[index].mid = mid;
}

/* ---- transports ------------------------------------------------------------------------------------------------------------- */

/* Has its transport been agreed on, for who has it now? */
static bool is_negotiated(const struct peer_connection *connection, const struct plan *plan, size_t index) {
    bool is_same = plan->owners[index] == DATA ? peer_channels_is_section(peer_description_session(&connection->current_local), index)
                                               : connection->transceivers[plan->owners[index]]->stable.section == (int)index;
    return is_same && peer_description_is_live(&connection->current_local, index) &&
           peer_description_is_live(&connection->current_remote, index);
}

static bool is_in_bundle(const struct peer_connection *connection, size_t index) {
    const struct sdp_session *local = peer_description_session(&connection->current_local), *remote = peer_description_session(&connection->current_remote);
    const struct sdp_session *answer = connection->current_local.type == PEER_SDP_ANSWER ? local : remote;
    return sdp_session_bundles(answer, answer->sections[index].mid, NULL);
}

/* RFC 9429 section 4.1.1: does the policy give this section a transport of its own, where those before it have what they have? */
static bool carries(const struct peer_connection *connection, const struct plan *plan, size_t index) {
    bool is_first = true, is_first_of_kind = true;
    for (size_t i = 0; i < index; i++) {
        const struct sdp_local_section *before = &plan->local->sections[i];
        if (before->refused || before->unbundled)
            continue;
        is_first = false;
        is_first_of_kind &= before->media != plan->local->sections[index].media;
    }
    switch (connection->config.bundle_policy) {
    case PEER_BUNDLE_MAX_COMPAT: return true;
    case PEER_BUNDLE_BALANCED: return is_first_of_kind;
    case PEER_BUNDLE_MAX_BUNDLE: break;
    }
    return is_first;
}

/* Has an offer that is open restarted the transport that this section would share? To the peer it goes on with those that have agreed on it, or not at all. */
static bool is_restarting(const struct peer_connection *connection, size_t index) {
    const struct peer_transport_entry *entry = peer_transports_of_section(connection, index);
    return entry && entry->is_restarting;
}

/* False: PEER_TRANSPORT_MAX, and no BUNDLE to go into. */
static bool give_transports(struct peer_connection *connection, struct plan *plan) {
    /* W3C webrtc section 4.4.2, createOffer: credentials to be replaced are, once. */
    bool has_bundle = false;
    for (size_t i = 0; i < plan->count; i++) {
        struct sdp_local_section *section = &plan->local->sections[i];
        if (section->refused || !is_negotiated(connection, plan, i))
            continue;
        /* RFC 9429 section 5.2.2, MUST: what is bundled stays so, what is not stays out. */
        section->unbundled = !is_in_bundle(connection, i);
        section->transport = peer_local_transport(connection, plan->local, i, peer_restart_is_wanted(connection, i));
        if (!section->transport)
            return false;
        has_bundle |= !section->unbundled;
    }
    bool can_share = has_bundle;
    for (size_t i = 0; i < plan->count; i++) {
        struct sdp_local_section *section = &plan->local->sections[i];
        if (section->refused || section->transport)
            continue;
        /* Where BUNDLE has been agreed, nobody needs another transport: the peer knows how to share one. */
        if (!has_bundle && carries(connection, plan, i))
            section->transport = peer_local_transport(connection, plan->local, i, peer_restart_is_wanted(connection, i) || is_restarting(connection, i));
        section->bundle_only = !section->transport;
        if (section->bundle_only && !can_share)
            return false;
        can_share |= !section->bundle_only;
    }
    return true;
}

/* ---- the text ----------------------------------------------------------------------------------------------------------------- */

#define HEADER_BYTES 2048u
#define LIVE_SECTION_BYTES 8192u
#define DATA_SECTION_BYTES 1024u
#define REFUSED_SECTION_BYTES 256u

static int write_offer(struct peer_connection *connection, struct plan *plan, struct peer_problem *problem) {
    size_t capacity = HEADER_BYTES + DATA_SECTION_BYTES + LIVE_SECTION_BYTES * plan->local->media_count + REFUSED_SECTION_BYTES * plan->count;
    char *text = peer_connection_allocate(connection, capacity);
    if (!text)
        return peer_problem_set(connection, problem, PEER_ERROR_MEMORY, "out of memory");
    plan->local->sdp.section_count = plan->count;
    int written = sdp_write_offer(&plan->local->sdp, text, capacity);
    if (written < 0) {
        peer_connection_release(connection, text);
        return peer_problem_set(connection, problem, peer_error_from_sdp(written), "the offer could not be written");
    }
    struct peer_created *created = &connection->created_offer;
    peer_connection_release(connection, created->text);
    *created = (struct peer_created){.text = text, .length = (size_t)written};
    for (size_t i = 0; i < SDP_SECTION_MAX; i++)
        created->transceivers[i] = (int8_t)(i < plan->count ? plan->owners[i] : -1);
    /* RFC 9429 section 5.2.2, MUST: every offer that may differ has a version of its own. */
    connection->session_version++;
    return PEER_OK;
}

int peer_offer_make(struct peer_connection *connection, struct peer_problem *problem) {
    static_assert(PEER_TRANSCEIVER_MAX <= INT8_MAX, "their numbers are kept in an int8_t");
    struct plan plan;
    if (!assign(connection, &plan))
        return peer_problem_set(connection, problem, PEER_ERROR_CAPACITY, "a description has at most SDP_SECTION_MAX sections, and none of them can be recycled");
    plan.local = peer_local_new(connection);
    if (!plan.local)
        return peer_problem_set(connection, problem, PEER_ERROR_MEMORY, "out of memory");
    uint32_t next_mid = connection->next_mid;
    for (size_t i = 0; i < plan.count; i++)
        describe(connection, &plan, i, &next_mid);
    static const char no_room[] = "the sections need more than PEER_TRANSPORT_MAX transports, and there is no BUNDLE that they could share one in";
    int error = give_transports(connection, &plan) ? write_offer(connection, &plan, problem)
                                                   : peer_problem_set(connection, problem, PEER_ERROR_CAPACITY, no_room);
    peer_connection_release(connection, plan.local);
    return error;
}

/* ---- createOffer ---------------------------------------------------------------------------------------------------------------- */

int peer_created_hand_out(struct peer_connection *connection, const struct peer_created *created, char *text, size_t capacity, size_t *length,
                          struct peer_problem *problem) {
    if (created->length >= capacity)
        return peer_problem_set(connection, problem, PEER_ERROR_BUFFER, "the buffer is too small for the description and its NUL");
    memcpy(text, created->text, created->length);
    text[created->length] = '\0';
    *length = created->length;
    return PEER_OK;
}

int peer_connection_create_offer(struct peer_connection *connection, uint64_t now_us, char *text, size_t capacity, size_t *length, struct peer_problem *problem) {
    static const char *const rules[] = {
        [PEER_SIGNALING_HAVE_REMOTE_OFFER] =
            "the signaling state is have-remote-offer: createOffer expects stable or have-local-offer (W3C webrtc section 4.4.2); answer, or roll "
            "back, first",
        [PEER_SIGNALING_HAVE_LOCAL_PRANSWER] =
            "the signaling state is have-local-pranswer: createOffer expects stable or have-local-offer (W3C webrtc section 4.4.2); answer first",
        [PEER_SIGNALING_HAVE_REMOTE_PRANSWER] =
            "the signaling state is have-remote-pranswer: createOffer expects stable or have-local-offer (W3C webrtc section 4.4.2); the answer of "
            "the peer comes first",
        [PEER_SIGNALING_CLOSED] =
            "the signaling state is closed: createOffer expects stable or have-local-offer (W3C webrtc section 4.4.2); make another connection",
    };
    connection->now_us = now_us;
    if (rules[connection->signaling_state])
        return peer_problem_set(connection, problem, PEER_ERROR_STATE, rules[connection->signaling_state]);
    int error = peer_offer_make(connection, problem);
    return error == PEER_OK ? peer_created_hand_out(connection, &connection->created_offer, text, capacity, length, problem) : error;
}
