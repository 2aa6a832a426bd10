#include "app/media/audio_source.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/audio_alsa_internal.h"
#include "app/media/load_file_internal.h"
#include "app/media/media_error_internal.h"
#include "app/media/resample.h"
#include "app/media/wav.h"

static const double tone_amplitude = 0.2512;       /* -12 dB below full scale */

enum source_kind { SOURCE_TONE, SOURCE_WAV, SOURCE_ALSA };

struct media_audio_source {
    enum source_kind kind;
    unsigned channels;
    uint64_t position;                             /* samples of one channel given so far */
    unsigned tone_hz;
    float   *input;                                /* wav: interleaved, at the rate of the file */
    size_t   input_frames;
    uint64_t output_frames;                        /* at 48 kHz */
    struct media_resampler *resampler;
    struct media_alsa *alsa;
};

bool media_source_is_none(const char *spec) {
    return strcmp(spec, "none") == 0;
}

static bool ends_with(const char *text, const char *end) {
    size_t text_length = strlen(text);
    size_t end_length = strlen(end);
    return text_length > end_length && strcmp(text + text_length - end_length, end) == 0;
}

static void refuse_spec(struct media_error *error, const char *spec) {
    media_error_what(error, MEDIA_EXIT_USAGE, "--audio %s is not a source of sound.", spec);
    media_error_why(error, "A source is none, tone, tone:HZ (20 to 20000), FILE.wav, FILE.opus or alsa[:DEV].");
    media_error_try(error, "Convert a file with: ffmpeg -i FILE -ar 48000 -ac 1 new.wav; or use --audio tone.");
}

/* ---- tone ------------------------------------------------------------------------------------------------------------ */

/* "tone" or "tone:HZ". */
static bool parse_tone(const char *spec, unsigned *hz) {
    unsigned sum = 0;

    *hz = MEDIA_TONE_DEFAULT_HZ;
    if (spec[4] == '\0') {
        return true;
    }
    if (spec[4] != ':' || spec[5] == '\0') {
        return false;
    }
    for (const char *digit = spec + 5; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9') {
            return false;
        }
        sum = sum * 10 + (unsigned)(*digit - '0');
        if (sum > MEDIA_TONE_MAX_HZ) {
            return false;
        }
    }
    *hz = sum;
    return sum >= MEDIA_TONE_MIN_HZ;
}

static void read_tone(const struct media_audio_source *source, int16_t *samples) {
    const double turn = 2.0 * 3.14159265358979323846;
    for (unsigned i = 0; i < MEDIA_AUDIO_FRAME_SAMPLES; i++) {
        /* Reduced in whole numbers: the hundredth hour is as clean as the first second. */
        uint64_t phase = (source->position + i) % MEDIA_AUDIO_RATE_HZ * source->tone_hz % MEDIA_AUDIO_RATE_HZ;
        samples[i] = (int16_t)lrint(32767.0 * tone_amplitude * sin(turn * (double)phase / MEDIA_AUDIO_RATE_HZ));
    }
}

/* ---- wav ------------------------------------------------------------------------------------------------------------- */

static bool prepare_wav(struct media_audio_source *source, const struct media_wav *wav) {
    source->channels = wav->channels > MEDIA_AUDIO_MAX_CHANNELS ? MEDIA_AUDIO_MAX_CHANNELS : wav->channels;
    source->input_frames = wav->frames;
    source->input = calloc(wav->frames, source->channels * sizeof *source->input);
    source->resampler = media_resampler_new(wav->rate_hz, MEDIA_AUDIO_RATE_HZ);
    if (source->input == NULL || source->resampler == NULL) {
        return false;
    }
    for (size_t frame = 0; frame < wav->frames; frame++) {
        for (unsigned channel = 0; channel < source->channels; channel++) {
            source->input[frame * source->channels + channel] = media_wav_sample(wav, frame, channel);
        }
    }
    source->output_frames = media_resampler_output_frames(source->resampler, wav->frames);
    return true;
}

