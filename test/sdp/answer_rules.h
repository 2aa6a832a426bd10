/*
 * The rules of RFC 9429 section 5.3 for an initial answer, and of what it builds on, checked on the two texts alone.
 * It shares no code with sdp/: it splits lines itself, so that an error there cannot hide here.
 */
#ifndef TEST_SDP_ANSWER_RULES_H
#define TEST_SDP_ANSWER_RULES_H

#include "answer_text.h"

/* NULL when `answer` may answer `offer`; else a static sentence with the broken rule. Both NUL-terminated. */
const char *answer_breaks(const char *offer, const char *answer);

/* Of one accepted section with RTP: answer_rules_rtp.c. */
const char *answer_rtp_breaks(const struct text *offer, const struct text *answer, const struct part *offered, const struct part *answered);

#endif
