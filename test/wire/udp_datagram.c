#include "test/wire/udp_datagram.h"

#include <string.h>

#define IP_HEADER_MIN 20u
#define UDP_HEADER 8u
#define IP_TOTAL_LENGTH 2u
#define IP_FRAGMENT 6u
#define IP_TTL 8u
#define IP_PROTOCOL 9u
#define IP_CHECKSUM 10u
#define IP_SOURCE 12u
#define IP_DESTINATION 16u
#define UDP_LENGTH 4u
#define UDP_CHECKSUM 6u
#define PROTOCOL_UDP 17u
#define MORE_FRAGMENTS_AND_OFFSET 0x3fffu

static uint16_t read_16(const uint8_t *bytes) {
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void write_16(uint8_t *bytes, uint16_t value) {
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static struct stun_address address_at(const uint8_t *ip, const uint8_t *port) {
    struct stun_address address = {.family = STUN_ADDRESS_IPV4, .port = read_16(port)};
    memcpy(address.ip, ip, 4);
    return address;
}

enum wire_parse wire_datagram_parse(uint8_t *bytes, size_t length, struct wire_datagram *out) {
    if (length < 1 || bytes[0] >> 4 != 4)
        return WIRE_OTHER;
    size_t header = (size_t)(bytes[0] & 0x0f) * 4;
    if (length < IP_HEADER_MIN || header < IP_HEADER_MIN)
        return WIRE_MALFORMED;
    size_t total = read_16(bytes + IP_TOTAL_LENGTH);
    if (total > length || total < header)
        return WIRE_MALFORMED;
    if (bytes[IP_PROTOCOL] != PROTOCOL_UDP)
        return WIRE_OTHER;
    if (read_16(bytes + IP_FRAGMENT) & MORE_FRAGMENTS_AND_OFFSET)
        return WIRE_FRAGMENT;
    if (total - header < UDP_HEADER)
        return WIRE_MALFORMED;
    uint8_t *udp = bytes + header;
    size_t udp_length = read_16(udp + UDP_LENGTH);
    if (udp_length < UDP_HEADER || udp_length > total - header)
        return WIRE_MALFORMED;
    *out = (struct wire_datagram){.bytes = bytes, .length = total, .header_bytes = header};
    out->source = address_at(bytes + IP_SOURCE, udp);
    out->destination = address_at(bytes + IP_DESTINATION, udp + 2);
    return WIRE_UDP;
}

static uint16_t fold(uint32_t sum) {
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* RFC 1624 section 3, equation 3: HC' = ~(~HC + ~m + m'). */
static uint16_t checksum_after(uint16_t checksum, uint16_t old_word, uint16_t new_word) {
    return (uint16_t)~fold((uint32_t)(uint16_t)~checksum + (uint16_t)~old_word + new_word);
}

/* A word that both checksums cover, or only the UDP one: the pseudo header has the IP addresses, RFC 768. */
static void replace_word(struct wire_datagram *datagram, uint8_t *word, uint16_t value, bool in_ip_header) {
    uint8_t *ip_checksum = datagram->bytes + IP_CHECKSUM;
    uint8_t *udp_checksum = datagram->bytes + datagram->header_bytes + UDP_CHECKSUM;
    uint16_t old_value = read_16(word), old_udp = read_16(udp_checksum);
    if (in_ip_header)
        write_16(ip_checksum, checksum_after(read_16(ip_checksum), old_value, value));
    if (old_udp != 0) {
        uint16_t sum = checksum_after(old_udp, old_value, value);
        write_16(udp_checksum, sum ? sum : 0xffff); /* RFC 768: a computed 0 is sent as all ones, 0 means none */
    }
    write_16(word, value);
}

static void replace(struct wire_datagram *datagram, size_t ip_offset, size_t port_offset, const struct stun_address *address) {
    uint8_t *ip = datagram->bytes + ip_offset;
    replace_word(datagram, ip, read_16(address->ip), true);
    replace_word(datagram, ip + 2, read_16(address->ip + 2), true);
    replace_word(datagram, datagram->bytes + datagram->header_bytes + port_offset, address->port, false);
}

void wire_datagram_set_source(struct wire_datagram *datagram, const struct stun_address *source) {
    replace(datagram, IP_SOURCE, 0, source);
    datagram->source = *source;
}

void wire_datagram_set_destination(struct wire_datagram *datagram, const struct stun_address *destination) {
    replace(datagram, IP_DESTINATION, 2, destination);
    datagram->destination = *destination;
}

bool wire_datagram_decrement_ttl(struct wire_datagram *datagram) {
    uint8_t *word = datagram->bytes + IP_TTL;
    if (word[0] <= 1)
        return false;
    uint8_t *checksum = datagram->bytes + IP_CHECKSUM;
    uint16_t old_word = read_16(word);
    write_16(checksum, checksum_after(read_16(checksum), old_word, (uint16_t)(old_word - 0x100)));
    word[0]--;
    return true;
}

static uint32_t sum_of(const uint8_t *bytes, size_t length) {
    uint32_t sum = 0;
    for (size_t i = 0; i + 1 < length; i += 2)
        sum += read_16(bytes + i);
    if (length % 2)
        sum += (uint32_t)bytes[length - 1] << 8;
    return sum;
}

bool wire_datagram_checksums_right(const struct wire_datagram *datagram) {
    if (fold(sum_of(datagram->bytes, datagram->header_bytes)) != 0xffff)
        return false;
    const uint8_t *udp = datagram->bytes + datagram->header_bytes;
    if (read_16(udp + UDP_CHECKSUM) == 0)
        return true;
    size_t udp_length = read_16(udp + UDP_LENGTH);
    uint32_t pseudo = sum_of(datagram->bytes + IP_SOURCE, 8) + PROTOCOL_UDP + (uint32_t)udp_length;
    return fold(pseudo + sum_of(udp, udp_length)) == 0xffff;
}
