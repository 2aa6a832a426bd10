/*
 * Codecs as a description lists them, and the one function that intersects two lists (RFC 3264 section 6.1).
 *
 * The rules by which two descriptions of a codec are the same stand in a const table (codec_table.c); no other file of
 * sdp knows the name of a codec.
 */
#ifndef SDP_CODEC_H
#define SDP_CODEC_H

#include "sdp/attributes.h"

enum sdp_codec_id {
    SDP_CODEC_UNKNOWN, /* named by the peer, in no row of the table */
    SDP_CODEC_OPUS,
    SDP_CODEC_PCMU,
    SDP_CODEC_PCMA,
    SDP_CODEC_G722,
    SDP_CODEC_TELEPHONE_EVENT,
    SDP_CODEC_COMFORT_NOISE,
    SDP_CODEC_RED,
    SDP_CODEC_VP8,
    SDP_CODEC_VP9,
    SDP_CODEC_H264,
    SDP_CODEC_AV1,
    SDP_CODEC_RTX,
    SDP_CODEC_ULPFEC,
    SDP_CODEC_FLEXFEC
};

/* One payload type of one section: its rtpmap, fmtp and rtcp-fb lines together. */
struct sdp_codec {
    enum sdp_codec_id id;
    uint8_t payload_type;       /* 0..127 */
    uint8_t channels;           /* 1..255 */
    uint32_t clock_hz;
    struct sdp_view name;       /* as written; case does not matter */
    struct sdp_view parameters; /* of fmtp; empty when absent */
    unsigned feedback;          /* bits of enum sdp_feedback */
};

#define SDP_CODEC_MAX 128 /* in one section: there are no more payload types */

/*
 * A codec of our own, for struct sdp_local_section.
 * payload_type  0..127; for those without a static one 96..127, then what is free below 64, never 64..95 (RFC 5761 section 4)
 * parameters    of fmtp, NUL-terminated, referenced; NULL: none
 * feedback      bits of enum sdp_feedback
 * Name, clock and channels come from the table. An unknown id gives a codec that matches nothing.
 */
struct sdp_codec sdp_codec_make(enum sdp_codec_id id, uint8_t payload_type, const char *parameters, unsigned feedback);

/*
 * The codecs of a section with an RTP profile, in the order of its m= line. Payload types of RFC 3551 need no rtpmap; others
 * without one are left out, as nobody could say what they are. The views are into the session's text.
 * out  room for SDP_CODEC_MAX
 * Returns how many.
 */
size_t sdp_section_codecs(const struct sdp_section *section, struct sdp_codec *out);

/* Why a codec is, or is not, in the intersection. */
enum sdp_codec_reason {
    SDP_CODEC_MATCHED,
    SDP_CODEC_REASON_UNKNOWN,    /* no row of the table has this name: we have no rule to match it by */
    SDP_CODEC_REASON_ABSENT,     /* the other side does not list it */
    SDP_CODEC_REASON_CLOCK,      /* it does, with another clock rate */
    SDP_CODEC_REASON_CHANNELS,   /* with another number of channels */
    SDP_CODEC_REASON_PARAMETERS, /* with parameters that make it another format: profile, packetization mode */
    SDP_CODEC_REASON_ASSOCIATED, /* it serves another payload type (apt), and that one is not matched */
    SDP_CODEC_REASON_TAKEN       /* its counterpart was already matched by an earlier one */
};
/* A static sentence, naming the RFC where there is one. */
const char *sdp_codec_reason_text(enum sdp_codec_reason reason);

#define SDP_CODEC_NONE SIZE_MAX

struct sdp_codec_verdict {
    size_t preferred; /* index into the first list, or SDP_CODEC_NONE */
    size_t other;     /* index into the second list, or SDP_CODEC_NONE */
    enum sdp_codec_reason reason;
    size_t nearest;   /* of what did not match: the entry of the opposite list that came nearest, which the reason is about; or NONE */
};
#define SDP_CODEC_VERDICT_MAX (2 * SDP_CODEC_MAX)

