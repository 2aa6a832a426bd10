/* The report of PeerConnection as JSON, in the shape of a browser's getStats(): one RTCStats dictionary for each id (W3C webrtc-stats). */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "app/call/call_internal.h"
#include "app/media/audio_source.h"
#include "app/net/clock.h"

#define CALL_CERTIFICATE_MAX_BYTES 16384u /* one that is longer is not shown */

static json_t *number(uint64_t value) {
    return json_integer((json_int_t)value);
}

static void set_number(json_t *object, const char *name, uint64_t value) {
    json_object_set_new(object, name, number(value));
}

static void set_seconds(json_t *object, const char *name, uint64_t value_us) {
    json_object_set_new(object, name, json_real((double)value_us / 1e6));
}

static void set_samples(json_t *object, const char *name, uint64_t samples) {
    json_object_set_new(object, name, json_real((double)samples / MEDIA_AUDIO_RATE_HZ));
}

/* DOMHighResTimeStamp, counted from 1970 as `timestamp` is. */
static double time_ms(uint64_t time_us) {
    return (double)((int64_t)time_us + net_clock_wall_offset_us()) / 1e3;
}

static void set_time(json_t *object, const char *name, uint64_t time_us) {
    if (time_us != 0)
        json_object_set_new(object, name, json_real(time_ms(time_us)));
}

/* W3C webrtc-stats, estimatedPlayoutTimestamp: the capture time of what was ready to be played last, on the sender's clock, and the time since then. It
 * counts from 1900 (RFC 3550 section 4). The difference of two is what sound and picture are out of step. */
static void set_playout(json_t *object, const struct media_receiver_statistics *decoded, uint64_t now_us) {
    const int64_t to_1900_us = INT64_C(2208988800) * 1000000;
    if (decoded->playout_at_us != 0)
        json_object_set_new(object, "estimatedPlayoutTimestamp",
                            json_real((double)(decoded->playout_unix_us + to_1900_us + (int64_t)(now_us - decoded->playout_at_us)) / 1e3));
}

static void set_text(json_t *object, const char *name, const char *value) {
    if (value && *value)
        json_object_set_new(object, name, json_string(value));
}

static const struct call_media *media_of(const struct call *call, size_t transceiver) {
    for (size_t i = 0; i < CALL_MEDIA_COUNT; i++)
        if (call->media[i].transceiver == transceiver || call->media[i].inbound == transceiver)
            return &call->media[i];
    return NULL;
}

static void add_inbound(const struct call *call, json_t *out, const struct peer_statistics *report) {
    const struct media_receiver_statistics none = {0};
    const struct call_media *media = media_of(call, report->as.inbound_rtp.transceiver);
    const struct media_receiver_statistics *decoded = media ? &media->received : &none;
    bool is_video = report->as.inbound_rtp.kind == PEER_VIDEO;
    set_text(out, "kind", peer_media_kind_name(report->as.inbound_rtp.kind));
    set_text(out, "mid", report->as.inbound_rtp.mid);
    set_text(out, "trackIdentifier", report->as.inbound_rtp.track_identifier);
    set_number(out, "ssrc", report->as.inbound_rtp.ssrc);
    set_text(out, "transportId", report->as.inbound_rtp.transport_id);
    set_text(out, "codecId", report->as.inbound_rtp.codec_id);
    set_text(out, "remoteId", report->as.inbound_rtp.remote_id);
    set_number(out, "packetsReceived", report->as.inbound_rtp.packets_received);
    set_number(out, "bytesReceived", report->as.inbound_rtp.bytes_received);
    set_number(out, "headerBytesReceived", report->as.inbound_rtp.header_bytes_received);
    json_object_set_new(out, "packetsLost", json_integer(report->as.inbound_rtp.packets_lost));
    set_number(out, "packetsDiscarded", report->as.inbound_rtp.packets_discarded);
    set_seconds(out, "jitter", report->as.inbound_rtp.jitter_us);
    set_seconds(out, "jitterBufferDelay", report->as.inbound_rtp.jitter_buffer_delay_us);
    set_seconds(out, "jitterBufferTargetDelay", report->as.inbound_rtp.jitter_buffer_target_delay_us);
    set_seconds(out, "jitterBufferMinimumDelay", report->as.inbound_rtp.jitter_buffer_minimum_delay_us);
    set_number(out, "jitterBufferEmittedCount", report->as.inbound_rtp.jitter_buffer_emitted_count);
    set_time(out, "lastPacketReceivedTimestamp", report->as.inbound_rtp.last_packet_received_us);
    set_number(out, "nackCount", report->as.inbound_rtp.nack_count);
    set_playout(out, decoded, report->timestamp_us);
    if (!is_video) {
        set_number(out, "totalSamplesReceived", decoded->total_samples_received);
        set_number(out, "concealedSamples", decoded->concealed_samples);
        set_number(out, "concealmentEvents", decoded->concealment_events);
        json_object_set_new(out, "totalAudioEnergy", json_real(decoded->total_audio_energy));
        set_samples(out, "totalSamplesDuration", decoded->total_samples_received);
        return;
    }
    set_number(out, "framesReceived", report->as.inbound_rtp.frames_received);
    set_number(out, "framesDecoded", decoded->frames_decoded);
    set_number(out, "keyFramesDecoded", decoded->key_frames_decoded);
    set_number(out, "framesDropped", report->as.inbound_rtp.frames_dropped + decoded->frames_dropped);
    set_number(out, "frameWidth", decoded->frame_width);
    set_number(out, "frameHeight", decoded->frame_height);
    if (decoded->has_frames_per_second)
        set_number(out, "framesPerSecond", decoded->frames_per_second);
    set_seconds(out, "totalDecodeTime", decoded->total_decode_time_us);
    set_number(out, "freezeCount", decoded->freeze_count);
    set_seconds(out, "totalFreezesDuration", decoded->total_freezes_duration_us);
    set_number(out, "framesAssembledFromMultiplePackets", report->as.inbound_rtp.frames_assembled_from_multiple_packets);
    set_seconds(out, "totalAssemblyTime", report->as.inbound_rtp.total_assembly_time_us);
    set_number(out, "pliCount", report->as.inbound_rtp.pli_count);
    set_number(out, "firCount", report->as.inbound_rtp.fir_count);
}

