/* Reading characters and words; writing text into a bounded buffer. Shared by the files of sdp/ only. */
#ifndef SDP_SCAN_INTERNAL_H
#define SDP_SCAN_INTERNAL_H

#include <string.h>

#include "sdp/attributes.h"

/* ---- characters: RFC 8866 section 9, RFC 8839 section 5.1 ---------------------------------------------------------- */

enum {
    SDP_CHARACTER_DIGIT = 1,
    SDP_CHARACTER_TOKEN = 2, /* token-char */
    SDP_CHARACTER_ICE = 4,   /* ice-char: ALPHA / DIGIT / "+" / "/" */
    SDP_CHARACTER_HEX = 8
};
extern const unsigned char sdp_character_classes[256];

static inline bool sdp_character_is(char character, unsigned classes) {
    return (sdp_character_classes[(unsigned char)character] & classes) != 0;
}

/* Is every character of a non-empty view of this class? */
static inline bool sdp_view_is_all(struct sdp_view view, unsigned classes) {
    for (size_t i = 0; i < view.length; i++)
        if (!sdp_character_is(view.text[i], classes))
            return false;
    return view.length > 0;
}

/* ---- views --------------------------------------------------------------------------------------------------------- */

static inline struct sdp_view sdp_view_between(const char *from, const char *to) {
    return (struct sdp_view){from, (size_t)(to - from)};
}

/* Folds ASCII letters only: view.c. */
bool sdp_view_equal_ignoring_case(struct sdp_view a, struct sdp_view b);

/* NULL gives an empty view. */
static inline struct sdp_view sdp_view_from(const char *string) {
    return (struct sdp_view){string, string == NULL ? 0 : strlen(string)};
}

static inline struct sdp_view sdp_view_behind(struct sdp_view view, size_t offset) {
    return offset == 0 ? view : (struct sdp_view){view.text + offset, view.length - offset};
}

static inline struct sdp_view sdp_view_front(struct sdp_view view, size_t length) {
    return (struct sdp_view){view.text, length};
}

static inline struct sdp_view sdp_view_without_trailing_spaces(struct sdp_view view) {
    while (view.length > 0 && view.text[view.length - 1] == ' ')
        view.length--;
    return view;
}

/* Offset of the first `character`, or the length. Names are short: a loop beats memchr here. */
static inline size_t sdp_view_index_of(struct sdp_view view, char character) {
    size_t i = 0;
    while (i < view.length && view.text[i] != character)
        i++;
    return i;
}

/* sdp_read_number, to be inlined where every line passes. */
static inline bool sdp_number_cut(struct sdp_view text, uint32_t maximum, uint32_t *out) {
    uint64_t number = 0;
    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        unsigned digit = (unsigned char)text.text[i] - (unsigned)'0';
        if (digit > 9)
            return false;
        number = number * 10 + digit;
        if (number > maximum)
            return false;
    }
    *out = (uint32_t)number;
    return true;
}

/* sdp_word_next, to be inlined where every line passes. */
static inline bool sdp_word_cut(struct sdp_view *rest, struct sdp_view *word) {
    const char *from = rest->text;
    const char *end = rest->length == 0 ? from : from + rest->length;
    while (from < end && *from == ' ')
        from++;
    if (from == end)
        return false;
    const char *to = from + 1;
    while (to < end && *to != ' ')
        to++;
    *word = sdp_view_between(from, to);
    *rest = sdp_view_between(to, end);
    return true;
}

/* Cuts the line at *at off the text: a view without its end (LF, or CRLF), and *at behind that end. */
static inline struct sdp_view sdp_line_cut(const char **at, const char *end) {
    const char *from = *at;
    const char *line_feed = memchr(from, '\n', (size_t)(end - from));
    const char *to = line_feed == NULL ? end : line_feed;
    *at = line_feed == NULL ? end : line_feed + 1;
    if (line_feed != NULL && to > from && to[-1] == '\r')
        to--;
    return sdp_view_between(from, to);
}

/* ---- attribute rules: attribute_rules.c ---------------------------------------------------------------------------- */

/* Splits the value of an a= line, with no judgement. */
struct sdp_attribute sdp_attribute_split(struct sdp_view value, size_t line);
/* Splits it, too; does it follow the grammar of its kind? If not, *rule says which it breaks. */
bool sdp_attribute_judge(struct sdp_view value, size_t line, struct sdp_attribute *out, const char **rule);
/* The grammar alone of a=rtcp-fb, of which a description has more than of anything else: what the words mean is for its reader to say. */
bool sdp_check_rtcp_fb(struct sdp_view value);

/* Where a mid stands in session->mid_slots, or would. */
size_t sdp_mid_slot(const struct sdp_session *session, struct sdp_view mid);

/* The session level from the first attribute of a kind on; at its end when there is none. */
struct sdp_walk sdp_walk_header_from(const struct sdp_session *session, enum sdp_attribute_kind kind);

/* ---- writing: write.c ---------------------------------------------------------------------------------------------- */

/* Text that grows in the caller's buffer. Once it is full nothing more is written, and `full` stays set. */
struct sdp_text {
    char *buffer;
    size_t capacity;
    size_t length;
    bool full;
};
void sdp_text_add_view(struct sdp_text *text, struct sdp_view view);
void sdp_text_add(struct sdp_text *text, const char *string);
void sdp_text_add_number(struct sdp_text *text, uint64_t number);
/* All strings up to NULL. */
void sdp_text_add_strings(struct sdp_text *text, const char *const *strings);
/* The given strings as one line. */
#define sdp_text_add_line(text, ...) sdp_text_add_strings((text), (const char *const[]){__VA_ARGS__, "\r\n", NULL})
/* Puts a NUL behind the text and returns the length, or SDP_ERROR_BUFFER. */
int sdp_text_finish(struct sdp_text *text);

#endif
