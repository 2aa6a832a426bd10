/*
 * A TURN server on the virtual network (RFC 8656, RFC 8489 section 9.2), over UDP and over streams, with IPv4 and IPv6 relays. It is
 * there to be the strictest server that a client can meet: it shares no code with stun/ or ice/ (turn_wire.h), and whatever a
 * client does that the RFCs do not allow is counted with a reason. A test requires that there is none.
 *
 *     struct sim_turn_server *turn = sim_turn_server_new(sim_network_of(sim), sim_streams_of(sim), &config);
 *     ... run ...
 *     sim_turn_server_require_no_wrong(turn);
 *     sim_free(sim);
 *     sim_turn_server_free(turn);
 *
 * Like sim_stun_server it belongs to no object of the contract: it answers within the step in which something arrives, and what
 * expires does so when the next thing happens.
 */
#ifndef TEST_SIM_TURN_SERVER_H
#define TEST_SIM_TURN_SERVER_H

#include "test/sim/network.h"
#include "test/sim/stream.h"

#define SIM_TURN_ALLOCATION_MAX 256
#define SIM_TURN_PERMISSION_MAX 128 /* of one allocation; beyond: 508 */
#define SIM_TURN_CHANNEL_MAX 128
#define SIM_TURN_CLIENT_MAX 512 /* 5-tuples that it remembers something about; the oldest is forgotten, and counted */
#define SIM_TURN_FORBIDDEN_MAX 8

/* RFC 8489 section 9.2.1: which password algorithms the server offers. */
enum sim_turn_security {
    SIM_TURN_MD5,          /* none: MESSAGE-INTEGRITY with an MD5 key, as ever */
    SIM_TURN_SHA256,       /* SHA-256 and MD5, in that order: MESSAGE-INTEGRITY-SHA256 only, and the better one is to be taken */
    SIM_TURN_BID_DOWN      /* the nonce promises algorithms, and somebody on the way has taken the list out */
};

/* All zero but the addresses and ports is a server that anybody with the credentials may use. 0 takes the default named beside. */
struct sim_turn_server_config {
    const char *ipv4, *ipv6;         /* public addresses, one of them may be NULL: of the server and of its relays */
    uint16_t udp_port, stream_port;  /* 0: not over UDP; not over streams */
    const struct sim_link_config *up, *down;
    const char *realm, *username, *password; /* "sim", "user", "secret" */
    enum sim_turn_security security;
    uint64_t nonce_us;               /* how long a nonce is good: 1 h */
    uint32_t lifetime_seconds, lifetime_max_seconds; /* 600, 3600: RFC 8656 section 7.2 */
    size_t quota;                    /* allocations of the user; more: 486 */
    size_t capacity;                 /* allocations of all; more: 508 */
    struct stun_address alternate;   /* set: 300 to every Allocate */
    struct stun_address forbidden[SIM_TURN_FORBIDDEN_MAX]; /* peers that are refused with 403 */
    size_t forbidden_count;
};

/* What a client can do wrong. */
enum sim_turn_wrong {
    SIM_TURN_WRONG_MESSAGE,         /* neither STUN nor ChannelData, or broken */
    SIM_TURN_WRONG_FINGERPRINT,
    SIM_TURN_WRONG_METHOD,          /* unknown, or a class that a client does not send */
    SIM_TURN_WRONG_TRANSACTION,     /* an id used again for other bytes: RFC 8489 section 6 */
    SIM_TURN_WRONG_NO_CREDENTIALS,  /* on something other than Allocate, or again after they had been asked for */
    SIM_TURN_WRONG_HALF_CREDENTIALS,/* integrity without user, realm or nonce: 400 */
    SIM_TURN_WRONG_PASSWORD_ALGORITHM, /* RFC 8489 sections 9.2.3.2, 9.2.4 and 9.2.5 */
    SIM_TURN_WRONG_CREDENTIALS,     /* 401 for what was sent */
    SIM_TURN_WRONG_STALE_AGAIN,     /* a nonce that this client was told to be stale many times */
    SIM_TURN_WRONG_ALLOCATE,        /* attributes missing or contradictory: 400, 442 */
    SIM_TURN_WRONG_ALLOCATE_AGAIN,  /* there is an allocation: 437 */
    SIM_TURN_WRONG_AFTER_REDIRECT,  /* asks again after 300 */
    SIM_TURN_WRONG_AFTER_REFUSAL,   /* asks again within a second after 486 or 508 */
    SIM_TURN_WRONG_NO_ALLOCATION,   /* and never had one that a restart took */
    SIM_TURN_WRONG_OTHER_USER,      /* 441 */
    SIM_TURN_WRONG_FAMILY,          /* 443 */
    SIM_TURN_WRONG_PEER,            /* no or a broken XOR-PEER-ADDRESS */
    SIM_TURN_WRONG_CHANNEL,         /* number out of range, or peer and number bound otherwise: 400 */
    SIM_TURN_WRONG_SEND,            /* a Send indication without data */
    SIM_TURN_WRONG_NO_PERMISSION,   /* data to a peer without one: expired, or not asked for within ten seconds either */
    SIM_TURN_WRONG_CHANNEL_DATA,    /* for a number that is not bound, or cut short */
    SIM_TURN_WRONGS
};

struct sim_turn_server;

/* streams may be NULL with stream_port 0. config is copied, its strings are referenced. */
struct sim_turn_server *sim_turn_server_new(struct sim_network *network, struct sim_streams *streams, const struct sim_turn_server_config *config);
void sim_turn_server_free(struct sim_turn_server *server);

/* The process is killed: sockets close, streams break, allocations and nonces are gone. Started again it listens where it did. */
void sim_turn_server_kill(struct sim_turn_server *server);
void sim_turn_server_start(struct sim_turn_server *server);

/* What changes in mid-flight. */
struct sim_turn_server_config *sim_turn_server_configuration(struct sim_turn_server *server);

struct sim_turn_server_counters {
    uint64_t requests[16];                 /* by method, retransmissions included */
    uint64_t answers[700];                 /* by error code; [0]: successes */
    uint64_t allocations_made, allocations_lost; /* lost: by a kill */
    uint64_t relayed_to_peers, relayed_to_clients, channel_data_received, channel_data_sent, send_received, data_sent;
    uint64_t peers_dropped;                /* a peer without permission had sent something */
    uint64_t clients_forgotten;
    uint64_t wrongs[SIM_TURN_WRONGS];
};
const struct sim_turn_server_counters *sim_turn_server_counters(struct sim_turn_server *server);
uint64_t sim_turn_server_wrongs(struct sim_turn_server *server); /* all together */
const char *sim_turn_wrong_name(enum sim_turn_wrong wrong);
size_t sim_turn_server_allocation_count(struct sim_turn_server *server);

/* Fails the cmocka test, and says what was done wrong, unless nothing was. */
void sim_turn_server_require_no_wrong(struct sim_turn_server *server);

#endif
