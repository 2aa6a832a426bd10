#include "dtls/srtp.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

#define RTP_HEADER_BYTES 12
#define RTCP_HEADER_BYTES 8
#define SRTCP_INDEX_BYTES 4
#define SRTCP_ENCRYPTED 0x80u /* the E bit, first bit of the index word */
#define KEY_AND_SALT_MAX_BYTES (DTLS_SRTP_KEY_MAX_BYTES + DTLS_SRTP_SALT_MAX_BYTES)

_Static_assert(DTLS_SRTP_PACKET_MAX_BYTES <= INT_MAX, "libsrtp2 counts bytes in an int");
_Static_assert(KEY_AND_SALT_MAX_BYTES <= SRTP_MAX_KEY_LEN, "libsrtp2 takes key and salt in one buffer");

/* One direction: a libsrtp2 session that makes a stream for each new SSRC, and the sorted list of those it has made. */
struct direction {
    srtp_t session;
    uint32_t *ssrcs;
    size_t count;
    size_t capacity;
};

struct dtls_srtp {
    struct direction inbound;
    struct direction outbound;
    size_t rtp_tag_bytes;
    size_t rtcp_trailer_bytes; /* tag and index */
    size_t rtcp_index_from_end;
    struct dtls_allocator allocator;
    struct dtls_srtp_stats stats;
};

/* ---- keys and profiles ------------------------------------------------------------------------------------------------ */

void dtls_srtp_keys_wipe(struct dtls_srtp_keys *keys) {
    OPENSSL_cleanse(keys, sizeof *keys);
}

bool dtls_srtp_profile_lengths(enum dtls_srtp_profile profile, size_t *key_length, size_t *salt_length) {
    switch (profile) {
    case DTLS_SRTP_AES128_CM_HMAC_SHA1_80: /* RFC 5764 section 4.1.2 */
        *key_length = 16;
        *salt_length = 14;
        return true;
    case DTLS_SRTP_AEAD_AES_128_GCM: /* RFC 7714 section 14.2 */
        *key_length = 16;
        *salt_length = 12;
        return true;
    case DTLS_SRTP_AEAD_AES_256_GCM:
        *key_length = 32;
        *salt_length = 12;
        return true;
    }
    return false;
}

/* The same parameters for RTP and RTCP: RFC 5764 section 4.1.2 keeps the 80 bit tag for both, RFC 7714 section 14.2 16 bytes. */
static void set_crypto(enum dtls_srtp_profile profile, srtp_policy_t *policy, struct dtls_srtp *srtp) {
    bool gcm = profile != DTLS_SRTP_AES128_CM_HMAC_SHA1_80;
    if (profile == DTLS_SRTP_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
    } else if (profile == DTLS_SRTP_AEAD_AES_256_GCM) {
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtp);
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy->rtcp);
    } else {
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
    }
    srtp->rtp_tag_bytes = gcm ? 16 : 10;
    srtp->rtcp_trailer_bytes = srtp->rtp_tag_bytes + SRTCP_INDEX_BYTES;
    /* RFC 3711 section 3.4: index, then tag. RFC 7714 section 9.2: tag, then index. */
    srtp->rtcp_index_from_end = gcm ? SRTCP_INDEX_BYTES : srtp->rtcp_trailer_bytes;
}

/* ---- making and freeing ----------------------------------------------------------------------------------------------- */

int dtls_srtp_initialize(void) {
    srtp_err_status_t status = srtp_init();
    /* libsrtp2 2.5 says bad_param the second time: its debug module is registered already. */
    return status == srtp_err_status_ok || status == srtp_err_status_bad_param ? DTLS_OK : DTLS_ERROR_FATAL;
}

static void *default_allocate(void *context, size_t bytes) {
    (void)context;
    return malloc(bytes);
}

static void default_release(void *context, void *memory) {
    (void)context;
    free(memory);
}

static bool open_direction(struct direction *direction, srtp_policy_t *policy, const struct dtls_srtp_keys *keys, bool outbound) {
    uint8_t key_and_salt[SRTP_MAX_KEY_LEN] = {0};
    memcpy(key_and_salt, outbound ? keys->local_key : keys->remote_key, keys->key_length);
    memcpy(key_and_salt + keys->key_length, outbound ? keys->local_salt : keys->remote_salt, keys->salt_length);
    policy->ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
    policy->key = key_and_salt;
    bool ok = srtp_create(&direction->session, policy) == srtp_err_status_ok;
    policy->key = NULL;
    OPENSSL_cleanse(key_and_salt, sizeof key_and_salt);
    return ok;
}

