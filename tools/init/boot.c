#include "boot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#define CGROUPS "/sys/fs/cgroup"
#define OPEN_FILES 65536
#define ENTROPY_WAIT_MS 30000
#define ENTROPY_LOOK_MS 50
#define HARDWARE_BYTES 64
#define NOT_BEFORE_S 1767225600u /* 2026-01-01 */
#define HEARTBEAT_BYTE 0xB7u
#define HEARTBEAT_WAIT_S 5

/* ----------------------------------------------------------------------------------------------------------- mounts */

struct place {
    const char *target, *type;
    unsigned long flags;
    const char *options;
    mode_t mode;
};

#define PLAIN (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static const struct place places[] = {
    { "/proc", "proc", PLAIN, NULL, 0555 },
    { "/sys", "sysfs", PLAIN, NULL, 0555 },
    { CGROUPS, "cgroup2", PLAIN, NULL, 0555 },
    { "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755", 0755 },
    { "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,ptmxmode=0666", 0755 },
    { "/dev/shm", "tmpfs", PLAIN, "mode=1777,size=64m", 0755 },
    { "/run", "tmpfs", PLAIN, "mode=0755,size=50%", 0755 },
    { "/tmp", "tmpfs", PLAIN, "mode=1777,size=64m", 0755 },
    { "/var", "tmpfs", PLAIN, "mode=0755,size=64m", 0755 },
};

int boot_root(struct err *e)
{
    const unsigned long read_only = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    if (mount("/", "/mnt", NULL, MS_BIND, NULL) < 0 || chdir("/mnt") < 0)
        return err_sys(e, "bind / on /mnt");
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return err_sys(e, "move the root");
    return mount(NULL, "/", NULL, read_only, NULL) < 0 ? err_sys(e, "make the root read-only") : 0;
}

int boot_mounts(struct err *e)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const struct place *p = &places[i];
        (void)mkdir(p->target, p->mode); /* those of the image are there, /dev/pts and /dev/shm are not */
        /* the kernel may have mounted /dev itself */
        if (mount(p->type, p->target, p->type, p->flags, p->options) < 0 && errno != EBUSY)
            return err_sys(e, "mount %s on %s", p->type, p->target);
    }
    return mkdir("/run/oyster", 0700) < 0 && errno != EEXIST ? err_sys(e, "make /run/oyster") : 0;
}

int boot_console(struct err *e)
{
    int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "/dev/console");
    for (int to = STDIN_FILENO; to <= STDERR_FILENO; to++)
        (void)dup2(fd, to);
    if (fd > STDERR_FILENO)
        (void)close(fd);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- cgroups */

static bool has_word(const char *text, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = text; (at = strstr(at, word)); at += len)
        if ((at == text || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\n' || at[len] == '\0'))
            return true;
    return false;
}

static int delegate(const char *controller, struct err *e)
{
    char word[32];
    CLEANUP(fd_close_p) int fd = open(CGROUPS "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
    int len = snprintf(word, sizeof word, "+%s", controller);
    if (fd < 0 || write(fd, word, (size_t)len) < 0)
        return err_sys(e, "delegate the %s controller", controller);
    return 0;
}

int boot_cgroups(struct err *e)
{
    static const char *const needed[] = { "cpu", "memory", "pids" };
    char there[512] = "";
    CLEANUP(fd_close_p) int fd = open(CGROUPS "/cgroup.controllers", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, there, sizeof there - 1) < 0)
        return err_sys(e, CGROUPS "/cgroup.controllers");
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!has_word(there, needed[i]))
            return err_set(e, -ENOENT, "this kernel has no %s controller for cgroups of version 2", needed[i]);
        if (delegate(needed[i], e) < 0)
            return e->code;
    }
    there[strcspn(there, "\n")] = '\0';
    log_info("cgroups_delegated", F_STR("version", "2"), F_STR("there", there));
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- modules */

static int load_module(int dir_fd, const char *name, struct err *e)
{
    CLEANUP(fd_close_p) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "module %s", name);
    if (syscall(SYS_finit_module, fd, "", 0) == 0 || errno == EEXIST)
        return 0;
    if (errno == ENODEV) {
        log_info("module_without_device", F_STR("module", name));
        return 0;
    }
    return err_sys(e, "module %s", name);
}

static int is_module(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 3 && strcmp(entry->d_name + len - 3, ".ko") == 0;
}

int boot_modules(const char *dir, struct err *e)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_module, alphasort);
    if (n < 0)
        return errno == ENOENT ? 0 : err_sys(e, "%s", dir);
    CLEANUP(fd_close_p) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < n; i++) {
        (void)load_module(fd, entries[i]->d_name, e); /* the first failure is told; others may still be of use */
        free(entries[i]);
    }
    free(entries);
    return e->code;
}

/* ---------------------------------------------------------------------------------------------------------- network */

static void put_address(struct sockaddr *out, const struct in_addr *address)
{
    const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = *address };
    memcpy(out, &in, sizeof in);
}

