/* links: sctp */
/*
 * Two associations driven by a script: packets lost, doubled, late, damaged; chunks of anybody in packets with the right tag; time; calls.
 * The input is one octet of set-up, then operations of one octet with their arguments.
 *
 * What must hold after each of them:
 *   - the drain ends, and no packet is longer than was configured
 *   - after handle_timeout and a drain the next timeout is in the future
 *   - CONNECTED comes once, RESTARTED and messages after it, and nothing after CLOSED
 *   - memory stays within the budgets
 *   - as long as nobody forges anything: every reliable message arrives at most once, intact, ordered ones in order
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sctp/association.h"
#include "sctp/chunk.h"

#define PACKETS 64
#define PACKET_BYTES 1500
#define BUDGET_BYTES 65536
#define MESSAGE_MAX_BYTES 8192
#define STREAMS 8

struct script {
    const uint8_t *bytes;
    size_t length, at;
};

struct end {
    struct sctp_association *association;
    bool was_connected, is_closed, is_deaf;
    uint32_t sent, last_ordered[STREAMS]; /* messages carry their number */
    uint32_t tag, tsn, first_tsn;         /* of packets to it: the tag, the last TSN, and the first, with which requests are numbered */
    uint8_t seen[8192];
};

struct packet {
    size_t length;
    unsigned to;
    uint8_t bytes[PACKET_BYTES];
};

struct world {
    struct end end[2];
    uint64_t now_us, random_state;
    struct packet packets[PACKETS];
    size_t packet_count;
    size_t allocated, allocations, fail_at;
    bool is_forged;
};

static struct world world;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t next(struct script *script) {
    return script->at < script->length ? script->bytes[script->at++] : 0;
}

static void *allocate(void *context, size_t bytes) {
    struct world *w = context;
    if (++w->allocations == w->fail_at)
        return NULL;
    size_t *block = malloc(bytes + 16);
    *block = bytes;
    w->allocated += bytes;
    return (uint8_t *)block + 16;
}

static void release(void *context, void *memory) {
    struct world *w = context;
    size_t *block = (size_t *)(void *)((uint8_t *)memory - 16);
    w->allocated -= *block;
    free(block);
}

static void seeded(void *context, uint8_t *out, size_t length) {
    struct world *w = context;
    for (size_t i = 0; i < length; i++) {
        w->random_state = w->random_state * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(w->random_state >> 56);
    }
}

/* ---- what must hold ------------------------------------------------------------------------------------------------------------------ */

static void judge_message(struct world *w, unsigned which, const struct sctp_received *message) {
    struct end *end = &w->end[which];
    assert(message->length > 0 && message->length <= MESSAGE_MAX_BYTES);
    uint32_t sum = 0;
    for (size_t i = 0; i < message->length; i++)
        sum += message->bytes[i];
    (void)sum; /* every byte can be read */
    if (w->is_forged)
        return;
    assert(message->length >= 4 && message->stream < STREAMS);
    uint32_t number = (uint32_t)message->bytes[0] << 8 | message->bytes[1];
    assert(number < w->end[1 - which].sent && !end->seen[number]);
    end->seen[number] = 1;
    for (size_t i = 2; i < message->length; i++)
        assert(message->bytes[i] == (uint8_t)(number + i));
    if (!message->is_unordered) {
        assert(number + 1 > end->last_ordered[message->stream]);
        end->last_ordered[message->stream] = number + 1;
    }
}

static void judge_event(struct world *w, unsigned which, const struct sctp_event *event) {
    struct end *end = &w->end[which];
    assert(!end->is_closed);
    switch (event->type) {
    case SCTP_EVENT_CONNECTED:
        assert(!end->was_connected && event->outbound_streams > 0 && event->inbound_streams > 0);
        end->was_connected = true;
        break;
    case SCTP_EVENT_MESSAGE:
        assert(end->was_connected);
        judge_message(w, which, &event->message);
        break;
    case SCTP_EVENT_CLOSED:
        assert(event->reason != SCTP_CLOSED_NONE);
        assert(w->is_forged || event->reason != SCTP_CLOSED_PROTOCOL_VIOLATION);
        end->is_closed = true;
        break;
    case SCTP_EVENT_STREAMS_RESET:
        assert(end->was_connected && (event->stream_count > 0 || event->is_incoming));
        break;
    case SCTP_EVENT_RESTARTED:
        assert(end->was_connected);
        break;
    case SCTP_EVENT_BUFFERED_LOW:
    case SCTP_EVENT_SENDABLE:
        assert(end->was_connected);
        break;
    }
}

