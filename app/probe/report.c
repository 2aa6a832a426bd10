/* What probe prints: the table of the trickle-ice page, the NAT in words, each TURN server with what happened. And the exit code. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/call/why.h"
#include "app/net/clock.h"
#include "app/probe/probe_internal.h"

static double seconds(const struct probe *probe, uint64_t now_us) {
    return (double)(now_us - probe->started_us) / 1e6;
}

static double milliseconds(uint64_t from_us, uint64_t to_us) {
    return to_us > from_us ? (double)(to_us - from_us) / 1e3 : 0;
}

/* People read a table; with --json on stdout they get it on stderr instead (stdout is data). */
static void say(const struct probe *probe, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const struct probe *probe, const char *format, ...) {
    FILE *stream = probe->log && !probe->options->json_file ? stderr : stdout;
    va_list arguments;
    if (probe->options->verbosity < 0)
        return;
    va_start(arguments, format);
    (void)vfprintf(stream, format, arguments);
    va_end(arguments);
    (void)fflush(stream);
}

/* ---- the table ------------------------------------------------------------------------------------------------------------ */

void probe_report_header(struct probe *probe) {
    say(probe, "%-7s %-6s %-10s %-11s %-42s %-6s %-17s %-40s %s\n", "Time", "Type", "Foundation", "Protocol", "Address", "Port", "Priority", "URL", "relayProtocol");
}

static const char *protocol_name(const struct ice_candidate *candidate) {
    if (candidate->protocol == ICE_PROTOCOL_UDP)
        return "udp";
    return candidate->tcp_type == ICE_TCP_ACTIVE ? "tcp active" : candidate->tcp_type == ICE_TCP_PASSIVE ? "tcp passive" : "tcp so"; /* RFC 6544 section 4.5 */
}

void probe_report_candidate(struct probe *probe, uint64_t now_us, const struct ice_candidate *candidate) {
    char address[STUN_ADDRESS_TEXT_BYTES] = "", priority[32], text[ICE_CANDIDATE_TEXT_BYTES] = "";
    const char *shown = candidate->hostname[0] ? candidate->hostname : address;
    const char *url = candidate->server > 0 && candidate->server <= probe->asked_count ? probe->servers[probe->asked[candidate->server - 1]].uri : "";
    const char *relay_protocol = candidate->type == ICE_CANDIDATE_RELAYED ? call_ice_relay_protocol(candidate->relay_transport) : "";
    stun_address_write_ip(&candidate->address, address, sizeof address);
    /* RFC 8445 section 5.1.2.1: type preference, local preference, 256 - component. */
    (void)snprintf(priority, sizeof priority, "%" PRIu32 " | %" PRIu32 " | %" PRIu32, candidate->priority >> 24, (candidate->priority >> 8) & 0xffff,
                   candidate->priority & 0xff);
    say(probe, "%-7.3f %-6s %-10.10s %-11s %-42s %-6u %-17s %-40s %s\n", seconds(probe, now_us), ice_candidate_type_name(candidate->type), candidate->foundation,
        protocol_name(candidate), shown, (unsigned)candidate->address.port, priority, url, relay_protocol);
    (void)ice_candidate_write(candidate, text, sizeof text);
    call_json_log_event(probe->log, now_us, "icecandidate",
                        json_pack("{s:s,s:s*,s:s*}", "candidate", text, "url", *url ? url : NULL, "relayProtocol", *relay_protocol ? relay_protocol : NULL));
}

void probe_report_gathered(struct probe *probe, uint64_t now_us) {
    say(probe, "%-7.3f done: %zu candidate%s\n\n", seconds(probe, now_us), probe->gathering.candidates, probe->gathering.candidates == 1 ? "" : "s");
    call_json_log_event(probe->log, now_us, "icegatheringstatechange", json_pack("{s:s}", "state", "complete"));
}

/* ---- servers that gave no candidate ------------------------------------------------------------------------------------------ */

/* W3C webrtc section 4.8.3, RTCPeerConnectionIceErrorEvent: 701 when there was no answer that has a code. */
static void report_missing(struct probe *probe, const struct probe_server *server, uint16_t code, const char *problem) {
    say(probe, "%s: %s\n", server->uri, problem);
    call_json_log_event(probe->log, net_clock_now_us(), "icecandidateerror",
                        json_pack("{s:s,s:i,s:s}", "url", server->uri, "errorCode", code ? (int)code : 701, "errorText", problem));
}

