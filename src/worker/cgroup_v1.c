/* Version 1 controllers, one hierarchy each. There is no kill switch and no group OOM kill: a worker is one process. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "worker/cgroup_impl.h"

#define KILL_PASSES 8

static int v1_opened(struct cgroup_set *s, struct cg_group *g, struct err *e)
{
    (void)s;
    (void)g;
    (void)e;
    return 0;
}

/* memory+swap may never be below memory, so it is lifted first. Kernels without swap accounting lack it. */
static int v1_set_memory(const struct cgroup_set *s, struct cg_group *g, uint64_t bytes, struct err *e)
{
    bool has_memsw = faccessat(cg_dir(s, g, CG_MEMORY), "memory.memsw.limit_in_bytes", W_OK, AT_EACCESS) == 0;
    (void)cg_write(s, g, CG_MEMORY, "memory.swappiness", "0", NULL);
    if (has_memsw && cg_write(s, g, CG_MEMORY, "memory.memsw.limit_in_bytes", "-1", e) < 0)
        return e ? e->code : -EIO;
    int rc = bytes ? cg_write_u64(s, g, CG_MEMORY, "memory.limit_in_bytes", bytes, e)
                   : cg_write(s, g, CG_MEMORY, "memory.limit_in_bytes", "-1", e);
    if (rc == 0 && bytes && has_memsw)
        rc = cg_write_u64(s, g, CG_MEMORY, "memory.memsw.limit_in_bytes", bytes, e);
    return rc;
}

/* The quota goes first to "none": a period beside an old quota may exceed what the parent has. */
static int v1_set_cpu(const struct cgroup_set *s, struct cg_group *g, uint32_t quota_us, uint32_t period_us,
                      struct err *e)
{
    int rc = cg_write(s, g, CG_CPU, "cpu.cfs_quota_us", "-1", e);
    if (rc < 0 || quota_us == 0)
        return rc;
    rc = cg_write_u64(s, g, CG_CPU, "cpu.cfs_period_us", period_us, e);
    return rc < 0 ? rc : cg_write_u64(s, g, CG_CPU, "cpu.cfs_quota_us", quota_us, e);
}

/* 1024 is what a group has from its birth. */
static void v1_set_weight(const struct cgroup_set *s, struct cg_group *g, uint32_t percent)
{
    (void)cg_write_u64(s, g, CG_CPU, "cpu.shares", (uint64_t)percent * 1024 / 100, NULL);
}

static int v1_set_pids(const struct cgroup_set *s, const struct cg_group *g, struct err *e)
{
    return g->pids_max ? cg_write_u64(s, g, CG_PIDS, "pids.max", g->pids_max, e)
                       : cg_write(s, g, CG_PIDS, "pids.max", "max", e);
}

static int v1_set_limits(const struct cgroup_set *s, struct cg_group *g, const struct cgroup_limits *limits,
                         struct err *e)
{
    int rc = v1_set_memory(s, g, limits->memory_bytes, e);
    if (rc == 0)
        rc = v1_set_cpu(s, g, limits->cpu_quota_us, limits->cpu_period_us, e);
    g->pids_max = limits->pids_max;
    return rc < 0 ? rc : v1_set_pids(s, g, e);
}

/* A fork bomb cannot outrun the passes: with pids.max at 0 nothing new is born, and a process that has its SIGKILL
 * pending can no longer fork when the limit is put back. */
static void v1_kill(const struct cgroup_set *s, struct cg_group *g)
{
    (void)cg_write(s, g, CG_PIDS, "pids.max", "0", NULL);
    uint32_t left = 1;
    for (int pass = 0; pass < KILL_PASSES && left; pass++) {
        left = 0;
        for (uint32_t h = 0; h < s->n_hierarchies; h++)
            left += cg_kill_pids(g->dirs[h]);
    }
    (void)v1_set_pids(s, g, NULL);
}

static bool v1_is_empty(const struct cgroup_set *s, const struct cg_group *g)
{
    for (uint32_t h = 0; h < s->n_hierarchies; h++)
        if (cg_count_pids(g->dirs[h]))
            return false;
    return true;
}

static void v1_counters(const struct cgroup_set *s, const struct cg_group *g, struct cgroup_usage *out)
{
    int memory = cg_dir(s, g, CG_MEMORY), cpuacct = cg_dir(s, g, CG_CPUACCT);
    out->memory_peak_bytes = cg_read_u64(memory, "memory.max_usage_in_bytes");
    out->oom_kills = cg_read_key(memory, "memory.oom_control", "oom_kill");
    out->cpu_us = cpuacct >= 0 ? cg_read_u64(cpuacct, "cpuacct.usage") / 1000 : 0;
}

static bool v1_reset_peak(const struct cgroup_set *s, const struct cg_group *g)
{
    return cg_write(s, g, CG_MEMORY, "memory.max_usage_in_bytes", "0", NULL) == 0;
}

const struct cg_ops cg_v1_ops = {
    .version = 1,
    .opened = v1_opened,
    .set_limits = v1_set_limits,
    .set_cpu = v1_set_cpu,
    .set_weight = v1_set_weight,
    .kill = v1_kill,
    .is_empty = v1_is_empty,
    .counters = v1_counters,
    .reset_peak = v1_reset_peak,
};
