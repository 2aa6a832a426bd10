/*
 * Signaling messages: one JSON object (RFC 8259) each, as docs/signaling.md lists them. The dictionaries inside are the browser's own
 * (RTCSessionDescriptionInit, RTCIceCandidateInit, RTCIceServer); an SDP is an opaque string here.
 *
 * signaling_message_parse reads every shape in common use; signaling_message_write makes one canonical shape of each. Neither knows who
 * may say what: that is signaling/room.h for the server and signaling/session.h for caller and callee.
 */
#ifndef SIGNALING_MESSAGE_H
#define SIGNALING_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What can go wrong, in three tiers.
 *   peer    (the message is dropped, nothing else changed)   BAD_JSON, UNKNOWN_TYPE, TOO_LARGE, RATE_LIMITED, ROOM_FULL, NO_PEER
 *   caller  (nothing changed; call again, corrected)         ARGUMENT, BUFFER, STATE, CAPACITY
 *   fatal   (only the _free function remains)                MEMORY
 * The peer's have a code of the same name in the "error" message, spelled room-full, bad-json and so on.
 */
enum signaling_error {
    SIGNALING_OK = 0,
    SIGNALING_ERROR_BAD_JSON = -1,      /* not JSON by our rules, or a member is missing or of the wrong kind */
    SIGNALING_ERROR_UNKNOWN_TYPE = -2,  /* a good JSON object that says nothing we know */
    SIGNALING_ERROR_TOO_LARGE = -3,     /* longer than the limit */
    SIGNALING_ERROR_RATE_LIMITED = -4,  /* too many, too fast: wait, then go on */
    SIGNALING_ERROR_ROOM_FULL = -5,     /* as many members as the room may have */
    SIGNALING_ERROR_NO_PEER = -6,       /* nobody else is in the room */
    SIGNALING_ERROR_ARGUMENT = -7,      /* a value out of the range the header gives */
    SIGNALING_ERROR_BUFFER = -8,        /* the capacity is too small; the needed length was written */
    SIGNALING_ERROR_STATE = -9,         /* not now: outputs or events wait to be polled, or the session has not come that far */
    SIGNALING_ERROR_CAPACITY = -10,     /* a named limit of the configuration is reached */
    SIGNALING_ERROR_MEMORY = -11        /* the allocator gave nothing */
};

#define SIGNALING_MESSAGE_MAX_BYTES 1048576u /* an SDP at its own limit of 256 KiB still fits as JSON */
#define SIGNALING_RELAYED_MAX_BYTES (SIGNALING_MESSAGE_MAX_BYTES + 64u) /* the same with the "from" that the server adds */
#define SIGNALING_JSON_DEPTH_MAX 32u         /* nested objects and arrays */
#define SIGNALING_ID_BYTES 32u               /* an id is 128 random bits in lower-case hexadecimal */
#define SIGNALING_PEERS_MAX 64u              /* ids in one "joined" */
#define SIGNALING_ICE_SERVERS_MAX 32u        /* URLs in one "joined" */
#define SIGNALING_ROOM_NAME_MAX_BYTES 64u

enum signaling_message_type {
    SIGNALING_JOINED = 1,        /* server: id, room, peers, ice_servers */
    SIGNALING_PEER_JOINED,       /* server: id */
    SIGNALING_PEER_LEFT,         /* server: id, reason */
    SIGNALING_READY,             /* role may be there */
    SIGNALING_BYE,
    SIGNALING_OFFER,             /* sdp */
    SIGNALING_ANSWER,            /* sdp */
    SIGNALING_CANDIDATE,         /* candidate */
    SIGNALING_END_OF_CANDIDATES, /* "candidate":null, or the empty candidate string of W3C WebRTC section 4.8.1 */
    SIGNALING_ERROR_MESSAGE      /* server: code, text, hint */
};

/* A view of UTF-8 text without NUL inside, NUL-terminated besides its length. bytes is NULL when the member is absent or null. */
struct signaling_text {
    const char *bytes;
    size_t length;
};

/* RTCIceCandidateInit. sdp_m_line_index is 0..65535, or -1 when absent. */
struct signaling_candidate {
    struct signaling_text candidate; /* "candidate:..." */
    struct signaling_text sdp_mid;
    struct signaling_text username_fragment;
    int32_t sdp_m_line_index;
};

