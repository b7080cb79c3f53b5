#include "job/jobs.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "eth/eip712.h"
#include "job/job.h"
#include "job/journal.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

/* An unsent answer of an earlier life that was signed longer ago is signed anew: contracts refuse old signatures
 * (SIGN_MAX_AGE, some minutes). */
#define SIGN_AGAIN_S 60
/* An answer that an endpoint's simulation refuses is sent again so often, each time after twice as long: the endpoint
 * may lag and not know the job yet. */
#define REFUSALS_MAX 5
#define REFUSED_FIRST_MS 250u

/* A slash of an earlier life is worth trying for so long: others may have been faster. */
#define ADOPTED_SLASH_MS 30000
/* History kept in the ledger, and after how many jobs it is cut to that. */
#define HISTORY_JOBS 10000
#define HISTORY_CUT_EVERY 1000

struct jobs {
    struct jobs_parts parts;
    struct jobs_config config;
    void (*on_final)(void *arg, const struct job_summary *summary);
    void *arg;
    struct job *open;
    uv_timer_t *timer; /* for answers that are to be sent again */
    struct jobs_stats stats;
    bool stopping; /* what ends now goes on in the node's next life */
};

/* While an earlier life is taken up. */
struct restore {
    struct jobs *jobs;
    const struct address *gas_account;
    uint64_t left_ms; /* of the job of the transaction at hand */
};

