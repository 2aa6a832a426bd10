/*
 * Data channels of whole connections, ICE and DTLS beneath and often a call beside, over networks that lose, reorder and double; in the middle of it a NAT
 * forgets its mappings, ICE restarts, or both. Whatever happens, every reliable message arrives once and intact, ordered ones in order, one with a limit
 * at most once; and every channel is closed at both ends after that.
 */
#include "test_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/connection_side.h"
#include "test/sim/homes.h"

#define SEEDS_IN_CHECK 24
#define CHANNELS 4 /* of each side */
#define MESSAGES 40
#define HEADER_BYTES 2
#define MESSAGE_MAX_BYTES 20000
#define BUFFERED_HIGH_BYTES 30000
#define BUFFERED_LOW_BYTES 10000
#define PATIENCE_US (240 * SIM_SECOND_US)

enum { ORDERED, UNORDERED, RETRANSMITTED_ONCE, SHORT_LIVED };
enum disturbance { NOTHING, NAT_FORGETS, ICE_RESTARTS, NAT_FORGETS_AND_ICE_RESTARTS, DISTURBANCES };

static const struct peer_data_channel_config wanted[CHANNELS] = {
    [ORDERED] = {.label = "0", .label_length = 1},
    [UNORDERED] = {.label = "1", .label_length = 1, .is_unordered = true},
    [RETRANSMITTED_ONCE] = {.label = "2", .label_length = 1, .has_max_retransmits = true, .max_retransmits = 1},
    [SHORT_LIVED] = {.label = "3", .label_length = 1, .is_unordered = true, .has_max_packet_life_time = true, .max_packet_life_time_ms = 150},
};

/* One side's half of a channel: what it has sent there, and what the other side has seen of it. */
struct flow {
    size_t channel, channel_of_peer;
    bool is_open, is_held, is_closing;
    unsigned sent, arrived, last; /* last: + 1 */
    bool has_arrived[MESSAGES];
};

struct end {
    struct connection_side *side;
    struct end *other;
    uint64_t seed;
    struct flow flows[CHANNELS];
    unsigned closed;
    bool has_media;
};

static struct homes homes;
static struct connection_side sides[2];
static struct end ends[2];
static enum disturbance disturbance;
static bool is_disturbed;
static uint32_t audio_before[2];

static void require(bool condition, const char *what, int line) {
    if (condition)
        return;
    for (int i = 0; i < 2; i++) {
        connection_side_explain(&sides[i]);
        for (size_t k = 0; k < CHANNELS; k++)
            printf("    channel %zu: %u sent, %u arrived\n", k, ends[i].flows[k].sent, ends[i].flows[k].arrived);
    }
    sim_require_at(homes.sim, false, what, __FILE__, line);
}
#define REQUIRE(condition) require((condition), #condition, __LINE__)

/* ---- messages ----------------------------------------------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t seed, uint64_t kind, uint64_t number) {
    uint64_t z = seed * UINT64_C(0x9E3779B97F4A7C15) + kind * UINT64_C(0xD1B54A32D192ED03) + number + 1;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9); /* splitmix64, public domain */
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static bool is_reliable(size_t kind) {
    return kind == ORDERED || kind == UNORDERED;
}

static size_t make_message(uint64_t seed, size_t kind, unsigned number, uint8_t *out) {
    static const size_t longest[] = {10, 1000, 1000, 5000, MESSAGE_MAX_BYTES};
    uint64_t state = mixed(seed, kind, number);
    size_t length = HEADER_BYTES + (size_t)(state >> 8) % (longest[state % COUNT(longest)] - HEADER_BYTES + 1);
    out[0] = (uint8_t)kind;
    out[1] = (uint8_t)number;
    for (size_t i = HEADER_BYTES; i < length; i++)
        out[i] = (uint8_t)(state + i * 7 + (i >> 8));
    return length;
}

