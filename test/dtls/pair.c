#include "test/dtls/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WALL_CLOCK_S 1700000000

static struct dtls_certificate *shared_certificate[2];

static void release_certificates(void) __attribute__((destructor));
static void release_certificates(void) {
    dtls_certificate_free(shared_certificate[0]);
    dtls_certificate_free(shared_certificate[1]);
}

void pair_certificates(struct pair *pair) {
    struct dtls_certificate_config config = {.wall_clock_s = WALL_CLOCK_S};
    for (int i = 0; i < 2; i++) {
        if (shared_certificate[i] == NULL) {
            shared_certificate[i] = dtls_certificate_new(&config);
            assert_non_null(shared_certificate[i]);
        }
        pair->certificate[i] = shared_certificate[i];
        dtls_certificate_fingerprint(pair->certificate[i], &pair->fingerprint[i]);
    }
}

struct dtls_transport_config pair_config(const struct pair *pair, enum pair_end end) {
    return (struct dtls_transport_config){
        .role = end == PAIR_CLIENT ? DTLS_ROLE_CLIENT : DTLS_ROLE_SERVER,
        .certificate = pair->certificate[end],
        .remote_fingerprints = &pair->fingerprint[1 - (int)end],
        .remote_fingerprint_count = 1,
    };
}

void pair_open_with(struct pair *pair, pair_network *network, const struct dtls_transport_config *client,
                    const struct dtls_transport_config *server) {
    memset(pair, 0, sizeof *pair);
    pair_certificates(pair);
    pair->now_us = 1000000;
    pair->network = network;
    struct dtls_transport_config defaults[2] = {pair_config(pair, PAIR_CLIENT), pair_config(pair, PAIR_SERVER)};
    pair->end[PAIR_CLIENT] = dtls_transport_new(client != NULL ? client : &defaults[0], pair->now_us);
    pair->end[PAIR_SERVER] = dtls_transport_new(server != NULL ? server : &defaults[1], pair->now_us);
    assert_non_null(pair->end[PAIR_CLIENT]);
    assert_non_null(pair->end[PAIR_SERVER]);
}

void pair_open(struct pair *pair, pair_network *network) {
    pair_open_with(pair, network, NULL, NULL);
}

void pair_close(struct pair *pair) {
    dtls_transport_free(pair->end[0]);
    dtls_transport_free(pair->end[1]);
    pair->end[0] = pair->end[1] = NULL;
}

uint64_t pair_random(struct pair *pair, uint64_t limit) {
    /* splitmix64 */
    pair->seed += 0x9E3779B97F4A7C15u;
    uint64_t mixed = pair->seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
    return (mixed ^ (mixed >> 31)) % limit;
}

void pair_deliver(struct pair *pair, enum pair_end to, uint64_t due_us, const uint8_t *bytes, size_t length) {
    assert_true(pair->in_flight_count < PAIR_IN_FLIGHT && length <= PAIR_DATAGRAM_BYTES);
    struct pair_datagram *datagram = &pair->in_flight[pair->in_flight_count++];
    datagram->due_us = due_us;
    datagram->order = pair->order++;
    datagram->to = to;
    datagram->length = length;
    memcpy(datagram->bytes, bytes, length);
}

static void drain_events(struct pair *pair, int end) {
    struct pair_record *record = &pair->record[end];
    struct dtls_event event;
    while (dtls_transport_poll_event(pair->end[end], &event)) {
        switch (event.type) {
        case DTLS_EVENT_KEY_LOG:
            assert_true(event.length < sizeof record->key_log);
            memcpy(record->key_log, event.bytes, event.length);
            break;
        case DTLS_EVENT_CONNECTED:
            assert_false(record->connected);
            record->connected = true;
            record->connected_at_us = pair->now_us;
            break;
        case DTLS_EVENT_RECEIVED:
            assert_true(record->connected);
            record->messages++;
            memcpy(record->last_message, event.bytes, event.length);
            record->last_length = event.length;
            break;
        case DTLS_EVENT_CLOSED:
            record->closed = true;
            record->ended_at_us = pair->now_us;
            break;
        case DTLS_EVENT_FAILED:
            assert_int_not_equal(event.failure, DTLS_FAILURE_NONE);
            record->failed = true;
            record->failure = event.failure;
            record->ended_at_us = pair->now_us;
            break;
        }
    }
}

void pair_drain(struct pair *pair) {
    for (int end = 0; end < 2; end++) {
        uint8_t buffer[PAIR_DATAGRAM_BYTES];
        struct dtls_transmit transmit;
        while (dtls_transport_poll_transmit(pair->end[end], pair->now_us, buffer, sizeof buffer, &transmit)) {
            unsigned index = pair->record[end].sent++;
            if (transmit.length > pair->record[end].longest) {
                pair->record[end].longest = transmit.length;
            }
            if (pair->network != NULL) {
                pair->network(pair, (enum pair_end)end, index, buffer, transmit.length);
            } else {
                pair_deliver(pair, (enum pair_end)(1 - end), pair->now_us + PAIR_DELAY_US, buffer, transmit.length);
            }
        }
        drain_events(pair, end);
    }
}

/* The datagram that is due first, or -1. */
static int next_datagram(const struct pair *pair) {
    int best = -1;
    for (size_t i = 0; i < pair->in_flight_count; i++) {
        const struct pair_datagram *a = &pair->in_flight[i];
        const struct pair_datagram *b = best < 0 ? NULL : &pair->in_flight[best];
        if (b == NULL || a->due_us < b->due_us || (a->due_us == b->due_us && a->order < b->order)) {
            best = (int)i;
        }
    }
    return best;
}

/* One thing happens: a datagram arrives or a timer runs out. False: nothing until then. */
static bool step(struct pair *pair, uint64_t until_us) {
    pair_drain(pair);
    int arrival = next_datagram(pair);
    uint64_t due = arrival < 0 ? UINT64_MAX : pair->in_flight[arrival].due_us;
    int timer = -1;
    for (int end = 0; end < 2; end++) {
        uint64_t timeout = dtls_transport_next_timeout(pair->end[end]);
        if (timeout < due) {
            due = timeout;
            timer = end;
        }
    }
    if (due == UINT64_MAX || due > until_us) {
        pair->now_us = until_us > pair->now_us ? until_us : pair->now_us;
        return false;
    }
    pair->now_us = due > pair->now_us ? due : pair->now_us;
    if (timer >= 0) {
        dtls_transport_handle_timeout(pair->end[timer], pair->now_us);
        uint64_t next = dtls_transport_next_timeout(pair->end[timer]);
        assert_true(next > pair->now_us); /* a timer that is due again at once would hang its caller */
    } else {
        struct pair_datagram datagram = pair->in_flight[arrival];
        pair->in_flight[arrival] = pair->in_flight[--pair->in_flight_count];
        (void)dtls_transport_handle_datagram(pair->end[datagram.to], pair->now_us, datagram.bytes, datagram.length);
    }
    pair_drain(pair);
    return true;
}

bool pair_run_until_connected(struct pair *pair, uint64_t until_us) {
    const struct pair_record *record = pair->record;
    while (!(record[0].connected && record[1].connected) && !record[0].failed && !record[1].failed && step(pair, until_us)) {
    }
    return record[0].connected && record[1].connected;
}

void pair_run(struct pair *pair, uint64_t until_us) {
    while (step(pair, until_us)) {
    }
}
