/* See answer_rules.h. Here: the session level, groups, transports, and what becomes of each section. */
#include "answer_rules.h"

#include <stdlib.h>
#include <string.h>

/* ---- groups -------------------------------------------------------------------------------------------------------- */

/* RFC 5888 section 9.1, RFC 9143 section 7.3: each group of the answer is a part of one group of the offer. */
static const char *group_breaks(const struct text *offer, const char *group) {
    char semantics[ANSWER_WIDTH];
    char mid[ANSWER_WIDTH];
    const char *offered;
    word(group, 0, semantics);
    for (int i = 0; (offered = value_of(&offer->parts[0], "group", i)) != NULL; i++) {
        bool inside = word_in(offered, semantics, 0);
        for (int j = 1; inside; j++) {
            word(group, j, mid);
            if (mid[0] == '\0')
                return NULL;
            inside = word_in(offered, mid, 1);
        }
    }
    return "RFC 9143 section 7.3: a group that was not offered as one";
}

/*
 * RFC 9143 section 7.3.1: the tagged section is the first of the offer's list that the answer keeps in the group and whose
 * offered port is not 0.
 */
static const char *tag_breaks(const struct text *offer, const char *mids) {
    char tagged[ANSWER_WIDTH];
    char mid[ANSWER_WIDTH];
    word(mids, 0, tagged);
    const char *offered = bundle_of(offer, tagged);
    for (int i = 0;; i++) {
        word(offered, i, mid);
        if (mid[0] == '\0')
            return "RFC 9143 section 7.3.1: no section of the BUNDLE has an address";
        const struct part *part = part_of(offer, mid);
        if (part != NULL && word_in(mids, mid, 0) && !is_refused(part))
            return strcmp(mid, tagged) == 0 ? NULL : "RFC 9143 section 7.3.1: another tagged section";
    }
}

static const char *groups_break(const struct text *offer, const struct text *answer) {
    const char *group;
    for (int i = 0; (group = value_of(&answer->parts[0], "group", i)) != NULL; i++) {
        const char *broken = group_breaks(offer, group);
        if (broken == NULL && strncmp(group, "BUNDLE", 6) == 0)
            broken = tag_breaks(offer, group + 6);
        if (broken != NULL)
            return broken;
        for (int j = 0; j < i; j++) {
            char mid[ANSWER_WIDTH];
            const char *other = value_of(&answer->parts[0], "group", j);
            for (int k = 1; word(group, k, mid), mid[0] != '\0'; k++)
                if (strncmp(group, "BUNDLE", 6) == 0 && strncmp(other, "BUNDLE", 6) == 0 && word_in(other, mid, 1))
                    return "RFC 9143 section 5: a section in two BUNDLE groups";
        }
    }
    return NULL;
}

/* ---- the session level --------------------------------------------------------------------------------------------- */

static bool has_option(const struct part *part, const char *option) {
    return has(part, "ice-options") != NULL && word_in(has(part, "ice-options"), option, 0);
}

/* Of the two that are ours to say, those that the offer has anywhere, at session level, once. */
static bool has_right_options(const struct text *offer, const struct text *answer) {
    static const char *const options[] = {"trickle", "ice2"};
    bool any = false;
    for (size_t i = 0; i < 2; i++) {
        bool offered = false;
        for (int part = 0; part < offer->part_count; part++)
            offered = offered || has_option(&offer->parts[part], options[i]);
        if (has_option(&answer->parts[0], options[i]) != offered)
            return false;
        any = any || offered;
    }
    for (int part = 1; part < answer->part_count; part++)
        if (has(&answer->parts[part], "ice-options") != NULL)
            return false;
    return count_of(&answer->parts[0], "ice-options") == (any ? 1 : 0);
}

/* RFC 9429 section 5.3.1: as section 5.2.1 has it. */
static const char *header_breaks(const struct text *offer, const struct text *answer) {
    const struct part *header = &answer->parts[0];
    char id[ANSWER_WIDTH];
    if (header->count < 4 || strcmp(header->lines[0], "v=0") != 0 || strncmp(header->lines[1], "o=", 2) != 0 ||
        strncmp(header->lines[2], "s=", 2) != 0 || strcmp(header->lines[3], "t=0 0") != 0)
        return "RFC 9429 section 5.2.1: v=0, o=, s=, t=0 0";
    word(header->lines[1], 1, id);
    if (strlen(id) > 19 || strspn(id, "0123456789") != strlen(id))
        return "RFC 9429 section 5.2.1: a session id of 63 bits";
    if (has(header, "extmap-allow-mixed") != NULL && has(&offer->parts[0], "extmap-allow-mixed") == NULL)
        return "RFC 8285 section 6: extmap-allow-mixed was not offered";
    static const char *const never[] = {"ice-ufrag", "ice-pwd", "candidate", "setup", "mid", "bundle-only", "rtpmap", "rtcp-mux"};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        if (has(header, never[i]) != NULL)
            return "RFC 9429 section 5.2.1: an attribute of a section at session level";
    if (!has_right_options(offer, answer))
        return "RFC 9429 section 5.3.1: a=ice-options of an answer are those of the offer, at session level";
    return NULL;
}

