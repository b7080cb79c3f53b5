/* The unified hierarchy. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/cgroup_impl.h"

/* A group that passes controllers on to groups below it takes no processes. */
static int v2_pass_nothing_on(const struct cgroup_set *s, const struct cg_group *g, struct err *e)
{
    char names[512], text[1024] = "", *save = NULL;
    if (cg_read_at(g->dirs[0], "cgroup.subtree_control", names, sizeof names) <= 0)
        return 0;
    for (char *name = strtok_r(names, " \n", &save); name; name = strtok_r(NULL, " \n", &save))
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s-%s", *text ? " " : "", name);
    return *text ? cg_write(s, g, CG_MEMORY, "cgroup.subtree_control", text, e) : 0;
}

/* memory.peak: since Linux 6.12 a write makes this very open file count from now on, so it stays open. */
static int v2_opened(struct cgroup_set *s, struct cg_group *g, struct err *e)
{
    int rc = v2_pass_nothing_on(s, g, e);
    if (rc < 0)
        return rc;
    g->peak_fd = openat(g->dirs[0], "memory.peak", O_RDWR | O_CLOEXEC);
    if (g->peak_fd < 0)
        g->peak_fd = openat(g->dirs[0], "memory.peak", O_RDONLY | O_CLOEXEC);
    return 0;
}

/* 0 = "max". */
static int v2_write_max(const struct cgroup_set *s, const struct cg_group *g, const char *file, uint64_t value,
                        struct err *e)
{
    return value ? cg_write_u64(s, g, CG_MEMORY, file, value, e) : cg_write(s, g, CG_MEMORY, file, "max", e);
}

static int v2_set_cpu(const struct cgroup_set *s, struct cg_group *g, uint32_t quota_us, uint32_t period_us,
                      struct err *e)
{
    char text[48];
    if (quota_us)
        (void)snprintf(text, sizeof text, "%" PRIu32 " %" PRIu32, quota_us, period_us);
    else
        (void)snprintf(text, sizeof text, "max");
    return cg_write(s, g, CG_CPU, "cpu.max", text, e);
}

/* 100 is what a group has from its birth. */
static void v2_set_weight(const struct cgroup_set *s, struct cg_group *g, uint32_t percent)
{
    (void)cg_write_u64(s, g, CG_CPU, "cpu.weight", percent, NULL);
}

static int v2_set_limits(const struct cgroup_set *s, struct cg_group *g, const struct cgroup_limits *limits,
                         struct err *e)
{
    int rc = v2_write_max(s, g, "memory.max", limits->memory_bytes, e);
    if (rc < 0)
        return rc;
    /* A kernel without swap lacks the file; then there is none to turn off. */
    struct err swap = { 0 };
    if (cg_write(s, g, CG_MEMORY, "memory.swap.max", "0", &swap) < 0 && swap.code != -ENOENT)
        return err_set(e, swap.code, "%s", swap.msg);
    if ((rc = cg_write(s, g, CG_MEMORY, "memory.oom.group", "1", e)) < 0)
        return rc;
    if ((rc = v2_set_cpu(s, g, limits->cpu_quota_us, limits->cpu_period_us, e)) < 0)
        return rc;
    g->pids_max = limits->pids_max;
    return v2_write_max(s, g, "pids.max", limits->pids_max, e);
}

/* cgroup.kill is Linux 5.14; before it the freezer stops forks while the processes are signalled. */
static void v2_kill(const struct cgroup_set *s, struct cg_group *g)
{
    if (cg_write(s, g, CG_MEMORY, "cgroup.kill", "1", NULL) == 0)
        return;
    (void)cg_write(s, g, CG_MEMORY, "cgroup.freeze", "1", NULL);
    uint32_t left = 1;
    for (int pass = 0; pass < 8 && left; pass++)
        left = cg_kill_pids(g->dirs[0]);
    (void)cg_write(s, g, CG_MEMORY, "cgroup.freeze", "0", NULL);
}

static bool v2_is_empty(const struct cgroup_set *s, const struct cg_group *g)
{
    (void)s;
    return cg_read_key(g->dirs[0], "cgroup.events", "populated") == 0;
}

static void v2_counters(const struct cgroup_set *s, const struct cg_group *g, struct cgroup_usage *out)
{
    (void)s;
    out->cpu_us = cg_read_key(g->dirs[0], "cpu.stat", "usage_usec");
    out->oom_kills = cg_read_key(g->dirs[0], "memory.events", "oom_kill");
    char text[32] = { 0 };
    ssize_t n = g->peak_fd < 0 ? -1 : pread(g->peak_fd, text, sizeof text - 1, 0);
    out->memory_peak_bytes = n > 0 ? strtoull(text, NULL, 10) : 0;
}

static bool v2_reset_peak(const struct cgroup_set *s, const struct cg_group *g)
{
    (void)s;
    return g->peak_fd >= 0 && write(g->peak_fd, "0", 1) == 1;
}

const struct cg_ops cg_v2_ops = {
    .version = 2,
    .opened = v2_opened,
    .set_limits = v2_set_limits,
    .set_cpu = v2_set_cpu,
    .set_weight = v2_set_weight,
    .kill = v2_kill,
    .is_empty = v2_is_empty,
    .counters = v2_counters,
    .reset_peak = v2_reset_peak,
};
