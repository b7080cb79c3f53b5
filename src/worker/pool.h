/* The workers: slots, each one cgroup that runs one job at a time, and the queue of jobs that wait for one.
 * A worker is a workerd born ahead of its job, held at the point where it asks for the code, and used once. */
#ifndef OYSTER_WORKER_POOL_H
#define OYSTER_WORKER_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"
#include "util/histogram.h"
#include "worker/run.h"

#define POOL_CAPACITY_MAX 500 /* slots: each has a user number of its own, and distributions keep so many free */

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

struct pool_stats {
    uint32_t capacity, held, booting, running, waiting;
    uint32_t clearing;        /* workers that are being killed and reaped */
    uint32_t empty, resting;  /* slots without a worker: free, and waiting after a failed boot */
    uint32_t broken;          /* slots whose last boots all failed; they are tried again, ever more rarely */
    uint64_t started;         /* boots that came to be held */
    uint64_t boot_failures;   /* boots that failed */
    uint64_t held_deaths;     /* workers that died or hung while held */
    uint64_t oom_kills;       /* jobs that ended so */
    uint64_t jobs;            /* jobs that have ended, cancelled ones not counted */
    uint64_t egress_restarts; /* of the gateway */
    struct histogram start;   /* from the begin of a boot to a held worker */
};

/* Claims cgroups, empties them of leftovers, starts the egress gateway and the first held workers (in the background).
 * Returns NULL with e set: workerd missing or not executable, no cgroup to be had (says what to run), sandbox layer
 * missing and not allowed. */
struct pool *pool_new(uv_loop_t *loop, const struct pool_config *config, struct err *e);

/* Runs a job on a held worker, or queues it in order of deadline. A job whose deadline passes while it waits ends with
 * WORKER_DEADLINE. Returns its handle. */
uint64_t pool_run(struct pool *p, const struct worker_job *job, worker_done_fn *done, void *arg);

/* Ends a job without its callback; its worker is killed. */
void pool_cancel(struct pool *p, uint64_t handle);

/* Numbers as of now. */
void pool_stats(const struct pool *p, struct pool_stats *out);

/* Kills every worker, reaps it, releases cgroups, removes files. done (NULL allowed) is called from the loop when all
 * is gone; jobs under way get no callback. NULL pool allowed (done is not called then). */
void pool_free(struct pool *p, void (*done)(void *arg), void *arg);

#endif
