/*
 * The attributes that WebRTC needs, typed (RFC 9429 section 5 says which; each reader below names its own RFC).
 *
 * An attribute is found by its kind and read by the reader of that kind. sdp_parse has already run each reader once, so
 * that on a parsed session a reader cannot fail except where its comment says so; all are total functions nevertheless:
 * any view is fine, and false means "not of this grammar".
 */
#ifndef SDP_ATTRIBUTES_H
#define SDP_ATTRIBUTES_H

#include "sdp/model.h"

enum sdp_attribute_kind {
    SDP_ATTRIBUTE_OTHER, /* not known here; kept in the text */
    SDP_ATTRIBUTE_BUNDLE_ONLY,
    SDP_ATTRIBUTE_CANDIDATE,
    SDP_ATTRIBUTE_END_OF_CANDIDATES,
    SDP_ATTRIBUTE_EXTMAP,
    SDP_ATTRIBUTE_EXTMAP_ALLOW_MIXED,
    SDP_ATTRIBUTE_FINGERPRINT,
    SDP_ATTRIBUTE_FMTP,
    SDP_ATTRIBUTE_GROUP,
    SDP_ATTRIBUTE_ICE_LITE,
    SDP_ATTRIBUTE_ICE_MISMATCH,
    SDP_ATTRIBUTE_ICE_OPTIONS,
    SDP_ATTRIBUTE_ICE_PACING,
    SDP_ATTRIBUTE_ICE_PWD,
    SDP_ATTRIBUTE_ICE_UFRAG,
    SDP_ATTRIBUTE_INACTIVE,
    SDP_ATTRIBUTE_MAXPTIME,
    SDP_ATTRIBUTE_MAX_MESSAGE_SIZE,
    SDP_ATTRIBUTE_MID,
    SDP_ATTRIBUTE_MSID,
    SDP_ATTRIBUTE_PTIME,
    SDP_ATTRIBUTE_RECVONLY,
    SDP_ATTRIBUTE_REMOTE_CANDIDATES,
    SDP_ATTRIBUTE_RID,
    SDP_ATTRIBUTE_RTCP,
    SDP_ATTRIBUTE_RTCP_FB,
    SDP_ATTRIBUTE_RTCP_MUX,
    SDP_ATTRIBUTE_RTCP_MUX_ONLY,
    SDP_ATTRIBUTE_RTCP_RSIZE,
    SDP_ATTRIBUTE_RTPMAP,
    SDP_ATTRIBUTE_SCTP_PORT,
    SDP_ATTRIBUTE_SENDONLY,
    SDP_ATTRIBUTE_SENDRECV,
    SDP_ATTRIBUTE_SETUP,
    SDP_ATTRIBUTE_SIMULCAST,
    SDP_ATTRIBUTE_SSRC,
    SDP_ATTRIBUTE_SSRC_GROUP,
    SDP_ATTRIBUTE_TLS_ID,
    SDP_ATTRIBUTE_KIND_COUNT
};

/* "a=name" or "a=name:value" (RFC 8866 section 5.13). */
struct sdp_attribute {
    enum sdp_attribute_kind kind;
    struct sdp_view name;
    struct sdp_view value; /* trailing spaces included; empty when there is none */
    bool has_value;        /* there was a ':' */
    size_t line;           /* number of its line */
};

/* The next a= line of a walk; false at the end. */
bool sdp_walk_attribute(struct sdp_walk *walk, struct sdp_attribute *out);
/* The next one of that kind. */
bool sdp_walk_attribute_of(struct sdp_walk *walk, enum sdp_attribute_kind kind, struct sdp_attribute *out);

/* The first attribute of that kind in a section, or at session level. */
bool sdp_section_find(const struct sdp_section *section, enum sdp_attribute_kind kind, struct sdp_attribute *out);
bool sdp_header_find(const struct sdp_session *session, enum sdp_attribute_kind kind, struct sdp_attribute *out);
/* In the section, else at session level, which then counts for every section (RFC 8839 section 5.4, RFC 8122 section 5). */
bool sdp_find(const struct sdp_session *session, const struct sdp_section *section, enum sdp_attribute_kind kind,
              struct sdp_attribute *out);
/* The section with this mid, or NULL. An empty mid names none. */
const struct sdp_section *sdp_session_find_mid(const struct sdp_session *session, struct sdp_view mid);

/* The next word of `rest` (separated by spaces), cut off its front; false when none is left. */
bool sdp_word_next(struct sdp_view *rest, struct sdp_view *word);
/* All of `text` as a decimal number of at most `maximum`: digits only. */
bool sdp_read_number(struct sdp_view text, uint32_t maximum, uint32_t *out);

