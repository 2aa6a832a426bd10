/* links: ice stun */
/* with: test/ice/relay_double.c */
/*
 * Two agents driven by a script: each byte is an operation, some take more bytes. What the agents send goes into a queue, from
 * where the script delivers it, drops it, breaks it, sends it from elsewhere; it lets time pass, calls the API in any order,
 * and forges requests with the right key. After each operation the invariants of `check_invariants` hold.
 *
 * The first byte says who is who and what there is: which role each side has, a STUN server, a second interface, a TURN server over UDP,
 * one over TCP, policy relay, and whether the servers have a name. All of them are one server (test/ice/relay_double.h).
 *
 * test/ice/test_fuzz_seeds.c includes this file to prove that the seeds reach nominated, connected and failed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ice/agent.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "test/ice/relay_double.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

#define MS 1000u
#define SECOND 1000000u
#define TA_US (50u * MS)
#define IN_FLIGHT_MAX 64
#define SEEN_MAX 512

enum operation {
    OPERATION_TIMEOUT,       /* the next timeout of an agent comes */
    OPERATION_WAIT,          /* byte: that many 100 ms pass */
    OPERATION_DELIVER,
    OPERATION_DROP,
    OPERATION_CORRUPT,       /* two bytes: which bit */
    OPERATION_MISROUTE,      /* byte: from another port */
    OPERATION_DUPLICATE,
    OPERATION_REORDER,
    OPERATION_RUN,           /* everything goes well for a while */
    OPERATION_RAW,           /* byte: length; bytes */
    OPERATION_CANDIDATE,     /* byte: port */
    OPERATION_SIGNAL,        /* credentials and candidates of the other */
    OPERATION_INTERFACES,    /* byte: which of them are there */
    OPERATION_SEND_ERROR,
    OPERATION_FORGE,         /* byte: flags; byte: port. A request with the right key */
    OPERATION_SILENCE,       /* time passes and everything is lost */
    OPERATION_COUNT
};

/* Codes 0x20..0x2F: what happens to generations, and to the selected pair. */
enum generation_operation {
    GENERATION_RESTART,      /* one side, for itself */
    GENERATION_RENEGOTIATE,  /* both sides, signaled */
    GENERATION_FORGE_OLD,    /* byte: flags; byte: port. A request with the key of the generation before */
    GENERATION_OVERTAKE,     /* byte: port. A copy of the oldest datagram arrives before it, from there */
    GENERATION_LITE,         /* byte: whether the other side is said to be lite */
    GENERATION_CANCEL,       /* a restart that is offered */
    GENERATION_RESTART_WITH, /* byte: how long a ufrag, beyond the shortest. Credentials of our own */
    GENERATION_OPERATION_COUNT
};

/* Codes 0x30..0x3F: servers and streams. */
enum relay_operation {
    RELAY_STREAM_OPENED,    /* the oldest that waits */
    RELAY_STREAM_CLOSED,    /* byte: which; byte: error */
    RELAY_STREAM_RAW,       /* byte: which; byte: length; bytes */
    RELAY_SPLIT,            /* byte: the oldest, if it goes to a stream, is cut there */
    RELAY_PAYLOAD,          /* byte: length; one side sends data */
    RELAY_RESTARTS,         /* the server forgets */
    RELAY_DOWN,             /* the server is silent, or no more */
    RELAY_REFUSES,          /* byte: how it answers Allocate from now on */
    RELAY_FORBIDS,          /* byte: to which of the two it does not relay, or to both */
    RELAY_RAW,              /* byte: length; bytes. A datagram from the server's address */
    RELAY_RESOLVED,         /* byte: which server; byte: with how many addresses */
    RELAY_CLOSE_AGENT,
    RELAY_MESSAGE,          /* byte: method and class; byte: an error code. A STUN message from the server */
    RELAY_ANSWER_ERROR,     /* byte: error code. The oldest, a request to the server, is refused with it */
    RELAY_OPERATION_COUNT
};

struct flying {
    struct ice_path path;
    size_t length;
    int from;           /* of a server: to whose stream */
    bool is_of_server;
    bool has_answer;    /* inside of what the server has wrapped is a success response */
    uint8_t bytes[RELAY_DOUBLE_BYTES];
};

#define STREAM_MAX 32

struct stream {
    struct ice_path path;
    enum { STREAM_WANTED, STREAM_OPEN, STREAM_OVER } state;
};

