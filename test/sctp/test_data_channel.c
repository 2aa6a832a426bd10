/* Data channels between two ends: opening and sending. Their end is in test_data_channel_event.c. */
#include "test_sctp.h"

#include "channel_bench.h"
#include "sctp/data_channel_message_internal.h"

#define SECOND_US UINT64_C(1000000)

static struct channel_pair pair;

static void begin_connected(void) {
    pair_begin(&pair);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "connected\n");
    assert_string_equal(pair_log(&pair, 1), "connected\n");
}

/* ---- opening ----------------------------------------------------------------------------------------------------------------------- */

/* RFC 8832 section 6: the client's numbers are even, the server's odd; channels opened before there is an association wait for it */
static void opens(void **state) {
    (void)state;
    pair_begin(&pair);
    data_channel_handle first = pair_open(&pair, 0, "first"), other = pair_open(&pair, 1, "other"), second = pair_open(&pair, 0, "second");
    assert_int_equal(pair_send(&pair, 0, first, "too early"), SCTP_ERROR_STATE);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "connected\nopen first\nopen second\nopened other\n");
    assert_string_equal(pair_log(&pair, 1), "connected\nopen other\nopened first\nopened second\n");
    assert_int_equal(pair_id(&pair, 0, first), 0);
    assert_int_equal(pair_id(&pair, 0, second), 2);
    assert_int_equal(pair_id(&pair, 1, other), 1);
    pair_end(&pair);
}

/* W3C: the number is there as soon as the role is, long before the association; those that were agreed are not given away */
static void numbers_come_with_the_role(void **state) {
    (void)state;
    for (int is_client = 0; is_client < 2; is_client++) {
        struct data_channel_layer_config config = {.channels_max = 4};
        struct data_channel_layer *layer = data_channel_layer_new(&config);
        struct data_channel_config agreed = {.label = "a", .label_length = 1, .is_negotiated = true, .id = is_client ? 0 : 1}, in_band = {.label = "b", .label_length = 1};
        data_channel_handle handles[4];
        struct data_channel_info info;
        assert_int_equal(data_channel_open(layer, 1, &agreed, &handles[0]), SCTP_OK);
        assert_int_equal(data_channel_open(layer, 1, &in_band, &handles[1]), SCTP_OK);
        assert_true(data_channel_info(layer, handles[1], &info));
        assert_int_equal(info.id, DATA_CHANNEL_ID_NONE);
        assert_int_equal(data_channel_layer_attach(layer, NULL), SCTP_ERROR_STATE);
        assert_int_equal(data_channel_layer_set_role(layer, is_client), SCTP_OK);
        assert_int_equal(data_channel_layer_set_role(layer, is_client), SCTP_ERROR_STATE);
        assert_int_equal(data_channel_open(layer, 1, &in_band, &handles[2]), SCTP_OK);
        for (unsigned i = 1; i < 3; i++) {
            assert_true(data_channel_info(layer, handles[i], &info));
            assert_int_equal(info.id, 2 * i + (is_client ? 0 : 1));
            assert_int_equal(info.state, DATA_CHANNEL_CONNECTING);
        }
        data_channel_layer_free(layer);
    }
}

/* All that an OPEN says arrives (RFC 8832 section 5.1) */
static void properties(void **state) {
    (void)state;
    static const struct data_channel_config configs[] = {
        {.label = "a", .label_length = 1, .protocol = "chat", .protocol_length = 4, .priority = 512},
        {.label = "b", .label_length = 1, .is_unordered = true, .reliability = SCTP_MAX_RETRANSMITS, .limit = 0},
        {.label = "c", .label_length = 1, .is_unordered = true, .reliability = SCTP_MAX_LIFETIME, .limit = 1500},
        {.label = "d\0e", .label_length = 3, .reliability = SCTP_MAX_RETRANSMITS, .limit = UINT32_MAX, .priority = 65535},
    };
    begin_connected();
    for (size_t i = 0; i < 4; i++) {
        data_channel_handle handle;
        struct data_channel_info ours, theirs;
        assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &configs[i], &handle), SCTP_OK);
        pair_run(&pair, SECOND_US);
        assert_true(data_channel_info(pair.ends[0].layer, handle, &ours));
        assert_true(data_channel_info(pair.ends[1].layer, pair.ends[1].last_opened, &theirs));
        assert_false(ours.is_by_peer);
        assert_true(theirs.is_by_peer);
        assert_int_equal(theirs.state, DATA_CHANNEL_OPEN);
        assert_int_equal(theirs.id, ours.id);
        assert_int_equal(theirs.priority, configs[i].priority ? configs[i].priority : 256);
        assert_int_equal(theirs.is_unordered, configs[i].is_unordered);
        assert_int_equal(theirs.reliability, configs[i].reliability);
        assert_int_equal(theirs.limit, configs[i].limit);
        assert_int_equal(theirs.label_length, configs[i].label_length);
        assert_memory_equal(theirs.label, configs[i].label, configs[i].label_length + 1);
        assert_int_equal(theirs.protocol_length, configs[i].protocol_length);
        assert_string_equal(theirs.protocol, configs[i].protocol ? configs[i].protocol : "");
    }
    pair_end(&pair);
}

