/* Streams over loopback: connecting, every way to end, the bound of what waits, and TLS inside. */
#include "test/net/tls_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/net/stream.h"

static int listener;
static struct stun_address bound;

static int set_up(void **state) {
    (void)state;
    listener = listen_loopback(16, &bound);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    close(listener);
    return 0;
}

static const struct stun_address anywhere;

static struct net_stream_statistics numbers(const struct net_stream *stream) {
    struct net_stream_statistics statistics;
    net_stream_statistics(stream, &statistics);
    return statistics;
}

/* Receives until there are `count` bytes, or the end; returns how many. */
static size_t receive(struct net_stream *stream, uint8_t *out, size_t count) {
    static uint8_t chunk[NET_STREAM_RECEIVE_BYTES];
    size_t total = 0;
    while (total < count && net_stream_state(stream) == NET_STREAM_OPEN) {
        if (!net_stream_has_more(stream) && !wait_readable(net_stream_descriptor(stream), 5000))
            break;
        size_t length = net_stream_receive(stream, chunk);
        assert_true(total + length <= count);
        memcpy(out + total, chunk, length);
        total += length;
    }
    return total;
}

/* Reads exactly this much from the blocking end. */
static void read_all(int descriptor, uint8_t *out, size_t length) {
    for (size_t total = 0; total < length;) {
        ssize_t got = recv(descriptor, out + total, length - total, 0);
        assert_true(got > 0);
        total += (size_t)got;
    }
}

static int option(const struct net_stream *stream, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    getsockopt(net_stream_descriptor(stream), level, name, &value, &length);
    return value;
}

/* ---- connecting ------------------------------------------------------------------------------------------------------------ */

static void bytes_go_both_ways(void **state) {
    (void)state;
    int server;
    uint8_t bytes[600], out[600];
    memset(out, 7, sizeof out);
    struct net_stream *stream = connect_loopback(listener, &bound, &server);
    assert_int_not_equal(net_stream_local(stream)->port, 0);
    assert_int_equal(net_stream_local(stream)->ip[0], 127);
    assert_true(stun_address_equal(net_stream_remote(stream), &bound));
    assert_int_equal(option(stream, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(stream, IPPROTO_TCP, TCP_NOTSENT_LOWAT), NET_STREAM_UNSENT_BYTES);
    assert_false(net_stream_wants_write(stream));
    for (size_t length = 1; length <= sizeof out; length += 200) {
        assert_true(net_stream_send(stream, out, length));
        assert_true(net_stream_wants_write(stream)); /* it waits for the flush, together with what comes until then */
        net_stream_flush(stream);
        assert_false(net_stream_wants_write(stream));
        read_all(server, bytes, length);
    }
    assert_int_equal(numbers(stream).send_calls, 3);
    for (size_t i = 0; i < 5; i++) { /* one byte at a time */
        assert_int_equal(send(server, out, 1, 0), 1);
        assert_int_equal(receive(stream, bytes, 1), 1);
    }
    assert_int_equal(net_stream_receive(stream, (uint8_t[NET_STREAM_RECEIVE_BYTES]){0}), 0);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
    assert_int_equal(numbers(stream).bytes_received, 5);
    assert_int_equal(numbers(stream).messages_sent, 3);
    assert_int_equal(numbers(stream).bytes_sent, 1 + 201 + 401);
    net_stream_close(stream);
    assert_int_equal(recv(server, bytes, 1, 0), 0); /* in order: no reset */
    close(server);
}

static void ipv6_works_too(void **state) {
    (void)state;
    struct stun_address local = loopback_v6(0), to;
    int descriptor = net_stream_listen(&local, 0, &to);
    if (descriptor == -EADDRNOTAVAIL || descriptor == -EAFNOSUPPORT) {
        print_message("SKIP: ipv6_works_too: no ::1 here\n");
        skip();
    }
    assert_true(descriptor >= 0);
    assert_int_not_equal(to.port, 0);
    struct net_stream *stream, *accepted;
    assert_int_equal(net_stream_accept(descriptor, &accepted), -EAGAIN);
    assert_int_equal(net_stream_connect(&local, &to, 0, NULL, &stream), 0);
    progress_until_settled(stream);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
    assert_int_equal(net_stream_accept(descriptor, &accepted), 0);
    assert_int_equal(net_stream_state(accepted), NET_STREAM_OPEN);
    assert_true(stun_address_equal(net_stream_remote(accepted), net_stream_local(stream)));
    assert_true(stun_address_equal(net_stream_local(accepted), &to));
    net_stream_close(stream);
    net_stream_close(accepted);
    close(descriptor);
}

static void a_refusal_is_told(void **state) {
    (void)state;
    close(listener);
    struct net_stream *stream;
    assert_int_equal(net_stream_connect(&anywhere, &bound, 0, NULL, &stream), 0);
    progress_until_settled(stream);
    assert_int_equal(net_stream_state(stream), NET_STREAM_ENDED);
    assert_int_equal(net_stream_error(stream), ECONNREFUSED);
    assert_false(net_stream_wants_write(stream));
    assert_int_equal(net_stream_receive(stream, (uint8_t[NET_STREAM_RECEIVE_BYTES]){0}), 0);
    assert_false(net_stream_send(stream, (const uint8_t *)"x", 1));
    assert_int_equal(numbers(stream).messages_dropped, 1);
    net_stream_close(stream);
    listener = listen_loopback(16, &bound);
}

static void what_cannot_begin_says_so(void **state) {
    (void)state;
    struct net_stream *stream = NULL;
    struct stun_address none = {0}, v6 = loopback_v6(0), foreign = {.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 1}};
    assert_int_equal(net_stream_connect(&anywhere, &none, 0, NULL, &stream), -EINVAL);
    assert_int_equal(net_stream_connect(&v6, &bound, 0, NULL, &stream), -EINVAL);
    assert_int_equal(net_stream_connect(&foreign, &bound, 0, NULL, &stream), -EADDRNOTAVAIL);
    assert_int_equal(net_stream_listen(&none, 0, &none), -EINVAL);
    assert_int_equal(net_stream_listen(&foreign, 0, &none), -EADDRNOTAVAIL);
    exhaust_descriptors(0);
    int refused = net_stream_connect(&anywhere, &bound, 0, NULL, &stream);
    int listening = net_stream_listen(&bound, 0, &none);
    release_descriptors();
    assert_int_equal(refused, -EMFILE);
    assert_int_equal(listening, -EMFILE);
    assert_null(stream);
}

