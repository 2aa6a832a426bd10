/*
 * The messages of RFC 8832, and the payload protocol identifiers of RFC 8831 section 8.
 *
 *      0                   1                   2                   3
 *     +---------------+---------------+-------------------------------+
 *     | Type = 3 OPEN |  Channel Type |           Priority            |
 *     +---------------+---------------+-------------------------------+
 *     |                     Reliability Parameter                     |
 *     +-------------------------------+-------------------------------+
 *     |         Label Length          |        Protocol Length        |
 *     +-------------------------------+-------------------------------+
 *     \                       Label, then Protocol                    \
 *
 *     | Type = 2 ACK |  alone
 */
#ifndef SCTP_DATA_CHANNEL_MESSAGE_INTERNAL_H
#define SCTP_DATA_CHANNEL_MESSAGE_INTERNAL_H

#include "sctp/association.h"

enum data_channel_payload_protocol { /* RFC 8831 section 8 */
    DATA_CHANNEL_PPID_CONTROL = 50,
    DATA_CHANNEL_PPID_TEXT = 51,
    DATA_CHANNEL_PPID_BINARY_PARTIAL = 52, /* deprecated: understood, never sent */
    DATA_CHANNEL_PPID_BINARY = 53,
    DATA_CHANNEL_PPID_TEXT_PARTIAL = 54,   /* deprecated */
    DATA_CHANNEL_PPID_TEXT_EMPTY = 56,
    DATA_CHANNEL_PPID_BINARY_EMPTY = 57
};

enum data_channel_message_type { DATA_CHANNEL_MESSAGE_ACK = 2, DATA_CHANNEL_MESSAGE_OPEN = 3 };
#define DATA_CHANNEL_OPEN_BYTES 12 /* without label and protocol */

struct data_channel_open_message {
    bool is_unordered;
    enum sctp_reliability reliability;
    uint32_t limit; /* retransmissions, or milliseconds */
    uint16_t priority;
    const char *label, *protocol; /* views: not NUL-terminated */
    size_t label_length, protocol_length;
};

/* SCTP_ERROR_MALFORMED: another type, a length that does not fit exactly, a channel type that does not exist, or text that is not UTF-8. */
int data_channel_read_open(const uint8_t *bytes, size_t length, struct data_channel_open_message *out);
/* Returns the length; SCTP_ERROR_BUFFER. The lengths are DATA_CHANNEL_LABEL_MAX_BYTES at most. */
int data_channel_write_open(const struct data_channel_open_message *message, uint8_t *buffer, size_t capacity);
/* RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
bool data_channel_is_utf8(const char *text, size_t length);

#endif
