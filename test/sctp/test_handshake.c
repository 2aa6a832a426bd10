/* Section 5 of RFC 9260: the handshake, lost, doubled, late, from both sides at once, and again; what an INIT may say. */
#include "association_pair.h"

#include "sctp/cookie_internal.h"

static void open_left(struct pair *pair) {
    assert_int_equal(sctp_association_connect(pair->end[0].association, pair->now_us), SCTP_OK);
}

static void assert_connected(struct pair *pair) {
    for (unsigned end = 0; end < 2; end++) {
        assert_int_equal(two_statistics(pair, end).state, SCTP_STATE_ESTABLISHED);
        assert_int_equal(two_count(pair, end, SCTP_EVENT_CONNECTED), 1);
        assert_int_equal(two_count(pair, end, SCTP_EVENT_RESTARTED), 0);
    }
    size_t before[2] = {pair->end[0].messages, pair->end[1].messages};
    assert_int_equal(two_send(pair, 0, 1, "there"), SCTP_OK);
    assert_int_equal(two_send(pair, 1, 1, "back"), SCTP_OK);
    two_run(pair, 5000000);
    assert_int_equal(pair->end[1].messages, before[1] + 1);
    assert_int_equal(pair->end[0].messages, before[0] + 1);
}

/* ---- lost, doubled, from both sides ------------------------------------------------------------------------------------------------- */

static bool lose_one_each(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    const size_t *lost = pair->context;
    (void)bytes, (void)length;
    return n != lost[from];
}

/* Each single packet, and each pair of one from either side, is lost once. */
static void loses_packets(void **state) {
    (void)state;
    for (size_t left = 0; left < 6; left++) {
        for (size_t right = 0; right < 6; right++) {
            for (int both = 0; both < 2; both++) {
                struct pair *pair = two_new(100 + left * 10 + right, NULL, NULL);
                size_t lost[2] = {left, right};
                pair->context = lost;
                pair->filter = lose_one_each;
                open_left(pair);
                if (both == 1)
                    sctp_association_connect(pair->end[1].association, pair->now_us);
                two_run(pair, 20000000);
                assert_connected(pair);
                two_free(pair);
            }
        }
    }
}

/* RFC 9260 section 5.2.1: both call, at all distances of time. */
static void both_call(void **state) {
    (void)state;
    for (uint64_t later_us = 0; later_us <= 60000; later_us += 2500) {
        struct pair *pair = two_new(later_us, NULL, NULL);
        open_left(pair);
        two_run(pair, later_us);
        sctp_association_connect(pair->end[1].association, pair->now_us);
        two_run(pair, 3000000);
        assert_connected(pair);
        assert_int_equal(two_statistics(pair, 0).restarts + two_statistics(pair, 1).restarts, 0);
        two_free(pair);
    }
}

static bool double_all(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    (void)n;
    uint8_t *copy = malloc(length);
    memcpy(copy, bytes, length);
    pair->packets[pair->packet_count++] = (struct pair_packet){pair->now_us + pair->delay_us + 25000, 1 - from, length, copy};
    return true;
}

static void everything_twice(void **state) {
    (void)state;
    struct pair *pair = two_new(5, NULL, NULL);
    pair->filter = double_all;
    open_left(pair);
    sctp_association_connect(pair->end[1].association, pair->now_us);
    two_run(pair, 3000000);
    assert_connected(pair);
    two_free(pair);
}

static bool lose_all(struct pair *pair, unsigned from, size_t n, uint8_t *bytes, size_t length) {
    (void)pair, (void)from, (void)n, (void)bytes, (void)length;
    return false;
}

/* RFC 9260 section 4: after Max.Init.Retransmits the caller is told. */
static void gives_up(void **state) {
    (void)state;
    struct pair *pair = two_new(6, NULL, NULL);
    pair->filter = lose_all;
    open_left(pair);
    two_run(pair, UINT64_C(200000000));
    assert_int_equal(two_find(pair, 0, SCTP_EVENT_CLOSED, 0)->event.reason, SCTP_CLOSED_CONNECT_TIMEOUT);
    assert_int_equal(pair->end[0].packets_sent, 1 + SCTP_INIT_RETRANSMISSIONS_DEFAULT);
    assert_int_equal(sctp_association_next_timeout(pair->end[0].association), UINT64_MAX);
    assert_int_equal(sctp_association_connect(pair->end[0].association, pair->now_us), SCTP_ERROR_STATE);
    assert_int_equal(two_count(pair, 0, SCTP_EVENT_CLOSED), 1);
    two_free(pair);
}

