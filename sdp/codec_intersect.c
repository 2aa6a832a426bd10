/* The intersection of two lists of codecs: what matched, what did not, and why (RFC 3264 section 6.1). */
#include <assert.h>

#include "sdp/codec_internal.h"

/* What is known so far: for each entry of a list its counterpart in the other, or the best reason against one. */
struct side {
    const struct sdp_codec *codecs;
    size_t count;
    size_t counterpart[SDP_CODEC_MAX]; /* or SDP_CODEC_NONE */
    enum sdp_codec_reason reason[SDP_CODEC_MAX];
    size_t nearest[SDP_CODEC_MAX]; /* what the reason is about, in the other list; or SDP_CODEC_NONE */
};

static void side_begin(struct side *side, const struct sdp_codec *codecs, size_t count) {
    assert(count <= SDP_CODEC_MAX);
    side->codecs = codecs;
    side->count = count;
    for (size_t i = 0; i < count; i++) {
        side->counterpart[i] = side->nearest[i] = SDP_CODEC_NONE;
        side->reason[i] = codecs[i].id == SDP_CODEC_UNKNOWN ? SDP_CODEC_REASON_UNKNOWN : SDP_CODEC_REASON_ABSENT;
    }
}

/* Which entry does this one serve? False: none; true with SDP_CODEC_NONE: one that is not in the list. */
static bool served_by(const struct side *side, size_t index, size_t *out) {
    const struct sdp_codec *codec = &side->codecs[index];
    const struct sdp_codec_row *row = sdp_codec_row_of(codec->id);
    uint32_t payload_type;
    if (row == NULL || row->serves == NULL || !row->serves(codec->parameters, &payload_type))
        return false;
    *out = SDP_CODEC_NONE;
    for (size_t i = 0; i < side->count; i++)
        if (side->codecs[i].payload_type == payload_type)
            *out = i;
    return true;
}

/* ---- two entries --------------------------------------------------------------------------------------------------- */

bool sdp_codec_rule_read(const struct sdp_codec_rule *rule, struct sdp_view parameters, uint32_t *out) {
    struct sdp_view value;
    if (rule->read != NULL)
        return rule->read(parameters, out);
    *out = rule->fallback;
    return !sdp_parameter_find(parameters, rule->name, &value) || sdp_read_number(value, UINT32_MAX, out);
}

const struct sdp_codec_rule *sdp_codec_rule_broken(const struct sdp_codec_row *row, struct sdp_view a, struct sdp_view b) {
    uint32_t value_a;
    uint32_t value_b;
    for (size_t i = 0; i < SDP_CODEC_RULE_MAX && row->rules[i].name != NULL; i++)
        if (!sdp_codec_rule_read(&row->rules[i], a, &value_a) || !sdp_codec_rule_read(&row->rules[i], b, &value_b) || value_a != value_b)
            return &row->rules[i];
    return NULL;
}

bool sdp_codec_means_the_same(const struct sdp_codec *a, const struct sdp_codec *b) {
    const struct sdp_codec_row *row = sdp_codec_row_of(a->id);
    return sdp_view_equal_ignoring_case(a->name, b->name) && a->clock_hz == b->clock_hz && a->channels == b->channels &&
           (row == NULL || sdp_view_equal(a->parameters, b->parameters) || sdp_codec_rule_broken(row, a->parameters, b->parameters) == NULL);
}

/* The nearer two entries are, the larger the reason between them. */
static enum sdp_codec_reason compare(const struct side *a, size_t i, const struct side *b, size_t j) {
    const struct sdp_codec *one = &a->codecs[i];
    const struct sdp_codec *two = &b->codecs[j];
    if (one->id == SDP_CODEC_UNKNOWN || one->id != two->id || !sdp_view_equal_ignoring_case(one->name, two->name))
        return SDP_CODEC_REASON_ABSENT;
    if (one->clock_hz != two->clock_hz)
        return SDP_CODEC_REASON_CLOCK;
    if (one->channels != two->channels)
        return SDP_CODEC_REASON_CHANNELS;
    if (sdp_codec_rule_broken(sdp_codec_row_of(one->id), one->parameters, two->parameters) != NULL)
        return SDP_CODEC_REASON_PARAMETERS;
    size_t served_a;
    size_t served_b;
    bool serves_a = served_by(a, i, &served_a);
    bool serves_b = served_by(b, j, &served_b);
    if (serves_a != serves_b || (serves_a && (served_a == SDP_CODEC_NONE || a->counterpart[served_a] == SDP_CODEC_NONE ||
                                              a->counterpart[served_a] != served_b)))
        return SDP_CODEC_REASON_ASSOCIATED;
    return SDP_CODEC_MATCHED;
}

/* ---- two lists ----------------------------------------------------------------------------------------------------- */

static void note(struct side *side, size_t index, enum sdp_codec_reason reason, size_t about) {
    if (side->counterpart[index] != SDP_CODEC_NONE || side->reason[index] == SDP_CODEC_REASON_UNKNOWN || reason <= side->reason[index])
        return;
    side->reason[index] = reason;
    side->nearest[index] = about;
}

/* The first free counterpart is taken; every other entry learns how near it came. */
static void match_one(struct side *a, size_t i, struct side *b) {
    for (size_t j = 0; j < b->count; j++) {
        enum sdp_codec_reason reason = compare(a, i, b, j);
        if (reason == SDP_CODEC_MATCHED && a->counterpart[i] == SDP_CODEC_NONE && b->counterpart[j] == SDP_CODEC_NONE) {
            a->counterpart[i] = j;
            b->counterpart[j] = i;
            continue;
        }
        if (reason == SDP_CODEC_MATCHED)
            reason = SDP_CODEC_REASON_TAKEN;
        note(a, i, reason, j);
        note(b, j, reason, i);
    }
}

size_t sdp_codec_intersect(const struct sdp_codec *preferred, size_t preferred_count, const struct sdp_codec *other,
                           size_t other_count, struct sdp_codec_verdict *out, size_t *matched) {
    struct side a;
    struct side b;
    size_t count = 0;
    size_t served;
    side_begin(&a, preferred, preferred_count);
    side_begin(&b, other, other_count);
    /* First those that stand alone, then those that serve them. */
    for (int serving = 0; serving < 2; serving++)
        for (size_t i = 0; i < a.count; i++)
            if (served_by(&a, i, &served) == (serving == 1))
                match_one(&a, i, &b);
    for (size_t i = 0; i < a.count; i++)
        if (a.counterpart[i] != SDP_CODEC_NONE)
            out[count++] = (struct sdp_codec_verdict){i, a.counterpart[i], SDP_CODEC_MATCHED, SDP_CODEC_NONE};
    *matched = count;
    for (size_t i = 0; i < a.count; i++)
        if (a.counterpart[i] == SDP_CODEC_NONE)
            out[count++] = (struct sdp_codec_verdict){i, SDP_CODEC_NONE, a.reason[i], a.nearest[i]};
    for (size_t j = 0; j < b.count; j++)
        if (b.counterpart[j] == SDP_CODEC_NONE)
            out[count++] = (struct sdp_codec_verdict){SDP_CODEC_NONE, j, b.reason[j], b.nearest[j]};
    return count;
}
