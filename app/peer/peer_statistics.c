/*
 * getStats: the report as a walk over slots, each of which is one RTCStats dictionary or empty (W3C webrtc-stats). Slots of media are numbered
 * by transceiver, others by transport and place in its ICE agent.
 */
#include <assert.h>
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- ids: "inbound-2-305419896", "pair-0-7" ------------------------------------------------------------------------------------ */

static size_t put_number(char *id, size_t length, uint64_t number) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    assert(length + 1 + count < PEER_STATISTICS_ID_BYTES);
    id[length++] = '-';
    while (count > 0)
        id[length++] = digits[--count];
    id[length] = '\0';
    return length;
}

static void write_id(char id[PEER_STATISTICS_ID_BYTES], const char *name, uint64_t number) {
    size_t length = strlen(name);
    memcpy(id, name, length);
    (void)put_number(id, length, number);
}

static void write_id_of_two(char id[PEER_STATISTICS_ID_BYTES], const char *name, uint64_t first, uint64_t second) {
    write_id(id, name, first);
    (void)put_number(id, strlen(id), second);
}

/* ---- media: one slot of each type for each transceiver --------------------------------------------------------------------------- */

static const struct peer_transceiver_entry *entry_at(const struct peer_connection *connection, size_t index) {
    return index < connection->transceiver_count ? connection->transceivers[index] : NULL;
}

static const char *mime_type_of(enum peer_codec codec) {
    static const char *const types[PEER_CODEC_COUNT] = {
        [PEER_CODEC_NONE] = "audio/telephone-event",
        [PEER_CODEC_OPUS] = "audio/opus",
        [PEER_CODEC_PCMU] = "audio/PCMU",
        [PEER_CODEC_PCMA] = "audio/PCMA",
        [PEER_CODEC_VP8] = "video/VP8",
        [PEER_CODEC_VP9] = "video/VP9",
        [PEER_CODEC_H264] = "video/H264",
        [PEER_CODEC_AV1] = "video/AV1",
    };
    return types[codec];
}

/* W3C webrtc-stats, RTCCodecStats: there while a stream uses it. Slot 2n is what transceiver n sends, 2n + 1 what it receives. */
static bool fill_codec(const struct peer_connection *connection, size_t slot, struct peer_statistics *out) {
    size_t index = slot / 2;
    bool is_received = slot % 2 == 1;
    struct peer_statistics stream;
    struct peer_received_codec received;
    if (is_received ? !peer_media_received_codec(connection, index, &received) : !peer_media_outbound(connection, index, &stream))
        return false;
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    const struct peer_transceiver *facts = &entry->facts;
    if (!is_received)
        received = (struct peer_received_codec){facts->codec, facts->send_payload_type, facts->clock_rate_hz};
    bool is_first = received.codec == facts->codec;
    write_id(out->id, is_received ? "codec-in" : "codec-out", index);
    out->as.codec.payload_type = received.payload_type;
    out->as.codec.mime_type = mime_type_of(received.codec);
    out->as.codec.clock_rate = received.clock_rate_hz;
    out->as.codec.channels = facts->kind != PEER_AUDIO ? 0 : received.codec == PEER_CODEC_OPUS ? 2 : 1;
    out->as.codec.sdp_fmtp_line = !is_first ? "" : is_received ? facts->receive_parameters : facts->send_parameters;
    write_id(out->as.codec.transport_id, "transport", entry->media_transport);
    return true;
}

static bool fill_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct peer_statistics remote = {.id = ""};
    if (!peer_media_inbound(connection, index, out))
        return false;
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    write_id_of_two(out->id, "inbound", index, out->as.inbound_rtp.ssrc);
    out->as.inbound_rtp.transceiver = index;
    out->as.inbound_rtp.kind = entry->facts.kind;
    out->as.inbound_rtp.mid = entry->facts.mid;
    out->as.inbound_rtp.track_identifier = entry->remote_track;
    write_id(out->as.inbound_rtp.transport_id, "transport", entry->media_transport);
    write_id(out->as.inbound_rtp.codec_id, "codec-in", index);
    if (peer_media_remote_outbound(connection, index, &remote))
        write_id_of_two(out->as.inbound_rtp.remote_id, "remote-outbound", index, out->as.inbound_rtp.ssrc);
    return true;
}

