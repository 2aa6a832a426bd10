/* Data channels between two connections: W3C webrtc section 6, RFC 8831, 8832, 8841, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/peer/peer_connection_internal.h"
#include "connection_pair.h"
#include "failing_allocator.h"

#define CHANNEL_MAX 8
#define MESSAGE_MAX 64

/* What one end has heard of its channels. */
struct heard {
    size_t channels[CHANNEL_MAX]; /* that the peer has created */
    size_t channel_count;
    unsigned open, messages, low, closing, closed, sendable;
    enum data_channel_reason reason;
    size_t last_channel, last_length, total;
    bool last_is_text, is_broken;
    bool echoes;
    uint8_t *last;
};

static struct connection_pair pair;
static struct heard heard[2];

static uint8_t byte_of(size_t length, size_t i) {
    return (uint8_t)(length * 7 + i * 31 + (i >> 8));
}

static void make_message(uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_of(length, i);
}

static void take_message(struct connection_pair *from, int end, const struct peer_connection_event *event) {
    struct heard *h = &heard[end];
    h->messages++;
    h->last_channel = event->as.message.channel;
    h->last_length = event->as.message.length;
    h->last_is_text = event->as.message.is_text;
    h->total += h->last_length;
    for (size_t i = 0; i < h->last_length; i++)
        h->is_broken |= event->as.message.bytes[i] != byte_of(h->last_length, i);
    if (!h->echoes)
        return;
    /* the view ends with the next call */
    uint8_t *copy = malloc(h->last_length + 1);
    memcpy(copy, event->as.message.bytes, h->last_length);
    assert_int_equal(peer_connection_send_data(from->ends[end].connection, from->now_us, h->last_channel, copy, h->last_length, h->last_is_text), PEER_OK);
    free(copy);
}

static void take(struct connection_pair *from, int end, const struct peer_connection_event *event) {
    struct heard *h = &heard[end];
    switch (event->type) {
    case PEER_CONNECTION_EVENT_DATA_CHANNEL:
        assert_true(h->channel_count < CHANNEL_MAX);
        h->channels[h->channel_count++] = event->as.channel;
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN: h->open++; break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE: take_message(from, end, event); break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_BUFFERED_LOW: h->low++; break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSING: h->closing++; break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_CLOSED:
        h->closed++;
        h->reason = event->as.channel_closed.reason;
        break;
    case PEER_CONNECTION_EVENT_DATA_SENDABLE: h->sendable++; break;
    default: break;
    }
}

static void start(bool has_media, enum peer_bundle_policy policy) {
    memset(heard, 0, sizeof heard);
    assert_true(connection_pair_start_with(&pair, 1, NULL, has_media, policy));
    pair.take_data = take;
}

static struct peer_connection *at(int end) {
    return pair.ends[end].connection;
}

static size_t create(int end, const struct peer_data_channel_config *config) {
    size_t channel = 0;
    assert_int_equal(peer_connection_create_data_channel(at(end), pair.now_us, config, &channel), PEER_OK);
    connection_pair_drain(&pair, end);
    return channel;
}

static const struct peer_data_channel_config chat = {.label = "chat", .label_length = 4, .protocol = "p", .protocol_length = 1};

static void run(uint64_t us) {
    connection_pair_run(&pair, pair.now_us + us);
}

static struct peer_data_channel facts_of(int end, size_t channel) {
    struct peer_data_channel facts;
    assert_true(peer_connection_data_channel(at(end), channel, &facts));
    return facts;
}

static int send_message(int end, size_t channel, size_t length, bool is_text) {
    uint8_t *bytes = malloc(length + 1);
    make_message(bytes, length);
    int error = peer_connection_send_data(at(end), pair.now_us, channel, bytes, length, is_text);
    free(bytes);
    connection_pair_drain(&pair, end);
    return error;
}

