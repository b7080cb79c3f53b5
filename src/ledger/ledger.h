/* What a restart needs, and the history of jobs: one SQLite database in WAL mode (the only user of sqlite3). Calls are
 * short and synchronous; a failed write is reported once and never stops the node, since the chain is the truth. */
#ifndef OYSTER_LEDGER_LEDGER_H
#define OYSTER_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "util/err.h"

struct ledger;

/* Whose ledger it is: one of another chain, contract or enclave is of no use and is set aside. */
struct ledger_identity {
    uint64_t chain_id;
    struct address jobs_contract, enclave;
};

/* Opens or makes the database. An older version is migrated. A damaged one, and one of another identity, is renamed to
 * "<path>.set-aside-<seconds>" with a log record, and a new one is made. flush: true = every commit reaches the disk
 * before the call returns (survives power loss), false = it reaches the operating system (survives kill -9).
 * Returns NULL with e naming the path. */
struct ledger *ledger_open(const char *path, const struct ledger_identity *identity, bool flush, struct err *e);

/* NULL allowed. */
void ledger_close(struct ledger *l);

/* ---- settings ---- */

/* Small named values; len 0 removes. get: returns the length (at most max bytes are copied), 0 = not there. */
enum ledger_setting { LEDGER_OWNER, LEDGER_GAS_KEY_SEALED, LEDGER_CURSOR, LEDGER_CONFIG_SIGNED };
void ledger_put_setting(struct ledger *l, enum ledger_setting key, const void *value, size_t len);
size_t ledger_get_setting(struct ledger *l, enum ledger_setting key, void *value, size_t max);

/* ---- jobs ---- */

/* A job that named this node. state: enum job_state as a number. Bytes are borrowed in both directions. */
struct ledger_job {
    struct u256 id;
    int state;
    uint8_t codehash[32];
    const uint8_t *inputs;
    size_t inputs_len;
    uint64_t deadline_ms;
    uint64_t chain_time_s; /* of its block; 0 = not known */
    uint64_t seen_wall_ms;
    uint64_t block_number;
    int error_code; /* -1 = no verdict yet */
    uint64_t total_time_ms;
    const uint8_t *output; /* with a verdict; dropped when the job is final */
    size_t output_len;
    uint64_t sign_timestamp_s;
    uint8_t signature[65];
    uint8_t tx_hash[32];
    uint64_t event_to_tx_us;
};

/* Writes the job as a whole (by id). */
void ledger_put_job(struct ledger *l, const struct ledger_job *job);

/* True where the job is known; calls fn with it before returning. */
bool ledger_get_job(struct ledger *l, struct u256 id, void (*fn)(void *arg, const struct ledger_job *job), void *arg);

/* Calls fn for each job that is in none of the states given as a bit mask, oldest first. fn may write. */
void ledger_each_job_not_in(struct ledger *l, unsigned final_states,
                            void (*fn)(void *arg, const struct ledger_job *job), void *arg);

/* ---- transactions ---- */

/* A signed transaction, written before its bytes leave. */
struct ledger_tx {
    struct address from;
    uint64_t nonce;
    uint8_t hash[32];
    int kind; /* enum tx_kind */
    bool has_job;
    struct u256 job_id;
    struct address to;
    const uint8_t *data; /* the call */
    size_t data_len;
    struct u256 max_fee_wei, tip_wei;
    uint64_t gas_limit;
    const uint8_t *raw; /* as sent */
    size_t raw_len;
    uint64_t sent_wall_ms;
};

/* Writes it beside earlier ones of the same nonce (a replacement: any of them may be included). What was written for
 * the same job under another nonce goes: that nonce was lost to it. */
void ledger_put_tx(struct ledger *l, const struct ledger_tx *tx);

/* The nonce is settled: its records go. */
void ledger_drop_tx(struct ledger *l, const struct address *from, uint64_t nonce);

/* The job has gone from the chain: what was written for it answers none, should another get its id. */
void ledger_disown_txs(struct ledger *l, struct u256 job_id);

/* Calls fn for each transaction, by sender and nonce, of one nonce in the order in which they were written (whatever
 * the wall clock did meanwhile). fn may not write. */
void ledger_each_tx(struct ledger *l, void (*fn)(void *arg, const struct ledger_tx *tx), void *arg);

/* ---- together ---- */

/* Several writes as one commit: begin, writes, commit. Not nested. */
void ledger_begin(struct ledger *l);
void ledger_commit(struct ledger *l);

/* Drops final jobs but for the newest `keep`. */
void ledger_prune(struct ledger *l, unsigned final_states, uint32_t keep);

/* A number that grows with each write to jobs and their history: the same number, the same list. */
uint64_t ledger_changes(const struct ledger *l);

/* Number of writes that failed since it was opened. */
uint64_t ledger_failures(const struct ledger *l);

#endif
