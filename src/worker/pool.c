#include "worker/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "worker/egress.h"
#include "worker/pool_impl.h"
#include "worker/sandbox.h"
#include "worker/text_pages.h"

#define BROKEN_AFTER 3       /* boot failures in a row */
#define STOCK_WAIT_US 15000u /* a boot for the stock stands back so long at most behind a job that has just begun */

/* ---- jobs ---- */

static void job_free(struct job *j)
{
    free((void *)(uintptr_t)j->spec.id);
    free(j);
}

void pool_job_end(struct pool *p, struct job *j, const struct worker_result *result)
{
    struct worker_result r = *result;
    r.queued_us = j->queued_us;
    if (!j->rehearsal) {
        p->stats.jobs++;
        p->stats.oom_kills += r.oom_killed;
    }
    log_debug("worker_end", F_STR("job", j->spec.id), F_U64("end", r.end), F_U64("queued_us", r.queued_us),
              F_U64("run_us", r.run_us), F_U64("cpu_us", r.cpu_us), F_U64("memory_peak", r.memory_peak_bytes));
    worker_done_fn *done = j->done;
    void *arg = j->arg;
    job_free(j);
    done(arg, &r);
}

void pool_job_end_without_run(struct pool *p, struct job *j, enum worker_end end, const char *reason)
{
    struct worker_result r = { .end = end, .console = "", .reason = reason, .no_slot = end == WORKER_DEADLINE };
    if (j->queued_us == 0)
        j->queued_us = clock_mono_us() - j->queued_at_us;
    pool_job_end(p, j, &r);
}

/* ---- waiting ---- */

static void on_queue_timer(uv_timer_t *t);

static void arm_queue_timer(struct pool *p)
{
    const struct wait_entry *first = wait_queue_first(&p->queue);
    if (!first) {
        (void)uv_timer_stop(&p->queue_timer);
        return;
    }
    uint64_t now = clock_mono_us();
    uv_update_time(p->loop);
    uint64_t wait_ms = first->deadline_us > now ? (first->deadline_us - now + 999) / 1000 : 0;
    (void)uv_timer_start(&p->queue_timer, on_queue_timer, wait_ms, 0);
}

static void on_queue_timer(uv_timer_t *t)
{
    struct pool *p = t->data;
    const struct wait_entry *first;
    while (!p->closing && (first = wait_queue_first(&p->queue)) && first->deadline_us <= clock_mono_us())
        pool_job_end_without_run(p, wait_queue_pop(&p->queue), WORKER_DEADLINE, "deadline exceeded while waiting");
    if (!p->closing)
        pool_step(p);
}

void pool_enqueue(struct pool *p, struct job *j)
{
    struct wait_entry entry = { .deadline_us = j->spec.deadline_us, .handle = j->handle, .job = j };
    wait_queue_push(&p->queue, &entry);
}

/* ---- scheduling ---- */

static struct slot *slot_in_state(struct pool *p, enum slot_state state)
{
    for (uint32_t i = 0; p->in_state[state] > 0 && i < p->config.capacity; i++) {
        if (p->slots[i].state == state)
            return &p->slots[i];
    }
    return NULL;
}

/* Boots at once: a job that waits may have all CPUs; boots ahead leave one to jobs that run. */
static uint32_t boots_allowed(const struct pool *p)
{
    if (p->queue.n > 0)
        return p->cpus > 2 ? p->cpus : 2;
    return p->in_state[SLOT_RUNNING] > 0 ? 1 : 2;
}

/* Jobs wait: boots that were for the stock are for them. */
static void hurry_boots(struct pool *p)
{
    size_t left = p->queue.n;
    for (uint32_t i = 0; left > 0 && p->in_state[SLOT_BOOTING] > 0 && i < p->config.capacity; i++) {
        struct slot *s = &p->slots[i];
        if (s->state != SLOT_BOOTING)
            continue;
        left--;
        if (!s->hurried)
            workerd_hurry(s->worker);
        s->hurried = true;
    }
}

/* Most jobs take a few milliseconds, and a boot costs the loop one of them and a processor twenty: while half of the
 * stock is there, it can begin when the job's answer is out. */
static bool stock_can_wait(const struct pool *p)
{
    return p->queue.n == 0 && p->in_state[SLOT_RUNNING] > 0 && 2 * p->in_state[SLOT_HELD] >= p->config.warm_workers &&
           clock_mono_us() - p->run_at_us < STOCK_WAIT_US;
}

static void on_stock_timer(uv_timer_t *t)
{
    pool_step(t->data);
}

