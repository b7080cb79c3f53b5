/* Transactions: EIP-1559 (type 2) and legacy (EIP-155), signed and serialised for eth_sendRawTransaction. Pure. */
#ifndef OYSTER_ETH_TX_H
#define OYSTER_ETH_TX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/key.h"
#include "eth/u256.h"
#include "util/buf.h"

/* data is borrowed. legacy: max_fee_wei is the gas price and max_priority_fee_wei is ignored. */
struct tx {
    uint64_t chain_id;
    uint64_t nonce;
    struct u256 max_priority_fee_wei;
    struct u256 max_fee_wei;
    uint64_t gas_limit;
    struct address to;
    struct u256 value_wei;
    const uint8_t *data;
    size_t data_len;
    bool legacy;
};

/* Signs t and appends the raw bytes to out; hash = keccak256 of them. */
void tx_sign(struct buf *out, uint8_t hash[32], const struct tx *t, const struct seckey *key);

#endif
