/* The counters of rtp/ in the dictionaries of getStats. Who they are about, and their ids, peer_statistics.c fills in. */
#include "app/peer/peer_media_internal.h"

static uint32_t short_us(uint64_t value_us) {
    return value_us > UINT32_MAX ? UINT32_MAX : (uint32_t)value_us;
}

static const struct peer_transceiver_entry *entry_at(const struct peer_connection *connection, size_t index) {
    return index < connection->transceiver_count ? connection->transceivers[index] : NULL;
}

/* A sender that has an SSRC, and a receiver that has heard one. */
static bool read_sender(const struct peer_connection *connection, size_t index, struct rtp_sender_statistics *out) {
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    if (!entry || !entry->sender)
        return false;
    rtp_sender_statistics(entry->sender, out);
    return true;
}

static bool read_receiver(const struct peer_connection *connection, size_t index, struct rtp_receiver_statistics *out) {
    const struct peer_transceiver_entry *entry = entry_at(connection, index);
    if (!entry || !entry->receiver)
        return false;
    rtp_receiver_statistics(entry->receiver, out);
    return out->ssrc != 0;
}

bool peer_media_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct rtp_receiver_statistics from;
    if (!read_receiver(connection, index, &from))
        return false;
    out->as.inbound_rtp.ssrc = from.ssrc;
    out->as.inbound_rtp.codec = peer_media_codec_of(from.codec);
    out->as.inbound_rtp.packets_received = from.packets_received;
    out->as.inbound_rtp.bytes_received = from.bytes_received;
    out->as.inbound_rtp.header_bytes_received = from.header_bytes_received;
    out->as.inbound_rtp.packets_lost = from.packets_lost;
    out->as.inbound_rtp.packets_discarded = from.packets_discarded;
    out->as.inbound_rtp.jitter_us = short_us(from.jitter_us);
    out->as.inbound_rtp.frames_received = from.frames_received;
    out->as.inbound_rtp.key_frames_received = from.key_frames_received;
    out->as.inbound_rtp.frames_dropped = from.frames_dropped;
    out->as.inbound_rtp.frames_assembled_from_multiple_packets = from.frames_assembled_from_multiple_packets;
    out->as.inbound_rtp.total_assembly_time_us = from.total_assembly_time_us;
    out->as.inbound_rtp.nack_count = from.nack_count;
    out->as.inbound_rtp.pli_count = from.pli_count;
    out->as.inbound_rtp.jitter_buffer_delay_us = from.jitter_buffer_delay_us;
    out->as.inbound_rtp.jitter_buffer_target_delay_us = from.jitter_buffer_target_delay_us;
    out->as.inbound_rtp.jitter_buffer_minimum_delay_us = from.jitter_buffer_minimum_delay_us;
    out->as.inbound_rtp.jitter_buffer_emitted_count = from.jitter_buffer_emitted_count;
    out->as.inbound_rtp.last_packet_received_us = from.last_packet_received_us;
    return true;
}

bool peer_media_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct rtp_sender_statistics from;
    if (!read_sender(connection, index, &from))
        return false;
    out->as.outbound_rtp.ssrc = from.ssrc;
    out->as.outbound_rtp.packets_sent = from.packets_sent;
    out->as.outbound_rtp.bytes_sent = from.bytes_sent;
    out->as.outbound_rtp.header_bytes_sent = from.header_bytes_sent;
    out->as.outbound_rtp.total_packet_send_delay_us = from.total_packet_send_delay_us;
    out->as.outbound_rtp.frames_sent = from.frames_sent;
    out->as.outbound_rtp.key_frames_sent = from.key_frames_sent;
    out->as.outbound_rtp.huge_frames_sent = from.huge_frames_sent;
    out->as.outbound_rtp.nack_count = from.nack_count;
    out->as.outbound_rtp.pli_count = from.pli_count;
    out->as.outbound_rtp.fir_count = from.fir_count;
    out->as.outbound_rtp.frames_refused = from.frames_refused;
    return true;
}

bool peer_media_remote_inbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct rtp_sender_statistics from;
    if (!read_sender(connection, index, &from) || !from.has_remote_report)
        return false;
    out->timestamp_us = from.remote_report_us;
    out->as.remote_inbound_rtp.ssrc = from.ssrc;
    out->as.remote_inbound_rtp.packets_received = from.remote_packets_received;
    out->as.remote_inbound_rtp.packets_lost = from.remote_packets_lost;
    out->as.remote_inbound_rtp.fraction_lost = from.remote_fraction_lost;
    out->as.remote_inbound_rtp.jitter_us = short_us(from.remote_jitter_us);
    out->as.remote_inbound_rtp.round_trip_time_us = from.round_trip_time_us;
    out->as.remote_inbound_rtp.total_round_trip_time_us = from.total_round_trip_time_us;
    out->as.remote_inbound_rtp.round_trip_time_measurements = from.round_trip_time_measurements;
    return true;
}

bool peer_media_remote_outbound(const struct peer_connection *connection, size_t index, struct peer_statistics *out) {
    struct rtp_receiver_statistics from;
    if (!read_receiver(connection, index, &from) || !from.has_remote_report)
        return false;
    out->timestamp_us = from.remote_report_us;
    out->as.remote_outbound_rtp.ssrc = from.ssrc;
    out->as.remote_outbound_rtp.packets_sent = from.remote_packets_sent;
    out->as.remote_outbound_rtp.bytes_sent = from.remote_bytes_sent;
    out->as.remote_outbound_rtp.reports_sent = from.remote_reports_sent;
    out->as.remote_outbound_rtp.remote_timestamp_unix_us = from.remote_timestamp_unix_us;
    return true;
}

bool peer_media_received_codec(const struct peer_connection *connection, size_t index, struct peer_received_codec *out) {
    struct rtp_receiver_statistics from;
    if (!read_receiver(connection, index, &from))
        return false;
    *out = (struct peer_received_codec){peer_media_codec_of(from.codec), from.payload_type, from.clock_rate_hz};
    return true;
}
