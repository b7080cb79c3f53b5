/* The test's own code stands for workerd's: a child that is forked has none of it mapped but what it comes through, and
 * the functions below lie far from all else. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "worker/text_pages.h"

/* A megabyte on either side: many times what the kernel maps around a fault. */
__asm__(".section .text.far_code,\"ax\",@progbits\n.skip 1048576\n"
        ".globl far_code\n.type far_code, @function\nfar_code: ret\n.skip 1048576\n.previous\n");
void far_code(void);

/* A process that waits, calls far_code if asked to, and waits to be killed. */
struct child {
    pid_t pid;
    int to, from;
};

static void child_run(int in, int out)
{
    char c;
    while (read(in, &c, 1) == 1) {
        if (c == 'f')
            far_code();
        if (write(out, &c, 1) != 1)
            break;
    }
    _exit(0);
}

static void child_ask(const struct child *c, char what)
{
    assert_int_equal(write(c->to, &what, 1), 1);
    assert_int_equal(read(c->from, &what, 1), 1);
}

static struct child child_new(void)
{
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    struct child c = { fork(), in[1], out[0] };
    if (c.pid == 0) {
        (void)close(in[1]);
        child_run(in[0], out[1]);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    child_ask(&c, 'w');
    return c;
}

static void child_end(struct child *c)
{
    (void)kill(c->pid, SIGKILL);
    (void)waitpid(c->pid, NULL, 0);
    (void)close(c->to);
    (void)close(c->from);
    c->pid = 0;
}

static bool has_far_code(const struct child *c)
{
    char path[64];
    uint64_t entry = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/pagemap", (int)c->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t at = (off_t)((uintptr_t)far_code / (uintptr_t)sysconf(_SC_PAGESIZE) * sizeof entry);
    assert_int_equal(pread(fd, &entry, sizeof entry, at), sizeof entry);
    (void)close(fd);
    return entry >> 63;
}

static void rehearse(struct text_pages *t, char what)
{
    struct child c = child_new();
    assert_true(text_pages_wants(t));
    text_pages_before(t, c.pid);
    child_ask(&c, what);
    text_pages_after(t, c.pid);
    child_end(&c);
}

static void test_learned_and_touched(void **state)
{
    (void)state;
    struct text_pages *t = text_pages_new("/proc/self/exe");
    rehearse(t, 'f');
    assert_int_equal(text_pages_count(t), 0); /* not yet */
    rehearse(t, 'f');
    assert_false(text_pages_wants(t));
    assert_in_range(text_pages_count(t), 1, 400); /* of more than 512 */

    struct child c = child_new();
    assert_false(has_far_code(&c));
    text_pages_touch(t, c.pid);
    assert_true(has_far_code(&c));
    child_ask(&c, 'f'); /* none the worse for it */
    child_end(&c);

    uv_loop_t loop;
    (void)uv_loop_init(&loop);
    c = child_new();
    text_pages_touch_later(t, &loop, c.pid);
    text_pages_free(t); /* before its end */
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(has_far_code(&c));
    child_end(&c);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* What only one of them went through is not kept. */
static void test_common_to_both(void **state)
{
    (void)state;
    static const char *const rounds[] = { "fw", "wf" };
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
        struct text_pages *t = text_pages_new("/proc/self/exe");
        rehearse(t, rounds[i][0]);
        rehearse(t, rounds[i][1]);
        struct child c = child_new();
        text_pages_touch(t, c.pid);
        assert_false(has_far_code(&c));
        child_end(&c);
        text_pages_free(t);
    }
}

static void test_nothing_to_learn(void **state)
{
    (void)state;
    static const char *const files[] = { "/nonexistent", "/etc/passwd", "/dev/null" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct text_pages *t = text_pages_new(files[i]);
        assert_false(text_pages_wants(t));
        text_pages_before(t, getpid());
        text_pages_after(t, getpid());
        text_pages_touch(t, getpid());
        assert_int_equal(text_pages_count(t), 0);
        text_pages_free(t);
    }
    text_pages_free(NULL);

    struct child c = child_new();
    struct text_pages *t = text_pages_new("/proc/self/exe");
    text_pages_before(t, c.pid);
    child_end(&c);
    text_pages_after(t, c.pid); /* it has gone meanwhile */
    assert_false(text_pages_wants(t));
    text_pages_free(t);

    t = text_pages_new("/proc/self/exe");
    text_pages_give_up(t);
    assert_false(text_pages_wants(t));
    text_pages_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learned_and_touched),
        cmocka_unit_test(test_common_to_both),
        cmocka_unit_test(test_nothing_to_learn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
