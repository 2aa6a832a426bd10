/* Streams of the driver: what the object is told, when, and what stays bounded. */
#include "test/net/object.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/net/tls_server.h"

static struct net_driver_statistics statistics_of(const struct object *object) {
    struct net_driver_statistics statistics;
    net_driver_statistics(object->driver, &statistics);
    return statistics;
}

static struct object *object_for_streams(const struct net_driver_config *config) {
    struct object *object = object_new_with(config != NULL ? config : &(struct net_driver_config){0});
    object_start(object);
    object->stop_after = UINT32_MAX;
    return object;
}

static int listener;
static struct stun_address bound;

static int set_up(void **state) {
    (void)state;
    listener = listen_loopback(64, &bound);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    close(listener);
    return 0;
}

static struct ice_path path_to(const struct stun_address *remote, uint64_t stream_id) {
    return (struct ice_path){.transport = ICE_TRANSPORT_TCP, .local = loopback_v4(0), .remote = *remote, .stream_id = stream_id};
}

static size_t target; /* for the conditions below */

static bool has_opened(struct object *object) {
    return object_stream_events(object, 'o', NULL) >= target;
}

static bool has_closed(struct object *object) {
    return object_stream_events(object, 'c', NULL) >= target;
}

static bool has_bytes(struct object *object) {
    return object->stream_byte_count >= target;
}

static void run_until(struct object *object, bool (*done)(struct object *object), size_t count) {
    target = count;
    object_run_until(object, done, NULL, NULL);
}

/* Opens stream `stream_id` to the listener; returns the other end. */
static int open_stream(struct object *object, uint64_t stream_id, struct ice_path *path) {
    struct object_stream_event event = {0};
    size_t before = object_stream_events(object, 'o', NULL);
    *path = path_to(&bound, stream_id);
    assert_int_equal(net_driver_open_stream(object->driver, path, NULL), 0);
    run_until(object, has_opened, before + 1);
    object_stream_events(object, 'o', &event);
    assert_int_equal(event.path.stream_id, stream_id);
    *path = event.path;
    return accept_loopback(listener);
}

/* ---- one stream ------------------------------------------------------------------------------------------------------------ */

static void a_stream_opens_carries_and_closes(void **state) {
    (void)state;
    struct object *object = object_for_streams(NULL);
    struct object_stream_event event = {0};
    struct ice_path path;
    uint8_t bytes[3000];
    int server = open_stream(object, 7, &path);
    assert_int_equal(path.transport, ICE_TRANSPORT_TCP);
    assert_int_not_equal(path.local.port, 0); /* the real one */
    assert_true(stun_address_equal(&path.remote, &bound));
    object_queue_path(object, &path, 500);
    object_queue_path(object, &path, 600);
    net_driver_run(object->driver);
    assert_int_equal(recv(server, bytes, sizeof bytes, 0), 1100); /* both with one call */
    assert_int_equal(bytes[499], 0);
    assert_int_equal(bytes[500], 1);
    assert_int_equal(statistics_of(object).stream.send_calls, 1);

    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(server, "x", 1, 0), 1);
        run_until(object, has_bytes, (size_t)i + 1);
    }
    assert_int_equal(object_stream_events(object, 'b', &event), 3);
    assert_memory_equal(&event.path, &path, sizeof path);

    assert_int_equal(send(server, "bye", 3, 0), 3);
    close(server);
    run_until(object, has_closed, 1);
    assert_int_equal(object->stream_byte_count, 6);
    object_stream_events(object, 'c', &event);
    assert_int_equal(event.error, 0);
    assert_memory_equal(&event.path, &path, sizeof path);
    assert_int_equal(statistics_of(object).streams, 0);
    assert_int_equal(statistics_of(object).streams_opened, 1);
    assert_int_equal(statistics_of(object).stream.bytes_received, 6); /* of closed ones, too */

    object_queue_path(object, &path, 100); /* too late: told, as with UDP */
    net_driver_run(object->driver);
    assert_int_equal(object->error, ENOTCONN);
    assert_int_equal(object->error_path.stream_id, 7);
    object_free(object);
}

