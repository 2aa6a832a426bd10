#include "test/sim/sim.h"

#include <assert.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/sim/event_queue.h"

/* A stream that an object has opened, under the object's number for it. */
struct endpoint_stream {
    struct endpoint *endpoint;
    uint64_t id;
    int stream;
    struct sim_path path;
};

struct endpoint {
    struct sim *sim;
    int number;
    const char *name;
    const struct sim_verbs *verbs;
    void *object;
    bool is_attached, is_touched;
    int *sockets;
    size_t socket_count;
    struct endpoint_stream **streams; /* do not move: they are contexts of callbacks */
    size_t stream_count;
    uint64_t last_timeout_us; /* when handle_timeout was last called, and how often at that instant */
    uint32_t timeouts_at_once;
};

struct action {
    void (*run)(struct sim *sim, void *context);
    void *context;
};

struct sim {
    uint64_t seed;
    struct sim_network *network;
    struct sim_streams *streams;
    struct sim_random random;
    struct sim_event_queue actions;
    struct endpoint endpoints[SIM_ENDPOINT_MAX];
    int endpoint_count;
    uint64_t deadline_us;
    enum sim_end end;
    bool is_stepping;
    uint64_t last_step_us;
    uint32_t steps_at_once;
    char why[256];
    uint8_t buffer[SIM_TRANSMIT_BUFFER_BYTES];
};

struct sim *sim_new(uint64_t seed) {
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        abort();
    sim->seed = seed;
    sim->deadline_us = UINT64_MAX;
    sim_random_seed(&sim->random, seed);
    sim->network = sim_network_new(sim_random_u64(&sim->random), SIM_START_US);
    sim->streams = sim_streams_new(sim->network);
    sim_event_queue_init(&sim->actions);
    return sim;
}

void sim_free(struct sim *sim) {
    if (!sim)
        return;
    struct sim_event event;
    while (sim_event_queue_pop(&sim->actions, &event))
        free(event.subject);
    sim_event_queue_release(&sim->actions);
    for (int i = 0; i < sim->endpoint_count; i++) {
        for (size_t k = 0; k < sim->endpoints[i].stream_count; k++)
            free(sim->endpoints[i].streams[k]);
        free(sim->endpoints[i].streams);
        free(sim->endpoints[i].sockets);
    }
    sim_network_free(sim->network);
    sim_streams_free(sim->streams);
    free(sim);
}

struct sim_network *sim_network_of(struct sim *sim) {
    return sim->network;
}

struct sim_streams *sim_streams_of(struct sim *sim) {
    return sim->streams;
}

uint64_t sim_seed(const struct sim *sim) {
    return sim->seed;
}

uint64_t sim_now(const struct sim *sim) {
    return sim_network_now(sim->network);
}

struct sim_random *sim_random_of(struct sim *sim) {
    return &sim->random;
}

/* ---- the drain rule --------------------------------------------------------------------------------------------------- */

static void hang(struct endpoint *endpoint, const char *how) {
    struct sim *sim = endpoint->sim;
    if (sim->end == SIM_HUNG)
        return;
    sim->end = SIM_HUNG;
    snprintf(sim->why, sizeof sim->why, "%s hangs: %s", endpoint->name, how);
}

static int socket_of(const struct endpoint *endpoint, const struct stun_address *local) {
    for (size_t i = 0; i < endpoint->socket_count; i++)
        if (stun_address_equal(sim_network_local_address(endpoint->sim->network, endpoint->sockets[i]), local))
            return endpoint->sockets[i];
    return -1;
}

static struct endpoint_stream *stream_of(const struct endpoint *endpoint, uint64_t id) {
    for (size_t i = endpoint->stream_count; i-- > 0;)
        if (endpoint->streams[i]->id == id)
            return endpoint->streams[i];
    return NULL;
}

