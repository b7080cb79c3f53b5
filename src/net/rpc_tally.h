/* What became of an endpoint's requests, by method: for metrics. The table of methods is bounded. */
#ifndef OYSTER_NET_RPC_TALLY_H
#define OYSTER_NET_RPC_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "net/rpc.h"
#include "util/histogram.h"

#define RPC_TALLY_METHODS 17 /* the last stands for all that are not known */

/* Answers only: what was cancelled is in neither. */
struct rpc_tally {
    uint64_t answers[RPC_TALLY_METHODS][RPC_ERR_KINDS];
    struct histogram latency[RPC_TALLY_METHODS];
};

/* Where a method is counted. */
size_t rpc_tally_method(const char *method);

/* "eth_call" …, "other" for the last. */
const char *rpc_tally_method_name(size_t i);

/* "ok", "transport", "timeout", "protocol", "error". */
const char *rpc_tally_outcome_name(enum rpc_error_kind kind);

/* Counts one answer, or the end of waiting for it. */
void rpc_tally_add(struct rpc_tally *t, size_t method, enum rpc_error_kind kind, uint64_t elapsed_us);

#endif
