/* links: signaling */
/*
 * One input, three readers. The message parser: what it accepts is written and read again as the same. The rooms: three members say the lines of
 * the input in turn; what is relayed is a message with a `from`, and a refusal is a message too. The session: it hears the input as its server.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/message.h"
#include "signaling/room.h"
#include "signaling/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition) {
    if (!condition)
        abort();
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    uint8_t *counter = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (*counter)++;
}

static void fuzz_message(const char *bytes, size_t length) {
    struct signaling_message message, again;
    struct signaling_problem problem;
    size_t needed = 0, written = 0;
    if (signaling_message_parse(bytes, length, &message, &problem) != SIGNALING_OK) {
        require(message.tree == NULL && problem.sentence[0] != '\0');
        return;
    }
    require(signaling_message_write(&message, NULL, 0, &needed) == SIGNALING_ERROR_BUFFER);
    char *text = malloc(needed + 1), *twice = malloc(needed + 1);
    require(signaling_message_write(&message, text, needed + 1, &written) == SIGNALING_OK && written == needed);
    if (needed <= SIGNALING_RELAYED_MAX_BYTES) {
        require(signaling_message_parse(text, needed, &again, NULL) == SIGNALING_OK && again.type == message.type);
        require(signaling_message_write(&again, twice, needed + 1, &written) == SIGNALING_OK && strcmp(text, twice) == 0);
        signaling_message_release(&again);
    }
    signaling_message_release(&message);
    free(text);
    free(twice);
}

static void drain(struct signaling_rooms *rooms) {
    struct signaling_output output;
    while (signaling_rooms_poll_output(rooms, &output)) {
        struct signaling_message message;
        require(signaling_message_parse(output.text.bytes, output.text.length, &message, NULL) == SIGNALING_OK);
        require(message.type == SIGNALING_ERROR_MESSAGE || message.type <= SIGNALING_PEER_LEFT || message.from.length == SIGNALING_ID_BYTES);
        signaling_message_release(&message);
    }
}

static void fuzz_rooms(const char *bytes, size_t length) {
    uint8_t counter = 0;
    struct signaling_rooms_config config = {.random = random_bytes, .random_context = &counter, .max_room_size = 3, .message_burst = 8};
    struct signaling_rooms *rooms = signaling_rooms_new(&config, 0);
    signaling_member members[3];
    uint64_t now_us = 0;
    for (size_t i = 0; i < 3; i++) {
        require(signaling_rooms_join(rooms, now_us, "room", 4, NULL, 0, &members[i]) == SIGNALING_OK);
        drain(rooms);
    }
    for (size_t turn = 0; length > 0; turn++) {
        const char *end = memchr(bytes, '\n', length);
        size_t line = end != NULL ? (size_t)(end - bytes) : length;
        signaling_rooms_handle_message(rooms, now_us, members[turn % 3], bytes, line);
        drain(rooms);
        if (turn % 7 == 6) {
            signaling_rooms_leave(rooms, now_us, members[turn % 3], "closed");
            drain(rooms);
            require(signaling_rooms_join(rooms, now_us, "room", 4, NULL, 0, &members[turn % 3]) == SIGNALING_OK);
            drain(rooms);
        }
        now_us += 10000;
        line += end != NULL;
        bytes += line;
        length -= line;
    }
    signaling_rooms_free(rooms);
}

static void fuzz_session(const char *bytes, size_t length) {
    struct signaling_session *session = signaling_session_new(length % 2 == 0 ? SIGNALING_CALLER : SIGNALING_CALLEE);
    struct signaling_event event;
    struct signaling_text text;
    signaling_session_ready(session);
    while (length > 0) {
        const char *end = memchr(bytes, '\n', length);
        size_t line = end != NULL ? (size_t)(end - bytes) : length;
        require(signaling_session_handle_message(session, bytes, line) == SIGNALING_OK);
        while (signaling_session_poll_event(session, &event)) {
            if (event.type == SIGNALING_EVENT_CREATE_OFFER)
                require(signaling_session_send_offer(session, "o", 1) == SIGNALING_OK);
            if (event.type == SIGNALING_EVENT_REMOTE_OFFER)
                require(signaling_session_send_answer(session, "a", 1) == SIGNALING_OK);
        }
        while (signaling_session_poll_output(session, &text))
            require(text.length > 0);
        line += end != NULL;
        bytes += line;
        length -= line;
    }
    signaling_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_message((const char *)data, size);
    fuzz_rooms((const char *)data, size);
    fuzz_session((const char *)data, size);
    return 0;
}
