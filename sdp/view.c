/* Views, words and numbers: RFC 8866 section 9. */
#include "sdp/scan_internal.h"

/* One row for sixteen characters, ' ' begins the third; nothing from 128 up belongs to a class. */
const unsigned char sdp_character_classes[256] = {
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     0,  2,  0,  2,  2,  2,  2,  2,  0,  0,  2,  6,  0,  2,  2,  4,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  0,  0,  0,  0,  0,  0,
     0, 14, 14, 14, 14, 14, 14,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  0,  0,  0,  2,  2,
     2, 14, 14, 14, 14, 14, 14,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  2,  2,  2,  2,  0,
};

bool sdp_view_equal(struct sdp_view a, struct sdp_view b) {
    return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0);
}

bool sdp_view_is(struct sdp_view view, const char *string) {
    return sdp_view_equal(view, sdp_view_from(string));
}

static char lower(char character) {
    return character >= 'A' && character <= 'Z' ? (char)(character - 'A' + 'a') : character;
}

bool sdp_view_is_ignoring_case(struct sdp_view view, const char *string) {
    size_t i = 0;
    for (; i < view.length && string[i] != '\0'; i++)
        if (lower(view.text[i]) != lower(string[i]))
            return false;
    return i == view.length && string[i] == '\0';
}

bool sdp_view_equal_ignoring_case(struct sdp_view a, struct sdp_view b) {
    for (size_t i = 0; i < a.length && a.length == b.length; i++)
        if (lower(a.text[i]) != lower(b.text[i]))
            return false;
    return a.length == b.length;
}

bool sdp_word_next(struct sdp_view *rest, struct sdp_view *word) {
    return sdp_word_cut(rest, word);
}

bool sdp_read_number(struct sdp_view text, uint32_t maximum, uint32_t *out) {
    return sdp_number_cut(text, maximum, out);
}
