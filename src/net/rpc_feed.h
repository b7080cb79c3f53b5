/* The subscriptions at one WebSocket endpoint: its logs always, its heads when they are wanted. Reconnected with
 * exponential back-off and jitter, watched for silence. Several make up the stream of net/rpc.h (rpc_stream.c). */
#ifndef OYSTER_NET_RPC_FEED_H
#define OYSTER_NET_RPC_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "net/rpc_endpoint.h"
#include "net/ws_client.h"
#include "util/json.h"

struct rpc_feed;

struct rpc_feed_config {
    uv_loop_t *loop;
    struct ws_context *ws;
    struct rpc_endpoint *endpoint; /* borrowed */
    uint64_t chain_id, silence_ms;
    uint64_t timeout_ms;    /* connecting, and each answer until the subscriptions stand */
    const char *log_filter; /* copied */
};

/* The feed may be freed inside of each but wants_heads. */
struct rpc_feed_events {
    /* It subscribes now: to heads as well? */
    bool (*wants_heads)(void *arg);
    /* What it has asked for is granted; logs that came meanwhile follow. */
    void (*on_up)(void *arg, struct rpc_feed *f);
    /* Heads, which were asked for later, are granted. */
    void (*on_heads)(void *arg, struct rpc_feed *f);
    /* The connection is lost after on_up; it connects again by itself. */
    void (*on_down)(void *arg, struct rpc_feed *f, const char *reason);
    void (*on_head)(void *arg, struct rpc_feed *f, const struct json *head);
    void (*on_log)(void *arg, struct rpc_feed *f, const struct json *log);
};

/* Connects from the loop's next turn on. events is copied. No callback from inside. */
struct rpc_feed *rpc_feed_new(const struct rpc_feed_config *config, const struct rpc_feed_events *events, void *arg);

/* Ends it without a callback. NULL allowed. */
void rpc_feed_free(struct rpc_feed *f);

/* Between on_up and on_down? / Are heads granted? */
bool rpc_feed_is_up(const struct rpc_feed *f);
bool rpc_feed_has_heads(const struct rpc_feed *f);

/* Subscribes to heads, or no longer; only while it is up. */
void rpc_feed_want_heads(struct rpc_feed *f, bool wanted);

/* The connection is of no use, for this reason: made anew, with on_down, where it is up. */
void rpc_feed_renew(struct rpc_feed *f, const char *reason);

/* Changes silence_ms, from the next head on. */
void rpc_feed_set_silence(struct rpc_feed *f, uint64_t silence_ms);

#endif
