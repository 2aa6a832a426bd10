/* What the files of the rooms share: pools (room_pool.c), joining and relaying (room.c). */
#ifndef SIGNALING_ROOM_INTERNAL_H
#define SIGNALING_ROOM_INTERNAL_H

#include "signaling/bucket_internal.h"
#include "signaling/room.h"
#include "signaling/table_internal.h"

#define SIGNALING_NONE UINT32_MAX /* no index */
#define SIGNALING_OUTPUTS_MAX 2   /* texts that one call makes */

/* Entries of the pools. Unused ones are chained by `next`. */
struct signaling_room_entry {
    char name[SIGNALING_ROOM_NAME_MAX_BYTES];
    uint8_t name_length;
    uint32_t first, last; /* members in the order in which they joined */
    uint32_t count;
    uint32_t next;
};

struct signaling_member_entry {
    uint32_t generation; /* of the handle; counts each use of this entry */
    bool used;
    char id[SIGNALING_ID_BYTES + 1];
    uint32_t room, source;
    uint32_t next, previous; /* in the room */
    struct signaling_bucket messages, bytes, patience;
    struct signaling_bucket complaints; /* one "rate-limited" a second */
};

struct signaling_source_entry {
    bool used;
    uint8_t key[SIGNALING_SOURCE_MAX_BYTES];
    uint8_t key_length;
    uint32_t members;
    struct signaling_bucket joins;
    uint32_t next;
};

/* A growing array with a free list. */
struct signaling_pool {
    void *entries;
    size_t entry_bytes;
    size_t next_offset; /* of the entry's `next` */
    uint32_t capacity, used_ever, limit, free_first, count;
};

/* SIGNALING_NONE: the limit is reached (count == limit), or memory is short. The entry is as its last user left it, or zero. */
uint32_t signaling_pool_take(struct signaling_pool *pool);
void signaling_pool_give(struct signaling_pool *pool, uint32_t index);

/* A text that waits, and for whom: one member, or all of a room but one. */
struct signaling_pending {
    char *text;
    size_t length, capacity;
    signaling_member member; /* for one */
    uint32_t cursor;         /* for a room: the next member to serve; SIGNALING_NONE: done */
    uint32_t except;
    bool for_one, waiting;
    uint16_t close_code;
};

struct signaling_rooms {
    struct signaling_rooms_config config; /* with the defaults filled in */
    struct signaling_ice_server ice_servers[SIGNALING_ICE_SERVERS_MAX];
    size_t ice_server_count;
    char *ice_text; /* what those views point into */
    struct signaling_table rooms_by_name, sources_by_key;
    struct signaling_pool rooms, members, sources;
    uint64_t swept_us;
    struct signaling_pending pending[SIGNALING_OUTPUTS_MAX];
    size_t pending_count;
    struct signaling_rooms_statistics statistics;
};

struct signaling_room_entry *signaling_room_at(const struct signaling_rooms *rooms, uint32_t index);
struct signaling_member_entry *signaling_member_at(const struct signaling_rooms *rooms, uint32_t index);
struct signaling_source_entry *signaling_source_at(const struct signaling_rooms *rooms, uint32_t index);

/* The entry of a source, made if need be; SIGNALING_NONE: too many, or memory is short. */
uint32_t signaling_source_find(struct signaling_rooms *rooms, uint64_t now_us, const uint8_t *key, size_t length);

/* ---- room_output.c ---- */

bool signaling_rooms_outputs_wait(struct signaling_rooms *rooms);

/* Room for a text of `length` bytes and its NUL in the next pending output; NULL: memory is short. Commit by one of the two below. */
char *signaling_output_reserve(struct signaling_rooms *rooms, size_t length);
void signaling_output_commit_for(struct signaling_rooms *rooms, size_t length, signaling_member member, uint16_t close_code);
void signaling_output_commit_room(struct signaling_rooms *rooms, size_t length, uint32_t room, uint32_t except);

/* Writes the message as output for one member, or for all of a room but one. Only MEMORY can happen. */
enum signaling_error signaling_output_for(struct signaling_rooms *rooms, const struct signaling_message *message, signaling_member member,
                                          uint16_t close_code);
enum signaling_error signaling_output_room(struct signaling_rooms *rooms, const struct signaling_message *message, uint32_t room, uint32_t except);

#endif
