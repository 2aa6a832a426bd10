/* Which TSNs have arrived: against an array of bools. */
#include "test_sctp.h"

#include "inbound_bench.h"
#include "sctp/tsn_map_internal.h"

static struct counting memory;

static void begin(struct sctp_tsn_map *map, uint32_t initial_tsn) {
    counting_begin(&memory);
    sctp_tsn_map_begin(map, initial_tsn);
}

static void add(struct sctp_tsn_map *map, uint64_t tsn) {
    assert_true(sctp_tsn_map_reserve(map, &memory.allocator, tsn));
    sctp_tsn_map_add(map, tsn);
}

static void end(struct sctp_tsn_map *map) {
    sctp_tsn_map_release(map, &memory.allocator);
    assert_int_equal(memory.blocks, 0);
}

/* RFC 9260 section 1.6: around the wrap, in both directions */
static void unwraps(void **state) {
    (void)state;
    struct sctp_tsn_map map;
    begin(&map, 0);
    assert_int_equal((uint32_t)map.cumulative, UINT32_MAX);
    assert_int_equal(sctp_tsn_map_unwrap(&map, 0), map.cumulative + 1);
    assert_int_equal(sctp_tsn_map_unwrap(&map, UINT32_MAX), map.cumulative);
    assert_int_equal(sctp_tsn_map_unwrap(&map, 0x7FFFFFFE), map.cumulative + 0x7FFFFFFF);
    assert_int_equal(sctp_tsn_map_unwrap(&map, 0x7FFFFFFF), map.cumulative - 0x80000000u);
    assert_int_equal(sctp_tsn_map_unwrap(&map, 0x80000000), map.cumulative - 0x7FFFFFFF);
    end(&map);
}

/* In order, nothing is allocated */
static void in_order(void **state) {
    (void)state;
    struct sctp_tsn_map map;
    begin(&map, 5);
    for (uint64_t i = 1; i <= 100000; i++)
        add(&map, map.cumulative + 1);
    assert_int_equal((uint32_t)map.cumulative, 5 - 1 + 100000);
    assert_int_equal(memory.calls, 0);
    end(&map);
}

static void check_gaps(const struct sctp_tsn_map *map, const bool *has, uint64_t base, size_t count) {
    static struct sctp_gap gaps[SCTP_TSN_AHEAD_MAX];
    size_t gap_count = sctp_tsn_map_gaps(map, gaps, SCTP_TSN_AHEAD_MAX), at = 0;
    bool before = false;
    for (uint64_t i = map->cumulative + 1 - base; i < count; i++) {
        uint64_t offset = base + i - map->cumulative;
        assert_int_equal(sctp_tsn_map_has(map, base + i), has[i]);
        if (has[i] && !before) {
            assert_true(at < gap_count);
            assert_int_equal(gaps[at].start, offset);
        }
        if (!has[i] && before)
            assert_int_equal(gaps[at++].end, offset - 1);
        before = has[i];
    }
    if (before)
        assert_int_equal(gaps[at++].end, base + count - 1 - map->cumulative);
    assert_int_equal(at, gap_count);
}

/* Random arrivals over growing distances, with the ring wrapping many times; a jump now and then */
static void against_an_array(void **state) {
    (void)state;
    static bool has[300000];
    for (unsigned seed = 1; seed <= 6; seed++) {
        struct sctp_tsn_map map;
        memset(has, 0, sizeof has);
        begin(&map, 0u - 100000u);
        uint64_t base = map.cumulative + 1, random = seed * UINT64_C(0x9E3779B97F4A7C15);
        for (unsigned step = 0; step < 40000; step++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            static const unsigned spans[] = {3, 60, 1000, 1100, 5000, SCTP_TSN_AHEAD_MAX};
            uint64_t tsn = map.cumulative + 1 + (random >> 20) % spans[(step / 4000 + seed) % 6];
            if (tsn - base >= 300000)
                break;
            if (step % 997 == 0) {
                sctp_tsn_map_forward(&map, tsn);
                for (uint64_t i = 0; i <= tsn - base; i++)
                    has[i] = true;
            } else if (!sctp_tsn_map_has(&map, tsn)) {
                add(&map, tsn);
                has[tsn - base] = true;
            }
            if (step % 500 == 0)
                check_gaps(&map, has, base, (size_t)(map.highest + 1 - base));
        }
        assert_true(map.bits <= 65536);
        end(&map);
    }
}

/* A jump over everything that is known, and far beyond */
static void jumps(void **state) {
    (void)state;
    struct sctp_tsn_map map;
    begin(&map, 1);
    uint64_t start = map.cumulative;
    add(&map, start + 3);
    add(&map, start + 1000);
    sctp_tsn_map_forward(&map, start + 2);
    assert_int_equal(map.cumulative, start + 3); /* and on over what was there */
    sctp_tsn_map_forward(&map, start + 0x70000000);
    assert_int_equal(map.cumulative, start + 0x70000000);
    assert_false(sctp_tsn_map_has_gap(&map));
    add(&map, map.cumulative + 2);
    struct sctp_gap gap;
    assert_int_equal(sctp_tsn_map_gaps(&map, &gap, 1), 1);
    assert_int_equal(gap.start, 2);
    assert_int_equal(gap.end, 2);
    end(&map);
}

/* Gap blocks as many as asked for, the lowest first */
static void capacity(void **state) {
    (void)state;
    struct sctp_tsn_map map;
    struct sctp_gap gaps[3];
    begin(&map, 1);
    uint64_t start = map.cumulative;
    for (uint64_t i = 2; i < 12; i += 2)
        add(&map, start + i);
    assert_int_equal(sctp_tsn_map_gaps(&map, gaps, 0), 0);
    assert_int_equal(sctp_tsn_map_gaps(&map, gaps, 3), 3);
    assert_int_equal(gaps[2].start, 6);
    end(&map);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unwraps), cmocka_unit_test(in_order), cmocka_unit_test(against_an_array), cmocka_unit_test(jumps), cmocka_unit_test(capacity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
