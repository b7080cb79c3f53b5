/* Stands in for a compromised workerd: tries one thing that it should not be able to do, and says how that ended.
 *
 * probe NAME [ARGUMENT]
 * Prints "0" when the thing could be done, else the errno. A filter that kills leaves nothing printed.
 * Everything here is harmless where it succeeds, and no packet is sent: connections are tried only by tests that gave
 * the program a network namespace of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *arg = ""; /* the second argument */

static int result(long rc)
{
    return rc < 0 ? errno : 0;
}

static int number(void)
{
    return atoi(arg);
}

/* ---------------------------------------------------------------------------------------------------------- files */

static int read_file(void)
{
    char byte;
    int fd = open(arg, O_RDONLY);
    if (fd < 0)
        return errno;
    return result(read(fd, &byte, 1));
}

static int open_dir(void)
{
    return result(open(arg, O_RDONLY | O_DIRECTORY));
}

static int create_file(void)
{
    return result(open(arg, O_WRONLY | O_CREAT, 0600));
}

static int write_file(void)
{
    return result(open(arg, O_WRONLY));
}

static int make_dir(void)
{
    return result(mkdir(arg, 0700));
}

static int make_node(void)
{
    return result(mknod(arg, S_IFCHR | 0666, makedev(1, 3)));
}

static int execute(void)
{
    char *const argv[] = { (char *)(uintptr_t)arg, "own_uid", NULL }, *const empty[] = { NULL };
    return result(execve(arg, argv, empty));
}

/* The classic way out of chroot, for one who may chroot: keep a folder open above the new root and walk up from it. */
static int escape_chroot(void)
{
    int top = open("/", O_RDONLY | O_DIRECTORY);
    if (chroot("/bin") < 0)
        return errno;
    if (fchdir(top) < 0)
        return errno;
    for (int i = 0; i < 64; i++)
        (void)!chdir("..");
    if (chroot(".") < 0)
        return errno;
    return result(access(arg, F_OK));
}

/* ---------------------------------------------------------------------------------------------------------- kernel */

static int do_mount(void)
{
    return result(mount("none", "/", "tmpfs", 0, NULL));
}

static int do_remount(void)
{
    return result(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static int do_umount(void)
{
    return result(umount2(arg, MNT_DETACH));
}

static int do_fsopen(void)
{
    return result(syscall(SYS_fsopen, "tmpfs", 0));
}

static int do_open_tree(void)
{
    return result(syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
}

static int do_pivot_root(void)
{
    return result(syscall(SYS_pivot_root, ".", "."));
}

static int do_chroot(void)
{
    return result(chroot("/bin"));
}

static int unshare_user(void)
{
    return result(unshare(CLONE_NEWUSER));
}

static int unshare_mount(void)
{
    return result(unshare(CLONE_NEWNS));
}

static int do_setns(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    return result(setns(fd, CLONE_NEWNS));
}

static int do_keyctl(void)
{
    return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1));
}

/* In the session's keyring, which a child shares with its parent. */
static int find_key(void)
{
    return result(syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", arg, 0));
}

static int do_add_key(void)
{
    return result(syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING));
}

static int do_bpf(void)
{
    union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1 };
    return result(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr));
}

static int do_io_uring(void)
{
    unsigned char params[120] = { 0 };
    return result(syscall(SYS_io_uring_setup, 1, params));
}

