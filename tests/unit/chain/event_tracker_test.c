/* The event tracker against a simulated chain: random forks, a stream that drops, doubles, swaps and breaks off, and
 * endpoints that lag, refuse and answer from abandoned forks. Whatever happens, no event is told twice without being
 * taken back, nothing is taken back that was not told, and in the end exactly the chain's events stand. */
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
#include "eth/keccak.h"
#include "util/buf.h"
#include "util/clock.h"

#define EVENTS_PER_BLOCK 4
#define BLOCKS_MAX 4096
#define MESSAGES_MAX 8192
#define OVERLAP 8

/* ---- the simulated chain ---- */

struct sim_block {
    uint64_t number;
    uint8_t hash[32];
    size_t parent; /* index; the first block is its own parent */
    size_t n_events;
    uint32_t tx[EVENTS_PER_BLOCK]; /* one event a transaction; a fork may carry it again */
    int told[EVENTS_PER_BLOCK];    /* what the tracker made us believe: 0 or 1 */
    bool ever_told[EVENTS_PER_BLOCK];
};

enum message_kind { MESSAGE_HEAD, MESSAGE_LOG, MESSAGE_REMOVED };

struct message {
    enum message_kind kind;
    size_t block, event;
};

struct queue {
    struct message m[MESSAGES_MAX];
    size_t head, tail;
};

/* What may go wrong in a run. */
struct faults {
    unsigned drop, twice, swap; /* per cent of stream messages */
    unsigned read_fails, header_fails;
    unsigned lag;       /* changes of the chain that an endpoint may not have seen */
    bool no_removed;    /* the endpoint never says removed:true */
    bool only_tip_head; /* of a fork's new blocks only the last is announced */
    bool cuts;
    unsigned fork_depth; /* guaranteed anywhere: the overlap less the lag; deeper where heads were followed */
    int calm_blocks;     /* mined and followed before trouble begins */
    unsigned max_range;
    bool newest_first; /* now and then older blocks are left out for later */
};

struct sim {
    uint64_t random;
    struct faults faults;
    struct sim_block blocks[BLOCKS_MAX];
    size_t n_blocks, head;
    size_t history[BLOCKS_MAX]; /* heads, one a change of the chain */
    size_t n_history;
    uint32_t next_tx;
    struct queue logs, heads;
    bool up;
    bool reading;
    uint64_t read_from, read_to;
    size_t read_view; /* the head that the answering endpoint has */
    struct event_tracker *t;
    uint64_t start;
    uint64_t last_number, last_index; /* of the last event told: for the order */
    bool in_order;
    size_t told, taken_back;
};

static uint32_t chance(struct sim *s, uint32_t n)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return (uint32_t)(s->random >> 33) % n;
}

static bool per_cent(struct sim *s, unsigned n)
{
    return chance(s, 100) < n;
}

static const struct address executors = { { 0xee } }, jobs = { { 0xdd } };

static size_t sim_add(struct sim *s, size_t parent)
{
    assert_true(s->n_blocks < BLOCKS_MAX);
    size_t i = s->n_blocks++;
    struct sim_block *b = &s->blocks[i];
    *b = (struct sim_block){ .number = i ? s->blocks[parent].number + 1 : 0, .parent = parent };
    uint64_t seed[2] = { i, 0x5eed };
    keccak256(b->hash, seed, sizeof seed);
    return i;
}

static size_t ancestor_at(const struct sim *s, size_t block, uint64_t number)
{
    while (s->blocks[block].number > number)
        block = s->blocks[block].parent;
    return block;
}

static bool on_chain(const struct sim *s, size_t head, size_t block)
{
    return s->blocks[head].number >= s->blocks[block].number && ancestor_at(s, head, s->blocks[block].number) == block;
}

static struct chain_head head_of(const struct sim *s, size_t i)
{
    struct chain_head h = { .number = s->blocks[i].number, .timestamp_s = 1000 + s->blocks[i].number };
    memcpy(h.hash, s->blocks[i].hash, 32);
    memcpy(h.parent_hash, s->blocks[s->blocks[i].parent].hash, 32);
    return h;
}

/* An ExecutorDrained whose enclave address names the transaction. */
static struct log_entry log_of(const struct sim *s, size_t i, size_t event, bool removed)
{
    const struct sim_block *b = &s->blocks[i];
    struct log_entry log = {
        .address = executors, .n_topics = 2, .block_number = b->number, .log_index = event, .removed = removed
    };
    for (size_t d = 0; d < EVENT_DEF_COUNT; d++)
        if (event_defs[d].type == EVENT_EXECUTOR_DRAINED)
            memcpy(log.topics[0], event_defs[d].topic0, 32);
    memcpy(log.topics[1] + 28, &b->tx[event], 4);
    memcpy(log.block_hash, b->hash, 32);
    memcpy(log.tx_hash, &b->tx[event], 4);
    return log;
}