static bool fill_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct peer_statistics remote = {.id = ""};
    if (!peer_media_outbound(connection, index, out))
        return false;
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    write_id_of_two(out->id, "outbound", index, out->as.outbound_rtp.ssrc);
    out->as.outbound_rtp.transceiver = index;
    out->as.outbound_rtp.kind = entry->facts.kind;
    out->as.outbound_rtp.codec = entry->facts.codec;
    out->as.outbound_rtp.mid = entry->facts.mid;
    out->as.outbound_rtp.active = (entry->facts.current_direction & PEER_SENDONLY) != 0;
    write_id(out->as.outbound_rtp.transport_id, "transport", entry->media_transport);
    write_id(out->as.outbound_rtp.codec_id, "codec-out", index);
    write_id(out->as.outbound_rtp.media_source_id, "source", index);
    if (peer_media_remote_inbound(connection, index, &remote))
        write_id_of_two(out->as.outbound_rtp.remote_id, "remote-inbound", index, out->as.outbound_rtp.ssrc);
    return true;
}

static bool fill_remote_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    if (!peer_media_remote_inbound(connection, index, out))
        return false;
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    write_id_of_two(out->id, "remote-inbound", index, out->as.remote_inbound_rtp.ssrc);
    out->as.remote_inbound_rtp.kind = entry->facts.kind;
    write_id_of_two(out->as.remote_inbound_rtp.local_id, "outbound", index, out->as.remote_inbound_rtp.ssrc);
    write_id(out->as.remote_inbound_rtp.codec_id, "codec-out", index);
    write_id(out->as.remote_inbound_rtp.transport_id, "transport", entry->media_transport);
    return true;
}

static bool fill_remote_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    if (!peer_media_remote_outbound(connection, index, out))
        return false;
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    write_id_of_two(out->id, "remote-outbound", index, out->as.remote_outbound_rtp.ssrc);
    out->as.remote_outbound_rtp.kind = entry->facts.kind;
    write_id_of_two(out->as.remote_outbound_rtp.local_id, "inbound", index, out->as.remote_outbound_rtp.ssrc);
    write_id(out->as.remote_outbound_rtp.codec_id, "codec-in", index);
    write_id(out->as.remote_outbound_rtp.transport_id, "transport", entry->media_transport);
    return true;
}

/* W3C webrtc-stats, RTCMediaSourceStats: of each track that is attached to a sender. */
static bool fill_media_source(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    if (!entry || !entry->sender)
        return false;
    write_id(out->id, "source", index);
    out->as.media_source.transceiver = index;
    out->as.media_source.kind = entry->facts.kind;
    out->as.media_source.track_identifier = entry->track_id;
    return true;
}

static bool fill_peer_connection(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    (void)index;
    struct data_channel_layer_statistics layer = {0};
    if (connection->channels.layer)
        data_channel_layer_statistics(connection->channels.layer, &layer);
    memcpy(out->id, "peer-connection", sizeof "peer-connection");
    out->as.peer_connection.data_channels_opened = connection->channels.opened_before + layer.opened + layer.opened_by_peer;
    out->as.peer_connection.data_channels_closed = connection->channels.closed_before + layer.closed;
    return true;
}

/* W3C webrtc-stats, RTCDataChannelStats: of each channel that the connection has. */
static bool fill_data_channel(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct data_channel_info info;
    data_channel_handle handle = data_channel_at(connection->channels.layer, index);
    if (!data_channel_info(connection->channels.layer, handle, &info))
        return false;
    write_id(out->id, "channel", handle);
    out->as.data_channel.label = info.label;
    out->as.data_channel.protocol = info.protocol;
    out->as.data_channel.data_channel_identifier = info.id;
    out->as.data_channel.state = data_channel_state_name(info.state);
    out->as.data_channel.messages_sent = info.messages_sent;
    out->as.data_channel.bytes_sent = info.bytes_sent;
    out->as.data_channel.messages_received = info.messages_received;
    out->as.data_channel.bytes_received = info.bytes_received;
    return true;
}

/* ---- transports -------------------------------------------------------------------------------------------------------------------- */

/* NULL: the place is free, or its transport is leaving. */
static const struct peer_transport_entry *transport_at(const struct peer_connection *connection, size_t index) {
    const struct peer_transport_entry *entry = index < PEER_TRANSPORT_MAX ? connection->transports[index] : NULL;
    return entry && entry->transport ? entry : NULL;
}

static void fill_dtls(const struct peer_transport_entry *entry, const struct peer_transport_statistics *transport, size_t index, struct peer_statistics *out) {
    struct peer_handshake handshake;
    out->as.transport.dtls_state = transport->dtls_state;
    out->as.transport.dtls_role = transport->dtls_role;
    out->as.transport.srtp_profile = transport->srtp_profile;
    out->as.transport.dtls_started_us = transport->dtls_started_us;
    out->as.transport.dtls_connected_us = transport->dtls_connected_us;
    write_id(out->as.transport.local_certificate_id, "certificate", 0);
    if (!peer_transport_handshake(entry->transport, &handshake))
        return;
    out->as.transport.tls_version = handshake.tls_version;
    out->as.transport.dtls_cipher = handshake.dtls_cipher;
    write_id(out->as.transport.remote_certificate_id, "certificate", index + 1);
}

