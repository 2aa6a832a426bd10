#include "test/sim/puncher.h"

#include <string.h>

#define PING_EVERY_US (50 * SIM_MILLISECOND_US)

static void add_target(struct puncher *puncher, const struct stun_address *target) {
    for (size_t i = 0; i < puncher->target_count; i++)
        if (stun_address_equal(&puncher->targets[i], target))
            return;
    if (puncher->target_count < PUNCHER_TARGET_MAX)
        puncher->targets[puncher->target_count++] = *target;
}

/* "ping" or "pong", then the address that the ping was sent to, as it lies in memory: both ends are this program. */
struct message {
    char kind[4];
    struct stun_address asked;
};

static void handle_datagram(void *object, uint64_t now_us, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct puncher *puncher = object;
    struct message message;
    if (length != sizeof message)
        return;
    memcpy(&message, bytes, sizeof message);
    if (memcmp(message.kind, "ping", 4) == 0) {
        add_target(puncher, &path->remote);
        if (puncher->pong_count < PUNCHER_TARGET_MAX)
            puncher->pongs[puncher->pong_count++] = (struct puncher_pong){.to = path->remote, .asked = message.asked};
    } else if (memcmp(message.kind, "pong", 4) == 0 && !puncher->has_crossed && stun_address_equal(&message.asked, &path->remote)) {
        puncher->has_crossed = true;
        puncher->crossed_us = now_us;
    }
}

static void handle_timeout(void *object, uint64_t now_us) {
    struct puncher *puncher = object;
    if (now_us < puncher->next_ping_us)
        return;
    puncher->pings_due = puncher->target_count;
    puncher->next_target = 0;
    puncher->next_ping_us = now_us + PING_EVERY_US;
}

static void handle_send_error(void *object, uint64_t now_us, const struct sim_path *path, int error) {
    (void)now_us, (void)path, (void)error;
    ((struct puncher *)object)->errors++;
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct sim_transmit *out) {
    struct puncher *puncher = object;
    struct message message = {0};
    (void)now_us;
    if (capacity < sizeof message)
        return false;
    if (puncher->pong_count > 0) {
        const struct puncher_pong *pong = &puncher->pongs[--puncher->pong_count];
        memcpy(message.kind, "pong", 4);
        message.asked = pong->asked;
        out->path.remote = pong->to;
    } else if (puncher->next_target < puncher->pings_due) {
        memcpy(message.kind, "ping", 4);
        message.asked = out->path.remote = puncher->targets[puncher->next_target++];
    } else {
        return false;
    }
    out->path.local = puncher->local;
    out->length = sizeof message;
    memcpy(buffer, &message, sizeof message);
    return true;
}

static uint64_t next_timeout(const void *object) {
    const struct puncher *puncher = object;
    return puncher->next_ping_us;
}

const struct sim_verbs puncher_verbs = {.handle_datagram = handle_datagram,
                                        .handle_timeout = handle_timeout,
                                        .handle_send_error = handle_send_error,
                                        .poll_transmit = poll_transmit,
                                        .next_timeout = next_timeout};

void puncher_start(struct puncher *puncher, uint64_t now_us, const struct stun_address *local, const struct stun_address *target) {
    *puncher = (struct puncher){.local = *local, .next_ping_us = now_us};
    add_target(puncher, target);
}
