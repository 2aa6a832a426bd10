/* The ICE agent gathers, as it would for a call (RFC 8445 section 5.1.1); nobody is called. */
#include <errno.h>

#include "app/call/network.h"
#include "app/net/clock.h"
#include "app/net/random.h"
#include "app/probe/probe_internal.h"

static struct ice_agent *agent_of(void *object) {
    return ((struct probe_gathering *)object)->agent;
}

static void handle_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    (void)ice_agent_handle_datagram(agent_of(object), now_us, path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    ice_agent_handle_timeout(agent_of(object), now_us);
}

static uint64_t next_timeout(const void *object) {
    return ice_agent_next_timeout(((const struct probe_gathering *)object)->agent);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    return ice_agent_poll_transmit(agent_of(object), now_us, buffer, capacity, out);
}

static void handle_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    (void)ice_agent_handle_interfaces(agent_of(object), now_us, interfaces, count);
}

static void handle_send_error(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    ice_agent_handle_send_error(agent_of(object), now_us, path, error);
}

static void handle_resolved(void *object, uint64_t now_us, uint64_t query, const struct stun_address *addresses, size_t count) {
    (void)ice_agent_handle_resolved(agent_of(object), now_us, query, addresses, count);
}

static void handle_stream_opened(void *object, uint64_t now_us, const struct ice_path *path) {
    (void)ice_agent_handle_stream_opened(agent_of(object), now_us, path);
}

static void handle_stream_bytes(void *object, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length) {
    (void)ice_agent_handle_stream_bytes(agent_of(object), now_us, path, bytes, length);
}

static void handle_stream_closed(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    (void)ice_agent_handle_stream_closed(agent_of(object), now_us, path, error);
}

static void take_event(struct probe_gathering *gathering, uint64_t now_us, const struct ice_event *event) {
    switch (event->type) {
    case ICE_EVENT_CANDIDATE:
        gathering->candidates++;
        probe_report_candidate(gathering->probe, now_us, event->as.candidate);
        break;
    case ICE_EVENT_GATHERING_STATE:
        if (event->as.gathering_state != ICE_GATHERING_COMPLETE || gathering->is_done)
            break;
        gathering->is_done = true;
        probe_report_gathered(gathering->probe, now_us);
        probe_wake(gathering->probe);
        break;
    case ICE_EVENT_RESOLVE:
        if (net_driver_resolve(gathering->driver, event->as.resolve.query, event->as.resolve.name) != 0)
            (void)ice_agent_handle_resolved(gathering->agent, now_us, event->as.resolve.query, NULL, 0);
        break;
    case ICE_EVENT_OPEN_STREAM: {
        int error = net_driver_open_stream(gathering->driver, &event->as.stream.path, event->as.stream.server_name);
        if (error != 0)
            (void)ice_agent_handle_stream_closed(gathering->agent, now_us, &event->as.stream.path, -error);
        break;
    }
    case ICE_EVENT_CLOSE_STREAM:
        net_driver_close_stream(gathering->driver, event->as.stream.path.stream_id);
        break;
    case ICE_EVENT_STATE:
    case ICE_EVENT_SELECTED_PAIR:
    case ICE_EVENT_ROLE:
    case ICE_EVENT_RESTART_NEEDED: /* there is no other side */
        break;
    }
}

static bool drain(void *object, uint64_t now_us) {
    struct probe_gathering *gathering = object;
    struct ice_event event;
    struct ice_received received;
    bool came = false;
    while (ice_agent_poll_received(gathering->agent, &received))
        came = true; /* nobody sends to us */
    while (ice_agent_poll_event(gathering->agent, &event)) {
        came = true;
        take_event(gathering, now_us, &event);
    }
    return came;
}

static const struct net_driver_verbs verbs = {
    .handle_datagram = handle_datagram,
    .handle_timeout = handle_timeout,
    .next_timeout = next_timeout,
    .poll_transmit = poll_transmit,
    .drain = drain,
    .handle_interfaces = handle_interfaces,
    .handle_send_error = handle_send_error,
    .handle_resolved = handle_resolved,
    .handle_stream_opened = handle_stream_opened,
    .handle_stream_bytes = handle_stream_bytes,
    .handle_stream_closed = handle_stream_closed,
};

int probe_gathering_begin(struct probe *probe) {
    struct probe_gathering *gathering = &probe->gathering;
    const struct call_options *options = probe->options;
    struct ice_server servers[ICE_SERVER_MAX];
    *gathering = (struct probe_gathering){.probe = probe, .began_us = net_clock_now_us()};
    struct ice_agent_config config = {
        .role = ICE_ROLE_CONTROLLING,
        .transport_policy = options->relay_only ? ICE_TRANSPORT_POLICY_RELAY : ICE_TRANSPORT_POLICY_ALL,
        .servers = servers,
        .server_count = call_ice_servers_map(options->ice_servers, options->ice_server_count, servers, ICE_SERVER_MAX),
        .random = net_random,
    };
    gathering->agent = ice_agent_new(&config, gathering->began_us);
    if (!gathering->agent)
        return -ENOMEM;
    struct net_driver_config driver = call_network_config(options);
    driver.verbs = &verbs;
    driver.object = gathering;
    int error = net_driver_new(&probe->loop, &driver, &gathering->driver);
    if (error == 0)
        error = net_driver_start(gathering->driver);
    if (error != 0)
        return error;
    (void)ice_agent_gather(gathering->agent, net_clock_now_us());
    net_driver_run(gathering->driver);
    return 0;
}

void probe_gathering_end(struct probe *probe) {
    struct probe_gathering *gathering = &probe->gathering;
    if (gathering->agent && gathering->driver) {
        ice_agent_close(gathering->agent, net_clock_now_us()); /* gives the allocations back */
        net_driver_run(gathering->driver);
    }
    if (gathering->driver)
        net_driver_free(gathering->driver);
    ice_agent_free(gathering->agent);
    gathering->driver = NULL;
    gathering->agent = NULL;
}
