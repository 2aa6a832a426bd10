#include "dtls/record_internal.h"

#define VERSION_DTLS_1_0 0xFEFFu
#define VERSION_DTLS_1_2 0xFEFDu

static size_t read_24(const uint8_t *bytes) {
    return (size_t)bytes[0] << 16 | (size_t)bytes[1] << 8 | bytes[2];
}

static uint16_t read_16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

bool dtls_record_next(const uint8_t *bytes, size_t length, size_t *at, struct dtls_record *out) {
    if (length - *at < DTLS_RECORD_HEADER_BYTES) {
        return false;
    }
    const uint8_t *header = bytes + *at;
    uint16_t version = read_16(header + 1);
    size_t fragment_length = read_16(header + 11);
    /* RFC 6347 section 4.1: a first ClientHello may still carry version 1.0 in its record header. */
    if ((version != VERSION_DTLS_1_0 && version != VERSION_DTLS_1_2) || header[0] < DTLS_CONTENT_CHANGE_CIPHER_SPEC ||
        header[0] > DTLS_CONTENT_APPLICATION_DATA) {
        return false;
    }
    if (fragment_length > length - *at - DTLS_RECORD_HEADER_BYTES || fragment_length > DTLS_RECORD_FRAGMENT_MAX_BYTES) {
        return false;
    }
    *out = (struct dtls_record){
        .type = header[0],
        .epoch = read_16(header + 3),
        .bytes = header,
        .length = DTLS_RECORD_HEADER_BYTES + fragment_length,
        .fragment = header + DTLS_RECORD_HEADER_BYTES,
        .fragment_length = fragment_length,
    };
    *at += out->length;
    return true;
}

bool dtls_handshake_fragment_next(const struct dtls_record *record, size_t *at, struct dtls_handshake_fragment *out) {
    size_t left = record->fragment_length - *at;
    if (left < DTLS_HANDSHAKE_HEADER_BYTES) {
        return false;
    }
    const uint8_t *header = record->fragment + *at;
    struct dtls_handshake_fragment parsed = {
        .type = header[0],
        .sequence = read_16(header + 4),
        .message_length = read_24(header + 1),
        .offset = read_24(header + 6),
        .body = header + DTLS_HANDSHAKE_HEADER_BYTES,
        .length = read_24(header + 9),
    };
    if (parsed.length > left - DTLS_HANDSHAKE_HEADER_BYTES || parsed.offset > parsed.message_length ||
        parsed.length > parsed.message_length - parsed.offset) {
        return false;
    }
    /* An empty fragment of a message that is not empty makes no progress for anybody. */
    if (parsed.length == 0 && parsed.message_length > 0) {
        return false;
    }
    *out = parsed;
    *at += DTLS_HANDSHAKE_HEADER_BYTES + parsed.length;
    return true;
}

/* RFC 5246 section 7.3: who sends what before ChangeCipherSpec. HelloRequest, tickets and OCSP staples are not part of our handshake. */
static bool type_plausible(uint8_t type, bool from_client) {
    switch (type) {
    case DTLS_HANDSHAKE_CERTIFICATE:
        return true;
    case DTLS_HANDSHAKE_CLIENT_HELLO:
    case DTLS_HANDSHAKE_CERTIFICATE_VERIFY:
    case DTLS_HANDSHAKE_CLIENT_KEY_EXCHANGE:
        return from_client;
    case DTLS_HANDSHAKE_SERVER_HELLO:
    case DTLS_HANDSHAKE_HELLO_VERIFY_REQUEST:
    case DTLS_HANDSHAKE_SERVER_KEY_EXCHANGE:
    case DTLS_HANDSHAKE_CERTIFICATE_REQUEST:
    case DTLS_HANDSHAKE_SERVER_HELLO_DONE:
        return !from_client;
    default:
        return false;
    }
}

bool dtls_record_handshake_plausible(const struct dtls_record *record, bool from_client) {
    struct dtls_handshake_fragment fragment;
    size_t at = 0;
    size_t count = 0;
    while (dtls_handshake_fragment_next(record, &at, &fragment)) {
        if (!type_plausible(fragment.type, from_client) || fragment.message_length > DTLS_HANDSHAKE_MESSAGE_MAX_BYTES ||
            fragment.sequence > DTLS_HANDSHAKE_SEQUENCE_MAX) {
            return false;
        }
        count++;
    }
    return count > 0 && at == record->fragment_length;
}
