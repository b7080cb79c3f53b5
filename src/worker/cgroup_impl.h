/* Inside of worker/cgroup.h: what the shared part (cgroup.c), the finder (cgroup_find.c), the clearing of what is left
 * (cgroup_clear.c) and the two kernel interfaces (cgroup_v1.c, cgroup_v2.c) know of each other. */
#ifndef OYSTER_WORKER_CGROUP_IMPL_H
#define OYSTER_WORKER_CGROUP_IMPL_H

#include <limits.h>
#include <stddef.h>

#include "worker/cgroup.h"

enum cg_controller { CG_MEMORY, CG_CPU, CG_PIDS, CG_CPUACCT, CG_CONTROLLERS };
#define CG_REQUIRED 3 /* the first three; accounting alone may be missing */

/* A group is one folder in each hierarchy: one folder on version 2, up to one a controller on version 1. */
struct cg_group {
    uint32_t number;              /* workerd_<number> */
    int dirs[CG_CONTROLLERS];     /* by hierarchy; -1 = none */
    int procs[CG_CONTROLLERS];    /* cgroup.procs of each, open for writing */
    bool made[CG_CONTROLLERS];    /* by this process, so removed at close */
    int peak_fd;                  /* memory.peak, whose reset counts for one open file only; -1 */
    bool peak_reset;              /* the peak began anew at the last cgroup_reset_usage */
    struct cgroup_usage baseline; /* counters at the last cgroup_reset_usage */
    uint32_t pids_max;            /* as last set */
};

struct cg_ops;

struct cgroup_set {
    const struct cg_ops *ops;
    uint32_t n_hierarchies;
    char parents[CG_CONTROLLERS][PATH_MAX]; /* folder that holds the groups, by hierarchy */
    uint8_t hierarchy_of[CG_CONTROLLERS];   /* controller -> hierarchy; CG_CONTROLLERS = not there */
    bool moved_self;                        /* into <parent>/node, to obey the no-internal-process rule */
    bool made_parent;
    uint32_t n;
    struct cg_group *groups;
};

/* One kernel interface. All functions work on a claimed group. */
struct cg_ops {
    int version;
    /* the group is cleared; also ends what it passes on to groups below it */
    int (*opened)(struct cgroup_set *s, struct cg_group *g, struct err *e);
    int (*set_limits)(const struct cgroup_set *s, struct cg_group *g, const struct cgroup_limits *limits,
                      struct err *e);
    int (*set_cpu)(const struct cgroup_set *s, struct cg_group *g, uint32_t quota_us, uint32_t period_us,
                   struct err *e);
    void (*set_weight)(const struct cgroup_set *s, struct cg_group *g, uint32_t percent);
    void (*kill)(const struct cgroup_set *s, struct cg_group *g);
    bool (*is_empty)(const struct cgroup_set *s, const struct cg_group *g);
    void (*counters)(const struct cgroup_set *s, const struct cg_group *g, struct cgroup_usage *out);
    bool (*reset_peak)(const struct cgroup_set *s, const struct cg_group *g);
};
extern const struct cg_ops cg_v1_ops, cg_v2_ops;

/* Fills ops, hierarchies and parents of s (which is zero); version 2 parents pass the controllers on afterwards.
 * root: as in cgroup_set_open. Returns 0 or a negative errno with e; cg_unfind undoes it in either case. */
int cg_find(struct cgroup_set *s, const char *root, struct err *e);

/* Undoes what cg_find changed: moves this process back, removes the folders that it made. */
void cg_unfind(struct cgroup_set *s);

/* The folder of group g in the hierarchy of a controller; -1 = not there. */
int cg_dir(const struct cgroup_set *s, const struct cg_group *g, enum cg_controller c);

/* "folder/name" (folder alone where name is empty) into out, which has PATH_MAX bytes; a longer one becomes "", which
 * no file is named. out may not be folder. */
void cg_join(char *out, const char *folder, const char *name);

/* The folder of workerd_<number> in hierarchy h, into out, which has PATH_MAX bytes. */
void cg_group_path(char *out, const struct cgroup_set *s, uint32_t h, uint32_t number);

/* Writes text / a number to a file of the group's folder in the hierarchy of c. Returns 0 or a negative errno with e.
 */
int cg_write(const struct cgroup_set *s, const struct cg_group *g, enum cg_controller c, const char *file,
             const char *text, struct err *e);
int cg_write_u64(const struct cgroup_set *s, const struct cg_group *g, enum cg_controller c, const char *file,
                 uint64_t value, struct err *e);

/* Reads a whole small file into out as a string. Returns its length or -errno. */
int cg_read_at(int dir, const char *file, char *out, size_t size);

/* Reads a file that is one number / the number behind "key " in a file of such lines; 0 where it is not there. */
uint64_t cg_read_u64(int dir, const char *file);
uint64_t cg_read_key(int dir, const char *file, const char *key);

/* Calls fn (NULL allowed) for each process id in cgroup.procs of dir; returns how many there were. */
uint32_t cg_each_pid(int dir, void (*fn)(int pid, void *arg), void *arg);

/* Sends SIGKILL to / counts the processes of the group dir and of all groups below it. Returns how many there were; one
 * more than that where they are too many or too deep to look at all of them. */
uint32_t cg_kill_pids(int dir);
uint32_t cg_count_pids(int dir);

/* Kills the processes of a claimed group and of all groups below it, and removes these. Takes a few seconds at most.
 * Returns -ENOTEMPTY when something is left: the message says where, what, and what to do. */
int cg_clear(const struct cgroup_set *s, struct cg_group *g, struct err *e);

/* Removes a group and those below it, as far as no process is in them. Waits half a second at most for the kernel to
 * let go of ended ones. */
void cg_remove(const char *path);

#endif
