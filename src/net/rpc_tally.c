#include "net/rpc_tally.h"

#include <string.h>

static const char *const methods[RPC_TALLY_METHODS] = {
    "eth_blockNumber",
    "eth_call",
    "eth_chainId",
    "eth_estimateGas",
    "eth_gasPrice",
    "eth_getBalance",
    "eth_getBlockByHash",
    "eth_getBlockByNumber",
    "eth_getCode",
    "eth_getLogs",
    "eth_getTransactionByHash",
    "eth_getTransactionCount",
    "eth_getTransactionReceipt",
    "eth_maxPriorityFeePerGas",
    "eth_sendRawTransaction",
    "eth_subscribe",
    "other",
};

size_t rpc_tally_method(const char *method)
{
    size_t i = 0;
    while (i < RPC_TALLY_METHODS - 1 && strcmp(methods[i], method) != 0)
        i++;
    return i;
}

const char *rpc_tally_method_name(size_t i)
{
    return methods[i];
}

const char *rpc_tally_outcome_name(enum rpc_error_kind kind)
{
    static const char *const names[RPC_ERR_KINDS] = { [RPC_ERR_NONE] = "ok",
                                                      [RPC_ERR_TRANSPORT] = "transport",
                                                      [RPC_ERR_TIMEOUT] = "timeout",
                                                      [RPC_ERR_PROTOCOL] = "protocol",
                                                      [RPC_ERR_SERVER] = "error" };
    return names[kind];
}

void rpc_tally_add(struct rpc_tally *t, size_t method, enum rpc_error_kind kind, uint64_t elapsed_us)
{
    t->answers[method][kind]++;
    histogram_add(&t->latency[method], elapsed_us);
}
