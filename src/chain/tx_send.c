/* Signing, broadcasts, and what their answers mean. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "chain/tx_queue_int.h"
#include "eth/tx.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define SEND_TIMEOUT_MS 4000u /* the same bytes again after that: a stalled connection must not hold an answer */
#define NO_FEE_RETRY_MS 1000u
#define REPRICES_AT_ONCE 3u /* refusals in a row that are answered without delay */
#define REPRICE_DELAY_MS 500u

static const char *const kind_names[TX_KIND_COUNT] = { "submit_output", "slash", "fill" };

static enum tx_kind kind_of(const struct tx_slot *slot)
{
    return slot->call ? slot->call->kind : TX_FILL;
}

/* ---- the bytes leave ---- */

static void on_answer(void *arg, const struct json *result, const struct rpc_error *error);

/* What a next life of the node needs is written before the bytes leave; its end is what TODO_END tells in tx_queue.c.
 */
static void journal_attempt(struct tx_queue *q, const struct tx_slot *slot, const struct tx_attempt *attempt)
{
    const struct tx_call *call = slot->call;
    if (!q->journal)
        return;
    struct tx_record r = { .from = slot->lane->account,
                           .nonce = slot->nonce,
                           .kind = kind_of(slot),
                           .to = call ? call->to : slot->lane->account,
                           .data = call ? call->data : NULL,
                           .data_len = call ? call->data_len : 0,
                           .has_job = call && call->has_job,
                           .job_id = call ? call->job_id : u256_from_u64(0),
                           .max_fee_wei = attempt->offer.max_fee,
                           .tip_wei = attempt->offer.tip,
                           .gas_limit = attempt->gas_limit,
                           .raw = attempt->raw.data,
                           .raw_len = attempt->raw.len };
    memcpy(r.hash, attempt->hash, sizeof r.hash);
    q->journal->sending(q->journal_arg, &r);
}

/* The one place at which bytes leave for the endpoints. */
static void broadcast(struct tx_queue *q, struct tx_slot *slot, size_t index)
{
    struct tx_attempt *attempt = &slot->attempts[index];
    struct buf params = { 0 };
    buf_reserve(&params, 2 * attempt->raw.len + 8);
    buf_puts(&params, "[\"");
    hex_append0x(&params, attempt->raw.data, attempt->raw.len);
    buf_puts(&params, "\"]");
    rpc_cancel(slot->send); /* what it has under way still arrives; only its answer is not waited for any more */
    slot->queue = q;
    slot->send_attempt = index;
    slot->broadcasts++;
    slot->send = rpc_broadcast(q->rpc, "eth_sendRawTransaction", buf_cstr(&params), SEND_TIMEOUT_MS, on_answer, slot);
    buf_free(&params);
}

static void note_sent(struct tx_queue *q, struct tx_slot *slot, const struct tx_attempt *attempt)
{
    struct tx_call *call = slot->call;
    char max_fee[U256_DEC_MAX], tip[U256_DEC_MAX];
    if (slot->state == TXS_REPLACING)
        q->stats.replaced++;
    else
        q->stats.sent++;
    log_info("tx_sent", F_STR("kind", kind_names[kind_of(slot)]), F_U64("nonce", slot->nonce),
             F_HEX("hash", attempt->hash, 32), F_U64("attempt", slot->n_attempts),
             F_STR("max_fee_wei", u256_to_dec(max_fee, attempt->offer.max_fee)),
             F_STR("tip_wei", u256_to_dec(tip, attempt->offer.tip)), F_U64("gas_limit", attempt->gas_limit),
             F_U64("bytes", attempt->raw.len));
    if (!call)
        return;
    memcpy(call->hash, attempt->hash, 32);
    if (call->sent_us || call->told)
        return;
    call->sent_us = clock_mono_us();
    if (call->sent)
        call->sent(call->arg, attempt->hash);
}

/* ---- signing ---- */

static enum fee_verdict choose_offer(struct fee_offer *out, const struct tx_queue *q, const struct tx_slot *slot)
{
    const struct tx_attempt *last = slot->n_attempts ? &slot->attempts[slot->n_attempts - 1] : NULL;
    bool outbid = slot->maybe_out || slot->state == TXS_REPLACING || slot->refusal == TX_ERR_UNDERPRICED ||
                  slot->refusal == TX_ERR_REPLACE_UNDERPRICED ||
                  (slot->refusal == TX_ERR_BASE_FEE && slot->reprices > 1); /* the endpoint is ahead of our head */
    if (slot->refusal == TX_ERR_FEE_CAP)
        return fee_frugal(out, &q->market);
    if (last && outbid)
        return fee_replacement(out, &last->offer, &q->market);
    return fee_first(out, &q->market);
}

