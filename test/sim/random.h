/*
 * The only source of chance in a simulated network: xoshiro256** seeded through splitmix64, both in the public domain.
 * Not cryptographic. One seed gives one sequence, on every machine.
 */
#ifndef TEST_SIM_RANDOM_H
#define TEST_SIM_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_random {
    uint64_t state[4];
};

/* Any seed will do, 0 included. */
void sim_random_seed(struct sim_random *random, uint64_t seed);

/* A generator of its own for `child`, so that drawing from one does not shift the sequence of the other. */
void sim_random_fork(struct sim_random *random, struct sim_random *child);

uint64_t sim_random_u64(struct sim_random *random);
uint64_t sim_random_below(struct sim_random *random, uint64_t bound); /* 0 .. bound-1, without bias; bound >= 1 */
double sim_random_unit(struct sim_random *random);                    /* 0 <= x < 1 */

/* True with this probability. 0 and below never, 1 and above always; those draw nothing. */
bool sim_random_chance(struct sim_random *random, double probability);

/* Fills `length` bytes. `context` is a struct sim_random: this is the shape that configurations of the libraries want. */
void sim_random_fill(void *context, uint8_t *out, size_t length);

#endif
