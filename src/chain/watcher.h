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
    /* An event delivered before is no longer part of the chain (reorganisation); it may come again later. Of a
     * JobCreated the inputs are not kept: they are empty here. */
    void (*on_removed)(void *arg, const struct chain_event *ev, const struct event_origin *origin);
    void (*on_head)(void *arg, const struct chain_head *head);
    /* Live and caught up (true), or the connection is lost (false). */
    void (*on_live)(void *arg, bool live);
};

struct watcher_config {
    struct address executors, jobs;
    uint64_t overlap_blocks;   /* blocks are read again until they lie so deep behind the head (16) */
    uint64_t max_range_blocks; /* first guess of a getLogs range (2,000); halved when refused */
};

/* last_processed_block: every event up to it was delivered, for sure (overlap_blocks behind the head at least); a new
 * start reads from the block behind it. 0 = none. */
struct watcher_stats {
    uint64_t head_block, last_processed_block;
    uint64_t events, events_backfilled, duplicates, reorgs, reconnects, malformed;
    bool live; /* as on_live told last */
};

/* Starts following: heads at once, events from block `from` (inclusive). UINT64_MAX = only from now on.
 * Uses the one stream of rpc, which must outlive the watcher. Events come in chain order, except that one which the
 * stream had withheld comes when it is found, that live ones do not wait longer than a second for a long backfill, and
 * that such a backfill begins with the newest blocks: those of the last minute, then of the last ten (by the chain's
 * time), whose jobs can still be answered, then all older ones. Any callback may free the watcher. Never fails today; e
 * is unused. */
struct watcher *watcher_new(uv_loop_t *loop, struct rpc *rpc, const struct watcher_config *config, uint64_t from,
                            const struct watcher_events *events, void *arg, struct err *e);
void watcher_free(struct watcher *w);

/* Numbers as of now. */
void watcher_stats(const struct watcher *w, struct watcher_stats *out);

#endif
