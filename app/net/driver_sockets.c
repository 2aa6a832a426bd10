/*
 * The sockets of a driver: in each set one per usable address, opened and closed as addresses come and go. Set 0 is there from the start, the
 * others are asked for.
 */
#include "app/net/driver_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "app/net/clock.h"

/* ---- one socket ------------------------------------------------------------------------------------------------------ */

static void on_readable(uv_poll_t *poll, int status, int events) {
    (void)events;
    struct driver_socket *socket = poll->data;
    struct net_udp_socket *udp = socket->udp;
    net_driver_receive(socket);
    /* libuv stops polling a descriptor on EPOLLERR. For UDP that is an entry in the error queue, which has been read by now. */
    if (status < 0 && socket->udp == udp && udp != NULL && !uv_is_closing((uv_handle_t *)poll))
        uv_poll_start(poll, UV_READABLE, on_readable);
}

static void on_closed(uv_handle_t *handle) {
    struct driver_socket *socket = handle->data;
    struct net_driver *driver = socket->driver;
    free(socket);
    net_driver_release(driver);
}

static int open_socket(struct net_driver *driver, size_t set, const struct net_interface_address *interface) {
    struct driver_socket *socket = calloc(1, sizeof *socket);
    if (socket == NULL)
        return -ENOMEM;
    struct net_udp_options options = driver->config.udp;
    if (interface->index != 0)
        options.scope_id = interface->index;
    struct stun_address address = interface->address;
    if (set != 0)
        address.port = 0; /* a configured one is taken by set 0 */
    int error = net_udp_open(&address, &options, &socket->udp);
    if (error == 0)
        error = uv_poll_init(driver->loop, &socket->poll, net_udp_descriptor(socket->udp));
    if (error != 0) {
        net_udp_close(socket->udp);
        free(socket);
        return error;
    }
    socket->driver = driver;
    socket->set = set;
    socket->interface = *interface;
    socket->interface.address = address;
    if (!net_driver_offer_name(driver, socket))
        driver->statistics.names_refused++;
    socket->seen = true;
    socket->poll.data = socket;
    driver->open_handles++;
    driver->sockets[driver->socket_count++] = socket;
    if (driver->config.tcp_listen) {
        socket->listener = net_driver_listen(driver, &socket->interface);
        driver->statistics.listen_refused += socket->listener == NULL;
    }
    uv_poll_start(&socket->poll, UV_READABLE, on_readable);
    return 0;
}

static void close_socket(struct net_driver *driver, size_t index) {
    struct driver_socket *socket = driver->sockets[index];
    net_driver_add_statistics(&driver->statistics.udp, socket->udp);
    driver->statistics.udp.kernel_dropped = 0;
    uv_close((uv_handle_t *)&socket->poll, on_closed);
    net_udp_close(socket->udp);
    socket->udp = NULL;
    net_driver_unlisten(socket->listener);
    socket->listener = NULL;
    net_driver_withdraw_name(driver, socket);
    for (driver->socket_count--; index < driver->socket_count; index++)
        driver->sockets[index] = driver->sockets[index + 1];
}

void net_driver_close_sockets(struct net_driver *driver) {
    while (driver->socket_count > 0)
        close_socket(driver, driver->socket_count - 1);
}

struct net_udp_socket *net_driver_socket_of(const struct net_driver *driver, const struct stun_address *local) {
    for (size_t i = 0; i < driver->socket_count; i++)
        if (stun_address_equal(net_udp_local(driver->sockets[i]->udp), local))
            return driver->sockets[i]->udp;
    return NULL;
}

uint32_t net_driver_scope_of(const struct net_driver *driver, const struct stun_address *local) {
    for (size_t i = 0; i < driver->socket_count; i++) {
        struct stun_address bound = driver->sockets[i]->interface.address;
        bound.port = local->port;
        if (stun_address_equal(&bound, local))
            return driver->sockets[i]->interface.index;
    }
    return 0;
}

/* ---- the set ---------------------------------------------------------------------------------------------------------- */

/* The addresses to bind: those of the configuration, or those of the interfaces; superseded ones only if they are bound already. */
static int wanted_addresses(const struct net_driver *driver, struct net_interface_address out[NET_INTERFACE_MAX]) {
    if (driver->config.address_count == 0) {
        struct net_interface_filter filter = driver->config.filter;
        filter.superseded = true;
        return net_interfaces_list(&filter, out, NET_INTERFACE_MAX);
    }
    for (size_t i = 0; i < driver->config.address_count; i++)
        out[i] = (struct net_interface_address){.address = driver->addresses[i], .preference = (uint16_t)(UINT16_MAX - i)};
    return (int)driver->config.address_count;
}

