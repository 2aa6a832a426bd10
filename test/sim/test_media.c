/*
 * Media whose sections come, change and go in mid-call, over links that lose, delay, double and reorder: two rtp sessions, and offers and answers
 * that reach the two sides at different times. Whatever happens:
 *     a frame comes out of the section that it was put into, and of no other, and whole
 *     of video only what a decoder can use: a key frame, or the frame after the last
 *     when nothing changes any more and nothing is lost, all that is agreed flows, and nothing else does
 *     what was removed is forgotten: the memory is that of what is left
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rtp/packet.h"
#include "rtp/session.h"
#include "test/sim/link.h"

#define SEEDS_DEFAULT 20
#define SLOTS 6
#define FLYING_MAX 4096
#define STEP_US 1000u
#define CALL_US 12000000u
#define SETTLE_US 3000000u
#define SKEW_MAX_US 200000u
#define HEADER_BYTES 20

struct flying {
    struct sim_link_copy copy;
    size_t length;
    bool control;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
};

/* One section, as each side has it by now. The sides differ while a description is under way. */
struct slot {
    bool video;
    struct rtp_sender *sender;
    struct rtp_receiver *receiver;
    bool send_paused, receive_paused, narrow;
    uint8_t send_type;
    unsigned send_generation, receive_generation; /* a section that is used anew has another mid, and other SSRCs */
    char send_mid[RTP_MID_MAX_BYTES + 1], receive_mid[RTP_MID_MAX_BYTES + 1];
    bool key_wanted;
    uint32_t next_number, chain;
    bool has_chain;
    unsigned frames;
    uint64_t last_frame_us;
};

/* A change that one side has made, and the other will make. */
enum change { ADD, REMOVE, PAUSE, RESUME, CODEC, TYPE, CHANGES };
struct pending {
    uint64_t due_us;
    enum change change;
    size_t slot;
    bool at_receiver;
};

struct call {
    struct sim_random random;
    uint64_t now_us;
    struct rtp_session *near, *far; /* near sends media */
    struct sim_link links[2];
    struct flying *flying[2];
    size_t flying_count[2];
    struct slot slots[SLOTS];
    struct pending pending[2];
    size_t pending_count;
    uint8_t mid_id;
    unsigned changes, frames, key_requests;
};

static const struct rtp_payload_mapping audio_types[] = {{111, RTP_CODEC_OPUS, 0}, {109, RTP_CODEC_OPUS, 0}, {0, RTP_CODEC_PCMU, 0}};
static const struct rtp_payload_mapping video_types[] = {{96, RTP_CODEC_VP8, 0}, {98, RTP_CODEC_VP8, 0}};

/* ---- what a description says, at one side ------------------------------------------------------------------------------------ */

static struct rtp_session_config session_config(struct call *call) {
    return (struct rtp_session_config){.random = sim_random_fill, .random_context = &call->random, .wall_clock_offset_us = 1700000000000000,
                                       .mid_extension_id = call->mid_id, .abs_send_time_extension_id = 3, .reduced_size_rtcp = true};
}

static void write_mid(char mid[RTP_MID_MAX_BYTES + 1], size_t slot, unsigned generation) {
    memcpy(mid, "s0g000", sizeof "s0g000");
    mid[1] = (char)('0' + slot);
    mid[3] = (char)('0' + generation / 100 % 10);
    mid[4] = (char)('0' + generation / 10 % 10);
    mid[5] = (char)('0' + generation % 10);
}

static struct rtp_sender_config sender_config(const struct slot *slot) {
    struct rtp_sender_config config = {.codec = slot->video ? RTP_CODEC_VP8 : RTP_CODEC_OPUS, .mid = slot->send_mid, .paused = slot->send_paused,
                                       .payload_type = slot->send_type};
    if (slot->narrow) {
        config.codec = RTP_CODEC_PCMU;
        config.payload_type = 0;
    }
    return config;
}

static struct rtp_receiver_config receiver_config(const struct slot *slot) {
    return (struct rtp_receiver_config){.mid = slot->receive_mid, .payload_types = slot->video ? video_types : audio_types, .payload_type_count = slot->video ? 2 : 3,
                                        .paused = slot->receive_paused, .send_pli = slot->video};
}

