/*
 * Reading STUN messages, RFC 8489 sections 5, 6.3 and 14. The header's picture stands in stun/message.h; an attribute is
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |             Type              |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                 Value (variable), padded to 4 bytes        ....
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * stun_message_parse checks the framing of every attribute once. All other functions walk the same bytes again, which
 * for the handful of attributes of a real message is cheaper than any table, and needs no capacity.
 */
#include "stun/message.h"

#include <string.h>

#include "stun/bytes_internal.h"

/* ---- framing ------------------------------------------------------------------------------------------------------ */

bool stun_message_is_stun(const uint8_t *bytes, size_t length) {
    if (length < STUN_HEADER_BYTES)
        return false;
    /* RFC 8489 section 5, MUST: the two most significant bits of every STUN message are zero. */
    if ((bytes[0] & 0xC0) != 0)
        return false;
    if (stun_load_u32(bytes + 4) != STUN_MAGIC_COOKIE)
        return false;
    /* RFC 8489 section 5: attributes are padded to 4 bytes, so the last two bits of the length tell STUN from others. */
    size_t body = stun_load_u16(bytes + 2);
    return body % 4 == 0 && body <= length - STUN_HEADER_BYTES;
}

/* Reads the attribute at `offset`, or returns false when it does not end within `length`. */
static bool read_attribute(const uint8_t *bytes, size_t length, size_t offset, struct stun_attribute *out) {
    if (offset > length || length - offset < STUN_ATTRIBUTE_HEADER_BYTES)
        return false;
    uint16_t value_length = stun_load_u16(bytes + offset + 2);
    if (stun_padded(value_length) > length - offset - STUN_ATTRIBUTE_HEADER_BYTES)
        return false;
    out->type = stun_load_u16(bytes + offset);
    out->length = value_length;
    out->offset = offset;
    out->value = bytes + offset + STUN_ATTRIBUTE_HEADER_BYTES;
    return true;
}

static size_t end_of(const struct stun_attribute *attribute) {
    return attribute->offset + STUN_ATTRIBUTE_HEADER_BYTES + stun_padded(attribute->length);
}

/* Notes where the attributes that close a message stand, the first of each kind only. */
static void note_closing_attribute(struct stun_message *message, const struct stun_attribute *attribute) {
    switch (attribute->type) {
    case STUN_ATTRIBUTE_MESSAGE_INTEGRITY:
        /* Behind MESSAGE-INTEGRITY-SHA256 it is not covered by what came before, see is_believed. */
        if (message->integrity_offset == 0 && message->integrity_sha256_offset == 0)
            message->integrity_offset = attribute->offset;
        break;
    case STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256:
        if (message->integrity_sha256_offset == 0)
            message->integrity_sha256_offset = attribute->offset;
        break;
    case STUN_ATTRIBUTE_FINGERPRINT:
        message->fingerprint_offset = attribute->offset;
        break;
    default:
        break;
    }
}

/*
 * Message type, RFC 8489 section 5, figure 3: the class bits C1 and C0 stand between the bits of the method.
 *
 *    13 12 11 10  9  8  7  6  5  4  3  2  1  0
 *    M  M  M  M  M  C  M  M  M  C  M  M  M  M
 *    11 10 9  8  7  1  6  5  4  0  3  2  1  0
 */
static void read_type(uint16_t type, struct stun_message *out) {
    out->class_ = (enum stun_class)((type >> 7 & 2) | (type >> 4 & 1));
    out->method = (uint16_t)((type >> 2 & 0xF80) | (type >> 1 & 0x70) | (type & 0xF));
}

int stun_message_parse(const uint8_t *bytes, size_t length, struct stun_message *out) {
    if (!stun_message_is_stun(bytes, length))
        return STUN_ERROR_NOT_STUN;
    if (stun_load_u16(bytes + 2) != length - STUN_HEADER_BYTES)
        return STUN_ERROR_MALFORMED;

    struct stun_message message = {.bytes = bytes, .length = length, .transaction_id = bytes + 8};
    read_type(stun_load_u16(bytes), &message);
    for (size_t offset = STUN_HEADER_BYTES; offset < length;) {
        /* RFC 8489 section 14.7, MUST: FINGERPRINT is the last attribute. */
        if (message.fingerprint_offset != 0)
            return STUN_ERROR_MALFORMED;
        struct stun_attribute attribute;
        if (!read_attribute(bytes, length, offset, &attribute))
            return STUN_ERROR_MALFORMED;
        note_closing_attribute(&message, &attribute);
        offset = end_of(&attribute);
    }
    *out = message;
    return STUN_OK;
}

