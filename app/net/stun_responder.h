/*
 * The server's half of a STUN Binding transaction (RFC 8489 section 12), without a socket: a request's bytes in, the answer's bytes out.
 *
 * It answers XOR-MAPPED-ADDRESS, and FINGERPRINT when the request has one: nothing else, so that nobody gains by asking in somebody else's name.
 *
 *     over IPv4, headers included:  48 bytes in -> 60 out (with FINGERPRINT 56 -> 68);   over IPv6:  68 in -> 92 out (76 -> 100)
 *
 * What it says to one source is limited besides: a bucket of tokens for each IPv4 address and each IPv6 /64. Requests that get no answer cost no token.
 *
 * The buckets are a fixed array, found by a keyed hash of the source; two sources may share one, but nobody can choose with whom. Nothing is
 * allocated, evicted or remembered for a source that is only claimed: to silence a stranger one has to empty every bucket,
 * NET_STUN_BUCKETS x rate requests a second, and by then the line is full.
 *
 * Every source port but 0 is answered, well-known ones too: RFC 4787 section 4.2.1 lets a NAT keep a well-known port well-known. An echo or
 * chargen service that is made to talk to us ends there, because only requests are answered.
 */
#ifndef NET_STUN_RESPONDER_H
#define NET_STUN_RESPONDER_H

#include <stddef.h>
#include <stdint.h>

#include "stun/address.h"

#define NET_STUN_BUCKETS 16384u      /* sources are spread over so many (8 bytes each) */
#define NET_STUN_RATE_DEFAULT 50u    /* answers a second and source: a whole office may be behind one address */
#define NET_STUN_BURST_DEFAULT 200u  /* and at once */
#define NET_STUN_LIMIT_MAX 1000000u  /* of both */
#define NET_STUN_REQUEST_MAX_BYTES 548u /* RFC 8489 section 6.1: what needs no fragment over IPv4 without knowing the path; a longer one is dropped */
#define NET_STUN_ANSWER_MAX_BYTES 320u  /* a 420 that names every attribute that fits into a request */

/*
 * random          fills `out` with `length` random bytes; once, for the hash's key; required
 * rate, burst     0: the defaults; at most NET_STUN_LIMIT_MAX
 */
struct net_stun_responder_config {
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    uint32_t rate;
    uint32_t burst;
};

struct net_stun_responder;

/* NULL: memory is short, or a limit is out of range. */
struct net_stun_responder *net_stun_responder_new(const struct net_stun_responder_config *config);
void net_stun_responder_free(struct net_stun_responder *responder); /* NULL is fine */

/*
 * now_us         monotonic microseconds, never decreasing
 * source         whom it came from and whom the answer is for. A v4-mapped IPv6 address is to be given as IPv4
 * bytes, length  one datagram, any bytes, read only
 * answer         written only when there is an answer
 * Returns the length of the answer: success, or 420 naming what was not understood; 0: no answer (not a Binding request, broken, or too many).
 */
size_t net_stun_responder_handle(struct net_stun_responder *responder, uint64_t now_us, const struct stun_address *source, const uint8_t *bytes,
                                 size_t length, uint8_t answer[NET_STUN_ANSWER_MAX_BYTES]);

struct net_stun_responder_statistics {
    uint64_t answered;        /* with an address */
    uint64_t refused;         /* with 420 */
    uint64_t limited_dropped; /* the bucket was empty */
    uint64_t ignored_dropped; /* no Binding request, or broken */
};
void net_stun_responder_statistics(const struct net_stun_responder *responder, struct net_stun_responder_statistics *out);

#endif
