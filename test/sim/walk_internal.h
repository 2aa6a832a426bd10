/*
 *     walk.c           life, memory, running a script
 *     walk_end.c       one end: the driver's verbs, what it hears
 *     walk_steps.c     what a step does, and what the model thinks of the outcome; of transceivers, descriptions, candidates:
 *     walk_transceivers.c, walk_descriptions.c, walk_candidates.c, walk_channels.c, walk_disturb.c
 *     walk_judge.c     do the slots of the connection say what the model says; do both ends agree
 *     walk_settle.c    the good end of a walk
 *     walk_script.c    steps from a seed, steps as text, shrinking
 */
#ifndef TEST_SIM_WALK_INTERNAL_H
#define TEST_SIM_WALK_INTERNAL_H

#include "test/sim/walk.h"

#define WALK_MESSAGE_MAX 256
#define WALK_CANDIDATE_MAX 128
#define WALK_TEXT_BYTES (64u * 1024u)
#define WALK_FRAME_BYTES 64

struct walk_message {
    char *text;
    size_t length;
    struct sdp_lines lines;
    enum w3c_type type;
    uint64_t id;
    uint64_t answers;                  /* the id of the offer that it was made for; 0: it is an offer */
    uint64_t based_local, based_remote; /* of an offer: the ids of what its end had agreed on */
};

struct walk_candidate {
    char text[256], mid[PEER_MID_MAX_BYTES + 1], ufrag[64];
    int line_index;
    bool is_end;
};

#define WALK_CHANNEL_MAX 32

/* A data channel, as its end has heard of it. */
struct walk_channel {
    bool exists, is_loose; /* loose: unordered, or not reliable */
    size_t handle;
    enum data_channel_state state;
    uint32_t sent, received;
};

struct walk_end {
    struct walk *walk;
    int index;
    struct peer_connection *connection;
    struct w3c_model model;
    int endpoint, interface_;
    struct stun_address base; /* of transport 0 */
    bool is_interface_down;
    struct sim_random random;
    struct walk_message *messages[WALK_MESSAGE_MAX]; /* what it has said, in order */
    size_t message_count, heard_count;               /* heard_count: of the other end's */
    struct walk_message *created_offer, *created_answer; /* NULL: none, or made on the way by setLocalDescription */
    bool is_answer_stale;                                /* another offer has come since created_answer was created */
    struct walk_message **pool;                          /* all that were made, to be freed */
    size_t pool_count;
    struct walk_candidate candidates[WALK_CANDIDATE_MAX];
    size_t candidate_count, given_count;
    struct w3c_fired heard;
    uint32_t frames_sent[PEER_TRANSCEIVER_MAX], frames_received[PEER_TRANSCEIVER_MAX];
    bool dtls_has_failed;
    struct walk_channel channels[WALK_CHANNEL_MAX];
    bool channels_have_ended; /* an association has: the next channels may be refused */
};

struct walk {
    const struct walk_script *script;
    struct walk_result *result;
    struct sim *sim;
    struct walk_end ends[2];
    uint64_t next_id;
    size_t step;
    bool is_loud;       /* a line for each step */
    bool is_judged;     /* until memory was short, or a hostile description was taken */
    bool network_is_counted;
    bool is_settling;   /* frames are counted */
    bool is_estranged;  /* an end has taken an answer to another offer, or an offer of another history: they may not come together again */
    struct ice_allocator allocator;
    uint64_t allocations, live;
    bool memory_was_short, memory_was_short_before; /* before this call */
    char text[WALK_TEXT_BYTES];
};

/* False, always: the walk has failed, and why. The first reason stays. */
__attribute__((format(printf, 2, 3))) bool walk_fail(struct walk *walk, const char *format, ...);
__attribute__((format(printf, 2, 3))) void walk_say(const struct walk *walk, const char *format, ...);

