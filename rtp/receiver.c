/* One incoming stream: which source it follows, and what of it goes into the jitter buffer. */
#include <string.h>

#include "rtp/session_internal.h"

static bool config_valid(const struct rtp_receiver_config *config) {
    if ((config->mid != NULL && strlen(config->mid) > RTP_MID_MAX_BYTES) || config->payload_types == NULL ||
        config->payload_type_count == 0 || config->payload_type_count > RTP_RECEIVER_PAYLOAD_TYPES_MAX) {
        return false;
    }
    uint64_t least_us = config->delay_min_us != 0 ? config->delay_min_us : RTP_DELAY_MIN_US;
    uint64_t most_us = config->delay_max_us != 0 ? config->delay_max_us : RTP_DELAY_MAX_US;
    if (least_us > most_us) {
        return false;
    }
    const struct rtp_payload_format *first = rtp_payload_format(config->payload_types[0].codec);
    for (size_t i = 0; i < config->payload_type_count; i++) {
        const struct rtp_payload_format *format = rtp_payload_format(config->payload_types[i].codec);
        /* Audio and video do not share an m= section. */
        if (format == NULL || config->payload_types[i].payload_type > 127 || format->video != first->video) {
            return false;
        }
    }
    return true;
}

int rtp_receiver_new(struct rtp_session *session, const struct rtp_receiver_config *config, struct rtp_receiver **out) {
    if (!config_valid(config)) {
        return RTP_ERROR_ARGUMENT;
    }
    bool video = rtp_payload_format(config->payload_types[0].codec)->video;
    size_t budget = session->config.memory_budget_bytes;
    size_t buffer_bytes = rtp_jitter_buffer_bytes(video);
    if (session->statistics.memory_bytes + buffer_bytes + sizeof(struct rtp_receiver) > budget) {
        return RTP_ERROR_CAPACITY;
    }
    struct rtp_receiver *receiver = rtp_session_allocate(session, sizeof *receiver);
    if (receiver == NULL) {
        return RTP_ERROR_CAPACITY;
    }
    receiver->memory_bytes = sizeof *receiver;
    receiver->buffer = rtp_jitter_buffer_new(video, config->delay_min_us, config->delay_max_us, &session->allocator);
    if (receiver->buffer == NULL) {
        rtp_receiver_free(session, receiver);
        return RTP_ERROR_CAPACITY;
    }
    session->statistics.memory_bytes += buffer_bytes;
    receiver->memory_bytes += buffer_bytes;
    if (config->mid != NULL) {
        memcpy(receiver->mid, config->mid, strlen(config->mid) + 1);
    }
    receiver->payload_type_count = config->payload_type_count;
    for (size_t i = 0; i < config->payload_type_count; i++) {
        receiver->payload_types[i] = config->payload_types[i];
        if (receiver->payload_types[i].clock_rate_hz == 0) {
            receiver->payload_types[i].clock_rate_hz = rtp_payload_format(config->payload_types[i].codec)->clock_rate_hz;
        }
    }
    receiver->send_pli = config->send_pli && video;
    receiver->pli_us = RTP_NEVER;
    *out = receiver;
    return RTP_OK;
}

void rtp_receiver_free(struct rtp_session *session, struct rtp_receiver *receiver) {
    rtp_jitter_buffer_free(receiver->buffer);
    rtp_session_release(session, receiver, receiver->memory_bytes);
}

const struct rtp_payload_mapping *rtp_receiver_mapping(const struct rtp_receiver *receiver, uint8_t payload_type) {
    for (size_t i = 0; i < receiver->payload_type_count; i++) {
        if (receiver->payload_types[i].payload_type == payload_type) {
            return &receiver->payload_types[i];
        }
    }
    return NULL;
}

/* ---- the source ------------------------------------------------------------------------------------------------------ */

/* The first source is trusted at once: SRTP has vouched for it, and probation would cost the first key frame. Another
 * SSRC takes over after its probation (RFC 3550 appendix A.1). */
