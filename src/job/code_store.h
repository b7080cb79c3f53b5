/* The code of jobs: fetched by transaction hash, decoded, cached by hash (least recently used out first, bounded in
 * bytes). Requests for the same hash share one fetch. */
#ifndef OYSTER_JOB_CODE_STORE_H
#define OYSTER_JOB_CODE_STORE_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "eth/address.h"
#include "net/rpc.h"

struct code_store;
struct code_request;

/* Code shared between the cache and the jobs that run it: counted, freed with the last code_drop. */
struct code {
    uint32_t refs;
    size_t len;
    uint8_t bytes[];
};

/* One more reference (returns c) / one less. */
struct code *code_keep(struct code *c);
void code_drop(struct code *c); /* NULL allowed */

/* How a request ended; 1 and 2 are the error codes of docs/job-authors.md. */
enum code_status {
    CODE_FOUND = 0,
    CODE_NO_TRANSACTION = 1, /* unknown to the chain for the whole deadline, or not sent to the code contract */
    CODE_BAD_CALLDATA = 2,
    CODE_UNKNOWN = 3, /* no endpoint gave an answer until the deadline: the node cannot know */
};

/* Called exactly once unless cancelled, never from inside code_store_get. code: borrowed (code_keep), NULL unless
 * found. reason: one line. */
typedef void code_done_fn(void *arg, enum code_status status, struct code *code, const char *reason);

/* contract: UserCode. cache_bytes bounds the code kept (not what running jobs hold). */
struct code_store *code_store_new(uv_loop_t *loop, struct rpc *rpc, const struct address *contract, size_t cache_bytes);

/* Cancels every request without callbacks. NULL allowed. */
void code_store_free(struct code_store *s);

/* The cached code, borrowed (code_keep), or NULL. Counts as a use. */
struct code *code_store_cached(struct code_store *s, const uint8_t hash[32]);

/* Fetches. A null transaction is asked for again until deadline_us (monotonic microseconds): an endpoint that lags is
 * not the job author's fault. */
struct code_request *code_store_get(struct code_store *s, const uint8_t hash[32], uint64_t deadline_us,
                                    code_done_fn *done, void *arg);

/* Withdraws a request without its callback. */
void code_request_cancel(struct code_request *r);

/* Number of codes and bytes in the cache. */
size_t code_store_count(const struct code_store *s);
size_t code_store_bytes(const struct code_store *s);

#endif
