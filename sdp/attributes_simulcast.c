/* Readers of rid and simulcast: RFC 8851, RFC 8853. */
#include "sdp/scan_internal.h"

/* Cuts what stands before the first `separator` off the front; false when nothing is left. */
static bool cut_until(struct sdp_view *rest, char separator, struct sdp_view *out) {
    if (rest->length == 0)
        return false;
    size_t end = sdp_view_index_of(*rest, separator);
    *out = sdp_view_front(*rest, end);
    *rest = sdp_view_behind(*rest, end < rest->length ? end + 1 : end);
    return true;
}

/* ---- rid: RFC 8851 ------------------------------------------------------------------------------------------------- */

bool sdp_read_rid(struct sdp_view value, struct sdp_rid *out) {
    struct sdp_view word;
    if (!sdp_word_cut(&value, &out->id) || !sdp_word_cut(&value, &word))
        return false;
    for (size_t i = 0; i < out->id.length; i++) {
        /* RFC 8851 section 10: letters, digits, '-' and '_'. (RFC 8852 section 3 narrows it to letters and digits on the wire.) */
        char c = out->id.text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !sdp_character_is(c, SDP_CHARACTER_DIGIT) && c != '-' && c != '_')
            return false;
    }
    out->direction = sdp_view_is(word, "send") ? SDP_DIRECTION_SEND : SDP_DIRECTION_RECEIVE;
    while (value.length > 0 && value.text[0] == ' ')
        value = sdp_view_behind(value, 1);
    out->restrictions = sdp_view_without_trailing_spaces(value);
    return sdp_view_is(word, "send") || sdp_view_is(word, "recv");
}

bool sdp_section_find_rid(const struct sdp_section *section, struct sdp_view id, enum sdp_direction direction, struct sdp_rid *out) {
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_RID, &attribute))
        if (sdp_read_rid(attribute.value, out) && sdp_view_equal(out->id, id) && out->direction == direction)
            return true;
    return false;
}

bool sdp_rid_payload_type_next(struct sdp_view *payload_types, uint8_t *out) {
    struct sdp_view one;
    uint32_t number;
    if (!cut_until(payload_types, ',', &one) || !sdp_read_number(one, SDP_PAYLOAD_TYPE_MAX, &number))
        return false;
    *out = (uint8_t)number;
    return true;
}

static bool is_payload_type_list(struct sdp_view list) {
    size_t commas = 0;
    size_t numbers = 0;
    uint8_t payload_type;
    for (size_t i = 0; i < list.length; i++)
        commas += list.text[i] == ',';
    while (sdp_rid_payload_type_next(&list, &payload_type))
        numbers++;
    return numbers == commas + 1 && list.length == 0;
}

static bool apply_restriction(struct sdp_view name, struct sdp_view value, struct sdp_rid_restrictions *out) {
    const struct {
        const char *name;
        uint32_t *number;
    } numbers[] = {{"max-width", &out->max_width}, {"max-height", &out->max_height}, {"max-fps", &out->max_fps},
                   {"max-fs", &out->max_fs},       {"max-br", &out->max_br_bps},     {"max-pps", &out->max_pps}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sdp_view_is(name, numbers[i].name))
            return sdp_read_number(value, UINT32_MAX, numbers[i].number) && *numbers[i].number > 0;
    if (sdp_view_is(name, "pt")) {
        out->payload_types = value;
        return is_payload_type_list(value);
    }
    if (sdp_view_is(name, "max-bpp"))
        out->max_bpp = value;
    else if (sdp_view_is(name, "depend"))
        out->depend = value;
    else
        out->unknown = true;
    return true;
}

bool sdp_read_rid_restrictions(struct sdp_view restrictions, struct sdp_rid_restrictions *out) {
    struct sdp_view one;
    *out = (struct sdp_rid_restrictions){.unknown = false};
    while (cut_until(&restrictions, ';', &one)) {
        struct sdp_view value = {NULL, 0};
        size_t equals = sdp_view_index_of(one, '=');
        if (equals < one.length)
            value = sdp_view_behind(one, equals + 1);
        if (!sdp_view_is_all(sdp_view_front(one, equals), SDP_CHARACTER_TOKEN) || !apply_restriction(sdp_view_front(one, equals), value, out))
            return false;
    }
    return true;
}

/* ---- simulcast: RFC 8853 ------------------------------------------------------------------------------------------- */

/* RFC 8853 section 5.1: alternatives by ',', streams by ';', a paused one begins with '~'. */
static bool is_stream_list(struct sdp_view list) {
    bool expect_id = true;
    for (size_t i = 0; i < list.length; i++) {
        char c = list.text[i];
        if (c == ';' || c == ',') {
            if (expect_id)
                return false;
            expect_id = true;
        } else if (c == '~') {
            if (!expect_id || (i > 0 && list.text[i - 1] == '~'))
                return false;
        } else if (c == '=' || !sdp_character_is(c, SDP_CHARACTER_TOKEN)) {
            return false;
        } else {
            expect_id = false;
        }
    }
    return list.length > 0 && !expect_id;
}

bool sdp_read_simulcast(struct sdp_view value, struct sdp_simulcast *out) {
    struct sdp_view word;
    *out = (struct sdp_simulcast){0};
    bool any = false;
    while (sdp_word_cut(&value, &word)) {
        struct sdp_view *list = sdp_view_is(word, "send") ? &out->send : sdp_view_is(word, "recv") ? &out->receive : NULL;
        if (list == NULL || list->length > 0 || !sdp_word_cut(&value, list) || !is_stream_list(*list))
            return false;
        any = true;
    }
    return any;
}

bool sdp_simulcast_stream_next(struct sdp_view *list, struct sdp_view *stream) {
    return cut_until(list, ';', stream);
}

bool sdp_simulcast_alternative_next(struct sdp_view *stream, struct sdp_simulcast_alternative *out) {
    struct sdp_view one;
    if (!cut_until(stream, ',', &one))
        return false;
    out->paused = one.length > 0 && one.text[0] == '~';
    out->rid = sdp_view_behind(one, out->paused ? 1 : 0);
    return true;
}
