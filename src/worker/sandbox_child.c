/* Between clone3 and exec. The child is a copy of one thread of the node: only async-signal-safe calls, no allocation,
 * and system calls that glibc would first settle with the node's other threads (setresuid) are made directly. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/sandbox_impl.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* Where descriptors are parked while their final numbers are handed out; above any final number. */
#define PARKED_FDS 128

#define WORKER_FILES_MAX 256u
#define GATEWAY_FILES_MAX 65536u
#define WORKER_THREADS_MAX 64u
#define GATEWAY_THREADS_MAX 4096u /* of all gateways, old and new; their cgroup allows fewer */

static int result(long rc)
{
    return rc < 0 ? -errno : 0;
}

/* Version 2 children were born into their group, where clone3 is to be had. */
static int step_cgroup(struct sandbox_task *t)
{
    if (!t->start->cgroups)
        return 0;
    if (t->join_dir_fd >= 0) {
        int fd = openat(t->join_dir_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        return fd >= 0 && write(fd, "0", 1) == 1 ? 0 : -errno;
    }
    uint32_t n;
    const int *procs = cgroup_procs_fds(t->start->cgroups, t->start->cgroup_index, &n);
    for (uint32_t i = 0; i < n; i++)
        if (write(procs[i], "0", 1) != 1)
            return -errno;
    return 0;
}

/* Default dispositions, nothing blocked, no terminal, an empty keyring (where there are keyrings). */
static int step_session(struct sandbox_task *t)
{
    (void)t;
    const struct sigaction def = { .sa_handler = SIG_DFL };
    for (int sig = 1; sig < SIGRTMIN; sig++)
        (void)sigaction(sig, &def, NULL);
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)umask(077);
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    return result(setsid());
}

static int park(int fd)
{
    int parked = fcntl(fd, F_DUPFD_CLOEXEC, PARKED_FDS);
    return parked < 0 ? -errno : parked;
}

/* Everything that the caller named is copied above PARKED_FDS, then down to its number; all else closes at exec. */
static int step_descriptors(struct sandbox_task *t)
{
    const struct sandbox_start *st = t->start;
    int from[3 + PARKED_FDS];
    uint32_t n = 0;
    if (st->n_fds > PARKED_FDS - 3)
        return -EMFILE;
    from[n++] = t->sandbox->null_fd;
    from[n++] = st->stdout_fd >= 0 ? st->stdout_fd : t->sandbox->null_fd;
    from[n++] = st->stderr_fd >= 0 ? st->stderr_fd : t->sandbox->null_fd;
    for (uint32_t i = 0; i < st->n_fds; i++)
        from[n++] = st->fds[i];
    int report = park(t->report_fd);
    if (report < 0)
        return report;
    t->report_fd = report;
    if ((t->node_pidfd = park(t->node_pidfd)) < 0)
        return t->node_pidfd;
    for (uint32_t i = 0; i < n; i++)
        if ((from[i] = park(from[i])) < 0)
            return from[i];
    for (uint32_t i = 0; i < n; i++)
        if (dup2(from[i], (int)i) < 0)
            return -errno;
    /* The node may hold more descriptors than the limit that comes allows; later steps need low numbers for files. */
    if (syscall(SYS_close_range, n, PARKED_FDS - 1U, 0) < 0)
        return -errno;
    return result(syscall(SYS_close_range, n, ~0U, CLOSE_RANGE_CLOEXEC));
}

/* /proc is gone after the root was entered. */
static int step_open_proc(struct sandbox_task *t)
{
    t->proc_self_fd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return result(t->proc_self_fd);
}

