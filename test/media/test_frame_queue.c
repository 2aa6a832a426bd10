#include "test/media/test_media.h"

#include <pthread.h>

#include "app/media/frame_queue.h"

static enum media_queue_result push_number(struct media_frame_queue *queue, uint32_t number) {
    uint8_t bytes[4] = { (uint8_t)number, (uint8_t)(number >> 8), 1, 2 };
    struct media_queued_frame frame = { .length_bytes = number % 5, .number = number, .timestamp = number * 3 };
    return media_frame_queue_push(queue, &frame, bytes);
}

/* Capacity - 1, capacity, capacity + 1; oldest first, bytes included, twice around the ring. */
static void test_bound_and_order(void **state) {
    (void)state;
    enum { CAPACITY = 7 };
    struct media_frame_queue *queue = media_frame_queue_new(CAPACITY);
    struct media_queued_frame frame;
    uint32_t pushed = 0;
    uint32_t popped = 0;

    assert_false(media_frame_queue_pop(queue, &frame));
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CAPACITY; i++) {
            assert_int_equal(push_number(queue, pushed++), MEDIA_QUEUE_OK);
        }
        assert_int_equal(push_number(queue, 999), MEDIA_QUEUE_FULL);
        for (int i = 0; i < CAPACITY - 2 + round; i++) {
            assert_true(media_frame_queue_pop(queue, &frame));
            assert_int_equal(frame.number, popped);
            assert_int_equal(frame.timestamp, popped * 3);
            assert_int_equal(frame.length_bytes, popped % 5);
            if (frame.length_bytes >= 1) {
                assert_int_equal(frame.bytes[0], popped);
            }
            free(frame.bytes);
            popped++;
        }
        while (media_frame_queue_pop(queue, &frame)) {
            assert_int_equal(frame.number, popped++);
            free(frame.bytes);
        }
    }
    media_frame_queue_free(queue);
}

/* What is in a freed queue is freed too (ASan sees a leak); a closed queue gives what it has, then ends. */
static void test_close_and_free(void **state) {
    (void)state;
    struct media_frame_queue *queue = media_frame_queue_new(4);
    struct media_queued_frame frame;
    (void)push_number(queue, 1);
    (void)push_number(queue, 2);
    (void)push_number(queue, 3);
    media_frame_queue_close(queue);
    assert_int_equal(push_number(queue, 4), MEDIA_QUEUE_CLOSED);
    assert_true(media_frame_queue_wait_pop(queue, &frame));
    free(frame.bytes);
    assert_true(media_frame_queue_wait_pop(queue, &frame));
    free(frame.bytes);
    (void)media_frame_queue_wait_pop(queue, &frame);
    free(frame.bytes);
    assert_false(media_frame_queue_wait_pop(queue, &frame));
    media_frame_queue_free(queue);

    queue = media_frame_queue_new(4);
    (void)push_number(queue, 4);
    media_frame_queue_free(queue);
    media_frame_queue_free(NULL);
}

enum { MANY = 20000 };

static void *consume(void *argument) {
    struct media_frame_queue *queue = argument;
    struct media_queued_frame frame;
    uintptr_t count = 0;
    while (media_frame_queue_wait_pop(queue, &frame)) {
        if (frame.number != count) {
            free(frame.bytes);
            return (void *)(uintptr_t)UINTPTR_MAX;
        }
        free(frame.bytes);
        count++;
    }
    return (void *)count;
}

static void test_two_threads(void **state) {
    (void)state;
    struct media_frame_queue *queue = media_frame_queue_new(16);
    pthread_t thread;
    void *count;
    assert_int_equal(pthread_create(&thread, NULL, consume, queue), 0);
    for (uint32_t number = 0; number < MANY;) {
        number += push_number(queue, number) == MEDIA_QUEUE_OK ? 1 : 0;
    }
    media_frame_queue_close(queue);
    assert_int_equal(pthread_join(thread, &count), 0);
    assert_int_equal((uintptr_t)count, MANY);
    media_frame_queue_free(queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_and_order),
        cmocka_unit_test(test_close_and_free),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
