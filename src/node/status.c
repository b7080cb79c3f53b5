/* What an operator may see of the node: one snapshot, and the server that shows it. */
#include <errno.h>
#include <string.h>

#include "node/internal.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/hostport.h"
#include "util/log.h"

static void put_endpoints(struct node_status *out, const struct rpc *rpc)
{
    out->n_endpoints = rpc_endpoint_count(rpc);
    out->endpoints = xcalloc(out->n_endpoints, sizeof *out->endpoints);
    for (size_t i = 0; i < out->n_endpoints; i++)
        rpc_endpoint_status(rpc, i, &out->endpoints[i]);
}

/* What there is once the node follows the chain. */
static void put_following(struct node_status *out, const struct node *n)
{
    out->following = true;
    out->registration = registrar_state(n->registrar);
    out->stake_known = registrar_stake(n->registrar, &out->stake);
    jobs_stats(n->jobs, &out->jobs);
    slasher_stats(n->slasher, &out->slasher);
    out->open_jobs = xcalloc(STATUS_JOBS_MAX, sizeof *out->open_jobs);
    out->n_open_jobs = jobs_open(n->jobs, out->open_jobs, STATUS_JOBS_MAX);
    if (n->watcher) /* from the first head on */
        watcher_stats(n->watcher, &out->chain);
}

static void op_status(void *arg, struct node_status *out)
{
    const struct node *n = arg;
    const struct config *c = n->config;
    *out = (struct node_status){ .version = OYSTER_VERSION,
                                 .uptime_ms = clock_mono_ms() - n->started_ms,
                                 .chain_id = c->common_chain_id,
                                 .generation = n->generation,
                                 .env = n->generation == GENERATION_2 ? node_environment(c) : -1,
                                 .enclave = n->enclave_key->address,
                                 .has_owner = n->has_owner,
                                 .has_gas_key = n->has_gas_key,
                                 .owner = n->owner,
                                 .gas_address = n->gas_address,
                                 .draining = n->draining,
                                 .registration = REG_UNKNOWN,
                                 .clock_known = n->clock.set,
                                 .clock_skew_ms = n->clock.skew_ms,
                                 .attestation_known = n->attested,
                                 .attestation_age_ms = clock_mono_ms() - n->attested_ms,
                                 .ledger_failures = ledger_failures(n->ledger) };
    pool_stats(n->pool, &out->pool);
    tx_queue_stats(n->tx, &out->tx);
    put_endpoints(out, n->rpc);
    if (n->registrar)
        put_following(out, n);
}

int node_open_monitor(struct node *n, struct err *e)
{
    static const struct monitor_ops ops = { op_status };
    const char *given = n->config->metrics_addr;
    struct hostport at;
    struct err why = { 0 };
    if (given && strcmp(given, "off") == 0)
        return 0;
    if (hostport_parse(&at, given ? given : CONFIG_METRICS_ADDR_DEFAULT, e) < 0)
        return err_wrap(e, "metrics_addr: found \"%.100s\"", given);
    n->monitor = monitor_new(n->loop, at.host, at.port, &ops, n, &why);
    if (n->monitor) {
        log_info("monitor_listens", F_STR("address", at.host), F_U64("port", monitor_port(n->monitor)));
        return 0;
    }
    if (given)
        return err_set(e, why.code, "metrics_addr: %s", why.msg);
    log_warn("monitor_off", F_STR("error", why.msg), F_STR("hint", "metrics_addr names another address, or \"off\""));
    return 0;
}

void node_describe(const struct node *n, struct buf *out)
{
    struct jobs_stats jobs = { 0 };
    struct watcher_stats chain = { 0 };
    if (n->stopping) {
        buf_puts(out, "stopping");
        return;
    }
    if (!n->registrar) {
        buf_puts(out, !n->generation    ? "waiting for the chain"
                      : !n->has_owner   ? "waiting for its owner's address"
                      : !n->has_gas_key ? "waiting for its gas key"
                                        : "starting");
        return;
    }
    jobs_stats(n->jobs, &jobs);
    if (n->watcher)
        watcher_stats(n->watcher, &chain);
    buf_printf(out, "%s%s, %llu jobs open, block %llu", n->draining ? "draining, " : "",
               registration_name(registrar_state(n->registrar)), (unsigned long long)jobs.open,
               (unsigned long long)chain.head_block);
}
