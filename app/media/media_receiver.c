#include "app/media/media_receiver.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/audio_source.h"
#include "app/media/frame_queue.h"
#include "app/media/freeze.h"
#include "app/media/media_clock_internal.h"
#include "app/media/media_error_internal.h"
#include "app/media/opus_codec.h"
#include "app/media/player_internal.h"
#include "app/media/record_ivf.h"
#include "app/media/record_ogg.h"
#include "app/media/stamp.h"
#include "app/media/video_header.h"
#include "app/media/vpx_codec.h"

enum { KEY_FRAME_INTERVAL_US = 200000 };

/* The thread owns decoder, recording and player; what the loop and the thread share stands under the mutex. */
struct media_receiver {
    enum media_codec codec;
    void (*wake)(void *user);
    void  *user;
    struct media_frame_queue *queue;
    pthread_t thread;
    bool thread_runs;
    bool resynchronise;                 /* loop's: a picture was dropped, the next to be taken is a key frame */

    struct media_opus_decoder *opus;
    struct media_vpx_decoder *vpx;
    struct media_ogg *ogg;
    struct media_ivf *ivf;
    struct media_player *player;
    struct media_freeze freeze;
    bool     any_decoded;
    uint32_t next_timestamp;            /* audio: where the next packet begins when none is missing */
    int16_t  samples[MEDIA_OPUS_MAX_PACKET_SAMPLES * MEDIA_OPUS_DECODER_CHANNELS];

    pthread_mutex_t mutex;
    bool     first_frame_pending, key_frame_pending, failure_pending;
    struct media_receiver_event first_frame, key_frame, failure;
    uint64_t key_frame_asked_us;        /* 0: not since the last key frame */
    struct media_receiver_statistics statistics;
};

/* ---- events ------------------------------------------------------------------------------------------------------------- */

static void wake(const struct media_receiver *receiver) {
    if (receiver->wake != NULL) {
        receiver->wake(receiver->user);
    }
}

static void report_first_frame(struct media_receiver *receiver, uint32_t width, uint32_t height) {
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->first_frame = (struct media_receiver_event) {
        .kind = MEDIA_RECEIVER_FIRST_FRAME, .at_us = media_clock_now_us(), .width = width, .height = height
    };
    receiver->first_frame_pending = true;
    (void)pthread_mutex_unlock(&receiver->mutex);
    wake(receiver);
}

static void ask_key_frame(struct media_receiver *receiver) {
    uint64_t now_us = media_clock_now_us();

    (void)pthread_mutex_lock(&receiver->mutex);
    bool ask = receiver->key_frame_asked_us == 0 || now_us - receiver->key_frame_asked_us >= KEY_FRAME_INTERVAL_US;
    if (ask) {
        receiver->key_frame_asked_us = now_us;
        receiver->key_frame = (struct media_receiver_event) { .kind = MEDIA_RECEIVER_KEY_FRAME_NEEDED, .at_us = now_us };
        receiver->key_frame_pending = true;
    }
    (void)pthread_mutex_unlock(&receiver->mutex);
    if (ask) {
        wake(receiver);
    }
}

static void report_failure(struct media_receiver *receiver, const struct media_error *error) {
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->failure = (struct media_receiver_event) {
        .kind = MEDIA_RECEIVER_FAILED, .at_us = media_clock_now_us(), .error = *error
    };
    receiver->failure_pending = true;
    (void)pthread_mutex_unlock(&receiver->mutex);
    wake(receiver);
}

static void count_dropped(struct media_receiver *receiver) {
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.frames_dropped++;
    (void)pthread_mutex_unlock(&receiver->mutex);
}

/* ---- recording ------------------------------------------------------------------------------------------------------------ */

static void record(struct media_receiver *receiver, const struct media_queued_frame *frame) {
    struct media_error error = { 0 };
    bool written = false;
    bool good = true;

    if (receiver->ogg != NULL) {
        good = media_ogg_write(receiver->ogg, frame->bytes, frame->length_bytes, frame->timestamp, &written, &error);
    } else if (receiver->ivf != NULL) {
        good = media_ivf_write(receiver->ivf, frame->bytes, frame->length_bytes, frame->timestamp, &written, &error);
    }
    if (written) {
        (void)pthread_mutex_lock(&receiver->mutex);
        receiver->statistics.frames_recorded++;
        (void)pthread_mutex_unlock(&receiver->mutex);
    }
    if (!good) {
        (void)media_ogg_close(receiver->ogg, NULL);
        (void)media_ivf_close(receiver->ivf, NULL);
        receiver->ogg = NULL;
        receiver->ivf = NULL;
        report_failure(receiver, &error);
    }
}

static void close_recording(struct media_receiver *receiver) {
    struct media_error error = { 0 };

    bool good = media_ogg_close(receiver->ogg, &error);
    good = media_ivf_close(receiver->ivf, &error) && good;
    receiver->ogg = NULL;
    receiver->ivf = NULL;
    if (!good) {
        report_failure(receiver, &error);
    }
}

/* ---- audio ---------------------------------------------------------------------------------------------------------------- */