static int do_userfaultfd(void)
{
    return result(syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
}

static int do_perf_event(void)
{
    struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof attr, .config = PERF_COUNT_SW_DUMMY };
    return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

/* With the right to load modules these say EBADF and EFAULT or ENOEXEC, so that nothing is loaded. */
static int do_finit_module(void)
{
    return result(syscall(SYS_finit_module, -1, "", 0));
}

static int do_init_module(void)
{
    return result(syscall(SYS_init_module, NULL, 0, ""));
}

static int do_delete_module(void)
{
    return result(syscall(SYS_delete_module, "no_such_module_of_ours", O_NONBLOCK));
}

static int do_kexec(void)
{
    return result(syscall(SYS_kexec_load, 0, 1000, NULL, 0));
}

/* The magic numbers are wrong on purpose: EINVAL for those who may, EPERM for those who may not. */
static int do_reboot(void)
{
    return result(syscall(SYS_reboot, 0, 0, 0, NULL));
}

/* To the time it is. */
static int set_clock(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return result(clock_settime(CLOCK_REALTIME, &now));
}

static int set_time_of_day(void)
{
    return result(syscall(SYS_settimeofday, NULL, NULL));
}

static int adjust_clock(void)
{
    struct timex t = { .modes = ADJ_FREQUENCY };
    struct timex now = { 0 };
    (void)adjtimex(&now);
    t.freq = now.freq;
    return result(adjtimex(&t));
}

static int set_hostname(void)
{
    return result(sethostname("probe", 5));
}

static int do_swapon(void)
{
    return result(syscall(SYS_swapon, "/no-such-file", 0));
}

static int do_acct(void)
{
    return result(syscall(SYS_acct, "/no-such-file"));
}

static int do_quotactl(void)
{
    return result(syscall(SYS_quotactl, 0x800001 << 8, NULL, 0, NULL)); /* Q_SYNC of nothing */
}

static int read_kernel_log(void)
{
    char text[16];
    return result(syscall(SYS_syslog, 3, text, sizeof text));
}

static int io_ports(void)
{
#if defined(__x86_64__)
    return result(syscall(SYS_iopl, 3));
#else
    return EPERM;
#endif
}

static int handle_at(void)
{
    struct {
        struct {
            unsigned handle_bytes;
            int handle_type;
        } head;
        unsigned char bytes[8];
    } h = { { 8, 1 }, { 2 } }; /* the root inode of ext4: the hole that broke containers in 2014 */
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    return result(syscall(SYS_open_by_handle_at, fd, &h, O_RDONLY));
}

static int do_fanotify(void)
{
    return result(syscall(SYS_fanotify_init, 0, 0));
}

static int do_memfd_exec(void)
{
    return result(syscall(SYS_memfd_create, "x", 0));
}

static int set_personality(void)
{
    return result(syscall(SYS_personality, 0x0040000)); /* ADDR_NO_RANDOMIZE */
}

static int own_filter(void)
{
    struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW };
    struct sock_fprog program = { 1, &allow };
    return result(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
}

static int set_dumpable(void)
{
    return result(prctl(PR_SET_DUMPABLE, 1));
}

static int lift_death_signal(void)
{
    return result(prctl(PR_SET_PDEATHSIG, 0));
}

#if defined(__x86_64__)
/* getpid by the 32-bit gate and by the x32 numbers: tables that a filter for one architecture could forget. */
static int int80(void)
{
    long rc;
    __asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
    return rc < 0 ? (int)-rc : 0;
}

static int x32(void)
{
    return result(syscall(0x40000000 | SYS_getpid));
}
#else
static int int80(void)
{
    return ENOSYS;
}

static int x32(void)
{
    return ENOSYS;
}
#endif

/* -------------------------------------------------------------------------------------------------------- processes */

static int do_ptrace(void)
{
    return result(ptrace(PTRACE_ATTACH, number(), NULL, NULL));
}

static int do_kill(void)
{
    return result(kill(number(), 0));
}

static int read_process(void)
{
    char byte;
    struct iovec local = { &byte, 1 }, remote = { (void *)16, 1 };
    return result(syscall(SYS_process_vm_readv, number(), &local, 1, &remote, 1, 0));
}

static int write_process(void)
{
    char byte = 0;
    struct iovec local = { &byte, 1 }, remote = { NULL, 1 };
    return result(syscall(SYS_process_vm_writev, number(), &local, 1, &remote, 1, 0));
}

static int do_pidfd_open(void)
{
    return result(syscall(SYS_pidfd_open, number(), 0));
}

static int do_kcmp(void)
{
    return result(syscall(SYS_kcmp, getpid(), number(), 0, 0, 0));
}

static int set_priority(void)
{
    return result(setpriority(PRIO_PROCESS, (id_t)number(), 5));
}

static int limits_of(void)
{
    struct rlimit r;
    return result(syscall(SYS_prlimit64, number(), RLIMIT_NOFILE, NULL, &r));
}

static int raise_limit(void)
{
    struct rlimit r = { 100000, 100000 };
    return result(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &r, NULL));
}