int boot_interface(const char *name, const struct in_addr *address, const struct in_addr *netmask, struct err *e)
{
    struct ifreq request = { 0 };
    CLEANUP(fd_close_p) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || strlen(name) >= sizeof request.ifr_name)
        return fd < 0 ? err_sys(e, "socket") : err_set(e, -ENODEV, "%s: no name of an interface", name);
    memcpy(request.ifr_name, name, strlen(name));
    if (address) {
        put_address(&request.ifr_addr, address);
        if (ioctl(fd, SIOCSIFADDR, &request) < 0)
            return err_sys(e, "address of %s", name);
        put_address(&request.ifr_netmask, netmask);
        if (ioctl(fd, SIOCSIFNETMASK, &request) < 0)
            return err_sys(e, "netmask of %s", name);
    }
    if (ioctl(fd, SIOCGIFFLAGS, &request) < 0)
        return err_sys(e, "%s", name);
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? err_sys(e, "bring %s up", name) : 0;
}

/* ------------------------------------------------------------------------------------------------ entropy, clock,
 * limits */

/* Which generator feeds /dev/hwrng; "none" where there is no such device. */
static void name_hardware(char *out, size_t size)
{
    CLEANUP(fd_close_p) int fd = open("/sys/class/misc/hw_random/rng_current", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    if (out[0] == '\0')
        (void)snprintf(out, size, "none");
}

/* Mixed in and not counted: the kernel counts by itself what it trusts. Returns how many bytes. */
static size_t mix_hardware(void)
{
    uint8_t bytes[HARDWARE_BYTES];
    CLEANUP(fd_close_p) int from = open("/dev/hwrng", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    CLEANUP(fd_close_p) int to = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    ssize_t n = from < 0 || to < 0 ? -1 : read(from, bytes, sizeof bytes);
    if (n > 0)
        n = write(to, bytes, (size_t)n);
    explicit_bzero(bytes, sizeof bytes);
    return n > 0 ? (size_t)n : 0;
}

int boot_entropy(struct err *e)
{
    const struct timespec pause = { 0, ENTROPY_LOOK_MS * 1000000 };
    char hardware[64];
    uint8_t bytes[32];
    uint64_t from_ms = clock_mono_ms();
    name_hardware(hardware, sizeof hardware);
    size_t mixed = mix_hardware();
    while (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes) {
        if (clock_mono_ms() - from_ms > ENTROPY_WAIT_MS)
            return err_set(e, -EAGAIN,
                           "the kernel has no randomness after %d s, of which keys could be made (hardware: %s)",
                           ENTROPY_WAIT_MS / 1000, hardware);
        (void)nanosleep(&pause, NULL);
    }
    explicit_bzero(bytes, sizeof bytes);
    log_info("entropy_ready", F_STR("hardware", hardware), F_U64("mixed_bytes", mixed),
             F_U64("waited_ms", clock_mono_ms() - from_ms));
    return 0;
}

int boot_clock(struct err *e)
{
    char source[64] = "";
    CLEANUP(fd_close_p)
    int fd = open("/sys/devices/system/clocksource/clocksource0/current_clocksource", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, source, sizeof source - 1) > 0)
        source[strcspn(source, "\n")] = '\0';
    uint64_t now_s = clock_wall_s();
    if (now_s < NOT_BEFORE_S)
        return err_set(e, -EINVAL, "the clock says %llu s since 1970 (source %s), expected at least %u",
                       (unsigned long long)now_s, source, NOT_BEFORE_S);
    log_info("clock_read", F_U64("unix_s", now_s), F_STR("source", source));
    return 0;
}

int boot_limits(struct err *e)
{
    const struct rlimit files = { OPEN_FILES, OPEN_FILES };
    CLEANUP(fd_close_p) int fd = open("/proc/sys/vm/overcommit_memory", O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "1", 1) < 0)
        return err_sys(e, "allow reservations");
    return setrlimit(RLIMIT_NOFILE, &files) < 0 ? err_sys(e, "allow %d open files", OPEN_FILES) : 0;
}

/* -------------------------------------------------------------------------------------------------------- heartbeat */

int boot_heartbeat_on(int fd, struct err *e)
{
    uint8_t byte = HEARTBEAT_BYTE;
    if (write(fd, &byte, 1) != 1)
        return err_sys(e, "heartbeat: write");
    byte = 0;
    ssize_t n = read(fd, &byte, 1);
    if (n < 0)
        return err_sys(e, "heartbeat: read");
    if (n == 0)
        return err_set(e, -ECONNRESET, "heartbeat: the parent hung up");
    return byte == HEARTBEAT_BYTE
               ? 0
               : err_set(e, -EPROTO, "heartbeat: found 0x%02x, expected 0x%02x", byte, HEARTBEAT_BYTE);
}

int boot_heartbeat(uint32_t cid, uint32_t port, struct err *e)
{
    const struct sockaddr_vm parent = { .svm_family = AF_VSOCK, .svm_cid = cid, .svm_port = port };
    const struct timeval wait = { .tv_sec = HEARTBEAT_WAIT_S };
    CLEANUP(fd_close_p) int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "heartbeat: vsock");
    (void)setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &wait, sizeof wait);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (connect(fd, (const struct sockaddr *)&parent, sizeof parent) < 0)
        return err_sys(e, "heartbeat: %u:%u", cid, port);
    return boot_heartbeat_on(fd, e);
}

bool boot_is_nitro(void)
{
    return access("/dev/nsm", F_OK) == 0;
}
