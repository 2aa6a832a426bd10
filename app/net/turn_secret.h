/*
 * TURN credentials that expire, made from a secret shared with the TURN server: what coturn calls use-auth-secret, after
 * draft-uberti-behave-turn-rest-00 section 2.2.
 *
 *     username   = expiry ":" id                      seconds since 1970; the id is anything, and tells the server whose quota it is
 *     credential = base64(HMAC-SHA1(secret, username))
 *
 * The server computes the same and needs no list of users.
 */
#ifndef NET_TURN_SECRET_H
#define NET_TURN_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NET_TURN_SECRET_MAX_BYTES 255u
#define NET_TURN_ID_MAX_BYTES 64u
#define NET_TURN_USERNAME_BYTES (20u + 1u + NET_TURN_ID_MAX_BYTES + 1u) /* with the NUL */
#define NET_TURN_CREDENTIAL_BYTES 29u                                  /* 20 bytes in base64, with the NUL */

/*
 * How long they are good for. A call may ask its TURN server for a new relay until then (ICE restart, another network), so this bounds how long a call can
 * live and still change networks; and it is how long someone who leaves a room can go on relaying at our cost. A long working day fits; tomorrow it is dead.
 */
#define NET_TURN_LIFETIME_SECONDS (12u * 3600u)

struct net_turn_secret {
    uint8_t bytes[NET_TURN_SECRET_MAX_BYTES];
    size_t length;
};

/*
 * Reads the secret out of a file: the value of the first "static-auth-secret=" line, so that it can be turnserver.conf itself; or, where there is no such
 * line, the only line. Blank lines and those that begin with "#" do not count.
 * is_exposed  written on success: others than owner and group may read the file, or others than the owner write it
 * Returns 0, or -EBADMSG (no secret in it, or more than one line that could be), -E2BIG (longer than NET_TURN_SECRET_MAX_BYTES), or why it cannot
 * be read: -ENOENT, -EACCES, -EISDIR, ...
 */
int net_turn_secret_read(const char *path, struct net_turn_secret *out, bool *is_exposed);

/* Overwrites it, in a way that the compiler does not remove. */
void net_turn_secret_wipe(struct net_turn_secret *secret);

struct net_turn_credential {
    char username[NET_TURN_USERNAME_BYTES];
    char credential[NET_TURN_CREDENTIAL_BYTES];
};

/*
 * Makes a credential.
 * expiry_seconds  since 1970-01-01 00:00 UTC
 * id, id_length   1..NET_TURN_ID_MAX_BYTES of ASCII letters, digits, "-", "_", "."; something new for each user, lest users share a quota
 * False: the id is out of range, or libcrypto failed.
 */
bool net_turn_credential_make(const struct net_turn_secret *secret, uint64_t expiry_seconds, const char *id, size_t id_length,
                              struct net_turn_credential *out);

#endif
