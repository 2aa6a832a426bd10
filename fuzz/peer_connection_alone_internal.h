/* One PeerConnection whose peer is the input: what the script (peer_connection_alone.c) and the judge (peer_connection_alone_judge.c) share. */
#ifndef FUZZ_PEER_CONNECTION_ALONE_INTERNAL_H
#define FUZZ_PEER_CONNECTION_ALONE_INTERNAL_H

#include "app/peer/peer_connection.h"

#define TEXT_BYTES (64u * 1024u)

struct alone {
    struct peer_connection *connection;
    const uint8_t *data;
    size_t left;
    uint64_t now_us, random, allocations, fail_at, live;
    bool has_heard; /* a description of the peer was set, at any time */
    char text[TEXT_BYTES], last_remote[TEXT_BYTES];
    size_t length, last_remote_length;
};

/* ---- the script ------------------------------------------------------------------------------------------------------------- */

void alone_give_sockets(struct alone *alone, size_t transport, size_t count);

/* ---- the judge -------------------------------------------------------------------------------------------------------------- */

/* Aborts, and says where and why. */
#define REQUIRE(condition) alone_require((condition), #condition, __FILE__, __LINE__)
void alone_require(bool condition, const char *what, const char *file, int line);

/* All that wants to go out, and all that is told. */
void alone_drain(struct alone *alone);

/* What a refused description must not change. */
struct alone_picture {
    enum peer_signaling_state state;
    uint64_t sum;
};
struct alone_picture alone_look(const struct alone *alone);

/* After a description was set, or was not. */
struct alone_call {
    bool is_local;
    enum peer_sdp_type type;
    const char *text;
    size_t length;
};
void alone_judge(struct alone *alone, struct alone_picture before, const struct alone_call *call, int error, const struct peer_problem *problem);

#endif
