#include <errno.h>
#include <string.h>

#include "app/media/audio_energy.h"
#include "app/media/media_clock_internal.h"
#include "app/media/media_sender_internal.h"

enum { MICROSECONDS = 1000000 };

/* ---- the clock of the source ------------------------------------------------------------------------------------------ */

/* When raw frame `index` is due. Split so that no product passes 64 bits: the terms of the rate are at most a million (y4m.h), the clock
 * as well. */
static uint64_t raw_time(const struct media_sender *sender, uint64_t index, uint64_t clock) {
    uint64_t whole = index / sender->rate_numerator * sender->rate_denominator * clock;
    return whole + index % sender->rate_numerator * sender->rate_denominator * clock / sender->rate_numerator;
}

uint64_t media_sender_next_time(const struct media_sender *sender, uint64_t clock) {
    if (sender->file == NULL) {
        return raw_time(sender, sender->index, clock);
    }
    uint64_t from = media_codec_clock_hz(media_file_source_codec(sender->file));
    uint64_t time = media_file_source_next_time(sender->file);
    return from == clock ? time : time / from * clock + time % from * clock / from;
}

/* RTP's clock stands for the nominal instant of capture: it goes on while the sender rests. */
static uint32_t rtp_timestamp(const struct media_sender *sender, uint64_t time) {
    uint64_t clock = media_codec_clock_hz(sender->codec);
    uint64_t rested_us = sender->origin_us - sender->start_us;
    return (uint32_t)(time + rested_us / MICROSECONDS * clock + rested_us % MICROSECONDS * clock / MICROSECONDS);
}

/* Sleeps until `deadline_us`; false when the sender is to stop. An absolute deadline: what one frame loses the next does not inherit. */
static bool wait_until(struct media_sender *sender, uint64_t deadline_us) {
    struct timespec deadline = media_clock_timespec(deadline_us);
    int code = 0;

    (void)pthread_mutex_lock(&sender->mutex);
    while (!sender->stop && code != ETIMEDOUT) {
        code = pthread_cond_timedwait(&sender->changed, &sender->mutex, &deadline);
    }
    bool go_on = !sender->stop;
    (void)pthread_mutex_unlock(&sender->mutex);
    return go_on;
}

/* Until what was prepared is started; false when it never will be. */
static bool wait_for_start(struct media_sender *sender) {
    (void)pthread_mutex_lock(&sender->mutex);
    while (sender->rests && !sender->stop) {
        (void)pthread_cond_wait(&sender->changed, &sender->mutex);
    }
    bool go_on = !sender->stop;
    (void)pthread_mutex_unlock(&sender->mutex);
    return go_on;
}

/* ---- from the thread to the loop ---------------------------------------------------------------------------------------- */

static void wake(const struct media_sender *sender) {
    if (sender->wake != NULL) {
        sender->wake(sender->user);
    }
}

static void report_failure(struct media_sender *sender, const struct media_error *error) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->failed = true;
    sender->error = *error;
    (void)pthread_mutex_unlock(&sender->mutex);
    wake(sender);
}

static void report_end(struct media_sender *sender) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->statistics.source_ended = true;
    (void)pthread_mutex_unlock(&sender->mutex);
}

static void deliver(struct media_sender *sender, const struct media_queued_frame *frame, const uint8_t *bytes, uint64_t encode_began_us) {
    uint64_t took_us = media_clock_now_us() - encode_began_us;
    enum media_queue_result result = media_frame_queue_push(sender->queue, frame, bytes);

    (void)pthread_mutex_lock(&sender->mutex);
    sender->statistics.frames_encoded++;
    media_rate_count(&sender->encoded, media_clock_now_us());
    sender->statistics.key_frames_encoded += frame->key_frame ? 1 : 0;
    sender->statistics.bytes_encoded += frame->length_bytes;
    sender->statistics.total_encode_time_us += sender->file != NULL ? 0 : took_us;
    if (result != MEDIA_QUEUE_OK) {
        sender->statistics.frames_dropped++;
        sender->key_frame_wanted = true;          /* the pictures after it refer to one that nobody will get */
    }
    (void)pthread_mutex_unlock(&sender->mutex);
    wake(sender);
}

