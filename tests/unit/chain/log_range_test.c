/* Finding the range that a provider allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "chain/log_range.h"

/* What providers were seen to say, and what has nothing to do with the range. */
static void knows_refusals(void **state)
{
    (void)state;
    static const struct {
        int64_t code;
        const char *message;
        bool refusal;
    } cases[] = {
        { -32602,
          "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on "
          "the "
          "response size, or you can request any block range with a cap of 10K logs in the response. Based on your "
          "parameters and the response size limit, this block range should work: [0x88e8a3, 0x88e8c2]",
          true },
        { -32005, "query returned more than 10000 results. Try with this block range [0x88E8A3, 0x88E8C2].", true },
        { -32005, "something else", true },
        { -32614, "eth_getLogs is limited to a 10,000 range", true },
        { -32000, "exceed maximum block range: 50000", true },
        { -32000, "query exceeds max results 20000, retry with the range 100-200", true },
        { -32000, "block range is too wide", true },
        { -32600, "Please limit the query to at most 1000 blocks", true },
        { -32000, "query timeout exceeded", true },
        { -32000, "request timed out", true },
        { -32000, "Too many logs requested", true },
        { -32602, "invalid params", false },
        { -32601, "the method eth_getLogs does not exist", false },
        { -32000, "missing trie node", false },
        { -32603, "internal error", false },
        { -32000, "unauthorized", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (log_range_is_refusal(cases[i].code, cases[i].message) != cases[i].refusal)
            fail_msg("misjudged: %s", cases[i].message);
}

static void takes_what_is_suggested(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        uint64_t from, to, size;
    } cases[] = {
        { "this block range should work: [0x10, 0x1f]", 16, 1000, 16 },
        { "Try with this block range [0x10,0x10].", 16, 1000, 1 },
        { "Try [\"0x10\", \"0x13\"]", 16, 1000, 4 },
        { "topics [a, b] and [0x10, 0x11]", 16, 1000, 2 },
        { "another range [0x11, 0x1f]", 16, 1015, 500 }, /* not from where we stand */
        { "all of it [0x10, 0x3e8]", 16, 1000, 492 },    /* no smaller */
        { "backwards [0x10, 0x0f]", 16, 1000, 492 },
        { "half a bracket [0x10, 0x11", 16, 1000, 492 },
        { "nonsense [0x, 0xzz] [ , ] [", 16, 1000, 492 },
        { "too wide [0x10, 0x1111111111111111111111]", 16, 1000, 492 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct log_range r;
        log_range_init(&r, 2000);
        assert_true(log_range_refused(&r, cases[i].from, cases[i].to, cases[i].message));
        assert_int_equal(r.size, cases[i].size);
    }
}

/* A provider with a limit that it does not tell: found in a few requests, used for the most part, and left behind when
 * it goes. */
static void finds_a_hidden_limit(void **state)
{
    (void)state;
    for (uint64_t limit = 1; limit <= 3000; limit = limit * 3 + 2) {
        struct log_range r;
        unsigned refused = 0, requests = 0;
        log_range_init(&r, 2000);
        for (uint64_t from = 0, end = limit * 400; from < end; requests++) {
            uint64_t to = from + r.size - 1;
            if (r.size > limit) {
                refused++;
                assert_true(log_range_refused(&r, from, to, "limit"));
                continue;
            }
            log_range_accepted(&r, r.size, 0);
            assert_true(r.size <= 2000 && r.size > 0);
            from = to + 1;
        }
        assert_true(refused <= 12 + requests / 5);
        assert_true(requests - refused <= 600);
        for (int i = 0; i < 300; i++)
            log_range_accepted(&r, r.size, 0);
        assert_int_equal(r.size, 2000);
    }
}

static void one_block_cannot_be_halved(void **state)
{
    (void)state;
    struct log_range r;
    log_range_init(&r, 8);
    assert_true(log_range_refused(&r, 10, 17, NULL));
    assert_true(log_range_refused(&r, 10, 13, NULL));
    assert_true(log_range_refused(&r, 10, 11, NULL));
    assert_int_equal(r.size, 1);
    assert_false(log_range_refused(&r, 10, 10, "still too many results"));
    assert_int_equal(r.size, 1);
    for (int i = 0; i < 31; i++)
        log_range_accepted(&r, 1, 0);
    assert_int_equal(r.size, 1);
    log_range_accepted(&r, 1, 0); /* limits move: now and then it is tried again */
    assert_int_equal(r.size, 2);
}

static void many_logs_make_it_smaller(void **state)
{
    (void)state;
    struct log_range r;
    log_range_init(&r, 1024);
    for (int i = 0; i < 3; i++)
        log_range_accepted(&r, r.size, LOGS_AT_ONCE + 1);
    assert_int_equal(r.size, 128);
    log_range_accepted(&r, r.size, LOGS_AT_ONCE);
    assert_int_equal(r.size, 128);
    log_range_accepted(&r, r.size, LOGS_AT_ONCE / 2);
    assert_true(r.size > 128);
    log_range_accepted(&r, 1, 1000000);
    assert_int_equal(r.size, 1);
}

static void a_short_tail_does_not_grow_it(void **state)
{
    (void)state;
    struct log_range r;
    log_range_init(&r, 64);
    (void)log_range_refused(&r, 0, 63, NULL);
    log_range_accepted(&r, 3, 0);
    assert_int_equal(r.size, 32);
    log_range_init(&r, 0);
    assert_int_equal(r.size, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_refusals),
        cmocka_unit_test(takes_what_is_suggested),
        cmocka_unit_test(finds_a_hidden_limit),
        cmocka_unit_test(one_block_cannot_be_halved),
        cmocka_unit_test(many_logs_make_it_smaller),
        cmocka_unit_test(a_short_tail_does_not_grow_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
