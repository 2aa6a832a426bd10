/*
 * The retransmission timer of one client transaction over UDP (RFC 8489 section 6.2.1).
 *
 * A request is sent at once, then again after RTO, 2 RTO, 4 RTO ... until it was sent Rc times; it has failed Rm times RTO
 * after the last. ICE and tests choose their own RTO, Rc and Rm (RFC 8445 section 14.3), hence they are arguments.
 *
 * This object is plain memory: no new, no free. It owns no bytes; the caller rebuilds or keeps the request.
 */
#ifndef STUN_TRANSACTION_H
#define STUN_TRANSACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "stun/message.h"

#define STUN_RTO_DEFAULT_US 500000u /* RFC 8489 section 6.2.1, SHOULD: 500 ms at least */
#define STUN_RC_DEFAULT 7u
#define STUN_RM_DEFAULT 16u

struct stun_transaction {
    uint8_t id[STUN_TRANSACTION_ID_BYTES];
    uint8_t rc, rm, sent;
    bool done;
    uint32_t rto_us;      /* the initial RTO */
    uint64_t deadline_us; /* when something is due; UINT64_MAX when done */
    uint64_t last_sent_us;
    uint64_t first_sent_us;
};

enum stun_transaction_due {
    STUN_TRANSACTION_WAIT,  /* nothing to do before deadline_us */
    STUN_TRANSACTION_SEND,  /* send (again) now, then call stun_transaction_sent */
    STUN_TRANSACTION_FAILED /* no answer came in time; the transaction is over */
};

/*
 * Starts a transaction whose first transmission is due at now_us.
 * id      copied; 96 random bits, fresh for every transaction
 * rto_us  1 .. 60 s;  rc 1 .. 32;  rm 1 .. 64. Values outside are a caller's bug and are asserted.
 */
void stun_transaction_start(struct stun_transaction *transaction, const uint8_t id[STUN_TRANSACTION_ID_BYTES], uint64_t now_us,
                            uint32_t rto_us, uint32_t rc, uint32_t rm);

/* What is due at now_us. Early calls answer WAIT; late ones the overdue step once. */
enum stun_transaction_due stun_transaction_due(struct stun_transaction *transaction, uint64_t now_us);

/* The request has been sent at now_us: arms the next retransmission, or the final wait. */
void stun_transaction_sent(struct stun_transaction *transaction, uint64_t now_us);

/* When stun_transaction_due should be asked next; UINT64_MAX when done. */
uint64_t stun_transaction_deadline(const struct stun_transaction *transaction);

/* Does this response belong to the transaction (all 96 bits)? False when done. */
bool stun_transaction_matches(const struct stun_transaction *transaction, const struct stun_message *message);

/*
 * The network says that the request cannot arrive (ICMP). That can be forged, and by somebody who cannot keep the answer from coming: so the
 * transaction goes on without retransmission, and fails one RTO from now at the latest. Nothing happens when it is done, or not yet sent.
 */
void stun_transaction_doubt(struct stun_transaction *transaction, uint64_t now_us);

/* An answer came, or the owner gives up: no more retransmissions. */
void stun_transaction_finish(struct stun_transaction *transaction);

#endif