struct side {
    struct ice_agent *agent;
    enum ice_state state;
    uint64_t last_answer_us;      /* an untouched response was delivered */
    uint64_t last_transaction_us, last_check_us;
    uint8_t seen[SEEN_MAX][STUN_TRANSACTION_ID_BYTES];
    size_t seen_count;
    bool failed, closed;
    struct stream streams[STREAM_MAX];
    size_t stream_count;
    char old_ufrag[ICE_UFRAG_MAX_BYTES + 1], old_password[ICE_PASSWORD_MAX_BYTES + 1]; /* before the last restart */
    char kept_ufrag[ICE_UFRAG_MAX_BYTES + 1]; /* before the restart that is offered */
    bool offered;
};

/* What a run has reached. */
struct fuzz_ice_reached {
    bool nominated, connected, completed, disconnected, failed, role_changed, selected_after_restart, cancelled;
    bool relayed_pair, payload_by_datagram, payload_by_stream, relay_lost, relay_again, closed;
};

struct world {
    struct side side[2];
    uint64_t now_us;
    uint64_t random;
    struct relay_double server;
    bool has_turn;
    struct flying queue[IN_FLIGHT_MAX];
    size_t queue_count;
    const uint8_t *script;
    size_t left;
    struct fuzz_ice_reached reached;
};

static struct world world;

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

static const struct stun_address server_address = {.family = STUN_ADDRESS_IPV4, .port = 3478, .ip = {192, 0, 2, 200}};

static bool is_to_server(const struct ice_path *path) {
    return path->transport != ICE_TRANSPORT_UDP || path->remote.ip[3] >= 200;
}

/* ---- invariants ----------------------------------------------------------------------------------------------------------------- */

/* A request on the selected pair: it has succeeded, so nothing but consent is asked there. */
static bool is_consent(const struct side *side, const struct flying *sent) {
    struct ice_transmit out;
    uint8_t buffer[ICE_HEADROOM_BYTES + 16 + ICE_TAILROOM_BYTES];
    return ice_agent_wrap_payload(side->agent, world.now_us, buffer, 16, sizeof buffer, &out) == ICE_OK &&
           stun_address_equal(&out.path.local, &sent->path.local) && stun_address_equal(&out.path.remote, &sent->path.remote);
}

/* RFC 8445 section 14.2: new transactions 5 ms apart, new checks Ta; a nomination repeats a check, consent has its own clock. */
static void check_pacing(struct side *side, const struct flying *sent) {
    struct stun_message message;
    struct stun_attribute attribute;
    bool is_wrapped = is_to_server(&sent->path);
    if (is_wrapped && sent->bytes[0] >= 0x40)
        return; /* consent by a channel */
    REQUIRE(stun_message_parse(sent->bytes, sent->length, &message) == STUN_OK);
    REQUIRE(is_wrapped || stun_message_check_fingerprint(&message) == STUN_OK);
    if (message.class_ != STUN_CLASS_REQUEST || sent->path.transport != ICE_TRANSPORT_UDP || side->closed)
        return;
    for (size_t i = 0; i < side->seen_count; i++)
        if (memcmp(side->seen[i], message.transaction_id, STUN_TRANSACTION_ID_BYTES) == 0)
            return;
    if (side->seen_count < SEEN_MAX)
        memcpy(side->seen[side->seen_count++], message.transaction_id, STUN_TRANSACTION_ID_BYTES);
    if (side->seen_count == SEEN_MAX || is_consent(side, sent))
        return;
    REQUIRE(side->last_transaction_us == 0 || world.now_us - side->last_transaction_us >= 5 * MS);
    side->last_transaction_us = world.now_us;
    bool is_gathering = message.integrity_offset == 0 || is_wrapped;
    if (is_gathering || stun_message_find(&message, STUN_ATTRIBUTE_USE_CANDIDATE, &attribute))
        return;
    REQUIRE(side->last_check_us == 0 || world.now_us - side->last_check_us >= TA_US);
    side->last_check_us = world.now_us;
}

