/* links: sctp */
/* with: test/sctp/channel_bench.c test/sctp/inbound_bench.c */
/*
 * Two ends with data channels. One follows the script of calls; the other too, but sends raw messages as well: any stream, any PPID, any
 * bytes, so that its DCEP may say anything. Between the steps:
 *     what an OPEN parser took, the writer writes again to the byte
 *     no end holds more channels than it may, nor more memory than it says
 *     what comes out belongs to a channel that lives, and between two honest ends nothing is lost that was sent before a close
 */
#include <stdlib.h>
#include <string.h>

#include "sctp/data_channel_message_internal.h"
#include "test/sctp/channel_bench.h"

#define CHANNELS_MAX 12
#define PARTIAL_MAX_BYTES 300
#define STEPS_MAX 300

struct script {
    const uint8_t *bytes;
    size_t length;
};

static uint8_t next_byte(struct script *script) {
    if (script->length == 0)
        return 0;
    script->length--;
    return *script->bytes++;
}

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_codec(const uint8_t *bytes, size_t length) {
    struct data_channel_open_message message;
    uint8_t written[600];
    if (length > sizeof written || data_channel_read_open(bytes, length, &message) != SCTP_OK)
        return;
    require(data_channel_write_open(&message, written, sizeof written) == (int)length);
    bool is_reliable = (bytes[1] & 0x7F) == 0; /* its parameter may be anything */
    require(memcmp(written, bytes, 4) == 0 && memcmp(written + 8, bytes + 8, length - 8) == 0);
    require(is_reliable || memcmp(written, bytes, length) == 0);
}

static void check(struct channel_pair *pair) {
    for (int i = 0; i < 2; i++) {
        struct data_channel_layer_statistics statistics;
        data_channel_layer_statistics(pair->ends[i].layer, &statistics);
        require(statistics.channels <= CHANNELS_MAX);
        const struct data_channel_event *last = &pair->ends[i].last_event;
        require(last->type != DATA_CHANNEL_EVENT_CLOSED || data_channel_reason_name(last->reason)[0] != '\0');
        struct data_channel_info info;
        require(!data_channel_info(pair->ends[i].layer, pair->ends[i].last_opened, &info) || data_channel_state_name(info.state)[0] != '\0');
        require(statistics.memory_bytes == pair->ends[i].memory.bytes);
        require(statistics.memory_bytes < 64 * 1024);
        require(statistics.opened + statistics.opened_by_peer <= statistics.closed + statistics.channels);
    }
}

struct data_channel_handles {
    data_channel_handle known[32];
    unsigned count;
};

static data_channel_handle any_channel(const struct data_channel_handles *handles, uint8_t choice) {
    return handles->count == 0 ? choice : handles->known[choice % (handles->count < 32 ? handles->count : 32)];
}

static void remember(struct data_channel_handles *handles, data_channel_handle handle) {
    handles->known[handles->count++ % 32] = handle;
}

static void open_one(struct channel_pair *pair, struct script *script, int end, struct data_channel_handles *handles) {
    uint8_t flags = next_byte(script);
    char label[20];
    struct data_channel_config config = {
        .label = label,
        .label_length = flags % 20,
        .is_unordered = flags & 32,
        .reliability = flags & 64 ? SCTP_MAX_RETRANSMITS : flags & 128 ? SCTP_MAX_LIFETIME : SCTP_RELIABLE,
        .limit = flags & 3,
        .is_negotiated = (flags & 28) == 28,
        .id = flags,
        .priority = flags,
    };
    memset(label, flags, sizeof label);
    data_channel_handle handle;
    if (data_channel_open(pair->ends[end].layer, pair->now_us, &config, &handle) == SCTP_OK)
        remember(handles, handle);
}

static void send_one(struct channel_pair *pair, struct script *script, int end, data_channel_handle handle) {
    static const uint8_t bytes[5000];
    uint8_t size = next_byte(script);
    (void)data_channel_send(pair->ends[end].layer, pair->now_us, handle, size & 1, bytes, (size_t)size * (size & 2 ? 17 : 1));
}

