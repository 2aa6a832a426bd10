/* The last --json line, and the last lines on stderr. */
#include <inttypes.h>
#include <string.h>

#include "app/call/call_internal.h"

#define CALL_PAIRS_PRINTED 16u /* on stderr; the summary has all */

void call_set_server(const struct call *call, json_t *out, const struct ice_candidate *candidate) {
    char uri[CALL_ICE_URI_BYTES];
    if (candidate->server == 0 || candidate->server > call->server_count)
        return;
    call_ice_uri_write(&call->servers[candidate->server - 1], uri, sizeof uri);
    json_object_set_new(out, "url", json_string(uri));
    if (candidate->type == ICE_CANDIDATE_RELAYED)
        json_object_set_new(out, "relayProtocol", json_string(call_ice_relay_protocol(candidate->relay_transport)));
}

static json_t *end_of_pair(const struct call *call, const struct ice_candidate *candidate) {
    char address[STUN_ADDRESS_TEXT_BYTES] = "";
    stun_address_write(&candidate->address, address, sizeof address);
    const char *shown = candidate->hostname[0] ? candidate->hostname : address;
    json_t *out = json_pack("{s:s,s:s,s:n,s:s}", "candidateType", ice_candidate_type_name(candidate->type), "protocol",
                            candidate->protocol == ICE_PROTOCOL_UDP ? "udp" : "tcp", "relayProtocol", "address", shown);
    call_set_server(call, out, candidate);
    return out;
}

static bool next_report(const struct call *call, size_t *cursor, enum peer_statistics_type type, struct peer_statistics *out) {
    while (call->connection && peer_connection_statistics(call->connection, cursor, out))
        if (out->type == type)
            return true;
    return false;
}

static json_t *nat_json(const struct ice_nat_behaviour *nat) {
    char text[ICE_NAT_TEXT_BYTES];
    bool is_known = nat->presence != ICE_NAT_PRESENCE_UNKNOWN && ice_nat_behaviour_write(nat, text, sizeof text) > 0;
    return is_known ? json_string(text) : json_null();
}

/* What the call has seen of both NATs; probe sees more (docs/programs.md). */
static void set_nat(const struct call *call, json_t *summary) {
    struct ice_nat_behaviour local = {0}, remote = {0};
    if (call_agent(call))
        ice_nat_evidence(call_agent(call), &local, &remote);
    json_object_set_new(summary, "nat", json_pack("{s:o,s:o}", "local", nat_json(&local), "remote", nat_json(&remote)));
}

static void set_pairs(const struct call *call, json_t *summary) {
    json_t *all = json_array();
    json_object_set_new(summary, "selectedCandidatePair", json_null());
    struct peer_statistics report;
    const struct ice_agent *agent = call_agent(call);
    char verdict[CALL_SENTENCE_BYTES];
    for (size_t cursor = 0; next_report(call, &cursor, PEER_STATISTICS_CANDIDATE_PAIR, &report);) {
        const struct ice_pair_statistics *pair = &report.as.candidate_pair.pair;
        if (!pair->local || !pair->remote)
            continue;
        json_t *local = end_of_pair(call, pair->local), *remote = end_of_pair(call, pair->remote); /* before call_why_won looks at other pairs */
        if (pair->selected)
            json_object_set_new(summary, "selectedCandidatePair", json_pack("{s:O,s:O}", "local", local, "remote", remote));
        call_why_pair(pair, verdict);
        if (pair->selected && agent)
            call_why_won(agent, verdict);
        json_array_append_new(all, json_pack("{s:o,s:o,s:s,s:b,s:s}", "local", local, "remote", remote, "state", ice_pair_state_name(pair->state), "nominated",
                                             pair->nominated, "verdict", verdict));
    }
    json_object_set_new(summary, "candidatePairs", all);
}

static void set_milliseconds(json_t *object, const char *name, uint64_t from_us, uint64_t to_us) {
    json_object_set_new(object, name, from_us && to_us >= from_us ? json_real((double)(to_us - from_us) / 1e3) : json_null());
}

/* Gathering is a span of its own; the others count from the moment at which this side had something to describe. */
static json_t *timings_json(const struct call *call) {
    json_t *out = json_object();
    struct peer_statistics report;
    uint64_t begin = call->timings.offer_or_answer, gathering_began = 0, gathered = 0, ice = 0, dtls = 0;
    for (size_t cursor = 0; next_report(call, &cursor, PEER_STATISTICS_TRANSPORT, &report);) {
        gathering_began = report.as.transport.gathering_started_us;
        gathered = report.as.transport.gathering_completed_us;
        ice = report.as.transport.ice_connected_us;
        dtls = report.as.transport.dtls_connected_us;
    }
    set_milliseconds(out, "gatheringMs", gathering_began, gathered);
    set_milliseconds(out, "iceConnectedMs", begin, ice);
    set_milliseconds(out, "dtlsConnectedMs", begin, dtls);
    set_milliseconds(out, "firstAudioMs", begin, call->timings.first_audio);
    set_milliseconds(out, "firstVideoMs", begin, call->timings.first_video);
    return out;
}

static const struct call_media *media_of(const struct call *call, enum peer_media_kind kind) {
    return &call->media[kind == PEER_VIDEO];
}

