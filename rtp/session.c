/* The session: its memory, when something is due, and what comes out. */
#include "rtp/session.h"

#include <stdlib.h>
#include <string.h>

#include "rtp/session_internal.h"

#define NTP_UNIX_SECONDS 2208988800ull
#define CNAME_RANDOM_BYTES 12
#define EXTENSION_ID_MAX 14

static void *default_allocate(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void default_release(void *context, void *memory) {
    (void)context;
    free(memory);
}

void *rtp_session_allocate(struct rtp_session *session, size_t bytes) {
    if (bytes > session->config.memory_budget_bytes - session->statistics.memory_bytes) {
        return NULL;
    }
    void *memory = session->allocator.allocate(session->allocator.context, bytes);
    if (memory != NULL) {
        memset(memory, 0, bytes);
        session->statistics.memory_bytes += bytes;
    }
    return memory;
}

void rtp_session_release(struct rtp_session *session, void *memory, size_t bytes) {
    session->statistics.memory_bytes -= bytes;
    session->allocator.release(session->allocator.context, memory);
}

void rtp_session_random(struct rtp_session *session, void *out, size_t length) {
    session->config.random(session->config.random_context, out, length);
}

bool rtp_session_ssrc_known(const struct rtp_session *session, uint32_t ssrc) {
    bool known = ssrc == 0 || ssrc == session->local_ssrc;
    for (size_t i = 0; i < session->sender_count; i++) {
        known = known || session->senders[i]->ssrc == ssrc;
    }
    for (size_t i = 0; i < session->receiver_count; i++) {
        known = known || (session->receivers[i]->has_source && session->receivers[i]->source.ssrc == ssrc);
    }
    return known;
}

uint32_t rtp_session_random_ssrc(struct rtp_session *session) {
    /* RFC 3550 section 8.1: random, and not one that was heard already. A random source that repeats must not hang us. */
    uint32_t ssrc = 0;
    rtp_session_random(session, &ssrc, sizeof ssrc);
    while (rtp_session_ssrc_known(session, ssrc)) {
        ssrc++;
    }
    return ssrc;
}

uint64_t rtp_session_ntp(const struct rtp_session *session, uint64_t now_us) {
    uint64_t unix_us = now_us + (uint64_t)session->config.wall_clock_offset_us;
    return (unix_us / 1000000 + NTP_UNIX_SECONDS) << 32 | (unix_us % 1000000 << 32) / 1000000;
}

/* RFC 7022 section 4.2: 96 random bits in base64. */
static void random_cname(struct rtp_session *session) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[CNAME_RANDOM_BYTES];
    rtp_session_random(session, bytes, sizeof bytes);
    size_t at = 0;
    for (size_t i = 0; i < sizeof bytes; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6) {
            session->cname[at++] = alphabet[group >> shift & 63];
        }
    }
}

struct rtp_session *rtp_session_new(const struct rtp_session_config *config, uint64_t now_us) {
    if (config == NULL || config->random == NULL || config->mid_extension_id > EXTENSION_ID_MAX || config->abs_send_time_extension_id > EXTENSION_ID_MAX ||
        (config->cname != NULL && strlen(config->cname) > RTP_CNAME_MAX_BYTES)) {
        return NULL;
    }
    struct rtp_allocator allocator = {default_allocate, default_release, NULL};
    if (config->allocator != NULL) {
        allocator = *config->allocator;
    }
    size_t budget = config->memory_budget_bytes == 0 ? RTP_MEMORY_BUDGET_DEFAULT_BYTES : config->memory_budget_bytes;
    struct rtp_session *session = budget < sizeof *session ? NULL : allocator.allocate(allocator.context, sizeof *session);
    if (session == NULL) {
        return NULL;
    }
    memset(session, 0, sizeof *session);
    session->config = *config;
    session->config.memory_budget_bytes = budget;
    session->config.allocator = NULL;
    session->config.cname = NULL;
    if (config->rtcp_interval_us == 0) {
        session->config.rtcp_interval_us = RTP_RTCP_INTERVAL_DEFAULT_US;
    }
    session->allocator = allocator;
    session->statistics.memory_bytes = sizeof *session;
    session->local_ssrc = rtp_session_random_ssrc(session);
    session->collision_us = RTP_NEVER;
    if (config->cname != NULL) {
        memcpy(session->cname, config->cname, strlen(config->cname) + 1);
    } else {
        random_cname(session);
    }
    rtp_session_schedule_report(session, now_us, true);
    return session;
}

void rtp_session_free(struct rtp_session *session) {
    if (session == NULL) {
        return;
    }
    for (size_t i = 0; i < session->sender_count; i++) {
        rtp_sender_free(session, session->senders[i]);
    }
    for (size_t i = 0; i < session->receiver_count; i++) {
        rtp_receiver_free(session, session->receivers[i]);
    }
    struct rtp_allocator allocator = session->allocator;
    allocator.release(allocator.context, session);
}

int rtp_session_update(struct rtp_session *session, const struct rtp_session_config *config) {
    if (config->mid_extension_id > EXTENSION_ID_MAX || config->abs_send_time_extension_id > EXTENSION_ID_MAX) {
        return RTP_ERROR_ARGUMENT;
    }
    session->config.mid_extension_id = config->mid_extension_id;
    session->config.abs_send_time_extension_id = config->abs_send_time_extension_id;
    session->config.reduced_size_rtcp = config->reduced_size_rtcp;
    return RTP_OK;
}

