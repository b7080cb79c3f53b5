/* Cgroups for real: every test works below a group of its own, which it gets from the node's own finder. The files of
 * version 2 are tested on a folder of plain files as well, so that both interfaces are seen on any machine. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "util/clock.h"
#include "worker/cgroup.h"
#include "worker/cgroup_room.h"

static const struct cgroup_limits roomy = { .memory_bytes = 64 * MIB, .cpu_period_us = 100000, .pids_max = 20 };

/* Orphans come to this process (subreaper); until they are reaped they count for pids.max. */
static void reap_orphans(void)
{
    while (waitpid(-1, NULL, 0) > 0) {
    }
}

static bool becomes_empty(const struct cgroup_set *s, uint32_t i)
{
    for (int t = 0; t < 500 && !cgroup_is_empty(s, i); t++)
        pause_ms(10);
    return cgroup_is_empty(s, i);
}

/* --------------------------------------------------------------------------------------------------------- limits */

static void limits_reach_the_kernel(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 2);
    const struct cgroup_limits l = {
        .memory_bytes = 32 * MIB, .cpu_quota_us = 50000, .cpu_period_us = 1000000, .pids_max = 32
    };
    limit(s, 1, &l);
    bool v2 = cgroup_set_version(s) == 2;
    char folder[PATH_MAX], text[256];
    folder_with(folder, s, 1, v2 ? "memory.max" : "memory.limit_in_bytes");
    read_text(text, sizeof text, folder, v2 ? "memory.max" : "memory.limit_in_bytes");
    assert_string_equal(text, "33554432\n");
    if (!v2 && has_file(folder, "memory.memsw.limit_in_bytes")) {
        read_text(text, sizeof text, folder, "memory.memsw.limit_in_bytes");
        assert_string_equal(text, "33554432\n");
    }
    folder_with(folder, s, 1, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    read_text(text, sizeof text, folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    assert_string_equal(text, v2 ? "50000 1000000\n" : "50000\n");
    folder_with(folder, s, 1, "pids.max");
    read_text(text, sizeof text, folder, "pids.max");
    assert_string_equal(text, "32\n");
    cgroup_set_close(s);
}

/* Lower, higher, lower again: the order in which memory and memory+swap are written matters. */
static void limits_change_both_ways(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 1);
    static const uint64_t sizes[] = { 64 * MIB, 16 * MIB, 128 * MIB, 32 * MIB };
    static const uint32_t quotas[] = { 5000, 100000, 0, 20000 }, periods[] = { 100000, 1000000, 100000, 20000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cgroup_limits l = { sizes[i], quotas[i], periods[i], 10 };
        limit(s, 0, &l);
    }
    struct err e = { 0 };
    assert_int_equal(cgroup_set_cpu(s, 0, 0, 100000, &e), 0);
    bool v2 = cgroup_set_version(s) == 2;
    char folder[PATH_MAX], text[64];
    folder_with(folder, s, 0, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    read_text(text, sizeof text, folder, v2 ? "cpu.max" : "cpu.cfs_quota_us");
    assert_memory_equal(text, v2 ? "max" : "-1", v2 ? 3 : 2);
    cgroup_set_close(s);
}

static void bad_limit_names_the_file(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 1);
    struct err e = { 0 };
    assert_true(cgroup_set_cpu(s, 0, 1000, 5, &e) < 0); /* no such period */
    assert_non_null(strstr(e.msg, "workerd_1/cpu."));
    cgroup_set_close(s);
}

static void memory_bomb(void)
{
    for (;;) {
        char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            _exit(98);
        memset(p, 1, MIB);
    }
}

static void memory_bomb_is_killed_and_counted(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 2);
    struct cgroup_limits l = roomy;
    l.memory_bytes = 16 * MIB;
    limit(s, 0, &l);
    limit(s, 1, &l);
    cgroup_reset_usage(s, 0);
    cgroup_reset_usage(s, 1);
    int status = reap(start_in(s, 0, memory_bomb));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    struct cgroup_usage u;
    cgroup_read_usage(s, 0, &u);
    assert_true(u.oom_kills >= 1); /* killing the whole group, version 2 counts the victim once more */
    assert_true(u.memory_peak_bytes == 0 || (u.memory_peak_bytes > 8 * MIB && u.memory_peak_bytes <= 16 * MIB));
    cgroup_read_usage(s, 1, &u);
    assert_int_equal(u.oom_kills, 0);
    cgroup_reset_usage(s, 0);
    cgroup_read_usage(s, 0, &u);
    assert_int_equal(u.oom_kills, 0);
    assert_true(u.memory_peak_bytes < 8 * MIB);
    cgroup_set_close(s);
}

