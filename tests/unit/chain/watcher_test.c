/* The watcher against a real chain: live, backfill, a cut connection, forks, and endpoints that refuse, lag, forget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "chain/emitter.h"
#include "chain/follower.h"
#include "net/loop.h"
#include "util/clock.h"
#include "util/hex.h"

#define WAIT_MS 20000

static void live_events_come_at_once(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    emitter_drain(f.a, 63); /* before our time */
    follower_follow(&f, UINT64_MAX);
    follower_wait_live(&f, true);
    emitter_drain(f.a, 1);
    emitter_job(f.a, 2);
    struct buf two = { 0 };
    emit_job_created(&two, 3, 5000);
    emit_job_created(&two, 4, 0);
    emitter_send(f.a, EMITTER_JOBS, &two);
    buf_free(&two);
    follower_wait_seen(&f, 4);
    follower_assert_ids(&f, 0, 4, 1);
    assert_int_equal(f.seen[0].type, EVENT_EXECUTOR_DRAINED);
    assert_int_equal(f.seen[1].type, EVENT_JOB_CREATED);
    for (size_t i = 0; i < 4; i++) {
        const struct event_origin *o = &f.seen[i].origin;
        assert_false(o->backfilled);
        assert_true(o->received_us > 0 && o->received_us <= clock_mono_us());
        assert_int_equal(o->block_number, i < 3 ? 2 + i : 4);
        assert_int_equal(o->log_index, i < 3 ? 0 : 1);
        assert_true(o->block_timestamp_s == 0 || o->block_timestamp_s == follower_block_time(&f, o->block_number));
    }
    follower_wait_head(&f, 4);
    loop_for(&f.loop, 1500); /* a sweep reads them again */
    struct watcher_stats s;
    watcher_stats(f.w, &s);
    assert_int_equal(f.n, 4);
    assert_int_equal(s.events, 4);
    assert_int_equal(s.events_backfilled, 0);
    assert_int_equal(s.head_block, 4);
    assert_true(s.duplicates >= 4);
    assert_int_equal(s.reconnects + s.reorgs + s.malformed, 0);
    follower_stop(&f);
}

static void the_past_is_read_from_the_given_block(void **state)
{
    (void)state;
    for (int strip = 0; strip < 2; strip++) {
        struct follower f;
        follower_start(&f);
        f.no_timestamps = strip != 0;
        for (uint32_t id = 1; id <= 12; id++)
            emitter_drain(f.a, id);
        anvil_mine(f.a, 40);
        follower_follow(&f, 5);
        follower_wait_live(&f, true);
        assert_int_equal(f.n, 8);
        follower_assert_ids(&f, 0, 8, 5);
        for (size_t i = 0; i < 8; i++) {
            assert_true(f.seen[i].origin.backfilled);
            assert_int_equal(f.seen[i].origin.block_number, 5 + i);
            assert_int_equal(f.seen[i].origin.block_timestamp_s, follower_block_time(&f, 5 + i));
        }
        assert_int_equal(f.blocks_asked, strip ? 8 : 0);
        emitter_drain(f.a, 13);
        follower_wait_seen(&f, 9);
        assert_false(f.seen[8].origin.backfilled);
        struct watcher_stats s;
        watcher_stats(f.w, &s);
        assert_int_equal(s.events_backfilled, 8);
        assert_true(s.last_processed_block >= 12 && s.last_processed_block <= 52);
        follower_stop(&f);
    }
}

