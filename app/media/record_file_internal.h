/* The file under a recording: created or emptied, written behind its end, perhaps with a header that is brought up to date, closed.
 *
 * What fails is told once, as a struct media_error with the file's name; after that only _close remains. */
#ifndef MEDIA_RECORD_FILE_INTERNAL_H
#define MEDIA_RECORD_FILE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app/media/media_error.h"

struct media_record_file {
    FILE *stream;
    char *path;                     /* a copy */
};

/* Creates or empties the file and writes its header; NULL, 0: it has none, and nothing is written yet. False with *error (there is no
 * memory, or no such place): there is nothing to close. */
bool media_record_file_create(struct media_record_file *file, const char *path, const uint8_t *header, size_t header_bytes, struct media_error *error);

/* Behind the end. False with errno. The bytes are the disk's after _flush. */
bool media_record_file_write(struct media_record_file *file, const uint8_t *bytes, size_t length_bytes);
bool media_record_file_flush(struct media_record_file *file);

/* The header once more, over the one that is there; flushed. False with errno. */
bool media_record_file_header(struct media_record_file *file, const uint8_t *header, size_t header_bytes);

/* Always false, with *error: `errno` says why it could not be written. */
bool media_record_file_failed(const struct media_record_file *file, struct media_error *error);

/* Closes and frees, whatever is returned: `good`, unless closing itself fails. What is not good any more is told already: *error stays. */
bool media_record_file_close(struct media_record_file *file, bool good, struct media_error *error);

/* Little-endian fields of a header. */
static inline void media_record_put_u16(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static inline void media_record_put_u32(uint8_t *bytes, uint32_t value) {
    media_record_put_u16(bytes, value);
    media_record_put_u16(bytes + 2, value >> 16);
}

#endif
