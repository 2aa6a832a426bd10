/*
 * One end of the proof that two transports reach each other through real NATs: descriptions exchanged by file, SRTP with
 * synthetic frames both ways. The two processes share nothing but a folder.
 *
 * Usage: transport_pair offer|answer FOLDER STUN_HOST:PORT SECONDS
 *
 * Prints one line of results and exits 0 only if its own side received at least 99 % of what the other had sent by then,
 * every frame intact and each once, over the pair it names.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "app/net/clock.h"
#include "app/net/driver.h"
#include "app/net/random.h"
#include "test/sim/description.h"

#define FRAME_INTERVAL_MS 10
#define PAYLOAD_BYTES 600
#define SEQUENCE_MAX 65536

struct end {
    bool is_offerer;
    char local_path[512], remote_path[512], remote_text[DESCRIPTION_MAX_BYTES];
    struct peer_transport *transport;
    struct net_driver *driver;
    uv_loop_t loop;
    uv_timer_t tick, deadline;
    bool described, answered, connected, finished;
    uint64_t started_us, connected_us, frames_wanted;
    uint16_t sequence;
    uint64_t sent, received, doubled, damaged;
    bool seen[SEQUENCE_MAX];
};

static void put_u32(uint8_t *out, uint32_t value) {
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The payload of frame n is a function of n and of who sends it, so that the other side can check every byte. */
static uint8_t payload_byte(bool from_offerer, uint16_t sequence, size_t index) {
    return (uint8_t)(sequence * 31u + index * 7u + (from_offerer ? 1u : 128u));
}

static void send_frame(struct end *end) {
    size_t capacity;
    uint8_t *buffer = net_driver_reserve(end->driver, &capacity);
    uint8_t *packet = buffer + ICE_HEADROOM_BYTES;
    packet[0] = 0x80;
    packet[1] = 96;
    packet[2] = (uint8_t)(end->sequence >> 8);
    packet[3] = (uint8_t)end->sequence;
    put_u32(packet + 4, (uint32_t)(end->sequence * 480u));
    put_u32(packet + 8, end->is_offerer ? 0x0FFE4000u : 0x0A5E4000u);
    for (size_t i = 0; i < PAYLOAD_BYTES; i++)
        packet[12 + i] = payload_byte(end->is_offerer, end->sequence, i);
    struct ice_transmit out;
    if (peer_transport_protect_rtp(end->transport, net_clock_now_us(), buffer, 12 + PAYLOAD_BYTES, capacity, &out) == PEER_OK) {
        net_driver_send(end->driver, buffer, &out);
        end->sent++;
        end->sequence++;
    }
}

static void receive_frame(struct end *end, const uint8_t *packet, size_t length) {
    if (length != 12 + PAYLOAD_BYTES || packet[1] != 96) {
        end->damaged++;
        return;
    }
    uint16_t sequence = (uint16_t)(packet[2] << 8 | packet[3]);
    for (size_t i = 0; i < PAYLOAD_BYTES; i++)
        if (packet[12 + i] != payload_byte(!end->is_offerer, sequence, i)) {
            end->damaged++;
            return;
        }
    if (end->seen[sequence])
        end->doubled++;
    end->seen[sequence] = true;
    end->received++;
}

/* ---- the contract's verbs, one line each ------------------------------------------------------------------------------ */

static void handle_datagram(void *object, uint64_t now_us, const struct ice_path *path, uint8_t *bytes, size_t length) {
    struct end *end = object;
    (void)peer_transport_handle_datagram(end->transport, now_us, path, bytes, length);
}

static void handle_timeout(void *object, uint64_t now_us) {
    peer_transport_handle_timeout(((struct end *)object)->transport, now_us);
}

static uint64_t next_timeout(const void *object) {
    return peer_transport_next_timeout(((const struct end *)object)->transport);
}

static bool poll_transmit(void *object, uint64_t now_us, uint8_t *buffer, size_t capacity, struct ice_transmit *out) {
    return peer_transport_poll_transmit(((struct end *)object)->transport, now_us, buffer, capacity, out);
}

