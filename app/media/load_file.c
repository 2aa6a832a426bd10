#include <errno.h>
#include <stdio.h>
#include <stdbool.h>
#include <stdlib.h>

#include "app/media/load_file_internal.h"
#include "app/media/media_error_internal.h"

/* Room for more, doubled each time, up to one byte over the limit: the byte that tells a file of the limit from a larger one. */
static bool grow(uint8_t **bytes, size_t *capacity, size_t maximum_bytes) {
    enum { FIRST = 1 << 20 };
    size_t wanted = *capacity == 0 ? FIRST : 2 * *capacity;
    wanted = wanted > maximum_bytes ? maximum_bytes + 1 : wanted;
    uint8_t *larger = wanted > *capacity ? realloc(*bytes, wanted) : NULL;
    if (larger == NULL) {
        return false;
    }
    *bytes = larger;
    *capacity = wanted;
    return true;
}

static void refuse_large(const char *path, size_t maximum_bytes, const char *next_step, struct media_error *error) {
    media_error_what(error, MEDIA_EXIT_BAD_FILE, "%s is too large.", path);
    media_error_why(error, "Such a file may have up to %zu MiB, and the memory for them.", maximum_bytes >> 20);
    media_error_try(error, "%s", next_step);
}

uint8_t *media_load_file(const char *path, size_t maximum_bytes, const char *next_step, size_t *length_bytes, struct media_error *error) {
    uint8_t *bytes = NULL;
    size_t capacity = 0;
    FILE *file = fopen(path, "rb");

    *length_bytes = 0;
    if (file == NULL) {
        media_error_file(error, "open", path, errno);
        return NULL;
    }
    errno = 0;
    do {
        if (*length_bytes == capacity && !grow(&bytes, &capacity, maximum_bytes)) {
            refuse_large(path, maximum_bytes, next_step, error);
            break;
        }
        *length_bytes += fread(bytes + *length_bytes, 1, capacity - *length_bytes, file);
    } while (feof(file) == 0 && ferror(file) == 0);
    bool whole = feof(file) != 0;
    if (ferror(file) != 0) {
        media_error_file(error, "read", path, errno);
    }
    (void)fclose(file);
    if (!whole) {
        free(bytes);
        return NULL;
    }
    return bytes;
}
