/*
 * signaling-server: rooms over WebSocket, a page, and STUN, on one port. Flags in, servers on one loop, until SIGINT or SIGTERM.
 * What it does is in signaling/websocket/server.h and app/net/stun_service.h; what it says is in docs/signaling.md.
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "app/net/random.h"
#include "app/net/stun_service.h"
#include "app/server/options.h"

#define PORT_TRIES 16 /* with --listen ADDR:0, until a port is free for both TCP and UDP */

struct program {
    struct server_options options;
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    struct signaling_server *server;
    struct net_stun_service *stun;
};

static void complain(const struct server_problem *problem) {
    fprintf(stderr, "signaling-server: %s\n  why: %s\n  try: %s\n", problem->what, problem->why, problem->try_this);
}

/* ---- while it runs ------------------------------------------------------------------------------------------------ */

static void on_event(void *context, const struct signaling_server_event *event) {
    static const char *const words[] = {"", "joined", "left", "refused"};
    const struct program *program = context;
    if (program->options.verbosity >= 1)
        fprintf(stderr, "signaling-server: room %s: %s %s %s\n", event->room[0] != '\0' ? event->room : "-", event->remote, words[event->type], event->detail);
}

/* The wall clock is read anew each time: the server may run for months, and the TURN server looks at its own. */
static size_t list_ice_servers(void *context, const struct signaling_server_joiner *joiner, struct signaling_ice_server *out) {
    struct program *program = context;
    time_t now = time(NULL);
    return server_ice_servers_list(&program->options.ice_servers, now > 0 ? (uint64_t)now : 0, joiner->host, out);
}

static void stop(struct program *program) {
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    uv_close((uv_handle_t *)&program->terminate, NULL);
    net_stun_service_free(program->stun);
    program->stun = NULL;
    if (program->server != NULL)
        signaling_server_stop(program->server);
}

static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    stop(handle->data);
}

/* ---- the beginning ------------------------------------------------------------------------------------------------ */

static bool is_loopback(const struct stun_address *address) {
    static const uint8_t loopback[16] = {[15] = 1};
    return address->family == STUN_ADDRESS_IPV4 ? address->ip[0] == 127 : memcmp(address->ip, loopback, sizeof loopback) == 0;
}

static void announce(const struct server_options *options, uint16_t port) {
    bool tls = options->tls_certificate_file != NULL, ipv6 = options->address.family == STUN_ADDRESS_IPV6;
    printf("%s://%s%s%s:%u/r/\n", tls ? "wss" : "ws", ipv6 ? "[" : "", options->address_text, ipv6 ? "]" : "", (unsigned)port);
    fflush(stdout);
    if (!tls && !is_loopback(&options->address) && options->verbosity >= 0)
        fputs("signaling-server: warning: without TLS everyone on the way can read and change the signaling, fingerprints included; use --tls-cert\n", stderr);
    if (options->is_turn_secret_exposed && options->verbosity >= 0)
        fprintf(stderr, "signaling-server: warning: others may read or change %s, and with it relay at your cost; chmod o= FILE, g-w\n", options->turn_secret_file);
}

/* UDP first, then TCP on its port. -EADDRINUSE may be about a port that the kernel chose for one and that the other does not get. */
static int listen_once(struct program *program, struct signaling_problem *problem) {
    const struct server_options *options = &program->options;
    int error = net_stun_service_new(&program->loop, &options->address, NULL, &program->stun);
    if (error != 0) {
        problem->line = problem->column = 0;
        (void)snprintf(problem->sentence, sizeof problem->sentence, "no STUN on UDP there: %s", uv_strerror(error));
        return EX_UNAVAILABLE;
    }
    program->options.ice_servers.stun_port = net_stun_service_local(program->stun)->port;
    const struct signaling_server_config config = {
        .address = options->address_text,
        .port = program->options.ice_servers.stun_port,
        .tls_certificate_file = options->tls_certificate_file,
        .tls_key_file = options->tls_key_file,
        .origins = options->origins,
        .origin_count = options->origin_count,
        .rooms = {.random = net_random, .max_room_size = options->max_room_size, .max_message_bytes = options->max_message_bytes},
        .token = options->token[0] != '\0' ? options->token : NULL,
        .context = program,
        .on_event = on_event,
        .list_ice_servers = list_ice_servers,
    };
    switch (signaling_server_new(&config, &program->loop, &program->server, problem)) {
    case SIGNALING_OK:
        return 0;
    case SIGNALING_ERROR_ARGUMENT:
        return EX_USAGE;
    default:
        return EX_UNAVAILABLE;
    }
}

static int start(struct program *program) {
    struct signaling_problem problem = {0, 0, ""};
    const struct stun_address *address = &program->options.address;
    int tries = address->port == 0 ? PORT_TRIES : 1, code = listen_once(program, &problem);
    while (code == EX_UNAVAILABLE && program->server == NULL && --tries > 0) {
        net_stun_service_free(program->stun);
        program->stun = NULL;
        code = listen_once(program, &problem);
    }
    if (code == 0) {
        announce(&program->options, signaling_server_port(program->server));
        return 0;
    }
    struct server_problem told;
    (void)snprintf(told.what, sizeof told.what, "cannot listen on %s port %u", program->options.address_text, (unsigned)address->port);
    (void)snprintf(told.why, sizeof told.why, "%s", problem.sentence);
    (void)snprintf(told.try_this, sizeof told.try_this, "another --listen, or look at the files of --tls-cert and --tls-key");
    complain(&told);
    return code;
}

int main(int count, char **arguments) {
    static struct program program;
    struct server_problem problem;
    if (!server_options_parse(count, arguments, &program.options, &problem)) {
        complain(&problem);
        return problem.exit_code;
    }
    if (program.options.wants_help || program.options.wants_version) {
        fputs(program.options.wants_help ? server_options_help : "signaling-server (strata) 0.1.0\n", stdout);
        return 0;
    }
    program.options.ice_servers.random = net_random;
    if (uv_loop_init(&program.loop) != 0)
        return EX_OSERR;
    program.interrupt.data = program.terminate.data = &program;
    uv_signal_init(&program.loop, &program.interrupt);
    uv_signal_init(&program.loop, &program.terminate);
    uv_signal_start(&program.interrupt, on_signal, SIGINT);
    uv_signal_start(&program.terminate, on_signal, SIGTERM);
    int code = start(&program);
    if (code != 0)
        stop(&program);
    uv_run(&program.loop, UV_RUN_DEFAULT);
    signaling_server_free(program.server);
    uv_loop_close(&program.loop);
    net_turn_secret_wipe(&program.options.ice_servers.secret);
    return code;
}
