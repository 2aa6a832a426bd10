/*
 * signaling-server: rooms over WebSocket, and a page on the same port. Flags in, one server on one loop, until SIGINT or SIGTERM.
 * What it does is in signaling/websocket/server.h; what it says is in docs/signaling.md.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "app/net/random.h"
#include "signaling/websocket/server.h"

static const char usage[] =
    "usage: signaling-server [options]\n"
    "  --listen ADDR:PORT       default 127.0.0.1:8080; [ADDR]:PORT for IPv6; port 0: any, it is printed\n"
    "  --ice-server URI         handed to everyone who joins; repeatable; for turn: followed by\n"
    "    --ice-username U  --ice-credential C\n"
    "  --tls-cert FILE --tls-key FILE\n"
    "  --max-room-size N        2 to 64, default 2\n"
    "  --max-message BYTES      1 to 1048576, default 1048576\n"
    "  --origin PATTERN         pages of this origin may join (one * allowed); repeatable; default: all\n"
    "  -v  -q  --version  --help\n"
    "A room is ws://ADDR:PORT/r/NAME. stdout says where it listens; stderr is for people.\n";

struct options {
    char address[64];
    uint16_t port;
    struct signaling_ice_server ice_servers[SIGNALING_ICE_SERVERS_MAX];
    size_t ice_server_count;
    const char *origins[SIGNALING_SERVER_ORIGINS_MAX];
    struct signaling_server_config config;
    int verbosity;
};

struct program {
    uv_loop_t loop;
    uv_signal_t interrupt, terminate;
    struct signaling_server *server;
    int verbosity;
};

/* ---- flags -------------------------------------------------------------------------------------------------------- */

static int complain(const char *what, const char *argument, const char *why, const char *try_next) {
    fprintf(stderr, "signaling-server: %s %s\n  why: %s\n  try: %s\n", what, argument, why, try_next);
    return EX_USAGE;
}

static bool parse_number(const char *text, unsigned long least, unsigned long most, uint32_t *out) {
    unsigned long value = 0;
    size_t length = strlen(text);
    if (length < 1 || length > 9)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned long)(text[i] - '0');
    }
    *out = (uint32_t)value;
    return value >= least && value <= most;
}

