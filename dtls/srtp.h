/*
 * SRTP and SRTCP contexts (RFC 3711; AEAD: RFC 7714) over libsrtp2. Takes keys, and knows nothing of the handshake that
 * agreed on them.
 *
 *   RTP packet    [ header | payload                 ]
 *   SRTP packet   [ header | payload, encrypted      | tag ]                    the header is authenticated, not encrypted
 *   SRTCP packet  [ 8 byte | rest,    encrypted      | E, index | tag ]         GCM: tag, then E and index
 *
 * Everything happens in place. No allocation of ours per packet (libsrtp2 on NSS makes its own).
 */
#ifndef DTLS_SRTP_H
#define DTLS_SRTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dtls/error.h"

/* The values are those of the DTLS-SRTP registry: RFC 5764 section 4.1.2, RFC 7714 section 14.2. NULL ciphers do not exist here. */
enum dtls_srtp_profile {
    DTLS_SRTP_AES128_CM_HMAC_SHA1_80 = 0x0001,
    DTLS_SRTP_AEAD_AES_128_GCM = 0x0007,
    DTLS_SRTP_AEAD_AES_256_GCM = 0x0008
};

#define DTLS_SRTP_KEY_MAX_BYTES 32
#define DTLS_SRTP_SALT_MAX_BYTES 14

/* Most that protecting adds: RTCP with GCM, tag 16 and index 4. Give every packet this much room behind it. */
#define DTLS_SRTP_MAX_OVERHEAD_BYTES 20

/* Longest packet taken, before and after. */
#define DTLS_SRTP_PACKET_MAX_BYTES 65535

/* Default of max_inbound_ssrcs and max_outbound_ssrcs, and the most they may be. */
#define DTLS_SRTP_DEFAULT_SSRCS 256
#define DTLS_SRTP_MAX_SSRCS 4096

/* RFC 3711 section 3.3.2 wants 64 at least. Repaired video arrives late, so the window is wide. */
#define DTLS_SRTP_REPLAY_WINDOW_PACKETS 1024

/*
 * Two master keys and salts, one for each direction, in the order in which the handshake's role gives them: local is
 * what we protect with. key_length and salt_length follow from the profile (16 or 32; 14 for CM, 12 for GCM).
 * Wipe it after use: dtls_srtp_keys_wipe.
 */
struct dtls_srtp_keys {
    enum dtls_srtp_profile profile;
    size_t key_length;
    size_t salt_length;
    uint8_t local_key[DTLS_SRTP_KEY_MAX_BYTES];
    uint8_t local_salt[DTLS_SRTP_SALT_MAX_BYTES];
    uint8_t remote_key[DTLS_SRTP_KEY_MAX_BYTES];
    uint8_t remote_salt[DTLS_SRTP_SALT_MAX_BYTES];
};

/* Overwrites the keys in a way that the compiler does not remove. */
void dtls_srtp_keys_wipe(struct dtls_srtp_keys *keys);

/* Key and salt lengths of a profile. Returns false, and writes nothing, when the profile is not one of ours. */
bool dtls_srtp_profile_lengths(enum dtls_srtp_profile profile, size_t *key_length, size_t *salt_length);

/* The name in the registry and in W3C statistics ("AEAD_AES_128_GCM"), static; NULL when the profile is not one of ours. */
const char *dtls_srtp_profile_name(enum dtls_srtp_profile profile);

/*
 * keys                 read during the call only
 * max_inbound_ssrcs    SSRCs for which we hold state of what we received: 1..DTLS_SRTP_MAX_SSRCS, 0 means the default
 * max_outbound_ssrcs   the same for what we send
 * allocator            NULL: malloc. Referenced by the object: outlives it
 */
struct dtls_srtp_config {
    const struct dtls_srtp_keys *keys;
    size_t max_inbound_ssrcs;
    size_t max_outbound_ssrcs;
    const struct dtls_allocator *allocator;
};

