/* Jobs that wait for a worker, earliest deadline first (ties: in order of arrival). A binary heap; pure. */
#ifndef OYSTER_WORKER_WAIT_QUEUE_H
#define OYSTER_WORKER_WAIT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct wait_entry {
    uint64_t deadline_us;
    uint64_t handle; /* grows with each job */
    void *job;
};

/* Zero-initialised = empty. */
struct wait_queue {
    struct wait_entry *entries;
    size_t n, cap;
};

/* Adds a copy of entry. */
void wait_queue_push(struct wait_queue *q, const struct wait_entry *entry);

/* The earliest, NULL when empty; borrowed until the next change. */
const struct wait_entry *wait_queue_first(const struct wait_queue *q);

/* Takes the earliest out; NULL when empty. Returns its job. */
void *wait_queue_pop(struct wait_queue *q);

/* Takes the job with that handle out; NULL where there is none. Linear. */
void *wait_queue_remove(struct wait_queue *q, uint64_t handle);

/* Releases the storage; the jobs are the caller's. */
void wait_queue_free(struct wait_queue *q);

#endif
