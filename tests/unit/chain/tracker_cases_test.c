/* The event tracker, case by case: what each input makes it say. Blocks are named by number and a letter for their
 * fork; what comes out is written "+5a0 -5a0": event 0 of block 5a told, taken back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/contracts_tables.h"
#include "chain/event_tracker.h"
#include "util/buf.h"

#define OVERLAP 8

static const struct address executors = { { 0xee } }, jobs = { { 0xdd } };

static struct event_tracker *start(uint64_t from)
{
    struct tracker_config config = { .executors = executors, .jobs = jobs, .overlap_blocks = OVERLAP, .start = from };
    return tracker_new(&config);
}

static void block_hash(uint8_t hash[32], uint64_t number, char fork)
{
    memset(hash, 0, 32);
    memcpy(hash, &number, sizeof number);
    hash[31] = (uint8_t)fork;
}

static struct chain_head make_head(uint64_t number, char fork, char parent_fork)
{
    struct chain_head h = { .number = number, .timestamp_s = 100 + number };
    block_hash(h.hash, number, fork);
    block_hash(h.parent_hash, number - 1, parent_fork);
    return h;
}

/* A head of the stream whose parent is number - 1 of parent_fork. */
static void head(struct event_tracker *t, uint64_t number, char fork, char parent_fork)
{
    struct chain_head h = make_head(number, fork, parent_fork);
    tracker_head(t, &h, false);
}

static void poll(struct event_tracker *t, uint64_t number, char fork)
{
    struct chain_head h = make_head(number, fork, fork);
    tracker_head(t, &h, true);
}

static void header(struct event_tracker *t, uint64_t number, char fork, char parent_fork)
{
    struct chain_head h = make_head(number, fork, parent_fork);
    tracker_header(t, &h);
}

static const struct event_def *def_of(enum event_type type)
{
    for (size_t i = 0; i < EVENT_DEF_COUNT; i++)
        if (event_defs[i].type == type)
            return &event_defs[i];
    return NULL;
}

static struct log_entry make_log(uint64_t number, char fork, uint64_t index)
{
    struct log_entry log = { .address = executors, .n_topics = 2, .block_number = number, .log_index = index };
    memcpy(log.topics[0], def_of(EVENT_EXECUTOR_DRAINED)->topic0, 32);
    block_hash(log.block_hash, number, fork);
    log.tx_hash[0] = (uint8_t)index;
    return log;
}

static void live(struct event_tracker *t, uint64_t number, char fork, uint64_t index)
{
    struct log_entry log = make_log(number, fork, index);
    tracker_log(t, &log, 1);
}

static void removed(struct event_tracker *t, uint64_t number, char fork, uint64_t index)
{
    struct log_entry log = make_log(number, fork, index);
    log.removed = true;
    tracker_log(t, &log, 1);
}

/* Compares what has come out since the last time. */
static void expect(struct event_tracker *t, const char *want)
{
    struct buf text = { 0 };
    struct tracked k;
    while (tracker_next(t, &k)) {
        buf_printf(&text, "%s%c%llu%c%llu", text.len ? " " : "", k.kind == TRACKED_EVENT ? '+' : '-',
                   (unsigned long long)k.origin.block_number, k.origin.block_hash[31],
                   (unsigned long long)k.origin.log_index);
        tracked_free(&k);
    }
    assert_string_equal(buf_cstr(&text), want);
    buf_free(&text);
}

/* One read of the pass: [from, to] must be asked for; the answer has event 0 of the blocks named in a string such as
 * "5a 7a". */
static bool read(struct event_tracker *t, uint64_t from, uint64_t to, const char *answer)
{
    uint64_t asked_from, asked_to;
    struct log_entry logs[64];
    size_t n = 0;
    assert_true(tracker_read_begin(t, &asked_from, &asked_to, 1000));
    assert_int_equal(asked_from, from);
    assert_int_equal(asked_to, to);
    for (char *end; *answer; answer = end + 1 + (end[1] == ' ')) {
        uint64_t number = strtoull(answer, &end, 10);
        logs[n++] = make_log(number, *end, 0);
    }
    return tracker_read_done(t, logs, n, 2);
}