static void the_object_closes_without_being_told(void **state) {
    (void)state;
    struct object *object = object_for_streams(NULL);
    struct ice_path path;
    uint8_t bytes[4000];
    int server = open_stream(object, 1, &path);
    object_queue_path(object, &path, 900);
    net_driver_run(object->driver);
    net_driver_close_stream(object->driver, 1);
    net_driver_close_stream(object->driver, 1);
    net_driver_close_stream(object->driver, 99);
    net_driver_run(object->driver);
    assert_int_equal(recv(server, bytes, sizeof bytes, MSG_WAITALL), 900); /* what waited still went */
    assert_int_equal(object_stream_events(object, 'c', NULL), 0);
    assert_int_equal(statistics_of(object).streams, 0);
    close(server);
    server = open_stream(object, 1, &path); /* the number is free again */
    close(server);
    object_free(object);
}

static void bad_arguments_are_refused(void **state) {
    (void)state;
    struct object *object = object_for_streams(NULL);
    struct ice_path path = path_to(&bound, 0);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), -EINVAL);
    path.stream_id = ICE_STREAM_ACCEPTED | 1;
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), -EINVAL);
    path.stream_id = 1;
    path.transport = ICE_TRANSPORT_UDP;
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), -EINVAL);
    path.transport = ICE_TRANSPORT_TCP;
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), -EINVAL); /* in use */
    object_free(object);

    struct net_driver_verbs verbs = object_verbs;
    struct net_driver *driver;
    uv_loop_t loop;
    uv_loop_init(&loop);
    verbs.handle_stream_bytes = NULL;
    assert_int_equal(net_driver_new(&loop, &(struct net_driver_config){.verbs = &verbs, .tcp_listen = true}, &driver), -EINVAL);
    assert_int_equal(net_driver_new(&loop, &(struct net_driver_config){.verbs = &verbs, .tls_ca_file = "/nonexistent"}, &driver), -ENOENT);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- what cannot be opened ---------------------------------------------------------------------------------------------------- */

/* Every open_stream has its answer, at the end of a turn and never from within the call. */
static void failures_are_told_later(void **state) {
    (void)state;
    struct stun_address closed = loopback_v4(0);
    close(listen_loopback(1, &closed));
    struct object *object = object_for_streams(NULL);
    struct object_stream_event event = {0};

    struct ice_path path = path_to(&closed, 1);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    assert_int_equal(object->stream_event_count, 0);
    run_until(object, has_closed, 1);
    object_stream_events(object, 'c', &event);
    assert_int_equal(event.error, ECONNREFUSED);
    assert_int_equal(event.path.stream_id, 1);

    path = path_to(&bound, 2);
    path.local = (struct stun_address){.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 1}};
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    assert_int_equal(object_stream_events(object, 'c', NULL), 1);
    net_driver_run(object->driver);
    assert_int_equal(object_stream_events(object, 'c', &event), 2);
    assert_int_equal(event.error, EADDRNOTAVAIL);

    path = path_to(&bound, 3);
    path.transport = ICE_TRANSPORT_TLS; /* no name to check it against */
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    net_driver_run(object->driver);
    assert_int_equal(object_stream_events(object, 'c', &event), 3);
    assert_int_equal(event.error, EINVAL);

    path = path_to(&bound, 4);
    exhaust_descriptors(0);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    net_driver_run(object->driver);
    release_descriptors();
    assert_int_equal(object_stream_events(object, 'c', &event), 4);
    assert_int_equal(event.error, EMFILE);
    assert_int_equal(statistics_of(object).streams_failed, 4);
    assert_int_equal(object_stream_events(object, 'o', NULL), 0);
    object_free(object);
}

/* An object that tries again at once, for ever, holds up nobody else. */
static void endless_tries_do_not_hold_up_the_loop(void **state) {
    (void)state;
    struct object *object = object_for_streams(NULL);
    struct ice_path path = path_to(&bound, 1);
    path.local = (struct stun_address){.family = STUN_ADDRESS_IPV4, .ip = {192, 0, 2, 1}};
    object->reopen = true;
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    net_driver_run(object->driver);
    size_t once = object_stream_events(object, 'c', NULL);
    assert_in_range(once, 2, 1000);
    object->reopen = false;
    net_driver_run(object->driver);
    assert_int_equal(object_stream_events(object, 'c', NULL), once + 1);
    object_free(object);
}

