#include <stdlib.h>

#include "app/media/annexb.h"
#include "app/media/file_index_internal.h"
#include "app/media/file_source.h"
#include "app/media/ivf.h"
#include "app/media/ogg_opus.h"
#include "app/media/video_header.h"

enum { VIDEO_CLOCK_HZ = 90000, FIRST_CAPACITY = 256 };

static enum media_index_result broken(struct media_parse_problem *problem, size_t offset, const char *rule) {
    problem->offset = offset;
    problem->rule = rule;
    return MEDIA_INDEX_BROKEN;
}

static enum media_index_result add(struct media_file_index *index, const struct media_indexed_frame *frame) {
    if (index->count == index->capacity) {
        size_t capacity = index->capacity == 0 ? FIRST_CAPACITY : 2 * index->capacity;
        struct media_indexed_frame *frames = realloc(index->frames, capacity * sizeof *frames);
        if (frames == NULL) {
            return MEDIA_INDEX_NO_MEMORY;
        }
        index->frames = frames;
        index->capacity = capacity;
    }
    index->frames[index->count++] = *frame;
    return MEDIA_INDEX_OK;
}

/* ---- IVF ----------------------------------------------------------------------------------------------------------------- */

/* ticks * scale / rate seconds in 90 kHz. ticks below 2^32, scale at most 2^31 (ivf.h): no product passes 64 bits. */
static uint64_t to_clock(const struct media_ivf_header *header, uint64_t ticks) {
    uint64_t scaled = ticks * header->scale;
    return scaled / header->rate * VIDEO_CLOCK_HZ + scaled % header->rate * VIDEO_CLOCK_HZ / header->rate;
}

static enum media_index_result add_ivf_frame(struct media_file_index *index, const struct media_ivf_header *header, const struct media_ivf_frame *frame,
                                             uint64_t ticks, size_t offset, struct media_parse_problem *problem) {
    struct media_video_header seen;

    if (frame->length_bytes > MEDIA_FILE_MAX_FRAME_BYTES) {
        return broken(problem, offset, "A frame has more than MEDIA_FILE_MAX_FRAME_BYTES (1 MiB)");
    }
    if (!media_video_header_read(header->codec, frame->bytes, frame->length_bytes, &seen)) {
        return broken(problem, offset, "A frame is not one of the codec that the header names");
    }
    if (index->count == 0 && !seen.key_frame) {
        return broken(problem, offset, "The first frame is not a key frame");
    }
    if (index->count == 0) {
        index->width = seen.width;
        index->height = seen.height;
    }
    struct media_indexed_frame entry = { frame->bytes, frame->length_bytes, to_clock(header, ticks), seen.key_frame };
    if (index->count > 0 && entry.time <= index->frames[index->count - 1].time) {
        return broken(problem, offset, "A frame is not later than the one before it");
    }
    return add(index, &entry);
}

static enum media_index_result index_ivf(const uint8_t *bytes, size_t length_bytes, struct media_file_index *index, struct media_parse_problem *problem) {
    struct media_ivf_header header;
    struct media_ivf_frame frame;
    enum media_ivf_result result;
    size_t at = 0;
    uint64_t first_ticks = 0;

    if (!media_ivf_read_header(bytes, length_bytes, &header, &at, problem)) {
        return MEDIA_INDEX_BROKEN;
    }
    index->codec = header.codec;
    for (size_t offset = at; (result = media_ivf_next_frame(bytes, length_bytes, &at, &frame, problem)) == MEDIA_IVF_FRAME; offset = at) {
        if (frame.length_bytes == 0) {
            continue;                               /* a picture that the encoder has dropped: time passes */
        }
        first_ticks = index->count == 0 ? frame.ticks : first_ticks;
        if (frame.ticks - first_ticks > UINT32_MAX) {            /* modulo 2^64: an earlier one is far later */
            return broken(problem, offset, "The time of a frame is before the first, or more than 2^32 ticks behind it");
        }
        enum media_index_result added = add_ivf_frame(index, &header, &frame, frame.ticks - first_ticks, offset, problem);
        if (added != MEDIA_INDEX_OK) {
            return added;
        }
    }
    if (result == MEDIA_IVF_BROKEN) {
        return MEDIA_INDEX_BROKEN;
    }
    if (index->count == 0) {
        return broken(problem, length_bytes, "It holds no frame");
    }
    uint64_t last = index->frames[index->count - 1].time;
    if ((index->count - 1) * (uint64_t)(VIDEO_CLOCK_HZ / MEDIA_FILE_MAX_FPS) > last) {
        return broken(problem, 0, "It has more than MEDIA_FILE_MAX_FPS (240) frames a second");
    }
    /* The last frame is shown as long as the one before it; an only one as long as a tick, where that is the length of a picture. */
    uint64_t shown = index->count > 1 ? last - index->frames[index->count - 2].time : to_clock(&header, 1);
    index->duration = last + (shown < VIDEO_CLOCK_HZ / MEDIA_FILE_MAX_FPS || shown > VIDEO_CLOCK_HZ ? VIDEO_CLOCK_HZ / MEDIA_FILE_DEFAULT_FPS : shown);
    return MEDIA_INDEX_OK;
}

