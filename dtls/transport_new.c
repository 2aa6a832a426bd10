/*
 * Making and freeing a transport: what its configuration may say, and the one block of memory it lives in.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/certificate_internal.h"
#include "dtls/transport_internal.h"

/* OpenSSL 3.2 keeps its deadline to itself: see datagram_bio.c. */
#define OPENSSL_3_2 0x30200000ul

static const char *openssl_profile_name(enum dtls_srtp_profile profile) {
    switch (profile) {
    case DTLS_SRTP_AES128_CM_HMAC_SHA1_80:
        return "SRTP_AES128_CM_SHA1_80";
    case DTLS_SRTP_AEAD_AES_128_GCM:
        return "SRTP_AEAD_AES_128_GCM";
    case DTLS_SRTP_AEAD_AES_256_GCM:
        return "SRTP_AEAD_AES_256_GCM";
    }
    return NULL;
}

/* Joins the names with ':'. RFC 8827 section 6.5, MUST: everybody has AES128_CM_HMAC_SHA1_80, so it is among the default. */
static bool write_profiles(const enum dtls_srtp_profile *profiles, size_t count, char *text, size_t capacity) {
    static const enum dtls_srtp_profile defaults[] = {DTLS_SRTP_AEAD_AES_128_GCM, DTLS_SRTP_AES128_CM_HMAC_SHA1_80};
    if (profiles == NULL && count == 0) {
        profiles = defaults;
        count = sizeof defaults / sizeof defaults[0];
    }
    if (profiles == NULL || count == 0 || count > DTLS_SRTP_PROFILES_MAX) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = openssl_profile_name(profiles[i]);
        size_t length = name == NULL ? 0 : strlen(name);
        if (name == NULL || at + length + 2 > capacity) {
            return false;
        }
        if (i > 0) {
            text[at++] = ':';
        }
        memcpy(text + at, name, length);
        at += length;
    }
    text[at] = '\0';
    return true;
}

static void *default_allocate(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void default_release(void *context, void *memory) {
    (void)context;
    free(memory);
}

static bool config_valid(const struct dtls_transport_config *config) {
    return config != NULL && (config->role == DTLS_ROLE_CLIENT || config->role == DTLS_ROLE_SERVER) && config->certificate != NULL &&
           config->remote_fingerprint_count <= DTLS_REMOTE_FINGERPRINTS_MAX &&
           (config->remote_fingerprint_count == 0 || config->remote_fingerprints != NULL) &&
           (config->mtu_bytes == 0 || (config->mtu_bytes >= DTLS_MTU_MIN_BYTES && config->mtu_bytes <= DTLS_MTU_MAX_BYTES)) &&
           (config->initial_retransmit_us == 0 ||
            (config->initial_retransmit_us >= DTLS_RETRANSMIT_MIN_US && config->initial_retransmit_us <= DTLS_RETRANSMIT_MAX_US));
}

static void copy_config(struct dtls_transport *transport, const struct dtls_transport_config *config) {
    transport->role = config->role;
    transport->initial_retransmit_us = config->initial_retransmit_us == 0 ? DTLS_RETRANSMIT_DEFAULT_US : config->initial_retransmit_us;
    transport->handshake_timeout_us = config->handshake_timeout_us == 0 ? DTLS_HANDSHAKE_TIMEOUT_DEFAULT_US : config->handshake_timeout_us;
    transport->srtp_optional = config->srtp_optional;
    transport->key_log = config->key_log;
    transport->remote_count = config->remote_fingerprint_count;
    if (config->remote_fingerprint_count > 0) {
        memcpy(transport->remote, config->remote_fingerprints, config->remote_fingerprint_count * sizeof transport->remote[0]);
    }
    transport->openssl_keeps_time = OpenSSL_version_num() >= OPENSSL_3_2;
}

struct dtls_transport *dtls_transport_new(const struct dtls_transport_config *config, uint64_t now_us) {
    if (!config_valid(config)) {
        return NULL;
    }
    struct dtls_allocator allocator = {NULL, default_allocate, default_release};
    if (config->allocator != NULL) {
        allocator = *config->allocator;
    }
    size_t mtu_bytes = config->mtu_bytes == 0 ? DTLS_MTU_DEFAULT_BYTES : config->mtu_bytes;
    size_t total = sizeof(struct dtls_transport) + DTLS_TRANSMIT_QUEUE_DATAGRAMS * mtu_bytes;
    if (config->byte_budget != 0 && total > config->byte_budget) {
        return NULL;
    }
    struct dtls_transport *transport = allocator.allocate(allocator.context, total);
    if (transport == NULL) {
        return NULL;
    }
    memset(transport, 0, sizeof *transport);
    transport->allocator = allocator;
    transport->mtu_bytes = mtu_bytes;
    transport->queue.slots = (uint8_t *)(transport + 1);
    transport->queue.slot_bytes = mtu_bytes;
    transport->now_us = now_us;
    transport->retransmit_us = transport->give_up_us = transport->doubt_us = DTLS_NEVER;
    copy_config(transport, config);
    transport->bio_method = dtls_datagram_bio_method_new();
    if (SSL_CTX_up_ref(config->certificate->context) == 1) {
        transport->context = config->certificate->context;
    }
    if (transport->bio_method == NULL || transport->context == NULL ||
        !write_profiles(config->srtp_profiles, config->srtp_profile_count, transport->srtp_profiles, sizeof transport->srtp_profiles)) {
        dtls_transport_free(transport);
        return NULL;
    }
    return transport;
}

void dtls_transport_free(struct dtls_transport *transport) {
    if (transport == NULL) {
        return;
    }
    dtls_handshake_discard(transport);
    X509_free(transport->peer);
    SSL_CTX_free(transport->context);
    BIO_meth_free(transport->bio_method);
    ERR_clear_error();
    struct dtls_allocator allocator = transport->allocator;
    OPENSSL_cleanse(transport, sizeof *transport);
    allocator.release(allocator.context, transport);
}