static void check_invariants(struct side *side) {
    struct ice_statistics statistics;
    struct ice_pair_statistics pair;
    struct ice_transmit out;
    uint8_t buffer[ICE_HEADROOM_BYTES + 16 + ICE_TAILROOM_BYTES];
    size_t selected = 0, previous = 0;
    ice_agent_statistics(side->agent, &statistics);
    REQUIRE(ice_agent_pair_count(side->agent) <= ICE_PAIR_MAX + 2 * ICE_PREVIOUS_PAIR_MAX);
    REQUIRE(ice_agent_local_candidate_count(side->agent) <= ICE_LOCAL_CANDIDATE_MAX);
    for (size_t i = 0; ice_agent_pair_statistics(side->agent, i, &pair); i++) {
        previous += pair.previous;
        if (pair.selected) {
            selected++;
            world.reached.selected_after_restart |= statistics.restarts > 0 && !pair.previous;
            /* who is selected has been asked, and has answered with the right key */
            REQUIRE(pair.state == ICE_PAIR_SUCCEEDED && pair.nominated && pair.responses_received > 0);
        }
        if (pair.state == ICE_PAIR_SUCCEEDED)
            REQUIRE(pair.responses_received > 0);
        REQUIRE((pair.verdict == ICE_VERDICT_SELECTED) == pair.selected);
        REQUIRE(ice_pair_verdict_name(pair.verdict)[0] != '\0' && pair.remote->address.port != 0);
        REQUIRE(pair.responses_received <= pair.requests_sent);
    }
    struct ice_remote_statistics remote;
    for (size_t i = 0; ice_agent_remote_candidate(side->agent, i, &remote); i++)
        REQUIRE((remote.pairs > 0) == (remote.unpaired == ICE_UNPAIRED_NONE));
    REQUIRE(selected <= 1 && previous <= ICE_PREVIOUS_PAIR_MAX);
    bool is_up = statistics.state == ICE_STATE_CONNECTED || statistics.state == ICE_STATE_COMPLETED;
    if (is_up)
        REQUIRE(selected == 1);
    /* RFC 7675: no payload later than 30 s after an answer that the peer did sign */
    if (ice_agent_wrap_payload(side->agent, world.now_us, buffer, 16, sizeof buffer, &out) == ICE_OK) {
        REQUIRE(selected == 1 && world.now_us - side->last_answer_us < 30 * SECOND);
        struct ice_path path = out.path;
        REQUIRE(is_to_server(&path) || ice_agent_is_path_valid(side->agent, &path));
    }
    if (side->failed) { /* until a restart */
        REQUIRE(statistics.state == ICE_STATE_FAILED && selected == 0);
        REQUIRE(world.has_turn || ice_agent_next_timeout(side->agent) == UINT64_MAX); /* relays are kept */
    }
    if (side->closed)
        REQUIRE(statistics.state == ICE_STATE_CLOSED && selected == 0);
    REQUIRE(statistics.memory_bytes <= ICE_MEMORY_BUDGET_DEFAULT_BYTES);
    for (size_t i = 0; i < ice_agent_server_count(side->agent); i++) {
        struct ice_server_statistics server;
        REQUIRE(ice_agent_server_statistics(side->agent, i, &server));
        REQUIRE(server.realm != NULL && server.reason != NULL && server.software != NULL && server.host != NULL);
        REQUIRE(ice_server_state_name(server.state)[0] != '\0');
        REQUIRE((server.state == ICE_SERVER_ANSWERED) == (server.answered_us != 0));
        world.reached.relay_lost |= server.relays_lost > 0;
        world.reached.relay_again |= server.relays_lost > 0 && server.relayed[0].family != STUN_ADDRESS_NONE;
    }
}

/* ---- streams and data ------------------------------------------------------------------------------------------------------------ */

static void take_stream_event(struct side *side, const struct ice_event *event) {
    if (event->type == ICE_EVENT_OPEN_STREAM && side->stream_count < STREAM_MAX)
        side->streams[side->stream_count++] = (struct stream){.path = event->as.stream.path, .state = STREAM_WANTED};
    if (event->type != ICE_EVENT_CLOSE_STREAM)
        return;
    for (size_t i = 0; i < side->stream_count; i++)
        if (side->streams[i].path.stream_id == event->as.stream.path.stream_id)
            side->streams[i].state = STREAM_OVER;
}

