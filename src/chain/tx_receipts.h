/* What endpoints say about a transaction that was included: receipts, and why it reverted. Pure. */
#ifndef OYSTER_CHAIN_TX_RECEIPTS_H
#define OYSTER_CHAIN_TX_RECEIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/u256.h"
#include "net/rpc.h"
#include "util/err.h"
#include "util/json.h"

struct tx_receipt {
    bool ok; /* status 1 */
    uint64_t block_number;
    uint8_t block_hash[32];
    uint64_t gas_used;
    struct u256 effective_gas_price_wei; /* 0 where the endpoint does not say, or not in numbers */
    const struct json *logs;             /* borrowed from the result; NULL = not said */
};

/* Reads the result of eth_getTransactionReceipt. Returns 1, 0 for null (also for a receipt without a block: not yet
 * included), -EPROTO for anything else. */
int tx_receipt_parse(struct tx_receipt *out, const struct json *result, struct err *e);

/* Why a call reverted, from the error of eth_call, eth_estimateGas or a send: the text of Error(string), the code of
 * Panic(uint256), the selector of a custom error, else the endpoint's message. One line, NUL-terminated. Returns out.
 */
char *revert_reason(char *out, size_t size, const struct rpc_error *error);

#endif
