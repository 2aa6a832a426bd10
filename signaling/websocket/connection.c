/* One WebSocket of the server: what comes in is put together and given to the rooms, what the rooms say goes into the queues of their members. */
#include <string.h>

#include "signaling/websocket/server_internal.h"

/* ---- the queue out ------------------------------------------------------------------------------------------------ */

/* At once, without a closing handshake: for who does not read, or breaks the protocol. From any callback. */
static void drop(struct signaling_connection *connection, const char *reason) {
    if (connection->dropped)
        return;
    connection->dropped = true;
    connection->reason = reason;
    lws_set_timeout(connection->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void enqueue(struct signaling_connection *connection, struct signaling_text text) {
    if (connection->dropped || connection->close_code != 0)
        return;
    enum signaling_error error = signaling_queue_push(&connection->queue, text.bytes, text.length, SIGNALING_SERVER_QUEUE_MAX_BYTES);
    if (error != SIGNALING_OK)
        drop(connection, error == SIGNALING_ERROR_CAPACITY ? "too slow" : "the server is out of memory");
    else
        lws_callback_on_writable(connection->wsi);
}

void signaling_connection_close_soon(struct signaling_connection *connection, uint16_t code) {
    if (connection->close_code == 0)
        connection->close_code = code;
    lws_callback_on_writable(connection->wsi);
}

static const char *reason_of(uint16_t code) {
    switch (code) {
    case SIGNALING_CLOSE_ROOM_FULL:
        return "room-full";
    case SIGNALING_CLOSE_RATE_LIMITED:
        return "rate-limited";
    case SIGNALING_CLOSE_TOO_LARGE:
        return "too-large";
    case SIGNALING_CLOSE_GOING_AWAY:
        return "going away";
    case SIGNALING_CLOSE_TRY_LATER:
        return "try later";
    case SIGNALING_CLOSE_TEXT_ONLY:
        return "text only";
    case SIGNALING_CLOSE_INVALID_TEXT:
        return "not UTF-8";
    default:
        return "";
    }
}

int signaling_connection_writable(struct signaling_connection *connection) {
    if (connection->dropped)
        return -1;
    if (connection->queue.first != NULL)
        return signaling_queue_write(&connection->queue, connection->wsi) ? 0 : -1;
    if (connection->close_code == 0)
        return 0;
    if (connection->close_sent)
        return 0;
    connection->close_sent = true;
    return signaling_close_write(connection->wsi, connection->close_code, reason_of(connection->close_code)) ? 0 : -1;
}

/* ---- what the rooms say ------------------------------------------------------------------------------------------- */

static bool remember(struct signaling_server *server, struct signaling_connection *connection) {
    size_t index = (uint32_t)connection->member;
    if (index >= server->connection_capacity) {
        size_t capacity = server->connection_capacity == 0 ? 16 : server->connection_capacity;
        while (capacity <= index)
            capacity *= 2;
        struct signaling_connection **connections = realloc(server->connections, capacity * sizeof *connections);
        if (connections == NULL)
            return false;
        memset(connections + server->connection_capacity, 0, (capacity - server->connection_capacity) * sizeof *connections);
        server->connections = connections;
        server->connection_capacity = capacity;
    }
    server->connections[index] = connection;
    return true;
}

/* Everything goes into queues: nothing is written, and no connection ends, before this has returned. */
static void drain_once(struct signaling_server *server, struct signaling_connection *knocking) {
    struct signaling_output output;
    while (signaling_rooms_poll_output(server->rooms, &output)) {
        struct signaling_connection *connection =
            output.member == SIGNALING_MEMBER_NONE ? knocking
            : (uint32_t)output.member < server->connection_capacity ? server->connections[(uint32_t)output.member] : NULL;
        if (connection == NULL) {
            signaling_whip_take(server, output.member, output.text);
            continue;
        }
        enqueue(connection, output.text);
        if (output.close_code != 0)
            signaling_connection_close_soon(connection, output.close_code);
    }
}

static void drain(struct signaling_server *server, struct signaling_connection *knocking) {
    drain_once(server, knocking);
    while (signaling_whip_sweep(server))
        drain_once(server, NULL);
}

void signaling_connection_drain(struct signaling_server *server) {
    drain(server, NULL);
}

/* ---- who joins ---------------------------------------------------------------------------------------------------- */

/* How this one reached us. */
void signaling_connection_host(struct lws *wsi, char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1]) {
    char value[SIGNALING_SERVER_HOST_MAX_BYTES + 8]; /* with a port */
    int length = lws_hdr_copy(wsi, value, (int)sizeof value, WSI_TOKEN_HOST);
    if (length <= 0 || !signaling_page_host(value, (size_t)length, host))
        signaling_listener_host(lws_get_socket_fd(wsi), host);
}

/* What is handed to this one. */
void signaling_connection_list_ice_servers(struct signaling_server *server, const char *host, const char *room, const char *remote) {
    struct signaling_ice_server ice_servers[SIGNALING_ICE_SERVERS_MAX];
    if (server->list_ice_servers == NULL)
        return;
    struct signaling_server_joiner joiner = {host, room, remote};
    size_t count = server->list_ice_servers(server->callback_context, &joiner, ice_servers);
    if (signaling_rooms_set_ice_servers(server->rooms, ice_servers, count) != SIGNALING_OK)
        signaling_rooms_set_ice_servers(server->rooms, NULL, 0);
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

int signaling_connection_established(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi) {
    memset(connection, 0, sizeof *connection);
    connection->wsi = wsi;
    connection->member = SIGNALING_MEMBER_NONE;
    connection->reason = "closed";
    server->connection_count++;
    uint8_t source[SIGNALING_SOURCE_MAX_BYTES];
    size_t source_length = signaling_listener_source(lws_get_socket_fd(wsi), source, connection->remote, sizeof connection->remote);
    char path[SIGNALING_ROOM_NAME_MAX_BYTES + 8], host[SIGNALING_SERVER_HOST_MAX_BYTES + 1];
    if (!signaling_page_path(wsi, path, sizeof path) || !signaling_page_room(path, strlen(path), connection->room) || server->stopping)
        return -1;
    signaling_connection_host(wsi, host);
    signaling_connection_list_ice_servers(server, host, connection->room, connection->remote);
    enum signaling_error error = signaling_rooms_join(server->rooms, signaling_server_now_us(), connection->room, strlen(connection->room), source,
                                                      source_length, &connection->member);
    if (error == SIGNALING_OK) {
        connection->joined = true;
        if (!remember(server, connection))
            return -1;
        signaling_server_event(server, SIGNALING_SERVER_JOINED, connection->room, connection->remote, "");
    } else {
        const char *code = signaling_error_code(error);
        signaling_server_event(server, SIGNALING_SERVER_REFUSED, connection->room, connection->remote, code != NULL ? code : "the server is full");
    }
    drain(server, connection);
    return error == SIGNALING_ERROR_MEMORY ? -1 : 0;
}

void signaling_connection_closed(struct signaling_server *server, struct signaling_connection *connection) {
    if (connection->wsi == NULL)
        return;
    server->connection_count--;
    signaling_queue_clear(&connection->queue);
    free(connection->incoming);
    connection->incoming = NULL;
    connection->wsi = NULL;
    if (!connection->joined)
        return;
    const char *reason = connection->close_code != 0 ? reason_of(connection->close_code) : connection->reason;
    if ((uint32_t)connection->member < server->connection_capacity)
        server->connections[(uint32_t)connection->member] = NULL;
    signaling_rooms_leave(server->rooms, signaling_server_now_us(), connection->member, reason);
    signaling_server_event(server, SIGNALING_SERVER_LEFT, connection->room, connection->remote, reason);
    if (!server->destroyed)
        drain(server, NULL);
    else
        for (struct signaling_output output; signaling_rooms_poll_output(server->rooms, &output);)
            continue;
}

/* ---- what comes in ------------------------------------------------------------------------------------------------ */

static bool keep(struct signaling_connection *connection, const char *bytes, size_t length) {
    size_t needed = connection->incoming_length + length;
    if (needed > connection->incoming_capacity) {
        size_t capacity = connection->incoming_capacity == 0 ? 4096 : connection->incoming_capacity;
        while (capacity < needed)
            capacity *= 2;
        char *incoming = realloc(connection->incoming, capacity);
        if (incoming == NULL)
            return false;
        connection->incoming = incoming;
        connection->incoming_capacity = capacity;
    }
    if (length > 0)
        memcpy(connection->incoming + connection->incoming_length, bytes, length);
    connection->incoming_length = needed;
    return true;
}

static void hand_over(struct signaling_server *server, struct signaling_connection *connection, const char *bytes, size_t length) {
    signaling_rooms_handle_message(server->rooms, signaling_server_now_us(), connection->member, bytes, length);
    drain(server, NULL);
    free(connection->incoming);
    connection->incoming = NULL;
    connection->incoming_length = connection->incoming_capacity = 0;
    connection->fragments = 0;
}

int signaling_connection_receive(struct signaling_server *server, struct signaling_connection *connection, const char *bytes, size_t length) {
    if (!connection->joined || connection->close_code != 0)
        return 0; /* it is being sent away: what it still says is not heard */
    if (lws_frame_is_binary(connection->wsi)) {
        /* RFC 6455 section 7.4.1: 1003 is for a type of data that cannot be accepted. */
        signaling_connection_close_soon(connection, SIGNALING_CLOSE_TEXT_ONLY);
        return 0;
    }
    size_t remaining = lws_remaining_packet_payload(connection->wsi);
    bool frame_ends = remaining == 0;
    if (frame_ends)
        connection->fragments++;
    /* The header of a frame says how long it will be: there is no need to wait for a mebibyte to refuse it. */
    if (connection->incoming_length + length > server->max_message_bytes || remaining > server->max_message_bytes ||
        connection->fragments > SIGNALING_SERVER_FRAGMENTS_MAX) {
        hand_over(server, connection, NULL, (size_t)server->max_message_bytes + 1);
        return 0;
    }
    if (!keep(connection, bytes, length))
        return -1;
    if (!frame_ends || !lws_is_final_fragment(connection->wsi))
        return 0;
    struct signaling_text text = {connection->incoming, connection->incoming_length};
    /* RFC 6455 section 8.1, MUST: a text that is not UTF-8 fails the connection. */
    if (!signaling_text_is_utf8(text))
        signaling_connection_close_soon(connection, SIGNALING_CLOSE_INVALID_TEXT);
    else
        hand_over(server, connection, text.bytes, text.length);
    return 0;
}
