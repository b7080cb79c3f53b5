/* The pool on real parts: real workerd, real cgroups, the whole sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "../../support/pool_driver.h"

static struct driver shared; /* most tests use one pool */
static struct driver own;    /* some need one of their own kind */
static struct driver *d = &shared;

static void open_own(const struct pool_config *config)
{
    struct err e = { 0 };
    if (!driver_open(&own, config, &e))
        fail_msg("pool_new: %s", e.msg);
    d = &own;
}

static void close_own(void)
{
    assert_true(driver_close(&own));
    d = &shared;
}

static void assert_end(const struct outcome *o, enum worker_end end)
{
    if (o->calls != 1 || o->result.end != end)
        fail_msg("ended %u times, with %d (%s), not %d", o->calls, (int)o->result.end, o->reason, (int)end);
}

static int group_setup(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    struct err e = { 0 };
    if (driver_open(&shared, &c, &e))
        return 0;
    print_error("pool_new: %s\n", e.msg);
    return -1;
}

static int group_teardown(void **state)
{
    (void)state;
    return driver_close(&shared) ? 0 : -1;
}

/* ---- endings ---- */

struct ending {
    const char *name, *code, *inputs;
    uint64_t deadline_ms;
    enum worker_end end;
    int http_status;
    const char *output; /* NULL = not compared */
    const char *reason; /* a part of it; NULL = not compared */
};

static const struct ending endings[] = {
    { "echo", "export default { async fetch(r) { return new Response(await r.text()); } }", "input", 5000,
      WORKER_ANSWERED, 200, "input", NULL },
    { "status of its own", "export default { fetch() { return new Response('no', { status: 404 }); } }", "", 5000,
      WORKER_ANSWERED, 404, "no", NULL },
    { "redirect is not followed", "export default { fetch() { return Response.redirect('http://x.test/'); } }", "",
      5000, WORKER_ANSWERED, 302, "", NULL },
    { "no body", "export default { fetch() { return new Response(null, { status: 204 }); } }", "", 5000,
      WORKER_ANSWERED, 204, "", NULL },
    { "handler throws", "export default { fetch() { throw new Error('bad'); } }", "", 5000, WORKER_ANSWERED, 500,
      "Internal Server Error", NULL },
    { "syntax error", "export default {", "", 5000, WORKER_BAD_CODE, 0, "", "SyntaxError" },
    { "throws at top level", "throw new Error('boom')", "", 5000, WORKER_BAD_CODE, 0, "", "boom" },
    { "empty", "", "", 5000, WORKER_BAD_CODE, 0, "", NULL },
    { "no default export", "export const a = 1;", "", 5000, WORKER_BAD_CODE, 0, "", NULL },
    { "unknown import", "import x from 'nope'; export default {};", "", 5000, WORKER_BAD_CODE, 0, "", "nope" },
    { "loops at top level", "while (true) {}", "", 700, WORKER_DEADLINE, 0, "", NULL },
    { "loops in the handler", "export default { fetch() { for (;;) {} } }", "", 700, WORKER_DEADLINE, 0, "", NULL },
    { "sleeps", "export default { fetch() { return new Promise(f => setTimeout(f, 60000)); } }", "", 500,
      WORKER_DEADLINE, 0, "", NULL },
    { "trickles",
      "export default { fetch() { let c; const s = new ReadableStream({ start(x) { c = x; }, async pull() {"
      " c.enqueue(new Uint8Array(1)); await new Promise(f => setTimeout(f, 50)); } });"
      " return new Response(s); } }",
      "", 700, WORKER_DEADLINE, 200, "", NULL },
    { "one byte too long", "export default { fetch() { return new Response('x'.repeat(90001)); } }", "", 5000,
      WORKER_OUTPUT_TOO_LARGE, 200, "", NULL },
    { "endless",
      "export default { fetch() { return new Response(new ReadableStream({ pull(c) {"
      " c.enqueue(new Uint8Array(65536)); } })); } }",
      "", 5000, WORKER_OUTPUT_TOO_LARGE, 200, "", NULL },
    { "breaks off",
      "export default { fetch() { let n = 0; return new Response(new ReadableStream({ pull(c) {"
      " if (n++ > 2) c.error(new Error('cut')); else c.enqueue(new Uint8Array(10)); } })); } }",
      "", 5000, WORKER_DIED, 200, "", "cut" },
    { "eats memory", "export default { fetch() { const a = []; for (;;) a.push(new Array(1e5).fill(1.5)); } }", "",
      20000, WORKER_DIED, 0, "", "memory" },
    { "eats memory at top level", "const a = []; for (;;) a.push(new ArrayBuffer(1e6).slice(0));", "", 20000,
      WORKER_DIED, 0, "", "memory" },
};

