/* The system call filter: what workerd was seen to use (docs/security.md), by name, some of it by argument; any other
 * call kills the process. What harmless code may make without needing the answer get an error instead, so that a
 * job cannot kill its worker by, say, opening a socket. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "worker/sandbox_impl.h"

#define SOCKET_TYPE 0xfu /* less SOCK_CLOEXEC, SOCK_NONBLOCK */
#define CLONE_THREAD_OF_SELF                                                                                           \
    ((uint64_t)CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define CLONE_CHECKED                                                                                                  \
    (CLONE_THREAD_OF_SELF | CLONE_VFORK | CLONE_PTRACE | CLONE_UNTRACED | CLONE_PARENT | CLONE_NEWNS |                 \
     CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define PR_SET_VMA_NAME 0x53564d41 /* PR_SET_VMA of newer headers: allocators name their memory */

static const char *const allowed[] = {
    /* memory */
    "brk", "munmap", "mprotect", "mremap", "madvise", "membarrier", "pkey_alloc", "pkey_free", "pkey_mprotect",
    /* files: the root is read-only and holds nothing else */
    "access", "faccessat", "faccessat2", "open", "openat", "close", "close_range", "read", "readv", "pread64", "write",
    "writev", "lseek", "fstat", "stat", "lstat", "newfstatat", "statx", "fstatfs", "readlink", "readlinkat",
    "getdents64", "getcwd", "dup", "pipe2", "fadvise64",
    /* events and time */
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "poll", "ppoll", "timerfd_create",
    "timerfd_settime", "clock_gettime", "clock_getres", "clock_nanosleep", "gettimeofday", "nanosleep",
    "restart_syscall",
    /* threads and signals */
    "futex", "set_robust_list", "set_tid_address", "rseq", "sched_yield", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "getcpu", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "exit",
    "exit_group", "arch_prctl",
    /* about itself */
    "execve", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrandom", "getrusage",
    "sysinfo", "uname",
    /* sockets: socket() itself is checked by argument */
    "accept4", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmsg", "sendmsg", "sendto",
    "shutdown"
};

/* Name resolution sends two questions at once. */
static const char *const allowed_network[] = { "sendmmsg", "recvmmsg" };

/* Asked for by runtimes that live without; each gets this error. clone3 hides its flags from a filter; C libraries
 * fall back to clone. */
static const struct {
    const char *name;
    int error;
} refused[] = {
    { "clone3", ENOSYS },
    { "openat2", ENOSYS },
    { "epoll_pwait2", ENOSYS },
    { "futex_waitv", ENOSYS },
    { "memfd_create", EPERM },
    { "sched_setaffinity", EPERM },
    { "sched_setscheduler", EPERM },
    { "setpriority", EPERM },
    { "mlock", EPERM },
    { "mbind", EPERM },
};

/* On one argument: equal, less, these bits of it equal. */
#define IS(arg, value)                                                                                                 \
    {                                                                                                                  \
        arg, SCMP_CMP_EQ, value, 0                                                                                     \
    }
#define BELOW(arg, value)                                                                                              \
    {                                                                                                                  \
        arg, SCMP_CMP_LT, value, 0                                                                                     \
    }
#define BITS(arg, mask, value)                                                                                         \
    {                                                                                                                  \
        arg, SCMP_CMP_MASKED_EQ, mask, value                                                                           \
    }

/* Calls that are allowed or refused by the value of one or two arguments; with any other value they kill. Values are
 * compared with all 64 bits, of which the kernel may look at 32: so what is allowed is named, never what is not. */
static const struct arg_rule {
    const char *name;
    int error; /* 0 = allowed */
    enum { BOTH, WORKER, NETWORK } where;
    unsigned n;
    struct scmp_arg_cmp args[2];
} arg_rules[] = {
    /* a thread of this process, no other child, no namespace */
    { "clone", 0, BOTH, 1, { BITS(0, CLONE_CHECKED, CLONE_THREAD_OF_SELF) } },
    { "ioctl", 0, BOTH, 1, { IS(1, FIONBIO) } },
    { "ioctl", 0, BOTH, 1, { IS(1, FIOCLEX) } },
    { "ioctl", 0, BOTH, 1, { IS(1, FIONREAD) } },
    { "ioctl", 0, BOTH, 1, { IS(1, TCGETS) } },
    { "fcntl", 0, BOTH, 1, { IS(1, F_GETFD) } },
    { "fcntl", 0, BOTH, 1, { IS(1, F_SETFD) } },
    { "fcntl", 0, BOTH, 1, { IS(1, F_GETFL) } },
    { "fcntl", 0, BOTH, 1, { IS(1, F_SETFL) } },
    { "fcntl", 0, BOTH, 1, { IS(1, F_DUPFD_CLOEXEC) } },
    { "prctl", 0, BOTH, 1, { IS(0, PR_SET_NAME) } },
    { "prctl", EINVAL, BOTH, 1, { IS(0, PR_SET_VMA_NAME) } },
    /* limits may be asked for (no new value), of this process */
    { "prlimit64", 0, BOTH, 2, { IS(0, 0), IS(2, 0) } },
    { "prlimit64", EPERM, BOTH, 1, { { 2, SCMP_CMP_NE, 0, 0 } } },
    { "socketpair", 0, BOTH, 1, { IS(0, AF_UNIX) } },
    /* huge pages are reserved by the host and not charged to the cgroup's memory */
    { "mmap", 0, BOTH, 1, { BITS(3, MAP_HUGETLB, 0) } },
    { "mmap", ENOMEM, BOTH, 1, { BITS(3, MAP_HUGETLB, MAP_HUGETLB) } },
    /* below SO_ATTACH_FILTER: no programs in the kernel; below TCP_CONGESTION: no modules by name */
    { "setsockopt", 0, BOTH, 2, { IS(1, SOL_SOCKET), BELOW(2, SO_ATTACH_FILTER) } },
    { "setsockopt", 0, BOTH, 2, { IS(1, IPPROTO_TCP), BELOW(2, TCP_CONGESTION) } },
    { "setsockopt", 0, NETWORK, 2, { IS(1, IPPROTO_IP), IS(2, IP_RECVERR) } },
    { "setsockopt", 0, NETWORK, 2, { IS(1, IPPROTO_IPV6), IS(2, IPV6_RECVERR) } },
    { "setsockopt", 0, NETWORK, 2, { IS(1, IPPROTO_IPV6), IS(2, IPV6_V6ONLY) } },
    /* the resolver asks which interface "fe80::1%lo" means, by a socket of either family */
    { "socket", EAFNOSUPPORT, BOTH, 2, { IS(0, AF_UNIX), BITS(1, SOCKET_TYPE, SOCK_DGRAM) } },
    { "ioctl", ENODEV, NETWORK, 1, { IS(1, SIOCGIFINDEX) } },
    { "socket", 0, BOTH, 2, { IS(0, AF_UNIX), BITS(1, SOCKET_TYPE, SOCK_STREAM) } },
    { "socket", EAFNOSUPPORT, WORKER, 1, { IS(0, AF_INET) } },
    { "socket", EAFNOSUPPORT, WORKER, 1, { IS(0, AF_INET6) } },
    /* the resolver may ask which addresses the host has; without an answer it takes both families */
    { "socket", EAFNOSUPPORT, BOTH, 1, { IS(0, AF_NETLINK) } },
    { "socket", 0, NETWORK, 2, { IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_STREAM) } },
    { "socket", 0, NETWORK, 2, { IS(0, AF_INET), BITS(1, SOCKET_TYPE, SOCK_DGRAM) } },
    { "socket", 0, NETWORK, 2, { IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_STREAM) } },
    { "socket", 0, NETWORK, 2, { IS(0, AF_INET6), BITS(1, SOCKET_TYPE, SOCK_DGRAM) } },
};

