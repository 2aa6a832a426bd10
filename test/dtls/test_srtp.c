#include "dtls/srtp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const enum dtls_srtp_profile profiles[] = {DTLS_SRTP_AES128_CM_HMAC_SHA1_80, DTLS_SRTP_AEAD_AES_128_GCM, DTLS_SRTP_AEAD_AES_256_GCM};

#define PROFILE_COUNT (sizeof profiles / sizeof profiles[0])
#define RTP_BYTES 1200

/* Two ends with keys that mirror each other. */
static void make_ends(enum dtls_srtp_profile profile, size_t max_ssrcs, struct dtls_srtp **a, struct dtls_srtp **b) {
    struct dtls_srtp_keys keys = {.profile = profile};
    assert_true(dtls_srtp_profile_lengths(profile, &keys.key_length, &keys.salt_length));
    for (size_t i = 0; i < DTLS_SRTP_KEY_MAX_BYTES; i++) {
        keys.local_key[i] = (uint8_t)(i * 7 + 1);
        keys.remote_key[i] = (uint8_t)(i * 11 + 2);
    }
    for (size_t i = 0; i < DTLS_SRTP_SALT_MAX_BYTES; i++) {
        keys.local_salt[i] = (uint8_t)(i * 13 + 3);
        keys.remote_salt[i] = (uint8_t)(i * 17 + 4);
    }
    struct dtls_srtp_keys mirrored = keys;
    memcpy(mirrored.local_key, keys.remote_key, sizeof keys.remote_key);
    memcpy(mirrored.remote_key, keys.local_key, sizeof keys.local_key);
    memcpy(mirrored.local_salt, keys.remote_salt, sizeof keys.remote_salt);
    memcpy(mirrored.remote_salt, keys.local_salt, sizeof keys.local_salt);
    struct dtls_srtp_config config = {.keys = &keys, .max_inbound_ssrcs = max_ssrcs, .max_outbound_ssrcs = max_ssrcs};
    *a = dtls_srtp_new(&config);
    config.keys = &mirrored;
    *b = dtls_srtp_new(&config);
    assert_non_null(*a);
    assert_non_null(*b);
}