/* RFC 8832 section 6: messages may follow the OPEN at once, in the same drain */
static void messages_before_the_ack(void **state) {
    (void)state;
    begin_connected();
    struct data_channel_config config = {.label = "x", .label_length = 1, .is_unordered = true};
    data_channel_handle handle;
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_OK);
    assert_int_equal(pair_send(&pair, 0, handle, "one"), SCTP_OK);
    assert_int_equal(pair_send(&pair, 0, handle, "two"), SCTP_OK);
    pair_run(&pair, 6000); /* one way takes 5 ms */
    assert_string_equal(pair_log(&pair, 1), "opened x\nmessage x text one\nmessage x text two\n");
    assert_string_equal(pair_log(&pair, 0), "open x\nlow x\n");
    pair_end(&pair);
}

/* RFC 8832 section 6, MUST: unordered messages do not overtake the OPEN, whatever is lost on the way */
static void nothing_overtakes_the_open(void **state) {
    (void)state;
    for (unsigned seed = 1; seed <= 30; seed++) {
        pair_begin(&pair);
        pair.random_state += seed * 7919;
        pair_run(&pair, SECOND_US);
        (void)pair_log(&pair, 1);
        pair.loss_percent = 40;
        struct data_channel_config config = {.label = "x", .label_length = 1, .is_unordered = true};
        data_channel_handle handle;
        assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_OK);
        for (int i = 0; i < 20; i++) {
            assert_int_equal(pair_send(&pair, 0, handle, "m"), SCTP_OK);
            pair_run(&pair, 3000);
        }
        pair.loss_percent = 0;
        pair_run(&pair, 120 * SECOND_US);
        assert_int_equal(strncmp(pair_log(&pair, 1), "opened x\nmessage x text m\n", 25), 0);
        assert_int_equal(pair.ends[1].messages, 20);
        struct data_channel_layer_statistics statistics;
        data_channel_layer_statistics(pair.ends[1].layer, &statistics);
        assert_int_equal(statistics.messages_dropped, 0);
        pair_end(&pair);
    }
}

static void negotiated(void **state) {
    (void)state;
    begin_connected();
    struct data_channel_config config = {.label = "n", .label_length = 1, .is_negotiated = true, .id = DATA_CHANNEL_ID_MAX};
    data_channel_handle handles[2], again;
    for (int i = 0; i < 2; i++)
        assert_int_equal(data_channel_open(pair.ends[i].layer, pair.now_us, &config, &handles[i]), SCTP_OK);
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &again), SCTP_ERROR_STATE);
    config.id = DATA_CHANNEL_ID_NONE;
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &again), SCTP_ERROR_ARGUMENT);
    assert_int_equal(pair_send(&pair, 0, handles[0], "hello"), SCTP_OK);
    assert_int_equal(pair_send(&pair, 1, handles[1], "hi"), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "open n\nlow n\nmessage n text hi\n");
    assert_string_equal(pair_log(&pair, 1), "open n\nlow n\nmessage n text hello\n");
    pair_end(&pair);
}

/* A number beyond what the association has is told as such */
static void no_id(void **state) {
    (void)state;
    struct sctp_association_config association = {.outbound_streams = 4, .inbound_streams = 4};
    pair_begin_with(&pair, &association, NULL);
    struct data_channel_config config = {.label = "n", .label_length = 1, .is_negotiated = true, .id = 4};
    data_channel_handle handle;
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_OK);
    (void)pair_open(&pair, 0, "0");
    (void)pair_open(&pair, 0, "2");
    (void)pair_open(&pair, 0, "none");
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "connected\nclosed n: no free id\nopen 0\nopen 2\nclosed none: no free id\n");
    pair_end(&pair);
}

