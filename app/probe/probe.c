/*
 * The order of a probe: names to addresses and gathering at once; discovery of the NAT once the addresses are known; the relays when
 * both are over, so that their packets disturb neither. Then what was found.
 */
#include "app/probe/probe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/call/network.h"
#include "app/net/clock.h"
#include "app/probe/probe_internal.h"

static const char program[] = "probe";

void probe_wake(struct probe *probe) {
    uv_async_send(&probe->next);
}

bool probe_local_for(const struct probe *probe, const struct stun_address *remote, struct stun_address *out) {
    struct net_interface_address addresses[NET_INTERFACE_MAX];
    struct net_interface_filter filter = call_network_filter(probe->options);
    int count = net_interfaces_list(&filter, addresses, NET_INTERFACE_MAX);
    for (int i = 0; i < count && i < NET_INTERFACE_MAX; i++) {
        if (addresses[i].address.family != remote->family)
            continue;
        *out = addresses[i].address;
        return true;
    }
    return false;
}

/* ---- names ------------------------------------------------------------------------------------------------------------------ */

static bool are_resolved(const struct probe *probe) {
    for (size_t i = 0; i < probe->server_count; i++)
        if (!probe->servers[i].is_resolved)
            return false;
    return true;
}

/* IPv4 before IPv6 where a name has both: that is where a NAT would be. */
static void on_resolved(void *context, uint64_t query, const struct stun_address *addresses, size_t count, int error) {
    struct probe *probe = context;
    struct probe_server *server = &probe->servers[query];
    server->is_resolved = true;
    (void)error; /* that it has no address is what counts */
    for (size_t i = 0; i < count; i++) {
        bool is_better = server->address.family == STUN_ADDRESS_NONE || (server->address.family == STUN_ADDRESS_IPV6 && addresses[i].family == STUN_ADDRESS_IPV4);
        struct stun_address local;
        if (is_better && probe_local_for(probe, &addresses[i], &local))
            server->address = addresses[i];
    }
    server->address.port = server->given->port;
    if (are_resolved(probe))
        probe_nat_begin(probe);
}

static void begin_names(struct probe *probe) {
    probe->resolver = net_resolver_new(&probe->loop, on_resolved, probe);
    for (size_t i = 0; i < probe->server_count; i++)
        if (!probe->resolver || net_resolver_ask(probe->resolver, i, probe->servers[i].given->host) != 0)
            probe->servers[i].is_resolved = true;
    if (are_resolved(probe))
        probe_nat_begin(probe);
}

/* ---- the order --------------------------------------------------------------------------------------------------------------- */

static void close_loop(struct probe *probe) {
    probe_gathering_end(probe);
    probe_nat_end(probe);
    probe_relays_end(probe);
    if (probe->resolver)
        net_resolver_free(probe->resolver);
    uv_close((uv_handle_t *)&probe->next, NULL);
    uv_close((uv_handle_t *)&probe->interrupt, NULL);
    uv_close((uv_handle_t *)&probe->terminate, NULL);
}

static bool is_over(const struct probe *probe) {
    return probe->is_interrupted || (probe->gathering.is_done && probe->nat.is_done && probe_relays_are_done(probe));
}

static void on_next(uv_async_t *next) {
    struct probe *probe = next->data;
    if (!probe->has_begun_relays && !probe->is_interrupted && probe->gathering.is_done && probe->nat.is_done)
        probe_relays_begin(probe);
    if (is_over(probe))
        uv_stop(&probe->loop);
}

static void on_interrupt(uv_signal_t *handle, int number) {
    struct probe *probe = handle->data;
    (void)number;
    if (probe->is_interrupted)
        _exit(CALL_EXIT_INTERRUPTED);
    probe->is_interrupted = true;
    probe_wake(probe);
}

static int run(struct probe *probe) {
    uv_loop_init(&probe->loop);
    uv_async_init(&probe->loop, &probe->next, on_next);
    uv_signal_init(&probe->loop, &probe->interrupt);
    uv_signal_init(&probe->loop, &probe->terminate);
    probe->next.data = probe->interrupt.data = probe->terminate.data = probe;
    uv_signal_start(&probe->interrupt, on_interrupt, SIGINT);
    uv_signal_start(&probe->terminate, on_interrupt, SIGTERM);
    probe_report_header(probe);
    int error = probe_gathering_begin(probe), code;
    if (error == 0) {
        begin_names(probe);
        (void)uv_run(&probe->loop, UV_RUN_DEFAULT);
        code = probe_report_end(probe);
    } else {
        struct call_problem problem;
        call_problem_set(&problem, CALL_EXIT_SYSTEM, "system", "Nothing could be gathered.", uv_strerror(error),
                         "Check --interface, -4, -6 and the limit of open files.");
        call_problem_print(&problem, program);
        code = CALL_EXIT_SYSTEM;
    }
    close_loop(probe);
    (void)uv_run(&probe->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&probe->loop);
    return code;
}

static bool open_log(struct probe *probe, struct call_problem *problem) {
    if (!probe->options->json)
        return true;
    probe->log = call_json_log_new(probe->options->json_file, probe->started_us, problem);
    return probe->log != NULL;
}

int probe_main(int argument_count, char **arguments) {
    struct call_options options;
    struct call_problem problem;
    int exit_code;
    if (!call_options_read(argument_count, arguments, program, CALL_PROGRAM_PROBE, &options, &exit_code))
        return exit_code;
    (void)signal(SIGPIPE, SIG_IGN);
    struct probe probe = {.options = &options, .started_us = net_clock_now_us(), .server_count = options.ice_server_count};
    for (size_t i = 0; i < probe.server_count; i++) {
        probe.servers[i].given = &options.ice_servers[i];
        call_ice_uri_write(&options.ice_servers[i], probe.servers[i].uri, sizeof probe.servers[i].uri);
        if (call_ice_server_unusable(&options.ice_servers[i]) == NULL)
            probe.asked[probe.asked_count++] = i;
    }
    if (!call_network_check(&options, &problem) || !open_log(&probe, &problem)) {
        call_problem_print(&problem, program);
        return (int)problem.exit_code;
    }
    int code = run(&probe);
    if (!call_json_log_free(probe.log) && code == CALL_EXIT_OK)
        code = CALL_EXIT_FILE;
    return code;
}
