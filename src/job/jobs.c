#include "job/jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "eth/eip712.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

/* A transaction is given this long beyond the contract's limit before it is called useless: block time is coarse. */
#define LATE_GRACE_MS 3000
/* A run that begins late (read back after an outage) must leave this for the answer's transaction. */
#define SUBMIT_ROOM_MS 1000

struct job {
    struct jobs *owner;
    struct u256 id;
    char id_text[U256_DEC_MAX];
    enum job_state state;
    uint8_t codehash[32];
    uint8_t *inputs;
    size_t inputs_len;
    uint64_t deadline_ms;      /* as the contract has it: what a timeout reports as total time */
    uint64_t start_us;         /* monotonic, when the event came */
    uint64_t run_until_us;     /* monotonic end of the run */
    uint64_t useless_after_ms; /* monotonic; the contract refuses from then on */
    struct code *code;
    struct code_request *fetch; /* with JOB_FETCHING */
    uint64_t run;               /* pool handle, with JOB_RUNNING */
    uint64_t intent;            /* tx_queue handle, with JOB_SIGNED and JOB_SUBMITTED */
    int error_code;
    uint64_t total_time_ms;
    uint64_t sent_us;
    UT_hash_handle hh;
};

struct jobs {
    struct jobs_parts parts;
    struct jobs_config config;
    void (*on_final)(void *arg, const struct job_summary *summary);
    void *arg;
    struct job *open;
    struct jobs_stats stats;
};

struct jobs *jobs_new(const struct jobs_parts *parts, const struct jobs_config *config,
                      void (*on_final)(void *arg, const struct job_summary *summary), void *arg)
{
    struct jobs *j = xcalloc(1, sizeof *j);
    j->parts = *parts;
    j->config = *config;
    j->on_final = on_final;
    j->arg = arg;
    return j;
}