static void play(struct media_receiver *receiver, size_t count) {
    struct media_error error = { 0 };

    if (receiver->player != NULL && !media_player_samples(receiver->player, receiver->samples, count, &error)) {
        media_player_free(receiver->player);
        receiver->player = NULL;
        report_failure(receiver, &error);
    }
}

static double energy(const int16_t *samples, size_t count) {
    double sum = 0.0;
    for (size_t i = 0; i < count * MEDIA_OPUS_DECODER_CHANNELS; i++) {
        double value = samples[i] / 32768.0;
        sum += value * value;
    }
    return sum / MEDIA_OPUS_DECODER_CHANNELS / MEDIA_AUDIO_RATE_HZ;      /* mean square times seconds */
}

static void count_samples(struct media_receiver *receiver, size_t count, bool concealed) {
    double heard = energy(receiver->samples, count);

    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.total_samples_received += count;
    receiver->statistics.total_audio_energy += heard;
    receiver->statistics.concealed_samples += concealed ? count : 0;
    receiver->statistics.frames_decoded += concealed ? 0 : 1;
    receiver->statistics.key_frames_decoded += concealed ? 0 : 1;
    (void)pthread_mutex_unlock(&receiver->mutex);
    play(receiver, count);
}

/* Makes up for `hole` samples per channel before `frame`. The last missing packet may stand, coarsely, in the one that came: the in-band FEC of RFC 6716 section 2.1.7. */
static void conceal(struct media_receiver *receiver, const struct media_queued_frame *frame, size_t hole, size_t step) {
    size_t made = 0;

    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.concealment_events++;
    (void)pthread_mutex_unlock(&receiver->mutex);
    for (size_t rounds = 0; made + step <= hole && rounds < MEDIA_RECEIVER_MAX_CONCEALED_FRAMES; rounds++) {
        bool last = made + 2 * step > hole;
        size_t count = media_opus_decode_lost(receiver->opus, last ? frame->bytes : NULL, last ? frame->length_bytes : 0, step,
                                              receiver->samples);
        if (count == 0) {
            memset(receiver->samples, 0, step * MEDIA_OPUS_DECODER_CHANNELS * sizeof *receiver->samples);
        }
        count_samples(receiver, step, true);
        made += step;
    }
}

static void audio_frame(struct media_receiver *receiver, const struct media_queued_frame *frame) {
    size_t expected = media_opus_packet_samples(frame->bytes, frame->length_bytes);
    uint32_t hole = receiver->any_decoded ? frame->timestamp - receiver->next_timestamp : 0;

    if (expected == 0 || hole > INT32_MAX) {
        count_dropped(receiver);
        return;
    }
    record(receiver, frame);
    if (hole >= expected) {
        conceal(receiver, frame, hole, expected);
    }
    uint64_t began_us = media_clock_now_us();
    size_t count = media_opus_decode(receiver->opus, frame->bytes, frame->length_bytes, receiver->samples);
    uint64_t took_us = media_clock_now_us() - began_us;
    receiver->next_timestamp = frame->timestamp + (uint32_t)expected;
    if (count == 0) {
        count_dropped(receiver);
        return;
    }
    if (!receiver->any_decoded) {
        receiver->any_decoded = true;
        report_first_frame(receiver, 0, 0);
    }
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.total_decode_time_us += took_us;
    (void)pthread_mutex_unlock(&receiver->mutex);
    count_samples(receiver, count, false);
}

/* ---- video ---------------------------------------------------------------------------------------------------------------- */

static void count_picture(struct media_receiver *receiver, const struct media_picture *picture, bool key_frame, uint64_t took_us) {
    struct media_stamp stamp;
    bool stamped = media_stamp_read(picture->planes[0], picture->strides[0], picture->width, picture->height, &stamp);

    media_freeze_picture(&receiver->freeze, media_clock_now_us());
    (void)pthread_mutex_lock(&receiver->mutex);
    struct media_receiver_statistics *statistics = &receiver->statistics;
    statistics->frames_decoded++;
    statistics->key_frames_decoded += key_frame ? 1 : 0;
    statistics->frame_width = picture->width;
    statistics->frame_height = picture->height;
    statistics->total_decode_time_us += took_us;
    statistics->freeze_count = receiver->freeze.freeze_count;
    statistics->total_freezes_duration_us = receiver->freeze.total_freezes_duration_us;
    if (stamped) {
        statistics->last_stamp_number = stamp.number;
        statistics->last_stamp_time_ms = stamp.time_ms;
        statistics->stamps_read++;
    }
    if (key_frame) {
        receiver->key_frame_asked_us = 0;
    }
    (void)pthread_mutex_unlock(&receiver->mutex);
}

