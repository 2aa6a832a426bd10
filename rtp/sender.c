/* One outgoing stream: frames cut into packets (RFC 3550 section 5.1), a history of them, and when each may leave. */
#include <string.h>

#include "rtp/bytes_internal.h"
#include "rtp/session_internal.h"

/* Pacing: packets of one frame leave this far apart, but all within the spread. */
#define PACE_PACKET_US 500u
#define PACE_SPREAD_MAX_US 10000u
#define ABS_SEND_TIME_BYTES 3

/* What a sender takes both at first and later. */
static bool agreement_valid(const struct rtp_sender_config *config) {
    return rtp_payload_format(config->codec) != NULL && config->payload_type <= 127 && config->telephone_event_payload_type <= 127 &&
           (config->mid == NULL || strlen(config->mid) <= RTP_MID_MAX_BYTES);
}

static bool config_valid(const struct rtp_sender_config *config) {
    size_t history = config->history_packets;
    return agreement_valid(config) &&
           (config->payload_max_bytes == 0 ||
            (config->payload_max_bytes >= RTP_PAYLOAD_MIN_BYTES && config->payload_max_bytes <= RTP_PAYLOAD_MAX_BYTES)) &&
           (history == 0 || (history >= RTP_HISTORY_MIN_PACKETS && history <= RTP_HISTORY_MAX_PACKETS && (history & (history - 1)) == 0));
}

static void take_agreement(struct rtp_sender *sender, const struct rtp_sender_config *config) {
    sender->format = rtp_payload_format(config->codec);
    sender->payload_type = config->payload_type;
    sender->clock_rate_hz = config->clock_rate_hz != 0 ? config->clock_rate_hz : sender->format->clock_rate_hz;
    sender->telephone_event = config->telephone_event;
    sender->telephone_event_payload_type = config->telephone_event_payload_type;
    sender->payload_state.single_nal_unit = config->single_nal_unit;
    sender->paused = config->paused;
    sender->mid[0] = '\0';
    if (config->mid != NULL) {
        memcpy(sender->mid, config->mid, strlen(config->mid) + 1);
    }
}

int rtp_sender_new(struct rtp_session *session, uint64_t now_us, const struct rtp_sender_config *config, struct rtp_sender **out) {
    if (!config_valid(config)) {
        return RTP_ERROR_ARGUMENT;
    }
    struct rtp_sender *sender = rtp_session_allocate(session, sizeof *sender);
    if (sender == NULL) {
        return RTP_ERROR_CAPACITY;
    }
    take_agreement(sender, config);
    sender->capacity = config->history_packets != 0 ? config->history_packets
                       : sender->format->video      ? RTP_HISTORY_VIDEO_PACKETS
                                                    : RTP_HISTORY_AUDIO_PACKETS;
    sender->payload_max_bytes = config->payload_max_bytes != 0 ? config->payload_max_bytes : RTP_PAYLOAD_DEFAULT_BYTES;
    sender->ssrc = config->ssrc != 0 ? config->ssrc : rtp_session_random_ssrc(session);
    sender->key_frame_event_us = RTP_NEVER;
    sender->last_capture_us = now_us;
    /* RFC 3550 section 5.1, SHOULD: sequence numbers and timestamps begin at random. */
    rtp_session_random(session, &sender->first_sequence, sizeof sender->first_sequence);
    rtp_session_random(session, &sender->timestamp_offset, sizeof sender->timestamp_offset);
    rtp_session_random(session, &sender->payload_state.picture_id, sizeof sender->payload_state.picture_id);
    sender->payload_state.picture_id &= 0x7FFF;
    sender->last_timestamp = sender->timestamp_offset;
    *out = sender;
    return RTP_OK;
}

static size_t history_bytes(const struct rtp_sender *sender) {
    return sender->capacity * (sizeof(struct rtp_history_slot) + sender->payload_max_bytes);
}

/* The memory for packets comes with the first frame. */
static bool take_history(struct rtp_session *session, struct rtp_sender *sender) {
    if (sender->slots != NULL) {
        return true;
    }
    sender->slots = rtp_session_allocate(session, history_bytes(sender));
    if (sender->slots == NULL) {
        return false;
    }
    sender->bytes = (uint8_t *)(sender->slots + sender->capacity);
    return true;
}

void rtp_sender_free(struct rtp_session *session, struct rtp_sender *sender) {
    if (sender->slots != NULL) {
        rtp_session_release(session, sender->slots, history_bytes(sender));
    }
    rtp_session_release(session, sender, sizeof *sender);
}

/* ---- changes --------------------------------------------------------------------------------------------------------- */

