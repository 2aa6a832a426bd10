/* Why two lists of codecs agree, or do not, in words with names and numbers. */
#include "sdp/codec_internal.h"

const char *sdp_codec_reason_text(enum sdp_codec_reason reason) {
    switch (reason) {
    case SDP_CODEC_MATCHED: return "both sides have it";
    case SDP_CODEC_REASON_UNKNOWN: return "we know no rule to match it by";
    case SDP_CODEC_REASON_ABSENT: return "the other side does not list it (RFC 3264 section 6.1)";
    case SDP_CODEC_REASON_CLOCK: return "the other side has it with another clock rate (RFC 8866 section 6.6)";
    case SDP_CODEC_REASON_CHANNELS: return "the other side has it with another number of channels (RFC 8866 section 6.6)";
    case SDP_CODEC_REASON_PARAMETERS: return "the other side has it with parameters that make it another format (RFC 3264 section 6.1)";
    case SDP_CODEC_REASON_ASSOCIATED: return "it serves another payload type that is not agreed on (RFC 4588 section 8.6)";
    case SDP_CODEC_REASON_TAKEN: return "its counterpart already matches an earlier entry";
    }
    return "";
}

/* "clock 16000 here, 48000 there" */
static void say_numbers(struct sdp_text *text, const char *what, uint32_t here, uint32_t there) {
    sdp_text_add(text, what);
    sdp_text_add(text, " ");
    sdp_text_add_number(text, here);
    sdp_text_add(text, " here, ");
    sdp_text_add_number(text, there);
    sdp_text_add(text, " there");
}

/* "42e01f (Constrained Baseline)": as written, and its name when it has one; "0, as nothing is said". */
static void say_value(struct sdp_text *text, const struct sdp_codec_rule *rule, struct sdp_view parameters) {
    struct sdp_view value;
    uint32_t number = 0;
    bool written = sdp_parameter_find(parameters, rule->name, &value) && value.length > 0;
    bool good = sdp_codec_rule_read(rule, parameters, &number);
    if (written)
        sdp_text_add_view(text, sdp_view_front(value, value.length < 16 ? value.length : 16));
    else if (rule->say == NULL)
        sdp_text_add_number(text, number);
    else
        sdp_text_add(text, "none");
    if (!good)
        sdp_text_add(text, " (malformed)");
    else if (rule->say != NULL)
        sdp_text_add_strings(text, (const char *const[]){" (", rule->say(number), ")", NULL});
    else if (!written)
        sdp_text_add(text, " (when absent)");
}

static void say_parameters(struct sdp_text *text, const struct sdp_codec *here, const struct sdp_codec *there) {
    const struct sdp_codec_row *row = sdp_codec_row_of(here->id);
    const struct sdp_codec_rule *rule = row == NULL ? NULL : sdp_codec_rule_broken(row, here->parameters, there->parameters);
    if (rule == NULL)
        return;
    sdp_text_add(text, rule->name);
    sdp_text_add(text, " ");
    say_value(text, rule, here->parameters);
    sdp_text_add(text, " here, ");
    say_value(text, rule, there->parameters);
    sdp_text_add(text, " there");
}

static void say_served(struct sdp_text *text, const struct sdp_codec *codec) {
    const struct sdp_codec_row *row = sdp_codec_row_of(codec->id);
    uint32_t payload_type;
    if (row == NULL || row->serves == NULL || !row->serves(codec->parameters, &payload_type) || payload_type > SDP_PAYLOAD_TYPE_MAX) {
        sdp_text_add(text, "it names no payload type that it serves");
        return;
    }
    sdp_text_add(text, "it serves payload type ");
    sdp_text_add_number(text, payload_type);
    sdp_text_add(text, ", which is not agreed on, or not with the counterpart's");
}

static void say_taken(struct sdp_text *text, const struct sdp_codec *other) {
    sdp_text_add(text, "payload type ");
    sdp_text_add_number(text, other->payload_type);
    sdp_text_add(text, " of the other side already goes with an earlier entry");
}

void sdp_codec_explain(const struct sdp_codec *preferred, const struct sdp_codec *other, const struct sdp_codec_verdict *verdict,
                       char *buffer, size_t capacity) {
    struct sdp_text text = {.buffer = buffer, .capacity = capacity == 0 ? 0 : capacity - 1};
    bool ours = verdict->preferred != SDP_CODEC_NONE;
    const struct sdp_codec *self = ours ? &preferred[verdict->preferred] : &other[verdict->other];
    const struct sdp_codec *near = verdict->nearest == SDP_CODEC_NONE ? NULL : ours ? &other[verdict->nearest] : &preferred[verdict->nearest];
    const struct sdp_codec *here = ours ? self : near;
    const struct sdp_codec *there = ours ? near : self;
    enum sdp_codec_reason reason = near == NULL && verdict->reason > SDP_CODEC_REASON_ABSENT ? SDP_CODEC_REASON_ABSENT : verdict->reason;
    if (capacity == 0)
        return;
    switch (reason) {
    case SDP_CODEC_REASON_CLOCK: say_numbers(&text, "clock", here->clock_hz, there->clock_hz); break;
    case SDP_CODEC_REASON_CHANNELS: say_numbers(&text, "channels", here->channels, there->channels); break;
    case SDP_CODEC_REASON_PARAMETERS: say_parameters(&text, here, there); break;
    case SDP_CODEC_REASON_ASSOCIATED: say_served(&text, self); break;
    case SDP_CODEC_REASON_TAKEN: say_taken(&text, near); break;
    case SDP_CODEC_MATCHED:
    case SDP_CODEC_REASON_UNKNOWN:
    case SDP_CODEC_REASON_ABSENT: sdp_text_add(&text, sdp_codec_reason_text(reason)); break;
    }
    buffer[text.length] = '\0';
}
