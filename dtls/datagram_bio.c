/*
 * Between OpenSSL and the datagrams. OpenSSL reads one record at a time, the one that handle_datagram holds before it, and
 * writes into the transmit queue.
 *
 * The clock. OpenSSL asks gettimeofday when its retransmission timer runs out, and a step of the wall clock by a day
 * leaves it deaf for a day. But it shows its deadline to the BIO (BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT), by address, as news of when
 * to wake up. There we put a time that no wall clock reaches, and keep the real deadline on the caller's monotonic time;
 * when that has come, we put a time long past, and OpenSSL finds that its timer has run out. From version 3.2 on
 * the address is that of a copy: there OpenSSL keeps the time, with the true intervals, and steps matter again.
 */
#define _DEFAULT_SOURCE /* lets <stdlib.h> define struct timeval; <sys/time.h>, with its clock, stays out */

#include <openssl/bio.h>
#include <stdlib.h>
#include <string.h>

#include "dtls/transport_internal.h"

#define FAR_FUTURE_S 0xFFFFFFFFFF
#define OPENSSL_CLOCK_RETRY_US 15000u

/* OpenSSL ends a handshake at the 13th timeout of one flight. */
#define OPENSSL_TIMEOUTS_MAX 12

static void queue_push(struct dtls_transport *transport, const uint8_t *bytes, size_t length) {
    struct dtls_transmit_queue *queue = &transport->queue;
    size_t last = (queue->first + queue->count + DTLS_TRANSMIT_QUEUE_DATAGRAMS - 1) % DTLS_TRANSMIT_QUEUE_DATAGRAMS;
    /* RFC 6347 section 4.1.1, MAY: the records of one flight share datagrams. A retransmitted flight is then no frailer than the first. */
    bool of_flight = bytes[0] == DTLS_CONTENT_HANDSHAKE || bytes[0] == DTLS_CONTENT_CHANGE_CIPHER_SPEC;
    if (of_flight && queue->count > 0 && queue->lengths[last] + length <= queue->slot_bytes) {
        memcpy(queue->slots + last * queue->slot_bytes + queue->lengths[last], bytes, length);
        queue->lengths[last] += length;
        return;
    }
    if (queue->count == DTLS_TRANSMIT_QUEUE_DATAGRAMS || length > queue->slot_bytes) {
        transport->stats.transmit_dropped++;
        return;
    }
    size_t next = (queue->first + queue->count) % DTLS_TRANSMIT_QUEUE_DATAGRAMS;
    memcpy(queue->slots + next * queue->slot_bytes, bytes, length);
    queue->lengths[next] = length;
    queue->count++;
}

bool dtls_transmit_queue_pop(struct dtls_transport *transport, uint8_t *buf, size_t cap, size_t *length) {
    struct dtls_transmit_queue *queue = &transport->queue;
    if (queue->count == 0 || queue->lengths[queue->first] > cap) {
        return false;
    }
    *length = queue->lengths[queue->first];
    memcpy(buf, queue->slots + queue->first * queue->slot_bytes, *length);
    queue->first = (queue->first + 1) % DTLS_TRANSMIT_QUEUE_DATAGRAMS;
    queue->count--;
    return true;
}

static int bio_write(BIO *bio, const char *bytes, int length) {
    struct dtls_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (length > 0) {
        queue_push(transport, (const uint8_t *)bytes, (size_t)length); /* a full queue is a lost datagram, as on any network */
    }
    return length;
}

static int bio_read(BIO *bio, char *buffer, int capacity) {
    struct dtls_transport *transport = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (transport->inbound == NULL || capacity <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t length = transport->inbound_length < (size_t)capacity ? transport->inbound_length : (size_t)capacity;
    memcpy(buffer, transport->inbound, length);
    transport->inbound = NULL;
    return (int)length;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
    struct dtls_transport *transport = BIO_get_data(bio);
    (void)number;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT: {
        struct timeval *deadline = pointer;
        bool runs = deadline->tv_sec != 0 || deadline->tv_usec != 0;
        bool again = transport->flight_timeouts < OPENSSL_TIMEOUTS_MAX;
        transport->openssl_deadline = deadline;
        transport->retransmit_us = runs && again ? transport->now_us + transport->interval_us : DTLS_NEVER;
        if (runs && !transport->openssl_keeps_time) {
            *deadline = (struct timeval){.tv_sec = FAR_FUTURE_S};
        }
        return 1;
    }
    default:
        return 0;
    }
}

BIO_METHOD *dtls_datagram_bio_method_new(void) {
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "strata datagrams");
    if (method != NULL && (BIO_meth_set_write(method, bio_write) != 1 || BIO_meth_set_read(method, bio_read) != 1 ||
                           BIO_meth_set_ctrl(method, bio_ctrl) != 1)) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

/*
 * OpenSSL starts a timer: previous is 0 for a new flight, else the interval that ran out.
 * RFC 6347 section 4.2.4.1, SHOULD: the interval doubles with each retransmission. We start at 100 ms instead of 1 s, because ICE
 * has just measured that the path is there, and stop doubling at 3.2 s instead of 60 s, because a flight has only twelve
 * retransmissions (OpenSSL) and they are worth more inside the time for which a person waits.
 */
static unsigned int on_timer(SSL *ssl, unsigned int previous) {
    struct dtls_transport *transport = SSL_get_app_data(ssl);
    if (previous == 0) {
        transport->flight_timeouts = 0;
        transport->interval_us = transport->initial_retransmit_us;
    } else {
        transport->flight_timeouts++;
        if (transport->interval_us < DTLS_RETRANSMIT_DOUBLE_UNTIL_US) {
            transport->interval_us *= 2;
        }
    }
    return (unsigned int)transport->interval_us;
}

BIO *dtls_datagram_bio_new(struct dtls_transport *transport) {
    BIO *bio = BIO_new(transport->bio_method);
    if (bio != NULL) {
        BIO_set_data(bio, transport);
        BIO_set_init(bio, 1);
        DTLS_set_timer_cb(transport->ssl, on_timer);
    }
    return bio;
}

long dtls_datagram_bio_expire(struct dtls_transport *transport) {
    if (!transport->openssl_keeps_time && transport->openssl_deadline != NULL) {
        *transport->openssl_deadline = (struct timeval){.tv_sec = 0, .tv_usec = 1}; /* all zero would mean: no timer */
    }
    long result = DTLSv1_handle_timeout(transport->ssl);
    if (result == 0 && transport->openssl_keeps_time) {
        transport->retransmit_us = transport->now_us + OPENSSL_CLOCK_RETRY_US; /* its clock is behind ours */
    }
    return result;
}