static void queue_put(struct queue *q, struct message m)
{
    assert_true(q->tail < MESSAGES_MAX);
    q->m[q->tail++] = m;
}

static void announce(struct sim *s, size_t block, bool with_head)
{
    if (!s->up)
        return;
    for (size_t e = 0; e < s->blocks[block].n_events; e++)
        queue_put(&s->logs, (struct message){ MESSAGE_LOG, block, e });
    if (with_head)
        queue_put(&s->heads, (struct message){ MESSAGE_HEAD, block, 0 });
}

static void set_head(struct sim *s, size_t head)
{
    s->head = head;
    s->history[s->n_history++] = head;
}

static void sim_mine(struct sim *s)
{
    size_t b = sim_add(s, s->head);
    s->blocks[b].n_events = chance(s, EVENTS_PER_BLOCK + 1);
    for (size_t e = 0; e < s->blocks[b].n_events; e++)
        s->blocks[b].tx[e] = ++s->next_tx;
    set_head(s, b);
    announce(s, b, true);
}

/* Goes over to another chain that ends in head: what the stream says about it. */
static void switch_to(struct sim *s, size_t head)
{
    size_t old = s->head, path[64], n = 0;
    for (size_t b = old; !on_chain(s, head, b); b = s->blocks[b].parent)
        for (size_t e = s->blocks[b].n_events; s->up && !s->faults.no_removed && e-- > 0;)
            queue_put(&s->logs, (struct message){ MESSAGE_REMOVED, b, e });
    for (size_t b = head; !on_chain(s, old, b); b = s->blocks[b].parent)
        path[n++] = b;
    set_head(s, head);
    while (n-- > 0)
        announce(s, path[n], n == 0 || !s->faults.only_tip_head);
}

/* A new branch from depth blocks back, with most of the transactions again, in other blocks. */
static void sim_fork(struct sim *s)
{
    uint64_t depth = s->faults.fork_depth ? 1 + chance(s, s->faults.fork_depth) : 0, number = s->blocks[s->head].number;
    if (depth == 0 || depth >= number)
        return;
    size_t length = depth + chance(s, 3) - 1, at = ancestor_at(s, s->head, number - depth);
    uint32_t again[EVENTS_PER_BLOCK * 64];
    size_t n = 0, used = 0;
    for (uint64_t k = number - depth + 1; k <= number; k++) {
        const struct sim_block *b = &s->blocks[ancestor_at(s, s->head, k)];
        for (size_t e = 0; e < b->n_events; e++)
            again[n++] = b->tx[e];
    }
    for (size_t i = 0; i < (length ? length : 1); i++) {
        at = sim_add(s, at);
        struct sim_block *b = &s->blocks[at];
        for (size_t e = chance(s, EVENTS_PER_BLOCK + 1); e > 0; e--)
            b->tx[b->n_events++] = used < n && per_cent(s, 70) ? again[used++] : ++s->next_tx;
    }
    switch_to(s, at);
}

/* Back to a branch that was left, extended so that it wins. */
static void sim_fork_back(struct sim *s)
{
    size_t was = s->history[s->n_history - 1 - chance(s, s->n_history < 6 ? (uint32_t)s->n_history : 6)];
    if (s->faults.fork_depth == 0 || on_chain(s, s->head, was) ||
        s->blocks[was].number + s->faults.fork_depth < s->blocks[s->head].number)
        return;
    switch_to(s, sim_add(s, was));
}

/* ---- what the tracker says ---- */

static size_t find_block(const struct sim *s, const uint8_t hash[32])
{
    for (size_t i = s->n_blocks; i-- > 0;)
        if (memcmp(s->blocks[i].hash, hash, 32) == 0)
            return i;
    fail_msg("a block that never was");
    return 0;
}

static void check_order(struct sim *s, const struct tracked *k)
{
    if (k->kind == TRACKED_REMOVED) {
        s->last_number = s->last_index = 0;
        return;
    }
    if (k->origin.block_number < s->last_number ||
        (k->origin.block_number == s->last_number && k->origin.log_index < s->last_index))
        s->in_order = false;
    s->last_number = k->origin.block_number;
    s->last_index = k->origin.log_index;
}

