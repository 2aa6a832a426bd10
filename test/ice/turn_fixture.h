/* A TURN client, its server double, and the wire between them, in virtual time. */
#ifndef TEST_ICE_TURN_FIXTURE_H
#define TEST_ICE_TURN_FIXTURE_H

#include "ice/turn_client_internal.h"
#include "turn_server.h"

#define TURN_SECOND UINT64_C(1000000)
#define TURN_EVENT_MAX 64

struct turn_fixture {
    struct turn_server server;
    struct ice_turn_client_config config;
    struct ice_allocator allocator; /* counts, and fails when told to */
    struct ice_turn_client *client;
    uint64_t now_us, random_state;
    struct ice_path path;
    size_t chunk_bytes;             /* streams: how many bytes arrive at once; 0: all */
    unsigned drop;                  /* so many requests are lost */
    unsigned lose_answers;          /* so many answers are lost */
    unsigned sent;                  /* messages that the client has sent */
    uint8_t last[2048];             /* what it sent last */
    size_t last_length;
    struct ice_turn_event events[TURN_EVENT_MAX];
    size_t event_count;
    char opened_name[64];           /* of the last OPEN_STREAM */
    size_t allocations, allocation_limit;
    size_t received;                /* payloads delivered */
    uint8_t payload[2048];          /* the last one */
    size_t payload_length;
    struct ice_turn_received last_received;
};

void turn_fixture_init(struct turn_fixture *f, enum ice_transport transport);
void turn_fixture_start(struct turn_fixture *f); /* makes the client */
void turn_fixture_free(struct turn_fixture *f);
/* Exchanges everything that can be exchanged without time passing. A stream that is asked for is opened. */
void turn_fixture_drain(struct turn_fixture *f);
/* Lets time pass up to `until_us`, from timeout to timeout. */
void turn_fixture_run_until(struct turn_fixture *f, uint64_t until_us);
/* Hands bytes from the server to the client. */
int turn_fixture_deliver(struct turn_fixture *f, const uint8_t *bytes, size_t length);
int turn_fixture_deliver_data(struct turn_fixture *f, const struct stun_address *peer, const void *data, size_t length);
size_t turn_fixture_count(const struct turn_fixture *f, enum ice_turn_event_type type);
struct ice_turn_status turn_fixture_status(const struct turn_fixture *f);
/* Started, drained, allocated: asserted. */
void turn_fixture_allocate(struct turn_fixture *f);

#endif
