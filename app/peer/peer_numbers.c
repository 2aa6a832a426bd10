/*
 * Payload types, header extension ids, mids. A number that has meant something in this session means that for ever: RFC 3264
 * section 8.3.2 asks it of a stream, RFC 9143 section 9.1 of all that share a transport, and a browser that finds an id with another
 * meaning than before may not survive it.
 */
#include <string.h>

#include "app/peer/peer_connection_internal.h"

static void copy_text(struct sdp_view view, char out[PEER_CODEC_PARAMETERS_MAX_BYTES + 1]) {
    size_t length = view.length < PEER_CODEC_PARAMETERS_MAX_BYTES ? view.length : PEER_CODEC_PARAMETERS_MAX_BYTES;
    if (length > 0)
        memcpy(out, view.text, length);
    out[length] = '\0';
}

/* The same format by the rules of sdp/: a decoder of the one understands the other. */
static bool is_same_format(const struct sdp_codec *a, const struct sdp_codec *b) {
    struct sdp_codec_verdict verdicts[SDP_CODEC_VERDICT_MAX];
    size_t matched = 0;
    if (a->id == SDP_CODEC_UNKNOWN || a->id != b->id || a->clock_hz != b->clock_hz)
        return false;
    (void)sdp_codec_intersect(a, 1, b, 1, verdicts, &matched);
    return matched == 1;
}

static bool is_equal(const struct sdp_codec *a, const struct sdp_codec *b) {
    return a->id == b->id && a->clock_hz == b->clock_hz && sdp_view_equal(a->parameters, b->parameters);
}

static struct sdp_codec remembered(const struct peer_payload_type *known, uint8_t payload_type) {
    struct sdp_codec codec = sdp_codec_make(known->id, payload_type, known->parameters, 0);
    codec.clock_hz = known->clock_hz;
    return codec;
}

/* Free in this description, and in all that were agreed. */
static bool is_free(const struct peer_connection *connection, const struct peer_numbers *used, unsigned payload_type) {
    return !used->is_used[payload_type] && !connection->payload_types[payload_type].is_taken;
}

static uint8_t find(const struct peer_connection *connection, const struct peer_numbers *used, const struct sdp_codec *codec,
                    const struct peer_described *before, uint8_t preferred) {
    /* What this section has said: another one of the BUNDLE may have another number for the same codec. */
    for (size_t i = 0; i < before->count; i++) {
        uint8_t said = before->codecs[i].payload_type;
        if (is_same_format(&before->codecs[i], codec) && (!used->is_used[said] || is_equal(&used->codecs[said], codec)))
            return said;
    }
    for (unsigned i = 0; i <= SDP_PAYLOAD_TYPE_MAX; i++)
        if (used->is_used[i] && is_equal(&used->codecs[i], codec))
            return (uint8_t)i;
    for (unsigned i = 0; i <= SDP_PAYLOAD_TYPE_MAX; i++) {
        const struct peer_payload_type *known = &connection->payload_types[i];
        struct sdp_codec meant = remembered(known, (uint8_t)i);
        if (known->is_taken && !used->is_used[i] && is_same_format(&meant, codec))
            return (uint8_t)i;
    }
    if (is_free(connection, used, preferred))
        return preferred;
    /* RFC 3551 section 3, SHOULD: dynamic ones are 96..127 first, then unassigned ones: 35..63, as RFC 5761 section 4 keeps 64..95 for RTCP. */
    for (unsigned i = 96; i <= SDP_PAYLOAD_TYPE_MAX; i++)
        if (is_free(connection, used, i))
            return (uint8_t)i;
    for (unsigned i = 35; i <= 63; i++)
        if (is_free(connection, used, i))
            return (uint8_t)i;
    return PEER_PAYLOAD_TYPE_NONE;
}

uint8_t peer_numbers_payload_type(const struct peer_connection *connection, struct peer_numbers *used, const struct sdp_codec *codec, const struct peer_described *before,
                                  uint8_t preferred) {
    uint8_t payload_type = find(connection, used, codec, before, preferred);
    if (payload_type != PEER_PAYLOAD_TYPE_NONE) {
        used->is_used[payload_type] = true;
        used->codecs[payload_type] = *codec;
    }
    return payload_type;
}

