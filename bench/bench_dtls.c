/*
 * What security costs: SRTP for each 1,200-byte packet, and a handshake for each pair, as ratios to floors measured in the same run.
 *
 *   SRTP       floor: AES-128-GCM over the same bytes with a cached EVP context (nonce, header as associated data, tag)
 *   handshake  floor: the arithmetic of its public keys on P-256, at each end one ephemeral key, one agreement,
 *              one ECDSA signature and one verification
 *
 * Each figure is the best of many batches: interference by other processes only ever adds.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dtls/srtp.h"
#include "dtls/transport.h"

#define BATCHES 40
#define PACKETS 500
#define HANDSHAKES 8
#define RTP_HEADER_BYTES 12
#define PACKET_BYTES 1200
#define TAG_BYTES 16

static void fail(const char *what) {
    fprintf(stderr, "bench_dtls: %s\n", what);
    exit(1);
}

static double cpu_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double best_of(void (*batch)(void), unsigned rounds) {
    double best = 1e18;
    for (int i = 0; i < BATCHES; i++) {
        double started = cpu_ns();
        batch();
        double took = (cpu_ns() - started) / rounds;
        best = took < best ? took : best;
    }
    return best;
}

/* ---- SRTP ---------------------------------------------------------------------------------------------------------------- */

static struct dtls_srtp *sender;
static struct dtls_srtp *receiver;
static uint16_t sequence;
static uint8_t packets[PACKETS][PACKET_BYTES + DTLS_SRTP_MAX_OVERHEAD_BYTES];
static size_t lengths[PACKETS];
static EVP_CIPHER_CTX *gcm;

static void prepare_packets(void) {
    for (size_t i = 0; i < PACKETS; i++) {
        memset(packets[i], 0x5A, PACKET_BYTES);
        packets[i][0] = 0x80;
        sequence++;
        packets[i][2] = (uint8_t)(sequence >> 8);
        packets[i][3] = (uint8_t)sequence;
        lengths[i] = PACKET_BYTES;
    }
}

static void protect_all(void) {
    prepare_packets(); /* counts: 500 x 1,200 bytes of memset, a few per cent, in the floor too */
    for (size_t i = 0; i < PACKETS; i++) {
        if (dtls_srtp_protect_rtp(sender, packets[i], &lengths[i], sizeof packets[i]) != DTLS_OK) {
            fail("protect");
        }
    }
}

static void protect_and_unprotect_all(void) {
    protect_all();
    for (size_t i = 0; i < PACKETS; i++) {
        if (dtls_srtp_unprotect_rtp(receiver, packets[i], &lengths[i]) != DTLS_OK) {
            fail("unprotect");
        }
    }
}

static void floor_gcm(void) {
    prepare_packets();
    for (size_t i = 0; i < PACKETS; i++) {
        uint8_t nonce[12] = {(uint8_t)i, (uint8_t)(i >> 8)};
        int n;
        uint8_t *payload = packets[i] + RTP_HEADER_BYTES;
        if (EVP_EncryptInit_ex(gcm, NULL, NULL, NULL, nonce) != 1 || EVP_EncryptUpdate(gcm, NULL, &n, packets[i], RTP_HEADER_BYTES) != 1 ||
            EVP_EncryptUpdate(gcm, payload, &n, payload, PACKET_BYTES - RTP_HEADER_BYTES) != 1 ||
            EVP_EncryptFinal_ex(gcm, payload, &n) != 1 ||
            EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, packets[i] + PACKET_BYTES) != 1) {
            fail("EVP");
        }
    }
}

static void bench_srtp(void) {
    static const enum dtls_srtp_profile profiles[] = {DTLS_SRTP_AEAD_AES_128_GCM, DTLS_SRTP_AEAD_AES_256_GCM, DTLS_SRTP_AES128_CM_HMAC_SHA1_80};
    static const uint8_t key[16] = {1};
    gcm = EVP_CIPHER_CTX_new();
    if (gcm == NULL || EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), NULL, key, NULL) != 1 || dtls_srtp_initialize() != DTLS_OK) {
        fail("set-up");
    }
    double floor_ns = best_of(floor_gcm, PACKETS);
    printf("%-42s %8.0f ns\n", "floor: EVP AES-128-GCM, 1200 bytes", floor_ns);
    for (size_t p = 0; p < sizeof profiles / sizeof profiles[0]; p++) {
        struct dtls_srtp_keys keys = {.profile = profiles[p]};
        (void)dtls_srtp_profile_lengths(profiles[p], &keys.key_length, &keys.salt_length);
        keys.local_key[0] = 1;
        keys.remote_key[0] = 2;
        struct dtls_srtp_config config = {.keys = &keys};
        sender = dtls_srtp_new(&config);
        keys.local_key[0] = 2;
        keys.remote_key[0] = 1;
        receiver = dtls_srtp_new(&config);
        if (sender == NULL || receiver == NULL) {
            fail("dtls_srtp_new");
        }
        sequence = 0;
        double both_ns = best_of(protect_and_unprotect_all, PACKETS);
        double protect_ns = best_of(protect_all, PACKETS);
        printf("%-26s protect        %8.0f ns  %5.2f x floor\n", dtls_srtp_profile_name(profiles[p]), protect_ns, protect_ns / floor_ns);
        printf("%-26s unprotect      %8.0f ns  %5.2f x floor\n", "", both_ns - protect_ns, (both_ns - protect_ns) / floor_ns);
        dtls_srtp_free(sender);
        dtls_srtp_free(receiver);
    }
    EVP_CIPHER_CTX_free(gcm);
}

