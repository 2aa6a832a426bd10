/* SACKs: what they say, and when they are due (RFC 9260 section 6.2). */
#include "sctp/inbound_parts_internal.h"

/* RFC 9260 section 6.2, SHOULD: at least every second packet that has data. */
#define PACKETS_PER_SACK 2
/* What fits a packet of 1,200 bytes; gaps beyond are told when those before them are filled. */
#define GAPS_MAX 290
/* A message of one full packet has 1,132 bytes and takes 6 cells, 1,536: of what is free, so much may be promised as user data. */
#define WINDOW_OF_FREE(bytes) ((bytes) / 3 * 2)
/* RFC 9260 section 6.2, MUST (as RFC 1122 section 4.2.3.3): a window that would make the peer send small chunks is not offered. */
#define WINDOW_MIN_BYTES 3000

void sctp_acknowledgement_duplicate(struct sctp_inbound *in, uint32_t tsn) {
    struct sctp_acknowledgement *acknowledgement = &in->acknowledgement;
    in->statistics.duplicates++;
    acknowledgement->packet_is_urgent = true; /* RFC 9260 section 6.2, SHOULD: our SACK may be lost */
    if (acknowledgement->duplicate_count < SCTP_DUPLICATES_MAX)
        acknowledgement->duplicates[acknowledgement->duplicate_count++] = tsn;
}

void sctp_inbound_packet_end(struct sctp_inbound *in, uint64_t now_us) {
    struct sctp_acknowledgement *acknowledgement = &in->acknowledgement;
    if (!acknowledgement->packet_counts)
        return;
    bool has_gap = sctp_tsn_map_has_gap(&in->map);
    /* RFC 9260 section 6.7, SHOULD: at once while TSNs are missing, and when the last of them has come. */
    bool is_urgent = acknowledgement->packet_is_urgent || has_gap || acknowledgement->had_gap;
    acknowledgement->packets++;
    acknowledgement->is_due |= is_urgent || acknowledgement->packets >= PACKETS_PER_SACK;
    acknowledgement->deadline_us = acknowledgement->is_due ? SCTP_NEVER_US : now_us + SCTP_SACK_DELAY_US;
    acknowledgement->had_gap = has_gap;
    acknowledgement->packet_counts = acknowledgement->packet_is_urgent = false;
    in->last_data_us = now_us;
}

/* ---- window ------------------------------------------------------------------------------------------------------------------------ */

static uint32_t window_of(size_t free_cells) {
    size_t window = WINDOW_OF_FREE(free_cells * SCTP_CELL_BYTES);
    if (window < WINDOW_MIN_BYTES)
        return 0;
    return window < UINT32_MAX ? (uint32_t)window : UINT32_MAX;
}

uint32_t sctp_inbound_window(const struct sctp_inbound *in) {
    return window_of(in->cells_max > in->pool.used_count ? in->cells_max - in->pool.used_count : 0);
}

uint32_t sctp_inbound_first_window(size_t budget_bytes) {
    return window_of(budget_bytes / SCTP_CELL_BYTES);
}

/* Reading has made room that the peer may be waiting for: it stands at zero, or a quarter of all has become free. */
static bool window_has_opened(const struct sctp_inbound *in) {
    uint32_t now = sctp_inbound_window(in), told = in->acknowledgement.advertised_window;
    return now > told && (told == 0 || now - told >= WINDOW_OF_FREE(in->cells_max * SCTP_CELL_BYTES) / 4);
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

bool sctp_inbound_sack_is_pending(const struct sctp_inbound *in) {
    return in->acknowledgement.packets > 0;
}

bool sctp_inbound_sack_is_due(const struct sctp_inbound *in, uint64_t now_us) {
    return in->acknowledgement.is_due || now_us >= in->acknowledgement.deadline_us || window_has_opened(in);
}

void sctp_acknowledgement_handle_timeout(struct sctp_inbound *in, uint64_t now_us) {
    struct sctp_acknowledgement *acknowledgement = &in->acknowledgement;
    if (now_us < acknowledgement->deadline_us)
        return;
    acknowledgement->is_due = true;
    acknowledgement->deadline_us = SCTP_NEVER_US;
}

bool sctp_inbound_write_sack(struct sctp_inbound *in, struct sctp_writer *writer) {
    struct sctp_acknowledgement *acknowledgement = &in->acknowledgement;
    struct sctp_gap gaps[GAPS_MAX];
    size_t room = writer->capacity - writer->length;
    if (writer->failed || room < SCTP_SACK_MIN_BYTES)
        return false;
    size_t entries = (room - SCTP_SACK_MIN_BYTES) / 4;
    size_t gap_count = sctp_tsn_map_gaps(&in->map, gaps, entries < GAPS_MAX ? entries : GAPS_MAX);
    size_t duplicate_count = acknowledgement->duplicate_count < entries - gap_count ? acknowledgement->duplicate_count : entries - gap_count;
    uint32_t window = sctp_inbound_window(in);
    sctp_write_sack(writer, (uint32_t)in->map.cumulative, window, gaps, gap_count, acknowledgement->duplicates, duplicate_count);
    acknowledgement->advertised_window = window;
    acknowledgement->packets = 0;
    acknowledgement->deadline_us = SCTP_NEVER_US;
    acknowledgement->is_due = false;
    acknowledgement->duplicate_count = 0; /* RFC 9260 section 6.2: each is reported once */
    in->statistics.sacks++;
    return true;
}
