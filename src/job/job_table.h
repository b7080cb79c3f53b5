/* Every open job of the chain, ours or not, with the moment at which it may be reported as unanswered. Compact, since
 * each node follows each job: about 60 bytes a job. Lookups are O(1), the timer order is a heap. */
#ifndef OYSTER_JOB_JOB_TABLE_H
#define OYSTER_JOB_JOB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "eth/u256.h"

struct job_table;

/* An empty table. job_table_free: NULL allowed. */
struct job_table *job_table_new(void);
void job_table_free(struct job_table *t);

/* Adds a job that is due at due_ms (monotonic). Returns false where it is there already (nothing changes). */
bool job_table_add(struct job_table *t, struct u256 job_id, uint64_t due_ms);

/* Counts one answer. Returns the number of answers so far, 0 where the job is not in the table. */
unsigned job_table_answered(struct job_table *t, struct u256 job_id);

/* Takes one answer back (reorganisation). Returns false where the job is not in the table. */
bool job_table_unanswered(struct job_table *t, struct u256 job_id);

/* Removes a job. Returns false where it is not in the table. */
bool job_table_remove(struct job_table *t, struct u256 job_id);

/* Is the job in the table? */
bool job_table_has(const struct job_table *t, struct u256 job_id);

/* The job that is due first; false where the table is empty. */
bool job_table_first(const struct job_table *t, struct u256 *job_id, uint64_t *due_ms);

/* How many jobs are in the table. */
size_t job_table_count(const struct job_table *t);

#endif
