/*
 * One PeerConnection, whose peer is the input: descriptions, candidates and datagrams as they come, in any order with calls and time. What is held
 * against it stands in peer_connection_alone_judge.c; here, that all memory comes back.
 */
#include "fuzz/peer_connection_alone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/peer_connection_alone_internal.h"

#define STEPS_MAX 200

/* ---- the input, memory, randomness ----------------------------------------------------------------------------------------------------- */

static uint8_t take_byte(struct alone *alone) {
    if (alone->left == 0)
        return 0;
    alone->left--;
    return *alone->data++;
}

/* NUL-terminated, into `text`; at most what is left of the input. */
static size_t take_text(struct alone *alone, char *text, size_t capacity) {
    size_t length = take_byte(alone);
    length = length << 8 | take_byte(alone);
    length = length < alone->left ? length : alone->left;
    length = length < capacity - 1 ? length : capacity - 1;
    memcpy(text, alone->data, length);
    text[length] = '\0';
    alone->data += length;
    alone->left -= length;
    return length;
}

static void random_bytes(void *context, uint8_t *out, size_t length) {
    struct alone *alone = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)((alone->random = alone->random * 6364136223846793005u + 1442695040888963407u) >> 56);
}

static void *allocate(void *context, size_t bytes) {
    struct alone *alone = context;
    void *memory = ++alone->allocations == alone->fail_at ? NULL : malloc(bytes);
    alone->live += memory != NULL;
    return memory;
}

static void release(void *context, void *memory) {
    ((struct alone *)context)->live -= memory != NULL;
    free(memory);
}

/* ---- sockets ---------------------------------------------------------------------------------------------------------------------------- */

static struct stun_address base_of(size_t transport) {
    return (struct stun_address){.family = STUN_ADDRESS_IPV4, .port = (uint16_t)(5000 + transport), .ip = {192, 0, 2, 1}};
}

void alone_give_sockets(struct alone *alone, size_t transport, size_t count) {
    const struct ice_interface interfaces[2] = {{.base = base_of(transport), .preference = 65535},
                                                {.base = base_of(transport + 100), .preference = 1, .mdns_name = "a.local"}};
    (void)peer_connection_handle_transport_interfaces(alone->connection, alone->now_us, transport, interfaces, count);
}

/* ---- descriptions ------------------------------------------------------------------------------------------------------------------------ */

static void set_local(struct alone *alone, enum peer_sdp_type type, const char *text, size_t length) {
    struct peer_problem problem = {0};
    struct alone_picture before = alone_look(alone);
    bool is_offer = before.state == PEER_SIGNALING_STABLE || before.state == PEER_SIGNALING_HAVE_LOCAL_OFFER || before.state == PEER_SIGNALING_HAVE_REMOTE_PRANSWER;
    int error = peer_connection_set_local_description(alone->connection, alone->now_us, type, text, length, &problem);
    struct alone_call call = {true, type != PEER_SDP_IMPLICIT ? type : is_offer ? PEER_SDP_OFFER : PEER_SDP_ANSWER, text, length};
    alone_judge(alone, before, &call, error, &problem);
}

static void set_remote(struct alone *alone, enum peer_sdp_type type) {
    struct peer_problem problem = {0};
    struct alone_picture before = alone_look(alone);
    const char *text = type == PEER_SDP_ROLLBACK ? NULL : alone->text;
    int error = peer_connection_set_remote_description(alone->connection, alone->now_us, type, text, text ? alone->length : 0, &problem);
    struct alone_call call = {false, type, text, alone->length};
    alone_judge(alone, before, &call, error, &problem);
    if (error == PEER_OK && text) {
        memcpy(alone->last_remote, alone->text, alone->length + 1);
        alone->last_remote_length = alone->length;
    }
}

static void create(struct alone *alone, bool is_offer, size_t capacity) {
    struct peer_problem problem = {0};
    struct alone_picture before = alone_look(alone);
    size_t length = 0;
    int error = is_offer ? peer_connection_create_offer(alone->connection, alone->now_us, alone->text, capacity, &length, &problem)
                         : peer_connection_create_answer(alone->connection, alone->now_us, alone->text, capacity, &length, &problem);
    alone->length = length;
    REQUIRE(alone_look(alone).sum == before.sum && (error == PEER_OK) == (problem.rule == NULL));
    REQUIRE(error != PEER_OK || (length < capacity && alone->text[length] == '\0'));
}

