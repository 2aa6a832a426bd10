/* Whose packet is it: RFC 9260 sections 8.4 and 8.5; and chunks that nobody knows, section 3.2. */
#include "association_pair.h"

#include <dirent.h>
#include <stdio.h>

/* A packet of one chunk without a value to the right end; returns the length of its answer. */
static size_t give_chunk(struct pair *pair, uint32_t tag, uint8_t type, uint8_t flags, const uint8_t *value, size_t length, uint8_t *answer) {
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_writer writer;
    two_write(&writer, bytes, tag);
    sctp_write_chunk(&writer, type, flags, value, length);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    return two_take_packet(pair, 1, answer);
}

static uint32_t tag_of(struct pair *pair, unsigned end) {
    uint8_t bytes[PAIR_PACKET_BYTES];
    two_send(pair, 1 - end, 9, "tag?");
    two_drain(pair, 1 - end);
    size_t length = two_take_packet(pair, 1 - end, bytes);
    assert_true(length > 0);
    two_give(pair, end, bytes, length);
    two_run(pair, 100000);
    return two_tag_of(bytes);
}

/* RFC 9260 section 8.4, without an association: rules 2 and 5 to 8. */
static void out_of_the_blue(void **state) {
    (void)state;
    static const uint8_t stale[] = {0, 3, 0, 8, 0, 0, 0, 1};
    static const struct {
        uint8_t type, expected; /* 255: no answer */
        bool with_stale;
    } rows[] = {
        {SCTP_CHUNK_ABORT, 255, false},          {SCTP_CHUNK_SHUTDOWN_ACK, SCTP_CHUNK_SHUTDOWN_COMPLETE, false},
        {SCTP_CHUNK_SHUTDOWN_COMPLETE, 255, false}, {SCTP_CHUNK_COOKIE_ACK, 255, false},
        {SCTP_CHUNK_ERROR, 255, true},           {SCTP_CHUNK_ERROR, SCTP_CHUNK_ABORT, false},
        {SCTP_CHUNK_HEARTBEAT, SCTP_CHUNK_ABORT, false}, {SCTP_CHUNK_DATA, SCTP_CHUNK_ABORT, false},
        {SCTP_CHUNK_COOKIE_ECHO, 255, false},    {77, SCTP_CHUNK_ABORT, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair *pair = two_new(i, NULL, NULL);
        uint8_t answer[PAIR_PACKET_BYTES];
        size_t length = give_chunk(pair, 0xABCDEF01, rows[i].type, 0, stale, rows[i].with_stale ? sizeof stale : 0, answer);
        assert_int_equal(length > 0, rows[i].expected != 255);
        if (length > 0) {
            assert_int_equal(answer[12], rows[i].expected);
            assert_int_equal(answer[13], SCTP_FLAG_TAG_REFLECTED);
            assert_int_equal(two_tag_of(answer), 0xABCDEF01);
        }
        assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_CLOSED);
        two_free(pair);
    }
}

/* RFC 9260 section 8.4, rules 5 to 7: what the packet contains counts, and not what it begins with. */
static void out_of_the_blue_in_company(void **state) {
    (void)state;
    static const uint8_t stale[] = {0, 3, 0, 8, 0, 0, 0, 1};
    static const struct {
        uint8_t type, expected; /* 255: no answer */
    } rows[] = {{SCTP_CHUNK_SHUTDOWN_ACK, SCTP_CHUNK_SHUTDOWN_COMPLETE}, {SCTP_CHUNK_COOKIE_ACK, 255}, {SCTP_CHUNK_SHUTDOWN_COMPLETE, 255}, {SCTP_CHUNK_ERROR, 255}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair *pair = two_new(30 + i, NULL, NULL);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_writer writer;
        two_write(&writer, bytes, 0xABCDEF01);
        sctp_write_chunk(&writer, SCTP_CHUNK_PAD, 0, NULL, 0);
        sctp_write_chunk(&writer, rows[i].type, 0, stale, rows[i].type == SCTP_CHUNK_ERROR ? sizeof stale : 0);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        size_t length = two_take_packet(pair, 1, bytes);
        assert_int_equal(length > 0, rows[i].expected != 255);
        if (length > 0)
            assert_int_equal(bytes[12], rows[i].expected);
        two_free(pair);
    }
}

