/* From a source to encoded frames: one thread per sender captures by the clock and encodes; the loop's thread polls frames.
 *
 * All functions here belong to the loop's thread. The sender's own thread calls nothing of the caller's but `wake`. */
#ifndef MEDIA_SENDER_H
#define MEDIA_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"
#include "app/media/video_source.h"

enum {
    MEDIA_SENDER_MAX_FRAMES = 64,          /* encoded and not yet polled; a further one is dropped and counted */
    MEDIA_AUDIO_DEFAULT_BPS = 48000,
    MEDIA_AUDIO_MIN_BPS = 6000,            /* RFC 6716 section 2.1.1 */
    MEDIA_AUDIO_MAX_BPS = 510000,
    MEDIA_VIDEO_DEFAULT_BPS = 1700000,
    MEDIA_VIDEO_MIN_BPS = 30000,
    MEDIA_VIDEO_MAX_BPS = 50000000
};

struct media_sender_config {
    enum media_codec codec;                /* OPUS makes it an audio sender, VP8 and VP9 a video sender */
    const char *source;                    /* the --audio or --video argument, not "none"; read during _new only */
    struct media_video_source_config video;/* ignored for audio */
    uint32_t bitrate_bps;                  /* 0: the default of the kind; outside MIN..MAX: clamped */
    void   (*wake)(void *user);            /* copied; called on the sender's thread after a frame or failure became pollable: must be
                                              safe there (uv_async_send is) and must not call the sender. NULL: poll by timer. */
    void    *user;
};

/* A frame ready for rtp. */
struct media_frame {
    const uint8_t *bytes;                  /* the sender's, valid until the next media_sender_poll_frame or _free */
    size_t   length_bytes;
    uint32_t timestamp;                    /* RTP clock (48000 Hz Opus, 90000 Hz VP8), 0 at the first frame: add a random offset */
    uint32_t duration;                     /* in the same clock */
    uint64_t capture_time_us;              /* CLOCK_MONOTONIC of the nominal capture instant: audio and video share it, so
                                              that sender reports line them up */
    uint32_t number;                       /* of the picture in its source; for audio the frame's index */
    bool     key_frame;                    /* always true for audio */
};

struct media_sender_statistics {           /* W3C names where webrtc-stats has one */
    uint64_t frames_captured;              /* media-source frames */
    uint64_t frames_encoded, key_frames_encoded;
    uint64_t frames_skipped;               /* never encoded: the encoder was more than MEDIA_SENDER_MAX_LATE_US behind */
    uint64_t frames_dropped;               /* encoded, but nobody polled: the queue was full */
    uint64_t bytes_encoded;
    uint64_t total_encode_time_us;
    uint32_t frame_width, frame_height;    /* 0 for audio */
    uint32_t target_bitrate_bps;
    bool     source_ended;                 /* the file is over: audio goes on as silence, video has stopped */
};

enum { MEDIA_SENDER_MAX_LATE_US = 250000 };

struct media_sender;

/* Opens the source and the encoder; nothing runs yet. Returns the sender, the caller's until _free, or NULL with *error filled:
 * print it and exit with its code. */
struct media_sender *media_sender_new(const struct media_sender_config *config, struct media_error *error);

/* Starts the thread: the first frame is captured now. Call it once, when the transport is connected; a second call does nothing.
 * Returns false with *error when no thread can be had. */
bool media_sender_start(struct media_sender *sender, struct media_error *error);

/* Stops the thread, waits for it (at most one frame's work), frees everything. NULL is fine. */
void media_sender_free(struct media_sender *sender);

/* The next encoded frame, oldest first; false when there is none. Drain it after each wake. */
bool media_sender_poll_frame(struct media_sender *sender, struct media_frame *frame);

/* True once the source or the encoder has failed in mid-call: *error is filled, no more frames come. The call may go on without it. */
bool media_sender_failed(struct media_sender *sender, struct media_error *error);

/* The next encoded picture will be a key frame (RFC 4585 section 6.3.1, a PLI came in). Any number of calls before it make one. */
void media_sender_request_key_frame(struct media_sender *sender);

/* New target, clamped to the limits of the kind; holds from the next encoded frame. */
void media_sender_set_bitrate(struct media_sender *sender, uint32_t bitrate_bps);

/* Expected loss in percent, 0..100: Opus spends on in-band FEC accordingly. Ignored for video. */
void media_sender_set_packet_loss(struct media_sender *sender, unsigned percent);

void media_sender_statistics(struct media_sender *sender, struct media_sender_statistics *statistics);

#endif