static void check_ending(const struct ending *t)
{
    struct outcome o = { 0 };
    uint64_t deadline_ms = t->deadline_ms;
    if (t->end == WORKER_DEADLINE) { /* it is to run out on a worker, not in the queue */
        assert_true(driver_wait_held(d, 1));
        if (driver_slowness() > 1)
            deadline_ms = PATIENT_DEADLINE_MS - 1;
    }
    assert_true(driver_run(d, &o, t->code, t->inputs, deadline_ms));
    if (o.result.end != t->end || o.result.http_status != t->http_status ||
        (t->output &&
         (o.output.len != strlen(t->output) || memcmp(buf_cstr(&o.output), t->output, o.output.len) != 0)) ||
        (t->reason && !strstr(o.reason, t->reason)))
        fail_msg("%s: end %d, HTTP %d, output \"%.100s\", reason \"%s\"", t->name, (int)o.result.end,
                 o.result.http_status, buf_cstr(&o.output), o.reason);
    assert_int_equal(o.calls, 1);
    if (t->end == WORKER_DEADLINE)
        assert_true(o.result.run_us + o.result.queued_us >= deadline_ms * 1000);
    outcome_free(&o);
}

static void test_endings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        check_ending(&endings[i]);
}

/* Output of exactly the limit; inputs and output of a size that no socket buffer holds, flowing both ways at once. */
static void test_sizes(void **state)
{
    (void)state;
    struct outcome o = { 0 };
    assert_true(driver_run(d, &o, "export default { fetch() { return new Response('x'.repeat(90000)); } }", "", 5000));
    assert_end(&o, WORKER_ANSWERED);
    assert_int_equal(o.output.len, 90000);
    outcome_free(&o);

    struct pool_config c = driver_config();
    c.max_output_bytes = 3 << 20;
    c.cpu_quota_us = 0;
    c.warm_workers = 1;
    open_own(&c);
    char *inputs = malloc((2 << 20) + 1);
    memset(inputs, 'i', 2 << 20);
    inputs[2 << 20] = '\0';
    o = (struct outcome){ 0 };
    assert_true(driver_run(d, &o, "export default { fetch(r) { return new Response(r.body); } }", inputs, 20000));
    assert_end(&o, WORKER_ANSWERED);
    assert_int_equal(o.output.len, 2 << 20);
    assert_memory_equal(o.output.data, inputs, 2 << 20);
    free(inputs);
    outcome_free(&o);

    struct buf code = { 0 };
    buf_puts(&code, "/*");
    memset(buf_extend(&code, 1 << 20), '"', 1 << 20);
    buf_puts(&code, "*/export default { fetch() { return new Response('long'); } }");
    o = (struct outcome){ 0 };
    assert_true(driver_run(d, &o, buf_cstr(&code), "", 20000));
    assert_end(&o, WORKER_ANSWERED);
    buf_free(&code);
    outcome_free(&o);
    close_own();
}

static void test_measures(void **state)
{
    (void)state;
    assert_true(driver_wait_held(d, 2));
    struct outcome o = { 0 };
    static const char code[] = "export default { fetch() { console.log('to stdout'); console.error('to stderr');"
                               " const t = Date.now(); while (Date.now() < t + 100) {} return new Response('x'); } }";
    assert_true(driver_run(d, &o, code, "", 5000));
    assert_end(&o, WORKER_ANSWERED);
    assert_string_equal(o.result.console, "to stdout\nto stderr\n");
    assert_false(o.result.console_truncated);
    assert_true(o.result.cpu_us >= 10000); /* of the job alone, on a busy machine */
    /* 0 where the kernel cannot say what this job alone took (version 2 before Linux 6.12). */
    assert_true(o.result.memory_peak_bytes == 0 || o.result.memory_peak_bytes > 1 << 20);
    assert_true(o.result.run_us >= 100000);
    outcome_free(&o);

    o = (struct outcome){ 0 };
    assert_true(driver_run(d, &o,
                           "export default { fetch() { for (let i = 0; i < 500; i++) console.log('x'.repeat(1000));"
                           " return new Response('x'); } }",
                           "", 10000));
    assert_end(&o, WORKER_ANSWERED);
    assert_int_equal(o.result.console_len, 16384);
    assert_true(o.result.console_truncated);
    outcome_free(&o);
}

