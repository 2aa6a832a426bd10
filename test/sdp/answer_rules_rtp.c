/* See answer_rules.h. Here: payload types, feedback, header extensions, directions, streams, rids. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "answer_rules.h"

/* ---- payload types ------------------------------------------------------------------------------------------------- */

/* "opus/48000/2": names without case; "/1" may be left out. */
static bool same_rtpmap(const char *a, const char *b) {
    char one[ANSWER_WIDTH];
    char two[ANSWER_WIDTH];
    word(a, 0, one);
    word(b, 0, two);
    char *words[] = {one, two};
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(words[i], '/');
        if (slash != NULL && strcmp(slash, "/1") == 0 && strchr(words[i], '/') != slash)
            *slash = '\0';
    }
    return strcasecmp(one, two) == 0;
}

/* A number of fmtp, or what absent means. */
static int number_of(const char *parameters, const char *name, int fallback) {
    char value[ANSWER_WIDTH];
    return parameter(parameters, name, value) ? atoi(value) : fallback;
}

/* Level 1b, in its two spellings, stands between 1 and 1.1. */
static int level_rank(const char *profile_level_id) {
    unsigned long bytes = strtoul(profile_level_id, NULL, 16);
    unsigned idc = (unsigned)(bytes >> 16);
    unsigned level = (unsigned)(bytes & 0xFF);
    bool flagged = (idc == 66 || idc == 77 || idc == 88) && level == 11 && (bytes >> 8 & 0x10) != 0;
    return flagged || level == 9 ? 21 : (int)(2 * level);
}

/* RFC 6184 section 8.1: Baseline at level 1, where it is not said. */
static void profile_level_id(const char *fmtp, char out[ANSWER_WIDTH]) {
    if (!parameter(fmtp, "profile-level-id", out))
        memcpy(out, "42000a", sizeof "42000a");
}

/* RFC 6184 section 8.2.2. */
static const char *h264_breaks(const char *offered, const char *answered) {
    char offered_id[ANSWER_WIDTH];
    char answered_id[ANSWER_WIDTH];
    profile_level_id(offered, offered_id);
    profile_level_id(answered, answered_id);
    if (number_of(offered, "packetization-mode", 0) != number_of(answered, "packetization-mode", 0))
        return "RFC 6184 section 8.2.2: another packetization-mode";
    /* constraint_set3_flag (0x10) belongs to the level. */
    unsigned long profile = strtoul(offered_id, NULL, 16) >> 8;
    if ((profile & ~0x10ul) != ((strtoul(answered_id, NULL, 16) >> 8) & ~0x10ul))
        return "RFC 6184 section 8.2.2: another profile";
    bool asymmetric = number_of(offered, "level-asymmetry-allowed", 0) == 1 && number_of(answered, "level-asymmetry-allowed", 0) == 1;
    if (!asymmetric && level_rank(answered_id) > level_rank(offered_id))
        return "RFC 6184 section 8.2.2: a higher level than offered";
    return NULL;
}

/* What makes a format: RFC 9628 section 6, RFC 6184 section 8.2.2, the payload format of AV1 section 7.2. */
static const char *parameters_break(const char *rtpmap, const char *offered, const char *answered) {
    if (strncasecmp(rtpmap, "VP9/", 4) == 0 && number_of(offered, "profile-id", 0) != number_of(answered, "profile-id", 0))
        return "RFC 9628 section 6: another profile-id";
    if (strncasecmp(rtpmap, "AV1/", 4) == 0 && number_of(offered, "profile", 0) != number_of(answered, "profile", 0))
        return "RTP payload format for AV1, section 7.2: another profile";
    if (strncasecmp(rtpmap, "rtx/", 4) == 0 && number_of(offered, "apt", -1) != number_of(answered, "apt", -2))
        return "RFC 4588 section 8.6: another apt";
    return strncasecmp(rtpmap, "H264/", 5) == 0 ? h264_breaks(offered, answered) : NULL;
}

/* Only for listed formats: RFC 8866 section 6.15, RFC 4585 section 4.2. */
static bool all_listed(const struct part *answered, const char *name) {
    const char *value;
    char format[ANSWER_WIDTH];
    for (int i = 0; (value = value_of(answered, name, i)) != NULL; i++) {
        word(value, 0, format);
        if (strcmp(format, "*") != 0 && !word_in(answered->lines[0], format, 3))
            return false;
    }
    return true;
}

