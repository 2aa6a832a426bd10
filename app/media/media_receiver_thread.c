#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/audio_energy.h"
#include "app/media/audio_source.h"
#include "app/media/media_clock_internal.h"
#include "app/media/media_error_internal.h"
#include "app/media/media_receiver_internal.h"
#include "app/media/stamp.h"
#include "app/media/video_header.h"

enum { KEY_FRAME_INTERVAL_US = 200000 };

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

void media_receiver_ask_key_frame(struct media_receiver *receiver) {
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

void media_receiver_count_dropped(struct media_receiver *receiver) {
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.frames_dropped++;
    (void)pthread_mutex_unlock(&receiver->mutex);
}

static void report_no_decoder(struct media_receiver *receiver) {
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->no_decoder = (struct media_receiver_event) {
        .kind = MEDIA_RECEIVER_NO_DECODER, .at_us = media_clock_now_us(), .codec = receiver->codec
    };
    receiver->no_decoder_pending = true;
    (void)pthread_mutex_unlock(&receiver->mutex);
    wake(receiver);
}

/* ---- recording ------------------------------------------------------------------------------------------------------------ */

static void give_up_recording(struct media_receiver *receiver, const struct media_error *error) {
    (void)media_recording_close(receiver->recording, NULL);
    receiver->recording = NULL;
    free(receiver->record_prefix);
    receiver->record_prefix = NULL;
    report_failure(receiver, error);
}

static void record(struct media_receiver *receiver, const struct media_queued_frame *frame) {
    struct media_error error = { 0 };
    bool written = false;

    if (receiver->recording == NULL) {
        return;
    }
    bool good = media_recording_write(receiver->recording, frame->bytes, frame->length_bytes, frame->timestamp, &written, &error);
    if (written) {
        (void)pthread_mutex_lock(&receiver->mutex);
        receiver->statistics.frames_recorded++;
        (void)pthread_mutex_unlock(&receiver->mutex);
    }
    if (!good) {
        give_up_recording(receiver, &error);
    }
}

void media_receiver_close_recording(struct media_receiver *receiver) {
    struct media_error error = { 0 };

    if (!media_recording_close(receiver->recording, &error)) {
        report_failure(receiver, &error);
    }
    receiver->recording = NULL;
}

/* The next file: of another codec, with a number of its own unless nothing stands in the one before. */
static bool open_recording(struct media_receiver *receiver, enum media_codec codec, struct media_error *error) {
    if (receiver->record_prefix == NULL) {
        return true;
    }
    if (receiver->recording != NULL && !media_recording_has_begun(receiver->recording)) {
        media_recording_discard(receiver->recording);
        receiver->recording = NULL;
        receiver->part--;
    }
    media_receiver_close_recording(receiver);
    receiver->recording = media_recording_create(receiver->record_prefix, codec, receiver->part + 1, error);
    receiver->part += receiver->recording != NULL ? 1 : 0;
    return receiver->recording != NULL;
}

/* ---- the codec -------------------------------------------------------------------------------------------------------------- */

static bool open_decoder(struct media_receiver *receiver, enum media_codec codec, struct media_error *error) {
    if (!media_codec_is_coded(codec)) {
        return true;
    }
    if (media_codec_is_audio(codec)) {
        receiver->sound = media_audio_decoder_new(codec, error);
        return receiver->sound != NULL;
    }
    receiver->vpx = media_vpx_decoder_new(codec, error);
    return receiver->vpx != NULL;
}

bool media_receiver_open_codec(struct media_receiver *receiver, enum media_codec codec, struct media_error *error) {
    media_audio_decoder_free(receiver->sound);
    media_vpx_decoder_free(receiver->vpx);
    receiver->sound = NULL;
    receiver->vpx = NULL;
    receiver->codec = codec;
    receiver->any_decoded = false;
    bool decodes = open_decoder(receiver, codec, error);
    return open_recording(receiver, codec, decodes ? error : NULL) && decodes;
}

/* The sender has changed over: RFC 3264 section 8.3.2 lets it, at any time, to whatever was agreed. */
static void change_codec(struct media_receiver *receiver, enum media_codec codec) {
    struct media_error error = { 0 };

    if (!media_receiver_open_codec(receiver, codec, &error)) {
        report_failure(receiver, &error);
    }
}

static void note_decoded(struct media_receiver *receiver, const struct media_queued_frame *frame, uint32_t width, uint32_t height) {
    receiver->any_decoded = true;
    if (!receiver->any_shown) {
        receiver->any_shown = true;
        report_first_frame(receiver, width, height);
    }
    if (frame->capture_unix_us != 0) {
        (void)pthread_mutex_lock(&receiver->mutex);
        receiver->statistics.playout_unix_us = frame->capture_unix_us;
        receiver->statistics.playout_at_us = media_clock_now_us();
        (void)pthread_mutex_unlock(&receiver->mutex);
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

static void count_samples(struct media_receiver *receiver, size_t count, bool concealed) {
    double heard = media_audio_energy(receiver->samples, count, MEDIA_AUDIO_DECODED_CHANNELS);

    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.total_samples_received += count;
    receiver->statistics.total_audio_energy += heard;
    receiver->statistics.concealed_samples += concealed ? count : 0;
    receiver->statistics.frames_decoded += concealed ? 0 : 1;
    receiver->statistics.key_frames_decoded += concealed ? 0 : 1;
    (void)pthread_mutex_unlock(&receiver->mutex);
    play(receiver, count);
}

/* Makes up for `hole` (codec's clock) before `frame`. The last missing packet may stand, coarsely, in the one that came: the in-band FEC of RFC 6716 section 2.1.7. */
static void conceal(struct media_receiver *receiver, const struct media_queued_frame *frame, size_t hole, size_t step) {
    size_t made = 0;

    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.concealment_events++;
    (void)pthread_mutex_unlock(&receiver->mutex);
    for (size_t rounds = 0; made + step <= hole && rounds < MEDIA_RECEIVER_MAX_CONCEALED_FRAMES; rounds++) {
        bool last = made + 2 * step > hole;
        size_t count = media_audio_decode_lost(receiver->sound, last ? frame->bytes : NULL, last ? frame->length_bytes : 0, step, receiver->samples);
        count_samples(receiver, count, true);
        made += step;
    }
}

static void audio_frame(struct media_receiver *receiver, const struct media_queued_frame *frame) {
    size_t expected = media_audio_packet_duration(receiver->codec, frame->bytes, frame->length_bytes);
    uint32_t hole = receiver->any_decoded ? frame->timestamp - receiver->next_timestamp : 0;

    if (receiver->sound == NULL || expected == 0 || hole > INT32_MAX) {
        media_receiver_count_dropped(receiver);
        return;
    }
    record(receiver, frame);
    if (hole >= expected) {
        conceal(receiver, frame, hole, expected);
    }
    uint64_t began_us = media_clock_now_us();
    size_t count = media_audio_decode(receiver->sound, frame->bytes, frame->length_bytes, receiver->samples);
    uint64_t took_us = media_clock_now_us() - began_us;
    receiver->next_timestamp = frame->timestamp + (uint32_t)expected;
    if (count == 0) {
        media_receiver_count_dropped(receiver);
        return;
    }
    note_decoded(receiver, frame, 0, 0);
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
    media_rate_count(&receiver->decoded, media_clock_now_us());
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

/* H264 and AV1: what came is worth recording from its first key frame on. */
static void undecoded_frame(struct media_receiver *receiver, const struct media_video_header *header) {
    if (!receiver->any_decoded) {
        receiver->any_decoded = true;
        report_no_decoder(receiver);
    }
    (void)pthread_mutex_lock(&receiver->mutex);
    receiver->statistics.frames_without_decoder++;
    if (header->has_size) {
        receiver->statistics.frame_width = header->width;
        receiver->statistics.frame_height = header->height;
    }
    if (header->key_frame) {
        receiver->key_frame_asked_us = 0;
    }
    (void)pthread_mutex_unlock(&receiver->mutex);
}

static void video_frame(struct media_receiver *receiver, const struct media_queued_frame *frame) {
    struct media_picture picture;
    struct media_video_header header;
    bool well_formed = media_video_header_read(receiver->codec, frame->bytes, frame->length_bytes, &header);
    bool may_begin = header.key_frame || receiver->any_decoded;

    record(receiver, frame);
    if (well_formed && may_begin && !media_codec_is_coded(receiver->codec)) {
        undecoded_frame(receiver, &header);
        return;
    }
    uint64_t began_us = media_clock_now_us();
    if (!well_formed || !may_begin || receiver->vpx == NULL ||
        !media_vpx_decode(receiver->vpx, frame->bytes, frame->length_bytes, &picture)) {
        media_receiver_count_dropped(receiver);
        media_receiver_ask_key_frame(receiver);
        return;
    }
    count_picture(receiver, &picture, header.key_frame, media_clock_now_us() - began_us);
    note_decoded(receiver, frame, picture.width, picture.height);
}

void *media_receiver_run(void *argument) {
    struct media_receiver *receiver = argument;
    struct media_queued_frame frame;

    while (media_frame_queue_wait_pop(receiver->queue, &frame)) {
        if (frame.codec != receiver->codec) {
            change_codec(receiver, frame.codec);
        }
        if (receiver->kind == MEDIA_AUDIO) {
            audio_frame(receiver, &frame);
        } else {
            video_frame(receiver, &frame);
        }
        free(frame.bytes);
    }
    return NULL;
}
