/* stun/transaction.c: the schedule of RFC 8489 section 6.2.1, in virtual time. */
#include "test_stun.h"

#include <string.h>

#include "stun/transaction.h"

#define MS 1000u

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

/* RFC 8489 section 6.2.1 gives this very schedule for RTO 500 ms, Rc 7 and Rm 16. */
static void schedule_of_the_rfc(void **state) {
    (void)state;
    static const uint64_t send_ms[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    const uint64_t start_us = 123456789;
    struct stun_transaction transaction;
    stun_transaction_start(&transaction, id, start_us, STUN_RTO_DEFAULT_US, STUN_RC_DEFAULT, STUN_RM_DEFAULT);
    for (size_t i = 0; i < COUNT(send_ms); i++) {
        uint64_t due_us = start_us + send_ms[i] * MS;
        assert_true(stun_transaction_deadline(&transaction) == due_us);
        assert_int_equal(stun_transaction_due(&transaction, due_us - 1), STUN_TRANSACTION_WAIT);
        assert_int_equal(stun_transaction_due(&transaction, due_us), STUN_TRANSACTION_SEND);
        stun_transaction_sent(&transaction, due_us);
        assert_int_equal(stun_transaction_due(&transaction, due_us), STUN_TRANSACTION_WAIT);
    }
    uint64_t failure_us = start_us + 39500 * MS;
    assert_true(stun_transaction_deadline(&transaction) == failure_us);
    assert_int_equal(stun_transaction_due(&transaction, failure_us - 1), STUN_TRANSACTION_WAIT);
    assert_int_equal(stun_transaction_due(&transaction, failure_us), STUN_TRANSACTION_FAILED);
    assert_true(transaction.done);
    assert_true(stun_transaction_deadline(&transaction) == UINT64_MAX);
    assert_int_equal(stun_transaction_due(&transaction, failure_us + 1), STUN_TRANSACTION_WAIT);
    assert_int_equal(transaction.sent, 7);
    assert_true(transaction.first_sent_us == start_us);
    assert_true(transaction.last_sent_us == start_us + 31500 * MS);
}

/* ICMP says that nobody is there: the answer has one RTO left, retransmissions end, and more ICMP does not change it. */
static void doubt(void **state) {
    (void)state;
    for (uint32_t sent = 0; sent <= 7; sent++) {
        struct stun_transaction transaction;
        stun_transaction_start(&transaction, id, 0, STUN_RTO_DEFAULT_US, STUN_RC_DEFAULT, STUN_RM_DEFAULT);
        uint64_t now_us = 0;
        for (uint32_t i = 0; i < sent; i++) {
            now_us = stun_transaction_deadline(&transaction);
            assert_int_equal(stun_transaction_due(&transaction, now_us), STUN_TRANSACTION_SEND);
            stun_transaction_sent(&transaction, now_us);
        }
        now_us += 10 * MS;
        stun_transaction_doubt(&transaction, now_us);
        if (sent == 0) { /* what was not sent cannot have failed to arrive */
            assert_int_equal(stun_transaction_due(&transaction, now_us), STUN_TRANSACTION_SEND);
            continue;
        }
        assert_true(stun_transaction_deadline(&transaction) == now_us + 500 * MS);
        stun_transaction_doubt(&transaction, now_us + 300 * MS);
        assert_true(stun_transaction_deadline(&transaction) == now_us + 500 * MS);
        assert_int_equal(stun_transaction_due(&transaction, now_us + 500 * MS - 1), STUN_TRANSACTION_WAIT);
        assert_int_equal(stun_transaction_due(&transaction, now_us + 500 * MS), STUN_TRANSACTION_FAILED);
        stun_transaction_doubt(&transaction, now_us);
        assert_true(transaction.done);
    }
}

/* Whatever rto, rc and rm: the sum of the intervals is (2^(rc-1) - 1 + rm) * rto. */
static void schedule_of_other_parameters(void **state) {
    (void)state;
    static const uint32_t rtos_us[] = {1, 50 * MS, 60 * 1000 * MS};
    static const uint32_t rms[] = {1, 16, 64};
    for (size_t r = 0; r < COUNT(rtos_us); r++) {
        for (size_t m = 0; m < COUNT(rms); m++) {
            for (uint32_t rc = 1; rc <= 32; rc++) {
                struct stun_transaction transaction;
                stun_transaction_start(&transaction, id, 0, rtos_us[r], rc, rms[m]);
                uint32_t sent = 0;
                enum stun_transaction_due due;
                uint64_t now_us = 0;
                while ((due = stun_transaction_due(&transaction, now_us)) == STUN_TRANSACTION_SEND) {
                    stun_transaction_sent(&transaction, now_us);
                    sent++;
                    now_us = stun_transaction_deadline(&transaction);
                }
                assert_int_equal(due, STUN_TRANSACTION_FAILED);
                assert_int_equal(sent, rc);
                assert_true(now_us == ((UINT64_C(1) << (rc - 1)) - 1 + rms[m]) * rtos_us[r]);
            }
        }
    }
}

/* Called late, the overdue step is done once, and the intervals run on from there. */
static void late_calls(void **state) {
    (void)state;
    struct stun_transaction transaction;
    stun_transaction_start(&transaction, id, 0, 500 * MS, 3, 16);
    stun_transaction_sent(&transaction, 0);
    uint64_t late_us = 10000 * MS; /* several intervals have passed */
    assert_int_equal(stun_transaction_due(&transaction, late_us), STUN_TRANSACTION_SEND);
    stun_transaction_sent(&transaction, late_us);
    assert_int_equal(stun_transaction_due(&transaction, late_us), STUN_TRANSACTION_WAIT);
    assert_true(stun_transaction_deadline(&transaction) == late_us + 1000 * MS);
    stun_transaction_sent(&transaction, late_us + 1000 * MS);
    assert_true(stun_transaction_deadline(&transaction) == late_us + 9000 * MS);
    assert_int_equal(stun_transaction_due(&transaction, late_us + 99000 * MS), STUN_TRANSACTION_FAILED);
    assert_int_equal(stun_transaction_due(&transaction, late_us + 99000 * MS), STUN_TRANSACTION_WAIT);
}

static void end_of_time(void **state) {
    (void)state;
    struct stun_transaction transaction;
    stun_transaction_start(&transaction, id, UINT64_MAX - 10, 500 * MS, 1, 64);
    stun_transaction_sent(&transaction, UINT64_MAX - 10);
    assert_true(stun_transaction_deadline(&transaction) == UINT64_MAX - 1);
    assert_int_equal(stun_transaction_due(&transaction, UINT64_MAX - 2), STUN_TRANSACTION_WAIT);
}

static void finishing_stops_everything(void **state) {
    (void)state;
    struct stun_transaction transaction;
    stun_transaction_start(&transaction, id, 0, 500 * MS, 7, 16);
    stun_transaction_sent(&transaction, 0);
    stun_transaction_finish(&transaction);
    assert_true(stun_transaction_deadline(&transaction) == UINT64_MAX);
    stun_transaction_sent(&transaction, 1); /* a send that was already under way */
    assert_int_equal(transaction.sent, 1);
    assert_true(stun_transaction_deadline(&transaction) == UINT64_MAX);
    assert_int_equal(stun_transaction_due(&transaction, 500 * MS), STUN_TRANSACTION_WAIT);
}

static struct stun_message message_of(uint8_t *bytes, size_t capacity, enum stun_class class_, const uint8_t *transaction_id) {
    struct stun_writer writer;
    struct stun_message message;
    stun_writer_begin(&writer, bytes, capacity, class_, STUN_METHOD_BINDING, transaction_id);
    assert_int_equal(stun_writer_finish(&writer), STUN_HEADER_BYTES);
    assert_int_equal(stun_message_parse(bytes, STUN_HEADER_BYTES, &message), STUN_OK);
    return message;
}

/* RFC 8489 section 6.3: a response belongs to a transaction when all 96 bits agree. */
static void matching_by_all_96_bits(void **state) {
    (void)state;
    uint8_t bytes[STUN_HEADER_BYTES];
    struct stun_transaction transaction;
    stun_transaction_start(&transaction, id, 0, 500 * MS, 7, 16);

    struct stun_message message = message_of(bytes, sizeof bytes, STUN_CLASS_SUCCESS_RESPONSE, id);
    assert_true(stun_transaction_matches(&transaction, &message));
    message = message_of(bytes, sizeof bytes, STUN_CLASS_ERROR_RESPONSE, id);
    assert_true(stun_transaction_matches(&transaction, &message));
    message = message_of(bytes, sizeof bytes, STUN_CLASS_REQUEST, id);
    assert_false(stun_transaction_matches(&transaction, &message));
    message = message_of(bytes, sizeof bytes, STUN_CLASS_INDICATION, id);
    assert_false(stun_transaction_matches(&transaction, &message));

    for (unsigned bit = 0; bit < 96; bit++) {
        uint8_t other[STUN_TRANSACTION_ID_BYTES];
        memcpy(other, id, sizeof other);
        other[bit / 8] ^= (uint8_t)(1u << bit % 8);
        message = message_of(bytes, sizeof bytes, STUN_CLASS_SUCCESS_RESPONSE, other);
        assert_false(stun_transaction_matches(&transaction, &message));
    }

    message = message_of(bytes, sizeof bytes, STUN_CLASS_SUCCESS_RESPONSE, id);
    stun_transaction_finish(&transaction);
    assert_false(stun_transaction_matches(&transaction, &message));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubt),
        cmocka_unit_test(schedule_of_the_rfc),          cmocka_unit_test(schedule_of_other_parameters),
        cmocka_unit_test(late_calls),                   cmocka_unit_test(end_of_time),
        cmocka_unit_test(finishing_stops_everything),   cmocka_unit_test(matching_by_all_96_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
