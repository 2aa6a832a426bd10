/* TLS over two memory BIOs. What OpenSSL says about a certificate becomes one of the four sentences a person can act on. */
#include "app/net/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "stun/address.h"

struct net_tls_trust {
    SSL_CTX *context;
};

struct net_tls_session {
    SSL *ssl;
    BIO *from_network; /* both belong to ssl */
    BIO *to_network;
    char protocol[32];
};

/* ---- whom to believe -------------------------------------------------------------------------------------------------- */

/* An errno if the file could not be opened, else the content is at fault. */
static int load_authorities(SSL_CTX *context, const char *file) {
    ERR_clear_error();
    errno = 0;
    if (SSL_CTX_load_verify_file(context, file) == 1)
        return 0;
    int error = -EINVAL;
    for (unsigned long code; (code = ERR_get_error()) != 0;)
        if (ERR_SYSTEM_ERROR(code))
            error = -ERR_GET_REASON(code);
    return error;
}

static bool configure(SSL_CTX *context) {
    /* The label that RFC 7443 registers for TURN, so that a server with several protocols on one port can tell. */
    static const unsigned char protocols[] = "\x09stun.turn";
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    /* RFC 9325 section 3.1.1, MUST NOT: nothing older than TLS 1.2; section 4.2: forward secrecy and authenticated encryption. */
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1) == 0 && SSL_CTX_set_default_verify_paths(context) == 1;
}

int net_tls_trust_new(const char *ca_file, struct net_tls_trust **out) {
    struct net_tls_trust *trust = calloc(1, sizeof *trust);
    if (trust == NULL)
        return -ENOMEM;
    trust->context = SSL_CTX_new(TLS_client_method());
    int error = trust->context != NULL && configure(trust->context) ? 0 : -ENOMEM;
    if (error == 0 && ca_file != NULL)
        error = load_authorities(trust->context, ca_file);
    if (error != 0) {
        net_tls_trust_free(trust);
        return error;
    }
    *out = trust;
    return 0;
}

void net_tls_trust_free(struct net_tls_trust *trust) {
    if (trust == NULL)
        return;
    SSL_CTX_free(trust->context); /* sessions hold a reference of their own */
    free(trust);
}

/* ---- one session ------------------------------------------------------------------------------------------------------- */

/* The certificate has to be for this name or address, and a name is told to the server. */
static bool expect_server(SSL *ssl, const char *server_name) {
    size_t length = strnlen(server_name, NET_TLS_NAME_MAX_BYTES + 2);
    struct stun_address literal;
    if (length > 0 && stun_address_parse_ip(server_name, length, &literal))
        return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), literal.ip, stun_address_ip_bytes(&literal)) == 1;
    char name[NET_TLS_NAME_MAX_BYTES + 1];
    if (length > 0 && server_name[length - 1] == '.')
        length--; /* RFC 6066 section 3: a name stands there without its final dot */
    if (length == 0 || length > NET_TLS_NAME_MAX_BYTES)
        return false;
    memcpy(name, server_name, length);
    name[length] = '\0';
    /* RFC 9525 section 6.3, MUST NOT: the common name does not count, subjectAltName does; and a wildcard is a whole label. */
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* RFC 6066 section 3, MUST NOT: IP literals are no server names; they took the other way above. */
    return X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), name, length) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct net_tls_session *net_tls_session_new(struct net_tls_trust *trust, const char *server_name) {
    struct net_tls_session *session = calloc(1, sizeof *session);
    if (session == NULL)
        return NULL;
    ERR_clear_error();
    session->ssl = SSL_new(trust->context);
    session->from_network = BIO_new(BIO_s_mem());
    session->to_network = BIO_new(BIO_s_mem());
    if (session->ssl == NULL || session->from_network == NULL || session->to_network == NULL) {
        BIO_free(session->from_network);
        BIO_free(session->to_network);
        SSL_free(session->ssl);
        free(session);
        return NULL;
    }
    BIO_set_mem_eof_return(session->from_network, -1); /* empty means wait, not the end */
    SSL_set_bio(session->ssl, session->from_network, session->to_network);
    SSL_set_connect_state(session->ssl);
    if (!expect_server(session->ssl, server_name)) {
        net_tls_session_free(session);
        return NULL;
    }
    return session;
}

