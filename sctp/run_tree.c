/* A balanced binary tree of runs (Adelson-Velsky and Landis): no order of arrivals that a peer can think of makes a lookup long. */
#include "sctp/run_internal.h"

#include <assert.h>

static bool precedes(uint64_t group, uint64_t first, const struct sctp_run *run) {
    return group < run->group || (group == run->group && first < run->first);
}

static bool is_at(uint64_t group, uint64_t first, const struct sctp_run *run) {
    return group == run->group && first == run->first;
}

static int height(const struct sctp_run *run) {
    return run ? run->height : 0;
}

static void measure(struct sctp_run *run) {
    int left = height(run->left), right = height(run->right);
    run->height = (int8_t)((left > right ? left : right) + 1);
}

static struct sctp_run *rotate_right(struct sctp_run *top) {
    struct sctp_run *left = top->left;
    top->left = left->right;
    left->right = top;
    measure(top);
    measure(left);
    return left;
}

static struct sctp_run *rotate_left(struct sctp_run *top) {
    struct sctp_run *right = top->right;
    top->right = right->left;
    right->left = top;
    measure(top);
    measure(right);
    return right;
}

/* The root of this subtree once its two sides differ by one at most; they differed by two at most. */
static struct sctp_run *balance(struct sctp_run *top) {
    int lean = height(top->left) - height(top->right);
    if (lean > 1) {
        if (height(top->left->left) < height(top->left->right))
            top->left = rotate_left(top->left);
        return rotate_right(top);
    }
    if (lean < -1) {
        if (height(top->right->right) < height(top->right->left))
            top->right = rotate_right(top->right);
        return rotate_left(top);
    }
    measure(top);
    return top;
}

/* Recursion ends at the height of the tree, which is below 30 for all the runs that a budget of 4 GB could hold. */
static struct sctp_run *insert(struct sctp_run *top, struct sctp_run *run) {
    if (!top)
        return run;
    assert(!is_at(run->group, run->first, top));
    if (precedes(run->group, run->first, top))
        top->left = insert(top->left, run);
    else
        top->right = insert(top->right, run);
    return balance(top);
}

void sctp_run_tree_insert(struct sctp_run **root, struct sctp_run *run) {
    run->left = run->right = NULL;
    run->height = 1;
    *root = insert(*root, run);
}

/* Cuts out the least; what remains is returned. */
static struct sctp_run *cut_least(struct sctp_run *top, struct sctp_run **least) {
    if (!top->left) {
        *least = top;
        return top->right;
    }
    top->left = cut_least(top->left, least);
    return balance(top);
}

static struct sctp_run *cut(struct sctp_run *top, const struct sctp_run *run) {
    assert(top);
    if (top != run) {
        if (precedes(run->group, run->first, top))
            top->left = cut(top->left, run);
        else
            top->right = cut(top->right, run);
        return balance(top);
    }
    if (!top->right)
        return top->left;
    struct sctp_run *heir;
    struct sctp_run *right = cut_least(top->right, &heir);
    heir->left = top->left;
    heir->right = right;
    return balance(heir);
}

void sctp_run_tree_remove(struct sctp_run **root, const struct sctp_run *run) {
    *root = cut(*root, run);
}

struct sctp_run *sctp_run_tree_floor(struct sctp_run *root, uint64_t group, uint64_t first) {
    struct sctp_run *found = NULL;
    while (root) {
        if (precedes(group, first, root)) {
            root = root->left;
        } else {
            found = root;
            root = root->right;
        }
    }
    return found;
}

struct sctp_run *sctp_run_tree_ceiling(struct sctp_run *root, uint64_t group, uint64_t first) {
    struct sctp_run *found = NULL;
    while (root) {
        if (precedes(group, first, root) || is_at(group, first, root)) {
            found = root;
            root = root->left;
        } else {
            root = root->right;
        }
    }
    return found;
}
