#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/err.h"

static void first_failure_wins(void **state)
{
    (void)state;
    struct err e = { 0 };
    assert_int_equal(err_set(&e, -EPROTO, "block %d", 7), -EPROTO);
    assert_int_equal(err_set(&e, -EINVAL, "cleanup"), -EINVAL);
    errno = EBADF;
    assert_int_equal(err_sys(&e, "close"), -EBADF);
    assert_int_equal(e.code, -EPROTO);
    assert_string_equal(e.msg, "block 7");
}

static void no_place_to_write(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, -EPROTO, "x"), -EPROTO);
    errno = ENOENT;
    assert_int_equal(err_sys(NULL, "x"), -ENOENT);
    assert_int_equal(err_wrap(NULL, "x"), -EIO);
}

static void system_errors(void **state)
{
    (void)state;
    struct err e = { 0 }, none = { 0 };
    errno = ENOENT;
    assert_int_equal(err_sys(&e, "open %s", "/x"), -ENOENT);
    assert_string_equal(e.msg, "open /x: No such file or directory");
    errno = 0; /* a failure must not look like success */
    assert_int_equal(err_sys(&none, "odd"), -EIO);
    assert_int_equal(none.code, -EIO);
}

static void context_is_put_in_front(void **state)
{
    (void)state;
    struct err e = { 0 }, unset = { 0 };
    (void)err_set(&e, -EBADMSG, "argument 1: too long");
    assert_int_equal(err_wrap(&e, "log %d", 3), -EBADMSG);
    assert_int_equal(err_wrap(&e, "block %s", "0x10"), -EBADMSG);
    assert_string_equal(e.msg, "block 0x10: log 3: argument 1: too long");
    assert_int_equal(err_wrap(&unset, "x"), -EIO);
    assert_string_equal(unset.msg, "");
}

/* Messages longer than the buffer are cut, with their NUL kept. */
static void long_messages(void **state)
{
    (void)state;
    struct {
        struct err e;
        char guard[8];
    } s = { .guard = "guarded" };
    char text[2 * ERR_MSG_BYTES];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(err_set(&s.e, -E2BIG, "%s", text), -E2BIG);
    assert_int_equal(strlen(s.e.msg), ERR_MSG_BYTES - 1);
    assert_int_equal(err_wrap(&s.e, "short"), -E2BIG);
    assert_int_equal(strlen(s.e.msg), ERR_MSG_BYTES - 1);
    assert_memory_equal(s.e.msg, "short: xxx", 10);
    assert_int_equal(err_wrap(&s.e, "%s", text), -E2BIG);
    assert_int_equal(strlen(s.e.msg), ERR_MSG_BYTES - 1);
    s.e = (struct err){ 0 };
    errno = EIO;
    assert_int_equal(err_sys(&s.e, "%s", text), -EIO);
    assert_int_equal(strlen(s.e.msg), ERR_MSG_BYTES - 1);
    assert_string_equal(s.guard, "guarded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_failure_wins),      cmocka_unit_test(no_place_to_write), cmocka_unit_test(system_errors),
        cmocka_unit_test(context_is_put_in_front), cmocka_unit_test(long_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
