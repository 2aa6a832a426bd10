/* What offer.c, answer.c and negotiated.c share: whether a section can be ours, and what its transport says. */
#ifndef SDP_TRANSPORT_INTERNAL_H
#define SDP_TRANSPORT_INTERNAL_H

#include "sdp/negotiate.h"
#include "sdp/scan_internal.h"

/* ---- judging a section: transport.c -------------------------------------------------------------------------------- */

/* NONE, MEDIA, PROTOCOL, MUX or SCTP: what one section tells, with the tagged one of its BUNDLE. */
enum sdp_refusal sdp_section_judge(const struct sdp_session *session, const struct sdp_section *section);
/* RFC 8841 section 5: where the SCTP association of a data channel section ends; 0: nowhere. */
uint16_t sdp_section_sctp_port(const struct sdp_section *section);
/* RFC 8841 section 6; 0: any size. */
uint64_t sdp_section_max_message_size(const struct sdp_section *section);

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
/* Reads it from the section when it is its own, else from the tagged one of its BUNDLE; what neither says, from the session. Returns NONE,
 * ICE, FINGERPRINT or SETUP. */
enum sdp_refusal sdp_transport_read(const struct sdp_session *session, const struct sdp_section *section, struct sdp_transport *out);
/* Has it another one than its tagged section? Then it says so itself, or its session does. One that only repeats the tagged one's has not. */
bool sdp_transport_is_own(const struct sdp_session *session, const struct sdp_section *section);

/* ---- groups: bundle.c ---------------------------------------------------------------------------------------------- */

/* The next a=group:BUNDLE of a walk through the session level. */
bool sdp_walk_bundle(struct sdp_walk *walk, struct sdp_view *mids);
/*
 * The sections in `accepted` grouped: tagged[i] becomes the index of the section that carries the transport of section i, by
 * the order of the group's list; i for those in no group or not accepted.
 * may_carry  nullable: which sections may be tagged
 */
void sdp_bundle_choose(const struct sdp_session *session, const bool *accepted, const bool *may_carry, size_t *tagged);

/* ---- our side: local.c --------------------------------------------------------------------------------------------- */

/* Is every value in the range that negotiate.h gives? The transports of an answer are judged as they are used. */
bool sdp_local_is_good(const struct sdp_local *local, bool offer);
bool sdp_local_transport_is_good(const struct sdp_local_transport *transport); /* nullable: false */
/* Is this one in the BUNDLE of our offer? */
bool sdp_local_is_bundled(const struct sdp_local_section *section);

/* ---- writing a section: section_write.c ---------------------------------------------------------------------------- */

struct sdp_section_extension {
    uint8_t id;
    enum sdp_direction direction;
    struct sdp_view uri;
};

/* One accepted section, ready to be written. */
struct sdp_section_plan {
    const struct sdp_local_section *section;
    struct sdp_view media;
    struct sdp_view protocol;
    struct sdp_view mid; /* empty: no a=mid */
    bool bundle_only;
    const struct sdp_local_transport *transport; /* NULL: no ICE and DTLS lines */
    bool candidates;     /* and candidates */
    const char *setup;
    enum sdp_direction direction;
    bool msid;
    bool rtcp_mux_only;
    bool rtcp_rsize;
    struct sdp_section_extension extensions[SDP_LOCAL_EXTENSION_MAX];
    size_t extension_count;
    struct sdp_codec codecs[SDP_LOCAL_CODEC_MAX];
    size_t codec_count;
    char profile_level_ids[SDP_LOCAL_CODEC_MAX][7]; /* of codecs whose parameters get another one; "": as they are */
};
void sdp_section_write(struct sdp_text *text, const struct sdp_section_plan *plan);
/* m= with port 0, c= and a=mid (none when empty): what keeps the place of a section (RFC 3264 sections 6 and 8.2). */
void sdp_section_write_refused(struct sdp_text *text, struct sdp_view media, struct sdp_view protocol, struct sdp_view formats, struct sdp_view mid);
/* v= to t=, a=ice-lite, and a=ice-options with these words; NULL: without. */
void sdp_session_write_header(struct sdp_text *text, const struct sdp_local *local, const char *ice_options);

#endif