/* How many of those asked have answered. */
static size_t report_servers(struct probe *probe, size_t *missing) {
    size_t answered = 0;
    *missing = 0;
    for (size_t i = 0; i < probe->server_count; i++) {
        const char *unusable = call_ice_server_unusable(probe->servers[i].given);
        if (!unusable)
            continue;
        (*missing)++;
        report_missing(probe, &probe->servers[i], 0, unusable);
    }
    for (size_t i = 0; i < probe->asked_count; i++) {
        const struct probe_server *asked = &probe->servers[probe->asked[i]];
        struct ice_server_statistics server;
        char problem[CALL_SENTENCE_BYTES];
        if (!ice_agent_server_statistics(probe->gathering.agent, i, &server))
            continue;
        answered += server.state == ICE_SERVER_ANSWERED || server.code != 0; /* to be refused is to be answered */
        call_why_server(&server, problem);
        if (!*problem)
            continue;
        (*missing)++;
        report_missing(probe, asked, server.code, problem);
    }
    return answered;
}

/* ---- the NAT ----------------------------------------------------------------------------------------------------------------- */

static const char *advice(const struct ice_nat_behaviour *found) {
    static const struct ice_nat_behaviour cone = {.presence = ICE_NAT_PRESENT, .mapping = ICE_NAT_ENDPOINT_INDEPENDENT, .filtering = ICE_NAT_ADDRESS_AND_PORT_DEPENDENT};
    switch (ice_nat_crossing(found, &cone)) {
    case ICE_NAT_CROSSING_DIRECT: return "a call to somebody behind an ordinary home router goes direct";
    case ICE_NAT_CROSSING_NEEDS_RELAY: return "a call to somebody behind an ordinary home router needs a TURN server";
    case ICE_NAT_CROSSING_UNKNOWN: break;
    }
    return "whether a call goes direct cannot be told from this: ask a STUN server that has a second address (RFC 5780)";
}

static void report_nat(struct probe *probe) {
    const struct ice_nat_behaviour *found = &probe->nat.found;
    char text[ICE_NAT_TEXT_BYTES], mapped[STUN_ADDRESS_TEXT_BYTES] = "";
    (void)ice_nat_behaviour_write(found, text, sizeof text);
    stun_address_write(&found->mapped, mapped, sizeof mapped);
    say(probe, "NAT: %s\n", text);
    if (found->presence == ICE_NAT_PRESENT)
        say(probe, "     seen from outside as %s, %s own port%s\n", mapped, found->port_preserved ? "with our" : "not with our",
            found->hairpin == ICE_NAT_HAIRPIN_YES  ? "; two hosts behind it can use their outside addresses"
            : found->hairpin == ICE_NAT_HAIRPIN_NO ? "; it does not hairpin"
                                                   : "");
    if (found->servers_asked > 0)
        say(probe, "     %s\n", advice(found));
    call_json_log_event(probe->log, net_clock_now_us(), "nat",
                        json_pack("{s:s,s:s,s:s,s:s,s:b}", "behaviour", text, "mapping", ice_nat_dependence_name(found->mapping), "filtering",
                                  ice_nat_dependence_name(found->filtering), "mapped", mapped, "portPreserved", found->port_preserved));
}

/* ---- TURN ---------------------------------------------------------------------------------------------------------------------- */

static void write_allocation_problem(const struct probe_relay *relay, char *out, size_t capacity) {
    const struct ice_turn_status *status = &relay->status;
    switch (status->failure) {
    case ICE_TURN_FAILURE_CREDENTIALS:
        (void)snprintf(out, capacity, "%u %s: realm \"%s\" does not know user \"%s\" with this credential", (unsigned)(status->code ? status->code : 401), relay->reason,
                       relay->realm, relay->server->given->username);
        break;
    case ICE_TURN_FAILURE_REFUSED:
    case ICE_TURN_FAILURE_LOST:
        (void)snprintf(out, capacity, "it answered %u %s (realm \"%s\")", (unsigned)status->code, relay->reason, relay->realm);
        break;
    case ICE_TURN_FAILURE_UNREACHABLE:
        (void)snprintf(out, capacity, "%s", call_why_stream(status->error));
        break;
    case ICE_TURN_FAILURE_NONE:
    case ICE_TURN_FAILURE_NO_ANSWER:
        (void)snprintf(out, capacity, "no answer within %u s", PROBE_RELAY_PATIENCE_US / 1000000u);
        break;
    case ICE_TURN_FAILURE_BID_DOWN:
    case ICE_TURN_FAILURE_INTEGRITY:
    case ICE_TURN_FAILURE_BROKEN_ANSWER:
        (void)snprintf(out, capacity, "%s", ice_turn_failure_name(status->failure));
        break;
    }
}