/* ---- a peer that answers ----------------------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *line, const char *start) {
    return strncmp(line, start, strlen(start)) == 0;
}

/* Our own offer as its answer: other credentials, directions reversed; refuses the sections whose bits are set in `refused`. */
static void mirror(struct alone *alone, unsigned refused, uint8_t generation) {
    static char offer[TEXT_BYTES];
    size_t length = 0, out = 0;
    unsigned section = 0;
    if (peer_connection_description(alone->connection, PEER_PENDING_LOCAL, NULL, offer, sizeof offer, &length) != PEER_OK)
        return;
    static const char *const dropped[] = {"a=candidate:", "a=end-of-candidates", "a=bundle-only", "a=rtcp-mux-only"};
    for (char *line = offer, *end; *line && (end = strstr(line, "\r\n")) && out + 400 + (size_t)(end - line) < TEXT_BYTES; line = end + 2) {
        bool is_dropped = false;
        *end = '\0';
        for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++)
            is_dropped |= starts_with(line, dropped[i]);
        char *port = starts_with(line, "m=") ? strchr(line, ' ') : NULL, *rest = port ? strchr(port + 1, ' ') : NULL;
        if (is_dropped)
            continue;
        if (rest)
            out += (size_t)snprintf(alone->text + out, TEXT_BYTES - out, "%.*s %d%s\r\n", (int)(port - line), line, refused >> (section++ & 7) & 1 ? 0 : 9, rest);
        else if (starts_with(line, "a=ice-ufrag:"))
            out += (size_t)snprintf(alone->text + out, TEXT_BYTES - out, "a=ice-ufrag:peer%u\r\n", generation % 8u);
        else if (starts_with(line, "a=ice-pwd:"))
            out += (size_t)snprintf(alone->text + out, TEXT_BYTES - out, "a=ice-pwd:abcdefghijklmnopqrstuvw%u\r\n", generation % 8u);
        else
            out += (size_t)snprintf(alone->text + out, TEXT_BYTES - out, "%s\r\n",
                                    starts_with(line, "a=setup:") ? "a=setup:active" : starts_with(line, "a=sendonly") ? "a=recvonly" : starts_with(line, "a=recvonly") ? "a=sendonly" : line);
    }
    alone->text[out] = '\0';
    alone->length = out;
}

