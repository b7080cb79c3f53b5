/* What a job came to, as metrics name it: the error codes of docs/job-authors.md, with what lies behind two of them
 * told apart. Pure. */
#ifndef OYSTER_JOB_JOB_RESULT_H
#define OYSTER_JOB_JOB_RESULT_H

#include <stdbool.h>
#include <stdint.h>

enum job_result {
    JOB_RESULT_OK,
    JOB_RESULT_BAD_TX,
    JOB_RESULT_BAD_CALLDATA,
    JOB_RESULT_SYNTAX,
    JOB_RESULT_TIMEOUT,
    JOB_RESULT_OUTPUT_TOO_LARGE,
    JOB_RESULT_CRASH,
    JOB_RESULT_OOM,     /* a crash that was the memory limit's doing */
    JOB_RESULT_NO_SLOT, /* a timeout that passed while the job waited for a worker */
    JOB_RESULT_COUNT,
};

/* error_code: 0 to 6; oom and no_slot as the worker's result has them. */
enum job_result job_result_of(uint8_t error_code, bool oom, bool no_slot);

/* "ok", "bad_tx" …, for metrics. */
const char *job_result_name(enum job_result result);

#endif
