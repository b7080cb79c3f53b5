/* Follows the logs of both contracts: every canonical event exactly once, in chain order, whatever the connection does.
 * Live logs come by subscription; on every (re)connect the missing range is read back with eth_getLogs. */
#ifndef OYSTER_CHAIN_WATCHER_H
#define OYSTER_CHAIN_WATCHER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "chain/contracts.h"
#include "chain/head.h"
#include "net/rpc.h"

struct watcher;

struct watcher_events {
    /* One canonical event. ev and origin are borrowed for the call. */
    void (*on_event)(void *arg, const struct chain_event *ev, const struct event_origin *origin);
    /* An event delivered before is no longer part of the chain (reorganisation); it may come again later. */
    void (*on_removed)(void *arg, const struct chain_event *ev, const struct event_origin *origin);
    void (*on_head)(void *arg, const struct chain_head *head);
    /* Live and caught up (true), or the connection is lost (false). */
    void (*on_live)(void *arg, bool live);
};

struct watcher_config {
    struct address executors, jobs;
    uint64_t overlap_blocks;   /* re-read behind the last processed block on every backfill (16) */
    uint64_t max_range_blocks; /* first guess of a getLogs range (2,000); halved when refused */
};

struct watcher_stats {
    uint64_t head_block, last_processed_block;
    uint64_t events, events_backfilled, duplicates, reorgs, reconnects, malformed;
};

/* Starts following: heads at once, events from block `from` (inclusive). UINT64_MAX = only from now on. */
struct watcher *watcher_new(uv_loop_t *loop, struct rpc *rpc, const struct watcher_config *config, uint64_t from,
                            const struct watcher_events *events, void *arg, struct err *e);
void watcher_free(struct watcher *w);

/* Numbers as of now. */
void watcher_stats(const struct watcher *w, struct watcher_stats *out);

#endif
