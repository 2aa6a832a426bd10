/*
 * A UDP NAT in user space, between two devices of a router, for the behaviours that nftables cannot say. What it decides is
 * test/sim/nat.c, the model that the simulated networks use; this file only moves the bytes.
 *
 * Usage: lab_nat --inside DEVICE --outside DEVICE --external IP [--mapping K] [--filtering K] [--ports random|preserving|sequential]
 *                [--hairpin off|external|internal] [--timeout SECONDS] [--inbound-refresh] [--seed N]
 *        K is endpoint-independent, address-dependent or address-and-port-dependent
 *
 * It reads IPv4 UDP beside the kernel (packet sockets), whose own forwarding of UDP the router's rules must drop, and sends
 * by a raw socket, so that routes and ARP stay the kernel's. Ends with SIGTERM or SIGINT, and then prints one JSON line.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/sim/nat.h"
#include "test/wire/packet_socket.h"
#include "test/wire/udp_datagram.h"

#define DATAGRAM_MAX_BYTES 65536
#define VERDICTS (NAT_DROP_FILTERED + 1)
#define BATCH 64

struct router {
    struct nat *nat;
    int inside, outside, raw;
    uint64_t forwarded_out, forwarded_in, hairpinned;
    uint64_t dropped[VERDICTS];
    uint64_t dropped_fragment, dropped_malformed, dropped_ttl, dropped_send;
    size_t mapping_count_max;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static bool send_on(struct router *router, struct wire_datagram *datagram) {
    if (!wire_datagram_decrement_ttl(datagram)) {
        router->dropped_ttl++;
        return false;
    }
    if (!wire_raw_send(router->raw, datagram->bytes, datagram->length)) {
        router->dropped_send++;
        return false;
    }
    return true;
}

static bool parsed(struct router *router, uint8_t *bytes, size_t length, struct wire_datagram *datagram) {
    enum wire_parse kind = wire_datagram_parse(bytes, length, datagram);
    router->dropped_fragment += kind == WIRE_FRAGMENT;
    router->dropped_malformed += kind == WIRE_MALFORMED;
    return kind == WIRE_UDP;
}

static void turn_round(struct router *router, uint64_t now_us, struct wire_datagram *datagram, const struct stun_address *mapped) {
    struct stun_address source, destination;
    enum nat_verdict verdict = nat_hairpin(router->nat, now_us, &datagram->source, mapped, &datagram->destination, &source, &destination);
    if (verdict != NAT_FORWARD) {
        router->dropped[verdict]++;
        return;
    }
    wire_datagram_set_source(datagram, &source);
    wire_datagram_set_destination(datagram, &destination);
    router->hairpinned += send_on(router, datagram);
}

static void outbound(struct router *router, uint64_t now_us, uint8_t *bytes, size_t length) {
    struct wire_datagram datagram;
    struct stun_address mapped;
    if (!parsed(router, bytes, length, &datagram))
        return;
    enum nat_verdict verdict = nat_outbound(router->nat, now_us, &datagram.source, &datagram.destination, &mapped);
    size_t count = nat_mapping_count(router->nat, now_us);
    if (count > router->mapping_count_max)
        router->mapping_count_max = count;
    if (verdict == NAT_HAIRPIN) {
        turn_round(router, now_us, &datagram, &mapped);
    } else if (verdict == NAT_FORWARD) {
        wire_datagram_set_source(&datagram, &mapped);
        router->forwarded_out += send_on(router, &datagram);
    } else {
        router->dropped[verdict]++;
    }
}

static void inbound(struct router *router, uint64_t now_us, uint8_t *bytes, size_t length) {
    struct wire_datagram datagram;
    struct stun_address inner;
    if (!parsed(router, bytes, length, &datagram) || !stun_address_equal_ip(&datagram.destination, nat_external(router->nat)))
        return;
    enum nat_verdict verdict = nat_inbound(router->nat, now_us, &datagram.source, &datagram.destination, &inner);
    if (verdict != NAT_FORWARD) {
        router->dropped[verdict]++;
        return;
    }
    wire_datagram_set_destination(&datagram, &inner);
    router->forwarded_in += send_on(router, &datagram);
}

static void drain(struct router *router, int socket, void (*handle)(struct router *, uint64_t, uint8_t *, size_t)) {
    static uint8_t buffer[DATAGRAM_MAX_BYTES];
    for (int i = 0; i < BATCH; i++) {
        bool to_us;
        ptrdiff_t length = wire_receive(socket, buffer, sizeof buffer, &to_us);
        if (length < 0)
            return;
        if (to_us)
            handle(router, wire_now_us(), buffer, (size_t)length);
    }
}

static void run(struct router *router) {
    struct pollfd polled[2] = {{.fd = router->inside, .events = POLLIN}, {.fd = router->outside, .events = POLLIN}};
    sigset_t during; /* the signals are blocked but while waiting: none is missed between the test and the wait */
    sigemptyset(&during);
    while (!stopped) {
        if (ppoll(polled, 2, NULL, &during) < 0)
            continue;
        if (polled[0].revents)
            drain(router, router->inside, outbound);
        if (polled[1].revents)
            drain(router, router->outside, inbound);
    }
}

