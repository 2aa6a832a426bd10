/*
 * Offer and answer (RFC 3264, RFC 9429 sections 5.2 and 5.3): write ours, and read what two descriptions agree on.
 *
 * Pure functions. Everything about us goes in through struct sdp_local; what was agreed comes out as one flat struct
 * sdp_negotiated, from which app/peer configures ice, dtls and rtp. One transport for all sections: BUNDLE (RFC 9143)
 * with rtcp-mux (RFC 5761), as RFC 9429 section 4.1.1 calls "max-bundle". Sections that cannot be part of it are refused.
 */
#ifndef SDP_NEGOTIATE_H
#define SDP_NEGOTIATE_H

#include "sdp/codec.h"

/* ---- what we bring ------------------------------------------------------------------------------------------------ */

#define SDP_LOCAL_CODEC_MAX 64     /* codecs in one of our sections */
#define SDP_LOCAL_EXTENSION_MAX 14 /* header extensions in one of our sections: the ids of one byte, RFC 8285 section 4.2 */

/* A header extension we understand. */
struct sdp_local_extension {
    const char *uri; /* referenced */
    uint8_t id;      /* 1..14, for offers: one URI, one id in the whole BUNDLE. Answers take the offer's */
};

/* Every pointer is referenced during the call only; strings are NUL-terminated and hold no space, CR or LF. */
struct sdp_local_section {
    enum sdp_media media;         /* AUDIO or VIDEO; APPLICATION is always refused for now */
    const char *mid;              /* of an offer: 1..16 token characters. In an answer the offer's is taken; when not NULL here
                                     this section answers only the section with that mid */
    bool refused;                 /* offer port 0, or answer with it: a stopped transceiver */
    enum sdp_direction direction; /* what we are willing to do; an answer reduces it to what the offer allows */
    const struct sdp_codec *codecs; /* in our order of preference; see sdp_codec_make */
    size_t codec_count;             /* 1..SDP_LOCAL_CODEC_MAX */
    const struct sdp_local_extension *extensions;
    size_t extension_count;         /* 0..SDP_LOCAL_EXTENSION_MAX */
    const char *stream_id;          /* of a=msid; NULL: "-", no stream */
    const char *track_id;           /* of a=msid; NULL: no a=msid line */
    uint32_t ssrc;                  /* written with the cname when we may send; 0: no a=ssrc line */
    uint32_t rtx_ssrc;              /* of the retransmissions, RFC 4588 section 8.8; 0: none. An answer without rtx leaves it out */
    const char *cname;              /* RFC 8834 section 4.9: one for the whole session */
};

struct sdp_local {
    uint64_t session_id;      /* o=, below 2^63 (RFC 9429 section 5.2.1) */
    uint64_t session_version; /* o=, one more than in the description before */
    const char *ice_ufrag;    /* 4..256 ice-chars */
    const char *ice_pwd;      /* 22..256 */
    bool ice_lite;
    const char *fingerprint_hash;  /* "sha-256" */
    const char *fingerprint_value; /* "AB:CD:..." */
    enum sdp_setup setup; /* of an answer to actpass: ACTIVE (the usual) or PASSIVE. An offer always says actpass, unless
                             `setup_fixed`, as for a later offer on the same DTLS association (RFC 8842 section 5.5) */
    bool setup_fixed;
    bool bundle_only; /* of an offer: sections after the first say a=bundle-only with port 0 (RFC 9429, max-bundle) */
    const char *const *candidates; /* each "candidate:..." as of ice_candidate_write; go into the first accepted section */
    size_t candidate_count;
    bool end_of_candidates;
    const struct sdp_local_section *sections;
    size_t section_count; /* 1..SDP_SECTION_MAX */
};

/*
 * Writes an offer: a=ice-options:trickle, a=setup:actpass, a=group:BUNDLE over all sections that are not refused.
 * buffer  written with the text and a NUL behind it; `capacity` counts the NUL
 * Returns the length without the NUL; SDP_ERROR_ARGUMENT: a value of `local` is out of range; SDP_ERROR_BUFFER: a larger one.
 */
