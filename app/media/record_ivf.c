#include "app/media/record_ivf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/ivf.h"
#include "app/media/media_error_internal.h"
#include "app/media/video_header.h"

/*   "DKIF" version[2]=0 header_bytes[2]=32 fourcc[4] width[2] height[2] ticks_per_second[4] tick[4]=1 frames[4] unused[4]
 *   then for each frame:  length[4] time[8] bytes                                          everything little-endian */
enum { CLOCK_HZ = 90000 };

struct media_ivf {
    FILE    *file;
    char    *path;
    enum media_codec codec;
    uint32_t frames;
    uint32_t width, height;
    uint32_t last_timestamp;
    int64_t  time;                  /* of the last frame, unwrapped */
};

static void put_u16(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *bytes, uint32_t value) {
    put_u16(bytes, value);
    put_u16(bytes + 2, value >> 16);
}

static bool write_header(struct media_ivf *ivf) {
    uint8_t header[MEDIA_IVF_HEADER_BYTES] = { 'D', 'K', 'I', 'F', 0, 0, MEDIA_IVF_HEADER_BYTES };

    memcpy(header + 8, media_ivf_fourcc(ivf->codec), 4);
    put_u16(header + 12, ivf->width);
    put_u16(header + 14, ivf->height);
    put_u32(header + 16, CLOCK_HZ);
    put_u32(header + 20, 1);
    put_u32(header + 24, ivf->frames);
    return fseek(ivf->file, 0, SEEK_SET) == 0 && fwrite(header, 1, sizeof header, ivf->file) == sizeof header &&
           fseek(ivf->file, 0, SEEK_END) == 0 && fflush(ivf->file) == 0;
}

static bool write_failed(struct media_ivf *ivf, struct media_error *error) {
    media_error_file(error, "write", ivf->path, errno);
    return false;
}

struct media_ivf *media_ivf_create(const char *path, enum media_codec codec, struct media_error *error) {
    struct media_ivf *ivf = calloc(1, sizeof *ivf);

    if (ivf == NULL || (ivf->path = strdup(path)) == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        free(ivf);
        return NULL;
    }
    ivf->codec = codec;
    ivf->file = fopen(path, "wb");
    if (ivf->file == NULL || !write_header(ivf)) {
        media_error_file(error, "create", path, errno);
        if (ivf->file != NULL) {
            (void)fclose(ivf->file);
        }
        free(ivf->path);
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
    put_u32(header, (uint32_t)length_bytes);
    put_u32(header + 4, (uint32_t)(uint64_t)ivf->time);
    put_u32(header + 8, (uint32_t)((uint64_t)ivf->time >> 32));
    if (fwrite(header, 1, sizeof header, ivf->file) != sizeof header || fwrite(bytes, 1, length_bytes, ivf->file) != length_bytes ||
        fflush(ivf->file) != 0) {
        return write_failed(ivf, error);
    }
    ivf->frames++;
    *written = true;
    if (ivf->frames % MEDIA_IVF_HEADER_FRAMES == 1 && !write_header(ivf)) {
        return write_failed(ivf, error);
    }
    return true;
}

bool media_ivf_close(struct media_ivf *ivf, struct media_error *error) {
    bool good = true;

    if (ivf == NULL) {
        return true;
    }
    if (!write_header(ivf)) {
        good = write_failed(ivf, error);
    }
    if (fclose(ivf->file) != 0 && good) {
        good = write_failed(ivf, error);
    }
    free(ivf->path);
    free(ivf);
    return good;
}
