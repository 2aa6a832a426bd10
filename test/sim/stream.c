#include "test/sim/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SYN_RETRY_US (UINT64_C(1000) * 1000)
#define LOSSES_IN_A_ROW_MAX 3 /* what follows a loss makes TCP send again soon; only the last of a burst waits long */

/* What is on its way to an end, or has arrived and was not yet handed over. */
struct segment {
    struct segment *next;
    uint64_t arrival_us;
    bool is_end; /* orderly; nothing follows */
    size_t offset, length;
    uint8_t bytes[];
};

/* One end. `peer` is the number of the other, which exists as soon as the connection is accepted. */
struct end {
    struct sim_streams *streams;
    int number, peer;
    int interface_;
    bool is_client, is_open, is_connecting, has_said_end;
    struct sim_path path; /* as this end sees it */
    struct sim_route way; /* from here to the peer */
    struct sim_stream_callbacks callbacks;
    void *context;
    struct segment *first, *last; /* towards this end */
    uint64_t last_arrival_us, stalled_since_us;
    int error;
};

struct listener {
    bool is_open;
    struct stun_address local;
    int interface_;
    struct sim_stream_callbacks callbacks;
    void *(*accepted)(void *context, int stream, const struct sim_path *path);
    void *context;
};

struct sim_streams {
    struct sim_network *network;
    struct sim_random random;
    struct listener listeners[SIM_STREAM_LISTENER_MAX];
    int listener_count;
    struct end *ends[SIM_STREAM_MAX];
    int end_count;
    uint16_t next_port;
    struct sim_stream_counters counters;
};

struct sim_streams *sim_streams_new(struct sim_network *network) {
    struct sim_streams *streams = calloc(1, sizeof *streams);
    if (!streams)
        abort();
    streams->network = network;
    streams->next_port = 32768;
    sim_random_fork(sim_network_random(network), &streams->random);
    return streams;
}

static void drop_segments(struct end *end) {
    while (end->first) {
        struct segment *segment = end->first;
        end->first = segment->next;
        free(segment);
    }
    end->last = NULL;
}

void sim_streams_free(struct sim_streams *streams) {
    if (!streams)
        return;
    for (int i = 0; i < streams->end_count; i++) {
        drop_segments(streams->ends[i]);
        free(streams->ends[i]);
    }
    free(streams);
}

static struct end *end_at(const struct sim_streams *streams, int stream) {
    assert(stream >= 0 && stream < streams->end_count);
    return streams->ends[stream];
}

static struct end *new_end(struct sim_streams *streams, int interface_, const struct sim_stream_callbacks *callbacks, void *context) {
    assert(streams->end_count < SIM_STREAM_MAX);
    struct end *end = calloc(1, sizeof *end);
    if (!end)
        abort();
    *end = (struct end){.streams = streams, .number = streams->end_count, .peer = -1, .interface_ = interface_, .is_open = true,
                        .callbacks = *callbacks, .context = context};
    streams->ends[streams->end_count++] = end;
    return end;
}

static uint64_t now_of(const struct end *end) {
    return sim_network_now(end->streams->network);
}

/* One way, with what jitter and loss do to it. */
static uint64_t travel_us(struct end *end) {
    struct sim_streams *streams = end->streams;
    uint64_t us = end->way.delay_us;
    if (end->way.jitter_us > 0)
        us += sim_random_below(&streams->random, end->way.jitter_us + 1);
    for (int i = 0; i < LOSSES_IN_A_ROW_MAX && sim_random_chance(&streams->random, end->way.loss); i++) {
        us += SIM_STREAM_RETRANSMISSION_US << i;
        streams->counters.retransmissions++;
    }
    return us;
}

/* ---- ends that close --------------------------------------------------------------------------------------------------- */

static void tell_closed(struct end *end, int error) {
    if (!end->is_open)
        return;
    end->is_open = false;
    drop_segments(end);
    if (end->callbacks.closed)
        end->callbacks.closed(end->context, end->number, error);
}

static void fail_later(void *context) {
    struct end *end = context;
    tell_closed(end, end->error);
}

static void fail_at(struct end *end, uint64_t delay_us, int error) {
    end->error = error;
    sim_network_call_at(end->streams->network, now_of(end) + delay_us, fail_later, end);
}

/* ---- data --------------------------------------------------------------------------------------------------------------- */

static void arrive(void *context);

static void wake_at(struct end *end, uint64_t when_us) {
    sim_network_call_at(end->streams->network, when_us, arrive, end);
}

