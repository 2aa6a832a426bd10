/*
 * Our association against usrsctp, which browsers had and many still have: the whole of it, packets and timers, over a link that loses up
 * to 20 %, doubles and reorders. Whoever calls; what is agreed on; every message; what may be lost; streams that begin anew; both ends.
 */
#include "meeting.h"

#include <stdlib.h>
#include <string.h>

#include "sctp/chunk.h"
#include "usrsctp_end.h"

#define DELAY_US 10000
#define SEEDS 40
#define MESSAGES 60
#define STREAMS 5
#define HEADER_BYTES 4
#define UNFRAGMENTED_BYTES 400 /* behind whatever else is in the packet */

static const struct sim_link_config GOOD = {.delay_us = DELAY_US};
static const struct sim_link_config BAD = {
    .delay_us = DELAY_US, .loss = 0.15, .duplicate = 0.1, .reorder = 0.1, .reorder_delay_us = 25000, .jitter_us = 4000};

static uint8_t byte_of(size_t index, size_t i) {
    return (uint8_t)((index * 977 + i) * 2654435761u >> 13);
}

/* The bytes of message number `index`; it says so itself. */
static uint8_t *fill(size_t index, size_t length) {
    uint8_t *bytes = malloc(length);
    assert_non_null(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = byte_of(index, i);
    for (size_t i = 0; i < HEADER_BYTES && length >= HEADER_BYTES; i++)
        bytes[i] = (uint8_t)(index >> 8 * (HEADER_BYTES - 1 - i));
    return bytes;
}

typedef void send_function(struct meeting *, const struct sctp_message *);

static void send_numbered(struct meeting *meeting, send_function *send, size_t index, struct sctp_message message) {
    uint8_t *bytes = fill(index, message.length);
    message.bytes = bytes;
    send(meeting, &message);
    free(bytes);
}

static void assert_is(const struct meeting_mail *mail, size_t index, const struct sctp_message *sent) {
    uint8_t *wanted = fill(index, sent->length);
    assert_int_equal(mail->message.length, sent->length);
    assert_memory_equal(mail->bytes, wanted, sent->length);
    assert_int_equal(mail->message.stream, sent->stream);
    assert_int_equal(mail->message.payload_protocol, sent->payload_protocol);
    assert_int_equal(mail->message.is_unordered, sent->is_unordered);
    free(wanted);
}

static size_t index_of(const struct meeting_mail *mail) {
    assert_true(mail->message.length >= HEADER_BYTES);
    return (size_t)mail->bytes[0] << 24 | (size_t)mail->bytes[1] << 16 | (size_t)mail->bytes[2] << 8 | mail->bytes[3];
}

/* ---- calls, and what they agree on -------------------------------------------------------------------------------------------------- */

static bool both_have_mail(const struct meeting *meeting) {
    return meeting->us.mail_count > 0 && meeting->them.mail_count > 0;
}

/* RFC 9260 sections 5.1 and 5.2.1: whoever calls, and both at once; RFC 8260 section 2.2.1: I-DATA when both can. */
static void calls(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < MEETING_CALLS * 4; kind++) {
        for (unsigned bad = 0; bad < 2; bad++) {
            struct meeting_config config = {.seed = kind, .link = bad ? BAD : GOOD, .call = kind / 4, .we_interleave = kind & 1, .they_interleave = kind & 2};
            struct meeting *meeting = meeting_connected(&config);
            bool is_interleaved = config.we_interleave && config.they_interleave;
            assert_int_equal(meeting->us.is_interleaved, is_interleaved);
            assert_int_equal(meeting->them.is_interleaved, is_interleaved);
            assert_true(meeting->us.is_partially_reliable && meeting->them.is_partially_reliable);
            assert_true(meeting->us.can_reset_streams && meeting->them.can_reset_streams);
            struct sctp_message message = {.stream = 3, .payload_protocol = 51, .length = 100};
            send_numbered(meeting, meeting_we_send, 7, message);
            send_numbered(meeting, meeting_they_send, 8, message);
            meeting_run_until(meeting, both_have_mail);
            assert_is(&meeting->them.mail[0], 7, &message);
            assert_is(&meeting->us.mail[0], 8, &message);
            meeting_free(meeting);
        }
    }
}

