/*
 * What was agreed, told to rtp/: each transport has a session with the senders and receivers of its sections. After every answer they
 * are made, changed, silenced, moved or taken away, while packets fly.
 *
 *     peer_media.c             who is in which session
 *     peer_media_flow.c        frames to packets to datagrams, and back
 *     peer_media_statistics.c  counters
 *     peer_dtmf.c              key presses
 */
#include "app/peer/peer_media_internal.h"

#include <assert.h>
#include <string.h>

enum rtp_codec peer_media_rtp_codec(enum peer_codec codec) {
    switch (codec) {
    case PEER_CODEC_NONE:
    case PEER_CODEC_OPUS: return RTP_CODEC_OPUS;
    case PEER_CODEC_PCMU: return RTP_CODEC_PCMU;
    case PEER_CODEC_PCMA: return RTP_CODEC_PCMA;
    case PEER_CODEC_VP8: return RTP_CODEC_VP8;
    case PEER_CODEC_VP9: return RTP_CODEC_VP9;
    case PEER_CODEC_H264: return RTP_CODEC_H264;
    case PEER_CODEC_AV1: return RTP_CODEC_AV1;
    }
    return RTP_CODEC_OPUS;
}

int peer_media_error(int error) {
    switch ((enum rtp_error)error) {
    case RTP_OK: return PEER_OK;
    case RTP_ERROR_MALFORMED:
    case RTP_ERROR_UNKNOWN_SOURCE:
    case RTP_ERROR_STALE: return PEER_ERROR_MALFORMED;
    case RTP_ERROR_ARGUMENT: return PEER_ERROR_ARGUMENT;
    case RTP_ERROR_BUFFER: return PEER_ERROR_BUFFER;
    case RTP_ERROR_CAPACITY: return PEER_ERROR_CAPACITY;
    case RTP_ERROR_STATE: return PEER_ERROR_STATE;
    }
    return PEER_ERROR_STATE;
}

/* Where a member is made, memory short is a budget of ours that was passed, or the allocator that said no: neither can be mended. */
static int fatal(int error) {
    return error == RTP_ERROR_CAPACITY ? PEER_ERROR_MEMORY : peer_media_error(error);
}

/* ---- what a section agreed, in the words of rtp/ ------------------------------------------------------------------------------ */

/* A section of the negotiated, and its transceiver. */
struct agreed {
    const struct sdp_negotiated *negotiated;
    const struct sdp_negotiated_section *section;
    const struct sdp_negotiated_codec *codec; /* to send */
    struct peer_transceiver_entry *entry;
};

static const struct sdp_negotiated_codec *codec_at(const struct agreed *agreed, size_t i) {
    return &agreed->negotiated->codecs[agreed->section->first_codec + i];
}

static void describe_sender(const struct agreed *agreed, struct rtp_sender_config *out) {
    const struct peer_transceiver_entry *entry = agreed->entry;
    struct sdp_h264_format h264;
    *out = (struct rtp_sender_config){
        .codec = peer_media_rtp_codec(entry->facts.codec),
        .payload_type = entry->facts.send_payload_type,
        .clock_rate_hz = entry->facts.clock_rate_hz,
        .ssrc = entry->ssrc,
        .mid = entry->facts.mid,
        .paused = !(entry->facts.current_direction & PEER_SENDONLY),
    };
    /* RFC 6184 section 8.1: packetization-mode 0, also when it is not said, knows only whole NAL units. */
    out->single_nal_unit = entry->facts.codec == PEER_CODEC_H264 &&
                           (!sdp_read_h264(agreed->codec->send_parameters, &h264) || h264.packetization_mode == 0);
    /* RFC 7160 section 4.1, MUST: on the SSRC of the audio there is one clock rate. */
    for (size_t i = 0; i < agreed->section->codec_count; i++) {
        const struct sdp_negotiated_codec *codec = codec_at(agreed, i);
        if (codec->id == SDP_CODEC_TELEPHONE_EVENT && codec->clock_hz == entry->facts.clock_rate_hz && !out->telephone_event) {
            out->telephone_event = true;
            out->telephone_event_payload_type = codec->send_payload_type;
        }
    }
}

/* W3C mediacapture-streams section 4.1: the tracks of a MediaStream are meant to be in step. One that is in several goes by the first. 0: in none. */
static uint32_t synchronisation_group(const struct agreed *agreed) {
    struct sdp_view stream = agreed->section->remote_stream;
    for (size_t i = 0; stream.length > 0 && i < agreed->negotiated->section_count; i++)
        if (agreed->negotiated->sections[i].refusal == SDP_REFUSAL_NONE && sdp_view_equal(agreed->negotiated->sections[i].remote_stream, stream))
            return (uint32_t)i + 1;
    return 0;
}

