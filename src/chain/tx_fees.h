/* What a transaction offers for its gas and how much gas it may use: values in, values out. */
#ifndef OYSTER_CHAIN_TX_FEES_H
#define OYSTER_CHAIN_TX_FEES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/tx_queue.h"
#include "eth/u256.h"

/* ---- fees ---- */

/* What the chain asks at the moment, in wei per gas. */
struct fee_market {
    bool known;           /* false: no head seen yet, or on a legacy chain no gas price */
    bool legacy;          /* heads carry no base fee: one price instead of two */
    struct u256 base_fee; /* of the newest head; legacy: the gas price that the endpoint suggests */
    bool tip_known;
    struct u256 tip;
    struct u256 cap; /* never offer more per gas; 0 = no cap */
};

/* What a transaction offers. legacy: max_fee is the gas price and tip is 0. */
struct fee_offer {
    struct u256 max_fee, tip;
};

enum fee_verdict {
    FEE_OK,
    FEE_UNKNOWN,  /* the market is not known yet */
    FEE_OVER_CAP, /* the cap is below what the chain asks (or, for a replacement, below 10 % more than before) */
};

/* The offer of a first attempt: max fee = 2 * base fee + tip (legacy: price + 1/8), at most the cap.
 * A tip that is not known yet is 1 gwei, or the base fee where that is less. *out is set on FEE_OK only. */
enum fee_verdict fee_first(struct fee_offer *out, const struct fee_market *market);

/* The offer that replaces old in a pool: both fees 12.5 % and at least 1 wei higher, not below a first attempt's; where
 * the cap is in the way, the cap, if that is still 10 % more. */
enum fee_verdict fee_replacement(struct fee_offer *out, const struct fee_offer *old, const struct fee_market *market);

/* The least that has a fair chance: base fee + 1/8 + tip (for a node that refuses by its own cap in ether). */
enum fee_verdict fee_frugal(struct fee_offer *out, const struct fee_market *market);

/* False: the newest base fee is above what the offer allows, so no block can take it now. */
bool fee_includable(const struct fee_offer *offer, const struct fee_market *market);

/* What so much gas costs at the present price: false where no price is known, or it is nothing. */
bool fee_cost(struct u256 *out, const struct fee_market *market, uint64_t gas);

/* How many transactions of so much gas a balance pays for at the present price, counted up to most; most where no price
 * is known. */
uint64_t fee_affords(const struct fee_market *market, uint64_t gas, struct u256 balance, uint64_t most);

/* ---- gas ---- */

/* What is known about gas on this chain. gas_model_init gives safe first guesses; receipts and probes correct them. */
struct gas_model {
    uint64_t overhead[TX_KIND_COUNT]; /* execution beyond calldata, by kind */
    uint64_t base_extra;              /* of any transaction, beyond 21,000 (an L2's share of L1 cost) */
    uint64_t data_extra_milli;        /* per calldata byte beyond the EVM's own price, in 1/1000 gas */
    uint64_t callback;                /* room for the job owner's callback */
    uint64_t cap;         /* no transaction may have more: of the newest head, or as refused; 0 = not known */
    uint64_t refused_cap; /* cap that a refusal told; 0 = none */
};

/* Safe first guesses; callback_gas: room for the job owner's callback. */
void gas_model_init(struct gas_model *m, uint64_t callback_gas);

/* Gas for calldata and the transaction itself: the price of EIP-2028, and the floor of EIP-7623. */
uint64_t gas_intrinsic(const uint8_t *data, size_t len);
uint64_t gas_floor(const uint8_t *data, size_t len);

/* The limit to send a call with, without asking anyone. at_least: a limit known to be needed (0 = none). */
uint64_t gas_limit(const struct gas_model *m, enum tx_kind kind, const uint8_t *data, size_t len, uint64_t at_least);

/* The limit when eth_estimateGas said estimate: a quarter more, and the callback's room. */
uint64_t gas_limit_from_estimate(const struct gas_model *m, enum tx_kind kind, uint64_t estimate);

/* A transaction of this kind was included with status 1 and used so much: up at once, down slowly. */
void gas_learn(struct gas_model *m, enum tx_kind kind, const uint8_t *data, size_t len, uint64_t gas_used);

/* eth_estimateGas of an empty self-transfer, and of one with len bytes of data. */
void gas_learn_probe(struct gas_model *m, uint64_t empty, uint64_t with_data, const uint8_t *data, size_t len);

/* A limit was refused as too high: takes the cap from the message, or a smaller guess than what was tried. */
void gas_learn_refusal(struct gas_model *m, const char *message, uint64_t tried);

/* True where a receipt of status 0 looks like gas that was short: an inner call leaves at most 1/64 of it unused. */
bool gas_was_short(uint64_t used, uint64_t limit);

#endif
