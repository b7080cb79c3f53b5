/* A sandboxed process on the loop: started in the thread pool (mounting a root may take milliseconds), what it writes
 * to stdout and stderr drained and kept up to a bound, its end watched. It is killed as a whole cgroup, and it is gone
 * only when it was reaped and nothing is left in its cgroup. */
#ifndef OYSTER_WORKER_CHILD_H
#define OYSTER_WORKER_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"
#include "worker/cgroup.h"
#include "worker/sandbox.h"

struct child;

#define CHILD_FDS_MAX 4
#define CHILD_CONSOLE_MAX ((size_t)16 * 1024) /* bytes of its output that are kept */

struct child_spec {
    const struct sandbox *sandbox;
    struct cgroup_set *cgroups; /* NULL = none */
    uint32_t cgroup_index;
    bool alone;              /* other children are in its cgroup: it is killed by itself, and gone when it was reaped */
    const char *const *argv; /* borrowed until CHILD_GONE, as slot_dir */
    const char *slot_dir;
    uid_t uid;
    int fds[CHILD_FDS_MAX]; /* become 3, 4, …; taken over and closed here */
    uint32_t n_fds;
};

enum child_event {
    CHILD_STARTED, /* the program runs */
    CHILD_FAILED,  /* it could not be started (child_error); CHILD_GONE follows */
    CHILD_EXITED,  /* it ended (child_status) and was reaped; its last words are in child_console; CHILD_GONE follows */
    CHILD_GONE,    /* nothing of it is left; the last event: the object is invalid after the callback */
};

typedef void child_event_fn(void *arg, enum child_event ev);

/* Starts a process; events come from the loop. Returns NULL with e set, spec's descriptors closed all the same. */
struct child *child_start(uv_loop_t *loop, const struct child_spec *spec, child_event_fn *fn, void *arg, struct err *e);

/* Its number, 0 while it is being started and once it was reaped. */
pid_t child_pid(const struct child *c);

/* Kills it and (unless alone) everything in its cgroup, CPU quota lifted so that it dies at once. Any time before
 * CHILD_GONE, also more than once; CHILD_EXITED (unless it never ran) and CHILD_GONE follow. */
void child_kill(struct child *c);

/* Why it could not be started. */
const struct err *child_error(const struct child *c);

/* How it ended, valid from CHILD_EXITED on: CLD_EXITED and the exit status, or CLD_KILLED / CLD_DUMPED and the signal.
 */
struct child_status {
    int code; /* of siginfo_t */
    int value;
};
const struct child_status *child_status(const struct child *c);

/* What it wrote so far, after reading what is in the pipe now. NUL-terminated, borrowed until the next call. */
struct child_console {
    const char *text;
    size_t len;
    bool truncated;
};
struct child_console child_console(struct child *c);

/* Forgets what it wrote so far. */
void child_console_reset(struct child *c);

#endif
