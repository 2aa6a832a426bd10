#include "app/media/player_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_error_internal.h"

#ifdef STRATA_HAVE_ALSA
#include <alsa/asoundlib.h>
#endif

/* --play alsa: decoded samples are written to the default device without waiting. What does not fit is dropped, because the call's clock is the
 * sender's and a device that is slower must not hold up decoding. */
struct media_player {
#ifdef STRATA_HAVE_ALSA
    snd_pcm_t *pcm;
#else
    int nothing;
#endif
};

static bool refuse(struct media_error *error, const char *name, const char *why) {
    media_error_what(error, MEDIA_EXIT_USAGE, "--play %s cannot be had.", name);
    media_error_why(error, "%s", why);
    media_error_try(error, "Use --play none with --record PREFIX, and play the recording with ffplay.");
    return false;
}

#ifdef STRATA_HAVE_ALSA

static bool device_failed(struct media_error *error, const char *doing, int code) {
    media_error_what(error, MEDIA_EXIT_DEVICE, "Cannot %s the ALSA default device.", doing);
    media_error_why(error, "ALSA says: %s.", snd_strerror(code));
    media_error_try(error, "Check it with: speaker-test -t sine; or use --play none.");
    return false;
}

static bool open_alsa(struct media_player **player, struct media_error *error) {
    enum { LATENCY_US = 80000 };
    struct media_player *made = calloc(1, sizeof *made);

    if (made == NULL) {
        return device_failed(error, "open", -ENOMEM);
    }
    int code = snd_pcm_open(&made->pcm, "default", SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (code < 0) {
        free(made);
        return device_failed(error, "open", code);
    }
    code = snd_pcm_set_params(made->pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, 2, 48000, 1, LATENCY_US);
    if (code < 0) {
        media_player_free(made);
        return device_failed(error, "configure", code);
    }
    *player = made;
    return true;
}

void media_player_free(struct media_player *player) {
    if (player != NULL) {
        (void)snd_pcm_close(player->pcm);
        free(player);
    }
}

bool media_player_samples(struct media_player *player, const int16_t *samples, size_t count, struct media_error *error) {
    snd_pcm_sframes_t wrote = snd_pcm_writei(player->pcm, samples, count);
    if (wrote == -EAGAIN || wrote >= 0) {
        return true;
    }
    int code = snd_pcm_recover(player->pcm, (int)wrote, 1);
    return code >= 0 || device_failed(error, "write to", code);
}

#else

static bool open_alsa(struct media_player **player, struct media_error *error) {
    (void)player;
    return refuse(error, "alsa", "This program was built on a machine without the development files of ALSA (libasound2-dev).");
}

void media_player_free(struct media_player *player) {
    (void)player;
}

bool media_player_samples(struct media_player *player, const int16_t *samples, size_t count, struct media_error *error) {
    (void)player;
    (void)samples;
    (void)count;
    (void)error;
    return true;
}

#endif

bool media_player_open(enum media_kind kind, const char *name, struct media_player **player, struct media_error *error) {
    *player = NULL;
    if (name == NULL || strcmp(name, "none") == 0) {
        return true;
    }
    if (strcmp(name, "alsa") == 0) {
        return kind != MEDIA_AUDIO || open_alsa(player, error);
    }
    if (strcmp(name, "sdl") == 0 || strcmp(name, "term") == 0) {
        return refuse(error, name, "Showing pictures comes in a later version.");
    }
    return refuse(error, name, "A player is none, alsa, sdl or term.");
}
