/*
 * STUN and TURN messages as the TURN server of the virtual network reads and writes them: a second reading of RFC 8489 and RFC 8656,
 * which shares no code with stun/ (but the struct of an address), so that a mistake there does not cancel out here. OpenSSL's one-shot
 * HMAC signs and verifies.
 */
#ifndef TEST_SIM_TURN_WIRE_H
#define TEST_SIM_TURN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

#define TURN_WIRE_HEADER_BYTES 20
#define TURN_WIRE_ATTRIBUTE_MAX 32
#define TURN_WIRE_MESSAGE_MAX_BYTES 2048
#define TURN_WIRE_KEY_MAX_BYTES 32

enum turn_wire_class { TURN_REQUEST, TURN_INDICATION, TURN_SUCCESS, TURN_ERROR };
enum turn_wire_method {
    TURN_BINDING = 1,
    TURN_ALLOCATE = 3,
    TURN_REFRESH = 4,
    TURN_SEND = 6,
    TURN_DATA = 7,
    TURN_CREATE_PERMISSION = 8,
    TURN_CHANNEL_BIND = 9
};
#define TURN_METHODS 10

enum turn_wire_attribute {
    TURN_USERNAME = 0x06,
    TURN_INTEGRITY = 0x08,
    TURN_ERROR_CODE = 0x09,
    TURN_UNKNOWN_ATTRIBUTES = 0x0A,
    TURN_CHANNEL_NUMBER = 0x0C,
    TURN_LIFETIME = 0x0D,
    TURN_PEER_ADDRESS = 0x12,
    TURN_DATA_VALUE = 0x13,
    TURN_REALM = 0x14,
    TURN_NONCE = 0x15,
    TURN_RELAYED_ADDRESS = 0x16,
    TURN_REQUESTED_FAMILY = 0x17,
    TURN_REQUESTED_TRANSPORT = 0x19,
    TURN_DONT_FRAGMENT = 0x1A,
    TURN_INTEGRITY_SHA256 = 0x1C,
    TURN_PASSWORD_ALGORITHM = 0x1D,
    TURN_MAPPED_ADDRESS = 0x20, /* XOR-MAPPED-ADDRESS */
    TURN_ADDITIONAL_FAMILY = 0x8000,
    TURN_ADDRESS_ERROR_CODE = 0x8001,
    TURN_PASSWORD_ALGORITHMS = 0x8002,
    TURN_SOFTWARE = 0x8022,
    TURN_ALTERNATE_SERVER = 0x8023,
    TURN_FINGERPRINT = 0x8028
};

struct turn_wire_value {
    uint16_t type;
    size_t offset, length; /* of the type field; of the value */
    const uint8_t *bytes;
};

struct turn_wire_message {
    const uint8_t *bytes;
    size_t length;
    enum turn_wire_class class_;
    unsigned method;
    const uint8_t *id; /* 12 bytes */
    size_t value_count;
    struct turn_wire_value values[TURN_WIRE_ATTRIBUTE_MAX];
};

/* False: not one whole, well-formed message. */
bool turn_wire_read(const uint8_t *bytes, size_t length, struct turn_wire_message *out);

/* The first of that type, NULL: none. What stands behind an integrity attribute does not count, but another one or FINGERPRINT. */
const struct turn_wire_value *turn_wire_find(const struct turn_wire_message *message, uint16_t type);
bool turn_wire_address(const struct turn_wire_message *message, const struct turn_wire_value *value, struct stun_address *out); /* XOR-... */
bool turn_wire_fingerprint_is_good(const struct turn_wire_message *message); /* also when there is none */
bool turn_wire_is_signed(const struct turn_wire_message *message, uint16_t type, const uint8_t *key, size_t key_length);

/* RFC 8489 section 18.5.1: MD5 (1) or SHA-256 (2) of user:realm:password. Returns the length of the key. */
size_t turn_wire_long_term_key(unsigned algorithm, const char *user, const char *realm, const char *password, uint8_t key[TURN_WIRE_KEY_MAX_BYTES]);

struct turn_wire_writer {
    uint8_t bytes[TURN_WIRE_MESSAGE_MAX_BYTES];
    size_t length;
};

void turn_wire_begin(struct turn_wire_writer *writer, enum turn_wire_class class_, unsigned method, const uint8_t id[12]);
void turn_wire_add(struct turn_wire_writer *writer, uint16_t type, const void *value, size_t length);
void turn_wire_add_u32(struct turn_wire_writer *writer, uint16_t type, uint32_t value);
void turn_wire_add_address(struct turn_wire_writer *writer, uint16_t type, const struct stun_address *address, bool is_xored);
void turn_wire_add_error(struct turn_wire_writer *writer, uint16_t code, const char *reason);
void turn_wire_sign(struct turn_wire_writer *writer, uint16_t type, const uint8_t *key, size_t key_length);
void turn_wire_add_fingerprint(struct turn_wire_writer *writer);

#endif
