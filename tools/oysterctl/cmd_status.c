/* status: the node and the chain side by side, and what does not fit. */
#include <errno.h>
#include <string.h>

#include "chain.h"
#include "chain/tx_fees.h"
#include "commands.h"
#include "ctl.h"
#include "node_api.h"
#include "stake.h"

#define ANSWER_CALL_BYTES 420 /* of submitOutput with a short output */
#define DEFAULT_CALLBACK_GAS 1000000
#define ANSWERS_COUNTED_MAX 1000000

static const struct option_def options[] = {
    { .name = "--enclave",
      .kind = OPT_ADDRESS,
      .value = "ADDRESS",
      .help = "this executor, without asking a node [default: the node's]" },
    { 0 },
};

struct status {
    bool has_node;
    struct node_details node;
    struct address enclave;
    struct executor_info info;
    struct u256 minimum, gas_balance;
    struct token token;
    uint64_t answers; /* that the gas balance pays for */
    bool answers_known;
};

static bool registered(const struct status *s)
{
    return !address_is_zero(&s->info.owner);
}

/* ---- reading ---- */

/* The limit that a node sends its first answer with. */
static uint64_t answer_gas(uint64_t callback_gas)
{
    static const uint8_t call[ANSWER_CALL_BYTES];
    struct gas_model m;
    gas_model_init(&m, callback_gas);
    return gas_limit(&m, TX_SUBMIT_OUTPUT, call, sizeof call, 0);
}

static int read_answers(struct status *s, struct ctl *c, struct err *e)
{
    const struct config *config;
    struct fee_market market = { .known = true, .legacy = true }; /* what one gas costs at the moment */
    if (ctl_config(&config, c, e) < 0)
        return e->code;
    if (chain_u256(&market.base_fee, c->chain, "eth_gasPrice", "[]", NULL) < 0)
        return 0;
    s->answers = fee_affords(&market, answer_gas(config ? config->callback_gas : DEFAULT_CALLBACK_GAS), s->gas_balance,
                             ANSWERS_COUNTED_MAX);
    s->answers_known = true;
    return 0;
}

static int read_chain(struct status *s, struct ctl *c, struct err *e)
{
    int rc = chain_executor_info(&s->info, c, &s->enclave, e);
    if (rc == 0)
        rc = chain_stake_token(&s->token, c, e);
    if (rc == 0)
        rc = stake_minimum(&s->minimum, c, e);
    if (rc < 0 || !s->has_node || address_is_zero(&s->node.gas))
        return rc;
    rc = chain_balance(&s->gas_balance, c->chain, &s->node.gas, e);
    return rc < 0 ? rc : read_answers(s, c, e);
}

static int gather(struct status *s, struct ctl *c, struct err *e)
{
    s->has_node = !args_address(&s->enclave, &c->args, "--enclave");
    if (s->has_node) {
        int rc = node_details(&s->node, c, e);
        if (rc < 0)
            return rc;
        s->enclave = s->node.enclave;
    }
    return read_chain(s, c, e);
}

/* ---- showing ---- */

static void out_known_address(struct out *o, const char *key, const struct address *a)
{
    if (address_is_zero(a))
        out_null(o, key);
    else
        out_address(o, key, a);
}

static void out_node(struct out *o, const struct status *s)
{
    out_object(o, "node");
    out_known_address(o, "owner", &s->node.owner);
    out_known_address(o, "gas_account", &s->node.gas);
    if (!address_is_zero(&s->node.gas)) {
        out_amount(o, "gas_balance", s->gas_balance, "ETH");
        if (s->answers_known)
            out_u64(o, "answers_paid_for", s->answers);
    }
    out_end(o);
}

static void out_chain(struct out *o, const struct status *s, enum generation g)
{
    out_object(o, "chain");
    out_u64(o, "generation", (uint64_t)g);
    out_bool(o, "registered", registered(s));
    if (registered(s)) {
        out_address(o, "owner", &s->info.owner);
        if (s->info.env >= 0)
            out_u64(o, "env", (uint64_t)s->info.env);
        out_u64(o, "job_capacity", s->info.job_capacity);
        out_u64(o, "active_jobs", s->info.active_jobs);
        out_amount_of(o, "stake", s->info.stake, s->token.symbol, s->token.decimals);
        out_bool(o, "draining", s->info.draining);
    }
    out_amount_of(o, "minimum_stake", s->minimum, s->token.symbol, s->token.decimals);
    out_end(o);
}

/* What an owner should do something about. */
static void out_problems(struct out *o, const struct status *s)
{
    out_array(o, "problems");
    if (s->has_node && address_is_zero(&s->node.owner))
        out_str(o, NULL, "the node has no owner yet (oysterctl configure)");
    if (s->has_node && address_is_zero(&s->node.gas))
        out_str(o, NULL, "the node has no gas key yet (oysterctl configure)");
    if (!registered(s))
        out_str(o, NULL, "the executor is not registered (oysterctl register)");
    if (registered(s) && s->has_node && !address_eq(&s->node.owner, &s->info.owner))
        out_str(o, NULL, "the node's owner is not the one that the chain has");
    if (registered(s) && u256_cmp(s->info.stake, s->minimum) < 0)
        out_str(o, NULL, "the stake is below the minimum: no job comes (oysterctl stake add)");
    if (registered(s) && s->info.draining)
        out_str(o, NULL, "the executor is draining: no job comes (oysterctl revive)");
    if (s->answers_known && s->answers < 100)
        out_str(o, NULL, "the gas account pays for fewer than 100 answers: send it ether");
    out_end(o);
}

static int run(struct ctl *c, struct err *e)
{
    struct status s = { 0 };
    enum generation g;
    int rc = gather(&s, c, e);
    if (rc == 0)
        rc = chain_generation(&g, c, e);
    if (rc < 0)
        return rc;
    out_address(c->out, "enclave", &s.enclave);
    if (s.has_node)
        out_node(c->out, &s);
    out_chain(c->out, &s, g);
    out_problems(c->out, &s);
    return CTL_OK;
}

const struct command cmd_status = {
    .name = "status",
    .group = GROUP_EXECUTOR,
    .arguments = "",
    .summary = "the node and the chain side by side: registration, stake, jobs, gas",
    .details = "The gas balance is counted in answers too: at the present price, with the gas limit that a node sends "
               "a first\n"
               "answer with. The node itself learns what answers really use (its /metrics).\n",
    .options = options,
    .run = run,
};
