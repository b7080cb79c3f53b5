/* Inside of worker/sandbox.h: what its files know of each other.
 *
 * sandbox.c          prepares, starts (clone3), hears from the child whether it came to exec
 * sandbox_child.c    what the child does between clone3 and exec, as one table of steps; async-signal-safe calls only
 * sandbox_root.c     the root file system: laid out once, entered by each child
 * sandbox_seccomp.c  the system call filter, compiled once (the only user of libseccomp)
 * sandbox_probe.c    which layers this machine gives
 *
 * Two ways in, chosen by rights. A node with CAP_SYS_ADMIN makes the other namespaces first and the user namespace
 * last, so that they belong to the host's user namespace and nobody inside can ever hold a capability over them. A node
 * without it has to make the user namespace first, and the others inside that. */
#ifndef OYSTER_WORKER_SANDBOX_IMPL_H
#define OYSTER_WORKER_SANDBOX_IMPL_H

#include <limits.h>
#include <linux/filter.h>
#include <stddef.h>

#include "worker/sandbox.h"

struct sandbox_bind {
    char *host;   /* absolute */
    char *inside; /* absolute path inside; inside + 1 is relative to the root's folder */
};

struct sandbox {
    uint32_t layers;
    bool network;
    bool privileged; /* the user namespace comes last */
    char *root_dir;  /* absolute */
    struct sandbox_bind *binds;
    size_t n_binds;
    char **made; /* what root_lay made, in order; absolute */
    size_t n_made;
    struct sock_fprog filter; /* seccomp program; len 0 without that layer */
    int null_fd;
    int node_pidfd; /* of this process: tells a child that its parent is gone */
};

/* What the child works from; all of it was prepared before clone3. */
struct sandbox_task {
    const struct sandbox *sandbox;
    const struct sandbox_start *start;
    const char *exe;      /* what to execute; NULL = stop before exec (the probe) */
    const char *slot_dir; /* absolute, NULL = none */
    uid_t uid;            /* to become */
    uid_t own_uid;        /* of the node; inside a fresh user namespace nobody knows them */
    gid_t own_gid;
    int report_fd;    /* struct sandbox_failure goes here; CLOEXEC, so end-of-file means that exec was done */
    int proc_self_fd; /* /proc/self, opened by the child while it can see it; -1 */
    int node_pidfd;
    int join_dir_fd; /* version 2 group that the child was not born in; -1 */
};

struct sandbox_failure {
    int32_t step; /* index for sandbox_step_name */
    int32_t code; /* errno */
};

/* As sandbox_new. lay_root false: root_dir is there already and takes nothing (the probe). */
struct sandbox *sandbox_make(const struct sandbox_spec *spec, bool lay_root, struct err *e);

/* Lays the folders and mount points of the root out (once). Returns 0 or a negative errno with e; what was made by
 * then is in s->made. */
int sandbox_root_lay(struct sandbox *s, struct err *e);

/* Removes what sandbox_root_lay made. */
void sandbox_root_remove(struct sandbox *s);

/* In the child: what it mounts from here on stays in its namespace. Returns 0 or -errno. */
int sandbox_mounts_private(struct sandbox_task *t);

/* In the child: mounts the root and moves into it. Returns 0 or -errno. */
int sandbox_root_enter(struct sandbox_task *t);

/* Compiles the filter into s->filter, which s owns. Returns 0 or a negative errno with e. */
int sandbox_seccomp_compile(struct sandbox *s, struct err *e);

/* In the child: runs the steps and executes the program. Does not return. */
void sandbox_child_run(struct sandbox_task *t) __attribute__((noreturn));

/* What a step of the child does, for messages ("set resource limits"). Static. */
const char *sandbox_step_name(int32_t step);

/* clone3 and the wait for exec or failure. exe NULL: only tries the steps. Returns 0 and fills out, or a negative errno
 * with e, which names the step; no child is left then. */
int sandbox_spawn(struct sandbox_child *out, const struct sandbox *s, const struct sandbox_start *start,
                  const char *exe, struct err *e);

/* Whether this process may make namespaces without a user namespace of its own. */
bool sandbox_is_privileged(void);

#endif
