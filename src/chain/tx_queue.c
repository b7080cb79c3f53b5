#include "chain/tx_queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chain/tx_queue_int.h"
#include "util/clock.h"
#include "util/log.h"

#define TICK_MS 50u
#define TICK_IDLE_MS 1000u
#define MAX_IN_FLIGHT 16u
#define STUCK_AFTER_MS 15000u

static const char *const outcome_names[] = {
    [TX_CONFIRMED] = "confirmed", [TX_REVERTED] = "reverted", [TX_EXPIRED] = "expired", [TX_CANCELLED] = "cancelled"
};

/* ---- telling: always from the loop, never from inside what decided it ---- */

static const char *reason_of(const struct tx_call *call)
{
    if (call->outcome == TX_CONFIRMED)
        return "included";
    if (call->outcome == TX_CANCELLED)
        return "cancelled";
    if (call->reason[0])
        return call->reason;
    return call->outcome == TX_EXPIRED ? "not included in time" : "reverted";
}

static void free_if_loose(struct tx_call *call)
{
    if (tx_call_is_loose(call))
        tx_call_free(call);
}

static void deliver(struct tx_queue *q, struct tx_call *call)
{
    struct tx_result result = {
        .outcome = call->outcome,
        .block_number = call->block_number,
        .gas_used = call->gas_used,
        .sent_us = call->sent_us,
        .effective_gas_price_wei = call->effective_gas_price_wei,
        .too_big = call->outcome == TX_REVERTED && call->too_big,
        .reason = reason_of(call),
    };
    memcpy(result.hash, call->hash, 32);
    uint64_t *counters[] = {
        [TX_CONFIRMED] = &q->stats.confirmed, [TX_REVERTED] = &q->stats.reverted, [TX_EXPIRED] = &q->stats.expired
    };
    if (call->outcome != TX_CANCELLED)
        (*counters[call->outcome])++;
    log_info("tx_done", F_STR("outcome", outcome_names[call->outcome]), F_HEX("hash", call->hash, 32),
             F_U64("block", call->block_number), F_STR("reason", result.reason));
    if (call->done)
        call->done(call->arg, &result);
    call->delivered = true;
}

static struct tx_call *pop_told(struct tx_queue *q)
{
    struct tx_call *call = q->tell_first;
    if (!call)
        return NULL;
    q->tell_first = call->tell_next;
    if (!q->tell_first)
        q->tell_last = NULL;
    return call;
}

static void on_deliver(uv_timer_t *timer)
{
    struct tx_queue *q = timer->data;
    struct tx_call *call;
    while (!q->closing && (call = pop_told(q))) {
        deliver(q, call); /* may push, cancel, and free q (which then delivers the rest) */
        free_if_loose(call);
    }
    txq_run(q);
}

static void tell_later(struct tx_queue *q, struct tx_call *call)
{
    rpc_cancel(call->estimate);
    call->estimate = NULL;
    call->tell_next = NULL;
    if (q->tell_last)
        q->tell_last->tell_next = call;
    else
        q->tell_first = call;
    q->tell_last = call;
    if (!q->closing)
        (void)uv_timer_start(&q->deliver, on_deliver, 0, 0);
}

/* ---- doing what the core asks for ---- */

static void settle(struct tx_queue *q, const struct tx_slot *slot)
{
    if (q->journal && !q->closing)
        q->journal->settled(q->journal_arg, &slot->lane->account, slot->nonce);
}

static void end_slot(struct tx_queue *q, struct tx_slot *slot)
{
    if (slot->state == TXS_LOST && !q->closing)
        log_warn("tx_nonce_lost", F_U64("nonce", slot->nonce), F_U64("attempts", slot->n_attempts));
    settle(q, slot);
    rpc_cancel(slot->send);
    rpc_cancel(slot->ask);
    rpc_cancel(slot->side);
    tx_slot_free(slot);
}

