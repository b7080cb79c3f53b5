#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/cleanup.h"

static void grows(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    for (unsigned i = 0; i < 100000; i++)
        buf_push(&b, (uint8_t)i);
    assert_int_equal(b.len, 100000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], (uint8_t)i);
}

static void text(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    char long_text[300];
    memset(long_text, 'y', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    assert_string_equal(buf_cstr(&b), "");
    buf_puts(&b, "a");
    buf_printf(&b, "%d-%s", 5, "z");
    buf_append(&b, NULL, 0);
    buf_append(&b, "\0b", 2);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "a5-z\0b", 6);
    assert_int_equal(buf_cstr(&b)[6], 0);
    assert_int_equal(b.len, 6);
    buf_reset(&b);
    buf_printf(&b, "%s", long_text);
    assert_string_equal(buf_cstr(&b), long_text);
}

static void extend_zeroes(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    buf_append(&b, "xxxxxxxx", 8);
    buf_reset(&b);
    buf_puts(&b, "x");
    uint8_t *at = buf_extend(&b, 7);
    assert_ptr_equal(at, b.data + 1);
    assert_memory_equal(b.data, "x\0\0\0\0\0\0\0", 8);
    assert_non_null(buf_extend(&b, 0));
    assert_int_equal(b.len, 8);
}

static void consume(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    buf_consume(&b, 5);
    assert_int_equal(b.len, 0);
    buf_puts(&b, "0123456789");
    buf_consume(&b, 0);
    buf_consume(&b, 3);
    assert_string_equal(buf_cstr(&b), "3456789");
    buf_consume(&b, 7);
    assert_string_equal(buf_cstr(&b), "");
    buf_puts(&b, "ab");
    buf_consume(&b, SIZE_MAX);
    assert_int_equal(b.len, 0);
}

static void steal_and_free(void **state)
{
    (void)state;
    struct buf b = { 0 };
    assert_null(buf_steal(&b));
    buf_puts(&b, "owned");
    CLEANUP(free_p) uint8_t *data = buf_steal(&b);
    assert_memory_equal(data, "owned", 5);
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
    buf_puts(&b, "again");
    buf_free(&b);
    assert_null(b.data);
    buf_free(&b);
    buf_wipe(&b);
    buf_puts(&b, "secret");
    buf_wipe(&b);
    assert_null(b.data);
    assert_int_equal(b.len + b.cap, 0);
}

/* A size that wraps must end the program: never a small block behind a large length. */
static void overflow_aborts(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct buf b = { 0 };
        (void)close(STDERR_FILENO);
        buf_puts(&b, "x");
        buf_reserve(&b, SIZE_MAX);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void copies(void **state)
{
    (void)state;
    CLEANUP(free_p) char *s = xstrdup("abc");
    CLEANUP(free_p) uint8_t *m = xmemdup("a\0c", 3);
    CLEANUP(free_p) void *empty = xmemdup(NULL, 0);
    CLEANUP(free_p) uint8_t *z = xcalloc(3, 4);
    assert_string_equal(s, "abc");
    assert_memory_equal(m, "a\0c", 3);
    assert_non_null(empty);
    assert_memory_equal(z, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
}

static void descriptors(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(pipe(pair), 0);
    int kept = fd_steal(&pair[0]);
    assert_int_equal(pair[0], -1);
    fd_close_p(&pair[0]);
    fd_close_p(&pair[1]);
    assert_int_equal(close(pair[1]), -1);
    assert_int_equal(close(kept), 0);
}

static void written_whole_or_not_at_all(void **state)
{
    (void)state;
    CLEANUP(buf_free) struct buf b = { 0 };
    FILE *file = tmpfile(), *full = fopen("/dev/full", "w");
    char back[8] = "";
    assert_true(file && full);
    assert_true(buf_write(&b, full));
    buf_puts(&b, "abc");
    assert_true(buf_write(&b, file));
    rewind(file);
    assert_int_equal(fread(back, 1, sizeof back, file), 3);
    assert_string_equal(back, "abc");
    assert_false(buf_write(&b, full));
    assert_int_equal(errno, ENOSPC);
    (void)fclose(file);
    (void)fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows),   cmocka_unit_test(text),           cmocka_unit_test(extend_zeroes),
        cmocka_unit_test(consume), cmocka_unit_test(steal_and_free), cmocka_unit_test(overflow_aborts),
        cmocka_unit_test(copies),  cmocka_unit_test(descriptors),    cmocka_unit_test(written_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
