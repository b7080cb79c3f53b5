/* Drives a pool from a test: opens one with real parts, runs jobs on it to their end, counts what it leaves behind. */
#ifndef OYSTER_TESTS_POOL_DRIVER_H
#define OYSTER_TESTS_POOL_DRIVER_H

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "util/buf.h"
#include "util/clock.h"
#include "worker/pool.h"

#define WORKERD_DIR "node_modules/@cloudflare/workerd-linux-64/bin"

struct driver {
    uv_loop_t loop;
    struct pool *pool;
    char state_dir[64];
    bool gone;
};

/* What a job's callback was told. */
struct outcome {
    unsigned calls;
    struct worker_result result; /* its pointers lead into the copies below */
    struct buf output, console;
    char reason[512];
    uint64_t handle, done_at_us;
};

/* How many times slower than usual this machine is, at most: OYSTER_TEST_SLOWNESS, where a processor is emulated.
 * Waits and deadlines that are not meant to pass grow by it, and so do the CPU quotas. */
static inline uint32_t driver_slowness(void)
{
    const char *text = getenv("OYSTER_TEST_SLOWNESS");
    long n = text ? strtol(text, NULL, 10) : 1;
    return n > 1 && n < 1000 ? (uint32_t)n : 1;
}

/* The defaults of a node, with little to wait for. */
static inline struct pool_config driver_config(void)
{
    return (struct pool_config){
        .workerd_dir = WORKERD_DIR,
        .capacity = 4,
        .warm_workers = 2,
        .memory_bytes = (uint64_t)100 << 20,
        .cpu_quota_us = 50000 * driver_slowness(),
        .cpu_period_us = 1000000,
        .pids_max = 32,
        .max_output_bytes = 90000,
        .sandbox_allow_degraded = "",
        .egress_public = false,
    };
}

/* A state folder is chosen where config names none. Returns false with e set. */
static inline bool driver_open(struct driver *d, const struct pool_config *config, struct err *e)
{
    *d = (struct driver){ 0 };
    struct pool_config c = *config;
    if (c.state_dir)
        (void)snprintf(d->state_dir, sizeof d->state_dir, "%s", c.state_dir);
    else
        (void)snprintf(d->state_dir, sizeof d->state_dir, "/tmp/oyster-test-%d-%llu", (int)getpid(),
                       (unsigned long long)clock_mono_us());
    c.state_dir = d->state_dir;
    (void)uv_loop_init(&d->loop);
    d->pool = pool_new(&d->loop, &c, e);
    return d->pool != NULL;
}

static inline void driver_on_gone(void *arg)
{
    ((struct driver *)arg)->gone = true;
}

/* Frees the pool, runs the loop until it is empty; false where handles are left. */
static inline bool driver_close(struct driver *d)
{
    pool_free(d->pool, driver_on_gone, d);
    (void)uv_run(&d->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&d->loop) == 0 && (d->gone || !d->pool);
}

static inline void driver_on_done(void *arg, const struct worker_result *r)
{
    struct outcome *o = arg;
    o->calls++;
    o->done_at_us = clock_mono_us();
    o->result = *r;
    buf_reset(&o->output);
    buf_append(&o->output, r->output, r->output_len);
    buf_reset(&o->console);
    buf_append(&o->console, r->console, r->console_len);
    (void)snprintf(o->reason, sizeof o->reason, "%s", r->reason);
    o->result.output = o->output.data;
    o->result.console = buf_cstr(&o->console);
    o->result.reason = o->reason;
}

static inline void outcome_free(struct outcome *o)
{
    buf_free(&o->output);
    buf_free(&o->console);
}

/* A deadline of 5 s or more is there not to pass. */
#define PATIENT_DEADLINE_MS 5000u

/* Starts a job; code and inputs are borrowed until it is done. */
static inline void driver_start(struct driver *d, struct outcome *o, const char *code, size_t code_len,
                                const void *inputs, size_t inputs_len, uint64_t deadline_ms)
{
    if (deadline_ms >= PATIENT_DEADLINE_MS)
        deadline_ms *= driver_slowness();
    struct worker_job job = {
        .id = "test",
        .code = (const uint8_t *)code,
        .code_len = code_len,
        .inputs = inputs,
        .inputs_len = inputs_len,
        .deadline_us = clock_mono_us() + deadline_ms * 1000,
    };
    o->handle = pool_run(d->pool, &job, driver_on_done, o);
}

static inline void driver_on_tick(uv_timer_t *t)
{
    (void)t;
}

/* Runs the loop until cond(arg) or for timeout_ms (times the slowness); returns whether cond holds. */
static inline bool driver_until(struct driver *d, bool (*cond)(void *arg), void *arg, uint64_t timeout_ms)
{
    uv_timer_t tick;
    (void)uv_timer_init(&d->loop, &tick);
    (void)uv_timer_start(&tick, driver_on_tick, 1, 1);
    uint64_t until_us = clock_mono_us() + timeout_ms * 1000 * driver_slowness();
    while (!cond(arg) && clock_mono_us() < until_us)
        (void)uv_run(&d->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    (void)uv_run(&d->loop, UV_RUN_NOWAIT);
    return cond(arg);
}

static inline bool driver_outcome_there(void *arg)
{
    return ((struct outcome *)arg)->calls > 0;
}

/* Runs a job to its end. */
static inline bool driver_run(struct driver *d, struct outcome *o, const char *code, const char *inputs,
                              uint64_t deadline_ms)
{
    driver_start(d, o, code, strlen(code), inputs, strlen(inputs), deadline_ms);
    return driver_until(d, driver_outcome_there, o, deadline_ms + 20000);
}

struct driver_held {
    struct driver *d;
    uint32_t n;
};

static inline bool driver_held_there(void *arg)
{
    const struct driver_held *h = arg;
    struct pool_stats st;
    pool_stats(h->d->pool, &st);
    return st.held >= h->n && st.booting == 0 && st.clearing == 0;
}

/* Waits until n workers are held and no other is on its way up or down. */
static inline bool driver_wait_held(struct driver *d, uint32_t n)
{
    struct driver_held h = { d, n };
    return driver_until(d, driver_held_there, &h, 20000);
}

/* ---- what is there ---- */

static inline unsigned count_entries(const char *dir)
{
    DIR *h = opendir(dir);
    unsigned n = 0;
    for (const struct dirent *e; h && (e = readdir(h));)
        n += e->d_name[0] != '.';
    if (h)
        (void)closedir(h);
    return n;
}

/* Open descriptors, the one that counts included. */
static inline unsigned count_fds(void)
{
    return count_entries("/proc/self/fd");
}

/* Children of this process, zombies included, whichever thread made them. Fills pids where it is not NULL. */
static inline unsigned list_children(int *pids, unsigned max)
{
    unsigned n = 0;
    DIR *h = opendir("/proc");
    for (const struct dirent *e; h && (e = readdir(h));) {
        char path[300], text[512] = { 0 };
        (void)snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (!f)
            continue;
        int parent = 0;
        const char *end = fgets(text, sizeof text, f) ? strrchr(text, ')') : NULL;
        if (end && sscanf(end + 1, " %*c %d", &parent) == 1 && parent == (int)getpid()) {
            if (pids && n < max)
                pids[n] = atoi(e->d_name);
            n++;
        }
        (void)fclose(f);
    }
    if (h)
        (void)closedir(h);
    return n;
}

/* Resident memory of this process in KiB. */
static inline unsigned long resident_kib(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*u %lu", &pages) != 1)
            pages = 0;
        (void)fclose(f);
    }
    return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

#endif
