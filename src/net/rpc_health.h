/* Watches the HTTP endpoints: asks each for its chain id before it is used and for its head every 15 s, which also
 * keeps its connection warm. */
#ifndef OYSTER_NET_RPC_HEALTH_H
#define OYSTER_NET_RPC_HEALTH_H

#include <uv.h>

#include "net/http_client.h"
#include "net/rpc.h"
#include "net/rpc_endpoint.h"

struct rpc_health;

struct rpc_health_config {
    uv_loop_t *loop;
    struct http_client *http;
    struct rpc_endpoint *eps; /* borrowed */
    size_t n;
    uint64_t chain_id, timeout_ms;
};

/* A chain check of one endpoint has ended: error is NULL where the chain is the right one. May free the health. */
typedef void rpc_checked_fn(void *arg, const struct rpc_error *error);

/* Begins a check of each endpoint; checked is called as each ends. config->eps is borrowed until rpc_health_free. */
struct rpc_health *rpc_health_new(const struct rpc_health_config *config, rpc_checked_fn *checked, void *arg);

/* Starts a chain check of each endpoint whose chain is not known to be right and that is not being checked. Those of
 * another chain are asked again with the next round only. Returns how many checks are under way now. */
size_t rpc_health_check(struct rpc_health *h);

/* How many chain checks are under way. */
size_t rpc_health_checks(const struct rpc_health *h);

/* NULL allowed. */
void rpc_health_free(struct rpc_health *h);

#endif
