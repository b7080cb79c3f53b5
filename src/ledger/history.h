/* What the operator reads of the past: what the chain took of ours and paid for it, where stake was lost, how many jobs
 * were answered hour by hour. Nothing of it is needed to go on after a restart.
 *
 * It is bounded: receipts live as long as their job (ledger_prune), the newest LEDGER_SLASHES_KEPT slashes are kept,
 * and hours for LEDGER_HOURS_KEPT_S. */
#ifndef OYSTER_LEDGER_HISTORY_H
#define OYSTER_LEDGER_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "eth/address.h"
#include "eth/u256.h"
#include "ledger/ledger.h"

#define LEDGER_SLASHES_KEPT 1000
#define LEDGER_HOURS_KEPT_S ((uint64_t)90 * 24 * 3600)

/* An answer's transaction in a block. */
struct ledger_receipt {
    struct u256 job_id;
    struct address from;
    uint64_t nonce;
    uint8_t hash[32];
    bool ok;
    uint8_t rank; /* 1 = the first answer, 0 = not known */
    uint64_t gas_used;
    struct u256 gas_price_wei; /* 0 = not known */
    bool paid_known;
    struct address paid_token; /* with paid_known */
    struct u256 paid;
};

/* Writes it in place of what was written for the same nonce: a block that went is paid for by nobody. */
void ledger_put_receipt(struct ledger *l, const struct ledger_receipt *r);

/* The chain says that stake was lost for a job. Told again, it changes nothing. drop: the event was taken back. */
void ledger_put_slash(struct ledger *l, struct u256 job_id, uint64_t wall_ms);
void ledger_drop_slash(struct ledger *l, struct u256 job_id);

/* What is counted by the hour; slashes are counted by ledger_put_slash. */
enum ledger_tally { LEDGER_ANSWERED, LEDGER_MISSED, LEDGER_SLASHED, LEDGER_TALLY_COUNT };

/* Counts one at this time, and forgets hours that are too old. */
void ledger_count(struct ledger *l, enum ledger_tally what, uint64_t wall_ms);

struct ledger_hour {
    uint64_t start_s;
    uint64_t count[LEDGER_TALLY_COUNT];
};

/* Calls fn for each hour from since_s on in which something was counted, oldest first. */
void ledger_each_hour(struct ledger *l, uint64_t since_s, void (*fn)(void *arg, const struct ledger_hour *hour),
                      void *arg);

/* A job that is over. Numbers are 0 where they are not known. */
struct ledger_past_job {
    struct u256 id;
    int state;             /* enum job_state; 0 = only its slash is known */
    uint64_t seen_wall_ms; /* of the slash where only that is known */
    uint64_t deadline_ms, total_time_ms, event_to_tx_us, block_number;
    int error_code; /* -1 = none was signed */
    uint8_t tx_hash[32];
    uint64_t slashed_wall_ms;
    uint8_t rank;
    uint64_t gas_used; /* by all its transactions */
    bool cost_known;
    struct u256 cost_wei;
    bool paid_known;
    struct address paid_token;
    struct u256 paid;
};

/* Calls fn for the newest `max` jobs in one of these states (a bit mask), newest first. fn may not write. */
void ledger_each_past(struct ledger *l, unsigned final_states, uint32_t max,
                      void (*fn)(void *arg, const struct ledger_past_job *job), void *arg);

#endif
