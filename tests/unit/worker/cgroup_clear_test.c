/* What a killed run has left in a group is cleared away when a node claims it: on the real kernel below a group of the
 * test's own, and on a folder of plain files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "util/clock.h"
#include "worker/cgroup.h"
#include "worker/cgroup_room.h"

#define LEFT_MAX 4

static pid_t left[LEFT_MAX]; /* processes of a run that is no more; 0 = reaped */
static char freezer[64];     /* a group that holds one of them; "" = none */

/* The folder below the room's group in its h-th hierarchy; false where there is no such hierarchy. */
static bool room_folder(char *out, const struct room *r, uint32_t h, const char *name)
{
    char folder[PATH_MAX];
    uint32_t n;
    (void)cgroup_procs_fds(r->outer, 0, &n);
    if (h >= (n ? n : 1))
        return false;
    group_folder(folder, r->outer, 0, h);
    (void)snprintf(out, PATH_MAX, "%.200s/%.3800s", folder, name);
    return true;
}

/* Makes a group in every hierarchy. */
static void leave(const struct room *r, const char *name)
{
    char path[PATH_MAX];
    for (uint32_t h = 0; room_folder(path, r, h, name); h++)
        if (mkdir(path, 0755) < 0)
            fail_msg("mkdir %s: %s", path, strerror(errno));
}

/* Version 2: what the groups from the room's own down to name pass on to those below them. */
static void leave_controllers(const struct room *r, const char *name)
{
    char path[PATH_MAX];
    if (cgroup_set_version(r->outer) != 2)
        return;
    put_file(r->root, "cgroup.subtree_control", "+memory +cpu +pids");
    assert_true(room_folder(path, r, 0, name));
    put_file(path, "cgroup.subtree_control", "+memory +cpu +pids");
}

/* In a child: goes into a group. */
static void join_folder(const struct room *r, const char *name)
{
    char path[PATH_MAX], procs[PATH_MAX + 16];
    for (uint32_t h = 0; room_folder(path, r, h, name); h++) {
        (void)snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
        int fd = open(procs, O_WRONLY | O_CLOEXEC);
        if (write(fd, "0", 1) != 1) {
            perror(procs);
            _exit(93);
        }
        (void)close(fd);
    }
}

/* A process in a group, one that ends with this one also when a test fails. */
static pid_t leave_process(const struct room *r, const char *name)
{
    size_t i = 0;
    while (left[i])
        i++;
    assert_true(i < LEFT_MAX);
    left[i] = fork();
    assert_true(left[i] >= 0);
    if (left[i] == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        join_folder(r, name);
        sleep_long();
    }
    await_exec(left[i]);
    return left[i];
}

static void assert_killed(pid_t pid)
{
    int status = 0;
    for (int i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
        if (i == 1000)
            fail_msg("process %d still lives", pid);
        pause_ms(5);
    }
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    for (size_t i = 0; i < LEFT_MAX; i++)
        if (left[i] == pid)
            left[i] = 0;
}

/* What a test has left that failed: its processes and groups. Not by what is tested here. */
static int sweep(void **state)
{
    const struct room *r = *state;
    char command[PATH_MAX + 64], folder[PATH_MAX];
    if (*freezer)
        put_file(freezer, "freezer.state", "THAWED");
    for (size_t i = 0; i < LEFT_MAX; i++)
        if (left[i] && kill(left[i], SIGKILL) == 0)
            assert_killed(left[i]);
    if (*freezer)
        (void)rmdir(freezer);
    *freezer = '\0';
    for (uint32_t h = 0; r->outer && room_folder(folder, r, h, ""); h++) {
        (void)snprintf(command, sizeof command, "find '%s' -mindepth 1 -depth -type d -exec rmdir -- {} +", folder);
        assert_int_equal(system(command), 0);
    }
    return 0;
}

static void assert_gone(const struct room *r, const char *name)
{
    char path[PATH_MAX];
    for (uint32_t h = 0; room_folder(path, r, h, name); h++)
        if (access(path, F_OK) == 0)
            fail_msg("%s is still there", path);
}

/* A quota that does not fit beside one below it is refused on version 1; on version 2 a group that passes controllers
 * on takes no process. */
