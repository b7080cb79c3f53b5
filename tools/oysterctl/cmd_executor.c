/* drain, revive, deregister, stake add, stake remove: one call about one executor each. */
#include <errno.h>
#include <string.h>

#include "chain.h"
#include "commands.h"
#include "ctl.h"
#include "node_api.h"
#include "send.h"
#include "signer.h"
#include "stake.h"
#include "util/cleanup.h"
#include "value.h"

static const struct option_def options[] = {
    { .name = "--enclave", .kind = OPT_ADDRESS, .value = "ADDRESS", .help = "the executor [default: the node's]" },
    { 0 },
};

typedef void plain_call_fn(struct buf *out, const struct address *enclave);
typedef void amount_call_fn(struct buf *out, const struct address *enclave, struct u256 amount);

struct change {
    struct seckey key;
    struct address enclave, executors;
    struct executor_info info;
};

static void change_wipe(struct change *ch)
{
    seckey_wipe(&ch->key);
}

/* What every change needs: the key, the executor, and that it is registered and the key's. */
static int gather(struct change *ch, struct ctl *c, struct err *e)
{
    char a[ADDRESS_TEXT_MAX], b[ADDRESS_TEXT_MAX];
    int rc = signer_load(&ch->key, c, e);
    if (rc == 0)
        rc = ctl_enclave(&ch->enclave, c, e);
    if (rc == 0)
        rc = chain_executors(&ch->executors, c, e);
    if (rc == 0)
        rc = chain_executor_info(&ch->info, c, &ch->enclave, e);
    if (rc < 0)
        return rc;
    out_address(c->out, "enclave", &ch->enclave);
    if (address_is_zero(&ch->info.owner))
        return err_set(e, -ENOENT, "%s is not registered", address_checksum(a, &ch->enclave));
    if (!address_eq(&ch->info.owner, &ch->key.address))
        ctl_warn(c, "%s belongs to %s, not to the key that signs", address_checksum(a, &ch->enclave),
                 address_checksum(b, &ch->info.owner));
    return 0;
}

static int run_plain(struct ctl *c, plain_call_fn *call, struct err *e)
{
    CLEANUP(change_wipe) struct change ch = { 0 };
    CLEANUP(send_calls_free) struct send_calls calls = { 0 };
    int rc = gather(&ch, c, e);
    if (rc < 0)
        return rc;
    call(&send_add(&calls, &ch.executors, "Executors contract")->data, &ch.enclave);
    return send_all(NULL, c, &ch.key, &calls, e);
}

static int run_drain(struct ctl *c, struct err *e)
{
    return run_plain(c, call_drain_executor, e);
}

static int run_revive(struct ctl *c, struct err *e)
{
    return run_plain(c, call_revive_executor, e);
}

static int run_deregister(struct ctl *c, struct err *e)
{
    return run_plain(c, call_deregister_executor, e);
}

static int run_stake(struct ctl *c, bool add, struct err *e)
{
    CLEANUP(change_wipe) struct change ch = { 0 };
    CLEANUP(send_calls_free) struct send_calls calls = { 0 };
    struct token token;
    struct u256 amount;
    const char *given = args_at(&c->args, 0);
    if (value_amount_of(&amount, "AMOUNT", given, VALUE_DECIMALS_MAX, e) < 0) /* whatever the token's decimals are */
        return -CTL_EUSAGE;
    int rc = gather(&ch, c, e);
    if (rc == 0)
        rc = chain_stake_token(&token, c, e);
    if (rc == 0)
        rc = value_amount_of(&amount, "AMOUNT", given, token.decimals, e);
    if (rc == 0 && add)
        rc = approve_if_short(&calls, c, &token, &ch.key.address, &ch.executors, amount, e);
    if (rc < 0)
        return rc;
    out_amount_of(c->out, "amount", amount, token.symbol, token.decimals);
    amount_call_fn *call = add ? call_add_executor_stake : call_remove_executor_stake;
    call(&send_add(&calls, &ch.executors, "Executors contract")->data, &ch.enclave, amount);
    return send_all(NULL, c, &ch.key, &calls, e);
}

static int run_stake_add(struct ctl *c, struct err *e)
{
    return run_stake(c, true, e);
}

static int run_stake_remove(struct ctl *c, struct err *e)
{
    return run_stake(c, false, e);
}

const struct command cmd_drain = {
    .name = "drain",
    .group = GROUP_EXECUTOR,
    .arguments = "",
    .summary = "take no new jobs; those under way are finished",
    .options = options,
    .signs = true,
    .run = run_drain,
};

const struct command cmd_revive = {
    .name = "revive",
    .group = GROUP_EXECUTOR,
    .arguments = "",
    .summary = "take jobs again after a drain",
    .options = options,
    .signs = true,
    .run = run_revive,
};

const struct command cmd_deregister = {
    .name = "deregister",
    .group = GROUP_EXECUTOR,
    .arguments = "",
    .summary = "leave, and get the stake back; drained and without jobs only",
    .options = options,
    .signs = true,
    .run = run_deregister,
};

const struct command cmd_stake_add = {
    .name = "stake add",
    .group = GROUP_EXECUTOR,
    .arguments = "AMOUNT",
    .min_args = 1,
    .max_args = 1,
    .summary = "add to the executor's stake",
    .details =
        "AMOUNT is in whole tokens (100, 0.5) or in the smallest unit (1000wei). Where the contract may not take\n"
        "so much yet, an approve is sent first.\n",
    .options = options,
    .signs = true,
    .run = run_stake_add,
};

const struct command cmd_stake_remove = {
    .name = "stake remove",
    .group = GROUP_EXECUTOR,
    .arguments = "AMOUNT",
    .min_args = 1,
    .max_args = 1,
    .summary = "take back part of the stake; drained and without jobs only",
    .details = "AMOUNT is in whole tokens (100, 0.5) or in the smallest unit (1000wei).\n",
    .options = options,
    .signs = true,
    .run = run_stake_remove,
};