/* A tracker that is live at block 100a. */
static struct event_tracker *live_at_100(void)
{
    uint64_t from, to;
    struct event_tracker *t = start(UINT64_MAX);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_false(tracker_read_begin(t, &from, &to, 1000)); /* nothing to read, so it is caught up */
    assert_true(tracker_is_live(t));
    return t;
}

static void assert_wants_hash(struct event_tracker *t, uint64_t number, char fork)
{
    struct tracker_want want;
    uint8_t hash[32];
    block_hash(hash, number, fork);
    assert_true(tracker_want(t, &want));
    assert_true(want.by_hash);
    assert_memory_equal(want.hash, hash, 32);
}

static void assert_wants_nothing(struct event_tracker *t)
{
    struct tracker_want want;
    assert_false(tracker_want(t, &want));
}

/* ---- the stream ---- */

static void live_logs_are_told_once(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    live(t, 101, 'a', 0);
    expect(t, "+101a0");
    live(t, 101, 'a', 0);
    head(t, 101, 'a', 'a');
    live(t, 101, 'a', 1);
    live(t, 101, 'a', 0);
    expect(t, "+101a1");
    assert_wants_nothing(t);
    struct tracker_stats s;
    tracker_stats(t, &s);
    assert_int_equal(s.duplicates, 2);
    assert_int_equal(s.head_block, 101);
    tracker_free(t);
}

static void timestamps_come_from_heads_or_logs(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    struct tracked k;
    live(t, 101, 'a', 0);
    assert_true(tracker_next(t, &k));
    assert_int_equal(k.origin.block_timestamp_s, 0);
    tracked_free(&k);
    head(t, 101, 'a', 'a');
    live(t, 101, 'a', 1);
    assert_true(tracker_next(t, &k));
    assert_int_equal(k.origin.block_timestamp_s, 201);
    tracked_free(&k);
    struct log_entry log = make_log(102, 'a', 0);
    assert_true(tracker_lacks_timestamp(t, &log));
    log.block_timestamp_s = 77;
    assert_false(tracker_lacks_timestamp(t, &log));
    tracker_log(t, &log, 1);
    assert_true(tracker_next(t, &k));
    assert_int_equal(k.origin.block_timestamp_s, 77);
    tracked_free(&k);
    log = make_log(101, 'a', 5);
    assert_false(tracker_lacks_timestamp(t, &log)); /* its head has told */
    tracker_free(t);
}

static void removed_takes_the_whole_block_back(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    live(t, 101, 'a', 0);
    live(t, 101, 'a', 1);
    live(t, 101, 'a', 2);
    expect(t, "+101a0 +101a1 +101a2");
    removed(t, 101, 'a', 1);
    expect(t, "-101a2 -101a1 -101a0");
    removed(t, 101, 'a', 0);
    removed(t, 105, 'x', 3); /* never told */
    live(t, 101, 'b', 0);
    expect(t, "+101b0");
    live(t, 101, 'a', 0); /* of an abandoned block: a head must say that it is back */
    expect(t, "");
    head(t, 101, 'a', 'a');
    expect(t, "-101b0 +101a0");
    tracker_free(t);
}

static void a_fork_is_taken_back_before_the_new_is_told(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    head(t, 101, 'a', 'a');
    live(t, 101, 'a', 0);
    live(t, 102, 'a', 0); /* before its head */
    expect(t, "+101a0 +102a0");
    live(t, 101, 'b', 0); /* contradicts a head */
    live(t, 102, 'b', 0); /* contradicts a log */
    expect(t, "");
    head(t, 101, 'b', 'a');
    expect(t, "-101a0 +101b0");
    head(t, 102, 'b', 'b'); /* only now is it known whose 102a was */
    expect(t, "-102a0 +102b0");
    assert_int_equal(tracker_urgency(t), TRACKER_NOW);
    tracker_free(t);
}

