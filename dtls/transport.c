#include "dtls/transport.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <string.h>

#include "dtls/certificate_internal.h"
#include "dtls/policy_internal.h"
#include "dtls/transport_internal.h"

/* RFC 5764 section 4.2: the label of the exporter. */
static const char exporter_label[] = "EXTRACTOR-dtls_srtp";

/* Clearing OpenSSL's queue of errors walks all of its sixteen places; that it is empty, as nearly always, shows at once. */
static void forget_errors(void) {
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

/* ---- states ------------------------------------------------------------------------------------------------------------ */

static bool is_over(const struct dtls_transport *transport) {
    return transport->state == DTLS_TRANSPORT_CLOSED || transport->state == DTLS_TRANSPORT_FAILED;
}

static void stop(struct dtls_transport *transport, enum dtls_transport_state state) {
    transport->state = state;
    transport->retransmit_us = transport->give_up_us = transport->doubt_us = DTLS_NEVER;
}

void dtls_transport_fail(struct dtls_transport *transport, enum dtls_failure failure) {
    if (is_over(transport)) {
        return;
    }
    /* A handshake that OpenSSL thinks is fine ends with an alert too, so that the peer need not wait for its timers. */
    if (transport->handshake_done) {
        (void)SSL_shutdown(transport->ssl);
    }
    stop(transport, DTLS_TRANSPORT_FAILED);
    transport->failure = failure;
    transport->failed_waits = true;
    transport->connected_waits = false;
    transport->receive.used = transport->receive.taken = 0;
}

/* Leaves the state new. */
static bool start(struct dtls_transport *transport) {
    transport->state = DTLS_TRANSPORT_CONNECTING;
    transport->started_us = transport->now_us;
    transport->give_up_us = transport->now_us + transport->handshake_timeout_us;
    if (!dtls_handshake_begin(transport)) {
        dtls_transport_fail(transport, DTLS_FAILURE_INTERNAL);
        return false;
    }
    return true;
}

static void peer_closed(struct dtls_transport *transport) {
    (void)SSL_shutdown(transport->ssl); /* RFC 5246 section 7.2.1, MUST: answer close_notify with our own */
    stop(transport, DTLS_TRANSPORT_CLOSED);
    transport->closed_waits = true;
}

/* ---- application messages --------------------------------------------------------------------------------------------- */

/* One message is in OpenSSL's hands: `length` bytes of it at `bytes`, the rest, if any, still inside. */
static void received(struct dtls_transport *transport, size_t length) {
    struct dtls_receive_buffer *receive = &transport->receive;
    bool cut = SSL_pending(transport->ssl) > 0;
    while (SSL_pending(transport->ssl) > 0) {
        uint8_t rest[256];
        if (SSL_read(transport->ssl, rest, sizeof rest) <= 0) {
            break;
        }
    }
    if (transport->state != DTLS_TRANSPORT_CONNECTED) {
        transport->stats.early_data_dropped++;
        return;
    }
    if (cut) {
        transport->stats.messages_dropped++;
        return;
    }
    uint16_t stored = (uint16_t)length;
    memcpy(receive->bytes + receive->used, &stored, sizeof stored);
    receive->used += sizeof stored + length;
    transport->stats.messages_received++;
}

static void read_messages(struct dtls_transport *transport) {
    struct dtls_receive_buffer *receive = &transport->receive;
    while (!is_over(transport)) {
        uint8_t spill[1];
        size_t room = sizeof receive->bytes - receive->used;
        bool fits = room > sizeof(uint16_t);
        uint8_t *where = fits ? receive->bytes + receive->used + sizeof(uint16_t) : spill;
        size_t length = 0;
        forget_errors();
        int result = SSL_read_ex(transport->ssl, where, fits ? room - sizeof(uint16_t) : sizeof spill, &length);
        if (result == 1) {
            if (fits) {
                received(transport, length);
            } else {
                transport->stats.messages_dropped++;
            }
            if (transport->inbound == NULL && SSL_has_pending(transport->ssl) == 0) {
                return; /* the record is read, and OpenSSL holds no other back */
            }
            continue;
        }
        int error = SSL_get_error(transport->ssl, result);
        if (error == SSL_ERROR_ZERO_RETURN) {
            peer_closed(transport);
        } else if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
            dtls_transport_fail(transport, transport->stats.alert != 0 ? DTLS_FAILURE_ALERT : DTLS_FAILURE_HANDSHAKE);
        }
        return;
    }
}

/* ---- the verbs --------------------------------------------------------------------------------------------------------- */

/* RFC 6347 section 4.1.2.7, SHOULD: what is not valid is dropped in silence. Behind the handshake, plaintext never is. */
static bool connected_record(struct dtls_transport *transport, const struct dtls_record *record) {
    if (record->epoch != 1) {
        transport->stats.alerts_ignored += record->type == DTLS_CONTENT_ALERT ? 1 : 0;
        return false;
    }
    transport->inbound = record->bytes;
    transport->inbound_length = record->length;
    read_messages(transport);
    transport->inbound = NULL;
    return true;
}

