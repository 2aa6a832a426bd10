/* The state of the data channels, and what their files do for one another. */
#ifndef SCTP_DATA_CHANNEL_INTERNAL_H
#define SCTP_DATA_CHANNEL_INTERNAL_H

#include "sctp/data_channel.h"
#include "sctp/data_channel_message_internal.h"

#define DATA_CHANNEL_NO_SLOT UINT16_MAX

struct data_channel {
    struct data_channel *next_pending; /* in the queue of those that have something to tell */
    data_channel_handle handle;
    enum data_channel_state state;
    enum data_channel_reason reason;
    uint16_t id, priority;
    bool is_unordered, is_negotiated, is_by_peer;
    enum sctp_reliability reliability;
    uint32_t limit;
    uint64_t buffered_low_bytes;

    bool is_acknowledged;                       /* the peer knows it: unordered messages may overtake now */
    bool owes_open, owes_ack, owes_reset;       /* what the association had no room for yet */
    bool is_reset_by_us, is_reset_by_peer;
    bool tells_opened, tells_open, tells_closing, tells_closed, is_pending;

    uint8_t *partial; /* an unfinished message of the old kind */
    size_t partial_length, partial_capacity;
    uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
    uint64_t payload_sent; /* of messages, on the wire: all of it stands behind OPEN or ACK in the stream's queue */

    size_t label_length, protocol_length;
    char text[]; /* label, NUL, protocol, NUL */
};

/* Where a handle leads: its low 16 bits are the index. Slots with the same low bits of their channel's id are chained. */
struct data_channel_slot {
    struct data_channel *channel; /* NULL: free */
    uint16_t generation, bucket, next;
};

struct data_channel_layer {
    struct sctp_allocator allocator;
    struct sctp_association *association; /* NULL: not attached */
    unsigned channels_max;
    size_t partial_max_bytes, partial_bytes;
    uint64_t peer_message_max_bytes;
    bool has_role, is_client, is_connected, has_ended;
    bool lacked_memory; /* what is owed for want of memory is tried at the next poll: no event tells that there is some */
    unsigned streams; /* ids below may be used; all, until the association says */
    unsigned last_id; /* that was chosen */

    struct data_channel_slot *slots;
    unsigned slot_count, used_count; /* slot_count: a power of two, or 0 */
    unsigned next_slot;              /* where the search for a free one begins */
    unsigned debtor_count;           /* channels that owe something */
    struct data_channel *pending, *pending_last;
    struct data_channel *departed; /* CLOSED was told: freed at the next poll */
    uint8_t *finished;             /* a message that came in parts, while its event is looked at */
    size_t finished_capacity;
    struct data_channel_layer_statistics statistics;
};

/* ---- data_channel_table.c ----------------------------------------------------------------------------------------------------------- */

/* *channel: zeroed but for its handle and text, in a slot, found by no id. SCTP_ERROR_CAPACITY, SCTP_ERROR_MEMORY. */
int data_channel_create(struct data_channel_layer *layer, const char *label, size_t label_length, const char *protocol, size_t protocol_length,
                        struct data_channel **channel);
struct data_channel *data_channel_of(const struct data_channel_layer *layer, data_channel_handle handle);
struct data_channel *data_channel_with_id(const struct data_channel_layer *layer, unsigned id);
void data_channel_set_id(struct data_channel_layer *layer, struct data_channel *channel, uint16_t id);
void data_channel_drop_id(struct data_channel_layer *layer, struct data_channel *channel);
/* A number of ours that is free; false: none. */
bool data_channel_choose_id(struct data_channel_layer *layer, uint16_t *id);
/* Its handle names nothing any more. */
void data_channel_destroy(struct data_channel_layer *layer, struct data_channel *channel);
void *data_channel_allocate(struct data_channel_layer *layer, size_t bytes);
void data_channel_release(struct data_channel_layer *layer, void *memory, size_t bytes);

/* ---- data_channel.c ----------------------------------------------------------------------------------------------------------------- */

/* Sets what it tells, and puts it into the queue. */
void data_channel_tell(struct data_channel_layer *layer, struct data_channel *channel, bool *what);
/* OPEN message, OPEN event: the association is connected. */
void data_channel_begin(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel);
/* Both streams are reset, or never will be. */
void data_channel_end(struct data_channel_layer *layer, struct data_channel *channel, enum data_channel_reason reason);
void data_channel_end_all(struct data_channel_layer *layer, enum data_channel_reason reason);
/* Towards the end: CLOSING, and our stream is reset. */
void data_channel_begin_close(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel, enum data_channel_reason reason);
/* What the association had no room for: tries again. */
void data_channel_pay(struct data_channel_layer *layer, uint64_t now_us, struct data_channel *channel);
/* Owes it an ACK, or anything else: `debt` is one of its flags. */
void data_channel_owe(struct data_channel_layer *layer, struct data_channel *channel, bool *debt);
bool data_channel_is_ours(const struct data_channel_layer *layer, unsigned id);

#endif