static void write_relayed(const struct ice_turn_status *status, char *out, size_t capacity) {
    char text[2][STUN_ADDRESS_TEXT_BYTES] = {"", ""};
    for (size_t i = 0; i < 2; i++)
        stun_address_write(&status->relayed[i], text[i], sizeof text[i]);
    (void)snprintf(out, capacity, "%s%s%s", text[0], *text[0] && *text[1] ? " and " : "", text[1]);
}

static void write_relay(const struct probe_relay *relay, char *out, size_t capacity) {
    char allocated[256], relayed[2 * STUN_ADDRESS_TEXT_BYTES + 8];
    write_relayed(&relay->status, relayed, sizeof relayed);
    (void)snprintf(allocated, sizeof allocated, "allocated %s for %" PRIu32 " s in %.1f ms", relayed, relay->status.lifetime_seconds,
                   milliseconds(relay->began_us, relay->allocated_us));
    switch (relay->outcome) {
    case PROBE_RELAY_RUNNING:
        (void)snprintf(out, capacity, "interrupted");
        break;
    case PROBE_RELAY_WORKS:
        (void)snprintf(out, capacity, "relays: %s; a datagram to itself came back after %.1f ms%s", allocated, milliseconds(relay->echo_sent_us, relay->echo_back_us),
                       relay->echoes > 1 ? ", not at the first try" : "");
        break;
    case PROBE_RELAY_NO_ADDRESS:
        (void)snprintf(out, capacity, "not asked: its name has no address, or there is no interface of its family");
        break;
    case PROBE_RELAY_NO_SOCKET:
        (void)snprintf(out, capacity, "not asked: no socket could be opened");
        break;
    case PROBE_RELAY_NO_ALLOCATION:
        write_allocation_problem(relay, out, capacity);
        break;
    case PROBE_RELAY_NO_PERMISSION:
        (void)snprintf(out, capacity, "%s; but %s", allocated,
                       relay->permission_code == STUN_CODE_FORBIDDEN ? "403: it does not relay to its own address (peer address denied); to other peers it may"
                       : relay->permission_code != 0                 ? "the permission was refused"
                                                                     : "the permission was not answered");
        break;
    case PROBE_RELAY_NOTHING_COMES_BACK:
        (void)snprintf(out, capacity, "%s; but nothing comes back through it (%u datagrams sent): look at its relay-ip, external-ip and firewall",
                       allocated, relay->echoes);
        break;
    }
}

/* How many do not relay. */
static size_t report_relays(struct probe *probe) {
    size_t broken = 0;
    for (size_t i = 0; i < probe->relay_count; i++) {
        const struct probe_relay *relay = &probe->relays[i];
        char text[640];
        write_relay(relay, text, sizeof text);
        broken += relay->outcome != PROBE_RELAY_WORKS;
        say(probe, "TURN %s: %s\n", relay->server->uri, text);
        call_json_log_event(probe->log, net_clock_now_us(), "relay",
                            json_pack("{s:s,s:b,s:s,s:f,s:f}", "url", relay->server->uri, "works", relay->outcome == PROBE_RELAY_WORKS, "verdict", text, "allocateMs",
                                      milliseconds(relay->began_us, relay->allocated_us), "roundTripMs", milliseconds(relay->echo_sent_us, relay->echo_back_us)));
    }
    return broken;
}

int probe_report_end(struct probe *probe) {
    size_t missing, answered = report_servers(probe, &missing);
    report_nat(probe);
    size_t broken = report_relays(probe);
    int code = probe->is_interrupted                      ? CALL_EXIT_INTERRUPTED
               : probe->server_count > 0 && answered == 0 ? CALL_EXIT_SIGNALING
               : missing + broken > 0                     ? CALL_EXIT_ICE
                                                          : CALL_EXIT_OK;
    call_json_log_event(probe->log, net_clock_now_us(), "summary",
                        json_pack("{s:i,s:i,s:i,s:i,s:i}", "exitCode", code, "candidates", (int)probe->gathering.candidates, "serversAnswered", (int)answered,
                                  "serversWithoutCandidate", (int)missing, "relaysBroken", (int)broken));
    return code;
}
