/* The packets of $STRATA_CORPORA/sctp. */
#ifndef TEST_SCTP_CORPORA_H
#define TEST_SCTP_CORPORA_H

#include <stdbool.h>

#include "sctp/packet.h"

/* Calls `take` with each chunk of each file that is a packet, in a copy of exactly its bytes. False: there are none: skip(). */
bool corpora_chunks(const char *test, void (*take)(void *context, const char *file, const struct sctp_chunk *chunk), void *context);

#endif