static void leftover_child_with_a_larger_quota(void **state)
{
    const struct room *r = need_room(state);
    const struct cgroup_limits l = {
        .memory_bytes = 32 * MIB, .cpu_quota_us = 20000, .cpu_period_us = 100000, .pids_max = 9
    };
    leave(r, "workerd_1");
    leave_controllers(r, "workerd_1");
    leave(r, "workerd_1/child");
    bool v2 = cgroup_set_version(r->outer) == 2;
    char path[PATH_MAX];
    for (uint32_t h = 0; room_folder(path, r, h, "workerd_1/child"); h++)
        if (has_file(path, v2 ? "cpu.max" : "cpu.cfs_quota_us"))
            put_file(path, v2 ? "cpu.max" : "cpu.cfs_quota_us", v2 ? "80000 100000" : "80000");
    pid_t pid = leave_process(r, "workerd_1/child");
    struct cgroup_set *s = open_set(r, 1);
    limit(s, 0, &l);
    assert_killed(pid);
    assert_gone(r, "workerd_1/child");
    pid = start_in(s, 0, sleep_long);
    cgroup_set_close(s);
    assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
}

static int next_descriptor(void)
{
    int fd = dup(0);
    (void)close(fd);
    return fd;
}

static void leftovers_two_deep(void **state)
{
    const struct room *r = need_room(state);
    static const char *const groups[] = { "workerd_1", "workerd_1/a", "workerd_1/a/b", "workerd_1/a/c", "workerd_1/d" };
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        leave(r, groups[i]);
    pid_t pids[] = { leave_process(r, "workerd_1/a/b"), leave_process(r, "workerd_1/d"),
                     leave_process(r, "workerd_1") };
    int before = next_descriptor();
    struct cgroup_set *s = open_set(r, 1);
    for (size_t i = 0; i < sizeof pids / sizeof *pids; i++)
        assert_killed(pids[i]);
    assert_gone(r, "workerd_1/a");
    assert_gone(r, "workerd_1/d");
    cgroup_set_close(s);
    assert_int_equal(next_descriptor(), before);
}

/* All that a name can be: the kernel refuses a line feed alone. */
static void leftovers_with_odd_names(void **state)
{
    const struct room *r = need_room(state);
    char longest[256];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    const char *const names[] = { " ", "-rf", "...", "%s%n%d", "\xff\xfe", "\r\x1b[2J", "\\", "*", "'\"", longest };
    enum { N = sizeof names / sizeof *names };
    char path[N][300];
    leave(r, "workerd_1");
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(path[i], sizeof path[i], "workerd_1/%s", names[i]);
        leave(r, path[i]);
    }
    pid_t pid = leave_process(r, path[5]);
    cgroup_set_close(open_set(r, 1));
    assert_killed(pid);
    for (size_t i = 0; i < N; i++)
        assert_gone(r, path[i]);
}

/* More than are looked at in one go. */
static void leftovers_by_the_thousand(void **state)
{
    const struct room *r = need_room(state);
    char path[PATH_MAX];
    leave(r, "workerd_1");
    for (int i = 0; i < 1500; i++) {
        (void)snprintf(path, sizeof path, "%.200s/workerd_1/%d", r->n_links ? r->links[r->n_links - 1] : r->root, i);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    struct cgroup_set *s = open_set(r, 1);
    assert_int_equal(access(path, F_OK), -1);
    cgroup_set_close(s);
}

/* What comes while the group is claimed goes when it is given up; the group as well, which a node has made. */
static void close_removes_what_is_below(void **state)
{
    const struct room *r = need_room(state);
    struct cgroup_set *s = open_set(r, 2);
    leave(r, "workerd_2/child");
    leave(r, "workerd_2/child/child");
    pid_t pid = leave_process(r, "workerd_2/child/child");
    assert_false(cgroup_is_empty(s, 1));
    cgroup_set_close(s);
    assert_killed(pid);
    assert_gone(r, "workerd_2");
}

/* Opens a set in a process of its own, after before(arg); returns what was wrong. */
static void open_elsewhere(struct err *e, const struct room *r, void (*before)(const struct room *r))
{
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        before(r);
        *e = (struct err){ 0 };
        cgroup_set_close(cgroup_set_open(r->root, 1, e));
        (void)!write(tell[1], e, sizeof *e);
        _exit(0);
    }
    (void)close(tell[1]);
    ssize_t n = read(tell[0], e, sizeof *e);
    (void)close(tell[0]);
    assert_int_equal(reap(pid), 0);
    assert_int_equal(n, sizeof *e);
}

