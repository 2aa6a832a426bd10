/* links: rtp */
/*
 * Two rtp sessions, driven by a script: bytes from outside, time, and every call of session.h, in any order. What one sends goes to the other, or
 * is lost, doubled, late. A record of the script is an operation, two arguments, a length, and as many bytes. After each record:
 *     both are drained, and what comes out parses, in the sizes that were promised
 *     what is next lies in the future
 *     memory is within the budget, and all of it is given back in the end
 */
#include <stdlib.h>
#include <string.h>

#include "rtp/packet.h"
#include "rtp/rtcp.h"
#include "rtp/session.h"

#define RECORD_BYTES 4
#define BUDGET_BYTES (6u * 1024u * 1024u)
#define DRAIN_MAX 5000
#define ROUNDS_MAX 64
#define LATE_MAX 8

enum operation { TIME, RTP, RTCP, CRAFTED, ADD_SENDER, UPDATE_SENDER, REMOVE_SENDER, ADD_RECEIVER, UPDATE_RECEIVER, REMOVE_RECEIVER, FRAME, TONE,
                 SESSION, KEY_FRAME, BYE, WEATHER, OPERATIONS };

struct late {
    int to;
    size_t length;
    bool control;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
};

struct side {
    struct rtp_session *session;
    struct rtp_sender *senders[RTP_SENDERS_MAX];
    struct rtp_receiver *receivers[RTP_RECEIVERS_MAX];
    size_t sender_count, receiver_count;
};

struct world {
    uint64_t seed, now_us;
    struct side sides[2];
    size_t outstanding;
    bool refuse_memory;
    unsigned weather, packets; /* bit 0: lose some, 1: double some, 2: delay some */
    struct late late[LATE_MAX];
    size_t late_count;
};

static void check(bool holds) {
    if (!holds) {
        abort();
    }
}

static void *counting_allocate(void *context, size_t bytes) {
    struct world *w = context;
    void *memory = w->refuse_memory ? NULL : malloc(bytes);
    w->outstanding += memory != NULL;
    return memory;
}

static void counting_release(void *context, void *memory) {
    ((struct world *)context)->outstanding--;
    free(memory);
}

static void seeded_random(void *context, uint8_t *out, size_t length) {
    uint64_t *seed = context;
    for (size_t i = 0; i < length; i++) {
        *seed = *seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(*seed >> 40);
    }
}

/* ---- configurations, from two bytes -------------------------------------------------------------------------------------------- */

static const struct rtp_payload_mapping mappings[] = {
    {0, RTP_CODEC_PCMU, 0}, {8, RTP_CODEC_PCMA, 0}, {111, RTP_CODEC_OPUS, 0}, {101, RTP_CODEC_TELEPHONE_EVENT, 0}, {102, RTP_CODEC_TELEPHONE_EVENT, 48000},
    {96, RTP_CODEC_VP8, 0}, {97, RTP_CODEC_VP9, 0}, {98, RTP_CODEC_H264, 0}, {99, RTP_CODEC_AV1, 0},
};
#define AUDIO_TYPES 5
#define VIDEO_TYPES 4
static const char *const mids[] = {"a", "v", "w", NULL, "0123456789abcdef", "0123456789abcdefg", "", "x"};

static struct rtp_sender_config sender_config(uint8_t a, uint8_t b) {
    const struct rtp_payload_mapping *mapping = &mappings[a % (AUDIO_TYPES + VIDEO_TYPES)];
    return (struct rtp_sender_config){.codec = mapping->codec, .payload_type = (a & 0x80) != 0 ? 200 : mapping->payload_type,
                                      .clock_rate_hz = (a & 0x40) != 0 ? 16000 : 0,
                                      .mid = mids[b & 7], .payload_max_bytes = (b & 8) != 0 ? 100 : 0, .history_packets = 16, .paused = (b & 16) != 0,
                                      .telephone_event = (b & 32) != 0, .telephone_event_payload_type = 101, .single_nal_unit = (b & 64) != 0, .ssrc = (b & 128) != 0 ? 0x1000 : 0};
}

