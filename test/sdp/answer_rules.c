/* See answer_rules.h. Deliberately simple: copies lines into arrays and compares strings. */
#include "answer_rules.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 2600, SECTIONS = 130, WIDTH = 1200 };

struct part {
    char **lines;
    int count;
};

struct text {
    char *copy;
    char *lines[LINES * 4];
    struct part parts[SECTIONS]; /* 0: session level */
    int part_count;
};

static void split(struct text *out, const char *text) {
    int count = 0;
    memset(out, 0, sizeof *out);
    out->copy = strdup(text);
    out->part_count = 1;
    out->parts[0].lines = out->lines;
    for (char *rest = out->copy, *line; (line = strsep(&rest, "\n")) != NULL && count < LINES * 4;) {
        size_t length = strlen(line);
        if (length > 0 && line[length - 1] == '\r')
            line[--length] = '\0';
        if (length == 0)
            continue;
        if (strncmp(line, "m=", 2) == 0 && out->part_count < SECTIONS)
            out->parts[out->part_count++].lines = &out->lines[count];
        out->lines[count++] = line;
        out->parts[out->part_count - 1].count++;
    }
}

/* What stands behind "a=name:" or "a=name" in the n-th such line. */
static const char *value_of(const struct part *part, const char *name, int n) {
    size_t length = strlen(name);
    for (int i = 0; i < part->count; i++)
        if (strncmp(part->lines[i], "a=", 2) == 0 && strncmp(part->lines[i] + 2, name, length) == 0 &&
            (part->lines[i][2 + length] == ':' || part->lines[i][2 + length] == '\0') && n-- == 0)
            return part->lines[i] + 2 + length + (part->lines[i][2 + length] == ':');
    return NULL;
}

static const char *has(const struct part *part, const char *name) {
    return value_of(part, name, 0);
}

static void word(const char *text, int n, char *out) {
    out[0] = '\0';
    while (n-- >= 0) {
        text += strspn(text, " ");
        size_t length = strcspn(text, " ");
        if (n < 0 && length < WIDTH) {
            memcpy(out, text, length);
            out[length] = '\0';
        }
        text += length;
    }
}

static bool word_in(const char *text, const char *wanted, int from) {
    char found[WIDTH];
    for (int i = from;; i++) {
        word(text, i, found);
        if (found[0] == '\0')
            return false;
        if (strcmp(found, wanted) == 0)
            return true;
    }
}

static const char *direction(const struct text *text, const struct part *part) {
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    for (int level = 0; level < 2; level++)
        for (int i = 0; i < 4; i++)
            if (has(level == 0 ? part : &text->parts[0], names[i]) != NULL)
                return names[i];
    return "sendrecv";
}

/* The mids of the BUNDLE that a mid is in; "" when it is in none. */
static const char *bundle_of(const struct text *text, const char *mid) {
    const char *value;
    for (int i = 0; mid != NULL && (value = value_of(&text->parts[0], "group", i)) != NULL; i++)
        if (strncmp(value, "BUNDLE", 6) == 0 && word_in(value + 6, mid, 0))
            return value + 6;
    return "";
}