static void do_todo(struct tx_queue *q, const struct tx_todo *t)
{
    switch (t->type) {
    case TODO_SIGN:
        txq_sign(q, t->slot);
        break;
    case TODO_RESEND:
        txq_resend(q, t->slot);
        break;
    case TODO_REPRICE:
        txq_reprice(q, t->slot);
        break;
    case TODO_ASK_RECEIPT:
        txq_ask_receipt(q, t->slot);
        break;
    case TODO_EXPLAIN:
        txq_explain(q, t->slot);
        break;
    case TODO_ESTIMATE:
        txq_estimate_call(q, t->call);
        break;
    case TODO_SETTLE:
        settle(q, t->slot);
        break;
    case TODO_TELL:
        tell_later(q, t->call);
        break;
    case TODO_END:
        end_slot(q, t->slot);
        break;
    case TODO_DROP:
        tx_call_free(t->call);
        break;
    }
}

static void wipe_key(struct tx_lane *lane)
{
    if (!lane->key)
        return;
    seckey_wipe(lane->key);
    free(lane->key);
    lane->key = NULL;
}

static void free_lane(struct tx_lane *lane)
{
    rpc_cancel(lane->count_call);
    rpc_cancel(lane->balance_call);
    wipe_key(lane);
    free(lane);
}

