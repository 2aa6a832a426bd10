/* What the two halves of a sender share: the loop's side (media_sender.c) and its thread (media_sender_thread.c). */
#ifndef MEDIA_SENDER_INTERNAL_H
#define MEDIA_SENDER_INTERNAL_H

#include <pthread.h>

#include "app/media/audio_codec.h"
#include "app/media/audio_source.h"
#include "app/media/file_source.h"
#include "app/media/frame_queue.h"
#include "app/media/media_sender.h"
#include "app/media/rate.h"
#include "app/media/vpx_codec.h"

struct media_sender {
    enum media_kind kind;
    void (*wake)(void *user);
    void  *user;
    struct media_frame_queue *queue;
    uint8_t *polled_bytes;              /* of the frame that the loop looks at */

    /* The source: one of three. The thread's while it runs. */
    struct media_audio_source *audio;
    struct media_video_source *video;
    struct media_file_source *file;
    uint32_t rate_numerator, rate_denominator;      /* raw: frames a second */
    uint64_t index;                     /* raw: of the next frame */

    /* What is sent: the encoder, unless it is a file. */
    enum media_codec codec;             /* NONE: nothing */
    struct media_audio_encoder *audio_encoder;
    struct media_vpx_encoder *vpx;

    uint64_t start_us;                  /* the first start: timestamp 0. 0: never yet */
    uint64_t origin_us;                 /* when the source's frame 0 was, or would have been, due: later than start_us by all its rests */
    uint64_t key_frame_sent_us;         /* of a file */

    pthread_t thread;
    bool runs;                          /* loop's: the thread is there */
    pthread_mutex_t mutex;              /* of everything below */
    pthread_cond_t  changed;            /* of stop or rests */
    bool stop;
    bool rests;                         /* prepared, not started: the thread opens the encoder and waits */
    bool key_frame_wanted;
    bool failed;
    struct media_error error;
    uint32_t bitrate_bps;
    unsigned packet_loss_percent;
    bool settings_changed;
    struct media_rate captured, encoded;  /* pictures */
    struct media_sender_statistics statistics;
};

/* When the frame that comes next is due after frame 0, in units of 1/clock seconds. */
uint64_t media_sender_next_time(const struct media_sender *sender, uint64_t clock);

/* Of the codec; a file goes to a key frame instead. The thread's, as long as it runs. */
bool media_sender_open_encoder(struct media_sender *sender, struct media_error *error);

/* The thread: `argument` is the sender. */
void *media_sender_run(void *argument);

#endif
