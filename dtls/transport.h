/*
 * One DTLS 1.2 association (RFC 6347) of a WebRTC connection: the handshake that checks who the peer is (RFC 5763, RFC 8122)
 * and agrees on SRTP keys (RFC 5764), and after it the channel that carries SCTP (RFC 8261).
 *
 * Bytes and time in, bytes and events out: the verbs are those of docs/contract.md. After every call that changes the
 * object the caller drains dtls_transport_poll_transmit and dtls_transport_poll_event until both return false, then
 * reads dtls_transport_next_timeout.
 *
 * The peer is nobody until a certificate that matches one of the remote fingerprints has signed the handshake. Before that
 * moment there is no CONNECTED event, no key, and no application data in either direction.
 */
#ifndef DTLS_TRANSPORT_H
#define DTLS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/certificate.h"
#include "dtls/error.h"
#include "dtls/fingerprint.h"
#include "dtls/srtp.h"

/* RFC 5763 section 5: a=setup:active is the client, a=setup:passive the server. */
enum dtls_role { DTLS_ROLE_CLIENT = 1, DTLS_ROLE_SERVER = 2 };

/* RTCDtlsTransportState of the W3C. */
enum dtls_transport_state {
    DTLS_TRANSPORT_NEW,        /* nothing sent, nothing received */
    DTLS_TRANSPORT_CONNECTING, /* the handshake runs, or it is done and the remote fingerprints are not known yet */
    DTLS_TRANSPORT_CONNECTED,  /* the peer is who its description says; keys and data may be used */
    DTLS_TRANSPORT_CLOSED,     /* by dtls_transport_close, or by the peer's close_notify */
    DTLS_TRANSPORT_FAILED      /* see enum dtls_failure */
};

/* Why a transport failed. What to do next: a new association (ICE restart, new offer); the same one never recovers. */
enum dtls_failure {
    DTLS_FAILURE_NONE = 0,
    DTLS_FAILURE_FINGERPRINT_MISMATCH, /* the peer's certificate is not the one its description promised: perhaps an attack */
    DTLS_FAILURE_CERTIFICATE,          /* the certificate is of a kind we refuse: explicit curve, RSA of an odd size, no key */
    DTLS_FAILURE_NO_SRTP_PROFILE,      /* the peer offers, or accepts, none of our SRTP profiles */
    DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET, /* RFC 7627 is missing on the other side */
    DTLS_FAILURE_HANDSHAKE,            /* no version, cipher or group in common, or a message that breaks the protocol */
    DTLS_FAILURE_ALERT,                /* the peer gave up and said so; dtls_transport_stats.alert says with what */
    DTLS_FAILURE_TIMEOUT,              /* handshake_timeout_us passed */
    DTLS_FAILURE_INTERNAL              /* OpenSSL failed: out of memory */
};

#define DTLS_MTU_DEFAULT_BYTES 1200
#define DTLS_MTU_MIN_BYTES 256
#define DTLS_MTU_MAX_BYTES 9000

#define DTLS_RETRANSMIT_DEFAULT_US 100000u
#define DTLS_RETRANSMIT_MIN_US 20000u
#define DTLS_RETRANSMIT_MAX_US 60000000u
#define DTLS_RETRANSMIT_DOUBLE_UNTIL_US 3200000u

#define DTLS_HANDSHAKE_TIMEOUT_DEFAULT_US 40000000u

#define DTLS_REMOTE_FINGERPRINTS_MAX 16
#define DTLS_SRTP_PROFILES_MAX 3

/* Datagrams that wait for dtls_transport_poll_transmit. A flight of the handshake is 1..6 at the default MTU. */
#define DTLS_TRANSMIT_QUEUE_DATAGRAMS 16

/* Longest application message received; longer ones are dropped and counted. */
#define DTLS_MESSAGE_MAX_BYTES 8192

/*
 * role                      who sends the ClientHello
 * certificate               ours; read during dtls_transport_new only, not owned
 * remote_fingerprints       `remote_fingerprint_count` of them, 0..DTLS_REMOTE_FINGERPRINTS_MAX; copied. With none, they come
 *                           later through dtls_transport_set_remote_fingerprints
 * mtu_bytes                 longest UDP payload to send: 0 means DTLS_MTU_DEFAULT_BYTES, else DTLS_MTU_MIN_BYTES..DTLS_MTU_MAX_BYTES
 * initial_retransmit_us     first wait for an answer, doubled at each retransmission of that flight as long as it is below
 *                           DTLS_RETRANSMIT_DOUBLE_UNTIL_US; at most twelve. 0 means the default, else
 *                           DTLS_RETRANSMIT_MIN_US..DTLS_RETRANSMIT_MAX_US
 * handshake_timeout_us      from leaving the state new to giving up: 0 means the default
 * srtp_profiles             `srtp_profile_count` of them, most wanted first, 1..DTLS_SRTP_PROFILES_MAX, read during the call. NULL and 0:
 *                           AEAD_AES_128_GCM, then AES128_CM_HMAC_SHA1_80. As server, our order decides
 * srtp_optional             true: connect also without SRTP (a session of data channels only); then
 *                           dtls_transport_keying_material returns DTLS_ERROR_STATE
 * key_log                   true: one DTLS_EVENT_KEY_LOG with the master secret, for a protocol analyser. Never by default
 * byte_budget               most bytes of its own (OpenSSL's exempt) the object may take; 0: no limit. dtls_transport_new fails beyond it
 * allocator                 NULL: malloc. Referenced by the object: outlives it
 */
