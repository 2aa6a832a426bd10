/* What the peer has given up: RFC 3758 section 3.6, RFC 8260 section 2.3.1. */
#include "sctp/inbound_parts_internal.h"

/* ---- messages that are not whole ---------------------------------------------------------------------------------------------------- */

/* RFC 3758 section 3.6, MUST: those of DATA that lack a TSN up to the new one are dropped. They stand in the order of their TSNs. */
static void drop_unfinished(struct sctp_inbound *in, uint64_t tsn) {
    struct sctp_run *run = sctp_run_tree_ceiling(in->incomplete, 0, 0);
    while (run && run->first <= tsn) {
        struct sctp_run *next = sctp_run_tree_ceiling(in->incomplete, 0, run->first + 1);
        if (!run->has_begin || run->last < tsn)
            sctp_reassembly_drop(in, run);
        run = next;
    }
}

static void drop_groups(struct sctp_inbound *in, uint64_t from, uint64_t to) {
    struct sctp_run *run;
    while ((run = sctp_run_tree_ceiling(in->incomplete, from, 0)) != NULL && run->group <= to)
        sctp_reassembly_drop(in, run);
}

/* Those of I-DATA are named: this message and the half of the numbers before it. */
static void drop_named(struct sctp_inbound *in, const struct sctp_skipped *skipped) {
    uint32_t oldest = skipped->message - INT32_MAX;
    uint64_t to = sctp_message_group(skipped->stream, skipped->is_unordered, skipped->message);
    if (oldest <= skipped->message) {
        drop_groups(in, sctp_message_group(skipped->stream, skipped->is_unordered, oldest), to);
    } else { /* they wrap */
        drop_groups(in, sctp_message_group(skipped->stream, skipped->is_unordered, 0), to);
        drop_groups(in, sctp_message_group(skipped->stream, skipped->is_unordered, oldest), sctp_message_group(skipped->stream, skipped->is_unordered, UINT32_MAX));
    }
}

/* ---- streams ----------------------------------------------------------------------------------------------------------------------- */

/* `advance`: by how much the cumulative TSN moves: no more messages than that can have been given up. */
static void skip(struct sctp_inbound *in, const struct sctp_skipped *skipped, uint64_t advance) {
    if (in->is_interleaved)
        drop_named(in, skipped);
    if (skipped->is_unordered) {
        sctp_streams_skip_unordered(in, skipped->stream, skipped->message);
        return;
    }
    uint64_t farthest = in->is_interleaved ? INT32_MAX : advance - 1;
    if (sctp_streams_distance(in, skipped->stream, skipped->message) <= farthest) /* else it was skipped before, or was whole */
        sctp_streams_skip(in, skipped->stream, skipped->message);
}

/* All memory that it needs, before anything changes. */
static bool reserve(struct sctp_inbound *in, const struct sctp_forward_tsn *forward) {
    for (size_t i = 0; i < forward->stream_count; i++) {
        struct sctp_skipped skipped = sctp_forward_tsn_stream(forward, i);
        if (skipped.stream < in->stream_count && !sctp_streams_reserve(in, skipped.stream))
            return false;
    }
    return true;
}

bool sctp_inbound_forward_tsn(struct sctp_inbound *in, const struct sctp_forward_tsn *forward) {
    struct sctp_acknowledgement *acknowledgement = &in->acknowledgement;
    if (forward->is_interleaved != in->is_interleaved) {
        /* RFC 8260 section 2.3.1: each goes with its own kind of DATA. */
        (void)sctp_inbound_violates(in, SCTP_CAUSE_PROTOCOL_VIOLATION, in->is_interleaved ? "FORWARD TSN where I-DATA was agreed" : "I-FORWARD-TSN that was not agreed");
        return false;
    }
    acknowledgement->packet_counts = true; /* RFC 3758 section 3.6, MUST: for SACKs it counts as a DATA chunk */
    uint64_t tsn = sctp_tsn_map_unwrap(&in->map, forward->new_cumulative_tsn);
    if (tsn <= in->map.cumulative) {
        acknowledgement->packet_is_urgent = true; /* RFC 3758 section 3.6, SHOULD: our last SACK may be lost */
        return true;
    }
    if (!reserve(in, forward))
        return true; /* not done, and not acknowledged: it will come again */
    uint64_t advance = tsn - in->map.cumulative;
    sctp_tsn_map_forward(&in->map, tsn);
    if (!in->is_interleaved)
        drop_unfinished(in, tsn);
    for (size_t i = 0; i < forward->stream_count; i++) {
        struct sctp_skipped skipped = sctp_forward_tsn_stream(forward, i);
        if (skipped.stream < in->stream_count)
            skip(in, &skipped, advance);
    }
    return true;
}
