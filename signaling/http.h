/*
 * HTTP/1.1 (RFC 9110, RFC 9112) as far as a client of WHIP needs it, without a socket: URLs and references to them, one request, one response.
 *
 *     url_parse, url_resolve        where to go
 *     request_write                 what to send; the server closes the connection after its answer
 *     response_read                 after each arrival, with all that has come so far, until it is DONE or BROKEN
 *
 * Nothing here is particular to WHIP.
 */
#ifndef SIGNALING_HTTP_H
#define SIGNALING_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/message.h"

#define SIGNALING_HTTP_URL_MAX_BYTES 2048u     /* of a whole one; also of a reference, and of what is made of both */
#define SIGNALING_HTTP_HOST_MAX_BYTES 253u
#define SIGNALING_HTTP_HEADER_MAX_BYTES 32768u /* of a response: status line and fields; of those that were sent before it (1xx), too */
#define SIGNALING_HTTP_BODY_MAX_BYTES 262144u  /* a description at its own limit */
#define SIGNALING_HTTP_RESPONSE_MAX_BYTES 327680u /* all of it, the framing of chunks included */

/* ---- URLs ----------------------------------------------------------------------------------------------------------- */

struct signaling_http_url {
    bool is_tls;
    uint16_t port;                                     /* 1..65535; 80 or 443 when the URL names none */
    char host[SIGNALING_HTTP_HOST_MAX_BYTES + 1];      /* without brackets */
    char target[SIGNALING_HTTP_URL_MAX_BYTES + 1];     /* path and query, "/" at least; RFC 9112 section 3.2.1 */
};

/*
 * Reads an absolute URL, http: or https:.
 * Returns NULL, or a sentence about what is wrong with it; *out is then all zero. A fragment is left out (RFC 9110 section 7.1); a user name is refused
 * (RFC 9110 section 4.2.4), for it would be a secret in a place where people do not expect one.
 */
const char *signaling_http_url_parse(const char *text, size_t length, struct signaling_http_url *out);

/* RFC 3986 section 5.2: what a reference (of a Location field) means at `base`. The same returns; out may be base. */
const char *signaling_http_url_resolve(const struct signaling_http_url *base, const char *reference, size_t length, struct signaling_http_url *out);

/* The authority as the Host field has it: brackets around an IPv6 address, the port when it is not the scheme's. NUL-terminated; cut if it must be. */
#define SIGNALING_HTTP_AUTHORITY_BYTES (SIGNALING_HTTP_HOST_MAX_BYTES + 9)
void signaling_http_url_authority(const struct signaling_http_url *url, char out[SIGNALING_HTTP_AUTHORITY_BYTES]);

/* ---- requests --------------------------------------------------------------------------------------------------------- */

/* Absent texts are left out. */
struct signaling_http_request {
    const char *method; /* "POST" */
    const struct signaling_http_url *url;
    struct signaling_text accept, content_type, bearer_token, if_match;
    struct signaling_text body; /* absent: none, and no Content-Length unless the method is POST or PATCH */
};

/*
 * buffer, capacity  the caller's; buffer may be NULL when capacity is 0
 * length            written: what is needed, without the NUL, also when it did not fit
 * Returns SIGNALING_OK; BUFFER; ARGUMENT: a field that could not stand in a header (a line end or another control in it).
 */
enum signaling_error signaling_http_request_write(const struct signaling_http_request *request, char *buffer, size_t capacity, size_t *length);

/* ---- responses -------------------------------------------------------------------------------------------------------- */

enum signaling_http_progress { SIGNALING_HTTP_MORE, SIGNALING_HTTP_DONE, SIGNALING_HTTP_BROKEN };

/* Views into the bytes that were read. */
struct signaling_http_response {
    unsigned status; /* 200..599 */
    struct signaling_text reason;
    struct signaling_text fields; /* the lines, each with its end */
    struct signaling_text raw;    /* the body as it came: with the framing of chunks, if is_chunked */
    bool is_chunked;
    size_t body_length; /* decoded */
    const char *problem; /* of a BROKEN one: a sentence */
};

/*
 * bytes    all that has come, from the first byte on; a folded field is unfolded in place (RFC 9112 section 5.2), nothing else is written
 * is_end   the server has closed: what has come is all there is
 * out      written always; complete only when DONE. What follows the response is ignored
 * Responses of status 1xx are passed over (RFC 9110 section 15.2).
 */
enum signaling_http_progress signaling_http_response_read(char *bytes, size_t length, bool is_end, struct signaling_http_response *out);

/* Copies the decoded body: response->body_length bytes. */
void signaling_http_response_body(const struct signaling_http_response *response, char *out);

/* The next field of that name, without spaces around its value; *cursor is 0 at first. False: no more. */
bool signaling_http_response_field(const struct signaling_http_response *response, const char *name, size_t *cursor, struct signaling_text *value);

/* ---- texts ------------------------------------------------------------------------------------------------------------- */

/* RFC 9110 section 8.3.1: a media type is compared without case, and parameters may follow. */
bool signaling_http_is_media_type(struct signaling_text value, const char *type);

/* True when the first strlen(string) bytes are the string, without case; there are at least so many. */
bool signaling_http_begins(struct signaling_text text, const char *string);

#endif
