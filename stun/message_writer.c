/*
 * Writing STUN messages, RFC 8489 sections 5, 6.1 and 14. Every attribute goes through stun_writer_append, the only place
 * that knows about room, order, padding and the length field.
 */
#include "stun/message.h"

#include <string.h>

#include "stun/bytes_internal.h"
#include "stun/message_writer_internal.h"

/* The length field has 16 bits and counts whole words. */
#define BODY_MAX_BYTES ((size_t)(STUN_MESSAGE_MAX_BYTES - STUN_HEADER_BYTES))

void stun_writer_fail(struct stun_writer *writer, int error) {
    if (writer->error == STUN_OK)
        writer->error = error;
}

/* The inverse of read_type in message.c, where the picture is. */
static uint16_t message_type(enum stun_class class_, uint16_t method) {
    unsigned class_bits = (unsigned)class_;
    return (uint16_t)((method & 0xF80u) << 2 | (method & 0x70u) << 1 | (method & 0xFu) | (class_bits & 2) << 7 | (class_bits & 1) << 4);
}

void stun_writer_begin(struct stun_writer *writer, uint8_t *bytes, size_t capacity, enum stun_class class_, uint16_t method,
                       const uint8_t transaction_id[STUN_TRANSACTION_ID_BYTES]) {
    *writer = (struct stun_writer){.bytes = bytes, .capacity = capacity};
    if ((unsigned)class_ > STUN_CLASS_ERROR_RESPONSE || method > 0xFFF)
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
    else if (capacity < STUN_HEADER_BYTES)
        stun_writer_fail(writer, STUN_ERROR_BUFFER);
    if (writer->error != STUN_OK)
        return;
    stun_store_u16(bytes, message_type(class_, method));
    stun_store_u16(bytes + 2, 0);
    stun_store_u32(bytes + 4, STUN_MAGIC_COOKIE);
    memcpy(bytes + 8, transaction_id, STUN_TRANSACTION_ID_BYTES);
    writer->length = STUN_HEADER_BYTES;
}

/* Where an attribute stands in the order of a message: anything, then these three, each at most once. */
static enum stun_writer_stage stage_of(uint16_t type) {
    switch (type) {
    case STUN_ATTRIBUTE_MESSAGE_INTEGRITY:
        return STUN_WRITER_INTEGRITY;
    case STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256:
        return STUN_WRITER_INTEGRITY_SHA256;
    case STUN_ATTRIBUTE_FINGERPRINT:
        return STUN_WRITER_FINGERPRINT;
    default:
        return STUN_WRITER_OPEN;
    }
}

uint8_t *stun_writer_append(struct stun_writer *writer, uint16_t type, size_t length) {
    if (writer->error != STUN_OK)
        return NULL;
    /* RFC 8489 section 14.7 gives the order; a receiver ignores what stands behind the integrity attributes, and rejects
     * what stands behind FINGERPRINT; writing it is a mistake. */
    enum stun_writer_stage stage = stage_of(type);
    bool in_order = stage > writer->stage || writer->stage == STUN_WRITER_OPEN;
    if (!in_order || length > BODY_MAX_BYTES) {
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
        return NULL;
    }
    size_t padded = stun_padded(length);
    size_t needed = STUN_ATTRIBUTE_HEADER_BYTES + padded;
    if (needed > writer->capacity - writer->length || needed > STUN_MESSAGE_MAX_BYTES - writer->length) {
        stun_writer_fail(writer, STUN_ERROR_BUFFER);
        return NULL;
    }
    uint8_t *attribute = writer->bytes + writer->length;
    uint8_t *value = attribute + STUN_ATTRIBUTE_HEADER_BYTES;
    stun_store_u16(attribute, type);
    stun_store_u16(attribute + 2, (uint16_t)length);
    /* RFC 8489 section 14, MUST: padding bits are zero. (Left unwritten, they would leak memory of ours.) */
    memset(value + length, 0, padded - length);
    writer->length += needed;
    writer->stage = stage;
    stun_store_u16(writer->bytes + 2, (uint16_t)(writer->length - STUN_HEADER_BYTES));
    return value;
}