/* ---- handshake -------------------------------------------------------------------------------------------------------------- */

static struct dtls_certificate *certificate[2];
static struct dtls_fingerprint fingerprint[2];

static bool carry(struct dtls_transport *from, struct dtls_transport *to) {
    uint8_t bytes[DTLS_MTU_DEFAULT_BYTES];
    struct dtls_transmit transmit;
    bool any = false;
    while (dtls_transport_poll_transmit(from, 1000, bytes, sizeof bytes, &transmit)) {
        (void)dtls_transport_handle_datagram(to, 1000, bytes, transmit.length);
        any = true;
    }
    return any;
}

static void handshakes(void) {
    for (int i = 0; i < HANDSHAKES; i++) {
        struct dtls_transport *end[2];
        for (int k = 0; k < 2; k++) {
            struct dtls_transport_config config = {
                .role = k == 0 ? DTLS_ROLE_CLIENT : DTLS_ROLE_SERVER,
                .certificate = certificate[k],
                .remote_fingerprints = &fingerprint[1 - k],
                .remote_fingerprint_count = 1,
            };
            end[k] = dtls_transport_new(&config, 1000);
        }
        while (carry(end[0], end[1]) || carry(end[1], end[0])) {
        }
        if (dtls_transport_state(end[0]) != DTLS_TRANSPORT_CONNECTED || dtls_transport_state(end[1]) != DTLS_TRANSPORT_CONNECTED) {
            fail("handshake");
        }
        dtls_transport_free(end[0]);
        dtls_transport_free(end[1]);
    }
}

static void certificates(void) {
    struct dtls_certificate_config config = {.wall_clock_s = 1700000000};
    for (int i = 0; i < HANDSHAKES; i++) {
        dtls_certificate_free(dtls_certificate_new(&config));
    }
}

static EVP_PKEY *signing_key;

/* One end makes one ephemeral key and one agreement, signs once, and verifies once. */
static void arithmetic_of_one_end(void) {
    static const uint8_t digest_of[32] = {7};
    uint8_t signature[80];
    uint8_t secret[64];
    size_t signature_length = sizeof signature;
    size_t secret_length = sizeof secret;
    EVP_PKEY *ephemeral = EVP_EC_gen("P-256");
    EVP_PKEY_CTX *agree = EVP_PKEY_CTX_new(ephemeral, NULL);
    EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new(signing_key, NULL);
    EVP_PKEY_CTX *verify = EVP_PKEY_CTX_new(signing_key, NULL);
    bool ok = EVP_PKEY_derive_init(agree) == 1 && EVP_PKEY_derive_set_peer_ex(agree, signing_key, 0) == 1 &&
              EVP_PKEY_derive(agree, secret, &secret_length) == 1 && EVP_PKEY_sign_init(sign) == 1 &&
              EVP_PKEY_sign(sign, signature, &signature_length, digest_of, sizeof digest_of) == 1 && EVP_PKEY_verify_init(verify) == 1 &&
              EVP_PKEY_verify(verify, signature, signature_length, digest_of, sizeof digest_of) == 1;
    EVP_PKEY_CTX_free(agree);
    EVP_PKEY_CTX_free(sign);
    EVP_PKEY_CTX_free(verify);
    EVP_PKEY_free(ephemeral);
    if (!ok) {
        fail("public-key arithmetic");
    }
}

static void arithmetic(void) {
    for (int i = 0; i < 2 * HANDSHAKES; i++) {
        arithmetic_of_one_end();
    }
}

static void bench_handshake(void) {
    struct dtls_certificate_config config = {.wall_clock_s = 1700000000};
    for (int i = 0; i < 2; i++) {
        certificate[i] = dtls_certificate_new(&config);
        if (certificate[i] == NULL) {
            fail("certificate");
        }
        dtls_certificate_fingerprint(certificate[i], &fingerprint[i]);
    }
    signing_key = EVP_EC_gen("P-256");
    double floor_ns = best_of(arithmetic, HANDSHAKES);
    double pair_ns = best_of(handshakes, HANDSHAKES);
    double certificate_ns = best_of(certificates, HANDSHAKES);
    printf("%-42s %8.0f us\n", "floor: public keys of a handshake, both ends", floor_ns / 1000);
    printf("%-42s %8.0f us  %5.2f x floor\n", "handshake, both ends", pair_ns / 1000, pair_ns / floor_ns);
    printf("%-42s %8.0f us  %5.2f x floor\n", "certificate, key and settings", certificate_ns / 1000, certificate_ns / floor_ns);
    EVP_PKEY_free(signing_key);
    dtls_certificate_free(certificate[0]);
    dtls_certificate_free(certificate[1]);
}

int main(void) {
    bench_srtp();
    bench_handshake();
    return 0;
}
