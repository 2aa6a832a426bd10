/*
 * The text of a candidate, RFC 8839 section 5.1:
 *
 *   candidate:FOUNDATION SP COMPONENT SP TRANSPORT SP PRIORITY SP ADDRESS SP PORT SP typ SP TYPE
 *             [SP raddr SP ADDRESS] [SP rport SP PORT] *(SP NAME SP VALUE)
 *
 * The reader takes one token after another and never looks at a byte beyond the length.
 */
#include <string.h>

#include "ice/agent.h"
#include "ice/candidate.h"

/* ---- reading -------------------------------------------------------------------------------------------------------------------- */

struct reader {
    const char *text;
    size_t length;
    size_t offset;
    struct ice_candidate_problem problem;
};

struct token {
    const char *text;
    size_t length;
    size_t offset;
};

static bool refuse(struct reader *reader, size_t offset, const char *rule) {
    reader->problem = (struct ice_candidate_problem){.offset = offset, .rule = rule};
    return false;
}

static bool at_end(const struct reader *reader) {
    return reader->offset == reader->length;
}

/* The bytes up to the next space or the end, and the space if something follows it. */
static bool next_token(struct reader *reader, struct token *token, const char *rule) {
    size_t begin = reader->offset;
    while (reader->offset < reader->length && reader->text[reader->offset] != ' ')
        reader->offset++;
    *token = (struct token){reader->text + begin, reader->offset - begin, begin};
    if (token->length == 0)
        return refuse(reader, begin, rule);
    if (reader->offset < reader->length)
        reader->offset++;
    return true;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool token_is(const struct token *token, const char *word) {
    size_t length = strlen(word);
    if (token->length != length)
        return false;
    for (size_t i = 0; i < length; i++)
        if (lower(token->text[i]) != word[i])
            return false;
    return true;
}

static bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool are_ice_chars(const struct token *token) {
    for (size_t i = 0; i < token->length; i++)
        if (!is_alphanumeric(token->text[i]) && token->text[i] != '+' && token->text[i] != '/')
            return false;
    return true;
}

/* Decimal digits, at most `digits_max`, value within low..high. */
static bool read_number(const struct token *token, size_t digits_max, uint64_t low, uint64_t high, uint64_t *out) {
    uint64_t value = 0;
    if (token->length == 0 || token->length > digits_max)
        return false;
    for (size_t i = 0; i < token->length; i++) {
        if (token->text[i] < '0' || token->text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(token->text[i] - '0');
    }
    if (value < low || value > high)
        return false;
    *out = value;
    return true;
}

static bool read_foundation(struct reader *reader, struct ice_candidate *out) {
    static const char rule[] = "RFC 8839 section 5.1: foundation is 1 to 32 of A-Z a-z 0-9 + /";
    struct token token;
    if (!next_token(reader, &token, rule))
        return false;
    if (token.length > ICE_FOUNDATION_MAX_BYTES || !are_ice_chars(&token))
        return refuse(reader, token.offset, rule);
    memcpy(out->foundation, token.text, token.length);
    return true;
}

static bool read_component(struct reader *reader, struct ice_candidate *out) {
    static const char rule[] = "RFC 8839 section 5.1: component-id is a number from 1 to 256";
    struct token token;
    uint64_t value;
    if (!next_token(reader, &token, rule))
        return false;
    if (!read_number(&token, 3, 1, 256, &value))
        return refuse(reader, token.offset, rule);
    out->component = (uint16_t)value;
    return true;
}

static bool read_transport(struct reader *reader, struct ice_candidate *out) {
    static const char rule[] = "RFC 8839 section 5.1 and RFC 6544 section 4.5: transport is UDP or TCP";
    struct token token;
    if (!next_token(reader, &token, rule))
        return false;
    if (token_is(&token, "udp"))
        out->protocol = ICE_PROTOCOL_UDP;
    else if (token_is(&token, "tcp"))
        out->protocol = ICE_PROTOCOL_TCP;
    else
        return refuse(reader, token.offset, rule);
    return true;
}

static bool read_priority(struct reader *reader, struct ice_candidate *out) {
    static const char rule[] = "RFC 8445 section 5.1.2: priority is a number from 1 to 2147483647";
    struct token token;
    uint64_t value;
    if (!next_token(reader, &token, rule))
        return false;
    if (!read_number(&token, 10, 1, INT32_MAX, &value))
        return refuse(reader, token.offset, rule);
    out->priority = (uint32_t)value;
    return true;
}

static bool is_hostname(const struct token *token) {
    if (token->length > ICE_HOSTNAME_MAX_BYTES || !is_alphanumeric(token->text[0]))
        return false;
    for (size_t i = 0; i < token->length; i++)
        if (!is_alphanumeric(token->text[i]) && token->text[i] != '-' && token->text[i] != '.' && token->text[i] != '_')
            return false;
    return true;
}

static bool read_port_token(const struct token *token, uint16_t *out) {
    uint64_t value;
    if (!read_number(token, 5, 0, UINT16_MAX, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

static bool read_address_and_port(struct reader *reader, struct ice_candidate *out) {
    static const char address_rule[] = "RFC 8839 section 5.1: connection-address is an IP address or a name";
    static const char port_rule[] = "RFC 8839 section 5.1: port is a number from 0 to 65535";
    struct token address, port;
    if (!next_token(reader, &address, address_rule))
        return false;
    if (!stun_address_parse_ip(address.text, address.length, &out->address)) {
        if (!is_hostname(&address))
            return refuse(reader, address.offset, address_rule);
        memcpy(out->hostname, address.text, address.length);
    }
    if (!next_token(reader, &port, port_rule))
        return false;
    return read_port_token(&port, &out->address.port) || refuse(reader, port.offset, port_rule);
}

static bool read_type(struct reader *reader, struct ice_candidate *out) {
    static const char typ_rule[] = "RFC 8839 section 5.1: \"typ\" is expected here";
    static const char type_rule[] = "RFC 8839 section 5.1: the type is host, srflx, prflx or relay";
    struct token typ, type;
    if (!next_token(reader, &typ, typ_rule))
        return false;
    if (!token_is(&typ, "typ"))
        return refuse(reader, typ.offset, typ_rule);
    if (!next_token(reader, &type, type_rule))
        return false;
    for (int i = ICE_CANDIDATE_HOST; i <= ICE_CANDIDATE_RELAYED; i++) {
        if (token_is(&type, ice_candidate_type_name((enum ice_candidate_type)i))) {
            out->type = (enum ice_candidate_type)i;
            return true;
        }
    }
    return refuse(reader, type.offset, type_rule);
}

static bool take_tcp_type(struct reader *reader, const struct token *value, struct ice_candidate *out) {
    if (token_is(value, "active"))
        out->tcp_type = ICE_TCP_ACTIVE;
    else if (token_is(value, "passive"))
        out->tcp_type = ICE_TCP_PASSIVE;
    else if (token_is(value, "so"))
        out->tcp_type = ICE_TCP_SIMULTANEOUS_OPEN;
    else
        return refuse(reader, value->offset, "RFC 6544 section 4.5: tcptype is active, passive or so");
    return true;
}

static bool take_ufrag(struct reader *reader, const struct token *value, struct ice_candidate *out) {
    if (value->length < ICE_UFRAG_MIN_BYTES || value->length > ICE_UFRAG_MAX_BYTES || !are_ice_chars(value))
        return refuse(reader, value->offset, "RFC 8839 section 5.4: ufrag is 4 to 256 of A-Z a-z 0-9 + /");
    memcpy(out->ufrag, value->text, value->length);
    out->ufrag[value->length] = '\0';
    return true;
}

/* raddr, rport, then any extensions; unknown ones are skipped (RFC 8839 section 5.1, MUST). */
static bool read_pairs(struct reader *reader, struct ice_candidate *out) {
    struct token name, value;
    bool has_related = false;
    uint16_t related_port = 0;
    while (!at_end(reader)) {
        if (!next_token(reader, &name, "RFC 8839 section 5.1: one space between tokens"))
            return false;
        if (!next_token(reader, &value, "RFC 8839 section 5.1: an extension has a name and a value"))
            return false;
        if (token_is(&name, "raddr")) {
            /* A name in raddr (RFC 8839 section 5.1 allows it) says nothing that we use. */
            has_related = stun_address_parse_ip(value.text, value.length, &out->related);
            if (!has_related && !is_hostname(&value))
                return refuse(reader, value.offset, "RFC 8839 section 5.1: raddr is an address");
        } else if (token_is(&name, "rport")) {
            if (!read_port_token(&value, &related_port))
                return refuse(reader, value.offset, "RFC 8839 section 5.1: rport is a number from 0 to 65535");
        } else if (token_is(&name, "tcptype")) {
            if (!take_tcp_type(reader, &value, out))
                return false;
        } else if (token_is(&name, "ufrag")) {
            if (!take_ufrag(reader, &value, out))
                return false;
        }
    }
    if (has_related)
        out->related.port = related_port;
    /* RFC 6544 section 4.5, MUST: a TCP candidate says which kind it is. */
    if (out->protocol == ICE_PROTOCOL_TCP && out->tcp_type == ICE_TCP_NONE)
        return refuse(reader, reader->length, "RFC 6544 section 4.5: a TCP candidate has a tcptype");
    if (out->protocol == ICE_PROTOCOL_UDP)
        out->tcp_type = ICE_TCP_NONE;
    return true;
}

static void skip_prefix(struct reader *reader, const char *prefix) {
    size_t length = strlen(prefix);
    if (reader->length - reader->offset >= length && memcmp(reader->text + reader->offset, prefix, length) == 0)
        reader->offset += length;
}

int ice_candidate_parse(const char *text, size_t length, struct ice_candidate *out, struct ice_candidate_problem *problem) {
    struct reader reader = {.text = text, .length = length};
    struct ice_candidate candidate = {.component = 0};
    skip_prefix(&reader, "a=");
    skip_prefix(&reader, "candidate:");
    bool ok = read_foundation(&reader, &candidate) && read_component(&reader, &candidate) && read_transport(&reader, &candidate) &&
              read_priority(&reader, &candidate) && read_address_and_port(&reader, &candidate) && read_type(&reader, &candidate) &&
              read_pairs(&reader, &candidate);
    if (!ok) {
        if (problem != NULL)
            *problem = reader.problem;
        return ICE_ERROR_MALFORMED;
    }
    *out = candidate;
    return ICE_OK;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------- */

struct writer {
    char *text;
    size_t capacity;
    size_t length;
    bool full;
};

static void put(struct writer *writer, const char *text) {
    size_t length = strlen(text);
    if (writer->full || length >= writer->capacity - writer->length) {
        writer->full = true;
        return;
    }
    memcpy(writer->text + writer->length, text, length + 1);
    writer->length += length;
}

static void put_number(struct writer *writer, uint32_t number) {
    char digits[11];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(writer, digits + at);
}

static void put_ip(struct writer *writer, const struct stun_address *address) {
    char ip[STUN_ADDRESS_TEXT_BYTES];
    stun_address_write_ip(address, ip, sizeof ip);
    put(writer, ip);
}

static const char *tcp_type_name(enum ice_tcp_type type) {
    switch (type) {
    case ICE_TCP_NONE: return "";
    case ICE_TCP_ACTIVE: return "active";
    case ICE_TCP_PASSIVE: return "passive";
    case ICE_TCP_SIMULTANEOUS_OPEN: return "so";
    }
    return "";
}

size_t ice_candidate_write(const struct ice_candidate *candidate, char *text, size_t capacity) {
    struct writer writer = {.text = text, .capacity = capacity};
    if (capacity == 0)
        return 0;
    text[0] = '\0';
    put(&writer, "candidate:");
    put(&writer, candidate->foundation);
    put(&writer, " ");
    put_number(&writer, candidate->component);
    put(&writer, candidate->protocol == ICE_PROTOCOL_TCP ? " tcp " : " udp ");
    put_number(&writer, candidate->priority);
    put(&writer, " ");
    if (candidate->hostname[0] != '\0')
        put(&writer, candidate->hostname);
    else
        put_ip(&writer, &candidate->address);
    put(&writer, " ");
    put_number(&writer, candidate->address.port);
    put(&writer, " typ ");
    put(&writer, ice_candidate_type_name(candidate->type));
    if (candidate->related.family != STUN_ADDRESS_NONE) {
        put(&writer, " raddr ");
        put_ip(&writer, &candidate->related);
        put(&writer, " rport ");
        put_number(&writer, candidate->related.port);
    }
    if (candidate->tcp_type != ICE_TCP_NONE) {
        put(&writer, " tcptype ");
        put(&writer, tcp_type_name(candidate->tcp_type));
    }
    if (candidate->ufrag[0] != '\0') {
        put(&writer, " ufrag ");
        put(&writer, candidate->ufrag);
    }
    if (writer.full) {
        text[0] = '\0';
        return 0;
    }
    return writer.length;
}
