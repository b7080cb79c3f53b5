/* What became of what was sent: the account's nonce, receipts, reasons of reverts, and the account's balance. */
#include <stdio.h>
#include <string.h>

#include "chain/tx_queue_int.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define FINAL_DEPTH 12u
#define BALANCE_EVERY_HEADS 20u
#define BALANCE_EVERY_MS 60000u
#define STARVED_LOOK_MS 1000u
#define STARVED_RETRY_MS 10000u
#define WARN_ANSWERS 50u
#define LOW_WARN_EVERY_MS 300000u
#define HEADLESS_POLL_MS 2000u  /* the nonce is asked for by time when no head has come for so long */
#define HEADLESS_BLOCK_MS 5000u /* and the newest block */

void txq_put_call(struct buf *out, const struct address *from, const struct address *to, const uint8_t *data,
                  size_t len)
{
    char text[2][ADDRESS_TEXT_MAX];
    buf_printf(out, "\"from\":\"%s\",\"to\":\"%s\"", address_lower(text[0], from), address_lower(text[1], to));
    if (!len)
        return;
    buf_puts(out, ",\"data\":\"");
    hex_append0x(out, data, len);
    buf_puts(out, "\"");
}

/* ---- the account's nonce ---- */

static bool parse_u64(uint64_t *out, const struct json *result)
{
    size_t len = 0;
    const char *text = json_str(result, &len);
    return text && hex_decode_u64(out, text, len, NULL) == 0;
}

static void on_count(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_lane *lane = arg;
    struct tx_queue *q = lane->queue;
    uint64_t count, before = q->core.resyncs;
    lane->count_call = NULL;
    if (error->kind == RPC_ERR_NONE && parse_u64(&count, result)) {
        if (lane->count_idle)
            tx_core_idle_count(&q->core, lane, count, lane->count_sends);
        else
            tx_core_count(&q->core, lane, count, clock_mono_ms());
        if (q->core.resyncs != before)
            log_warn("nonce_resync", F_HEX("account", lane->account.b, 20), F_U64("next", lane->next),
                     F_U64("chain", count));
    }
    txq_run(q);
}

static void ask_count(struct tx_queue *q, struct tx_lane *lane, bool idle)
{
    if (lane->count_call)
        return;
    char params[80], address[ADDRESS_TEXT_MAX];
    (void)snprintf(params, sizeof params, "[\"%s\",\"%s\"]", address_lower(address, &lane->account),
                   idle ? "pending" : "latest");
    lane->queue = q;
    lane->count_idle = idle;
    lane->count_sends = lane->sends;
    lane->count_call = rpc_request(q->rpc, "eth_getTransactionCount", params, 0, on_count, lane);
}

void txq_poll_lane(struct tx_queue *q, struct tx_lane *lane)
{
    if (lane->count_call && lane->count_idle) { /* that one would not tell what is asked now */
        rpc_cancel(lane->count_call);
        lane->count_call = NULL;
    }
    ask_count(q, lane, false);
}

/* While nothing is under way, the nonce is compared with the chain's now and then. */
static void poll_idle(struct tx_queue *q)
{
    if (q->core.active && tx_lane_settled(q->core.active))
        ask_count(q, q->core.active, true);
}

/* ---- receipts ---- */

static void ask_attempt(struct tx_queue *q, struct tx_slot *slot, size_t attempt);

static void journal_inclusion(struct tx_queue *q, const struct tx_slot *slot, const struct tx_receipt *receipt)
{
    const struct tx_call *call = slot->call;
    if (!q->journal || !q->journal->included)
        return;
    struct tx_inclusion i = { .from = slot->lane->account,
                              .nonce = slot->nonce,
                              .kind = call->kind,
                              .to = call->to,
                              .has_job = call->has_job,
                              .job_id = call->job_id,
                              .ok = receipt->ok,
                              .gas_used = receipt->gas_used,
                              .gas_price_wei = receipt->effective_gas_price_wei,
                              .logs = receipt->logs };
    memcpy(i.hash, call->hash, sizeof i.hash);
    q->journal->included(q->journal_arg, &i);
}

