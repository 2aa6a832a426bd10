#include "app/media/record_h264.h"

#include <errno.h>
#include <stdlib.h>

#include "app/media/media_error_internal.h"
#include "app/media/record_file_internal.h"
#include "app/media/video_header.h"

struct media_record_h264 {
    struct media_record_file file;
    bool begun;
};

/* Nothing can be written yet: a disk that is full shows itself with the first access unit. */
struct media_record_h264 *media_record_h264_create(const char *path, struct media_error *error) {
    struct media_record_h264 *h264 = calloc(1, sizeof *h264);

    if (h264 == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        return NULL;
    }
    if (!media_record_file_create(&h264->file, path, NULL, 0, error)) {
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
    if (!media_record_file_write(&h264->file, bytes, length_bytes) || !media_record_file_flush(&h264->file)) {
        return media_record_file_failed(&h264->file, error);
    }
    h264->begun = true;
    *written = true;
    return true;
}

bool media_record_h264_close(struct media_record_h264 *h264, struct media_error *error) {
    if (h264 == NULL) {
        return true;
    }
    bool good = media_record_file_close(&h264->file, true, error);
    free(h264);
    return good;
}
