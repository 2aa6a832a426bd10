/* links: none */
/* with: app/media/annexb.c app/media/video_header.c app/media/video_header_av1.c app/media/video_header_h264.c app/media/media_codec.c */
/*
 * Any bytes as FILE.h264: access units lie in the file, in order, none overlaps another; each of them alone is one access unit of the same
 * bytes again, and the header reader says the same of it.
 */
#include "app/media/annexb.h"
#include "app/media/video_header.h"

/* Holds with -DNDEBUG too. */
#define MUST(condition)     \
    do {                    \
        if (!(condition))   \
            __builtin_trap(); \
    } while (0)

static void judge_alone(const struct media_access_unit *unit) {
    struct media_access_unit again;
    struct media_parse_problem problem;
    struct media_video_header header;
    size_t at = 0;
    MUST(media_annexb_next_unit(unit->bytes, unit->length_bytes, &at, &again, &problem) == MEDIA_ANNEXB_UNIT);
    MUST(again.length_bytes == unit->length_bytes && again.key_frame == unit->key_frame);
    MUST(media_annexb_next_unit(unit->bytes, unit->length_bytes, &at, &again, &problem) == MEDIA_ANNEXB_END);
    MUST(media_video_header_read(MEDIA_CODEC_H264, unit->bytes, unit->length_bytes, &header) && header.key_frame == unit->key_frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    struct media_access_unit unit;
    struct media_parse_problem problem = { 0, NULL };
    enum media_annexb_result result;
    size_t at = 0;
    const uint8_t *behind = bytes;

    while ((result = media_annexb_next_unit(bytes, length, &at, &unit, &problem)) == MEDIA_ANNEXB_UNIT) {
        MUST(unit.bytes >= behind && unit.length_bytes > 3 && unit.bytes + unit.length_bytes <= bytes + at && at <= length);
        behind = unit.bytes + unit.length_bytes;
        judge_alone(&unit);
    }
    MUST(result == MEDIA_ANNEXB_END || (problem.rule != NULL && problem.offset <= length));
    return 0;
}
