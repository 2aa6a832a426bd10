/*
 * What the functions of dtls/ return when they return an int, and the allocator that its objects take.
 */
#ifndef DTLS_ERROR_H
#define DTLS_ERROR_H

#include <stddef.h>

/*
 * Three tiers.
 *   peer    (the bytes are broken or hostile; drop them, the object is fine)   MALFORMED, WEAK_HASH, AUTHENTICATION, REPLAY
 *   caller  (nothing changed; call again, corrected or later)                  ARGUMENT, BUFFER, STATE, CAPACITY
 *   fatal   (a library below failed; only the free function remains)           FATAL
 */
enum dtls_error {
    DTLS_OK = 0,
    DTLS_ERROR_MALFORMED = -1,      /* not what the syntax allows */
    DTLS_ERROR_WEAK_HASH = -2,      /* a well-formed fingerprint whose hash is unknown or too weak: skip it, use another */
    DTLS_ERROR_AUTHENTICATION = -3, /* the tag of a packet does not match */
    DTLS_ERROR_REPLAY = -4,         /* this packet came before, or is older than the replay window */
    DTLS_ERROR_ARGUMENT = -5,       /* a value out of the range that the header gives */
    DTLS_ERROR_BUFFER = -6,         /* the result does not fit the capacity given */
    DTLS_ERROR_STATE = -7,          /* not in this state: not connected yet, closed or failed already */
    DTLS_ERROR_CAPACITY = -8,       /* a named limit of this library is reached */
    DTLS_ERROR_FATAL = -9           /* OpenSSL or libsrtp2 failed: out of memory, key used up */
};

/*
 * Where the memory of an object comes from. Never called on the path of a packet. The insides of OpenSSL and libsrtp2
 * are exempt: they use malloc.
 * context   handed to both functions, never looked at
 * allocate  returns `bytes` bytes aligned for any type, or NULL
 * release   takes back what allocate returned
 */
struct dtls_allocator {
    void *context;
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
};

#endif
