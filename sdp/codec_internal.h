/* The table of codecs, for the files codec_*.c only. */
#ifndef SDP_CODEC_INTERNAL_H
#define SDP_CODEC_INTERNAL_H

#include "sdp/codec.h"
#include "sdp/scan_internal.h"

#define SDP_CODEC_NO_STATIC 255 /* no payload type of RFC 3551 */

struct sdp_codec_row {
    enum sdp_codec_id id;
    const char *name;
    uint32_t clock_hz;            /* of our own; others may come with others */
    uint8_t channels;
    uint8_t static_payload_type;  /* or SDP_CODEC_NO_STATIC */
    bool media;                   /* it carries media by itself */
    /* Do two fmtp texts mean the same format? NULL: they always do, all parameters are wishes. */
    bool (*same)(struct sdp_view a, struct sdp_view b);
    /* Which payload type it serves, be it one that does not exist; false, or a NULL function: it serves nobody. */
    bool (*serves)(struct sdp_view parameters, uint32_t *payload_type);
};

/* By name without case, by id, by static payload type; NULL when there is none. */
const struct sdp_codec_row *sdp_codec_row_named(struct sdp_view name);
const struct sdp_codec_row *sdp_codec_row_of(enum sdp_codec_id id);
const struct sdp_codec_row *sdp_codec_row_static(uint8_t payload_type);

/* Same name, clock, channels and format, be the codec known or not: codec_intersect.c. */
bool sdp_codec_means_the_same(const struct sdp_codec *a, const struct sdp_codec *b);

#endif
