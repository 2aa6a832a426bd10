/* The queue in front of a WebSocket. What libwebsockets cannot write at once it keeps itself, and says writable again only after that is gone. */
#include "signaling/websocket/queue_internal.h"

#include <stdlib.h>
#include <string.h>

/* LWS_WRITE_CLOSE, which the installed header of libwebsockets 4.1 mentions by name and keeps the number free for, but does not declare. */
#define WRITE_CLOSE ((enum lws_write_protocol)4)

enum signaling_error signaling_queue_push(struct signaling_queue *queue, const char *bytes, size_t length, size_t max_bytes) {
    if (queue->first != NULL && (queue->bytes > max_bytes || length > max_bytes - queue->bytes))
        return SIGNALING_ERROR_CAPACITY;
    struct signaling_queued *entry = malloc(sizeof *entry + LWS_PRE + length);
    if (entry == NULL)
        return SIGNALING_ERROR_MEMORY;
    entry->next = NULL;
    entry->length = length;
    memcpy((unsigned char *)(entry + 1) + LWS_PRE, bytes, length);
    if (queue->last != NULL)
        queue->last->next = entry;
    else
        queue->first = entry;
    queue->last = entry;
    queue->bytes += length;
    return SIGNALING_OK;
}

static void pop(struct signaling_queue *queue) {
    struct signaling_queued *entry = queue->first;
    queue->first = entry->next;
    if (queue->first == NULL)
        queue->last = NULL;
    queue->bytes -= entry->length;
    free(entry);
}

void signaling_queue_clear(struct signaling_queue *queue) {
    while (queue->first != NULL)
        pop(queue);
}

bool signaling_queue_write(struct signaling_queue *queue, struct lws *wsi) {
    struct signaling_queued *entry = queue->first;
    if (entry == NULL)
        return true;
    int written = lws_write(wsi, (unsigned char *)(entry + 1) + LWS_PRE, entry->length, LWS_WRITE_TEXT);
    if (written < (int)entry->length)
        return false;
    pop(queue);
    lws_callback_on_writable(wsi);
    return true;
}

/*
 * By hand, because in libwebsockets 4.1 on libuv "lws_close_reason and return -1" ends the TCP connection before the frame is out (it looks at the
 * connection again after the callback, finds it closing, and takes that for the end).
 */
bool signaling_close_write(struct lws *wsi, uint16_t code, const char *reason) {
    unsigned char frame[LWS_PRE + 125] = {0};
    size_t length = strnlen(reason, 123);
    frame[LWS_PRE] = (unsigned char)(code >> 8);
    frame[LWS_PRE + 1] = (unsigned char)code;
    memcpy(frame + LWS_PRE + 2, reason, length);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_REASON_BASE, SIGNALING_CLOSE_TIMEOUT_S);
    return lws_write(wsi, frame + LWS_PRE, length + 2, WRITE_CLOSE) >= (int)length + 2;
}
