#include "app/media/media_error_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A file name may hold anything but NUL and '/'; a terminal should not have to interpret it. */
static void write_sentence(char *text, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
static void write_sentence(char *text, const char *format, va_list arguments) {
    (void)vsnprintf(text, MEDIA_ERROR_TEXT_BYTES, format, arguments);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = '?';
        }
    }
}

void media_error_what(struct media_error *error, int exit_code, const char *format, ...) {
    va_list arguments;

    if (error == NULL) {
        return;
    }
    memset(error, 0, sizeof *error);
    error->exit_code = exit_code;
    va_start(arguments, format);
    write_sentence(error->what, format, arguments);
    va_end(arguments);
}

void media_error_why(struct media_error *error, const char *format, ...) {
    va_list arguments;

    if (error == NULL) {
        return;
    }
    va_start(arguments, format);
    write_sentence(error->why, format, arguments);
    va_end(arguments);
}

void media_error_try(struct media_error *error, const char *format, ...) {
    va_list arguments;

    if (error == NULL) {
        return;
    }
    va_start(arguments, format);
    write_sentence(error->next_step, format, arguments);
    va_end(arguments);
}

void media_error_file(struct media_error *error, const char *verb, const char *path, int number) {
    char reason[128];

    if (error == NULL) {
        return;
    }
    media_error_what(error, MEDIA_EXIT_DEVICE, "Cannot %s %s.", verb, path);
    media_error_why(error, "The system says: %s.", strerror_r(number, reason, sizeof reason));
    media_error_try(error, "Check the name, the permissions and the space on the disk.");
}
