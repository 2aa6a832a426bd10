/* One pass over a description: split lines, judge each, remember where sections begin. RFC 8866 sections 5 and 9. */
#include "sdp/scan_internal.h"

struct parser {
    const char *at;
    const char *end;
    struct sdp_line line;    /* the current one */
    struct sdp_session *out;
    struct sdp_section *section; /* NULL: session level */
    bool timed;              /* a t= was seen */
    size_t other_lines;      /* of the current level: those that are not a= */
    /* Of the current level: said once, these may not be said again otherwise. */
    struct sdp_view ufrag;
    struct sdp_view pwd;
    struct sdp_problem *problem;
};

static int refuse(struct parser *parser, enum sdp_error error, struct sdp_view text, const char *rule) {
    if (parser->problem != NULL) {
        size_t column = text.text == NULL ? 1 : (size_t)(text.text - parser->line.text.text) + 1;
        *parser->problem = (struct sdp_problem){.line = parser->line.number, .column = column, .text = text, .rule = rule};
    }
    return error;
}

static int refuse_line(struct parser *parser, const char *rule) {
    return refuse(parser, SDP_ERROR_SYNTAX, parser->line.text, rule);
}

static int refuse_value(struct parser *parser, const char *rule) {
    return refuse(parser, SDP_ERROR_SYNTAX, parser->line.value, rule);
}

/* ---- one line ------------------------------------------------------------------------------------------------------ */

static int parse_version(struct parser *parser) {
    if (!sdp_view_is(sdp_view_without_trailing_spaces(parser->line.value), "0"))
        return refuse_value(parser, "the version is 0 (RFC 8866 section 5.1)");
    return SDP_OK;
}

static int parse_origin(struct parser *parser) {
    struct sdp_origin *origin = &parser->out->origin;
    struct sdp_view rest = parser->line.value;
    struct sdp_view more;
    if (!sdp_word_cut(&rest, &origin->username) || !sdp_word_cut(&rest, &origin->session_id) ||
        !sdp_word_cut(&rest, &origin->session_version) || !sdp_word_cut(&rest, &origin->network_type) ||
        !sdp_word_cut(&rest, &origin->address_type) || !sdp_word_cut(&rest, &origin->address) || sdp_word_cut(&rest, &more))
        return refuse_value(parser, "o= is six words: username, session id, version, network type, address type, address (RFC 8866 section 5.2)");
    if (!sdp_view_is_all(origin->session_id, SDP_CHARACTER_DIGIT) || !sdp_view_is_all(origin->session_version, SDP_CHARACTER_DIGIT))
        return refuse(parser, SDP_ERROR_SYNTAX, origin->session_id, "session id and version are decimal numbers (RFC 8866 section 5.2)");
    return SDP_OK;
}

static int parse_connection(struct parser *parser) {
    struct sdp_connection connection;
    if (!sdp_read_connection(parser->line.value, &connection))
        return refuse_value(parser, "c= is three words: network type, address type, address (RFC 8866 section 5.7)");
    return SDP_OK;
}

static int parse_bandwidth(struct parser *parser) {
    struct sdp_bandwidth bandwidth;
    if (!sdp_read_bandwidth(parser->line.value, &bandwidth))
        return refuse_value(parser, "b= is a type, ':' and a decimal number (RFC 8866 section 5.8)");
    return SDP_OK;
}

static int parse_timing(struct parser *parser) {
    struct sdp_view rest = parser->line.value;
    struct sdp_view word;
    size_t count = 0;
    for (; sdp_word_cut(&rest, &word); count++)
        if (!sdp_view_is_all(word, SDP_CHARACTER_DIGIT))
            return refuse(parser, SDP_ERROR_SYNTAX, word, "start and stop time are decimal numbers (RFC 8866 section 5.9)");
    if (count != 2)
        return refuse_value(parser, "t= is a start time and a stop time (RFC 8866 section 5.9)");
    parser->timed = true;
    return SDP_OK;
}

