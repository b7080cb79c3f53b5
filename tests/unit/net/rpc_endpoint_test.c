/* Which endpoint is used: health, back-off, verified chain, lag, latency. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "net/rpc_endpoint.h"

static void origins(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool ws;
        const char *origin; /* NULL = refused */
    } cases[] = {
        { "https://user:secret@rpc.example.org/v3/key?apikey=x#f", false, "https://rpc.example.org:443" },
        { "http://127.0.0.1:8545", false, "http://127.0.0.1:8545" },
        { "HTTP://Host:1", false, "http://Host:1" },
        { "http://[::1]:8545/", false, "http://[::1]:8545" },
        { "wss://rpc.example.org/ws/key", true, "wss://rpc.example.org:443" },
        { "ws://h", true, "ws://h:80" },
        { "ws://h", false, NULL },
        { "http://h", true, NULL },
        { "http://h:0x50/", false, NULL },
        { "http://h:65536/", false, NULL },
        { "http://", false, NULL },
        { "rpc.example.org", false, NULL },
        { "", false, NULL },
        { "http://h\n.example/", false, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rpc_endpoint ep;
        struct err e = { 0 };
        int rc = rpc_endpoint_init(&ep, cases[i].url, cases[i].ws, &e);
        if ((rc == 0) != (cases[i].origin != NULL))
            fail_msg("%s: %d %s", cases[i].url, rc, e.msg);
        if (rc == 0)
            assert_string_equal(ep.origin, cases[i].origin);
        assert_null(strstr(e.msg, "secret"));
        rpc_endpoint_clear(&ep);
    }
}

static void set_aside_for_longer_each_time(void **state)
{
    (void)state;
    static const uint64_t seconds[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
    struct rpc_endpoint ep = { .up = true };
    uint64_t now_ms = 1000000;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        rpc_endpoint_failed(&ep, 0, now_ms);
        assert_int_equal(ep.aside_until_ms - now_ms, seconds[i] * 1000);
        assert_false(rpc_endpoint_healthy(&ep, ep.aside_until_ms - 1));
        assert_true(rpc_endpoint_healthy(&ep, ep.aside_until_ms));
        now_ms = ep.aside_until_ms;
    }
    rpc_endpoint_succeeded(&ep);
    rpc_endpoint_failed(&ep, 0, now_ms);
    assert_int_equal(ep.aside_until_ms - now_ms, 1000);
    assert_int_equal(ep.failures, 10);
}

static void retry_after_is_honoured(void **state)
{
    (void)state;
    struct rpc_endpoint ep = { .up = true };
    rpc_endpoint_failed(&ep, 120, 0);
    assert_int_equal(ep.aside_until_ms, 120000);
    rpc_endpoint_failed(&ep, 0, 1000); /* another failure does not shorten it */
    assert_int_equal(ep.aside_until_ms, 120000);
    rpc_endpoint_failed(&ep, UINT32_MAX, 0);
    assert_int_equal(ep.aside_until_ms, 3600000);
}

#define RIGHT .chain = RPC_CHAIN_RIGHT

static void the_best(void **state)
{
    (void)state;
    const uint64_t now_ms = 10;
    struct rpc_endpoint eps[4] = { { RIGHT }, { RIGHT }, { RIGHT }, { RIGHT } };
    assert_int_equal(rpc_endpoint_best(eps, 4, 4, 0, now_ms), 0); /* the order of the config */
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 2); /* the one in use */
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 4, now_ms), 0);
    eps[0].latency_us = 1000, eps[1].latency_us = 800, eps[2].latency_us = 900, eps[3].latency_us = 650;
    assert_int_equal(rpc_endpoint_best(eps, 4, 4, 0, now_ms), 3);
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 2); /* not much quicker: stays */
    eps[3].latency_us = 500;
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 3);
    eps[3].lagging = true;
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 2);
    eps[2].aside_until_ms = 100;
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 1);
    eps[0].chain = eps[1].chain = RPC_CHAIN_WRONG;
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 3); /* lagging before set aside */
    eps[3].chain = RPC_CHAIN_WRONG;
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 2); /* better than none */
    eps[2].chain = RPC_CHAIN_WRONG;
    assert_int_equal(rpc_endpoint_best(eps, 4, 2, 0, now_ms), 4);
}

