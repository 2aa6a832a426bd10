/* wss: a certificate that the client was told to trust, one that it was not, and one for another name (RFC 9110 section 4.3.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "test/websocket/pair.h"

/* libwebsockets 4.1 keeps one SSL_CTX of a server's vhost, 12 kB at the end of the process (docs/signaling.md). Nothing else is let pass. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:lws_create_vhost\n";
}

/* The libraries have no frame pointers: only the slow unwinder gets as far as the name above. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "fast_unwind_on_malloc=0";
}

struct files {
    char certificate[64], key[64];
};

/* A self-signed certificate for the name, good for a day. */
static void make_certificate(struct files *files, const char *dns_name) {
    static int number;
    char san[128];
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_true(key != NULL && certificate != NULL);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)dns_name, -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    snprintf(san, sizeof san, "DNS:%s", dns_name);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    snprintf(files->certificate, sizeof files->certificate, "/tmp/strata-test-%d-%d.crt", (int)getpid(), number);
    snprintf(files->key, sizeof files->key, "/tmp/strata-test-%d-%d.key", (int)getpid(), number++);
    FILE *file = fopen(files->certificate, "w");
    assert_non_null(file);
    PEM_write_X509(file, certificate);
    fclose(file);
    file = fopen(files->key, "w");
    assert_non_null(file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* One client against a server that shows a certificate for `name`. */
static void run(const char *name, bool trusted, bool welcome) {
    struct files files;
    struct test_pair pair;
    struct test_client client;
    char url[128];
    make_certificate(&files, name);
    struct signaling_server_config config = {.tls_certificate_file = files.certificate, .tls_key_file = files.key};
    test_pair_open(&pair, &config);
    snprintf(url, sizeof url, "wss://localhost:%u/r/demo", (unsigned)signaling_server_port(pair.server));
    test_client_open_url(&pair, &client, url, trusted ? files.certificate : NULL);
    TEST_RUN_UNTIL(&pair, client.message_count == 1 || client.closed);
    assert_int_equal(client.message_count == 1, welcome);
    if (!welcome)
        assert_int_equal(client.end, SIGNALING_CLIENT_END_UNREACHABLE);
    signaling_client_stop(client.client);
    test_pair_close(&pair);
    test_client_free(&client);
    assert_int_equal(uv_loop_close(&pair.loop), 0);
    unlink(files.certificate);
    unlink(files.key);
}

static void test_trusted(void **state) {
    (void)state;
    run("localhost", true, true);
}

static void test_unknown_certificate(void **state) {
    (void)state;
    run("localhost", false, false);
}

static void test_other_name(void **state) {
    (void)state;
    run("elsewhere.example", true, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_trusted), cmocka_unit_test(test_unknown_certificate), cmocka_unit_test(test_other_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
