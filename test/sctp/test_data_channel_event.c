/* Data channels between two ends: closing, what becomes of them with their association, and what the peer may not do. */
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

/* ---- closing ----------------------------------------------------------------------------------------------------------------------- */

/* RFC 8831 section 6.7: what was sent arrives, then both sides reset, then the number is free; other channels run on */
static void closes(void **state) {
    (void)state;
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "c"), other = pair_open(&pair, 0, "other");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    (void)pair_log(&pair, 1);
    data_channel_handle at_peer = pair.ends[1].last_opened;
    assert_int_equal(pair_send(&pair, 0, handle, "last"), SCTP_OK);
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_OK);
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_OK);
    assert_int_equal(pair_send(&pair, 0, handle, "too late"), SCTP_ERROR_STATE);
    assert_int_equal(pair_send(&pair, 0, other, "on"), SCTP_OK);
    pair_run(&pair, 3 * SECOND_US);
    const char *log = pair_log(&pair, 1);
    assert_non_null(strstr(log, "message c text last\n"));
    assert_non_null(strstr(log, "message other text on\n"));
    assert_non_null(strstr(log, "closing c\nclosed c: closed by the peer\n"));
    assert_true(strstr(log, "last") < strstr(log, "closing c"));
    assert_string_equal(pair_log(&pair, 0), "low c\nlow other\nclosed c: closed by us\n");
    struct data_channel_info info;
    assert_false(data_channel_info(pair.ends[0].layer, handle, &info));
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_ERROR_ARGUMENT);
    assert_true(data_channel_info(pair.ends[1].layer, at_peer, &info)); /* "other" lives */
    pair_end(&pair);
}

/* A thousand channels, by both sides, opened, used and closed, with a tenth of all packets lost; numbers and memory come back. */
static void a_thousand(void **state) {
    (void)state;
    static data_channel_handle handles[40];
    struct data_channel_layer_statistics statistics;
    begin_connected();
    pair.loss_percent = 10;
    for (unsigned round = 0; round < 25; round++) {
        for (unsigned i = 0; i < 40; i++)
            handles[i] = pair_open(&pair, i % 2, "k");
        pair_run(&pair, 20000);
        for (unsigned i = 0; i < 40; i++)
            assert_int_equal(pair_send(&pair, i % 2, handles[i], "hello"), SCTP_OK);
        for (unsigned i = 0; i < 40; i++)
            (void)data_channel_close(pair.ends[i % 2].layer, pair.now_us, handles[i]);
        pair_run(&pair, 30 * SECOND_US);
        for (int end = 0; end < 2; end++) {
            data_channel_layer_statistics(pair.ends[end].layer, &statistics);
            assert_int_equal(statistics.channels, 0);
            assert_int_equal(pair.ends[end].messages, (round + 1) * 20);
        }
    }
    for (int end = 0; end < 2; end++) {
        data_channel_layer_statistics(pair.ends[end].layer, &statistics);
        assert_int_equal(statistics.opened, 500);
        assert_int_equal(statistics.opened_by_peer, 500);
        assert_int_equal(statistics.closed, 1000);
        assert_int_equal(statistics.memory_bytes, pair.ends[end].memory.bytes);
        assert_true(statistics.memory_bytes < 8192);
    }
    pair_end(&pair);
}

/* Both close at once */
static void both_close(void **state) {
    (void)state;
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "c");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    (void)pair_log(&pair, 1);
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_OK);
    assert_int_equal(data_channel_close(pair.ends[1].layer, pair.now_us, pair.ends[1].last_opened), SCTP_OK);
    pair_run(&pair, 3 * SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "closed c: closed by us\n");
    assert_string_equal(pair_log(&pair, 1), "closed c: closed by us\n");
    pair_end(&pair);
}

/* RFC 8831 section 6.7: closed, and its number free, when both directions are reset and not before */
static void one_reset_is_not_enough(void **state) {
    (void)state;
    struct data_channel_info info;
    begin_connected();
    data_channel_handle handle = pair_open(&pair, 0, "c");
    pair_run(&pair, SECOND_US);
    pair.is_cut[0] = true; /* our request is lost, the peer's comes */
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_OK);
    assert_int_equal(data_channel_close(pair.ends[1].layer, pair.now_us, pair.ends[1].last_opened), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_true(data_channel_info(pair.ends[0].layer, handle, &info));
    assert_int_equal(info.state, DATA_CHANNEL_CLOSING);
    pair.is_cut[0] = false;
    pair_run(&pair, 10 * SECOND_US);
    assert_false(data_channel_info(pair.ends[0].layer, handle, &info));
    pair_end(&pair);
}