/* Takes 50 ms of CPU time, however long that takes. */
static void spin(void)
{
    struct timespec used;
    do
        (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    while (used.tv_sec == 0 && used.tv_nsec < 50000000);
}

static void cpu_quota_throttles(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 1);
    struct cgroup_limits l = roomy;
    l.cpu_quota_us = 2000; /* a fiftieth of a CPU, so 50 ms last 2.5 s */
    limit(s, 0, &l);
    cgroup_reset_usage(s, 0);
    uint64_t started_ms = clock_mono_ms();
    (void)reap(start_in(s, 0, spin));
    assert_true(clock_mono_ms() - started_ms > 1000);
    char folder[PATH_MAX], text[1024];
    folder_with(folder, s, 0, "cpu.stat");
    read_text(text, sizeof text, folder, "cpu.stat");
    const char *throttled = strstr(text, "nr_throttled ");
    assert_non_null(throttled);
    assert_true(strtoul(throttled + strlen("nr_throttled "), NULL, 10) > 0);
    struct cgroup_usage u;
    cgroup_read_usage(s, 0, &u);
    assert_true(u.cpu_us >=
                25000); /* less what it used before it was in the group, which a slow processor makes more */
    cgroup_set_close(s);
}

static void fork_until_refused(void)
{
    int n = 0;
    for (; n < 100; n++) {
        pid_t pid = fork();
        if (pid == 0)
            sleep_long();
        if (pid < 0)
            _exit(errno == EAGAIN ? n : 97);
    }
    _exit(96);
}

static void pids_are_bounded(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 1);
    struct cgroup_limits l = roomy;
    l.pids_max = 7;
    limit(s, 0, &l);
    int status = reap(start_in(s, 0, fork_until_refused));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 6);
    assert_false(cgroup_is_empty(s, 0));
    cgroup_kill(s, 0);
    reap_orphans();
    assert_true(becomes_empty(s, 0));
    assert_int_equal(WEXITSTATUS(reap(start_in(s, 0, fork_until_refused))), 6); /* kill left the limit as it was */
    cgroup_set_close(s);
}

static void fork_bomb(void)
{
    for (;;)
        (void)!fork();
}

static void fork_bomb_is_killed_whole(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 1);
    struct cgroup_limits l = roomy;
    l.pids_max = 50;
    l.cpu_quota_us = 20000;
    limit(s, 0, &l);
    pid_t pid = start_in(s, 0, fork_bomb);
    pause_ms(100);
    cgroup_kill(s, 0);
    int status = reap(pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(becomes_empty(s, 0));
    cgroup_set_close(s);
}

static void cpu_time_is_counted_from_the_reset(void **state)
{
    struct cgroup_set *s = open_set(need_room(state), 1);
    limit(s, 0, &roomy);
    struct cgroup_usage u;
    cgroup_reset_usage(s, 0);
    (void)reap(start_in(s, 0, spin));
    cgroup_read_usage(s, 0, &u);
    assert_true(u.cpu_us > 10000);
    cgroup_reset_usage(s, 0);
    cgroup_read_usage(s, 0, &u);
    assert_true(u.cpu_us < 10000);
    cgroup_set_close(s);
}

/* --------------------------------------------------------------------------------------------------------- claims */

static void two_sets_share_nothing(void **state)
{
    const struct room *r = need_room(state);
    struct cgroup_set *a = open_set(r, 3), *b = open_set(r, 2);
    assert_int_equal(cgroup_set_count(a), 3);
    assert_int_equal(cgroup_set_count(b), 2);
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < 2; j++) {
            char of_a[PATH_MAX], of_b[PATH_MAX];
            group_folder(of_a, a, i, 0);
            group_folder(of_b, b, j, 0);
            assert_string_not_equal(of_a, of_b);
        }
    }
    pid_t pid = start_in(a, 0, sleep_long);
    cgroup_set_close(b);
    struct cgroup_set *c = open_set(r, 2);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), 0); /* neither opening nor closing touched the other's process */
    assert_int_equal(kill(pid, 0), 0);
    cgroup_set_close(c);
    cgroup_set_close(a);
    assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
}

static int count_groups(const char *folder)
{
    int n = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *f; (f = readdir(d));)
        n += strncmp(f->d_name, "workerd_", 8) == 0;
    (void)closedir(d);
    return n;
}