/* RFC 6544 appendix B: one port listens, and connects to more than one peer. */
static void a_port_is_shared(void **state) {
    (void)state;
    struct stun_address local = loopback_v4(0), ours, second;
    int our_listener = net_stream_listen(&local, 0, &ours);
    assert_true(our_listener >= 0);
    int other = listen_loopback(4, &second);
    struct net_stream *streams[2];
    assert_int_equal(net_stream_connect(&ours, &bound, 0, NULL, &streams[0]), 0);
    assert_int_equal(net_stream_connect(&ours, &second, 0, NULL, &streams[1]), 0);
    for (size_t i = 0; i < 2; i++) {
        progress_until_settled(streams[i]);
        assert_int_equal(net_stream_state(streams[i]), NET_STREAM_OPEN);
        assert_true(stun_address_equal(net_stream_local(streams[i]), &ours));
        net_stream_close(streams[i]);
    }
    close(our_listener);
    close(other);
}

/* RFC 9293 section 3.5: both SYNs cross and nobody listens. Loopback is too fast for two sockets; one that connects to itself crosses its own. */
static void simultaneous_open_meets(void **state) {
    (void)state;
    struct stun_address itself = loopback_v4(closed_port());
    uint8_t bytes[NET_STREAM_RECEIVE_BYTES];
    struct net_stream *stream;
    assert_int_equal(net_stream_connect(&itself, &itself, 0, NULL, &stream), 0);
    progress_until_settled(stream);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
    assert_true(stun_address_equal(net_stream_local(stream), net_stream_remote(stream)));
    assert_true(net_stream_send(stream, (const uint8_t *)"echo", 4));
    net_stream_flush(stream);
    assert_int_equal(receive(stream, bytes, 4), 4);
    net_stream_close(stream);
}

/* ---- ways to end ------------------------------------------------------------------------------------------------------------ */

static void a_peer_that_closes_ends_the_stream_in_order(void **state) {
    (void)state;
    for (int half = 0; half < 2; half++) {
        int server;
        uint8_t bytes[8];
        struct net_stream *stream = connect_loopback(listener, &bound, &server);
        assert_int_equal(send(server, "last", 4, 0), 4);
        assert_int_equal(half ? shutdown(server, SHUT_WR) : close(server), 0);
        assert_int_equal(receive(stream, bytes, 5), 4); /* what came before counts */
        assert_int_equal(net_stream_state(stream), NET_STREAM_ENDED);
        assert_int_equal(net_stream_error(stream), 0);
        net_stream_close(stream);
        if (half)
            close(server);
    }
}

