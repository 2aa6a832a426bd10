/* xoshiro256** (Blackman and Vigna, 2018), its state filled by splitmix64 as its authors advise. */
#include "test/sim/random.h"

#include <assert.h>

static uint64_t splitmix64(uint64_t *state) {
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t rotate_left(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

void sim_random_seed(struct sim_random *random, uint64_t seed) {
    for (size_t i = 0; i < 4; i++)
        random->state[i] = splitmix64(&seed);
}

void sim_random_fork(struct sim_random *random, struct sim_random *child) {
    sim_random_seed(child, sim_random_u64(random));
}

uint64_t sim_random_u64(struct sim_random *random) {
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t sim_random_below(struct sim_random *random, uint64_t bound) {
    assert(bound >= 1);
    /* The lowest 2^64 mod bound values would make small results likelier: they are drawn again. */
    uint64_t biased = (UINT64_MAX - bound + 1) % bound;
    uint64_t value;
    do {
        value = sim_random_u64(random);
    } while (value < biased);
    return value % bound;
}

double sim_random_unit(struct sim_random *random) {
    return (double)(sim_random_u64(random) >> 11) * 0x1.0p-53;
}

bool sim_random_chance(struct sim_random *random, double probability) {
    if (probability <= 0.0)
        return false;
    return probability >= 1.0 || sim_random_unit(random) < probability;
}

void sim_random_fill(void *context, uint8_t *out, size_t length) {
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++) {
        if (i % 8 == 0)
            word = sim_random_u64(context);
        out[i] = (uint8_t)(word >> (8 * (i % 8)));
    }
}
