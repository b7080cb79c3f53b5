/* What the chain asks for gas: fees from heads, tips and probes in the background. */
#include <stdio.h>
#include <string.h>

#include "chain/head.h"
#include "chain/tx_queue_int.h"
#include "util/clock.h"
#include "util/hex.h"
#include "util/log.h"

#define MARKET_EVERY_HEADS 20u
#define PROBE_EVERY_HEADS 2000u
#define PROBE_BYTES 1024u
#define CAP_WARN_EVERY_MS 60000u

static bool parse_wei(struct u256 *out, const struct json *result)
{
    size_t len = 0;
    const char *text = json_str(result, &len);
    return text && u256_parse(out, text, len, NULL) == 0;
}

/* Whether anything can be sent at the present price. */
static void update_open(struct tx_queue *q)
{
    struct fee_offer offer;
    enum fee_verdict verdict = fee_first(&offer, &q->market);
    q->core.open = verdict == FEE_OK;
    if (verdict != FEE_OVER_CAP || (q->cap_warned_ms && q->head_ms - q->cap_warned_ms < CAP_WARN_EVERY_MS))
        return;
    char base_fee[U256_DEC_MAX], cap[U256_DEC_MAX];
    q->cap_warned_ms = q->head_ms;
    log_error("fee_cap_reached", F_STR("base_fee_wei", u256_to_dec(base_fee, q->market.base_fee)),
              F_STR("max_fee_cap_wei", u256_to_dec(cap, q->market.cap)), F_U64("waiting", q->core.n_waiting));
}

/* ---- tip, or the price on a chain without base fee ---- */

static void on_tip(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_queue *q = arg;
    struct u256 wei;
    q->tip_call = NULL;
    if (error->kind != RPC_ERR_NONE || !parse_wei(&wei, result)) {
        log_debug("tip_unknown", F_STR("error", error->message));
    } else if (q->market.legacy) {
        q->market.base_fee = wei;
        q->market.known = true;
    } else {
        q->market.tip = wei;
        q->market.tip_known = true;
    }
    update_open(q);
    txq_run(q);
}

void txq_fetch_market(struct tx_queue *q)
{
    bool fixed = !q->market.legacy && !u256_is_zero(q->config.priority_fee_wei);
    if (q->tip_call || fixed)
        return;
    q->market_heads = q->core.heads;
    q->tip_call =
        rpc_request(q->rpc, q->market.legacy ? "eth_gasPrice" : "eth_maxPriorityFeePerGas", "[]", 0, on_tip, q);
}

/* ---- the newest block, where heads are missing or too old ---- */

/* Those that were refused for the base fee are signed anew, with what is known now. */
static void resume_base_fee(struct tx_queue *q)
{
    struct tx_lane *lane;
    for (lane = q->core.lanes; lane; lane = lane->next_lane)
        for (struct tx_slot *slot = lane->slots; slot; slot = slot->next)
            if (slot->state == TXS_REPRICING && slot->refusal == TX_ERR_BASE_FEE && slot->due_ms == UINT64_MAX)
                slot->due_ms = 0;
    tx_core_tick(&q->core, clock_mono_ms());
}

static void on_block(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_queue *q = arg;
    struct chain_head head;
    struct err e = { 0 };
    q->block_call = NULL;
    if (error->kind != RPC_ERR_NONE)
        log_debug("block_unknown", F_STR("error", error->message));
    else if (chain_head_parse(&head, result, &e) < 0)
        log_warn("block_malformed", F_ERR(&e));
    else
        txq_take_head(q, &head);
    resume_base_fee(q);
    txq_run(q);
}

void txq_fetch_block(struct tx_queue *q)
{
    if (!q->block_call)
        q->block_call = rpc_request(q->rpc, "eth_getBlockByNumber", "[\"latest\",false]", 0, on_block, q);
}

/* ---- what calldata costs here: an L2 charges its share of L1 in gas units, which only an estimate tells ---- */

static void probe_bytes(uint8_t out[PROBE_BYTES])
{
    uint32_t x = 0x9e3779b9; /* noise, so that no compression makes it look cheap */
    for (size_t i = 0; i < PROBE_BYTES; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        out[i] = (uint8_t)(x | 1);
    }
}

static bool parse_gas(uint64_t *out, const struct json *result)
{
    size_t len = 0;
    const char *text = json_str(result, &len);
    return text && hex_decode_u64(out, text, len, NULL) == 0;
}

static void probe(struct tx_queue *q, const uint8_t *data, size_t len, rpc_done_fn *done)
{
    struct buf params = { 0 };
    const struct address *account = &q->core.active->account;
    buf_puts(&params, "[{");
    txq_put_call(&params, account, account, data, len);
    buf_puts(&params, "}]");
    q->probe_call = rpc_request(q->rpc, "eth_estimateGas", buf_cstr(&params), 0, done, q);
    buf_free(&params);
}

static void on_probe_data(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_queue *q = arg;
    uint8_t data[PROBE_BYTES];
    uint64_t gas;
    q->probe_call = NULL;
    if (error->kind == RPC_ERR_NONE && parse_gas(&gas, result)) {
        probe_bytes(data);
        gas_learn_probe(&q->gas, q->probe_empty, gas, data, sizeof data);
        log_debug("gas_probed", F_U64("empty", q->probe_empty), F_U64("with_data", gas),
                  F_U64("data_extra_milli", q->gas.data_extra_milli));
    }
    txq_run(q);
}

static void on_probe_empty(void *arg, const struct json *result, const struct rpc_error *error)
{
    struct tx_queue *q = arg;
    uint8_t data[PROBE_BYTES];
    q->probe_call = NULL;
    if (error->kind != RPC_ERR_NONE || !parse_gas(&q->probe_empty, result))
        return;
    probe_bytes(data);
    probe(q, data, sizeof data, on_probe_data);
}

static void start_probe(struct tx_queue *q)
{
    if (q->probe_call || !q->core.active)
        return;
    q->probe_heads = q->core.heads;
    q->gas.refused_cap = 0; /* a cap that was told long ago may have been raised */
    probe(q, NULL, 0, on_probe_empty);
}

/* ---- heads ---- */

void txq_market_head(struct tx_queue *q)
{
    struct fee_market *market = &q->market;
    if (market->legacy == q->head.has_base_fee) {
        market->legacy = !q->head.has_base_fee;
        market->known = false;
        rpc_cancel(q->tip_call);
        q->tip_call = NULL;
    }
    if (q->head.has_base_fee) {
        market->base_fee = q->head.base_fee_wei;
        market->known = true;
    }
    q->gas.cap = q->head.gas_limit;
    if (!q->market_heads || (market->legacy && !market->known) || q->core.heads - q->market_heads >= MARKET_EVERY_HEADS)
        txq_fetch_market(q);
    if (q->core.active && (!q->probe_heads || q->core.heads - q->probe_heads >= PROBE_EVERY_HEADS))
        start_probe(q);
    update_open(q);
}

void txq_market_stop(struct tx_queue *q)
{
    rpc_cancel(q->tip_call);
    rpc_cancel(q->block_call);
    rpc_cancel(q->probe_call);
}
