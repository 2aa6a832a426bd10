/* The retransmission timer of one client transaction over UDP, RFC 8489 section 6.2.1. */
#include "stun/transaction.h"

#include <assert.h>
#include <string.h>

#define RTO_MAX_US (60u * 1000u * 1000u)
#define RC_MAX 32u
#define RM_MAX 64u

/* Time does not wrap: a deadline that cannot be reached is the last moment before "never". */
static uint64_t later(uint64_t now_us, uint64_t delay_us) {
    return delay_us < UINT64_MAX - now_us ? now_us + delay_us : UINT64_MAX - 1;
}

void stun_transaction_start(struct stun_transaction *transaction, const uint8_t id[STUN_TRANSACTION_ID_BYTES], uint64_t now_us,
                            uint32_t rto_us, uint32_t rc, uint32_t rm) {
    assert(rto_us >= 1 && rto_us <= RTO_MAX_US);
    assert(rc >= 1 && rc <= RC_MAX);
    assert(rm >= 1 && rm <= RM_MAX);
    *transaction = (struct stun_transaction){.rto_us = rto_us, .deadline_us = now_us, .rc = (uint8_t)rc, .rm = (uint8_t)rm};
    memcpy(transaction->id, id, STUN_TRANSACTION_ID_BYTES);
}

enum stun_transaction_due stun_transaction_due(struct stun_transaction *transaction, uint64_t now_us) {
    if (transaction->done || now_us < transaction->deadline_us)
        return STUN_TRANSACTION_WAIT;
    if (transaction->sent < transaction->rc)
        return STUN_TRANSACTION_SEND;
    /* RFC 8489 section 6.2.1: no response within Rm times RTO after the last request means that it has failed. */
    stun_transaction_finish(transaction);
    return STUN_TRANSACTION_FAILED;
}

void stun_transaction_sent(struct stun_transaction *transaction, uint64_t now_us) {
    if (transaction->done)
        return;
    if (transaction->sent == 0)
        transaction->first_sent_us = now_us;
    transaction->last_sent_us = now_us;
    transaction->sent++;
    if (transaction->sent < transaction->rc) {
        /* RFC 8489 section 6.2.1: the interval is RTO, and doubles after each retransmission. */
        transaction->deadline_us = later(now_us, (uint64_t)transaction->rto_us << (transaction->sent - 1));
    } else {
        transaction->deadline_us = later(now_us, (uint64_t)transaction->rm * transaction->rto_us);
    }
}

void stun_transaction_doubt(struct stun_transaction *transaction, uint64_t now_us) {
    if (transaction->done || transaction->sent == 0)
        return;
    uint64_t latest_us = later(now_us, transaction->rto_us);
    if (transaction->sent < transaction->rc || latest_us < transaction->deadline_us)
        transaction->deadline_us = latest_us;
    transaction->rc = transaction->sent;
}

uint64_t stun_transaction_deadline(const struct stun_transaction *transaction) {
    return transaction->deadline_us;
}

bool stun_transaction_matches(const struct stun_transaction *transaction, const struct stun_message *message) {
    /* RFC 8489 section 6.3: a response that matches no transaction is dropped. A request or an indication never matches,
     * or else our own request, reflected, would pass for its answer. */
    if (transaction->done || (message->class_ != STUN_CLASS_SUCCESS_RESPONSE && message->class_ != STUN_CLASS_ERROR_RESPONSE))
        return false;
    return memcmp(transaction->id, message->transaction_id, STUN_TRANSACTION_ID_BYTES) == 0;
}

void stun_transaction_finish(struct stun_transaction *transaction) {
    transaction->done = true;
    transaction->deadline_us = UINT64_MAX;
}