/* ---- there and back ----------------------------------------------------------------------------------------------------------------- */

static const size_t LENGTHS[] = {1, 2, 3, 4, 100, 1000, 1120, 1127, 1128, 1129, 1130, 1131, 1132, 1133, 1136, 1140, 1144, 1148, 1152, 1156, 1160, 1164, 2300, 16384, 65535, 65536, 65537, 262143, 262144};
#define LENGTH_COUNT (sizeof LENGTHS / sizeof LENGTHS[0])

static bool all_went(const struct meeting *meeting) {
    return meeting->them.mail_count == LENGTH_COUNT;
}

static bool all_came_back(const struct meeting *meeting) {
    return meeting->us.mail_count == LENGTH_COUNT;
}

static void echo(const struct meeting_config *config, bool is_unordered) {
    struct meeting *meeting = meeting_connected(config);
    struct sctp_message message = {.stream = 1, .payload_protocol = 53, .is_unordered = is_unordered};
    for (size_t i = 0; i < LENGTH_COUNT; i++) {
        message.length = LENGTHS[i];
        send_numbered(meeting, meeting_we_send, i, message);
        if (is_unordered) /* one after another, or the short ones overtake */
            while (meeting->them.mail_count <= i)
                meeting_run(meeting, DELAY_US);
    }
    meeting_run_until(meeting, all_went);
    for (size_t i = 0; i < LENGTH_COUNT; i++) {
        meeting_they_send(meeting, &meeting->them.mail[i].message);
        if (is_unordered)
            while (meeting->us.mail_count <= i)
                meeting_run(meeting, DELAY_US);
    }
    meeting_run_until(meeting, all_came_back);
    for (size_t i = 0; i < LENGTH_COUNT; i++) {
        message.length = LENGTHS[i];
        assert_is(&meeting->them.mail[i], i, &message);
        assert_is(&meeting->us.mail[i], i, &message);
    }
    struct sctp_association_statistics statistics = meeting_statistics(meeting);
    assert_int_equal(statistics.packets_malformed, 0);
    assert_int_equal(statistics.chunks_unknown, 0);
    meeting_free(meeting);
}

static void there_and_back(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        struct meeting_config config = {.seed = kind, .link = kind & 4 ? BAD : GOOD, .call = kind % 2, .we_interleave = kind & 1, .they_interleave = kind & 1};
        echo(&config, kind & 2);
    }
}

/* ---- every message of every seed ---------------------------------------------------------------------------------------------------- */

struct plan {
    struct sctp_message messages[MESSAGES];
    bool may_be_lost[MESSAGES];
};

static uint32_t below(struct sim_random *random, uint32_t limit) {
    return (uint32_t)sim_random_below(random, limit);
}

static void make_plan(struct plan *plan, struct sim_random *random) {
    static const uint32_t longest[] = {20, 20, 400, 3000, 3000, 40000};
    for (size_t i = 0; i < MESSAGES; i++) {
        enum sctp_reliability reliability = below(random, 2) ? SCTP_RELIABLE : below(random, 2) ? SCTP_MAX_RETRANSMITS : SCTP_MAX_LIFETIME;
        plan->messages[i] = (struct sctp_message){.stream = (uint16_t)below(random, STREAMS),
                                                  .payload_protocol = below(random, 100),
                                                  .is_unordered = below(random, 3) == 0,
                                                  .reliability = reliability,
                                                  .max_retransmits = below(random, 3),
                                                  .lifetime_us = 1000 * (1 + below(random, 300)),
                                                  .length = HEADER_BYTES + below(random, longest[below(random, 6)])};
        plan->may_be_lost[i] = reliability != SCTP_RELIABLE;
    }
}

static void make_reliable(struct plan *plan, size_t i) {
    plan->messages[i].reliability = SCTP_RELIABLE;
    plan->may_be_lost[i] = false;
}

