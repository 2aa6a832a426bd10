/* The Opus packets of an Ogg file (RFC 3533, RFC 7845), as they are. Bytes in, packets out; nothing allocated. record_ogg.h writes such files. */
#ifndef MEDIA_OGG_OPUS_H
#define MEDIA_OGG_OPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/parse_problem.h"

enum {
    MEDIA_OPUS_FILE_MAX_PACKET_BYTES = 61440   /* RFC 7845 section 6, SHOULD: a demuxer need not take a packet of one stream that is larger */
};

/* How far a file has been read. Zeroed, but for bytes and length_bytes. Members are the reader's. */
struct media_ogg_opus_reader {
    const uint8_t *bytes;
    size_t   length_bytes;
    size_t   page;                             /* where the page that is being read begins */
    size_t   segments, segment;                /* in it, and those that are used up */
    size_t   body;                             /* where the next segment's bytes begin */
    bool     in_page, found;
    uint32_t serial, next_page_number;         /* of the Opus stream, once it was found */
    unsigned headers;                          /* 0: OpusHead is next, 1: OpusTags, 2: sound */
    bool     ended;
};

struct media_ogg_opus_packet {
    size_t   length_bytes;                     /* at least 1 */
    uint32_t samples;                          /* at 48 kHz, of one channel: 120..5760 */
};

enum media_ogg_opus_result { MEDIA_OGG_OPUS_PACKET, MEDIA_OGG_OPUS_END, MEDIA_OGG_OPUS_BROKEN };

/* The next packet with sound into `out`. Other streams of the file, and what follows the end of the first Opus stream, are passed over. BROKEN
 * with *problem: not Ogg, not Opus of one or two channels, a page missing or with a wrong checksum, a packet that is none. */
enum media_ogg_opus_result media_ogg_opus_next(struct media_ogg_opus_reader *reader, uint8_t out[MEDIA_OPUS_FILE_MAX_PACKET_BYTES],
                                               struct media_ogg_opus_packet *packet, struct media_parse_problem *problem);

/* Samples per channel at 48 kHz of one Opus packet, from its table of contents (RFC 6716 section 3.1); 0 when it is none. */
uint32_t media_opus_packet_duration(const uint8_t *packet, size_t length_bytes);

#endif
