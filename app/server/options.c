#include "app/server/options.h"
#include "app/call/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "app/call/ice_uri.h"

const char server_options_help[] =
    "usage: signaling-server [options]\n"
    "  --listen ADDR:PORT       default 127.0.0.1:8080; [ADDR]:PORT for IPv6; port 0: any, it is printed.\n"
    "                           Signaling is on TCP; UDP of the same port answers STUN Binding requests\n"
    "  --ice-server URI         stun: stuns: turn: turns:, handed to everyone who joins; repeatable; default: this server's own STUN.\n"
    "                           For turn, followed by\n"
    "    --ice-username U  --ice-credential C\n"
    "  --turn-secret-file FILE  or this instead: credentials that expire, from the secret shared with the TURN server\n"
    "                           (coturn: use-auth-secret; FILE may be turnserver.conf)\n"
    "  --tls-cert FILE --tls-key FILE\n"
    "  --max-room-size N        2 to 64, default 2\n"
    "  --max-message BYTES      1 to 1048576, default 1048576\n"
    "  --origin PATTERN         pages of this origin may join (one * allowed); repeatable; default: all\n"
    "  --token-file FILE        who speaks WHIP or WHEP here must show this bearer token; rooms want none\n"
    "  -v  -q  --version  --help\n"
    "A room is ws://ADDR:PORT/r/NAME, its page http://ADDR:PORT/r/NAME, WHIP /whip/NAME, WHEP /whep/NAME. stdout says where it listens; stderr is for people.\n";

struct reader {
    struct server_options *options;
    struct server_problem *problem;
    const char *flag, *value; /* value: NULL when it takes none, or must not be repeated */
};

static void say(char sentence[SERVER_SENTENCE_BYTES], const char *text) {
    (void)snprintf(sentence, SERVER_SENTENCE_BYTES, "%s", text);
}

static bool refuse(struct reader *reader, const char *why, const char *try_this) {
    struct server_problem *problem = reader->problem;
    problem->exit_code = EX_USAGE;
    (void)snprintf(problem->what, sizeof problem->what, "cannot use %s%s%s", reader->flag, reader->value ? " " : "", reader->value ? reader->value : "");
    say(problem->why, why);
    say(problem->try_this, try_this);
    return false;
}

/* ---- one function per flag ------------------------------------------------------------------------------------------- */

/* Digits only. */
static bool read_number(const char *text, uint32_t least, uint32_t most, uint32_t *out) {
    uint32_t value = 0;
    size_t length = strlen(text);
    if (length < 1 || length > 9 || strspn(text, "0123456789") != length)
        return false;
    for (size_t i = 0; i < length; i++)
        value = value * 10 + (uint32_t)(text[i] - '0');
    *out = value;
    return value >= least && value <= most;
}

static bool on_listen(struct reader *reader) {
    struct server_options *options = reader->options;
    const char *text = reader->value, *colon = strrchr(text, ':');
    uint32_t port = 0;
    size_t length = colon ? (size_t)(colon - text) : 0;
    bool in_brackets = length > 1 && text[0] == '[' && text[length - 1] == ']';
    text += in_brackets;
    length -= in_brackets ? 2 : 0;
    if (!colon || length >= sizeof options->address_text || !stun_address_parse_ip(text, length, &options->address) ||
        !read_number(colon + 1, 0, UINT16_MAX, &port))
        return refuse(reader, "it is not ADDR:PORT with an IP address", "--listen 127.0.0.1:8080, or --listen [::]:8080");
    memcpy(options->address_text, text, length);
    options->address_text[length] = '\0';
    options->address.port = (uint16_t)port;
    return true;
}

static bool on_max_room_size(struct reader *reader) {
    return read_number(reader->value, 2, SIGNALING_PEERS_MAX, &reader->options->max_room_size) ||
           refuse(reader, "it is not a number from 2 to 64", "--max-room-size 2");
}

static bool on_max_message(struct reader *reader) {
    return read_number(reader->value, 1, SIGNALING_MESSAGE_MAX_BYTES, &reader->options->max_message_bytes) ||
           refuse(reader, "it is not a number from 1 to 1048576", "--max-message 1048576");
}

