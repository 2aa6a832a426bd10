#include "app/peer/peer_demultiplex_internal.h"

enum peer_protocol peer_demultiplex(const uint8_t *bytes, size_t length) {
    if (length == 0)
        return PEER_PROTOCOL_UNKNOWN;
    uint8_t first = bytes[0];
    /* RFC 7983 section 7, MUST: the ranges are exclusive, and what is in none of them is dropped. */
    if (first <= 3)
        return PEER_PROTOCOL_STUN;
    if (first >= 20 && first <= 63)
        return PEER_PROTOCOL_DTLS;
    if (first >= 64 && first <= 79)
        return PEER_PROTOCOL_TURN_CHANNEL;
    if (first < 128 || first > 191)
        return PEER_PROTOCOL_UNKNOWN;
    /* RFC 5761 section 4: RTCP packet types 192 to 223 are never RTP payload types, marker bit or not. */
    if (length >= 2 && bytes[1] >= 192 && bytes[1] <= 223)
        return PEER_PROTOCOL_RTCP;
    return PEER_PROTOCOL_RTP;
}
