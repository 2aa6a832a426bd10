/*
 * What the files of the TURN client share: its structure, and who does what.
 *
 *     turn_client.c       the contract's verbs, states, endings
 *     turn_redirection.c  300: on to another server
 *     turn_request.c      one transaction: written, sent again, matched, verified; its outcome goes to one of the next three
 *     turn_credentials.c  401 and 438, keys, SHA-256, bid-down
 *     turn_allocation.c   Allocate, Refresh, and Refresh with lifetime 0
 *     turn_permission.c   CreatePermission
 *     turn_channel.c      ChannelBind
 *     turn_data.c         what goes to peers and comes from them
 *     turn_stream.c       the same over TCP and TLS: where one message ends and the next begins
 */
#ifndef ICE_TURN_CLIENT_INTERNAL_H
#define ICE_TURN_CLIENT_INTERNAL_H

#include "ice/turn_client.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "stun/password_algorithm.h"
#include "stun/transaction.h"

#define ICE_TURN_SECOND_US UINT64_C(1000000)
#define ICE_TURN_REFRESH_MARGIN_US (60 * ICE_TURN_SECOND_US) /* RFC 8656 section 8: "roughly 1 minute before it expires"; a transaction takes 39.5 s at most */
#define ICE_TURN_PERMISSION_REFRESH_US (240 * ICE_TURN_SECOND_US) /* of 300 s, RFC 8656 section 9 */
#define ICE_TURN_CHANNEL_REFRESH_US (540 * ICE_TURN_SECOND_US)    /* of 600 s, RFC 8656 section 12 */
#define ICE_TURN_CHANNEL_REUSE_US (900 * ICE_TURN_SECOND_US)      /* RFC 8656 section 12: its 10 minutes, and 5 more before the number is another's */
#define ICE_TURN_STREAM_TIMEOUT_US UINT64_C(39500000)             /* Ti, RFC 8489 section 6.2.2; also for the opening of the stream */
#define ICE_TURN_CLOSE_PATIENCE_US (1 * ICE_TURN_SECOND_US)
#define ICE_TURN_NO_REQUEST 0xFF
#define ICE_TURN_USERNAME_MAX_BYTES 508 /* RFC 8489 section 14.3 */
#define ICE_TURN_CREDENTIAL_MAX_BYTES 512
#define ICE_TURN_NONCE_MAX_BYTES 763
#define ICE_TURN_SERVER_NAME_MAX_BYTES 255
#define ICE_TURN_ALGORITHMS_MAX_BYTES 64 /* of PASSWORD-ALGORITHMS, which a client must send back */

enum ice_turn_request_kind {
    ICE_TURN_REQUEST_FREE,
    ICE_TURN_REQUEST_ALLOCATE,
    ICE_TURN_REQUEST_REFRESH,
    ICE_TURN_REQUEST_DELETE,
    ICE_TURN_REQUEST_CREATE_PERMISSION, /* for the permissions that name its slot; its index is turn_permission.c's */
    ICE_TURN_REQUEST_CHANNEL_BIND       /* for the channel `index` */
};

/* A 401 or 438 to a request with credentials, which proves nothing: it counts when no answer that proves something has come by `until_us`. */
#define ICE_TURN_HELD_MAX_BYTES 2048
struct ice_turn_held {
    size_t length; /* 0: none */
    uint64_t until_us;
    uint8_t bytes[ICE_TURN_HELD_MAX_BYTES];
};

struct ice_turn_request {
    enum ice_turn_request_kind kind;
    struct stun_transaction timer;
    bool is_authenticated;    /* it carries credentials, so that its answer must be verified */
    uint8_t times_stale;      /* 438 was answered with a new try */
    bool has_changed_realm;   /* so was a 401 after credentials, which named another realm */
    bool has_seen_unverified; /* an answer came that did not verify */
    uint16_t unverified_code;
    uint32_t challenge; /* that of the client's challenges which it answers */
    uint8_t index;
};