/* channels_max: below, at it, above; on both sides */
static void too_many(void **state) {
    (void)state;
    struct data_channel_layer_config layer = {.channels_max = 3};
    struct data_channel_layer_statistics statistics;
    pair_begin_with(&pair, NULL, &layer);
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    (void)pair_log(&pair, 1);
    (void)pair_open(&pair, 0, "0");
    (void)pair_open(&pair, 0, "1");
    data_channel_handle kept = pair_open(&pair, 1, "2");
    data_channel_handle handle;
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    (void)pair_log(&pair, 1);
    struct data_channel_config config = {.label = "3", .label_length = 1};
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_ERROR_CAPACITY);
    /* The peer's OPEN beyond the limit is declined: its channel closes. */
    struct data_channel_open_message open = {.label = "3", .label_length = 1, .protocol = ""};
    uint8_t bytes[20];
    int length = data_channel_write_open(&open, bytes, sizeof bytes);
    assert_int_equal(pair_send_raw(&pair, 0, 100, DATA_CHANNEL_PPID_CONTROL, bytes, (size_t)length), SCTP_OK);
    pair_run(&pair, SECOND_US);
    data_channel_layer_statistics(pair.ends[1].layer, &statistics);
    assert_int_equal(statistics.declined, 1);
    assert_int_equal(statistics.channels, 3);
    assert_string_equal(pair_log(&pair, 1), "");
    assert_int_equal(data_channel_close(pair.ends[1].layer, pair.now_us, kept), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "closed 2: closed by us\n");
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "opened 3\n");
    pair_end(&pair);
}

/* A place serves again, its handle does not: an old one names nobody */
static void handles_do_not_come_back(void **state) {
    (void)state;
    data_channel_handle handles[64];
    struct data_channel_info info;
    pair_begin(&pair);
    for (size_t i = 0; i < 64; i++) {
        handles[i] = pair_open(&pair, 0, "h");
        for (size_t k = 0; k < i; k++)
            assert_true(handles[k] != handles[i] && !data_channel_info(pair.ends[0].layer, handles[k], &info));
        assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handles[i]), SCTP_OK);
        pair_drain(&pair);
    }
    assert_true(data_channel_place_count(pair.ends[0].layer) < 64);
    pair_end(&pair);
}

static void arguments(void **state) {
    (void)state;
    static char long_text[DATA_CHANNEL_LABEL_MAX_BYTES + 1];
    memset(long_text, 'l', sizeof long_text);
    data_channel_handle handle;
    begin_connected();
    struct data_channel_layer *layer = pair.ends[0].layer;
    struct data_channel_config config = {.label = long_text, .label_length = sizeof long_text};
    assert_int_equal(data_channel_open(layer, pair.now_us, &config, &handle), SCTP_ERROR_ARGUMENT);
    config.label_length--;
    config.protocol = long_text;
    config.protocol_length = sizeof long_text;
    assert_int_equal(data_channel_open(layer, pair.now_us, &config, &handle), SCTP_ERROR_ARGUMENT);
    config.protocol_length--;
    data_channel_layer_set_peer_message_max(layer, 0);
    assert_int_equal(data_channel_open(layer, pair.now_us, &config, &handle), SCTP_OK);
    data_channel_layer_set_peer_message_max(layer, DATA_CHANNEL_MESSAGE_DEFAULT_BYTES);
    pair_run(&pair, 10 * SECOND_US);
    struct data_channel_info info;
    assert_true(data_channel_info(pair.ends[1].layer, pair.ends[1].last_opened, &info));
    assert_int_equal(info.label_length, DATA_CHANNEL_LABEL_MAX_BYTES);
    assert_int_equal(info.protocol_length, DATA_CHANNEL_LABEL_MAX_BYTES);
    config = (struct data_channel_config){.label = "\xFF", .label_length = 1};
    assert_int_equal(data_channel_open(layer, pair.now_us, &config, &handle), SCTP_ERROR_ARGUMENT);
    assert_int_equal(data_channel_close(layer, pair.now_us, 0), SCTP_ERROR_ARGUMENT);
    assert_int_equal(pair_send(&pair, 0, 12345, "x"), SCTP_ERROR_ARGUMENT);
    assert_int_equal(data_channel_set_buffered_low(layer, 12345, 1), SCTP_ERROR_ARGUMENT);
    assert_int_equal(data_channel_layer_attach(layer, pair.ends[0].association), SCTP_ERROR_STATE);
    data_channel_layer_free(NULL);
    struct data_channel_layer_config most = {.channels_max = DATA_CHANNEL_COUNT_MAX + 1};
    assert_null(data_channel_layer_new(&most));
    pair_end(&pair);
}

