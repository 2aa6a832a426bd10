#include "app/media/y4m.h"

#include <string.h>

#include "app/media/media_error_internal.h"
#include "app/media/picture.h"
#include "app/media/video_source.h"

/*   YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg XANYTHING        one letter, one value, blanks between; order is free
 *   FRAME ...                                                   then the planes Y, U, V of one picture, and so on */
static const char magic[] = "YUV4MPEG2";
static const char frame_magic[] = "FRAME";

struct token { const char *text; size_t length; };

static bool refuse(const char *path, struct media_error *error, const char *why) {
    media_error_what(error, MEDIA_EXIT_BAD_FILE, "%s is not a YUV4MPEG2 file that can be sent.", path);
    media_error_why(error, "%s", why);
    media_error_try(error, "Convert it: ffmpeg -i FILE -pix_fmt yuv420p new.y4m (and -vf yadif when it is interlaced)");
    return false;
}

static bool next_token(const char **at, const char *end, struct token *token) {
    while (*at < end && **at == ' ') {
        (*at)++;
    }
    token->text = *at;
    while (*at < end && **at != ' ') {
        (*at)++;
    }
    token->length = (size_t)(*at - token->text);
    return token->length > 0;
}

/* Digits only, 1..limit. */
static bool parse_number(const char *text, size_t length, uint32_t limit, uint32_t *value) {
    uint64_t sum = 0;
    if (length == 0) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        sum = sum * 10 + (uint64_t)(text[i] - '0');
        if (sum > limit) {
            return false;
        }
    }
    *value = (uint32_t)sum;
    return sum >= 1;
}

static bool parse_rate(struct token value, struct media_y4m *y4m) {
    const char *colon = memchr(value.text, ':', value.length);
    if (colon == NULL) {
        return false;
    }
    size_t before = (size_t)(colon - value.text);
    return parse_number(value.text, before, MEDIA_Y4M_MAX_RATE_TERM, &y4m->rate_numerator) &&
           parse_number(colon + 1, value.length - before - 1, MEDIA_Y4M_MAX_RATE_TERM, &y4m->rate_denominator) &&
           y4m->rate_numerator / y4m->rate_denominator <= MEDIA_VIDEO_MAX_FPS;
}

static bool is(struct token token, const char *text) {
    return token.length == strlen(text) && memcmp(token.text, text, token.length) == 0;
}

/* The variants of 4:2:0 differ in where chroma samples lie, by less than a pixel; VP8 does not say either. */
static bool is_420(struct token value) {
    return is(value, "420") || is(value, "420jpeg") || is(value, "420mpeg2") || is(value, "420paldv");
}

static bool parse_side(struct token value, uint32_t *side) {
    return *side == 0 && parse_number(value.text, value.length, MEDIA_PICTURE_MAX_SIDE, side) && *side >= MEDIA_PICTURE_MIN_SIDE;
}

static bool parse_parameter(const char *path, struct token token, struct media_y4m *y4m, struct media_error *error) {
    struct token value = { token.text + 1, token.length - 1 };
    switch (token.text[0]) {
    case 'W':
        return parse_side(value, &y4m->width) || refuse(path, error, "Its width is missing, doubled, or not within 16 to 4096.");
    case 'H':
        return parse_side(value, &y4m->height) || refuse(path, error, "Its height is missing, doubled, or not within 16 to 4096.");
    case 'F':
        return parse_rate(value, y4m) || refuse(path, error, "Its frame rate is not a fraction up to 240 frames a second.");
    case 'I':
        return is(value, "p") || is(value, "?") || refuse(path, error, "It is interlaced: its lines belong to two instants.");
    case 'C':
        return is_420(value) || refuse(path, error, "Its colours are not 4:2:0 with 8 bits.");
    default:
        return true;      /* A: aspect of a pixel, X: comments; others are not ours to judge */
    }
}

bool media_y4m_parse_header(const char *path, const char *line, size_t length, struct media_y4m *y4m, struct media_error *error) {
    const char *at = line;
    const char *end = line + length;
    struct token token;

    memset(y4m, 0, sizeof *y4m);
    if (!next_token(&at, end, &token) || token.text != line || !is(token, magic)) {
        return refuse(path, error, "It does not begin with YUV4MPEG2.");
    }
    while (next_token(&at, end, &token)) {
        if (!parse_parameter(path, token, y4m, error)) {
            return false;
        }
    }
    if (y4m->width == 0 || y4m->height == 0 || y4m->rate_numerator == 0) {
        return refuse(path, error, "Its first line lacks the width, the height or the frame rate.");
    }
    return true;
}

bool media_y4m_is_frame_line(const char *line, size_t length) {
    size_t name = sizeof frame_magic - 1;
    return length >= name && memcmp(line, frame_magic, name) == 0 && (length == name || line[name] == ' ');
}
