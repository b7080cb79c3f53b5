/* Addresses of hosts: looked up once, kept, refreshed; waits end in every way. Only names that need no name server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_names.h"
#include "net/loop.h"

#define WAIT_MS 10000

/* A label over 63 characters. */
static const char no_such_host[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

struct fixture {
    uv_loop_t loop;
    struct http_names *names;
};

struct result {
    int done;
    bool failed, timed_out;
    struct fixture *free_names;
};

static void on_named(void *arg, const char *error, bool timed_out)
{
    struct result *r = arg;
    r->done++;
    r->failed = error;
    r->timed_out = timed_out;
    if (r->free_names) {
        http_names_free(r->free_names->names);
        r->free_names->names = NULL;
    }
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    (void)uv_loop_init(&f->loop);
    f->names = http_names_new(&f->loop);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_names_free(f->names);
    bool empty = loop_finish(&f->loop);
    free(f);
    return empty ? 0 : -1;
}

static void known_after_a_wait(void **state)
{
    struct fixture *f = *state;
    struct result a = { 0 }, b = { 0 }, cancelled = { 0 };
    struct err e = { 0 };
    struct buf entry = { 0 };
    assert_false(http_names_get(f->names, &entry, "localhost", 8545));
    assert_non_null(http_names_wait(f->names, "localhost", 5000, on_named, &a, &e));
    assert_non_null(http_names_wait(f->names, "localhost", 0, on_named, &b, &e));
    http_names_cancel(http_names_wait(f->names, "localhost", 0, on_named, &cancelled, &e));
    assert_int_equal(a.done, 0);
    assert_true(loop_until(&f->loop, &a.done, WAIT_MS) && loop_until(&f->loop, &b.done, WAIT_MS));
    assert_false(a.failed || b.failed);
    for (int i = 0; i < 3; i++) { /* doubted: given all the same, and looked up again */
        assert_true(http_names_get(f->names, &entry, "localhost", 8545));
        assert_ptr_equal(strstr((char *)entry.data, "localhost:8545:"), entry.data);
        assert_true(strstr((char *)entry.data, "127.0.0.1") || strstr((char *)entry.data, "[::1]"));
        http_names_doubt(f->names, "localhost");
        loop_for(&f->loop, 20);
    }
    assert_int_equal(cancelled.done, 0);
    buf_free(&entry);
}

static void lookups_that_fail(void **state)
{
    struct fixture *f = *state;
    struct result r = { 0 };
    struct err e = { 0 };
    struct buf entry = { 0 };
    assert_non_null(http_names_wait(f->names, no_such_host, 0, on_named, &r, &e));
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_true(r.failed && !r.timed_out);
    assert_false(http_names_get(f->names, &entry, no_such_host, 80));
    char too_long[400];
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_null(http_names_wait(f->names, too_long, 0, on_named, &r, &e));
    assert_true(e.code < 0);
}

static void block(uv_work_t *work)
{
    (void)work;
    uv_sleep(600);
}

static void on_unblocked(uv_work_t *work, int status)
{
    (void)status;
    ++*(int *)work->data;
}

/* The thread pool is busy, as with a name server that does not answer. */
static void too_slow(void **state)
{
    struct fixture *f = *state;
    struct result slow = { 0 }, patient = { 0 };
    struct err e = { 0 };
    int unblocked = 0;
    uv_work_t work[4];
    for (int i = 0; i < 4; i++) {
        work[i].data = &unblocked;
        (void)uv_queue_work(&f->loop, &work[i], block, on_unblocked);
    }
    assert_non_null(http_names_wait(f->names, "localhost", 100, on_named, &slow, &e));
    assert_non_null(http_names_wait(f->names, "localhost", 9000, on_named, &patient, &e));
    assert_true(loop_until(&f->loop, &slow.done, WAIT_MS));
    assert_true(slow.failed && slow.timed_out);
    assert_int_equal(patient.done, 0);
    assert_true(loop_until(&f->loop, &patient.done, WAIT_MS));
    assert_false(patient.failed);
    while (unblocked < 4)
        (void)uv_run(&f->loop, UV_RUN_ONCE);
}

static void freed_inside_a_callback(void **state)
{
    struct fixture *f = *state;
    struct result r = { .free_names = f }, other = { 0 };
    struct err e = { 0 };
    assert_non_null(http_names_wait(f->names, "localhost", 0, on_named, &r, &e));
    assert_non_null(http_names_wait(f->names, "localhost", 0, on_named, &other, &e));
    assert_true(loop_until(&f->loop, &r.done, WAIT_MS));
    assert_int_equal(other.done, 0);
}

static void numeric(void **state)
{
    (void)state;
    assert_true(http_name_is_numeric("127.0.0.1") && http_name_is_numeric("::1"));
    assert_false(http_name_is_numeric("localhost") || http_name_is_numeric("1.2.3") || http_name_is_numeric(""));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(known_after_a_wait), TEST(lookups_that_fail), TEST(too_slow), TEST(freed_inside_a_callback), TEST(numeric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
