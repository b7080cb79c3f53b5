/* Inside of the watcher, shared by its files: watcher.c (life, the stream, telling), watcher_heads.c (heads and single
 * headers), watcher_reads.c (reading back). */
#ifndef OYSTER_CHAIN_WATCHER_IMPL_H
#define OYSTER_CHAIN_WATCHER_IMPL_H

#include "chain/event_tracker.h"
#include "chain/log_range.h"
#include "chain/log_reader.h"
#include "chain/watcher.h"

#define SWEEP_FIRST_MS 1000
#define SWEEP_MAX_MS 10000
#define SOON_MS 400
#define BACKOFF_MAX_MS 8000u
#define HEADER_RETRY_MS 300
#define RENEW_FIRST_MS 10000 /* a stream that forgets is made anew so often at most, and less often each time */

enum watcher_timer { TIMER_READ, TIMER_SWEEP, TIMER_HEADER, TIMER_POLL, TIMER_HOLD, TIMER_COUNT };

/* Looking for the block since which jobs can still be answered: the one asked about is `step` behind the head. */
struct newest_search {
    struct rpc_call *call;
    uint64_t head, head_s, step;
    unsigned headers;
    uint64_t again_ms; /* monotonic; not before */
};

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
    uint64_t last_head_number, last_head_s;
    uint8_t last_head_hash[32];
    struct newest_search newest;
    uint64_t overlap;         /* of the configuration */
    size_t pass_logs;         /* read in this pass */
    bool heavy;               /* the last pass had more than one should read often */
    struct mark older, newer; /* where the head was, LAG_MS apart */
    uint64_t reconnects, malformed;
    uint64_t reorgs_logged, malformed_logged;
    uint64_t jitter;
};

/* Entering from the loop: in each callback first and last. Leaving takes a turn: what the input meant is told, and what
 * is wanted begins. The watcher may be gone afterwards. */
void watcher_enter(struct watcher *w);
void watcher_leave(struct watcher *w);

/* Up to a quarter more: nodes that were cut off together do not come back together. */
uint64_t watcher_jittered(struct watcher *w, uint64_t ms);

/* One shot after ms; one that runs is started anew. */
void watcher_start_timer(struct watcher *w, enum watcher_timer which, uv_timer_cb fired, uint64_t ms);
void watcher_stop_timer(struct watcher *w, enum watcher_timer which);
bool watcher_timer_runs(const struct watcher *w, enum watcher_timer which);

/* Tells a head unless it was told; one that was asked for only when it is newer. */
void watcher_take_head(struct watcher *w, const struct chain_head *head, bool polled);

/* Asks for the header of a number; done gets the watcher. */
struct rpc_call *watcher_ask_number(struct watcher *w, uint64_t number, uint64_t timeout_ms, rpc_done_fn *done);

/* Asks for the newest head / the same in a while, where the stream tells none. */
void watcher_poll(struct watcher *w);
void watcher_poll_while_blind(struct watcher *w);

/* Asks for the header that the tracker wants. */
void watcher_fetch_header(struct watcher *w);

/* A range was read, or not (the reader's callback). */
void watcher_read_done(void *arg, struct log_read *read);

/* Begins the next read where one is called for. */
void watcher_read_on(struct watcher *w);

/* Sets the timer of the next sweep unless it runs. */
void watcher_arm_sweep(struct watcher *w);

#endif