/* A listener whose queue is full answers no SYN: as good as a black hole. */
static void nobody_waits_for_ever(void **state) {
    (void)state;
    struct object *object = object_for_streams(&(struct net_driver_config){.connect_timeout_ms = 60});
    struct object_stream_event event = {0};
    struct stun_address hole;
    int full = listen_loopback(0, &hole), fillers[4];
    for (size_t i = 0; i < COUNT(fillers); i++) {
        struct net_stream *filler;
        assert_int_equal(net_stream_connect(&(struct stun_address){0}, &hole, 0, NULL, &filler), 0);
        struct pollfd poller = {.fd = net_stream_descriptor(filler), .events = POLLOUT};
        poll(&poller, 1, 20);
        fillers[i] = dup(net_stream_descriptor(filler));
        net_stream_close(filler);
    }
    struct ice_path path = path_to(&hole, 1);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    run_until(object, has_closed, 1);
    object_stream_events(object, 'c', &event);
    assert_int_equal(event.error, ETIMEDOUT);
    for (size_t i = 0; i < COUNT(fillers); i++)
        close(fillers[i]);
    close(full);

    struct certificate *certificate = certificate_for("DNS:turn.example.org", NULL); /* a server that accepts and then says nothing */
    path = path_to(&bound, 2);
    path.transport = ICE_TRANSPORT_TLS;
    assert_int_equal(net_driver_open_stream(object->driver, &path, "turn.example.org"), 0);
    run_until(object, has_closed, 2);
    object_stream_events(object, 'c', &event);
    assert_int_equal(event.error, ETIMEDOUT);
    certificate_free(certificate);
    close(accept_loopback(listener));

    int server = open_stream(object, 3, &path); /* an open one may be idle as long as it likes */
    poll(NULL, 0, 80);
    uv_run(&object->loop, UV_RUN_NOWAIT);
    assert_int_equal(statistics_of(object).streams, 1);
    close(server);
    object_free(object);
}

/* The loop was held up for longer than the patience: what has connected meanwhile is connected, what was refused is refused. */
static void a_slow_loop_is_not_blamed_on_the_network(void **state) {
    (void)state;
    struct object *object = object_for_streams(&(struct net_driver_config){.connect_timeout_ms = 1});
    struct object_stream_event event = {0};
    struct stun_address closed;
    close(listen_loopback(1, &closed));
    struct ice_path path = path_to(&bound, 1), refused = path_to(&closed, 2);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    assert_int_equal(net_driver_open_stream(object->driver, &refused, NULL), 0);
    poll(NULL, 0, 5);
    run_until(object, has_closed, 1);
    assert_int_equal(object_stream_events(object, 'o', &event), 1);
    assert_int_equal(event.path.stream_id, 1);
    assert_int_equal(object_stream_events(object, 'c', &event), 1);
    assert_int_equal(event.error, ECONNREFUSED);
    object_free(object);
}

/* NET_DRIVER_STREAM_MAX at limit - 1, limit, limit + 1. */
static void streams_have_a_limit(void **state) {
    (void)state;
    struct object *object = object_for_streams(NULL);
    struct object_stream_event event = {0};
    int servers[NET_DRIVER_STREAM_MAX];
    struct ice_path path;
    for (uint64_t id = 1; id <= NET_DRIVER_STREAM_MAX; id++) {
        servers[id - 1] = open_stream(object, id, &path);
        assert_int_equal(statistics_of(object).streams_refused, 0);
    }
    path = path_to(&bound, NET_DRIVER_STREAM_MAX + 1);
    assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
    net_driver_run(object->driver);
    assert_int_equal(object_stream_events(object, 'c', &event), 1);
    assert_int_equal(event.error, ENOBUFS);
    assert_int_equal(statistics_of(object).streams, NET_DRIVER_STREAM_MAX);
    assert_int_equal(statistics_of(object).streams_refused, 1);
    net_driver_close_stream(object->driver, 5);
    close(open_stream(object, NET_DRIVER_STREAM_MAX + 2, &path));
    for (size_t i = 0; i < NET_DRIVER_STREAM_MAX; i++)
        close(servers[i]);
    object_free(object);
}

/* ---- bounded work -------------------------------------------------------------------------------------------------------------- */

static void a_flooding_peer_gets_its_turn_and_no_more(void **state) {
    (void)state;
    static uint8_t flood[300000];
    struct object *object = object_for_streams(NULL);
    struct ice_path path;
    int server = open_stream(object, 1, &path);
    ssize_t sent = send(server, flood, sizeof flood, MSG_DONTWAIT);
    assert_true(sent > 2 * NET_STREAM_RECEIVE_BYTES);
    object->deadline_us = 0; /* overdue: it must not wait for the whole flood */
    uv_run(&object->loop, UV_RUN_ONCE);
    assert_int_equal(object->timeouts, 1);
    assert_in_range(object->stream_byte_count, 0, NET_STREAM_RECEIVE_BYTES);
    run_until(object, has_bytes, (size_t)sent);
    assert_in_range(object->longest_read, 1, NET_STREAM_RECEIVE_BYTES);
    close(server);
    object_free(object);
}

