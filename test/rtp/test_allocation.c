/* rtp/session.h and its members: memory is taken when they are made and at no other time, every refusal is survived, and limits hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/jitter_buffer.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/session.h"

struct counter {
    size_t calls, outstanding, fail_at; /* fail_at: the call that is refused, counted from 1; 0: none */
};

static void *counting_allocate(void *context, size_t bytes) {
    struct counter *counter = context;
    if (++counter->calls == counter->fail_at) {
        return NULL;
    }
    counter->outstanding++;
    void *memory = malloc(bytes);
    memset(memory, 0xA5, bytes); /* not zeroed, as malloc need not */
    return memory;
}

static void counting_release(void *context, void *memory) {
    struct counter *counter = context;
    assert_non_null(memory);
    counter->outstanding--;
    free(memory);
}

static void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *seed = context;
    for (size_t i = 0; i < length; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*seed >> 40);
    }
}

static uint64_t seed = 1;

static const struct rtp_payload_mapping opus = {111, RTP_CODEC_OPUS, 0}, vp8 = {96, RTP_CODEC_VP8, 0};
static const struct rtp_sender_config sender_configs[2] = {{.codec = RTP_CODEC_OPUS, .payload_type = 111, .mid = "a"},
                                                           {.codec = RTP_CODEC_VP8, .payload_type = 96, .mid = "v"}};
static const struct rtp_receiver_config receiver_configs[2] = {{.mid = "a", .payload_types = &opus, .payload_type_count = 1},
                                                               {.mid = "v", .payload_types = &vp8, .payload_type_count = 1, .send_pli = true}};

static struct rtp_session *new_session(struct counter *counter, size_t budget) {
    struct rtp_allocator allocator = {counting_allocate, counting_release, counter};
    struct rtp_session_config config = {.random = seeded_random, .random_context = &seed, .allocator = &allocator, .memory_budget_bytes = budget,
                                        .mid_extension_id = 4, .abs_send_time_extension_id = 3, .reduced_size_rtcp = true};
    return rtp_session_new(&config, 0);
}

static size_t memory_of(const struct rtp_session *session) {
    struct rtp_session_statistics statistics;
    rtp_session_statistics(session, &statistics);
    return statistics.memory_bytes;
}

struct members {
    struct rtp_sender *senders[2];
    struct rtp_receiver *receivers[2];
};

static int send_one(struct rtp_session *session, struct rtp_sender *sender) {
    static const uint8_t byte[1];
    return rtp_session_send_frame(session, 0, sender, &(struct rtp_frame){.bytes = byte, .length = 1});
}

/* A packet of payload type 111 or 96, from a source of its own. */
static int receive_one(struct rtp_session *session, size_t i) {
    const uint8_t bytes[] = {0x80, i == 0 ? 111 : 96, 0, 1, 0, 0, 0, 0, 0, 0, 1, (uint8_t)i, 0x10, 0x01};
    return rtp_session_handle_rtp(session, 0, bytes, sizeof bytes);
}

/* Adds all, and gives each its first frame or packet, which takes its memory; one that is refused leaves no memory behind, and is taken
 * the second time. Returns the number of refusals. */
static int add_members(struct rtp_session *session, const struct counter *counter, struct members *members) {
    int refused = 0;
    for (size_t i = 0; i < 8; i++) {
        size_t memory = memory_of(session), outstanding = counter->outstanding;
        int error = i < 2   ? rtp_session_add_sender(session, 0, &sender_configs[i], &members->senders[i])
                    : i < 4 ? rtp_session_add_receiver(session, 0, &receiver_configs[i - 2], &members->receivers[i - 2])
                    : i < 6 ? send_one(session, members->senders[i - 4])
                            : receive_one(session, i - 6);
        if (error != RTP_OK) {
            assert_int_equal(error, RTP_ERROR_CAPACITY);
            assert_int_equal(memory_of(session), memory);
            assert_int_equal(counter->outstanding, outstanding);
            assert_true(++refused <= 1);
            i--;
        }
    }
    return refused;
}

