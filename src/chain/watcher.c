/* The watcher: the event tracker's shell. The stream, the reader and two small requests (a header, the latest head)
 * feed the tracker; after each input, watcher_turn tells the user what came out and starts what the tracker wants.
 *
 * Reading goes on at once while a pass runs, waits out a back-off after a failure, and sweeps again over the unsettled
 * blocks now and then while heads come: soon after a (re)connection, less often later. */
#include "chain/watcher.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chain/event_tracker.h"
#include "chain/log_range.h"
#include "chain/log_reader.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define SWEEP_FIRST_MS 1000
#define SWEEP_MAX_MS 10000
#define SOON_MS 400
#define BACKOFF_FIRST_MS 250u
#define BACKOFF_MAX_MS 8000u
#define HEADER_RETRY_MS 300
#define POLL_MS 2000     /* while the stream is down */
#define HOLD_MAX_MS 1000 /* live logs wait so long for a backfill at most: the order is nice, a job's time is money */
#define LAG_MS 10000     /* what an endpoint may lag behind the stream: blocks are read again for so long */
#define LAG_BLOCKS_MAX 1024
#define HEAVY_PASS_LOGS 20000
#define BEHIND_BLOCKS 32 /* a leader whose head is so far behind a log that another endpoint has does not lead on */
#define MOVE_AGAIN_MS 10000
#define RENEW_FIRST_MS 10000 /* a stream that forgets is made anew so often at most, and less often each time */
#define RENEW_MAX_MS 600000

enum watcher_timer { TIMER_READ, TIMER_SWEEP, TIMER_HEADER, TIMER_POLL, TIMER_HOLD, TIMER_COUNT };

/* Where the head was, and when (monotonic). */
struct mark {
    uint64_t ms, number;
};

struct watcher {
    uv_loop_t *loop;
    struct rpc *rpc;
    struct watcher_events events;
    void *arg;
    struct event_tracker *tracker;
    struct log_reader *reader;
    struct log_range range;
    struct rpc_call *header_call, *poll_call;
    struct tracker_want header_wanted; /* by the call under way */
    uv_timer_t timers[TIMER_COUNT];
    unsigned timers_open;
    unsigned depth; /* of entries from the loop: memory is released when the last one has left */
    bool freed;
    bool was_up, ever_up, live;
    unsigned failures; /* reads failed in a row */
    uint64_t sweep_ms, soon_ms, header_retry_ms;
    uint64_t last_head_ms; /* monotonic, when the newest head came */
    uint64_t moved_ms;     /* monotonic, when another endpoint was made the leader */
    uint64_t renewed_ms, renew_again_ms;
    uint64_t unheard, backfilled; /* as the tracker last counted them */
    uint64_t last_head_number;
    uint8_t last_head_hash[32];
    uint64_t overlap;         /* of the configuration */
    size_t pass_logs;         /* read in this pass */
    bool heavy;               /* the last pass had more than one should read often */
    struct mark older, newer; /* where the head was, LAG_MS apart */
    uint64_t reconnects, malformed;
    uint64_t reorgs_logged, malformed_logged;
    uint64_t jitter;
};

static void watcher_turn(struct watcher *w);

/* ---- entering from the loop, and leaving for good ---- */

static void enter(struct watcher *w)
{
    w->depth++;
}

static void release(struct watcher *w)
{
    if (w->freed && w->depth == 0 && w->timers_open == 0)
        free(w);
}

static void leave(struct watcher *w)
{
    if (!w->freed)
        watcher_turn(w);
    w->depth--;
    release(w);
}

static void timer_closed(uv_handle_t *handle)
{
    struct watcher *w = handle->data;
    w->timers_open--;
    release(w);
}

void watcher_free(struct watcher *w)
{
    if (!w)
        return;
    assert(!w->freed);
    w->freed = true;
    rpc_stream_stop(w->rpc);
    rpc_cancel(w->header_call);
    rpc_cancel(w->poll_call);
    log_reader_free(w->reader);
    tracker_free(w->tracker);
    for (size_t i = 0; i < TIMER_COUNT; i++)
        uv_close((uv_handle_t *)&w->timers[i], timer_closed);
}

/* ---- timers ---- */

/* Up to a quarter more: nodes that were cut off together do not come back together. */
static uint64_t jittered(struct watcher *w, uint64_t ms)
{
    w->jitter = w->jitter * 6364136223846793005u + 1442695040888963407u;
    return ms + (w->jitter >> 33) % (ms / 4 + 1);
}