static void send_more(struct end *end, uint64_t now_us, size_t kind) {
    static uint8_t bytes[MESSAGE_MAX_BYTES];
    struct flow *flow = &end->flows[kind];
    struct peer_data_channel facts;
    while (flow->is_open && !flow->is_held && flow->sent < MESSAGES) {
        REQUIRE(peer_connection_data_channel(end->side->connection, flow->channel, &facts));
        flow->is_held = facts.buffered_bytes > BUFFERED_HIGH_BYTES; /* until BUFFERED_LOW */
        if (flow->is_held)
            return;
        size_t length = make_message(end->seed, kind, flow->sent, bytes);
        REQUIRE(peer_connection_send_data(end->side->connection, now_us, flow->channel, bytes, length, false) == PEER_OK);
        flow->sent++;
    }
}

/* Whether everything has been sent, and what must arrive has. */
static bool is_done(const struct end *end, size_t kind) {
    const struct flow *flow = &end->flows[kind];
    return flow->sent == MESSAGES && (!is_reliable(kind) || flow->arrived == MESSAGES);
}

static unsigned reliable_arrived(void) {
    unsigned sum = 0;
    for (int i = 0; i < 2; i++)
        sum += ends[i].flows[ORDERED].arrived + ends[i].flows[UNORDERED].arrived;
    return sum;
}

static void disturb(struct sim *sim, void *context);

static void take_message(struct end *end, uint64_t now_us, const struct peer_connection_event *event) {
    static uint8_t expected[MESSAGE_MAX_BYTES];
    const uint8_t *bytes = event->as.message.bytes;
    REQUIRE(event->as.message.length >= HEADER_BYTES && bytes[0] < CHANNELS && bytes[1] < MESSAGES && !event->as.message.is_text);
    size_t kind = bytes[0], number = bytes[1];
    struct flow *flow = &end->other->flows[kind];
    REQUIRE(event->as.message.channel == flow->channel_of_peer && number < flow->sent);
    REQUIRE(event->as.message.length == make_message(end->other->seed, kind, (unsigned)number, expected) && memcmp(bytes, expected, event->as.message.length) == 0);
    REQUIRE(!flow->has_arrived[number]);
    REQUIRE(wanted[kind].is_unordered || number >= flow->last);
    REQUIRE(kind != ORDERED || number == flow->last);
    flow->has_arrived[number] = true;
    flow->last = (unsigned)number + 1;
    flow->arrived++;
    if (!is_disturbed && reliable_arrived() > MESSAGES) { /* a quarter of them */
        is_disturbed = true;
        sim_at(homes.sim, now_us, disturb, NULL, -1);
    }
}

/* ---- what channels tell ---------------------------------------------------------------------------------------------------------------- */

static size_t kind_of(const struct end *end, size_t channel) {
    struct peer_data_channel facts;
    REQUIRE(peer_connection_data_channel(end->side->connection, channel, &facts) && facts.label_length == 1);
    return (size_t)(facts.label[0] - '0');
}

static void take_channel(struct end *end, size_t channel) {
    size_t kind = kind_of(end, channel);
    struct peer_data_channel facts;
    REQUIRE(kind < CHANNELS && peer_connection_data_channel(end->side->connection, channel, &facts));
    REQUIRE(facts.is_of_peer && facts.is_unordered == wanted[kind].is_unordered && facts.has_max_retransmits == wanted[kind].has_max_retransmits &&
            facts.max_packet_life_time_ms == wanted[kind].max_packet_life_time_ms);
    end->other->flows[kind].channel_of_peer = channel;
}

static void take_data(void *context, uint64_t now_us, const struct peer_connection_event *event) {
    struct end *end = context;
    switch (event->type) {
    case PEER_CONNECTION_EVENT_DATA_CHANNEL: take_channel(end, event->as.channel); break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN: end->flows[kind_of(end, event->as.channel)].is_open = true; break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE: take_message(end, now_us, event); break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW: end->flows[kind_of(end, event->as.channel)].is_held = false; break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        REQUIRE(event->as.channel_closed.reason == DATA_CHANNEL_CLOSED_BY_US || event->as.channel_closed.reason == DATA_CHANNEL_CLOSED_BY_PEER);
        end->closed++;
        break;
    default: break;
    }
    for (size_t kind = 0; kind < CHANNELS; kind++)
        send_more(end, now_us, kind);
}