static size_t connect_one(bool has_media, enum peer_bundle_policy policy) {
    start(has_media, policy);
    size_t channel = create(0, &chat);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(2000000);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    assert_int_equal(heard[0].open, 1);
    assert_int_equal(heard[1].channel_count, 1);
    return channel;
}

static void stop(void) {
    connection_pair_stop(&pair);
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------- */

/* W3C webrtc section 4.7.3: the first channel asks for negotiation, the next do not. RFC 9429 section 5.2.1, RFC 8841 sections 5 and 6: the section. */
static void test_the_section(void **state) {
    (void)state;
    start(false, PEER_BUNDLE_BALANCED);
    assert_int_equal(pair.ends[0].negotiation_needed, 0);
    create(0, &chat);
    create(0, &chat);
    assert_int_equal(pair.ends[0].negotiation_needed, 1);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 0, PEER_LOCAL), PEER_OK);
    assert_non_null(strstr(pair.text, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert_non_null(strstr(pair.text, "a=sctp-port:5000\r\n"));
    assert_non_null(strstr(pair.text, "a=max-message-size:262144\r\n"));
    assert_null(strstr(pair.text, "m=audio"));
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    create(0, &chat);
    create(1, &chat);
    assert_int_equal(pair.ends[0].negotiation_needed, 1);
    assert_int_equal(pair.ends[1].negotiation_needed, 0);
    run(2000000);
    assert_int_equal(heard[0].open, 3);
    assert_int_equal(heard[1].open, 1);
    assert_int_equal(heard[0].channel_count, 1);
    assert_int_equal(heard[1].channel_count, 3);
    /* RFC 9429 section 5.2.2: the section stays, with its mid and its transport */
    assert_int_equal(connection_pair_describe_from(&pair, 1), PEER_OK);
    assert_int_equal(connection_pair_read(&pair, 1, PEER_LOCAL), PEER_OK);
    assert_non_null(strstr(pair.text, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    run(500000);
    assert_int_equal(heard[0].closed + heard[1].closed, 0);
    stop();
}

/* RFC 9429 section 5.2.1: behind the sections of media; a round later than they, too. */
static void test_beside_media(void **state) {
    (void)state;
    start(true, PEER_BUNDLE_MAX_BUNDLE);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(2000000);
    size_t channel = create(0, &chat);
    assert_int_equal(pair.ends[0].negotiation_needed, 2);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(1000000);
    assert_int_equal(heard[0].open, 1);
    assert_int_equal(send_message(0, channel, 3000, false), PEER_OK);
    run(500000);
    assert_int_equal(heard[1].messages, 1);
    assert_false(heard[1].is_broken);
    stop();
}

/* RFC 9429 section 4.1.1: with every policy. */
static void test_policies(void **state) {
    (void)state;
    static const enum peer_bundle_policy policies[] = {PEER_BUNDLE_BALANCED, PEER_BUNDLE_MAX_COMPAT, PEER_BUNDLE_MAX_BUNDLE};
    for (size_t i = 0; i < 3; i++) {
        size_t channel = connect_one(true, policies[i]);
        assert_int_equal(send_message(0, channel, 10, true), PEER_OK);
        run(500000);
        assert_int_equal(heard[1].messages, 1);
        assert_true(heard[1].last_is_text);
        stop();
    }
}

/* RFC 9429 section 5.7: what was asked for is asked for again after a rollback. */
static void test_rollback(void **state) {
    (void)state;
    start(false, PEER_BUNDLE_BALANCED);
    size_t channel = create(0, &chat);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ROLLBACK), PEER_OK);
    assert_int_equal(pair.ends[0].negotiation_needed, 2);
    assert_int_equal(facts_of(0, channel).state, DATA_CHANNEL_CONNECTING);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(2000000);
    assert_int_equal(heard[0].open, 1);
    stop();
}

/* Gives end `to` what the other has set, with the first `what` in it changed to `with`. */
static void give_changed(int from, enum peer_sdp_type type, const char *what, const char *with) {
    static char changed[CONNECTION_PAIR_TEXT_BYTES];
    assert_int_equal(connection_pair_read(&pair, from, PEER_LOCAL), PEER_OK);
    char *found = strstr(pair.text, what);
    assert_non_null(found);
    int length = snprintf(changed, sizeof changed, "%.*s%s%s", (int)(found - pair.text), pair.text, with, found + strlen(what));
    assert_int_equal(peer_connection_set_remote_description(at(1 - from), pair.now_us, type, changed, (size_t)length, NULL), PEER_OK);
    connection_pair_drain(&pair, 1 - from);
}

/* RFC 9429 section 5.10, RFC 3264 section 6: a section that the peer refuses takes its channels with it; the next channel asks anew. */
static void test_refused(void **state) {
    (void)state;
    start(true, PEER_BUNDLE_MAX_BUNDLE);
    size_t channel = create(0, &chat);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    give_changed(0, PEER_SDP_OFFER, "webrtc-datachannel", "unheard-of");
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    give_changed(1, PEER_SDP_ANSWER, "unheard-of", "webrtc-datachannel");
    assert_int_equal(heard[0].closed, 1);
    assert_int_equal(heard[0].reason, DATA_CHANNEL_CLOSED_ASSOCIATION);
    struct peer_data_channel facts;
    assert_false(peer_connection_data_channel(at(0), channel, &facts));
    assert_int_equal(send_message(0, channel, 1, false), PEER_ERROR_NOT_FOUND);
    run(2000000);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    unsigned asked = pair.ends[0].negotiation_needed;
    create(0, &chat);
    assert_int_equal(pair.ends[0].negotiation_needed, asked + 1);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(1000000);
    assert_int_equal(heard[0].open, 1);
    assert_int_equal(heard[1].channel_count, 1);
    stop();
}

/* RFC 8841 section 6.1: 65,536 when the peer does not say, at limit - 1, limit, limit + 1; ours is 262,144, and a later description may change it. */
static void test_max_message_size(void **state) {
    (void)state;
    static uint8_t bytes[65537];
    make_message(bytes, sizeof bytes);
    start(false, PEER_BUNDLE_BALANCED);
    size_t channel = create(0, &chat);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    give_changed(1, PEER_SDP_ANSWER, "a=max-message-size:262144\r\n", "");
    run(2000000);
    assert_int_equal(facts_of(0, channel).max_message_bytes, 65536);
    assert_int_equal(send_message(0, channel, 65535, false), PEER_OK);
    assert_int_equal(send_message(0, channel, 65536, false), PEER_OK);
    assert_int_equal(send_message(0, channel, 65537, false), PEER_ERROR_ARGUMENT);
    run(2000000);
    assert_int_equal(heard[1].messages, 2);
    assert_int_equal(facts_of(1, heard[1].channels[0]).max_message_bytes, 262144);
    stop();
}

/* ---- messages ------------------------------------------------------------------------------------------------------------ */

/* No Nagle: each message of 64 bytes is one datagram, in the drain of its send, though none before has been acknowledged. */
static void test_leaves_at_once(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED);
    run(1000000);
    for (uint64_t i = 0; i < 10; i++) {
        uint64_t sent = pair.sent;
        assert_int_equal(send_message(0, channel, 64, false), PEER_OK);
        assert_int_equal(pair.sent, sent + 1);
    }
    assert_int_equal(heard[1].messages, 0);
    run(pair.delay_us);
    assert_int_equal(heard[1].messages, 10);
    assert_false(heard[1].is_broken);
    stop();
}

