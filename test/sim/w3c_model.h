/*
 * RTCPeerConnection on paper: the internal slots of the W3C's webrtc specification that signaling moves, and nothing else. It decides from the
 * documents which call is allowed and what the slots are afterwards; it negotiates no codec and sends nothing. It shares no code with
 * app/peer and sdp/, and takes descriptions as test/sim/sdp_lines.h reads them.
 *
 *     w3c_may_...    which outcomes the documents allow for a call now: bits of enum w3c_outcome; nothing changes
 *     w3c_did_...    the call has succeeded: what becomes of the slots
 *     w3c_judge_...  is this created description what the slots ask for?
 *
 * Sections of W3C webrtc are those of the Recommendation, of RFC 9429 those of the RFC.
 */
#ifndef TEST_SIM_W3C_MODEL_H
#define TEST_SIM_W3C_MODEL_H

#include "test/sim/sdp_lines.h"

#define W3C_TRANSCEIVER_MAX 32
#define W3C_CREDENTIALS_MAX 64
#define W3C_NAMED_STREAM_MAX 8

enum w3c_outcome {
    W3C_OK = 1,
    W3C_INVALID_STATE = 2,        /* InvalidStateError */
    W3C_INVALID_MODIFICATION = 4, /* InvalidModificationError, and the TypeErrors of arguments */
    W3C_INVALID_CONTENT = 8,      /* RTCError sdp-syntax-error, InvalidAccessError: the description is at fault */
    W3C_NOT_FOUND = 16,           /* no such transceiver */
    W3C_FULL = 32                 /* a limit of the implementation, not of the documents */
};

enum w3c_type { W3C_OFFER, W3C_PRANSWER, W3C_ANSWER, W3C_ROLLBACK };
enum w3c_state { W3C_STABLE, W3C_HAVE_LOCAL_OFFER, W3C_HAVE_REMOTE_OFFER, W3C_HAVE_LOCAL_PRANSWER, W3C_HAVE_REMOTE_PRANSWER, W3C_CLOSED };

/* Codecs are the judge's own list of names: bit i of a mask is w3c_codec_name(kind, i). Mask 0: no preferences. */
#define W3C_CODEC_MAX 4
const char *w3c_codec_name(bool is_video, unsigned bit); /* NULL beyond the last */
unsigned w3c_codec_defaults(bool is_video);

struct w3c_transceiver {
    bool exists;
    bool is_video;
    bool is_of_track;          /* created by addTrack: may take a section that is offered */
    bool has_had_track;        /* addTrack has used it */
    bool is_stopping, is_stopped, is_removed; /* removed: from the set of transceivers, by an answer */
    bool is_of_pending_remote; /* created when the pending remote offer was set */
    bool has_current, has_ever_sent, fires_track;
    unsigned direction, current; /* as enum sdp_lines_direction */
    unsigned codecs;
    uint64_t order;            /* of creation */
    char mid[SDP_LINES_WORD_BYTES], stable_mid[SDP_LINES_WORD_BYTES];
    int section, stable_section; /* -1: not associated */
    unsigned stream_count;     /* 0: the connection's own */
    uint64_t stream_hash;
};

/* A description that was set. The lines are borrowed. */
struct w3c_description {
    const struct sdp_lines *lines; /* NULL: null */
    enum w3c_type type;
    uint64_t id;                   /* whatever tells descriptions apart */
};

/* Which transceiver the sections of a created description were made from; -1: none, it stays refused. */
#define W3C_DATA (-2) /* in place of a transceiver: data channels */
struct w3c_sections {
    size_t count;
    int transceivers[SDP_LINES_SECTION_MAX];
};

/* What an event of the connection would have said. */
struct w3c_fired {
    bool negotiation_needed, signaling_state;
    uint32_t track, muted; /* bit of the transceiver */
    bool is_rollback;      /* what remote tracks do then, the documents leave to the streams */
};

struct w3c_model {
    enum w3c_state state;
    struct w3c_description current_local, pending_local, current_remote, pending_remote;
    struct w3c_sections created_offer;
    bool negotiation_needed; /* [[NegotiationNeeded]] */
    bool has_channel;        /* one was created, and no answer has refused its section since */
    bool has_agreed_on_data;
    struct w3c_transceiver transceivers[W3C_TRANSCEIVER_MAX];
    uint64_t transceivers_made;
    uint64_t to_replace[W3C_CREDENTIALS_MAX]; /* [[LocalIceCredentialsToReplace]], hashed */
    size_t to_replace_count;
    uint64_t own_stream;     /* the stream of tracks that name none, hashed; 0: not known yet */
    uint64_t named_streams[W3C_NAMED_STREAM_MAX]; /* those that were named alone, hashed: none of them is it */
    size_t named_stream_count;
    struct w3c_fired fired;  /* since w3c_take_fired */
};

