/* The endpoints of a configuration together: HTTP first, then WebSocket. */
#ifndef OYSTER_NET_RPC_ENDPOINTS_H
#define OYSTER_NET_RPC_ENDPOINTS_H

#include "net/rpc.h"
#include "net/rpc_endpoint.h"

#define RPC_ENDPOINTS_MAX 32u /* of each kind */

struct rpc_endpoints {
    struct rpc_endpoint *all;
    size_t n_http, n_ws;
};

/* Those of config's URLs. Returns 0 or -EINVAL with e set; out holds nothing then. */
int rpc_endpoints_init(struct rpc_endpoints *out, const struct rpc_config *config, struct err *e);
void rpc_endpoints_clear(struct rpc_endpoints *set);

/* The same URLs in the same order? */
bool rpc_endpoints_same(const struct rpc_endpoints *a, const struct rpc_endpoints *b);

/* What is known of endpoints that are in both goes on to be known. */
void rpc_endpoints_inherit(struct rpc_endpoints *set, const struct rpc_endpoints *before);

/* See rpc_endpoint_status. */
void rpc_endpoints_status(const struct rpc_endpoints *set, size_t i, struct rpc_endpoint_status *out);

#endif