/* What is handed up is no STUN, and every byte of it can be read. */
static void take_received(struct side *side) {
    struct ice_received received;
    size_t count = 0;
    while (ice_agent_poll_received(side->agent, &received)) {
        static uint8_t copy[65536];
        REQUIRE(++count < 1000 && received.length <= sizeof copy);
        if (received.length > 0)
            memcpy(copy, received.bytes, received.length);
        REQUIRE(!stun_message_is_stun(copy, received.length));
        REQUIRE(received.path.transport == ICE_TRANSPORT_UDP && received.path.remote.family != STUN_ADDRESS_NONE);
    }
    world.reached.payload_by_datagram |= count > 0 && side->stream_count == 0;
    world.reached.payload_by_stream |= count > 0 && side->stream_count > 0;
}

/* ---- moving things ----------------------------------------------------------------------------------------------------------------- */

static void drain(int index) {
    struct side *side = &world.side[index];
    struct flying sent = {.from = index};
    struct ice_transmit out;
    struct ice_event event;
    size_t count = 0;
    while (ice_agent_poll_transmit(side->agent, world.now_us, sent.bytes, sizeof sent.bytes, &out)) {
        REQUIRE(++count < 200);
        REQUIRE((!side->failed && !side->closed) || is_to_server(&out.path));
        sent.path = out.path;
        sent.length = out.length;
        REQUIRE(out.offset == 0 && out.length <= ICE_DATAGRAM_MAX_BYTES);
        REQUIRE(out.path.transport == ICE_TRANSPORT_UDP || out.path.stream_id != 0);
        check_pacing(side, &sent);
        if (world.queue_count < IN_FLIGHT_MAX)
            world.queue[world.queue_count++] = sent;
    }
    take_received(side);
    while (ice_agent_poll_event(side->agent, &event)) {
        REQUIRE(++count < 1000);
        take_stream_event(side, &event);
        if (event.type == ICE_EVENT_ROLE)
            world.reached.role_changed = true;
        if (event.type == ICE_EVENT_SELECTED_PAIR) {
            world.reached.nominated = true;
            world.reached.relayed_pair |= event.as.selected_pair.local->type == ICE_CANDIDATE_RELAYED;
        }
        if (event.type != ICE_EVENT_STATE)
            continue;
        side->state = event.as.state.state;
        world.reached.connected |= side->state == ICE_STATE_CONNECTED;
        world.reached.completed |= side->state == ICE_STATE_COMPLETED;
        world.reached.disconnected |= side->state == ICE_STATE_DISCONNECTED;
        world.reached.failed |= side->state == ICE_STATE_FAILED;
        side->failed |= side->state == ICE_STATE_FAILED;
        REQUIRE((side->state == ICE_STATE_FAILED) == (event.as.state.failure != ICE_FAILURE_NONE));
    }
    check_invariants(side);
}

static struct flying take_oldest(void) {
    struct flying oldest = world.queue[0];
    world.queue_count--;
    memmove(world.queue, world.queue + 1, world.queue_count * sizeof world.queue[0]);
    return oldest;
}

static void handle(int to, const struct stun_address *from, const struct stun_address *at, const uint8_t *bytes, size_t length) {
    struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = *at, .remote = *from};
    uint8_t *copy = malloc(length > 0 ? length : 1);
    REQUIRE(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    ice_agent_handle_datagram(world.side[to].agent, world.now_us, &path, copy, length);
    drain(to); /* what was unwrapped is a view into the datagram */
    free(copy);
}

static bool is_answer(const uint8_t *bytes, size_t length) {
    struct stun_message message;
    return stun_message_parse(bytes, length, &message) == STUN_OK && message.class_ == STUN_CLASS_SUCCESS_RESPONSE;
}

/* What the server has to say goes into the queue like anything else. */
static void enqueue_output(const struct relay_double_output *out, bool has_answer) {
    struct flying sent = {.is_of_server = true, .has_answer = has_answer, .length = out->length};
    memcpy(sent.bytes, out->bytes, out->length);
    sent.path.local = out->to_peer ? out->relayed : world.server.address;
    sent.path.remote = out->to_peer ? out->peer : out->flow.client;
    if (!out->to_peer && out->flow.stream_id != 0) {
        sent.path.transport = ICE_TRANSPORT_TCP;
        sent.path.stream_id = out->flow.stream_id / 2;
        sent.from = (int)(out->flow.stream_id % 2);
    }
    if (world.queue_count < IN_FLIGHT_MAX)
        world.queue[world.queue_count++] = sent;
}

