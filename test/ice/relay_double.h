/*
 * A TURN server for tests, in memory: what a client sends goes in, what it would send goes out. It knows long-term credentials, both
 * families, permissions, channels and the ways to refuse that the tests ask for. It is written from RFC 8656 with nothing of ice/ but the
 * address type, so that the client cannot agree with itself. Lifetimes are told, not kept.
 */
#ifndef TEST_RELAY_DOUBLE_H
#define TEST_RELAY_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"
#include "stun/integrity.h"

#define RELAY_DOUBLE_ALLOCATION_MAX 8
#define RELAY_DOUBLE_PEER_MAX 24
#define RELAY_DOUBLE_BYTES 1600
#define RELAY_DOUBLE_USERNAME "user"
#define RELAY_DOUBLE_PASSWORD "secret"
#define RELAY_DOUBLE_REALM "relay.example"

/* Who talks to the server: an address, or a stream (then the address is what the server sees of it). */
struct relay_double_flow {
    struct stun_address client;
    uint64_t stream_id;
};

struct relay_double_allocation {
    bool in_use;
    struct relay_double_flow flow;
    struct stun_address relayed[2]; /* IPv4, IPv6 */
    struct stun_address permitted[RELAY_DOUBLE_PEER_MAX];
    size_t permitted_count;
    struct {
        uint16_t number;
        struct stun_address peer;
    } channels[RELAY_DOUBLE_PEER_MAX];
    size_t channel_count;
};

/*
 * address      where it listens
 * relay_ip     IPv4, IPv6; family NONE: it has none
 * refuse       error code for an authenticated Allocate; 300 names `alternate`
 * forbidden    CreatePermission for this IP is answered 403
 * is_down      it answers nothing, and relays nothing
 */
struct relay_double {
    struct stun_address address, relay_ip[2], alternate, forbidden;
    uint16_t refuse;
    bool is_down;
    struct stun_key *key;
    uint32_t epoch; /* in the nonce: a server that has been restarted does not know its old ones */
    uint16_t next_port;
    struct relay_double_allocation allocations[RELAY_DOUBLE_ALLOCATION_MAX];
    uint64_t requests, allocated, refreshed, deleted, relayed_out, relayed_in, unpermitted, channel_data_in;
};

/* What it sends: to the client that the flow names, or from one of its relayed addresses to a peer. */
struct relay_double_output {
    bool to_peer;
    struct relay_double_flow flow;
    struct stun_address relayed, peer;
    size_t length;
    uint8_t bytes[RELAY_DOUBLE_BYTES];
};

void relay_double_open(struct relay_double *server, const struct stun_address *address);
void relay_double_close(struct relay_double *server);
/* Killed and started again: allocations and nonces are forgotten. */
void relay_double_restart(struct relay_double *server);
/* One message of a client (over a stream: exactly one). False: nothing follows from it. */
bool relay_double_handle(struct relay_double *server, const struct relay_double_flow *flow, const uint8_t *bytes, size_t length,
                         struct relay_double_output *out);
/* A datagram of a peer for one of the relayed addresses. False: that is not ours, or the peer has no permission. */
bool relay_double_handle_peer(struct relay_double *server, const struct stun_address *relayed, const struct stun_address *peer, const uint8_t *bytes,
                              size_t length, struct relay_double_output *out);
size_t relay_double_allocation_count(const struct relay_double *server);

#endif