static void a_cut_connection_loses_nothing(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    emitter_drain(f.a, 0);
    follower_wait_seen(&f, 1);
    for (uint32_t round = 0; round < 4; round++) {
        relay_refuse(f.relay, true);
        relay_cut(f.relay);
        follower_wait_live(&f, false);
        for (uint32_t i = 0; i < 5; i++)
            emitter_drain(f.a, 1 + 10 * round + i);
        relay_refuse(f.relay, false);
        for (uint32_t i = 5; i < 10; i++)
            emitter_drain(f.a, 1 + 10 * round + i);
        follower_wait_live(&f, true);
        follower_wait_seen(&f, 11 + 10 * round);
    }
    loop_for(&f.loop, 1200);
    assert_int_equal(f.n, 41);
    follower_assert_ids(&f, 0, 41, 0);
    assert_int_equal(f.live_changes, 9);
    struct watcher_stats s;
    watcher_stats(f.w, &s);
    assert_int_equal(s.reconnects, 4);
    assert_int_equal(s.reorgs, 0);
    follower_stop(&f);
}

/* The WebSocket stays away for good: events come by asking. */
static void without_a_stream_events_still_come(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    relay_refuse(f.relay, true);
    follower_follow(&f, 0);
    emitter_drain(f.a, 1);
    follower_wait_seen(&f, 1);
    emitter_drain(f.a, 2);
    follower_wait_seen(&f, 2);
    follower_assert_ids(&f, 0, 2, 1);
    assert_int_equal(f.head, 2);
    assert_false(f.live);
    follower_stop(&f);
}

static void a_fork_takes_back_and_brings_again(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    for (uint32_t id = 1; id <= 5; id++)
        emitter_drain(f.a, id);
    follower_wait_seen(&f, 5);
    follower_wait_head(&f, 5);
    struct buf again = { 0 }, hex = { 0 };
    emit_drained(&again, 4);
    emit_drained(&again, 9);
    hex_append0x(&hex, again.data, again.len);
    anvil_do(f.a, "anvil_reorg", "[3,[[{\"from\":\"%s\",\"to\":\"%s\",\"data\":\"%s\"},1]]]", ANVIL_ADDRESS_0,
             EMITTER_EXECUTORS, buf_cstr(&hex));
    follower_wait_seen(&f, 10);
    follower_assert_ids(&f, 0, 5, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_true(f.seen[5 + i].removed);
        assert_int_equal(f.seen[5 + i].id, 5 - i); /* newest first */
        assert_memory_equal(&f.seen[5 + i].origin.block_hash, f.seen[4 - i].origin.block_hash, 32);
    }
    assert_int_equal(f.seen[8].id, 4);
    assert_int_equal(f.seen[9].id, 9);
    assert_int_equal(f.seen[8].origin.block_number, 4);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 2 | 1 << 4 | 1 << 9);
    emitter_drain(f.a, 10);
    follower_wait_seen(&f, 11);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 2 | 1 << 4 | 1 << 9 | 1 << 10);
    struct watcher_stats s;
    watcher_stats(f.w, &s);
    assert_true(s.reorgs >= 1);
    buf_free(&again);
    buf_free(&hex);
    follower_stop(&f);
}

static void a_chain_set_back_is_followed(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    emitter_drain(f.a, 1);
    follower_wait_seen(&f, 1);
    struct json *snapshot = anvil_rpc(f.a, "evm_snapshot", "[]");
    emitter_drain(f.a, 2);
    emitter_job(f.a, 3);
    emitter_drain(f.a, 4);
    follower_wait_seen(&f, 4);
    follower_wait_head(&f, 4);
    anvil_do(f.a, "evm_revert", "[\"%s\"]", json_str(snapshot, NULL));
    json_free(snapshot);
    emitter_job(f.a, 3); /* another block with it */
    follower_wait_seen(&f, 8);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 3);
    emitter_drain(f.a, 5);
    follower_wait_seen(&f, 9);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 3 | 1 << 5);
    follower_stop(&f);
}

static void a_fork_behind_our_back_is_found(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    for (uint32_t id = 1; id <= 4; id++)
        emitter_drain(f.a, id);
    follower_wait_seen(&f, 4);
    follower_wait_head(&f, 4);
    relay_refuse(f.relay, true);
    relay_cut(f.relay);
    follower_wait_live(&f, false);
    anvil_do(f.a, "anvil_reorg", "[2,[]]");
    emitter_drain(f.a, 6);
    anvil_mine(f.a, 30);
    relay_refuse(f.relay, false);
    follower_wait_live(&f, true);
    follower_wait_seen(&f, 7);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 2 | 1 << 6);
    follower_stop(&f);
}

