/*
 * Streams (TCP, seen from above) on the virtual network: reliable, in order, cut into pieces of any size on the way. A connection
 * takes the delays of the links it runs over; what they would lose comes later instead (a retransmission each time), and all that
 * follows waits for it. Streams pass every NAT from the inside, one without UDP too, but there to port 443 only; nobody gets through a
 * NAT from the outside. No byte of them is counted with the datagrams.
 *
 * Like all of the network: callbacks come from within sim_network_step only.
 */
#ifndef TEST_SIM_STREAM_H
#define TEST_SIM_STREAM_H

#include "test/sim/network.h"

#define SIM_STREAM_MAX 1024
#define SIM_STREAM_LISTENER_MAX 64
#define SIM_STREAM_BLOCKED_PORT 443                                     /* what NATs without UDP let out */
#define SIM_STREAM_RETRANSMISSION_US (UINT64_C(200) * 1000)             /* what a loss costs */
#define SIM_STREAM_CONNECT_TIMEOUT_US (UINT64_C(127) * 1000 * 1000)     /* a SYN that nobody answers: Linux's default */
#define SIM_STREAM_SILENCE_TIMEOUT_US (UINT64_C(15) * 1000 * 1000)      /* an interface was down for so long that TCP gave up */

struct sim_streams;

/* One end of a connection. */
struct sim_stream_callbacks {
    void (*opened)(void *context, int stream); /* the connecting end only; NULL: not interested */
    void (*received)(void *context, int stream, const uint8_t *bytes, size_t length);
    void (*closed)(void *context, int stream, int error); /* 0: in order; ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, ECONNRESET */
};

struct sim_streams *sim_streams_new(struct sim_network *network);
void sim_streams_free(struct sim_streams *streams); /* after the network */

/*
 * Listens until sim_stream_unlisten. `accepted` gives the new end its callbacks' context.
 * Returns the number of the listener, or -1 when the port is taken.
 */
int sim_stream_listen(struct sim_streams *streams, int interface_, uint16_t port, const struct sim_stream_callbacks *callbacks,
                      void *(*accepted)(void *context, int stream, const struct sim_path *path), void *context);
void sim_stream_unlisten(struct sim_streams *streams, int listener);

/* Begins to connect; local port at random. Returns the number of this end. */
int sim_stream_connect(struct sim_streams *streams, int interface_, const struct stun_address *remote, const struct sim_stream_callbacks *callbacks,
                       void *context);
const struct stun_address *sim_stream_local_address(const struct sim_streams *streams, int stream);

void sim_stream_send(struct sim_streams *streams, int stream, const uint8_t *bytes, size_t length); /* copied; ignored when closed */
void sim_stream_close(struct sim_streams *streams, int stream); /* the other end hears 0 after all that was sent; this one nothing more */
void sim_stream_break(struct sim_streams *streams, int stream); /* both ends hear ECONNRESET, this one at once, what was on its way is lost */
bool sim_stream_is_open(const struct sim_streams *streams, int stream);

struct sim_stream_counters {
    uint64_t opened, refused, broken, bytes_sent, bytes_received, pieces_received, retransmissions;
};
struct sim_stream_counters sim_stream_counters(const struct sim_streams *streams);

#endif