static void an_unknown_block_below_what_was_told_waits_for_its_head(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    live(t, 103, 'a', 0);
    live(t, 101, 'a', 0); /* the stream is out of order, or this is a fork */
    expect(t, "+103a0");
    assert_int_equal(tracker_urgency(t), TRACKER_SOON);
    head(t, 101, 'a', 'a');
    expect(t, "+101a0");
    live(t, 5000, 'z', 0); /* far ahead of any head */
    expect(t, "");
    tracker_free(t);
}

static void a_shorter_chain_takes_back_at_once(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 105; n++) {
        head(t, n, 'a', 'a');
        live(t, n, 'a', 0);
    }
    live(t, 106, 'a', 0); /* younger than any head: its own will come */
    expect(t, "+101a0 +102a0 +103a0 +104a0 +105a0 +106a0");
    head(t, 102, 'b', 'a');
    expect(t, "-105a0 -104a0 -103a0 -102a0");
    struct tracker_stats s;
    tracker_stats(t, &s);
    assert_int_equal(s.head_block, 102);
    assert_int_equal(s.reorgs, 1);
    tracker_free(t);
}

static void a_head_that_does_not_link_is_walked_down(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 104; n++) {
        head(t, n, 'a', 'a');
        live(t, n, 'a', 0);
    }
    expect(t, "+101a0 +102a0 +103a0 +104a0");
    head(t, 105, 'b', 'b');
    assert_wants_hash(t, 104, 'b');
    expect(t, "");
    header(t, 104, 'b', 'b');
    header(t, 77, 'q', 'q'); /* nobody asked */
    assert_wants_hash(t, 103, 'b');
    head(t, 106, 'b', 'b'); /* more of the same meanwhile */
    assert_wants_hash(t, 103, 'b');
    header(t, 103, 'b', 'a');
    expect(t, "-104a0 -103a0");
    assert_wants_nothing(t);
    assert_int_equal(tracker_urgency(t), TRACKER_NOW);
    assert_true(read(t, 101, 106, "101a 102a 104b 106b"));
    expect(t, "+104b0 +106b0");
    tracker_free(t);
}

static void a_fork_and_back_again(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    head(t, 101, 'a', 'a');
    live(t, 101, 'a', 0);
    head(t, 101, 'b', 'a');
    live(t, 101, 'b', 0);
    expect(t, "+101a0 -101a0 +101b0");
    assert_true(read(t, 101, 101, "101b"));
    assert_int_equal(tracker_urgency(t), TRACKER_IDLE);
    head(t, 102, 'a', 'a'); /* its parent was left, and is known */
    expect(t, "-101b0");
    assert_wants_nothing(t);
    assert_int_equal(tracker_urgency(t), TRACKER_NOW);
    assert_true(read(t, 101, 102, "101a"));
    expect(t, "+101a0");
    tracker_free(t);
}

static void a_block_that_is_back_is_read_again_though_nothing_stood_in_its_place(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    head(t, 101, 'a', 'a');
    live(t, 101, 'a', 0);
    removed(t, 101, 'a', 0); /* and then the stream breaks off, say */
    expect(t, "+101a0 -101a0");
    (void)read(t, 101, 101, "");
    head(t, 102, 'a', 'a');
    assert_int_equal(tracker_urgency(t), TRACKER_NOW);
    assert_true(read(t, 101, 102, "101a"));
    expect(t, "+101a0");
    removed(t, 104, 'a', 0);
    head(t, 103, 'a', 'a');
    (void)read(t, 101, 103, "101a");
    head(t, 104, 'a', 'a'); /* so it is there after all */
    assert_int_equal(tracker_urgency(t), TRACKER_NOW);
    tracker_free(t);
}