/* RFC 9260 section 8.5.1 E: a SHUTDOWN ACK of before gets SHUTDOWN COMPLETE from one that calls anew. */
static void shutdown_ack_of_before(void **state) {
    (void)state;
    struct pair *pair = two_new(27, NULL, NULL);
    uint8_t answer[PAIR_PACKET_BYTES];
    sctp_association_connect(pair->end[1].association, pair->now_us);
    two_drain(pair, 1);
    assert_true(two_take_packet(pair, 1, answer) > 0); /* INIT */
    assert_int_equal(give_chunk(pair, 0xABCDEF01, SCTP_CHUNK_SHUTDOWN_ACK, 0, NULL, 0, answer), 16);
    assert_int_equal(answer[12], SCTP_CHUNK_SHUTDOWN_COMPLETE);
    assert_int_equal(answer[13], SCTP_FLAG_TAG_REFLECTED);
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_COOKIE_WAIT);
    two_free(pair);
}

/* RFC 9260 section 8.5: no packet with another tag or port changes anything, or is answered. */
static void other_tags(void **state) {
    (void)state;
    struct pair *pair = two_connected(20);
    uint8_t answer[PAIR_PACKET_BYTES], bytes[PAIR_PACKET_BYTES];
    uint32_t tag = tag_of(pair, 1);
    for (unsigned type = 0; type < 256; type++) {
        if (type != SCTP_CHUNK_INIT)
            assert_int_equal(give_chunk(pair, tag ^ 0x10000, (uint8_t)type, 0, (const uint8_t *)"\0\0\0\4", 4, answer), 0);
    }
    struct sctp_writer writer;
    sctp_writer_begin(&writer, bytes, sizeof bytes, SCTP_PORT + 1, SCTP_PORT, tag);
    sctp_write_chunk(&writer, SCTP_CHUNK_ABORT, 0, NULL, 0);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_ESTABLISHED);
    assert_int_equal(two_statistics(pair, 1).packets_of_strangers, 255);
    two_free(pair);
}

/* RFC 9260 section 8.5.1 B: the T bit goes with the peer's own tag, and no other combination ends anything. */
static void tags_of_aborts(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct pair *pair = two_connected(21);
        uint8_t answer[PAIR_PACKET_BYTES];
        uint32_t own = tag_of(pair, 1), theirs = tag_of(pair, 0);
        bool reflected = (i & 1) != 0, with_own = (i & 2) != 0;
        assert_int_equal(give_chunk(pair, with_own ? own : theirs, SCTP_CHUNK_ABORT, reflected ? SCTP_FLAG_TAG_REFLECTED : 0, NULL, 0, answer), 0);
        bool ends = with_own != reflected;
        assert_int_equal(two_count(pair, 1, SCTP_EVENT_CLOSED), ends);
        if (ends)
            assert_int_equal(two_find(pair, 1, SCTP_EVENT_CLOSED, 0)->event.reason, SCTP_CLOSED_PEER_ABORTED);
        two_free(pair);
    }
}

/* RFC 9260 section 3.2: two bits of an unknown type say whether it is reported, and whether what is behind it is read. */
static void unknown_chunks(void **state) {
    (void)state;
    static const uint8_t types[] = {63 - 8, 127, 191, 255};
    for (unsigned i = 0; i < 4; i++) {
        struct pair *pair = two_connected(22);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        uint32_t tag = tag_of(pair, 1);
        struct sctp_writer writer;
        two_write(&writer, bytes, tag);
        sctp_write_chunk(&writer, types[i], 0, (const uint8_t *)"what", 4);
        sctp_write_heartbeat(&writer, SCTP_CHUNK_HEARTBEAT, (const uint8_t *)"here", 4);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        size_t length = two_take_packet(pair, 1, bytes);
        assert_int_equal(length > 0 && two_find_chunk(bytes, length, SCTP_CHUNK_ERROR, &chunk), (i & 1) != 0);
        if ((i & 1) != 0) {
            assert_int_equal(chunk.value[1], SCTP_CAUSE_UNRECOGNIZED_CHUNK);
            assert_int_equal(chunk.value[4], types[i]);
            assert_memory_equal(chunk.value + 8, "what", 4);
        }
        assert_int_equal(length > 0 && two_find_chunk(bytes, length, SCTP_CHUNK_HEARTBEAT_ACK, &chunk), i >= 2);
        assert_int_equal(two_statistics(pair, 1).chunks_unknown, 1);
        two_free(pair);
    }
}