/* ---- many ---- */

struct many {
    struct outcome o[30];
    unsigned n;
};

static bool all_there(void *arg)
{
    const struct many *m = arg;
    for (unsigned i = 0; i < m->n; i++) {
        if (m->o[i].calls == 0)
            return false;
    }
    return true;
}

static void test_thirty_on_twenty(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    c.capacity = 20;
    c.warm_workers = 4;
    open_own(&c);
    static struct many m;
    m = (struct many){ .n = 30 };
    static const char code[] = "export default { async fetch(r) { const t = await r.text();"
                               " await new Promise(f => setTimeout(f, 100)); return new Response('<' + t + '>'); } }";
    char inputs[30][8];
    for (unsigned i = 0; i < m.n; i++) {
        (void)snprintf(inputs[i], sizeof inputs[i], "%u", i);
        driver_start(d, &m.o[i], code, strlen(code), inputs[i], strlen(inputs[i]), 30000);
        assert_int_equal(m.o[i].calls, 0);
    }
    assert_true(driver_until(d, all_there, &m, 40000));
    for (unsigned i = 0; i < m.n; i++) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "<%u>", i);
        assert_end(&m.o[i], WORKER_ANSWERED);
        assert_int_equal(m.o[i].calls, 1);
        assert_string_equal(buf_cstr(&m.o[i].output), expected);
        outcome_free(&m.o[i]);
    }
    close_own();
}

/* One slot, busy: the job with the earliest deadline goes first, one that cannot start in time says so. */
static struct pool_stats stats_of(void)
{
    struct pool_stats st;
    pool_stats(d->pool, &st);
    return st;
}

static bool is_refilled(void *arg)
{
    (void)arg;
    return stats_of().held == 4;
}

/* True also where this process was kept from running for so long that the boot was due. */
static bool is_left_alone(uint64_t from_us)
{
    return stats_of().booting == 0 || clock_mono_us() - from_us >= 15000;
}

/* Boots for the stock leave a job that has just begun alone, while half of the stock is there, and not for long. */
static void test_stock_waits(void **state)
{
    (void)state;
    static const char sleeps[] = "export default { fetch() { return new Promise(f => setTimeout(f, 60000)); } }";
    struct pool_config c = driver_config();
    struct outcome o[3] = { { 0 } };
    c.capacity = 8;
    c.warm_workers = 4;
    open_own(&c);
    assert_true(driver_wait_held(d, 4));
    uint64_t from_us = clock_mono_us();
    for (unsigned i = 0; i < 3; i++) {
        driver_start(d, &o[i], sleeps, sizeof sleeps - 1, "", 0, 4000);
        assert_int_equal(stats_of().running, i + 1);
        assert_int_equal(stats_of().held, 3 - i);
        assert_true(i == 2 ? stats_of().booting > 0 : is_left_alone(from_us));
    }
    for (unsigned i = 0; i < 3; i++)
        pool_cancel(d->pool, o[i].handle);
    assert_true(driver_wait_held(d, 4));
    from_us = clock_mono_us();
    driver_start(d, &o[0], sleeps, sizeof sleeps - 1, "", 0, 20000);
    assert_true(is_left_alone(from_us));
    assert_true(driver_until(d, is_refilled, NULL, 3000)); /* the job runs on */
    assert_int_equal(stats_of().running, 1);
    pool_cancel(d->pool, o[0].handle);
    close_own();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(o[i].calls, 0);
        outcome_free(&o[i]);
    }
}

static void test_queue_order(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    c.capacity = c.warm_workers = 1;
    open_own(&c);
    static struct many m;
    m = (struct many){ .n = 4 };
    static const char slow[] = "export default { async fetch() { await new Promise(f => setTimeout(f, 600));"
                               " return new Response('slow'); } }";
    static const char quick[] = "export default { fetch() { return new Response('quick'); } }";
    assert_true(driver_wait_held(d, 1));
    driver_start(d, &m.o[0], slow, strlen(slow), "", 0, 20000);
    driver_start(d, &m.o[1], quick, strlen(quick), "", 0, 19000);
    driver_start(d, &m.o[2], quick, strlen(quick), "", 0, 18000);
    driver_start(d, &m.o[3], quick, strlen(quick), "", 0, 200);
    assert_true(driver_until(d, all_there, &m, 30000));
    assert_end(&m.o[3], WORKER_DEADLINE);
    assert_true(m.o[3].done_at_us < m.o[0].done_at_us);
    assert_end(&m.o[0], WORKER_ANSWERED);
    assert_end(&m.o[1], WORKER_ANSWERED);
    assert_end(&m.o[2], WORKER_ANSWERED);
    assert_true(m.o[2].done_at_us < m.o[1].done_at_us);
    assert_true(m.o[1].result.queued_us > 300000);
    for (unsigned i = 0; i < m.n; i++)
        outcome_free(&m.o[i]);
    close_own();
}

