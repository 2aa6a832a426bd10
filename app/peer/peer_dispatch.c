/*
 * The contract's verbs (docs/contract.md), told to the transport that they are about. A datagram goes by the socket it came by, since
 * no two transports share one; a stream and a RESOLVE query by their number, whose upper half is the transport's serial.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- who is meant? ---------------------------------------------------------------------------------------------------------- */

static bool has_base(const struct peer_transport_entry *entry, enum ice_transport transport, const struct stun_address *base) {
    for (size_t i = 0; i < entry->interface_count; i++)
        if (entry->interfaces[i].transport == transport && stun_address_equal(&entry->interfaces[i].base, base))
            return true;
    return false;
}

static struct peer_transport *transport_of_serial(const struct peer_connection *connection, uint64_t serial) {
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++) {
        const struct peer_transport_entry *entry = connection->transports[i];
        if (entry && entry->transport && entry->serial == serial)
            return entry->transport;
        if (entry && entry->leaving && entry->leaving_serial == serial)
            return entry->leaving;
    }
    return NULL;
}

static struct peer_transport *transport_of_path(const struct peer_connection *connection, const struct ice_path *path) {
    struct peer_transport_entry *entry;
    if (path->transport != ICE_TRANSPORT_UDP && !(path->stream_id & ICE_STREAM_ACCEPTED))
        return transport_of_serial(connection, path->stream_id >> 32);
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        if (has_base(entry, path->transport, &path->local))
            return entry->transport;
    return NULL;
}

/* An accepted stream is known by the listener that it came to, which may be gone: then whoever has the stream is meant, one of them. */
static struct peer_transport *transport_of_stream(const struct peer_connection *connection, const struct ice_path *path) {
    struct peer_transport *transport = transport_of_path(connection, path);
    size_t first = 0;
    struct peer_transport_entry *entry = transport ? NULL : peer_transports_next(connection, &first);
    return entry ? entry->transport : transport;
}

/* ---- interfaces --------------------------------------------------------------------------------------------------------------- */

static bool is_taken(const struct peer_connection *connection, size_t index, const struct ice_interface *interfaces, size_t count) {
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++) {
        const struct peer_transport_entry *other = i != index ? connection->transports[i] : NULL;
        for (size_t k = 0; other && k < count; k++)
            /* Port 9 is no socket: the active TCP candidate of this address (ice/agent.h). */
            if (has_base(other, interfaces[k].transport, &interfaces[k].base) && !(interfaces[k].transport == ICE_TRANSPORT_TCP && interfaces[k].base.port == 9))
                return true;
    }
    return false;
}

/* The names are the caller's, and a transport that comes later wants them too. */
static void keep_interfaces(struct peer_transport_entry *entry, const struct ice_interface *interfaces, size_t count) {
    for (size_t i = 0; i < count; i++) {
        entry->interfaces[i] = interfaces[i];
        if (!interfaces[i].mdns_name)
            continue;
        size_t length = strlen(interfaces[i].mdns_name);
        memcpy(entry->interface_names[i], interfaces[i].mdns_name, length + 1);
        entry->interfaces[i].mdns_name = entry->interface_names[i];
    }
    entry->interface_count = count;
    entry->has_interfaces = true;
}

static bool is_keepable(const struct ice_interface *interfaces, size_t count) {
    if (count > ICE_INTERFACE_MAX || (!interfaces && count > 0))
        return false;
    for (size_t i = 0; i < count; i++)
        if (interfaces[i].mdns_name && strlen(interfaces[i].mdns_name) > ICE_MDNS_NAME_MAX_BYTES)
            return false;
    return true;
}

static int refuse(struct peer_connection *connection, int error, const char *rule) {
    return peer_problem_set(connection, NULL, error, rule);
}

static const char closed_rule[] = "the connection is closed (W3C webrtc section 4.4.1): it needs no sockets any more, make another one";

static int take_interfaces(struct peer_connection *connection, uint64_t now_us, size_t index, const struct ice_interface *interfaces, size_t count) {
    struct peer_transport_entry *entry = peer_transports_place(connection, index);
    if (!entry)
        return refuse(connection, PEER_ERROR_MEMORY, "out of memory");
    if (count > ICE_INTERFACE_MAX)
        return refuse(connection, PEER_ERROR_CAPACITY, "a transport has at most ICE_INTERFACE_MAX interfaces");
    if (!is_keepable(interfaces, count))
        return refuse(connection, PEER_ERROR_ARGUMENT, "an interface list or an mDNS name is none (ice/agent.h)");
    if (is_taken(connection, index, interfaces, count))
        return refuse(connection, PEER_ERROR_ARGUMENT, "another transport has this socket: DTLS of two transports on one cannot be told apart");
    int error = entry->transport ? peer_transport_handle_interfaces(entry->transport, now_us, interfaces, count) : PEER_OK;
    if (error != PEER_OK)
        return refuse(connection, error, "ICE did not take the interfaces (ice_agent_handle_interfaces in ice/agent.h says why)");
    keep_interfaces(entry, interfaces, count);
    error = peer_transports_gather(connection, entry, now_us);
    return error == PEER_OK ? PEER_OK : refuse(connection, error, "gathering could not begin");
}

