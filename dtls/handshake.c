/*
 * From the first record to CONNECTED: who may interrupt the handshake, and what the peer has to prove.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "dtls/policy_internal.h"
#include "dtls/transport_internal.h"

#define HELLO_RANDOM_OFFSET 2 /* behind client_version */
#define ALERT_BYTES 2
#define ALERT_LEVEL_FATAL 2
#define ALERT_CLOSE_NOTIFY 0
#define EXTENSION_EXTENDED_MASTER_SECRET 23

/* ---- callbacks of OpenSSL ------------------------------------------------------------------------------------------ */

/*
 * The peer's certificate has come; its signature over the handshake comes after this. Instead of building a chain: is it the
 * certificate that the description promised?
 */
int dtls_handshake_verify_callback(X509_STORE_CTX *store, void *argument) {
    (void)argument;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls_transport *transport = SSL_get_app_data(ssl);
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    int chain = sk_X509_num(X509_STORE_CTX_get0_untrusted(store));

    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    if (leaf == NULL || X509_up_ref(leaf) != 1) {
        transport->verdict = DTLS_FAILURE_INTERNAL;
        return 0;
    }
    X509_free(transport->peer);
    transport->peer = leaf;
    /* RFC 8122 section 6.2, MUST: a certificate that matches no fingerprint ends it all, with bad_certificate; nothing else of it is believed. */
    if (transport->remote_count > 0 && !dtls_policy_matches(leaf, transport->remote, transport->remote_count)) {
        transport->verdict = DTLS_FAILURE_FINGERPRINT_MISMATCH;
        return 0;
    }
    if (chain > DTLS_CHAIN_MAX_CERTIFICATES || !dtls_policy_accepts_key(leaf)) {
        transport->verdict = DTLS_FAILURE_CERTIFICATE;
        return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
}

/* RFC 7627 section 5.2, SHOULD: a hello without the extension is refused. Without it the exported keys are not bound to this handshake. */
int dtls_handshake_client_hello_callback(SSL *ssl, int *alert, void *argument) {
    (void)argument;
    struct dtls_transport *transport = SSL_get_app_data(ssl);
    const unsigned char *extension;
    size_t length;
    if (SSL_client_hello_get0_ext(ssl, EXTENSION_EXTENDED_MASTER_SECRET, &extension, &length) != 1) {
        transport->complaint = DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET;
        *alert = SSL_AD_HANDSHAKE_FAILURE;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

void dtls_handshake_key_log_callback(const SSL *ssl, const char *line) {
    struct dtls_transport *transport = SSL_get_app_data(ssl);
    size_t length = strlen(line);
    if (transport->key_log && length <= sizeof transport->key_log_line) {
        memcpy(transport->key_log_line, line, length);
        transport->key_log_length = length;
        transport->key_log_waits = true;
    }
}

void dtls_handshake_info_callback(const SSL *ssl, int where, int value) {
    struct dtls_transport *transport = SSL_get_app_data(ssl);
    if (where == SSL_CB_READ_ALERT) {
        transport->stats.alert = (uint8_t)(value & 0xff);
    }
}

/* ---- the SSL object ------------------------------------------------------------------------------------------------ */

static bool configure(struct dtls_transport *transport) {
    SSL *ssl = transport->ssl;
    SSL_set_app_data(ssl, transport);
    BIO *bio = dtls_datagram_bio_new(transport);
    if (bio == NULL) {
        return false;
    }
    SSL_set_bio(ssl, bio, bio);
    /* SSL_set_tlsext_use_srtp returns 0 when it is content. */
    if (SSL_set_mtu(ssl, (long)transport->mtu_bytes) == 0 ||
        (transport->srtp_profiles[0] != '\0' && SSL_set_tlsext_use_srtp(ssl, transport->srtp_profiles) != 0)) {
        return false;
    }
    if (transport->role == DTLS_ROLE_CLIENT) {
        SSL_set_connect_state(ssl);
    } else {
        SSL_set_accept_state(ssl);
    }
    return true;
}

void dtls_handshake_discard(struct dtls_transport *transport) {
    SSL_free(transport->ssl);
    transport->ssl = NULL;
    transport->openssl_deadline = NULL;
    transport->retransmit_us = DTLS_NEVER;
    transport->hello_seen = false;
}

bool dtls_handshake_begin(struct dtls_transport *transport) {
    dtls_handshake_discard(transport);
    transport->verdict = transport->complaint = DTLS_FAILURE_NONE;
    transport->progress_us = transport->now_us;
    transport->ssl = SSL_new(transport->context);
    if (transport->ssl == NULL || !configure(transport)) {
        return false;
    }
    transport->last_handshake_state = (int)SSL_get_state(transport->ssl);
    return true;
}

/* ---- the end of a handshake, one way or the other --------------------------------------------------------------------- */

static void connected(struct dtls_transport *transport) {
    SSL_SESSION *session = SSL_get_session(transport->ssl);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(transport->ssl);
    const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(transport->ssl);
    transport->state = DTLS_TRANSPORT_CONNECTED;
    transport->connected_waits = true;
    transport->doubt_us = DTLS_NEVER;
    transport->give_up_us = DTLS_NEVER;
    transport->stats.handshake_us = transport->now_us - transport->started_us;
    transport->stats.tls_version = (uint16_t)(session == NULL ? 0 : SSL_SESSION_get_protocol_version(session));
    transport->stats.dtls_cipher = (uint16_t)(cipher == NULL ? 0 : SSL_CIPHER_get_protocol_id(cipher));
    transport->stats.srtp_profile = (uint16_t)(profile == NULL ? 0 : profile->id);
}

void dtls_handshake_judge(struct dtls_transport *transport) {
    if (transport->remote_count == 0) {
        return; /* RFC 8122 section 6.2, MUST: the answer may come after the handshake; until then the peer is nobody */
    }
    if (transport->peer == NULL || !dtls_policy_matches(transport->peer, transport->remote, transport->remote_count)) {
        dtls_transport_fail(transport, DTLS_FAILURE_FINGERPRINT_MISMATCH);
        return;
    }
    if (transport->state == DTLS_TRANSPORT_CONNECTING) {
        connected(transport);
    }
}

static void complete(struct dtls_transport *transport) {
    transport->handshake_done = true;
    transport->retransmit_us = DTLS_NEVER;
    transport->doubt_us = DTLS_NEVER;
    /* RFC 7627 section 5.2, SHOULD: so is a server's. */
    if (SSL_get_extms_support(transport->ssl) != 1) {
        dtls_transport_fail(transport, DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET);
        return;
    }
    /* RFC 5764 section 4.1: a handshake without a common profile is one without SRTP. We came for SRTP, unless told otherwise. */
    if (!transport->srtp_optional && SSL_get_selected_srtp_profile(transport->ssl) == NULL) {
        dtls_transport_fail(transport, DTLS_FAILURE_NO_SRTP_PROFILE);
        return;
    }
    dtls_handshake_judge(transport);
}

static void doubt(struct dtls_transport *transport, enum dtls_failure failure) {
    if (transport->doubt_us == DTLS_NEVER) {
        transport->doubt_us = transport->now_us + DTLS_DOUBT_US;
        transport->doubt_failure = failure;
    }
}

/*
 * OpenSSL has given the handshake up. What it did not like was plaintext that anybody may have sent, so begin again, and
 * believe the failure only if nothing better comes (DTLS_DOUBT_US). The certificate is the exception: RFC 8122 wants
 * the end at once.
 */
static void broken(struct dtls_transport *transport, bool authenticated) {
    if (transport->verdict != DTLS_FAILURE_NONE) {
        dtls_transport_fail(transport, transport->verdict);
        return;
    }
    enum dtls_failure failure = transport->complaint != DTLS_FAILURE_NONE ? transport->complaint : DTLS_FAILURE_HANDSHAKE;
    if (authenticated || transport->stats.restarts == DTLS_RESTARTS_MAX) {
        dtls_transport_fail(transport, failure);
        return;
    }
    doubt(transport, failure);
    transport->stats.restarts++;
    if (!dtls_handshake_begin(transport)) {
        dtls_transport_fail(transport, DTLS_FAILURE_INTERNAL);
    } else if (transport->role == DTLS_ROLE_CLIENT) {
        dtls_handshake_advance(transport);
    }
}

static void advance(struct dtls_transport *transport, bool authenticated) {
    ERR_clear_error();
    int result = SSL_do_handshake(transport->ssl);
    if (result == 1) {
        complete(transport);
        return;
    }
    int error = SSL_get_error(transport->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        broken(transport, authenticated);
        return;
    }
    int state = (int)SSL_get_state(transport->ssl);
    if (state != transport->last_handshake_state) {
        transport->last_handshake_state = state;
        transport->progress_us = transport->now_us;
        transport->doubt_us = DTLS_NEVER;
    }
}

void dtls_handshake_advance(struct dtls_transport *transport) {
    advance(transport, false);
    ERR_clear_error();
}

/* ---- records before CONNECTED ------------------------------------------------------------------------------------------ */

/* RFC 6347 section 4.1.2.7: an alert in plaintext proves nothing; RFC 5246 section 7.2 would make it the end. We wait for better news. */
static void plaintext_alert(struct dtls_transport *transport, const struct dtls_record *record) {
    transport->stats.alerts_ignored++;
    if (record->fragment_length == ALERT_BYTES &&
        (record->fragment[0] == ALERT_LEVEL_FATAL || record->fragment[1] == ALERT_CLOSE_NOTIFY)) {
        transport->stats.alert = record->fragment[1];
        doubt(transport, DTLS_FAILURE_ALERT);
    }
}

/*
 * A ClientHello other than the one being answered. The first to come may have been the forgery, so the newcomer takes
 * its place when that handshake does not move; while it moves, the newcomer is the forgery.
 */
static bool challenge(struct dtls_transport *transport, const struct dtls_record *record) {
    struct dtls_handshake_fragment fragment;
    size_t at = 0;
    while (dtls_handshake_fragment_next(record, &at, &fragment)) {
        if (fragment.type != DTLS_HANDSHAKE_CLIENT_HELLO || fragment.offset != 0 ||
            fragment.length < HELLO_RANDOM_OFFSET + DTLS_HELLO_RANDOM_BYTES) {
            continue;
        }
        const uint8_t *random = fragment.body + HELLO_RANDOM_OFFSET;
        if (transport->hello_seen && memcmp(random, transport->hello_random, DTLS_HELLO_RANDOM_BYTES) != 0) {
            bool stuck = transport->now_us - transport->progress_us >= DTLS_CHALLENGE_US;
            if (!stuck || transport->stats.restarts == DTLS_RESTARTS_MAX) {
                return false;
            }
            transport->stats.restarts++;
            if (!dtls_handshake_begin(transport)) {
                dtls_transport_fail(transport, DTLS_FAILURE_INTERNAL);
                return false;
            }
        }
        memcpy(transport->hello_random, random, DTLS_HELLO_RANDOM_BYTES);
        transport->hello_seen = true;
    }
    return true;
}

static bool plaintext_acceptable(struct dtls_transport *transport, const struct dtls_record *record) {
    switch (record->type) {
    case DTLS_CONTENT_CHANGE_CIPHER_SPEC:
        return record->fragment_length == 1 && record->fragment[0] == 1;
    case DTLS_CONTENT_HANDSHAKE:
        return dtls_record_handshake_plausible(record, transport->role == DTLS_ROLE_SERVER) &&
               (transport->role == DTLS_ROLE_CLIENT || challenge(transport, record));
    default:
        return false; /* application data in plaintext does not exist */
    }
}

/*
 * RFC 6347 section 4.1, MAY: records of the next epoch that come early are dropped; the flight comes again. OpenSSL would keep
 * a hundred of them, 18 kB each, for whoever sends them.
 */
static bool encrypted_acceptable(const struct dtls_transport *transport) {
    OSSL_HANDSHAKE_STATE state = SSL_get_state(transport->ssl);
    return state == TLS_ST_CR_CHANGE || state == TLS_ST_SR_CHANGE;
}

bool dtls_handshake_record(struct dtls_transport *transport, const struct dtls_record *record) {
    if (record->epoch == 0 && record->type == DTLS_CONTENT_ALERT) {
        plaintext_alert(transport, record);
        return true;
    }
    bool acceptable = record->epoch == 0   ? plaintext_acceptable(transport, record)
                      : record->epoch == 1 ? encrypted_acceptable(transport)
                                           : false;
    if (!acceptable) {
        return false;
    }
    transport->inbound = record->bytes;
    transport->inbound_length = record->length;
    advance(transport, record->epoch == 1);
    ERR_clear_error();
    transport->inbound = NULL;
    return true;
}