static void test_cancel(void **state)
{
    (void)state;
    assert_true(driver_wait_held(d, 2));
    struct outcome gone = { 0 }, o = { 0 };
    static const char code[] = "export default { fetch() { for (;;) {} } }";
    driver_start(d, &gone, code, strlen(code), "", 0, 20000);
    struct pool_stats st;
    pool_stats(d->pool, &st);
    assert_int_equal(st.running, 1);
    pool_cancel(d->pool, gone.handle);
    pool_cancel(d->pool, gone.handle); /* unknown by now: nothing happens */
    assert_true(driver_run(d, &o, "export default { fetch() { return new Response('next'); } }", "", 5000));
    assert_end(&o, WORKER_ANSWERED);
    assert_true(driver_wait_held(d, 2));
    pool_stats(d->pool, &st);
    assert_int_equal(st.running, 0);
    assert_int_equal(gone.calls, 0);
    outcome_free(&o);
}

/* ---- held workers that go bad ---- */

static bool two_deaths(void *arg)
{
    struct pool_stats st;
    pool_stats(arg, &st);
    return st.held_deaths >= 2 && st.held == 2;
}

static bool has(const int *pids, unsigned n, int pid)
{
    for (unsigned i = 0; i < n; i++) {
        if (pids[i] == pid)
            return true;
    }
    return false;
}

static void test_held_killed(void **state)
{
    (void)state;
    assert_true(driver_wait_held(d, 2));
    int before[16], pids[16];
    unsigned n_before = list_children(before, 16);
    struct pool_config c = driver_config();
    open_own(&c);
    assert_true(driver_wait_held(d, 2));
    unsigned n = list_children(pids, 16);
    assert_int_equal(n, n_before + 2);
    for (unsigned i = 0; i < n; i++) {
        if (!has(before, n_before, pids[i]))
            assert_int_equal(kill(pids[i], SIGKILL), 0);
    }
    assert_true(driver_until(d, two_deaths, d->pool, 20000));
    struct outcome o = { 0 };
    assert_true(driver_run(d, &o, "export default { fetch() { return new Response('ok'); } }", "", 5000));
    assert_end(&o, WORKER_ANSWERED);
    outcome_free(&o);
    close_own();
}

static char task_state(int pid, const char *tid)
{
    char path[320], text[512] = { 0 };
    (void)snprintf(path, sizeof path, "/proc/%d/task/%s/stat", pid, tid);
    FILE *f = fopen(path, "re");
    const char *end = f && fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
    if (f)
        (void)fclose(f);
    return end && end[1] ? end[2] : '?';
}

/* Stops a process; returns when each of its threads stands still, since one that was on its way would read on. */
static void stop_process(int pid)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/task", pid);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (unsigned moving = 1; moving > 0;) {
        moving = 0;
        DIR *h = opendir(path);
        assert_non_null(h);
        for (const struct dirent *e; (e = readdir(h));)
            moving += e->d_name[0] != '.' && task_state(pid, e->d_name) != 'T';
        (void)closedir(h);
        (void)usleep(1000);
    }
}

/* Stopped while held: it does not read the code. The job goes to another worker, not to its deadline. */
static void test_held_stopped(void **state)
{
    (void)state;
    assert_true(driver_wait_held(d, 2));
    int pids[8];
    unsigned n = list_children(pids, 8);
    assert_int_equal(n, 2);
    stop_process(pids[0]);
    stop_process(pids[1]);
    struct outcome o = { 0 };
    assert_true(driver_run(d, &o, "export default { fetch() { return new Response('ok'); } }", "", 15000));
    assert_end(&o, WORKER_ANSWERED);
    assert_true(o.result.queued_us >= 2000000);
    outcome_free(&o);
    /* The other stopped one is killed like any when the next job finds out. */
    o = (struct outcome){ 0 };
    assert_true(driver_run(d, &o, "export default { fetch() { return new Response('ok'); } }", "", 15000));
    assert_end(&o, WORKER_ANSWERED);
    outcome_free(&o);
}

