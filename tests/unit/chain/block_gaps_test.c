/* Ranges of blocks that were left out: what is read next, what is settled, and what a fork opens again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "chain/block_gaps.h"
#include "util/buf.h"

static void expect(const struct block_gaps *g, const char *want)
{
    struct buf text = { 0 };
    for (size_t i = 0; i < g->n; i++)
        buf_printf(&text, "%s%llu-%llu%s", i ? " " : "", (unsigned long long)g->gaps[i].from,
                   (unsigned long long)g->gaps[i].to, g->gaps[i].read ? "r" : "");
    assert_string_equal(buf_cstr(&text), want);
    buf_free(&text);
}

static void they_are_read_in_their_order(void **state)
{
    (void)state;
    struct block_gaps g = { 0 };
    assert_int_equal(block_gaps_lowest(&g), UINT64_MAX);
    block_gaps_add_first(&g, 50, 99);
    block_gaps_add_last(&g, 10, 49);
    block_gaps_add_last(&g, 8, 7); /* empty */
    expect(&g, "50-99 10-49");
    assert_int_equal(block_gaps_lowest(&g), 10);
    assert_true(block_gaps_have(&g, 10) && block_gaps_have(&g, 99));
    assert_false(block_gaps_have(&g, 9) || block_gaps_have(&g, 100));
    assert_int_equal(block_gaps_next(&g, false)->from, 50);
    block_gaps_close(&g, 50, 59, 60);
    expect(&g, "60-99 10-49");
    assert_false(block_gaps_have(&g, 59));
    block_gaps_close(&g, 70, 79, 90); /* nobody's lower end */
    block_gaps_close(&g, 60, 99, UINT64_MAX);
    expect(&g, "10-49");
    block_gaps_close(&g, 10, 100, UINT64_MAX);
    expect(&g, "");
    assert_true(block_gaps_all_read(&g));
    assert_null(block_gaps_next(&g, true));
}

static void what_was_not_settled_is_read_again_last(void **state)
{
    (void)state;
    struct block_gaps g = { 0 };
    block_gaps_add_last(&g, 50, 99);
    block_gaps_add_last(&g, 10, 49);
    block_gaps_close(&g, 50, 59, 55);
    expect(&g, "60-99 10-49 55-59r");
    block_gaps_close(&g, 60, 99, 0);
    expect(&g, "10-49 55-59r 60-99r");
    assert_int_equal(block_gaps_next(&g, true)->from, 10);
    block_gaps_close(&g, 10, 49, 50);
    assert_true(block_gaps_all_read(&g));
    assert_null(block_gaps_next(&g, false));
    assert_int_equal(block_gaps_next(&g, true)->from, 55);
    block_gaps_close(&g, 55, 59, 55);
    expect(&g, "60-99r 55-59r");
    block_gaps_close(&g, 60, 69, 65);
    expect(&g, "55-59r 65-99r");
    block_gaps_close(&g, 55, 59, 60);
    block_gaps_close(&g, 65, 74, 75);
    expect(&g, "75-99r");
    block_gaps_reopen(&g, 90, 99);
    expect(&g, "90-99 75-89r");
}

static void a_fork_opens_what_lies_above_it(void **state)
{
    (void)state;
    struct block_gaps g = { 0 };
    block_gaps_add_last(&g, 60, 99);
    block_gaps_add_last(&g, 30, 49);
    block_gaps_reopen(&g, 70, 99);
    expect(&g, "70-99 60-69 30-49");
    block_gaps_reopen(&g, 40, 99);
    expect(&g, "40-99 30-39");
    block_gaps_reopen(&g, 5, 99);
    expect(&g, "5-99");
}

static void a_full_list_reads_more_rather_than_less(void **state)
{
    (void)state;
    struct block_gaps g = { 0 };
    for (uint64_t i = 0; i < BLOCK_GAPS_MAX; i++)
        block_gaps_add_last(&g, 100 + 10 * i, 101 + 10 * i);
    block_gaps_reopen(&g, 175, 199);
    expect(&g, "100-199");
    for (uint64_t i = 1; i < BLOCK_GAPS_MAX; i++)
        block_gaps_add_last(&g, 10 * i, 10 * i + 1);
    block_gaps_close(&g, 100, 109, 105); /* no room for two: all of it waits */
    assert_int_equal(g.n, BLOCK_GAPS_MAX);
    assert_true(block_gaps_have(&g, 105) && block_gaps_have(&g, 199) && !block_gaps_have(&g, 104));
    assert_false(g.gaps[BLOCK_GAPS_MAX - 1].read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_read_in_their_order),
        cmocka_unit_test(what_was_not_settled_is_read_again_last),
        cmocka_unit_test(a_fork_opens_what_lies_above_it),
        cmocka_unit_test(a_full_list_reads_more_rather_than_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
