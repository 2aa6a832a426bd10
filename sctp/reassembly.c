/* Fragments become messages: a chunk extends the run before it or the run behind it, joins the two, or begins one. */
#include "sctp/inbound_parts_internal.h"

#include <assert.h>
#include <string.h>

/* All runs are looked at when as many chunks have come as runs were left the last time, and these: constant work for a chunk. */
#define SWEEP_INTERVAL_MIN 64

static_assert(SCTP_RUN_ROOM_BYTES >= 128 && SCTP_RUN_ROOM_BYTES < SCTP_CELL_ROOM_BYTES, "a small message fits the cell of its record");

/* ---- cells ------------------------------------------------------------------------------------------------------------------------- */

static size_t cells_for(size_t length) {
    return (length + SCTP_CELL_ROOM_BYTES - 1) / SCTP_CELL_ROOM_BYTES;
}

static size_t room_in(const struct sctp_cell *cell) {
    return (size_t)(SCTP_CELL_BYTES - cell->end);
}

/* Cells that appending takes, beside the last one's room. */
static size_t cells_to_append(const struct sctp_cell *last, size_t length) {
    size_t room = room_in(last);
    return length <= room ? 0 : cells_for(length - room);
}

static size_t cells_of_new_run(size_t length) {
    return length <= SCTP_RUN_ROOM_BYTES ? 1 : 1 + cells_for(length - SCTP_RUN_ROOM_BYTES);
}

static void append_bytes(struct sctp_cell_pool *pool, struct sctp_run *run, const uint8_t *bytes, size_t length) {
    run->length += (uint32_t)length;
    for (;;) {
        struct sctp_cell *last = run->last_cell;
        size_t part = length < room_in(last) ? length : room_in(last);
        memcpy((uint8_t *)last + last->end, bytes, part);
        last->end = (uint16_t)(last->end + part);
        bytes += part;
        length -= part;
        if (length == 0)
            return;
        struct sctp_cell *cell = sctp_cell_pool_take(pool);
        cell->begin = cell->end = sizeof *cell;
        last->next = cell;
        run->last_cell = cell;
        run->cell_count++;
    }
}

void sctp_run_release(struct sctp_inbound *in, struct sctp_run *run) {
    sctp_cell_pool_give(&in->pool, &run->cell, run->last_cell, run->cell_count);
}

/* ---- runs -------------------------------------------------------------------------------------------------------------------------- */

static bool is_of_message(const struct sctp_run *run, const struct sctp_data *data) {
    return run->stream == data->stream && run->is_unordered == data->is_unordered && (data->is_interleaved || data->is_unordered || run->message == data->message);
}

/* Where a chunk belongs. */
struct place {
    uint64_t group, index;
    struct sctp_run *left, *right; /* the run that it extends at its end, at its beginning */
};

/* False: an FSN that is there already, or beyond the end of its message. */
static bool find_place(const struct sctp_inbound *in, const struct sctp_data *data, uint64_t tsn, struct place *place) {
    *place = (struct place){.index = tsn};
    if (data->is_interleaved) {
        place->group = sctp_message_group(data->stream, data->is_unordered, data->message);
        place->index = data->fragment;
    }
    struct sctp_run *left = sctp_run_tree_floor(in->incomplete, place->group, place->index);
    struct sctp_run *right = sctp_run_tree_ceiling(in->incomplete, place->group, place->index);
    if (left && left->group != place->group)
        left = NULL;
    if (right && right->group != place->group)
        right = NULL;
    if (data->is_interleaved && ((left && (left->last >= place->index || left->has_end)) || (right && (right->first == place->index || data->is_end))))
        return false;
    /* DATA beside DATA may be another message: the rest of this one was never sent, or skipped. */
    if (left && left->last + 1 == place->index && !data->is_begin && !left->has_end && is_of_message(left, data))
        place->left = left;
    if (right && right->first == place->index + 1 && !data->is_end && !right->has_begin && is_of_message(right, data))
        place->right = right;
    return true;
}

static struct sctp_run *new_run(struct sctp_inbound *in, const struct sctp_data *data, const struct place *place) {
    struct sctp_run *run = (struct sctp_run *)(void *)sctp_cell_pool_take(&in->pool);
    *run = (struct sctp_run){
        .cell = {.begin = sizeof *run, .end = sizeof *run},
        .last_cell = &run->cell,
        .group = place->group,
        .first = place->index,
        .last = place->index,
        .message = data->message,
        .payload_protocol = data->payload_protocol,
        .cell_count = 1,
        .stream = data->stream,
        .is_unordered = data->is_unordered,
        .has_begin = data->is_begin,
    };
    return run;
}

static void remove_run(struct sctp_inbound *in, struct sctp_run *run) {
    sctp_run_tree_remove(&in->incomplete, run);
    in->incomplete_count--;
}

static void insert_run(struct sctp_inbound *in, struct sctp_run *run) {
    sctp_run_tree_insert(&in->incomplete, run);
    in->incomplete_count++;
}

