/* One assigned job, as this room holds it. Internal to job/. */
#ifndef OYSTER_JOB_JOB_H
#define OYSTER_JOB_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#include "eth/key.h"
#include "eth/u256.h"
#include "job/code_store.h"
#include "job/job_state.h"
#include "ledger/ledger.h"
#include "util/buf.h"

struct jobs;

struct job {
    struct jobs *owner;
    struct u256 id;
    char id_text[U256_DEC_MAX];
    enum job_state state;
    uint8_t codehash[32];
    uint8_t *inputs;
    size_t inputs_len;
    uint64_t deadline_ms; /* as the contract has it: what a timeout reports as total time */
    uint64_t block_number;
    uint64_t chain_time_s; /* of its block; 0 = not known when it came */
    uint64_t seen_wall_ms;
    uint64_t start_us;         /* monotonic, when the event came */
    uint64_t run_until_us;     /* monotonic end of the run */
    uint64_t useless_after_ms; /* monotonic; the contract refuses from then on */
    struct code *code;
    struct code_request *fetch; /* with JOB_FETCHING */
    uint64_t run;               /* pool handle, with JOB_RUNNING */
    uint64_t intent;            /* tx_queue handle, with JOB_SIGNED and JOB_SUBMITTED */
    bool adopted;               /* its transaction was sent by an earlier life of the node */
    bool late;                  /* when it was taken up again, the contract's limit was over */
    struct buf said;            /* the call that an earlier life sent from another gas account */
    bool backfilled;            /* its event was read back */
    bool gone;                  /* its event was taken back */
    struct job *successor;      /* the event came again: what begins when this one ends */
    unsigned refusals;          /* times that its answer was refused without having been included */
    uint64_t again_at_ms;       /* monotonic, when it is sent again after that; 0 = it is with the queue */
    int error_code;             /* -1 = no verdict yet */
    uint64_t total_time_ms;
    uint8_t *output; /* with a verdict */
    size_t output_len;
    uint64_t sign_timestamp_s;
    struct signature signature;
    uint64_t sent_us;
    uint64_t earlier_event_to_tx_us; /* as an earlier life wrote it down; 0 = it did not send */
    uint8_t tx_hash[32];
    UT_hash_handle hh;
};

/* A job of this id in state SEEN; inputs are copied. */
struct job *job_new(struct jobs *owner, struct u256 id, const uint8_t *inputs, size_t inputs_len);

/* Releases what it holds, and itself. */
void job_free(struct job *job);

/* Milliseconds since it began / what its answer says: never more than the deadline, also where the loop was late to
 * hear of the end. */
uint64_t job_elapsed_ms(const struct job *job);
uint64_t job_total_time_ms(const struct job *job);

/* A transaction is given this long beyond the contract's limit before it is called useless: block time is coarse. */
#define JOB_LATE_GRACE_MS 3000

/* Sets the ends of a job by what is left of its time. buffer_ms: how long beyond the deadline the contract takes an
 * answer; age_ms: how long ago its block was. Returns false when the contract would not take one any more. */
bool job_set_time(struct job *job, uint64_t buffer_ms, uint64_t age_ms);

/* Writes the job as it is now. Inputs and output are left out of a job that is final: they serve no restart. */
void job_record(struct ledger *ledger, const struct job *job);

/* The same for a job that has just come to its end: counted among the answered or missed ones of this hour, once. */
void job_record_final(struct ledger *ledger, const struct job *job);

/* The event of a job that is not open was taken back: that it had been answered is no reason to pass over it when it
 * comes again. */
void job_forget(struct ledger *ledger, struct u256 id);

/* A job as it was written; the state is the recorded one and times are not set. */
struct job *job_from_record(struct jobs *owner, const struct ledger_job *r);

#endif
