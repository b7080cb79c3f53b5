/* What is left in a claimed group: processes, and groups below it with theirs. A run that was killed, or somebody by
 * hand, has left them; on version 1 their limits stand in the way of new ones, on version 2 of new processes. Who holds
 * the claim of a group holds all that is below it.
 *
 * Folders are followed by descriptor, never by a path made of their names; a walk is bounded in depth, number and time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "worker/cgroup_impl.h"

#define LEVELS_MAX 32 /* two descriptors each */
#define GROUPS_MAX 1000
#define CLEAR_TIMEOUT_MS 5000
#define REMOVE_TIMEOUT_MS 500
#define SHOWN_BYTES 200 /* of a path */

/* One look at all groups below another. */
struct walk {
    int (*each)(struct walk *w, int parent, const char *name); /* not 0: ends the walk */
    uint32_t level;
    void (*fn)(int pid, void *arg); /* for each process */
    void *arg;
    uint32_t n_groups, n_pids;
    struct buf path; /* for removing: where the walk is, how long it may last, what was wrong */
    uint64_t end_ms;
    struct err why;
};

static void dir_close_p(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

/* Opens a group below another. -EXDEV: something is mounted on it (told since Linux 5.8), which may even be the group
 * of somebody else. */
static int open_below(int parent, const char *name)
{
    CLEANUP(fd_close_p) int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    struct statx s = { 0 };
    if (statx(fd, "", AT_EMPTY_PATH, 0, &s) == 0 && (s.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return -EXDEV;
    return fd_steal(&fd);
}

/* Nearly always there is nothing, and one call tells: a group's links are two and those that are below it. */
static bool has_below(int dir)
{
    struct stat s;
    return fstat(dir, &s) < 0 || s.st_nlink != 2;
}

static bool may_be_group(const struct dirent *d)
{
    return (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN) && strcmp(d->d_name, ".") != 0 &&
           strcmp(d->d_name, "..") != 0;
}

/* Calls w->each for each group right below dir. Returns what ended the walk: -ELOOP = too deep, 0 = all was seen. */
static int walk_below(struct walk *w, int dir)
{
    if (!has_below(dir))
        return 0;
    if (w->level == LEVELS_MAX)
        return -ELOOP;
    CLEANUP(fd_close_p) int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(dir_close_p) DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (!list)
        return -errno;
    (void)fd_steal(&fd); /* the list's */
    int rc = 0;
    w->level++;
    for (struct dirent *d; rc == 0 && (d = readdir(list));)
        if (may_be_group(d))
            rc = w->each(w, dir, d->d_name);
    w->level--;
    return rc;
}

/* --------------------------------------------------------------------------------------------------- processes */

static int pids_below(struct walk *w, int parent, const char *name)
{
    CLEANUP(fd_close_p) int dir = open_below(parent, name);
    if (dir < 0)
        return 0; /* gone, or not ours */
    if (w->n_groups++ == GROUPS_MAX)
        return -E2BIG;
    w->n_pids += cg_each_pid(dir, w->fn, w->arg);
    return walk_below(w, dir);
}

/* What was not looked at counts as one more, so that nobody takes it for empty. */
static uint32_t each_pid(int dir, void (*fn)(int pid, void *arg), void *arg)
{
    struct walk w = { .each = pids_below, .fn = fn, .arg = arg };
    w.n_pids = cg_each_pid(dir, fn, arg);
    return walk_below(&w, dir) < 0 ? w.n_pids + 1 : w.n_pids;
}

static void kill_pid(int pid, void *arg)
{
    (void)arg;
    (void)kill(pid, SIGKILL);
}

uint32_t cg_kill_pids(int dir)
{
    return each_pid(dir, kill_pid, NULL);
}

uint32_t cg_count_pids(int dir)
{
    return each_pid(dir, NULL, NULL);
}

static void keep_pid(int pid, void *arg)
{
    *(int *)arg = pid;
}

static void look_for_self(int pid, void *arg)
{
    *(bool *)arg |= pid == getpid();
}

/* ---------------------------------------------------------------------------------------------------- removing */

/* A name may hold any byte but a line feed. Returns where to leave to. */
static size_t enter(struct walk *w, const char *name)
{
    size_t from = w->path.len;
    if (from)
        buf_push(&w->path, '/');
    for (; *name; name++) {
        uint8_t byte = (uint8_t)*name;
        if (byte < ' ' || byte > '~' || byte == '\\')
            buf_printf(&w->path, "\\x%02x", byte);
        else
            buf_push(&w->path, byte);
    }
    return from;
}

static int refuse(struct walk *w, int code, const char *found, const char *todo)
{
    const char *path = buf_cstr(&w->path);
    return err_set(&w->why, code, "%.*s%s: found %s, expected it to be empty: %s", SHOWN_BYTES, path,
                   strlen(path) > SHOWN_BYTES ? "..." : "", found, todo);
}

static int refuse_errno(struct walk *w, int code)
{
    char found[128];
    if (code == -ELOOP)
        (void)snprintf(found, sizeof found, "groups more than %d levels deep", LEVELS_MAX);
    else
        (void)snprintf(found, sizeof found, "a group that cannot be removed (%s)", strerror(-code));
    return refuse(w, code, found, "rmdir it by hand, from the inside");
}

/* A group that cannot go yet: the kernel lets go of it a moment after its last process has ended. */
static int refuse_used(struct walk *w, int dir)
{
    char found[64] = "it used by what cannot be seen from here";
    int pid = 0;
    if (cg_each_pid(dir, keep_pid, &pid))
        (void)snprintf(found, sizeof found, "process %d in it, which could not be killed", pid);
    return refuse(w, -EBUSY, found, "end that, then rmdir the folder");
}

static int remove_inside(struct walk *w, int dir)
{
    int rc = walk_below(w, dir);
    return rc < 0 && !w->why.code ? refuse_errno(w, rc) : rc;
}

/* Version 1: the kernel compares quotas with that of a removed group, too, until its last process has been reaped. */
static void lift_quota(int dir)
{
    CLEANUP(fd_close_p) int fd = openat(dir, "cpu.cfs_quota_us", O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        (void)!write(fd, "-1", 2);
}

static int remove_entered(struct walk *w, int parent, const char *name)
{
    CLEANUP(fd_close_p) int dir = open_below(parent, name);
    if (dir == -ENOENT || dir == -ENOTDIR)
        return 0;
    if (dir == -EXDEV)
        return refuse(w, dir, "something mounted on it", "umount it");
    if (dir < 0)
        return refuse_errno(w, dir);
    int rc = remove_inside(w, dir);
    if (rc < 0)
        return rc;
    lift_quota(dir);
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    return errno == EBUSY ? refuse_used(w, dir) : refuse_errno(w, -errno);
}

/* Removes a group and all below it. Returns -EBUSY where that may come to pass in a moment. */
static int remove_group(struct walk *w, int parent, const char *name)
{
    if (clock_mono_ms() >= w->end_ms)
        return refuse(w, -ETIMEDOUT, "more groups than can be removed in time", "start again, or rmdir them by hand");
    size_t from = enter(w, name);
    int rc = remove_entered(w, parent, name);
    w->path.len = from;
    return rc;
}

static void sleep_ms(long ms)
{
    struct timespec t = { .tv_nsec = ms * 1000000 };
    (void)nanosleep(&t, NULL);
}

static void walk_start(struct walk *w)
{
    *w = (struct walk){ .each = remove_group, .end_ms = clock_mono_ms() + CLEAR_TIMEOUT_MS };
}

void cg_remove(const char *path)
{
    int rc;
    uint64_t end_ms = clock_mono_ms() + REMOVE_TIMEOUT_MS;
    do {
        struct walk w;
        walk_start(&w);
        rc = remove_group(&w, AT_FDCWD, path);
        buf_free(&w.path);
        if (rc == -EBUSY)
            sleep_ms(2);
    } while (rc == -EBUSY && clock_mono_ms() < end_ms);
}

/* ---------------------------------------------------------------------------------------------------- clearing */

/* Version 2 could not tell whom its one call would kill. */
static int refuse_self(struct walk *w, int dir)
{
    bool found = false;
    (void)each_pid(dir, look_for_self, &found);
    return found ? refuse(w, -EDEADLK, "this process itself in it", "start the node from another group") : 0;
}

static int remove_left(struct walk *w, int dir)
{
    int rc = remove_inside(w, dir);
    return rc == 0 && cg_each_pid(dir, NULL, NULL) ? refuse_used(w, dir) : rc;
}

/* One step in every hierarchy, the first that fails ends it. */
static int each_folder(const struct cgroup_set *s, const struct cg_group *g, int (*step)(struct walk *w, int dir),
                       struct err *e)
{
    int rc = 0;
    for (uint32_t h = 0; rc == 0 && h < s->n_hierarchies; h++) {
        char path[PATH_MAX];
        struct walk w;
        walk_start(&w);
        cg_group_path(path, s, h, g->number);
        (void)enter(&w, path);
        rc = step(&w, g->dirs[h]);
        if (rc < 0)
            (void)err_set(e, rc, "%s", w.why.msg);
        buf_free(&w.path);
    }
    return rc;
}

static int clear_once(const struct cgroup_set *s, struct cg_group *g, struct err *why)
{
    bool empty = s->ops->is_empty(s, g);
    if (!empty)
        s->ops->kill(s, g);
    int rc = each_folder(s, g, remove_left, why);
    return rc == 0 && !empty ? each_folder(s, g, refuse_used, why) : rc;
}

int cg_clear(const struct cgroup_set *s, struct cg_group *g, struct err *e)
{
    struct err why = { 0 };
    uint64_t end_ms = clock_mono_ms() + CLEAR_TIMEOUT_MS;
    int rc = each_folder(s, g, refuse_self, &why);
    if (rc == 0)
        rc = clear_once(s, g, &why);
    for (; rc == -EBUSY && clock_mono_ms() < end_ms; rc = clear_once(s, g, &why)) {
        sleep_ms(2);
        why = (struct err){ 0 };
    }
    return rc < 0 ? err_set(e, -ENOTEMPTY, "what an earlier run has left cannot be cleared: %s", why.msg) : 0;
}