int dtls_transport_handle_datagram(struct dtls_transport *transport, uint64_t now_us, const uint8_t *bytes, size_t length) {
    transport->now_us = now_us;
    if (is_over(transport)) {
        return DTLS_ERROR_STATE;
    }
    transport->stats.datagrams_received++;
    transport->stats.bytes_received += length;
    struct dtls_record record;
    size_t at = 0;
    size_t used = 0;
    while (!is_over(transport) && dtls_record_next(bytes, length, &at, &record)) {
        bool plausible = true;
        if (transport->state == DTLS_TRANSPORT_NEW) {
            /* RFC 5246 section 7.4.1.2: a ClientHello comes first. Another message is of an association that was here before, and would take the
             * place of ours with the same number. */
            plausible = transport->role == DTLS_ROLE_SERVER && record.epoch == 0 && record.type == DTLS_CONTENT_HANDSHAKE &&
                        dtls_record_handshake_plausible(&record, true) && record.fragment[0] == DTLS_HANDSHAKE_CLIENT_HELLO && start(transport);
        } else if (record.epoch > 0) {
            /* RFC 6347 section 4.1.2.7, SHOULD: what is not valid is dropped in silence. OpenSSL 3.0.20 ends the association for a record
             * without room for its tag. */
            plausible = record.fragment_length >= dtls_policy_record_expansion(transport->ssl);
        }
        if (plausible && (transport->handshake_done ? connected_record(transport, &record) : dtls_handshake_record(transport, &record))) {
            used++;
        } else {
            transport->stats.records_ignored++;
        }
    }
    if (at < length && !is_over(transport)) {
        transport->stats.records_ignored++; /* the rest of the datagram cannot be read */
    }
    forget_errors();
    return used > 0 ? DTLS_OK : DTLS_ERROR_MALFORMED;
}

void dtls_transport_handle_timeout(struct dtls_transport *transport, uint64_t now_us) {
    transport->now_us = now_us;
    if (is_over(transport)) {
        return;
    }
    if (now_us >= transport->give_up_us) {
        dtls_transport_fail(transport, DTLS_FAILURE_TIMEOUT);
    } else if (now_us >= transport->doubt_us) {
        dtls_transport_fail(transport, transport->doubt_failure);
    } else if (now_us >= transport->retransmit_us) {
        long result = dtls_datagram_bio_expire(transport);
        transport->stats.retransmissions += result > 0 ? 1 : 0;
        if (result < 0) {
            dtls_transport_fail(transport, DTLS_FAILURE_INTERNAL);
        }
    }
    forget_errors();
}

bool dtls_transport_poll_transmit(struct dtls_transport *transport, uint64_t now_us, uint8_t *buf, size_t cap, struct dtls_transmit *out) {
    transport->now_us = now_us;
    if (transport->state == DTLS_TRANSPORT_NEW && transport->role == DTLS_ROLE_CLIENT && start(transport)) {
        dtls_handshake_advance(transport);
    }
    size_t length;
    if (!dtls_transmit_queue_pop(transport, buf, cap, &length)) {
        return false;
    }
    out->length = length;
    transport->stats.datagrams_sent++;
    transport->stats.bytes_sent += length;
    return true;
}

static bool take_message(struct dtls_transport *transport, struct dtls_event *out) {
    struct dtls_receive_buffer *receive = &transport->receive;
    if (receive->taken == receive->used) {
        receive->taken = receive->used = 0;
        return false;
    }
    uint16_t length;
    memcpy(&length, receive->bytes + receive->taken, sizeof length);
    *out = (struct dtls_event){
        .type = DTLS_EVENT_RECEIVED, .bytes = receive->bytes + receive->taken + sizeof length, .length = length};
    receive->taken += sizeof length + length;
    return true;
}

bool dtls_transport_poll_event(struct dtls_transport *transport, struct dtls_event *out) {
    if (transport->key_log_waits) {
        transport->key_log_waits = false;
        *out = (struct dtls_event){.type = DTLS_EVENT_KEY_LOG, .bytes = transport->key_log_line, .length = transport->key_log_length};
        return true;
    }
    OPENSSL_cleanse(transport->key_log_line, sizeof transport->key_log_line);
    if (transport->connected_waits) {
        transport->connected_waits = false;
        *out = (struct dtls_event){.type = DTLS_EVENT_CONNECTED};
        return true;
    }
    if (take_message(transport, out)) {
        return true;
    }
    if (transport->closed_waits) {
        transport->closed_waits = false;
        *out = (struct dtls_event){.type = DTLS_EVENT_CLOSED};
        return true;
    }
    if (transport->failed_waits) {
        transport->failed_waits = false;
        *out = (struct dtls_event){.type = DTLS_EVENT_FAILED, .failure = transport->failure};
        return true;
    }
    return false;
}

uint64_t dtls_transport_next_timeout(const struct dtls_transport *transport) {
    uint64_t next = transport->give_up_us < transport->doubt_us ? transport->give_up_us : transport->doubt_us;
    return transport->retransmit_us < next ? transport->retransmit_us : next;
}

