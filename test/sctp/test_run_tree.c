/* The tree of runs against a sorted array, and its balance. */
#include "test_sctp.h"

#include "sctp/run_internal.h"

#define COUNT 2000

static struct sctp_run runs[COUNT];

static int check_height(const struct sctp_run *run) {
    if (!run)
        return 0;
    int left = check_height(run->left), right = check_height(run->right);
    assert_true(left - right <= 1 && right - left <= 1);
    assert_int_equal(run->height, (left > right ? left : right) + 1);
    return run->height;
}

static uint64_t rank_of(const struct sctp_run *run) {
    return run->group * 10 + run->first;
}

/* Every key between, below and above is asked for. */
static void check_lookups(struct sctp_run *root, const bool *is_in) {
    int below = -1;
    for (int i = 0; i < COUNT; i++) {
        if (is_in[i])
            below = i;
        const struct sctp_run *floor = sctp_run_tree_floor(root, runs[i].group, runs[i].first);
        assert_ptr_equal(floor, below < 0 ? NULL : &runs[below]);
    }
    int above = COUNT;
    for (int i = COUNT - 1; i >= 0; i--) {
        if (is_in[i])
            above = i;
        const struct sctp_run *ceiling = sctp_run_tree_ceiling(root, runs[i].group, runs[i].first);
        assert_ptr_equal(ceiling, above == COUNT ? NULL : &runs[above]);
    }
}

static void against_an_array(void **state) {
    (void)state;
    static bool is_in[COUNT];
    struct sctp_run *root = NULL;
    uint64_t random = 88172645463325252;
    for (unsigned i = 0; i < COUNT; i++) {
        runs[i] = (struct sctp_run){.group = i / 10, .first = i % 10};
        assert_int_equal(rank_of(&runs[i]), i);
    }
    for (unsigned step = 0; step < 60000; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        unsigned at = (unsigned)(random >> 32) % COUNT;
        if (is_in[at])
            sctp_run_tree_remove(&root, &runs[at]);
        else
            sctp_run_tree_insert(&root, &runs[at]);
        is_in[at] = !is_in[at];
        if (step % 3000 == 0) {
            (void)check_height(root);
            check_lookups(root, is_in);
        }
    }
    for (unsigned i = 0; i < COUNT; i++)
        if (is_in[i])
            sctp_run_tree_remove(&root, &runs[i]);
    assert_null(root);
}

/* Orders that would make a list of a plain tree */
static void stays_low(void **state) {
    (void)state;
    for (int order = 0; order < 3; order++) {
        struct sctp_run *root = NULL;
        for (unsigned i = 0; i < COUNT; i++) {
            unsigned at = order == 0 ? i : order == 1 ? COUNT - 1 - i : i % 2 ? i / 2 : COUNT - 1 - i / 2;
            runs[at] = (struct sctp_run){.first = at};
            sctp_run_tree_insert(&root, &runs[at]);
        }
        assert_true(check_height(root) <= 15); /* 1.44 log2 of 2,000 */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(against_an_array), cmocka_unit_test(stays_low)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
