/* The memory of messages: budget, reuse, an allocator that says no. */
#include "test_sctp.h"

#include "sctp/block_pool_internal.h"

struct counting {
    size_t outstanding, allowed;
};

static void *allocate(void *context, size_t bytes) {
    struct counting *c = context;
    if (c->allowed == 0)
        return NULL;
    c->allowed--;
    c->outstanding++;
    return malloc(bytes);
}

static void release(void *context, void *memory) {
    ((struct counting *)context)->outstanding--;
    free(memory);
}

static struct sctp_block *last_of(struct sctp_block *block) {
    while (block->next)
        block = block->next;
    return block;
}

static void budget_is_a_limit(void **state) {
    (void)state;
    struct counting c = {.allowed = SIZE_MAX};
    struct sctp_allocator allocator = {allocate, release, &c};
    struct sctp_block_pool pool;
    struct sctp_block *first, *more;
    sctp_block_pool_begin(&pool, &allocator, 40 * SCTP_BLOCK_BYTES);
    assert_int_equal(sctp_block_pool_take(&pool, 39, &first), SCTP_OK);
    assert_int_equal(sctp_block_pool_take(&pool, 1, &more), SCTP_OK);
    struct sctp_block *refused;
    assert_int_equal(sctp_block_pool_take(&pool, 1, &refused), SCTP_ERROR_CAPACITY);
    sctp_block_pool_give(&pool, more, more, 1);
    assert_int_equal(sctp_block_pool_take(&pool, 2, &refused), SCTP_ERROR_CAPACITY);
    assert_int_equal(sctp_block_pool_take(&pool, 1, &more), SCTP_OK);
    sctp_block_pool_give(&pool, first, last_of(first), 39);
    sctp_block_pool_give(&pool, more, more, 1);
    sctp_block_pool_end(&pool);
    assert_int_equal(c.outstanding, 0);
}

/* docs/contract.md, promise 9: what has found its size allocates no more; what is idle gives back. */
static void slabs_are_kept_and_trimmed(void **state) {
    (void)state;
    struct counting c = {.allowed = SIZE_MAX};
    struct sctp_allocator allocator = {allocate, release, &c};
    struct sctp_block_pool pool;
    struct sctp_block *first;
    sctp_block_pool_begin(&pool, &allocator, 1000 * SCTP_BLOCK_BYTES);
    assert_int_equal(sctp_block_pool_take(&pool, 100, &first), SCTP_OK);
    size_t slabs = c.outstanding;
    assert_int_equal(slabs, (100 + SCTP_SLAB_BLOCKS - 1) / SCTP_SLAB_BLOCKS);
    sctp_block_pool_give(&pool, first, last_of(first), 100);
    c.allowed = 0;
    assert_int_equal(sctp_block_pool_take(&pool, 100, &first), SCTP_OK);
    sctp_block_pool_give(&pool, first, last_of(first), 100);
    sctp_block_pool_trim(&pool);
    assert_int_equal(c.outstanding, 1);
    assert_int_equal(sctp_block_pool_take(&pool, SCTP_SLAB_BLOCKS, &first), SCTP_OK);
    struct sctp_block *refused;
    assert_int_equal(sctp_block_pool_take(&pool, 1, &refused), SCTP_ERROR_MEMORY);
    size_t count = 0;
    for (struct sctp_block *block = first; block; block = block->next)
        count++;
    assert_int_equal(count, SCTP_SLAB_BLOCKS);
    sctp_block_pool_give(&pool, first, last_of(first), SCTP_SLAB_BLOCKS);
    sctp_block_pool_end(&pool);
    assert_int_equal(c.outstanding, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(budget_is_a_limit), cmocka_unit_test(slabs_are_kept_and_trimmed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
