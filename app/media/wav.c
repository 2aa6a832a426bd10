#include "app/media/wav.h"

#include <string.h>

#include "app/media/media_error_internal.h"

/*   "RIFF" size "WAVE"   then chunks, each:  id[4] size[4] body[size] (and a pad byte when size is odd)
 *
 *   "fmt "  format[2] channels[2] rate[4] bytes_per_second[4] block_align[2] bits[2]
 *           and for format 0xFFFE: extra_size[2] valid_bits[2] channel_mask[4] sub_format[16]
 *   "data"  the samples                                          everything little-endian */
enum {
    RIFF_HEADER_BYTES = 12,
    CHUNK_HEADER_BYTES = 8,
    FORMAT_BYTES = 16,
    FORMAT_EXTENSIBLE_BYTES = 40,
    FORMAT_PCM = 1,
    FORMAT_FLOAT = 3,
    FORMAT_EXTENSIBLE = 0xFFFE
};

/* What follows the two bytes of the format in a sub_format: the GUID under which Microsoft nested the old numbers. */
static const uint8_t sub_format_tail[14] = { 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71 };

static uint16_t get_u16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get_u32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static bool refuse(const char *path, struct media_error *error, const char *why) {
    media_error_what(error, MEDIA_EXIT_BAD_FILE, "%s is not a WAVE file that can be played.", path);
    media_error_why(error, "%s", why);
    media_error_try(error, "Convert it: ffmpeg -i FILE -c:a pcm_s16le -ar 48000 -ac 1 new.wav");
    return false;
}

static bool parse_format(const char *path, const uint8_t *body, uint32_t size, struct media_wav *wav, struct media_error *error) {
    if (size < FORMAT_BYTES) {
        return refuse(path, error, "Its format chunk is shorter than 16 bytes.");
    }
    unsigned format = get_u16(body);
    unsigned block_align = get_u16(body + 12);
    wav->channels = get_u16(body + 2);
    wav->rate_hz = get_u32(body + 4);
    wav->bits = get_u16(body + 14);
    if (format == FORMAT_EXTENSIBLE) {
        if (size < FORMAT_EXTENSIBLE_BYTES || get_u16(body + 16) < FORMAT_EXTENSIBLE_BYTES - 18 ||
            memcmp(body + 26, sub_format_tail, sizeof sub_format_tail) != 0) {
            return refuse(path, error, "Its extensible format chunk is malformed.");
        }
        format = get_u16(body + 24);
    }
    if (wav->channels < 1 || wav->channels > MEDIA_WAV_MAX_CHANNELS) {
        return refuse(path, error, "It does not have 1 to 8 channels.");
    }
    if (wav->rate_hz < MEDIA_WAV_MIN_RATE_HZ || wav->rate_hz > MEDIA_WAV_MAX_RATE_HZ) {
        return refuse(path, error, "Its sample rate is not within 8000 to 192000 Hz.");
    }
    if (format == FORMAT_PCM && (wav->bits == 8 || wav->bits == 16 || wav->bits == 24 || wav->bits == 32)) {
        wav->encoding = MEDIA_WAV_INTEGER;
    } else if (format == FORMAT_FLOAT && wav->bits == 32) {
        wav->encoding = MEDIA_WAV_FLOAT;
    } else {
        return refuse(path, error, "Its samples are neither PCM of 8, 16, 24 or 32 bits nor 32-bit float.");
    }
    if (block_align != wav->channels * wav->bits / 8) {
        return refuse(path, error, "Its block size contradicts its channels and bits.");
    }
    return true;
}

static bool parse_data(const char *path, const uint8_t *body, uint32_t size, struct media_wav *wav, struct media_error *error) {
    size_t frame_bytes = (size_t)wav->channels * wav->bits / 8;

    if (frame_bytes == 0) {
        return refuse(path, error, "Its samples come before their format.");
    }
    if (size == 0) {
        return refuse(path, error, "It holds no samples.");
    }
    if (size % frame_bytes != 0) {
        return refuse(path, error, "Its data chunk ends in the middle of a sample.");
    }
    wav->samples = body;
    wav->frames = size / frame_bytes;
    return true;
}

bool media_wav_parse(const char *path, const uint8_t *bytes, size_t length, struct media_wav *wav, struct media_error *error) {
    memset(wav, 0, sizeof *wav);
    if (length < RIFF_HEADER_BYTES || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) {
        return refuse(path, error, "It does not begin with RIFF and WAVE.");
    }
    uint32_t riff_bytes = get_u32(bytes + 4);
    if (riff_bytes < 4 || riff_bytes > length - 8) {
        return refuse(path, error, "Its header announces more bytes than the file has.");
    }
    size_t end = (size_t)riff_bytes + 8;      /* what stands behind the RIFF is none of our business */
    size_t at = RIFF_HEADER_BYTES;
    while (end - at >= CHUNK_HEADER_BYTES) {
        const uint8_t *chunk = bytes + at;
        uint32_t size = get_u32(chunk + 4);
        at += CHUNK_HEADER_BYTES;
        if (size > end - at) {
            return refuse(path, error, "One of its chunks announces more bytes than the file has.");
        }
        if (memcmp(chunk, "fmt ", 4) == 0) {
            if (wav->channels != 0) {
                return refuse(path, error, "It has two format chunks.");
            }
            if (!parse_format(path, bytes + at, size, wav, error)) {
                return false;
            }
        } else if (memcmp(chunk, "data", 4) == 0) {
            return parse_data(path, bytes + at, size, wav, error);
        }
        at += size;
        if (size % 2 == 1 && at < end) {
            at++;
        }
    }
    return refuse(path, error, "It has no data chunk.");
}

static float float_sample(const uint8_t *bytes) {
    uint32_t bits = get_u32(bytes);
    float value;

    memcpy(&value, &bits, sizeof value);
    if (!(value >= -1.0F)) {
        return value < -1.0F ? -1.0F : 0.0F;      /* the 0 is for what compares with nothing */
    }
    return value > 1.0F ? 1.0F : value;
}

float media_wav_sample(const struct media_wav *wav, size_t frame, unsigned channel) {
    const uint8_t *bytes = wav->samples + (frame * wav->channels + channel) * (wav->bits / 8);

    if (wav->encoding == MEDIA_WAV_FLOAT) {
        return float_sample(bytes);
    }
    switch (wav->bits) {
    case 8:
        return (float)(bytes[0] - 128) / 128.0F;
    case 16:
        return (float)(int16_t)get_u16(bytes) / 32768.0F;
    case 24:
        return (float)((int32_t)((uint32_t)bytes[0] << 8 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 24) / 256) / 8388608.0F;
    default:
        return (float)((double)(int32_t)get_u32(bytes) / 2147483648.0);
    }
}
