/* links: ice stun */
/*
 * Two agents with TCP candidates and mDNS names, driven by a script: each byte is an operation, some take more bytes. OPEN_STREAM
 * events become connections when the script says so; what the agents write into them waits there until the script delivers it, in
 * chunks of its choice, or breaks it. Strangers connect, write what they like and stay. UDP is lost, unless the setup says otherwise.
 *
 * test/ice/test_fuzz_stream_seeds.c includes this file to prove what the seeds reach.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ice/agent.h"
#include "ice/framing.h"
#include "stun/message.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

#define MS 1000u
#define SECOND 1000000u
#define LINK_MAX 32
#define BUFFER_MAX 4096

static const char *const names[] = {"00000000-0000-4000-8000-00000000000a.local", "00000000-0000-4000-8000-00000000000b.local",
                                    "00000000-0000-4000-8000-00000000000c.local", "unusual.local"};

enum operation {
    STREAM_TIMEOUT,    /* the next timeout of an agent comes */
    STREAM_WAIT,       /* byte: that many 100 ms pass */
    STREAM_RUN,        /* everything goes well for a while */
    STREAM_CONNECT,    /* byte: which of the connections that are wanted gets through */
    STREAM_REFUSE,     /* byte: which does not */
    STREAM_DELIVER,    /* byte: which; byte: how many bytes */
    STREAM_CORRUPT,    /* byte: which; byte: where */
    STREAM_CLOSE,      /* byte: which */
    STREAM_STRANGER,   /* byte: from which port */
    STREAM_RAW,        /* byte: which; byte: how many; bytes, into an end */
    STREAM_PAYLOAD,    /* byte: length */
    STREAM_INTERFACES, /* byte: which of them are there, and whether they have names */
    STREAM_SIGNAL,     /* credentials and candidates of the other */
    STREAM_NAME,       /* byte: which name, of what kind: a remote candidate */
    STREAM_ANSWER,     /* byte: which query; byte: what the answer is */
    STREAM_RESTART,    /* one agent */
    STREAM_OPERATION_COUNT
};

enum end_state { END_NONE, END_WANTED, END_OPEN, END_CLOSED };

/* One end, and what has been written to it and not been read. */
struct end {
    enum end_state state;
    struct ice_path path;
    uint8_t bytes[BUFFER_MAX];
    size_t length;
};

struct link {
    struct end end[2];
};

struct side {
    struct ice_agent *agent;
    enum ice_state state;
    uint64_t queries[64];
    size_t query_count;
};

/* What a run has reached. */
struct fuzz_ice_streams_reached {
    bool connected, failed, disconnected, received, refused_stranger, resolved, restarted;
};

static struct {
    struct side side[2];
    struct link links[LINK_MAX];
    uint64_t now_us, random, accepted, ports;
    bool udp;
    const uint8_t *script;
    size_t left;
    struct fuzz_ice_streams_reached reached;
} world;

static uint8_t next_byte(void) {
    if (world.left == 0)
        return 0;
    world.left--;
    return *world.script++;
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    (void)context;
    for (size_t i = 0; i < length; i++) {
        world.random = world.random * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(world.random >> 56);
    }
}

static struct stun_address address_of(int side, uint16_t port) {
    return (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = port, .ip = {192, 0, 2, (uint8_t)(side + 1)}};
}

/* ---- connections ------------------------------------------------------------------------------------------------------------------- */

static struct link *free_link(void) {
    for (size_t i = 0; i < LINK_MAX; i++) {
        struct link *link = &world.links[i];
        if (link->end[0].state % END_CLOSED == END_NONE && link->end[1].state % END_CLOSED == END_NONE)
            return link;
    }
    return NULL;
}

static struct end *find_end(int side, uint64_t stream_id) {
    for (size_t i = 0; i < LINK_MAX; i++) {
        struct end *end = &world.links[i].end[side];
        if ((end->state == END_WANTED || end->state == END_OPEN) && end->path.stream_id == stream_id)
            return end;
    }
    return NULL;
}

