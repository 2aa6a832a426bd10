/*
 * Mutate, drain, wait (docs/contract.md) over libuv: the turn, its timer and its life.
 *
 * Deadlines are microseconds and pacing wants them kept, but libuv's timers are milliseconds: a timerfd with absolute time on the same
 * CLOCK_MONOTONIC as app/net/clock.h is exact and cannot be early.
 */
#include "app/net/driver_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "app/net/clock.h"

#define ERROR_ROUNDS_MAX 8 /* flush, tell errors, flush what they made the object send, ...; the rest waits for the next turn */

/* ---- the timer -------------------------------------------------------------------------------------------------------- */

static void arm(struct net_driver *driver, uint64_t deadline_us) {
    if (deadline_us == driver->armed_us)
        return;
    driver->armed_us = deadline_us;
    struct itimerspec at = {0};
    if (deadline_us != UINT64_MAX) {
        uint64_t when_us = deadline_us == 0 ? 1 : deadline_us; /* 0 would switch the timer off */
        at.it_value.tv_sec = (time_t)(when_us / 1000000u);
        at.it_value.tv_nsec = (long)(when_us % 1000000u) * 1000;
    }
    timerfd_settime(driver->timer_descriptor, TFD_TIMER_ABSTIME, &at, NULL);
}

static void on_timer(uv_poll_t *poll, int status, int events) {
    (void)status, (void)events;
    struct net_driver *driver = poll->data;
    uint64_t expirations;
    if (read(driver->timer_descriptor, &expirations, sizeof expirations) > 0)
        driver->armed_us = UINT64_MAX;
    net_driver_run(driver);
}

/* ---- the turn --------------------------------------------------------------------------------------------------------- */

bool net_driver_begin_turn(struct net_driver *driver, uint64_t *now_us) {
    *now_us = net_clock_now_us();
    if (driver->freed || driver->in_turn)
        return false;
    driver->in_turn = true;
    driver->again = false;
    driver->budget = NET_DRIVER_TURN_DATAGRAMS;
    driver->statistics.turns++;
    /* Here, not only when the timer's descriptor is readable: a flood on a socket must not hold up what is overdue. */
    if (driver->verbs->next_timeout(driver->object) <= *now_us) {
        driver->statistics.timeouts++;
        driver->verbs->handle_timeout(driver->object, *now_us);
        net_driver_settle(driver, *now_us);
    }
    return true;
}

static void queue(struct net_driver *driver, const uint8_t *buffer, const struct ice_transmit *transmit) {
    const struct ice_path *path = &transmit->path;
    if (path->transport != ICE_TRANSPORT_UDP && net_driver_send_stream(driver, path->stream_id, buffer + transmit->offset, transmit->length))
        return;
    struct net_udp_socket *udp = path->transport == ICE_TRANSPORT_UDP ? net_driver_socket_of(driver, &path->local) : NULL;
    if (udp != NULL) {
        net_send_batch_commit(driver->sending, udp, &path->remote, buffer + transmit->offset, transmit->length, transmit->segment_bytes);
        return;
    }
    driver->statistics.unroutable_dropped++;
    if (driver->unroutable_count < NET_UDP_ERROR_MAX)
        driver->unroutable[driver->unroutable_count++] = *path;
}

/* Returns whether anything was to be sent. */
static bool collect(struct net_driver *driver, uint64_t now_us) {
    bool moved = false;
    while (!driver->freed && driver->budget > 0) {
        size_t capacity;
        uint8_t *buffer = net_send_batch_reserve(driver->sending, &capacity);
        struct ice_transmit transmit = {0};
        if (!driver->verbs->poll_transmit(driver->object, now_us, buffer, capacity, &transmit))
            return moved;
        queue(driver, buffer, &transmit);
        driver->budget--;
        moved = true;
    }
    driver->again = !driver->freed;
    return moved;
}

void net_driver_settle(struct net_driver *driver, uint64_t now_us) {
    bool moved = true;
    while (moved && !driver->freed) {
        moved = collect(driver, now_us);
        if (!driver->freed)
            moved = driver->verbs->drain(driver->object, now_us) || moved;
        if (driver->budget == 0)
            return;
    }
}

static void tell(struct net_driver *driver, uint64_t now_us, const struct ice_path *path, int error) {
    if (driver->freed || driver->verbs->handle_send_error == NULL)
        return;
    driver->statistics.send_errors++;
    driver->verbs->handle_send_error(driver->object, now_us, path, error);
}