void pool_step(struct pool *p)
{
    struct slot *s;
    const struct wait_entry *first;
    while ((first = wait_queue_first(&p->queue)) && first->deadline_us > clock_mono_us() &&
           (s = slot_in_state(p, SLOT_HELD)))
        slot_run(s, wait_queue_pop(&p->queue));
    size_t wanted = p->queue.n + p->config.warm_workers;
    if (stock_can_wait(p)) {
        uv_update_time(p->loop);
        (void)uv_timer_start(&p->stock_timer, on_stock_timer, STOCK_WAIT_US / 1000 + 1, 0);
        wanted = 0;
    }
    while (p->in_state[SLOT_HELD] + p->in_state[SLOT_BOOTING] < wanted &&
           p->in_state[SLOT_BOOTING] < boots_allowed(p) && (s = slot_in_state(p, SLOT_EMPTY)))
        slot_boot(s);
    hurry_boots(p);
    arm_queue_timer(p);
}

uint64_t pool_run(struct pool *p, const struct worker_job *job, worker_done_fn *done, void *arg)
{
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){
        .handle = ++p->next_handle,
        .spec = *job,
        .done = done,
        .arg = arg,
        .queued_at_us = clock_mono_us(),
    };
    j->spec.id = xstrdup(job->id);
    uint64_t handle = j->handle;
    pool_enqueue(p, j);
    pool_step(p);
    return handle;
}

void pool_cancel(struct pool *p, uint64_t handle)
{
    struct job *j = wait_queue_remove(&p->queue, handle);
    if (j) {
        job_free(j);
        arm_queue_timer(p);
        return;
    }
    for (uint32_t i = 0; i < p->config.capacity; i++) {
        struct slot *s = &p->slots[i];
        if (s->job && s->job->handle == handle) {
            job_free(s->job);
            s->job = NULL;
            slot_kill(s);
        }
    }
}

void pool_stats(const struct pool *p, struct pool_stats *out)
{
    *out = p->stats;
    out->capacity = p->config.capacity;
    out->held = p->in_state[SLOT_HELD];
    out->booting = p->in_state[SLOT_BOOTING];
    out->running = p->in_state[SLOT_RUNNING];
    out->waiting = (uint32_t)p->queue.n;
    out->clearing = p->in_state[SLOT_CLEARING];
    out->empty = p->in_state[SLOT_EMPTY];
    out->resting = p->in_state[SLOT_RESTING];
    for (uint32_t i = 0; i < p->config.capacity; i++)
        out->broken += p->slots[i].failures >= BROKEN_AFTER;
    out->egress_restarts = p->egress ? egress_restarts(p->egress) : 0;
}

/* ---- birth and end ---- */

static uint64_t oldest_job(void *arg)
{
    const struct pool *p = arg;
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; p->slots && p->in_state[SLOT_RUNNING] > 0 && i < p->config.capacity; i++)
        if (p->slots[i].state == SLOT_RUNNING && p->slots[i].generation < oldest)
            oldest = p->slots[i].generation;
    return oldest;
}

/* The layers that will be used, or 0 with e set where one is missing that may not be. */
static uint32_t choose_layers(const char *allow_degraded, struct err *e)
{
    uint32_t allowed = 0;
    if (sandbox_parse_layers(&allowed, allow_degraded ? allow_degraded : "", e) != 0) {
        (void)err_wrap(e, "sandbox_allow_degraded");
        return 0;
    }
    struct err why = { 0 };
    uint32_t missing = sandbox_probe(SANDBOX_ALL, &why);
    struct buf names = { 0 };
    for (uint32_t bit = 1; bit < SANDBOX_ALL; bit <<= 1) {
        if ((missing & bit) == 0)
            continue;
        if ((allowed & bit) == 0)
            buf_printf(&names, "%s%s", names.len > 0 ? "," : "", sandbox_layer_name(bit));
        else
            log_warn("sandbox_layer_missing", F_STR("layer", sandbox_layer_name(bit)), F_STR("error", why.msg));
    }
    if (names.len > 0)
        (void)err_set(e, -EPERM, "the sandbox lacks %s here (%s); to run without, name it in sandbox_allow_degraded",
                      buf_cstr(&names), why.msg);
    else if ((missing & (SANDBOX_ROOT | SANDBOX_MOUNTNS)) != 0)
        (void)err_set(e, -EPERM, "workers cannot run without a root file system of their own (%s)", why.msg);
    buf_free(&names);
    allowed &= ~(uint32_t)(SANDBOX_ROOT | SANDBOX_MOUNTNS); /* sockets and config are found by their paths in it */
    return (missing & ~allowed) == 0 ? SANDBOX_ALL & ~missing : 0;
}