/* RFC 3264 section 6.1: formats of the offer, meaning what they mean there. */
static const char *formats_break(const struct part *offered, const struct part *answered) {
    char format[ANSWER_WIDTH];
    char apt[ANSWER_WIDTH];
    for (int i = 3; word(answered->lines[0], i, format), format[0] != '\0'; i++) {
        const char *theirs = value_behind(offered, "rtpmap", format);
        const char *ours = value_behind(answered, "rtpmap", format);
        const char *fmtp = value_behind(answered, "fmtp", format);
        if (!word_in(offered->lines[0], format, 3))
            return "RFC 3264 section 6.1: a payload type that was not offered";
        if (word_in(answered->lines[0], format, i + 1))
            return "RFC 8866 section 5.14: a payload type twice";
        if (ours == NULL)
            return "RFC 9429 section 5.3.1: a payload type without a=rtpmap";
        if (theirs == NULL ? atoi(format) > 34 : !same_rtpmap(theirs, ours))
            return "RFC 3264 section 6.1: a payload type that means something else";
        const char *broken = parameters_break(ours, value_behind(offered, "fmtp", format), fmtp);
        if (broken != NULL)
            return broken;
        if (parameter(fmtp, "apt", apt) && !word_in(answered->lines[0], apt, 3))
            return "RFC 4588 section 8.6: an apt that is not accepted";
    }
    if (!all_listed(answered, "rtpmap") || !all_listed(answered, "fmtp") || !all_listed(answered, "rtcp-fb"))
        return "RFC 8866 section 6.15: an attribute of a format that is not listed";
    return NULL;
}

/* Is there media in one of the formats, not only what accompanies it? */
static const char *media_breaks(const struct part *answered) {
    static const char *const companions[] = {"rtx/", "red/", "ulpfec/", "flexfec", "telephone-event/", "CN/"};
    char format[ANSWER_WIDTH];
    for (int i = 3; word(answered->lines[0], i, format), format[0] != '\0'; i++) {
        const char *rtpmap = value_behind(answered, "rtpmap", format);
        bool companion = false;
        for (size_t j = 0; j < sizeof companions / sizeof companions[0]; j++)
            companion = companion || (rtpmap != NULL && strncasecmp(rtpmap, companions[j], strlen(companions[j])) == 0);
        if (!companion)
            return NULL;
    }
    return "RFC 3264 section 6: accepted without a format of media";
}

static const char *feedback_breaks(const struct part *offered, const struct part *answered) {
    const char *value;
    for (int i = 0; (value = value_of(answered, "rtcp-fb", i)) != NULL; i++) {
        bool found = false;
        const char *other;
        for (int j = 0; (other = value_of(offered, "rtcp-fb", j)) != NULL; j++)
            found = found || strcasecmp(other, value) == 0 || (other[0] == '*' && strcasecmp(strchr(other, ' '), strchr(value, ' ')) == 0);
        if (!found)
            return "RFC 4585 section 4.2: a feedback that was not offered";
    }
    return NULL;
}

/* ---- directions ---------------------------------------------------------------------------------------------------- */

static bool sends(const char *direction) {
    return strcmp(direction, "sendrecv") == 0 || strcmp(direction, "sendonly") == 0;
}

static bool receives(const char *direction) {
    return strcmp(direction, "sendrecv") == 0 || strcmp(direction, "recvonly") == 0;
}

static bool direction_fits(const char *offered, const char *answered) {
    return (receives(offered) || !sends(answered)) && (sends(offered) || !receives(answered));
}

/* ---- header extensions --------------------------------------------------------------------------------------------- */

/* "4/recvonly" is the id and its direction. */
static const char *extension_direction(const char *value, char *out) {
    word(value, 0, out);
    char *slash = strchr(out, '/');
    return slash == NULL ? "sendrecv" : slash + 1;
}

static const char *extensions_break(const struct text *offer, const struct part *offered, const struct part *answered) {
    const char *value;
    char uri[ANSWER_WIDTH];
    char other_uri[ANSWER_WIDTH];
    char first[ANSWER_WIDTH];
    char second[ANSWER_WIDTH];
    bool mixed = has(&offer->parts[0], "extmap-allow-mixed") != NULL || has(offered, "extmap-allow-mixed") != NULL;
    if (has(answered, "extmap-allow-mixed") != NULL && !mixed)
        return "RFC 8285 section 6: extmap-allow-mixed was not offered";
    for (int i = 0; (value = value_of(answered, "extmap", i)) != NULL; i++) {
        const char *found = NULL;
        const char *other;
        word(value, 1, uri);
        for (int j = 0; (other = value_of(offered, "extmap", j)) != NULL; j++) {
            word(other, 1, other_uri);
            if (strcmp(uri, other_uri) == 0 && atoi(value) == atoi(other))
                found = other;
        }
        if (found == NULL)
            return "RFC 8285 section 7: a header extension, or an id of one, that was not offered";
        if (!direction_fits(extension_direction(found, first), extension_direction(value, second)))
            return "RFC 8285 section 5: a direction of a header extension that was not offered";
        for (int j = 0; j < i; j++)
            if (atoi(value_of(answered, "extmap", j)) == atoi(value))
                return "RFC 8285 section 5: an id of a header extension twice";
    }
    return NULL;
}

/* ---- streams, sources, rids ---------------------------------------------------------------------------------------- */

