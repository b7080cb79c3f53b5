/* The watcher's heads: those of the stream, those that are asked for, and single headers that the tracker wants. */
#include <string.h>

#include "chain/watcher_impl.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"

#define POLL_MS 2000 /* while the stream is down */
#define LAG_MS 10000 /* what an endpoint may lag behind the stream: blocks are read again for so long */
#define LAG_BLOCKS_MAX 1024

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

void watcher_take_head(struct watcher *w, const struct chain_head *head, bool polled)
{
    bool first = w->last_head_ms == 0;
    bool same = !first && memcmp(head->hash, w->last_head_hash, 32) == 0;
    tracker_head(w->tracker, head, polled);
    if (same || (polled && !first && head->number <= w->last_head_number))
        return;
    fit_overlap(w, head->number);
    w->last_head_ms = clock_mono_ms();
    w->last_head_number = head->number;
    w->last_head_s = head->timestamp_s;
    memcpy(w->last_head_hash, head->hash, 32);
    w->events.on_head(w->arg, head);
}

static void poll_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    watcher_enter(w);
    watcher_poll(w);
    watcher_leave(w);
}

static void poll_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct watcher *w = arg;
    struct chain_head head;
    watcher_enter(w);
    w->poll_call = NULL;
    if (error->kind == RPC_ERR_NONE && chain_head_parse(&head, result, NULL) == 0)
        watcher_take_head(w, &head, true);
    if (!w->freed && !w->was_up)
        tracker_request_pass(w->tracker); /* nobody else brings events now */
    watcher_leave(w);
}

void watcher_poll(struct watcher *w)
{
    watcher_stop_timer(w, TIMER_POLL);
    if (!w->poll_call)
        w->poll_call = rpc_request(w->rpc, "eth_getBlockByNumber", "[\"latest\",false]", 0, poll_done, w);
}

/* Heads come by the stream; while it is down, or has not said any, they are asked for. */
void watcher_poll_while_blind(struct watcher *w)
{
    bool blind = !w->was_up || w->last_head_ms == 0;
    if (!blind)
        watcher_stop_timer(w, TIMER_POLL);
    else if (!w->poll_call && !watcher_timer_runs(w, TIMER_POLL))
        watcher_start_timer(w, TIMER_POLL, poll_due, watcher_jittered(w, POLL_MS));
}

/* ---- headers that the tracker wants ---- */

static void header_due(uv_timer_t *timer)
{
    struct watcher *w = timer->data;
    watcher_enter(w);
    watcher_leave(w);
}

static void header_done(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct watcher *w = arg;
    struct chain_head head;
    watcher_enter(w);
    w->header_call = NULL;
    if (error->kind == RPC_ERR_NONE && chain_head_parse(&head, result, NULL) == 0) {
        w->header_retry_ms = HEADER_RETRY_MS;
        tracker_header(w->tracker, &head);
    } else { /* not known there yet, or no answer */
        watcher_start_timer(w, TIMER_HEADER, header_due, watcher_jittered(w, w->header_retry_ms));
        w->header_retry_ms = w->header_retry_ms * 2 < BACKOFF_MAX_MS ? w->header_retry_ms * 2 : BACKOFF_MAX_MS;
    }
    watcher_leave(w);
}

struct rpc_call *watcher_ask_number(struct watcher *w, uint64_t number, uint64_t timeout_ms, rpc_done_fn *done)
{
    struct buf params = { 0 };
    buf_printf(&params, "[\"0x%llx\",false]", (unsigned long long)number);
    struct rpc_call *call = rpc_request(w->rpc, "eth_getBlockByNumber", buf_cstr(&params), timeout_ms, done, w);
    buf_free(&params);
    return call;
}

/* A hash cannot be answered from another fork: whoever has it. */
static struct rpc_call *ask_hash(struct watcher *w, const uint8_t hash[32])
{
    struct buf params = { 0 };
    buf_puts(&params, "[\"");
    hex_append0x(&params, hash, 32);
    buf_puts(&params, "\",false]");
    struct rpc_call *call = rpc_race(w->rpc, "eth_getBlockByHash", buf_cstr(&params), 0, header_done, w);
    buf_free(&params);
    return call;
}

static void header_start(struct watcher *w)
{
    const struct tracker_want *want = &w->header_wanted;
    w->header_call = want->by_hash ? ask_hash(w, want->hash) : watcher_ask_number(w, want->number, 0, header_done);
}

static bool same_want(const struct tracker_want *a, const struct tracker_want *b)
{
    return a->by_hash == b->by_hash && a->number == b->number && memcmp(a->hash, b->hash, 32) == 0;
}

void watcher_fetch_header(struct watcher *w)
{
    struct tracker_want want;
    if (!tracker_want(w->tracker, &want))
        return;
    bool same = same_want(&want, &w->header_wanted);
    if (w->header_call && same)
        return;
    if (watcher_timer_runs(w, TIMER_HEADER) && same)
        return;
    rpc_cancel(w->header_call);
    watcher_stop_timer(w, TIMER_HEADER);
    if (!same)
        w->header_retry_ms = HEADER_RETRY_MS;
    w->header_wanted = want;
    header_start(w);
}
