#include "app/media/file_source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/file_index_internal.h"
#include "app/media/load_file_internal.h"
#include "app/media/media_error_internal.h"

static const struct { const char *end, *convert; enum media_file_kind kind; } kinds[] = {
    { ".ivf", "Make it again: ffmpeg -i FILE -c:v libvpx -deadline realtime new.ivf", MEDIA_FILE_IVF },
    { ".h264", "Make it again: ffmpeg -i FILE -c:v libx264 -profile:v baseline -pix_fmt yuv420p -bf 0 new.h264", MEDIA_FILE_ANNEXB },
    { ".opus", "Make it again: ffmpeg -i FILE -c:a libopus -ac 2 new.opus", MEDIA_FILE_OGG },
};
enum { KINDS = 3 };

struct media_file_source {
    uint8_t *bytes;                        /* the file */
    struct media_file_index index;
    size_t   next;                         /* frame */
    uint64_t begin;                        /* when frame 0 of this round is, or would have been, due */
    uint32_t number;
};

static size_t find_kind(const char *path) {
    size_t length = strlen(path);
    for (size_t i = 0; i < KINDS; i++) {
        size_t end = strlen(kinds[i].end);
        if (length > end && strcmp(path + length - end, kinds[i].end) == 0) {
            return i;
        }
    }
    return KINDS;
}

bool media_file_source_is(const char *path) {
    return find_kind(path) < KINDS;
}

static bool make_index(struct media_file_source *source, const char *path, size_t kind, size_t length, uint32_t fps, struct media_error *error) {
    struct media_parse_problem problem = { 0, "" };

    switch (media_file_index_make(kinds[kind].kind, source->bytes, length, fps, &source->index, &problem)) {
    case MEDIA_INDEX_OK:
        return true;
    case MEDIA_INDEX_NO_MEMORY:
        media_error_file(error, "hold", path, ENOMEM);
        return false;
    case MEDIA_INDEX_BROKEN:
        break;
    }
    media_error_what(error, MEDIA_EXIT_BAD_FILE, "%s cannot be sent as it is.", path);
    media_error_why(error, "%s: byte %zu of %zu.", problem.rule, problem.offset, length);
    media_error_try(error, "%s", kinds[kind].convert);
    return false;
}

struct media_file_source *media_file_source_open(const char *path, uint32_t fps, struct media_error *error) {
    size_t kind = find_kind(path);
    size_t length = 0;

    if (kind == KINDS || fps > MEDIA_FILE_MAX_FPS) {
        media_error_what(error, MEDIA_EXIT_USAGE, "%s cannot be sent as it is.", path);
        media_error_why(error, kind == KINDS ? "Its name does not end in .ivf, .h264 or .opus." : "Its rate can be 1 to %d frames a second.", MEDIA_FILE_MAX_FPS);
        media_error_try(error, "Give such a file, or another --fps.");
        return NULL;
    }
    struct media_file_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        media_error_file(error, "open", path, ENOMEM);
        return NULL;
    }
    source->bytes = media_load_file(path, MEDIA_FILE_MAX_BYTES, "Cut it: ffmpeg -i FILE -c copy -t 60 NEW", &length, error);
    if (source->bytes == NULL || !make_index(source, path, kind, length, fps, error)) {
        media_file_source_free(source);
        return NULL;
    }
    return source;
}

void media_file_source_free(struct media_file_source *source) {
    if (source != NULL) {
        media_file_index_clear(&source->index);
        free(source->bytes);
        free(source);
    }
}

enum media_codec media_file_source_codec(const struct media_file_source *source) {
    return source->index.codec;
}

void media_file_source_size(const struct media_file_source *source, uint32_t *width, uint32_t *height) {
    *width = source->index.width;
    *height = source->index.height;
}

uint64_t media_file_source_next_time(const struct media_file_source *source) {
    return source->begin + source->index.frames[source->next].time;
}

bool media_file_source_next_is_key_frame(const struct media_file_source *source) {
    return source->index.frames[source->next].key_frame;
}

void media_file_source_read(struct media_file_source *source, struct media_file_frame *frame) {
    const struct media_file_index *index = &source->index;
    const struct media_indexed_frame *entry = &index->frames[source->next];
    uint64_t end = source->next + 1 < index->count ? entry[1].time : index->duration;

    *frame = (struct media_file_frame) {
        entry->bytes, entry->length_bytes, source->begin + entry->time, (uint32_t)(end - entry->time), source->number++, entry->key_frame
    };
    if (++source->next == index->count) {
        source->next = 0;
        source->begin += index->duration;
    }
}

void media_file_source_seek_key_frame(struct media_file_source *source) {
    const struct media_file_index *index = &source->index;
    size_t key = source->next;

    while (key < index->count && !index->frames[key].key_frame) {
        key++;
    }
    key = key == index->count ? 0 : key;
    /* Modulo 2^64: `begin` may lie before the beginning for a while. */
    source->begin += index->frames[source->next].time - index->frames[key].time;
    source->next = key;
}
