/*
 * Which protocol a datagram belongs to, by its first byte (RFC 7983 section 7, as RFC 9443 section 3 updated it), and which
 * packets of the RTP range are RTCP (RFC 5761 section 4).
 *
 *                    +----------------+
 *                    |        [0..3] -+--> STUN
 *                    |      [16..19] -+--> ZRTP (dropped)
 *        packet -->  |      [20..63] -+--> DTLS
 *                    |      [64..79] -+--> TURN channel
 *                    |    [128..191] -+--> RTP or RTCP
 *                    +----------------+
 */
#ifndef PEER_DEMULTIPLEX_INTERNAL_H
#define PEER_DEMULTIPLEX_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

enum peer_protocol { PEER_PROTOCOL_UNKNOWN, PEER_PROTOCOL_STUN, PEER_PROTOCOL_DTLS, PEER_PROTOCOL_TURN_CHANNEL, PEER_PROTOCOL_RTP, PEER_PROTOCOL_RTCP };

/* bytes may be NULL when length is 0. Never reads more than two bytes. */
enum peer_protocol peer_demultiplex(const uint8_t *bytes, size_t length);

#endif