static bool fill_transport(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    const struct peer_transport_entry *entry = transport_at(connection, index);
    struct peer_transport_statistics transport;
    struct ice_statistics ice;
    if (!entry)
        return false;
    const struct ice_agent *agent = peer_transport_ice(entry->transport);
    peer_transport_statistics(entry->transport, &transport);
    ice_agent_statistics(agent, &ice);
    write_id(out->id, "transport", index);
    out->as.transport.packets_sent = transport.packets_sent;
    out->as.transport.packets_received = transport.packets_received;
    out->as.transport.bytes_sent = transport.bytes_sent;
    out->as.transport.bytes_received = transport.bytes_received;
    out->as.transport.ice_role = ice.role;
    out->as.transport.ice_state = ice.state;
    out->as.transport.ice_local_username_fragment = ice_agent_local_ufrag(agent);
    out->as.transport.selected_candidate_pair_changes = entry->selected_pair_changes;
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++) {
        struct ice_pair_statistics pair;
        if (ice_agent_pair_statistics(agent, i, &pair) && pair.selected)
            write_id_of_two(out->as.transport.selected_candidate_pair_id, "pair", index, i);
    }
    out->as.transport.gathering_started_us = ice.gathering_started_us;
    out->as.transport.gathering_completed_us = ice.gathering_completed_us;
    out->as.transport.ice_connected_us = ice.connected_us;
    out->as.transport.dropped = transport.unknown_dropped + transport.invalid_path_dropped + transport.early_dropped +
                                transport.srtp_unauthentic_dropped + transport.srtp_replay_dropped + transport.srtp_other_dropped;
    fill_dtls(entry, &transport, index, out);
    return true;
}

/* Slot 0 is ours, slot n + 1 that of the peer on transport n. */
static bool fill_certificate(const struct peer_connection *connection, size_t slot, struct peer_statistics *out) {
    struct peer_handshake handshake;
    if (slot == 0) {
        dtls_certificate_fingerprint(connection->config.certificate, &handshake.remote_fingerprint);
    } else {
        const struct peer_transport_entry *entry = transport_at(connection, slot - 1);
        if (!entry || !peer_transport_handshake(entry->transport, &handshake))
            return false;
    }
    write_id(out->id, "certificate", slot);
    out->as.certificate.number = slot;
    return dtls_fingerprint_write(&handshake.remote_fingerprint, out->as.certificate.fingerprint, sizeof out->as.certificate.fingerprint) > 0;
}

size_t peer_connection_certificate(const struct peer_connection *connection, size_t number, uint8_t *out, size_t capacity) {
    if (number == 0)
        return dtls_certificate_der(connection->config.certificate, out, capacity);
    const struct peer_transport_entry *entry = transport_at(connection, number - 1);
    return entry ? peer_transport_certificate(entry->transport, out, capacity) : 0;
}

/* ---- ICE: slots of all agents, one after another ------------------------------------------------------------------------------------- */

typedef size_t (*counter)(const struct ice_agent *agent);

/* Which transport's agent, and which of its things, a slot is. NULL: beyond the last. */
static const struct ice_agent *agent_of_slot(const struct peer_connection *connection, counter count, size_t *slot, size_t *transport) {
    for (*transport = 0; *transport < PEER_TRANSPORT_MAX; ++*transport) {
        const struct peer_transport_entry *entry = transport_at(connection, *transport);
        if (!entry)
            continue;
        const struct ice_agent *agent = peer_transport_ice(entry->transport);
        if (*slot < count(agent))
            return agent;
        *slot -= count(agent);
    }
    return NULL;
}

static size_t count_all(const struct peer_connection *connection, counter count) {
    size_t sum = 0;
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++) {
        const struct peer_transport_entry *entry = transport_at(connection, i);
        sum += entry ? count(peer_transport_ice(entry->transport)) : 0;
    }
    return sum;
}

/*
 * Which candidate of the agent's list a pair's is. The agent shows one at a time, so what is compared is a copy. An address alone does not
 * tell: UDP and TCP may share a port, three TCP candidates do, and one behind an mDNS name shows no address.
 */
static bool is_same_candidate(const struct ice_candidate *a, const struct ice_candidate *b) {
    return stun_address_equal(&a->address, &b->address) && stun_address_equal(&a->base, &b->base) && a->protocol == b->protocol && a->tcp_type == b->tcp_type &&
           a->type == b->type && strcmp(a->hostname, b->hostname) == 0;
}

static void write_local_id(const struct ice_agent *agent, size_t transport, const struct ice_candidate *wanted, char id[PEER_STATISTICS_ID_BYTES]) {
    for (size_t i = 0; i < ice_agent_local_candidate_count(agent); i++)
        if (is_same_candidate(ice_agent_local_candidate(agent, i), wanted)) {
            write_id_of_two(id, "local", transport, i);
            return;
        }
}

