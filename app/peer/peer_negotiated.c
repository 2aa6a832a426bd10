/*
 * What offer and answer agreed on, told to those who act on it: transports (ICE, DTLS), transceivers, rtp, data channels. The only place where
 * struct sdp_negotiated fans out.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- can it be had? -------------------------------------------------------------------------------------------------------- */

static int refuse(struct peer_connection *connection, struct peer_problem *problem, size_t section, struct sdp_view text, const char *rule) {
    (void)peer_problem_set(connection, problem, PEER_ERROR_MALFORMED, rule);
    if (problem) {
        problem->section = (int)section;
        problem->text = text.text;
        problem->length = text.length;
    }
    return PEER_ERROR_MALFORMED;
}

static bool has_other_credentials(struct sdp_view ufrag, struct sdp_view password, const struct sdp_session *old, size_t section) {
    return !sdp_view_equal(ufrag, peer_description_credential(old, section, SDP_ATTRIBUTE_ICE_UFRAG)) ||
           !sdp_view_equal(password, peer_description_credential(old, section, SDP_ATTRIBUTE_ICE_PWD));
}

/* After a provisional answer the restart is under way, and what was said of this transport stays; it may not have been the carrier then. */
static int check_provisional(struct peer_connection *connection, const struct sdp_negotiated_transport *transport, struct peer_problem *problem) {
    const struct sdp_session *provisional = &connection->pending_remote.sdp->session;
    size_t section = transport->section, carriers[SDP_SECTION_MAX];
    sdp_bundle_tags(provisional, carriers);
    if (carriers[section] != section || provisional->sections[section].port == 0 ||
        !has_other_credentials(transport->remote_ufrag, transport->remote_pwd, provisional, section))
        return PEER_OK;
    return refuse(connection, problem, section, transport->remote_ufrag,
                  "the answer has other ICE credentials than the provisional answer before it (RFC 9429 section 5.10)");
}

/* RFC 9429 section 5.10: both restart ICE, or neither does. */
static int check_restart(struct peer_connection *connection, const struct sdp_negotiated_transport *transport, struct peer_problem *problem) {
    const struct sdp_session *local = peer_description_session(&connection->current_local), *remote = peer_description_session(&connection->current_remote);
    size_t section = transport->section, carrier = peer_description_carrier(connection, section);
    if (connection->signaling_state == PEER_SIGNALING_HAVE_REMOTE_PRANSWER)
        return check_provisional(connection, transport, problem);
    if (!peer_description_is_live(&connection->current_local, section) || !peer_description_is_live(&connection->current_remote, section))
        return PEER_OK; /* a section that is new */
    bool is_ours_new = has_other_credentials(transport->local_ufrag, transport->local_pwd, local, carrier);
    bool is_theirs_new = has_other_credentials(transport->remote_ufrag, transport->remote_pwd, remote, carrier);
    if (is_theirs_new && !is_ours_new)
        return refuse(connection, problem, section, transport->remote_ufrag,
                      "an ICE restart is offered before it is answered: these credentials are new, and ours are not (RFC 8839 section 4.4.1.1.1, RFC 9429 section 5.10)");
    if (is_ours_new && !is_theirs_new)
        return refuse(connection, problem, section, transport->remote_ufrag,
                      "the offer restarts ICE and the answer has the old credentials (RFC 8839 section 4.4.1.1.1, RFC 9429 section 5.10)");
    return PEER_OK;
}

int peer_negotiated_check(struct peer_connection *connection, const struct sdp_negotiated *negotiated, struct peer_problem *problem) {
    /* An answer of ours does what the offer asks for, and was written by us. */
    bool is_theirs = connection->signaling_state == PEER_SIGNALING_HAVE_LOCAL_OFFER || connection->signaling_state == PEER_SIGNALING_HAVE_REMOTE_PRANSWER;
    int error = PEER_OK;
    for (size_t i = 0; is_theirs && i < negotiated->transport_count && error == PEER_OK; i++)
        error = check_restart(connection, &negotiated->transports[i], problem);
    return error == PEER_OK && is_theirs ? peer_transports_check(connection, negotiated, problem) : error;
}

/* ---- transceivers ------------------------------------------------------------------------------------------------------------ */

enum peer_codec peer_negotiated_codec_of(enum sdp_codec_id id) {
    for (unsigned codec = PEER_CODEC_NONE + 1; codec < PEER_CODEC_COUNT; codec++)
        if (peer_negotiated_sdp_codec((enum peer_codec)codec) == id)
            return (enum peer_codec)codec;
    return PEER_CODEC_NONE;
}

const struct sdp_negotiated_codec *peer_negotiated_codec(const struct sdp_negotiated *negotiated, const struct sdp_negotiated_section *section) {
    for (size_t i = 0; i < section->codec_count; i++) {
        const struct sdp_negotiated_codec *codec = &negotiated->codecs[section->first_codec + i];
        if (peer_negotiated_codec_of(codec->id) != PEER_CODEC_NONE)
            return codec;
    }
    return NULL;
}

static char *put_text(char *at, struct sdp_view text) {
    if (text.length > 0)
        memcpy(at, text.text, text.length);
    at[text.length] = '\0';
    return at + text.length + 1;
}