static void transmit(struct endpoint *endpoint, const struct sim_transmit *out) {
    struct sim *sim = endpoint->sim;
    if (out->stream_id != 0) {
        const struct endpoint_stream *stream = stream_of(endpoint, out->stream_id);
        if (!stream || out->length > sizeof sim->buffer || out->offset > sizeof sim->buffer - out->length)
            hang(endpoint, "it wants to send by a stream that it has not opened, or beyond the buffer");
        else
            sim_stream_send(sim->streams, stream->stream, sim->buffer + out->offset, out->length);
        return;
    }
    int socket = socket_of(endpoint, &out->path.local);
    if (socket < 0 || out->length > sizeof sim->buffer || out->offset > sizeof sim->buffer - out->length) {
        hang(endpoint, "it wants to send from an address that is not its own, or beyond the buffer");
        return;
    }
    size_t segment = out->segment_bytes > 0 ? out->segment_bytes : out->length;
    size_t done = 0;
    do {
        size_t length = out->length - done < segment ? out->length - done : segment;
        sim_network_send(sim->network, socket, &out->path.remote, sim->buffer + out->offset + done, length);
        done += length;
    } while (done < out->length);
}

/* Until the object has nothing more to say and nothing more to send: acting on an event may make it send again. */
static void drain(struct endpoint *endpoint) {
    struct sim *sim = endpoint->sim;
    const struct sim_verbs *verbs = endpoint->verbs;
    bool again = true;
    for (int polls = 0; again && endpoint->is_attached && sim->end != SIM_HUNG;) {
        again = false;
        while (endpoint->is_attached && verbs->poll_upward && verbs->poll_upward(endpoint->object, sim_now(sim))) {
            again = true;
            if (++polls > SIM_POLLS_IN_ONE_DRAIN_MAX) {
                hang(endpoint, "its events never run dry");
                return;
            }
        }
        struct sim_transmit out = {0};
        while (endpoint->is_attached && verbs->poll_transmit(endpoint->object, sim_now(sim), sim->buffer, sizeof sim->buffer, &out)) {
            again = true;
            transmit(endpoint, &out);
            out = (struct sim_transmit){0};
            if (++polls > SIM_POLLS_IN_ONE_DRAIN_MAX) {
                hang(endpoint, "its transmissions never run dry");
                return;
            }
        }
    }
}

/* Objects touch each other (a candidate found by one is given to the other): flags instead of recursion. */
static void drain_touched(struct sim *sim) {
    for (int i = 0; i < sim->endpoint_count; i++) {
        if (!sim->endpoints[i].is_touched)
            continue;
        sim->endpoints[i].is_touched = false;
        drain(&sim->endpoints[i]);
        i = -1;
    }
}

static void received(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct endpoint *endpoint = context;
    if (!endpoint->is_attached)
        return;
    endpoint->verbs->handle_datagram(endpoint->object, sim_now(endpoint->sim), path, bytes, length);
    drain(endpoint); /* while the bytes are still there */
}

static void send_error(void *context, const struct sim_path *path, int error) {
    struct endpoint *endpoint = context;
    if (!endpoint->is_attached || !endpoint->verbs->handle_send_error)
        return;
    endpoint->verbs->handle_send_error(endpoint->object, sim_now(endpoint->sim), path, error);
    endpoint->is_touched = true;
}

/* ---- endpoints ---------------------------------------------------------------------------------------------------------- */

int sim_attach(struct sim *sim, const char *name, const struct sim_verbs *verbs, void *object) {
    assert(sim->endpoint_count < SIM_ENDPOINT_MAX);
    int number = sim->endpoint_count++;
    sim->endpoints[number] =
        (struct endpoint){.sim = sim, .number = number, .name = name, .verbs = verbs, .object = object, .is_attached = true};
    return number;
}

void sim_detach(struct sim *sim, int endpoint) {
    struct endpoint *gone = &sim->endpoints[endpoint];
    for (size_t i = 0; i < gone->socket_count; i++)
        sim_network_close(sim->network, gone->sockets[i]);
    gone->socket_count = 0;
    for (size_t i = 0; i < gone->stream_count; i++)
        sim_stream_close(sim->streams, gone->streams[i]->stream); /* the kernel of the dead process says FIN */
    gone->is_attached = false;
}

const struct stun_address *sim_bind(struct sim *sim, int endpoint, int interface_, uint16_t port) {
    static const struct sim_socket_callbacks callbacks = {.received = received, .send_error = send_error};
    struct endpoint *owner = &sim->endpoints[endpoint];
    int socket = sim_network_bind(sim->network, interface_, port, &callbacks, owner);
    if (socket < 0)
        return NULL;
    owner->sockets = realloc(owner->sockets, (owner->socket_count + 1) * sizeof *owner->sockets);
    if (!owner->sockets)
        abort();
    owner->sockets[owner->socket_count++] = socket;
    return sim_network_local_address(sim->network, socket);
}

