/* The jobs that name this node: from JobCreated to an answer on the chain. Each gets exactly one of the error codes 0
 * to 6, signed and submitted, unless its event is taken back or nothing could be known in time. */
#ifndef OYSTER_JOB_JOBS_H
#define OYSTER_JOB_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "chain/chain_clock.h"
#include "chain/contracts.h"
#include "chain/tx_queue.h"
#include "chain/watcher.h"
#include "eth/key.h"
#include "job/code_store.h"
#include "job/job_result.h"
#include "job/job_state.h"
#include "ledger/ledger.h"
#include "util/histogram.h"
#include "worker/pool.h"

struct jobs;

/* The parts that a job passes through; all borrowed. */
struct jobs_parts {
    uv_loop_t *loop;
    struct code_store *code;
    struct pool *pool;
    struct tx_queue *tx;
    const struct seckey *enclave_key;
    const struct chain_clock *clock;
    struct ledger *ledger;
};

struct jobs_config {
    struct address jobs_contract;
    uint64_t execution_buffer_ms;
};

struct jobs_stats {
    size_t open;
    uint64_t received, confirmed, expired, dropped;
    uint64_t by_result[JOB_RESULT_COUNT]; /* verdicts of this life of the node */
    struct histogram duration;            /* from the event to the verdict */
    struct histogram event_to_tx;         /* from the event to the first bytes of the answer's transaction */
};

/* Never NULL. */
struct jobs *jobs_new(const struct jobs_parts *parts, const struct jobs_config *config);

/* A job was created that names this node: begins at once. ev is of type EVENT_JOB_CREATED. A job that is known is
 * ignored, unless its event was taken back before, or is another one (reorganised while the node was away): then what
 * was sent for the old one is revoked, and it begins anew. */
void jobs_created(struct jobs *j, const struct chain_event *ev, const struct event_origin *origin);

/* The chain shows our answer already: ends the job where nothing was sent yet. An unknown job is ignored. */
void jobs_answered(struct jobs *j, struct u256 job_id);

/* The event was taken back (reorganisation): ends the job whatever was sent for it, which is revoked; it is not known
 * any more should its id come again. */
void jobs_taken_back(struct jobs *j, struct u256 job_id);

/* An open job as an operator sees it. */
struct job_view {
    char id[U256_DEC_MAX];
    enum job_state state;
    uint64_t age_ms; /* since its event came, or since this life of the node took it up */
    uint64_t deadline_ms, block_number;
    int error_code; /* -1 = no verdict yet */
};

/* The open jobs, oldest first, at most max of them. Returns how many were written. */
size_t jobs_open(const struct jobs *j, struct job_view *out, size_t max);

/* When the last of the runs under way must have ended; monotonic microseconds, 0 = none is. */
uint64_t jobs_run_until(const struct jobs *j);

/* Numbers as of now. */
void jobs_stats(const struct jobs *j, struct jobs_stats *out);

/* Takes up what an earlier life of the node has left in the ledger: transactions that were sent and not settled go back
 * to the queue (the same bytes first), answers that were signed are sent, the rest is run again as far as its time
 * allows. gas_account: whose transactions. Call once, after the queue has its key. */
void jobs_restore(struct jobs *j, const struct address *gas_account);

/* The order of the end is jobs_stop, tx_queue_free (its callbacks end the jobs that wait for it), jobs_free, then the
 * code store, the pool and the ledger. Jobs that are open then stay so in the ledger. NULL allowed in both. */
void jobs_stop(struct jobs *j);
void jobs_free(struct jobs *j);

#endif
