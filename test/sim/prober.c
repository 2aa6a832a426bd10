#include "test/sim/prober.h"

#include <assert.h>
#include <string.h>

#include "stun/message.h"

#define PATIENCE_US UINT64_C(200000)

/* A socket and the last thing it heard. */
struct ear {
    struct sim_network *network;
    int socket;
    uint8_t next_id;
    unsigned heard; /* datagrams */
    struct stun_address from;
    struct stun_address mapped; /* of the last Binding response, family NONE: none yet */
};

static void hear(void *context, const struct sim_path *path, uint8_t *bytes, size_t length) {
    struct ear *ear = context;
    struct stun_message message;
    ear->heard++;
    ear->from = path->remote;
    if (stun_message_parse(bytes, length, &message) == STUN_OK && message.class_ == STUN_CLASS_SUCCESS_RESPONSE)
        stun_message_read_xor_address(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &ear->mapped);
}

static void open_ear(struct ear *ear, struct sim_network *network, int interface_, uint16_t port) {
    static const struct sim_socket_callbacks callbacks = {.received = hear};
    *ear = (struct ear){.network = network};
    ear->socket = sim_network_bind(network, interface_, port, &callbacks, ear);
    assert(ear->socket >= 0);
}

static void close_ear(struct ear *ear) {
    sim_network_close(ear->network, ear->socket);
}

static void wait(struct ear *ear, uint64_t duration_us) {
    sim_network_advance(ear->network, sim_network_now(ear->network) + duration_us);
}

static void send_request(struct ear *ear, const struct stun_address *server, uint32_t change) {
    uint8_t bytes[64], id[STUN_TRANSACTION_ID_BYTES] = {'p', 'r', 'o', 'b', 'e'};
    struct stun_writer writer;
    id[STUN_TRANSACTION_ID_BYTES - 1] = ear->next_id++;
    stun_writer_begin(&writer, bytes, sizeof bytes, STUN_CLASS_REQUEST, STUN_METHOD_BINDING, id);
    if (change != 0)
        stun_writer_add_u32(&writer, SIM_STUN_ATTRIBUTE_CHANGE_REQUEST, change);
    int length = stun_writer_finish(&writer);
    assert(length > 0);
    sim_network_send(ear->network, ear->socket, server, bytes, (size_t)length);
}

/* Asks and waits; true when an answer came, from the address that `change` asks for if any. */
static bool ask(struct ear *ear, const struct stun_address *server, uint32_t change) {
    ear->heard = 0;
    ear->mapped = (struct stun_address){0};
    send_request(ear, server, change);
    wait(ear, PATIENCE_US);
    return ear->heard > 0 && ear->mapped.family != STUN_ADDRESS_NONE && stun_address_equal(&ear->from, server) == (change == 0);
}

bool prober_mapped_address(struct sim_network *network, int interface_, uint16_t port, struct sim_stun_server *server, int ip, int server_port,
                           struct stun_address *mapped) {
    struct ear ear;
    open_ear(&ear, network, interface_, port);
    bool answered = ask(&ear, sim_stun_server_address(server, ip, server_port), 0);
    *mapped = ear.mapped;
    close_ear(&ear);
    return answered;
}

/* RFC 5780 section 4.3, with one test more: the same address again, which must always map alike. */
enum prober_verdict prober_mapping(struct sim_network *network, int interface_, struct sim_stun_server *server) {
    static const int targets[4][2] = {{0, 0}, {0, 1}, {1, 0}, {0, 0}};
    struct stun_address mapped[4];
    struct ear ear;
    bool answered = true;
    open_ear(&ear, network, interface_, 0);
    for (int i = 0; i < 4; i++) {
        answered = ask(&ear, sim_stun_server_address(server, targets[i][0], targets[i][1]), 0) && answered;
        mapped[i] = ear.mapped;
    }
    close_ear(&ear);
    if (!answered)
        return PROBER_NO_ANSWER;
    bool other_port_alike = stun_address_equal(&mapped[0], &mapped[1]);
    bool other_ip_alike = stun_address_equal(&mapped[0], &mapped[2]);
    if (!stun_address_equal(&mapped[0], &mapped[3]) || (other_ip_alike && !other_port_alike))
        return PROBER_CONTRADICTION;
    if (other_ip_alike)
        return PROBER_NOT_DEPENDENT;
    return other_port_alike ? PROBER_DEPENDS_ON_ADDRESS : PROBER_DEPENDS_ON_ADDRESS_AND_PORT;
}

