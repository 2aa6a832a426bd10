/*
 * The transports of a PeerConnection, and which section has which (RFC 9429 section 3.5, RFC 9143).
 *
 *     set_local       every section of the description gets the transport that its ICE credentials, or its BUNDLE, name: `offered`
 *     apply           BUNDLE folds sections together: `section_transports`. After a final answer that is `stable`, and what nobody has leaves
 *     rollback        `stable` is what holds again
 *
 * A place in the array is a set of sockets: place 0 has those of handle_interfaces, which stay; each other one asks for its own
 * (SOCKETS_NEEDED) and gives them back (SOCKETS_FREE). One that leaves says goodbye by them while the next may be there already.
 */
#include <assert.h>
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- the array ------------------------------------------------------------------------------------------------------------ */

static void clear(int8_t *transports) {
    memset(transports, -1, SDP_SECTION_MAX);
}

void peer_transports_init(struct peer_connection *connection) {
    clear(connection->section_transports);
    clear(connection->stable_section_transports);
    clear(connection->offered_section_transports);
}

struct peer_transport_entry *peer_transports_place(struct peer_connection *connection, size_t index) {
    assert(index < PEER_TRANSPORT_MAX);
    if (!connection->transports[index]) {
        struct peer_transport_entry *entry = peer_connection_allocate(connection, sizeof *entry);
        if (entry)
            memset(entry, 0, sizeof *entry);
        connection->transports[index] = entry;
        if (entry && index >= connection->transport_end)
            connection->transport_end = index + 1;
    }
    return connection->transports[index];
}

struct peer_transport_entry *peer_transports_next(const struct peer_connection *connection, size_t *index) {
    for (; *index < connection->transport_end; (*index)++)
        if (connection->transports[*index] && connection->transports[*index]->transport)
            return connection->transports[*index];
    return NULL;
}

struct peer_transport_entry *peer_transports_at(const struct peer_connection *connection, int8_t index) {
    struct peer_transport_entry *entry = index >= 0 ? connection->transports[index] : NULL;
    return entry && entry->transport ? entry : NULL;
}

struct peer_transport_entry *peer_transports_of_section(const struct peer_connection *connection, size_t section) {
    return section < SDP_SECTION_MAX ? peer_transports_at(connection, connection->section_transports[section]) : NULL;
}

const struct peer_transport *peer_connection_transport(const struct peer_connection *connection, size_t index) {
    const struct peer_transport_entry *entry = index < PEER_TRANSPORT_MAX ? peer_transports_at(connection, (int8_t)index) : NULL;
    return entry ? entry->transport : NULL;
}

/* ---- what our descriptions say of them -------------------------------------------------------------------------------------- */

static void random_text(struct peer_connection *connection, char *text, size_t length) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    peer_connection_random(connection, text, length);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[text[i] & 63];
    text[length] = '\0';
}

void peer_transports_make_credentials(struct peer_connection *connection, struct peer_credentials *out) {
    /* RFC 8839 section 5.4, MUST: at least 24 bits of ufrag and 128 of password. */
    random_text(connection, out->ufrag, 8);
    random_text(connection, out->password, 24);
}

bool peer_transports_credentials(const struct peer_connection *connection, size_t section, struct peer_credentials *out) {
    const struct peer_transport_entry *entry = peer_transports_of_section(connection, section);
    if (!entry)
        return false;
    struct peer_transport_parameters ours;
    peer_transport_local_parameters(entry->transport, &ours);
    memcpy(out->ufrag, ours.ufrag, ours.ufrag_length + 1);
    memcpy(out->password, ours.password, ours.password_length + 1);
    return true;
}

enum peer_setup peer_transports_setup(const struct peer_connection *connection, size_t section) {
    const struct peer_transport_entry *entry = peer_transports_of_section(connection, section);
    struct peer_transport_parameters ours = {.setup = PEER_SETUP_ACTPASS};
    if (entry)
        peer_transport_local_parameters(entry->transport, &ours);
    return ours.setup;
}

/* ---- a transport comes and goes ---------------------------------------------------------------------------------------------- */