static void job_release(struct job *job)
{
    HASH_DEL(job->owner->open, job);
    code_drop(job->code);
    free(job->inputs);
    free(job);
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

/* The one place that writes a job's state. A final state releases the job. */
static void job_step(struct job *job, enum job_event event, const char *reason)
{
    struct jobs *j = job->owner;
    enum job_state to = job_next(job->state, event);
    assert(to != JOB_INVALID);
    job->state = to;
    if (!job_state_is_final(to))
        return;
    count_final(&j->stats, to);
    uint64_t latency = job->sent_us ? job->sent_us - job->start_us : 0;
    LOG_RECORD(to == JOB_CONFIRMED ? LOG_INFO : LOG_WARN, "job_final", F_STR("job", job->id_text),
               F_STR("state", job_state_name(to)), F_I64("error_code", job->error_code),
               F_U64("total_time_ms", job->total_time_ms), F_U64("event_to_tx_us", latency), F_STR("reason", reason));
    if (j->on_final)
        j->on_final(j->arg, &(struct job_summary){ .id = job->id_text,
                                                   .state = to,
                                                   .error_code = job->error_code,
                                                   .total_time_ms = job->total_time_ms,
                                                   .event_to_tx_us = latency });
    job_release(job);
}

static void on_sent(void *arg, const uint8_t hash[32])
{
    struct job *job = arg;
    if (!job->sent_us)
        job->sent_us = clock_mono_us();
    log_info("answer_sent", F_STR("job", job->id_text), F_HEX("tx", hash, 32),
             F_U64("event_to_tx_us", job->sent_us - job->start_us));
    job_step(job, JOB_EV_SENT, "");
}

static void on_tx_done(void *arg, const struct tx_result *r)
{
    static const enum job_event events[] = { [TX_CONFIRMED] = JOB_EV_INCLUDED,
                                             [TX_REVERTED] = JOB_EV_REFUSED,
                                             [TX_EXPIRED] = JOB_EV_LATE,
                                             [TX_CANCELLED] = JOB_EV_REMOVED };
    job_step(arg, events[r->outcome], r->reason);
}

/* The end of every path: signs error code and output and queues the transaction. */
static void job_answer(struct job *job, uint8_t error_code, const uint8_t *output, size_t output_len)
{
    struct jobs *j = job->owner;
    struct submit_output s = { .job_id = job->id,
                               .output = output,
                               .output_len = output_len,
                               .total_time_ms = job->total_time_ms,
                               .error_code = error_code,
                               .sign_timestamp_s = clock_wall_s() };
    uint8_t digest[32];
    eip712_submit_output(digest, s.job_id, output, output_len, s.total_time_ms, error_code, s.sign_timestamp_s);
    seckey_sign(&s.signature, j->parts.enclave_key, digest);
    struct buf call = { 0 };
    call_submit_output(&call, &s);
    job->error_code = error_code;
    j->stats.by_error_code[error_code]++;
    job_step(job, JOB_EV_VERDICT, "");
    struct tx_intent intent = { .kind = TX_SUBMIT_OUTPUT,
                                .to = j->config.jobs_contract,
                                .data = call.data,
                                .data_len = call.len,
                                .useless_after_ms = job->useless_after_ms };
    job->intent = tx_queue_push(j->parts.tx, &intent, on_sent, on_tx_done, job);
    buf_free(&call);
}

static uint64_t elapsed_ms(const struct job *job)
{
    return (clock_mono_us() - job->start_us) / 1000;
}

static void on_worker_done(void *arg, const struct worker_result *r)
{
    struct job *job = arg;
    job->total_time_ms = r->end == WORKER_DEADLINE ? job->deadline_ms : elapsed_ms(job);
    log_info("job_ran", F_STR("job", job->id_text), F_I64("error_code", r->end), F_U64("output_bytes", r->output_len),
             F_U64("queued_us", r->queued_us), F_U64("run_us", r->run_us), F_U64("cpu_us", r->cpu_us),
             F_U64("memory_peak_bytes", r->memory_peak_bytes), F_U64("console_bytes", r->console_len),
             F_STR("reason", r->reason));
    job_answer(job, (uint8_t)r->end, r->output, r->end == WORKER_ANSWERED ? r->output_len : 0);
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
    if (status == CODE_UNKNOWN) {
        job_step(job, JOB_EV_LATE, reason);
        return;
    }
    job->total_time_ms = elapsed_ms(job);
    if (job->total_time_ms > job->deadline_ms)
        job->total_time_ms = job->deadline_ms;
    job_answer(job, (uint8_t)status, NULL, 0);
}

static void job_begin(struct job *job)
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

/* Sets the ends of a job by what is left of its time: an event read back late has less. Returns false when the contract
 * would not take an answer any more. */
static bool job_set_time(struct job *job, const struct event_origin *origin)
{
    const struct jobs *j = job->owner;
    uint64_t buffer = j->config.execution_buffer_ms, now_ms = clock_mono_ms(), age = 0;
    uint64_t chain_now = chain_clock_now_ms(j->parts.clock, now_ms, clock_wall_ms());
    if (origin->backfilled && origin->block_timestamp_s)
        age = sat_sub(chain_now, origin->block_timestamp_s * 1000);
    uint64_t whole = sat_add(job->deadline_ms, buffer);
    if (age >= whole)
        return false;
    uint64_t left = whole - age;
    uint64_t run = job->deadline_ms;
    if (age > 0 && run > left)
        run = left;
    if (age > 0 && left - run < SUBMIT_ROOM_MS && run > SUBMIT_ROOM_MS)
        run -= SUBMIT_ROOM_MS;
    job->run_until_us = sat_add(job->start_us, sat_mul(run, 1000));
    job->useless_after_ms = sat_add(now_ms, sat_add(left, LATE_GRACE_MS));
    return true;
}

void jobs_created(struct jobs *j, const struct chain_event *ev, const struct event_origin *origin)
{
    struct job *job;
    HASH_FIND(hh, j->open, &ev->u.job_created.job_id, sizeof(struct u256), job);
    if (job)
        return;
    job = xcalloc(1, sizeof *job);
    job->owner = j;
    job->id = ev->u.job_created.job_id;
    (void)u256_to_dec(job->id_text, job->id);
    job->state = JOB_SEEN;
    job->error_code = -1;
    memcpy(job->codehash, ev->u.job_created.codehash, 32);
    job->inputs = xmemdup(ev->u.job_created.inputs, ev->u.job_created.inputs_len);
    job->inputs_len = ev->u.job_created.inputs_len;
    job->deadline_ms = ev->u.job_created.deadline_ms;
    job->start_us = origin->received_us;
    HASH_ADD(hh, j->open, id, sizeof(struct u256), job);
    j->stats.received++;
    log_info("job_received", F_STR("job", job->id_text), F_HEX("codehash", job->codehash, 32),
             F_U64("input_bytes", job->inputs_len), F_U64("deadline_ms", job->deadline_ms),
             F_U64("block", origin->block_number), F_BOOL("backfilled", origin->backfilled));
    if (job_set_time(job, origin))
        job_begin(job);
    else
        job_step(job, JOB_EV_LATE, "read back after the contract's limit");
}

void jobs_withdraw(struct jobs *j, struct u256 job_id, const char *why)
{
    struct job *job;
    HASH_FIND(hh, j->open, &job_id, sizeof job_id, job);
    if (!job)
        return;
    if (job->state == JOB_SIGNED || job->state == JOB_SUBMITTED) {
        tx_queue_cancel(j->parts.tx, job->intent); /* the queue tells what became of it */
        return;
    }
    if (job->state == JOB_FETCHING)
        code_request_cancel(job->fetch);
    else if (job->state == JOB_RUNNING)
        pool_cancel(j->parts.pool, job->run);
    job_step(job, JOB_EV_REMOVED, why);
}

void jobs_stats(const struct jobs *j, struct jobs_stats *out)
{
    *out = j->stats;
    out->open = HASH_COUNT(j->open);
}

void jobs_free(struct jobs *j)
{
    if (!j)
        return;
    j->on_final = NULL;
    struct job *job, *tmp;
    HASH_ITER(hh, j->open, job, tmp) {
        if (job->state == JOB_FETCHING)
            code_request_cancel(job->fetch);
        else if (job->state == JOB_RUNNING)
            pool_cancel(j->parts.pool, job->run);
        job_release(job);
    }
    free(j);
}