/* The ports differ (0 was wanted, the kernel gave one), so an address of an interface is known by its IP; a configured one by its place. */
static struct driver_socket *find(struct net_driver *driver, size_t set, const struct net_interface_address *wanted) {
    for (size_t i = 0; i < driver->socket_count; i++) {
        struct driver_socket *socket = driver->sockets[i];
        struct stun_address address = wanted->address;
        if (set != 0)
            address.port = 0;
        if (!socket->seen && socket->set == set && socket->interface.index == wanted->index && stun_address_equal(&socket->interface.address, &address))
            return socket;
    }
    return NULL;
}

static bool close_unseen(struct net_driver *driver, size_t set) {
    bool changed = false;
    for (size_t i = driver->socket_count; i-- > 0;)
        if (driver->sockets[i]->set == set && !driver->sockets[i]->seen) {
            close_socket(driver, i);
            changed = true;
        }
    return changed;
}

static void take_over(struct driver_socket *known, const struct net_interface_address *wanted) {
    struct stun_address address = known->interface.address;
    known->interface = *wanted;
    known->interface.address = address;
    known->seen = true;
}

static bool has_sockets(const struct net_driver *driver, size_t set) {
    for (size_t i = 0; i < driver->socket_count; i++)
        if (driver->sockets[i]->set == set)
            return true;
    return false;
}

/*
 * Makes the sockets of one set what the addresses are now.
 * error    why there is none, when none is wanted
 * changed  whether the object has to be told
 * Returns 0 when there is a socket, else why there is none.
 */
static int update_set(struct net_driver *driver, size_t set, const struct net_interface_address *wanted, size_t count, int error, bool *changed) {
    bool fresh[NET_INTERFACE_MAX];
    *changed = false;
    for (size_t i = 0; i < driver->socket_count; i++)
        driver->sockets[i]->seen = false;
    for (size_t i = 0; i < count; i++) {
        struct driver_socket *known = find(driver, set, &wanted[i]);
        fresh[i] = known == NULL && !wanted[i].superseded;
        if (known == NULL)
            continue;
        *changed = *changed || known->interface.preference != wanted[i].preference;
        take_over(known, &wanted[i]);
    }
    *changed = close_unseen(driver, set) || *changed;
    net_driver_refresh_mdns(driver);

    for (size_t i = 0; i < count; i++) {
        int opened = fresh[i] ? open_socket(driver, set, &wanted[i]) : 0;
        *changed = *changed || (fresh[i] && opened == 0);
        if (opened != 0) {
            driver->statistics.addresses_refused++;
            error = opened;
        }
    }
    return has_sockets(driver, set) ? 0 : error;
}

/* What update_set wants to know; negative: nothing is known, all stays. */
static int list_addresses(struct net_driver *driver, struct net_interface_address wanted[NET_INTERFACE_MAX], int *error) {
    int count = wanted_addresses(driver, wanted);
    *error = count == -ENODEV ? -ENODEV : -EADDRNOTAVAIL;
    if (count == -ENODEV) /* the one interface has gone: so have its addresses */
        count = 0;
    if (count <= NET_INTERFACE_MAX)
        return count;
    driver->statistics.addresses_refused += (size_t)count - NET_INTERFACE_MAX;
    return NET_INTERFACE_MAX;
}

/* For every set that is open. Returns what update_set says of set 0. */
int net_driver_update_sockets(struct net_driver *driver, bool changed[NET_DRIVER_SET_MAX]) {
    struct net_interface_address wanted[NET_INTERFACE_MAX];
    int error, result = 0;
    int count = list_addresses(driver, wanted, &error);
    if (count < 0)
        return has_sockets(driver, 0) ? 0 : count;
    for (size_t set = 0; set < NET_DRIVER_SET_MAX; set++) {
        changed[set] = false;
        int of_set = driver->set_is_open[set] ? update_set(driver, set, wanted, (size_t)count, error, &changed[set]) : 0;
        result = set == 0 ? of_set : result;
    }
    return result;
}

