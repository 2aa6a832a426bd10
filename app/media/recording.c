#include "app/media/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_error_internal.h"
#include "app/media/record_h264.h"
#include "app/media/record_ivf.h"
#include "app/media/record_ogg.h"
#include "app/media/record_wav.h"

/* One of the four; the others are NULL. */
struct media_recording {
    char *path;
    bool  begun;
    struct media_ogg *ogg;
    struct media_record_wav *wav;
    struct media_ivf *ivf;
    struct media_record_h264 *h264;
};

static const char *extension(enum media_codec codec) {
    switch (codec) {
    case MEDIA_CODEC_OPUS:
        return "ogg";
    case MEDIA_CODEC_PCMU:
    case MEDIA_CODEC_PCMA:
        return "wav";
    case MEDIA_CODEC_H264:
        return "h264";
    default:
        return "ivf";
    }
}

static char *make_path(const char *prefix, enum media_codec codec, unsigned part) {
    enum { TAIL_BYTES = 32 };
    size_t size = strlen(prefix) + TAIL_BYTES;
    char *path = malloc(size);
    char number[16] = "";

    if (path == NULL) {
        return NULL;
    }
    if (part > 1) {
        (void)snprintf(number, sizeof number, "-%u", part);
    }
    (void)snprintf(path, size, "%s-%s%s.%s", prefix, media_codec_is_audio(codec) ? "audio" : "video", number, extension(codec));
    return path;
}

static bool open_file(struct media_recording *recording, enum media_codec codec, struct media_error *error) {
    switch (codec) {
    case MEDIA_CODEC_OPUS:
        recording->ogg = media_ogg_create(recording->path, error);
        return recording->ogg != NULL;
    case MEDIA_CODEC_PCMU:
    case MEDIA_CODEC_PCMA:
        recording->wav = media_record_wav_create(recording->path, codec, error);
        return recording->wav != NULL;
    case MEDIA_CODEC_H264:
        recording->h264 = media_record_h264_create(recording->path, error);
        return recording->h264 != NULL;
    default:
        recording->ivf = media_ivf_create(recording->path, codec, error);
        return recording->ivf != NULL;
    }
}

struct media_recording *media_recording_create(const char *prefix, enum media_codec codec, unsigned part, struct media_error *error) {
    struct media_recording *recording = calloc(1, sizeof *recording);

    if (recording == NULL || (recording->path = make_path(prefix, codec, part)) == NULL) {
        media_error_file(error, "create", prefix, ENOMEM);
        free(recording);
        return NULL;
    }
    if (!open_file(recording, codec, error)) {
        free(recording->path);
        free(recording);
        return NULL;
    }
    return recording;
}

bool media_recording_write(struct media_recording *recording, const uint8_t *bytes, size_t length_bytes, uint32_t timestamp, bool *written,
                           struct media_error *error) {
    bool good;

    if (recording->ogg != NULL) {
        good = media_ogg_write(recording->ogg, bytes, length_bytes, timestamp, written, error);
    } else if (recording->wav != NULL) {
        good = media_record_wav_write(recording->wav, bytes, length_bytes, timestamp, written, error);
    } else if (recording->ivf != NULL) {
        good = media_ivf_write(recording->ivf, bytes, length_bytes, timestamp, written, error);
    } else {
        good = media_record_h264_write(recording->h264, bytes, length_bytes, written, error);
    }
    recording->begun = recording->begun || *written;
    return good;
}

bool media_recording_has_begun(const struct media_recording *recording) {
    return recording->begun;
}

bool media_recording_close(struct media_recording *recording, struct media_error *error) {
    if (recording == NULL) {
        return true;
    }
    bool good = media_ogg_close(recording->ogg, error) && media_record_wav_close(recording->wav, error) &&
                media_ivf_close(recording->ivf, error) && media_record_h264_close(recording->h264, error);
    free(recording->path);
    free(recording);
    return good;
}

void media_recording_discard(struct media_recording *recording) {
    char *path = recording->path;

    recording->path = NULL;
    (void)media_recording_close(recording, NULL);
    (void)remove(path);
    free(path);
}
