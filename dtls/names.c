/* Words for people: states as the W3C names them, failures, SRTP profiles as IANA names them. */
#include "dtls/transport.h"

const char *dtls_transport_state_name(enum dtls_transport_state state) {
    switch (state) {
    case DTLS_TRANSPORT_NEW:
        return "new";
    case DTLS_TRANSPORT_CONNECTING:
        return "connecting";
    case DTLS_TRANSPORT_CONNECTED:
        return "connected";
    case DTLS_TRANSPORT_CLOSED:
        return "closed";
    case DTLS_TRANSPORT_FAILED:
        return "failed";
    }
    return "unknown";
}

const char *dtls_failure_name(enum dtls_failure failure) {
    switch (failure) {
    case DTLS_FAILURE_NONE:
        return "none";
    case DTLS_FAILURE_FINGERPRINT_MISMATCH:
        return "fingerprint-mismatch";
    case DTLS_FAILURE_CERTIFICATE:
        return "certificate";
    case DTLS_FAILURE_NO_SRTP_PROFILE:
        return "no-srtp-profile";
    case DTLS_FAILURE_NO_EXTENDED_MASTER_SECRET:
        return "no-extended-master-secret";
    case DTLS_FAILURE_HANDSHAKE:
        return "handshake";
    case DTLS_FAILURE_ALERT:
        return "alert";
    case DTLS_FAILURE_TIMEOUT:
        return "timeout";
    case DTLS_FAILURE_INTERNAL:
        return "internal";
    }
    return "unknown";
}

const char *dtls_srtp_profile_name(enum dtls_srtp_profile profile) {
    switch (profile) {
    case DTLS_SRTP_AES128_CM_HMAC_SHA1_80:
        return "AES_CM_128_HMAC_SHA1_80";
    case DTLS_SRTP_AEAD_AES_128_GCM:
        return "AEAD_AES_128_GCM";
    case DTLS_SRTP_AEAD_AES_256_GCM:
        return "AEAD_AES_256_GCM";
    }
    return NULL;
}
