/* A bounded queue of encoded frames between the loop's thread and a worker's. Any thread may call any function but _new and _free. */
#ifndef MEDIA_FRAME_QUEUE_H
#define MEDIA_FRAME_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"

struct media_queued_frame {
    uint8_t *bytes;              /* of whoever popped it: free() */
    size_t   length_bytes;
    enum media_codec codec;
    uint32_t timestamp, duration, number;
    uint64_t time_us;
    int64_t  capture_unix_us;    /* 0: not known */
    bool     key_frame;
};

enum media_queue_result { MEDIA_QUEUE_OK, MEDIA_QUEUE_FULL, MEDIA_QUEUE_CLOSED, MEDIA_QUEUE_NO_MEMORY };

struct media_frame_queue;

/* Room for `capacity` frames (at least 1). NULL when memory is short. */
struct media_frame_queue *media_frame_queue_new(size_t capacity);

/* Frees it and what is in it. No other thread may be inside. NULL is fine. */
void media_frame_queue_free(struct media_frame_queue *queue);

/* Copies *frame, with frame->length_bytes from `bytes` as its bytes (frame->bytes is not looked at), to the end of the queue.
 * Anything but OK leaves the queue as it was. */
enum media_queue_result media_frame_queue_push(struct media_frame_queue *queue, const struct media_queued_frame *frame,
                                               const uint8_t *bytes);

/* The oldest frame; false when there is none. */
bool media_frame_queue_pop(struct media_frame_queue *queue, struct media_queued_frame *frame);

/* The same, but waits for one; false when the queue is closed and empty. */
bool media_frame_queue_wait_pop(struct media_frame_queue *queue, struct media_queued_frame *frame);

/* No more pushes; whoever waits gets what is left, then false. */
void media_frame_queue_close(struct media_frame_queue *queue);

#endif
