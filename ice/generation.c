/* Credentials, a generation at a time: RFC 8839 section 5.4 for their shape, RFC 8445 section 9 for why there is more than one. */
#include <string.h>

#include "ice/agent_internal.h"

static bool is_ice_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

static bool are_ice_chars(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!is_ice_char(text[i]))
            return false;
    return true;
}

/* Six random bits a character: the alphabet of ice-char has exactly 64. */
static void random_text(struct ice_agent *agent, char *text, size_t length) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[ICE_LOCAL_PASSWORD_BYTES];
    agent->config.random(agent->config.random_context, bytes, length);
    for (size_t i = 0; i < length; i++)
        text[i] = alphabet[bytes[i] & 63];
    text[length] = '\0';
}

bool ice_generation_are_credentials(const char *ufrag, size_t ufrag_length, const char *password, size_t password_length) {
    /* RFC 8839 section 5.4: ufrag is 4*256ice-char, pwd is 22*256ice-char. */
    return ufrag_length >= ICE_UFRAG_MIN_BYTES && ufrag_length <= ICE_UFRAG_MAX_BYTES && password_length >= ICE_PASSWORD_MIN_BYTES &&
           password_length <= ICE_PASSWORD_MAX_BYTES && are_ice_chars(ufrag, ufrag_length) && are_ice_chars(password, password_length);
}

/* By its ufrag a check says which generation it is of: no two may have the same. */
static bool is_own_ufrag(const struct ice_agent *agent, const char *ufrag) {
    for (size_t i = 0; i < ICE_GENERATION_MAX; i++)
        if (agent->generations[i].local_key != NULL && strcmp(agent->generations[i].local_ufrag, ufrag) == 0)
            return true;
    return false;
}

int ice_generation_start(struct ice_agent *agent, struct ice_generation *generation, const char *ufrag, const char *password) {
    *generation = (struct ice_generation){.in_use = true, .ends_us = ICE_NEVER_US};
    if (ufrag == NULL && password == NULL) {
        /* RFC 8839 section 5.4, MUST: at least 24 bits of ufrag and 128 of password; ours are 48 and 144. */
        random_text(agent, generation->local_ufrag, ICE_LOCAL_UFRAG_BYTES);
        random_text(agent, generation->local_password, ICE_LOCAL_PASSWORD_BYTES);
    } else {
        if (ufrag == NULL || password == NULL || !ice_generation_are_credentials(ufrag, strlen(ufrag), password, strlen(password)) || is_own_ufrag(agent, ufrag))
            return ICE_ERROR_ARGUMENT;
        memcpy(generation->local_ufrag, ufrag, strlen(ufrag) + 1);
        memcpy(generation->local_password, password, strlen(password) + 1);
    }
    generation->local_key = stun_key_new_short_term((const uint8_t *)generation->local_password, strlen(generation->local_password));
    return generation->local_key != NULL ? ICE_OK : ICE_ERROR_CRYPTO;
}

void ice_generation_forget_remotes(struct ice_agent *agent, uint16_t generation) {
    bool wanted[ICE_REMOTE_SLOT_MAX] = {false};
    for (size_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation != ICE_NONE)
            wanted[agent->pairs[i].remote] = true;
    for (uint16_t i = 0; i < agent->remote_count; i++)
        if (agent->remotes[i].generation == generation && !wanted[i])
            ice_remote_free(agent, i);
}

void ice_generation_forget_pair(struct ice_agent *agent, uint16_t index) {
    if (agent->selected == index)
        agent->selected = ICE_NONE;
    if (agent->nominating == index)
        agent->nominating = ICE_NONE;
    if (agent->reported.selected == index)
        agent->reported.selected = ICE_NONE;
    ice_checklist_remove(agent, &agent->pairs[index]);
}

void ice_generation_end(struct ice_agent *agent, uint16_t generation) {
    for (uint16_t i = 0; i < agent->pair_count; i++)
        if (agent->pairs[i].generation == generation)
            ice_generation_forget_pair(agent, i);
    ice_generation_forget_remotes(agent, generation);
    ice_response_forget(agent, generation);
    stun_key_free(agent->generations[generation].local_key);
    stun_key_free(agent->generations[generation].remote_key);
    agent->generations[generation] = (struct ice_generation){.in_use = false, .ends_us = ICE_NEVER_US};
}

