/*
 * What people write to describe a link, on a command line or in a control line in mid-call:
 *
 *     [up|down|both] NAME=VALUE...         both until said otherwise; names below; a setting that is not named stays
 *
 *     delay_ms=40 jitter_ms=10 loss=3 burst_enter=1 burst_leave=25 burst_loss=100 reorder=1 reorder_delay_ms=20
 *     duplicate=1 corrupt=0.1 rate_kbps=1000 queue_bytes=30000 mtu_bytes=1280 jitter_keeps_order=1
 *
 * Chances are in percent. up is from the home to the public segment.
 */
#ifndef TEST_WIRE_SETTINGS_H
#define TEST_WIRE_SETTINGS_H

#include <stdbool.h>

#include "test/sim/link.h"

enum wire_direction { WIRE_UP, WIRE_DOWN };
#define WIRE_DIRECTIONS 2

/* Which directions the words after this one mean. */
struct wire_scope {
    bool up, down;
};
#define WIRE_SCOPE_BOTH ((struct wire_scope){true, true})

/*
 * Takes one word.
 * scope    moved by "up", "down" and "both"
 * configs  of both directions; changed as the word says
 * Returns true, or false when the word is unknown or its value out of range; then nothing is changed.
 */
bool wire_settings_word(const char *word, struct wire_scope *scope, struct sim_link_config configs[WIRE_DIRECTIONS]);

#endif
