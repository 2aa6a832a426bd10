/* One agent, and a peer that does exactly what the test says: every message is built by hand and may be wrong on purpose. */
#ifndef TEST_SCRIPTED_PEER_H
#define TEST_SCRIPTED_PEER_H

#include "ice/agent.h"
#include "stun/integrity.h"
#include "stun/message.h"
#include "two_agents.h"

#define PEER_UFRAG "peer"
#define PEER_PASSWORD "0123456789abcdefghijkl"

struct scripted_peer {
    struct ice_agent *agent;
    uint64_t now_us;
    uint64_t random;
    struct stun_key *peer_key;  /* of the peer's password: the agent's requests */
    struct stun_key *agent_key; /* of the agent's password: the peer's requests */
    struct stun_address base;   /* the agent's 192.0.2.1:5000 */
    struct stun_address address; /* the peer's 198.51.100.1:6000 */
};

/* One datagram that the agent sent. */
struct sent {
    struct ice_path path;
    size_t length;
    uint8_t bytes[ICE_DATAGRAM_MAX_BYTES];
    struct stun_message message;
};

/* How a request or a response is wrong; zero is right. */
struct wrong {
    bool no_username, no_integrity, no_fingerprint, no_priority, bad_fingerprint;
    const char *username;
    struct stun_key *key; /* sign with this one */
    const struct stun_address *from, *to;
    bool unknown_attribute;
    const struct stun_address *mapped;
    bool no_mapped;
};

struct request {
    enum ice_role role;
    uint64_t tie_breaker;
    bool use_candidate;
    bool no_role;
    uint32_t priority; /* 0: 1853824767 */
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
};

void scripted_open(struct scripted_peer *peer, enum ice_role role, const struct ice_agent_config *config);
void scripted_close(struct scripted_peer *peer);
/* interfaces and gathering; then credentials; then the peer's host candidate */
void scripted_gather(struct scripted_peer *peer);
void scripted_credentials(struct scripted_peer *peer);
int scripted_candidate(struct scripted_peer *peer, const struct stun_address *address, uint32_t priority, const char *foundation);
void scripted_start(struct scripted_peer *peer);

bool scripted_poll(struct scripted_peer *peer, struct sent *out);
/* The next request; responses before it are skipped. */
bool scripted_poll_request(struct scripted_peer *peer, struct sent *out);
size_t scripted_drop_all(struct scripted_peer *peer); /* counts the requests */
/* Lets the agent work until the time, dropping what it sends; counts the requests. */
size_t scripted_wait(struct scripted_peer *peer, uint64_t until_us);
/* The same, but every request is answered. */
size_t scripted_wait_answering(struct scripted_peer *peer, uint64_t until_us);

/* code 0: success. Returns what handle_datagram returned. */
int scripted_respond(struct scripted_peer *peer, const struct sent *request, uint16_t code, const struct wrong *wrong);
int scripted_request(struct scripted_peer *peer, const struct request *request, const struct wrong *wrong);
size_t scripted_build_request(struct scripted_peer *peer, const struct request *request, const struct wrong *wrong, uint8_t *bytes, size_t capacity);

/* The last STATE event, all others are dropped. */
enum ice_state scripted_state(struct scripted_peer *peer);
/* A whole run to CONNECTED, the agent controlling. */
void scripted_connect(struct scripted_peer *peer);
struct ice_pair_statistics scripted_pair(const struct scripted_peer *peer, size_t index);
bool sent_has(const struct sent *sent, uint16_t type);

#endif
