/* One slot: its worker from boot to grave, and the job that it runs. */
#include <assert.h>
#include <stdlib.h>

#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "worker/egress.h"
#include "worker/pool_impl.h"
#include "worker/text_pages.h"

#define ATTEMPTS_MAX 3    /* workers that may be lost before they have read a job's code */
#define REST_FIRST_MS 100 /* after the first failure in a row, doubled by each */
#define REST_LAST_MS 30000
#define LONG_HELD_US 5000000u /* a held worker that lived that long is replaced at once */
#define REHEARSAL_US 5000000u

static const enum slot_state next_state[SLOT_N_STATES][SLOT_N_EVENTS] = {
    [SLOT_EMPTY] = { [EV_BOOT] = SLOT_BOOTING, [EV_REST] = SLOT_RESTING },
    [SLOT_BOOTING] = { [EV_HELD] = SLOT_HELD, [EV_END] = SLOT_CLEARING },
    [SLOT_HELD] = { [EV_RUN] = SLOT_RUNNING, [EV_END] = SLOT_CLEARING },
    [SLOT_RUNNING] = { [EV_END] = SLOT_CLEARING },
    [SLOT_CLEARING] = { [EV_GONE] = SLOT_EMPTY },
    [SLOT_RESTING] = { [EV_WAKE] = SLOT_EMPTY },
};

static void step(struct slot *s, enum slot_event ev)
{
    enum slot_state to = next_state[s->state][ev];
    assert(to != SLOT_INVALID);
    s->pool->in_state[s->state]--;
    s->pool->in_state[to]++;
    s->state = to;
}

static void on_rest_over(uv_timer_t *t)
{
    struct slot *s = t->data;
    step(s, EV_WAKE);
    pool_step(s->pool);
}

static void slot_rest(struct slot *s)
{
    unsigned doublings = s->failures - 1 < 9 ? s->failures - 1 : 9;
    uint64_t wait_ms = (uint64_t)REST_FIRST_MS << doublings;
    step(s, EV_REST);
    (void)uv_timer_start(&s->rest, on_rest_over, wait_ms < REST_LAST_MS ? wait_ms : REST_LAST_MS, 0);
}

static void on_slot_gone(struct slot *s)
{
    struct pool *p = s->pool;
    s->worker = NULL;
    step(s, EV_GONE);
    if (p->closing) {
        pool_part_closed(p);
        return;
    }
    if (s->failures > 0)
        slot_rest(s);
    pool_step(p);
}

static void on_slot_failed(struct slot *s)
{
    struct pool *p = s->pool;
    bool held = s->state == SLOT_HELD;
    if (held)
        p->stats.held_deaths++;
    else
        p->stats.boot_failures++;
    s->failures = held && clock_mono_us() - s->held_at_us >= LONG_HELD_US ? 0 : s->failures + 1;
    log_warn(held ? "held_worker_died" : "worker_boot_failed", F_U64("slot", s->index), F_U64("failures", s->failures),
             F_STR("error", workerd_reason(s->worker)));
    step(s, EV_END);
}

static void on_slot_lost(struct slot *s)
{
    struct pool *p = s->pool;
    struct job *j = s->job;
    s->job = NULL;
    p->stats.held_deaths++;
    log_warn("held_worker_lost", F_U64("slot", s->index), F_STR("job", j->spec.id),
             F_STR("error", workerd_reason(s->worker)));
    step(s, EV_END);
    if (++j->attempts < ATTEMPTS_MAX) {
        pool_enqueue(p, j);
        pool_step(p);
    } else {
        pool_job_end_without_run(p, j, WORKER_DIED, "its workers ended before they had read the code");
    }
}

static void rehearse(struct slot *s);

static void on_worker(void *arg, enum workerd_event ev)
{
    struct slot *s = arg;
    struct job *j = s->job;
    switch (ev) {
    case WORKERD_HELD:
        s->held_at_us = clock_mono_us();
        s->pool->stats.started++;
        histogram_add(&s->pool->stats.start, s->held_at_us - s->boot_at_us);
        step(s, EV_HELD);
        text_pages_touch_later(s->pool->pages, s->pool->loop, workerd_pid(s->worker));
        rehearse(s);
        pool_step(s->pool);
        break;
    case WORKERD_FAILED:
        on_slot_failed(s);
        break;
    case WORKERD_LOST:
        on_slot_lost(s);
        break;
    case WORKERD_DONE:
        s->job = NULL;
        s->failures = 0;
        step(s, EV_END);
        if (j->rehearsal && workerd_result(s->worker)->end == WORKER_ANSWERED)
            text_pages_after(s->pool->pages, workerd_pid(s->worker));
        pool_job_end(s->pool, j, workerd_result(s->worker));
        break;
    case WORKERD_GONE:
        on_slot_gone(s);
        break;
    }
}

void slot_boot(struct slot *s)
{
    struct pool *p = s->pool;
    struct workerd_spec spec = {
        .loop = p->loop,
        .runtime = p->runtime,
        .cgroups = p->cgroups,
        .index = s->index,
        .max_output_bytes = p->config.max_output_bytes,
        .cpu_quota_us = p->config.cpu_quota_us,
        .cpu_period_us = p->config.cpu_period_us,
    };
    struct err e = { 0 };
    s->boot_at_us = clock_mono_us();
    s->worker = workerd_boot(&spec, on_worker, s, &e);
    s->hurried = false;
    if (s->worker) {
        step(s, EV_BOOT);
        return;
    }
    p->stats.boot_failures++;
    s->failures++;
    log_warn("worker_boot_failed", F_U64("slot", s->index), F_U64("failures", s->failures), F_ERR(&e));
    slot_rest(s);
}

void slot_run(struct slot *s, struct job *j)
{
    step(s, EV_RUN);
    s->pool->run_at_us = clock_mono_us();
    s->job = j;
    s->generation = s->pool->egress ? egress_generation(s->pool->egress) : 0;
    j->queued_us = clock_mono_us() - j->queued_at_us;
    if (j->rehearsal)
        text_pages_before(s->pool->pages, workerd_pid(s->worker));
    workerd_run(s->worker, &j->spec);
}

static void on_rehearsed(void *arg, const struct worker_result *r)
{
    if (r->end != WORKER_ANSWERED)
        text_pages_give_up(arg);
}

/* What a short job does, in a worker that has just become ready, while nobody waits for one. */
static void rehearse(struct slot *s)
{
    static const char code[] = "export default { async fetch(request) { const { n } = await request.json();"
                               " return new Response(JSON.stringify({ n: n + 1 })); } };";
    static const char inputs[] = "{\"n\": 1}";
    struct pool *p = s->pool;
    if (!text_pages_wants(p->pages) || p->queue.n > 0 || p->in_state[SLOT_RUNNING] > 0)
        return;
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){
        .handle = ++p->next_handle,
        .spec = { .id = xstrdup("rehearsal"),
                  .code = (const uint8_t *)code,
                  .code_len = sizeof code - 1,
                  .inputs = (const uint8_t *)inputs,
                  .inputs_len = sizeof inputs - 1,
                  .deadline_us = clock_mono_us() + REHEARSAL_US },
        .done = on_rehearsed,
        .arg = p->pages,
        .queued_at_us = clock_mono_us(),
        .rehearsal = true,
    };
    slot_run(s, j);
}

void slot_kill(struct slot *s)
{
    if (s->state == SLOT_BOOTING || s->state == SLOT_HELD || s->state == SLOT_RUNNING) {
        step(s, EV_END);
        workerd_kill(s->worker);
    }
}