/* ---- cookies ------------------------------------------------------------------------------------------------------------------------ */

/* The packet of the left end that has COOKIE ECHO, not yet delivered. */
static size_t take_cookie_echo(struct pair *pair, uint8_t *packet) {
    uint8_t other[PAIR_PACKET_BYTES];
    open_left(pair);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, other);
    two_give(pair, 1, other, length);
    length = two_take_packet(pair, 1, other);
    two_give(pair, 0, other, length);
    return two_take_packet(pair, 0, packet);
}

static void seal_packet(uint8_t *bytes, size_t length) {
    uint32_t checksum = sctp_packet_checksum(bytes, length);
    bytes[8] = (uint8_t)(checksum >> 24);
    bytes[9] = (uint8_t)(checksum >> 16);
    bytes[10] = (uint8_t)(checksum >> 8);
    bytes[11] = (uint8_t)checksum;
}

/* RFC 9260 section 5.1.5, MUST: a cookie that was tampered with is dropped without a word, whichever bit it was. */
static void refuses_tampered_cookies(void **state) {
    (void)state;
    struct pair *pair = two_new(7, NULL, NULL);
    uint8_t packet[PAIR_PACKET_BYTES];
    size_t length = take_cookie_echo(pair, packet), allocated = pair->allocated_bytes;
    for (size_t bit = 16 * 8; bit < length * 8; bit++) {
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        seal_packet(packet, length);
        two_give(pair, 1, packet, length);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_CLOSED);
    assert_int_equal(two_statistics(pair, 1).cookies_refused, (length - 16) * 8);
    assert_int_equal(pair->end[1].packets_sent, 1);
    assert_int_equal(pair->allocated_bytes, allocated); /* no state before a good cookie */
    seal_packet(packet, length);
    two_give(pair, 1, packet, length);
    two_run(pair, 100000);
    assert_connected(pair);
    two_free(pair);
}

/* RFC 9260 section 8.5.1 D: the tag of its packet is that of the cookie. */
static void refuses_cookies_with_another_tag(void **state) {
    (void)state;
    struct pair *pair = two_new(8, NULL, NULL);
    uint8_t packet[PAIR_PACKET_BYTES];
    size_t length = take_cookie_echo(pair, packet);
    packet[5] ^= 1;
    seal_packet(packet, length);
    two_give(pair, 1, packet, length);
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_CLOSED);
    two_free(pair);
}

/* RFC 9260 sections 5.1.5 and 5.2.6: a stale cookie is answered by an ERROR that says how stale, and a new INIT comes of it. Section 16: after a minute. */
static void answers_stale_cookies(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        struct pair *pair = two_new(9, NULL, NULL);
        uint8_t packet[PAIR_PACKET_BYTES], answer[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        size_t length = take_cookie_echo(pair, packet);
        pair->now_us += 60000000 + (uint64_t)late;
        two_give(pair, 1, packet, length);
        size_t answered = two_take_packet(pair, 1, answer);
        assert_int_equal(two_find_chunk(answer, answered, SCTP_CHUNK_COOKIE_ACK, &chunk), late == 0);
        assert_int_equal(two_find_chunk(answer, answered, SCTP_CHUNK_ERROR, &chunk), late == 1);
        if (late == 1)
            assert_memory_equal(chunk.value, ((const uint8_t[]){0, SCTP_CAUSE_STALE_COOKIE, 0, 8, 0, 0, 0, 1}), 8);
        two_give(pair, 0, answer, answered);
        two_run(pair, 3000000);
        assert_connected(pair);
        two_free(pair);
    }
}

/* INIT by INIT, nothing is remembered. */
static void remembers_nothing_of_calls(void **state) {
    (void)state;
    struct pair *pair = two_new(10, NULL, NULL);
    uint8_t packet[PAIR_PACKET_BYTES], answer[PAIR_PACKET_BYTES];
    open_left(pair);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, packet), allocations = pair->allocations;
    for (unsigned i = 0; i < 10000; i++) {
        packet[16 + (i & 3)] = (uint8_t)(i >> 2 | 1); /* another tag each time */
        seal_packet(packet, length);
        two_give(pair, 1, packet, length);
        size_t answered = two_take_packet(pair, 1, answer);
        assert_true(answered > 0 && answered <= SCTP_PACKET_SMALLEST_BYTES);
    }
    assert_int_equal(pair->allocations, allocations);
    assert_int_equal(sctp_association_next_timeout(pair->end[1].association), UINT64_MAX);
    two_free(pair);
}

