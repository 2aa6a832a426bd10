/* Cells: what was reserved can be taken, what was given back is taken again, and all of it returns. */
#include "test_sctp.h"

#include "inbound_bench.h"
#include "sctp/cell_pool_internal.h"

static struct counting memory;
static struct sctp_cell_pool pool;

static void begin(void) {
    counting_begin(&memory);
    pool = (struct sctp_cell_pool){.allocator = memory.allocator};
}

/* Cells do not overlap, and are aligned for pointers */
static void takes(void **state) {
    (void)state;
    static struct sctp_cell *cells[100];
    begin();
    assert_true(sctp_cell_pool_reserve(&pool, 100));
    size_t calls = memory.calls;
    for (size_t i = 0; i < 100; i++) {
        cells[i] = sctp_cell_pool_take(&pool);
        assert_null(cells[i]->next);
        assert_int_equal((uintptr_t)cells[i] % sizeof(void *), 0);
        memset(cells[i], (int)i, SCTP_CELL_BYTES);
    }
    assert_int_equal(memory.calls, calls);
    assert_int_equal(pool.used_count, 100);
    for (size_t i = 0; i < 100; i++)
        for (size_t at = 0; at < SCTP_CELL_BYTES; at++)
            assert_int_equal(((uint8_t *)cells[i])[at], (uint8_t)i);
    sctp_cell_pool_release(&pool);
    assert_int_equal(memory.blocks, 0);
}

/* A chain goes back as one, and serves again without the allocator */
static void gives(void **state) {
    (void)state;
    begin();
    for (int round = 0; round < 50; round++) {
        struct sctp_cell *first = NULL, *last = NULL;
        assert_true(sctp_cell_pool_reserve(&pool, 40));
        for (int i = 0; i < 40; i++) {
            struct sctp_cell *cell = sctp_cell_pool_take(&pool);
            cell->next = first;
            first = cell;
            last = last ? last : cell;
        }
        sctp_cell_pool_give(&pool, first, last, 40);
        assert_int_equal(pool.used_count, 0);
    }
    assert_int_equal(memory.calls, 2); /* 31 to a slab */
    sctp_cell_pool_release(&pool);
    assert_int_equal(memory.blocks, 0);
}

/* A reserve that fails leaves what there was */
static void failure(void **state) {
    (void)state;
    begin();
    memory.fails_after = 1;
    assert_false(sctp_cell_pool_reserve(&pool, 40));
    assert_true(sctp_cell_pool_reserve(&pool, 31));
    assert_false(sctp_cell_pool_reserve(&pool, 32));
    for (int i = 0; i < 31; i++)
        (void)sctp_cell_pool_take(&pool);
    assert_false(sctp_cell_pool_reserve(&pool, 1));
    assert_true(sctp_cell_pool_reserve(&pool, 0));
    sctp_cell_pool_release(&pool);
    assert_int_equal(memory.blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(takes), cmocka_unit_test(gives), cmocka_unit_test(failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