static void a_provider_that_refuses_ranges(void **state)
{
    (void)state;
    static const struct {
        uint64_t most;
        bool suggest;
        const char *with;
    } providers[] = {
        { 7, false, "eth_getLogs is limited to a 7 block range" },
        { 5, true, "query returned more than 10000 results. Try with this block range" },
        { 1, false, "Log response size exceeded." },
    };
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        struct follower f;
        follower_start(&f);
        for (uint32_t id = 1; id <= 20; id++)
            emitter_drain(f.a, id);
        f.refuse_over = providers[i].most;
        f.suggest = providers[i].suggest;
        f.refuse_with = providers[i].with;
        follower_follow(&f, 1);
        follower_wait_live(&f, true);
        assert_int_equal(f.n, 20);
        follower_assert_ids(&f, 0, 20, 1);
        assert_true(f.refused > 0);
        follower_stop(&f);
    }
}

static void a_reading_endpoint_that_lags(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    emitter_drain(f.a, 1);
    follower_wait_seen(&f, 1);
    relay_refuse(f.relay, true);
    relay_cut(f.relay);
    follower_wait_live(&f, false);
    f.lag_blocks = 3;
    emitter_drain(f.a, 2);
    emitter_drain(f.a, 3);
    relay_refuse(f.relay, false);
    follower_wait_live(&f, true); /* caught up, as far as one can see */
    assert_int_equal(f.n, 1);
    emitter_drain(f.a, 4);
    follower_wait_seen(&f, 2);
    anvil_mine(f.a, 3);
    follower_wait_seen(&f, 4);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
    follower_stop(&f);
}

static uint64_t clock_ahead_us;

static uint64_t mono_ahead(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + clock_ahead_us;
}

static uint64_t wall_ahead(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000 + clock_ahead_us;
}

static void later(struct follower *f, uint64_t ms, uint64_t blocks)
{
    clock_ahead_us += ms * 1000;
    anvil_mine(f->a, blocks);
    follower_wait_head(f, anvil_quantity(f->a, "eth_blockNumber", "[]"));
}

/* Sixty blocks in ten seconds: an endpoint that is forty behind has not seen what lies deeper than the overlap. */
static void a_fast_chain_is_read_again_further_back(void **state)
{
    (void)state;
    static const struct clock_source ahead = { mono_ahead, wall_ahead };
    struct follower f;
    clock_set_source(&ahead);
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    later(&f, 11000, 60);
    later(&f, 11000, 1);
    relay_refuse(f.relay, true);
    relay_cut(f.relay);
    follower_wait_live(&f, false);
    f.lag_blocks = 50;
    emitter_drain(f.a, 1);
    anvil_mine(f.a, 40);
    int asked = f.getlogs_asked;
    relay_refuse(f.relay, false);
    follower_wait_live(&f, true);
    loop_for(&f.loop, 1500); /* and one more sweep */
    assert_true(f.getlogs_asked > asked + 1);
    assert_int_equal(f.n, 0);
    f.lag_blocks = 0;
    anvil_mine(f.a, 1);
    follower_wait_seen(&f, 1);
    follower_stop(&f);
    clock_set_source(NULL);
}

/* Of the logs that come down, every third is forgotten and every other one said twice. */
static int forgetful(void *arg, const char *text, size_t len)
{
    int *count = arg;
    if (!memmem(text, len, "\"topics\"", 8))
        return 1;
    ++*count;
    return *count % 3 == 0 ? 0 : *count % 3 == 1 ? 2 : 1;
}

