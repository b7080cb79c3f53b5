/* The chain, asked one question at a time: JSON-RPC and views of the contracts. */
#ifndef OYSTERCTL_CHAIN_H
#define OYSTERCTL_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "chain/contracts.h"
#include "chain/owner_calls.h"
#include "eth/address.h"
#include "eth/u256.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/json.h"

struct ctl;
struct chain;

/* The chain of --rpc-url, --chain-id or of the configuration, opened when first asked for; main frees it. NULL with e
 * filled: no URL, no chain id. Nothing is asked yet. */
struct chain *ctl_chain(struct ctl *c, struct err *e);
void chain_free(struct chain *ch);

/* The id that it was opened with. */
uint64_t chain_id(const struct chain *ch);

/* What an endpoint refused: its error object. */
struct refusal {
    bool is_revert;    /* data or message say that the call would revert */
    struct buf data;   /* revert data; may be empty */
    char message[256]; /* the endpoint's */
};
void refusal_free(struct refusal *r);

/* One request; params is the JSON text of the array. *out: the result (json_free). refusal: NULL, or filled on
 * -EREMOTEIO. Returns 0, -EREMOTEIO (an error object), -EIO (no endpoint answered). */
int chain_request(struct json **out, struct refusal *refusal, struct chain *ch, const char *method, const char *params,
                  struct err *e);

/* The same for a result that is a quantity of 64 or 256 bits. */
int chain_u64(uint64_t *out, struct chain *ch, const char *method, const char *params, struct err *e);
int chain_u256(struct u256 *out, struct chain *ch, const char *method, const char *params, struct err *e);

/* eth_call at the newest block; call is taken over. out: appended. what: for messages. */
int chain_view(struct buf *out, struct chain *ch, const struct address *to, struct buf *call, const char *what,
               struct err *e);
int chain_view_u256(struct u256 *out, struct chain *ch, const struct address *to, struct buf *call, const char *what,
                    struct err *e);
int chain_view_address(struct address *out, struct chain *ch, const struct address *to, struct buf *call,
                       const char *what, struct err *e);

/* Addresses of the contracts, from the options or the configuration. Return 0, or -EINVAL naming the option. */
int chain_executors(struct address *out, struct ctl *c, struct err *e);
int chain_jobs(struct address *out, struct ctl *c, struct err *e);
int chain_code(struct address *out, struct ctl *c, struct err *e);

/* Which generation the Executors contract is of, asked once. */
int chain_generation(enum generation *out, struct ctl *c, struct err *e);

/* executors(enclave). owner is zero where it is not registered. */
int chain_executor_info(struct executor_info *out, struct ctl *c, const struct address *enclave, struct err *e);

/* Balance in wei at the newest block. */
int chain_balance(struct u256 *out, struct chain *ch, const struct address *a, struct err *e);

/* A token: its symbol ("" where it has none) and decimals. */
struct token {
    struct address address;
    char symbol[32];
    unsigned decimals;
};
int chain_token(struct token *out, struct chain *ch, const struct address *address, struct err *e);

/* The stake token of the Executors contract. */
int chain_stake_token(struct token *out, struct ctl *c, struct err *e);

#endif