/* Returns whether there were any. A verb may close sockets, so the list is looked at afresh for each error. */
static bool tell_errors(struct net_driver *driver, uint64_t now_us) {
    bool told = false;
    for (size_t i = 0; i < driver->socket_count; i++) {
        struct net_udp_error error;
        while (i < driver->socket_count && net_udp_next_error(driver->sockets[i]->udp, &error)) {
            struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = *net_udp_local(driver->sockets[i]->udp), .remote = error.remote};
            tell(driver, now_us, &path, error.error);
            told = true;
        }
    }
    size_t count = driver->unroutable_count;
    driver->unroutable_count = 0;
    struct ice_path paths[NET_UDP_ERROR_MAX];
    memcpy(paths, driver->unroutable, count * sizeof paths[0]);
    for (size_t i = 0; i < count; i++)
        tell(driver, now_us, &paths[i], paths[i].transport == ICE_TRANSPORT_UDP ? EADDRNOTAVAIL : ENOTCONN);
    return told || count > 0;
}

void net_driver_end_turn(struct net_driver *driver, uint64_t now_us) {
    for (int round = 0; !driver->freed; round++) {
        net_send_batch_flush(driver->sending);
        net_driver_flush_streams(driver);
        if (round == ERROR_ROUNDS_MAX) {
            driver->again = true;
            break;
        }
        bool told = tell_errors(driver, now_us);
        if (!net_driver_tell_streams(driver, now_us) && !told)
            break;
        net_driver_settle(driver, now_us);
    }
    driver->in_turn = false;
    if (driver->freed)
        return;
    if (driver->again)
        driver->statistics.turns_cut_short++;
    arm(driver, driver->again ? now_us : driver->verbs->next_timeout(driver->object));
}

