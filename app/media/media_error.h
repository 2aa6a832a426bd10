/* Why a source, codec, device or recording cannot do what was asked: the three sentences a person gets, and the program's exit code. */
#ifndef MEDIA_ERROR_H
#define MEDIA_ERROR_H

enum {
    MEDIA_ERROR_TEXT_BYTES = 256,   /* each sentence, its NUL included; a longer one is cut */
    MEDIA_EXIT_USAGE = 64,          /* a name that is not a source, a player, a size */
    MEDIA_EXIT_BAD_FILE = 65,       /* an input file that is not what its name says */
    MEDIA_EXIT_DEVICE = 74          /* a file that cannot be opened, read or written; a device or codec that failed */
};

/* Complete sentences without a newline. `next_step` is the "try" of the --json failure object. */
struct media_error {
    int  exit_code;                 /* one of MEDIA_EXIT_*; 0 before anything failed */
    char what[MEDIA_ERROR_TEXT_BYTES];
    char why[MEDIA_ERROR_TEXT_BYTES];
    char next_step[MEDIA_ERROR_TEXT_BYTES];
};

#endif
