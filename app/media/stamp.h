/* Frame number and send time, burnt into a picture so that a program on the other side can read them back from what it decoded.
 *
 * Two rows of 40 square cells across the whole width, at the top:
 *
 *      column   0   1   2            31  32          39
 *             +---+---+---+- ... -+---+---+- ... -+---+
 *      row 0  | n31 n30 n29   ...   n0 | t31  ...  t24 |      n: frame number, 32 bits, the first picture is 0
 *             +---+---+---+- ... -+---+---+- ... -+---+      t: send time, milliseconds of the Unix clock modulo 2^32
 *      row 1  | t23  ...   t0 | c15         ...     c0 |      c: CRC-16 of the eight bytes n, t (both big-endian):
 *             +---+---+---+- ... -+---+---+- ... -+---+         polynomial 0x1021, start 0xFFFF, not reflected, no final xor
 *
 * 80 bits, most significant first, row after row; white is 1, black is 0. Cell (row r, column c) covers the luma samples
 *      x in [c*W/40, (c+1)*W/40)    y in [r*W/40, (r+1)*W/40)       divisions round down, W is the picture's width
 * so the rows scale with the width, and a picture of 640 has cells of 16x16: VP8's macroblocks. Written luma is 16 or 235, chroma
 * 128. A reader takes the mean of the middle half of each cell, calls it white at 128 or more, refuses a cell between 96 and 160
 * as unreadable, and checks the CRC: with its start value neither black nor white nor a natural picture passes for a stamp. */
#ifndef STAMP_H
#define STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "app/media/picture.h"

enum {
    MEDIA_STAMP_COLUMNS = 40,
    MEDIA_STAMP_ROWS = 2,
    MEDIA_STAMP_MIN_WIDTH = 160,      /* cells of 4x4 */
    MEDIA_STAMP_BLACK = 16,
    MEDIA_STAMP_WHITE = 235
};

struct media_stamp {
    uint32_t number;
    uint32_t time_ms;
};

/* Rows of luma that a stamp covers in a picture of this width: whoever compares pictures leaves them out. */
uint32_t media_stamp_height(uint32_t width);

/* Burns the stamp in. Returns false, and writes nothing, when the picture is narrower than MEDIA_STAMP_MIN_WIDTH or lower than
 * media_stamp_height. */
bool media_stamp_write(struct media_picture *picture, struct media_stamp stamp);

/* Reads it back from a luma plane of `width` x `height` samples. Returns false when there is none, or none that can be trusted;
 * *stamp is then untouched. */
bool media_stamp_read(const uint8_t *luma, int stride, uint32_t width, uint32_t height, struct media_stamp *stamp);

#endif
