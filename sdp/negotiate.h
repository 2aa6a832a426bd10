/*
 * Offer and answer (RFC 3264, RFC 9429 sections 5.2 and 5.3): write ours, and read what two descriptions agree on.
 *
 * Pure functions. Everything about us goes in through struct sdp_local; what was agreed comes out as one flat struct
 * sdp_negotiated, from which app/peer configures ice, dtls, rtp and sctp. Every section names the transport it would have
 * alone; BUNDLE (RFC 9143) then folds sections into the transport of the first of their group, the tagged section.
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

/* One ICE and DTLS transport of ours. Sections that point to the same one share it. Strings are NUL-terminated, referenced. */
struct sdp_local_transport {
    const char *ice_ufrag;         /* 4..256 ice-chars */
    const char *ice_pwd;           /* 22..256 */
    const char *fingerprint_hash;  /* "sha-256" */
    const char *fingerprint_value; /* "AB:CD:..." */
    enum sdp_setup setup; /* of an answer to actpass: ACTIVE (the usual) or PASSIVE. An offer always says actpass, also a
                             later one (RFC 8842 section 5.5) */
    const char *const *candidates; /* each "candidate:..." as of ice_candidate_write; go into the first section that has this transport */
    size_t candidate_count;
    bool end_of_candidates;
};

/* Every pointer is referenced during the call only; strings are NUL-terminated and hold no space, CR or LF. */
struct sdp_local_section {
    enum sdp_media media;         /* AUDIO, VIDEO or APPLICATION (data channels over SCTP). OTHER: only refused */
    const char *media_name;       /* of an offer, OTHER: "text" and so on, a token; NULL: "text" */
    const char *mid;              /* of an offer: 1..16 token characters. Of an answer: NULL, the offer's is taken */
    bool refused;                 /* offer port 0, or answer with it: a stopped transceiver. Nothing below is looked at then but
                                     `media`, and, of an offer, `codecs` (an m= line has at least one format; none: "0") */
    const struct sdp_local_transport *transport;
    bool bundle_only;             /* of an offer: port 0 and a=bundle-only (RFC 9143 section 6). One of the BUNDLE is not, and
                                     carries its transport for all; those stand first in a=group:BUNDLE */
    bool unbundled;               /* of an offer: left out of a=group:BUNDLE; of an answer: taken out of it (RFC 9143 section 7.3.2),
                                     or refused when the offer has no other transport for it than for its tagged section */
    enum sdp_direction direction; /* what we are willing to do; an answer reduces it to what the offer allows */
    const struct sdp_codec *codecs; /* in our order of preference; see sdp_codec_make */
    size_t codec_count;             /* 1..SDP_LOCAL_CODEC_MAX */
    const struct sdp_local_extension *extensions;
    size_t extension_count;         /* 0..SDP_LOCAL_EXTENSION_MAX */
    const char *const *stream_ids;  /* of a=msid, RFC 8830; count 0: "-", no stream */
    size_t stream_count;
    const char *track_id;           /* of a=msid; NULL: no a=msid line. An answer has it where it may send, else only if: */
    bool msid_stays;                /* it was said before, and so is said whatever the direction (RFC 9429 section 5.2.2) */
    uint32_t ssrc;                  /* written with the cname when we may send; 0: no a=ssrc line */
    uint32_t rtx_ssrc;              /* of the retransmissions, RFC 4588 section 8.8; 0: none. An answer without rtx leaves it out */
    const char *cname;              /* RFC 8834 section 4.9: one for the whole session */
    uint16_t sctp_port;             /* APPLICATION: 1..65535, RFC 8841 section 5; usually 5000 */
    uint64_t max_message_size_bytes; /* APPLICATION: RFC 8841 section 6; 0: any size */
};

struct sdp_local {
    uint64_t session_id;      /* o=, below 2^63 (RFC 9429 section 5.2.1) */
    uint64_t session_version; /* o=, one more than in the description before */
    bool ice_lite;
    const struct sdp_local_section *sections;
    size_t section_count; /* of an offer 0..SDP_SECTION_MAX; of an answer as many as the offer has */
};

