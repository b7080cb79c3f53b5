#include "worker/rootfs.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define TOOL_TIMEOUT_MS 10000u
#define TOOL_OUTPUT_MAX ((size_t)1 << 20)

void rootfs_add(struct rootfs *r, const char *host_path, const char *inside_path)
{
    struct sandbox_file *files = realloc(r->files, (r->n + 1) * sizeof *files);
    if (!files)
        abort();
    r->files = files;
    r->files[r->n++] = (struct sandbox_file){ .host_path = xstrdup(host_path), .inside_path = xstrdup(inside_path) };
}

bool rootfs_add_if_there(struct rootfs *r, const char *path)
{
    if (access(path, R_OK) != 0)
        return false;
    rootfs_add(r, path, path);
    return true;
}

void rootfs_free(struct rootfs *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free((void *)(uintptr_t)r->files[i].host_path);
        free((void *)(uintptr_t)r->files[i].inside_path);
    }
    free(r->files);
    *r = (struct rootfs){ 0 };
}

/* ---- tools ---- */

static int spawn_tool(pid_t *pid, const char *const *argv, int out_fd, int err_fd)
{
    char *const no_env[] = { NULL };
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    (void)posix_spawn_file_actions_init(&fa);
    (void)posix_spawnattr_init(&attr);
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_setsigmask(&attr, &none);
    (void)posix_spawnattr_setsigdefault(&attr, &all);
    (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    (void)posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&fa, out_fd, 1);
    (void)posix_spawn_file_actions_adddup2(&fa, err_fd, 2);
    int rc = posix_spawn(pid, argv[0], &fa, &attr, (char *const *)(uintptr_t)argv, no_env);
    (void)posix_spawn_file_actions_destroy(&fa);
    (void)posix_spawnattr_destroy(&attr);
    return -rc;
}

/* Reads both pipes to their ends, or until the time is over. */
static int read_tool(struct buf *out, struct buf *errors, int out_fd, int err_fd, const char *name, struct err *e)
{
    uint64_t until_ms = clock_mono_ms() + TOOL_TIMEOUT_MS;
    struct pollfd p[2] = { { .fd = out_fd, .events = POLLIN }, { .fd = err_fd, .events = POLLIN } };
    struct buf *to[2] = { out, errors };
    while (p[0].fd >= 0 || p[1].fd >= 0) {
        uint64_t now_ms = clock_mono_ms();
        if (now_ms >= until_ms)
            return err_set(e, -ETIMEDOUT, "%s does not end", name);
        if (poll(p, 2, (int)(until_ms - now_ms)) < 0 && errno != EINTR)
            return err_sys(e, "poll");
        for (size_t i = 0; i < 2; i++) {
            uint8_t bytes[4096];
            ssize_t n = p[i].fd >= 0 && p[i].revents ? read(p[i].fd, bytes, sizeof bytes) : -2;
            if (n == 0 || (n == -1 && errno != EINTR && errno != EAGAIN))
                p[i].fd = -1;
            if (n > 0 && to[i]->len + (size_t)n > TOOL_OUTPUT_MAX)
                return err_set(e, -EMSGSIZE, "%s writes too much", name);
            if (n > 0)
                buf_append(to[i], bytes, (size_t)n);
        }
    }
    return 0;
}

int rootfs_run_tool(struct buf *out, const char *const *argv, struct err *e)
{
    CLEANUP(buf_free) struct buf errors = { 0 };
    int out_pipe[2], err_pipe[2];
    if (pipe2(out_pipe, O_CLOEXEC) != 0)
        return err_sys(e, "pipe");
    if (pipe2(err_pipe, O_CLOEXEC) != 0) {
        (void)close(out_pipe[0]);
        (void)close(out_pipe[1]);
        return err_sys(e, "pipe");
    }
    pid_t pid = 0;
    int rc = spawn_tool(&pid, argv, out_pipe[1], err_pipe[1]);
    (void)close(out_pipe[1]);
    (void)close(err_pipe[1]);
    if (rc != 0) {
        (void)err_set(e, rc, "run %s: %s", argv[0], strerror(-rc));
    } else {
        rc = read_tool(out, &errors, out_pipe[0], err_pipe[0], argv[0], e);
        if (rc != 0)
            (void)kill(pid, SIGKILL);
        int status = 0;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        if (rc == 0 && status != 0) {
            const char *text = buf_cstr(&errors);
            rc = err_set(e, -EIO, "%s %s failed (status 0x%x): %.*s", argv[0], argv[1], (unsigned)status,
                         (int)strcspn(text, "\n"), text);
        }
    }
    (void)close(out_pipe[0]);
    (void)close(err_pipe[0]);
    return rc;
}

/* ---- a program and its libraries ---- */

/* The dynamic linker that an ELF file asks for; "" for a static program. */
static int read_interpreter(char out[PATH_MAX], const char *program, struct err *e)
{
    CLEANUP(fd_close_p) int fd = open(program, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "open %s", program);
    Elf64_Ehdr eh;
    if (pread(fd, &eh, sizeof eh, 0) != (ssize_t)sizeof eh || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
        eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_phentsize != sizeof(Elf64_Phdr))
        return err_set(e, -ENOEXEC, "%s is not a program for this machine", program);
    out[0] = '\0';
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        if (pread(fd, &ph, sizeof ph, (off_t)(eh.e_phoff + i * sizeof ph)) != (ssize_t)sizeof ph)
            return err_set(e, -ENOEXEC, "%s is cut short", program);
        if (ph.p_type != PT_INTERP)
            continue;
        if (ph.p_filesz == 0 || ph.p_filesz >= PATH_MAX ||
            pread(fd, out, ph.p_filesz, (off_t)ph.p_offset) != (ssize_t)ph.p_filesz)
            return err_set(e, -ENOEXEC, "%s has a bad interpreter", program);
        out[ph.p_filesz] = '\0';
    }
    return 0;
}

/* One line of the linker's list: "\tlibm.so.6 => /lib/…/libm.so.6 (0x…)"; others name what the kernel brings. */
static int add_library(struct rootfs *r, const char *line, const char *program, struct err *e)
{
    const char *arrow = strstr(line, " => ");
    if (!arrow)
        return 0;
    const char *path = arrow + 4;
    size_t len = strcspn(path, " ");
    if (len >= PATH_MAX)
        return 0;
    if (path[0] != '/')
        return err_set(e, -ENOENT, "%s needs the library %.*s, which is missing", program, (int)strcspn(line + 1, " "),
                       line + 1);
    char name[PATH_MAX];
    (void)snprintf(name, sizeof name, "%.*s", (int)len, path);
    rootfs_add(r, name, name);
    return 0;
}

int rootfs_add_program(struct rootfs *r, const char *host_path, const char *inside_path, struct err *e)
{
    char linker[PATH_MAX];
    if (access(host_path, X_OK) != 0)
        return err_sys(e, "%s", host_path);
    int rc = read_interpreter(linker, host_path, e);
    if (rc != 0)
        return rc;
    rootfs_add(r, host_path, inside_path);
    if (linker[0] == '\0')
        return 0;
    rootfs_add(r, linker, linker);
    CLEANUP(buf_free) struct buf list = { 0 };
    const char *const argv[] = { linker, "--list", host_path, NULL };
    rc = rootfs_run_tool(&list, argv, e);
    char *save = NULL;
    for (char *line = rc == 0 ? strtok_r((char *)(uintptr_t)buf_cstr(&list), "\n", &save) : NULL; line && rc == 0;
         line = strtok_r(NULL, "\n", &save))
        rc = add_library(r, line, host_path, e);
    return rc;
}