/* RFC 8831 section 6.6: text and binary, empty, 1 byte to 256 KiB, there and back, byte for byte. */
static void test_echo(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 1100, 1200, 16384, 65536, 262143, 262144};
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED);
    heard[1].echoes = true;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        assert_int_equal(send_message(0, channel, lengths[i], i % 2 == 0), PEER_OK);
        run(2000000);
        assert_int_equal(heard[0].messages, i + 1);
        assert_int_equal(heard[0].last_length, lengths[i]);
        assert_int_equal(heard[0].last_is_text, i % 2 == 0);
    }
    assert_false(heard[0].is_broken);
    assert_int_equal(send_message(0, channel, 262145, false), PEER_ERROR_ARGUMENT);
    stop();
}

/* RFC 9260 section 6.3: what is lost comes again, in its order, once. */
static void test_loss(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED);
    pair.data_loss = 0.1;
    for (int i = 0; i < 20; i++)
        assert_int_equal(send_message(0, channel, 20000, false), PEER_OK);
    run(60000000);
    assert_int_equal(heard[1].messages, 20);
    assert_int_equal(heard[1].total, 400000);
    assert_false(heard[1].is_broken);
    stop();
}

/* W3C webrtc section 6.2: what an end said of the channel is what the other reads. RFC 8832 section 6: ids by the role in DTLS. */
static void test_properties(void **state) {
    (void)state;
    start(false, PEER_BUNDLE_BALANCED);
    struct peer_data_channel_config configs[] = {
        {.label = "a", .label_length = 1, .has_max_retransmits = true, .max_retransmits = 3, .priority = 512},
        {.is_unordered = true, .has_max_packet_life_time = true, .max_packet_life_time_ms = 65535, .protocol = "x.y", .protocol_length = 3},
    };
    size_t channels[2] = {create(0, &configs[0]), create(0, &configs[1])};
    assert_int_equal(facts_of(0, channels[0]).id, DATA_CHANNEL_ID_NONE);
    assert_int_equal(send_message(0, channels[0], 1, false), PEER_ERROR_STATE);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(2000000);
    assert_int_equal(heard[1].channel_count, 2);
    for (int end = 0; end < 2; end++) {
        struct peer_data_channel one = facts_of(end, end == 0 ? channels[0] : heard[1].channels[0]), two = facts_of(end, end == 0 ? channels[1] : heard[1].channels[1]);
        assert_int_equal(one.is_of_peer, end == 1);
        assert_int_equal(one.state, DATA_CHANNEL_OPEN);
        assert_string_equal(one.label, "a");
        assert_true(one.has_max_retransmits && !one.has_max_packet_life_time && !one.is_unordered && !one.is_negotiated);
        assert_int_equal(one.max_retransmits, 3);
        assert_int_equal(one.priority, 512);
        assert_string_equal(two.label, "");
        assert_string_equal(two.protocol, "x.y");
        assert_true(two.has_max_packet_life_time && two.is_unordered);
        assert_int_equal(two.max_packet_life_time_ms, 65535);
        /* end 0 has offered actpass, end 1 answers active: the server's numbers are odd */
        assert_int_equal(one.id, 1);
        assert_int_equal(two.id, 3);
    }
    stop();
}

