/* What the files of the server share: life (server.c), the socket that listens (listener.c), one connection (connection.c), HTTP (page.c). */
#ifndef SIGNALING_WEBSOCKET_SERVER_INTERNAL_H
#define SIGNALING_WEBSOCKET_SERVER_INTERNAL_H

#include <libwebsockets.h>

#include "signaling/websocket/queue_internal.h"
#include "signaling/websocket/server.h"

#define SIGNALING_SERVER_STOP_TICK_MS 10u
#define SIGNALING_SERVER_STOP_TICKS 30u /* how long the closing handshakes of a stop may take */

/* One WebSocket; libwebsockets allocates it, zeroed, with the connection. */
struct signaling_connection {
    struct lws *wsi;
    signaling_member member;
    bool joined;
    bool dropped; /* nothing is read or written any more, the connection is about to end */
    char room[SIGNALING_ROOM_NAME_MAX_BYTES + 1];
    char remote[64];
    const char *reason; /* for peer-left and the event */
    char *incoming;     /* the message that is coming in */
    size_t incoming_length, incoming_capacity;
    uint32_t fragments;
    struct signaling_queue queue;
    struct signaling_whip_exchange *exchange; /* of a connection that speaks WHIP */
    uint16_t close_code; /* 0: none; else close when the queue is empty */
    bool close_sent;
};

struct signaling_server {
    uv_loop_t *loop;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[2];
    lws_retry_bo_t keepalive;
    struct signaling_rooms *rooms;
    struct signaling_connection **connections; /* by the index in a member's handle */
    size_t connection_capacity;
    size_t connection_count;
    char **origins;
    size_t origin_count;
    uint32_t max_message_bytes;
    char *certificate_file, *key_file;
    char *token; /* NULL: none */
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    struct signaling_whip_session *whip_sessions;
    size_t whip_session_count;
    uv_timer_t *whip_timer; /* runs while somebody waits for an answer */
    void *callback_context;
    void (*on_event)(void *context, const struct signaling_server_event *event);
    size_t (*list_ice_servers)(void *context, const struct signaling_server_joiner *joiner, struct signaling_ice_server *out);
    int listener;
    uint16_t port;
    uv_poll_t *poll;          /* of the listener; NULL once it closes */
    uv_timer_t *accept_timer; /* runs while accepting pauses; goes with the poll */
    uv_timer_t *stop_timer;
    uint32_t stop_ticks;
    bool stopping;
    bool destroyed; /* lws_context_destroy was called once */
};

uint64_t signaling_server_now_us(void);
void signaling_server_event(struct signaling_server *server, enum signaling_server_event_type type, const char *room, const char *remote,
                            const char *detail);

/* listener.c. Returns SIGNALING_OK, ARGUMENT (no address), STATE (cannot listen) or MEMORY, with the problem. */
enum signaling_error signaling_listener_open(struct signaling_server *server, const char *address, uint16_t port, struct signaling_problem *problem);
void signaling_listener_close(struct signaling_server *server);
/* Who it is for the limits of one source; writes the address as text too. Returns the length of the source. */
size_t signaling_listener_source(int descriptor, uint8_t source[SIGNALING_SOURCE_MAX_BYTES], char *text, size_t capacity);
/* Our end of a connection, as the host of a URI: "192.0.2.1", "[2001:db8::1]". */
void signaling_listener_host(int descriptor, char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1]);

/* connection.c: the callbacks of an open WebSocket. They return what libwebsockets wants: nonzero closes. */
int signaling_connection_established(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi);
int signaling_connection_receive(struct signaling_server *server, struct signaling_connection *connection, const char *bytes, size_t length);
int signaling_connection_writable(struct signaling_connection *connection);
void signaling_connection_closed(struct signaling_server *server, struct signaling_connection *connection);
void signaling_connection_close_soon(struct signaling_connection *connection, uint16_t code);

/* What the rooms say, into the queues, until they say no more; then who is over among the sessions of WHIP leaves. */
void signaling_connection_drain(struct signaling_server *server);
/* How this one reached us, fit to stand in a URI. */
void signaling_connection_host(struct lws *wsi, char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1]);
/* What is handed to the one who joins next. */
void signaling_connection_list_ice_servers(struct signaling_server *server, const char *host, const char *room, const char *remote);

/* page.c. */
/* The room of a path "/r/ROOM": written NUL-terminated. False: another path. */
bool signaling_page_room(const char *path, size_t length, char room[SIGNALING_ROOM_NAME_MAX_BYTES + 1]);
bool signaling_page_path(struct lws *wsi, char *path, size_t capacity);
/* The host of a Host header's value, which is anything. False: it is none that a URI may have. */
bool signaling_page_host(const char *value, size_t length, char host[SIGNALING_SERVER_HOST_MAX_BYTES + 1]);
bool signaling_origin_allowed(const struct signaling_server *server, const char *origin);
/* Whether the upgrade may go on: 0, or what libwebsockets wants after an answer was sent. */
int signaling_page_confirm_upgrade(struct signaling_server *server, struct lws *wsi);
int signaling_page_answer(struct lws *wsi);

/* ---- whip_session.c, whip_http.c (whip_internal.h) ------------------------------------------------------------------ */

struct signaling_whip_target;
void signaling_whip_take(struct signaling_server *server, signaling_member member, struct signaling_text text);
bool signaling_whip_sweep(struct signaling_server *server);
void signaling_whip_stop(struct signaling_server *server);
void signaling_whip_free(struct signaling_server *server);
/* Whether a request is about WHIP or WHEP; its method is one of enum signaling_whip_method. */
bool signaling_whip_is_asked(struct lws *wsi, struct signaling_whip_target *target, unsigned *method);
/* The callbacks of a connection that speaks it. They return what libwebsockets wants. */
int signaling_whip_http(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi);
int signaling_whip_body(struct signaling_connection *connection, const char *bytes, size_t length);
int signaling_whip_body_complete(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi);
int signaling_whip_writable(struct signaling_server *server, struct signaling_connection *connection, struct lws *wsi);
void signaling_whip_exchange_free(struct signaling_server *server, struct signaling_connection *connection);

/* ---- web_files.c -------------------------------------------------------------------------------------------------- */

/* A file of the page, static. */
struct signaling_web_file {
    const char *type; /* RFC 9110 section 8.3: Content-Type */
    const char *bytes;
    size_t length;
};
bool signaling_web_file(const char *name, struct signaling_web_file *out);

#endif