static struct stream *find_stream(int index, uint64_t id) {
    struct side *side = &world.side[index];
    for (size_t i = 0; i < side->stream_count; i++)
        if (side->streams[i].path.stream_id == id)
            return &side->streams[i];
    return NULL;
}

static void handle_stream(int index, const struct stream *stream, const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length > 0 ? length : 1);
    REQUIRE(copy != NULL);
    if (length > 0)
        memcpy(copy, bytes, length);
    ice_agent_handle_stream_bytes(world.side[index].agent, world.now_us, &stream->path, copy, length);
    drain(index);
    free(copy);
}

/* To one of the hosts, or to one of the server's relayed addresses. */
static void route(const struct flying *flying, bool untouched) {
    struct relay_double_output out;
    if (relay_double_handle_peer(&world.server, &flying->path.remote, &flying->path.local, flying->bytes, flying->length, &out)) {
        enqueue_output(&out, untouched && is_answer(flying->bytes, flying->length));
        return;
    }
    int to = flying->path.remote.ip[3] - 1;
    if (to != 0 && to != 1)
        return;
    if (untouched && (flying->has_answer || is_answer(flying->bytes, flying->length)))
        world.side[to].last_answer_us = world.now_us;
    handle(to, &flying->path.local, &flying->path.remote, flying->bytes, flying->length);
}

static void serve(const struct flying *flying) {
    struct relay_double_flow flow = {.client = flying->path.local};
    struct relay_double_output out;
    if (flying->path.transport != ICE_TRANSPORT_UDP) {
        flow.client = address_of(flying->from, 40000);
        flow.stream_id = flying->path.stream_id * 2 + (uint64_t)flying->from;
    }
    if (world.has_turn && stun_address_equal(&flying->path.remote, &world.server.address) &&
        relay_double_handle(&world.server, &flow, flying->bytes, flying->length, &out))
        enqueue_output(&out, out.to_peer && is_answer(out.bytes, out.length));
}

static void deliver(const struct flying *flying, bool untouched) {
    if (!flying->is_of_server && (flying->path.transport != ICE_TRANSPORT_UDP || stun_address_equal(&flying->path.remote, &server_address))) {
        serve(flying);
        return;
    }
    if (flying->path.transport == ICE_TRANSPORT_UDP) {
        route(flying, untouched);
        return;
    }
    const struct stream *stream = find_stream(flying->from, flying->path.stream_id);
    if (stream == NULL || stream->state != STREAM_OPEN)
        return;
    if (untouched && flying->has_answer)
        world.side[flying->from].last_answer_us = world.now_us;
    handle_stream(flying->from, stream, flying->bytes, flying->length);
}

static void timeout(int index) {
    struct side *side = &world.side[index];
    uint64_t next_us = ice_agent_next_timeout(side->agent);
    if (next_us == UINT64_MAX)
        return;
    if (next_us > world.now_us)
        world.now_us = next_us;
    ice_agent_handle_timeout(side->agent, world.now_us);
    drain(index);
    REQUIRE(ice_agent_next_timeout(side->agent) > world.now_us); /* what was due has been done */
}

static int earlier_side(void) {
    return ice_agent_next_timeout(world.side[0].agent) <= ice_agent_next_timeout(world.side[1].agent) ? 0 : 1;
}

static bool open_stream(int index) {
    struct side *side = &world.side[index];
    for (size_t i = 0; i < side->stream_count; i++) {
        if (side->streams[i].state != STREAM_WANTED)
            continue;
        side->streams[i].state = STREAM_OPEN;
        ice_agent_handle_stream_opened(side->agent, world.now_us, &side->streams[i].path);
        drain(index);
        return true;
    }
    return false;
}

static void run(unsigned steps) {
    while (steps-- > 0) {
        if (open_stream(0) || open_stream(1))
            continue;
        if (world.queue_count > 0) {
            struct flying flying = take_oldest();
            deliver(&flying, true);
        } else {
            timeout(earlier_side());
        }
    }
}

/* ---- operations -------------------------------------------------------------------------------------------------------------------- */

