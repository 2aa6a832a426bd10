#include "app/media/record_ivf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/ivf.h"
#include "app/media/media_error_internal.h"
#include "app/media/record_file_internal.h"
#include "app/media/video_header.h"

/*   "DKIF" version[2]=0 header_bytes[2]=32 fourcc[4] width[2] height[2] ticks_per_second[4] tick[4]=1 frames[4] unused[4]
 *   then for each frame:  length[4] time[8] bytes                                          everything little-endian */
enum { CLOCK_HZ = 90000 };

struct media_ivf {
    struct media_record_file file;
    enum media_codec codec;
    uint32_t frames;
    uint32_t width, height;
    uint32_t last_timestamp;
    int64_t  time;                  /* of the last frame, unwrapped */
};

static void fill_header(const struct media_ivf *ivf, uint8_t header[MEDIA_IVF_HEADER_BYTES]) {
    memcpy(header, "DKIF", 4);
    media_record_put_u16(header + 4, 0);
    media_record_put_u16(header + 6, MEDIA_IVF_HEADER_BYTES);
    memcpy(header + 8, media_ivf_fourcc(ivf->codec), 4);
    media_record_put_u16(header + 12, ivf->width);
    media_record_put_u16(header + 14, ivf->height);
    media_record_put_u32(header + 16, CLOCK_HZ);
    media_record_put_u32(header + 20, 1);
    media_record_put_u32(header + 24, ivf->frames);
    media_record_put_u32(header + 28, 0);
}

static bool update_header(struct media_ivf *ivf) {
    uint8_t header[MEDIA_IVF_HEADER_BYTES];

    fill_header(ivf, header);
    return media_record_file_header(&ivf->file, header, sizeof header);
}

struct media_ivf *media_ivf_create(const char *path, enum media_codec codec, struct media_error *error) {
    struct media_ivf *ivf = calloc(1, sizeof *ivf);
    uint8_t header[MEDIA_IVF_HEADER_BYTES];

    if (ivf == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        return NULL;
    }
    ivf->codec = codec;
    fill_header(ivf, header);
    if (!media_record_file_create(&ivf->file, path, header, sizeof header, error)) {
        free(ivf);
        return NULL;
    }
    return ivf;
}

/* Timestamps wrap after 13 hours; the step from the last one, taken as signed, does not. */
static void advance_clock(struct media_ivf *ivf, uint32_t timestamp) {
    if (ivf->frames > 0) {
        ivf->time += (int32_t)(timestamp - ivf->last_timestamp);
        ivf->time = ivf->time < 0 ? 0 : ivf->time;
    }
    ivf->last_timestamp = timestamp;
}

bool media_ivf_write(struct media_ivf *ivf, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp, bool *written,
                     struct media_error *error) {
    uint8_t header[MEDIA_IVF_FRAME_HEADER_BYTES];
    struct media_video_header read;

    *written = false;
    if (length_bytes > UINT32_MAX || !media_video_header_read(ivf->codec, bytes, length_bytes, &read) || (ivf->frames == 0 && !read.key_frame)) {
        return true;
    }
    if (ivf->frames == 0) {
        ivf->width = read.width;
        ivf->height = read.height;
    }
    advance_clock(ivf, timestamp);
    media_record_put_u32(header, (uint32_t)length_bytes);
    media_record_put_u32(header + 4, (uint32_t)(uint64_t)ivf->time);
    media_record_put_u32(header + 8, (uint32_t)((uint64_t)ivf->time >> 32));
    if (!media_record_file_write(&ivf->file, header, sizeof header) || !media_record_file_write(&ivf->file, bytes, length_bytes) ||
        !media_record_file_flush(&ivf->file)) {
        return media_record_file_failed(&ivf->file, error);
    }
    ivf->frames++;
    *written = true;
    if (ivf->frames % MEDIA_IVF_HEADER_FRAMES == 1 && !update_header(ivf)) {
        return media_record_file_failed(&ivf->file, error);
    }
    return true;
}

bool media_ivf_close(struct media_ivf *ivf, struct media_error *error) {
    bool good = true;

    if (ivf == NULL) {
        return true;
    }
    if (!update_header(ivf)) {
        good = media_record_file_failed(&ivf->file, error);
    }
    good = media_record_file_close(&ivf->file, good, error);
    free(ivf);
    return good;
}