int ice_generation_check_remote(const struct ice_generation *generation, const char *ufrag, size_t ufrag_length, const char *password, size_t password_length) {
    if (!ice_generation_are_credentials(ufrag, ufrag_length, password, password_length))
        return ICE_ERROR_ARGUMENT;
    if (generation->remote_key == NULL)
        return ICE_OK;
    bool same = strlen(generation->remote_ufrag) == ufrag_length && memcmp(generation->remote_ufrag, ufrag, ufrag_length) == 0 &&
                strlen(generation->remote_password) == password_length && memcmp(generation->remote_password, password, password_length) == 0;
    return same ? ICE_OK : ICE_ERROR_STATE;
}

int ice_generation_set_remote(struct ice_generation *generation, const char *ufrag, size_t ufrag_length, const char *password, size_t password_length) {
    int result = ice_generation_check_remote(generation, ufrag, ufrag_length, password, password_length);
    if (result != ICE_OK || generation->remote_key != NULL)
        return result;
    generation->remote_key = stun_key_new_short_term((const uint8_t *)password, password_length);
    if (generation->remote_key == NULL)
        return ICE_ERROR_CRYPTO;
    memcpy(generation->remote_ufrag, ufrag, ufrag_length);
    generation->remote_ufrag[ufrag_length] = '\0';
    memcpy(generation->remote_password, password, password_length);
    generation->remote_password[password_length] = '\0';
    return ICE_OK;
}

struct ice_generation *ice_generation_current(struct ice_agent *agent) {
    return &agent->generations[agent->generation];
}

const struct ice_generation *ice_generation_current_const(const struct ice_agent *agent) {
    return &agent->generations[agent->generation];
}

const struct ice_generation *ice_generation_youngest(const struct ice_agent *agent) {
    return &agent->generations[agent->offered != ICE_NONE ? agent->offered : agent->generation];
}

bool ice_generation_is_previous(const struct ice_agent *agent, uint16_t generation) {
    return generation != agent->generation && generation != agent->offered;
}

bool ice_generation_is_remote_ufrag(const struct ice_generation *generation, const char *ufrag, size_t length) {
    return generation->remote_key != NULL && strlen(generation->remote_ufrag) == length && memcmp(generation->remote_ufrag, ufrag, length) == 0;
}

bool ice_generation_is_replaced_ufrag(const struct ice_agent *agent, const char *ufrag, size_t length) {
    for (size_t i = 0; i < ICE_GENERATION_MAX; i++)
        if (&agent->generations[i] != ice_generation_youngest(agent) && ice_generation_is_remote_ufrag(&agent->generations[i], ufrag, length))
            return true;
    return false;
}

static bool username_fits(const struct ice_generation *generation, const char *username, size_t length) {
    size_t own_length = strlen(generation->local_ufrag);
    /* RFC 8445 section 7.3, MUST: two values and a colon between them, the first is our own ufrag. */
    if (!generation->in_use || length < own_length + 1 + ICE_UFRAG_MIN_BYTES || length > own_length + 1 + ICE_UFRAG_MAX_BYTES)
        return false;
    if (memcmp(username, generation->local_ufrag, own_length) != 0 || username[own_length] != ':')
        return false;
    const char *remote = username + own_length + 1;
    size_t remote_length = length - own_length - 1;
    if (generation->remote_key == NULL)
        return are_ice_chars(remote, remote_length);
    /* The second value must be the peer's, once we know it. */
    return ice_generation_is_remote_ufrag(generation, remote, remote_length);
}

uint16_t ice_generation_of_username(const struct ice_agent *agent, const uint8_t *username, size_t length, const char **remote_ufrag, size_t *remote_length) {
    for (uint16_t i = 0; i < ICE_GENERATION_MAX; i++) {
        if (!username_fits(&agent->generations[i], (const char *)username, length))
            continue;
        size_t own_length = strlen(agent->generations[i].local_ufrag);
        *remote_ufrag = (const char *)username + own_length + 1;
        *remote_length = length - own_length - 1;
        return i;
    }
    return ICE_NONE;
}