/* How a transaction ended. The code goes with REFUSED, or with UNVERIFIED when an error response was among what did not verify. */
enum ice_turn_outcome {
    ICE_TURN_OUTCOME_SUCCESS,
    ICE_TURN_OUTCOME_REFUSED,
    ICE_TURN_OUTCOME_CREDENTIALS, /* 401 after credentials, or there are none to give */
    ICE_TURN_OUTCOME_BID_DOWN,
    ICE_TURN_OUTCOME_UNVERIFIED,
    ICE_TURN_OUTCOME_BROKEN,
    ICE_TURN_OUTCOME_SILENCE
};

enum ice_turn_permission_state {
    ICE_TURN_PERMISSION_FREE,
    ICE_TURN_PERMISSION_WANTED,  /* no request is under way */
    ICE_TURN_PERMISSION_ASKED,   /* `request` is under way */
    ICE_TURN_PERMISSION_GRANTED, /* refreshed at refresh_us */
    ICE_TURN_PERMISSION_REFUSED  /* PERMISSION_FAILED is to be reported */
};

struct ice_turn_permission {
    enum ice_turn_permission_state state;
    struct stun_address peer; /* port as it was given first; it does not count */
    bool is_granted;          /* the server has confirmed it once, and no refresh has been refused since */
    bool is_sent;             /* a request with it is on its way: the server may have it already */
    bool is_alone;            /* it was refused together with others: which of them is to blame? */
    uint8_t request;
    uint16_t code;
    uint64_t refresh_us;
};

enum ice_turn_channel_state { ICE_TURN_CHANNEL_FREE, ICE_TURN_CHANNEL_WANTED, ICE_TURN_CHANNEL_ASKED, ICE_TURN_CHANNEL_BOUND, ICE_TURN_CHANNEL_REFUSED };

/* The number of the channel is STUN_CHANNEL_NUMBER_MIN + its place in the table. */
struct ice_turn_channel {
    enum ice_turn_channel_state state;
    struct stun_address peer;
    bool is_bound; /* confirmed; stays so while a refresh is under way */
    bool is_sent;
    uint64_t refresh_us; /* BOUND: when to refresh; REFUSED: when the place may be another peer's */
};

/*
 * What the last call has brought and poll_received has not yet delivered: at most one message that was completed in our own buffer,
 * then messages in the caller's bytes.
 */
struct ice_turn_inbox {
    const uint8_t *own, *bytes;
    size_t own_length, length;
    bool own_is_delivered;
    size_t offset;
};

/* A message that did not end with the bytes that began it. Two buffers, in turns: one is delivered from while the other fills. */
struct ice_turn_stream {
    uint8_t *buffers[2];
    unsigned filling;
    size_t length; /* of what is in the buffer that fills */
    size_t skip;   /* bytes still to come of a message that is too long to be kept */
};

struct ice_turn_client {
    struct ice_allocator allocator;
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    uint32_t rto_us;
    enum ice_turn_families families;
    struct ice_path path;
    char server_name[ICE_TURN_SERVER_NAME_MAX_BYTES + 1];
    bool has_server_name;

    enum ice_turn_state state;
    enum ice_turn_failure failure;
    int error, unreachable_error; /* the latter: what ICMP said while there was no allocation yet; 0 nothing */
    uint16_t code;
    bool report_allocated, report_failed, report_closed, report_open, report_close; /* events to be polled */
    bool is_stream_open;
    struct ice_path closing_path; /* of the stream that report_close is about */
    uint64_t deadline_us;         /* CONNECTING, CLOSING: when patience ends */

    /* turn_credentials.c */
    bool has_credentials, has_challenge, has_algorithms, uses_userhash;
    char username[ICE_TURN_USERNAME_MAX_BYTES + 1], credential[ICE_TURN_CREDENTIAL_MAX_BYTES + 1];
    char realm[ICE_TURN_REALM_MAX_BYTES + 1], reason[ICE_TURN_REASON_MAX_BYTES + 1], software[STUN_TEXT_MAX_BYTES + 1];
    uint8_t nonce[ICE_TURN_NONCE_MAX_BYTES];
    size_t nonce_length, realm_length;
    uint32_t challenges; /* how many there were */
    uint8_t algorithms[ICE_TURN_ALGORITHMS_MAX_BYTES];
    size_t algorithms_length;
    enum stun_password_algorithm algorithm;
    uint8_t userhash[STUN_USERHASH_BYTES];
    struct stun_key *key;

