#include "test/sim/sdp_lines.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct line {
    const char *text;
    size_t length;
};

static bool starts(const struct line *line, const char *word) {
    return line->length >= strlen(word) && memcmp(line->text, word, strlen(word)) == 0;
}

static bool is(const struct line *line, const char *word) {
    return line->length == strlen(word) && starts(line, word);
}

/* What follows `skip` bytes, up to `end` or to the end of the line. */
static void copy_until(const struct line *line, size_t skip, char end, char *out, size_t capacity) {
    size_t length = 0;
    while (skip + length < line->length && length + 1 < capacity && line->text[skip + length] != end) {
        out[length] = line->text[skip + length];
        length++;
    }
    out[length] = '\0';
}

uint64_t sdp_lines_hash(const char *text, size_t length) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (uint8_t)text[i]) * 1099511628211u;
    return hash;
}

static void read_media(const struct line *line, struct sdp_lines_section *section) {
    char text[512];
    copy_until(line, 2, '\0', text, sizeof text);
    char *rest = text, *word = strtok_r(text, " ", &rest);
    for (unsigned place = 0; word; place++, word = strtok_r(NULL, " ", &rest)) {
        if (place == 0)
            copy_until(&(struct line){word, strlen(word)}, 0, '\0', section->kind, sizeof section->kind);
        else if (place == 1)
            section->port = (unsigned)strtoul(word, NULL, 10);
        else if (place >= 3 && section->format_count < SDP_LINES_FORMAT_MAX)
            section->formats[section->format_count++].payload_type = (unsigned)strtoul(word, NULL, 10);
    }
}

static void read_rtpmap(const struct line *line, struct sdp_lines_section *section) {
    char number[8];
    copy_until(line, strlen("a=rtpmap:"), ' ', number, sizeof number);
    unsigned payload_type = (unsigned)strtoul(number, NULL, 10);
    for (size_t i = 0; i < section->format_count; i++)
        if (section->formats[i].payload_type == payload_type)
            copy_until(line, strlen("a=rtpmap:") + strlen(number) + 1, '/', section->formats[i].name, sizeof section->formats[i].name);
}

static void read_msid(const struct line *line, struct sdp_lines_section *section) {
    char name[128];
    copy_until(line, strlen("a=msid:"), ' ', name, sizeof name);
    section->msid_count++;
    section->msid_hash += sdp_lines_hash(name, strlen(name));
}

static void read_attribute(const struct line *line, struct sdp_lines_section *section) {
    if (starts(line, "a=mid:"))
        copy_until(line, 6, '\0', section->mid, sizeof section->mid);
    else if (starts(line, "a=ice-ufrag:"))
        copy_until(line, 12, '\0', section->ufrag, sizeof section->ufrag);
    else if (starts(line, "a=ice-pwd:"))
        copy_until(line, 10, '\0', section->password, sizeof section->password);
    else if (starts(line, "a=setup:"))
        copy_until(line, 8, '\0', section->setup, sizeof section->setup);
    else if (starts(line, "a=fingerprint:") && section->fingerprint[0] == '\0')
        copy_until(line, 14, '\0', section->fingerprint, sizeof section->fingerprint);
    else if (starts(line, "a=rtpmap:"))
        read_rtpmap(line, section);
    else if (starts(line, "a=msid:"))
        read_msid(line, section);
    else if (is(line, "a=bundle-only"))
        section->is_bundle_only = true;
    else if (is(line, "a=sendrecv"))
        section->direction = SDP_LINES_SENDRECV;
    else if (is(line, "a=sendonly"))
        section->direction = SDP_LINES_SENDONLY;
    else if (is(line, "a=recvonly"))
        section->direction = SDP_LINES_RECVONLY;
    else if (is(line, "a=inactive"))
        section->direction = SDP_LINES_INACTIVE;
}

/* What the session says holds for the sections that do not say it. */
static void inherit(struct sdp_lines_section *section, const struct sdp_lines_section *session, const char *bundle) {
    if (section->ufrag[0] == '\0')
        memcpy(section->ufrag, session->ufrag, sizeof section->ufrag);
    if (section->password[0] == '\0')
        memcpy(section->password, session->password, sizeof section->password);
    if (section->fingerprint[0] == '\0')
        memcpy(section->fingerprint, session->fingerprint, sizeof section->fingerprint);
    if (section->setup[0] == '\0')
        memcpy(section->setup, session->setup, sizeof section->setup);
    size_t length = strlen(section->mid);
    for (const char *at = bundle; length > 0 && (at = strstr(at, section->mid)) != NULL; at += length)
        section->is_bundled |= at > bundle && at[-1] == ' ' && (at[length] == ' ' || at[length] == '\0');
}

void sdp_lines_read(const char *text, size_t length, struct sdp_lines *out) {
    out->is_overfull = false;
    out->count = 0;
    struct sdp_lines_section session = {0}, *section = &session;
    char bundle[2048] = "";
    for (size_t at = 0; at < length;) {
        const char *end = memchr(text + at, '\n', length - at);
        struct line line = {text + at, end ? (size_t)(end - (text + at)) : length - at};
        at += line.length + 1;
        if (line.length > 0 && line.text[line.length - 1] == '\r')
            line.length--;
        if (starts(&line, "m=")) {
            out->is_overfull |= out->count == SDP_LINES_SECTION_MAX;
            if (out->is_overfull)
                break;
            section = &out->sections[out->count++];
            *section = (struct sdp_lines_section){.direction = SDP_LINES_SENDRECV};
            read_media(&line, section);
        } else if (starts(&line, "a=group:BUNDLE")) {
            copy_until(&line, strlen("a=group:BUNDLE"), '\0', bundle, sizeof bundle);
        } else {
            read_attribute(&line, section);
        }
    }
    for (size_t i = 0; i < out->count; i++)
        inherit(&out->sections[i], &session, bundle);
}

bool sdp_lines_is_refused(const struct sdp_lines_section *section) {
    return section->port == 0 && !(section->is_bundle_only && section->is_bundled);
}

int sdp_lines_find(const struct sdp_lines *lines, const char *mid) {
    for (size_t i = 0; i < lines->count; i++)
        if (mid[0] != '\0' && strcmp(lines->sections[i].mid, mid) == 0)
            return (int)i;
    return -1;
}

int sdp_lines_payload_type(const struct sdp_lines_section *section, const char *name) {
    static const char *const fixed[] = {[0] = "PCMU", [8] = "PCMA"}; /* RFC 3551: these two may come without a=rtpmap */
    for (size_t i = 0; i < section->format_count; i++) {
        unsigned number = section->formats[i].payload_type;
        const char *known = section->formats[i].name;
        if (known[0] == '\0' && number < sizeof fixed / sizeof fixed[0] && fixed[number])
            known = fixed[number];
        if (strcasecmp(known, name) == 0)
            return (int)number;
    }
    return -1;
}

enum sdp_lines_direction sdp_lines_reverse(enum sdp_lines_direction direction) {
    return (enum sdp_lines_direction)((direction & 1) << 1 | (direction & 2) >> 1);
}
