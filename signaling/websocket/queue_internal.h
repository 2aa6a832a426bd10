/* Texts that wait for a socket, first in first out and bounded; each has the headroom that libwebsockets wants (LWS_PRE). */
#ifndef SIGNALING_WEBSOCKET_QUEUE_INTERNAL_H
#define SIGNALING_WEBSOCKET_QUEUE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include <libwebsockets.h>

#include "signaling/message.h"

struct signaling_queued {
    struct signaling_queued *next;
    size_t length;
};

/* All zero is an empty queue. */
struct signaling_queue {
    struct signaling_queued *first, *last;
    size_t bytes;
};

/*
 * Copies the text to the end. One text may always wait, however long; with others it must fit max_bytes.
 * Returns SIGNALING_OK, CAPACITY or MEMORY.
 */
enum signaling_error signaling_queue_push(struct signaling_queue *queue, const char *bytes, size_t length, size_t max_bytes);

void signaling_queue_clear(struct signaling_queue *queue);

/*
 * Writes the first text to a writable WebSocket and forgets it; asks to be called again when more waits.
 * False: the connection is broken. An empty queue is fine.
 */
bool signaling_queue_write(struct signaling_queue *queue, struct lws *wsi);

#define SIGNALING_CLOSE_TIMEOUT_S 3 /* for the other side's close frame to come back */

/*
 * Writes a close frame (RFC 6455 section 5.5.1) to a writable WebSocket and gives the other side SIGNALING_CLOSE_TIMEOUT_S to answer. Return -1 to
 * libwebsockets from LWS_CALLBACK_WS_PEER_INITIATED_CLOSE then: the answer needs no answer.
 * reason  at most 123 bytes
 */
bool signaling_close_write(struct lws *wsi, uint16_t code, const char *reason);

#endif
