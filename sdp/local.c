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

static bool rtp_is_good(const struct sdp_local_section *section, bool offer) {
    for (size_t i = 0; i < section->stream_count; i++)
        if (!is_word(section->stream_ids[i]))
            return false;
    return codecs_are_good(section) && extensions_are_good(section, offer) && (section->track_id == NULL || is_word(section->track_id)) &&
           (section->cname == NULL || is_word(section->cname));
}

bool sdp_local_transport_is_good(const struct sdp_local_transport *transport) {
    if (transport == NULL || !is_word(transport->fingerprint_hash) || !is_word(transport->fingerprint_value))
        return false;
    for (size_t i = 0; i < transport->candidate_count; i++)
        if (transport->candidates[i] == NULL || transport->candidates[i][0] == '\0' || !is_line(sdp_view_from(transport->candidates[i])))
            return false;
    struct sdp_view ufrag = sdp_view_from(transport->ice_ufrag);
    struct sdp_view pwd = sdp_view_from(transport->ice_pwd);
    return sdp_view_is_all(ufrag, SDP_CHARACTER_ICE) && sdp_read_ice_ufrag(ufrag) && sdp_view_is_all(pwd, SDP_CHARACTER_ICE) && sdp_read_ice_pwd(pwd);
}

static bool mid_is_good(const char *mid) {
    struct sdp_view view = sdp_view_from(mid);
    return sdp_view_is_all(view, SDP_CHARACTER_TOKEN) && view.length <= 16;
}

static bool section_is_good(const struct sdp_local_section *section, bool offer) {
    if (offer && !mid_is_good(section->mid))
        return false;
    if (section->refused)
        return !offer || ((section->codec_count == 0 || section->codecs[0].payload_type <= SDP_PAYLOAD_TYPE_MAX) &&
                          (section->media_name == NULL || sdp_view_is_all(sdp_view_from(section->media_name), SDP_CHARACTER_TOKEN)));
    /* RFC 9143 section 6: bundle-only asks for a BUNDLE. */
    if (offer && section->bundle_only && section->unbundled)
        return false;
    if (offer && !section->bundle_only && !sdp_local_transport_is_good(section->transport))
        return false;
    switch (section->media) {
    case SDP_MEDIA_AUDIO:
    case SDP_MEDIA_VIDEO: return rtp_is_good(section, offer);
    case SDP_MEDIA_APPLICATION: return section->sctp_port != 0;
    case SDP_MEDIA_OTHER: break;
    }
    return false;
}

/* ---- what sections of one BUNDLE share ------------------------------------------------------------------------------ */

bool sdp_local_is_bundled(const struct sdp_local_section *section) {
    return !section->refused && !section->unbundled;
}

/* What each payload type and each id of a header extension means in the BUNDLE, so far. */
struct meanings {
    const struct sdp_codec *codecs[SDP_PAYLOAD_TYPE_MAX + 1];
    const char *extensions[SDP_LOCAL_EXTENSION_MAX + 1];
};

/* RFC 9143 section 9.1, MUST: in a BUNDLE, one payload type is one format. */
static bool codecs_fit(struct meanings *meanings, const struct sdp_local_section *section) {
    for (size_t i = 0; i < section->codec_count; i++) {
        const struct sdp_codec *codec = &section->codecs[i];
        const struct sdp_codec *meant = meanings->codecs[codec->payload_type];
        if (meant != NULL && (meant->id != codec->id || meant->clock_hz != codec->clock_hz || meant->channels != codec->channels ||
                              !sdp_view_equal(meant->parameters, codec->parameters)))
            return false;
        meanings->codecs[codec->payload_type] = codec;
    }
    return true;
}

/* RFC 8285 section 5 and RFC 9143 section 9.1: in a BUNDLE, one id is one extension, and one extension has one id. */
static bool extensions_fit(struct meanings *meanings, const struct sdp_local_section *section) {
    for (size_t i = 0; i < section->extension_count; i++) {
        const struct sdp_local_extension *extension = &section->extensions[i];
        for (unsigned id = 1; id <= SDP_LOCAL_EXTENSION_MAX; id++)
            if (meanings->extensions[id] != NULL && (id == extension->id) != (strcmp(meanings->extensions[id], extension->uri) == 0))
                return false;
        meanings->extensions[extension->id] = extension->uri;
    }
    return true;
}

static bool bundle_is_good(const struct sdp_local *local) {
    struct meanings meanings = {{NULL}, {NULL}};
    bool needs_carrier = false;
    bool has_carrier = false;
    for (size_t i = 0; i < local->section_count; i++) {
        const struct sdp_local_section *section = &local->sections[i];
        if (!sdp_local_is_bundled(section))
            continue;
        needs_carrier = needs_carrier || section->bundle_only;
        has_carrier = has_carrier || !section->bundle_only;
        if (section->media != SDP_MEDIA_APPLICATION && (!codecs_fit(&meanings, section) || !extensions_fit(&meanings, section)))
            return false;
    }
    /* RFC 9143 section 7.2.1, MUST: some section carries the transport, and is not bundle-only. */
    return has_carrier || !needs_carrier;
}

static bool mids_differ(const struct sdp_local *local) {
    for (size_t i = 0; i < local->section_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(local->sections[i].mid, local->sections[j].mid) == 0)
                return false;
    return true;
}

bool sdp_local_is_good(const struct sdp_local *local, bool offer) {
    /* RFC 9429 section 5.2.1: the session id fits 63 bits. */
    if (local->session_id > INT64_MAX || local->section_count > SDP_SECTION_MAX)
        return false;
    for (size_t i = 0; i < local->section_count; i++)
        if (!section_is_good(&local->sections[i], offer))
            return false;
    return !offer || (mids_differ(local) && bundle_is_good(local));
}
