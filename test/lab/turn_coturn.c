/*
 * The TURN client against coturn, over real sockets: two clients, each with an allocation, send to each other's relayed address.
 *
 * Usage: turn_coturn udp|tcp SERVER_IP PORT USER PASSWORD CASE [ARGUMENT]
 *
 *     echo 4|6|46     allocates, permits, relays by indications and by channels, refreshes, deletes
 *     either 4|6|46   asks for that, and is content with any
 *     quota CODE      a second allocation of the same user is refused with this code
 *     redirected IP   ends up at this server
 *     failure NAME CODE    must fail so: "wrong credentials" 401, "refused" 486, ...
 *     forbidden IP    a permission for this peer is refused (403), others of the same batch are granted
 *     lost SECONDS    holds an allocation until the server has forgotten it: "lost" with 437 within so many seconds
 *     unused SECONDS  the same, but asks for nothing, and sends nothing, before the server is back
 *
 * Exits 0 when what had to happen did; else says what did not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ice/turn_client.h"

#define UNUSED_SECONDS 2 /* coturn is back within one */
#define BUFFER_BYTES 4096
#define PATIENCE_US UINT64_C(5000000)

struct end {
    struct ice_turn_client *client;
    int socket;
    bool is_stream;
    struct ice_path path;
    bool is_allocated, is_failed, is_closed;
    unsigned permissions_failed;
    uint16_t permission_code;
    struct stun_address permission_peer;
    unsigned received;
    uint8_t payload[BUFFER_BYTES];
    size_t payload_length;
    struct stun_address from;
};

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void system_random(void *context, uint8_t *out, size_t length) {
    (void)context;
    if (getrandom(out, length, 0) != (ssize_t)length)
        abort();
}

static void fail(const char *what) {
    printf("FAILED: %s\n", what);
    exit(1);
}

static struct stun_address parse_address(const char *ip, uint16_t port) {
    struct stun_address address;
    if (!stun_address_parse_ip(ip, strlen(ip), &address))
        fail("not an IP address");
    address.port = port;
    return address;
}

static socklen_t to_system(const struct stun_address *address, struct sockaddr_storage *out) {
    memset(out, 0, sizeof *out);
    if (address->family == STUN_ADDRESS_IPV4) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)out;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(address->port);
        memcpy(&v4->sin_addr, address->ip, 4);
        return sizeof *v4;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(address->port);
    memcpy(&v6->sin6_addr, address->ip, 16);
    return sizeof *v6;
}

/* ---- the wire ------------------------------------------------------------------------------------------------------------------- */

