/* The flags that say by which servers and paths: their values, and what must stand together. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/call/options_internal.h"

static bool is_turn(const struct call_ice_server *server) {
    return server->scheme == CALL_ICE_TURN || server->scheme == CALL_ICE_TURNS;
}

bool call_reader_on_ice_server(struct call_reader *reader) {
    struct call_options *options = reader->options;
    if (options->ice_server_count == CALL_ICE_SERVER_MAX)
        return call_reader_refuse(reader, "there are more ICE servers than CALL_ICE_SERVER_MAX", "Leave some out: two are enough for nearly every network.");
    const char *wrong = call_ice_uri_parse(reader->value, &options->ice_servers[options->ice_server_count]);
    if (wrong)
        return call_reader_refuse(reader, wrong, "For example: --ice-server stun:stun.example.org:3478");
    options->ice_server_count++;
    return true;
}

/* ---- credentials ----------------------------------------------------------------------------------------------------- */

static struct call_ice_server *last_turn_server(struct call_reader *reader) {
    struct call_options *options = reader->options;
    struct call_ice_server *last = options->ice_server_count ? &options->ice_servers[options->ice_server_count - 1] : NULL;
    if (last && is_turn(last))
        return last;
    reader->value = NULL; /* it may be a secret */
    (void)call_reader_refuse(reader, "it belongs to a turn: server, and none stands before it", "Put it behind --ice-server turn:HOST");
    return NULL;
}

bool call_reader_on_ice_username(struct call_reader *reader) {
    struct call_ice_server *server = last_turn_server(reader);
    return server && call_reader_set_text(reader, server->username, sizeof server->username, reader->value);
}

/* What is wrong about a secret is said without the secret. */
static bool set_credential(struct call_reader *reader, struct call_ice_server *server, const char *text) {
    reader->value = NULL;
    return call_reader_set_text(reader, server->credential, sizeof server->credential, text);
}

bool call_reader_on_ice_credential(struct call_reader *reader) {
    struct call_ice_server *server = last_turn_server(reader);
    return server && set_credential(reader, server, reader->value);
}

bool call_reader_on_ice_credential_file(struct call_reader *reader) {
    struct call_ice_server *server = last_turn_server(reader);
    char line[CALL_SECRET_BYTES + 2] = ""; /* with its end, CR LF at most */
    if (!server)
        return false;
    FILE *file = fopen(reader->value, "r");
    bool is_read = file && fgets(line, sizeof line, file);
    int error = errno;
    if (file)
        (void)fclose(file);
    if (!is_read) {
        call_problem_set(reader->problem, CALL_EXIT_FILE, "usage", NULL, file ? "It is empty." : strerror(error), "Give a file whose first line is the credential.");
        call_sentence(reader->problem->what, "The file %s could not be read.", reader->value);
        return false;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return call_reader_set_text(reader, server->credential, sizeof server->credential, line);
}

/* ---- the others -------------------------------------------------------------------------------------------------------- */

bool call_reader_on_ice_transport_policy(struct call_reader *reader) {
    reader->options->relay_only = strcmp(reader->value, "relay") == 0;
    if (reader->options->relay_only || strcmp(reader->value, "all") == 0)
        return true;
    return call_reader_refuse(reader, "the policy is all or relay (RTCIceTransportPolicy)", "Write --ice-transport-policy all");
}

bool call_reader_on_mdns(struct call_reader *reader) {
    static const char *const words[] = {[CALL_MDNS_RESOLVE] = "resolve", [CALL_MDNS_OFFER] = "offer", [CALL_MDNS_OFF] = "off"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(reader->value, words[i]) == 0) {
            reader->options->mdns = (enum call_mdns)i;
            return true;
        }
    }
    return call_reader_refuse(reader, "it is resolve (their .local names), offer (and hide our addresses behind one) or off", "Write --mdns resolve");
}

/* ---- what stands together ------------------------------------------------------------------------------------------------ */

/* RFC 8656 section 5, MUST: requests to a TURN server are authenticated; without both halves there is nothing to try. */
static bool check_credentials(struct call_reader *reader) {
    const char *environment = getenv("STRATA_ICE_CREDENTIAL");
    struct call_options *options = reader->options;
    reader->flag = "--ice-server";
    for (size_t i = 0; i < options->ice_server_count; i++) {
        struct call_ice_server *server = &options->ice_servers[i];
        char uri[CALL_ICE_URI_BYTES];
        if (!is_turn(server))
            continue;
        call_ice_uri_write(server, uri, sizeof uri);
        reader->value = uri;
        if (!server->username[0])
            return call_reader_refuse(reader, "a TURN server wants a user name", "Put --ice-username U behind it.");
        if (!server->credential[0] && environment && !set_credential(reader, server, environment))
            return false;
        if (!server->credential[0])
            return call_reader_refuse(reader, "a TURN server wants a credential",
                                      "Put --ice-credential C or --ice-credential-file FILE behind it, or set $STRATA_ICE_CREDENTIAL.");
    }
    return true;
}

bool call_reader_check_network(struct call_reader *reader) {
    reader->flag = "-4 -6";
    reader->value = NULL;
    if (reader->options->only_ipv4 && reader->options->only_ipv6)
        return call_reader_refuse(reader, "nothing is left of the two together", "Give one of them, or neither for both families.");
    return check_credentials(reader);
}
