/*
 * The signaling server: WebSocket (RFC 6455) in front of signaling/room.h, on the program's own libuv loop.
 *
 * ws://HOST:PORT/r/ROOM joins a room; GET /r/ROOM answers a page for people. It is above the contract: it owns sockets and calls back.
 *
 *     new -> the loop runs -> stop -> uv_run until it returns 0 -> free
 *
 * Everything is called on the loop's thread.
 */
#ifndef SIGNALING_WEBSOCKET_SERVER_H
#define SIGNALING_WEBSOCKET_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "signaling/room.h"

#define SIGNALING_SERVER_HEADERS_MAX_BYTES 8192u    /* of a request, request line included */
#define SIGNALING_SERVER_HANDSHAKE_TIMEOUT_S 5u     /* from accept to the end of the opening handshake */
#define SIGNALING_SERVER_PING_INTERVAL_S 20u        /* silence after which a ping goes out */
#define SIGNALING_SERVER_PONG_TIMEOUT_S 10u         /* and how long its answer may take */
#define SIGNALING_SERVER_QUEUE_MAX_BYTES 1048576u   /* unsent, per connection; a slower consumer is dropped. One message may always wait */
#define SIGNALING_SERVER_ORIGINS_MAX 32u
#define SIGNALING_SERVER_FRAGMENTS_MAX 1024u        /* frames of one message */
#define SIGNALING_SERVER_HOST_MAX_BYTES 255u        /* of a name or an address, brackets included */
#define SIGNALING_SERVER_ACCEPT_PAUSE_MS 100u       /* without descriptors to accept with, how long until the next try */

enum signaling_server_event_type {
    SIGNALING_SERVER_JOINED = 1, /* room, remote */
    SIGNALING_SERVER_LEFT,       /* room, remote, detail: why */
    SIGNALING_SERVER_REFUSED     /* remote, detail: why; room may be absent */
};

/* Views are valid during the callback. */
struct signaling_server_event {
    enum signaling_server_event_type type;
    const char *room;   /* "" when there is none */
    const char *remote; /* its address */
    const char *detail;
};

/*
 * Somebody who is about to join. Views are valid during the call.
 * host  how this one reached the server, fit to stand in a URI: the name or address in its Host header (RFC 9110 section 7.2) without the port,
 *       "calls.example" or "[2001:db8::1]"; without a usable header, the address of our end of the connection. Never empty
 */
struct signaling_server_joiner {
    const char *host;
    const char *room;
    const char *remote;
};

/*
 * address   an IP literal to listen on, without brackets; "0.0.0.0" and "::" mean all
 * port      0: the kernel chooses, see signaling_server_port
 * tls_*     both NULL (plain), or PEM files
 * origins   patterns of Origin (RFC 6455 section 10.2) that may join, "https://example.org" or with one "*"; none: every origin.
 *           A program sends no Origin and may always join
 * rooms     as room.h says
 * token     bearer token that WHIP and WHEP want (whip.h), or NULL: none; 1..SIGNALING_WHIP_TOKEN_MAX_BYTES
 * on_event  may be NULL
 * list_ice_servers  NULL: everybody is handed those of `rooms`. Else it is asked for each joiner: it writes at most SIGNALING_ICE_SERVERS_MAX and returns
 *           how many. Their texts must live until it returns to the loop. A list that is out of range is as an empty one
 * ping_interval_s, pong_timeout_s  0: the defaults above
 */
struct signaling_server_config {
    const char *address;
    uint16_t port;
    const char *tls_certificate_file;
    const char *tls_key_file;
    const char *const *origins;
    size_t origin_count;
    struct signaling_rooms_config rooms;
    const char *token;
    uint32_t ping_interval_s;
    uint32_t pong_timeout_s;
    void *context;
    void (*on_event)(void *context, const struct signaling_server_event *event);
    size_t (*list_ice_servers)(void *context, const struct signaling_server_joiner *joiner, struct signaling_ice_server *out);
};

struct signaling_server;

/*
 * Listens. All of the configuration is copied.
 * Returns SIGNALING_OK; ARGUMENT: the configuration is out of range; STATE: it cannot listen there, or a TLS file is of no use; MEMORY.
 * problem->sentence then says why. With STATE, *out may be there all the same, half made: stop and free it as any other.
 */
enum signaling_error signaling_server_new(const struct signaling_server_config *config, uv_loop_t *loop, struct signaling_server **out,
                                          struct signaling_problem *problem);

uint16_t signaling_server_port(const struct signaling_server *server);
void signaling_server_statistics(const struct signaling_server *server, struct signaling_rooms_statistics *out);

/* Everyone is sent away (close code 1001) and everything begins to close. May be called from a signal handler of the loop. Harmless twice. */
void signaling_server_stop(struct signaling_server *server);

/* After stop, once uv_run has returned 0; not from within a callback. NULL is fine. */
void signaling_server_free(struct signaling_server *server);

#endif
