/* One request out, one response in: RFC 9112. */
#include "signaling/http.h"

#include <string.h>

/* ---- requests ------------------------------------------------------------------------------------------------------------- */

struct writer {
    char *bytes;
    size_t capacity, length; /* length counts on beyond the capacity */
    bool is_refused;
};

static void put(struct writer *writer, const char *bytes, size_t length) {
    if (writer->length < writer->capacity && length > 0) {
        size_t room = writer->capacity - writer->length;
        memcpy(writer->bytes + writer->length, bytes, length < room ? length : room);
    }
    writer->length += length;
}

static void put_string(struct writer *writer, const char *string) {
    put(writer, string, strlen(string));
}

/* RFC 9110 section 5.5: CR, LF and NUL in a field are invalid and dangerous; other controls are as senseless. */
static void put_field(struct writer *writer, const char *name, struct signaling_text value) {
    if (value.bytes == NULL)
        return;
    for (size_t i = 0; i < value.length; i++)
        writer->is_refused = writer->is_refused || (unsigned char)value.bytes[i] < ' ' || value.bytes[i] == 0x7f;
    put_string(writer, name);
    put(writer, value.bytes, value.length);
    put(writer, "\r\n", 2);
}

static void put_length(struct writer *writer, size_t value) {
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put_field(writer, "Content-Length: ", (struct signaling_text){digits + at, sizeof digits - at});
}

enum signaling_error signaling_http_request_write(const struct signaling_http_request *request, char *buffer, size_t capacity, size_t *length) {
    struct writer writer = {.bytes = buffer, .capacity = capacity};
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES];
    signaling_http_url_authority(request->url, authority);
    put_string(&writer, request->method);
    put_string(&writer, " ");
    put_string(&writer, request->url->target);
    /* RFC 9110 section 7.2, MUST: the host, first (SHOULD). RFC 9112 section 9.6: one request, then it is over. */
    put_string(&writer, " HTTP/1.1\r\n");
    put_field(&writer, "Host: ", signaling_text_of(authority));
    put_string(&writer, "Connection: close\r\n");
    put_field(&writer, "Accept: ", request->accept);
    if (request->bearer_token.bytes != NULL)
        put_field(&writer, "Authorization: Bearer ", request->bearer_token);
    put_field(&writer, "If-Match: ", request->if_match);
    put_field(&writer, "Content-Type: ", request->content_type);
    /* RFC 9110 section 8.6, SHOULD: also the length 0, where the method means a body. */
    if (request->body.bytes != NULL || request->method[0] == 'P')
        put_length(&writer, request->body.length);
    put_string(&writer, "\r\n");
    if (request->body.bytes != NULL)
        put(&writer, request->body.bytes, request->body.length);
    *length = writer.length;
    put(&writer, "", 1);
    return writer.is_refused ? SIGNALING_ERROR_ARGUMENT : writer.length <= capacity ? SIGNALING_OK : SIGNALING_ERROR_BUFFER;
}

/* ---- the lines of a response ------------------------------------------------------------------------------------------------ */

/* The line at *at without its end. RFC 9112 section 2.2, MAY: LF alone ends one, too. False: its end has not come. */
static bool next_line(const char *bytes, size_t length, size_t *at, struct signaling_text *line) {
    const char *start = bytes + *at, *end = *at < length ? memchr(start, '\n', length - *at) : NULL;
    if (end == NULL)
        return false;
    *line = (struct signaling_text){start, (size_t)(end - start)};
    *at += line->length + 1;
    if (line->length > 0 && start[line->length - 1] == '\r')
        line->length--;
    return true;
}

static enum signaling_http_progress broken(struct signaling_http_response *out, const char *problem) {
    out->problem = problem;
    return SIGNALING_HTTP_BROKEN;
}

/* RFC 9112 section 4: HTTP-version SP 3DIGIT SP [reason]. The last space is often forgotten. */
static bool read_status_line(struct signaling_text line, struct signaling_http_response *out) {
    if (line.length < 12 || memcmp(line.bytes, "HTTP/1.", 7) != 0 || line.bytes[7] < '0' || line.bytes[7] > '9' || line.bytes[8] != ' ')
        return false;
    out->status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.bytes[i] < '0' || line.bytes[i] > '9')
            return false;
        out->status = out->status * 10 + (unsigned)(line.bytes[i] - '0');
    }
    if (line.length > 12 && line.bytes[12] != ' ')
        return false;
    out->reason = (struct signaling_text){line.bytes + (line.length > 12 ? 13 : 12), line.length > 12 ? line.length - 13 : 0};
    return out->status >= 100 && out->status <= 599;
}

/* RFC 9112 section 5.2, MUST: a fold, which is a line that begins with a space, becomes spaces. */
static void unfold(char *bytes, size_t length) {
    for (size_t i = 0; i + 1 < length; i++) {
        if (bytes[i] != '\n' || (bytes[i + 1] != ' ' && bytes[i + 1] != '\t'))
            continue;
        bytes[i] = ' ';
        if (i > 0 && bytes[i - 1] == '\r')
            bytes[i - 1] = ' ';
    }
}

