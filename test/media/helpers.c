#include "test/media/test_media.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

static char folder[64];

int media_test_make_folder(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/strata-media-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

int media_test_remove_folder(void **state) {
    (void)state;
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void)unlink(media_test_path(entry->d_name));
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return rmdir(folder);
}

const char *media_test_path(const char *name) {
    static char path[sizeof folder + 300];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

void media_test_write_file(const char *path, const void *bytes, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

uint8_t *media_test_read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *length = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *length, file), *length);
    (void)fclose(file);
    return bytes;
}

void media_test_assert_error(const struct media_error *error, int exit_code) {
    assert_int_equal(error->exit_code, exit_code);
    assert_true(strlen(error->what) > 5);
    assert_true(strlen(error->why) > 5);
    assert_true(strlen(error->next_step) > 5);
}

double media_test_psnr(const struct media_picture *a, const struct media_picture *b, uint32_t from_row) {
    double sum = 0.0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (uint32_t y = from_row; y < a->height; y++) {
        for (uint32_t x = 0; x < a->width; x++) {
            double difference = a->planes[0][(size_t)y * (size_t)a->strides[0] + x] - b->planes[0][(size_t)y * (size_t)b->strides[0] + x];
            sum += difference * difference;
        }
    }
    double mean = sum / ((double)a->width * (a->height - from_row));
    return mean < 1e-9 ? 99.0 : 10.0 * log10(255.0 * 255.0 / mean);
}

const char *media_test_command(const char *format, const char *path) {
    static char line[512];
    char command[1024];
    const char *place = strstr(format, "%s");

    assert_non_null(place);
    (void)snprintf(command, sizeof command, "%.*s%s%s", (int)(place - format), format, path, place + 2);
    line[0] = '\0';
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    if (fgets(line, sizeof line, pipe) != NULL) {
        line[strcspn(line, "\n")] = '\0';
    }
    while (fgetc(pipe) != EOF) {
    }
    (void)pclose(pipe);
    return line;
}

bool media_test_have_ffprobe(const char *test_name) {
    bool have = strcmp(media_test_command("command -v %s >/dev/null 2>&1 && echo yes", "ffprobe"), "yes") == 0;
    if (!have) {
        printf("SKIP: %s: ffprobe is not installed (package ffmpeg)\n", test_name);
    }
    return have;
}