/* The parameters outlive the descriptions: one piece of memory for both. */
static int keep_parameters(struct peer_connection *connection, struct peer_transceiver_entry *entry, const struct sdp_negotiated_codec *codec) {
    char *texts = peer_connection_allocate(connection, codec->send_parameters.length + codec->receive_parameters.length + 2);
    if (!texts)
        return PEER_ERROR_MEMORY;
    peer_connection_release(connection, entry->parameters);
    entry->parameters = texts;
    entry->facts.send_parameters = texts;
    entry->facts.receive_parameters = put_text(texts, codec->send_parameters);
    (void)put_text(texts + codec->send_parameters.length + 1, codec->receive_parameters);
    return PEER_OK;
}

/* Key presses go with the codec that is sent: at its clock (RFC 4733 section 2.1). */
static bool has_events(const struct sdp_negotiated *negotiated, const struct sdp_negotiated_section *section, uint32_t clock_hz) {
    for (size_t i = 0; i < section->codec_count; i++) {
        const struct sdp_negotiated_codec *codec = &negotiated->codecs[section->first_codec + i];
        if (codec->id == SDP_CODEC_TELEPHONE_EVENT && codec->clock_hz == clock_hz)
            return true;
    }
    return false;
}

/* What we refuse has a reason that our answer does not tell. */
static const char *reason(const struct peer_connection *connection, size_t section, enum sdp_refusal refusal) {
    bool is_ours = connection->signaling_state == PEER_SIGNALING_HAVE_REMOTE_OFFER || connection->signaling_state == PEER_SIGNALING_HAVE_LOCAL_PRANSWER;
    const char *ours = is_ours && refusal == SDP_REFUSAL_ANSWERED ? connection->created_answer.refusals[section] : NULL;
    return ours ? ours : sdp_refusal_text(refusal);
}

static void tell_refused(struct peer_connection *connection, struct peer_transceiver_entry *entry, enum sdp_refusal refusal, bool is_final) {
    struct peer_transceiver *facts = &entry->facts;
    facts->refused = reason(connection, (size_t)facts->section, refusal);
    facts->codec = PEER_CODEC_NONE;
    facts->dtmf = false;
    facts->has_current_direction = true;
    facts->current_direction = PEER_INACTIVE;
    peer_transceivers_tell_track(entry, PEER_INACTIVE, (struct sdp_view){NULL, 0});
    /* W3C webrtc section 4.4.1.5 stops what the peer refuses by port 0. What our own answer refuses is stopped with it: the peer does so at its
     * end, and otherwise we would ask for ever to negotiate a section that is no more. */
    if (is_final && (refusal == SDP_REFUSAL_OFFERED || refusal == SDP_REFUSAL_ANSWERED))
        peer_transceivers_stop(connection, entry);
}

static int tell_agreed(struct peer_connection *connection, struct peer_transceiver_entry *entry, const struct sdp_negotiated *negotiated,
                       const struct sdp_negotiated_section *section, const struct sdp_negotiated_codec *codec) {
    struct peer_transceiver *facts = &entry->facts;
    facts->refused = NULL;
    facts->codec = peer_negotiated_codec_of(codec->id);
    facts->send_payload_type = codec->send_payload_type;
    facts->receive_payload_type = codec->receive_payload_type;
    facts->clock_rate_hz = codec->clock_hz;
    facts->channels = codec->channels;
    facts->has_current_direction = true;
    facts->current_direction = (enum peer_direction)section->direction;
    facts->dtmf = facts->kind == PEER_AUDIO && has_events(negotiated, section, codec->clock_hz);
    entry->has_sent |= (facts->current_direction & PEER_SENDONLY) != 0;
    peer_transceivers_tell_track(entry, facts->current_direction, section->remote_stream);
    return keep_parameters(connection, entry, codec);
}

static int tell_transceiver(struct peer_connection *connection, struct peer_transceiver_entry *entry, const struct sdp_negotiated *negotiated, bool is_final) {
    if (entry->facts.section < 0 || (size_t)entry->facts.section >= negotiated->section_count || entry->facts.stopped)
        return PEER_OK;
    const struct sdp_negotiated_section *section = &negotiated->sections[entry->facts.section];
    const struct sdp_negotiated_codec *codec = section->refusal == SDP_REFUSAL_NONE ? peer_negotiated_codec(negotiated, section) : NULL;
    if (codec)
        return tell_agreed(connection, entry, negotiated, section, codec);
    tell_refused(connection, entry, section->refusal == SDP_REFUSAL_NONE ? SDP_REFUSAL_CODEC : section->refusal, is_final);
    return PEER_OK;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------------------- */

int peer_negotiated_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, bool is_final, struct peer_problem *problem) {
    int error = peer_transports_apply(connection, now_us, negotiated, is_final, problem);
    if (error != PEER_OK)
        return error;
    struct peer_transceiver_entry *entry;
    for (size_t i = 0; error == PEER_OK && (entry = peer_transceivers_next(connection, &i)); i++)
        error = tell_transceiver(connection, entry, negotiated, is_final);
    if (error == PEER_OK)
        error = peer_media_apply(connection, now_us, negotiated);
    if (error == PEER_OK)
        error = peer_channels_apply(connection, negotiated, is_final);
    if (error == PEER_OK && is_final)
        connection->agreed_count = negotiated->agreed_count;
    return error == PEER_OK ? PEER_OK : peer_problem_set(connection, problem, error, "what was agreed could not be set up");
}