static struct signaling_text trim(struct signaling_text text) {
    while (text.length > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t')) {
        text.bytes++;
        text.length--;
    }
    while (text.length > 0 && (text.bytes[text.length - 1] == ' ' || text.bytes[text.length - 1] == '\t'))
        text.length--;
    return text;
}

bool signaling_http_response_field(const struct signaling_http_response *response, const char *name, size_t *cursor, struct signaling_text *value) {
    size_t name_length = strlen(name);
    struct signaling_text line;
    while (next_line(response->fields.bytes, response->fields.length, cursor, &line)) {
        if (line.length <= name_length || line.bytes[name_length] != ':' || !signaling_http_begins(line, name))
            continue;
        *value = trim((struct signaling_text){line.bytes + name_length + 1, line.length - name_length - 1});
        return true;
    }
    return false;
}

/* RFC 9110 section 5.5, MUST: a CR or NUL in a field is rejected, or becomes a space. We reject. */
static bool is_value(const char *bytes, size_t length) {
    return length == 0 || (memchr(bytes, '\r', length) == NULL && memchr(bytes, '\0', length) == NULL);
}

/* RFC 9112 section 5.1: name ":" value. What is no such line makes it unclear what the others mean. */
static bool are_fields(struct signaling_text fields) {
    struct signaling_text line;
    for (size_t at = 0; next_line(fields.bytes, fields.length, &at, &line);) {
        size_t colon = 0;
        while (colon < line.length && line.bytes[colon] > ' ' && line.bytes[colon] != ':' && line.bytes[colon] != 0x7f)
            colon++;
        if (colon == 0 || colon == line.length || line.bytes[colon] != ':' || !is_value(line.bytes + colon, line.length - colon))
            return false;
    }
    return true;
}

/* ---- the body -------------------------------------------------------------------------------------------------------------- */

enum chunk { CHUNK_DATA, CHUNK_LAST, CHUNK_MORE, CHUNK_BROKEN };

/* RFC 9112 section 7.1: chunk-size in hexadecimal, then perhaps extensions. False: it is no such line, or more than a body may have. */
static bool read_chunk_size(struct signaling_text line, size_t *size) {
    size_t digits = 0;
    *size = 0;
    for (; digits < line.length; digits++) {
        char digit = line.bytes[digits];
        unsigned value = digit >= '0' && digit <= '9'   ? (unsigned)(digit - '0')
                         : digit >= 'a' && digit <= 'f' ? (unsigned)(digit - 'a' + 10)
                         : digit >= 'A' && digit <= 'F' ? (unsigned)(digit - 'A' + 10)
                                                        : 16;
        if (value == 16)
            break;
        *size = *size * 16 + value;
        if (*size > SIGNALING_HTTP_BODY_MAX_BYTES)
            return false;
    }
    return digits > 0 && (digits == line.length || line.bytes[digits] == ';' || line.bytes[digits] == ' ' || line.bytes[digits] == '\t');
}

/* The chunk at *at; after the last one, the trailers, which say nothing to us, up to the empty line. */
static enum chunk next_chunk(struct signaling_text raw, size_t *at, struct signaling_text *data) {
    struct signaling_text line;
    size_t size;
    if (!next_line(raw.bytes, raw.length, at, &line))
        return CHUNK_MORE;
    if (!read_chunk_size(line, &size))
        return CHUNK_BROKEN;
    if (size == 0) {
        do {
            if (!next_line(raw.bytes, raw.length, at, &line))
                return CHUNK_MORE;
        } while (line.length > 0);
        return CHUNK_LAST;
    }
    if (raw.length - *at < size)
        return CHUNK_MORE;
    *data = (struct signaling_text){raw.bytes + *at, size};
    *at += size;
    if (!next_line(raw.bytes, raw.length, at, &line))
        return raw.length - *at > 1 ? CHUNK_BROKEN : CHUNK_MORE;
    return line.length == 0 ? CHUNK_DATA : CHUNK_BROKEN;
}

static enum signaling_http_progress measure_chunks(struct signaling_http_response *out) {
    struct signaling_text data;
    enum chunk chunk;
    size_t at = 0;
    while ((chunk = next_chunk(out->raw, &at, &data)) == CHUNK_DATA) {
        out->body_length += data.length;
        if (out->body_length > SIGNALING_HTTP_BODY_MAX_BYTES)
            return broken(out, "its body is too long");
    }
    if (chunk == CHUNK_BROKEN)
        return broken(out, "the chunks of its body are broken");
    out->raw.length = at;
    return chunk == CHUNK_LAST ? SIGNALING_HTTP_DONE : SIGNALING_HTTP_MORE;
}

void signaling_http_response_body(const struct signaling_http_response *response, char *out) {
    struct signaling_text data = {response->raw.bytes, response->body_length};
    size_t at = 0;
    if (!response->is_chunked) {
        if (data.length > 0)
            memcpy(out, data.bytes, data.length);
        return;
    }
    while (next_chunk(response->raw, &at, &data) == CHUNK_DATA) {
        memcpy(out, data.bytes, data.length);
        out += data.length;
    }
}