/* The peer's last description with a piece of it replaced. */
static void edit_last_remote(struct alone *alone) {
    static char piece[TEXT_BYTES];
    size_t at = (size_t)take_byte(alone) << 8, many;
    at |= take_byte(alone);
    many = take_byte(alone);
    size_t length = take_text(alone, piece, sizeof piece);
    at = at < alone->last_remote_length ? at : alone->last_remote_length;
    many = many < alone->last_remote_length - at ? many : alone->last_remote_length - at;
    length = length < TEXT_BYTES - 1 - alone->last_remote_length ? length : TEXT_BYTES - 1 - alone->last_remote_length;
    memcpy(alone->text, alone->last_remote, at);
    memcpy(alone->text + at, piece, length);
    memcpy(alone->text + at + length, alone->last_remote + at + many, alone->last_remote_length - at - many + 1);
    alone->length = alone->last_remote_length - many + length;
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------------------- */

static void add(struct alone *alone, bool is_track, uint8_t argument) {
    char parameters[PEER_CODEC_PARAMETERS_MAX_BYTES + 3], stream[PEER_STREAM_ID_MAX_BYTES + 3];
    const char *const streams[] = {stream, "s"};
    struct peer_codec_capability codecs[2] = {{(enum peer_codec)(argument >> 5), parameters}, {(enum peer_codec)(1 + (argument >> 4 & 7)), NULL}};
    struct peer_transceiver_config config = {.kind = (enum peer_media_kind)(argument & 1), .direction = (enum peer_direction)(argument >> 1 & 3),
                                             .bitrate_bps = 1000u * argument};
    size_t index = SIZE_MAX;
    if (argument & 8) {
        (void)take_text(alone, parameters, sizeof parameters);
        (void)take_text(alone, stream, sizeof stream);
        config.codecs = codecs;
        config.codec_count = 1 + (argument & 1);
        config.streams = streams;
        config.stream_count = 2;
    }
    int error = is_track ? peer_connection_add_track(alone->connection, &config, &index) : peer_connection_add_transceiver(alone->connection, &config, &index);
    REQUIRE(error != PEER_OK || index < peer_connection_transceiver_count(alone->connection));
}

static void add_candidate(struct alone *alone, uint8_t argument) {
    char text[512], mid[32], ufrag[300];
    struct peer_candidate_init init = {.candidate = text, .candidate_length = take_text(alone, text, sizeof text), .line_index = (argument & 7) - 1};
    if (argument & 8) {
        init.mid = mid;
        init.mid_length = take_text(alone, mid, sizeof mid);
    }
    if (argument & 16) {
        init.ufrag = ufrag;
        init.ufrag_length = take_text(alone, ufrag, sizeof ufrag);
    }
    int error = peer_connection_add_ice_candidate(alone->connection, alone->now_us, argument == 255 ? NULL : &init);
    REQUIRE(error == PEER_OK || peer_connection_problem(alone->connection)[0] != '\0');
}

static void datagram(struct alone *alone, uint8_t argument) {
    char bytes[2048];
    struct ice_path path = {.transport = argument & 64 ? ICE_TRANSPORT_TCP : ICE_TRANSPORT_UDP, .local = base_of(argument & 3),
                            .remote = {.family = STUN_ADDRESS_IPV4, .port = 9, .ip = {192, 0, 2, 2}}};
    size_t length = take_text(alone, bytes, sizeof bytes);
    path.stream_id = argument & 64 ? argument & 32 ? ICE_STREAM_ACCEPTED | argument : argument & 7 : 0;
    if (argument & 64) {
        (void)peer_connection_handle_stream_opened(alone->connection, alone->now_us, &path);
        alone_drain(alone);
        (void)peer_connection_handle_stream_bytes(alone->connection, alone->now_us, &path, (uint8_t *)bytes, length);
    } else {
        (void)peer_connection_handle_datagram(alone->connection, alone->now_us, &path, (uint8_t *)bytes, length);
    }
    alone_drain(alone);
    if (argument & 16)
        peer_connection_handle_send_error(alone->connection, alone->now_us, &path, 111);
    if (argument & 128)
        (void)peer_connection_handle_stream_closed(alone->connection, alone->now_us, &path, 104);
}

static void pass_time(struct alone *alone, uint8_t argument) {
    uint64_t until_us = alone->now_us + (argument & 128 ? (argument & 127) * UINT64_C(500000) : argument * UINT64_C(2000));
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t next_us = peer_connection_next_timeout(alone->connection);
        if (next_us > until_us)
            break;
        alone->now_us = next_us > alone->now_us ? next_us : alone->now_us;
        peer_connection_handle_timeout(alone->connection, alone->now_us);
        alone_drain(alone);
    }
    alone->now_us = until_us;
}

/* No channel is ever open: that takes a peer with the keys. */
static void data(struct alone *alone, uint8_t argument, const char *label, size_t length) {
    struct peer_data_channel_config config = {
        .label = label,
        .label_length = length,
        .is_unordered = argument & 1,
        .has_max_packet_life_time = argument & 2,
        .has_max_retransmits = argument & 4,
        .is_negotiated = argument & 8,
        .id = (uint16_t)(argument * 257u),
    };
    struct peer_data_channel facts;
    size_t channel = length;
    if (peer_connection_create_data_channel(alone->connection, alone->now_us, &config, &channel) == PEER_OK) {
        REQUIRE(peer_connection_data_channel(alone->connection, channel, &facts) && facts.label_length == length && facts.state == DATA_CHANNEL_CONNECTING);
        (void)peer_connection_set_buffered_low(alone->connection, channel, argument);
    }
    REQUIRE(peer_connection_send_data(alone->connection, alone->now_us, channel, (const uint8_t *)label, length, true) != PEER_OK);
    if (argument & 64)
        (void)peer_connection_close_data_channel(alone->connection, alone->now_us, channel);
}

static void media(struct alone *alone, uint8_t argument) {
    char bytes[2048];
    size_t length = take_text(alone, bytes, sizeof bytes);
    struct peer_frame frame = {.bytes = (const uint8_t *)bytes, .length = length, .timestamp = argument * 960u, .is_key_frame = argument & 1};
    struct peer_statistics statistics;
    size_t index = argument & 7, steps = 0;
    REQUIRE(peer_connection_send_frame(alone->connection, alone->now_us, index, &frame) != PEER_OK); /* nobody is connected */
    (void)peer_connection_request_key_frame(alone->connection, alone->now_us, index);
    (void)peer_connection_insert_dtmf(alone->connection, alone->now_us, index, bytes, 40u + argument, 30);
    if (argument & 16)
        data(alone, argument, bytes, length);
    for (size_t cursor = 0; peer_connection_statistics(alone->connection, &cursor, &statistics); steps++)
        REQUIRE(steps < 10000 && statistics.id[0] != '\0' && peer_statistics_type_name(statistics.type)[0] != '\0');
}

