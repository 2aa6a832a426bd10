/* Streams: whole messages are read in the order of their sequence numbers (RFC 9260 section 6.5), but the unordered (section 6.6). */
#include "sctp/inbound_parts_internal.h"

#include <assert.h>
#include <string.h>

/* ---- the table --------------------------------------------------------------------------------------------------------------------- */

static_assert(SCTP_STREAMS_PER_PAGE * SCTP_PAGES_PER_SHELF * SCTP_SHELVES == 65536, "every stream has a place");

static size_t shelf_of(uint16_t stream) {
    return stream / (SCTP_STREAMS_PER_PAGE * SCTP_PAGES_PER_SHELF);
}

static size_t page_of(uint16_t stream) {
    return stream / SCTP_STREAMS_PER_PAGE % SCTP_PAGES_PER_SHELF;
}

/* NULL: never used. */
static struct sctp_stream_in *stream_of(const struct sctp_inbound *in, uint16_t stream) {
    const struct sctp_stream_shelf *shelf = in->streams.shelves[shelf_of(stream)];
    struct sctp_stream_in *page = shelf ? shelf->pages[page_of(stream)] : NULL;
    return page ? &page[stream % SCTP_STREAMS_PER_PAGE] : NULL;
}

static uint32_t *next_of(const struct sctp_inbound *in, uint16_t stream) {
    struct sctp_stream_in *known = stream_of(in, stream);
    return known ? &known->next : NULL;
}

static void *allocate_zeroed(struct sctp_inbound *in, size_t bytes) {
    void *memory = in->allocator.allocate(in->allocator.context, bytes);
    if (memory) {
        memset(memory, 0, bytes);
        in->streams.allocated_bytes += bytes;
    }
    return memory;
}

bool sctp_streams_reserve(struct sctp_inbound *in, uint16_t stream) {
    struct sctp_stream_shelf **shelf = &in->streams.shelves[shelf_of(stream)];
    if (!*shelf)
        *shelf = allocate_zeroed(in, sizeof **shelf);
    if (!*shelf)
        return false;
    struct sctp_stream_in **page = &(*shelf)->pages[page_of(stream)];
    if (!*page)
        *page = allocate_zeroed(in, SCTP_STREAMS_PER_PAGE * sizeof **page);
    return *page != NULL;
}

void sctp_streams_release(struct sctp_inbound *in) {
    for (size_t i = 0; i < SCTP_SHELVES; i++) {
        struct sctp_stream_shelf *shelf = in->streams.shelves[i];
        for (size_t k = 0; shelf && k < SCTP_PAGES_PER_SHELF; k++)
            if (shelf->pages[k])
                in->allocator.release(in->allocator.context, shelf->pages[k]);
        if (shelf)
            in->allocator.release(in->allocator.context, shelf);
    }
}

/* ---- order ------------------------------------------------------------------------------------------------------------------------- */

/* DATA counts its messages in 16 bits, I-DATA in 32. */
static uint32_t sequence_mask(const struct sctp_inbound *in) {
    return in->is_interleaved ? UINT32_MAX : UINT16_MAX;
}

uint32_t sctp_streams_distance(const struct sctp_inbound *in, uint16_t stream, uint32_t message) {
    const uint32_t *next = next_of(in, stream);
    return (message - (next ? *next : 0)) & sequence_mask(in);
}

static void make_ready(struct sctp_inbound *in, struct sctp_run *run) {
    run->right = NULL;
    if (in->ready)
        in->ready_last->right = run;
    else
        in->ready = run;
    in->ready_last = run;
    in->statistics.messages++;
}

static struct sctp_run *find_waiting(const struct sctp_inbound *in, uint16_t stream, uint32_t message) {
    uint64_t group = sctp_message_group(stream, false, message);
    struct sctp_run *run = sctp_run_tree_ceiling(in->waiting, group, 0);
    return run && run->group == group ? run : NULL;
}

bool sctp_streams_is_waiting(const struct sctp_inbound *in, uint16_t stream, uint32_t message) {
    return in->waiting && find_waiting(in, stream, message) != NULL;
}

static void release_waiting(struct sctp_inbound *in, struct sctp_run *run) {
    sctp_run_tree_remove(&in->waiting, run);
    make_ready(in, run);
}

/* All that is next now. */
static void go_on(struct sctp_inbound *in, uint16_t stream) {
    uint32_t *next = next_of(in, stream);
    struct sctp_run *run;
    while (in->waiting && (run = find_waiting(in, stream, *next)) != NULL) {
        release_waiting(in, run);
        *next = (*next + 1) & sequence_mask(in);
    }
}