/* typed-time: digits, perhaps a sign before (in z=) and a unit behind. */
static bool is_typed_time(struct sdp_view word, bool sign_allowed) {
    if (sign_allowed && word.length > 0 && word.text[0] == '-')
        word = sdp_view_behind(word, 1);
    if (word.length > 1 && memchr("dhms", word.text[word.length - 1], 4) != NULL)
        word.length--;
    return sdp_view_is_all(word, SDP_CHARACTER_DIGIT);
}

/* r= is an interval, a duration and offsets; z= is pairs of a time and an offset. */
static int parse_times(struct parser *parser, size_t least, bool pairs, const char *rule) {
    struct sdp_view rest = parser->line.value;
    struct sdp_view word;
    size_t count = 0;
    for (; sdp_word_cut(&rest, &word); count++)
        if (!is_typed_time(word, pairs))
            return refuse(parser, SDP_ERROR_SYNTAX, word, rule);
    if (count < least || (pairs && count % 2 != 0))
        return refuse_value(parser, rule);
    return SDP_OK;
}

static int parse_any_value(struct parser *parser, const char *rule) {
    return parser->line.value.length == 0 ? refuse_line(parser, rule) : SDP_OK;
}

/* ---- m= ------------------------------------------------------------------------------------------------------------ */

static bool is_protocol(struct sdp_view word) {
    for (;;) {
        size_t slash = sdp_view_index_of(word, '/');
        if (!sdp_view_is_all(sdp_view_front(word, slash), SDP_CHARACTER_TOKEN))
            return false;
        if (slash == word.length)
            return true;
        word = sdp_view_behind(word, slash + 1);
    }
}

static bool is_rtp(struct sdp_view protocol) {
    for (size_t i = 0; i + 4 <= protocol.length; i++)
        if (memcmp(protocol.text + i, "RTP/", 4) == 0)
            return true;
    return false;
}

static int parse_formats(struct parser *parser, struct sdp_section *section, struct sdp_view rest) {
    struct sdp_view word;
    bool rtp = is_rtp(section->protocol);
    uint32_t payload_type;
    for (; sdp_word_cut(&rest, &word); section->format_count++) {
        if (section->format_count == 0)
            section->formats.text = word.text;
        section->formats.length = (size_t)(word.text + word.length - section->formats.text);
        if (section->format_count == SDP_FORMAT_MAX)
            return refuse(parser, SDP_ERROR_LIMIT, word, "more than SDP_FORMAT_MAX (256) formats in one m= line");
        if (rtp && !sdp_number_cut(word, SDP_PAYLOAD_TYPE_MAX, &payload_type))
            return refuse(parser, SDP_ERROR_SYNTAX, word, "formats of an RTP profile are payload types of 0 to 127 (RFC 8866 section 5.14)");
    }
    if (section->format_count == 0)
        return refuse_value(parser, "m= names at least one format (RFC 8866 section 5.14)");
    return SDP_OK;
}

