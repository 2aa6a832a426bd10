#include "app/media/audio_energy.h"

#include "app/media/audio_source.h"

/* W3C webrtc-stats, RTCAudioSourceStats totalAudioEnergy, MUST: each sample over the highest there is, squared, times its duration; of several
 * channels the one that is loudest at that sample. */
double media_audio_energy(const int16_t *samples, size_t count, unsigned channels) {
    double sum = 0.0;

    for (size_t i = 0; i < count; i++) {
        double loudest = 0.0;
        for (unsigned channel = 0; channel < channels; channel++) {
            double value = samples[i * channels + channel] / 32768.0;
            loudest = value * value > loudest ? value * value : loudest;
        }
        sum += loudest;
    }
    return sum / MEDIA_AUDIO_RATE_HZ;
}
