#include "decoder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void put_little(FILE *file, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        fputc((int)(value >> (8 * i) & 0xFF), file);
    }
}

struct decoder_file decoder_open(const char *fourcc) {
    struct decoder_file file = {.path = P_tmpdir "/strata-decoder-XXXXXX", .format = fourcc != NULL ? "ivf" : "h264"};
    int descriptor = mkstemp(file.path);
    assert_true(descriptor >= 0);
    file.file = fdopen(descriptor, "wb");
    assert_non_null(file.file);
    if (fourcc != NULL) {
        /* IVF: 32 bytes that name the codec, then each frame behind its length and its time. The size of the picture is the decoder's to find. */
        fwrite("DKIF", 1, 4, file.file);
        put_little(file.file, 0, 2);
        put_little(file.file, 32, 2);
        fwrite(fourcc, 1, 4, file.file);
        put_little(file.file, 320, 2);
        put_little(file.file, 180, 2);
        put_little(file.file, 90000, 4);
        put_little(file.file, 1, 4);
        put_little(file.file, 0, 8);
    }
    return file;
}

void decoder_put(struct decoder_file *file, uint64_t time, const uint8_t *bytes, size_t length) {
    if (strcmp(file->format, "ivf") == 0) {
        put_little(file->file, length, 4);
        put_little(file->file, time, 8);
    }
    assert_int_equal(fwrite(bytes, 1, length, file->file), length);
}

static unsigned count_complaints(FILE *file) {
    char line[1024];
    unsigned count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        printf("ffmpeg: %s", line);
        count++;
    }
    return count;
}

bool decoder_run(const char *arguments, struct decoder_result *out) {
    char complaints[] = P_tmpdir "/strata-complaints-XXXXXX";
    char command[1200];
    char line[1024];
    int descriptor = mkstemp(complaints);
    assert_true(descriptor >= 0);
    memset(out, 0, sizeof *out);
    snprintf(command, sizeof command, "ffmpeg -nostdin -v error -y %s 2>%s", arguments, complaints);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe) != NULL) {
        const char *checksum = strstr(line, ", 0x");
        if (line[0] != '#' && checksum != NULL && out->pictures < DECODER_PICTURES_MAX) {
            out->checksums[out->pictures++] = (uint32_t)strtoul(checksum + 2, NULL, 16);
        }
    }
    bool succeeded = pclose(pipe) == 0;
    FILE *file = fdopen(descriptor, "r");
    assert_non_null(file);
    out->complaints = count_complaints(file);
    fclose(file);
    unlink(complaints);
    return succeeded;
}

void decoder_judge(struct decoder_file *file, struct decoder_result *out) {
    char arguments[256];
    assert_int_equal(fclose(file->file), 0);
    snprintf(arguments, sizeof arguments, "-f %s -i %s -fps_mode passthrough -f framecrc -", file->format, file->path);
    (void)decoder_run(arguments, out);
    unlink(file->path);
}
