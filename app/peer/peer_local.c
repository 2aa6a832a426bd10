/* What we bring to an offer or an answer, section by section, as sdp/ wants to be told (RFC 9429 sections 5.2.1 and 5.3.1). */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

/* ---- codecs --------------------------------------------------------------------------------------------------------------- */

#define VIDEO_FEEDBACK (SDP_FEEDBACK_NACK_PLI | SDP_FEEDBACK_CCM_FIR) /* what rtp/ answers: RFC 4585 section 6.3.1, RFC 5104 section 3.5.1 */

/* Ours: the parameters that our defaults have, and the payload types that browsers use. */
static const struct {
    enum sdp_codec_id id;
    uint8_t payload_type;
    const char *parameters;
    unsigned feedback;
} defaults[PEER_CODEC_COUNT] = {
    [PEER_CODEC_OPUS] = {SDP_CODEC_OPUS, 111, "minptime=10;useinbandfec=1", 0}, /* RFC 7587 section 6.1 */
    [PEER_CODEC_PCMU] = {SDP_CODEC_PCMU, 0, NULL, 0},                           /* RFC 3551 section 6 */
    [PEER_CODEC_PCMA] = {SDP_CODEC_PCMA, 8, NULL, 0},
    [PEER_CODEC_VP8] = {SDP_CODEC_VP8, 96, NULL, VIDEO_FEEDBACK},            /* RFC 7741 section 6 */
    [PEER_CODEC_VP9] = {SDP_CODEC_VP9, 98, "profile-id=0", VIDEO_FEEDBACK},  /* RFC 9628 section 6 */
    /* RFC 7742 section 6.2: Constrained Baseline is what everybody has. */
    [PEER_CODEC_H264] = {SDP_CODEC_H264, 102, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", VIDEO_FEEDBACK},
    [PEER_CODEC_AV1] = {SDP_CODEC_AV1, 45, NULL, VIDEO_FEEDBACK},
};

enum sdp_codec_id peer_negotiated_sdp_codec(enum peer_codec codec) {
    return defaults[codec].id;
}

/* What is made of one section: its codecs, from those of its transceiver, and as it was described before. */
struct making {
    const struct peer_connection *connection;
    struct peer_local *local;
    struct sdp_local_section *section;
    struct peer_described before; /* an offer: by the last answer; an answer: by the offer */
    bool is_offer;
};

static void read_before(struct making *making, const struct peer_transceiver_entry *entry) {
    const struct peer_connection *connection = making->connection;
    const struct peer_description *answer = connection->current_local.type == PEER_SDP_ANSWER ? &connection->current_local : &connection->current_remote;
    const struct sdp_session *last = peer_description_session(making->is_offer ? answer : &connection->pending_remote);
    if (last && entry->facts.section >= 0 && (size_t)entry->facts.section < last->section_count)
        making->before.count = sdp_section_codecs(&last->sections[entry->facts.section], making->before.codecs);
}

/* Adds a codec; an offer gives it the payload type it has always had. In an answer it will get the peer's, and has a number until then. */
static void add_codec(struct making *making, struct sdp_codec codec) {
    struct sdp_local_section *section = making->section;
    struct sdp_codec *codecs = making->local->media[making->local->media_count].codecs;
    codec.payload_type = making->is_offer ? peer_numbers_payload_type(making->connection, &making->local->numbers, &codec, &making->before, codec.payload_type)
                                          : (uint8_t)section->codec_count;
    if (codec.payload_type == PEER_PAYLOAD_TYPE_NONE)
        return;
    /* The same codec, named twice. */
    for (size_t i = 0; i < section->codec_count; i++)
        if (codecs[i].payload_type == codec.payload_type)
            return;
    codecs[section->codec_count++] = codec;
}

/* RFC 7874 section 3: key presses are events, at the clock of the codec that they stand beside (RFC 4733 section 2.1). */
static void add_events(struct making *making, const struct peer_transceiver_entry *entry) {
    bool has_wide = false, has_narrow = false;
    for (size_t i = 0; i < entry->codec_count; i++) {
        has_wide |= entry->codecs[i].codec == PEER_CODEC_OPUS;
        has_narrow |= entry->codecs[i].codec == PEER_CODEC_PCMU || entry->codecs[i].codec == PEER_CODEC_PCMA;
    }
    struct sdp_codec events = sdp_codec_make(SDP_CODEC_TELEPHONE_EVENT, 110, NULL, 0);
    events.clock_hz = 48000;
    if (has_wide)
        add_codec(making, events);
    events.payload_type = 126;
    events.clock_hz = 8000;
    if (has_narrow)
        add_codec(making, events);
}

static void add_codecs(struct making *making, const struct peer_transceiver_entry *entry) {
    making->section->codecs = making->local->media[making->local->media_count].codecs;
    for (size_t i = 0; i < entry->codec_count; i++) {
        const struct peer_codec_choice *choice = &entry->codecs[i];
        const char *parameters = choice->has_parameters ? choice->parameters : defaults[choice->codec].parameters;
        add_codec(making, sdp_codec_make(defaults[choice->codec].id, defaults[choice->codec].payload_type, parameters, defaults[choice->codec].feedback));
    }
    if (entry->facts.kind == PEER_AUDIO)
        add_events(making, entry);
}

/* Where a codec stands in the section as it was; behind all when it does not. */
static size_t rank(const struct making *making, const struct sdp_codec *codec) {
    const struct sdp_codec *before = making->before.codecs;
    size_t i = 0;
    while (i < making->before.count && (making->is_offer ? before[i].payload_type != codec->payload_type
                                                         : before[i].id != codec->id || before[i].clock_hz != codec->clock_hz))
        i++;
    return i;
}

/*
 * RFC 9429 section 5.2.2, MUST: without preferences of the user, the formats of an offer stand in the order of the last answer, new ones behind.
 * RFC 9429 section 5.3.1, MUST: and those of an answer in the order of the offer.
 */
static void order_codecs(const struct making *making, const struct peer_transceiver_entry *entry) {
    struct sdp_codec *codecs = making->local->media[making->local->media_count].codecs;
    if (entry->has_preferences)
        return;
    for (size_t i = 1; i < making->section->codec_count; i++)
        for (size_t k = i; k > 0 && rank(making, &codecs[k]) < rank(making, &codecs[k - 1]); k--) {
            struct sdp_codec swapped = codecs[k];
            codecs[k] = codecs[k - 1];
            codecs[k - 1] = swapped;
        }
}

/* ---- a section ------------------------------------------------------------------------------------------------------------ */

/* RFC 9429 section 5.2.2, MUST: a=msid stays once it has been said, whatever becomes of the direction. */
static bool has_msid(const struct peer_connection *connection, const struct peer_transceiver_entry *entry) {
    const struct sdp_session *current = peer_description_session(&connection->current_local);
    struct sdp_attribute msid;
    if (entry->facts.direction & PEER_SENDONLY)
        return true;
    /* A section that is used anew has another mid than before. */
    return current && entry->facts.section >= 0 && peer_description_is_live(&connection->current_local, (size_t)entry->facts.section) &&
           sdp_view_is(current->sections[entry->facts.section].mid, entry->facts.mid) &&
           sdp_section_find(&current->sections[entry->facts.section], SDP_ATTRIBUTE_MSID, &msid);
}

void peer_local_describe(const struct peer_connection *connection, struct peer_local *local, size_t index, const struct peer_transceiver_entry *entry, bool is_offer) {
    struct sdp_local_section *section = &local->sections[index];
    *section = (struct sdp_local_section){
        .media = entry->facts.kind == PEER_AUDIO ? SDP_MEDIA_AUDIO : SDP_MEDIA_VIDEO,
        .direction = (enum sdp_direction)entry->facts.direction,
        .stream_ids = local->media[local->media_count].streams,
        .stream_count = entry->stream_count,
        .track_id = has_msid(connection, entry) ? entry->track_id : NULL,
        .msid_stays = true, /* W3C webrtc section 4.7.3 looks for the streams of who wants to send, also where the offer did not want it */
        .ssrc = entry->ssrc,
        .cname = connection->cname,
    };
    for (size_t i = 0; i < entry->stream_count; i++)
        local->media[local->media_count].streams[i] = entry->streams[i];
    struct making making = {.connection = connection, .local = local, .section = section, .is_offer = is_offer};
    read_before(&making, entry);
    add_codecs(&making, entry);
    order_codecs(&making, entry);
    /* RFC 9143 section 15: with it, a receiver knows the section of a packet before it knows the SSRC. */
    uint8_t id = is_offer ? peer_numbers_extension_id(connection, SDP_EXTENSION_MID) : 1;
    local->media[local->media_count].extension = (struct sdp_local_extension){sdp_extension_uri(SDP_EXTENSION_MID), id};
    section->extensions = &local->media[local->media_count].extension;
    section->extension_count = id > 0;
    local->media_count++;
}

/* RFC 8841 sections 5 and 6. */
void peer_local_describe_data(struct peer_local *local, size_t index) {
    local->sections[index] = (struct sdp_local_section){.media = SDP_MEDIA_APPLICATION, .sctp_port = SCTP_PORT, .max_message_size_bytes = PEER_MESSAGE_MAX_BYTES};
}

/* ---- transports ------------------------------------------------------------------------------------------------------------ */

static bool is_same(const struct peer_credentials *a, const struct peer_credentials *b) {
    return strcmp(a->ufrag, b->ufrag) == 0 && strcmp(a->password, b->password) == 0;
}

const struct sdp_local_transport *peer_local_transport(struct peer_connection *connection, struct peer_local *local, size_t like, bool is_fresh) {
    struct peer_credentials in_force = {{0}, {0}};
    bool has_transport = peer_transports_credentials(connection, like, &in_force);
    for (size_t i = 0; has_transport && i < local->transport_count; i++)
        if (is_same(&local->transports[i].in_force, &in_force))
            return &local->transports[i].sdp;
    if (local->transport_count == PEER_TRANSPORT_MAX)
        return NULL;
    struct peer_credentials *credentials = &local->transports[local->transport_count].credentials;
    struct sdp_local_transport *transport = &local->transports[local->transport_count].sdp;
    local->transports[local->transport_count].in_force = in_force;
    if (has_transport && !is_fresh)
        *credentials = in_force;
    else
        peer_transports_make_credentials(connection, credentials);
    char *space = strchr(local->fingerprint, '\0');
    *transport = (struct sdp_local_transport){
        .ice_ufrag = credentials->ufrag,
        .ice_pwd = credentials->password,
        .fingerprint_hash = local->fingerprint,
        .fingerprint_value = space + 1,
        /* RFC 8842 section 5.3: active, unless the association that is there says otherwise. */
        .setup = has_transport && peer_transports_setup(connection, like) == PEER_SETUP_PASSIVE ? SDP_SETUP_PASSIVE : SDP_SETUP_ACTIVE,
    };
    local->transport_count++;
    return transport;
}

struct peer_local *peer_local_new(struct peer_connection *connection) {
    struct peer_local *local = peer_connection_allocate(connection, sizeof *local);
    if (!local)
        return NULL;
    memset(local, 0, sizeof *local);
    struct dtls_fingerprint fingerprint;
    dtls_certificate_fingerprint(connection->config.certificate, &fingerprint);
    (void)dtls_fingerprint_write(&fingerprint, local->fingerprint, sizeof local->fingerprint);
    /* "sha-256 4A:AD..": two words, told apart by what ends the first. */
    char *space = strchr(local->fingerprint, ' ');
    if (space)
        *space = '\0';
    local->sdp = (struct sdp_local){.session_id = connection->session_id, .session_version = connection->session_version + 1, .sections = local->sections};
    return local;
}