void rtp_sender_change_ssrc(struct rtp_session *session, struct rtp_sender *sender) {
    /* RFC 3550 section 6.3.7: who never sent anything says no BYE. */
    if (sender->statistics.packets_sent > 0) {
        rtp_session_queue_bye(session, sender->ssrc);
    }
    sender->ssrc = rtp_session_random_ssrc(session);
    sender->ssrc_changed = true;
    sender->ssrc_first = sender->sent;
    /* RFC 3550 section 6.4.1, SHOULD: the counts begin anew. So do those of a getStats dictionary, which is of one SSRC. */
    sender->statistics = (struct rtp_sender_statistics){0};
    sender->has_fir = false;
}

/* Also what a tone would still have sent: it has ended. */
static void drop_queued(struct rtp_sender *sender) {
    sender->queued = sender->sent;
    sender->tone_sent = sender->tone_sent || sender->tone.active;
    sender->tone.active = false;
}

int rtp_sender_update(struct rtp_session *session, struct rtp_sender *sender, const struct rtp_sender_config *config) {
    if (!agreement_valid(config) || rtp_payload_format(config->codec)->video != sender->format->video) {
        return RTP_ERROR_ARGUMENT;
    }
    uint32_t clock_rate_hz = sender->clock_rate_hz;
    bool needs_key_frame = (sender->paused && !config->paused) || sender->format->codec != config->codec;
    take_agreement(sender, config);
    if (clock_rate_hz != sender->clock_rate_hz) {
        /* RFC 7160 section 4.1, MUST: another clock rate has another SSRC, and the old one says BYE. */
        drop_queued(sender);
        rtp_sender_change_ssrc(session, sender);
    }
    if (sender->paused) {
        drop_queued(sender);
        sender->key_frame_requested = false;
    } else if (needs_key_frame && sender->format->video) {
        sender->key_frame_requested = true;
    }
    return RTP_OK;
}

uint32_t rtp_sender_ssrc(const struct rtp_sender *sender) {
    return sender->ssrc;
}

/* ---- frames in ------------------------------------------------------------------------------------------------------- */

static void queue_packet(struct rtp_sender *sender, struct rtp_packetizer *packetizer, const struct rtp_frame *frame, uint64_t now_us, uint64_t due_us) {
    size_t index = (size_t)(sender->queued & (sender->capacity - 1));
    bool last;
    size_t length = rtp_packetizer_next(packetizer, sender->bytes + index * sender->payload_max_bytes, &last);
    sender->slots[index] = (struct rtp_history_slot){
        .queued_us = now_us,
        .due_us = due_us,
        .timestamp = frame->timestamp + sender->timestamp_offset,
        .length = (uint16_t)length,
        .payload_type = sender->payload_type,
        /* RFC 7741 section 4.1, RFC 9628 section 4.1, RFC 6184 section 5.1: video has it on the last packet of a frame. RFC 7587
         * section 4.2: audio as RFC 3551 has it. */
        .marker = sender->format->video ? last : frame->marker,
    };
    sender->queued++;
}

static void count_frame(struct rtp_sender *sender, const struct rtp_frame *frame) {
    struct rtp_sender_statistics *statistics = &sender->statistics;
    /* W3C webrtc-stats, hugeFramesSent: 2.5 times the average size. */
    bool huge = statistics->frames_sent > 0 && frame->length * 2 * statistics->frames_sent >= statistics->frame_bytes * 5;
    statistics->huge_frames_sent += sender->format->video && huge;
    statistics->frames_sent++;
    statistics->frame_bytes += frame->length;
    statistics->key_frames_sent += frame->key_frame;
}

int rtp_sender_queue(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, const struct rtp_frame *frame) {
    struct rtp_packetizer packetizer;
    if (frame->capture_us > now_us ||
        rtp_packetizer_start(&packetizer, sender->format, &sender->payload_state, frame->bytes, frame->length, sender->payload_max_bytes) != RTP_OK) {
        return RTP_ERROR_ARGUMENT;
    }
    size_t count = rtp_packetizer_count(&packetizer);
    if (count > sender->capacity - (size_t)(sender->queued - sender->sent) || !take_history(session, sender)) {
        sender->statistics.frames_refused++;
        return RTP_ERROR_CAPACITY;
    }
    uint64_t interval = PACE_SPREAD_MAX_US / count < PACE_PACKET_US ? PACE_SPREAD_MAX_US / count : PACE_PACKET_US;
    interval = sender->format->video ? interval : 0;
    sender->pace_us = sender->pace_us > now_us ? sender->pace_us : now_us;
    for (size_t i = 0; i < count; i++) {
        queue_packet(sender, &packetizer, frame, now_us, sender->pace_us);
        sender->pace_us += interval;
    }
    rtp_payload_next_frame(&sender->payload_state);
    sender->last_timestamp = frame->timestamp + sender->timestamp_offset;
    sender->last_capture_us = frame->capture_us != 0 ? frame->capture_us : now_us;
    count_frame(sender, frame);
    return RTP_OK;
}

