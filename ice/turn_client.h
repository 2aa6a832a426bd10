/*
 * A TURN client (RFC 8656): one allocation on one server, over UDP, TCP or TLS. It follows docs/contract.md and stands alone: the
 * ICE agent uses it, and so can a program that only wants a relay.
 *
 *     ice_turn_client_new          -> poll_transmit: Allocate, 401, Allocate with credentials ...
 *                                  -> poll_event: ALLOCATED (relayed and mapped addresses), or FAILED (which code, realm, sentence)
 *     ice_turn_client_permit       -> CreatePermission; poll_event: PERMISSION_FAILED when the server refuses the peer
 *     ice_turn_client_wrap         what goes to a peer: a Send indication, or ChannelData once a channel is bound
 *     ice_turn_client_handle_datagram / _handle_stream_bytes -> poll_received: what a peer has sent, and which
 *     ice_turn_client_close        -> Refresh with lifetime 0
 *
 * Over TCP and TLS the caller owns the socket and the TLS session; the client says OPEN_STREAM and frames what goes through
 * (RFC 8656 section 12.5: ChannelData is padded to four bytes on a stream).
 */
#ifndef ICE_TURN_CLIENT_H
#define ICE_TURN_CLIENT_H

#include "ice/agent.h"

#define ICE_TURN_PEER_MAX 64          /* peer IPs with a permission, of one allocation */
#define ICE_TURN_CHANNEL_MAX 64       /* peers with a channel; RFC 8656 section 12: 0x4000..0x4FFF */
#define ICE_TURN_REALM_MAX_BYTES 763  /* RFC 8489 section 14.9 */
#define ICE_TURN_REASON_MAX_BYTES 763
#define ICE_TURN_DATA_MAX_BYTES 1500  /* of one payload from a peer over a stream; longer ones are dropped and counted */
#define ICE_TURN_STREAM_MESSAGE_MAX_BYTES 4096 /* of any message over a stream, likewise */
#define ICE_TURN_SEND_MAX_BYTES 65000 /* of one payload to a peer */
#define ICE_TURN_REQUEST_MAX 8        /* transactions under way at once; what is wanted beyond waits for one of them to end */
#define ICE_TURN_PERMISSION_BATCH_MAX 8 /* peers in one CreatePermission request */
#define ICE_TURN_REDIRECTION_MAX 3    /* how often 300 (Try Alternate) is followed */

/* Which relayed addresses are asked for (RFC 8656 section 7.1): one family, or IPv4 and in addition IPv6. */
enum ice_turn_families { ICE_TURN_IPV4, ICE_TURN_IPV6, ICE_TURN_BOTH };

/*
 * path          where the server is and what to send from. transport UDP: complete from the start. TCP, TLS: `local` may have port 0;
 *               stream_id is the number the OPEN_STREAM event shall carry. After a redirection (300) CLOSE_STREAM has the old remote
 *               address and OPEN_STREAM the new one, both with this number; what arrives is told apart by remote and stream_id.
 * server_name   the host of the URI, for the OPEN_STREAM event of a TLS path; copied; may be NULL
 * username, credential   RFC 8489 section 9.2; NUL-terminated UTF-8, prepared by OpaqueString, copied. Limits: 508 and 512 bytes. Both
 *               NULL for a server that wants none.
 * random        cryptographic in production; required
 * allocator     NULL: malloc, free; copied
 */
struct ice_turn_client_config {
    struct ice_path path;
    const char *server_name;
    const char *username, *credential;
    enum ice_turn_families families;
    uint64_t rto_us; /* of the first request of a transaction over UDP; 0: 500 ms (RFC 8489 section 6.2.1) */
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    const struct ice_allocator *allocator;
};

struct ice_turn_client;

/* NULL: an argument is out of range, or memory is short. */
struct ice_turn_client *ice_turn_client_new(const struct ice_turn_client_config *config, uint64_t now_us);
void ice_turn_client_free(struct ice_turn_client *client);

/* ---- the contract's verbs; errors are those of ice/agent.h -------------------------------------------------------------- */

/*
 * What comes from the server. `bytes` may be referenced until ice_turn_client_poll_received has returned false: drain it before they go.
 * A stream may be cut anywhere; one that does not carry TURN messages ends in FAILED. ICE_ERROR_ARGUMENT: the path is not ours;
 * ICE_ERROR_STATE: there is no such stream now.
 */
