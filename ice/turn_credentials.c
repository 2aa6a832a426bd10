/*
 * Long-term credentials, RFC 8489 section 9.2: the challenge (realm, nonce, PASSWORD-ALGORITHMS) that a 401 or a 438 brings, the key that
 * comes of it, what an authenticated request carries, and the rules against an attacker who talks both sides into less security.
 */
#include <string.h>

#include "ice/turn_client_internal.h"

#define MAC_SHA256_BYTES 32

void ice_turn_credentials_forget_challenge(struct ice_turn_client *client) {
    stun_key_free(client->key);
    client->key = NULL;
    client->has_challenge = client->has_algorithms = client->uses_userhash = false;
    client->realm[0] = '\0';
    client->realm_length = client->nonce_length = client->algorithms_length = 0;
}

/* ---- being challenged ----------------------------------------------------------------------------------------------------------- */

/* A challenge as it came: views into the message. */
struct challenge {
    const uint8_t *realm, *nonce, *list;
    size_t realm_length, nonce_length, list_length;
    bool has_realm, has_list, promises_list, wants_userhash;
};

/* False: there is no nonce, or it or the realm is longer than RFC 8489 sections 14.9 and 14.10 allow. */
static bool read_challenge(const struct stun_message *message, struct challenge *out) {
    *out = (struct challenge){.has_realm = false};
    uint32_t features = 0;
    if (stun_message_read_bytes(message, STUN_ATTRIBUTE_NONCE, &out->nonce, &out->nonce_length) != STUN_OK)
        return false;
    int error = stun_message_read_bytes(message, STUN_ATTRIBUTE_REALM, &out->realm, &out->realm_length);
    if (error == STUN_ERROR_MALFORMED)
        return false;
    out->has_realm = error == STUN_OK;
    out->has_list = stun_message_read_bytes(message, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, &out->list, &out->list_length) == STUN_OK;
    if (stun_nonce_security_features(out->nonce, out->nonce_length, &features)) {
        out->promises_list = (features & STUN_SECURITY_FEATURE_PASSWORD_ALGORITHMS) != 0;
        out->wants_userhash = (features & STUN_SECURITY_FEATURE_USERNAME_ANONYMITY) != 0;
    }
    return true;
}

static bool is_same_realm(const struct ice_turn_client *client, const struct challenge *challenge) {
    return !challenge->has_realm ||
           (challenge->realm_length == client->realm_length && memcmp(challenge->realm, client->realm, client->realm_length) == 0);
}

/* The key is a hash, worth keeping while only the nonce changes. */
static bool make_key(struct ice_turn_client *client, enum stun_password_algorithm algorithm, bool is_same) {
    if (client->key != NULL && is_same && client->algorithm == algorithm)
        return true;
    stun_key_free(client->key);
    client->algorithm = algorithm;
    client->key = stun_key_new_long_term(algorithm, (const uint8_t *)client->username, strlen(client->username), (const uint8_t *)client->realm,
                                         client->realm_length, (const uint8_t *)client->credential, strlen(client->credential));
    return client->key != NULL;
}

/* Takes it over. False: libcrypto failed; there is no challenge then. */
static bool adopt(struct ice_turn_client *client, const struct challenge *challenge, enum stun_password_algorithm algorithm) {
    bool is_same = client->has_challenge && is_same_realm(client, challenge);
    if (challenge->has_realm) {
        memcpy(client->realm, challenge->realm, challenge->realm_length);
        client->realm[challenge->realm_length] = '\0';
        client->realm_length = challenge->realm_length;
    }
    client->challenges++;
    memcpy(client->nonce, challenge->nonce, challenge->nonce_length);
    client->nonce_length = challenge->nonce_length;
    client->has_algorithms = challenge->has_list;
    client->algorithms_length = challenge->list_length;
    if (challenge->list_length > 0)
        memcpy(client->algorithms, challenge->list, challenge->list_length);
    client->uses_userhash = challenge->wants_userhash;
    client->has_challenge = make_key(client, algorithm, is_same) &&
                            stun_userhash((const uint8_t *)client->username, strlen(client->username), (const uint8_t *)client->realm,
                                          client->realm_length, client->userhash);
    return client->has_challenge;
}

