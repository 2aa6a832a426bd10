/*
 * Data channels of a PeerConnection: which section is theirs, the SCTP association above the transport that offer and answer gave it, and the
 * calls of W3C webrtc section 6. peer_channels_flow.c has what flows.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- the section ---------------------------------------------------------------------------------------------------------- */

bool peer_channels_is_section(const struct sdp_session *session, size_t index) {
    return session && index < session->section_count && sdp_section_media(&session->sections[index]) == SDP_MEDIA_APPLICATION &&
           sdp_section_is_offered(session, &session->sections[index]);
}

/* Do both current descriptions have it, and take it? */
static bool is_current(const struct peer_connection *connection, size_t index) {
    return peer_channels_is_section(peer_description_session(&connection->current_local), index) && peer_description_is_live(&connection->current_local, index) &&
           peer_description_is_live(&connection->current_remote, index);
}

int peer_channels_section(const struct peer_connection *connection) {
    const struct sdp_session *local = peer_description_local(connection);
    for (size_t i = 0; local && i < local->section_count; i++)
        if (connection->pending_local.sdp ? peer_channels_is_section(local, i) : is_current(connection, i))
            return (int)i;
    return -1;
}

int peer_channels_offered_section(const struct peer_connection *connection, const struct sdp_session *offer) {
    int first = -1;
    for (size_t i = 0; i < offer->section_count; i++) {
        if (!peer_channels_is_section(offer, i))
            continue;
        if (is_current(connection, i))
            return (int)i;
        first = first < 0 ? (int)i : first;
    }
    return first;
}

bool peer_channels_need_negotiation(const struct peer_connection *connection) {
    /* W3C webrtc section 4.7.3: a channel has been created, and no section for data has been negotiated. */
    if (!connection->channels.is_wanted)
        return false;
    const struct sdp_session *local = peer_description_session(&connection->current_local);
    for (size_t i = 0; local && i < local->section_count; i++)
        if (is_current(connection, i))
            return false;
    return true;
}

/* ---- the layer and its association ---------------------------------------------------------------------------------------- */

static struct sctp_allocator allocator_of(const struct peer_connection *connection) {
    return (struct sctp_allocator){connection->allocator.allocate, connection->allocator.release, connection->allocator.context};
}

static bool have_layer(struct peer_connection *connection) {
    struct peer_channels *channels = &connection->channels;
    if (channels->layer)
        return true;
    struct sctp_allocator allocator = allocator_of(connection);
    channels->layer = data_channel_layer_new(&(struct data_channel_layer_config){.allocator = &allocator, .partial_max_bytes = PEER_MESSAGE_MAX_BYTES});
    channels->has_ended = false;
    return channels->layer != NULL;
}

struct peer_transport_entry *peer_channels_transport(const struct peer_connection *connection) {
    const struct peer_channels *channels = &connection->channels;
    struct peer_transport_entry *entry = channels->is_agreed ? connection->transports[channels->transport] : NULL;
    return entry && entry->transport && entry->serial == channels->serial ? entry : NULL;
}

void peer_channels_end(struct peer_connection *connection) {
    struct peer_channels *channels = &connection->channels;
    if (channels->layer)
        data_channel_layer_end(channels->layer);
    sctp_association_free(channels->association);
    channels->association = NULL;
    channels->has_ended = channels->layer != NULL;
}

void peer_channels_replace(struct peer_connection *connection) {
    struct peer_channels *channels = &connection->channels;
    struct data_channel_layer_statistics statistics;
    data_channel_layer_statistics(channels->layer, &statistics);
    channels->opened_before += statistics.opened + statistics.opened_by_peer;
    channels->closed_before += statistics.closed;
    data_channel_layer_free(channels->layer);
    channels->layer = NULL;
    channels->has_ended = channels->is_replaced = false;
    if (channels->is_agreed && have_layer(connection))
        data_channel_layer_set_peer_message_max(channels->layer, channels->peer_message_max_bytes);
}

/* Data channels run over this transport now; another than before is another association. */
static int agree(struct peer_connection *connection, const struct sdp_negotiated_section *section) {
    struct peer_channels *channels = &connection->channels;
    const struct peer_transport_entry *entry = peer_transports_of_section(connection, section->index);
    if (!entry || !have_layer(connection))
        return PEER_ERROR_MEMORY;
    if (channels->association && channels->serial != entry->serial) {
        peer_channels_end(connection);
        channels->is_replaced = true;
    }
    channels->is_agreed = true;
    channels->transport = (size_t)connection->section_transports[section->index];
    channels->serial = entry->serial;
    channels->remote_port = section->remote_sctp_port;
    channels->peer_message_max_bytes = section->remote_max_message_size_bytes;
    /* RFC 8841 section 6.1: 64 KiB when the peer says nothing; sdp/ has seen to that. */
    data_channel_layer_set_peer_message_max(channels->layer, channels->peer_message_max_bytes);
    return PEER_OK;
}