/* W3C webrtc section 6.1: both create it with the same id, and nobody hears of it in-band. */
static void test_negotiated(void **state) {
    (void)state;
    struct peer_data_channel_config config = {.label = "n", .label_length = 1, .is_negotiated = true, .id = 7};
    start(false, PEER_BUNDLE_BALANCED);
    size_t ours = create(0, &config), theirs = create(1, &config), other;
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &config, &other), PEER_ERROR_STATE);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(2000000);
    assert_int_equal(heard[0].open, 1);
    assert_int_equal(heard[1].open, 1);
    assert_int_equal(heard[0].channel_count + heard[1].channel_count, 0);
    assert_int_equal(send_message(0, ours, 5, false), PEER_OK);
    assert_int_equal(send_message(1, theirs, 6, false), PEER_OK);
    run(500000);
    assert_int_equal(heard[1].last_length, 5);
    assert_int_equal(heard[0].last_length, 6);
    stop();
}

/* W3C webrtc sections 6.1 and 6.2: what is refused, and nothing comes of it. */
static void test_arguments(void **state) {
    (void)state;
    static char text[DATA_CHANNEL_LABEL_MAX_BYTES + 1];
    size_t channel;
    memset(text, 'a', sizeof text);
    struct peer_data_channel_config both = {.has_max_packet_life_time = true, .has_max_retransmits = true};
    struct peer_data_channel_config beyond = {.is_negotiated = true, .id = 65535};
    struct peer_data_channel_config longer = {.label = text, .label_length = sizeof text}, longest = {.label = text, .label_length = sizeof text - 1};
    struct peer_data_channel_config broken = {.label = "\xff", .label_length = 1};
    start(false, PEER_BUNDLE_BALANCED);
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &both, &channel), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &beyond, &channel), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &longer, &channel), PEER_ERROR_ARGUMENT);
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &broken, &channel), PEER_ERROR_ARGUMENT);
    connection_pair_drain(&pair, 0);
    assert_int_equal(pair.ends[0].negotiation_needed, 0);
    create(0, &longest);
    for (unsigned i = 1; i < DATA_CHANNEL_COUNT_DEFAULT; i++)
        create(0, &chat);
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &chat, &channel), PEER_ERROR_CAPACITY);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, 12345678), PEER_ERROR_NOT_FOUND);
    assert_int_equal(peer_connection_set_buffered_low(at(0), 12345678, 1), PEER_ERROR_NOT_FOUND);
    stop();
}