/* ---- a seed becomes a transfer --------------------------------------------------------------------------------------------------------- */

static void disturb(struct sim *sim, void *context) {
    (void)context;
    for (int i = 0; i < 2; i++)
        audio_before[i] = sides[i].media[CONNECTION_SIDE_AUDIO].received;
    if (disturbance == NAT_FORGETS || disturbance == NAT_FORGETS_AND_ICE_RESTARTS)
        nat_reboot(sim_network_nat(sim_network_of(sim), homes.realms[0]));
    if (disturbance == ICE_RESTARTS || disturbance == NAT_FORGETS_AND_ICE_RESTARTS) {
        REQUIRE(peer_connection_restart_ice(sides[1].connection, sim_now(sim)) == PEER_OK);
        sim_touch(sim, sides[1].endpoint);
    }
}

static double loss_of(uint64_t seed) {
    static const double losses[] = {0.02, 0.05, 0.10};
    return losses[seed % COUNT(losses)];
}

static void start(uint64_t seed) {
    static const char *const pairs[][2] = {{"port-restricted", "none"}, {"port-restricted", "full-cone"}, {"symmetric", "symmetric"}};
    static const enum peer_bundle_policy policies[] = {PEER_BUNDLE_BALANCED, PEER_BUNDLE_MAX_COMPAT, PEER_BUNDLE_MAX_BUNDLE};
    const char *const *pair = pairs[seed / 2 % COUNT(pairs)];
    struct homes_config config = {.kinds = {nat_named_kind_index(pair[0]), nat_named_kind_index(pair[1])}, .has_turn = true, .up = homes_bad_link(loss_of(seed))};
    struct connection_side_config configs[2];
    homes_build(&homes, seed, &config);
    disturbance = (enum disturbance)(seed % DISTURBANCES);
    is_disturbed = false;
    memset(ends, 0, sizeof ends);
    for (int i = 0; i < 2; i++) {
        bool has_media = seed / DISTURBANCES % 2 == 0;
        configs[i] = (struct connection_side_config){.interfaces = {homes.interfaces[i]}, .interface_count = 1, .servers = homes.servers, .server_count = homes.server_count,
                                                     .certificate = homes_certificate(i), .bundle_policy = policies[seed % COUNT(policies)], .has_no_media = !has_media,
                                                     .take_data = take_data, .data_context = &ends[i]};
        ends[i] = (struct end){.side = &sides[i], .other = &ends[1 - i], .seed = 2 * seed + (uint64_t)i, .has_media = has_media};
    }
    connection_sides_start(homes.sim, sides, configs);
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < CHANNELS; k++) {
            size_t *channel = &ends[i].flows[k].channel;
            REQUIRE(peer_connection_create_data_channel(sides[i].connection, sim_now(homes.sim), &wanted[k], channel) == PEER_OK);
            REQUIRE(peer_connection_set_buffered_low(sides[i].connection, *channel, BUFFERED_LOW_BYTES) == PEER_OK);
            sim_touch(homes.sim, sides[i].endpoint);
        }
}

static bool is_everything_done(void) {
    bool all = true;
    for (int i = 0; i < 2; i++)
        for (size_t k = 0; k < CHANNELS; k++)
            all = all && is_done(&ends[i], k);
    return all;
}

static void close_all(void) {
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < CHANNELS; k++)
            REQUIRE(peer_connection_close_data_channel(sides[i].connection, sim_now(homes.sim), ends[i].flows[k].channel) == PEER_OK);
        sim_touch(homes.sim, sides[i].endpoint);
    }
}

struct sums {
    struct sim_counters up, all;
    uint64_t restarts, rebindings, partial_sent, partial_arrived, with_media, longest_us;
};

