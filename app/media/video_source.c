#include "app/media/video_source.h"

#include <errno.h>
#include <libyuv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/media/media_error_internal.h"
#include "app/media/pattern_internal.h"
#include "app/media/stamp.h"
#include "app/media/y4m.h"

/* A source is a pattern or a file; the other one is NULL. */
struct media_video_source {
    struct media_pattern *pattern;
    FILE    *file;
    char    *path;
    struct media_y4m y4m;
    struct media_picture raw;           /* as the file has it */
    struct media_picture picture;       /* as asked for */
    uint32_t rate_numerator, rate_denominator;
    uint32_t next_number;
    bool     stamp;
    bool     ended;
};

static bool ends_with(const char *text, const char *end) {
    size_t text_length = strlen(text);
    size_t end_length = strlen(end);
    return text_length > end_length && strcmp(text + text_length - end_length, end) == 0;
}

static void refuse_spec(struct media_error *error, const char *spec) {
    bool later = strcmp(spec, "screen") == 0 || strncmp(spec, "v4l2", 4) == 0;

    media_error_what(error, MEDIA_EXIT_USAGE, "--video %s is not a source of pictures.", spec);
    media_error_why(error, later ? "Sources of this kind come in a later version." : "A source is none, pattern, FILE.y4m, FILE.ivf or FILE.h264.");
    media_error_try(error, "Convert a file with: ffmpeg -i FILE -pix_fmt yuv420p new.y4m; or use --video pattern.");
}

/* ---- y4m ---------------------------------------------------------------------------------------------------------- */

/* One line without its newline. Returns 1; 0 at the end of the file before its first byte; -1 when it is cut short or too long. */
static int read_line(FILE *file, char line[MEDIA_Y4M_MAX_LINE_BYTES], size_t *length) {
    *length = 0;
    for (;;) {
        int byte = getc(file);
        if (byte == EOF) {
            return *length == 0 ? 0 : -1;
        }
        if (byte == '\n') {
            return 1;
        }
        if (*length == MEDIA_Y4M_MAX_LINE_BYTES - 1) {
            return -1;
        }
        line[(*length)++] = (char)byte;
    }
}

static void file_is_broken(const struct media_video_source *source, struct media_error *error) {
    if (ferror(source->file) != 0) {
        media_error_file(error, "read", source->path, errno);
        return;
    }
    media_error_what(error, MEDIA_EXIT_BAD_FILE, "%s breaks off at picture %u.", source->path, source->next_number);
    media_error_why(error, "There is neither a whole picture nor the end of the file.");
    media_error_try(error, "Make it again: ffmpeg -i FILE -pix_fmt yuv420p new.y4m");
}

static bool open_y4m(struct media_video_source *source, const char *path, struct media_error *error) {
    char line[MEDIA_Y4M_MAX_LINE_BYTES];
    size_t length;

    errno = 0;
    source->path = strdup(path);
    source->file = fopen(path, "rb");
    if (source->file == NULL || source->path == NULL) {
        media_error_file(error, "open", path, errno);
        return false;
    }
    bool whole_line = read_line(source->file, line, &length) == 1;
    if (ferror(source->file) != 0) {
        media_error_file(error, "read", path, errno);
        return false;
    }
    if (!media_y4m_parse_header(path, line, whole_line ? length : 0, &source->y4m, error)) {
        return false;
    }
    int next = getc(source->file);
    if (next == EOF) {
        media_error_what(error, MEDIA_EXIT_BAD_FILE, "%s holds no picture.", path);
        media_error_why(error, "It ends after its first line.");
        media_error_try(error, "Make it again: ffmpeg -i FILE -pix_fmt yuv420p new.y4m");
        return false;
    }
    (void)ungetc(next, source->file);
    source->rate_numerator = source->y4m.rate_numerator;
    source->rate_denominator = source->y4m.rate_denominator;
    return true;
}

static enum media_read read_frame_line(struct media_video_source *source, struct media_error *error) {
    char line[MEDIA_Y4M_MAX_LINE_BYTES];
    size_t length;
    int got = read_line(source->file, line, &length);

    if (got == 0 && ferror(source->file) == 0) {
        source->ended = true;
        return MEDIA_READ_END;
    }
    if (got != 1 || !media_y4m_is_frame_line(line, length)) {
        file_is_broken(source, error);
        return MEDIA_READ_FAILED;
    }
    return MEDIA_READ_FRAME;
}

static enum media_read read_y4m(struct media_video_source *source, struct media_error *error) {
    enum media_read result = read_frame_line(source, error);
    if (result != MEDIA_READ_FRAME) {
        return result;
    }
    size_t bytes = media_picture_bytes(source->raw.width, source->raw.height);
    if (fread(source->raw.planes[0], 1, bytes, source->file) != bytes) {      /* a picture's planes are one block */
        file_is_broken(source, error);
        return MEDIA_READ_FAILED;
    }
    struct media_picture *to = &source->picture;
    const struct media_picture *from = &source->raw;
    (void)I420Scale(from->planes[0], from->strides[0], from->planes[1], from->strides[1], from->planes[2], from->strides[2],
                    (int)from->width, (int)from->height,
                    to->planes[0], to->strides[0], to->planes[1], to->strides[1], to->planes[2], to->strides[2],
                    (int)to->width, (int)to->height, kFilterBox);
    return MEDIA_READ_FRAME;
}

