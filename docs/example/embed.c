/* Embeds libstrata-peer in a poll() loop: two PeerConnections call each other over loopback; exits 0 once both are connected. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "app/peer/peer_connection.h"
static struct { struct peer_connection *connection; struct stun_address address; int socket; } ends[2] = {
    {.address = {STUN_ADDRESS_IPV4, 40400, {127, 0, 0, 1}}}, {.address = {STUN_ADDRESS_IPV4, 40401, {127, 0, 0, 1}}}};
static uint64_t now_us(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u; }
static void random_bytes(void *context, uint8_t *out, size_t length) { (void)context; while (getrandom(out, length, 0) != (ssize_t)length) {} }

static void drain(int i) /* after every call: what it wants to send, then what it has to say */
{
    uint8_t buffer[PEER_TRANSMIT_BUFFER_BYTES];
    struct ice_transmit out; /* its path says from where to where */
    struct peer_connection_event event;
    while (peer_connection_poll_transmit(ends[i].connection, now_us(), buffer, sizeof buffer, &out))
        (void)!send(ends[i].socket, buffer + out.offset, out.length, 0); /* with an unconnected socket: to out.path.remote */
    while (peer_connection_poll_event(ends[i].connection, &event))
        if (event.type == PEER_CONNECTION_EVENT_ICE_CANDIDATE) { /* in real life this, and the descriptions, cross a signaling channel */
            const char *text = event.as.ice_candidate.candidate;
            peer_connection_add_ice_candidate(ends[1 - i].connection, now_us(), &(struct peer_candidate_init){.candidate = text, .candidate_length = strlen(text)});
        } else if (event.type == PEER_CONNECTION_EVENT_CONNECTION_STATE)
            printf("%s: %s\n", i == 0 ? "offerer" : "answerer", peer_connection_state_name(event.as.connection_state));
}
int main(void) {
    struct dtls_certificate *certificate = dtls_srtp_initialize() == DTLS_OK ? dtls_certificate_new(&(struct dtls_certificate_config){.wall_clock_s = time(NULL)}) : NULL;
    struct sockaddr_in in[2] = {{AF_INET, htons(40400), {htonl(INADDR_LOOPBACK)}, {0}}, {AF_INET, htons(40401), {htonl(INADDR_LOOPBACK)}, {0}}};
    for (int i = 0; i < 2; i++) {
        ends[i].socket = socket(AF_INET, SOCK_DGRAM, 0);
        ends[i].connection = peer_connection_new(&(struct peer_connection_config){.ice.random = random_bytes, .certificate = certificate}, now_us());
        if (!ends[i].connection || bind(ends[i].socket, (struct sockaddr *)&in[i], sizeof in[i]) != 0 || connect(ends[i].socket, (struct sockaddr *)&in[1 - i], sizeof in[1 - i]) != 0)
            return 1;
        peer_connection_handle_interfaces(ends[i].connection, now_us(), &(struct ice_interface){.base = ends[i].address, .preference = 65535}, 1);
        peer_connection_add_track(ends[i].connection, &(struct peer_transceiver_config){.kind = PEER_VIDEO}, &(size_t){0});
    }
    for (int i = 0; i < 2; i++) { /* the offer, then the answer: made and set here, then set there */
        char sdp[8192]; size_t length = 0;
        enum peer_sdp_type type = i == 0 ? PEER_SDP_OFFER : PEER_SDP_ANSWER;
        (i == 0 ? peer_connection_create_offer : peer_connection_create_answer)(ends[i].connection, now_us(), sdp, sizeof sdp, &length, NULL);
        peer_connection_set_local_description(ends[i].connection, now_us(), type, sdp, length, NULL);
        peer_connection_set_remote_description(ends[1 - i].connection, now_us(), type, sdp, length, NULL);
    }
    int connected = 0; /* ends that are */
    struct pollfd fds[2] = {{ends[0].socket, POLLIN, 0}, {ends[1].socket, POLLIN, 0}};
    for (uint64_t deadline_us = now_us() + 10000000u; connected < 2 && now_us() < deadline_us; poll(fds, 2, 5)) /* in real life until next_timeout */
        for (int i = connected = 0; i < 2; i++) {
            uint8_t bytes[PEER_TRANSMIT_BUFFER_BYTES];
            ssize_t length = recv(ends[i].socket, bytes, sizeof bytes, MSG_DONTWAIT);
            if (length > 0)
                peer_connection_handle_datagram(ends[i].connection, now_us(), &(struct ice_path){.local = ends[i].address, .remote = ends[1 - i].address}, bytes, (size_t)length);
            peer_connection_handle_timeout(ends[i].connection, now_us());
            drain(i);
            connected += peer_connection_state(ends[i].connection) == PEER_CONNECTION_CONNECTED;
        }
    return connected == 2 ? 0 : 1; /* and peer_connection_free, dtls_certificate_free in a program that goes on */
}
