/* Runs a job on this machine as a node would: the same worker, sandbox, gateway and limits, no chain. */
#ifndef OYSTERCTL_EXEC_RUN_H
#define OYSTERCTL_EXEC_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "util/buf.h"
#include "util/err.h"
#include "worker/run.h"

struct exec_job {
    const struct config *config; /* workerd and the workers' limits */
    const struct buf *codes;     /* at least one */
    size_t n_codes;
    struct buf inputs; /* the same for all */
    uint64_t deadline_ms;
    size_t count; /* of each code; at least 1 */
};

/* How one run ended. All is owned: exec_runs_free. */
struct exec_run {
    enum worker_end end; /* its number is the error code */
    int http_status;     /* 0 = none */
    struct buf output;
    uint64_t time_us, cpu_us;   /* cpu_us 0 = not known */
    uint64_t memory_peak_bytes; /* 0 = not known */
    bool oom_killed;
    struct buf console;
    bool console_truncated;
    char reason[512];
};

/* Runs the codes one after the other, each run on a worker of its own: run i is of code i % n_codes. runs has room for
 * n_codes * count. Waits until a worker is ready before each, so that the deadline counts
 * what it counts on a node: from the hand-over of the code. progress is told how many runs are over. Returns 0; or
 * -errno with e: no cgroups, a layer of the sandbox missing, no workerd, -EINTR after SIGINT or SIGTERM. In every case
 * no process, cgroup or file is left. */
int exec_run(struct exec_run *runs, const struct exec_job *job, void (*progress)(void *arg, size_t n_done), void *arg,
             struct err *e);

/* Releases n runs (zeroed ones too). */
void exec_runs_free(struct exec_run *runs, size_t n);

#endif