static bool on_origin(struct reader *reader) {
    if (reader->options->origin_count == SIGNALING_SERVER_ORIGINS_MAX)
        return refuse(reader, "there are SIGNALING_SERVER_ORIGINS_MAX already", "Give one pattern with a *.");
    reader->options->origins[reader->options->origin_count++] = reader->value;
    return true;
}

static bool on_ice_server(struct reader *reader) {
    struct server_ice_servers *servers = &reader->options->ice_servers;
    struct call_ice_server parsed;
    if (servers->configured_count == SIGNALING_ICE_SERVERS_MAX)
        return refuse(reader, "there are SIGNALING_ICE_SERVERS_MAX already", "Leave some out.");
    const char *wrong = call_ice_uri_parse(reader->value, &parsed);
    if (wrong)
        return refuse(reader, wrong, "--ice-server stun:HOST:3478");
    servers->configured[servers->configured_count++] = (struct signaling_ice_server){.url = signaling_text_of(reader->value)};
    return true;
}

static struct signaling_ice_server *last_turn_server(struct reader *reader) {
    struct server_ice_servers *servers = &reader->options->ice_servers;
    struct signaling_ice_server *last = servers->configured_count > 0 ? &servers->configured[servers->configured_count - 1] : NULL;
    if (last && strncmp(last->url.bytes, "turn", 4) == 0)
        return last;
    reader->value = NULL; /* it may be a secret */
    (void)refuse(reader, "it belongs to a turn: server, and none stands before it", "--ice-server turn:HOST --ice-username U --ice-credential C");
    return NULL;
}

static bool on_ice_username(struct reader *reader) {
    struct signaling_ice_server *server = last_turn_server(reader);
    if (server)
        server->username = signaling_text_of(reader->value);
    return server != NULL;
}

static bool on_ice_credential(struct reader *reader) {
    struct signaling_ice_server *server = last_turn_server(reader);
    if (server)
        server->credential = signaling_text_of(reader->value);
    return server != NULL;
}

static bool on_turn_secret_file(struct reader *reader) { return reader->options->turn_secret_file = reader->value, true; }
static bool on_token_file(struct reader *reader) { return reader->options->token_file = reader->value, true; }
static bool on_tls_certificate(struct reader *reader) { return reader->options->tls_certificate_file = reader->value, true; }
static bool on_tls_key(struct reader *reader) { return reader->options->tls_key_file = reader->value, true; }
static bool on_verbose(struct reader *reader) { return reader->options->verbosity = 1, true; }
static bool on_quiet(struct reader *reader) { return reader->options->verbosity = -1, true; }
static bool on_help(struct reader *reader) { return reader->options->wants_help = true; }
static bool on_version(struct reader *reader) { return reader->options->wants_version = true; }

/* ---- the table --------------------------------------------------------------------------------------------------------- */

static const struct flag {
    const char *name;
    bool takes_value;
    bool (*read)(struct reader *reader);
} flags[] = {
    {"--listen", true, on_listen},
    {"--ice-server", true, on_ice_server},
    {"--ice-username", true, on_ice_username},
    {"--ice-credential", true, on_ice_credential},
    {"--turn-secret-file", true, on_turn_secret_file},
    {"--token-file", true, on_token_file},
    {"--tls-cert", true, on_tls_certificate},
    {"--tls-key", true, on_tls_key},
    {"--max-room-size", true, on_max_room_size},
    {"--max-message", true, on_max_message},
    {"--origin", true, on_origin},
    {"-v", false, on_verbose},
    {"-q", false, on_quiet},
    {"--version", false, on_version},
    {"--help", false, on_help},
};

static const struct flag *find_flag(const char *name) {
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].name, name) == 0)
            return &flags[i];
    return NULL;
}

/* ---- what belongs together ---------------------------------------------------------------------------------------------- */