/* The number of a closed channel serves again, ordered and from the beginning */
static void numbers_are_reused(void **state) {
    (void)state;
    struct sctp_association_config association = {.outbound_streams = 2, .inbound_streams = 2};
    pair_begin_with(&pair, &association, NULL);
    pair_run(&pair, SECOND_US);
    for (unsigned round = 0; round < 10; round++) {
        data_channel_handle handle = pair_open(&pair, 0, "r");
        for (unsigned i = 0; i < 5; i++)
            assert_int_equal(pair_send(&pair, 0, handle, "x"), SCTP_OK);
        pair_run(&pair, SECOND_US);
        assert_int_equal(pair_id(&pair, 0, handle), 0);
        assert_int_equal(pair_send(&pair, 1, pair.ends[1].last_opened, "y"), SCTP_OK);
        pair_run(&pair, SECOND_US);
        assert_int_equal(data_channel_close(pair.ends[round % 2].layer, pair.now_us, round % 2 ? pair.ends[1].last_opened : handle), SCTP_OK);
        pair_run(&pair, 5 * SECOND_US);
        assert_int_equal(pair.ends[1].messages, 5 * (round + 1));
        assert_int_equal(pair.ends[0].messages, round + 1);
    }
    pair_end(&pair);
}

/* Numbers below 1,024 first, also when others above them have been used: some peers take no others. */
static void small_numbers_first(void **state) {
    (void)state;
    enum { NEAR = 512 };
    data_channel_handle handles[NEAR + 1];
    begin_connected();
    for (unsigned i = 0; i <= NEAR; i++)
        handles[i] = pair_open(&pair, 0, "n");
    pair_run(&pair, SECOND_US);
    for (unsigned i = 0; i < NEAR; i++)
        assert_in_range(pair_id(&pair, 0, handles[i]), 0, 2 * NEAR - 1);
    assert_in_range(pair_id(&pair, 0, handles[NEAR]), 2 * NEAR, 2 * NEAR + 1);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handles[i]), SCTP_OK);
    pair_run(&pair, 10 * SECOND_US);
    assert_in_range(pair_id(&pair, 0, pair_open(&pair, 0, "again")), 0, 2 * NEAR - 1);
    pair_end(&pair);
}

/*
 * RFC 8832 section 6: who has performed the reset that we asked for may open the stream anew at once. Its OPEN comes before its answer, which got lost:
 * it says as much.
 */
static void an_open_outruns_the_answer(void **state) {
    (void)state;
    struct sctp_association_config association = {.outbound_streams = 2, .inbound_streams = 2};
    pair_begin_with(&pair, &association, NULL);
    pair_run(&pair, SECOND_US);
    data_channel_handle handle = pair_open(&pair, 0, "c");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    (void)pair_log(&pair, 1);
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_OK);
    pair_run(&pair, 7000); /* 5 ms: the request is there, its answer and the request of the other side on their way */
    pair.is_cut[0] = true;
    pair_run(&pair, 5000);
    assert_string_equal(pair_log(&pair, 0), "closed c: closed by us\n");
    assert_string_equal(pair_log(&pair, 1), "closing c\n");
    pair.is_cut[0] = false;
    handle = pair_open(&pair, 0, "d");
    assert_int_equal(pair_id(&pair, 0, handle), 0);
    assert_int_equal(pair_send(&pair, 0, handle, "hello"), SCTP_OK);
    pair_run(&pair, 3 * SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "closed c: closed by the peer\nopened d\nmessage d text hello\n");
    assert_int_equal(pair_send(&pair, 1, pair.ends[1].last_opened, "back"), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_non_null(strstr(pair_log(&pair, 0), "message d text back\n"));
    pair_end(&pair);
}

/* A number that serves again has none of what its channel before it had asked for */
static void low_marks_end_with_their_channel(void **state) {
    (void)state;
    static const uint8_t bytes[20000];
    struct sctp_association_config association = {.outbound_streams = 2, .inbound_streams = 2};
    pair_begin_with(&pair, &association, NULL);
    pair_run(&pair, SECOND_US);
    data_channel_handle handle = pair_open(&pair, 0, "c");
    pair_run(&pair, SECOND_US);
    assert_int_equal(data_channel_set_buffered_low(pair.ends[0].layer, handle, 5000), SCTP_OK);
    assert_int_equal(data_channel_send(pair.ends[0].layer, pair.now_us, handle, false, bytes, sizeof bytes), SCTP_OK);
    pair.ends[0].is_deaf = true; /* BUFFERED_LOW waits to be told while the stream is reset */
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handle), SCTP_OK);
    pair_run(&pair, 2 * SECOND_US);
    pair.ends[0].is_deaf = false;
    pair_run(&pair, 2 * SECOND_US);
    handle = pair_open(&pair, 0, "d");
    assert_int_equal(pair_id(&pair, 0, handle), 0);
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    assert_int_equal(data_channel_send(pair.ends[0].layer, pair.now_us, handle, false, bytes, 3000), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "low d\n");
    pair_end(&pair);
}

