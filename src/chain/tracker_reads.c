/* The tracker's reading: passes over the blocks that are not settled, and what an answer to eth_getLogs proves. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tracker_impl.h"
#include "util/sat.h"

/* An answer that lacks what the stream told keeps blocks unsettled, but not for ever: so many times the overlap. */
#define DOUBT_OVERLAPS 4

/* A stream that has not told an event so long after it was read, or so long (by the chain's time) after its block, will
 * not tell it. */
#define UNHEARD_US 4000000u
#define UNHEARD_S 5u

/* ---- beginning ---- */

static void pass_start(struct event_tracker *t)
{
    t->pass.active = true;
    t->pass.counts = t->stream_up && t->head_since_up;
    t->pass.next = t->unsettled;
    t->urgency = TRACKER_IDLE;
}

static void note_caught_up(struct event_tracker *t)
{
    if (t->newest_read && block_gaps_all_read(&t->older))
        t->caught_up = true;
}

/* The pass has come to the newest head. */
static void pass_end(struct event_tracker *t)
{
    t->pass.active = false;
    t->older_wait = false;
    t->older_turn = true;
    if (!t->pass.counts)
        return;
    if (!t->newest_read)
        t->live_from = t->head_number + 1;
    t->newest_read = true;
    note_caught_up(t);
    tracker_stop_holding(t);
}

/* How deep a fork goes is being found out: what is read meanwhile may be of either side. */
static bool is_walking(const struct event_tracker *t)
{
    return t->ahead.n > 0 || t->side.n > 0 || t->window.n_suspect > 0;
}

static const struct block_gap *next_older(const struct event_tracker *t)
{
    return block_gaps_next(&t->older, !t->older_wait && !is_walking(t));
}

bool tracker_has_older(const struct event_tracker *t)
{
    return t->has_tip && next_older(t);
}

static bool begin(struct event_tracker *t, uint64_t *from, uint64_t *to)
{
    struct pass *p = &t->pass;
    p->reading = true;
    p->from = *from;
    p->to = *to;
    p->head = t->head_number;
    p->told_seq = t->told_seq;
    p->tainted_from = UINT64_MAX;
    return true;
}

static bool begin_older(struct event_tracker *t, uint64_t *from, uint64_t *to, uint64_t max_blocks)
{
    const struct block_gap *gap = next_older(t);
    t->older_turn = false;
    t->pass.older = true;
    *from = gap->from;
    *to = gap->to - gap->from < max_blocks ? gap->to : gap->from + max_blocks - 1;
    return begin(t, from, to);
}

bool tracker_read_begin(struct event_tracker *t, uint64_t *from, uint64_t *to, uint64_t max_blocks)
{
    struct pass *p = &t->pass;
    assert(!p->reading && max_blocks > 0);
    if (!t->has_tip)
        return false;
    if (!p->active && tracker_has_older(t) && (t->urgency != TRACKER_NOW || t->older_turn))
        return begin_older(t, from, to, max_blocks);
    if (!p->active && t->urgency == TRACKER_IDLE)
        return false;
    if (!p->active)
        pass_start(t);
    if (p->next > t->head_number) {
        pass_end(t);
        return tracker_has_older(t) && begin_older(t, from, to, max_blocks);
    }
    p->older = false;
    *from = p->next;
    *to = t->head_number - *from < max_blocks ? t->head_number : *from + max_blocks - 1;
    return begin(t, from, to);
}

void tracker_read_failed(struct event_tracker *t)
{
    t->pass.reading = false;
}

/* ---- the answer ---- */

static int compare_logs(const void *a, const void *b)
{
    const struct log_entry *x = a, *y = b;
    if (x->block_number != y->block_number)
        return x->block_number < y->block_number ? -1 : 1;
    return x->log_index < y->log_index ? -1 : x->log_index > y->log_index;
}

static void sort_logs(struct log_entry *logs, size_t n)
{
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++)
        sorted = compare_logs(&logs[i - 1], &logs[i]) <= 0;
    if (!sorted)
        qsort(logs, n, sizeof *logs, compare_logs);
}

/* The log's block contradicts what we know. Where no head has confirmed that knowledge, the header shall decide. */
static void doubt_block(struct event_tracker *t, const struct log_entry *log)
{
    struct block *living = block_window_living(&t->window, log->block_number);
    struct block *orphan = block_window_find(&t->window, log->block_number, log->block_hash);
    if (living && !tracker_is_certain(t, living))
        block_window_suspect(&t->window, living, true);
    else if (!living && orphan)
        block_window_suspect(&t->window, orphan, true);
}

/* Takes one log of the answer. False when it contradicts what is known. */
static bool take_read(struct event_tracker *t, struct log_entry *log, uint64_t received_us)
{
    if (log->block_number < t->pass.from || log->block_number > t->pass.to || log->removed) {
        t->stats.malformed++;
        log_entry_free(log);
        return true;
    }
    enum verdict verdict = tracker_judge(t, log, FROM_READ);
    if (verdict == LOG_TAKE) {
        tracker_take(t, log, FROM_READ, received_us);
        return true;
    }
    doubt_block(t, log);
    log_entry_free(log);
    return false;
}

/* Was one of b's events told before the read began, and is not in its answer? */
static bool lacks_an_event(const struct event_tracker *t, const struct block *b)
{
    for (size_t i = 0; i < b->n_events; i++) {
        const struct event_record *r = &b->events[i];
        if (r->delivered && r->told_seq <= t->pass.told_seq && r->read_seq != t->read_seq)
            return true;
    }
    return false;
}