static void assert_err(const struct err *e, int code, const char *const parts[], size_t n)
{
    if (e->code != code)
        fail_msg("%d \"%s\"", e->code, e->msg);
    for (size_t i = 0; i < n; i++)
        if (!strstr(e->msg, parts[i]))
            fail_msg("\"%s\" lacks \"%s\"", e->msg, parts[i]);
}

static void mount_on_child(const struct room *r)
{
    char path[PATH_MAX];
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        !room_folder(path, r, 0, "workerd_1/a\tb") || mount("none", path, "tmpfs", 0, NULL) < 0) {
        perror("mount");
        _exit(94);
    }
}

static void what_is_mounted_below_is_told(void **state)
{
    const struct room *r = need_room(state);
    struct err e;
    leave(r, "workerd_1");
    leave(r, "workerd_1/a\tb");
    open_elsewhere(&e, r, mount_on_child);
    static const char *const parts[] = { "workerd_1/a\\x09b: ", "mounted", "expected", "umount" };
    assert_err(&e, -ENOTEMPTY, parts, sizeof parts / sizeof *parts);
    cgroup_set_close(open_set(r, 1)); /* where nothing is mounted on it, it goes */
    assert_gone(r, "workerd_1/a\tb");
}

static void nothing(const struct room *r)
{
    (void)r;
}

static void too_many_levels_are_told(void **state)
{
    const struct room *r = need_room(state);
    struct err e;
    char path[256] = "workerd_1";
    leave(r, path);
    for (int i = 0; i < 60; i++) {
        (void)snprintf(path + strlen(path), sizeof path - strlen(path), "/d");
        leave(r, path);
    }
    open_elsewhere(&e, r, nothing);
    static const char *const parts[] = { "workerd_1/d/d/d/", "levels", "expected", "rmdir" };
    assert_err(&e, -ENOTEMPTY, parts, sizeof parts / sizeof *parts);
}

static void join_child(const struct room *r)
{
    join_folder(r, "workerd_1/child");
}

static void a_node_inside_is_told_and_lives(void **state)
{
    const struct room *r = need_room(state);
    struct err e;
    leave(r, "workerd_1");
    leave(r, "workerd_1/child");
    open_elsewhere(&e, r, join_child);
    static const char *const parts[] = { "workerd_1", "this process itself", "expected", "another group" };
    assert_err(&e, -ENOTEMPTY, parts, sizeof parts / sizeof *parts);
}

/* Twenty times as fast: no test waits for as long as a node would. */
static uint64_t fast_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return ((uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000) * 20;
}

static void hurry(const struct room *r)
{
    static const struct clock_source fast = { fast_us, fast_us };
    (void)r;
    clock_set_source(&fast);
}

/* The freezer of version 1 holds a process so that it cannot even be killed. */
static void a_process_that_does_not_end_is_told(void **state)
{
    const struct room *r = need_room(state);
    char path[] = "/sys/fs/cgroup/freezer/oyster-test-XXXXXX", text[32], expected[32];
    if (cgroup_set_version(r->outer) == 2 || !mkdtemp(path)) {
        print_message("SKIPPED: needs the freezer of version 1\n");
        skip();
    }
    (void)snprintf(freezer, sizeof freezer, "%s", path);
    struct err e;
    leave(r, "workerd_1");
    leave(r, "workerd_1/child");
    pid_t pid = leave_process(r, "workerd_1/child");
    (void)snprintf(text, sizeof text, "%d", pid);
    (void)snprintf(expected, sizeof expected, "process %d ", pid);
    put_file(freezer, "cgroup.procs", text);
    put_file(freezer, "freezer.state", "FROZEN");
    open_elsewhere(&e, r, hurry);
    const char *const parts[] = { "workerd_1/child: ", expected, "expected", "rmdir" };
    assert_err(&e, -ENOTEMPTY, parts, sizeof parts / sizeof *parts);
}

