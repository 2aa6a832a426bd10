#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_clock_internal.h"
#include "app/media/media_error_internal.h"
#include "app/media/media_sender_internal.h"
#include "app/media/opus_codec.h"

enum { MICROSECONDS = 1000000 };

static uint32_t clamp_bitrate(enum media_kind kind, uint32_t bitrate_bps) {
    bool audio = kind == MEDIA_AUDIO;
    uint32_t low = audio ? MEDIA_AUDIO_MIN_BPS : MEDIA_VIDEO_MIN_BPS;
    uint32_t high = audio ? MEDIA_AUDIO_MAX_BPS : MEDIA_VIDEO_MAX_BPS;

    if (bitrate_bps == 0) {
        return audio ? MEDIA_AUDIO_DEFAULT_BPS : MEDIA_VIDEO_DEFAULT_BPS;
    }
    return bitrate_bps < low ? low : bitrate_bps > high ? high : bitrate_bps;
}

/* ---- the source ------------------------------------------------------------------------------------------------------------- */

static bool open_audio(struct media_sender *sender, const struct media_sender_config *config, struct media_error *error) {
    sender->audio = media_audio_source_open(config->source, error);
    sender->rate_numerator = MEDIA_AUDIO_RATE_HZ / MEDIA_AUDIO_FRAME_SAMPLES;
    sender->rate_denominator = 1;
    return sender->audio != NULL;
}

static bool open_video(struct media_sender *sender, const struct media_sender_config *config, struct media_error *error) {
    sender->video = media_video_source_open(config->source, &config->video, error);
    if (sender->video == NULL) {
        return false;
    }
    media_video_source_rate(sender->video, &sender->rate_numerator, &sender->rate_denominator);
    sender->statistics.frame_width = media_video_source_width(sender->video);
    sender->statistics.frame_height = media_video_source_height(sender->video);
    return true;
}

static bool open_file(struct media_sender *sender, const struct media_sender_config *config, struct media_error *error) {
    sender->file = media_file_source_open(config->source, config->video.fps, error);
    if (sender->file == NULL) {
        return false;
    }
    media_file_source_size(sender->file, &sender->statistics.frame_width, &sender->statistics.frame_height);
    if (media_codec_is_audio(media_file_source_codec(sender->file)) == (config->kind == MEDIA_AUDIO)) {
        return true;
    }
    bool audio = config->kind == MEDIA_AUDIO;
    media_error_what(error, MEDIA_EXIT_USAGE, "--%s %s cannot be sent.", audio ? "audio" : "video", config->source);
    media_error_why(error, "The file holds %s.", audio ? "pictures" : "sound");
    media_error_try(error, "Use it with --%s.", audio ? "video" : "audio");
    return false;
}

static bool open_source(struct media_sender *sender, const struct media_sender_config *config, struct media_error *error) {
    if (media_file_source_is(config->source)) {
        return open_file(sender, config, error);
    }
    return config->kind == MEDIA_AUDIO ? open_audio(sender, config, error) : open_video(sender, config, error);
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
    sender->kind = config->kind;
    sender->wake = config->wake;
    sender->user = config->user;
    sender->bitrate_bps = clamp_bitrate(config->kind, config->bitrate_bps);
    sender->packet_loss_percent = MEDIA_OPUS_EXPECTED_LOSS_PERCENT;
    sender->queue = media_frame_queue_new(MEDIA_SENDER_MAX_FRAMES);
    if (sender->queue == NULL) {
        media_error_file(error, "make", "a sender", ENOMEM);
    }
    if (sender->queue == NULL || !open_source(sender, config, error)) {
        media_sender_free(sender);
        return NULL;
    }
    return sender;
}

enum media_codec media_sender_source_codec(const struct media_sender *sender) {
    return sender->file != NULL ? media_file_source_codec(sender->file) : MEDIA_CODEC_NONE;
}

bool media_sender_can_send(const struct media_sender *sender, enum media_codec codec) {
    if (sender->file != NULL) {
        return codec == media_file_source_codec(sender->file);
    }
    return media_codec_is_coded(codec) && media_codec_is_audio(codec) == (sender->kind == MEDIA_AUDIO);
}

/* ---- the codec: start, change, stop -------------------------------------------------------------------------------------------- */

