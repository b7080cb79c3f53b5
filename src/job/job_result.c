#include "job/job_result.h"

#include <assert.h>

enum job_result job_result_of(uint8_t error_code, bool oom, bool no_slot)
{
    assert(error_code <= JOB_RESULT_CRASH);
    if (error_code == JOB_RESULT_CRASH && oom)
        return JOB_RESULT_OOM;
    if (error_code == JOB_RESULT_TIMEOUT && no_slot)
        return JOB_RESULT_NO_SLOT;
    return (enum job_result)error_code; /* the first seven are the error codes, in order */
}

const char *job_result_name(enum job_result result)
{
    static const char *const names[JOB_RESULT_COUNT] = {
        "ok", "bad_tx", "bad_calldata", "syntax", "timeout", "output_too_large", "crash", "oom", "no_slot",
    };
    return names[result];
}
