/* What oyster-vsock-proxy may connect to, and how its command line names it. The streams are tested end to end. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "endpoint.h"
#include "options.h"
#include "policy.h"

static struct sockaddr_storage address(const char *host, uint16_t port)
{
    struct sockaddr_storage sa;
    struct endpoint ep = { .kind = ENDPOINT_TCP, .port = port };
    (void)snprintf(ep.host, sizeof ep.host, "%s", host);
    assert_true(endpoint_numeric(&sa, &ep));
    return sa;
}

/* The first and last address of each special range, and its neighbours. */
static void public_addresses(void **state)
{
    (void)state;
    static const char *const public[] = { "1.0.0.0",        "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
                                          "100.128.0.0",    "126.255.255.255", "168.63.129.15",   "168.63.129.17",
                                          "128.0.0.0",      "169.253.255.255", "169.255.0.0",     "172.15.255.255",
                                          "172.32.0.0",     "192.0.1.0",       "192.167.255.255", "192.169.0.0",
                                          "198.17.255.255", "198.20.0.0",      "223.255.255.255", "8.8.8.8",
                                          "2600::1",        "2a00:1450::1",    "2001:200::1",     "::ffff:8.8.8.8" };
    static const char *const special[] = { "0.0.0.0",
                                           "0.255.255.255",
                                           "10.0.0.0",
                                           "10.255.255.255",
                                           "100.64.0.0",
                                           "100.127.255.255",
                                           "127.0.0.1",
                                           "127.255.255.255",
                                           "169.254.0.0",
                                           "169.254.169.254",
                                           "168.63.129.16",
                                           "172.16.0.0",
                                           "172.31.255.255",
                                           "192.0.0.1",
                                           "192.0.2.1",
                                           "192.88.99.1",
                                           "192.168.0.0",
                                           "192.168.255.255",
                                           "198.18.0.0",
                                           "198.19.255.255",
                                           "198.51.100.7",
                                           "203.0.113.7",
                                           "224.0.0.1",
                                           "239.255.255.255",
                                           "240.0.0.1",
                                           "255.255.255.255",
                                           "::",
                                           "::1",
                                           "::ffff:10.0.0.1",
                                           "64:ff9b::808:808",
                                           "fc00::1",
                                           "fd12::1",
                                           "fe80::1",
                                           "ff02::1",
                                           "2001:db8::1",
                                           "2001::1",
                                           "2002:0a00:1::1",
                                           "3fff::1",
                                           "4000::1" };
    for (size_t i = 0; i < sizeof public / sizeof *public; i++) {
        struct sockaddr_storage sa = address(public[i], 443);
        if (!policy_is_public(&sa))
            fail_msg("%s is public", public[i]);
    }
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        struct sockaddr_storage sa = address(special[i], 443);
        if (policy_is_public(&sa))
            fail_msg("%s is not public", special[i]);
    }
}

static void rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *host;
        uint16_t port;
        bool allowed;
    } cases[] = {
        { "10.0.0.1", "10.0.0.1", 1, true },          { "10.0.0.1", "10.0.0.2", 1, false },
        { "10.0.0.0/8", "10.255.0.1", 1, true },      { "10.0.0.0/8", "11.0.0.0", 1, false },
        { "10.0.0.0/8:443", "10.1.2.3", 443, true },  { "10.0.0.0/8:443", "10.1.2.3", 444, false },
        { "10.0.0.1:443", "10.0.0.1", 443, true },    { "10.0.0.1:443", "10.0.0.1", 80, false },
        { "0.0.0.0/0", "1.2.3.4", 1, true },          { "0.0.0.0/0", "::1", 1, false },
        { "10.0.0.128/25", "10.0.0.127", 1, false },  { "10.0.0.128/25", "10.0.0.200", 1, true },
        { "[fd00::]/8", "fdff::1", 1, true },         { "[fd00::]/8", "fe00::1", 1, false },
        { "[fd00::1]:443", "fd00::1", 443, true },    { "[fd00::1]:443", "fd00::1", 80, false },
        { "10.0.0.0/8", "::ffff:10.0.0.1", 1, true }, { "[::]/0", "2600::1", 1, true },
        { "8.8.8.8", "8.8.4.4", 1, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct policy p = { .n_rules = 0 };
        struct sockaddr_storage sa = address(cases[i].host, cases[i].port);
        assert_int_equal(policy_add(&p, cases[i].rule, NULL), 0);
        if (policy_allows(&p, &sa) != cases[i].allowed)
            fail_msg("%s and %s:%u", cases[i].rule, cases[i].host, cases[i].port);
    }
}