bool media_sender_open_encoder(struct media_sender *sender, struct media_error *error) {
    uint32_t bitrate_bps;

    (void)pthread_mutex_lock(&sender->mutex);     /* on the thread of what is prepared, while the loop may set another */
    bitrate_bps = sender->bitrate_bps;
    (void)pthread_mutex_unlock(&sender->mutex);
    if (sender->audio != NULL) {
        sender->audio_encoder = media_audio_encoder_new(sender->codec, media_audio_source_channels(sender->audio), bitrate_bps, error);
        return sender->audio_encoder != NULL;
    }
    if (sender->video != NULL) {
        struct media_vpx_encoder_config vpx = {
            .codec = sender->codec, .width = media_video_source_width(sender->video), .height = media_video_source_height(sender->video),
            .fps_numerator = sender->rate_numerator, .fps_denominator = sender->rate_denominator, .bitrate_bps = bitrate_bps
        };
        sender->vpx = media_vpx_encoder_new(&vpx, error);
        return sender->vpx != NULL;
    }
    if (!media_file_source_next_is_key_frame(sender->file)) {
        media_file_source_seek_key_frame(sender->file);
    }
    return true;
}

/* The next frame is due now: what the source has rested does not count as delay. */
static void set_clock(struct media_sender *sender) {
    uint64_t now_us = media_clock_now_us();

    sender->origin_us = now_us - media_sender_next_time(sender, MICROSECONDS);
    sender->start_us = sender->start_us == 0 ? sender->origin_us : sender->start_us;
}

static bool run(struct media_sender *sender, struct media_error *error) {
    sender->stop = false;
    sender->settings_changed = true;          /* of a rate set before this encoder was there */
    int code = pthread_create(&sender->thread, NULL, media_sender_run, sender);
    if (code != 0) {
        media_sender_stop(sender);
        media_error_file(error, "start", "a thread for the encoder", code);
        return false;
    }
    sender->runs = true;
    return true;
}

bool media_sender_prepare(struct media_sender *sender, enum media_codec codec, struct media_error *error) {
    if (sender->runs && sender->codec == codec) {
        return true;
    }
    media_sender_stop(sender);
    sender->codec = codec;
    sender->rests = true;
    /* A file has no encoder, but a place to begin at; found here, for _start asks the file for the time while the thread may be anywhere. */
    return (sender->file == NULL || media_sender_open_encoder(sender, error)) && run(sender, error);
}

bool media_sender_start(struct media_sender *sender, enum media_codec codec, struct media_error *error) {
    if (sender->runs && sender->codec == codec) {
        (void)pthread_mutex_lock(&sender->mutex);
        if (sender->rests) {
            set_clock(sender);
            sender->rests = false;
            (void)pthread_cond_signal(&sender->changed);
        }
        (void)pthread_mutex_unlock(&sender->mutex);
        return true;
    }
    media_sender_stop(sender);
    sender->codec = codec;
    sender->rests = false;
    if (!media_sender_open_encoder(sender, error)) {
        sender->codec = MEDIA_CODEC_NONE;
        return false;
    }
    set_clock(sender);
    return run(sender, error);
}

void media_sender_stop(struct media_sender *sender) {
    struct media_queued_frame frame;

    if (sender->runs) {
        (void)pthread_mutex_lock(&sender->mutex);
        sender->stop = true;
        (void)pthread_cond_signal(&sender->changed);
        (void)pthread_mutex_unlock(&sender->mutex);
        (void)pthread_join(sender->thread, NULL);
        sender->runs = false;
    }
    media_audio_encoder_free(sender->audio_encoder);
    media_vpx_encoder_free(sender->vpx);
    sender->audio_encoder = NULL;
    sender->vpx = NULL;
    sender->codec = MEDIA_CODEC_NONE;
    while (sender->queue != NULL && media_frame_queue_pop(sender->queue, &frame)) {
        free(frame.bytes);
    }
}

void media_sender_free(struct media_sender *sender) {
    if (sender == NULL) {
        return;
    }
    media_sender_stop(sender);
    media_audio_source_free(sender->audio);
    media_video_source_free(sender->video);
    media_file_source_free(sender->file);
    media_frame_queue_free(sender->queue);
    free(sender->polled_bytes);
    (void)pthread_cond_destroy(&sender->changed);
    (void)pthread_mutex_destroy(&sender->mutex);
    free(sender);
}

/* ---- what the loop asks ------------------------------------------------------------------------------------------------------ */

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
    sender->bitrate_bps = clamp_bitrate(sender->kind, bitrate_bps);
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
    uint64_t now_us = media_clock_now_us();
    statistics->has_frames_per_second = media_rate_read(&sender->encoded, now_us, &statistics->frames_per_second);
    statistics->has_source_frames_per_second = media_rate_read(&sender->captured, now_us, &statistics->source_frames_per_second);
    statistics->target_bitrate_bps = sender->file != NULL ? 0 : sender->bitrate_bps;
    (void)pthread_mutex_unlock(&sender->mutex);
}
