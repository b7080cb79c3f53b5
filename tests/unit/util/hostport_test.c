/* HOST:PORT: what is read and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/hostport.h"

static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        uint16_t port;
    } cases[] = {
        { "127.0.0.1:9001", "127.0.0.1", 9001 },
        { "[::1]:0", "::1", 0 },
        { "localhost:65535", "localhost", 65535 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hostport at;
        assert_int_equal(hostport_parse(&at, cases[i].text, NULL), 0);
        assert_string_equal(at.host, cases[i].host);
        assert_int_equal(at.port, cases[i].port);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const cases[] = { "",   "[]:1", "9001",    ":9001", "::1:9001", "[::1]",   "[::1]9001",
                                         "h:", "h:x",  "h:65536", "h:-1",  "h:1 ",     "h:000001" };
    char longest[400];
    struct hostport at;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err e = { 0 };
        assert_true(hostport_parse(&at, cases[i], &e) < 0);
        assert_string_equal(e.msg, "expected HOST:PORT or [IPV6]:PORT");
    }
    memset(longest, 'h', sizeof longest);
    (void)strcpy(longest + HOSTPORT_HOST_MAX, ":1");
    assert_true(hostport_parse(&at, longest, NULL) < 0);
    assert_int_equal(hostport_parse(&at, longest + 1, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