void sim_touch(struct sim *sim, int endpoint) {
    assert(endpoint >= 0 && endpoint < sim->endpoint_count);
    sim->endpoints[endpoint].is_touched = true;
    if (!sim->is_stepping) {
        sim->is_stepping = true;
        drain_touched(sim);
        sim->is_stepping = false;
    }
}

void sim_at(struct sim *sim, uint64_t time_us, void (*action)(struct sim *sim, void *context), void *context, int endpoint) {
    struct action *kept = calloc(1, sizeof *kept);
    if (!kept)
        abort();
    *kept = (struct action){action, context};
    sim_event_queue_push(&sim->actions, time_us < sim_now(sim) ? sim_now(sim) : time_us, 0, endpoint, kept);
}

void sim_set_deadline(struct sim *sim, uint64_t since_start_us) {
    sim->deadline_us = SIM_START_US + since_start_us;
    if (sim->end == SIM_DEADLINE)
        sim->end = SIM_RUNNING;
}

/* ---- streams ---------------------------------------------------------------------------------------------------------------- */

static void stream_opened(void *context, int number) {
    struct endpoint_stream *stream = context;
    struct endpoint *endpoint = stream->endpoint;
    (void)number;
    if (!endpoint->is_attached)
        return;
    endpoint->verbs->handle_stream_opened(endpoint->object, sim_now(endpoint->sim), stream->id, &stream->path);
    endpoint->is_touched = true;
}

static void stream_received(void *context, int number, const uint8_t *bytes, size_t length) {
    struct endpoint_stream *stream = context;
    struct endpoint *endpoint = stream->endpoint;
    (void)number;
    if (!endpoint->is_attached)
        return;
    endpoint->verbs->handle_stream_bytes(endpoint->object, sim_now(endpoint->sim), stream->id, &stream->path, bytes, length);
    drain(endpoint); /* while the bytes are still there */
}

static void stream_closed(void *context, int number, int error) {
    struct endpoint_stream *stream = context;
    struct endpoint *endpoint = stream->endpoint;
    (void)number;
    if (!endpoint->is_attached)
        return;
    endpoint->verbs->handle_stream_closed(endpoint->object, sim_now(endpoint->sim), stream->id, &stream->path, error);
    endpoint->is_touched = true;
}

void sim_open_stream(struct sim *sim, int endpoint, int interface_, uint64_t stream_id, const struct stun_address *remote) {
    static const struct sim_stream_callbacks callbacks = {stream_opened, stream_received, stream_closed};
    struct endpoint *owner = &sim->endpoints[endpoint];
    assert(stream_id != 0 && owner->verbs->handle_stream_opened && owner->verbs->handle_stream_bytes && owner->verbs->handle_stream_closed);
    owner->streams = realloc(owner->streams, (owner->stream_count + 1) * sizeof *owner->streams);
    struct endpoint_stream *stream = calloc(1, sizeof *stream);
    if (!owner->streams || !stream)
        abort();
    owner->streams[owner->stream_count++] = stream;
    *stream = (struct endpoint_stream){.endpoint = owner, .id = stream_id};
    stream->stream = sim_stream_connect(sim->streams, interface_, remote, &callbacks, stream);
    stream->path = (struct sim_path){.local = *sim_stream_local_address(sim->streams, stream->stream), .remote = *remote};
}

void sim_close_stream(struct sim *sim, int endpoint, uint64_t stream_id) {
    const struct endpoint_stream *stream = stream_of(&sim->endpoints[endpoint], stream_id);
    if (stream)
        sim_stream_close(sim->streams, stream->stream);
}

/* ---- time ----------------------------------------------------------------------------------------------------------------- */

static struct endpoint *next_to_wake(struct sim *sim, uint64_t *when_us) {
    struct endpoint *first = NULL;
    *when_us = UINT64_MAX;
    for (int i = 0; i < sim->endpoint_count; i++) {
        struct endpoint *endpoint = &sim->endpoints[i];
        if (!endpoint->is_attached)
            continue;
        uint64_t timeout_us = endpoint->verbs->next_timeout(endpoint->object);
        if (timeout_us < *when_us) {
            *when_us = timeout_us;
            first = endpoint;
        }
    }
    if (first && *when_us < sim_now(sim))
        *when_us = sim_now(sim);
    return first;
}