/* RFC 3264 section 6.1: formats, rtpmap, extmap and feedback of the answer were offered. */
static const char *media_breaks(const struct part *offered, const struct part *answered) {
    char first[WIDTH];
    char second[WIDTH];
    const char *value;
    for (int i = 3;; i++) {
        word(answered->lines[0], i, first);
        if (first[0] == '\0')
            break;
        if (!word_in(offered->lines[0], first, 3))
            return "RFC 3264 section 6.1: a payload type that was not offered";
    }
    for (int i = 0; (value = value_of(answered, "rtpmap", i)) != NULL; i++) {
        bool found = false;
        word(value, 0, first);
        const char *other;
        for (int j = 0; (other = value_of(offered, "rtpmap", j)) != NULL; j++) {
            word(other, 0, second);
            if (strcmp(first, second) == 0) {
                word(other, 1, second);
                word(value, 1, first);
                /* G722/8000/1 is G722/8000. */
                size_t shorter = strlen(first) < strlen(second) ? strlen(first) : strlen(second);
                found = strncmp(first, second, shorter) == 0;
                break;
            }
        }
        if (!found && atoi(value) > 34)
            return "RFC 3264 section 6.1: a payload type that means something else";
    }
    for (int i = 0; (value = value_of(answered, "extmap", i)) != NULL; i++) {
        bool found = false;
        const char *other;
        word(value, 1, first);
        for (int j = 0; (other = value_of(offered, "extmap", j)) != NULL; j++) {
            word(other, 1, second);
            found = found || (strcmp(first, second) == 0 && atoi(value) == atoi(other));
        }
        if (!found)
            return "RFC 8285 section 7: a header extension, or an id of one, that was not offered";
    }
    for (int i = 0; (value = value_of(answered, "rtcp-fb", i)) != NULL; i++) {
        bool found = false;
        const char *other;
        for (int j = 0; (other = value_of(offered, "rtcp-fb", j)) != NULL; j++)
            found = found || strcmp(other, value) == 0 || (other[0] == '*' && strcmp(strchr(other, ' '), strchr(value, ' ')) == 0);
        if (!found)
            return "RFC 4585 section 4.2: a feedback that was not offered";
    }
    return NULL;
}

static bool direction_fits(const char *offered, const char *answered) {
    bool may_send = strcmp(offered, "sendrecv") == 0 || strcmp(offered, "recvonly") == 0;
    bool may_receive = strcmp(offered, "sendrecv") == 0 || strcmp(offered, "sendonly") == 0;
    bool sends = strcmp(answered, "sendrecv") == 0 || strcmp(answered, "sendonly") == 0;
    bool receives = strcmp(answered, "sendrecv") == 0 || strcmp(answered, "recvonly") == 0;
    return (may_send || !sends) && (may_receive || !receives);
}

static const char *transport_breaks(const struct text *offer, const struct part *offered, const struct part *answered) {
    const char *setup = has(offered, "setup") != NULL ? has(offered, "setup") : has(&offer->parts[0], "setup");
    const char *ours = has(answered, "setup");
    if (has(answered, "ice-ufrag") == NULL || has(answered, "ice-pwd") == NULL)
        return "RFC 9429 section 5.3.1: no ICE credentials";
    if (has(answered, "fingerprint") == NULL)
        return "RFC 8122 section 5: no fingerprint";
    if (ours == NULL || (strcmp(ours, "active") != 0 && strcmp(ours, "passive") != 0))
        return "RFC 8842 section 5.3: an answer is active or passive";
    if (setup != NULL && strcmp(setup, "actpass") != 0 && strcmp(setup, ours) == 0)
        return "RFC 4145 section 4.1: both sides claim one role";
    return NULL;
}

/* The part that carries the transport of the one with this mid; an empty one when it is in no BUNDLE. */
static const struct part *tagged_of(const struct text *text, const char *mid) {
    static const struct part none;
    char tagged[WIDTH];
    word(bundle_of(text, mid), 0, tagged);
    for (int i = 1; tagged[0] != '\0' && i < text->part_count; i++)
        if (has(&text->parts[i], "mid") != NULL && strcmp(has(&text->parts[i], "mid"), tagged) == 0)
            return &text->parts[i];
    return &none;
}

static const char *rtp_breaks(const struct text *offer, const struct text *answer, const struct part *offered, const struct part *answered) {
    const char *offered_mux = has(offered, "rtcp-mux") != NULL ? "" : has(tagged_of(offer, has(offered, "mid")), "rtcp-mux");
    if (has(answered, "rtcp-mux") == NULL || offered_mux == NULL)
        return "RFC 5761 section 5.1.1: rtcp-mux on both sides";
    if (has(answered, "rtcp-rsize") != NULL && has(offered, "rtcp-rsize") == NULL)
        return "RFC 5506 section 5: rtcp-rsize was not offered";
    if (!direction_fits(direction(offer, offered), direction(answer, answered)))
        return "RFC 3264 section 6.1: a direction that was not offered";
    return media_breaks(offered, answered);
}

