/* Reading messages of Multicast DNS. The one loop that could be endless, following pointers in names, only ever goes back, and counts. */
#include "app/net/mdns_message.h"

#include <string.h>

#define HEADER_BYTES 12
#define CLASS_IN 1
#define CLASS_ANY 255
#define CLASS_MASK 0x7fff
#define TOP_BIT 0x8000
#define NAME_WIRE_MAX_BYTES 255 /* RFC 1035 section 2.3.4 */

static uint16_t read_16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static uint32_t read_32(const uint8_t *bytes) {
    return (uint32_t)read_16(bytes) << 16 | read_16(bytes + 2);
}

static int wrong(struct mdns_problem *problem, size_t offset, const char *rule) {
    if (problem != NULL)
        *problem = (struct mdns_problem){.offset = offset, .rule = rule};
    return MDNS_ERROR_MALFORMED;
}

/* ---- names ------------------------------------------------------------------------------------------------------------- */

/* The characters of names of hosts, in lower case; '\0' for all others. RFC 6762 section 16: ASCII letters match in either case. */
static char host_character(uint8_t byte) {
    if (byte >= 'A' && byte <= 'Z')
        return (char)(byte - 'A' + 'a');
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ? (char)byte : '\0';
}

/* A name that is being put together as text. */
struct text {
    char *out; /* MDNS_NAME_MAX_BYTES + 1, or NULL: only look */
    size_t length;
    bool foreign;
};

static void add_label(struct text *text, const uint8_t *label, size_t length) {
    if (text->out == NULL)
        return;
    if (text->length > 0)
        text->out[text->length++] = '.';
    for (size_t i = 0; i < length; i++) {
        char character = host_character(label[i]);
        text->foreign = text->foreign || character == '\0';
        text->out[text->length++] = character;
    }
}

/*
 * Reads the name at *offset and moves *offset behind it.
 * out  NULL, or room for MDNS_NAME_MAX_BYTES + 1
 */
static int read_name(const uint8_t *bytes, size_t length, size_t *offset, char *out, struct mdns_problem *problem) {
    struct text text = {.out = out};
    size_t at = *offset, segment = at, wire = 1, pointers = 0;
    for (;;) {
        if (at >= length)
            return wrong(problem, at, "RFC 1035 section 3.1: a name ends with a length of 0");
        uint8_t head = bytes[at];
        if ((head & 0xc0) == 0xc0) {
            if (length - at < 2)
                return wrong(problem, at, "RFC 1035 section 4.1.4: a pointer has two bytes");
            size_t target = (size_t)(head & 0x3f) << 8 | bytes[at + 1];
            /* Strictly before the part of the name that holds the pointer: so each step goes back, and the way has an end. */
            if (target < HEADER_BYTES || target >= segment)
                return wrong(problem, at, "RFC 1035 section 4.1.4: a pointer leads to a prior name");
            if (++pointers > MDNS_POINTER_MAX)
                return wrong(problem, at, "RFC 1035 section 4.1.4: more pointers in a name than MDNS_POINTER_MAX");
            if (pointers == 1)
                *offset = at + 2;
            at = segment = target;
            continue;
        }
        if ((head & 0xc0) != 0)
            return wrong(problem, at, "RFC 1035 section 4.1.4: label types 01 and 10 are reserved");
        if (head == 0)
            break;
        if (length - at - 1 < head)
            return wrong(problem, at, "RFC 1035 section 3.1: a label is as long as its length says");
        wire += head + 1u;
        if (wire > NAME_WIRE_MAX_BYTES)
            return wrong(problem, at, "RFC 1035 section 2.3.4: a name has at most 255 bytes");
        add_label(&text, bytes + at + 1, head);
        at += head + 1u;
    }
    if (pointers == 0)
        *offset = at + 1;
    if (out != NULL)
        out[text.foreign ? 0 : text.length] = '\0';
    return MDNS_OK;
}

/* ---- questions and records ------------------------------------------------------------------------------------------------ */

static int read_question(const uint8_t *bytes, size_t length, size_t *offset, struct mdns_question *out, struct mdns_problem *problem) {
    int error = read_name(bytes, length, offset, out != NULL ? out->name : NULL, problem);
    if (error != MDNS_OK)
        return error;
    if (length - *offset < 4)
        return wrong(problem, *offset, "RFC 1035 section 4.1.2: a question has a type and a class");
    if (out != NULL) {
        uint16_t class = read_16(bytes + *offset + 2);
        out->type = read_16(bytes + *offset);
        out->internet = (class & CLASS_MASK) == CLASS_IN || (class & CLASS_MASK) == CLASS_ANY;
        out->unicast_response = (class & TOP_BIT) != 0;
    }
    *offset += 4;
    return MDNS_OK;
}

static void read_address(const uint8_t *data, size_t bytes, struct stun_address *out) {
    out->family = bytes == 4 ? STUN_ADDRESS_IPV4 : STUN_ADDRESS_IPV6;
    memcpy(out->ip, data, bytes == 4 ? 4 : 16);
}