/* RFC 9110 section 8.6: digits. RFC 9112 section 6.3: several that differ are an error, and so is what is no number. */
static bool read_content_length(const struct signaling_http_response *response, bool *is_there, size_t *length) {
    struct signaling_text value;
    *is_there = false;
    for (size_t cursor = 0; signaling_http_response_field(response, "content-length", &cursor, &value);) {
        size_t number = 0;
        for (size_t i = 0; i < value.length; i++) {
            if (value.bytes[i] < '0' || value.bytes[i] > '9')
                return false;
            if (number <= SIGNALING_HTTP_BODY_MAX_BYTES)
                number = number * 10 + (size_t)(value.bytes[i] - '0');
        }
        if (value.length == 0 || (*is_there && number != *length))
            return false;
        *is_there = true;
        *length = number;
    }
    return true;
}

/* RFC 9112 section 6.3: how long the body is. */
static enum signaling_http_progress read_body(bool is_end, struct signaling_http_response *out) {
    struct signaling_text coding, another;
    size_t cursor = 0, length = 0;
    bool has_length;
    if (out->status == 204 || out->status == 304) {
        out->raw.length = 0;
        return SIGNALING_HTTP_DONE;
    }
    if (!read_content_length(out, &has_length, &length))
        return broken(out, "it does not say clearly how long it is");
    if (signaling_http_response_field(out, "transfer-encoding", &cursor, &coding)) {
        /* Both at once is how one response is made to look like two; a coding besides chunked was not asked for. */
        if (has_length || coding.length != 7 || !signaling_http_begins(coding, "chunked") || signaling_http_response_field(out, "transfer-encoding", &cursor, &another))
            return broken(out, "it has a transfer coding that nobody asked for");
        out->is_chunked = true;
        return measure_chunks(out);
    }
    if ((has_length ? length : out->raw.length) > SIGNALING_HTTP_BODY_MAX_BYTES)
        return broken(out, "its body is too long");
    if (has_length && out->raw.length < length)
        return SIGNALING_HTTP_MORE;
    if (has_length)
        out->raw.length = length;
    out->body_length = out->raw.length;
    return has_length || is_end ? SIGNALING_HTTP_DONE : SIGNALING_HTTP_MORE;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------- */

/* Behind the empty line that ends the header at *at; false: it has not come. */
static bool find_header_end(const char *bytes, size_t length, size_t *at) {
    struct signaling_text line;
    while (next_line(bytes, length, at, &line)) {
        if (line.length == 0)
            return true;
    }
    return false;
}

static enum signaling_http_progress read_header(char *bytes, size_t length, size_t *at, struct signaling_http_response *out) {
    struct signaling_text line;
    size_t end = *at, fields;
    if (!find_header_end(bytes, length, &end))
        return length > SIGNALING_HTTP_HEADER_MAX_BYTES ? broken(out, "its header is too long") : SIGNALING_HTTP_MORE;
    if (end > SIGNALING_HTTP_HEADER_MAX_BYTES)
        return broken(out, "its header is too long");
    fields = *at;
    if (!next_line(bytes, length, &fields, &line) || !read_status_line(line, out))
        return broken(out, "it does not begin as HTTP/1.1 does");
    size_t empty = end > 1 && bytes[end - 2] == '\r' ? 2 : 1; /* the line that ends it */
    if (end - empty > fields)
        unfold(bytes + fields, end - empty - fields);
    out->fields = (struct signaling_text){bytes + fields, end - empty > fields ? end - empty - fields : 0};
    if (!are_fields(out->fields))
        return broken(out, "there is a line in its header that is no field");
    *at = end;
    return SIGNALING_HTTP_DONE;
}

enum signaling_http_progress signaling_http_response_read(char *bytes, size_t length, bool is_end, struct signaling_http_response *out) {
    enum signaling_http_progress progress = SIGNALING_HTTP_DONE;
    size_t at = 0;
    memset(out, 0, sizeof *out);
    do
        progress = read_header(bytes, length, &at, out);
    while (progress == SIGNALING_HTTP_DONE && out->status < 200 && out->status != 101);
    if (progress == SIGNALING_HTTP_DONE && out->status == 101)
        return broken(out, "it speaks another protocol from here on, which nobody asked for");
    if (progress == SIGNALING_HTTP_DONE) {
        out->raw = (struct signaling_text){bytes + at, length - at};
        progress = read_body(is_end, out);
    }
    if (progress != SIGNALING_HTTP_MORE)
        return progress;
    if (is_end)
        return broken(out, length == 0 ? "the server closed the connection without a word" : "the server closed the connection in the middle of it");
    return length >= SIGNALING_HTTP_RESPONSE_MAX_BYTES ? broken(out, "it is too long") : SIGNALING_HTTP_MORE;
}