/* The link that the script means, if its end at this side is in that state. */
static struct link *choose(int side, enum end_state state) {
    size_t skip = next_byte(), count = 0;
    for (size_t i = 0; i < LINK_MAX; i++)
        count += world.links[i].end[side].state == state;
    for (size_t i = 0; count > 0 && i < LINK_MAX; i++)
        if (world.links[i].end[side].state == state && skip-- % count == 0)
            return &world.links[i];
    return NULL;
}

static void drain(int index);

static void take_output(int index, const struct ice_transmit *out, const uint8_t *bytes) {
    if (out->path.transport == ICE_TRANSPORT_UDP) {
        struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = out->path.remote, .remote = out->path.local};
        if (world.udp && out->path.remote.ip[3] == 2 - index) {
            ice_agent_handle_datagram(world.side[1 - index].agent, world.now_us, &path, bytes + out->offset, out->length);
            drain(1 - index);
        }
        return;
    }
    struct end *end = find_end(index, out->path.stream_id);
    REQUIRE(end != NULL && end->state == END_OPEN); /* nothing is written to what is not open, or was to be closed */
    const uint8_t *frame = bytes + out->offset;
    REQUIRE(out->length >= 2 && (size_t)(frame[0] << 8 | frame[1]) == out->length - 2); /* one whole frame */
    for (size_t i = 0; i < LINK_MAX; i++) {
        struct end *peer = &world.links[i].end[1 - index];
        if (end == &world.links[i].end[index] && peer->state == END_OPEN && out->length <= BUFFER_MAX - peer->length) {
            memcpy(peer->bytes + peer->length, frame, out->length);
            peer->length += out->length;
        }
    }
}

static void take_event(int index, const struct ice_event *event) {
    struct side *side = &world.side[index];
    struct link *link;
    struct end *end;
    switch (event->type) {
    case ICE_EVENT_STATE:
        side->state = event->as.state.state;
        world.reached.connected |= side->state == ICE_STATE_CONNECTED || side->state == ICE_STATE_COMPLETED;
        world.reached.disconnected |= side->state == ICE_STATE_DISCONNECTED;
        world.reached.failed |= side->state == ICE_STATE_FAILED;
        break;
    case ICE_EVENT_OPEN_STREAM:
        REQUIRE(event->as.stream.path.transport == ICE_TRANSPORT_TCP && event->as.stream.path.stream_id != 0);
        REQUIRE(find_end(index, event->as.stream.path.stream_id) == NULL);
        if ((link = free_link()) != NULL) {
            memset(link, 0, sizeof *link);
            link->end[index] = (struct end){.state = END_WANTED, .path = event->as.stream.path};
        }
        break;
    case ICE_EVENT_CLOSE_STREAM:
        if ((end = find_end(index, event->as.stream.path.stream_id)) != NULL)
            end->state = END_CLOSED;
        world.reached.refused_stranger |= (event->as.stream.path.stream_id & ICE_STREAM_ACCEPTED) != 0;
        break;
    case ICE_EVENT_RESOLVE:
        REQUIRE(strlen(event->as.resolve.name) <= ICE_MDNS_NAME_MAX_BYTES);
        if (side->query_count < sizeof side->queries / sizeof side->queries[0])
            side->queries[side->query_count++] = event->as.resolve.query;
        break;
    case ICE_EVENT_CANDIDATE: { /* whatever it says can be written and read again, and no hidden address is in it */
        char text[ICE_CANDIDATE_TEXT_BYTES];
        struct ice_candidate parsed;
        size_t length = ice_candidate_write(event->as.candidate, text, sizeof text);
        REQUIRE(length > 0 && ice_candidate_parse(text, length, &parsed, NULL) == ICE_OK);
        REQUIRE((event->as.candidate->hostname[0] != '\0') == (event->as.candidate->address.family == STUN_ADDRESS_NONE));
        break;
    }
    default: break;
    }
}

