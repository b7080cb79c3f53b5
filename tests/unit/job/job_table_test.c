/* The table of open jobs against a plain array: random operations, the same answers, the order of time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "job/job_table.h"

#define IDS 600
#define STEPS 300000

struct model {
    bool there;
    uint64_t due_ms;
    unsigned answers;
};

static struct u256 id_of(unsigned i)
{
    /* some differ in the high limbs only: a hash of the low limb alone would put them in one bucket */
    return i % 3 ? u256_from_u64(i) : (struct u256){ .limb = { 7, 0, i + 1, 0 } };
}

static void check_first(const struct job_table *t, const struct model *m)
{
    uint64_t least = UINT64_MAX, due;
    struct u256 id;
    size_t count = 0;
    for (unsigned i = 0; i < IDS; i++)
        if (m[i].there) {
            count++;
            least = m[i].due_ms < least ? m[i].due_ms : least;
        }
    assert_int_equal(job_table_count(t), count);
    assert_int_equal(job_table_first(t, &id, &due), count > 0);
    if (count > 0) {
        assert_int_equal(due, least);
        assert_true(job_table_has(t, id));
    }
}

static void step(struct job_table *t, struct model *m, unsigned i, unsigned op, uint64_t due)
{
    struct u256 id = id_of(i);
    switch (op) {
    case 0:
    case 1:
        assert_int_equal(job_table_add(t, id, due), !m[i].there);
        if (!m[i].there)
            m[i] = (struct model){ .there = true, .due_ms = due };
        break;
    case 2:
        assert_int_equal(job_table_remove(t, id), m[i].there);
        m[i].there = false;
        break;
    case 3:
        assert_int_equal(job_table_answered(t, id), m[i].there ? m[i].answers + 1 : 0);
        m[i].answers++;
        break;
    default:
        assert_int_equal(job_table_unanswered(t, id), m[i].there);
        m[i].answers -= m[i].answers > 0;
        break;
    }
    if (m[i].answers > 200)
        m[i].answers = 200, job_table_remove(t, id), m[i].there = false;
}

static void random_operations(void **state)
{
    (void)state;
    struct job_table *t = job_table_new();
    static struct model m[IDS];
    unsigned seed = 4711;
    for (unsigned n = 0; n < STEPS; n++) {
        /* phases that grow and phases that shrink, so that storage is resized both ways */
        unsigned op = (unsigned)rand_r(&seed) % ((n / 20000) % 2 ? 5 : 4);
        if ((n / 20000) % 2 && op < 2)
            op = 2;
        step(t, m, (unsigned)rand_r(&seed) % IDS, op, (uint64_t)rand_r(&seed) % 100000);
        if (n % 100 == 0)
            check_first(t, m);
    }
    job_table_free(t);
}

static void drained_in_order_of_time(void **state)
{
    (void)state;
    struct job_table *t = job_table_new();
    unsigned seed = 99;
    for (unsigned i = 0; i < 5000; i++)
        assert_true(job_table_add(t, u256_from_u64(i), (uint64_t)rand_r(&seed)));
    uint64_t last = 0, due;
    struct u256 id;
    unsigned n = 0;
    for (; job_table_first(t, &id, &due); n++) {
        assert_true(due >= last);
        last = due;
        assert_true(job_table_remove(t, id));
    }
    assert_int_equal(n, 5000);
    job_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations),
        cmocka_unit_test(drained_in_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