/* ---- restart: RFC 9260 section 5.2.4, A ---------------------------------------------------------------------------------------------- */

static void replace_left(struct pair *pair) {
    struct pair *other = two_new(pair->random_state, NULL, NULL);
    sctp_association_free(pair->end[0].association);
    struct sctp_association_config config = two_config(pair);
    config.random_context = pair;
    pair->end[0].association = sctp_association_new(&config, pair->now_us);
    pair->end[0].event_count = 0;
    pair->end[0].messages = 0;
    two_free(other);
}

static void peer_begins_anew(void **state) {
    (void)state;
    struct pair *pair = two_connected(11);
    two_send_bytes(pair, 1, 3, 50000);
    two_drain(pair, 1);
    replace_left(pair);
    open_left(pair);
    two_run(pair, 3000000);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_CONNECTED), 1);
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_RESTARTED), 1);
    assert_int_equal(two_count(pair, 0, SCTP_EVENT_CONNECTED), 1);
    assert_int_equal(two_statistics(pair, 1).restarts, 1);
    assert_int_equal(sctp_association_buffered_total(pair->end[1].association), 0);
    two_send(pair, 0, 1, "again");
    two_send(pair, 1, 3, "too");
    two_run(pair, 1000000);
    assert_string_equal(two_find(pair, 1, SCTP_EVENT_MESSAGE, 0)->text, "again");
    assert_string_equal(two_find(pair, 0, SCTP_EVENT_MESSAGE, 0)->text, "too");
    two_free(pair);
}

/* RFC 9260 section 5.2.2: an INIT alone changes nothing, and its INIT ACK has another tag. */
static void init_alone_changes_nothing(void **state) {
    (void)state;
    struct pair *pair = two_new(12, NULL, NULL);
    uint8_t init[PAIR_PACKET_BYTES], answers[2][PAIR_PACKET_BYTES];
    open_left(pair);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, init);
    two_give(pair, 1, init, length);
    two_take_packet(pair, 1, answers[0]);
    two_run(pair, 3000000);
    assert_connected(pair);
    two_give(pair, 1, init, length);
    assert_true(two_take_packet(pair, 1, answers[1]) > 0);
    assert_memory_not_equal(answers[0] + 16, answers[1] + 16, 4);
    assert_connected(pair);
    two_free(pair);
}

/* ---- what an INIT may say ------------------------------------------------------------------------------------------------------------ */

/* An INIT of ours, with these parameters. */
static size_t write_init(uint8_t *bytes, uint8_t type, uint32_t tag, const uint8_t *parameters, size_t parameters_length) {
    struct sctp_writer writer;
    two_write(&writer, bytes, tag);
    sctp_writer_open_chunk(&writer, type, 0);
    sctp_writer_u32(&writer, 0x01020304);
    sctp_writer_u32(&writer, 65536);
    sctp_writer_u16(&writer, 10);
    sctp_writer_u16(&writer, 20);
    sctp_writer_u32(&writer, 77);
    sctp_writer_bytes(&writer, parameters, parameters_length);
    sctp_writer_close_chunk(&writer);
    return (size_t)sctp_writer_finish(&writer, false);
}

/* RFC 9260 section 3.2.1: 8 is reported, and 4 also ends the reading. */
static void reports_unknown_parameters(void **state) {
    (void)state;
    static const uint8_t parameters[] = {
        0xC1, 1, 0, 6, 9, 9, 0, 0, /* skip and report */
        0x81, 2, 0, 4,             /* skip */
        0x41, 3, 0, 4,             /* stop and report */
        0xC1, 4, 0, 4,             /* not seen any more */
    };
    struct pair *pair = two_new(13, NULL, NULL);
    uint8_t bytes[PAIR_PACKET_BYTES];
    size_t length = write_init(bytes, SCTP_CHUNK_INIT, 0, parameters, sizeof parameters);
    two_give(pair, 1, bytes, length);
    length = two_take_packet(pair, 1, bytes);
    assert_int_equal(two_tag_of(bytes), 0x01020304);
    struct sctp_chunk chunk;
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT_ACK, &chunk));
    struct sctp_init init;
    assert_int_equal(sctp_read_init(&chunk, &init), SCTP_OK);
    struct sctp_walk walk = sctp_walk_bytes(init.parameters, init.parameters_length);
    struct sctp_parameter parameter;
    uint8_t reported[2] = {0};
    size_t count = 0;
    while (sctp_walk_parameter(&walk, &parameter)) {
        if (parameter.type == SCTP_PARAMETER_UNRECOGNIZED) {
            assert_true(count < 2);
            reported[count++] = parameter.value[1];
        }
    }
    assert_int_equal(count, 2);
    assert_int_equal(reported[0], 1);
    assert_int_equal(reported[1], 3);
    two_free(pair);
}

