#include "api/metrics.h"

#include <stdio.h>
#include <string.h>

#include "api/exposition.h"
#include "net/rpc_tally.h"
#include "util/process.h"

#define NAME(rest) "oyster_executor_" rest

#define COUNTER "counter"
#define GAUGE "gauge"

/* ---- one number each ---- */

struct number {
    const char *name, *type, *help;
    bool known; /* false: no sample */
    double value;
};

static void put_numbers(struct buf *out, const struct number *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        exposition_family(out, numbers[i].name, numbers[i].type, numbers[i].help);
        if (numbers[i].known)
            exposition_f64(out, numbers[i].name, NULL, 0, numbers[i].value);
    }
}

#define PUT_NUMBERS(out, numbers) put_numbers(out, numbers, sizeof(numbers) / sizeof *(numbers))

static void put_work(struct buf *out, const struct node_status *s)
{
    const struct number numbers[] = {
        { NAME("jobs_received_total"), COUNTER, "Jobs that named this node.", true, (double)s->jobs.received },
        { NAME("jobs_open"), GAUGE, "Jobs whose answer is not settled on the chain.", true, (double)s->jobs.open },
        { NAME("jobs_waiting"), GAUGE, "Jobs that wait for a worker.", true, (double)s->pool.waiting },
        { NAME("worker_oom_kills_total"), COUNTER, "Workers that the memory limit ended.", true,
          (double)s->pool.oom_kills },
        { NAME("worker_boot_failures_total"), COUNTER, "Workers that did not come up.", true,
          (double)s->pool.boot_failures },
        { NAME("worker_held_deaths_total"), COUNTER, "Workers that ended before their job had begun.", true,
          (double)s->pool.held_deaths },
        { NAME("slots_broken"), GAUGE, "Slots whose last boots have all failed.", true, (double)s->pool.broken },
        { NAME("egress_restarts_total"), COUNTER, "Restarts of the gateway through which jobs fetch.", true,
          (double)s->pool.egress_restarts },
        { NAME("ledger_failures_total"), COUNTER, "Writes to the ledger that failed.", true,
          (double)s->ledger_failures },
    };
    PUT_NUMBERS(out, numbers);
}

static void put_chain(struct buf *out, const struct node_status *s)
{
    const struct number numbers[] = {
        { NAME("chain_head_block"), GAUGE, "Number of the newest block.", s->chain.head_block > 0,
          (double)s->chain.head_block },
        { NAME("last_processed_block"), GAUGE, "All events up to this block are processed for sure.",
          s->chain.head_block > 0, (double)s->chain.last_processed_block },
        { NAME("chain_live"), GAUGE, "1 while events come by subscription and none is missing.", true,
          (double)s->chain.live },
        { NAME("events_backfilled_total"), COUNTER, "Events that were read back, not streamed.", true,
          (double)s->chain.events_backfilled },
        { NAME("reorgs_total"), COUNTER, "Reorganisations of the chain that were seen.", true,
          (double)s->chain.reorgs },
        { NAME("ws_reconnects_total"), COUNTER, "Times that the WebSocket endpoint that leads was lost or left.", true,
          (double)s->chain.reconnects },
        { NAME("clock_skew_seconds"), GAUGE, "The chain's time less this machine's, as of the newest block.",
          s->clock_known, (double)s->clock_skew_ms / 1000 },
    };
    PUT_NUMBERS(out, numbers);
}

static void put_sending(struct buf *out, const struct node_status *s)
{
    const struct number numbers[] = {
        { NAME("tx_sent_total"), COUNTER, "Transactions signed and sent, replacements not counted.", true,
          (double)s->tx.sent },
        { NAME("tx_replaced_total"), COUNTER, "Transactions sent again with a higher fee.", true,
          (double)s->tx.replaced },
        { NAME("tx_reverted_total"), COUNTER, "Transactions that the contract refused.", true, (double)s->tx.reverted },
        { NAME("tx_expired_total"), COUNTER, "Transactions that were not included while of use.", true,
          (double)s->tx.expired },
        { NAME("tx_pending"), GAUGE, "Transactions that wait to be sent.", true, (double)s->tx.pending },
        { NAME("tx_in_flight"), GAUGE, "Transactions sent and not seen included.", true, (double)s->tx.in_flight },
        { NAME("nonce_local"), GAUGE, "Next nonce of the gas account, as the node counts.", s->has_gas_key,
          (double)s->tx.nonce_local },
        { NAME("nonce_chain"), GAUGE, "Next nonce of the gas account, as the chain counts.", s->has_gas_key,
          (double)s->tx.nonce_chain },
        { NAME("gas_balance_ether"), GAUGE, "Balance of the gas account.", s->tx.balance_known,
          u256_to_f64(s->tx.balance_wei) / 1e18 },
        { NAME("answer_cost_ether"), GAUGE, "What an answer costs at the present price of gas.",
          s->tx.answer_cost_known, u256_to_f64(s->tx.answer_cost_wei) / 1e18 },
        { NAME("answers_left"), GAUGE, "Answers that the gas account's balance pays for.",
          s->tx.balance_known && s->tx.answer_cost_known, (double)s->tx.answers_left },
    };
    PUT_NUMBERS(out, numbers);
}