static const char *streams_break(const struct part *answered, bool sending) {
    const char *value;
    char second[ANSWER_WIDTH];
    if (!sending && (has(answered, "msid") != NULL || has(answered, "ssrc") != NULL || has(answered, "ssrc-group") != NULL))
        return "RFC 9429 section 5.3.1: a stream or source of one who does not send";
    for (int i = 0; (value = value_of(answered, "msid", i)) != NULL; i++) {
        word(value, 1, second);
        if (second[0] == '\0')
            return "RFC 9429 section 5.2.1: a=msid without a track";
    }
    for (int i = 0; (value = value_of(answered, "ssrc-group", i)) != NULL; i++)
        for (int j = 1; word(value, j, second), second[0] != '\0'; j++)
            if (value_behind(answered, "ssrc", second) == NULL)
                return "RFC 5576 section 4.2: a group of a source that is not described";
    for (int i = 0; (value = value_of(answered, "ssrc", i)) != NULL; i++) {
        word(value, 0, second);
        const char *first_of_it = value_behind(answered, "ssrc", second);
        if (strncmp(first_of_it, "cname:", 6) != 0)
            return "RFC 5576 section 6.1: a source without cname";
    }
    return NULL;
}

/* RFC 8851 section 6.3, RFC 8853 section 5.3.2: those of the offer, seen from the other side. */
static const char *rids_break(const struct part *offered, const struct part *answered) {
    const char *value;
    char id[ANSWER_WIDTH];
    char direction[ANSWER_WIDTH];
    char offered_direction[ANSWER_WIDTH];
    for (int i = 0; (value = value_of(answered, "rid", i)) != NULL; i++) {
        word(value, 0, id);
        word(value, 1, direction);
        const char *other = value_behind(offered, "rid", id);
        if (other == NULL)
            return "RFC 8851 section 6.3: a rid that was not offered";
        word(other, 0, offered_direction);
        if (strcmp(direction, offered_direction) == 0)
            return "RFC 8851 section 6.3: a rid with the offer's own direction";
    }
    const char *simulcast = has(answered, "simulcast");
    if (simulcast == NULL)
        return NULL;
    if (has(offered, "simulcast") == NULL)
        return "RFC 8853 section 5.3.2: simulcast was not offered";
    for (int i = 0; word(simulcast, i, direction), direction[0] != '\0'; i += 2) {
        word(simulcast, i + 1, id);
        for (char *rest = id, *one; (one = strsep(&rest, ";,")) != NULL;)
            if (value_behind(answered, "rid", one + (*one == '~')) == NULL)
                return "RFC 8853 section 5.2: simulcast names a rid that has no a=rid";
        if (!word_in(has(offered, "simulcast"), strcmp(direction, "send") == 0 ? "recv" : "send", 0))
            return "RFC 8853 section 5.3.2: simulcast in a direction that was not offered";
    }
    return NULL;
}

/* ---- all of it ----------------------------------------------------------------------------------------------------- */

/* RFC 9143 section 7.1.3 lets the tagged section say it for those that share its transport, as the example in section 7.3.4 does. */
static bool offers_mux(const struct text *offer, const struct part *offered) {
    char tagged[ANSWER_WIDTH];
    if (has(offered, "rtcp-mux") != NULL)
        return true;
    word(bundle_of(offer, has(offered, "mid")), 0, tagged);
    const struct part *part = tagged[0] == '\0' ? NULL : part_of(offer, tagged);
    if (part == NULL || has(part, "rtcp-mux") == NULL)
        return false;
    const char *ufrag = has(offered, "ice-ufrag"), *ufrag_of_tagged = has(part, "ice-ufrag");
    return ufrag == NULL || (ufrag_of_tagged != NULL && strcmp(ufrag, ufrag_of_tagged) == 0);
}

static const char *control_breaks(const struct text *offer, const struct part *offered, const struct part *answered) {
    if (has(answered, "rtcp-mux") == NULL || !offers_mux(offer, offered))
        return "RFC 5761 section 5.1.1: rtcp-mux on both sides";
    if (has(answered, "rtcp-mux-only") != NULL)
        return "RFC 8858 section 4.3: rtcp-mux-only in an answer";
    if (has(answered, "rtcp-rsize") != NULL && has(offered, "rtcp-rsize") == NULL)
        return "RFC 5506 section 5: rtcp-rsize was not offered";
    if (has(answered, "sctp-port") != NULL || has(answered, "max-message-size") != NULL)
        return "RFC 8841 section 5: an attribute of SCTP in a section of RTP";
    return NULL;
}

const char *answer_rtp_breaks(const struct text *offer, const struct text *answer, const struct part *offered, const struct part *answered) {
    const char *direction = direction_of(answer, answered);
    int directions = count_of(answered, "sendrecv") + count_of(answered, "sendonly") + count_of(answered, "recvonly") + count_of(answered, "inactive");
    if (directions != 1)
        return "RFC 9429 section 5.3.1: a section has one direction";
    if (!direction_fits(direction_of(offer, offered), direction))
        return "RFC 3264 section 6.1: a direction that was not offered";
    const char *broken = control_breaks(offer, offered, answered);
    if (broken == NULL)
        broken = formats_break(offered, answered);
    if (broken == NULL)
        broken = media_breaks(answered);
    if (broken == NULL)
        broken = feedback_breaks(offered, answered);
    if (broken == NULL)
        broken = extensions_break(offer, offered, answered);
    if (broken == NULL)
        broken = streams_break(answered, sends(direction));
    return broken != NULL ? broken : rids_break(offered, answered);
}