struct dtls_transport_config {
    enum dtls_role role;
    const struct dtls_certificate *certificate;
    const struct dtls_fingerprint *remote_fingerprints;
    size_t remote_fingerprint_count;
    size_t mtu_bytes;
    uint64_t initial_retransmit_us;
    uint64_t handshake_timeout_us;
    const enum dtls_srtp_profile *srtp_profiles;
    size_t srtp_profile_count;
    bool srtp_optional;
    bool key_log;
    size_t byte_budget;
    const struct dtls_allocator *allocator;
};

enum dtls_event_type {
    DTLS_EVENT_KEY_LOG,   /* bytes: one line of the NSS key log format, without newline or NUL */
    DTLS_EVENT_CONNECTED, /* the peer is authenticated; keys may be exported, data sent */
    DTLS_EVENT_RECEIVED,  /* bytes: one application message */
    DTLS_EVENT_CLOSED,    /* the peer said close_notify */
    DTLS_EVENT_FAILED     /* failure says why */
};

/* A view: `bytes` is valid until the next call on the transport. Fields that the type does not name are zero. */
struct dtls_event {
    enum dtls_event_type type;
    enum dtls_failure failure;
    const uint8_t *bytes;
    size_t length;
};

/* One datagram that dtls_transport_poll_transmit wrote. */
struct dtls_transmit {
    size_t length;
};

/* Counters since dtls_transport_new, and what was agreed (0 before). The second half are the fields of RTCTransportStats. */
struct dtls_transport_stats {
    uint64_t datagrams_received, bytes_received;
    uint64_t datagrams_sent, bytes_sent; /* handed out by poll_transmit */
    uint64_t records_ignored;            /* malformed, out of place, plaintext after the handshake */
    uint64_t alerts_ignored;             /* plaintext alerts, which anybody can forge */
    uint64_t early_data_dropped;         /* application messages before the peer was authenticated */
    uint64_t messages_dropped;           /* application messages too long, or that the caller did not drain */
    uint64_t transmit_dropped;           /* datagrams for which the transmit queue had no room */
    uint64_t messages_received, messages_sent;
    uint32_t retransmissions;   /* of a flight, by our timer */
    uint32_t restarts;          /* handshakes begun anew after unauthenticated nonsense */
    uint64_t handshake_us;      /* from leaving the state new to CONNECTED */
    uint8_t alert;              /* the description byte of the last alert that the peer sent, or 0 */
    enum dtls_role dtls_role;
    uint16_t tls_version;       /* 0xFEFD: DTLS 1.2 */
    uint16_t dtls_cipher;       /* IANA number of the cipher suite, 0xC02B for example */
    uint16_t srtp_profile;      /* enum dtls_srtp_profile, 0: none */
};

/* One end of an association. */
struct dtls_transport;

/*
 * Makes a transport in the state new. Nothing is sent yet: a client makes its ClientHello at the first call of
 * dtls_transport_poll_transmit, so do not poll before ICE has a pair that passed its check (RFC 8842 section 6). A server
 * leaves the state new with the first datagram it is given.
 * config   read during the call only, but for the allocator
 * now_us   monotonic microseconds, as in every call below: never decreasing
 * Returns an object that the caller owns, or NULL: a value out of range, the budget too small, or out of memory.
 */
struct dtls_transport *dtls_transport_new(const struct dtls_transport_config *config, uint64_t now_us);

/* Wipes and frees. NULL is fine. Says nothing to the peer: dtls_transport_close first, and drain, to be polite. */
void dtls_transport_free(struct dtls_transport *transport);

/*
 * Takes the payload of one UDP datagram, which may hold several records. Give it what the demultiplexer of RFC 7983 calls DTLS
 * (first byte 20..63), from the address that ICE has validated.
 * bytes   any bytes, `length` of them, read during the call only
 * Returns DTLS_OK (also when the datagram was old, doubled, or will only later make sense);
 *   DTLS_ERROR_MALFORMED  no record in it could be used: dropped, counted in records_ignored, nothing else changed
 *   DTLS_ERROR_STATE      closed or failed: dropped
 */
