/* A sending queue on a loop with a real EVM behind it, for tests: heads by subscription, transactions over HTTP. */
#ifndef OYSTER_TESTS_CHAIN_TX_WORLD_H
#define OYSTER_TESTS_CHAIN_TX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/anvil.h"
#include "chain/refuser.h"
#include "chain/tx_queue.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define WAIT_MS 60000u
#define INTENTS_MAX 64
#define GWEI 1000000000ull

struct world;

struct intent {
    struct world *w;
    uint64_t handle;
    int sent, done;
    uint8_t sent_hash[32];
    struct tx_result result;
    char reason[200];
    int order; /* in which done was called */
};

struct world {
    struct anvil *anvil;
    struct refuser *refuser; /* between the queue and anvil, or NULL */
    uv_loop_t loop;
    uv_timer_t timer;
    struct rpc *rpc;
    struct tx_queue *q;
    struct seckey key;
    struct address target; /* the contract: first byte 1 reverts with "nope", 2 burns 1.3 M gas, else fine */
    struct intent intents[INTENTS_MAX];
    size_t n;
    int done;
    bool deaf; /* heads are not passed on */
    uint32_t most_in_flight;
    bool timed_out;
};

extern const struct tx_queue_config world_defaults;

/* A chain, a queue without a key and a subscription that stands / the same with the key of ANVIL_KEY_0 and a head.
 * refusing: requests go through a refuser. */
struct world *world_new(const char *const *args, const struct tx_queue_config *config, bool refusing);
struct world *ready_world(const char *const *args, const struct tx_queue_config *config);
struct world *refusing_world(const char *const *args);
void world_free(struct world *w);

/* Turns the loop until reached says so; false after ms. / for ms. */
bool world_run_until(struct world *w, bool (*reached)(struct world *w), uint64_t ms);
void world_run_for(struct world *w, uint64_t ms);
bool all_done(struct world *w);
void mine_until_done(struct world *w);

/* Turns the loop until the pool holds all that was sent. */
void wait_for_pool(struct world *w);

/* What the queue counts / the key of 64 hex digits / the chain's nonce of w->key, tag "latest" or "pending". */
struct tx_queue_stats stats_of(struct world *w);
struct seckey key_of(const char *hex);
uint64_t account_nonce(struct world *w, const char *tag);

/* Pushes a call of the contract; the first byte chooses what it does. */
struct intent *push(struct world *w, enum tx_kind kind, uint8_t first);
struct intent *push_until(struct world *w, enum tx_kind kind, uint8_t first, uint64_t useless_after_ms);

/* Its callbacks, for tests that push themselves. */
void on_sent(void *arg, const uint8_t hash[32]);
void on_done(void *arg, const struct tx_result *result);

/* A member of a transaction, read from the chain. */
uint64_t tx_quantity(struct world *w, const uint8_t hash[32], const char *key);

/* It was sent, is on the chain and was told so, once. */
void assert_confirmed(const struct intent *i);

#endif
