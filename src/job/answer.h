/* The answer to a job: signed, handed to the queue of transactions, and sent again where it is refused. Internal to
 * job/. */
#ifndef OYSTER_JOB_ANSWER_H
#define OYSTER_JOB_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chain/tx_queue.h"
#include "job/job.h"

/* The end of every path: signs error code and output, sends, and only then writes down what the send has journalled
 * already in its own way. output is copied. */
void answer_job(struct job *job, uint8_t error_code, const uint8_t *output, size_t output_len);

/* Sends the answer that an earlier life has signed and that has no transaction of this gas account: in the words of the
 * other account's, where it had one. */
void answer_resume(struct job *job);

/* Hands the transaction of an earlier life back to the queue; its end is the job's. */
void answer_adopt(struct job *job, const struct tx_record *r);

/* Is it with the queue, which then tells what becomes of it? */
bool answer_is_queued(const struct job *job);

/* Makes and closes the timer for answers that are sent again. */
void answers_open(struct jobs *j);
void answers_close(struct jobs *j);

#endif
