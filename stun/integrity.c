/*
 * HMAC-SHA1, HMAC-SHA256 and CRC-32 over STUN messages, RFC 8489 sections 9, 14.5, 14.6 and 14.7. The only file of stun/
 * that links libcrypto.
 *
 * HMAC(K, m) = H((K ^ opad) | H((K ^ ipad) | m)), RFC 2104. Both pads fill exactly one block, so their hash states depend
 * on the key alone: they are computed once, and copied for every message. OpenSSL's plain hash contexts are used since
 * copying them is copying a struct: no allocation, no reference count, no algorithm fetch on a per-packet path.
 */
#define OPENSSL_API_COMPAT 10101 /* SHA1_Init and its siblings are deprecated in 3.0 in favour of EVP, which costs twice as much here */

#include "stun/integrity.h"

#include <openssl/crypto.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "stun/bytes_internal.h"
#include "stun/crc32_internal.h"
#include "stun/message_writer_internal.h"

#define MD5_BYTES MD5_DIGEST_LENGTH
#define SHA1_BYTES SHA_DIGEST_LENGTH
#define SHA256_BYTES SHA256_DIGEST_LENGTH
#define BLOCK_BYTES 64 /* of SHA-1 and of SHA-256 */
#define INTEGRITY_SHA256_MIN_BYTES 16

struct stun_key {
    SHA_CTX sha1_inner, sha1_outer;
    SHA256_CTX sha256_inner, sha256_outer;
};

/* ---- keys --------------------------------------------------------------------------------------------------------- */

/* RFC 2104 section 2: a key longer than a block is hashed first; a shorter one is filled up with zeros. */
static bool prepare_sha1(struct stun_key *key, const uint8_t *secret, size_t length) {
    uint8_t pad[BLOCK_BYTES] = {0};
    bool ok = true;
    if (length > BLOCK_BYTES)
        ok = SHA1(secret, length, pad) != NULL;
    else
        memcpy(pad, secret, length);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        pad[i] ^= 0x36;
    ok = ok && SHA1_Init(&key->sha1_inner) && SHA1_Update(&key->sha1_inner, pad, BLOCK_BYTES);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        pad[i] ^= 0x36 ^ 0x5C;
    ok = ok && SHA1_Init(&key->sha1_outer) && SHA1_Update(&key->sha1_outer, pad, BLOCK_BYTES);
    OPENSSL_cleanse(pad, sizeof pad);
    return ok;
}

static bool prepare_sha256(struct stun_key *key, const uint8_t *secret, size_t length) {
    uint8_t pad[BLOCK_BYTES] = {0};
    bool ok = true;
    if (length > BLOCK_BYTES)
        ok = SHA256(secret, length, pad) != NULL;
    else
        memcpy(pad, secret, length);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        pad[i] ^= 0x36;
    ok = ok && SHA256_Init(&key->sha256_inner) && SHA256_Update(&key->sha256_inner, pad, BLOCK_BYTES);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        pad[i] ^= 0x36 ^ 0x5C;
    ok = ok && SHA256_Init(&key->sha256_outer) && SHA256_Update(&key->sha256_outer, pad, BLOCK_BYTES);
    OPENSSL_cleanse(pad, sizeof pad);
    return ok;
}

/* Both hashes are prepared now: which of them a message carries is the peer's choice, not known yet. */
static struct stun_key *key_new(const uint8_t *secret, size_t length) {
    struct stun_key *key = calloc(1, sizeof *key);
    if (key != NULL && !(prepare_sha1(key, secret, length) && prepare_sha256(key, secret, length))) {
        stun_key_free(key);
        key = NULL;
    }
    return key;
}

struct stun_key *stun_key_new_short_term(const uint8_t *password, size_t length) {
    if (length < 1 || length > STUN_TEXT_MAX_BYTES)
        return NULL;
    /* RFC 8489 section 9.1.1: key = OpaqueString(password), with the preparation left to the caller. */
    return key_new(password, length);
}