/* RFC 9260 section 3.2.2: those of an INIT ACK in an ERROR, with the COOKIE ECHO. */
static void reports_unknown_parameters_of_init_ack(void **state) {
    (void)state;
    static const uint8_t parameters[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k', 0xC1, 1, 0, 4};
    struct pair *pair = two_new(14, NULL, NULL);
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    open_left(pair);
    two_drain(pair, 0);
    size_t length = two_take_packet(pair, 0, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT, &chunk));
    uint32_t tag = (uint32_t)chunk.value[0] << 24 | (uint32_t)chunk.value[1] << 16 | (uint32_t)chunk.value[2] << 8 | chunk.value[3];
    length = write_init(bytes, SCTP_CHUNK_INIT_ACK, tag, parameters, sizeof parameters);
    two_give(pair, 0, bytes, length);
    length = two_take_packet(pair, 0, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_COOKIE_ECHO, &chunk));
    assert_memory_equal(chunk.value, "cook", 4);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ERROR, &chunk));
    static const uint8_t expected[] = {0, 8, 0, 8, 0xC1, 1, 0, 4};
    assert_memory_equal(chunk.value, expected, sizeof expected);
    /* RFC 9260 section 5.2.3: a second INIT ACK is dropped. */
    length = write_init(bytes, SCTP_CHUNK_INIT_ACK, tag, parameters, 8);
    two_give(pair, 0, bytes, length);
    assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_COOKIE_ECHOED);
    two_free(pair);
}

/* RFC 9260 section 5.2.6: a peer to which every cookie is stale is called so often, and no more. */
static void stale_for_ever(void **state) {
    (void)state;
    static const uint8_t cookie[] = {0, 7, 0, 8, 'c', 'o', 'o', 'k'};
    struct pair *pair = two_new(26, NULL, NULL);
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_writer writer;
    size_t calls = 0, length;
    open_left(pair);
    two_drain(pair, 0);
    for (; (length = two_take_packet(pair, 0, bytes)) > 0; calls++) {
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT, &chunk));
        assert_true(calls <= SCTP_INIT_RETRANSMISSIONS_DEFAULT);
        uint32_t tag = (uint32_t)chunk.value[0] << 24 | (uint32_t)chunk.value[1] << 16 | (uint32_t)chunk.value[2] << 8 | chunk.value[3];
        length = write_init(bytes, SCTP_CHUNK_INIT_ACK, tag, cookie, sizeof cookie);
        two_give(pair, 0, bytes, length);
        length = two_take_packet(pair, 0, bytes);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_COOKIE_ECHO, &chunk));
        two_write(&writer, bytes, tag);
        sctp_write_error(&writer, SCTP_CHUNK_ERROR, 0, SCTP_CAUSE_STALE_COOKIE, (const uint8_t[4]){0, 0, 0, 1}, 4);
        two_give(pair, 0, bytes, (size_t)sctp_writer_finish(&writer, false));
    }
    assert_int_equal(calls, 1 + SCTP_INIT_RETRANSMISSIONS_DEFAULT);
    assert_int_equal(two_find(pair, 0, SCTP_EVENT_CLOSED, 0)->event.reason, SCTP_CLOSED_CONNECT_TIMEOUT);
    two_free(pair);
}

/* RFC 9260 sections 3.3.3 and 5.1.2: an INIT ACK without a cookie, or with a host name, ends it with a cause. */
static void refuses_init_acks(void **state) {
    (void)state;
    static const uint8_t host_name[] = {0, 7, 0, 8, 1, 2, 3, 4, 0, 11, 0, 6, 'a', 0, 0, 0};
    for (int i = 0; i < 2; i++) {
        struct pair *pair = two_new(15, NULL, NULL);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        open_left(pair);
        two_drain(pair, 0);
        size_t length = two_take_packet(pair, 0, bytes);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT, &chunk));
        uint32_t tag = (uint32_t)chunk.value[0] << 24 | (uint32_t)chunk.value[1] << 16 | (uint32_t)chunk.value[2] << 8 | chunk.value[3];
        length = write_init(bytes, SCTP_CHUNK_INIT_ACK, tag, host_name, i == 0 ? 0 : sizeof host_name);
        two_give(pair, 0, bytes, length);
        length = two_take_packet(pair, 0, bytes);
        assert_int_equal(two_tag_of(bytes), 0x01020304);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ABORT, &chunk));
        assert_int_equal(chunk.value[1], i == 0 ? SCTP_CAUSE_MISSING_PARAMETER : SCTP_CAUSE_UNRESOLVABLE_ADDRESS);
        assert_int_equal(two_find(pair, 0, SCTP_EVENT_CLOSED, 0)->event.reason, SCTP_CLOSED_PROTOCOL_VIOLATION);
        two_free(pair);
    }
}

