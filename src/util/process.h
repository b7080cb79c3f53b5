/* What the kernel says of this process, for metrics. */
#ifndef OYSTER_UTIL_PROCESS_H
#define OYSTER_UTIL_PROCESS_H

#include <stdint.h>

/* 0 = not known, in all members. */
struct process_usage {
    uint64_t cpu_us; /* user and system */
    uint64_t resident_bytes, virtual_bytes;
    uint64_t open_fds, max_fds;
    uint64_t start_wall_ms; /* since the epoch */
};

/* Reads /proc/self. */
void process_usage(struct process_usage *out);

#endif
