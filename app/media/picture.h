/* One I420 picture: a full luma plane and two chroma planes of half its width and height (rounded up), 8 bits a sample. */
#ifndef PICTURE_H
#define PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEDIA_PICTURE_MIN_SIDE = 16,
    MEDIA_PICTURE_MAX_SIDE = 4096      /* either side; VP8 itself could say 16383 */
};

/* A view: who made it says how long it lives. Planes are Y, U, V; a stride is the bytes from one row to the next. */
struct media_picture {
    uint32_t width, height;            /* luma samples */
    uint8_t *planes[3];
    int      strides[3];
};

/* Allocates a picture whose planes are one block; black. Returns false when a side is out of range or memory is short (the
 * picture is then all zero). media_picture_clear frees it, and is harmless on a zeroed one. */
bool media_picture_allocate(struct media_picture *picture, uint32_t width, uint32_t height);
void media_picture_clear(struct media_picture *picture);

uint32_t media_picture_plane_width(const struct media_picture *picture, int plane);
uint32_t media_picture_plane_height(const struct media_picture *picture, int plane);

/* Bytes of the three planes without padding, as Y4M stores them. */
size_t media_picture_bytes(uint32_t width, uint32_t height);

#endif
