/*
 * What offer and answer agreed on, told to those who act on it: ICE and DTLS (peer_transport), the transceivers, rtp. The only
 * file that maps struct sdp_negotiated.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static int refuse(struct peer_problem *problem, int error, const char *rule, struct sdp_view text) {
    if (problem)
        *problem = (struct peer_problem){.rule = rule, .text = text.text, .length = text.length, .section = -1};
    return error;
}

/* ---- the transport ---------------------------------------------------------------------------------------------------- */

static int read_fingerprint(const struct sdp_fingerprint *fingerprint, struct dtls_fingerprint *out) {
    char text[DTLS_FINGERPRINT_TEXT_BYTES];
    size_t hash = fingerprint->hash.length, value = fingerprint->value.length;
    if (hash >= sizeof text || value > sizeof text - hash - 1)
        return DTLS_ERROR_MALFORMED;
    memcpy(text, fingerprint->hash.text, hash);
    text[hash] = ' ';
    memcpy(text + hash + 1, fingerprint->value.text, value);
    return dtls_fingerprint_parse(text, hash + 1 + value, out);
}

int peer_negotiated_check(const struct sdp_negotiated *negotiated, struct peer_transport_parameters *parameters, struct peer_problem *problem) {
    static const struct sdp_view none = {NULL, 0};
    *parameters = (struct peer_transport_parameters){
        .ufrag = negotiated->remote_ufrag.text,
        .ufrag_length = negotiated->remote_ufrag.length,
        .password = negotiated->remote_pwd.text,
        .password_length = negotiated->remote_pwd.length,
        .lite = negotiated->remote_ice_lite,
    };
    for (size_t i = 0; i < negotiated->remote_fingerprint_count && parameters->fingerprint_count < PEER_FINGERPRINT_MAX; i++) {
        int error = read_fingerprint(&negotiated->remote_fingerprints[i], &parameters->fingerprints[parameters->fingerprint_count]);
        /* RFC 8122 section 5: a fingerprint of a hash that we do not believe is passed over, another may be good. */
        if (error == DTLS_ERROR_WEAK_HASH)
            continue;
        if (error != DTLS_OK)
            return refuse(problem, PEER_ERROR_MALFORMED, "the fingerprint is not a hash name and as many hexadecimal pairs as that hash has (RFC 8122 section 5)", negotiated->remote_fingerprints[i].value);
        parameters->fingerprint_count++;
    }
    /* RFC 8827 section 6.5, MUST: keys come from DTLS-SRTP, and the fingerprint is what binds them to this description. */
    if (parameters->fingerprint_count == 0)
        return refuse(problem, PEER_ERROR_MALFORMED, "there is no certificate fingerprint of SHA-256 or better (RFC 8122 section 5, RFC 8827 section 6.5)", none);
    if (parameters->ufrag_length < ICE_UFRAG_MIN_BYTES || parameters->password_length < ICE_PASSWORD_MIN_BYTES)
        return refuse(problem, PEER_ERROR_MALFORMED, "there are no ICE credentials (RFC 8839 section 5.4)", none);
    return PEER_OK;
}

static int tell_transport(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated,
                          const struct peer_transport_parameters *parameters, struct peer_problem *problem) {
    /* RFC 8842 section 5.3: active sends the ClientHello. */
    enum dtls_role role = negotiated->local_setup == SDP_SETUP_ACTIVE ? DTLS_ROLE_CLIENT : DTLS_ROLE_SERVER;
    int error = peer_transport_set_remote_parameters(connection->transports[0], now_us, parameters, role);
    if (error == PEER_ERROR_ARGUMENT)
        return refuse(problem, PEER_ERROR_MALFORMED, "the ICE credentials are outside their grammar (RFC 8839 section 5.4)", negotiated->remote_ufrag);
    return error == PEER_OK ? PEER_OK : refuse(problem, error, "the transport could not take the description", (struct sdp_view){NULL, 0});
}

/* ---- transceivers ------------------------------------------------------------------------------------------------------- */

enum peer_codec peer_negotiated_codec_of(enum sdp_codec_id id) {
    switch (id) {
    case SDP_CODEC_OPUS: return PEER_CODEC_OPUS;
    case SDP_CODEC_VP8: return PEER_CODEC_VP8;
    default: return PEER_CODEC_NONE;
    }
}

const struct sdp_negotiated_codec *peer_negotiated_codec(const struct sdp_negotiated *negotiated, const struct sdp_negotiated_section *section) {
    for (size_t i = 0; i < section->codec_count; i++) {
        const struct sdp_negotiated_codec *codec = &negotiated->codecs[section->first_codec + i];
        if (peer_negotiated_codec_of(codec->id) != PEER_CODEC_NONE)
            return codec;
    }
    return NULL;
}

static void tell_transceiver(struct peer_transceiver_entry *entry, const struct sdp_negotiated *negotiated) {
    struct peer_transceiver *facts = &entry->facts;
    bool was_receiving = (facts->current_direction & PEER_RECVONLY) != 0;
    if (entry->section < 0 || (size_t)entry->section >= negotiated->section_count) {
        facts->refused = "no section was offered for it (RFC 9429 section 5.10)";
        return;
    }
    const struct sdp_negotiated_section *section = &negotiated->sections[entry->section];
    const struct sdp_negotiated_codec *codec = section->refusal == SDP_REFUSAL_NONE ? peer_negotiated_codec(negotiated, section) : NULL;
    if (!codec) {
        facts->refused = sdp_refusal_text(section->refusal == SDP_REFUSAL_NONE ? SDP_REFUSAL_CODEC : section->refusal);
        return;
    }
    facts->codec = peer_negotiated_codec_of(codec->id);
    facts->send_payload_type = codec->send_payload_type;
    facts->receive_payload_type = codec->receive_payload_type;
    facts->clock_rate_hz = codec->clock_hz;
    facts->channels = codec->channels;
    facts->current_direction = (enum peer_direction)(section->direction & (unsigned)facts->direction);
    /* W3C webrtc section 4.4.1.5: a track event for each transceiver that will receive. */
    entry->track_pending = !was_receiving && (facts->current_direction & PEER_RECVONLY) != 0;
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------- */

int peer_negotiated_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, struct peer_problem *problem) {
    struct peer_transport_parameters parameters;
    int error = peer_negotiated_check(negotiated, &parameters, problem);
    if (error == PEER_OK)
        error = tell_transport(connection, now_us, negotiated, &parameters, problem);
    if (error != PEER_OK)
        return error;
    for (size_t i = 0; i < connection->transceiver_count; i++)
        tell_transceiver(&connection->transceivers[i], negotiated);
    error = peer_media_start(connection, now_us, negotiated);
    return error == PEER_OK ? PEER_OK : refuse(problem, error, "the rtp session could not be made", (struct sdp_view){NULL, 0});
}