static void parent_folder(char *out, const struct room *r)
{
    group_folder(out, r->outer, 0, 0);
}

/* A node opens a set, puts a process in, and is killed: the next node finds neither alive, and leaves no folder. */
static void leftovers_of_a_killed_node(void **state)
{
    const struct room *r = need_room(state);
    int tell[2];
    assert_int_equal(pipe(tell), 0);
    pid_t node = fork();
    assert_true(node >= 0);
    if (node == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct cgroup_set *s = cgroup_set_open(r->root, 2, NULL);
        pid_t worker = s ? start_in(s, 0, sleep_long) : -1;
        while (s && cgroup_is_empty(s, 0))
            pause_ms(1);
        (void)!write(tell[1], &worker, sizeof worker);
        (void)pause();
    }
    pid_t worker = 0;
    assert_int_equal(read(tell[0], &worker, sizeof worker), sizeof worker);
    assert_true(worker > 0);
    assert_int_equal(kill(node, SIGKILL), 0);
    (void)reap(node);
    await_exec(worker);
    assert_int_equal(kill(worker, 0), 0);
    (void)close(tell[0]);
    (void)close(tell[1]);
    char folder[PATH_MAX];
    parent_folder(folder, r);
    assert_int_equal(count_groups(folder), 2);
    struct cgroup_set *s = open_set(r, 2);
    assert_int_equal(count_groups(folder), 2);
    assert_true(cgroup_is_empty(s, 0));
    assert_int_equal(WTERMSIG(reap(worker)), SIGKILL);
    cgroup_set_close(s);
    assert_int_equal(count_groups(folder), 0);
}

static void groups_of_others_stay(void **state)
{
    const struct room *r = need_room(state);
    char folder[PATH_MAX], path[PATH_MAX + 32];
    parent_folder(folder, r);
    (void)snprintf(path, sizeof path, "%s/workerd_1", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    struct cgroup_set *s = open_set(r, 2);
    assert_int_equal(count_groups(folder), 2);
    cgroup_set_close(s);
    assert_int_equal(count_groups(folder), 1);
    assert_int_equal(rmdir(path), 0);
}

static void no_descriptor_is_left(void **state)
{
    const struct room *r = need_room(state);
    int before = dup(0);
    (void)close(before);
    for (int i = 0; i < 3; i++)
        cgroup_set_close(open_set(r, 3));
    int after = dup(0);
    (void)close(after);
    assert_int_equal(before, after);
}

/* --------------------------------------------------------------------------------- version 2 on a folder of files */

static void v2_files(void **state)
{
    (void)state;
    char root[PATH_MAX];
    make_fake(root, 2);
    struct err e = { 0 };
    struct cgroup_set *s = cgroup_set_open(root, 2, &e);
    if (!s)
        fail_msg("%s", e.msg);
    assert_fake(root, "cgroup.subtree_control", "+memory +cpu +pids");
    assert_int_equal(cgroup_set_version(s), 2);
    assert_true(cgroup_dir_fd(s, 1) >= 0);
    uint32_t n = 9;
    (void)cgroup_procs_fds(s, 1, &n);
    assert_int_equal(n, 0);
    const struct cgroup_limits l = {
        .memory_bytes = 100 * MIB, .cpu_quota_us = 50000, .cpu_period_us = 1000000, .pids_max = 32
    };
    limit(s, 1, &l);
    assert_fake(root, "workerd_2/memory.max", "104857600");
    assert_fake(root, "workerd_2/memory.swap.max", "0ax\n"); /* plain files are written over, not cut */
    assert_fake(root, "workerd_2/memory.oom.group", "1\n");
    assert_fake(root, "workerd_2/cpu.max", "50000 1000000");
    assert_fake(root, "workerd_2/pids.max", "32x\n");
    assert_fake(root, "workerd_1/memory.max", "max\n");
    struct err none = { 0 };
    assert_int_equal(cgroup_set_cpu(s, 1, 0, 0, &none), 0);
    assert_fake(root, "workerd_2/cpu.max", "max00 1000000");
    cgroup_set_close(s);
    remove_fake(root);
}

static void v2_counters(void **state)
{
    (void)state;
    char root[PATH_MAX], group[PATH_MAX];
    make_fake(root, 1);
    (void)snprintf(group, sizeof group, "%.200s/workerd_1", root);
    struct cgroup_set *s = cgroup_set_open(root, 1, NULL);
    assert_non_null(s);
    struct cgroup_usage u;
    cgroup_read_usage(s, 0, &u);
    assert_int_equal(u.cpu_us, 1500);
    assert_int_equal(u.oom_kills, 1);
    assert_int_equal(u.memory_peak_bytes, 0); /* no memory.peak before Linux 5.19 */
    cgroup_reset_usage(s, 0);
    put_file(group, "cpu.stat", "usage_usec 4500\n");
    put_file(group, "memory.events", "oom_kill 3\n");
    cgroup_read_usage(s, 0, &u);
    assert_int_equal(u.cpu_us, 3000);
    assert_int_equal(u.oom_kills, 2);
    put_file(group, "cgroup.events", "populated 1\nfrozen 0\n");
    assert_false(cgroup_is_empty(s, 0));
    cgroup_kill(s, 0);
    assert_fake(root, "workerd_1/cgroup.kill", "1");
    put_file(group, "cgroup.events", "populated 0\nfrozen 0\n");
    assert_true(cgroup_is_empty(s, 0));
    cgroup_set_close(s);
    remove_fake(root);
}

/* Before Linux 6.12 memory.peak cannot be reset: it then tells about a job only when the job has raised it. */
static void v2_peak_without_reset(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        print_message("SKIPPED: a read-only file stops only ordinary users\n");
        skip();
    }
    char root[PATH_MAX], group[PATH_MAX], peak[PATH_MAX + 16];
    make_fake(root, 1);
    (void)snprintf(group, sizeof group, "%.200s/workerd_1", root);
    (void)snprintf(peak, sizeof peak, "%s/memory.peak", group);
    put_file(group, "memory.peak", "5000\n");
    assert_int_equal(chmod(peak, 0444), 0);
    struct cgroup_set *s = cgroup_set_open(root, 1, NULL);
    assert_non_null(s);
    struct cgroup_usage u;
    cgroup_reset_usage(s, 0);
    cgroup_read_usage(s, 0, &u);
    assert_int_equal(u.memory_peak_bytes, 0);
    assert_int_equal(chmod(peak, 0644), 0);
    put_file(group, "memory.peak", "7000\n");
    cgroup_read_usage(s, 0, &u);
    assert_int_equal(u.memory_peak_bytes, 7000);
    cgroup_set_close(s);
    remove_fake(root);
}