static size_t make_rtp(uint8_t *packet, uint16_t sequence, uint32_t ssrc, size_t payload) {
    static const uint8_t header[12] = {0x80, 0x60};
    memcpy(packet, header, sizeof header);
    packet[2] = (uint8_t)(sequence >> 8);
    packet[3] = (uint8_t)sequence;
    for (int i = 0; i < 4; i++) {
        packet[8 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    }
    for (size_t i = 0; i < payload; i++) {
        packet[12 + i] = (uint8_t)(i ^ sequence);
    }
    return 12 + payload;
}

static size_t make_rtcp(uint8_t *packet, uint32_t ssrc) {
    static const uint8_t report[28] = {0x80, 200, 0, 6};
    memcpy(packet, report, sizeof report);
    for (int i = 0; i < 4; i++) {
        packet[4 + i] = (uint8_t)(ssrc >> (24 - 8 * i));
    }
    return sizeof report;
}

static void test_round_trip(void **state) {
    (void)state;
    for (size_t p = 0; p < PROFILE_COUNT; p++) {
        struct dtls_srtp *a;
        struct dtls_srtp *b;
        make_ends(profiles[p], 0, &a, &b);
        for (uint32_t i = 0; i < 300; i++) {
            uint8_t packet[RTP_BYTES + DTLS_SRTP_MAX_OVERHEAD_BYTES];
            uint8_t plain[RTP_BYTES];
            size_t plain_length = make_rtp(plain, (uint16_t)(65400 + i), 77, i % 900); /* across the wrap, RFC 3711 section 3.3.1 */
            memcpy(packet, plain, plain_length);
            size_t length = plain_length;
            assert_int_equal(dtls_srtp_protect_rtp(a, packet, &length, sizeof packet), DTLS_OK);
            assert_int_equal(length, plain_length + (profiles[p] == DTLS_SRTP_AES128_CM_HMAC_SHA1_80 ? 10 : 16));
            assert_memory_equal(packet, plain, 12);
            assert_int_equal(dtls_srtp_unprotect_rtp(b, packet, &length), DTLS_OK);
            assert_int_equal(length, plain_length);
            assert_memory_equal(packet, plain, plain_length);

            plain_length = make_rtcp(plain, 77);
            memcpy(packet, plain, plain_length);
            length = plain_length;
            assert_int_equal(dtls_srtp_protect_rtcp(a, packet, &length, sizeof packet), DTLS_OK);
            assert_int_equal(length, plain_length + (profiles[p] == DTLS_SRTP_AES128_CM_HMAC_SHA1_80 ? 14 : 20));
            assert_int_equal(dtls_srtp_unprotect_rtcp(b, packet, &length), DTLS_OK);
            assert_int_equal(length, plain_length);
            assert_memory_equal(packet, plain, plain_length);
        }
        struct dtls_srtp_stats stats;
        dtls_srtp_stats(b, &stats);
        assert_int_equal(stats.unprotected_rtp, 300);
        assert_int_equal(stats.unprotected_rtcp, 300);
        assert_int_equal(stats.inbound_ssrcs, 1);
        dtls_srtp_free(a);
        dtls_srtp_free(b);
    }
}

/* The direction is part of the key: what one end protects, it cannot unprotect itself (RFC 3711 section 9.1). */
static void test_own_packets_do_not_come_back(void **state) {
    (void)state;
    for (size_t p = 0; p < PROFILE_COUNT; p++) {
        struct dtls_srtp *a;
        struct dtls_srtp *b;
        make_ends(profiles[p], 0, &a, &b);
        uint8_t packet[200];
        size_t length = make_rtp(packet, 1, 5, 100);
        assert_int_equal(dtls_srtp_protect_rtp(a, packet, &length, sizeof packet), DTLS_OK);
        assert_int_equal(dtls_srtp_unprotect_rtp(a, packet, &length), DTLS_ERROR_AUTHENTICATION);
        dtls_srtp_free(a);
        dtls_srtp_free(b);
    }
}

typedef int protect(struct dtls_srtp *, uint8_t *, size_t *, size_t);
typedef int unprotect(struct dtls_srtp *, uint8_t *, size_t *);

/* Every bit of a packet is authenticated (RFC 3711 section 4.2). After all the forgeries the real one still passes. */
static void flip_each_bit(struct dtls_srtp *a, struct dtls_srtp *b, bool rtcp) {
    protect *do_protect = rtcp ? dtls_srtp_protect_rtcp : dtls_srtp_protect_rtp;
    unprotect *do_unprotect = rtcp ? dtls_srtp_unprotect_rtcp : dtls_srtp_unprotect_rtp;
    uint8_t good[200];
    size_t good_length = rtcp ? make_rtcp(good, 9) : make_rtp(good, 1000, 9, 100);
    assert_int_equal(do_protect(a, good, &good_length, sizeof good), DTLS_OK);
    for (size_t bit = 0; bit < 8 * good_length; bit++) {
        uint8_t bad[200];
        size_t length = good_length;
        memcpy(bad, good, good_length);
        bad[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        int result = do_unprotect(b, bad, &length);
        assert_true(result == DTLS_ERROR_AUTHENTICATION || result == DTLS_ERROR_MALFORMED);
        assert_int_equal(length, good_length);
    }
    for (size_t length = 0; length < good_length; length++) { /* truncation */
        uint8_t bad[200];
        size_t cut = length;
        memcpy(bad, good, good_length);
        assert_true(do_unprotect(b, bad, &cut) < 0);
    }
    struct dtls_srtp_stats stats;
    dtls_srtp_stats(b, &stats);
    assert_int_equal(stats.inbound_ssrcs, rtcp ? 1 : 0); /* nothing forged left a trace */
    assert_int_equal(do_unprotect(b, good, &good_length), DTLS_OK);
    if (!rtcp) { /* plaintext RTP is no SRTP */
        uint8_t plain[200];
        size_t length = make_rtp(plain, 1001, 9, 100);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, plain, &length), DTLS_ERROR_AUTHENTICATION);
    }
}

static void test_no_flipped_bit_passes(void **state) {
    (void)state;
    for (size_t p = 0; p < PROFILE_COUNT; p++) {
        struct dtls_srtp *a;
        struct dtls_srtp *b;
        make_ends(profiles[p], 0, &a, &b);
        flip_each_bit(a, b, false);
        flip_each_bit(a, b, true);
        dtls_srtp_free(a);
        dtls_srtp_free(b);
    }
}

