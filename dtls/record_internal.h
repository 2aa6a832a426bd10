/*
 * The DTLS record layer, as far as one can read it without keys (RFC 6347 section 4.1), and the handshake fragments in
 * its plaintext (section 4.2.2). A guard in front of OpenSSL: what cannot be right never reaches it.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |  ContentType  |            version            |   epoch ..    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   .. epoch    |       sequence number (48 bits) ..            |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |          .. sequence number                   |   length ..   |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |   .. length   |  fragment ..
 *   +-+-+-+-+-+-+-+-+-+-+-
 *
 *   Handshake fragment:  msg_type(1) length(3) message_seq(2) fragment_offset(3) fragment_length(3) body
 */
#ifndef DTLS_RECORD_INTERNAL_H
#define DTLS_RECORD_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DTLS_RECORD_HEADER_BYTES 13
#define DTLS_HANDSHAKE_HEADER_BYTES 12

/* RFC 6347 section 4.1.1 by way of RFC 5246 section 6.2.3: 2^14 and at most 2,048 of expansion. */
#define DTLS_RECORD_FRAGMENT_MAX_BYTES (16384 + 2048)

/* Longest handshake message whose reassembly we allow. A browser's post-quantum ClientHello has 1,400 bytes, a long certificate 4,000. */
#define DTLS_HANDSHAKE_MESSAGE_MAX_BYTES 8192

/* A handshake without HelloVerifyRequest has message_seq 0..6 on either side; with one, 7. */
#define DTLS_HANDSHAKE_SEQUENCE_MAX 10

enum dtls_content_type {
    DTLS_CONTENT_CHANGE_CIPHER_SPEC = 20,
    DTLS_CONTENT_ALERT = 21,
    DTLS_CONTENT_HANDSHAKE = 22,
    DTLS_CONTENT_APPLICATION_DATA = 23
};

enum dtls_handshake_type {
    DTLS_HANDSHAKE_CLIENT_HELLO = 1,
    DTLS_HANDSHAKE_SERVER_HELLO = 2,
    DTLS_HANDSHAKE_HELLO_VERIFY_REQUEST = 3,
    DTLS_HANDSHAKE_CERTIFICATE = 11,
    DTLS_HANDSHAKE_SERVER_KEY_EXCHANGE = 12,
    DTLS_HANDSHAKE_CERTIFICATE_REQUEST = 13,
    DTLS_HANDSHAKE_SERVER_HELLO_DONE = 14,
    DTLS_HANDSHAKE_CERTIFICATE_VERIFY = 15,
    DTLS_HANDSHAKE_CLIENT_KEY_EXCHANGE = 16
};

/* Views into the datagram. `bytes` is the whole record, header included. */
struct dtls_record {
    uint8_t type;
    uint16_t epoch;
    const uint8_t *bytes;
    size_t length;
    const uint8_t *fragment;
    size_t fragment_length;
};

struct dtls_handshake_fragment {
    uint8_t type;
    uint16_t sequence;
    size_t message_length;
    size_t offset;
    const uint8_t *body;
    size_t length;
};

/*
 * Walks the records of a datagram; start with *at = 0. Returns false at the end, and at the first record that does not fit
 * or is not of DTLS 1.0 or 1.2: then *at is less than `length`.
 */
bool dtls_record_next(const uint8_t *bytes, size_t length, size_t *at, struct dtls_record *out);

/* Walks the handshake fragments of a plaintext handshake record in the same way. */
bool dtls_handshake_fragment_next(const struct dtls_record *record, size_t *at, struct dtls_handshake_fragment *out);

/*
 * Is every handshake fragment of this plaintext record well-formed, within our limits, and of a type that the other side
 * may send? from_client: the sender is the client.
 */
bool dtls_record_handshake_plausible(const struct dtls_record *record, bool from_client);

#endif