/* ---- what a section is -------------------------------------------------------------------------------------------- */

enum sdp_media { SDP_MEDIA_AUDIO, SDP_MEDIA_VIDEO, SDP_MEDIA_APPLICATION, SDP_MEDIA_OTHER };
enum sdp_media sdp_section_media(const struct sdp_section *section);

/* RFC 8866 section 6.7, as bits: SDP_DIRECTION_SEND | SDP_DIRECTION_RECEIVE is sendrecv, 0 is inactive. */
enum sdp_direction {
    SDP_DIRECTION_INACTIVE = 0,
    SDP_DIRECTION_SEND = 1,
    SDP_DIRECTION_RECEIVE = 2,
    SDP_DIRECTION_SEND_RECEIVE = 3
};
/* Of the section, else of the session, else sendrecv. */
enum sdp_direction sdp_section_direction(const struct sdp_session *session, const struct sdp_section *section);
/* "sendrecv", "sendonly", "recvonly", "inactive": static. */
const char *sdp_direction_name(enum sdp_direction direction);
/* What the other side of it does: send and receive change places. */
enum sdp_direction sdp_direction_reverse(enum sdp_direction direction);

/* ---- grouping: RFC 5888 section 5, RFC 9143 ----------------------------------------------------------------------- */

struct sdp_group {
    struct sdp_view semantics; /* "BUNDLE", "LS", ... */
    struct sdp_view mids;      /* words; walk them with sdp_word_next */
};
bool sdp_read_group(struct sdp_view value, struct sdp_group *out);
/* Is this mid in a BUNDLE group of the session? `first` (nullable) gets the first mid of that group: the tagged section. */
bool sdp_session_bundles(const struct sdp_session *session, struct sdp_view mid, struct sdp_view *first);

/* ---- transport ---------------------------------------------------------------------------------------------------- */

#define SDP_ICE_UFRAG_MIN_CHARACTERS 4 /* RFC 8839 section 5.4 */
#define SDP_ICE_PWD_MIN_CHARACTERS 22
#define SDP_ICE_CREDENTIAL_MAX_CHARACTERS 256

bool sdp_read_ice_ufrag(struct sdp_view value); /* the value is the ufrag */
bool sdp_read_ice_pwd(struct sdp_view value);
/* Is `option` ("trickle", "ice2", "renomination") among the words of a=ice-options? RFC 8839 section 5.6 */
bool sdp_ice_options_have(struct sdp_view value, const char *option);

/* a=ice-pacing, RFC 8839 section 5.5: milliseconds between new transactions; the larger of both sides counts. */
bool sdp_read_ice_pacing(struct sdp_view value, uint32_t *out_ms);

/* a=remote-candidates, RFC 8839 section 5.2: triples. */
struct sdp_remote_candidate {
    uint32_t component; /* 0..256 */
    struct sdp_view address;
    uint16_t port;
};
/* The next triple of the value, cut off its front; false at the end, or where the grammar ends. */
bool sdp_remote_candidate_next(struct sdp_view *value, struct sdp_remote_candidate *out);

/* a=tls-id, RFC 8842 section 4: 20 to 255 letters, digits, '+', '/', '-' and '_'. Another one means another DTLS association. */
bool sdp_read_tls_id(struct sdp_view value);

/* c=, RFC 8866 section 5.7. The address may have "/ttl" and "/count" behind it. */
struct sdp_connection {
    struct sdp_view network_type; /* "IN" */
    struct sdp_view address_type; /* "IP4", "IP6" */
    struct sdp_view address;
};
bool sdp_read_connection(struct sdp_view value, struct sdp_connection *out);

/* a=fingerprint, RFC 8122 section 5. `value` is pairs of hexadecimal digits with ':' between, as written. */
struct sdp_fingerprint {
    struct sdp_view hash; /* "sha-256"; case does not matter */
    struct sdp_view value;
};
bool sdp_read_fingerprint(struct sdp_view value, struct sdp_fingerprint *out);

/* a=setup, RFC 4145 section 4, RFC 8842 section 5 */
enum sdp_setup { SDP_SETUP_ACTPASS, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE, SDP_SETUP_HOLDCONN };
bool sdp_read_setup(struct sdp_view value, enum sdp_setup *out);

/* a=rtcp, RFC 3605 section 2.1 */
struct sdp_rtcp {
    uint16_t port;
    struct sdp_view address; /* "203.0.113.1"; empty when not given */
};
bool sdp_read_rtcp(struct sdp_view value, struct sdp_rtcp *out);