/* ---- walk_end.c ---- */
bool walk_end_start(struct walk *walk, int index);
void walk_end_free(struct walk_end *end);
void walk_pass_time(struct walk *walk, uint64_t duration_us);
/* After a call: drains. */
void walk_touch(struct walk_end *end);
/* Lives as long as the end. */
struct walk_message *walk_message_new(struct walk_end *end, enum w3c_type type, const char *text, size_t length);
/* The other end may hear of it. */
void walk_end_says(struct walk_end *end, struct walk_message *message);

/* ---- walk_steps.c ---- */
void walk_do(struct walk *walk, const struct walk_step *step);
/* Has the call ended as it may? True: it was PEER_OK, and the model is to follow. */
bool walk_judge_call(struct walk_end *end, int error, unsigned may, const char *what);
unsigned walk_outcome(int error);
enum peer_sdp_type walk_peer_type(enum w3c_type type);
const char *walk_type_name(enum w3c_type type);
uint64_t walk_now(const struct walk_end *end);
struct walk_end *walk_other(const struct walk_end *end);

/* ---- walk_transceivers.c: each is one step, and so below ---- */
/* One that exists, or one too many. */
size_t walk_some_number(const struct walk_end *end, unsigned choice);
void walk_add(struct walk_end *end, const struct walk_step *step, bool is_track);
void walk_change(struct walk_end *end, const struct walk_step *step);

/* ---- walk_descriptions.c ---- */
void walk_create(struct walk_end *end, bool is_offer);
void walk_set_local(struct walk_end *end, enum w3c_type type, bool is_implicit, struct walk_message *message, bool is_last_created);
void walk_set_some_local(struct walk_end *end, const struct walk_step *step);
void walk_hear_something(struct walk_end *end, const struct walk_step *step);
void walk_hear_roll_back(struct walk_end *end);
void walk_hear_hostile(struct walk_end *end, const struct walk_step *step);
/* For the settlement. False: not PEER_OK, or the walk has failed. */
bool walk_say_description(struct walk_end *end);
bool walk_hear_next(struct walk_end *end);

/* ---- walk_candidates.c ---- */
void walk_give_candidates(struct walk_end *end, size_t from);
void walk_give_some_candidates(struct walk_end *end, const struct walk_step *step);
void walk_give_bad_candidate(struct walk_end *end, const struct walk_step *step);

/* ---- walk_channels.c ---- */
void walk_create_channel(struct walk_end *end, const struct walk_step *step);
void walk_send_data(struct walk_end *end, const struct walk_step *step);
void walk_close_channel(struct walk_end *end, const struct walk_step *step);
/* True: it was an event of a channel. */
bool walk_hear_channel(struct walk_end *end, const struct peer_connection_event *event);
void walk_judge_channels(struct walk_end *end);
void walk_exchange_data(struct walk *walk);

/* ---- walk_disturb.c ---- */
void walk_disturb(struct walk_end *end, const struct walk_step *step);

/* ---- walk_judge.c ---- */
void walk_judge_end(struct walk_end *end);
void walk_judge_descriptions(struct walk_end *end);
/* Both are stable, and each has what the other has last said. */
bool walk_is_common(const struct walk *walk);
void walk_judge_agreement(struct walk *walk);

/* ---- walk.c ---- */
/* What the links have done so far, once: call it before they get kind. */
void walk_count_network(struct walk *walk);

/* ---- walk_settle.c ---- */
void walk_settle(struct walk *walk);
size_t walk_write_frame(const struct walk_end *end, size_t transceiver, enum peer_codec codec, uint32_t number, uint8_t frame[WALK_FRAME_BYTES]);
int walk_send_frame(struct walk_end *end, size_t transceiver);
void walk_hear_frame(struct walk_end *end, const struct peer_received_frame *frame);

extern struct dtls_certificate *walk_certificates[2];
extern char walk_fingerprints[2][SDP_LINES_FINGERPRINT_BYTES]; /* as a=fingerprint has them */

#endif