static struct rtp_receiver_config receiver_config(uint8_t a, uint8_t b) {
    static const uint32_t ssrcs[] = {0x1000, 0x1001, 0x1002};
    bool video = (a & 1) != 0;
    return (struct rtp_receiver_config){.mid = mids[b & 7], .payload_types = video ? mappings + AUDIO_TYPES : mappings,
                                        .payload_type_count = (a & 2) != 0 ? 1 : video ? VIDEO_TYPES : AUDIO_TYPES,
                                        .ssrcs = ssrcs, .ssrc_count = a >> 2 & 3, .paused = (b & 16) != 0, .send_pli = (b & 8) == 0, .delay_min_us = (b & 32) != 0 ? 1000 : 0, .delay_max_us = (b & 64) != 0 ? 900000 : 0,
                                        .synchronisation_group = (b & 128) != 0 ? 0 : 1u + (a >> 7)};
}

static struct rtp_session_config session_config(struct world *w, uint8_t a, const struct rtp_allocator *allocator) {
    return (struct rtp_session_config){.random = seeded_random, .random_context = &w->seed, .allocator = allocator,
                                       .memory_budget_bytes = BUDGET_BYTES, .mid_extension_id = a & 15,
                                       .abs_send_time_extension_id = (a & 16) != 0 ? 3 : 0, .reduced_size_rtcp = (a & 32) != 0};
}

/* ---- between the sides --------------------------------------------------------------------------------------------------------- */

static void give(struct world *w, int to, const uint8_t *bytes, size_t length, bool control) {
    struct rtp_session *session = w->sides[to].session;
    (void)(control ? rtp_session_handle_rtcp : rtp_session_handle_rtp)(session, w->now_us, bytes, length);
}

static void carry(struct world *w, int from, const uint8_t *bytes, size_t length, bool control) {
    unsigned number = w->packets++;
    if ((w->weather & 1) != 0 && number % 5 == 4) {
        return;
    }
    if ((w->weather & 4) != 0 && number % 7 == 3 && w->late_count < LATE_MAX) {
        struct late *late = &w->late[w->late_count++];
        *late = (struct late){.to = 1 - from, .length = length, .control = control};
        memcpy(late->bytes, bytes, length);
        return;
    }
    give(w, 1 - from, bytes, length, control);
    if ((w->weather & 2) != 0 && number % 4 == 1) {
        give(w, 1 - from, bytes, length, control);
    }
}

/* Returns how much came out. */
static unsigned drain_one(struct world *w, int index) {
    struct rtp_session *session = w->sides[index].session;
    uint8_t bytes[RTP_PACKET_MAX_BYTES];
    size_t length;
    enum rtp_packet_kind kind;
    struct rtp_event event;
    unsigned count = 0;
    while (rtp_session_poll_event(session, w->now_us, &event)) {
        check(++count < DRAIN_MAX);
        check((event.sender != NULL) != (event.receiver != NULL));
        uint8_t sum = 0;
        for (size_t i = 0; event.type == RTP_EVENT_FRAME && i < event.frame.length; i++) {
            sum ^= event.frame.bytes[i]; /* every byte is there to be read */
        }
        w->seed += sum;
    }
    while (rtp_session_poll_packet(session, w->now_us, bytes, sizeof bytes, &length, &kind)) {
        struct rtp_packet packet;
        check(++count < DRAIN_MAX && length > 0 && length <= sizeof bytes);
        check(rtp_packet_is_rtcp(bytes, length) == (kind == RTP_PACKET_CONTROL));
        check(kind == RTP_PACKET_CONTROL ? rtcp_compound_check(bytes, length) == RTP_OK && length <= RTP_CONTROL_MAX_BYTES
              : rtp_packet_parse(bytes, length, &packet) == RTP_OK);
        carry(w, index, bytes, length, kind == RTP_PACKET_CONTROL);
    }
    return count;
}

