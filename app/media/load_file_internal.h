/* A whole file in memory, read once before a call, so that no disk stands in the way of it. */
#ifndef MEDIA_LOAD_FILE_INTERNAL_H
#define MEDIA_LOAD_FILE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"

/* Returns the bytes, free() them (one at least even when the file is empty), or NULL with *error: it cannot be read (MEDIA_EXIT_DEVICE),
 * or it has more than `maximum_bytes` or than memory allows (MEDIA_EXIT_BAD_FILE; `next_step` is then what to try). */
uint8_t *media_load_file(const char *path, size_t maximum_bytes, const char *next_step, size_t *length_bytes, struct media_error *error);

#endif
