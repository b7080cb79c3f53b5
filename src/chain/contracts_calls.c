/* Calldata that the node sends, and the calldata of save-code transactions that it reads. */
#include <errno.h>
#include <string.h>

#include "chain/contracts_tables.h"
#include "eth/abi.h"

const struct call_def call_defs[CALL_COUNT] = {
    [CALL_SUBMIT_OUTPUT] = { "submitOutput(bytes,uint256,bytes,uint256,uint8,uint256)", { 0x4a, 0xf5, 0x0f, 0xc8 } },
    [CALL_SLASH_ON_EXECUTION_TIMEOUT] = { "slashOnExecutionTimeout(uint256)", { 0x95, 0xe1, 0x1e, 0xf7 } },
    [CALL_JOBS] = { "jobs(uint256)", { 0x18, 0x0a, 0xed, 0xf3 } },
    [CALL_EXECUTORS] = { "executors(address)", { 0x9a, 0xc2, 0xa0, 0x11 } },
    [CALL_IS_TREE_INITIALIZED] = { "isTreeInitialized(uint8)", { 0x4b, 0xe4, 0x36, 0x7f } },
    [CALL_EXECUTION_BUFFER_TIME] = { "EXECUTION_BUFFER_TIME()", { 0xa3, 0x13, 0x22, 0x58 } },
    [CALL_NO_OF_NODES_TO_SELECT] = { "NO_OF_NODES_TO_SELECT()", { 0x36, 0xf9, 0xaa, 0x99 } },
    [CALL_SIGN_MAX_AGE] = { "SIGN_MAX_AGE()", { 0x34, 0xb2, 0x25, 0x12 } },
    [CALL_SAVE_CODE] = { "saveCodeInCallData(string)", { 0xff, 0x7c, 0xda, 0xf3 } },
    [CALL_SAVE_CODE_WITH_BYTES] = { "saveCodeInCallData(string,bytes)", { 0x1a, 0xe5, 0x3f, 0xea } },
    [CALL_REGISTER_EXECUTOR_1] = { "registerExecutor(bytes,(bytes,bytes,bytes,bytes,uint256),uint256,uint256,bytes,"
                                   "uint256)",
                                   { 0x83, 0x4d, 0x64, 0x2d } },
    [CALL_REGISTER_EXECUTOR_2] = { "registerExecutor(bytes,(bytes,bytes,bytes,bytes,uint256),uint256,uint256,bytes,"
                                   "uint256,uint8)",
                                   { 0xea, 0xaf, 0x22, 0x9c } },
    [CALL_DRAIN_EXECUTOR] = { "drainExecutor(address)", { 0xaa, 0xa3, 0x1d, 0xa1 } },
    [CALL_REVIVE_EXECUTOR] = { "reviveExecutor(address)", { 0x06, 0x1b, 0xe4, 0x02 } },
    [CALL_DEREGISTER_EXECUTOR] = { "deregisterExecutor(address)", { 0xff, 0x8a, 0x48, 0x07 } },
    [CALL_ADD_EXECUTOR_STAKE] = { "addExecutorStake(address,uint256)", { 0xee, 0x64, 0xa9, 0xb0 } },
    [CALL_REMOVE_EXECUTOR_STAKE] = { "removeExecutorStake(address,uint256)", { 0x02, 0x1d, 0x31, 0xd2 } },
    [CALL_CREATE_JOB_1] = { "createJob(bytes32,bytes,uint256)", { 0x57, 0xfb, 0xc4, 0xeb } },
    [CALL_CREATE_JOB_2] = { "createJob(uint8,bytes32,bytes,uint256)", { 0xe7, 0xeb, 0xa1, 0x9b } },
    [CALL_APPROVE] = { "approve(address,uint256)", { 0x09, 0x5e, 0xa7, 0xb3 } },
    [CALL_ALLOWANCE] = { "allowance(address,address)", { 0xdd, 0x62, 0xed, 0x3e } },
    [CALL_BALANCE_OF] = { "balanceOf(address)", { 0x70, 0xa0, 0x82, 0x31 } },
    [CALL_JOB_FEE_PER_MS] = { "getJobExecutionFeePerMs(uint8)", { 0xc5, 0x0d, 0x52, 0x5d } },
    [CALL_EXECUTORS_CONTRACT] = { "EXECUTORS()", { 0x44, 0x9a, 0xa0, 0xd1 } },
    [CALL_TOKEN] = { "TOKEN()", { 0x82, 0xbf, 0xef, 0xc8 } },
    [CALL_MIN_STAKE_AMOUNT] = { "MIN_STAKE_AMOUNT()", { 0x27, 0xed, 0x71, 0x88 } },
    [CALL_FEE_TOKEN] = { "FEE_TOKEN()", { 0x73, 0x71, 0x7b, 0x08 } },
    [CALL_USDC_TOKEN] = { "USDC_TOKEN()", { 0xfa, 0x56, 0x92, 0x74 } },
    [CALL_EXECUTOR_FEE_PER_MS] = { "EXECUTOR_FEE_PER_MS()", { 0x3f, 0xd2, 0x09, 0x83 } },
    [CALL_STAKING_REWARD_PER_MS] = { "STAKING_REWARD_PER_MS()", { 0x16, 0x59, 0xe0, 0xb5 } },
    [CALL_DECIMALS] = { "decimals()", { 0x31, 0x3c, 0xe5, 0x67 } },
    [CALL_SYMBOL] = { "symbol()", { 0x95, 0xd8, 0x9b, 0x41 } },
};

