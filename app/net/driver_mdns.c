/*
 * Names under .local (RFC 6762): whom the driver asks, and, when the configuration wants it, the names under which our own addresses are offered. A
 * name under .local is never asked of unicast DNS, any other name never of the link.
 */
#include "app/net/driver_internal.h"

#include <errno.h>
#include <string.h>

/* Links to speak on: the interfaces of the filter, and loopback where the configuration binds it. */
static size_t list_links(const struct net_driver *driver, struct net_interface_address out[NET_INTERFACE_MAX]) {
    struct net_interface_filter filter = driver->config.filter;
    for (size_t i = 0; i < driver->config.address_count; i++) {
        const struct stun_address *address = &driver->addresses[i];
        filter.loopback = filter.loopback || (address->family == STUN_ADDRESS_IPV4 ? address->ip[0] == 127 : address->ip[0] == 0);
    }
    int count = net_interfaces_list(&filter, out, NET_INTERFACE_MAX);
    if (count < 0)
        return 0;
    return (size_t)count < NET_INTERFACE_MAX ? (size_t)count : NET_INTERFACE_MAX;
}

static void refresh(struct net_driver *driver) {
    struct net_interface_address links[NET_INTERFACE_MAX];
    net_mdns_set_interfaces(driver->mdns, links, list_links(driver, links));
}

void net_driver_refresh_mdns(struct net_driver *driver) {
    if (driver->config.mdns == NET_MDNS_OFFER && driver->mdns == NULL)
        driver->mdns = net_mdns_new(driver->loop, net_driver_on_answer, driver);
    if (driver->mdns != NULL)
        refresh(driver);
}

/* A configured address does not say which interface has it. */
static uint32_t interface_of(const struct net_driver *driver, const struct driver_socket *socket) {
    struct net_interface_address links[NET_INTERFACE_MAX];
    if (socket->interface.index != 0)
        return socket->interface.index;
    size_t count = list_links(driver, links);
    for (size_t i = 0; i < count; i++)
        if (stun_address_equal_ip(&links[i].address, &socket->interface.address))
            return links[i].index;
    return 0;
}

/* A name stands for an address, whatever the port: the sockets of all sets at one address have the same. NULL: no other set has one there. */
static const struct driver_socket *sibling_of(const struct net_driver *driver, const struct driver_socket *socket) {
    for (size_t i = 0; i < driver->socket_count; i++) {
        const struct driver_socket *other = driver->sockets[i];
        if (other->set != socket->set && other->interface.index == socket->interface.index && other->mdns_name[0] != '\0' &&
            stun_address_equal_ip(&other->interface.address, &socket->interface.address))
            return other;
    }
    return NULL;
}

/*
 * draft-ietf-mmusic-mdns-ice-candidates section 3.1.1: an address that is to be hidden gets a name. If none can be had, the socket is not offered
 * at all: to show the address then would betray who asked for the name.
 */
bool net_driver_offer_name(struct net_driver *driver, struct driver_socket *socket) {
    if (driver->config.mdns != NET_MDNS_OFFER)
        return true;
    const struct driver_socket *sibling = sibling_of(driver, socket);
    if (sibling != NULL) {
        memcpy(socket->mdns_name, sibling->mdns_name, sizeof socket->mdns_name);
        return true;
    }
    return driver->mdns != NULL && net_mdns_own(driver->mdns, &socket->interface.address, interface_of(driver, socket), socket->mdns_name) == 0;
}

void net_driver_withdraw_name(struct net_driver *driver, struct driver_socket *socket) {
    if (socket->mdns_name[0] != '\0' && driver->mdns != NULL && sibling_of(driver, socket) == NULL)
        net_mdns_disown(driver->mdns, socket->mdns_name);
    socket->mdns_name[0] = '\0';
}

int net_driver_resolve(struct net_driver *driver, uint64_t query, const char *name) {
    char host[MDNS_NAME_MAX_BYTES + 1];
    if (driver->freed || driver->verbs->handle_resolved == NULL)
        return -EINVAL;
    /* What ends in .local without being one label of it is answered with nothing by the resolver. */
    if (driver->config.mdns == NET_MDNS_OFF || !mdns_name_is_local_host(name, host))
        return net_resolver_ask(driver->resolver, query, name);
    if (driver->mdns == NULL) {
        driver->mdns = net_mdns_new(driver->loop, net_driver_on_answer, driver);
        if (driver->mdns == NULL)
            return -ENOMEM;
        refresh(driver);
    }
    return net_mdns_ask(driver->mdns, query, name);
}
