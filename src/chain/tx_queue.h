/* Sending: one queue per gas key. Nonces live in memory, fees follow the heads, several transactions are in flight,
 * receipts are watched, stuck ones replaced, nonce trouble resolved. On the way from tx_queue_push to the bytes of
 * eth_sendRawTransaction there is no request and no wait. */
#ifndef OYSTER_CHAIN_TX_QUEUE_H
#define OYSTER_CHAIN_TX_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "chain/watcher.h"
#include "eth/key.h"
#include "net/rpc.h"

struct tx_queue;

/* What kind of call it is: gas limits are learned per kind from receipts. */
enum tx_kind { TX_SUBMIT_OUTPUT, TX_SLASH, TX_FILL, TX_KIND_COUNT };

/* A call to be made. data is copied. */
struct tx_intent {
    enum tx_kind kind;
    struct address to;
    const uint8_t *data;
    size_t data_len;
    uint64_t useless_after_ms; /* monotonic; dropped when not included by then. UINT64_MAX = never */
    bool has_job;              /* for the journal: which job it answers */
    struct u256 job_id;
};

/* A signed transaction as the journal keeps it. Everything is borrowed. */
struct tx_record {
    struct address from;
    uint64_t nonce;
    uint8_t hash[32];
    enum tx_kind kind;
    struct address to;
    const uint8_t *data;
    size_t data_len;
    bool has_job;
    struct u256 job_id;
    struct u256 max_fee_wei, tip_wei;
    uint64_t gas_limit;
    const uint8_t *raw;
    size_t raw_len;
};

/* A transaction that a block holds, as its receipt tells. Everything is borrowed. */
struct tx_inclusion {
    struct address from;
    uint64_t nonce;
    uint8_t hash[32];
    enum tx_kind kind;
    struct address to;
    bool has_job;
    struct u256 job_id;
    bool ok; /* status 1 */
    uint64_t gas_used;
    struct u256 gas_price_wei; /* 0 = not told */
    const struct json *logs;   /* as the receipt has them; NULL = not told */
};

/* Where signed transactions are written down. sending is called before the bytes leave, for the first ones of a nonce
 * and for each replacement. settled: all that was written for the nonce is to be dropped, because it needs no more care
 * (included deep enough, used by another, its call gone elsewhere) or is about to be used for another call. included
 * (NULL allowed): a receipt was found; told again when the block went and another took the transaction, and in a next
 * life. */
struct tx_journal {
    void (*sending)(void *arg, const struct tx_record *record);
    void (*settled)(void *arg, const struct address *from, uint64_t nonce);
    void (*included)(void *arg, const struct tx_inclusion *inclusion);
};

enum tx_outcome {
    TX_CONFIRMED, /* included, status 1 */
    TX_REVERTED,  /* included, status 0, or refused by simulation with revert data: the contract does not take it */
    TX_EXPIRED,   /* useless_after_ms passed */
    TX_CANCELLED, /* tx_queue_cancel, or the queue was freed */
};

/* What became of an intent. hash: of the transaction included or last sent (zero if none). sent_us: monotonic time at
 * which the first bytes went out, 0 = never. reason: one line for the log, never NULL. */
struct tx_result {
    enum tx_outcome outcome;
    uint8_t hash[32];
    uint64_t block_number, gas_used, sent_us;
    struct u256 effective_gas_price_wei;
    bool too_big; /* TX_REVERTED: no endpoint takes a transaction of this size */
    const char *reason;
};

/* Called exactly once for each intent: from the loop, or from tx_queue_free; never from inside tx_queue_push. May push,
 * cancel and free the queue (but not from inside tx_queue_free). */
typedef void tx_done_fn(void *arg, const struct tx_result *result);

/* Called when the first bytes of an intent are handed to the endpoints, also from inside tx_queue_push (NULL allowed
 * there). May push; may not free the queue. */
typedef void tx_sent_fn(void *arg, const uint8_t hash[32]);

