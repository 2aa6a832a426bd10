/*
 * The --json lines (docs/programs.md): one object a line, each with "t" (seconds since the program began) and "event".
 */
#ifndef CALL_JSON_LOG_H
#define CALL_JSON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "app/call/problem.h"

struct call_json_log;

/*
 * file        NULL: stdout
 * started_us  what "t" counts from
 * Returns NULL with *problem (CALL_EXIT_FILE) when the file cannot be made, or memory is short.
 */
struct call_json_log *call_json_log_new(const char *file, uint64_t started_us, struct call_problem *problem);

/* Flushes and closes. NULL is fine. Returns false when a line could not be written. */
bool call_json_log_free(struct call_json_log *log);

/*
 * Writes one line. `members` is an object whose members come after "t" and "event"; its reference is taken, also on failure. NULL: there are
 * none. With `log` NULL only the reference is taken, so that callers need not ask.
 */
void call_json_log_event(struct call_json_log *log, uint64_t now_us, const char *event, json_t *members);

#endif