/* RFC 8841 section 6.1, MUST NOT: no message is longer than the peer takes, DATA_CHANNEL_OPEN included; at the limit it goes */
static void an_open_that_is_too_long(void **state) {
    (void)state;
    static char label[DATA_CHANNEL_LABEL_MAX_BYTES];
    memset(label, 'l', sizeof label);
    begin_connected();
    for (int beyond = -1; beyond <= 1; beyond++) {
        data_channel_layer_set_peer_message_max(pair.ends[0].layer, 300);
        struct data_channel_config config = {.label = label, .label_length = (size_t)(300 - DATA_CHANNEL_OPEN_BYTES + beyond)};
        data_channel_handle handle;
        assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_OK);
        pair_run(&pair, SECOND_US);
        const char *log = pair_log(&pair, 0);
        assert_string_equal(log, beyond <= 0 ? "open llllllllllllllllllll\n" : "closed llllllllllllllllllll: OPEN too long for the peer\n");
    }
    data_channel_layer_set_peer_message_max(pair.ends[0].layer, 0);
    struct data_channel_config config = {.label = label, .label_length = sizeof label, .protocol = label, .protocol_length = sizeof label};
    data_channel_handle handle;
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_OK);
    pair_run(&pair, 5 * SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "opened llllllllllllllllllll\nopened llllllllllllllllllll\nopened llllllllllllllllllll\n");
    pair_end(&pair);
}

/* W3C webrtc-stats, dataChannelsClosed: those that have left "open", as soon as they have; what never was open does not count */
static void counts_of_open_and_closed(void **state) {
    (void)state;
    struct data_channel_layer_statistics statistics;
    pair_begin(&pair);
    data_channel_handle never = pair_open(&pair, 0, "never"), once = pair_open(&pair, 0, "once");
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, never), SCTP_OK);
    pair_run(&pair, SECOND_US);
    data_channel_layer_statistics(pair.ends[0].layer, &statistics);
    assert_int_equal(statistics.opened, 1);
    assert_int_equal(statistics.closed, 0);
    assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, once), SCTP_OK);
    data_channel_layer_statistics(pair.ends[0].layer, &statistics);
    assert_int_equal(statistics.closed, 1); /* "closing" is not open */
    pair_run(&pair, 3 * SECOND_US);
    for (int end = 0; end < 2; end++) {
        data_channel_layer_statistics(pair.ends[end].layer, &statistics);
        assert_int_equal(statistics.opened + statistics.opened_by_peer, 1);
        assert_int_equal(statistics.closed, 1);
        assert_int_equal(statistics.channels, 0);
    }
    (void)pair_open(&pair, 0, "cut short");
    pair_run(&pair, SECOND_US);
    data_channel_layer_end(pair.ends[0].layer);
    data_channel_layer_statistics(pair.ends[0].layer, &statistics);
    assert_int_equal(statistics.closed, 2);
    pair_end(&pair);
}

static void the_association_ends(void **state) {
    (void)state;
    begin_connected();
    (void)pair_open(&pair, 0, "a");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    (void)pair_log(&pair, 1);
    assert_int_equal(sctp_association_abort(pair.ends[1].association, pair.now_us, NULL, 0), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "ended\nclosed a: association ended\n");
    assert_string_equal(pair_log(&pair, 1), "ended\nclosed a: association ended\n");
    struct data_channel_config config = {.label = "x", .label_length = 1};
    data_channel_handle handle;
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &handle), SCTP_ERROR_STATE);
    pair_end(&pair);
}