/* ---- both ----------------------------------------------------------------------------------------------------------- */

static bool open_pattern(struct media_video_source *source, const struct media_video_source_config *config, struct media_error *error) {
    source->stamp = true;
    source->rate_numerator = config->fps != 0 ? config->fps : MEDIA_VIDEO_DEFAULT_FPS;
    source->rate_denominator = 1;
    if (source->rate_numerator > MEDIA_VIDEO_MAX_FPS) {
        media_error_what(error, MEDIA_EXIT_USAGE, "--fps %u is out of range.", config->fps);
        media_error_why(error, "A pattern has 1 to %d pictures a second.", MEDIA_VIDEO_MAX_FPS);
        media_error_try(error, "Use --fps 30.");
        return false;
    }
    source->pattern = media_pattern_new();
    if (source->pattern == NULL) {
        media_error_file(error, "make", "the pattern", ENOMEM);
        return false;
    }
    return true;
}

static bool prepare_pictures(struct media_video_source *source, const struct media_video_source_config *config, struct media_error *error) {
    uint32_t width = source->file != NULL ? source->y4m.width : MEDIA_VIDEO_DEFAULT_WIDTH;
    uint32_t height = source->file != NULL ? source->y4m.height : MEDIA_VIDEO_DEFAULT_HEIGHT;

    if (source->file != NULL && !media_picture_allocate(&source->raw, width, height)) {
        media_error_file(error, "hold a picture of", source->path, ENOMEM);
        return false;
    }
    width = config->width != 0 ? config->width : width;
    height = config->height != 0 ? config->height : height;
    if (!media_picture_allocate(&source->picture, width, height)) {
        media_error_what(error, MEDIA_EXIT_USAGE, "Pictures of %ux%u cannot be sent.", width, height);
        media_error_why(error, "Each side has %d to %d samples.", MEDIA_PICTURE_MIN_SIDE, MEDIA_PICTURE_MAX_SIDE);
        media_error_try(error, "Use --size 640x480.");
        return false;
    }
    if (source->stamp && (width < MEDIA_STAMP_MIN_WIDTH || height < media_stamp_height(width))) {
        media_error_what(error, MEDIA_EXIT_USAGE, "A picture of %ux%u has no room for a stamp.", width, height);
        media_error_why(error, "The frame number and time need %d samples across.", MEDIA_STAMP_MIN_WIDTH);
        media_error_try(error, "Use a larger --size.");
        return false;
    }
    return true;
}

struct media_video_source *media_video_source_open(const char *spec, const struct media_video_source_config *config,
                                                   struct media_error *error) {
    bool is_pattern = strcmp(spec, "pattern") == 0;
    bool is_y4m = ends_with(spec, ".y4m");

    if (!is_pattern && !is_y4m) {
        refuse_spec(error, spec);
        return NULL;
    }
    struct media_video_source *source = calloc(1, sizeof *source);
    if (source == NULL) {
        media_error_file(error, "open", spec, ENOMEM);
        return NULL;
    }
    source->stamp = config->stamp;
    bool opened = is_pattern ? open_pattern(source, config, error) : open_y4m(source, spec, error);
    if (!opened || !prepare_pictures(source, config, error)) {
        media_video_source_free(source);
        return NULL;
    }
    return source;
}

void media_video_source_free(struct media_video_source *source) {
    if (source == NULL) {
        return;
    }
    if (source->file != NULL) {
        (void)fclose(source->file);
    }
    free(source->path);
    media_pattern_free(source->pattern);
    media_picture_clear(&source->raw);
    media_picture_clear(&source->picture);
    free(source);
}

uint32_t media_video_source_width(const struct media_video_source *source) {
    return source->picture.width;
}

uint32_t media_video_source_height(const struct media_video_source *source) {
    return source->picture.height;
}

void media_video_source_rate(const struct media_video_source *source, uint32_t *numerator, uint32_t *denominator) {
    *numerator = source->rate_numerator;
    *denominator = source->rate_denominator;
}

enum media_read media_video_source_read(struct media_video_source *source, uint32_t stamp_time_ms,
                                        struct media_picture *picture, uint32_t *number, struct media_error *error) {
    if (source->ended) {
        return MEDIA_READ_END;
    }
    if (source->pattern != NULL) {
        media_pattern_draw(source->pattern, source->next_number, &source->picture);
    } else {
        enum media_read result = read_y4m(source, error);
        if (result != MEDIA_READ_FRAME) {
            return result;
        }
    }
    if (source->stamp) {
        struct media_stamp stamp = { source->next_number, stamp_time_ms };
        (void)media_stamp_write(&source->picture, stamp);      /* it fits: prepare_pictures saw to it */
    }
    *number = source->next_number++;
    *picture = source->picture;
    return MEDIA_READ_FRAME;
}

enum media_read media_video_source_skip(struct media_video_source *source, struct media_error *error) {
    if (source->ended) {
        return MEDIA_READ_END;
    }
    if (source->file != NULL) {
        enum media_read result = read_y4m(source, error);
        if (result != MEDIA_READ_FRAME) {
            return result;
        }
    }
    source->next_number++;
    return MEDIA_READ_FRAME;
}
