/*
 * STUN messages: parse and write (RFC 8489 sections 5, 6 and 14), with the attributes of ICE (RFC 8445 section 16.1)
 * and TURN (RFC 8656 section 18).
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |0 0|     STUN Message Type     |         Message Length        |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                         Magic Cookie                          |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                     Transaction ID (96 bits)                  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * A message is parsed once into a struct of views: nothing is copied or allocated, and everything points into the
 * caller's bytes, which must outlive it. Parsing checks the shape only. Who sent it is what stun/integrity.h proves:
 * check integrity before you act on anything in a message.
 */
#ifndef STUN_MESSAGE_H
#define STUN_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

/*
 * What can go wrong, in three tiers.
 *   peer    (the bytes are broken; drop them, nothing else changed)   MALFORMED, NOT_STUN, INTEGRITY, NOT_FOUND
 *   caller  (nothing changed; call again, corrected)                  ARGUMENT, BUFFER
 *   fatal   (libcrypto failed; give up what you were doing)           CRYPTO
 */
enum stun_error {
    STUN_OK = 0,
    STUN_ERROR_NOT_STUN = -1,  /* the first two bits, the cookie or the length say: another protocol */
    STUN_ERROR_MALFORMED = -2, /* an attribute runs past the end, or a value has an impossible length */
    STUN_ERROR_INTEGRITY = -3, /* the MAC or the CRC does not match, or is missing where it was asked for */
    STUN_ERROR_NOT_FOUND = -4, /* the message has no such attribute */
    STUN_ERROR_ARGUMENT = -5,  /* a value out of the range this header gives */
    STUN_ERROR_BUFFER = -6,    /* the message would not fit the capacity, or 65,535 bytes */
    STUN_ERROR_CRYPTO = -7     /* libcrypto is out of memory or lacks the algorithm */
};

#define STUN_HEADER_BYTES 20
#define STUN_TRANSACTION_ID_BYTES 12
#define STUN_MAGIC_COOKIE 0x2112A442u
#define STUN_MESSAGE_MAX_BYTES (STUN_HEADER_BYTES + 65532)

/* RFC 8489 section 5. The values are the two class bits C1 C0. */
enum stun_class {
    STUN_CLASS_REQUEST = 0,
    STUN_CLASS_INDICATION = 1,
    STUN_CLASS_SUCCESS_RESPONSE = 2,
    STUN_CLASS_ERROR_RESPONSE = 3
};

/* RFC 8489 section 18.2 and RFC 8656 section 17. Range of a method: 0..0xFFF. */
enum stun_method {
    STUN_METHOD_BINDING = 0x001,
    STUN_METHOD_ALLOCATE = 0x003,
    STUN_METHOD_REFRESH = 0x004,
    STUN_METHOD_SEND = 0x006,
    STUN_METHOD_DATA = 0x007,
    STUN_METHOD_CREATE_PERMISSION = 0x008,
    STUN_METHOD_CHANNEL_BIND = 0x009
};

/* RFC 8489 section 18.3, RFC 8445 section 20.1, RFC 8656 section 18, RFC 5780 section 7. Below 0x8000: comprehension-required. */
enum stun_attribute_type {
    STUN_ATTRIBUTE_MAPPED_ADDRESS = 0x0001,
    STUN_ATTRIBUTE_CHANGE_REQUEST = 0x0003,
    STUN_ATTRIBUTE_USERNAME = 0x0006,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY = 0x0008,
    STUN_ATTRIBUTE_ERROR_CODE = 0x0009,
    STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES = 0x000A,
    STUN_ATTRIBUTE_CHANNEL_NUMBER = 0x000C,
    STUN_ATTRIBUTE_LIFETIME = 0x000D,
    STUN_ATTRIBUTE_XOR_PEER_ADDRESS = 0x0012,
    STUN_ATTRIBUTE_DATA = 0x0013,
    STUN_ATTRIBUTE_REALM = 0x0014,
    STUN_ATTRIBUTE_NONCE = 0x0015,
    STUN_ATTRIBUTE_XOR_RELAYED_ADDRESS = 0x0016,
    STUN_ATTRIBUTE_REQUESTED_ADDRESS_FAMILY = 0x0017,
    STUN_ATTRIBUTE_EVEN_PORT = 0x0018,
    STUN_ATTRIBUTE_REQUESTED_TRANSPORT = 0x0019,
    STUN_ATTRIBUTE_DONT_FRAGMENT = 0x001A,
    STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256 = 0x001C,
    STUN_ATTRIBUTE_PASSWORD_ALGORITHM = 0x001D,
    STUN_ATTRIBUTE_USERHASH = 0x001E,
    STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS = 0x0020,
    STUN_ATTRIBUTE_RESERVATION_TOKEN = 0x0022,
    STUN_ATTRIBUTE_PRIORITY = 0x0024,
    STUN_ATTRIBUTE_USE_CANDIDATE = 0x0025,
    STUN_ATTRIBUTE_ADDITIONAL_ADDRESS_FAMILY = 0x8000,
    STUN_ATTRIBUTE_ADDRESS_ERROR_CODE = 0x8001,
    STUN_ATTRIBUTE_PASSWORD_ALGORITHMS = 0x8002,
    STUN_ATTRIBUTE_ALTERNATE_DOMAIN = 0x8003,
    STUN_ATTRIBUTE_ICMP = 0x8004,
    STUN_ATTRIBUTE_SOFTWARE = 0x8022,
    STUN_ATTRIBUTE_ALTERNATE_SERVER = 0x8023,
    STUN_ATTRIBUTE_FINGERPRINT = 0x8028,
    STUN_ATTRIBUTE_ICE_CONTROLLED = 0x8029,
    STUN_ATTRIBUTE_ICE_CONTROLLING = 0x802A,
    STUN_ATTRIBUTE_RESPONSE_ORIGIN = 0x802B,
    STUN_ATTRIBUTE_OTHER_ADDRESS = 0x802C
};