static bool open_wav(struct media_audio_source *source, const char *path, struct media_error *error) {
    struct media_wav wav;
    size_t length;
    uint8_t *bytes = media_load_file(path, MEDIA_WAV_MAX_BYTES, "Cut it: ffmpeg -i FILE -t 600 -ar 48000 -ac 1 new.wav", &length, error);

    if (bytes == NULL) {
        return false;
    }
    bool good = media_wav_parse(path, bytes, length, &wav, error);
    if (good && !prepare_wav(source, &wav)) {
        media_error_file(error, "hold", path, ENOMEM);
        good = false;
    }
    free(bytes);
    return good;
}

static int16_t to_sample(float value) {
    long rounded = lrintf(value * 32768.0F);
    return (int16_t)(rounded > 32767 ? 32767 : rounded < -32768 ? -32768 : rounded);
}

static enum media_read read_wav(const struct media_audio_source *source, int16_t *samples) {
    float channel_samples[MEDIA_AUDIO_FRAME_SAMPLES];

    if (source->position >= source->output_frames) {
        return MEDIA_READ_END;
    }
    for (unsigned channel = 0; channel < source->channels; channel++) {
        media_resampler_run(source->resampler, source->input + channel, source->input_frames, source->channels,
                            source->position, channel_samples, MEDIA_AUDIO_FRAME_SAMPLES);
        for (unsigned i = 0; i < MEDIA_AUDIO_FRAME_SAMPLES; i++) {
            samples[i * source->channels + channel] = to_sample(channel_samples[i]);
        }
    }
    return MEDIA_READ_FRAME;
}

/* ---- all ------------------------------------------------------------------------------------------------------------- */

static bool open_spec(struct media_audio_source *source, const char *spec, struct media_error *error) {
    source->channels = 1;
    if (strncmp(spec, "tone", 4) == 0 && parse_tone(spec, &source->tone_hz)) {
        source->kind = SOURCE_TONE;
        return true;
    }
    if (strcmp(spec, "alsa") == 0 || strncmp(spec, "alsa:", 5) == 0) {
        source->kind = SOURCE_ALSA;
        source->alsa = media_alsa_open(spec[4] == ':' ? spec + 5 : NULL, error);
        return source->alsa != NULL;
    }
    if (ends_with(spec, ".wav")) {
        source->kind = SOURCE_WAV;
        return open_wav(source, spec, error);
    }
    refuse_spec(error, spec);
    return false;
}

struct media_audio_source *media_audio_source_open(const char *spec, struct media_error *error) {
    struct media_audio_source *source = calloc(1, sizeof *source);

    if (source == NULL) {
        media_error_file(error, "open", spec, ENOMEM);
        return NULL;
    }
    if (!open_spec(source, spec, error)) {
        media_audio_source_free(source);
        return NULL;
    }
    return source;
}

void media_audio_source_free(struct media_audio_source *source) {
    if (source != NULL) {
        media_alsa_free(source->alsa);
        media_resampler_free(source->resampler);
        free(source->input);
        free(source);
    }
}

unsigned media_audio_source_channels(const struct media_audio_source *source) {
    return source->channels;
}

bool media_audio_source_is_paced(const struct media_audio_source *source) {
    return source->kind == SOURCE_ALSA;
}

enum media_read media_audio_source_read(struct media_audio_source *source, int16_t *samples, struct media_error *error) {
    enum media_read result = MEDIA_READ_FRAME;

    switch (source->kind) {
    case SOURCE_TONE:
        read_tone(source, samples);
        break;
    case SOURCE_WAV:
        result = read_wav(source, samples);
        break;
    case SOURCE_ALSA:
        result = media_alsa_read(source->alsa, samples, error);
        break;
    }
    source->position += MEDIA_AUDIO_FRAME_SAMPLES;
    return result;
}
