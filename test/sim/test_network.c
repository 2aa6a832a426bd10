/* test/sim/network.c: the way of a datagram through realms, NATs and links, and that every copy has exactly one end. */
#include "test_sim.h"

#include <errno.h>
#include <string.h>

#include "test/sim/network.h"

struct ear {
    unsigned heard, errors;
    struct sim_path path;
    uint64_t at_us;
    int error;
    uint8_t bytes[64];
    size_t length;
    struct sim_network *network;
};

static void hear(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct ear *ear = context;
    ear->heard++;
    ear->path = *path;
    ear->at_us = sim_network_now(ear->network);
    ear->length = length;
    memcpy(ear->bytes, bytes, length < sizeof ear->bytes ? length : sizeof ear->bytes);
}

static void hear_error(void *context, const struct sim_path *path, int error) {
    struct ear *ear = context;
    ear->errors++;
    ear->path = *path;
    ear->at_us = sim_network_now(ear->network);
    ear->error = error;
}

static const struct sim_socket_callbacks callbacks = {.received = hear, .send_error = hear_error};

static int open_ear(struct ear *ear, struct sim_network *network, int interface_, uint16_t port) {
    *ear = (struct ear){.network = network};
    int socket = sim_network_bind(network, interface_, port, &callbacks, ear);
    assert_true(socket >= 0);
    return socket;
}

static void say(struct sim_network *network, int socket, const struct stun_address *to, const char *text) {
    sim_network_send(network, socket, to, (const uint8_t *)text, strlen(text));
}

static void run_dry(struct sim_network *network) {
    while (sim_network_step(network)) {
    }
    struct sim_counters counters = sim_network_counters(network);
    assert_int_equal(sim_counters_in_flight(&counters), 0);
}

static struct stun_address address(const char *ip, uint16_t port) {
    struct stun_address out;
    assert_true(stun_address_parse_ip(ip, strlen(ip), &out));
    out.port = port;
    return out;
}