void net_tls_session_free(struct net_tls_session *session) {
    if (session == NULL)
        return;
    SSL_free(session->ssl);
    free(session);
}

bool net_tls_session_offer_protocol(struct net_tls_session *session, const char *protocol) {
    unsigned char list[256];
    size_t length = strlen(protocol);
    if (length == 0 || length > 255)
        return false;
    list[0] = (unsigned char)length;
    memcpy(list + 1, protocol, length);
    return SSL_set_alpn_protos(session->ssl, list, (unsigned)length + 1) == 0;
}

bool net_tls_feed(struct net_tls_session *session, const uint8_t *bytes, size_t length) {
    size_t written;
    return length == 0 || (BIO_write_ex(session->from_network, bytes, length, &written) == 1 && written == length);
}

/* ---- the handshake ------------------------------------------------------------------------------------------------------- */

static int handshake_error(const SSL *ssl) {
    switch (SSL_get_verify_result(ssl)) {
    case X509_V_OK:
        return ICE_STREAM_ERROR_TLS;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return ICE_STREAM_ERROR_TLS_NAME;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return ICE_STREAM_ERROR_TLS_EXPIRED;
    default: /* no issuer, self-signed, a broken signature, a weak key, a wrong purpose: nobody we believe vouches for it */
        return ICE_STREAM_ERROR_TLS_UNTRUSTED;
    }
}

enum net_tls_progress net_tls_handshake(struct net_tls_session *session, int *error) {
    ERR_clear_error();
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        const unsigned char *chosen;
        unsigned length;
        SSL_get0_alpn_selected(session->ssl, &chosen, &length);
        if (length > 0 && length < sizeof session->protocol)
            memcpy(session->protocol, chosen, length);
        return NET_TLS_DONE;
    }
    if (SSL_get_error(session->ssl, result) == SSL_ERROR_WANT_READ)
        return NET_TLS_MORE;
    *error = handshake_error(session->ssl);
    return NET_TLS_FAILED;
}

/* ---- data ------------------------------------------------------------------------------------------------------------------- */

long net_tls_read(struct net_tls_session *session, uint8_t *out, size_t capacity, int *error) {
    size_t length = 0;
    ERR_clear_error();
    if (SSL_read_ex(session->ssl, out, capacity, &length) == 1)
        return (long)length;
    int why = SSL_get_error(session->ssl, 0);
    if (why == SSL_ERROR_WANT_READ)
        return 0;
    *error = why == SSL_ERROR_ZERO_RETURN ? 0 : ICE_STREAM_ERROR_TLS;
    return -1;
}

bool net_tls_write(struct net_tls_session *session, const uint8_t *bytes, size_t length) {
    size_t written = 0;
    ERR_clear_error();
    return length == 0 || (SSL_write_ex(session->ssl, bytes, length, &written) == 1 && written == length);
}

void net_tls_close(struct net_tls_session *session) {
    ERR_clear_error();
    if (SSL_is_init_finished(session->ssl))
        SSL_shutdown(session->ssl); /* we do not wait for theirs: what they still send is of no use */
}

size_t net_tls_take_output(struct net_tls_session *session, uint8_t *out, size_t capacity) {
    size_t length = 0;
    return capacity > 0 && BIO_read_ex(session->to_network, out, capacity, &length) == 1 ? length : 0;
}

size_t net_tls_output_bytes(const struct net_tls_session *session) {
    return BIO_ctrl_pending(session->to_network);
}

const char *net_tls_version(const struct net_tls_session *session) {
    return SSL_get_version(session->ssl);
}

const char *net_tls_application_protocol(const struct net_tls_session *session) {
    return session->protocol;
}
