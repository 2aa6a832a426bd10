/* links: none */
/* with: app/media/ogg_opus.c */
/*
 * Any bytes as FILE.opus, as they are and once more with every checksum made right (which chance does not do): each packet is Opus, within
 * its bound, and together they are shorter than the file.
 */
#include <stdlib.h>
#include <string.h>

#include "app/media/ogg_opus.h"

/* Holds with -DNDEBUG too. */
#define MUST(condition)     \
    do {                    \
        if (!(condition))   \
            __builtin_trap(); \
    } while (0)

static void read_all(const uint8_t *bytes, size_t length) {
    static uint8_t out[MEDIA_OPUS_FILE_MAX_PACKET_BYTES];
    struct media_ogg_opus_reader reader = { .bytes = bytes, .length_bytes = length };
    struct media_ogg_opus_packet packet;
    struct media_parse_problem problem = { 0, NULL };
    enum media_ogg_opus_result result;
    size_t sum = 0;

    while ((result = media_ogg_opus_next(&reader, out, &packet, &problem)) == MEDIA_OGG_OPUS_PACKET) {
        MUST(packet.length_bytes > 0 && packet.length_bytes <= sizeof out && packet.samples >= 120 && packet.samples <= 5760);
        MUST(media_opus_packet_duration(out, packet.length_bytes) == packet.samples);
        sum += packet.length_bytes;
        MUST(sum < length);
    }
    MUST(result == MEDIA_OGG_OPUS_END || (problem.rule != NULL && problem.offset <= length));
}

/* The sum bit by bit, as RFC 3533 section 6 words it. */
static void write_checksum(uint8_t *page, size_t length) {
    uint32_t sum = 0;
    memset(page + 22, 0, 4);
    for (size_t i = 0; i < length; i++) {
        sum ^= (uint32_t)page[i] << 24;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum << 1 ^ ((sum & 0x80000000U) != 0 ? 0x04C11DB7U : 0);
        }
    }
    for (int i = 0; i < 4; i++) {
        page[22 + i] = (uint8_t)(sum >> (8 * i));
    }
}

static void write_checksums(uint8_t *bytes, size_t length) {
    for (size_t at = 0; length - at >= 27 && memcmp(bytes + at, "OggS", 4) == 0;) {
        size_t page = 27U + bytes[at + 26];
        if (page > length - at) {
            return;
        }
        for (size_t i = 0; i < bytes[at + 26]; i++) {
            page += bytes[at + 27 + i];
        }
        if (page > length - at) {
            return;
        }
        write_checksum(bytes + at, page);
        at += page;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    uint8_t *right = malloc(length != 0 ? length : 1);
    MUST(right != NULL);
    if (length > 0) {
        memcpy(right, bytes, length);
    }
    read_all(bytes, length);
    write_checksums(right, length);
    read_all(right, length);
    free(right);
    return 0;
}
