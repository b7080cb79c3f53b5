/* What owners of executors and of jobs send and read, both generations, as calldata. Pure. */
#ifndef OYSTER_CHAIN_OWNER_CALLS_H
#define OYSTER_CHAIN_OWNER_CALLS_H

#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/buf.h"

/* What a verifier signed about an enclave. Bytes are borrowed. */
struct attestation {
    const uint8_t *signature;
    size_t signature_len;
    uint8_t enclave_pubkey[64];
    const uint8_t *pcr[3];
    size_t pcr_len[3];
    uint64_t timestamp_ms;
};

/* Arguments of registerExecutor. env: -1 in generation 1. signature: of the node's registration message. */
struct registration {
    const struct attestation *attestation;
    uint64_t job_capacity, sign_timestamp_s;
    uint8_t signature[65];
    struct u256 stake;
    int env;
};

/* Each appends the calldata of one call, selector first. call_create_job: env -1 in generation 1. */
void call_register_executor(struct buf *out, const struct registration *r);
void call_drain_executor(struct buf *out, const struct address *enclave);
void call_revive_executor(struct buf *out, const struct address *enclave);
void call_deregister_executor(struct buf *out, const struct address *enclave);
void call_add_executor_stake(struct buf *out, const struct address *enclave, struct u256 amount);
void call_remove_executor_stake(struct buf *out, const struct address *enclave, struct u256 amount);
void call_create_job(struct buf *out, int env, const uint8_t codehash[32], const void *inputs, size_t len,
                     uint64_t deadline_ms);
void call_save_code(struct buf *out, const void *code, size_t len);
void call_approve(struct buf *out, const struct address *spender, struct u256 amount);

/* Reads with arguments. */
void call_allowance(struct buf *out, const struct address *owner, const struct address *spender);
void call_balance_of(struct buf *out, const struct address *owner);
void call_job_fee_per_ms(struct buf *out, uint8_t env); /* getJobExecutionFeePerMs(uint8) */

/* Reads without arguments. The fee's token and price have other names in other deployments: FEE_TOKEN or USDC_TOKEN;
 * EXECUTOR_FEE_PER_MS + STAKING_REWARD_PER_MS, or a price by environment (call_job_fee_per_ms). */
enum contract_view {
    VIEW_EXECUTION_BUFFER_TIME,
    VIEW_NO_OF_NODES_TO_SELECT,
    VIEW_SIGN_MAX_AGE,
    VIEW_EXECUTORS,
    VIEW_TOKEN,
    VIEW_MIN_STAKE_AMOUNT,
    VIEW_FEE_TOKEN,
    VIEW_USDC_TOKEN,
    VIEW_EXECUTOR_FEE_PER_MS,
    VIEW_STAKING_REWARD_PER_MS,
    VIEW_DECIMALS,
    VIEW_SYMBOL,
    VIEW_COUNT,
};
void call_view(struct buf *out, enum contract_view view);

/* "TOKEN()": for messages. */
const char *contract_view_name(enum contract_view view);

#endif
