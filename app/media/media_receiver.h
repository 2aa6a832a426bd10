/* From received frames to a recording and decoded sound or pictures: one thread per receiver decodes, the loop's thread pushes. Every frame says
 * its codec: whoever sends may change it at any time among those that were agreed.
 *
 * All functions here belong to the loop's thread. The receiver's own thread calls nothing of the caller's but `wake`. */
#ifndef MEDIA_RECEIVER_H
#define MEDIA_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"
#include "app/media/media_sender.h"

enum {
    MEDIA_RECEIVER_MAX_FRAMES = 256,             /* pushed and not yet decoded */
    MEDIA_RECEIVER_MAX_FRAME_BYTES = 4 * 1024 * 1024,
    MEDIA_RECEIVER_MAX_CONCEALED_FRAMES = 50     /* of audio in a row: a longer hole is silence, not invention */
};

struct media_receiver_config {
    enum media_kind kind;
    enum media_codec codec;                /* that is expected: its decoder and recording are made at once, so that what fails does so now. NONE: with
                                              the first frame */
    const char *record_prefix;             /* --record, see recording.h: the files are overwritten; NULL: none */
    const char *play;                      /* --play: none, alsa (audio), sdl (video), term; NULL is none. One that belongs to the
                                              other kind is none. Both strings are read during _new only. */
    void   (*wake)(void *user);            /* as media_sender's: after an event became pollable */
    void    *user;
};

enum media_receiver_event_kind {
    MEDIA_RECEIVER_FIRST_FRAME,            /* decoded; once. --json firstframe */
    MEDIA_RECEIVER_KEY_FRAME_NEEDED,       /* the decoder cannot go on: send a PLI. Coalesced; again at most every 200 ms while
                                              frames keep failing */
    MEDIA_RECEIVER_NO_DECODER,             /* frames of a codec that this program cannot decode (media_codec_is_coded): they are counted and
                                              recorded. Once for each codec in a row */
    MEDIA_RECEIVER_FAILED                  /* the recording, the player or a new decoder failed and was closed; the rest goes on */
};

struct media_receiver_event {
    enum media_receiver_event_kind kind;
    uint64_t at_us;                        /* CLOCK_MONOTONIC of the fact itself, not of the poll */
    uint32_t width, height;                /* FIRST_FRAME of video */
    enum media_codec codec;                /* NO_DECODER */
    struct media_error error;              /* FAILED */
};

struct media_receiver_statistics {         /* W3C names, RTCInboundRtpStreamStats */
    uint64_t frames_received;              /* pushed and taken */
    uint64_t frames_decoded, key_frames_decoded;
    uint64_t frames_dropped;               /* queue full, before the first key frame, or refused by the decoder */
    uint32_t frame_width, frame_height;
    bool     has_frames_per_second;        /* not within the first second (rate.h) */
    uint32_t frames_per_second;            /* decoded */
    uint64_t total_decode_time_us;
    uint64_t freeze_count, total_freezes_duration_us;
    uint64_t total_samples_received;       /* audio, per channel at 48 kHz whatever the codec, concealed ones included */
    uint64_t concealed_samples, concealment_events;
    double   total_audio_energy;           /* webrtc-stats: sum of (rms/full scale)^2 * seconds */
    uint64_t frames_recorded;
    uint64_t frames_without_decoder;       /* received, and of a codec that this program does not decode: neither decoded nor dropped */
    int64_t  playout_unix_us;              /* estimatedPlayoutTimestamp: when the last frame decoded was captured, by the sender's wall clock, */
    uint64_t playout_at_us;                /* and CLOCK_MONOTONIC when it was ready to be played. 0: no frame's capture time is known yet */
    uint32_t last_stamp_number, last_stamp_time_ms, stamps_read;  /* from stamped pictures (stamp.h); 0 read: none seen */
};

struct media_receiver;

/* Opens decoder, recording and player, and starts the thread. Returns the receiver, the caller's until _free, or NULL with *error. */
struct media_receiver *media_receiver_new(const struct media_receiver_config *config, struct media_error *error);

/* Decodes what is still queued, closes the recording (headers and last page complete), stops the thread. Events and statistics can
 * be read afterwards, and are final; further pushes are dropped. Calling it is optional, but only here a failure to complete the
 * recording still becomes an event. */
void media_receiver_finish(struct media_receiver *receiver);

/* Finishes if that was not done, frees. NULL is fine. */
void media_receiver_free(struct media_receiver *receiver);

enum media_push {
    MEDIA_PUSH_OK,
    MEDIA_PUSH_QUEUE_FULL,                 /* MEDIA_RECEIVER_MAX_FRAMES wait: dropped and counted. Video then wants a key frame: an
                                              event says so */
    MEDIA_PUSH_TOO_LARGE,                  /* more than MEDIA_RECEIVER_MAX_FRAME_BYTES: the peer's fault, dropped and counted */
    MEDIA_PUSH_WRONG_KIND,                 /* sound for a receiver of pictures, or the other way round: dropped and counted */
    MEDIA_PUSH_NO_MEMORY
};

/* One frame in decoding order, as the jitter buffer releases it: a packet of sound, or a whole frame as media_codec.h describes it.
 * The bytes are copied. `timestamp` is the RTP timestamp as received (any offset, wraps freely): the recording's clock, and for audio
 * the way a hole shows: a jump of k frames conceals k (in-band FEC for the last of them when the packet carries it). Frames
 * whose audio timestamp is not newer than the last are dropped. For video, pass no frame whose references were lost: the decoder does not
 * notice and the picture drifts; the jitter buffer knows. `capture_unix_us`: when it was captured, by the sender's wall clock, in microseconds since
 * 1970; 0 as long as no sender report has said so. A frame of the other kind of codec is dropped and counted. */
enum media_push media_receiver_push(struct media_receiver *receiver, enum media_codec codec, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp,
                                    int64_t capture_unix_us);

/* The next event; false when there is none. At most one of each kind waits. */
bool media_receiver_poll_event(struct media_receiver *receiver, struct media_receiver_event *event);

void media_receiver_statistics(struct media_receiver *receiver, struct media_receiver_statistics *statistics);

#endif
