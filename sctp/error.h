/*
 * What can go wrong, in three tiers.
 *   peer    (the packet is dropped, nothing changed)   MALFORMED, CHECKSUM
 *   caller  (nothing changed; call again, corrected)   ARGUMENT, BUFFER, CAPACITY, STATE
 *   fatal   (only _free remains)                       MEMORY
 */
#ifndef SCTP_ERROR_H
#define SCTP_ERROR_H

enum sctp_error {
    SCTP_OK = 0,
    SCTP_ERROR_MALFORMED = -1, /* a length that does not fit, or a value that RFC 9260 section 3 forbids */
    SCTP_ERROR_CHECKSUM = -2,  /* the CRC32c is another (RFC 9260 section 6.8) */
    SCTP_ERROR_ARGUMENT = -3,  /* outside the range that the header gives */
    SCTP_ERROR_BUFFER = -4,    /* the packet would not fit the capacity */
    SCTP_ERROR_CAPACITY = -5,  /* a named limit */
    SCTP_ERROR_STATE = -6,     /* not now */
    SCTP_ERROR_MEMORY = -7     /* the allocator said no, or the budget is spent */
};

#endif
