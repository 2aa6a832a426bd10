/*
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03), the server's half without a socket: what a request means, what it may be answered, and how its
 * bodies become the messages of a room. There is no media server behind it: the HTTP client is a member of a room, and whoever else is there answers.
 *
 *     POST /whip/ROOM        an offer goes to the room, the answer comes back with every candidate of the other side (RFC 9725 section 4.2)
 *     PATCH /whip/ROOM/ID    candidates of the client (section 4.3.2), or its new credentials (section 4.3.3), which make an offer and an answer in the room
 *     DELETE /whip/ROOM/ID   the end
 *
 * /whep/ROOM is the same with media the other way; SDP is an opaque string here, but for its lines.
 */
#ifndef SIGNALING_WHIP_H
#define SIGNALING_WHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "signaling/message.h"

#define SIGNALING_WHIP_CANDIDATES_MAX 64u /* of the other side, in one answer */
#define SIGNALING_WHIP_TOKEN_MAX_BYTES 512u
#define SIGNALING_WHIP_BODY_MAX_BYTES 262144u /* a description at its own limit */

enum signaling_whip_method { SIGNALING_WHIP_OTHER = 0, SIGNALING_WHIP_GET, SIGNALING_WHIP_OPTIONS, SIGNALING_WHIP_POST, SIGNALING_WHIP_PATCH, SIGNALING_WHIP_DELETE };

/* "/whip/ROOM" or "/whep/ROOM", and "/ID" behind it for a session. id is "" for the endpoint. */
struct signaling_whip_target {
    bool is_egress;
    char room[SIGNALING_ROOM_NAME_MAX_BYTES + 1];
    char id[SIGNALING_ID_BYTES + 1];
};

/* False: another path; *out is then all zero. */
bool signaling_whip_target_parse(const char *path, size_t length, struct signaling_whip_target *out);

/* Header fields as they came; absent ones have no bytes. */
struct signaling_whip_request {
    enum signaling_whip_method method;
    struct signaling_whip_target target;
    struct signaling_text content_type, authorization, if_match;
};

/*
 * What its header alone makes of a request.
 * token  the bearer token that is wanted, NUL-terminated, or NULL: none
 * tag    of the ICE session of the session of target.id, without quotes, NUL-terminated; NULL: no such session lives
 * Returns 0: go on. Else the status of the answer: 200 (OPTIONS), 204 (GET and HEAD), 401, 404 (no such session), 405, 412, 415, 428.
 */
unsigned signaling_whip_judge(const struct signaling_whip_request *request, const char *token, const char *tag);

/* What a PATCH is about: candidates for the ICE session that there is, or another one. */
enum signaling_whip_patch { SIGNALING_WHIP_PATCH_MALFORMED = 0, SIGNALING_WHIP_PATCH_TRICKLES, SIGNALING_WHIP_PATCH_RESTARTS };
enum signaling_whip_patch signaling_whip_patch_kind(struct signaling_text offer, struct signaling_text fragment);

/* False: it is none, by its first line and its sections. A close look is the business of whoever answers it. */
bool signaling_whip_is_description(struct signaling_text sdp);

/* A walk over the candidates of an application/trickle-ice-sdpfrag (RFC 8840 section 9). Views into the body, which must outlive it. */
struct signaling_sdpfrag {
    const char *bytes;
    size_t length, at;
    struct signaling_text mid, ufrag;
};
void signaling_sdpfrag_begin(struct signaling_sdpfrag *fragment, const char *bytes, size_t length);

/* The next CANDIDATE or END_OF_CANDIDATES, whose texts are views and not NUL-terminated; false: no more. */
bool signaling_sdpfrag_next(struct signaling_sdpfrag *fragment, struct signaling_message *out);

/*
 * The answer of a WHIP session: a description with candidates put into the sections that they name.
 * candidates, count     of the trickled ones; one that names no section that is there is left out
 * buffer, capacity      the caller's; buffer may be NULL when capacity is 0
 * length                written: what is needed, without the NUL, also when it did not fit
 * Returns SIGNALING_OK; BUFFER.
 */
enum signaling_error signaling_whip_answer(struct signaling_text sdp, const struct signaling_candidate *candidates, size_t count, char *buffer, size_t capacity,
                                           size_t *length);

/*
 * A fragment about the transport of a description: its credentials, and candidates (RFC 9725 sections 4.3.2 and 4.3.3).
 * sdp         whose BUNDLE-tagged section it is about: an offer of ours, or an answer
 * candidates  lines "a=candidate:...", each with its end; absent: those that the section has, with its end of candidates
 * is_end      a=end-of-candidates follows, in any case
 * Buffer, capacity, length and returns as above.
 */
enum signaling_error signaling_sdpfrag_write(struct signaling_text sdp, struct signaling_text candidates, bool is_end, char *buffer, size_t capacity,
                                             size_t *length);

/*
 * The description that an ICE restart makes of one (RFC 9725 section 4.3.3): everything as agreed, but the credentials and candidates of the fragment, and
 * the next version in its "o=". The returns above, and ARGUMENT: the fragment has no ice-ufrag or no ice-pwd.
 */
enum signaling_error signaling_sdpfrag_apply(struct signaling_text sdp, struct signaling_text fragment, char *buffer, size_t capacity, size_t *length);

/* The credentials of a description or a fragment: views, absent when it has none. */
void signaling_sdpfrag_credentials(struct signaling_text sdp, struct signaling_text *ufrag, struct signaling_text *pwd);

/* True when an answer refuses a section (port 0). RFC 9725 section 4.4.3, SHOULD NOT: then the POST is to fail as a whole. */
bool signaling_whip_is_partial(struct signaling_text answer);

#endif
