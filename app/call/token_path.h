/* Where the bearer token goes, as far as its owner should hear of it: in the clear, or to another server than the one that it was given for. */
#ifndef CALL_TOKEN_PATH_H
#define CALL_TOKEN_PATH_H

#include <stdbool.h>

#include "app/call/problem.h"
#include "signaling/http.h"

/* The server that had the token last; all zero at first. */
struct call_token_path {
    bool is_tls;
    char authority[SIGNALING_HTTP_AUTHORITY_BYTES]; /* "": nobody had it */
};

/* The token is about to go to `url`. True: there is something to say about it, in `sentence`; once for each change of server. */
bool call_token_path_step(struct call_token_path *path, const struct signaling_http_url *url, char sentence[CALL_SENTENCE_BYTES]);

#endif