/* What the loop has asked for since the last frame. */
struct settings { bool changed; uint32_t bitrate_bps; unsigned packet_loss_percent; bool want_key_frame; };

static struct settings take_settings(struct media_sender *sender, bool may_be_key_frame) {
    (void)pthread_mutex_lock(&sender->mutex);
    struct settings settings = { sender->settings_changed, sender->bitrate_bps, sender->packet_loss_percent,
                                 sender->key_frame_wanted && may_be_key_frame };
    sender->settings_changed = false;
    sender->key_frame_wanted = sender->key_frame_wanted && !may_be_key_frame;
    sender->statistics.frames_captured++;
    media_rate_count(&sender->captured, media_clock_now_us());
    (void)pthread_mutex_unlock(&sender->mutex);
    return settings;
}

static void count_skipped(struct media_sender *sender) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->statistics.frames_captured++;
    media_rate_count(&sender->captured, media_clock_now_us());
    sender->statistics.frames_skipped++;
    (void)pthread_mutex_unlock(&sender->mutex);
}

/* ---- raw sound -------------------------------------------------------------------------------------------------------- */

static struct media_queued_frame begin_frame(const struct media_sender *sender, uint64_t capture_us) {
    uint64_t clock = media_codec_clock_hz(sender->codec);
    uint64_t time = raw_time(sender, sender->index, clock);
    return (struct media_queued_frame) {
        .timestamp = rtp_timestamp(sender, time), .duration = (uint32_t)(raw_time(sender, sender->index + 1, clock) - time),
        .number = (uint32_t)sender->index, .time_us = capture_us, .key_frame = true
    };
}

static bool encode_audio(struct media_sender *sender, const int16_t *samples, uint64_t capture_us, struct media_error *error) {
    uint8_t packet[MEDIA_AUDIO_MAX_PACKET_BYTES];
    uint64_t began_us = media_clock_now_us();
    struct settings settings = take_settings(sender, true);
    struct media_queued_frame frame = begin_frame(sender, capture_us);

    if (settings.changed) {
        media_audio_encoder_set_bitrate(sender->audio_encoder, settings.bitrate_bps);
        media_audio_encoder_set_packet_loss(sender->audio_encoder, settings.packet_loss_percent);
    }
    frame.length_bytes = media_audio_encode(sender->audio_encoder, samples, packet, error);
    if (frame.length_bytes == 0) {
        return false;
    }
    deliver(sender, &frame, packet, began_us);
    return true;
}

static void count_samples(struct media_sender *sender, uint64_t count, double energy) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->statistics.total_samples_captured += count;
    sender->statistics.total_audio_energy += energy;
    (void)pthread_mutex_unlock(&sender->mutex);
}

static bool audio_frame(struct media_sender *sender, uint64_t due_us, bool late, struct media_error *error) {
    int16_t samples[MEDIA_AUDIO_FRAME_SAMPLES * MEDIA_AUDIO_MAX_CHANNELS];

    switch (media_audio_source_read(sender->audio, samples, error)) {
    case MEDIA_READ_FAILED:
        return false;
    case MEDIA_READ_END:
        memset(samples, 0, sizeof samples);       /* silence: audio_source.h says why */
        report_end(sender);
        break;
    case MEDIA_READ_FRAME:
        break;
    }
    count_samples(sender, MEDIA_AUDIO_FRAME_SAMPLES, media_audio_energy(samples, MEDIA_AUDIO_FRAME_SAMPLES, media_audio_source_channels(sender->audio)));
    if (late) {
        count_skipped(sender);
        return true;
    }
    return encode_audio(sender, samples, due_us, error);
}

/* ---- raw pictures ------------------------------------------------------------------------------------------------------- */

