/* What has no TSN yet: messages in the queues of their streams. See send_queue_internal.h. */
#include "sctp/send_queue_internal.h"

#include <assert.h>
#include <string.h>

#define FIRST_BLOCK_ROOM_BYTES (SCTP_BLOCK_ROOM_BYTES - sizeof(struct sctp_outgoing))
_Static_assert(sizeof(struct sctp_outgoing) < SCTP_BLOCK_ROOM_BYTES / 2, "a short message takes one block");

void sctp_send_queue_begin(struct sctp_send_queue *queue, const struct sctp_allocator *allocator, size_t budget_bytes, bool is_interleaved) {
    *queue = (struct sctp_send_queue){.allocator = *allocator, .is_interleaved = is_interleaved, .unfinished_max_bytes = UINT64_MAX};
    sctp_block_pool_begin(&queue->pool, allocator, budget_bytes);
}

static void *allocate(struct sctp_send_queue *queue, size_t bytes) {
    void *memory = queue->allocator.allocate(queue->allocator.context, bytes);
    if (memory) {
        memset(memory, 0, bytes);
        queue->memory_bytes += bytes;
    }
    return memory;
}

static void release(struct sctp_send_queue *queue, void *memory, size_t bytes) {
    if (!memory)
        return;
    queue->memory_bytes -= bytes;
    queue->allocator.release(queue->allocator.context, memory);
}

void sctp_send_queue_end(struct sctp_send_queue *queue) {
    for (size_t i = 0; queue->pages && i < SCTP_STREAM_PAGES; i++) {
        struct sctp_stream_page *page = queue->pages[i];
        for (size_t j = 0; page && j < SCTP_STREAM_PAGE_STREAMS; j++)
            release(queue, page->streams[j], sizeof *page->streams[j]);
        release(queue, page, sizeof *page);
    }
    release(queue, queue->pages, SCTP_STREAM_PAGES * sizeof(struct sctp_stream_page *));
    sctp_scheduler_end(&queue->scheduler, &queue->allocator);
    sctp_block_pool_end(&queue->pool);
}

/* ---- streams ----------------------------------------------------------------------------------------------------------------------- */

struct sctp_stream_out *sctp_send_queue_stream(const struct sctp_send_queue *queue, uint16_t id) {
    struct sctp_stream_page *page = queue->pages ? queue->pages[id / SCTP_STREAM_PAGE_STREAMS] : NULL;
    return page ? page->streams[id % SCTP_STREAM_PAGE_STREAMS] : NULL;
}

struct sctp_stream_out *sctp_send_queue_make_stream(struct sctp_send_queue *queue, uint16_t id) {
    struct sctp_stream_out *stream = sctp_send_queue_stream(queue, id);
    if (stream)
        return stream;
    if (!sctp_scheduler_reserve(&queue->scheduler, &queue->allocator, queue->stream_count + 1, &queue->memory_bytes))
        return NULL;
    if (!queue->pages)
        queue->pages = allocate(queue, SCTP_STREAM_PAGES * sizeof(struct sctp_stream_page *));
    if (!queue->pages)
        return NULL;
    struct sctp_stream_page **page = &queue->pages[id / SCTP_STREAM_PAGE_STREAMS];
    if (!*page)
        *page = allocate(queue, sizeof **page);
    if (!*page)
        return NULL;
    stream = allocate(queue, sizeof *stream);
    if (!stream)
        return NULL; /* an empty page stays, until the end */
    stream->id = id;
    stream->heap_index = SIZE_MAX;
    (*page)->streams[id % SCTP_STREAM_PAGE_STREAMS] = stream;
    (*page)->count++;
    queue->stream_count++;
    return stream;
}

void sctp_send_queue_forget_stream(struct sctp_send_queue *queue, struct sctp_stream_out *stream) {
    assert(stream->message_count == 0 && stream->heap_index == SIZE_MAX && !stream->is_low_due);
    struct sctp_stream_page **page = &queue->pages[stream->id / SCTP_STREAM_PAGE_STREAMS];
    (*page)->streams[stream->id % SCTP_STREAM_PAGE_STREAMS] = NULL;
    release(queue, stream, sizeof *stream);
    queue->stream_count--;
    if (--(*page)->count == 0) {
        release(queue, *page, sizeof **page);
        *page = NULL;
    }
}