static void note_included(struct tx_queue *q, struct tx_slot *slot, const struct tx_receipt *receipt)
{
    struct tx_attempt *attempt = &slot->attempts[slot->ask_attempt];
    struct tx_call *call = slot->call;
    char price[U256_DEC_MAX];
    log_info("tx_included", F_U64("nonce", slot->nonce), F_HEX("hash", attempt->hash, 32), F_BOOL("ok", receipt->ok),
             F_U64("block", receipt->block_number), F_U64("gas_used", receipt->gas_used),
             F_U64("gas_limit", attempt->gas_limit), F_U64("attempts", slot->n_attempts),
             F_STR("gas_price_wei", u256_to_dec(price, receipt->effective_gas_price_wei)));
    if (!call || attempt->call_id != call->id)
        return;
    memcpy(call->hash, attempt->hash, 32);
    call->block_number = receipt->block_number;
    call->gas_used = receipt->gas_used;
    call->effective_gas_price_wei = receipt->effective_gas_price_wei;
    journal_inclusion(q, slot, receipt);
    if (!receipt->ok)
        return;
    gas_learn(&q->gas, call->kind, call->data, call->data_len, receipt->gas_used);
    if (call->kind == TX_SUBMIT_OUTPUT)
        q->submit_gas = q->submit_gas ? (q->submit_gas * 7 + receipt->gas_used) / 8 : receipt->gas_used;
}

static void on_found(struct tx_queue *q, struct tx_slot *slot, const struct tx_receipt *receipt)
{
    struct tx_attempt *attempt = &slot->attempts[slot->ask_attempt];
    bool known = slot->state == TXS_MINED || slot->state == TXS_EXPLAINING;
    slot->block_number = receipt->block_number;
    memcpy(slot->block_hash, receipt->block_hash, 32);
    if (!known)
        note_included(q, slot, receipt);
    bool can_grow = !q->gas.cap || attempt->gas_limit < q->gas.cap;
    bool short_gas = !receipt->ok && can_grow && gas_was_short(receipt->gas_used, attempt->gas_limit);
    if (short_gas && !known && slot->call && slot->call->id == attempt->call_id)
        slot->call->gas_at_least = attempt->gas_limit <= UINT64_MAX / 2 ? 2 * attempt->gas_limit : UINT64_MAX;
    tx_core_included(&q->core, slot, slot->ask_attempt, receipt->ok, short_gas, clock_mono_ms());
    if (known && slot->state == TXS_MINED && q->head.number >= slot->block_number + FINAL_DEPTH)
        tx_core_event(&q->core, slot, TXE_DEEP, clock_mono_ms());
}

static void on_receipt(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_slot *slot = arg;
    struct tx_queue *q = slot->queue;
    struct tx_receipt receipt;
    struct err e = { 0 };
    slot->ask = NULL;
    int found = error->kind == RPC_ERR_NONE ? tx_receipt_parse(&receipt, result, &e) : -1;
    if (e.code)
        log_warn("receipt_malformed", F_U64("nonce", slot->nonce), F_ERR(&e));
    if (found > 0)
        on_found(q, slot, &receipt);
    else if (found == 0 && slot->ask_attempt > 0)
        ask_attempt(q, slot, slot->ask_attempt - 1);
    else if (found == 0)
        tx_core_no_receipt(&q->core, slot, clock_mono_ms());
    txq_run(q); /* without an answer it is asked again with the next head */
}

static void ask_attempt(struct tx_queue *q, struct tx_slot *slot, size_t attempt)
{
    char params[80], hash[65];
    (void)snprintf(params, sizeof params, "[\"0x%s\"]", hex_encode(hash, slot->attempts[attempt].hash, 32));
    slot->queue = q;
    slot->ask_attempt = attempt;
    slot->ask = rpc_race(q->rpc, "eth_getTransactionReceipt", params, 0, on_receipt, slot);
}

