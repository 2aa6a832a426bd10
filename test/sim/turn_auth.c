/* Long-term credentials, RFC 8489 section 9.2: nonces, password algorithms, and what is wrong with a request. */
#include "test/sim/turn_server_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

/* RFC 8489 section 9.2: the nonce cookie, then 24 bits of security features in base64; bit 0 says password algorithms. */
#define NONCE_COOKIE "obMatJos2"
#define NONCE_FEATURES "gAAA"

/* RFC 8489 section 14.11: SHA-256 (2), then MD5 (1), both without parameters. */
static const uint8_t algorithms[] = {0, 2, 0, 0, 0, 1, 0, 0};

static bool promises_algorithms(const struct sim_turn_server *server) {
    return server->config.security != SIM_TURN_MD5;
}

/* ---- nonces ---------------------------------------------------------------------------------------------------------------- */

static void write_nonce(const struct sim_turn_server *server, uint64_t time_us, char nonce[TURN_NONCE_BYTES]) {
    uint8_t time_bytes[8], mac[EVP_MAX_MD_SIZE];
    unsigned mac_length = 0;
    for (int i = 0; i < 8; i++)
        time_bytes[i] = (uint8_t)(time_us >> (8 * i));
    HMAC(EVP_sha256(), server->secret, sizeof server->secret, time_bytes, sizeof time_bytes, mac, &mac_length);
    int length = snprintf(nonce, TURN_NONCE_BYTES, "%s%s%016" PRIx64, promises_algorithms(server) ? NONCE_COOKIE : "",
                          promises_algorithms(server) ? NONCE_FEATURES : "", time_us);
    for (int i = 0; i < 8; i++)
        length += snprintf(nonce + length, TURN_NONCE_BYTES - (size_t)length, "%02x", mac[i]);
}

