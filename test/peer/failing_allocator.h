/*
 * An allocator that says no once, and counts what is alive, for tests that survive each failure in its turn:
 *
 *     for (size_t n = 1;; n++) {
 *         struct failing_allocator failing = {.fail_at = n};
 *         struct ice_allocator allocator = failing_allocator_of(&failing);
 *         ...                                     failing.calls < n: it came through without the n-th
 *         assert_int_equal(failing.live, 0);
 *     }
 */
#ifndef TEST_PEER_FAILING_ALLOCATOR_H
#define TEST_PEER_FAILING_ALLOCATOR_H

#include <stddef.h>

#include "ice/agent.h"

struct failing_allocator {
    size_t calls;   /* so far */
    size_t fail_at; /* the call that gets nothing, from 1; 0: none */
    size_t live;    /* allocations that are not released */
};

struct ice_allocator failing_allocator_of(struct failing_allocator *allocator);

#endif
