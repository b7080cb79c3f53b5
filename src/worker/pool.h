/* The workers: slots, each one cgroup that runs one job at a time, and the queue of jobs that wait for one.
 * A worker is a workerd born ahead of its job, held at the point where it asks for the code, and used once. */
#ifndef OYSTER_WORKER_POOL_H
#define OYSTER_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/buf.h"
#include "util/err.h"

struct pool;

struct pool_config {
    const char *workerd_dir;              /* folder that holds the workerd binary */
    const char *state_dir;                /* a folder of ours for sockets and roots, made by the pool (mode 0700) */
    uint32_t capacity;                    /* slots (20) */
    uint32_t warm_workers;                /* held ahead (4), at most capacity */
    uint64_t memory_bytes;                /* of one worker (100 MiB) */
    uint32_t cpu_quota_us, cpu_period_us; /* 50,000 / 1,000,000 */
    uint32_t pids_max;                    /* 32 */
    size_t max_output_bytes;              /* 90,000 */
    const char *cgroup_root;              /* folder under which workerd_1..capacity live; NULL = found by itself */
    const char *sandbox_allow_degraded;   /* comma-separated layers that may be missing, "" = none */
    bool egress_public;                   /* false: workers have no network at all */
};

/* How a run ended; the numbers of the wire are PROTOCOL.md's error codes. */
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
    const char *console;        /* what the code wrote to stdout and stderr, bounded, NUL-terminated, never NULL */
    size_t console_len;
    bool console_truncated;
    const char *reason; /* one line, why it ended so; never NULL */
};

/* Called exactly once per job unless it is cancelled; never from inside pool_run. */
typedef void worker_done_fn(void *arg, const struct worker_result *result);

struct pool_stats {
    uint32_t capacity, held, booting, running, waiting, broken;
    uint64_t started, boot_failures, oom_kills, jobs;
};

/* Claims cgroups, empties them of leftovers, starts the egress gateway and the first held workers (in the background).
 * Returns NULL with e set: workerd missing or not executable, no cgroup to be had (says what to run), sandbox layer
 * missing and not allowed. */
struct pool *pool_new(uv_loop_t *loop, const struct pool_config *config, struct err *e);

/* Runs a job on a free worker, or queues it in order of deadline. A job whose deadline passes while it waits ends with
 * WORKER_DEADLINE. Returns its handle. */
uint64_t pool_run(struct pool *p, const struct worker_job *job, worker_done_fn *done, void *arg);

/* Ends a job without its callback; its worker is killed. */
void pool_cancel(struct pool *p, uint64_t handle);

void pool_stats(const struct pool *p, struct pool_stats *out);

/* Kills every worker, reaps it, releases cgroups, removes files. done (NULL allowed) is called from the loop when all
 * is gone; jobs under way get no callback. NULL pool allowed (done is not called then). */
void pool_free(struct pool *p, void (*done)(void *arg), void *arg);

#endif