static void drain(struct sim *s)
{
    struct tracked k;
    while (tracker_next(s->t, &k)) {
        struct sim_block *b = &s->blocks[find_block(s, k.origin.block_hash)];
        uint64_t e = k.origin.log_index;
        assert_true(e < b->n_events);
        assert_int_equal(k.origin.block_number, b->number);
        assert_int_equal(k.ev.type, EVENT_EXECUTOR_DRAINED);
        assert_memory_equal(k.ev.u.executor.enclave.b + 16, &b->tx[e], 4);
        assert_memory_equal(k.origin.tx_hash, &b->tx[e], 4);
        if (k.kind == TRACKED_EVENT) {
            assert_int_equal(b->told[e], 0);
            b->told[e] = 1;
            b->ever_told[e] = true;
            s->told++;
        } else {
            assert_int_equal(b->told[e], 1);
            b->told[e] = 0;
            s->taken_back++;
        }
        check_order(s, &k);
        tracked_free(&k);
    }
}

/* ---- the stream ---- */

static void deliver_message(struct sim *s, const struct message *m)
{
    if (m->kind == MESSAGE_HEAD) {
        struct chain_head h = head_of(s, m->block);
        tracker_head(s->t, &h, false);
    } else {
        struct log_entry log = log_of(s, m->block, m->event, m->kind == MESSAGE_REMOVED);
        tracker_log(s->t, &log, 1);
    }
    drain(s);
}

static void pump_one(struct sim *s, struct queue *q)
{
    if (q->head == q->tail)
        return;
    if (q->tail - q->head > 1 && per_cent(s, s->faults.swap)) {
        struct message first = q->m[q->head];
        q->m[q->head] = q->m[q->head + 1];
        q->m[q->head + 1] = first;
    }
    struct message m = q->m[q->head++];
    if (q->head == q->tail)
        q->head = q->tail = 0;
    if (per_cent(s, s->faults.drop))
        return;
    deliver_message(s, &m);
    if (per_cent(s, s->faults.twice))
        deliver_message(s, &m);
}

static void pump_all(struct sim *s)
{
    while (s->logs.head != s->logs.tail || s->heads.head != s->heads.tail)
        pump_one(s, chance(s, 2) ? &s->logs : &s->heads);
}

static void poll(struct sim *s);

static void stream_up(struct sim *s)
{
    s->up = true;
    tracker_stream_up(s->t);
    drain(s);
    poll(s);
}

static void stream_down(struct sim *s)
{
    s->up = false;
    s->logs.head = s->logs.tail = s->heads.head = s->heads.tail = 0;
    tracker_stream_down(s->t);
    drain(s);
}

/* ---- the endpoints ---- */

static size_t a_view(struct sim *s)
{
    size_t lag = s->faults.lag ? chance(s, s->faults.lag + 1) : 0;
    return s->history[s->n_history - 1 - (lag < s->n_history ? lag : s->n_history - 1)];
}

static void begin_read(struct sim *s)
{
    if (s->reading || !tracker_read_begin(s->t, &s->read_from, &s->read_to, s->faults.max_range)) {
        drain(s);
        return;
    }
    s->reading = true;
    s->read_view = a_view(s);
}

static void finish_read(struct sim *s)
{
    if (!s->reading)
        return;
    s->reading = false;
    if (per_cent(s, s->faults.read_fails) || s->read_from > s->blocks[s->read_view].number) {
        tracker_read_failed(s->t);
        return;
    }
    struct log_entry logs[EVENTS_PER_BLOCK * 256];
    size_t n = 0;
    for (uint64_t k = s->read_from; k <= s->read_to && k <= s->blocks[s->read_view].number; k++) {
        size_t b = ancestor_at(s, s->read_view, k);
        for (size_t e = 0; e < s->blocks[b].n_events; e++)
            logs[n++] = log_of(s, b, e, false);
        assert_true(n <= EVENTS_PER_BLOCK * 255);
    }
    (void)tracker_read_done(s->t, logs, n, 2);
    drain(s);
}

static void answer_want(struct sim *s)
{
    struct tracker_want want;
    if (!tracker_want(s->t, &want) || per_cent(s, s->faults.header_fails))
        return;
    size_t view = a_view(s);
    struct chain_head h;
    if (want.by_hash) {
        h = head_of(s, find_block(s, want.hash));
    } else {
        if (want.number > s->blocks[view].number)
            return;
        h = head_of(s, ancestor_at(s, view, want.number));
    }
    tracker_header(s->t, &h);
    drain(s);
}

static void poll(struct sim *s)
{
    struct chain_head h = head_of(s, a_view(s));
    tracker_head(s->t, &h, true);
    drain(s);
}

/* ---- runs ---- */

