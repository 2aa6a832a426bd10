/* Where the pictures that we send come from: I420 at a constant rate.
 *
 * Like an audio source it has no clock: it gives the next picture whenever it is asked; media_sender paces. One thread at a time. */
#ifndef VIDEO_SOURCE_H
#define VIDEO_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "app/media/audio_source.h"
#include "app/media/media_error.h"
#include "app/media/picture.h"

enum {
    MEDIA_VIDEO_DEFAULT_WIDTH = 640,
    MEDIA_VIDEO_DEFAULT_HEIGHT = 480,
    MEDIA_VIDEO_DEFAULT_FPS = 30,
    MEDIA_VIDEO_MAX_FPS = 240
};

/* Zeroed is a fine configuration. */
struct media_video_source_config {
    uint32_t width, height;   /* --size; 0: 640x480 for pattern, a file's own size. A file of another size is scaled. */
    uint32_t fps;             /* --fps for pattern; 0: 30. A file is played at its own rate, whatever this says. */
    bool     stamp;           /* --stamp: burn frame number and send time into every picture (stamp.h); pattern always does */
};

struct media_video_source;

/* Opens the source that `spec` (a --video argument, read during the call only) names:
 *   pattern      a moving picture full of detail, stamped, without end
 *   FILE.y4m     YUV4MPEG2, 4:2:0 of 8 bits, progressive; played once, then MEDIA_READ_END: the sender stops sending video,
 *                and what the other side sees is the last picture
 * FILE.ivf and FILE.h264 are sent as they are (file_source.h). v4l2 and screen come in a later version and are refused until then with these
 * words. "none" is not a source.
 * Returns the source, the caller's until _free, or NULL with *error filled, as media_audio_source_open does. */
struct media_video_source *media_video_source_open(const char *spec, const struct media_video_source_config *config,
                                                   struct media_error *error);

/* NULL is fine. */
void media_video_source_free(struct media_video_source *source);

uint32_t media_video_source_width(const struct media_video_source *source);
uint32_t media_video_source_height(const struct media_video_source *source);

/* Frames per second as a fraction (30/1, 30000/1001), both at least 1, the quotient at most MEDIA_VIDEO_MAX_FPS. */
void media_video_source_rate(const struct media_video_source *source, uint32_t *numerator, uint32_t *denominator);

/* The next picture; the first has number 0. `stamp_time_ms` is burnt in when the source stamps (see stamp.h), else ignored.
 * *picture is a view of the source's own memory, valid until the next call on it; *number counts what was read or skipped. */
enum media_read media_video_source_read(struct media_video_source *source, uint32_t stamp_time_ms,
                                        struct media_picture *picture, uint32_t *number, struct media_error *error);

/* Passes over one picture: it gets its number and is never seen. For a sender that is late. */
enum media_read media_video_source_skip(struct media_video_source *source, struct media_error *error);

#endif