static void put_standing(struct buf *out, const struct node_status *s)
{
    const struct number numbers[] = {
        { NAME("slashed_total"), COUNTER, "Times that the contract took stake from this node.", true,
          (double)s->slasher.against_us },
        { NAME("slash_reports_total"), COUNTER, "Jobs without answers that this node has reported.", true,
          (double)s->slasher.sent },
        { NAME("slash_reports_won_total"), COUNTER, "Reports of this node that were the first.", true,
          (double)s->slasher.slashed },
        { NAME("registered"), GAUGE, "1 while the contract knows this executor.", true,
          (double)(s->registration == REG_ACTIVE || s->registration == REG_DRAINING) },
        { NAME("draining"), GAUGE, "1 while no new job is taken: draining on the contract, or stopping.", true,
          (double)(s->draining || s->registration == REG_DRAINING) },
        { NAME("stake_tokens"), GAUGE, "Stake of this executor, in units of 10^18.", s->stake_known,
          u256_to_f64(s->stake) / 1e18 },
        { NAME("attestation_age_seconds"), GAUGE, "Age of the enclave's attestation document.", s->attestation_known,
          (double)s->attestation_age_ms / 1000 },
    };
    PUT_NUMBERS(out, numbers);
}

/* ---- with labels ---- */

static void put_build(struct buf *out, const struct node_status *s)
{
    exposition_family(out, NAME("build_info"), GAUGE, "The program's version; always 1.");
    exposition_u64(out, NAME("build_info"), &(struct label){ "version", s->version }, 1, 1);
}

static void put_jobs(struct buf *out, const struct node_status *s)
{
    exposition_family(out, NAME("jobs_total"), COUNTER, "Verdicts that were reached, by result.");
    for (unsigned r = 0; r < JOB_RESULT_COUNT; r++)
        exposition_u64(out, NAME("jobs_total"), &(struct label){ "result", job_result_name((enum job_result)r) }, 1,
                       s->jobs.by_result[r]);
    exposition_family(out, NAME("jobs_settled_total"), COUNTER,
                      "Jobs that are over: answer on the chain, none in time, or not wanted any more.");
    exposition_u64(out, NAME("jobs_settled_total"), &(struct label){ "outcome", "confirmed" }, 1, s->jobs.confirmed);
    exposition_u64(out, NAME("jobs_settled_total"), &(struct label){ "outcome", "expired" }, 1, s->jobs.expired);
    exposition_u64(out, NAME("jobs_settled_total"), &(struct label){ "outcome", "dropped" }, 1, s->jobs.dropped);
}

