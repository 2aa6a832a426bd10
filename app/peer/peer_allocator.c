#include "app/peer/peer_allocator_internal.h"

#include <stdlib.h>

static void *allocate_with_malloc(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void release_with_free(void *context, void *memory) {
    (void)context;
    free(memory);
}

struct ice_allocator peer_allocator(const struct ice_allocator *configured) {
    return configured ? *configured : (struct ice_allocator){allocate_with_malloc, release_with_free, NULL};
}
