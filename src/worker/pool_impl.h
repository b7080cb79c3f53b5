/* What the files of the pool share. Internal to worker/. */
#ifndef OYSTER_WORKER_POOL_IMPL_H
#define OYSTER_WORKER_POOL_IMPL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "worker/pool.h"
#include "worker/runtime.h"
#include "worker/wait_queue.h"
#include "worker/workerd.h"

enum slot_state {
    SLOT_INVALID,
    SLOT_EMPTY,
    SLOT_BOOTING,
    SLOT_HELD,
    SLOT_RUNNING,
    SLOT_CLEARING, /* its worker is being killed */
    SLOT_RESTING,  /* after a failed boot */
    SLOT_N_STATES,
};

enum slot_event { EV_BOOT, EV_HELD, EV_RUN, EV_END, EV_GONE, EV_REST, EV_WAKE, SLOT_N_EVENTS };

struct job {
    uint64_t handle;
    struct worker_job spec;
    worker_done_fn *done;
    void *arg;
    uint64_t queued_at_us, queued_us;
    unsigned attempts;
    bool rehearsal; /* not a job of anybody's: see text_pages.h */
};

struct slot {
    struct pool *pool;
    uint32_t index;
    enum slot_state state;
    struct workerd *worker;
    struct job *job;   /* while running */
    bool hurried;      /* a job waits for this boot */
    unsigned failures; /* in a row */
    uint64_t boot_at_us, held_at_us;
    uint64_t generation; /* of the gateway when the job began */
    uv_timer_t rest;
};

struct pool {
    uv_loop_t *loop;
    struct pool_config config; /* strings are not kept */
    struct runtime *runtime;
    struct cgroup_set *cgroups;
    struct egress *egress;
    struct text_pages *pages;
    struct slot *slots;
    uint32_t in_state[SLOT_N_STATES];
    struct wait_queue queue;
    uv_timer_t queue_timer, stock_timer;
    uint64_t next_handle;
    uint64_t run_at_us; /* when the last run began */
    uint32_t cpus;
    struct pool_stats stats; /* the counters; the rest is read from the slots */
    bool closing;
    uint32_t open_parts; /* while closing: timers, workers and the gateway that are not gone */
    void (*done)(void *arg);
    void *done_arg;
};

/* ---- pool.c ---- */

/* Gives held workers to the jobs that wait, then boots as many as jobs and stock need. */
void pool_step(struct pool *p);

/* The job waits for a worker. */
void pool_enqueue(struct pool *p, struct job *j);

/* Tells how it ended, by its callback, and frees it. The pool may be gone afterwards. */
void pool_job_end(struct pool *p, struct job *j, const struct worker_result *result);
void pool_job_end_without_run(struct pool *p, struct job *j, enum worker_end end, const char *reason);

/* While closing: one of the open parts is gone. */
void pool_part_closed(struct pool *p);

/* ---- slot.c ---- */

/* Starts a worker in an empty slot. */
void slot_boot(struct slot *s);

/* Gives the job, which it owns from here on, to the held worker. */
void slot_run(struct slot *s, struct job *j);

/* Kills the worker, if there is one that is not being killed. */
void slot_kill(struct slot *s);

#endif