static const char *data_breaks(const struct part *offered, const struct part *answered) {
    char format[WIDTH];
    word(answered->lines[0], 3, format);
    if (strcmp(format, "webrtc-datachannel") != 0 || !word_in(offered->lines[0], format, 3))
        return "RFC 8841 section 4.3: not a data channel on both sides";
    if (has(answered, "sctp-port") == NULL || atoi(has(answered, "sctp-port")) == 0)
        return "RFC 8841 section 5: no SCTP port";
    if (has(answered, "rtcp-mux") != NULL || has(answered, "rtpmap") != NULL || has(answered, "msid") != NULL)
        return "RFC 9429 section 5.3.1: an attribute of RTP in a data section";
    return NULL;
}

static const char *section_breaks(const struct text *offer, const struct text *answer, int i) {
    const struct part *offered = &offer->parts[i];
    const struct part *answered = &answer->parts[i];
    char first[WIDTH];
    char second[WIDTH];
    char tagged[WIDTH];
    for (int w = 0; w < 3; w += 2) { /* media, profile */
        word(offered->lines[0], w, first);
        word(answered->lines[0], w, second);
        if (strcmp(first, second) != 0)
            return w == 0 ? "RFC 3264 section 6: another kind of media" : "RFC 9429 section 5.1.2: another profile";
    }
    const char *mid = has(answered, "mid");
    const char *offered_mid = has(offered, "mid");
    if ((mid == NULL) != (offered_mid == NULL) || (mid != NULL && strcmp(mid, offered_mid) != 0))
        return "RFC 5888 section 9.1: another mid";
    bool in_bundle = bundle_of(answer, mid)[0] != '\0';
    word(bundle_of(answer, mid), 0, tagged);
    word(answered->lines[0], 1, second);
    word(offered->lines[0], 1, first);
    if (strcmp(second, "0") == 0)
        return in_bundle ? "RFC 9143 section 7.3.3: a refused section in the BUNDLE" : NULL;
    if (strcmp(first, "0") == 0 && has(offered, "bundle-only") == NULL)
        return "RFC 3264 section 6: accepted what was not offered";
    if (has(answered, "bundle-only") != NULL)
        return "RFC 9143 section 7.3: bundle-only in an answer";
    bool carries = !in_bundle || strcmp(mid, tagged) == 0;
    if (!carries && (has(answered, "ice-ufrag") != NULL || has(answered, "fingerprint") != NULL))
        return "RFC 9143 section 7.1.3: transport attributes outside of the tagged section";
    const char *broken = carries ? transport_breaks(offer, offered, answered) : NULL;
    if (broken == NULL)
        broken = strncmp(offered->lines[0], "m=application ", 14) == 0 ? data_breaks(offered, answered) : rtp_breaks(offer, answer, offered, answered);
    return broken;
}

/* RFC 9143 section 7.3: each group of the answer is a part of one group of the offer. */
static const char *groups_break(const struct text *offer, const struct text *answer) {
    const char *value;
    char first[WIDTH];
    char mid[WIDTH];
    for (int i = 0; (value = value_of(&answer->parts[0], "group", i)) != NULL; i++) {
        if (strncmp(value, "BUNDLE", 6) != 0)
            continue;
        word(value, 1, first);
        for (int j = 1;; j++) {
            word(value, j, mid);
            if (mid[0] == '\0')
                break;
            if (bundle_of(offer, mid)[0] == '\0' || bundle_of(offer, mid) != bundle_of(offer, first))
                return "RFC 9143 section 7.3: a BUNDLE that was not offered as one";
        }
    }
    return NULL;
}

const char *answer_breaks(const char *offer_text, const char *answer_text) {
    static struct text offer;
    static struct text answer;
    split(&offer, offer_text);
    split(&answer, answer_text);
    const char *broken = offer.part_count != answer.part_count ? "RFC 3264 section 6: another number of sections" : groups_break(&offer, &answer);
    for (int i = 1; broken == NULL && i < offer.part_count; i++)
        broken = section_breaks(&offer, &answer, i);
    free(offer.copy);
    free(answer.copy);
    return broken;
}