/* Made by this process, and not too long ago. */
static bool nonce_is_good(const struct sim_turn_server *server, const char *nonce) {
    char expected[TURN_NONCE_BYTES];
    size_t prefix = promises_algorithms(server) ? strlen(NONCE_COOKIE NONCE_FEATURES) : 0;
    uint64_t time_us = 0;
    if (strlen(nonce) < prefix + 16)
        return false;
    for (size_t i = 0; i < 16; i++) {
        char digit = nonce[prefix + i];
        if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f')))
            return false;
        time_us = time_us << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    write_nonce(server, time_us, expected);
    return strcmp(nonce, expected) == 0 && turn_now(server) - time_us < server->config.nonce_us;
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------- */

static const char *reason_of(uint16_t code) {
    switch (code) {
    case 300: return "Try Alternate";
    case 400: return "Bad Request";
    case 401: return "Unauthenticated";
    case 403: return "Forbidden";
    case 420: return "Unknown Attribute";
    case 437: return "Allocation Mismatch";
    case 438: return "Stale Nonce";
    case 440: return "Address Family not Supported";
    case 441: return "Wrong Credentials";
    case 442: return "Unsupported Transport Protocol";
    case 443: return "Peer Address Family Mismatch";
    case 486: return "Allocation Quota Reached";
    case 508: return "Insufficient Capacity";
    default: return "";
    }
}

void turn_finish_answer(struct sim_turn_server *server, const struct turn_tuple *tuple, struct turn_wire_writer *writer, const struct turn_proof *proof) {
    if (proof)
        turn_wire_sign(writer, proof->integrity, proof->key, proof->key_length);
    turn_wire_add_fingerprint(writer);
    turn_send(server, tuple, writer->bytes, writer->length);
}

void turn_answer_error(struct sim_turn_server *server, const struct turn_tuple *tuple, const struct turn_wire_message *request, uint16_t code,
                       const struct turn_proof *proof) {
    struct turn_wire_writer writer;
    server->counters.answers[code]++;
    turn_wire_begin(&writer, TURN_ERROR, request->method, request->id);
    turn_wire_add_error(&writer, code, reason_of(code));
    /* RFC 8489 section 9.2.4: both say under what credentials to come back. */
    if (code == 401 || code == 438) {
        char nonce[TURN_NONCE_BYTES];
        write_nonce(server, turn_now(server), nonce);
        turn_wire_add(&writer, TURN_REALM, server->config.realm, strlen(server->config.realm));
        turn_wire_add(&writer, TURN_NONCE, nonce, strlen(nonce));
        if (server->config.security == SIM_TURN_SHA256)
            turn_wire_add(&writer, TURN_PASSWORD_ALGORITHMS, algorithms, sizeof algorithms);
    }
    if (code == 300)
        turn_wire_add_address(&writer, TURN_ALTERNATE_SERVER, &server->config.alternate, false);
    turn_finish_answer(server, tuple, &writer, proof);
}

/* ---- judging a request --------------------------------------------------------------------------------------------------------- */

static bool refuse(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *request, uint16_t code) {
    turn_answer_error(server, &client->tuple, request, code, NULL);
    return false;
}

static bool is_text(const struct turn_wire_value *value, const char *text) {
    return value->length == strlen(text) && memcmp(value->bytes, text, value->length) == 0;
}

/*
 * RFC 8489 section 9.2.4: neither attribute counts as MD5; otherwise both must be there, the list as it was sent, and the choice out
 * of it. Section 9.2.5: who was sent a list signs with SHA-256 only. Section 9.2.3.2: both attributes are then a MUST for the client.
 */
static bool algorithm_is_good(struct sim_turn_server *server, const struct turn_wire_message *request, unsigned *algorithm) {
    const struct turn_wire_value *list = turn_wire_find(request, TURN_PASSWORD_ALGORITHMS), *choice = turn_wire_find(request, TURN_PASSWORD_ALGORITHM);
    bool has_old = turn_wire_find(request, TURN_INTEGRITY) != NULL, has_new = turn_wire_find(request, TURN_INTEGRITY_SHA256) != NULL;
    *algorithm = 1;
    if (server->config.security == SIM_TURN_MD5) {
        if (list || choice || !has_old)
            turn_count_wrong(server, SIM_TURN_WRONG_PASSWORD_ALGORITHM);
        return !list && !choice;
    }
    if (has_old || !has_new || !list || !choice)
        turn_count_wrong(server, SIM_TURN_WRONG_PASSWORD_ALGORITHM);
    if (!list && !choice)
        return true;
    bool is_same = list && list->length == sizeof algorithms && memcmp(list->bytes, algorithms, sizeof algorithms) == 0;
    bool is_offered = choice && choice->length == 4 && choice->bytes[0] == 0 && (choice->bytes[1] == 1 || choice->bytes[1] == 2) &&
                      choice->bytes[2] == 0 && choice->bytes[3] == 0;
    if (!is_same || !is_offered || choice->bytes[1] != 2)
        turn_count_wrong(server, SIM_TURN_WRONG_PASSWORD_ALGORITHM); /* MD5 though SHA-256 was offered first: allowed, but not of ours */
    if (is_offered)
        *algorithm = choice->bytes[1];
    return is_same && is_offered;
}

/* The nonce as text; false when it was not good. */
static bool judge_nonce(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_value *value) {
    char nonce[TURN_NONCE_BYTES] = "";
    if (value->length < sizeof nonce)
        memcpy(nonce, value->bytes, value->length);
    if (nonce_is_good(server, nonce))
        return true;
    /* What was under way when the news came, and retransmissions, come with it again; but not for ever. */
    if (client->stale_nonce[0] == '\0' || strcmp(client->stale_nonce, nonce) != 0)
        client->stale_told = 0;
    if (++client->stale_told > TURN_STALE_PATIENCE)
        turn_count_wrong(server, SIM_TURN_WRONG_STALE_AGAIN);
    snprintf(client->stale_nonce, sizeof client->stale_nonce, "%s", nonce);
    return false;
}

bool turn_authenticate(struct sim_turn_server *server, struct turn_client *client, const struct turn_wire_message *request, struct turn_proof *proof) {
    const struct turn_wire_value *old = turn_wire_find(request, TURN_INTEGRITY), *new = turn_wire_find(request, TURN_INTEGRITY_SHA256);
    const struct turn_wire_value *user = turn_wire_find(request, TURN_USERNAME), *realm = turn_wire_find(request, TURN_REALM),
                                 *nonce = turn_wire_find(request, TURN_NONCE);
    if (!old && !new) {
        bool is_repeated = client->was_asked_for_credentials && memcmp(client->asked_id, request->id, sizeof client->asked_id) != 0;
        if (request->method != TURN_ALLOCATE || is_repeated)
            turn_count_wrong(server, SIM_TURN_WRONG_NO_CREDENTIALS);
        client->was_asked_for_credentials = true;
        memcpy(client->asked_id, request->id, sizeof client->asked_id);
        return refuse(server, client, request, 401);
    }
    unsigned algorithm;
    if (!user || !realm || !nonce) {
        turn_count_wrong(server, SIM_TURN_WRONG_HALF_CREDENTIALS);
        return refuse(server, client, request, 400);
    }
    if (!algorithm_is_good(server, request, &algorithm))
        return refuse(server, client, request, 400);
    if (!judge_nonce(server, client, nonce))
        return refuse(server, client, request, 438);
    if (!is_text(realm, server->config.realm) || user->length >= sizeof proof->username) {
        turn_count_wrong(server, SIM_TURN_WRONG_CREDENTIALS);
        return refuse(server, client, request, 401);
    }
    *proof = (struct turn_proof){.integrity = new ? TURN_INTEGRITY_SHA256 : TURN_INTEGRITY};
    memcpy(proof->username, user->bytes, user->length);
    proof->key_length = turn_wire_long_term_key(algorithm, proof->username, server->config.realm, server->config.password, proof->key);
    if (strcmp(proof->username, server->config.username) != 0 || !turn_wire_is_signed(request, proof->integrity, proof->key, proof->key_length)) {
        turn_count_wrong(server, SIM_TURN_WRONG_CREDENTIALS);
        return refuse(server, client, request, 401);
    }
    client->was_asked_for_credentials = false;
    return true;
}