/* Counters since dtls_srtp_new. */
struct dtls_srtp_stats {
    uint64_t protected_rtp, protected_rtcp;
    uint64_t unprotected_rtp, unprotected_rtcp;
    uint64_t authentication_failures; /* forged, damaged, or under other keys */
    uint64_t replays;                 /* doubled by the network, as a rule */
    uint64_t malformed;
    uint64_t capacity_refused; /* packets of an SSRC beyond the limit */
    size_t inbound_ssrcs, outbound_ssrcs;
};

/* Both directions of one transport. */
struct dtls_srtp;

/*
 * Prepares libsrtp2, process-wide: the app calls it once, before the first dtls_srtp_new, before it has threads. Calling
 * it again is harmless. Returns DTLS_OK or DTLS_ERROR_FATAL (the self-tests of libsrtp2 failed).
 */
int dtls_srtp_initialize(void);

/*
 * Returns an object that the caller owns, or NULL: profile or lengths wrong, a limit out of range, local and remote key
 * and salt the same (RFC 3711 section 9.1: that would be a two-time pad), libsrtp2 not initialized, or out of memory.
 */
struct dtls_srtp *dtls_srtp_new(const struct dtls_srtp_config *config);

/* Wipes and frees. NULL is fine. */
void dtls_srtp_free(struct dtls_srtp *srtp);

/*
 * Protects one RTP packet in place, under the local key.
 * packet    a plain RTP packet; 4-byte alignment is not needed
 * length    in: its length; out, on success only: length with the tag
 * capacity  of `packet`: at least *length + DTLS_SRTP_MAX_OVERHEAD_BYTES
 * Returns DTLS_OK or
 *   DTLS_ERROR_MALFORMED  not an RTP packet: the header, its CSRCs and extension do not fit the length
 *   DTLS_ERROR_BUFFER     capacity too small
 *   DTLS_ERROR_REPLAY     this sequence number of this SSRC has been protected before, or is older than the window. A second
 *                         packet under one index is a two-time pad: repair with RTX (RFC 4588), or keep the protected bytes
 *   DTLS_ERROR_CAPACITY   one SSRC more than max_outbound_ssrcs
 *   DTLS_ERROR_FATAL      the key is used up (RFC 3711 section 9.2: 2^48 packets), or libsrtp2 failed: free, key anew
 * When it fails, the bytes must not be sent.
 */
int dtls_srtp_protect_rtp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length, size_t capacity);

/* The same for one compound (or reduced-size) RTCP packet. The key lasts for 2^31 of them for each SSRC. */
int dtls_srtp_protect_rtcp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length, size_t capacity);

/*
 * Checks and decrypts one SRTP packet in place, under the remote key.
 * packet  any bytes, `*length` of them, never read beyond; on failure their content is undefined
 * length  out, on success only: length of the plain RTP packet. Only then may anybody look at it
 * Returns DTLS_OK or
 *   DTLS_ERROR_MALFORMED       not an SRTP packet
 *   DTLS_ERROR_AUTHENTICATION  forged or damaged. A number of these is never a reason to end a call
 *   DTLS_ERROR_REPLAY          came before
 *   DTLS_ERROR_CAPACITY        of an SSRC that would be one more than max_inbound_ssrcs; not decrypted
 *   DTLS_ERROR_FATAL           libsrtp2 failed
 * Whatever it returns, a packet that is not authentic leaves no state behind.
 */
int dtls_srtp_unprotect_rtp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length);

/* The same for SRTCP. An unencrypted SRTCP packet (E bit 0) is refused with DTLS_ERROR_AUTHENTICATION. */
int dtls_srtp_unprotect_rtcp(struct dtls_srtp *srtp, uint8_t *packet, size_t *length);

/* out: written always. */
void dtls_srtp_stats(const struct dtls_srtp *srtp, struct dtls_srtp_stats *out);

#endif