    struct ice_turn_request requests[ICE_TURN_REQUEST_MAX];
    struct ice_turn_held held;

    /* turn_allocation.c */
    struct stun_address relayed[2], mapped;
    uint32_t lifetime_seconds;
    uint64_t refresh_us; /* UINT64_MAX while a Refresh is under way */
    bool wants_refresh;
    uint64_t allocate_round_trip_us;
    bool has_deleted_leftover; /* 437 was the answer to Allocate, and has been acted upon */
    struct stun_address visited[ICE_TURN_REDIRECTION_MAX + 1];
    size_t visited_count;

    struct ice_turn_permission permissions[ICE_TURN_PEER_MAX];
    struct ice_turn_channel channels[ICE_TURN_CHANNEL_MAX];
    size_t last_permission, last_channel; /* where the last search ended */
    struct ice_turn_inbox inbox;
    struct ice_turn_stream stream;

    uint64_t requests_sent, retransmissions_sent, datagrams_relayed_out, datagrams_relayed_in;
    uint64_t malformed_dropped, unauthentic_dropped, unpermitted_dropped, oversized_dropped, icmp_ignored;
};

/* ---- turn_client.c ---------------------------------------------------------------------------------------------------------- */

uint64_t ice_turn_later(uint64_t now_us, uint64_t delay_us);

/* Asks for the stream, or sends the first request. */
void ice_turn_client_start(struct ice_turn_client *client, uint64_t now_us);

/* The caller is told to close the stream, unless it has not been told to open it, or has said itself that it is closed. */
void ice_turn_client_drop_stream(struct ice_turn_client *client);

/* Ends it: everything under way is forgotten, the stream is closed, FAILED is reported. */
void ice_turn_client_fail(struct ice_turn_client *client, enum ice_turn_failure failure, uint16_t code, int error);

/* The allocation has been given back, or nobody answers any more. */
void ice_turn_client_closed(struct ice_turn_client *client);

/* Starts the requests that are wanted, as far as there are slots. After whatever may have changed that. */
void ice_turn_client_pump(struct ice_turn_client *client, uint64_t now_us);

bool ice_turn_is_stream(const struct ice_turn_client *client);

/* Copies text of the server as a C string: at most `capacity` - 1 bytes, control characters replaced. */
void ice_turn_copy_text(char *out, size_t capacity, const uint8_t *text, size_t length);

/* ---- turn_redirection.c ----------------------------------------------------------------------------------------------------- */

/* 300 came: on to the server that the response names, or fail. */
void ice_turn_redirect(struct ice_turn_client *client, uint64_t now_us, const struct stun_message *message);

/* ---- turn_request.c --------------------------------------------------------------------------------------------------------- */

/* Starts a transaction in a free slot; ICE_TURN_NO_REQUEST when there is none. */
uint8_t ice_turn_request_start(struct ice_turn_client *client, uint64_t now_us, enum ice_turn_request_kind kind, uint8_t index);
/* One of this kind that is under way begins anew, unless it has been sent within its RTO. */
void ice_turn_request_hurry(struct ice_turn_client *client, uint64_t now_us, enum ice_turn_request_kind kind);
void ice_turn_request_forget_all(struct ice_turn_client *client);
bool ice_turn_request_poll(struct ice_turn_client *client, uint64_t now_us, uint8_t *buffer, size_t capacity, size_t *length);
void ice_turn_request_handle_timeout(struct ice_turn_client *client, uint64_t now_us);
uint64_t ice_turn_request_next_timeout(const struct ice_turn_client *client);
int ice_turn_request_handle_response(struct ice_turn_client *client, uint64_t now_us, const struct stun_message *message);

/* ---- turn_credentials.c ----------------------------------------------------------------------------------------------------- */

void ice_turn_credentials_forget_challenge(struct ice_turn_client *client);
void ice_turn_credentials_write(const struct ice_turn_client *client, struct stun_writer *writer); /* USERNAME ... and the MAC */
bool ice_turn_credentials_verify(const struct ice_turn_client *client, const struct stun_message *message);

