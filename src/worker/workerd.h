/* One worker: a workerd process that is booted up to the point where it asks for the module "./main" (held), gets the
 * code of one job as the answer, is sent that job's inputs, and is killed.
 *
 *   node                                    workerd (in its sandbox)
 *   listener with one connection, no name → fd 3, --socket-fd: the only client there will ever be is the node
 *   pipe                                  ← fd 4, --control-fd: the "listen" line says that the code was loaded
 *   /slot/fb.sock                         ← module fallback: asked once, removed when the connection is there
 *   /slot/egress.sock                     ← the gateway, the only way out
 *
 * An accepted connection says nothing about health: workerd accepts before it has loaded the code. What counts is a
 * complete response, or the process's end. */
#ifndef OYSTER_WORKER_WORKERD_H
#define OYSTER_WORKER_WORKERD_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"
#include "worker/cgroup.h"
#include "worker/run.h"
#include "worker/runtime.h"

struct workerd;

struct workerd_spec {
    uv_loop_t *loop;
    const struct runtime *runtime;
    struct cgroup_set *cgroups;
    uint32_t index; /* of the slot: cgroup, folder and uid */
    size_t max_output_bytes;
    uint32_t cpu_quota_us, cpu_period_us; /* of the job; the boot has none */
};

enum workerd_event {
    WORKERD_HELD,   /* booted; workerd_run may be called */
    WORKERD_FAILED, /* the boot failed or it died while held: workerd_reason says why; WORKERD_GONE follows */
    WORKERD_LOST,   /* it ended or hung before it had read the job's code: run the job elsewhere; GONE follows */
    WORKERD_DONE,   /* the job has ended: workerd_result; WORKERD_GONE follows */
    WORKERD_GONE,   /* reaped, cgroup empty, sockets removed; the last event */
};

/* Events come from the loop only. The worker may be killed inside of one, but for WORKERD_GONE. */
typedef void workerd_event_fn(void *arg, enum workerd_event ev);

/* Starts the boot, at a low CPU weight. Returns NULL with e set. */
struct workerd *workerd_boot(const struct workerd_spec *spec, workerd_event_fn *fn, void *arg, struct err *e);

/* A job waits for this boot: it stands back behind nobody any more. */
void workerd_hurry(struct workerd *w);

/* Hands a job to a held worker. code and inputs are borrowed until WORKERD_DONE, WORKERD_LOST or workerd_kill. */
void workerd_run(struct workerd *w, const struct worker_job *job);

/* Ends it whatever it does; only WORKERD_GONE follows. May be called more than once. */
void workerd_kill(struct workerd *w);

/* Valid during WORKERD_DONE; queued_us is not filled. */
const struct worker_result *workerd_result(const struct workerd *w);

/* As child_pid. */
pid_t workerd_pid(const struct workerd *w);

/* One line, from WORKERD_FAILED or WORKERD_LOST on. */
const char *workerd_reason(const struct workerd *w);

#endif
