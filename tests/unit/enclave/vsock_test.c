/* Addresses of vsock as text, and the kernel's answer to a socket. That bytes go through is tested in the virtual
 * machine, whose kernel has a transport. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "enclave/vsock.h"

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t cid, port;
    } good[] = {
        { "any:0", VSOCK_CID_ANY, 0 },     { "any:6001", VSOCK_CID_ANY, 6001 }, { "3:1200", 3, 1200 },
        { "0:4294967294", 0, 4294967294 }, { "4294967294:1", 4294967294, 1 },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct vsock_addr a;
        char text[VSOCK_TEXT_MAX];
        assert_int_equal(vsock_parse(&a, good[i].text, NULL), 0);
        assert_int_equal(a.cid, good[i].cid);
        assert_int_equal(a.port, good[i].port);
        assert_string_equal(vsock_text(text, &a), good[i].text);
    }
}

static void bad_addresses(void **state)
{
    (void)state;
    static const char *const bad[] = { "",       ":",     "any",          "any:",         ":1",
                                       "3",      "3:",    "3:x",          "x:3",          "an:1",
                                       "anyx:1", "3:1:2", "4294967295:1", "3:4294967295", "3:99999999999",
                                       "-1:3",   "3: 1",  "3:+1" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vsock_addr a;
        struct err e = { 0 };
        assert_int_equal(vsock_parse(&a, bad[i], &e), -EINVAL);
        assert_non_null(strstr(e.msg, "expected CID:PORT, CID being \"any\" or a number"));
    }
}

/* Either there is vsock, and what was bound is told, or the error says that there is none. */
static void kernels_with_and_without(void **state)
{
    (void)state;
    struct vsock_addr any = { VSOCK_CID_ANY, 0 }, local;
    struct err e = { 0 };
    any.port = 60017;
    int fd = vsock_listen(&any, 1, &e);
    if (fd < 0) {
        assert_int_equal(fd, -EAFNOSUPPORT);
        assert_string_equal(e.msg, "vsock: this kernel has none (module vsock and a transport are needed)");
        skip();
    }
    assert_int_equal(vsock_local(&local, fd, &e), 0);
    assert_int_equal(local.cid, VSOCK_CID_ANY);
    assert_int_equal(local.port, 60017);
    assert_int_equal(vsock_listen(&any, 1, &e), -EADDRINUSE);
    assert_string_equal(e.msg, "vsock any:60017: Address already in use");
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(bad_addresses),
        cmocka_unit_test(kernels_with_and_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
