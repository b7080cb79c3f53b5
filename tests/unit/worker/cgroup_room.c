#include "worker/cgroup_room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

void pause_ms(long ms)
{
    const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&t, NULL);
}

void fd_path(char *out, int fd)
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, out, PATH_MAX - 1);
    assert_true(n > 0);
    out[n] = '\0';
}

void group_folder(char *out, const struct cgroup_set *s, uint32_t i, uint32_t h)
{
    uint32_t n;
    const int *procs = cgroup_procs_fds(s, i, &n);
    fd_path(out, n ? procs[h] : cgroup_dir_fd(s, i));
    if (n)
        *strrchr(out, '/') = '\0';
}

bool has_file(const char *folder, const char *file)
{
    char path[PATH_MAX * 2];
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    return access(path, F_OK) == 0;
}

void read_text(char *out, size_t size, const char *folder, const char *file)
{
    char path[PATH_MAX * 2];
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s: %s", path, strerror(errno));
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    (void)fclose(f);
}

void put_file(const char *folder, const char *file, const char *text)
{
    char path[PATH_MAX * 2];
    (void)snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

void folder_with(char *out, const struct cgroup_set *s, uint32_t i, const char *file)
{
    uint32_t n;
    (void)cgroup_procs_fds(s, i, &n);
    for (uint32_t h = 0; h < (n ? n : 1); h++) {
        group_folder(out, s, i, h);
        if (has_file(out, file))
            return;
    }
    out[0] = '\0';
}

static void make_links(struct room *r)
{
    static const char *const file_of[][2] = { { "memory", "memory.limit_in_bytes" },
                                              { "cpu", "cpu.cfs_quota_us" },
                                              { "pids", "pids.max" },
                                              { "cpuacct", "cpuacct.usage" } };
    (void)snprintf(r->root, sizeof r->root, "/tmp/oyster-cgroup-XXXXXX");
    assert_non_null(mkdtemp(r->root));
    for (size_t i = 0; i < sizeof file_of / sizeof *file_of; i++) {
        char target[PATH_MAX];
        folder_with(target, r->outer, 0, file_of[i][1]);
        if (!*target)
            continue;
        char *link = r->links[r->n_links++];
        (void)snprintf(link, PATH_MAX, "%.100s/%s", r->root, file_of[i][0]);
        assert_int_equal(symlink(target, link), 0);
    }
}

int room_open(void **state)
{
    struct err e = { 0 };
    struct room *r = calloc(1, sizeof *r);
    r->outer = cgroup_set_open(NULL, 1, &e);
    if (r->outer && cgroup_set_version(r->outer) == 2)
        group_folder(r->root, r->outer, 0, 0);
    else if (r->outer)
        make_links(r);
    else
        print_message("no cgroups here: %s\n", e.msg);
    *state = r;
    return 0;
}

int room_close(void **state)
{
    struct room *r = *state;
    if (r->outer && cgroup_set_version(r->outer) == 2) /* as it was found: a group that passes on takes no processes */
        put_file(r->root, "cgroup.subtree_control", "-memory -cpu -pids");
    for (uint32_t i = 0; i < r->n_links; i++)
        (void)unlink(r->links[i]);
    if (r->n_links)
        (void)rmdir(r->root);
    cgroup_set_close(r->outer);
    free(r);
    return 0;
}

struct room *need_room(void **state)
{
    struct room *r = *state;
    if (!r->outer) {
        print_message("SKIPPED: needs cgroups (root, or deploy/cgroupv2_setup.sh)\n");
        skip();
    }
    return r;
}

struct cgroup_set *open_set(const struct room *r, uint32_t n)
{
    struct err e = { 0 };
    struct cgroup_set *s = cgroup_set_open(r->root, n, &e);
    if (!s)
        fail_msg("%s", e.msg);
    return s;
}

void limit(struct cgroup_set *s, uint32_t i, const struct cgroup_limits *limits)
{
    struct err e = { 0 };
    if (cgroup_set_limits(s, i, limits, &e) < 0)
        fail_msg("%s", e.msg);
}

/* In a child: goes into group i. */
static void join_group(const struct cgroup_set *s, uint32_t i)
{
    uint32_t n;
    const int *procs = cgroup_procs_fds(s, i, &n);
    int own = n ? -1 : openat(cgroup_dir_fd(s, i), "cgroup.procs", O_WRONLY);
    for (uint32_t h = 0; h < (n ? n : 1); h++)
        if (write(n ? procs[h] : own, "0", 1) != 1) {
            perror("join");
            _exit(99);
        }
}

pid_t start_in(const struct cgroup_set *s, uint32_t i, void (*work)(void))
{
    int joined[2];
    char byte;
    assert_int_equal(pipe(joined), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        join_group(s, i);
        (void)!write(joined[1], "", 1);
        work();
        _exit(0);
    }
    (void)close(joined[1]);
    assert_int_equal(read(joined[0], &byte, 1), 1);
    (void)close(joined[0]);
    return pid;
}

int reap(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

void await_exec(pid_t pid)
{
    char folder[32], comm[32] = "";
    (void)snprintf(folder, sizeof folder, "/proc/%d", pid);
    for (int t = 0; t < 1000 && strcmp(comm, "sleep\n") != 0; t++) {
        pause_ms(5);
        read_text(comm, sizeof comm, folder, "comm");
    }
    assert_string_equal(comm, "sleep\n");
}

void sleep_long(void)
{
    (void)execl("/bin/sleep", "sleep", "1000", (char *)NULL);
    _exit(95);
}

/* ---- version 2 on a folder of files ---- */

void make_fake(char *root, uint32_t groups)
{
    static const char *const files[][2] = {
        { "cgroup.procs", "" },
        { "cgroup.events", "populated 0\nfrozen 0\n" },
        { "cgroup.kill", "" },
        { "memory.max", "max\n" },
        { "memory.swap.max", "max\n" },
        { "memory.oom.group", "0\n" },
        { "cpu.max", "max 100000\n" },
        { "pids.max", "max\n" },
        { "cpu.stat", "usage_usec 1500\nuser_usec 1000\nnr_throttled 0\n" },
        { "memory.events", "low 0\nhigh 0\nmax 3\noom 2\noom_kill 1\noom_group_kill 0\n" },
    };
    (void)snprintf(root, PATH_MAX, "/tmp/oyster-cgroup2-XXXXXX");
    assert_non_null(mkdtemp(root));
    put_file(root, "cgroup.controllers", "cpuset cpu io memory pids\n");
    put_file(root, "cgroup.subtree_control", "");
    for (uint32_t g = 1; g <= groups; g++) {
        char folder[PATH_MAX];
        (void)snprintf(folder, sizeof folder, "%.200s/workerd_%" PRIu32, root, g);
        assert_int_equal(mkdir(folder, 0755), 0);
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
            put_file(folder, files[i][0], files[i][1]);
    }
}

void remove_fake(const char *root)
{
    char command[PATH_MAX + 16];
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    assert_int_equal(system(command), 0);
}

void assert_fake(const char *root, const char *file, const char *expected)
{
    char text[256];
    read_text(text, sizeof text, root, file);
    assert_string_equal(text, expected);
}