static json_t *inbound_json(const struct call *call) {
    json_t *all = json_array();
    struct peer_statistics report;
    for (size_t cursor = 0; next_report(call, &cursor, PEER_STATISTICS_INBOUND_RTP, &report);) {
        enum peer_media_kind kind = report.as.inbound_rtp.kind;
        const struct media_receiver_statistics *decoded = &media_of(call, kind)->received;
        json_t *one = json_pack("{s:s,s:s,s:I,s:I,s:I}", "kind", peer_media_kind_name(kind), "codec", peer_codec_name(report.as.inbound_rtp.codec), "packetsReceived",
                                (json_int_t)report.as.inbound_rtp.packets_received, "packetsLost", (json_int_t)report.as.inbound_rtp.packets_lost, "bytesReceived",
                                (json_int_t)report.as.inbound_rtp.bytes_received);
        json_object_update_new(one, json_pack("{s:I}", "framesDecoded", (json_int_t)decoded->frames_decoded));
        if (kind == PEER_VIDEO)
            json_object_update_new(one, json_pack("{s:I,s:I,s:f,s:I}", "keyFramesDecoded", (json_int_t)decoded->key_frames_decoded, "freezeCount",
                                                  (json_int_t)decoded->freeze_count, "totalFreezesDuration", (double)decoded->total_freezes_duration_us / 1e6,
                                                  "pliCount", (json_int_t)report.as.inbound_rtp.pli_count));
        else
            json_object_update_new(one, json_pack("{s:I,s:I,s:f}", "totalSamplesReceived", (json_int_t)decoded->total_samples_received, "concealedSamples",
                                                  (json_int_t)decoded->concealed_samples, "totalAudioEnergy", decoded->total_audio_energy));
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *outbound_json(const struct call *call) {
    json_t *all = json_array();
    struct peer_statistics report;
    for (size_t cursor = 0; next_report(call, &cursor, PEER_STATISTICS_OUTBOUND_RTP, &report);) {
        enum peer_media_kind kind = report.as.outbound_rtp.kind;
        const struct media_sender_statistics *encoded = &media_of(call, kind)->sent;
        json_array_append_new(all, json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "kind", peer_media_kind_name(kind), "codec", peer_codec_name(report.as.outbound_rtp.codec),
                                             "packetsSent", (json_int_t)report.as.outbound_rtp.packets_sent, "framesEncoded", (json_int_t)encoded->frames_encoded,
                                             "bytesSent", (json_int_t)report.as.outbound_rtp.bytes_sent, "nackCount", (json_int_t)report.as.outbound_rtp.nack_count,
                                             "pliCount", (json_int_t)report.as.outbound_rtp.pli_count));
    }
    return all;
}

/* What a peer said may be no UTF-8, and cutting a sentence may have cut a character: then ASCII is kept and the rest is "?". */
static json_t *sentence_json(const char *sentence) {
    json_t *out = json_string(sentence);
    char ascii[CALL_SENTENCE_BYTES];
    size_t length = 0;
    for (; !out && sentence[length] && length + 1 < sizeof ascii; length++)
        ascii[length] = (unsigned char)sentence[length] < 0x80 ? sentence[length] : '?';
    return out ? out : json_stringn(ascii, length);
}

static json_t *failure_json(const struct call_problem *problem) {
    return json_pack("{s:s,s:o,s:o,s:o}", "layer", problem->layer, "what", sentence_json(problem->what), "why", sentence_json(problem->why), "try",
                     sentence_json(problem->try_this));
}

json_t *call_summary_json(const struct call *call) {
    const struct call_problem *problem = &call->problem;
    json_t *out = json_object();
    json_object_set_new(out, "exitCode", json_integer(problem->exit_code));
    set_pairs(call, out);
    json_object_set_new(out, "timings", timings_json(call));
    json_object_set_new(out, "inbound", inbound_json(call));
    json_object_set_new(out, "outbound", outbound_json(call));
    set_nat(call, out);
    json_object_set_new(out, "failure", problem->exit_code == CALL_EXIT_OK ? json_null() : failure_json(problem));
    return out;
}

static double milliseconds(const json_t *timings, const char *name) {
    return json_number_value(json_object_get(timings, name));
}

static const char *text_of(const json_t *pair, const char *end, const char *name) {
    const char *text = json_string_value(json_object_get(json_object_get(pair, end), name));
    return text ? text : "";
}

/* Without a path: what became of each pair. */
static void print_pairs(const struct call *call) {
    const json_t *pairs = json_object_get(call->summary, "candidatePairs"), *pair;
    size_t i;
    json_array_foreach(pairs, i, pair) {
        if (i == CALL_PAIRS_PRINTED)
            break;
        fprintf(stderr, "%s: %s %s -> %s %s: %s\n", call->program, text_of(pair, "local", "candidateType"), text_of(pair, "local", "address"),
                text_of(pair, "remote", "candidateType"), text_of(pair, "remote", "address"), json_string_value(json_object_get(pair, "verdict")));
    }
    if (json_array_size(pairs) > CALL_PAIRS_PRINTED)
        fprintf(stderr, "%s: and %zu pairs more (--json lists them)\n", call->program, json_array_size(pairs) - CALL_PAIRS_PRINTED);
}

void call_summary_print(const struct call *call) {
    if (!call->was_connected) {
        if (call->problem.exit_code == CALL_EXIT_ICE)
            print_pairs(call);
        return;
    }
    const json_t *timings = json_object_get(call->summary, "timings");
    fprintf(stderr, "%s: gathering took %.0f ms; ICE connected after %.0f, DTLS after %.0f, first sound after %.0f, first picture after %.0f ms\n", call->program,
            milliseconds(timings, "gatheringMs"), milliseconds(timings, "iceConnectedMs"), milliseconds(timings, "dtlsConnectedMs"),
            milliseconds(timings, "firstAudioMs"), milliseconds(timings, "firstVideoMs"));
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++) {
        const struct call_media *media = &call->media[i];
        fprintf(stderr, "%s: %s: %" PRIu64 " frames sent, %" PRIu64 " received, %" PRIu64 " decoded\n", call->program, peer_media_kind_name(media->kind),
                media->sent.frames_encoded, media->received.frames_received, media->received.frames_decoded);
    }
    call_data_print(call);
}