/* Killed in the very moment of the hand-over. */
static void test_killed_at_hand_over(void **state)
{
    (void)state;
    static const char code[] = "export default { fetch() { return new Response('ok'); } }";
    for (unsigned i = 0; i < 5; i++) {
        assert_true(driver_wait_held(d, 2));
        int pids[8];
        unsigned n = list_children(pids, 8);
        for (unsigned k = 0; k < n; k++)
            (void)kill(pids[k], SIGKILL);
        struct outcome o = { 0 };
        assert_true(driver_run(d, &o, code, "", 15000));
        assert_end(&o, WORKER_ANSWERED);
        outcome_free(&o);
    }
}

/* ---- boots that fail ---- */

static bool all_broken(void *arg)
{
    struct pool_stats st;
    pool_stats(arg, &st);
    return st.broken == st.capacity;
}

/* Too little memory to boot in: the pool tries ever more rarely, says so, and answers its jobs. */
static void test_broken_boots(void **state)
{
    (void)state;
    struct pool_config c = driver_config();
    c.capacity = c.warm_workers = 2;
    c.memory_bytes = 2 << 20;
    open_own(&c);
    struct outcome o = { 0 };
    static const char code[] = "export default { fetch() { return new Response('ok'); } }";
    driver_start(d, &o, code, sizeof code - 1, "", 0, 1500);
    assert_true(driver_until(d, all_broken, d->pool, 20000));
    assert_true(driver_until(d, driver_outcome_there, &o, 20000));
    assert_end(&o, WORKER_DEADLINE);
    struct pool_stats st;
    pool_stats(d->pool, &st);
    assert_true(st.boot_failures >= 6);
    assert_true(st.boot_failures <= 40); /* 100, 200, 400 … ms between two of a slot */
    assert_int_equal(st.started, 0);
    outcome_free(&o);
    close_own();
}

/* ---- what a worker says when it should be silent ---- */

/* Workers whose control pipe nobody reads. */
static unsigned unread_controls(void)
{
    int pids[64];
    unsigned n = list_children(pids, 64), unread = 0;
    for (unsigned i = 0; i < n && i < 64; i++) {
        char path[64], what[8] = { 0 };
        (void)snprintf(path, sizeof path, "/proc/%d/fd/4", pids[i]);
        if (readlink(path, what, 5) != 5 || strcmp(what, "pipe:") != 0)
            continue; /* not yet executed */
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        unread += fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
        if (fd >= 0)
            (void)close(fd);
    }
    return unread;
}

struct unread {
    struct outcome o;
    unsigned before;
};

static bool called_or_unread(void *arg)
{
    const struct unread *u = arg;
    return u->o.calls > 0 || unread_controls() > u->before;
}

/* The control pipe has said what it is for once the code is loaded; what runs then has nobody to keep busy there. */
static void test_control_is_closed(void **state)
{
    (void)state;
    static const char code[] = "export default { async fetch() { await new Promise((r) => setTimeout(r, 3000));"
                               " return new Response('ok'); } }";
    struct unread u = { 0 };
    assert_true(driver_wait_held(d, 2));
    u.before = unread_controls();
    driver_start(d, &u.o, code, sizeof code - 1, "", 0, 20000);
    assert_true(driver_until(d, called_or_unread, &u, 10000));
    assert_int_equal(u.o.calls, 0);
    assert_true(driver_until(d, driver_outcome_there, &u.o, 20000));
    assert_end(&u.o, WORKER_ANSWERED);
    outcome_free(&u.o);
}

/* ---- the node's own death ---- */

/* False for one that is gone or that only waits to be reaped. */
static bool runs(int pid)
{
    char tid[16];
    (void)snprintf(tid, sizeof tid, "%d", pid);
    return !strchr("?ZX", task_state(pid, tid));
}

/* Opens a pool, says on fd that its workers are held, and waits to be killed. */
static void be_a_node(const struct pool_config *config, int fd)
{
    static struct driver node;
    struct err e = { 0 };
    if (driver_open(&node, config, &e) && driver_wait_held(&node, 2)) {
        int pids[8];
        unsigned n = list_children(pids, 8);
        (void)!write(fd, pids, n * sizeof *pids);
    }
    for (;;)
        (void)pause();
}

