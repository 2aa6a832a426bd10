/*
 * What it costs to connect: pairs of agents, from ice_agent_new to both selected, over memory, in virtual time.
 *
 * floor   the STUN work of the same number of messages: build, parse, FINGERPRINT and MESSAGE-INTEGRITY, and the four keys
 *         that a pair of agents needs. What is above it is ICE itself, and making and freeing the agents.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ice/agent.h"
#include "stun/integrity.h"
#include "stun/message.h"

#define BATCHES 40
#define ROUNDS 200

struct flying {
    struct ice_transmit out;
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
};

static uint64_t seed = 1;
static size_t messages;      /* of one round */
static uint64_t virtual_us;  /* until both were selected */
static size_t agent_bytes;
static volatile unsigned sink;

static void random_bytes(void *context, uint8_t *out, size_t length) {
    (void)context;
    for (size_t i = 0; i < length; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(seed >> 56);
    }
}

static void fail(const char *what) {
    fprintf(stderr, "bench_ice: %s\n", what);
    exit(1);
}

static bool drain(struct ice_agent *from, struct ice_agent *to, uint64_t now_us, bool *selected) {
    static struct flying flying;
    struct ice_event event;
    bool moved = false;
    while (ice_agent_poll_transmit(from, now_us, flying.bytes, sizeof flying.bytes, &flying.out)) {
        struct ice_path path = {.local = flying.out.path.remote, .remote = flying.out.path.local};
        ice_agent_handle_datagram(to, now_us, &path, flying.bytes, flying.out.length);
        messages++;
        moved = true;
    }
    while (ice_agent_poll_event(from, &event))
        *selected = *selected || event.type == ICE_EVENT_SELECTED_PAIR;
    return moved;
}

static void signal(struct ice_agent *from, struct ice_agent *to, uint64_t now_us) {
    const char *ufrag = ice_agent_local_ufrag(from), *password = ice_agent_local_password(from);
    ice_agent_set_remote_credentials(to, now_us, ufrag, strlen(ufrag), password, strlen(password));
    ice_agent_add_remote_candidate(to, now_us, ice_agent_local_candidate(from, 0));
    ice_agent_end_of_remote_candidates(to, now_us);
}

static void connect_pair(void) {
    struct ice_agent *agents[2];
    bool selected[2] = {false, false};
    uint64_t now_us = 1000000;
    messages = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct ice_agent_config config = {.role = i == 0 ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .random = random_bytes};
        struct ice_interface interface = {.base = {.family = STUN_ADDRESS_IPV4, .port = 5000, .ip = {192, 0, 2, (uint8_t)(i + 1)}}, .preference = 65535};
        if ((agents[i] = ice_agent_new(&config, now_us)) == NULL)
            fail("no agent");
        ice_agent_handle_interfaces(agents[i], now_us, &interface, 1);
        ice_agent_gather(agents[i], now_us);
    }
    signal(agents[0], agents[1], now_us);
    signal(agents[1], agents[0], now_us);
    while (!selected[0] || !selected[1]) {
        bool first, second;
        do {
            first = drain(agents[0], agents[1], now_us, &selected[0]);
            second = drain(agents[1], agents[0], now_us, &selected[1]);
        } while (first || second);
        if (selected[0] && selected[1])
            break;
        uint64_t next[2] = {ice_agent_next_timeout(agents[0]), ice_agent_next_timeout(agents[1])};
        now_us = next[0] < next[1] ? next[0] : next[1];
        if (now_us > 2000000)
            fail("not connected within a second");
        ice_agent_handle_timeout(agents[0], now_us);
        ice_agent_handle_timeout(agents[1], now_us);
    }
    virtual_us = now_us - 1000000;
    struct ice_statistics statistics;
    ice_agent_statistics(agents[0], &statistics);
    agent_bytes = statistics.memory_bytes;
    ice_agent_free(agents[0]);
    ice_agent_free(agents[1]);
}

static const uint8_t password[] = "VOkJxbRl1RmTxUk/WvJxBtab";

static void stun_work(void) {
    uint8_t bytes[256], id[STUN_TRANSACTION_ID_BYTES];
    struct stun_key *keys[4];
    for (size_t i = 0; i < 4; i++)
        keys[i] = stun_key_new_short_term(password, sizeof password - 1);
    for (size_t i = 0; i < messages; i++) {
        struct stun_writer writer;
        struct stun_message message;
        random_bytes(NULL, id, sizeof id);
        stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
        stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)"abcdefgh:ijklmnop", 17);
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, 0x6E7F00FF);
        stun_writer_add_u64(&writer, STUN_ATTRIBUTE_ICE_CONTROLLING, 0x932FF9B151263B36);
        stun_writer_add_integrity(&writer, keys[i % 4]);
        stun_writer_add_fingerprint(&writer);
        int length = stun_writer_finish(&writer);
        if (length < 0 || stun_message_parse(bytes, (size_t)length, &message) != STUN_OK || stun_message_check_fingerprint(&message) != STUN_OK ||
            stun_message_check_integrity(&message, keys[i % 4]) != STUN_OK)
            fail("the floor does not verify");
        sink += (unsigned)message.length;
    }
    for (size_t i = 0; i < 4; i++)
        stun_key_free(keys[i]);
}

static double best_us(void (*run)(void)) {
    double best = 1e30;
    for (int batch = 0; batch < BATCHES; batch++) {
        struct timespec begin, end;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
        for (int i = 0; i < ROUNDS; i++)
            run();
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        double us = ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / 1e3 / ROUNDS;
        best = us < best ? us : best;
    }
    return best;
}

int main(void) {
    double pair_us = best_us(connect_pair);
    double floor_us = best_us(stun_work);
    printf("one pair of agents, new to selected on both sides; best of %d batches of %d\n\n", BATCHES, ROUNDS);
    printf("%-44s %10.1f us CPU\n", "agent pair", pair_us);
    printf("%-44s %10.1f us CPU\n", "floor: keys and STUN of the same messages", floor_us);
    printf("%-44s %10.2f\n", "ratio to the floor", pair_us / floor_us);
    printf("%-44s %10.0f\n", "agent pairs per CPU second", 1e6 / pair_us);
    printf("%-44s %10zu\n", "messages", messages);
    printf("%-44s %10.1f ms virtual, link of 0 ms\n", "until both selected", (double)virtual_us / 1e3);
    printf("%-44s %10zu bytes\n", "an agent, without its keys", agent_bytes);
    return 0;
}