struct stun_key *stun_key_new_long_term(enum stun_password_algorithm algorithm, const uint8_t *username, size_t username_length,
                                        const uint8_t *realm, size_t realm_length, const uint8_t *password, size_t password_length) {
    uint8_t digest[SHA256_BYTES];
    size_t digest_bytes = 0;
    /* RFC 8489 sections 18.5.1.1 and 18.5.1.2: key = H(username ":" realm ":" password), H being MD5 or SHA-256. */
    if (algorithm == STUN_PASSWORD_MD5) {
        MD5_CTX md5;
        if (MD5_Init(&md5) && MD5_Update(&md5, username, username_length) && MD5_Update(&md5, ":", 1) &&
            MD5_Update(&md5, realm, realm_length) && MD5_Update(&md5, ":", 1) && MD5_Update(&md5, password, password_length) &&
            MD5_Final(digest, &md5))
            digest_bytes = MD5_BYTES;
    } else if (algorithm == STUN_PASSWORD_SHA256) {
        SHA256_CTX sha256;
        if (SHA256_Init(&sha256) && SHA256_Update(&sha256, username, username_length) && SHA256_Update(&sha256, ":", 1) &&
            SHA256_Update(&sha256, realm, realm_length) && SHA256_Update(&sha256, ":", 1) &&
            SHA256_Update(&sha256, password, password_length) && SHA256_Final(digest, &sha256))
            digest_bytes = SHA256_BYTES;
    }
    struct stun_key *key = digest_bytes > 0 ? key_new(digest, digest_bytes) : NULL;
    OPENSSL_cleanse(digest, sizeof digest);
    return key;
}

bool stun_userhash(const uint8_t *username, size_t username_length, const uint8_t *realm, size_t realm_length, uint8_t out[STUN_USERHASH_BYTES]) {
    /* RFC 8489 section 14.4: userhash = SHA-256(OpaqueString(username) ":" OpaqueString(realm)). */
    SHA256_CTX sha256;
    return SHA256_Init(&sha256) && SHA256_Update(&sha256, username, username_length) && SHA256_Update(&sha256, ":", 1) &&
           SHA256_Update(&sha256, realm, realm_length) && SHA256_Final(out, &sha256);
}

void stun_key_free(struct stun_key *key) {
    if (key == NULL)
        return;
    OPENSSL_cleanse(key, sizeof *key);
    free(key);
}

/* ---- HMAC --------------------------------------------------------------------------------------------------------- */

/*
 * The MAC over `head`, then `tail`. A copied context is not wiped: hashing overwrites the state that came from the key,
 * and SHA1_Final leaves a digest in it.
 */
static bool hmac_sha1(const struct stun_key *key, const uint8_t *head, size_t head_length, const uint8_t *tail, size_t tail_length,
                      uint8_t mac[SHA1_BYTES]) {
    SHA_CTX context = key->sha1_inner;
    if (!SHA1_Update(&context, head, head_length) || (tail_length > 0 && !SHA1_Update(&context, tail, tail_length)) ||
        !SHA1_Final(mac, &context))
        return false;
    context = key->sha1_outer;
    return SHA1_Update(&context, mac, SHA1_BYTES) && SHA1_Final(mac, &context);
}