static void v2_claims(void **state)
{
    (void)state;
    char root[PATH_MAX];
    make_fake(root, 3);
    struct cgroup_set *a = cgroup_set_open(root, 2, NULL);
    struct cgroup_set *b = cgroup_set_open(root, 1, NULL);
    assert_non_null(a);
    assert_non_null(b);
    char path[PATH_MAX];
    fd_path(path, cgroup_dir_fd(b, 0));
    assert_string_equal(strrchr(path, '/'), "/workerd_3");
    cgroup_set_close(a);
    cgroup_set_close(b);
    remove_fake(root);
}

/* --------------------------------------------------------------------------------------------------------- errors */

static void errors_say_what_to_run(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_null(cgroup_set_open("/nonexistent/cgroup", 1, &e));
    assert_non_null(strstr(e.msg, "/nonexistent/cgroup"));
    char root[PATH_MAX];
    make_fake(root, 0);
    put_file(root, "cgroup.controllers", "cpu memory\n");
    e = (struct err){ 0 };
    assert_null(cgroup_set_open(root, 1, &e));
    assert_non_null(strstr(e.msg, "memory, cpu and pids"));
    assert_non_null(strstr(e.msg, "deploy/cgroupv2_setup.sh"));
    remove_fake(root);
}

int main(void)
{
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_reach_the_kernel),
        cmocka_unit_test(limits_change_both_ways),
        cmocka_unit_test(bad_limit_names_the_file),
        cmocka_unit_test(memory_bomb_is_killed_and_counted),
        cmocka_unit_test(cpu_quota_throttles),
        cmocka_unit_test(pids_are_bounded),
        cmocka_unit_test(fork_bomb_is_killed_whole),
        cmocka_unit_test(cpu_time_is_counted_from_the_reset),
        cmocka_unit_test(two_sets_share_nothing),
        cmocka_unit_test(leftovers_of_a_killed_node),
        cmocka_unit_test(groups_of_others_stay),
        cmocka_unit_test(no_descriptor_is_left),
        cmocka_unit_test(v2_files),
        cmocka_unit_test(v2_counters),
        cmocka_unit_test(v2_peak_without_reset),
        cmocka_unit_test(v2_claims),
        cmocka_unit_test(errors_say_what_to_run),
    };
    return cmocka_run_group_tests(tests, room_open, room_close);
}