static int read_record(const uint8_t *bytes, size_t length, size_t *offset, struct mdns_record *out, struct mdns_problem *problem) {
    int error = read_name(bytes, length, offset, out != NULL ? out->name : NULL, problem);
    if (error != MDNS_OK)
        return error;
    if (length - *offset < 10)
        return wrong(problem, *offset, "RFC 1035 section 4.1.3: a record has type, class, TTL and length");
    const uint8_t *head = bytes + *offset;
    uint16_t type = read_16(head), class = read_16(head + 2), data_bytes = read_16(head + 8);
    size_t address_bytes = type == MDNS_TYPE_A ? 4 : type == MDNS_TYPE_AAAA ? 16 : 0;
    bool internet = (class & CLASS_MASK) == CLASS_IN;
    *offset += 10;
    if (length - *offset < data_bytes)
        return wrong(problem, *offset, "RFC 1035 section 4.1.3: data are as long as their length says");
    if (internet && address_bytes != 0 && data_bytes != address_bytes)
        return wrong(problem, *offset, "RFC 1035 section 3.4.1, RFC 3596 section 2.2: an address has 4 or 16 bytes");
    if (out != NULL) {
        out->type = type;
        out->internet = internet;
        out->cache_flush = (class & TOP_BIT) != 0;
        out->ttl_s = read_32(head + 4);
        out->address = (struct stun_address){0};
        if (internet && address_bytes != 0)
            read_address(bytes + *offset, address_bytes, &out->address);
    }
    *offset += data_bytes;
    return MDNS_OK;
}

/* ---- messages --------------------------------------------------------------------------------------------------------------- */

static int read_header(const uint8_t *bytes, size_t length, struct mdns_message *out, struct mdns_problem *problem) {
    if (length < HEADER_BYTES)
        return wrong(problem, length, "RFC 1035 section 4.1.1: a header has 12 bytes");
    if (length > MDNS_MESSAGE_MAX_BYTES)
        return wrong(problem, MDNS_MESSAGE_MAX_BYTES, "RFC 6762 section 17: a message has at most 9,000 bytes");
    uint16_t flags = read_16(bytes + 2);
    /* RFC 6762 section 18.3, MUST: messages with another operation code are ignored silently. */
    if ((flags & 0x7800) != 0)
        return wrong(problem, 2, "RFC 6762 section 18.3: the operation code is 0");
    /* RFC 6762 section 18.11, MUST: and those with a response code. */
    if ((flags & 0x000f) != 0)
        return wrong(problem, 3, "RFC 6762 section 18.11: the response code is 0");
    *out = (struct mdns_message){.bytes = bytes,
                                 .length = length,
                                 .id = read_16(bytes),
                                 .response = (flags & 0x8000) != 0,
                                 .truncated = (flags & 0x0200) != 0,
                                 .questions = read_16(bytes + 4),
                                 .answers = read_16(bytes + 6),
                                 .authorities = read_16(bytes + 8),
                                 .additionals = read_16(bytes + 10)};
    return MDNS_OK;
}

int mdns_message_parse(const uint8_t *bytes, size_t length, struct mdns_message *out, struct mdns_problem *problem) {
    struct mdns_message message;
    int error = read_header(bytes, length, &message, problem);
    size_t offset = HEADER_BYTES;
    for (unsigned i = 0; error == MDNS_OK && i < message.questions; i++)
        error = read_question(bytes, length, &offset, NULL, problem);
    unsigned records = error == MDNS_OK ? (unsigned)message.answers + message.authorities + message.additionals : 0;
    for (unsigned i = 0; error == MDNS_OK && i < records; i++)
        error = read_record(bytes, length, &offset, NULL, problem);
    if (error == MDNS_OK)
        *out = message;
    return error;
}

static void begin(struct mdns_cursor *cursor) {
    if (cursor->offset == 0)
        cursor->offset = HEADER_BYTES;
}

bool mdns_message_next_question(const struct mdns_message *message, struct mdns_cursor *cursor, struct mdns_question *out) {
    begin(cursor);
    if (cursor->question >= message->questions)
        return false;
    cursor->question++;
    return read_question(message->bytes, message->length, &cursor->offset, out, NULL) == MDNS_OK;
}

bool mdns_message_next_record(const struct mdns_message *message, struct mdns_cursor *cursor, struct mdns_record *out) {
    begin(cursor);
    for (; cursor->question < message->questions; cursor->question++)
        if (read_question(message->bytes, message->length, &cursor->offset, NULL, NULL) != MDNS_OK)
            return false;
    unsigned index = cursor->record;
    if (index >= (unsigned)message->answers + message->authorities + message->additionals)
        return false;
    cursor->record++;
    if (read_record(message->bytes, message->length, &cursor->offset, out, NULL) != MDNS_OK)
        return false;
    out->section = index < message->answers                                  ? MDNS_SECTION_ANSWER
                   : index < (unsigned)message->answers + message->authorities ? MDNS_SECTION_AUTHORITY
                                                                               : MDNS_SECTION_ADDITIONAL;
    return true;
}

/* ---- names of ours ------------------------------------------------------------------------------------------------------------ */

bool mdns_name_is_local_host(const char *name, char *out) {
    static const char suffix[] = ".local";
    size_t label = strcspn(name, "."), length = strnlen(name, MDNS_NAME_MAX_BYTES + 2);
    if (length > 0 && name[length - 1] == '.')
        length--;
    if (label == 0 || label > 63 || length != label + sizeof suffix - 1)
        return false;
    char lower[64 + sizeof suffix];
    for (size_t i = 0; i < length; i++) {
        char character = host_character((uint8_t)name[i]);
        if (i < label ? character == '\0' : (i > label ? character : name[i]) != suffix[i - label])
            return false;
        lower[i] = i == label ? '.' : character;
    }
    memcpy(out, lower, length);
    out[length] = '\0';
    return true;
}

void mdns_uuid_name(const uint8_t random[16], char out[MDNS_UUID_NAME_BYTES]) {
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        uint8_t byte = random[i];
        if (i == 6)
            byte = (uint8_t)((byte & 0x0f) | 0x40); /* version 4 */
        if (i == 8)
            byte = (uint8_t)((byte & 0x3f) | 0x80); /* variant 10 */
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = digits[byte >> 4];
        out[at++] = digits[byte & 15];
    }
    memcpy(out + at, ".local", sizeof ".local");
}