/* Refuses the first, the second ... until none is left to refuse. */
static void every_allocation_refused(void **state) {
    (void)state;
    size_t total = 0;
    for (size_t n = 1; total == 0; n++) {
        struct counter counter = {.fail_at = n};
        struct rtp_session *session = new_session(&counter, 0);
        assert_int_equal(session == NULL, n == 1);
        if (session != NULL) {
            struct members members;
            if (add_members(session, &counter, &members) == 0) {
                total = n - 1;
            }
            rtp_session_free(session);
        }
        assert_int_equal(counter.outstanding, 0);
    }
    assert_int_equal(total, 1 + 4 * 2);
    rtp_session_free(NULL);
}

/* session.h: after the first frame and packet nothing is allocated. Seconds of both media both ways, with loss, reports, requests and a restart. */
static void packets_take_no_memory(void **state) {
    (void)state;
    struct counter counters[2] = {{0}, {0}};
    struct rtp_session *sessions[2];
    struct members members[2];
    unsigned frames = 0, control = 0, media = 0;
    for (size_t i = 0; i < 2; i++) {
        sessions[i] = new_session(&counters[i], 0);
        assert_int_equal(add_members(sessions[i], &counters[i], &members[i]), 0);
    }
    size_t calls = counters[0].calls + counters[1].calls, memory = memory_of(sessions[0]);
    static const uint8_t frame[5000];
    for (uint64_t now_us = 20000; now_us < 10000000; now_us += 20000) {
        for (size_t i = 0; i < 2; i++) {
            struct rtp_frame audio = {.bytes = frame, .length = 80, .timestamp = (uint32_t)(now_us * 48 / 1000)};
            struct rtp_frame video = {.bytes = frame, .length = 5000, .timestamp = (uint32_t)(now_us * 90 / 1000), .key_frame = true};
            assert_int_equal(rtp_session_send_frame(sessions[i], now_us, members[i].senders[0], &audio), RTP_OK);
            assert_int_equal(rtp_session_send_frame(sessions[i], now_us, members[i].senders[1], &video), RTP_OK);
            rtp_session_handle_timeout(sessions[i], now_us);
            uint8_t bytes[RTP_PACKET_MAX_BYTES];
            size_t length;
            enum rtp_packet_kind kind;
            while (rtp_session_poll_packet(sessions[i], now_us, bytes, sizeof bytes, &length, &kind)) {
                if (kind == RTP_PACKET_CONTROL) {
                    control++;
                    assert_int_equal(rtp_session_handle_rtcp(sessions[1 - i], now_us, bytes, length), RTP_OK);
                } else if (++media % 37 != 0) {
                    (void)rtp_session_handle_rtp(sessions[1 - i], now_us, bytes, length);
                    (void)rtp_session_handle_rtp(sessions[1 - i], now_us, bytes, length - media % 3);
                }
            }
            struct rtp_event event;
            while (rtp_session_poll_event(sessions[i], now_us, &event)) {
                frames += event.type == RTP_EVENT_FRAME;
            }
        }
    }
    assert_true(frames > 1200 && control > 20 && media > 4000);
    assert_int_equal(counters[0].calls + counters[1].calls, calls);
    assert_int_equal(memory_of(sessions[0]), memory);
    rtp_session_free(sessions[0]);
    rtp_session_free(sessions[1]);
    assert_int_equal(counters[0].outstanding + counters[1].outstanding, 0);
}