static void a_stream_that_forgets_and_repeats(void **state)
{
    (void)state;
    struct follower f;
    int count = 0;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    relay_filter(f.relay, forgetful, &count);
    for (uint32_t id = 1; id <= 30; id++)
        emitter_drain(f.a, id);
    follower_wait_seen(&f, 30);
    assert_true(count >= 30);
    assert_int_equal(follower_standing(&f), 0x7ffffffe);
    struct watcher_stats s;
    watcher_stats(f.w, &s);
    assert_true(s.events_backfilled >= 8);
    follower_stop(&f);
}

/* Counts logs; lets none through. */
static int withhold_logs(void *arg, const char *text, size_t len)
{
    int *count = arg;
    if (!memmem(text, len, "\"topics\"", 8))
        return 1;
    ++*count;
    return 0;
}

/* Its heads come, its logs do not any more: what is read back shows it. From then on events are looked for every
 * second, and the subscription is made anew. */
static void a_stream_that_has_gone_deaf(void **state)
{
    (void)state;
    struct follower f;
    int withheld = 0;
    follower_start(&f);
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    emitter_drain(f.a, 1);
    follower_wait_seen(&f, 1);
    loop_for(&f.loop, 8000); /* sweeps are seldom now */
    relay_filter(f.relay, withhold_logs, &withheld);
    int before = relay_accepted(f.relay);
    emitter_drain(f.a, 2);
    follower_wait_seen(&f, 2);
    assert_true(f.seen[1].origin.backfilled && withheld > 0);
    assert_int_equal(relay_accepted(f.relay), before); /* the read may only have been quicker */
    uint64_t from = clock_mono_ms();
    emitter_drain(f.a, 3);
    follower_wait_seen(&f, 3);
    assert_in_range(clock_mono_ms() - from, 0, 4000);
    for (uint64_t until = clock_mono_ms() + WAIT_MS; relay_accepted(f.relay) == before;) {
        assert_true(clock_mono_ms() < until);
        anvil_mine(f.a, 1);
        loop_for(&f.loop, 200);
    }
    relay_filter(f.relay, NULL, NULL);
    follower_wait_live(&f, true);
    emitter_drain(f.a, 4);
    follower_wait_seen(&f, 4);
    assert_false(f.seen[3].origin.backfilled);
    follower_assert_ids(&f, 0, 4, 1);
    follower_stop(&f);
}

/* ---- two endpoints ---- */

/* Follows both; the first relay's leads, as the second one lets nobody in at first. */
static void follow_two(struct follower *f)
{
    follower_start(f);
    f->second = relay_start(&f->loop, anvil_port(f->a));
    relay_refuse(f->second, true);
    follower_follow(f, 0);
    follower_wait_live(f, true);
    relay_refuse(f->second, false);
    for (int before = relay_accepted(f->second); relay_accepted(f->second) == before;)
        loop_for(&f->loop, 5);
    loop_for(&f->loop, 200); /* it subscribes */
}

static int withhold_all(void *arg, const char *text, size_t len)
{
    (void)arg;
    (void)text;
    (void)len;
    return 0;
}

static void the_endpoint_that_has_it_tells_it(void **state)
{
    (void)state;
    struct follower f;
    int withheld = 0;
    follow_two(&f);
    for (uint32_t round = 0; round < 2; round++) {
        relay_filter(round ? f.second : f.relay, withhold_logs, &withheld);
        relay_filter(round ? f.relay : f.second, NULL, NULL);
        for (uint32_t id = 0; id < 5; id++)
            emitter_drain(f.a, round * 5 + id);
        follower_wait_seen(&f, round * 5 + 5);
    }
    follower_assert_ids(&f, 0, 10, 0);
    for (size_t i = 0; i < 10; i++)
        assert_false(f.seen[i].origin.backfilled);
    assert_true(withheld >= 5);
    follower_stop(&f);
}

