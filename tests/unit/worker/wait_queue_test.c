/* The queue against a plain array that is searched: random pushes, pops and removals must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "worker/wait_queue.h"

#define N 300

static void test_order(void **state)
{
    (void)state;
    struct wait_queue q = { 0 };
    static int job[4];
    assert_null(wait_queue_first(&q));
    assert_null(wait_queue_pop(&q));
    const uint64_t deadlines[] = { 30, 10, 20, 10 };
    for (size_t i = 0; i < 4; i++)
        wait_queue_push(&q, &(struct wait_entry){ .deadline_us = deadlines[i], .handle = i + 1, .job = &job[i] });
    assert_ptr_equal(wait_queue_pop(&q), &job[1]); /* of two alike the one that came first */
    assert_ptr_equal(wait_queue_pop(&q), &job[3]);
    assert_null(wait_queue_remove(&q, 2));
    assert_ptr_equal(wait_queue_remove(&q, 3), &job[2]);
    assert_ptr_equal(wait_queue_pop(&q), &job[0]);
    assert_null(wait_queue_pop(&q));
    wait_queue_free(&q);
}

struct model {
    uint64_t deadline_us[N + 1]; /* by handle */
    bool there[N + 1];
};

static uint64_t model_first(const struct model *m)
{
    uint64_t best = 0;
    for (uint64_t h = 1; h <= N; h++) {
        if (m->there[h] && (best == 0 || m->deadline_us[h] < m->deadline_us[best]))
            best = h;
    }
    return best;
}

static void run_random(unsigned seed)
{
    static struct model m;
    m = (struct model){ 0 };
    struct wait_queue q = { 0 };
    srandom(seed);
    uint64_t handle = 0;
    while (handle < N || q.n > 0) {
        long what = random() % 4;
        if (what < 2 && handle < N) {
            m.deadline_us[++handle] = (uint64_t)random() % 50;
            m.there[handle] = true;
            wait_queue_push(&q, &(struct wait_entry){ .deadline_us = m.deadline_us[handle],
                                                      .handle = handle,
                                                      .job = &m.deadline_us[handle] });
        } else if (what == 2) {
            uint64_t first = model_first(&m);
            uint64_t *job = wait_queue_pop(&q);
            assert_ptr_equal(job, first ? &m.deadline_us[first] : NULL);
            m.there[first] = false;
        } else if (handle > 0) {
            uint64_t h = 1 + (uint64_t)random() % handle;
            assert_ptr_equal(wait_queue_remove(&q, h), m.there[h] ? &m.deadline_us[h] : NULL);
            m.there[h] = false;
        }
    }
    wait_queue_free(&q);
}

static void test_random(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 200; seed++)
        run_random(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_order), cmocka_unit_test(test_random) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