int peer_connection_handle_transport_interfaces(struct peer_connection *connection, uint64_t now_us, size_t transport,
                                                const struct ice_interface *interfaces, size_t count) {
    if (connection->is_closed)
        return refuse(connection, PEER_ERROR_STATE, closed_rule);
    connection->now_us = now_us;
    if (transport != 0 && !peer_connection_transport(connection, transport))
        return refuse(connection, PEER_ERROR_NOT_FOUND, "there is no such transport, or not any more: close the sockets");
    return take_interfaces(connection, now_us, transport, interfaces, count);
}

int peer_connection_handle_interfaces(struct peer_connection *connection, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    return peer_connection_handle_transport_interfaces(connection, now_us, 0, interfaces, count);
}

/* ---- in ------------------------------------------------------------------------------------------------------------------------- */

int peer_connection_handle_resolved(struct peer_connection *connection, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    struct peer_transport *transport = transport_of_serial(connection, query >> 32);
    /* Its transport may have gone since it was asked. */
    return transport ? peer_transport_handle_resolved(transport, now_us, query & UINT32_MAX, addresses, count) : PEER_ERROR_STATE;
}

int peer_connection_handle_stream_opened(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    struct peer_transport *transport = transport_of_path(connection, path);
    return transport ? peer_transport_handle_stream_opened(transport, now_us, path) : PEER_ERROR_STATE;
}

int peer_connection_handle_stream_bytes(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    struct peer_transport *transport = transport_of_stream(connection, path);
    int error = transport ? peer_transport_handle_stream_bytes(transport, now_us, path, bytes, length) : PEER_ERROR_ARGUMENT;
    peer_media_take_received(connection, now_us);
    return error;
}

int peer_connection_handle_stream_closed(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, int error) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    struct peer_transport *transport = transport_of_stream(connection, path);
    return transport ? peer_transport_handle_stream_closed(transport, now_us, path, error) : PEER_ERROR_ARGUMENT;
}

void peer_connection_handle_send_error(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, int error) {
    connection->now_us = now_us;
    struct peer_transport *transport = connection->is_closed ? NULL : transport_of_path(connection, path);
    if (transport)
        peer_transport_handle_send_error(transport, now_us, path, error);
}

int peer_connection_handle_datagram(struct peer_connection *connection, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    if (connection->is_closed)
        return PEER_ERROR_STATE;
    connection->now_us = now_us;
    struct peer_transport *transport = transport_of_path(connection, path);
    if (!transport)
        return PEER_OK; /* its socket is about to be closed */
    int error = peer_transport_handle_datagram(transport, now_us, path, bytes, length);
    peer_media_take_received(connection, now_us);
    return error;
}

void peer_connection_handle_timeout(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    if (connection->is_closed)
        return;
    connection->now_us = now_us;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        peer_transport_handle_timeout(entry->transport, now_us);
    peer_media_take_received(connection, now_us);
    peer_media_handle_timeout(connection, now_us);
    peer_channels_handle_timeout(connection, now_us);
}

uint64_t peer_connection_next_timeout(const struct peer_connection *connection) {
    struct peer_transport_entry *entry;
    uint64_t next = UINT64_MAX;
    if (connection->is_closed)
        return next;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++) {
        uint64_t of_transport = peer_transport_next_timeout(entry->transport);
        next = of_transport < next ? of_transport : next;
    }
    uint64_t of_media = peer_media_next_timeout(connection), of_channels = peer_channels_next_timeout(connection);
    next = of_media < next ? of_media : next;
    return of_channels < next ? of_channels : next;
}

/* ---- out ------------------------------------------------------------------------------------------------------------------------- */

bool peer_dispatch_poll_transports(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    for (size_t i = 0; i < connection->transport_end; i++) {
        struct peer_transport_entry *entry = connection->transports[i];
        /* Goodbyes first: a relay is given back before the next transport asks for one from the same socket. */
        if (entry && entry->leaving && !entry->has_left) {
            if (peer_transport_poll_transmit(entry->leaving, now_us, buffer, capacity, out))
                return true;
            entry->has_left = true;
            peer_transport_abandon_streams(entry->leaving);
        }
        if (entry && entry->transport && peer_transport_poll_transmit(entry->transport, now_us, buffer, capacity, out))
            return true;
    }
    return false;
}

bool peer_connection_poll_transmit(struct peer_connection *connection, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    if (capacity < PEER_TRANSMIT_BUFFER_BYTES)
        return false;
    connection->now_us = now_us;
    if (connection->is_closed && !connection->transports_closed) {
        /* RFC 3550 section 6.3.7: BYE is the last RTCP packet; it needs the keys, so it goes before close_notify. */
        if (peer_media_poll_transmit(connection, now_us, buffer, capacity, out) || peer_channels_poll_transmit(connection, now_us, buffer, capacity, out))
            return true;
        peer_transports_close(connection, now_us);
        connection->transports_closed = true;
    }
    if (peer_dispatch_poll_transports(connection, now_us, buffer, capacity, out))
        return true;
    /* Media is paced, and late when it waits; data takes what is left. */
    return !connection->is_closed && (peer_media_poll_transmit(connection, now_us, buffer, capacity, out) ||
                                      peer_channels_poll_transmit(connection, now_us, buffer, capacity, out));
}