static void signal_from(int from, int to) {
    const struct ice_agent *agent = world.side[from].agent;
    const char *ufrag = ice_agent_local_ufrag(agent), *password = ice_agent_local_password(agent);
    int result = ice_agent_set_remote_credentials(world.side[to].agent, world.now_us, ufrag, strlen(ufrag), password, strlen(password));
    REQUIRE(result == ICE_OK || result == ICE_ERROR_STATE); /* the one has restarted, the other has not */
    if (result == ICE_OK)
        world.side[to].offered = false;
    drain(to);
    for (size_t i = 0; i < ice_agent_local_candidate_count(agent); i++) {
        char text[ICE_CANDIDATE_TEXT_BYTES];
        struct ice_candidate candidate;
        size_t length = ice_candidate_write(ice_agent_local_candidate(agent, i), text, sizeof text);
        REQUIRE(ice_candidate_parse(text, length, &candidate, NULL) == ICE_OK);
        ice_agent_add_remote_candidate(world.side[to].agent, world.now_us, &candidate);
        drain(to);
    }
    ice_agent_end_of_remote_candidates(world.side[to].agent, world.now_us);
    drain(to);
}

static void set_interfaces(int index, uint8_t which) {
    struct ice_interface interfaces[3];
    size_t count = 0;
    for (unsigned i = 0; i < 3; i++)
        if (which & (1u << i))
            interfaces[count++] = (struct ice_interface){.base = address_of(index, (uint16_t)(5000 + i)), .preference = (uint16_t)(65535 - i)};
    REQUIRE(ice_agent_handle_interfaces(world.side[index].agent, world.now_us, interfaces, count) == (world.side[index].closed ? ICE_ERROR_STATE : ICE_OK));
    drain(index);
}

static void add_candidate(int index, uint8_t value) {
    struct ice_candidate candidate = {.foundation = {(char)('a' + value % 3), '\0'}, .component = 1, .priority = 1u + value * 8000000u,
                                      .address = address_of(1 - index, (uint16_t)(4990 + value)), .type = (enum ice_candidate_type)(value % 4)};
    ice_agent_add_remote_candidate(world.side[index].agent, world.now_us, &candidate);
    drain(index);
}

/* A peer that knows the password and behaves as badly as it likes. */
static void forge_with(int to, const char *ufrag, const char *password, const char *other, uint8_t flags, uint8_t port) {
    char username[2 * ICE_UFRAG_MAX_BYTES + 2];
    size_t length = strlen(ufrag), other_length = strlen(other);
    memcpy(username, ufrag, length);
    username[length] = ':';
    memcpy(username + length + 1, other, other_length);
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES], id[STUN_TRANSACTION_ID_BYTES], tie_breaker[8];
    random_bytes(NULL, id, sizeof id);
    random_bytes(NULL, tie_breaker, sizeof tie_breaker);
    struct stun_key *key = stun_key_new_short_term((const uint8_t *)password, strlen(password));
    struct stun_writer writer;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    stun_writer_add_bytes(&writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)username, length + 1 + other_length);
    if (!(flags & 1))
        stun_writer_add_u32(&writer, STUN_ATTRIBUTE_PRIORITY, (uint32_t)port << 23 | 1);
    stun_writer_add_u64(&writer, flags & 2 ? STUN_ATTRIBUTE_ICE_CONTROLLING : STUN_ATTRIBUTE_ICE_CONTROLLED, flags & 4 ? UINT64_MAX : tie_breaker[0]);
    if (flags & 8)
        stun_writer_add_flag(&writer, STUN_ATTRIBUTE_USE_CANDIDATE);
    if (flags & 16)
        stun_writer_add_u32(&writer, 0x7000u | port, 0);
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_fingerprint(&writer);
    int written = stun_writer_finish(&writer);
    stun_key_free(key);
    REQUIRE(written > 0);
    struct stun_address from = address_of(1 - to, (uint16_t)(5000 + (flags & 32 ? port : 0))), at = address_of(to, 5000);
    handle(to, &from, &at, bytes, (size_t)written);
}

static void forge(int to, uint8_t flags, uint8_t port) {
    const struct ice_agent *agent = world.side[to].agent;
    forge_with(to, ice_agent_local_ufrag(agent), ice_agent_local_password(agent), ice_agent_local_ufrag(world.side[1 - to].agent), flags, port);
}