/* RTCIceServer, one entry for each URL. */
struct signaling_ice_server {
    struct signaling_text url;
    struct signaling_text username;
    struct signaling_text credential;
};

/*
 * One message. Views belong to the message that signaling_message_parse filled (`tree` holds them) until signaling_message_release; a
 * message made for signaling_message_write has its views wherever the caller likes and `tree` NULL. Fields that the type does not have are zero.
 */
struct signaling_message {
    enum signaling_message_type type;
    struct signaling_text from; /* who said it, added by the server to what it relays */
    struct signaling_text id;
    struct signaling_text room;
    struct signaling_text peers[SIGNALING_PEERS_MAX];
    size_t peer_count;
    struct signaling_ice_server ice_servers[SIGNALING_ICE_SERVERS_MAX];
    size_t ice_server_count;
    struct signaling_text reason;
    struct signaling_text role; /* of READY: "caller" or "callee", or absent */
    struct signaling_text sdp;
    struct signaling_candidate candidate;
    struct signaling_text code; /* "room-full", ...; signaling_error_of_code makes it an enum */
    struct signaling_text text; /* the "message" of an error: a sentence for people */
    struct signaling_text hint; /* what to do next */
    void *tree;
};

/* Where it went wrong and how. line and column count from 1 (bytes of UTF-8 count as characters do); 0 when it is not about one place. */
struct signaling_problem {
    uint32_t line;
    uint32_t column;
    char sentence[160]; /* NUL-terminated, one line of ASCII */
};

/*
 * Reads one message.
 * bytes, length  not NUL-terminated, read only; nothing of them is referenced after the call
 * out            written on success; give it to signaling_message_release. On failure it is all zero
 * problem        may be NULL; written on failure
 * Returns SIGNALING_OK;
 *   BAD_JSON      not RFC 8259 JSON in UTF-8, a key twice in an object, a NUL, more than SIGNALING_JSON_DEPTH_MAX deep, not an object, or a
 *                 member missing or of the wrong kind: drop it, tell the sender
 *   UNKNOWN_TYPE  drop it; a newer peer may say more than we know
 *   TOO_LARGE     more than SIGNALING_RELAYED_MAX_BYTES
 *   CAPACITY      more than SIGNALING_PEERS_MAX peers or SIGNALING_ICE_SERVERS_MAX URLs
 *   MEMORY
 */
enum signaling_error signaling_message_parse(const char *bytes, size_t length, struct signaling_message *out, struct signaling_problem *problem);

/* Frees what parse allocated, and clears the message. A message of all zero is fine. */
void signaling_message_release(struct signaling_message *message);

/*
 * Writes the canonical shape, NUL-terminated, ASCII escapes where JSON demands them and UTF-8 elsewhere.
 * buffer, capacity  the caller's; buffer may be NULL when capacity is 0, to ask for the length
 * length            written: the length of the message without its NUL, also when it did not fit
 * Returns SIGNALING_OK; BUFFER (length + 1 bytes are needed); ARGUMENT (a member that the type must have is absent, or is not UTF-8).
 */
enum signaling_error signaling_message_write(const struct signaling_message *message, char *buffer, size_t capacity, size_t *length);

/* "room-full" for SIGNALING_ERROR_ROOM_FULL and so on; NULL for what is not of the peer tier. */
const char *signaling_error_code(enum signaling_error error);

/* The reverse; SIGNALING_ERROR_UNKNOWN_TYPE for a code we do not know. */
enum signaling_error signaling_error_of_code(struct signaling_text code);

/* A view of a NUL-terminated string, or the absent text for NULL. */
struct signaling_text signaling_text_of(const char *string);

/* True when the text is there and equals the string. */
bool signaling_text_is(struct signaling_text text, const char *string);

/* True when the text is UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF) without NUL. An absent text is. */
bool signaling_text_is_utf8(struct signaling_text text);

/* True for 1 to SIGNALING_ROOM_NAME_MAX_BYTES of A-Z a-z 0-9 - _ . */
bool signaling_room_name_is_valid(const char *name, size_t length);

#endif
