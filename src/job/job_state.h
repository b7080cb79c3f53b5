/* The life of an assigned job as one table of transitions (docs/architecture.md draws it). Pure. */
#ifndef OYSTER_JOB_JOB_STATE_H
#define OYSTER_JOB_JOB_STATE_H

#include <stdbool.h>

enum job_state {
    JOB_INVALID, /* no such transition */
    JOB_SEEN,
    JOB_FETCHING,  /* waits for its code */
    JOB_RUNNING,   /* waits for a worker or runs on one */
    JOB_SIGNED,    /* answer signed and queued */
    JOB_SUBMITTED, /* its transaction's bytes went out */
    JOB_CONFIRMED, /* the answer is on the chain */
    JOB_EXPIRED,   /* nothing could be known or sent in time */
    JOB_DROPPED, /* the contract cannot take an answer (any more): refused, answered before, or the event was removed */
    JOB_STATE_COUNT,
};

enum job_event {
    JOB_EV_NEED_CODE, /* the code is not in the cache */
    JOB_EV_RUN,       /* the code is at hand */
    JOB_EV_VERDICT,   /* error code and output are known: signed */
    JOB_EV_SENT,
    JOB_EV_INCLUDED,
    JOB_EV_REFUSED,
    JOB_EV_LATE,    /* the contract's limit is over */
    JOB_EV_REMOVED, /* reorganised away, or known to be answered */
    JOB_EVENT_COUNT,
};

/* The state that follows, or JOB_INVALID where the pair is a bug of the caller. */
enum job_state job_next(enum job_state state, enum job_event event);

/* Where a job that was open when the node ended goes on in its next life. sent: a transaction of it was written down;
 * late: the contract's limit is over; answered: error code and output were signed. */
enum job_state job_state_resumed(bool sent, bool late, bool answered);

/* True for CONFIRMED, EXPIRED and DROPPED: no event leads out of them. */
bool job_state_is_final(enum job_state state);

/* The final states as the bit mask that the ledger takes. */
unsigned job_final_states(void);

/* Lower-case name for logs. */
const char *job_state_name(enum job_state state);

#endif