/* In a process namespace of its own: those outside of it have no number there, and cannot be killed by one. */
static void hurry_where_none_is_seen(const struct room *r)
{
    pid_t pid = unshare(CLONE_NEWPID) < 0 ? -1 : fork();
    if (pid != 0) {
        int status = 1;
        (void)waitpid(pid, &status, 0);
        _exit(status ? 92 : 0);
    }
    hurry(r);
}

static void a_process_that_is_not_seen_is_told(void **state)
{
    const struct room *r = need_room(state);
    if (cgroup_set_version(r->outer) == 2) {
        print_message("SKIPPED: version 2 kills without seeing\n");
        skip();
    }
    struct err e;
    leave(r, "workerd_1");
    leave(r, "workerd_1/child");
    (void)leave_process(r, "workerd_1/child");
    open_elsewhere(&e, r, hurry_where_none_is_seen);
    static const char *const parts[] = { "workerd_1/child: ", "cannot be seen", "expected", "rmdir" };
    assert_err(&e, -ENOTEMPTY, parts, sizeof parts / sizeof *parts);
}

/* ---- version 2 on a folder of files ---- */

static void v2_leftovers(void **state)
{
    (void)state;
    char root[PATH_MAX], path[PATH_MAX + 32];
    make_fake(root, 2);
    for (int i = 1; i <= 2; i++) {
        (void)snprintf(path, sizeof path, "%s/workerd_%d", root, i);
        put_file(path, "cgroup.subtree_control", "cpuset memory\n");
    }
    (void)snprintf(path, sizeof path, "mkdir -p %.200s/workerd_2/a/b %.200s/workerd_2/c", root, root);
    assert_int_equal(system(path), 0);
    struct err e = { 0 };
    struct cgroup_set *s = cgroup_set_open(root, 2, &e);
    if (!s)
        fail_msg("%s", e.msg);
    assert_fake(root, "workerd_1/cgroup.subtree_control", "-cpuset -memory");
    assert_fake(root, "workerd_2/cgroup.subtree_control", "-cpuset -memory");
    assert_false(has_file(root, "workerd_2/a"));
    assert_false(has_file(root, "workerd_2/c"));
    assert_true(has_file(root, "workerd_2/cgroup.procs"));
    cgroup_set_close(s);
    remove_fake(root);
}

/* A folder that no kernel made, with a file of somebody in it: that is not ours to remove. */
static void v2_foreign_file(void **state)
{
    (void)state;
    char root[PATH_MAX], path[PATH_MAX + 32];
    make_fake(root, 1);
    (void)snprintf(path, sizeof path, "%.200s/workerd_1/child", root);
    assert_int_equal(mkdir(path, 0755), 0);
    put_file(path, "file", "text");
    struct err e = { 0 };
    assert_null(cgroup_set_open(root, 1, &e));
    static const char *const parts[] = { "workerd_1/child: ", "Directory not empty", "expected", "rmdir" };
    assert_err(&e, -ENOTEMPTY, parts, sizeof parts / sizeof *parts);
    assert_true(has_file(path, "file"));
    assert_null(strstr(e.msg, "cgroupv2_setup.sh")); /* which would not help */
    remove_fake(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(leftover_child_with_a_larger_quota, sweep),
        cmocka_unit_test_teardown(leftovers_two_deep, sweep),
        cmocka_unit_test_teardown(leftovers_with_odd_names, sweep),
        cmocka_unit_test_teardown(leftovers_by_the_thousand, sweep),
        cmocka_unit_test_teardown(close_removes_what_is_below, sweep),
        cmocka_unit_test_teardown(what_is_mounted_below_is_told, sweep),
        cmocka_unit_test_teardown(too_many_levels_are_told, sweep),
        cmocka_unit_test_teardown(a_node_inside_is_told_and_lives, sweep),
        cmocka_unit_test_teardown(a_process_that_does_not_end_is_told, sweep),
        cmocka_unit_test_teardown(a_process_that_is_not_seen_is_told, sweep),
        cmocka_unit_test(v2_leftovers),
        cmocka_unit_test(v2_foreign_file),
    };
    return cmocka_run_group_tests(tests, room_open, room_close);
}