static void change_near(struct call *call, enum change change, size_t index) {
    struct slot *slot = &call->slots[index];
    if (change == ADD) {
        slot->send_generation++;
        slot->send_paused = slot->narrow = false;
        slot->send_type = slot->video ? 96 : 111;
        slot->key_wanted = true;
        write_mid(slot->send_mid, index, slot->send_generation);
        struct rtp_sender_config config = sender_config(slot);
        assert_int_equal(rtp_session_add_sender(call->near, call->now_us, &config, &slot->sender), RTP_OK);
        return;
    }
    if (change == REMOVE) {
        rtp_session_remove_sender(call->near, call->now_us, slot->sender);
        slot->sender = NULL;
        return;
    }
    slot->send_paused = change == PAUSE ? true : change == RESUME ? false : slot->send_paused;
    slot->narrow = change == CODEC ? !slot->narrow && !slot->video : slot->narrow;
    slot->send_type = change != TYPE ? slot->send_type : slot->video ? (uint8_t)(96 + 98 - slot->send_type) : (uint8_t)(109 + 111 - slot->send_type);
    struct rtp_sender_config config = sender_config(slot);
    assert_int_equal(rtp_session_update_sender(call->near, call->now_us, slot->sender, &config), RTP_OK);
}

static void change_far(struct call *call, enum change change, size_t index) {
    struct slot *slot = &call->slots[index];
    if (change == ADD) {
        slot->receive_generation++;
        slot->receive_paused = slot->has_chain = false;
        write_mid(slot->receive_mid, index, slot->receive_generation);
        struct rtp_receiver_config config = receiver_config(slot);
        assert_int_equal(rtp_session_add_receiver(call->far, call->now_us, &config, &slot->receiver), RTP_OK);
    } else if (change == REMOVE) {
        rtp_session_remove_receiver(call->far, slot->receiver);
        slot->receiver = NULL;
    } else {
        slot->receive_paused = change == PAUSE ? true : change == RESUME ? false : slot->receive_paused;
        struct rtp_receiver_config config = receiver_config(slot);
        assert_int_equal(rtp_session_update_receiver(call->far, call->now_us, slot->receiver, &config), RTP_OK);
    }
}

/* One side changes now, the other up to SKEW_MAX_US later; then the next change may come. */
static void change_something(struct call *call) {
    size_t index = (size_t)sim_random_below(&call->random, SLOTS);
    struct slot *slot = &call->slots[index];
    enum change change = (enum change)sim_random_below(&call->random, CHANGES);
    if (!slot->sender) {
        change = ADD;
    } else if (change == ADD || (change == RESUME && !slot->send_paused)) {
        change = PAUSE;
    }
    bool near_first = sim_random_chance(&call->random, 0.5);
    uint64_t skew_us = sim_random_below(&call->random, SKEW_MAX_US);
    (near_first ? change_near : change_far)(call, change, index);
    call->pending[call->pending_count++] = (struct pending){call->now_us + skew_us, change, index, near_first};
    call->changes++;
    if (sim_random_chance(&call->random, 0.1)) {
        /* The id of the MID extension moves: packets with the old one are on their way. */
        call->mid_id = (uint8_t)(4 + sim_random_below(&call->random, 4));
        struct rtp_session_config config = session_config(call);
        assert_int_equal(rtp_session_update(call->near, &config), RTP_OK);
        assert_int_equal(rtp_session_update(call->far, &config), RTP_OK);
    }
}

static void apply_pending(struct call *call) {
    if (call->pending_count > 0 && call->pending[0].due_us <= call->now_us) {
        const struct pending *pending = &call->pending[0];
        (pending->at_receiver ? change_far : change_near)(call, pending->change, pending->slot);
        call->pending_count = 0;
    }
}

/* ---- frames -------------------------------------------------------------------------------------------------------------------- */

