#include "dtls/fingerprint.h"

#include <openssl/crypto.h>
#include <string.h>

/* The hashes that we believe. */
struct hash_name {
    const char *name;
    size_t name_length;
    enum dtls_hash hash;
    size_t bytes;
};

/* RFC 8122 section 5, MUST: md2 and md5 are not used, sha-256 is. Of the others in its registry we refuse sha-1 and sha-224. */
static const struct hash_name hash_names[] = {
    {"sha-256", 7, DTLS_HASH_SHA_256, 32},
    {"sha-384", 7, DTLS_HASH_SHA_384, 48},
    {"sha-512", 7, DTLS_HASH_SHA_512, 64},
};

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* RFC 4566 token-char, as the hash-func of RFC 8122 section 5 allows for names of the future. */
static bool is_token(char c) {
    return c == '!' || (c >= '#' && c <= '\'') || c == '*' || c == '+' || c == '-' || c == '.' || (c >= '0' && c <= '9') ||
           (c >= 'A' && c <= 'Z') || (c >= '^' && c <= '~');
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const struct hash_name *find_name(const char *text, size_t length) {
    for (size_t i = 0; i < sizeof hash_names / sizeof hash_names[0]; i++) {
        if (hash_names[i].name_length != length) {
            continue;
        }
        size_t k = 0;
        while (k < length && lower(text[k]) == hash_names[i].name[k]) {
            k++;
        }
        if (k == length) {
            return &hash_names[i];
        }
    }
    return NULL;
}

static const struct hash_name *find_hash(enum dtls_hash hash) {
    for (size_t i = 0; i < sizeof hash_names / sizeof hash_names[0]; i++) {
        if (hash_names[i].hash == hash) {
            return &hash_names[i];
        }
    }
    return NULL;
}

/*
 * "XX:XX:..:XX". Returns the number of pairs, 0 when the syntax is wrong. Pairs beyond DTLS_FINGERPRINT_MAX_BYTES are
 * counted, not stored.
 */
static size_t parse_pairs(const char *text, size_t length, uint8_t *bytes) {
    if (length % 3 != 2) {
        return 0;
    }
    size_t count = (length + 1) / 3;
    for (size_t i = 0; i < count; i++) {
        int high = hex_value(text[3 * i]);
        int low = hex_value(text[3 * i + 1]);
        if (high < 0 || low < 0 || (i + 1 < count && text[3 * i + 2] != ':')) {
            return 0;
        }
        if (i < DTLS_FINGERPRINT_MAX_BYTES) {
            bytes[i] = (uint8_t)(high * 16 + low);
        }
    }
    return count;
}

int dtls_fingerprint_parse(const char *text, size_t length, struct dtls_fingerprint *out) {
    if (text == NULL || out == NULL) {
        return DTLS_ERROR_ARGUMENT;
    }
    size_t name_length = 0;
    while (name_length < length && is_token(text[name_length])) {
        name_length++;
    }
    if (name_length == 0 || name_length == length || text[name_length] != ' ') {
        return DTLS_ERROR_MALFORMED;
    }
    struct dtls_fingerprint parsed = {0};
    size_t count = parse_pairs(text + name_length + 1, length - name_length - 1, parsed.bytes);
    if (count == 0) {
        return DTLS_ERROR_MALFORMED;
    }
    const struct hash_name *known = find_name(text, name_length);
    if (known == NULL) {
        return DTLS_ERROR_WEAK_HASH;
    }
    if (count != known->bytes) {
        return DTLS_ERROR_MALFORMED;
    }
    parsed.hash = known->hash;
    parsed.length = count;
    *out = parsed;
    return DTLS_OK;
}

size_t dtls_fingerprint_write(const struct dtls_fingerprint *fingerprint, char *text, size_t capacity) {
    static const char digits[] = "0123456789ABCDEF";
    const struct hash_name *name = find_hash(fingerprint->hash);
    if (name == NULL || fingerprint->length != name->bytes) {
        return 0;
    }
    size_t needed = name->name_length + 3 * name->bytes; /* the space and the last ':' that is not there are the same byte */
    if (capacity < needed + 1) {
        return 0;
    }
    memcpy(text, name->name, name->name_length);
    size_t at = name->name_length;
    for (size_t i = 0; i < name->bytes; i++) {
        text[at++] = i == 0 ? ' ' : ':';
        text[at++] = digits[fingerprint->bytes[i] >> 4];
        text[at++] = digits[fingerprint->bytes[i] & 15];
    }
    text[at] = '\0';
    return at;
}

bool dtls_fingerprint_equal(const struct dtls_fingerprint *a, const struct dtls_fingerprint *b) {
    const struct hash_name *name = find_hash(a->hash);
    if (name == NULL || a->hash != b->hash || a->length != name->bytes || b->length != name->bytes) {
        return false;
    }
    return CRYPTO_memcmp(a->bytes, b->bytes, name->bytes) == 0;
}