static void late_heads_fit_in_or_say_nothing(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    head(t, 99, 'a', 'a'); /* the parent of the first head */
    head(t, 42, 'x', 'x'); /* another endpoint that lags */
    assert_wants_nothing(t);
    expect(t, "");
    struct tracker_stats s;
    tracker_stats(t, &s);
    assert_int_equal(s.head_block, 100);
    live(t, 98, 'b', 0);
    expect(t, "+98b0");
    head(t, 98, 'a', 'a'); /* the parent again: so what was claimed there is wrong */
    expect(t, "-98b0");
    poll(t, 99, 'z'); /* older than what is known: an endpoint that lags on another fork */
    assert_wants_nothing(t);
    tracker_free(t);
}

/* ---- holding ---- */

static void live_logs_wait_for_the_past(void **state)
{
    (void)state;
    uint64_t from, to;
    struct event_tracker *t = start(90);
    tracker_stream_up(t);
    live(t, 101, 'a', 0);
    assert_false(tracker_read_begin(t, &from, &to, 1000)); /* no head yet */
    poll(t, 100, 'a');
    expect(t, "");
    assert_true(tracker_is_holding(t));
    assert_true(read(t, 90, 100, "95a 100a"));
    expect(t, "+95a0 +100a0 +101a0");
    assert_true(tracker_is_live(t));
    tracker_free(t);
}

static void only_a_pass_up_to_a_fresh_head_lets_them_go(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    tracker_stream_down(t);
    assert_false(tracker_is_live(t));
    tracker_stream_up(t);
    live(t, 104, 'a', 0);
    tracker_request_pass(t);
    head(t, 101, 'a', 'a'); /* what is known of the chain is this much … */
    assert_true(read(t, 101, 101, "101a"));
    expect(t, "+101a0 +104a0");
    assert_true(tracker_is_live(t));
    tracker_stream_down(t);
    poll(t, 105, 'a');
    tracker_request_pass(t);
    tracker_stream_up(t);
    live(t, 109, 'a', 0);
    assert_true(read(t, 101, 105, "101a 102a 104a 105a")); /* no head since it is up: blocks may be missing */
    expect(t, "+102a0 +105a0");
    assert_false(tracker_is_live(t));
    poll(t, 108, 'a');
    assert_true(read(t, 101, 108, "101a 102a 104a 105a 107a"));
    expect(t, "+107a0 +109a0");
    assert_true(tracker_is_live(t));
    tracker_free(t);
}

static void held_logs_may_overtake(void **state)
{
    (void)state;
    struct event_tracker *t = start(90);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    live(t, 101, 'a', 0);
    tracker_stop_holding(t);
    live(t, 102, 'a', 0);
    expect(t, "+101a0 +102a0");
    assert_false(tracker_is_live(t));
    assert_true(read(t, 90, 100, "95a"));
    expect(t, "+95a0");
    assert_true(tracker_is_live(t));
    tracker_free(t);
}

static void what_was_held_when_the_stream_broke_is_read_instead(void **state)
{
    (void)state;
    struct event_tracker *t = start(90);
    tracker_stream_up(t);
    live(t, 95, 'x', 0); /* of a fork that nobody will ever mention again */
    tracker_stream_down(t);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_true(read(t, 90, 100, ""));
    expect(t, "");
    struct tracker_stats s;
    tracker_stats(t, &s);
    assert_int_equal(s.held, 0);
    tracker_free(t);
}

