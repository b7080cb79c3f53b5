/* One JSON-RPC request to one endpoint over HTTP: whatever comes back becomes a result or the right error, and the
 * endpoint's record is kept. */
#ifndef OYSTER_NET_RPC_EXCHANGE_H
#define OYSTER_NET_RPC_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/http_client.h"
#include "net/rpc.h"
#include "net/rpc_endpoint.h"

struct rpc_exchange;

/* Borrowed for the callback. */
struct rpc_reply {
    const struct json *result;
    struct rpc_error error;
    bool endpoint_trouble; /* another endpoint may do better */
    uint64_t elapsed_us;
};

/* body: a request with this id, borrowed until done or cancelled; method: as rpc_tally_method names it. */
struct rpc_question {
    const char *body;
    size_t body_len;
    uint64_t id;
    size_t method;
    uint64_t timeout_ms;
};

typedef void rpc_reply_fn(void *arg, const struct rpc_reply *reply);

/* ep is borrowed until done or cancelled. done is called once, never from inside. */
struct rpc_exchange *rpc_exchange_start(struct http_client *http, struct rpc_endpoint *ep,
                                        const struct rpc_question *question, rpc_reply_fn *done, void *arg,
                                        struct err *e);

/* Ends it without callback. NULL allowed. */
void rpc_exchange_cancel(struct rpc_exchange *x);

#endif
