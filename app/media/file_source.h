/* Frames of a file that are sent as they are: FILE.ivf (VP8, VP9, AV1), FILE.h264 (Annex B), FILE.opus (Ogg). Nothing is decoded or encoded.
 *
 * The whole file is read and judged when it is opened; it is played over and over: behind its last frame comes its first. Like the other
 * sources it has no clock: it gives the next frame, and when it is due. One thread at a time. */
#ifndef MEDIA_FILE_SOURCE_H
#define MEDIA_FILE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/media_error.h"

enum {
    MEDIA_FILE_MAX_BYTES = 256 * 1024 * 1024,      /* of a file */
    MEDIA_FILE_MAX_FRAME_BYTES = 1024 * 1024,      /* of a frame: what a connection takes at once */
    MEDIA_FILE_MAX_FPS = 240                       /* on the average of a file; a flood is no film */
};

struct media_file_source;

/* True when the name ends like a file that is sent as it is. */
bool media_file_source_is(const char *path);

/* Opens it. `fps` paces FILE.h264, which has no times of its own; 0: 30. Others go by their own times.
 * NULL with *error: MEDIA_EXIT_BAD_FILE says at which byte which rule is broken; the first frame must be a key frame, since the
 * file is repeated. */
struct media_file_source *media_file_source_open(const char *path, uint32_t fps, struct media_error *error);

/* NULL is fine. */
void media_file_source_free(struct media_file_source *source);

enum media_codec media_file_source_codec(const struct media_file_source *source);

/* As the first key frame says, 0 when it does not (sound; H264 whose parameters are not understood). */
void media_file_source_size(const struct media_file_source *source, uint32_t *width, uint32_t *height);

struct media_file_frame {
    const uint8_t *bytes;                          /* the source's, until it is freed */
    size_t   length_bytes;
    uint64_t time;                                 /* in the codec's clock since the first frame; it grows on when the file is repeated */
    uint32_t duration;
    uint32_t number;                               /* counts all that were given */
    bool     key_frame;                            /* sound: always */
};

/* When the next frame is due, in the codec's clock since the first. */
uint64_t media_file_source_next_time(const struct media_file_source *source);

/* True when it is one that decoding may begin with; sound: always. */
bool media_file_source_next_is_key_frame(const struct media_file_source *source);

/* The next frame. There always is one. */
void media_file_source_read(struct media_file_source *source, struct media_file_frame *frame);

/* Somebody needs a key frame: the next read gives the next key frame of the file, or its first frame when no other follows. What is
 * between is left out, and the time does not jump: the key frame is due when the next frame would have been. Sound: nothing changes. */
void media_file_source_seek_key_frame(struct media_file_source *source);

#endif
