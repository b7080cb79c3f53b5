/* Cgroups of the workers: finding, making, claiming, limiting, killing, reading. Version 2 is the target; version 1
 * controllers (hybrid hosts) get the same limits. Plain file operations, no cgexec, no library. */
#ifndef OYSTER_WORKER_CGROUP_H
#define OYSTER_WORKER_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

struct cgroup_set; /* the node's cgroups, one per slot and one for the egress gateway */

struct cgroup_limits {
    uint64_t memory_bytes;
    uint32_t cpu_quota_us, cpu_period_us; /* quota 0 = no quota */
    uint32_t pids_max;
};

struct cgroup_usage {
    uint64_t cpu_us;            /* since the last cgroup_reset_usage */
    uint64_t memory_peak_bytes; /* 0 = this kernel does not say */
    uint64_t oom_kills;         /* since the last cgroup_reset_usage; version 2 counts a victim of a group kill twice */
};

/* Finds the hierarchy (root: a folder to use, NULL = found from /proc/self/mountinfo and /proc/self/cgroup), uses the
 * groups workerd_1..n that exist (cgroupv2_setup.sh makes them) and makes what is missing where it may; each is claimed
 * by flock on its directory (one that another node holds is left alone and a further number is used), then cleared of
 * what an earlier run has left: its processes, and the groups below it with theirs. Returns NULL with e set; the
 * message says what to run. -ENOTEMPTY: something left cannot be cleared, the message names the folder. n: number of
 * groups. */
struct cgroup_set *cgroup_set_open(const char *root, uint32_t n, struct err *e);

/* Number of groups claimed (= n of cgroup_set_open); version: 1 or 2. */
uint32_t cgroup_set_count(const struct cgroup_set *s);
int cgroup_set_version(const struct cgroup_set *s);

/* Writes the limits of group i. memory: swap off, group OOM kill where the kernel has it. */
int cgroup_set_limits(struct cgroup_set *s, uint32_t i, const struct cgroup_limits *limits, struct err *e);

/* Changes the CPU quota alone: boots run without the job's quota. quota_us 0 = no quota. */
int cgroup_set_cpu(struct cgroup_set *s, uint32_t i, uint32_t quota_us, uint32_t period_us, struct err *e);

/* Sets the share of the CPU that group i gets where there is not enough for all, in percent of the usual one (1 to
 * 100): boots that nobody waits for stand back behind jobs. Best effort: where it cannot be set nothing changes. */
void cgroup_set_weight(struct cgroup_set *s, uint32_t i, uint32_t percent);

/* For the spawner: the directory to give to CLONE_INTO_CGROUP (version 2; -1 on version 1), and the open cgroup.procs
 * files that the child writes "0" to before anything else (version 1: one a controller; *n = 0 on version 2).
 * Borrowed descriptors, CLOEXEC. */
int cgroup_dir_fd(const struct cgroup_set *s, uint32_t i);
const int *cgroup_procs_fds(const struct cgroup_set *s, uint32_t i, uint32_t *n);

/* Kills every process of group i and below it (cgroup.kill, else SIGKILL to each until none is left). Does not wait. */
void cgroup_kill(struct cgroup_set *s, uint32_t i);

/* True when no process is left in group i and below it. */
bool cgroup_is_empty(const struct cgroup_set *s, uint32_t i);

/* Remembers the counters as the zero of cgroup_usage; resets the memory peak where the kernel can. */
void cgroup_reset_usage(struct cgroup_set *s, uint32_t i);
void cgroup_read_usage(const struct cgroup_set *s, uint32_t i, struct cgroup_usage *out);

/* Clears as at opening, removes the groups that this process made, drops the claims. NULL allowed. */
void cgroup_set_close(struct cgroup_set *s);

#endif
