/*
 * A WebSocket client (RFC 6455) for one room URL, on the program's own libuv loop.
 *
 * It is above the contract: it owns a socket and calls back. Names are resolved by uv_getaddrinfo, addresses are tried in the resolver's order
 * (RFC 6724), TLS verifies the server's certificate and name. It connects once: to try again, make another one.
 *
 *     new -> on_open -> on_message ..., send ... -> close -> on_closed
 *     stop (any time, not from within a callback of its own: it may be called there, too, but see below) -> uv_run until it returns -> free
 *
 * Everything is called on the loop's thread. libwebsockets keeps a log in the process: this archive turns it off.
 */
#ifndef SIGNALING_WEBSOCKET_CLIENT_H
#define SIGNALING_WEBSOCKET_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "signaling/message.h"

#define SIGNALING_CLIENT_QUEUE_MAX_BYTES 1048576u /* texts that wait for the socket */
#define SIGNALING_CLIENT_URL_MAX_BYTES 1024u
#define SIGNALING_CLIENT_CONNECT_TIMEOUT_MS 10000u /* for each address: TCP, TLS and the opening handshake */

/* Why it ended, for the exit code of a program. */
enum signaling_client_end {
    SIGNALING_CLIENT_END_CLOSED = 1,  /* we closed it */
    SIGNALING_CLIENT_END_UNREACHABLE, /* no such name, nobody listens, no answer in time, the certificate is not good, the handshake was refused: exit 69 */
    SIGNALING_CLIENT_END_ROOM_FULL,   /* exit 16 */
    SIGNALING_CLIENT_END_LOST,        /* it was open, then the connection broke or the server went away: exit 69 while no call is up */
    SIGNALING_CLIENT_END_PROTOCOL     /* the server refused what we said (close codes 1002, 1003, 1007 to 1009, our own), or broke RFC 6455 */
};

/* Views are valid during on_closed only. */
struct signaling_client_closed {
    enum signaling_client_end end;
    uint16_t close_code; /* RFC 6455 section 7.4; 0: there was no close frame */
    const char *what;    /* three sentences for people, NUL-terminated: what was tried, */
    const char *why;     /* why it failed, */
    const char *try_next; /* and what to do about it */
};

/*
 * context     handed to the callbacks
 * on_open     the room's server accepted the WebSocket; `joined` (or an error) comes as its first message
 * on_message  one whole text message, UTF-8 checked, at most SIGNALING_RELAYED_MAX_BYTES; bytes[length] is NUL; valid during the call
 * on_closed   exactly once, unless stop came first; nothing follows it
 * A callback may call send, close and stop, never free. None of them is called from within signaling_client_new or _send.
 */
struct signaling_client_config {
    const char *url;     /* ws://HOST[:PORT]/r/ROOM or wss://...; http and https mean the same. Copied */
    const char *ca_file; /* wss: certificates accepted besides the system's, PEM; may be NULL. Copied */
    void *context;
    void (*on_open)(void *context);
    void (*on_message)(void *context, const char *bytes, size_t length);
    void (*on_closed)(void *context, const struct signaling_client_closed *closed);
};

struct signaling_client;

/*
 * Begins to connect.
 * loop    the program's, outlives the client
 * out     written on success
 * Returns SIGNALING_OK; ARGUMENT: not a room URL as above, with problem->sentence saying what is wrong with it (exit 64); MEMORY, and
 * *out may be there all the same: run the loop and free it.
 */
enum signaling_error signaling_client_new(const struct signaling_client_config *config, uv_loop_t *loop, struct signaling_client **out,
                                          struct signaling_problem *problem);

/*
 * Queues one text message; before on_open it waits for it.
 * bytes, length  copied; 1..SIGNALING_MESSAGE_MAX_BYTES of UTF-8
 * Returns SIGNALING_OK; CAPACITY: SIGNALING_CLIENT_QUEUE_MAX_BYTES wait already, the server is too slow: close; TOO_LARGE; STATE: closed; MEMORY.
 */
enum signaling_error signaling_client_send(struct signaling_client *client, const char *bytes, size_t length);

/* The closing handshake (RFC 6455 section 7.1.2), after what is queued has gone out; on_closed follows, within 3 seconds also from a silent server. */
void signaling_client_close(struct signaling_client *client);

/* No callback any more; sockets and timers begin to close. Harmless the second time. */
void signaling_client_stop(struct signaling_client *client);

/* Call it after stop, once uv_run has returned 0 (nothing active is left) and not from within a callback. NULL is fine. */
void signaling_client_free(struct signaling_client *client);

#endif