static void change(struct alone *alone, uint8_t argument) {
    size_t index = argument & 15, sections = 0;
    struct peer_codec_capability codecs[2] = {{(enum peer_codec)(argument >> 4), NULL}, {PEER_CODEC_VP8, "max-fs=3600"}};
    switch (argument >> 4 & 7) {
    case 0: (void)peer_connection_remove_track(alone->connection, index); break;
    case 1: (void)peer_connection_stop_transceiver(alone->connection, index); break;
    case 2: (void)peer_connection_set_codec_preferences(alone->connection, index, codecs, 1 + (argument >> 7)); break;
    case 3: (void)peer_connection_restart_ice(alone->connection, alone->now_us); break;
    default: (void)peer_connection_set_direction(alone->connection, index, (enum peer_direction)(argument >> 4 & 3)); break;
    }
    REQUIRE(peer_connection_agreed_count(alone->connection, &sections) <= sections || sections == 0);
}

static void step(struct alone *alone) {
    static const enum peer_sdp_type types[] = {PEER_SDP_OFFER, PEER_SDP_PRANSWER, PEER_SDP_ANSWER, PEER_SDP_ROLLBACK, PEER_SDP_IMPLICIT};
    uint8_t what = take_byte(alone), argument = take_byte(alone);
    enum peer_sdp_type type = types[argument % 5];
    switch (what % 16) {
    case 0: add(alone, false, argument); break;
    case 1: add(alone, true, argument); break;
    case 2: change(alone, argument); break;
    case 3: create(alone, argument & 1, argument & 2 ? argument : TEXT_BYTES); break;
    case 4: set_local(alone, type, NULL, 0); break;
    case 5: set_local(alone, type, alone->text, alone->length); break; /* what was created, or anything else */
    case 6:
        alone->length = take_text(alone, alone->text, TEXT_BYTES);
        set_remote(alone, type);
        break;
    case 7:
        mirror(alone, argument >> 3, argument >> 1 & 3);
        set_remote(alone, argument & 1 ? PEER_SDP_PRANSWER : PEER_SDP_ANSWER);
        break;
    case 8:
        edit_last_remote(alone);
        set_remote(alone, type);
        break;
    case 9: add_candidate(alone, argument); break;
    case 10: datagram(alone, argument); break;
    case 11: pass_time(alone, argument); break;
    case 12: media(alone, argument); break;
    case 13: alone_give_sockets(alone, argument >> 2 & 3, argument & 3 ? 1 + (argument & 1) : 0); break;
    case 14: peer_connection_close(alone->connection, alone->now_us); break;
    default: (void)peer_connection_handle_resolved(alone->connection, alone->now_us, argument, NULL, 0); break;
    }
}

void fuzz_peer_connection_alone(const struct dtls_certificate *certificate, const uint8_t *data, size_t size) {
    static struct alone alone;
    alone = (struct alone){.data = data, .left = size, .now_us = 1000000, .random = 1};
    struct ice_allocator allocator = {allocate, release, &alone};
    uint8_t flags = take_byte(&alone), fails = take_byte(&alone);
    alone.fail_at = flags & 64 ? 1 + fails * UINT64_C(2) : 0;
    struct peer_connection_config config = {
        .ice = {.random = random_bytes, .random_context = &alone, .allocator = &allocator}, .bundle_policy = (enum peer_bundle_policy)(flags % 4), .certificate = certificate, .key_log = true};
    alone.connection = peer_connection_new(&config, alone.now_us);
    REQUIRE(alone.connection || alone.fail_at > 0 || flags % 4 == 3); /* which is no policy */
    for (unsigned i = 0; alone.connection && alone.left > 0 && i < STEPS_MAX; i++) {
        if (i == 0 && !(flags & 128))
            alone_give_sockets(&alone, 0, 1);
        step(&alone);
        alone_drain(&alone);
        REQUIRE((peer_connection_signaling_state(alone.connection) == PEER_SIGNALING_CLOSED) == (peer_connection_state(alone.connection) == PEER_CONNECTION_CLOSED));
        REQUIRE(peer_signaling_state_name(peer_connection_signaling_state(alone.connection))[0] != '\0' &&
                peer_connection_state_name(peer_connection_state(alone.connection))[0] != '\0');
    }
    peer_connection_free(alone.connection);
    REQUIRE(alone.live == 0);
}
