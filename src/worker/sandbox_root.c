/* The root file system of a worker: a folder of empty files and folders, made once, on which each child binds the
 * programs and libraries; then everything is read-only, and the host's tree is unmounted. No /proc, no /dev. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "util/buf.h"
#include "util/cleanup.h"
#include "worker/sandbox_impl.h"

/* linux/mount.h and sys/mount.h cannot be included together on older systems. */
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x00000001
#define MOUNT_ATTR_NOSUID 0x00000002
#define MOUNT_ATTR_NODEV 0x00000004
#define MOUNT_ATTR_NOEXEC 0x00000008
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

struct mount_attributes { /* struct mount_attr of linux/mount.h */
    uint64_t set, clear, propagation, userns_fd;
};

/* --------------------------------------------------------------------------------------------------- laid out once */

static void note_made(struct sandbox *s, const char *path)
{
    s->made = realloc(s->made, (s->n_made + 1) * sizeof *s->made);
    if (!s->made)
        abort();
    s->made[s->n_made++] = xstrdup(path);
}

static int make_dir(struct sandbox *s, const char *path, struct err *e)
{
    if (mkdir(path, 0755) == 0)
        (void)chmod(path, 0755); /* whatever the umask */
    else if (errno != EEXIST)
        return err_sys(e, "make %s", path);
    note_made(s, path);
    return 0;
}

/* Makes the folders above root_dir/inside and writes that path to out. */
static int make_parents(struct sandbox *s, char *out, const char *inside, struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s%s", s->root_dir, inside);
    if (n < 0 || n >= PATH_MAX)
        return err_set(e, -ENAMETOOLONG, "%s%s", s->root_dir, inside);
    for (char *slash = strchr(out + strlen(s->root_dir) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int rc = make_dir(s, out, e);
        *slash = '/';
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int make_file(struct sandbox *s, const char *inside, const char *content, struct err *e)
{
    char path[PATH_MAX];
    int rc = make_parents(s, path, inside, e);
    if (rc < 0)
        return rc;
    CLEANUP(fd_close_p) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_sys(e, "make %s", path);
    note_made(s, path);
    (void)fchmod(fd, 0644);
    if (write(fd, content, strlen(content)) < 0)
        return err_sys(e, "write %s", path);
    return 0;
}

#if defined(__x86_64__)
/* Ticks of the time-stamp counter in a millisecond, by comparison with the clock for 5 ms: right on every processor and
 * hypervisor, to about 0.01 %. */
static uint64_t measure_tsc_khz(void)
{
    struct timespec a, b;
    uint64_t elapsed_ns, ticks;
    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &a);
    uint64_t start = __rdtsc();
    do {
        ticks = __rdtsc() - start;
        (void)clock_gettime(CLOCK_MONOTONIC_RAW, &b);
        elapsed_ns = (uint64_t)(b.tv_sec - a.tv_sec) * 1000000000u + (uint64_t)b.tv_nsec - (uint64_t)a.tv_nsec;
    } while (elapsed_ns < 5000000);
    return ticks * 1000000u / elapsed_ns;
}
#else
static uint64_t measure_tsc_khz(void)
{
    return 0;
}
#endif

/* workerd's allocator asks for these at start. Without the frequency it sleeps 3 ms to measure it. */
static int make_cpu_files(struct sandbox *s, struct err *e)
{
    static const char *const copied[] = { "/sys/devices/system/cpu/possible", "/sys/devices/system/cpu/online" };
    char text[256];
    for (size_t i = 0; i < sizeof copied / sizeof *copied; i++) {
        CLEANUP(fd_close_p) int fd = open(copied[i], O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        if (n <= 0)
            continue;
        text[n] = '\0';
        int rc = make_file(s, copied[i], text, e);
        if (rc < 0)
            return rc;
    }
    uint64_t khz = measure_tsc_khz();
    if (khz == 0)
        return 0;
    (void)snprintf(text, sizeof text, "%llu\n", (unsigned long long)khz);
    return make_file(s, "/sys/devices/system/cpu/cpu0/tsc_freq_khz", text, e);
}

static int make_mount_points(struct sandbox *s, struct err *e)
{
    for (size_t i = 0; i < s->n_binds; i++) {
        struct stat st;
        char path[PATH_MAX];
        if (stat(s->binds[i].host, &st) < 0)
            return err_sys(e, "%s", s->binds[i].host);
        int rc = S_ISDIR(st.st_mode) ? make_parents(s, path, s->binds[i].inside, e)
                                     : make_file(s, s->binds[i].inside, "", e);
        if (rc == 0 && S_ISDIR(st.st_mode))
            rc = make_dir(s, path, e);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int sandbox_root_lay(struct sandbox *s, struct err *e)
{
    char slot[PATH_MAX];
    int rc = make_dir(s, s->root_dir, e);
    char *real = rc < 0 ? NULL : realpath(s->root_dir, NULL);
    if (!real)
        return rc < 0 ? rc : err_sys(e, "%s", s->root_dir);
    free(s->root_dir);
    s->root_dir = real;
    if ((rc = make_parents(s, slot, "/slot", e)) == 0)
        rc = make_dir(s, slot, e);
    if (rc == 0)
        rc = make_mount_points(s, e);
    return rc < 0 ? rc : make_cpu_files(s, e);
}

void sandbox_root_remove(struct sandbox *s)
{
    for (size_t i = s->n_made; i-- > 0;) {
        if (unlink(s->made[i]) < 0)
            (void)rmdir(s->made[i]);
        free(s->made[i]);
    }
    free(s->made);
    s->made = NULL;
    s->n_made = 0;
}

/* ----------------------------------------------------------------------------------------------- in each child */

static int set_attributes(const char *path, unsigned flags, uint64_t attributes)
{
    struct mount_attributes a = { .set = attributes };
    return syscall(SYS_mount_setattr, AT_FDCWD, path, flags, &a, sizeof a) < 0 ? -errno : 0;
}

int sandbox_mounts_private(struct sandbox_task *t)
{
    (void)t;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? -errno : 0;
}

static int bind_files(const struct sandbox *s)
{
    for (size_t i = 0; i < s->n_binds; i++)
        if (mount(s->binds[i].host, s->binds[i].inside + 1, NULL, MS_BIND, NULL) < 0)
            return -errno;
    return set_attributes(".", AT_RECURSIVE, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

/* Read-only as well: connecting to a socket needs no right to write to its file system. */
static int bind_slot(const char *slot_dir)
{
    if (!slot_dir)
        return 0;
    if (mount(slot_dir, "slot", NULL, MS_BIND, NULL) < 0)
        return -errno;
    return set_attributes("slot", 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

/* The new root goes on top of the old one at "/", which is then taken away from under it. The root of an initramfs (in
 * an enclave) cannot be taken away: there the new one is moved over it, and nobody inside may move it off again. */
static int take_over_root(void)
{
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
    if (errno != EINVAL)
        return -errno;
    return mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}

int sandbox_root_enter(struct sandbox_task *t)
{
    const struct sandbox *s = t->sandbox;
    if (mount(s->root_dir, s->root_dir, NULL, MS_BIND, NULL) < 0 || chdir(s->root_dir) < 0)
        return -errno;
    int rc = bind_files(s);
    if (rc == 0)
        rc = bind_slot(t->slot_dir);
    if (rc < 0)
        return rc;
    return take_over_root();
}
