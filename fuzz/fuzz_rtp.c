/* links: rtp */
/* RTP: whatever parses is within bounds, and what is written from it parses to the same. */
#include <stdlib.h>
#include <string.h>

#include "rtp/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    static uint8_t again[70000 + 512];
    struct rtp_packet packet, copy;
    if (rtp_packet_parse(bytes, length, &packet) != RTP_OK) {
        return 0;
    }
    struct rtp_extension elements[RTP_EXTENSIONS_MAX], element = {0};
    size_t count = 0;
    while (rtp_packet_next_extension(&packet, &element)) {
        if (element.value < bytes || element.value + element.length > bytes + length) {
            abort();
        }
        if (count < RTP_EXTENSIONS_MAX && element.id != 0) {
            elements[count++] = element;
        }
    }
    int written = rtp_packet_write(&packet, elements, count, again, sizeof again);
    if (written < 0) {
        return 0;
    }
    if (rtp_packet_parse(again, (size_t)written, &copy) != RTP_OK || copy.ssrc != packet.ssrc || copy.payload_bytes != packet.payload_bytes ||
        copy.padding_bytes != packet.padding_bytes || memcmp(copy.payload, packet.payload, packet.payload_bytes) != 0) {
        abort();
    }
    return 0;
}