static int do_fork(void)
{
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid == 0)
        _exit(0);
    return result(pid);
}

static int do_clone3(void)
{
    struct clone_args a = { .exit_signal = SIGCHLD };
    long pid = syscall(SYS_clone3, &a, sizeof a);
    if (pid == 0)
        _exit(0);
    return result(pid);
}

/* A thread's flags with a namespace slipped in: must not pass for a thread. */
static int clone_namespace(void)
{
    long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_NEWNET;
    return result(syscall(SYS_clone, flags, NULL, NULL, NULL, NULL));
}

/* Until refused; the number of children is printed before the errno. */
static int fork_bomb(void)
{
    int n = 0;
    for (; n < 500; n++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)pause();
            _exit(0);
        }
        if (pid < 0)
            break;
    }
    int code = n < 500 ? errno : 0;
    printf("%d ", n);
    return code;
}

static int memory_bomb(void)
{
    for (size_t mib = 0; mib < 1024; mib++) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return errno;
        memset(p, 1, 1 << 20);
    }
    return 0;
}

static int huge_pages(void)
{
    void *p = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    return p == MAP_FAILED ? errno : 0;
}

/* Where tmpfs and System V segments would hold memory that no process owns. */
static int shared_memory(void)
{
    return result(shmget(IPC_PRIVATE, 1 << 20, IPC_CREAT | 0600));
}

static int attach_shared(void)
{
    return shmat(number(), NULL, SHM_RDONLY) == (void *)-1 ? errno : 0;
}

static int message_queue(void)
{
    return result(syscall(SYS_mq_open, "probe", O_CREAT | O_RDWR, 0600, NULL));
}

static int lock_memory(void)
{
    static char page[4096];
    return result(mlock(page, sizeof page));
}

static int open_many(void)
{
    int n = 0;
    while (n < 4096 && open("/", O_RDONLY) >= 0)
        n++;
    int code = n < 4096 ? errno : 0;
    printf("%d ", n);
    return code;
}

/* Grows a file that was passed open for writing (descriptor of the argument). */
static int grow_file(void)
{
    return result(write(number(), "x", 1));
}

static int dump_core(void)
{
    struct rlimit r;
    (void)getrlimit(RLIMIT_CORE, &r);
    return r.rlim_cur <= 1 && r.rlim_max <= 1 ? EPERM : 0;
}

static int spin(void)
{
    struct timespec start, now;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    do
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    while (now.tv_sec - start.tv_sec < 1);
    return 0;
}

static int sleep_long(void)
{
    for (;;)
        if (poll(NULL, 0, -1) < 0 && errno != EINTR)
            return errno;
}

/* --------------------------------------------------------------------------------------------------------- identity */

static int become_root(void)
{
    return result(syscall(SYS_setresuid, 0, 0, 0));
}

static int become_other(void)
{
    return result(syscall(SYS_setresuid, number(), number(), number()));
}

static int drop_groups(void)
{
    return result(syscall(SYS_setgroups, 0, NULL));
}

static int raise_caps(void)
{
    struct {
        uint32_t version;
        int pid;
    } head = { 0x20080522, 0 };
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2] = { { 1u << 21, 1u << 21, 0 }, { 0 } }; /* CAP_SYS_ADMIN */
    return result(syscall(SYS_capset, &head, data));
}

static int own_uid(void)
{
    printf("%u ", (unsigned)geteuid());
    return 0;
}

static int own_pid(void)
{
    printf("%d ", (int)getpid());
    return 0;
}

