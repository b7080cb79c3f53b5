/* The table of an image's programs: what is read, what is refused and how the refusal reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

static int parse(struct table *t, const char *text, struct err *e)
{
    *e = (struct err){ 0 };
    return table_parse(t, "t.conf", text, strlen(text), e);
}

static void test_reads_everything(void **state)
{
    (void)state;
    struct table t;
    struct err e;
    assert_int_equal(parse(&t,
                           "# a comment\n\nhostname box\n network eth0\t10.0.2.15/20 \r\nheartbeat 7:65536\n"
                           "once first /bin/a --x y\nkeep second /bin/b\n",
                           &e),
                     0);
    assert_string_equal(t.hostname, "box");
    assert_string_equal(t.interface, "eth0");
    assert_int_equal(t.address.s_addr, inet_addr("10.0.2.15"));
    assert_int_equal(t.netmask.s_addr, inet_addr("255.255.240.0"));
    assert_true(t.heartbeat && t.heartbeat_cid == 7 && t.heartbeat_port == 65536);
    assert_int_equal(t.n_programs, 2);
    assert_false(t.programs[0].keep);
    assert_string_equal(t.programs[0].name, "first");
    assert_string_equal(t.programs[0].argv[2], "y");
    assert_null(t.programs[0].argv[3]);
    assert_true(t.programs[1].keep);
    assert_string_equal(t.programs[1].argv[0], "/bin/b");
    assert_null(t.programs[1].argv[1]);
    table_free(&t);
}

static void test_has_defaults(void **state)
{
    (void)state;
    struct table t;
    struct err e;
    assert_int_equal(parse(&t, "keep n /bin/n", &e), 0);
    assert_string_equal(t.hostname, "oyster");
    assert_null(t.interface);
    assert_true(t.heartbeat && t.heartbeat_cid == 3 && t.heartbeat_port == 9000);
    table_free(&t);
    assert_int_equal(parse(&t, "heartbeat none\nkeep n /bin/n", &e), 0);
    assert_false(t.heartbeat);
    table_free(&t);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "t.conf: names no program, expected once or keep lines" },
        { "keep n /bin/n\nkep m /bin/m", "line 2: found \"kep\", expected hostname, network, heartbeat, once or keep" },
        { "keep n", "line 1: expected keep NAME PROGRAM" },
        { "keep n bin/n", "expected keep NAME PROGRAM [ARGUMENT...], the program by its whole path" },
        { "keep n /bin/n\nonce n /bin/m", "line 2: a second program of the name n" },
        { "hostname", "expected hostname NAME" },
        { "hostname a b", "expected hostname NAME" },
        { "network eth0 10.0.2.15", "expected network INTERFACE ADDRESS/BITS" },
        { "network eth0 10.0.2/24", "expected network" },
        { "network eth0 10.0.2.15/33", "expected network" },
        { "network eth0 10.0.2.15/0", "expected network" },
        { "network eth0 10.0.2.15/24x", "expected network" },
        { "network a 10.0.0.1/8\nnetwork b 10.0.0.2/8", "line 2: a second network" },
        { "heartbeat 3", "expected heartbeat CID:PORT" },
        { "heartbeat 3:-1", "expected heartbeat" },
        { "heartbeat 4294967296:1", "expected heartbeat" },
        { "keep n /bin/n 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24", "line 1: too many words" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct table t;
        struct err e;
        assert_true(parse(&t, rows[i].text, &e) < 0);
        if (!strstr(e.msg, rows[i].says))
            fail_msg("\"%s\": %s", rows[i].text, e.msg);
        assert_null(t.text);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static char text[TABLE_FILE_MAX + 1];
    struct table t;
    struct err e = { 0 };
    memset(text, '\n', sizeof text);
    memcpy(text, "keep n /bin/n", 13);
    assert_int_equal(table_parse(&t, "t", text, TABLE_FILE_MAX, &e), 0);
    table_free(&t);
    assert_true(table_parse(&t, "t", text, sizeof text, &e) < 0);
    assert_true(table_parse(&t, "t", "keep n\0/bin/n", 13, &(struct err){ 0 }) < 0);
    size_t at = 0;
    for (int i = 0; i < TABLE_PROGRAMS_MAX + 1; i++)
        at += (size_t)snprintf(text + at, 32, "keep n%d /bin/n\n", i);
    e = (struct err){ 0 };
    assert_true(table_parse(&t, "t", text, at, &e) < 0);
    assert_non_null(strstr(e.msg, "line 17: more than 16 programs"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_everything),
        cmocka_unit_test(test_has_defaults),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