/* W3C webrtc section 6.2: bufferedAmount grows with send, and its fall is told once; the buffer is bounded, and says when there is room. */
static void test_buffered(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED);
    assert_int_equal(peer_connection_set_buffered_low(at(0), channel, 1000), PEER_OK);
    assert_int_equal(facts_of(0, channel).buffered_low_bytes, 1000);
    unsigned taken = 0;
    while (send_message(0, channel, 100000, false) == PEER_OK)
        assert_true(++taken < 20);
    assert_int_equal(taken, SCTP_SEND_DEFAULT_BYTES / 100000);
    assert_true(facts_of(0, channel).buffered_bytes > 500000);
    assert_int_equal(heard[0].sendable, 0);
    run(5000000);
    assert_int_equal(heard[0].sendable, 1);
    assert_int_equal(heard[0].low, 1);
    assert_int_equal(facts_of(0, channel).buffered_bytes, 0);
    assert_int_equal(heard[1].messages, taken);
    stop();
}

/* ---- the end --------------------------------------------------------------------------------------------------------------- */

/* RFC 9260 section 6.2: while one end is held the window closes, and the other end waits with what it has; then all of it comes, and the close after it. */
static void test_held(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED), sent = 0;
    peer_connection_hold_data(at(1), true);
    for (int i = 0; i < 20; i++) {
        while (send_message(0, channel, 65536, false) == PEER_OK)
            sent++;
        run(1000000);
    }
    assert_int_equal(heard[1].messages, 0);
    assert_true(sent > 0 && sent * 65536 < 2 * (SCTP_SEND_DEFAULT_BYTES + SCTP_RECEIVE_DEFAULT_BYTES));
    assert_true(facts_of(0, channel).buffered_bytes > 0);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, channel), PEER_OK);
    run(60000000); /* the peer lives: it acknowledges probes of the window */
    assert_int_equal(heard[0].closed, 0);
    peer_connection_hold_data(at(1), false);
    connection_pair_drain(&pair, 1);
    run(60000000);
    assert_int_equal(heard[1].messages, sent);
    assert_false(heard[1].is_broken);
    assert_int_equal(heard[0].closed, 1);
    assert_int_equal(heard[1].closed, 1);
    stop();
}

