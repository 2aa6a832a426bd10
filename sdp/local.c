/* Is what the caller says about us fit to be written? A value with a line end in it would write lines of its own. */
#include "sdp/transport_internal.h"

/* Visible characters only: no space, no line end. */
static bool is_word(const char *string) {
    if (string == NULL || string[0] == '\0')
        return false;
    for (; *string != '\0'; string++)
        if (*string <= ' ' || *string > '~')
            return false;
    return true;
}

static bool is_line(struct sdp_view view) {
    for (size_t i = 0; i < view.length; i++)
        if (view.text[i] == '\r' || view.text[i] == '\n' || view.text[i] == '\0')
            return false;
    return true;
}

static bool codecs_are_good(const struct sdp_local_section *section) {
    bool used[SDP_PAYLOAD_TYPE_MAX + 1] = {false};
    if (section->codec_count == 0 || section->codec_count > SDP_LOCAL_CODEC_MAX)
        return false;
    for (size_t i = 0; i < section->codec_count; i++) {
        const struct sdp_codec *codec = &section->codecs[i];
        if (codec->payload_type > SDP_PAYLOAD_TYPE_MAX || used[codec->payload_type])
            return false;
        if (!sdp_view_is_all(codec->name, SDP_CHARACTER_TOKEN) || codec->clock_hz == 0 || codec->channels == 0 || !is_line(codec->parameters))
            return false;
        used[codec->payload_type] = true;
    }
    return true;
}

static bool extensions_are_good(const struct sdp_local_section *section, bool offer) {
    if (section->extension_count > SDP_LOCAL_EXTENSION_MAX)
        return false;
    for (size_t i = 0; i < section->extension_count; i++)
        if (!is_word(section->extensions[i].uri) || (offer && (section->extensions[i].id < 1 || section->extensions[i].id > 14)))
            return false;
    return true;
}

static bool section_is_good(const struct sdp_local_section *section, bool offer) {
    struct sdp_view mid = sdp_view_from(section->mid);
    if (section->media != SDP_MEDIA_AUDIO && section->media != SDP_MEDIA_VIDEO)
        return false;
    if (section->mid == NULL ? offer : (!sdp_view_is_all(mid, SDP_CHARACTER_TOKEN) || mid.length > 16))
        return false;
    return codecs_are_good(section) && extensions_are_good(section, offer) && (section->stream_id == NULL || is_word(section->stream_id)) &&
           (section->track_id == NULL || is_word(section->track_id)) && (section->cname == NULL || is_word(section->cname));
}

/* Two sections of one BUNDLE share payload types and extension ids. */
static bool sections_fit_together(const struct sdp_local_section *a, const struct sdp_local_section *b) {
    if (sdp_view_equal(sdp_view_from(a->mid), sdp_view_from(b->mid)))
        return false;
    /* RFC 8285 section 5 and RFC 9143 section 9.1: in a BUNDLE, one id is one extension. */
    for (size_t i = 0; i < a->extension_count; i++)
        for (size_t j = 0; j < b->extension_count; j++)
            if ((a->extensions[i].id == b->extensions[j].id) != (strcmp(a->extensions[i].uri, b->extensions[j].uri) == 0))
                return false;
    /* RFC 9143 section 9.1, MUST: in a BUNDLE, one payload type is one format. */
    for (size_t i = 0; i < a->codec_count; i++)
        for (size_t j = 0; j < b->codec_count; j++)
            if (a->codecs[i].payload_type == b->codecs[j].payload_type &&
                (a->codecs[i].id != b->codecs[j].id || a->codecs[i].clock_hz != b->codecs[j].clock_hz ||
                 a->codecs[i].channels != b->codecs[j].channels || !sdp_view_equal(a->codecs[i].parameters, b->codecs[j].parameters)))
                return false;
    return true;
}

static bool transport_is_good(const struct sdp_local *local) {
    if (!is_word(local->fingerprint_hash) || !is_word(local->fingerprint_value))
        return false;
    for (size_t i = 0; i < local->candidate_count; i++)
        if (local->candidates[i] == NULL || local->candidates[i][0] == '\0' || !is_line(sdp_view_from(local->candidates[i])))
            return false;
    return sdp_view_is_all(sdp_view_from(local->ice_ufrag), SDP_CHARACTER_ICE) && sdp_read_ice_ufrag(sdp_view_from(local->ice_ufrag)) &&
           sdp_view_is_all(sdp_view_from(local->ice_pwd), SDP_CHARACTER_ICE) && sdp_read_ice_pwd(sdp_view_from(local->ice_pwd));
}

bool sdp_local_is_good(const struct sdp_local *local, bool offer) {
    /* RFC 9429 section 5.2.1: the session id fits 63 bits. */
    if (local->session_id > INT64_MAX || local->section_count == 0 || local->section_count > SDP_SECTION_MAX || !transport_is_good(local))
        return false;
    for (size_t i = 0; i < local->section_count; i++) {
        if (!section_is_good(&local->sections[i], offer))
            return false;
        for (size_t j = 0; offer && j < i; j++)
            if (!sections_fit_together(&local->sections[i], &local->sections[j]))
                return false;
    }
    return true;
}
