#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "worker/sandbox_impl.h"

/* --------------------------------------------------------------------------------------------------------- layers */

static const char *const layer_names[] = { "userns", "mountns", "pidns", "ipcns",   "utsns",   "netns", "root",
                                           "uid",    "caps",    "nnp",   "seccomp", "rlimits", "cgroup" };
#define N_LAYERS (sizeof layer_names / sizeof *layer_names)
_Static_assert(1u << N_LAYERS == SANDBOX_ALL + 1u, "a name for each layer");

const char *sandbox_layer_name(uint32_t layer)
{
    for (size_t i = 0; i < N_LAYERS; i++)
        if (layer == 1u << i)
            return layer_names[i];
    return "unknown";
}

int sandbox_parse_layers(uint32_t *out, const char *text, struct err *e)
{
    *out = 0;
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ","), i = 0;
        while (i < N_LAYERS && (strlen(layer_names[i]) != len || strncmp(layer_names[i], p, len) != 0))
            i++;
        if (i == N_LAYERS)
            return err_set(e, -EINVAL,
                           "\"%.*s\" is no sandbox layer; there are userns, mountns, pidns, ipcns, utsns, netns, root, "
                           "uid, caps, nnp, seccomp, rlimits, cgroup",
                           len < 64 ? (int)len : 64, p);
        *out |= 1u << i;
        p += len + (p[len] == ',');
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------------ preparing */

bool sandbox_is_privileged(void)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { 0 };
    const uint32_t needed = 1u << CAP_SYS_ADMIN | 1u << CAP_SETUID | 1u << CAP_SETGID;
    return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & needed) == needed;
}

static int copy_files(struct sandbox *s, const struct sandbox_spec *spec, struct err *e)
{
    s->binds = xcalloc(spec->n_files + 1, sizeof *s->binds);
    for (size_t i = 0; i < spec->n_files; i++) {
        const struct sandbox_file *f = &spec->files[i];
        if (f->inside_path[0] != '/' || strstr(f->inside_path, "/.."))
            return err_set(e, -EINVAL, "sandbox: %s is no absolute path", f->inside_path);
        struct sandbox_bind *b = &s->binds[s->n_binds++];
        b->inside = xstrdup(f->inside_path);
        b->host = realpath(f->host_path, NULL);
        if (!b->host)
            return err_sys(e, "sandbox: %s", f->host_path);
    }
    return 0;
}

static int prepare(struct sandbox *s, const struct sandbox_spec *spec, bool lay_root, struct err *e)
{
    s->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (s->null_fd < 0)
        return err_sys(e, "sandbox: open /dev/null");
    s->node_pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (s->node_pidfd < 0)
        return err_sys(e, "sandbox: pidfd_open");
    int rc = copy_files(s, spec, e);
    if (rc == 0 && lay_root && s->layers & SANDBOX_ROOT)
        rc = sandbox_root_lay(s, e);
    if (rc == 0 && s->layers & SANDBOX_SECCOMP)
        rc = sandbox_seccomp_compile(s, e);
    return rc;
}

struct sandbox *sandbox_make(const struct sandbox_spec *spec, bool lay_root, struct err *e)
{
    struct sandbox *s = xcalloc(1, sizeof *s);
    s->layers = spec->network ? spec->layers & ~(uint32_t)SANDBOX_NETNS : spec->layers;
    s->network = spec->network;
    s->privileged = sandbox_is_privileged();
    s->root_dir = xstrdup(spec->root_dir);
    s->null_fd = s->node_pidfd = -1;
    if (s->layers & SANDBOX_ROOT && !(s->layers & SANDBOX_MOUNTNS)) {
        (void)err_set(e, -EINVAL, "sandbox: layer root needs layer mountns");
    } else if (prepare(s, spec, lay_root, e) == 0) {
        return s;
    }
    sandbox_free(s);
    return NULL;
}

struct sandbox *sandbox_new(const struct sandbox_spec *spec, struct err *e)
{
    return sandbox_make(spec, true, e);
}

void sandbox_free(struct sandbox *s)
{
    if (!s)
        return;
    sandbox_root_remove(s);
    for (size_t i = 0; i < s->n_binds; i++) {
        free(s->binds[i].host);
        free(s->binds[i].inside);
    }
    free(s->binds);
    free(s->root_dir);
    free(s->filter.filter);
    fd_close_p(&s->null_fd);
    fd_close_p(&s->node_pidfd);
    free(s);
}

/* ------------------------------------------------------------------------------------------------------- starting */

