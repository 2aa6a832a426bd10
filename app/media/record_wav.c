#include "app/media/record_wav.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/g711.h"
#include "app/media/media_error_internal.h"

/*   "RIFF" length[4] "WAVE"
 *   "fmt " 18[4] format[2] channels[2]=1 samples_per_second[4] bytes_per_second[4] block[2]=1 bits[2]=8 extension[2]=0
 *   "fact" 4[4] samples[4]          what every format but PCM has
 *   "data" length[4] bytes [one more when the length is odd]                              everything little-endian */
enum { HEADER_BYTES = 58, FORMAT_ALAW = 6, FORMAT_ULAW = 7, CHUNK_BYTES = 800 };

struct media_record_wav {
    FILE    *file;
    char    *path;
    enum media_codec codec;
    uint32_t bytes;                 /* of sound */
    uint32_t next_timestamp;        /* where the next packet begins when none is missing */
    uint32_t packets;
};

static void put_u16(uint8_t *bytes, uint32_t value) {
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *bytes, uint32_t value) {
    put_u16(bytes, value);
    put_u16(bytes + 2, value >> 16);
}

static bool write_header(struct media_record_wav *wav) {
    uint8_t header[HEADER_BYTES] = "RIFF....WAVEfmt ";

    put_u32(header + 4, HEADER_BYTES - 8 + wav->bytes + (wav->bytes & 1));
    put_u32(header + 16, 18);
    put_u16(header + 20, wav->codec == MEDIA_CODEC_PCMA ? FORMAT_ALAW : FORMAT_ULAW);
    put_u16(header + 22, 1);
    put_u32(header + 24, MEDIA_G711_RATE_HZ);
    put_u32(header + 28, MEDIA_G711_RATE_HZ);
    put_u16(header + 32, 1);
    put_u16(header + 34, 8);
    memcpy(header + 38, "fact", 4);
    put_u32(header + 42, 4);
    put_u32(header + 46, wav->bytes);
    memcpy(header + 50, "data", 4);
    put_u32(header + 54, wav->bytes);
    return fseek(wav->file, 0, SEEK_SET) == 0 && fwrite(header, 1, sizeof header, wav->file) == sizeof header &&
           fseek(wav->file, 0, SEEK_END) == 0 && fflush(wav->file) == 0;
}

static bool write_failed(struct media_record_wav *wav, struct media_error *error) {
    media_error_file(error, "write", wav->path, errno);
    return false;
}

struct media_record_wav *media_record_wav_create(const char *path, enum media_codec codec, struct media_error *error) {
    struct media_record_wav *wav = calloc(1, sizeof *wav);

    if (wav == NULL || (wav->path = strdup(path)) == NULL) {
        media_error_file(error, "create", path, ENOMEM);
        free(wav);
        return NULL;
    }
    wav->codec = codec;
    wav->file = fopen(path, "wb");
    if (wav->file == NULL || !write_header(wav)) {
        media_error_file(error, "create", path, errno);
        if (wav->file != NULL) {
            (void)fclose(wav->file);
        }
        free(wav->path);
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
    if (fwrite(bytes, 1, count, wav->file) != count) {
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
    if ((hole <= MEDIA_RECORD_WAV_MAX_HOLE_BYTES && !fill_hole(wav, hole)) || !put_bytes(wav, packet, length_bytes) || fflush(wav->file) != 0) {
        return write_failed(wav, error);
    }
    wav->next_timestamp = timestamp + (uint32_t)length_bytes;
    *written = true;
    if (wav->packets++ % MEDIA_RECORD_WAV_HEADER_PACKETS == 0 && !write_header(wav)) {
        return write_failed(wav, error);
    }
    return true;
}

bool media_record_wav_close(struct media_record_wav *wav, struct media_error *error) {
    bool good = true;

    if (wav == NULL) {
        return true;
    }
    if (!write_header(wav) || ((wav->bytes & 1) != 0 && fputc(0, wav->file) == EOF)) {
        good = write_failed(wav, error);
    }
    if (fclose(wav->file) != 0 && good) {
        good = write_failed(wav, error);
    }
    free(wav->path);
    free(wav);
    return good;
}
