/* What the files of the command line share: the reader of one flag (options.c) and the flags about the network (options_network.c). */
#ifndef CALL_OPTIONS_INTERNAL_H
#define CALL_OPTIONS_INTERNAL_H

#include "app/call/options.h"

struct call_reader {
    struct call_options *options;
    struct call_problem *problem;
    const char *flag;  /* as it was written, for sentences */
    const char *value; /* of the flag, NULL when it takes none, or must not be repeated */
};

/* Says that the flag cannot be used. Always false. */
bool call_reader_refuse(struct call_reader *reader, const char *why, const char *try_this);

/* Copies a text that is neither empty nor longer than capacity - 1. */
bool call_reader_set_text(struct call_reader *reader, char *out, size_t capacity, const char *text);

/* options_network.c */
bool call_reader_on_ice_server(struct call_reader *reader);
bool call_reader_on_ice_username(struct call_reader *reader);
bool call_reader_on_ice_credential(struct call_reader *reader);
bool call_reader_on_ice_credential_file(struct call_reader *reader);
bool call_reader_on_ice_transport_policy(struct call_reader *reader);
bool call_reader_on_mdns(struct call_reader *reader);
bool call_reader_check_network(struct call_reader *reader); /* once, after the last flag */

/* options_whip.c */
bool call_reader_on_whip(struct call_reader *reader);
bool call_reader_on_whep(struct call_reader *reader);
bool call_reader_on_token_file(struct call_reader *reader);
bool call_reader_check_whip(struct call_reader *reader, bool is_caller); /* once, after the last flag; the defaults of what is sent */

#endif
