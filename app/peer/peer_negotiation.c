/*
 * What a round of offer and answer leaves behind in the transceivers, what a rollback takes back (W3C webrtc section 4.4.1.5, RFC 9429
 * section 5.7), and whether another round is needed (W3C webrtc section 4.7.3).
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- tracks that come and go ------------------------------------------------------------------------------------------ */

static bool is_stream(const struct peer_transceiver_entry *entry, struct sdp_view stream) {
    return strlen(entry->remote_stream) == stream.length && (stream.length == 0 || memcmp(entry->remote_stream, stream.text, stream.length) == 0);
}

static void set_stream(struct peer_transceiver_entry *entry, struct sdp_view stream) {
    if (stream.length > PEER_STREAM_ID_MAX_BYTES)
        stream.length = 0; /* RFC 8830 section 2 allows no longer one */
    if (stream.length > 0)
        memcpy(entry->remote_stream, stream.text, stream.length);
    entry->remote_stream[stream.length] = '\0';
}

void peer_transceivers_tell_track(struct peer_transceiver_entry *entry, enum peer_direction direction, struct sdp_view stream) {
    bool is_receiving = (direction & PEER_RECVONLY) != 0;
    bool is_new_stream = is_receiving && stream.length > 0 && !is_stream(entry, stream);
    set_stream(entry, is_receiving ? stream : (struct sdp_view){NULL, 0});
    /* W3C webrtc section 5.4.2: told when it begins to come, or comes in another stream; stop() has ended it for good. */
    if (is_receiving && (!entry->is_receiving_told || is_new_stream) && !entry->facts.stopping) {
        entry->track_pending = true;
        entry->muted_pending = false;
    }
    if (!is_receiving && entry->is_receiving_told) {
        /* What nobody has heard of yet need not be taken back. */
        entry->muted_pending = !entry->track_pending;
        entry->track_pending = false;
    }
    entry->is_receiving_told = is_receiving;
}

/* ---- the end of a transceiver ------------------------------------------------------------------------------------------ */

void peer_transceivers_stop(struct peer_connection *connection, struct peer_transceiver_entry *entry) {
    struct peer_transceiver *facts = &entry->facts;
    if (facts->stopped)
        return;
    if (!connection->is_closed) { /* close() fires no event, and has its own farewell */
        peer_transceivers_tell_track(entry, PEER_INACTIVE, (struct sdp_view){NULL, 0});
        peer_media_stop_transceiver(connection, connection->now_us, entry);
    } else {
        entry->track_pending = entry->muted_pending = false;
    }
    facts->stopping = facts->stopped = true;
    facts->direction = facts->current_direction = PEER_INACTIVE;
    facts->has_current_direction = facts->dtmf = false;
}

void peer_transceivers_remove(struct peer_connection *connection, struct peer_transceiver_entry *entry) {
    peer_transceivers_stop(connection, entry);
    entry->is_removed = true;
    entry->facts.section = -1;
    entry->facts.mid[0] = '\0';
}

/* ---- the end of a round ------------------------------------------------------------------------------------------------ */

static void remember(struct peer_transceiver_entry *entry) {
    entry->stable.section = entry->facts.section;
    memcpy(entry->stable.mid, entry->facts.mid, sizeof entry->stable.mid);
    memcpy(entry->stable.remote_stream, entry->remote_stream, sizeof entry->stable.remote_stream);
    entry->is_of_remote_offer = false;
}

static bool is_rejected(const struct peer_connection *connection, const struct peer_transceiver_entry *entry) {
    size_t section = (size_t)entry->facts.section;
    return !peer_description_is_live(&connection->current_local, section) || !peer_description_is_live(&connection->current_remote, section);
}

void peer_transceivers_settle(struct peer_connection *connection) {
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++) {
        /* W3C webrtc section 4.4.1.5: stopped, and the section is refused: out of the set. One that never had a section needs no more than a round. */
        if (entry->facts.section >= 0 ? entry->facts.stopped && is_rejected(connection, entry) : entry->facts.stopping)
            peer_transceivers_remove(connection, entry);
        else
            remember(entry);
    }
}

