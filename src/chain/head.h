/* Block heads, and where on the chain an event stands: the values that the watcher hands out. Pure. */
#ifndef OYSTER_CHAIN_HEAD_H
#define OYSTER_CHAIN_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/u256.h"
#include "util/err.h"
#include "util/json.h"

/* What newHeads tells. base_fee_wei is 0 with has_base_fee false on a chain without EIP-1559. */
struct chain_head {
    uint64_t number;
    uint8_t hash[32], parent_hash[32];
    uint64_t timestamp_s;
    bool has_base_fee;
    struct u256 base_fee_wei;
    uint64_t gas_limit; /* 0 = not said */
};

/* Where and when an event happened. */
struct event_origin {
    uint64_t block_number;
    uint8_t block_hash[32];
    uint8_t tx_hash[32];
    uint64_t log_index;
    uint64_t block_timestamp_s; /* 0 = not known: the event came live and its head has not arrived yet */
    uint64_t received_us;       /* monotonic, when the log's bytes were handed to us */
    bool backfilled;            /* read back, not live */
};

/* Reads the JSON of a header or block (newHeads, eth_getBlockBy…). Returns 0 or -EPROTO naming the member. */
int chain_head_parse(struct chain_head *out, const struct json *block, struct err *e);

#endif