/*
 * What usrsctp 0.9.5 cannot do, seen in traces and in its source:
 * - DATA: after a FORWARD TSN with unordered fragments behind it, the whole unordered message between them is "Illegal message sequence"
 *   (sctp_indata.c resets what it reassembles to the new TSN, and takes that for a first fragment);
 * - I-DATA: an I-FORWARD-TSN for unordered messages moves the number of the ordered ones: "Delivered MID=..";
 * - I-DATA: of a message that it gives up half sent it forwards over the stream, not over the TSN, and sends neither again.
 * - after our SHUTDOWN it does not repeat a FORWARD TSN that was lost.
 */
static void spare(struct plan *ours, struct plan *theirs, bool is_interleaved, bool we_shut_down) {
    for (size_t i = 0; i < MESSAGES; i++) {
        if (is_interleaved || we_shut_down)
            make_reliable(theirs, i);
        if (is_interleaved && ours->messages[i].is_unordered)
            make_reliable(ours, i);
        if (!is_interleaved && ours->messages[i].is_unordered && ours->messages[i].length > UNFRAGMENTED_BYTES)
            ours->messages[i].length = UNFRAGMENTED_BYTES;
    }
}

/* Each at most once, reliable ones exactly once, ordered ones in the order of their stream. How many did not come. */
static size_t judge(const struct meeting_side *side, const struct plan *plan) {
    bool has_come[MESSAGES] = {false};
    size_t last[STREAMS] = {0}, missing = 0;
    for (size_t i = 0; i < side->mail_count; i++) {
        size_t index = index_of(&side->mail[i]);
        assert_true(index < MESSAGES && !has_come[index]);
        has_come[index] = true;
        const struct sctp_message *sent = &plan->messages[index];
        assert_is(&side->mail[i], index, sent);
        if (!sent->is_unordered) {
            assert_true(index + 1 > last[sent->stream]);
            last[sent->stream] = index + 1;
        }
    }
    for (size_t i = 0; i < MESSAGES; i++) {
        assert_true(has_come[i] || plan->may_be_lost[i]);
        missing += !has_come[i];
    }
    return missing;
}

static bool is_over(const struct meeting *meeting) {
    return meeting->us.is_closed && meeting->them.is_closed;
}

/* Either shuts down with messages still on their way: RFC 9260 section 9.2, they arrive. */
static void run(uint64_t seed, size_t missing[2], struct sctp_association_statistics *sum) {
    struct sim_random random;
    sim_random_seed(&random, seed);
    struct meeting_config config = {.seed = seed, .link = BAD, .call = below(&random, MEETING_CALLS), .we_interleave = below(&random, 2), .they_interleave = below(&random, 2)};
    config.link.loss = below(&random, 21) / 100.0;
    config.link.delay_us = 500 + below(&random, 60000);
    struct plan ours, theirs;
    make_plan(&ours, &random);
    make_plan(&theirs, &random);
    spare(&ours, &theirs, config.we_interleave && config.they_interleave, seed % 2);
    struct meeting *meeting = meeting_connected(&config);
    for (size_t i = 0; i < MESSAGES; i++) {
        send_numbered(meeting, meeting_we_send, i, ours.messages[i]);
        send_numbered(meeting, meeting_they_send, i, theirs.messages[i]);
        meeting_run(meeting, below(&random, 3) ? 0 : below(&random, 20000));
    }
    if (seed % 2)
        assert_int_equal(sctp_association_shutdown(meeting->association, meeting->now_us), SCTP_OK);
    else
        usrsctp_end_shutdown(meeting->peer);
    meeting_run_until(meeting, is_over);
    /* Or the SHUTDOWN COMPLETE was overtaken by the answer to a packet that came late: nobody is there any more. */
    assert_true(meeting->us.is_orderly || meeting->them.is_orderly);
    missing[0] += judge(&meeting->them, &ours);
    missing[1] += judge(&meeting->us, &theirs);
    struct sctp_association_statistics statistics = meeting_statistics(meeting);
    assert_int_equal(statistics.packets_malformed, 0);
    assert_int_equal(statistics.chunks_unknown, 0);
    assert_int_equal(statistics.restarts, 0);
    sum->messages_abandoned += statistics.messages_abandoned;
    sum->chunks_retransmitted += statistics.chunks_retransmitted;
    sum->chunks_duplicate += statistics.chunks_duplicate;
    meeting_free(meeting);
}

