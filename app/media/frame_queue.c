#include "app/media/frame_queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct media_frame_queue {
    pthread_mutex_t mutex;
    pthread_cond_t  arrived;
    struct media_queued_frame *ring;
    size_t capacity, first, count;
    bool   closed;
};

struct media_frame_queue *media_frame_queue_new(size_t capacity) {
    struct media_frame_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) {
        return NULL;
    }
    queue->ring = calloc(capacity, sizeof *queue->ring);
    if (queue->ring == NULL) {
        free(queue);
        return NULL;
    }
    queue->capacity = capacity;
    (void)pthread_mutex_init(&queue->mutex, NULL);
    (void)pthread_cond_init(&queue->arrived, NULL);
    return queue;
}

void media_frame_queue_free(struct media_frame_queue *queue) {
    struct media_queued_frame frame;

    if (queue == NULL) {
        return;
    }
    while (media_frame_queue_pop(queue, &frame)) {
        free(frame.bytes);
    }
    (void)pthread_cond_destroy(&queue->arrived);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue->ring);
    free(queue);
}

/* The copy is made before the lock is taken: nobody waits for malloc. */
enum media_queue_result media_frame_queue_push(struct media_frame_queue *queue, const struct media_queued_frame *frame,
                                               const uint8_t *bytes) {
    enum media_queue_result result = MEDIA_QUEUE_OK;
    struct media_queued_frame copy = *frame;

    copy.bytes = malloc(frame->length_bytes != 0 ? frame->length_bytes : 1);
    if (copy.bytes == NULL) {
        return MEDIA_QUEUE_NO_MEMORY;
    }
    if (frame->length_bytes != 0) {
        memcpy(copy.bytes, bytes, frame->length_bytes);
    }
    (void)pthread_mutex_lock(&queue->mutex);
    if (queue->closed) {
        result = MEDIA_QUEUE_CLOSED;
    } else if (queue->count == queue->capacity) {
        result = MEDIA_QUEUE_FULL;
    } else {
        queue->ring[(queue->first + queue->count) % queue->capacity] = copy;
        queue->count++;
        (void)pthread_cond_signal(&queue->arrived);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    if (result != MEDIA_QUEUE_OK) {
        free(copy.bytes);
    }
    return result;
}

static bool take(struct media_frame_queue *queue, struct media_queued_frame *frame) {
    if (queue->count == 0) {
        return false;
    }
    *frame = queue->ring[queue->first];
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return true;
}

bool media_frame_queue_pop(struct media_frame_queue *queue, struct media_queued_frame *frame) {
    (void)pthread_mutex_lock(&queue->mutex);
    bool taken = take(queue, frame);
    (void)pthread_mutex_unlock(&queue->mutex);
    return taken;
}

bool media_frame_queue_wait_pop(struct media_frame_queue *queue, struct media_queued_frame *frame) {
    (void)pthread_mutex_lock(&queue->mutex);
    while (queue->count == 0 && !queue->closed) {
        (void)pthread_cond_wait(&queue->arrived, &queue->mutex);
    }
    bool taken = take(queue, frame);
    (void)pthread_mutex_unlock(&queue->mutex);
    return taken;
}

void media_frame_queue_close(struct media_frame_queue *queue) {
    (void)pthread_mutex_lock(&queue->mutex);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->arrived);
    (void)pthread_mutex_unlock(&queue->mutex);
}
