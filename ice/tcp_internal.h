/* What the agent keeps for candidates over TCP (RFC 6544): a piece of memory of its own, since most calls never need it. */
#ifndef ICE_TCP_INTERNAL_H
#define ICE_TCP_INTERNAL_H

#include "ice/agent_internal.h"
#include "ice/framing.h"

#define ICE_TCP_ACTIVE_PORT 9                        /* RFC 6544 section 4.5: the port of a candidate that never listens */
#define ICE_TCP_OPEN_TIMEOUT_US (10u * ICE_SECOND_US) /* TCP has repeated its SYN three times by then */
#define ICE_TCP_REOPEN_US (2u * ICE_SECOND_US) /* between attempts to connect again for the selected pair */
#define ICE_TCP_UNPROVEN_TIMEOUT_US (5u * ICE_SECOND_US)
#define ICE_TCP_UNPROVEN_BYTES 4096u
#define ICE_TCP_LINGER_US (3u * ICE_SECOND_US) /* RFC 8445 section 8.3, SHOULD: what was not selected is kept so long */

/*
 * One connection of a TCP candidate, beside its entry in the table of streams.
 * stream_id       0: this one is free
 * deadline_us     until when it has to be open, or a check has to have come by it; ICE_NEVER_US then
 * opened_us       since when it is open; what has been answered since proves it
 * unproven_bytes  that have come before a check
 */
struct ice_tcp_connection {
    uint64_t stream_id;
    uint64_t deadline_us, opened_us;
    size_t unproven_bytes;
    struct ice_framing framing;
};

/*
 * reopen_us         not before then the selected pair is connected again
 * completed, rest   what poll_received hands out of the last chunk: a frame that began in an earlier chunk, and the caller's bytes
 */
struct ice_tcp {
    struct ice_tcp_connection connections[ICE_TCP_CONNECTION_MAX];
    uint64_t reopen_us;
    uint64_t received_stream_id; /* 0: nothing waits */
    bool has_completed;
    size_t completed_length;
    uint8_t completed[ICE_FRAMING_FRAME_MAX_BYTES];
    const uint8_t *rest;
    size_t rest_length;
};

const struct ice_stream *ice_tcp_stream_of_pair(const struct ice_agent *agent, const struct ice_pair *pair);
const struct ice_stream *ice_tcp_open_stream(const struct ice_agent *agent, uint64_t stream_id); /* NULL: not open */
struct ice_tcp_connection *ice_tcp_connection_of(struct ice_agent *agent, uint64_t stream_id);
/* The stream belongs to this pair from now on. */
void ice_tcp_adopt(struct ice_agent *agent, struct ice_stream *stream, const struct ice_pair *pair);
/* We close it: a CLOSE_STREAM event follows, if the caller knows of it. */
void ice_tcp_close(struct ice_agent *agent, struct ice_stream *stream);
/* The pair cannot be used any more. The selected one stays selected: what becomes of it is for consent, and a restart, to say. */
void ice_tcp_fail_pair(struct ice_agent *agent, struct ice_pair *pair, uint64_t now_us, enum ice_restart_reason reason, bool timed_out);
/* The same for all pairs of a connection that has gone, or never came. */
void ice_tcp_fail_stream(struct ice_agent *agent, struct ice_stream *stream, uint64_t now_us, int error, bool timed_out);

#endif
