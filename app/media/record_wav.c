#include "app/media/record_wav.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/g711.h"
#include "app/media/media_error_internal.h"
#include "app/media/record_file_internal.h"

/*   "RIFF" length[4] "WAVE"
 *   "fmt " 18[4] format[2] channels[2]=1 samples_per_second[4] bytes_per_second[4] block[2]=1 bits[2]=8 extension[2]=0
 *   "fact" 4[4] samples[4]          what every format but PCM has
 *   "data" length[4] bytes [one more when the length is odd]                              everything little-endian */
enum { HEADER_BYTES = 58, FORMAT_ALAW = 6, FORMAT_ULAW = 7, CHUNK_BYTES = 800 };

struct media_record_wav {
    struct media_record_file file;
    enum media_codec codec;
    uint32_t bytes;                 /* of sound */
    uint32_t next_timestamp;        /* where the next packet begins when none is missing */
    uint32_t packets;
};

static void fill_header(const struct media_record_wav *wav, uint8_t header[HEADER_BYTES]) {
    memcpy(header, "RIFF....WAVEfmt ", 16);
    media_record_put_u32(header + 4, HEADER_BYTES - 8 + wav->bytes + (wav->bytes & 1));
    media_record_put_u32(header + 16, 18);
    media_record_put_u16(header + 20, wav->codec == MEDIA_CODEC_PCMA ? FORMAT_ALAW : FORMAT_ULAW);
    media_record_put_u16(header + 22, 1);
    media_record_put_u32(header + 24, MEDIA_G711_RATE_HZ);
    media_record_put_u32(header + 28, MEDIA_G711_RATE_HZ);
    media_record_put_u16(header + 32, 1);
    media_record_put_u16(header + 34, 8);
    media_record_put_u16(header + 36, 0);
    memcpy(header + 38, "fact", 4);
    media_record_put_u32(header + 42, 4);
    media_record_put_u32(header + 46, wav->bytes);
    memcpy(header + 50, "data", 4);
    media_record_put_u32(header + 54, wav->bytes);
}

static bool update_header(struct media_record_wav *wav) {
    uint8_t header[HEADER_BYTES];

    fill_header(wav, header);
    return media_record_file_header(&wav->file, header, sizeof header);
}

struct media_record_wav *media_record_wav_create(const char *path, enum media_codec codec, struct media_error *error) {
    struct media_record_wav *wav = calloc(1, sizeof *wav);
    uint8_t header[HEADER_BYTES];

    if (wav == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        return NULL;
    }
    wav->codec = codec;
    fill_header(wav, header);
    if (!media_record_file_create(&wav->file, path, header, sizeof header, error)) {
        free(wav);
        return NULL;
    }
    return wav;
}

static bool put_bytes(struct media_record_wav *wav, const uint8_t *bytes, size_t count) {
    if (count > MEDIA_RECORD_WAV_MAX_BYTES - wav->bytes) {
        errno = EFBIG;
        return false;
    }
    if (!media_record_file_write(&wav->file, bytes, count)) {
        return false;
    }
    wav->bytes += (uint32_t)count;
    return true;
}

static bool fill_hole(struct media_record_wav *wav, uint32_t hole) {
    uint8_t silence[CHUNK_BYTES];

    memset(silence, wav->codec == MEDIA_CODEC_PCMA ? MEDIA_G711_ALAW_SILENCE : MEDIA_G711_ULAW_SILENCE, sizeof silence);
    while (hole > 0) {
        uint32_t now = hole < CHUNK_BYTES ? hole : CHUNK_BYTES;
        if (!put_bytes(wav, silence, now)) {
            return false;
        }
        hole -= now;
    }
    return true;
}

bool media_record_wav_write(struct media_record_wav *wav, const uint8_t *packet, size_t length_bytes, uint32_t timestamp, bool *written,
                            struct media_error *error) {
    uint32_t hole = wav->packets > 0 ? timestamp - wav->next_timestamp : 0;

    *written = false;
    if (length_bytes == 0 || hole > INT32_MAX) {
        return true;                                    /* a latecomer: its place is taken */
    }
    if ((hole <= MEDIA_RECORD_WAV_MAX_HOLE_BYTES && !fill_hole(wav, hole)) || !put_bytes(wav, packet, length_bytes) ||
        !media_record_file_flush(&wav->file)) {
        return media_record_file_failed(&wav->file, error);
    }
    wav->next_timestamp = timestamp + (uint32_t)length_bytes;
    *written = true;
    if (wav->packets++ % MEDIA_RECORD_WAV_HEADER_PACKETS == 0 && !update_header(wav)) {
        return media_record_file_failed(&wav->file, error);
    }
    return true;
}

bool media_record_wav_close(struct media_record_wav *wav, struct media_error *error) {
    bool good = true;

    if (wav == NULL) {
        return true;
    }
    if (!update_header(wav) || ((wav->bytes & 1) != 0 && !media_record_file_write(&wav->file, (const uint8_t *)"", 1))) {
        good = media_record_file_failed(&wav->file, error);
    }
    good = media_record_file_close(&wav->file, good, error);
    free(wav);
    return good;
}
