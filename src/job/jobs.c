#include "job/jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "job/answer.h"
#include "job/jobs_impl.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

/* History kept in the ledger, and after how many jobs it is cut to that. */
#define HISTORY_JOBS 10000
#define HISTORY_CUT_EVERY 1000

struct jobs *jobs_new(const struct jobs_parts *parts, const struct jobs_config *config)
{
    struct jobs *j = xcalloc(1, sizeof *j);
    j->parts = *parts;
    j->config = *config;
    answers_open(j);
    return j;
}

static void job_release(struct job *job)
{
    HASH_DEL(job->owner->open, job);
    job_free(job);
}

static void count_final(struct jobs_stats *s, enum job_state state)
{
    if (state == JOB_CONFIRMED)
        s->confirmed++;
    else if (state == JOB_EXPIRED)
        s->expired++;
    else
        s->dropped++;
}

static void cut_history(struct jobs *j)
{
    if ((j->stats.confirmed + j->stats.expired + j->stats.dropped) % HISTORY_CUT_EVERY == 0)
        ledger_prune(j->parts.ledger, job_final_states(), HISTORY_JOBS);
}

static void job_enter(struct job *job);

/* Out of the open ones. The job that its event has made when it came again takes its place. */
static void job_end(struct job *job)
{
    struct job *successor = job->successor;
    job->successor = NULL;
    job_release(job);
    if (successor)
        job_enter(successor);
}

void job_step(struct job *job, enum job_event event, const char *reason)
{
    struct jobs *j = job->owner;
    enum job_state to = job_next(job->state, event);
    assert(to != JOB_INVALID);
    job->state = to;
    if (!job_state_is_final(to))
        return;
    if (j->stopping) {
        job_release(job);
        return;
    }
    if (job->gone) /* should its event come again, it is a new job */
        memset(job->tx_hash, 0, sizeof job->tx_hash);
    count_final(&j->stats, to);
    job_record_final(j->parts.ledger, job);
    cut_history(j);
    uint64_t latency = job->sent_us ? job->sent_us - job->start_us : 0;
    LOG_RECORD(to == JOB_CONFIRMED ? LOG_INFO : LOG_WARN, "job_final", F_STR("job", job->id_text),
               F_STR("state", job_state_name(to)), F_I64("error_code", job->error_code),
               F_U64("total_time_ms", job->total_time_ms), F_U64("event_to_tx_us", latency), F_STR("reason", reason));
    job_end(job);
}

/* A verdict is reached: counts it. */
static void count_result(struct job *job, enum job_result result)
{
    struct jobs_stats *s = &job->owner->stats;
    s->by_result[result]++;
    histogram_add(&s->duration, clock_mono_us() - job->start_us);
}

static void on_worker_done(void *arg, const struct worker_result *r)
{
    struct job *job = arg;
    job->total_time_ms = r->end == WORKER_DEADLINE ? job->deadline_ms : job_total_time_ms(job);
    log_info("job_ran", F_STR("job", job->id_text), F_I64("error_code", r->end), F_U64("output_bytes", r->output_len),
             F_U64("queued_us", r->queued_us), F_U64("run_us", r->run_us), F_U64("cpu_us", r->cpu_us),
             F_U64("memory_peak_bytes", r->memory_peak_bytes), F_U64("console_bytes", r->console_len),
             F_STR("reason", r->reason));
    count_result(job, job_result_of((uint8_t)r->end, r->oom_killed, r->no_slot));
    answer_job(job, (uint8_t)r->end, r->output, r->end == WORKER_ANSWERED ? r->output_len : 0);
}

static void job_run(struct job *job)
{
    job_step(job, JOB_EV_RUN, "");
    struct worker_job w = { .id = job->id_text,
                            .code = job->code->bytes,
                            .code_len = job->code->len,
                            .inputs = job->inputs,
                            .inputs_len = job->inputs_len,
                            .deadline_us = job->run_until_us };
    job->run = pool_run(job->owner->parts.pool, &w, on_worker_done, job);
}