/* What the peer asks for beyond one drain is dropped and counted: SCTP_ANSWERS_BYTES, here a hundred heartbeats in one packet. */
static void answers_are_bounded(void **state) {
    (void)state;
    struct pair *pair = two_connected(23);
    uint8_t bytes[PAIR_PACKET_BYTES], info[40] = {0};
    uint32_t tag = tag_of(pair, 1);
    struct sctp_writer writer;
    two_write(&writer, bytes, tag);
    for (int i = 0; i < 100; i++)
        sctp_write_heartbeat(&writer, SCTP_CHUNK_HEARTBEAT, info, sizeof info);
    two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
    size_t answered = 2048 / 48;
    assert_int_equal(two_statistics(pair, 1).replies_dropped, 100 - answered);
    assert_true(two_take_packet(pair, 1, bytes) > 0);
    assert_true(two_take_packet(pair, 1, bytes) > 0); /* the rest of them: a packet holds 23 */
    two_free(pair);
}

/* RFC 9260 section 6.2, MUST: DATA without user data; section 6.5: an invalid stream. RFC 8260 section 2.2.1: I-DATA that was not agreed. */
static void wrong_data(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct sctp_association_config config = {.inbound_streams = 10};
        struct pair *pair = two_new(24, NULL, &config);
        sctp_association_connect(pair->end[0].association, pair->now_us);
        two_run(pair, 100000);
        uint8_t bytes[PAIR_PACKET_BYTES], answer[PAIR_PACKET_BYTES];
        struct sctp_chunk chunk;
        struct sctp_writer writer;
        uint32_t tag = tag_of(pair, 1);
        two_send(pair, 0, 1, "x");
        two_drain(pair, 0);
        size_t length = two_take_packet(pair, 0, bytes);
        assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_DATA, &chunk));
        struct sctp_data data;
        assert_int_equal(sctp_read_data(&chunk, &data), SCTP_OK);
        uint8_t copy[64];
        memcpy(copy, chunk.value, chunk.length);
        if (i == 1)
            data.stream = 10;
        data.is_interleaved = i == 2;
        two_write(&writer, bytes, tag);
        if (i == 0)
            sctp_write_chunk(&writer, SCTP_CHUNK_DATA, 3, copy, 12);
        else
            sctp_write_data(&writer, &data);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        length = two_take_packet(pair, 1, answer);
        assert_true(two_find_chunk(answer, length, i == 1 ? SCTP_CHUNK_ERROR : SCTP_CHUNK_ABORT, &chunk));
        static const uint8_t causes[] = {SCTP_CAUSE_NO_USER_DATA, SCTP_CAUSE_INVALID_STREAM, SCTP_CAUSE_PROTOCOL_VIOLATION};
        assert_int_equal(chunk.value[1], causes[i]);
        assert_int_equal(two_count(pair, 1, SCTP_EVENT_CLOSED), i != 1);
        two_free(pair);
    }
}

/* The right end sends a message that gets lost; its TSN. */
static uint32_t lost_tsn(struct pair *pair) {
    uint8_t bytes[PAIR_PACKET_BYTES];
    struct sctp_chunk chunk;
    struct sctp_data data;
    two_send(pair, 1, 2, "y");
    two_drain(pair, 1);
    size_t length = two_take_packet(pair, 1, bytes);
    assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_DATA, &chunk));
    assert_int_equal(sctp_read_data(&chunk, &data), SCTP_OK);
    return data.tsn;
}

