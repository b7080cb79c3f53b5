#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "util/clock.h"

static uint64_t fake_mono_us(void)
{
    return 1234567;
}

static uint64_t fake_wall_us(void)
{
    return 1721388963999999;
}

static int restore(void **state)
{
    (void)state;
    clock_set_source(NULL);
    return 0;
}

static void system_clocks(void **state)
{
    (void)state;
    struct timespec before, after;
    (void)clock_gettime(CLOCK_MONOTONIC, &before);
    uint64_t us = clock_mono_us(), ms = clock_mono_ms();
    (void)clock_gettime(CLOCK_MONOTONIC, &after);
    assert_in_range(us, (uint64_t)before.tv_sec * 1000000 + (uint64_t)before.tv_nsec / 1000,
                    (uint64_t)after.tv_sec * 1000000 + (uint64_t)after.tv_nsec / 1000);
    assert_in_range(ms, us / 1000, (uint64_t)after.tv_sec * 1000 + (uint64_t)after.tv_nsec / 1000000);
    time_t wall_before = time(NULL);
    uint64_t s = clock_wall_s(), wall_ms = clock_wall_ms();
    assert_in_range(s, (uint64_t)wall_before, (uint64_t)time(NULL) + 1);
    assert_in_range(wall_ms / 1000, s, s + 10);
}

static void replaced(void **state)
{
    (void)state;
    static const struct clock_source fake = { fake_mono_us, fake_wall_us };
    clock_set_source(&fake);
    assert_int_equal(clock_mono_us(), 1234567);
    assert_int_equal(clock_mono_ms(), 1234);
    assert_int_equal(clock_wall_ms(), 1721388963999);
    assert_int_equal(clock_wall_s(), 1721388963);
    clock_set_source(NULL);
    assert_int_not_equal(clock_wall_s(), 1721388963);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clocks),
        cmocka_unit_test_teardown(replaced, restore),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
