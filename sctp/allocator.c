/* Where memory comes from when the configuration does not say (docs/contract.md, promise 9). */
#include <stdlib.h>

#include "sctp/association.h"

static void *allocate_with_malloc(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void release_with_free(void *context, void *memory) {
    (void)context;
    free(memory);
}

struct sctp_allocator sctp_allocator_or_default(const struct sctp_allocator *configured) {
    return configured != NULL ? *configured : (struct sctp_allocator){allocate_with_malloc, release_with_free, NULL};
}
