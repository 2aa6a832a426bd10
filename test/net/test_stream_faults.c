/*
 * What loopback never does to a stream: sends of one byte, interruptions, errors in mid-connection. This program has a send and a recv of its own,
 * which do as a test scripts and otherwise hand over to the real ones.
 */
#include "test/net/test_net.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ice/agent.h"

static int watched = -1;      /* the descriptor that has the faults */
static size_t most;           /* bytes that one call takes, 0: all */
static int fail_with;         /* errno of the next calls, 0: none */
static unsigned fail_times;
static unsigned pass_times;   /* calls that go well before those that fail */
static unsigned calls;

typedef ssize_t (*send_function)(int, const void *, size_t, int);
typedef ssize_t (*recv_function)(int, void *, size_t, int);

static bool fails(int descriptor) {
    if (descriptor != watched)
        return false;
    calls++;
    if (pass_times > 0) {
        pass_times--;
        return false;
    }
    if (fail_times == 0)
        return false;
    fail_times--;
    errno = fail_with;
    return true;
}

static size_t taken(int descriptor, size_t length) {
    return descriptor == watched && most != 0 && most < length ? most : length;
}

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
    static send_function real;
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "send");
        memcpy(&real, &found, sizeof real);
    }
    if (descriptor == watched)
        assert_true((flags & MSG_NOSIGNAL) != 0); /* a peer that has gone is an error, not a signal */
    return fails(descriptor) ? -1 : real(descriptor, bytes, taken(descriptor, length), flags);
}

ssize_t recv(int descriptor, void *bytes, size_t length, int flags) {
    static recv_function real;
    if (real == NULL) {
        void *found = dlsym(RTLD_NEXT, "recv");
        memcpy(&real, &found, sizeof real);
    }
    return fails(descriptor) ? -1 : real(descriptor, bytes, taken(descriptor, length), flags);
}

static int listener, server;
static struct net_stream *stream;
static uint8_t room[NET_STREAM_RECEIVE_BYTES];

static int set_up(void **state) {
    (void)state;
    struct stun_address bound;
    listener = listen_loopback(4, &bound);
    stream = connect_loopback(listener, &bound, &server);
    watched = net_stream_descriptor(stream);
    most = 0;
    fail_times = pass_times = calls = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    watched = -1;
    net_stream_close(stream);
    close(server);
    close(listener);
    return 0;
}

static void sends_of_one_byte_keep_the_order(void **state) {
    (void)state;
    uint8_t message[300], got[300];
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)i;
    most = 1;
    assert_true(net_stream_send(stream, message, sizeof message));
    net_stream_flush(stream);
    assert_int_equal(calls, 300);
    assert_false(net_stream_wants_write(stream));
    assert_int_equal(recv(server, got, sizeof got, MSG_WAITALL), sizeof got);
    assert_memory_equal(got, message, sizeof got);

    assert_int_equal(send(server, message, 3, 0), 3);
    for (size_t i = 0; i < 3; i++) { /* likewise received */
        assert_int_equal(net_stream_receive(stream, room), 1);
        assert_int_equal(room[0], i);
    }
}

static void interruptions_are_no_errors(void **state) {
    (void)state;
    fail_with = EINTR;
    fail_times = 3;
    assert_true(net_stream_send(stream, room, 100));
    net_stream_flush(stream);
    assert_false(net_stream_wants_write(stream));
    assert_int_equal(send(server, "x", 1, 0), 1);
    fail_times = 3;
    assert_int_equal(net_stream_receive(stream, room), 1);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
}

static void full_sockets_wait(void **state) {
    (void)state;
    static const int errors[] = {EAGAIN, ENOBUFS};
    uint8_t got[200];
    for (size_t i = 0; i < COUNT(errors); i++) {
        fail_with = errors[i];
        fail_times = 1;
        assert_true(net_stream_send(stream, room, 200));
        net_stream_flush(stream);
        assert_true(net_stream_wants_write(stream));
        assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
        net_stream_flush(stream);
        assert_false(net_stream_wants_write(stream));
        assert_int_equal(recv(server, got, sizeof got, MSG_WAITALL), sizeof got);
    }
    fail_with = EAGAIN;
    fail_times = 1;
    assert_int_equal(net_stream_receive(stream, room), 0);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
}

/* A message is half gone when the socket is full: its rest waits, new ones come behind it, and the buffer closes up its gap. */
static void a_half_sent_message_is_finished_first(void **state) {
    (void)state;
    static uint8_t message[NET_STREAM_SEND_BYTES], got[2 * NET_STREAM_SEND_BYTES];
    memset(message, 1, sizeof message);
    most = 40000;
    pass_times = 1;
    fail_with = EAGAIN;
    fail_times = 1000;
    assert_true(net_stream_send(stream, message, NET_STREAM_SEND_BYTES));
    net_stream_flush(stream);
    assert_true(net_stream_wants_write(stream));
    assert_int_equal(recv(server, got, 40000, MSG_WAITALL), 40000);
    memset(message, 2, sizeof message);
    assert_true(net_stream_send(stream, message, 30000));
    assert_false(net_stream_send(stream, message, 10001));
    assert_true(net_stream_send(stream, message, 10000)); /* 40,000 are free again, no more */
    assert_false(net_stream_send(stream, message, 1));
    fail_times = 0;
    most = 0;
    size_t total = 0;
    while (total < NET_STREAM_SEND_BYTES) {
        net_stream_flush(stream);
        ssize_t length = recv(server, got + total, NET_STREAM_SEND_BYTES - total, MSG_DONTWAIT);
        total += length > 0 ? (size_t)length : 0;
    }
    for (size_t i = 0; i < NET_STREAM_SEND_BYTES; i++)
        assert_int_equal(got[i], i < NET_STREAM_SEND_BYTES - 40000 ? 1 : 2);
}

static void errors_end_the_stream_and_are_told(void **state) {
    static const int errors[] = {EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN};
    for (size_t i = 0; i < COUNT(errors); i++) {
        for (int receiving = 0; receiving < 2; receiving++) {
            tear_down(state);
            set_up(state);
            fail_with = errors[i];
            fail_times = 1;
            if (receiving) {
                assert_int_equal(net_stream_receive(stream, room), 0);
            } else {
                assert_true(net_stream_send(stream, room, 10));
                net_stream_flush(stream);
            }
            assert_int_equal(net_stream_state(stream), NET_STREAM_ENDED);
            assert_int_equal(net_stream_error(stream), errors[i]);
            assert_false(net_stream_wants_write(stream));
            assert_false(net_stream_send(stream, room, 10));
            calls = 0;
            net_stream_flush(stream);
            assert_int_equal(net_stream_receive(stream, room), 0);
            assert_int_equal(calls, 0); /* the socket is left alone */
            assert_int_equal(net_stream_error(stream), errors[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sends_of_one_byte_keep_the_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(interruptions_are_no_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full_sockets_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_half_sent_message_is_finished_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_end_the_stream_and_are_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
