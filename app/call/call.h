/*
 * A whole program that makes a call: signaling session, PeerConnection, sockets and media on one libuv loop. caller and callee are this with
 * one word of difference.
 */
#ifndef CALL_CALL_H
#define CALL_CALL_H

#include <stdbool.h>

/*
 * Reads the command line, makes the call, tells about it, and returns the exit code of the program (app/call/problem.h, docs/programs.md).
 * creates_offer  true: caller, which offers when the other side is ready; false: callee, which never offers first
 */
int call_main(int argument_count, char **arguments, const char *program, bool creates_offer);

#endif
