/*
 * MESSAGE-INTEGRITY, MESSAGE-INTEGRITY-SHA256 and FINGERPRINT (RFC 8489 sections 14.5 to 14.7), and the keys they use
 * (section 9). The only file of stun/ that needs libcrypto.
 *
 * A key is prepared once (the HMAC state after the inner and the outer pad is kept), then used for every message:
 * that is about eight times cheaper than a one-shot HMAC.
 */
#ifndef STUN_INTEGRITY_H
#define STUN_INTEGRITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/message.h"

/* A prepared key. Created by one of the two functions below, freed by stun_key_free. Not shared between threads. */
struct stun_key;

/*
 * Short-term credential (RFC 8489 section 9.1.1): key = OpaqueString(password). For ICE, the password is the ice-pwd of
 * the side that receives the request.
 * password   `length` bytes, 1..763; copied
 * Returns NULL when libcrypto fails or length is out of range.
 */
struct stun_key *stun_key_new_short_term(const uint8_t *password, size_t length);

/* RFC 8489 section 18.5.1: which hash makes the long-term key. */
enum stun_password_algorithm { STUN_PASSWORD_MD5 = 0x0001, STUN_PASSWORD_SHA256 = 0x0002 };

/*
 * Long-term credential (RFC 8489 section 9.2.2): key = MD5 or SHA-256 of username ":" realm ":" password. All are bytes
 * already prepared by OpaqueString; copied. Returns NULL on failure.
 */
struct stun_key *stun_key_new_long_term(enum stun_password_algorithm algorithm, const uint8_t *username, size_t username_length,
                                        const uint8_t *realm, size_t realm_length, const uint8_t *password, size_t password_length);

/*
 * USERHASH (RFC 8489 section 14.4): SHA-256 of username ":" realm, both already prepared by OpaqueString. What a client sends instead of
 * USERNAME when the nonce asks for it (STUN_SECURITY_FEATURE_USERNAME_ANONYMITY). False when libcrypto fails.
 */
#define STUN_USERHASH_BYTES 32
bool stun_userhash(const uint8_t *username, size_t username_length, const uint8_t *realm, size_t realm_length, uint8_t out[STUN_USERHASH_BYTES]);

/* Wipes and frees. NULL is fine. */
void stun_key_free(struct stun_key *key);

/* Appends MESSAGE-INTEGRITY (24 bytes). Errors stick in the writer: STUN_ERROR_BUFFER, STUN_ERROR_CRYPTO. */
void stun_writer_add_integrity(struct stun_writer *writer, struct stun_key *key);

/* Appends MESSAGE-INTEGRITY-SHA256, untruncated (36 bytes). */
void stun_writer_add_integrity_sha256(struct stun_writer *writer, struct stun_key *key);

/* Appends FINGERPRINT (8 bytes). Must be the last attribute: nothing may be added after it. */
void stun_writer_add_fingerprint(struct stun_writer *writer);

/*
 * Compares MESSAGE-INTEGRITY with the key, in constant time.
 * Returns STUN_OK, STUN_ERROR_NOT_FOUND (the message has none), STUN_ERROR_INTEGRITY (wrong: drop, or 401),
 * STUN_ERROR_MALFORMED (its value is not 20 bytes long: the same), STUN_ERROR_CRYPTO.
 */
int stun_message_check_integrity(const struct stun_message *message, struct stun_key *key);

/* The same for MESSAGE-INTEGRITY-SHA256; a value shorter than 16 bytes or not a multiple of 4 is STUN_ERROR_MALFORMED. */
int stun_message_check_integrity_sha256(const struct stun_message *message, struct stun_key *key);

/* FINGERPRINT: STUN_OK, STUN_ERROR_NOT_FOUND, STUN_ERROR_INTEGRITY, STUN_ERROR_MALFORMED (its value is not 4 bytes long). */
int stun_message_check_fingerprint(const struct stun_message *message);

/*
 * RFC 8489 section 9.2: the nonce cookie "obMatJos2" and the 24 security feature bits that follow it in base64.
 * Returns true and the bits when the nonce carries them.
 */
bool stun_nonce_security_features(const uint8_t *nonce, size_t length, uint32_t *features);
#define STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS 0x800000u
#define STUN_SECURITY_FEATURE_USERNAME_ANONYMITY 0x400000u

#endif
