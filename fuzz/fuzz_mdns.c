/* links: stun */
/* with: app/net/mdns_message.c app/net/mdns_message_write.c app/net/mdns_engine.c app/net/mdns_question.c app/net/mdns_owned.c app/net/sockaddr.c */
/*
 * Any bytes as a message of Multicast DNS: read through, and heard by an engine that owns a name and asks for another one, in each way that a
 * datagram can come. Whatever it says is a message, and what it believes has been asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "app/net/mdns_engine.h"

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

static void zeros(void *context, uint8_t *out, size_t length) {
    (void)context;
    memset(out, 0, length); /* our name is 00000000-0000-4000-8000-000000000000.local, the id of questions is 0 */
}

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

/* Names are text that can be asked for, or empty. */
static void require_name(const char *name) {
    size_t length = strnlen(name, MDNS_NAME_MAX_BYTES + 1);
    REQUIRE(length <= MDNS_NAME_MAX_BYTES);
    for (size_t i = 0; i < length; i++)
        REQUIRE(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", name[i]) != NULL);
    char host[MDNS_NAME_MAX_BYTES + 1];
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    if (mdns_name_is_local_host(name, host)) {
        struct mdns_message message;
        int written = mdns_write_query(1, host, true, buffer, sizeof buffer);
        REQUIRE(strcmp(name, host) == 0 && written > 0 && mdns_message_parse(buffer, (size_t)written, &message, NULL) == MDNS_OK);
    }
}

static void read_through(const uint8_t *bytes, size_t length) {
    struct mdns_message message;
    struct mdns_problem problem = {0};
    struct mdns_cursor cursor = {0};
    struct mdns_question question;
    struct mdns_record record;
    unsigned questions = 0, records = 0;
    if (mdns_message_parse(bytes, length, &message, &problem) != MDNS_OK) {
        REQUIRE(problem.offset <= length && strncmp(problem.rule, "RFC ", 4) == 0);
        return;
    }
    for (; mdns_message_next_question(&message, &cursor, &question); questions++)
        require_name(question.name);
    for (; mdns_message_next_record(&message, &cursor, &record); records++)
        require_name(record.name);
    REQUIRE(questions == message.questions && records == (unsigned)message.answers + message.authorities + message.additionals);
}

/* ---- hearing --------------------------------------------------------------------------------------------------------------- */

static void require_messages(struct mdns_engine *engine, uint64_t now_us) {
    uint8_t buffer[MDNS_WRITE_MAX_BYTES];
    struct mdns_transmit out;
    struct mdns_message message;
    for (int count = 0; mdns_engine_poll_transmit(engine, now_us, buffer, sizeof buffer, &out); count++)
        REQUIRE(count < 100 && mdns_message_parse(buffer, out.length, &message, NULL) == MDNS_OK);
}

static void hear(const uint8_t *bytes, size_t length) {
    static const struct stun_address sources[] = {{.family = STUN_ADDRESS_IPV4, .port = 5353, .ip = {192, 0, 2, 9}},
                                                  {.family = STUN_ADDRESS_IPV4, .port = 40000, .ip = {192, 0, 2, 9}},
                                                  {.family = STUN_ADDRESS_IPV6, .port = 5353, .ip = {0xfe, 0x80, [15] = 9}},
                                                  {.family = STUN_ADDRESS_IPV4, .port = 5353, .ip = {203, 0, 113, 9}}};
    uint64_t now_us = 1000000;
    struct mdns_engine *engine = mdns_engine_new(zeros, NULL, now_us);
    REQUIRE(engine != NULL);
    struct net_interface_address list[] = {{.address = {.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 1}}, .index = 2, .prefix_bits = 25},
                                           {.address = {.family = STUN_ADDRESS_IPV6, .ip = {0xfe, 0x80, [15] = 1}}, .index = 2, .prefix_bits = 64}};
    char name[MDNS_UUID_NAME_BYTES];
    mdns_engine_set_interfaces(engine, now_us, list, 2);
    REQUIRE(mdns_engine_own(engine, now_us, &list[0].address, 2, name) == 0);
    REQUIRE(mdns_engine_ask(engine, now_us, 1, "asked.local") == 0 && mdns_engine_ask(engine, now_us, 2, name) == 0);
    require_messages(engine, now_us);
    unsigned answered = 0;
    for (size_t i = 0; i < 8; i++) {
        struct mdns_origin origin = {.socket = i < 4 ? MDNS_SOCKET_SHARED : MDNS_SOCKET_ASKER, .interface = 2, .source = sources[i % 4]};
        struct mdns_answer answer;
        mdns_engine_handle_datagram(engine, now_us, &origin, bytes, length);
        require_messages(engine, now_us);
        for (; mdns_engine_poll_answer(engine, &answer); answered++)
            REQUIRE((answer.query == 1 || answer.query == 2) && answer.count >= 1 && answer.count <= MDNS_ANSWER_MAX);
        uint64_t next_us = mdns_engine_next_timeout(engine);
        now_us = next_us < now_us + 700000 && next_us > now_us ? next_us : now_us + 700000;
        mdns_engine_handle_timeout(engine, now_us);
    }
    struct mdns_statistics statistics;
    mdns_engine_statistics(engine, &statistics);
    REQUIRE(answered <= 2 && statistics.datagrams_received == 8 && statistics.owned == 1);
    mdns_engine_disown(engine, now_us, name);
    mdns_engine_disown_all(engine, now_us);
    require_messages(engine, now_us);
    REQUIRE(mdns_engine_next_timeout(engine) == UINT64_MAX || answered < 2);
    mdns_engine_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *bytes = malloc(size > 0 ? size : 1); /* exactly as long as it is */
    REQUIRE(bytes != NULL);
    if (size > 0)
        memcpy(bytes, data, size);
    read_through(bytes, size);
    hear(bytes, size);
    free(bytes);
    return 0;
}
