#include "job/answer.h"

#include <stdlib.h>
#include <string.h>

#include "eth/eip712.h"
#include "job/jobs_impl.h"
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

/* By the chain's clock, by which the contract judges a signature's age: ours may be an hour off. */
static void sign(struct job *job)
{
    uint8_t digest[32];
    job->sign_timestamp_s = jobs_chain_now_ms(job->owner) / 1000;
    eip712_submit_output(digest, job->id, job->output, job->output_len, job->total_time_ms, (uint8_t)job->error_code,
                         job->sign_timestamp_s);
    seckey_sign(&job->signature, job->owner->parts.enclave_key, digest);
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

static void submit(struct job *job)
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

/* ---- refused ---- */

static void send_again(struct job *job)
{
    job->again_at_ms = 0;
    log_info("answer_again", F_STR("job", job->id_text), F_U64("refusals", job->refusals));
    submit(job);
}

static void arm(struct jobs *j);

static void on_again(uv_timer_t *timer)
{
    struct jobs *j = timer->data;
    struct job *job, *tmp;
    uint64_t now_ms = clock_mono_ms();
    HASH_ITER(hh, j->open, job, tmp)
        if (job->again_at_ms && job->again_at_ms <= now_ms)
            send_again(job);
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
        (void)uv_timer_start(j->again, on_again, sat_sub(first_ms, clock_mono_ms()), 0);
}

/* Refused by a simulation, not by the contract: true where it shall be tried again. */
static bool may_try_again(const struct job *job, const struct tx_result *r)
{
    bool simulated = r->outcome == TX_REVERTED && r->block_number == 0 && !r->too_big;
    return simulated && !job->owner->stopping && job->refusals < REFUSALS_MAX &&
           clock_mono_ms() + (REFUSED_FIRST_MS << job->refusals) < job->useless_after_ms;
}

/* The chain's endpoints take less than max_output_bytes allows: that is an output over the limit as well. */
static void too_long(struct job *job)
{
    log_error("answer_too_long", F_STR("job", job->id_text), F_U64("output_bytes", job->output_len),
              F_STR("effect", "answered with error 5; lower max_output_bytes"));
    job->error_code = WORKER_OUTPUT_TOO_LARGE;
    job->output_len = 0;
    sign(job);
    submit(job);
    job_record(job->owner->parts.ledger, job);
}

static void on_tx_done(void *arg, const struct tx_result *r)
{
    static const enum job_event events[] = { [TX_CONFIRMED] = JOB_EV_INCLUDED,
                                             [TX_REVERTED] = JOB_EV_REFUSED,
                                             [TX_EXPIRED] = JOB_EV_LATE,
                                             [TX_CANCELLED] = JOB_EV_REMOVED };
    struct job *job = arg;
    if (job->gone) { /* an answer that was included all the same is in a block of the other branch */
        job_step(job, JOB_EV_REMOVED, "its block was reorganised away");
        return;
    }
    if (r->too_big && job->output_len > 0 && !job->owner->stopping) {
        too_long(job);
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

/* ---- what jobs ask for ---- */

void answer_job(struct job *job, uint8_t error_code, const uint8_t *output, size_t output_len)
{
    job->error_code = error_code;
    free(job->output); /* of a resumed job: empty, not NULL */
    job->output = xmemdup(output, output_len);
    job->output_len = output_len;
    sign(job);
    job_step(job, JOB_EV_VERDICT, "");
    submit(job);
    job_record(job->owner->parts.ledger, job);
}

void answer_resume(struct job *job)
{
    if (job->said.len) {
        push_call(job, &job->said);
        return;
    }
    if (jobs_chain_now_ms(job->owner) / 1000 >= job->sign_timestamp_s + SIGN_AGAIN_S)
        sign(job);
    submit(job);
}

void answer_adopt(struct job *job, const struct tx_record *r)
{
    job->adopted = true;
    memcpy(job->tx_hash, r->hash, sizeof job->tx_hash);
    job->intent = tx_queue_adopt(job->owner->parts.tx, r, job->useless_after_ms, on_sent, on_tx_done, job);
}

bool answer_is_queued(const struct job *job)
{
    return (job->state == JOB_SIGNED || job->state == JOB_SUBMITTED) && !job->again_at_ms;
}

void answers_open(struct jobs *j)
{
    j->again = xcalloc(1, sizeof *j->again);
    (void)uv_timer_init(j->parts.loop, j->again);
    j->again->data = j;
}

static void timer_closed(uv_handle_t *h)
{
    free(h);
}

void answers_close(struct jobs *j)
{
    uv_close((uv_handle_t *)j->again, timer_closed);
}
