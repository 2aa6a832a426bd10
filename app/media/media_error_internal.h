/* Filling a struct media_error, sentence by sentence. A NULL error is fine: the caller did not want to know. */
#ifndef MEDIA_ERROR_INTERNAL_H
#define MEDIA_ERROR_INTERNAL_H

#include "app/media/media_error.h"

/* Starts over with an exit code and the "what"; then _why and _try add theirs. printf formats; control characters become '?'
 * because file names end up here. */
void media_error_what(struct media_error *error, int exit_code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void media_error_why(struct media_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void media_error_try(struct media_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The three sentences of a file that cannot be opened, read or written: `verb` is "open", "read", "write" ... , `number` an errno. */
void media_error_file(struct media_error *error, const char *verb, const char *path, int number);

#endif
