/* The WebSocket client: names, then one address after the other, then messages, then one on_closed. */
#include "signaling/websocket/client.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/room.h"
#include "signaling/websocket/queue_internal.h"
#include "signaling/websocket/url_internal.h"

#define PING_AFTER_S 20u   /* silence, then a ping of ours */
#define HANGUP_AFTER_S 30u
#define CLOSE_TIMEOUT_MS 3000u
#define NO_STATUS_CODE 1005u /* RFC 6455 section 7.1.5: a close frame without a body */

enum timer_purpose { TIMER_NEXT_ADDRESS = 1, TIMER_CLOSED, TIMER_CLOSE_TIMEOUT };

struct signaling_client {
    struct signaling_client_config config;
    struct signaling_url url;
    char *ca_file;
    uv_loop_t *loop;
    uv_getaddrinfo_t resolving;
    struct addrinfo *addresses, *next_address;
    uv_timer_t *timer;
    enum timer_purpose purpose;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    lws_retry_bo_t keepalive;
    struct lws *wsi;
    struct signaling_queue queue;
    char *incoming;
    size_t incoming_length, incoming_capacity;
    bool open, closing, close_sent, finished, stopped, too_long;
    uint16_t close_code;
    char failure[160]; /* of the last address */
    char what[SIGNALING_CLIENT_URL_MAX_BYTES + 64];
};

/* ---- the end ------------------------------------------------------------------------------------------------------ */

static void finish(struct signaling_client *client, enum signaling_client_end end, const char *why, const char *try_next) {
    if (client->finished || client->stopped)
        return;
    client->finished = true;
    client->open = false;
    struct signaling_client_closed closed = {end, client->close_code, client->what, why, try_next};
    client->config.on_closed(client->config.context, &closed);
}

/* An open WebSocket has ended: what its close code says (RFC 6455 section 7.4.1, and ours of signaling/room.h). */
static void finish_open(struct signaling_client *client) {
    char why[64];
    if (client->closing) {
        finish(client, SIGNALING_CLIENT_END_CLOSED, "we closed the connection", "nothing has to be done");
        return;
    }
    if (client->too_long) {
        finish(client, SIGNALING_CLIENT_END_PROTOCOL, "the server sent a message longer than 1 MiB", "look at what the other side sends");
        return;
    }
    lws_snprintf(why, sizeof why, "the server closed the connection with code %u", (unsigned)client->close_code);
    switch (client->close_code) {
    case SIGNALING_CLOSE_ROOM_FULL:
        finish(client, SIGNALING_CLIENT_END_ROOM_FULL, "the room has as many members as it may have", "choose another room, or wait until somebody leaves");
        return;
    case SIGNALING_CLOSE_RATE_LIMITED:
        finish(client, SIGNALING_CLIENT_END_PROTOCOL, "the server says: too much, too fast", "wait a minute, then try again");
        return;
    case 1002:
    case 1003:
    case 1007:
    case 1008:
    case 1009:
        finish(client, SIGNALING_CLIENT_END_PROTOCOL, why, "it refused what we said: run again with -vv and look at the last messages");
        return;
    case 0:
        finish(client, SIGNALING_CLIENT_END_LOST, "the connection to the server broke", "look whether the server still runs, then join again");
        return;
    default:
        finish(client, SIGNALING_CLIENT_END_LOST, why, "look whether the server still runs, then join again");
        return;
    }
}

/* ---- connecting --------------------------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void set_timer(struct signaling_client *client, enum timer_purpose purpose, uint64_t milliseconds) {
    client->purpose = purpose;
    if (client->timer != NULL)
        uv_timer_start(client->timer, on_timer, milliseconds, 0);
}

static void connect_next(struct signaling_client *client) {
    char address[64];
    struct addrinfo *next = client->next_address;
    while (next != NULL && next->ai_family != AF_INET && next->ai_family != AF_INET6)
        next = next->ai_next;
    if (next == NULL) {
        finish(client, SIGNALING_CLIENT_END_UNREACHABLE, client->failure, "start signaling-server there, or correct the URL");
        return;
    }
    client->next_address = next->ai_next;
    if (next->ai_family == AF_INET)
        uv_ip4_name((const struct sockaddr_in *)(const void *)next->ai_addr, address, sizeof address);
    else
        uv_ip6_name((const struct sockaddr_in6 *)(const void *)next->ai_addr, address, sizeof address);
    struct lws_client_connect_info info;
    memset(&info, 0, sizeof info);
    info.context = client->context;
    info.vhost = client->vhost;
    info.address = address;
    info.port = client->url.port;
    info.path = client->url.path;
    info.host = client->url.authority;
    info.protocol = "strata.v1";
    info.local_protocol_name = "strata.v1";
    info.ietf_version_or_minus_one = -1;
    info.ssl_connection = client->url.tls ? LCCSCF_USE_SSL : 0;
    info.retry_and_idle_policy = &client->keepalive;
    info.pwsi = &client->wsi;
    /* On failure the callback has said so already, or says nothing at all. */
    if (lws_client_connect_via_info(&info) == NULL && !client->finished && client->purpose != TIMER_NEXT_ADDRESS)
        set_timer(client, TIMER_NEXT_ADDRESS, 0);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
    struct signaling_client *client = request->data;
    client->addresses = client->next_address = addresses;
    if (client->stopped || client->closing)
        return;
    if (status != 0) {
        lws_snprintf(client->failure, sizeof client->failure, "the name %.100s has no address: %s", client->url.host, uv_strerror(status));
        finish(client, SIGNALING_CLIENT_END_UNREACHABLE, client->failure, "correct the host in the URL, or look at the resolver");
        return;
    }
    if (client->vhost == NULL)
        finish(client, SIGNALING_CLIENT_END_UNREACHABLE, "TLS cannot start with these certificates", "look whether the file of certificates is there and is PEM");
    else
        connect_next(client);
}