static void refuses_inits(void **state) {
    (void)state;
    static const uint8_t host_name[] = {0, 11, 0, 6, 'a', 0, 0, 0};
    struct pair *pair = two_new(16, NULL, NULL);
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    size_t length = write_init(bytes, SCTP_CHUNK_INIT, 0, host_name, sizeof host_name);
    two_give(pair, 1, bytes, length);
    length = two_take_packet(pair, 1, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ABORT, &chunk));
    /* RFC 9260 section 8.5.1 A: with a tag, or in company, it is dropped. */
    length = write_init(bytes, SCTP_CHUNK_INIT, 1, NULL, 0);
    two_give(pair, 1, bytes, length);
    assert_int_equal(two_take_packet(pair, 1, bytes), 0);
    struct sctp_writer writer;
    two_write(&writer, bytes, 0);
    struct sctp_init init = {.initiate_tag = 1, .window = 65536, .outbound_streams = 1, .inbound_streams = 1};
    sctp_write_init(&writer, SCTP_CHUNK_INIT, &init, NULL, 0);
    sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ACK, 0, NULL, 0);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    assert_int_equal(two_take_packet(pair, 1, bytes), 0);
    assert_int_equal(two_statistics(pair, 1).packets_of_strangers, 2);
    /* Section 3.3.2, MUST: a tag of 0. */
    two_write(&writer, bytes, 0);
    init.initiate_tag = 0;
    sctp_write_init(&writer, SCTP_CHUNK_INIT, &init, NULL, 0);
    assert_int_equal(two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false)), SCTP_ERROR_MALFORMED);
    assert_int_equal(two_take_packet(pair, 1, bytes), 0);
    two_free(pair);
}

/* RFC 9260 section 3.3.2: one without a stream, or with a window below 1,500 bytes, gets an ABORT (SHOULD) and changes nothing (MUST). */
static void refuses_inits_that_break_rules(void **state) {
    (void)state;
    static const struct sctp_init rows[] = {
        {.initiate_tag = 7, .window = 1499, .outbound_streams = 1, .inbound_streams = 1},
        {.initiate_tag = 7, .window = 65536, .outbound_streams = 0, .inbound_streams = 1},
        {.initiate_tag = 7, .window = 65536, .outbound_streams = 1, .inbound_streams = 0},
    };
    struct pair *pair = two_connected(18);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_writer writer;
        struct sctp_chunk chunk;
        two_write(&writer, bytes, 0);
        sctp_write_init(&writer, SCTP_CHUNK_INIT, &rows[i], NULL, 0);
        assert_int_equal(two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false)), SCTP_ERROR_MALFORMED);
        size_t length = two_take_packet(pair, 1, bytes);
        assert_true(length > 0);
        assert_int_equal(two_tag_of(bytes), 7);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ABORT, &chunk));
        assert_int_equal(chunk.flags, 0);
        assert_int_equal(chunk.value[1], SCTP_CAUSE_INVALID_PARAMETER);
    }
    assert_connected(pair);
    two_free(pair);
}

/* RFC 9260 section 3.3.3 and its erratum 7148: an INIT ACK without a stream, or with a window below 1,500 bytes, ends it (MUST), with an ABORT (SHOULD). */
static void refuses_init_acks_that_break_rules(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct pair *pair = two_new(19, NULL, NULL);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        struct sctp_writer writer;
        open_left(pair);
        two_drain(pair, 0);
        size_t length = two_take_packet(pair, 0, bytes);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT, &chunk));
        uint32_t tag = (uint32_t)chunk.value[0] << 24 | (uint32_t)chunk.value[1] << 16 | (uint32_t)chunk.value[2] << 8 | chunk.value[3];
        struct sctp_init init = {.initiate_tag = 7, .window = i == 2 ? 1499 : 65536, .outbound_streams = i != 0, .inbound_streams = i != 1, .cookie = (const uint8_t *)"cook", .cookie_length = 4};
        two_write(&writer, bytes, tag);
        sctp_write_init(&writer, SCTP_CHUNK_INIT_ACK, &init, NULL, 0);
        two_give(pair, 0, bytes, (size_t)sctp_writer_finish(&writer, false));
        length = two_take_packet(pair, 0, bytes);
        assert_true(length > 0);
        assert_int_equal(two_statistics(pair, 0).state, SCTP_STATE_CLOSED);
        assert_int_equal(two_tag_of(bytes), 7);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ABORT, &chunk));
        assert_int_equal(two_find(pair, 0, SCTP_EVENT_CLOSED, 0)->event.cause, SCTP_CAUSE_INVALID_PARAMETER);
        two_free(pair);
    }
}

