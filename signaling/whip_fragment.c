/* The bodies of WHIP and WHEP: fragments with candidates (RFC 8840), and descriptions that fragments are made of and put into. */
#include "signaling/whip.h"

#include <string.h>

/* ---- lines -------------------------------------------------------------------------------------------------------- */

/* The line at *at without its end, which may be LF alone; false at the end of the text. */
static bool next_line(const char *bytes, size_t length, size_t *at, struct signaling_text *line) {
    if (*at >= length)
        return false;
    const char *start = bytes + *at, *end = memchr(start, '\n', length - *at);
    line->bytes = start;
    line->length = end != NULL ? (size_t)(end - start) : length - *at;
    *at += line->length + (end != NULL ? 1 : 0);
    if (line->length > 0 && start[line->length - 1] == '\r')
        line->length--;
    return true;
}

/* The value of "a=NAME:", or an absent text. */
static struct signaling_text value_of(struct signaling_text line, const char *prefix) {
    size_t length = strlen(prefix);
    if (line.length < length || memcmp(line.bytes, prefix, length) != 0)
        return (struct signaling_text){NULL, 0};
    return (struct signaling_text){line.bytes + length, line.length - length};
}

static bool begins_section(struct signaling_text line) {
    return line.length >= 2 && line.bytes[0] == 'm' && line.bytes[1] == '=';
}

void signaling_sdpfrag_begin(struct signaling_sdpfrag *fragment, const char *bytes, size_t length) {
    *fragment = (struct signaling_sdpfrag){.bytes = bytes, .length = length};
}

bool signaling_sdpfrag_next(struct signaling_sdpfrag *fragment, struct signaling_message *out) {
    struct signaling_text line, value;
    memset(out, 0, sizeof *out);
    while (next_line(fragment->bytes, fragment->length, &fragment->at, &line)) {
        if (begins_section(line))
            fragment->mid = (struct signaling_text){NULL, 0};
        else if ((value = value_of(line, "a=mid:")).bytes != NULL)
            fragment->mid = value;
        else if ((value = value_of(line, "a=ice-ufrag:")).bytes != NULL)
            fragment->ufrag = value;
        else if (value_of(line, "a=end-of-candidates").bytes != NULL) {
            out->type = SIGNALING_END_OF_CANDIDATES;
            return true;
        } else if (value_of(line, "a=candidate:").bytes != NULL) {
            out->type = SIGNALING_CANDIDATE;
            /* RFC 8840 section 9.2: the mid names the section. Without one, BUNDLE's first section is meant. */
            out->candidate = (struct signaling_candidate){{line.bytes + 2, line.length - 2}, fragment->mid, fragment->ufrag, fragment->mid.bytes != NULL ? -1 : 0};
            return true;
        }
    }
    return false;
}

/* ---- the answer --------------------------------------------------------------------------------------------------- */

struct writer {
    char *bytes;
    size_t capacity, length; /* length counts on beyond the capacity */
};

static void put(struct writer *writer, const char *bytes, size_t length) {
    if (writer->length < writer->capacity) {
        size_t room = writer->capacity - writer->length;
        memcpy(writer->bytes + writer->length, bytes, length < room ? length : room);
    }
    writer->length += length;
}

static bool names(const struct signaling_candidate *candidate, int32_t section, struct signaling_text mid) {
    if (candidate->sdp_mid.bytes != NULL && mid.bytes != NULL)
        return candidate->sdp_mid.length == mid.length && memcmp(candidate->sdp_mid.bytes, mid.bytes, mid.length) == 0;
    return (candidate->sdp_m_line_index < 0 ? 0 : candidate->sdp_m_line_index) == section;
}

static void end_section(struct writer *writer, int32_t section, struct signaling_text mid, const struct signaling_candidate *candidates, size_t count) {
    for (size_t i = 0; section >= 0 && i < count; i++) {
        if (!names(&candidates[i], section, mid))
            continue;
        put(writer, "a=", 2);
        put(writer, candidates[i].candidate.bytes, candidates[i].candidate.length);
        put(writer, "\r\n", 2);
    }
    if (section >= 0)
        put(writer, "a=end-of-candidates\r\n", 21);
}

enum signaling_error signaling_whip_answer(struct signaling_text sdp, const struct signaling_candidate *candidates, size_t count, char *buffer, size_t capacity,
                                           size_t *length) {
    struct writer writer = {buffer, capacity, 0};
    struct signaling_text line, mid = {NULL, 0}, value;
    int32_t section = -1;
    for (size_t at = 0; next_line(sdp.bytes, sdp.length, &at, &line);) {
        if (begins_section(line)) {
            end_section(&writer, section++, mid, candidates, count);
            mid = (struct signaling_text){NULL, 0};
        } else if ((value = value_of(line, "a=mid:")).bytes != NULL) {
            mid = value;
        }
        put(&writer, line.bytes, line.length);
        put(&writer, "\r\n", 2);
    }
    end_section(&writer, section, mid, candidates, count);
    *length = writer.length;
    put(&writer, "", 1);
    return writer.length <= capacity ? SIGNALING_OK : SIGNALING_ERROR_BUFFER;
}