static int parse_media(struct parser *parser) {
    struct sdp_session *out = parser->out;
    struct sdp_view rest = parser->line.value;
    struct sdp_view ports;
    uint32_t port;
    if (!parser->timed)
        return refuse_line(parser, "t= comes before the first m= (RFC 8866 section 5.9)");
    if (out->section_count == SDP_SECTION_MAX)
        return refuse(parser, SDP_ERROR_LIMIT, parser->line.text, "more than SDP_SECTION_MAX (128) m= lines");
    struct sdp_section *section = &out->sections[out->section_count];
    *section = (struct sdp_section){.index = out->section_count, .line = parser->line.number, .text = parser->line.text, .port_count = 1, .bundle_first = SDP_NO_SECTION};
    if (!sdp_word_cut(&rest, &section->media) || !sdp_view_is_all(section->media, SDP_CHARACTER_TOKEN) || !sdp_word_cut(&rest, &ports) ||
        !sdp_word_cut(&rest, &section->protocol) || !is_protocol(section->protocol))
        return refuse_value(parser, "m= is media, port, protocol and formats (RFC 8866 section 5.14)");
    size_t slash = sdp_view_index_of(ports, '/');
    if (!sdp_read_number(sdp_view_front(ports, slash), UINT16_MAX, &port) ||
        (slash < ports.length &&
         (!sdp_read_number(sdp_view_behind(ports, slash + 1), UINT16_MAX, &section->port_count) || section->port_count == 0)))
        return refuse(parser, SDP_ERROR_SYNTAX, ports, "a port is 0 to 65535, a number of ports at least 1 (RFC 8866 section 5.14)");
    section->port = (uint16_t)port;
    int error = parse_formats(parser, section, rest);
    if (error != SDP_OK)
        return error;
    if (parser->section == NULL)
        out->header = sdp_view_between(out->text.text, parser->line.text.text);
    else
        parser->section->text = sdp_view_between(parser->section->text.text, parser->line.text.text);
    out->section_count++;
    parser->section = section;
    parser->other_lines = 0;
    parser->ufrag = parser->pwd = (struct sdp_view){NULL, 0};
    return SDP_OK;
}

/* ---- a= ------------------------------------------------------------------------------------------------------------ */

/* Said again with another value, one of the two would be believed by chance: an attacker's choice. Refuse. */
static int say_once(struct parser *parser, struct sdp_view *said, struct sdp_view value, const char *rule) {
    if (said->length > 0 && !sdp_view_equal(*said, value))
        return refuse(parser, SDP_ERROR_SYNTAX, value, rule);
    *said = value;
    return SDP_OK;
}

static int parse_attribute(struct parser *parser) {
    size_t *count = parser->section == NULL ? &parser->out->header_attribute_count : &parser->section->attribute_count;
    struct sdp_attribute attribute;
    const char *rule;
    if (*count == SDP_ATTRIBUTE_MAX)
        return refuse(parser, SDP_ERROR_LIMIT, parser->line.text, "more than SDP_ATTRIBUTE_MAX (2048) attributes in one section");
    ++*count;
    if (!sdp_attribute_judge(parser->line.value, parser->line.number, &attribute, &rule)) {
        bool value_is_bad = attribute.kind != SDP_ATTRIBUTE_OTHER && attribute.value.length > 0;
        return refuse(parser, SDP_ERROR_SYNTAX, value_is_bad ? attribute.value : parser->line.value, rule);
    }
    if (parser->section == NULL && parser->out->header_places[attribute.kind].at == NULL)
        parser->out->header_places[attribute.kind] = (struct sdp_place){parser->line.text.text, parser->line.number};
    switch (attribute.kind) {
    case SDP_ATTRIBUTE_ICE_UFRAG:
        return say_once(parser, &parser->ufrag, attribute.value, "a section has one ice-ufrag (RFC 8839 section 5.4)");
    case SDP_ATTRIBUTE_ICE_PWD:
        return say_once(parser, &parser->pwd, attribute.value, "a section has one ice-pwd (RFC 8839 section 5.4)");
    case SDP_ATTRIBUTE_MID:
        if (parser->section == NULL)
            return SDP_OK;
        return say_once(parser, &parser->section->mid, sdp_view_without_trailing_spaces(attribute.value),
                        "a section has one mid (RFC 5888 section 4)");
    default: return SDP_OK;
    }
}

/* ---- the order of lines -------------------------------------------------------------------------------------------- */