/* DATA_CHANNEL_COUNT_MAX: every number there is; each found again, and all of them gone in the end */
static void every_number(void **state) {
    (void)state;
    static data_channel_handle handles[DATA_CHANNEL_COUNT_MAX];
    struct counting memory;
    counting_begin(&memory);
    struct data_channel_layer_config config = {.allocator = &memory.allocator, .channels_max = DATA_CHANNEL_COUNT_MAX};
    struct data_channel_layer *layer = data_channel_layer_new(&config);
    struct data_channel_config channel = {.is_negotiated = true};
    struct data_channel_event event;
    struct data_channel_info info;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i <= DATA_CHANNEL_ID_MAX; i++) {
            channel.id = (uint16_t)(i * 7919u % (DATA_CHANNEL_ID_MAX + 1u));
            assert_int_equal(data_channel_open(layer, 1, &channel, &handles[i]), SCTP_OK);
        }
        channel.is_negotiated = false;
        assert_int_equal(data_channel_open(layer, 1, &channel, &handles[0]), SCTP_ERROR_CAPACITY);
        channel.is_negotiated = true;
        assert_int_equal(data_channel_open(layer, 1, &channel, &handles[0]), SCTP_ERROR_STATE);
        for (unsigned i = 0; i <= DATA_CHANNEL_ID_MAX; i++) {
            assert_true(data_channel_info(layer, handles[i], &info));
            assert_int_equal(info.id, i * 7919u % (DATA_CHANNEL_ID_MAX + 1u));
            assert_int_equal(data_channel_close(layer, 1, handles[i]), SCTP_OK);
        }
        unsigned closed = 0;
        while (data_channel_poll_event(layer, 1, &event))
            closed += event.type == DATA_CHANNEL_EVENT_CLOSED;
        assert_int_equal(closed, DATA_CHANNEL_ID_MAX + 1);
        assert_false(data_channel_info(layer, handles[77], &info));
    }
    data_channel_layer_free(layer);
    assert_int_equal(memory.blocks, 0);
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

/* RFC 8831 section 6.6: text and binary, empty ones too; up to the peer's max-message-size (RFC 8841 section 6.1) */
static void messages(void **state) {
    (void)state;
    static uint8_t bytes[262145];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "m");
    struct data_channel_layer *layer = pair.ends[0].layer;
    assert_int_equal(data_channel_send(layer, pair.now_us, handle, true, NULL, 0), SCTP_OK);
    assert_int_equal(data_channel_send(layer, pair.now_us, handle, false, NULL, 0), SCTP_OK);
    assert_int_equal(data_channel_send(layer, pair.now_us, handle, false, (const uint8_t *)"bin", 3), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "opened m\nmessage m text \nmessage m binary \nmessage m binary bin\n");
    assert_int_equal(data_channel_send(layer, pair.now_us, handle, false, bytes, DATA_CHANNEL_MESSAGE_DEFAULT_BYTES + 1), SCTP_ERROR_ARGUMENT);
    static const size_t lengths[] = {1, 1159, 1160, 1161, 65535, 65536, 262143, 262144};
    data_channel_layer_set_peer_message_max(layer, 262144);
    assert_int_equal(data_channel_send(layer, pair.now_us, handle, false, bytes, 262145), SCTP_ERROR_ARGUMENT);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(data_channel_send(layer, pair.now_us, handle, false, bytes, lengths[i]), SCTP_OK);
        pair_run(&pair, 5 * SECOND_US);
        assert_int_equal(pair.ends[1].last_length, lengths[i]);
        assert_memory_equal(pair.ends[1].last, bytes, lengths[i]);
    }
    struct data_channel_info ours, theirs;
    assert_true(data_channel_info(layer, handle, &ours));
    assert_true(data_channel_info(pair.ends[1].layer, pair.ends[1].last_opened, &theirs));
    assert_int_equal(ours.messages_sent, 11);
    assert_int_equal(theirs.messages_received, 11);
    assert_int_equal(ours.bytes_sent, theirs.bytes_received);
    data_channel_layer_set_peer_message_max(layer, 0); /* no limit of theirs; the send budget stays one */
    assert_int_equal(data_channel_send(layer, pair.now_us, handle, false, bytes, SIZE_MAX / 2), SCTP_ERROR_ARGUMENT);
    pair_end(&pair);
}