enum ice_turn_verdict ice_turn_credentials_challenged(struct ice_turn_client *client, bool was_authenticated, uint16_t code,
                                                      const struct stun_message *message) {
    struct challenge challenge;
    bool is_readable = read_challenge(message, &challenge);
    if (!client->has_credentials) {
        if (is_readable && challenge.has_realm) /* so that people learn for which realm they need some */
            ice_turn_copy_text(client->realm, sizeof client->realm, challenge.realm, challenge.realm_length);
        return ICE_TURN_VERDICT_CREDENTIALS;
    }
    /* RFC 8489 section 9.2.4, MUST: both name a nonce, and a 401 the realm. */
    if (!is_readable || (!challenge.has_realm && !client->has_challenge))
        return ICE_TURN_VERDICT_BROKEN;
    /* RFC 8489 section 9.2.5, MUST NOT retry: the nonce says that there were PASSWORD-ALGORITHMS, and somebody has removed them. */
    if (challenge.promises_list && !challenge.has_list)
        return ICE_TURN_VERDICT_BID_DOWN;
    /* RFC 8489 section 9.2.5, MUST: once there were PASSWORD-ALGORITHMS, only SHA-256 is used; a challenge without them would end that. */
    if (client->has_algorithms && !challenge.has_list)
        return ICE_TURN_VERDICT_BID_DOWN;
    /* RFC 8489 section 9.2.5, MUST NOT retry when neither user name, realm nor password would change. */
    if (code == STUN_CODE_UNAUTHENTICATED && was_authenticated && is_same_realm(client, &challenge))
        return ICE_TURN_VERDICT_CREDENTIALS;
    enum stun_password_algorithm algorithm = STUN_PASSWORD_MD5; /* section 9.2.2: without a list */
    /* RFC 8489 section 9.2.5, MUST: the first of the list that we have; MUST NOT retry when there is none. */
    if (challenge.has_list && (challenge.list_length > ICE_TURN_ALGORITHMS_MAX_BYTES ||
                               stun_password_algorithm_choose(challenge.list, challenge.list_length, &algorithm) != STUN_OK))
        return ICE_TURN_VERDICT_BROKEN;
    return adopt(client, &challenge, algorithm) ? ICE_TURN_VERDICT_RETRY : ICE_TURN_VERDICT_BROKEN;
}

/* ---- requests and answers --------------------------------------------------------------------------------------------------------- */

void ice_turn_credentials_write(const struct ice_turn_client *client, struct stun_writer *writer) {
    /* RFC 8489 section 9.2.5, MUST: USERHASH if the nonce says "username anonymity", else USERNAME; REALM and NONCE as they came. */
    if (client->uses_userhash)
        stun_writer_add_bytes(writer, STUN_ATTRIBUTE_USERHASH, client->userhash, sizeof client->userhash);
    else
        stun_writer_add_bytes(writer, STUN_ATTRIBUTE_USERNAME, (const uint8_t *)client->username, strlen(client->username));
    stun_writer_add_bytes(writer, STUN_ATTRIBUTE_REALM, (const uint8_t *)client->realm, client->realm_length);
    stun_writer_add_bytes(writer, STUN_ATTRIBUTE_NONCE, client->nonce, client->nonce_length);
    if (!client->has_algorithms) {
        stun_writer_add_integrity(writer, client->key);
        return;
    }
    /* RFC 8489 section 9.2.5, MUST: the list with the same content, the algorithm chosen from it, and MESSAGE-INTEGRITY-SHA256 alone. */
    stun_writer_add_bytes(writer, STUN_ATTRIBUTE_PASSWORD_ALGORITHMS, client->algorithms, client->algorithms_length);
    stun_writer_add_password_algorithm(writer, client->algorithm);
    stun_writer_add_integrity_sha256(writer, client->key);
}

bool ice_turn_credentials_verify(const struct ice_turn_client *client, const struct stun_message *message) {
    if (client->key == NULL)
        return false;
    /* RFC 8489 section 14.6: a usage says how far a MAC may be cut; RFC 8656 says nothing of it, so all 32 bytes must be there. */
    struct stun_attribute mac;
    if (stun_message_find(message, STUN_ATTRIBUTE_MESSAGE_INTEGRITY_SHA256, &mac) && mac.length == MAC_SHA256_BYTES &&
        stun_message_check_integrity_sha256(message, client->key) == STUN_OK)
        return true;
    /* RFC 8489 section 9.2.4, MUST: who was asked with SHA-256 answers with it. Less is not taken. */
    return !client->has_algorithms && stun_message_check_integrity(message, client->key) == STUN_OK;
}
