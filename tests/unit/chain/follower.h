/* A watcher that follows a real chain through things that go wrong, and what it has told: for its tests. */
#ifndef OYSTER_TESTS_CHAIN_FOLLOWER_H
#define OYSTER_TESTS_CHAIN_FOLLOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "chain/anvil.h"
#include "chain/relay.h"
#include "chain/watcher.h"
#include "net/server.h"

/* One thing that the watcher told. */
struct seen {
    bool removed;
    enum event_type type;
    uint32_t id;
    int asked; /* calls of any kind that the middleman had answered, refusals apart */
    struct event_origin origin;
};

/* A chain, a relay before its WebSocket (or two: two endpoints), a middleman before its HTTP, and a watcher that
 * follows it all. */
struct follower {
    uv_loop_t loop;
    struct anvil *a;
    struct relay *relay, *second;
    struct server *middleman;
    struct rpc *rpc;
    struct watcher *w;
    struct seen *seen;
    size_t n;
    size_t free_at; /* the watcher is freed when so many were seen */
    bool free_on_head, free_on_live;
    bool live;
    int live_changes;
    uint64_t head;
    size_t heads;
    /* what the middleman does */
    uint64_t refuse_over; /* blocks; 0 = nothing is refused */
    const char *refuse_with;
    bool suggest;
    uint64_t lag_blocks; /* eth_getLogs knows nothing of the last blocks */
    bool no_timestamps;
    uint64_t delay_ms;
    int asked, refused, blocks_asked, getlogs_asked, getlogs_to_fail;
};

/* A chain, a relay and a middleman; nobody follows yet. */
void follower_start(struct follower *f);

/* The watcher begins at block `from`. */
void follower_follow(struct follower *f, uint64_t from);

/* Ends everything. */
void follower_stop(struct follower *f);

/* Run the loop until so many were seen / the watcher is live or not / the head is there; or fail. */
void follower_wait_seen(struct follower *f, size_t n);
void follower_wait_live(struct follower *f, bool live);
void follower_wait_head(struct follower *f, uint64_t number);

/* The timestamp of a block, in seconds. */
uint64_t follower_block_time(const struct follower *f, uint64_t number);

/* What the list amounts to: ids that stand, as a bit set. Fails where one came twice, or was taken back untold. */
uint64_t follower_standing(const struct follower *f);

/* From index `at`, n events were told, with ids from first up. */
void follower_assert_ids(const struct follower *f, size_t at, size_t n, uint32_t first);

#endif
