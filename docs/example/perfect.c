/*
 * Perfect negotiation (W3C webrtc section 10.7): two PeerConnections that both offer at once, and again whenever they like; one of them is polite. The
 * signaling channel is a queue that takes its time. Exits 0 once both are of one mind. No sockets: what must cross is descriptions and candidates.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "app/peer/peer_connection.h"

struct end {
    struct peer_connection *connection;
    struct end *other;
    bool is_polite, ignores_offer;
};

static struct message {
    struct end *to;
    bool is_candidate;
    enum peer_sdp_type type;
    char mid[PEER_MID_MAX_BYTES + 1], ufrag[64], text[8192];
} messages[64];
static size_t sent, delivered;

static uint64_t now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    (void)context;
    if (getrandom(out, length, 0) != (ssize_t)length)
        abort();
}

static void fail(const struct end *end, const char *what) {
    fprintf(stderr, "%s: %s: %s\n", end->is_polite ? "polite" : "impolite", what, peer_connection_problem(end->connection));
    exit(1);
}

static struct message *new_message(struct end *end) {
    if (sent == sizeof messages / sizeof messages[0])
        exit(1);
    messages[sent].to = end->other;
    return &messages[sent++];
}

/* ---- the pattern ---- */

/* The offer or the answer that the state asks for: made, set, sent. */
static void send_description(struct end *end) {
    struct message *message = new_message(end);
    if (peer_connection_set_local_description(end->connection, now_us(), PEER_SDP_IMPLICIT, NULL, 0, NULL) != PEER_OK)
        fail(end, "setLocalDescription");
    if (peer_connection_description(end->connection, PEER_LOCAL, &message->type, message->text, sizeof message->text, NULL) != PEER_OK)
        fail(end, "localDescription");
}

static void take_description(struct end *end, const struct message *message) {
    /* Calls are synchronous here: an offer of ours is either open or it is not. */
    bool is_collision = message->type == PEER_SDP_OFFER && peer_connection_signaling_state(end->connection) != PEER_SIGNALING_STABLE;
    end->ignores_offer = is_collision && !end->is_polite;
    if (end->ignores_offer)
        return;
    /* The polite side's own offer is rolled back by this. */
    if (peer_connection_set_remote_description(end->connection, now_us(), message->type, message->text, strlen(message->text), NULL) != PEER_OK)
        fail(end, "setRemoteDescription");
    if (message->type == PEER_SDP_OFFER)
        send_description(end);
}

static void take_candidate(struct end *end, const struct message *message) {
    const struct peer_candidate_init init = {.candidate = message->text, .candidate_length = strlen(message->text), .mid = message->mid,
                                             .mid_length = strlen(message->mid),
                                             .line_index = -1, .ufrag = message->ufrag, .ufrag_length = strlen(message->ufrag)};
    /* Those of an offer that was ignored have no home. */
    if (peer_connection_add_ice_candidate(end->connection, now_us(), &init) != PEER_OK && !end->ignores_offer)
        fail(end, "addIceCandidate");
}

static void take_event(struct end *end, const struct peer_connection_event *event) {
    if (event->type == PEER_CONNECTION_EVENT_NEGOTIATION_NEEDED)
        send_description(end);
    if (event->type != PEER_CONNECTION_EVENT_ICE_CANDIDATE)
        return;
    struct message *message = new_message(end);
    message->is_candidate = true;
    snprintf(message->text, sizeof message->text, "%s", event->as.ice_candidate.candidate);
    snprintf(message->mid, sizeof message->mid, "%s", event->as.ice_candidate.mid);
    snprintf(message->ufrag, sizeof message->ufrag, "%s", event->as.ice_candidate.ufrag);
}

/* ---- around it ---- */

static void drain(struct end *end) {
    uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
    struct ice_transmit out;
    struct peer_connection_event event;
    while (peer_connection_poll_transmit(end->connection, now_us(), buffer, sizeof buffer, &out)) {
    }
    while (peer_connection_poll_event(end->connection, &event))
        take_event(end, &event);
}

int main(void) {
    static struct end ends[2] = {{.other = &ends[1], .is_polite = true}, {.other = &ends[0]}};
    struct dtls_certificate *certificate = dtls_srtp_initialize() == DTLS_OK ? dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = time(NULL)}) : NULL;
    for (int i = 0; i < 2; i++) {
        ends[i].connection = peer_connection_new(&(struct peer_connection_config){.ice.random = random_bytes, .certificate = certificate}, now_us());
        const struct ice_interface interface = {.base = {STUN_ADDRESS_IPV4, (uint16_t)(40500 + i), {127, 0, 0, 1}}, .preference = 65535};
        if (!ends[i].connection || peer_connection_handle_interfaces(ends[i].connection, now_us(), &interface, 1) != PEER_OK ||
            peer_connection_add_track(ends[i].connection, &(struct peer_transceiver_config){.kind = (enum peer_media_kind)i}, &(size_t){0}) != PEER_OK)
            return 1;
    }
    for (int i = 0; i < 2; i++) /* both offer, and neither has heard the other */
        drain(&ends[i]);
    for (; delivered < sent; delivered++) {
        const struct message *message = &messages[delivered];
        (message->is_candidate ? take_candidate : take_description)(message->to, message);
        drain(message->to);
    }
    size_t agreed[2];
    for (int i = 0; i < 2; i++) {
        agreed[i] = peer_connection_agreed_count(ends[i].connection, NULL);
        printf("%s: %s, %zu sections agreed\n", ends[i].is_polite ? "polite" : "impolite",
               peer_signaling_state_name(peer_connection_signaling_state(ends[i].connection)), agreed[i]);
        peer_connection_free(ends[i].connection);
    }
    dtls_certificate_free(certificate);
    return agreed[0] == 2 && agreed[1] == 2 ? 0 : 1;
}
