#include "chain/owner_calls.h"

#include "chain/contracts_tables.h"
#include "eth/abi.h"

/* ---- executors ---- */

static void put_attestation(struct abi_encoder *outer, const struct attestation *a)
{
    struct abi_encoder enc;
    abi_begin_tuple(outer, &enc, 5);
    abi_put_bytes(&enc, a->enclave_pubkey, sizeof a->enclave_pubkey);
    for (int i = 0; i < 3; i++)
        abi_put_bytes(&enc, a->pcr[i], a->pcr_len[i]);
    abi_put_u64(&enc, a->timestamp_ms);
    abi_end(&enc);
}

void call_register_executor(struct buf *out, const struct registration *r)
{
    enum call_id id = r->env < 0 ? CALL_REGISTER_EXECUTOR_1 : CALL_REGISTER_EXECUTOR_2;
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[id].selector, r->env < 0 ? 6 : 7);
    abi_put_bytes(&enc, r->attestation->signature, r->attestation->signature_len);
    put_attestation(&enc, r->attestation);
    abi_put_u64(&enc, r->job_capacity);
    abi_put_u64(&enc, r->sign_timestamp_s);
    abi_put_bytes(&enc, r->signature, sizeof r->signature);
    abi_put_u256(&enc, r->stake);
    if (r->env >= 0)
        abi_put_u64(&enc, (uint64_t)r->env);
    abi_end(&enc);
}

static void call_with_address(struct buf *out, enum call_id id, const struct address *a)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[id].selector, 1);
    abi_put_address(&enc, a);
    abi_end(&enc);
}

static void call_with_amount(struct buf *out, enum call_id id, const struct address *a, struct u256 amount)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[id].selector, 2);
    abi_put_address(&enc, a);
    abi_put_u256(&enc, amount);
    abi_end(&enc);
}

static void call_with_number(struct buf *out, enum call_id id, struct u256 number)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[id].selector, 1);
    abi_put_u256(&enc, number);
    abi_end(&enc);
}

void call_drain_executor(struct buf *out, const struct address *enclave)
{
    call_with_address(out, CALL_DRAIN_EXECUTOR, enclave);
}

void call_revive_executor(struct buf *out, const struct address *enclave)
{
    call_with_address(out, CALL_REVIVE_EXECUTOR, enclave);
}

void call_deregister_executor(struct buf *out, const struct address *enclave)
{
    call_with_address(out, CALL_DEREGISTER_EXECUTOR, enclave);
}

void call_add_executor_stake(struct buf *out, const struct address *enclave, struct u256 amount)
{
    call_with_amount(out, CALL_ADD_EXECUTOR_STAKE, enclave, amount);
}

void call_remove_executor_stake(struct buf *out, const struct address *enclave, struct u256 amount)
{
    call_with_amount(out, CALL_REMOVE_EXECUTOR_STAKE, enclave, amount);
}

/* ---- jobs ---- */

void call_create_job(struct buf *out, int env, const uint8_t codehash[32], const void *inputs, size_t len,
                     uint64_t deadline_ms)
{
    enum call_id id = env < 0 ? CALL_CREATE_JOB_1 : CALL_CREATE_JOB_2;
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[id].selector, env < 0 ? 3 : 4);
    if (env >= 0)
        abi_put_u64(&enc, (uint64_t)env);
    abi_put_word(&enc, codehash);
    abi_put_bytes(&enc, inputs, len);
    abi_put_u64(&enc, deadline_ms);
    abi_end(&enc);
}

void call_save_code(struct buf *out, const void *code, size_t len)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[CALL_SAVE_CODE].selector, 1);
    abi_put_bytes(&enc, code, len);
    abi_end(&enc);
}

void call_job_fee_per_ms(struct buf *out, uint8_t env)
{
    call_with_number(out, CALL_JOB_FEE_PER_MS, u256_from_u64(env));
}

/* ---- tokens ---- */

void call_approve(struct buf *out, const struct address *spender, struct u256 amount)
{
    call_with_amount(out, CALL_APPROVE, spender, amount);
}

void call_allowance(struct buf *out, const struct address *owner, const struct address *spender)
{
    struct abi_encoder enc;
    abi_begin(&enc, out, call_defs[CALL_ALLOWANCE].selector, 2);
    abi_put_address(&enc, owner);
    abi_put_address(&enc, spender);
    abi_end(&enc);
}

void call_balance_of(struct buf *out, const struct address *owner)
{
    call_with_address(out, CALL_BALANCE_OF, owner);
}

/* ---- views without arguments ---- */

static enum call_id view_call(enum contract_view view)
{
    static const enum call_id ids[VIEW_COUNT] = {
        [VIEW_EXECUTION_BUFFER_TIME] = CALL_EXECUTION_BUFFER_TIME,
        [VIEW_NO_OF_NODES_TO_SELECT] = CALL_NO_OF_NODES_TO_SELECT,
        [VIEW_SIGN_MAX_AGE] = CALL_SIGN_MAX_AGE,
        [VIEW_EXECUTORS] = CALL_EXECUTORS_CONTRACT,
        [VIEW_TOKEN] = CALL_TOKEN,
        [VIEW_MIN_STAKE_AMOUNT] = CALL_MIN_STAKE_AMOUNT,
        [VIEW_FEE_TOKEN] = CALL_FEE_TOKEN,
        [VIEW_USDC_TOKEN] = CALL_USDC_TOKEN,
        [VIEW_EXECUTOR_FEE_PER_MS] = CALL_EXECUTOR_FEE_PER_MS,
        [VIEW_STAKING_REWARD_PER_MS] = CALL_STAKING_REWARD_PER_MS,
        [VIEW_DECIMALS] = CALL_DECIMALS,
        [VIEW_SYMBOL] = CALL_SYMBOL,
    };
    return ids[view];
}

void call_view(struct buf *out, enum contract_view view)
{
    buf_append(out, call_defs[view_call(view)].selector, 4);
}

const char *contract_view_name(enum contract_view view)
{
    return call_defs[view_call(view)].signature;
}