/* 100,000 forged packets of as many SSRCs: no state, no failure, the call goes on. */
static void test_forgeries_leave_no_state(void **state) {
    (void)state;
    struct dtls_srtp *a;
    struct dtls_srtp *b;
    make_ends(DTLS_SRTP_AEAD_AES_128_GCM, 4, &a, &b);
    uint8_t packet[200];
    for (uint32_t i = 0; i < 100000; i++) {
        size_t length = make_rtp(packet, (uint16_t)i, i * 2654435761u, 60);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, packet, &length), DTLS_ERROR_AUTHENTICATION);
    }
    struct dtls_srtp_stats stats;
    dtls_srtp_stats(b, &stats);
    assert_int_equal(stats.inbound_ssrcs, 0);
    assert_int_equal(stats.authentication_failures, 100000);
    size_t length = make_rtp(packet, 1, 3, 60);
    assert_int_equal(dtls_srtp_protect_rtp(a, packet, &length, sizeof packet), DTLS_OK);
    assert_int_equal(dtls_srtp_unprotect_rtp(b, packet, &length), DTLS_OK);
    dtls_srtp_free(a);
    dtls_srtp_free(b);
}

/* Every length 0..1500 with every combination of version, padding, extension and CSRC count. The heap block ends where the packet does. */
static void test_length_sweep(void **state) {
    (void)state;
    for (size_t p = 0; p < PROFILE_COUNT; p++) {
        struct dtls_srtp *a;
        struct dtls_srtp *b;
        make_ends(profiles[p], 0, &a, &b);
        for (size_t length = 0; length <= 1500; length++) {
            uint8_t *packet = malloc(length + 1);
            assert_non_null(packet);
            uint8_t *exact = packet + 1; /* odd address: alignment is not asked for */
            for (unsigned first = length < 64 ? 0 : 0x80; first < (length < 64 ? 256 : 0xC0); first += length < 64 ? 1 : 0x0F) {
                memset(exact, (int)(length & 0xff), length);
                if (length > 0) {
                    exact[0] = (uint8_t)first;
                }
                size_t n = length;
                assert_true(dtls_srtp_unprotect_rtp(b, exact, &n) < 0);
                n = length;
                assert_true(dtls_srtp_unprotect_rtcp(b, exact, &n) < 0);
            }
            free(packet);
        }
        dtls_srtp_free(a);
        dtls_srtp_free(b);
    }
}

/* RFC 3711 section 3.3.2: the same packet twice, or behind the window, is refused; late but within it passes. */
static void test_replay(void **state) {
    (void)state;
    for (size_t p = 0; p < PROFILE_COUNT; p++) {
        struct dtls_srtp *a;
        struct dtls_srtp *b;
        make_ends(profiles[p], 0, &a, &b);
        static uint8_t packets[DTLS_SRTP_REPLAY_WINDOW_PACKETS + 2][64];
        static size_t lengths[DTLS_SRTP_REPLAY_WINDOW_PACKETS + 2];
        for (unsigned i = 0; i < DTLS_SRTP_REPLAY_WINDOW_PACKETS + 2; i++) {
            lengths[i] = make_rtp(packets[i], (uint16_t)(100 + i), 9, 20);
            assert_int_equal(dtls_srtp_protect_rtp(a, packets[i], &lengths[i], sizeof packets[i]), DTLS_OK);
        }
        uint8_t copy[64];
        size_t length = lengths[DTLS_SRTP_REPLAY_WINDOW_PACKETS];
        memcpy(copy, packets[DTLS_SRTP_REPLAY_WINDOW_PACKETS], length);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, copy, &length), DTLS_OK); /* the newest so far */
        length = lengths[DTLS_SRTP_REPLAY_WINDOW_PACKETS];
        memcpy(copy, packets[DTLS_SRTP_REPLAY_WINDOW_PACKETS], length);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, copy, &length), DTLS_ERROR_REPLAY);
        length = lengths[1]; /* the oldest place of the window */
        memcpy(copy, packets[1], length);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, copy, &length), DTLS_OK);
        length = lengths[0]; /* one older */
        memcpy(copy, packets[0], length);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, copy, &length), DTLS_ERROR_REPLAY);
        /* RFC 3711 section 9.1: a second packet under one index would be a two-time pad. */
        length = make_rtp(copy, 100, 9, 20);
        assert_int_equal(dtls_srtp_protect_rtp(a, copy, &length, sizeof copy), DTLS_ERROR_REPLAY);
        dtls_srtp_free(a);
        dtls_srtp_free(b);
    }
}

