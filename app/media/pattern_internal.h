/* The picture of --video pattern: a detailed texture that drifts, and a ball that crosses it. */
#ifndef MEDIA_PATTERN_INTERNAL_H
#define MEDIA_PATTERN_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "app/media/picture.h"

struct media_pattern;

/* NULL when memory is short. */
struct media_pattern *media_pattern_new(void);
void media_pattern_free(struct media_pattern *pattern);

/* Draws picture `number`; the same number draws the same picture. */
void media_pattern_draw(const struct media_pattern *pattern, uint32_t number, struct media_picture *picture);

#endif
