/* What we bring to an offer or an answer, and the offer itself (RFC 9429 section 5.2). */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

#define OFFER_BYTES 8192u

/* RFC 7587 section 6.1, RFC 7741 section 6; the payload types are those that browsers use. */
static struct sdp_codec describe_codec(enum peer_codec codec) {
    if (codec == PEER_CODEC_OPUS)
        return sdp_codec_make(SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", 0);
    return sdp_codec_make(SDP_CODEC_VP8, 96, NULL, SDP_FEEDBACK_NACK_PLI | SDP_FEEDBACK_CCM_FIR);
}

static void describe_section(const struct peer_connection *connection, size_t index, struct peer_local_storage *storage) {
    const struct peer_transceiver_entry *entry = &connection->transceivers[index];
    /* RFC 9143 section 15: with it, a receiver knows the section of a packet before it knows the SSRC. */
    storage->extensions[index] = (struct sdp_local_extension){sdp_extension_uri(SDP_EXTENSION_MID), 1};
    for (size_t i = 0; i < entry->codec_count; i++)
        storage->codecs[index][i] = describe_codec(entry->codecs[i]);
    memcpy(storage->tracks[index], "track0", sizeof "track0");
    storage->tracks[index][5] = (char)('0' + index);
    storage->sections[index] = (struct sdp_local_section){
        .media = entry->facts.kind == PEER_AUDIO ? SDP_MEDIA_AUDIO : SDP_MEDIA_VIDEO,
        .mid = storage->mids[index][0] != '\0' ? storage->mids[index] : NULL,
        .direction = (enum sdp_direction)entry->facts.direction,
        .codecs = storage->codecs[index],
        .codec_count = entry->codec_count,
        .extensions = &storage->extensions[index],
        .extension_count = 1,
        .stream_id = connection->stream_id,
        .track_id = storage->tracks[index],
        .ssrc = entry->ssrc,
        .cname = connection->cname,
    };
}

/* storage->mids decides which section is whose. */
void peer_local_describe(const struct peer_connection *connection, struct peer_local_storage *storage, struct sdp_local *local) {
    struct peer_transport_parameters transport;
    peer_transport_local_parameters(connection->transports[0], &transport);
    (void)dtls_fingerprint_write(&transport.fingerprints[0], storage->fingerprint, sizeof storage->fingerprint);
    char *space = strchr(storage->fingerprint, ' ');
    if (space)
        *space = '\0';
    for (size_t i = 0; i < connection->transceiver_count; i++)
        describe_section(connection, i, storage);
    *local = (struct sdp_local){
        .session_id = connection->session_id,
        .session_version = connection->session_version,
        .ice_ufrag = transport.ufrag,
        .ice_pwd = transport.password,
        .fingerprint_hash = storage->fingerprint,
        .fingerprint_value = space ? space + 1 : storage->fingerprint,
        /* RFC 8842 section 5.3: active unless the association that is there says otherwise. */
        .setup = transport.setup == PEER_SETUP_PASSIVE ? SDP_SETUP_PASSIVE : SDP_SETUP_ACTIVE,
        .bundle_only = true,
        .sections = storage->sections,
        .section_count = connection->transceiver_count,
    };
}

/* ---- the offer ------------------------------------------------------------------------------------------------------- */

/* Section i is transceiver i's: so it is unless the peer has offered other sections, or in another order. */
static bool has_the_sections_of(const struct peer_connection *connection, const struct sdp_session *session) {
    if (session->section_count != connection->transceiver_count)
        return false;
    for (size_t i = 0; i < connection->transceiver_count; i++)
        if (connection->transceivers[i].section != (int)i)
            return false;
    return true;
}

/* RFC 9429 section 5.2.1: a restart takes new credentials. They are ICE's own from here on, not only from setLocalDescription (docs/peer.md). */
static int restart_if_wanted(struct peer_connection *connection) {
    if (!connection->restart_wanted || !connection->remote.sdp)
        return PEER_OK;
    int error = peer_transport_restart(connection->transports[0], connection->now_us);
    if (error == PEER_OK)
        connection->restart_wanted = false;
    return error;
}

/* The answer that ended the last round, ours or the peer's; NULL before the first. */
static const struct sdp_session *last_answer(const struct peer_connection *connection) {
    const struct peer_description *descriptions[] = {&connection->agreed_local, &connection->local, &connection->remote};
    for (size_t i = 0; i < sizeof descriptions / sizeof descriptions[0]; i++)
        if (descriptions[i]->sdp && descriptions[i]->type == PEER_SDP_ANSWER)
            return &descriptions[i]->sdp->session;
    return NULL;
}

/* RFC 3264 section 8.3.2, MUST NOT: a payload type that stood for one codec comes to stand for another. The peer chose them if it offered first. */
static void keep_payload_types(struct sdp_codec *codecs, size_t count, const struct sdp_section *answered) {
    struct sdp_codec agreed[SDP_CODEC_MAX];
    size_t agreed_count = sdp_section_codecs(answered, agreed);
    for (size_t i = 0; i < count; i++)
        for (size_t k = agreed_count; k-- > 0;) /* the first of its kind is the one that is kept */
            if (agreed[k].id == codecs[i].id)
                codecs[i].payload_type = agreed[k].payload_type;
}

/*
 * RFC 8285 section 7, MUST NOT: an identifier of a header extension is remapped by a later offer (a browser that offered first has
 * given ours another meaning). RFC 9429 section 5.2.2, MUST: only extensions of the last answer are offered again.
 */
static void keep_extensions(struct sdp_local_extension *extension, struct sdp_local_section *section, const struct sdp_section *answered) {
    struct sdp_walk walk = sdp_walk_section(answered);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    section->extension_count = 0;
    while (section->extension_count == 0 && sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute))
        if (sdp_read_extmap(attribute.value, &extmap) && extmap.id <= 14 && sdp_view_is(extmap.uri, extension->uri)) {
            extension->id = (uint8_t)extmap.id;
            section->extension_count = 1;
        }
}