static uint64_t namespace_flags(const struct sandbox *s)
{
    static const struct {
        uint32_t layer;
        uint64_t flag;
    } map[] = { { SANDBOX_MOUNTNS, CLONE_NEWNS },
                { SANDBOX_PIDNS, CLONE_NEWPID },
                { SANDBOX_IPCNS, CLONE_NEWIPC },
                { SANDBOX_UTSNS, CLONE_NEWUTS },
                { SANDBOX_NETNS, CLONE_NEWNET } };
    uint64_t flags = 0;
    for (size_t i = 0; i < sizeof map / sizeof *map; i++)
        if (s->layers & map[i].layer)
            flags |= map[i].flag;
    if (s->layers & SANDBOX_USERNS && !s->privileged)
        flags |= CLONE_NEWUSER;
    return flags;
}

/* Where clone3 is not to be had (containers hide it from filters that look at flags). */
static pid_t clone_old(int *pidfd, uint64_t flags)
{
    return (pid_t)syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
}

/* As fork(), with namespaces, a pidfd and the cgroup: of version 2 the child is born in it, else it goes there first.
 */
static pid_t clone_child(int *pidfd, struct sandbox_task *task)
{
    const struct sandbox_start *start = task->start;
    const uint64_t flags = namespace_flags(task->sandbox);
    struct clone_args args = { .flags = flags | CLONE_PIDFD, .exit_signal = SIGCHLD };
    args.pidfd = (__u64)(uintptr_t)pidfd;
    int cgroup = -1;
    if (start->cgroups && task->sandbox->layers & SANDBOX_CGROUP)
        cgroup = cgroup_dir_fd(start->cgroups, start->cgroup_index);
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (__u64)cgroup;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid >= 0 || errno != ENOSYS)
        return pid;
    task->join_dir_fd = cgroup;
    return clone_old(pidfd, flags);
}

/* End of file: the program runs. Else what failed. */
static int await_exec(struct sandbox_child *child, int report_fd, struct err *e)
{
    struct sandbox_failure failure = { 0 };
    ssize_t n;
    do
        n = read(report_fd, &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return 0;
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    fd_close_p(&child->pidfd);
    *child = (struct sandbox_child){ .pidfd = -1 };
    if (n != sizeof failure)
        return err_set(e, -EIO, "sandbox: the child ended before it reported");
    return err_set(e, -failure.code, "sandbox: %s: %s", sandbox_step_name(failure.step), strerror(failure.code));
}

int sandbox_spawn(struct sandbox_child *out, const struct sandbox *s, const struct sandbox_start *start,
                  const char *exe, struct err *e)
{
    *out = (struct sandbox_child){ .pidfd = -1 };
    CLEANUP(free_p) char *slot_dir = start->slot_dir ? realpath(start->slot_dir, NULL) : NULL;
    if (start->slot_dir && !slot_dir)
        return err_sys(e, "sandbox: %s", start->slot_dir);
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return err_sys(e, "sandbox: pipe");
    CLEANUP(fd_close_p) int report_in = report[0];
    CLEANUP(fd_close_p) int report_out = report[1];
    struct sandbox_task task = { .sandbox = s,
                                 .start = start,
                                 .exe = exe,
                                 .slot_dir = slot_dir,
                                 .uid = start->uid,
                                 .own_uid = geteuid(),
                                 .own_gid = getegid(),
                                 .report_fd = report_out,
                                 .proc_self_fd = -1,
                                 .join_dir_fd = -1,
                                 .node_pidfd = s->node_pidfd };
    /* All signals are blocked on both sides of it, so that no handler of ours runs in the child. */
    sigset_t all, old;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    out->pid = clone_child(&out->pidfd, &task);
    if (out->pid == 0)
        sandbox_child_run(&task);
    int rc = out->pid < 0 ? err_sys(e, "sandbox: clone3") : 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc < 0) {
        *out = (struct sandbox_child){ .pidfd = -1 };
        return rc;
    }
    fd_close_p(&report_out);
    report_out = -1;
    return await_exec(out, report_in, e);
}

/* Without a root of its own the child sees the host's files, so the program is where it is on the host. */
static const char *find_exe(const struct sandbox *s, const char *inside)
{
    if (s->layers & SANDBOX_ROOT)
        return inside;
    for (size_t i = 0; i < s->n_binds; i++)
        if (strcmp(s->binds[i].inside, inside) == 0)
            return s->binds[i].host;
    return inside;
}

int sandbox_start(struct sandbox_child *out, const struct sandbox *s, const struct sandbox_start *start, struct err *e)
{
    return sandbox_spawn(out, s, start, find_exe(s, start->argv[0]), e);
}