static bool has_begun(const struct sctp_outgoing *message) {
    return message->next_fragment > 0;
}

/* May something of it be cut? RFC 6525 section 5.1.2: of a stream that is to be reset, only the rest of what has begun. */
static bool is_ready(const struct sctp_stream_out *stream) {
    return stream->head && (!stream->is_paused || has_begun(stream->head));
}

static void schedule(struct sctp_send_queue *queue, struct sctp_stream_out *stream) {
    if (is_ready(stream) && !stream->is_held)
        sctp_scheduler_add(&queue->scheduler, stream);
    else
        sctp_scheduler_remove(&queue->scheduler, stream);
}

/*
 * A receiver keeps every message that has begun until it has ended. If those that we interleave were together more than it can keep, its
 * window would close on parts, of which none could ever be finished.
 */
static bool may_begin(const struct sctp_send_queue *queue, const struct sctp_outgoing *message) {
    if (!queue->is_interleaved || has_begun(message) || message->length <= SCTP_BEGINS_ALWAYS_BYTES || queue->unfinished_bytes == 0)
        return true;
    return queue->unfinished_bytes + message->length <= queue->unfinished_max_bytes;
}

static void hold(struct sctp_send_queue *queue, struct sctp_stream_out *stream) {
    stream->is_held = true;
    stream->next_held = NULL;
    if (queue->held_first)
        queue->held_last->next_held = stream;
    else
        queue->held_first = stream;
    queue->held_last = stream;
    schedule(queue, stream);
}

/* All of them, in the order in which they came: who still has to wait is held again when its turn comes. */
static void let_go(struct sctp_send_queue *queue) {
    struct sctp_stream_out *stream = queue->held_first;
    queue->held_first = queue->held_last = NULL;
    while (stream) {
        struct sctp_stream_out *next = stream->next_held;
        stream->is_held = false;
        schedule(queue, stream);
        stream = next;
    }
}

void sctp_send_queue_pause(struct sctp_send_queue *queue, struct sctp_stream_out *stream) {
    stream->is_paused = true;
    schedule(queue, stream);
}

void sctp_send_queue_resume(struct sctp_send_queue *queue, struct sctp_stream_out *stream) {
    stream->is_paused = false;
    schedule(queue, stream);
}

void sctp_send_queue_low(struct sctp_send_queue *queue, struct sctp_stream_out *stream, uint64_t before_bytes) {
    if (before_bytes <= stream->low_bytes || stream->buffered_bytes > stream->low_bytes || stream->is_low_due)
        return;
    stream->is_low_due = true;
    stream->next_low = NULL;
    if (queue->low_last)
        queue->low_last->next_low = stream;
    else
        queue->low_first = stream;
    queue->low_last = stream;
}

static void unbuffer(struct sctp_send_queue *queue, struct sctp_stream_out *stream, size_t bytes) {
    uint64_t before_bytes = stream->buffered_bytes;
    stream->buffered_bytes -= bytes;
    queue->buffered_bytes -= bytes;
    sctp_send_queue_low(queue, stream, before_bytes);
}

/* ---- messages ---------------------------------------------------------------------------------------------------------------------- */

static size_t blocks_for(size_t length) {
    size_t beyond = length > FIRST_BLOCK_ROOM_BYTES ? length - FIRST_BLOCK_ROOM_BYTES : 0;
    return 1 + beyond / SCTP_BLOCK_ROOM_BYTES + (beyond % SCTP_BLOCK_ROOM_BYTES > 0);
}

/* The message lies at the front of its first block. */
static struct sctp_block *first_block(struct sctp_outgoing *message) {
    return (struct sctp_block *)(void *)((uint8_t *)message - offsetof(struct sctp_block, bytes));
}