/* An interface is down, or a link loses everything: no retransmission will help. */
static int find_way(const struct end *client, struct sim_route *way) {
    int error = sim_network_trace(client->streams->network, client->interface_, &client->path.remote, SIM_STREAM_BLOCKED_PORT, way);
    return error == 0 && way->loss >= 1.0 ? ETIMEDOUT : error;
}

/* Data waits while the way is cut; when it stays cut, TCP gives up at both ends. */
static bool is_stalled(struct end *end) {
    struct sim_route way;
    const struct end *client = end->is_client ? end : end_at(end->streams, end->peer);
    if (find_way(client, &way) != ETIMEDOUT) {
        end->stalled_since_us = 0;
        return false;
    }
    if (end->stalled_since_us == 0)
        end->stalled_since_us = now_of(end);
    return true;
}

static void give_up(struct end *end) {
    struct end *peer = end_at(end->streams, end->peer);
    end->streams->counters.broken++;
    tell_closed(end, ETIMEDOUT);
    tell_closed(peer, ETIMEDOUT);
}

/* Hands over a piece of what has arrived: any number of bytes, across the borders of what was sent. */
static void hand_over(struct end *end, uint64_t now_us) {
    size_t ready = 0, taken = 0;
    for (const struct segment *segment = end->first; segment && segment->arrival_us <= now_us; segment = segment->next)
        ready += segment->length - segment->offset;
    size_t wanted = 1 + (size_t)sim_random_below(&end->streams->random, ready);
    if (sim_random_chance(&end->streams->random, 0.5))
        wanted = ready;
    uint8_t *piece = malloc(wanted);
    if (!piece)
        abort();
    while (taken < wanted) {
        struct segment *segment = end->first;
        size_t part = segment->length - segment->offset < wanted - taken ? segment->length - segment->offset : wanted - taken;
        memcpy(piece + taken, segment->bytes + segment->offset, part);
        segment->offset += part;
        taken += part;
        if (segment->offset == segment->length) {
            end->first = segment->next;
            end->last = end->first ? end->last : NULL;
            free(segment);
        }
    }
    end->streams->counters.bytes_received += taken;
    end->streams->counters.pieces_received++;
    end->callbacks.received(end->context, end->number, piece, taken);
    free(piece);
}

static void arrive(void *context) {
    struct end *end = context;
    uint64_t now_us = now_of(end);
    if (!end->is_open || end->is_connecting || !end->first || end->first->arrival_us > now_us)
        return;
    if (is_stalled(end)) {
        if (now_us - end->stalled_since_us >= SIM_STREAM_SILENCE_TIMEOUT_US)
            give_up(end);
        else
            wake_at(end, now_us + SIM_STREAM_RETRANSMISSION_US);
        return;
    }
    if (end->first->is_end) {
        tell_closed(end, 0);
        return;
    }
    hand_over(end, now_us);
    if (end->is_open && end->first && end->first->arrival_us <= now_us)
        wake_at(end, now_us + sim_random_below(&end->streams->random, 500));
}

static void push_segment(struct end *from, const uint8_t *bytes, size_t length, bool is_end) {
    struct end *to = end_at(from->streams, from->peer);
    struct segment *segment = malloc(sizeof *segment + length);
    if (!segment)
        abort();
    *segment = (struct segment){.arrival_us = now_of(from) + travel_us(from), .is_end = is_end, .length = length};
    if (length > 0)
        memcpy(segment->bytes, bytes, length);
    if (segment->arrival_us < to->last_arrival_us)
        segment->arrival_us = to->last_arrival_us; /* in order: it waits for what was sent before */
    to->last_arrival_us = segment->arrival_us;
    if (to->last)
        to->last->next = segment;
    else
        to->first = segment;
    to->last = segment;
    wake_at(to, segment->arrival_us);
}

void sim_stream_send(struct sim_streams *streams, int stream, const uint8_t *bytes, size_t length) {
    struct end *end = end_at(streams, stream);
    if (!end->is_open || end->is_connecting || end->has_said_end || length == 0)
        return;
    streams->counters.bytes_sent += length;
    if (end_at(streams, end->peer)->is_open)
        push_segment(end, bytes, length, false);
}

void sim_stream_close(struct sim_streams *streams, int stream) {
    struct end *end = end_at(streams, stream);
    if (!end->is_open)
        return;
    if (!end->is_connecting && end->peer >= 0 && end_at(streams, end->peer)->is_open)
        push_segment(end, NULL, 0, true);
    end->has_said_end = true;
    end->is_open = false;
    drop_segments(end);
}

void sim_stream_break(struct sim_streams *streams, int stream) {
    struct end *end = end_at(streams, stream);
    if (!end->is_open)
        return;
    streams->counters.broken++;
    if (end->peer >= 0) {
        struct end *peer = end_at(streams, end->peer);
        drop_segments(peer);
        fail_at(peer, end->way.delay_us, ECONNRESET);
    }
    fail_at(end, 0, ECONNRESET);
}