/* ---- Annex B --------------------------------------------------------------------------------------------------------------- */

static enum media_index_result index_annexb(const uint8_t *bytes, size_t length_bytes, uint32_t fps, struct media_file_index *index,
                                            struct media_parse_problem *problem) {
    struct media_access_unit unit;
    enum media_annexb_result result;
    size_t at = 0;

    index->codec = MEDIA_CODEC_H264;
    for (size_t offset = 0; (result = media_annexb_next_unit(bytes, length_bytes, &at, &unit, problem)) == MEDIA_ANNEXB_UNIT; offset = at) {
        if (unit.length_bytes > MEDIA_FILE_MAX_FRAME_BYTES) {
            return broken(problem, offset, "An access unit has more than MEDIA_FILE_MAX_FRAME_BYTES (1 MiB)");
        }
        if (index->count == 0 && !unit.key_frame) {
            return broken(problem, offset, "The first access unit is not an IDR picture with its sequence parameter set");
        }
        struct media_video_header header;
        if (index->count == 0 && media_video_header_read(MEDIA_CODEC_H264, unit.bytes, unit.length_bytes, &header)) {
            index->width = header.width;
            index->height = header.height;
        }
        struct media_indexed_frame entry = { unit.bytes, unit.length_bytes, (uint64_t)index->count * VIDEO_CLOCK_HZ / fps, unit.key_frame };
        enum media_index_result added = add(index, &entry);
        if (added != MEDIA_INDEX_OK) {
            return added;
        }
    }
    index->duration = (uint64_t)index->count * VIDEO_CLOCK_HZ / fps;
    return result == MEDIA_ANNEXB_BROKEN ? MEDIA_INDEX_BROKEN : MEDIA_INDEX_OK;
}

/* ---- Ogg ------------------------------------------------------------------------------------------------------------------- */

static enum media_index_result index_ogg(const uint8_t *bytes, size_t length_bytes, struct media_file_index *index, struct media_parse_problem *problem) {
    struct media_ogg_opus_reader reader = { .bytes = bytes, .length_bytes = length_bytes };
    struct media_ogg_opus_packet packet;
    enum media_ogg_opus_result result;
    size_t used = 0;

    index->codec = MEDIA_CODEC_OPUS;
    /* Packets together are shorter than the file; the reader wants room for the largest each time. */
    index->packets = malloc(length_bytes + MEDIA_OPUS_FILE_MAX_PACKET_BYTES);
    if (index->packets == NULL) {
        return MEDIA_INDEX_NO_MEMORY;
    }
    while ((result = media_ogg_opus_next(&reader, index->packets + used, &packet, problem)) == MEDIA_OGG_OPUS_PACKET) {
        struct media_indexed_frame entry = { index->packets + used, packet.length_bytes, index->duration, true };
        enum media_index_result added = add(index, &entry);
        if (added != MEDIA_INDEX_OK) {
            return added;
        }
        used += packet.length_bytes;
        index->duration += packet.samples;
    }
    if (result == MEDIA_OGG_OPUS_BROKEN) {
        return MEDIA_INDEX_BROKEN;
    }
    return index->count == 0 ? broken(problem, length_bytes, "It holds no packet with sound") : MEDIA_INDEX_OK;
}

/* ---- all ------------------------------------------------------------------------------------------------------------------- */

enum media_index_result media_file_index_make(enum media_file_kind kind, const uint8_t *bytes, size_t length_bytes, uint32_t fps,
                                              struct media_file_index *index, struct media_parse_problem *problem) {
    switch (kind) {
    case MEDIA_FILE_IVF:
        return index_ivf(bytes, length_bytes, index, problem);
    case MEDIA_FILE_ANNEXB:
        return index_annexb(bytes, length_bytes, fps != 0 ? fps : MEDIA_FILE_DEFAULT_FPS, index, problem);
    default:
        return index_ogg(bytes, length_bytes, index, problem);
    }
}

void media_file_index_clear(struct media_file_index *index) {
    free(index->frames);
    free(index->packets);
    *index = (struct media_file_index) { 0 };
}