/* A peer that does not read: transmits are dropped whole and counted, no error is told, and what went is whole. */
static void a_peer_that_does_not_read_costs_datagrams_not_memory(void **state) {
    (void)state;
    static uint8_t got[8u << 20];
    struct object *object = object_for_streams(NULL);
    struct ice_path path;
    int server = open_stream(object, 1, &path);
    size_t queued = 0;
    while (statistics_of(object).stream.messages_dropped == 0) {
        for (int i = 0; i < 100; i++, queued++)
            object_queue_path(object, &path, 1000);
        net_driver_run(object->driver);
        uv_run(&object->loop, UV_RUN_NOWAIT);
    }
    struct net_driver_statistics numbers = statistics_of(object);
    assert_int_equal(numbers.stream.messages_sent + numbers.stream.messages_dropped, queued);
    assert_int_equal(object->errors, 0);
    size_t total = 0;
    while (total < numbers.stream.messages_sent * 1000) {
        uv_run(&object->loop, UV_RUN_NOWAIT); /* writable again */
        ssize_t length = recv(server, got + total, sizeof got - total, MSG_DONTWAIT);
        total += length > 0 ? (size_t)length : 0;
    }
    for (size_t at = 0; at < total; at += 1000)
        assert_int_equal(got[at], got[at + 999]);
    assert_int_equal(total, numbers.stream.messages_sent * 1000);
    close(server);
    object_free(object);
}

/* ---- listening ---------------------------------------------------------------------------------------------------------------- */

static int connect_to(const struct stun_address *address) {
    struct net_stream *stream;
    assert_int_equal(net_stream_connect(&(struct stun_address){0}, address, 0, NULL, &stream), 0);
    progress_until_settled(stream);
    assert_int_equal(net_stream_state(stream), NET_STREAM_OPEN);
    int descriptor = dup(net_stream_descriptor(stream));
    net_stream_close(stream);
    return descriptor;
}

static struct object *object_that_listens(struct stun_address *passive) {
    struct object *object = object_for_streams(&(struct net_driver_config){.tcp_listen = true});
    assert_int_equal(object->interface_count, 2);
    assert_int_equal(object->interfaces[0].transport, ICE_TRANSPORT_UDP);
    assert_int_equal(object->interfaces[1].transport, ICE_TRANSPORT_TCP);
    assert_int_equal(object->interfaces[0].preference, object->interfaces[1].preference);
    *passive = object->interfaces[1].base;
    assert_int_not_equal(passive->port, 0);
    assert_int_equal(statistics_of(object).listeners, 1);
    return object;
}

/* NET_INTERFACE_MAX entries hold 16 addresses with both sockets: 15, 16, 17 addresses. */
static void listeners_give_way_to_datagram_sockets(void **state) {
    (void)state;
    for (size_t count = NET_INTERFACE_MAX / 2 - 1; count <= NET_INTERFACE_MAX / 2 + 1; count++) {
        struct stun_address addresses[NET_INTERFACE_MAX];
        for (size_t i = 0; i < count; i++) {
            addresses[i] = loopback_v4(0);
            addresses[i].ip[3] = (uint8_t)(i + 1);
        }
        struct object *object = object_for_streams(&(struct net_driver_config){.tcp_listen = true, .addresses = addresses, .address_count = count});
        size_t datagram_entries = 0;
        for (size_t i = 0; i < object->interface_count; i++)
            datagram_entries += object->interfaces[i].transport == ICE_TRANSPORT_UDP;
        assert_int_equal(datagram_entries, count);
        assert_int_equal(object->interface_count, 2 * count < NET_INTERFACE_MAX ? 2 * count : NET_INTERFACE_MAX);
        assert_int_equal(statistics_of(object).listen_refused, 2 * count > NET_INTERFACE_MAX ? 2 * count - NET_INTERFACE_MAX : 0);
        object_free(object);
    }
}