bool sim_stream_is_open(const struct sim_streams *streams, int stream) {
    const struct end *end = end_at(streams, stream);
    return end->is_open && !end->is_connecting;
}

/* ---- connecting ----------------------------------------------------------------------------------------------------------- */

int sim_stream_listen(struct sim_streams *streams, int interface_, uint16_t port, const struct sim_stream_callbacks *callbacks,
                      void *(*accepted)(void *context, int stream, const struct sim_path *path), void *context) {
    for (int i = 0; i < streams->listener_count; i++)
        if (streams->listeners[i].is_open && streams->listeners[i].interface_ == interface_ && streams->listeners[i].local.port == port)
            return -1;
    assert(streams->listener_count < SIM_STREAM_LISTENER_MAX);
    struct listener *listener = &streams->listeners[streams->listener_count];
    *listener = (struct listener){.is_open = true, .interface_ = interface_, .callbacks = *callbacks, .accepted = accepted, .context = context};
    listener->local = *sim_network_interface_address(streams->network, interface_);
    listener->local.port = port;
    return streams->listener_count++;
}

void sim_stream_unlisten(struct sim_streams *streams, int listener) {
    streams->listeners[listener].is_open = false;
}

static struct listener *find_listener(struct sim_streams *streams, const struct stun_address *local, int interface_) {
    for (int i = 0; i < streams->listener_count; i++) {
        struct listener *listener = &streams->listeners[i];
        if (listener->is_open && listener->interface_ == interface_ && stun_address_equal(&listener->local, local))
            return listener;
    }
    return NULL;
}

static void say_opened(void *context) {
    struct end *end = context;
    if (!end->is_open)
        return;
    end->is_connecting = false;
    end->streams->counters.opened++;
    if (end->callbacks.opened)
        end->callbacks.opened(end->context, end->number);
    if (end->first)
        wake_at(end, now_of(end));
}

/* The SYN is at the listener's door. */
static void knock(void *context) {
    struct end *end = context;
    struct sim_streams *streams = end->streams;
    if (!end->is_open)
        return;
    struct listener *listener = find_listener(streams, &end->path.remote, end->way.interface_);
    if (!listener) {
        streams->counters.refused++;
        fail_at(end, end->way.delay_us, ECONNREFUSED);
        return;
    }
    struct end *peer = new_end(streams, listener->interface_, &listener->callbacks, NULL);
    peer->path = (struct sim_path){.local = end->path.remote, .remote = end->way.source};
    peer->path.remote.port = end->way.crosses_nat ? streams->next_port++ : end->path.local.port;
    peer->way = end->way; /* back by the same links' delays */
    peer->peer = end->number;
    end->peer = peer->number;
    peer->context = listener->accepted(listener->context, peer->number, &peer->path);
    sim_network_call_at(streams->network, now_of(end) + travel_us(end), say_opened, end);
}

static void try_to_connect(void *context) {
    struct end *end = context;
    if (!end->is_open)
        return;
    int error = find_way(end, &end->way);
    if (error == 0)
        sim_network_call_at(end->streams->network, now_of(end) + travel_us(end), knock, end);
    else if (error == ETIMEDOUT)
        sim_network_call_at(end->streams->network, now_of(end) + SYN_RETRY_US, try_to_connect, end);
    else
        fail_at(end, end->way.delay_us, error);
}

static void connecting_takes_too_long(void *context) {
    struct end *end = context;
    if (end->is_connecting)
        tell_closed(end, ETIMEDOUT);
}

int sim_stream_connect(struct sim_streams *streams, int interface_, const struct stun_address *remote, const struct sim_stream_callbacks *callbacks,
                       void *context) {
    struct end *end = new_end(streams, interface_, callbacks, context);
    end->is_client = end->is_connecting = true;
    end->path = (struct sim_path){.local = *sim_network_interface_address(streams->network, interface_), .remote = *remote};
    end->path.local.port = streams->next_port++;
    sim_network_call_at(streams->network, sim_network_now(streams->network), try_to_connect, end);
    sim_network_call_at(streams->network, sim_network_now(streams->network) + SIM_STREAM_CONNECT_TIMEOUT_US, connecting_takes_too_long, end);
    return end->number;
}

const struct stun_address *sim_stream_local_address(const struct sim_streams *streams, int stream) {
    return &end_at(streams, stream)->path.local;
}

struct sim_stream_counters sim_stream_counters(const struct sim_streams *streams) {
    return streams->counters;
}