static void every_message_of_every_seed(void **state) {
    size_t missing[2] = {0, 0};
    struct sctp_association_statistics sum = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed, missing, &sum);
    /* The links were as bad as promised, and what may be lost was. */
    assert_true(missing[0] > SEEDS && missing[1] > SEEDS);
    assert_true(sum.messages_abandoned > SEEDS && sum.chunks_retransmitted > SEEDS && sum.chunks_duplicate > SEEDS);
}

/* ---- partial reliability ------------------------------------------------------------------------------------------------------------ */

static bool last_has_come(const struct meeting_side *side) {
    bool has_come = false;
    for (size_t i = 0; i < side->mail_count; i++)
        has_come |= side->mail[i].message.stream == STREAMS;
    return has_come;
}

static bool both_have_the_last(const struct meeting *meeting) {
    return last_has_come(&meeting->us) && last_has_come(&meeting->them);
}

/* A hundred messages that may be lost, and a reliable one behind them on another stream. */
static void lossy(const struct meeting_config *config, struct sctp_message message) {
    struct meeting *meeting = meeting_connected(config);
    for (size_t i = 0; i < 100; i++) {
        send_numbered(meeting, meeting_we_send, i, message);
        send_numbered(meeting, meeting_they_send, i, message);
        meeting_run(meeting, 5000);
    }
    struct sctp_message last = {.stream = STREAMS, .length = 10};
    meeting_run(meeting, 5000000);
    send_numbered(meeting, meeting_we_send, 100, last);
    send_numbered(meeting, meeting_they_send, 100, last);
    meeting_run_until(meeting, both_have_the_last);
    meeting_run(meeting, 30000000); /* what waited for a FORWARD TSN comes behind it */
    const struct meeting_side *sides[] = {&meeting->us, &meeting->them};
    for (size_t s = 0; s < 2; s++) {
        assert_in_range(sides[s]->mail_count, 20, 100); /* of 101 */
        bool has_come[101] = {false};
        for (size_t i = 0, before = 0; i < sides[s]->mail_count; i++) {
            size_t index = index_of(&sides[s]->mail[i]);
            assert_true(index <= 100 && !has_come[index]);
            has_come[index] = true;
            assert_true(message.is_unordered || index == 100 || index >= before);
            before = index == 100 ? before : index;
            assert_is(&sides[s]->mail[i], index, index == 100 ? &last : &message);
        }
    }
    assert_true(meeting_statistics(meeting).messages_abandoned > 0 && meeting->they_abandoned > 0);
    meeting_free(meeting);
}

/* RFC 3758 section 3.5, RFC 7496 section 3; with I-DATA, RFC 8260 section 2.3. One kind at a time, so usrsctp is not led astray (spare). */
static void what_may_be_lost(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 16; kind++) {
        struct meeting_config config = {.seed = kind, .link = BAD, .call = kind % 2, .we_interleave = kind & 1, .they_interleave = kind & 1};
        config.link.loss = 0.2;
        struct sctp_message message = {.stream = 2, .payload_protocol = 53, .is_unordered = kind & 2, .length = kind & 8 ? 2500 : 200};
        message.reliability = kind & 4 ? SCTP_MAX_RETRANSMITS : SCTP_MAX_LIFETIME;
        message.lifetime_us = 40000;
        lossy(&config, message);
    }
}

/* ---- streams that begin anew -------------------------------------------------------------------------------------------------------- */

#define RESET_ROUNDS 5

