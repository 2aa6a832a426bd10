/* links: sctp */
/* with: test/sctp/inbound_bench.c test/sctp/inbound_model.c */
/*
 * The inbound side, by a script. Its first byte chooses: an honest peer on a bad network, held against the model of
 * test/sctp/inbound_model.h; or a hostile one, whose chunks say anything. Then memory stays in its bounds, SACKs never take back what they
 * said, and no message is longer than it may be.
 */
#include <stdlib.h>

#include "test/sctp/inbound_bench.h"
#include "test/sctp/inbound_model.h"

#define MESSAGE_MAX_BYTES 5000
#define BUDGET_BYTES SCTP_INBOUND_BUDGET_MIN_BYTES

struct script {
    const uint8_t *bytes;
    size_t length;
};

static uint8_t next_byte(struct script *script) {
    if (script->length == 0)
        return 0;
    script->length--;
    return *script->bytes++;
}

/* Mostly near 0, sometimes anywhere. */
static uint32_t next_number(struct script *script) {
    uint8_t kind = next_byte(script);
    if (kind < 200)
        return kind % 50;
    if (kind < 230)
        return (uint32_t)kind * next_byte(script);
    return (uint32_t)next_byte(script) << 24 | (uint32_t)next_byte(script) << 16 | (uint32_t)next_byte(script) << 8 | next_byte(script);
}

static void require(bool holds) {
    if (!holds)
        abort();
}

struct hostile {
    struct script script;
    struct counting memory;
    struct sctp_inbound *in;
    bool is_interleaved;
    uint64_t now_us;
    struct told told;
};

static void give_data(struct hostile *hostile) {
    static const uint8_t bytes[1200];
    uint8_t flags = next_byte(&hostile->script);
    uint32_t next = sctp_inbound_cumulative_tsn(hostile->in) + 1;
    struct sctp_data data = {
        .is_interleaved = (flags == 255) != hostile->is_interleaved,
        .is_begin = flags & 1,
        .is_end = flags & 2,
        .is_unordered = flags & 4,
        .wants_immediate_sack = flags & 8,
        .tsn = next + next_number(&hostile->script) - (flags & 16 ? 5 : 0),
        .stream = (uint16_t)(flags & 32 ? next_number(&hostile->script) : 1),
        .message = next_number(&hostile->script),
        .bytes = bytes,
        .length = 1 + next_byte(&hostile->script) * 4u,
    };
    if (!data.is_interleaved)
        data.message &= UINT16_MAX;
    else if (!data.is_begin)
        data.fragment = next_number(&hostile->script);
    switch (sctp_inbound_data(hostile->in, &data)) {
    case SCTP_INBOUND_VIOLATION:
        require(sctp_inbound_violation(hostile->in).why != NULL);
        hostile->script.length = 0; /* the association would end */
        break;
    case SCTP_INBOUND_INVALID_STREAM: require(data.stream >= 1024); break;
    default: break;
    }
}

static void give_forward(struct hostile *hostile) {
    struct sctp_skipped skipped[8];
    size_t count = next_byte(&hostile->script) % 9;
    uint32_t tsn = sctp_inbound_cumulative_tsn(hostile->in) + next_number(&hostile->script) - INITIAL_TSN;
    for (size_t i = 0; i < count; i++)
        skipped[i] = (struct sctp_skipped){(uint16_t)next_number(&hostile->script), hostile->is_interleaved && next_byte(&hostile->script) & 1,
                                           next_number(&hostile->script)};
    (void)forward(hostile->in, tsn, hostile->is_interleaved, skipped, count);
    hostile->told = (struct told){.cumulative = sctp_inbound_cumulative_tsn(hostile->in) - INITIAL_TSN}; /* it may have come far */
}

static void give_reset(struct hostile *hostile) {
    uint16_t streams[4];
    size_t count = next_byte(&hostile->script) % 5;
    for (size_t i = 0; i < count; i++)
        streams[i] = (uint16_t)next_number(&hostile->script);
    (void)sctp_inbound_reset(hostile->in, streams, count, sctp_inbound_cumulative_tsn(hostile->in) + next_number(&hostile->script) - 3);
}

static bool is_told(const struct told *told, uint32_t tsn) {
    uint32_t distance = tsn - told->cumulative;
    if (distance == 0 || distance > INT32_MAX)
        return true;
    for (size_t i = 0; i < told->gap_count; i++)
        if (distance >= told->gaps[i].start && distance <= told->gaps[i].end)
            return true;
    return false;
}

/* RFC 9260 section 6.2.1 calls the opposite reneging. */
static void check_sack(struct hostile *hostile) {
    struct told before = hostile->told;
    sctp_inbound_packet_end(hostile->in, hostile->now_us);
    require(sack(hostile->in, 2000, &hostile->told));
    require(hostile->told.cumulative - before.cumulative <= INT32_MAX);
    for (size_t i = 0; i < before.gap_count && hostile->told.gap_count < 200; i++) {
        require(is_told(&hostile->told, before.cumulative + before.gaps[i].start));
        require(is_told(&hostile->told, before.cumulative + before.gaps[i].end));
    }
}

static void check(const struct hostile *hostile) {
    struct sctp_inbound_statistics statistics;
    sctp_inbound_statistics(hostile->in, &statistics);
    require(statistics.memory_bytes == hostile->memory.bytes);
    require(statistics.waiting_bytes <= BUDGET_BYTES + MESSAGE_MAX_BYTES * 3 / 2);
    require(statistics.memory_bytes <= BUDGET_BYTES + MESSAGE_MAX_BYTES * 3 + 8192 + 8192 + 17 * 256 + 2048);
}

static void run_hostile(struct script script) {
    static struct hostile hostile;
    hostile = (struct hostile){.script = script, .is_interleaved = script.length & 1, .told = {.cumulative = UINT32_MAX}};
    counting_begin(&hostile.memory);
    struct sctp_inbound_config config = inbound_config(&hostile.memory, hostile.is_interleaved);
    config.budget_bytes = BUDGET_BYTES;
    config.message_max_bytes = MESSAGE_MAX_BYTES;
    hostile.in = sctp_inbound_new(&config);
    while (hostile.script.length > 0) {
        struct sctp_received received;
        uint8_t operation = next_byte(&hostile.script);
        switch (operation % 16) {
        case 0: give_forward(&hostile); break;
        case 1: give_reset(&hostile); break;
        case 2: check_sack(&hostile); break;
        case 3:
            if (sctp_inbound_poll_message(hostile.in, &received))
                require(received.length >= 1 && received.length <= MESSAGE_MAX_BYTES && received.stream < 1024);
            break;
        case 4:
            hostile.now_us += operation * UINT64_C(10000);
            sctp_inbound_handle_timeout(hostile.in, hostile.now_us);
            (void)sctp_inbound_sack_is_due(hostile.in, hostile.now_us);
            break;
        default: give_data(&hostile); break;
        }
        check(&hostile);
    }
    sctp_inbound_free(hostile.in);
    require(hostile.memory.blocks == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    if (data[0] & 1)
        (void)inbound_model_run(data + 1, size - 1);
    else
        run_hostile((struct script){data + 1, size - 1});
    return 0;
}
