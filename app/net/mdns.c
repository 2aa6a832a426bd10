/* The engine's sockets and its timer on a libuv loop. */
#include "app/net/mdns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/net/clock.h"
#include "app/net/mdns_socket_internal.h"
#include "app/net/random.h"

#define SOCKET_MAX (2 * NET_INTERFACE_MAX)
#define READS_PER_TURN 16

/* One socket. Its memory outlives it until libuv has let go of the handle. */
struct port {
    uv_poll_t poll;
    struct net_mdns *mdns;
    int descriptor;
    enum mdns_socket kind;
    uint32_t interface;
    enum stun_address_family family;
    bool seen; /* still wanted by the list that is being compared */
};

struct net_mdns {
    uv_loop_t *loop;
    net_mdns_answered answered;
    void *context;
    struct mdns_engine *engine;
    struct port *ports[SOCKET_MAX];
    size_t port_count;
    uv_timer_t timer;
    unsigned open_handles; /* that libuv still knows; the last one to close frees it */
    bool freed;
    struct net_mdns_statistics statistics;
    uint8_t received[MDNS_MESSAGE_MAX_BYTES];
};

static void release(struct net_mdns *mdns) {
    if (--mdns->open_handles > 0)
        return;
    mdns_engine_free(mdns->engine);
    free(mdns);
}

/* ---- sending and answering -------------------------------------------------------------------------------------------------------- */

static struct port *port_for(const struct net_mdns *mdns, enum mdns_socket kind, uint32_t interface, enum stun_address_family family) {
    for (size_t i = 0; i < mdns->port_count; i++) {
        struct port *port = mdns->ports[i];
        if (port->kind == kind && port->interface == interface && port->family == family)
            return port;
    }
    return NULL;
}

static void transmit(struct net_mdns *mdns) {
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    struct mdns_transmit out;
    while (mdns_engine_poll_transmit(mdns->engine, net_clock_now_us(), buffer, sizeof buffer, &out)) {
        const struct port *port = port_for(mdns, out.socket, out.interface, out.to.family);
        int error = port == NULL ? -ENODEV : net_mdns_socket_send(port->descriptor, out.interface, &out.to, buffer, out.length);
        if (error != 0) {
            mdns->statistics.send_failures++;
            mdns->statistics.last_error = -error;
        }
    }
}

static void on_timer(uv_timer_t *timer);

/* Sends what there is and sets the timer. Questions keep the loop alive, names do not. */
static void settle(struct net_mdns *mdns, bool at_once) {
    transmit(mdns);
    uint64_t now_us = net_clock_now_us(), next_us = mdns_engine_next_timeout(mdns->engine);
    struct mdns_statistics statistics;
    mdns_engine_statistics(mdns->engine, &statistics);
    uv_timer_stop(&mdns->timer);
    if (at_once || next_us != UINT64_MAX)
        uv_timer_start(&mdns->timer, on_timer, at_once || next_us <= now_us ? 0 : (next_us - now_us + 999) / 1000, 0);
    if (statistics.questions > 0)
        uv_ref((uv_handle_t *)&mdns->timer);
    else
        uv_unref((uv_handle_t *)&mdns->timer);
}

/* From the loop only: an answer may ask again, or free everything. */
static void deliver(struct net_mdns *mdns) {
    struct mdns_answer answer;
    while (!mdns->freed && mdns_engine_poll_answer(mdns->engine, &answer))
        mdns->answered(mdns->context, answer.query, answer.addresses, answer.count);
    if (!mdns->freed)
        settle(mdns, false);
}

static void on_timer(uv_timer_t *timer) {
    struct net_mdns *mdns = timer->data;
    uv_update_time(mdns->loop);
    mdns_engine_handle_timeout(mdns->engine, net_clock_now_us());
    deliver(mdns);
}

/* ---- sockets ------------------------------------------------------------------------------------------------------------------------ */

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct port *port = poll->data;
    struct net_mdns *mdns = port->mdns;
    for (int i = 0; i < READS_PER_TURN; i++) {
        struct mdns_origin origin = {.socket = port->kind, .interface = port->interface};
        uint32_t interface = 0;
        long length = net_mdns_socket_receive(port->descriptor, mdns->received, sizeof mdns->received, &origin.source, &interface);
        if (length <= 0)
            break;
        if (interface == port->interface)
            mdns_engine_handle_datagram(mdns->engine, net_clock_now_us(), &origin, mdns->received, (size_t)length);
    }
    if (status < 0)
        uv_poll_start(poll, UV_READABLE, on_readable); /* libuv stops on an error, which the reading has taken */
    deliver(mdns);
}

static void on_port_closed(uv_handle_t *handle) {
    struct port *port = handle->data;
    release(port->mdns);
    free(port);
}

