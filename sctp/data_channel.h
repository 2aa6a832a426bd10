/*
 * Data channels (RFC 8831) over one association, opened in-band (RFC 8832) or by agreement: what W3C calls RTCDataChannel.
 *
 *     open ---> CONNECTING --- association connected, OPEN sent ---> OPEN --- close, or the peer resets ---> CLOSING --- both reset ---> CLOSED
 *                                          the peer's OPEN: its ACK sent ---^
 *
 * A channel is the pair of streams with one number. It is known here by a handle that stays its own when the number goes to another.
 * The layer owns neither association nor time: it is made before there is an association (W3C lets pages open channels then), and attached
 * to it later. From then on the caller drains data_channel_poll_event instead of sctp_association_poll_event; everything else (datagrams,
 * transmit, timeouts) goes to the association itself. After every call on either: drain both, as docs/contract.md says.
 */
#ifndef SCTP_DATA_CHANNEL_H
#define SCTP_DATA_CHANNEL_H

#include "sctp/association.h"

#define DATA_CHANNEL_LABEL_MAX_BYTES 65535    /* and the protocol: RFC 8832 section 5.1 */
#define DATA_CHANNEL_ID_MAX 65534             /* RFC 8831 section 6.2 */
#define DATA_CHANNEL_ID_NONE 65535            /* in-band, and our role is not known yet */
#define DATA_CHANNEL_COUNT_DEFAULT 1024       /* channels at a time, those of the peer included */
#define DATA_CHANNEL_COUNT_MAX 65535
#define DATA_CHANNEL_MESSAGE_DEFAULT_BYTES 65536 /* what a peer takes that says nothing: RFC 8841 section 6.1 */

enum data_channel_state { DATA_CHANNEL_CONNECTING, DATA_CHANNEL_OPEN, DATA_CHANNEL_CLOSING, DATA_CHANNEL_CLOSED };
/* "connecting", as RTCDataChannelState says it; static. */
const char *data_channel_state_name(enum data_channel_state state);

enum data_channel_reason {
    DATA_CHANNEL_CLOSED_BY_US,
    DATA_CHANNEL_CLOSED_BY_PEER,     /* before an ACK: the peer did not want it (RFC 8832 section 6) */
    DATA_CHANNEL_CLOSED_VIOLATION,   /* the peer opened it twice, or sent more of a partial message than is taken */
    DATA_CHANNEL_CLOSED_NO_ID,       /* no number was free, or the one that was agreed is beyond the association's streams */
    DATA_CHANNEL_CLOSED_RESET_REFUSED, /* the peer does not reset streams, or did not want to: closed on this side only */
    DATA_CHANNEL_CLOSED_RESTARTED,   /* the peer began anew, and knows nothing of it */
    DATA_CHANNEL_CLOSED_ASSOCIATION, /* the association has ended */
    DATA_CHANNEL_CLOSED_OPEN_TOO_LONG /* label and protocol are more than one message to this peer may have; it has never heard of the channel */
};
/* "closed by the peer"; static. */
const char *data_channel_reason_name(enum data_channel_reason reason);

/* Names one channel for as long as it lives, and none after; 0 is none. */
typedef uint32_t data_channel_handle;

/*
 * allocator      NULL: malloc, free; copied
 * channels_max   0: DATA_CHANNEL_COUNT_DEFAULT; DATA_CHANNEL_COUNT_MAX at most. The peer's OPEN beyond it is declined, and counted
 * partial_max_bytes  all unfinished messages of the old kind together (PPID 52 and 54); 0: SCTP_MESSAGE_DEFAULT_BYTES
 */
struct data_channel_layer_config {
    const struct sctp_allocator *allocator;
    unsigned channels_max;
    size_t partial_max_bytes;
};

struct data_channel_layer;

struct data_channel_layer *data_channel_layer_new(const struct data_channel_layer_config *config); /* NULL: no memory, or out of range */
/* Before the association. NULL is fine. Says nothing to anybody. */
void data_channel_layer_free(struct data_channel_layer *layer);

/*
 * Our role in DTLS, once the descriptions have settled it: in-band channels get their numbers now, even ones for the client (RFC 8832
 * section 6). Once, before attach.
 * Returns SCTP_OK; SCTP_ERROR_STATE: said before.
 */
int data_channel_layer_set_role(struct data_channel_layer *layer, bool is_client);
/*
 * The association is there; connected or not yet. Once.
 * association   referenced; outlives the layer. None of its events was polled
 * Returns SCTP_OK; SCTP_ERROR_STATE: attached before, or no role yet.
 */
int data_channel_layer_attach(struct data_channel_layer *layer, struct sctp_association *association);
/*
 * The association ends here, or will never come: all channels are CLOSED with DATA_CHANNEL_CLOSED_ASSOCIATION, and no more can be opened. It is not
 * used any more, and may be freed; what it has not handed out is lost. Again: nothing.
 */
void data_channel_layer_end(struct data_channel_layer *layer);
/* The peer's max-message-size; 0: no limit (RFC 8841 section 6.1). DATA_CHANNEL_MESSAGE_DEFAULT_BYTES until said. */
void data_channel_layer_set_peer_message_max(struct data_channel_layer *layer, uint64_t bytes);

/*
 * label, protocol   UTF-8, copied; NULL and 0: empty
 * priority          0: SCTP_PRIORITY_DEFAULT; RFC 8831 section 6.4: 128, 256, 512, 1024
 * is_unordered, reliability, limit   limit: retransmissions, or milliseconds (SCTP_MAX_LIFETIME)
 * is_negotiated, id both sides know of it: no OPEN is sent; id 0..DATA_CHANNEL_ID_MAX. Else id is chosen, see data_channel_layer_set_role
 */
