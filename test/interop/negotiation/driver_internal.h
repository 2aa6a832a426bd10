/*
 * What the files of peer_driver share.
 *
 *     peer_driver.c       stdin and stdout, the loop
 *     driver_commands.c   a line in, a call of the PeerConnection, a line out
 *     driver_events.c     the verbs of app/net, and the events as lines
 *     driver_channels.c   data channels
 *     driver_report.c     transceivers and statistics as JSON
 *     canned.c            what is sent
 */
#ifndef DRIVER_INTERNAL_H
#define DRIVER_INTERNAL_H

#include <jansson.h>
#include <uv.h>

#include "app/net/driver.h"
#include "app/peer/peer_connection.h"
#include "test/interop/negotiation/canned.h"

/* What we send and have got on one transceiver. */
struct driver_stream {
    size_t position; /* of the canned frame that comes next */
    uint32_t timestamp;
    uint64_t frames_sent, frames_received;
    uint64_t last_frame_us, longest_gap_us; /* between two that came, since somebody asked */
};

struct driver {
    uv_loop_t loop;
    uv_pipe_t input;
    uv_timer_t tick;
    unsigned ticks;
    bool is_silent; /* sends nothing back */
    const char *interface, *folder;
    char *line; /* the unfinished one */
    size_t line_length, line_capacity;

    struct dtls_certificate *certificate;
    struct peer_connection *connection;
    struct net_driver *network;
    struct canned canned[PEER_CODEC_COUNT];
    struct driver_stream streams[PEER_TRANSCEIVER_MAX];
};

/* peer_driver.c */
void driver_write(json_t *line); /* its reference is taken */
void driver_end(struct driver *driver);

/* driver_commands.c */
void driver_handle_line(struct driver *driver, const char *line, size_t length);

/* driver_events.c */
int driver_begin(struct driver *driver, enum peer_bundle_policy policy); /* 0, or a negative errno */
void driver_finish(struct driver *driver);
void driver_send_frames(struct driver *driver);

/* driver_channels.c: what comes back of ours is looked at. What the peer sends on a channel of its own goes back to it; when the driver is silent,
 * it is told instead. */
int driver_create_channel(struct driver *driver, const json_t *command, size_t *channel); /* label; init: RTCDataChannelInit */
int driver_send_message(struct driver *driver, size_t channel, size_t length, uint32_t number, bool is_text); /* bytes that say where they belong */
json_t *driver_channel_facts(const struct driver *driver, size_t channel); /* NULL: no such channel */
json_t *driver_channel_event(struct driver *driver, const struct peer_connection_event *event); /* NULL: not one of a channel, or acted on */

/* driver_report.c */
json_t *driver_transceivers(const struct driver *driver);
json_t *driver_statistics(const struct driver *driver);

#endif
