/* The watcher's reading. It goes on at once while a pass runs, waits out a back-off after a failure, and sweeps again
 * over the unsettled blocks now and then while heads come: soon after a (re)connection, less often later.
 *
 * Where there is much to read back (hours, ten blocks at a time), the jobs that can still be answered are in the newest
 * blocks: those are read first. How many they are is found by the timestamps of a header or three. */
#include <stdlib.h>

#include "chain/watcher_impl.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/sat.h"

#define BACKOFF_FIRST_MS 250u
#define HEAVY_PASS_LOGS 20000
#define RENEW_MAX_MS 600000

/* Seconds of the chain's time. A job can be answered until its deadline and the contract's buffer are over. No contract
 * bounds the deadline, but its owner pays for each millisecond of it: most are seconds, few are minutes. */
#define ANSWERABLE_S 600u
#define URGENT_S 60u
#define LONG_READS 8 /* so many reads are not a moment */
#define SEARCH_HEADERS_MAX 6
#define SEARCH_FIRST_STEP 32
#define SEARCH_TIMEOUT_MS 2000
#define SEARCH_AGAIN_MS 60000 /* the newest blocks move on */
#define SEARCH_FAILED_MS 3000

static void read_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    watcher_enter(w);
    watcher_leave(w);
}

static void read_soon_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    watcher_enter(w);
    tracker_request_pass(w->tracker);
    watcher_leave(w);
}

static void back_off(struct watcher *w, const struct log_read *read)
{
    uint64_t ms = BACKOFF_FIRST_MS << (w->failures < 6 ? w->failures : 6);
    ms = watcher_jittered(w, ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS);
    w->failures++;
    log_warn("get_logs_failed", F_U64("from", read->from), F_U64("to", read->to), F_STR("error", read->why),
             F_U64("again_in_ms", ms));
    watcher_start_timer(w, TIMER_READ, read_due, ms);
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
        watcher_stop_timer(w, TIMER_SWEEP); /* begun anew at the end of this turn */
    }
    if (!forgot || (w->renewed_ms != 0 && now_ms - w->renewed_ms < w->renew_again_ms))
        return;
    w->renewed_ms = now_ms;
    w->renew_again_ms = w->renew_again_ms * 2 < RENEW_MAX_MS ? w->renew_again_ms * 2 : RENEW_MAX_MS;
    log_warn("stream_forgets", F_U64("events_total", s.unheard));
    rpc_stream_renew(w->rpc, "it did not tell all events");
}

void watcher_read_done(void *arg, struct log_read *read)
{
    struct watcher *w = arg;
    bool in_pass = tracker_in_pass(w->tracker);
    watcher_enter(w);
    w->malformed += read->malformed;
    if (read->outcome != LOG_READ_OK) {
        read_refused(w, read);
    } else {
        w->failures = 0;
        log_range_accepted(&w->range, read->to - read->from + 1, read->n);
        bool sound = tracker_read_done(w->tracker, read->logs, read->n, read->received_us);
        w->soon_ms = sound ? SOON_MS : w->soon_ms * 2 < SWEEP_MAX_MS ? w->soon_ms * 2 : SWEEP_MAX_MS;
        w->pass_logs += in_pass ? read->n : 0;
        if (in_pass && !tracker_in_pass(w->tracker)) {
            w->heavy = w->pass_logs > HEAVY_PASS_LOGS;
            w->pass_logs = 0;
        }
        free(read->logs);
        mind_forgotten(w);
    }
    watcher_leave(w);
}

/* ---- what can still be answered comes first ---- */

/* Blocks as many as s->step are to come early; `blocks` of them are age_s old. */
static void search_end(struct watcher *w, uint64_t blocks, uint64_t age_s)
{
    struct newest_search *s = &w->newest;
    uint64_t urgent = age_s > URGENT_S ? blocks * URGENT_S / age_s + 1 : blocks;
    s->again_ms = clock_mono_ms() + SEARCH_AGAIN_MS;
    if (tracker_newest_first(w->tracker, s->head - s->step, s->head - urgent))
        log_info("newest_first", F_U64("head", s->head), F_U64("blocks", s->step), F_U64("urgent", urgent));
}

static void search_on(struct watcher *w);

static void search_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct watcher *w = arg;
    struct newest_search *s = &w->newest;
    struct chain_head h;
    watcher_enter(w);
    s->call = NULL;
    if (error->kind != RPC_ERR_NONE || chain_head_parse(&h, result, NULL) < 0 || h.number != s->head - s->step) {
        s->again_ms = clock_mono_ms() + SEARCH_FAILED_MS;
    } else {
        uint64_t age_s = sat_sub(s->head_s, h.timestamp_s);
        uint64_t most = tracker_backlog(w->tracker) + w->overlap, step = s->step;
        most = most < s->head ? most : s->head;
        if (age_s < ANSWERABLE_S) /* and a little more, so that it is enough */
            s->step = step * (ANSWERABLE_S + ANSWERABLE_S / 4) / (age_s ? age_s : 1);
        if (s->step > most)
            s->step = most > step ? most : step;
        if (s->step == step || ++s->headers == SEARCH_HEADERS_MAX)
            search_end(w, step, age_s);
        else
            search_on(w);
    }
    watcher_leave(w);
}

static void search_on(struct watcher *w)
{
    struct newest_search *s = &w->newest;
    s->call = watcher_ask_number(w, s->head - s->step, SEARCH_TIMEOUT_MS, search_done);
}

/* Is it being found out what to read first? */
static bool searching(struct watcher *w)
{
    struct newest_search *s = &w->newest;
    if (s->call)
        return true;
    bool is_long = tracker_backlog(w->tracker) > LONG_READS * w->range.size;
    if (!is_long || clock_mono_ms() < s->again_ms || w->last_head_number < SEARCH_FIRST_STEP)
        return false;
    s->head = w->last_head_number;
    s->head_s = w->last_head_s;
    s->step = SEARCH_FIRST_STEP;
    s->headers = 0;
    search_on(w);
    return true;
}

void watcher_read_on(struct watcher *w)
{
    uint64_t from, to;
    if (log_reader_busy(w->reader) || (w->failures > 0 && watcher_timer_runs(w, TIMER_READ)))
        return;
    if (!tracker_in_pass(w->tracker) && tracker_urgency(w->tracker) == TRACKER_SOON) {
        if (!watcher_timer_runs(w, TIMER_READ))
            watcher_start_timer(w, TIMER_READ, read_soon_due, watcher_jittered(w, w->soon_ms));
        if (!tracker_has_older(w->tracker))
            return;
    }
    if (!searching(w) && tracker_read_begin(w->tracker, &from, &to, w->range.size)) {
        if (tracker_in_pass(w->tracker)) /* which is what the timer was to call for */
            watcher_stop_timer(w, TIMER_READ);
        log_reader_start(w->reader, from, to);
    }
}

/* Sweeps while heads come, and for a while after the last one. */
static void sweep_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    watcher_enter(w);
    if (w->last_head_ms + 2 * w->sweep_ms + SWEEP_FIRST_MS >= clock_mono_ms())
        tracker_request_pass(w->tracker);
    w->sweep_ms = w->sweep_ms * 2 < SWEEP_MAX_MS ? w->sweep_ms * 2 : SWEEP_MAX_MS;
    watcher_leave(w);
}

void watcher_arm_sweep(struct watcher *w)
{
    if (!watcher_timer_runs(w, TIMER_SWEEP))
        watcher_start_timer(w, TIMER_SWEEP, sweep_due, watcher_jittered(w, w->sweep_ms));
}
