/* A decoder that shares no code with us: ffmpeg, in a process of its own, given a file of the frames. */
#ifndef TEST_RTP_DECODER_H
#define TEST_RTP_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define DECODER_PICTURES_MAX 400

struct decoder_file {
    char path[64];
    FILE *file;
    const char *format; /* as ffmpeg names it: ivf or h264 */
};

/* fourcc: what IVF is to say; NULL: Annex B. */
struct decoder_file decoder_open(const char *fourcc);
void decoder_put(struct decoder_file *file, uint64_t time, const uint8_t *bytes, size_t length);

struct decoder_result {
    unsigned pictures;
    unsigned complaints; /* lines on its standard error: they are printed too */
    uint32_t checksums[DECODER_PICTURES_MAX];
};
/* Closes the file, decodes it, removes it. */
void decoder_judge(struct decoder_file *file, struct decoder_result *out);
/* Runs ffmpeg with arguments and reads what it says. True: it succeeded. */
bool decoder_run(const char *arguments, struct decoder_result *out);

#endif