struct jobs *jobs_new(const struct jobs_parts *parts, const struct jobs_config *config,
                      void (*on_final)(void *arg, const struct job_summary *summary), void *arg)
{
    struct jobs *j = xcalloc(1, sizeof *j);
    j->parts = *parts;
    j->config = *config;
    j->on_final = on_final;
    j->arg = arg;
    j->timer = xcalloc(1, sizeof *j->timer);
    (void)uv_timer_init(parts->loop, j->timer);
    j->timer->data = j;
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

/* Out of the open ones. The job that its event has made when it came again takes its place, unless it is answered. */
static void job_end(struct job *job, enum job_state state)
{
    struct job *successor = state == JOB_CONFIRMED ? NULL : job->successor;
    if (successor)
        job->successor = NULL;
    job_release(job);
    if (successor)
        job_enter(successor);
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
    if (j->stopping) {
        job_release(job);
        return;
    }
    if (job->gone && to == JOB_DROPPED) /* should its event come again, it is a new job */
        memset(job->tx_hash, 0, sizeof job->tx_hash);
    count_final(&j->stats, to);
    job_record_final(j->parts.ledger, job);
    cut_history(j);
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
    job_end(job, to);
}

static void on_sent(void *arg, const uint8_t hash[32])
{
    struct job *job = arg;
    if (!job->sent_us) {
        job->sent_us = clock_mono_us();
        histogram_add(&job->owner->stats.event_to_tx, job->sent_us - job->start_us);
    }
    memcpy(job->tx_hash, hash, sizeof job->tx_hash);
    log_info("answer_sent", F_STR("job", job->id_text), F_HEX("tx", hash, 32),
             F_U64("event_to_tx_us", job->sent_us - job->start_us));
    job_step(job, JOB_EV_SENT, "");
}

static uint64_t chain_now_ms(const struct jobs *j)
{
    return chain_clock_now_ms(j->parts.clock, clock_mono_ms(), clock_wall_ms());
}

/* By the chain's clock, by which the contract judges a signature's age: ours may be an hour off. */
static void job_sign(struct job *job)
{
    uint8_t digest[32];
    job->sign_timestamp_s = chain_now_ms(job->owner) / 1000;
    eip712_submit_output(digest, job->id, job->output, job->output_len, job->total_time_ms, (uint8_t)job->error_code,
                         job->sign_timestamp_s);
    seckey_sign(&job->signature, job->owner->parts.enclave_key, digest);
}

static void on_tx_done(void *arg, const struct tx_result *r);

static void push_call(struct job *job, const struct buf *call)
{
    struct jobs *j = job->owner;
    struct tx_intent intent = { .kind = TX_SUBMIT_OUTPUT,
                                .to = j->config.jobs_contract,
                                .data = call->data,
                                .data_len = call->len,
                                .useless_after_ms = job->useless_after_ms,
                                .has_job = true,
                                .job_id = job->id };
    job->intent = tx_queue_push(j->parts.tx, &intent, on_sent, on_tx_done, job);
}

static void job_submit(struct job *job)
{
    struct submit_output s = { .job_id = job->id,
                               .output = job->output,
                               .output_len = job->output_len,
                               .total_time_ms = job->total_time_ms,
                               .error_code = (uint8_t)job->error_code,
                               .sign_timestamp_s = job->sign_timestamp_s,
                               .signature = job->signature };
    struct buf call = { 0 };
    call_submit_output(&call, &s);
    push_call(job, &call);
    buf_free(&call);
}

/* ---- an answer that is refused ---- */

static void answer_again(struct job *job)
{
    job->again_at_ms = 0;
    log_info("answer_again", F_STR("job", job->id_text), F_U64("refusals", job->refusals));
    job_submit(job);
}

static void arm(struct jobs *j);

static void on_again(uv_timer_t *timer)
{
    struct jobs *j = timer->data;
    struct job *job, *tmp;
    uint64_t now_ms = clock_mono_ms();
    HASH_ITER(hh, j->open, job, tmp)
        if (job->again_at_ms && job->again_at_ms <= now_ms)
            answer_again(job);
    arm(j);
}

/* Sets the timer to the answer that is due first. */
static void arm(struct jobs *j)
{
    uint64_t first_ms = UINT64_MAX;
    for (const struct job *job = j->open; job; job = job->hh.next)
        if (job->again_at_ms && job->again_at_ms < first_ms)
            first_ms = job->again_at_ms;
    if (first_ms != UINT64_MAX)
        (void)uv_timer_start(j->timer, on_again, sat_sub(first_ms, clock_mono_ms()), 0);
}

/* Refused by a simulation, not by the contract: true where it shall be tried again. */
static bool may_try_again(const struct job *job, const struct tx_result *r)
{
    bool simulated = r->outcome == TX_REVERTED && r->block_number == 0 && !r->too_big;
    return simulated && !job->owner->stopping && !job->gone && job->refusals < REFUSALS_MAX &&
           clock_mono_ms() + (REFUSED_FIRST_MS << job->refusals) < job->useless_after_ms;
}

/* The chain's endpoints take less than max_output_bytes allows: that is an output over the limit as well. */
static void answer_too_long(struct job *job)
{
    log_error("answer_too_long", F_STR("job", job->id_text), F_U64("output_bytes", job->output_len),
              F_STR("effect", "answered with error 5; lower max_output_bytes"));
    job->error_code = WORKER_OUTPUT_TOO_LARGE;
    job->output_len = 0;
    job_sign(job);
    job_submit(job);
    job_record(job->owner->parts.ledger, job);
}

static void on_tx_done(void *arg, const struct tx_result *r)
{
    static const enum job_event events[] = { [TX_CONFIRMED] = JOB_EV_INCLUDED,
                                             [TX_REVERTED] = JOB_EV_REFUSED,
                                             [TX_EXPIRED] = JOB_EV_LATE,
                                             [TX_CANCELLED] = JOB_EV_REMOVED };
    struct job *job = arg;
    if (r->too_big && job->output_len > 0 && !job->gone && !job->owner->stopping) {
        answer_too_long(job);
        return;
    }
    if (!may_try_again(job, r)) {
        job_step(job, events[r->outcome], r->reason);
        return;
    }
    job->again_at_ms = clock_mono_ms() + (REFUSED_FIRST_MS << job->refusals++);
    log_warn("answer_refused", F_STR("job", job->id_text), F_STR("reason", r->reason));
    arm(job->owner);
}

/* The end of every path: signs error code and output, sends, and only then writes down what the send has journalled
 * already in its own way. */
static void job_answer(struct job *job, uint8_t error_code, const uint8_t *output, size_t output_len)
{
    job->error_code = error_code;
    free(job->output); /* of a resumed job: empty, not NULL */
    job->output = xmemdup(output, output_len);
    job->output_len = output_len;
    job_sign(job);
    job_step(job, JOB_EV_VERDICT, "");
    job_submit(job);
    job_record(job->owner->parts.ledger, job);
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
    /* Where no endpoint has told anything, the deadline is what was exceeded: an answer that may still go out within
     * the contract's buffer, where silence costs stake. */
    uint8_t error_code = status == CODE_UNKNOWN ? WORKER_DEADLINE : (uint8_t)status;
    job->total_time_ms = status == CODE_UNKNOWN ? job->deadline_ms : job_total_time_ms(job);
    count_result(job, job_result_of(error_code, false, false));
    job_answer(job, error_code, NULL, 0);
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

static uint64_t age_of_block(const struct jobs *j, uint64_t chain_time_s)
{
    return sat_sub(chain_now_ms(j), sat_mul(chain_time_s, 1000));
}

static void job_was_answered(void *arg, const struct ledger_job *r)
{
    static const uint8_t none[32];
    bool sent = memcmp(r->tx_hash, none, sizeof none) != 0;
    *(bool *)arg = r->state == JOB_CONFIRMED || (r->state == JOB_DROPPED && sent);
}

/* Did its answer go out in this life of the node or an earlier one? */
static bool was_answered(struct jobs *j, struct u256 id)
{
    bool answered = false;
    (void)ledger_get_job(j->parts.ledger, id, job_was_answered, &answered);
    return answered;
}

static struct job *find_open(const struct jobs *j, struct u256 id)
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
        !job_set_time(job, j->config.execution_buffer_ms, aged ? age_of_block(j, origin->block_timestamp_s) : 0);
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

void jobs_created(struct jobs *j, const struct chain_event *ev, const struct event_origin *origin)
{
    struct job *open = find_open(j, ev->u.job_created.job_id);
    if (!open && !was_answered(j, ev->u.job_created.job_id)) {
        job_enter(job_of_event(j, ev, origin));
    } else if (open && open->gone && !open->successor) {
        log_info("job_came_again", F_STR("job", open->id_text), F_U64("block", origin->block_number));
        open->successor = job_of_event(j, ev, origin);
    }
}

/* ---- a new life of the node ---- */

/* A run begins anew, with as much of its time as the contract's limit leaves. */
static void load_job(void *arg, const struct ledger_job *r)
{
    struct jobs *j = arg;
    struct job *job = job_from_record(j, r);
    uint64_t age = r->chain_time_s ? age_of_block(j, r->chain_time_s) : sat_sub(clock_wall_ms(), r->seen_wall_ms);
    job->start_us = clock_mono_us();
    HASH_ADD(hh, j->open, id, sizeof(struct u256), job);
    job->late = !job_set_time(job, j->config.execution_buffer_ms, age);
    if (job->late) /* a last look at what was sent, no more */
        job->useless_after_ms = sat_add(clock_mono_ms(), JOB_LATE_GRACE_MS);
}

static void ignore_tx_done(void *arg, const struct tx_result *r)
{
    (void)arg;
    (void)r;
}

/* How long a confirmed answer is worth being sent again, if its block goes. */
static void time_left_of_confirmed(void *arg, const struct ledger_job *r)
{
    struct restore *x = arg;
    uint64_t whole = sat_add(r->deadline_ms, x->jobs->config.execution_buffer_ms);
    if (r->state == JOB_CONFIRMED && r->chain_time_s)
        x->left_ms = sat_sub(whole, age_of_block(x->jobs, r->chain_time_s));
}

/* A transaction whose job is final, or that answers none. Its nonce is seen to its end. */
static void adopt_other(struct restore *x, const struct ledger_tx *t)
{
    struct tx_record r = journal_record(t);
    x->left_ms = t->has_job ? 0 : ADOPTED_SLASH_MS;
    if (t->has_job)
        (void)ledger_get_job(x->jobs->parts.ledger, t->job_id, time_left_of_confirmed, x);
    (void)tx_queue_adopt(x->jobs->parts.tx, &r, sat_add(clock_mono_ms(), x->left_ms), NULL, ignore_tx_done, NULL);
}

/* Hands a transaction of an earlier life back to the queue, and its end to the job that it answers. What another gas
 * account has sent can only be said again, in the same words, by the present one. */
static void adopt_tx(void *arg, const struct ledger_tx *t)
{
    struct restore *x = arg;
    struct jobs *j = x->jobs;
    struct job *job = t->has_job ? find_open(j, t->job_id) : NULL;
    struct tx_record r = journal_record(t);
    if (!address_eq(&t->from, x->gas_account)) {
        if (job && !job->said.len)
            buf_append(&job->said, t->data, t->data_len);
        return;
    }
    if (!job) {
        adopt_other(x, t);
        return;
    }
    job->adopted = true;
    memcpy(job->tx_hash, t->hash, sizeof job->tx_hash);
    job->intent = tx_queue_adopt(j->parts.tx, &r, job->useless_after_ms, on_sent, on_tx_done, job);
}

/* Goes on with a job that has no transaction: sends the answer that was signed, or runs it (again). */
static void resume_job(struct job *job)
{
    if (job->state == JOB_SEEN && job->late) {
        job_step(job, JOB_EV_LATE, "the node was away until the contract's limit");
    } else if (job->state == JOB_SEEN) {
        job_begin(job);
    } else if (job->said.len) {
        push_call(job, &job->said);
    } else {
        if (chain_now_ms(job->owner) / 1000 >= job->sign_timestamp_s + SIGN_AGAIN_S)
            job_sign(job);
        job_submit(job);
    }
}

void jobs_restore(struct jobs *j, const struct address *gas_account)
{
    struct job *job, *tmp;
    struct restore x = { .jobs = j, .gas_account = gas_account };
    ledger_each_job_not_in(j->parts.ledger, job_final_states(), load_job, j);
    ledger_each_tx(j->parts.ledger, adopt_tx, &x);
    HASH_ITER(hh, j->open, job, tmp) {
        job->state = job_state_resumed(job->adopted, job->late, job->error_code >= 0 || job->said.len);
        log_info("job_resumed", F_STR("job", job->id_text), F_STR("state", job_state_name(job->state)),
                 F_I64("error_code", job->error_code), F_BOOL("adopted", job->adopted), F_BOOL("late", job->late));
        if (!job->adopted)
            resume_job(job);
    }
}

/* Ends the job where nothing was sent yet. */
static void job_withdraw(struct job *job, const char *why)
{
    struct jobs *j = job->owner;
    bool queued = (job->state == JOB_SIGNED || job->state == JOB_SUBMITTED) && !job->again_at_ms;
    if (queued) {
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
    struct job *job = find_open(j, job_id);
    if (job)
        job_withdraw(job, "answered before");
}

void jobs_taken_back(struct jobs *j, struct u256 job_id)
{
    struct job *job = find_open(j, job_id);
    if (!job) {
        job_forget_refused(j->parts.ledger, job_id);
        return;
    }
    job->gone = true;
    if (job->successor)
        job_free(job->successor);
    job->successor = NULL;
    job_withdraw(job, "its block was reorganised away");
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

void jobs_stop(struct jobs *j)
{
    if (j)
        j->stopping = true;
}

static void timer_closed(uv_handle_t *h)
{
    free(h);
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
    uv_close((uv_handle_t *)j->timer, timer_closed);
    free(j);
}
