/* The watcher: the event tracker's shell. The stream, the reader and two small requests (a header, the latest head)
 * feed the tracker; after each input, watcher_turn tells the user what came out and starts what the tracker wants. */
#include "chain/watcher.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "chain/watcher_impl.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/log.h"

#define HOLD_MAX_MS 1000 /* live logs wait so long for a backfill at most: the order is nice, a job's time is money */
#define BEHIND_BLOCKS 32 /* a leader whose head is so far behind a log that another endpoint has does not lead on */
#define MOVE_AGAIN_MS 10000

static void watcher_turn(struct watcher *w);

/* ---- entering from the loop, and leaving for good ---- */

void watcher_enter(struct watcher *w)
{
    w->depth++;
}

static void release(struct watcher *w)
{
    if (w->freed && w->depth == 0 && w->timers_open == 0)
        free(w);
}

void watcher_leave(struct watcher *w)
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
    rpc_cancel(w->newest.call);
    log_reader_free(w->reader);
    tracker_free(w->tracker);
    for (size_t i = 0; i < TIMER_COUNT; i++)
        uv_close((uv_handle_t *)&w->timers[i], timer_closed);
}

/* ---- timers ---- */

uint64_t watcher_jittered(struct watcher *w, uint64_t ms)
{
    w->jitter = w->jitter * 6364136223846793005u + 1442695040888963407u;
    return ms + (w->jitter >> 33) % (ms / 4 + 1);
}

void watcher_start_timer(struct watcher *w, enum watcher_timer which, uv_timer_cb fired, uint64_t ms)
{
    (void)uv_timer_start(&w->timers[which], fired, ms, 0);
}

void watcher_stop_timer(struct watcher *w, enum watcher_timer which)
{
    (void)uv_timer_stop(&w->timers[which]);
}

bool watcher_timer_runs(const struct watcher *w, enum watcher_timer which)
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
        watcher_stop_timer(w, TIMER_SWEEP); /* begun anew at the end of this turn */
        watcher_stop_timer(w, TIMER_HOLD);
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

/* ---- the turn ---- */

/* After anything came in: tells what it means, then starts what is wanted. A callback may free the watcher. */
static void watcher_turn(struct watcher *w)
{
    tell(w);
    if (!w->freed)
        watcher_read_on(w); /* which may end a pass and so let held logs go */
    if (!w->freed)
        tell(w);
    if (!w->freed)
        tell_live(w);
    if (w->freed)
        return;
    log_oddities(w);
    watcher_fetch_header(w);
    watcher_poll_while_blind(w);
    watcher_arm_sweep(w);
}

/* ---- the stream ---- */

static void hold_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    watcher_enter(w);
    log_warn("backfill_slow", F_STR("effect", "live events go out before older ones are read"));
    tracker_stop_holding(w->tracker);
    watcher_leave(w);
}

static void on_up(void *arg)
{
    struct watcher *w = arg;
    watcher_enter(w);
    w->reconnects += w->ever_up;
    w->was_up = w->ever_up = true;
    w->failures = 0; /* whatever ailed may be over */
    w->newest.again_ms = 0;
    tracker_stream_up(w->tracker);
    watcher_poll(w);
    watcher_start_timer(w, TIMER_HOLD, hold_due, HOLD_MAX_MS);
    watcher_leave(w);
}

static void on_down(void *arg, const char *reason)
{
    struct watcher *w = arg;
    watcher_enter(w);
    w->was_up = false;
    log_warn("stream_lost", F_STR("reason", reason));
    tracker_stream_down(w->tracker);
    watcher_stop_timer(w, TIMER_HOLD);
    watcher_leave(w);
}

/* Nothing was missed unless the new leader has kept something back: a pass looks, and live logs do not wait for it. */
static void on_switch(void *arg, const char *reason)
{
    struct watcher *w = arg;
    watcher_enter(w);
    w->reconnects++;
    log_warn("stream_switched", F_STR("reason", reason));
    tracker_request_pass(w->tracker);
    watcher_poll(w);
    watcher_leave(w);
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
    watcher_enter(w);
    if (chain_head_parse(&head, json, &e) == 0)
        watcher_take_head(w, &head, false);
    else
        note_rubbish(w, "head_malformed", &e);
    watcher_leave(w);
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
    watcher_enter(w);
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
    watcher_leave(w);
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
    w->reader = log_reader_new(rpc, w->tracker, &config->executors, &config->jobs, watcher_read_done, w);
    log_range_init(&w->range, config->max_range_blocks);
    init_timers(w);
    struct buf filter = { 0 };
    contracts_log_filter(&filter, &config->executors, &config->jobs, UINT64_MAX, UINT64_MAX);
    rpc_stream_start(rpc, buf_cstr(&filter), &stream, w);
    buf_free(&filter);
    watcher_poll_while_blind(w); /* in case the stream does not come up */
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
