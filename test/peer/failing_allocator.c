#include "test/peer/failing_allocator.h"

#include <stdlib.h>

static void *allocate(void *context, size_t bytes) {
    struct failing_allocator *allocator = context;
    if (++allocator->calls == allocator->fail_at)
        return NULL;
    void *memory = malloc(bytes);
    allocator->live += memory != NULL;
    return memory;
}

static void release(void *context, void *memory) {
    struct failing_allocator *allocator = context;
    allocator->live -= memory != NULL;
    free(memory);
}

struct ice_allocator failing_allocator_of(struct failing_allocator *allocator) {
    return (struct ice_allocator){allocate, release, allocator};
}