void net_driver_run(struct net_driver *driver) {
    uint64_t now_us;
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

void net_driver_receive(struct driver_socket *socket) {
    struct net_driver *driver = socket->driver;
    uint64_t now_us;
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    struct net_datagram datagram;
    if (!driver->freed && socket->udp != NULL && net_udp_receive(socket->udp, driver->received) > 0) {
        struct ice_path path = {.transport = ICE_TRANSPORT_UDP, .local = *net_udp_local(socket->udp)};
        /* A verb may close this socket: what else came by it goes with it. */
        while (socket->udp != NULL && net_receive_batch_next(driver->received, &datagram)) {
            path.remote = datagram.remote;
            driver->verbs->handle_datagram(driver->object, now_us, &path, datagram.bytes, datagram.length);
            net_driver_settle(driver, now_us);
        }
    }
    net_driver_end_turn(driver, now_us);
}

/* ---- what else comes in ------------------------------------------------------------------------------------------------ */

static void on_wake(uv_async_t *async) {
    struct net_driver *driver = async->data;
    uint64_t now_us;
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    driver->statistics.wakes++;
    if (!driver->freed && driver->verbs->handle_wake != NULL)
        driver->verbs->handle_wake(driver->object, now_us);
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

void net_driver_on_answer(void *context, uint64_t query, const struct stun_address *addresses, size_t count) {
    struct net_driver *driver = context;
    uint64_t now_us;
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    if (!driver->freed)
        driver->verbs->handle_resolved(driver->object, now_us, query, addresses, count);
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

static void on_resolved(void *context, uint64_t query, const struct stun_address *addresses, size_t count, int error) {
    (void)error;
    net_driver_on_answer(context, query, addresses, count);
}

static void on_interfaces_changed(void *context) {
    struct net_driver *driver = context;
    uint64_t now_us;
    bool changed[NET_DRIVER_SET_MAX] = {false};
    if (!net_driver_begin_turn(driver, &now_us))
        return;
    if (!driver->freed) {
        net_send_batch_flush(driver->sending); /* what waits names sockets that may close now */
        net_driver_update_sockets(driver, changed);
    }
    for (size_t i = 0; i < NET_DRIVER_SET_MAX && !driver->freed; i++) {
        if (!changed[i] || !driver->set_is_open[i])
            continue;
        driver->statistics.interface_changes++;
        net_driver_tell_interfaces(driver, now_us, i);
    }
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
}

/* ---- what the app asks for --------------------------------------------------------------------------------------------- */

uint8_t *net_driver_reserve(struct net_driver *driver, size_t *capacity) {
    return net_send_batch_reserve(driver->sending, capacity);
}

void net_driver_send(struct net_driver *driver, const uint8_t *buffer, const struct ice_transmit *transmit) {
    if (!driver->freed)
        queue(driver, buffer, transmit);
}

void net_driver_wake(struct net_driver *driver) {
    uv_async_send(&driver->wake);
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */

void net_driver_release(struct net_driver *driver) {
    if (--driver->open_handles > 0)
        return;
    net_receive_batch_free(driver->received);
    net_send_batch_free(driver->sending);
    net_tls_trust_free(driver->trust);
    free(driver);
}

static void on_closed(uv_handle_t *handle) {
    net_driver_release(handle->data);
}

/* A turn may be under way, when a verb calls this: it looks at `freed` after each verb and touches nothing any more. */
void net_driver_free(struct net_driver *driver) {
    if (driver == NULL || driver->freed)
        return;
    net_send_batch_flush(driver->sending);
    driver->freed = true;
    net_interface_watch_free(driver->watch);
    net_resolver_free(driver->resolver);
    net_driver_close_streams(driver);
    net_driver_close_sockets(driver);
    net_mdns_free(driver->mdns); /* says goodbye for the names */
    uv_close((uv_handle_t *)&driver->wake, on_closed);
    uv_close((uv_handle_t *)&driver->timer, on_closed);
    close(driver->timer_descriptor);
}

static bool has_streams(const struct net_driver_verbs *verbs) {
    return verbs->handle_stream_opened != NULL && verbs->handle_stream_bytes != NULL && verbs->handle_stream_closed != NULL;
}

static bool is_complete(const struct net_driver_config *config) {
    const struct net_driver_verbs *verbs = config->verbs;
    return verbs != NULL && verbs->handle_datagram != NULL && verbs->handle_timeout != NULL && verbs->next_timeout != NULL &&
           verbs->poll_transmit != NULL && verbs->drain != NULL && verbs->handle_interfaces != NULL &&
           config->address_count <= NET_INTERFACE_MAX && (!config->tcp_listen || has_streams(verbs)) &&
           (config->filter.name == NULL || strlen(config->filter.name) < NET_INTERFACE_NAME_BYTES);
}

static void copy_config(struct net_driver *driver, const struct net_driver_config *config) {
    driver->verbs = config->verbs;
    driver->object = config->object;
    driver->config = *config;
    if (config->filter.name != NULL)
        memcpy(driver->filter_name, config->filter.name, strlen(config->filter.name) + 1);
    driver->config.filter.name = driver->filter_name;
    if (config->address_count > 0)
        memcpy(driver->addresses, config->addresses, config->address_count * sizeof driver->addresses[0]);
    driver->config.addresses = driver->addresses;
    if (driver->config.connect_timeout_ms == 0)
        driver->config.connect_timeout_ms = NET_DRIVER_CONNECT_TIMEOUT_MS;
    driver->config.tls_ca_file = NULL; /* read by now, never again */
}

/* Everything that can fail, in the order of taking; on failure gives back what was taken and says why. */
static int take_resources(struct net_driver *driver, const char *ca_file) {
    driver->received = net_receive_batch_new(driver->config.udp.with_gro);
    driver->sending = net_send_batch_new();
    driver->resolver = net_resolver_new(driver->loop, on_resolved, driver);
    driver->timer_descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int error = driver->timer_descriptor < 0 ? -errno : 0;
    if (driver->received == NULL || driver->sending == NULL || driver->resolver == NULL)
        error = -ENOMEM;
    if (error == 0 && ca_file != NULL)
        error = net_tls_trust_new(ca_file, &driver->trust);
    if (error == 0)
        error = uv_poll_init(driver->loop, &driver->timer, driver->timer_descriptor);
    if (error != 0)
        return error;
    driver->open_handles++;
    driver->timer.data = driver;
    error = uv_async_init(driver->loop, &driver->wake, on_wake);
    if (error != 0) {
        uv_close((uv_handle_t *)&driver->timer, on_closed);
        return error;
    }
    driver->open_handles++;
    driver->wake.data = driver;
    return 0;
}

int net_driver_new(uv_loop_t *loop, const struct net_driver_config *config, struct net_driver **out) {
    if (!is_complete(config))
        return -EINVAL;
    struct net_driver *driver = calloc(1, sizeof *driver);
    if (driver == NULL)
        return -ENOMEM;
    driver->loop = loop;
    driver->armed_us = UINT64_MAX;
    copy_config(driver, config);
    int error = take_resources(driver, config->tls_ca_file);
    if (error != 0) {
        if (driver->timer_descriptor >= 0)
            close(driver->timer_descriptor);
        net_resolver_free(driver->resolver);
        if (driver->open_handles > 0)
            return error; /* the timer's handle is closing; it frees the rest */
        driver->open_handles = 1;
        net_driver_release(driver);
        return error;
    }
    uv_poll_start(&driver->timer, UV_READABLE, on_timer);
    *out = driver;
    return 0;
}

int net_driver_start(struct net_driver *driver) {
    uint64_t now_us;
    bool changed[NET_DRIVER_SET_MAX];
    driver->set_is_open[0] = true;
    int error = net_driver_update_sockets(driver, changed);
    if (driver->config.address_count == 0 && !driver->config.fixed_interfaces && driver->watch == NULL)
        driver->watch = net_interface_watch_new(driver->loop, false, 0, on_interfaces_changed, driver);
    if (!net_driver_begin_turn(driver, &now_us))
        return error;
    net_driver_tell_interfaces(driver, now_us, 0);
    net_driver_settle(driver, now_us);
    net_driver_end_turn(driver, now_us);
    return error;
}
