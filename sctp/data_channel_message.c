/* The messages of RFC 8832 as bytes. */
#include "sctp/data_channel_message_internal.h"

#include <assert.h>
#include <string.h>

#include "sctp/bytes_internal.h"

/* RFC 8832 section 5.1: the highest bit is for unordered, the rest says how reliable. */
#define TYPE_UNORDERED 0x80u
#define TYPE_RELIABLE 0u
#define TYPE_RETRANSMITS 1u
#define TYPE_LIFETIME 2u

/* ---- UTF-8 ------------------------------------------------------------------------------------------------------------------------- */

/* The length of the sequence at `at`; 0: there is none. */
static size_t sequence_length(const uint8_t *at, size_t length) {
    uint8_t lead = at[0];
    if (lead < 0x80)
        return 1;
    size_t count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || count > length)
        return 0;
    for (size_t i = 1; i < count; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    /* RFC 3629 section 4: what the second byte may be depends on these first ones. */
    bool is_overlong = (lead == 0xE0 && at[1] < 0xA0) || (lead == 0xF0 && at[1] < 0x90);
    bool is_beyond = (lead == 0xED && at[1] > 0x9F) || (lead == 0xF4 && at[1] > 0x8F);
    return is_overlong || is_beyond ? 0 : count;
}

bool data_channel_is_utf8(const char *text, size_t length) {
    const uint8_t *at = (const uint8_t *)text;
    while (length > 0) {
        size_t count = sequence_length(at, length);
        if (count == 0)
            return false;
        at += count;
        length -= count;
    }
    return true;
}

/* ---- OPEN -------------------------------------------------------------------------------------------------------------------------- */

int data_channel_read_open(const uint8_t *bytes, size_t length, struct data_channel_open_message *out) {
    if (length < DATA_CHANNEL_OPEN_BYTES || bytes[0] != DATA_CHANNEL_MESSAGE_OPEN)
        return SCTP_ERROR_MALFORMED;
    size_t label_length = sctp_load_u16(bytes + 8), protocol_length = sctp_load_u16(bytes + 10);
    if (length != DATA_CHANNEL_OPEN_BYTES + label_length + protocol_length)
        return SCTP_ERROR_MALFORMED;
    *out = (struct data_channel_open_message){
        .is_unordered = (bytes[1] & TYPE_UNORDERED) != 0,
        .priority = sctp_load_u16(bytes + 2),
        .label = (const char *)bytes + DATA_CHANNEL_OPEN_BYTES,
        .label_length = label_length,
        .protocol = (const char *)bytes + DATA_CHANNEL_OPEN_BYTES + label_length,
        .protocol_length = protocol_length,
    };
    switch (bytes[1] & ~TYPE_UNORDERED) {
    case TYPE_RELIABLE: /* RFC 8832 section 5.1, MUST: the parameter is ignored */
        break;
    case TYPE_RETRANSMITS:
        out->reliability = SCTP_MAX_RETRANSMITS;
        out->limit = sctp_load_u32(bytes + 4);
        break;
    case TYPE_LIFETIME:
        out->reliability = SCTP_MAX_LIFETIME;
        out->limit = sctp_load_u32(bytes + 4);
        break;
    default:
        return SCTP_ERROR_MALFORMED;
    }
    bool is_text = data_channel_is_utf8(out->label, label_length) && data_channel_is_utf8(out->protocol, protocol_length);
    return is_text ? SCTP_OK : SCTP_ERROR_MALFORMED;
}

int data_channel_write_open(const struct data_channel_open_message *message, uint8_t *buffer, size_t capacity) {
    assert(message->label_length <= UINT16_MAX && message->protocol_length <= UINT16_MAX);
    size_t length = DATA_CHANNEL_OPEN_BYTES + message->label_length + message->protocol_length;
    if (length > capacity)
        return SCTP_ERROR_BUFFER;
    unsigned type = message->reliability == SCTP_MAX_RETRANSMITS ? TYPE_RETRANSMITS : message->reliability == SCTP_MAX_LIFETIME ? TYPE_LIFETIME : TYPE_RELIABLE;
    buffer[0] = DATA_CHANNEL_MESSAGE_OPEN;
    buffer[1] = (uint8_t)(type | (message->is_unordered ? TYPE_UNORDERED : 0));
    sctp_store_u16(buffer + 2, message->priority);
    sctp_store_u32(buffer + 4, message->reliability == SCTP_RELIABLE ? 0 : message->limit);
    sctp_store_u16(buffer + 8, (uint16_t)message->label_length);
    sctp_store_u16(buffer + 10, (uint16_t)message->protocol_length);
    if (message->label_length > 0)
        memcpy(buffer + DATA_CHANNEL_OPEN_BYTES, message->label, message->label_length);
    if (message->protocol_length > 0)
        memcpy(buffer + DATA_CHANNEL_OPEN_BYTES + message->label_length, message->protocol, message->protocol_length);
    return (int)length;
}