/* Newest attempt first; one question at a time. */
void txq_ask_receipt(struct tx_queue *q, struct tx_slot *slot)
{
    if (!slot->ask && slot->n_attempts)
        ask_attempt(q, slot, slot->n_attempts - 1);
}

/* ---- why it reverted ---- */

static void on_explained(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_slot *slot = arg;
    struct tx_queue *q = slot->queue;
    struct tx_call *call = slot->call;
    (void)result;
    slot->side = NULL;
    if (call && error->kind == RPC_ERR_SERVER)
        (void)revert_reason(call->reason, sizeof call->reason, error);
    else if (call)
        (void)snprintf(call->reason, sizeof call->reason, "reverted; the reason cannot be had: %s",
                       error->kind == RPC_ERR_NONE ? "the call succeeds now" : error->message);
    tx_core_event(&q->core, slot, TXE_EXPLAINED, clock_mono_ms());
    txq_run(q);
}

void txq_explain(struct tx_queue *q, struct tx_slot *slot)
{
    const struct tx_call *call = slot->call;
    if (slot->state != TXS_EXPLAINING || !call)
        return;
    struct buf params = { 0 };
    buf_puts(&params, "[{");
    txq_put_call(&params, &slot->lane->account, &call->to, call->data, call->data_len);
    buf_printf(&params, ",\"gas\":\"0x%llx\"},\"0x%llx\"]",
               (unsigned long long)slot->attempts[slot->ask_attempt].gas_limit, (unsigned long long)slot->block_number);
    rpc_cancel(slot->side);
    slot->queue = q;
    slot->side = rpc_request(q->rpc, "eth_call", buf_cstr(&params), 0, on_explained, slot);
    buf_free(&params);
}

/* ---- balance ---- */

uint64_t txq_submit_gas(const struct tx_queue *q)
{
    return q->submit_gas ? q->submit_gas : q->gas.overhead[TX_SUBMIT_OUTPUT];
}

/* Answers that a balance pays for: no more are told than say that it is not low. */
static uint64_t answers_paid_by(const struct tx_queue *q, struct u256 balance)
{
    return fee_affords(&q->market, txq_submit_gas(q), balance, WARN_ANSWERS + 1);
}

static void warn_if_low(struct tx_queue *q, const struct tx_lane *lane)
{
    uint64_t now_ms = clock_mono_ms();
    uint64_t left = answers_paid_by(q, q->stats.balance_wei);
    if (left > WARN_ANSWERS) {
        q->low_warned_ms = 0;
        return;
    }
    if (q->low_warned_ms && now_ms - q->low_warned_ms < LOW_WARN_EVERY_MS)
        return;
    char wei[U256_DEC_MAX];
    q->low_warned_ms = now_ms;
    log_warn("gas_balance_low", F_HEX("account", lane->account.b, 20),
             F_STR("balance_wei", u256_to_dec(wei, q->stats.balance_wei)), F_U64("answers_left", left));
}

/* A starved account tries again when its balance has changed, and now and then in case prices have. Where the balance
 * is not low at all, the endpoint was wrong: at once, and then each second. */
static void feed(struct tx_queue *q, struct tx_lane *lane, struct u256 balance)
{
    uint64_t now_ms = clock_mono_ms();
    bool wrong = answers_paid_by(q, balance) > WARN_ANSWERS && now_ms - lane->fed_ms >= STARVED_LOOK_MS;
    if (!lane->starved_wei_known) {
        lane->starved_wei = balance;
        lane->starved_wei_known = true;
        lane->starved_ms = now_ms;
    }
    if (!wrong && u256_cmp(balance, lane->starved_wei) == 0 && now_ms - lane->starved_ms < STARVED_RETRY_MS)
        return;
    log_info(wrong ? "gas_balance_suffices" : "gas_balance_changed", F_HEX("account", lane->account.b, 20),
             F_U64("waiting", q->core.n_waiting));
    lane->starved = false;
    lane->fed_ms = now_ms;
    lane->starved_wei_known = false;
}