static void sign_attempt(struct tx_queue *q, struct tx_slot *slot, struct tx_attempt *attempt)
{
    const struct tx_call *call = slot->call;
    struct tx tx = {
        .chain_id = q->config.chain_id,
        .nonce = slot->nonce,
        .max_priority_fee_wei = attempt->offer.tip,
        .max_fee_wei = attempt->offer.max_fee,
        .to = call ? call->to : slot->lane->account,
        .data = call ? call->data : NULL,
        .data_len = call ? call->data_len : 0,
        .legacy = q->market.legacy,
    };
    attempt->call_id = call ? call->id : 0;
    attempt->gas_limit =
        gas_limit(&q->gas, kind_of(slot), tx.data, tx.data_len, call ? call->gas_at_least : slot->gas_at_least);
    tx.gas_limit = attempt->gas_limit;
    tx_sign(&attempt->raw, attempt->hash, &tx, slot->lane->key);
}

/* No attempt can be signed now: PENDING again, or looked at again in a while. */
static void cannot_sign(struct tx_queue *q, struct tx_slot *slot, enum tx_event event)
{
    slot->refusal = TX_ERR_UNKNOWN;
    tx_core_event(&q->core, slot, event, clock_mono_ms());
}

void txq_sign(struct tx_queue *q, struct tx_slot *slot)
{
    if (slot->state != TXS_SENDING && slot->state != TXS_REPLACING)
        return; /* overtaken by another event */
    struct fee_offer offer;
    if (!slot->lane->key) { /* wiped; only a reorganisation leads here */
        cannot_sign(q, slot, slot->state == TXS_REPLACING ? TXE_PRICE : TXE_LOST);
        return;
    }
    if (slot->n_attempts >= TX_ATTEMPTS_MAX || choose_offer(&offer, q, slot) != FEE_OK) {
        cannot_sign(q, slot, TXE_PRICE);
        return;
    }
    if (slot->n_attempts == 0) { /* an answer about attempts that are forgotten */
        rpc_cancel(slot->ask);
        slot->ask = NULL;
    }
    struct tx_attempt *grown = realloc(slot->attempts, (slot->n_attempts + 1) * sizeof *grown);
    if (!grown)
        abort();
    slot->attempts = grown;
    struct tx_attempt *attempt = &grown[slot->n_attempts++];
    *attempt = (struct tx_attempt){ .offer = offer };
    sign_attempt(q, slot, attempt);
    slot->signed_ms = clock_mono_ms();
    slot->signed_head = q->core.heads;
    journal_attempt(q, slot, attempt);
    broadcast(q, slot, slot->n_attempts - 1);
    note_sent(q, slot, attempt);
}

void txq_resend(struct tx_queue *q, struct tx_slot *slot)
{
    struct tx_attempt *attempt = tx_slot_sendable(slot);
    if (!attempt || (slot->state != TXS_SENDING && slot->state != TXS_PENDING))
        return;
    log_info("tx_resent", F_U64("nonce", slot->nonce), F_HEX("hash", attempt->hash, 32),
             F_U64("broadcast", slot->broadcasts + 1), F_STR("state", tx_state_name(slot->state)));
    broadcast(q, slot, (size_t)(attempt - slot->attempts));
}

/* ---- answers ---- */

static enum tx_event event_of_error(const struct tx_slot *slot, enum tx_error error)
{
    static const enum tx_event events[] = {
        [TX_ERR_UNKNOWN] = TXE_RETRY,
        [TX_ERR_ALREADY_KNOWN] = TXE_ACCEPTED,
        [TX_ERR_NONCE_LOW] = TXE_NONCE_LOW,
        [TX_ERR_NONCE_HIGH] = TXE_RETRY,
        [TX_ERR_REPLACE_UNDERPRICED] = TXE_PRICE,
        [TX_ERR_UNDERPRICED] = TXE_PRICE,
        [TX_ERR_FUNDS] = TXE_FUNDS,
        [TX_ERR_INTRINSIC_GAS] = TXE_PRICE,
        [TX_ERR_BASE_FEE] = TXE_PRICE,
        [TX_ERR_GAS_LIMIT] = TXE_PRICE,
        [TX_ERR_TIP_ABOVE_FEE] = TXE_PRICE,
        [TX_ERR_TOO_BIG] = TXE_REFUSED,
        [TX_ERR_BUSY] = TXE_RETRY,
        [TX_ERR_FEE_CAP] = TXE_PRICE,
        [TX_ERR_REVERTED] = TXE_REFUSED,
    };
    if (error == TX_ERR_REPLACE_UNDERPRICED && slot->state == TXS_SENDING && !slot->maybe_out)
        return TXE_TAKEN;
    return events[error];
}