static void learn(struct world *w, unsigned from, const uint8_t *bytes, size_t length) {
    struct sctp_packet packet;
    struct sctp_chunk chunk;
    struct sctp_data data;
    struct sctp_init init;
    assert(sctp_packet_parse(bytes, length, &packet) == SCTP_OK);
    struct sctp_walk walk = sctp_walk_packet(&packet);
    while (sctp_walk_chunk(&walk, &chunk)) {
        if (packet.verification_tag != 0)
            w->end[1 - from].tag = packet.verification_tag;
        if ((chunk.type == SCTP_CHUNK_DATA || chunk.type == SCTP_CHUNK_I_DATA) && sctp_read_data(&chunk, &data) == SCTP_OK)
            w->end[1 - from].tsn = data.tsn;
        if ((chunk.type == SCTP_CHUNK_INIT || chunk.type == SCTP_CHUNK_INIT_ACK) && sctp_read_init(&chunk, &init) == SCTP_OK)
            w->end[1 - from].tsn = w->end[1 - from].first_tsn = init.initial_tsn;
    }
}

static void drain(struct world *w, unsigned which) {
    struct end *end = &w->end[which];
    static uint8_t buffer[PACKET_BYTES];
    struct sctp_transmit transmit;
    struct sctp_event event;
    bool has_done = true;
    for (int turns = 0; has_done; turns++) {
        assert(turns < 10000);
        has_done = false;
        while (!end->is_deaf && sctp_association_poll_event(end->association, &event)) {
            judge_event(w, which, &event);
            has_done = true;
        }
        while (sctp_association_poll_transmit(end->association, w->now_us, buffer, sizeof buffer, &transmit)) {
            assert(transmit.length >= SCTP_PACKET_MIN_BYTES && transmit.length <= 1440 && transmit.length % 4 == 0);
            learn(w, which, buffer, transmit.length);
            if (w->packet_count < PACKETS) {
                struct packet *packet = &w->packets[w->packet_count++];
                packet->length = transmit.length;
                packet->to = 1 - which;
                memcpy(packet->bytes, buffer, transmit.length);
            }
            has_done = true;
        }
    }
    assert(w->allocated < 8 * BUDGET_BYTES + 4 * MESSAGE_MAX_BYTES);
}

/* ---- operations ----------------------------------------------------------------------------------------------------------------------- */

static void give(struct world *w, unsigned to, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1); /* AddressSanitizer knows where it ends */
    memcpy(copy, bytes, length);
    (void)sctp_association_handle_datagram(w->end[to].association, w->now_us, copy, length);
    free(copy);
    drain(w, to);
}

static void take_out(struct world *w, size_t i) {
    memmove(&w->packets[i], &w->packets[i + 1], (w->packet_count - i - 1) * sizeof w->packets[0]);
    w->packet_count--;
}

/* how: 0 arrives, 1 arrives and stays, 2 is lost, 3 is damaged */
static void deliver(struct world *w, size_t i, unsigned how, struct script *script) {
    static struct packet packet;
    if (w->packet_count == 0)
        return;
    i %= w->packet_count;
    packet = w->packets[i];
    if (how != 1)
        take_out(w, i);
    if (how == 2)
        return;
    if (how == 3) {
        w->is_forged = true;
        packet.bytes[12 + next(script) % (packet.length - 12)] ^= (uint8_t)(1 + next(script));
        memset(packet.bytes + 8, 0, 4); /* no checksum, where that was agreed */
    }
    give(w, packet.to, packet.bytes, packet.length);
}