static void check_invariants(int index) {
    struct side *side = &world.side[index];
    struct ice_statistics statistics;
    struct ice_pair_statistics pair;
    uint8_t buffer[ICE_HEADROOM_BYTES + 16 + ICE_TAILROOM_BYTES] = {0};
    struct ice_transmit out;
    ice_agent_statistics(side->agent, &statistics);
    for (size_t i = 0; ice_agent_pair_statistics(side->agent, i, &pair); i++)
        REQUIRE(pair.local->protocol == pair.remote->protocol && pair.responses_received <= pair.requests_sent);
    if (ice_agent_wrap_payload(side->agent, world.now_us, buffer, 16, sizeof buffer, &out) == ICE_OK) {
        REQUIRE(ice_agent_is_path_valid(side->agent, &out.path));
        if (out.path.transport == ICE_TRANSPORT_TCP)
            REQUIRE(find_end(index, out.path.stream_id) != NULL && out.length == 18 && out.offset == ICE_HEADROOM_BYTES - 2);
    }
    if (statistics.state == ICE_STATE_FAILED)
        REQUIRE(ice_agent_next_timeout(side->agent) == UINT64_MAX);
}

static void drain(int index) {
    struct side *side = &world.side[index];
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
    struct ice_transmit out;
    struct ice_received received;
    struct ice_event event;
    size_t count = 0;
    while (ice_agent_poll_transmit(side->agent, world.now_us, bytes, sizeof bytes, &out)) {
        REQUIRE(++count < 200);
        take_output(index, &out, bytes);
    }
    while (ice_agent_poll_received(side->agent, &received)) {
        REQUIRE(++count < 8000 && received.length > 0 && ice_agent_is_path_valid(side->agent, &received.path));
        for (size_t i = 0; i < received.length; i++) /* every byte is there to be read */
            world.random ^= received.bytes[i];
        world.reached.received = true;
    }
    while (ice_agent_poll_event(side->agent, &event)) {
        REQUIRE(++count < 8000);
        take_event(index, &event);
    }
    check_invariants(index);
}

/* ---- moving things ----------------------------------------------------------------------------------------------------------------- */

static void timeout(int index) {
    uint64_t next_us = ice_agent_next_timeout(world.side[index].agent);
    if (next_us == UINT64_MAX)
        return;
    world.now_us = next_us > world.now_us ? next_us : world.now_us;
    ice_agent_handle_timeout(world.side[index].agent, world.now_us);
    drain(index);
    REQUIRE(ice_agent_next_timeout(world.side[index].agent) > world.now_us);
}

