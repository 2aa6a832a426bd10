/* One incoming stream: which source it follows, and what of it goes into the jitter buffer. */
#include <string.h>

#include "rtp/session_internal.h"

/* What a receiver takes both at first and later. */
static bool agreement_valid(const struct rtp_receiver_config *config) {
    if ((config->mid != NULL && strlen(config->mid) > RTP_MID_MAX_BYTES) || config->payload_types == NULL ||
        config->payload_type_count == 0 || config->payload_type_count > RTP_RECEIVER_PAYLOAD_TYPES_MAX ||
        config->ssrc_count > RTP_RECEIVER_SSRCS_MAX || (config->ssrcs == NULL && config->ssrc_count > 0)) {
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

static bool delays_valid(const struct rtp_receiver_config *config) {
    uint64_t least_us = config->delay_min_us != 0 ? config->delay_min_us : RTP_DELAY_MIN_US;
    uint64_t most_us = config->delay_max_us != 0 ? config->delay_max_us : RTP_DELAY_MAX_US;
    return least_us <= most_us;
}

static void take_agreement(struct rtp_receiver *receiver, const struct rtp_receiver_config *config) {
    receiver->mid[0] = '\0';
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
    receiver->ssrc_count = config->ssrc_count;
    for (size_t i = 0; i < config->ssrc_count; i++) {
        receiver->ssrcs[i] = config->ssrcs[i];
    }
    receiver->paused = config->paused;
    receiver->synchronisation_group = config->synchronisation_group;
    receiver->send_pli = config->send_pli && receiver->video;
}

int rtp_receiver_new(struct rtp_session *session, const struct rtp_receiver_config *config, struct rtp_receiver **out) {
    if (!agreement_valid(config) || !delays_valid(config)) {
        return RTP_ERROR_ARGUMENT;
    }
    struct rtp_receiver *receiver = rtp_session_allocate(session, sizeof *receiver);
    if (receiver == NULL) {
        return RTP_ERROR_CAPACITY;
    }
    receiver->video = rtp_payload_format(config->payload_types[0].codec)->video;
    receiver->delay_min_us = config->delay_min_us;
    receiver->delay_max_us = config->delay_max_us;
    receiver->pli_us = RTP_NEVER;
    take_agreement(receiver, config);
    *out = receiver;
    return RTP_OK;
}

void rtp_receiver_free(struct rtp_session *session, struct rtp_receiver *receiver) {
    if (receiver->buffer != NULL) {
        rtp_jitter_buffer_free(receiver->buffer);
        session->statistics.memory_bytes -= rtp_jitter_buffer_bytes(receiver->video);
    }
    rtp_session_release(session, receiver, sizeof *receiver);
}

/* The memory for packets comes with the first of them. */
static bool take_buffer(struct rtp_session *session, struct rtp_receiver *receiver) {
    size_t bytes = rtp_jitter_buffer_bytes(receiver->video);
    if (receiver->buffer == NULL && bytes <= session->config.memory_budget_bytes - session->statistics.memory_bytes) {
        receiver->buffer = rtp_jitter_buffer_new(receiver->video, receiver->delay_min_us, receiver->delay_max_us, &session->allocator);
        session->statistics.memory_bytes += receiver->buffer != NULL ? bytes : 0;
    }
    return receiver->buffer != NULL;
}

int rtp_receiver_update(struct rtp_receiver *receiver, const struct rtp_receiver_config *config) {
    if (!agreement_valid(config) || rtp_payload_format(config->payload_types[0].codec)->video != receiver->video) {
        return RTP_ERROR_ARGUMENT;
    }
    if (config->paused && !receiver->paused) {
        receiver->source_stale = true;
        receiver->key_frame_requested = false;
        if (receiver->buffer != NULL) {
            rtp_jitter_buffer_reset(receiver->buffer);
        }
    }
    take_agreement(receiver, config);
    return RTP_OK;
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

bool rtp_receiver_knows(const struct rtp_receiver *receiver, uint32_t ssrc) {
    return (receiver->has_source && receiver->source.ssrc == ssrc) || (receiver->has_candidate && receiver->candidate.ssrc == ssrc);
}

void rtp_receiver_signal(struct rtp_receiver *receiver, uint32_t ssrc) {
    bool known = false;
    for (size_t i = 0; i < receiver->ssrc_count; i++) {
        known = known || receiver->ssrcs[i] == ssrc;
    }
    /* Beyond the limit it is found by MID or payload type, as without a signal. */
    if (!known && receiver->ssrc_count < RTP_RECEIVER_SSRCS_MAX) {
        receiver->ssrcs[receiver->ssrc_count++] = ssrc;
    }
}

/* The losses of the source so far stay in the statistics. */
static void close_source(struct rtp_receiver *receiver) {
    if (receiver->has_source) {
        receiver->statistics.packets_lost += rtp_reception_lost(&receiver->source);
    }
    receiver->source_stale = receiver->source_left = false;
}

void rtp_receiver_forget(struct rtp_receiver *receiver, uint32_t ssrc) {
    if (receiver->has_candidate && receiver->candidate.ssrc == ssrc) {
        receiver->has_candidate = false;
    }
    if (receiver->has_source && receiver->source.ssrc == ssrc) {
        close_source(receiver);
        receiver->has_source = receiver->key_frame_requested = false;
        rtp_jitter_buffer_reset(receiver->buffer);
    }
}

/* May another SSRC take the place of the source? Its MID or a=ssrc line says so; a payload type alone does only when the source is gone. */
static bool may_replace(const struct rtp_receiver *receiver, uint64_t now_us, bool by_payload_type) {
    return !by_payload_type || receiver->source_left || now_us - receiver->statistics.last_packet_received_us >= RTP_SOURCE_SILENCE_US;
}

/* The first source is trusted at once: SRTP has vouched for it, and probation would cost the first key frame. Another
 * SSRC takes over after its probation (RFC 3550 appendix A.1). */
static enum rtp_reception_verdict judge_source(struct rtp_receiver *receiver, uint64_t now_us, const struct rtp_packet *packet,
                                               uint32_t clock_rate_hz, bool by_payload_type, uint64_t *extended) {
    bool restarted = receiver->has_source && receiver->source_stale && packet->ssrc == receiver->source.ssrc;
    if (!receiver->has_source || restarted) {
        close_source(receiver);
        rtp_reception_start(&receiver->source, packet->ssrc, clock_rate_hz, packet->sequence_number, 0);
        receiver->has_source = true;
    }
    if (packet->ssrc == receiver->source.ssrc) {
        enum rtp_reception_verdict verdict = rtp_reception_packet(&receiver->source, packet->sequence_number, extended);
        return restarted && verdict == RTP_RECEPTION_VALID ? RTP_RECEPTION_RESTARTED : verdict;
    }
    if (!may_replace(receiver, now_us, by_payload_type)) {
        return RTP_RECEPTION_IGNORED;
    }
    if (!receiver->has_candidate || receiver->candidate.ssrc != packet->ssrc) {
        rtp_reception_start(&receiver->candidate, packet->ssrc, clock_rate_hz, packet->sequence_number, RTP_MIN_SEQUENTIAL);
        receiver->has_candidate = true;
    }
    enum rtp_reception_verdict verdict = rtp_reception_packet(&receiver->candidate, packet->sequence_number, extended);
    if (verdict == RTP_RECEPTION_IGNORED) {
        return verdict;
    }
    close_source(receiver);
    receiver->source = receiver->candidate;
    receiver->has_candidate = false;
    return RTP_RECEPTION_RESTARTED;
}

/* What a packet says, and whether this receiver wants it at all. */
static int parse_payload(struct rtp_receiver *receiver, const struct rtp_payload_mapping *mapping, const struct rtp_packet *packet,
                         struct rtp_payload *payload) {
    /* RFC 9143 section 9.2: the payload type must be one of the section, however its SSRC was found. */
    if (mapping == NULL) {
        return RTP_ERROR_UNKNOWN_SOURCE;
    }
    int error = RTP_OK;
    if (mapping->codec == RTP_CODEC_TELEPHONE_EVENT) {
        error = packet->payload_bytes == 0 || rtp_telephone_event_count(packet->payload_bytes) > 0 ? RTP_OK : RTP_ERROR_MALFORMED;
    } else if (packet->payload_bytes > 0) {
        error = rtp_payload_format(mapping->codec)->parse(packet->payload, packet->payload_bytes, payload);
    }
    if (error != RTP_OK) {
        receiver->statistics.packets_malformed++;
        return RTP_ERROR_MALFORMED;
    }
    return RTP_OK;
}

static void count_packet(struct rtp_receiver *receiver, uint64_t now_us, const struct rtp_payload_mapping *mapping, const struct rtp_packet *packet,
                         size_t packet_bytes) {
    receiver->source_left = false;
    receiver->statistics.packets_received++;
    receiver->statistics.bytes_received += packet->payload_bytes;
    receiver->statistics.header_bytes_received += packet_bytes - packet->payload_bytes;
    receiver->statistics.last_packet_received_us = now_us;
    if (mapping->codec != RTP_CODEC_TELEPHONE_EVENT || receiver->statistics.clock_rate_hz == 0) {
        receiver->statistics.payload_type = mapping->payload_type;
        receiver->statistics.codec = mapping->codec;
        receiver->statistics.clock_rate_hz = mapping->clock_rate_hz;
    }
}

int rtp_receiver_take(struct rtp_session *session, uint64_t now_us, struct rtp_receiver *receiver, const struct rtp_packet *packet,
                      size_t packet_bytes, bool by_payload_type) {
    const struct rtp_payload_mapping *mapping = rtp_receiver_mapping(receiver, packet->payload_type);
    struct rtp_payload payload = {0};
    int error = parse_payload(receiver, mapping, packet, &payload);
    if (error != RTP_OK) {
        return error;
    }
    if (receiver->paused) {
        receiver->statistics.packets_discarded++;
        return RTP_ERROR_STALE;
    }
    if (!take_buffer(session, receiver)) {
        receiver->statistics.packets_discarded++;
        return RTP_ERROR_CAPACITY;
    }
    uint64_t extended = 0;
    switch (judge_source(receiver, now_us, packet, mapping->clock_rate_hz, by_payload_type, &extended)) {
    case RTP_RECEPTION_IGNORED:
        return RTP_ERROR_UNKNOWN_SOURCE;
    case RTP_RECEPTION_RESTARTED:
        rtp_jitter_buffer_reset(receiver->buffer);
        rtp_tone_receiver_restart(&receiver->tones);
        break;
    case RTP_RECEPTION_VALID:
        break;
    }
    rtp_reception_set_clock_rate(&receiver->source, mapping->clock_rate_hz);
    count_packet(receiver, now_us, mapping, packet, packet_bytes);
    if (mapping->codec == RTP_CODEC_TELEPHONE_EVENT) {
        /* In the jitter buffer it only takes its place in the sequence. */
        (void)rtp_tone_receiver_take(&receiver->tones, now_us, mapping->clock_rate_hz, packet->timestamp, packet->marker, packet->payload, packet->payload_bytes);
    }
    error = rtp_jitter_buffer_insert(receiver->buffer, now_us, extended, mapping->codec, mapping->clock_rate_hz, packet, &payload);
    if (error == RTP_OK) {
        /* RFC 4733 section 2.2.1: the jitter is calculated over all packets, those of one event with one timestamp too. */
        rtp_reception_arrival(&receiver->source, now_us, packet->timestamp);
    }
    return error;
}

uint64_t rtp_receiver_pli_us(const struct rtp_receiver *receiver) {
    if (!receiver->send_pli || !receiver->has_source || receiver->paused || rtp_jitter_buffer_holds_key_frame(receiver->buffer) ||
        !(receiver->key_frame_requested || rtp_jitter_buffer_wants_key_frame(receiver->buffer))) {
        return RTP_NEVER;
    }
    return receiver->pli_us == RTP_NEVER ? 0 : receiver->pli_us + RTP_KEY_FRAME_REQUEST_INTERVAL_US;
}

void rtp_receiver_statistics(const struct rtp_receiver *receiver, struct rtp_receiver_statistics *out) {
    *out = receiver->statistics;
    if (receiver->buffer != NULL) {
        rtp_jitter_buffer_statistics(receiver->buffer, out);
    }
    if (!receiver->has_source) {
        return;
    }
    out->ssrc = receiver->source.ssrc;
    out->packets_lost += rtp_reception_lost(&receiver->source);
    out->jitter_us = (uint64_t)(receiver->source.jitter_q4 >> 4) * 1000000 / receiver->source.clock_rate_hz;
    out->has_remote_report = receiver->source.has_report;
    out->remote_report_us = receiver->source.report_us;
    out->remote_timestamp_unix_us = rtp_reception_unix_us(&receiver->source.report);
    out->remote_packets_sent = receiver->source.report.packet_count;
    out->remote_bytes_sent = receiver->source.report.octet_count;
    out->remote_reports_sent = receiver->source.reports;
}
