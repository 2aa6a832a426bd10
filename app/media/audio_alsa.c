#include "app/media/audio_alsa_internal.h"

#include <stddef.h>

#include "app/media/media_error_internal.h"

#ifdef STRATA_HAVE_ALSA

#include <alsa/asoundlib.h>
#include <stdlib.h>

enum { LATENCY_US = 60000 };

struct media_alsa { snd_pcm_t *pcm; };

static void device_failed(struct media_error *error, const char *doing, const char *device, int code) {
    media_error_what(error, MEDIA_EXIT_DEVICE, "Cannot %s the ALSA device %s.", doing, device);
    media_error_why(error, "ALSA says: %s.", snd_strerror(code));
    media_error_try(error, "List the devices with arecord -L, or use --audio tone.");
}

struct media_alsa *media_alsa_open(const char *device, struct media_error *error) {
    const char *name = device != NULL ? device : "default";
    struct media_alsa *alsa = calloc(1, sizeof *alsa);

    if (alsa == NULL) {
        device_failed(error, "open", name, -ENOMEM);
        return NULL;
    }
    int code = snd_pcm_open(&alsa->pcm, name, SND_PCM_STREAM_CAPTURE, 0);
    if (code < 0) {
        device_failed(error, "open", name, code);
        free(alsa);
        return NULL;
    }
    code = snd_pcm_set_params(alsa->pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 1, MEDIA_AUDIO_RATE_HZ, 1, LATENCY_US);
    if (code < 0) {
        device_failed(error, "configure", name, code);
        media_alsa_free(alsa);
        return NULL;
    }
    return alsa;
}

void media_alsa_free(struct media_alsa *alsa) {
    if (alsa != NULL) {
        (void)snd_pcm_close(alsa->pcm);
        free(alsa);
    }
}

enum media_read media_alsa_read(struct media_alsa *alsa, int16_t *samples, struct media_error *error) {
    snd_pcm_uframes_t done = 0;
    while (done < MEDIA_AUDIO_FRAME_SAMPLES) {
        snd_pcm_sframes_t got = snd_pcm_readi(alsa->pcm, samples + done, MEDIA_AUDIO_FRAME_SAMPLES - done);
        if (got < 0) {
            got = snd_pcm_recover(alsa->pcm, (int)got, 1);
        }
        if (got < 0) {
            device_failed(error, "read from", snd_pcm_name(alsa->pcm), (int)got);
            return MEDIA_READ_FAILED;
        }
        done += (snd_pcm_uframes_t)got;
    }
    return MEDIA_READ_FRAME;
}

#else

struct media_alsa *media_alsa_open(const char *device, struct media_error *error) {
    (void)device;
    media_error_what(error, MEDIA_EXIT_USAGE, "--audio alsa is not in this program.");
    media_error_why(error, "It was built on a machine without the development files of ALSA.");
    media_error_try(error, "Install libasound2-dev and build again, or use --audio tone.");
    return NULL;
}

void media_alsa_free(struct media_alsa *alsa) {
    (void)alsa;
}

enum media_read media_alsa_read(struct media_alsa *alsa, int16_t *samples, struct media_error *error) {
    (void)alsa;
    (void)samples;
    (void)error;
    return MEDIA_READ_END;
}

#endif