int net_driver_open_set(struct net_driver *driver, size_t set) {
    struct net_interface_address wanted[NET_INTERFACE_MAX];
    bool changed;
    int error;
    if (driver->freed || set == 0 || set >= NET_DRIVER_SET_MAX || driver->set_is_open[set] || driver->verbs->handle_set_interfaces == NULL)
        return -EINVAL;
    driver->set_is_open[set] = true;
    int count = list_addresses(driver, wanted, &error);
    int result = count < 0 ? count : update_set(driver, set, wanted, (size_t)count, error, &changed);
    net_driver_tell_interfaces(driver, net_clock_now_us(), set);
    return result;
}

void net_driver_close_set(struct net_driver *driver, size_t set) {
    if (driver->freed || set == 0 || set >= NET_DRIVER_SET_MAX || !driver->set_is_open[set])
        return;
    net_send_batch_flush(driver->sending); /* what waits names these sockets */
    driver->set_is_open[set] = false;
    for (size_t i = 0; i < driver->socket_count; i++)
        driver->sockets[i]->seen = false;
    (void)close_unseen(driver, set);
}

/* Where names are wanted instead of addresses, a socket without one is kept to ourselves. */
static bool is_shown(const struct net_driver *driver, const struct driver_socket *socket) {
    return driver->config.mdns != NET_MDNS_OFFER || socket->mdns_name[0] != '\0';
}

static struct ice_interface describe(const struct driver_socket *socket, const struct stun_address *base, enum ice_transport transport) {
    return (struct ice_interface){.base = *base, .transport = transport, .preference = socket->interface.preference,
                                  .mdns_name = socket->mdns_name[0] != '\0' ? socket->mdns_name : NULL};
}

void net_driver_tell_interfaces(struct net_driver *driver, uint64_t now_us, size_t set) {
    struct ice_interface interfaces[NET_INTERFACE_MAX];
    size_t count = 0;
    for (size_t i = 0; i < driver->socket_count; i++)
        if (driver->sockets[i]->set == set && is_shown(driver, driver->sockets[i]))
            interfaces[count++] = describe(driver->sockets[i], net_udp_local(driver->sockets[i]->udp), ICE_TRANSPORT_UDP);
    for (size_t i = 0; i < driver->socket_count; i++) {
        const struct driver_socket *socket = driver->sockets[i];
        if (socket->set != set || socket->listener == NULL || !is_shown(driver, socket))
            continue;
        if (count == NET_INTERFACE_MAX)
            driver->statistics.listen_refused++;
        else
            interfaces[count++] = describe(socket, &socket->listener->local, ICE_TRANSPORT_TCP);
    }
    if (set == 0)
        driver->verbs->handle_interfaces(driver->object, now_us, interfaces, count);
    else
        driver->verbs->handle_set_interfaces(driver->object, now_us, set, interfaces, count);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

void net_driver_add_statistics(struct net_udp_statistics *sum, const struct net_udp_socket *socket) {
    struct net_udp_statistics one;
    net_udp_statistics(socket, &one);
    sum->datagrams_sent += one.datagrams_sent;
    sum->bytes_sent += one.bytes_sent;
    sum->datagrams_received += one.datagrams_received;
    sum->bytes_received += one.bytes_received;
    sum->send_calls += one.send_calls;
    sum->receive_calls += one.receive_calls;
    sum->segmented_messages += one.segmented_messages;
    sum->joined_messages += one.joined_messages;
    sum->over_long_dropped += one.over_long_dropped;
    sum->would_block_dropped += one.would_block_dropped;
    sum->failed_dropped += one.failed_dropped;
    sum->too_big += one.too_big;
    sum->errors_forgotten += one.errors_forgotten;
    sum->kernel_dropped += one.kernel_dropped;
    sum->segmentation = sum->segmentation || one.segmentation;
}

void net_driver_statistics(const struct net_driver *driver, struct net_driver_statistics *out) {
    *out = driver->statistics;
    out->sockets = driver->socket_count;
    for (size_t i = 0; i < driver->socket_count; i++)
        net_driver_add_statistics(&out->udp, driver->sockets[i]->udp);
    for (size_t i = 0; i < driver->socket_count; i++)
        out->listeners += driver->sockets[i]->listener != NULL;
    if (driver->mdns != NULL)
        net_mdns_statistics(driver->mdns, &out->mdns);
    out->streams = driver->opened_count + driver->accepted_count;
    for (const struct driver_stream *at = driver->streams; at != NULL; at = at->next)
        if (at->stream != NULL)
            net_driver_add_stream_statistics(&out->stream, at->stream);
}