static void a_cut_leader_is_not_missed(void **state)
{
    (void)state;
    struct follower f;
    follow_two(&f);
    for (uint32_t round = 0; round < 4; round++) {
        struct relay *leader = round % 2 ? f.second : f.relay;
        int before = relay_accepted(leader);
        relay_cut(leader);
        for (uint32_t id = 0; id < 5; id++)
            emitter_drain(f.a, round * 5 + id);
        follower_wait_seen(&f, round * 5 + 5);
        while (relay_accepted(leader) == before)
            loop_for(&f.loop, 5);
        loop_for(&f.loop, 200);
    }
    follower_wait_head(&f, 20); /* heads go on as well */
    follower_assert_ids(&f, 0, 20, 0);
    assert_int_equal(f.live_changes, 1);
    struct watcher_stats s;
    watcher_stats(f.w, &s);
    assert_int_equal(s.reconnects, 4);
    assert_true(s.duplicates > 0);
    follower_stop(&f);
}

static int withhold_heads(void *arg, const char *text, size_t len)
{
    int *count = arg;
    if (!memmem(text, len, "parentHash", 10))
        return 1;
    ++*count;
    return 0;
}

/* Its heads are stuck, but not silent for long enough to be lost: another endpoint's events show it. */
static void a_leader_that_lags_is_left(void **state)
{
    (void)state;
    struct follower f;
    int withheld = 0;
    follow_two(&f);
    emitter_drain(f.a, 0);
    follower_wait_seen(&f, 1);
    follower_wait_head(&f, 1);
    relay_filter(f.relay, withhold_heads, &withheld);
    anvil_mine(f.a, 40);
    loop_for(&f.loop, 300);
    assert_true(f.head < 40 && withheld > 0);
    emitter_drain(f.a, 1);
    follower_wait_seen(&f, 2);
    follower_wait_head(&f, 42);
    emitter_drain(f.a, 2);
    follower_wait_head(&f, 43);
    follower_assert_ids(&f, 0, 3, 0);
    assert_int_equal(f.live_changes, 1);
    struct watcher_stats s;
    watcher_stats(f.w, &s);
    assert_int_equal(s.reconnects, 1);
    follower_stop(&f);
}

/* Another endpoint takes a block back: so it sees the chain. The leader does not say so, so nothing is taken back. */
static void the_leader_alone_takes_back(void **state)
{
    (void)state;
    struct follower f;
    follow_two(&f);
    for (uint32_t id = 1; id <= 3; id++)
        emitter_drain(f.a, id);
    follower_wait_seen(&f, 3);
    follower_wait_head(&f, 3);
    loop_for(&f.loop, 3500); /* sweeps are seldom now */
    relay_filter(f.relay, withhold_all, NULL);
    int asked = f.getlogs_asked;
    anvil_do(f.a, "anvil_reorg", "[2,[]]");
    loop_for(&f.loop, 300);
    assert_int_equal(f.getlogs_asked, asked);
    assert_int_equal(f.n, 3);
    relay_filter(f.relay, NULL, NULL);
    relay_cut(f.relay); /* the other one leads now, and is believed */
    emitter_drain(f.a, 4);
    follower_wait_seen(&f, 6);
    assert_int_equal(follower_standing(&f), 1 << 1 | 1 << 4);
    follower_stop(&f);
}

static void failing_reads_are_tried_again(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    emitter_drain(f.a, 1);
    f.getlogs_to_fail = 3;
    follower_follow(&f, 0);
    follower_wait_live(&f, true);
    assert_int_equal(f.n, 1);
    assert_true(f.getlogs_asked >= 4);
    follower_stop(&f);
}

