/* What is known of one endpoint, and which of several to use. Pure: time comes as a value. */
#ifndef OYSTER_NET_RPC_ENDPOINT_H
#define OYSTER_NET_RPC_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/rpc_tally.h"
#include "util/err.h"

enum rpc_chain { RPC_CHAIN_UNKNOWN, RPC_CHAIN_RIGHT, RPC_CHAIN_WRONG };

struct rpc_endpoint {
    char *url;    /* whole, with credentials: never logged */
    char *origin; /* scheme://host:port */
    bool is_ws;
    enum rpc_chain chain; /* by eth_chainId */
    uint64_t wrong_chain_id;
    bool up;                   /* the last exchange succeeded */
    bool lagging;              /* its head is far behind the others' */
    uint64_t head, latency_us; /* 0 = not known */
    uint64_t head_before;      /* as rpc_endpoint_compare_heads saw it last */
    uint64_t requests, failures;
    struct rpc_tally tally;
    unsigned failures_in_row;
    uint64_t aside_until_ms; /* monotonic; not used before, where there is another */
};

/* Returns 0 or -EINVAL. */
int rpc_endpoint_init(struct rpc_endpoint *ep, const char *url, bool is_ws, struct err *e);
void rpc_endpoint_clear(struct rpc_endpoint *ep);

/* An exchange that the endpoint answered as it should, an error object included. */
void rpc_endpoint_succeeded(struct rpc_endpoint *ep);

/* Trouble of the endpoint's own. It is set aside: 1 s, twice as long each further time, at most 60 s; or for
 * retry_after_s (at most an hour) where it named one. */
void rpc_endpoint_failed(struct rpc_endpoint *ep, uint32_t retry_after_s, uint64_t now_ms);

/* Smooths in one measurement. */
void rpc_endpoint_measured(struct rpc_endpoint *ep, uint64_t latency_us);

/* Not known to be of another chain, and not set aside now. */
bool rpc_endpoint_healthy(const struct rpc_endpoint *ep, uint64_t now_ms);

/* The index of the best of n (≤ 64) endpoints but those in the set `except` (bit i = endpoint i) and those of another
 * chain, or n where there is none. Order: healthy, verified chain, not lagging, then latency — where `current` (n =
 * none) stays ahead unless another is clearly quicker, so that reads come from one view of the chain. */
size_t rpc_endpoint_best(const struct rpc_endpoint *eps, size_t n, size_t current, uint64_t except, uint64_t now_ms);

/* The head to measure the endpoints by; 0 = none known. Of three and more that are up it is the second highest: what
 * one alone claims counts for nothing, nor against it. Of two the higher, for the other is likely to lag; but a head
 * that has stood still since the last comparison while the lower one moved is no chain's. One is measured by itself. */
uint64_t rpc_endpoint_common_head(const struct rpc_endpoint *eps, size_t n);

/* Marks those as lagging whose head is more than `allowed` blocks behind common, and remembers the heads. */
void rpc_endpoint_compare_heads(struct rpc_endpoint *eps, size_t n, uint64_t common, uint64_t allowed);

#endif