/*
 * Intersects two lists. The verdicts come in this order: what matched, by the preference of the first list; then what of
 * the first list found no match; then what of the second.
 * preferred, other  up to SDP_CODEC_MAX each
 * out               room for SDP_CODEC_VERDICT_MAX
 * matched           set to the number of verdicts with SDP_CODEC_MATCHED
 * Returns the number of verdicts.
 */
size_t sdp_codec_intersect(const struct sdp_codec *preferred, size_t preferred_count, const struct sdp_codec *other,
                           size_t other_count, struct sdp_codec_verdict *out, size_t *matched);

/*
 * Says with names and numbers why: "profile-id 2 here, 0 there", where "here" is the first list and "there" the second.
 * preferred, other, verdict  as given to, and by, sdp_codec_intersect
 * buffer                     gets a NUL-terminated sentence; SDP_CODEC_EXPLANATION_BYTES always suffice, else it is cut off
 */
#define SDP_CODEC_EXPLANATION_BYTES 320
void sdp_codec_explain(const struct sdp_codec *preferred, const struct sdp_codec *other, const struct sdp_codec_verdict *verdict,
                       char *buffer, size_t capacity);

/* Is there media in it, or does it only repeat, protect or accompany another (rtx, red, fec, comfort noise, DTMF)? */
bool sdp_codec_is_media(enum sdp_codec_id id);
/* Does it send again what was lost, in an RTP stream of its own (RFC 4588)? */
bool sdp_codec_is_repair(enum sdp_codec_id id);
/* Do its parameters name other payload types ("apt=96", "111/111")? Then an answer repeats the offer's. */
bool sdp_codec_names_payload_types(enum sdp_codec_id id);

/* ---- H264: RFC 6184 section 8.1 ----------------------------------------------------------------------------------- */

/* The sub-profiles of table 5, and the one browsers added. */
enum sdp_h264_profile {
    SDP_H264_PROFILE_CONSTRAINED_BASELINE,
    SDP_H264_PROFILE_BASELINE,
    SDP_H264_PROFILE_MAIN,
    SDP_H264_PROFILE_EXTENDED,
    SDP_H264_PROFILE_CONSTRAINED_HIGH,
    SDP_H264_PROFILE_HIGH,
    SDP_H264_PROFILE_HIGH_10,
    SDP_H264_PROFILE_HIGH_4_2_2,
    SDP_H264_PROFILE_HIGH_4_4_4,
    SDP_H264_PROFILE_HIGH_10_INTRA,
    SDP_H264_PROFILE_HIGH_4_2_2_INTRA,
    SDP_H264_PROFILE_HIGH_4_4_4_INTRA,
    SDP_H264_PROFILE_CAVLC_4_4_4_INTRA,
    SDP_H264_PROFILE_OTHER /* in no row of table 5: equal only to its own bytes */
};
const char *sdp_h264_profile_name(enum sdp_h264_profile profile);

#define SDP_H264_LEVEL_1B 9 /* stands between level 1 (10) and 1.1 (11) */

/* profile-level-id: three bytes. */
struct sdp_h264_format {
    enum sdp_h264_profile profile;
    uint8_t profile_idc;
    uint8_t profile_iop;       /* the constraint flags */
    uint8_t level;             /* ten times the level; SDP_H264_LEVEL_1B, whichever of its two spellings was used */
    uint8_t packetization_mode; /* 0, 1 or 2 */
    bool level_asymmetry_allowed;
};
/* Of the parameters of an H264 codec; what is absent has its default (Baseline, level 1, mode 0). False: not of this grammar. */
bool sdp_read_h264(struct sdp_view parameters, struct sdp_h264_format *out);
/* The lower of two levels. */
uint8_t sdp_h264_level_minimum(uint8_t a, uint8_t b);
/* Six hexadecimal digits and a NUL. */
void sdp_h264_write(const struct sdp_h264_format *format, char out[7]);

/*
 * The level of an answer (RFC 6184 section 8.2.2): our own when both sides allow level asymmetry, else the lower one; the
 * profile is written as the offer writes it.
 */
struct sdp_h264_format sdp_h264_answer(const struct sdp_h264_format *ours, const struct sdp_h264_format *offered);

#endif