static bool is_verdict(enum tx_event event)
{
    return event == TXE_PRICE || event == TXE_REFUSED || event == TXE_FUNDS || event == TXE_TAKEN;
}

static enum tx_error error_of(const struct rpc_error *error)
{
    return error->kind == RPC_ERR_SERVER ? tx_error_classify(error->message) : TX_ERR_BUSY;
}

static void note_refusal(struct tx_queue *q, struct tx_slot *slot, const struct rpc_error *error, enum tx_error class)
{
    struct tx_attempt *attempt = &slot->attempts[slot->send_attempt];
    slot->refusal = class;
    log_warn("tx_refused", F_STR("kind", kind_names[kind_of(slot)]), F_U64("nonce", slot->nonce),
             F_HEX("hash", attempt->hash, 32), F_STR("state", tx_state_name(slot->state)),
             F_STR("class", error->kind == RPC_ERR_SERVER ? tx_error_name(class) : "transport"),
             F_STRN("error", error->message, strnlen(error->message, 200)));
    if (slot->call) {
        slot->call->too_big = class == TX_ERR_TOO_BIG;
        if (class == TX_ERR_REVERTED)
            (void)revert_reason(slot->call->reason, sizeof slot->call->reason, error);
        else
            (void)snprintf(slot->call->reason, sizeof slot->call->reason, "%s", error->message);
    }
    if (class == TX_ERR_GAS_LIMIT)
        gas_learn_refusal(&q->gas, error->message, attempt->gas_limit);
}

/* "… minimum needed 1000000": what a pool asks for as a tip. */
static void learn_minimum_tip(struct tx_queue *q, const char *message)
{
    static const char words[] = "minimum needed ";
    const char *at = strcasestr(message, words);
    if (!at || q->market.legacy)
        return;
    struct u256 tip = u256_from_u64(strtoull(at + sizeof words - 1, NULL, 10));
    if (u256_cmp(tip, q->market.tip) <= 0 && q->market.tip_known)
        return;
    q->market.tip = tip;
    q->market.tip_known = true;
}

/* Nothing more is sent from this account until its balance changes. */
static void on_starved(struct tx_queue *q, struct tx_lane *lane, const struct rpc_error *error)
{
    log_error("gas_balance_low", F_STR("why", "an endpoint refused a transaction for lack of funds"),
              F_HEX("account", lane->account.b, 20), F_U64("waiting", q->core.n_waiting),
              F_STRN("error", error->message, strnlen(error->message, 200)));
    lane->starved_wei_known = false;
    txq_poll_balance(q, lane);
}

static void on_refused(struct tx_queue *q, struct tx_slot *slot, const struct rpc_error *error)
{
    enum tx_error class = error_of(error);
    enum tx_event event = event_of_error(slot, class);
    struct tx_lane *lane = slot->lane;
    if (event != TXE_ACCEPTED)
        note_refusal(q, slot, error, class);
    if (is_verdict(event) && (slot->state == TXS_SENDING || slot->state == TXS_REPLACING))
        slot->attempts[slot->send_attempt].refused = true;
    if (class == TX_ERR_UNDERPRICED)
        learn_minimum_tip(q, error->message);
    bool starved_before = lane->starved;
    tx_core_event(&q->core, slot, event, clock_mono_ms());
    if (class == TX_ERR_NONCE_LOW || class == TX_ERR_NONCE_HIGH)
        txq_poll_lane(q, lane);
    if (lane->starved && !starved_before)
        on_starved(q, lane, error);
}

