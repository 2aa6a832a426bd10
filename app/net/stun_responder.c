#include "app/net/stun_responder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stun/integrity.h"
#include "stun/message.h"

#define MICRO 1000000u
#define UNKNOWN_MAX ((NET_STUN_REQUEST_MAX_BYTES - STUN_HEADER_BYTES) / 4u) /* attributes of no value that fit into a request */

_Static_assert((NET_STUN_BUCKETS & (NET_STUN_BUCKETS - 1)) == 0, "the hash is cut by a mask");
_Static_assert(STUN_HEADER_BYTES + 8 + 4 + 2 * UNKNOWN_MAX + 2 + 8 <= NET_STUN_ANSWER_MAX_BYTES, "a 420 with every attribute and a FINGERPRINT fits");

/*
 * A bucket is one word: the time at which it will be full again. A token costs `token_us`; full minus `depth_us` is empty. The same as
 * counting tokens, in a quarter of the memory, and zero is a full bucket.
 */
struct net_stun_responder {
    uint64_t secret[2];
    uint64_t token_us, depth_us;
    struct net_stun_responder_statistics statistics;
    uint64_t full_at_us[NET_STUN_BUCKETS];
};

struct net_stun_responder *net_stun_responder_new(const struct net_stun_responder_config *config) {
    uint32_t rate = config->rate ? config->rate : NET_STUN_RATE_DEFAULT, burst = config->burst ? config->burst : NET_STUN_BURST_DEFAULT;
    if (!config->random || rate > NET_STUN_LIMIT_MAX || burst > NET_STUN_LIMIT_MAX)
        return NULL;
    struct net_stun_responder *responder = calloc(1, sizeof *responder);
    if (!responder)
        return NULL;
    responder->token_us = MICRO / rate;
    responder->depth_us = responder->token_us * burst;
    config->random(config->random_context, (uint8_t *)responder->secret, sizeof responder->secret);
    return responder;
}

void net_stun_responder_free(struct net_stun_responder *responder) {
    free(responder);
}

void net_stun_responder_statistics(const struct net_stun_responder *responder, struct net_stun_responder_statistics *out) {
    *out = responder->statistics;
}

/* ---- the buckets --------------------------------------------------------------------------------------------------- */

static uint64_t rotate(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static void sip_rounds(uint64_t v[4], int count) {
    while (count-- > 0) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of nine bytes: a word and one more. */
static uint64_t sip_hash(const uint64_t secret[2], uint64_t word, uint8_t last) {
    uint64_t v[4] = {secret[0] ^ 0x736f6d6570736575u, secret[1] ^ 0x646f72616e646f6du, secret[0] ^ 0x6c7967656e657261u, secret[1] ^ 0x7465646279746573u};
    const uint64_t words[2] = {word, (uint64_t)9 << 56 | last};
    for (int i = 0; i < 2; i++) {
        v[3] ^= words[i];
        sip_rounds(v, 2);
        v[0] ^= words[i];
    }
    v[2] ^= 0xFF;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Takes a token of the source. An IPv6 host has its whole /64 to choose an address from (RFC 4291 section 2.5.4): that is one source. */
static bool take_token(struct net_stun_responder *responder, uint64_t now_us, const struct stun_address *source) {
    uint64_t word = 0;
    memcpy(&word, source->ip, source->family == STUN_ADDRESS_IPV4 ? 4 : 8);
    uint64_t *full_at_us = &responder->full_at_us[sip_hash(responder->secret, word, source->family) & (NET_STUN_BUCKETS - 1)];
    uint64_t from_us = *full_at_us > now_us ? *full_at_us : now_us;
    if (from_us - now_us + responder->token_us > responder->depth_us)
        return false;
    *full_at_us = from_us + responder->token_us;
    return true;
}

/* ---- the transaction ------------------------------------------------------------------------------------------------- */

/* RFC 8489 section 6.3, MUST: what is no request of a method we know, or broken, is dropped without a word. */
static bool is_binding_request(const struct stun_address *source, const uint8_t *bytes, size_t length, struct stun_message *out) {
    if (source->port == 0 || source->family == STUN_ADDRESS_NONE || length > NET_STUN_REQUEST_MAX_BYTES)
        return false;
    if (stun_message_parse(bytes, length, out) != STUN_OK || out->class_ != STUN_CLASS_REQUEST || out->method != STUN_METHOD_BINDING)
        return false;
    /* RFC 8489 section 7: a FINGERPRINT that is there and wrong says that this is another protocol's packet. */
    int fingerprint = stun_message_check_fingerprint(out);
    return fingerprint == STUN_OK || fingerprint == STUN_ERROR_NOT_FOUND;
}

size_t net_stun_responder_handle(struct net_stun_responder *responder, uint64_t now_us, const struct stun_address *source, const uint8_t *bytes,
                                 size_t length, uint8_t answer[NET_STUN_ANSWER_MAX_BYTES]) {
    struct stun_message request;
    if (!is_binding_request(source, bytes, length, &request)) {
        responder->statistics.ignored_dropped++;
        return 0;
    }
    if (!take_token(responder, now_us, source)) {
        responder->statistics.limited_dropped++;
        return 0;
    }
    uint16_t unknown[UNKNOWN_MAX];
    size_t unknown_count = stun_message_unknown_required(&request, NULL, 0, unknown, UNKNOWN_MAX);
    struct stun_writer writer;
    if (unknown_count > 0) {
        /* RFC 8489 section 6.3.1, MUST: 420, with all that was not understood; CHANGE-REQUEST of RFC 5780 for one. No reason: it would only be long. */
        stun_writer_begin(&writer, answer, NET_STUN_ANSWER_MAX_BYTES, STUN_CLASS_ERROR_RESPONSE, STUN_METHOD_BINDING, request.transaction_id);
        stun_writer_add_error_code(&writer, STUN_CODE_UNKNOWN_ATTRIBUTE, "");
        stun_writer_add_unknown_attributes(&writer, unknown, unknown_count);
        responder->statistics.refused++;
    } else {
        /* RFC 8489 section 12, MUST: a success response carries the source of the request in XOR-MAPPED-ADDRESS. Credentials are not asked for, and not looked at. */
        stun_writer_begin(&writer, answer, NET_STUN_ANSWER_MAX_BYTES, STUN_CLASS_SUCCESS_RESPONSE, STUN_METHOD_BINDING, request.transaction_id);
        stun_writer_add_xor_address(&writer, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, source);
        responder->statistics.answered++;
    }
    if (request.fingerprint_offset != 0)
        stun_writer_add_fingerprint(&writer);
    int written = stun_writer_finish(&writer);
    return written > 0 ? (size_t)written : 0;
}
