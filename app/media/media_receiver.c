#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_clock_internal.h"
#include "app/media/media_error_internal.h"
#include "app/media/media_receiver_internal.h"
#include "app/media/video_header.h"

static bool start_thread(struct media_receiver *receiver, struct media_error *error) {
    receiver->queue = media_frame_queue_new(MEDIA_RECEIVER_MAX_FRAMES);
    int code = receiver->queue == NULL ? ENOMEM : pthread_create(&receiver->thread, NULL, media_receiver_run, receiver);
    if (code != 0) {
        media_error_file(error, "start", "a thread for the decoder", code);
        return false;
    }
    receiver->thread_runs = true;
    return true;
}

struct media_receiver *media_receiver_new(const struct media_receiver_config *config, struct media_error *error) {
    struct media_receiver *receiver = calloc(1, sizeof *receiver);

    if (receiver == NULL) {
        media_error_file(error, "make", "a receiver", ENOMEM);
        return NULL;
    }
    (void)pthread_mutex_init(&receiver->mutex, NULL);
    receiver->kind = config->kind;
    receiver->wake = config->wake;
    receiver->user = config->user;
    if (config->record_prefix != NULL && (receiver->record_prefix = strdup(config->record_prefix)) == NULL) {
        media_error_file(error, "make", "a receiver", ENOMEM);
        media_receiver_free(receiver);
        return NULL;
    }
    if (!media_player_open(config->kind, config->play, &receiver->player, error) ||
        (config->codec != MEDIA_CODEC_NONE && !media_receiver_open_codec(receiver, config->codec, error)) || !start_thread(receiver, error)) {
        media_receiver_free(receiver);
        return NULL;
    }
    return receiver;
}

void media_receiver_finish(struct media_receiver *receiver) {
    if (receiver->thread_runs) {
        media_frame_queue_close(receiver->queue);
        (void)pthread_join(receiver->thread, NULL);
        receiver->thread_runs = false;
    }
    media_receiver_close_recording(receiver);
}

void media_receiver_free(struct media_receiver *receiver) {
    if (receiver == NULL) {
        return;
    }
    media_receiver_finish(receiver);
    media_frame_queue_free(receiver->queue);
    media_audio_decoder_free(receiver->sound);
    media_vpx_decoder_free(receiver->vpx);
    media_player_free(receiver->player);
    free(receiver->record_prefix);
    (void)pthread_mutex_destroy(&receiver->mutex);
    free(receiver);
}

/* After a dropped picture the ones that refer to it are worth nothing: only a key frame gets in. */
static bool may_enter(const struct media_receiver *receiver, enum media_codec codec, const uint8_t *bytes, size_t length_bytes) {
    struct media_video_header header;

    return !receiver->resynchronise || (media_video_header_read(codec, bytes, length_bytes, &header) && header.key_frame);
}

enum media_push media_receiver_push(struct media_receiver *receiver, enum media_codec codec, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp,
                                    int64_t capture_unix_us) {
    struct media_queued_frame frame = { .codec = codec, .length_bytes = length_bytes, .timestamp = timestamp, .capture_unix_us = capture_unix_us };
    enum media_queue_result result = MEDIA_QUEUE_OK;

    if (length_bytes > MEDIA_RECEIVER_MAX_FRAME_BYTES) {
        media_receiver_count_dropped(receiver);
        return MEDIA_PUSH_TOO_LARGE;
    }
    if (codec == MEDIA_CODEC_NONE || media_codec_is_audio(codec) != (receiver->kind == MEDIA_AUDIO)) {
        media_receiver_count_dropped(receiver);
        return MEDIA_PUSH_WRONG_KIND;
    }
    result = may_enter(receiver, codec, bytes, length_bytes) ? media_frame_queue_push(receiver->queue, &frame, bytes) : MEDIA_QUEUE_FULL;
    if (result == MEDIA_QUEUE_OK) {
        receiver->resynchronise = false;
        (void)pthread_mutex_lock(&receiver->mutex);
        receiver->statistics.frames_received++;
        (void)pthread_mutex_unlock(&receiver->mutex);
        return MEDIA_PUSH_OK;
    }
    media_receiver_count_dropped(receiver);
    if (receiver->kind == MEDIA_VIDEO) {
        receiver->resynchronise = true;
        media_receiver_ask_key_frame(receiver);
    }
    return result == MEDIA_QUEUE_NO_MEMORY ? MEDIA_PUSH_NO_MEMORY : MEDIA_PUSH_QUEUE_FULL;
}

static bool take_event(bool *pending, const struct media_receiver_event *from, struct media_receiver_event *event) {
    bool taken = *pending;
    if (taken) {
        *event = *from;
        *pending = false;
    }
    return taken;
}

bool media_receiver_poll_event(struct media_receiver *receiver, struct media_receiver_event *event) {
    (void)pthread_mutex_lock(&receiver->mutex);
    bool taken = take_event(&receiver->first_frame_pending, &receiver->first_frame, event) ||
                 take_event(&receiver->key_frame_pending, &receiver->key_frame, event) ||
                 take_event(&receiver->no_decoder_pending, &receiver->no_decoder, event) ||
                 take_event(&receiver->failure_pending, &receiver->failure, event);
    (void)pthread_mutex_unlock(&receiver->mutex);
    return taken;
}

void media_receiver_statistics(struct media_receiver *receiver, struct media_receiver_statistics *statistics) {
    (void)pthread_mutex_lock(&receiver->mutex);
    *statistics = receiver->statistics;
    statistics->has_frames_per_second = media_rate_read(&receiver->decoded, media_clock_now_us(), &statistics->frames_per_second);
    (void)pthread_mutex_unlock(&receiver->mutex);
}