/*
 * Writes an offer: a=ice-options:trickle ice2, a=setup:actpass, a=group:BUNDLE over all sections that are not refused or unbundled.
 * Sections of the BUNDLE repeat the transport that they share, but for its candidates (a deviation: docs/sdp.md).
 * buffer  written with the text and a NUL behind it; `capacity` counts the NUL
 * Returns the length without the NUL; SDP_ERROR_ARGUMENT: a value of `local` is out of range; SDP_ERROR_BUFFER: a larger one.
 */
int sdp_write_offer(const struct sdp_local *local, char *buffer, size_t capacity);

/* Why a section is refused, in an answer or by one. */
enum sdp_refusal {
    SDP_REFUSAL_NONE,
    SDP_REFUSAL_OFFERED,     /* the offer itself says port 0 */
    SDP_REFUSAL_ANSWERED,    /* the answer says port 0 */
    SDP_REFUSAL_MEDIA,       /* a kind of media that we do not know, or ours is of another kind */
    SDP_REFUSAL_STOPPED,     /* ours is refused by configuration */
    SDP_REFUSAL_PROTOCOL,    /* not a profile of RTP. One without encryption fails for want of a fingerprint */
    SDP_REFUSAL_MUX,         /* no a=rtcp-mux */
    SDP_REFUSAL_FINGERPRINT, /* no certificate fingerprint of SHA-256 or better: no hash we believe */
    SDP_REFUSAL_ICE,         /* no ICE credentials */
    SDP_REFUSAL_SETUP,       /* a=setup that leaves nobody to begin, or holdconn */
    SDP_REFUSAL_CODEC,       /* no codec in common */
    SDP_REFUSAL_BUNDLE,      /* no transport of its own, and none by its BUNDLE (RFC 9143 sections 7.3.2 and 7.3.3) */
    SDP_REFUSAL_SCTP         /* not a data channel over DTLS in today's syntax (RFC 8841 section 4) */
};
/* A static sentence, naming the RFC. */
const char *sdp_refusal_text(enum sdp_refusal refusal);

/*
 * Writes the answer to an offer (RFC 9429 section 5.3): the same sections in the same order, refused ones with port 0;
 * the offer's mids, payload types and extension ids; the codecs in our order of preference. A section that BUNDLE folds away
 * (RFC 9143 section 7.3) repeats the transport of its tagged section, but for the candidates; so its own `transport` is not looked at.
 * local     sections[i] answers section i of the offer
 * offer     parsed, of any origin
 * refusals  nullable, else room for SDP_SECTION_MAX: why each section is refused
 * buffer    as for sdp_write_offer
 * Returns the length without the NUL, also when every section is refused (the caller may look at `refusals`);
 * SDP_ERROR_ARGUMENT (also: another number of sections), SDP_ERROR_BUFFER as above.
 */
int sdp_write_answer(const struct sdp_local *local, const struct sdp_session *offer, char *buffer, size_t capacity,
                     enum sdp_refusal *refusals);

/*
 * Which sections of an offer would share a transport if all of them were accepted: tagged[i] is the index of the section whose transport
 * section i has, i itself when it is alone or the first of its BUNDLE (RFC 9143 section 7.1.3, RFC 9429 section 5.3.1).
 * tagged  room for SDP_SECTION_MAX
 */
void sdp_bundle_tags(const struct sdp_session *offer, size_t *tagged);

/* ---- what was agreed ---------------------------------------------------------------------------------------------- */

