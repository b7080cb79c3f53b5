#include "net/rpc_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "net/url.h"
#include "util/buf.h"
#include "util/sat.h"

#define ASIDE_FIRST_MS 1000u
#define ASIDE_MOST_MS 60000u
#define RETRY_AFTER_MOST_S 3600u

int rpc_endpoint_init(struct rpc_endpoint *ep, const char *url, bool is_ws, struct err *e)
{
    struct url u;
    memset(ep, 0, sizeof *ep);
    int rc = is_ws ? url_parse(&u, url, "ws", "wss", e) : url_parse(&u, url, "http", "https", e);
    if (rc < 0)
        return rc;
    struct buf origin = { 0 };
    url_origin(&origin, &u);
    buf_push(&origin, '\0');
    ep->origin = (char *)buf_steal(&origin);
    ep->url = xstrdup(url);
    ep->is_ws = is_ws;
    url_free(&u);
    return 0;
}

void rpc_endpoint_clear(struct rpc_endpoint *ep)
{
    free(ep->url);
    free(ep->origin);
    memset(ep, 0, sizeof *ep);
}

void rpc_endpoint_succeeded(struct rpc_endpoint *ep)
{
    ep->up = true;
    ep->failures_in_row = 0;
    ep->aside_until_ms = 0;
}

void rpc_endpoint_failed(struct rpc_endpoint *ep, uint32_t retry_after_s, uint64_t now_ms)
{
    unsigned doublings = ep->failures_in_row < 6 ? ep->failures_in_row : 6;
    uint64_t aside_ms = (uint64_t)ASIDE_FIRST_MS << doublings;
    if (aside_ms > ASIDE_MOST_MS)
        aside_ms = ASIDE_MOST_MS;
    if (retry_after_s)
        aside_ms = 1000u * (uint64_t)(retry_after_s < RETRY_AFTER_MOST_S ? retry_after_s : RETRY_AFTER_MOST_S);
    ep->up = false;
    ep->failures++;
    ep->failures_in_row++;
    if (now_ms + aside_ms > ep->aside_until_ms)
        ep->aside_until_ms = now_ms + aside_ms;
}

void rpc_endpoint_measured(struct rpc_endpoint *ep, uint64_t latency_us)
{
    uint64_t smoothed = ep->latency_us ? (7 * ep->latency_us + latency_us) / 8 : latency_us;
    ep->latency_us = smoothed ? smoothed : 1;
}

bool rpc_endpoint_healthy(const struct rpc_endpoint *ep, uint64_t now_ms)
{
    return ep->chain != RPC_CHAIN_WRONG && now_ms >= ep->aside_until_ms;
}

/* Higher is better; latency decides among equals. */
static int rank(const struct rpc_endpoint *ep, uint64_t now_ms)
{
    return (rpc_endpoint_healthy(ep, now_ms) ? 4 : 0) + (ep->chain == RPC_CHAIN_RIGHT ? 2 : 0) + (ep->lagging ? 0 : 1);
}

static bool is_better(const struct rpc_endpoint *a, const struct rpc_endpoint *b, bool b_is_current, uint64_t now_ms)
{
    int ra = rank(a, now_ms), rb = rank(b, now_ms);
    if (ra != rb)
        return ra > rb;
    if (!rpc_endpoint_healthy(a, now_ms)) /* all set aside: the one that was failing least recently */
        return a->aside_until_ms < b->aside_until_ms;
    if (!a->latency_us || !b->latency_us)
        return false;
    return b_is_current ? a->latency_us * 10 < b->latency_us * 7 : a->latency_us < b->latency_us;
}

size_t rpc_endpoint_best(const struct rpc_endpoint *eps, size_t n, size_t current, uint64_t except, uint64_t now_ms)
{
    size_t best = n;
    if (current < n && !(except >> current & 1) && eps[current].chain != RPC_CHAIN_WRONG)
        best = current;
    for (size_t i = 0; i < n; i++) {
        if (i == best || except >> i & 1 || eps[i].chain == RPC_CHAIN_WRONG)
            continue;
        if (best == n || is_better(&eps[i], &eps[best], best == current, now_ms))
            best = i;
    }
    return best;
}

static bool has_moved(const struct rpc_endpoint *ep)
{
    return ep->head_before && ep->head > ep->head_before;
}

uint64_t rpc_endpoint_common_head(const struct rpc_endpoint *eps, size_t n)
{
    const struct rpc_endpoint *first = NULL, *second = NULL;
    size_t known = 0;
    for (size_t i = 0; i < n; i++) {
        const struct rpc_endpoint *ep = &eps[i];
        if (ep->chain == RPC_CHAIN_WRONG || !ep->up || !ep->head)
            continue;
        known++;
        if (!first || ep->head > first->head) {
            second = first;
            first = ep;
        } else if (!second || ep->head > second->head) {
            second = ep;
        }
    }
    if (known < 2)
        return first ? first->head : 0;
    bool stuck = first->head == first->head_before && has_moved(second);
    return known > 2 || stuck ? second->head : first->head;
}

void rpc_endpoint_compare_heads(struct rpc_endpoint *eps, size_t n, uint64_t common, uint64_t allowed)
{
    for (size_t i = 0; i < n; i++) {
        eps[i].lagging = eps[i].head && sat_sub(common, eps[i].head) > allowed;
        eps[i].head_before = eps[i].head;
    }
}
