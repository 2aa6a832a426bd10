/* The bearer token of WHIP and WHEP (RFC 6750), from its file: what signaling-server wants, and what caller says. */
#ifndef CALL_TOKEN_H
#define CALL_TOKEN_H

#include "signaling/whip.h"

/*
 * One line of 1 to SIGNALING_WHIP_TOKEN_MAX_BYTES of A-Z a-z 0-9 - . _ ~ + / = (RFC 6750 section 2.1); blanks around it and empty lines do not count.
 * Returns 0; -EBADMSG: the file has no such line, or more than one, token is then ""; or what opening and reading said, as -errno.
 */
int call_token_read(const char *path, char token[SIGNALING_WHIP_TOKEN_MAX_BYTES + 1]);

#endif