static void put_number(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static uint32_t get_number(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Byte 0 is what VP8 has there: the inverse key frame flag. Then slot, generation, number, length; then a pattern of these. */
static size_t make_frame(uint8_t *bytes, size_t slot, unsigned generation, uint32_t number, bool key, bool video) {
    size_t length = !video ? 60 + number % 60 : key ? 7000 : 1000 + number * 37 % 3000;
    bytes[0] = key ? 0x10 : 0x11;
    bytes[1] = 0;
    bytes[2] = 0;
    bytes[3] = (uint8_t)slot;
    put_number(bytes + 4, generation);
    put_number(bytes + 8, number);
    put_number(bytes + 12, (uint32_t)length);
    for (size_t i = 16; i < length; i++) {
        bytes[i] = (uint8_t)(number * 31 + i * 7 + generation);
    }
    return length;
}

static void send_frames(struct call *call) {
    static uint8_t bytes[8192];
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &call->slots[i];
        if (!slot->sender || slot->send_paused || call->now_us % (slot->video ? 33000 : 20000) != 0) {
            continue;
        }
        bool key = slot->video && slot->key_wanted;
        size_t length = make_frame(bytes, i, slot->send_generation, slot->next_number, key, slot->video);
        uint32_t rate = slot->video ? 90 : slot->narrow ? 8 : 48;
        struct rtp_frame frame = {.bytes = bytes, .length = length, .timestamp = (uint32_t)(call->now_us * rate / 1000), .key_frame = key};
        assert_int_equal(rtp_session_send_frame(call->near, call->now_us, slot->sender, &frame), RTP_OK);
        slot->next_number++;
        slot->key_wanted = slot->key_wanted && !key;
    }
}

static void take_frame(struct call *call, size_t index, const struct rtp_received_frame *frame) {
    static uint8_t expected[8192];
    struct slot *slot = &call->slots[index];
    assert_true(frame->length > HEADER_BYTES);
    uint32_t number = get_number(frame->bytes + 8);
    assert_int_equal(frame->bytes[3], index);
    assert_int_equal(get_number(frame->bytes + 4), slot->receive_generation);
    bool key = slot->video && frame->key_frame;
    assert_int_equal(make_frame(expected, index, slot->receive_generation, number, key, slot->video), frame->length);
    assert_memory_equal(expected, frame->bytes, frame->length);
    assert_false(slot->receive_paused);
    assert_true(!slot->video || key || (slot->has_chain && number == slot->chain + 1));
    assert_true(!slot->has_chain || (int32_t)(number - slot->chain) > 0); /* never again, and in order */
    slot->has_chain = true;
    slot->chain = number;
    slot->frames++;
    slot->last_frame_us = call->now_us;
    call->frames++;
}

static void take_events(struct call *call) {
    struct rtp_event event;
    while (rtp_session_poll_event(call->near, call->now_us, &event)) {
        for (size_t i = 0; i < SLOTS && event.type == RTP_EVENT_KEY_FRAME_REQUESTED; i++) {
            call->slots[i].key_wanted |= call->slots[i].sender == event.sender;
        }
        call->key_requests += event.type == RTP_EVENT_KEY_FRAME_REQUESTED;
    }
    while (rtp_session_poll_event(call->far, call->now_us, &event)) {
        for (size_t i = 0; i < SLOTS && event.type == RTP_EVENT_FRAME; i++) {
            if (call->slots[i].receiver == event.receiver) {
                take_frame(call, i, &event.frame);
            }
        }
    }
}

/* ---- the wire -------------------------------------------------------------------------------------------------------------------- */

static void send_packets(struct call *call, int direction) {
    struct rtp_session *from = direction == 0 ? call->near : call->far;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    while (rtp_session_poll_packet(from, call->now_us, bytes, sizeof bytes, &length, &kind)) {
        struct sim_link_copy copies[SIM_LINK_COPIES_MAX];
        size_t count = sim_link_send(&call->links[direction], call->now_us, length + 28, copies);
        for (size_t i = 0; i < count; i++) {
            assert_true(call->flying_count[direction] < FLYING_MAX);
            struct flying *flying = &call->flying[direction][call->flying_count[direction]++];
            *flying = (struct flying){.copy = copies[i], .length = length, .control = kind == RTP_PACKET_CONTROL};
            memcpy(flying->bytes, bytes, length);
        }
    }
}

/* In the order in which they arrive. */
static void deliver(struct call *call, int direction) {
    struct rtp_session *to = direction == 0 ? call->far : call->near;
    for (;;) {
        struct flying *first = NULL;
        for (size_t i = 0; i < call->flying_count[direction]; i++) {
            struct flying *flying = &call->flying[direction][i];
            if (flying->copy.arrival_us <= call->now_us && (!first || flying->copy.arrival_us < first->copy.arrival_us)) {
                first = flying;
            }
        }
        if (!first) {
            return;
        }
        sim_link_arrived(&call->links[direction], &first->copy, first->bytes, first->length);
        (void)(first->control ? rtp_session_handle_rtcp : rtp_session_handle_rtp)(to, call->now_us, first->bytes, first->length);
        *first = call->flying[direction][--call->flying_count[direction]];
    }
}

static void run(struct call *call, uint64_t duration_us, bool changing) {
    for (uint64_t end_us = call->now_us + duration_us; call->now_us < end_us; call->now_us += STEP_US) {
        apply_pending(call);
        if (changing && call->pending_count == 0 && sim_random_chance(&call->random, 0.01)) {
            change_something(call);
        }
        send_frames(call);
        deliver(call, 0);
        deliver(call, 1);
        rtp_session_handle_timeout(call->near, call->now_us);
        rtp_session_handle_timeout(call->far, call->now_us);
        take_events(call);
        send_packets(call, 0);
        send_packets(call, 1);
        assert_true(rtp_session_next_timeout(call->near) > call->now_us && rtp_session_next_timeout(call->far) > call->now_us);
    }
}

/* ---- one call ---------------------------------------------------------------------------------------------------------------------- */

static void open_call(struct call *call, uint64_t seed) {
    struct sim_link_config bad = {.loss = 0.03, .burst_enter = 0.001, .burst_leave = 0.1, .burst_loss = 0.7, .delay_us = 30000, .jitter_us = 8000,
                                  .reorder = 0.05, .reorder_delay_us = 15000, .duplicate = 0.02};
    *call = (struct call){.now_us = 1000000, .mid_id = 4};
    sim_random_seed(&call->random, seed);
    struct rtp_session_config config = session_config(call);
    call->near = rtp_session_new(&config, call->now_us);
    call->far = rtp_session_new(&config, call->now_us);
    for (int i = 0; i < 2; i++) {
        sim_link_init(&call->links[i], &bad, seed * 2 + (uint64_t)i);
        call->flying[i] = calloc(FLYING_MAX, sizeof *call->flying[i]);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        call->slots[i].video = i % 2 == 1;
    }
}

static size_t memory_of(const struct rtp_session *session) {
    struct rtp_session_statistics statistics;
    rtp_session_statistics(session, &statistics);
    return statistics.memory_bytes;
}

/* Nothing changes any more, nothing is lost: what is agreed flows, to the last frame but those under way. */
static void settle(struct call *call) {
    struct sim_link_config good = {.delay_us = 30000};
    for (int i = 0; i < 2; i++) {
        call->links[i].config = good;
    }
    run(call, SETTLE_US, false);
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &call->slots[i];
        assert_int_equal(!slot->sender, !slot->receiver);
        bool flows = slot->sender && !slot->send_paused;
        if (flows) {
            assert_true(slot->has_chain && slot->next_number - slot->chain < 20);
            assert_true(call->now_us - slot->last_frame_us < 100000);
        } else {
            assert_true(call->now_us - slot->last_frame_us > SETTLE_US / 2);
        }
    }
}

