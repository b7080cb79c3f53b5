/* Reports jobs that lack answers: slashOnExecutionTimeout for every job of the chain, ours or not, once deadline,
 * buffer and a second have passed and the chain says that it is still open. Nodes stagger themselves, so that normally
 * one pays for the transaction. */
#ifndef OYSTER_JOB_SLASHER_H
#define OYSTER_JOB_SLASHER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "chain/chain_clock.h"
#include "chain/contracts.h"
#include "chain/tx_queue.h"
#include "chain/watcher.h"
#include "net/rpc.h"

struct slasher;

struct slasher_config {
    enum generation generation;
    struct address jobs_contract;
    struct address enclave; /* ours: the stagger depends on it */
    uint64_t execution_buffer_ms;
    uint64_t num_selected_executors; /* a job with so many answers is complete */
};

struct slasher_stats {
    size_t open_jobs;
    uint64_t asked, sent, slashed; /* views asked, transactions queued, of them confirmed */
    uint64_t against_us;           /* slashes of this enclave that the chain told */
};

/* rpc, tx, clock: borrowed. */
struct slasher *slasher_new(uv_loop_t *loop, struct rpc *rpc, struct tx_queue *tx, const struct chain_clock *clock,
                            const struct slasher_config *config);

/* The events that open and close jobs; others are ignored. */
void slasher_on_event(struct slasher *s, const struct chain_event *ev, const struct event_origin *origin);
void slasher_on_removed(struct slasher *s, const struct chain_event *ev, const struct event_origin *origin);

/* How long this node waits beyond the limit for a job: 0 to SLASH_STAGGER_MS, by keccak256(enclave ‖ job id). Pure. */
#define SLASH_STAGGER_MS 5000
uint64_t slasher_stagger_ms(const struct address *enclave, struct u256 job_id);

/* Numbers as of now. */
void slasher_stats(const struct slasher *s, struct slasher_stats *out);

/* Order of the end: tx_queue_free first. NULL allowed. */
void slasher_free(struct slasher *s);

#endif