/* memory_budget_bytes: to the byte, for session, sender and receiver; what is removed is given back. */
static void budget(void **state) {
    (void)state;
    struct counter counter = {0};
    struct rtp_session *session = new_session(&counter, 0);
    size_t bare = memory_of(session);
    struct members members;
    assert_int_equal(add_members(session, &counter, &members), 0);
    size_t full = memory_of(session);
    rtp_session_remove_receiver(session, members.receivers[0]);
    rtp_session_remove_receiver(session, members.receivers[1]);
    rtp_session_remove_sender(session, 0, members.senders[0]);
    rtp_session_remove_sender(session, 0, members.senders[1]);
    assert_int_equal(memory_of(session), bare);
    assert_int_equal(counter.outstanding, 1);
    rtp_session_free(session);
    assert_null(new_session(&counter, bare - 1));
    session = new_session(&counter, bare);
    assert_non_null(session);
    rtp_session_free(session);
    session = new_session(&counter, 0);
    assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[0], &members.senders[0]), RTP_OK);
    size_t one_sender = memory_of(session);
    rtp_session_free(session);
    for (size_t limit = one_sender - 1; limit <= one_sender + 1; limit++) {
        session = new_session(&counter, limit);
        assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[0], &members.senders[0]), limit < one_sender ? RTP_ERROR_CAPACITY : RTP_OK);
        rtp_session_free(session);
    }
    for (size_t limit = full - 1; limit <= full + 1; limit++) {
        session = new_session(&counter, limit);
        for (size_t i = 0; i < 2; i++) {
            assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[i], &members.senders[i]), RTP_OK);
            assert_int_equal(rtp_session_add_receiver(session, 0, &receiver_configs[i], &members.receivers[i]), RTP_OK);
            assert_int_equal(send_one(session, members.senders[i]), RTP_OK);
        }
        assert_int_equal(receive_one(session, 0), RTP_OK);
        assert_int_equal(receive_one(session, 1), limit < full ? RTP_ERROR_CAPACITY : RTP_OK);
        struct rtp_receiver_statistics statistics;
        rtp_receiver_statistics(members.receivers[1], &statistics);
        assert_int_equal(statistics.packets_discarded, limit < full);
        assert_true(memory_of(session) <= limit);
        rtp_session_free(session);
    }
    assert_int_equal(counter.outstanding, 0);
}

/* session.h: the most members there may be cost little until they are used. */
static void members_without_media(void **state) {
    (void)state;
    struct counter counter = {0};
    struct rtp_session *session = new_session(&counter, 0);
    for (size_t i = 0; i < RTP_SENDERS_MAX; i++) {
        struct rtp_sender *sender;
        struct rtp_receiver *receiver;
        assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[1], &sender), RTP_OK);
        assert_int_equal(rtp_session_add_receiver(session, 0, &receiver_configs[1], &receiver), RTP_OK);
    }
    assert_true(memory_of(session) < 128 * 1024);
    rtp_session_free(session);
}

/* ---- limits of the configurations ------------------------------------------------------------------------------------ */

static void member_counts(void **state) {
    (void)state;
    struct counter counter = {0};
    struct rtp_session *session = new_session(&counter, 0);
    struct rtp_sender *sender = NULL;
    struct rtp_receiver *receiver = NULL;
    for (size_t i = 0; i <= RTP_SENDERS_MAX; i++) {
        assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[0], &sender), i < RTP_SENDERS_MAX ? RTP_OK : RTP_ERROR_CAPACITY);
    }
    for (size_t i = 0; i <= RTP_RECEIVERS_MAX; i++) {
        assert_int_equal(rtp_session_add_receiver(session, 0, &receiver_configs[0], &receiver), i < RTP_RECEIVERS_MAX ? RTP_OK : RTP_ERROR_CAPACITY);
    }
    rtp_session_remove_sender(session, 0, sender);
    assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[1], &sender), RTP_OK);
    rtp_session_free(session);
    assert_int_equal(counter.outstanding, 0);
}

static int try_sender(struct rtp_sender_config config) {
    struct counter counter = {0};
    struct rtp_session *session = new_session(&counter, 0);
    struct rtp_sender *sender;
    int error = rtp_session_add_sender(session, 0, &config, &sender);
    rtp_session_free(session);
    return error;
}