static int write_proc(const struct sandbox_task *t, const char *file, const char *text, size_t len)
{
    int fd = openat(t->proc_self_fd, file, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int rc = write(fd, text, len) == (ssize_t)len ? 0 : -errno;
    (void)close(fd);
    return rc;
}

static size_t put_number(char *out, uint32_t value)
{
    char digits[10];
    size_t n = 0, len = 0;
    do
        digits[n++] = (char)('0' + value % 10);
    while ((value /= 10) > 0);
    while (n > 0)
        out[len++] = digits[--n];
    return len;
}

/* "id id 1": the one user that exists inside is the one outside. */
static int write_map(const struct sandbox_task *t, const char *file, uint32_t id)
{
    char text[32];
    size_t len = put_number(text, id);
    text[len++] = ' ';
    len += put_number(text + len, id);
    text[len++] = ' ';
    text[len++] = '1';
    return write_proc(t, file, text, len);
}

/* The node is undumpable, and so is who has changed the user: /proc/self/uid_map is root's then. */
static int write_maps(const struct sandbox_task *t, uid_t uid, gid_t gid)
{
    if (prctl(PR_SET_DUMPABLE, 1) < 0)
        return -errno;
    int rc = write_proc(t, "setgroups", "deny", 4);
    if (rc == 0)
        rc = write_map(t, "uid_map", uid);
    if (rc == 0)
        rc = write_map(t, "gid_map", gid);
    (void)prctl(PR_SET_DUMPABLE, 0);
    return rc;
}

/* Without rights: clone3 made the user namespace. */
static int step_userns_first(struct sandbox_task *t)
{
    if (t->sandbox->privileged)
        return 0;
    return write_maps(t, t->own_uid, t->own_gid);
}

static int step_hostname(struct sandbox_task *t)
{
    (void)t;
    return result(sethostname("localhost", 9));
}

/* Descriptors. The gateway holds a few for each connection of every worker, and ends when it can have no more. */
static int limit_files(const struct sandbox *s)
{
    struct rlimit now, r = { WORKER_FILES_MAX, WORKER_FILES_MAX };
    if (s->network) {
        if (getrlimit(RLIMIT_NOFILE, &now) < 0)
            return -errno;
        r.rlim_cur = r.rlim_max = now.rlim_max < GATEWAY_FILES_MAX ? now.rlim_max : GATEWAY_FILES_MAX;
    }
    return result(setrlimit(RLIMIT_NOFILE, &r));
}

static int step_rlimits(struct sandbox_task *t)
{
    /* RLIMIT_CORE 1, not 0: the one value that also keeps the kernel from piping a dump to a core_pattern program.
     * RLIMIT_NPROC counts the threads of one uid, which is the slot's own only with the uid layer. */
    static const struct {
        int what;
        rlim_t value;
    } limits[] = { { RLIMIT_CORE, 1 },        { RLIMIT_FSIZE, 0 },       { RLIMIT_MEMLOCK, 0 },
                   { RLIMIT_MSGQUEUE, 0 },    { RLIMIT_NICE, 0 },        { RLIMIT_RTPRIO, 0 },
                   { RLIMIT_STACK, 8 << 20 }, { RLIMIT_SIGPENDING, 64 }, { RLIMIT_LOCKS, 64 } };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit r = { limits[i].value, limits[i].value };
        if (setrlimit((__rlimit_resource_t)limits[i].what, &r) < 0)
            return -errno;
    }
    int rc = limit_files(t->sandbox);
    if (rc < 0 || !(t->sandbox->layers & SANDBOX_UID))
        return rc;
    const rlim_t threads = t->sandbox->network ? GATEWAY_THREADS_MAX : WORKER_THREADS_MAX;
    return result(setrlimit(RLIMIT_NPROC, &(struct rlimit){ threads, threads }));
}

static int set_caps(uint64_t caps)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2] = { { .effective = (uint32_t)caps, .permitted = (uint32_t)caps },
                                              { .effective = (uint32_t)(caps >> 32),
                                                .permitted = (uint32_t)(caps >> 32) } };
    return result(syscall(SYS_capset, &head, data));
}

/* Capabilities outlive the change, because making the user namespace and emptying the bounding set follow. */
static int step_uid(struct sandbox_task *t)
{
    const uint64_t needed = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SETPCAP;
    if (!t->sandbox->privileged)
        return t->uid == t->own_uid ? 0 : -EPERM;
    if (prctl(PR_SET_KEEPCAPS, 1) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
        syscall(SYS_setresgid, t->uid, t->uid, t->uid) < 0 || syscall(SYS_setresuid, t->uid, t->uid, t->uid) < 0)
        return -errno;
    return set_caps(needed);
}