/* More than is held: dropped, and the pass behind the next one reads it. */
static void a_flood_while_holding_is_read_back(void **state)
{
    (void)state;
    uint64_t from, to;
    struct tracker_stats s;
    struct event_tracker *t = start(90);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_true(tracker_read_begin(t, &from, &to, 1000));
    for (uint64_t i = 0; i < 70000; i++)
        live(t, 101 + i / 1000, 'a', i % 1000);
    tracker_stats(t, &s);
    assert_true(s.held < 70000);
    head(t, 171, 'a', 'a');
    assert_true(tracker_read_done(t, NULL, 0, 2));
    assert_false(tracker_is_live(t)); /* not this pass: it began before the flood */
    assert_true(tracker_read_begin(t, &from, &to, 1000));
    assert_int_equal(to, 171);
    assert_true(tracker_read_done(t, NULL, 0, 2));
    assert_true(tracker_is_live(t));
    tracker_free(t);
}

/* ---- reading ---- */

static void what_lies_deep_is_settled(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = start(50);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_true(read(t, 50, 100, "60a 95a"));
    expect(t, "+60a0 +95a0");
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 100 - OVERLAP);
    head(t, 101, 'a', 'a');
    tracker_request_pass(t);
    assert_true(read(t, 93, 101, "95a 97a")); /* 97 was not known to the endpoint that answered first */
    expect(t, "+97a0");
    tracker_free(t);
}

static void a_failed_read_is_asked_again_in_parts(void **state)
{
    (void)state;
    uint64_t from, to;
    struct event_tracker *t = start(1);
    tracker_stream_up(t);
    poll(t, 30, 'a');
    assert_true(tracker_read_begin(t, &from, &to, 1000));
    tracker_read_failed(t);
    for (uint64_t at = 1; at <= 30; at += 7) {
        assert_true(tracker_read_begin(t, &from, &to, 7));
        assert_int_equal(from, at);
        assert_int_equal(to, at + 6 < 30 ? at + 6 : 30);
        assert_true(tracker_read_done(t, NULL, 0, 1));
    }
    assert_true(tracker_is_live(t));
    assert_false(tracker_read_begin(t, &from, &to, 7));
    tracker_free(t);
}

static void an_answer_that_lacks_what_was_told_settles_nothing(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 120; n++)
        head(t, n, 'a', 'a');
    live(t, 103, 'a', 0);
    live(t, 110, 'a', 0);
    expect(t, "+103a0 +110a0");
    tracker_request_pass(t);
    assert_false(read(t, 101, 120, "110a"));
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 102);
    assert_int_equal(tracker_urgency(t), TRACKER_SOON);
    assert_true(read(t, 103, 120, "103a 110a"));
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 112);
    expect(t, "");
    tracker_free(t);
}

static void an_answer_from_another_fork_is_left_alone(void **state)
{
    (void)state;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 105; n++)
        head(t, n, 'a', 'a');
    tracker_request_pass(t);
    assert_false(read(t, 101, 105, "102b 104a"));
    expect(t, "+104a0");
    assert_wants_nothing(t); /* 102a is certain */
    tracker_free(t);
}

/* Two answers claim different blocks, and no head has seen either: the header of that number decides. */
static void contested_blocks_are_compared_with_the_chain(void **state)
{
    (void)state;
    struct tracker_want want;
    struct event_tracker *t = start(50);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_true(read(t, 50, 100, "94b 96b"));
    expect(t, "+94b0 +96b0");
    tracker_request_pass(t);
    assert_false(read(t, 93, 100, "94a 96a"));
    expect(t, "");
    assert_true(tracker_want(t, &want));
    assert_false(want.by_hash);
    assert_int_equal(want.number, 96);
    header(t, 96, 'a', 'a');
    expect(t, "");
    assert_wants_hash(t, 95, 'a');
    header(t, 95, 'a', 'a');
    header(t, 94, 'a', 'a');
    expect(t, "-96b0 -94b0");
    assert_true(read(t, 93, 100, "94a 96a"));
    expect(t, "+94a0 +96a0");
    tracker_free(t);
}