/* ---- RTP ---------------------------------------------------------------------------------------------------------- */

#define SDP_PAYLOAD_TYPE_MAX 127

/* a=rtpmap, RFC 8866 section 6.6 */
struct sdp_rtpmap {
    uint8_t payload_type;  /* 0..127 */
    struct sdp_view name;  /* case does not matter */
    uint32_t clock_hz;     /* 1..2^32-1 */
    uint8_t channels;      /* 1..255; 1 when not given */
};
bool sdp_read_rtpmap(struct sdp_view value, struct sdp_rtpmap *out);

/* a=fmtp, RFC 8866 section 6.15 */
struct sdp_fmtp {
    uint8_t payload_type;
    struct sdp_view parameters; /* "minptime=10;useinbandfec=1", or any other text */
};
bool sdp_read_fmtp(struct sdp_view value, struct sdp_fmtp *out);
/* The value of `name` in "a=1; b=2"; names are compared without case. `out` is empty for a name without '='. */
bool sdp_parameter_find(struct sdp_view parameters, const char *name, struct sdp_view *out);
/* The same as a number, or `fallback` when absent or not a number. */
uint32_t sdp_parameter_number(struct sdp_view parameters, const char *name, uint32_t fallback);

/* a=rtcp-fb, RFC 4585 section 4.2, RFC 5104 section 7 */
enum { SDP_PAYLOAD_TYPE_ANY = 255 }; /* "*" */
enum sdp_feedback {                  /* bits */
    SDP_FEEDBACK_NACK = 1,           /* nack */
    SDP_FEEDBACK_NACK_PLI = 2,       /* nack pli */
    SDP_FEEDBACK_CCM_FIR = 4,        /* ccm fir */
    SDP_FEEDBACK_TRANSPORT_CC = 8,   /* transport-cc */
    SDP_FEEDBACK_GOOG_REMB = 16,     /* goog-remb */
    SDP_FEEDBACK_NACK_SLI = 32,      /* nack sli */
    SDP_FEEDBACK_NACK_RPSI = 64,     /* nack rpsi */
    SDP_FEEDBACK_ACK_RPSI = 128,     /* ack rpsi */
    SDP_FEEDBACK_CCM_TMMBR = 256,    /* ccm tmmbr, perhaps with "smaxpr=.." behind (RFC 5104 section 7.1) */
    SDP_FEEDBACK_CCM_TSTR = 512,     /* ccm tstr */
    SDP_FEEDBACK_CCM_VBCM = 1024,    /* ccm vbcm, with submessage types behind */
    SDP_FEEDBACK_ACK_CCFB = 2048,    /* ack ccfb, RFC 8888 section 6 */
    SDP_FEEDBACK_RRTR = 4096         /* rrtr, RFC 3611 section 4.4 by rtcp-fb, as browsers write it */
};
#define SDP_FEEDBACK_COUNT 13
struct sdp_rtcp_fb {
    uint8_t payload_type;       /* 0..127 or SDP_PAYLOAD_TYPE_ANY */
    struct sdp_view feedback;   /* "nack pli" */
    unsigned flag;              /* one of enum sdp_feedback, or 0 when it is another */
    struct sdp_view more;       /* what stands behind the words of `flag`: "smaxpr=120"; may be empty */
    uint32_t trr_int_ms;        /* of "trr-int 100", RFC 4585 section 4.2; 0 otherwise */
};
bool sdp_read_rtcp_fb(struct sdp_view value, struct sdp_rtcp_fb *out);
/* "nack pli" and so on for one bit: static. */
const char *sdp_feedback_name(enum sdp_feedback flag);

/* a=extmap, RFC 8285 section 5 */
struct sdp_extmap {
    uint16_t id; /* 1..255, or 4096..4351 in an offer that has more than fit */
    enum sdp_direction direction;
    struct sdp_view uri;
    struct sdp_view attributes; /* may be empty */
};
bool sdp_read_extmap(struct sdp_view value, struct sdp_extmap *out);
#define SDP_EXTMAP_ONE_BYTE_MAX 14 /* RFC 8285 section 4.2; ids of 15 to 255 need the two-byte form of section 4.3 */
/* May one- and two-byte headers be mixed in one stream: a=extmap-allow-mixed here or for the session? RFC 8285 section 6 */
bool sdp_section_allows_mixed(const struct sdp_session *session, const struct sdp_section *section);