static void handle_interfaces(void *object, uint64_t now_us, const struct ice_interface *interfaces, size_t count) {
    (void)peer_transport_handle_interfaces(((struct end *)object)->transport, now_us, interfaces, count);
}

static void handle_send_error(void *object, uint64_t now_us, const struct ice_path *path, int error) {
    peer_transport_handle_send_error(((struct end *)object)->transport, now_us, path, error);
}

static void handle_event(struct end *end, uint64_t now_us, const struct peer_event *event) {
    if (event->type == PEER_EVENT_ICE && event->as.ice.type == ICE_EVENT_GATHERING_STATE && event->as.ice.as.gathering_state == ICE_GATHERING_COMPLETE)
        end->described = description_write_file(end->local_path, end->transport, true);
    if (event->type == PEER_EVENT_STATE) {
        printf("%s: %s\n", end->is_offerer ? "offer" : "answer", peer_transport_state_name(event->as.state));
        if (event->as.state == PEER_TRANSPORT_CONNECTED && end->connected_us == 0) {
            end->connected = true;
            end->connected_us = now_us;
        }
        if (event->as.state == PEER_TRANSPORT_FAILED)
            uv_stop(&end->loop);
    }
}

static bool drain(void *object, uint64_t now_us) {
    struct end *end = object;
    bool came = false;
    struct peer_received received;
    while (peer_transport_poll_received(end->transport, now_us, &received)) {
        came = true;
        if (received.kind == PEER_RECEIVED_RTP)
            receive_frame(end, received.bytes, received.length);
    }
    struct peer_event event;
    while (peer_transport_poll_event(end->transport, &event)) {
        came = true;
        handle_event(end, now_us, &event);
    }
    return came;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------- */

/* Every tick: look for the other side's file until it is there, then send a frame. */
static void on_tick(uv_timer_t *timer) {
    struct end *end = timer->data;
    if (end->described && !end->answered && access(end->remote_path, R_OK) == 0) {
        struct description remote;
        /* RFC 8842 section 5.3: the offer said actpass; the answerer takes the active role, the client. */
        enum dtls_role role = end->is_offerer ? DTLS_ROLE_SERVER : DTLS_ROLE_CLIENT;
        if (!description_read_file(end->remote_path, end->remote_text, &remote) ||
            !description_apply(end->transport, net_clock_now_us(), &remote, role)) {
            fprintf(stderr, "%s: not a description of ours\n", end->remote_path);
            uv_stop(&end->loop);
        }
        end->answered = true;
    }
    if (end->connected && end->sent < end->frames_wanted)
        send_frame(end);
    net_driver_run(end->driver);
}

static void on_deadline(uv_timer_t *timer) {
    uv_stop(timer->loop);
}

static const struct net_driver_verbs verbs = {
    .handle_datagram = handle_datagram,
    .handle_timeout = handle_timeout,
    .next_timeout = next_timeout,
    .poll_transmit = poll_transmit,
    .drain = drain,
    .handle_interfaces = handle_interfaces,
    .handle_send_error = handle_send_error,
};

static int report(struct end *end) {
    struct ice_pair_statistics pair = {0};
    const struct ice_agent *agent = peer_transport_ice(end->transport);
    for (size_t i = 0; i < ice_agent_pair_count(agent); i++)
        if (ice_agent_pair_statistics(agent, i, &pair) && pair.selected)
            break;
    char local[STUN_ADDRESS_TEXT_BYTES] = "none", remote[STUN_ADDRESS_TEXT_BYTES] = "none";
    const char *local_type = "none", *remote_type = "none";
    if (pair.selected) {
        stun_address_write(&pair.local->address, local, sizeof local);
        stun_address_write(&pair.remote->address, remote, sizeof remote);
        local_type = ice_candidate_type_name(pair.local->type);
        remote_type = ice_candidate_type_name(pair.remote->type);
    }
    printf("%s: sent %" PRIu64 " received %" PRIu64 " doubled %" PRIu64 " damaged %" PRIu64 " pair %s %s -> %s %s connected after %" PRIu64 " ms\n",
           end->is_offerer ? "offer" : "answer", end->sent, end->received, end->doubled, end->damaged, local_type, local, remote_type, remote,
           end->connected_us > end->started_us ? (end->connected_us - end->started_us) / 1000 : 0);
    bool is_whole = end->frames_wanted > 0 && end->sent == end->frames_wanted && end->received * 100 >= end->frames_wanted * 99;
    return end->connected && is_whole && end->doubled == 0 && end->damaged == 0 ? 0 : 1;
}

static bool make_transport(struct end *end, const char *stun_host, uint16_t stun_port, struct dtls_certificate **certificate) {
    int64_t wall_s = ((int64_t)net_clock_now_us() + net_clock_wall_offset_us()) / 1000000;
    *certificate = dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = wall_s});
    struct ice_server server = {.kind = ICE_SERVER_STUN, .transport = ICE_TRANSPORT_UDP, .host = stun_host, .port = stun_port};
    struct peer_transport_config config = {
        .ice = {.role = end->is_offerer ? ICE_ROLE_CONTROLLING : ICE_ROLE_CONTROLLED, .servers = &server, .server_count = 1, .random = net_random},
        .certificate = *certificate,
    };
    end->transport = dtls_srtp_initialize() == DTLS_OK ? peer_transport_new(&config, net_clock_now_us()) : NULL;
    return end->transport != NULL;
}