static struct sctp_outgoing *fill(struct sctp_block *first, size_t count, const uint8_t *bytes, size_t length) {
    struct sctp_outgoing *message = (struct sctp_outgoing *)(void *)first->bytes;
    *message = (struct sctp_outgoing){.at = first, .at_offset = sizeof *message, .block_count = (uint32_t)count, .length = length, .unsent = length};
    struct sctp_block *block = first;
    size_t offset = sizeof *message;
    for (;;) {
        size_t piece = SCTP_BLOCK_ROOM_BYTES - offset < length ? SCTP_BLOCK_ROOM_BYTES - offset : length;
        memcpy(block->bytes + offset, bytes, piece);
        bytes += piece;
        length -= piece;
        if (length == 0)
            break;
        block = block->next;
        offset = 0;
    }
    message->last = block;
    return message;
}

static void free_message(struct sctp_send_queue *queue, struct sctp_outgoing *message) {
    message->stream->message_count--;
    sctp_block_pool_give(&queue->pool, first_block(message), message->last, message->block_count);
}

static void take_head(struct sctp_send_queue *queue, struct sctp_stream_out *stream) {
    struct sctp_outgoing *message = stream->head;
    stream->head = message->next;
    if (!stream->head)
        stream->tail = NULL;
    message->is_queued = false;
    message->next = NULL;
    if (queue->current == stream)
        queue->current = NULL;
    if (message->is_unfinished)
        queue->unfinished_bytes -= message->length;
    if (message->is_unfinished || stream->is_held)
        let_go(queue);
    message->is_unfinished = false;
    schedule(queue, stream);
}

/* RFC 3758 section 4.1 TR3, MUST: what has expired before its first transmission is dropped without a TSN, and nobody hears of it. */
static uint64_t drop_expired(struct sctp_send_queue *queue, struct sctp_stream_out *stream, uint64_t now_us) {
    uint64_t count = 0;
    while (stream->head && !has_begun(stream->head) && stream->head->expires_us <= now_us) {
        struct sctp_outgoing *message = stream->head;
        take_head(queue, stream);
        unbuffer(queue, stream, message->unsent);
        free_message(queue, message);
        count++;
    }
    return count;
}

int sctp_send_queue_add(struct sctp_send_queue *queue, uint64_t now_us, const struct sctp_message *message, bool can_abandon, uint64_t *dropped) {
    size_t count = blocks_for(message->length);
    if (message->length == 0 || message->stream == UINT16_MAX || count > queue->pool.limit_count)
        return SCTP_ERROR_ARGUMENT;
    struct sctp_stream_out *stream = sctp_send_queue_make_stream(queue, message->stream);
    if (!stream)
        return SCTP_ERROR_MEMORY;
    struct sctp_block *first;
    int error = sctp_block_pool_take(&queue->pool, count, &first);
    if (error == SCTP_ERROR_CAPACITY) {
        *dropped += drop_expired(queue, stream, now_us);
        error = sctp_block_pool_take(&queue->pool, count, &first);
    }
    if (error != SCTP_OK)
        return error;
    struct sctp_outgoing *added = fill(first, count, message->bytes, message->length);
    bool by_count = can_abandon && message->reliability == SCTP_MAX_RETRANSMITS;
    bool by_time = can_abandon && message->reliability == SCTP_MAX_LIFETIME && message->lifetime_us < UINT64_MAX - now_us;
    added->stream = stream;
    added->payload_protocol = message->payload_protocol;
    added->is_unordered = message->is_unordered;
    added->retransmit_limit = by_count ? message->max_retransmits : UINT32_MAX;
    added->expires_us = by_time ? now_us + message->lifetime_us : UINT64_MAX;
    added->is_queued = true;
    if (stream->tail)
        stream->tail->next = added;
    else
        stream->head = added;
    stream->tail = added;
    stream->weight = message->priority > 0 ? message->priority : SCTP_PRIORITY_DEFAULT;
    stream->message_count++;
    stream->buffered_bytes += message->length;
    queue->buffered_bytes += message->length;
    schedule(queue, stream);
    return SCTP_OK;
}

