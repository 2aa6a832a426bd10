/* From a source to frames for rtp: one thread per sender captures by the clock and encodes, or takes frames of a file as they are; the loop's
 * thread polls them. The source is opened first, so that a call knows what it has to offer; the codec is chosen when one was agreed, and may
 * change with every later agreement.
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

enum media_kind { MEDIA_AUDIO, MEDIA_VIDEO };

struct media_sender_config {
    enum media_kind kind;
    const char *source;                    /* the --audio or --video argument, not "none"; read during _new only */
    struct media_video_source_config video;/* ignored for audio; FILE.h264 takes its fps */
    uint32_t bitrate_bps;                  /* 0: the default of the kind; outside MIN..MAX: clamped; ignored for files that are sent as they are */
    void   (*wake)(void *user);            /* copied; called on the sender's thread after a frame or failure became pollable: must be
                                              safe there (uv_async_send is) and must not call the sender. NULL: poll by timer. */
    void    *user;
};

/* A frame ready for rtp. */
struct media_frame {
    const uint8_t *bytes;                  /* the sender's, valid until the next media_sender_poll_frame or _free */
    size_t   length_bytes;
    uint32_t timestamp;                    /* RTP clock of the codec (media_codec_clock_hz), 0 at the first frame: add a random offset */
    uint32_t duration;                     /* in the same clock */
    uint64_t capture_time_us;              /* CLOCK_MONOTONIC of the nominal capture instant: audio and video share it, so
                                              that sender reports line them up */
    uint32_t number;                       /* of the picture in its source; for audio the frame's index */
    bool     key_frame;                    /* always true for audio */
};

struct media_sender_statistics {           /* W3C names where webrtc-stats has one */
    uint64_t frames_captured;              /* media-source frames */
    uint64_t frames_encoded, key_frames_encoded;   /* those of a file, which are only passed on, count as well */
    uint64_t frames_skipped;               /* never encoded: the encoder was more than MEDIA_SENDER_MAX_LATE_US behind */
    uint64_t frames_dropped;               /* encoded, but nobody polled: the queue was full */
    uint64_t bytes_encoded;
    uint64_t total_encode_time_us;
    uint32_t frame_width, frame_height;    /* 0 for audio */
    bool     has_frames_per_second, has_source_frames_per_second;  /* not within the first second (rate.h) */
    uint32_t frames_per_second;            /* encoded */
    uint32_t source_frames_per_second;     /* captured */
    uint64_t total_samples_captured;       /* of sound, per channel at 48 kHz */
    double   total_audio_energy;           /* of them (audio_energy.h); 0 for a file, which is not decoded */
    uint32_t target_bitrate_bps;           /* 0: a file, sent as it is */
    bool     source_ended;                 /* the file is over: audio goes on as silence, video has stopped */
};

enum {
    MEDIA_SENDER_MAX_LATE_US = 250000,
    MEDIA_SENDER_KEY_FRAME_INTERVAL_US = 500000    /* of a file, asked for: a request that comes sooner after a key frame waits until then */
};

struct media_sender;

/* Opens the source; nothing runs yet. Returns the sender, the caller's until _free, or NULL with *error filled: print it and exit
 * with its code. */
struct media_sender *media_sender_new(const struct media_sender_config *config, struct media_error *error);

/* The codec of a file that is sent as it is; MEDIA_CODEC_NONE: raw sound or pictures, to be encoded. */
enum media_codec media_sender_source_codec(const struct media_sender *sender);

/* Whether this source can be sent as that codec: a file as its own only, what is raw as every codec of its kind that has an encoder. */
bool media_sender_can_send(const struct media_sender *sender, enum media_codec codec);

/* Makes ready to send as `codec`, which media_sender_can_send, once it is agreed and while the transport is still on its way: the thread
 * starts, opens the encoder, which costs some milliseconds that the first picture need not wait for then, and rests. Nothing is captured
 * before _start. If it sends or rests with that codec already it does nothing; what it did with another one is stopped. Returns false with
 * *error when the thread cannot be had; if the encoder cannot, _failed tells. */
bool media_sender_prepare(struct media_sender *sender, enum media_codec codec, struct media_error *error);

/* Sends as `codec`, which media_sender_can_send: opens the encoder and starts the thread, unless both were prepared; the next frame is
 * captured now. With the codec that it sends already it does nothing. With another one it changes over: frames of the old one that were not
 * polled are dropped, the first of the new one is a key frame, and the source and the clock go on. Call it when the transport is
 * connected. Returns false with *error when encoder or thread cannot be had. */
bool media_sender_start(struct media_sender *sender, enum media_codec codec, struct media_error *error);

/* Stops sending: the thread ends (it waits for at most one frame's work, or for the encoder to be opened), the encoder is freed, what was
 * not polled is dropped. The source stands where it is until _start is called again. */
void media_sender_stop(struct media_sender *sender);

/* Stops, frees everything. NULL is fine. */
void media_sender_free(struct media_sender *sender);

/* The next encoded frame, oldest first; false when there is none. Drain it after each wake. */
bool media_sender_poll_frame(struct media_sender *sender, struct media_frame *frame);

/* True once the source or the encoder has failed in mid-call: *error is filled, no more frames come. The call may go on without it. */
bool media_sender_failed(struct media_sender *sender, struct media_error *error);

/* The next encoded picture will be a key frame (RFC 4585 section 6.3.1, a PLI came in). Any number of calls before it make one. A file goes
 * to its next key frame, or to its beginning (file_source.h). */
void media_sender_request_key_frame(struct media_sender *sender);

/* New target, clamped to the limits of the kind; holds from the next encoded frame. */
void media_sender_set_bitrate(struct media_sender *sender, uint32_t bitrate_bps);

/* Expected loss in percent, 0..100: Opus spends on in-band FEC accordingly. Ignored for video. */
void media_sender_set_packet_loss(struct media_sender *sender, unsigned percent);

void media_sender_statistics(struct media_sender *sender, struct media_sender_statistics *statistics);

#endif