/* One datagram from the server. ICE_ERROR_MALFORMED, ICE_ERROR_UNAUTHENTIC: dropped and counted. ICE_OK: look at poll_received and poll_event. */
int ice_turn_client_handle_datagram(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
int ice_turn_client_handle_stream_opened(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path);
int ice_turn_client_handle_stream_bytes(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, const uint8_t *bytes, size_t length);
/* error: an errno, or one of ICE_STREAM_ERROR_*, 0 when the server closed it in order. The allocation is gone. */
int ice_turn_client_handle_stream_closed(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, int error);
void ice_turn_client_handle_send_error(struct ice_turn_client *client, uint64_t now_us, const struct ice_path *path, int error);
void ice_turn_client_handle_timeout(struct ice_turn_client *client, uint64_t now_us);
bool ice_turn_client_poll_transmit(struct ice_turn_client *client, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out);
uint64_t ice_turn_client_next_timeout(const struct ice_turn_client *client);

/* What a peer sent. A view, valid until the next call. Only from peers that have a permission (RFC 8656 section 11.4). */
struct ice_turn_received {
    struct stun_address relayed; /* ours, to which it was sent */
    struct stun_address peer;
    const uint8_t *bytes;
    size_t length;
};
bool ice_turn_client_poll_received(struct ice_turn_client *client, struct ice_turn_received *out);

/*
 * poll_received begins again with the first payload of the last handle_datagram or handle_stream_bytes. For a caller that must look at
 * all of them at once (the agent: checks are answered now) and hands the others on later (media), without keeping a copy.
 */
void ice_turn_client_rewind_received(struct ice_turn_client *client);

enum ice_turn_state {
    ICE_TURN_CONNECTING, /* waits for its stream */
    ICE_TURN_ALLOCATING,
    ICE_TURN_ALLOCATED,
    ICE_TURN_CLOSING,    /* Refresh with lifetime 0 is under way */
    ICE_TURN_CLOSED,
    ICE_TURN_FAILED
};

enum ice_turn_failure {
    ICE_TURN_FAILURE_NONE,
    ICE_TURN_FAILURE_NO_ANSWER,      /* to an Allocate request, or to the opening of the stream: no server there, or UDP is blocked */
    ICE_TURN_FAILURE_UNREACHABLE,    /* `error` has the errno, or ICE_STREAM_ERROR_* of a stream that could not be opened */
    ICE_TURN_FAILURE_REFUSED,        /* `code` has the error code of the server */
    ICE_TURN_FAILURE_CREDENTIALS,    /* 401 or 441 again after credentials were sent; `realm` says for which realm */
    ICE_TURN_FAILURE_BID_DOWN,       /* the server's nonce promised more security than its answer keeps (RFC 8489 section 9.2.1) */
    ICE_TURN_FAILURE_BROKEN_ANSWER,  /* a success without what it must have, a redirection in a circle, a challenge that cannot be met, no TURN at all */
    ICE_TURN_FAILURE_LOST,           /* it was allocated; a refresh was refused (`code`) or stayed unanswered, or the stream broke */
    ICE_TURN_FAILURE_INTEGRITY       /* answers came, and none of them verified (RFC 8489 section 9.2.5); `code` has what the last claimed, or 0 */
};

enum ice_turn_event_type {
    ICE_TURN_EVENT_ALLOCATED,
    ICE_TURN_EVENT_PERMISSION_FAILED, /* as.permission */
    ICE_TURN_EVENT_FAILED,            /* ice_turn_client_status says why */
    ICE_TURN_EVENT_CLOSED,            /* after ice_turn_client_close; or a second after it when the server is silent */
    ICE_TURN_EVENT_OPEN_STREAM,       /* as.stream */
    ICE_TURN_EVENT_CLOSE_STREAM
};

struct ice_turn_event {
    enum ice_turn_event_type type;
    union {
        struct {
            struct stun_address peer;
            uint16_t code; /* 403 forbidden, 443 other family, 508 no room; 0: no answer */
        } permission;
        struct {
            struct ice_path path;
            const char *server_name; /* for TLS: what the certificate must be for; valid until the next call; may be NULL */
        } stream;
    } as;
};
bool ice_turn_client_poll_event(struct ice_turn_client *client, struct ice_turn_event *out);

/* ---- what it is for -------------------------------------------------------------------------------------------------------- */

/*
 * Lets this peer in and be sent to; refreshed by itself for as long as the client lives (RFC 8656 section 9: 300 s). May be called before
 * ALLOCATED. Only the IP counts. ICE_OK also when it is there already; ICE_ERROR_CAPACITY beyond ICE_TURN_PEER_MAX; ICE_ERROR_ARGUMENT: no
 * relayed address of that family.
 */
int ice_turn_client_permit(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer);

/*
 * Is there a permission that the server has confirmed? Once CreatePermission has been polled for transmission, payloads may be wrapped; until the
 * server has it, it drops them (docs/turn.md: the round trip that this saves).
 */
bool ice_turn_client_is_permitted(const struct ice_turn_client *client, const struct stun_address *peer);

/* Binds a channel to this peer, IP and port (RFC 8656 section 12): from its confirmation on, four bytes a datagram instead of 36 or 48. Same errors. */
int ice_turn_client_bind(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer);

/*
 * Puts around a payload what the server needs in order to relay it.
 * buffer   the payload starts at buffer + ICE_HEADROOM_BYTES and is `length` bytes; capacity is that of the whole buffer, and
 *          ICE_TURN_TAILROOM_BYTES behind the payload are needed for padding, else ICE_ERROR_BUFFER
 * length   0..ICE_TURN_SEND_MAX_BYTES, else ICE_ERROR_ARGUMENT
 * ICE_ERROR_STATE: not allocated, or the peer has no permission, or the request for one has not left yet.
 */
#define ICE_TURN_TAILROOM_BYTES 4
int ice_turn_client_wrap(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer, uint8_t *buffer, size_t length,
                         size_t capacity, struct ice_transmit *out);

/*
 * Asks the server now whether the allocation is still there (a Refresh before its time; one that is under way begins anew, unless it was
 * sent within its RTO, so that whoever asks again and again neither floods the server nor waits for the long pauses between
 * retransmissions). For a caller that has reason to doubt: a peer
 * has fallen silent, the server's host may have restarted. A server that knows nothing of it answers 437, and FAILED (LOST) follows.
 * The client does so by itself when handle_send_error reports that the server's port is closed.
 */
void ice_turn_client_refresh(struct ice_turn_client *client, uint64_t now_us);

/* Gives the allocation back (RFC 8656 section 8: Refresh with lifetime 0). Drain, then wait for CLOSED, or free at once. */
void ice_turn_client_close(struct ice_turn_client *client, uint64_t now_us);

/* ---- numbers: read at any time ------------------------------------------------------------------------------------------------ */

struct ice_turn_status {
    enum ice_turn_state state;
    enum ice_turn_failure failure;
    int error;                       /* errno or ICE_STREAM_ERROR_*, see ice_turn_failure */
    uint16_t code;                   /* the last error code of the server that was not part of the usual course; 0 none */
    const char *realm, *reason, *software; /* of the server, NUL-terminated, "" when unknown; valid until the next non-const call */
    struct ice_path path;            /* of the server in use: after a redirection not the one of the configuration */
    struct stun_address relayed[2];  /* IPv4, IPv6; family NONE: not allocated */
    struct stun_address mapped;      /* XOR-MAPPED-ADDRESS: how the server sees us */
    uint32_t lifetime_seconds;
    bool uses_sha256;                /* MESSAGE-INTEGRITY-SHA256 was agreed */
    uint64_t allocate_round_trip_us; /* of the last request of the Allocate exchange */
    uint64_t requests_sent, retransmissions_sent, datagrams_relayed_out, datagrams_relayed_in;
    uint64_t malformed_dropped, unauthentic_dropped, unpermitted_dropped;
    uint64_t icmp_ignored;      /* Data indications that report an ICMP error of a peer (RFC 8656 section 11.6) */
    uint64_t oversized_dropped; /* beyond ICE_TURN_DATA_MAX_BYTES or ICE_TURN_STREAM_MESSAGE_MAX_BYTES, on a stream */
};
void ice_turn_client_status(const struct ice_turn_client *client, struct ice_turn_status *out);

const char *ice_turn_failure_name(enum ice_turn_failure failure);

#endif