static void add_outbound(const struct call *call, json_t *out, const struct peer_statistics *report) {
    const struct media_sender_statistics none = {0};
    const struct call_media *media = media_of(call, report->as.outbound_rtp.transceiver);
    const struct media_sender_statistics *encoded = media ? &media->sent : &none;
    set_text(out, "kind", peer_media_kind_name(report->as.outbound_rtp.kind));
    set_text(out, "mid", report->as.outbound_rtp.mid);
    set_number(out, "ssrc", report->as.outbound_rtp.ssrc);
    set_text(out, "transportId", report->as.outbound_rtp.transport_id);
    set_text(out, "codecId", report->as.outbound_rtp.codec_id);
    set_text(out, "remoteId", report->as.outbound_rtp.remote_id);
    set_text(out, "mediaSourceId", report->as.outbound_rtp.media_source_id);
    json_object_set_new(out, "active", json_boolean(report->as.outbound_rtp.active));
    set_number(out, "packetsSent", report->as.outbound_rtp.packets_sent);
    set_number(out, "bytesSent", report->as.outbound_rtp.bytes_sent);
    set_number(out, "headerBytesSent", report->as.outbound_rtp.header_bytes_sent);
    set_seconds(out, "totalPacketSendDelay", report->as.outbound_rtp.total_packet_send_delay_us);
    set_number(out, "targetBitrate", encoded->target_bitrate_bps);
    set_number(out, "nackCount", report->as.outbound_rtp.nack_count);
    if (report->as.outbound_rtp.kind != PEER_VIDEO)
        return;
    set_number(out, "framesSent", report->as.outbound_rtp.frames_sent);
    set_number(out, "hugeFramesSent", report->as.outbound_rtp.huge_frames_sent);
    set_number(out, "framesEncoded", encoded->frames_encoded);
    set_number(out, "keyFramesEncoded", encoded->key_frames_encoded);
    set_number(out, "frameWidth", encoded->frame_width);
    set_number(out, "frameHeight", encoded->frame_height);
    if (encoded->has_frames_per_second)
        set_number(out, "framesPerSecond", encoded->frames_per_second);
    set_seconds(out, "totalEncodeTime", encoded->total_encode_time_us);
    set_number(out, "pliCount", report->as.outbound_rtp.pli_count);
    set_number(out, "firCount", report->as.outbound_rtp.fir_count);
}

