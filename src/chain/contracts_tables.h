/* The tables behind contracts.h, shared by its files and checked by tests against the hashes of the signatures. Not for
 * other rooms. */
#ifndef OYSTER_CHAIN_CONTRACTS_TABLES_H
#define OYSTER_CHAIN_CONTRACTS_TABLES_H

#include "chain/contracts.h"

/* Fills out->u from a log whose topic count is right. Returns 0 or -EBADMSG. */
typedef int event_decode_fn(struct chain_event *out, const struct log_entry *log, struct err *e);

/* One event signature. n_topics counts topic 0. */
struct event_def {
    const char *signature;
    uint8_t topic0[32];
    enum event_type type;
    enum generation generation;
    uint8_t n_topics;
    event_decode_fn *decode;
};

#define EVENT_DEF_COUNT 14
extern const struct event_def event_defs[EVENT_DEF_COUNT];

/* The definition with this topic 0, or NULL. */
const struct event_def *event_def_find(const uint8_t topic0[32]);

enum call_id {
    CALL_SUBMIT_OUTPUT,
    CALL_SLASH_ON_EXECUTION_TIMEOUT,
    CALL_JOBS,
    CALL_EXECUTORS,
    CALL_IS_TREE_INITIALIZED,
    CALL_EXECUTION_BUFFER_TIME,
    CALL_NO_OF_NODES_TO_SELECT,
    CALL_SIGN_MAX_AGE,
    CALL_SAVE_CODE,
    CALL_SAVE_CODE_WITH_BYTES,
    CALL_REGISTER_EXECUTOR_1,
    CALL_REGISTER_EXECUTOR_2,
    CALL_DRAIN_EXECUTOR,
    CALL_REVIVE_EXECUTOR,
    CALL_DEREGISTER_EXECUTOR,
    CALL_ADD_EXECUTOR_STAKE,
    CALL_REMOVE_EXECUTOR_STAKE,
    CALL_CREATE_JOB_1,
    CALL_CREATE_JOB_2,
    CALL_APPROVE,
    CALL_ALLOWANCE,
    CALL_BALANCE_OF,
    CALL_JOB_FEE_PER_MS,
    CALL_EXECUTORS_CONTRACT,
    CALL_TOKEN,
    CALL_MIN_STAKE_AMOUNT,
    CALL_FEE_TOKEN,
    CALL_USDC_TOKEN,
    CALL_EXECUTOR_FEE_PER_MS,
    CALL_STAKING_REWARD_PER_MS,
    CALL_DECIMALS,
    CALL_SYMBOL,
    CALL_COUNT,
};

struct call_def {
    const char *signature;
    uint8_t selector[4];
};

extern const struct call_def call_defs[CALL_COUNT];

#endif
