/* What the files of the TURN server share: turn_server.c (sockets, life), turn_auth.c (who may), turn_request.c (what they ask for),
 * turn_relay.c (what flows). */
#ifndef TEST_SIM_TURN_SERVER_INTERNAL_H
#define TEST_SIM_TURN_SERVER_INTERNAL_H

#include "test/sim/turn_server.h"
#include "test/sim/turn_wire.h"

#define TURN_PERMISSION_US (UINT64_C(300) * 1000 * 1000) /* RFC 8656 section 9 */
#define TURN_CHANNEL_US (UINT64_C(600) * 1000 * 1000)    /* RFC 8656 section 12 */
#define TURN_CHANNEL_REST_US (UINT64_C(300) * 1000 * 1000) /* RFC 8656 section 12: not bound otherwise for five minutes more */
#define TURN_NONCE_BYTES 96
#define TURN_STALE_PATIENCE 16
#define TURN_RECENT_REQUESTS 16
#define TURN_STREAM_BUFFER_BYTES 8192
#define TURN_ON_ITS_WAY_US (UINT64_C(2) * 1000 * 1000) /* what a client has sent before it knew, and the network has kept */
#define TURN_DOUBT_MAX 64
#define TURN_DOUBT_US (UINT64_C(10) * 1000 * 1000)
#define TURN_FAMILIES 2 /* [0] IPv4, [1] IPv6 */

/* A client is its 5-tuple: one end of a stream, or our address of a family and its own. */
struct turn_tuple {
    int stream;   /* -1: UDP */
    int listener; /* index of the family */
    struct stun_address remote;
};

struct turn_recent {
    uint8_t id[12];
    uint64_t hash;
};

/* Remembered beyond allocations, in order to judge. */
struct turn_client {
    bool is_used;
    struct turn_tuple tuple;
    uint64_t used_us;
    bool was_asked_for_credentials, was_redirected;
    uint8_t asked_id[12];     /* the request that was */
    bool lost_allocation;     /* by a kill: what it asks now is excused */
    uint64_t ended_us;        /* its allocation ended in order; what was on its way then is excused */
    uint64_t refused_us; /* 486 or 508; 0: not */
    char stale_nonce[TURN_NONCE_BYTES];
    unsigned stale_told;      /* how often it was told of that one */
    struct turn_recent recent[TURN_RECENT_REQUESTS];
    size_t recent_next;
};

struct turn_permission {
    struct stun_address peer; /* port 0 */
    uint64_t expires_us;
};

struct turn_channel {
    struct stun_address peer;
    uint16_t number;
    uint64_t expires_us; /* then it rests */
};

struct turn_allocation;

/* A relayed address. Not moved: a callback's context. */
struct turn_relay {
    struct sim_turn_server *server;
    struct turn_allocation *allocation; /* NULL: closed */
    int socket;
    struct turn_relay *next; /* all that there were, to be freed */
};

struct turn_allocation {
    bool is_used;
    struct turn_tuple tuple;
    char username[128];
    uint8_t made_by[12]; /* the transaction */
    uint64_t expires_us;
    uint32_t lifetime_seconds;
    bool refused_ipv6; /* ADDRESS-ERROR-CODE in its success */
    struct turn_relay *relays[TURN_FAMILIES];
    struct turn_permission permissions[SIM_TURN_PERMISSION_MAX];
    size_t permission_count;
    struct turn_channel channels[SIM_TURN_CHANNEL_MAX];
    size_t channel_count;
};

/* A stream whose bytes come in pieces. */
struct turn_stream {
    struct sim_turn_server *server;
    int stream;
    struct stun_address remote;
    size_t length;
    uint8_t bytes[TURN_STREAM_BUFFER_BYTES];
    struct turn_stream *next;
};

/* Data to a peer for whom no permission was ever asked: perhaps it has overtaken the request. It is wrong when none comes. */
struct turn_doubt {
    struct turn_tuple tuple;
    struct stun_address peer;
    uint64_t time_us; /* 0: settled */
};

struct turn_listener {
    struct sim_turn_server *server;
    int interface_;
    int socket, listener; /* -1: none */
};

struct sim_turn_server {
    struct sim_network *network;
    struct sim_streams *streams;
    struct sim_turn_server_config config;
    bool is_alive;
    struct turn_listener listeners[TURN_FAMILIES];
    struct turn_allocation allocations[SIM_TURN_ALLOCATION_MAX];
    struct turn_client clients[SIM_TURN_CLIENT_MAX];
    struct turn_relay *relays;
    struct turn_stream *open_streams;
    struct turn_doubt doubts[TURN_DOUBT_MAX];
    uint8_t secret[16]; /* of nonces; new with every start */
    struct sim_turn_server_counters counters;
};

/* What a request has proven, and how its answer is to be signed. */
struct turn_proof {
    char username[128];
    uint8_t key[TURN_WIRE_KEY_MAX_BYTES];
    size_t key_length;
    uint16_t integrity; /* TURN_INTEGRITY or TURN_INTEGRITY_SHA256 */
};

uint64_t turn_now(const struct sim_turn_server *server);
void turn_count_wrong(struct sim_turn_server *server, enum sim_turn_wrong wrong);
void turn_send(struct sim_turn_server *server, const struct turn_tuple *tuple, const uint8_t *bytes, size_t length);
struct turn_client *turn_client_of(struct sim_turn_server *server, const struct turn_tuple *tuple);
struct turn_allocation *turn_allocation_of(struct sim_turn_server *server, const struct turn_tuple *tuple);
void turn_allocation_end(struct sim_turn_server *server, struct turn_allocation *allocation);
bool turn_is_excused(const struct sim_turn_server *server, const struct turn_client *client); /* for having no allocation */
bool turn_is_same_tuple(const struct turn_tuple *a, const struct turn_tuple *b);
int turn_family_index(const struct stun_address *address);

/* Everything that came whole: one datagram, or one frame of a stream. */
void turn_handle_message(struct sim_turn_server *server, const struct turn_tuple *tuple, const uint8_t *bytes, size_t length);

/* turn_auth.c. False: an error was answered. */
bool turn_authenticate(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *request, struct turn_proof *proof);
/* An error without proof is not signed: proof NULL. */
void turn_answer_error(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct turn_wire_message *request, uint16_t code,
                       const struct turn_proof *proof);
void turn_finish_answer(struct sim_turn_server *server, const struct turn_tuple *tuple, struct turn_wire_writer *writer, const struct turn_proof *proof);

/* turn_request.c */
void turn_handle_request(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *request);

/* turn_relay.c */
struct turn_relay *turn_relay_open(struct sim_turn_server *server, struct turn_allocation *allocation, int family_index);
bool turn_permit(struct turn_allocation *allocation, uint64_t now_us, const struct stun_address *peer); /* false: no room */
void turn_doubt(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct stun_address *peer);
void turn_settle_doubt(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct stun_address *peer); /* it was asked for */
void turn_judge_doubts(struct sim_turn_server *server);
void turn_handle_send(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *indication);
void turn_handle_channel_data(struct sim_turn_server *server, struct turn_client *client, const uint8_t *bytes, size_t length);

#endif