int sdp_write_offer(const struct sdp_local *local, char *buffer, size_t capacity);

/* Why a section is refused, in an answer or by one. */
enum sdp_refusal {
    SDP_REFUSAL_NONE,
    SDP_REFUSAL_OFFERED,     /* the offer itself says port 0 */
    SDP_REFUSAL_ANSWERED,    /* the answer says port 0 */
    SDP_REFUSAL_MEDIA,       /* no section of ours is of this kind, or all are taken */
    SDP_REFUSAL_STOPPED,     /* ours is refused by configuration */
    SDP_REFUSAL_PROTOCOL,    /* not a profile of RTP. One without encryption fails for want of a fingerprint */
    SDP_REFUSAL_MUX,         /* no a=rtcp-mux */
    SDP_REFUSAL_FINGERPRINT, /* no certificate fingerprint of SHA-256 or better: no hash we believe */
    SDP_REFUSAL_ICE,         /* no ICE credentials */
    SDP_REFUSAL_SETUP,       /* a=setup that leaves nobody to begin, or holdconn */
    SDP_REFUSAL_CODEC,       /* no codec in common */
    SDP_REFUSAL_BUNDLE       /* outside the BUNDLE of the first section: we have one transport */
};
/* A static sentence, naming the RFC. */
const char *sdp_refusal_text(enum sdp_refusal refusal);

/*
 * Writes the answer to an offer (RFC 9429 section 5.3): the same sections in the same order, refused ones with port 0;
 * the offer's mids, payload types and extension ids; the codecs in our order of preference.
 * offer     parsed, of any origin
 * refusals  nullable, else room for SDP_SECTION_MAX: why each section is refused
 * buffer    as for sdp_write_offer
 * Returns the length without the NUL, also when every section is refused (the caller may look at `refusals`);
 * SDP_ERROR_ARGUMENT, SDP_ERROR_BUFFER as above.
 */
int sdp_write_answer(const struct sdp_local *local, const struct sdp_session *offer, char *buffer, size_t capacity,
                     enum sdp_refusal *refusals);

/* ---- what was agreed ---------------------------------------------------------------------------------------------- */

#define SDP_NEGOTIATED_FINGERPRINT_MAX 8
#define SDP_NEGOTIATED_SSRC_MAX 8    /* per section; more are left out: SSRCs are a hint (RFC 9143 section 9.2) */
#define SDP_NEGOTIATED_CODEC_MAX 512 /* in all sections together */

/* Header extensions that rtp/ knows. The id of each is 0 when it was not agreed. */
enum sdp_extension {
    SDP_EXTENSION_MID,             /* urn:ietf:params:rtp-hdrext:sdes:mid, RFC 9143 section 15 */
    SDP_EXTENSION_RID,             /* urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id, RFC 8852 */
    SDP_EXTENSION_REPAIRED_RID,    /* urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id, RFC 8852 */
    SDP_EXTENSION_AUDIO_LEVEL,     /* urn:ietf:params:rtp-hdrext:ssrc-audio-level, RFC 6464 */
    SDP_EXTENSION_ABS_SEND_TIME,   /* http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time */
    SDP_EXTENSION_TRANSPORT_CC,    /* http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    SDP_EXTENSION_TOFFSET,         /* urn:ietf:params:rtp-hdrext:toffset, RFC 5450 */
    SDP_EXTENSION_VIDEO_ORIENTATION, /* urn:3gpp:video-orientation */
    SDP_EXTENSION_COUNT
};
/* The URI of one: static. For struct sdp_local_extension. */
const char *sdp_extension_uri(enum sdp_extension extension);

