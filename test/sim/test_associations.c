/*
 * Whole SCTP associations over bad networks, without DTLS between: 0 to 40 % loss, reordering, duplication, corruption. Whatever happens,
 * every reliable message arrives once and intact, ordered ones in order, one with a limit at most once; and both ends agree on the end.
 */
#include "test_sim.h"

#include <stdlib.h>
#include <string.h>

#include "test/sim/association_side.h"

#define MESSAGES_MAX 160
#define STREAMS 6
#define HEADER_BYTES 4

struct planned {
    struct sctp_message message; /* without bytes */
    uint32_t seed;
    bool was_sent, has_arrived;
};

struct side {
    struct association_side sctp;
    struct planned plan[MESSAGES_MAX];
    size_t plan_count, next;
    size_t reset_at; /* before this message its stream is reset; MESSAGES_MAX: none */
    bool has_asked_reset;
    bool is_held; /* CAPACITY: until SENDABLE, or a reset is done */
    bool is_connected, is_closed, shuts_down;
    enum sctp_closed_reason reason;
    size_t last_ordered[STREAMS]; /* + 1, of what has arrived */
    struct side *peer;
    unsigned resets;
};

/* ---- what a message holds ------------------------------------------------------------------------------------------------------------- */

static uint8_t byte_of(uint32_t seed, size_t i) {
    return (uint8_t)((seed + i) * 2654435761u >> 13);
}

static void fill(const struct planned *planned, size_t index, uint8_t *bytes) {
    for (size_t i = 0; i < planned->message.length; i++)
        bytes[i] = byte_of(planned->seed, i);
    if (planned->message.length >= HEADER_BYTES) {
        bytes[0] = (uint8_t)(index >> 8);
        bytes[1] = (uint8_t)index;
    }
}

static void receive(struct side *side, const struct sctp_received *received) {
    struct side *sender = side->peer;
    sim_require(side->sctp.sim, received->length >= HEADER_BYTES);
    size_t index = (size_t)received->bytes[0] << 8 | received->bytes[1];
    sim_require(side->sctp.sim, index < sender->next);
    struct planned *planned = &sender->plan[index];
    sim_require(side->sctp.sim, planned->was_sent && !planned->has_arrived);
    planned->has_arrived = true;
    sim_require(side->sctp.sim, received->length == planned->message.length && received->stream == planned->message.stream);
    sim_require(side->sctp.sim, received->is_unordered == planned->message.is_unordered && received->payload_protocol == planned->message.payload_protocol);
    for (size_t i = 2; i < received->length; i++)
        sim_require(side->sctp.sim, received->bytes[i] == byte_of(planned->seed, i));
    if (!received->is_unordered) {
        sim_require(side->sctp.sim, index + 1 > side->last_ordered[received->stream]);
        side->last_ordered[received->stream] = index + 1;
    }
}

/* ---- the script ----------------------------------------------------------------------------------------------------------------------- */

/* Gives away as much as is taken. */
static void go_on(struct side *side, uint64_t now_us) {
    static uint8_t bytes[65536];
    while (side->is_connected && !side->is_closed && !side->is_held && side->next < side->plan_count) {
        struct planned *planned = &side->plan[side->next];
        if (side->next == side->reset_at && !side->has_asked_reset) {
            uint16_t stream = planned->message.stream;
            sim_require(side->sctp.sim, sctp_association_reset_streams(side->sctp.association, now_us, &stream, 1) == SCTP_OK);
            side->has_asked_reset = side->is_held = true;
            return;
        }
        fill(planned, side->next, bytes);
        planned->message.bytes = bytes;
        int result = sctp_association_send(side->sctp.association, now_us, &planned->message);
        side->is_held = result == SCTP_ERROR_CAPACITY;
        sim_require(side->sctp.sim, result == SCTP_OK || side->is_held);
        if (side->is_held)
            return;
        planned->was_sent = true;
        side->next++;
    }
    bool is_done = side->is_connected && side->next == side->plan_count && side->peer->next == side->peer->plan_count;
    for (size_t i = 0; is_done && i < side->peer->plan_count; i++)
        is_done = side->peer->plan[i].has_arrived || side->peer->plan[i].message.reliability != SCTP_RELIABLE;
    if (is_done && !side->shuts_down) {
        side->shuts_down = true;
        sctp_association_shutdown(side->sctp.association, now_us);
    }
}

static bool poll_upward(void *object, uint64_t now_us) {
    struct side *side = object;
    struct sctp_event event;
    if (!sctp_association_poll_event(side->sctp.association, &event))
        return false;
    sim_require(side->sctp.sim, !side->is_closed);
    switch (event.type) {
    case SCTP_EVENT_CONNECTED:
        sim_require(side->sctp.sim, !side->is_connected);
        side->is_connected = true;
        break;
    case SCTP_EVENT_MESSAGE:
        receive(side, &event.message);
        break;
    case SCTP_EVENT_STREAMS_RESET:
        sim_require(side->sctp.sim, event.is_incoming || (!event.is_refused && side->has_asked_reset));
        side->is_held &= event.is_incoming;
        side->resets++;
        break;
    case SCTP_EVENT_SENDABLE:
        side->is_held = false;
        break;
    case SCTP_EVENT_BUFFERED_LOW:
        break;
    case SCTP_EVENT_RESTARTED:
        sim_require(side->sctp.sim, false);
        break;
    case SCTP_EVENT_CLOSED:
        side->is_closed = true;
        side->reason = event.reason;
        break;
    }
    go_on(side, now_us);
    return true;
}

