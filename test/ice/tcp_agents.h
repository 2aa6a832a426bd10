/*
 * Two agents whose TCP connections are made of queues in virtual time: what one writes comes out at the other in chunks of any size.
 * Connecting, refusing, simultaneous opening and breaking are as the sockets of an operating system would do it. UDP works, or is lost.
 */
#ifndef TEST_TCP_AGENTS_H
#define TEST_TCP_AGENTS_H

#include "ice/agent.h"
#include "two_agents.h"

#define TCP_CONNECTION_COUNT_MAX 128
#define TCP_SEGMENT_MAX 2048
#define TCP_PAYLOAD_MAX 1500

enum end_state { END_NONE, END_CONNECTING, END_OPEN, END_CLOSED };

/* One end of a connection, at one side. */
struct end {
    enum end_state state;
    struct ice_path path;
};

struct connection {
    struct end end[2]; /* of side 0, of side 1 */
};

enum segment_kind { SEGMENT_BYTES, SEGMENT_CONNECT, SEGMENT_OPENED, SEGMENT_CLOSED, SEGMENT_DATAGRAM, SEGMENT_RESOLVED };

struct segment {
    enum segment_kind kind;
    uint64_t at_us, order;
    size_t connection;
    int to, error;
    struct ice_path path; /* of a datagram */
    uint64_t query;       /* of an answered one */
    struct stun_address address; /* what it is; family NONE: nobody answers */
    size_t length;
    uint8_t bytes[ICE_HEADROOM_BYTES + TCP_PAYLOAD_MAX];
};

struct tcp_side {
    struct ice_agent *agent;
    enum ice_state state;
    enum ice_failure failure;
    struct ice_candidate candidates[ICE_LOCAL_CANDIDATE_MAX];
    size_t candidate_count;
    struct ice_candidate local, remote; /* selected */
    bool selected;
    uint64_t connected_us;
    size_t opens, closes, accepts, refusals, restarts, resolves;
    const char *mdns_name; /* of the interfaces that follow */
    struct ice_interface interfaces[4];
    size_t interface_count;
    struct ice_path last_open; /* as the OPEN_STREAM event said it */
    /* what poll_received brought */
    size_t received_count, received_bytes;
    uint64_t received_sum;
    struct ice_path received_path;
};

struct tcp_agents {
    struct tcp_side side[2];
    uint64_t now_us, random, order, delay_us;
    size_t chunk_bytes;  /* 0: as they were written; SIZE_MAX: random */
    bool udp, black_hole; /* UDP works; nobody answers a SYN */
    struct stun_address nat[2]; /* side i is seen from outside as this IP, another port for each connection; family NONE: as it is */
    uint16_t nat_port;
    struct connection connections[TCP_CONNECTION_COUNT_MAX];
    size_t connection_count;
    struct segment segments[TCP_SEGMENT_MAX];
    size_t segment_count;
    uint64_t next_accepted;
};

void tcp_agents_open(struct tcp_agents *net, uint64_t seed, enum ice_role first, enum ice_role second, const struct ice_allocator *allocator);
void tcp_agents_close(struct tcp_agents *net);
/* An interface of side i: 192.0.2.1 and 198.51.100.1. Several calls add. */
void tcp_agents_interface(struct tcp_agents *net, int side, enum ice_transport transport, uint16_t port);
void tcp_agents_gather(struct tcp_agents *net);
void tcp_agents_credentials(struct tcp_agents *net);
/* Only those of this kind; ICE_TCP_NONE: UDP. */
void tcp_agents_give(struct tcp_agents *net, int from, enum ice_tcp_type tcp_type);
void tcp_agents_give_all(struct tcp_agents *net);
void tcp_agents_drain(struct tcp_agents *net, int side);
bool tcp_agents_step(struct tcp_agents *net, uint64_t until_us);
void tcp_agents_run(struct tcp_agents *net, uint64_t until_us);
bool tcp_agents_run_until_connected(struct tcp_agents *net, uint64_t until_us);
/* A payload of `length` bytes, each `value`; false: can_send says no. */
bool tcp_agents_send(struct tcp_agents *net, int from, size_t length, uint8_t value);
/* The connection breaks: both ends hear of it, with this error; side 1 later. */
void tcp_agents_break(struct tcp_agents *net, size_t connection, int error);
void tcp_agents_break_late(struct tcp_agents *net, size_t connection, int error, uint64_t late_us);
size_t tcp_agents_open_count(const struct tcp_agents *net);
/* A stranger connects to side `to`, from this address. Returns what the agent said; *path is the stream's. */
int tcp_agents_stranger(struct tcp_agents *net, int to, const struct stun_address *from, struct ice_path *path);
int tcp_agents_stranger_writes(struct tcp_agents *net, int to, const struct ice_path *path, const uint8_t *bytes, size_t length);

#endif