static void test_node_killed(void **state)
{
    (void)state;
    char dir[64];
    (void)snprintf(dir, sizeof dir, "/tmp/oyster-test-%d-killed", (int)getpid());
    struct pool_config c = driver_config();
    c.state_dir = dir;
    int report[2], pids[8] = { 0 };
    assert_int_equal(pipe(report), 0);
    pid_t node = fork();
    if (node == 0)
        be_a_node(&c, report[1]);
    (void)close(report[1]);
    assert_int_equal(read(report[0], pids, sizeof pids), 2 * sizeof *pids);
    (void)close(report[0]);
    assert_int_equal(kill(node, SIGKILL), 0);
    assert_int_equal(waitpid(node, NULL, 0), node);
    open_own(&c); /* the same folder, with all that was left in it */
    assert_true(driver_wait_held(d, 2));
    for (unsigned i = 0; i < 2; i++)
        assert_false(runs(pids[i]));
    struct outcome o = { 0 };
    assert_true(driver_run(d, &o, "export default { fetch() { return new Response('ok'); } }", "", 5000));
    assert_end(&o, WORKER_ANSWERED);
    outcome_free(&o);
    close_own();
    assert_int_equal(access(dir, F_OK), -1);
}

/* ---- refusals at start ---- */

static void test_refusals(void **state)
{
    (void)state;
    struct driver x;
    struct err e = { 0 };
    struct pool_config c = driver_config();
    c.workerd_dir = "/nonexistent";
    assert_false(driver_open(&x, &c, &e));
    assert_non_null(strstr(e.msg, "/nonexistent/workerd"));
    assert_true(driver_close(&x));
    e = (struct err){ 0 };
    c.workerd_dir = "src"; /* a folder that holds no workerd */
    assert_false(driver_open(&x, &c, &e));
    assert_true(driver_close(&x));
    e = (struct err){ 0 };
    c = driver_config();
    c.sandbox_allow_degraded = "netns,everything";
    assert_false(driver_open(&x, &c, &e));
    assert_non_null(strstr(e.msg, "everything"));
    assert_true(driver_close(&x));
    e = (struct err){ 0 };
    c = driver_config();
    c.capacity = 0;
    assert_false(driver_open(&x, &c, &e));
    assert_true(driver_close(&x));
    /* The folder of a pool that runs. */
    e = (struct err){ 0 };
    c = driver_config();
    c.state_dir = d->state_dir;
    assert_null(pool_new(&d->loop, &c, &e));
    assert_non_null(strstr(e.msg, "another node"));
    assert_int_equal(access(d->state_dir, F_OK), 0);
}

/* ---- nothing is left ---- */

static void run_and_drop(unsigned jobs, bool cut_short)
{
    struct driver x;
    struct err e = { 0 };
    struct pool_config c = driver_config();
    if (!driver_open(&x, &c, &e))
        fail_msg("pool_new: %s", e.msg);
    static const char code[] = "export default { fetch() { return new Response('ok'); } }";
    struct outcome o[8] = { { 0 } };
    for (unsigned i = 0; i < jobs; i++) {
        if (cut_short)
            driver_start(&x, &o[i], code, strlen(code), "", 0, 10000);
        else
            assert_true(driver_run(&x, &o[i], code, "", 10000));
    }
    assert_true(driver_close(&x));
    assert_int_equal(access(x.state_dir, F_OK), -1);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(o[i].calls, cut_short ? 0 : i < jobs);
        outcome_free(&o[i]);
    }
}

static void test_nothing_left(void **state)
{
    (void)state;
    assert_true(driver_wait_held(d, 2));
    run_and_drop(1, false); /* what libraries open once is open now */
    assert_true(driver_wait_held(d, 2));
    unsigned fds = count_fds(), children = list_children(NULL, 0);
    run_and_drop(3, false);
    run_and_drop(0, false); /* freed while the first boots are under way */
    run_and_drop(8, true);  /* freed with jobs under way and waiting */
    assert_int_equal(list_children(NULL, 0), children);
    assert_int_equal(count_fds(), fds);
}

/* Argument: a pattern of names, for fewer of them. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endings),      cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_measures),     cmocka_unit_test(test_thirty_on_twenty),
        cmocka_unit_test(test_stock_waits),  cmocka_unit_test(test_queue_order),
        cmocka_unit_test(test_cancel),       cmocka_unit_test(test_held_killed),
        cmocka_unit_test(test_held_stopped), cmocka_unit_test(test_killed_at_hand_over),
        cmocka_unit_test(test_broken_boots), cmocka_unit_test(test_control_is_closed),
        cmocka_unit_test(test_node_killed),  cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nothing_left),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
