/* Which bucket an observation falls into, and what adding up gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/histogram.h"

static void bounds_grow(void **state)
{
    (void)state;
    assert_int_equal(histogram_bound_us(0), 500);
    for (size_t i = 1; i < HISTOGRAM_BOUNDS; i++)
        assert_true(histogram_bound_us(i) > histogram_bound_us(i - 1));
    assert_int_equal(histogram_bound_us(HISTOGRAM_BOUNDS - 1), 60000000);
}

static void a_bound_belongs_to_its_bucket(void **state)
{
    (void)state;
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        struct histogram h = { 0 };
        histogram_add(&h, histogram_bound_us(i));
        histogram_add(&h, histogram_bound_us(i) + 1);
        assert_int_equal(h.in_bucket[i], 1);
        assert_int_equal(h.in_bucket[i + 1], 1);
        assert_int_equal(histogram_count(&h), 2);
        assert_int_equal(h.sum_us, 2 * histogram_bound_us(i) + 1);
    }
}

static void ends(void **state)
{
    (void)state;
    struct histogram h = { 0 };
    histogram_add(&h, 0);
    histogram_add(&h, UINT64_C(1) << 50);
    assert_int_equal(h.in_bucket[0], 1);
    assert_int_equal(h.in_bucket[HISTOGRAM_BOUNDS], 1);
}

static void merging(void **state)
{
    (void)state;
    struct histogram a = { 0 }, b = { 0 };
    histogram_add(&a, 700);
    histogram_add(&b, 800);
    histogram_add(&b, 70000000);
    histogram_merge(&a, &b);
    assert_int_equal(a.in_bucket[1], 2);
    assert_int_equal(a.in_bucket[HISTOGRAM_BOUNDS], 1);
    assert_int_equal(histogram_count(&a), 3);
    assert_int_equal(a.sum_us, 70001500);
    assert_int_equal(histogram_count(&b), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_grow),
        cmocka_unit_test(a_bound_belongs_to_its_bucket),
        cmocka_unit_test(ends),
        cmocka_unit_test(merging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
