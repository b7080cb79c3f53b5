#include "net/rpc_health.h"

#include <stdio.h>
#include <stdlib.h>

#include "net/rpc_exchange.h"
#include "net/rpc_message.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"
#include "util/sat.h"

#define ROUND_MS 15000u

/* A head that is this long behind the others' is called lagging, whatever the chain's block time is. */
#define LAG_MS 10000u
#define LAG_LEAST_BLOCKS 3u

enum probe_step { PROBE_IDLE, PROBE_CHAIN, PROBE_HEAD };

struct probe {
    struct rpc_health *h;
    struct rpc_endpoint *ep;
    enum probe_step step;
    struct rpc_exchange *exchange;
    struct buf body;
};

struct rpc_health {
    struct rpc_health_config config;
    uv_timer_t round;
    rpc_checked_fn *checked;
    void *arg;
    uint64_t next_id;
    uint64_t last_common, last_compared_ms; /* at the last comparison */
    size_t n_heads_awaited;
    struct probe probes[];
};

static void on_probe_reply(void *arg, const struct rpc_reply *reply);

static bool probe_send(struct probe *p, enum probe_step step)
{
    struct rpc_health *h = p->h;
    struct err e = { 0 };
    uint64_t id = h->next_id++;
    buf_reset(&p->body);
    const char *method = step == PROBE_CHAIN ? "eth_chainId" : "eth_blockNumber";
    rpc_message_request(&p->body, id, method, "[]");
    struct rpc_question question = { (const char *)p->body.data, p->body.len, id, rpc_tally_method(method),
                                     h->config.timeout_ms };
    p->exchange = rpc_exchange_start(h->config.http, p->ep, &question, on_probe_reply, p, &e);
    p->step = p->exchange ? step : PROBE_IDLE;
    return p->exchange;
}

static bool reply_quantity(uint64_t *out, const struct rpc_reply *reply)
{
    size_t len;
    const char *text = json_str(reply->result, &len);
    return text && hex_decode_u64(out, text, len, NULL) == 0;
}

/* All heads of the round are in: whoever is further behind than the chain advances in LAG_MS is lagging. */
static void compare_heads(struct rpc_health *h)
{
    uint64_t now_ms = clock_mono_ms(), common = rpc_endpoint_common_head(h->config.eps, h->config.n);
    uint64_t passed_ms = now_ms - h->last_compared_ms, allowed = LAG_LEAST_BLOCKS;
    if (h->last_common && common > h->last_common && passed_ms) {
        uint64_t advanced = sat_mul(common - h->last_common, LAG_MS) / passed_ms;
        allowed = advanced > allowed ? advanced : allowed;
    }
    h->last_common = common;
    h->last_compared_ms = now_ms;
    rpc_endpoint_compare_heads(h->config.eps, h->config.n, common, allowed);
}

static void on_head(struct probe *p, const struct rpc_reply *reply)
{
    if (reply->error.kind == RPC_ERR_NONE && reply_quantity(&p->ep->head, reply))
        rpc_endpoint_measured(p->ep, reply->elapsed_us);
    if (--p->h->n_heads_awaited == 0)
        compare_heads(p->h);
}

static void on_chain(struct probe *p, const struct rpc_reply *reply)
{
    struct rpc_health *h = p->h;
    uint64_t chain_id = 0;
    char text[160];
    struct rpc_error error = reply->error;
    if (error.kind == RPC_ERR_NONE && !reply_quantity(&chain_id, reply)) {
        error = (struct rpc_error){ .kind = RPC_ERR_PROTOCOL, .message = "eth_chainId: the result is no quantity" };
    } else if (error.kind == RPC_ERR_NONE && chain_id != h->config.chain_id) {
        (void)snprintf(text, sizeof text, "%.80s is an endpoint of chain %llu, not %llu", p->ep->origin,
                       (unsigned long long)chain_id, (unsigned long long)h->config.chain_id);
        if (p->ep->chain != RPC_CHAIN_WRONG)
            log_error("rpc_wrong_chain", F_STR("endpoint", p->ep->origin), F_U64("chain_id", chain_id),
                      F_U64("expected", h->config.chain_id));
        p->ep->chain = RPC_CHAIN_WRONG;
        p->ep->wrong_chain_id = chain_id;
        error = (struct rpc_error){ .kind = RPC_ERR_PROTOCOL, .message = text };
    } else if (error.kind == RPC_ERR_NONE) {
        p->ep->chain = RPC_CHAIN_RIGHT;
        h->n_heads_awaited += probe_send(p, PROBE_HEAD) ? 1 : 0;
    }
    h->checked(h->arg, error.kind == RPC_ERR_NONE ? NULL : &error);
}

static void on_probe_reply(void *arg, const struct rpc_reply *reply)
{
    struct probe *p = arg;
    enum probe_step step = p->step;
    p->exchange = NULL;
    p->step = PROBE_IDLE;
    if (step == PROBE_CHAIN)
        on_chain(p, reply);
    else
        on_head(p, reply);
}

/* An endpoint in trouble is asked for its chain again: what comes back may be another machine. */
static void on_round(uv_timer_t *t)
{
    struct rpc_health *h = t->data;
    uint64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < h->config.n; i++) {
        struct probe *p = &h->probes[i];
        if (p->step != PROBE_IDLE || now_ms < p->ep->aside_until_ms)
            continue;
        if (p->ep->chain == RPC_CHAIN_RIGHT && p->ep->failures_in_row == 0)
            h->n_heads_awaited += probe_send(p, PROBE_HEAD) ? 1 : 0;
        else
            (void)probe_send(p, PROBE_CHAIN);
    }
}

struct rpc_health *rpc_health_new(const struct rpc_health_config *config, rpc_checked_fn *checked, void *arg)
{
    struct rpc_health *h = xcalloc(1, sizeof *h + config->n * sizeof h->probes[0]);
    h->config = *config;
    h->checked = checked;
    h->arg = arg;
    h->next_id = 1;
    for (size_t i = 0; i < config->n; i++) {
        h->probes[i].h = h;
        h->probes[i].ep = &config->eps[i];
    }
    (void)uv_timer_init(config->loop, &h->round);
    h->round.data = h;
    (void)uv_timer_start(&h->round, on_round, ROUND_MS, ROUND_MS);
    (void)rpc_health_check(h);
    return h;
}

size_t rpc_health_check(struct rpc_health *h)
{
    for (size_t i = 0; i < h->config.n; i++)
        if (h->probes[i].step == PROBE_IDLE && h->probes[i].ep->chain == RPC_CHAIN_UNKNOWN)
            (void)probe_send(&h->probes[i], PROBE_CHAIN);
    return rpc_health_checks(h);
}

size_t rpc_health_checks(const struct rpc_health *h)
{
    size_t n = 0;
    for (size_t i = 0; i < h->config.n; i++)
        n += h->probes[i].step == PROBE_CHAIN ? 1 : 0;
    return n;
}

static void on_round_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void rpc_health_free(struct rpc_health *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->config.n; i++) {
        rpc_exchange_cancel(h->probes[i].exchange);
        buf_free(&h->probes[i].body);
    }
    uv_close((uv_handle_t *)&h->round, on_round_closed);
}