void peer_transceivers_rollback(struct peer_connection *connection, bool is_ours) {
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++) {
        /* RFC 9429 section 5.7, MUST: what a remote offer made goes with it, unless addTrack has come to use it. */
        if (entry->is_of_remote_offer) {
            peer_transceivers_remove(connection, entry);
            continue;
        }
        entry->facts.section = entry->stable.section;
        memcpy(entry->facts.mid, entry->stable.mid, sizeof entry->facts.mid);
        if (!is_ours && !entry->facts.stopped)
            peer_transceivers_tell_track(entry, entry->facts.current_direction, (struct sdp_view){entry->stable.remote_stream, strlen(entry->stable.remote_stream)});
    }
}

/* ---- is negotiation needed? --------------------------------------------------------------------------------------------- */

/* Do the a=msid lines of a section name the streams of the sender, and no others? */
static bool has_streams(const struct sdp_section *section, const struct peer_transceiver_entry *entry) {
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    struct sdp_msid msid;
    size_t count = 0;
    for (; sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_MSID, &attribute); count++) {
        bool is_ours = false;
        if (!sdp_read_msid(attribute.value, &msid))
            return false;
        for (size_t i = 0; i < entry->stream_count; i++)
            is_ours |= sdp_view_is(msid.stream, entry->streams[i]);
        if (!is_ours)
            return false;
    }
    return count == entry->stream_count;
}

static unsigned direction_in(const struct sdp_session *session, size_t section) {
    return (unsigned)sdp_section_direction(session, &session->sections[section]);
}

static unsigned reversed_direction_in(const struct sdp_session *session, size_t section) {
    return (unsigned)sdp_direction_reverse(sdp_section_direction(session, &session->sections[section]));
}

/* Both current descriptions have this section. */
static bool differs(const struct peer_connection *connection, const struct peer_transceiver_entry *entry) {
    const struct sdp_session *local = peer_description_session(&connection->current_local), *remote = peer_description_session(&connection->current_remote);
    size_t section = (size_t)entry->facts.section;
    unsigned direction = (unsigned)entry->facts.direction, ours = direction_in(local, section), theirs = reversed_direction_in(remote, section);
    if ((direction & PEER_SENDONLY) && !has_streams(&local->sections[section], entry))
        return true;
    if (connection->current_local.type == PEER_SDP_OFFER)
        return ours != direction && theirs != direction;
    return ours != (direction & theirs);
}

static bool needs_negotiation(const struct peer_connection *connection, const struct peer_transceiver_entry *entry) {
    const struct sdp_session *local = peer_description_session(&connection->current_local);
    bool is_associated = local && entry->facts.section >= 0 && (size_t)entry->facts.section < local->section_count;
    if (entry->facts.stopping && !entry->facts.stopped)
        return true;
    if (entry->facts.stopped)
        return is_associated && !is_rejected(connection, entry);
    return !is_associated || differs(connection, entry);
}

static bool is_needed(const struct peer_connection *connection) {
    const struct peer_transceiver_entry *entry;
    if (connection->replaced_count > 0 || peer_channels_need_negotiation(connection))
        return true;
    for (size_t i = 0; (entry = peer_transceivers_next(connection, &i)); i++)
        if (needs_negotiation(connection, entry))
            return true;
    return false;
}

/* The event is told when it is polled for, which is the task that the W3C would queue: of several changes at once, it tells once. */
void peer_transceivers_update_negotiation_needed(struct peer_connection *connection) {
    if (connection->is_closed || connection->signaling_state != PEER_SIGNALING_STABLE)
        return;
    bool was_needed = connection->negotiation_needed;
    connection->negotiation_needed = is_needed(connection);
    if (!connection->negotiation_needed)
        connection->negotiation_needed_pending = false;
    else if (!was_needed)
        connection->negotiation_needed_pending = true;
}