/* The peer begins anew (RFC 9260 section 5.2.4.1): what was is gone, and new channels can be opened */
static void the_peer_restarts(void **state) {
    (void)state;
    begin_connected();
    (void)pair_open(&pair, 0, "old");
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 0);
    struct channel_end *end = &pair.ends[1];
    data_channel_layer_free(end->layer);
    sctp_association_free(end->association);
    pair_make_end(&pair, 1, NULL, NULL);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "restarted\nclosed old: association restarted\n");
    (void)pair_log(&pair, 1);
    data_channel_handle handle = pair_open(&pair, 0, "new");
    assert_int_equal(pair_send(&pair, 0, handle, "hello"), SCTP_OK);
    pair_run(&pair, SECOND_US);
    assert_string_equal(pair_log(&pair, 1), "opened new\nmessage new text hello\n");
    pair_end(&pair);
}

/* RFC 3758 section 3.5, through the layer: without retransmissions messages are lost, none comes twice, and a reliable channel beside it loses none */
static void partial_reliability(void **state) {
    (void)state;
    begin_connected();
    struct data_channel_config config = {.label = "p", .label_length = 1, .is_unordered = true, .reliability = SCTP_MAX_RETRANSMITS, .limit = 0};
    data_channel_handle partial, reliable = pair_open(&pair, 0, "r");
    assert_int_equal(data_channel_open(pair.ends[0].layer, pair.now_us, &config, &partial), SCTP_OK);
    pair_run(&pair, SECOND_US);
    pair.loss_percent = 20;
    for (int i = 0; i < 300; i++) {
        assert_int_equal(pair_send(&pair, 0, partial, "p"), SCTP_OK);
        pair_run(&pair, 2000);
        assert_int_equal(pair_send(&pair, 0, reliable, "r"), SCTP_OK);
        pair_run(&pair, 2000);
    }
    pair.loss_percent = 0;
    pair_run(&pair, 60 * SECOND_US);
    assert_int_equal(pair.ends[1].opened_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct data_channel_info info;
        assert_true(data_channel_info(pair.ends[1].layer, pair.ends[1].opened[i], &info));
        if (info.label[0] == 'r')
            assert_int_equal(info.messages_received, 300);
        else
            assert_true(info.messages_received > 150 && info.messages_received < 295);
    }
    pair_end(&pair);
}

/* RFC 8260: with I-DATA a small message of one channel does not wait for a large one of another */
static void interleaving(void **state) {
    (void)state;
    static const uint8_t bytes[200000];
    struct sctp_association_config association = {.wants_interleaving = true};
    pair_begin_with(&pair, &association, NULL);
    data_channel_handle large = pair_open(&pair, 0, "large"), small = pair_open(&pair, 0, "small");
    data_channel_layer_set_peer_message_max(pair.ends[0].layer, 262144);
    pair_run(&pair, SECOND_US);
    (void)pair_log(&pair, 1);
    assert_int_equal(data_channel_send(pair.ends[0].layer, pair.now_us, large, false, bytes, sizeof bytes), SCTP_OK);
    assert_int_equal(pair_send(&pair, 0, small, "hello"), SCTP_OK);
    pair_run(&pair, 6000);
    assert_string_equal(pair_log(&pair, 1), "message small text hello\n");
    pair_run(&pair, 10 * SECOND_US);
    assert_int_equal(pair.ends[1].last_length, sizeof bytes);
    pair_end(&pair);
}

/*
 * RFC 8260: more large messages at a time than the peer's budget could hold unfinished; begun all together they would fill it, and none could
 * end. They take turns, and a small one still waits for none.
 */
static void interleaved_within_the_window(void **state) {
    (void)state;
    static const uint8_t bytes[262144];
    struct sctp_association_config association = {.wants_interleaving = true, .send_bytes = 16 << 20};
    pair_begin_with(&pair, &association, NULL);
    data_channel_layer_set_peer_message_max(pair.ends[0].layer, sizeof bytes);
    data_channel_handle handles[32], small = pair_open(&pair, 0, "small");
    for (int i = 0; i < 32; i++)
        handles[i] = pair_open(&pair, 0, "large");
    pair_run(&pair, SECOND_US);
    for (int i = 0; i < 32; i++)
        assert_int_equal(data_channel_send(pair.ends[0].layer, pair.now_us, handles[i], false, bytes, sizeof bytes), SCTP_OK);
    pair_run(&pair, SECOND_US / 50);
    (void)pair_log(&pair, 1);
    assert_int_equal(pair_send(&pair, 0, small, "hello"), SCTP_OK);
    pair_run(&pair, SECOND_US / 20);
    assert_non_null(strstr(pair.ends[1].log, "small text hello"));
    pair.loss_percent = 1;
    pair_run(&pair, 60 * SECOND_US);
    assert_int_equal(pair.ends[1].messages, 33);
    for (int i = 0; i < 32; i++)
        assert_int_equal(data_channel_close(pair.ends[0].layer, pair.now_us, handles[i]), SCTP_OK);
    pair_run(&pair, 10 * SECOND_US);
    pair_end(&pair);
}