/* The first block of the read whose events the answer lacks, or UINT64_MAX: the endpoint lags, or the block is gone. */
static uint64_t first_lacking(struct event_tracker *t)
{
    uint64_t first = UINT64_MAX, patience = DOUBT_OVERLAPS * t->config.overlap_blocks;
    for (size_t i = block_window_at(&t->window, t->pass.from); i < t->window.n; i++) {
        struct block *b = t->window.blocks[i];
        if (b->number > t->pass.to)
            break;
        if (b->status == BLOCK_ORPHAN || b->n_delivered == 0 || !lacks_an_event(t, b))
            continue;
        if (!tracker_is_certain(t, b))
            block_window_suspect(&t->window, b, true);
        if (first == UINT64_MAX && t->pass.head - b->number < patience)
            first = b->number;
    }
    return first;
}

static bool is_unheard(const struct event_tracker *t, const struct block *b, const struct event_record *r,
                       uint64_t now_us)
{
    if (!r->delivered || r->heard)
        return false;
    return now_us - r->received_us >= UNHEARD_US ||
           (b->timestamp_s && t->tip.timestamp_s >= b->timestamp_s + UNHEARD_S);
}

/* Each is counted once. */
static void note_unheard(struct event_tracker *t, uint64_t now_us)
{
    size_t i = t->pass.from > t->live_from ? block_window_at(&t->window, t->pass.from)
                                           : block_window_at(&t->window, t->live_from);
    for (; i < t->window.n && t->window.blocks[i]->number <= t->pass.to; i++) {
        struct block *b = t->window.blocks[i];
        for (size_t k = 0; k < b->n_events; k++)
            if (is_unheard(t, b, &b->events[k], now_us)) {
                b->events[k].heard = true;
                t->stats.unheard++;
            }
    }
}

uint64_t tracker_frontier(const struct event_tracker *t)
{
    return lower_of(t->unsettled, block_gaps_lowest(&t->older));
}

uint64_t tracker_backlog(const struct event_tracker *t)
{
    uint64_t next = t->pass.active ? t->pass.next : t->unsettled;
    if (!t->has_tip || !t->started)
        return 0;
    return sat_sub(sat_add(t->head_number, 1), sat_add(next, t->config.overlap_blocks));
}

bool tracker_newest_first(struct event_tracker *t, uint64_t recent, uint64_t urgent)
{
    assert(!t->pass.reading);
    if (tracker_backlog(t) == 0 || t->older.n + 2 > BLOCK_GAPS_MAX)
        return false;
    urgent = lower_of(urgent, t->head_number - t->config.overlap_blocks);
    if (urgent <= t->unsettled)
        return false;
    recent = recent < t->unsettled ? t->unsettled : lower_of(recent, urgent);
    block_gaps_add_first(&t->older, recent, urgent - 1);
    if (recent > t->unsettled)
        block_gaps_add_last(&t->older, t->unsettled, recent - 1);
    t->unsettled = t->base = urgent;
    t->older_turn = false;
    if (t->pass.active && t->pass.next < urgent)
        t->pass.next = urgent;
    return true;
}

/* Blocks below the answer's first contradiction, and deep enough below the head that was newest when it was asked for,
 * are settled. After a fork, what it changed waits until the chain has grown by the overlap: an endpoint that lags may
 * still answer from the old chain, however deep the fork was. */
static uint64_t settled_below(const struct event_tracker *t, uint64_t doubt)
{
    const struct pass *p = &t->pass;
    if (is_walking(t))
        return 0;
    uint64_t overlap = t->config.overlap_blocks;
    uint64_t deep = p->head >= overlap ? p->head - overlap + 1 : 0;
    uint64_t limit = lower_of(lower_of(p->to + 1, deep), lower_of(doubt, p->tainted_from));
    if (p->head < t->fork_until)
        limit = lower_of(limit, t->fork_from);
    return limit;
}

/* A read of a pass has ended. */
static void settle(struct event_tracker *t, uint64_t doubt)
{
    struct pass *p = &t->pass;
    uint64_t limit = settled_below(t, doubt);
    if (t->unsettled >= p->from && limit > t->unsettled)
        t->unsettled = limit;
    p->next = p->to + 1;
    if (p->to == p->head)
        pass_end(t);
}

/* One of older blocks has. Those that it did not settle wait. */
static void settle_older(struct event_tracker *t, uint64_t doubt)
{
    const struct pass *p = &t->pass;
    uint64_t limit = settled_below(t, doubt);
    block_gaps_close(&t->older, p->from, p->to, limit);
    t->older_wait = t->older_wait || limit <= p->to;
    note_caught_up(t);
}

bool tracker_read_done(struct event_tracker *t, struct log_entry *logs, size_t n, uint64_t received_us)
{
    struct pass *p = &t->pass;
    assert(p->reading);
    p->reading = false;
    t->read_seq++;
    sort_logs(logs, n);
    uint64_t doubt = UINT64_MAX;
    for (size_t i = 0; i < n; i++) {
        uint64_t number = logs[i].block_number;
        if (!take_read(t, &logs[i], received_us) && number < doubt)
            doubt = number;
    }
    doubt = lower_of(doubt, first_lacking(t));
    note_unheard(t, received_us);
    if (p->older)
        settle_older(t, doubt);
    else
        settle(t, doubt);
    if (doubt != UINT64_MAX)
        tracker_urge(t, TRACKER_SOON);
    tracker_trim(t);
    return doubt == UINT64_MAX;
}

bool tracker_lacks_timestamp(const struct event_tracker *t, const struct log_entry *log)
{
    if (log->block_timestamp_s != 0 || log->n_topics == 0)
        return false;
    const struct block *b = block_window_find(&t->window, log->block_number, log->block_hash);
    const struct event_record *r = b ? block_event_find(b, log->log_index, log->tx_hash) : NULL;
    return !(b && b->timestamp_s != 0) && !(r && r->delivered);
}