/* A fork is walked down to blocks that only logs had claimed: what they claimed below is checked, one by one. */
static void a_walk_that_ends_on_claims_checks_them(void **state)
{
    (void)state;
    struct tracker_want want;
    struct event_tracker *t = start(50);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_true(read(t, 50, 100, "85x 90a 95a 98a"));
    expect(t, "+85x0 +90a0 +95a0 +98a0");
    head(t, 101, 'b', 'b');
    for (uint64_t n = 100; n >= 96; n--) {
        assert_wants_hash(t, n, 'b');
        header(t, n, 'b', n == 96 ? 'a' : 'b');
    }
    expect(t, "-98a0");
    assert_true(tracker_want(t, &want) && !want.by_hash && want.number == 90);
    header(t, 90, 'a', 'a');
    assert_true(tracker_want(t, &want) && !want.by_hash && want.number == 85);
    header(t, 85, 'a', 'a');
    expect(t, "-85x0");
    assert_wants_nothing(t);
    tracker_free(t);
}

/* Heads that were missed: the block below the gap is checked, and found to be of a fork. */
static void a_fork_across_a_gap_is_found(void **state)
{
    (void)state;
    struct tracker_want want;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 104; n++) {
        head(t, n, 'a', 'a');
        live(t, n, 'a', 0);
    }
    expect(t, "+101a0 +102a0 +103a0 +104a0");
    poll(t, 200, 'b');
    assert_true(tracker_want(t, &want));
    assert_false(want.by_hash);
    assert_int_equal(want.number, 104);
    header(t, 104, 'b', 'b');
    assert_wants_hash(t, 103, 'b');
    header(t, 103, 'b', 'a');
    expect(t, "-104a0 -103a0");
    assert_wants_nothing(t);
    assert_int_equal(tracker_urgency(t), TRACKER_NOW);
    assert_true(read(t, 101, 200, "101a 102a 103b 150b"));
    expect(t, "+103b0 +150b0");
    tracker_free(t);
}

/* A fork deeper than the overlap: its blocks are not settled by the very next answer, which may be an old one. */
static void a_deep_fork_is_not_settled_at_once(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 120; n++)
        head(t, n, 'a', 'a');
    tracker_request_pass(t);
    assert_true(read(t, 101, 120, ""));
    head(t, 121, 'b', 'b');
    for (uint64_t n = 120; n >= 105; n--)
        header(t, n, 'b', n == 105 ? 'a' : 'b');
    assert_true(read(t, 105, 121, "")); /* of an endpoint that has not seen the fork */
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 104);
    for (uint64_t n = 122; n <= 130; n++)
        head(t, n, 'b', 'b');
    tracker_request_pass(t);
    assert_true(read(t, 105, 130, "106b"));
    expect(t, "+106b0");
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 122);
    tracker_free(t);
}

static void nothing_settles_while_a_fork_is_being_walked(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 120; n++)
        head(t, n, 'a', 'a');
    head(t, 121, 'b', 'b'); /* from how far down? */
    tracker_request_pass(t);
    assert_true(read(t, 101, 121, ""));
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 100);
    tracker_free(t);
}

static void a_live_log_where_all_was_read_is_looked_into(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = start(50);
    tracker_stream_up(t);
    poll(t, 100, 'a');
    assert_true(read(t, 50, 100, ""));
    live(t, 80, 'a', 0);
    expect(t, "+80a0");
    tracker_stats(t, &s);
    assert_int_equal(s.settled_block, 79);
    live(t, 49, 'a', 0); /* before the start */
    expect(t, "");
    tracker_free(t);
}

/* ---- bounds and strangers ---- */

static void memory_is_bounded(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 60000; n++) { /* nothing can be read all the while */
        head(t, n, 'a', 'a');
        for (uint64_t i = 0; i < 10; i++)
            live(t, n, 'a', i);
        struct tracked k;
        while (tracker_next(t, &k))
            tracked_free(&k);
    }
    tracker_stats(t, &s);
    assert_int_equal(s.events, 10 * (60000 - 100));
    assert_true(s.blocks_kept <= 8192 && s.events_kept <= 262144);
    live(t, 101, 'a', 0); /* forgotten; told again it is not */
    removed(t, 102, 'a', 3);
    expect(t, "-102a3"); /* though it may be taken back */
    tracker_free(t);
}