static void sender_limits(void **state) {
    (void)state;
    static const char text[] = "0123456789abcdefg";
    for (size_t skip = 0; skip < 3; skip++) {
        assert_int_equal(try_sender((struct rtp_sender_config){.mid = text + skip}), sizeof text - 1 - skip > RTP_MID_MAX_BYTES ? RTP_ERROR_ARGUMENT : RTP_OK);
    }
    assert_int_equal(try_sender((struct rtp_sender_config){.payload_type = 127}), RTP_OK);
    assert_int_equal(try_sender((struct rtp_sender_config){.payload_type = 128}), RTP_ERROR_ARGUMENT);
    assert_int_equal(try_sender((struct rtp_sender_config){.codec = (enum rtp_codec)RTP_CODEC_COUNT}), RTP_ERROR_ARGUMENT);
    static const struct {
        size_t payload, history;
        int expected;
    } rows[] = {
        {RTP_PAYLOAD_MIN_BYTES - 1, 0, RTP_ERROR_ARGUMENT}, {RTP_PAYLOAD_MIN_BYTES, 0, RTP_OK}, {RTP_PAYLOAD_MIN_BYTES + 1, 0, RTP_OK},
        {RTP_PAYLOAD_MAX_BYTES - 1, 0, RTP_OK}, {RTP_PAYLOAD_MAX_BYTES, 0, RTP_OK}, {RTP_PAYLOAD_MAX_BYTES + 1, 0, RTP_ERROR_ARGUMENT},
        {0, RTP_HISTORY_MIN_PACKETS / 2, RTP_ERROR_ARGUMENT}, {0, RTP_HISTORY_MIN_PACKETS - 1, RTP_ERROR_ARGUMENT}, {0, RTP_HISTORY_MIN_PACKETS, RTP_OK},
        {0, RTP_HISTORY_MIN_PACKETS + 1, RTP_ERROR_ARGUMENT}, {0, RTP_HISTORY_MAX_PACKETS - 1, RTP_ERROR_ARGUMENT}, {0, RTP_HISTORY_MAX_PACKETS, RTP_OK},
        {0, RTP_HISTORY_MAX_PACKETS * 2, RTP_ERROR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(try_sender((struct rtp_sender_config){.payload_max_bytes = rows[i].payload, .history_packets = rows[i].history}), rows[i].expected);
    }
}

static int try_receiver(struct rtp_receiver_config config) {
    struct counter counter = {0};
    struct rtp_session *session = new_session(&counter, 0);
    struct rtp_receiver *receiver;
    int error = rtp_session_add_receiver(session, 0, &config, &receiver);
    rtp_session_free(session);
    assert_int_equal(counter.outstanding, 0);
    return error;
}

static void receiver_limits(void **state) {
    (void)state;
    struct rtp_payload_mapping mappings[RTP_RECEIVER_PAYLOAD_TYPES_MAX + 1] = {{.payload_type = 0}};
    for (size_t count = 0; count <= RTP_RECEIVER_PAYLOAD_TYPES_MAX + 1; count++) {
        int expected = count >= 1 && count <= RTP_RECEIVER_PAYLOAD_TYPES_MAX ? RTP_OK : RTP_ERROR_ARGUMENT;
        assert_int_equal(try_receiver((struct rtp_receiver_config){.payload_types = mappings, .payload_type_count = count}), expected);
    }
    mappings[1].codec = RTP_CODEC_VP8;
    assert_int_equal(try_receiver((struct rtp_receiver_config){.payload_types = mappings, .payload_type_count = 2}), RTP_ERROR_ARGUMENT);
    mappings[1] = (struct rtp_payload_mapping){.payload_type = 128};
    assert_int_equal(try_receiver((struct rtp_receiver_config){.payload_types = mappings, .payload_type_count = 2}), RTP_ERROR_ARGUMENT);
    static const char text[] = "0123456789abcdefg";
    for (size_t skip = 0; skip < 3; skip++) {
        assert_int_equal(try_receiver((struct rtp_receiver_config){.mid = text + skip, .payload_types = &opus, .payload_type_count = 1}),
                         sizeof text - 1 - skip > RTP_MID_MAX_BYTES ? RTP_ERROR_ARGUMENT : RTP_OK);
    }
    /* Bounds that exclude each other are the caller's mistake, not a lack of memory; 0 stands for the default. */
    static const uint64_t delays[][2] = {{2, 1}, {RTP_DELAY_MAX_US + 1, 0}, {0, RTP_DELAY_MIN_US - 1}, {1, 1}, {RTP_DELAY_MAX_US, 0}, {0, RTP_DELAY_MIN_US}};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(try_receiver((struct rtp_receiver_config){.payload_types = &opus, .payload_type_count = 1, .delay_min_us = delays[i][0],
                                                                   .delay_max_us = delays[i][1]}),
                         i < 3 ? RTP_ERROR_ARGUMENT : RTP_OK);
    }
}

