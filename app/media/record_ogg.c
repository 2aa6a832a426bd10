#include "app/media/record_ogg.h"

#include <errno.h>
#include <ogg/ogg.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_error_internal.h"
#include "app/media/opus_codec.h"
#include "app/media/record_file_internal.h"

enum { SERIAL_NUMBER = 0x73747261, MIN_STEP_SAMPLES = 120 };

struct media_ogg {
    struct media_record_file file;
    ogg_stream_state stream;
    int64_t packet_number;
    int64_t granule;                /* end of the last packet given to libogg; packet_held is not counted yet */
    uint32_t next_timestamp;        /* where the next packet begins when none is missing */
    bool    started;
    /* The last packet waits for its successor, because the end-of-stream mark belongs on the last. */
    uint8_t *held;
    size_t   held_bytes, held_samples;
    bool     holding;
    unsigned packets_on_page;
};

/* Finished pages to the file; with `force`, the unfinished one as well. */
static bool write_pages(struct media_ogg *ogg, bool force) {
    ogg_page page;
    bool wrote = false;

    while ((force ? ogg_stream_flush(&ogg->stream, &page) : ogg_stream_pageout(&ogg->stream, &page)) != 0) {
        if (!media_record_file_write(&ogg->file, page.header, (size_t)page.header_len) ||
            !media_record_file_write(&ogg->file, page.body, (size_t)page.body_len)) {
            return false;
        }
        wrote = true;
    }
    if (wrote) {
        ogg->packets_on_page = 0;
        return media_record_file_flush(&ogg->file);
    }
    return true;
}

static bool put_packet(struct media_ogg *ogg, uint8_t *bytes, size_t length, bool first, bool last) {
    ogg_packet packet = {
        .packet = bytes, .bytes = (long)length, .b_o_s = first, .e_o_s = last,
        .granulepos = ogg->granule, .packetno = ogg->packet_number++
    };
    return ogg_stream_packetin(&ogg->stream, &packet) == 0;
}

/* RFC 7845 section 5.1: the identification header; section 3: alone on the first page, the comments end the second. */
static bool write_headers(struct media_ogg *ogg) {
    uint8_t head[19] = {
        'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1 /* version */, 2 /* channels */,
        MEDIA_OGG_PRE_SKIP & 0xFF, MEDIA_OGG_PRE_SKIP >> 8, 0x80, 0xBB, 0, 0 /* 48000 */, 0, 0 /* gain */, 0 /* mapping */
    };
    uint8_t tags[8 + 4 + 6 + 4] = {
        'O', 'p', 'u', 's', 'T', 'a', 'g', 's', 6, 0, 0, 0, 's', 't', 'r', 'a', 't', 'a', 0, 0, 0, 0 /* comments */
    };
    return put_packet(ogg, head, sizeof head, true, false) && write_pages(ogg, true) &&
           put_packet(ogg, tags, sizeof tags, false, false) && write_pages(ogg, true);
}

static void discard(struct media_ogg *ogg) {
    (void)ogg_stream_clear(&ogg->stream);
    free(ogg->held);
    free(ogg);
}

struct media_ogg *media_ogg_create(const char *path, struct media_error *error) {
    struct media_ogg *ogg = calloc(1, sizeof *ogg);

    if (ogg == NULL || ogg_stream_init(&ogg->stream, SERIAL_NUMBER) != 0) {
        media_error_file(error, "create", path, ENOMEM);
        free(ogg);
        return NULL;
    }
    if (!media_record_file_create(&ogg->file, path, NULL, 0, error)) {
        discard(ogg);
        return NULL;
    }
    if (!write_headers(ogg)) {
        media_error_file(error, "create", path, errno);
        (void)media_record_file_close(&ogg->file, false, error);
        discard(ogg);
        return NULL;
    }
    return ogg;
}

/* Gives the held packet to libogg. RFC 7845 section 4: a granule position counts the samples up to the end of its packet. */
static bool release_held(struct media_ogg *ogg, bool last) {
    if (!ogg->holding) {
        return true;
    }
    ogg->holding = false;
    ogg->granule += (int64_t)ogg->held_samples;
    if (!put_packet(ogg, ogg->held, ogg->held_bytes, false, last)) {
        errno = ENOMEM;
        return false;
    }
    ogg->packets_on_page++;
    return write_pages(ogg, last || ogg->packets_on_page >= MEDIA_OGG_PAGE_PACKETS);
}

static bool hold(struct media_ogg *ogg, const uint8_t *packet, size_t length, size_t samples) {
    uint8_t *copy = realloc(ogg->held, length);
    if (copy == NULL) {
        errno = ENOMEM;
        return false;
    }
    memcpy(copy, packet, length);
    ogg->held = copy;
    ogg->held_bytes = length;
    ogg->held_samples = samples;
    ogg->holding = true;
    return true;
}

/* RFC 7845 section 4.1, SHOULD: for what was lost, packets that ask the decoder to conceal. Such a packet is a TOC byte of the
 * same mode with one frame of no bytes (RFC 6716 section 3.2.1). Frames too long for the rest of the hole give way to CELT's 2.5 ms ones. */
static bool fill_hole(struct media_ogg *ogg, uint32_t hole_samples) {
    while (hole_samples >= MIN_STEP_SAMPLES) {
        uint8_t toc = ogg->held[0] & 0xFC;
        size_t samples = media_opus_packet_samples(&toc, 1);
        if (samples > hole_samples) {
            toc = (uint8_t)(0xE0 | (toc & 0x04));       /* config 28: CELT, full band, 2.5 ms */
            samples = MIN_STEP_SAMPLES;
        }
        if (!release_held(ogg, false) || !hold(ogg, &toc, 1, samples)) {
            return false;
        }
        hole_samples -= (uint32_t)samples;
    }
    return true;
}

bool media_ogg_write(struct media_ogg *ogg, const uint8_t *packet, size_t length_bytes, uint32_t timestamp, bool *written,
                     struct media_error *error) {
    size_t samples = media_opus_packet_samples(packet, length_bytes);

    *written = false;
    if (samples == 0) {
        return true;
    }
    uint32_t hole = ogg->started ? timestamp - ogg->next_timestamp : 0;
    if (hole > INT32_MAX) {
        return true;                                    /* a latecomer: its place is taken */
    }
    if (hole <= MEDIA_OGG_MAX_HOLE_SAMPLES && !fill_hole(ogg, hole)) {
        return media_record_file_failed(&ogg->file, error);
    }
    if (!release_held(ogg, false) || !hold(ogg, packet, length_bytes, samples)) {
        return media_record_file_failed(&ogg->file, error);
    }
    ogg->next_timestamp = timestamp + (uint32_t)samples;
    ogg->started = true;
    *written = true;
    return true;
}

bool media_ogg_close(struct media_ogg *ogg, struct media_error *error) {
    bool good = true;

    if (ogg == NULL) {
        return true;
    }
    if (!release_held(ogg, true)) {
        good = media_record_file_failed(&ogg->file, error);
    }
    good = media_record_file_close(&ogg->file, good, error);
    discard(ogg);
    return good;
}
