/* A job as a worker sees it, and how it ended: the words that pool, slots and workers share. */
#ifndef OYSTER_WORKER_RUN_H
#define OYSTER_WORKER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a run ended; the numbers are the error codes of docs/job-authors.md. */
enum worker_end {
    WORKER_ANSWERED = 0,
    WORKER_BAD_CODE = 3,
    WORKER_DEADLINE = 4,
    WORKER_OUTPUT_TOO_LARGE = 5,
    WORKER_DIED = 6,
};

/* A job for a worker. code and inputs are borrowed until done or cancelled. */
struct worker_job {
    const char *id; /* for logs; copied */
    const uint8_t *code;
    size_t code_len;
    const uint8_t *inputs;
    size_t inputs_len;
    uint64_t deadline_us; /* monotonic, CLOCK_MONOTONIC microseconds: killed and WORKER_DEADLINE at that moment */
};

struct worker_result {
    enum worker_end end;
    const uint8_t *output; /* borrowed for the callback; only with WORKER_ANSWERED */
    size_t output_len;
    int http_status;            /* of the worker's response, 0 = none */
    uint64_t queued_us, run_us; /* waiting for a worker / from the code's hand-over to the end */
    uint64_t cpu_us;            /* 0 = not known */
    uint64_t memory_peak_bytes; /* 0 = not known */
    bool oom_killed;            /* by the memory limit of its cgroup */
    bool no_slot;               /* it waited for a worker until its deadline */
    const char *console;        /* what the code wrote to stdout and stderr, bounded, NUL-terminated, never NULL */
    size_t console_len;
    bool console_truncated;
    const char *reason; /* one line, why it ended so; never NULL */
};

/* Called exactly once per job unless it is cancelled; never from inside the function that started it. */
typedef void worker_done_fn(void *arg, const struct worker_result *result);

#endif