static void video_frame(struct media_receiver *receiver, const struct media_queued_frame *frame) {
    struct media_picture picture;
    struct media_video_header header;
    bool well_formed = media_video_header_read(receiver->codec, frame->bytes, frame->length_bytes, &header);

    record(receiver, frame);
    uint64_t began_us = media_clock_now_us();
    if (!well_formed || (!header.key_frame && !receiver->any_decoded) ||
        !media_vpx_decode(receiver->vpx, frame->bytes, frame->length_bytes, &picture)) {
        count_dropped(receiver);
        ask_key_frame(receiver);
        return;
    }
    count_picture(receiver, &picture, header.key_frame, media_clock_now_us() - began_us);
    if (!receiver->any_decoded) {
        receiver->any_decoded = true;
        report_first_frame(receiver, picture.width, picture.height);
    }
}

static void *run(void *argument) {
    struct media_receiver *receiver = argument;
    struct media_queued_frame frame;

    while (media_frame_queue_wait_pop(receiver->queue, &frame)) {
        if (receiver->codec == MEDIA_CODEC_OPUS) {
            audio_frame(receiver, &frame);
        } else {
            video_frame(receiver, &frame);
        }
        free(frame.bytes);
    }
    return NULL;
}

/* ---- the loop's side -------------------------------------------------------------------------------------------------------- */

static bool open_recording(struct media_receiver *receiver, const char *prefix, struct media_error *error) {
    bool audio = receiver->codec == MEDIA_CODEC_OPUS;
    const char *tail = audio ? "-audio.ogg" : "-video.ivf";
    size_t size = strlen(prefix) + strlen(tail) + 1;
    char *path = malloc(size);

    if (path == NULL) {
        media_error_file(error, "create", prefix, ENOMEM);
        return false;
    }
    (void)snprintf(path, size, "%s%s", prefix, tail);
    if (audio) {
        receiver->ogg = media_ogg_create(path, error);
    } else {
        receiver->ivf = media_ivf_create(path, receiver->codec, error);
    }
    free(path);
    return receiver->ogg != NULL || receiver->ivf != NULL;
}

static bool open_decoder(struct media_receiver *receiver, struct media_error *error) {
    if (receiver->codec == MEDIA_CODEC_OPUS) {
        receiver->opus = media_opus_decoder_new(error);
    } else {
        receiver->vpx = media_vpx_decoder_new(receiver->codec, error);
    }
    return receiver->opus != NULL || receiver->vpx != NULL;
}

static bool start_thread(struct media_receiver *receiver, struct media_error *error) {
    receiver->queue = media_frame_queue_new(MEDIA_RECEIVER_MAX_FRAMES);
    int code = receiver->queue == NULL ? ENOMEM : pthread_create(&receiver->thread, NULL, run, receiver);
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
    receiver->codec = config->codec;
    receiver->wake = config->wake;
    receiver->user = config->user;
    if (!media_player_open(config->codec, config->play, &receiver->player, error) || !open_decoder(receiver, error) ||
        (config->record_prefix != NULL && !open_recording(receiver, config->record_prefix, error)) ||
        !start_thread(receiver, error)) {
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
    close_recording(receiver);
}

void media_receiver_free(struct media_receiver *receiver) {
    if (receiver == NULL) {
        return;
    }
    media_receiver_finish(receiver);
    media_frame_queue_free(receiver->queue);
    media_opus_decoder_free(receiver->opus);
    media_vpx_decoder_free(receiver->vpx);
    media_player_free(receiver->player);
    (void)pthread_mutex_destroy(&receiver->mutex);
    free(receiver);
}

/* After a dropped picture the ones that refer to it are worth nothing: only a key frame gets in. */
static bool may_enter(const struct media_receiver *receiver, const uint8_t *bytes, size_t length_bytes) {
    struct media_video_header header;

    return !receiver->resynchronise || (media_video_header_read(receiver->codec, bytes, length_bytes, &header) && header.key_frame);
}

enum media_push media_receiver_push(struct media_receiver *receiver, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp) {
    struct media_queued_frame frame = { .length_bytes = length_bytes, .timestamp = timestamp };
    enum media_queue_result result = MEDIA_QUEUE_OK;

    if (length_bytes > MEDIA_RECEIVER_MAX_FRAME_BYTES) {
        count_dropped(receiver);
        return MEDIA_PUSH_TOO_LARGE;
    }
    result = may_enter(receiver, bytes, length_bytes) ? media_frame_queue_push(receiver->queue, &frame, bytes) : MEDIA_QUEUE_FULL;
    if (result == MEDIA_QUEUE_OK) {
        receiver->resynchronise = false;
        (void)pthread_mutex_lock(&receiver->mutex);
        receiver->statistics.frames_received++;
        (void)pthread_mutex_unlock(&receiver->mutex);
        return MEDIA_PUSH_OK;
    }
    count_dropped(receiver);
    if (!media_codec_is_audio(receiver->codec)) {
        receiver->resynchronise = true;
        ask_key_frame(receiver);
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
                 take_event(&receiver->failure_pending, &receiver->failure, event);
    (void)pthread_mutex_unlock(&receiver->mutex);
    return taken;
}

void media_receiver_statistics(struct media_receiver *receiver, struct media_receiver_statistics *statistics) {
    (void)pthread_mutex_lock(&receiver->mutex);
    *statistics = receiver->statistics;
    (void)pthread_mutex_unlock(&receiver->mutex);
}
