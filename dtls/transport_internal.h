/*
 * The inside of a transport. transport.c has the verbs, handshake.c everything up to CONNECTED, datagram_bio.c the way
 * of the bytes between OpenSSL and the two ends.
 */
#ifndef DTLS_TRANSPORT_INTERNAL_H
#define DTLS_TRANSPORT_INTERNAL_H

#include <openssl/ssl.h>

#include "dtls/record_internal.h"
#include "dtls/transport.h"

#define DTLS_NEVER UINT64_MAX

/*
 * An end that only somebody unauthenticated could have caused (a plaintext alert, a message that breaks the handshake) is
 * believed when this much time passes without progress. A forged packet can delay a call, not end it.
 */
#define DTLS_DOUBT_US 3000000u

/* A server whose handshake has not moved for this long lets another ClientHello take its place. */
#define DTLS_CHALLENGE_US 1000000u

/* Handshakes begun anew after nonsense, before the next nonsense is believed at once. Bounds the work of an attacker's packets. */
#define DTLS_RESTARTS_MAX 16

/* "CLIENT_RANDOM " + 64 + " " + 96 digits */
#define DTLS_KEY_LOG_BYTES 176

#define DTLS_HELLO_RANDOM_BYTES 32

/* Datagrams on their way out: a ring of slots of mtu_bytes each, behind the struct. */
struct dtls_transmit_queue {
    uint8_t *slots;
    size_t slot_bytes;
    size_t lengths[DTLS_TRANSMIT_QUEUE_DATAGRAMS];
    size_t first;
    size_t count;
};

/* Application messages on their way up: length (2 bytes, host order), bytes; until the ring is drained, then from the start again. */
struct dtls_receive_buffer {
    uint8_t bytes[DTLS_MESSAGE_MAX_BYTES + 2];
    size_t used;
    size_t taken;
};

struct timeval; /* OpenSSL counts time in these */

struct dtls_transport {
    /* configuration */
    enum dtls_role role;
    size_t mtu_bytes;
    uint64_t initial_retransmit_us;
    uint64_t handshake_timeout_us;
    char srtp_profiles[96]; /* as OpenSSL wants them; empty: none */
    bool srtp_optional;
    bool key_log;
    struct dtls_allocator allocator;
    struct dtls_fingerprint remote[DTLS_REMOTE_FINGERPRINTS_MAX];
    size_t remote_count;

    /* OpenSSL */
    SSL_CTX *context;
    BIO_METHOD *bio_method;
    SSL *ssl;
    X509 *peer;                 /* the certificate that came, believed or not */
    const uint8_t *inbound;     /* the one record that OpenSSL may read now */
    size_t inbound_length;
    struct timeval *openssl_deadline; /* OpenSSL's own; see datagram_bio.c */
    bool openssl_keeps_time;    /* OpenSSL 3.2 and later: its deadline cannot be reached */
    int last_handshake_state;
    enum dtls_failure verdict;   /* set by a callback of the running handshake: why it must fail, at once */
    enum dtls_failure complaint; /* the same, but anybody may have caused it */
    bool handshake_done;

    /* state and time */
    enum dtls_transport_state state;
    enum dtls_failure failure;
    uint64_t now_us;
    uint64_t started_us;
    uint64_t progress_us;
    uint64_t interval_us;
    unsigned flight_timeouts;   /* of the flight that waits for an answer */
    uint64_t retransmit_us;     /* deadline of OpenSSL's flight */
    uint64_t give_up_us;
    uint64_t doubt_us;
    enum dtls_failure doubt_failure;
    uint8_t hello_random[DTLS_HELLO_RANDOM_BYTES];
    bool hello_seen;

    /* what waits for the caller */
    struct dtls_transmit_queue queue;
    struct dtls_receive_buffer receive;
    bool connected_waits, closed_waits, failed_waits, key_log_waits;
    uint8_t key_log_line[DTLS_KEY_LOG_BYTES];
    size_t key_log_length;

    struct dtls_transport_stats stats;
};

/* datagram_bio.c */
BIO_METHOD *dtls_datagram_bio_method_new(void);
BIO *dtls_datagram_bio_new(struct dtls_transport *transport);
bool dtls_transmit_queue_pop(struct dtls_transport *transport, uint8_t *buf, size_t cap, size_t *length);
/* Arms OpenSSL's timer at our clock's expense, then lets it retransmit. Returns what DTLSv1_handle_timeout returns. */
long dtls_datagram_bio_expire(struct dtls_transport *transport);

/* handshake.c */
bool dtls_handshake_begin(struct dtls_transport *transport);
void dtls_handshake_discard(struct dtls_transport *transport);
/* One plaintext or encrypted record, before CONNECTED. True when it could be used. */
bool dtls_handshake_record(struct dtls_transport *transport, const struct dtls_record *record);
void dtls_handshake_advance(struct dtls_transport *transport);
/* Looks at a finished handshake: connected, failed, or waiting for fingerprints. */
void dtls_handshake_judge(struct dtls_transport *transport);

/* transport.c and transport_new.c */
void dtls_transport_fail(struct dtls_transport *transport, enum dtls_failure failure);

#endif