/* RFC 8285 section 4.2: extension ids of the one-byte form end at 14. RFC 3550 section 6.5.1: the CNAME is one text item. */
static void session_limits(void **state) {
    (void)state;
    static char cname[RTP_CNAME_MAX_BYTES + 2];
    memset(cname, 'c', RTP_CNAME_MAX_BYTES + 1);
    for (size_t skip = 0; skip < 3; skip++) {
        struct rtp_session_config config = {.random = seeded_random, .random_context = &seed, .cname = cname + skip};
        struct rtp_session *session = rtp_session_new(&config, 0);
        assert_int_equal(session == NULL, skip == 0);
        rtp_session_free(session);
    }
    for (uint8_t id = 13; id <= 15; id++) {
        struct rtp_session_config config = {.random = seeded_random, .random_context = &seed, .mid_extension_id = id, .abs_send_time_extension_id = 14};
        struct rtp_session *session = rtp_session_new(&config, 0);
        assert_int_equal(session == NULL, id > 14);
        rtp_session_free(session);
    }
    assert_null(rtp_session_new(&(struct rtp_session_config){.random = NULL}, 0));
}

/* RFC 3550 section 6.6: a BYE that waits for its packet is not forgotten when the rest of the session says BYE too. */
static void byes_of_the_removed(void **state) {
    (void)state;
    struct counter counter = {0};
    struct rtp_session *session = new_session(&counter, 0);
    struct members members;
    assert_int_equal(add_members(session, &counter, &members), 0);
    uint32_t ssrcs[2];
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length, byes = 0;
    enum rtp_packet_kind kind;
    for (size_t i = 0; i < 2; i++) {
        struct rtp_frame frame = {.bytes = bytes, .length = 1};
        bytes[0] = 0;
        ssrcs[i] = rtp_sender_ssrc(members.senders[i]);
        assert_int_equal(rtp_session_send_frame(session, 0, members.senders[i], &frame), RTP_OK);
    }
    while (rtp_session_poll_packet(session, 0, bytes, sizeof bytes, &length, &kind)) {
    }
    rtp_session_remove_sender(session, 0, members.senders[0]);
    rtp_session_bye(session, 0);
    while (rtp_session_poll_packet(session, 0, bytes, sizeof bytes, &length, &kind)) {
        struct rtcp_packet packet;
        size_t offset = 0;
        uint32_t ssrc;
        assert_int_equal(kind, RTP_PACKET_CONTROL);
        while (rtcp_next(bytes, length, &offset, &packet)) {
            for (size_t i = 0; rtcp_read_bye(&packet, i, &ssrc) == RTP_OK; i++) {
                assert_true(ssrc == ssrcs[0] || ssrc == ssrcs[1]);
                byes++;
            }
        }
    }
    assert_int_equal(byes, 2);
    struct rtp_frame frame = {.bytes = bytes, .length = 1};
    assert_int_equal(rtp_session_send_frame(session, 0, members.senders[1], &frame), RTP_ERROR_STATE);
    rtp_session_free(session);
}

/*
 * session.h: with all members, the longest CNAME, and a PLI for each receiver or a BYE for each sender, no RTCP packet is longer than
 * RTP_CONTROL_MAX_BYTES, and one round of packets has a report of everybody.
 */
