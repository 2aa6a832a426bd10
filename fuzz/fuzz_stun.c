/* links: stun */
/*
 * Any bytes: parse, walk, read everything in every type, check every protection; then write the message again from what
 * was read, and find the same attributes in it; then protect it with a key of ours, and verify that.
 */
#include <string.h>

#include "stun/integrity.h"
#include "stun/message.h"

/* Holds with -DNDEBUG too. */
#define MUST(condition)     \
    do {                    \
        if (!(condition))   \
            __builtin_trap(); \
    } while (0)

static struct stun_key *key;
static uint8_t rewritten[STUN_MESSAGE_MAX_BYTES + 128];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    key = stun_key_new_short_term((const uint8_t *)"password", 8);
    MUST(key != NULL);
    return 0;
}

static void touch(const uint8_t *bytes, size_t length) {
    volatile uint8_t sink = 0;
    for (size_t i = 0; i < length; i++)
        sink = (uint8_t)(sink ^ bytes[i]);
}

/* An address survives being written and read again. */
static void rewrite_address(const struct stun_message *message, const struct stun_address *address) {
    uint8_t bytes[64];
    struct stun_writer writer;
    struct stun_message again;
    struct stun_address read;
    stun_writer_begin(&writer, bytes, sizeof bytes, message->class_, message->method, message->transaction_id);
    stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, address);
    int length = stun_writer_finish(&writer);
    MUST(length > 0 && stun_message_parse(bytes, (size_t)length, &again) == STUN_OK);
    MUST(stun_message_read_xor_address(&again, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &read) == STUN_OK);
    MUST(stun_address_equal(&read, address));
}

static void read_every_way(const struct stun_message *message, uint16_t type) {
    const uint8_t *value;
    size_t length;
    uint32_t u32;
    uint64_t u64;
    struct stun_address address;
    struct stun_attribute attribute;
    MUST(stun_message_find(message, type, &attribute));
    if (stun_message_read_bytes(message, type, &value, &length) == STUN_OK)
        MUST(value == attribute.value && length == attribute.length);
    if (stun_message_read_u32(message, type, &u32) == STUN_OK)
        MUST(attribute.length == 4);
    if (stun_message_read_u64(message, type, &u64) == STUN_OK)
        MUST(attribute.length == 8);
    if (stun_message_read_address(message, type, &address) == STUN_OK)
        rewrite_address(message, &address);
    if (stun_message_read_xor_address(message, type, &address) == STUN_OK)
        rewrite_address(message, &address);
    if (type == STUN_ATTRIBUTE_NONCE) {
        uint32_t features;
        if (stun_nonce_security_features(attribute.value, attribute.length, &features))
            MUST(features <= 0xFFFFFF);
    }
}

static void read_error_code(const struct stun_message *message) {
    uint16_t code;
    const uint8_t *reason;
    size_t length;
    if (stun_message_read_error_code(message, &code, &reason, &length) != STUN_OK)
        return;
    MUST(code >= 300 && code <= 699 && length <= STUN_TEXT_MAX_BYTES);
    touch(reason, length);
}

static void check_unknown(const struct stun_message *message) {
    static const uint16_t known[] = {STUN_ATTRIBUTE_PRIORITY, STUN_ATTRIBUTE_USE_CANDIDATE};
    uint16_t unknown[4];
    size_t count = stun_message_unknown_required(message, known, 2, unknown, 4);
    MUST(count <= 4);
    for (size_t i = 0; i < count; i++) {
        struct stun_attribute attribute;
        MUST(unknown[i] < 0x8000 && stun_message_find(message, unknown[i], &attribute));
        for (size_t k = 0; k < i; k++)
            MUST(unknown[i] != unknown[k]);
    }
}

/* Copies what is shown; the closing attributes only when `closed`. False when a text is longer than we write. */
static bool copy_attributes(const struct stun_message *message, struct stun_writer *writer, bool closed) {
    stun_writer_begin(writer, rewritten, sizeof rewritten, message->class_, message->method, message->transaction_id);
    struct stun_attribute attribute = {0};
    while (stun_message_next(message, &attribute)) {
        bool closing = attribute.offset == message->integrity_offset || attribute.offset == message->integrity_sha256_offset ||
                       attribute.offset == message->fingerprint_offset;
        if (closed || !closing)
            stun_writer_add_bytes(writer, attribute.type, attribute.value, attribute.length);
    }
    MUST(stun_writer_finish(writer) > 0 || stun_writer_finish(writer) == STUN_ERROR_ARGUMENT);
    return stun_writer_finish(writer) > 0;
}

static void rewrite(const struct stun_message *message) {
    struct stun_writer writer;
    struct stun_message again;
    if (!copy_attributes(message, &writer, true))
        return;
    MUST(writer.length <= message->length);
    MUST(stun_message_parse(rewritten, writer.length, &again) == STUN_OK);
    MUST(again.class_ == message->class_ && again.method == message->method);
    struct stun_attribute before = {0};
    struct stun_attribute after = {0};
    while (stun_message_next(message, &before)) {
        MUST(stun_message_next(&again, &after));
        MUST(before.type == after.type && before.length == after.length);
        MUST(memcmp(before.value, after.value, before.length) == 0);
    }
    MUST(!stun_message_next(&again, &after));
}

static void protect(const struct stun_message *message) {
    struct stun_writer writer;
    struct stun_message again;
    if (!copy_attributes(message, &writer, false))
        return;
    stun_writer_add_integrity(&writer, key);
    stun_writer_add_integrity_sha256(&writer, key);
    stun_writer_add_fingerprint(&writer);
    int length = stun_writer_finish(&writer);
    if (length == STUN_ERROR_BUFFER)
        return;
    MUST(length > 0 && stun_message_parse(rewritten, (size_t)length, &again) == STUN_OK);
    MUST(stun_message_check_integrity(&again, key) == STUN_OK);
    MUST(stun_message_check_integrity_sha256(&again, key) == STUN_OK);
    MUST(stun_message_check_fingerprint(&again) == STUN_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct stun_message message;
    int error = stun_message_parse(data, size, &message);
    MUST(error == STUN_OK || error == STUN_ERROR_MALFORMED || error == STUN_ERROR_NOT_STUN);
    MUST(stun_message_is_stun(data, size) == (error != STUN_ERROR_NOT_STUN));
    if (error != STUN_OK)
        return 0;
    struct stun_attribute attribute = {0};
    size_t end = STUN_HEADER_BYTES;
    unsigned walked = 0;
    while (stun_message_next(&message, &attribute)) {
        MUST(attribute.offset >= end && attribute.offset % 4 == 0);
        end = attribute.offset + 4 + attribute.length;
        MUST(end <= size && attribute.value == data + attribute.offset + 4);
        touch(attribute.value, attribute.length);
        if (walked++ < 64) /* each read walks again */
            read_every_way(&message, attribute.type);
    }
    read_error_code(&message);
    check_unknown(&message);
    stun_message_check_integrity(&message, key);
    stun_message_check_integrity_sha256(&message, key);
    stun_message_check_fingerprint(&message);
    rewrite(&message);
    protect(&message);
    return 0;
}
