/* links: dtls */
/*
 * Hostile packets at an SRTP context: none is authentic, none leaves state. The first byte says which profile and which kind; a set high
 * bit protects the rest as a packet of our own instead, and what comes out must go back in as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/srtp.h"

#define PACKET_BYTES 4096

static struct dtls_srtp *open_srtp(enum dtls_srtp_profile profile, int mirrored) {
    struct dtls_srtp_keys keys = {.profile = profile};
    (void)dtls_srtp_profile_lengths(profile, &keys.key_length, &keys.salt_length);
    memset(mirrored ? keys.remote_key : keys.local_key, 0x11, sizeof keys.local_key);
    memset(mirrored ? keys.local_key : keys.remote_key, 0x22, sizeof keys.local_key);
    struct dtls_srtp_config config = {.keys = &keys};
    struct dtls_srtp *srtp = dtls_srtp_new(&config);
    if (srtp == NULL) {
        abort();
    }
    return srtp;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const enum dtls_srtp_profile profiles[3] = {DTLS_SRTP_AES128_CM_HMAC_SHA1_80, DTLS_SRTP_AEAD_AES_128_GCM, DTLS_SRTP_AEAD_AES_256_GCM};
    static int initialized; /* once: it is slow */
    if (!initialized && dtls_srtp_initialize() != DTLS_OK) {
        abort();
    }
    initialized = 1;
    if (size < 1 || size > PACKET_BYTES) {
        return 0;
    }
    struct dtls_srtp *receiver = open_srtp(profiles[data[0] % 3], 1);
    int rtcp = data[0] & 0x40;
    size_t length = size - 1;
    if ((data[0] & 0x80) == 0) {
        uint8_t *packet = malloc(length == 0 ? 1 : length); /* exact, so that a byte too many is seen */
        memcpy(packet, data + 1, length);
        struct dtls_srtp_stats stats;
        if ((rtcp ? dtls_srtp_unprotect_rtcp(receiver, packet, &length) : dtls_srtp_unprotect_rtp(receiver, packet, &length)) == DTLS_OK) {
            abort();
        }
        dtls_srtp_stats(receiver, &stats);
        if (stats.inbound_ssrcs != 0 || length != size - 1) {
            abort();
        }
        free(packet);
    } else {
        struct dtls_srtp *sender = open_srtp(profiles[data[0] % 3], 0);
        uint8_t packet[PACKET_BYTES + DTLS_SRTP_MAX_OVERHEAD_BYTES];
        memcpy(packet, data + 1, length);
        int made = rtcp ? dtls_srtp_protect_rtcp(sender, packet, &length, sizeof packet) : dtls_srtp_protect_rtp(sender, packet, &length, sizeof packet);
        if (made == DTLS_OK) {
            int back = rtcp ? dtls_srtp_unprotect_rtcp(receiver, packet, &length) : dtls_srtp_unprotect_rtp(receiver, packet, &length);
            if (back != DTLS_OK || length != size - 1 || memcmp(packet, data + 1, length) != 0) {
                abort();
            }
        }
        dtls_srtp_free(sender);
    }
    dtls_srtp_free(receiver);
    return 0;
}