static void test_ssrc_capacity(void **state) {
    (void)state;
    struct dtls_srtp *a;
    struct dtls_srtp *b;
    make_ends(DTLS_SRTP_AEAD_AES_128_GCM, 3, &a, &b);
    struct dtls_srtp *roomy;
    struct dtls_srtp *unused;
    make_ends(DTLS_SRTP_AEAD_AES_128_GCM, 0, &roomy, &unused);
    uint8_t packet[100];
    static const uint32_t ssrcs[4] = {7, 3, 0xFFFFFFFF, 5};
    for (size_t i = 0; i < 4; i++) {
        size_t length = make_rtp(packet, 1, ssrcs[i], 20);
        assert_int_equal(dtls_srtp_protect_rtp(a, packet, &length, sizeof packet), i < 3 ? DTLS_OK : DTLS_ERROR_CAPACITY);
        length = make_rtp(packet, 1, ssrcs[i], 20);
        assert_int_equal(dtls_srtp_protect_rtp(roomy, packet, &length, sizeof packet), DTLS_OK);
        assert_int_equal(dtls_srtp_unprotect_rtp(b, packet, &length), i < 3 ? DTLS_OK : DTLS_ERROR_CAPACITY);
    }
    size_t length = make_rtp(packet, 2, 3, 20); /* those that are known go on */
    assert_int_equal(dtls_srtp_protect_rtp(roomy, packet, &length, sizeof packet), DTLS_OK);
    assert_int_equal(dtls_srtp_unprotect_rtp(b, packet, &length), DTLS_OK);
    struct dtls_srtp_stats stats;
    dtls_srtp_stats(b, &stats);
    assert_int_equal(stats.inbound_ssrcs, 3);
    assert_int_equal(stats.capacity_refused, 1);
    dtls_srtp_free(a);
    dtls_srtp_free(b);
    dtls_srtp_free(roomy);
    dtls_srtp_free(unused);
}

static void test_arguments(void **state) {
    (void)state;
    struct dtls_srtp_keys keys = {.profile = DTLS_SRTP_AEAD_AES_128_GCM, .key_length = 16, .salt_length = 12};
    struct dtls_srtp_config config = {.keys = &keys};
    assert_null(dtls_srtp_new(NULL));
    assert_null(dtls_srtp_new(&config)); /* both directions under one key */
    keys.local_key[15] = 1;
    keys.salt_length = 14;
    assert_null(dtls_srtp_new(&config));
    keys.salt_length = 12;
    keys.profile = (enum dtls_srtp_profile)0x0005; /* NULL_HMAC_SHA1_80 */
    assert_null(dtls_srtp_new(&config));
    keys.profile = DTLS_SRTP_AEAD_AES_128_GCM;
    config.max_inbound_ssrcs = DTLS_SRTP_MAX_SSRCS + 1;
    assert_null(dtls_srtp_new(&config));
    config.max_inbound_ssrcs = DTLS_SRTP_MAX_SSRCS;
    struct dtls_srtp *srtp = dtls_srtp_new(&config);
    assert_non_null(srtp);
    uint8_t packet[100];
    size_t length = make_rtp(packet, 1, 1, 20);
    size_t wanted = length + DTLS_SRTP_MAX_OVERHEAD_BYTES;
    assert_int_equal(dtls_srtp_protect_rtp(srtp, packet, &length, wanted - 1), DTLS_ERROR_BUFFER);
    assert_int_equal(dtls_srtp_protect_rtp(srtp, packet, &length, wanted), DTLS_OK);
    length = 11;
    assert_int_equal(dtls_srtp_protect_rtp(srtp, packet, &length, sizeof packet), DTLS_ERROR_MALFORMED);
    dtls_srtp_free(srtp);
    dtls_srtp_free(NULL);
    assert_string_equal(dtls_srtp_profile_name(DTLS_SRTP_AEAD_AES_128_GCM), "AEAD_AES_128_GCM");
    assert_null(dtls_srtp_profile_name((enum dtls_srtp_profile)5));
}