static void a_reset_is_told(void **state) {
    (void)state;
    int server;
    uint8_t bytes[8];
    struct linger at_once = {.l_onoff = 1};
    struct net_stream *stream = connect_loopback(listener, &bound, &server);
    setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(server);
    assert_int_equal(receive(stream, bytes, 1), 0);
    assert_int_equal(net_stream_error(stream), ECONNRESET);
    net_stream_close(stream);

    stream = connect_loopback(listener, &bound, &server);
    setsockopt(server, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(server);
    assert_true(net_stream_send(stream, bytes, 4)); /* found out in writing: an error, not a signal */
    wait_readable(net_stream_descriptor(stream), 5000);
    net_stream_flush(stream);
    assert_int_equal(net_stream_state(stream), NET_STREAM_ENDED);
    assert_true(net_stream_error(stream) == ECONNRESET || net_stream_error(stream) == EPIPE);
    net_stream_close(stream);
}

/* ---- the bound ------------------------------------------------------------------------------------------------------------- */

/* Fills the kernel's buffers of a stream whose peer does not read, until a flush leaves everything where it is. */
static size_t block(struct net_stream *stream) {
    static const uint8_t zeros[1024];
    size_t total = 0;
    for (;;) {
        assert_true(net_stream_send(stream, zeros, sizeof zeros));
        net_stream_flush(stream);
        total += sizeof zeros;
        if (net_stream_wants_write(stream)) {
            struct pollfd poller = {.fd = net_stream_descriptor(stream), .events = POLLOUT};
            if (poll(&poller, 1, 50) == 0)
                return total;
            net_stream_flush(stream);
        }
    }
}

/* NET_STREAM_SEND_BYTES at limit - 1, limit, limit + 1. What does not fit goes not at all: the peer sees whole messages. */
static void what_does_not_fit_is_dropped_whole(void **state) {
    (void)state;
    static uint8_t message[NET_STREAM_SEND_BYTES + 1], got[8u << 20];
    memset(message, 0xab, sizeof message);
    for (int over = -1; over <= 1; over++) {
        int server;
        struct net_stream *stream = connect_loopback(listener, &bound, &server);
        size_t before = block(stream);
        size_t waiting = 0; /* find out what is left of the room, by 1,000 byte messages that are all counted */
        while (net_stream_send(stream, message, 1000))
            waiting += 1000;
        assert_int_equal(numbers(stream).messages_dropped, 1);
        assert_int_equal(numbers(stream).bytes_dropped, 1000);
        size_t room = 0;
        while (room < 1000 && net_stream_send(stream, message, 1))
            room++;
        assert_int_equal(numbers(stream).messages_dropped, 2);
        assert_false(net_stream_send(stream, message, 1));
        size_t expected = before + waiting + room;

        /* The peer reads everything; then the buffer is empty and its size is to be seen. */
        for (size_t total = 0; total < expected;) {
            net_stream_flush(stream);
            assert_true(wait_readable(server, 5000));
            ssize_t length = recv(server, got, sizeof got, MSG_DONTWAIT);
            for (ssize_t i = 0; i < length; i++)
                assert_int_equal(got[i], total + (size_t)i < before ? 0 : 0xab);
            total += (size_t)length;
        }
        assert_false(wait_readable(server, 0));
        assert_false(net_stream_wants_write(stream));
        size_t length = (size_t)(NET_STREAM_SEND_BYTES + over);
        assert_int_equal(net_stream_send(stream, message, length), over <= 0);
        assert_int_equal(numbers(stream).messages_dropped, over <= 0 ? 3 : 4);
        net_stream_close(stream);
        close(server);
    }
}

static void an_end_that_does_not_read_loses_nothing_torn(void **state) {
    (void)state;
    static uint8_t got[4u << 20];
    int server;
    struct net_stream *stream = connect_loopback(listener, &bound, &server);
    size_t total = 0, accepted = 0;
    for (uint32_t number = 0; number < 20000 && numbers(stream).messages_dropped < 500; number++) {
        uint8_t frame[204] = {0, 200}; /* RFC 4571: the length, then the frame */
        memset(frame + 2, (int)(number % 251), 202);
        accepted += net_stream_send(stream, frame, 202);
        net_stream_flush(stream);
        if (number % 50 == 0) {
            ssize_t length = recv(server, got + total, 3000, MSG_DONTWAIT); /* slower than they come */
            total += length > 0 ? (size_t)length : 0;
        }
    }
    assert_true(numbers(stream).messages_dropped >= 500);
    while (total < accepted * 202) {
        net_stream_flush(stream);
        assert_true(wait_readable(server, 5000));
        ssize_t length = recv(server, got + total, sizeof got - total, MSG_DONTWAIT);
        assert_true(length > 0);
        total += (size_t)length;
    }
    for (size_t at = 0; at < total; at += 202) {
        assert_int_equal(got[at] << 8 | got[at + 1], 200);
        for (size_t i = 3; i < 202; i++)
            assert_int_equal(got[at + i], got[at + 2]);
    }
    net_stream_close(stream);
    close(server);
}

/* ---- TLS inside ------------------------------------------------------------------------------------------------------------- */

struct secure {
    struct certificate *certificate;
    struct net_tls_trust *trust;
    struct tls_server *server;
    struct net_stream *stream;
    int descriptor;
};

/* The client of the certificate's name; trusted: its file is believed. Goes on until the stream is OPEN or has ENDED. */
static void open_secure(struct secure *secure, const char *server_name, bool trusted) {
    secure->certificate = certificate_for("DNS:turn.example.org,IP:127.0.0.1", NULL);
    assert_int_equal(net_tls_trust_new(trusted ? secure->certificate->file : NULL, &secure->trust), 0);
    secure->server = tls_server_new(secure->certificate);
    struct net_tls_session *session = net_tls_session_new(secure->trust, server_name);
    assert_int_equal(net_stream_connect(&anywhere, &bound, 0, session, &secure->stream), 0);
    secure->descriptor = accept_loopback(listener);
    while (net_stream_state(secure->stream) < NET_STREAM_OPEN) {
        struct pollfd poller = {.fd = net_stream_descriptor(secure->stream), .events = (short)(POLLIN | (net_stream_wants_write(secure->stream) ? POLLOUT : 0))};
        poll(&poller, 1, 1);
        net_stream_progress(secure->stream);
        assert_int_not_equal(net_stream_receive(secure->stream, (uint8_t[NET_STREAM_RECEIVE_BYTES]){0}), 1);
        tls_server_move(secure->server, secure->descriptor);
    }
    for (int i = 0; i < 10 && !secure->server->shaken && wait_readable(secure->descriptor, 1000); i++)
        tls_server_move(secure->server, secure->descriptor);
}

static void close_secure(struct secure *secure) {
    net_stream_close(secure->stream);
    close(secure->descriptor);
    tls_server_free(secure->server);
    net_tls_trust_free(secure->trust);
    certificate_free(secure->certificate);
}

static void tls_carries_bytes_both_ways(void **state) {
    (void)state;
    static const char *const names[] = {"turn.example.org", "127.0.0.1"};
    for (size_t i = 0; i < COUNT(names); i++) {
        struct secure secure;
        uint8_t bytes[64];
        open_secure(&secure, names[i], true);
        assert_int_equal(net_stream_state(secure.stream), NET_STREAM_OPEN);
        assert_string_equal(secure.server->protocols, "\x09stun.turn");
        assert_non_null(net_stream_tls(secure.stream));
        assert_true(net_stream_send(secure.stream, (const uint8_t *)"hello", 5));
        net_stream_flush(secure.stream);
        assert_true(wait_readable(secure.descriptor, 5000));
        tls_server_move(secure.server, secure.descriptor);
        assert_int_equal(tls_server_read(secure.server, bytes, sizeof bytes), 5);
        for (int record = 0; record < 3; record++) /* three records, which one read of the socket brings */
            tls_server_write(secure.server, (const uint8_t *)"abc", 3);
        tls_server_move(secure.server, secure.descriptor);
        assert_int_equal(receive(secure.stream, bytes, 9), 9);
        assert_memory_equal(bytes, "abcabcabc", 9);
        assert_int_equal(numbers(secure.stream).bytes_received, 9);
        close_secure(&secure);
    }
}

static void tls_says_why_it_fails(void **state) {
    (void)state;
    static const struct {
        const char *name;
        bool trusted;
        int error;
    } cases[] = {{"other.example.org", true, ICE_STREAM_ERROR_TLS_NAME}, {"127.0.0.2", true, ICE_STREAM_ERROR_TLS_NAME},
                 {"turn.example.org", false, ICE_STREAM_ERROR_TLS_UNTRUSTED}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct secure secure;
        open_secure(&secure, cases[i].name, cases[i].trusted);
        assert_int_equal(net_stream_state(secure.stream), NET_STREAM_ENDED);
        assert_int_equal(net_stream_error(secure.stream), cases[i].error);
        assert_false(net_stream_send(secure.stream, (const uint8_t *)"secret", 6));
        assert_false(secure.server->shaken);
        close_secure(&secure);
    }
}

/* RFC 8446 section 6.1: without close_notify, somebody may have cut it off. */
static void tls_ends_are_told_apart(void **state) {
    (void)state;
    struct secure secure;
    uint8_t bytes[8];
    for (int orderly = 0; orderly < 2; orderly++) {
        open_secure(&secure, "turn.example.org", true);
        if (orderly) {
            SSL_shutdown(secure.server->ssl);
            tls_server_move(secure.server, secure.descriptor);
        }
        shutdown(secure.descriptor, SHUT_WR);
        assert_int_equal(receive(secure.stream, bytes, 1), 0);
        assert_int_equal(net_stream_state(secure.stream), NET_STREAM_ENDED);
        assert_int_equal(net_stream_error(secure.stream), orderly ? 0 : ECONNRESET);
        close_secure(&secure);
    }
    open_secure(&secure, "turn.example.org", true);
    assert_int_equal(send(secure.descriptor, "not TLS at all", 14, 0), 14);
    assert_int_equal(receive(secure.stream, bytes, 1), 0);
    assert_int_equal(net_stream_error(secure.stream), ICE_STREAM_ERROR_TLS);
    close_secure(&secure);

    open_secure(&secure, "turn.example.org", true);
    net_stream_close(secure.stream); /* ours is orderly */
    secure.stream = NULL;
    assert_true(wait_readable(secure.descriptor, 5000));
    tls_server_move(secure.server, secure.descriptor);
    assert_int_equal(tls_server_read(secure.server, bytes, sizeof bytes), -1);
    assert_int_equal(SSL_get_shutdown(secure.server->ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
    close_secure(&secure);
}

static void a_server_that_does_not_speak_tls_fails_it(void **state) {
    (void)state;
    struct net_tls_trust *trust;
    struct net_stream *stream;
    assert_int_equal(net_tls_trust_new(NULL, &trust), 0);
    for (int speaks = 0; speaks < 2; speaks++) {
        assert_int_equal(net_stream_connect(&anywhere, &bound, 0, net_tls_session_new(trust, "turn.example.org"), &stream), 0);
        int server = accept_loopback(listener);
        if (speaks)
            assert_int_equal(send(server, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, 0), 28);
        shutdown(server, SHUT_WR);
        progress_until_settled(stream);
        assert_int_equal(net_stream_state(stream), NET_STREAM_ENDED);
        assert_int_equal(net_stream_error(stream), speaks ? ICE_STREAM_ERROR_TLS : ECONNRESET);
        net_stream_close(stream);
        close(server);
    }
    net_tls_trust_free(trust);
}

/* The bound holds for ciphertext: what waits, and a goodbye beside it. */
static void the_bound_holds_with_tls(void **state) {
    (void)state;
    static uint8_t message[1200], got[1u << 16];
    struct secure secure;
    open_secure(&secure, "turn.example.org", true);
    size_t accepted = 0;
    for (int i = 0; i < 20000 && numbers(secure.stream).messages_dropped < 100; i++) {
        accepted += net_stream_send(secure.stream, message, sizeof message);
        net_stream_flush(secure.stream);
    }
    assert_int_equal(numbers(secure.stream).messages_dropped, 100);
    assert_int_equal(net_stream_state(secure.stream), NET_STREAM_OPEN);
    size_t total = 0;
    while (total < accepted * sizeof message) {
        net_stream_flush(secure.stream);
        assert_true(wait_readable(secure.descriptor, 5000));
        assert_true(tls_server_move(secure.server, secure.descriptor));
        for (long length; (length = tls_server_read(secure.server, got, sizeof got)) != 0; total += (size_t)length)
            assert_true(length > 0);
    }
    assert_int_equal(total, accepted * sizeof message);
    assert_false(net_stream_send(secure.stream, got, NET_STREAM_SEND_BYTES)); /* with its overhead it can never fit */
    assert_true(net_stream_send(secure.stream, got, NET_STREAM_SEND_BYTES - 4096));
    close_secure(&secure);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_go_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ipv6_works_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_begin_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_is_shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(simultaneous_open_meets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_that_closes_ends_the_stream_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reset_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_dropped_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_that_does_not_read_loses_nothing_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_carries_bytes_both_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_says_why_it_fails, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_ends_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_that_does_not_speak_tls_fails_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_bound_holds_with_tls, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
