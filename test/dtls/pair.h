/*
 * Two transports and a network between them, in virtual time. A test says what becomes of each datagram.
 */
#ifndef TEST_DTLS_PAIR_H
#define TEST_DTLS_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/transport.h"

enum pair_end { PAIR_CLIENT = 0, PAIR_SERVER = 1 };

#define PAIR_DATAGRAM_BYTES 2048
#define PAIR_IN_FLIGHT 256
#define PAIR_DELAY_US 20000u

struct pair_datagram {
    uint64_t due_us;
    uint64_t order; /* the network keeps the order of what is due at the same time */
    enum pair_end to;
    size_t length;
    uint8_t bytes[PAIR_DATAGRAM_BYTES];
};

/* What happened at one end. */
struct pair_record {
    bool connected, closed, failed;
    enum dtls_failure failure;
    uint64_t connected_at_us, ended_at_us;
    unsigned messages;
    uint8_t last_message[DTLS_MESSAGE_MAX_BYTES];
    size_t last_length;
    char key_log[256];
    unsigned sent; /* datagrams, before the network had its say */
    size_t longest;
};

struct pair;

/*
 * Decides the fate of a datagram: push it with pair_deliver (once, twice, later, changed) or do nothing, and it is lost.
 * index counts the datagrams of that sender from 0.
 */
typedef void pair_network(struct pair *pair, enum pair_end from, unsigned index, const uint8_t *bytes, size_t length);

struct pair {
    struct dtls_certificate *certificate[2];
    struct dtls_fingerprint fingerprint[2]; /* of that end's own certificate */
    struct dtls_transport *end[2];
    struct pair_record record[2];
    struct pair_datagram in_flight[PAIR_IN_FLIGHT];
    size_t in_flight_count;
    uint64_t now_us;
    uint64_t order;
    pair_network *network; /* NULL: everything arrives after PAIR_DELAY_US */
    uint64_t seed;         /* for the network */
    void *context;         /* for the network */
    unsigned dropped, doubled, reordered;
};

/* Certificates for both ends, shared by all pairs of a program: making them costs more than a handshake. */
void pair_certificates(struct pair *pair);

/* The configuration that pair_open would use for this end: fingerprints right, defaults elsewhere. */
struct dtls_transport_config pair_config(const struct pair *pair, enum pair_end end);

/* Zeroes, certificates, network, and both transports, at now_us = 1 s. */
void pair_open(struct pair *pair, pair_network *network);
/* The same with configurations of the test's own; NULL: pair_config. */
void pair_open_with(struct pair *pair, pair_network *network, const struct dtls_transport_config *client,
                    const struct dtls_transport_config *server);
void pair_close(struct pair *pair);

/* Puts a datagram on the way. */
void pair_deliver(struct pair *pair, enum pair_end to, uint64_t due_us, const uint8_t *bytes, size_t length);

/* Drains both ends. */
void pair_drain(struct pair *pair);

/* Runs until both ends are connected, or an end failed or closed, or the time has come. True: both are connected. */
bool pair_run_until_connected(struct pair *pair, uint64_t until_us);

/* Runs until the time has come or nothing is left to do. */
void pair_run(struct pair *pair, uint64_t until_us);

/* A pseudo-random number below limit. */
uint64_t pair_random(struct pair *pair, uint64_t limit);

#endif