/* The stream is a few blocks late at most. */
static void keep_up(struct sim *s)
{
    while (s->logs.tail - s->logs.head > 12)
        pump_one(s, &s->logs);
    while (s->heads.tail - s->heads.head > 4)
        pump_one(s, &s->heads);
}

/* Leaves out some, or all that lie deep. */
static void newest_first(struct sim *s)
{
    struct tracker_stats stats;
    tracker_stats(s->t, &stats);
    uint64_t span = stats.head_block - stats.settled_block;
    if (s->reading || stats.head_block <= stats.settled_block)
        return;
    uint64_t recent = stats.settled_block + chance(s, (uint32_t)span + 1);
    (void)tracker_newest_first(s->t, recent, recent + chance(s, (uint32_t)span + 1));
}

/* What a restart would not read again must have been told. Without forks that can be said at any time. */
static void check_settled(const struct sim *s)
{
    struct tracker_stats stats;
    tracker_stats(s->t, &stats);
    for (size_t i = 0; i < s->n_blocks; i++)
        for (size_t e = 0; e < s->blocks[i].n_events; e++)
            if (s->blocks[i].number >= s->start && s->blocks[i].number <= stats.settled_block && !s->blocks[i].told[e])
                fail_msg("event %zu of block %llu counts as settled (up to %llu) and was not told", e,
                         (unsigned long long)s->blocks[i].number, (unsigned long long)stats.settled_block);
}

static void step(struct sim *s)
{
    uint32_t what = chance(s, 100);
    keep_up(s);
    if (s->faults.fork_depth == 0)
        check_settled(s);
    if (s->faults.newest_first && chance(s, 50) == 0)
        newest_first(s);
    if (what < 12)
        sim_mine(s);
    else if (what < 14)
        sim_fork(s);
    else if (what < 15)
        sim_fork_back(s);
    else if (what < 50)
        pump_one(s, chance(s, 2) ? &s->logs : &s->heads);
    else if (what < 65)
        begin_read(s);
    else if (what < 80)
        finish_read(s);
    else if (what < 93)
        answer_want(s);
    else if (what < 95)
        tracker_request_pass(s->t);
    else if (what < 97)
        poll(s);
    else if (s->faults.cuts && s->up)
        stream_down(s);
    else if (!s->up)
        stream_up(s);
}

static void settle_down(struct sim *s, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        begin_read(s);
        finish_read(s);
        answer_want(s);
    }
}

/* Everything works again, and the chain grows a little. */
static void quiesce(struct sim *s)
{
    unsigned range = s->faults.max_range;
    s->faults = (struct faults){ .max_range = range };
    if (!s->up)
        stream_up(s);
    for (int i = 0; i < 6 * OVERLAP; i++) {
        sim_mine(s);
        pump_all(s);
        tracker_request_pass(s->t);
        settle_down(s, 400);
    }
}

static void check_end(struct sim *s, uint64_t start, uint64_t seed)
{
    for (size_t i = 0; i < s->n_blocks; i++) {
        const struct sim_block *b = &s->blocks[i];
        bool chain = on_chain(s, s->head, i);
        for (size_t e = 0; e < b->n_events; e++) {
            if (!chain && b->told[e])
                fail_msg("seed %llu: block %llu of an abandoned fork still stands", (unsigned long long)seed,
                         (unsigned long long)b->number);
            if (chain && !b->told[e] && b->number >= start)
                fail_msg("seed %llu: event %zu of block %llu (head %llu) was lost", (unsigned long long)seed, e,
                         (unsigned long long)b->number, (unsigned long long)s->blocks[s->head].number);
        }
    }
    assert_true(tracker_is_live(s->t));
    struct tracker_stats stats;
    tracker_stats(s->t, &stats);
    assert_int_equal(stats.head_block, s->blocks[s->head].number);
    assert_true(stats.settled_block + 2 * OVERLAP >= stats.head_block);
    assert_int_equal(stats.held, 0);
    assert_int_equal(stats.parked, 0);
    assert_int_equal(stats.malformed, 0);
    assert_int_equal(stats.events, s->told);
    assert_int_equal(stats.removed, s->taken_back);
}