static void on_balance(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_lane *lane = arg;
    struct tx_queue *q = lane->queue;
    size_t len = 0;
    const char *text = json_str(result, &len);
    struct u256 balance;
    lane->balance_call = NULL;
    if (error->kind == RPC_ERR_NONE && text && u256_parse(&balance, text, len, NULL) == 0) {
        if (lane == q->core.active) {
            q->stats.balance_wei = balance;
            q->stats.balance_known = true;
            warn_if_low(q, lane);
        }
        if (lane->starved)
            feed(q, lane, balance);
    }
    txq_run(q);
}

void txq_poll_balance(struct tx_queue *q, struct tx_lane *lane)
{
    if (lane->balance_call)
        return;
    char params[80], address[ADDRESS_TEXT_MAX];
    (void)snprintf(params, sizeof params, "[\"%s\",\"latest\"]", address_lower(address, &lane->account));
    if (lane == q->core.active) {
        q->balance_heads = q->core.heads;
        q->balance_ms = clock_mono_ms();
    }
    lane->queue = q;
    lane->balance_asked_ms = clock_mono_ms();
    lane->balance_call = rpc_request(q->rpc, "eth_getBalance", params, 0, on_balance, lane);
}

/* ---- heads and time ---- */

/* What a new head means for one slot. doubt: blocks may have gone. */
static void head_for_slot(struct tx_queue *q, struct tx_slot *slot, bool doubt)
{
    const struct tx_attempt *attempt = tx_slot_sendable(slot);
    if (slot->state == TXS_PENDING && attempt && !fee_includable(&attempt->offer, &q->market) &&
        q->core.heads > slot->signed_head && slot->n_attempts < TX_ATTEMPTS_MAX && slot->lane->key)
        tx_core_event(&q->core, slot, TXE_STUCK, clock_mono_ms());
    if (slot->state != TXS_MINED)
        return;
    slot->doubt = slot->doubt || doubt || q->head.number >= slot->block_number + FINAL_DEPTH;
    if (slot->doubt)
        txq_ask_receipt(q, slot);
}

void txq_watch_head(struct tx_queue *q, bool continuous)
{
    uint64_t now_ms = clock_mono_ms();
    for (struct tx_lane *lane = q->core.lanes; lane; lane = lane->next_lane) {
        for (struct tx_slot *slot = lane->slots; slot; slot = slot->next)
            head_for_slot(q, slot, !continuous);
        if (!tx_lane_settled(lane))
            txq_poll_lane(q, lane);
    }
    q->poll_ms = now_ms;
    struct tx_lane *lane = q->core.active;
    if (!lane || (q->core.heads - q->balance_heads < BALANCE_EVERY_HEADS && now_ms - q->balance_ms < BALANCE_EVERY_MS))
        return;
    txq_poll_balance(q, lane);
    poll_idle(q);
}

void txq_watch_tick(struct tx_queue *q, uint64_t now_ms)
{
    for (struct tx_lane *lane = q->core.lanes; lane; lane = lane->next_lane)
        if (lane->starved && now_ms - lane->balance_asked_ms >= STARVED_LOOK_MS)
            txq_poll_balance(q, lane);
    if (now_ms - q->head_ms < HEADLESS_POLL_MS || now_ms - q->poll_ms < HEADLESS_POLL_MS)
        return;
    q->poll_ms = now_ms;
    for (struct tx_lane *lane = q->core.lanes; lane; lane = lane->next_lane)
        if (!tx_lane_settled(lane))
            txq_poll_lane(q, lane);
    if (now_ms - q->head_ms >= HEADLESS_BLOCK_MS)
        txq_fetch_block(q);
}