static void add_remote_inbound(json_t *out, const struct peer_statistics *report) {
    set_text(out, "kind", peer_media_kind_name(report->as.remote_inbound_rtp.kind));
    set_number(out, "ssrc", report->as.remote_inbound_rtp.ssrc);
    set_text(out, "localId", report->as.remote_inbound_rtp.local_id);
    set_text(out, "codecId", report->as.remote_inbound_rtp.codec_id);
    set_text(out, "transportId", report->as.remote_inbound_rtp.transport_id);
    set_number(out, "packetsReceived", report->as.remote_inbound_rtp.packets_received);
    json_object_set_new(out, "packetsLost", json_integer(report->as.remote_inbound_rtp.packets_lost));
    json_object_set_new(out, "fractionLost", json_real(report->as.remote_inbound_rtp.fraction_lost));
    set_seconds(out, "jitter", report->as.remote_inbound_rtp.jitter_us);
    if (report->as.remote_inbound_rtp.round_trip_time_measurements) {
        set_seconds(out, "roundTripTime", report->as.remote_inbound_rtp.round_trip_time_us);
        set_seconds(out, "totalRoundTripTime", report->as.remote_inbound_rtp.total_round_trip_time_us);
        set_number(out, "roundTripTimeMeasurements", report->as.remote_inbound_rtp.round_trip_time_measurements);
    }
}

static void add_remote_outbound(json_t *out, const struct peer_statistics *report) {
    set_text(out, "kind", peer_media_kind_name(report->as.remote_outbound_rtp.kind));
    set_number(out, "ssrc", report->as.remote_outbound_rtp.ssrc);
    set_text(out, "localId", report->as.remote_outbound_rtp.local_id);
    set_text(out, "codecId", report->as.remote_outbound_rtp.codec_id);
    set_text(out, "transportId", report->as.remote_outbound_rtp.transport_id);
    set_number(out, "packetsSent", report->as.remote_outbound_rtp.packets_sent);
    set_number(out, "bytesSent", report->as.remote_outbound_rtp.bytes_sent);
    set_number(out, "reportsSent", report->as.remote_outbound_rtp.reports_sent);
    json_object_set_new(out, "remoteTimestamp", json_real((double)report->as.remote_outbound_rtp.remote_timestamp_unix_us / 1e3));
}

/* What the source counts: before it is encoded. A file that is sent as it is has no samples whose energy could be known. */
static void add_media_source(const struct call *call, json_t *out, const struct peer_statistics *report) {
    const struct call_media *media = media_of(call, report->as.media_source.transceiver);
    set_text(out, "kind", peer_media_kind_name(report->as.media_source.kind));
    set_text(out, "trackIdentifier", report->as.media_source.track_identifier);
    if (!media || media->sent.frames_captured == 0)
        return;
    if (report->as.media_source.kind == PEER_AUDIO) {
        set_samples(out, "totalSamplesDuration", media->sent.total_samples_captured);
        if (media->sent.target_bitrate_bps != 0)
            json_object_set_new(out, "totalAudioEnergy", json_real(media->sent.total_audio_energy));
        return;
    }
    set_number(out, "frames", media->sent.frames_captured);
    if (media->sent.has_source_frames_per_second)
        set_number(out, "framesPerSecond", media->sent.source_frames_per_second);
    if (media->sent.frame_width == 0)
        return;
    set_number(out, "width", media->sent.frame_width);
    set_number(out, "height", media->sent.frame_height);
}

static void add_data_channel(json_t *out, const struct peer_statistics *report) {
    set_text(out, "label", report->as.data_channel.label);
    set_text(out, "protocol", report->as.data_channel.protocol);
    set_number(out, "dataChannelIdentifier", report->as.data_channel.data_channel_identifier);
    set_text(out, "state", report->as.data_channel.state);
    set_number(out, "messagesSent", report->as.data_channel.messages_sent);
    set_number(out, "bytesSent", report->as.data_channel.bytes_sent);
    set_number(out, "messagesReceived", report->as.data_channel.messages_received);
    set_number(out, "bytesReceived", report->as.data_channel.bytes_received);
}

/* W3C webrtc-stats, srtpCipher: the name of IANA's registry of DTLS-SRTP protection profiles (RFC 5764 section 4.1.2, RFC 7714 section 14.2). */
static const char *srtp_cipher(enum dtls_srtp_profile profile) {
    switch (profile) {
    case DTLS_SRTP_AES128_CM_HMAC_SHA1_80: return "SRTP_AES128_CM_HMAC_SHA1_80";
    case DTLS_SRTP_AEAD_AES_128_GCM: return "SRTP_AEAD_AES_128_GCM";
    case DTLS_SRTP_AEAD_AES_256_GCM: return "SRTP_AEAD_AES_256_GCM";
    }
    return NULL;
}

