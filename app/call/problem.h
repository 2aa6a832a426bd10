/*
 * What a program says when something failed: three sentences, and the exit code of docs/programs.md.
 */
#ifndef CALL_PROBLEM_H
#define CALL_PROBLEM_H

#define CALL_SENTENCE_BYTES 320

/* 64..78 are those of sysexits.h. The numbers are fixed: scripts rely on them. */
enum call_exit {
    CALL_EXIT_OK = 0,
    CALL_EXIT_ICE = 10,          /* no path was found */
    CALL_EXIT_DTLS = 11,         /* the handshake failed */
    CALL_EXIT_FINGERPRINT = 12,  /* the certificate is not the one that signaling announced */
    CALL_EXIT_NO_MEDIA = 13,     /* connected, but nothing could be decoded */
    CALL_EXIT_SDP = 14,          /* the descriptions could not be agreed */
    CALL_EXIT_PEER_VANISHED = 15,
    CALL_EXIT_ROOM_FULL = 16,
    CALL_EXIT_USAGE = 64,
    CALL_EXIT_INPUT = 65,        /* a file is not what its name says */
    CALL_EXIT_SIGNALING = 69,    /* the signaling server is not reachable */
    CALL_EXIT_SOFTWARE = 70,     /* an error of ours */
    CALL_EXIT_SYSTEM = 71,       /* no socket, no thread, no memory */
    CALL_EXIT_FILE = 74,         /* a file or a device failed */
    CALL_EXIT_NOBODY = 75,       /* nobody came in time */
    CALL_EXIT_PROTOCOL = 76,     /* the signaling server says what we do not understand */
    CALL_EXIT_INTERRUPTED = 130  /* SIGINT */
};

/*
 * exit_code  0: there is no problem
 * layer      of the JSON summary: "usage", "signaling", "sdp", "ice", "dtls", "media", "data", "peer", "system"; a literal
 * what       what was being done and did not work
 * why        the reason, as exactly as it is known
 * try_this   what to do next
 */
struct call_problem {
    enum call_exit exit_code;
    const char *layer;
    char what[CALL_SENTENCE_BYTES];
    char why[CALL_SENTENCE_BYTES];
    char try_this[CALL_SENTENCE_BYTES];
};

/* Copies the sentences; what is longer than CALL_SENTENCE_BYTES - 1 is cut. NULL is the empty sentence. */
void call_problem_set(struct call_problem *problem, enum call_exit exit_code, const char *layer, const char *what, const char *why,
                      const char *try_this);

/* Makes one of the sentences with a format. */
void call_sentence(char sentence[CALL_SENTENCE_BYTES], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the three sentences to stderr. `program` begins the first line. */
void call_problem_print(const struct call_problem *problem, const char *program);

#endif
