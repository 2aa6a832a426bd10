/* getStats: the report as a walk over slots, each of which is one RTCStats dictionary or empty (W3C webrtc-stats). */
#include <assert.h>
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* "pair-7": the name of a slot, the same in every report. */
static void write_id(char id[PEER_STATISTICS_ID_BYTES], const char *name, size_t number) {
    char digits[20];
    size_t count = 0, length = strlen(name);
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    assert(length + 1 + count < PEER_STATISTICS_ID_BYTES);
    memcpy(id, name, length);
    id[length++] = '-';
    while (count > 0)
        id[length++] = digits[--count];
    id[length] = '\0';
}

static const struct ice_agent *agent_of(const struct peer_connection *connection) {
    return peer_transport_ice(connection->transports[0]);
}

/* ---- media: one slot of each type for each transceiver --------------------------------------------------------------------- */

static bool fill_codec(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    static const char *const mime_types[] = {"", "audio/opus", "video/VP8"};
    const struct peer_transceiver *facts = &connection->transceivers[index].facts;
    if (facts->codec == PEER_CODEC_NONE)
        return false;
    write_id(out->id, "codec", index);
    out->as.codec.payload_type = facts->send_payload_type;
    out->as.codec.mime_type = mime_types[facts->codec];
    out->as.codec.clock_rate = facts->clock_rate_hz;
    out->as.codec.channels = facts->kind == PEER_AUDIO ? facts->channels : 0;
    write_id(out->as.codec.transport_id, "transport", 0);
    return true;
}

static bool fill_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    const struct peer_transceiver_entry *entry = &connection->transceivers[index];
    if (!peer_media_inbound(connection, index, out))
        return false;
    write_id(out->id, "inbound", index);
    out->as.inbound_rtp.transceiver = index;
    out->as.inbound_rtp.kind = entry->facts.kind;
    out->as.inbound_rtp.codec = entry->facts.codec;
    out->as.inbound_rtp.mid = entry->facts.mid;
    write_id(out->as.inbound_rtp.transport_id, "transport", 0);
    write_id(out->as.inbound_rtp.codec_id, "codec", index);
    return true;
}

static bool fill_remote_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    if (!peer_media_remote_inbound(connection, index, out))
        return false;
    write_id(out->id, "remote-inbound", index);
    out->as.remote_inbound_rtp.kind = connection->transceivers[index].facts.kind;
    write_id(out->as.remote_inbound_rtp.local_id, "outbound", index);
    write_id(out->as.remote_inbound_rtp.codec_id, "codec", index);
    return true;
}

static bool fill_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    const struct peer_transceiver_entry *entry = &connection->transceivers[index];
    struct peer_statistics remote;
    if (!peer_media_outbound(connection, index, out))
        return false;
    write_id(out->id, "outbound", index);
    out->as.outbound_rtp.transceiver = index;
    out->as.outbound_rtp.kind = entry->facts.kind;
    out->as.outbound_rtp.codec = entry->facts.codec;
    out->as.outbound_rtp.mid = entry->facts.mid;
    write_id(out->as.outbound_rtp.transport_id, "transport", 0);
    write_id(out->as.outbound_rtp.codec_id, "codec", index);
    if (peer_media_remote_inbound(connection, index, &remote))
        write_id(out->as.outbound_rtp.remote_id, "remote-inbound", index);
    return true;
}

/* ---- the transport ------------------------------------------------------------------------------------------------------------ */

static bool fill_transport(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct peer_transport_statistics transport;
    struct ice_statistics ice;
    const struct ice_agent *agent = agent_of(connection);
    peer_transport_statistics(connection->transports[index], &transport);
    ice_agent_statistics(agent, &ice);
    write_id(out->id, "transport", index);
    out->as.transport.packets_sent = transport.datagrams_sent;
    out->as.transport.packets_received = transport.datagrams_received;
    out->as.transport.bytes_sent = transport.bytes_sent;
    out->as.transport.bytes_received = transport.bytes_received;
    out->as.transport.ice_role = ice.role;
    out->as.transport.ice_state = ice.state;
    out->as.transport.dtls_state = transport.dtls_state;
    out->as.transport.dtls_role = transport.dtls_role;
    out->as.transport.srtp_profile = transport.srtp_profile;
    out->as.transport.ice_local_username_fragment = ice_agent_local_ufrag(agent);
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        struct ice_pair_statistics pair;
        if (ice_agent_pair_statistics(agent, i, &pair) && pair.selected)
            write_id(out->as.transport.selected_candidate_pair_id, "pair", i);
    }
    write_id(out->as.transport.local_certificate_id, "certificate", 0);
    out->as.transport.gathering_started_us = ice.gathering_started_us;
    out->as.transport.gathering_completed_us = ice.gathering_completed_us;
    out->as.transport.ice_connected_us = ice.connected_us;
    out->as.transport.dtls_started_us = transport.dtls_started_us;
    out->as.transport.dtls_connected_us = transport.dtls_connected_us;
    out->as.transport.dropped = transport.unknown_dropped + transport.invalid_path_dropped + transport.early_dropped +
                                transport.srtp_unauthentic_dropped + transport.srtp_replay_dropped + transport.srtp_other_dropped;
    return true;
}

/*
 * Which candidate of the agent's list a pair's is. The agent shows one at a time, so what is compared is a copy. An address alone does not
 * tell: UDP and TCP may share a port, three TCP candidates do, and one behind an mDNS name shows no address.
 */
