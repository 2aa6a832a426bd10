/* The verbs of the tests' object. */
#include "test/net/object.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "app/net/clock.h"

static void called(struct object *object, const char *verb) {
    if (object->free_in != NULL && strcmp(object->free_in, verb) == 0) {
        struct net_driver *driver = object->driver;
        object->driver = NULL;
        net_driver_free(driver);
        uv_stop(&object->loop);
    }
    if (object->datagrams + object->timeouts + object->wakes + object->errors + object->resolved_calls >= object->stop_after)
        uv_stop(&object->loop);
}

static void handle_datagram(void *context, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    struct object *object = context;
    object->datagrams++;
    object->last_path = *path;
    object->last_length = length;
    memcpy(object->last_bytes, bytes, length);
    memset(bytes, 0xee, length); /* in place, as SRTP does it */
    if (object->echo)
        object_queue(object, &path->local, &path->remote, length);
    if (object->overdue_at_once && object->datagrams == 1)
        object->deadline_us = now_us;
    if (object->close_set != 0)
        net_driver_close_set(object->driver, object->close_set);
    called(object, "handle_datagram");
}

static void handle_timeout(void *context, uint64_t now_us) {
    struct object *object = context;
    assert_true(now_us >= object->deadline_us);
    object->timeouts++;
    object->timeout_at_us = now_us;
    object->datagrams_at_timeout = object->datagrams;
    object->deadline_us = UINT64_MAX;
    called(object, "handle_timeout");
}

static uint64_t next_timeout(const void *context) {
    return ((const struct object *)context)->deadline_us;
}

static bool poll_transmit(void *context, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    struct object *object = context;
    (void)now_us;
    assert_true(capacity >= NET_SEND_RESERVE_BYTES);
    if (object->polled == object->queued)
        return false;
    *out = object->queue[object->polled % OBJECT_QUEUE];
    memset(buffer + out->offset, (int)(object->polled & 0xff), out->length);
    object->polled++;
    return true;
}

static bool drain(void *context, uint64_t now_us) {
    struct object *object = context;
    (void)now_us;
    object->drains++;
    called(object, "drain");
    if (!object->event)
        return false;
    object->event = false;
    object_queue(object, object_address(object), &object->event_to, 7);
    return true;
}

static void handle_interfaces(void *context, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    struct object *object = context;
    (void)now_us;
    object->interface_calls++;
    object->interface_count = count;
    memcpy(object->interfaces, interfaces, count * sizeof interfaces[0]);
    called(object, "handle_interfaces");
}

static void handle_set_interfaces(void *context, uint64_t now_us, size_t set, const struct ice_interface *interfaces, size_t count) {
    struct object *object = context;
    (void)now_us;
    assert_true(set > 0 && set < NET_DRIVER_SET_MAX);
    object->set_calls[set]++;
    object->set_interface_count[set] = count;
    memcpy(object->set_interfaces[set], interfaces, count * sizeof interfaces[0]);
    called(object, "handle_set_interfaces");
}

static void handle_send_error(void *context, uint64_t now_us, const struct ice_path *path, int error) {
    struct object *object = context;
    (void)now_us;
    object->errors++;
    object->error_path = *path;
    object->error = error;
    called(object, "handle_send_error");
}

static void handle_resolved(void *context, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    struct object *object = context;
    (void)now_us;
    object->resolved_calls++;
    object->resolved_query = query;
    object->resolved_count = count;
    if (count > 0)
        memcpy(object->resolved, addresses, count * sizeof addresses[0]);
    called(object, "handle_resolved");
}

static void handle_wake(void *context, uint64_t now_us) {
    struct object *object = context;
    (void)now_us;
    object->wakes++;
    called(object, "handle_wake");
}

static void note(struct object *object, char kind, const struct ice_path *path, int error) {
    assert_true(object->stream_event_count < OBJECT_STREAM_EVENTS);
    object->stream_events[object->stream_event_count++] = (struct object_stream_event){.kind = kind, .path = *path, .error = error};
}

static void handle_stream_opened(void *context, uint64_t now_us, const struct ice_path *path) {
    (void)now_us;
    note(context, 'o', path, 0);
    called(context, "handle_stream_opened");
}

static void handle_stream_bytes(void *context, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    struct object *object = context;
    (void)now_us;
    note(object, 'b', path, 0);
    object->longest_read = length > object->longest_read ? length : object->longest_read;
    if (object->stream_byte_count + length <= sizeof object->stream_bytes)
        memcpy(object->stream_bytes + object->stream_byte_count, bytes, length);
    object->stream_byte_count += length;
    if (object->echo)
        object_queue_path(object, path, length);
    called(object, "handle_stream_bytes");
}

