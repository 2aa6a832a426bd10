/* Walking a parsed text line by line, writing it back, and the bounded writer that all writing goes through. */
#include "sdp/scan_internal.h"

/* ---- walking ------------------------------------------------------------------------------------------------------- */

struct sdp_walk sdp_walk_header(const struct sdp_session *session) {
    return (struct sdp_walk){session->header.text, session->header.text + session->header.length, 1};
}

struct sdp_walk sdp_walk_section(const struct sdp_section *section) {
    return (struct sdp_walk){section->text.text, section->text.text + section->text.length, section->line};
}

bool sdp_walk_line(struct sdp_walk *walk, struct sdp_line *out) {
    if (walk->at >= walk->end)
        return false;
    out->number = walk->line++;
    out->text = sdp_line_cut(&walk->at, walk->end);
    if (out->text.length < 2)
        return false; /* sdp_parse lets no such line into a section */
    out->type = out->text.text[0];
    out->value = sdp_view_behind(out->text, 2);
    return true;
}

/* ---- the bounded writer -------------------------------------------------------------------------------------------- */

void sdp_text_add_view(struct sdp_text *text, struct sdp_view view) {
    if (text->full || view.length > text->capacity - text->length) {
        text->full = true;
        return;
    }
    if (view.length > 0)
        memcpy(text->buffer + text->length, view.text, view.length);
    text->length += view.length;
}

void sdp_text_add(struct sdp_text *text, const char *string) {
    sdp_text_add_view(text, sdp_view_from(string));
}

void sdp_text_add_number(struct sdp_text *text, uint64_t number) {
    char digits[20];
    size_t from = sizeof digits;
    do {
        digits[--from] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    sdp_text_add_view(text, (struct sdp_view){digits + from, sizeof digits - from});
}

void sdp_text_add_strings(struct sdp_text *text, const char *const *strings) {
    for (; *strings != NULL; strings++)
        sdp_text_add(text, *strings);
}

int sdp_text_finish(struct sdp_text *text) {
    if (text->full || text->length >= text->capacity || text->length > SDP_TEXT_MAX_BYTES)
        return SDP_ERROR_BUFFER;
    text->buffer[text->length] = '\0';
    return (int)text->length;
}

/* ---- writing back -------------------------------------------------------------------------------------------------- */

int sdp_write(const struct sdp_session *session, char *buffer, size_t capacity) {
    struct sdp_text text = {.buffer = buffer, .capacity = capacity};
    const char *at = session->text.text;
    const char *end = session->text.text + session->text.length;
    while (at < end) {
        struct sdp_view line = sdp_line_cut(&at, end);
        bool ended = at > line.text + line.length;
        sdp_text_add_view(&text, line);
        /* RFC 8866 section 5, SHOULD: readers take LF alone too; what we write ends in CRLF. */
        if (ended)
            sdp_text_add(&text, "\r\n");
    }
    return text.full ? SDP_ERROR_BUFFER : (int)text.length;
}
