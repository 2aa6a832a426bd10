/* Descriptors on one side, a channel of our own on the other: whole, in order, bounded whatever is slow, and the end at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/call/data_pipe.h"

#define MESSAGE_MAX 512
#define SENT_MAX (8u << 20)

/* A channel: it takes messages until `room` is used up, and remembers them. */
static struct {
    uv_loop_t loop;
    struct data_pipe *pipe;
    int into_input, out_of_output; /* our ends */
    int input, output;
    uint8_t *sent;
    size_t sent_length;
    size_t lengths[MESSAGE_MAX];
    bool is_text[MESSAGE_MAX];
    size_t count;
    size_t room, buffered;
    unsigned closed, held, released, changed, ran;
    bool is_held;
} t;

static bool on_send(void *context, const uint8_t *bytes, size_t length, bool is_text) {
    (void)context;
    assert_true(length <= DATA_PIPE_MESSAGE_BYTES);
    assert_int_equal(t.closed, 0);
    if (length > t.room)
        return false;
    t.room -= length;
    assert_true(t.sent_length + length <= SENT_MAX);
    memcpy(t.sent + t.sent_length, bytes, length);
    t.sent_length += length;
    if (t.count < MESSAGE_MAX) {
        t.lengths[t.count] = length;
        t.is_text[t.count++] = is_text;
    }
    t.buffered += length;
    return true;
}

static uint64_t on_buffered(void *context) {
    (void)context;
    return t.buffered;
}

static void on_close(void *context) {
    (void)context;
    t.closed++;
}

static void on_hold(void *context, bool is_held) {
    (void)context;
    assert_true(is_held != t.is_held);
    t.is_held = is_held;
    t.held += is_held;
    t.released += !is_held;
}

static void on_changed(void *context) {
    (void)context;
    t.changed++;
}

static void on_run(void *context) {
    (void)context;
    t.ran++;
}

static const struct data_pipe_verbs verbs = {.send = on_send, .buffered = on_buffered, .close = on_close, .hold = on_hold, .changed = on_changed, .run = on_run};