static int own_caps(void)
{
    struct {
        uint32_t version;
        int pid;
    } head = { 0x20080522, 0 };
    struct {
        uint32_t effective, permitted, inheritable;
    } data[2] = { 0 };
    if (syscall(SYS_capget, &head, data) < 0)
        return errno;
    printf("%u ", data[0].effective | data[0].permitted | data[0].inheritable | data[1].effective | data[1].permitted |
                      data[1].inheritable);
    return 0;
}

static int own_descriptors(void)
{
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    return 0;
}

static int own_environment(void)
{
    extern char **environ;
    int n = 0;
    while (environ && environ[n])
        n++;
    printf("%d ", n);
    return 0;
}

/* --------------------------------------------------------------------------------------------------------- sockets */

static int connect_inet(const char *host, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    (void)inet_pton(AF_INET, host, &a.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&a, sizeof a));
}

static int connect_loopback(void)
{
    return connect_inet("127.0.0.1", number());
}

static int connect_metadata(void)
{
    return connect_inet("169.254.169.254", 80);
}

static int connect_public(void)
{
    return connect_inet("192.0.2.1", 443); /* documentation address */
}

static int connect_loopback6(void)
{
    struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number()) };
    a.sin6_addr = in6addr_loopback;
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&a, sizeof a));
}

static int send_datagram(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(53) };
    (void)inet_pton(AF_INET, "192.0.2.1", &a.sin_addr);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    return fd < 0 ? errno : result(sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a));
}

static int connect_unix(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", arg);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&a, sizeof a));
}

static int connect_abstract(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    size_t len = strlen(arg);
    memcpy(a.sun_path + 1, arg, len);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len);
    return fd < 0 ? errno : result(connect(fd, (struct sockaddr *)&a, size));
}

static int bind_unix(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", arg);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(bind(fd, (struct sockaddr *)&a, sizeof a));
}

static int attach_filter(void)
{
    struct sock_filter allow = { BPF_RET | BPF_K, 0, 0, 0xffff };
    struct sock_fprog program = { 1, &allow };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    return result(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program));
}

static int raw_socket(void)
{
    return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
}

static int packet_socket(void)
{
    return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int vsock_socket(void)
{
    return result(socket(AF_VSOCK, SOCK_STREAM, 0));
}

static int netlink_socket(void)
{
    return result(socket(AF_NETLINK, SOCK_RAW, 9 /* audit */));
}

static int alg_socket(void)
{
    return result(socket(AF_ALG, SOCK_SEQPACKET, 0));
}

static int bluetooth_socket(void)
{
    return result(socket(AF_BLUETOOTH, SOCK_STREAM, 0));
}

static int push_terminal_input(void)
{
    char c = 'x';
    return result(ioctl(0, TIOCSTI, &c));
}

/* The number of network interfaces that are up. */
static int interfaces_up(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0), up = 0;
    if (fd < 0)
        return errno;
    for (int i = 1; i < 64; i++) {
        struct {
            char name[16];
            union {
                int index;
                short flags;
                char pad[24];
            } u;
        } r = { .u.index = i };
        if (ioctl(fd, 0x8910 /* SIOCGIFNAME */, &r) == 0 && ioctl(fd, 0x8913 /* SIOCGIFFLAGS */, &r) == 0)
            up += r.u.flags & 1;
    }
    printf("%d ", up);
    return 0;
}

#define ATTEMPT(name)                                                                                                  \
    {                                                                                                                  \
#name, name                                                                                                    \
    }
