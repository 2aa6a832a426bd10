/* The allocator of a configuration, or malloc and free where it names none (docs/contract.md, promise 9). */
#ifndef PEER_ALLOCATOR_INTERNAL_H
#define PEER_ALLOCATOR_INTERNAL_H

#include "ice/agent.h"

/* configured: may be NULL. */
struct ice_allocator peer_allocator(const struct ice_allocator *configured);

#endif
