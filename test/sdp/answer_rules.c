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

static const char *bundle(const struct text *text) {
    const char *value;
    for (int i = 0; (value = value_of(&text->parts[0], "group", i)) != NULL; i++)
        if (strncmp(value, "BUNDLE", 6) == 0)
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

static const char *section_breaks(const struct text *offer, const struct text *answer, int i, const char *tagged) {
    const struct part *offered = &offer->parts[i];
    const struct part *answered = &answer->parts[i];
    char first[WIDTH];
    char second[WIDTH];
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
    bool in_bundle = mid != NULL && word_in(bundle(answer), mid, 0);
    word(answered->lines[0], 1, second);
    word(offered->lines[0], 1, first);
    if (strcmp(second, "0") == 0)
        return in_bundle ? "RFC 9143 section 7.3.3: a refused section in the BUNDLE" : NULL;
    if (strcmp(first, "0") == 0 && has(offered, "bundle-only") == NULL)
        return "RFC 3264 section 6: accepted what was not offered";
    if (has(answered, "bundle-only") != NULL)
        return "RFC 9143 section 7.3: bundle-only in an answer";
    if (has(answered, "rtcp-mux") == NULL || has(offered, "rtcp-mux") == NULL)
        return "RFC 5761 section 5.1.1: rtcp-mux on both sides";
    if (has(answered, "rtcp-rsize") != NULL && has(offered, "rtcp-rsize") == NULL)
        return "RFC 5506 section 5: rtcp-rsize was not offered";
    if (!direction_fits(direction(offer, offered), direction(answer, answered)))
        return "RFC 3264 section 6.1: a direction that was not offered";
    bool carries = !in_bundle || strcmp(mid, tagged) == 0;
    if (!carries && (has(answered, "ice-ufrag") != NULL || has(answered, "fingerprint") != NULL))
        return "RFC 9143 section 7.1.3: transport attributes outside of the tagged section";
    const char *broken = carries ? transport_breaks(offer, offered, answered) : NULL;
    return broken != NULL ? broken : media_breaks(offered, answered);
}

const char *answer_breaks(const char *offer_text, const char *answer_text) {
    static struct text offer;
    static struct text answer;
    char tagged[WIDTH];
    const char *broken = NULL;
    split(&offer, offer_text);
    split(&answer, answer_text);
    word(bundle(&answer), 0, tagged);
    if (offer.part_count != answer.part_count)
        broken = "RFC 3264 section 6: another number of sections";
    for (int i = 0; broken == NULL; i++) {
        char mid[WIDTH];
        word(bundle(&answer), i, mid);
        if (mid[0] == '\0')
            break;
        if (!word_in(bundle(&offer), mid, 0))
            broken = "RFC 9143 section 7.3: a BUNDLE member that was not offered as one";
    }
    /* Without BUNDLE one section at most is accepted, as there is one transport. */
    int accepted_alone = 0;
    for (int i = 1; broken == NULL && i < offer.part_count; i++) {
        broken = section_breaks(&offer, &answer, i, tagged);
        char port[WIDTH];
        word(answer.parts[i].lines[0], 1, port);
        const char *mid = has(&answer.parts[i], "mid");
        if (strcmp(port, "0") != 0 && (mid == NULL || !word_in(bundle(&answer), mid, 0)))
            accepted_alone++;
    }
    if (broken == NULL && accepted_alone > 1)
        broken = "RFC 9143 section 7.3: two transports where there is one";
    free(offer.copy);
    free(answer.copy);
    return broken;
}
