/*
 * How long a packet may be (RFC 8899): HEARTBEATs padded to a length (RFC 4820) are sent, and what is acknowledged has passed.
 *
 *     known                 probe                too long
 *       |--------------------|----------------------|        packet_max_bytes first, then halves, until it is not worth it
 */
#include "sctp/association_internal.h"

#include "sctp/bytes_internal.h"

#define PROBES_MAX 3                              /* RFC 8899 section 5.1.2: MAX_PROBES */
/* RFC 8899 section 5.1.1, MUST NOT: PROBE_TIMER below a second. Its SHOULD, above 15 seconds, is for paths that say nothing of their round
 * trip; this one has told it. */
#define PROBE_US UINT64_C(1000000)
#define RAISE_US UINT64_C(600000000)              /* section 5.1.1: PMTU_RAISE_TIMER */
#define WORTH_BYTES 32
#define BLACK_HOLE_TIMEOUTS 3                     /* section 4.3 */

size_t sctp_fragment_bytes(const struct sctp_association *a) {
    size_t header = a->agreed.is_interleaved ? SCTP_I_DATA_HEADER_BYTES : SCTP_DATA_HEADER_BYTES;
    return a->path.known_bytes - SCTP_HEADER_BYTES - header;
}

static void know(struct sctp_association *a, size_t bytes) {
    a->path.known_bytes = bytes;
    if (bytes > a->path.longest_bytes)
        a->path.longest_bytes = bytes;
    sctp_outbound_set_fragment_bytes(a->out, sctp_fragment_bytes(a));
}

/* The next length to try, or none for a while. */
static void go_on(struct sctp_association *a, uint64_t now_us) {
    struct sctp_path_search *path = &a->path;
    path->tries = 0;
    path->is_due = false;
    path->probe_bytes = 0;
    if (path->known_bytes >= a->config.packet_max_bytes)
        return;
    if (path->too_long_bytes > a->config.packet_max_bytes)
        path->probe_bytes = a->config.packet_max_bytes;
    else if (path->too_long_bytes - path->known_bytes > WORTH_BYTES)
        path->probe_bytes = (path->known_bytes + path->too_long_bytes) / 2 & ~(size_t)3;
    path->is_due = path->probe_bytes > 0;
    sctp_start_timer(a, SCTP_TIMER_PROBE, now_us + (path->is_due ? PROBE_US : RAISE_US));
}

void sctp_begin_path_search(struct sctp_association *a, uint64_t now_us) {
    a->path.timeouts = 0;
    a->path.too_long_bytes = a->config.packet_max_bytes + 4;
    know(a, a->config.packet_bytes);
    go_on(a, now_us);
}

void sctp_write_probe(struct sctp_association *a, uint64_t now_us, struct sctp_writer *writer) {
    struct sctp_path_search *path = &a->path;
    uint8_t info[SCTP_HEARTBEAT_INFO_BYTES];
    path->nonce = sctp_random_u64(a);
    path->is_due = false;
    sctp_store_u32(info, (uint32_t)(path->nonce >> 32));
    sctp_store_u32(info + 4, (uint32_t)path->nonce);
    sctp_write_heartbeat(writer, SCTP_CHUNK_HEARTBEAT, info, sizeof info);
    /* RFC 4820 section 3: a chunk of zeros that nobody looks at; lengths here are multiples of four. */
    static const uint8_t zeros[64];
    sctp_writer_open_chunk(writer, SCTP_CHUNK_PAD, 0);
    while (!writer->failed && writer->length < path->probe_bytes) {
        size_t missing = path->probe_bytes - writer->length;
        sctp_writer_bytes(writer, zeros, missing < sizeof zeros ? missing : sizeof zeros);
    }
    sctp_writer_close_chunk(writer);
    uint64_t wait = 2 * sctp_outbound_rto_us(a->out);
    sctp_start_timer(a, SCTP_TIMER_PROBE, now_us + (wait > PROBE_US ? wait : PROBE_US));
}

bool sctp_handle_probe_ack(struct sctp_association *a, uint64_t now_us, uint64_t nonce) {
    struct sctp_path_search *path = &a->path;
    if (path->probe_bytes == 0 || path->is_due || nonce != path->nonce)
        return false;
    know(a, path->probe_bytes);
    sctp_stop_timer(a, SCTP_TIMER_PROBE);
    go_on(a, now_us);
    return true;
}

void sctp_handle_probe_timer(struct sctp_association *a, uint64_t now_us) {
    struct sctp_path_search *path = &a->path;
    if (a->state != SCTP_STATE_ESTABLISHED)
        return;
    if (path->probe_bytes == 0) { /* the path may have become wider */
        path->too_long_bytes = a->config.packet_max_bytes + 4;
        go_on(a, now_us);
    } else if (path->is_due) { /* nobody has asked for a packet as long as this: there will be no search */
        sctp_start_timer(a, SCTP_TIMER_PROBE, now_us + RAISE_US);
    } else if (++path->tries < PROBES_MAX) {
        path->is_due = true;
        sctp_start_timer(a, SCTP_TIMER_PROBE, now_us + PROBE_US);
    } else {
        path->too_long_bytes = path->probe_bytes; /* RFC 8899 section 3: a lost probe says nothing of congestion */
        go_on(a, now_us);
    }
}

/* RFC 8899 section 4.3: when nothing arrives, perhaps packets of this length do not any more. */
void sctp_suspect_black_hole(struct sctp_association *a, uint64_t now_us) {
    if (++a->path.timeouts < BLACK_HOLE_TIMEOUTS || a->path.known_bytes <= a->config.packet_bytes)
        return;
    a->path.too_long_bytes = a->path.known_bytes;
    know(a, a->config.packet_bytes);
    go_on(a, now_us);
}
