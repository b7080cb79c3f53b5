/* The subscription to heads and logs over all WebSocket endpoints at once: logs come from whichever has them first,
 * heads from one, the leader. When that is lost another one leads, and no log is missed in between. */
#ifndef OYSTER_NET_RPC_STREAM_H
#define OYSTER_NET_RPC_STREAM_H

#include <uv.h>

#include "net/rpc.h"
#include "net/rpc_endpoint.h"
#include "net/ws_client.h"

struct rpc_stream;

struct rpc_stream_config {
    uv_loop_t *loop;
    struct ws_context *ws;
    struct rpc_endpoint *eps; /* borrowed; WebSocket ones */
    size_t n;                 /* 0: the stream never comes up */
    uint64_t chain_id, silence_ms;
    uint64_t timeout_ms; /* see rpc_feed_config */
};

/* log_filter and events are copied. No callback from inside. */
struct rpc_stream *rpc_stream_new(const struct rpc_stream_config *config, const char *log_filter,
                                  const struct rpc_stream_events *events, void *arg);

/* Goes on with the endpoints of config, whose other members are those of rpc_stream_new. What is listened to now stays
 * until the first of the new ones is up, which takes the lead (on_switch), so that no log is missed; then they
 * are closed. A stream that is down, or has none to go to, lets go of the old at once (on_down). Not
 * inside of a callback. The old endpoints are borrowed as long as rpc_stream_is_moving. */
void rpc_stream_replace(struct rpc_stream *s, const struct rpc_stream_config *config, const char *log_filter);

/* Endpoints from before rpc_stream_replace are in use. */
bool rpc_stream_is_moving(const struct rpc_stream *s);

/* on_up was called, and no on_down since. */
bool rpc_stream_is_up(const struct rpc_stream *s);

/* Changes silence_ms, from the next head on. */
void rpc_stream_set_silence(struct rpc_stream *s, uint64_t silence_ms);

/* Another endpoint that is up leads from here on (on_switch is called), where there is one. Allowed inside of on_log.
 */
void rpc_stream_pass_lead(struct rpc_stream *s, const char *reason);

/* The leader's connection is made anew (on_switch or on_down is called). Not inside of a callback. */
void rpc_stream_renew_lead(struct rpc_stream *s, const char *reason);

/* Ends it without a callback; allowed inside of one. NULL allowed. */
void rpc_stream_free(struct rpc_stream *s);

#endif
