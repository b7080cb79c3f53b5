/* Groups: claiming, emptying, limiting, counting. What differs between the kernel interfaces is behind struct cg_ops.
 */
#include "worker/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "worker/cgroup_impl.h"

#define MAX_CLAIMED_ELSEWHERE 4096

/* Marks the folders that a node made, so that the node that finds them after a crash removes them in the end. */
static const char made_mark[] = "user.oyster_made";

static void group_init(struct cg_group *g, uint32_t number)
{
    *g = (struct cg_group){ .number = number, .peak_fd = -1 };
    for (int h = 0; h < CG_CONTROLLERS; h++)
        g->dirs[h] = g->procs[h] = -1;
}

static void group_close(struct cg_group *g)
{
    fd_close_p(&g->peak_fd);
    for (int h = 0; h < CG_CONTROLLERS; h++) {
        fd_close_p(&g->procs[h]);
        fd_close_p(&g->dirs[h]);
    }
    group_init(g, g->number);
}

/* Opens or makes one folder and locks it. Returns 1 when it is ours, 0 when another node holds it, -errno. */
static int claim_dir(struct cg_group *g, uint32_t h, const char *path, struct err *e)
{
    for (;;) {
        bool made = mkdir(path, 0755) == 0;
        if (!made && errno != EEXIST)
            return err_sys(e, "make %s", path);
        CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue; /* its owner removed it just now */
        if (fd < 0)
            return err_sys(e, "open %s", path);
        if (made) /* before anybody else can claim it */
            (void)fsetxattr(fd, made_mark, "1", 1, 0);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
            return errno == EWOULDBLOCK ? 0 : err_sys(e, "lock %s", path);
        struct stat locked, named;
        if (fstat(fd, &locked) < 0 || stat(path, &named) < 0 || locked.st_ino != named.st_ino)
            continue; /* locked a folder that its owner was removing */
        g->made[h] = made;
        g->dirs[h] = fd_steal(&fd);
        return 1;
    }
}

/* Gives the claimed folders up; those that a node made are removed while they are still locked. */
static void group_release(const struct cgroup_set *s, struct cg_group *g)
{
    for (uint32_t h = 0; h < s->n_hierarchies; h++) {
        char path[PATH_MAX];
        cg_group_path(path, s, h, g->number);
        char mark;
        if (g->made[h] || fgetxattr(g->dirs[h], made_mark, &mark, 1) == 1)
            cg_remove(path);
    }
    group_close(g);
}

/* Claims workerd_<number> in every hierarchy or in none. Same results as claim_dir. */
static int claim_group(const struct cgroup_set *s, struct cg_group *g, uint32_t number, struct err *e)
{
    group_init(g, number);
    for (uint32_t h = 0; h < s->n_hierarchies; h++) {
        char path[PATH_MAX];
        cg_group_path(path, s, h, number);
        int rc = claim_dir(g, h, path, e);
        if (rc > 0) {
            g->procs[h] = openat(g->dirs[h], "cgroup.procs", O_WRONLY | O_CLOEXEC);
            if (g->procs[h] < 0)
                rc = err_sys(e, "open %s/cgroup.procs for writing", path);
        }
        if (rc <= 0) {
            group_release(s, g);
            return rc;
        }
    }
    return 1;
}