static int open_port(struct net_mdns *mdns, enum mdns_socket kind, const struct net_interface_address *address) {
    struct port *port = calloc(1, sizeof *port);
    if (port == NULL)
        return -ENOMEM;
    *port = (struct port){.mdns = mdns, .kind = kind, .interface = address->index, .family = address->address.family, .seen = true};
    port->descriptor = net_mdns_socket_open(kind, address->index, &address->address);
    int error = port->descriptor < 0 ? port->descriptor : uv_poll_init(mdns->loop, &port->poll, port->descriptor);
    if (error != 0) {
        if (port->descriptor >= 0)
            close(port->descriptor);
        free(port);
        return error;
    }
    port->poll.data = port;
    uv_poll_start(&port->poll, UV_READABLE, on_readable);
    uv_unref((uv_handle_t *)&port->poll);
    mdns->ports[mdns->port_count++] = port;
    mdns->open_handles++;
    return 0;
}

static void close_port(struct net_mdns *mdns, size_t index) {
    struct port *port = mdns->ports[index];
    uv_close((uv_handle_t *)&port->poll, on_port_closed);
    close(port->descriptor);
    for (mdns->port_count--; index < mdns->port_count; index++)
        mdns->ports[index] = mdns->ports[index + 1];
}

static void want_link(struct net_mdns *mdns, const struct net_interface_address *address) {
    static const enum mdns_socket kinds[] = {MDNS_SOCKET_SHARED, MDNS_SOCKET_ASKER};
    for (size_t i = 0; i < 2; i++) {
        struct port *known = port_for(mdns, kinds[i], address->index, address->address.family);
        if (known != NULL) {
            known->seen = true;
            continue;
        }
        int error = mdns->port_count == SOCKET_MAX ? -ENOSPC : open_port(mdns, kinds[i], address);
        if (error != 0) {
            mdns->statistics.open_failures++;
            mdns->statistics.last_error = -error;
        }
    }
}

void net_mdns_set_interfaces(struct net_mdns *mdns, const struct net_interface_address *addresses, size_t count) {
    for (size_t i = 0; i < mdns->port_count; i++)
        mdns->ports[i]->seen = false;
    for (size_t i = 0; i < count; i++)
        for (size_t p = 0; p < mdns->port_count; p++)
            if (mdns->ports[p]->interface == addresses[i].index && mdns->ports[p]->family == addresses[i].address.family)
                mdns->ports[p]->seen = true;
    for (size_t i = mdns->port_count; i-- > 0;) /* the old ones first: they make room */
        if (!mdns->ports[i]->seen)
            close_port(mdns, i);
    for (size_t i = 0; i < count; i++)
        want_link(mdns, &addresses[i]);
    mdns_engine_set_interfaces(mdns->engine, net_clock_now_us(), addresses, count);
    settle(mdns, false);
}

/* ---- what the app asks for ------------------------------------------------------------------------------------------------------------- */

int net_mdns_ask(struct net_mdns *mdns, uint64_t query, const char *name) {
    int error = mdns_engine_ask(mdns->engine, net_clock_now_us(), query, name);
    if (error == 0)
        settle(mdns, true); /* an answer that is known already comes from the loop, too */
    return error;
}

int net_mdns_own(struct net_mdns *mdns, const struct stun_address *address, uint32_t interface, char *name) {
    int error = mdns_engine_own(mdns->engine, net_clock_now_us(), address, interface, name);
    if (error == 0)
        settle(mdns, false);
    return error;
}

void net_mdns_disown(struct net_mdns *mdns, const char *name) {
    mdns_engine_disown(mdns->engine, net_clock_now_us(), name);
    settle(mdns, false);
}

void net_mdns_statistics(const struct net_mdns *mdns, struct net_mdns_statistics *out) {
    *out = mdns->statistics;
    out->sockets = mdns->port_count;
    mdns_engine_statistics(mdns->engine, &out->engine);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */

static void on_timer_closed(uv_handle_t *handle) {
    release(handle->data);
}

struct net_mdns *net_mdns_new(uv_loop_t *loop, net_mdns_answered answered, void *context) {
    struct net_mdns *mdns = calloc(1, sizeof *mdns);
    if (mdns == NULL)
        return NULL;
    mdns->loop = loop;
    mdns->answered = answered;
    mdns->context = context;
    mdns->engine = mdns_engine_new(net_random, NULL, net_clock_now_us());
    if (mdns->engine == NULL) {
        free(mdns);
        return NULL;
    }
    uv_timer_init(loop, &mdns->timer);
    uv_unref((uv_handle_t *)&mdns->timer);
    mdns->timer.data = mdns;
    mdns->open_handles = 1;
    return mdns;
}

void net_mdns_free(struct net_mdns *mdns) {
    if (mdns == NULL || mdns->freed)
        return;
    mdns_engine_disown_all(mdns->engine, net_clock_now_us());
    transmit(mdns);
    mdns->freed = true;
    while (mdns->port_count > 0)
        close_port(mdns, mdns->port_count - 1);
    uv_close((uv_handle_t *)&mdns->timer, on_timer_closed);
}
