/* The table of codecs, for the files codec_*.c and successor.c only. */
#ifndef SDP_CODEC_INTERNAL_H
#define SDP_CODEC_INTERNAL_H

#include "sdp/codec.h"
#include "sdp/scan_internal.h"

#define SDP_CODEC_NO_STATIC 255 /* no payload type of RFC 3551 */
#define SDP_CODEC_RULE_MAX 2

/* A parameter of fmtp that is part of the format: both sides must mean the same by it. */
struct sdp_codec_rule {
    const char *name; /* NULL: no more rules */
    uint32_t fallback; /* what absent means, as the payload format says */
    /* Of all parameters the value to compare; false: not of its grammar. NULL: a decimal number. */
    bool (*read)(struct sdp_view parameters, uint32_t *out);
    /* What people call such a value; NULL: by its number. */
    const char *(*say)(uint32_t value);
};

struct sdp_codec_row {
    enum sdp_codec_id id;
    const char *name;
    uint32_t clock_hz;            /* of our own; others may come with others */
    uint8_t channels;
    uint8_t static_payload_type;  /* or SDP_CODEC_NO_STATIC */
    bool media;                   /* it carries media by itself */
    struct sdp_codec_rule rules[SDP_CODEC_RULE_MAX]; /* all other parameters are wishes */
    /* Which payload type it serves, be it one that does not exist; false, or a NULL function: it serves nobody. */
    bool (*serves)(struct sdp_view parameters, uint32_t *payload_type);
};

/* By name without case, by id, by static payload type; NULL when there is none. */
const struct sdp_codec_row *sdp_codec_row_named(struct sdp_view name);
const struct sdp_codec_row *sdp_codec_row_of(enum sdp_codec_id id);
const struct sdp_codec_row *sdp_codec_row_static(uint8_t payload_type);

/* The first rule of the row by which two fmtp texts are different formats; NULL when they are the same. codec_intersect.c */
const struct sdp_codec_rule *sdp_codec_rule_broken(const struct sdp_codec_row *row, struct sdp_view a, struct sdp_view b);
/* The value a rule compares; false when it is malformed. */
bool sdp_codec_rule_read(const struct sdp_codec_rule *rule, struct sdp_view parameters, uint32_t *out);
/* Same name, clock, channels and format, be the codec known or not. */
bool sdp_codec_means_the_same(const struct sdp_codec *a, const struct sdp_codec *b);

/* Sub-profile as a number that is equal for equal ones, and its name: codec_h264.c. */
bool sdp_h264_rule_read(struct sdp_view parameters, uint32_t *out);
const char *sdp_h264_rule_say(uint32_t value);

#endif
