/* What the two files of a stream share: making one (stream_open.c) and its bytes (stream.c). */
#ifndef NET_STREAM_INTERNAL_H
#define NET_STREAM_INTERNAL_H

#include "app/net/stream.h"

struct net_stream {
    int descriptor;
    enum net_stream_state state;
    int error;
    struct stun_address local, remote;
    struct net_tls_session *tls;
    bool more; /* the TLS session may hold plaintext that was not read */
    size_t send_first, send_count; /* in send_bytes: what waits */
    struct net_stream_statistics statistics;
    uint8_t receive_bytes[NET_STREAM_RECEIVE_BYTES]; /* ciphertext, between the socket and TLS */
    uint8_t send_bytes[NET_STREAM_SEND_BYTES];
};

void net_stream_end(struct net_stream *stream, int error);

#endif