static void wake(struct endpoint *endpoint) {
    struct sim *sim = endpoint->sim;
    uint64_t now_us = sim_now(sim);
    if (endpoint->last_timeout_us != now_us)
        endpoint->timeouts_at_once = 0;
    endpoint->last_timeout_us = now_us;
    if (++endpoint->timeouts_at_once > SIM_TIMEOUTS_AT_ONE_INSTANT_MAX) {
        hang(endpoint, "handle_timeout does not move next_timeout past now");
        return;
    }
    endpoint->verbs->handle_timeout(endpoint->object, now_us);
    endpoint->is_touched = true;
}

static void act(struct sim *sim) {
    struct sim_event event;
    sim_event_queue_pop(&sim->actions, &event);
    struct action action = *(struct action *)event.subject;
    free(event.subject);
    action.run(sim, action.context);
    if (event.place >= 0)
        sim->endpoints[event.place].is_touched = true;
}

bool sim_step(struct sim *sim) {
    if (sim->end == SIM_HUNG)
        return false;
    uint64_t wake_us, network_us = sim_network_next_us(sim->network), action_us = sim_event_queue_next_us(&sim->actions);
    struct endpoint *endpoint = next_to_wake(sim, &wake_us);
    uint64_t next_us = wake_us < network_us ? wake_us : network_us;
    next_us = action_us < next_us ? action_us : next_us;
    if (next_us == UINT64_MAX) {
        sim->end = SIM_IDLE;
        snprintf(sim->why, sizeof sim->why, "nothing is on its way and nobody waits");
        return false;
    }
    if (next_us > sim->deadline_us) {
        sim_network_advance(sim->network, sim->deadline_us);
        sim->end = SIM_DEADLINE;
        snprintf(sim->why, sizeof sim->why, "the deadline has passed");
        return false;
    }
    sim->steps_at_once = next_us == sim->last_step_us ? sim->steps_at_once + 1 : 0;
    sim->last_step_us = next_us;
    if (sim->steps_at_once > SIM_STEPS_AT_ONE_INSTANT_MAX) {
        sim->end = SIM_HUNG;
        snprintf(sim->why, sizeof sim->why, "the clock stands still: objects answer each other without end");
        return false;
    }
    sim->end = SIM_RUNNING;
    sim->is_stepping = true;
    /* At one instant the network comes first, then the test's own actions, then timeouts: an answer that is there on time counts. */
    if (network_us == next_us) {
        sim_network_step(sim->network);
    } else {
        sim_network_advance(sim->network, next_us);
        if (action_us == next_us)
            act(sim);
        else
            wake(endpoint);
    }
    drain_touched(sim);
    sim->is_stepping = false;
    return sim->end != SIM_HUNG;
}

enum sim_end sim_end(const struct sim *sim) {
    return sim->end;
}

const char *sim_why(const struct sim *sim) {
    return sim->why[0] ? sim->why : "running";
}

/* ---- failing well ----------------------------------------------------------------------------------------------------------- */

void sim_explain(struct sim *sim, const char *what) {
    char text[SIM_COUNTERS_TEXT_BYTES];
    struct sim_counters counters = sim_network_counters(sim->network);
    fprintf(stderr, "sim: seed %" PRIu64 ", %.6f s: %s (%s)\nsim: %s\nsim: again with SIM_SEED=%" PRIu64 "\n", sim->seed,
            (double)(sim_now(sim) - SIM_START_US) / 1e6, what, sim_why(sim), sim_counters_write(&counters, text, sizeof text), sim->seed);
}

void sim_require_at(struct sim *sim, bool condition, const char *text, const char *file, int line) {
    if (condition && sim->end != SIM_HUNG)
        return;
    sim_explain(sim, text);
    print_error("seed %" PRIu64 ": %s (%s)\n", sim->seed, text, sim_why(sim));
    _fail(file, line);
}

static bool environment_number(const char *name, uint64_t *out) {
    const char *text = getenv(name);
    if (!text || !*text)
        return false;
    char *end;
    unsigned long long number = strtoull(text, &end, 0);
    if (*end != '\0') {
        fprintf(stderr, "sim: %s=%s is not a number\n", name, text);
        exit(64);
    }
    *out = number;
    return true;
}

struct sim_seeds sim_seeds(uint64_t first, uint64_t count) {
    struct sim_seeds seeds = {first, count};
    if (environment_number("SIM_SEED", &seeds.first))
        seeds.count = 1;
    environment_number("SIM_SEEDS", &seeds.count);
    return seeds;
}