static void a_followed_chain_keeps_little(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = live_at_100();
    for (uint64_t n = 101; n <= 5000; n++) {
        uint64_t from, to;
        head(t, n, 'a', 'a');
        tracker_request_pass(t);
        assert_true(tracker_read_begin(t, &from, &to, 1000));
        assert_true(tracker_read_done(t, NULL, 0, 1));
    }
    tracker_stats(t, &s);
    assert_true(s.blocks_kept <= 256 + 2 * OVERLAP);
    tracker_free(t);
}

static void strangers_are_not_told(void **state)
{
    (void)state;
    struct tracker_stats s;
    struct event_tracker *t = live_at_100();
    struct log_entry log = make_log(101, 'a', 0);
    log.address = jobs; /* ExecutorDrained of the Jobs contract */
    tracker_log(t, &log, 1);
    log = make_log(101, 'a', 1);
    log.n_topics = 1;
    tracker_log(t, &log, 1);
    assert_non_null(strstr(tracker_malformed(t)->msg, "topics"));
    log = make_log(101, 'a', 2);
    log.topics[0][0] ^= 1; /* not an event that we know */
    tracker_log(t, &log, 1);
    expect(t, "");
    tracker_stats(t, &s);
    assert_int_equal(s.malformed, 2);
    assert_int_equal(s.events, 0);
    tracker_request_pass(t);
    head(t, 101, 'a', 'a');
    assert_true(read(t, 101, 101, "500a")); /* an answer to another question */
    expect(t, "");
    tracker_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_logs_are_told_once),
        cmocka_unit_test(timestamps_come_from_heads_or_logs),
        cmocka_unit_test(removed_takes_the_whole_block_back),
        cmocka_unit_test(a_fork_is_taken_back_before_the_new_is_told),
        cmocka_unit_test(an_unknown_block_below_what_was_told_waits_for_its_head),
        cmocka_unit_test(a_shorter_chain_takes_back_at_once),
        cmocka_unit_test(a_head_that_does_not_link_is_walked_down),
        cmocka_unit_test(a_fork_and_back_again),
        cmocka_unit_test(a_block_that_is_back_is_read_again_though_nothing_stood_in_its_place),
        cmocka_unit_test(late_heads_fit_in_or_say_nothing),
        cmocka_unit_test(live_logs_wait_for_the_past),
        cmocka_unit_test(only_a_pass_up_to_a_fresh_head_lets_them_go),
        cmocka_unit_test(held_logs_may_overtake),
        cmocka_unit_test(what_was_held_when_the_stream_broke_is_read_instead),
        cmocka_unit_test(a_flood_while_holding_is_read_back),
        cmocka_unit_test(what_lies_deep_is_settled),
        cmocka_unit_test(a_failed_read_is_asked_again_in_parts),
        cmocka_unit_test(an_answer_that_lacks_what_was_told_settles_nothing),
        cmocka_unit_test(an_answer_from_another_fork_is_left_alone),
        cmocka_unit_test(contested_blocks_are_compared_with_the_chain),
        cmocka_unit_test(a_walk_that_ends_on_claims_checks_them),
        cmocka_unit_test(a_fork_across_a_gap_is_found),
        cmocka_unit_test(a_deep_fork_is_not_settled_at_once),
        cmocka_unit_test(nothing_settles_while_a_fork_is_being_walked),
        cmocka_unit_test(a_live_log_where_all_was_read_is_looked_into),
        cmocka_unit_test(memory_is_bounded),
        cmocka_unit_test(a_followed_chain_keeps_little),
        cmocka_unit_test(strangers_are_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
