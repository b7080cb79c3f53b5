/* Waiting for the answers to a job. */
#ifndef OYSTERCTL_JOB_WAIT_H
#define OYSTERCTL_JOB_WAIT_H

#include "job_story.h"

/* Reads the job again and again until it has so many answers. *out: what was read last, also on failure. Returns 0;
 * -ETIMEDOUT; -ENODATA where the job is over with fewer answers; what else poll_until returns. */
int job_wait(struct job_story *out, struct ctl *c, struct u256 id, uint64_t from_block, uint64_t answers,
             uint64_t timeout_ms, struct err *e);

#endif
