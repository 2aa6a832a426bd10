/* What is lost, by time: RFC 8985 section 6. */
#include "sctp/loss_internal.h"

#include "sctp/chunk.h"

void sctp_loss_begin(struct sctp_loss *loss, uint32_t initial_tsn) {
    *loss = (struct sctp_loss){.highest_acked_tsn = initial_tsn - 1, .window_multiplier = 1};
}

static bool is_sent_after(uint64_t a_us, uint32_t a_tsn, uint64_t b_us, uint32_t b_tsn) {
    return a_us > b_us || (a_us == b_us && sctp_tsn_before(b_tsn, a_tsn));
}

void sctp_loss_acknowledged(struct sctp_loss *loss, const struct sctp_record *record, uint64_t now_us, uint64_t least_rtt_us) {
    /* RFC 8985 section 6.2 step 3: one that was sent once arrives behind a higher one. */
    if (sctp_tsn_before(loss->highest_acked_tsn, record->tsn))
        loss->highest_acked_tsn = record->tsn;
    else if (record->transmissions == 1)
        loss->is_reordering_seen = true;
    uint64_t rtt_us = now_us - record->sent_us;
    /* RFC 8985 section 6.2 step 2: sooner than any round trip after it was sent again: the first one had arrived. */
    if (record->transmissions > 1 && rtt_us < least_rtt_us)
        return;
    if (loss->has_latest && !is_sent_after(record->sent_us, record->tsn, loss->latest_sent_us, loss->latest_tsn))
        return;
    loss->has_latest = true;
    loss->latest_sent_us = record->sent_us;
    loss->latest_tsn = record->tsn;
    loss->latest_rtt_us = rtt_us;
}

void sctp_loss_reported(struct sctp_loss *loss, uint32_t highest_tsn, size_t block_count) {
    loss->is_cut_short = block_count >= SCTP_LOSS_BLOCKS_FULL;
    loss->reported_tsn = highest_tsn;
}

bool sctp_loss_was_untold(const struct sctp_loss *loss, uint32_t tsn) {
    return loss->is_cut_short && sctp_tsn_before(loss->reported_tsn, tsn);
}

bool sctp_loss_was_presumed(const struct sctp_loss *loss, uint32_t tsn) {
    return loss->has_presumed && !sctp_tsn_before(loss->presumed_tsn, tsn);
}

void sctp_loss_duplicates(struct sctp_loss *loss, uint32_t cumulative_tsn, uint32_t next_tsn, bool is_recovering) {
    /* What fast recovery sent again had been late, not lost. RFC 8985 would not see it: the late one cannot be told from its copy. */
    loss->is_reordering_seen |= is_recovering;
    if (loss->has_duplicate_round && sctp_tsn_before(cumulative_tsn, loss->duplicate_round_tsn))
        return;
    loss->has_duplicate_round = true;
    loss->duplicate_round_tsn = next_tsn;
    loss->window_multiplier++;
    loss->window_persist = SCTP_LOSS_PERSIST_RECOVERIES;
}

void sctp_loss_recovered(struct sctp_loss *loss) {
    loss->has_presumed = false;
    if (loss->window_persist > 0 && --loss->window_persist == 0)
        loss->window_multiplier = 1;
}

uint64_t sctp_loss_reordering_window_us(const struct sctp_loss *loss, const struct sctp_in_flight *flight, const struct sctp_retransmission_timeout *rtt,
                                        bool is_recovering) {
    /* RFC 8985 section 6.2 step 4. */
    if (!loss->is_reordering_seen && (is_recovering || flight->acked_count >= SCTP_LOSS_DUPLICATE_THRESHOLD))
        return 0;
    uint64_t window_us = loss->window_multiplier * sctp_retransmission_timeout_least_us(rtt) / 4;
    return window_us < rtt->smoothed_us ? window_us : rtt->smoothed_us;
}

/*
 * A SACK names the lowest gaps; those beyond come to light as those before them are filled, so many in a round trip. After a slow start into a short
 * queue that can take tens of round trips; then it is cheaper to send once more what may have arrived.
 */
static bool is_soon_told(const struct sctp_loss *loss, const struct sctp_in_flight *flight) {
    uint32_t told = loss->reported_tsn - flight->cumulative_tsn, untold = flight->next_tsn - loss->reported_tsn;
    return untold / SCTP_LOSS_PATIENCE_ROUND_TRIPS <= told;
}

struct sctp_record *sctp_loss_next(struct sctp_loss *loss, const struct sctp_in_flight *flight, uint64_t now_us, uint64_t window_us, uint64_t *due_us) {
    *due_us = UINT64_MAX;
    if (!loss->has_latest || flight->oldest == SCTP_NO_SLOT)
        return NULL;
    struct sctp_record *record = &flight->records[flight->oldest];
    if (!is_sent_after(loss->latest_sent_us, loss->latest_tsn, record->sent_us, record->tsn))
        return NULL;
    /* Of what lies beyond the last block of a SACK that was full nothing is known: it may have arrived. (A peer that never names more than a few blocks
     * would tell its holes too slowly: what is beyond those is judged by time alone, and some of it sent in vain.) */
    bool is_untold = sctp_loss_was_untold(loss, record->tsn);
    if (is_untold && (record->transmissions > 1 || is_soon_told(loss, flight)))
        return NULL;
    uint64_t lost_us = record->sent_us + loss->latest_rtt_us + window_us;
    if (lost_us > now_us) {
        *due_us = lost_us;
        return NULL;
    }
    if (is_untold && (!loss->has_presumed || sctp_tsn_before(loss->presumed_tsn, record->tsn))) {
        loss->has_presumed = true;
        loss->presumed_tsn = record->tsn;
    }
    return record;
}
