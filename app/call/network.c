#include "app/call/network.h"

#include <errno.h>
#include <string.h>

#include "app/net/tls.h"

struct net_interface_filter call_network_filter(const struct call_options *options) {
    return (struct net_interface_filter){
        .name = options->interface,
        .only_ipv4 = options->only_ipv4,
        .only_ipv6 = options->only_ipv6,
        .loopback = options->interface && strcmp(options->interface, "lo") == 0,
    };
}

struct net_driver_config call_network_config(const struct call_options *options) {
    return (struct net_driver_config){
        .filter = call_network_filter(options),
        .udp.with_gro = true, /* a burst of data or of a frame crosses the stack once (docs/performance.md) */
        .tls_ca_file = options->turn_ca_file,
        .tcp_listen = true, /* RFC 6544: for hosts that UDP does not reach */
        .mdns = options->mdns == CALL_MDNS_OFFER ? NET_MDNS_OFFER : options->mdns == CALL_MDNS_OFF ? NET_MDNS_OFF : NET_MDNS_RESOLVE,
    };
}

static bool check_certificates(const char *flag, const char *file, struct call_problem *problem) {
    struct net_tls_trust *trust = NULL;
    int error = file ? net_tls_trust_new(file, &trust) : 0;
    net_tls_trust_free(trust);
    if (error == 0)
        return true;
    call_problem_set(problem, error == -EINVAL ? CALL_EXIT_INPUT : CALL_EXIT_FILE, "system", NULL,
                     error == -EINVAL ? "There is no certificate in it." : strerror(-error), "Give a file of certificates in PEM.");
    call_sentence(problem->what, "The certificates of %s %s could not be taken.", flag, file);
    return false;
}

bool call_network_check(const struct call_options *options, struct call_problem *problem) {
    return check_certificates("--turn-ca", options->turn_ca_file, problem) && check_certificates("--signaling-ca", options->signaling_ca_file, problem);
}
