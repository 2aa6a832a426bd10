#include "app/peer/peer_early_internal.h"

#include <assert.h>
#include <string.h>

bool peer_early_keep(struct peer_early *early, const struct ice_allocator *allocator, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    if (length > PEER_EARLY_PACKET_BYTES || early->count == PEER_EARLY_PACKET_MAX)
        return false;
    if (!early->packets) {
        early->packets = allocator->allocate(allocator->context, sizeof *early->packets * PEER_EARLY_PACKET_MAX);
        if (!early->packets)
            return false;
        early->head = 0;
    }
    struct peer_early_packet *packet = &early->packets[(early->head + early->count) % PEER_EARLY_PACKET_MAX];
    packet->path = *path;
    packet->length = length;
    memcpy(packet->bytes, bytes, length);
    early->count++;
    return true;
}

struct peer_early_packet *peer_early_first(struct peer_early *early) {
    return early->count > 0 ? &early->packets[early->head] : NULL;
}

void peer_early_drop(struct peer_early *early, const struct ice_allocator *allocator) {
    assert(early->count > 0);
    early->head = (early->head + 1) % PEER_EARLY_PACKET_MAX;
    if (--early->count == 0)
        peer_early_free(early, allocator);
}

void peer_early_free(struct peer_early *early, const struct ice_allocator *allocator) {
    if (early->packets)
        allocator->release(allocator->context, early->packets);
    *early = (struct peer_early){0};
}
