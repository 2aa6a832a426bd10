/* probe: what the trickle-ice page shows, as a command, and then what the NAT does and whether the TURN servers really relay. docs/programs.md */
#ifndef PROBE_H
#define PROBE_H

/* Runs the program; returns its exit code: 0 everything asked for came, 10 some did not, 69 nothing answered, 64 and others as in app/call/problem.h. */
int probe_main(int argument_count, char **arguments);

#endif