/* Error codes of RFC 8489 section 14.8, RFC 8445 section 7.3.1.1 and RFC 8656 section 19. Range of a code: 300..699. */
enum stun_error_code {
    STUN_CODE_TRY_ALTERNATE = 300,
    STUN_CODE_BAD_REQUEST = 400,
    STUN_CODE_UNAUTHENTICATED = 401,
    STUN_CODE_FORBIDDEN = 403,
    STUN_CODE_UNKNOWN_ATTRIBUTE = 420,
    STUN_CODE_ALLOCATION_MISMATCH = 437,
    STUN_CODE_STALE_NONCE = 438,
    STUN_CODE_ADDRESS_FAMILY_NOT_SUPPORTED = 440,
    STUN_CODE_WRONG_CREDENTIALS = 441,
    STUN_CODE_UNSUPPORTED_TRANSPORT = 442,
    STUN_CODE_PEER_ADDRESS_FAMILY_MISMATCH = 443,
    STUN_CODE_ALLOCATION_QUOTA_REACHED = 486,
    STUN_CODE_ROLE_CONFLICT = 487,
    STUN_CODE_SERVER_ERROR = 500,
    STUN_CODE_INSUFFICIENT_CAPACITY = 508
};

/* One attribute: views into the message. `value` is `length` bytes, padding not counted; `offset` is that of its type field. */
struct stun_attribute {
    uint16_t type;
    uint16_t length;
    size_t offset;
    const uint8_t *value;
};

/* A parsed message: views into the bytes given to stun_message_parse, valid as long as those are. */
struct stun_message {
    const uint8_t *bytes;
    size_t length; /* header included */
    enum stun_class class_;
    uint16_t method;
    const uint8_t *transaction_id; /* STUN_TRANSACTION_ID_BYTES */
    /* Offsets of the type fields of these attributes, or 0 when absent. What stands behind them is not believed:
     * stun_message_find and stun_message_next do not show it (RFC 5389 section 15.4, RFC 8489 section 14.7). */
    size_t integrity_offset;
    size_t integrity_sha256_offset;
    size_t fingerprint_offset;
};

/* Quick look: could these bytes be STUN? First two bits zero, cookie, length a multiple of 4 and within `length`. */
bool stun_message_is_stun(const uint8_t *bytes, size_t length);

/*
 * Parses exactly one message that fills `length` bytes.
 * bytes    any bytes, read only, never beyond `length`; referenced by *out
 * out      written on success only
 * Returns STUN_OK; STUN_ERROR_NOT_STUN (another protocol: give it to the next demultiplexer); STUN_ERROR_MALFORMED (drop).
 */
int stun_message_parse(const uint8_t *bytes, size_t length, struct stun_message *out);

/*
 * Walks the attributes in order. Start with *attribute = (struct stun_attribute){0}. MESSAGE-INTEGRITY,
 * MESSAGE-INTEGRITY-SHA256 and FINGERPRINT are shown; others behind an integrity attribute are skipped.
 * Returns false at the end.
 */
bool stun_message_next(const struct stun_message *message, struct stun_attribute *attribute);

/* The first attribute of that type, among those that stun_message_next shows (RFC 8489 section 14: later duplicates are ignored). False when there is none. */
bool stun_message_find(const struct stun_message *message, uint16_t type, struct stun_attribute *out);