void w3c_init(struct w3c_model *model);
struct w3c_fired w3c_take_fired(struct w3c_model *model);
const char *w3c_state_name(enum w3c_state state);
/* The pending one, else the current one. */
const struct w3c_description *w3c_local(const struct w3c_model *model);
const struct w3c_description *w3c_remote(const struct w3c_model *model);

/* ---- w3c_model.c: transceivers and calls ------------------------------------------------------------------------------ */

unsigned w3c_may_add(const struct w3c_model *model);
/* Which number addTransceiver will give out. */
int w3c_next_number(const struct w3c_model *model);
void w3c_did_add_transceiver(struct w3c_model *model, bool is_video, unsigned direction, unsigned codecs, unsigned stream_count, uint64_t stream_hash);
/* The number that addTrack takes. */
int w3c_track_number(const struct w3c_model *model, bool is_video);
void w3c_did_add_track(struct w3c_model *model, bool is_video, unsigned codecs, unsigned stream_count, uint64_t stream_hash);
unsigned w3c_may_change(const struct w3c_model *model, int number, bool fails_when_stopped);
void w3c_did_remove_track(struct w3c_model *model, int number);
void w3c_did_set_direction(struct w3c_model *model, int number, unsigned direction);
void w3c_did_stop(struct w3c_model *model, int number);
void w3c_did_restart(struct w3c_model *model);
void w3c_did_close(struct w3c_model *model);
/* W3C webrtc section 4.7.3, "check if negotiation is needed". */
bool w3c_is_negotiation_needed(const struct w3c_model *model);
/* createDataChannel: W3C webrtc section 6.1. */
void w3c_did_create_channel(struct w3c_model *model);
bool w3c_is_data(const struct sdp_lines_section *section);
/* The section of data channels that an offer goes on with: of the pending local offer, or what both current descriptions take; -1: none. */
int w3c_data_section(const struct w3c_model *model);
/* "Update the negotiation-needed flag". */
void w3c_update_negotiation_needed(struct w3c_model *model);
/* From an offer that was just created and judged. */
void w3c_learn_own_stream(struct w3c_model *model, const struct sdp_lines *offer);
/* "Stop the RTCRtpTransceiver". */
void w3c_stop(struct w3c_transceiver *transceiver);
/* The transceiver of a section, or -1. */
int w3c_of_section(const struct w3c_model *model, int section);

/* ---- w3c_descriptions.c: what may be created and set, and what it does --------------------------------------------------- */

unsigned w3c_may_create_offer(const struct w3c_model *model);
unsigned w3c_may_create_answer(const struct w3c_model *model);
/* is_last_created: the text is what createOffer or createAnswer wrote last, or there is none and it is made on the way. */
unsigned w3c_may_set_local(const struct w3c_model *model, enum w3c_type type, bool is_last_created);
/* By type and state only; what the content may do to it is for the caller, who knows where it comes from. */
unsigned w3c_may_set_remote(const struct w3c_model *model, enum w3c_type type);
/* What a parameterless setLocalDescription makes: W3C webrtc section 4.4.2. */
enum w3c_type w3c_implicit_type(const struct w3c_model *model);
void w3c_did_set_local(struct w3c_model *model, const struct w3c_description *description);
void w3c_did_set_remote(struct w3c_model *model, const struct w3c_description *description);
void w3c_did_roll_back(struct w3c_model *model);

/* ---- w3c_judge.c: what createOffer and createAnswer write ------------------------------------------------------------------ */

#define W3C_WHY_BYTES 256
/* False, and why: the offer is not what RFC 9429 sections 5.2.1 and 5.2.2 ask for now. sections: written, which transceiver each one is of. */
bool w3c_judge_offer(const struct w3c_model *model, const struct sdp_lines *offer, struct w3c_sections *sections, char why[W3C_WHY_BYTES]);
/* RFC 9429 sections 5.3.1 and 5.3.2. */
bool w3c_judge_answer(const struct w3c_model *model, const struct sdp_lines *answer, char why[W3C_WHY_BYTES]);
/* Could this remote answer be one to the offer that is pending? The sections, their kinds and mids are those of the offer: RFC 3264 section 6. */
bool w3c_answers(const struct sdp_lines *offer, const struct sdp_lines *answer);
/* Could this offer follow those descriptions? RFC 9429 section 5.2.2: sections never go away, and a mid stays where it is. */
bool w3c_follows(const struct sdp_lines *earlier, const struct sdp_lines *offer);

#endif
