/*
 * usrsctp as the other end: one association of it over plain buffers (AF_CONN), in virtual time, with no thread, socket or clock of the
 * host. Its header has names that ours has too (struct sctp_event), so only usrsctp_end.c sees it; the rest knows it by these.
 *
 * usrsctp is global to the process: usrsctp_ends_begin once before the first end, usrsctp_ends_finish once after the last. One end at a time.
 */
#ifndef TEST_USRSCTP_USRSCTP_END_H
#define TEST_USRSCTP_USRSCTP_END_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "test/sim/random.h"

struct usrsctp_end;

enum usrsctp_reliability { USRSCTP_RELIABLE, USRSCTP_MAX_RETRANSMITS, USRSCTP_MAX_LIFETIME_MS };

struct usrsctp_message {
    uint16_t stream;
    uint32_t payload_protocol;
    bool is_unordered;
    enum usrsctp_reliability reliability;
    uint32_t limit;
    const uint8_t *bytes;
    size_t length;
};

/* What it tells; `context` is the one of usrsctp_end_new. All are called from within the calls below. */
struct usrsctp_listener {
    void (*packet)(void *context, const uint8_t *bytes, size_t length);
    void (*connected)(void *context, bool is_interleaved, bool is_partially_reliable, bool can_reset_streams);
    void (*message)(void *context, const struct usrsctp_message *message); /* whole ones only */
    void (*streams_reset)(void *context, bool is_incoming, bool is_refused, const uint16_t *streams, size_t count);
    void (*closed)(void *context, bool is_orderly);
    void (*abandoned)(void *context); /* a message, or a part of one, was given up */
};

void usrsctp_ends_begin(void);
void usrsctp_ends_finish(void); /* fails the test if an association is left */

/* Its time, and its chance: what it reads of either is this. */
void usrsctp_ends_set_time(uint64_t now_us);

struct usrsctp_end *usrsctp_end_new(const struct usrsctp_listener *listener, void *context, struct sim_random *random, bool wants_interleaving);
void usrsctp_end_free(struct usrsctp_end *end); /* an association that goes on is aborted */
void usrsctp_end_connect(struct usrsctp_end *end);
void usrsctp_end_listen(struct usrsctp_end *end);
void usrsctp_end_receive(struct usrsctp_end *end, const uint8_t *bytes, size_t length);
/* Its timers; to be called every USRSCTP_TICK_MS of virtual time. */
#define USRSCTP_TICK_MS 10
void usrsctp_end_tick(struct usrsctp_end *end);
/* False: it has no room now. */
bool usrsctp_end_send(struct usrsctp_end *end, const struct usrsctp_message *message);
bool usrsctp_end_reset(struct usrsctp_end *end, uint16_t stream); /* false: one is under way */
void usrsctp_end_shutdown(struct usrsctp_end *end);
void usrsctp_end_abort(struct usrsctp_end *end);

#endif