uint32_t rtp_sender_timestamp(const struct rtp_sender *sender, uint64_t now_us) {
    uint64_t since_us = now_us - sender->last_capture_us;
    uint64_t units = since_us / 1000000 * sender->clock_rate_hz + since_us % 1000000 * sender->clock_rate_hz / 1000000;
    return sender->last_timestamp + (uint32_t)units;
}

/* ---- tones in (RFC 4733) --------------------------------------------------------------------------------------------- */

int rtp_sender_start_tone(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t event, uint8_t volume, uint32_t duration_ms) {
    if (!sender->telephone_event || sender->format->video) {
        return RTP_ERROR_STATE;
    }
    if (!take_history(session, sender)) {
        return RTP_ERROR_CAPACITY;
    }
    /* RFC 4733 section 2.2.1: the timestamp of the packets is when the event began, in the clock of the audio beside it. */
    return rtp_tone_start(&sender->tone, now_us, event, volume, duration_ms, sender->clock_rate_hz, rtp_sender_timestamp(sender, now_us));
}

void rtp_sender_queue_tone(struct rtp_sender *sender, uint64_t now_us) {
    struct rtp_tone_packet packet;
    while (rtp_tone_poll(&sender->tone, now_us, &packet)) {
        sender->tone_sent = !sender->tone.active;
        /* The queue is full of audio that nobody fetches: the next packet of the tone tells the same. */
        if (sender->queued - sender->sent == sender->capacity) {
            continue;
        }
        size_t index = (size_t)(sender->queued & (sender->capacity - 1));
        memcpy(sender->bytes + index * sender->payload_max_bytes, packet.bytes, sizeof packet.bytes);
        sender->slots[index] = (struct rtp_history_slot){
            .queued_us = now_us,
            .due_us = now_us,
            .timestamp = packet.timestamp,
            .length = sizeof packet.bytes,
            .payload_type = sender->telephone_event_payload_type,
            .marker = packet.marker,
        };
        sender->queued++;
    }
}

/* ---- packets out ----------------------------------------------------------------------------------------------------- */

uint64_t rtp_sender_due_us(const struct rtp_sender *sender) {
    uint64_t tone_us = rtp_tone_next_timeout(&sender->tone);
    uint64_t packet_us = sender->sent == sender->queued ? RTP_NEVER : sender->slots[sender->sent & (sender->capacity - 1)].due_us;
    return tone_us < packet_us ? tone_us : packet_us;
}

size_t rtp_sender_write(struct rtp_session *session, uint64_t now_us, struct rtp_sender *sender, uint8_t *bytes, size_t capacity) {
    size_t index = (size_t)(sender->sent & (sender->capacity - 1));
    const struct rtp_history_slot *slot = &sender->slots[index];
    struct rtp_extension elements[2];
    size_t element_count = 0;
    uint8_t send_time[ABS_SEND_TIME_BYTES];
    if (session->config.mid_extension_id != 0 && sender->mid[0] != '\0') {
        /* RFC 9143 section 9.2: the MID says which m= section; it is on every packet, since any may be the first to arrive. */
        elements[element_count++] = (struct rtp_extension){session->config.mid_extension_id, (uint8_t)strlen(sender->mid), (const uint8_t *)sender->mid, 0};
    }
    if (session->config.abs_send_time_extension_id != 0) {
        /* abs-send-time: 6.18 bits of fixed-point seconds of the NTP clock. */
        uint32_t time = (uint32_t)(rtp_session_ntp(session, now_us) >> 14);
        send_time[0] = (uint8_t)(time >> 16);
        send_time[1] = (uint8_t)(time >> 8);
        send_time[2] = (uint8_t)time;
        elements[element_count++] = (struct rtp_extension){session->config.abs_send_time_extension_id, ABS_SEND_TIME_BYTES, send_time, 0};
    }
    struct rtp_packet packet = {
        .marker = slot->marker,
        .payload_type = slot->payload_type,
        .sequence_number = (uint16_t)(sender->first_sequence + sender->sent),
        .timestamp = slot->timestamp,
        .ssrc = sender->ssrc,
        .payload = sender->bytes + index * sender->payload_max_bytes,
        .payload_bytes = slot->length,
    };
    int length = rtp_packet_write(&packet, elements, element_count, bytes, capacity);
    if (length < 0) {
        return 0;
    }
    sender->sent++;
    sender->idle_reports = 0;
    sender->statistics.packets_sent++;
    sender->statistics.bytes_sent += slot->length;
    sender->statistics.header_bytes_sent += (size_t)length - slot->length;
    sender->statistics.total_packet_send_delay_us += now_us - slot->queued_us;
    return (size_t)length;
}

void rtp_sender_statistics(const struct rtp_sender *sender, struct rtp_sender_statistics *out) {
    *out = sender->statistics;
    out->ssrc = sender->ssrc;
}