const uint8_t SELECTOR_EXECUTION_BUFFER_TIME[4] = { 0xa3, 0x13, 0x22, 0x58 };
const uint8_t SELECTOR_NO_OF_NODES_TO_SELECT[4] = { 0x36, 0xf9, 0xaa, 0x99 };
const uint8_t SELECTOR_SIGN_MAX_AGE[4] = { 0x34, 0xb2, 0x25, 0x12 };

void call_submit_output(struct buf *out, const struct submit_output *s)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[CALL_SUBMIT_OUTPUT].selector, 6);
    abi_put_bytes(&enc, s->signature.b, sizeof s->signature.b);
    abi_put_u256(&enc, s->job_id);
    abi_put_bytes(&enc, s->output, s->output_len);
    abi_put_u64(&enc, s->total_time_ms);
    abi_put_u64(&enc, s->error_code);
    abi_put_u64(&enc, s->sign_timestamp_s);
    abi_end(&enc);
}

static void call_with_u256(struct buf *out, enum call_id id, struct u256 v)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[id].selector, 1);
    abi_put_u256(&enc, v);
    abi_end(&enc);
}

void call_slash_on_execution_timeout(struct buf *out, struct u256 job_id)
{
    call_with_u256(out, CALL_SLASH_ON_EXECUTION_TIMEOUT, job_id);
}

void call_jobs(struct buf *out, struct u256 job_id)
{
    call_with_u256(out, CALL_JOBS, job_id);
}

void call_executors(struct buf *out, const struct address *enclave)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[CALL_EXECUTORS].selector, 1);
    abi_put_address(&enc, enclave);
    abi_end(&enc);
}

void call_is_tree_initialized(struct buf *out, uint8_t env)
{
    call_with_u256(out, CALL_IS_TREE_INITIALIZED, u256_from_u64(env));
}

int decode_save_code(const uint8_t **code, size_t *code_len, const uint8_t *data, size_t len, struct err *e)
{
    bool plain = len >= 4 && memcmp(data, call_defs[CALL_SAVE_CODE].selector, 4) == 0;
    bool with_bytes = len >= 4 && memcmp(data, call_defs[CALL_SAVE_CODE_WITH_BYTES].selector, 4) == 0;
    if (!plain && !with_bytes)
        return err_set(e, -EBADMSG, "calldata of %zu bytes is not a saveCodeInCallData call", len);
    struct abi_view args = { .data = data + 4, .len = len - 4 };
    const uint8_t *text, *extra;
    size_t text_len, extra_len;
    struct err why = { 0 };
    int rc = abi_get_bytes(&text, &text_len, args, 0, &why);
    if (rc == 0 && with_bytes)
        rc = abi_get_bytes(&extra, &extra_len, args, 1, &why);
    if (rc < 0)
        return err_set(e, -EBADMSG, "%s: %s",
                       call_defs[with_bytes ? CALL_SAVE_CODE_WITH_BYTES : CALL_SAVE_CODE].signature, why.msg);
    *code = text;
    *code_len = text_len;
    return 0;
}