static bool keys_valid(const struct dtls_srtp_keys *keys) {
    size_t key_length;
    size_t salt_length;
    if (keys == NULL || !dtls_srtp_profile_lengths(keys->profile, &key_length, &salt_length) || keys->key_length != key_length ||
        keys->salt_length != salt_length) {
        return false;
    }
    /* RFC 3711 section 9.1, MUST: no keystream is used twice. One key for both directions would do it as soon as both use one SSRC. */
    return CRYPTO_memcmp(keys->local_key, keys->remote_key, key_length) != 0 ||
           CRYPTO_memcmp(keys->local_salt, keys->remote_salt, salt_length) != 0;
}

struct dtls_srtp *dtls_srtp_new(const struct dtls_srtp_config *config) {
    if (config == NULL || !keys_valid(config->keys) || config->max_inbound_ssrcs > DTLS_SRTP_MAX_SSRCS ||
        config->max_outbound_ssrcs > DTLS_SRTP_MAX_SSRCS) {
        return NULL;
    }
    const struct dtls_srtp_keys *keys = config->keys;
    struct dtls_allocator allocator = {NULL, default_allocate, default_release};
    if (config->allocator != NULL) {
        allocator = *config->allocator;
    }
    size_t inbound = config->max_inbound_ssrcs == 0 ? DTLS_SRTP_DEFAULT_SSRCS : config->max_inbound_ssrcs;
    size_t outbound = config->max_outbound_ssrcs == 0 ? DTLS_SRTP_DEFAULT_SSRCS : config->max_outbound_ssrcs;
    struct dtls_srtp *srtp = allocator.allocate(allocator.context, sizeof *srtp + (inbound + outbound) * sizeof(uint32_t));
    if (srtp == NULL) {
        return NULL;
    }
    memset(srtp, 0, sizeof *srtp);
    srtp->allocator = allocator;
    srtp->inbound.ssrcs = (uint32_t *)(void *)(srtp + 1);
    srtp->inbound.capacity = inbound;
    srtp->outbound.ssrcs = srtp->inbound.ssrcs + inbound;
    srtp->outbound.capacity = outbound;

    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    set_crypto(keys->profile, &policy, srtp);
    policy.window_size = DTLS_SRTP_REPLAY_WINDOW_PACKETS;
    policy.allow_repeat_tx = 0;
    if (!open_direction(&srtp->outbound, &policy, keys, true) || !open_direction(&srtp->inbound, &policy, keys, false)) {
        dtls_srtp_free(srtp);
        return NULL;
    }
    return srtp;
}

void dtls_srtp_free(struct dtls_srtp *srtp) {
    if (srtp == NULL) {
        return;
    }
    if (srtp->inbound.session != NULL) {
        (void)srtp_dealloc(srtp->inbound.session);
    }
    if (srtp->outbound.session != NULL) {
        (void)srtp_dealloc(srtp->outbound.session);
    }
    srtp->allocator.release(srtp->allocator.context, srtp);
}

/* ---- the SSRCs we hold state for ------------------------------------------------------------------------------------------ */