/* What we write is held to the RFC; what we read (message.c) is taken more generously. */
static size_t limit_of(uint16_t type) {
    switch (type) {
    case STUN_ATTRIBUTE_USERNAME:
        /* RFC 8489 section 14.3 says fewer than 509 bytes, yet RFC 8839 section 5.4 lets each ufrag have 256
         * characters, and RFC 8445 section 7.2.2 joins two by a colon. */
        return STUN_USERNAME_MAX_BYTES;
    case STUN_ATTRIBUTE_REALM:
    case STUN_ATTRIBUTE_NONCE:
    case STUN_ATTRIBUTE_SOFTWARE:
        /* RFC 8489 sections 14.9, 14.10 and 14.14: 509 bytes when encoding, 763 when decoding. The larger holds here,
         * for a client sends the server's REALM and NONCE back as they came. */
        return STUN_TEXT_MAX_BYTES;
    default:
        return BODY_MAX_BYTES;
    }
}

void stun_writer_add_bytes(struct stun_writer *writer, uint16_t type, const uint8_t *value, size_t length) {
    if (length > limit_of(type)) {
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
        return;
    }
    uint8_t *out = stun_writer_append(writer, type, length);
    if (out != NULL && length > 0)
        memcpy(out, value, length);
}

void stun_writer_add_in_place(struct stun_writer *writer, uint16_t type, size_t length) {
    if (length > limit_of(type))
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
    else
        stun_writer_append(writer, type, length);
}

void stun_writer_add_flag(struct stun_writer *writer, uint16_t type) {
    stun_writer_append(writer, type, 0);
}

void stun_writer_add_u32(struct stun_writer *writer, uint16_t type, uint32_t value) {
    uint8_t *out = stun_writer_append(writer, type, 4);
    if (out != NULL)
        stun_store_u32(out, value);
}

void stun_writer_add_u64(struct stun_writer *writer, uint16_t type, uint64_t value) {
    uint8_t *out = stun_writer_append(writer, type, 8);
    if (out != NULL)
        stun_store_u64(out, value);
}

void stun_writer_add_address(struct stun_writer *writer, uint16_t type, const struct stun_address *address) {
    size_t ip_bytes = stun_address_ip_bytes(address);
    if (ip_bytes == 0) {
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
        return;
    }
    uint8_t *out = stun_writer_append(writer, type, 4 + ip_bytes);
    if (out == NULL)
        return;
    out[0] = 0;
    out[1] = address->family;
    stun_store_u16(out + 2, address->port);
    memcpy(out + 4, address->ip, ip_bytes);
}

void stun_writer_add_xor_address(struct stun_writer *writer, uint16_t type, const struct stun_address *address) {
    if (writer->error != STUN_OK)
        return;
    /* RFC 8489 section 14.2: port and address are hidden from NATs that rewrite whatever looks like an address. */
    struct stun_address masked = *address;
    masked.port ^= (uint16_t)(STUN_MAGIC_COOKIE >> 16);
    for (size_t i = 0; i < stun_address_ip_bytes(address); i++)
        masked.ip[i] ^= writer->bytes[4 + i];
    stun_writer_add_address(writer, type, &masked);
}

void stun_writer_add_error_code(struct stun_writer *writer, uint16_t code, const char *reason) {
    size_t reason_length = strlen(reason);
    /* RFC 8489 section 14.8, MUST: code 300 to 699, reason of fewer than 128 characters. */
    if (code < 300 || code > 699 || reason_length > STUN_TEXT_MAX_BYTES) {
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
        return;
    }
    uint8_t *out = stun_writer_append(writer, STUN_ATTRIBUTE_ERROR_CODE, 4 + reason_length);
    if (out == NULL)
        return;
    stun_store_u16(out, 0);
    out[2] = (uint8_t)(code / 100);
    out[3] = (uint8_t)(code % 100);
    memcpy(out + 4, reason, reason_length);
}

void stun_writer_add_unknown_attributes(struct stun_writer *writer, const uint16_t *types, size_t count) {
    if (count > BODY_MAX_BYTES / 2) {
        stun_writer_fail(writer, STUN_ERROR_ARGUMENT);
        return;
    }
    /* RFC 8489 section 14.13: a list of 16-bit types. (RFC 3489 wanted an even number of them; padding does now.) */
    uint8_t *out = stun_writer_append(writer, STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, 2 * count);
    for (size_t i = 0; out != NULL && i < count; i++)
        stun_store_u16(out + 2 * i, types[i]);
}

int stun_writer_finish(const struct stun_writer *writer) {
    return writer->error != STUN_OK ? writer->error : (int)writer->length;
}
