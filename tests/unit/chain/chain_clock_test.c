/* Chain time: in step, ahead, and unmoved by steps of the wall clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chain/chain_clock.h"

static void shows_the_wall_clock_before_a_head(void **state)
{
    (void)state;
    struct chain_clock c = { 0 };
    assert_int_equal(chain_clock_now_ms(&c, 5, 123456), 123456);
}

static void a_head_of_some_seconds_ago_is_in_step(void **state)
{
    (void)state;
    struct chain_clock c = { 0 };
    chain_clock_on_head(&c, 1000, 50, 1002500);
    assert_int_equal(c.skew_ms, 0);
    assert_int_equal(chain_clock_now_ms(&c, 150, 1002600), 1002600);
}

static void a_chain_ahead_or_far_behind_counts(void **state)
{
    (void)state;
    struct chain_clock c = { 0 };
    chain_clock_on_head(&c, 1030, 50, 1000000);
    assert_int_equal(c.skew_ms, 30000);
    assert_int_equal(chain_clock_now_ms(&c, 1050, 1001000), 1031000);
    chain_clock_on_head(&c, 1000, 2000, 1000000 + 3600000);
    assert_int_equal(c.skew_ms, -3600000);
    assert_int_equal(chain_clock_now_ms(&c, 2500, 0), 1000500);
}

static void a_step_of_the_wall_clock_does_not_move_it(void **state)
{
    (void)state;
    struct chain_clock c = { 0 };
    chain_clock_on_head(&c, 1000, 50, 1000000);
    assert_int_equal(chain_clock_now_ms(&c, 60, 1000010 + 3600000), 1000010);
    assert_int_equal(chain_clock_now_ms(&c, 60, 0), 1000010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_the_wall_clock_before_a_head),
        cmocka_unit_test(a_head_of_some_seconds_ago_is_in_step),
        cmocka_unit_test(a_chain_ahead_or_far_behind_counts),
        cmocka_unit_test(a_step_of_the_wall_clock_does_not_move_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