static void accepted_streams_come_with_numbers_of_their_own(void **state) {
    (void)state;
    struct stun_address passive;
    struct object *object = object_that_listens(&passive);
    struct object_stream_event event = {0};
    int first = connect_to(&passive), second = connect_to(&passive);
    run_until(object, has_opened, 2);
    uint64_t ids[2] = {object->stream_events[0].path.stream_id, object->stream_events[1].path.stream_id};
    assert_true((ids[0] & ICE_STREAM_ACCEPTED) != 0 && (ids[1] & ICE_STREAM_ACCEPTED) != 0 && ids[0] != ids[1]);
    object_stream_events(object, 'o', &event);
    assert_true(stun_address_equal(&event.path.local, &passive));
    object->echo = true;
    assert_int_equal(send(second, "question", 8, 0), 8);
    run_until(object, has_bytes, 8);
    uint8_t bytes[16];
    assert_int_equal(recv(second, bytes, sizeof bytes, 0), 8);
    close(first);
    run_until(object, has_closed, 1);
    object_stream_events(object, 'c', &event);
    assert_int_equal(event.path.stream_id, ids[0]);
    net_driver_close_stream(object->driver, ids[1]);
    assert_int_equal(recv(second, bytes, sizeof bytes, 0), 0);
    assert_int_equal(statistics_of(object).streams_accepted, 2);
    close(second);
    object_free(object);
}

/* NET_DRIVER_ACCEPTED_MAX at limit - 1, limit, limit + 1: one more is closed as soon as it comes, and the object does not hear of it. */
static void accepted_streams_have_a_limit(void **state) {
    (void)state;
    struct stun_address passive;
    struct object *object = object_that_listens(&passive);
    int descriptors[NET_DRIVER_ACCEPTED_MAX + 1];
    uint8_t byte;
    for (size_t i = 0; i < NET_DRIVER_ACCEPTED_MAX; i++) {
        descriptors[i] = connect_to(&passive);
        run_until(object, has_opened, i + 1);
        assert_int_equal(statistics_of(object).streams_refused, 0);
    }
    descriptors[NET_DRIVER_ACCEPTED_MAX] = connect_to(&passive);
    while (!wait_readable(descriptors[NET_DRIVER_ACCEPTED_MAX], 1))
        uv_run(&object->loop, UV_RUN_NOWAIT);
    assert_true(recv(descriptors[NET_DRIVER_ACCEPTED_MAX], &byte, 1, 0) <= 0);
    assert_int_equal(statistics_of(object).streams_refused, 1);
    assert_int_equal(object_stream_events(object, 'o', NULL), NET_DRIVER_ACCEPTED_MAX);
    close(descriptors[0]);
    run_until(object, has_closed, 1);
    int again = connect_to(&passive);
    run_until(object, has_opened, NET_DRIVER_ACCEPTED_MAX + 1);
    close(again);
    for (size_t i = 1; i <= NET_DRIVER_ACCEPTED_MAX; i++)
        close(descriptors[i]);
    object_free(object);
}

/* Without a descriptor the connection waits in the kernel and the socket stays readable: the listener pauses, and takes it later. */
static void a_lack_of_descriptors_does_not_spin(void **state) {
    (void)state;
    struct stun_address passive;
    struct object *object = object_that_listens(&passive);
    int client = connect_to(&passive);
    exhaust_descriptors(0);
    for (int i = 0; i < 50; i++)
        uv_run(&object->loop, UV_RUN_NOWAIT);
    uint64_t turns = statistics_of(object).turns;
    uint64_t pauses = statistics_of(object).accept_pauses;
    size_t opened = object_stream_events(object, 'o', NULL);
    release_descriptors();
    assert_int_equal(pauses, 1);
    assert_in_range(turns, 1, 5);
    assert_int_equal(opened, 0);
    run_until(object, has_opened, 1);
    close(client);
    object_free(object);
}

/* ---- TLS ------------------------------------------------------------------------------------------------------------------------- */

struct secure_server {
    struct tls_server *tls;
    int descriptor;
};

static void serve(void *context) {
    struct secure_server *server = context;
    if (server->descriptor < 0 && wait_readable(listener, 0))
        server->descriptor = accept_loopback(listener);
    if (server->descriptor >= 0)
        tls_server_move(server->tls, server->descriptor);
}

static bool has_event(struct object *object) {
    return object->stream_event_count > 0;
}