/* What to do about a 401 or a 438. */
enum ice_turn_verdict {
    ICE_TURN_VERDICT_RETRY,       /* with a new transaction: what was asked for is now known */
    ICE_TURN_VERDICT_CREDENTIALS, /* the server does not take them, or there are none */
    ICE_TURN_VERDICT_BID_DOWN,
    ICE_TURN_VERDICT_BROKEN
};
enum ice_turn_verdict ice_turn_credentials_challenged(struct ice_turn_client *client, bool was_authenticated, uint16_t code,
                                                      const struct stun_message *message);

/* ---- turn_allocation.c ------------------------------------------------------------------------------------------------------ */

void ice_turn_allocation_write(const struct ice_turn_client *client, enum ice_turn_request_kind kind, struct stun_writer *writer);
/* message: the response, of SUCCESS and REFUSED only. request: a copy, its slot is free again. */
void ice_turn_allocation_ended(struct ice_turn_client *client, uint64_t now_us, const struct ice_turn_request *request, enum ice_turn_outcome outcome,
                               uint16_t code, const struct stun_message *message);
void ice_turn_allocation_pump(struct ice_turn_client *client, uint64_t now_us);
const struct stun_address *ice_turn_allocation_relayed(const struct ice_turn_client *client, uint8_t family); /* NULL: none of that family */

/* ---- turn_permission.c ------------------------------------------------------------------------------------------------------ */

struct ice_turn_permission *ice_turn_permission_find(struct ice_turn_client *client, const struct stun_address *peer);
void ice_turn_permission_write(const struct ice_turn_client *client, uint8_t slot, struct stun_writer *writer);
void ice_turn_permission_sent(struct ice_turn_client *client, uint8_t slot);
void ice_turn_permission_ended(struct ice_turn_client *client, uint64_t now_us, uint8_t slot, enum ice_turn_outcome outcome, uint16_t code);
void ice_turn_permission_pump(struct ice_turn_client *client, uint64_t now_us);
void ice_turn_permission_drop_family(struct ice_turn_client *client, uint8_t family); /* there is no relayed address of it */
uint64_t ice_turn_permission_next_timeout(const struct ice_turn_client *client);

/* ---- turn_channel.c --------------------------------------------------------------------------------------------------------- */

struct ice_turn_channel *ice_turn_channel_find(struct ice_turn_client *client, const struct stun_address *peer);
uint16_t ice_turn_channel_number(const struct ice_turn_client *client, const struct ice_turn_channel *channel);
void ice_turn_channel_write(const struct ice_turn_client *client, uint8_t index, struct stun_writer *writer);
void ice_turn_channel_ended(struct ice_turn_client *client, uint64_t now_us, uint8_t index, enum ice_turn_outcome outcome);
void ice_turn_channel_pump(struct ice_turn_client *client, uint64_t now_us);
void ice_turn_channel_peer_refused(struct ice_turn_client *client, uint64_t now_us, const struct stun_address *peer);
uint64_t ice_turn_channel_next_timeout(const struct ice_turn_client *client);

/* ---- turn_data.c, turn_stream.c --------------------------------------------------------------------------------------------- */

/* One whole message from the server: a response is acted upon, data is judged and counted. *is_data: poll_received shall deliver it. */
int ice_turn_data_handle_message(struct ice_turn_client *client, uint64_t now_us, const uint8_t *bytes, size_t length, bool *is_data);
void ice_turn_data_forget_inbox(struct ice_turn_client *client);

bool ice_turn_stream_start(struct ice_turn_client *client); /* false: memory is short */
void ice_turn_stream_free(struct ice_turn_client *client);
void ice_turn_stream_reset(struct ice_turn_client *client); /* a new connection begins with a new message */
/* Cuts the bytes into messages and handles each. Returns false when this is no stream of TURN messages. */
bool ice_turn_stream_handle_bytes(struct ice_turn_client *client, uint64_t now_us, const uint8_t *bytes, size_t length);

#endif