/* RFC 8831 section 6.7: what was sent before close arrives; both ends hear CLOSED; the others go on. */
static void test_close(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED), other = create(0, &chat);
    run(500000);
    assert_int_equal(send_message(0, channel, 200000, false), PEER_OK);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, channel), PEER_OK);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, channel), PEER_OK);
    connection_pair_drain(&pair, 0);
    assert_int_equal(facts_of(0, channel).state, DATA_CHANNEL_CLOSING);
    run(2000000);
    assert_int_equal(heard[1].messages, 1);
    assert_int_equal(heard[1].closing, 1);
    assert_int_equal(heard[0].closed, 1);
    assert_int_equal(heard[1].closed, 1);
    assert_int_equal(heard[0].reason, DATA_CHANNEL_CLOSED_BY_US);
    assert_int_equal(heard[1].reason, DATA_CHANNEL_CLOSED_BY_PEER);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, channel), PEER_ERROR_NOT_FOUND);
    assert_int_equal(send_message(0, other, 9, false), PEER_OK);
    run(500000);
    assert_int_equal(heard[1].messages, 2);
    stop();
}

/* W3C webrtc section 4.4.1, close: here without an event; there every channel hears CLOSED, and then the connection that the peer has gone. */
static void test_connection_close(void **state) {
    (void)state;
    size_t channel = connect_one(true, PEER_BUNDLE_MAX_BUNDLE);
    peer_connection_close(at(0), pair.now_us);
    assert_int_equal(facts_of(0, channel).state, DATA_CHANNEL_CLOSED);
    assert_int_equal(peer_connection_create_data_channel(at(0), pair.now_us, &chat, &channel), PEER_ERROR_STATE);
    connection_pair_drain(&pair, 0);
    run(500000);
    assert_int_equal(heard[0].closed, 0);
    assert_int_equal(heard[1].closed, 1);
    assert_int_equal(heard[1].reason, DATA_CHANNEL_CLOSED_ASSOCIATION);
    assert_int_equal(pair.ends[1].closed_by_peer, 1);
    stop();
}

/* RFC 8842 section 5.5: new credentials of ICE leave DTLS, and so the association, as it is. */
static void test_ice_restart(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED);
    assert_int_equal(peer_connection_restart_ice(at(0), pair.now_us), PEER_OK);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    assert_int_equal(send_message(0, channel, 50000, false), PEER_OK);
    run(2000000);
    assert_int_equal(heard[1].messages, 1);
    assert_int_equal(heard[0].closed + heard[1].closed, 0);
    stop();
}

/* A section that the peer offers with port 0 from now on: its channels end, and media does not. */
static void test_taken_away(void **state) {
    (void)state;
    connect_one(true, PEER_BUNDLE_MAX_BUNDLE);
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_OFFER), PEER_OK);
    give_changed(1, PEER_SDP_OFFER, "m=application 9", "m=application 0");
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 0), PEER_OK);
    run(500000);
    assert_int_equal(heard[0].closed, 1);
    assert_int_equal(heard[1].closed, 1);
    assert_int_equal(pair.ends[0].state, PEER_CONNECTION_CONNECTED);
    assert_int_equal(pair.ends[1].state, PEER_CONNECTION_CONNECTED);
    stop();
}

/* Which transport the section of data channels has at this end: its index. */
static size_t transport_of_channels(int end) {
    size_t transport = PEER_TRANSPORT_MAX;
    const struct peer_transport_entry *entry = peer_channels_transport(at(end));
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        if (entry && at(end)->transports[i] == entry)
            transport = i;
    return transport;
}

/*
 * A section that had a transport of its own, and joins a BUNDLE in a later offer of the peer (RFC 9143 section 7.5): it moves to another DTLS association, and
 * what ran over the old one is over: its channels end, the next ones are of another association, and media on the transport that stays never stops. Offers of ours
 * leave sections where they are (RFC 9429 section 5.2.2), so the peer is the first end with another text.
 */
