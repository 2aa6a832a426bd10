/*
 * What the two files of peer_transport share: peer_transport.c, life, descriptions, states and events; peer_transport_packets.c, which way a
 * datagram goes, in and out.
 */
#ifndef PEER_TRANSPORT_INTERNAL_H
#define PEER_TRANSPORT_INTERNAL_H

#include "app/peer/peer_early_internal.h"
#include "app/peer/peer_transport.h"

#define KEY_LOG_LINE_MAX_BYTES 256 /* "CLIENT_RANDOM ", 64 hexadecimal digits, 96 more: 176 */

struct peer_transport {
    struct ice_allocator allocator;
    struct dtls_allocator dtls_allocator; /* the same, as dtls/ spells it */
    const struct dtls_certificate *certificate;
    size_t mtu_bytes;
    bool key_log_wanted;

    struct ice_agent *ice;
    struct dtls_transport *dtls; /* NULL until the roles are known */
    struct dtls_srtp *srtp;      /* NULL until DTLS is connected */
    enum dtls_role dtls_role;

    struct peer_early early;
    struct peer_received received; /* what the last datagram was, until poll_received takes it */
    bool has_received;
    struct dtls_event dtls_event; /* a RECEIVED event that waits for poll_received */
    bool has_dtls_event;
    uint8_t unwrapped[PEER_EARLY_PACKET_BYTES]; /* a payload that came wrapped (relay, stream): SRTP is undone in place */

    enum ice_state ice_state;
    enum peer_transport_state state;
    bool dtls_changed, state_changed, closed;
    char key_log[KEY_LOG_LINE_MAX_BYTES];
    size_t key_log_length;

    struct peer_transport_statistics statistics;
};

int peer_transport_from_ice(int error);
int peer_transport_from_dtls(int error);
/* Takes DTLS events as they come. One with application data stays until poll_received has handed it out. */
void peer_transport_take_dtls_events(struct peer_transport *transport, uint64_t now_us);

#endif