struct offered {
    uint32_t tag, first_tsn; /* the right end's */
    uint8_t cookie[256];
    size_t length;
};

/* An INIT from the left by hand, with this tag and these parameters, and what the right end answers. */
static struct offered offer_to(struct pair *pair, uint8_t own_tag, const uint8_t *parameters, size_t parameters_length) {
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_init init;
    struct offered offered;
    size_t length = write_init(bytes, SCTP_CHUNK_INIT, 0, parameters, parameters_length);
    bytes[19] = own_tag;
    seal_packet(bytes, length);
    two_give(pair, 1, bytes, length);
    length = two_take_packet(pair, 1, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT_ACK, &chunk));
    assert_int_equal(sctp_read_init(&chunk, &init), SCTP_OK);
    offered.tag = init.initiate_tag;
    offered.first_tsn = init.initial_tsn;
    offered.length = init.cookie_length;
    memcpy(offered.cookie, init.cookie, init.cookie_length);
    return offered;
}

/* True: it has been answered by a COOKIE ACK. */
static bool echo(struct pair *pair, const struct offered *offered) {
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_writer writer;
    struct sctp_chunk chunk;
    two_write(&writer, bytes, offered->tag);
    sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ECHO, 0, offered->cookie, offered->length);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    size_t length = two_take_packet(pair, 1, bytes);
    return length > 0 && two_find_chunk(bytes, length, SCTP_CHUNK_COOKIE_ACK, &chunk);
}

static uint32_t call_by_hand(struct pair *pair, const uint8_t *parameters, size_t parameters_length) {
    struct offered offered = offer_to(pair, 4, parameters, parameters_length);
    assert_true(echo(pair, &offered));
    return offered.tag;
}

/* RFC 9260 section 5.2.4, the rows of its table that can be made from outside, and "any case not shown", SHOULD: dropped. */
static void rows_of_the_table(void **state) {
    (void)state;
    struct pair *pair = two_new(23, NULL, NULL);
    struct offered first = offer_to(pair, 1, NULL, 0), other = offer_to(pair, 2, NULL, 0);
    assert_true(echo(pair, &first));
    assert_false(echo(pair, &other)); /* B, in ESTABLISHED: docs/sctp.md, a deviation */
    assert_int_equal(two_statistics(pair, 1).cookies_refused, 1);
    assert_true(echo(pair, &first)); /* D */
    pair->now_us += 2 * SCTP_COOKIE_LIFETIME_US;
    assert_true(echo(pair, &first)); /* D, though it is too old: step 3 */
    assert_int_equal(two_statistics(pair, 1).restarts, 0);
    struct offered anew = offer_to(pair, 3, NULL, 0), late = offer_to(pair, 4, NULL, 0);
    assert_true(anew.tag != first.tag && late.tag != first.tag && anew.tag != late.tag);
    assert_true(echo(pair, &anew)); /* A */
    assert_int_equal(two_statistics(pair, 1).restarts, 1);
    assert_false(echo(pair, &late)); /* its tie-tags are of the association before */
    assert_false(echo(pair, &first));
    assert_int_equal(two_statistics(pair, 1).restarts, 1);
    assert_int_equal(two_statistics(pair, 1).cookies_refused, 3);
    assert_true(echo(pair, &anew)); /* D */
    assert_int_equal(two_count(pair, 1, SCTP_EVENT_RESTARTED), 1);
    struct offered back = offer_to(pair, 1, NULL, 0);
    assert_true(echo(pair, &back));
    assert_false(echo(pair, &late)); /* the peer's tag is what it was then; ours is not */
    two_free(pair);
}

