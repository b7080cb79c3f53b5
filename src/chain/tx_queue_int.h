/* Inside of the sending queue, shared by its files: tx_queue.c (the object, telling, time), tx_send.c (signing,
 * broadcasts and their answers), tx_watch.c (nonces, receipts, balances), tx_market.c (fees and gas of the chain). */
#ifndef OYSTER_CHAIN_TX_QUEUE_INT_H
#define OYSTER_CHAIN_TX_QUEUE_INT_H

#include "chain/tx_core.h"
#include "chain/tx_fees.h"
#include "chain/tx_queue.h"
#include "chain/tx_receipts.h"

struct tx_queue {
    uv_loop_t *loop;
    struct rpc *rpc;
    struct tx_queue_config config;
    struct tx_core core;
    const struct tx_journal *journal; /* NULL = none */
    void *journal_arg;
    struct tx_queue_stats stats;

    struct fee_market market;
    struct gas_model gas;
    struct chain_head head;                            /* the newest; number 0 = none yet */
    uint64_t head_ms;                                  /* when it came */
    uint64_t submit_gas;                               /* what an answer uses, smoothed */
    uint64_t market_heads, balance_heads, probe_heads; /* heads seen when last asked */
    uint64_t balance_ms, poll_ms, cap_warned_ms, low_warned_ms;
    struct rpc_call *block_call, *tip_call, *probe_call;
    uint64_t probe_empty;
    uint64_t refused_told; /* of core.refused */

    uv_timer_t tick, deliver;
    uint64_t tick_every_ms; /* 0 = stopped */
    struct tx_call *tell_first, *tell_last;
    bool draining, run_again, closing;
    unsigned open_handles;
};

/* After any event: gives waiting intents their nonces and does what the core asks for, and sets the timers. */
void txq_run(struct tx_queue *q);

/* A head, from outside or as read by ourselves. */
void txq_take_head(struct tx_queue *q, const struct chain_head *head);

/* Nothing below blocks: questions are asked, and their answers come as events of the core, with txq_run behind them. */

/* ---- tx_send.c ---- */

/* TODO_SIGN: chooses fees, signs a further attempt for the slot's nonce, journals it and sends it. Where no fee may be
 * offered or there are attempts enough, the slot is told so (TXE_PRICE) instead. */
void txq_sign(struct tx_queue *q, struct tx_slot *slot);

/* TODO_RESEND: the newest attempt's bytes again, as they are. */
void txq_resend(struct tx_queue *q, struct tx_slot *slot);

/* TODO_REPRICE: sees to the numbers that the last refusal asks for, then TXE_PRICED. */
void txq_reprice(struct tx_queue *q, struct tx_slot *slot);

/* TODO_ESTIMATE: asks for a new gas limit of a call that is held until then (tx_core_estimated). */
void txq_estimate_call(struct tx_queue *q, struct tx_call *call);

/* ---- tx_watch.c ---- */

/* TODO_ASK_RECEIPT: looks for the receipt of each attempt, the newest first; one question at a time. */
void txq_ask_receipt(struct tx_queue *q, struct tx_slot *slot);

/* TODO_EXPLAIN: repeats the reverted call in its block to learn the reason. */
void txq_explain(struct tx_queue *q, struct tx_slot *slot);

/* Asks for the account's next nonce as the chain has it. / For its balance; one question at a time. */
void txq_poll_lane(struct tx_queue *q, struct tx_lane *lane);
void txq_poll_balance(struct tx_queue *q, struct tx_lane *lane);

/* A new head has come; continuous: it is the child of the one before, so no block can have gone. */
void txq_watch_head(struct tx_queue *q, bool continuous);

/* Time has passed: starved accounts, and what is asked for where no heads come. */
void txq_watch_tick(struct tx_queue *q, uint64_t now_ms);

/* Gas that an answer uses, as far as is known. */
uint64_t txq_submit_gas(const struct tx_queue *q);

/* ---- tx_market.c ---- */

/* Takes base fee and gas limit from q->head, and asks for the rest now and then. */
void txq_market_head(struct tx_queue *q);

/* Asks for the tip, or for the price on a chain without a base fee. / For the newest block, where heads are missing. */
void txq_fetch_market(struct tx_queue *q);
void txq_fetch_block(struct tx_queue *q);

/* Cancels all that the market has asked. */
void txq_market_stop(struct tx_queue *q);

/* Appends the members from, to and, where len is not 0, data of a JSON call object. */
void txq_put_call(struct buf *out, const struct address *from, const struct address *to, const uint8_t *data,
                  size_t len);

#endif