static void on_code(void *arg, enum code_status status, struct code *code, const char *reason)
{
    struct job *job = arg;
    job->fetch = NULL;
    if (status == CODE_FOUND) {
        job->code = code_keep(code);
        job_run(job);
        return;
    }
    log_warn("job_without_code", F_STR("job", job->id_text), F_HEX("codehash", job->codehash, 32),
             F_STR("reason", reason));
    /* Where no endpoint has told anything, the deadline is what was exceeded: an answer that may still go out within
     * the contract's buffer, where silence costs stake. */
    uint8_t error_code = status == CODE_UNKNOWN ? WORKER_DEADLINE : (uint8_t)status;
    job->total_time_ms = status == CODE_UNKNOWN ? job->deadline_ms : job_total_time_ms(job);
    count_result(job, job_result_of(error_code, false, false));
    answer_job(job, error_code, NULL, 0);
}

void job_begin(struct job *job)
{
    struct code_store *store = job->owner->parts.code;
    struct code *cached = code_store_cached(store, job->codehash);
    if (cached) {
        job->code = code_keep(cached);
        job_run(job);
        return;
    }
    job_step(job, JOB_EV_NEED_CODE, "");
    job->fetch = code_store_get(store, job->codehash, job->run_until_us, on_code, job);
}

uint64_t jobs_chain_now_ms(const struct jobs *j)
{
    return chain_clock_now_ms(j->parts.clock, clock_mono_ms(), clock_wall_ms());
}

uint64_t jobs_age_of_block(const struct jobs *j, uint64_t chain_time_s)
{
    return sat_sub(jobs_chain_now_ms(j), sat_mul(chain_time_s, 1000));
}

/* What is known of a job's event, against one of the same id: a reorganisation may give the id to another job. */
struct creation {
    const struct chain_event *ev;
    uint64_t block_number;
    bool answered, same;
};

static bool is_same(const struct creation *c, uint64_t block_number, const uint8_t codehash[32], uint64_t deadline_ms)
{
    return c->block_number == block_number && c->ev->u.job_created.deadline_ms == deadline_ms &&
           memcmp(c->ev->u.job_created.codehash, codehash, 32) == 0;
}

static void compare_with_record(void *arg, const struct ledger_job *r)
{
    static const uint8_t none[32];
    struct creation *c = arg;
    bool sent = memcmp(r->tx_hash, none, sizeof none) != 0;
    c->answered = r->state == JOB_CONFIRMED || (r->state == JOB_DROPPED && sent);
    c->same = is_same(c, r->block_number, r->codehash, r->deadline_ms);
}

static bool is_same_as_open(const struct creation *c, const struct job *job)
{
    return is_same(c, job->block_number, job->codehash, job->deadline_ms) &&
           c->ev->u.job_created.inputs_len == job->inputs_len &&
           (job->inputs_len == 0 || memcmp(c->ev->u.job_created.inputs, job->inputs, job->inputs_len) == 0);
}

struct job *jobs_find(const struct jobs *j, struct u256 id)
{
    struct job *job;
    HASH_FIND(hh, j->open, &id, sizeof id, job);
    return job;
}

static struct job *job_of_event(struct jobs *j, const struct chain_event *ev, const struct event_origin *origin)
{
    struct job *job = job_new(j, ev->u.job_created.job_id, ev->u.job_created.inputs, ev->u.job_created.inputs_len);
    memcpy(job->codehash, ev->u.job_created.codehash, 32);
    job->deadline_ms = ev->u.job_created.deadline_ms;
    job->block_number = origin->block_number;
    job->chain_time_s = origin->block_timestamp_s;
    job->seen_wall_ms = clock_wall_ms();
    job->start_us = origin->received_us;
    job->backfilled = origin->backfilled;
    bool aged = origin->backfilled && origin->block_timestamp_s;
    job->late =
        !job_set_time(job, j->config.execution_buffer_ms, aged ? jobs_age_of_block(j, origin->block_timestamp_s) : 0);
    return job;
}

static void job_enter(struct job *job)
{
    struct jobs *j = job->owner;
    bool late = job->late;
    HASH_ADD(hh, j->open, id, sizeof(struct u256), job);
    j->stats.received++;
    if (!late)
        job_begin(job);
    log_info("job_received", F_STR("job", job->id_text), F_HEX("codehash", job->codehash, 32),
             F_U64("input_bytes", job->inputs_len), F_U64("deadline_ms", job->deadline_ms),
             F_U64("block", job->block_number), F_BOOL("backfilled", job->backfilled));
    if (!late)
        job_record(j->parts.ledger, job); /* the worker has begun meanwhile */
    else
        job_step(job, JOB_EV_LATE, "read back after the contract's limit");
}

