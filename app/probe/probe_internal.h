/*
 * What the files of app/probe share. One run has three parts, each an object of docs/contract.md on a driver of its own:
 *
 *     gathering.c   an ICE agent gathers from all servers; a row of the table for each candidate
 *     nat.c         NAT behaviour discovery (RFC 5780) from a fresh socket
 *     relay.c       for each TURN server: allocate, permit ourselves, send a datagram to ourselves through the relay
 *     report.c      what is printed about all that
 *     probe.c       options, names to addresses, the order of the parts, the exit code
 */
#ifndef PROBE_INTERNAL_H
#define PROBE_INTERNAL_H

#include <uv.h>

#include "app/call/ice_servers.h"
#include "app/call/json_log.h"
#include "app/call/options.h"
#include "app/net/driver.h"
#include "app/net/resolver.h"
#include "ice/agent.h"
#include "ice/nat_behaviour.h"
#include "ice/turn_client.h"
#include "stun/message.h"

#define PROBE_RELAY_PATIENCE_US 8000000u /* for an answer to Allocate */
#define PROBE_ECHO_INTERVAL_US 500000u
#define PROBE_ECHO_TRIES 4u
#define PROBE_ECHO_BYTES 32

struct probe;

/* A server of the command line. */
struct probe_server {
    const struct call_ice_server *given;
    char uri[CALL_ICE_URI_BYTES];
    struct stun_address address; /* family NONE: not (yet) known */
    bool is_resolved;            /* or given up */
};

enum probe_relay_outcome {
    PROBE_RELAY_RUNNING,
    PROBE_RELAY_WORKS,
    PROBE_RELAY_NO_ADDRESS,        /* the name, or no address of ours of its family */
    PROBE_RELAY_NO_SOCKET,
    PROBE_RELAY_NO_ALLOCATION,     /* the status of the client says why */
    PROBE_RELAY_NO_PERMISSION,     /* code */
    PROBE_RELAY_NOTHING_COMES_BACK
};

/* One test of one TURN server. Microseconds of the driver's clock; 0: has not happened. */
struct probe_relay {
    struct probe *probe;
    const struct probe_server *server;
    struct net_driver *driver;
    struct ice_turn_client *client;
    struct stun_address local;
    enum probe_relay_outcome outcome;
    struct ice_turn_status status; /* kept when the client is gone; its texts are copied below */
    char realm[128], reason[128];
    uint16_t permission_code;
    uint64_t began_us, deadline_us, allocated_us, permitted_us, echo_sent_us, echo_back_us;
    unsigned echoes;
    bool is_permission_asked;
    uint8_t token[PROBE_ECHO_BYTES];
};

struct probe_nat {
    struct probe *probe;
    struct net_driver *driver;
    struct ice_nat_discovery *discovery;
    struct ice_nat_behaviour found;
    bool is_done;
};

struct probe_gathering {
    struct probe *probe;
    struct net_driver *driver;
    struct ice_agent *agent;
    uint64_t began_us;
    bool is_done;
    size_t candidates;
};

struct probe {
    const struct call_options *options;
    uv_loop_t loop;
    uv_async_t next; /* the parts never go on from within each other's verbs */
    uv_signal_t interrupt, terminate;
    struct net_resolver *resolver;
    struct call_json_log *log;
    uint64_t started_us;
    struct probe_server servers[CALL_ICE_SERVER_MAX];
    size_t server_count;
    size_t asked[CALL_ICE_SERVER_MAX]; /* which of them the agent has, in its order */
    size_t asked_count;
    struct probe_gathering gathering;
    struct probe_nat nat;
    struct probe_relay relays[CALL_ICE_SERVER_MAX];
    size_t relay_count;
    bool has_begun_relays, is_interrupted;
};

/* gathering.c; begin returns 0 or a negative errno. */
int probe_gathering_begin(struct probe *probe);
void probe_gathering_end(struct probe *probe);

/* nat.c. Nothing to ask: it is done at once. */
void probe_nat_begin(struct probe *probe);
void probe_nat_end(struct probe *probe);

/* relay.c: one test for each TURN server. */
void probe_relays_begin(struct probe *probe);
bool probe_relays_are_done(const struct probe *probe);
void probe_relays_end(struct probe *probe);

/* probe.c: something has ended; the loop looks what comes next. */
void probe_wake(struct probe *probe);
/* The first address of ours that could send to this one; false: none. */
bool probe_local_for(const struct probe *probe, const struct stun_address *remote, struct stun_address *out);

/* report.c */
void probe_report_header(struct probe *probe);
void probe_report_candidate(struct probe *probe, uint64_t now_us, const struct ice_candidate *candidate);
void probe_report_gathered(struct probe *probe, uint64_t now_us);
/* Prints what the three parts found, and returns the exit code. */
int probe_report_end(struct probe *probe);

#endif
