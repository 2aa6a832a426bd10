/* Where memory comes from when the configuration does not say (docs/contract.md, promise 9). */
#include <stdlib.h>

#include "ice/agent.h"

static void *allocate_with_malloc(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void release_with_free(void *context, void *memory) {
    (void)context;
    free(memory);
}

struct ice_allocator ice_allocator_or_default(const struct ice_allocator *configured) {
    return configured != NULL ? *configured : (struct ice_allocator){allocate_with_malloc, release_with_free, NULL};
}