static void handle_stream_closed(void *context, uint64_t now_us, const struct ice_path *path, int error) {
    struct object *object = context;
    (void)now_us;
    note(object, 'c', path, error);
    if (object->reopen && object->stream_event_count < OBJECT_STREAM_EVENTS)
        assert_int_equal(net_driver_open_stream(object->driver, path, NULL), 0);
    called(object, "handle_stream_closed");
}

size_t object_stream_events(const struct object *object, char kind, struct object_stream_event *last) {
    size_t count = 0;
    for (size_t i = 0; i < object->stream_event_count; i++) {
        if (object->stream_events[i].kind != kind)
            continue;
        count++;
        if (last != NULL)
            *last = object->stream_events[i];
    }
    return count;
}

const struct net_driver_verbs object_verbs = {.handle_datagram = handle_datagram, .handle_timeout = handle_timeout,
                                              .next_timeout = next_timeout, .poll_transmit = poll_transmit, .drain = drain,
                                              .handle_interfaces = handle_interfaces, .handle_set_interfaces = handle_set_interfaces,
                                              .handle_send_error = handle_send_error,
                                              .handle_resolved = handle_resolved, .handle_wake = handle_wake, .handle_stream_opened = handle_stream_opened,
                                              .handle_stream_bytes = handle_stream_bytes, .handle_stream_closed = handle_stream_closed};

/* ---- life and loop -------------------------------------------------------------------------------------------------------- */

struct object *object_new(void) {
    return object_new_with(&(struct net_driver_config){0});
}

struct object *object_new_with(const struct net_driver_config *wanted) {
    struct object *object = calloc(1, sizeof *object);
    assert_non_null(object);
    assert_int_equal(uv_loop_init(&object->loop), 0);
    object->deadline_us = UINT64_MAX;
    object->stop_after = 1;
    struct stun_address local = loopback_v4(0);
    struct net_driver_config config = *wanted;
    config.verbs = &object_verbs;
    config.object = object;
    if (config.address_count == 0) {
        config.addresses = &local;
        config.address_count = 1;
    }
    assert_int_equal(net_driver_new(&object->loop, &config, &object->driver), 0);
    return object;
}

void object_start(struct object *object) {
    assert_int_equal(net_driver_start(object->driver), 0);
    if (object->driver != NULL)
        assert_true(object->interface_count >= 1);
}

void object_free(struct object *object) {
    net_driver_free(object->driver);
    while (uv_run(&object->loop, UV_RUN_DEFAULT) != 0) /* a uv_stop from outside of the loop cuts one run short */
        ;
    assert_int_equal(uv_loop_close(&object->loop), 0); /* no handle is left */
    free(object);
}

void object_queue(struct object *object, const struct stun_address *local, const struct stun_address *remote, size_t length) {
    assert_true(object->queued - object->polled < OBJECT_QUEUE);
    object->queue[object->queued++ % OBJECT_QUEUE] =
        (struct ice_transmit){.path = {.transport = ICE_TRANSPORT_UDP, .local = *local, .remote = *remote}, .offset = 36, .length = length};
}

void object_queue_path(struct object *object, const struct ice_path *path, size_t length) {
    assert_true(object->queued - object->polled < OBJECT_QUEUE);
    object->queue[object->queued++ % OBJECT_QUEUE] = (struct ice_transmit){.path = *path, .offset = 36, .length = length};
}

void object_run_until(struct object *object, bool (*done)(struct object *object), void (*step)(void *context), void *context) {
    uint64_t end_us = net_clock_now_us() + 5000000;
    while (!done(object)) {
        assert_true(net_clock_now_us() < end_us);
        if (step != NULL)
            step(context);
        poll(NULL, 0, 1);
        uv_run(&object->loop, UV_RUN_NOWAIT);
    }
}

const struct stun_address *object_address(const struct object *object) {
    return &object->interfaces[0].base;
}

static void on_patience_over(uv_timer_t *timer) {
    *(bool *)timer->data = true;
    uv_stop(timer->loop);
}

static void on_closed(uv_handle_t *handle) {
    handle->data = NULL;
}

void object_run(struct object *object) {
    bool over = false;
    uv_timer_t patience;
    uv_timer_init(&object->loop, &patience);
    patience.data = &over;
    uv_timer_start(&patience, on_patience_over, 5000, 0);
    uv_run(&object->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&patience, on_closed);
    while (patience.data != NULL)
        uv_run(&object->loop, UV_RUN_NOWAIT);
    assert_false(over);
}