/* RFC 9260 section 5.2.2, MUST: the tag for a peer that begins anew is not the one that it has, nor (section 3.3.3) 0, whatever chance says. */
static void tags_are_new(void **state) {
    (void)state;
    struct pair *pair = two_new(24, NULL, NULL);
    struct offered first = offer_to(pair, 1, NULL, 0);
    assert_true(echo(pair, &first));
    uint64_t chance = pair->random_state;
    struct offered second = offer_to(pair, 2, NULL, 0);
    assert_true(echo(pair, &second));
    struct offered late = offer_to(pair, 3, NULL, 0);
    pair->random_state = chance;
    struct offered third = offer_to(pair, 4, NULL, 0);
    assert_true(third.tag != second.tag);
    assert_true(echo(pair, &third));
    pair->random_zeros = 4;
    assert_true(offer_to(pair, 5, NULL, 0).tag != 0);
    assert_int_equal(pair->random_zeros, 0);
    /* Section 5.2.4: by chance the tag is again what it was for `late`; the peer's is not. */
    pair->random_state = chance;
    struct offered again = offer_to(pair, 6, NULL, 0);
    assert_int_equal(again.tag, second.tag);
    assert_true(echo(pair, &again));
    assert_false(echo(pair, &late));
    two_free(pair);
}

/* RFC 9260 section 5.2.4, A, MUST NOT: no restart while SHUTDOWN COMPLETE is waited for; the SHUTDOWN ACK goes again, with an ERROR. */
static void no_restart_during_shutdown(void **state) {
    (void)state;
    struct pair *pair = two_new(25, NULL, NULL);
    struct offered first = offer_to(pair, 1, NULL, 0), anew;
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_writer writer;
    struct sctp_chunk chunk;
    assert_true(echo(pair, &first));
    anew = offer_to(pair, 2, NULL, 0);
    two_write(&writer, bytes, first.tag);
    sctp_write_shutdown(&writer, first.first_tsn - 1);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    assert_true(two_take_packet(pair, 1, bytes) > 0);
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_SHUTDOWN_ACK_SENT);
    two_write(&writer, bytes, anew.tag);
    sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ECHO, 0, anew.cookie, anew.length);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    size_t length = two_take_packet(pair, 1, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_SHUTDOWN_ACK, &chunk));
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ERROR, &chunk));
    assert_int_equal(chunk.value[1], SCTP_CAUSE_COOKIE_WHILE_SHUTTING_DOWN);
    assert_false(two_find_chunk(bytes, length, SCTP_CHUNK_COOKIE_ACK, &chunk));
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_SHUTDOWN_ACK_SENT);
    assert_int_equal(two_statistics(pair, 1).restarts, 0);
    two_free(pair);
}

/*
 * RFC 3758 section 3.3.1, MUST: a FORWARD TSN that was not agreed gets an ERROR, as any unknown chunk of its type. RFC 8260 section 2.3.1, MUST: an
 * I-FORWARD-TSN that was not ends the association.
 */
static void forward_tsn_that_was_not_agreed(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair *pair = two_new(22, NULL, NULL);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        struct sctp_writer writer;
        uint32_t tag = call_by_hand(pair, NULL, 0);
        two_write(&writer, bytes, tag);
        sctp_write_forward_tsn(&writer, i == 1, 77, NULL, 0);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        size_t length = two_take_packet(pair, 1, bytes);
        assert_true(length > 0);
        assert_true(two_find_chunk(bytes, length, i == 0 ? SCTP_CHUNK_ERROR : SCTP_CHUNK_ABORT, &chunk));
        assert_int_equal(chunk.value[1], i == 0 ? SCTP_CAUSE_UNRECOGNIZED_CHUNK : SCTP_CAUSE_PROTOCOL_VIOLATION);
        assert_int_equal(two_statistics(pair, 1).chunks_unknown, i == 0);
        two_free(pair);
    }
}

/*
 * RFC 8260 sections 2.2.1 and 2.3.1: interleaving is agreed when both list I-DATA; partial reliability beside it when both list I-FORWARD-TSN. What
 * the peer of RFC 3758 says does not count then.
 */
