/* Link fields (RFC 8288 section 3): link-value = "<" URI ">" *( OWS ";" OWS param ), and a comma between two. */
#include "signaling/whip_client.h"

#include <string.h>

struct reader {
    struct signaling_text text;
    size_t at;
};

static char peek(const struct reader *reader) {
    return reader->at < reader->text.length ? reader->text.bytes[reader->at] : '\0';
}

static void skip_spaces(struct reader *reader) {
    while (peek(reader) == ' ' || peek(reader) == '\t')
        reader->at++;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(char character) {
    return character > ' ' && character < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", character) == NULL;
}

/* RFC 9110 sections 5.6.2 and 5.6.4: a token or a quoted-string, without its quotes and backslashes. False: neither. It is cut if it is too long. */
static bool read_value(struct reader *reader, char out[SIGNALING_LINK_TEXT_MAX_BYTES + 1], bool *is_cut) {
    bool is_quoted = peek(reader) == '"', is_closed = !is_quoted;
    size_t length = 0;
    *is_cut = false;
    for (reader->at += is_quoted; reader->at < reader->text.length && (is_quoted || is_token(peek(reader))); reader->at++) {
        if (is_quoted && peek(reader) == '"') {
            reader->at++;
            is_closed = true;
            break;
        }
        if (is_quoted && peek(reader) == '\\' && reader->at + 1 < reader->text.length)
            reader->at++;
        *is_cut = *is_cut || length == SIGNALING_LINK_TEXT_MAX_BYTES || peek(reader) == '\0';
        if (!*is_cut)
            out[length++] = peek(reader);
    }
    out[length] = '\0';
    return is_closed && (is_quoted || length > 0);
}

/* RFC 8288 section 3.3: several relations may stand there, without case, with spaces between them. */
static bool has_relation(const char *value, const char *wanted) {
    size_t length = strlen(wanted);
    for (const char *word = value, *at = value;; at++) {
        if (*at != ' ' && *at != '\t' && *at != '\0')
            continue;
        if ((size_t)(at - word) == length && signaling_http_begins((struct signaling_text){word, length}, wanted))
            return true;
        if (*at == '\0')
            return false;
        word = at + 1;
    }
}

struct link {
    bool has_rel, is_ice_server, is_unusable;
    struct signaling_link *out;
};

/* RFC 8288 section 3.3, MUST: of several rel the first counts. Parameters that are not known are passed over. */
static void take(struct link *link, struct signaling_text name, const char *value, bool is_cut) {
    char *target = NULL;
    if (name.length == 3 && signaling_http_begins(name, "rel")) {
        link->is_ice_server = link->has_rel ? link->is_ice_server : has_relation(value, "ice-server");
        link->has_rel = true;
    } else if (name.length == 8 && signaling_http_begins(name, "username")) {
        target = link->out->username;
    } else if (name.length == 10 && signaling_http_begins(name, "credential")) {
        target = link->out->credential;
    } else if (name.length == 15 && signaling_http_begins(name, "credential-type")) {
        /* RFC 9725 section 4.6: the default is "password". We know no other. */
        link->is_unusable = link->is_unusable || strcmp(value, "password") != 0;
    }
    if (target != NULL) {
        memcpy(target, value, strlen(value) + 1);
        link->is_unusable = link->is_unusable || is_cut;
    }
}

/* What stands behind "<URI>", up to the comma or the end. */
static bool read_parameters(struct reader *reader, struct link *link) {
    for (skip_spaces(reader); peek(reader) == ';'; skip_spaces(reader)) {
        char value[SIGNALING_LINK_TEXT_MAX_BYTES + 1] = "";
        bool is_cut = false;
        reader->at++;
        skip_spaces(reader);
        struct signaling_text name = {reader->text.bytes + reader->at, 0};
        while (is_token(peek(reader))) {
            reader->at++;
            name.length++;
        }
        skip_spaces(reader);
        if (name.length > 0 && peek(reader) == '=') {
            reader->at++;
            skip_spaces(reader);
            if (!read_value(reader, value, &is_cut))
                return false;
        }
        take(link, name, value, is_cut);
    }
    return reader->at == reader->text.length || peek(reader) == ',';
}

static bool read_link(struct reader *reader, struct link *link) {
    memset(link->out, 0, sizeof *link->out);
    while (peek(reader) == ',' || peek(reader) == ' ' || peek(reader) == '\t') /* RFC 9110 section 5.6.1: empty elements are passed over */
        reader->at++;
    const char *start = reader->text.bytes + reader->at + 1;
    const char *end = peek(reader) == '<' ? memchr(start, '>', reader->text.length - reader->at - 1) : NULL;
    if (end == NULL)
        return false;
    size_t length = (size_t)(end - start);
    reader->at += length + 2;
    link->is_unusable = length == 0 || length > SIGNALING_LINK_TEXT_MAX_BYTES || memchr(start, '\0', length) != NULL;
    if (!link->is_unusable)
        memcpy(link->out->uri, start, length);
    return read_parameters(reader, link);
}

bool signaling_link_next(struct signaling_text value, size_t *at, struct signaling_link *out) {
    struct reader reader = {value, *at};
    struct link link;
    bool is_read;
    do {
        link = (struct link){.out = out};
        is_read = read_link(&reader, &link);
    } while (is_read && (!link.is_ice_server || link.is_unusable));
    *at = reader.at;
    return is_read;
}