static void start_timer(struct watcher *w, enum watcher_timer which, uv_timer_cb fired, uint64_t ms)
{
    (void)uv_timer_start(&w->timers[which], fired, ms, 0);
}

static void stop_timer(struct watcher *w, enum watcher_timer which)
{
    (void)uv_timer_stop(&w->timers[which]);
}

static bool timer_runs(const struct watcher *w, enum watcher_timer which)
{
    return uv_is_active((const uv_handle_t *)&w->timers[which]) != 0;
}

/* ---- telling the user ---- */

static void tell(struct watcher *w)
{
    struct tracked k;
    while (!w->freed && tracker_next(w->tracker, &k)) {
        if (k.kind == TRACKED_EVENT)
            w->events.on_event(w->arg, &k.ev, &k.origin);
        else
            w->events.on_removed(w->arg, &k.ev, &k.origin);
        tracked_free(&k);
    }
}

static void tell_live(struct watcher *w)
{
    bool live = tracker_is_live(w->tracker);
    if (live == w->live)
        return;
    w->live = live;
    struct tracker_stats stats;
    tracker_stats(w->tracker, &stats);
    log_info("watcher_live", F_BOOL("live", live), F_U64("head", stats.head_block), F_U64("events", stats.events),
             F_U64("backfilled", stats.events_backfilled));
    if (live) {
        w->sweep_ms = SWEEP_FIRST_MS;
        stop_timer(w, TIMER_SWEEP); /* begun anew at the end of this turn */
        stop_timer(w, TIMER_HOLD);
    }
    w->events.on_live(w->arg, live);
}

/* An endpoint that sends rubbish does not fill the disk. */
static void log_oddities(struct watcher *w)
{
    struct tracker_stats stats;
    tracker_stats(w->tracker, &stats);
    if (stats.reorgs != w->reorgs_logged)
        log_info("reorg", F_U64("head", stats.head_block), F_U64("removed_total", stats.removed));
    if (stats.malformed != w->malformed_logged && log_is_worth(stats.malformed))
        log_warn("log_malformed", F_STR("error", tracker_malformed(w->tracker)->msg), F_U64("total", stats.malformed));
    w->reorgs_logged = stats.reorgs;
    w->malformed_logged = stats.malformed;
}

/* ---- heads ---- */

/* Blocks are settled when they lie `overlap` deep, or as many blocks as came in the last LAG_MS or two where that is
 * more: chains of four blocks a second outrun a lagging endpoint in no time. */
static void fit_overlap(struct watcher *w, uint64_t number)
{
    uint64_t now_ms = clock_mono_ms();
    if (w->newer.ms == 0)
        w->older = w->newer = (struct mark){ now_ms, number };
    if (now_ms - w->newer.ms < LAG_MS)
        return;
    uint64_t blocks = number > w->older.number ? number - w->older.number : 0;
    if (blocks > LAG_BLOCKS_MAX)
        blocks = LAG_BLOCKS_MAX;
    bool longer = blocks > w->overlap && !w->heavy;
    tracker_set_overlap(w->tracker, longer ? blocks : w->overlap);
    w->older = w->newer;
    w->newer = (struct mark){ now_ms, number };
}

/* Tells a head unless it was told; one that was asked for only when it is newer. */
static void take_head(struct watcher *w, const struct chain_head *head, bool polled)
{
    bool first = w->last_head_ms == 0;
    bool same = !first && memcmp(head->hash, w->last_head_hash, 32) == 0;
    tracker_head(w->tracker, head, polled);
    if (same || (polled && !first && head->number <= w->last_head_number))
        return;
    fit_overlap(w, head->number);
    w->last_head_ms = clock_mono_ms();
    w->last_head_number = head->number;
    memcpy(w->last_head_hash, head->hash, 32);
    w->events.on_head(w->arg, head);
}

static void poll_start(struct watcher *w);

static void poll_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    enter(w);
    poll_start(w);
    leave(w);
}

static void poll_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct watcher *w = arg;
    struct chain_head head;
    enter(w);
    w->poll_call = NULL;
    if (error->kind == RPC_ERR_NONE && chain_head_parse(&head, result, NULL) == 0)
        take_head(w, &head, true);
    if (!w->freed && !w->was_up)
        tracker_request_pass(w->tracker); /* nobody else brings events now */
    leave(w);
}

static void poll_start(struct watcher *w)
{
    stop_timer(w, TIMER_POLL);
    if (!w->poll_call)
        w->poll_call = rpc_request(w->rpc, "eth_getBlockByNumber", "[\"latest\",false]", 0, poll_done, w);
}