static void put_slots(struct buf *out, const struct node_status *s)
{
    const struct {
        const char *state;
        uint32_t n;
    } states[] = {
        { "empty", s->pool.empty },     { "booting", s->pool.booting },   { "held", s->pool.held },
        { "running", s->pool.running }, { "clearing", s->pool.clearing }, { "resting", s->pool.resting },
    };
    exposition_family(out, NAME("slots"), GAUGE, "Slots for workers, by state.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        exposition_u64(out, NAME("slots"), &(struct label){ "state", states[i].state }, 1, states[i].n);
}

static void put_durations(struct buf *out, const struct node_status *s)
{
    exposition_family(out, NAME("job_duration_seconds"), "histogram", "From a job's event to its verdict.");
    exposition_histogram(out, NAME("job_duration_seconds"), NULL, &s->jobs.duration);
    exposition_family(out, NAME("event_to_tx_seconds"), "histogram",
                      "From a job's event to the first bytes of its answer's transaction.");
    exposition_histogram(out, NAME("event_to_tx_seconds"), NULL, &s->jobs.event_to_tx);
    exposition_family(out, NAME("worker_start_seconds"), "histogram",
                      "From the start of a worker to where it waits for a job.");
    exposition_histogram(out, NAME("worker_start_seconds"), NULL, &s->pool.start);
}

/* ---- RPC endpoints ---- */

/* Room for an endpoint's label. */
struct endpoint_name {
    char text[320];
};

/* Scheme, host and port. Two endpoints may differ in what is not shown: the second is told apart by "#2". */
static const char *name_endpoint(struct endpoint_name *out, const struct node_status *s, size_t i)
{
    unsigned same = 1;
    for (size_t k = 0; k < i; k++)
        same += strcmp(s->endpoints[k].url, s->endpoints[i].url) == 0;
    (void)snprintf(out->text, sizeof out->text, same > 1 ? "%.300s#%u" : "%.300s", s->endpoints[i].url, same);
    return out->text;
}

static void put_endpoints_up(struct buf *out, const struct node_status *s)
{
    struct endpoint_name name;
    exposition_family(out, NAME("rpc_endpoint_up"), GAUGE, "1 where the last exchange with the endpoint succeeded.");
    for (size_t i = 0; i < s->n_endpoints; i++) {
        const struct rpc_endpoint_status *ep = &s->endpoints[i];
        exposition_u64(out, NAME("rpc_endpoint_up"), &(struct label){ "endpoint", name_endpoint(&name, s, i) }, 1,
                       ep->up && !ep->wrong_chain);
    }
}

/* An endpoint that was not asked yet has no sample. */
static void put_endpoint_heads(struct buf *out, const struct node_status *s)
{
    struct endpoint_name name;
    exposition_family(out, NAME("rpc_endpoint_head_block"), GAUGE, "Number of the newest block that the endpoint has.");
    for (size_t i = 0; i < s->n_endpoints; i++)
        if (s->endpoints[i].head > 0)
            exposition_u64(out, NAME("rpc_endpoint_head_block"),
                           &(struct label){ "endpoint", name_endpoint(&name, s, i) }, 1, s->endpoints[i].head);
}

static void put_requests_of(struct buf *out, const char *endpoint, const struct rpc_tally *t)
{
    for (size_t m = 0; m < RPC_TALLY_METHODS; m++)
        for (unsigned kind = 0; kind < RPC_ERR_KINDS; kind++) {
            struct label labels[] = { { "endpoint", endpoint },
                                      { "method", rpc_tally_method_name(m) },
                                      { "outcome", rpc_tally_outcome_name((enum rpc_error_kind)kind) } };
            if (t->answers[m][kind])
                exposition_u64(out, NAME("rpc_requests_total"), labels, 3, t->answers[m][kind]);
        }
}

static void put_requests(struct buf *out, const struct node_status *s)
{
    struct endpoint_name name;
    exposition_family(out, NAME("rpc_requests_total"), COUNTER,
                      "JSON-RPC requests that are over; error = the endpoint answered with an error object.");
    for (size_t i = 0; i < s->n_endpoints; i++)
        put_requests_of(out, name_endpoint(&name, s, i), s->endpoints[i].tally);
}

static void put_latency(struct buf *out, const struct node_status *s)
{
    exposition_family(out, NAME("rpc_request_duration_seconds"), "histogram",
                      "JSON-RPC requests, from the first byte to the end of the answer, over all endpoints.");
    for (size_t m = 0; m < RPC_TALLY_METHODS; m++) {
        struct histogram all = { 0 };
        for (size_t i = 0; i < s->n_endpoints; i++)
            histogram_merge(&all, &s->endpoints[i].tally->latency[m]);
        if (histogram_count(&all))
            exposition_histogram(out, NAME("rpc_request_duration_seconds"),
                                 &(struct label){ "method", rpc_tally_method_name(m) }, &all);
    }
}

/* ---- the process: names that every exporter uses ---- */

static void put_process(struct buf *out)
{
    struct process_usage u;
    process_usage(&u);
    const struct number numbers[] = {
        { "process_cpu_seconds_total", COUNTER, "User and system time.", true, (double)u.cpu_us / 1e6 },
        { "process_resident_memory_bytes", GAUGE, "Resident memory.", true, (double)u.resident_bytes },
        { "process_virtual_memory_bytes", GAUGE, "Virtual memory.", true, (double)u.virtual_bytes },
        { "process_open_fds", GAUGE, "Open file descriptors.", true, (double)u.open_fds },
        { "process_max_fds", GAUGE, "Most file descriptors that may be open.", true, (double)u.max_fds },
        { "process_start_time_seconds", GAUGE, "Start of the process since the epoch.", true,
          (double)u.start_wall_ms / 1e3 },
    };
    PUT_NUMBERS(out, numbers);
}

void metrics_put(struct buf *out, const struct node_status *s)
{
    put_build(out, s);
    put_jobs(out, s);
    put_durations(out, s);
    put_slots(out, s);
    put_work(out, s);
    put_chain(out, s);
    put_sending(out, s);
    put_standing(out, s);
    put_endpoints_up(out, s);
    put_endpoint_heads(out, s);
    put_requests(out, s);
    put_latency(out, s);
    put_process(out);
}
