/* What every test of this room includes, and the small helpers they share. */
#ifndef TEST_MEDIA_H
#define TEST_MEDIA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/media/media_error.h"
#include "app/media/picture.h"

/* A folder of its own for each test; media_test_path joins a name to it (a static buffer, overwritten by every call). The folder and what
 * is in it disappear with media_test_remove_folder. Both have the shape of a cmocka setup and teardown. */
int media_test_make_folder(void **state);
int media_test_remove_folder(void **state);
const char *media_test_path(const char *name);

void media_test_write_file(const char *path, const void *bytes, size_t length);
uint8_t *media_test_read_file(const char *path, size_t *length);         /* free() it */

/* All three sentences are there, and the exit code is this one. */
void media_test_assert_error(const struct media_error *error, int exit_code);

/* Peak signal to noise ratio of two luma planes, rows `from_row` and below, in dB. */
double media_test_psnr(const struct media_picture *a, const struct media_picture *b, uint32_t from_row);

/* True when ffprobe is installed; otherwise prints the SKIP line that test/check.sh asks for. */
bool media_test_have_ffprobe(const char *test_name);

/* Runs a command with the path of a file in place of %s, and returns the first line it prints (static, without newline). */
const char *media_test_command(const char *format, const char *path);

#endif