/* Heads come by the stream; while it is down, or has not said any, they are asked for. */
static void poll_while_blind(struct watcher *w)
{
    bool blind = !w->was_up || w->last_head_ms == 0;
    if (!blind)
        stop_timer(w, TIMER_POLL);
    else if (!w->poll_call && !timer_runs(w, TIMER_POLL))
        start_timer(w, TIMER_POLL, poll_due, jittered(w, POLL_MS));
}

/* ---- headers that the tracker wants ---- */

static void header_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    enter(w);
    leave(w);
}

static void header_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct watcher *w = arg;
    struct chain_head head;
    enter(w);
    w->header_call = NULL;
    if (error->kind == RPC_ERR_NONE && chain_head_parse(&head, result, NULL) == 0) {
        w->header_retry_ms = HEADER_RETRY_MS;
        tracker_header(w->tracker, &head);
    } else { /* not known there yet, or no answer */
        start_timer(w, TIMER_HEADER, header_due, jittered(w, w->header_retry_ms));
        w->header_retry_ms = w->header_retry_ms * 2 < BACKOFF_MAX_MS ? w->header_retry_ms * 2 : BACKOFF_MAX_MS;
    }
    leave(w);
}

static void header_start(struct watcher *w)
{
    struct buf params = { 0 };
    const struct tracker_want *want = &w->header_wanted;
    if (want->by_hash) {
        buf_puts(&params, "[\"");
        hex_append0x(&params, want->hash, 32);
        buf_puts(&params, "\",false]");
    } else {
        buf_printf(&params, "[\"0x%llx\",false]", (unsigned long long)want->number);
    }
    if (want->by_hash) /* a hash cannot be answered from another fork: whoever has it */
        w->header_call = rpc_race(w->rpc, "eth_getBlockByHash", buf_cstr(&params), 0, header_done, w);
    else
        w->header_call = rpc_request(w->rpc, "eth_getBlockByNumber", buf_cstr(&params), 0, header_done, w);
    buf_free(&params);
}

static bool same_want(const struct tracker_want *a, const struct tracker_want *b)
{
    return a->by_hash == b->by_hash && a->number == b->number && memcmp(a->hash, b->hash, 32) == 0;
}

static void fetch_header(struct watcher *w)
{
    struct tracker_want want;
    if (!tracker_want(w->tracker, &want))
        return;
    bool same = same_want(&want, &w->header_wanted);
    if (w->header_call && same)
        return;
    if (timer_runs(w, TIMER_HEADER) && same)
        return;
    rpc_cancel(w->header_call);
    stop_timer(w, TIMER_HEADER);
    if (!same)
        w->header_retry_ms = HEADER_RETRY_MS;
    w->header_wanted = want;
    header_start(w);
}

/* ---- reading ---- */

static void read_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    enter(w);
    leave(w);
}

static void read_soon_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    enter(w);
    tracker_request_pass(w->tracker);
    leave(w);
}

