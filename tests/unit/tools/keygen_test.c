/* Runs the real oyster-keygen, whose path is the first argument. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "eth/key.h"
#include "util/buf.h"
#include "util/cleanup.h"

static const char *program;

struct scratch {
    char dir[32];
    char secret[64];
    char public[64];
};

static int scratch_make(void **state)
{
    struct scratch *s = xcalloc(1, sizeof *s);
    (void)strcpy(s->dir, "/tmp/oyster-gen-XXXXXX");
    if (!mkdtemp(s->dir))
        return -1;
    (void)snprintf(s->secret, sizeof s->secret, "%s/id.sec", s->dir);
    (void)snprintf(s->public, sizeof s->public, "%s/id.pub", s->dir);
    *state = s;
    return 0;
}

static int scratch_remove(void **state)
{
    struct scratch *s = *state;
    (void)unlink(s->secret);
    (void)unlink(s->public);
    int rc = rmdir(s->dir); /* fails when anything else was left there */
    free(s);
    return rc;
}

static void read_all(struct buf *out, int fd)
{
    uint8_t chunk[1024];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0)
        buf_append(out, chunk, (size_t)n);
}

/* Runs the program; returns its exit status. out and err take what it printed; the caller frees them. */
static int run(struct buf *out, struct buf *err, char *const argv[])
{
    int out_pipe[2], err_pipe[2], status = -1;
    pid_t pid;
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(out_pipe, O_CLOEXEC), 0);
    assert_int_equal(pipe2(err_pipe, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out_pipe[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, err_pipe[1], STDERR_FILENO), 0);
    assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(out_pipe[1]);
    (void)close(err_pipe[1]);
    read_all(out, out_pipe[0]);
    read_all(err, err_pipe[0]);
    (void)close(out_pipe[0]);
    (void)close(err_pipe[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int generate(struct buf *out, struct buf *err, const char *secret, const char *public)
{
    char *argv[] = {
        "oyster-keygen", "--secret", (char *)(uintptr_t)secret, "--public", (char *)(uintptr_t) public, NULL
    };
    return run(out, err, argv);
}

static size_t read_file(uint8_t *out, size_t cap, const char *path)
{
    CLEANUP(fd_close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, cap);
    assert_true(n >= 0);
    return (size_t)n;
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void makes_a_pair(void **state)
{
    const struct scratch *s = *state;
    CLEANUP(buf_free) struct buf out = { 0 };
    CLEANUP(buf_free) struct buf err = { 0 };
    char want[256];
    uint8_t public[100];
    struct seckey key;
    mode_t before = umask(0);
    assert_int_equal(generate(&out, &err, s->secret, s->public), 0);
    (void)umask(before);
    (void)snprintf(want, sizeof want, "private key: %s, public key: %s\nGeneration successful!\n", s->secret,
                   s->public);
    assert_string_equal(buf_cstr(&out), want);
    assert_int_equal(err.len, 0);
    assert_int_equal(mode_of(s->secret), 0600);
    assert_int_equal(mode_of(s->public), 0644);
    assert_int_equal(seckey_load(&key, s->secret, NULL), 0);
    assert_int_equal(read_file(public, sizeof public, s->public), 64);
    assert_memory_equal(public, key.pubkey, 64);
}

static void keeps_what_exists(void **state)
{
    const struct scratch *s = *state;
    CLEANUP(buf_free) struct buf out = { 0 };
    CLEANUP(buf_free) struct buf err = { 0 };
    uint8_t before[32], after[32];
    assert_int_equal(generate(&out, &err, s->secret, s->public), 0);
    (void)read_file(before, 32, s->secret);
    buf_reset(&out);
    assert_int_equal(generate(&out, &err, s->secret, s->public), 1);
    assert_non_null(strstr(buf_cstr(&err), s->secret));
    assert_non_null(strstr(buf_cstr(&err), "exists already"));
    assert_int_equal(out.len, 0);
    (void)read_file(after, 32, s->secret);
    assert_memory_equal(before, after, 32);
    /* the public file is there and the secret one is not: nothing new appears */
    assert_int_equal(unlink(s->secret), 0);
    assert_int_equal(generate(&out, &err, s->secret, s->public), 1);
    assert_int_equal(access(s->secret, F_OK), -1);
    assert_int_equal(access(s->public, F_OK), 0);
}

/* A dangling link is not followed to a place that its maker chose. */
static void follows_no_link(void **state)
{
    const struct scratch *s = *state;
    CLEANUP(buf_free) struct buf out = { 0 };
    CLEANUP(buf_free) struct buf err = { 0 };
    char target[80];
    (void)snprintf(target, sizeof target, "%s/elsewhere", s->dir);
    assert_int_equal(symlink(target, s->secret), 0);
    assert_int_equal(generate(&out, &err, s->secret, s->public), 1);
    assert_int_equal(access(target, F_OK), -1);
}

static void leaves_nothing_on_failure(void **state)
{
    const struct scratch *s = *state;
    CLEANUP(buf_free) struct buf out = { 0 };
    CLEANUP(buf_free) struct buf err = { 0 };
    assert_int_equal(generate(&out, &err, s->secret, "/nonexistent-folder/id.pub"), 1);
    assert_string_equal(buf_cstr(&err), "oyster-keygen: /nonexistent-folder/id.pub: No such file or directory\n");
    assert_int_equal(access(s->secret, F_OK), -1);
}

static void command_lines(void **state)
{
    (void)state;
    static const struct {
        char *const argv[8];
        int status;
        const char *out;
        const char *err;
    } cases[] = {
        { { "oyster-keygen", "--help" }, 0, "Usage: oyster-keygen --secret FILE --public FILE\n", NULL },
        { { "oyster-keygen", "-V" }, 0, "oyster-keygen " OYSTER_VERSION "\n", NULL },
        { { "oyster-keygen" }, 2, NULL, "--secret FILE is missing" },
        { { "oyster-keygen", "--secret", "a" }, 2, NULL, "--public FILE is missing" },
        { { "oyster-keygen", "--secret", "a", "--public", "a" }, 2, NULL, "name the same file" },
        { { "oyster-keygen", "--secret", "a", "--public", "b", "c" }, 2, NULL, "only options are expected" },
        { { "oyster-keygen", "--secrets=a" }, 2, NULL, "unrecognized option" },
        { { "oyster-keygen", "--secret" }, 2, NULL, "requires an argument" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(buf_free) struct buf out = { 0 };
        CLEANUP(buf_free) struct buf err = { 0 };
        assert_int_equal(run(&out, &err, cases[i].argv), cases[i].status);
        assert_true(cases[i].out ? strstr(buf_cstr(&out), cases[i].out) != NULL : out.len == 0);
        assert_true(cases[i].err ? strstr(buf_cstr(&err), cases[i].err) != NULL : err.len == 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_a_pair, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(keeps_what_exists, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(follows_no_link, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(leaves_nothing_on_failure, scratch_make, scratch_remove),
        cmocka_unit_test(command_lines),
    };
    if (argc < 2)
        return 99;
    program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