static bool parse_listen(const char *text, struct options *options) {
    const char *colon = strrchr(text, ':');
    uint32_t port;
    if (colon == NULL || !parse_number(colon + 1, 0, 65535, &port))
        return false;
    size_t length = (size_t)(colon - text);
    if (length > 1 && text[0] == '[' && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (length < 1 || length >= sizeof options->address)
        return false;
    memcpy(options->address, text, length);
    options->address[length] = '\0';
    options->port = (uint16_t)port;
    return true;
}

/* One flag that has a value. Returns 0 or an exit code. */
static int set_option(struct options *options, const char *name, const char *value) {
    struct signaling_server_config *config = &options->config;
    struct signaling_ice_server *last = options->ice_server_count > 0 ? &options->ice_servers[options->ice_server_count - 1] : NULL;
    if (strcmp(name, "--listen") == 0)
        return parse_listen(value, options) ? 0 : complain("cannot use --listen", value, "it is not ADDR:PORT", "--listen 127.0.0.1:8080, or --listen [::]:8080");
    if (strcmp(name, "--max-room-size") == 0)
        return parse_number(value, 2, SIGNALING_PEERS_MAX, &config->rooms.max_room_size)
                   ? 0 : complain("cannot use --max-room-size", value, "it is not a number from 2 to 64", "--max-room-size 2");
    if (strcmp(name, "--max-message") == 0)
        return parse_number(value, 1, SIGNALING_MESSAGE_MAX_BYTES, &config->rooms.max_message_bytes)
                   ? 0 : complain("cannot use --max-message", value, "it is not a number from 1 to 1048576", "--max-message 1048576");
    if (strcmp(name, "--tls-cert") == 0) {
        config->tls_certificate_file = value;
    } else if (strcmp(name, "--tls-key") == 0) {
        config->tls_key_file = value;
    } else if (strcmp(name, "--origin") == 0) {
        if (config->origin_count == SIGNALING_SERVER_ORIGINS_MAX)
            return complain("cannot take one more --origin", value, "there are 32 already", "one pattern with a *");
        options->origins[config->origin_count++] = value;
    } else if (strcmp(name, "--ice-server") == 0) {
        if (options->ice_server_count == SIGNALING_ICE_SERVERS_MAX)
            return complain("cannot take one more --ice-server", value, "there are 32 already", "fewer");
        if (strncmp(value, "stun", 4) != 0 && strncmp(value, "turn", 4) != 0)
            return complain("cannot use --ice-server", value, "it is no stun:, stuns:, turn: or turns: URI (RFC 7064, RFC 7065)", "--ice-server stun:HOST:3478");
        options->ice_servers[options->ice_server_count++].url = signaling_text_of(value);
    } else if (last == NULL) {
        return complain("cannot use", name, "it belongs to an --ice-server, and none stands before it", "--ice-server URI --ice-username U --ice-credential C");
    } else if (strcmp(name, "--ice-username") == 0) {
        last->username = signaling_text_of(value);
    } else {
        last->credential = signaling_text_of(value);
    }
    return 0;
}

static bool takes_value(const char *name) {
    static const char *const names[] = {"--listen", "--ice-server", "--ice-username", "--ice-credential", "--tls-cert",
                                        "--tls-key", "--max-room-size", "--max-message", "--origin"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* Returns -1 to go on, or an exit code. */
static int parse_options(int count, char **arguments, struct options *options) {
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (strcmp(name, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        } else if (strcmp(name, "--version") == 0) {
            puts("signaling-server (strata) 0.1.0");
            return 0;
        } else if (strcmp(name, "-v") == 0) {
            options->verbosity++;
        } else if (strcmp(name, "-q") == 0) {
            options->verbosity = -1;
        } else if (!takes_value(name)) {
            return complain("cannot understand", name, "there is no such option", "signaling-server --help");
        } else if (i + 1 == count) {
            return complain("cannot use", name, "its value is missing", "signaling-server --help");
        } else {
            int code = set_option(options, name, arguments[++i]);
            if (code != 0)
                return code;
        }
    }
    if ((options->config.tls_certificate_file == NULL) != (options->config.tls_key_file == NULL))
        return complain("cannot use", "--tls-cert or --tls-key", "one is there without the other", "--tls-cert FILE --tls-key FILE");
    return -1;
}

/* ---- running ------------------------------------------------------------------------------------------------------ */

static void on_event(void *context, const struct signaling_server_event *event) {
    static const char *const words[] = {"", "joined", "left", "refused"};
    const struct program *program = context;
    if (program->verbosity >= 1)
        fprintf(stderr, "signaling-server: room %s: %s %s %s\n", event->room[0] != '\0' ? event->room : "-", event->remote, words[event->type], event->detail);
}

static void stop(struct program *program) {
    uv_close((uv_handle_t *)&program->interrupt, NULL);
    uv_close((uv_handle_t *)&program->terminate, NULL);
    if (program->server != NULL)
        signaling_server_stop(program->server);
}

static void on_signal(uv_signal_t *handle, int number) {
    (void)number;
    stop(handle->data);
}

static bool is_loopback(const char *address) {
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static void announce(const struct options *options, uint16_t port) {
    bool tls = options->config.tls_certificate_file != NULL, ipv6 = strchr(options->address, ':') != NULL;
    printf("%s://%s%s%s:%u/r/\n", tls ? "wss" : "ws", ipv6 ? "[" : "", options->address, ipv6 ? "]" : "", (unsigned)port);
    fflush(stdout);
    if (!tls && !is_loopback(options->address) && options->verbosity >= 0)
        fputs("signaling-server: warning: without TLS everyone on the way can read and change the signaling, fingerprints included; use --tls-cert\n", stderr);
}

static int start(struct program *program, const struct options *options) {
    struct signaling_problem problem = {0, 0, ""};
    enum signaling_error error = signaling_server_new(&options->config, &program->loop, &program->server, &problem);
    if (error == SIGNALING_OK) {
        announce(options, signaling_server_port(program->server));
        return 0;
    }
    fprintf(stderr, "signaling-server: cannot listen on %s port %u\n  why: %s\n  try: another --listen, or look at the files of --tls-cert and --tls-key\n",
            options->address, (unsigned)options->port, problem.sentence);
    return error == SIGNALING_ERROR_ARGUMENT ? EX_USAGE : EX_UNAVAILABLE;
}

int main(int count, char **arguments) {
    struct options options = {.address = "127.0.0.1", .port = 8080};
    struct program program = {.server = NULL};
    int code = parse_options(count, arguments, &options);
    if (code >= 0)
        return code;
    options.config.address = options.address;
    options.config.port = options.port;
    options.config.origins = options.origins;
    options.config.rooms.random = net_random;
    options.config.rooms.ice_servers = options.ice_servers;
    options.config.rooms.ice_server_count = options.ice_server_count;
    options.config.context = &program;
    options.config.on_event = on_event;
    program.verbosity = options.verbosity;
    if (uv_loop_init(&program.loop) != 0)
        return EX_OSERR;
    program.interrupt.data = program.terminate.data = &program;
    uv_signal_init(&program.loop, &program.interrupt);
    uv_signal_init(&program.loop, &program.terminate);
    uv_signal_start(&program.interrupt, on_signal, SIGINT);
    uv_signal_start(&program.terminate, on_signal, SIGTERM);
    code = start(&program, &options);
    if (code != 0)
        stop(&program);
    uv_run(&program.loop, UV_RUN_DEFAULT);
    signaling_server_free(program.server);
    uv_loop_close(&program.loop);
    return code;
}