static void close_call(struct call *call) {
    size_t used = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        if (call->slots[i].sender) {
            rtp_session_remove_sender(call->near, call->now_us, call->slots[i].sender);
            rtp_session_remove_receiver(call->far, call->slots[i].receiver);
            call->slots[i].sender = NULL;
            call->slots[i].receiver = NULL;
            used++;
        }
    }
    run(call, 500000, false);
    assert_true(memory_of(call->near) < 10000 && memory_of(call->far) < 10000);
    rtp_session_free(call->near);
    rtp_session_free(call->far);
    free(call->flying[0]);
    free(call->flying[1]);
    (void)used;
}

static void test_sections_change_in_mid_call(void **state) {
    (void)state;
    const char *wanted = getenv("SIM_SEEDS");
    unsigned long seeds = wanted ? strtoul(wanted, NULL, 10) : SEEDS_DEFAULT, frames = 0, changes = 0, requests = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct call call;
        open_call(&call, seed);
        for (int round = 0; round < 2; round++) {
            run(&call, CALL_US / 2, true);
            run(&call, SKEW_MAX_US + STEP_US, false);
            struct sim_link_config bad = call.links[0].config;
            settle(&call);
            call.links[0].config = call.links[1].config = bad;
        }
        frames += call.frames;
        changes += call.changes;
        requests += call.key_requests;
        assert_true(call.links[0].counters.sent > 0);
        close_call(&call);
    }
    assert_true(frames > 500 * seeds && changes > 20 * seeds && requests > seeds);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sections_change_in_mid_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
