/* See answer_text.h. */
#include "answer_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void text_split(struct text *out, const char *text) {
    int count = 0;
    memset(out, 0, sizeof *out);
    out->copy = strdup(text);
    out->part_count = 1;
    out->parts[0].lines = out->lines;
    for (char *rest = out->copy, *line; (line = strsep(&rest, "\n")) != NULL && count < ANSWER_LINES;) {
        size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[--length] = '\0';
        if (length == 0)
            continue;
        if (strncmp(line, "m=", 2) == 0 && out->part_count < ANSWER_PARTS)
            out->parts[out->part_count++].lines = &out->lines[count];
        out->lines[count++] = line;
        out->parts[out->part_count - 1].count++;
    }
}

void text_free(struct text *text) {
    free(text->copy);
}

const char *value_of(const struct part *part, const char *name, int n) {
    size_t length = strlen(name);
    for (int i = 0; i < part->count; i++)
        if (strncmp(part->lines[i], "a=", 2) == 0 && strncmp(part->lines[i] + 2, name, length) == 0 &&
            (part->lines[i][2 + length] == ':' || part->lines[i][2 + length] == '\0') && n-- == 0)
            return part->lines[i] + 2 + length + (part->lines[i][2 + length] == ':');
    return NULL;
}

const char *has(const struct part *part, const char *name) {
    return value_of(part, name, 0);
}

int count_of(const struct part *part, const char *name) {
    int count = 0;
    while (value_of(part, name, count) != NULL)
        count++;
    return count;
}

void word(const char *text, int n, char *out) {
    out[0] = '\0';
    while (n-- >= 0) {
        text += strspn(text, " ");
        size_t length = strcspn(text, " ");
        if (n < 0 && length < ANSWER_WIDTH) {
            memcpy(out, text, length);
            out[length] = '\0';
        }
        text += length;
    }
}

bool word_in(const char *text, const char *wanted, int from) {
    char found[ANSWER_WIDTH];
    for (int i = from;; i++) {
        word(text, i, found);
        if (found[0] == '\0')
            return false;
        if (strcmp(found, wanted) == 0)
            return true;
    }
}

const char *value_behind(const struct part *part, const char *name, const char *first_word) {
    const char *value;
    char first[ANSWER_WIDTH];
    for (int i = 0; (value = value_of(part, name, i)) != NULL; i++) {
        word(value, 0, first);
        if (strcmp(first, first_word) != 0)
            continue;
        value += strspn(value, " ");
        value += strcspn(value, " ");
        return value + strspn(value, " ");
    }
    return NULL;
}

bool parameter(const char *parameters, const char *name, char *out) {
    size_t length = strlen(name);
    out[0] = '\0';
    while (parameters != NULL && *parameters != '\0') {
        parameters += strspn(parameters, "; ");
        size_t whole = strcspn(parameters, ";");
        if (whole > length && strncasecmp(parameters, name, length) == 0 && parameters[length] == '=' && whole - length < ANSWER_WIDTH) {
            memcpy(out, parameters + length + 1, whole - length - 1);
            out[whole - length - 1] = '\0';
            return true;
        }
        parameters += whole;
    }
    return false;
}

const char *direction_of(const struct text *text, const struct part *part) {
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    for (int level = 0; level < 2; level++)
        for (int i = 0; i < 4; i++)
            if (has(level == 0 ? part : &text->parts[0], names[i]) != NULL)
                return names[i];
    return "sendrecv";
}

const char *bundle_of(const struct text *text, const char *mid) {
    const char *value;
    for (int i = 0; mid != NULL && (value = value_of(&text->parts[0], "group", i)) != NULL; i++)
        if (strncmp(value, "BUNDLE", 6) == 0 && word_in(value + 6, mid, 0))
            return value + 6;
    return "";
}

const struct part *part_of(const struct text *text, const char *mid) {
    for (int i = 1; i < text->part_count; i++)
        if (has(&text->parts[i], "mid") != NULL && strcmp(has(&text->parts[i], "mid"), mid) == 0)
            return &text->parts[i];
    return NULL;
}

bool is_refused(const struct part *part) {
    char port[ANSWER_WIDTH];
    word(part->lines[0], 1, port);
    return strcmp(port, "0") == 0;
}