static void restart(int index, const char *own_ufrag, const char *own_password) {
    struct side *side = &world.side[index];
    const char *ufrag = ice_agent_local_ufrag(side->agent), *password = ice_agent_local_password(side->agent);
    REQUIRE(strlen(ufrag) < sizeof side->old_ufrag && strlen(password) < sizeof side->old_password);
    memcpy(side->old_ufrag, ufrag, strlen(ufrag) + 1);
    memcpy(side->old_password, password, strlen(password) + 1);
    if (!side->offered)
        memcpy(side->kept_ufrag, side->old_ufrag, sizeof side->kept_ufrag);
    int result = ice_agent_restart_with(side->agent, world.now_us, own_ufrag, own_password);
    REQUIRE(result == ICE_OK || (own_ufrag != NULL && result == ICE_ERROR_ARGUMENT)); /* it is in use */
    if (result != ICE_OK)
        return;
    side->offered = true;
    REQUIRE(strcmp(ice_agent_local_ufrag(side->agent), side->old_ufrag) != 0);
    side->failed = false;
    drain(index);
}

static void restart_if_open(int index) {
    if (!world.side[index].closed)
        restart(index, NULL, NULL);
}

static void restart_with(int index, uint8_t length) {
    char ufrag[ICE_UFRAG_MAX_BYTES + 1];
    size_t ufrag_length = ICE_UFRAG_MIN_BYTES + (length < ICE_UFRAG_MAX_BYTES - ICE_UFRAG_MIN_BYTES ? length : ICE_UFRAG_MAX_BYTES - ICE_UFRAG_MIN_BYTES);
    memset(ufrag, 'u', ufrag_length);
    ufrag[ufrag_length] = '\0';
    if (!world.side[index].closed)
        restart(index, ufrag, "0123456789abcdefghijkl");
}

/* As if nothing had happened: what was youngest before the restart is it again. */
static void cancel(int index) {
    struct side *side = &world.side[index];
    bool offered = side->offered && !side->closed;
    REQUIRE((ice_agent_cancel_restart(side->agent, world.now_us) == ICE_OK) == offered);
    if (offered)
        REQUIRE(strcmp(ice_agent_local_ufrag(side->agent), side->kept_ufrag) == 0);
    world.reached.cancelled |= offered;
    side->offered = false;
    drain(index);
}

static void overtake(uint8_t port) {
    if (world.queue_count == 0)
        return;
    struct flying original = take_oldest(), copy = original;
    copy.path.local.port = (uint16_t)(6000 + port);
    deliver(&copy, false);
    deliver(&original, true);
}

static void operate_on_generations(int side, enum generation_operation operation) {
    switch (operation) {
    case GENERATION_RESTART: restart_if_open(side); break;
    case GENERATION_RENEGOTIATE:
        restart_if_open(side);
        restart_if_open(1 - side);
        signal_from(side, 1 - side);
        signal_from(1 - side, side);
        break;
    case GENERATION_FORGE_OLD: {
        uint8_t flags = next_byte(), port = next_byte();
        const struct side *to = &world.side[side];
        if (to->old_ufrag[0] != '\0' && world.side[1 - side].old_ufrag[0] != '\0')
            forge_with(side, to->old_ufrag, to->old_password, world.side[1 - side].old_ufrag, flags, port);
        break;
    }
    case GENERATION_OVERTAKE: overtake(next_byte()); break;
    case GENERATION_LITE:
        ice_agent_set_remote_lite(world.side[side].agent, world.now_us, next_byte() & 1);
        drain(side);
        break;
    case GENERATION_CANCEL: cancel(side); break;
    case GENERATION_RESTART_WITH: restart_with(side, next_byte()); break;
    case GENERATION_OPERATION_COUNT: break;
    }
}

static void raw(int to) {
    uint8_t bytes[256];
    size_t length = next_byte();
    for (size_t i = 0; i < length; i++)
        bytes[i] = next_byte();
    struct stun_address from = address_of(1 - to, 5000), at = address_of(to, 5000);
    handle(to, &from, &at, bytes, length);
}

/* Operations on the oldest datagram in the queue. */
static void operate_on_oldest(enum operation operation) {
    if (world.queue_count == 0)
        return;
    struct flying flying = take_oldest();
    switch (operation) {
    case OPERATION_DELIVER: deliver(&flying, true); break;
    case OPERATION_CORRUPT: {
        size_t bit = ((size_t)next_byte() << 8 | next_byte()) % (flying.length * 8);
        flying.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        deliver(&flying, false);
        break;
    }
    case OPERATION_MISROUTE:
        flying.path.local.port = (uint16_t)(4000 + next_byte());
        deliver(&flying, false);
        break;
    case OPERATION_DUPLICATE:
        deliver(&flying, true);
        deliver(&flying, true);
        break;
    case OPERATION_REORDER: world.queue[world.queue_count++] = flying; break;
    case OPERATION_SEND_ERROR:
        ice_agent_handle_send_error(world.side[flying.from].agent, world.now_us, &flying.path, 111);
        drain(flying.from);
        break;
    default: break; /* dropped */
    }
}

