/* What a compromised worker can do: a probe program is started in workerd's place and tries one thing at a time, first
 * with every layer on, then against each layer alone. docs/security.md tells the same list in words. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "worker/sandbox.h"

#define WORKER_UID 200007
#define MIB (1024u * 1024u)
#define PIDS_MAX 12
#define N(array) (sizeof(array) / sizeof *(array))

/* The world outside: what there is to be reached. */
static struct world {
    char base[64];        /* readable by all */
    char key[128];        /* mode 0600 */
    char locked[128];     /* mode 0000 */
    char set_uid[128];    /* the probe, set-uid root */
    char slot[128];       /* this worker's folder; fb.sock inside */
    char other_sock[128]; /* another worker's socket */
    char abstract[64];    /* name of an abstract socket */
    char port[16];        /* "the node's API" on 127.0.0.1 */
    char victim[16];      /* a process of ours */
    char victim_mem[64];
    char segment[16]; /* a System V segment of ours */
    char fb_inside[32], probe_path[PATH_MAX];
    int listeners[4];
    pid_t victim_pid;
    int segment_id;
    int grow_fd; /* a file open for writing */
    struct cgroup_set *cgroups;
    uint32_t missing; /* layers that this machine and user cannot have */
} w;

/* -------------------------------------------------------------------------------------------------------- the world */

static void put_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static void copy_file(const char *to, const char *from, mode_t mode)
{
    char command[PATH_MAX * 2 + 32];
    (void)snprintf(command, sizeof command, "cp '%s' '%s' && chmod %o '%s'", from, to, mode, to);
    assert_int_equal(system(command), 0);
}

static int listen_unix(const char *path, size_t abstract_len)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    memcpy(a.sun_path, path, abstract_len ? abstract_len : strlen(path));
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (abstract_len ? abstract_len : strlen(path)));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(fd, 8), 0);
    if (!abstract_len)
        assert_int_equal(chmod(path, 0666), 0);
    return fd;
}

static int listen_loopback(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    (void)snprintf(w.port, sizeof w.port, "%d", ntohs(a.sin_port));
    return fd;
}

static void make_folders(void)
{
    char other[128];
    (void)snprintf(w.base, sizeof w.base, "/tmp/oyster-sandbox-XXXXXX");
    assert_non_null(mkdtemp(w.base));
    assert_int_equal(chmod(w.base, 0755), 0);
    (void)snprintf(w.slot, sizeof w.slot, "%s/slot_1", w.base);
    (void)snprintf(other, sizeof other, "%s/slot_2", w.base);
    assert_int_equal(mkdir(w.slot, 0755), 0);
    assert_int_equal(mkdir(other, 0755), 0);
    (void)snprintf(w.key, sizeof w.key, "%s/id.sec", w.base);
    (void)snprintf(w.locked, sizeof w.locked, "%s/locked", w.base);
    put_file(w.key, "secret", 0600);
    put_file(w.locked, "secret", 0000);
    (void)snprintf(w.set_uid, sizeof w.set_uid, "%s/set_uid", w.base);
    copy_file(w.set_uid, w.probe_path, 04755);
    char copy[160];
    (void)snprintf(copy, sizeof copy, "%s/tool", w.slot);
    copy_file(copy, w.probe_path, 0755);
    (void)snprintf(copy, sizeof copy, "%s/grow", w.base);
    w.grow_fd = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(w.grow_fd >= 0);
}

static void make_targets(void)
{
    char fb[160];
    (void)snprintf(fb, sizeof fb, "%s/fb.sock", w.slot);
    (void)snprintf(w.other_sock, sizeof w.other_sock, "%s/slot_2/fb.sock", w.base);
    w.listeners[0] = listen_unix(fb, 0);
    w.listeners[1] = listen_unix(w.other_sock, 0);
    (void)snprintf(w.abstract, sizeof w.abstract, "oyster-test-%d", getpid());
    char name[65] = "";
    memcpy(name + 1, w.abstract, strlen(w.abstract));
    w.listeners[2] = listen_unix(name, 1 + strlen(w.abstract));
    w.listeners[3] = listen_loopback();
    w.victim_pid = fork();
    assert_true(w.victim_pid >= 0);
    if (w.victim_pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
        _exit(1);
    }
    (void)snprintf(w.victim, sizeof w.victim, "%d", w.victim_pid);
    (void)snprintf(w.victim_mem, sizeof w.victim_mem, "/proc/%d/mem", w.victim_pid);
    w.segment_id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0666);
    (void)snprintf(w.segment, sizeof w.segment, "%d", w.segment_id);
}

static void find_probe(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    (void)snprintf(w.probe_path, sizeof w.probe_path, "%.4000s/worker_probe", dirname(self));
    if (access(w.probe_path, X_OK) < 0)
        fail_msg("%s: %s", w.probe_path, strerror(errno));
}