static int step_userns_last(struct sandbox_task *t)
{
    if (!t->sandbox->privileged)
        return 0;
    if (unshare(CLONE_NEWUSER) < 0)
        return -errno;
    uid_t uid = t->sandbox->layers & SANDBOX_UID ? t->uid : t->own_uid;
    gid_t gid = t->sandbox->layers & SANDBOX_UID ? t->uid : t->own_gid;
    return write_maps(t, uid, gid);
}

/* Empty everywhere, and no way back: not by a set-uid program, a file capability or being root. */
static int step_caps(struct sandbox_task *t)
{
    (void)t;
    for (unsigned long cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_DROP, cap) < 0 && errno != EINVAL)
            return -errno;
    const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                               SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                               SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    if (prctl(PR_SET_SECUREBITS, bits) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return -errno;
    return set_caps(0);
}

static int step_nnp(struct sandbox_task *t)
{
    (void)t;
    return result(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

/* After the last change of credentials, which clears it. getppid() says nothing inside a pid namespace. */
static int step_parent_death(struct sandbox_task *t)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    struct pollfd node = { .fd = t->node_pidfd, .events = POLLIN };
    return poll(&node, 1, 0) == 0 ? 0 : -EOWNERDEAD;
}

/* The kernel wants no_new_privs before a filter from anyone without CAP_SYS_ADMIN, so this layer implies that one. */
static int step_seccomp(struct sandbox_task *t)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &t->sandbox->filter));
}

static int step_exec(struct sandbox_task *t)
{
    char *const empty[] = { NULL };
    if (!t->exe)
        _exit(0);
    (void)execve(t->exe, (char *const *)(uintptr_t)t->start->argv, empty);
    return -errno;
}

/* In order. layer 0: always. */
static const struct {
    const char *name;
    uint32_t layer;
    int (*run)(struct sandbox_task *t);
} steps[] = {
    { "join the cgroup", SANDBOX_CGROUP, step_cgroup },
    { "new session", 0, step_session },
    { "pass descriptors", 0, step_descriptors },
    { "open /proc/self", SANDBOX_USERNS, step_open_proc },
    { "map ids of the user namespace", SANDBOX_USERNS, step_userns_first },
    { "set the host name", SANDBOX_UTSNS, step_hostname },
    { "make mounts private", SANDBOX_MOUNTNS, sandbox_mounts_private },
    { "enter the root file system", SANDBOX_ROOT, sandbox_root_enter },
    { "set resource limits", SANDBOX_RLIMITS, step_rlimits },
    { "change user and group", SANDBOX_UID, step_uid },
    { "enter a user namespace", SANDBOX_USERNS, step_userns_last },
    { "drop capabilities", SANDBOX_CAPS, step_caps },
    { "set no_new_privs", SANDBOX_NNP, step_nnp },
    { "set the parent-death signal", 0, step_parent_death },
    { "install the seccomp filter", SANDBOX_SECCOMP, step_seccomp },
    { "execute the program", 0, step_exec },
};
#define N_STEPS ((int32_t)(sizeof steps / sizeof *steps))

const char *sandbox_step_name(int32_t step)
{
    return step >= 0 && step < N_STEPS ? steps[step].name : "unknown step";
}

void sandbox_child_run(struct sandbox_task *t)
{
    struct sandbox_failure failure = { 0 };
    for (int32_t i = 0; i < N_STEPS; i++) {
        if (steps[i].layer && !(t->sandbox->layers & steps[i].layer))
            continue;
        int rc = steps[i].run(t);
        if (rc < 0) {
            failure = (struct sandbox_failure){ .step = i, .code = -rc };
            (void)!write(t->report_fd, &failure, sizeof failure);
            break;
        }
    }
    _exit(127);
}