static void back_off(struct watcher *w, const struct log_read *read)
{
    uint64_t ms = BACKOFF_FIRST_MS << (w->failures < 6 ? w->failures : 6);
    ms = jittered(w, ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
    w->failures++;
    log_warn("get_logs_failed", F_U64("from", read->from), F_U64("to", read->to), F_STR("error", read->why),
             F_U64("again_in_ms", ms));
    start_timer(w, TIMER_READ, read_due, ms);
}

/* An endpoint that fails twice without saying why may mean the range all the same. */
static void read_refused(struct watcher *w, const struct log_read *read)
{
    bool blame_range = read->outcome == LOG_READ_REFUSED || w->failures >= 1;
    bool smaller = blame_range && log_range_refused(&w->range, read->from, read->to, read->why);
    if (smaller && read->outcome == LOG_READ_REFUSED && w->failures == 0)
        log_info("get_logs_range", F_U64("refused", read->to - read->from + 1), F_U64("next", w->range.size),
                 F_STR("error", read->why));
    else
        back_off(w, read);
    tracker_read_failed(w->tracker);
}

/* A live stream whose events have to be read back: the next ones are looked for soon, and where it has indeed forgotten
 * some, it is made anew. At last in a turn: the user may be told, who may free us. */
static void mind_forgotten(struct watcher *w)
{
    struct tracker_stats s;
    uint64_t now_ms = clock_mono_ms();
    tracker_stats(w->tracker, &s);
    bool forgot = s.unheard != w->unheard, looks_so = w->live && s.events_backfilled != w->backfilled;
    w->unheard = s.unheard;
    w->backfilled = s.events_backfilled;
    if (forgot || looks_so) {
        w->sweep_ms = SWEEP_FIRST_MS;
        stop_timer(w, TIMER_SWEEP); /* begun anew at the end of this turn */
    }
    if (!forgot || (w->renewed_ms != 0 && now_ms - w->renewed_ms < w->renew_again_ms))
        return;
    w->renewed_ms = now_ms;
    w->renew_again_ms = w->renew_again_ms * 2 < RENEW_MAX_MS ? w->renew_again_ms * 2 : RENEW_MAX_MS;
    log_warn("stream_forgets", F_U64("events_total", s.unheard));
    rpc_stream_renew(w->rpc, "it did not tell all events");
}

static void read_done(void *arg, struct log_read *read)
{
    struct watcher *w = arg;
    enter(w);
    w->malformed += read->malformed;
    if (read->outcome != LOG_READ_OK) {
        read_refused(w, read);
    } else {
        w->failures = 0;
        log_range_accepted(&w->range, read->to - read->from + 1, read->n);
        bool sound = tracker_read_done(w->tracker, read->logs, read->n, read->received_us);
        w->soon_ms = sound ? SOON_MS : w->soon_ms * 2 < SWEEP_MAX_MS ? w->soon_ms * 2 : SWEEP_MAX_MS;
        w->pass_logs += read->n;
        if (!tracker_in_pass(w->tracker)) {
            w->heavy = w->pass_logs > HEAVY_PASS_LOGS;
            w->pass_logs = 0;
        }
        free(read->logs);
        mind_forgotten(w);
    }
    leave(w);
}

static void go_on_reading(struct watcher *w)
{
    uint64_t from, to;
    if (log_reader_busy(w->reader) || (w->failures > 0 && timer_runs(w, TIMER_READ)))
        return;
    if (!tracker_in_pass(w->tracker) && tracker_urgency(w->tracker) == TRACKER_SOON) {
        if (!timer_runs(w, TIMER_READ))
            start_timer(w, TIMER_READ, read_soon_due, jittered(w, w->soon_ms));
        return;
    }
    if (tracker_read_begin(w->tracker, &from, &to, w->range.size)) {
        stop_timer(w, TIMER_READ);
        log_reader_start(w->reader, from, to);
    }
}

/* Sweeps while heads come, and for a while after the last one. */
static void sweep_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    enter(w);
    if (w->last_head_ms + 2 * w->sweep_ms + SWEEP_FIRST_MS >= clock_mono_ms())
        tracker_request_pass(w->tracker);
    w->sweep_ms = w->sweep_ms * 2 < SWEEP_MAX_MS ? w->sweep_ms * 2 : SWEEP_MAX_MS;
    leave(w);
}

/* ---- the turn ---- */

/* After anything came in: tells what it means, then starts what is wanted. A callback may free the watcher. */
static void watcher_turn(struct watcher *w)
{
    tell(w);
    if (!w->freed)
        go_on_reading(w); /* which may end a pass and so let held logs go */
    if (!w->freed)
        tell(w);
    if (!w->freed)
        tell_live(w);
    if (w->freed)
        return;
    log_oddities(w);
    fetch_header(w);
    poll_while_blind(w);
    if (!timer_runs(w, TIMER_SWEEP))
        start_timer(w, TIMER_SWEEP, sweep_due, jittered(w, w->sweep_ms));
}

/* ---- the stream ---- */

static void hold_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    enter(w);
    log_warn("backfill_slow", F_STR("effect", "live events go out before older ones are read"));
    tracker_stop_holding(w->tracker);
    leave(w);
}

static void on_up(void *arg)
{
    struct watcher *w = arg;
    enter(w);
    w->reconnects += w->ever_up;
    w->was_up = w->ever_up = true;
    w->failures = 0; /* whatever ailed may be over */
    tracker_stream_up(w->tracker);
    poll_start(w);
    start_timer(w, TIMER_HOLD, hold_due, HOLD_MAX_MS);
    leave(w);
}

static void on_down(void *arg, const char *reason)
{
    struct watcher *w = arg;
    enter(w);
    w->was_up = false;
    log_warn("stream_lost", F_STR("reason", reason));
    tracker_stream_down(w->tracker);
    stop_timer(w, TIMER_HOLD);
    leave(w);
}

/* Nothing was missed unless the new leader has kept something back: a pass looks, and live logs do not wait for it. */
static void on_switch(void *arg, const char *reason)
{
    struct watcher *w = arg;
    enter(w);
    w->reconnects++;
    log_warn("stream_switched", F_STR("reason", reason));
    tracker_request_pass(w->tracker);
    poll_start(w);
    leave(w);
}

