/* The ring of what is in flight: sums, the list by time, the bitmaps, growth, limits. */
#include "test_sctp.h"

#include "sctp/in_flight_internal.h"
#include "sctp/outbound_internal.h"

struct fixture {
    struct sctp_in_flight flight;
    struct sctp_outgoing message;
    size_t allowed;
};

static void *allocate(void *context, size_t bytes) {
    size_t *allowed = context;
    if (*allowed == 0)
        return NULL;
    (*allowed)--;
    return malloc(bytes);
}

static void release(void *context, void *memory) {
    (void)context;
    free(memory);
}

static struct fixture *fixture_new(uint32_t initial_tsn) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->allowed = SIZE_MAX;
    struct sctp_allocator allocator = {allocate, release, &f->allowed};
    sctp_in_flight_begin(&f->flight, &allocator, initial_tsn, SCTP_DATA_HEADER_BYTES);
    return f;
}

static void fixture_free(struct fixture *f) {
    sctp_in_flight_end(&f->flight);
    free(f);
}

static struct sctp_record *add(struct fixture *f, uint64_t now_us, uint32_t length) {
    assert_int_equal(sctp_in_flight_reserve(&f->flight), SCTP_OK);
    f->message.records++;
    struct sctp_fragment fragment = {.message = &f->message, .length = length, .is_begin = true, .is_end = true};
    return sctp_in_flight_add(&f->flight, now_us, &fragment);
}

/* The congestion window counts headers and padding, the peer's window user bytes. */
static void sums_follow_the_states(void **state) {
    (void)state;
    struct fixture *f = fixture_new(UINT32_MAX); /* across the wrap: RFC 9260 section 1.6 */
    struct sctp_in_flight *flight = &f->flight;
    for (uint32_t i = 0; i < 4; i++)
        add(f, i, 101 + i);
    assert_int_equal(flight->user_bytes, 101 + 102 + 103 + 104);
    assert_int_equal(flight->flight_bytes, 4 * (104 + 16));
    struct sctp_record *second = sctp_in_flight_record(flight, 0), *third = sctp_in_flight_record(flight, 1);
    sctp_in_flight_set_lost(flight, second);
    sctp_in_flight_set_acked(flight, third);
    assert_int_equal(flight->user_bytes, 101 + 104);
    assert_ptr_equal(sctp_in_flight_first_lost(flight), second);
    sctp_in_flight_set_sent(flight, second, 10);
    assert_int_equal(second->transmissions, 2);
    assert_int_equal(flight->newest, (uint32_t)(second - flight->records)); /* it is the youngest now */
    assert_int_equal(flight->records[flight->oldest].tsn, UINT32_MAX);
    assert_null(sctp_in_flight_first_lost(flight));
    sctp_in_flight_set_abandoned(flight, second);
    assert_int_equal(flight->abandoned_count, 1);
    for (int i = 0; i < 4; i++)
        sctp_in_flight_remove_first(flight);
    assert_int_equal(flight->user_bytes + flight->flight_bytes, 0);
    assert_int_equal(flight->outstanding_count + flight->acked_count + flight->abandoned_count + flight->lost_count, 0);
    assert_int_equal(flight->oldest, SCTP_NO_SLOT);
    assert_int_equal(flight->newest, SCTP_NO_SLOT);
    fixture_free(f);
}

/* What was given up and then named all the same leaves nothing behind for the next one in its place. */
static void nothing_is_left_behind(void **state) {
    (void)state;
    struct fixture *f = fixture_new(0);
    struct sctp_record *first = add(f, 1, 1);
    sctp_in_flight_set_abandoned(&f->flight, first);
    sctp_in_flight_set_acked(&f->flight, first);
    sctp_in_flight_remove_first(&f->flight);
    for (uint32_t i = 1; i <= 64; i++)
        add(f, i, 1);
    uint32_t tsn = 64; /* the slot of 0 */
    assert_true(sctp_in_flight_next_unacked(&f->flight, &tsn, 64));
    fixture_free(f);
}

