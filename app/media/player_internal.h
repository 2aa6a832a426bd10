/* Where decoded sound and pictures go when a person wants them: --play. One player belongs to one receiver's thread. */
#ifndef MEDIA_PLAYER_INTERNAL_H
#define MEDIA_PLAYER_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/media/media_error.h"
#include "app/media/media_sender.h"
#include "app/media/picture.h"

struct media_player;

/* Opens the player that `name` (--play, NULL is none) asks for. Returns true, with *player NULL when there is nothing to play to:
 * none, or a player of the other kind. False with *error for a name that is unknown or not in this program. */
bool media_player_open(enum media_kind kind, const char *name, struct media_player **player, struct media_error *error);
void media_player_free(struct media_player *player);

/* Stereo, 48 kHz, `count` samples per channel. False with *error when the device failed. */
bool media_player_samples(struct media_player *player, const int16_t *samples, size_t count, struct media_error *error);

#endif
