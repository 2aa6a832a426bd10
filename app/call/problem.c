#include "app/call/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/call/harmless.h"

void call_sentence(char sentence[CALL_SENTENCE_BYTES], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, CALL_SENTENCE_BYTES, format, arguments);
    va_end(arguments);
    call_make_harmless(sentence, strlen(sentence), ""); /* a peer or a server may have had a say in it */
}

void call_problem_set(struct call_problem *problem, enum call_exit exit_code, const char *layer, const char *what, const char *why,
                      const char *try_this) {
    problem->exit_code = exit_code;
    problem->layer = layer;
    call_sentence(problem->what, "%s", what ? what : "");
    call_sentence(problem->why, "%s", why ? why : "");
    call_sentence(problem->try_this, "%s", try_this ? try_this : "");
}

void call_problem_print(const struct call_problem *problem, const char *program) {
    fprintf(stderr, "%s: %s\n  why: %s\n  try: %s\n", program, problem->what, problem->why, problem->try_this);
}