static const struct sim_verbs verbs = ASSOCIATION_SIDE_VERBS(poll_upward);

/* ---- a seed becomes an association ----------------------------------------------------------------------------------------------------- */

static uint32_t below(struct sim *sim, uint32_t limit) {
    return (uint32_t)sim_random_below(sim_random_of(sim), limit);
}

static struct sim_link_config bad_link(struct sim *sim) {
    double loss = below(sim, 41) / 100.0;
    return (struct sim_link_config){
        .loss = loss,
        .delay_us = 500 + below(sim, 120000),
        .jitter_us = below(sim, 40000),
        .reorder = below(sim, 20) / 100.0,
        .reorder_delay_us = 1 + below(sim, 100000),
        .duplicate = below(sim, 15) / 100.0,
        .corrupt = below(sim, 10) / 100.0,
        .rate_bps = below(sim, 3) == 0 ? 500000 + below(sim, 20000000) : 0,
        .queue_bytes = 20000 + below(sim, 200000),
    };
}

static void plan(struct sim *sim, struct side *side, uint32_t budget_bytes) {
    side->plan_count = 1 + below(sim, MESSAGES_MAX);
    for (size_t i = 0; i < side->plan_count; i++) {
        static const uint32_t longest[] = {20, 20, 400, 400, 3000, 20000};
        struct planned *planned = &side->plan[i];
        uint32_t length = HEADER_BYTES + below(sim, longest[below(sim, 6)]);
        length = length < budget_bytes ? length : HEADER_BYTES;
        budget_bytes -= length < budget_bytes ? length : 0;
        *planned = (struct planned){.seed = below(sim, UINT32_MAX)};
        planned->message = (struct sctp_message){
            .stream = (uint16_t)below(sim, STREAMS),
            .payload_protocol = below(sim, 100),
            .is_unordered = below(sim, 3) == 0,
            .reliability = below(sim, 2) == 0 ? SCTP_RELIABLE : below(sim, 2) == 0 ? SCTP_MAX_RETRANSMITS : SCTP_MAX_LIFETIME,
            .max_retransmits = below(sim, 3),
            .lifetime_us = 1000 + below(sim, 500000),
            .priority = (uint16_t)below(sim, 1000),
            .length = length,
        };
    }
    side->reset_at = below(sim, 2) == 0 ? below(sim, (uint32_t)side->plan_count) : MESSAGES_MAX;
}

static void make(struct sim *sim, struct side *side, int interface_, const char *name) {
    struct sctp_association_config config = {
        .wants_interleaving = below(sim, 2) == 0,
        .send_bytes = below(sim, 2) == 0 ? 65536 : 0,
        .receive_bytes = below(sim, 2) == 0 ? 65536 : 0,
        .init_retransmissions = 100,
        .association_retransmissions = 100,
    };
    association_side_start(&side->sctp, sim, &config, interface_, name, &verbs);
}

static bool is_over(const struct side *a, const struct side *b) {
    return a->is_closed && b->is_closed;
}

static void judge(struct sim *sim, const struct side *side) {
    struct sctp_association_statistics statistics;
    sctp_association_statistics(side->sctp.association, &statistics);
    sim_require(sim, side->reason == SCTP_CLOSED_SHUTDOWN || (side->shuts_down && side->reason != SCTP_CLOSED_PROTOCOL_VIOLATION));
    for (size_t i = 0; i < side->plan_count; i++)
        sim_require(sim, side->plan[i].has_arrived || side->plan[i].message.reliability != SCTP_RELIABLE);
    sim_require(sim, statistics.restarts == 0 && statistics.received_bytes <= 4 * 1048576);
}

static void run(uint64_t seed, struct sim_counters *sum) {
    struct sim *sim = sim_new(seed);
    struct sim_network *network = sim_network_of(sim);
    struct sim_link_config link = bad_link(sim);
    static struct side a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    make(sim, &a, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", &link, NULL), "a");
    make(sim, &b, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.2", &link, NULL), "b");
    association_side_introduce(&a.sctp, &b.sctp);
    a.peer = &b;
    b.peer = &a;
    uint32_t budget = 400000 - (uint32_t)(link.loss * 900000);
    plan(sim, &a, budget);
    plan(sim, &b, budget);
    association_side_connect(&a.sctp);
    if (below(sim, 2) == 0) /* both call */
        association_side_connect(&b.sctp);
    sim_set_deadline(sim, 7200 * SIM_SECOND_US);
    while (!is_over(&a, &b) && sim_step(sim)) {
    }
    sim_require(sim, is_over(&a, &b));
    judge(sim, &a);
    judge(sim, &b);
    struct sim_counters counters = sim_network_counters(network);
    sim_counters_add(sum, &counters);
    sctp_association_free(a.sctp.association);
    sctp_association_free(b.sctp.association);
    sim_free(sim);
}

static void every_message_of_every_seed(void **state) {
    struct sim_seeds seeds = sim_seeds(1, 500);
    struct sim_counters sum = {0};
    (void)state;
    for (uint64_t i = 0; i < seeds.count; i++)
        run(seeds.first + i, &sum);
    /* The network was as bad as promised. */
    assert_true(sum.dropped_loss > sum.sent / 20 && sum.duplicated > sum.sent / 50 && sum.corrupted > sum.sent / 50 && sum.reordered > sum.sent / 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_message_of_every_seed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