static void keep_numbers(const struct peer_connection *connection, struct peer_local_storage *storage) {
    const struct sdp_session *answer = last_answer(connection);
    for (size_t i = 0; answer && i < connection->transceiver_count && i < answer->section_count; i++) {
        keep_payload_types(storage->codecs[i], connection->transceivers[i].codec_count, &answer->sections[i]);
        keep_extensions(&storage->extensions[i], &storage->sections[i], &answer->sections[i]);
    }
}

int peer_local_make_offer(struct peer_connection *connection, struct peer_problem *problem) {
    if (connection->signaling_state == PEER_SIGNALING_CLOSED)
        return peer_problem_set(problem, PEER_ERROR_STATE, "the connection is closed (W3C webrtc section 4.4.2, createOffer)");
    if (connection->signaling_state == PEER_SIGNALING_HAVE_REMOTE_OFFER)
        return peer_problem_set(problem, PEER_ERROR_STATE, "an offer of the peer waits for its answer: the signaling state is have-remote-offer (RFC 9429 section 3.2)");
    if (connection->transceiver_count == 0)
        return peer_problem_set(problem, PEER_ERROR_ARGUMENT, "there is no transceiver to offer (RFC 9429 section 5.2.1)");
    if (connection->remote.sdp && !has_the_sections_of(connection, &connection->remote.sdp->session))
        return peer_problem_set(problem, PEER_ERROR_NOT_SUPPORTED, "a later offer repeats every section of the first (RFC 3264 section 8), and one of them is no transceiver's");
    int error = restart_if_wanted(connection);
    if (error != PEER_OK)
        return peer_problem_set(problem, error, "ICE could not be restarted");
    struct peer_local_storage storage = {0};
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        if (connection->remote.sdp)
            memcpy(storage.mids[i], connection->transceivers[i].facts.mid, sizeof storage.mids[i]);
        else
            storage.mids[i][0] = (char)('0' + i);
    }
    struct sdp_local local;
    peer_local_describe(connection, &storage, &local);
    keep_numbers(connection, &storage);
    /* RFC 9429 section 5.2.2: a later offer has the same session id and a version one higher. */
    local.session_version = connection->session_version + 1;
    char *text = peer_connection_allocate(connection, OFFER_BYTES);
    if (!text)
        return peer_problem_set(problem, PEER_ERROR_MEMORY, "out of memory");
    int written = sdp_write_offer(&local, text, OFFER_BYTES);
    if (written < 0) {
        peer_connection_release(connection, text);
        return peer_problem_set(problem, peer_error_from_sdp(written), "the offer could not be written");
    }
    connection->session_version++;
    peer_created_keep(connection, PEER_SDP_OFFER, text, (size_t)written);
    return PEER_OK;
}
