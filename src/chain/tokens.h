/* The tokens that amounts are in: which one stakes are of, and what each calls itself. For people to read; asked of the
 * chain when they are first wanted, and again later where it does not answer. */
#ifndef OYSTER_CHAIN_TOKENS_H
#define OYSTER_CHAIN_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/address.h"
#include "net/rpc.h"

#define TOKEN_SYMBOL_MAX 12 /* with its NUL; what a token says beyond that is cut */

struct tokens;

struct token_info {
    char symbol[TOKEN_SYMBOL_MAX]; /* printable ASCII; "" = the token does not say */
    uint8_t decimals;
};

/* rpc is borrowed and outlives it. executors: the contract that holds stakes. Asks nothing yet. */
struct tokens *tokens_new(struct rpc *rpc, const struct address *executors);

/* The token at this address. False while it is not known: it is being asked. */
bool tokens_get(struct tokens *t, struct token_info *out, const struct address *token);

/* The address of the token that stakes are in. False while it is not known: the contract is being asked. */
bool tokens_stake(struct tokens *t, struct address *out);

/* Ends what is under way. NULL allowed. */
void tokens_free(struct tokens *t);

#endif
