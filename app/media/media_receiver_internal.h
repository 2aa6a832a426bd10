/* What the two halves of a receiver share: the loop's side (media_receiver.c) and its thread (media_receiver_thread.c). */
#ifndef MEDIA_RECEIVER_INTERNAL_H
#define MEDIA_RECEIVER_INTERNAL_H

#include <pthread.h>

#include "app/media/audio_codec.h"
#include "app/media/frame_queue.h"
#include "app/media/freeze.h"
#include "app/media/media_receiver.h"
#include "app/media/player_internal.h"
#include "app/media/rate.h"
#include "app/media/recording.h"
#include "app/media/vpx_codec.h"

/* The thread owns decoder, recording and player; what the loop and the thread share stands under the mutex. */
struct media_receiver {
    enum media_kind kind;
    void (*wake)(void *user);
    void  *user;
    struct media_frame_queue *queue;
    pthread_t thread;
    bool thread_runs;
    bool resynchronise;                 /* loop's: a picture was dropped, the next to be taken is a key frame */

    enum media_codec codec;             /* of the last frame, NONE before the first */
    struct media_audio_decoder *sound;  /* NULL where the codec is of the other kind, or not decoded here */
    struct media_vpx_decoder *vpx;
    char    *record_prefix;             /* NULL: nothing is recorded, or it failed */
    struct media_recording *recording;
    unsigned part;                      /* of the recording, from 1 */
    struct media_player *player;
    struct media_freeze freeze;
    bool     any_decoded;               /* of this codec, */
    bool     any_shown;                 /* and of any */
    uint32_t next_timestamp;            /* audio: where the next packet begins when none is missing */
    int16_t  samples[MEDIA_AUDIO_MAX_PACKET_SAMPLES * MEDIA_AUDIO_DECODED_CHANNELS];

    pthread_mutex_t mutex;
    bool     first_frame_pending, key_frame_pending, no_decoder_pending, failure_pending;
    struct media_receiver_event first_frame, key_frame, no_decoder, failure;
    uint64_t key_frame_asked_us;        /* 0: not since the last key frame */
    struct media_rate decoded;          /* pictures */
    struct media_receiver_statistics statistics;
};

/* The thread: `argument` is the receiver. */
void *media_receiver_run(void *argument);

/* Decoder and recording for frames of `codec`, in place of those there are. False with *error when one cannot be had; what can is there. */
bool media_receiver_open_codec(struct media_receiver *receiver, enum media_codec codec, struct media_error *error);

/* Completes the recording; a failure becomes an event. */
void media_receiver_close_recording(struct media_receiver *receiver);

void media_receiver_ask_key_frame(struct media_receiver *receiver);
void media_receiver_count_dropped(struct media_receiver *receiver);

#endif