/* RFC 5780 section 4.4 */
enum prober_verdict prober_filtering(struct sim_network *network, int interface_, struct sim_stun_server *server) {
    const struct stun_address *first = sim_stun_server_address(server, 0, 0);
    struct ear ear;
    open_ear(&ear, network, interface_, 0);
    bool plain = ask(&ear, first, 0);
    bool from_other_ip_and_port = ask(&ear, first, SIM_STUN_CHANGE_IP | SIM_STUN_CHANGE_PORT);
    bool from_other_ip = ask(&ear, first, SIM_STUN_CHANGE_IP);
    bool from_other_port = ask(&ear, first, SIM_STUN_CHANGE_PORT);
    close_ear(&ear);
    if (!plain)
        return PROBER_NO_ANSWER;
    if (from_other_ip != from_other_ip_and_port || (from_other_ip && !from_other_port))
        return PROBER_CONTRADICTION;
    if (from_other_ip)
        return PROBER_NOT_DEPENDENT;
    return from_other_port ? PROBER_DEPENDS_ON_ADDRESS : PROBER_DEPENDS_ON_ADDRESS_AND_PORT;
}

bool prober_filter_is_shared(struct sim_network *network, int interface_, struct sim_stun_server *server) {
    struct ear ear;
    open_ear(&ear, network, interface_, 0);
    bool second = ask(&ear, sim_stun_server_address(server, 1, 1), 0);
    /* The second server has been spoken to, through a mapping of its own. Now it knocks at the mapping of the first. */
    bool shared = ask(&ear, sim_stun_server_address(server, 0, 0), SIM_STUN_CHANGE_IP | SIM_STUN_CHANGE_PORT);
    close_ear(&ear);
    return second && shared;
}

enum prober_hairpin prober_hairpin(struct sim_network *network, int interface_, struct sim_stun_server *server) {
    const struct stun_address *first = sim_stun_server_address(server, 0, 0);
    enum prober_hairpin result = PROBER_HAIRPIN_NONE;
    struct ear one, two;
    open_ear(&one, network, interface_, 0);
    open_ear(&two, network, interface_, 0);
    if (ask(&one, first, 0) && ask(&two, first, 0)) {
        struct stun_address outside_one = one.mapped, outside_two = two.mapped;
        one.heard = two.heard = 0;
        /* Both ways, and twice: the first one opens the filter for the other. */
        for (int i = 0; i < 2; i++) {
            send_request(&one, &outside_two, 0);
            send_request(&two, &outside_one, 0);
            wait(&one, PATIENCE_US);
        }
        if (one.heard > 0 && two.heard > 0) {
            bool internal = stun_address_equal(&one.from, sim_network_local_address(network, two.socket));
            bool external = stun_address_equal(&one.from, &outside_two);
            if (internal != external)
                result = internal ? PROBER_HAIRPIN_SEEN_INTERNAL : PROBER_HAIRPIN_SEEN_EXTERNAL;
        }
    }
    close_ear(&one);
    close_ear(&two);
    return result;
}

bool prober_mapping_lives(struct sim_network *network, int interface_, struct sim_stun_server *server, uint64_t idle_us,
                          uint64_t knock_every_us, uint64_t keep_every_us) {
    const struct stun_address *first = sim_stun_server_address(server, 0, 0);
    const uint8_t knock[] = "knock";
    struct ear ear;
    open_ear(&ear, network, interface_, 0);
    /* No patience after the answer: the clock of the mapping started when the request passed. */
    uint64_t start_us = sim_network_now(network);
    bool answered = ask(&ear, first, 0);
    struct stun_address outside = ear.mapped;
    uint64_t end_us = start_us + idle_us;
    uint64_t next_knock_us = knock_every_us ? start_us + knock_every_us : UINT64_MAX;
    uint64_t next_keep_us = keep_every_us ? start_us + keep_every_us : UINT64_MAX;
    while (next_knock_us < end_us || next_keep_us < end_us) {
        uint64_t next_us = next_knock_us < next_keep_us ? next_knock_us : next_keep_us;
        sim_network_advance(network, next_us);
        if (next_us == next_knock_us) {
            sim_stun_server_send(server, 0, 0, &outside, knock, sizeof knock);
            next_knock_us += knock_every_us;
        } else {
            send_request(&ear, first, 0);
            next_keep_us += keep_every_us;
        }
    }
    sim_network_advance(network, end_us);
    ear.heard = 0;
    sim_stun_server_send(server, 0, 0, &outside, knock, sizeof knock);
    wait(&ear, PATIENCE_US);
    bool lives = answered && ear.heard > 0;
    close_ear(&ear);
    return lives;
}