static void all_set_aside(void **state)
{
    (void)state;
    struct rpc_endpoint eps[3] = { { RIGHT, .aside_until_ms = 300 },
                                   { RIGHT, .aside_until_ms = 100 },
                                   { RIGHT, .aside_until_ms = 200 } };
    assert_int_equal(rpc_endpoint_best(eps, 3, 0, 0, 10), 1);
    assert_int_equal(rpc_endpoint_best(eps, 3, 0, 2, 10), 2);
    assert_int_equal(rpc_endpoint_best(eps, 3, 0, 7, 10), 3);
}

static void compare(struct rpc_endpoint *eps, size_t n)
{
    rpc_endpoint_compare_heads(eps, n, rpc_endpoint_common_head(eps, n), 3);
}

static void lag(void **state)
{
    (void)state;
    struct rpc_endpoint eps[4] = { { RIGHT, .up = true, .head = 100 },
                                   { RIGHT, .up = true, .head = 97 },
                                   { RIGHT, .up = true, .head = 96 },
                                   { .chain = RPC_CHAIN_WRONG, .up = true, .head = 9000 } };
    compare(eps, 4);
    assert_false(eps[0].lagging || eps[1].lagging || eps[2].lagging); /* nobody bears out what the first one says */
    eps[1].head = 100;
    compare(eps, 4);
    assert_false(eps[0].lagging || eps[1].lagging);
    assert_true(eps[2].lagging);
    eps[2].head = 100;
    compare(eps, 4);
    assert_false(eps[2].lagging);
}

/* One that claims a head far too high must not draw all reads; one that is ahead in earnest is not left aside. */
static void one_alone_proves_nothing(void **state)
{
    (void)state;
    struct rpc_endpoint eps[4] = { { RIGHT, .up = true, .head = UINT64_MAX, .latency_us = 900 },
                                   { RIGHT, .up = true, .head = 1000, .latency_us = 500 },
                                   { RIGHT, .up = true, .head = 1001, .latency_us = 700 },
                                   { RIGHT, .up = true, .head = 900, .latency_us = 100 } };
    compare(eps, 4);
    assert_false(eps[0].lagging || eps[1].lagging || eps[2].lagging);
    assert_true(eps[3].lagging);
    assert_int_equal(rpc_endpoint_best(eps, 4, 4, 0, 10), 1);
    eps[0].latency_us = 100;
    assert_int_equal(rpc_endpoint_best(eps, 4, 4, 0, 10), 0);
    eps[0].up = eps[3].up = false; /* what they said last is no voice, but counts against them */
    assert_int_equal(rpc_endpoint_common_head(eps, 4), 1001);
}

static void of_two_the_higher_is_believed_while_it_moves(void **state)
{
    (void)state;
    struct rpc_endpoint eps[2] = { { RIGHT, .up = true, .head = 1000 }, { RIGHT, .up = true, .head = 90000 } };
    compare(eps, 2);
    assert_true(eps[0].lagging && !eps[1].lagging); /* nothing else is known: one that lags is the likely thing */
    compare(eps, 2);
    assert_true(eps[0].lagging); /* no block meanwhile */
    eps[0].head = 1005;
    compare(eps, 2);
    assert_false(eps[0].lagging || eps[1].lagging); /* 90000 is not alive */
    eps[0].head = 1010;
    eps[1].head = 90005;
    compare(eps, 2);
    assert_true(eps[0].lagging);
    assert_int_equal(rpc_endpoint_common_head(eps, 1), 1010);
    assert_int_equal(rpc_endpoint_common_head(eps, 0), 0);
}

static void latency_is_smoothed(void **state)
{
    (void)state;
    struct rpc_endpoint ep = { 0 };
    rpc_endpoint_measured(&ep, 800);
    assert_int_equal(ep.latency_us, 800);
    rpc_endpoint_measured(&ep, 1600);
    assert_int_equal(ep.latency_us, 900);
    rpc_endpoint_measured(&ep, 0);
    assert_true(ep.latency_us > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(origins),
        cmocka_unit_test(set_aside_for_longer_each_time),
        cmocka_unit_test(retry_after_is_honoured),
        cmocka_unit_test(the_best),
        cmocka_unit_test(all_set_aside),
        cmocka_unit_test(lag),
        cmocka_unit_test(one_alone_proves_nothing),
        cmocka_unit_test(of_two_the_higher_is_believed_while_it_moves),
        cmocka_unit_test(latency_is_smoothed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