/* While nothing can be read, live events do not wait for ever. */
static void live_events_overtake_a_backfill_that_hangs(void **state)
{
    (void)state;
    struct follower f;
    follower_start(&f);
    emitter_drain(f.a, 1);
    f.getlogs_to_fail = 1000;
    follower_follow(&f, 0);
    uint64_t give_up_ms = clock_mono_ms() + WAIT_MS;
    while (f.heads == 0 && clock_mono_ms() < give_up_ms)
        loop_for(&f.loop, 2);
    while (relay_accepted(f.relay) == 0 && clock_mono_ms() < give_up_ms)
        loop_for(&f.loop, 2);
    loop_for(&f.loop, 500);
    uint64_t from = clock_mono_ms();
    emitter_drain(f.a, 2);
    follower_wait_seen(&f, 1);
    assert_in_range(clock_mono_ms() - from, 0, 3000);
    assert_int_equal(f.seen[0].id, 2);
    assert_false(f.seen[0].origin.backfilled);
    assert_false(f.live);
    f.getlogs_to_fail = 0;
    follower_wait_seen(&f, 2);
    assert_int_equal(f.seen[1].id, 1);
    follower_wait_live(&f, true);
    follower_stop(&f);
}

static void it_can_be_freed_in_a_callback(void **state)
{
    (void)state;
    for (size_t at = 1; at <= 3; at++) {
        struct follower f;
        follower_start(&f);
        emitter_drain(f.a, 1);
        emitter_drain(f.a, 2);
        f.free_at = at;
        follower_follow(&f, 0);
        if (at == 3) {
            follower_wait_live(&f, true);
            emitter_drain(f.a, 3);
        }
        follower_wait_seen(&f, at);
        loop_for(&f.loop, 200);
        assert_int_equal(f.n, at);
        assert_null(f.w);
        follower_stop(&f);
    }
}

static void it_can_be_freed_when_it_speaks(void **state)
{
    (void)state;
    for (int on_live_change = 0; on_live_change < 2; on_live_change++) {
        struct follower f;
        follower_start(&f);
        emitter_drain(f.a, 1);
        f.free_on_head = !on_live_change;
        f.free_on_live = on_live_change;
        follower_follow(&f, 0);
        uint64_t give_up_ms = clock_mono_ms() + WAIT_MS;
        while (f.w && clock_mono_ms() < give_up_ms)
            loop_for(&f.loop, 5);
        assert_null(f.w);
        loop_for(&f.loop, 100);
        assert_true(f.heads == 1 && f.live_changes == on_live_change);
        follower_stop(&f);
    }
}

static void it_can_be_freed_at_any_time(void **state)
{
    (void)state;
    for (uint64_t ms = 0; ms < 60; ms += 3) {
        struct follower f;
        follower_start(&f);
        f.no_timestamps = true;
        for (uint32_t id = 1; id <= 3; id++)
            emitter_drain(f.a, id);
        follower_follow(&f, 0);
        loop_for(&f.loop, ms);
        follower_stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_events_come_at_once),
        cmocka_unit_test(the_past_is_read_from_the_given_block),
        cmocka_unit_test(a_cut_connection_loses_nothing),
        cmocka_unit_test(without_a_stream_events_still_come),
        cmocka_unit_test(a_fork_takes_back_and_brings_again),
        cmocka_unit_test(a_chain_set_back_is_followed),
        cmocka_unit_test(a_fork_behind_our_back_is_found),
        cmocka_unit_test(a_provider_that_refuses_ranges),
        cmocka_unit_test(a_reading_endpoint_that_lags),
        cmocka_unit_test(a_fast_chain_is_read_again_further_back),
        cmocka_unit_test(a_stream_that_forgets_and_repeats),
        cmocka_unit_test(a_stream_that_has_gone_deaf),
        cmocka_unit_test(the_endpoint_that_has_it_tells_it),
        cmocka_unit_test(a_cut_leader_is_not_missed),
        cmocka_unit_test(a_leader_that_lags_is_left),
        cmocka_unit_test(the_leader_alone_takes_back),
        cmocka_unit_test(failing_reads_are_tried_again),
        cmocka_unit_test(live_events_overtake_a_backfill_that_hangs),
        cmocka_unit_test(it_can_be_freed_in_a_callback),
        cmocka_unit_test(it_can_be_freed_when_it_speaks),
        cmocka_unit_test(it_can_be_freed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