static int setup(void **state) {
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&t, 0, sizeof t);
    t.room = SIZE_MAX;
    t.sent = malloc(SENT_MAX);
    int in[2], out[2];
    if (!t.sent || uv_loop_init(&t.loop) != 0 || pipe(in) != 0 || pipe(out) != 0)
        return -1;
    t.input = in[0], t.into_input = in[1], t.out_of_output = out[0], t.output = out[1];
    (void)fcntl(t.out_of_output, F_SETFL, O_NONBLOCK);
    (void)fcntl(t.into_input, F_SETFL, O_NONBLOCK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    data_pipe_free(t.pipe);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    int fds[] = {t.input, t.into_input, t.output, t.out_of_output};
    for (size_t i = 0; i < 4; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(t.sent);
    return uv_loop_close(&t.loop);
}

static void begin(bool is_lines) {
    struct data_pipe_config config = {.loop = &t.loop, .input = t.input, .output = t.output, .is_lines = is_lines, .verbs = &verbs};
    assert_int_equal(data_pipe_new(&config, &t.pipe), 0);
}

static void turn(void) {
    for (int i = 0; i < 4; i++)
        uv_run(&t.loop, UV_RUN_NOWAIT);
}

static void type(const char *text) {
    assert_int_equal(write(t.into_input, text, strlen(text)), strlen(text));
    turn();
}

static void end_input(void) {
    close(t.into_input);
    t.into_input = -1;
    turn();
}

static struct data_pipe_state state_now(void) {
    struct data_pipe_state now;
    data_pipe_state(t.pipe, &now);
    return now;
}

static size_t read_output(uint8_t *bytes, size_t capacity) {
    ssize_t got = read(t.out_of_output, bytes, capacity);
    return got > 0 ? (size_t)got : 0;
}

static uint8_t pattern_at(size_t i) {
    return (uint8_t)(i * 7 + i / 251);
}

/* ---- what goes out -------------------------------------------------------------------------------------------------------- */

static void nothing_is_read_before_the_channel_is_open(void **state) {
    (void)state;
    begin(false);
    type("early");
    assert_int_equal(t.count, 0);
    data_pipe_open(t.pipe);
    assert_int_equal(t.sent_length, 5);
    assert_memory_equal(t.sent, "early", 5);
    assert_false(t.is_text[0]);
    type("late");
    assert_memory_equal(t.sent, "earlylate", 9);
    assert_true(t.ran > 0);
}

static void the_end_of_input_closes_the_channel_once(void **state) {
    (void)state;
    begin(false);
    data_pipe_open(t.pipe);
    type("all");
    end_input();
    assert_int_equal(t.closed, 1);
    assert_int_equal(t.changed, 1);
    struct data_pipe_state now = state_now();
    assert_true(now.has_input_ended && !now.has_unsent && now.is_flushed);
    assert_int_equal(now.bytes_in, 3);
    data_pipe_continue(t.pipe);
    turn();
    assert_int_equal(t.closed, 1);
}

static void an_empty_pipe_closes_it_too(void **state) {
    (void)state;
    begin(false);
    end_input();
    data_pipe_open(t.pipe);
    assert_int_equal(t.closed, 1);
}

/* A program in the background has /dev/null for its stdin, or nothing: it listens. */
static void no_input_is_no_end(void **state) {
    (void)state;
    close(t.input);
    t.input = open("/dev/null", O_RDONLY);
    begin(false);
    data_pipe_open(t.pipe);
    turn();
    assert_int_equal(t.closed, 0);
    data_pipe_free(t.pipe);
    turn();
    close(t.input);
    int number = t.input;
    t.input = -1;
    struct data_pipe_config config = {.loop = &t.loop, .input = number, .output = t.output, .verbs = &verbs};
    assert_int_equal(data_pipe_new(&config, &t.pipe), 0);
    data_pipe_open(t.pipe);
    turn();
    assert_int_equal(t.closed, 0);
}

/* At HIGH nothing more is read; below it is again. */
static void input_waits_while_much_is_buffered(void **state) {
    (void)state;
    begin(false);
    data_pipe_open(t.pipe);
    for (int i = 0; i < 3; i++) {
        t.buffered = i == 0 ? DATA_PIPE_HIGH_BYTES - 1 : i == 1 ? DATA_PIPE_HIGH_BYTES : DATA_PIPE_HIGH_BYTES + 1;
        size_t before = t.sent_length;
        type("x"); /* one read was asked for before; it is sent only if there is room */
        data_pipe_continue(t.pipe);
        turn();
        if (i == 0)
            assert_int_equal(t.sent_length, before + 1);
        else
            assert_int_equal(t.sent_length, before);
        t.buffered = 0;
        data_pipe_continue(t.pipe);
        turn();
        assert_int_equal(t.sent_length, before + 1);
    }
}

static void what_the_channel_refuses_is_offered_again(void **state) {
    (void)state;
    begin(false);
    t.room = 3;
    data_pipe_open(t.pipe);
    type("four");
    assert_int_equal(t.count, 0);
    assert_true(state_now().has_unsent);
    end_input();
    data_pipe_continue(t.pipe);
    assert_int_equal(t.closed, 0);
    t.room = 4;
    data_pipe_continue(t.pipe);
    assert_memory_equal(t.sent, "four", 4);
    turn();
    assert_int_equal(t.closed, 1);
    assert_false(state_now().has_unsent);
}

/* A file that is many buffers long, through a channel that is now and then full. */
static void a_file_goes_through_whole(void **state) {
    (void)state;
    const size_t length = 5u << 20;
    char name[] = "build/pipe-XXXXXX";
    uint8_t *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern_at(i);
    close(t.input);
    t.input = mkstemp(name);
    assert_true(t.input >= 0 && unlink(name) == 0);
    assert_int_equal(write(t.input, bytes, length), length);
    assert_int_equal(lseek(t.input, 0, SEEK_SET), 0);
    begin(false);
    t.room = 100000;
    data_pipe_open(t.pipe);
    for (int i = 0; i < 1000 && t.closed == 0; i++) {
        assert_true(t.buffered <= DATA_PIPE_HIGH_BYTES + DATA_PIPE_MESSAGE_BYTES);
        t.buffered = 0;
        t.room = 100000;
        data_pipe_continue(t.pipe);
        turn();
    }
    assert_int_equal(t.closed, 1);
    assert_int_equal(t.sent_length, length);
    assert_memory_equal(t.sent, bytes, length);
    free(bytes);
}

static void a_line_is_a_message(void **state) {
    (void)state;
    begin(true);
    data_pipe_open(t.pipe);
    type("one\ntwo\n\nhal");
    assert_int_equal(t.count, 3);
    assert_memory_equal(t.sent, "onetwo", 6);
    assert_int_equal(t.lengths[0], 3);
    assert_int_equal(t.lengths[2], 0);
    assert_true(t.is_text[0] && t.is_text[2]);
    type("f\n");
    assert_int_equal(t.lengths[3], 4);
    type("last");
    end_input();
    assert_int_equal(t.count, 5);
    assert_memory_equal(t.sent, "onetwohalflast", 14);
    assert_int_equal(t.closed, 1);
}

/* At the limit, one below and one above; a character of two bytes on the edge stays whole. */
static void a_line_may_be_longer_than_a_message(void **state) {
    (void)state;
    static char line[DATA_PIPE_MESSAGE_BYTES + 8];
    begin(true);
    data_pipe_open(t.pipe);
    for (size_t length = DATA_PIPE_MESSAGE_BYTES - 1; length <= DATA_PIPE_MESSAGE_BYTES + 1; length++) {
        memset(line, 'a', length);
        line[length] = '\n';
        line[length + 1] = '\0';
        size_t before = t.sent_length;
        type(line);
        assert_int_equal(t.sent_length, before + length);
    }
    assert_int_equal(t.lengths[0], DATA_PIPE_MESSAGE_BYTES - 1);
    assert_int_equal(t.lengths[1], DATA_PIPE_MESSAGE_BYTES);
    size_t first = t.count;
    memset(line, 'a', DATA_PIPE_MESSAGE_BYTES - 1);
    memcpy(line + DATA_PIPE_MESSAGE_BYTES - 1, "\xc3\xa9!\n", 5);
    type(line);
    assert_int_equal(t.lengths[first], DATA_PIPE_MESSAGE_BYTES - 1);
    assert_int_equal(t.lengths[first + 1], 3);
}

/* ---- what comes in ----------------------------------------------------------------------------------------------------------- */

static void messages_come_out_as_they_are(void **state) {
    (void)state;
    uint8_t bytes[64];
    begin(false);
    data_pipe_open(t.pipe);
    data_pipe_message(t.pipe, (const uint8_t *)"a\x1b\0b", 4, false);
    data_pipe_message(t.pipe, NULL, 0, false);
    data_pipe_message(t.pipe, (const uint8_t *)"text", 4, true);
    assert_int_equal(read_output(bytes, sizeof bytes), 8);
    assert_memory_equal(bytes, "a\x1b\0btext", 8);
    assert_int_equal(state_now().bytes_out, 8);
}

static void a_chat_has_ends_of_lines_and_moves_no_cursor(void **state) {
    (void)state;
    uint8_t bytes[64];
    begin(true);
    data_pipe_open(t.pipe);
    data_pipe_message(t.pipe, (const uint8_t *)"h\xc3\xa9\x1b[2J\x7f\tx\xc2\x9b", 12, true);
    data_pipe_message(t.pipe, NULL, 0, true);
    assert_int_equal(read_output(bytes, sizeof bytes), 14);
    assert_memory_equal(bytes, "h\xc3\xa9 [2J \tx  \n\n", 14);
}

/* The reader stands still: the channel is held at HIGH; the reader goes on: it is released, and nothing is missing. */
static void a_slow_reader_holds_the_channel(void **state) {
    (void)state;
    static uint8_t message[50000], bytes[65536];
    size_t given = 0, got = 0;
    begin(false);
    data_pipe_open(t.pipe);
    for (int round = 0; round < 3; round++) {
        while (!t.is_held) {
            for (size_t i = 0; i < sizeof message; i++)
                message[i] = pattern_at(given + i);
            data_pipe_message(t.pipe, message, sizeof message, false);
            given += sizeof message;
            assert_true(given - got < DATA_PIPE_QUEUE_BYTES + 100000);
        }
        data_pipe_message(t.pipe, message, 0, false); /* held: but one that was on its way finds room */
        while (t.is_held) {
            size_t length = read_output(bytes, sizeof bytes);
            for (size_t i = 0; i < length; i++)
                assert_int_equal(bytes[i], pattern_at(got + i));
            got += length;
            turn();
        }
        assert_true(t.ran > 0);
    }
    for (size_t length; (length = read_output(bytes, sizeof bytes)) > 0; turn()) {
        for (size_t i = 0; i < length; i++)
            assert_int_equal(bytes[i], pattern_at(got + i));
        got += length;
    }
    assert_int_equal(got, given);
    assert_int_equal(t.held, 3);
    assert_int_equal(t.released, 3);
    assert_true(state_now().is_flushed && t.changed > 0);
}

/* A message at the limit is taken when nothing else waits for room, one above it never, and a hold that is not obeyed ends in an error. */
static void memory_has_an_end(void **state) {
    (void)state;
    static uint8_t message[DATA_PIPE_INBOUND_MAX_BYTES];
    begin(false);
    data_pipe_open(t.pipe);
    while (!t.is_held)
        data_pipe_message(t.pipe, message, sizeof message, false);
    for (int i = 0; i < 8 && state_now().output_error == 0; i++)
        data_pipe_message(t.pipe, message, sizeof message, false);
    assert_int_equal(state_now().output_error, ENOBUFS);
    assert_true(t.changed > 0 && state_now().is_flushed);
    data_pipe_message(t.pipe, message, 1, false); /* no harm */
}

static void nobody_reads(void **state) {
    (void)state;
    begin(false);
    data_pipe_open(t.pipe);
    close(t.out_of_output);
    t.out_of_output = -1;
    data_pipe_message(t.pipe, (const uint8_t *)"x", 1, false);
    assert_int_equal(state_now().output_error, EPIPE);
    assert_int_equal(t.changed, 1);
}

/* The channel is gone: what came is still written, nothing is sent. */
static void what_came_outlives_the_channel(void **state) {
    (void)state;
    static uint8_t message[100000], bytes[200000];
    begin(false);
    data_pipe_open(t.pipe);
    data_pipe_message(t.pipe, message, sizeof message, false);
    data_pipe_let_go(t.pipe);
    assert_false(state_now().is_flushed);
    size_t got = 0;
    for (int i = 0; i < 50; i++, turn())
        got += read_output(bytes, sizeof bytes);
    assert_int_equal(got, sizeof message);
    assert_true(state_now().is_flushed);
    type("not any more");
    assert_int_equal(t.count, 0);
}

static void a_closed_output_is_refused(void **state) {
    (void)state;
    struct data_pipe *pipe = NULL;
    struct data_pipe_config config = {.loop = &t.loop, .input = t.input, .output = -1, .verbs = &verbs};
    assert_int_equal(data_pipe_new(&config, &pipe), -EBADF);
    assert_null(pipe);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_read_before_the_channel_is_open),
        CASE(the_end_of_input_closes_the_channel_once),
        CASE(an_empty_pipe_closes_it_too),
        CASE(no_input_is_no_end),
        CASE(input_waits_while_much_is_buffered),
        CASE(what_the_channel_refuses_is_offered_again),
        CASE(a_file_goes_through_whole),
        CASE(a_line_is_a_message),
        CASE(a_line_may_be_longer_than_a_message),
        CASE(messages_come_out_as_they_are),
        CASE(a_chat_has_ends_of_lines_and_moves_no_cursor),
        CASE(a_slow_reader_holds_the_channel),
        CASE(memory_has_an_end),
        CASE(nobody_reads),
        CASE(what_came_outlives_the_channel),
        CASE(a_closed_output_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