/* ---- fragments of descriptions, and back ------------------------------------------------------------------------------------ */

/* What a fragment takes of a description; absent texts are not there. The section is the one that BUNDLE's transport is described in. */
struct outline {
    struct signaling_text group, options, lite, m_line, mid, ufrag, pwd;
    int32_t section;
};

static bool begins(struct signaling_text line, const char *prefix) {
    return value_of(line, prefix).bytes != NULL;
}

/* RFC 9143 section 7.2: the first mid of the group. */
static struct signaling_text tagged_mid(struct signaling_text group) {
    struct signaling_text mid = value_of(group, "a=group:BUNDLE ");
    size_t length = 0;
    while (length < mid.length && mid.bytes[length] != ' ')
        length++;
    mid.length = length;
    return mid;
}

static bool is_same(struct signaling_text a, struct signaling_text b) {
    return a.bytes != NULL && b.bytes != NULL && a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

static int32_t section_of_mid(struct signaling_text sdp, struct signaling_text mid) {
    struct signaling_text line;
    int32_t section = -1;
    for (size_t at = 0; next_line(sdp.bytes, sdp.length, &at, &line);) {
        if (begins_section(line))
            section++;
        else if (section >= 0 && is_same(value_of(line, "a=mid:"), mid))
            return section;
    }
    return 0;
}

/* Of a line of the session or of the section itself. The section's own words count. */
static void take_line(struct outline *outline, struct signaling_text line) {
    struct signaling_text value;
    if (begins(line, "a=group:BUNDLE "))
        outline->group = line;
    else if (begins(line, "a=ice-options:"))
        outline->options = line;
    else if (begins(line, "a=ice-lite"))
        outline->lite = line;
    else if (begins_section(line))
        outline->m_line = line;
    else if ((value = value_of(line, "a=mid:")).bytes != NULL)
        outline->mid = value;
    else if ((value = value_of(line, "a=ice-ufrag:")).bytes != NULL)
        outline->ufrag = value;
    else if ((value = value_of(line, "a=ice-pwd:")).bytes != NULL)
        outline->pwd = value;
}

static struct outline outline_of(struct signaling_text sdp) {
    struct outline outline = {.section = 0};
    struct signaling_text line;
    int32_t section = -1;
    for (size_t at = 0; next_line(sdp.bytes, sdp.length, &at, &line);) {
        if (begins_section(line) && section++ < 0 && outline.group.bytes != NULL)
            outline.section = section_of_mid(sdp, tagged_mid(outline.group));
        if (section < 0 || section == outline.section)
            take_line(&outline, line);
    }
    return outline;
}

static void put_line(struct writer *writer, const char *prefix, struct signaling_text value) {
    if (value.bytes == NULL)
        return;
    put(writer, prefix, strlen(prefix));
    put(writer, value.bytes, value.length);
    put(writer, "\r\n", 2);
}

/* The candidates of the section, as lines, and those of a fragment that names no section; true: its end of candidates is said. */
static bool put_candidates_of(struct writer *writer, struct signaling_text sdp, int32_t wanted) {
    struct signaling_text line;
    int32_t section = -1;
    bool is_end = false;
    for (size_t at = 0; next_line(sdp.bytes, sdp.length, &at, &line);) {
        if (begins_section(line))
            section++;
        if (section != wanted && section >= 0)
            continue;
        if (begins(line, "a=candidate:"))
            put_line(writer, "", line);
        is_end = is_end || begins(line, "a=end-of-candidates");
    }
    return is_end;
}

enum signaling_error signaling_sdpfrag_write(struct signaling_text sdp, struct signaling_text candidates, bool is_end, char *buffer, size_t capacity,
                                             size_t *length) {
    struct writer writer = {buffer, capacity, 0};
    struct outline outline = outline_of(sdp);
    /* RFC 9725 section 4.3.3, MUST: the ice-options and ice-lite of offer and answer stand in the fragments, too. */
    put_line(&writer, "", outline.lite);
    put_line(&writer, "", outline.options);
    put_line(&writer, "", outline.group);
    /* RFC 9725 section 4.3.2: the m-line of the offerer-tagged section only. RFC 8840 section 4.4.1: with the credentials that it is about. */
    put_line(&writer, "", outline.m_line);
    put_line(&writer, "a=mid:", outline.mid);
    put_line(&writer, "a=ice-ufrag:", outline.ufrag);
    put_line(&writer, "a=ice-pwd:", outline.pwd);
    if (candidates.bytes != NULL)
        put(&writer, candidates.bytes, candidates.length);
    else
        is_end = put_candidates_of(&writer, sdp, outline.section) || is_end;
    if (is_end)
        put(&writer, "a=end-of-candidates\r\n", 21);
    *length = writer.length;
    put(&writer, "", 1);
    return writer.length <= capacity ? SIGNALING_OK : SIGNALING_ERROR_BUFFER;
}

void signaling_sdpfrag_credentials(struct signaling_text sdp, struct signaling_text *ufrag, struct signaling_text *pwd) {
    struct outline outline = outline_of(sdp);
    *ufrag = outline.ufrag;
    *pwd = outline.pwd;
}

/* RFC 3264 section 8, MUST: another description of the same session has the next version, the third word of "o=". */
static void put_origin(struct writer *writer, struct signaling_text line) {
    size_t begin = 2, end;
    for (size_t words = 0; words < 2 && begin < line.length; begin++)
        words += line.bytes[begin] == ' ';
    uint64_t version = 0;
    for (end = begin; end < line.length && line.bytes[end] >= '0' && line.bytes[end] <= '9'; end++)
        version = version * 10 + (uint64_t)(line.bytes[end] - '0');
    char digits[24];
    size_t at = sizeof digits;
    for (version++; at == sizeof digits || version > 0; version /= 10)
        digits[--at] = (char)('0' + version % 10);
    put(writer, line.bytes, begin);
    put(writer, digits + at, sizeof digits - at);
    put(writer, line.bytes + end, line.length - end);
    put(writer, "\r\n", 2);
}

enum signaling_error signaling_sdpfrag_apply(struct signaling_text sdp, struct signaling_text fragment, char *buffer, size_t capacity, size_t *length) {
    struct writer writer = {buffer, capacity, 0};
    struct outline of = outline_of(fragment), into = outline_of(sdp);
    struct signaling_text line;
    int32_t section = -1;
    *length = 0;
    if (of.ufrag.bytes == NULL || of.pwd.bytes == NULL)
        return SIGNALING_ERROR_ARGUMENT;
    for (size_t at = 0; next_line(sdp.bytes, sdp.length, &at, &line);) {
        if (begins_section(line) && section++ == into.section)
            (void)put_candidates_of(&writer, fragment, of.section);
        /* RFC 9725 section 4.3.3, MUST: the candidates of before go. */
        if (begins(line, "a=candidate:") || begins(line, "a=end-of-candidates"))
            continue;
        if (begins(line, "a=ice-ufrag:"))
            put_line(&writer, "a=ice-ufrag:", of.ufrag);
        else if (begins(line, "a=ice-pwd:"))
            put_line(&writer, "a=ice-pwd:", of.pwd);
        else if (begins(line, "o="))
            put_origin(&writer, line);
        else
            put_line(&writer, "", line);
    }
    if (section == into.section)
        (void)put_candidates_of(&writer, fragment, of.section);
    *length = writer.length;
    put(&writer, "", 1);
    return writer.length <= capacity ? SIGNALING_OK : SIGNALING_ERROR_BUFFER;
}

/* RFC 8840 section 9.2: lines of "x=", as in a description. */
static bool is_of_lines(struct signaling_text text) {
    struct signaling_text line;
    for (size_t at = 0; next_line(text.bytes, text.length, &at, &line);) {
        if (line.length < 2 || line.bytes[0] < 'a' || line.bytes[0] > 'z' || line.bytes[1] != '=')
            return false;
    }
    return text.length > 0;
}

/* RFC 9725 section 4.3.3, MUST: other credentials are an ICE restart, whatever If-Match says. */
enum signaling_whip_patch signaling_whip_patch_kind(struct signaling_text offer, struct signaling_text fragment) {
    struct signaling_text ufrag, pwd, new_ufrag, new_pwd;
    if (!is_of_lines(fragment))
        return SIGNALING_WHIP_PATCH_MALFORMED;
    signaling_sdpfrag_credentials(offer, &ufrag, &pwd);
    signaling_sdpfrag_credentials(fragment, &new_ufrag, &new_pwd);
    bool is_other_ufrag = new_ufrag.bytes != NULL && !is_same(ufrag, new_ufrag), is_other_pwd = new_pwd.bytes != NULL && !is_same(pwd, new_pwd);
    if (!is_other_ufrag && !is_other_pwd)
        return SIGNALING_WHIP_PATCH_TRICKLES;
    return new_ufrag.bytes != NULL && new_pwd.bytes != NULL ? SIGNALING_WHIP_PATCH_RESTARTS : SIGNALING_WHIP_PATCH_MALFORMED;
}

bool signaling_whip_is_description(struct signaling_text sdp) {
    struct signaling_text line;
    size_t at = 0, sections = 0;
    if (!is_of_lines(sdp) || !next_line(sdp.bytes, sdp.length, &at, &line) || line.length != 3 || memcmp(line.bytes, "v=0", 3) != 0)
        return false;
    while (next_line(sdp.bytes, sdp.length, &at, &line))
        sections += begins_section(line);
    return sections > 0;
}

bool signaling_whip_is_partial(struct signaling_text answer) {
    struct signaling_text line;
    for (size_t at = 0; next_line(answer.bytes, answer.length, &at, &line);) {
        const char *port = begins_section(line) ? memchr(line.bytes, ' ', line.length) : NULL;
        size_t left = port != NULL ? line.length - (size_t)(port - line.bytes) : 0;
        if (left > 2 && port[1] == '0' && (port[2] == ' ' || port[2] == '/'))
            return true;
    }
    return false;
}
