/*
 * Datagrams that came before they could be used: DTLS before the answer said which role is ours, SRTP before the handshake
 * gave the keys. A small bounded queue; what does not fit is dropped and counted by the caller.
 */
#ifndef PEER_EARLY_INTERNAL_H
#define PEER_EARLY_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/peer/peer_transport.h"

struct peer_early_packet {
    struct ice_path path;
    size_t length;
    uint8_t bytes[PEER_EARLY_PACKET_BYTES];
};

/* packets is NULL while nothing waits: the memory is there only while it is needed. */
struct peer_early {
    struct peer_early_packet *packets;
    size_t head, count;
};

/* Copies a datagram into the queue. False: full, longer than PEER_EARLY_PACKET_BYTES, or no memory. */
bool peer_early_keep(struct peer_early *early, const struct ice_allocator *allocator, const struct ice_path *path, const uint8_t *bytes, size_t length);

/* The oldest datagram, or NULL. It stays in place, and its bytes may be changed, until peer_early_drop. */
struct peer_early_packet *peer_early_first(struct peer_early *early);

/* Forgets the oldest datagram; releases the memory with the last one. */
void peer_early_drop(struct peer_early *early, const struct ice_allocator *allocator);

void peer_early_free(struct peer_early *early, const struct ice_allocator *allocator);

#endif
