#include "app/call/why.h"

#include <inttypes.h>
#include <string.h>

/* ---- one pair ---------------------------------------------------------------------------------------------------------------- */

static double milliseconds(uint64_t us) {
    return (double)us / 1e3;
}

void call_why_pair(const struct ice_pair_statistics *pair, char sentence[CALL_SENTENCE_BYTES]) {
    const char *name = ice_pair_verdict_name(pair->verdict);
    const char *plural = pair->requests_sent == 1 ? "" : "s";
    switch (pair->verdict) {
    case ICE_VERDICT_SELECTED:
        call_sentence(sentence, "won: round trip %.1f ms", milliseconds(pair->current_round_trip_us));
        break;
    case ICE_VERDICT_REPLACED:
    case ICE_VERDICT_WORKS:
    case ICE_VERDICT_TOO_LATE:
        call_sentence(sentence, "%s: round trip %.1f ms", name, milliseconds(pair->current_round_trip_us));
        break;
    case ICE_VERDICT_NO_ANSWER:
    case ICE_VERDICT_IN_PROGRESS:
        call_sentence(sentence, "%s to %" PRIu64 " request%s", pair->verdict == ICE_VERDICT_NO_ANSWER ? "no answer" : "no answer yet", pair->requests_sent, plural);
        break;
    case ICE_VERDICT_WRONG_CREDENTIALS:
        call_sentence(sentence, "%s: %" PRIu64 " messages were signed with another password, or forged", name, pair->unauthentic);
        break;
    case ICE_VERDICT_WRONG_ADDRESS:
        call_sentence(sentence, "%s: %" PRIu64 " answers came from elsewhere than the requests went to", name, pair->answers_elsewhere);
        break;
    case ICE_VERDICT_ERROR_RESPONSE:
        call_sentence(sentence, "the other side answered %u", (unsigned)pair->last_error_code);
        break;
    case ICE_VERDICT_SEND_ERROR:
        call_sentence(sentence, "the network refused: %s", strerror(pair->last_send_error));
        break;
    case ICE_VERDICT_RELAY_REFUSED:
        call_sentence(sentence, "our TURN server refuses this peer: %u%s", (unsigned)pair->relay_error_code, pair->relay_error_code == 403 ? " Forbidden" : "");
        break;
    case ICE_VERDICT_DIED:
    case ICE_VERDICT_RELAY_LOST:
    case ICE_VERDICT_INTERFACE_GONE:
    case ICE_VERDICT_OTHER_GENERATION:
    case ICE_VERDICT_NOT_TRIED_WAITING:
    case ICE_VERDICT_NOT_TRIED_FROZEN:
    case ICE_VERDICT_NOT_TRIED_CHOSEN:
    case ICE_VERDICT_NOT_TRIED_ENDED:
        call_sentence(sentence, "%s", name);
        break;
    }
}

/* ---- why one won --------------------------------------------------------------------------------------------------------------- */

static bool find_selected(const struct ice_agent *agent, struct ice_pair_statistics *out) {
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++)
        if (ice_agent_pair_statistics(agent, i, out) && out->selected)
            return true;
    return false;
}

/* How many pairs rank above that priority, and which of them is the best. */
static size_t count_better(const struct ice_agent *agent, uint64_t priority, size_t *best) {
    size_t better = 0;
    uint64_t best_priority = 0;
    struct ice_pair_statistics pair;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        if (!ice_agent_pair_statistics(agent, i, &pair) || pair.previous || pair.priority <= priority)
            continue;
        better++;
        if (pair.priority > best_priority) {
            best_priority = pair.priority;
            *best = i;
        }
    }
    return better;
}

void call_why_won(const struct ice_agent *agent, char sentence[CALL_SENTENCE_BYTES]) {
    struct ice_pair_statistics selected, best;
    char why[CALL_SENTENCE_BYTES];
    size_t best_index = 0;
    sentence[0] = '\0';
    if (!find_selected(agent, &selected))
        return;
    double round_trip_ms = milliseconds(selected.current_round_trip_us);
    size_t better = count_better(agent, selected.priority, &best_index);
    if (better == 0 || !ice_agent_pair_statistics(agent, best_index, &best)) {
        call_sentence(sentence, "won: it has the highest priority of all; round trip %.1f ms", round_trip_ms);
        return;
    }
    const char *local = ice_candidate_type_name(best.local->type), *remote = ice_candidate_type_name(best.remote->type);
    call_why_pair(&best, why);
    call_sentence(sentence, "won: round trip %.1f ms; %zu pair%s would rank higher, the best of them %s to %s: %.120s", round_trip_ms, better,
                  better == 1 ? "" : "s", local, remote, why);
}

/* ---- servers ------------------------------------------------------------------------------------------------------------------- */

