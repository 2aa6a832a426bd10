/*
 * Transport addresses and their text: RFC 4291 section 2.2 is read, RFC 5952 is written. By hand, because the functions
 * that do it live in a socket header, and because resolving, zones and short forms ("127.1") have no place here.
 */
#include "stun/address.h"

#include <string.h>

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

size_t stun_address_ip_bytes(const struct stun_address *address) {
    switch (address->family) {
    case STUN_ADDRESS_IPV4:
        return 4;
    case STUN_ADDRESS_IPV6:
        return 16;
    default:
        return 0;
    }
}

bool stun_address_equal_ip(const struct stun_address *a, const struct stun_address *b) {
    return a->family == b->family && memcmp(a->ip, b->ip, stun_address_ip_bytes(a)) == 0;
}

bool stun_address_equal(const struct stun_address *a, const struct stun_address *b) {
    if (a->family == STUN_ADDRESS_NONE && b->family == STUN_ADDRESS_NONE)
        return true;
    return a->port == b->port && stun_address_equal_ip(a, b);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* The whole text must be four numbers 0..255 without leading zeros (some read those as octal). */
static bool parse_ipv4(const char *text, size_t length, uint8_t out[4]) {
    size_t at = 0;
    for (size_t part = 0; part < 4; part++) {
        if (part > 0 && (at == length || text[at++] != '.'))
            return false;
        size_t start = at;
        unsigned value = 0;
        while (at < length && text[at] >= '0' && text[at] <= '9' && at - start < 3)
            value = value * 10 + (unsigned)(text[at++] - '0');
        if (at == start || value > 255 || (text[start] == '0' && at - start > 1))
            return false;
        out[part] = (uint8_t)value;
    }
    return at == length;
}

static int hex_digit(char character) {
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* Reads 1 to 4 hexadecimal digits at *at. */
static bool parse_group(const char *text, size_t length, size_t *at, uint8_t out[2]) {
    size_t start = *at;
    unsigned value = 0;
    while (*at < length && *at - start < 4 && hex_digit(text[*at]) >= 0)
        value = value << 4 | (unsigned)hex_digit(text[(*at)++]);
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return *at > start;
}

/* RFC 4291 section 2.2: eight groups, at most one "::" for one or more groups of zeros, the last two as dotted IPv4. */
static bool parse_ipv6(const char *text, size_t length, uint8_t out[16]) {
    uint8_t ip[16] = {0};
    size_t used = 0; /* bytes of ip filled so far */
    size_t gap = 17; /* where "::" stands; 17: nowhere */
    size_t at = 0;
    if (length >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < length) {
        size_t start = at;
        if (used == 16 || !parse_group(text, length, &at, ip + used))
            return false;
        if (at < length && text[at] == '.') {
            if (used > 12 || !parse_ipv4(text + start, length - start, ip + used))
                return false;
            used += 4;
            break;
        }
        used += 2;
        if (at == length)
            break;
        if (text[at++] != ':' || at == length)
            return false;
        if (text[at] == ':') {
            if (gap <= 16)
                return false;
            gap = used;
            at++;
        }
    }
    if (gap > 16 ? used != 16 : used > 14)
        return false;
    memset(out, 0, 16);
    size_t before = gap > 16 ? 16 : gap;
    memcpy(out, ip, before);
    memcpy(out + 16 - (used - before), ip + before, used - before);
    return true;
}

bool stun_address_parse_ip(const char *text, size_t length, struct stun_address *out) {
    struct stun_address address = {0};
    if (parse_ipv4(text, length, address.ip))
        address.family = STUN_ADDRESS_IPV4;
    else if (parse_ipv6(text, length, address.ip))
        address.family = STUN_ADDRESS_IPV6;
    else
        return false;
    *out = address;
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

/* Text grows here first: always large enough, so that only one place has to look at the caller's capacity. */
struct text {
    char characters[STUN_ADDRESS_TEXT_BYTES];
    size_t length;
};

static void put(struct text *text, char character) {
    text->characters[text->length++] = character;
}

static void put_decimal(struct text *text, unsigned value) {
    char digits[5];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        put(text, digits[--count]);
}

/* RFC 5952 sections 4.1 and 4.3, MUST: no leading zeros, lower case. */
static void put_group(struct text *text, unsigned value) {
    bool started = false;
    for (int shift = 12; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 0xF;
        started = started || digit != 0 || shift == 0;
        if (started)
            put(text, "0123456789abcdef"[digit]);
    }
}

static void put_ipv4(struct text *text, const uint8_t ip[4]) {
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            put(text, '.');
        put_decimal(text, ip[i]);
    }
}

/* RFC 5952 section 4.2, MUST: "::" stands for the longest run of two or more zero groups, the first of equal ones. */
static size_t longest_zero_run(const uint8_t ip[16], size_t groups, size_t *start) {
    size_t best = 0;
    for (size_t i = 0; i < groups; i++) {
        size_t run = 0;
        while (i + run < groups && ip[2 * (i + run)] == 0 && ip[2 * (i + run) + 1] == 0)
            run++;
        if (run > best) {
            best = run;
            *start = i;
        }
    }
    return best >= 2 ? best : 0;
}

static void put_ipv6(struct text *text, const uint8_t ip[16]) {
    /* RFC 5952 section 5, SHOULD: an IPv4-mapped address (RFC 4291 section 2.5.5.2) ends in dotted form. */
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    size_t groups = memcmp(ip, mapped, sizeof mapped) == 0 ? 6 : 8;
    size_t run_start = groups;
    size_t run = longest_zero_run(ip, groups, &run_start);
    for (size_t i = 0; i < groups; i++) {
        if (run > 0 && i == run_start) {
            put(text, ':');
            i += run - 1;
            if (i == groups - 1)
                put(text, ':');
            continue;
        }
        if (i > 0)
            put(text, ':');
        put_group(text, (unsigned)ip[2 * i] << 8 | ip[2 * i + 1]);
    }
    if (groups == 6) {
        put(text, ':');
        put_ipv4(text, ip + 12);
    }
}

static void put_ip(struct text *text, const struct stun_address *address) {
    if (address->family == STUN_ADDRESS_IPV4)
        put_ipv4(text, address->ip);
    else if (address->family == STUN_ADDRESS_IPV6)
        put_ipv6(text, address->ip);
}

static size_t deliver(const struct text *from, char *text, size_t capacity) {
    if (capacity == 0)
        return 0;
    if (from->length >= capacity) {
        text[0] = '\0';
        return 0;
    }
    memcpy(text, from->characters, from->length);
    text[from->length] = '\0';
    return from->length;
}

size_t stun_address_write_ip(const struct stun_address *address, char *text, size_t capacity) {
    struct text ip = {.length = 0};
    put_ip(&ip, address);
    return deliver(&ip, text, capacity);
}

size_t stun_address_write(const struct stun_address *address, char *text, size_t capacity) {
    struct text whole = {.length = 0};
    if (stun_address_ip_bytes(address) > 0) {
        bool brackets = address->family == STUN_ADDRESS_IPV6;
        if (brackets)
            put(&whole, '[');
        put_ip(&whole, address);
        if (brackets)
            put(&whole, ']');
        put(&whole, ':');
        put_decimal(&whole, address->port);
    }
    return deliver(&whole, text, capacity);
}
