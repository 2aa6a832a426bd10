#include "app/media/media_sender.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/audio_source.h"
#include "app/media/frame_queue.h"
#include "app/media/media_clock_internal.h"
#include "app/media/media_error_internal.h"
#include "app/media/opus_codec.h"
#include "app/media/vpx_codec.h"

enum { VIDEO_CLOCK_HZ = 90000, MICROSECONDS = 1000000 };

/* The thread owns source and encoder; what the loop and the thread share stands under the mutex. */
struct media_sender {
    enum media_codec codec;
    void (*wake)(void *user);
    void  *user;
    struct media_frame_queue *queue;
    uint8_t *polled_bytes;              /* of the frame that the loop looks at */

    struct media_audio_source *audio;
    struct media_opus_encoder *opus;
    struct media_video_source *video;
    struct media_vpx_encoder *vpx;
    uint32_t rate_numerator, rate_denominator;      /* frames a second */
    uint64_t start_us;

    pthread_t thread;
    bool started;                       /* loop's */
    pthread_mutex_t mutex;
    pthread_cond_t  changed;            /* stop was asked for */
    bool stop;
    bool key_frame_wanted;
    bool failed;
    struct media_error error;
    uint32_t bitrate_bps;
    unsigned packet_loss_percent;
    bool settings_changed;
    struct media_sender_statistics statistics;
};

/* ---- the clock of the source ------------------------------------------------------------------------------------------ */

/* When frame `index` is due, in units of 1/clock seconds after the first. Split so that no product passes 64 bits: the terms of the
 * rate are at most a million (y4m.h), the clock as well. */
static uint64_t frame_time(const struct media_sender *sender, uint64_t index, uint64_t clock) {
    uint64_t whole = index / sender->rate_numerator * sender->rate_denominator * clock;
    return whole + index % sender->rate_numerator * sender->rate_denominator * clock / sender->rate_numerator;
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
    sender->statistics.key_frames_encoded += frame->key_frame ? 1 : 0;
    sender->statistics.bytes_encoded += frame->length_bytes;
    sender->statistics.total_encode_time_us += took_us;
    if (result != MEDIA_QUEUE_OK) {
        sender->statistics.frames_dropped++;
        sender->key_frame_wanted = true;          /* the pictures after it refer to one that nobody will get */
    }
    (void)pthread_mutex_unlock(&sender->mutex);
    wake(sender);
}

/* What the loop has asked for since the last frame. */
static bool take_settings(struct media_sender *sender, uint32_t *bitrate_bps, unsigned *packet_loss_percent, bool *want_key_frame) {
    (void)pthread_mutex_lock(&sender->mutex);
    bool changed = sender->settings_changed;
    sender->settings_changed = false;
    *bitrate_bps = sender->bitrate_bps;
    *packet_loss_percent = sender->packet_loss_percent;
    *want_key_frame = sender->key_frame_wanted;
    sender->key_frame_wanted = false;
    sender->statistics.frames_captured++;
    (void)pthread_mutex_unlock(&sender->mutex);
    return changed;
}

static void count_skipped(struct media_sender *sender) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->statistics.frames_captured++;
    sender->statistics.frames_skipped++;
    (void)pthread_mutex_unlock(&sender->mutex);
}

/* ---- audio ------------------------------------------------------------------------------------------------------------ */

static bool encode_audio(struct media_sender *sender, uint64_t index, const int16_t *samples, uint64_t capture_us, struct media_error *error) {
    uint8_t packet[MEDIA_OPUS_MAX_PACKET_BYTES];
    uint32_t bitrate_bps;
    unsigned loss;
    bool ignored;
    uint64_t began_us = media_clock_now_us();

    if (take_settings(sender, &bitrate_bps, &loss, &ignored)) {
        media_opus_encoder_set_bitrate(sender->opus, bitrate_bps);
        media_opus_encoder_set_packet_loss(sender->opus, loss);
    }
    struct media_queued_frame frame = {
        .length_bytes = media_opus_encode(sender->opus, samples, packet, error),
        .timestamp = (uint32_t)(index * MEDIA_AUDIO_FRAME_SAMPLES), .duration = MEDIA_AUDIO_FRAME_SAMPLES,
        .number = (uint32_t)index, .time_us = capture_us, .key_frame = true
    };
    if (frame.length_bytes == 0) {
        return false;
    }
    deliver(sender, &frame, packet, began_us);
    return true;
}

static bool audio_frame(struct media_sender *sender, uint64_t index, uint64_t due_us, bool late, struct media_error *error) {
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
    if (late) {
        count_skipped(sender);
        return true;
    }
    return encode_audio(sender, index, samples, due_us, error);
}

