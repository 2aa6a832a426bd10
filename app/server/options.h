/* The command line of signaling-server (docs/signaling.md). */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include "app/server/ice_servers.h"
#include "signaling/websocket/server.h"
#include "signaling/whip.h"
#include "stun/address.h"

#define SERVER_SENTENCE_BYTES 320

/* Strings point into argv. */
struct server_options {
    char address_text[STUN_ADDRESS_TEXT_BYTES]; /* what to listen on, without brackets */
    struct stun_address address;                /* the same, with the port; 0: the kernel chooses */
    struct server_ice_servers ice_servers;      /* configured and secret */
    const char *origins[SIGNALING_SERVER_ORIGINS_MAX];
    size_t origin_count;
    const char *tls_certificate_file, *tls_key_file; /* both or none */
    uint32_t max_room_size, max_message_bytes;       /* 0: the default */
    const char *turn_secret_file;                    /* NULL: none */
    const char *token_file;                          /* NULL: none */
    char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1];  /* "": none */
    bool is_turn_secret_exposed;                     /* others may read that file */
    int verbosity;                                   /* -1 quiet, 0, 1 */
    bool wants_help, wants_version;
};

/* What is wrong, as docs/programs.md wants it said. exit_code: 64 for the command line, 65 for a file of no use, 74 for one that cannot be read. */
struct server_problem {
    int exit_code;
    char what[SERVER_SENTENCE_BYTES], why[SERVER_SENTENCE_BYTES], try_this[SERVER_SENTENCE_BYTES];
};

/* Reads the command line, and the files of --turn-secret-file and --token-file. False: *problem was written. No sentence holds a secret. */
bool server_options_parse(int count, char **arguments, struct server_options *out, struct server_problem *problem);

extern const char server_options_help[];

#endif
