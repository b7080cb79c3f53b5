#include "job/job.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/history.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/sat.h"

/* A run that begins late (read back after an outage) must leave this for the answer's transaction. */
#define SUBMIT_ROOM_MS 1000

struct job *job_new(struct jobs *owner, struct u256 id, const uint8_t *inputs, size_t inputs_len)
{
    struct job *job = xcalloc(1, sizeof *job);
    job->owner = owner;
    job->id = id;
    (void)u256_to_dec(job->id_text, id);
    job->state = JOB_SEEN;
    job->error_code = -1;
    job->inputs = xmemdup(inputs, inputs_len);
    job->inputs_len = inputs_len;
    return job;
}

void job_free(struct job *job)
{
    if (job->successor)
        job_free(job->successor);
    code_drop(job->code);
    free(job->inputs);
    free(job->output);
    buf_free(&job->said);
    free(job);
}

uint64_t job_elapsed_ms(const struct job *job)
{
    return (clock_mono_us() - job->start_us) / 1000;
}

uint64_t job_total_time_ms(const struct job *job)
{
    uint64_t ms = job_elapsed_ms(job);
    return ms < job->deadline_ms ? ms : job->deadline_ms;
}

bool job_set_time(struct job *job, uint64_t buffer_ms, uint64_t age_ms)
{
    uint64_t whole = sat_add(job->deadline_ms, buffer_ms);
    if (age_ms >= whole)
        return false;
    uint64_t left = whole - age_ms;
    uint64_t run = job->deadline_ms;
    if (age_ms > 0 && run > left)
        run = left;
    if (age_ms > 0 && left - run < SUBMIT_ROOM_MS && run > SUBMIT_ROOM_MS)
        run -= SUBMIT_ROOM_MS;
    job->run_until_us = sat_add(job->start_us, sat_mul(run, 1000));
    job->useless_after_ms = sat_add(clock_mono_ms(), sat_add(left, JOB_LATE_GRACE_MS));
    return true;
}

/* Of the first sending, whichever life that was in. */
static uint64_t event_to_tx_us(const struct job *job)
{
    if (job->earlier_event_to_tx_us)
        return job->earlier_event_to_tx_us;
    return job->sent_us ? job->sent_us - job->start_us : 0;
}

void job_record(struct ledger *ledger, const struct job *job)
{
    bool open = !job_state_is_final(job->state);
    struct ledger_job r = { .id = job->id,
                            .state = (int)job->state,
                            .inputs = job->inputs,
                            .inputs_len = open ? job->inputs_len : 0,
                            .deadline_ms = job->deadline_ms,
                            .chain_time_s = job->chain_time_s,
                            .seen_wall_ms = job->seen_wall_ms,
                            .block_number = job->block_number,
                            .error_code = job->error_code,
                            .total_time_ms = job->total_time_ms,
                            .output = job->output,
                            .output_len = open ? job->output_len : 0,
                            .sign_timestamp_s = job->sign_timestamp_s,
                            .event_to_tx_us = event_to_tx_us(job) };
    memcpy(r.codehash, job->codehash, sizeof r.codehash);
    memcpy(r.signature, job->signature.b, sizeof r.signature);
    memcpy(r.tx_hash, job->tx_hash, sizeof r.tx_hash);
    ledger_put_job(ledger, &r);
}

static void note_state(void *arg, const struct ledger_job *r)
{
    *(enum job_state *)arg = (enum job_state)r->state;
}

void job_record_final(struct ledger *ledger, const struct job *job)
{
    enum job_state before = JOB_INVALID; /* its event may be read again after a restart */
    (void)ledger_get_job(ledger, job->id, note_state, &before);
    ledger_begin(ledger);
    job_record(ledger, job);
    if (job->state == JOB_CONFIRMED && before != JOB_CONFIRMED)
        ledger_count(ledger, LEDGER_ANSWERED, clock_wall_ms());
    else if (job->state == JOB_EXPIRED && !job_state_is_final(before))
        ledger_count(ledger, LEDGER_MISSED, clock_wall_ms());
    ledger_commit(ledger);
}

/* A final job: without inputs and output, so that nothing in the copy is borrowed. */
static void keep_record(void *arg, const struct ledger_job *r)
{
    struct ledger_job *copy = arg;
    *copy = *r;
    copy->inputs = copy->output = NULL;
    copy->inputs_len = copy->output_len = 0;
}

void job_forget(struct ledger *ledger, struct u256 id)
{
    struct ledger_job r = { 0 };
    if (!ledger_get_job(ledger, id, keep_record, &r))
        return;
    r.state = JOB_DROPPED;
    memset(r.tx_hash, 0, sizeof r.tx_hash);
    ledger_put_job(ledger, &r);
}

struct job *job_from_record(struct jobs *owner, const struct ledger_job *r)
{
    struct job *job = job_new(owner, r->id, r->inputs, r->inputs_len);
    job->state = (enum job_state)r->state;
    memcpy(job->codehash, r->codehash, sizeof job->codehash);
    job->deadline_ms = r->deadline_ms;
    job->chain_time_s = r->chain_time_s;
    job->seen_wall_ms = r->seen_wall_ms;
    job->block_number = r->block_number;
    job->error_code = r->error_code;
    job->total_time_ms = r->total_time_ms;
    job->output = xmemdup(r->output, r->output_len);
    job->output_len = r->output_len;
    job->sign_timestamp_s = r->sign_timestamp_s;
    job->earlier_event_to_tx_us = r->event_to_tx_us;
    memcpy(job->signature.b, r->signature, sizeof job->signature.b);
    memcpy(job->tx_hash, r->tx_hash, sizeof job->tx_hash);
    return job;
}
