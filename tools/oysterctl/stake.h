/* Stake and allowances, as several commands need them. */
#ifndef OYSTERCTL_STAKE_H
#define OYSTERCTL_STAKE_H

#include "chain.h"
#include "send.h"

/* MIN_STAKE_AMOUNT of the Executors contract. */
int stake_minimum(struct u256 *out, struct ctl *c, struct err *e);

/* Checks that owner holds amount of the token, and adds an approve call where spender may not take so much yet. */
int approve_if_short(struct send_calls *calls, struct ctl *c, const struct token *token, const struct address *owner,
                     const struct address *spender, struct u256 amount, struct err *e);

#endif
