/* A TLS server of OpenSSL for the tests, over memory: what it is given goes in, what it has to say comes out. And certificates made on the spot. */
#ifndef TEST_NET_TLS_SERVER_H
#define TEST_NET_TLS_SERVER_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "test/net/test_net.h"

/* A certificate with its key, and a path under which its PEM can be read until certificate_free. */
struct certificate {
    X509 *x509;
    EVP_PKEY *key;
    int descriptor;
    char file[40];
};

/*
 * subject_alt_name  as OpenSSL's configuration writes it ("DNS:turn.example.org,IP:127.0.0.1"), NULL: none
 * issuer            NULL: self-signed
 * from_s, until_s   seconds from now
 */
struct certificate_wish {
    const char *common_name;
    const char *subject_alt_name;
    const struct certificate *issuer;
    bool authority;
    long from_s, until_s;
};
struct certificate *certificate_new(const struct certificate_wish *wish);
void certificate_free(struct certificate *certificate);

/* Good for a day and for these names. */
struct certificate *certificate_for(const char *subject_alt_name, const struct certificate *issuer);
struct certificate *authority_new(void);

/* An empty file, or one with this text. The path lasts until close(*descriptor). */
void text_file(const char *text, int *descriptor, char path[static 40]);

struct tls_server {
    SSL_CTX *context;
    SSL *ssl;
    bool choose_protocol; /* ALPN: choose stun.turn */
    const char *greeting; /* data that leaves together with the end of the handshake; NULL: none */
    char name[256];       /* SNI, "" when none came */
    char protocols[256];  /* what ALPN offered, in wire form */
    bool shaken;
};

struct tls_server *tls_server_new(const struct certificate *certificate);
void tls_server_free(struct tls_server *server);

void tls_server_feed(struct tls_server *server, const uint8_t *bytes, size_t length);
size_t tls_server_take(struct tls_server *server, uint8_t *out, size_t capacity);
bool tls_server_shake(struct tls_server *server); /* false: the handshake has failed */
long tls_server_read(struct tls_server *server, uint8_t *out, size_t capacity); /* 0: nothing; -1: the end */
void tls_server_write(struct tls_server *server, const uint8_t *bytes, size_t length);

/* The same over an accepted socket, which does not block: moves all bytes there are, both ways. False: the socket has come to its end. */
bool tls_server_move(struct tls_server *server, int descriptor);

#endif
