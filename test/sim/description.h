/*
 * The description of a transport as a small text file, for tests that have no SDP: what one side tells the other.
 *
 *     ufrag: 8hhY...
 *     pwd: asd88fgpdd777uzjYhagZg...
 *     setup: actpass
 *     fingerprint: sha-256 4A:AD:...
 *     candidate: candidate:1 1 udp 2130706431 10.0.0.1 5000 typ host
 *     end-of-candidates
 */
#ifndef TEST_SIM_DESCRIPTION_H
#define TEST_SIM_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "app/peer/peer_transport.h"

#define DESCRIPTION_MAX_BYTES 16384

struct description {
    struct peer_transport_parameters parameters; /* its strings point into the text it was read from */
    struct ice_candidate candidates[ICE_LOCAL_CANDIDATE_MAX];
    size_t candidate_count;
    bool is_complete; /* it ends with end-of-candidates */
};

/* Writes what `transport` has gathered; or nothing of it, since it is not complete and will be trickled. Returns the length without NUL, 0 when
 * it does not fit. */
size_t description_write(const struct peer_transport *transport, bool is_complete, char *text, size_t capacity);

/* Reads a description. `text` stays where it is while *out is used. False: something in it is not as above. */
bool description_read(const char *text, struct description *out);

/* Gives a description to a transport: parameters, candidates, end of candidates. False: something was refused. */
bool description_apply(struct peer_transport *transport, uint64_t now_us, const struct description *remote, enum dtls_role local_role);

/* description_write into a file that appears whole, and reading it back. True on success. */
bool description_write_file(const char *path, const struct peer_transport *transport, bool is_complete);
bool description_read_file(const char *path, char text[DESCRIPTION_MAX_BYTES], struct description *out);

#endif