static void deliver_all(struct world *w) {
    struct script none = {NULL, 0, 0};
    for (int n = 0; w->packet_count > 0 && n < 500; n++)
        deliver(w, 0, 0, &none);
}

/* A packet with the right tag: chunks of the script; TSNs that are near what is expected, so that not all of them are far away. */
static void forge(struct world *w, unsigned to, struct script *script) {
    uint8_t bytes[512];
    struct sctp_writer writer;
    w->is_forged = true;
    sctp_writer_begin(&writer, bytes, sizeof bytes, SCTP_PORT, SCTP_PORT, w->end[to].tag);
    for (unsigned chunks = 1 + next(script) % 3; chunks > 0; chunks--) {
        uint8_t type = next(script), flags = next(script), length = next(script) % 80, how = next(script);
        sctp_writer_open_chunk(&writer, type, flags);
        if ((how & 1) != 0)
            sctp_writer_u32(&writer, w->end[to].tsn + (uint32_t)(int8_t)next(script));
        if ((how & 2) != 0)
            sctp_writer_u32(&writer, w->end[1 - to].tsn + (uint32_t)(int8_t)next(script));
        if ((how & 4) != 0) { /* a parameter with a number of a request, or a cause */
            sctp_writer_u16(&writer, next(script));
            sctp_writer_u16(&writer, next(script));
            sctp_writer_u32(&writer, w->end[to].first_tsn + (uint32_t)(int8_t)next(script));
        }
        for (unsigned i = 0; i < length; i++) {
            uint8_t byte = next(script);
            sctp_writer_bytes(&writer, &byte, 1);
        }
        sctp_writer_close_chunk(&writer);
    }
    int length = sctp_writer_finish(&writer, false);
    if (length > 0)
        give(w, to, bytes, (size_t)length);
}

static void pass_time(struct world *w, uint64_t us) {
    w->now_us += us;
    for (unsigned which = 0; which < 2; which++) {
        sctp_association_handle_timeout(w->end[which].association, w->now_us);
        drain(w, which);
        assert(sctp_association_next_timeout(w->end[which].association) > w->now_us);
    }
}

static void send(struct world *w, unsigned from, struct script *script) {
    static uint8_t bytes[MESSAGE_MAX_BYTES];
    struct end *end = &w->end[from];
    uint8_t kind = next(script);
    struct sctp_message message = {
        .stream = (uint16_t)(next(script) % STREAMS),
        .payload_protocol = kind,
        .is_unordered = (kind & 1) != 0,
        .reliability = (enum sctp_reliability)((kind >> 1) % 3),
        .max_retransmits = kind >> 6,
        .lifetime_us = (uint64_t)next(script) * 1000,
        .priority = next(script),
        .bytes = bytes,
        .length = 4 + (size_t)next(script) * ((kind & 32) != 0 ? 32 : 1),
    };
    for (size_t i = 2; i < message.length; i++)
        bytes[i] = (uint8_t)(end->sent + i);
    bytes[0] = (uint8_t)(end->sent >> 8);
    bytes[1] = (uint8_t)end->sent;
    if (end->sent < sizeof end->seen && sctp_association_send(end->association, w->now_us, &message) == SCTP_OK)
        end->sent++;
    drain(w, from);
}

static void reset(struct world *w, unsigned from, struct script *script) {
    uint16_t streams[2] = {(uint16_t)(next(script) % STREAMS), (uint16_t)(next(script) % STREAMS)};
    (void)sctp_association_reset_streams(w->end[from].association, w->now_us, streams, 1 + (streams[0] != streams[1]));
    drain(w, from);
}

