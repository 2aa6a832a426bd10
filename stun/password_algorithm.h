/*
 * PASSWORD-ALGORITHMS and PASSWORD-ALGORITHM: which hash makes the long-term key (RFC 8489 sections 14.11, 14.12 and 18.5). The value
 * of the former is a list of entries, the latter's is one entry:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |          Algorithm            |  Algorithm Parameters Length  |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |            Algorithm Parameters (variable), padded         ....
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * MD5 and SHA-256, the only ones there are, have no parameters.
 */
#ifndef STUN_PASSWORD_ALGORITHM_H
#define STUN_PASSWORD_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/integrity.h"
#include "stun/message.h"

/* One entry: `parameters` is a view into the list. */
struct stun_password_algorithm_entry {
    uint16_t algorithm; /* one of enum stun_password_algorithm, or one that we do not know */
    uint16_t parameters_length;
    const uint8_t *parameters;
};

/*
 * Walks the list. Start with *offset = 0.
 * list, length   the value of PASSWORD-ALGORITHMS, or of PASSWORD-ALGORITHM
 * Returns STUN_OK and the entry; STUN_ERROR_NOT_FOUND at the end; STUN_ERROR_MALFORMED: an entry runs past the end.
 */
int stun_password_algorithm_next(const uint8_t *list, size_t length, size_t *offset, struct stun_password_algorithm_entry *out);

/*
 * The first entry of the list that we support (RFC 8489 section 9.2.5): MD5 or SHA-256, without parameters.
 * Returns STUN_OK; STUN_ERROR_NOT_FOUND: none of them; STUN_ERROR_MALFORMED: the list is broken, whatever stands before the break.
 */
int stun_password_algorithm_choose(const uint8_t *list, size_t length, enum stun_password_algorithm *out);

/* Adds PASSWORD-ALGORITHM with one entry. Errors stick in the writer. */
void stun_writer_add_password_algorithm(struct stun_writer *writer, enum stun_password_algorithm algorithm);

/* Adds PASSWORD-ALGORITHMS with these entries, best first. (A client sends the server's list back with stun_writer_add_bytes.) */
void stun_writer_add_password_algorithms(struct stun_writer *writer, const enum stun_password_algorithm *algorithms, size_t count);

#endif