static enum rtp_reception_verdict judge_source(struct rtp_receiver *receiver, const struct rtp_packet *packet, uint32_t clock_rate_hz, uint64_t *extended) {
    if (!receiver->has_source) {
        rtp_reception_start(&receiver->source, packet->ssrc, clock_rate_hz, packet->sequence_number, 0);
        receiver->has_source = true;
    }
    if (packet->ssrc == receiver->source.ssrc) {
        return rtp_reception_packet(&receiver->source, packet->sequence_number, extended);
    }
    if (!receiver->has_candidate || receiver->candidate.ssrc != packet->ssrc) {
        rtp_reception_start(&receiver->candidate, packet->ssrc, clock_rate_hz, packet->sequence_number, RTP_MIN_SEQUENTIAL);
        receiver->has_candidate = true;
    }
    enum rtp_reception_verdict verdict = rtp_reception_packet(&receiver->candidate, packet->sequence_number, extended);
    if (verdict == RTP_RECEPTION_IGNORED) {
        return verdict;
    }
    receiver->source = receiver->candidate;
    receiver->has_candidate = false;
    return RTP_RECEPTION_RESTARTED;
}

int rtp_receiver_take(struct rtp_receiver *receiver, uint64_t now_us, const struct rtp_packet *packet, size_t packet_bytes) {
    const struct rtp_payload_mapping *mapping = rtp_receiver_mapping(receiver, packet->payload_type);
    if (mapping == NULL) {
        return RTP_ERROR_UNKNOWN_SOURCE;
    }
    struct rtp_payload payload = {0};
    if (packet->payload_bytes > 0 &&
        rtp_payload_format(mapping->codec)->parse(packet->payload, packet->payload_bytes, &payload) != RTP_OK) {
        receiver->statistics.packets_malformed++;
        return RTP_ERROR_MALFORMED;
    }
    uint64_t extended = 0;
    switch (judge_source(receiver, packet, mapping->clock_rate_hz, &extended)) {
    case RTP_RECEPTION_IGNORED:
        return RTP_ERROR_UNKNOWN_SOURCE;
    case RTP_RECEPTION_RESTARTED:
        rtp_jitter_buffer_reset(receiver->buffer);
        break;
    case RTP_RECEPTION_VALID:
        break;
    }
    receiver->statistics.packets_received++;
    receiver->statistics.bytes_received += packet->payload_bytes;
    receiver->statistics.header_bytes_received += packet_bytes - packet->payload_bytes;
    receiver->statistics.last_packet_received_us = now_us;
    int error = rtp_jitter_buffer_insert(receiver->buffer, now_us, extended, mapping->codec, mapping->clock_rate_hz, packet, &payload);
    if (error == RTP_OK) {
        rtp_reception_arrival(&receiver->source, now_us, packet->timestamp);
    }
    return error;
}

uint64_t rtp_receiver_pli_us(const struct rtp_receiver *receiver) {
    if (!receiver->send_pli || !receiver->has_source ||
        !(receiver->key_frame_requested || rtp_jitter_buffer_wants_key_frame(receiver->buffer))) {
        return RTP_NEVER;
    }
    return receiver->pli_us == RTP_NEVER ? 0 : receiver->pli_us + RTP_KEY_FRAME_REQUEST_INTERVAL_US;
}

void rtp_receiver_statistics(const struct rtp_receiver *receiver, struct rtp_receiver_statistics *out) {
    *out = receiver->statistics;
    rtp_jitter_buffer_statistics(receiver->buffer, out);
    if (!receiver->has_source) {
        return;
    }
    out->ssrc = receiver->source.ssrc;
    out->packets_lost = rtp_reception_lost(&receiver->source);
    out->jitter_us = (uint64_t)(receiver->source.jitter_q4 >> 4) * 1000000 / receiver->source.clock_rate_hz;
    out->has_remote_report = receiver->source.has_report;
    out->remote_packets_sent = receiver->source.report.packet_count;
    out->remote_bytes_sent = receiver->source.report.octet_count;
    out->remote_reports_sent = receiver->source.reports;
}
