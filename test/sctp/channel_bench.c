/* See channel_bench.h. */
#include "channel_bench.h"

#include <stdlib.h>
#include <string.h>

static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 16;
}

static void fill_random(void *context, uint8_t *out, size_t length) {
    struct channel_pair *pair = context;
    for (size_t i = 0; i < length; i++)
        out[i] = (uint8_t)next_random(&pair->random_state);
}

void pair_make_end(struct channel_pair *pair, int index, const struct sctp_association_config *association, const struct data_channel_layer_config *layer) {
    struct channel_end *end = &pair->ends[index];
    counting_begin(&end->memory);
    struct sctp_association_config config = association ? *association : (struct sctp_association_config){.accepts_zero_checksum = true};
    config.random = fill_random;
    config.random_context = pair;
    struct data_channel_layer_config layer_config = layer ? *layer : (struct data_channel_layer_config){0};
    layer_config.allocator = &end->memory.allocator;
    end->association = sctp_association_new(&config, pair->now_us);
    end->layer = data_channel_layer_new(&layer_config);
    if (!end->association || !end->layer || data_channel_layer_set_role(end->layer, index == 0) != SCTP_OK ||
        data_channel_layer_attach(end->layer, end->association) != SCTP_OK)
        abort();
    (void)sctp_association_connect(end->association, pair->now_us);
}

void pair_begin_with(struct channel_pair *pair, const struct sctp_association_config *association, const struct data_channel_layer_config *layer) {
    memset(pair, 0, sizeof *pair);
    pair->now_us = 1000000;
    pair->random_state = 0x2545F4914F6CDD1D;
    pair->delay_us = 5000;
    pair->packets = malloc(LINK_PACKETS * sizeof *pair->packets);
    if (!pair->packets)
        abort();
    for (int i = 0; i < 2; i++)
        pair_make_end(pair, i, association, layer);
}

void pair_begin(struct channel_pair *pair) {
    pair_begin_with(pair, NULL, NULL);
}

void pair_end(struct channel_pair *pair) {
    for (int i = 0; i < 2; i++) {
        data_channel_layer_free(pair->ends[i].layer);
        sctp_association_free(pair->ends[i].association);
        if (pair->ends[i].memory.blocks != 0)
            abort();
    }
    free(pair->packets);
}

/* ---- what was told ------------------------------------------------------------------------------------------------------------------ */

static void say(struct channel_end *end, const char *text, size_t length) {
    size_t room = sizeof end->log - 1 - end->log_length;
    size_t part = length < room ? length : room;
    memcpy(end->log + end->log_length, text, part);
    end->log_length += part;
    end->log[end->log_length] = '\0';
}

static void say_text(struct channel_end *end, const char *text) {
    say(end, text, strlen(text));
}

/* "opened LABEL", "open LABEL", "message LABEL text TEXT", "low LABEL", "closing LABEL", "closed LABEL REASON", "connected" ... */
static void note(struct channel_end *end, const struct data_channel_event *event) {
    static const char *const verbs[] = {"opened ", "open ", "message ", "low ", "closing ", "closed "};
    static const char *const associations[] = {"connected", "?", "?", "?", "sendable", "restarted", "ended"};
    end->last_event = *event;
    if (event->type == DATA_CHANNEL_EVENT_ASSOCIATION) {
        say_text(end, associations[event->association.type]);
        say_text(end, "\n");
        return;
    }
    struct data_channel_info info;
    if (!data_channel_info(end->layer, event->handle, &info))
        abort();
    say_text(end, verbs[event->type]);
    say(end, info.label, info.label_length < 20 ? info.label_length : 20);
    if (event->type == DATA_CHANNEL_EVENT_OPENED)
        end->last_opened = end->opened[end->opened_count++ % 16] = event->handle;
    if (event->type == DATA_CHANNEL_EVENT_CLOSED) {
        say_text(end, ": ");
        say_text(end, data_channel_reason_name(event->reason));
    }
    if (event->type == DATA_CHANNEL_EVENT_MESSAGE) {
        say_text(end, event->is_text ? " text " : " binary ");
        say(end, (const char *)event->bytes, event->length < 40 ? event->length : 40);
        end->messages++;
        end->last_length = (unsigned)event->length;
        memcpy(end->last, event->bytes, event->length < sizeof end->last ? event->length : sizeof end->last);
    }
    say_text(end, "\n");
}

