/* Writing messages of Multicast DNS: a name is written once, and pointed to after that (RFC 6762 section 18.14). */
#include "app/net/mdns_message.h"

#include <string.h>

#define HEADER_BYTES 12
#define CLASS_IN 1
#define TOP_BIT 0x8000
#define FLAGS_RESPONSE 0x8400 /* a response, authoritative: RFC 6762 section 18.2, 18.4 */
#define LEGACY_TTL_MAX_S 10

struct writer {
    uint8_t *buffer;
    size_t capacity, length;
    bool overflow;
};

static void put(struct writer *writer, const void *bytes, size_t length) {
    if (writer->overflow || writer->capacity - writer->length < length) {
        writer->overflow = true;
        return;
    }
    memcpy(writer->buffer + writer->length, bytes, length);
    writer->length += length;
}

static void put_16(struct writer *writer, unsigned value) {
    put(writer, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void put_32(struct writer *writer, uint32_t value) {
    put_16(writer, value >> 16);
    put_16(writer, value & 0xffff);
}

static void put_header(struct writer *writer, uint16_t id, unsigned flags, unsigned questions, unsigned answers) {
    put_16(writer, id);
    put_16(writer, flags);
    put_16(writer, questions);
    put_16(writer, answers);
    put_16(writer, 0);
    put_16(writer, 0);
}

/* False: labels of 1..63 bytes are all that a name may have. */
static bool put_name(struct writer *writer, const char *name) {
    size_t total = strnlen(name, MDNS_NAME_MAX_BYTES + 1);
    if (total == 0 || total > MDNS_NAME_MAX_BYTES)
        return false;
    for (const char *label = name;; label++) {
        size_t length = strcspn(label, ".");
        if (length == 0 || length > 63)
            return false;
        put(writer, &(uint8_t){(uint8_t)length}, 1);
        put(writer, label, length);
        label += length;
        if (*label == '\0')
            break;
    }
    put(writer, &(uint8_t){0}, 1);
    return true;
}

/* The first name of the message, right behind the header. */
static void put_first_name_again(struct writer *writer) {
    put_16(writer, 0xc000 | HEADER_BYTES);
}

static int finish(const struct writer *writer) {
    return writer->overflow ? MDNS_ERROR_BUFFER : (int)writer->length;
}

int mdns_write_query(uint16_t id, const char *name, bool unicast_response, uint8_t *buffer, size_t capacity) {
    struct writer writer = {.buffer = buffer, .capacity = capacity};
    unsigned class = CLASS_IN | (unicast_response ? TOP_BIT : 0);
    put_header(&writer, id, 0, 2, 0);
    if (!put_name(&writer, name))
        return MDNS_ERROR_ARGUMENT;
    put_16(&writer, MDNS_TYPE_A);
    put_16(&writer, class);
    put_first_name_again(&writer);
    put_16(&writer, MDNS_TYPE_AAAA);
    put_16(&writer, class);
    return finish(&writer);
}

static void put_record_head(struct writer *writer, unsigned type, uint32_t ttl_s, bool legacy, size_t data_bytes) {
    put_16(writer, type);
    /* RFC 6762 section 10.2: these are all the addresses the name has; section 6.7, MUST NOT: a one-shot query is not told so. */
    put_16(writer, CLASS_IN | (legacy ? 0 : TOP_BIT));
    put_32(writer, legacy && ttl_s > LEGACY_TTL_MAX_S ? LEGACY_TTL_MAX_S : ttl_s);
    put_16(writer, (unsigned)data_bytes);
}

/* RFC 6762 section 6.1: the name has records of this type and no other; "next name" is the name itself, and the types are a bitmap. */
static void put_no_other(struct writer *writer, unsigned type, uint32_t ttl_s, bool legacy) {
    uint8_t bitmap[6] = {0, (uint8_t)(type / 8 + 1)};
    bitmap[2 + type / 8] = (uint8_t)(0x80u >> type % 8);
    size_t bitmap_bytes = 2u + type / 8 + 1;
    put_record_head(writer, MDNS_TYPE_NSEC, ttl_s, legacy, 2 + bitmap_bytes);
    put_first_name_again(writer);
    put(writer, bitmap, bitmap_bytes);
}

int mdns_write_response(const char *name, const struct stun_address *address, unsigned say, uint32_t ttl_s, const struct mdns_legacy *legacy,
                        uint8_t *buffer, size_t capacity) {
    struct writer writer = {.buffer = buffer, .capacity = capacity};
    unsigned type = address->family == STUN_ADDRESS_IPV6 ? MDNS_TYPE_AAAA : MDNS_TYPE_A;
    unsigned answers = (say & MDNS_SAY_ADDRESS ? 1u : 0u) + (say & MDNS_SAY_NO_OTHER ? 1u : 0u);
    size_t ip_bytes = stun_address_ip_bytes(address);
    if (ip_bytes == 0 || answers == 0)
        return MDNS_ERROR_ARGUMENT;
    put_header(&writer, legacy != NULL ? legacy->id : 0, FLAGS_RESPONSE, legacy != NULL, answers);
    if (!put_name(&writer, name))
        return MDNS_ERROR_ARGUMENT;
    if (legacy != NULL) {
        put_16(&writer, legacy->type);
        put_16(&writer, CLASS_IN);
        put_first_name_again(&writer);
    }
    if ((say & MDNS_SAY_ADDRESS) != 0) {
        put_record_head(&writer, type, ttl_s, legacy != NULL, ip_bytes);
        put(&writer, address->ip, ip_bytes);
        if ((say & MDNS_SAY_NO_OTHER) != 0)
            put_first_name_again(&writer);
    }
    if ((say & MDNS_SAY_NO_OTHER) != 0)
        put_no_other(&writer, type, ttl_s, legacy != NULL);
    return finish(&writer);
}