static bool read_secret(struct reader *reader) {
    struct server_options *options = reader->options;
    struct server_problem *problem = reader->problem;
    int error = net_turn_secret_read(options->turn_secret_file, &options->ice_servers.secret, &options->is_turn_secret_exposed);
    if (error == 0)
        return true;
    bool is_read = error == -EBADMSG || error == -E2BIG;
    problem->exit_code = is_read ? EX_DATAERR : EX_IOERR;
    (void)snprintf(problem->what, sizeof problem->what, "cannot take the TURN secret from %s", options->turn_secret_file);
    say(problem->why, error == -EBADMSG ? "it is neither one line, nor has it a line static-auth-secret=..."
                      : error == -E2BIG ? "the secret is longer than NET_TURN_SECRET_MAX_BYTES" : strerror(-error));
    say(problem->try_this, is_read ? "openssl rand -hex 32 makes a secret; give the TURN server the same" : "Look at its name and its permissions.");
    return false;
}

static bool read_token(struct reader *reader) {
    struct server_problem *problem = reader->problem;
    int error = call_token_read(reader->options->token_file, reader->options->token);
    if (error == 0)
        return true;
    problem->exit_code = error == -EBADMSG ? EX_DATAERR : EX_IOERR;
    (void)snprintf(problem->what, sizeof problem->what, "cannot take the bearer token from %s", reader->options->token_file);
    say(problem->why, error == -EBADMSG ? "it is not one line of 1 to 512 of A-Z a-z 0-9 - . _ ~ + / =" : strerror(-error));
    say(problem->try_this, error == -EBADMSG ? "openssl rand -hex 32 makes a token" : "Look at its name and its permissions.");
    return false;
}

/* A turn: server needs a name and a password from somewhere; a browser refuses the whole list otherwise. */
static bool check_credentials(struct reader *reader) {
    const struct server_ice_servers *servers = &reader->options->ice_servers;
    size_t minted = 0;
    reader->flag = "--ice-server";
    for (size_t i = 0; i < servers->configured_count; i++) {
        const struct signaling_ice_server *server = &servers->configured[i];
        bool is_turn = strncmp(server->url.bytes, "turn", 4) == 0;
        reader->value = server->url.bytes;
        if ((server->username.bytes == NULL) != (server->credential.bytes == NULL))
            return refuse(reader, "of username and credential only one was given", "Give both, or --turn-secret-file.");
        if (is_turn && server->username.bytes == NULL && !reader->options->turn_secret_file)
            return refuse(reader, "a TURN server needs credentials", "Let --ice-username and --ice-credential follow it, or give --turn-secret-file.");
        minted += server_ice_server_is_minted(server);
    }
    reader->flag = "--turn-secret-file";
    reader->value = NULL;
    if (reader->options->turn_secret_file && minted == 0)
        return refuse(reader, "there is no TURN server without a username to make credentials for", "--ice-server turn:HOST --turn-secret-file FILE");
    return true;
}

static bool check_together(struct reader *reader) {
    struct server_options *options = reader->options;
    reader->flag = "--tls-cert or --tls-key";
    reader->value = NULL;
    if ((options->tls_certificate_file == NULL) != (options->tls_key_file == NULL))
        return refuse(reader, "one is there without the other", "--tls-cert FILE --tls-key FILE");
    return check_credentials(reader) && (!options->turn_secret_file || read_secret(reader)) && (!options->token_file || read_token(reader));
}

bool server_options_parse(int count, char **arguments, struct server_options *out, struct server_problem *problem) {
    *out = (struct server_options){.address_text = "127.0.0.1", .address = {.family = STUN_ADDRESS_IPV4, .port = 8080, .ip = {127, 0, 0, 1}}};
    memset(problem, 0, sizeof *problem);
    struct reader reader = {.options = out, .problem = problem};
    for (int i = 1; i < count; i++) {
        const struct flag *flag = find_flag(arguments[i]);
        reader.flag = arguments[i];
        reader.value = NULL;
        if (!flag)
            return refuse(&reader, "there is no such option", "signaling-server --help");
        if (flag->takes_value && i + 1 == count)
            return refuse(&reader, "its value is missing", "signaling-server --help");
        if (flag->takes_value)
            reader.value = arguments[++i];
        if (!flag->read(&reader))
            return false;
    }
    return out->wants_help || out->wants_version || check_together(&reader);
}