int main(int argument_count, char **arguments) {
    static struct end end;
    char *colon = argument_count == 5 ? strrchr(arguments[3], ':') : NULL;
    if (!colon || strlen(arguments[2]) > 400) {
        fprintf(stderr, "usage: transport_pair offer|answer FOLDER STUN_HOST:PORT SECONDS\n");
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    *colon = '\0';
    end.is_offerer = strcmp(arguments[1], "offer") == 0;
    unsigned long seconds = strtoul(arguments[4], NULL, 10);
    end.frames_wanted = seconds * 1000 / FRAME_INTERVAL_MS / 2; /* the first half of the time is for sending, the rest is patience */
    snprintf(end.local_path, sizeof end.local_path, "%s/%s.txt", arguments[2], end.is_offerer ? "offer" : "answer");
    snprintf(end.remote_path, sizeof end.remote_path, "%s/%s.txt", arguments[2], end.is_offerer ? "answer" : "offer");
    end.started_us = net_clock_now_us();

    struct dtls_certificate *certificate = NULL;
    uv_loop_init(&end.loop);
    if (!make_transport(&end, arguments[3], (uint16_t)strtoul(colon + 1, NULL, 10), &certificate)) {
        fprintf(stderr, "transport_pair: no transport\n");
        return 70;
    }
    struct net_driver_config driver = {.verbs = &verbs, .object = &end, .filter = {.only_ipv4 = true}, .fixed_interfaces = true};
    if (net_driver_new(&end.loop, &driver, &end.driver) != 0 || net_driver_start(end.driver) != 0) {
        fprintf(stderr, "transport_pair: no socket\n");
        return 71;
    }
    (void)peer_transport_gather(end.transport, net_clock_now_us());
    uv_timer_init(&end.loop, &end.tick);
    uv_timer_init(&end.loop, &end.deadline);
    end.tick.data = &end;
    uv_timer_start(&end.tick, on_tick, 0, FRAME_INTERVAL_MS);
    uv_timer_start(&end.deadline, on_deadline, seconds * 1000, 0);
    net_driver_run(end.driver);
    uv_run(&end.loop, UV_RUN_DEFAULT);

    int code = report(&end);
    net_driver_free(end.driver);
    uv_close((uv_handle_t *)&end.tick, NULL);
    uv_close((uv_handle_t *)&end.deadline, NULL);
    uv_run(&end.loop, UV_RUN_DEFAULT);
    uv_loop_close(&end.loop);
    peer_transport_free(end.transport);
    dtls_certificate_free(certificate);
    return code;
}