/* Whether processes can be put into the group at all: a child tries (rights on a common ancestor decide, too). */
static int group_try(const struct cgroup_set *s, const struct cg_group *g, struct err *e)
{
    pid_t pid = fork();
    if (pid < 0)
        return err_sys(e, "fork");
    if (pid == 0) {
        for (uint32_t h = 0; h < s->n_hierarchies; h++)
            if (write(g->procs[h], "0", 1) != 1)
                _exit(errno);
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
    return err_set(e, -code, "put a process into %s/workerd_%" PRIu32 ": %s%s", s->parents[0], g->number,
                   strerror(code), code == EACCES ? ": the node has to be inside, see cgroupv2_setup.sh --help" : "");
}

static int open_groups(struct cgroup_set *s, uint32_t n, struct err *e)
{
    for (uint32_t number = 1; s->n < n; number++) {
        if (number > n + MAX_CLAIMED_ELSEWHERE)
            return err_set(e, -EBUSY, "%s: all of workerd_1 to workerd_%" PRIu32 " are held by other nodes",
                           s->parents[0], number - 1);
        struct cg_group *g = &s->groups[s->n];
        int rc = claim_group(s, g, number, e);
        if (rc < 0)
            return rc;
        if (rc == 0)
            continue;
        if ((rc = cg_clear(s, g, e)) < 0) {
            group_release(s, g);
            return rc;
        }
        s->n++;
        if ((rc = s->ops->opened(s, g, e)) < 0)
            return rc;
        if (s->n == 1 && (rc = group_try(s, g, e)) < 0)
            return rc;
    }
    return 0;
}

struct cgroup_set *cgroup_set_open(const char *root, uint32_t n, struct err *e)
{
    struct cgroup_set *s = xcalloc(1, sizeof *s);
    s->groups = xcalloc(n ? n : 1, sizeof *s->groups);
    int rc = cg_find(s, root, e);
    if (rc == 0)
        rc = open_groups(s, n, e);
    if (rc == -ENOTEMPTY)
        (void)err_wrap(e, "no cgroups for the workers");
    else if (rc < 0)
        (void)err_wrap(e, "no cgroups for the workers (%s)",
                       s->ops->version == 2
                           ? "start the node as root, or run deploy/cgroupv2_setup.sh as root for its user"
                           : "start the node as root: this machine has version 1 cgroups");
    if (rc == 0)
        return s;
    cgroup_set_close(s);
    return NULL;
}

uint32_t cgroup_set_count(const struct cgroup_set *s)
{
    return s->n;
}

int cgroup_set_version(const struct cgroup_set *s)
{
    return s->ops->version;
}

int cgroup_set_limits(struct cgroup_set *s, uint32_t i, const struct cgroup_limits *limits, struct err *e)
{
    return s->ops->set_limits(s, &s->groups[i], limits, e);
}

int cgroup_set_cpu(struct cgroup_set *s, uint32_t i, uint32_t quota_us, uint32_t period_us, struct err *e)
{
    return s->ops->set_cpu(s, &s->groups[i], quota_us, period_us, e);
}

void cgroup_set_weight(struct cgroup_set *s, uint32_t i, uint32_t percent)
{
    s->ops->set_weight(s, &s->groups[i], percent);
}

int cgroup_dir_fd(const struct cgroup_set *s, uint32_t i)
{
    return s->ops->version == 2 ? s->groups[i].dirs[0] : -1;
}

const int *cgroup_procs_fds(const struct cgroup_set *s, uint32_t i, uint32_t *n)
{
    *n = s->ops->version == 2 ? 0 : s->n_hierarchies;
    return s->groups[i].procs;
}

void cgroup_kill(struct cgroup_set *s, uint32_t i)
{
    s->ops->kill(s, &s->groups[i]);
}

bool cgroup_is_empty(const struct cgroup_set *s, uint32_t i)
{
    return s->ops->is_empty(s, &s->groups[i]);
}

void cgroup_reset_usage(struct cgroup_set *s, uint32_t i)
{
    struct cg_group *g = &s->groups[i];
    g->peak_reset = s->ops->reset_peak(s, g);
    s->ops->counters(s, g, &g->baseline);
}

void cgroup_read_usage(const struct cgroup_set *s, uint32_t i, struct cgroup_usage *out)
{
    const struct cg_group *g = &s->groups[i];
    s->ops->counters(s, g, out);
    out->cpu_us -= g->baseline.cpu_us;
    out->oom_kills -= g->baseline.oom_kills;
    /* A peak that cannot be reset tells about this job only when the job has raised it. */
    if (!g->peak_reset && out->memory_peak_bytes <= g->baseline.memory_peak_bytes)
        out->memory_peak_bytes = 0;
}

void cgroup_set_close(struct cgroup_set *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n; i++) {
        struct cg_group *g = &s->groups[i];
        (void)cg_clear(s, g, NULL);
        group_release(s, g);
    }
    cg_unfind(s);
    free(s->groups);
    free(s);
}
