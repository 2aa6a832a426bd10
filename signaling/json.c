/*
 * JSON text in and out. jansson reads: it insists on UTF-8, refuses NUL in strings and numbers that do not fit, and says line and column; what it
 * leaves to the caller (duplicate keys by flag, the depth) is settled here. Writing needs no library.
 */
#include "signaling/json_internal.h"

#include <string.h>

/* ---- problems ----------------------------------------------------------------------------------------------------- */

static size_t append(char *out, size_t capacity, size_t at, const char *string) {
    while (*string != '\0' && at + 1 < capacity) {
        /* Text of the other side may stand in here, perhaps cut within a character: one line of ASCII is left, nothing that moves a cursor. */
        char character = *string++;
        out[at++] = character >= 0x20 && character < 0x7F ? character : '?';
    }
    out[at] = '\0';
    return at;
}

void signaling_problem_set(struct signaling_problem *problem, uint32_t line, uint32_t column, const char *sentence) {
    if (problem == NULL)
        return;
    problem->line = line;
    problem->column = column;
    append(problem->sentence, sizeof problem->sentence, 0, sentence);
}

void signaling_problem_name(struct signaling_problem *problem, const char *before, const char *name, const char *after) {
    if (problem == NULL)
        return;
    problem->line = 0;
    problem->column = 0;
    size_t at = append(problem->sentence, sizeof problem->sentence, 0, before);
    at = append(problem->sentence, sizeof problem->sentence, at, name);
    append(problem->sentence, sizeof problem->sentence, at, after);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/*
 * RFC 8259 section 9, MAY: a parser limits the depth of nesting. Ours is far below jansson's own (2,048), so it is counted before jansson sees the text:
 * a bracket outside a string opens a level. In text that is no JSON the count may be wrong, and jansson refuses that text anyway.
 */
static bool too_deep(const char *bytes, size_t length, struct signaling_problem *problem) {
    uint32_t depth = 0, line = 1, column = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char character = bytes[i];
        column++;
        if (character == '\n') {
            line++;
            column = 0;
        } else if (in_string) {
            if (character == '\\' && i + 1 < length) {
                i++;
                column++;
            } else if (character == '"') {
                in_string = false;
            }
        } else if (character == '"') {
            in_string = true;
        } else if (character == '{' || character == '[') {
            if (++depth > SIGNALING_JSON_DEPTH_MAX) {
                signaling_problem_set(problem, line, column, "objects and arrays are nested too deeply");
                return true;
            }
        } else if ((character == '}' || character == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

enum signaling_error signaling_json_load(const char *bytes, size_t length, json_t **out, struct signaling_problem *problem) {
    *out = NULL;
    if (length > SIGNALING_RELAYED_MAX_BYTES) {
        signaling_problem_set(problem, 0, 0, "the message is longer than the limit");
        return SIGNALING_ERROR_TOO_LARGE;
    }
    if (too_deep(bytes, length, problem))
        return SIGNALING_ERROR_BAD_JSON;
    /* jansson takes a NUL for the end of the text and does not miss what stands behind it. */
    if (length > 0 && memchr(bytes, '\0', length) != NULL) {
        signaling_problem_set(problem, 0, 0, "a NUL stands in the text");
        return SIGNALING_ERROR_BAD_JSON;
    }
    json_error_t error;
    /* RFC 8259 section 4, SHOULD: the names within an object are unique; what is not is refused, because two readers could understand two things. */
    *out = json_loadb(length > 0 ? bytes : "", length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (*out != NULL)
        return SIGNALING_OK;
    signaling_problem_set(problem, error.line > 0 ? (uint32_t)error.line : 0, error.column > 0 ? (uint32_t)error.column : 0, error.text);
    return json_error_code(&error) == json_error_out_of_memory ? SIGNALING_ERROR_MEMORY : SIGNALING_ERROR_BAD_JSON;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static void put(struct signaling_json_writer *writer, const char *bytes, size_t length) {
    if (writer->length < writer->capacity) {
        size_t room = writer->capacity - writer->length;
        memcpy(writer->bytes + writer->length, bytes, length < room ? length : room);
    }
    writer->length += length;
}

void signaling_json_raw(struct signaling_json_writer *writer, const char *string) {
    put(writer, string, strlen(string));
}

/* RFC 8259 section 7, MUST: quotation mark, reverse solidus and the control characters are escaped; all else may stand as it is. */
void signaling_json_string(struct signaling_json_writer *writer, struct signaling_text text) {
    static const char hexadecimal[] = "0123456789abcdef";
    if (!signaling_text_is_utf8(text)) {
        writer->failed = true;
        return;
    }
    put(writer, "\"", 1);
    size_t plain = 0;
    for (size_t i = 0; i < text.length; i++) {
        unsigned char character = (unsigned char)text.bytes[i];
        if (character >= 0x20 && character != '"' && character != '\\')
            continue;
        put(writer, text.bytes + plain, i - plain);
        plain = i + 1;
        char escape[6] = {'\\', 'u', '0', '0', hexadecimal[character >> 4], hexadecimal[character & 15]};
        switch (character) {
        case '"':
        case '\\':
            escape[1] = (char)character;
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default:
            put(writer, escape, 6);
            continue;
        }
        put(writer, escape, 2);
    }
    if (text.length > plain)
        put(writer, text.bytes + plain, text.length - plain);
    put(writer, "\"", 1);
}

void signaling_json_number(struct signaling_json_writer *writer, uint32_t number) {
    char digits[10];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(writer, digits + at, sizeof digits - at);
}

/* How many continuation bytes follow the first, and the smallest code point that needs them (RFC 3629 section 3). -1: no first byte. */
static int sequence_length(unsigned char first, uint32_t *smallest, uint32_t *bits) {
    if (first < 0x80) {
        *smallest = 1; /* NUL is no text of ours */
        *bits = first;
        return 0;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        *smallest = 0x80;
        *bits = first & 0x1Fu;
        return 1;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        *smallest = 0x800;
        *bits = first & 0x0Fu;
        return 2;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        *smallest = 0x10000;
        *bits = first & 0x07u;
        return 3;
    }
    return -1;
}

bool signaling_text_is_utf8(struct signaling_text text) {
    for (size_t i = 0; i < text.length;) {
        uint32_t smallest = 0, point = 0;
        int more = sequence_length((unsigned char)text.bytes[i++], &smallest, &point);
        if (more < 0 || (size_t)more > text.length - i)
            return false;
        for (; more > 0; more--) {
            unsigned char next = (unsigned char)text.bytes[i++];
            if ((next & 0xC0u) != 0x80)
                return false;
            point = point << 6 | (next & 0x3Fu);
        }
        if (point < smallest || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
    }
    return true;
}