/* a=msid, RFC 8830 section 2. `track` is empty when not given; stream "-" means no stream. */
struct sdp_msid {
    struct sdp_view stream;
    struct sdp_view track;
};
bool sdp_read_msid(struct sdp_view value, struct sdp_msid *out);

/* a=ssrc, RFC 5576 section 4.1 */
struct sdp_ssrc {
    uint32_t ssrc;
    struct sdp_view attribute; /* "cname", "msid", ... */
    struct sdp_view value;     /* behind its ':'; may be empty */
};
bool sdp_read_ssrc(struct sdp_view value, struct sdp_ssrc *out);

/* a=ssrc-group, RFC 5576 section 4.2 */
struct sdp_ssrc_group {
    struct sdp_view semantics; /* "FID", "FEC-FR", "SIM" */
    struct sdp_view ssrcs;     /* words, each a number */
};
bool sdp_read_ssrc_group(struct sdp_view value, struct sdp_ssrc_group *out);

/* a=rid, RFC 8851 section 4 */
struct sdp_rid {
    struct sdp_view id;
    enum sdp_direction direction;  /* SEND or RECEIVE */
    struct sdp_view restrictions;  /* "pt=97;max-width=1280"; may be empty */
};
bool sdp_read_rid(struct sdp_view value, struct sdp_rid *out);

/* The restrictions of a rid, RFC 8851 section 5. A number of 0 means that nothing is said. */
struct sdp_rid_restrictions {
    struct sdp_view payload_types; /* "97,98"; walk with sdp_rid_payload_type_next. Empty: every one of the section */
    uint32_t max_width;
    uint32_t max_height;
    uint32_t max_fps;
    uint32_t max_fs;               /* pixels in a frame */
    uint32_t max_br_bps;
    uint32_t max_pps;              /* pixels a second */
    struct sdp_view max_bpp;       /* bits a pixel, a decimal fraction */
    struct sdp_view depend;        /* rids with ',' between, on whose streams this one builds */
    bool unknown;                  /* there is another restriction: the rid is to be left alone (RFC 8851 section 6) */
};
/* False: not of the grammar of RFC 8851 section 10, or a number is none. Not judged by sdp_parse: check the result. */
bool sdp_read_rid_restrictions(struct sdp_view restrictions, struct sdp_rid_restrictions *out);
/* The next of "97,98", cut off its front; false at the end. */
bool sdp_rid_payload_type_next(struct sdp_view *payload_types, uint8_t *out);

/*
 * a=simulcast, RFC 8853 section 5.1: "send 1;2,~3 recv 4". Both lists are empty when not given. Not judged by sdp_parse,
 * since drafts of it with another grammar are still sent ("send rid=a;b"): check the result.
 */
struct sdp_simulcast {
    struct sdp_view send;
    struct sdp_view receive;
};
bool sdp_read_simulcast(struct sdp_view value, struct sdp_simulcast *out);
/* The next stream of such a list, "2,~3": alternatives, the most wanted first. False at the end. */
bool sdp_simulcast_stream_next(struct sdp_view *list, struct sdp_view *stream);
/* The next alternative of a stream. */
struct sdp_simulcast_alternative {
    struct sdp_view rid;
    bool paused; /* '~': not sent until asked for */
};
bool sdp_simulcast_alternative_next(struct sdp_view *stream, struct sdp_simulcast_alternative *out);
/* The a=rid of a section with this id and direction; false when there is none (RFC 8853 section 5.2 then forbids to name it). */
bool sdp_section_find_rid(const struct sdp_section *section, struct sdp_view id, enum sdp_direction direction, struct sdp_rid *out);

/* a=ptime, a=maxptime, RFC 8866 sections 6.4 and 6.5: in milliseconds; a fraction is cut off. */
bool sdp_read_packet_time(struct sdp_view value, uint32_t *out_ms);

/* b=, RFC 8866 section 5.8: "AS:30" */
struct sdp_bandwidth {
    struct sdp_view type; /* "AS", "TIAS", ... */
    uint32_t value;       /* kbit/s for AS and CT, bit/s for TIAS (RFC 3890); 2^32-1 stands for that and more */
};
bool sdp_read_bandwidth(struct sdp_view value, struct sdp_bandwidth *out);

/* ---- SCTP: RFC 8841 sections 5 and 6 ------------------------------------------------------------------------------- */

#define SDP_MAX_MESSAGE_SIZE_DEFAULT_BYTES 65536u /* RFC 8841 section 6.1, when absent */
bool sdp_read_sctp_port(struct sdp_view value, uint16_t *out);
bool sdp_read_max_message_size(struct sdp_view value, uint64_t *out_bytes); /* 0: any size */

#endif