/* Growth in the midst of everything keeps order, states and bits. */
static void growth_keeps_all(void **state) {
    (void)state;
    struct fixture *f = fixture_new(UINT32_MAX - 30);
    struct sctp_in_flight *flight = &f->flight;
    for (uint32_t i = 0; i < 64; i++)
        add(f, i, 100);
    for (uint32_t i = 0; i < 10; i++)
        sctp_in_flight_remove_first(flight);
    uint32_t first = UINT32_MAX - 20;
    sctp_in_flight_set_acked(flight, sctp_in_flight_record(flight, first + 5));
    sctp_in_flight_set_lost(flight, sctp_in_flight_record(flight, first + 6));
    sctp_in_flight_set_lost(flight, sctp_in_flight_record(flight, first + 7));
    sctp_in_flight_set_sent(flight, sctp_in_flight_record(flight, first + 7), 64);
    sctp_in_flight_set_abandoned(flight, sctp_in_flight_record(flight, first + 8));
    for (uint32_t i = 65; i < 265; i++)
        add(f, i, 100);
    assert_int_equal(flight->capacity, 256);
    assert_int_equal(flight->acked_count, 1);
    assert_int_equal(flight->lost_count, 1);
    assert_int_equal(flight->abandoned_count, 1);
    assert_int_equal(sctp_in_flight_first_lost(flight)->tsn, first + 6);
    uint64_t before_us = 0;
    uint32_t count = 0;
    for (uint32_t slot = flight->oldest; slot != SCTP_NO_SLOT; slot = flight->records[slot].newer, count++) {
        assert_true(flight->records[slot].sent_us >= before_us);
        before_us = flight->records[slot].sent_us;
    }
    assert_int_equal(count, flight->outstanding_count);
    uint32_t tsn = first + 5;
    assert_true(sctp_in_flight_next_unacked(flight, &tsn, first + 9));
    assert_int_equal(tsn, first + 6);
    fixture_free(f);
}

/* Each word of the bitmap and its borders. */
static void the_next_unacknowledged(void **state) {
    (void)state;
    struct fixture *f = fixture_new(100);
    for (uint32_t i = 0; i < 256; i++)
        add(f, i, 1);
    for (uint32_t i = 100; i < 356; i++) {
        if (i != 163 && i != 164 && i != 292)
            sctp_in_flight_set_acked(&f->flight, sctp_in_flight_record(&f->flight, i));
    }
    uint32_t tsn = 100;
    assert_true(sctp_in_flight_next_unacked(&f->flight, &tsn, 355));
    assert_int_equal(tsn++, 163);
    assert_true(sctp_in_flight_next_unacked(&f->flight, &tsn, 355));
    assert_int_equal(tsn++, 164);
    uint32_t before = tsn;
    assert_false(sctp_in_flight_next_unacked(&f->flight, &before, 291));
    assert_true(sctp_in_flight_next_unacked(&f->flight, &tsn, 292));
    assert_int_equal(tsn, 292);
    assert_int_equal(sctp_in_flight_renege(&f->flight), 253);
    assert_int_equal(f->flight.lost_count, 253);
    assert_int_equal(sctp_in_flight_first_lost(&f->flight)->tsn, 100);
    fixture_free(f);
}

/* A gap block reaches no further (RFC 9260 section 3.3.4). */
static void limits(void **state) {
    (void)state;
    struct fixture *f = fixture_new(7);
    for (uint32_t i = 0; i < SCTP_IN_FLIGHT_MAX; i++)
        add(f, i, 1);
    assert_int_equal(sctp_in_flight_reserve(&f->flight), SCTP_ERROR_CAPACITY);
    sctp_in_flight_remove_first(&f->flight);
    assert_int_equal(sctp_in_flight_reserve(&f->flight), SCTP_OK);
    fixture_free(f);
}

static void memory_refused(void **state) {
    (void)state;
    struct fixture *f = fixture_new(7);
    f->allowed = 1;
    for (uint32_t i = 0; i < 64; i++)
        add(f, i, 1);
    assert_int_equal(sctp_in_flight_reserve(&f->flight), SCTP_ERROR_MEMORY);
    assert_int_equal(f->flight.outstanding_count, 64);
    while (sctp_in_flight_count(&f->flight) > 0)
        sctp_in_flight_remove_first(&f->flight);
    f->allowed = 2;
    for (uint32_t i = 0; i < 65; i++)
        add(f, i, 1);
    while (sctp_in_flight_count(&f->flight) > 0)
        sctp_in_flight_remove_first(&f->flight);
    assert_int_equal(f->flight.capacity, 128);
    sctp_in_flight_trim(&f->flight);
    assert_int_equal(sctp_in_flight_memory_bytes(&f->flight), 0);
    fixture_free(f);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_follow_the_states), cmocka_unit_test(growth_keeps_all), cmocka_unit_test(nothing_is_left_behind), cmocka_unit_test(the_next_unacknowledged),
                                       cmocka_unit_test(limits), cmocka_unit_test(memory_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
