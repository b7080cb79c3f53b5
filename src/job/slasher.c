#include "job/slasher.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "chain/view.h"
#include "eth/keccak.h"
#include "job/job_table.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

#define AFTER_LIMIT_MS 1000     /* the contract wants the limit passed; block time counts whole seconds */
#define RETRY_MS 2000           /* the chain's time was not there yet, or no endpoint answered */
#define CHECKS_AT_ONCE 8        /* views under way */
#define USELESS_AFTER_MS 600000 /* a report that is not included in ten minutes is given up */

/* A due job: asked about, then reported. */
struct check {
    struct slasher *owner;
    struct u256 id;
    char id_text[U256_DEC_MAX];
    struct view *view;
    uint64_t intent; /* 0 = not queued */
    struct check *prev, *next;
};

struct slasher {
    uv_loop_t *loop;
    struct rpc *rpc;
    struct tx_queue *tx;
    const struct chain_clock *clock;
    struct slasher_config config;
    struct job_table *open;
    struct check *checks;
    unsigned asking;
    uv_timer_t *timer;
    struct slasher_stats stats;
    unsigned taken_back; /* slashes of ours in blocks that are gone: they are likely to come again */
};

uint64_t slasher_stagger_ms(const struct address *enclave, struct u256 job_id)
{
    uint8_t id[32], hash[32];
    u256_to_be(id, job_id);
    const struct keccak_part parts[] = { { enclave->b, sizeof enclave->b }, { id, sizeof id } };
    keccak256_parts(hash, parts, 2);
    return ((uint64_t)hash[0] << 8 | hash[1]) * SLASH_STAGGER_MS / 65536;
}

static void arm(struct slasher *s);

static void check_free(struct check *c)
{
    DL_DELETE(c->owner->checks, c);
    free(c);
}

/* Looks at the job again later. */
static void check_later(struct check *c)
{
    struct slasher *s = c->owner;
    (void)job_table_add(s->open, c->id, clock_mono_ms() + RETRY_MS);
    check_free(c);
    arm(s);
}

static void on_tx_done(void *arg, const struct tx_result *r)
{
    struct check *c = arg;
    if (r->outcome == TX_CONFIRMED)
        c->owner->stats.slashed++;
    LOG_RECORD(r->outcome == TX_CONFIRMED ? LOG_INFO : LOG_WARN, "slash_final", F_STR("job", c->id_text),
               F_BOOL("slashed", r->outcome == TX_CONFIRMED), F_HEX("tx", r->hash, 32), F_STR("reason", r->reason));
    check_free(c);
}

static void report(struct check *c)
{
    struct slasher *s = c->owner;
    struct buf call = { 0 };
    call_slash_on_execution_timeout(&call, c->id);
    struct tx_intent intent = { .kind = TX_SLASH,
                                .to = s->config.jobs_contract,
                                .data = call.data,
                                .data_len = call.len,
                                .useless_after_ms = clock_mono_ms() + USELESS_AFTER_MS };
    log_info("slash_reported", F_STR("job", c->id_text));
    s->stats.sent++;
    c->intent = tx_queue_push(s->tx, &intent, NULL, on_tx_done, c);
    buf_free(&call);
}

/* Milliseconds until the contract lets the job be reported, by the chain's own clock; 0 = now. */
static uint64_t not_before_ms(const struct slasher *s, const struct job_info *job)
{
    uint64_t deadline, now = chain_clock_now_ms(s->clock, clock_mono_ms(), clock_wall_ms());
    (void)u256_to_u64(&deadline, job->deadline_ms);
    uint64_t limit =
        sat_add(sat_add(sat_mul(job->exec_start_s, 1000), s->config.execution_buffer_ms + AFTER_LIMIT_MS), deadline);
    return limit == UINT64_MAX ? limit : sat_sub(limit, now);
}

static void judge(struct check *c, const struct job_info *job)
{
    struct slasher *s = c->owner;
    if (job->exec_start_s == 0 || job->output_count >= s->config.num_selected_executors) {
        check_free(c); /* slashed by another, complete, or gone */
        return;
    }
    uint64_t wait = not_before_ms(s, job);
    if (wait == 0) {
        report(c);
        return;
    }
    uint64_t due = sat_add(wait, clock_mono_ms() + slasher_stagger_ms(&s->config.enclave, c->id));
    if (due != UINT64_MAX)
        (void)job_table_add(s->open, c->id, due);
    check_free(c);
}

static void on_job_view(void *arg, const uint8_t *data, size_t len, const struct err *error)
{
    struct check *c = arg;
    struct slasher *s = c->owner;
    struct err e = *error;
    struct job_info job;
    c->view = NULL;
    s->asking--;
    if (!e.code && decode_job_info(&job, s->config.generation, data, len, &e) == 0) {
        judge(c, &job);
    } else {
        log_warn("slash_check_failed", F_STR("job", c->id_text), F_ERR(&e));
        check_later(c);
    }
    arm(s);
}

