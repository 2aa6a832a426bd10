/*
 * A TLS client session (RFC 8446, RFC 5246) as bytes in and bytes out: for TURN over TLS (RFC 8656 section 3.1) and for HTTPS, driven by app/net/stream.h.
 *
 *     net_tls_trust_new                              whom to believe; once per program
 *     net_tls_session_new                            one connection
 *       -> take what the socket brought to _feed, then _handshake until it is done, then _read until it says 0
 *       -> after each of them _take_output, to the socket
 *       -> _write, then _take_output
 *
 * The session has no socket. OpenSSL could read and write one by itself, but then it would write with write(2), which raises SIGPIPE, keep a
 * half-written record that the caller must repeat with the very same bytes, and know no bound: with memory on both sides, all
 * sending goes through the one bounded buffer of the stream.
 *
 * The certificate is always verified: there is no way to switch it off.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ice/agent.h"

/* Whom to believe. Shared by any number of sessions; must outlive none of them. */
struct net_tls_trust;

/*
 * The authorities of the system, and those of a file.
 * ca_file  NULL, or a file with certificates in PEM that are believed beside the system's (a private authority, or one self-signed server)
 * Returns 0; -EINVAL: there is no certificate in the file; -ENOENT, -EACCES, ...: it cannot be read; -ENOMEM.
 */
int net_tls_trust_new(const char *ca_file, struct net_tls_trust **out);
void net_tls_trust_free(struct net_tls_trust *trust);

struct net_tls_session;

#define NET_TLS_NAME_MAX_BYTES 253
/* What net_tls_write adds to a record at most, and how much one record carries (RFC 8446 section 5.1, RFC 5246 section 6.2.3). */
#define NET_TLS_RECORD_OVERHEAD_BYTES 128
#define NET_TLS_RECORD_BYTES 16384

/*
 * server_name  NUL-terminated, copied: a host name, which is also sent as SNI, or an IP literal, which is not. The certificate must be for it.
 * Returns NULL: the name is empty, over-long or no name; or memory is short. The first flight waits in _take_output after _handshake.
 */
struct net_tls_session *net_tls_session_new(struct net_tls_trust *trust, const char *server_name);
void net_tls_session_free(struct net_tls_session *session);

/* Offers this application protocol (RFC 7301) instead of stun.turn: "http/1.1". Before the handshake; 1 to 255 bytes. False: memory is short. */
bool net_tls_session_offer_protocol(struct net_tls_session *session, const char *protocol);

/* Bytes from the socket; copied. False: memory is short. */
bool net_tls_feed(struct net_tls_session *session, const uint8_t *bytes, size_t length);

enum net_tls_progress { NET_TLS_MORE, NET_TLS_DONE, NET_TLS_FAILED };

/* Goes on with the handshake. FAILED: *error says why (enum ice_stream_error); send what _take_output has, which is the alert, and close. */
enum net_tls_progress net_tls_handshake(struct net_tls_session *session, int *error);

/*
 * Plaintext, once the handshake is done.
 * Returns how many bytes were written to `out`; 0 when it needs to be fed; or -1 when there will be no more: *error is 0 after an orderly end
 * (close_notify), else ICE_STREAM_ERROR_TLS.
 */
long net_tls_read(struct net_tls_session *session, uint8_t *out, size_t capacity, int *error);

/* Encrypts all of it. False: the session is of no use any more. */
bool net_tls_write(struct net_tls_session *session, const uint8_t *bytes, size_t length);

/* Says goodbye (close_notify) in _take_output. */
void net_tls_close(struct net_tls_session *session);

/* What is to be sent. Returns how many bytes were written; call until 0. */
size_t net_tls_take_output(struct net_tls_session *session, uint8_t *out, size_t capacity);
size_t net_tls_output_bytes(const struct net_tls_session *session);

/* "TLSv1.3", and the chosen application protocol: "" when the server chose none. Valid as long as the session; for logs. */
const char *net_tls_version(const struct net_tls_session *session);
const char *net_tls_application_protocol(const struct net_tls_session *session);

#endif