/* RFC 3264 section 6.1: the peer may send any codec of the answer, at any time. */
static void describe_receiver(const struct agreed *agreed, struct rtp_payload_mapping *mappings, struct rtp_receiver_config *out) {
    *out = (struct rtp_receiver_config){
        .mid = agreed->entry->facts.mid,
        .payload_types = mappings,
        .ssrcs = agreed->section->remote_ssrcs,
        .ssrc_count = agreed->section->remote_ssrc_count,
        .paused = !(agreed->entry->facts.current_direction & PEER_RECVONLY),
        .synchronisation_group = synchronisation_group(agreed),
    };
    static_assert(PEER_LOCAL_CODEC_MAX <= RTP_RECEIVER_PAYLOAD_TYPES_MAX, "each of ours has one counterpart at most");
    for (size_t i = 0; i < agreed->section->codec_count; i++) {
        const struct sdp_negotiated_codec *codec = codec_at(agreed, i);
        enum peer_codec id = peer_negotiated_codec_of(codec->id);
        bool is_event = codec->id == SDP_CODEC_TELEPHONE_EVENT;
        if (id == PEER_CODEC_NONE && !is_event)
            continue;
        enum rtp_codec rtp_codec = is_event ? RTP_CODEC_TELEPHONE_EVENT : peer_media_rtp_codec(id);
        mappings[out->payload_type_count++] = (struct rtp_payload_mapping){codec->receive_payload_type, rtp_codec, codec->clock_hz};
        out->send_pli |= (codec->feedback & SDP_FEEDBACK_NACK_PLI) != 0;
    }
}

/* ---- sessions -------------------------------------------------------------------------------------------------------------------- */

/* What holds for a whole session: the extension ids of its BUNDLE (RFC 9143 section 15), reduced-size RTCP where all sections have it. */
static void describe_session(const struct peer_connection *connection, const struct sdp_negotiated *negotiated, int8_t transport, struct rtp_session_config *out) {
    out->reduced_size_rtcp = true;
    for (size_t i = 0; i < negotiated->section_count; i++) {
        const struct sdp_negotiated_section *section = &negotiated->sections[i];
        uint8_t mid = section->extensions[SDP_EXTENSION_MID], send_time = section->extensions[SDP_EXTENSION_ABS_SEND_TIME];
        if (section->refusal != SDP_REFUSAL_NONE || connection->section_transports[i] != transport || section->media == SDP_MEDIA_APPLICATION)
            continue;
        if (mid >= 1 && mid <= PEER_EXTENSION_ID_MAX)
            out->mid_extension_id = mid;
        if (send_time >= 1 && send_time <= PEER_EXTENSION_ID_MAX)
            out->abs_send_time_extension_id = send_time;
        out->reduced_size_rtcp &= section->rtcp_rsize;
    }
}

static int ready_session(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, int8_t transport) {
    struct peer_transport_entry *entry = connection->transports[transport];
    struct rtp_allocator allocator = {connection->allocator.allocate, connection->allocator.release, connection->allocator.context};
    struct rtp_session_config config = {
        .random = connection->config.ice.random,
        .random_context = connection->config.ice.random_context,
        .allocator = &allocator,
        .wall_clock_offset_us = connection->config.wall_clock_offset_us,
        .cname = connection->cname,
    };
    describe_session(connection, negotiated, transport, &config);
    if (entry->rtp)
        return peer_media_error(rtp_session_update(entry->rtp, &config));
    entry->rtp = rtp_session_new(&config, now_us);
    return entry->rtp ? PEER_OK : PEER_ERROR_MEMORY;
}

struct rtp_session *peer_media_session(const struct peer_connection *connection, const struct peer_transceiver_entry *entry) {
    const struct peer_transport_entry *transport = connection->transports[entry->media_transport];
    return transport ? transport->rtp : NULL;
}

/* ---- members --------------------------------------------------------------------------------------------------------------------- */

static void remove_members(struct peer_connection *connection, uint64_t now_us, struct peer_transceiver_entry *entry) {
    struct rtp_session *session = peer_media_session(connection, entry);
    if (entry->sender)
        rtp_session_remove_sender(session, now_us, entry->sender);
    if (entry->receiver)
        rtp_session_remove_receiver(session, entry->receiver);
    entry->sender = NULL;
    entry->receiver = NULL;
}

static int set_sender(struct rtp_session *session, uint64_t now_us, const struct agreed *agreed) {
    struct peer_transceiver_entry *entry = agreed->entry;
    struct rtp_sender_config config;
    int error = RTP_OK;
    describe_sender(agreed, &config);
    if (entry->sender)
        error = rtp_session_update_sender(session, now_us, entry->sender, &config);
    else if (!config.paused)
        error = rtp_session_add_sender(session, now_us, &config, &entry->sender);
    if (error == RTP_ERROR_ARGUMENT && !entry->sender) {
        /* RFC 3550 section 8.2: the peer has that SSRC by now. */
        config.ssrc = 0;
        error = rtp_session_add_sender(session, now_us, &config, &entry->sender);
    }
    if (error == RTP_OK && entry->sender)
        entry->ssrc = rtp_sender_ssrc(entry->sender);
    return fatal(error);
}

