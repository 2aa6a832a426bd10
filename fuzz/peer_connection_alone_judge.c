/*
 * What holds of a PeerConnection, whatever its peer says: the table of signaling states (RFC 9429 section 3.2, figure 2), that a refused description
 * has changed nothing, that problems point into the text they are about, that nothing is sent before there is a description of the peer and no media
 * ever (nobody has its keys).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/peer_connection_alone_internal.h"
#include "sdp/model.h"

void alone_require(bool condition, const char *what, const char *file, int line) {
    if (condition)
        return;
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    abort();
}

/* ---- what comes out --------------------------------------------------------------------------------------------------------------------- */

static void take_event(struct alone *alone, const struct peer_connection_event *event) {
    struct peer_transceiver facts;
    switch (event->type) {
    case PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED: REQUIRE(peer_connection_signaling_state(alone->connection) == PEER_SIGNALING_STABLE); break;
    case PEER_CONNECTION_EVENT_SIGNALING_STATE: REQUIRE(event->as.signaling_state == peer_connection_signaling_state(alone->connection)); break;
    case PEER_CONNECTION_EVENT_CONNECTION_STATE:
        REQUIRE(event->as.connection_state == peer_connection_state(alone->connection) && event->as.connection_state != PEER_CONNECTION_CONNECTED);
        break;
    case PEER_CONNECTION_EVENT_ICE_CONNECTION_STATE: REQUIRE(event->as.ice_connection_state == peer_connection_ice_connection_state(alone->connection)); break;
    case PEER_CONNECTION_EVENT_ICE_GATHERING_STATE: REQUIRE(event->as.ice_gathering_state == peer_connection_ice_gathering_state(alone->connection)); break;
    case PEER_CONNECTION_EVENT_ICE_CANDIDATE: REQUIRE(event->as.ice_candidate.line_index >= 0 && event->as.ice_candidate.ufrag[0] != '\0'); break;
    case PEER_CONNECTION_EVENT_TRACK: REQUIRE(peer_connection_transceiver(alone->connection, event->as.track.transceiver, &facts)); break;
    case PEER_CONNECTION_EVENT_SOCKETS_NEEDED:
        REQUIRE(event->as.transport > 0 && event->as.transport < PEER_TRANSPORT_MAX);
        alone_give_sockets(alone, event->as.transport, 1);
        break;
    case PEER_CONNECTION_EVENT_DATA_CHANNEL:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_OPEN:
    case PEER_CONNECTION_EVENT_DATA_CHANNEL_MESSAGE:
    case PEER_CONNECTION_EVENT_FRAME:
    case PEER_CONNECTION_EVENT_DTMF:
    case PEER_CONNECTION_EVENT_KEY_FRAME_REQUESTED: alone_require(false, "nobody with the keys has sent this", __FILE__, __LINE__); break;
    default: break;
    }
}

/* RFC 7983: 128 to 191 is SRTP, 20 to 63 DTLS, 0 to 3 STUN. */
void alone_drain(struct alone *alone) {
    uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
    struct ice_transmit out;
    struct peer_connection_event event;
    for (bool is_busy = true; is_busy;) {
        is_busy = false;
        while (peer_connection_poll_transmit(alone->connection, alone->now_us, buffer, sizeof buffer, &out)) {
            is_busy = true;
            REQUIRE(alone->has_heard && out.length > 0 && out.offset + out.length <= sizeof buffer);
            REQUIRE(buffer[out.offset] < 128 || buffer[out.offset] > 191);
        }
        while (peer_connection_poll_event(alone->connection, &event)) {
            is_busy = true;
            take_event(alone, &event);
        }
    }
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------------------------ */

static bool next_state(enum peer_signaling_state state, bool is_local, enum peer_sdp_type type, enum peer_signaling_state *next) {
    static const struct {
        enum peer_signaling_state from;
        bool is_local;
        enum peer_sdp_type type;
        enum peer_signaling_state to;
    } table[] = {
        {PEER_SIGNALING_STABLE, true, PEER_SDP_OFFER, PEER_SIGNALING_HAVE_LOCAL_OFFER},
        {PEER_SIGNALING_STABLE, false, PEER_SDP_OFFER, PEER_SIGNALING_HAVE_REMOTE_OFFER},
        {PEER_SIGNALING_HAVE_LOCAL_OFFER, true, PEER_SDP_OFFER, PEER_SIGNALING_HAVE_LOCAL_OFFER},
        {PEER_SIGNALING_HAVE_LOCAL_OFFER, false, PEER_SDP_OFFER, PEER_SIGNALING_HAVE_REMOTE_OFFER}, /* W3C webrtc section 4.4.2: rolls ours back */
        {PEER_SIGNALING_HAVE_LOCAL_OFFER, false, PEER_SDP_PRANSWER, PEER_SIGNALING_HAVE_REMOTE_PRANSWER},
        {PEER_SIGNALING_HAVE_LOCAL_OFFER, false, PEER_SDP_ANSWER, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_LOCAL_OFFER, true, PEER_SDP_ROLLBACK, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_LOCAL_OFFER, false, PEER_SDP_ROLLBACK, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_REMOTE_OFFER, false, PEER_SDP_OFFER, PEER_SIGNALING_HAVE_REMOTE_OFFER},
        {PEER_SIGNALING_HAVE_REMOTE_OFFER, true, PEER_SDP_PRANSWER, PEER_SIGNALING_HAVE_LOCAL_PRANSWER},
        {PEER_SIGNALING_HAVE_REMOTE_OFFER, true, PEER_SDP_ANSWER, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_REMOTE_OFFER, true, PEER_SDP_ROLLBACK, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_REMOTE_OFFER, false, PEER_SDP_ROLLBACK, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_LOCAL_PRANSWER, true, PEER_SDP_PRANSWER, PEER_SIGNALING_HAVE_LOCAL_PRANSWER},
        {PEER_SIGNALING_HAVE_LOCAL_PRANSWER, true, PEER_SDP_ANSWER, PEER_SIGNALING_STABLE},
        {PEER_SIGNALING_HAVE_REMOTE_PRANSWER, false, PEER_SDP_PRANSWER, PEER_SIGNALING_HAVE_REMOTE_PRANSWER},
        {PEER_SIGNALING_HAVE_REMOTE_PRANSWER, false, PEER_SDP_ANSWER, PEER_SIGNALING_STABLE},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].from == state && table[i].is_local == is_local && table[i].type == type) {
            *next = table[i].to;
            return true;
        }
    return false;
}

