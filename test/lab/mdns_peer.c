/*
 * One end of Multicast DNS, for test/lab/mdns.sh: app/net/mdns.h on all interfaces of its namespace.
 *
 *     mdns_peer offer            owns a name for each address; prints "NAME ADDRESS" lines, then lives until SIGTERM
 *     mdns_peer resolve NAME     prints the addresses and how long it took; exit code 1: nobody has the name
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/net/mdns.h"

struct end {
    uv_loop_t loop;
    uv_signal_t ending;
    int code;
    uint64_t began_us;
};

static void on_answered(void *context, uint64_t query, const struct stun_address *addresses, size_t count) {
    struct end *end = context;
    (void)query;
    char text[STUN_ADDRESS_TEXT_BYTES];
    for (size_t i = 0; i < count; i++) {
        stun_address_write_ip(&addresses[i], text, sizeof text);
        printf("%s\n", text);
    }
    fprintf(stderr, "answered after %llu ms\n", (unsigned long long)(uv_hrtime() / 1000 - end->began_us) / 1000);
    end->code = count > 0 ? 0 : 1;
    uv_stop(&end->loop);
}

static void on_ending(uv_signal_t *ending, int number) {
    (void)number;
    uv_stop(ending->loop);
}

static int offer(struct end *end, struct net_mdns *mdns, const struct net_interface_address *list, size_t count) {
    char name[MDNS_UUID_NAME_BYTES], text[STUN_ADDRESS_TEXT_BYTES];
    for (size_t i = 0; i < count; i++) {
        if (net_mdns_own(mdns, &list[i].address, list[i].index, name) != 0)
            return 70;
        stun_address_write_ip(&list[i].address, text, sizeof text);
        printf("%s %s\n", name, text);
    }
    fflush(stdout);
    uv_signal_init(&end->loop, &end->ending);
    uv_signal_start(&end->ending, on_ending, SIGTERM);
    uv_run(&end->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&end->ending, NULL);
    return 0;
}

int main(int argument_count, char **arguments) {
    static struct end end;
    static struct net_interface_address list[NET_INTERFACE_MAX];
    bool offers = argument_count == 2 && strcmp(arguments[1], "offer") == 0;
    if (!offers && (argument_count != 3 || strcmp(arguments[1], "resolve") != 0)) {
        fprintf(stderr, "usage: mdns_peer offer | mdns_peer resolve NAME\n");
        return 64;
    }
    int count = net_interfaces_list(NULL, list, NET_INTERFACE_MAX);
    uv_loop_init(&end.loop);
    struct net_mdns *mdns = net_mdns_new(&end.loop, on_answered, &end);
    if (count <= 0 || count > NET_INTERFACE_MAX || mdns == NULL) {
        fprintf(stderr, "mdns_peer: no interface\n");
        return 70;
    }
    net_mdns_set_interfaces(mdns, list, (size_t)count);
    if (offers) {
        end.code = offer(&end, mdns, list, (size_t)count);
    } else {
        end.began_us = uv_hrtime() / 1000;
        end.code = net_mdns_ask(mdns, 1, arguments[2]) == 0 ? 1 : 65;
        uv_run(&end.loop, UV_RUN_DEFAULT);
    }
    struct net_mdns_statistics statistics;
    net_mdns_statistics(mdns, &statistics);
    fprintf(stderr, "queries %llu, replies %llu, responses %llu, off-link %llu, unasked %llu, failures %llu\n",
            (unsigned long long)statistics.engine.queries_sent, (unsigned long long)statistics.engine.replies_sent,
            (unsigned long long)statistics.engine.responses_sent, (unsigned long long)statistics.engine.off_link_dropped,
            (unsigned long long)statistics.engine.unasked_dropped, (unsigned long long)(statistics.open_failures + statistics.send_failures));
    net_mdns_free(mdns);
    uv_run(&end.loop, UV_RUN_DEFAULT);
    uv_loop_close(&end.loop);
    return end.code;
}
