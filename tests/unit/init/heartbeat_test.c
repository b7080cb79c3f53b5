/* The sign of life that the parent of an enclave waits for, over a socket pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot.h"

/* The parent's answer lies ready; what it was told is read afterwards. */
static int exchange(const char *answer, size_t len, uint8_t *told, struct err *e)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], answer, len), (ssize_t)len);
    assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
    int rc = boot_heartbeat_on(fds[0], e);
    assert_int_equal(read(fds[1], told, 1), 1);
    (void)close(fds[0]);
    (void)close(fds[1]);
    return rc;
}

static void test_heartbeat(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *says;
    } rows[] = { { "\xB7", NULL },
                 { "", "heartbeat: the parent hung up" },
                 { "\x01", "heartbeat: found 0x01, expected 0xb7" } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = { 0 };
        uint8_t told = 0;
        int rc = exchange(rows[i].answer, strlen(rows[i].answer), &told, &e);
        assert_int_equal(told, 0xB7);
        assert_int_equal(rc == 0, rows[i].says == NULL);
        if (rows[i].says)
            assert_string_equal(e.msg, rows[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_heartbeat) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
