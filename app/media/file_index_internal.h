/* Where the frames of a file are: what file_source.c plays. Pure, but for the memory of the table. */
#ifndef MEDIA_FILE_INDEX_INTERNAL_H
#define MEDIA_FILE_INDEX_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_codec.h"
#include "app/media/parse_problem.h"

enum { MEDIA_FILE_DEFAULT_FPS = 30 };

struct media_indexed_frame {
    const uint8_t *bytes;
    size_t   length_bytes;
    uint64_t time;                 /* in the codec's clock, from 0, growing */
    bool     key_frame;
};

struct media_file_index {
    enum media_codec codec;
    struct media_indexed_frame *frames;    /* free() */
    size_t   count, capacity;
    uint64_t duration;                     /* when the first frame is due again */
    uint32_t width, height;
    uint8_t *packets;                      /* Ogg: the packets, joined from their pages; free(). Else NULL */
};

enum media_file_kind { MEDIA_FILE_IVF, MEDIA_FILE_ANNEXB, MEDIA_FILE_OGG };

enum media_index_result { MEDIA_INDEX_OK, MEDIA_INDEX_BROKEN, MEDIA_INDEX_NO_MEMORY };

/* Fills *index (zeroed) with views of `bytes`. BROKEN with *problem. Whatever it returns, media_file_index_clear frees the index. */
enum media_index_result media_file_index_make(enum media_file_kind kind, const uint8_t *bytes, size_t length_bytes, uint32_t fps,
                                              struct media_file_index *index, struct media_parse_problem *problem);
void media_file_index_clear(struct media_file_index *index);

#endif