const char *call_why_stream(int error) {
    switch (error) {
    case ICE_STREAM_ERROR_TLS: return "the TLS handshake failed";
    case ICE_STREAM_ERROR_TLS_UNTRUSTED: return "its certificate is signed by nobody that this host trusts (--turn-ca FILE names another authority)";
    case ICE_STREAM_ERROR_TLS_NAME: return "its certificate is for another name";
    case ICE_STREAM_ERROR_TLS_EXPIRED: return "its certificate has expired, or is not valid yet";
    case ICE_STREAM_ERROR_RESOLVE: return "its name does not exist";
    default: return error > 0 ? strerror(error) : "it closed the connection";
    }
}

void call_why_server(const struct ice_server_statistics *server, char sentence[CALL_SENTENCE_BYTES]) {
    sentence[0] = '\0';
    switch (server->state) {
    case ICE_SERVER_ANSWERED:
        break;
    case ICE_SERVER_REFUSED:
        if (server->code != 0)
            call_sentence(sentence, "it answered %u %.80s%s%.80s", (unsigned)server->code, server->reason, *server->realm ? ", realm " : "", server->realm);
        else
            call_sentence(sentence, "%s", call_why_stream(server->error));
        break;
    case ICE_SERVER_UNRESOLVED:
        call_sentence(sentence, "its name has no address");
        break;
    case ICE_SERVER_NOT_ASKED:
        call_sentence(sentence, "it was not asked: there is no interface of its family, or the policy does not want it");
        break;
    case ICE_SERVER_NEW:
    case ICE_SERVER_RESOLVING:
    case ICE_SERVER_ASKING:
    case ICE_SERVER_SILENT:
        call_sentence(sentence, "no answer%s", server->transport == ICE_TRANSPORT_UDP ? ": UDP does not get there, or nothing listens" : "");
        break;
    }
}

/* ---- why none was found ---------------------------------------------------------------------------------------------------------- */

/* What the remedy depends on. */
struct evidence {
    size_t pairs, no_answer, send_errors, wrong_credentials, relay_refused, not_tried, answered; /* answered: something came back by it */
    int send_error;
    uint16_t relay_code;
    size_t turn_servers, turn_working, stun_servers;
    bool has_turn_over_tcp, has_relay, has_remote_relay;
    struct ice_server_statistics broken; /* a TURN server that gave nothing; host NULL: none */
    struct ice_nat_behaviour local, remote;
};

static void collect_pairs(const struct ice_agent *agent, struct evidence *evidence) {
    struct ice_pair_statistics pair;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        if (!ice_agent_pair_statistics(agent, i, &pair) || pair.previous)
            continue;
        evidence->pairs++;
        evidence->has_relay |= pair.local->type == ICE_CANDIDATE_RELAYED;
        evidence->has_remote_relay |= pair.remote->type == ICE_CANDIDATE_RELAYED;
        switch (pair.verdict) {
        case ICE_VERDICT_NO_ANSWER:
        case ICE_VERDICT_IN_PROGRESS:
            evidence->no_answer++;
            break;
        case ICE_VERDICT_SEND_ERROR:
            evidence->send_errors++;
            evidence->send_error = pair.last_send_error;
            break;
        case ICE_VERDICT_WRONG_CREDENTIALS:
            evidence->wrong_credentials++;
            break;
        case ICE_VERDICT_RELAY_REFUSED:
            evidence->relay_refused++;
            evidence->relay_code = pair.relay_error_code;
            break;
        case ICE_VERDICT_NOT_TRIED_WAITING:
        case ICE_VERDICT_NOT_TRIED_FROZEN:
        case ICE_VERDICT_NOT_TRIED_CHOSEN:
        case ICE_VERDICT_NOT_TRIED_ENDED:
        case ICE_VERDICT_OTHER_GENERATION:
        case ICE_VERDICT_INTERFACE_GONE:
        case ICE_VERDICT_RELAY_LOST:
            evidence->not_tried++;
            break;
        case ICE_VERDICT_SELECTED:
        case ICE_VERDICT_REPLACED:
        case ICE_VERDICT_WORKS:
        case ICE_VERDICT_TOO_LATE:
        case ICE_VERDICT_DIED:
        case ICE_VERDICT_WRONG_ADDRESS:
        case ICE_VERDICT_ERROR_RESPONSE:
            evidence->answered++;
            break;
        }
    }
}

static void collect_servers(const struct ice_agent *agent, struct evidence *evidence) {
    struct ice_server_statistics server;
    for (size_t i = 0; ice_agent_server_statistics(agent, i, &server); i++) {
        if (server.kind == ICE_SERVER_STUN) {
            evidence->stun_servers++;
            continue;
        }
        evidence->turn_servers++;
        evidence->has_turn_over_tcp |= server.transport != ICE_TRANSPORT_UDP;
        if (server.state == ICE_SERVER_ANSWERED)
            evidence->turn_working++;
        else
            evidence->broken = server;
    }
}

static void append(char *sentence, size_t *length, const char *text) {
    size_t room = CALL_SENTENCE_BYTES - 1 - *length, bytes = strlen(text) < room ? strlen(text) : room;
    memcpy(sentence + *length, text, bytes);
    *length += bytes;
    sentence[*length] = '\0';
}