/* The deprecated PPIDs 52 and 54 are put together (RFC 8831 section 8), within partial_max_bytes */
static void partial_messages(void **state) {
    (void)state;
    struct data_channel_layer_config layer = {.partial_max_bytes = 20};
    pair_begin_with(&pair, NULL, &layer);
    data_channel_handle handle = pair_open(&pair, 0, "p");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 1);
    uint16_t id = pair_id(&pair, 0, handle);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_TEXT_PARTIAL, "one ", 4), SCTP_OK);
        assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_TEXT_PARTIAL, "two ", 4), SCTP_OK);
        assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_TEXT, "three", 5), SCTP_OK);
        assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_BINARY, "whole", 5), SCTP_OK);
        pair_run(&pair, SECOND_US);
        assert_string_equal(pair_log(&pair, 1), "message p text one two three\nmessage p binary whole\n");
    }
    assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_BINARY_PARTIAL, "0123456789012345678", 19), SCTP_OK);
    assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_BINARY, "9", 1), SCTP_OK); /* 20 in all */
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "message p binary 01234567890123456789\n");
    assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_BINARY_PARTIAL, "01234567890123456789x", 21), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "closed p: protocol violation\n");
    pair_end(&pair);
}

/* What belongs to no channel, or to none that is open, is dropped and counted */
static void strays(void **state) {
    (void)state;
    struct data_channel_layer_statistics statistics;
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "s");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 1);
    uint16_t id = pair_id(&pair, 0, handle);
    assert_int_equal(pair_send_raw(&pair, 0, 77, DATA_CHANNEL_PPID_TEXT, "x", 1), SCTP_OK);
    assert_int_equal(pair_send_raw(&pair, 0, 77, DATA_CHANNEL_PPID_CONTROL, "\x02", 1), SCTP_OK); /* an ACK for nobody */
    assert_int_equal(pair_send_raw(&pair, 0, id, DATA_CHANNEL_PPID_CONTROL, "\x7F", 1), SCTP_OK);
    assert_int_equal(pair_send_raw(&pair, 0, id, 55, "x", 1), SCTP_OK);
    pair_run(&pair, SECOND_US);
    data_channel_layer_statistics(pair.ends[1].layer, &statistics);
    assert_int_equal(statistics.messages_dropped, 4);
    assert_string_equal(pair_log(&pair, 1), "");
    pair_end(&pair);
}

/* ---- buffers ----------------------------------------------------------------------------------------------------------------------- */

/* bufferedAmount counts what was sent and has not left, OPEN not among it; BUFFERED_LOW comes once for each fall */
static void buffered(void **state) {
    (void)state;
    static const uint8_t bytes[60000];
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "b");
    assert_int_equal(data_channel_buffered(pair.ends[0].layer, handle), 0);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "open b\n"); /* nothing low: there was nothing */
    assert_int_equal(data_channel_set_buffered_low(pair.ends[0].layer, handle, 10000), SCTP_OK);
    for (unsigned i = 1; i <= 5; i++) {
        assert_int_equal(data_channel_send(pair.ends[0].layer, pair.now_us, handle, false, bytes, sizeof bytes), SCTP_OK);
        assert_int_equal(data_channel_buffered(pair.ends[0].layer, handle), i * sizeof bytes);
    }
    pair_run(&pair, 5 * SECOND_US);
    assert_int_equal(data_channel_buffered(pair.ends[0].layer, handle), 0);
    assert_string_equal(pair_log(&pair, 0), "low b\n");
    assert_int_equal(pair.ends[1].messages, 5);
    pair_end(&pair);
}