int peer_transports_gather(struct peer_connection *connection, struct peer_transport_entry *entry, uint64_t now_us) {
    (void)connection;
    if (!entry->transport || entry->is_gathering || !entry->has_interfaces)
        return PEER_OK;
    entry->is_gathering = true;
    return peer_transport_gather(entry->transport, now_us);
}

/* The first place that is free; -1: all PEER_TRANSPORT_MAX are taken. */
static int8_t free_place(const struct peer_connection *connection) {
    for (int8_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        if (!connection->transports[i] || !connection->transports[i]->transport)
            return i;
    return -1;
}

static int make(struct peer_connection *connection, uint64_t now_us, const struct peer_credentials *ours, enum ice_role role, int8_t *index) {
    *index = free_place(connection);
    if (*index < 0)
        return PEER_ERROR_CAPACITY;
    struct peer_transport_entry *entry = peer_transports_place(connection, (size_t)*index);
    if (!entry)
        return PEER_ERROR_MEMORY;
    struct peer_transport_config config = {.ice = connection->config.ice, .certificate = connection->config.certificate, .key_log = connection->config.key_log};
    config.ice.role = role;
    config.ice.local_ufrag = ours->ufrag;
    config.ice.local_password = ours->password;
    config.ice.first_stream_id = ((uint64_t)connection->next_transport_serial << 32) + 1;
    entry->transport = peer_transport_new(&config, now_us);
    if (!entry->transport)
        return PEER_ERROR_MEMORY;
    entry->serial = connection->next_transport_serial++;
    entry->states = (struct peer_transport_states){0};
    entry->is_of_open_offer = true;
    entry->is_restarting = entry->is_gathering = false;
    entry->dtls_pending = entry->end_of_candidates_pending = false;
    entry->sockets_needed_pending = !entry->has_interfaces && !entry->sockets_asked && *index != 0;
    int error = entry->has_interfaces ? peer_transport_handle_interfaces(entry->transport, now_us, entry->interfaces, entry->interface_count) : PEER_OK;
    return error == PEER_OK ? peer_transports_gather(connection, entry, now_us) : error;
}

void peer_transports_leave(struct peer_connection *connection, uint64_t now_us, size_t index) {
    struct peer_transport_entry *entry = connection->transports[index];
    peer_media_drop_transport(connection, index);
    peer_transport_close(entry->transport, now_us);
    peer_transport_free(entry->leaving); /* nobody has drained since: it goes without a word */
    entry->leaving = entry->transport;
    entry->leaving_serial = entry->serial;
    entry->transport = NULL;
    entry->has_left = false;
    entry->is_of_open_offer = entry->is_restarting = false;
    entry->dtls_pending = entry->end_of_candidates_pending = false;
}

void peer_transports_vacate(struct peer_connection *connection, size_t index) {
    struct peer_transport_entry *entry = connection->transports[index];
    peer_transport_free(entry->leaving);
    entry->leaving = NULL;
    if (entry->transport || index == 0)
        return; /* the sockets of handle_interfaces stay: the next one has them */
    entry->sockets_free_pending |= entry->sockets_asked;
    entry->sockets_asked = entry->sockets_needed_pending = entry->has_interfaces = false;
    entry->interface_count = 0;
}

/* ---- a local description ------------------------------------------------------------------------------------------------------ */

static bool read_credentials(const struct sdp_section *section, struct peer_credentials *out) {
    struct sdp_attribute ufrag, password;
    if (!sdp_section_find(section, SDP_ATTRIBUTE_ICE_UFRAG, &ufrag) || !sdp_section_find(section, SDP_ATTRIBUTE_ICE_PWD, &password))
        return false;
    if (ufrag.value.length >= sizeof out->ufrag || password.value.length >= sizeof out->password)
        return false;
    *out = (struct peer_credentials){0};
    memcpy(out->ufrag, ufrag.value.text, ufrag.value.length);
    memcpy(out->password, password.value.text, password.value.length);
    return true;
}

static bool has_credentials(const struct peer_transport_entry *entry, const struct peer_credentials *credentials) {
    struct peer_transport_parameters ours;
    peer_transport_local_parameters(entry->transport, &ours);
    return strcmp(ours.ufrag, credentials->ufrag) == 0 && strcmp(ours.password, credentials->password) == 0;
}

static int8_t find_by_credentials(const struct peer_connection *connection, const struct peer_credentials *credentials) {
    const struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        if (has_credentials(entry, credentials))
            return (int8_t)i;
    return -1;
}

/* Does a section of this description still have the transport as it is? Then other credentials are another transport, not a restart. */
static bool is_kept(const struct peer_transport_entry *entry, const struct sdp_session *local) {
    struct peer_credentials credentials;
    for (size_t i = 0; i < local->section_count; i++)
        if (read_credentials(&local->sections[i], &credentials) && has_credentials(entry, &credentials))
            return true;
    return false;
}

/* The place of the transport that was agreed on for a section, if this description has these credentials there; -1. */
static int8_t agreed_place(const struct peer_connection *connection, const struct sdp_session *local, size_t section, const struct peer_credentials *ours) {
    struct peer_credentials described;
    if (!sdp_section_is_offered(local, &local->sections[section]) || !read_credentials(&local->sections[section], &described))
        return -1;
    bool is_same = strcmp(described.ufrag, ours->ufrag) == 0 && strcmp(described.password, ours->password) == 0;
    return is_same ? connection->stable_section_transports[section] : -1;
}

/*
 * RFC 9429 section 5.2.2, RFC 8839 section 4.4.1.1.1: other credentials are an ICE restart, but for an answer that only ends what a provisional one
 * began. Of which transport? The one that the peer goes on with, too: that of the tagged section, else of the first that shares its credentials;
 * what only open offers had, the peer does not know, and one of those may have begun with these as well as with others. -1: of none, they are new.
 */
static int8_t restarted_place(const struct peer_connection *connection, const struct sdp_session *local, size_t tagged, size_t section,
                              const struct peer_credentials *ours) {
    int8_t place = agreed_place(connection, local, tagged, ours);
    for (size_t i = 0; i < local->section_count && place < 0; i++)
        place = agreed_place(connection, local, i, ours);
    bool is_agreed = place >= 0;
    if (!is_agreed)
        place = connection->section_transports[section];
    const struct peer_transport_entry *entry = peer_transports_at(connection, place);
    if (!entry || (!is_agreed && !entry->is_of_open_offer) || connection->signaling_state == PEER_SIGNALING_HAVE_LOCAL_PRANSWER)
        return -1;
    return is_kept(entry, local) ? -1 : place;
}

/* The transport of a section that describes one of its own. */
static int place_section(struct peer_connection *connection, uint64_t now_us, const struct sdp_session *local, size_t tagged, size_t section,
                         const struct peer_credentials *ours, enum ice_role role) {
    int8_t *place = &connection->offered_section_transports[section];
    *place = find_by_credentials(connection, ours);
    if (*place >= 0)
        return PEER_OK;
    *place = restarted_place(connection, local, tagged, section, ours);
    if (*place < 0)
        return make(connection, now_us, ours, role, place);
    struct peer_transport_entry *entry = connection->transports[*place];
    entry->is_restarting = !entry->is_of_open_offer;
    return peer_transport_restart(entry->transport, now_us, ours->ufrag, ours->password);
}

static bool is_first_with(const struct sdp_session *local, size_t section, const struct peer_credentials *ours) {
    struct peer_credentials other;
    for (size_t i = 0; i < section; i++)
        if (read_credentials(&local->sections[i], &other) && strcmp(other.ufrag, ours->ufrag) == 0)
            return false;
    return true;
}

/* Nothing has changed yet. */
static bool has_room(const struct peer_connection *connection, const struct sdp_session *local, const size_t *tagged) {
    size_t needed = 0, free = 0;
    struct peer_credentials ours;
    for (size_t i = 0; i < local->section_count; i++)
        needed += sdp_section_is_offered(local, &local->sections[i]) && read_credentials(&local->sections[i], &ours) && find_by_credentials(connection, &ours) < 0 &&
                  restarted_place(connection, local, tagged[i], i, &ours) < 0 && is_first_with(local, i, &ours);
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        free += !connection->transports[i] || !connection->transports[i]->transport;
    return needed <= free;
}

/* Candidates are told with the first section that has the transport (RFC 9143 section 7.1.3). */
static void note_tagged_sections(struct peer_connection *connection, size_t count) {
    bool seen[PEER_TRANSPORT_MAX] = {false};
    for (size_t i = 0; i < count; i++) {
        int8_t place = connection->offered_section_transports[i];
        if (place < 0 || seen[place])
            continue;
        seen[place] = true;
        connection->transports[place]->section = i;
    }
}

int peer_transports_set_local(struct peer_connection *connection, uint64_t now_us, const struct sdp_session *local, bool is_offer, enum ice_role role) {
    size_t tagged[SDP_SECTION_MAX];
    int8_t before[SDP_SECTION_MAX];
    struct peer_credentials ours;
    int error = PEER_OK;
    sdp_bundle_tags(local, tagged);
    if (!has_room(connection, local, tagged))
        return PEER_ERROR_CAPACITY;
    memcpy(before, connection->offered_section_transports, sizeof before);
    clear(connection->offered_section_transports);
    for (size_t i = 0; i < local->section_count && error == PEER_OK; i++)
        if (sdp_section_is_offered(local, &local->sections[i]) && read_credentials(&local->sections[i], &ours))
            error = place_section(connection, now_us, local, tagged[i], i, &ours, role);
    for (size_t i = 0; i < local->section_count && error == PEER_OK; i++)
        if (sdp_section_is_offered(local, &local->sections[i]) && connection->offered_section_transports[i] < 0)
            connection->offered_section_transports[i] = connection->offered_section_transports[tagged[i]];
    if (error != PEER_OK) {
        memcpy(connection->offered_section_transports, before, sizeof before);
        return error;
    }
    note_tagged_sections(connection, local->section_count);
    /* Until the answer, what was agreed holds for the sections that were there before. */
    for (size_t i = 0; i < local->section_count; i++)
        if (!is_offer || connection->stable_section_transports[i] < 0)
            connection->section_transports[i] = connection->offered_section_transports[i];
    return PEER_OK;
}

void peer_transports_rollback(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    memcpy(connection->section_transports, connection->stable_section_transports, sizeof connection->section_transports);
    memcpy(connection->offered_section_transports, connection->stable_section_transports, sizeof connection->offered_section_transports);
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++) {
        if (entry->is_restarting)
            (void)peer_transport_cancel_restart(entry->transport, now_us);
        entry->is_restarting = false;
        if (entry->is_of_open_offer)
            peer_transports_leave(connection, now_us, i);
    }
    note_tagged_sections(connection, SDP_SECTION_MAX);
}