/* Asks the chain what it knows of a job, and acts on the answer. */
static void check_start(struct slasher *s, struct u256 id)
{
    struct check *c = xcalloc(1, sizeof *c);
    c->owner = s;
    c->id = id;
    (void)u256_to_dec(c->id_text, id);
    DL_APPEND(s->checks, c);
    struct buf call = { 0 };
    call_jobs(&call, id);
    s->asking++;
    s->stats.asked++;
    c->view = view_start(s->rpc, &s->config.jobs_contract, &call, on_job_view, c);
}

static void on_timer(uv_timer_t *t)
{
    struct slasher *s = t->data;
    struct u256 id;
    uint64_t due;
    while (s->asking < CHECKS_AT_ONCE && job_table_first(s->open, &id, &due) && due <= clock_mono_ms()) {
        (void)job_table_remove(s->open, id);
        check_start(s, id);
    }
    arm(s);
}

/* Sets the timer to the job that is due first; while enough views are under way their answers do it. */
static void arm(struct slasher *s)
{
    struct u256 id;
    uint64_t due, now = clock_mono_ms();
    if (s->asking >= CHECKS_AT_ONCE || !job_table_first(s->open, &id, &due))
        return;
    uv_timer_start(s->timer, on_timer, sat_sub(due, now), 0);
}

static void on_created(struct slasher *s, const struct chain_event *ev, const struct event_origin *origin)
{
    uint64_t now = clock_mono_ms(), age = 0;
    if (origin->block_timestamp_s)
        age = sat_sub(chain_clock_now_ms(s->clock, now, clock_wall_ms()), origin->block_timestamp_s * 1000);
    uint64_t wait = sat_add(ev->u.job_created.deadline_ms, s->config.execution_buffer_ms + AFTER_LIMIT_MS);
    wait = sat_add(sat_sub(wait, age), slasher_stagger_ms(&s->config.enclave, ev->u.job_created.job_id));
    (void)job_table_add(s->open, ev->u.job_created.job_id, sat_add(now, wait));
    arm(s);
}

/* A counter cannot go down: a slash that was taken back and comes again is not counted twice. */
static void count_if_ours(struct slasher *s, const struct chain_event *ev)
{
    if (!address_eq(&ev->u.slashed.enclave, &s->config.enclave))
        return;
    if (s->taken_back > 0) {
        s->taken_back--;
        return;
    }
    s->stats.against_us++;
    log_error("slashed", F_STR("effect", "the contract took stake from this node for a job without an answer"));
}

void slasher_on_event(struct slasher *s, const struct chain_event *ev, const struct event_origin *origin)
{
    switch (ev->type) {
    case EVENT_JOB_CREATED:
        on_created(s, ev, origin);
        break;
    case EVENT_JOB_RESPONDED:
        if (job_table_answered(s->open, ev->u.job_responded.job_id) >= s->config.num_selected_executors ||
            ev->u.job_responded.output_count >= s->config.num_selected_executors)
            (void)job_table_remove(s->open, ev->u.job_responded.job_id);
        break;
    case EVENT_SLASHED:
        count_if_ours(s, ev);
        (void)job_table_remove(s->open, ev->u.slashed.job_id);
        break;
    default:
        break;
    }
}

void slasher_on_removed(struct slasher *s, const struct chain_event *ev, const struct event_origin *origin)
{
    (void)origin;
    switch (ev->type) {
    case EVENT_JOB_CREATED:
        (void)job_table_remove(s->open, ev->u.job_created.job_id);
        break;
    case EVENT_JOB_RESPONDED:
        if (!job_table_unanswered(s->open, ev->u.job_responded.job_id))
            check_start(s, ev->u.job_responded.job_id); /* it was complete: the chain says what it is now */
        break;
    case EVENT_SLASHED:
        s->taken_back += address_eq(&ev->u.slashed.enclave, &s->config.enclave);
        check_start(s, ev->u.slashed.job_id);
        break;
    default:
        break;
    }
}

struct slasher *slasher_new(uv_loop_t *loop, struct rpc *rpc, struct tx_queue *tx, const struct chain_clock *clock,
                            const struct slasher_config *config)
{
    struct slasher *s = xcalloc(1, sizeof *s);
    s->loop = loop;
    s->rpc = rpc;
    s->tx = tx;
    s->clock = clock;
    s->config = *config;
    s->open = job_table_new();
    s->timer = xcalloc(1, sizeof *s->timer);
    uv_timer_init(loop, s->timer);
    s->timer->data = s;
    return s;
}

void slasher_stats(const struct slasher *s, struct slasher_stats *out)
{
    *out = s->stats;
    out->open_jobs = job_table_count(s->open);
}

static void timer_closed(uv_handle_t *h)
{
    free(h);
}

void slasher_free(struct slasher *s)
{
    if (!s)
        return;
    struct check *c, *tmp;
    DL_FOREACH_SAFE(s->checks, c, tmp) {
        view_cancel(c->view);
        check_free(c);
    }
    uv_close((uv_handle_t *)s->timer, timer_closed);
    job_table_free(s->open);
    free(s);
}