#include "fuzz/ice_relays.h"

static void operate(uint8_t code) {
    int side = code >> 7;
    enum operation operation = (enum operation)(code % OPERATION_COUNT);
    if ((code & 0x70) == 0x20) {
        operate_on_generations(side, (enum generation_operation)(code % 16 % GENERATION_OPERATION_COUNT));
        return;
    }
    if ((code & 0x70) == 0x30) {
        operate_on_relays(side, (enum relay_operation)(code % 16 % RELAY_OPERATION_COUNT));
        return;
    }
    switch (operation) {
    case OPERATION_TIMEOUT: timeout(side); break;
    case OPERATION_WAIT:
        world.now_us += (uint64_t)next_byte() * 100 * MS;
        for (int i = 0; i < 2; i++) {
            ice_agent_handle_timeout(world.side[i].agent, world.now_us);
            drain(i);
        }
        break;
    case OPERATION_RUN: run(20); break;
    case OPERATION_RAW: raw(side); break;
    case OPERATION_CANDIDATE: add_candidate(side, next_byte()); break;
    case OPERATION_SIGNAL: signal_from(1 - side, side); break;
    case OPERATION_INTERFACES: set_interfaces(side, next_byte()); break;
    case OPERATION_FORGE: {
        uint8_t flags = next_byte();
        forge(side, flags, next_byte());
        break;
    }
    case OPERATION_SILENCE:
        for (unsigned i = 0; i < 20; i++) {
            world.queue_count = 0;
            timeout(earlier_side());
        }
        break;
    default: operate_on_oldest(operation); break;
    }
}

static void open_world(uint8_t setup) {
    static const char username[] = RELAY_DOUBLE_USERNAME, password[] = RELAY_DOUBLE_PASSWORD;
    struct ice_server servers[3];
    size_t server_count = 0;
    const char *host = setup & 128 ? "server.example" : "192.0.2.200";
    if (setup & 4)
        servers[server_count++] = (struct ice_server){ICE_SERVER_STUN, ICE_TRANSPORT_UDP, host, 3478, NULL, NULL};
    if (setup & 16)
        servers[server_count++] = (struct ice_server){ICE_SERVER_TURN, ICE_TRANSPORT_UDP, host, 3478, username, password};
    if (setup & 32)
        servers[server_count++] = (struct ice_server){ICE_SERVER_TURN, ICE_TRANSPORT_TCP, host, 3478, username, password};
    memset(&world.side, 0, sizeof world.side);
    world.queue_count = 0;
    world.now_us = 100 * SECOND;
    world.random = setup;
    world.has_turn = (setup & (16 | 32)) != 0;
    relay_double_open(&world.server, &server_address);
    world.server.relay_ip[0] = (struct stun_address){.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 201}};
    world.server.alternate = (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = 3478, .ip = {192, 0, 2, 202}};
    for (int i = 0; i < 2; i++) {
        struct ice_agent_config config = {.role = setup & (1u << i) ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .random = random_bytes,
                                          .transport_policy = setup & 64 ? ICE_TRANSPORT_POLICY_RELAY : ICE_TRANSPORT_POLICY_ALL,
                                          .servers = servers, .server_count = server_count};
        world.side[i].agent = ice_agent_new(&config, world.now_us);
        REQUIRE(world.side[i].agent != NULL);
        set_interfaces(i, setup & 8 ? 3 : 1);
        REQUIRE(ice_agent_gather(world.side[i].agent, world.now_us) == ICE_OK);
        drain(i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    world.script = data;
    world.left = size < 400 ? size : 400;
    world.reached = (struct fuzz_ice_reached){0};
    open_world(next_byte());
    while (world.left > 0)
        operate(next_byte());
    ice_agent_free(world.side[0].agent);
    ice_agent_free(world.side[1].agent);
    relay_double_close(&world.server);
    return 0;
}
