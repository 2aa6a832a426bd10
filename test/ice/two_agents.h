/*
 * Two agents, or one, over a queue in virtual time: what one sends the other receives, unless the link loses, doubles or
 * delays it. TURN servers (relay_double.h) may stand in between; each hop takes the delay of the link. Everything repeats from the seed.
 * A tap sees every datagram that an agent sends, and may change or swallow it.
 */
#ifndef TEST_TWO_AGENTS_H
#define TEST_TWO_AGENTS_H

#include "ice/agent.h"
#include "relay_double.h"

#define MS 1000u
#define SECOND 1000000u

#define QUEUE_MAX 4096
#define HOST_MAX 8
#define STUN_SERVER_MAX 8
#define RELAY_SERVER_MAX 4
#define SIDE_STREAM_MAX 32

struct two_agents;

struct datagram {
    uint64_t at_us;
    uint64_t order;
    struct ice_path path; /* as the sender sees it */
    size_t via;           /* 0: an agent sent it; else 1 + the index of the TURN server that did */
    int stream_side;      /* of a TURN server to a stream: whose */
    size_t length;
    uint8_t bytes[RELAY_DOUBLE_BYTES];
};

/* Returns false to swallow the datagram. `from` is 0 or 1. */
typedef bool tap(struct two_agents *net, int from, struct datagram *datagram, void *context);

struct side {
    struct ice_agent *agent;
    enum ice_state state;
    enum ice_failure failure;
    enum ice_gathering_state gathering;
    bool selected;
    struct ice_candidate local, remote; /* of the selected pair */
    struct ice_candidate candidates[ICE_LOCAL_CANDIDATE_MAX];
    size_t candidate_count;
    size_t roles, restarts, resolves, selections;
    enum ice_restart_reason restart_reason;
    /* what came out of ice_agent_poll_received */
    size_t received_count, received_length;
    struct ice_path received_path;
    uint8_t received[RELAY_DOUBLE_BYTES];
    /* streams that are open, or were */
    struct ice_path streams[SIDE_STREAM_MAX];
    char server_names[SIDE_STREAM_MAX][64];
    bool stream_is_open[SIDE_STREAM_MAX];
    size_t stream_count, streams_closed;
    struct stun_address bases[HOST_MAX]; /* its sockets, for a side that shows no host candidates */
    size_t base_count;
    uint64_t selected_us, connected_us, completed_us, failed_us;
    uint64_t states[8]; /* how often each was entered */
    uint64_t sent, new_transactions, last_new_us, closest_new_us;
};

struct two_agents {
    struct side side[2];
    uint64_t now_us;
    uint64_t random;
    struct datagram queue[QUEUE_MAX];
    size_t queue_count;
    uint64_t order;
    double loss, duplicate;
    uint64_t delay_us, jitter_us;
    uint64_t lost, doubled, delivered, unroutable;
    bool trickle;     /* candidates go to the other side as they come */
    uint64_t signaling_us; /* later than now, when they do */
    tap *tap;
    void *tap_context;
    /* NAT: side i seen from outside as nat[i] (family NONE: no NAT), its address-independent mapping keeps the port */
    struct stun_address nat[2];
    /* what answers Binding requests */
    struct stun_address servers[STUN_SERVER_MAX];
    size_t server_count;
    struct relay_double relays[RELAY_SERVER_MAX]; /* made by the test, before gathering */
    size_t relay_count;
    bool streams_are_refused;
};

struct stun_address ipv4(const char *text, uint16_t port);
struct stun_address ip(const char *text, uint16_t port);
void seeded_random(void *context, uint8_t *out, size_t length);
uint64_t next_random(uint64_t *state);

/* Agents with role controlling, controlled; config may be NULL; each gets its own random. */
void two_agents_open(struct two_agents *net, uint64_t seed, const struct ice_agent_config *config);
void two_agents_open_roles(struct two_agents *net, uint64_t seed, const struct ice_agent_config *config, enum ice_role first, enum ice_role second);
void two_agents_close(struct two_agents *net);

/* One host interface each: 192.0.2.1:5000 and 198.51.100.1:6000. */
void two_agents_interfaces(struct two_agents *net);
void two_agents_gather(struct two_agents *net);
/* Credentials, and all candidates known so far; then end of candidates. */
void two_agents_signal(struct two_agents *net);
void two_agents_exchange_credentials(struct two_agents *net);
void two_agents_give_candidates(struct two_agents *net, int from);
/* Both restart, at the same moment, and are signaled to each other. */
void two_agents_restart(struct two_agents *net);
/* all of the above */
void two_agents_connect(struct two_agents *net);

/* Sends a payload by the selected pair; what ice_agent_wrap_payload answers. */
int two_agents_send_payload(struct two_agents *net, int from, const uint8_t *bytes, size_t length);
/* The TURN server dies: nothing is answered, streams break. relay_double_restart wakes it. */
void two_agents_kill_relay(struct two_agents *net, size_t index);

/* Empties what the agents want: datagrams into the queue, events into the sides. */
void two_agents_drain(struct two_agents *net, int side);
/* The next thing that happens; false: nothing before until_us (then now is until_us). */
bool two_agents_step(struct two_agents *net, uint64_t until_us);
void two_agents_run(struct two_agents *net, uint64_t until_us);
/* Until both are connected or one has failed. */
bool two_agents_run_until_connected(struct two_agents *net, uint64_t until_us);
void two_agents_inject(struct two_agents *net, int to, const struct stun_address *from, const struct stun_address *to_address, const uint8_t *bytes, size_t length);

bool is_up(const struct side *side);

#endif