static void feed(int to, struct end *end, const uint8_t *bytes, size_t length) {
    struct ice_path path = end->path;
    uint8_t *copy = malloc(length > 0 ? length : 1);
    REQUIRE(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    ice_agent_handle_stream_bytes(world.side[to].agent, world.now_us, &path, copy, length);
    drain(to);
    free(copy);
}

static void deliver(struct end *end, int to, size_t length) {
    uint8_t chunk[BUFFER_MAX];
    if (length > end->length)
        length = end->length;
    memcpy(chunk, end->bytes, length);
    end->length -= length;
    memmove(end->bytes, end->bytes + length, end->length);
    if (end->state == END_OPEN)
        feed(to, end, chunk, length);
}

static void finish(int side, struct end *end, int error) {
    struct ice_path path = end->path;
    end->state = END_CLOSED;
    ice_agent_handle_stream_closed(world.side[side].agent, world.now_us, &path, error);
    drain(side);
}

static void accept_at(int to, struct link *link, const struct stun_address *from, const struct stun_address *at) {
    struct end *end = &link->end[to];
    *end = (struct end){.state = END_OPEN, .path = {.transport = ICE_TRANSPORT_TCP, .local = *at, .remote = *from, .stream_id = ICE_STREAM_ACCEPTED | ++world.accepted}};
    struct ice_path path = end->path;
    if (ice_agent_handle_stream_opened(world.side[to].agent, world.now_us, &path) != ICE_OK)
        end->state = END_CLOSED;
    drain(to);
}

static void connect_link(int from, struct link *link) {
    struct end *end = &link->end[from];
    if (end->path.remote.ip[3] != 2 - from) {
        finish(from, end, 113);
        return;
    }
    if (end->path.local.port == 0)
        end->path.local.port = (uint16_t)(50000 + ++world.ports % 10000);
    struct stun_address source = end->path.local, target = end->path.remote;
    accept_at(1 - from, link, &source, &target);
    if (end->state != END_WANTED)
        return;
    if (link->end[1 - from].state != END_OPEN) {
        finish(from, end, 111);
        return;
    }
    end->state = END_OPEN;
    struct ice_path path = end->path;
    REQUIRE(ice_agent_handle_stream_opened(world.side[from].agent, world.now_us, &path) == ICE_OK);
    drain(from);
}

static void close_link(int side, struct link *link) {
    finish(side, &link->end[side], 104);
    if (link->end[1 - side].state == END_OPEN)
        finish(1 - side, &link->end[1 - side], 0);
}

static void answer(int index, size_t query, uint8_t kind) {
    struct side *side = &world.side[index];
    struct stun_address addresses[3] = {address_of(1 - index, 0), {.family = STUN_ADDRESS_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, address_of(index, 0)};
    if (side->query_count == 0)
        return;
    if (kind & 8)
        addresses[0].ip[0] = 255;
    int result = ice_agent_handle_resolved(side->agent, world.now_us, side->queries[query % side->query_count] + (kind >> 6), addresses, kind % 4);
    world.reached.resolved |= result == ICE_OK && kind % 4 > 0;
    drain(index);
}

static void run(unsigned steps) {
    while (steps-- > 0) {
        bool moved = false;
        for (int i = 0; i < 2; i++) {
            for (size_t n = 0; n < LINK_MAX; n++) {
                struct link *link = &world.links[n];
                moved |= link->end[i].state == END_WANTED || (link->end[i].state == END_OPEN && link->end[i].length > 0);
                if (link->end[i].state == END_WANTED)
                    connect_link(i, link);
                else if (link->end[i].state == END_OPEN && link->end[i].length > 0)
                    deliver(&link->end[i], i, BUFFER_MAX);
            }
        }
        if (!moved)
            timeout(ice_agent_next_timeout(world.side[0].agent) <= ice_agent_next_timeout(world.side[1].agent) ? 0 : 1);
    }
}

/* ---- operations -------------------------------------------------------------------------------------------------------------------- */

static void set_interfaces(int index, uint8_t which) {
    static const enum ice_transport transports[] = {ICE_TRANSPORT_TCP, ICE_TRANSPORT_UDP, ICE_TRANSPORT_TCP, ICE_TRANSPORT_TCP};
    static const uint16_t ports[] = {5000, 5000, 9, 5001};
    struct ice_interface interfaces[4];
    size_t count = 0;
    for (unsigned i = 0; i < 4; i++)
        if (which & (1u << i))
            interfaces[count++] = (struct ice_interface){.base = address_of(index, ports[i]), .preference = (uint16_t)(65535 - i), .transport = transports[i],
                                                         .mdns_name = which & 16 ? names[index] : NULL};
    ice_agent_handle_interfaces(world.side[index].agent, world.now_us, interfaces, count);
    drain(index);
}

static void signal_from(int from, int to) {
    const struct ice_agent *agent = world.side[from].agent;
    const char *ufrag = ice_agent_local_ufrag(agent), *password = ice_agent_local_password(agent);
    ice_agent_set_remote_credentials(world.side[to].agent, world.now_us, ufrag, strlen(ufrag), password, strlen(password));
    drain(to);
    for (size_t i = 0; i < ice_agent_local_candidate_count(agent); i++) {
        struct ice_candidate candidate = *ice_agent_local_candidate(agent, i);
        ice_agent_add_remote_candidate(world.side[to].agent, world.now_us, &candidate);
        drain(to);
    }
    ice_agent_end_of_remote_candidates(world.side[to].agent, world.now_us);
    drain(to);
}

static void add_name(int index, uint8_t value) {
    static const enum ice_tcp_type types[] = {ICE_TCP_NONE, ICE_TCP_PASSIVE, ICE_TCP_SIMULTANEOUS_OPEN, ICE_TCP_ACTIVE};
    enum ice_tcp_type type = types[value / 4 % 4];
    struct ice_candidate candidate = {.foundation = "n", .component = 1, .priority = 1000000u + value, .type = ICE_CANDIDATE_HOST, .tcp_type = type,
                                      .protocol = type == ICE_TCP_NONE ? ICE_PROTOCOL_UDP : ICE_PROTOCOL_TCP};
    memcpy(candidate.hostname, names[value % 4], strlen(names[value % 4]) + 1);
    candidate.address.port = (uint16_t)(5000 + value / 16);
    ice_agent_add_remote_candidate(world.side[index].agent, world.now_us, &candidate);
    drain(index);
}

static void raw(int index, struct link *link) {
    uint8_t bytes[256];
    size_t length = next_byte();
    for (size_t i = 0; i < length; i++)
        bytes[i] = next_byte();
    if (link != NULL)
        feed(index, &link->end[index], bytes, length);
}

static void send_payload(int index, size_t length) {
    uint8_t buffer[ICE_HEADROOM_BYTES + 256 + ICE_TAILROOM_BYTES];
    struct ice_transmit out;
    memset(buffer, 128, sizeof buffer);
    if (ice_agent_wrap_payload(world.side[index].agent, world.now_us, buffer, length, sizeof buffer, &out) == ICE_OK)
        take_output(index, &out, buffer);
    drain(index);
}

static void stranger(int to, uint8_t port) {
    struct link *link = free_link();
    if (link == NULL)
        return;
    memset(link, 0, sizeof *link);
    struct stun_address from = address_of(port & 1 ? 1 - to : 8, (uint16_t)(2000 + port)), at = address_of(to, port & 2 ? 5000 : 5001);
    accept_at(to, link, &from, &at);
}

static void operate(uint8_t code) {
    int side = code >> 7;
    struct link *link;
    switch ((enum operation)(code % STREAM_OPERATION_COUNT)) {
    case STREAM_TIMEOUT: timeout(side); break;
    case STREAM_WAIT:
        world.now_us += (uint64_t)next_byte() * 100 * MS;
        for (int i = 0; i < 2; i++) {
            ice_agent_handle_timeout(world.side[i].agent, world.now_us);
            drain(i);
        }
        break;
    case STREAM_RUN: run(20); break;
    case STREAM_CONNECT:
        if ((link = choose(side, END_WANTED)) != NULL)
            connect_link(side, link);
        break;
    case STREAM_REFUSE:
        if ((link = choose(side, END_WANTED)) != NULL)
            finish(side, &link->end[side], 111);
        break;
    case STREAM_DELIVER:
        link = choose(side, END_OPEN);
        if (link != NULL)
            deliver(&link->end[side], side, next_byte());
        break;
    case STREAM_CORRUPT:
        link = choose(side, END_OPEN);
        if (link != NULL && link->end[side].length > 0)
            link->end[side].bytes[next_byte() % link->end[side].length] ^= (uint8_t)(1u << (code >> 4 & 7));
        break;
    case STREAM_CLOSE:
        if ((link = choose(side, END_OPEN)) != NULL)
            close_link(side, link);
        break;
    case STREAM_STRANGER: stranger(side, next_byte()); break;
    case STREAM_RAW: raw(side, choose(side, END_OPEN)); break;
    case STREAM_PAYLOAD: send_payload(side, next_byte()); break;
    case STREAM_INTERFACES: set_interfaces(side, next_byte()); break;
    case STREAM_SIGNAL: signal_from(1 - side, side); break;
    case STREAM_NAME: add_name(side, next_byte()); break;
    case STREAM_ANSWER: {
        size_t query = next_byte();
        answer(side, query, next_byte());
        break;
    }
    case STREAM_RESTART:
        world.reached.restarted |= ice_agent_restart(world.side[side].agent, world.now_us) == ICE_OK;
        drain(side);
        break;
    case STREAM_OPERATION_COUNT: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    memset(&world, 0, sizeof world);
    world.script = data;
    world.left = size < 600 ? size : 600;
    world.now_us = 100 * SECOND;
    uint8_t setup = next_byte();
    world.random = setup;
    world.udp = setup & 4;
    for (int i = 0; i < 2; i++) {
        struct ice_agent_config config = {.role = setup & (1u << i) ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .random = random_bytes};
        world.side[i].agent = ice_agent_new(&config, world.now_us);
        REQUIRE(world.side[i].agent != NULL);
        set_interfaces(i, (uint8_t)(setup >> 3));
        REQUIRE(ice_agent_gather(world.side[i].agent, world.now_us) == ICE_OK);
        drain(i);
    }
    while (world.left > 0)
        operate(next_byte());
    ice_agent_free(world.side[0].agent);
    ice_agent_free(world.side[1].agent);
    return 0;
}
