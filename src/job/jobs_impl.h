/* What the files of jobs share. Internal to job/. */
#ifndef OYSTER_JOB_JOBS_IMPL_H
#define OYSTER_JOB_JOBS_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "job/job.h"
#include "job/jobs.h"

struct jobs {
    struct jobs_parts parts;
    struct jobs_config config;
    struct job *open;
    uv_timer_t *again; /* for answers that are to be sent once more */
    struct jobs_stats stats;
    bool stopping; /* what ends now goes on in the node's next life */
};

/* The one place that writes a job's state. A final state releases the job, and one whose event came again takes its
 * place. reason: for the log. */
void job_step(struct job *job, enum job_event event, const char *reason);

/* Gets the code and runs it. */
void job_begin(struct job *job);

/* The open job of that id, or NULL. */
struct job *jobs_find(const struct jobs *j, struct u256 id);

/* The chain's clock, by which contracts judge, and how long ago a block was by it; in milliseconds. */
uint64_t jobs_chain_now_ms(const struct jobs *j);
uint64_t jobs_age_of_block(const struct jobs *j, uint64_t chain_time_s);

#endif