static void open_socket(struct end *end, const struct stun_address *server) {
    struct sockaddr_storage address;
    socklen_t length = to_system(server, &address);
    end->socket = socket(address.ss_family, end->is_stream ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (end->socket < 0 || connect(end->socket, (struct sockaddr *)&address, length) != 0)
        fail("cannot connect");
    int on = 1;
    if (end->is_stream)
        setsockopt(end->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* TCP may take less than all; a datagram goes or fails. */
static void send_bytes(struct end *end, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(end->socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0) {
            ice_turn_client_handle_send_error(end->client, now_us(), &end->path, errno);
            return;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* Redirected: to another server by another socket. */
static void follow(struct end *end, const struct ice_path *path) {
    if (stun_address_equal(&path->remote, &end->path.remote))
        return;
    close(end->socket);
    end->path = *path;
    open_socket(end, &path->remote);
}

static void drain(struct end *end) {
    uint8_t buffer[BUFFER_BYTES];
    struct ice_transmit out;
    struct ice_turn_event event;
    struct ice_turn_received received;
    while (ice_turn_client_poll_received(end->client, &received)) {
        end->received++;
        end->payload_length = received.length;
        memcpy(end->payload, received.bytes, received.length < BUFFER_BYTES ? received.length : BUFFER_BYTES);
        end->from = received.peer;
    }
    bool any = true;
    while (any) {
        any = false;
        while (ice_turn_client_poll_event(end->client, &event)) {
            any = true;
            if (event.type == ICE_TURN_EVENT_OPEN_STREAM) {
                follow(end, &event.as.stream.path);
                ice_turn_client_handle_stream_opened(end->client, now_us(), &event.as.stream.path);
            }
            end->is_allocated = end->is_allocated || event.type == ICE_TURN_EVENT_ALLOCATED;
            end->is_failed = end->is_failed || event.type == ICE_TURN_EVENT_FAILED;
            end->is_closed = end->is_closed || event.type == ICE_TURN_EVENT_CLOSED;
            if (event.type == ICE_TURN_EVENT_PERMISSION_FAILED) {
                end->permissions_failed++;
                end->permission_code = event.as.permission.code;
                end->permission_peer = event.as.permission.peer;
            }
        }
        while (ice_turn_client_poll_transmit(end->client, now_us(), buffer, sizeof buffer, &out)) {
            any = true;
            follow(end, &out.path);
            send_bytes(end, buffer + out.offset, out.length);
        }
    }
}

static void receive(struct end *end) {
    uint8_t buffer[BUFFER_BYTES];
    ssize_t length = recv(end->socket, buffer, sizeof buffer, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length < 0 && !end->is_stream)
        ice_turn_client_handle_send_error(end->client, now_us(), &end->path, errno);
    else if (length <= 0)
        (void)ice_turn_client_handle_stream_closed(end->client, now_us(), &end->path, length < 0 ? errno : 0);
    else if (end->is_stream)
        (void)ice_turn_client_handle_stream_bytes(end->client, now_us(), &end->path, buffer, (size_t)length);
    else
        (void)ice_turn_client_handle_datagram(end->client, now_us(), &end->path, buffer, (size_t)length);
    drain(end); /* while the bytes are still there */
}

/* One turn: whatever is due or arrives within 20 ms. */
static void turn(struct end *ends, size_t count) {
    struct pollfd polls[2];
    for (size_t i = 0; i < count; i++) {
        drain(&ends[i]);
        polls[i] = (struct pollfd){.fd = ends[i].socket, .events = POLLIN};
    }
    poll(polls, count, 20);
    for (size_t i = 0; i < count; i++) {
        if (polls[i].revents != 0)
            receive(&ends[i]);
        if (now_us() >= ice_turn_client_next_timeout(ends[i].client))
            ice_turn_client_handle_timeout(ends[i].client, now_us());
        drain(&ends[i]);
    }
}

static struct end make_end(bool is_stream, const struct stun_address *server, const char *username, const char *password, enum ice_turn_families families) {
    struct end end = {.is_stream = is_stream};
    end.path = (struct ice_path){.transport = is_stream ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP, .remote = *server, .stream_id = is_stream ? 1 : 0};
    open_socket(&end, server);
    struct ice_turn_client_config config = {.path = end.path, .username = username, .credential = password, .families = families, .random = system_random};
    end.client = ice_turn_client_new(&config, now_us());
    if (end.client == NULL)
        fail("no client");
    return end;
}

static void free_end(struct end *end) {
    ice_turn_client_free(end->client);
    close(end->socket);
}

#define WAIT_FOR(ends, count, condition, what)                                                                                                                 \
    do {                                                                                                                                                       \
        uint64_t deadline_us = now_us() + PATIENCE_US;                                                                                                         \
        while (!(condition)) {                                                                                                                                 \
            if (now_us() > deadline_us)                                                                                                                        \
                fail(what);                                                                                                                                    \
            turn(ends, count);                                                                                                                                 \
        }                                                                                                                                                      \
    } while (0)

static struct ice_turn_status status_of(const struct end *end) {
    struct ice_turn_status status;
    ice_turn_client_status(end->client, &status);
    return status;
}

/* ---- the cases -------------------------------------------------------------------------------------------------------------------- */

/* Sends `length` bytes from one to the other's relayed address and waits for them. */
static void relay(struct end ends[2], size_t from, const struct stun_address *to, size_t length) {
    uint8_t buffer[BUFFER_BYTES];
    struct ice_transmit out;
    for (size_t i = 0; i < length; i++)
        buffer[ICE_HEADROOM_BYTES + i] = (uint8_t)(i * 7 + length);
    unsigned before = ends[1 - from].received;
    if (ice_turn_client_wrap(ends[from].client, now_us(), to, buffer, length, sizeof buffer, &out) != ICE_OK)
        fail("cannot wrap");
    send_bytes(&ends[from], buffer + out.offset, out.length);
    WAIT_FOR(ends, 2, ends[1 - from].received > before, "a payload did not arrive");
    if (ends[1 - from].payload_length != length)
        fail("a payload arrived with another length");
    for (size_t i = 0; i < length; i++)
        if (ends[1 - from].payload[i] != (uint8_t)(i * 7 + length))
            fail("a payload arrived damaged");
}

static void echo_family(struct end ends[2], size_t family_index) {
    static const size_t lengths[] = {1, 2, 3, 4, 5, 100, 999, 1200};
    struct stun_address relayed[2];
    for (size_t i = 0; i < 2; i++) {
        relayed[i] = status_of(&ends[i]).relayed[family_index];
        if (relayed[i].family == STUN_ADDRESS_NONE)
            fail("no relayed address of that family");
    }
    for (size_t i = 0; i < 2; i++)
        if (ice_turn_client_permit(ends[i].client, now_us(), &relayed[1 - i]) != ICE_OK)
            fail("cannot permit");
    WAIT_FOR(ends, 2, ice_turn_client_is_permitted(ends[0].client, &relayed[1]) && ice_turn_client_is_permitted(ends[1].client, &relayed[0]),
             "no permission");
    for (int channels = 0; channels < 2; channels++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
            for (size_t from = 0; from < 2; from++)
                relay(ends, from, &relayed[1 - from], lengths[i]);
        if (channels == 0) {
            uint64_t sent = status_of(&ends[0]).requests_sent;
            for (size_t i = 0; i < 2; i++)
                if (ice_turn_client_bind(ends[i].client, now_us(), &relayed[1 - i]) != ICE_OK)
                    fail("cannot bind");
            uint64_t until_us = now_us() + 200000;
            while (now_us() < until_us)
                turn(ends, 2);
            if (status_of(&ends[0]).requests_sent == sent)
                fail("no ChannelBind was sent");
            uint8_t buffer[200];
            struct ice_transmit out;
            if (ice_turn_client_wrap(ends[0].client, now_us(), &relayed[1], buffer, 8, sizeof buffer, &out) != ICE_OK || out.length != 12)
                fail("the channel is not bound");
        }
    }
}

static void echo(struct end ends[2], const char *families) {
    WAIT_FOR(ends, 2, ends[0].is_allocated && ends[1].is_allocated, "not allocated");
    if (strchr(families, '4') != NULL)
        echo_family(ends, 0);
    if (strchr(families, '6') != NULL)
        echo_family(ends, 1);
    struct ice_turn_status before = status_of(&ends[0]);
    ice_turn_client_refresh(ends[0].client, now_us());
    uint64_t until_us = now_us() + 200000;
    while (now_us() < until_us)
        turn(ends, 2);
    struct ice_turn_status after = status_of(&ends[0]);
    if (after.state != ICE_TURN_ALLOCATED || after.requests_sent != before.requests_sent + 1)
        fail("the refresh did not succeed");
    printf("software \"%s\", lifetime %u s, SHA-256 %s, %llu unauthentic, %llu malformed, %llu unpermitted\n", after.software, after.lifetime_seconds,
           after.uses_sha256 ? "yes" : "no", (unsigned long long)after.unauthentic_dropped, (unsigned long long)after.malformed_dropped,
           (unsigned long long)after.unpermitted_dropped);
    for (size_t i = 0; i < 2; i++)
        ice_turn_client_close(ends[i].client, now_us());
    uint64_t started_us = now_us();
    WAIT_FOR(ends, 2, ends[0].is_closed && ends[1].is_closed, "not closed");
    if (now_us() - started_us > 500000)
        fail("the deletion was not answered");
}

static void must_fail(struct end *end, const char *name, const char *code) {
    WAIT_FOR(end, 1, end->is_failed || end->is_allocated, "neither allocated nor failed");
    struct ice_turn_status status = status_of(end);
    printf("%s, code %u \"%s\", realm \"%s\"\n", ice_turn_failure_name(status.failure), status.code, status.reason, status.realm);
    if (strcmp(ice_turn_failure_name(status.failure), name) != 0 || status.code != strtoul(code, NULL, 10))
        fail("it failed in another way, or not at all");
}

static void forbidden(struct end *end, const char *ip) {
    struct stun_address peer = parse_address(ip, 5000), other = parse_address("198.51.100.77", 5000);
    (void)ice_turn_client_permit(end->client, now_us(), &peer);
    (void)ice_turn_client_permit(end->client, now_us(), &other);
    WAIT_FOR(end, 1, end->permissions_failed > 0, "the permission was not refused");
    WAIT_FOR(end, 1, ice_turn_client_is_permitted(end->client, &other), "the other one was not granted");
    if (end->permission_code != 403 || !stun_address_equal_ip(&end->permission_peer, &peer) || end->permissions_failed != 1)
        fail("not 403, or not for that peer");
}

static void quota(struct end ends[2], const char *code) {
    WAIT_FOR(ends, 2, (ends[0].is_allocated && ends[1].is_failed) || (ends[1].is_allocated && ends[0].is_failed), "not one of two");
    must_fail(&ends[ends[0].is_failed ? 0 : 1], "refused", code);
}

static void either(struct end *end) {
    WAIT_FOR(end, 1, end->is_failed || end->is_allocated, "neither allocated nor failed");
    struct ice_turn_status status = status_of(end);
    printf("%s%s, code %u\n", status.relayed[0].family != 0 ? "IPv4 " : "", status.relayed[1].family != 0 ? "IPv6" : "", status.code);
    if (!end->is_allocated)
        fail("not allocated");
}

static void redirected(struct end *end, const char *ip) {
    struct stun_address server = parse_address(ip, 0);
    WAIT_FOR(end, 1, end->is_failed || end->is_allocated, "neither allocated nor failed");
    struct ice_turn_status status = status_of(end);
    if (!end->is_allocated || !stun_address_equal_ip(&status.path.remote, &server))
        fail("not allocated there");
}

static void lost(struct end *end, const char *seconds, bool is_unused) {
    WAIT_FOR(end, 1, end->is_allocated, "not allocated");
    struct stun_address peer = parse_address("198.51.100.77", 5000);
    printf("holding\n");
    fflush(stdout);
    if (is_unused)
        sleep(UNUSED_SECONDS);
    (void)ice_turn_client_permit(end->client, now_us(), &peer);
    uint64_t deadline_us = now_us() + strtoul(seconds, NULL, 10) * 1000000u, next_us = 0;
    while (!end->is_failed && now_us() < deadline_us) {
        uint8_t buffer[200];
        struct ice_transmit out;
        turn(end, 1);
        if (now_us() >= next_us && ice_turn_client_wrap(end->client, now_us(), &peer, buffer, 8, sizeof buffer, &out) == ICE_OK) {
            send_bytes(end, buffer + out.offset, out.length);
            next_us = now_us() + 20000;
        }
    }
    struct ice_turn_status status = status_of(end);
    printf("%s, code %u, error %d\n", ice_turn_failure_name(status.failure), status.code, status.error);
    if (status.failure != ICE_TURN_FAILURE_LOST || (!end->is_stream && status.code != 437))
        fail("the loss was not noticed");
}

int main(int argc, char **argv) {
    if (argc < 8)
        fail("usage: turn_coturn udp|tcp SERVER_IP PORT USER PASSWORD CASE ARGUMENT [CODE]");
    bool is_stream = strcmp(argv[1], "tcp") == 0;
    struct stun_address server = parse_address(argv[2], (uint16_t)strtoul(argv[3], NULL, 10));
    const char *name = argv[6], *argument = argv[7];
    enum ice_turn_families families = strcmp(argument, "46") == 0 ? ICE_TURN_BOTH : strcmp(argument, "6") == 0 ? ICE_TURN_IPV6 : ICE_TURN_IPV4;
    struct end ends[2] = {make_end(is_stream, &server, argv[4], argv[5], families)};
    bool has_two = strcmp(name, "echo") == 0 || strcmp(name, "quota") == 0;
    if (has_two) {
        ends[1] = make_end(is_stream, &server, argv[4], argv[5], families);
        if (strcmp(name, "echo") == 0)
            echo(ends, argument);
        else
            quota(ends, argument);
        free_end(&ends[1]);
    } else if (strcmp(name, "either") == 0) {
        either(ends);
    } else if (strcmp(name, "redirected") == 0) {
        redirected(ends, argument);
    } else if (strcmp(name, "failure") == 0 && argc >= 9) {
        must_fail(ends, argument, argv[8]);
    } else if (strcmp(name, "forbidden") == 0) {
        forbidden(ends, argument);
    } else if (strcmp(name, "lost") == 0 || strcmp(name, "unused") == 0) {
        lost(ends, argument, strcmp(name, "unused") == 0);
    } else {
        fail("no such case");
    }
    free_end(&ends[0]);
    return 0;
}