#define SDP_NEGOTIATED_FINGERPRINT_MAX 8
#define SDP_NEGOTIATED_SSRC_MAX 8    /* per section; more are left out, and counted: SSRCs are a hint (RFC 9143 section 9.2) */
#define SDP_NEGOTIATED_STREAM_MAX 8  /* per section; more are left out, and counted: streams are names, nothing hangs on them */
#define SDP_NEGOTIATED_CODEC_MAX 512 /* in all sections together */
#define SDP_NEGOTIATED_TRANSPORT_MAX 16

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
    size_t transport;             /* index into sdp_negotiated.transports */
    struct sdp_view remote_stream; /* of msid; empty: none */
    struct sdp_view remote_streams[SDP_NEGOTIATED_STREAM_MAX]; /* of every a=msid line, the first one's at [0] (RFC 8830 section 2) */
    size_t remote_stream_count;
    struct sdp_view remote_track;
    struct sdp_view remote_cname;
    uint32_t remote_ssrcs[SDP_NEGOTIATED_SSRC_MAX]; /* in order of appearance */
    size_t remote_ssrc_count;
    size_t remote_hints_left_out; /* a=ssrc and a=msid lines that came after the arrays above were full */
    uint32_t remote_rtx_ssrc; /* the second of a=ssrc-group:FID whose first is remote_ssrcs[0]; 0: none */
    uint32_t remote_maxptime_ms; /* 0: not said */
    uint16_t remote_sctp_port;   /* APPLICATION */
    uint64_t remote_max_message_size_bytes; /* APPLICATION; 0: any size */
};

/* One transport that carries at least one agreed section. Views are into the texts of the two descriptions. */
struct sdp_negotiated_transport {
    size_t section; /* the tagged one: index of the m= line whose transport this is. Candidates belong to it */
    struct sdp_view remote_ufrag;
    struct sdp_view remote_pwd;
    struct sdp_view local_ufrag;
    struct sdp_view local_pwd;
    struct sdp_fingerprint remote_fingerprints[SDP_NEGOTIATED_FINGERPRINT_MAX]; /* any one may match (RFC 8122 section 5) */
    size_t remote_fingerprint_count;
    enum sdp_setup local_setup; /* ACTIVE: we send the ClientHello. PASSIVE: we wait */
    bool remote_trickle;
    bool remote_end_of_candidates;
};

struct sdp_negotiated {
    bool remote_ice_lite; /* then we control (RFC 8445 section 6.1.1) */
    size_t transport_count; /* 0: nothing was agreed */
    struct sdp_negotiated_transport transports[SDP_NEGOTIATED_TRANSPORT_MAX];
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
 * out             about 80 KiB: on the heap, please
 * problem         nullable; on SDP_ERROR_DISAGREEMENT its line is one of the *remote* text, or 0
 * Returns SDP_OK, also when every section is refused (agreed_count 0; each says why by its `refusal`); SDP_ERROR_DISAGREEMENT when the
 * answer does not fit the offer (count, order, kind or mid of sections, a group that was not offered); section_count is 0 then;
 * SDP_ERROR_LIMIT when SDP_NEGOTIATED_CODEC_MAX, _TRANSPORT_MAX or _FINGERPRINT_MAX is passed.
 */
int sdp_negotiate(const struct sdp_session *local, const struct sdp_session *remote, bool local_is_offer,
                  struct sdp_negotiated *out, struct sdp_problem *problem);

/*
 * May this description follow the one before it, of the same side (RFC 3264 section 8, RFC 9429 section 5.2.2)? Sections never vanish, their
 * kind and mid stay, and a payload type never means something else; a section that was refused may be recycled for anything.
 * before  the description of this side that was agreed on last, be it offer or answer
 * other   nullable: that of the other side in the same exchange. A section that it refuses may be recycled as well
 * after   the later offer or answer
 * problem nullable; its line is one of `after`, or 0
 * Returns SDP_OK or SDP_ERROR_DISAGREEMENT.
 */
int sdp_check_successor(const struct sdp_session *before, const struct sdp_session *other, const struct sdp_session *after,
                        struct sdp_problem *problem);

/*
 * Is there a section, or is it refused: port 0, and that not because of a=bundle-only in a BUNDLE (RFC 9143 section 6)? Of an answer, too: who
 * follows RFC 8843 accepts a bundled section so (RFC 9143 section 7.4.1).
 */
bool sdp_section_is_offered(const struct sdp_session *session, const struct sdp_section *section);

/* Candidate lines (text behind "a=", so "candidate:...") that a description embeds, one after another. */
bool sdp_walk_candidate(struct sdp_walk *walk, struct sdp_view *out);

#endif