int dtls_transport_set_remote_fingerprints(struct dtls_transport *transport, uint64_t now_us, const struct dtls_fingerprint *fingerprints,
                                           size_t count) {
    transport->now_us = now_us;
    if (is_over(transport)) {
        return DTLS_ERROR_STATE;
    }
    if (fingerprints == NULL || count == 0) {
        return DTLS_ERROR_ARGUMENT;
    }
    if (count > DTLS_REMOTE_FINGERPRINTS_MAX) {
        return DTLS_ERROR_CAPACITY;
    }
    memcpy(transport->remote, fingerprints, count * sizeof fingerprints[0]);
    transport->remote_count = count;
    if (transport->handshake_done) {
        dtls_handshake_judge(transport);
        forget_errors();
    }
    return DTLS_OK;
}

size_t dtls_transport_max_message(const struct dtls_transport *transport) {
    return transport->state == DTLS_TRANSPORT_CONNECTED ? DTLS_get_data_mtu(transport->ssl) : 0;
}

int dtls_transport_send(struct dtls_transport *transport, uint64_t now_us, const uint8_t *bytes, size_t length) {
    transport->now_us = now_us;
    if (transport->state != DTLS_TRANSPORT_CONNECTED) {
        return DTLS_ERROR_STATE;
    }
    if (bytes == NULL || length == 0) {
        return DTLS_ERROR_ARGUMENT;
    }
    if (length > dtls_transport_max_message(transport)) {
        return DTLS_ERROR_BUFFER;
    }
    if (transport->queue.count == DTLS_TRANSMIT_QUEUE_DATAGRAMS) {
        return DTLS_ERROR_CAPACITY;
    }
    size_t written = 0;
    forget_errors();
    if (SSL_write_ex(transport->ssl, bytes, length, &written) != 1) {
        dtls_transport_fail(transport, DTLS_FAILURE_INTERNAL);
        forget_errors();
        return DTLS_ERROR_FATAL;
    }
    transport->stats.messages_sent++;
    return DTLS_OK;
}

void dtls_transport_close(struct dtls_transport *transport, uint64_t now_us) {
    transport->now_us = now_us;
    if (is_over(transport)) {
        return;
    }
    if (transport->handshake_done) {
        (void)SSL_shutdown(transport->ssl);
        forget_errors();
    }
    stop(transport, DTLS_TRANSPORT_CLOSED);
    transport->connected_waits = false;
    transport->receive.used = transport->receive.taken = 0;
}

/* ---- what was agreed --------------------------------------------------------------------------------------------------- */

int dtls_transport_keying_material(const struct dtls_transport *transport, struct dtls_srtp_keys *out) {
    if (transport->state != DTLS_TRANSPORT_CONNECTED || transport->stats.srtp_profile == 0) {
        return DTLS_ERROR_STATE;
    }
    struct dtls_srtp_keys keys = {.profile = (enum dtls_srtp_profile)transport->stats.srtp_profile};
    uint8_t material[2 * (DTLS_SRTP_KEY_MAX_BYTES + DTLS_SRTP_SALT_MAX_BYTES)];
    if (!dtls_srtp_profile_lengths(keys.profile, &keys.key_length, &keys.salt_length)) {
        return DTLS_ERROR_STATE;
    }
    size_t length = 2 * (keys.key_length + keys.salt_length);
    if (SSL_export_keying_material(transport->ssl, material, length, exporter_label, sizeof exporter_label - 1, NULL, 0, 0) != 1) {
        forget_errors();
        return DTLS_ERROR_FATAL;
    }
    /* RFC 5764 section 4.2: client key, server key, client salt, server salt; each side writes with its own. */
    bool client = transport->role == DTLS_ROLE_CLIENT;
    const uint8_t *first_key = material;
    const uint8_t *second_key = first_key + keys.key_length;
    const uint8_t *first_salt = second_key + keys.key_length;
    const uint8_t *second_salt = first_salt + keys.salt_length;
    memcpy(keys.local_key, client ? first_key : second_key, keys.key_length);
    memcpy(keys.remote_key, client ? second_key : first_key, keys.key_length);
    memcpy(keys.local_salt, client ? first_salt : second_salt, keys.salt_length);
    memcpy(keys.remote_salt, client ? second_salt : first_salt, keys.salt_length);
    *out = keys;
    OPENSSL_cleanse(material, sizeof material);
    dtls_srtp_keys_wipe(&keys);
    return DTLS_OK;
}

enum dtls_transport_state dtls_transport_state(const struct dtls_transport *transport) {
    return transport->state;
}

enum dtls_failure dtls_transport_failure(const struct dtls_transport *transport) {
    return transport->failure;
}

bool dtls_transport_peer_fingerprint(const struct dtls_transport *transport, enum dtls_hash hash, struct dtls_fingerprint *out) {
    return transport->peer != NULL && dtls_certificate_digest(transport->peer, hash, out);
}

size_t dtls_transport_peer_certificate(const struct dtls_transport *transport, uint8_t *out, size_t capacity) {
    return transport->peer != NULL ? dtls_certificate_x509_der(transport->peer, out, capacity) : 0;
}

void dtls_transport_stats(const struct dtls_transport *transport, struct dtls_transport_stats *out) {
    *out = transport->stats;
    out->dtls_role = transport->role;
}