static void two_public_hosts(void **state) {
    (void)state;
    const struct sim_link_config up = {.delay_us = 3 * MS}, down = {.delay_us = 4 * MS};
    struct sim_network *network = sim_network_new(1, 100);
    struct ear a, b;
    int socket_a = open_ear(&a, network, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", &up, &down), 1000);
    int socket_b = open_ear(&b, network, sim_network_add_interface(network, SIM_PUBLIC, "2001:db8::1", &up, &down), 0);
    int interface_c = sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.3", &up, &down);
    struct ear c;
    int socket_c = open_ear(&c, network, interface_c, 0);
    assert_in_range(sim_network_local_address(network, socket_c)->port, 49152, 65535);
    assert_int_equal(sim_network_bind(network, interface_c, sim_network_local_address(network, socket_c)->port, &callbacks, &c), -1);

    say(network, socket_a, sim_network_local_address(network, socket_c), "hello");
    assert_int_equal(c.heard, 0); /* never from within send */
    assert_true(sim_network_next_us(network) == 100 + 3 * MS);
    run_dry(network);
    assert_int_equal(c.heard, 1);
    assert_true(c.at_us == 100 + 7 * MS);
    assert_int_equal(c.length, 5);
    assert_memory_equal(c.bytes, "hello", 5);
    assert_true(stun_address_equal(&c.path.remote, sim_network_local_address(network, socket_a)));
    assert_true(stun_address_equal(&c.path.local, sim_network_local_address(network, socket_c)));

    /* An empty datagram is a datagram. An IPv4 socket cannot send to IPv6. */
    sim_network_send(network, socket_c, sim_network_local_address(network, socket_a), NULL, 0);
    say(network, socket_a, sim_network_local_address(network, socket_b), "six");
    run_dry(network);
    assert_int_equal(a.heard, 1);
    assert_int_equal(a.length, 0);
    assert_int_equal(b.heard, 0);
    assert_int_equal(a.error, ENETUNREACH);
    sim_network_free(network);
}

/* Two homes with the same private addresses; what goes wrong is counted by its reason, and silent. */
static void nats_and_reasons(void **state) {
    (void)state;
    struct sim_network *network = sim_network_new(2, 0);
    struct nat_config strict = {.mapping = NAT_ADDRESS_AND_PORT_DEPENDENT, .filtering = NAT_ADDRESS_AND_PORT_DEPENDENT};
    int home_a = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.1", &strict, NULL, NULL);
    int home_b = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.2", &strict, NULL, NULL);
    struct ear a, a2, b, s;
    int socket_a = open_ear(&a, network, sim_network_add_interface(network, home_a, "192.168.1.2", NULL, NULL), 5000);
    int socket_a2 = open_ear(&a2, network, sim_network_add_interface(network, home_a, "192.168.1.3", NULL, NULL), 5000);
    int socket_b = open_ear(&b, network, sim_network_add_interface(network, home_b, "192.168.1.2", NULL, NULL), 5000);
    int server = open_ear(&s, network, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", NULL, NULL), 3478);
    sim_network_set_icmp(network, true);

    say(network, socket_a, sim_network_local_address(network, socket_a2), "neighbour");
    run_dry(network);
    assert_true(stun_address_equal(&a2.path.remote, sim_network_local_address(network, socket_a)));

    say(network, socket_a, sim_network_local_address(network, server), "out");
    run_dry(network);
    struct stun_address mapped = s.path.remote;
    assert_true(stun_address_equal_ip(&mapped, nat_external(sim_network_nat(network, home_a))));
    say(network, server, &mapped, "back");
    run_dry(network);
    assert_int_equal(a.heard, 1);

    say(network, socket_b, &mapped, "stranger");
    struct stun_address nobody = mapped, nowhere = address("203.0.113.9", 1);
    nobody.port = (uint16_t)(mapped.port ^ 1);
    say(network, server, &nobody, "no mapping");
    say(network, socket_a, &mapped, "hairpin");
    say(network, socket_a, &nowhere, "nobody there");
    struct stun_address closed = *sim_network_local_address(network, server);
    closed.port = 9;
    run_dry(network);
    say(network, socket_a2, &closed, "nobody listens");
    run_dry(network);
    struct sim_counters counters = sim_network_counters(network);
    assert_int_equal(counters.dropped_by_filter, 1);
    assert_int_equal(counters.dropped_no_mapping, 1);
    assert_int_equal(counters.dropped_no_hairpin, 1);
    assert_int_equal(counters.dropped_no_route, 1);
    assert_int_equal(counters.dropped_no_socket, 1);
    assert_int_equal(counters.send_errors, 2);
    assert_int_equal(b.errors, 0);
    assert_int_equal(s.errors, 0); /* NATs are silent */
    assert_int_equal(a.error, EHOSTUNREACH);
    assert_true(stun_address_equal(&a.path.remote, &nowhere)); /* in terms of the inside */
    assert_int_equal(a2.error, ECONNREFUSED);
    sim_network_free(network);
}

/* ICMP takes as long back as the datagram took; switched off it is silent; a closed socket hears nothing. */
static void icmp(void **state) {
    (void)state;
    const struct sim_link_config slow = {.delay_us = 10 * MS};
    for (int is_on = 0; is_on < 2; is_on++) {
        struct sim_network *network = sim_network_new(3, 0);
        struct ear a;
        int socket = open_ear(&a, network, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", &slow, NULL), 1);
        sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.2", NULL, &slow);
        struct stun_address closed = address("203.0.113.2", 7);
        sim_network_set_icmp(network, is_on);
        say(network, socket, &closed, "?");
        run_dry(network);
        assert_int_equal(a.errors, is_on);
        if (is_on)
            assert_true(a.at_us == 40 * MS);
        say(network, socket, &closed, "?");
        sim_network_close(network, socket);
        run_dry(network);
        assert_int_equal(a.errors, is_on);
        sim_network_free(network);
    }
}

/* An interface that is down drops what arrives, and refuses what is sent, ICMP or not. */
static void interface_down(void **state) {
    (void)state;
    struct sim_network *network = sim_network_new(4, 0);
    struct ear a, b;
    int interface_a = sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", NULL, NULL);
    int socket_a = open_ear(&a, network, interface_a, 1);
    int socket_b = open_ear(&b, network, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.2", NULL, NULL), 1);
    sim_network_set_interface_up(network, interface_a, false);
    say(network, socket_a, sim_network_local_address(network, socket_b), "x");
    say(network, socket_b, sim_network_local_address(network, socket_a), "x");
    run_dry(network);
    assert_int_equal(a.heard + b.heard, 0);
    assert_int_equal(a.error, EADDRNOTAVAIL);
    assert_int_equal(sim_network_counters(network).dropped_interface_down, 2);
    sim_network_set_interface_up(network, interface_a, true);
    say(network, socket_b, sim_network_local_address(network, socket_a), "x");
    run_dry(network);
    assert_int_equal(a.heard, 1);
    sim_network_free(network);
}

static bool only_even(void *context, uint64_t number, const struct sim_path *path, const uint8_t *bytes, size_t length) {
    (void)path, (void)bytes, (void)length;
    ++*(unsigned *)context;
    return number % 2 == 0;
}

/* A heavy storm through two NATs: whatever the links do, the books balance, and a seed repeats to the bit. */
static void storm(uint64_t seed, struct sim_counters *counters) {
    const struct sim_link_config bad = {.loss = 0.05, .duplicate = 0.1, .corrupt = 0.02, .reorder = 0.1, .reorder_delay_us = 20 * MS,
                                        .delay_us = 10 * MS, .jitter_us = 5 * MS, .mtu_bytes = 1000, .rate_bps = 2000000, .queue_bytes = 20000};
    struct sim_network *network = sim_network_new(seed, 0);
    int home = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.1", &(struct nat_config){0}, &bad, &bad);
    int deep = sim_network_add_nat(network, home, "10.0.0.2", &(struct nat_config){0}, &bad, &bad);
    struct ear a, b;
    unsigned seen = 0;
    int socket_a = open_ear(&a, network, sim_network_add_interface(network, deep, "192.168.1.2", &bad, &bad), 1);
    int socket_b = open_ear(&b, network, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", &bad, &bad), 1);
    uint8_t bytes[1100] = {0};
    for (unsigned i = 0; i < 3000; i++) {
        sim_network_send(network, socket_a, sim_network_local_address(network, socket_b), bytes, i % 1100);
        if (b.heard > 0)
            sim_network_send(network, socket_b, &b.path.remote, bytes, i % 500);
        if (i == 2000)
            sim_network_set_filter(network, only_even, &seen);
        sim_network_advance(network, i * 2 * MS);
        *counters = sim_network_counters(network);
        assert_true(sim_counters_in_flight(counters) >= 0);
    }
    run_dry(network);
    *counters = sim_network_counters(network);
    assert_true(seen > 900 && counters->dropped_by_script > 0);
    assert_int_equal(counters->delivered, a.heard + b.heard);
    sim_network_free(network);
}

static void the_books_balance(void **state) {
    (void)state;
    struct sim_counters first, again, other;
    storm(11, &first);
    storm(11, &again);
    storm(12, &other);
    assert_memory_equal(&first, &again, sizeof first);
    assert_memory_not_equal(&first, &other, sizeof first);
    assert_true(first.dropped_loss && first.dropped_mtu && first.dropped_queue && first.duplicated && first.reordered && first.corrupted);
    assert_true(first.delivered > 1000);
    char text[SIM_COUNTERS_TEXT_BYTES];
    assert_non_null(strstr(sim_counters_write(&first, text, sizeof text), "dropped_mtu"));
    assert_null(strstr(text, "hairpinned"));
}

/* A network freed in mid-flight leaks nothing: the leak checker judges. */
static void freed_in_flight(void **state) {
    (void)state;
    struct sim_network *network = sim_network_new(1, 0);
    struct ear a;
    int socket = open_ear(&a, network, sim_network_add_interface(network, SIM_PUBLIC, "203.0.113.1", NULL, NULL), 1);
    say(network, socket, sim_network_local_address(network, socket), "to myself");
    say(network, socket, sim_network_local_address(network, socket), "to myself");
    assert_true(sim_network_step(network));
    sim_network_free(network);
    sim_network_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_public_hosts), cmocka_unit_test(nats_and_reasons),  cmocka_unit_test(icmp),
        cmocka_unit_test(interface_down),   cmocka_unit_test(the_books_balance), cmocka_unit_test(freed_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
