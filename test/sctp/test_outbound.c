/* The outbound side as a whole, against the small peer of outbound_model.h: what is lost, late, doubled or given up. */
#include "outbound_model.h"

#define MESSAGES 120

static uint32_t pick(struct model *m, uint32_t below) {
    return (uint32_t)(model_random(m) * below);
}

struct plan {
    struct sctp_message like;
    size_t length;
};

/* A message of any kind; sizes from one byte to many fragments. */
static struct plan random_plan(struct model *m) {
    static const size_t lengths[] = {1, 3, 64, 400, 392, 1000, 1116, 1117, 4000, 16384, 60000};
    struct plan plan = {.length = lengths[pick(m, sizeof lengths / sizeof lengths[0])]};
    plan.like.stream = (uint16_t)pick(m, 5);
    plan.like.is_unordered = pick(m, 3) == 0;
    plan.like.priority = (uint16_t)(pick(m, 4) * 128);
    switch (pick(m, 3)) {
    case 0:
        plan.like.reliability = SCTP_MAX_RETRANSMITS;
        plan.like.max_retransmits = pick(m, 3);
        break;
    case 1:
        plan.like.reliability = SCTP_MAX_LIFETIME;
        plan.like.lifetime_us = 20000 + pick(m, 300000);
        break;
    default:
        plan.like.reliability = SCTP_RELIABLE;
    }
    return plan;
}

static void one_seed(uint64_t seed) {
    struct model_config config = {.seed = seed, .keeps = true, .initial_tsn = seed % 3 == 0 ? UINT32_MAX - 20 : (uint32_t)seed * 77777u};
    struct model *m = model_new(&config);
    for (int i = 0; i < 10; i++)
        model_random(m);
    config.loss = pick(m, 5) * 0.1;
    config.sack_loss = pick(m, 3) * 0.1;
    config.reorder = pick(m, 3) * 0.1;
    config.duplicate = pick(m, 3) * 0.1;
    config.delay_us = 1000 + pick(m, 60000);
    config.jitter_us = pick(m, 2) * 5000;
    config.reorder_us = 1000 + pick(m, 30000);
    config.rate_bps = pick(m, 2) * 5000000;
    config.queue_bytes = 100000;
    config.is_interleaved = pick(m, 2) == 0;
    config.budget_bytes = 200000;
    uint64_t random = m->random;
    model_free(m);
    m = model_new(&config);
    m->random = random;
    struct plan plans[MESSAGES];
    for (uint32_t i = 0; i < MESSAGES; i++) {
        plans[i] = random_plan(m);
        int error;
        while ((error = model_send(m, &plans[i].like, i, plans[i].length)) == SCTP_ERROR_CAPACITY)
            model_run(m, m->now_us + 10000);
        assert_int_equal(error, SCTP_OK);
        if (pick(m, 4) == 0)
            model_run(m, m->now_us + pick(m, 50000));
    }
    assert_true(model_finish(m, 600000000));
    struct model_verdict verdicts[MESSAGES];
    model_judge(m, verdicts, MESSAGES);
    unsigned missing = 0;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        assert_true(verdicts[i].times <= 1);
        if (plans[i].like.reliability == SCTP_RELIABLE && verdicts[i].times != 1)
            fail_msg("seed %llu: message %u is missing", (unsigned long long)seed, i);
        missing += verdicts[i].times == 0;
    }
    struct sctp_outbound_statistics s = model_statistics(m);
    assert_true(s.messages_abandoned >= missing);
    assert_int_equal(s.flight_bytes, 0);
    assert_int_equal(s.held_bytes, 0);
    assert_int_equal(sctp_outbound_buffered_in_all(m->out), 0);
    assert_int_equal(m->cumulative_tsn, sctp_outbound_last_tsn(m->out));
    assert_true(m->largest_packet_bytes <= MODEL_PACKET_BYTES);
    model_free(m);
}

/* RFC 9260 section 6, RFC 3758 section 3.5, RFC 8260 section 2: loss of 0 to 40 %, reordering, doubling, of data and SACKs. */
static void reliable_ones_arrive_once(void **state) {
    (void)state;
    const char *count = getenv("SCTP_SEEDS");
    uint64_t seeds = count ? strtoull(count, NULL, 10) : 60;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        one_seed(seed);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(reliable_ones_arrive_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