/* ---- a peer that breaks the rules -------------------------------------------------------------------------------------------------- */

static void send_open_raw(uint16_t stream, const char *label) {
    struct data_channel_open_message open = {.label = label, .label_length = strlen(label), .protocol = ""};
    uint8_t bytes[64];
    int length = data_channel_write_open(&open, bytes, sizeof bytes);
    assert_true(length > 0);
    assert_int_equal(pair_send_raw(&pair, 0, stream, DATA_CHANNEL_PPID_CONTROL, bytes, (size_t)length), SCTP_OK);
    pair_run(&pair, 3 * SECOND_US);
}

/* RFC 8832 section 6, MUST: an OPEN with the wrong parity is answered by a reset, not by an ACK */
static void wrong_parity(void **state) {
    (void)state;
    struct data_channel_layer_statistics statistics;
    begin_connected();
    send_open_raw(3, "x");
    data_channel_layer_statistics(pair.ends[1].layer, &statistics);
    assert_int_equal(statistics.declined, 1);
    assert_int_equal(statistics.channels, 0);
    assert_string_equal(pair_log(&pair, 1), "");
    data_channel_layer_statistics(pair.ends[0].layer, &statistics);
    assert_int_equal(statistics.messages_dropped, 0); /* no ACK came */
    send_open_raw(4, "good");
    assert_string_equal(pair_log(&pair, 1), "opened good\n");
    pair_end(&pair);
}

/* Likewise an OPEN on a stream in use: its channel is closed, as far as we are concerned; and one that is cut, or of an unknown type */
static void bad_opens(void **state) {
    (void)state;
    struct data_channel_layer_statistics statistics;
    begin_connected();
    send_open_raw(4, "twice");
    send_open_raw(4, "twice");
    assert_string_equal(pair_log(&pair, 1), "opened twice\n");
    struct data_channel_info info;
    assert_true(data_channel_info(pair.ends[1].layer, pair.ends[1].last_opened, &info));
    assert_int_equal(info.state, DATA_CHANNEL_CLOSING); /* its number is not free before the peer has reset its stream */
    static const uint8_t cut[] = {3, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 'a'}, unknown[] = {3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(pair_send_raw(&pair, 0, 6, DATA_CHANNEL_PPID_CONTROL, cut, sizeof cut), SCTP_OK);
    assert_int_equal(pair_send_raw(&pair, 0, 8, DATA_CHANNEL_PPID_CONTROL, unknown, sizeof unknown), SCTP_OK);
    pair_run(&pair, SECOND_US);
    data_channel_layer_statistics(pair.ends[1].layer, &statistics);
    assert_int_equal(statistics.declined, 3);
    assert_int_equal(statistics.channels, 1);
    pair_end(&pair);
}

/* A peer that declines ours: CLOSED by the peer */
static void declined(void **state) {
    (void)state;
    begin_connected();
    struct data_channel_config config = {.label = "squatter", .label_length = 8, .is_negotiated = true, .id = 0};
    data_channel_handle handle;
    assert_int_equal(data_channel_open(pair.ends[1].layer, pair.now_us, &config, &handle), SCTP_OK);
    (void)pair_open(&pair, 0, "x");
    pair_run(&pair, 3 * SECOND_US);
    assert_string_equal(pair_log(&pair, 0), "open x\nclosing x\nclosed x: closed by the peer\n");
    assert_string_equal(pair_log(&pair, 1), "open squatter\nclosed squatter: protocol violation\n");
    pair_end(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes),
        cmocka_unit_test(a_thousand),
        cmocka_unit_test(both_close),
        cmocka_unit_test(one_reset_is_not_enough),
        cmocka_unit_test(numbers_are_reused),
        cmocka_unit_test(small_numbers_first),
        cmocka_unit_test(the_association_ends),
        cmocka_unit_test(the_peer_restarts),
        cmocka_unit_test(partial_reliability),
        cmocka_unit_test(interleaving), cmocka_unit_test(an_open_outruns_the_answer), cmocka_unit_test(low_marks_end_with_their_channel),
        cmocka_unit_test(an_open_that_is_too_long), cmocka_unit_test(counts_of_open_and_closed),
        cmocka_unit_test(interleaved_within_the_window),
        cmocka_unit_test(wrong_parity),
        cmocka_unit_test(bad_opens),
        cmocka_unit_test(declined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