static void report(const struct router *router) {
    printf("{\"program\":\"lab_nat\",\"cpuSeconds\":%.6f,\"forwardedOut\":%" PRIu64 ",\"forwardedIn\":%" PRIu64 ",\"hairpinned\":%" PRIu64
           ",\"mappingsMax\":%zu,\"dropped\":{\"noHairpin\":%" PRIu64 ",\"noPort\":%" PRIu64 ",\"capacity\":%" PRIu64 ",\"noMapping\":%" PRIu64
           ",\"filtered\":%" PRIu64 ",\"fragment\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"ttl\":%" PRIu64 ",\"send\":%" PRIu64 "}}\n",
           wire_cpu_seconds(), router->forwarded_out, router->forwarded_in, router->hairpinned, router->mapping_count_max,
           router->dropped[NAT_DROP_NO_HAIRPIN], router->dropped[NAT_DROP_NO_PORT], router->dropped[NAT_DROP_CAPACITY],
           router->dropped[NAT_DROP_NO_MAPPING], router->dropped[NAT_DROP_FILTERED], router->dropped_fragment, router->dropped_malformed,
           router->dropped_ttl, router->dropped_send);
}

/* ---- the command line ------------------------------------------------------------------------------------------------ */

struct options {
    const char *inside, *outside;
    struct stun_address external;
    struct nat_config config;
};

/* The index of `word` in a list that ends with NULL, or -1. */
static int choice(const char *word, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (strcmp(word, names[i]) == 0)
            return i;
    return -1;
}

static bool number(const char *word, uint64_t largest, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(word, &end, 10);
    if (errno || *end || end == word || word[0] == '-' || value > largest)
        return false;
    *out = value;
    return true;
}

static bool take(struct options *options, const char *name, const char *value) {
    static const char *const dependences[] = {"endpoint-independent", "address-dependent", "address-and-port-dependent", NULL};
    static const char *const ports[] = {"random", "preserving", "sequential", NULL};
    static const char *const hairpins[] = {"off", "external", "internal", NULL};
    struct nat_config *config = &options->config;
    int chosen = 0;
    uint64_t seconds = 0;
    if (strcmp(name, "--inside") == 0)
        options->inside = value;
    else if (strcmp(name, "--outside") == 0)
        options->outside = value;
    else if (strcmp(name, "--external") == 0)
        return stun_address_parse_ip(value, strlen(value), &options->external) && options->external.family == STUN_ADDRESS_IPV4;
    else if (strcmp(name, "--mapping") == 0)
        config->mapping = (enum nat_dependence)(chosen = choice(value, dependences));
    else if (strcmp(name, "--filtering") == 0)
        config->filtering = (enum nat_dependence)(chosen = choice(value, dependences));
    else if (strcmp(name, "--ports") == 0)
        config->ports = (enum nat_ports)(chosen = choice(value, ports));
    else if (strcmp(name, "--hairpin") == 0)
        config->hairpin = (enum nat_hairpin)(chosen = choice(value, hairpins));
    else if (strcmp(name, "--seed") == 0)
        return number(value, UINT64_MAX, &config->seed);
    else if (strcmp(name, "--timeout") == 0 && number(value, 86400, &seconds))
        config->timeout_us = seconds * 1000000;
    else
        return false;
    return chosen >= 0;
}

static bool parse(int count, char **words, struct options *options) {
    for (int i = 1; i < count; i++) {
        if (strcmp(words[i], "--inbound-refresh") == 0) {
            options->config.inbound_refresh = true;
            continue;
        }
        if (i + 1 == count || !take(options, words[i], words[i + 1])) {
            fprintf(stderr, "lab_nat: cannot use %s %s\n", words[i], i + 1 < count ? words[i + 1] : "");
            return false;
        }
        i++;
    }
    if (!options->inside || !options->outside || options->external.family == STUN_ADDRESS_NONE) {
        fprintf(stderr, "lab_nat: --inside, --outside and --external are needed\n");
        return false;
    }
    return true;
}

static int opened(int fd, const char *what) {
    if (fd < 0)
        fprintf(stderr, "lab_nat: %s: %s\n", what, strerror(errno));
    return fd;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = stop};
    sigset_t caught;
    sigemptyset(&caught);
    sigaddset(&caught, SIGTERM);
    sigaddset(&caught, SIGINT);
    sigprocmask(SIG_BLOCK, &caught, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int main(int count, char **words) {
    struct options options = {.config.seed = 1};
    struct router router = {0};
    if (!parse(count, words, &options))
        return 64;
    catch_signals();
    router.inside = opened(wire_datagram_socket(options.inside), options.inside);
    router.outside = opened(wire_datagram_socket(options.outside), options.outside);
    router.raw = opened(wire_raw_socket(), "raw socket");
    router.nat = nat_new(&options.config, &options.external);
    if (router.inside < 0 || router.outside < 0 || router.raw < 0 || !router.nat)
        return 71;
    printf("ready\n");
    fflush(stdout);
    run(&router);
    report(&router);
    nat_free(router.nat);
    return 0;
}
