#include "app/media/pattern_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 512,                 /* of the texture, which repeats without a seam; a power of two */
    CHROMA_SIDE = SIDE / 2,
    DRIFT_X = 3, DRIFT_Y = 2,   /* luma samples a picture */
    BALL_RADIUS_PARTS = 10      /* of the shorter side */
};

struct media_pattern {
    uint8_t luma[SIDE][SIDE];
    uint8_t blue[CHROMA_SIDE][CHROMA_SIDE];
    uint8_t red[CHROMA_SIDE][CHROMA_SIDE];
};

static uint8_t clip(double value) {
    return (uint8_t)(value < 16.0 ? 16.0 : value > 235.0 ? 235.0 : value);
}

/* Waves of several lengths, all whole in SIDE, and squares of two sizes: edges, gradients and detail. */
static void paint_luma(struct media_pattern *pattern) {
    const double turn = 2.0 * 3.14159265358979323846 / SIDE;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            double value = 126.0 + 36.0 * sin(turn * (3 * x + 2 * y)) + 22.0 * sin(turn * (11 * x - 7 * y)) +
                           12.0 * sin(turn * (29 * x + 23 * y));
            value += ((x / 64 + y / 64) & 1) != 0 ? 20.0 : -20.0;
            value += ((x / 8 + y / 8) & 1) != 0 && ((x / 64) & 3) == 1 ? 18.0 : 0.0;
            pattern->luma[y][x] = clip(value);
        }
    }
}

static void paint_chroma(struct media_pattern *pattern) {
    const double turn = 2.0 * 3.14159265358979323846 / CHROMA_SIDE;
    for (int y = 0; y < CHROMA_SIDE; y++) {
        for (int x = 0; x < CHROMA_SIDE; x++) {
            pattern->blue[y][x] = clip(128.0 + 50.0 * sin(turn * (2 * x + y)));
            pattern->red[y][x] = clip(128.0 + 50.0 * cos(turn * (x - 3 * y)));
        }
    }
}

struct media_pattern *media_pattern_new(void) {
    struct media_pattern *pattern = malloc(sizeof *pattern);
    if (pattern != NULL) {
        paint_luma(pattern);
        paint_chroma(pattern);
    }
    return pattern;
}

void media_pattern_free(struct media_pattern *pattern) {
    free(pattern);
}

/* Copies a repeating texture of `side` x `side`, moved by (x, y). */
static void tile(uint8_t *plane, int stride, uint32_t width, uint32_t height, const uint8_t *texture, uint32_t side, uint32_t x, uint32_t y) {
    for (uint32_t row = 0; row < height; row++) {
        const uint8_t *from = texture + (size_t)((row + y) % side) * side;
        uint8_t *to = plane + (size_t)row * (size_t)stride;
        uint32_t start = x % side;
        for (uint32_t done = 0; done < width;) {
            uint32_t run = side - start < width - done ? side - start : width - done;
            memcpy(to + done, from + start, run);
            done += run;
            start = 0;
        }
    }
}

/* 0 .. limit .. 0 .. limit: where something that bounces is after `steps`. */
static uint32_t bounce(uint64_t steps, uint32_t limit) {
    uint32_t place = (uint32_t)(steps % (2 * (uint64_t)limit + 1));
    return place <= limit ? place : 2 * limit - place;
}

static void draw_ball(struct media_picture *picture, uint32_t number) {
    uint32_t shorter = picture->width < picture->height ? picture->width : picture->height;
    int64_t radius = shorter / BALL_RADIUS_PARTS + 1;
    int64_t middle_x = radius + bounce((uint64_t)number * 7, picture->width - 2 * (uint32_t)radius);
    int64_t middle_y = radius + bounce((uint64_t)number * 5, picture->height - 2 * (uint32_t)radius);

    for (int64_t y = middle_y - radius; y < middle_y + radius; y++) {
        uint8_t *row = picture->planes[0] + (size_t)y * (size_t)picture->strides[0];
        for (int64_t x = middle_x - radius; x < middle_x + radius; x++) {
            int64_t distance = (x - middle_x) * (x - middle_x) + (y - middle_y) * (y - middle_y);
            if (distance < radius * radius) {
                row[x] = (uint8_t)(235 - 150 * distance / (radius * radius));
            }
        }
    }
}

void media_pattern_draw(const struct media_pattern *pattern, uint32_t number, struct media_picture *picture) {
    uint32_t x = (uint32_t)((uint64_t)number * DRIFT_X % SIDE);
    uint32_t y = (uint32_t)((uint64_t)number * DRIFT_Y % SIDE);

    tile(picture->planes[0], picture->strides[0], picture->width, picture->height, &pattern->luma[0][0], SIDE, x, y);
    tile(picture->planes[1], picture->strides[1], media_picture_plane_width(picture, 1), media_picture_plane_height(picture, 1),
         &pattern->blue[0][0], CHROMA_SIDE, x / 2, y / 2);
    tile(picture->planes[2], picture->strides[2], media_picture_plane_width(picture, 2), media_picture_plane_height(picture, 2),
         &pattern->red[0][0], CHROMA_SIDE, x / 2, y / 2);
    draw_ball(picture, number);
}