/* RFC 9260 section 6.2.1: a SACK of what was never sent is a violation, by its cumulative TSN or by a gap; one that is old or fits is none. */
static void sack_of_nothing(void **state) {
    (void)state;
    static const struct {
        uint32_t beyond; /* the last TSN */
        struct sctp_gap gap;
        bool is_violation;
    } rows[] = {
        {0, {0, 0}, false}, {UINT32_MAX, {0, 0}, false}, {UINT32_MAX - 5, {0, 0}, false}, {UINT32_MAX, {1, 1}, false},
        {1, {0, 0}, true},  {UINT32_MAX, {2, 2}, true},  {UINT32_MAX, {1, 2}, true},      {0x7FFFFFFF, {0, 0}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair *pair = two_connected(25);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_writer writer;
        struct sctp_chunk chunk;
        uint32_t tag = tag_of(pair, 1), last_tsn = lost_tsn(pair);
        two_write(&writer, bytes, tag);
        sctp_write_sack(&writer, last_tsn + rows[i].beyond, 65536, &rows[i].gap, rows[i].gap.start > 0, NULL, 0);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        assert_int_equal(two_count(pair, 1, SCTP_EVENT_CLOSED), rows[i].is_violation);
        if (rows[i].is_violation) {
            size_t length = two_take_packet(pair, 1, bytes);
            assert_true(two_find_chunk(bytes, length, SCTP_CHUNK_ABORT, &chunk));
            assert_int_equal(chunk.value[1], SCTP_CAUSE_PROTOCOL_VIOLATION);
        }
        two_free(pair);
    }
}

/* RFC 9260 section 8.5.1 C: the peer's tag reflected opens the door to SHUTDOWN COMPLETE, and to nothing that stands behind it. */
static void nothing_rides_on_a_reflected_tag(void **state) {
    (void)state;
    static const uint8_t types[] = {SCTP_CHUNK_SHUTDOWN_COMPLETE, SCTP_CHUNK_ABORT};
    for (int i = 0; i < 2; i++) {
        struct pair *pair = two_connected(29);
        uint8_t bytes[PAIR_PACKET_BYTES];
        struct sctp_writer writer;
        uint32_t theirs = tag_of(pair, 0), own = tag_of(pair, 1);
        two_write(&writer, bytes, i == 0 ? theirs : own);
        if (i == 1) /* RFC 9260 section 8.5.1 B: an ABORT is judged by its own T bit, wherever it stands */
            sctp_write_chunk(&writer, SCTP_CHUNK_COOKIE_ACK, 0, NULL, 0);
        sctp_write_chunk(&writer, types[i], SCTP_FLAG_TAG_REFLECTED, NULL, 0);
        sctp_write_heartbeat(&writer, SCTP_CHUNK_HEARTBEAT, (const uint8_t *)"here", 4);
        two_give(pair, 1, bytes, (size_t)sctp_writer_finish(&writer, false));
        assert_int_equal(two_take_packet(pair, 1, bytes), 0);
        assert_int_equal(two_statistics(pair, 1).state, SCTP_STATE_ESTABLISHED);
        assert_int_equal(two_statistics(pair, 1).packets_of_strangers, i);
        two_free(pair);
    }
}

/* Every packet cut anywhere, and every file of other stacks, before and after the handshake. */
static void survives_what_others_sent(void **state) {
    (void)state;
    const char *corpora = getenv("STRATA_CORPORA");
    char path[512];
    if (!corpora) {
        print_message("SKIP: survives_what_others_sent: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/sctp", corpora);
    DIR *directory = opendir(path);
    if (!directory) {
        print_message("SKIP: survives_what_others_sent: corpora not present (set STRATA_CORPORA)\n");
        skip();
    }
    struct pair *pair = two_connected(26);
    uint32_t tag = tag_of(pair, 1);
    size_t files = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        uint8_t bytes[4096];
        snprintf(path, sizeof path, "%s/sctp/%s", corpora, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file)
            continue;
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        files++;
        two_give(pair, 1, bytes, length);
        if (length < SCTP_PACKET_MIN_BYTES || two_count(pair, 1, SCTP_EVENT_CLOSED) > 0)
            continue;
        uint8_t *copy = malloc(length); /* as one of ours: the right ports, tag and checksum */
        memcpy(copy, bytes, length);
        static const uint8_t ports[] = {0x13, 0x88, 0x13, 0x88};
        memcpy(copy, ports, 4);
        copy[4] = (uint8_t)(tag >> 24), copy[5] = (uint8_t)(tag >> 16), copy[6] = (uint8_t)(tag >> 8), copy[7] = (uint8_t)tag;
        uint32_t checksum = sctp_packet_checksum(copy, length);
        copy[8] = (uint8_t)(checksum >> 24), copy[9] = (uint8_t)(checksum >> 16), copy[10] = (uint8_t)(checksum >> 8), copy[11] = (uint8_t)checksum;
        two_give(pair, 1, copy, length);
        free(copy);
        if (two_count(pair, 1, SCTP_EVENT_CLOSED) > 0) { /* an ABORT, or a violation: a new one for the next file */
            two_free(pair);
            pair = two_connected(26 + files);
            tag = tag_of(pair, 1);
        }
    }
    closedir(directory);
    assert_true(files > 10);
    two_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_the_blue), cmocka_unit_test(shutdown_ack_of_before), cmocka_unit_test(other_tags), cmocka_unit_test(tags_of_aborts), cmocka_unit_test(unknown_chunks),
        cmocka_unit_test(answers_are_bounded), cmocka_unit_test(wrong_data), cmocka_unit_test(sack_of_nothing), cmocka_unit_test(nothing_rides_on_a_reflected_tag), cmocka_unit_test(out_of_the_blue_in_company),
        cmocka_unit_test(survives_what_others_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