static void tls_is_verified_and_carries(void **state) {
    (void)state;
    struct certificate *certificate = certificate_for("DNS:turn.example.org", NULL);
    static const struct {
        const char *name;
        bool trusted;
        int error;
    } cases[] = {{"turn.example.org", true, 0}, {"other.example.org", true, ICE_STREAM_ERROR_TLS_NAME},
                 {"turn.example.org", false, ICE_STREAM_ERROR_TLS_UNTRUSTED}, {"127.0.0.1", true, ICE_STREAM_ERROR_TLS_NAME}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct object *object = object_for_streams(&(struct net_driver_config){.tls_ca_file = cases[i].trusted ? certificate->file : NULL});
        struct secure_server server = {.tls = tls_server_new(certificate), .descriptor = -1};
        struct ice_path path = path_to(&bound, 9);
        path.transport = ICE_TRANSPORT_TLS;
        assert_int_equal(net_driver_open_stream(object->driver, &path, cases[i].name), 0);
        object_run_until(object, has_event, serve, &server);
        assert_int_equal(object->stream_events[0].kind, cases[i].error == 0 ? 'o' : 'c');
        assert_int_equal(object->stream_events[0].error, cases[i].error);
        assert_int_equal(object->stream_events[0].path.transport, ICE_TRANSPORT_TLS);
        if (cases[i].error == 0) {
            uint8_t bytes[512];
            path = object->stream_events[0].path;
            object_queue_path(object, &path, 300);
            net_driver_run(object->driver);
            long got = 0;
            for (int round = 0; round < 100 && got == 0; round++) {
                wait_readable(server.descriptor, 50);
                serve(&server);
                got = server.tls->shaken ? tls_server_read(server.tls, bytes, sizeof bytes) : 0;
            }
            assert_int_equal(got, 300);
            tls_server_write(server.tls, bytes, 200);
            target = 200;
            object_run_until(object, has_bytes, serve, &server);
            SSL_shutdown(server.tls->ssl);
            target = 1;
            object_run_until(object, has_closed, serve, &server);
            assert_int_equal(object->stream_events[object->stream_event_count - 1].error, 0);
        }
        close(server.descriptor);
        tls_server_free(server.tls);
        object_free(object);
    }
    certificate_free(certificate);
}

/* Data that came with the last flight of the handshake is in memory already: no socket will say so again. */
static void data_that_comes_with_the_handshake_is_read(void **state) {
    (void)state;
    struct certificate *certificate = certificate_for("DNS:turn.example.org", NULL);
    struct object *object = object_for_streams(&(struct net_driver_config){.tls_ca_file = certificate->file});
    struct secure_server server = {.tls = tls_server_new(certificate), .descriptor = -1};
    server.tls->greeting = "hello";
    SSL_set_max_proto_version(server.tls->ssl, TLS1_2_VERSION); /* where the server finishes last */
    struct ice_path path = path_to(&bound, 1);
    path.transport = ICE_TRANSPORT_TLS;
    assert_int_equal(net_driver_open_stream(object->driver, &path, "turn.example.org"), 0);
    target = 5;
    object_run_until(object, has_bytes, serve, &server);
    assert_memory_equal(object->stream_bytes, "hello", 5);
    assert_int_equal(object->stream_events[0].kind, 'o');
    close(server.descriptor);
    tls_server_free(server.tls);
    object_free(object);
    certificate_free(certificate);
}

/* ---- freeing within verbs ---------------------------------------------------------------------------------------------------------- */

static void the_driver_may_be_freed_in_any_verb(void **state) {
    (void)state;
    static const char *const verbs[] = {"handle_stream_opened", "handle_stream_bytes", "handle_stream_closed"};
    for (size_t i = 0; i < COUNT(verbs); i++) {
        struct object *object = object_for_streams(NULL);
        struct ice_path path = path_to(&bound, 1);
        object->free_in = verbs[i];
        assert_int_equal(net_driver_open_stream(object->driver, &path, NULL), 0);
        int server = accept_loopback(listener);
        assert_int_equal(send(server, "bytes", 5, 0), 5);
        close(server);
        for (int round = 0; round < 1000 && object->driver != NULL; round++)
            uv_run(&object->loop, UV_RUN_ONCE);
        assert_null(object->driver);
        object_free(object);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stream_opens_carries_and_closes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_object_closes_without_being_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_arguments_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_are_told_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(endless_tries_do_not_hold_up_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_slow_loop_is_not_blamed_on_the_network, set_up, tear_down),
        cmocka_unit_test_setup_teardown(streams_have_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flooding_peer_gets_its_turn_and_no_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_that_does_not_read_costs_datagrams_not_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(listeners_give_way_to_datagram_sockets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accepted_streams_come_with_numbers_of_their_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(accepted_streams_have_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lack_of_descriptors_does_not_spin, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tls_is_verified_and_carries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(data_that_comes_with_the_handshake_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_driver_may_be_freed_in_any_verb, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
