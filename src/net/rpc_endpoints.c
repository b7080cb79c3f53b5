#include "net/rpc_endpoints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

void rpc_endpoints_clear(struct rpc_endpoints *set)
{
    for (size_t i = 0; i < set->n_http + set->n_ws; i++)
        rpc_endpoint_clear(&set->all[i]);
    free(set->all);
    *set = (struct rpc_endpoints){ 0 };
}

int rpc_endpoints_init(struct rpc_endpoints *out, const struct rpc_config *config, struct err *e)
{
    *out = (struct rpc_endpoints){ 0 };
    if (config->n_http == 0 || config->n_http > RPC_ENDPOINTS_MAX || config->n_ws > RPC_ENDPOINTS_MAX)
        return err_set(e, -EINVAL, "1 to %u HTTP endpoints and at most as many WebSocket ones", RPC_ENDPOINTS_MAX);
    out->n_http = config->n_http;
    out->n_ws = config->n_ws;
    out->all = xcalloc(out->n_http + out->n_ws, sizeof *out->all);
    for (size_t i = 0; i < out->n_http + out->n_ws; i++) {
        bool is_ws = i >= out->n_http;
        const char *url = is_ws ? config->ws_urls[i - out->n_http] : config->http_urls[i];
        int rc = rpc_endpoint_init(&out->all[i], url, is_ws, e);
        if (rc < 0) {
            rpc_endpoints_clear(out);
            return rc;
        }
    }
    return 0;
}

bool rpc_endpoints_same(const struct rpc_endpoints *a, const struct rpc_endpoints *b)
{
    if (a->n_http != b->n_http || a->n_ws != b->n_ws)
        return false;
    for (size_t i = 0; i < a->n_http + a->n_ws; i++)
        if (strcmp(a->all[i].url, b->all[i].url) != 0)
            return false;
    return true;
}

static const struct rpc_endpoint *find(const struct rpc_endpoints *set, const struct rpc_endpoint *ep)
{
    for (size_t i = 0; i < set->n_http + set->n_ws; i++)
        if (strcmp(set->all[i].url, ep->url) == 0)
            return &set->all[i];
    return NULL;
}

void rpc_endpoints_inherit(struct rpc_endpoints *set, const struct rpc_endpoints *before)
{
    for (size_t i = 0; i < set->n_http + set->n_ws; i++) {
        struct rpc_endpoint *ep = &set->all[i];
        char *url = ep->url, *origin = ep->origin;
        const struct rpc_endpoint *known = find(before, ep);
        if (!known)
            continue;
        *ep = *known;
        ep->url = url;
        ep->origin = origin;
    }
}

void rpc_endpoints_status(const struct rpc_endpoints *set, size_t i, struct rpc_endpoint_status *out)
{
    const struct rpc_endpoint *ep = &set->all[i];
    *out = (struct rpc_endpoint_status){
        .url = ep->origin,
        .is_ws = ep->is_ws,
        .up = ep->up,
        .wrong_chain = ep->chain == RPC_CHAIN_WRONG,
        .head = ep->head,
        .latency_us = ep->latency_us,
        .requests = ep->requests,
        .failures = ep->failures,
        .tally = &ep->tally,
    };
}