static bool is_same_candidate(const struct ice_candidate *a, const struct ice_candidate *b) {
    return stun_address_equal(&a->address, &b->address) && stun_address_equal(&a->base, &b->base) && a->protocol == b->protocol && a->tcp_type == b->tcp_type &&
           a->type == b->type && strcmp(a->hostname, b->hostname) == 0;
}

static void write_local_id(const struct ice_agent *agent, const struct ice_candidate *wanted, char id[PEER_STATISTICS_ID_BYTES]) {
    for (size_t i = 0; i < ice_agent_local_candidate_count(agent); i++)
        if (is_same_candidate(ice_agent_local_candidate(agent, i), wanted)) {
            write_id(id, "local", i);
            return;
        }
}

static void write_remote_id(const struct ice_agent *agent, const struct ice_candidate *wanted, bool previous, char id[PEER_STATISTICS_ID_BYTES]) {
    struct ice_remote_statistics remote;
    for (size_t i = 0; i < ice_agent_remote_candidate_count(agent); i++)
        if (ice_agent_remote_candidate(agent, i, &remote) && remote.previous == previous && is_same_candidate(remote.candidate, wanted)) {
            write_id(id, "remote", i);
            return;
        }
}

static bool fill_pair(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    const struct ice_agent *agent = agent_of(connection);
    struct ice_pair_statistics *pair = &out->as.candidate_pair.pair;
    if (!ice_agent_pair_statistics(agent, index, pair))
        return false;
    struct ice_candidate local = *pair->local, remote = *pair->remote;
    write_id(out->id, "pair", index);
    write_id(out->as.candidate_pair.transport_id, "transport", 0);
    write_local_id(agent, &local, out->as.candidate_pair.local_candidate_id);
    write_remote_id(agent, &remote, pair->previous, out->as.candidate_pair.remote_candidate_id);
    return ice_agent_pair_statistics(agent, index, pair); /* the views again, which the search has overwritten */
}

static bool fill_local_candidate(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    out->as.candidate.candidate = ice_agent_local_candidate(agent_of(connection), index);
    if (!out->as.candidate.candidate)
        return false;
    write_id(out->id, "local", index);
    write_id(out->as.candidate.transport_id, "transport", 0);
    return true;
}

static bool fill_remote_candidate(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct ice_remote_statistics remote;
    if (!ice_agent_remote_candidate(agent_of(connection), index, &remote))
        return false;
    out->as.candidate.candidate = remote.candidate;
    write_id(out->id, "remote", index);
    write_id(out->as.candidate.transport_id, "transport", 0);
    return true;
}

static bool fill_certificate(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct dtls_fingerprint fingerprint;
    dtls_certificate_fingerprint(connection->config.certificate, &fingerprint);
    write_id(out->id, "certificate", index);
    return dtls_fingerprint_write(&fingerprint, out->as.certificate.fingerprint, sizeof out->as.certificate.fingerprint) > 0;
}

/* ---- the walk ---------------------------------------------------------------------------------------------------------------- */

static size_t slots(const struct peer_connection *connection, enum peer_statistics_type type) {
    const struct ice_agent *agent = agent_of(connection);
    switch (type) {
    case PEER_STATISTICS_CODEC:
    case PEER_STATISTICS_INBOUND_RTP:
    case PEER_STATISTICS_OUTBOUND_RTP:
    case PEER_STATISTICS_REMOTE_INBOUND_RTP: return connection->transceiver_count;
    case PEER_STATISTICS_TRANSPORT: return connection->transport_count;
    case PEER_STATISTICS_CANDIDATE_PAIR: return ice_agent_pair_count(agent);
    case PEER_STATISTICS_LOCAL_CANDIDATE: return ice_agent_local_candidate_count(agent);
    case PEER_STATISTICS_REMOTE_CANDIDATE: return ice_agent_remote_candidate_count(agent);
    case PEER_STATISTICS_CERTIFICATE: return 1;
    }
    return 0;
}

typedef bool (*fill)(const struct peer_connection *connection, size_t index, struct peer_statistics *out);

static const struct {
    const char *name;
    fill fill;
} types[] = {
    [PEER_STATISTICS_CODEC] = {"codec", fill_codec},
    [PEER_STATISTICS_INBOUND_RTP] = {"inbound-rtp", fill_inbound},
    [PEER_STATISTICS_OUTBOUND_RTP] = {"outbound-rtp", fill_outbound},
    [PEER_STATISTICS_REMOTE_INBOUND_RTP] = {"remote-inbound-rtp", fill_remote_inbound},
    [PEER_STATISTICS_TRANSPORT] = {"transport", fill_transport},
    [PEER_STATISTICS_CANDIDATE_PAIR] = {"candidate-pair", fill_pair},
    [PEER_STATISTICS_LOCAL_CANDIDATE] = {"local-candidate", fill_local_candidate},
    [PEER_STATISTICS_REMOTE_CANDIDATE] = {"remote-candidate", fill_remote_candidate},
    [PEER_STATISTICS_CERTIFICATE] = {"certificate", fill_certificate},
};

bool peer_connection_statistics(const struct peer_connection *connection, size_t *cursor, struct peer_statistics *out) {
    size_t index = *cursor;
    for (size_t type = 0; type < sizeof types / sizeof types[0]; type++) {
        size_t count = slots(connection, (enum peer_statistics_type)type);
        for (; index < count; index++) {
            ++*cursor;
            *out = (struct peer_statistics){.type = (enum peer_statistics_type)type};
            if (types[type].fill(connection, index, out))
                return true;
        }
        index -= count;
    }
    return false;
}

const char *peer_statistics_type_name(enum peer_statistics_type type) {
    assert((size_t)type < sizeof types / sizeof types[0]);
    return types[type].name;
}
