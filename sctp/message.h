/*
 * A message as its sender gives it to an association, and where the objects of sctp/ take their memory from.
 */
#ifndef SCTP_MESSAGE_H
#define SCTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * allocate  returns `bytes` bytes aligned for any type, or NULL
 * release   takes back what allocate returned
 * Copied by whoever takes it.
 */
struct sctp_allocator {
    void *(*allocate)(void *context, size_t bytes);
    void (*release)(void *context, void *memory);
    void *context;
};

/* What is done for a message that got lost: RFC 9260, RFC 3758 section 4.1 and RFC 7496 section 3.1. */
enum sctp_reliability {
    SCTP_RELIABLE = 0,
    SCTP_LIMITED_RETRANSMITS, /* reliability_limit: how often each of its fragments may be sent again, 0 and up */
    SCTP_LIMITED_LIFETIME     /* reliability_limit: microseconds from send on; later it is neither sent nor sent again */
};

/*
 * stream            0..65534
 * payload_protocol  as it goes on the wire (RFC 8831 section 8)
 * is_unordered      overtakes the ordered ones of its stream at the receiver
 * priority          weight of its stream among the others from now on; 0 counts as SCTP_PRIORITY_NORMAL
 * bytes, length     copied; length 1 at least: SCTP has no empty messages (RFC 9260 section 3.3.1)
 */
struct sctp_message {
    uint16_t stream;
    uint32_t payload_protocol;
    bool is_unordered;
    enum sctp_reliability reliability;
    uint64_t reliability_limit;
    uint16_t priority;
    const uint8_t *bytes;
    size_t length;
};
#define SCTP_PRIORITY_NORMAL 256 /* RFC 8831 section 6.4 */

#endif