const char *pair_log(struct channel_pair *pair, int end) {
    static char text[8192];
    memcpy(text, pair->ends[end].log, pair->ends[end].log_length + 1);
    pair->ends[end].log_length = 0;
    pair->ends[end].log[0] = '\0';
    return text;
}

/* ---- the link ---------------------------------------------------------------------------------------------------------------------- */

static void carry(struct channel_pair *pair, int from, const uint8_t *bytes, size_t length) {
    if (pair->is_cut[from] || next_random(&pair->random_state) % 100 < pair->loss_percent || pair->count == LINK_PACKETS) {
        pair->lost++;
        return;
    }
    struct channel_packet *packet = &pair->packets[(pair->first + pair->count++) % LINK_PACKETS];
    packet->to = 1 - from;
    packet->arrives_us = pair->now_us + pair->delay_us;
    packet->length = length;
    memcpy(packet->bytes, bytes, length);
}

/* docs/contract.md: until both are empty. */
static void drain_end(struct channel_pair *pair, int i) {
    struct channel_end *end = &pair->ends[i];
    struct data_channel_event event;
    struct sctp_transmit transmit;
    uint8_t bytes[1200];
    for (bool is_empty = false; !is_empty;) {
        is_empty = true;
        while (!end->is_deaf && data_channel_poll_event(end->layer, pair->now_us, &event))
            note(end, &event);
        while (sctp_association_poll_transmit(end->association, pair->now_us, bytes, sizeof bytes, &transmit)) {
            carry(pair, i, bytes, transmit.length);
            is_empty = false;
        }
    }
}

void pair_drain(struct channel_pair *pair) {
    drain_end(pair, 0);
    drain_end(pair, 1);
}

void pair_run(struct channel_pair *pair, uint64_t for_us) {
    uint64_t until_us = pair->now_us + for_us;
    for (;;) {
        pair_drain(pair);
        uint64_t next_us = pair->count > 0 ? pair->packets[pair->first].arrives_us : UINT64_MAX;
        for (int i = 0; i < 2; i++) {
            uint64_t timeout_us = sctp_association_next_timeout(pair->ends[i].association);
            next_us = timeout_us < next_us ? timeout_us : next_us;
        }
        if (next_us > until_us)
            break;
        pair->now_us = next_us > pair->now_us ? next_us : pair->now_us;
        if (pair->count > 0 && pair->packets[pair->first].arrives_us <= pair->now_us) {
            struct channel_packet packet = pair->packets[pair->first];
            pair->first = (pair->first + 1) % LINK_PACKETS;
            pair->count--;
            (void)sctp_association_handle_datagram(pair->ends[packet.to].association, pair->now_us, packet.bytes, packet.length);
        }
        for (int i = 0; i < 2; i++)
            if (sctp_association_next_timeout(pair->ends[i].association) <= pair->now_us)
                sctp_association_handle_timeout(pair->ends[i].association, pair->now_us);
    }
    pair->now_us = until_us;
}

/* ---- verbs ------------------------------------------------------------------------------------------------------------------------- */

data_channel_handle pair_open(struct channel_pair *pair, int end, const char *label) {
    struct data_channel_config config = {.label = label, .label_length = strlen(label)};
    data_channel_handle handle = 0;
    if (data_channel_open(pair->ends[end].layer, pair->now_us, &config, &handle) != SCTP_OK)
        abort();
    return handle;
}

int pair_send(struct channel_pair *pair, int end, data_channel_handle handle, const char *text) {
    return data_channel_send(pair->ends[end].layer, pair->now_us, handle, true, (const uint8_t *)text, strlen(text));
}

int pair_send_raw(struct channel_pair *pair, int end, uint16_t stream, uint32_t payload_protocol, const void *bytes, size_t length) {
    struct sctp_message message = {.stream = stream, .payload_protocol = payload_protocol, .bytes = bytes, .length = length};
    return sctp_association_send(pair->ends[end].association, pair->now_us, &message);
}

uint16_t pair_id(const struct channel_pair *pair, int end, data_channel_handle handle) {
    struct data_channel_info info;
    return data_channel_info(pair->ends[end].layer, handle, &info) ? info.id : DATA_CHANNEL_ID_NONE;
}
