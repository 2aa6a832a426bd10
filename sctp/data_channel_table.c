/* Channels by handle and by number. */
#include "sctp/data_channel_internal.h"

#include <assert.h>
#include <string.h>

#define SLOTS_MIN 8

void *data_channel_allocate(struct data_channel_layer *layer, size_t bytes) {
    void *memory = layer->allocator.allocate(layer->allocator.context, bytes);
    layer->statistics.memory_bytes += memory ? bytes : 0;
    return memory;
}

void data_channel_release(struct data_channel_layer *layer, void *memory, size_t bytes) {
    if (!memory)
        return;
    layer->statistics.memory_bytes -= bytes;
    layer->allocator.release(layer->allocator.context, memory);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------------------------- */

static unsigned bucket_of(const struct data_channel_layer *layer, unsigned id) {
    return id & (layer->slot_count - 1);
}

static unsigned index_of(const struct data_channel *channel) {
    return channel->handle & UINT16_MAX;
}

static void chain(struct data_channel_layer *layer, struct data_channel *channel) {
    struct data_channel_slot *bucket = &layer->slots[bucket_of(layer, channel->id)];
    layer->slots[index_of(channel)].next = bucket->bucket;
    bucket->bucket = (uint16_t)index_of(channel);
}

void data_channel_set_id(struct data_channel_layer *layer, struct data_channel *channel, uint16_t id) {
    assert(channel->id == DATA_CHANNEL_ID_NONE && id <= DATA_CHANNEL_ID_MAX);
    channel->id = id;
    chain(layer, channel);
}

/* Numbers are dense or chosen by the peer; even then at most 65,536 / slot_count of them share a bucket. */
static uint16_t *link_to(const struct data_channel_layer *layer, unsigned id) {
    uint16_t *link = &layer->slots[bucket_of(layer, id)].bucket;
    while (*link != DATA_CHANNEL_NO_SLOT && layer->slots[*link].channel->id != id)
        link = &layer->slots[*link].next;
    return link;
}

struct data_channel *data_channel_with_id(const struct data_channel_layer *layer, unsigned id) {
    if (layer->slot_count == 0 || id > DATA_CHANNEL_ID_MAX)
        return NULL;
    uint16_t slot = *link_to(layer, id);
    return slot == DATA_CHANNEL_NO_SLOT ? NULL : layer->slots[slot].channel;
}

void data_channel_drop_id(struct data_channel_layer *layer, struct data_channel *channel) {
    if (channel->id == DATA_CHANNEL_ID_NONE || data_channel_with_id(layer, channel->id) != channel)
        return;
    uint16_t *link = link_to(layer, channel->id);
    *link = layer->slots[*link].next;
}

/* Numbers that are used before any above them: libwebrtc's data channels ignored those beyond for long, whatever its INIT had said, and
 * Firefox's those from 2,048 on. */
#define NEAR_IDS 1024u

/* Onwards from the last, within `limit`: a number that has just been given back rests, in case the peer is slow to forget it. */
static bool choose_below(struct data_channel_layer *layer, unsigned limit, uint16_t *id) {
    for (unsigned tries = 0; tries < limit; tries++) {
        layer->last_id = layer->last_id + 1 < limit ? layer->last_id + 1 : 0;
        if (data_channel_is_ours(layer, layer->last_id) && layer->last_id <= DATA_CHANNEL_ID_MAX && !data_channel_with_id(layer, layer->last_id)) {
            *id = (uint16_t)layer->last_id;
            return true;
        }
    }
    return false;
}

bool data_channel_choose_id(struct data_channel_layer *layer, uint16_t *id) {
    unsigned near = layer->streams < NEAR_IDS ? layer->streams : NEAR_IDS;
    return choose_below(layer, near, id) || choose_below(layer, layer->streams, id);
}

/* ---- slots ------------------------------------------------------------------------------------------------------------------------- */

static bool grow(struct data_channel_layer *layer) {
    unsigned count = layer->slot_count == 0 ? SLOTS_MIN : 2 * layer->slot_count;
    struct data_channel_slot *slots = data_channel_allocate(layer, count * sizeof *slots);
    if (!slots)
        return false;
    if (layer->slot_count > 0)
        memcpy(slots, layer->slots, layer->slot_count * sizeof *slots);
    data_channel_release(layer, layer->slots, layer->slot_count * sizeof *slots);
    for (unsigned i = layer->slot_count; i < count; i++)
        slots[i] = (struct data_channel_slot){.generation = 1};
    layer->slots = slots;
    layer->slot_count = count;
    for (unsigned i = 0; i < count; i++)
        slots[i].bucket = slots[i].next = DATA_CHANNEL_NO_SLOT;
    for (unsigned i = 0; i < count; i++)
        if (slots[i].channel && slots[i].channel->id != DATA_CHANNEL_ID_NONE && slots[i].channel->state != DATA_CHANNEL_CLOSED)
            chain(layer, slots[i].channel);
    return true;
}

int data_channel_create(struct data_channel_layer *layer, const char *label, size_t label_length, const char *protocol, size_t protocol_length,
                        struct data_channel **created) {
    if (layer->used_count >= layer->channels_max)
        return SCTP_ERROR_CAPACITY;
    if (layer->used_count == layer->slot_count && !grow(layer))
        return SCTP_ERROR_MEMORY;
    struct data_channel *channel = data_channel_allocate(layer, sizeof *channel + label_length + protocol_length + 2);
    if (!channel)
        return SCTP_ERROR_MEMORY;
    unsigned index = layer->next_slot & (layer->slot_count - 1);
    while (layer->slots[index].channel || index == DATA_CHANNEL_NO_SLOT)
        index = (index + 1) & (layer->slot_count - 1);
    layer->next_slot = index + 1;
    *channel = (struct data_channel){
        .handle = (uint32_t)layer->slots[index].generation << 16 | index,
        .id = DATA_CHANNEL_ID_NONE,
        .label_length = label_length,
        .protocol_length = protocol_length,
    };
    if (label_length > 0)
        memcpy(channel->text, label, label_length);
    channel->text[label_length] = '\0';
    if (protocol_length > 0)
        memcpy(channel->text + label_length + 1, protocol, protocol_length);
    channel->text[label_length + 1 + protocol_length] = '\0';
    layer->slots[index].channel = channel;
    layer->used_count++;
    layer->statistics.channels++;
    *created = channel;
    return SCTP_OK;
}

struct data_channel *data_channel_of(const struct data_channel_layer *layer, data_channel_handle handle) {
    unsigned index = handle & UINT16_MAX;
    struct data_channel *channel = index < layer->slot_count ? layer->slots[index].channel : NULL;
    return channel && channel->handle == handle ? channel : NULL;
}

void data_channel_destroy(struct data_channel_layer *layer, struct data_channel *channel) {
    struct data_channel_slot *slot = &layer->slots[index_of(channel)];
    slot->channel = NULL;
    slot->generation = slot->generation == UINT16_MAX ? 1 : (uint16_t)(slot->generation + 1);
    layer->used_count--;
    layer->partial_bytes -= channel->partial_capacity;
    data_channel_release(layer, channel->partial, channel->partial_capacity);
    data_channel_release(layer, channel, sizeof *channel + channel->label_length + channel->protocol_length + 2);
}