static void bad_rules(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       "x",
                                       "10.0.0",
                                       "10.0.0.0/",
                                       "10.0.0.0/33",
                                       "10.0.0.0/8:",
                                       "10.0.0.0:0",
                                       "10.0.0.0:65536",
                                       "10.0.0.0/8:1x",
                                       "[::1",
                                       "[::1]/129",
                                       "::1",
                                       "host:443",
                                       "/8",
                                       "10.0.0.0/8/8",
                                       "[10.0.0.1]" };
    struct policy p = { .n_rules = 0 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e = { 0 };
        if (policy_add(&p, bad[i], &e) != -EINVAL)
            fail_msg("%s was taken", bad[i]);
        assert_non_null(strstr(e.msg, "expected ADDRESS"));
    }
    assert_int_equal(p.n_rules, 0);
    for (size_t i = 0; i < POLICY_RULES_MAX; i++)
        assert_int_equal(policy_add(&p, "10.0.0.1", NULL), 0);
    assert_int_equal(policy_add(&p, "10.0.0.1", NULL), -E2BIG);
}

static void endpoints(void **state)
{
    (void)state;
    static const char *const good[] = { "tcp:example.org:443", "tcp:127.0.0.1:0", "tcp:[::1]:65535", "vsock:3:1200",
                                        "vsock:any:1",         "unix:/a b/c",     "unix:relative" };
    static const char *const bad[] = { "tcp:",       "tcp::80",   "tcp:host",    "tcp:host:65536", "tcp:ho st:1",
                                       "tcp:::1:80", "tcp:[x]:1", "tcp:host:1x", "vsock:3",        "unix:",
                                       "http://x",   "",          "127.0.0.1:80" };
    char text[ENDPOINT_TEXT_MAX], longest[400];
    struct endpoint ep;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(endpoint_parse(&ep, good[i], NULL), 0);
        assert_string_equal(endpoint_text(text, &ep), good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(endpoint_parse(&ep, bad[i], NULL), -EINVAL);
    (void)snprintf(longest, sizeof longest, "unix:%0*d", ENDPOINT_PATH_MAX, 0);
    assert_int_equal(endpoint_parse(&ep, longest, NULL), -EINVAL);
    (void)snprintf(longest, sizeof longest, "tcp:%0*d:1", ENDPOINT_HOST_MAX, 0);
    assert_int_equal(endpoint_parse(&ep, longest, NULL), -EINVAL);
}

static void command_line(void **state)
{
    (void)state;
    char *argv[] = { "proxy",
                     "--tcp-to-vsock",
                     "127.0.0.1:8545=3:8545",
                     "--vsock-to-tcp=any:53=10.0.0.2:53",
                     "--egress-to=vsock:3:1200",
                     "--egress-from=unix:/s",
                     "--allow=10.0.0.0/8",
                     "--idle-seconds=0" };
    struct options o;
    char text[ENDPOINT_TEXT_MAX];
    assert_int_equal(options_parse(&o, sizeof argv / sizeof *argv, argv, NULL), 0);
    assert_int_equal(o.n_forwards, 4);
    assert_string_equal(endpoint_text(text, &o.forwards[0].from), "tcp:127.0.0.1:8545");
    assert_string_equal(endpoint_text(text, &o.forwards[0].to), "vsock:3:8545");
    assert_string_equal(endpoint_text(text, &o.forwards[1].from), "vsock:any:53");
    assert_string_equal(endpoint_text(text, &o.forwards[1].to), "tcp:10.0.0.2:53");
    assert_int_equal(o.forwards[2].kind, FORWARD_GATHER);
    assert_int_equal(o.forwards[3].kind, FORWARD_SPREAD);
    assert_int_equal(o.policy.n_rules, 1);
    assert_int_equal(o.idle_s, 0);
    assert_int_equal(o.max_streams, 4096);
}

/* As of every other program of this project. */
static void short_flags(void **state)
{
    (void)state;
    static const struct {
        char *arg;
        enum options_action action;
    } cases[] = {
        { "-h", OPTIONS_HELP }, { "--help", OPTIONS_HELP }, { "-V", OPTIONS_VERSION }, { "--version", OPTIONS_VERSION }
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *argv[] = { "proxy", cases[i].arg };
        struct options o;
        assert_int_equal(options_parse(&o, 2, argv, NULL), 0);
        assert_int_equal(o.action, cases[i].action);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_addresses), cmocka_unit_test(rules),        cmocka_unit_test(bad_rules),
        cmocka_unit_test(endpoints),        cmocka_unit_test(command_line), cmocka_unit_test(short_flags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