/* `right`, no more in the tree, behind `run`. */
static void join(struct sctp_run *run, struct sctp_run *right) {
    run->last_cell->next = &right->cell;
    run->last_cell = right->last_cell;
    run->cell_count += right->cell_count;
    run->length += right->length;
    run->last = right->last;
    run->has_end = right->has_end;
}

void sctp_reassembly_drop(struct sctp_inbound *in, struct sctp_run *run) {
    remove_run(in, run);
    sctp_run_release(in, run);
    in->statistics.skipped++;
}

/* ---- room -------------------------------------------------------------------------------------------------------------------------- */

/* Doubles, so that growing costs a message its length; from this on reading the message cannot fail. */
static bool reserve_delivery(struct sctp_inbound *in, size_t length) {
    if (length <= in->delivered_capacity)
        return true;
    size_t capacity = in->delivered_capacity > 1024 ? in->delivered_capacity : 1024;
    while (capacity < length)
        capacity *= 2;
    capacity = capacity < in->message_max_bytes ? capacity : in->message_max_bytes;
    uint8_t *wider = in->allocator.allocate(in->allocator.context, capacity);
    if (!wider)
        return false;
    if (in->delivered)
        in->allocator.release(in->allocator.context, in->delivered);
    in->delivered = wider;
    in->delivered_capacity = capacity;
    return true;
}

static enum sctp_inbound_result make_room(struct sctp_inbound *in, const struct sctp_data *data, const struct place *place, uint64_t tsn) {
    size_t length = data->length + (place->left ? place->left->length : 0) + (place->right ? place->right->length : 0);
    /* RFC 8841 section 6.1, MUST NOT: a message beyond the size that we have signalled. */
    if (length > in->message_max_bytes)
        return sctp_inbound_violates(in, SCTP_CAUSE_PROTOCOL_VIOLATION, "message longer than the max-message-size");
    bool is_next = tsn == in->map.cumulative + 1;
    size_t cells = place->left ? cells_to_append(place->left->last_cell, data->length) : cells_of_new_run(data->length);
    if (in->pool.used_count + cells > in->cells_max + (is_next ? in->cells_beyond : 0)) {
        /* All of the budget is parts of messages, and none can be read: nothing would ever move again. */
        if (is_next && !in->ready)
            return sctp_inbound_violates(in, SCTP_CAUSE_OUT_OF_RESOURCE, "unfinished messages fill the receive buffer");
        return SCTP_INBOUND_NO_ROOM;
    }
    bool is_reserved = sctp_tsn_map_reserve(&in->map, &in->allocator, tsn) && sctp_cell_pool_reserve(&in->pool, cells) &&
                       reserve_delivery(in, length) && (data->is_unordered || sctp_streams_reserve(in, data->stream));
    return is_reserved ? SCTP_INBOUND_TAKEN : SCTP_INBOUND_NO_ROOM;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------------------ */

enum sctp_inbound_result sctp_reassembly_take(struct sctp_inbound *in, const struct sctp_data *data, uint64_t tsn, struct sctp_run **whole) {
    struct place place;
    *whole = NULL;
    if (!find_place(in, data, tsn, &place))
        return sctp_inbound_violates(in, SCTP_CAUSE_PROTOCOL_VIOLATION, "fragment of a message twice, or beyond its end");
    enum sctp_inbound_result result = make_room(in, data, &place, tsn);
    if (result != SCTP_INBOUND_TAKEN)
        return result;
    struct sctp_run *run = place.left ? place.left : new_run(in, data, &place);
    append_bytes(&in->pool, run, data->bytes, data->length);
    run->last = place.index;
    run->has_end = data->is_end;
    if (place.right) {
        remove_run(in, place.right);
        join(run, place.right);
    }
    bool is_whole = run->has_begin && run->has_end;
    if (is_whole && place.left)
        remove_run(in, run);
    if (!is_whole && !place.left)
        insert_run(in, run);
    *whole = is_whole ? run : NULL;
    return SCTP_INBOUND_TAKEN;
}

/*
 * What it lacks has a TSN that counts as arrived, so it was skipped. Fragments of DATA have TSNs in a row (RFC 9260 section 6.9, MUST). Of those of
 * I-DATA no order may be assumed (RFC 8260 section 2.2.3, MUST NOT): they are dropped when I-FORWARD-TSN names their message, and only then.
 */
static bool is_dead(const struct sctp_inbound *in, const struct sctp_run *run) {
    bool lacks_begin = !run->has_begin && run->first <= in->map.cumulative;
    bool lacks_end = !run->has_end && run->last < in->map.cumulative;
    return lacks_begin || lacks_end;
}

void sctp_reassembly_sweep(struct sctp_inbound *in) {
    if (++in->chunks_since_sweep < in->incomplete_after_sweep + SWEEP_INTERVAL_MIN)
        return;
    struct sctp_run *run = sctp_run_tree_ceiling(in->incomplete, 0, 0);
    while (run) {
        struct sctp_run *next = sctp_run_tree_ceiling(in->incomplete, run->group, run->first + 1);
        if (is_dead(in, run))
            sctp_reassembly_drop(in, run);
        run = next;
    }
    in->incomplete_after_sweep = in->incomplete_count;
    in->chunks_since_sweep = 0;
}
