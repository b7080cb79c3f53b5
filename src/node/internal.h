/* Inside of the node, shared by its files: node.c (what hangs on what: start, chain → job, stop), api.c (what the owner
 * may ask of it), attestation.c (the documents that it makes), status.c (what an operator may see). */
#ifndef OYSTER_NODE_INTERNAL_H
#define OYSTER_NODE_INTERNAL_H

#include "api/monitor.h"
#include "api/routes.h"
#include "chain/chain_clock.h"
#include "chain/probe.h"
#include "chain/registrar.h"
#include "chain/tokens.h"
#include "chain/tx_queue.h"
#include "chain/watcher.h"
#include "job/code_store.h"
#include "job/jobs.h"
#include "job/slasher.h"
#include "ledger/checkpoint.h"
#include "ledger/ledger.h"
#include "net/rpc.h"
#include "node/node.h"
#include "node/state_dir.h"
#include "worker/pool.h"

struct node {
    uv_loop_t *loop;
    const struct config *config;
    const struct seckey *enclave_key;
    void (*stopped)(void *arg, const struct err *e);
    void *arg;
    struct err end; /* why the node stops */
    bool draining;  /* finishes what it holds, and takes no job that would last longer */
    uint64_t drain_until_ms, take_until_us;
    bool stopping;

    struct state_dir state_dir;
    struct ledger *ledger;
    struct ledger_checkpoints *checkpoints;
    uint64_t cursor; /* as last written */
    int64_t skew_told_ms;
    unsigned skewed_heads; /* in a row, whose skew is far from what was told */
    struct rpc *rpc;
    struct probe *probe;
    struct pool *pool;
    struct code_store *code;
    struct tx_queue *tx;
    struct chain_clock clock;
    struct api *api;
    struct monitor *monitor; /* NULL = none */
    struct tokens *tokens;
    uint64_t started_ms; /* monotonic */

    /* there once owner, gas key and the chain's generation are known */
    struct registrar *registrar;
    struct jobs *jobs;
    struct slasher *slasher;
    struct watcher *watcher;
    struct rpc_call *head_call;
    uv_timer_t *timer, *restore_timer;

    enum generation generation; /* 0 = not known yet */
    bool has_owner, has_gas_key;
    struct address owner;
    struct seckey new_gas_key; /* while its nonce is asked for */
    struct address gas_address;
    uint64_t word_s; /* sign_timestamp of the owner's last word that was accepted; 0 = none */
    struct rpc_call *nonce_call;
    api_gas_key_done_fn *nonce_done;
    void *nonce_done_arg;

    struct buf user_data; /* of attestation_user_data_file */
    bool attested;        /* a document was made, at attested_ms (monotonic) */
    uint64_t attested_ms;
    struct nsm_call *nsm_call;
    api_attested_fn *attested_done;
    void *attested_arg;
};

/* Begins to follow the chain as soon as everything that it takes is known; called whenever one of them comes. */
void node_follow(struct node *n);

/* The execution environment that this program is: execution_env, or its own number. */
uint8_t node_environment(const struct config *c);

/* api.c: serves the API. Returns 0 or a negative errno with e set. */
int node_open_api(struct node *n, struct err *e);

/* The chain is known: a gas key that waits for it goes on. */
void node_api_chain_known(struct node *n);

/* What an earlier life was told by its owner, and what the configuration says of one. Returns 0, or -EINVAL where the
 * two name different owners. */
int node_restore_settings(struct node *n, struct err *e);

/* attestation.c: reads what documents are to carry. Returns 0 or a negative errno with e. */
int node_load_user_data(struct node *n, struct err *e);

/* The ops of struct api_ops for documents. */
void node_attest(void *arg, const uint8_t *nonce, size_t len, api_attested_fn *done, void *done_arg);
void node_cancel_attest(void *arg);

/* status.c: serves metrics and health, where the configuration wants it. Returns 0 or a negative errno with e. */
int node_open_monitor(struct node *n, struct err *e);

#endif
