/* Readers of what describes the transport, the grouping and the direction of a section. */
#include "sdp/scan_internal.h"

enum sdp_media sdp_section_media(const struct sdp_section *section) {
    static const struct {
        const char *name;
        enum sdp_media media;
    } known[] = {{"audio", SDP_MEDIA_AUDIO}, {"video", SDP_MEDIA_VIDEO}, {"application", SDP_MEDIA_APPLICATION}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (sdp_view_is(section->media, known[i].name))
            return known[i].media;
    return SDP_MEDIA_OTHER;
}

/* ---- direction ----------------------------------------------------------------------------------------------------- */

static bool direction_in(struct sdp_walk walk, enum sdp_direction *out) {
    struct sdp_attribute attribute;
    while (sdp_walk_attribute(&walk, &attribute)) {
        switch (attribute.kind) {
        case SDP_ATTRIBUTE_SENDRECV: *out = SDP_DIRECTION_SEND_RECEIVE; return true;
        case SDP_ATTRIBUTE_SENDONLY: *out = SDP_DIRECTION_SEND; return true;
        case SDP_ATTRIBUTE_RECVONLY: *out = SDP_DIRECTION_RECEIVE; return true;
        case SDP_ATTRIBUTE_INACTIVE: *out = SDP_DIRECTION_INACTIVE; return true;
        default: break;
        }
    }
    return false;
}

enum sdp_direction sdp_section_direction(const struct sdp_session *session, const struct sdp_section *section) {
    /* RFC 8866 section 6.7: the session's word counts for sections without one; without any, sendrecv is meant. */
    static const enum sdp_attribute_kind kinds[] = {SDP_ATTRIBUTE_SENDRECV, SDP_ATTRIBUTE_SENDONLY, SDP_ATTRIBUTE_RECVONLY, SDP_ATTRIBUTE_INACTIVE};
    enum sdp_direction direction = SDP_DIRECTION_SEND_RECEIVE;
    if (direction_in(sdp_walk_section(section), &direction))
        return direction;
    const struct sdp_place *first = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const struct sdp_place *place = &session->header_places[kinds[i]];
        if (place->at != NULL && (first == NULL || place->line < first->line))
            first = place;
    }
    if (first != NULL) {
        struct sdp_walk walk = {first->at, session->header.text + session->header.length, first->line};
        direction_in(walk, &direction);
    }
    return direction;
}

const char *sdp_direction_name(enum sdp_direction direction) {
    static const char *const names[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    return names[direction & SDP_DIRECTION_SEND_RECEIVE];
}

enum sdp_direction sdp_direction_reverse(enum sdp_direction direction) {
    unsigned bits = (unsigned)direction;
    return (enum sdp_direction)((bits & SDP_DIRECTION_SEND ? SDP_DIRECTION_RECEIVE : 0u) |
                                (bits & SDP_DIRECTION_RECEIVE ? SDP_DIRECTION_SEND : 0u));
}

/* ---- grouping ------------------------------------------------------------------------------------------------------ */

bool sdp_read_group(struct sdp_view value, struct sdp_group *out) {
    *out = (struct sdp_group){.mids = value};
    return sdp_word_cut(&out->mids, &out->semantics) && sdp_view_is_all(out->semantics, SDP_CHARACTER_TOKEN);
}

/* ---- ICE and DTLS -------------------------------------------------------------------------------------------------- */

/*
 * RFC 8839 section 5.4, MUST: the ufrag has at least 24 bits of randomness, the password 128; in ice-chars of 6 bits
 * these are 4 and 22 characters, and neither is longer than 256. Any visible character is read, not ice-chars alone:
 * libp2p sends ':', and others '_' and '-'. What we write is ice-chars.
 */
static bool read_ice_characters(struct sdp_view value, size_t minimum) {
    for (size_t i = 0; i < value.length; i++)
        if (value.text[i] <= ' ' || value.text[i] > '~')
            return false;
    return value.length >= minimum && value.length <= SDP_ICE_CREDENTIAL_MAX_CHARACTERS;
}

bool sdp_read_ice_ufrag(struct sdp_view value) {
    return read_ice_characters(value, SDP_ICE_UFRAG_MIN_CHARACTERS);
}

bool sdp_read_ice_pwd(struct sdp_view value) {
    return read_ice_characters(value, SDP_ICE_PWD_MIN_CHARACTERS);
}

bool sdp_ice_options_have(struct sdp_view value, const char *option) {
    struct sdp_view word;
    while (sdp_word_cut(&value, &word))
        if (sdp_view_is(word, option))
            return true;
    return false;
}

/* RFC 8122 section 5: UHEX pairs with ':' between. Lower case is read too, as RFC 4572 implementations sent it. */
static bool is_hexadecimal_pairs(struct sdp_view value) {
    if (value.length % 3 != 2)
        return false;
    for (size_t i = 0; i < value.length; i += 3)
        if (!sdp_character_is(value.text[i], SDP_CHARACTER_HEX) || !sdp_character_is(value.text[i + 1], SDP_CHARACTER_HEX) ||
            (i + 2 < value.length && value.text[i + 2] != ':'))
            return false;
    return true;
}

bool sdp_read_fingerprint(struct sdp_view value, struct sdp_fingerprint *out) {
    struct sdp_view rest = value;
    struct sdp_view more;
    return sdp_word_cut(&rest, &out->hash) && sdp_view_is_all(out->hash, SDP_CHARACTER_TOKEN) && sdp_word_cut(&rest, &out->value) &&
           is_hexadecimal_pairs(out->value) && !sdp_word_cut(&rest, &more);
}

bool sdp_read_setup(struct sdp_view value, enum sdp_setup *out) {
    static const char *const names[] = {
        [SDP_SETUP_ACTPASS] = "actpass", [SDP_SETUP_ACTIVE] = "active", [SDP_SETUP_PASSIVE] = "passive", [SDP_SETUP_HOLDCONN] = "holdconn"};
    value = sdp_view_without_trailing_spaces(value);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sdp_view_is(value, names[i])) {
            *out = (enum sdp_setup)i;
            return true;
        }
    return false;
}