static void fullest_report(void **state) {
    (void)state;
    static char cname[RTP_CNAME_MAX_BYTES + 1];
    memset(cname, 'c', RTP_CNAME_MAX_BYTES);
    struct rtp_session_config config = {.random = seeded_random, .random_context = &seed, .cname = cname, .mid_extension_id = 4};
    struct rtp_session *session = rtp_session_new(&config, 0);
    uint8_t bytes[RTP_PACKET_MAX_BYTES] = {0};
    size_t length, longest = 0, byes = 0, plis = 0, blocks = 0, reports = 0;
    enum rtp_packet_kind kind;
    for (uint8_t i = 0; i < RTP_SENDERS_MAX; i++) {
        struct rtp_sender *sender;
        struct rtp_receiver *receiver;
        struct rtp_payload_mapping mapping = {i, RTP_CODEC_VP8, 0};
        struct rtp_receiver_config receiver_config = {.payload_types = &mapping, .payload_type_count = 1, .send_pli = true};
        struct rtp_frame frame = {.bytes = bytes, .length = 1};
        uint8_t incoming[] = {0x80, i, 0, 1, 0, 0, 0, 0, 0, 0, 1, i, 0x10, 0x01};
        assert_int_equal(rtp_session_add_sender(session, 0, &sender_configs[0], &sender), RTP_OK);
        assert_int_equal(rtp_session_add_receiver(session, 0, &receiver_config, &receiver), RTP_OK);
        assert_int_equal(rtp_session_send_frame(session, 0, sender, &frame), RTP_OK);
        assert_int_equal(rtp_session_handle_rtp(session, 0, incoming, sizeof incoming), RTP_OK);
        rtp_session_request_key_frame(session, 0, receiver);
    }
    for (uint64_t now_us = 0; now_us < 20000000; now_us += 100000) {
        rtp_session_handle_timeout(session, now_us);
        if (now_us == 19000000) {
            rtp_session_bye(session, now_us);
        }
        while (rtp_session_poll_packet(session, now_us, bytes, sizeof bytes, &length, &kind)) {
            assert_int_equal(rtcp_compound_check(bytes, length) == RTP_OK, kind == RTP_PACKET_CONTROL);
            longest = kind == RTP_PACKET_CONTROL && length > longest ? length : longest;
            struct rtcp_packet packet;
            for (size_t offset = 0; kind == RTP_PACKET_CONTROL && rtcp_next(bytes, length, &offset, &packet);) {
                byes += packet.type == RTCP_TYPE_BYE ? packet.count : 0;
                plis += packet.type == RTCP_TYPE_PAYLOAD_FEEDBACK;
                reports += packet.type == RTCP_TYPE_SENDER_REPORT;
                blocks += packet.type == RTCP_TYPE_SENDER_REPORT || packet.type == RTCP_TYPE_RECEIVER_REPORT ? packet.count : 0;
            }
        }
        if (blocks > 0 && now_us < 2000000) {
            assert_int_equal(blocks % RTP_RECEIVERS_MAX, 0);
            assert_true(reports == RTP_SENDERS_MAX || reports == 2 * RTP_SENDERS_MAX);
        }
    }
    assert_true(longest > 880 && longest <= RTP_CONTROL_MAX_BYTES);
    assert_int_equal(byes, RTP_SENDERS_MAX);
    assert_int_equal(plis, RTP_RECEIVERS_MAX);
    assert_int_equal(reports, 2 * RTP_SENDERS_MAX); /* RFC 3550 section 6.4: then they have not sent for two reports */
    rtp_session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_refused), cmocka_unit_test(packets_take_no_memory), cmocka_unit_test(budget),
        cmocka_unit_test(members_without_media), cmocka_unit_test(member_counts),
        cmocka_unit_test(sender_limits), cmocka_unit_test(receiver_limits), cmocka_unit_test(session_limits), cmocka_unit_test(byes_of_the_removed),
        cmocka_unit_test(fullest_report),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