/* The send budget ends; SENDABLE says when to go on; memory stays bounded and everything arrives */
static void back_pressure(void **state) {
    (void)state;
    static const uint8_t bytes[50000];
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "b");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    unsigned sent = 0;
    while (sent < 400) {
        int result = data_channel_send(pair.ends[0].layer, pair.now_us, handle, false, bytes, sizeof bytes);
        if (result == SCTP_OK) {
            sent++;
            continue;
        }
        assert_int_equal(result, SCTP_ERROR_CAPACITY);
        assert_true(data_channel_buffered(pair.ends[0].layer, handle) <= SCTP_SEND_DEFAULT_BYTES);
        const char *log = "";
        for (unsigned tries = 0; tries < 1000 && !strstr(log, "sendable"); tries++) {
            pair_run(&pair, 5000);
            log = pair_log(&pair, 0);
        }
        assert_non_null(strstr(log, "sendable"));
    }
    pair_run(&pair, 60 * SECOND_US);
    assert_int_equal(pair.ends[1].messages, 400);
    pair_end(&pair);
}

/* Channels opened while the budget is spent owe their OPEN until there is room again. */
static void open_waits_for_room(void **state) {
    (void)state;
    static const uint8_t bytes[60000];
    begin_connected();
    data_channel_handle full = pair_open(&pair, 0, "full");
    while (data_channel_send(pair.ends[0].layer, pair.now_us, full, false, bytes, sizeof bytes) == SCTP_OK)
        ;
    while (data_channel_send(pair.ends[0].layer, pair.now_us, full, false, bytes, 1) == SCTP_OK)
        ;
    data_channel_handle late = pair_open(&pair, 0, "late");
    assert_int_equal(pair_send(&pair, 0, late, "x"), SCTP_ERROR_STATE);
    data_channel_handle never = pair_open(&pair, 0, "never");
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, never), SCTP_OK);
    pair_run(&pair, 30 * SECOND_US);
    const char *log = pair_log(&pair, 0);
    assert_non_null(strstr(log, "closed never: closed by us\n"));
    assert_non_null(strstr(log, "open late\n"));
    struct data_channel_info info;
    struct data_channel_layer_statistics statistics;
    assert_true(data_channel_info(pair.ends[1].layer, pair.ends[1].last_opened, &info));
    assert_string_equal(info.label, "late");
    data_channel_layer_statistics(pair.ends[1].layer, &statistics);
    assert_int_equal(statistics.opened_by_peer, 2);
    pair_end(&pair);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------------ */

static void survives_every_failure(void **state) {
    (void)state;
    for (size_t fails_after = 0; fails_after < 8; fails_after++) {
        begin_connected();
        pair.ends[0].memory.fails_after = fails_after;
        struct data_channel_config config = {.label = "x", .label_length = 1};
        data_channel_handle handle;
        int result = data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle);
        assert_true(result == SCTP_OK || result == SCTP_ERROR_MEMORY);
        pair_run(&pair, SECOND_US);
        pair.ends[0].memory.fails_after = SIZE_MAX;
        pair_run(&pair, SECOND_US);
        if (result == SCTP_OK)
            assert_int_equal(pair_send(&pair, 0, handle, "late"), SCTP_OK); /* its OPEN was owed, and paid */
        data_channel_handle second = pair_open(&pair, 0, "y");
        assert_int_equal(pair_send(&pair, 0, second, "z"), SCTP_OK);
        pair_run(&pair, SECOND_US);
        const char *log = pair_log(&pair, 1);
        assert_non_null(strstr(log, "message y text z\n"));
        assert_true((strstr(log, "message x text late\n") != NULL) == (result == SCTP_OK));
        pair_end(&pair);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens),
        cmocka_unit_test(numbers_come_with_the_role),
        cmocka_unit_test(properties),
        cmocka_unit_test(messages_before_the_ack),
        cmocka_unit_test(nothing_overtakes_the_open),
        cmocka_unit_test(negotiated),
        cmocka_unit_test(no_id),
        cmocka_unit_test(too_many),
        cmocka_unit_test(handles_do_not_come_back), cmocka_unit_test(arguments),
        cmocka_unit_test(every_number),
        cmocka_unit_test(messages),
        cmocka_unit_test(partial_messages),
        cmocka_unit_test(strays),
        cmocka_unit_test(buffered),
        cmocka_unit_test(back_pressure),
        cmocka_unit_test(open_waits_for_room),
        cmocka_unit_test(survives_every_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
