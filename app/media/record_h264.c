#include "app/media/record_h264.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_error_internal.h"
#include "app/media/video_header.h"

struct media_record_h264 {
    FILE *file;
    char *path;
    bool  begun;
};

static bool write_failed(struct media_record_h264 *h264, struct media_error *error) {
    media_error_file(error, "write", h264->path, errno);
    return false;
}

/* Nothing can be written yet: a disk that is full shows itself with the first access unit. */
struct media_record_h264 *media_record_h264_create(const char *path, struct media_error *error) {
    struct media_record_h264 *h264 = calloc(1, sizeof *h264);

    if (h264 == NULL || (h264->path = strdup(path)) == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        free(h264);
        return NULL;
    }
    h264->file = fopen(path, "wb");
    if (h264->file == NULL) {
        media_error_file(error, "create", path, errno);
        free(h264->path);
        free(h264);
        return NULL;
    }
    return h264;
}

bool media_record_h264_write(struct media_record_h264 *h264, const uint8_t *bytes, size_t length_bytes, bool *written, struct media_error *error) {
    struct media_video_header header;

    *written = false;
    if (!media_video_header_read(MEDIA_CODEC_H264, bytes, length_bytes, &header) || (!h264->begun && !header.key_frame)) {
        return true;
    }
    if (fwrite(bytes, 1, length_bytes, h264->file) != length_bytes || fflush(h264->file) != 0) {
        return write_failed(h264, error);
    }
    h264->begun = true;
    *written = true;
    return true;
}

bool media_record_h264_close(struct media_record_h264 *h264, struct media_error *error) {
    bool good = true;

    if (h264 == NULL) {
        return true;
    }
    if (fclose(h264->file) != 0) {
        good = write_failed(h264, error);
    }
    free(h264->path);
    free(h264);
    return good;
}