static int parse_session_line(struct parser *parser) {
    static const char order[] = "vos";
    if (parser->line.number <= 3 && parser->line.type != order[parser->line.number - 1])
        return refuse_line(parser, "a description begins with v=, o= and s=, in this order (RFC 8866 section 5)");
    switch (parser->line.type) {
    case 'v':
        if (parser->line.number == 1)
            return parse_version(parser);
        break;
    case 'o':
        if (parser->line.number == 2)
            return parse_origin(parser);
        break;
    case 's':
        if (parser->line.number == 3)
            return SDP_OK; /* an empty name breaks section 5.3, but harms nobody */
        break;
    case 'u': return parse_any_value(parser, "u= has a value (RFC 8866 section 5.5)");
    case 'e': return parse_any_value(parser, "e= has a value (RFC 8866 section 5.6)");
    case 'p': return parse_any_value(parser, "p= has a value (RFC 8866 section 5.6)");
    case 't': return parse_timing(parser);
    case 'r': return parse_times(parser, 3, false, "r= is an interval, a duration and offsets (RFC 8866 section 5.10)");
    case 'z': return parse_times(parser, 2, true, "z= is pairs of a time and an offset (RFC 8866 section 5.11)");
    default: break;
    }
    return refuse_line(parser, "this line has no place here (RFC 8866 section 5)");
}

static int parse_line(struct parser *parser) {
    if (parser->line.number <= 3)
        return parse_session_line(parser);
    if (parser->line.type == 'a')
        return parse_attribute(parser);
    if (parser->line.type != 'm' && parser->other_lines++ == SDP_OTHER_LINE_MAX)
        return refuse(parser, SDP_ERROR_LIMIT, parser->line.text, "more than SDP_OTHER_LINE_MAX (1024) lines that are not a= in one section");
    switch (parser->line.type) {
    case 'b': return parse_bandwidth(parser);
    case 'c': return parse_connection(parser);
    case 'i': return parse_any_value(parser, "i= has a value (RFC 8866 section 5.4)");
    case 'k': return parse_any_value(parser, "k= has a value (RFC 8866 section 5.12)");
    case 'm': return parse_media(parser);
    case 'e': case 'o': case 'p': case 'r': case 's': case 't': case 'u': case 'v': case 'z':
        if (parser->section == NULL)
            return parse_session_line(parser);
        return refuse_line(parser, "this line belongs before the first m= (RFC 8866 section 5)");
    default:
        /* RFC 8866 section 5, MUST: a description with a type letter that is not understood is ignored as a whole. */
        return refuse_line(parser, "no such type letter; lines are one of v o s i u e p c b t r z k a m (RFC 8866 section 5)");
    }
}

/* Empty lines are refused, but for those at the very end, which a copied text often has. */
static bool only_line_ends_follow(const struct parser *parser) {
    for (const char *at = parser->at; at < parser->end; at++)
        if (*at != '\n' && *at != '\r')
            return false;
    return true;
}