/*
 * Lists comprehension-required attributes that are not in `known` and not of RFC 8489 itself (section 6.3.1): a request that
 * has any deserves a 420, a response that has any is dropped. Each type is listed once, in the order of the message.
 * known      the types the caller understands, `known_count` of them (may be NULL with 0)
 * unknown    receives at most `capacity` types
 * Returns how many were stored.
 */
size_t stun_message_unknown_required(const struct stun_message *message, const uint16_t *known, size_t known_count,
                                     uint16_t *unknown, size_t capacity);

/*
 * Typed reads. Each returns STUN_OK and fills *out, STUN_ERROR_NOT_FOUND (absent), or STUN_ERROR_MALFORMED (present,
 * but its length or content is impossible); *out is untouched on failure.
 */
int stun_message_read_bytes(const struct stun_message *message, uint16_t type, const uint8_t **value, size_t *length);
int stun_message_read_u32(const struct stun_message *message, uint16_t type, uint32_t *out);
int stun_message_read_u64(const struct stun_message *message, uint16_t type, uint64_t *out);
int stun_message_read_address(const struct stun_message *message, uint16_t type, struct stun_address *out);     /* MAPPED-ADDRESS, ALTERNATE-SERVER */
int stun_message_read_xor_address(const struct stun_message *message, uint16_t type, struct stun_address *out); /* XOR-* */

/* The same for one attribute that stun_message_next has shown: of XOR-RELAYED-ADDRESS there may be two (RFC 8656 section 7.2). */
int stun_attribute_read_xor_address(const struct stun_message *message, const struct stun_attribute *attribute, struct stun_address *out);

/* ERROR-CODE: code 300..699; reason is a view of `reason_length` bytes of UTF-8, not NUL-terminated. */
int stun_message_read_error_code(const struct stun_message *message, uint16_t *code, const uint8_t **reason, size_t *reason_length);

/*
 * How far a message has come. The last three stages are attributes that stand at the end, in this order, each at most
 * once and each optional; adding anything out of order is STUN_ERROR_ARGUMENT (RFC 8489 section 14.7).
 */
enum stun_writer_stage {
    STUN_WRITER_OPEN,
    STUN_WRITER_INTEGRITY,
    STUN_WRITER_INTEGRITY_SHA256,
    STUN_WRITER_FINGERPRINT
};

/*
 * A writer over the caller's buffer. Begin, add attributes, optionally integrity and fingerprint, finish.
 * The first failure sticks: later calls do nothing, and stun_writer_finish reports it. Padding bytes are zero.
 */
struct stun_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t length;
    int error;
    enum stun_writer_stage stage;
};

/* Starts a message. transaction_id is copied (STUN_TRANSACTION_ID_BYTES). capacity below STUN_HEADER_BYTES: STUN_ERROR_BUFFER. */
void stun_writer_begin(struct stun_writer *writer, uint8_t *bytes, size_t capacity, enum stun_class class_, uint16_t method,
                       const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES]);

/* Adds attributes. Values of 0..65,532 bytes; text limits (RFC 8489 section 14) are checked: USERNAME at most
 * STUN_USERNAME_MAX_BYTES, REALM, NONCE, SOFTWARE and the reason at most 763 bytes, else STUN_ERROR_ARGUMENT. */
#define STUN_USERNAME_MAX_BYTES 513
#define STUN_TEXT_MAX_BYTES 763
void stun_writer_add_bytes(struct stun_writer *writer, uint16_t type, const uint8_t *value, size_t length);
/* The value stands already where it belongs: behind the writer's next four bytes. Saves a copy of what a TURN client relays. */
void stun_writer_add_in_place(struct stun_writer *writer, uint16_t type, size_t length);
void stun_writer_add_flag(struct stun_writer *writer, uint16_t type); /* zero-length: USE-CANDIDATE, DONT-FRAGMENT */
void stun_writer_add_u32(struct stun_writer *writer, uint16_t type, uint32_t value);
void stun_writer_add_u64(struct stun_writer *writer, uint16_t type, uint64_t value);
void stun_writer_add_address(struct stun_writer *writer, uint16_t type, const struct stun_address *address);
void stun_writer_add_xor_address(struct stun_writer *writer, uint16_t type, const struct stun_address *address);
void stun_writer_add_error_code(struct stun_writer *writer, uint16_t code, const char *reason); /* reason may be "" */
void stun_writer_add_unknown_attributes(struct stun_writer *writer, const uint16_t *types, size_t count);

/*
 * Returns the length of the message (> 0), or the first error (< 0): STUN_ERROR_BUFFER, STUN_ERROR_ARGUMENT, STUN_ERROR_CRYPTO.
 * Integrity and fingerprint are added before this by stun/integrity.h.
 */
int stun_writer_finish(const struct stun_writer *writer);

#endif