/* The section is no more, or the peer did not want it: nothing will come of the channels that there are. */
static void refuse(struct peer_connection *connection) {
    peer_channels_end(connection);
    connection->channels.is_agreed = connection->channels.is_wanted = false;
    connection->channels.is_replaced = connection->channels.layer != NULL;
}

int peer_channels_apply(struct peer_connection *connection, const struct sdp_negotiated *negotiated, bool is_final) {
    bool is_offer_ours = connection->signaling_state == PEER_SIGNALING_HAVE_LOCAL_OFFER || connection->signaling_state == PEER_SIGNALING_HAVE_REMOTE_PRANSWER;
    bool is_refused = false;
    for (size_t i = 0; i < negotiated->section_count; i++) {
        const struct sdp_negotiated_section *section = &negotiated->sections[i];
        if (section->media != SDP_MEDIA_APPLICATION)
            continue;
        if (section->refusal == SDP_REFUSAL_NONE)
            return agree(connection, section);
        is_refused |= is_offer_ours && section->refusal == SDP_REFUSAL_ANSWERED;
    }
    if (is_final && (is_refused || connection->channels.is_agreed))
        refuse(connection);
    return PEER_OK;
}

/* ---- the end of the connection --------------------------------------------------------------------------------------------- */

void peer_channels_close(struct peer_connection *connection, uint64_t now_us) {
    struct peer_channels *channels = &connection->channels;
    /* W3C webrtc section 4.4.1, close: channels are closed at once, and the association ends with an ABORT. */
    if (channels->association)
        (void)sctp_association_abort(channels->association, now_us, NULL, 0);
    if (channels->layer)
        data_channel_layer_end(channels->layer);
    channels->has_ended = channels->layer != NULL;
}

void peer_channels_free(struct peer_connection *connection) {
    data_channel_layer_free(connection->channels.layer);
    sctp_association_free(connection->channels.association);
}

/* ---- W3C webrtc section 6 ---------------------------------------------------------------------------------------------------- */

static int refuse_call(struct peer_connection *connection, int error, const char *rule) {
    return peer_problem_set(connection, NULL, error, rule);
}

static int error_of_open(struct peer_connection *connection, int error) {
    switch ((enum sctp_error)error) {
    case SCTP_OK: return PEER_OK;
    case SCTP_ERROR_CAPACITY: return refuse_call(connection, PEER_ERROR_CAPACITY, "there are DATA_CHANNEL_COUNT_DEFAULT data channels, or no id is free (RFC 8832 section 6): close some");
    case SCTP_ERROR_STATE: return refuse_call(connection, PEER_ERROR_STATE, "the id is another channel's (W3C webrtc section 6.1), or the SCTP association has ended");
    case SCTP_ERROR_MEMORY: return refuse_call(connection, PEER_ERROR_MEMORY, "out of memory");
    case SCTP_ERROR_ARGUMENT:
    case SCTP_ERROR_BUFFER:
    case SCTP_ERROR_MALFORMED:
    case SCTP_ERROR_CHECKSUM: break;
    }
    return refuse_call(connection, PEER_ERROR_ARGUMENT, "label and protocol are UTF-8 of at most 65535 bytes, an id is 0 to 65534 (W3C webrtc section 6.1)");
}

int peer_connection_create_data_channel(struct peer_connection *connection, uint64_t now_us, const struct peer_data_channel_config *config, size_t *channel) {
    struct peer_channels *channels = &connection->channels;
    data_channel_handle handle;
    connection->now_us = now_us;
    if (connection->is_closed)
        return refuse_call(connection, PEER_ERROR_STATE, "the connection is closed (W3C webrtc section 6.1): make another one");
    if (config->has_max_packet_life_time && config->has_max_retransmits)
        return refuse_call(connection, PEER_ERROR_ARGUMENT, "maxPacketLifeTime and maxRetransmits exclude each other (W3C webrtc section 6.1)");
    if (!have_layer(connection))
        return refuse_call(connection, PEER_ERROR_MEMORY, "out of memory");
    struct data_channel_config wanted = {
        .label = config->label,
        .label_length = config->label_length,
        .protocol = config->protocol,
        .protocol_length = config->protocol_length,
        .priority = config->priority,
        .is_unordered = config->is_unordered,
        .reliability = config->has_max_packet_life_time ? SCTP_MAX_LIFETIME : config->has_max_retransmits ? SCTP_MAX_RETRANSMITS : SCTP_RELIABLE,
        .limit = config->has_max_packet_life_time ? config->max_packet_life_time_ms : config->has_max_retransmits ? config->max_retransmits : 0,
        .is_negotiated = config->is_negotiated,
        .id = config->id,
    };
    int error = data_channel_open(channels->layer, now_us, &wanted, &handle);
    if (error != SCTP_OK)
        return error_of_open(connection, error);
    *channel = handle;
    channels->is_wanted = true;
    peer_transceivers_update_negotiation_needed(connection);
    return PEER_OK;
}

