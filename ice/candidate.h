/*
 * ICE candidates (RFC 8445 section 5.1): the structure, its priority and foundation, and the text of the
 * a=candidate attribute (RFC 8839 section 5.1). Pure functions.
 */
#ifndef ICE_CANDIDATE_H
#define ICE_CANDIDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

/* RFC 8445 section 5.1.1. The order has no meaning; the preference is in ice_candidate_priority. */
enum ice_candidate_type {
    ICE_CANDIDATE_HOST,
    ICE_CANDIDATE_SERVER_REFLEXIVE, /* srflx */
    ICE_CANDIDATE_PEER_REFLEXIVE,   /* prflx */
    ICE_CANDIDATE_RELAYED           /* relay */
};

/* RFC 6544 section 4.5; NONE for UDP. */
enum ice_tcp_type { ICE_TCP_NONE, ICE_TCP_ACTIVE, ICE_TCP_PASSIVE, ICE_TCP_SIMULTANEOUS_OPEN };

enum ice_candidate_protocol { ICE_PROTOCOL_UDP, ICE_PROTOCOL_TCP };

/* What a socket speaks: that of a path, and towards the TURN server that of a relayed candidate (W3C relayProtocol). */
enum ice_transport { ICE_TRANSPORT_UDP, ICE_TRANSPORT_TCP, ICE_TRANSPORT_TLS };

#define ICE_FOUNDATION_MAX_BYTES 32 /* RFC 8839 section 5.1: 1*32ice-char */
#define ICE_UFRAG_MIN_BYTES 4       /* RFC 8839 section 5.4 */
#define ICE_UFRAG_MAX_BYTES 256
#define ICE_PASSWORD_MIN_BYTES 22
#define ICE_PASSWORD_MAX_BYTES 256
#define ICE_HOSTNAME_MAX_BYTES 253 /* a name in place of the address: mDNS, RFC 8839 section 5.1 */
#define ICE_CANDIDATE_TEXT_BYTES 1024

/*
 * foundation        NUL-terminated
 * component         1..256; strata multiplexes RTP and RTCP (RFC 5761), so its own are always 1
 * address           family NONE when `hostname` has to be resolved first; its port is then the candidate's port
 * hostname          NUL-terminated, "" unless the connection-address is a name
 * base              local candidates: the address it is sent from (RFC 8445 section 2); NONE for remote ones
 * related           raddr/rport, family NONE when absent
 * ufrag             the "ufrag" extension, "" when absent: which generation it belongs to
 * server            local ones that a server has told us of: 1 + its index in the configuration (W3C url); else 0
 * relay_transport   local relayed ones: how we speak to that server (W3C relayProtocol)
 */
struct ice_candidate {
    char foundation[ICE_FOUNDATION_MAX_BYTES + 1];
    uint16_t component;
    enum ice_candidate_protocol protocol;
    uint32_t priority;
    struct stun_address address;
    struct stun_address base;
    struct stun_address related;
    enum ice_candidate_type type;
    enum ice_tcp_type tcp_type;
    char hostname[ICE_HOSTNAME_MAX_BYTES + 1];
    char ufrag[ICE_UFRAG_MAX_BYTES + 1];
    uint16_t server;
    enum ice_transport relay_transport;
};

/* Where and why a candidate line was refused. `rule` is a static sentence that names the RFC section. */
struct ice_candidate_problem {
    size_t offset;
    const char *rule;
};

/*
 * Parses the value of a=candidate, with or without the leading "candidate:" or "a=candidate:"; unknown extensions are
 * skipped, unknown transports and types are refused.
 * text, length  any bytes, not NUL-terminated
 * out           written on success only; copied, nothing of `text` is referenced
 * problem       written on failure; may be NULL
 * Returns ICE_OK or ICE_ERROR_MALFORMED (ice/agent.h): ignore this candidate, the others still count.
 */
int ice_candidate_parse(const char *text, size_t length, struct ice_candidate *out, struct ice_candidate_problem *problem);

/*
 * Writes "candidate:..." (no "a=", no line end), NUL-terminated. ICE_CANDIDATE_TEXT_BYTES is always enough.
 * Returns the length without NUL, or 0 when the buffer is too small.
 */
size_t ice_candidate_write(const struct ice_candidate *candidate, char *text, size_t capacity);

/*
 * RFC 8445 section 5.1.2.1.
 * local_preference  0..65535, higher is better (RFC 8421 orders dual-stack and several interfaces)
 * component         1..256
 */
uint32_t ice_candidate_priority(enum ice_candidate_type type, uint16_t local_preference, uint16_t component);

/*
 * RFC 6544 section 4.2, for a candidate over TCP: its local preference says its direction first, then `preference`, 0..65535, of the
 * interface. Its priority is below that of every candidate over UDP but relayed ones, whatever their local preferences are.
 */
uint16_t ice_candidate_tcp_preference(enum ice_candidate_type type, enum ice_tcp_type tcp_type, uint16_t preference);
uint32_t ice_candidate_tcp_priority(enum ice_candidate_type type, uint16_t local_preference, uint16_t component);

/* "host", "srflx", "prflx", "relay": the W3C RTCIceCandidateType words. */
const char *ice_candidate_type_name(enum ice_candidate_type type);

#endif
