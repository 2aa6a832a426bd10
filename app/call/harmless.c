#include "app/call/harmless.h"

#include <stdbool.h>
#include <string.h>

static bool is_c0(unsigned char byte) {
    return byte < 0x20 || byte == 0x7f;
}

/* ECMA-48's C1: UTF-8 writes them as C2 80 to C2 9F. */
static bool is_c1(const char *text, size_t left) {
    return left >= 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] <= 0x9f;
}

void call_make_harmless(char *text, size_t length, const char *kept) {
    for (size_t i = 0; i < length; i++)
        if (is_c1(text + i, length - i))
            text[i] = text[i + 1] = ' ';
        else if (is_c0((unsigned char)text[i]) && (text[i] == '\0' || !strchr(kept, text[i])))
            text[i] = ' ';
}
