/* A small object of the contract for the driver's tests: it counts, echoes, and does what a test scripts. */
#ifndef TEST_NET_OBJECT_H
#define TEST_NET_OBJECT_H

#include "app/net/driver.h"
#include "app/net/resolver.h"
#include "test/net/test_net.h"

#define OBJECT_QUEUE 4096

/* What the verbs of streams were told: 'o'pened, 'b'ytes, 'c'losed. */
#define OBJECT_STREAM_EVENTS 4096
struct object_stream_event {
    char kind;
    struct ice_path path;
    int error;
};

struct object {
    uv_loop_t loop;
    struct net_driver *driver;
    struct ice_interface interfaces[NET_INTERFACE_MAX];
    size_t interface_count;
    unsigned interface_calls;
    struct ice_interface set_interfaces[NET_DRIVER_SET_MAX][NET_INTERFACE_MAX];
    size_t set_interface_count[NET_DRIVER_SET_MAX];
    unsigned set_calls[NET_DRIVER_SET_MAX];

    struct ice_transmit queue[OBJECT_QUEUE]; /* what poll_transmit gives, in order; byte 0.. is the number of the datagram */
    size_t queued, polled;
    uint64_t deadline_us; /* next_timeout; handle_timeout sets it to UINT64_MAX */

    unsigned datagrams, timeouts, wakes, errors, drains;
    unsigned datagrams_at_timeout;
    uint64_t timeout_at_us;
    struct ice_path last_path;
    uint8_t last_bytes[NET_UDP_DATAGRAM_MAX_BYTES];
    size_t last_length;
    struct ice_path error_path;
    int error;
    uint64_t resolved_query;
    struct stun_address resolved[NET_RESOLVER_ADDRESS_MAX];
    size_t resolved_count;
    unsigned resolved_calls;

    struct object_stream_event stream_events[OBJECT_STREAM_EVENTS];
    size_t stream_event_count;
    uint8_t stream_bytes[65536];
    size_t stream_byte_count, longest_read;
    _Bool reopen; /* a closed stream is opened again from within the verb */

    _Bool echo;             /* handle_datagram queues the answer */
    _Bool overdue_at_once;  /* the first datagram makes a timeout that is already due */
    unsigned stop_after;    /* stop the loop once this many calls came (datagrams + timeouts + wakes + errors + resolved) */
    const char *free_in;    /* free the driver in the verb of this name */
    size_t close_set;       /* handle_datagram closes this set; 0: none */
    _Bool event;            /* one event waits: drain queues a datagram to event_to for it */
    struct stun_address event_to;
};

extern const struct net_driver_verbs object_verbs;

/* The object stands alone on a loop of its own, bound to one port of 127.0.0.1; driver not started. */
struct object *object_new(void);
void object_start(struct object *object);
void object_free(struct object *object);

/* As object_new, with a configuration of the test's own; verbs, object and, when none is given, the address are filled in. */
struct object *object_new_with(const struct net_driver_config *config);

/* How many events of this kind there were; the last one is written, if there was one. */
size_t object_stream_events(const struct object *object, char kind, struct object_stream_event *last);

/* Queues datagram: `length` bytes of its number. */
void object_queue(struct object *object, const struct stun_address *local, const struct stun_address *remote, size_t length);
const struct stun_address *object_address(const struct object *object);

void object_queue_path(struct object *object, const struct ice_path *path, size_t length);

/* Runs the loop in small steps, `step` between them (may be NULL), until done says so; fails the test after five seconds. */
void object_run_until(struct object *object, _Bool (*done)(struct object *object), void (*step)(void *context), void *context);

/* Runs the loop until the object stops it; fails the test after five seconds. */
void object_run(struct object *object);

#endif
