/* The header lines of a YUV4MPEG2 file (.y4m): pictures without compression. Pure: bytes in, facts out. */
#ifndef MEDIA_Y4M_H
#define MEDIA_Y4M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"

enum {
    MEDIA_Y4M_MAX_LINE_BYTES = 256,          /* of a header line, newline included */
    MEDIA_Y4M_MAX_RATE_TERM = 1000000        /* numerator and denominator of the frame rate */
};

struct media_y4m {
    uint32_t width, height;                  /* MEDIA_PICTURE_MIN_SIDE..MEDIA_PICTURE_MAX_SIDE */
    uint32_t rate_numerator, rate_denominator;
};

/* Reads the first line, `length` bytes without its newline, of a file called `path`. False with MEDIA_EXIT_BAD_FILE when it is no
 * YUV4MPEG2, is interlaced, is not 4:2:0 of 8 bits, or has a size or rate out of range. */
bool media_y4m_parse_header(const char *path, const char *line, size_t length, struct media_y4m *y4m, struct media_error *error);

/* True when a line (without its newline) begins a picture: FRAME, alone or with parameters. */
bool media_y4m_is_frame_line(const char *line, size_t length);

#endif