/* ---- published vectors --------------------------------------------------------------------------------------------------- */

/*
 * RFC 3711 appendix B.3: from the master key to the session keys. We cannot look into libsrtp2, so encrypt and sign a packet with
 * the RFC's session keys and OpenSSL, as section 4.1.1 and 4.2.1 say, and compare.
 */
static void test_rfc3711_appendix_b3(void **state) {
    (void)state;
    static const uint8_t master[30] = {0xe1, 0xf9, 0x7a, 0x0d, 0x3e, 0x01, 0x8b, 0xe0, 0xd6, 0x4f, 0xa3, 0x2c, 0x06, 0xde, 0x41, 0x39,
                                       0x0e, 0xc6, 0x75, 0xad, 0x49, 0x8a, 0xfe, 0xeb, 0xb6, 0x96, 0x0b, 0x3a, 0xab, 0xe6};
    static const uint8_t cipher_key[16] = {0xc6, 0x1e, 0x7a, 0x93, 0x74, 0x4f, 0x39, 0xee, 0x10, 0x73, 0x4a, 0xfe, 0x3f, 0xf7, 0xa0, 0x87};
    static const uint8_t cipher_salt[14] = {0x30, 0xcb, 0xbc, 0x08, 0x86, 0x3d, 0x8c, 0x85, 0xd4, 0x9d, 0xb3, 0x4a, 0x9a, 0xe1};
    static const uint8_t auth_key[20] = {0xce, 0xbe, 0x32, 0x1f, 0x6f, 0xf7, 0x71, 0x6b, 0x6f, 0xd4,
                                         0xab, 0x49, 0xaf, 0x25, 0x6a, 0x15, 0x6d, 0x38, 0xba, 0xa4};
    struct dtls_srtp_keys keys = {.profile = DTLS_SRTP_AES128_CM_HMAC_SHA1_80, .key_length = 16, .salt_length = 14};
    memcpy(keys.local_key, master, 16);
    memcpy(keys.local_salt, master + 16, 14);
    struct dtls_srtp_config config = {.keys = &keys};
    struct dtls_srtp *srtp = dtls_srtp_new(&config);
    assert_non_null(srtp);

    uint8_t packet[200];
    uint8_t expected[200];
    size_t length = make_rtp(packet, 0x1234, 0xcafebabe, 100);
    size_t plain_length = length;
    memcpy(expected, packet, length);
    uint8_t iv[16] = {0};
    memcpy(iv, cipher_salt, sizeof cipher_salt);
    for (int i = 0; i < 4; i++) {
        iv[4 + i] ^= packet[8 + i];
    }
    iv[12] ^= 0x12;
    iv[13] ^= 0x34;
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    int n = 0;
    assert_int_equal(EVP_EncryptInit_ex(cipher, EVP_aes_128_ctr(), NULL, cipher_key, iv), 1);
    assert_int_equal(EVP_EncryptUpdate(cipher, expected + 12, &n, packet + 12, 100), 1);
    EVP_CIPHER_CTX_free(cipher);
    memset(expected + plain_length, 0, 4); /* ROC */
    uint8_t mac[20];
    assert_non_null(HMAC(EVP_sha1(), auth_key, sizeof auth_key, expected, plain_length + 4, mac, NULL));
    memcpy(expected + plain_length, mac, 10);

    assert_int_equal(dtls_srtp_protect_rtp(srtp, packet, &length, sizeof packet), DTLS_OK);
    assert_int_equal(length, plain_length + 10);
    assert_memory_equal(packet, expected, length);
    dtls_srtp_free(srtp);
}