static int world_make(void **state)
{
    (void)state;
    struct err e = { 0 };
    find_probe();
    make_folders();
    make_targets();
    w.missing = sandbox_probe(SANDBOX_ALL, &e);
    if (w.missing)
        print_message("layers that cannot be had here: 0x%x (%s)\n", w.missing, e.msg);
    w.cgroups = cgroup_set_open(NULL, 1, NULL);
    const struct cgroup_limits l = {
        .memory_bytes = 64 * MIB, .cpu_quota_us = 20000, .cpu_period_us = 100000, .pids_max = PIDS_MAX
    };
    if (!w.cgroups || cgroup_set_limits(w.cgroups, 0, &l, NULL) < 0)
        w.missing |= SANDBOX_CGROUP;
    return 0;
}

static int world_end(void **state)
{
    (void)state;
    char command[PATH_MAX];
    cgroup_set_close(w.cgroups);
    for (size_t i = 0; i < N(w.listeners); i++)
        (void)close(w.listeners[i]);
    (void)close(w.grow_fd);
    (void)kill(w.victim_pid, SIGKILL);
    (void)waitpid(w.victim_pid, NULL, 0);
    (void)shmctl(w.segment_id, IPC_RMID, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s", w.base);
    return system(command);
}

/* ------------------------------------------------------------------------------------------------------ one attempt */

struct outcome {
    int signal;
    int exit_code;
    int code;      /* the errno that the probe printed; -1 = nothing printed */
    char out[512]; /* all that it printed */
};

static struct sandbox *make_sandbox(uint32_t layers)
{
    char root[128];
    struct err e = { 0 };
    (void)snprintf(root, sizeof root, "%s/root", w.base);
    const struct sandbox_file files[] = { { w.probe_path, "/bin/probe" } };
    const struct sandbox_spec spec = { .root_dir = root, .files = files, .n_files = 1, .layers = layers };
    struct sandbox *s = sandbox_new(&spec, &e);
    if (!s)
        fail_msg("%s", e.msg);
    return s;
}

static void read_all(char *out, size_t size, int fd)
{
    size_t len = 0;
    for (ssize_t n; len + 1 < size && (n = read(fd, out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    out[len] = '\0';
}

static struct sandbox_child start_probe(const struct sandbox *s, int out_fd, const char *attempt, const char *argument,
                                        bool in_cgroup)
{
    const char *argv[] = { "/bin/probe", attempt, argument, NULL };
    const int fds[] = { w.grow_fd, w.listeners[0] };
    const struct sandbox_start start = { .argv = argv,
                                         .fds = fds,
                                         .n_fds = 2,
                                         .stdout_fd = out_fd,
                                         .stderr_fd = -1,
                                         .slot_dir = w.slot,
                                         .uid = WORKER_UID,
                                         .cgroups = in_cgroup ? w.cgroups : NULL };
    struct sandbox_child child;
    struct err e = { 0 };
    if (sandbox_start(&child, s, &start, &e) < 0)
        fail_msg("%s", e.msg);
    return child;
}

static struct outcome run(uint32_t layers, const char *attempt, const char *argument)
{
    struct sandbox *s = make_sandbox(layers);
    struct outcome o = { .code = -1 };
    int out[2];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct sandbox_child child = start_probe(s, out[1], attempt, argument, layers & SANDBOX_CGROUP);
    (void)close(out[1]);
    struct pollfd p = { child.pidfd, POLLIN, 0 };
    bool ended = poll(&p, 1, 60000) == 1;
    (void)kill(child.pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    (void)close(child.pidfd);
    if (layers & SANDBOX_CGROUP)
        cgroup_kill(w.cgroups, 0);
    read_all(o.out, sizeof o.out, out[0]);
    (void)close(out[0]);
    sandbox_free(s);
    if (!ended)
        fail_msg("%s(%s) did not end", attempt, argument);
    o.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    o.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    const char *last = strrchr(o.out, ' ');
    if (o.out[0])
        o.code = atoi(last ? last + 1 : o.out);
    return o;
}

/* What an attempt must come to: an errno, 0 = it may be done, or a signal. */
#define SIGNAL(n) (-(n))
#define KILLED SIGNAL(SIGSYS)

struct row {
    const char *attempt, *argument;
    int expected;
};

static bool check_row(uint32_t layers, const struct row *r)
{
    struct outcome o = run(layers, r->attempt, r->argument ? r->argument : "");
    bool ok = r->expected < 0 ? o.signal == -r->expected : o.signal == 0 && o.exit_code == 0 && o.code == r->expected;
    if (!ok && o.code == ENOSYS && layers != 0) /* a kernel built without the thing refuses root, too */
        ok = run(0, r->attempt, r->argument ? r->argument : "").code == ENOSYS;
    if (!ok)
        print_error("layers 0x%x: %s(%s): expected %s %d, got signal %d, exit %d, errno %d (%s)\n", layers, r->attempt,
                    r->argument ? r->argument : "", r->expected < 0 ? "signal" : "errno", abs(r->expected), o.signal,
                    o.exit_code, o.code, o.code > 0 ? strerror(o.code) : "-");
    return ok;
}

static void check(uint32_t layers, const struct row *rows, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += !check_row(layers, &rows[i]);
    assert_int_equal(bad, 0);
}

/* Skips a test whose layers cannot be had here, or that compares with what root can do. */
static void need(uint32_t layers)
{
    if (!(layers & w.missing) && geteuid() == 0)
        return;
    print_message("SKIPPED: needs root and the layers 0x%x\n", layers);
    skip();
}

/* -------------------------------------------------------------------------------------------------- every layer on */

static const struct row system_calls[] = {
    { "do_mount", NULL, KILLED },
    { "do_remount", NULL, KILLED },
    { "do_umount", "/slot", KILLED },
    { "do_fsopen", NULL, KILLED },
    { "do_open_tree", NULL, KILLED },
    { "do_pivot_root", NULL, KILLED },
    { "do_chroot", NULL, KILLED },
    { "unshare_user", NULL, KILLED },
    { "unshare_mount", NULL, KILLED },
    { "do_setns", NULL, KILLED },
    { "do_keyctl", NULL, KILLED },
    { "do_add_key", NULL, KILLED },
    { "do_bpf", NULL, KILLED },
    { "do_io_uring", NULL, KILLED },
    { "do_userfaultfd", NULL, KILLED },
    { "do_perf_event", NULL, KILLED },
    { "do_finit_module", NULL, KILLED },
    { "do_init_module", NULL, KILLED },
    { "do_delete_module", NULL, KILLED },
    { "do_kexec", NULL, KILLED },
    { "do_reboot", NULL, KILLED },
    { "set_clock", NULL, KILLED },
    { "set_time_of_day", NULL, KILLED },
    { "adjust_clock", NULL, KILLED },
    { "set_hostname", NULL, KILLED },
    { "do_swapon", NULL, KILLED },
    { "do_acct", NULL, KILLED },
    { "do_quotactl", NULL, KILLED },
    { "read_kernel_log", NULL, KILLED },
    { "io_ports", NULL, KILLED },
    { "handle_at", NULL, KILLED },
    { "do_fanotify", NULL, KILLED },
    { "do_memfd_exec", NULL, EPERM },
    { "set_personality", NULL, KILLED },
    { "own_filter", NULL, KILLED },
    { "set_dumpable", NULL, KILLED },
    { "lift_death_signal", NULL, KILLED },
    { "int80", NULL, KILLED },
    { "x32", NULL, KILLED },
    { "do_ptrace", w.victim, KILLED },
    { "read_process", w.victim, KILLED },
    { "write_process", w.victim, KILLED },
    { "do_kill", w.victim, KILLED },
    { "do_kill", "-1", KILLED },
    { "do_pidfd_open", w.victim, KILLED },
    { "do_kcmp", w.victim, KILLED },
    { "set_priority", "0", EPERM },
    { "limits_of", w.victim, KILLED },
    { "raise_limit", NULL, EPERM },
    { "do_fork", NULL, KILLED },
    { "do_clone3", NULL, ENOSYS },
    { "clone_namespace", NULL, KILLED },
    { "fork_bomb", NULL, KILLED },
    { "shared_memory", NULL, KILLED },
    { "attach_shared", w.segment, KILLED },
    { "message_queue", NULL, KILLED },
    { "become_root", NULL, KILLED },
    { "drop_groups", NULL, KILLED },
    { "raise_caps", NULL, KILLED },
    { "raw_socket", NULL, EAFNOSUPPORT },
    { "packet_socket", NULL, KILLED },
    { "vsock_socket", NULL, KILLED },
    { "netlink_socket", NULL, EAFNOSUPPORT },
    { "alg_socket", NULL, KILLED },
    { "bluetooth_socket", NULL, KILLED },
    { "bind_unix", "/slot/x", KILLED },
    { "push_terminal_input", NULL, KILLED },
    { "make_dir", "/x", KILLED },
    { "make_node", "/x", KILLED },
    { "attach_filter", NULL, KILLED },
    { "huge_pages", NULL, ENOMEM },
};

static void every_layer_system_calls(void **state)
{
    (void)state;
    check(SANDBOX_ALL & ~w.missing, system_calls, N(system_calls));
}

static void every_layer_files(void **state)
{
    (void)state;
    const struct row rows[] = {
        { "read_file", w.key, ENOENT },
        { "read_file", w.set_uid, ENOENT },
        { "read_file", "/etc/passwd", ENOENT },
        { "read_file", "/etc/shadow", ENOENT },
        { "read_file", "/etc/resolv.conf", ENOENT },
        { "read_file", "/proc/self/maps", ENOENT },
        { "read_file", "/proc/self/environ", ENOENT },
        { "read_file", "/proc/1/cgroup", ENOENT },
        { "read_file", w.victim_mem, ENOENT },
        { "read_file", "/proc/sysrq-trigger", ENOENT },
        { "read_file", "/sys/fs/cgroup/cgroup.procs", ENOENT },
        { "read_file", "/sys/kernel/notes", ENOENT },
        { "read_file", "/dev/mem", ENOENT },
        { "read_file", "/dev/kmsg", ENOENT },
        { "read_file", "/dev/null", ENOENT },
        { "read_file", "/dev/urandom", ENOENT },
        { "read_file", "/dev/nsm", ENOENT },
        { "read_file", "/dev/vsock", ENOENT },
        { "read_file", "/dev/kvm", ENOENT },
        { "read_file", "/slot/../../../../etc/passwd", ENOENT },
        { "open_dir", "/proc", ENOENT },
        { "open_dir", "/dev", ENOENT },
        { "open_dir", "/etc", ENOENT },
        { "open_dir", "/tmp", ENOENT },
        { "open_dir", "/root", ENOENT },
        { "open_dir", "/var", ENOENT },
        { "write_file", "/sys/devices/system/cpu/online", w.missing & SANDBOX_UID ? EROFS : EACCES },
        { "create_file", "/x", EROFS },
        { "create_file", "/slot/x", EROFS },
        { "create_file", "/bin/x", EROFS },
        { "create_file", "/sys/devices/system/cpu/x", EROFS },
        { "create_file", "/tmp/x", ENOENT },
        { "execute", "/slot/tool", EACCES },
        { "execute", "/bin/sh", ENOENT },
    };
    check(SANDBOX_ALL & ~w.missing, rows, N(rows));
}

static void every_layer_network(void **state)
{
    (void)state;
    const struct row rows[] = {
        { "connect_loopback", w.port, EAFNOSUPPORT },
        { "connect_loopback6", w.port, EAFNOSUPPORT },
        { "connect_metadata", NULL, EAFNOSUPPORT },
        { "connect_public", NULL, EAFNOSUPPORT },
        { "send_datagram", NULL, EAFNOSUPPORT },
        { "connect_unix", w.other_sock, ENOENT },
        { "connect_unix", "/run/dbus/system_bus_socket", ENOENT },
        { "connect_abstract", w.abstract, ECONNREFUSED },
    };
    if (w.missing & SANDBOX_NETNS)
        need(SANDBOX_NETNS);
    check(SANDBOX_ALL & ~w.missing, rows, N(rows));
    /* what it is meant to have */
    check(SANDBOX_ALL & ~w.missing, &(struct row){ "connect_unix", "/slot/fb.sock", 0 }, 1);
}

static void every_layer_resources(void **state)
{
    (void)state;
    const struct row rows[] = {
        { "open_many", NULL, EMFILE },
        { "grow_file", "3", w.missing & SANDBOX_PIDNS ? SIGNAL(SIGXFSZ) : EFBIG }, /* number 1 outlives the signal */
        { "dump_core", NULL, EPERM },
        { "lock_memory", NULL, EPERM },
    };
    check(SANDBOX_ALL & ~w.missing, rows, N(rows));
    if (w.missing & SANDBOX_CGROUP)
        return;
    cgroup_reset_usage(w.cgroups, 0);
    check(SANDBOX_ALL & ~w.missing, &(struct row){ "memory_bomb", NULL, SIGNAL(SIGKILL) }, 1);
    struct cgroup_usage u;
    cgroup_read_usage(w.cgroups, 0, &u);
    assert_true(u.oom_kills >= 1);
}

static void what_the_child_is(void **state)
{
    (void)state;
    uint32_t layers = SANDBOX_ALL & ~w.missing;
    assert_string_equal(run(layers, "own_descriptors", "").out, "0 1 2 3 4 0\n");
    assert_string_equal(run(layers, "own_environment", "").out, "0 0\n");
    char uid[32];
    (void)snprintf(uid, sizeof uid, "%u 0\n", w.missing & SANDBOX_UID ? geteuid() : WORKER_UID);
    assert_string_equal(run(layers, "own_uid", "").out, uid);
    if (!(w.missing & SANDBOX_PIDNS))
        assert_string_equal(run(layers, "own_pid", "").out, "1 0\n");
}

/* ------------------------------------------------------------------------------------------------- each layer alone */

/* A failing case here would mean that the rows below prove nothing: without layers all of it can be done. */
static void without_layers_all_can_be_done(void **state)
{
    (void)state;
    need(0);
    const struct row rows[] = {
        { "read_file", w.key, 0 },
        { "read_file", w.locked, 0 },
        { "do_kill", w.victim, 0 },
        { "read_process", w.victim, EFAULT },
        { "do_pidfd_open", w.victim, 0 },
        { "connect_loopback", w.port, 0 },
        { "connect_abstract", w.abstract, 0 },
        { "connect_unix", w.other_sock, 0 },
        { "set_clock", NULL, 0 },
        { "attach_shared", w.segment, 0 },
        { "do_chroot", NULL, 0 },
        { "raise_caps", NULL, 0 },
        { "become_other", "12345", 0 },
        { "do_reboot", NULL, EINVAL },
        { "do_fork", NULL, 0 },
        { "do_clone3", NULL, 0 },
        { "lock_memory", NULL, 0 },
        { "shared_memory", NULL, 0 },
        { "raw_socket", NULL, 0 },
    };
    check(0, rows, N(rows));
}

static void seccomp_alone(void **state)
{
    (void)state;
    need(SANDBOX_SECCOMP);
    /* tgkill stays open without the pid namespace; network attempts end at socket() */
    check(SANDBOX_SECCOMP, system_calls, N(system_calls));
    const struct row rows[] = { { "connect_loopback", w.port, EAFNOSUPPORT },
                                { "connect_loopback6", w.port, EAFNOSUPPORT } };
    check(SANDBOX_SECCOMP, rows, N(rows));
}

static void uid_alone(void **state)
{
    (void)state;
    need(SANDBOX_UID);
    const struct row rows[] = {
        { "read_file", w.key, EACCES },       { "write_file", w.key, EACCES },  { "read_file", w.victim_mem, EACCES },
        { "do_kill", w.victim, EPERM },       { "do_ptrace", w.victim, EPERM }, { "read_process", w.victim, EPERM },
        { "write_process", w.victim, EPERM }, { "become_root", NULL, EPERM },   { "become_other", "200008", EPERM },
        { "drop_groups", NULL, EPERM },       { "own_caps", NULL, 0 },          { "set_clock", NULL, EPERM },
        { "do_mount", NULL, EPERM },          { "raw_socket", NULL, EPERM },
    };
    check(SANDBOX_UID, rows, N(rows));
    char path[160];
    (void)snprintf(path, sizeof path, "%s/x", w.base);
    check(SANDBOX_UID, &(struct row){ "create_file", path, EACCES }, 1);
    assert_string_equal(run(SANDBOX_UID, "own_uid", "").out, "200007 0\n");
    assert_string_equal(run(SANDBOX_UID, "own_caps", "").out, "0 0\n");
}

static const struct row capability_rows[] = {
    { "set_clock", NULL, EPERM },       { "set_time_of_day", NULL, EPERM }, { "do_mount", NULL, EPERM },
    { "do_finit_module", NULL, EPERM }, { "do_init_module", NULL, EPERM },  { "do_reboot", NULL, EPERM },
    { "do_kexec", NULL, EPERM },        { "raw_socket", NULL, EPERM },      { "packet_socket", NULL, EPERM },
    { "set_hostname", NULL, EPERM },    { "do_swapon", NULL, EPERM },       { "do_acct", NULL, EPERM },
    { "handle_at", NULL, EPERM },       { "io_ports", NULL, EPERM },
};

static void caps_alone(void **state)
{
    (void)state;
    need(SANDBOX_CAPS);
    check(SANDBOX_CAPS, capability_rows, N(capability_rows));
    char node[160];
    (void)snprintf(node, sizeof node, "%s/node", w.base);
    const struct row rows[] = { { "do_chroot", NULL, EPERM },       { "read_file", w.locked, EACCES },
                                { "make_node", node, EPERM },       { "raise_caps", NULL, EPERM },
                                { "become_other", "12345", EPERM }, { "do_ptrace", w.victim, EPERM },
                                { "escape_chroot", w.key, EPERM } };
    check(SANDBOX_CAPS, rows, N(rows));
    assert_string_equal(run(SANDBOX_CAPS, "own_uid", "").out, "0 0\n");
    assert_string_equal(run(SANDBOX_CAPS, "own_caps", "").out, "0 0\n");
}

/* Full capabilities inside count for nothing that belongs to the host. */
static void userns_alone(void **state)
{
    (void)state;
    need(SANDBOX_USERNS);
    check(SANDBOX_USERNS, capability_rows, N(capability_rows));
    const struct row rows[] = { { "become_other", "12345", EINVAL }, { "do_ptrace", w.victim, EPERM } };
    check(SANDBOX_USERNS, rows, N(rows));
    /* nor for the sandbox's own namespaces, which were made before it */
    const uint32_t more = SANDBOX_USERNS | SANDBOX_MOUNTNS | SANDBOX_NETNS | SANDBOX_UTSNS;
    check(more, capability_rows, N(capability_rows));
}

static void pidns_alone(void **state)
{
    (void)state;
    need(SANDBOX_PIDNS);
    const struct row rows[] = {
        { "do_kill", w.victim, ESRCH },       { "do_ptrace", w.victim, ESRCH },    { "read_process", w.victim, ESRCH },
        { "write_process", w.victim, ESRCH }, { "set_priority", w.victim, ESRCH }, { "limits_of", w.victim, ESRCH },
        { "do_kcmp", w.victim, ESRCH },       { "do_kill", "-1", ESRCH },
    };
    check(SANDBOX_PIDNS, rows, N(rows));
    assert_true(run(SANDBOX_PIDNS, "do_pidfd_open", w.victim).code != 0);
    assert_string_equal(run(SANDBOX_PIDNS, "own_pid", "").out, "1 0\n");
}

static void netns_alone(void **state)
{
    (void)state;
    need(SANDBOX_NETNS);
    const struct row rows[] = {
        { "connect_loopback", w.port, ENETUNREACH },      { "connect_metadata", NULL, ENETUNREACH },
        { "connect_public", NULL, ENETUNREACH },          { "send_datagram", NULL, ENETUNREACH },
        { "connect_abstract", w.abstract, ECONNREFUSED },
    };
    check(SANDBOX_NETNS, rows, N(rows));
    assert_true(run(SANDBOX_NETNS, "connect_loopback6", w.port).code > 0);
    assert_string_equal(run(SANDBOX_NETNS, "interfaces_up", "").out, "0 0\n");
}

static void ipcns_alone(void **state)
{
    (void)state;
    need(SANDBOX_IPCNS);
    check(SANDBOX_IPCNS, &(struct row){ "attach_shared", w.segment, EINVAL }, 1);
}

static void utsns_alone(void **state)
{
    (void)state;
    need(SANDBOX_UTSNS);
    char before[256], after[256];
    assert_int_equal(gethostname(before, sizeof before), 0);
    check(SANDBOX_UTSNS, &(struct row){ "set_hostname", NULL, 0 }, 1);
    assert_int_equal(gethostname(after, sizeof after), 0);
    assert_string_equal(before, after);
}

static void read_path(char *out, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    read_all(out, size, fd);
    (void)close(fd);
}

static void mountns_alone(void **state)
{
    (void)state;
    need(SANDBOX_MOUNTNS);
    static char before[65536], after[65536];
    read_path(before, sizeof before, "/proc/self/mountinfo");
    check(SANDBOX_MOUNTNS, &(struct row){ "do_mount", NULL, 0 }, 1);
    check(SANDBOX_MOUNTNS, &(struct row){ "do_umount", "/proc", 0 }, 1);
    read_path(after, sizeof after, "/proc/self/mountinfo");
    assert_string_equal(before, after);
}

static void root_alone(void **state)
{
    (void)state;
    need(SANDBOX_ROOT | SANDBOX_MOUNTNS);
    const struct row rows[] = {
        { "read_file", w.key, ENOENT },
        { "read_file", "/etc/shadow", ENOENT },
        { "read_file", "/dev/mem", ENOENT },
        { "open_dir", "/proc", ENOENT },
        { "create_file", "/x", EROFS },
        { "create_file", "/slot/x", EROFS },
        { "write_file", "/sys/devices/system/cpu/online", EROFS },
        { "execute", "/slot/tool", EACCES },
        { "connect_unix", w.other_sock, ENOENT },
        { "escape_chroot", w.key, ENOENT },
        { "make_dir", "/x", EROFS },
    };
    check(SANDBOX_ROOT | SANDBOX_MOUNTNS, rows, N(rows));
}

/* A set-uid program makes root of the worker's user, unless no_new_privs is set. */
static void nnp_alone(void **state)
{
    (void)state;
    need(SANDBOX_NNP | SANDBOX_UID);
    assert_string_equal(run(SANDBOX_UID, "execute", w.set_uid).out, "0 0\n");
    assert_string_equal(run(SANDBOX_UID | SANDBOX_NNP, "execute", w.set_uid).out, "200007 0\n");
}

static void rlimits_alone(void **state)
{
    (void)state;
    need(SANDBOX_RLIMITS | SANDBOX_UID | SANDBOX_PIDNS);
    const struct row rows[] = { { "open_many", NULL, EMFILE },
                                { "grow_file", "3", SIGNAL(SIGXFSZ) },
                                { "dump_core", NULL, EPERM } };
    check(SANDBOX_RLIMITS, rows, N(rows));
    const struct row user_rows[] = { { "lock_memory", NULL, EPERM },
                                     { "message_queue", NULL, EMFILE },
                                     { "raise_limit", NULL, EPERM },
                                     { "fork_bomb", NULL, EAGAIN } };
    check(SANDBOX_RLIMITS | SANDBOX_UID | SANDBOX_PIDNS, user_rows, N(user_rows));
}

static void cgroup_alone(void **state)
{
    (void)state;
    need(SANDBOX_CGROUP | SANDBOX_PIDNS);
    const uint32_t layers = SANDBOX_CGROUP | SANDBOX_PIDNS; /* the latter ends the bomb's children */
    struct outcome o = run(layers, "fork_bomb", "");
    assert_int_equal(o.code, EAGAIN);
    assert_int_equal(atoi(o.out), PIDS_MAX - 1);
    check(layers, &(struct row){ "memory_bomb", NULL, SIGNAL(SIGKILL) }, 1);
    struct cgroup_usage u;
    cgroup_reset_usage(w.cgroups, 0);
    check(layers, &(struct row){ "spin", NULL, 0 }, 1);
    cgroup_read_usage(w.cgroups, 0, &u);
    assert_true(u.cpu_us < 600000); /* a fifth of a CPU for a second, and scheduling's slack */
}

/* ----------------------------------------------------------------------------------------------- life and death */

/* The node is killed: its worker must be gone at once, in whatever layers. */
static void worker_dies_with_the_node(void **state)
{
    (void)state;
    const uint32_t pidns = geteuid() == 0 ? SANDBOX_PIDNS : SANDBOX_PIDNS | SANDBOX_USERNS;
    const uint32_t sets[] = { SANDBOX_ALL & ~w.missing, 0, w.missing & pidns ? 0 : pidns, SANDBOX_UID & ~w.missing };
    for (size_t i = 0; i < N(sets); i++) {
        int alive[2], ready[2];
        assert_int_equal(pipe2(alive, O_CLOEXEC), 0);
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t node = fork();
        assert_true(node >= 0);
        if (node == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            (void)start_probe(make_sandbox(sets[i]), alive[1], "sleep_long", "", false);
            (void)!write(ready[1], "", 1);
            (void)pause();
            _exit(0);
        }
        char byte;
        (void)close(alive[1]);
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        struct pollfd p = { alive[0], POLLIN, 0 };
        assert_int_equal(poll(&p, 1, 100), 0); /* it runs */
        assert_int_equal(kill(node, SIGKILL), 0);
        assert_int_equal(waitpid(node, NULL, 0), node);
        assert_int_equal(poll(&p, 1, 10000), 1);
        assert_int_equal(read(alive[0], &byte, 1), 0); /* nobody holds the other end any more */
        (void)close(alive[0]);
        (void)close(ready[0]);
    }
}

/* A machine that lacks things, by a filter: clone3 is not there, as in many containers, and (deny) clone with this flag
 * is not allowed. */
static void pretend_to_lack(uint32_t deny)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, deny, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { N(code), code };
    if (geteuid() != 0)
        (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        _exit(99);
}

/* Runs work in a child that lacks things; its result, as exit status, must be 0. */
static void without(uint32_t deny, int (*work)(void))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pretend_to_lack(deny);
        _exit(work());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int start_by_old_clone(void)
{
    const uint32_t layers = SANDBOX_ALL & ~w.missing;
    if (strcmp(run(layers, "own_pid", "").out, w.missing & SANDBOX_PIDNS ? "" : "1 0\n") != 0)
        return 1;
    if (w.missing & SANDBOX_CGROUP)
        return 0;
    cgroup_reset_usage(w.cgroups, 0);
    return run(layers, "memory_bomb", "").signal == SIGKILL ? 0 : 2; /* so it was in its cgroup */
}

static void starts_without_clone3(void **state)
{
    (void)state;
    if (w.missing & SANDBOX_PIDNS)
        need(SANDBOX_PIDNS);
    without(0, start_by_old_clone);
}

static int probe_without_netns(void)
{
    struct err e = { 0 };
    uint32_t missing = sandbox_probe(SANDBOX_ALL & ~w.missing, &e);
    return missing == SANDBOX_NETNS && strstr(e.msg, "layer netns: ") ? 0 : 1;
}

static void missing_layer_is_found(void **state)
{
    (void)state;
    if (w.missing & SANDBOX_NETNS)
        need(SANDBOX_NETNS);
    without(CLONE_NEWNET, probe_without_netns);
}

/* Whatever layers: what the node's session keeps in the kernel is not the worker's. */
static void keys_are_not_inherited(void **state)
{
    (void)state;
    char name[32];
    (void)snprintf(name, sizeof name, "oyster-test-%d", getpid());
    if (syscall(SYS_add_key, "user", name, "secret", 6, KEY_SPEC_SESSION_KEYRING) < 0) {
        print_message("SKIPPED: no kernel keyrings here: %s\n", strerror(errno));
        skip();
    }
    assert_true(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", name, 0) > 0);
    check(0, &(struct row){ "find_key", name, ENOKEY }, 1);
    (void)syscall(SYS_keyctl, KEYCTL_CLEAR, KEY_SPEC_SESSION_KEYRING);
}

static void failures_name_the_step(void **state)
{
    (void)state;
    uint32_t layers = SANDBOX_ALL & ~(w.missing | SANDBOX_CGROUP);
    struct sandbox *s = make_sandbox(layers);
    const char *argv[] = { "/bin/nothing", NULL };
    struct sandbox_start start = { .argv = argv, .stdout_fd = -1, .stderr_fd = -1, .uid = WORKER_UID };
    struct sandbox_child child;
    struct err e = { 0 };
    assert_int_equal(sandbox_start(&child, s, &start, &e), -ENOENT);
    assert_string_equal(e.msg, "sandbox: execute the program: No such file or directory");
    assert_int_equal(child.pidfd, -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), 0); /* only the victim is left, alive */
    e = (struct err){ 0 };
    start.slot_dir = "/nonexistent/slot";
    assert_int_equal(sandbox_start(&child, s, &start, &e), -ENOENT);
    assert_non_null(strstr(e.msg, "/nonexistent/slot"));
    sandbox_free(s);
    const struct sandbox_file files[] = { { "/nonexistent/workerd", "/bin/workerd" } };
    const struct sandbox_spec spec = { .root_dir = w.base, .files = files, .n_files = 1, .layers = 0 };
    e = (struct err){ 0 };
    assert_null(sandbox_new(&spec, &e));
    assert_non_null(strstr(e.msg, "/nonexistent/workerd"));
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    char root[128];
    (void)snprintf(root, sizeof root, "%s/root", w.base);
    int before = dup(0);
    (void)close(before);
    for (int i = 0; i < 5; i++)
        (void)run(SANDBOX_ALL & ~w.missing, "own_pid", "");
    int after = dup(0);
    (void)close(after);
    assert_int_equal(before, after);
    assert_int_equal(access(root, F_OK), -1);
}

/* ---------------------------------------------------------------------------------------------------------- layers */

static void layer_names(void **state)
{
    (void)state;
    uint32_t layers = 1;
    struct err e = { 0 };
    assert_int_equal(sandbox_parse_layers(&layers, "", &e), 0);
    assert_int_equal(layers, 0);
    assert_int_equal(sandbox_parse_layers(&layers, "userns,seccomp", &e), 0);
    assert_int_equal(layers, SANDBOX_USERNS | SANDBOX_SECCOMP);
    assert_int_equal(sandbox_parse_layers(&layers,
                                          "userns,mountns,pidns,ipcns,utsns,netns,root,uid,caps,nnp,seccomp,"
                                          "rlimits,cgroup",
                                          &e),
                     0);
    assert_int_equal(layers, SANDBOX_ALL);
    for (uint32_t l = 1; l < SANDBOX_ALL; l <<= 1) {
        assert_int_equal(sandbox_parse_layers(&layers, sandbox_layer_name(l), &e), 0);
        assert_int_equal(layers, l);
    }
    assert_int_equal(sandbox_parse_layers(&layers, "seccomp,user", &e), -EINVAL);
    assert_non_null(strstr(e.msg, "\"user\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_names),
        cmocka_unit_test(every_layer_system_calls),
        cmocka_unit_test(every_layer_files),
        cmocka_unit_test(every_layer_network),
        cmocka_unit_test(every_layer_resources),
        cmocka_unit_test(what_the_child_is),
        cmocka_unit_test(without_layers_all_can_be_done),
        cmocka_unit_test(seccomp_alone),
        cmocka_unit_test(uid_alone),
        cmocka_unit_test(caps_alone),
        cmocka_unit_test(userns_alone),
        cmocka_unit_test(pidns_alone),
        cmocka_unit_test(netns_alone),
        cmocka_unit_test(ipcns_alone),
        cmocka_unit_test(utsns_alone),
        cmocka_unit_test(mountns_alone),
        cmocka_unit_test(root_alone),
        cmocka_unit_test(nnp_alone),
        cmocka_unit_test(rlimits_alone),
        cmocka_unit_test(cgroup_alone),
        cmocka_unit_test(worker_dies_with_the_node),
        cmocka_unit_test(starts_without_clone3),
        cmocka_unit_test(missing_layer_is_found),
        cmocka_unit_test(keys_are_not_inherited),
        cmocka_unit_test(failures_name_the_step),
        cmocka_unit_test(nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, world_make, world_end);
}
