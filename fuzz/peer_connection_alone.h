/* One PeerConnection whose peer is the input: fuzz_peer_connection.c. */
#ifndef FUZZ_PEER_CONNECTION_ALONE_H
#define FUZZ_PEER_CONNECTION_ALONE_H

#include <stddef.h>
#include <stdint.h>

struct dtls_certificate;

/* Runs a script of records: what to do, an argument, and for some a text of two bytes of length. Aborts on what must not be. */
void fuzz_peer_connection_alone(const struct dtls_certificate *certificate, const uint8_t *data, size_t size);

#endif