/* An old key lives as long as something may have to be signed with it. */
static void tidy_lanes(struct tx_queue *q)
{
    struct tx_lane *lane, *next;
    for (lane = q->core.lanes; lane; lane = next) {
        next = lane->next_lane;
        if (!lane->retired || !tx_lane_settled(lane))
            continue;
        if (lane->key)
            log_info("gas_key_wiped", F_HEX("account", lane->account.b, 20));
        wipe_key(lane);
        if (lane->slots)
            continue;
        tx_core_forget_lane(&q->core, lane);
        free_lane(lane);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct tx_queue *q = timer->data;
    uint64_t now_ms = clock_mono_ms();
    tx_core_tick(&q->core, now_ms);
    txq_watch_tick(q, now_ms);
    txq_run(q);
}

/* Fast while something is on its way, slow while only blocks are waited for, not at all without anything. */
static void set_tick(struct tx_queue *q)
{
    uint64_t every_ms = q->core.n_waiting ? TICK_MS : 0;
    for (const struct tx_lane *lane = q->core.lanes; lane; lane = lane->next_lane) {
        if (!tx_lane_settled(lane))
            every_ms = TICK_MS;
        else if (lane->slots && !every_ms)
            every_ms = TICK_IDLE_MS;
    }
    if (every_ms == q->tick_every_ms)
        return;
    q->tick_every_ms = every_ms;
    if (every_ms)
        (void)uv_timer_start(&q->tick, on_tick, every_ms, every_ms);
    else
        (void)uv_timer_stop(&q->tick);
}

void txq_run(struct tx_queue *q)
{
    if (q->closing)
        return;
    q->run_again = true; /* called from inside a sent callback: the outer one goes on */
    if (q->draining)
        return;
    struct tx_todo t;
    q->draining = true;
    while (q->run_again) {
        q->run_again = false;
        tx_core_pump(&q->core, clock_mono_ms());
        while (tx_core_next(&q->core, &t))
            do_todo(q, &t);
    }
    q->draining = false;
    if (q->core.refused != q->refused_told)
        log_error("tx_event_refused", F_U64("count", q->core.refused),
                  F_STR("why", "a bug: the table has no such pair"));
    q->refused_told = q->core.refused;
    tidy_lanes(q);
    set_tick(q);
}

/* ---- heads ---- */

void txq_take_head(struct tx_queue *q, const struct chain_head *head)
{
    bool continuous = head->number == q->head.number + 1 && memcmp(head->parent_hash, q->head.hash, 32) == 0;
    bool same = head->number == q->head.number && memcmp(head->hash, q->head.hash, 32) == 0;
    q->head_ms = clock_mono_ms();
    if (same)
        return;
    q->head = *head;
    q->core.heads++;
    txq_market_head(q);
    txq_watch_head(q, continuous);
    tx_core_tick(&q->core, q->head_ms);
}

void tx_queue_on_head(struct tx_queue *q, const struct chain_head *head)
{
    txq_take_head(q, head);
    txq_run(q);
}

/* ---- the object ---- */

struct tx_queue *tx_queue_new(uv_loop_t *loop, struct rpc *rpc, const struct tx_queue_config *config)
{
    struct tx_queue *q = xcalloc(1, sizeof *q);
    q->loop = loop;
    q->rpc = rpc;
    q->config = *config;
    q->core.max_in_flight = config->max_in_flight ? config->max_in_flight : MAX_IN_FLIGHT;
    q->core.stuck_after_ms = config->stuck_after_ms ? config->stuck_after_ms : STUCK_AFTER_MS;
    q->market.cap = config->max_fee_cap_wei;
    q->market.tip = config->priority_fee_wei;
    q->market.tip_known = !u256_is_zero(config->priority_fee_wei);
    gas_model_init(&q->gas, config->submit_callback_gas);
    (void)uv_timer_init(loop, &q->tick);
    (void)uv_timer_init(loop, &q->deliver);
    q->tick.data = q->deliver.data = q;
    q->open_handles = 2;
    return q;
}

void tx_queue_set_limits(struct tx_queue *q, struct u256 max_fee_cap_wei, uint64_t submit_callback_gas)
{
    q->config.max_fee_cap_wei = q->market.cap = max_fee_cap_wei;
    q->config.submit_callback_gas = q->gas.callback = submit_callback_gas;
    txq_fetch_market(q); /* what waited for a higher cap goes once it is known */
}

void tx_queue_set_key(struct tx_queue *q, const struct seckey *key, uint64_t nonce)
{
    struct tx_lane *lane = tx_core_use(&q->core, &key->address, nonce, clock_mono_ms());
    if (!lane->key)
        lane->key = xcalloc(1, sizeof *lane->key);
    *lane->key = *key;
    log_info("gas_key_set", F_HEX("account", key->address.b, 20), F_U64("nonce", lane->next),
             F_U64("waiting", q->core.n_waiting));
    if (!q->head.number)
        txq_fetch_block(q);
    txq_fetch_market(q);
    q->stats.balance_known = false;
    txq_poll_balance(q, lane);
    txq_run(q);
}

void tx_queue_set_journal(struct tx_queue *q, const struct tx_journal *journal, void *arg)
{
    q->journal = journal;
    q->journal_arg = arg;
}

static struct tx_call *new_call(const struct tx_intent *intent, tx_sent_fn *sent, tx_done_fn *done, void *arg)
{
    struct tx_call *call = xcalloc(1, sizeof *call);
    call->kind = intent->kind;
    call->to = intent->to;
    call->data = intent->data_len ? xmemdup(intent->data, intent->data_len) : NULL;
    call->data_len = intent->data_len;
    call->useless_after_ms = intent->useless_after_ms;
    call->has_job = intent->has_job;
    call->job_id = intent->job_id;
    call->sent = sent;
    call->done = done;
    call->arg = arg;
    return call;
}

/* Is a further attempt for the very call that is on this nonce of the active account already? */
static bool is_further_attempt(const struct tx_queue *q, const struct tx_record *r)
{
    for (const struct tx_slot *slot = q->core.active->slots; slot; slot = slot->next)
        if (slot->nonce == r->nonce && slot->call)
            return slot->call->kind == r->kind && address_eq(&slot->call->to, &r->to) &&
                   slot->call->data_len == r->data_len &&
                   (r->data_len == 0 || memcmp(slot->call->data, r->data, r->data_len) == 0);
    return false;
}

uint64_t tx_queue_adopt(struct tx_queue *q, const struct tx_record *r, uint64_t useless_after_ms, tx_sent_fn *sent,
                        tx_done_fn *done, void *arg)
{
    assert(!q->closing && q->core.active && address_eq(&q->core.active->account, &r->from));
    struct tx_attempt attempt = { .offer = { .max_fee = r->max_fee_wei, .tip = r->tip_wei },
                                  .gas_limit = r->gas_limit,
                                  .call_id = r->kind != TX_FILL };
    struct tx_call *call = NULL;
    struct tx_intent intent = { r->kind, r->to, r->data, r->data_len, useless_after_ms, r->has_job, r->job_id };
    memcpy(attempt.hash, r->hash, 32);
    buf_append(&attempt.raw, r->raw, r->raw_len);
    if (r->kind != TX_FILL && !is_further_attempt(q, r)) {
        call = new_call(&intent, sent, done, arg);
        memcpy(call->hash, r->hash, 32);
    }
    log_info("tx_adopted", F_U64("nonce", r->nonce), F_HEX("hash", r->hash, 32));
    (void)uv_timer_start(&q->deliver, on_deliver, 0, 0); /* sent when all records are here: the newest attempt counts */
    return tx_core_adopt(&q->core, call, r->nonce, &attempt, clock_mono_ms());
}

uint64_t tx_queue_push(struct tx_queue *q, const struct tx_intent *intent, tx_sent_fn *sent, tx_done_fn *done,
                       void *arg)
{
    assert(!q->closing && intent->kind < TX_KIND_COUNT);
    struct tx_call *call = new_call(intent, sent, done, arg);
    tx_core_push(&q->core, call);
    uint64_t id = call->id;
    txq_run(q);
    return id;
}

void tx_queue_cancel(struct tx_queue *q, uint64_t handle)
{
    if (tx_core_cancel(&q->core, handle))
        txq_run(q);
}

void tx_queue_revoke(struct tx_queue *q, struct u256 job_id)
{
    tx_core_revoke(&q->core, job_id, clock_mono_ms());
    tx_core_tick(&q->core, clock_mono_ms());
    txq_run(q);
}

static uint64_t answers_left(struct u256 balance, struct u256 cost)
{
    uint64_t unit, n;
    (void)u256_to_u64(&unit, cost); /* one of 18 ether and more is taken as 18 */
    (void)u256_to_u64(&n, u256_div_u64(balance, unit, NULL));
    return u256_cmp(balance, cost) < 0 ? 0 : n;
}

void tx_queue_stats(const struct tx_queue *q, struct tx_queue_stats *out)
{
    *out = q->stats;
    out->answer_cost_known = fee_cost(&out->answer_cost_wei, &q->market, txq_submit_gas(q));
    if (out->answer_cost_known && out->balance_known)
        out->answers_left = answers_left(out->balance_wei, out->answer_cost_wei);
    out->nonce_resyncs = q->core.resyncs;
    out->pending = (uint32_t)q->core.n_waiting;
    for (const struct tx_lane *lane = q->core.lanes; lane; lane = lane->next_lane)
        out->in_flight += tx_lane_in_flight(lane);
    if (!q->core.active)
        return;
    out->nonce_local = q->core.active->next;
    out->nonce_chain = q->core.active->chain_nonce;
}

static void on_closed(uv_handle_t *handle)
{
    struct tx_queue *q = handle->data;
    if (--q->open_handles == 0)
        free(q);
}

void tx_queue_free(struct tx_queue *q)
{
    if (!q)
        return;
    q->closing = true;
    tx_core_close(&q->core);
    struct tx_todo t;
    while (tx_core_next(&q->core, &t))
        if (t.type >= TODO_TELL)
            do_todo(q, &t);
    txq_market_stop(q);
    struct tx_call *call;
    while ((call = pop_told(q))) {
        deliver(q, call);
        free_if_loose(call);
    }
    while (q->core.lanes) {
        struct tx_lane *lane = q->core.lanes;
        q->core.lanes = lane->next_lane;
        free_lane(lane);
    }
    buf_free(&q->core.todo);
    uv_close((uv_handle_t *)&q->tick, on_closed);
    uv_close((uv_handle_t *)&q->deliver, on_closed);
}
