/* totalAudioEnergy of W3C webrtc-stats: RTCAudioSourceStats of what is sent, RTCInboundRtpStreamStats of what is heard. */
#ifndef MEDIA_AUDIO_ENERGY_H
#define MEDIA_AUDIO_ENERGY_H

#include <stddef.h>
#include <stdint.h>

/* Of `count` samples at 48 kHz in each of `channels` (1..), interleaved: the sum of (sample / full scale)^2 * seconds. */
double media_audio_energy(const int16_t *samples, size_t count, unsigned channels);

#endif