static void agrees_on_interleaving(void **state) {
    (void)state;
    static const struct {
        uint8_t extensions[8]; /* of the peer, with Forward-TSN-supported before them */
        bool is_interleaved, can_forward;
    } rows[] = {
        {{0x80, 8, 0, 5, SCTP_CHUNK_I_DATA}, true, false},
        {{0x80, 8, 0, 6, SCTP_CHUNK_I_DATA, SCTP_CHUNK_I_FORWARD_TSN}, true, true},
        {{0x80, 8, 0, 5, SCTP_CHUNK_I_FORWARD_TSN}, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sctp_association_config config = {.wants_interleaving = true};
        struct pair *pair = two_new(20, NULL, &config);
        uint8_t parameters[12] = {0xC0, 0, 0, 4};
        memcpy(parameters + 4, rows[i].extensions, 8);
        call_by_hand(pair, parameters, sizeof parameters);
        const struct pair_event *event = two_find(pair, 1, SCTP_EVENT_CONNECTED, 0);
        assert_non_null(event);
        assert_int_equal(event->event.is_interleaved, rows[i].is_interleaved);
        assert_int_equal(event->event.is_partially_reliable, rows[i].can_forward);
        two_free(pair);
    }
}

/* What INIT promises is no more than what SACKs do: a peer that fills that window with full packets loses none to a reader who is slow. */
static void promises_what_there_is(void **state) {
    (void)state;
    struct pair *pair = two_connected(21);
    uint32_t promised = two_statistics(pair, 0).window_bytes;
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_init init;
    size_t length = write_init(bytes, SCTP_CHUNK_INIT, 0, NULL, 0);
    two_give(pair, 0, bytes, length);
    length = two_take_packet(pair, 0, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT_ACK, &chunk));
    assert_int_equal(sctp_read_init(&chunk, &init), SCTP_OK);
    assert_int_equal(init.window, promised);
    two_free(pair);
}

/* RFC 9260 section 5.1.1: the smaller number of streams, each way. */
static void agrees_on_streams(void **state) {
    (void)state;
    struct sctp_association_config left = {.outbound_streams = 5, .inbound_streams = 100}, right = {.outbound_streams = 30, .inbound_streams = 7};
    struct pair *pair = two_new(17, &left, &right);
    open_left(pair);
    two_run(pair, 100000);
    const struct pair_event *here = two_find(pair, 0, SCTP_EVENT_CONNECTED, 0), *there = two_find(pair, 1, SCTP_EVENT_CONNECTED, 0);
    assert_int_equal(here->event.outbound_streams, 5);
    assert_int_equal(here->event.inbound_streams, 30);
    assert_int_equal(there->event.outbound_streams, 30);
    assert_int_equal(there->event.inbound_streams, 5);
    two_free(pair);
}

/* RFC 9653 section 4: in an INIT ACK only for who said it, too, and only from who wants it. */
static void answers_zero_checksum_in_kind(void **state) {
    (void)state;
    for (unsigned who = 1; who < 4; who++) {
        struct sctp_association_config yes = {.accepts_zero_checksum = true};
        struct pair *pair = two_new(17, (who & 1) != 0 ? &yes : NULL, (who & 2) != 0 ? &yes : NULL);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        struct sctp_init init;
        assert_int_equal(sctp_association_connect(pair->end[0].association, pair->now_us), SCTP_OK);
        two_drain(pair, 0);
        size_t length = two_take_packet(pair, 0, bytes);
        assert_int_equal(two_give(pair, 1, bytes, length), SCTP_OK);
        length = two_take_packet(pair, 1, bytes);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_INIT_ACK, &chunk));
        assert_int_equal(sctp_read_init(&chunk, &init), SCTP_OK);
        assert_int_equal(init.zero_checksum, who == 3);
        two_free(pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_zero_checksum_in_kind), cmocka_unit_test(loses_packets), cmocka_unit_test(both_call), cmocka_unit_test(everything_twice), cmocka_unit_test(gives_up),
        cmocka_unit_test(refuses_tampered_cookies), cmocka_unit_test(refuses_cookies_with_another_tag), cmocka_unit_test(answers_stale_cookies), cmocka_unit_test(stale_for_ever),
        cmocka_unit_test(remembers_nothing_of_calls), cmocka_unit_test(peer_begins_anew), cmocka_unit_test(init_alone_changes_nothing),
        cmocka_unit_test(reports_unknown_parameters), cmocka_unit_test(reports_unknown_parameters_of_init_ack), cmocka_unit_test(refuses_init_acks),
        cmocka_unit_test(refuses_inits), cmocka_unit_test(refuses_inits_that_break_rules), cmocka_unit_test(refuses_init_acks_that_break_rules),
        cmocka_unit_test(agrees_on_interleaving), cmocka_unit_test(rows_of_the_table), cmocka_unit_test(tags_are_new), cmocka_unit_test(no_restart_during_shutdown), cmocka_unit_test(forward_tsn_that_was_not_agreed), cmocka_unit_test(promises_what_there_is), cmocka_unit_test(agrees_on_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