static void call(struct world *w, unsigned from, uint8_t what, struct script *script) {
    struct sctp_association *a = w->end[from].association;
    struct sctp_association_statistics statistics;
    switch (what % 6) {
    case 0:
        (void)sctp_association_connect(a, w->now_us);
        break;
    case 1:
        (void)sctp_association_set_buffered_low(a, next(script) % STREAMS, next(script));
        break;
    case 2:
        if (next(script) % 4 == 0)
            (void)sctp_association_shutdown(a, w->now_us);
        break;
    case 3:
        if (next(script) % 8 == 0)
            (void)sctp_association_abort(a, w->now_us, script->bytes, script->length);
        break;
    case 4:
        sctp_association_path_changed(a, w->now_us);
        break;
    default:
        sctp_association_statistics(a, &statistics);
        assert(sctp_association_state_name((enum sctp_association_state)(next(script) % 9)) && sctp_closed_reason_name((enum sctp_closed_reason)(next(script) % 9)));
        assert(statistics.packet_bytes >= 508);
        assert(statistics.buffered_bytes == sctp_association_buffered_total(a));
        break;
    }
    drain(w, from);
}

static void operate(struct world *w, struct script *script) {
    uint8_t operation = next(script);
    unsigned which = operation >> 7;
    switch (operation % 16) {
    case 0: case 1: case 2:
        deliver_all(w);
        break;
    case 3:
        deliver(w, next(script), 0, script);
        break;
    case 4:
        deliver(w, next(script), 1, script);
        break;
    case 5:
        deliver(w, next(script), 2, script);
        break;
    case 6:
        deliver(w, next(script), 3, script);
        break;
    case 7: case 8:
        forge(w, which, script);
        break;
    case 9: {
        uint8_t exponent = next(script) % 27;
        pass_time(w, (uint64_t)1 << exponent);
        break;
    }
    case 10: case 11:
        send(w, which, script);
        break;
    case 12:
        reset(w, which, script);
        break;
    case 13:
        call(w, which, next(script), script);
        break;
    case 14:
        w->end[which].is_deaf = !w->end[which].is_deaf;
        drain(w, which);
        break;
    default: { /* bytes of anybody, as they are */
        size_t length = next(script);
        length = length < script->length - script->at ? length : script->length - script->at;
        w->is_forged = true;
        give(w, which, script->bytes + script->at, length);
        script->at += length;
        break;
    }
    }
}

static void make(struct world *w, unsigned which, uint8_t setup) {
    struct sctp_allocator allocator = {allocate, release, w};
    struct sctp_association_config config = {
        .allocator = &allocator,
        .random = seeded,
        .random_context = w,
        .outbound_streams = STREAMS,
        .inbound_streams = STREAMS,
        .packet_bytes = (setup & 8) != 0 ? 508 : 1160,
        .packet_max_bytes = (setup & 1) != 0 ? 1440 : 0,
        .receive_bytes = BUDGET_BYTES,
        .send_bytes = BUDGET_BYTES,
        .message_max_bytes = MESSAGE_MAX_BYTES,
        .accepts_zero_checksum = (setup & 2) != 0,
        .wants_interleaving = (setup & 4) != 0,
        .association_retransmissions = 3,
        .init_retransmissions = 3,
        .heartbeat_us = 2000000,
    };
    w->end[which] = (struct end){.association = sctp_association_new(&config, w->now_us)};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {data, size, 0};
    uint8_t setup = next(&script), chance = next(&script);
    world.now_us = 1000000;
    world.random_state = chance;
    world.packet_count = world.allocated = world.allocations = world.fail_at = 0;
    world.is_forged = false;
    if ((setup & 64) != 0)
        world.fail_at = 3 + next(&script);
    make(&world, 0, setup);
    make(&world, 1, setup);
    if ((setup & 16) != 0)
        (void)sctp_association_connect(world.end[1].association, world.now_us);
    (void)sctp_association_connect(world.end[0].association, world.now_us);
    drain(&world, 0);
    drain(&world, 1);
    if ((setup & 32) == 0)
        deliver_all(&world);
    for (int operations = 0; script.at < script.length && operations < 400; operations++)
        operate(&world, &script);
    for (unsigned which = 0; which < 2; which++) {
        world.end[which].is_deaf = false;
        drain(&world, which);
    }
    for (unsigned which = 0; which < 2; which++)
        sctp_association_free(world.end[which].association);
    assert(world.allocated == 0);
    return 0;
}