struct sctp_outgoing *sctp_send_queue_next(struct sctp_send_queue *queue, uint64_t now_us, uint64_t *dropped) {
    /* RFC 9260 section 6.9, MUST: the fragments of a message have TSNs in a row; RFC 8260 section 2.2.2 lifts that. */
    while (!queue->current || queue->is_interleaved) {
        struct sctp_stream_out *stream = sctp_scheduler_first(&queue->scheduler);
        if (!stream)
            return NULL;
        uint64_t expired = drop_expired(queue, stream, now_us);
        *dropped += expired;
        if (expired > 0)
            continue;
        if (may_begin(queue, stream->head))
            return stream->head;
        hold(queue, stream);
    }
    return queue->current->head;
}

static void give_id(struct sctp_send_queue *queue, struct sctp_outgoing *message) {
    struct sctp_stream_out *stream = message->stream;
    if (queue->is_interleaved && message->is_unordered)
        message->id = stream->next_unordered++; /* RFC 8260 section 2.1: ordered and unordered MIDs are counted apart */
    else if (queue->is_interleaved || !message->is_unordered)
        message->id = stream->next_ordered++;
    /* RFC 9260 section 3.3.1: the SSN of an unordered message means nothing; it stays 0. */
}

static void advance(struct sctp_outgoing *message, size_t bytes) {
    message->unsent -= bytes;
    while (bytes > 0) {
        size_t here = SCTP_BLOCK_ROOM_BYTES - message->at_offset;
        if (here == 0) {
            message->at = message->at->next;
            message->at_offset = 0;
            continue;
        }
        size_t step = here < bytes ? here : bytes;
        message->at_offset += (uint32_t)step;
        bytes -= step;
    }
}

void sctp_send_queue_cut(struct sctp_send_queue *queue, struct sctp_outgoing *message, size_t bytes, struct sctp_fragment *fragment) {
    struct sctp_stream_out *stream = message->stream;
    assert(bytes > 0 && bytes <= message->unsent && stream->head == message);
    bool is_begin = !has_begun(message);
    if (is_begin) {
        give_id(queue, message);
        stream->held_count++;
        if (!queue->is_interleaved)
            queue->current = stream;
    }
    *fragment = (struct sctp_fragment){
        .message = message, .block = message->at, .offset = message->at_offset, .length = (uint32_t)bytes, .number = message->next_fragment++, .is_begin = is_begin,
        .is_end = bytes == message->unsent};
    if (queue->is_interleaved && is_begin && !fragment->is_end && message->length > SCTP_BEGINS_ALWAYS_BYTES) {
        message->is_unfinished = true;
        queue->unfinished_bytes += message->length;
    }
    message->records++;
    advance(message, bytes);
    sctp_scheduler_charge(&queue->scheduler, stream, bytes);
    if (fragment->is_end)
        take_head(queue, stream);
    unbuffer(queue, stream, bytes);
}

void sctp_send_queue_withdraw(struct sctp_send_queue *queue, struct sctp_outgoing *message) {
    assert(message->is_queued && message->stream->head == message && has_begun(message) && message->records > 0);
    size_t unsent = message->unsent;
    message->unsent = 0;
    take_head(queue, message->stream);
    unbuffer(queue, message->stream, unsent);
}

void sctp_send_queue_drop_bytes(struct sctp_send_queue *queue, struct sctp_outgoing *message) {
    struct sctp_block *first = first_block(message);
    assert(!message->is_queued);
    if (message->block_count == 1)
        return;
    sctp_block_pool_give(&queue->pool, first->next, message->last, message->block_count - 1);
    first->next = NULL;
    message->last = message->at = first;
    message->block_count = 1;
}

void sctp_send_queue_release(struct sctp_send_queue *queue, struct sctp_outgoing *message) {
    assert(message->records > 0);
    if (--message->records > 0 || message->is_queued)
        return;
    message->stream->held_count--;
    free_message(queue, message);
}
