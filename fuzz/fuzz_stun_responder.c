/* links: stun */
/* with: app/net/stun_responder.c */
/*
 * Any datagrams from any sources, in time: each answer is a STUN message about that transaction, tells the source its own address or names what was
 * not understood, and is so short that nobody gains by asking for somebody else.
 *
 * Input: a sequence of [flags] [length] [milliseconds] [source's last byte] and `length` bytes; flags: 1 IPv6, 2 the bytes get a STUN header in front.
 */
#include <string.h>

#include "app/net/stun_responder.h"
#include "stun/integrity.h"
#include "stun/message.h"

/* Holds with -DNDEBUG too. */
#define MUST(condition)     \
    do {                    \
        if (!(condition))   \
            __builtin_trap(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 7, length);
}

static void check_answer(const struct stun_address *source, const uint8_t *request, size_t length, const uint8_t *answer, size_t answered) {
    struct stun_message asked, said;
    MUST(stun_message_parse(request, length, &asked) == STUN_OK && asked.class_ == STUN_CLASS_REQUEST);
    MUST(stun_message_parse(answer, answered, &said) == STUN_OK && said.method == STUN_METHOD_BINDING);
    MUST(memcmp(asked.transaction_id, said.transaction_id, STUN_TRANSACTION_ID_BYTES) == 0);
    MUST(answered <= length + 24 && source->port != 0);
    MUST((stun_message_check_fingerprint(&asked) == STUN_OK) == (stun_message_check_fingerprint(&said) == STUN_OK));
    struct stun_address told;
    if (said.class_ == STUN_CLASS_SUCCESS_RESPONSE) {
        MUST(stun_message_read_xor_address(&said, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &told) == STUN_OK && stun_address_equal(&told, source));
    } else {
        uint16_t code;
        const uint8_t *reason;
        size_t reason_length;
        MUST(stun_message_read_error_code(&said, &code, &reason, &reason_length) == STUN_OK && code == STUN_CODE_UNKNOWN_ATTRIBUTE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct net_stun_responder_config config = {.random = no_random, .rate = 10, .burst = 20};
    struct net_stun_responder *responder = net_stun_responder_new(&config);
    MUST(responder != NULL);
    uint64_t now_us = 0, asked = 0;
    while (size >= 4) {
        uint8_t flags = data[0];
        size_t length = data[1] * 3u < size - 4 ? data[1] * 3u : size - 4;
        struct stun_address source = {.family = flags & 1 ? STUN_ADDRESS_IPV6 : STUN_ADDRESS_IPV4, .port = (uint16_t)(flags << 8 | data[3]), .ip = {192, 0, 2, data[3]}};
        uint8_t request[STUN_HEADER_BYTES + 765], answer[NET_STUN_ANSWER_MAX_BYTES];
        size_t total = length;
        now_us += data[2] * 1000u;
        memcpy(request, data + 4, length);
        if (flags & 2) {
            struct stun_writer writer;
            stun_writer_begin(&writer, request, sizeof request, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, (const uint8_t *)"transaction ");
            memcpy(request + STUN_HEADER_BYTES, data + 4, length);
            request[2] = (uint8_t)(length >> 8);
            request[3] = (uint8_t)length;
            total += STUN_HEADER_BYTES;
        }
        size_t answered = net_stun_responder_handle(responder, now_us, &source, request, total, answer);
        MUST(answered <= NET_STUN_ANSWER_MAX_BYTES);
        if (answered > 0)
            check_answer(&source, request, total, answer, answered);
        asked++;
        data += 4 + length;
        size -= 4 + length;
    }
    struct net_stun_responder_statistics statistics;
    net_stun_responder_statistics(responder, &statistics);
    MUST(statistics.answered + statistics.refused + statistics.limited_dropped + statistics.ignored_dropped == asked);
    net_stun_responder_free(responder);
    return 0;
}