/* RFC 8830 section 2: the id of the track, of at most 64 characters. Without one, the section has a name. */
static void keep_track_identifier(const struct agreed *agreed) {
    struct sdp_view track = agreed->section->remote_track;
    if (track.length == 0 || track.length > PEER_STREAM_ID_MAX_BYTES)
        track = agreed->section->mid;
    size_t length = track.length > PEER_STREAM_ID_MAX_BYTES ? PEER_STREAM_ID_MAX_BYTES : track.length;
    if (length > 0)
        memcpy(agreed->entry->remote_track, track.text, length);
    agreed->entry->remote_track[length] = '\0';
}

static int set_receiver(struct rtp_session *session, uint64_t now_us, const struct agreed *agreed) {
    struct peer_transceiver_entry *entry = agreed->entry;
    struct rtp_payload_mapping mappings[RTP_RECEIVER_PAYLOAD_TYPES_MAX];
    struct rtp_receiver_config config;
    describe_receiver(agreed, mappings, &config);
    keep_track_identifier(agreed);
    if (entry->receiver)
        return peer_media_error(rtp_session_update_receiver(session, now_us, entry->receiver, &config));
    return config.paused ? PEER_OK : fatal(rtp_session_add_receiver(session, now_us, &config, &entry->receiver));
}

/* False: the transceiver has no section that is agreed, or is no more. */
static bool find_agreed(const struct sdp_negotiated *negotiated, struct peer_transceiver_entry *entry, struct agreed *out) {
    if (entry->facts.section < 0 || (size_t)entry->facts.section >= negotiated->section_count || entry->facts.stopping)
        return false;
    *out = (struct agreed){.negotiated = negotiated, .section = &negotiated->sections[entry->facts.section], .entry = entry};
    if (out->section->refusal == SDP_REFUSAL_NONE)
        out->codec = peer_negotiated_codec(negotiated, out->section);
    return out->codec != NULL;
}

static int apply_one(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated, struct peer_transceiver_entry *entry) {
    struct agreed agreed;
    bool is_agreed = find_agreed(negotiated, entry, &agreed);
    int8_t transport = is_agreed ? connection->section_transports[entry->facts.section] : -1;
    /* BUNDLE may have folded the section into another transport: another session, with other keys. */
    if (transport < 0 || entry->media_transport != (size_t)transport)
        remove_members(connection, now_us, entry);
    if (transport < 0)
        return PEER_OK;
    entry->media_transport = (size_t)transport;
    int error = ready_session(connection, now_us, negotiated, transport);
    if (error == PEER_OK)
        error = set_sender(connection->transports[transport]->rtp, now_us, &agreed);
    if (error == PEER_OK)
        error = set_receiver(connection->transports[transport]->rtp, now_us, &agreed);
    return error;
}

int peer_media_apply(struct peer_connection *connection, uint64_t now_us, const struct sdp_negotiated *negotiated) {
    struct peer_transceiver_entry *entry;
    int error = PEER_OK;
    for (size_t i = 0; error == PEER_OK && (entry = peer_transceivers_next(connection, &i)); i++)
        error = apply_one(connection, now_us, negotiated, entry);
    return error;
}

void peer_media_stop_transceiver(struct peer_connection *connection, uint64_t now_us, struct peer_transceiver_entry *entry) {
    peer_dtmf_end(entry);
    remove_members(connection, now_us, entry);
}

void peer_media_drop_transport(struct peer_connection *connection, size_t transport) {
    for (size_t i = 0; i < connection->transceiver_count; i++) {
        struct peer_transceiver_entry *entry = connection->transceivers[i];
        if (entry && entry->media_transport == transport) {
            entry->sender = NULL;
            entry->receiver = NULL;
        }
    }
    if (connection->transports[transport]) {
        rtp_session_free(connection->transports[transport]->rtp);
        connection->transports[transport]->rtp = NULL;
    }
}

/* ---- the end --------------------------------------------------------------------------------------------------------------------- */

void peer_media_close(struct peer_connection *connection, uint64_t now_us) {
    struct peer_transport_entry *entry;
    for (size_t i = 0; (entry = peer_transports_next(connection, &i)); i++)
        if (entry->rtp)
            rtp_session_bye(entry->rtp, now_us);
}

void peer_media_free(struct peer_connection *connection) {
    for (size_t i = 0; i < PEER_TRANSPORT_MAX; i++)
        peer_media_drop_transport(connection, i);
}
