/*
 * How many instructions a function takes, counted one by one: a child runs it and its parent steps through it. Exact, the same in every run,
 * and needs no counter of the processor, which virtual machines and containers often withhold; some microseconds a step.
 */
#ifndef BENCH_INSTRUCTIONS_H
#define BENCH_INSTRUCTIONS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* From one SIGSTOP of the child to its next. */
static uint64_t instructions_until_stop(pid_t child) {
    int status;
    for (uint64_t steps = 0;; steps++) {
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
            return 0;
        if (WSTOPSIG(status) == SIGSTOP)
            return steps;
    }
}

static void instructions_nothing(void) {
}

/* Of the second run of `run`, without what calling it costs; 0: this machine lets no process step through another. */
static uint64_t instructions_of(void (*run)(void)) {
    int status;
    uint64_t counts[2];
    pid_t child = fork();
    if (child < 0)
        return 0;
    if (child == 0) {
        void (*volatile runs[])(void) = {run, instructions_nothing, run};
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(1);
        runs[0](); /* symbols are bound, pages are there */
        for (size_t i = 1; i < 3; i++) {
            raise(SIGSTOP);
            runs[i]();
        }
        raise(SIGSTOP);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
        return 0;
    counts[0] = instructions_until_stop(child);
    counts[1] = instructions_until_stop(child);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return counts[0] == 0 || counts[1] < counts[0] ? 0 : counts[1] - counts[0];
}

#endif