struct data_channel_config {
    const char *label, *protocol;
    size_t label_length, protocol_length;
    uint16_t priority;
    bool is_unordered;
    enum sctp_reliability reliability;
    uint32_t limit;
    bool is_negotiated;
    uint16_t id;
};

/*
 * Opens a channel; *handle is its name. The OPEN event says when it may be used: as soon as the association is there, without waiting for
 * the peer's ACK (RFC 8832 section 6), so a peer that declines shows as CLOSED later.
 * SCTP_ERROR_ARGUMENT  label or protocol too long or not UTF-8, an id out of range
 * SCTP_ERROR_CAPACITY  channels_max, or no number is free
 * SCTP_ERROR_STATE     the id is another channel's, or the association has ended
 * SCTP_ERROR_MEMORY
 */
int data_channel_open(struct data_channel_layer *layer, uint64_t now_us, const struct data_channel_config *config, data_channel_handle *handle);

/*
 * Sends one message, of any length, 0 included.
 * is_text   UTF-8 (not looked at), else binary
 * SCTP_ERROR_ARGUMENT  no such channel; longer than the peer takes (data_channel_layer_set_peer_message_max) or than the send budget
 * SCTP_ERROR_STATE     not OPEN; or OPEN on a number that the channel before it is still giving back: again after the next event
 * SCTP_ERROR_CAPACITY  the association's send budget is spent: again after its SENDABLE; nothing was taken
 * SCTP_ERROR_MEMORY    nothing was taken
 */
int data_channel_send(struct data_channel_layer *layer, uint64_t now_us, data_channel_handle handle, bool is_text, const uint8_t *bytes, size_t length);

/*
 * Closes it: what was sent before still arrives, then both streams are reset (RFC 8831 section 6.7), then comes CLOSED. Again: nothing.
 * SCTP_ERROR_ARGUMENT: no such channel.
 */
int data_channel_close(struct data_channel_layer *layer, uint64_t now_us, data_channel_handle handle);

/* W3C's bufferedAmount: bytes of messages that have not left for the first time; an empty message counts as one. 0: no such channel. */
uint64_t data_channel_buffered(const struct data_channel_layer *layer, data_channel_handle handle);
/* BUFFERED_LOW when it sinks from above this to it, or below. 0 at first. SCTP_ERROR_ARGUMENT: no such channel; SCTP_ERROR_MEMORY. */
int data_channel_set_buffered_low(struct data_channel_layer *layer, data_channel_handle handle, uint64_t bytes);

/* What it is, and W3C's RTCDataChannelStats. Views are valid while the channel lives. */
struct data_channel_info {
    enum data_channel_state state;
    uint16_t id; /* DATA_CHANNEL_ID_NONE: not yet */
    const char *label, *protocol; /* NUL behind them, and perhaps within */
    size_t label_length, protocol_length;
    uint16_t priority;
    bool is_unordered, is_negotiated, is_by_peer;
    enum sctp_reliability reliability;
    uint32_t limit;
    uint64_t buffered_low_bytes;
    uint64_t messages_sent, bytes_sent, messages_received, bytes_received;
};
bool data_channel_info(const struct data_channel_layer *layer, data_channel_handle handle, struct data_channel_info *info);
/* For a walk over all: places are 0..data_channel_place_count - 1, and hold one channel or none (0). */
size_t data_channel_place_count(const struct data_channel_layer *layer);
data_channel_handle data_channel_at(const struct data_channel_layer *layer, size_t place);

enum data_channel_event_type {
    DATA_CHANNEL_EVENT_OPENED,       /* the peer opened it; it may be used */
    DATA_CHANNEL_EVENT_OPEN,         /* one of ours may be used */
    DATA_CHANNEL_EVENT_MESSAGE,      /* bytes, valid until the next call on layer or association */
    DATA_CHANNEL_EVENT_BUFFERED_LOW,
    DATA_CHANNEL_EVENT_CLOSING,      /* the peer closes it; CLOSED follows by itself */
    DATA_CHANNEL_EVENT_CLOSED,       /* reason; until the next poll its info can be read, then the handle names nothing */
    DATA_CHANNEL_EVENT_ASSOCIATION   /* association: CONNECTED, SENDABLE, RESTARTED or CLOSED. Events of channels that follow from it come next */
};
struct data_channel_event {
    enum data_channel_event_type type;
    data_channel_handle handle;
    bool is_text;
    const uint8_t *bytes;
    size_t length;
    enum data_channel_reason reason;
    struct sctp_event association;
};
bool data_channel_poll_event(struct data_channel_layer *layer, uint64_t now_us, struct data_channel_event *event);

struct data_channel_layer_statistics {
    unsigned channels;                                 /* that are not CLOSED */
    uint64_t opened, opened_by_peer;                   /* W3C: dataChannelsOpened counts both */
    uint64_t closed;                                   /* that were OPEN and are not any more: W3C's dataChannelsClosed */
    uint64_t declined;                                 /* OPENs of the peer: wrong parity, taken, malformed, or one too many */
    uint64_t messages_dropped;                         /* for no channel, a closing one, or with an unknown PPID */
    size_t memory_bytes;
};
void data_channel_layer_statistics(const struct data_channel_layer *layer, struct data_channel_layer_statistics *statistics);

#endif