static void drain(struct world *w) {
    for (unsigned came = 1, rounds = 0; came > 0; rounds++) {
        check(rounds < ROUNDS_MAX);
        came = drain_one(w, 0);
        came += drain_one(w, 1);
    }
    for (int i = 0; i < 2; i++) {
        struct rtp_session_statistics statistics;
        rtp_session_statistics(w->sides[i].session, &statistics);
        check(statistics.memory_bytes <= BUDGET_BYTES);
        for (size_t k = 0; k < w->sides[i].receiver_count; k++) {
            struct rtp_receiver_statistics received;
            rtp_receiver_statistics(w->sides[i].receivers[k], &received);
        }
        for (size_t k = 0; k < w->sides[i].sender_count; k++) {
            struct rtp_sender_statistics sent;
            rtp_sender_statistics(w->sides[i].senders[k], &sent);
            check(sent.ssrc == rtp_sender_ssrc(w->sides[i].senders[k]));
        }
    }
    for (size_t i = 0; i < 2; i++) {
        check(rtp_session_next_timeout(w->sides[i].session) > w->now_us);
    }
}

/* ---- the script ------------------------------------------------------------------------------------------------------------------ */

/* A packet that is nearly right: 16 SSRCs, a sequence number and a timestamp near each other, perhaps a MID. */
static void give_crafted(struct world *w, int to, uint8_t a, uint8_t b, const uint8_t *bytes, size_t length) {
    const char *mid = mids[b & 7];
    struct rtp_extension element = {.id = (b & 8) != 0 ? 5 : 4};
    struct rtp_packet packet = {.payload_type = mappings[(a & 15) % (AUDIO_TYPES + VIDEO_TYPES)].payload_type, .ssrc = 0x1000u + (a >> 4), .marker = (b & 16) != 0};
    uint8_t written[RTP_PACKET_MAX_BYTES];
    if (length >= 4) {
        packet.sequence_number = (uint16_t)(bytes[0] << 8 | bytes[1]);
        packet.timestamp = (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 4;
        packet.payload = bytes + 4;
        packet.payload_bytes = length - 4;
    }
    if (mid != NULL && *mid != '\0') {
        element.value = (const uint8_t *)mid;
        element.length = (uint8_t)strlen(mid);
    }
    int total = rtp_packet_write(&packet, &element, element.length > 0, written, sizeof written);
    if (total > 0) {
        give(w, to, written, (size_t)total, false);
    }
}

static void change_senders(struct world *w, struct side *side, enum operation operation, uint8_t a, uint8_t b) {
    struct rtp_sender_config config = sender_config(a, b);
    struct rtp_sender *sender = NULL;
    if (operation == ADD_SENDER) {
        if (rtp_session_add_sender(side->session, w->now_us, &config, &sender) == RTP_OK) {
            side->senders[side->sender_count++] = sender;
        }
    } else if (side->sender_count > 0 && operation == UPDATE_SENDER) {
        (void)rtp_session_update_sender(side->session, w->now_us, side->senders[(b >> 3) % side->sender_count], &config);
    } else if (side->sender_count > 0) {
        size_t index = a % side->sender_count;
        rtp_session_remove_sender(side->session, w->now_us, side->senders[index]);
        side->senders[index] = side->senders[--side->sender_count];
    }
}

static void change_receivers(struct world *w, struct side *side, enum operation operation, uint8_t a, uint8_t b) {
    struct rtp_receiver_config config = receiver_config(a, b);
    struct rtp_receiver *receiver = NULL;
    if (operation == ADD_RECEIVER) {
        if (rtp_session_add_receiver(side->session, w->now_us, &config, &receiver) == RTP_OK) {
            side->receivers[side->receiver_count++] = receiver;
        }
    } else if (side->receiver_count > 0 && operation == UPDATE_RECEIVER) {
        (void)rtp_session_update_receiver(side->session, w->now_us, side->receivers[(a >> 4) % side->receiver_count], &config);
    } else if (side->receiver_count > 0) {
        size_t index = a % side->receiver_count;
        rtp_session_remove_receiver(side->session, side->receivers[index]);
        side->receivers[index] = side->receivers[--side->receiver_count];
    }
}

static void send_frame(struct world *w, struct side *side, uint8_t a, uint8_t b, const uint8_t *bytes, size_t length) {
    static uint8_t frame_bytes[3000];
    size_t total = length + (size_t)b * 10;
    if (side->sender_count == 0 || total > sizeof frame_bytes) {
        return;
    }
    memset(frame_bytes, b, sizeof frame_bytes);
    if (length > 0) {
        memcpy(frame_bytes, bytes, length);
    }
    struct rtp_frame frame = {.bytes = frame_bytes, .length = total, .timestamp = (uint32_t)(w->now_us / 10), .key_frame = (a & 0x80) != 0, .marker = (a & 0x40) != 0};
    (void)rtp_session_send_frame(side->session, w->now_us, side->senders[(a & 0x3F) % side->sender_count], &frame);
}

static void pass_time(struct world *w, uint8_t a, uint8_t b) {
    w->now_us += (uint64_t)a * 4000 + b * 10u;
    while (w->late_count > 0) {
        struct late late = w->late[--w->late_count];
        give(w, late.to, late.bytes, late.length, late.control);
    }
    rtp_session_handle_timeout(w->sides[0].session, w->now_us);
    rtp_session_handle_timeout(w->sides[1].session, w->now_us);
}

static void play(struct world *w, enum operation operation, int index, uint8_t a, uint8_t b, const uint8_t *bytes, size_t length) {
    struct side *side = &w->sides[index];
    struct rtp_session_config config = session_config(w, a, NULL);
    switch (operation) {
    case TIME: pass_time(w, a, b); break;
    case RTP: give(w, index, bytes, length, false); break;
    case RTCP: give(w, index, bytes, length, true); break;
    case CRAFTED: give_crafted(w, index, a, b, bytes, length); break;
    case ADD_SENDER:
    case UPDATE_SENDER:
    case REMOVE_SENDER: change_senders(w, side, operation, a, b); break;
    case ADD_RECEIVER:
    case UPDATE_RECEIVER:
    case REMOVE_RECEIVER: change_receivers(w, side, operation, a, b); break;
    case FRAME: send_frame(w, side, a, b, bytes, length); break;
    case TONE:
        if (side->sender_count > 0) {
            (void)rtp_session_send_tone(side->session, w->now_us, side->senders[a % side->sender_count], b & 31, b >> 2, 20u + a * 16u);
        }
        break;
    case SESSION: (void)rtp_session_update(side->session, &config); break;
    case KEY_FRAME:
        if (side->receiver_count > 0) {
            rtp_session_request_key_frame(side->session, w->now_us, side->receivers[a % side->receiver_count]);
        }
        break;
    case BYE: rtp_session_bye(side->session, w->now_us); break;
    case WEATHER:
        w->weather = a;
        w->refuse_memory = (b & 1) != 0;
        break;
    case OPERATIONS: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static struct world world;
    struct world *w = &world;
    memset(w, 0, sizeof *w);
    w->seed = 1;
    w->now_us = 1000000;
    struct rtp_allocator allocator = {counting_allocate, counting_release, w};
    for (int i = 0; i < 2; i++) {
        struct rtp_session_config config = session_config(w, 4 | 16 | 32, &allocator);
        w->sides[i].session = rtp_session_new(&config, w->now_us);
        check(w->sides[i].session != NULL);
    }
    while (length >= RECORD_BYTES) {
        size_t data = bytes[3] < length - RECORD_BYTES ? bytes[3] : length - RECORD_BYTES;
        uint8_t *copy = malloc(data == 0 ? 1 : data); /* so that one byte too many is seen */
        memcpy(copy, bytes + RECORD_BYTES, data);
        play(w, (enum operation)((bytes[0] & 0x7F) % OPERATIONS), bytes[0] >> 7, bytes[1], bytes[2], copy, data);
        free(copy);
        drain(w);
        bytes += RECORD_BYTES + data;
        length -= RECORD_BYTES + data;
    }
    rtp_session_free(w->sides[0].session);
    rtp_session_free(w->sides[1].session);
    check(w->outstanding == 0);
    return 0;
}
