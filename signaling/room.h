/*
 * The server's half of signaling, without a socket: rooms, who is in them, and what is relayed to whom.
 *
 * Members come and go by join and leave; what they say goes through handle_message; what has to be sent comes out of poll_output, each text with
 * the member it is for. Drain poll_output after every call that changes something: the next such call answers STATE until that is done.
 *
 * It trusts nobody: names are checked, ids are random, tables are bounded and hashed under a random key, and everyone has a budget of messages and
 * bytes, refilled with time (now_us: monotonic microseconds, never decreasing).
 */
#ifndef SIGNALING_ROOM_H
#define SIGNALING_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/message.h"

/* Defaults, for members of struct signaling_rooms_config that are 0. */
#define SIGNALING_ROOM_SIZE_DEFAULT 2u
#define SIGNALING_ROOMS_DEFAULT 10000u
#define SIGNALING_MEMBERS_DEFAULT 20000u
#define SIGNALING_MEMBERS_PER_SOURCE_DEFAULT 256u
#define SIGNALING_MESSAGE_RATE_DEFAULT 50u       /* messages a second and member */
#define SIGNALING_MESSAGE_BURST_DEFAULT 500u     /* a browser's candidates come all at once */
#define SIGNALING_BYTE_RATE_DEFAULT 262144u      /* bytes a second and member */
#define SIGNALING_BYTE_BURST_DEFAULT 4194304u
#define SIGNALING_JOIN_RATE_DEFAULT 10u          /* joins a second and source */
#define SIGNALING_JOIN_BURST_DEFAULT 200u

#define SIGNALING_POOL_MAX 1048576u
#define SIGNALING_SOURCE_MAX_BYTES 16u           /* an IP address */
#define SIGNALING_PATIENCE_RATE 1u               /* a member is shown the door when it is refused for its rate more often than this a second, */
#define SIGNALING_PATIENCE_BURST 100u            /* once it has used up so many refusals */

/* Close codes of RFC 6455 section 7.4.1, and ours from the private range of section 7.4.2. */
#define SIGNALING_CLOSE_NORMAL 1000u
#define SIGNALING_CLOSE_GOING_AWAY 1001u
#define SIGNALING_CLOSE_TEXT_ONLY 1003u
#define SIGNALING_CLOSE_INVALID_TEXT 1007u
#define SIGNALING_CLOSE_TOO_LARGE 1009u
#define SIGNALING_CLOSE_ROOM_FULL 4000u
#define SIGNALING_CLOSE_RATE_LIMITED 4001u
#define SIGNALING_CLOSE_TRY_LATER 4002u

/*
 * random       fills `out` with `length` cryptographically random bytes; required
 * ice_servers  handed to everyone who joins, in this order; copied; at most SIGNALING_ICE_SERVERS_MAX
 * Sizes and rates: 0 means the default above. max_room_size: 2..SIGNALING_PEERS_MAX. max_message_bytes: 1..SIGNALING_MESSAGE_MAX_BYTES,
 * and at most byte_burst, lest such a message never pass.
 * members_per_source: from one address at a time. max_members, max_rooms: at most SIGNALING_POOL_MAX.
 */
struct signaling_rooms_config {
    void (*random)(void *context, uint8_t *out, size_t length);
    void *random_context;
    const struct signaling_ice_server *ice_servers;
    size_t ice_server_count;
    uint32_t max_room_size;
    uint32_t max_rooms;
    uint32_t max_members;
    uint32_t members_per_source;
    uint32_t max_message_bytes;
    uint32_t message_rate, message_burst;
    uint32_t byte_rate, byte_burst;
    uint32_t join_rate, join_burst;
};

/* A member's handle, never reused while the object lives (a stale one is refused). */
typedef uint64_t signaling_member;
#define SIGNALING_MEMBER_NONE UINT64_MAX

struct signaling_rooms;

/* NULL: memory is short, or the configuration is out of range. */
struct signaling_rooms *signaling_rooms_new(const struct signaling_rooms_config *config, uint64_t now_us);
void signaling_rooms_free(struct signaling_rooms *rooms); /* NULL is fine */

/*
 * Another list of ICE servers, for those who join from now on: credentials that expire are made anew for each.
 * ice_servers, count  as in the configuration; copied
 * Returns SIGNALING_OK; ARGUMENT (too many, one without URL, or text that is not UTF-8) or MEMORY, and the list is what it was.
 */
enum signaling_error signaling_rooms_set_ice_servers(struct signaling_rooms *rooms, const struct signaling_ice_server *ice_servers, size_t count);

/*
 * Someone wants to enter a room.
 * name, name_length      of the room; it begins to exist with its first member
 * source, source_length  who it is for the limits of one source: 0..SIGNALING_SOURCE_MAX_BYTES; of IPv6 give the first 8 (a /64 is one house)
 * member                 written: the handle, or SIGNALING_MEMBER_NONE
 * Returns SIGNALING_OK, and outputs wait: `joined` for the newcomer, `peer-joined` for the others.
 *   ROOM_FULL, RATE_LIMITED (this source joins too often, or has too many members), CAPACITY (max_rooms or max_members)
 *             one output waits, an `error` for SIGNALING_MEMBER_NONE, that is for the one who knocked, with the close code to use
 *   ARGUMENT  the name or the source is out of range; no output
 *   STATE     outputs wait
 *   MEMORY
 */
enum signaling_error signaling_rooms_join(struct signaling_rooms *rooms, uint64_t now_us, const char *name, size_t name_length,
                                          const uint8_t *source, size_t source_length, signaling_member *member);

/*
 * A member is gone; the handle is dead now. Outputs: `peer-left` for the others. The room goes with its last member.
 * reason  goes into the message: "closed", "timeout", ...; NUL-terminated UTF-8, at most 64 bytes
 * Returns SIGNALING_OK; ARGUMENT (no such member, or a reason out of range); STATE (outputs wait).
 */
enum signaling_error signaling_rooms_leave(struct signaling_rooms *rooms, uint64_t now_us, signaling_member member, const char *reason);

/*
 * A member says something.
 * bytes, length  one text message. When length exceeds max_message_bytes the bytes are not looked at and may be NULL
 * Returns SIGNALING_OK, and it waits for each of the others, with "from" added (an empty room swallows `ready` and `bye`);
 *   BAD_JSON, UNKNOWN_TYPE, TOO_LARGE, RATE_LIMITED, NO_PEER   an `error` waits for the sender (of RATE_LIMITED, one a second);
 *   ARGUMENT (no such member), STATE (outputs wait), MEMORY.
 */
enum signaling_error signaling_rooms_handle_message(struct signaling_rooms *rooms, uint64_t now_us, signaling_member member, const char *bytes,
                                                    size_t length);

/*
 * member      who it is for; SIGNALING_MEMBER_NONE: the one whose join was just refused
 * text        NUL-terminated besides its length; valid until the next call on the object that is not poll_output
 * close_code  0, or: send the text, then close the connection with this code (and call leave when it is gone)
 */
struct signaling_output {
    signaling_member member;
    struct signaling_text text;
    uint16_t close_code;
};
bool signaling_rooms_poll_output(struct signaling_rooms *rooms, struct signaling_output *out);

struct signaling_rooms_statistics {
    uint32_t rooms, members, sources;  /* now */
    uint64_t joins, joins_refused;
    uint64_t messages_relayed, messages_refused; /* a message to three others is relayed once */
    uint32_t longest_probe; /* of the tables, ever: how well the hash spreads */
};
void signaling_rooms_statistics(const struct signaling_rooms *rooms, struct signaling_rooms_statistics *out);

#endif