/* ---- video ------------------------------------------------------------------------------------------------------------ */

static bool encode_video(struct media_sender *sender, uint64_t index, const struct media_picture *picture, uint32_t number,
                         uint64_t capture_us, struct media_error *error) {
    uint32_t bitrate_bps;
    unsigned ignored;
    bool want_key_frame;
    const uint8_t *bytes = NULL;
    uint64_t timestamp = frame_time(sender, index, VIDEO_CLOCK_HZ);
    uint64_t began_us = media_clock_now_us();

    if (take_settings(sender, &bitrate_bps, &ignored, &want_key_frame)) {
        (void)media_vpx_encoder_set_bitrate(sender->vpx, bitrate_bps);
    }
    struct media_queued_frame frame = {
        .timestamp = (uint32_t)timestamp, .duration = (uint32_t)(frame_time(sender, index + 1, VIDEO_CLOCK_HZ) - timestamp),
        .number = number, .time_us = capture_us
    };
    if (!media_vpx_encode(sender->vpx, picture, timestamp, frame.duration, want_key_frame, &bytes, &frame.length_bytes,
                          &frame.key_frame, error)) {
        return false;
    }
    deliver(sender, &frame, bytes, began_us);
    return true;
}

/* Returns false at the end as well: *ended tells. */
static bool video_frame(struct media_sender *sender, uint64_t index, uint64_t due_us, bool late, bool *ended, struct media_error *error) {
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
    return encode_video(sender, index, &picture, number, due_us, error);
}

/* ---- the thread --------------------------------------------------------------------------------------------------------- */

static void *run(void *argument) {
    struct media_sender *sender = argument;
    struct media_error error = { 0 };
    bool device_paces = sender->audio != NULL && media_audio_source_is_paced(sender->audio);
    bool ended = false;

    for (uint64_t index = 0;; index++) {
        uint64_t due_us = sender->start_us + frame_time(sender, index, MICROSECONDS);
        if (!wait_until(sender, device_paces ? sender->start_us : due_us)) {
            return NULL;
        }
        bool late = !device_paces && media_clock_now_us() > due_us + MEDIA_SENDER_MAX_LATE_US;
        bool good = sender->audio != NULL ? audio_frame(sender, index, due_us, late, &error)
                                          : video_frame(sender, index, due_us, late, &ended, &error);
        if (ended) {
            report_end(sender);
            return NULL;
        }
        if (!good) {
            report_failure(sender, &error);
            return NULL;
        }
    }
}

/* ---- the loop's side ------------------------------------------------------------------------------------------------------ */

static uint32_t clamp_bitrate(enum media_codec codec, uint32_t bitrate_bps) {
    bool audio = codec == MEDIA_CODEC_OPUS;
    uint32_t low = audio ? MEDIA_AUDIO_MIN_BPS : MEDIA_VIDEO_MIN_BPS;
    uint32_t high = audio ? MEDIA_AUDIO_MAX_BPS : MEDIA_VIDEO_MAX_BPS;

    if (bitrate_bps == 0) {
        return audio ? MEDIA_AUDIO_DEFAULT_BPS : MEDIA_VIDEO_DEFAULT_BPS;
    }
    return bitrate_bps < low ? low : bitrate_bps > high ? high : bitrate_bps;
}

static bool open_audio(struct media_sender *sender, const struct media_sender_config *config, struct media_error *error) {
    sender->audio = media_audio_source_open(config->source, error);
    if (sender->audio == NULL) {
        return false;
    }
    sender->rate_numerator = MEDIA_AUDIO_RATE_HZ / MEDIA_AUDIO_FRAME_SAMPLES;
    sender->rate_denominator = 1;
    sender->opus = media_opus_encoder_new(media_audio_source_channels(sender->audio), sender->bitrate_bps, error);
    return sender->opus != NULL;
}

static bool open_video(struct media_sender *sender, const struct media_sender_config *config, struct media_error *error) {
    sender->video = media_video_source_open(config->source, &config->video, error);
    if (sender->video == NULL) {
        return false;
    }
    media_video_source_rate(sender->video, &sender->rate_numerator, &sender->rate_denominator);
    struct media_vpx_encoder_config vpx = {
        .codec = sender->codec, .width = media_video_source_width(sender->video), .height = media_video_source_height(sender->video),
        .fps_numerator = sender->rate_numerator, .fps_denominator = sender->rate_denominator, .bitrate_bps = sender->bitrate_bps
    };
    sender->statistics.frame_width = vpx.width;
    sender->statistics.frame_height = vpx.height;
    sender->vpx = media_vpx_encoder_new(&vpx, error);
    return sender->vpx != NULL;
}