static bool find(const struct peer_connection *connection, size_t channel, struct data_channel_info *info) {
    return connection->channels.layer && channel <= UINT32_MAX && data_channel_info(connection->channels.layer, (data_channel_handle)channel, info);
}

static int not_found(struct peer_connection *connection) {
    return refuse_call(connection, PEER_ERROR_NOT_FOUND, "there is no such data channel, or not any more");
}

/* What one message may have: what the peer takes, and what our send buffer holds. */
static uint64_t max_message_bytes(const struct peer_channels *channels) {
    uint64_t of_peer = channels->is_agreed ? channels->peer_message_max_bytes : DATA_CHANNEL_MESSAGE_DEFAULT_BYTES;
    return of_peer == 0 || of_peer > SCTP_SEND_DEFAULT_BYTES ? SCTP_SEND_DEFAULT_BYTES : of_peer;
}

int peer_connection_send_data(struct peer_connection *connection, uint64_t now_us, size_t channel, const uint8_t *bytes, size_t length, bool is_text) {
    struct data_channel_info info;
    if (!find(connection, channel, &info))
        return not_found(connection);
    connection->now_us = now_us;
    switch ((enum sctp_error)data_channel_send(connection->channels.layer, now_us, (data_channel_handle)channel, is_text, bytes, length)) {
    case SCTP_OK: return PEER_OK;
    case SCTP_ERROR_CAPACITY: return refuse_call(connection, PEER_ERROR_CAPACITY, "the send buffer is full: again after DATA_SENDABLE (W3C webrtc section 6.2)");
    case SCTP_ERROR_STATE: return refuse_call(connection, PEER_ERROR_STATE, "the data channel is not open (W3C webrtc section 6.2)");
    case SCTP_ERROR_MEMORY: return refuse_call(connection, PEER_ERROR_MEMORY, "out of memory");
    case SCTP_ERROR_ARGUMENT:
    case SCTP_ERROR_BUFFER:
    case SCTP_ERROR_MALFORMED:
    case SCTP_ERROR_CHECKSUM: break;
    }
    return refuse_call(connection, PEER_ERROR_ARGUMENT, "the message is longer than the peer, or the send buffer, takes (RFC 8841 section 6.1, W3C webrtc section 6.2)");
}

int peer_connection_close_data_channel(struct peer_connection *connection, uint64_t now_us, size_t channel) {
    struct data_channel_info info;
    if (!find(connection, channel, &info))
        return not_found(connection);
    connection->now_us = now_us;
    (void)data_channel_close(connection->channels.layer, now_us, (data_channel_handle)channel);
    return PEER_OK;
}

int peer_connection_set_buffered_low(struct peer_connection *connection, size_t channel, uint64_t bytes) {
    struct data_channel_info info;
    if (!find(connection, channel, &info))
        return not_found(connection);
    int error = data_channel_set_buffered_low(connection->channels.layer, (data_channel_handle)channel, bytes);
    return error == SCTP_OK ? PEER_OK : refuse_call(connection, PEER_ERROR_MEMORY, "out of memory");
}

bool peer_connection_data_channel(const struct peer_connection *connection, size_t channel, struct peer_data_channel *out) {
    struct data_channel_info info;
    if (!find(connection, channel, &info))
        return false;
    uint16_t limit = info.limit < UINT16_MAX ? (uint16_t)info.limit : UINT16_MAX;
    *out = (struct peer_data_channel){
        .label = info.label,
        .label_length = info.label_length,
        .protocol = info.protocol,
        .protocol_length = info.protocol_length,
        .is_unordered = info.is_unordered,
        .has_max_packet_life_time = info.reliability == SCTP_MAX_LIFETIME,
        .has_max_retransmits = info.reliability == SCTP_MAX_RETRANSMITS,
        .is_negotiated = info.is_negotiated,
        .max_packet_life_time_ms = info.reliability == SCTP_MAX_LIFETIME ? limit : 0,
        .max_retransmits = info.reliability == SCTP_MAX_RETRANSMITS ? limit : 0,
        .id = info.id,
        .priority = info.priority,
        .is_of_peer = info.is_by_peer,
        .state = info.state,
        .buffered_bytes = data_channel_buffered(connection->channels.layer, (data_channel_handle)channel),
        .buffered_low_bytes = info.buffered_low_bytes,
        .max_message_bytes = max_message_bytes(&connection->channels),
    };
    return true;
}