static struct sim *run(uint64_t seed, const struct faults *faults, uint64_t start, int steps)
{
    struct sim *s = xcalloc(1, sizeof *s);
    s->random = seed * 0x9e3779b97f4a7c15u + 1;
    s->faults = *faults;
    s->in_order = true;
    (void)sim_add(s, 0);
    set_head(s, 0);
    for (int i = 0; i < 30; i++)
        sim_mine(s);
    struct tracker_config config = { .executors = executors, .jobs = jobs, .overlap_blocks = OVERLAP, .start = start };
    s->t = tracker_new(&config);
    uint64_t from = start == UINT64_MAX ? s->blocks[s->head].number + 1 : start;
    s->start = from;
    stream_up(s);
    struct chain_head h = head_of(s, s->head);
    tracker_head(s->t, &h, true);
    for (int i = 0; i < faults->calm_blocks; i++) {
        sim_mine(s);
        pump_all(s);
        settle_down(s, 8);
    }
    for (int i = 0; i < steps; i++)
        step(s);
    size_t before_end = s->told;
    quiesce(s);
    assert_true(s->told >= before_end);
    check_end(s, from, seed);
    return s;
}

static void sim_free(struct sim *s)
{
    tracker_free(s->t);
    free(s);
}

static const uint64_t starts[] = { 0, 5, 20, UINT64_MAX };

/* SOAK=20 in the environment: twenty times as many runs. */
static void run_many(const struct faults *faults, uint64_t seeds, bool ordered)
{
    size_t told = 0, taken_back = 0;
    const char *soak = getenv("SOAK");
    seeds *= soak ? strtoull(soak, NULL, 10) : 1;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct faults f = *faults;
        f.newest_first = !ordered && (seed & 4);
        struct sim *s = run(seed, &f, starts[seed % 4], 600);
        if (ordered && !s->in_order)
            fail_msg("seed %llu: out of order", (unsigned long long)seed);
        if (f.fork_depth == 0 && s->taken_back > 0)
            fail_msg("seed %llu: took an event back without a fork", (unsigned long long)seed);
        told += s->told;
        taken_back += s->taken_back;
        sim_free(s);
    }
    print_message("%llu runs: %zu events told, %zu taken back\n", (unsigned long long)seeds, told, taken_back);
}

static void a_calm_chain_is_told_in_order(void **state)
{
    (void)state;
    run_many(&(struct faults){ .max_range = 7, .fork_depth = 0, .twice = 10, .read_fails = 20, .cuts = true }, 200,
             true);
}

static void what_is_settled_was_told(void **state)
{
    (void)state;
    struct faults faults = { .max_range = 3, .twice = 10, .read_fails = 20, .cuts = true };
    run_many(&faults, 200, false);
    faults.drop = faults.swap = 20;
    faults.lag = 3;
    faults.header_fails = 30;
    run_many(&faults, 400, false);
}

static void forks_with_an_honest_stream(void **state)
{
    (void)state;
    run_many(&(struct faults){ .max_range = 2000, .fork_depth = 5, .cuts = true }, 400, false);
}

static void forks_without_removed(void **state)
{
    (void)state;
    run_many(&(struct faults){ .max_range = 13, .fork_depth = 5, .cuts = true, .no_removed = true }, 400, false);
}

static void forks_announced_by_their_tip_alone(void **state)
{
    (void)state;
    run_many(&(struct faults){ .max_range = 50,
                               .fork_depth = 7,
                               .cuts = true,
                               .no_removed = true,
                               .only_tip_head = true,
                               .header_fails = 30 },
             400, false);
}

static void deep_forks_of_a_followed_chain(void **state)
{
    (void)state;
    struct faults faults = { .max_range = 200, .fork_depth = 40, .calm_blocks = 60, .no_removed = true, .twice = 10 };
    run_many(&faults, 200, false);
    faults.only_tip_head = true;
    run_many(&faults, 200, false);
}

static void a_lossy_stream_and_lagging_endpoints(void **state)
{
    (void)state;
    run_many(&(struct faults){ .max_range = 5,
                               .fork_depth = 4,
                               .cuts = true,
                               .drop = 20,
                               .twice = 20,
                               .swap = 20,
                               .lag = 3,
                               .read_fails = 20,
                               .header_fails = 20 },
             600, false);
}

static void everything_at_once(void **state)
{
    (void)state;
    run_many(&(struct faults){ .max_range = 3,
                               .fork_depth = 4,
                               .cuts = true,
                               .no_removed = true,
                               .only_tip_head = true,
                               .drop = 30,
                               .twice = 30,
                               .swap = 30,
                               .lag = 4,
                               .read_fails = 40,
                               .header_fails = 40 },
             600, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_calm_chain_is_told_in_order),        cmocka_unit_test(what_is_settled_was_told),
        cmocka_unit_test(forks_with_an_honest_stream),          cmocka_unit_test(forks_without_removed),
        cmocka_unit_test(forks_announced_by_their_tip_alone),   cmocka_unit_test(deep_forks_of_a_followed_chain),
        cmocka_unit_test(a_lossy_stream_and_lagging_endpoints), cmocka_unit_test(everything_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