static void judge(struct sums *sums) {
    struct sim_network *network = sim_network_of(homes.sim);
    REQUIRE(is_disturbed && ends[0].closed == 2 * CHANNELS && ends[1].closed == 2 * CHANNELS);
    for (int i = 0; i < 2; i++) {
        struct ice_statistics ice;
        struct sim_counters up = sim_network_interface_up_link(network, homes.interfaces[i])->counters;
        ice_agent_statistics(peer_transport_ice(peer_connection_transport(sides[i].connection, 0)), &ice);
        REQUIRE((disturbance != ICE_RESTARTS && disturbance != NAT_FORGETS_AND_ICE_RESTARTS) || ice.restarts > 0);
        REQUIRE(sides[i].media[0].damaged + sides[i].media[1].damaged == 0);
        REQUIRE(!ends[i].has_media || (sides[i].state == PEER_CONNECTION_CONNECTED && sides[i].media[CONNECTION_SIDE_AUDIO].received > audio_before[i]));
        REQUIRE(ends[i].has_media || sides[i].media[CONNECTION_SIDE_AUDIO].received == 0);
        sums->restarts += ice.restarts;
        sums->partial_sent += ends[i].flows[RETRANSMITTED_ONCE].sent + ends[i].flows[SHORT_LIVED].sent;
        sums->partial_arrived += ends[i].flows[RETRANSMITTED_ONCE].arrived + ends[i].flows[SHORT_LIVED].arrived;
        sums->with_media += ends[i].has_media;
        sim_counters_add(&sums->up, &up);
        /* Each seed by itself was as bad as promised, roughly. */
        REQUIRE(up.dropped_loss > 0 && up.reordered > 0 && up.duplicated > 0);
    }
    struct sim_counters all = sim_network_counters(network);
    sim_counters_add(&sums->all, &all);
    sums->rebindings += disturbance == NAT_FORGETS || disturbance == NAT_FORGETS_AND_ICE_RESTARTS;
    uint64_t took_us = sim_now(homes.sim) - SIM_START_US;
    sums->longest_us = took_us > sums->longest_us ? took_us : sums->longest_us;
}

static void run(uint64_t seed, struct sums *sums) {
    bool is_closing = false;
    start(seed);
    sim_set_deadline(homes.sim, PATIENCE_US);
    while (ends[0].closed + ends[1].closed < 4 * CHANNELS && sim_step(homes.sim)) {
        if (!is_closing && is_everything_done()) {
            is_closing = true;
            close_all();
        }
    }
    judge(sums);
    connection_sides_free(sides);
    for (int i = 0; i < HOMES_STUN_SERVERS; i++)
        sim_stun_server_free(homes.stun[i]);
    sim_free(homes.sim);
    sim_turn_server_free(homes.turn);
}

static void every_message_of_every_seed(void **state) {
    struct sim_seeds seeds = sim_seeds(1, SEEDS_IN_CHECK);
    struct sums sums = {.restarts = 0};
    (void)state;
    for (uint64_t i = 0; i < seeds.count; i++)
        run(seeds.first + i, &sums);
    char text[SIM_COUNTERS_TEXT_BYTES];
    print_message("    %llu seeds, the longest %llu s; %llu of %llu messages with a limit arrived; %llu restarts, %llu rebindings; what hosts sent: %s\n", (unsigned long long)seeds.count,
                  (unsigned long long)sums.longest_us / 1000000, (unsigned long long)sums.partial_arrived, (unsigned long long)sums.partial_sent,
                  (unsigned long long)sums.restarts, (unsigned long long)sums.rebindings, sim_counters_write(&sums.up, text, sizeof text));
    /* The networks were as bad as promised: between the least and the most that a seed asks for. */
    assert_true(sums.up.dropped_loss > sums.up.sent / 60 && sums.up.dropped_loss < sums.up.sent / 8);
    assert_true(sums.up.reordered > sums.up.sent / 100 && sums.up.duplicated > sums.up.sent / 100 && sums.up.duplicated < sums.up.sent / 40);
    if (seeds.count < SEEDS_IN_CHECK)
        return;
    assert_true(sums.partial_arrived < sums.partial_sent && sums.partial_arrived > sums.partial_sent / 2);
    assert_true(sums.restarts > 0 && sums.rebindings > 0 && sums.all.dropped_no_mapping + sums.all.dropped_by_filter > 0);
    assert_true(sums.with_media > 0 && sums.with_media < 2 * seeds.count);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_message_of_every_seed)};
    return cmocka_run_group_tests(tests, homes_set_up, homes_tear_down);
}
