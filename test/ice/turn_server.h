/*
 * A TURN server for the tests of the TURN client: it follows RFC 8656 as far as a client can see, keeps its own books (allocation,
 * permissions and channels with their expiry), and does wrong on request. It speaks through bytes alone.
 */
#ifndef TEST_ICE_TURN_SERVER_H
#define TEST_ICE_TURN_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/integrity.h"
#include "stun/message.h"

#define TURN_SERVER_PEER_MAX 300

struct turn_server_peer {
    struct stun_address address;
    uint16_t channel;
    uint64_t expires_us;
};

struct turn_server {
    /* How it is set up. */
    const char *username, *password, *realm, *nonce; /* realm NULL: wants no credentials */
    bool offers_sha256;                              /* PASSWORD-ALGORITHMS: SHA-256, MD5; the nonce must say so */
    bool has_ipv4, has_ipv6;
    uint32_t lifetime_seconds;

    /* What it does wrong, or is told to. */
    uint16_t refuse[16];      /* per method: this code, authenticated, instead of an answer */
    uint16_t refuse_peer;     /* code for requests that name forbidden_peer */
    struct stun_address forbidden_peer;
    unsigned stale;           /* so many authenticated requests get 438 and the next nonce */
    const char *next_nonce;
    struct stun_address alternate; /* 300 to every Allocate, unless NONE */
    const char *alternate_domain;
    bool strips_algorithms;   /* an attacker removes PASSWORD-ALGORITHMS ... */
    const char *altered_nonce; /* ... or replaces the nonce in a challenge */
    bool signs_wrongly, signs_not;
    bool omits_relayed, omits_lifetime, omits_mapped, adds_unknown;
    bool writes_no_address; /* beside the others an XOR-RELAYED-ADDRESS of 0.0.0.0:0, as coturn 4.6 does for a family that it does not have */
    uint16_t address_error;   /* ADDRESS-ERROR-CODE */
    const char *reason;

    /* Its books. */
    uint64_t now_us;
    bool is_allocated;
    uint64_t expires_us;
    struct stun_address relayed[2], mapped;
    struct turn_server_peer permissions[TURN_SERVER_PEER_MAX], channels[TURN_SERVER_PEER_MAX];
    unsigned requests, allocates, refreshes, deletes, create_permissions, channel_binds, unauthenticated, broken;
    size_t most_peers; /* in one CreatePermission */
    bool saw_username, saw_userhash, saw_sha1, saw_sha256, saw_additional_family;
};

struct stun_address turn_server_address(const char *ip, uint16_t port);
void turn_server_init(struct turn_server *server);

/* Handles one request; returns the length of the answer, or 0. */
size_t turn_server_answer(struct turn_server *server, uint64_t now_us, const uint8_t *request, size_t length, uint8_t *answer, size_t capacity);

/* A Data indication or, with a channel that is bound to that peer, ChannelData; as for a stream when `padded`. */
size_t turn_server_data(const struct turn_server *server, const struct stun_address *peer, const uint8_t *data, size_t length, bool padded,
                        uint8_t *out, size_t capacity);

bool turn_server_permits(const struct turn_server *server, uint64_t now_us, const struct stun_address *peer);
uint16_t turn_server_channel(const struct turn_server *server, uint64_t now_us, const struct stun_address *peer);

#endif
