/*
 * A peer that has agreed on everything and then means harm: it holds the right tag, and its chunks are well-formed. Whatever it says, memory stays
 * within the budgets of the configuration, and one packet of it never makes us send many.
 */
#include "association_pair.h"

#define BUDGET_BYTES 131072
#define MESSAGE_MAX_BYTES 20000
/* Tables of chunks in flight and of what came, pools that grow by slabs, the message that is being put together: beside the budgets themselves. */
#define BESIDE_BYTES 98304

static uint32_t highest_tsn; /* that the victim has sent */

static bool nothing_arrives(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    struct sctp_chunk chunk;
    struct sctp_data data;
    (void)pair, (void)n;
    if (from == 0 && two_find_chunk(bytes, length, SCTP_CHUNK_DATA, &chunk) && sctp_read_data(&chunk, &data) == SCTP_OK && (int32_t)(data.tsn - highest_tsn) > 0)
        highest_tsn = data.tsn;
    return false;
}

/* End 1 is the harmful peer from here on: what it sends by itself is lost, and what is sent to it, too. */
static struct pair *connected(uint32_t *tag_of_victim, uint32_t *next_tsn) {
    struct sctp_association_config config = {.send_bytes = BUDGET_BYTES, .receive_bytes = BUDGET_BYTES, .message_max_bytes = MESSAGE_MAX_BYTES, .heartbeat_us = UINT64_MAX};
    struct pair *pair = two_new(7, &config, &config);
    uint8_t packet[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_data data;
    assert_int_equal(sctp_association_connect(pair->end[0].association, pair->now_us), SCTP_OK);
    two_run(pair, 200000);
    two_send_bytes(pair, 1, 9, 10);
    two_drain(pair, 1);
    size_t length = two_take_packet(pair, 1, packet);
    assert_true(two_find_chunk(packet, length, SCTP_CHUNK_DATA, &chunk));
    assert_int_equal(sctp_read_data(&chunk, &data), SCTP_OK);
    *tag_of_victim = two_tag_of(packet);
    *next_tsn = data.tsn; /* it has not come */
    pair->filter = nothing_arrives;
    return pair;
}

static void give(struct pair *pair, struct sctp_writer *writer, const uint8_t *bytes) {
    int length = sctp_writer_finish(writer, false);
    assert_true(length > 0);
    (void)two_give(pair, 0, bytes, (size_t)length);
}

static uint32_t chance(struct pair *pair, uint32_t below) {
    pair->random_state = pair->random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(pair->random_state >> 33) % below;
}

/* The first TSN that the victim has sent: of the oldest packet on the link. */
static uint32_t first_tsn(struct pair *pair) {
    uint8_t packet[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_data data;
    bool (*filter)(struct pair *, unsigned, size_t, uint8_t *, size_t) = pair->filter;
    pair->filter = NULL;
    assert_int_equal(two_send_bytes(pair, 0, 1, 1000), SCTP_OK);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, packet);
    pair->filter = filter;
    assert_true(two_find_chunk(packet, length, SCTP_CHUNK_DATA, &chunk));
    assert_int_equal(sctp_read_data(&chunk, &data), SCTP_OK);
    highest_tsn = data.tsn;
    return data.tsn;
}

/*
 * RFC 9260 section 6.2.1: SACKs full of gap blocks and duplicates, other ones each time. Some name what the cumulative TSN says is missing
 * (section 3.3.4): that is no news.
 */
static void floods_gaps(void **state) {
    (void)state;
    uint32_t tag, tsn;
    struct pair *pair = connected(&tag, &tsn);
    uint32_t cumulative = first_tsn(pair) - 1;
    while (two_send_bytes(pair, 0, 1, 1000) == SCTP_OK)
        two_drain(pair, 0);
    size_t most_before = pair->most_allocated_bytes, sent_before = pair->end[0].packets_sent;
    enum { FLOOD = 20000 };
    for (int i = 0; i < FLOOD; i++) {
        static uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_writer writer;
        struct sctp_gap gaps[250];
        uint32_t duplicates[16];
        uint16_t at = (uint16_t)(1 + i % 2);
        size_t count = 0;
        /* Of what it was sent: another TSN would end the association. */
        while (count < 250 && cumulative + at + 4 < highest_tsn) {
            gaps[count].start = at = (uint16_t)(at + chance(pair, 3));
            gaps[count++].end = at = (uint16_t)(at + chance(pair, 2));
            at = (uint16_t)(at + 2);
        }
        for (size_t k = 0; k < 16; k++)
            duplicates[k] = cumulative + chance(pair, 100);
        two_write(&writer, bytes, tag);
        sctp_write_sack(&writer, cumulative, BUDGET_BYTES, gaps, count, duplicates, 16);
        give(pair, &writer, bytes);
        pair->now_us += 50;
    }
    assert_true(pair->most_allocated_bytes <= most_before + 16384);
    assert_true(pair->most_allocated_bytes <= 2 * (BUDGET_BYTES + BESIDE_BYTES));
    /* One chunk that it disowned is sent again when there is reason to, not for each SACK that says so. */
    assert_true(pair->end[0].packets_sent - sent_before < FLOOD / 40);
    assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_ESTABLISHED);
    assert_int_equal(sctp_association_send(pair->end[0].association, pair->now_us,
                                           &(struct sctp_message){.stream = 1, .payload_protocol = 53, .bytes = (const uint8_t *)"x", .length = BUDGET_BYTES / 2}),
                     SCTP_ERROR_CAPACITY);
    two_free(pair);
}

