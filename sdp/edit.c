/* Editing: a new text in which one line differs, and nothing else. */
#include "sdp/scan_internal.h"

/* Where the new text departs from the old: `cut` goes, a new line takes its place. */
struct change {
    struct sdp_view cut; /* a view into the old text, line end included; empty: an insertion */
    const char *name;    /* NULL: no new line */
    const char *value;
};

static bool can_stand_in_a_line(const char *name, const char *value) {
    struct sdp_view view = sdp_view_from(value);
    return name != NULL && sdp_view_is_all(sdp_view_from(name), SDP_CHARACTER_TOKEN) &&
           (value == NULL || (view.length > 0 && sdp_view_index_of(view, '\r') == view.length && sdp_view_index_of(view, '\n') == view.length));
}

static bool level_of(const struct sdp_session *session, size_t index, struct sdp_walk *out) {
    if (index != SDP_SESSION_LEVEL && index >= session->section_count)
        return false;
    *out = index == SDP_SESSION_LEVEL ? sdp_walk_header(session) : sdp_walk_section(&session->sections[index]);
    return true;
}

static bool find(struct sdp_walk walk, const char *name, struct sdp_view *cut) {
    struct sdp_attribute attribute;
    while (sdp_walk_attribute(&walk, &attribute))
        if (sdp_view_is(attribute.name, name)) {
            *cut = sdp_view_between(attribute.name.text - strlen("a="), walk.at);
            return true;
        }
    return false;
}

/* Copies with CRLF line ends, as sdp_write does. */
static void copy(struct sdp_text *text, const char *from, const char *to) {
    while (from < to) {
        struct sdp_view line = sdp_line_cut(&from, to);
        sdp_text_add_view(text, line);
        if (from > line.text + line.length)
            sdp_text_add(text, "\r\n");
    }
}

static int apply(const struct sdp_session *session, const struct change *change, char *buffer, size_t capacity) {
    struct sdp_text text = {.buffer = buffer, .capacity = capacity};
    const char *end = session->text.text + session->text.length;
    copy(&text, session->text.text, change->cut.text);
    if (change->name != NULL) {
        /* The line before may be the last of the text, and have no end. */
        if (change->cut.text > session->text.text && change->cut.text[-1] != '\n')
            sdp_text_add(&text, "\r\n");
        sdp_text_add(&text, "a=");
        sdp_text_add(&text, change->name);
        if (change->value != NULL) {
            sdp_text_add(&text, ":");
            sdp_text_add(&text, change->value);
        }
        sdp_text_add(&text, "\r\n");
    }
    copy(&text, change->cut.text + change->cut.length, end);
    return text.full ? SDP_ERROR_BUFFER : (int)text.length;
}

int sdp_edit_replace(const struct sdp_session *session, size_t index, const char *name, const char *value, char *buffer,
                     size_t capacity) {
    struct change change = {.name = name, .value = value};
    struct sdp_walk walk;
    if (!can_stand_in_a_line(name, value))
        return SDP_ERROR_ARGUMENT;
    if (!level_of(session, index, &walk) || !find(walk, name, &change.cut))
        return SDP_ERROR_NOT_FOUND;
    return apply(session, &change, buffer, capacity);
}

int sdp_edit_add(const struct sdp_session *session, size_t index, const char *name, const char *value, char *buffer,
                 size_t capacity) {
    struct sdp_walk walk;
    if (!can_stand_in_a_line(name, value))
        return SDP_ERROR_ARGUMENT;
    if (!level_of(session, index, &walk))
        return SDP_ERROR_NOT_FOUND;
    struct change change = {.cut = {walk.end, 0}, .name = name, .value = value};
    return apply(session, &change, buffer, capacity);
}

int sdp_edit_remove(const struct sdp_session *session, size_t index, const char *name, char *buffer, size_t capacity) {
    struct change change = {.name = NULL};
    struct sdp_walk walk;
    if (!can_stand_in_a_line(name, NULL))
        return SDP_ERROR_ARGUMENT;
    if (!level_of(session, index, &walk) || !find(walk, name, &change.cut))
        return SDP_ERROR_NOT_FOUND;
    return apply(session, &change, buffer, capacity);
}