int dtls_transport_handle_datagram(struct dtls_transport *transport, uint64_t now_us, const uint8_t *bytes, size_t length);

/* Does what is due: retransmits a flight, gives up. Early: nothing happens. Late: it is done once. */
void dtls_transport_handle_timeout(struct dtls_transport *transport, uint64_t now_us);

/*
 * Hands out the next datagram.
 * buf, cap  where to, at least mtu_bytes; when it is too small for the datagram, false, and the datagram stays
 * out       written when true is returned
 */
bool dtls_transport_poll_transmit(struct dtls_transport *transport, uint64_t now_us, uint8_t *buf, size_t cap, struct dtls_transmit *out);

/* Hands out the next event. out: written when true is returned. Order: KEY_LOG, CONNECTED, RECEIVED.., CLOSED or FAILED. */
bool dtls_transport_poll_event(struct dtls_transport *transport, struct dtls_event *out);

/* When dtls_transport_handle_timeout wants to be called; UINT64_MAX: never, as things stand. */
uint64_t dtls_transport_next_timeout(const struct dtls_transport *transport);

/*
 * The fingerprints of the peer's description, when they come after dtls_transport_new. They replace those known before.
 * Before the handshake has checked a certificate they are what it will be checked against; a handshake that is done and
 * waits for them is judged at once: CONNECTED, or FAILED with FINGERPRINT_MISMATCH. On a connected transport its
 * certificate is judged again: a description that no longer names it ends the association.
 * fingerprints   copied
 * count          1..DTLS_REMOTE_FINGERPRINTS_MAX
 * Returns DTLS_OK, DTLS_ERROR_ARGUMENT, DTLS_ERROR_CAPACITY (too many), DTLS_ERROR_STATE (closed or failed).
 */
int dtls_transport_set_remote_fingerprints(struct dtls_transport *transport, uint64_t now_us, const struct dtls_fingerprint *fingerprints,
                                           size_t count);

/*
 * Sends one application message as one record in one datagram.
 * bytes   copied, 1..dtls_transport_max_message bytes
 * Returns DTLS_OK, DTLS_ERROR_STATE (not connected), DTLS_ERROR_ARGUMENT (empty), DTLS_ERROR_BUFFER (longer than
 * dtls_transport_max_message), DTLS_ERROR_CAPACITY (the transmit queue is full: drain it, then again).
 */
int dtls_transport_send(struct dtls_transport *transport, uint64_t now_us, const uint8_t *bytes, size_t length);

/* Longest message that dtls_transport_send takes: what one record of one datagram of mtu_bytes carries. 0 when not connected. */
size_t dtls_transport_max_message(const struct dtls_transport *transport);

/* Says close_notify when connected, and is closed. No event. Closing twice is harmless. */
void dtls_transport_close(struct dtls_transport *transport, uint64_t now_us);

/*
 * The SRTP keys (RFC 5764 section 4.2, the exporter of RFC 5705 with the label EXTRACTOR-dtls_srtp).
 * out   written on success only; wipe it with dtls_srtp_keys_wipe
 * Returns DTLS_OK, DTLS_ERROR_STATE (not connected, or connected without SRTP), DTLS_ERROR_FATAL.
 */
int dtls_transport_keying_material(const struct dtls_transport *transport, struct dtls_srtp_keys *out);

enum dtls_transport_state dtls_transport_state(const struct dtls_transport *transport);

/* Why it failed; DTLS_FAILURE_NONE in every other state. */
enum dtls_failure dtls_transport_failure(const struct dtls_transport *transport);

/* "new", "connecting", "connected", "closed", "failed": the words of the W3C. Static. */
const char *dtls_transport_state_name(enum dtls_transport_state state);

/* "fingerprint-mismatch", "no-srtp-profile" and so on, for a log. Static. */
const char *dtls_failure_name(enum dtls_failure failure);

/*
 * The peer's certificate as it came, whether or not it was believed, for statistics and for an explanation of a mismatch.
 * Returns false, and writes nothing, when no certificate has come yet.
 */
bool dtls_transport_peer_fingerprint(const struct dtls_transport *transport, enum dtls_hash hash, struct dtls_fingerprint *out);

/* The same, DER, as dtls_certificate_der writes it. 0: no certificate has come yet. */
size_t dtls_transport_peer_certificate(const struct dtls_transport *transport, uint8_t *out, size_t capacity);

/* out: written always. */
void dtls_transport_stats(const struct dtls_transport *transport, struct dtls_transport_stats *out);

#endif
