/* What offer.c, answer.c and negotiated.c share: whether a section can be ours, and what its transport says. */
#ifndef SDP_TRANSPORT_INTERNAL_H
#define SDP_TRANSPORT_INTERNAL_H

#include "sdp/negotiate.h"
#include "sdp/scan_internal.h"

/* ---- judging a section: transport.c -------------------------------------------------------------------------------- */

/* Is it offered at all? Port 0 means no, unless it is bundle-only. */
bool sdp_section_is_offered(const struct sdp_session *session, const struct sdp_section *section);
/* NONE, MEDIA, PROTOCOL or MUX: what one section alone tells. */
enum sdp_refusal sdp_section_judge(const struct sdp_section *section);

/* The transport of a section, as its side describes it. */
struct sdp_transport {
    struct sdp_view ufrag;
    struct sdp_view pwd;
    struct sdp_fingerprint fingerprints[SDP_NEGOTIATED_FINGERPRINT_MAX]; /* of hashes we believe only */
    size_t fingerprint_count;
    bool fingerprints_overflow;
    enum sdp_setup setup;
    bool ice_lite;
    bool trickle;
    bool end_of_candidates;
};
/* Reads it from the section, else from its session, else from the tagged section of its BUNDLE. Returns NONE, ICE,
 * FINGERPRINT or SETUP. */
enum sdp_refusal sdp_transport_read(const struct sdp_session *session, const struct sdp_section *section, struct sdp_transport *out);

/* ---- our side: local.c --------------------------------------------------------------------------------------------- */

/* Is every value in the range that negotiate.h gives? */
bool sdp_local_is_good(const struct sdp_local *local, bool offer);

/* ---- writing a section: section_write.c ---------------------------------------------------------------------------- */

struct sdp_section_extension {
    uint8_t id;
    enum sdp_direction direction;
    struct sdp_view uri;
};

/* One accepted section, ready to be written. */
struct sdp_section_plan {
    const struct sdp_local *local;
    const struct sdp_local_section *section;
    struct sdp_view media;
    struct sdp_view protocol;
    struct sdp_view mid; /* empty: no a=mid */
    bool bundle_only;
    bool transport;      /* write ICE and DTLS lines */
    bool candidates;     /* and candidates */
    const char *setup;
    enum sdp_direction direction;
    bool rtcp_mux_only;
    bool rtcp_rsize;
    struct sdp_section_extension extensions[SDP_LOCAL_EXTENSION_MAX];
    size_t extension_count;
    struct sdp_codec codecs[SDP_LOCAL_CODEC_MAX];
    size_t codec_count;
};
void sdp_section_write(struct sdp_text *text, const struct sdp_section_plan *plan);
/* v= to t=, and a=ice-lite. */
void sdp_session_write_header(struct sdp_text *text, const struct sdp_local *local);

#endif