/* The process is number 1 of its pid namespace; it may signal itself alone. */
static const struct arg_rule own_signals[] = {
    { "kill", 0, BOTH, 1, { IS(0, 1) } },
    { "tgkill", 0, BOTH, 1, { IS(0, 1) } },
};
/* Without that namespace its number is not known ahead. */
static const char *const any_signals[] = { "tgkill" };

#define N(array) (sizeof(array) / sizeof *(array))

/* Architectures lack some calls (open on arm64): those need no rule. */
static bool resolve(int *nr, const char *name)
{
    *nr = seccomp_syscall_resolve_name(name);
    return *nr >= 0;
}

static int allow_names(scmp_filter_ctx ctx, const char *const *names, size_t n)
{
    int rc = 0, nr;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (resolve(&nr, names[i]))
            rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, 0, NULL);
    return rc;
}

static int refuse_names(scmp_filter_ctx ctx)
{
    int rc = 0, nr;
    for (size_t i = 0; i < N(refused) && rc == 0; i++)
        if (resolve(&nr, refused[i].name))
            rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((uint16_t)refused[i].error), nr, 0, NULL);
    return rc;
}

static int add_arg_rules(scmp_filter_ctx ctx, const struct arg_rule *rules, size_t n, bool network)
{
    int rc = 0, nr;
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct arg_rule *r = &rules[i];
        if ((r->where == WORKER && network) || (r->where == NETWORK && !network) || !resolve(&nr, r->name))
            continue;
        rc = seccomp_rule_add_array(ctx, r->error ? SCMP_ACT_ERRNO((uint16_t)r->error) : SCMP_ACT_ALLOW, nr, r->n,
                                    r->args);
    }
    return rc;
}

static int add_rules(scmp_filter_ctx ctx, const struct sandbox *s)
{
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
    if (rc == 0)
        rc = allow_names(ctx, allowed, N(allowed));
    if (rc == 0 && s->network)
        rc = allow_names(ctx, allowed_network, N(allowed_network));
    if (rc == 0)
        rc = refuse_names(ctx);
    if (rc == 0)
        rc = add_arg_rules(ctx, arg_rules, N(arg_rules), s->network);
    if (rc == 0)
        rc = s->layers & SANDBOX_PIDNS ? add_arg_rules(ctx, own_signals, N(own_signals), s->network)
                                       : allow_names(ctx, any_signals, N(any_signals));
    return rc;
}

/* libseccomp writes programs to files only. */
static int export_filter(struct sandbox *s, scmp_filter_ctx ctx, struct err *e)
{
    CLEANUP(fd_close_p) int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "sandbox: memfd_create");
    int rc = seccomp_export_bpf(ctx, fd);
    off_t size = rc < 0 ? -1 : lseek(fd, 0, SEEK_END);
    if (size <= 0 || (size_t)size % sizeof(struct sock_filter) != 0)
        return err_set(e, rc < 0 ? rc : -EIO, "sandbox: the seccomp filter cannot be exported");
    s->filter.filter = xcalloc(1, (size_t)size);
    if (pread(fd, s->filter.filter, (size_t)size, 0) != size)
        return err_sys(e, "sandbox: read the seccomp filter");
    s->filter.len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
    return 0;
}

int sandbox_seccomp_compile(struct sandbox *s, struct err *e)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!ctx)
        return err_set(e, -ENOSYS, "sandbox: no seccomp filter for this architecture");
    int rc = add_rules(ctx, s);
    rc = rc < 0 ? err_set(e, rc, "sandbox: seccomp rules: error %d", -rc) : export_filter(s, ctx, e);
    seccomp_release(ctx);
    return rc;
}
