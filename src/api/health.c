#include "api/health.h"

#include <stddef.h>

/* NULL where all is well, else why not. */
typedef const char *check_fn(const struct node_status *s);

static const char *check_loop(const struct node_status *s)
{
    (void)s;
    return NULL; /* it answers this request */
}

static const char *check_configured(const struct node_status *s)
{
    if (!s->has_owner)
        return "no owner is configured (POST /immutable-config)";
    return s->has_gas_key ? NULL : "no gas key is configured (POST /mutable-config)";
}

static const char *check_rpc(const struct node_status *s)
{
    for (size_t i = 0; i < s->n_endpoints; i++)
        if (!s->endpoints[i].is_ws && s->endpoints[i].up && !s->endpoints[i].wrong_chain)
            return NULL;
    return "no endpoint of http_rpc_url answers";
}

static const char *check_chain(const struct node_status *s)
{
    return s->generation ? NULL : "no endpoint has told yet what the contracts are";
}

static const char *check_watcher(const struct node_status *s)
{
    if (!s->following)
        return "the node does not follow the chain yet";
    return s->chain.live ? NULL : "the subscription of web_socket_url is down or not caught up";
}

static const char *check_registered(const struct node_status *s)
{
    static const char *const reasons[REG_COUNT] = {
        [REG_INVALID] = "the contract has not been asked yet",
        [REG_UNKNOWN] = "the contract has not answered yet",
        [REG_ABSENT] = "the enclave is not registered",
        [REG_DRAINING] = "the executor is draining on the contract",
        [REG_FOREIGN] = "the enclave is registered to another owner than the one configured",
    };
    return reasons[s->registration];
}

static const char *check_draining(const struct node_status *s)
{
    return s->draining ? "the node is stopping and takes no job" : NULL;
}

static const char *check_workers(const struct node_status *s)
{
    return s->pool.broken < s->pool.capacity ? NULL : "no worker can be started";
}

static const char *check_gas(const struct node_status *s)
{
    if (!s->tx.balance_known)
        return "the gas account's balance is not known yet";
    return !s->tx.answer_cost_known || s->tx.answers_left > 0 ? NULL : "the gas account cannot pay for an answer";
}

static const struct check {
    const char *name;
    check_fn *fn;
} checks[] = {
    { "loop", check_loop },         { "configured", check_configured }, { "rpc", check_rpc },
    { "chain", check_chain },       { "watcher", check_watcher },       { "registered", check_registered },
    { "draining", check_draining }, { "workers", check_workers },       { "gas", check_gas },
};
#define N_CHECKS (sizeof checks / sizeof *checks)

bool health_list(struct buf *out, const struct node_status *s)
{
    bool well = true;
    for (size_t i = 0; i < N_CHECKS; i++) {
        const char *reason = checks[i].fn(s);
        if (reason)
            buf_printf(out, "[-]%s failed: %s\n", checks[i].name, reason);
        else
            buf_printf(out, "[+]%s ok\n", checks[i].name);
        well = well && !reason;
    }
    return well;
}

bool health_ready(struct buf *out, const struct node_status *s)
{
    for (size_t i = 0; i < N_CHECKS; i++) {
        const char *reason = checks[i].fn(s);
        if (!reason)
            continue;
        buf_printf(out, "%s: %s", checks[i].name, reason);
        return false;
    }
    return true;
}