static void note_rubbish(struct watcher *w, const char *event, const struct err *e)
{
    if (log_is_worth(++w->malformed))
        log_warn(event, F_ERR(e), F_U64("total", w->malformed));
}

static void on_head(void *arg, const struct json *json)
{
    struct watcher *w = arg;
    struct chain_head head;
    struct err e = { 0 };
    enter(w);
    if (chain_head_parse(&head, json, &e) == 0)
        take_head(w, &head, false);
    else
        note_rubbish(w, "head_malformed", &e);
    leave(w);
}

/* A leader that lags would have the newest events wait for its heads. */
static void compare_with_leader(struct watcher *w, uint64_t number)
{
    uint64_t now_ms = clock_mono_ms();
    bool behind = w->last_head_ms != 0 && number > w->last_head_number + BEHIND_BLOCKS;
    if (!behind || (w->moved_ms != 0 && now_ms - w->moved_ms < MOVE_AGAIN_MS))
        return;
    w->moved_ms = now_ms;
    rpc_stream_move(w->rpc, "its head is far behind another endpoint's events");
}

/* What is taken back counts from the leader alone: another endpoint may be behind it, and of another opinion. */
static void on_log(void *arg, const struct json *json, bool leading)
{
    uint64_t now_us = clock_mono_us();
    struct watcher *w = arg;
    struct log_entry log;
    struct err e = { 0 };
    enter(w);
    if (log_entry_parse(&log, json, &e) < 0) {
        note_rubbish(w, "log_malformed", &e);
    } else if (log.removed && !leading) {
        log_entry_free(&log);
    } else {
        uint64_t number = log.block_number;
        tracker_log(w->tracker, &log, now_us);
        if (!leading)
            compare_with_leader(w, number); /* at last: on_switch may tell the user, who may free us */
    }
    leave(w);
}

/* ---- life ---- */

static void init_timers(struct watcher *w)
{
    for (size_t i = 0; i < TIMER_COUNT; i++) {
        (void)uv_timer_init(w->loop, &w->timers[i]);
        w->timers[i].data = w;
        w->timers_open++;
    }
}

struct watcher *watcher_new(uv_loop_t *loop, struct rpc *rpc, const struct watcher_config *config, uint64_t from,
                            const struct watcher_events *events, void *arg, struct err *e)
{
    static const struct rpc_stream_events stream = {
        .on_up = on_up, .on_down = on_down, .on_switch = on_switch, .on_head = on_head, .on_log = on_log
    };
    (void)e;
    struct tracker_config tracked = {
        .executors = config->executors, .jobs = config->jobs, .overlap_blocks = config->overlap_blocks, .start = from
    };
    struct watcher *w = xcalloc(1, sizeof *w);
    *w = (struct watcher){ .loop = loop,
                           .rpc = rpc,
                           .events = *events,
                           .arg = arg,
                           .overlap = config->overlap_blocks,
                           .sweep_ms = SWEEP_FIRST_MS,
                           .soon_ms = SOON_MS,
                           .header_retry_ms = HEADER_RETRY_MS,
                           .renew_again_ms = RENEW_FIRST_MS / 2,
                           .jitter = clock_mono_us() };
    w->tracker = tracker_new(&tracked);
    w->reader = log_reader_new(rpc, w->tracker, &config->executors, &config->jobs, read_done, w);
    log_range_init(&w->range, config->max_range_blocks);
    init_timers(w);
    struct buf filter = { 0 };
    contracts_log_filter(&filter, &config->executors, &config->jobs, UINT64_MAX, UINT64_MAX);
    rpc_stream_start(rpc, buf_cstr(&filter), &stream, w);
    buf_free(&filter);
    start_timer(w, TIMER_POLL, poll_due, jittered(w, POLL_MS)); /* in case the stream does not come up */
    return w;
}

void watcher_stats(const struct watcher *w, struct watcher_stats *out)
{
    struct tracker_stats t;
    tracker_stats(w->tracker, &t);
    *out = (struct watcher_stats){ .head_block = t.head_block,
                                   .last_processed_block = t.settled_block,
                                   .events = t.events,
                                   .events_backfilled = t.events_backfilled,
                                   .duplicates = t.duplicates,
                                   .reorgs = t.reorgs,
                                   .reconnects = w->reconnects,
                                   .malformed = t.malformed + w->malformed,
                                   .live = w->live };
}