/* RFC 9260 section 6.2.1: all but one is named, and at the next step forward taken back, over and over: a SACK is worth one packet, or two. */
static void takes_back(void **state) {
    (void)state;
    enum { STEPS = 2000 };
    uint32_t tag, tsn;
    struct pair *pair = connected(&tag, &tsn);
    uint32_t cumulative = first_tsn(pair) - 1;
    size_t sent_before = pair->end[0].packets_sent;
    for (int i = 0; i < 2 * STEPS; i++) {
        static uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_writer writer;
        while (two_send_bytes(pair, 0, 1, 1000) == SCTP_OK)
            two_drain(pair, 0);
        struct sctp_gap gap = {2, (uint16_t)(highest_tsn - cumulative)};
        bool is_named = i % 2 == 0 && gap.end >= gap.start;
        uint32_t duplicates[4]; /* as if it had all been there before it was sent again */
        for (uint32_t k = 0; k < 4; k++)
            duplicates[k] = cumulative + 1 + k;
        cumulative += i % 2 == 1;
        two_write(&writer, bytes, tag);
        sctp_write_sack(&writer, cumulative, BUDGET_BYTES, &gap, is_named, duplicates, is_named ? 4 : 0);
        give(pair, &writer, bytes);
        pair->now_us += 50;
    }
    assert_true(pair->end[0].packets_sent - sent_before < 3 * STEPS); /* of 2 * STEPS SACKs */
    assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_ESTABLISHED);
    two_free(pair);
}

/* One DATA chunk of 1,000 bytes. */
static void give_data(struct pair *pair, uint32_t tag, const struct sctp_data *like) {
    static uint8_t bytes[PAIR_PACKET_BYTES], text[1000];
    struct sctp_writer writer;
    struct sctp_data data = *like;
    data.bytes = text;
    data.length = sizeof text;
    data.payload_protocol = 53;
    two_write(&writer, bytes, tag);
    sctp_write_data(&writer, &data);
    give(pair, &writer, bytes);
}

/* RFC 9260 section 6.2: the window is what there is room for, and what comes beyond it is dropped. All fragments of each message but its last. */
static void sends_all_but_one(void **state) {
    (void)state;
    uint32_t tag, tsn;
    struct pair *pair = connected(&tag, &tsn);
    for (uint32_t i = 0; i < 5000; i++) {
        struct sctp_data data = {.tsn = tsn + i + 1, .stream = 9, .message = i / 10, .is_begin = i % 10 == 0, .is_end = i % 10 == 9};
        if (i % 10 != 5)
            give_data(pair, tag, &data);
        pair->now_us += 100;
    }
    assert_int_equal(pair->end[0].messages, 0);
    assert_true(pair->most_allocated_bytes <= 2 * (BUDGET_BYTES + MESSAGE_MAX_BYTES + BESIDE_BYTES));
    assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_ESTABLISHED);
    two_free(pair);
}

/* As many streams as there are, a whole message on each, and we do not read: tables and messages stay within the budget. */
static void fills_every_stream(void **state) {
    (void)state;
    uint32_t tag, tsn;
    struct pair *pair = connected(&tag, &tsn);
    pair->end[0].is_deaf = true;
    for (uint32_t i = 0; i < 65535; i++) {
        struct sctp_data data = {.tsn = tsn + i, .stream = (uint16_t)i, .is_begin = true, .is_end = true};
        give_data(pair, tag, &data);
        pair->now_us += 10;
    }
    assert_true(two_statistics(pair, 0).window_bytes <= BUDGET_BYTES);
    assert_true(pair->most_allocated_bytes <= 2 * (BUDGET_BYTES + BESIDE_BYTES));
    pair->end[0].is_deaf = false;
    two_drain(pair, 0);
    assert_true(pair->end[0].messages > 50 && pair->end[0].messages < 200);
    two_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floods_gaps),
        cmocka_unit_test(takes_back),
        cmocka_unit_test(sends_all_but_one),
        cmocka_unit_test(fills_every_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