bool sdp_read_rtcp(struct sdp_view value, struct sdp_rtcp *out) {
    struct sdp_view word;
    uint32_t port;
    *out = (struct sdp_rtcp){0};
    if (!sdp_word_cut(&value, &word) || !sdp_read_number(word, UINT16_MAX, &port))
        return false;
    out->port = (uint16_t)port;
    /* RFC 3605 section 2.1: nothing more, or network type, address type and address. */
    size_t words = 0;
    while (sdp_word_cut(&value, &out->address))
        words++;
    return words == 0 || words == 3;
}

bool sdp_read_sctp_port(struct sdp_view value, uint16_t *out) {
    uint32_t port;
    if (!sdp_read_number(sdp_view_without_trailing_spaces(value), UINT16_MAX, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}

bool sdp_read_max_message_size(struct sdp_view value, uint64_t *out_bytes) {
    value = sdp_view_without_trailing_spaces(value);
    if (!sdp_view_is_all(value, SDP_CHARACTER_DIGIT))
        return false;
    uint64_t bytes = 0;
    for (size_t i = 0; i < value.length; i++) {
        uint64_t digit = (uint64_t)(value.text[i] - '0');
        bytes = bytes > (UINT64_MAX - digit) / 10 ? UINT64_MAX : bytes * 10 + digit;
    }
    *out_bytes = bytes;
    return true;
}

bool sdp_read_ice_pacing(struct sdp_view value, uint32_t *out_ms) {
    /* RFC 8839 section 5.5: one to ten digits; ten of them may say more than 32 bits hold, and mean "never". */
    value = sdp_view_without_trailing_spaces(value);
    if (!sdp_view_is_all(value, SDP_CHARACTER_DIGIT) || value.length > 10)
        return false;
    if (!sdp_read_number(value, UINT32_MAX, out_ms))
        *out_ms = UINT32_MAX;
    return true;
}

bool sdp_remote_candidate_next(struct sdp_view *value, struct sdp_remote_candidate *out) {
    struct sdp_view rest = *value;
    struct sdp_view component;
    struct sdp_view port;
    uint32_t number;
    if (!sdp_word_cut(&rest, &component) || !sdp_word_cut(&rest, &out->address) || !sdp_word_cut(&rest, &port))
        return false;
    /* RFC 8839 section 5.1 has 1 to 256; examples that count from 0 are about, and harm nobody. */
    if (!sdp_read_number(component, 256, &out->component) || !sdp_read_number(port, UINT16_MAX, &number))
        return false;
    out->port = (uint16_t)number;
    *value = rest;
    return true;
}

bool sdp_read_tls_id(struct sdp_view value) {
    for (size_t i = 0; i < value.length; i++)
        if (!sdp_character_is(value.text[i], SDP_CHARACTER_ICE) && value.text[i] != '-' && value.text[i] != '_')
            return false;
    return value.length >= 20 && value.length <= 255;
}

bool sdp_read_connection(struct sdp_view value, struct sdp_connection *out) {
    struct sdp_view more;
    *out = (struct sdp_connection){.network_type = {NULL, 0}};
    return sdp_word_cut(&value, &out->network_type) && sdp_word_cut(&value, &out->address_type) && sdp_word_cut(&value, &out->address) &&
           !sdp_word_cut(&value, &more);
}
