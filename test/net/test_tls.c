/* TLS sessions over memory against OpenSSL's own server: who is believed, who is not, and why. */
#include "test/net/tls_server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/net/tls.h"

/* ---- a client and a server ---------------------------------------------------------------------------------------------- */

struct pair {
    struct net_tls_trust *trust;
    struct net_tls_session *client;
    struct tls_server *server;
    enum net_tls_progress progress;
    int error;
};

static void open_pair(struct pair *pair, const struct certificate *certificate, const char *ca_file, const char *server_name) {
    *pair = (struct pair){.error = 1};
    assert_int_equal(net_tls_trust_new(ca_file, &pair->trust), 0);
    pair->client = net_tls_session_new(pair->trust, server_name);
    assert_non_null(pair->client);
    pair->server = tls_server_new(certificate);
}

static void close_pair(struct pair *pair) {
    net_tls_session_free(pair->client);
    net_tls_trust_free(pair->trust);
    tls_server_free(pair->server);
}

/* All bytes both ways, `step` of them at a time. */
static void move(struct pair *pair, size_t step) {
    uint8_t bytes[4096];
    size_t length;
    assert_true(step <= sizeof bytes);
    while ((length = net_tls_take_output(pair->client, bytes, step)) > 0)
        tls_server_feed(pair->server, bytes, length);
    tls_server_shake(pair->server);
    while ((length = tls_server_take(pair->server, bytes, step)) > 0) {
        assert_true(net_tls_feed(pair->client, bytes, length));
        if (pair->progress == NET_TLS_MORE)
            pair->progress = net_tls_handshake(pair->client, &pair->error);
    }
}

static void shake(struct pair *pair, size_t step) {
    pair->progress = net_tls_handshake(pair->client, &pair->error);
    for (int round = 0; round < 6; round++)
        move(pair, step);
}

/* Returns 0 when the handshake was done, else the error. */
static int outcome(const struct certificate *certificate, const char *ca_file, const char *server_name) {
    struct pair pair;
    open_pair(&pair, certificate, ca_file, server_name);
    shake(&pair, 1024);
    assert_int_not_equal(pair.progress, NET_TLS_MORE);
    int error = pair.progress == NET_TLS_DONE ? 0 : pair.error;
    if (error == 0) {
        tls_server_write(pair.server, (const uint8_t *)"welcome", 7);
        move(&pair, 1024);
        uint8_t bytes[16];
        assert_int_equal(net_tls_read(pair.client, bytes, sizeof bytes, &pair.error), 7);
    }
    close_pair(&pair);
    return error;
}

/* ---- who is believed ------------------------------------------------------------------------------------------------------ */

/* RFC 9525 section 6.3: the name in subjectAltName, whole labels for wildcards, addresses by their bytes. */
static void certificates_are_for_a_name(void **state) {
    (void)state;
    static const struct {
        const char *subject_alt_name, *server_name;
        bool matches;
    } cases[] = {
        {"DNS:turn.example.org", "turn.example.org", true},
        {"DNS:turn.example.org", "TURN.Example.ORG", true},
        {"DNS:turn.example.org", "turn.example.org.", true},
        {"DNS:turn.example.org", "example.org", false},
        {"DNS:turn.example.org", "xturn.example.org", false},
        {"DNS:*.example.org", "turn.example.org", true},
        {"DNS:*.example.org", "a.turn.example.org", false},
        {"DNS:*.example.org", "example.org", false},
        {"DNS:t*.example.org", "turn.example.org", false},
        {"DNS:other.example,DNS:turn.example.org", "turn.example.org", true},
        {"IP:192.0.2.1", "192.0.2.1", true},
        {"IP:192.0.2.1", "192.0.2.2", false},
        {"DNS:192.0.2.1", "192.0.2.1", false},
        {"IP:2001:db8:0:0:0:0:0:1", "2001:db8::1", true},
        {"IP:2001:db8:0:0:0:0:0:1", "2001:db8::2", false},
        {"IP:192.0.2.1", "turn.example.org", false},
        {NULL, "strata test", false}, /* only the common name says so */
    };
    struct certificate *authority = authority_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct certificate *certificate = certificate_for(cases[i].subject_alt_name, authority);
        assert_int_equal(outcome(certificate, authority->file, cases[i].server_name), cases[i].matches ? 0 : ICE_STREAM_ERROR_TLS_NAME);
        certificate_free(certificate);
    }
    struct certificate *plain = certificate_new(&(struct certificate_wish){.common_name = "turn.example.org", .issuer = authority, .from_s = -60, .until_s = 60});
    assert_int_equal(outcome(plain, authority->file, "turn.example.org"), ICE_STREAM_ERROR_TLS_NAME);
    certificate_free(plain);
    certificate_free(authority);
}

