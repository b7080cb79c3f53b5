/* Everything that an operator may see of a node, as of one moment: what the rooms count, and what only the node knows.
 * Metrics, health and dashboard are written from it. No secret is in it. */
#ifndef OYSTER_API_STATUS_H
#define OYSTER_API_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/registrar.h"
#include "chain/tx_queue.h"
#include "chain/watcher.h"
#include "eth/address.h"
#include "job/jobs.h"
#include "job/slasher.h"
#include "net/rpc.h"
#include "worker/pool.h"

struct node_status {
    const char *version; /* static */
    uint64_t uptime_ms;
    uint64_t chain_id;
    enum generation generation; /* 0 = the chain has not told yet */
    int env;                    /* -1 in generation 1, or while the generation is not known */

    struct address enclave;
    bool has_owner, has_gas_key;
    struct address owner;       /* with has_owner */
    struct address gas_address; /* with has_gas_key */

    bool following; /* owner, gas key and chain are known: what is below under "following" is filled */
    bool draining;  /* the node is about to stop: takes no job any more */

    struct pool_stats pool;
    struct tx_queue_stats tx;

    /* following */
    enum registration registration; /* REG_UNKNOWN when not following */
    bool stake_known;
    struct u256 stake; /* in the stake token's smallest unit */
    struct jobs_stats jobs;
    struct watcher_stats chain;
    struct slasher_stats slasher;

    bool clock_known;
    int64_t clock_skew_ms; /* chain time less wall time, as of the last head */

    uint64_t ledger_failures; /* writes that failed in this life of the node */

    bool attestation_known;
    uint64_t attestation_age_ms; /* since the enclave's attestation document was made */

    struct rpc_endpoint_status *endpoints; /* HTTP first; owned, what they point to is the node's */
    size_t n_endpoints;
    struct job_view *open_jobs; /* at most STATUS_JOBS_MAX, oldest first; owned */
    size_t n_open_jobs;
};

/* More open jobs than this are counted, not listed. */
#define STATUS_JOBS_MAX 256

/* Fills a {0} status. Called on the loop; free with node_status_free before the loop turns. */
typedef void node_status_fn(void *arg, struct node_status *out);

/* Releases the lists; the status is {0} afterwards. */
void node_status_free(struct node_status *s);

#endif
