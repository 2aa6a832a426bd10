#include "test/sim/turn_wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

static const uint8_t cookie[4] = {0x21, 0x12, 0xA4, 0x42};

static unsigned get16(const uint8_t *bytes) {
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static void put16(uint8_t *bytes, unsigned value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

/* RFC 8489 section 5: M11..M7 C1 M6..M4 C0 M3..M0 */
static void split_type(unsigned type, struct turn_wire_message *out) {
    out->method = (type & 0x000F) | (type & 0x00E0) >> 1 | (type & 0x3E00) >> 2;
    out->class_ = (enum turn_wire_class)((type & 0x0010) >> 4 | (type & 0x0100) >> 7);
}

bool turn_wire_read(const uint8_t *bytes, size_t length, struct turn_wire_message *out) {
    if (length < TURN_WIRE_HEADER_BYTES || (bytes[0] & 0xC0) != 0 || memcmp(bytes + 4, cookie, 4) != 0 ||
        get16(bytes + 2) % 4 != 0 || get16(bytes + 2) + TURN_WIRE_HEADER_BYTES != length)
        return false;
    *out = (struct turn_wire_message){.bytes = bytes, .length = length, .id = bytes + 8};
    split_type(get16(bytes), out);
    for (size_t at = TURN_WIRE_HEADER_BYTES; at < length;) {
        if (length - at < 4 || out->value_count == TURN_WIRE_ATTRIBUTE_MAX)
            return false;
        size_t value_length = get16(bytes + at + 2), padded = (value_length + 3) / 4 * 4;
        if (padded > length - at - 4)
            return false;
        out->values[out->value_count++] =
            (struct turn_wire_value){.type = (uint16_t)get16(bytes + at), .offset = at, .length = value_length, .bytes = bytes + at + 4};
        at += 4 + padded;
    }
    return true;
}

const struct turn_wire_value *turn_wire_find(const struct turn_wire_message *message, uint16_t type) {
    bool is_behind = false;
    for (size_t i = 0; i < message->value_count; i++) {
        const struct turn_wire_value *value = &message->values[i];
        bool is_closing = value->type == TURN_INTEGRITY || value->type == TURN_INTEGRITY_SHA256 || value->type == TURN_FINGERPRINT;
        if (value->type == type && (is_closing || !is_behind))
            return value;
        is_behind = is_behind || is_closing;
    }
    return NULL;
}

/* RFC 8489 section 14.2: the port with the first half of the cookie, the address with cookie and transaction id. */
static void toggle(const uint8_t *id, uint16_t *port, uint8_t *ip, size_t ip_bytes) {
    uint8_t mask[16];
    memcpy(mask, cookie, 4);
    memcpy(mask + 4, id, 12);
    *port ^= 0x2112;
    for (size_t i = 0; i < ip_bytes; i++)
        ip[i] ^= mask[i];
}

bool turn_wire_address(const struct turn_wire_message *message, const struct turn_wire_value *value, struct stun_address *out) {
    *out = (struct stun_address){0};
    if (!value || value->length < 4 || !((value->bytes[1] == 1 && value->length == 8) || (value->bytes[1] == 2 && value->length == 20)))
        return false;
    out->family = value->bytes[1];
    out->port = (uint16_t)get16(value->bytes + 2);
    memcpy(out->ip, value->bytes + 4, value->length - 4);
    toggle(message->id, &out->port, out->ip, value->length - 4);
    return true;
}

/* RFC 8489 section 14.7: CRC-32 of ITU V.42, bit by bit. */
static uint32_t fingerprint(const uint8_t *bytes, size_t length) {
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc ^ 0x5354554Eu;
}

bool turn_wire_fingerprint_is_good(const struct turn_wire_message *message) {
    const struct turn_wire_value *value = turn_wire_find(message, TURN_FINGERPRINT);
    if (!value)
        return true;
    uint32_t expected = fingerprint(message->bytes, value->offset);
    return value->length == 4 && value->offset + 8 == message->length && get16(value->bytes) == expected >> 16 &&
           get16(value->bytes + 2) == (expected & 0xFFFF);
}

/* RFC 8489 sections 14.5 and 14.6: over the message up to the attribute, its length field saying that it ends behind the attribute. */
static size_t mac_of(const uint8_t *bytes, size_t offset, uint16_t type, const uint8_t *key, size_t key_length, uint8_t mac[EVP_MAX_MD_SIZE]) {
    uint8_t text[TURN_WIRE_MESSAGE_MAX_BYTES];
    unsigned mac_length = 0;
    if (offset > sizeof text)
        return 0;
    memcpy(text, bytes, offset);
    put16(text + 2, (unsigned)(offset + 4 + (type == TURN_INTEGRITY ? 20 : 32) - TURN_WIRE_HEADER_BYTES));
    HMAC(type == TURN_INTEGRITY ? EVP_sha1() : EVP_sha256(), key, (int)key_length, text, offset, mac, &mac_length);
    return mac_length;
}

bool turn_wire_is_signed(const struct turn_wire_message *message, uint16_t type, const uint8_t *key, size_t key_length) {
    const struct turn_wire_value *value = turn_wire_find(message, type);
    uint8_t mac[EVP_MAX_MD_SIZE];
    if (!value)
        return false;
    size_t length = mac_of(message->bytes, value->offset, type, key, key_length, mac);
    return length > 0 && value->length == length && memcmp(value->bytes, mac, length) == 0;
}

size_t turn_wire_long_term_key(unsigned algorithm, const char *user, const char *realm, const char *password, uint8_t key[TURN_WIRE_KEY_MAX_BYTES]) {
    char text[2048];
    int length = snprintf(text, sizeof text, "%s:%s:%s", user, realm, password);
    unsigned key_length = 0;
    assert(length > 0 && (size_t)length < sizeof text);
    if (EVP_Digest(text, (size_t)length, key, &key_length, algorithm == 2 ? EVP_sha256() : EVP_md5(), NULL) != 1)
        return 0;
    return key_length;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------ */

void turn_wire_begin(struct turn_wire_writer *writer, enum turn_wire_class class_, unsigned method, const uint8_t id[12]) {
    unsigned c = (unsigned)class_;
    put16(writer->bytes, (method & 0xF) | (method & 0x70) << 1 | (method & 0xF80) << 2 | (c & 1) << 4 | (c & 2) << 7);
    put16(writer->bytes + 2, 0);
    memcpy(writer->bytes + 4, cookie, 4);
    memcpy(writer->bytes + 8, id, 12);
    writer->length = TURN_WIRE_HEADER_BYTES;
}

void turn_wire_add(struct turn_wire_writer *writer, uint16_t type, const void *value, size_t length) {
    size_t padded = (length + 3) / 4 * 4;
    assert(padded + 4 <= sizeof writer->bytes - writer->length);
    uint8_t *at = writer->bytes + writer->length;
    put16(at, type);
    put16(at + 2, (unsigned)length);
    memset(at + 4, 0, padded);
    if (length > 0)
        memcpy(at + 4, value, length);
    writer->length += 4 + padded;
    put16(writer->bytes + 2, (unsigned)(writer->length - TURN_WIRE_HEADER_BYTES));
}

void turn_wire_add_u32(struct turn_wire_writer *writer, uint16_t type, uint32_t value) {
    uint8_t bytes[4];
    put16(bytes, value >> 16);
    put16(bytes + 2, value & 0xFFFF);
    turn_wire_add(writer, type, bytes, sizeof bytes);
}

void turn_wire_add_address(struct turn_wire_writer *writer, uint16_t type, const struct stun_address *address, bool is_xored) {
    size_t ip_bytes = address->family == STUN_ADDRESS_IPV4 ? 4 : 16;
    uint8_t value[20] = {0, address->family}, ip[16];
    uint16_t port = address->port;
    memcpy(ip, address->ip, sizeof ip);
    if (is_xored)
        toggle(writer->bytes + 8, &port, ip, ip_bytes);
    put16(value + 2, port);
    memcpy(value + 4, ip, ip_bytes);
    turn_wire_add(writer, type, value, 4 + ip_bytes);
}

void turn_wire_add_error(struct turn_wire_writer *writer, uint16_t code, const char *reason) {
    uint8_t value[4 + 128] = {0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100)};
    size_t length = strlen(reason);
    assert(length <= 128);
    memcpy(value + 4, reason, length);
    turn_wire_add(writer, TURN_ERROR_CODE, value, 4 + length);
}

void turn_wire_sign(struct turn_wire_writer *writer, uint16_t type, const uint8_t *key, size_t key_length) {
    uint8_t mac[EVP_MAX_MD_SIZE];
    size_t length = mac_of(writer->bytes, writer->length, type, key, key_length, mac);
    turn_wire_add(writer, type, mac, length);
}

void turn_wire_add_fingerprint(struct turn_wire_writer *writer) {
    size_t offset = writer->length;
    turn_wire_add_u32(writer, TURN_FINGERPRINT, 0);
    uint32_t value = fingerprint(writer->bytes, offset);
    put16(writer->bytes + offset + 4, value >> 16);
    put16(writer->bytes + offset + 6, value & 0xFFFF);
}