static void append_count(char *sentence, size_t *length, size_t count, const char *what) {
    char text[CALL_SENTENCE_BYTES];
    if (count == 0)
        return;
    call_sentence(text, "%s%zu %.200s", sentence[*length - 1] == ' ' ? "" : ", ", count, what);
    append(sentence, length, text);
}

/* "14 pairs: 9 without an answer, 3 that the network refused (No route to host). Our NAT: ...; theirs: ...". */
static void write_why(const struct evidence *evidence, char why[CALL_SENTENCE_BYTES]) {
    char text[CALL_SENTENCE_BYTES], local[ICE_NAT_TEXT_BYTES], remote[ICE_NAT_TEXT_BYTES];
    size_t length = 0;
    call_sentence(text, "%zu pair%s of addresses: ", evidence->pairs, evidence->pairs == 1 ? "" : "s");
    append(why, &length, text);
    append_count(why, &length, evidence->no_answer, "without an answer");
    call_sentence(text, "refused by the network (%.60s)", strerror(evidence->send_error));
    append_count(why, &length, evidence->send_errors, text);
    append_count(why, &length, evidence->wrong_credentials, "with wrong credentials");
    append_count(why, &length, evidence->relay_refused, "refused by our TURN server");
    append_count(why, &length, evidence->answered, "that answered, but not as they must");
    append_count(why, &length, evidence->not_tried, "not tried");
    (void)ice_nat_behaviour_write(&evidence->local, local, sizeof local);
    (void)ice_nat_behaviour_write(&evidence->remote, remote, sizeof remote);
    call_sentence(text, ". Our NAT: %.90s; theirs: %.90s.", local, remote);
    append(why, &length, text);
}

static void write_remedy(const struct evidence *evidence, bool relay_only, char remedy[CALL_SENTENCE_BYTES]) {
    char problem[CALL_SENTENCE_BYTES];
    bool is_blocked = evidence->local.presence == ICE_NAT_UDP_BLOCKED;
    if (evidence->wrong_credentials > 0 && evidence->no_answer == 0)
        call_sentence(remedy, "The other side signs with another password than its description says: begin the call anew on both sides.");
    else if (evidence->turn_servers > 0 && evidence->turn_working == 0) {
        call_why_server(&evidence->broken, problem);
        call_sentence(remedy, "The TURN server %.100s gives no relay: %.150s. Run probe with it.", evidence->broken.host, problem);
    } else if (is_blocked && !evidence->has_turn_over_tcp)
        call_sentence(remedy, "UDP does not get out of this network: name a TURN server over TCP, --ice-server turns:HOST:443, with user and credential.");
    else if (evidence->relay_refused > 0)
        call_sentence(remedy, "The TURN server refuses the other side's addresses (%u): look at its allowed-peer-ip and denied-peer-ip.", (unsigned)evidence->relay_code);
    else if (evidence->has_relay || evidence->has_remote_relay)
        call_sentence(remedy,
            "There is a relay, and nothing comes through it: run probe with it on its side; look at its external-ip and its firewall (the relay "
            "ports, UDP 49152-65535).");
    else if (relay_only && evidence->turn_servers == 0)
        call_sentence(remedy, "Use --ice-transport-policy all, or name a TURN server.");
    else if (evidence->pairs == 0)
        call_sentence(remedy,
            "Look with -v at the candidates of both sides: some of theirs must be of the same family (IPv4, IPv6) as some of ours; a TURN server "
            "has both.");
    else if (evidence->stun_servers + evidence->turn_servers == 0)
        call_sentence(remedy, "Name a STUN server with --ice-server stun:HOST; where that is not enough, a TURN server (docs/two-hosts.md).");
    else
        call_sentence(remedy,
            "These NATs need a relay: name a TURN server on one side, --ice-server turn:HOST with user and credential (docs/two-hosts.md); probe "
            "tells what a NAT does.");
}

void call_why_failed(const struct ice_agent *agent, bool relay_only, struct call_problem *problem) {
    struct evidence evidence = {0};
    char why[CALL_SENTENCE_BYTES] = "", remedy[CALL_SENTENCE_BYTES];
    collect_pairs(agent, &evidence);
    collect_servers(agent, &evidence);
    ice_nat_evidence(agent, &evidence.local, &evidence.remote);
    write_remedy(&evidence, relay_only, remedy);
    if (evidence.pairs == 0) {
        const char *reason = relay_only && evidence.turn_working == 0            ? "The policy allows relays only, and there is none."
                             : ice_agent_remote_candidate_count(agent) == 0 ? "The other side has sent no address that could be tried."
                                                                            : "No address of ours can be paired with one of theirs.";
        call_problem_set(problem, CALL_EXIT_ICE, "ice", "No path to the other side could be tried.", reason, remedy);
        return;
    }
    write_why(&evidence, why);
    call_problem_set(problem, CALL_EXIT_ICE, "ice", "No path to the other side was found.", why, remedy);
}
