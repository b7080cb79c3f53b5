/* What a node must know of its chain before it works: that it is the right one, and which generation of the contracts
 * is deployed there. */
#ifndef OYSTER_CHAIN_PROBE_H
#define OYSTER_CHAIN_PROBE_H

#include <stdint.h>
#include <uv.h>

#include "chain/contracts.h"
#include "net/rpc.h"

struct probe;

struct probe_config {
    uint64_t chain_id;
    struct address executors;
    uint8_t env;           /* the environment that generation 2 is asked about */
    enum generation known; /* 0 = ask the contract */
};

/* Both are asked again every second until an endpoint answers. done is called once, from the loop: with e->code 0 and
 * the generation, or with -EPERM when the chain is another one than configured, -ENOENT when there is no such contract.
 */
struct probe *probe_start(uv_loop_t *loop, struct rpc *rpc, const struct probe_config *config,
                          void (*done)(void *arg, enum generation generation, const struct err *e), void *arg);

/* Ends it without a callback. NULL allowed; to be called in every case. */
void probe_free(struct probe *p);

#endif