struct tx_queue_config {
    uint64_t chain_id;
    uint32_t max_in_flight;       /* 16 */
    uint64_t stuck_after_ms;      /* replaced when not included after so long (15,000) */
    struct u256 max_fee_cap_wei;  /* never offer more per gas (0 = no cap) */
    struct u256 priority_fee_wei; /* tip (0 = ask eth_maxPriorityFeePerGas in the background) */
    uint64_t submit_callback_gas; /* room for the job owner's callback in submitOutput (1,000,000) */
};

struct tx_queue_stats {
    uint64_t sent, replaced, confirmed, reverted, expired, nonce_resyncs;
    uint32_t pending;   /* intents that wait for being sent */
    uint32_t in_flight; /* nonces whose bytes are out and whose inclusion is open */
    uint64_t nonce_local, nonce_chain;
    struct u256 balance_wei;
    bool balance_known;
    bool answer_cost_known;
    struct u256 answer_cost_wei; /* of one submitOutput at the present price, by what earlier ones used */
    uint64_t answers_left;       /* that the balance pays for, with answer_cost_known and balance_known */
};

/* Sends nothing before tx_queue_set_key. loop and rpc are borrowed until tx_queue_free. */
/* loop and rpc are borrowed and outlive the queue; config is copied. Never fails. */
struct tx_queue *tx_queue_new(uv_loop_t *loop, struct rpc *rpc, const struct tx_queue_config *config);

/* Changes two settings of the configuration for what is sent from now on. */
void tx_queue_set_limits(struct tx_queue *q, struct u256 max_fee_cap_wei, uint64_t submit_callback_gas);

/* Installs the gas key (copied) with the account's current nonce, as eth_getTransactionCount("pending") gave it. When
 * another key was there: what is unsent moves to the new key, what is in flight is watched to its end under the old
 * one; the old key is wiped once nothing of it is in flight. */
void tx_queue_set_key(struct tx_queue *q, const struct seckey *key, uint64_t nonce);

/* Fees and time: to be called for each head. */
void tx_queue_on_head(struct tx_queue *q, const struct chain_head *head);

/* Queues an intent; it is sent at once where a key is set and fewer than max_in_flight are under way. Submits go
 * before slashes. Returns its handle, valid until done was called. */
uint64_t tx_queue_push(struct tx_queue *q, const struct tx_intent *intent, tx_sent_fn *sent, tx_done_fn *done,
                       void *arg);

/* Withdraws an intent that is not sent yet (done: TX_CANCELLED, from the loop); one that is sent is watched to its end.
 */
void tx_queue_cancel(struct tx_queue *q, uint64_t handle);

/* The job has gone from the chain: intents that answer it end (TX_CANCELLED, from the loop), sent or not. What may be
 * in a pool is replaced by a transaction without effect, since another job may get the id, and what was confirmed is
 * not sent again where it was reorganised away. */
void tx_queue_revoke(struct tx_queue *q, struct u256 job_id);

/* Installs the journal (borrowed). */
void tx_queue_set_journal(struct tx_queue *q, const struct tx_journal *journal, void *arg);

/* Takes over a transaction that an earlier life of the node has sent from the present account and not seen settled: the
 * same bytes are sent again, its receipt is looked for, it is replaced where it is stuck, and its call is signed anew
 * under another nonce where the nonce was used by something else. Records in order of nonce, each nonce's attempts from
 * the oldest on, right after tx_queue_set_key and before anything is pushed. sent: as in tx_queue_push, called for a
 * signing of this life. Returns the handle: for a further attempt for the same call on a nonce that of the first (its
 * callbacks are the ones that count), 0 for a fill. */
uint64_t tx_queue_adopt(struct tx_queue *q, const struct tx_record *record, uint64_t useless_after_ms, tx_sent_fn *sent,
                        tx_done_fn *done, void *arg);

/* Numbers for metrics. */
void tx_queue_stats(const struct tx_queue *q, struct tx_queue_stats *out);

/* Frees at once, before its rpc; handles close on the loop's next turns; done is called with TX_CANCELLED for each open
 * intent. Keys are wiped. NULL allowed. */
void tx_queue_free(struct tx_queue *q);

#endif