uint8_t peer_numbers_extension_id(const struct peer_connection *connection, enum sdp_extension extension) {
    for (uint8_t id = 1; id <= PEER_EXTENSION_ID_MAX; id++)
        if (connection->extension_ids[id] == 1 + (unsigned)extension)
            return id;
    for (uint8_t id = 1; id <= PEER_EXTENSION_ID_MAX; id++)
        if (connection->extension_ids[id] == 0)
            return id;
    return 0;
}

/* ---- mids ------------------------------------------------------------------------------------------------------------------ */

static bool is_mid_used(const struct peer_connection *connection, struct sdp_view mid) {
    const struct peer_description *const all[] = {&connection->current_local, &connection->pending_local, &connection->current_remote, &connection->pending_remote};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->sdp && sdp_session_find_mid(&all[i]->sdp->session, mid))
            return true;
    return false;
}

void peer_numbers_make_mid(const struct peer_connection *connection, uint32_t *next, char mid[PEER_MID_MAX_BYTES + 1]) {
    for (;;) {
        char digits[PEER_MID_MAX_BYTES + 1], *at = digits + sizeof digits - 1;
        *at = '\0';
        for (uint32_t rest = (*next)++, first = 1; rest > 0 || first; rest /= 10, first = 0)
            *--at = (char)('0' + rest % 10);
        memcpy(mid, at, strlen(at) + 1);
        if (!is_mid_used(connection, (struct sdp_view){mid, strlen(mid)}))
            return;
    }
}

/* ---- what was agreed -------------------------------------------------------------------------------------------------- */

static void learn_codecs(struct peer_connection *connection, const struct sdp_section *section) {
    struct sdp_codec codecs[SDP_CODEC_MAX];
    size_t count = sdp_section_codecs(section, codecs);
    for (size_t i = 0; i < count; i++) {
        struct peer_payload_type *known = &connection->payload_types[codecs[i].payload_type];
        if (known->is_taken)
            continue;
        *known = (struct peer_payload_type){.is_taken = true, .id = codecs[i].id, .clock_hz = codecs[i].clock_hz};
        copy_text(codecs[i].parameters, known->parameters);
    }
}

static unsigned extension_of(struct sdp_view uri) {
    unsigned extension = 0;
    while (extension < SDP_EXTENSION_COUNT && !sdp_view_is(uri, sdp_extension_uri((enum sdp_extension)extension)))
        extension++;
    return extension;
}

static void learn_extensions(struct peer_connection *connection, const struct sdp_section *section) {
    struct sdp_walk walk = sdp_walk_section(section);
    struct sdp_attribute attribute;
    struct sdp_extmap extmap;
    while (sdp_walk_attribute_of(&walk, SDP_ATTRIBUTE_EXTMAP, &attribute))
        if (sdp_read_extmap(attribute.value, &extmap) && extmap.id <= PEER_EXTENSION_ID_MAX && connection->extension_ids[extmap.id] == 0)
            connection->extension_ids[extmap.id] = (uint8_t)(1 + extension_of(extmap.uri));
}

/* Mids of our own making are numbers, and never one that has named another section. */
static void learn_mid(struct peer_connection *connection, struct sdp_view mid) {
    uint32_t number;
    if (sdp_read_number(mid, PEER_MID_NUMBER_MAX, &number) && number >= connection->next_mid)
        connection->next_mid = number + 1;
}

void peer_numbers_learn(struct peer_connection *connection, const struct sdp_session *session) {
    for (size_t i = 0; i < session->section_count; i++) {
        enum sdp_media media = sdp_section_media(&session->sections[i]);
        learn_mid(connection, session->sections[i].mid);
        if (media != SDP_MEDIA_AUDIO && media != SDP_MEDIA_VIDEO)
            continue;
        learn_codecs(connection, &session->sections[i]);
        learn_extensions(connection, &session->sections[i]);
    }
}