/* ---- transports ---------------------------------------------------------------------------------------------------- */

static const char *const transport_attributes[] = {"ice-ufrag", "ice-pwd", "ice-options", "candidate", "end-of-candidates", "fingerprint", "setup", "tls-id", "rtcp"};

static const char *no_transport(const struct part *answered, const char *rule) {
    for (size_t i = 0; i < sizeof transport_attributes / sizeof transport_attributes[0]; i++)
        if (has(answered, transport_attributes[i]) != NULL)
            return rule;
    return NULL;
}

static bool is_ice_text(const char *text, size_t least) {
    static const char ice[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return text != NULL && strlen(text) >= least && strlen(text) <= 256 && strspn(text, ice) == strlen(text);
}

/* a=setup of the offer for this section: its own, its session's, or its tagged section's. */
static const char *offered_setup(const struct text *offer, const struct part *offered) {
    if (has(offered, "setup") != NULL)
        return has(offered, "setup");
    char tagged[ANSWER_WIDTH];
    word(bundle_of(offer, has(offered, "mid")), 0, tagged);
    const struct part *part = tagged[0] == '\0' ? NULL : part_of(offer, tagged);
    return part != NULL && has(part, "setup") != NULL ? has(part, "setup") : has(&offer->parts[0], "setup");
}

static const char *transport_breaks(const struct text *offer, const struct part *offered, const struct part *answered) {
    const char *setup = offered_setup(offer, offered);
    const char *ours = has(answered, "setup");
    if (count_of(answered, "ice-ufrag") != 1 || count_of(answered, "ice-pwd") != 1 || !is_ice_text(has(answered, "ice-ufrag"), 4) ||
        !is_ice_text(has(answered, "ice-pwd"), 22))
        return "RFC 8839 section 5.4: no ICE credentials, or not of ice-chars";
    if (has(answered, "fingerprint") == NULL)
        return "RFC 8122 section 5: no fingerprint";
    if (count_of(answered, "setup") != 1 || (strcmp(ours, "active") != 0 && strcmp(ours, "passive") != 0))
        return "RFC 8842 section 5.3: an answer is active or passive";
    if (setup != NULL && strcmp(setup, "actpass") != 0 && strcmp(setup, ours) == 0)
        return "RFC 4145 section 4.1: both sides claim one role";
    /* RFC 4145 section 4: nothing said is active. */
    if (setup == NULL && strcmp(ours, "active") == 0)
        return "RFC 4145 section 4.1: both sides claim one role";
    return NULL;
}

/* RFC 9143 section 7.1.3 has the tagged section alone say it. Where the others repeat it, as in answers of browsers, it is the whole and the same, without candidates. */
static const char *repeated_breaks(const struct text *answer, const char *tagged, const struct part *answered) {
    static const char *const repeated[] = {"ice-ufrag", "ice-pwd", "fingerprint", "setup"};
    static const char *const once[] = {"candidate", "end-of-candidates", "tls-id", "rtcp"};
    const struct part *carrier = part_of(answer, tagged);
    bool repeats = false;
    for (size_t i = 0; i < sizeof repeated / sizeof repeated[0]; i++)
        repeats = repeats || has(answered, repeated[i]) != NULL;
    for (size_t i = 0; repeats && carrier != NULL && i < sizeof repeated / sizeof repeated[0]; i++)
        if (count_of(answered, repeated[i]) != count_of(carrier, repeated[i]) || strcmp(has(answered, repeated[i]), has(carrier, repeated[i])) != 0)
            return "RFC 9143 section 7.1.3: another transport than that of the tagged section";
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
        if (has(answered, once[i]) != NULL)
            return "RFC 9143 section 7.1.3: candidates outside of the tagged section";
    return NULL;
}

/* ---- sections ------------------------------------------------------------------------------------------------------ */

static const char *data_breaks(const struct part *offered, const struct part *answered) {
    static const char *const of_rtp[] = {"rtcp-mux", "rtcp-mux-only", "rtcp-rsize", "rtpmap", "fmtp", "msid", "ssrc", "extmap", "sendrecv",
                                         "recvonly", "sendonly", "inactive"};
    char format[ANSWER_WIDTH];
    word(answered->lines[0], 3, format);
    if (strcmp(format, "webrtc-datachannel") != 0 || !word_in(offered->lines[0], format, 3) || word_in(answered->lines[0], format, 4))
        return "RFC 8841 section 4.3: not a data channel on both sides";
    if (count_of(answered, "sctp-port") != 1 || atoi(has(answered, "sctp-port")) < 1 || atoi(has(answered, "sctp-port")) > 65535)
        return "RFC 8841 section 5: no SCTP port";
    if (count_of(answered, "max-message-size") > 1)
        return "RFC 8841 section 6: max-message-size twice";
    for (size_t i = 0; i < sizeof of_rtp / sizeof of_rtp[0]; i++)
        if (has(answered, of_rtp[i]) != NULL)
            return "RFC 9429 section 5.3.1: an attribute of RTP in a data section";
    return NULL;
}

static const char *shape_breaks(const struct part *offered, const struct part *answered) {
    char first[ANSWER_WIDTH];
    char second[ANSWER_WIDTH];
    for (int w = 0; w < 3; w += 2) { /* media, profile */
        word(offered->lines[0], w, first);
        word(answered->lines[0], w, second);
        if (strcmp(first, second) != 0)
            return w == 0 ? "RFC 3264 section 6: another kind of media" : "RFC 9429 section 5.3.1: another profile";
    }
    word(answered->lines[0], 3, first);
    if (first[0] == '\0')
        return "RFC 3264 section 6: a section without formats";
    const char *mid = has(answered, "mid");
    const char *offered_mid = has(offered, "mid");
    if (count_of(answered, "mid") > 1 || (mid == NULL) != (offered_mid == NULL) || (mid != NULL && strcmp(mid, offered_mid) != 0))
        return "RFC 5888 section 9.1: another mid";
    if (answered->count < 2 || strcmp(answered->lines[1], "c=IN IP4 0.0.0.0") != 0)
        return "RFC 9429 section 5.3.1: no c= of the default candidate";
    if (has(answered, "bundle-only") != NULL)
        return "RFC 9143 section 6: bundle-only in an answer";
    return NULL;
}

static const char *refused_breaks(const struct part *answered, bool in_bundle) {
    if (in_bundle)
        return "RFC 9143 section 7.3.3: a refused section in the BUNDLE";
    return no_transport(answered, "RFC 9429 section 5.3.1: a transport for a refused section");
}

static const char *section_breaks(const struct text *offer, const struct text *answer, int i) {
    const struct part *offered = &offer->parts[i];
    const struct part *answered = &answer->parts[i];
    char tagged[ANSWER_WIDTH];
    char port[ANSWER_WIDTH];
    const char *mid = has(answered, "mid");
    bool in_bundle = bundle_of(answer, mid)[0] != '\0';
    const char *broken = shape_breaks(offered, answered);
    if (broken != NULL)
        return broken;
    if (is_refused(answered))
        return refused_breaks(answered, in_bundle);
    if (is_refused(offered) && (has(offered, "bundle-only") == NULL || !in_bundle))
        return "RFC 3264 section 6: accepted what was not offered";
    word(answered->lines[0], 1, port);
    if (strcmp(port, "9") != 0)
        return "RFC 9429 section 5.3.1: without a default candidate the port is 9";
    word(bundle_of(answer, mid), 0, tagged);
    bool carries = !in_bundle || strcmp(mid, tagged) == 0;
    broken = carries ? transport_breaks(offer, offered, answered) : repeated_breaks(answer, tagged, answered);
    if (broken != NULL)
        return broken;
    return strncmp(offered->lines[0], "m=application ", 14) == 0 ? data_breaks(offered, answered)
                                                                  : answer_rtp_breaks(offer, answer, offered, answered);
}

/* ---- what sections of one BUNDLE share ------------------------------------------------------------------------------ */

/* RFC 9143 section 9.1 and RFC 8285 section 5: in one BUNDLE a number means one thing, unless the offer itself breaks that. */
static const char *numbers_break(const struct text *offer, const struct text *answer, int i, int j) {
    static const struct {
        const char *name;
        const char *rule;
    } rows[] = {{"rtpmap", "RFC 9143 section 9.1: one payload type, two formats"}, {"extmap", "RFC 8285 section 5: one id, two header extensions"}};
    const struct part *one = &answer->parts[i];
    const struct part *two = &answer->parts[j];
    if (bundle_of(answer, has(one, "mid"))[0] == '\0' || bundle_of(answer, has(one, "mid")) != bundle_of(answer, has(two, "mid")))
        return NULL;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        const char *value;
        char number[ANSWER_WIDTH];
        for (int n = 0; (value = value_of(one, rows[row].name, n)) != NULL; n++) {
            word(value, 0, number);
            const char *of_one = value_behind(one, rows[row].name, number);
            const char *of_two = value_behind(two, rows[row].name, number);
            const char *offered_one = value_behind(&offer->parts[i], rows[row].name, number);
            const char *offered_two = value_behind(&offer->parts[j], rows[row].name, number);
            bool offer_is_good = offered_one == NULL || offered_two == NULL || strcmp(offered_one, offered_two) == 0;
            if (of_two != NULL && strcmp(of_one, of_two) != 0 && offer_is_good)
                return rows[row].rule;
        }
    }
    return NULL;
}

const char *answer_breaks(const char *offer_text, const char *answer_text) {
    static struct text offer;
    static struct text answer;
    text_split(&offer, offer_text);
    text_split(&answer, answer_text);
    const char *broken = header_breaks(&offer, &answer);
    if (broken == NULL && offer.part_count != answer.part_count)
        broken = "RFC 3264 section 6: another number of sections";
    if (broken == NULL)
        broken = groups_break(&offer, &answer);
    for (int i = 1; broken == NULL && i < offer.part_count; i++) {
        broken = section_breaks(&offer, &answer, i);
        for (int j = 1; broken == NULL && j < i; j++)
            broken = numbers_break(&offer, &answer, i, j);
    }
    text_free(&offer);
    text_free(&answer);
    return broken;
}