/* ---- walking ------------------------------------------------------------------------------------------------------ */

/* May the attribute at `offset` be shown? */
static bool is_believed(const struct stun_message *message, size_t offset) {
    if (offset == message->fingerprint_offset || offset == message->integrity_sha256_offset)
        return true;
    /* RFC 5389 section 15.4, MUST: what follows MESSAGE-INTEGRITY is ignored, but for FINGERPRINT; RFC 8489 section 14.7
     * adds that MESSAGE-INTEGRITY-SHA256 may follow it. No MAC covers anything else there. */
    if (message->integrity_offset != 0 && offset > message->integrity_offset)
        return false;
    /* By the same reasoning, behind MESSAGE-INTEGRITY-SHA256 only FINGERPRINT counts (RFC 8489 has no words for it). */
    return message->integrity_sha256_offset == 0 || offset < message->integrity_sha256_offset;
}

bool stun_message_next(const struct stun_message *message, struct stun_attribute *attribute) {
    size_t offset = attribute->offset == 0 ? STUN_HEADER_BYTES : end_of(attribute);
    struct stun_attribute next;
    while (read_attribute(message->bytes, message->length, offset, &next)) {
        if (is_believed(message, offset)) {
            *attribute = next;
            return true;
        }
        offset = end_of(&next);
    }
    return false;
}

bool stun_message_find(const struct stun_message *message, uint16_t type, struct stun_attribute *out) {
    /* RFC 8489 section 14: of several attributes of one type, the first is taken. */
    struct stun_attribute attribute = {0};
    while (stun_message_next(message, &attribute)) {
        if (attribute.type == type) {
            *out = attribute;
            return true;
        }
    }
    return false;
}

static bool contains(const uint16_t *types, size_t count, uint16_t type) {
    for (size_t i = 0; i < count; i++)
        if (types[i] == type)
            return true;
    return false;
}

size_t stun_message_unknown_required(const struct stun_message *message, const uint16_t *known, size_t known_count,
                                     uint16_t *unknown, size_t capacity) {
    static const uint16_t basics[] = {
        STUN_ATTRIBUTE_MAPPED_ADDRESS,     STUN_ATTRIBUTE_USERNAME,           STUN_ATTRIBUTE_MESSAGE_INTEGRITY,
        STUN_ATTRIBUTE_ERROR_CODE,         STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, STUN_ATTRIBUTE_REALM,
        STUN_ATTRIBUTE_NONCE,              STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256,
        STUN_ATTRIBUTE_PASSWORD_ALGORITHM, STUN_ATTRIBUTE_USERHASH,           STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
    };
    size_t stored = 0;
    struct stun_attribute attribute = {0};
    while (stored < capacity && stun_message_next(message, &attribute)) {
        /* RFC 8489 section 14: types below 0x8000 are comprehension-required. */
        if (attribute.type >= 0x8000 || contains(basics, sizeof basics / sizeof basics[0], attribute.type) ||
            contains(known, known_count, attribute.type) || contains(unknown, stored, attribute.type))
            continue;
        unknown[stored++] = attribute.type;
    }
    return stored;
}

/* ---- typed reads -------------------------------------------------------------------------------------------------- */

/*
 * RFC 8489 section 14.3, MUST: a USERNAME of up to 763 bytes is understood, though a shorter limit holds for writing it.
 * RFC 8489 sections 14.9, 14.10 and 14.14: REALM, NONCE and SOFTWARE, when decoded, have 763 bytes at most.
 */
static bool is_text(uint16_t type) {
    return type == STUN_ATTRIBUTE_USERNAME || type == STUN_ATTRIBUTE_REALM || type == STUN_ATTRIBUTE_NONCE ||
           type == STUN_ATTRIBUTE_SOFTWARE;
}

int stun_message_read_bytes(const struct stun_message *message, uint16_t type, const uint8_t **value, size_t *length) {
    struct stun_attribute attribute;
    if (!stun_message_find(message, type, &attribute))
        return STUN_ERROR_NOT_FOUND;
    if (is_text(type) && attribute.length > STUN_TEXT_MAX_BYTES)
        return STUN_ERROR_MALFORMED;
    *value = attribute.value;
    *length = attribute.length;
    return STUN_OK;
}