static void handle_connection_error(struct signaling_client *client, const char *reason, size_t length) {
    client->wsi = NULL;
    lws_snprintf(client->failure, sizeof client->failure, "no WebSocket came about: %.*s", (int)(length < 100 ? length : 100),
                 reason != NULL && length > 0 ? reason : "connection refused");
    if (reason == NULL || length == 0)
        lws_snprintf(client->failure, sizeof client->failure, "nobody answers there");
    if (!client->closing && !client->stopped)
        set_timer(client, TIMER_NEXT_ADDRESS, 0);
}

static void kill_socket(struct signaling_client *client) {
    if (client->wsi != NULL)
        lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void on_timer(uv_timer_t *timer) {
    struct signaling_client *client = timer->data;
    enum timer_purpose purpose = client->purpose;
    client->purpose = 0;
    if (client->stopped)
        return;
    if (purpose == TIMER_NEXT_ADDRESS) {
        connect_next(client);
        return;
    }
    kill_socket(client);
    finish_open(client);
}

/* ---- messages ----------------------------------------------------------------------------------------------------- */

static bool keep(struct signaling_client *client, const char *bytes, size_t length) {
    size_t needed = client->incoming_length + length + 1;
    if (needed > client->incoming_capacity) {
        size_t capacity = client->incoming_capacity == 0 ? 4096 : client->incoming_capacity;
        while (capacity < needed)
            capacity *= 2;
        char *incoming = realloc(client->incoming, capacity);
        if (incoming == NULL)
            return false;
        client->incoming = incoming;
        client->incoming_capacity = capacity;
    }
    if (length > 0)
        memcpy(client->incoming + client->incoming_length, bytes, length);
    client->incoming_length += length;
    client->incoming[client->incoming_length] = '\0';
    return true;
}

static int receive(struct signaling_client *client, struct lws *wsi, const char *bytes, size_t length) {
    if (client->too_long)
        return 0;
    if (client->incoming_length + length > SIGNALING_RELAYED_MAX_BYTES) {
        client->too_long = true;
        signaling_queue_clear(&client->queue);
        lws_callback_on_writable(wsi);
        return 0;
    }
    if (!keep(client, bytes, length))
        return -1;
    if (lws_remaining_packet_payload(wsi) > 0 || !lws_is_final_fragment(wsi))
        return 0;
    size_t whole = client->incoming_length;
    client->incoming_length = 0;
    if (!client->closing)
        client->config.on_message(client->config.context, client->incoming, whole);
    return 0;
}

static int write_next(struct signaling_client *client, struct lws *wsi) {
    if (client->queue.first != NULL)
        return signaling_queue_write(&client->queue, wsi) ? 0 : -1;
    if (!client->closing && !client->too_long)
        return 0;
    if (client->close_sent)
        return 0;
    client->close_sent = true;
    return signaling_close_write(wsi, client->too_long ? SIGNALING_CLOSE_TOO_LARGE : SIGNALING_CLOSE_NORMAL, "") ? 0 : -1;
}

static void handle_open(struct signaling_client *client, struct lws *wsi) {
    client->open = true;
    client->config.on_open(client->config.context);
    if (client->queue.first != NULL || client->closing)
        lws_callback_on_writable(wsi);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    struct signaling_client *client = lws_context_user(lws_get_context(wsi));
    const unsigned char *bytes = in;
    if (client == NULL || client->stopped || client->finished)
        return client != NULL && client->stopped ? 0 : lws_callback_http_dummy(wsi, reason, user, in, length);
    switch (reason) {
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        handle_connection_error(client, in, length);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        handle_open(client, wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(client, wsi, in, length);
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return write_next(client, wsi);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        client->close_code = (uint16_t)(length >= 2 ? bytes[0] << 8 | bytes[1] : (int)NO_STATUS_CODE);
        return client->close_sent ? -1 : 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        client->wsi = NULL;
        finish_open(client);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void make_context(struct signaling_client *client) {
    struct lws_context_creation_info info;
    void *loops[] = {client->loop};
    memset(&info, 0, sizeof info);
    client->protocols[0] = (struct lws_protocols){"strata.v1", callback, 0, 4096, 0, NULL, 0};
    client->keepalive.secs_since_valid_ping = PING_AFTER_S;
    client->keepalive.secs_since_valid_hangup = HANGUP_AFTER_S;
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.protocols = client->protocols;
    info.user = client;
    info.gid = -1;
    info.uid = -1;
    info.foreign_loops = loops;
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    info.http_proxy_address = ""; /* the environment has no say in where we connect */
    info.connect_timeout_secs = info.timeout_secs = SIGNALING_CLIENT_CONNECT_TIMEOUT_MS / 1000;
    info.retry_and_idle_policy = &client->keepalive;
    if (client->url.tls) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.client_ssl_ca_filepath = client->ca_file;
    }
    lws_set_log_level(0, NULL);
    client->context = lws_create_context(&info);
    if (client->context == NULL)
        return;
    info.vhost_name = "client";
    client->vhost = lws_create_vhost(client->context, &info); /* NULL: the certificates; on_resolved says so */
}

static bool start(struct signaling_client *client) {
    client->timer = calloc(1, sizeof *client->timer);
    if (client->timer == NULL || uv_timer_init(client->loop, client->timer) != 0)
        return false;
    client->timer->data = client;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    client->resolving.data = client;
    return uv_getaddrinfo(client->loop, &client->resolving, on_resolved, client->url.host, NULL, &hints) == 0;
}

enum signaling_error signaling_client_new(const struct signaling_client_config *config, uv_loop_t *loop, struct signaling_client **out,
                                          struct signaling_problem *problem) {
    *out = NULL;
    struct signaling_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return SIGNALING_ERROR_MEMORY;
    const char *wrong = signaling_url_parse(config->url, &client->url);
    if (wrong != NULL) {
        problem->line = problem->column = 0;
        lws_snprintf(problem->sentence, sizeof problem->sentence, "%s", wrong);
        free(client);
        return SIGNALING_ERROR_ARGUMENT;
    }
    client->config = *config;
    client->loop = loop;
    lws_snprintf(client->what, sizeof client->what, "joining the room %s", config->url);
    client->config.url = NULL;
    lws_snprintf(client->failure, sizeof client->failure, "nobody answers there");
    client->ca_file = config->ca_file != NULL ? strdup(config->ca_file) : NULL;
    make_context(client);
    *out = client;
    if (client->context != NULL && start(client))
        return SIGNALING_OK;
    signaling_client_stop(client);
    return SIGNALING_ERROR_MEMORY;
}

enum signaling_error signaling_client_send(struct signaling_client *client, const char *bytes, size_t length) {
    if (client->finished || client->closing || client->stopped)
        return SIGNALING_ERROR_STATE;
    if (length < 1 || length > SIGNALING_MESSAGE_MAX_BYTES)
        return SIGNALING_ERROR_TOO_LARGE;
    enum signaling_error error = signaling_queue_push(&client->queue, bytes, length, SIGNALING_CLIENT_QUEUE_MAX_BYTES);
    if (error == SIGNALING_OK && client->open)
        lws_callback_on_writable(client->wsi);
    return error;
}

void signaling_client_close(struct signaling_client *client) {
    if (client->closing || client->finished || client->stopped)
        return;
    client->closing = true;
    if (client->open)
        lws_callback_on_writable(client->wsi);
    set_timer(client, client->open ? TIMER_CLOSE_TIMEOUT : TIMER_CLOSED, client->open ? CLOSE_TIMEOUT_MS : 0);
}

static void free_handle(uv_handle_t *handle) {
    free(handle);
}

void signaling_client_stop(struct signaling_client *client) {
    if (client->stopped)
        return;
    client->stopped = true;
    uv_cancel((uv_req_t *)&client->resolving); /* a started one ends by itself, before the loop does */
    if (client->timer != NULL)
        uv_close((uv_handle_t *)client->timer, free_handle);
    client->timer = NULL;
    if (client->context != NULL)
        lws_context_destroy(client->context);
}

void signaling_client_free(struct signaling_client *client) {
    if (client == NULL)
        return;
    if (client->context != NULL)
        lws_context_destroy(client->context);
    uv_freeaddrinfo(client->addresses);
    signaling_queue_clear(&client->queue);
    free(client->incoming);
    free(client->ca_file);
    free(client);
}