void sctp_streams_deliver(struct sctp_inbound *in, struct sctp_run *whole) {
    if (whole->is_unordered) {
        make_ready(in, whole); /* RFC 9260 section 6.6: without regard to any order */
        return;
    }
    uint32_t *next = next_of(in, whole->stream);
    assert(next);
    if (whole->message != *next) {
        whole->group = sctp_message_group(whole->stream, false, whole->message);
        whole->first = 0;
        sctp_run_tree_insert(&in->waiting, whole);
        return;
    }
    make_ready(in, whole);
    *next = (*next + 1) & sequence_mask(in);
    go_on(in, whole->stream);
}

/* Those that wait from number `from` to number `to`, which is not below it. */
static void release_range(struct sctp_inbound *in, uint16_t stream, uint32_t from, uint32_t to) {
    uint64_t end = sctp_message_group(stream, false, to);
    struct sctp_run *run;
    while ((run = sctp_run_tree_ceiling(in->waiting, sctp_message_group(stream, false, from), 0)) != NULL && run->group <= end)
        release_waiting(in, run);
}

void sctp_streams_skip(struct sctp_inbound *in, uint16_t stream, uint32_t message) {
    uint32_t *next = next_of(in, stream);
    assert(next);
    /* RFC 3758 section 3.6, MUST: what is whole and waited for one that was given up can be read now. */
    if (message < *next) { /* they wrap */
        release_range(in, stream, *next, sequence_mask(in));
        release_range(in, stream, 0, message);
    } else {
        release_range(in, stream, *next, message);
    }
    *next = (message + 1) & sequence_mask(in);
    go_on(in, stream);
}

void sctp_streams_skip_unordered(struct sctp_inbound *in, uint16_t stream, uint32_t message) {
    struct sctp_stream_in *known = stream_of(in, stream);
    assert(known);
    if (known->unordered_skipped == 0 || sctp_tsn_before(known->unordered_skipped, message + 1))
        known->unordered_skipped = message + 1;
}

bool sctp_streams_is_skipped(const struct sctp_inbound *in, uint16_t stream, uint32_t unordered_message) {
    const struct sctp_stream_in *known = stream_of(in, stream);
    return known && known->unordered_skipped != 0 && sctp_tsn_before(unordered_message, known->unordered_skipped);
}

/* ---- reset: RFC 6525 section 5.2.2 -------------------------------------------------------------------------------------------------- */

/* What is left of the stream cannot be finished any more: all that its sender ever sent has arrived. */
static void drop_range(struct sctp_inbound *in, struct sctp_run **tree, uint64_t from, uint64_t to) {
    struct sctp_run *run;
    while ((run = sctp_run_tree_ceiling(*tree, from, 0)) != NULL && run->group <= to) {
        if (tree == &in->incomplete) {
            sctp_reassembly_drop(in, run);
        } else {
            sctp_run_tree_remove(tree, run);
            sctp_run_release(in, run);
            in->statistics.skipped++;
        }
    }
}

static void reset_stream(struct sctp_inbound *in, uint16_t stream) {
    uint64_t from = sctp_message_group(stream, false, 0), to = sctp_message_group(stream, true, UINT32_MAX);
    drop_range(in, &in->waiting, from, to);
    if (in->is_interleaved) /* DATA has no group: what cannot be finished is swept */
        drop_range(in, &in->incomplete, from, to);
    struct sctp_stream_in *known = stream_of(in, stream);
    if (known)
        *known = (struct sctp_stream_in){0};
}

static void reset_all(struct sctp_inbound *in) {
    drop_range(in, &in->waiting, 0, UINT64_MAX);
    if (in->is_interleaved)
        drop_range(in, &in->incomplete, 0, UINT64_MAX);
    for (size_t i = 0; i < SCTP_SHELVES; i++) {
        const struct sctp_stream_shelf *shelf = in->streams.shelves[i];
        for (size_t k = 0; shelf && k < SCTP_PAGES_PER_SHELF; k++)
            if (shelf->pages[k])
                memset(shelf->pages[k], 0, SCTP_STREAMS_PER_PAGE * sizeof(struct sctp_stream_in));
    }
}

bool sctp_inbound_reset(struct sctp_inbound *in, const uint16_t *streams, size_t count, uint32_t last_tsn) {
    /* RFC 6525 section 5.2.2 E2, MUST: not before everything up to the sender's last TSN is here. */
    in->reset_behind_tsn = sctp_tsn_map_unwrap(&in->map, last_tsn);
    if (in->reset_behind_tsn > in->map.cumulative)
        return false;
    for (size_t i = 0; i < count; i++)
        reset_stream(in, streams[i]);
    if (count == 0)
        reset_all(in);
    return true;
}
