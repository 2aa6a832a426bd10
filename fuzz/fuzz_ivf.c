/* links: none */
/* with: app/media/file_index.c app/media/ivf.c app/media/annexb.c app/media/ogg_opus.c app/media/video_header.c app/media/video_header_av1.c app/media/video_header_h264.c app/media/media_codec.c */
/*
 * Any bytes as FILE.ivf: what is accepted has frames inside of the file, in order, at growing times, from a key frame on. The same bytes as
 * one frame of each codec: what the header reader says of it is consistent.
 */
#include "app/media/file_index_internal.h"
#include "app/media/file_source.h"
#include "app/media/video_header.h"

/* Holds with -DNDEBUG too. */
#define MUST(condition)     \
    do {                    \
        if (!(condition))   \
            __builtin_trap(); \
    } while (0)

static void judge_headers(const uint8_t *bytes, size_t length) {
    for (int codec = 0; codec < MEDIA_CODEC_COUNT; codec++) {
        struct media_video_header header;
        bool good = media_video_header_read((enum media_codec)codec, bytes, length, &header);
        MUST(good || (!header.key_frame && !header.has_size));
        MUST(header.has_size || (header.width == 0 && header.height == 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct media_file_index index = { 0 };
    struct media_parse_problem problem = { 0, NULL };
    enum media_index_result result = media_file_index_make(MEDIA_FILE_IVF, bytes, length, 0, &index, &problem);

    MUST(result != MEDIA_INDEX_BROKEN || (problem.rule != NULL && problem.offset <= length));
    if (result == MEDIA_INDEX_OK) {
        const uint8_t *behind = bytes;
        MUST(index.count > 0 && index.frames[0].key_frame && index.frames[0].time == 0);
        for (size_t i = 0; i < index.count; i++) {
            MUST(index.frames[i].bytes >= behind && index.frames[i].length_bytes > 0 && index.frames[i].length_bytes <= MEDIA_FILE_MAX_FRAME_BYTES);
            behind = index.frames[i].bytes + index.frames[i].length_bytes;
            MUST(behind <= bytes + length);
            MUST(i == 0 || index.frames[i].time > index.frames[i - 1].time);
        }
        MUST(index.duration > index.frames[index.count - 1].time);
    }
    media_file_index_clear(&index);
    judge_headers(bytes, length);
    return 0;
}
