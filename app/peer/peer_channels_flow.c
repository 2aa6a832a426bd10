/* What flows through data channels: packets of SCTP inside DTLS (RFC 8261), and the events that come of them. */
#include "app/peer/peer_connection_internal.h"

static enum dtls_transport_state dtls_state(const struct peer_transport_entry *entry) {
    return peer_transport_dtls_state(entry->transport);
}

static bool is_over(const struct peer_transport_entry *entry) {
    enum dtls_transport_state state = dtls_state(entry);
    return state == DTLS_TRANSPORT_CLOSED || state == DTLS_TRANSPORT_FAILED;
}

/* ---- the beginning -------------------------------------------------------------------------------------------------------- */

static struct sctp_association *make(struct peer_connection *connection, const struct peer_transport *transport, uint64_t now_us) {
    struct sctp_allocator allocator = {connection->allocator.allocate, connection->allocator.release, connection->allocator.context};
    size_t longest = peer_transport_data_max_bytes(transport) & ~(size_t)3;
    struct sctp_association_config config = {
        .allocator = &allocator,
        .random = connection->config.ice.random,
        .random_context = connection->config.ice.random_context,
        .local_port = SCTP_PORT,
        .remote_port = connection->channels.remote_port,
        .packet_bytes = longest > SCTP_PACKET_LARGEST_BYTES ? SCTP_PACKET_LARGEST_BYTES : longest,
        .message_max_bytes = PEER_MESSAGE_MAX_BYTES,
        .accepts_zero_checksum = true, /* RFC 9653 section 4: DTLS protects what it covers */
        .wants_interleaving = true,
    };
    return sctp_association_new(&config, now_us);
}

/* Out of memory: again at the next call that brings time. */
void peer_channels_begin(struct peer_connection *connection, uint64_t now_us) {
    struct peer_channels *channels = &connection->channels;
    const struct peer_transport_entry *entry = channels->association || channels->has_ended || !channels->layer ? NULL : peer_channels_transport(connection);
    struct peer_transport_statistics statistics;
    if (!entry || dtls_state(entry) != DTLS_TRANSPORT_CONNECTED)
        return;
    channels->association = make(connection, entry->transport, now_us);
    if (!channels->association)
        return;
    peer_transport_statistics(entry->transport, &statistics);
    (void)data_channel_layer_set_role(channels->layer, statistics.dtls_role == DTLS_ROLE_CLIENT);
    (void)data_channel_layer_attach(channels->layer, channels->association);
    /* RFC 8841 section 9.3, MUST: both call, whoever is client in DTLS, and one association comes of it. */
    (void)sctp_association_connect(channels->association, now_us);
}

/* ---- packets ---------------------------------------------------------------------------------------------------------------- */

void peer_channels_handle(struct peer_connection *connection, uint64_t now_us, const struct peer_transport_entry *entry, const uint8_t *bytes, size_t length) {
    peer_channels_begin(connection, now_us);
    if (connection->channels.association && entry == peer_channels_transport(connection))
        (void)sctp_association_handle_datagram(connection->channels.association, now_us, bytes, length);
}

void peer_channels_handle_timeout(struct peer_connection *connection, uint64_t now_us) {
    peer_channels_begin(connection, now_us);
    if (connection->channels.association)
        sctp_association_handle_timeout(connection->channels.association, now_us);
}

uint64_t peer_channels_next_timeout(const struct peer_connection *connection) {
    return connection->channels.association ? sctp_association_next_timeout(connection->channels.association) : UINT64_MAX;
}

bool peer_channels_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    struct peer_transport_entry *entry = peer_channels_transport(connection);
    struct sctp_transmit packet;
    peer_channels_begin(connection, now_us);
    /* Without a path packets stay where they are: what cannot leave is not lost. */
    if (!connection->channels.association || !entry || dtls_state(entry) != DTLS_TRANSPORT_CONNECTED || !ice_agent_can_send(peer_transport_ice(entry->transport), now_us))
        return false;
    while (sctp_association_poll_transmit(connection->channels.association, now_us, buffer, capacity, &packet)) {
        if (peer_transport_send_data(entry->transport, now_us, buffer, packet.length) == PEER_OK &&
            peer_transport_poll_transmit(entry->transport, now_us, buffer, capacity, out))
            return true;
    }
    return false;
}

void peer_channels_path_changed(struct peer_connection *connection, uint64_t now_us, const struct peer_transport_entry *entry) {
    if (connection->channels.association && entry == peer_channels_transport(connection))
        sctp_association_path_changed(connection->channels.association, now_us);
}

/* ---- events ----------------------------------------------------------------------------------------------------------------- */

static bool tell(enum peer_connection_event_type type, const struct data_channel_event *event, struct peer_connection_event *out) {
    *out = (struct peer_connection_event){.type = type, .as.channel = event->handle};
    return true;
}

/* False: nothing that the page would hear of. */
static bool translate(struct peer_connection *connection, const struct data_channel_event *event, struct peer_connection_event *out) {
    switch (event->type) {
    case DATA_CHANNEL_EVENT_OPENED: return tell(PEER_CONNECTION_EVENT_DATA_CHANNEL, event, out);
    case DATA_CHANNEL_EVENT_OPEN: return tell(PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN, event, out);
    case DATA_CHANNEL_EVENT_BUFFERED_LOW: return tell(PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW, event, out);
    case DATA_CHANNEL_EVENT_CLOSING: return tell(PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING, event, out);
    case DATA_CHANNEL_EVENT_MESSAGE:
        *out = (struct peer_connection_event){
            .type = PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE,
            .as.message = {event->handle, event->bytes, event->length, event->is_text},
        };
        return true;
    case DATA_CHANNEL_EVENT_CLOSED:
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED, .as.channel_closed = {event->handle, event->reason}};
        return true;
    case DATA_CHANNEL_EVENT_ASSOCIATION:
        /* The layer knows that it is over, and refuses channels; the object still has its last packet to send. */
        connection->channels.has_ended |= event->association.type == SCTP_EVENT_CLOSED;
        if (event->association.type != SCTP_EVENT_SENDABLE)
            return false;
        *out = (struct peer_connection_event){.type = PEER_CONNECTION_EVENT_DATA_SENDABLE};
        return true;
    }
    return false;
}

/* Only when all that came before has been told. */
static bool end_with_transport(struct peer_connection *connection) {
    struct peer_channels *channels = &connection->channels;
    const struct peer_transport_entry *entry = peer_channels_transport(connection);
    if (!channels->is_agreed || channels->has_ended || (entry && !is_over(entry)))
        return false;
    peer_channels_end(connection);
    return true;
}

bool peer_channels_poll_event(struct peer_connection *connection, struct peer_connection_event *out) {
    struct data_channel_event event;
    struct peer_channels *channels = &connection->channels;
    if (!channels->layer || channels->is_held)
        return false;
    peer_channels_begin(connection, connection->now_us);
    do {
        while (data_channel_poll_event(channels->layer, connection->now_us, &event))
            if (translate(connection, &event, out))
                return true;
    } while (end_with_transport(connection));
    if (channels->is_replaced)
        peer_channels_replace(connection);
    return false;
}

void peer_connection_hold_data(struct peer_connection *connection, bool is_held) {
    connection->channels.is_held = is_held;
}