static void init_locks(struct media_sender *sender) {
    pthread_condattr_t attributes;

    (void)pthread_mutex_init(&sender->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&sender->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

struct media_sender *media_sender_new(const struct media_sender_config *config, struct media_error *error) {
    struct media_sender *sender = calloc(1, sizeof *sender);

    if (sender == NULL) {
        media_error_file(error, "make", "a sender", ENOMEM);
        return NULL;
    }
    init_locks(sender);
    sender->codec = config->codec;
    sender->wake = config->wake;
    sender->user = config->user;
    sender->bitrate_bps = clamp_bitrate(config->codec, config->bitrate_bps);
    sender->packet_loss_percent = MEDIA_OPUS_EXPECTED_LOSS_PERCENT;
    sender->queue = media_frame_queue_new(MEDIA_SENDER_MAX_FRAMES);
    if (sender->queue == NULL) {
        media_error_file(error, "make", "a sender", ENOMEM);
    }
    if (sender->queue == NULL ||
        !(config->codec == MEDIA_CODEC_OPUS ? open_audio(sender, config, error) : open_video(sender, config, error))) {
        media_sender_free(sender);
        return NULL;
    }
    return sender;
}

bool media_sender_start(struct media_sender *sender, struct media_error *error) {
    if (sender->started) {
        return true;
    }
    sender->start_us = media_clock_now_us();
    int code = pthread_create(&sender->thread, NULL, run, sender);
    if (code != 0) {
        media_error_file(error, "start", "a thread for the encoder", code);
        return false;
    }
    sender->started = true;
    return true;
}

void media_sender_free(struct media_sender *sender) {
    if (sender == NULL) {
        return;
    }
    if (sender->started) {
        (void)pthread_mutex_lock(&sender->mutex);
        sender->stop = true;
        (void)pthread_cond_signal(&sender->changed);
        (void)pthread_mutex_unlock(&sender->mutex);
        (void)pthread_join(sender->thread, NULL);
    }
    media_opus_encoder_free(sender->opus);
    media_vpx_encoder_free(sender->vpx);
    media_audio_source_free(sender->audio);
    media_video_source_free(sender->video);
    media_frame_queue_free(sender->queue);
    free(sender->polled_bytes);
    (void)pthread_cond_destroy(&sender->changed);
    (void)pthread_mutex_destroy(&sender->mutex);
    free(sender);
}

bool media_sender_poll_frame(struct media_sender *sender, struct media_frame *frame) {
    struct media_queued_frame queued;

    if (!media_frame_queue_pop(sender->queue, &queued)) {
        return false;
    }
    free(sender->polled_bytes);
    sender->polled_bytes = queued.bytes;
    frame->bytes = queued.bytes;
    frame->length_bytes = queued.length_bytes;
    frame->timestamp = queued.timestamp;
    frame->duration = queued.duration;
    frame->capture_time_us = queued.time_us;
    frame->number = queued.number;
    frame->key_frame = queued.key_frame;
    return true;
}

bool media_sender_failed(struct media_sender *sender, struct media_error *error) {
    (void)pthread_mutex_lock(&sender->mutex);
    bool failed = sender->failed;
    if (failed) {
        *error = sender->error;
    }
    (void)pthread_mutex_unlock(&sender->mutex);
    return failed;
}

void media_sender_request_key_frame(struct media_sender *sender) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->key_frame_wanted = true;
    (void)pthread_mutex_unlock(&sender->mutex);
}

void media_sender_set_bitrate(struct media_sender *sender, uint32_t bitrate_bps) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->bitrate_bps = clamp_bitrate(sender->codec, bitrate_bps);
    sender->settings_changed = true;
    (void)pthread_mutex_unlock(&sender->mutex);
}

void media_sender_set_packet_loss(struct media_sender *sender, unsigned percent) {
    (void)pthread_mutex_lock(&sender->mutex);
    sender->packet_loss_percent = percent > 100 ? 100 : percent;
    sender->settings_changed = true;
    (void)pthread_mutex_unlock(&sender->mutex);
}

void media_sender_statistics(struct media_sender *sender, struct media_sender_statistics *statistics) {
    (void)pthread_mutex_lock(&sender->mutex);
    *statistics = sender->statistics;
    statistics->target_bitrate_bps = sender->bitrate_bps;
    (void)pthread_mutex_unlock(&sender->mutex);
}