static int open_groups(struct pool *p, struct err *e)
{
    const struct pool_config *c = &p->config;
    p->cgroups = cgroup_set_open(c->cgroup_root, c->capacity + (c->egress_public ? 1 : 0), e);
    if (!p->cgroups)
        return e->code;
    struct cgroup_limits limits = {
        .memory_bytes = c->memory_bytes,
        .cpu_period_us = c->cpu_period_us,
        .pids_max = c->pids_max,
    };
    for (uint32_t i = 0; i < c->capacity; i++) {
        if (cgroup_set_limits(p->cgroups, i, &limits, e) != 0)
            return e->code;
    }
    return 0;
}

static int open_parts(struct pool *p, struct err *e)
{
    const struct pool_config *c = &p->config;
    if (c->capacity < 1 || c->capacity > POOL_CAPACITY_MAX)
        return err_set(e, -EINVAL, "capacity: %u is not between 1 and %d", c->capacity, POOL_CAPACITY_MAX);
    uint32_t layers = choose_layers(c->sandbox_allow_degraded, e);
    if (layers == 0)
        return e->code;
    struct runtime_config rc = {
        .workerd_dir = c->workerd_dir,
        .state_dir = c->state_dir,
        .slots = c->capacity,
        .egress_public = c->egress_public,
        .layers = layers,
    };
    p->runtime = runtime_new(&rc, e);
    if (!p->runtime || open_groups(p, e) != 0)
        return e->code;
    p->pages = text_pages_new(runtime_program(p->runtime));
    if (c->egress_public) {
        struct egress_config ec = {
            .loop = p->loop,
            .runtime = p->runtime,
            .cgroups = p->cgroups,
            .cgroup_index = c->capacity,
            .slots = c->capacity,
            .oldest_job = oldest_job,
            .arg = p,
        };
        p->egress = egress_new(&ec, e);
        if (!p->egress)
            return err_wrap(e, "egress gateway");
    }
    return 0;
}

static void release(struct pool *p)
{
    cgroup_set_close(p->cgroups);
    runtime_free(p->runtime);
    text_pages_free(p->pages);
    wait_queue_free(&p->queue);
    free(p->slots);
    free(p);
}

struct pool *pool_new(uv_loop_t *loop, const struct pool_config *config, struct err *e)
{
    struct pool *p = xcalloc(1, sizeof *p);
    *p = (struct pool){ .loop = loop, .config = *config };
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    p->cpus = cpus > 0 ? (uint32_t)cpus : 1;
    if (p->config.warm_workers > p->config.capacity)
        p->config.warm_workers = p->config.capacity;
    if (open_parts(p, e) != 0) {
        release(p);
        return NULL;
    }
    p->config.workerd_dir = p->config.state_dir = p->config.cgroup_root = p->config.sandbox_allow_degraded = NULL;
    p->slots = xcalloc(p->config.capacity, sizeof *p->slots);
    p->in_state[SLOT_EMPTY] = p->config.capacity;
    for (uint32_t i = 0; i < p->config.capacity; i++) {
        struct slot *s = &p->slots[i];
        *s = (struct slot){ .pool = p, .index = i, .state = SLOT_EMPTY };
        (void)uv_timer_init(loop, &s->rest);
        s->rest.data = s;
    }
    (void)uv_timer_init(loop, &p->queue_timer);
    (void)uv_timer_init(loop, &p->stock_timer);
    p->queue_timer.data = p->stock_timer.data = p;
    pool_step(p);
    return p;
}

void pool_part_closed(struct pool *p)
{
    if (--p->open_parts > 0)
        return;
    void (*done)(void *arg) = p->done;
    void *arg = p->done_arg;
    release(p);
    if (done)
        done(arg);
}

static void on_timer_closed(uv_handle_t *h)
{
    pool_part_closed(h->data);
}

static void on_rest_closed(uv_handle_t *h)
{
    const struct slot *s = h->data;
    pool_part_closed(s->pool);
}

static void on_egress_closed(void *arg)
{
    pool_part_closed(arg);
}

void pool_free(struct pool *p, void (*done)(void *arg), void *arg)
{
    if (!p)
        return;
    p->closing = true;
    p->done = done;
    p->done_arg = arg;
    struct job *j;
    while ((j = wait_queue_pop(&p->queue)))
        job_free(j);
    p->open_parts = 2 + p->config.capacity + (p->egress ? 1 : 0);
    for (uint32_t i = 0; i < p->config.capacity; i++) {
        struct slot *s = &p->slots[i];
        if (s->job)
            job_free(s->job);
        s->job = NULL;
        p->open_parts += s->worker != NULL;
        slot_kill(s);
        uv_close((uv_handle_t *)&s->rest, on_rest_closed);
    }
    uv_close((uv_handle_t *)&p->queue_timer, on_timer_closed);
    uv_close((uv_handle_t *)&p->stock_timer, on_timer_closed);
    if (p->egress)
        egress_free(p->egress, on_egress_closed, p);
}