/* One agreed codec. What we send carries what the remote side asked for, and the other way round. */
struct sdp_negotiated_codec {
    enum sdp_codec_id id;
    struct sdp_view name;
    uint32_t clock_hz;
    uint8_t channels;
    uint8_t send_payload_type;         /* the one of the remote description */
    uint8_t receive_payload_type;      /* the one of ours */
    struct sdp_view send_parameters;   /* fmtp of the remote description: what it wants to receive */
    struct sdp_view receive_parameters; /* fmtp of ours */
    unsigned feedback;                 /* bits of enum sdp_feedback that both list */
};

struct sdp_negotiated_section {
    enum sdp_media media;
    size_t index; /* of its m= line */
    struct sdp_view mid;
    enum sdp_refusal refusal;     /* SDP_REFUSAL_NONE: agreed, and all below is valid */
    enum sdp_direction direction; /* of us: may we send, will we receive */
    size_t first_codec;           /* index into sdp_negotiated.codecs */
    size_t codec_count;           /* in the order of preference of the answer; the first with sdp_codec_is_media is to be sent */
    uint8_t extensions[SDP_EXTENSION_COUNT]; /* ids, or 0 */
    bool rtcp_rsize;
    bool bundled;
    struct sdp_view remote_stream; /* of msid; empty: none */
    struct sdp_view remote_track;
    struct sdp_view remote_cname;
    uint32_t remote_ssrcs[SDP_NEGOTIATED_SSRC_MAX]; /* in order of appearance */
    size_t remote_ssrc_count;
    uint32_t remote_rtx_ssrc; /* the second of a=ssrc-group:FID whose first is remote_ssrcs[0]; 0: none */
    uint32_t remote_maxptime_ms; /* 0: not said */
};

struct sdp_negotiated {
    /* The one transport. Views are into the texts of the two descriptions. */
    struct sdp_view remote_ufrag;
    struct sdp_view remote_pwd;
    struct sdp_view local_ufrag;
    struct sdp_view local_pwd;
    struct sdp_fingerprint remote_fingerprints[SDP_NEGOTIATED_FINGERPRINT_MAX]; /* any one may match (RFC 8122 section 5) */
    size_t remote_fingerprint_count;
    enum sdp_setup local_setup; /* ACTIVE: we send the ClientHello. PASSIVE: we wait */
    bool remote_ice_lite;       /* then we control (RFC 8445 section 6.1.1) */
    bool remote_trickle;
    bool remote_end_of_candidates;
    size_t transport_section; /* index of the section whose transport this is: candidates belong to it */

    size_t section_count; /* as many as the offer has */
    size_t agreed_count;  /* those with SDP_REFUSAL_NONE */
    struct sdp_negotiated_section sections[SDP_SECTION_MAX];
    size_t codec_count;
    struct sdp_negotiated_codec codecs[SDP_NEGOTIATED_CODEC_MAX];
};

/*
 * What do these two agree on?
 * local, remote   parsed; their texts must outlive `out`
 * local_is_offer  else the remote one is the offer
 * out             about 70 KiB: on the heap, please. After SDP_ERROR_DISAGREEMENT because nothing was agreed, its sections
 *                 still say why, each by its `refusal`; section_count is 0 when offer and answer do not belong together
 * problem         nullable; on SDP_ERROR_DISAGREEMENT its line is one of the *remote* text, or 0
 * Returns SDP_OK when at least one section is agreed; SDP_ERROR_DISAGREEMENT when the answer does not fit the offer (count,
 * order, kind or mid of sections), or nothing was agreed; SDP_ERROR_LIMIT when SDP_NEGOTIATED_CODEC_MAX is passed.
 */
int sdp_negotiate(const struct sdp_session *local, const struct sdp_session *remote, bool local_is_offer,
                  struct sdp_negotiated *out, struct sdp_problem *problem);

/* Candidate lines (text behind "a=", so "candidate:...") that a description embeds, one after another; see transport_section. */
bool sdp_walk_candidate(struct sdp_walk *walk, struct sdp_view *out);

#endif
