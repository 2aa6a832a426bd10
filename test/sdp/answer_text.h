/*
 * A description as lines, for answer_rules*.c alone: it splits and searches by itself and shares no code with sdp/, so that
 * an error there cannot hide here. Deliberately simple: lines are strings, found by comparing them one after another.
 */
#ifndef TEST_SDP_ANSWER_TEXT_H
#define TEST_SDP_ANSWER_TEXT_H

#include <stdbool.h>

enum { ANSWER_LINES = 10400, ANSWER_PARTS = 130, ANSWER_WIDTH = 1200 };

/* From an m= line to the next; lines[0] is the m= line. Of the session level: from v=. */
struct part {
    char **lines;
    int count;
};

struct text {
    char *copy;
    char *lines[ANSWER_LINES];
    struct part parts[ANSWER_PARTS]; /* 0: session level */
    int part_count;
};

void text_split(struct text *out, const char *text);
void text_free(struct text *text);

/* What stands behind "a=name:" or "a=name" in the n-th such line; NULL: there is none. */
const char *value_of(const struct part *part, const char *name, int n);
const char *has(const struct part *part, const char *name);
int count_of(const struct part *part, const char *name);
/* The n-th word into `out` (ANSWER_WIDTH), "" when there is none. */
void word(const char *text, int n, char *out);
/* Is it among the words from number `from` on? */
bool word_in(const char *text, const char *wanted, int from);
/* The value that begins with these words, of all lines of that attribute; NULL: none. "rtpmap", "96" finds "VP8/90000". */
const char *value_behind(const struct part *part, const char *name, const char *first_word);
/* The value of "name=" in "a=1;b=2"; false, and "", when it is not there. */
bool parameter(const char *parameters, const char *name, char *out);
/* "sendrecv" and so on: of the part, else of the session, else sendrecv. */
const char *direction_of(const struct text *text, const struct part *part);
/* The mids of the BUNDLE that a mid is in; "" when it is in none. */
const char *bundle_of(const struct text *text, const char *mid);
/* The part with this mid; NULL when there is none. */
const struct part *part_of(const struct text *text, const char *mid);
bool is_refused(const struct part *part);

#endif
