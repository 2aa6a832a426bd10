#include "app/call/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_blank(int character) {
    return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static bool is_token_character(int character) {
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character > 0 && character < 0x80 && strchr("-._~+/=", character) != NULL);
}

/* Blanks, the token, blanks. */
static int read_token(FILE *file, char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1]) {
    size_t length = 0;
    bool has_ended = false;
    for (int character; (character = fgetc(file)) != EOF;) {
        if (is_blank(character)) {
            has_ended = length > 0;
            continue;
        }
        if (has_ended || !is_token_character(character) || length == SIGNALING_WHIP_TOKEN_MAX_BYTES)
            return -EBADMSG;
        token[length++] = (char)character;
    }
    token[length] = '\0';
    if (ferror(file))
        return -EIO;
    return length > 0 ? 0 : -EBADMSG;
}

int call_token_read(const char *path, char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1]) {
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -errno;
    int error = read_token(file, token);
    (void)fclose(file);
    if (error != 0)
        token[0] = '\0';
    return error;
}