static bool hmac_sha256(const struct stun_key *key, const uint8_t *head, size_t head_length, const uint8_t *tail, size_t tail_length,
                        uint8_t mac[SHA256_BYTES]) {
    SHA256_CTX context = key->sha256_inner;
    if (!SHA256_Update(&context, head, head_length) || (tail_length > 0 && !SHA256_Update(&context, tail, tail_length)) ||
        !SHA256_Final(mac, &context))
        return false;
    context = key->sha256_outer;
    return SHA256_Update(&context, mac, SHA256_BYTES) && SHA256_Final(mac, &context);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

void stun_writer_add_integrity(struct stun_writer *writer, struct stun_key *key) {
    size_t offset = writer->length;
    /* RFC 8489 section 14.5, MUST: while the MAC is computed, the length field reaches to the end of this attribute. */
    uint8_t *mac = stun_writer_append(writer, STUN_ATTRIBUTE_MESSAGE_INTEGRITY, SHA1_BYTES);
    if (mac != NULL && !hmac_sha1(key, writer->bytes, offset, NULL, 0, mac))
        stun_writer_fail(writer, STUN_ERROR_CRYPTO);
}

void stun_writer_add_integrity_sha256(struct stun_writer *writer, struct stun_key *key) {
    size_t offset = writer->length;
    /* RFC 8489 section 14.6, MUST: the same, and it covers a MESSAGE-INTEGRITY that stands before it. */
    uint8_t *mac = stun_writer_append(writer, STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256, SHA256_BYTES);
    if (mac != NULL && !hmac_sha256(key, writer->bytes, offset, NULL, 0, mac))
        stun_writer_fail(writer, STUN_ERROR_CRYPTO);
}

void stun_writer_add_fingerprint(struct stun_writer *writer) {
    size_t offset = writer->length;
    /* RFC 8489 section 14.7, MUST: the length field that goes into the CRC already counts FINGERPRINT. */
    uint8_t *crc = stun_writer_append(writer, STUN_ATTRIBUTE_FINGERPRINT, 4);
    if (crc != NULL)
        stun_store_u32(crc, stun_crc32(writer->bytes, offset) ^ STUN_FINGERPRINT_XOR);
}

/* ---- checking ----------------------------------------------------------------------------------------------------- */

/* The header as it was when the MAC of the attribute at `offset` was computed: its length field ends with that attribute. */
static void header_up_to(const struct stun_message *message, size_t offset, size_t value_length, uint8_t header[STUN_HEADER_BYTES]) {
    memcpy(header, message->bytes, STUN_HEADER_BYTES);
    stun_store_u16(header + 2, (uint16_t)(offset + STUN_ATTRIBUTE_HEADER_BYTES + value_length - STUN_HEADER_BYTES));
}

int stun_message_check_integrity(const struct stun_message *message, struct stun_key *key) {
    size_t offset = message->integrity_offset;
    if (offset == 0)
        return STUN_ERROR_NOT_FOUND;
    const uint8_t *attribute = message->bytes + offset;
    if (stun_load_u16(attribute + 2) != SHA1_BYTES)
        return STUN_ERROR_MALFORMED;
    uint8_t header[STUN_HEADER_BYTES];
    uint8_t mac[SHA1_BYTES];
    header_up_to(message, offset, SHA1_BYTES, header);
    if (!hmac_sha1(key, header, STUN_HEADER_BYTES, message->bytes + STUN_HEADER_BYTES, offset - STUN_HEADER_BYTES, mac))
        return STUN_ERROR_CRYPTO;
    return CRYPTO_memcmp(mac, attribute + STUN_ATTRIBUTE_HEADER_BYTES, SHA1_BYTES) == 0 ? STUN_OK : STUN_ERROR_INTEGRITY;
}

int stun_message_check_integrity_sha256(const struct stun_message *message, struct stun_key *key) {
    size_t offset = message->integrity_sha256_offset;
    if (offset == 0)
        return STUN_ERROR_NOT_FOUND;
    const uint8_t *attribute = message->bytes + offset;
    size_t length = stun_load_u16(attribute + 2);
    /* RFC 8489 section 14.6, MUST: at most 32 bytes, at least 16, a multiple of 4; a shorter one is the MAC's beginning. */
    if (length < INTEGRITY_SHA256_MIN_BYTES || length > SHA256_BYTES || length % 4 != 0)
        return STUN_ERROR_MALFORMED;
    uint8_t header[STUN_HEADER_BYTES];
    uint8_t mac[SHA256_BYTES];
    header_up_to(message, offset, length, header);
    if (!hmac_sha256(key, header, STUN_HEADER_BYTES, message->bytes + STUN_HEADER_BYTES, offset - STUN_HEADER_BYTES, mac))
        return STUN_ERROR_CRYPTO;
    return CRYPTO_memcmp(mac, attribute + STUN_ATTRIBUTE_HEADER_BYTES, length) == 0 ? STUN_OK : STUN_ERROR_INTEGRITY;
}

int stun_message_check_fingerprint(const struct stun_message *message) {
    size_t offset = message->fingerprint_offset;
    if (offset == 0)
        return STUN_ERROR_NOT_FOUND;
    const uint8_t *attribute = message->bytes + offset;
    if (stun_load_u16(attribute + 2) != 4)
        return STUN_ERROR_MALFORMED;
    /* RFC 8489 section 14.7: the CRC covers everything before the attribute, which parsing has found to be the last. */
    uint32_t expected = stun_crc32(message->bytes, offset) ^ STUN_FINGERPRINT_XOR;
    return stun_load_u32(attribute + STUN_ATTRIBUTE_HEADER_BYTES) == expected ? STUN_OK : STUN_ERROR_INTEGRITY;
}

/* ---- the nonce cookie --------------------------------------------------------------------------------------------- */

/* The value of a base64 digit (RFC 4648 section 4), or -1. */
static int base64_digit(uint8_t character) {
    if (character >= 'A' && character <= 'Z')
        return character - 'A';
    if (character >= 'a' && character <= 'z')
        return character - 'a' + 26;
    if (character >= '0' && character <= '9')
        return character - '0' + 52;
    return character == '+' ? 62 : character == '/' ? 63 : -1;
}

bool stun_nonce_security_features(const uint8_t *nonce, size_t length, uint32_t *features) {
    /* RFC 8489 section 9.2: "obMatJos2" and 4 base64 characters; section 18.1: bit 0 of the 24 is the leftmost. */
    static const char cookie[9] = {'o', 'b', 'M', 'a', 't', 'J', 'o', 's', '2'};
    if (length < sizeof cookie + 4 || memcmp(nonce, cookie, sizeof cookie) != 0)
        return false;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = base64_digit(nonce[sizeof cookie + i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
    }
    *features = bits;
    return true;
}