static int split_line(struct parser *parser) {
    struct sdp_line *line = &parser->line;
    line->number++;
    line->text = sdp_line_cut(&parser->at, parser->end);
    const char *bad = line->text.length == 0 ? NULL : memchr(line->text.text, '\r', line->text.length);
    if (bad != NULL)
        return refuse(parser, SDP_ERROR_SYNTAX, sdp_view_between(bad, bad + 1), "CR stands only before LF (RFC 8866 section 9)");
    if (line->text.length < 2 || line->text.text[1] != '=')
        return refuse_line(parser, "a line is one letter, '=' and a value (RFC 8866 section 5)");
    line->type = line->text.text[0];
    line->value = sdp_view_behind(line->text, 2);
    return SDP_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* Puts the parser's current line where the text is, to be blamed. */
static int refuse_at(struct parser *parser, enum sdp_error error, size_t offset, struct sdp_view text, const char *rule) {
    const char *start = parser->out->text.text;
    parser->line = (struct sdp_line){.number = 1, .text = {start, 0}};
    for (const char *at = start; at != NULL && at < start + offset; at++)
        if (*at == '\n') {
            parser->line.number++;
            parser->line.text.text = at + 1;
        }
    return refuse(parser, error, text, rule);
}

static int check_mids(struct parser *parser) {
    struct sdp_session *out = parser->out;
    for (size_t i = 0; i < out->section_count; i++) {
        struct sdp_view mid = out->sections[i].mid;
        if (mid.length == 0)
            continue;
        unsigned char *slot = &out->mid_slots[sdp_mid_slot(out, mid)];
        /* RFC 5888 section 4, MUST: a mid is unique within the session. */
        if (*slot != 0)
            return refuse_at(parser, SDP_ERROR_SYNTAX, (size_t)(mid.text - out->text.text), mid,
                             "two sections have the same mid (RFC 5888 section 4)");
        *slot = (unsigned char)(i + 1);
    }
    return SDP_OK;
}

static int check_bundles(struct parser *parser) {
    struct sdp_session *out = parser->out;
    struct sdp_walk walk = sdp_walk_header_from(out, SDP_ATTRIBUTE_GROUP);
    struct sdp_attribute attribute;
    struct sdp_group group;
    struct sdp_view mid;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_GROUP, &attribute)) {
        if (!sdp_read_group(attribute.value, &group) || !sdp_view_is(group.semantics, "BUNDLE"))
            continue;
        for (size_t first = SDP_NO_SECTION; sdp_word_cut(&group.mids, &mid);) {
            const struct sdp_section *section = sdp_session_find_mid(out, mid);
            size_t offset = (size_t)(mid.text - out->text.text);
            if (section == NULL)
                return refuse_at(parser, SDP_ERROR_SYNTAX, offset, mid, "a=group names a mid that no section has (RFC 5888 section 5)");
            /* RFC 9143 section 5, MUST: a section belongs to one BUNDLE group at most. */
            if (section->bundle_first != SDP_NO_SECTION)
                return refuse_at(parser, SDP_ERROR_SYNTAX, offset, mid, "a section is in a BUNDLE group once (RFC 9143 section 5)");
            first = first == SDP_NO_SECTION ? section->index : first;
            out->sections[section->index].bundle_first = first;
        }
    }
    return SDP_OK;
}

int sdp_parse(const char *text, size_t length, struct sdp_session *out, struct sdp_problem *problem) {
    struct parser parser = {.at = text, .end = sdp_view_behind((struct sdp_view){text, length}, length).text, .out = out, .problem = problem};
    out->text = (struct sdp_view){text, length};
    out->header = out->text;
    out->origin = (struct sdp_origin){0};
    out->section_count = 0;
    out->header_attribute_count = 0;
    memset(out->header_places, 0, sizeof out->header_places);
    memset(out->mid_slots, 0, sizeof out->mid_slots);
    if (length > SDP_TEXT_MAX_BYTES)
        return refuse_at(&parser, SDP_ERROR_LIMIT, 0, (struct sdp_view){text, 0}, "more than SDP_TEXT_MAX_BYTES (256 KiB)");
    const char *nul = length == 0 ? NULL : memchr(text, '\0', length);
    if (nul != NULL)
        return refuse_at(&parser, SDP_ERROR_SYNTAX, (size_t)(nul - text), sdp_view_between(nul, nul + 1), "NUL stands nowhere (RFC 8866 section 9)");
    while (parser.at < parser.end) {
        if ((*parser.at == '\r' || *parser.at == '\n') && parser.line.number >= 3 && only_line_ends_follow(&parser))
            break;
        int error = split_line(&parser);
        if (error == SDP_OK)
            error = parse_line(&parser);
        if (error != SDP_OK)
            return error;
    }
    if (!parser.timed)
        return refuse_line(&parser, "v=, o=, s= and t= are all there (RFC 8866 section 5)");
    if (parser.section != NULL)
        parser.section->text = sdp_view_between(parser.section->text.text, parser.at);
    else
        out->header = sdp_view_between(text, parser.at);
    int error = check_mids(&parser);
    return error != SDP_OK ? error : check_bundles(&parser);
}