static uint32_t read_32(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The place of an SSRC in the sorted list, or where it would go. */
static size_t ssrc_place(const struct direction *direction, uint32_t ssrc, bool *known) {
    size_t low = 0;
    size_t high = direction->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (direction->ssrcs[middle] < ssrc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *known = low < direction->count && direction->ssrcs[low] == ssrc;
    return low;
}

/* libsrtp2 makes a stream for an unknown SSRC after the packet proved authentic, never before; so do we count. */
static void ssrc_remember(struct direction *direction, uint32_t ssrc) {
    bool known;
    size_t place = ssrc_place(direction, ssrc, &known);
    if (!known && direction->count < direction->capacity) {
        memmove(direction->ssrcs + place + 1, direction->ssrcs + place, (direction->count - place) * sizeof direction->ssrcs[0]);
        direction->ssrcs[place] = ssrc;
        direction->count++;
    }
}

static bool ssrc_has_room(const struct direction *direction, uint32_t ssrc) {
    bool known;
    (void)ssrc_place(direction, ssrc, &known);
    return known || direction->count < direction->capacity;
}

/* ---- packets ---------------------------------------------------------------------------------------------------------- */

/*
 * RFC 3550 section 5.1: version 2, and a header, CSRC list and extension that fit into `length` bytes. libsrtp2 checks the same,
 * but with the tag counted as payload.
 */
static bool rtp_header_fits(const uint8_t *packet, size_t length) {
    if (length < RTP_HEADER_BYTES || packet[0] >> 6 != 2) {
        return false;
    }
    size_t header = RTP_HEADER_BYTES + 4u * (packet[0] & 0x0f);
    if ((packet[0] & 0x10) != 0) {
        if (length < header + 4) {
            return false;
        }
        header += 4 + 4 * ((size_t)packet[header + 2] << 8 | packet[header + 3]);
    }
    return header <= length;
}

/* RFC 3550 section 6.4: version 2, and the SSRC of the sender. What follows is for the receiver to walk. */
static bool rtcp_header_fits(const uint8_t *packet, size_t length) {
    return length >= RTCP_HEADER_BYTES && packet[0] >> 6 == 2;
}

static int count(struct dtls_srtp *srtp, srtp_err_status_t status) {
    switch (status) {
    case srtp_err_status_ok:
        return DTLS_OK;
    case srtp_err_status_auth_fail:
    case srtp_err_status_cipher_fail: /* how NSS says that a GCM tag is wrong */
        srtp->stats.authentication_failures++;
        return DTLS_ERROR_AUTHENTICATION;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
        srtp->stats.replays++;
        return DTLS_ERROR_REPLAY;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
        srtp->stats.malformed++;
        return DTLS_ERROR_MALFORMED;
    default:
        return DTLS_ERROR_FATAL;
    }
}

typedef srtp_err_status_t transform(srtp_t session, void *packet, int *length);

/* What all four have in common once the shape of the packet is known: room for its SSRC, libsrtp2, accounts. */
static int apply(struct dtls_srtp *srtp, struct direction *direction, uint32_t ssrc, transform *function, uint8_t *packet, size_t *length,
                 uint64_t *counter) {
    if (!ssrc_has_room(direction, ssrc)) {
        srtp->stats.capacity_refused++;
        return DTLS_ERROR_CAPACITY;
    }
    int octets = (int)*length;
    int result = count(srtp, function(direction->session, packet, &octets));
    if (result != DTLS_OK) {
        return result;
    }
    ssrc_remember(direction, ssrc);
    *length = (size_t)octets;
    *counter += 1;
    return DTLS_OK;
}

static int malformed(struct dtls_srtp *srtp) {
    srtp->stats.malformed++;
    return DTLS_ERROR_MALFORMED;
}

int dtls_srtp_protect_rtp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length, size_t capacity) {
    if (capacity > DTLS_SRTP_PACKET_MAX_BYTES) {
        capacity = DTLS_SRTP_PACKET_MAX_BYTES;
    }
    if (*length > capacity || capacity - *length < DTLS_SRTP_MAX_OVERHEAD_BYTES) {
        return DTLS_ERROR_BUFFER;
    }
    if (!rtp_header_fits(packet, *length)) {
        return malformed(srtp);
    }
    return apply(srtp, &srtp->outbound, read_32(packet + 8), srtp_protect, packet, length, &srtp->stats.protected_rtp);
}

int dtls_srtp_protect_rtcp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length, size_t capacity) {
    if (capacity > DTLS_SRTP_PACKET_MAX_BYTES) {
        capacity = DTLS_SRTP_PACKET_MAX_BYTES;
    }
    if (*length > capacity || capacity - *length < DTLS_SRTP_MAX_OVERHEAD_BYTES) {
        return DTLS_ERROR_BUFFER;
    }
    if (!rtcp_header_fits(packet, *length)) {
        return malformed(srtp);
    }
    return apply(srtp, &srtp->outbound, read_32(packet + 4), srtp_protect_rtcp, packet, length, &srtp->stats.protected_rtcp);
}

int dtls_srtp_unprotect_rtp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length) {
    if (*length < srtp->rtp_tag_bytes || *length > DTLS_SRTP_PACKET_MAX_BYTES || !rtp_header_fits(packet, *length - srtp->rtp_tag_bytes)) {
        return malformed(srtp);
    }
    return apply(srtp, &srtp->inbound, read_32(packet + 8), srtp_unprotect, packet, length, &srtp->stats.unprotected_rtp);
}

int dtls_srtp_unprotect_rtcp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length) {
    if (*length < srtp->rtcp_trailer_bytes || *length > DTLS_SRTP_PACKET_MAX_BYTES ||
        !rtcp_header_fits(packet, *length - srtp->rtcp_trailer_bytes)) {
        return malformed(srtp);
    }
    /* RFC 3711 section 3.4: E says whether the packet is encrypted. RFC 8827 section 6.5, MUST: we negotiated that it is. */
    if ((packet[*length - srtp->rtcp_index_from_end] & SRTCP_ENCRYPTED) == 0) {
        srtp->stats.authentication_failures++;
        return DTLS_ERROR_AUTHENTICATION;
    }
    return apply(srtp, &srtp->inbound, read_32(packet + 4), srtp_unprotect_rtcp, packet, length, &srtp->stats.unprotected_rtcp);
}

void dtls_srtp_stats(const struct dtls_srtp *srtp, struct dtls_srtp_stats *out) {
    *out = srtp->stats;
    out->inbound_ssrcs = srtp->inbound.count;
    out->outbound_ssrcs = srtp->outbound.count;
}
