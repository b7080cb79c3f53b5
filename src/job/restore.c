/* A new life of the node takes up what an earlier one has left: its jobs and its transactions. */
#include <string.h>

#include "job/answer.h"
#include "job/journal.h"
#include "job/jobs_impl.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

/* A slash of an earlier life is worth trying for so long: others may have been faster. */
#define ADOPTED_SLASH_MS 30000

struct restore {
    struct jobs *jobs;
    const struct address *gas_account;
    uint64_t left_ms; /* of the job of the transaction at hand */
};

/* A run begins anew, with as much of its time as the contract's limit leaves. */
static void load_job(void *arg, const struct ledger_job *r)
{
    struct jobs *j = arg;
    struct job *job = job_from_record(j, r);
    uint64_t age = r->chain_time_s ? jobs_age_of_block(j, r->chain_time_s) : sat_sub(clock_wall_ms(), r->seen_wall_ms);
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
        x->left_ms = sat_sub(whole, jobs_age_of_block(x->jobs, r->chain_time_s));
}

/* A transaction whose job is final, or that answers none. Its nonce is seen to its end. */
static void adopt_other(struct restore *x, const struct ledger_tx *t)
{
    struct tx_record r = journal_record(t);
    x->left_ms = t->kind == TX_SLASH ? ADOPTED_SLASH_MS : 0;
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
    struct job *job = t->has_job ? jobs_find(j, t->job_id) : NULL;
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
    answer_adopt(job, &r);
}

/* Goes on with a job that has no transaction: sends the answer that was signed, or runs it (again). */
static void resume_job(struct job *job)
{
    if (job->state == JOB_SEEN && job->late) {
        job_step(job, JOB_EV_LATE, "the node was away until the contract's limit");
    } else if (job->state == JOB_SEEN) {
        job_begin(job);
    } else {
        answer_resume(job);
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