static void only_known_authorities_are_believed(void **state) {
    (void)state;
    struct certificate *authority = authority_new(), *stranger = authority_new();
    struct certificate *signed_by_it = certificate_for("DNS:turn.example.org", authority);
    struct certificate *self_signed = certificate_for("DNS:turn.example.org", NULL);
    struct certificate *by_no_authority = certificate_for("DNS:turn.example.org", self_signed);
    assert_int_equal(outcome(signed_by_it, NULL, "turn.example.org"), ICE_STREAM_ERROR_TLS_UNTRUSTED);
    assert_int_equal(outcome(signed_by_it, stranger->file, "turn.example.org"), ICE_STREAM_ERROR_TLS_UNTRUSTED); /* the same name, another key */
    assert_int_equal(outcome(signed_by_it, authority->file, "turn.example.org"), 0);
    assert_int_equal(outcome(self_signed, NULL, "turn.example.org"), ICE_STREAM_ERROR_TLS_UNTRUSTED);
    assert_int_equal(outcome(self_signed, self_signed->file, "turn.example.org"), 0);
    assert_int_equal(outcome(by_no_authority, stranger->file, "turn.example.org"), ICE_STREAM_ERROR_TLS_UNTRUSTED);
    certificate_free(authority);
    certificate_free(stranger);
    certificate_free(signed_by_it);
    certificate_free(self_signed);
    certificate_free(by_no_authority);
}

