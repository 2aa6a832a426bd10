/*
 * Objects of the contract (docs/contract.md) on a virtual network, in virtual time.
 *
 *     struct sim *sim = sim_new(seed);
 *     struct sim_network *network = sim_network_of(sim);
 *     int home = sim_network_add_nat(network, SIM_PUBLIC, "198.51.100.1", &nat, NULL, NULL);
 *     int host = sim_network_add_interface(network, home, "192.168.1.2", &wifi, &wifi);
 *     int alice = sim_attach(sim, "alice", &verbs_of_my_object, object);
 *     const struct stun_address *base = sim_bind(sim, alice, host, 0);
 *     my_object_start(object, sim_now(sim), base);
 *     sim_touch(sim, alice);                       every change from outside is followed by this
 *     sim_set_deadline(sim, 45 * SIM_SECOND_US);
 *     while (!is_done(object) && sim_step(sim)) {}
 *     sim_require(sim, is_done(object));           fails with the seed
 *     sim_free(sim);
 *
 * The driver keeps the drain rule: after each change it polls an object until it has nothing more to send or to say,
 * and only then reads next_timeout. It also judges the object: one that never runs dry, or whose next timeout does
 * not move on, is a hang, and ends the run.
 */
#ifndef TEST_SIM_SIM_H
#define TEST_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/sim/network.h"
#include "test/sim/stream.h"

#define SIM_MILLISECOND_US UINT64_C(1000)
#define SIM_SECOND_US UINT64_C(1000000)
#define SIM_START_US (1000 * SIM_SECOND_US) /* time does not begin at 0: an object must not care */

#define SIM_ENDPOINT_MAX 64
#define SIM_TIMEOUTS_AT_ONE_INSTANT_MAX 64 /* handle_timeout calls to one object without next_timeout moving past now */
#define SIM_POLLS_IN_ONE_DRAIN_MAX 10000
#define SIM_STEPS_AT_ONE_INSTANT_MAX 100000 /* objects that answer each other without end over links without delay */
#define SIM_TRANSMIT_BUFFER_BYTES 65536

struct sim_transmit {
    struct sim_path path;
    size_t offset, length;
    size_t segment_bytes; /* > 0: datagrams of this size back to back, the last may be shorter */
    uint64_t stream_id;   /* not 0: these bytes go by that stream, and the path does not count */
};

/* Adapters around an object. All but poll_upward, handle_send_error and the three of streams are required. */
struct sim_verbs {
    void (*handle_datagram)(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length);
    void (*handle_timeout)(void *object, uint64_t now_us);
    void (*handle_send_error)(void *object, uint64_t now_us, const struct sim_path *path, int error);
    bool (*poll_transmit)(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out);
    /* Takes one event, or one received payload, and acts on it; the object may be changed. False: there was none. The bytes
     * given to handle_datagram stay as they are until this has said false. */
    bool (*poll_upward)(void *object, uint64_t now_us);
    uint64_t (*next_timeout)(const void *object);
    /* For objects that call sim_open_stream. path.local has the port that the stream got. error: see stream.h */
    void (*handle_stream_opened)(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *path);
    void (*handle_stream_bytes)(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *path, const uint8_t *bytes, size_t length);
    void (*handle_stream_closed)(void *object, uint64_t now_us, uint64_t stream_id, const struct sim_path *path, int error);
};

/* Why sim_step said false. */
enum sim_end {
    SIM_RUNNING,
    SIM_IDLE,     /* nothing on its way, and no object waits for anything: it stays like this for ever */
    SIM_DEADLINE, /* the next thing would happen after the deadline */
    SIM_HUNG      /* an object broke the contract, or the clock stands still; sim_why says how */
};

struct sim;

struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *sim); /* frees the network, not the objects */

struct sim_network *sim_network_of(struct sim *sim);
uint64_t sim_seed(const struct sim *sim);
uint64_t sim_now(const struct sim *sim);

/* For the random function of a configuration: sim_random_fill with this context. */
struct sim_random *sim_random_of(struct sim *sim);

/* name is referenced, for messages. Returns the number of the endpoint, 0.. */
int sim_attach(struct sim *sim, const char *name, const struct sim_verbs *verbs, void *object);

/* Takes the object off the network and closes its sockets: from now on it hears nothing (kill -9). */
void sim_detach(struct sim *sim, int endpoint);

/* A socket for the endpoint, see sim_network_bind. Several are fine. NULL: the port is taken. */
const struct stun_address *sim_bind(struct sim *sim, int endpoint, int interface_, uint16_t port);

/* Begins to connect from that interface; the object's handle_stream_opened or _closed follows. stream_id: the object's own, > 0. */
void sim_open_stream(struct sim *sim, int endpoint, int interface_, uint64_t stream_id, const struct stun_address *remote);
void sim_close_stream(struct sim *sim, int endpoint, uint64_t stream_id); /* in order; the object hears nothing more of it */
struct sim_streams *sim_streams_of(struct sim *sim);

/* The object was changed from outside: it is drained at once, or at the end of the callback that is running. */
void sim_touch(struct sim *sim, int endpoint);

/* Calls `action` at that time, for scripts and for a signaling channel with delay. The endpoint (or -1) is touched after. */
void sim_at(struct sim *sim, uint64_t time_us, void (*action)(struct sim *sim, void *context), void *context, int endpoint);

/* since_start_us counts from SIM_START_US. Without a deadline a run ends only IDLE or HUNG. */
void sim_set_deadline(struct sim *sim, uint64_t since_start_us);

/* Does the next thing. False: there is none, see sim_end. At a deadline the clock stands at the deadline. */
bool sim_step(struct sim *sim);
enum sim_end sim_end(const struct sim *sim);
const char *sim_why(const struct sim *sim); /* one sentence, valid until free */

/* Prints the seed, the time, the counters and how to run it again. For a test that is about to fail. */
void sim_explain(struct sim *sim, const char *what);

/* Fails the cmocka test, after sim_explain, when the condition does not hold or the run has hung. */
#define sim_require(sim, condition) sim_require_at((sim), (condition), #condition, __FILE__, __LINE__)
void sim_require_at(struct sim *sim, bool condition, const char *text, const char *file, int line);

/*
 * The seeds of a test: first .. first + count - 1, or those of the environment: SIM_SEED=n runs just that one, SIM_SEEDS=n changes the count,
 * both run a slice of a long proof.
 */
struct sim_seeds {
    uint64_t first, count;
};
struct sim_seeds sim_seeds(uint64_t first, uint64_t count);

#endif
