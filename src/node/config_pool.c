#include "node/config_pool.h"

_Static_assert(CONFIG_CAPACITY_MAX <= POOL_CAPACITY_MAX, "a capacity that is taken must be one that the pool can have");

void config_pool(struct pool_config *out, const struct config *c, const char *state_dir)
{
    *out = (struct pool_config){ .workerd_dir = c->workerd_runtime_path,
                                 .state_dir = state_dir,
                                 .capacity = c->capacity,
                                 .warm_workers = c->warm_workers,
                                 .memory_bytes = c->worker_memory_bytes,
                                 .cpu_quota_us = c->worker_cpu_quota_us,
                                 .cpu_period_us = c->worker_cpu_period_us,
                                 .pids_max = c->worker_pids_max,
                                 .max_output_bytes = c->max_output_bytes,
                                 .cgroup_root = c->cgroup_root,
                                 .sandbox_allow_degraded = c->sandbox_allow_degraded,
                                 .egress_public = c->egress_public };
}
