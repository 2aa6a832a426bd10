/* ChannelData, RFC 8656 sections 12.4 to 12.6, and the framing of TURN on a byte stream. The picture stands in stun/channel_data.h. */
#include "stun/channel_data.h"

#include <string.h>

#include "stun/bytes_internal.h"

static bool is_channel_number(uint16_t number) {
    /* RFC 8656 section 12: 0x4000 to 0x4FFF; all above is reserved, lest it be mistaken for DTLS or RTP (RFC 7983 section 7). */
    return number >= STUN_CHANNEL_NUMBER_MIN && number <= STUN_CHANNEL_NUMBER_MAX;
}

bool stun_channel_data_is(const uint8_t *bytes, size_t length) {
    return length > 0 && bytes[0] >= STUN_CHANNEL_NUMBER_MIN >> 8 && bytes[0] <= STUN_CHANNEL_NUMBER_MAX >> 8;
}

int stun_channel_data_parse(const uint8_t *bytes, size_t length, struct stun_channel_data *out) {
    if (length >= 2 && !is_channel_number(stun_load_u16(bytes)))
        return STUN_ERROR_NOT_STUN;
    if (length < STUN_CHANNEL_DATA_HEADER_BYTES)
        return STUN_ERROR_MALFORMED;
    uint16_t data_length = stun_load_u16(bytes + 2);
    /* RFC 8656 section 12.6: a datagram too short for the length that it claims is dropped. Longer it may be: padding (section 12.5). */
    if (data_length > length - STUN_CHANNEL_DATA_HEADER_BYTES)
        return STUN_ERROR_MALFORMED;
    *out = (struct stun_channel_data){.channel = stun_load_u16(bytes), .length = data_length, .data = bytes + STUN_CHANNEL_DATA_HEADER_BYTES};
    return STUN_OK;
}

int stun_channel_data_write(uint8_t *bytes, size_t capacity, uint16_t channel, size_t length, bool padded) {
    if (!is_channel_number(channel) || length > STUN_CHANNEL_DATA_MAX_BYTES)
        return STUN_ERROR_ARGUMENT;
    /* RFC 8656 section 12.5, MUST: padded to four bytes over TCP and TLS; the length field does not count the padding. */
    size_t body = padded ? stun_padded(length) : length;
    if (capacity < STUN_CHANNEL_DATA_HEADER_BYTES || body > capacity - STUN_CHANNEL_DATA_HEADER_BYTES)
        return STUN_ERROR_BUFFER;
    stun_store_u16(bytes, channel);
    stun_store_u16(bytes + 2, (uint16_t)length);
    memset(bytes + STUN_CHANNEL_DATA_HEADER_BYTES + length, 0, body - length);
    return (int)(STUN_CHANNEL_DATA_HEADER_BYTES + body);
}

int stun_stream_message_bytes(const uint8_t *bytes, size_t length) {
    if (length < STUN_CHANNEL_DATA_HEADER_BYTES)
        return STUN_ERROR_BUFFER;
    size_t body = stun_load_u16(bytes + 2);
    if (is_channel_number(stun_load_u16(bytes)))
        return (int)(STUN_CHANNEL_DATA_HEADER_BYTES + stun_padded(body));
    /* RFC 8489 section 5: the first two bits are zero, the length is a multiple of four, then comes the cookie. */
    if ((bytes[0] & 0xC0) != 0 || body % 4 != 0)
        return STUN_ERROR_NOT_STUN;
    if (length < STUN_STREAM_HEADER_BYTES)
        return STUN_ERROR_BUFFER;
    return stun_load_u32(bytes + 4) == STUN_MAGIC_COOKIE ? (int)(STUN_HEADER_BYTES + body) : STUN_ERROR_NOT_STUN;
}