static void on_answer(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_slot *slot = arg;
    struct tx_queue *q = slot->queue;
    (void)result;
    slot->send = NULL;
    if (error->kind == RPC_ERR_NONE)
        tx_core_event(&q->core, slot, TXE_ACCEPTED, clock_mono_ms());
    else
        on_refused(q, slot, error);
    txq_run(q);
}

/* ---- better numbers ---- */

static void put_estimate_params(struct buf *out, const struct address *from, const struct tx_call *call)
{
    buf_puts(out, "[{");
    txq_put_call(out, from, call ? &call->to : from, call ? call->data : NULL, call ? call->data_len : 0);
    buf_puts(out, "}]");
}

static bool reverts(const struct rpc_error *error)
{
    return error->kind == RPC_ERR_SERVER && (tx_error_classify(error->message) == TX_ERR_REVERTED || error->code == 3);
}

static bool estimate_of(uint64_t *out, const struct json *result)
{
    size_t len = 0;
    const char *text = json_str(result, &len);
    return text && hex_decode_u64(out, text, len, NULL) == 0;
}

static void on_slot_estimate(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_slot *slot = arg;
    struct tx_queue *q = slot->queue;
    uint64_t estimate = 0;
    slot->side = NULL;
    if (slot->state == TXS_REPRICING) {
        if (slot->call && reverts(error)) {
            (void)revert_reason(slot->call->reason, sizeof slot->call->reason, error);
            tx_core_event(&q->core, slot, TXE_REFUSED, clock_mono_ms());
        } else {
            uint64_t *at_least = slot->call ? &slot->call->gas_at_least : &slot->gas_at_least;
            uint64_t last = slot->n_attempts ? slot->attempts[slot->n_attempts - 1].gas_limit : 0;
            if (estimate_of(&estimate, result))
                *at_least = gas_limit_from_estimate(&q->gas, kind_of(slot), estimate);
            if (*at_least <= last)
                *at_least = last + last / 2;
            tx_core_event(&q->core, slot, TXE_PRICED, clock_mono_ms());
        }
    }
    txq_run(q);
}

static void estimate_slot(struct tx_queue *q, struct tx_slot *slot)
{
    struct buf params = { 0 };
    put_estimate_params(&params, &slot->lane->account, slot->call);
    rpc_cancel(slot->side);
    slot->queue = q;
    slot->side = rpc_request(q->rpc, "eth_estimateGas", buf_cstr(&params), 0, on_slot_estimate, slot);
    buf_free(&params);
}

/* What a refusal calls for: a newer base fee, an estimate, or just another number at once (later after a few). */
void txq_reprice(struct tx_queue *q, struct tx_slot *slot)
{
    if (slot->state != TXS_REPRICING)
        return;
    uint64_t now_ms = clock_mono_ms();
    if (slot->refusal == TX_ERR_UNKNOWN)
        slot->due_ms = now_ms + NO_FEE_RETRY_MS;
    else if (slot->reprices > REPRICES_AT_ONCE)
        slot->due_ms = now_ms + REPRICE_DELAY_MS * (slot->reprices < 10 ? slot->reprices : 10);
    else if (slot->refusal == TX_ERR_BASE_FEE)
        txq_fetch_block(q); /* its answer goes on with this slot */
    else if (slot->refusal == TX_ERR_INTRINSIC_GAS)
        estimate_slot(q, slot);
    else
        tx_core_event(&q->core, slot, TXE_PRICED, now_ms);
    if (slot->refusal == TX_ERR_UNDERPRICED)
        txq_fetch_market(q);
}

/* ---- more gas for what ran out of it ---- */

static void on_call_estimate(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_call *call = arg;
    struct tx_queue *q = call->queue;
    uint64_t estimate = 0, limit = 0;
    call->estimate = NULL;
    if (reverts(error))
        (void)revert_reason(call->reason, sizeof call->reason, error);
    if (estimate_of(&estimate, result))
        limit = gas_limit_from_estimate(&q->gas, call->kind, estimate);
    tx_core_estimated(&q->core, call, reverts(error), limit);
    txq_run(q);
}

void txq_estimate_call(struct tx_queue *q, struct tx_call *call)
{
    struct buf params = { 0 };
    const struct tx_lane *lane = q->core.active;
    call->queue = q;
    put_estimate_params(&params, &lane->account, call);
    rpc_cancel(call->estimate);
    call->estimate = rpc_request(q->rpc, "eth_estimateGas", buf_cstr(&params), 0, on_call_estimate, call);
    buf_free(&params);
}