static char *read_vectors(const char *test_name) {
    const char *corpora = getenv("STRATA_CORPORA");
    char path[1024];
    snprintf(path, sizeof path, "%s/vectors/srtp-libsrtp/vectors.json", corpora == NULL ? "" : corpora);
    FILE *file = corpora == NULL ? NULL : fopen(path, "rb");
    if (file == NULL) {
        print_message("SKIP: %s: corpora not present (set STRATA_CORPORA)\n", test_name);
        return NULL;
    }
    static char text[65536];
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

/* The bytes of "field": "hex" in the object "group". */
static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static size_t vector_bytes(const char *text, const char *group, const char *field, uint8_t *out, size_t capacity) {
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\": {", group);
    const char *at = strstr(text, quoted);
    assert_non_null(at);
    snprintf(quoted, sizeof quoted, "\"%s\": \"", field);
    at = strstr(at, quoted);
    assert_non_null(at);
    at += strlen(quoted);
    size_t count = 0;
    while (count < capacity && hex_digit(at[2 * count]) >= 0 && hex_digit(at[2 * count + 1]) >= 0) {
        out[count] = (uint8_t)(hex_digit(at[2 * count]) << 4 | hex_digit(at[2 * count + 1]));
        count++;
    }
    return count;
}

/* libsrtp's own published packets, protected byte for byte and back. */
static void check_group(const char *text, const char *group, const char *key_field, enum dtls_srtp_profile profile, const char *rtp_field,
                        const char *rtcp_field) {
    struct dtls_srtp_keys keys = {.profile = profile};
    assert_true(dtls_srtp_profile_lengths(profile, &keys.key_length, &keys.salt_length));
    uint8_t master[64];
    assert_true(vector_bytes(text, "globals", key_field, master, sizeof master) >= keys.key_length + keys.salt_length);
    for (int inbound = 0; inbound < 2; inbound++) {
        memset(keys.local_key, 0x55, sizeof keys.local_key);
        memset(keys.remote_key, 0xAA, sizeof keys.remote_key);
        memcpy(inbound ? keys.remote_key : keys.local_key, master, keys.key_length);
        memcpy(inbound ? keys.remote_salt : keys.local_salt, master + keys.key_length, keys.salt_length);
        struct dtls_srtp_config config = {.keys = &keys};
        struct dtls_srtp *srtp = dtls_srtp_new(&config);
        assert_non_null(srtp);
        for (int rtcp = 0; rtcp < 2; rtcp++) {
            uint8_t plain[128];
            uint8_t cipher[128];
            uint8_t work[128];
            char plain_ref[32];
            snprintf(plain_ref, sizeof plain_ref, "%s_plaintext_ref", rtcp ? rtcp_field : rtp_field);
            size_t plain_length = vector_bytes(text, group, plain_ref, plain, sizeof plain);
            size_t cipher_length = vector_bytes(text, group, rtcp ? "srtcp_ciphertext" : "srtp_ciphertext", cipher, sizeof cipher);
            size_t length = inbound ? cipher_length : plain_length;
            memcpy(work, inbound ? cipher : plain, length);
            if (inbound) {
                assert_int_equal(rtcp ? dtls_srtp_unprotect_rtcp(srtp, work, &length) : dtls_srtp_unprotect_rtp(srtp, work, &length), DTLS_OK);
            } else {
                assert_int_equal(rtcp ? dtls_srtp_protect_rtcp(srtp, work, &length, sizeof work)
                                      : dtls_srtp_protect_rtp(srtp, work, &length, sizeof work),
                                 DTLS_OK);
            }
            assert_int_equal(length, inbound ? plain_length : cipher_length);
            assert_memory_equal(work, inbound ? plain : cipher, length);
        }
        dtls_srtp_free(srtp);
    }
}

static void test_libsrtp_vectors(void **state) {
    (void)state;
    const char *text = read_vectors("test_libsrtp_vectors");
    if (text == NULL) {
        skip();
    }
    check_group(text, "srtp_validate", "test_key", DTLS_SRTP_AES128_CM_HMAC_SHA1_80, "srtp", "rtcp");
    check_group(text, "srtp_validate_gcm", "test_key_gcm", DTLS_SRTP_AEAD_AES_128_GCM, "rtp", "rtcp");
}

static int initialize(void **state) {
    (void)state;
    return dtls_srtp_initialize() == DTLS_OK && dtls_srtp_initialize() == DTLS_OK ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_own_packets_do_not_come_back),
        cmocka_unit_test(test_no_flipped_bit_passes),
        cmocka_unit_test(test_forgeries_leave_no_state),
        cmocka_unit_test(test_length_sweep),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_ssrc_capacity),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_rfc3711_appendix_b3),
        cmocka_unit_test(test_libsrtp_vectors),
    };
    return cmocka_run_group_tests(tests, initialize, NULL);
}