static void certificates_have_their_time(void **state) {
    (void)state;
    struct certificate *authority = authority_new();
    static const struct {
        long from_s, until_s;
        int outcome;
    } cases[] = {{-7200, -3600, ICE_STREAM_ERROR_TLS_EXPIRED}, {3600, 7200, ICE_STREAM_ERROR_TLS_EXPIRED}, {-60, 60, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct certificate *certificate = certificate_new(&(struct certificate_wish){.common_name = "x", .subject_alt_name = "DNS:turn.example.org",
                                                                                     .issuer = authority, .from_s = cases[i].from_s, .until_s = cases[i].until_s});
        assert_int_equal(outcome(certificate, authority->file, "turn.example.org"), cases[i].outcome);
        certificate_free(certificate);
    }
    certificate_free(authority);
}

static void files_of_authorities_say_what_is_wrong_with_them(void **state) {
    (void)state;
    struct net_tls_trust *trust = NULL;
    int descriptor;
    char path[40];
    assert_int_equal(net_tls_trust_new("/nonexistent/authorities.pem", &trust), -ENOENT);
    static const char *const contents[] = {"", "no certificate\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
    for (size_t i = 0; i < COUNT(contents); i++) {
        text_file(contents[i], &descriptor, path);
        assert_int_equal(net_tls_trust_new(path, &trust), -EINVAL);
        close(descriptor);
    }
    assert_null(trust);
}

/* ---- what is said in the handshake ------------------------------------------------------------------------------------------ */

/* RFC 6066 section 3: names without their final dot, and never an IP literal. RFC 7443: what we are going to speak. */
static void the_server_is_told_name_and_protocol(void **state) {
    (void)state;
    struct certificate *certificate = certificate_for("DNS:turn.example.org,IP:192.0.2.1,IP:2001:db8:0:0:0:0:0:1", NULL);
    static const char *const cases[][2] = {
        {"turn.example.org", "turn.example.org"}, {"turn.example.org.", "turn.example.org"}, {"192.0.2.1", ""}, {"2001:db8::1", ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pair pair;
        open_pair(&pair, certificate, certificate->file, cases[i][0]);
        pair.server->choose_protocol = i % 2 == 0;
        assert_true(i < 2 || net_tls_session_offer_protocol(pair.client, "http/1.1"));
        assert_false(net_tls_session_offer_protocol(pair.client, ""));
        shake(&pair, 1024);
        assert_int_equal(pair.progress, NET_TLS_DONE);
        assert_string_equal(pair.server->name, cases[i][1]);
        assert_string_equal(pair.server->protocols, i < 2 ? "\x09stun.turn" : "\x08http/1.1");
        assert_string_equal(net_tls_application_protocol(pair.client), i == 0 ? "stun.turn" : ""); /* the server here knows no other */
        close_pair(&pair);
    }
    certificate_free(certificate);
}

static void names_that_are_none_are_refused(void **state) {
    (void)state;
    struct net_tls_trust *trust;
    assert_int_equal(net_tls_trust_new(NULL, &trust), 0);
    char name[NET_TLS_NAME_MAX_BYTES + 2];
    for (size_t length = NET_TLS_NAME_MAX_BYTES - 1; length <= NET_TLS_NAME_MAX_BYTES + 1; length++) {
        memset(name, 'a', length);
        for (size_t at = 50; at < length - 1; at += 50)
            name[at] = '.';
        name[length] = '\0';
        struct net_tls_session *session = net_tls_session_new(trust, name);
        assert_int_equal(session != NULL, length <= NET_TLS_NAME_MAX_BYTES);
        net_tls_session_free(session);
    }
    assert_null(net_tls_session_new(trust, ""));
    assert_null(net_tls_session_new(trust, "."));
    net_tls_trust_free(trust);
}

/* RFC 9325 section 3.1.1: TLS 1.2 and 1.3, nothing before. */
static void old_versions_are_refused(void **state) {
    (void)state;
    struct certificate *certificate = certificate_for("DNS:turn.example.org", NULL);
    static const struct {
        int version;
        const char *name;
    } cases[] = {{TLS1_1_VERSION, NULL}, {TLS1_2_VERSION, "TLSv1.2"}, {TLS1_3_VERSION, "TLSv1.3"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pair pair;
        open_pair(&pair, certificate, certificate->file, "turn.example.org");
        SSL_set_security_level(pair.server->ssl, 0);
        SSL_set_min_proto_version(pair.server->ssl, TLS1_VERSION);
        SSL_set_max_proto_version(pair.server->ssl, cases[i].version);
        shake(&pair, 1024);
        assert_int_equal(pair.progress, cases[i].name != NULL ? NET_TLS_DONE : NET_TLS_FAILED);
        if (cases[i].name != NULL)
            assert_string_equal(net_tls_version(pair.client), cases[i].name);
        else
            assert_int_equal(pair.error, ICE_STREAM_ERROR_TLS);
        close_pair(&pair);
    }
    certificate_free(certificate);
}

/* The server learns why: an alert leaves before the end. */
static void refusals_leave_an_alert(void **state) {
    (void)state;
    struct certificate *certificate = certificate_for("DNS:turn.example.org", NULL);
    struct pair pair;
    open_pair(&pair, certificate, NULL, "turn.example.org");
    shake(&pair, 1024);
    assert_int_equal(pair.progress, NET_TLS_FAILED);
    assert_false(pair.server->shaken);
    assert_false(tls_server_shake(pair.server));
    close_pair(&pair);
    certificate_free(certificate);
}

static void garbage_fails_the_handshake(void **state) {
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "\x16\x03\x03\x00\x04zzzz", "\x15\x03\x03\x00\x02\x02\x28"};
    struct net_tls_trust *trust;
    assert_int_equal(net_tls_trust_new(NULL, &trust), 0);
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct net_tls_session *session = net_tls_session_new(trust, "turn.example.org");
        int error = 1;
        assert_int_equal(net_tls_handshake(session, &error), NET_TLS_MORE);
        size_t length = i == 0 ? strlen(answers[0]) : i == 1 ? 9 : 7;
        assert_true(net_tls_feed(session, (const uint8_t *)answers[i], length));
        assert_int_equal(net_tls_handshake(session, &error), NET_TLS_FAILED);
        assert_int_equal(error, ICE_STREAM_ERROR_TLS);
        net_tls_session_free(session);
    }
    net_tls_trust_free(trust);
}

/* ---- data ---------------------------------------------------------------------------------------------------------------------- */

static void open_shaken(struct pair *pair, struct certificate **certificate) {
    *certificate = certificate_for("DNS:turn.example.org", NULL);
    open_pair(pair, *certificate, (*certificate)->file, "turn.example.org");
}

static void data_goes_both_ways_byte_by_byte(void **state) {
    (void)state;
    struct pair pair;
    struct certificate *certificate;
    open_shaken(&pair, &certificate);
    shake(&pair, 1);
    assert_int_equal(pair.progress, NET_TLS_DONE);
    uint8_t out[64], in[64];
    memset(out, 0x5a, sizeof out);
    assert_true(net_tls_write(pair.client, out, sizeof out));
    assert_in_range(net_tls_output_bytes(pair.client), sizeof out + 1, sizeof out + NET_TLS_RECORD_OVERHEAD_BYTES);
    move(&pair, 1);
    assert_int_equal(tls_server_read(pair.server, in, sizeof in), sizeof out);
    assert_memory_equal(in, out, sizeof out);
    tls_server_write(pair.server, out, 10);
    move(&pair, 1);
    assert_int_equal(net_tls_read(pair.client, in, 4, &pair.error), 4);
    assert_int_equal(net_tls_read(pair.client, in, sizeof in, &pair.error), 6);
    assert_int_equal(net_tls_read(pair.client, in, sizeof in, &pair.error), 0);
    assert_true(net_tls_write(pair.client, out, 0));
    assert_int_equal(net_tls_output_bytes(pair.client), 0);
    close_pair(&pair);
    certificate_free(certificate);
}

/* A record costs no more than NET_TLS_RECORD_OVERHEAD_BYTES, which the stream's bound counts on. */
static void records_cost_what_we_say(void **state) {
    (void)state;
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static uint8_t bytes[3 * NET_TLS_RECORD_BYTES];
    static const size_t lengths[] = {1, NET_TLS_RECORD_BYTES - 1, NET_TLS_RECORD_BYTES, NET_TLS_RECORD_BYTES + 1, sizeof bytes};
    for (size_t v = 0; v < COUNT(versions); v++) {
        struct pair pair;
        struct certificate *certificate;
        open_shaken(&pair, &certificate);
        SSL_set_max_proto_version(pair.server->ssl, versions[v]);
        shake(&pair, 1024);
        for (size_t i = 0; i < COUNT(lengths); i++) {
            assert_true(net_tls_write(pair.client, bytes, lengths[i]));
            size_t records = (lengths[i] + NET_TLS_RECORD_BYTES - 1) / NET_TLS_RECORD_BYTES;
            assert_in_range(net_tls_output_bytes(pair.client), lengths[i], lengths[i] + records * NET_TLS_RECORD_OVERHEAD_BYTES);
            move(&pair, 4096);
        }
        close_pair(&pair);
        certificate_free(certificate);
    }
}

static void ends_are_told_apart(void **state) {
    (void)state;
    struct pair pair;
    struct certificate *certificate;
    uint8_t bytes[64];
    open_shaken(&pair, &certificate);
    shake(&pair, 1024);
    SSL_shutdown(pair.server->ssl);
    move(&pair, 1024);
    assert_int_equal(net_tls_read(pair.client, bytes, sizeof bytes, &pair.error), -1);
    assert_int_equal(pair.error, 0);
    close_pair(&pair);

    open_pair(&pair, certificate, certificate->file, "turn.example.org");
    shake(&pair, 1024);
    tls_server_write(pair.server, (const uint8_t *)"secret", 6);
    size_t length = tls_server_take(pair.server, bytes, sizeof bytes);
    bytes[length - 1] ^= 1; /* the tag */
    assert_true(net_tls_feed(pair.client, bytes, length));
    assert_int_equal(net_tls_read(pair.client, bytes, sizeof bytes, &pair.error), -1);
    assert_int_equal(pair.error, ICE_STREAM_ERROR_TLS);
    close_pair(&pair);

    open_pair(&pair, certificate, certificate->file, "turn.example.org");
    shake(&pair, 1024);
    net_tls_close(pair.client);
    move(&pair, 1024);
    assert_int_equal(tls_server_read(pair.server, bytes, sizeof bytes), -1);
    assert_int_equal(SSL_get_shutdown(pair.server->ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    close_pair(&pair);
    certificate_free(certificate);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_are_for_a_name),
        cmocka_unit_test(only_known_authorities_are_believed),
        cmocka_unit_test(certificates_have_their_time),
        cmocka_unit_test(files_of_authorities_say_what_is_wrong_with_them),
        cmocka_unit_test(the_server_is_told_name_and_protocol),
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(old_versions_are_refused),
        cmocka_unit_test(refusals_leave_an_alert),
        cmocka_unit_test(garbage_fails_the_handshake),
        cmocka_unit_test(data_goes_both_ways_byte_by_byte),
        cmocka_unit_test(records_cost_what_we_say),
        cmocka_unit_test(ends_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
