/* A program's life: back-off, giving up, stopping. Time is given, so nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "service.h"

#define EXITED(status) ((status) << 8)
#define KILLED(signal) (signal)

static const struct table_program kept = { .name = "k", .keep = true }, once = { .name = "o" };

static void test_backs_off(void **state)
{
    (void)state;
    static const uint64_t expected[] = { 250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
    struct service s = { .program = &kept };
    uint64_t now = 1000;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        service_started(&s, 7, now);
        assert_int_equal(s.state, SERVICE_RUNNING);
        assert_true(service_ended(&s, EXITED(0), now += 10)); /* also an end in order: it is to be kept */
        assert_int_equal(s.state, SERVICE_WAITING);
        assert_int_equal(s.due_ms - now, expected[i]);
        assert_int_equal(s.pid, 0);
    }
}

static void test_steady_program_starts_over(void **state)
{
    (void)state;
    struct service s = { .program = &kept, .failures = SERVICE_FAILURES_MAX };
    service_started(&s, 7, 0);
    assert_true(service_ended(&s, KILLED(9), SERVICE_STEADY_MS));
    assert_int_equal(s.due_ms, SERVICE_STEADY_MS + SERVICE_BACKOFF_MS);
}

static void test_gives_up(void **state)
{
    (void)state;
    struct service s = { .program = &kept };
    for (int i = 0; i < SERVICE_FAILURES_MAX; i++) {
        service_started(&s, 7, 0);
        assert_true(service_ended(&s, KILLED(11), 1));
    }
    service_started(&s, 7, 0);
    assert_false(service_ended(&s, KILLED(11), 1));
    assert_int_equal(s.state, SERVICE_ENDED);
}

static void test_once(void **state)
{
    (void)state;
    static const struct {
        int status;
        bool well;
    } rows[] = { { EXITED(0), true }, { EXITED(1), false }, { KILLED(9), false } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct service s = { .program = &once };
        service_started(&s, 7, 0);
        assert_int_equal(service_ended(&s, rows[i].status, 5), rows[i].well);
        assert_int_equal(s.state, SERVICE_ENDED);
    }
}

static void test_stops_from_every_state(void **state)
{
    (void)state;
    struct service s = { .program = &kept };
    assert_true(service_step(&s, SERVICE_STOP));
    assert_int_equal(s.state, SERVICE_ENDED);
    assert_false(service_step(&s, SERVICE_STARTED)); /* never again */
    s = (struct service){ .program = &kept };
    service_started(&s, 7, 0);
    assert_true(service_ended(&s, EXITED(1), 1) && service_step(&s, SERVICE_STOP));
    assert_int_equal(s.state, SERVICE_ENDED);
    s = (struct service){ .program = &kept };
    service_started(&s, 7, 0);
    assert_true(service_step(&s, SERVICE_STOP));
    assert_int_equal(s.state, SERVICE_STOPPING);
    assert_true(service_ended(&s, KILLED(9), 1)); /* however it goes, it was asked to */
    assert_int_equal(s.state, SERVICE_ENDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backs_off),
        cmocka_unit_test(test_steady_program_starts_over),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_stops_from_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
