/* The watcher after hours away, with a provider that shows ten blocks at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chain/emitter.h"
#include "chain/follower.h"

#define OUTAGE_EVENTS 40
#define OUTAGE_LAST_BLOCK (OUTAGE_EVENTS * 50)

/* Six hours of blocks, twelve seconds apart, that nobody has followed: an event every ten minutes, the last of them in
 * the newest block but one. Of such a chain a provider shows ten blocks at a time. */
static void start_outage(struct follower *f)
{
    follower_start(f);
    for (uint32_t id = 0; id < OUTAGE_EVENTS; id++) {
        anvil_do(f->a, "anvil_mine", "[%d,12]", id ? 49 : 47);
        emitter_drain(f->a, id);
    }
    anvil_mine(f->a, 1);
    f->refuse_over = 10;
    f->delay_ms = 20;
    f->suggest = true;
    f->refuse_with = "you can make eth_getLogs requests with up to a 10 block range, this should work:";
}

static void what_can_still_be_answered_is_read_first(void **state)
{
    (void)state;
    struct follower f;
    struct watcher_stats s;
    start_outage(&f);
    follower_follow(&f, 0);
    follower_wait_seen(&f, 1);
    assert_int_equal(f.seen[0].id, OUTAGE_EVENTS - 1);
    assert_in_range(f.seen[0].asked, 1, 16); /* the program's own questions included */
    watcher_stats(f.w, &s);
    assert_int_equal(s.last_processed_block, 0);
    assert_false(f.live);
    emitter_drain(f.a, OUTAGE_EVENTS); /* live ones wait for none of the older */
    follower_wait_seen(&f, 12);
    size_t live_at = 0;
    while (live_at < 12 && f.seen[live_at].id != OUTAGE_EVENTS)
        live_at++;
    assert_in_range(live_at, 1, 11);
    assert_int_equal(f.seen[live_at == 1 ? 2 : 1].id, OUTAGE_EVENTS - 2);
    follower_wait_live(&f, true);
    assert_int_equal(f.n, OUTAGE_EVENTS + 1);
    assert_int_equal(follower_standing(&f), (1ull << (OUTAGE_EVENTS + 1)) - 1);
    watcher_stats(f.w, &s);
    assert_true(s.last_processed_block >= OUTAGE_LAST_BLOCK - 64);
    follower_stop(&f);
}

/* The node ends in the middle: its next life begins behind what counts as processed, and misses nothing. */
static void an_end_in_the_middle_skips_nothing(void **state)
{
    (void)state;
    struct follower f;
    struct watcher_stats s;
    uint64_t all = 0;
    start_outage(&f);
    follower_follow(&f, 0);
    for (size_t life = 0; life < 3; life++) {
        f.n = 0;
        follower_wait_seen(&f, 12);
        all |= follower_standing(&f);
        watcher_stats(f.w, &s);
        watcher_free(f.w);
        rpc_free(f.rpc);
        f.live = false;
        f.n = 0;
        follower_follow(&f, s.last_processed_block + 1);
    }
    assert_true(s.last_processed_block > 0);
    follower_wait_live(&f, true);
    assert_int_equal(all | follower_standing(&f), (1ull << OUTAGE_EVENTS) - 1);
    follower_stop(&f);
}

/* The newest blocks change while the older ones are being read. */
static void a_fork_during_a_long_backfill_is_followed(void **state)
{
    (void)state;
    struct follower f;
    start_outage(&f);
    follower_follow(&f, 0);
    follower_wait_seen(&f, 6);
    assert_false(f.live);
    anvil_do(f.a, "anvil_reorg", "[3,[]]"); /* without the newest event */
    emitter_drain(f.a, OUTAGE_EVENTS);
    size_t before = f.n;
    follower_wait_live(&f, true);
    follower_wait_seen(&f, OUTAGE_EVENTS + 2);
    assert_true(before < OUTAGE_EVENTS);
    assert_int_equal(follower_standing(&f), (1ull << (OUTAGE_EVENTS + 1)) - 1 - (1ull << (OUTAGE_EVENTS - 1)));
    follower_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_still_be_answered_is_read_first),
        cmocka_unit_test(an_end_in_the_middle_skips_nothing),
        cmocka_unit_test(a_fork_during_a_long_backfill_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