/* ---- candidates -------------------------------------------------------------------------------------------------------------- */

int peer_transports_add_candidate(struct peer_connection *connection, uint64_t now_us, size_t section, const struct ice_candidate *candidate) {
    struct peer_transport_entry *entry = peer_transports_of_section(connection, section);
    if (!entry)
        return PEER_OK;
    bool is_folded = entry->section != section;
    /* RFC 9143 section 10: a section that is folded away has no candidates of its own; those that name the transport's ufrag are the transport's. */
    if (!candidate)
        return is_folded ? PEER_OK : peer_transport_end_of_remote_candidates(entry->transport, now_us);
    if (is_folded && candidate->ufrag[0] == '\0')
        return PEER_OK;
    int error = peer_transport_add_remote_candidate(entry->transport, now_us, candidate);
    return is_folded && error == PEER_ERROR_STATE ? PEER_OK : error;
}

/* ---- the end ---------------------------------------------------------------------------------------------------------------------- */

void peer_transports_close(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        peer_transport_close(entry->transport, now_us);
}

void peer_transports_free(struct peer_connection *connection) {
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++) {
        if (connection->transports[i]) {
            peer_transport_free(connection->transports[i]->transport);
            peer_transport_free(connection->transports[i]->leaving);
        }
        peer_connection_release(connection, connection->transports[i]);
    }
}
