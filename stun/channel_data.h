/*
 * ChannelData messages: data to and from a peer of a TURN allocation, behind four bytes (RFC 8656 sections 12.4 to 12.6), and the
 * lengths by which STUN and ChannelData messages are told apart on a byte stream.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |         Channel Number        |            Length             |
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   /                       Application Data                        /
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Length counts the data alone. On TCP and TLS the message is padded to a multiple of four bytes; in a UDP datagram it may be.
 * Everything here is a function over the caller's bytes; errors are those of stun/message.h.
 */
#ifndef STUN_CHANNEL_DATA_H
#define STUN_CHANNEL_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stun/message.h"

#define STUN_CHANNEL_DATA_HEADER_BYTES 4
#define STUN_CHANNEL_NUMBER_MIN 0x4000u /* RFC 8656 section 12: first octets 64..79; 0x5000 and above are reserved */
#define STUN_CHANNEL_NUMBER_MAX 0x4FFFu
#define STUN_CHANNEL_DATA_MAX_BYTES 65535u /* of application data */

/* A parsed message: `data` is a view of `length` bytes (0 is valid) into the bytes given to the parser. */
struct stun_channel_data {
    uint16_t channel;
    uint16_t length;
    const uint8_t *data;
};

/* Quick look: does the first octet say ChannelData (RFC 7983: 64..79)? False for no bytes. */
bool stun_channel_data_is(const uint8_t *bytes, size_t length);

/*
 * Parses one message at the beginning of `bytes`; what follows its data is padding and is not looked at.
 * Returns STUN_OK; STUN_ERROR_NOT_STUN: the channel number is outside 0x4000..0x4FFF (another protocol, or reserved: drop);
 * STUN_ERROR_MALFORMED: fewer bytes than the header or its length field claim (drop). *out is written on success only.
 */
int stun_channel_data_parse(const uint8_t *bytes, size_t length, struct stun_channel_data *out);

/*
 * Writes the header in front of data that is already there, and zeros behind it when `padded`.
 * bytes      of `capacity`; the data begins at bytes + STUN_CHANNEL_DATA_HEADER_BYTES and is `length` bytes
 * padded     true on TCP and TLS
 * Returns the length of the whole message (> 0); STUN_ERROR_ARGUMENT: channel or length out of range; STUN_ERROR_BUFFER: capacity is short.
 */
int stun_channel_data_write(uint8_t *bytes, size_t capacity, uint16_t channel, size_t length, bool padded);

/* With so many bytes stun_stream_message_bytes always has an answer; for ChannelData four are enough. */
#define STUN_STREAM_HEADER_BYTES 8

/*
 * How long is the message that starts here on a stream from a TURN server, padding included (RFC 8656 section 12.5, RFC 8489 section 6.2.2)?
 * Returns the length (>= 4); STUN_ERROR_BUFFER: wait for more bytes; STUN_ERROR_NOT_STUN: neither STUN (its first bits, its cookie) nor
 * ChannelData stands here. Then nothing behind it can be trusted either: close the stream.
 */
int stun_stream_message_bytes(const uint8_t *bytes, size_t length);

#endif
