#include "app/media/picture.h"

#include <stdlib.h>
#include <string.h>

uint32_t media_picture_plane_width(const struct media_picture *picture, int plane) {
    return plane == 0 ? picture->width : (picture->width + 1) / 2;
}

uint32_t media_picture_plane_height(const struct media_picture *picture, int plane) {
    return plane == 0 ? picture->height : (picture->height + 1) / 2;
}

size_t media_picture_bytes(uint32_t width, uint32_t height) {
    size_t chroma = ((size_t)width + 1) / 2 * (((size_t)height + 1) / 2);
    return (size_t)width * height + 2 * chroma;
}

bool media_picture_allocate(struct media_picture *picture, uint32_t width, uint32_t height) {
    memset(picture, 0, sizeof *picture);
    if (width < MEDIA_PICTURE_MIN_SIDE || width > MEDIA_PICTURE_MAX_SIDE ||
        height < MEDIA_PICTURE_MIN_SIDE || height > MEDIA_PICTURE_MAX_SIDE) {
        return false;
    }
    size_t luma = (size_t)width * height;
    size_t total = media_picture_bytes(width, height);
    uint8_t *block = malloc(total);
    if (block == NULL) {
        return false;
    }
    memset(block, 16, luma);
    memset(block + luma, 128, total - luma);
    picture->width = width;
    picture->height = height;
    picture->planes[0] = block;
    picture->planes[1] = block + luma;
    picture->planes[2] = block + luma + (total - luma) / 2;
    picture->strides[0] = (int)width;
    picture->strides[1] = picture->strides[2] = (int)((width + 1) / 2);
    return true;
}

void media_picture_clear(struct media_picture *picture) {
    free(picture->planes[0]);
    memset(picture, 0, sizeof *picture);
}
