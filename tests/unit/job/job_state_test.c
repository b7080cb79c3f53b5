/* The life of a job: the paths that must exist, and random walks that end in exactly one final state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "job/job_state.h"

static enum job_state walk(const enum job_event *events, size_t n)
{
    enum job_state s = JOB_SEEN;
    for (size_t i = 0; i < n; i++)
        s = job_next(s, events[i]);
    return s;
}

#define WALK(...)                                                                                                      \
    walk((const enum job_event[]){ __VA_ARGS__ }, sizeof((enum job_event[]){ __VA_ARGS__ }) / sizeof(enum job_event))

static void paths(void **state)
{
    (void)state;
    assert_int_equal(WALK(JOB_EV_RUN, JOB_EV_VERDICT, JOB_EV_SENT, JOB_EV_INCLUDED), JOB_CONFIRMED);
    assert_int_equal(WALK(JOB_EV_NEED_CODE, JOB_EV_RUN, JOB_EV_VERDICT, JOB_EV_SENT, JOB_EV_SENT, JOB_EV_INCLUDED),
                     JOB_CONFIRMED);
    assert_int_equal(WALK(JOB_EV_NEED_CODE, JOB_EV_VERDICT, JOB_EV_SENT, JOB_EV_REFUSED), JOB_DROPPED);
    assert_int_equal(WALK(JOB_EV_NEED_CODE, JOB_EV_LATE), JOB_EXPIRED);
    assert_int_equal(WALK(JOB_EV_RUN, JOB_EV_REMOVED), JOB_DROPPED);
    assert_int_equal(WALK(JOB_EV_LATE), JOB_EXPIRED);
}

static void a_run_never_ends_without_a_verdict(void **state)
{
    (void)state;
    assert_int_equal(job_next(JOB_RUNNING, JOB_EV_LATE), JOB_INVALID);
    assert_int_equal(job_next(JOB_RUNNING, JOB_EV_INCLUDED), JOB_INVALID);
    assert_int_equal(job_next(JOB_SEEN, JOB_EV_SENT), JOB_INVALID);
}

static void final_states_are_final(void **state)
{
    (void)state;
    for (int s = JOB_SEEN; s < JOB_STATE_COUNT; s++)
        for (int ev = 0; ev < JOB_EVENT_COUNT; ev++)
            if (job_state_is_final((enum job_state)s))
                assert_int_equal(job_next((enum job_state)s, (enum job_event)ev), JOB_INVALID);
}

static void random_walks_end(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int n = 0; n < 300000; n++) {
        enum job_state s = JOB_SEEN;
        int steps = 0, verdicts = 0;
        while (!job_state_is_final(s) && steps++ < 10000) {
            enum job_event ev = (enum job_event)(rand_r(&seed) % JOB_EVENT_COUNT);
            enum job_state to = job_next(s, ev);
            if (to == JOB_INVALID)
                continue;
            verdicts += ev == JOB_EV_VERDICT;
            s = to;
        }
        assert_true(job_state_is_final(s));
        assert_true(verdicts <= 1);
        assert_true(s != JOB_CONFIRMED || verdicts == 1);
    }
}

/* What the ledger would hold of a job whose node is killed now and then. */
struct written {
    bool answered, sent;
};

static enum job_state live_on(struct written *w, enum job_state s, enum job_event ev)
{
    enum job_state to = job_next(s, ev);
    if (to == JOB_INVALID)
        return s;
    assert_false(ev == JOB_EV_VERDICT && w->sent); /* no second answer beside one that may be on the chain */
    w->answered = w->answered || ev == JOB_EV_VERDICT;
    w->sent = w->sent || ev == JOB_EV_SENT;
    return to;
}

/* Killed at any point, with the record of the verdict written or not: one final state, and never another answer than
 * one that was sent. */
static void lives_end_in_one_final_state(void **state)
{
    (void)state;
    unsigned seed = 2;
    for (int n = 0; n < 300000; n++) {
        struct written w = { 0 };
        enum job_state s = JOB_SEEN;
        for (int steps = 0; !job_state_is_final(s); steps++) {
            assert_true(steps < 10000);
            if (rand_r(&seed) % 4 == 0)
                s = job_state_resumed(w.sent, steps > 50, w.answered && rand_r(&seed) % 2);
            else
                s = live_on(&w, s, (enum job_event)(rand_r(&seed) % JOB_EVENT_COUNT));
        }
        assert_true(s != JOB_CONFIRMED || (w.answered && w.sent));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(a_run_never_ends_without_a_verdict),
        cmocka_unit_test(final_states_are_final),
        cmocka_unit_test(random_walks_end),
        cmocka_unit_test(lives_end_in_one_final_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
