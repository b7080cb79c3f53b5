#include "stake.h"

#include <errno.h>

#include "ctl.h"
#include "value.h"

int stake_minimum(struct u256 *out, struct ctl *c, struct err *e)
{
    struct buf call = { 0 };
    struct address executors;
    struct chain *ch = ctl_chain(c, e);
    if (!ch || chain_executors(&executors, c, e) < 0)
        return e->code;
    call_view(&call, VIEW_MIN_STAKE_AMOUNT);
    return chain_view_u256(out, ch, &executors, &call, "MIN_STAKE_AMOUNT()", e);
}

static int check_holds(struct ctl *c, const struct token *token, const struct address *owner, struct u256 amount,
                       struct err *e)
{
    struct buf call = { 0 };
    struct u256 balance;
    char have[AMOUNT_TEXT_MAX], need[AMOUNT_TEXT_MAX], who[ADDRESS_TEXT_MAX];
    call_balance_of(&call, owner);
    int rc = chain_view_u256(&balance, c->chain, &token->address, &call, "balanceOf(address)", e);
    if (rc < 0 || u256_cmp(balance, amount) >= 0)
        return rc;
    return err_set(e, -ENOSPC, "%s has %s %s, %s are needed: nothing was sent", address_checksum(who, owner),
                   amount_text(have, balance, token->decimals), *token->symbol ? token->symbol : "tokens",
                   amount_text(need, amount, token->decimals));
}

int approve_if_short(struct send_calls *calls, struct ctl *c, const struct token *token, const struct address *owner,
                     const struct address *spender, struct u256 amount, struct err *e)
{
    struct buf call = { 0 };
    struct u256 allowance;
    int rc = check_holds(c, token, owner, amount, e);
    if (rc < 0)
        return rc;
    call_allowance(&call, owner, spender);
    rc = chain_view_u256(&allowance, c->chain, &token->address, &call, "allowance(address,address)", e);
    if (rc < 0 || u256_cmp(allowance, amount) >= 0)
        return rc;
    call_approve(&send_add(calls, &token->address, *token->symbol ? token->symbol : "token")->data, spender, amount);
    return 0;
}
