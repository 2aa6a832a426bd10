/*
 * The rules of RFC 9429 section 5.3 for an initial answer, checked on the two texts alone. It shares no code with sdp/:
 * it splits lines itself, so that an error there cannot hide here.
 */
#ifndef TEST_SDP_ANSWER_RULES_H
#define TEST_SDP_ANSWER_RULES_H

/* NULL when `answer` may answer `offer`; else a static sentence with the broken rule. Both NUL-terminated. */
const char *answer_breaks(const char *offer, const char *answer);

#endif
