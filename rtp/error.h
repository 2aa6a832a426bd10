/*
 * What the functions of rtp/ return when they return an int, and the allocator that its objects take.
 *
 *   peer    (hostile or broken input: the packet is dropped, the object is fine)   MALFORMED, UNKNOWN_SOURCE, STALE
 *   caller  (nothing changed; call again, corrected)                               ARGUMENT, BUFFER, CAPACITY, STATE
 * Nothing here is fatal: memory is taken when an object is made, never later.
 */
#ifndef RTP_ERROR_H
#define RTP_ERROR_H

#include <stddef.h>

enum rtp_error {
    RTP_OK = 0,
    RTP_ERROR_MALFORMED = -1,      /* not RTP or RTCP, or a length that runs past the end: drop */
    RTP_ERROR_UNKNOWN_SOURCE = -2, /* no receiver takes this MID, payload type or SSRC, or the source is on probation: drop */
    RTP_ERROR_STALE = -3,          /* a duplicate, or too old to be played: drop */
    RTP_ERROR_ARGUMENT = -4,       /* a value out of the range its header gives */
    RTP_ERROR_BUFFER = -5,         /* the packet does not fit the capacity */
    RTP_ERROR_CAPACITY = -6,       /* a named limit is reached: RTP_..._MAX, the history, or the byte budget */
    RTP_ERROR_STATE = -7           /* after BYE */
};

/* Where an object takes its memory from: once, when it is made. `release` takes back what `allocate` returned. Copied. */
struct rtp_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
    void *context;
};

#endif