static const struct {
    const char *name;
    int (*run)(void);
} attempts[] = {
    ATTEMPT(read_file),
    ATTEMPT(open_dir),
    ATTEMPT(create_file),
    ATTEMPT(write_file),
    ATTEMPT(make_dir),
    ATTEMPT(make_node),
    ATTEMPT(execute),
    ATTEMPT(escape_chroot),
    ATTEMPT(do_mount),
    ATTEMPT(do_remount),
    ATTEMPT(do_umount),
    ATTEMPT(do_fsopen),
    ATTEMPT(do_open_tree),
    ATTEMPT(do_pivot_root),
    ATTEMPT(do_chroot),
    ATTEMPT(unshare_user),
    ATTEMPT(unshare_mount),
    ATTEMPT(do_setns),
    ATTEMPT(do_keyctl),
    ATTEMPT(do_add_key),
    ATTEMPT(do_bpf),
    ATTEMPT(do_io_uring),
    ATTEMPT(do_userfaultfd),
    ATTEMPT(do_perf_event),
    ATTEMPT(do_finit_module),
    ATTEMPT(do_init_module),
    ATTEMPT(do_delete_module),
    ATTEMPT(do_kexec),
    ATTEMPT(do_reboot),
    ATTEMPT(set_clock),
    ATTEMPT(set_time_of_day),
    ATTEMPT(adjust_clock),
    ATTEMPT(set_hostname),
    ATTEMPT(do_swapon),
    ATTEMPT(do_acct),
    ATTEMPT(do_quotactl),
    ATTEMPT(read_kernel_log),
    ATTEMPT(io_ports),
    ATTEMPT(handle_at),
    ATTEMPT(do_fanotify),
    ATTEMPT(do_memfd_exec),
    ATTEMPT(set_personality),
    ATTEMPT(own_filter),
    ATTEMPT(set_dumpable),
    ATTEMPT(lift_death_signal),
    ATTEMPT(int80),
    ATTEMPT(x32),
    ATTEMPT(do_ptrace),
    ATTEMPT(do_kill),
    ATTEMPT(read_process),
    ATTEMPT(write_process),
    ATTEMPT(do_pidfd_open),
    ATTEMPT(do_kcmp),
    ATTEMPT(set_priority),
    ATTEMPT(limits_of),
    ATTEMPT(raise_limit),
    ATTEMPT(do_fork),
    ATTEMPT(do_clone3),
    ATTEMPT(clone_namespace),
    ATTEMPT(fork_bomb),
    ATTEMPT(memory_bomb),
    ATTEMPT(shared_memory),
    ATTEMPT(huge_pages),
    ATTEMPT(attach_filter),
    ATTEMPT(find_key),
    ATTEMPT(attach_shared),
    ATTEMPT(message_queue),
    ATTEMPT(lock_memory),
    ATTEMPT(open_many),
    ATTEMPT(grow_file),
    ATTEMPT(dump_core),
    ATTEMPT(spin),
    ATTEMPT(sleep_long),
    ATTEMPT(become_root),
    ATTEMPT(become_other),
    ATTEMPT(drop_groups),
    ATTEMPT(raise_caps),
    ATTEMPT(own_uid),
    ATTEMPT(own_pid),
    ATTEMPT(own_caps),
    ATTEMPT(own_descriptors),
    ATTEMPT(own_environment),
    ATTEMPT(connect_loopback),
    ATTEMPT(connect_metadata),
    ATTEMPT(connect_public),
    ATTEMPT(connect_loopback6),
    ATTEMPT(send_datagram),
    ATTEMPT(connect_unix),
    ATTEMPT(connect_abstract),
    ATTEMPT(bind_unix),
    ATTEMPT(raw_socket),
    ATTEMPT(packet_socket),
    ATTEMPT(vsock_socket),
    ATTEMPT(netlink_socket),
    ATTEMPT(alg_socket),
    ATTEMPT(bluetooth_socket),
    ATTEMPT(push_terminal_input),
    ATTEMPT(interfaces_up),
};

int main(int argc, char **argv)
{
    if (argc > 2)
        arg = argv[2];
    for (size_t i = 0; argc > 1 && i < sizeof attempts / sizeof *attempts; i++) {
        if (strcmp(argv[1], attempts[i].name) != 0)
            continue;
        printf("%d\n", attempts[i].run());
        (void)fflush(stdout);
        _exit(0);
    }
    return 2;
}