/* ---- time ------------------------------------------------------------------------------------------------------------ */

void rtp_session_handle_timeout(struct rtp_session *session, uint64_t now_us) {
    if (!session->closed && now_us >= session->report_us) {
        session->report_due = true;
        rtp_session_schedule_report(session, now_us, false);
    }
}

uint64_t rtp_session_next_timeout(const struct rtp_session *session) {
    if (session->closed) {
        return RTP_NEVER;
    }
    uint64_t next = session->report_us;
    for (size_t i = 0; i < session->sender_count; i++) {
        uint64_t due = rtp_sender_due_us(session->senders[i]);
        next = due < next ? due : next;
    }
    for (size_t i = 0; i < session->receiver_count; i++) {
        const struct rtp_jitter_buffer *buffer = session->receivers[i]->buffer;
        uint64_t due = buffer == NULL ? RTP_NEVER : rtp_jitter_buffer_next_timeout(buffer);
        uint64_t pli = rtp_receiver_pli_us(session->receivers[i]);
        uint64_t tone = rtp_tone_receiver_next_timeout(&session->receivers[i]->tones);
        next = due < next ? due : next;
        next = pli < next ? pli : next;
        next = tone < next ? tone : next;
    }
    return next;
}

/* ---- out ------------------------------------------------------------------------------------------------------------- */

bool rtp_session_poll_packet(struct rtp_session *session, uint64_t now_us, uint8_t *bytes, size_t capacity, size_t *length,
                             enum rtp_packet_kind *kind) {
    if (capacity < RTP_PACKET_MAX_BYTES) {
        return false;
    }
    *kind = RTP_PACKET_CONTROL;
    *length = rtp_session_write_control(session, now_us, bytes, capacity);
    if (*length > 0) {
        session->statistics.rtcp_packets_sent++;
        return true;
    }
    struct rtp_sender *earliest = NULL;
    for (size_t i = 0; i < session->sender_count; i++) {
        rtp_sender_queue_tone(session->senders[i], now_us);
        if (earliest == NULL || rtp_sender_due_us(session->senders[i]) < rtp_sender_due_us(earliest)) {
            earliest = session->senders[i];
        }
    }
    if (earliest == NULL || rtp_sender_due_us(earliest) > now_us) {
        return false;
    }
    *kind = RTP_PACKET_MEDIA;
    *length = rtp_sender_write(session, now_us, earliest, bytes, capacity);
    return *length > 0;
}

static bool poll_flag(bool *flag, enum rtp_event_type type, struct rtp_event *out) {
    if (!*flag) {
        return false;
    }
    *flag = false;
    out->type = type;
    return true;
}

static bool poll_sender_event(struct rtp_sender *sender, struct rtp_event *out) {
    out->sender = sender;
    return poll_flag(&sender->ssrc_changed, RTP_EVENT_SSRC_CHANGED, out) ||
           poll_flag(&sender->key_frame_requested, RTP_EVENT_KEY_FRAME_REQUESTED, out) ||
           poll_flag(&sender->tone_sent, RTP_EVENT_TONE_SENT, out);
}

static bool poll_frame(struct rtp_session *session, struct rtp_receiver *receiver, uint64_t now_us, struct rtp_event *out) {
    if (receiver->buffer == NULL || !rtp_jitter_buffer_poll(receiver->buffer, now_us, &out->frame)) {
        return false;
    }
    out->type = RTP_EVENT_FRAME;
    out->frame.ssrc = receiver->source.ssrc;
    out->frame.has_capture_time = rtp_reception_wall_clock(&receiver->source, out->frame.timestamp, &out->frame.capture_ntp_us);
    receiver->statistics.frames_received++;
    receiver->statistics.key_frames_received += out->frame.key_frame;
    if (out->frame.key_frame) {
        receiver->key_frame_requested = false;
    }
    if (!receiver->video && out->frame.has_capture_time) {
        rtp_session_synchronise(session, now_us, receiver, out->frame.capture_ntp_us);
    }
    return true;
}

static bool poll_receiver_event(struct rtp_session *session, struct rtp_receiver *receiver, uint64_t now_us, struct rtp_event *out) {
    out->receiver = receiver;
    if (poll_frame(session, receiver, now_us, out)) {
        return true;
    }
    if (rtp_tone_receiver_poll(&receiver->tones, now_us, &out->tone)) {
        out->type = RTP_EVENT_TONE;
        receiver->statistics.tones_received++;
        return true;
    }
    /* What came before it is told before it. */
    bool is_empty = receiver->buffer == NULL || rtp_jitter_buffer_next_timeout(receiver->buffer) == RTP_NEVER;
    return is_empty && poll_flag(&receiver->bye, RTP_EVENT_BYE, out);
}

bool rtp_session_poll_event(struct rtp_session *session, uint64_t now_us, struct rtp_event *out) {
    *out = (struct rtp_event){0};
    for (size_t i = 0; i < session->sender_count; i++) {
        if (poll_sender_event(session->senders[i], out)) {
            return true;
        }
    }
    out->sender = NULL;
    for (size_t i = 0; i < session->receiver_count; i++) {
        if (poll_receiver_event(session, session->receivers[i], now_us, out)) {
            return true;
        }
    }
    return false;
}

void rtp_session_statistics(const struct rtp_session *session, struct rtp_session_statistics *out) {
    *out = session->statistics;
}