static void reset_rounds(const struct meeting_config *config) {
    struct meeting *meeting = meeting_connected(config);
    struct sctp_message message = {.stream = 4, .payload_protocol = 51, .length = 3000}, other = {.stream = 0, .payload_protocol = 51, .length = 500};
    size_t sent = 0;
    for (unsigned round = 0; round < RESET_ROUNDS; round++) {
        meeting->us.reset_count = meeting->them.reset_count = 0;
        send_numbered(meeting, meeting_we_send, sent, message);
        send_numbered(meeting, meeting_they_send, sent++, message);
        /* As a data channel is closed (RFC 8831 section 6.7): one resets, the other one answers with a reset of its own. Others go on. */
        bool we_begin = round % 2;
        (we_begin ? meeting_we_reset : meeting_they_reset)(meeting, 4);
        send_numbered(meeting, meeting_we_send, sent, other);
        send_numbered(meeting, meeting_they_send, sent++, other);
        while (!meeting_has_reset(we_begin ? &meeting->them : &meeting->us, 4, true))
            meeting_run(meeting, 1000);
        (we_begin ? meeting_they_reset : meeting_we_reset)(meeting, 4);
        while (!meeting_has_reset(&meeting->us, 4, true) || !meeting_has_reset(&meeting->us, 4, false) || !meeting_has_reset(&meeting->them, 4, true) ||
               !meeting_has_reset(&meeting->them, 4, false))
            meeting_run(meeting, 1000);
        while (meeting->us.mail_count < sent || meeting->them.mail_count < sent)
            meeting_run(meeting, 1000);
    }
    for (size_t i = 0; i < sent; i++) {
        assert_is(&meeting->us.mail[i], index_of(&meeting->us.mail[i]), meeting->us.mail[i].message.stream == 4 ? &message : &other);
        assert_is(&meeting->them.mail[i], index_of(&meeting->them.mail[i]), meeting->them.mail[i].message.stream == 4 ? &message : &other);
    }
    meeting_free(meeting);
}

/* RFC 6525 section 5.1.2. */
static void streams_begin_anew(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 16; kind++)
        reset_rounds(&(struct meeting_config){.seed = kind, .link = kind & 4 ? BAD : GOOD, .call = kind % 2, .we_interleave = kind & 2, .they_interleave = kind & 2});
}

/* ---- both ends ---------------------------------------------------------------------------------------------------------------------- */

/* RFC 9260 section 9: by either, orderly or not. */
static void ends(void **state) {
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        bool is_ours = kind & 1, is_abort = kind & 2;
        struct meeting_config config = {.seed = kind, .link = kind & 4 && !is_abort ? BAD : GOOD, .call = kind % 3};
        struct meeting *meeting = meeting_connected(&config);
        meeting_run(meeting, 200000);
        if (is_ours && is_abort)
            assert_int_equal(sctp_association_abort(meeting->association, meeting->now_us, (const uint8_t *)"enough", 6), SCTP_OK);
        else if (is_ours)
            assert_int_equal(sctp_association_shutdown(meeting->association, meeting->now_us), SCTP_OK);
        else if (is_abort)
            usrsctp_end_abort(meeting->peer);
        else
            usrsctp_end_shutdown(meeting->peer);
        meeting_run_until(meeting, is_over);
        assert_int_equal(meeting->us.is_orderly, !is_abort);
        assert_int_equal(meeting->them.is_orderly, !is_abort);
        assert_int_equal(meeting->reason, !is_abort ? SCTP_CLOSED_SHUTDOWN : is_ours ? SCTP_CLOSED_ABORTED : SCTP_CLOSED_PEER_ABORTED);
        meeting_free(meeting);
    }
}

/* ---- the program -------------------------------------------------------------------------------------------------------------------- */

static int begin(void **state) {
    (void)state;
    usrsctp_ends_begin();
    return 0;
}

static int finish(void **state) {
    (void)state;
    usrsctp_ends_finish();
    return 0;
}

static int free_rest(void **state) {
    (void)state;
    meeting_free_rest();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(calls, free_rest), cmocka_unit_test_teardown(there_and_back, free_rest), cmocka_unit_test_teardown(every_message_of_every_seed, free_rest),
        cmocka_unit_test_teardown(what_may_be_lost, free_rest), cmocka_unit_test_teardown(streams_begin_anew, free_rest), cmocka_unit_test_teardown(ends, free_rest),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