/* Finds an attribute whose value must have one exact length. */
static int read_fixed(const struct stun_message *message, uint16_t type, uint16_t length, struct stun_attribute *out) {
    if (!stun_message_find(message, type, out))
        return STUN_ERROR_NOT_FOUND;
    return out->length == length ? STUN_OK : STUN_ERROR_MALFORMED;
}

int stun_message_read_u32(const struct stun_message *message, uint16_t type, uint32_t *out) {
    struct stun_attribute attribute;
    int error = read_fixed(message, type, 4, &attribute);
    if (error == STUN_OK)
        *out = stun_load_u32(attribute.value);
    return error;
}

int stun_message_read_u64(const struct stun_message *message, uint16_t type, uint64_t *out) {
    struct stun_attribute attribute;
    int error = read_fixed(message, type, 8, &attribute);
    if (error == STUN_OK)
        *out = stun_load_u64(attribute.value);
    return error;
}

/*
 * RFC 8489 section 14.1: one reserved octet, the family, the port, the address.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |0 0 0 0 0 0 0 0|    Family     |             Port              |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |             Address (32 bits or 128 bits)                  ....
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
static int decode_address(const struct stun_attribute *attribute, struct stun_address *out) {
    if (attribute->length < 4)
        return STUN_ERROR_MALFORMED;
    /* RFC 8489 section 14.1, MUST: the first octet is ignored. */
    struct stun_address address = {.family = attribute->value[1], .port = stun_load_u16(attribute->value + 2)};
    size_t ip_bytes = stun_address_ip_bytes(&address);
    if (ip_bytes == 0 || attribute->length != 4 + ip_bytes)
        return STUN_ERROR_MALFORMED;
    memcpy(address.ip, attribute->value + 4, ip_bytes);
    *out = address;
    return STUN_OK;
}

int stun_message_read_address(const struct stun_message *message, uint16_t type, struct stun_address *out) {
    struct stun_attribute attribute;
    return stun_message_find(message, type, &attribute) ? decode_address(&attribute, out) : STUN_ERROR_NOT_FOUND;
}

int stun_attribute_read_xor_address(const struct stun_message *message, const struct stun_attribute *attribute, struct stun_address *out) {
    int error = decode_address(attribute, out);
    if (error != STUN_OK)
        return error;
    /* RFC 8489 section 14.2: the port is XORed with the cookie's upper half, the address with cookie and transaction id,
     * which stand one behind the other in the header. */
    out->port ^= (uint16_t)(STUN_MAGIC_COOKIE >> 16);
    for (size_t i = 0; i < stun_address_ip_bytes(out); i++)
        out->ip[i] ^= message->bytes[4 + i];
    return STUN_OK;
}

int stun_message_read_xor_address(const struct stun_message *message, uint16_t type, struct stun_address *out) {
    struct stun_attribute attribute;
    return stun_message_find(message, type, &attribute) ? stun_attribute_read_xor_address(message, &attribute, out) : STUN_ERROR_NOT_FOUND;
}

/*
 * RFC 8489 section 14.8.
 *
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |           Reserved, should be 0         |Class|     Number    |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |      Reason Phrase (variable)                                ..
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
int stun_message_read_error_code(const struct stun_message *message, uint16_t *code, const uint8_t **reason, size_t *reason_length) {
    struct stun_attribute attribute;
    if (!stun_message_find(message, STUN_ATTRIBUTE_ERROR_CODE, &attribute))
        return STUN_ERROR_NOT_FOUND;
    if (attribute.length < 4 || attribute.length - 4 > STUN_TEXT_MAX_BYTES)
        return STUN_ERROR_MALFORMED;
    unsigned hundreds = attribute.value[2] & 7u;
    unsigned number = attribute.value[3];
    /* RFC 8489 section 14.8, MUST: the class is 3 to 6 and the number 0 to 99. */
    if (hundreds < 3 || hundreds > 6 || number > 99)
        return STUN_ERROR_MALFORMED;
    *code = (uint16_t)(hundreds * 100 + number);
    *reason = attribute.value + 4;
    *reason_length = (size_t)attribute.length - 4;
    return STUN_OK;
}
