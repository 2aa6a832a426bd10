/* OpenSSL's server side over two memory BIOs. */
#include "test/net/tls_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* ---- certificates ---------------------------------------------------------------------------------------------------------- */

static void add_extension(X509 *x509, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

void text_file(const char *text, int *descriptor, char path[static 40]) {
    *descriptor = memfd_create("strata-test", MFD_CLOEXEC);
    assert_true(*descriptor >= 0);
    assert_int_equal(write(*descriptor, text, strlen(text)), (ssize_t)strlen(text));
    snprintf(path, 40, "/proc/self/fd/%d", *descriptor);
}

struct certificate *certificate_new(const struct certificate_wish *wish) {
    static long serial = 1;
    struct certificate *made = calloc(1, sizeof *made);
    assert_non_null(made);
    made->key = EVP_EC_gen("P-256");
    made->x509 = X509_new();
    assert_true(made->key != NULL && made->x509 != NULL);
    X509_set_version(made->x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made->x509), serial++);
    X509_gmtime_adj(X509_getm_notBefore(made->x509), wish->from_s);
    X509_gmtime_adj(X509_getm_notAfter(made->x509), wish->until_s);
    X509_set_pubkey(made->x509, made->key);
    X509_NAME *name = X509_get_subject_name(made->x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)wish->common_name, -1, -1, 0);
    X509_set_issuer_name(made->x509, wish->issuer != NULL ? X509_get_subject_name(wish->issuer->x509) : name);
    if (wish->authority)
        add_extension(made->x509, NID_basic_constraints, "critical,CA:TRUE");
    if (wish->subject_alt_name != NULL)
        add_extension(made->x509, NID_subject_alt_name, wish->subject_alt_name);
    assert_true(X509_sign(made->x509, wish->issuer != NULL ? wish->issuer->key : made->key, EVP_sha256()) > 0);

    BIO *pem = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(pem, made->x509);
    BIO_write(pem, "", 1);
    char *text;
    BIO_get_mem_data(pem, &text);
    text_file(text, &made->descriptor, made->file);
    BIO_free(pem);
    return made;
}

void certificate_free(struct certificate *certificate) {
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
    close(certificate->descriptor);
    free(certificate);
}

struct certificate *certificate_for(const char *subject_alt_name, const struct certificate *issuer) {
    return certificate_new(&(struct certificate_wish){.common_name = "strata test", .subject_alt_name = subject_alt_name, .issuer = issuer,
                                                      .from_s = -3600, .until_s = 86400});
}

struct certificate *authority_new(void) {
    return certificate_new(&(struct certificate_wish){.common_name = "strata test authority", .authority = true, .from_s = -3600, .until_s = 86400});
}

/* ---- the server -------------------------------------------------------------------------------------------------------------- */

static int on_protocols(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned in_length, void *context) {
    (void)ssl;
    struct tls_server *server = context;
    if (in_length < sizeof server->protocols)
        memcpy(server->protocols, in, in_length);
    if (!server->choose_protocol || in_length < 10)
        return SSL_TLSEXT_ERR_NOACK;
    *out = in + 1;
    *length = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static int on_name(SSL *ssl, int *alert, void *context) {
    (void)alert;
    struct tls_server *server = context;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name != NULL)
        snprintf(server->name, sizeof server->name, "%s", name);
    return SSL_TLSEXT_ERR_OK;
}

struct tls_server *tls_server_new(const struct certificate *certificate) {
    struct tls_server *server = calloc(1, sizeof *server);
    assert_non_null(server);
    server->context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server->context, certificate->x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server->context, certificate->key), 1);
    SSL_CTX_set_alpn_select_cb(server->context, on_protocols, server);
    SSL_CTX_set_tlsext_servername_callback(server->context, on_name);
    SSL_CTX_set_tlsext_servername_arg(server->context, server);
    server->ssl = SSL_new(server->context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(server->ssl, in, out);
    SSL_set_accept_state(server->ssl);
    return server;
}

void tls_server_free(struct tls_server *server) {
    SSL_free(server->ssl);
    SSL_CTX_free(server->context);
    free(server);
}

void tls_server_feed(struct tls_server *server, const uint8_t *bytes, size_t length) {
    BIO_write(SSL_get_rbio(server->ssl), bytes, (int)length);
}

size_t tls_server_take(struct tls_server *server, uint8_t *out, size_t capacity) {
    int length = BIO_read(SSL_get_wbio(server->ssl), out, (int)capacity);
    return length > 0 ? (size_t)length : 0;
}

bool tls_server_shake(struct tls_server *server) {
    ERR_clear_error();
    int result = server->shaken ? 1 : SSL_do_handshake(server->ssl);
    if (result == 1 && !server->shaken && server->greeting != NULL)
        tls_server_write(server, (const uint8_t *)server->greeting, strlen(server->greeting));
    server->shaken = result == 1;
    return server->shaken || SSL_get_error(server->ssl, result) == SSL_ERROR_WANT_READ;
}

long tls_server_read(struct tls_server *server, uint8_t *out, size_t capacity) {
    ERR_clear_error();
    int length = SSL_read(server->ssl, out, (int)capacity);
    if (length > 0)
        return length;
    return SSL_get_error(server->ssl, length) == SSL_ERROR_WANT_READ ? 0 : -1;
}

void tls_server_write(struct tls_server *server, const uint8_t *bytes, size_t length) {
    assert_int_equal(SSL_write(server->ssl, bytes, (int)length), (int)length);
}

bool tls_server_move(struct tls_server *server, int descriptor) {
    uint8_t bytes[16384];
    ssize_t got;
    while ((got = recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
        tls_server_feed(server, bytes, (size_t)got);
    tls_server_shake(server);
    size_t length;
    while ((length = tls_server_take(server, bytes, sizeof bytes)) > 0)
        if (send(descriptor, bytes, length, MSG_NOSIGNAL) < 0)
            return false;
    return got != 0;
}
