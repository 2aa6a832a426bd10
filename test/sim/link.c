#include "test/sim/link.h"

#define CORRUPT_BITS_MAX 3u

void sim_link_init(struct sim_link *link, const struct sim_link_config *config, uint64_t seed) {
    *link = (struct sim_link){0};
    if (config)
        link->config = *config;
    sim_random_seed(&link->random, seed);
}

static bool lost_in_burst(struct sim_link *link) {
    const struct sim_link_config *config = &link->config;
    if (config->burst_enter <= 0.0)
        return false;
    if (sim_random_chance(&link->random, link->bad ? config->burst_leave : config->burst_enter))
        link->bad = !link->bad;
    return link->bad && sim_random_chance(&link->random, config->burst_loss);
}

/* Puts the datagram on the wire behind those that wait. False when the queue has no room for it. */
static bool enqueue(struct sim_link *link, uint64_t now_us, size_t ip_bytes, uint64_t *leaves_us) {
    const struct sim_link_config *config = &link->config;
    *leaves_us = now_us;
    if (config->rate_bps == 0)
        return true;
    uint64_t start_us = link->free_us > now_us ? link->free_us : now_us;
    double rest_us = link->free_us > now_us ? link->free_rest_us : 0.0;
    double waiting_bytes = (double)(start_us - now_us) * (double)config->rate_bps / 8e6;
    if (config->queue_bytes > 0 && waiting_bytes + (double)ip_bytes > (double)config->queue_bytes)
        return false;
    rest_us += (double)ip_bytes * 8e6 / (double)config->rate_bps;
    link->free_us = start_us + (uint64_t)rest_us;
    link->free_rest_us = rest_us - (double)(uint64_t)rest_us; /* at a gigabit half a microsecond is a twentieth of a packet */
    *leaves_us = link->free_us;
    return true;
}

static struct sim_link_copy send_copy(struct sim_link *link, uint64_t leaves_us, uint64_t sequence, bool is_duplicate) {
    const struct sim_link_config *config = &link->config;
    struct sim_link_copy copy = {.arrival_us = leaves_us + config->delay_us, .sequence = sequence, .is_duplicate = is_duplicate};
    copy.is_corrupt = sim_random_chance(&link->random, config->corrupt);
    if (config->jitter_us > 0)
        copy.arrival_us += sim_random_below(&link->random, config->jitter_us + 1);
    if (config->jitter_keeps_order && copy.arrival_us < link->last_arrival_us)
        copy.arrival_us = link->last_arrival_us;
    if (sim_random_chance(&link->random, config->reorder))
        copy.arrival_us += config->reorder_delay_us; /* this one steps out of the queue: the others do not wait for it */
    else if (copy.arrival_us > link->last_arrival_us)
        link->last_arrival_us = copy.arrival_us;
    return copy;
}

size_t sim_link_send(struct sim_link *link, uint64_t now_us, size_t ip_bytes, struct sim_link_copy copies[SIM_LINK_COPIES_MAX]) {
    const struct sim_link_config *config = &link->config;
    struct sim_counters *counters = &link->counters;
    uint64_t leaves_us;
    counters->sent++;
    if (config->mtu_bytes > 0 && ip_bytes > config->mtu_bytes) {
        counters->dropped_mtu++;
        return 0;
    }
    if (sim_random_chance(&link->random, config->loss)) {
        counters->dropped_loss++;
        return 0;
    }
    if (lost_in_burst(link)) {
        counters->dropped_burst++;
        return 0;
    }
    if (!enqueue(link, now_us, ip_bytes, &leaves_us)) {
        counters->dropped_queue++;
        return 0;
    }
    uint64_t sequence = link->next_sequence++;
    copies[0] = send_copy(link, leaves_us, sequence, false);
    if (!sim_random_chance(&link->random, config->duplicate))
        return 1;
    counters->duplicated++;
    copies[1] = send_copy(link, leaves_us, sequence, true);
    return 2;
}

static void flip_bits(struct sim_link *link, uint8_t *bytes, size_t length) {
    /* Neighbouring bits, so that no flip undoes another. */
    uint64_t first = sim_random_below(&link->random, 8 * (uint64_t)length);
    uint64_t count = 1 + sim_random_below(&link->random, CORRUPT_BITS_MAX);
    for (uint64_t bit = first; bit < first + count && bit < 8 * (uint64_t)length; bit++)
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

void sim_link_arrived(struct sim_link *link, const struct sim_link_copy *copy, uint8_t *bytes, size_t length) {
    link->counters.delivered++;
    if (copy->is_corrupt) {
        link->counters.corrupted++;
        if (length > 0)
            flip_bits(link, bytes, length);
    }
    /* Reordered: one that was sent later is here already. The second copy of a datagram has no place in an order. */
    if (copy->is_duplicate)
        return;
    if (copy->sequence < link->arrived_sequence)
        link->counters.reordered++;
    else
        link->arrived_sequence = copy->sequence + 1;
}
