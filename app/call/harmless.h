/*
 * What the other side says may stand on somebody's terminal. It may say what it likes there, but not move the cursor, ring the bell,
 * or set the title of the window.
 */
#ifndef CALL_HARMLESS_H
#define CALL_HARMLESS_H

#include <stddef.h>

/* Writes spaces over the control characters of `text`, in place: C0 and DEL, and C1 (U+0080..U+009F, two bytes of UTF-8) of which U+009B
 * is what ESC [ is. `kept`, NUL-terminated, names those of C0 that may stay, such as "\n\t". The terminal is taken to speak UTF-8: to
 * another one, half of an ordinary letter may be a control character. */
void call_make_harmless(char *text, size_t length, const char *kept);

#endif
