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
 * payload_type  0..127; RFC 8866 section 8.2.3 and RFC 9429 leave 96..127 and 35..63 for those without a static one
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

/* Is there media in it, or does it only repeat, protect or accompany another (rtx, red, fec, comfort noise, DTMF)? */
bool sdp_codec_is_media(enum sdp_codec_id id);
/* Does it send again what was lost, in an RTP stream of its own (RFC 4588)? */
bool sdp_codec_is_repair(enum sdp_codec_id id);
/* Do its parameters name other payload types ("apt=96", "111/111")? Then an answer repeats the offer's. */
bool sdp_codec_names_payload_types(enum sdp_codec_id id);

#endif