static void write_remote_id(const struct ice_agent *agent, size_t transport, const struct ice_candidate *wanted, bool previous, char id[PEER_STATISTICS_ID_BYTES]) {
    struct ice_remote_statistics remote;
    for (size_t i = 0; i < ice_agent_remote_candidate_count(agent); i++)
        if (ice_agent_remote_candidate(agent, i, &remote) && remote.previous == previous && is_same_candidate(remote.candidate, wanted)) {
            write_id_of_two(id, "remote", transport, i);
            return;
        }
}

static bool fill_pair(const struct peer_connection *connection, size_t slot, struct peer_statistics *out) {
    size_t transport;
    const struct ice_agent *agent = agent_of_slot(connection, ice_agent_pair_count, &slot, &transport);
    struct ice_pair_statistics *pair = &out->as.candidate_pair.pair;
    if (!agent || !ice_agent_pair_statistics(agent, slot, pair))
        return false;
    struct ice_candidate local = *pair->local, remote = *pair->remote;
    write_id_of_two(out->id, "pair", transport, slot);
    write_id(out->as.candidate_pair.transport_id, "transport", transport);
    write_local_id(agent, transport, &local, out->as.candidate_pair.local_candidate_id);
    write_remote_id(agent, transport, &remote, pair->previous, out->as.candidate_pair.remote_candidate_id);
    return ice_agent_pair_statistics(agent, slot, pair); /* the views again, which the search has overwritten */
}

static bool fill_local_candidate(const struct peer_connection *connection, size_t slot, struct peer_statistics *out) {
    size_t transport;
    const struct ice_agent *agent = agent_of_slot(connection, ice_agent_local_candidate_count, &slot, &transport);
    out->as.candidate.candidate = agent ? ice_agent_local_candidate(agent, slot) : NULL;
    if (!out->as.candidate.candidate)
        return false;
    write_id_of_two(out->id, "local", transport, slot);
    write_id(out->as.candidate.transport_id, "transport", transport);
    return true;
}

static bool fill_remote_candidate(const struct peer_connection *connection, size_t slot, struct peer_statistics *out) {
    size_t transport;
    const struct ice_agent *agent = agent_of_slot(connection, ice_agent_remote_candidate_count, &slot, &transport);
    struct ice_remote_statistics remote;
    if (!agent || !ice_agent_remote_candidate(agent, slot, &remote))
        return false;
    out->as.candidate.candidate = remote.candidate;
    write_id_of_two(out->id, "remote", transport, slot);
    write_id(out->as.candidate.transport_id, "transport", transport);
    return true;
}

/* ---- the walk ------------------------------------------------------------------------------------------------------------------------- */

static size_t slots(const struct peer_connection *connection, enum peer_statistics_type type) {
    switch (type) {
    case PEER_STATISTICS_CODEC: return 2 * connection->transceiver_count;
    case PEER_STATISTICS_INBOUND_RTP:
    case PEER_STATISTICS_OUTBOUND_RTP:
    case PEER_STATISTICS_REMOTE_INBOUND_RTP:
    case PEER_STATISTICS_REMOTE_OUTBOUND_RTP:
    case PEER_STATISTICS_MEDIA_SOURCE: return connection->transceiver_count;
    case PEER_STATISTICS_PEER_CONNECTION: return 1;
    case PEER_STATISTICS_DATA_CHANNEL: return connection->channels.layer ? data_channel_place_count(connection->channels.layer) : 0;
    case PEER_STATISTICS_TRANSPORT: return PEER_TRANSPORT_MAX;
    case PEER_STATISTICS_CANDIDATE_PAIR: return count_all(connection, ice_agent_pair_count);
    case PEER_STATISTICS_LOCAL_CANDIDATE: return count_all(connection, ice_agent_local_candidate_count);
    case PEER_STATISTICS_REMOTE_CANDIDATE: return count_all(connection, ice_agent_remote_candidate_count);
    case PEER_STATISTICS_CERTIFICATE: return 1 + PEER_TRANSPORT_MAX;
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
    [PEER_STATISTICS_REMOTE_OUTBOUND_RTP] = {"remote-outbound-rtp", fill_remote_outbound},
    [PEER_STATISTICS_MEDIA_SOURCE] = {"media-source", fill_media_source},
    [PEER_STATISTICS_PEER_CONNECTION] = {"peer-connection", fill_peer_connection},
    [PEER_STATISTICS_DATA_CHANNEL] = {"data-channel", fill_data_channel},
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
            *out = (struct peer_statistics){.type = (enum peer_statistics_type)type, .timestamp_us = connection->now_us};
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
