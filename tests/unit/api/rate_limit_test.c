/* How often a peer may ask, and how the buckets fill again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/rate_limit.h"

#define NOW 1000000u

static struct peer_address v4(uint8_t last)
{
    return (struct peer_address){ { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = last } };
}

static size_t taken(struct rate_limit *l, struct peer_address peer, uint64_t now_ms, size_t tries)
{
    size_t n = 0;
    for (size_t i = 0; i < tries; i++)
        n += rate_limit_take(l, &peer, now_ms) == 0;
    return n;
}

static void nothing_is_limited_by_zero(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new();
    assert_int_equal(taken(l, v4(1), NOW, 100000), 100000);
    rate_limit_free(l);
}

static void a_peer_has_its_own(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new();
    struct peer_address one = v4(1);
    rate_limit_set(l, 2, 0);
    assert_int_equal(taken(l, one, NOW, 100), 2 * RATE_LIMIT_BURST_S);
    assert_int_equal(rate_limit_take(l, &one, NOW), 500);
    assert_int_equal(rate_limit_take(l, &one, NOW + 200), 300);
    assert_int_equal(taken(l, v4(2), NOW, 100), 2 * RATE_LIMIT_BURST_S);
    assert_int_equal(taken(l, one, NOW + 500, 100), 1);
    assert_int_equal(taken(l, one, NOW + 1500, 100), 2);
    assert_int_equal(taken(l, one, NOW + 1000000, 100), 2 * RATE_LIMIT_BURST_S);
    rate_limit_set(l, 0, 0);
    assert_int_equal(taken(l, one, NOW + 1000000, 100), 100);
    rate_limit_free(l);
}

static void all_share_one(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new();
    size_t n = 0;
    rate_limit_set(l, 0, 3);
    for (uint8_t i = 0; i < 100; i++)
        n += taken(l, v4(i), NOW, 1);
    assert_int_equal(n, 3 * RATE_LIMIT_BURST_S);
    assert_int_equal(taken(l, v4(200), NOW + 1000, 10), 3);
    rate_limit_free(l);
}

/* A network of IPv6 has as many addresses as it likes. */
static void a_network_is_one_peer(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new();
    size_t n = 0;
    rate_limit_set(l, 1, 0);
    for (uint8_t i = 0; i < 100; i++)
        n += taken(l, (struct peer_address){ { 0x20, 1, [7] = 5, [15] = i } }, NOW, 1);
    assert_int_equal(n, RATE_LIMIT_BURST_S);
    assert_int_equal(taken(l, (struct peer_address){ { 0x20, 1, [7] = 6 } }, NOW, 1), 1);
    rate_limit_free(l);
}

/* More peers than are kept: the one that was seen longest ago begins anew, one that asks on does not. */
static void peers_make_room(void **state)
{
    (void)state;
    struct rate_limit *l = rate_limit_new();
    rate_limit_set(l, 1, 0);
    assert_int_equal(taken(l, v4(1), NOW, 100), RATE_LIMIT_BURST_S);
    for (uint32_t i = 0; i < 2 * RATE_LIMIT_PEERS_MAX; i++) {
        struct peer_address other = { { 0x20, [1] = 1, [2] = (uint8_t)(i >> 8), [3] = (uint8_t)i } };
        assert_int_equal(rate_limit_take(l, &other, NOW), 0);
        if (i < RATE_LIMIT_PEERS_MAX)
            assert_int_equal(taken(l, v4(1), NOW, 1), 0);
    }
    assert_int_equal(taken(l, v4(1), NOW, 100), RATE_LIMIT_BURST_S);
    rate_limit_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_limited_by_zero),
        cmocka_unit_test(a_peer_has_its_own),
        cmocka_unit_test(all_share_one),
        cmocka_unit_test(a_network_is_one_peer),
        cmocka_unit_test(peers_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
