/* Ethereum JSON-RPC over several endpoints: requests over HTTP(S) to the healthiest, raw transactions to all,
 * subscriptions over WebSocket. One object a node. Retries belong to callers, except where said. */
#ifndef OYSTER_NET_RPC_H
#define OYSTER_NET_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "util/err.h"
#include "util/json.h"

struct rpc;
struct rpc_tally;
struct rpc_call;

struct rpc_config {
    const char *const *http_urls;
    size_t n_http;
    const char *const *ws_urls;
    size_t n_ws;
    uint64_t chain_id;   /* an endpoint of another chain is set aside */
    uint64_t timeout_ms; /* default of a request (10,000) */
    uint64_t silence_ms; /* no new head for so long: the subscription is considered dead (30,000) */
};

enum rpc_error_kind {
    RPC_ERR_NONE,
    RPC_ERR_TRANSPORT, /* no connection, broken off, HTTP status other than 200 without a JSON-RPC body */
    RPC_ERR_TIMEOUT,
    RPC_ERR_PROTOCOL, /* not JSON-RPC: HTML, half JSON, wrong id */
    RPC_ERR_SERVER,   /* a JSON-RPC error object: code, message, data */
};

#define RPC_ERR_KINDS (RPC_ERR_SERVER + 1)

/* Code of the RPC_ERR_PROTOCOL that a response over the bound gets: ask for less. */
#define RPC_CODE_TOO_LARGE 413

struct rpc_error {
    enum rpc_error_kind kind;
    int64_t code;            /* of the error object; HTTP status for RPC_ERR_TRANSPORT where there was one */
    const char *message;     /* never NULL, one line; borrowed for the callback */
    const struct json *data; /* of the error object, or NULL */
};

/* Called exactly once per call unless cancelled. result: borrowed for the callback, NULL when error->kind is set
 * (a JSON null result is a value of type JSON_KIND_NULL with kind RPC_ERR_NONE). endpoint: index, for logs and metrics.
 */
typedef void rpc_done_fn(void *arg, const struct json *result, const struct rpc_error *error);

/* Returns NULL with e set: a bad URL, no HTTP endpoint. config is copied. */
struct rpc *rpc_new(uv_loop_t *loop, const struct rpc_config *config, struct err *e);

/* Goes on with config's URLs; the rest of config is not read. Calls under way end where they are; what has not gone out
 * yet, and what comes, goes to the new ones, of which those that are old ones too are known already. A stream
 * stays with the old ones until it is up at a new one (on_switch). Not from inside a callback. Returns 1, 0 where they
 * are the same, or -EINVAL with e set, and nothing has changed. */
int rpc_set_endpoints(struct rpc *r, const struct rpc_config *config, struct err *e);

/* Cancels everything without callbacks. NULL allowed. */
void rpc_free(struct rpc *r);

/* Sends one request to the best endpoint. No endpoint is asked anything (eth_chainId included) before it has answered
 * the right chain id: until one has, requests wait; when all are of another chain they fail with RPC_ERR_PROTOCOL or
 * RPC_ERR_TRANSPORT and a message that says so. params: JSON text of the array (copied), e.g. "[\"0x1\",false]".
 * timeout_ms: 0 = the default. Transport trouble is retried once at the next endpoint where there is one.
 * done is never called from inside. */
struct rpc_call *rpc_request(struct rpc *r, const char *method, const char *params, uint64_t timeout_ms,
                             rpc_done_fn *done, void *arg);

/* Sends the same request to all healthy endpoints. done gets the first success, or the most telling error when all
 * have failed (an error object before transport trouble). */
struct rpc_call *rpc_broadcast(struct rpc *r, const char *method, const char *params, uint64_t timeout_ms,
                               rpc_done_fn *done, void *arg);

/* As rpc_broadcast for reads of what has only just come to be (a transaction, a receipt): the first result that is not
 * null wins, null only when nobody has anything else: behind a load balancer one null proves nothing. */
struct rpc_call *rpc_race(struct rpc *r, const char *method, const char *params, uint64_t timeout_ms, rpc_done_fn *done,
                          void *arg);

/* Ends a call without its callback. What a broadcast has under way is still sent. NULL allowed. */
void rpc_cancel(struct rpc_call *call);

/* The subscription: newHeads and logs with one filter. All WebSocket endpoints are listened to at once, each
 * reconnected with exponential back-off and jitter. A log comes from each of them, so as early as the quickest has it,
 * and again from the others. Heads come from one, the leader, which is watched for silence. */
struct rpc_stream_events {
    /* An endpoint leads (again) after there was none: what happened before is the caller's to read back. */
    void (*on_up)(void *arg);
    /* No endpoint is left; reconnecting goes on by itself. */
    void (*on_down)(void *arg, const char *reason);
    /* The leader was lost and another endpoint has taken its place, whose logs have been coming all the while: reading
     * back is a matter of caution. Heads in between are lost. */
    void (*on_switch)(void *arg, const char *reason);
    void (*on_head)(void *arg, const struct json *head);
    /* leading: from the endpoint that heads come from, in their order; others may lag behind it or be ahead. */
    void (*on_log)(void *arg, const struct json *log, bool leading);
};

/* Starts the one stream of r. log_filter: JSON object text as eth_subscribe("logs") takes it (copied). */
void rpc_stream_start(struct rpc *r, const char *log_filter, const struct rpc_stream_events *events, void *arg);
void rpc_stream_stop(struct rpc *r);

/* The leader is of little use, for this reason: another endpoint leads from here on (on_switch), where one is up.
 * Allowed inside of on_log. */
void rpc_stream_move(struct rpc *r, const char *reason);

/* The leader forgets what it should tell, for this reason: it is connected to anew, and another endpoint leads
 * meanwhile where one is up (on_switch, else on_down). Not inside of the stream's callbacks. */
void rpc_stream_renew(struct rpc *r, const char *reason);

/* Changes silence_ms of the configuration, from the next head on. */
void rpc_set_silence(struct rpc *r, uint64_t silence_ms);

/* What the operator sees of an endpoint. url has no credentials, path or query. */
struct rpc_endpoint_status {
    const char *url;
    bool is_ws;
    bool up;
    bool wrong_chain;
    uint64_t head;       /* 0 = not known */
    uint64_t latency_us; /* smoothed; 0 = not known */
    uint64_t requests, failures;
    const struct rpc_tally *tally; /* see net/rpc_tally.h; as long as rpc lives */
};

/* Number of endpoints / the i-th (HTTP first). */
size_t rpc_endpoint_count(const struct rpc *r);
void rpc_endpoint_status(const struct rpc *r, size_t i, struct rpc_endpoint_status *out);

#endif