static void send_raw(struct channel_pair *pair, struct script *script, int end) {
    uint8_t bytes[300];
    uint16_t stream = next_byte(script) % 32;
    uint8_t kind = next_byte(script);
    uint32_t payload_protocol = kind < 100 ? DATA_CHANNEL_PPID_CONTROL : kind < 250 ? 50 + kind % 8 : kind;
    size_t length = 1 + next_byte(script);
    for (size_t i = 0; i < length; i++)
        bytes[i] = next_byte(script);
    if (kind < 80) { /* an OPEN that nearly fits */
        length = length < 12 ? 12 : length;
        bytes[0] = DATA_CHANNEL_MESSAGE_OPEN;
        bytes[8] = bytes[10] = 0;
        bytes[9] = (uint8_t)(length - 12 - kind % 2);
        bytes[11] = (uint8_t)(kind & 2 ? 0 : kind % 2);
        for (size_t i = 12; kind < 60 && i < length; i++)
            bytes[i] &= 0x7F;
    }
    check_codec(bytes, length);
    (void)pair_send_raw(pair, end, stream, payload_protocol, bytes, length);
}

static void step(struct channel_pair *pair, struct script *script, struct data_channel_handles handles[2]) {
    uint8_t operation = next_byte(script), argument = next_byte(script);
    int end = argument & 1;
    data_channel_handle handle = any_channel(&handles[end], argument >> 1);
    struct data_channel_layer *layer = pair->ends[end].layer;
    switch (operation % 16) {
    case 0: case 1: open_one(pair, script, end, &handles[end]); break;
    case 2: case 3: case 4: send_one(pair, script, end, handle); break;
    case 5: (void)data_channel_close(layer, pair->now_us, handle); break;
    case 6: (void)data_channel_close(layer, pair->now_us, pair->ends[end].last_opened); break;
    case 7: send_one(pair, script, end, pair->ends[end].last_opened); break;
    case 8: case 9: send_raw(pair, script, end); break;
    case 10: pair_run(pair, argument * UINT64_C(200)); break;
    case 11: pair_run(pair, argument * UINT64_C(20000)); break;
    case 12: pair->loss_percent = argument % 40; break;
    case 13:
        (void)data_channel_set_buffered_low(layer, handle, argument);
        data_channel_layer_set_peer_message_max(layer, argument & 6 ? 0 : 300);
        break;
    case 14: pair->ends[end].is_deaf = argument & 2; break;
    case 15:
        pair->ends[end].memory.fails_after = argument & 2 ? argument >> 2 : SIZE_MAX;
        if (argument == 255)
            (void)sctp_association_abort(pair->ends[end].association, pair->now_us, NULL, 0);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct channel_pair pair;
    struct script script = {data, size};
    struct data_channel_handles handles[2] = {{.count = 0}, {.count = 0}};
    struct sctp_association_config association = {.outbound_streams = 32, .inbound_streams = 32, .accepts_zero_checksum = true, .wants_interleaving = size & 1};
    struct data_channel_layer_config layer = {.channels_max = CHANNELS_MAX, .partial_max_bytes = PARTIAL_MAX_BYTES};
    check_codec(data, size);
    pair_begin_with(&pair, &association, &layer);
    for (unsigned steps = 0; script.length > 0 && steps < STEPS_MAX; steps++) {
        step(&pair, &script, handles);
        check(&pair);
        pair_drain(&pair);
        pair.ends[0].log_length = pair.ends[1].log_length = 0;
    }
    pair.loss_percent = 0;
    for (int i = 0; i < 2; i++) {
        pair.ends[i].is_deaf = false;
        pair.ends[i].memory.fails_after = SIZE_MAX;
    }
    pair_run(&pair, 5000000);
    check(&pair);
    pair_end(&pair);
    return 0;
}