struct alone_picture alone_look(const struct alone *alone) {
    static char text[2 * TEXT_BYTES];
    struct alone_picture picture = {peer_connection_signaling_state(alone->connection), 0xCBF29CE484222325u};
    for (int which = PEER_LOCAL; which <= PEER_PENDING_REMOTE; which++) {
        size_t length = 0;
        enum peer_sdp_type type = PEER_SDP_IMPLICIT;
        (void)peer_connection_description(alone->connection, (enum peer_description_which)which, &type, text, sizeof text, &length);
        for (size_t i = 0; i < length && i < sizeof text; i++)
            picture.sum = (picture.sum ^ (uint8_t)text[i]) * 0x100000001B3u;
        picture.sum = (picture.sum ^ (unsigned)type ^ length) * 0x100000001B3u;
    }
    for (size_t i = 0; i < peer_connection_transceiver_count(alone->connection); i++) {
        struct peer_transceiver facts;
        uint64_t known = peer_connection_transceiver(alone->connection, i, &facts)
                         ? (uint64_t)(facts.section + 1) << 8 | (unsigned)facts.current_direction << 4 | facts.stopped : 0;
        picture.sum = (picture.sum ^ known) * 0x100000001B3u;
    }
    return picture;
}

static size_t sections_of(const struct alone *alone, enum peer_description_which which) {
    static char text[2 * TEXT_BYTES];
    static struct sdp_session session;
    size_t length = 0;
    if (peer_connection_description(alone->connection, which, NULL, text, sizeof text, &length) != PEER_OK)
        return SIZE_MAX;
    REQUIRE(sdp_parse(text, length, &session, NULL) == SDP_OK);
    return session.section_count;
}

void alone_judge(struct alone *alone, struct alone_picture before, const struct alone_call *call, int error, const struct peer_problem *problem) {
    enum peer_signaling_state next = before.state, state = peer_connection_signaling_state(alone->connection);
    bool is_allowed = next_state(before.state, call->is_local, call->type, &next);
    if (error != PEER_OK) {
        bool is_inside = !problem->text || (call->text && problem->text >= call->text && problem->text + problem->length <= call->text + call->length);
        REQUIRE(problem->rule && problem->rule[0] != '\0' && is_inside && problem->section >= -1);
        REQUIRE(strcmp(problem->rule, peer_connection_problem(alone->connection)) == 0 && peer_error_name(error)[0] != '\0');
        REQUIRE(is_allowed || error == PEER_ERROR_STATE || call->type == PEER_SDP_IMPLICIT);
        REQUIRE(error == PEER_ERROR_MEMORY || error == PEER_ERROR_CRYPTO || (alone_look(alone).sum == before.sum && state == before.state));
        return;
    }
    REQUIRE(is_allowed && state == next);
    alone->has_heard |= !call->is_local && call->type != PEER_SDP_ROLLBACK;
    if (state == PEER_SIGNALING_STABLE) {
        REQUIRE(sections_of(alone, PEER_PENDING_LOCAL) == SIZE_MAX && sections_of(alone, PEER_PENDING_REMOTE) == SIZE_MAX);
        REQUIRE(sections_of(alone, PEER_CURRENT_LOCAL) == sections_of(alone, PEER_CURRENT_REMOTE));
    } else if (call->type != PEER_SDP_OFFER) {
        REQUIRE(sections_of(alone, PEER_PENDING_LOCAL) == sections_of(alone, PEER_PENDING_REMOTE));
    }
}
