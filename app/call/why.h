/*
 * Why a path was found, or none: the numbers of an ICE agent in sentences. Pure functions of the agent's statistics; app/call prints them.
 */
#ifndef CALL_WHY_H
#define CALL_WHY_H

#include "app/call/problem.h"
#include "ice/agent.h"
#include "ice/nat_behaviour.h"

/* What became of one pair: "no answer to 7 requests", "won: round trip 12.3 ms". Without a full stop. */
void call_why_pair(const struct ice_pair_statistics *pair, char sentence[CALL_SENTENCE_BYTES]);

/*
 * Why the selected pair won over those of a higher priority: "chosen over 2 better-ranked pairs: host to host had no answer to 4 requests".
 * Empty when no pair is selected.
 */
void call_why_won(const struct ice_agent *agent, char sentence[CALL_SENTENCE_BYTES]);

/*
 * Why ICE failed (CALL_EXIT_ICE): what was tried, what became of it, what the two NATs are, and what would help.
 * relay_only  the policy was relay
 */
void call_why_failed(const struct ice_agent *agent, bool relay_only, struct call_problem *problem);

/* Why a stream ended: an errno, one of ICE_STREAM_ERROR_*, or 0. A literal, or strerror's. */
const char *call_why_stream(int error);

/* What is wrong with a server, or "" when a candidate came of it: for the log, and for why_failed. Without a full stop. */
void call_why_server(const struct ice_server_statistics *server, char sentence[CALL_SENTENCE_BYTES]);

#endif