static bool encode_video(struct media_sender *sender, const struct media_picture *picture, uint32_t number, uint64_t capture_us,
                         struct media_error *error) {
    const uint8_t *bytes = NULL;
    uint64_t began_us = media_clock_now_us();
    struct settings settings = take_settings(sender, true);
    struct media_queued_frame frame = begin_frame(sender, capture_us);

    if (settings.changed) {
        (void)media_vpx_encoder_set_bitrate(sender->vpx, settings.bitrate_bps);
    }
    frame.number = number;
    uint64_t time = raw_time(sender, sender->index, media_codec_clock_hz(sender->codec));
    if (!media_vpx_encode(sender->vpx, picture, time, frame.duration, settings.want_key_frame, &bytes, &frame.length_bytes,
                          &frame.key_frame, error)) {
        return false;
    }
    deliver(sender, &frame, bytes, began_us);
    return true;
}

/* Returns false at the end as well: *ended tells. */
static bool video_frame(struct media_sender *sender, uint64_t due_us, bool late, bool *ended, struct media_error *error) {
    struct media_picture picture;
    uint32_t number;
    enum media_read result = late ? media_video_source_skip(sender->video, error)
                                  : media_video_source_read(sender->video, media_clock_stamp_ms(), &picture, &number, error);
    if (result != MEDIA_READ_FRAME) {
        *ended = result == MEDIA_READ_END;
        return false;
    }
    if (late) {
        count_skipped(sender);
        return true;
    }
    return encode_video(sender, &picture, number, due_us, error);
}

/* ---- frames of a file ----------------------------------------------------------------------------------------------------- */

/* A file that is late is played later: to leave out a frame would break those that refer to it. */
static void file_frame(struct media_sender *sender, uint64_t due_us, bool late) {
    struct media_file_frame frame;
    uint64_t now_us = media_clock_now_us();

    if (late) {
        sender->origin_us += now_us - due_us;
        due_us = now_us;
    }
    struct settings settings = take_settings(sender, now_us - sender->key_frame_sent_us >= MEDIA_SENDER_KEY_FRAME_INTERVAL_US);
    if (settings.want_key_frame) {
        media_file_source_seek_key_frame(sender->file);
    }
    media_file_source_read(sender->file, &frame);
    if (sender->kind == MEDIA_AUDIO) {
        count_samples(sender, (uint64_t)frame.duration * MEDIA_AUDIO_RATE_HZ / media_codec_clock_hz(sender->codec), 0);
    }
    sender->key_frame_sent_us = frame.key_frame ? now_us : sender->key_frame_sent_us;
    struct media_queued_frame queued = {
        .length_bytes = frame.length_bytes, .timestamp = rtp_timestamp(sender, frame.time), .duration = frame.duration,
        .number = frame.number, .time_us = due_us, .key_frame = frame.key_frame
    };
    deliver(sender, &queued, frame.bytes, now_us);
}

/* ---- the thread --------------------------------------------------------------------------------------------------------- */

void *media_sender_run(void *argument) {
    struct media_sender *sender = argument;
    struct media_error error = { 0 };
    bool device_paces = sender->audio != NULL && media_audio_source_is_paced(sender->audio);
    bool ended = false, good = true;

    if (sender->file == NULL && sender->audio_encoder == NULL && sender->vpx == NULL) {
        good = media_sender_open_encoder(sender, &error);
    }
    if (good && !wait_for_start(sender)) {
        return NULL;
    }
    while (good) {
        uint64_t due_us = sender->origin_us + media_sender_next_time(sender, MICROSECONDS);
        if (!wait_until(sender, device_paces ? sender->origin_us : due_us)) {
            return NULL;
        }
        bool late = !device_paces && media_clock_now_us() > due_us + MEDIA_SENDER_MAX_LATE_US;
        if (sender->file != NULL) {
            file_frame(sender, due_us, late);
        } else if (sender->audio != NULL) {
            good = audio_frame(sender, due_us, late, &error);
        } else {
            good = video_frame(sender, due_us, late, &ended, &error);
        }
        sender->index++;
    }
    if (ended) {
        report_end(sender);
    } else {
        report_failure(sender, &error);
    }
    return NULL;
}