static void test_moved(void **state) {
    (void)state;
    start(true, PEER_BUNDLE_MAX_COMPAT);
    pair.media_from_us = pair.now_us + 2000000;
    size_t channel = create(0, &chat);
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    give_changed(0, PEER_SDP_OFFER, "a=group:BUNDLE", "a=unheard-of:BUNDLE");
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    assert_int_equal(connection_pair_give_description(&pair, 1), PEER_OK);
    run(3000000);
    for (int end = 0; end < 2; end++) {
        assert_int_equal(pair.ends[end].state, PEER_CONNECTION_CONNECTED);
        assert_int_equal(transport_of_channels(end), 2);
    }
    assert_int_equal(send_message(0, channel, 5000, false), PEER_OK);
    run(500000);
    assert_int_equal(heard[1].messages, 1);

    uint32_t frames = pair.ends[1].frames_received[CONNECTION_PAIR_AUDIO];
    assert_int_equal(connection_pair_set_local(&pair, 0, PEER_SDP_OFFER), PEER_OK);
    give_changed(0, PEER_SDP_OFFER, "t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0 1 2\r\n");
    assert_int_equal(connection_pair_set_local(&pair, 1, PEER_SDP_ANSWER), PEER_OK);
    connection_pair_drain(&pair, 1);
    assert_int_equal(transport_of_channels(1), 0);
    assert_int_equal(heard[1].closed, 1);
    assert_int_equal(heard[1].reason, DATA_CHANNEL_CLOSED_ASSOCIATION);
    assert_int_equal(send_message(1, heard[1].channels[0], 1, false), PEER_ERROR_NOT_FOUND);
    channel = create(1, &chat);
    run(2000000);
    assert_int_equal(facts_of(1, channel).state, DATA_CHANNEL_CONNECTING); /* the first end has not moved: nobody answers its INIT */
    assert_true(pair.ends[1].frames_received[CONNECTION_PAIR_AUDIO] > frames + 50);
    assert_int_equal(pair.ends[1].broken_frames[CONNECTION_PAIR_AUDIO], 0);
    stop();
}

static void assert_counts(int end, uint64_t opened, uint64_t closed) {
    struct peer_statistics statistics;
    size_t cursor = 0, found = 0;
    while (peer_connection_statistics(at(end), &cursor, &statistics)) {
        if (statistics.type != PEER_STATISTICS_PEER_CONNECTION)
            continue;
        found++;
        assert_int_equal(statistics.as.peer_connection.data_channels_opened, opened);
        assert_int_equal(statistics.as.peer_connection.data_channels_closed, closed);
    }
    assert_int_equal(found, 1);
}

/* How many; *last: one of them. */
static size_t channels_of(int end, struct peer_statistics *last) {
    struct peer_statistics statistics;
    size_t cursor = 0, found = 0;
    while (peer_connection_statistics(at(end), &cursor, &statistics)) {
        if (statistics.type != PEER_STATISTICS_DATA_CHANNEL)
            continue;
        found++;
        *last = statistics;
    }
    return found;
}

