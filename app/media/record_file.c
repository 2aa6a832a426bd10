#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_error_internal.h"
#include "app/media/record_file_internal.h"

bool media_record_file_create(struct media_record_file *file, const char *path, const uint8_t *header, size_t header_bytes, struct media_error *error) {
    *file = (struct media_record_file){.path = strdup(path)};
    if (file->path == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        return false;
    }
    file->stream = fopen(path, "wb");
    if (file->stream != NULL && media_record_file_write(file, header, header_bytes) && media_record_file_flush(file)) {
        return true;
    }
    media_error_file(error, "create", path, errno);
    (void)media_record_file_close(file, false, error);
    return false;
}

bool media_record_file_write(struct media_record_file *file, const uint8_t *bytes, size_t length_bytes) {
    return length_bytes == 0 || fwrite(bytes, 1, length_bytes, file->stream) == length_bytes;
}

bool media_record_file_flush(struct media_record_file *file) {
    return fflush(file->stream) == 0;
}

bool media_record_file_header(struct media_record_file *file, const uint8_t *header, size_t header_bytes) {
    return fseek(file->stream, 0, SEEK_SET) == 0 && media_record_file_write(file, header, header_bytes) && fseek(file->stream, 0, SEEK_END) == 0 &&
           media_record_file_flush(file);
}

bool media_record_file_failed(const struct media_record_file *file, struct media_error *error) {
    media_error_file(error, "write", file->path, errno);
    return false;
}

bool media_record_file_close(struct media_record_file *file, bool good, struct media_error *error) {
    if (file->stream != NULL && fclose(file->stream) != 0 && good) {
        good = media_record_file_failed(file, error);
    }
    free(file->path);
    *file = (struct media_record_file){0};
    return good;
}