/* Ends the job where nothing was sent yet. */
static void job_withdraw(struct job *job, const char *why)
{
    struct jobs *j = job->owner;
    if (answer_is_queued(job)) {
        tx_queue_cancel(j->parts.tx, job->intent); /* the queue tells what became of it */
        return;
    }
    if (job->state == JOB_FETCHING)
        code_request_cancel(job->fetch);
    else if (job->state == JOB_RUNNING)
        pool_cancel(j->parts.pool, job->run);
    job_step(job, JOB_EV_REMOVED, why);
}

void jobs_answered(struct jobs *j, struct u256 job_id)
{
    struct job *job = jobs_find(j, job_id);
    if (job)
        job_withdraw(job, "answered before");
}

/* The chain does not have the job any more: what was sent for it would answer whichever job gets its id. */
static void revoke_answer(struct jobs *j, struct u256 job_id)
{
    ledger_disown_txs(j->parts.ledger, job_id);
    tx_queue_revoke(j->parts.tx, job_id);
}

static void forget(struct jobs *j, struct u256 job_id)
{
    job_forget(j->parts.ledger, job_id);
    revoke_answer(j, job_id);
}

void jobs_taken_back(struct jobs *j, struct u256 job_id)
{
    struct job *job = jobs_find(j, job_id);
    if (!job) {
        forget(j, job_id);
        return;
    }
    job->gone = true;
    if (job->successor)
        job_free(job->successor);
    job->successor = NULL;
    if (answer_is_queued(job))
        revoke_answer(j, job_id); /* the queue tells that it has ended */
    else
        job_withdraw(job, "its block was reorganised away");
}

void jobs_created(struct jobs *j, const struct chain_event *ev, const struct event_origin *origin)
{
    struct u256 id = ev->u.job_created.job_id;
    struct creation c = { .ev = ev, .block_number = origin->block_number };
    struct job *open = jobs_find(j, id);
    if (open && !open->gone && !is_same_as_open(&c, open)) { /* reorganised while the node was away */
        jobs_taken_back(j, id);
        open = jobs_find(j, id);
    }
    if (open) {
        if (!open->gone || open->successor)
            return;
        log_info("job_came_again", F_STR("job", open->id_text), F_U64("block", origin->block_number));
        open->successor = job_of_event(j, ev, origin);
        return;
    }
    (void)ledger_get_job(j->parts.ledger, id, compare_with_record, &c);
    if (c.answered && c.same)
        return;
    if (c.answered)
        forget(j, id);
    job_enter(job_of_event(j, ev, origin));
}

void jobs_stats(const struct jobs *j, struct jobs_stats *out)
{
    *out = j->stats;
    out->open = HASH_COUNT(j->open);
}

size_t jobs_open(const struct jobs *j, struct job_view *out, size_t max)
{
    size_t n = 0;
    for (const struct job *job = j->open; job && n < max; job = job->hh.next, n++) {
        out[n] = (struct job_view){ .state = job->state,
                                    .age_ms = job_elapsed_ms(job),
                                    .deadline_ms = job->deadline_ms,
                                    .block_number = job->block_number,
                                    .error_code = job->error_code };
        memcpy(out[n].id, job->id_text, sizeof out[n].id);
    }
    return n;
}

uint64_t jobs_run_until(const struct jobs *j)
{
    uint64_t until_us = 0;
    for (const struct job *job = j->open; job; job = job->hh.next)
        if ((job->state == JOB_FETCHING || job->state == JOB_RUNNING) && job->run_until_us > until_us)
            until_us = job->run_until_us;
    return until_us;
}

void jobs_stop(struct jobs *j)
{
    if (j)
        j->stopping = true;
}

void jobs_free(struct jobs *j)
{
    if (!j)
        return;
    struct job *job, *tmp;
    HASH_ITER(hh, j->open, job, tmp) {
        if (job->state == JOB_FETCHING)
            code_request_cancel(job->fetch);
        else if (job->state == JOB_RUNNING)
            pool_cancel(j->parts.pool, job->run);
        job_release(job);
    }
    answers_close(j);
    free(j);
}