/* W3C webrtc-stats: the name that IANA has registered. Those that dtls/ offers; another is told by its number. */
static void set_cipher(json_t *out, uint16_t cipher) {
    static const struct {
        uint16_t number;
        const char *name;
    } names[] = {
        {0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
        {0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
        {0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
        {0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"},
        {0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
        {0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].number == cipher) {
            set_text(out, "dtlsCipher", names[i].name);
            return;
        }
    json_object_set_new(out, "dtlsCipher", json_sprintf("0x%04X", (unsigned)cipher));
}

static void add_transport(json_t *out, const struct peer_statistics *report) {
    set_number(out, "packetsSent", report->as.transport.packets_sent);
    set_number(out, "packetsReceived", report->as.transport.packets_received);
    set_number(out, "bytesSent", report->as.transport.bytes_sent);
    set_number(out, "bytesReceived", report->as.transport.bytes_received);
    set_text(out, "iceRole", report->as.transport.ice_role == ICE_ROLE_CONTROLLING ? "controlling" : "controlled");
    set_text(out, "iceState", ice_state_name(report->as.transport.ice_state));
    set_text(out, "iceLocalUsernameFragment", report->as.transport.ice_local_username_fragment);
    set_text(out, "dtlsState", dtls_transport_state_name(report->as.transport.dtls_state));
    /* W3C webrtc-stats, RTCTransportStats: the role is unknown before the handshake begins. */
    bool has_begun = report->as.transport.dtls_started_us != 0;
    set_text(out, "dtlsRole", !has_begun ? "unknown" : report->as.transport.dtls_role == DTLS_ROLE_CLIENT ? "client" : "server");
    if (report->as.transport.dtls_connected_us != 0)
        set_text(out, "srtpCipher", srtp_cipher(report->as.transport.srtp_profile));
    if (report->as.transport.tls_version != 0) {
        json_object_set_new(out, "tlsVersion", json_sprintf("%04X", (unsigned)report->as.transport.tls_version));
        set_cipher(out, report->as.transport.dtls_cipher);
    }
    set_number(out, "selectedCandidatePairChanges", report->as.transport.selected_candidate_pair_changes);
    set_text(out, "selectedCandidatePairId", report->as.transport.selected_candidate_pair_id);
    set_text(out, "localCertificateId", report->as.transport.local_certificate_id);
    set_text(out, "remoteCertificateId", report->as.transport.remote_certificate_id);
}

static void add_pair(json_t *out, const struct peer_statistics *report) {
    const struct ice_pair_statistics *pair = &report->as.candidate_pair.pair;
    set_text(out, "transportId", report->as.candidate_pair.transport_id);
    set_text(out, "localCandidateId", report->as.candidate_pair.local_candidate_id);
    set_text(out, "remoteCandidateId", report->as.candidate_pair.remote_candidate_id);
    set_text(out, "state", ice_pair_state_name(pair->state));
    json_object_set_new(out, "nominated", json_boolean(pair->nominated));
    set_number(out, "packetsSent", pair->packets_sent);
    set_number(out, "packetsReceived", pair->packets_received);
    set_number(out, "bytesSent", pair->bytes_sent);
    set_number(out, "bytesReceived", pair->bytes_received);
    set_time(out, "lastPacketSentTimestamp", pair->last_sent_us);
    set_time(out, "lastPacketReceivedTimestamp", pair->last_received_us);
    set_number(out, "requestsSent", pair->requests_sent);
    set_number(out, "responsesReceived", pair->responses_received);
    set_number(out, "requestsReceived", pair->requests_received);
    set_number(out, "responsesSent", pair->responses_sent);
    set_number(out, "consentRequestsSent", pair->consent_requests_sent);
    if (pair->responses_received != 0)
        set_seconds(out, "currentRoundTripTime", pair->current_round_trip_us);
    set_seconds(out, "totalRoundTripTime", pair->total_round_trip_us);
}

static const char *tcp_type_name(enum ice_tcp_type type) {
    return type == ICE_TCP_ACTIVE ? "active" : type == ICE_TCP_PASSIVE ? "passive" : "so";
}

static void add_candidate(const struct call *call, json_t *out, const struct peer_statistics *report) {
    const struct ice_candidate *candidate = report->as.candidate.candidate;
    char address[STUN_ADDRESS_TEXT_BYTES];
    set_text(out, "transportId", report->as.candidate.transport_id);
    if (!candidate)
        return;
    if (candidate->hostname[0]) /* W3C webrtc-stats: a candidate behind an mDNS name shows the name */
        set_text(out, "address", candidate->hostname);
    else if (stun_address_write_ip(&candidate->address, address, sizeof address))
        set_text(out, "address", address);
    set_number(out, "port", candidate->address.port);
    set_text(out, "protocol", candidate->protocol == ICE_PROTOCOL_UDP ? "udp" : "tcp");
    if (candidate->tcp_type != ICE_TCP_NONE)
        set_text(out, "tcpType", tcp_type_name(candidate->tcp_type));
    set_text(out, "candidateType", ice_candidate_type_name(candidate->type));
    set_number(out, "priority", candidate->priority);
    set_text(out, "foundation", candidate->foundation);
    set_text(out, "usernameFragment", candidate->ufrag);
    if (stun_address_write_ip(&candidate->related, address, sizeof address)) {
        set_text(out, "relatedAddress", address);
        set_number(out, "relatedPort", candidate->related.port);
    }
    call_set_server(call, out, candidate);
}

static void add_codec(json_t *out, const struct peer_statistics *report) {
    set_number(out, "payloadType", report->as.codec.payload_type);
    set_text(out, "mimeType", report->as.codec.mime_type);
    set_number(out, "clockRate", report->as.codec.clock_rate);
    if (report->as.codec.channels)
        set_number(out, "channels", report->as.codec.channels);
    set_text(out, "sdpFmtpLine", report->as.codec.sdp_fmtp_line);
    set_text(out, "transportId", report->as.codec.transport_id);
}

/* It was authenticated by its fingerprint; how long it is, is the peer's choice. */
static void set_certificate(const struct call *call, json_t *out, size_t number) {
    size_t length = peer_connection_certificate(call->connection, number, NULL, 0), text_bytes = (length + 2) / 3 * 4 + 1;
    uint8_t *der = malloc(length + text_bytes);
    if (der && length > 0 && length <= CALL_CERTIFICATE_MAX_BYTES && peer_connection_certificate(call->connection, number, der, length) == length) {
        (void)EVP_EncodeBlock(der + length, der, (int)length);
        json_object_set_new(out, "base64Certificate", json_string((const char *)der + length));
    }
    free(der);
}

static void add_certificate(const struct call *call, json_t *out, const struct peer_statistics *report) {
    const char *space = strchr(report->as.certificate.fingerprint, ' ');
    if (!space)
        return;
    json_object_set_new(out, "fingerprintAlgorithm",
                        json_stringn(report->as.certificate.fingerprint, (size_t)(space - report->as.certificate.fingerprint)));
    set_text(out, "fingerprint", space + 1);
    set_certificate(call, out, report->as.certificate.number);
}

static json_t *one_dictionary(const struct call *call, const struct peer_statistics *report) {
    json_t *out = json_pack("{s:s,s:s,s:f}", "id", report->id, "type", peer_statistics_type_name(report->type), "timestamp", time_ms(report->timestamp_us));
    if (!out)
        return NULL;
    switch (report->type) {
    case PEER_STATISTICS_CODEC:
        add_codec(out, report);
        break;
    case PEER_STATISTICS_INBOUND_RTP:
        add_inbound(call, out, report);
        break;
    case PEER_STATISTICS_OUTBOUND_RTP:
        add_outbound(call, out, report);
        break;
    case PEER_STATISTICS_REMOTE_INBOUND_RTP:
        add_remote_inbound(out, report);
        break;
    case PEER_STATISTICS_REMOTE_OUTBOUND_RTP:
        add_remote_outbound(out, report);
        break;
    case PEER_STATISTICS_MEDIA_SOURCE:
        add_media_source(call, out, report);
        break;
    case PEER_STATISTICS_PEER_CONNECTION:
        set_number(out, "dataChannelsOpened", report->as.peer_connection.data_channels_opened);
        set_number(out, "dataChannelsClosed", report->as.peer_connection.data_channels_closed);
        break;
    case PEER_STATISTICS_DATA_CHANNEL:
        add_data_channel(out, report);
        break;
    case PEER_STATISTICS_TRANSPORT:
        add_transport(out, report);
        break;
    case PEER_STATISTICS_CANDIDATE_PAIR:
        add_pair(out, report);
        break;
    case PEER_STATISTICS_LOCAL_CANDIDATE:
    case PEER_STATISTICS_REMOTE_CANDIDATE:
        add_candidate(call, out, report);
        break;
    case PEER_STATISTICS_CERTIFICATE:
        add_certificate(call, out, report);
        break;
    }
    return out;
}

json_t *call_statistics_json(const struct call *call) {
    json_t *all = json_object();
    if (!call->connection)
        return all;
    struct peer_statistics report;
    size_t cursor = 0;
    while (peer_connection_statistics(call->connection, &cursor, &report)) {
        json_t *dictionary = one_dictionary(call, &report);
        if (dictionary)
            json_object_set_new(all, report.id, dictionary);
    }
    return all;
}
