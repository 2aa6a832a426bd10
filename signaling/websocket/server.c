/* The life of the server: configuration, the libwebsockets context on the program's loop, and a polite end. */
#include <string.h>

#include "signaling/websocket/server_internal.h"
#include "signaling/whip.h"

uint64_t signaling_server_now_us(void) {
    return uv_hrtime() / 1000;
}

void signaling_server_event(struct signaling_server *server, enum signaling_server_event_type type, const char *room, const char *remote,
                            const char *detail) {
    struct signaling_server_event event = {type, room, remote, detail};
    if (server->on_event != NULL)
        server->on_event(server->callback_context, &event);
}

/* ---- dispatch ----------------------------------------------------------------------------------------------------- */

/* An HTTP request: the page's, or WHIP's. */
static int http(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi) {
    struct signaling_whip_target target;
    unsigned method;
    return signaling_whip_is_asked(wsi, &target, &method) ? signaling_whip_http(server, connection, wsi) : signaling_page_answer(wsi);
}

static bool speaks_whip(const struct signaling_connection *connection) {
    return connection != NULL && connection->exchange != NULL;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    struct signaling_server *server = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return http(server, user, wsi);
    case LWS_CALLBACK_HTTP_BODY:
        return signaling_whip_body(user, in, length);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return signaling_whip_body_complete(server, user, wsi);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return speaks_whip(user) ? signaling_whip_writable(server, user, wsi) : lws_callback_http_dummy(wsi, reason, user, in, length);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (speaks_whip(user))
            signaling_whip_exchange_free(server, user);
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        if (in != NULL && strcmp(in, "websocket") == 0)
            return signaling_page_confirm_upgrade(server, wsi);
        return -1; /* HTTP/2 over clear text, for one: nobody needs it here */
    case LWS_CALLBACK_ESTABLISHED:
        return signaling_connection_established(server, user, wsi);
    case LWS_CALLBACK_RECEIVE:
        return signaling_connection_receive(server, user, in, length);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return signaling_connection_writable(user);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return ((struct signaling_connection *)user)->close_sent ? -1 : 0;
    case LWS_CALLBACK_CLOSED:
        signaling_connection_closed(server, user);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

/* ---- birth -------------------------------------------------------------------------------------------------------- */

static bool copy_origins(struct signaling_server *server, const struct signaling_server_config *config) {
    server->origins = calloc(config->origin_count + 1, sizeof *server->origins);
    if (server->origins == NULL)
        return false;
    for (; server->origin_count < config->origin_count; server->origin_count++) {
        if ((server->origins[server->origin_count] = strdup(config->origins[server->origin_count])) == NULL)
            return false;
    }
    return true;
}

static bool make_context(struct signaling_server *server, const struct signaling_server_config *config) {
    struct lws_context_creation_info info;
    void *loops[] = {server->loop};
    memset(&info, 0, sizeof info);
    server->protocols[0] = (struct lws_protocols){"strata.v1", callback, sizeof(struct signaling_connection), 4096, 0, NULL, 0};
    uint32_t ping = config->ping_interval_s != 0 ? config->ping_interval_s : SIGNALING_SERVER_PING_INTERVAL_S;
    uint32_t pong = config->pong_timeout_s != 0 ? config->pong_timeout_s : SIGNALING_SERVER_PONG_TIMEOUT_S;
    server->keepalive.secs_since_valid_ping = (uint16_t)ping;
    server->keepalive.secs_since_valid_hangup = (uint16_t)(ping + pong);
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER; /* listener.c listens */
    info.protocols = server->protocols;
    info.user = server;
    info.gid = -1;
    info.uid = -1;
    info.foreign_loops = loops;
    info.server_string = "strata";
    info.retry_and_idle_policy = &server->keepalive;
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.max_http_header_data = SIGNALING_SERVER_HEADERS_MAX_BYTES;
    info.timeout_secs = info.timeout_secs_ah_idle = SIGNALING_SERVER_HANDSHAKE_TIMEOUT_S;
    info.keepalive_timeout = (int)SIGNALING_SERVER_HANDSHAKE_TIMEOUT_S;
    if (config->tls_certificate_file != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
        info.ssl_cert_filepath = config->tls_certificate_file;
        info.ssl_private_key_filepath = config->tls_key_file;
        info.alpn = "http/1.1";
    }
    lws_set_log_level(0, NULL);
    server->context = lws_create_context(&info);
    if (server->context == NULL)
        return false;
    info.vhost_name = "strata";
    server->vhost = lws_create_vhost(server->context, &info);
    return server->vhost != NULL;
}

static enum signaling_error fail(struct signaling_problem *problem, enum signaling_error error, const char *sentence) {
    problem->line = problem->column = 0;
    lws_snprintf(problem->sentence, sizeof problem->sentence, "%s", sentence);
    return error;
}

static enum signaling_error start(struct signaling_server *server, const struct signaling_server_config *config, struct signaling_problem *problem) {
    server->loop = NULL;
    server->callback_context = config->context;
    server->on_event = config->on_event;
    server->list_ice_servers = config->list_ice_servers;
    server->random = config->rooms.random;
    server->random_context = config->rooms.random_context;
    if (config->token != NULL && (server->token = strdup(config->token)) == NULL)
        return fail(problem, SIGNALING_ERROR_MEMORY, "memory is short");
    server->max_message_bytes = config->rooms.max_message_bytes != 0 ? config->rooms.max_message_bytes : SIGNALING_MESSAGE_MAX_BYTES;
    server->rooms = signaling_rooms_new(&config->rooms, signaling_server_now_us());
    if (server->rooms == NULL)
        return fail(problem, SIGNALING_ERROR_ARGUMENT, "a limit of the rooms, or an ICE server, is out of range");
    return copy_origins(server, config) ? SIGNALING_OK : fail(problem, SIGNALING_ERROR_MEMORY, "memory is short");
}

static void release(struct signaling_server *server) {
    signaling_rooms_free(server->rooms);
    for (size_t i = 0; i < server->origin_count; i++)
        free(server->origins[i]);
    free(server->origins);
    free(server->token);
    signaling_whip_free(server);
    free(server->connections);
    free(server);
}

enum signaling_error signaling_server_new(const struct signaling_server_config *config, uv_loop_t *loop, struct signaling_server **out,
                                          struct signaling_problem *problem) {
    *out = NULL;
    if (config->origin_count > SIGNALING_SERVER_ORIGINS_MAX || (config->token != NULL && strlen(config->token) > SIGNALING_WHIP_TOKEN_MAX_BYTES) || (config->tls_certificate_file == NULL) != (config->tls_key_file == NULL))
        return fail(problem, SIGNALING_ERROR_ARGUMENT, "too many origins, too long a token, or a TLS certificate without its key");
    struct signaling_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return fail(problem, SIGNALING_ERROR_MEMORY, "memory is short");
    server->listener = -1;
    enum signaling_error error = start(server, config, problem);
    server->loop = loop;
    if (error == SIGNALING_OK)
        error = signaling_listener_open(server, config->address, config->port, problem);
    if (error == SIGNALING_OK && !make_context(server, config))
        error = fail(problem, SIGNALING_ERROR_STATE, "libwebsockets cannot start: is the TLS certificate readable, and does the key belong to it?");
    if (error != SIGNALING_OK && server->context == NULL) {
        signaling_listener_close(server);
        release(server);
        return error;
    }
    /* Half made: the context must be taken down on the loop, so the caller still has to stop and free it. */
    *out = server;
    return error;
}

uint16_t signaling_server_port(const struct signaling_server *server) {
    return server->port;
}

void signaling_server_statistics(const struct signaling_server *server, struct signaling_rooms_statistics *out) {
    signaling_rooms_statistics(server->rooms, out);
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

static void free_handle(uv_handle_t *handle) {
    free(handle);
}

static void destroy(struct signaling_server *server) {
    uv_close((uv_handle_t *)server->stop_timer, free_handle);
    server->stop_timer = NULL;
    server->destroyed = true;
    lws_context_destroy(server->context);
}

static void on_stop_tick(uv_timer_t *timer) {
    struct signaling_server *server = timer->data;
    if (server->connection_count == 0 || ++server->stop_ticks > SIGNALING_SERVER_STOP_TICKS)
        destroy(server);
}

void signaling_server_stop(struct signaling_server *server) {
    if (server->stopping)
        return;
    server->stopping = true;
    signaling_listener_close(server);
    signaling_whip_stop(server);
    for (size_t i = 0; i < server->connection_capacity; i++) {
        if (server->connections[i] != NULL)
            signaling_connection_close_soon(server->connections[i], SIGNALING_CLOSE_GOING_AWAY);
    }
    uv_timer_t *timer = calloc(1, sizeof *timer);
    if (timer == NULL) {
        server->destroyed = true;
        lws_context_destroy(server->context);
        return;
    }
    uv_timer_init(server->loop, timer);
    timer->data = server;
    server->stop_timer = timer;
    uv_timer_start(timer, on_stop_tick, 0, SIGNALING_SERVER_STOP_TICK_MS);
}

void signaling_server_free(struct signaling_server *server) {
    if (server == NULL)
        return;
    lws_context_destroy(server->context);
    release(server);
}