/* W3C webrtc-stats: RTCDataChannelStats, all members, and the two counters of RTCPeerConnectionStats. */
static void test_statistics(void **state) {
    (void)state;
    size_t channel = connect_one(false, PEER_BUNDLE_BALANCED);
    assert_int_equal(send_message(0, channel, 77, false), PEER_OK);
    assert_int_equal(send_message(0, channel, 0, true), PEER_OK);
    run(1000000);
    assert_int_equal(send_message(1, heard[1].channels[0], 5, true), PEER_OK);
    run(1000000);
    for (int end = 0; end < 2; end++) {
        assert_counts(end, 1, 0);
        struct peer_statistics one;
        assert_int_equal(channels_of(end, &one), 1);
        assert_true(one.id[0] != 0);
        assert_string_equal(one.as.data_channel.label, "chat");
        assert_string_equal(one.as.data_channel.protocol, "p");
        assert_string_equal(one.as.data_channel.state, "open");
        assert_int_equal(one.as.data_channel.data_channel_identifier, facts_of(end, end == 0 ? channel : heard[1].channels[0]).id);
        assert_int_equal(one.as.data_channel.messages_sent, end == 0 ? 2 : 1);
        assert_int_equal(one.as.data_channel.bytes_sent, end == 0 ? 77 : 5);
        assert_int_equal(one.as.data_channel.messages_received, end == 0 ? 1 : 2);
        assert_int_equal(one.as.data_channel.bytes_received, end == 0 ? 5 : 77);
    }
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, channel), PEER_OK);
    struct peer_statistics closing;
    assert_int_equal(channels_of(0, &closing), 1);
    assert_string_equal(closing.as.data_channel.state, "closing");
    assert_counts(0, 1, 1); /* it has left "open" */
    run(2000000);
    size_t never = create(0, &chat);
    run(2000000);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, never), PEER_OK);
    run(2000000);
    for (int end = 0; end < 2; end++) {
        struct peer_statistics none;
        assert_int_equal(channels_of(end, &none), 0);
        assert_counts(end, 2, 2);
    }
    stop();
}

/* What was closed before it was open is in neither counter; the end of the connection closes the others. */
static void test_statistics_of_the_end(void **state) {
    (void)state;
    start(false, PEER_BUNDLE_BALANCED);
    size_t never = create(0, &chat);
    assert_int_equal(peer_connection_close_data_channel(at(0), pair.now_us, never), PEER_OK);
    connection_pair_drain(&pair, 0);
    (void)create(0, &chat);
    assert_int_equal(connection_pair_describe(&pair), PEER_OK);
    run(2000000);
    assert_counts(0, 1, 0);
    peer_connection_close(at(0), pair.now_us);
    connection_pair_drain(&pair, 0);
    run(1000000);
    assert_counts(0, 1, 1);
    assert_counts(1, 1, 1);
    stop();
}

/* ---- memory --------------------------------------------------------------------------------------------------------------------- */

/* One round of everything. */
static void use_a_channel(void) {
    size_t channel = 0;
    if (peer_connection_create_data_channel(at(0), pair.now_us, &chat, &channel) != PEER_OK)
        return;
    connection_pair_drain(&pair, 0);
    if (connection_pair_describe(&pair) != PEER_OK)
        return;
    run(500000);
    if (send_message(0, channel, 20000, false) == PEER_OK)
        run(300000);
    (void)peer_connection_close_data_channel(at(0), pair.now_us, channel);
    run(300000);
}

/* The n-th allocation fails, for every n until all goes well: an error or a delay, never a crash, never a leak; nothing that arrives is broken. */
static void test_allocation_failures(void **state) {
    (void)state;
    bool is_through = false;
    unsigned survived = 0;
    for (size_t n = 1; n < 400 && !is_through; n++) {
        struct failing_allocator failing = {.fail_at = n};
        struct ice_allocator allocator = failing_allocator_of(&failing);
        memset(heard, 0, sizeof heard);
        if (connection_pair_start(&pair, 13, &allocator, false)) {
            pair.take_data = take;
            use_a_channel();
            is_through = failing.calls < n;
            survived += heard[1].messages == 1;
            assert_false(heard[1].is_broken);
            connection_pair_stop(&pair);
        }
        assert_int_equal(failing.live, 0);
    }
    assert_true(is_through);
    assert_true(survived > 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_section),
        cmocka_unit_test(test_beside_media),
        cmocka_unit_test(test_policies),
        cmocka_unit_test(test_rollback),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_max_message_size),
        cmocka_unit_test(test_leaves_at_once),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_properties),
        cmocka_unit_test(test_negotiated),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_buffered),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_connection_close),
        cmocka_unit_test(test_ice_restart),
        cmocka_unit_test(test_taken_away),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_statistics), cmocka_unit_test(test_statistics_of_the_end),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
